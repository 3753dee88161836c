"""Texts that others wrote, for one line of ours."""

from __future__ import annotations


def printable(file: str) -> str:
    """A file name for one line of a log or a terminal: line ends and escape codes in it are replaced."""
    if file.isprintable():
        return file
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in file)
