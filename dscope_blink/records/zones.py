"""The zones of an end face: their outlines, and the pixels of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records.arrays import Labels, Mask, read_only
from dscope_blink.records.checks import Share, require
from dscope_blink.records.ellipse import Ellipse, reduced_ellipse, to_form, window_around
from dscope_blink.records.kinds import ZONE_LETTERS, ZONE_NAMES, Letter


@dataclass(frozen=True, slots=True)
class ZoneOutline:
    """The outer border of one zone in the picture."""

    letter: Letter
    outer: Ellipse
    around: Literal["core", "cladding"] = "cladding"  # whose centre and shape it has
    seen: Share | None = None  # how much of the zone lies in the picture; None where nobody has asked yet

    def __post_init__(self) -> None:
        require(self.letter in ZONE_LETTERS, f"a zone letter must be one of {ZONE_LETTERS}, got {self.letter!r}")

    @property
    def name(self) -> str:
        """The zone in words."""
        return ZONE_NAMES[self.letter]

    @property
    def radius_px(self) -> float:
        """Mean radius."""
        return self.outer.mean_diameter_px / 2

    @property
    def is_seen_in_part(self) -> bool:
        """Whether more of it lies outside the picture than the place of its border is sure to."""
        return self.seen is not None and self.seen < WHOLE

    @property
    def seen_in_words(self) -> str:
        """How much of it lies in the picture, as every report says it; never more than that."""
        return f"{self.name} zone seen: {percent_of(1.0 if self.seen is None else self.seen)}"


# Of the area. What a border cuts off a disc by so little is 0.3 % of its radius deep: 0.2 um of a fiber of 125 um.
WHOLE = 0.9999


def percent_of(share: float) -> str:
    """In whole percent, rounded down: what misses a limit never reads as if it met it."""
    return f"{math.floor(100 * share + 1e-9)} %"


@dataclass(frozen=True, slots=True)
class Zones:
    """ONE label image, so zones cannot overlap: 0 outside, else 1 + index in ZONE_LETTERS."""

    labels: Labels  # (H, W) uint8
    outlines: tuple[ZoneOutline, ...]  # from the innermost to the outermost

    def __post_init__(self) -> None:
        require(self.labels.ndim == 2 and self.labels.dtype == np.uint8, "zone labels must be a 2-D uint8 array")
        object.__setattr__(self, "labels", read_only(self.labels))

    def mask(self, letter: str) -> Mask:
        """The pixels of one zone, (H, W) bool."""
        return self.labels == 1 + ZONE_LETTERS.index(letter)


def zone_map(
    shape: tuple[int, ...], outlines: Sequence[ZoneOutline], pixel_px: tuple[float, float] = (1.0, 1.0)
) -> Zones:
    """Label every pixel with the innermost zone whose outline holds its centre; a centre on the outline is inside.

    Parameters
    ----------
    shape : (H, W) of the picture whose pixels are labelled
    outlines : outer borders in pixels of the stored picture, from the innermost to the outermost
    pixel_px : pixels of the stored picture per pixel of this one, x and y

    Returns
    -------
    Zones with (H, W) uint8 labels: 0 outside all, else 1 + index in ZONE_LETTERS
    """
    labels = np.zeros(shape, np.uint8)
    for outline in reversed(outlines):
        ellipse = reduced_ellipse(outline.outer, pixel_px)
        (x0, y0), (h, w) = window_around(labels.shape, ellipse, 1.0)
        first, last = _row_ends(ellipse, np.arange(y0, y0 + h))
        x = np.arange(x0, x0 + w)
        labels[y0 : y0 + h, x0 : x0 + w][(x >= first) & (x <= last)] = 1 + ZONE_LETTERS.index(outline.letter)
    return Zones(labels, tuple(outlines))


def _row_ends(ellipse: Ellipse, y: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where each row of pixels enters and leaves an ellipse, NaN where it passes by; each (rows, 1)."""
    cx, cy, p, q, s = to_form(ellipse)
    v = (y - cy)[:, None]
    with np.errstate(invalid="ignore"):
        half = np.sqrt((q * v) ** 2 - p * (s * v * v - 1 - ROUNDING)) / p
    middle = cx - q * v / p
    return middle - half, middle + half


ROUNDING = 1e-9  # of a form whose ellipse passes through the centre of a pixel: that is inside, however it is turned
