"""Marks as they are: what becomes of known ones put into clean faces, one file for each question."""
