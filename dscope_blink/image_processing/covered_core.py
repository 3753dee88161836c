"""A mark that lies around a small core and wider than it: its outline is a second edge, in the cladding.

It fills whole circles, so that their median is its own level. The cladding around a small core has no edge of its own.
"""

from __future__ import annotations

from math import erfc, hypot, sqrt

import numpy as np
from numpy.typing import NDArray

from dscope_blink.image_processing.fiber_coordinates import PolarGrid
from dscope_blink.records import FloatImage

FloatArray = NDArray[np.float64]

SMALL_CORE = 0.15  # of the cladding; around a wider one the cladding shows rings of its own
HALF_STEP_PX = 3.0  # radii that are compared lie so far within and beyond an outline
WITHIN = 0.35  # cladding radii: a mark that reaches farther is seen by the level of the cladding itself
# Of the level of the cladding: in photographs of clean single-mode fibers what the core's own edge does not explain is
# at most 3 % within such a step, in rendered ones with rings 8 %.
LEAST_STEP = 0.1
# Of the step of the core: what a sharpening camera darkens around it, in rendered pictures up to 13 %; and what the
# light of a core spreads beyond a Gaussian blur, in photographs of lit ones up to 5 %.
SHARPENED, SPREAD = 0.15, 0.06
CLEAR_BLURS = 1.5  # within the core, nearer to its edge, its level is not reached


def level_within_outline(middle: FloatImage, grid: PolarGrid) -> None:
    """Go on at the level outside of the outermost outline around a small core, but for the core itself; in place.

    Parameters
    ----------
    middle : (radii,) median of each circle
    grid : the circles
    """
    around = (grid.s > grid.core_ratio) & (grid.s < WITHIN)
    half = max(round(HALF_STEP_PX / grid.r_px[1]), 1)
    if not 0 < grid.core_ratio < SMALL_CORE or np.count_nonzero(around) < 2 * half:
        return
    cladding = float(np.median(middle[around]))
    flank = _flank(middle, cladding, grid)
    at = np.flatnonzero(around & (grid.r_px >= grid.core_radius_px + HALF_STEP_PX + grid.blur_px))
    steps = (middle - flank)[at + half] - (middle - flank)[at - half]
    core_step = abs(float(flank[0]))
    up = steps > hypot(LEAST_STEP * cladding, SHARPENED * core_step)
    steep = np.flatnonzero(up | (-steps > hypot(LEAST_STEP * cladding, SPREAD * core_step)))
    if not steep.size:
        return
    end = at[steep[-1]] + half
    level = middle[end]
    if up[steep[-1]]:  # a dark mark, and a core under it that is darker than the cladding is part of it
        middle[:end] = np.maximum(middle[:end], level)
    else:
        marked = slice(int(np.argmax(grid.s >= grid.core_ratio)) if grid.core_is_seen else 0, end)
        middle[marked] = np.minimum(middle[marked], level + np.maximum(flank[marked], 0))


def _flank(middle: FloatImage, cladding: float, grid: PolarGrid) -> FloatArray:
    """What the core, blurred as the cladding is, adds to the level of the cladding; (radii,), 0 of one not seen."""
    if not grid.core_is_seen:
        return np.zeros(len(middle))
    within = grid.r_px <= max(grid.core_radius_px - CLEAR_BLURS * grid.blur_px, 1.0)
    outwards = (grid.r_px - grid.core_radius_px) / (sqrt(2) * max(grid.blur_px, 1e-6))
    share = np.array([erfc(x) / 2 for x in outwards.tolist()])
    return (float(np.median(middle[within])) - cladding) * share
