"""Whether the ticks found are the long ones of a finer ruling whose short ticks have merged: a scale of another unit.

Each fifth and tenth tick of a stage micrometer is longer. Out of focus by a quarter of a tick and more, the short ones
merge into an even grey band, while the free ends of the long ones still stand apart and make a ruling of their own,
which fits as well as any and is five or ten times as coarse. What has merged is not lost: between the ends of the long
ticks the ground is plain, and beside them it is as grey as the short ticks are wide.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dscope_blink.calibration.targets import Ruler
from dscope_blink.records import FloatImage, Mask

Vector = NDArray[np.float64]

GAP_REACH = 0.25  # of the distance, from the middle of a gap
TICK_REACH = 0.1  # of the distance, from the middle of a tick and from each place where a finer one may be
FINER = (0.2, 0.4, 0.5, 0.6, 0.8)  # of the distance
EDGE_PX = (
    2.5  # no end of a tick is sharper, for pixels and rows; a row lower than a pixel crosses a tilted gap in parts
)
ROW_BLURS = 0.5  # height of a row
BAND_BLURS = 3.0  # a base line, however thick, is either not even over so much or as strong as a whole tick
NEAR_BLURS = 6.0  # from an even band to the free ends of the ticks
MIN_GREY = 0.25  # of a tick as it is seen; ticks blurred by a fifth of their distance leave a half when they merge
MIN_EVEN = 0.5  # least over most of the grey; of a base line that is less than solid 0.48
MAX_FILLED = 0.75  # of a band, by its ticks; rulings have 0.2 to 0.5
BAR_WIDTHS = 2.2  # of a base line, in those of a tick at half its height; a line twice as thick stays below, blurred
WIDTH_BINS = 40  # of a distance
MIN_TICK = 0.6  # of the strongest: there the ticks found stand; drawn thicker than merged ones, they leave a half
MIN_LENGTH = 0.5  # of a tick, in distances; the ends of a blurred band, between the long ticks, are shorter
MIN_CELLS = 0.4  # of the ticks, that a row must cross


@dataclass(frozen=True, slots=True, eq=False)
class _Ink:
    """The pixels of a picture in the order of the ruling."""

    level: Vector  # (n,) grey levels, so that ticks are positive
    number: Vector  # (n,) along the ruling in distances, 0 at the first tick
    row: NDArray[np.intp]  # (n,) across it
    ticks: int
    rows: int

    def medians(self, off: float, reach: float) -> Vector:
        """(rows,) over the ticks, of the pixels so far off each; nan where a row crosses too few."""
        shape = (self.rows, self.ticks)
        index = np.rint(self.number - off).astype(np.intp)
        use = (np.abs(self.number - off - index) < reach) & (index >= 0) & (index < self.ticks - (off > 0))
        cell = self.row[use] * self.ticks + index[use]
        pixels = np.bincount(cell, minlength=self.rows * self.ticks).reshape(shape)
        total = np.bincount(cell, self.level[use], self.rows * self.ticks).reshape(shape)
        levels = np.where(pixels > 0, total / np.maximum(pixels, 1), np.nan)
        crossed = np.count_nonzero(pixels, axis=1) >= MIN_CELLS * self.ticks
        found = np.full(self.rows, np.nan)
        found[crossed] = np.nanmedian(levels[crossed], axis=1)
        return found

    def width(self, stands: Mask) -> float:
        """Of a tick at half its height, in distances, in the rows where the ticks stand."""
        use = stands[self.row] & (self.number > -0.5) & (self.number < self.ticks - 0.5)
        step = (self.number[use] % 1 * WIDTH_BINS).astype(np.intp)
        pixels = np.maximum(np.bincount(step, minlength=WIDTH_BINS), 1)
        profile = np.bincount(step, self.level[use], WIDTH_BINS) / pixels
        return float(np.mean(profile >= (profile.min() + profile.max()) / 2))


def merged_ticks(gray: FloatImage, ruler: Ruler) -> bool:
    """Whether an even grey band, such as merged ticks leave, lies beside the ends of the ticks.

    The median over the gaps of a row leaves out numbers, captions and dirt. A band counts that is even over three
    sigmas of the blur, where the ticks found do not stand but end, that is less plain than the gaps between them, and
    wider than a base line. Gaps as wide as ticks may be taken for them: then all the ground is as strong as a tick.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    ruler : the ticks found in it
    """
    blur_px = max(ruler.shape.blur_px, EDGE_PX)
    row_px = ROW_BLURS * blur_px
    ink = _ink(gray, ruler, row_px)
    gap, tick = ink.medians(0.5, GAP_REACH), ink.medians(0.0, TICK_REACH)
    apart = tick - np.max([ink.medians(off, TICK_REACH) for off in FINER], axis=0)
    stands = apart >= MIN_TICK * np.nanmax(apart, initial=0.0)
    if np.count_nonzero(stands) * row_px < MIN_LENGTH * ruler.pitch_px:
        return True
    strongest = float(np.nanmax(tick - gap, initial=0.0))
    peak = math.erf(ruler.shape.half_px / (math.sqrt(2) * ruler.shape.blur_px))  # of a tick as it was drawn
    bar_rows = BAR_WIDTHS * ink.width(stands) * ruler.pitch_px / row_px
    return any(
        _wide(gap, row, (plain + most) / 2) > bar_rows
        and ((most - plain) * peak <= MAX_FILLED * strongest or not _all_round(gap, stands, (plain + most) / 2))
        for row, plain, least, most in _beside(gap, stands)
        if least - plain >= max(MIN_GREY * strongest, MIN_EVEN * (most - plain))
    )


def _ink(gray: FloatImage, ruler: Ruler, row_px: float) -> _Ink:
    places = ruler.features.points_px[ruler.features.used] @ ruler.wave
    phase = float(np.angle(np.mean(np.exp(2j * np.pi * places)))) / (2 * np.pi)
    first, last = round(float(places.min()) - phase), round(float(places.max()) - phase)
    y, x = np.indices(gray.shape).reshape(2, -1)
    fx, fy = ruler.wave
    row = np.floor((fx * y - fy * x) * (ruler.pitch_px / row_px)).astype(np.intp)
    row -= row.min()
    level = ruler.shape.sign * gray.ravel().astype(np.float64)
    return _Ink(level, fx * x + fy * y - phase - first, row, last - first + 1, int(row.max()) + 1)


def _beside(gap: Vector, stands: Mask) -> Iterator[tuple[int, float, float, float]]:
    """Of each run of rows beside the ticks: the first row, the level of the gaps between them, its least and most."""
    run, near = round(BAND_BLURS / ROW_BLURS), round(NEAR_BLURS / ROW_BLURS)
    for row in range(len(gap) - run + 1):
        inside, beside, around = (slice(max(row - room, 0), row + run + room) for room in (0, near, 2 * near))
        if stands[beside].any() and not stands[inside].any() and not np.isnan(gap[inside]).any():
            plain = float(gap[around][stands[around]].min())
            yield row, plain, float(gap[inside].min()), float(gap[inside].max())


def _wide(gap: Vector, row: int, level: float) -> int:
    """How many rows about this one are above the level."""
    outside = np.flatnonzero(~(gap >= level))
    before, after = outside[outside < row], outside[outside > row]
    return int(after[0] if len(after) else len(gap)) - int(before[-1] + 1 if len(before) else 0)


def _all_round(gap: Vector, stands: Mask, level: float) -> bool:
    """Whether the ground at both ends of the ticks is above the level: gaps as wide as ticks were taken for them."""
    first, last = np.flatnonzero(stands)[[0, -1]]
    near = round(2 * NEAR_BLURS / ROW_BLURS)
    sides = gap[max(first - near, 0) : first], gap[last + 1 : last + 1 + near]
    return all(float(np.nanmax(side, initial=-math.inf)) >= level for side in sides)
