"""Masks that other programs stored beside their reports, NPY or PNG, to whole numbers; nothing in them is run."""

from __future__ import annotations

import io
import math
from pathlib import Path
from tokenize import TokenError
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.files.decoding import decode_image, most_bytes
from dscope_blink.records import UnreadableImage, read_file

MaskLabels: TypeAlias = NDArray[np.int32]  # (H, W), 0 where nothing is

MASK_ENDS = (".npy", ".png")
KINDS = "biuf"  # of numbers, as NumPy calls them: yes or no, whole with and without sign, with decimals
HEADER_BYTES = 10_000  # of an NPY file: Python reads longer ones, and may crash at them
# What NumPy raises at a header that is none: it goes through two parsers of Python.
NO_HEADER = (ValueError, TypeError, EOFError, SyntaxError, TokenError, RecursionError, MemoryError)


def read_mask(path: Path, max_pixels: int) -> MaskLabels:
    """Read a mask.

    Parameters
    ----------
    path : of an NPY file with one array of numbers, (H, W) or with a third side of 1, or of a PNG file
    max_pixels : larger ones are refused before they are read

    Returns
    -------
    (H, W) int32; what is 0 or, in a picture with colours, black is no part of it

    Raises
    ------
    UnreadableImage : in one line, whatever is wrong with the file
    """
    try:
        data = read_file(path, most_bytes(max_pixels))
    except OSError as error:
        raise UnreadableImage(f"cannot be read, {error.strerror}") from None
    found = _of_npy(data, max_pixels) if path.suffix.lower() == ".npy" else decode_image(data, max_pixels)
    return _labels(found)


def _of_npy(data: bytes, max_pixels: int) -> NDArray[Any]:
    """The array, after its header was seen to promise what the file holds."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = read(file, max_header_size=HEADER_BYTES)
    except NO_HEADER as error:
        raise UnreadableImage(f"no NPY file: {' '.join(str(error).split())[:200]}") from None
    if kind.kind not in KINDS:
        raise UnreadableImage(f"a mask must hold numbers, got {str(kind)[:80]!r}")
    pixels = math.prod(shape) if shape and min(shape) > 0 else 0
    if not 0 < pixels <= max_pixels:
        raise UnreadableImage(f"a mask must have 1 to {max_pixels} pixels, it has {pixels}")
    if len(data) - file.tell() != pixels * kind.itemsize:
        raise UnreadableImage(f"its array must have {pixels * kind.itemsize} bytes, got {len(data) - file.tell()}")
    file.seek(0)
    return np.asarray(np.load(file, allow_pickle=False, max_header_size=HEADER_BYTES))


def _labels(found: NDArray[Any]) -> MaskLabels:
    if found.ndim == 3:
        found = found.reshape(*(side for side in found.shape if side > 1)) if 1 in found.shape else found.max(axis=2)
    if found.ndim != 2:
        raise UnreadableImage(f"a mask must have two sides, got the shape {found.shape}")
    if found.dtype.kind == "f":
        found = np.nan_to_num(found, nan=0.0, posinf=np.inf, neginf=-np.inf)
    low, high = float(found.min()), float(found.max())
    if not (low >= 0 and high < 2**31):
        raise UnreadableImage(f"values of a mask must lie in 0..{2**31 - 1}, got {low:g} to {high:g}")
    whole: MaskLabels = found.astype(np.int32)
    if found.dtype.kind == "f" and (whole != found).any():
        raise UnreadableImage("values of a mask must be whole numbers, got some with decimals")
    return whole
