"""Real runs of the program that are killed, cut off, filled up and lied to: what was lost."""
