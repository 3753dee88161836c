"""Folders and what is in them, however deep they lie."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def walk(folder: Path, onerror: Callable[[OSError], object]) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk` from the top, which in some versions of Python ends at a thousand folders one in the other.

    Parameters
    ----------
    folder : where to begin
    onerror : is told of each folder that cannot be read

    Yields
    ------
    A folder, and the names of the folders in it, of which those that whoever reads leaves in the list come next, and of
    all else; links to folders are among the folders and not followed
    """
    waiting = [os.fspath(folder)]
    while waiting:
        parent = waiting.pop()
        try:
            entries = list(os.scandir(parent))
        except OSError as error:
            onerror(error)
            continue
        folders = [entry.name for entry in entries if _is_folder(entry)]
        there = set(folders)
        yield parent, folders, [entry.name for entry in entries if entry.name not in there]
        inner = (os.path.join(parent, name) for name in reversed(folders))
        waiting += [path for path in inner if not os.path.islink(path)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def kind_of(path: Path) -> str | None:
    """What it is, in words, where it is there and no file."""
    try:
        return KINDS.get(stat.S_IFMT(os.stat(path).st_mode))
    except (OSError, ValueError):
        return None
