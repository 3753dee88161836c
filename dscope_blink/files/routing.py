"""A picture is copied or moved to where it belongs: whole or not at all, and never over another."""

from __future__ import annotations

import itertools
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from dscope_blink.files.syncing import sync_files, sync_folders
from dscope_blink.files.whole_files import TEMPORARY, WriteFailed, digest, writing
from dscope_blink.records import NotAFile, open_file


def route(source: Path, target: Path, sha256: str, move: bool) -> Path | None:
    """Copy a picture, or move it, under the name of a target; where another has that name, under a free one.

    Parameters
    ----------
    source : the picture
    target : where it is to lie
    sha256 : of the picture as it was judged
    move : remove it from where it was, once it lies there whole

    Returns
    -------
    Where it lies; None where it is no longer the picture that was judged, and stays where it is

    Raises
    ------
    WriteFailed : it cannot be written, or not be removed
    """
    with writing(target):
        temporary = target.with_name(TEMPORARY.replace("*", uuid.uuid4().hex))
        try:
            _copy(source, temporary)
            if digest(temporary) != sha256:
                return None
            sync_files([temporary])
            placed = _placed(temporary, target, sha256)
            sync_folders([placed.parent])  # before it is gone from where it was
        except (FileNotFoundError, IsADirectoryError, NotAFile):
            if source.is_file():
                raise
            return None
        finally:
            with suppress(OSError):
                temporary.unlink()
        if move and not os.path.samefile(source, placed):
            source.unlink()
        return placed


def _copy(source: Path, temporary: Path) -> None:
    """With its dates; OSError for what is no file, or no longer."""
    with open_file(source) as file, temporary.open("xb") as copy:
        shutil.copyfileobj(file, copy)
    shutil.copystat(source, temporary)


def withdraw(target: Path, sha256: str, source: Path) -> bool:
    """Remove earlier copies of this very picture, by whatever name `route` gave them; never the picture itself.

    Parameters
    ----------
    target : where one was to lie
    sha256 : of the picture
    source : the picture

    Returns
    -------
    Whether there was one

    Raises
    ------
    WriteFailed : one cannot be removed
    """
    removed = False
    for place in itertools.takewhile(Path.is_file, _names(target)):
        try:
            if digest(place) == sha256 and not (source.exists() and place.samefile(source)):
                place.unlink()
                removed = True
        except OSError as error:
            raise WriteFailed(f"{place} cannot be removed: {error.strerror}") from error
    return removed


def _placed(temporary: Path, target: Path, sha256: str) -> Path:
    """Give a whole file the first name that is free, or that this very picture has already."""
    for place in _names(target):
        if place.is_file() and digest(place) == sha256:
            return place
        try:
            _named(temporary, place)
        except FileExistsError:
            continue
        return place
    raise AssertionError("there is always a number more")


def _names(target: Path) -> Iterator[Path]:
    """A name, and what is taken where it is not free."""
    yield target
    yield from (target.with_stem(f"{target.stem}_{number}") for number in itertools.count(2))


def _named(temporary: Path, place: Path) -> None:
    """FileExistsError where something has that name; a second name, for renaming would replace it."""
    try:
        os.link(temporary, place)
    except FileExistsError:
        raise
    except OSError:  # a file system without second names
        with place.open("xb"):  # the name is ours from here on
            pass
        os.replace(temporary, place)
