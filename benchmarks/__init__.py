"""Measurements of the program, each a script that prints its figures; speed is measured here and never in a test."""
