"""The picture of a stored result, found again: what the page shows of it, or the original if that is the same still."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.files.decoding import decode_image, most_bytes
from dscope_blink.files.names import VIEW
from dscope_blink.files.whole_files import as_written
from dscope_blink.records import ImageInfo, Lane, UnreadableImage, read_file
from dscope_blink.reporting.displayable import Picture, displayable

_MOST_BESIDE = 100  # files and folders beside the results that are looked into
_MOST_PIXELS = 200_000_000  # of a picture that is drawn on


def clean_picture(
    start: str, image: ImageInfo, at_hand: NDArray[Any] | None = None, lane: Lane | None = None
) -> Picture | None:
    """The picture of a result without anything drawn on it.

    Parameters
    ----------
    start : path of the files of the result up to the end of NAME
    image : of its record; the original counts only where its hash is that of the record
    at_hand : the original, (H, W) or (H, W, C) uint8 or uint16, where it is read already
    lane : of its record, whose window the picture of the record is; None: the whole original

    Returns
    -------
    (H, W, 3) uint8 of the size that the record has, whose pixels its coordinates are in; None where neither NAME_view
    nor the original is found: beside the results, in the folder above them, or in one beside theirs
    """
    if image.width is None or image.height is None:
        return None
    shown = _view(Path(start + VIEW))
    if shown is None:
        shown = _part(_original(start, image), lane) if at_hand is None else displayable(at_hand)
    if shown is None or shown.shape[1::-1] == (image.width, image.height):
        return shown
    return np.asarray(cv2.resize(shown, (image.width, image.height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _part(original: Picture | None, lane: Lane | None) -> Picture | None:
    if original is None or lane is None:
        return original
    return None if lane.window is None else lane.window.of(original)


def _original(start: str, image: ImageInfo) -> Picture | None:
    for path in _places(Path(start), PurePosixPath(image.file)):
        with suppress(OSError):
            data = read_file(path, most_bytes(_MOST_PIXELS))
            if hashlib.sha256(data).hexdigest() == image.sha256:
                return _decoded(data)
    return None


def _places(start: Path, file: PurePosixPath) -> Iterator[Path]:
    """Where the original may lie."""
    if file.is_absolute() or ".." in file.parts:
        return
    results = start.absolute().parents[min(len(file.parts), len(start.absolute().parents)) - 1]
    yield from (results / file, results.parent / file)
    with suppress(OSError):
        beside = islice(results.parent.iterdir(), _MOST_BESIDE)
        yield from (folder / file for folder in sorted(beside) if folder.is_dir())


def _view(path: Path) -> Picture | None:
    with suppress(OSError):
        return _decoded(read_file(as_written(path), most_bytes(_MOST_PIXELS)))
    return None


def _decoded(data: bytes) -> Picture | None:
    with suppress(UnreadableImage):
        return displayable(decode_image(data, _MOST_PIXELS))
    return None
