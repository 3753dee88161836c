"""A door, still to be furnished."""
