"""Departures along straight lines: a scratch is one or two pixels wide, and long."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from dscope_blink.records import FloatImage

LENGTH_PX = 25  # of the frame: marks of a few micrometres are shorter, scratches longer
TURNS = 16  # directions: half a line's width apart at its ends
SIGMA_PX = 0.8  # across
STEP = 2  # each so manyth pixel: what is smooth is told by few
LEAST_SEEN = 0.8  # of the surroundings


def line_means(places: FloatImage) -> FloatImage:
    """Mean along the line through each place that departs most, with its sign, less that of its surroundings.

    Parameters
    ----------
    places : (n, n) float32; NaN counts for nothing

    Returns
    -------
    (n, n) float32; NaN where little is seen
    """
    seen = np.isfinite(places)
    filled = cv2.GaussianBlur(np.where(seen, places, np.float32(0)), (0, 0), SIGMA_PX)[::STEP, ::STEP]
    most = np.zeros_like(filled)
    for kernel in _kernels():
        mean = cv2.filter2D(filled, -1, kernel, borderType=cv2.BORDER_REPLICATE)
        np.copyto(most, mean, where=np.abs(mean) > np.abs(most))
    to_few = np.array([[1 / STEP, 0, 0], [0, 1 / STEP, 0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    whole = cv2.warpAffine(most, to_few, places.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.blur(seen.astype(np.float32), (LENGTH_PX, LENGTH_PX), borderType=cv2.BORDER_CONSTANT)
    return np.where(seen & (share >= LEAST_SEEN), whole, np.float32(np.nan))


@lru_cache(maxsize=1)
def _kernels() -> tuple[FloatImage, ...]:
    half = LENGTH_PX // (2 * STEP)
    along = np.arange(-half, half + 1, dtype=np.float32)
    x, y = np.meshgrid(along, along)
    kernels = []
    for k in range(TURNS):
        turn = math.pi * k / TURNS
        off, at = x * math.sin(turn) - y * math.cos(turn), x * math.cos(turn) + y * math.sin(turn)
        within = (np.abs(at) <= half).astype(np.float32)
        line, around = np.clip(1 - np.abs(off), 0, 1) * within, (np.abs(off) <= half / 2).astype(np.float32) * within
        kernels.append((line / line.sum() - around / around.sum()).astype(np.float32))
    return tuple(kernels)
