"""The tests mirror the modules; each name is a sentence about behaviour."""
