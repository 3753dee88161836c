"""Marks of known size, contrast and place put into clean faces, and what becomes of them."""
