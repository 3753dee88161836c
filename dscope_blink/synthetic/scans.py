"""What scanners, printers and hands do to the picture of a sheet: pictures in, pictures out, (H, W) uint8."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Gray8: TypeAlias = NDArray[np.uint8]  # (H, W)
Matrix: TypeAlias = NDArray[np.float64]  # (3, 3), from places in one picture to places in another

PAPER_QUANTILE = 0.9  # of the grey levels of a sheet


@dataclass(frozen=True, slots=True)
class Streak:
    """A line from top to bottom, as dirt on a scanner's glass or a worn drum leaves it."""

    x_share: float  # of the width of the picture
    width_px: float
    depth: float  # share of the light that it takes; below 0 of the ink


def streaked(picture: Gray8, streaks: Sequence[Streak]) -> Gray8:
    """A picture with lines through all that lies in their way."""
    levels = picture.astype(np.float32)
    paper = float(np.quantile(picture[::4, ::4], PAPER_QUANTILE))
    for one in streaks:
        middle = one.x_share * picture.shape[1]
        first, last = math.floor(middle - one.width_px), math.ceil(middle + one.width_px) + 1
        columns = np.arange(max(first, 0), min(last, picture.shape[1]))
        taken = abs(one.depth) * np.clip(one.width_px / 2 + 0.5 - np.abs(columns + 0.5 - middle), 0, 1)
        part = levels[:, columns]
        levels[:, columns] = part * (1 - taken) if one.depth > 0 else part + np.maximum(paper - part, 0) * taken
    return _as_levels(levels)


def low_toner(picture: Gray8, share: float) -> Gray8:
    """A picture whose ink takes only this share of the light that it took."""
    paper = np.float32(np.quantile(picture[::4, ::4], PAPER_QUANTILE))
    levels = picture.astype(np.float32)
    return _as_levels(np.where(levels < paper, paper - share * (paper - levels), levels))


def turn_of(picture: Gray8, angle_deg: float) -> Matrix:
    """The map that turns a picture clockwise about its middle."""
    height, width = picture.shape
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    x, y = width / 2, height / 2
    return np.array([[c, -s, x - c * x + s * y], [s, c, y - s * x - c * y], [0, 0, 1]])


def scale_of(factor: float) -> Matrix:
    """The map that makes a picture larger or smaller."""
    return np.diag([factor, factor, 1.0])


def mapped(picture: Gray8, matrix: Matrix, size_px: tuple[int, int]) -> Gray8:
    """A picture through a map of places, 0 being the left edge of the first pixel, `size_px` wide and high.

    What it makes smaller is blurred first, and what lies beyond the picture is as its edge is.
    """
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV counts from the middle of the first pixel
    grid = np.linalg.inv(half) @ matrix @ half
    factor = math.sqrt(abs(float(np.linalg.det(matrix[:2, :2]))))
    source = cv2.GaussianBlur(picture, (0, 0), 0.5 / factor) if factor < 1 else picture
    drawn = cv2.warpPerspective(source, grid, size_px, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(drawn, np.uint8)


def blurred(picture: Gray8, sigma_px: float) -> Gray8:
    """A picture out of focus."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.uint8)


def _as_levels(levels: NDArray[np.floating]) -> Gray8:
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)
