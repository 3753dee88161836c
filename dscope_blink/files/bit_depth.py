"""How many of their 16 bits the levels of a picture have: what its file says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.files.completeness import png_chunk

Levels: TypeAlias = NDArray[np.uint16]  # (H, W) or (H, W, 3)

BITS_TAG, LARGEST_TAG = 258, 281  # TIFF 6.0: BitsPerSample, MaxSampleValue
CONTAINER = 16
LEAST_BITS = 8


def png_bits(data: bytes, levels: Levels) -> int | None:
    """The significant bits of chunk sBIT: PNG (third edition), 11.3.2.3.

    By the standard the levels are then scaled to the full 16 bits, and the lowest repeat the highest or are 0; many
    programs write them as they are. Which of both it is, each level tells.
    """
    chunk = png_chunk(data, b"sBIT")
    if not chunk or not LEAST_BITS <= max(chunk) < CONTAINER:
        return CONTAINER if chunk and max(chunk) == CONTAINER else None
    bits = max(chunk)
    return CONTAINER if _are_scaled(levels, bits) else bits


def _are_scaled(levels: Levels, bits: int) -> bool:
    low = levels & np.uint16(2 ** (CONTAINER - bits) - 1)
    return not low.any() or bool((low == levels >> np.uint16(bits)).all())


def tiff_bits(tags: Mapping[int, Any]) -> int | None:
    """By BitsPerSample where that is less than 16, else by a MaxSampleValue that is the end of a range of bits.

    Other values of it are the brightest level of this one picture.
    """
    bits = max(_numbers(tags.get(BITS_TAG)), default=CONTAINER)
    if LEAST_BITS < bits < CONTAINER:
        return bits
    largest = max(_numbers(tags.get(LARGEST_TAG)), default=0) + 1
    said = largest.bit_length() - 1
    return said if largest == 2**said and LEAST_BITS <= said <= CONTAINER else None


def _numbers(value: Any) -> tuple[int, ...]:
    values = value if isinstance(value, tuple) else (value,)
    return tuple(number for number in values if isinstance(number, int))
