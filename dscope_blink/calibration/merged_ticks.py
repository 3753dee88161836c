"""Whether the ticks found are the long ones of a finer ruling whose short ticks have merged: a scale of another unit.

Each fifth and tenth tick of a stage micrometer is longer. Out of focus by a quarter of a tick and more, the short ones
merge into an even grey band, while the free ends of the long ones still stand apart and make a ruling of their own,
which fits as well as any and is five or ten times as coarse. What has merged is not lost: between the ends of the long
ticks the ground is plain, and beside them it is as grey as the short ticks are wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dscope_blink.calibration.targets import Ruler
from dscope_blink.records import FloatImage

Vector = NDArray[np.float64]

GAP_REACH = 0.25  # of the distance, from the middle of a gap
TICK_REACH = 0.1  # of the distance, from the middle of a tick and from each place where a finer one may be
FINER = (0.2, 0.4, 0.5, 0.6, 0.8)  # of the distance
EDGE_PX = 1.5  # no end of a tick is sharper, for pixels and rows across the ruling
ROW_BLURS = 0.5  # height of a row
BAND_BLURS = 3.0  # a base line, however thick, is either not even over so much or as strong as a whole tick
NEAR_BLURS = 6.0  # from an even band to the free ends of the ticks
MIN_GREY = 0.25  # of a tick as it is seen; ticks blurred by a fifth of their distance leave a half when they merge
MIN_EVEN = 0.6
MAX_FILLED = 0.75  # of a band, by its ticks; rulings have 0.2 to 0.5
MAX_WIDTH = 0.3  # of a tick, in distances; where ticks are about as wide as gaps, the one may be taken for the other
BAR_WIDTHS = 2.5  # of a base line, in those of a tick; one blurred by half its distance is fitted up to twice too wide
MIN_TICK = 0.5  # of the strongest: there the ticks found stand
MIN_LENGTH = 0.5  # of a tick, in distances; the ends of a blurred band, between the long ticks, are shorter
MIN_CELLS = 0.4  # of the ticks, that a row must cross


@dataclass(frozen=True, slots=True)
class _Rows:
    """Medians along the ruling, row by row across it; grey levels of ink, so that ticks are positive."""

    gap: Vector  # (rows,) midway between ticks; nan where too few are crossed
    tick: Vector  # (rows,) of the ticks above the gaps
    apart: Vector  # (rows,) of the ticks above whatever is strongest between them


def merged_ticks(gray: FloatImage, ruler: Ruler) -> bool:
    """Whether an even grey band, such as merged ticks leave, lies beside the ends of the ticks.

    The median over the gaps of a row leaves out numbers, captions and dirt. A band counts that is even over three
    sigmas of the blur, where the ticks found do not stand but end, and that is neither as plain as the gaps between
    them nor as strong as a solid bar.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    ruler : the ticks found in it
    """
    blur_px = max(ruler.shape.blur_px, EDGE_PX)
    rows = _rows(gray, ruler, ROW_BLURS * blur_px)
    strongest = float(np.nanmax(rows.tick, initial=0.0))
    band, near = round(BAND_BLURS / ROW_BLURS), round(NEAR_BLURS / ROW_BLURS)
    width_px = 2 * ruler.shape.half_px
    peak = math.erf(ruler.shape.half_px / (math.sqrt(2) * ruler.shape.blur_px))  # of a tick as it was drawn
    stands = rows.apart >= MIN_TICK * np.nanmax(rows.apart, initial=0.0)
    if np.count_nonzero(stands) * ROW_BLURS * blur_px < MIN_LENGTH * ruler.pitch_px:
        return True
    slender = width_px < MAX_WIDTH * ruler.pitch_px

    def wider_than_bar(row: int, level: float) -> bool:
        outside = np.flatnonzero(~(rows.gap >= level))
        before, after = outside[outside < row], outside[outside > row]
        rows_wide = (after[0] if len(after) else len(rows.gap)) - (before[-1] + 1 if len(before) else 0)
        return bool(rows_wide * ROW_BLURS * blur_px > BAR_WIDTHS * width_px)

    for first in range(len(rows.gap) - band + 1):
        inside, beside, around = (slice(max(first - room, 0), first + band + room) for room in (0, near, 2 * near))
        if stands[inside].any() or not stands[beside].any() or np.isnan(rows.gap[inside]).any():
            continue
        plain = rows.gap[around][stands[around]]
        least, most = (float(level - plain.min()) for level in (rows.gap[inside].min(), rows.gap[inside].max()))
        if least < max(MIN_GREY * strongest, MIN_EVEN * most):
            continue
        if most * peak <= MAX_FILLED * strongest or (slender and wider_than_bar(first, plain.min() + most / 2)):
            return True
    return False


def _rows(gray: FloatImage, ruler: Ruler, row_px: float) -> _Rows:
    places = ruler.features.points_px[ruler.features.used]
    phase = float(np.angle(np.mean(np.exp(2j * np.pi * (places @ ruler.wave))))) / (2 * np.pi)
    first, last = (round(float(end)) for end in np.quantile(places @ ruler.wave - phase, (0, 1)))
    y, x = np.indices(gray.shape).reshape(2, -1)
    (fx, fy), value = ruler.wave, ruler.shape.sign * gray.ravel().astype(np.float64)
    number = fx * x + fy * y - phase - first  # 0 at the first tick
    row = np.floor((fx * y - fy * x) * (ruler.pitch_px / row_px)).astype(np.intp)
    row -= row.min()
    shape = (int(row.max()) + 1, last - first + 1)

    def medians(off: float, reach: float) -> Vector:
        index = np.rint(number - off).astype(np.intp)
        use = (np.abs(number - off - index) < reach) & (index >= 0) & (index < shape[1] - (off > 0))
        cell = row[use] * shape[1] + index[use]
        pixels = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
        total = np.bincount(cell, value[use], shape[0] * shape[1]).reshape(shape)
        levels = np.where(pixels > 0, total / np.maximum(pixels, 1), np.nan)
        crossed = np.count_nonzero(pixels, axis=1) >= MIN_CELLS * shape[1]
        found = np.full(shape[0], np.nan)
        found[crossed] = np.nanmedian(levels[crossed], axis=1)
        return found

    gap, tick = medians(0.5, GAP_REACH), medians(0.0, TICK_REACH)
    return _Rows(gap, tick - gap, tick - np.max([medians(off, TICK_REACH) for off in FINER], axis=0))
