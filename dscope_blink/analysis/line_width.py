"""The width of a line seen through a blur."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

WIDEST = 12.0  # sigmas; the two borders of a wider line do not know of each other
STEPS = 60  # of the width
NARROWEST = 1.0  # sigmas: what is narrower can hardly be told apart
LEVEL_STEP = 0.02


def unblurred_width(seen: float, sigma: float, level: float) -> float:
    """Width of a line of even contrast from the width at which its blurred profile is seen.

    Parameters
    ----------
    seen : distance between the two places at which the profile falls to `level` of its peak
    sigma : of the Gaussian blur, in the same unit
    level : share of the peak, between 0 and 1

    Returns
    -------
    The width in the same unit, at least `sigma`: narrower lines look alike
    """
    if sigma <= 0:
        return seen
    widths, shown = _shown_widths(round(level / LEVEL_STEP))
    ratio = seen / sigma
    if ratio >= shown[-1]:
        return seen - sigma * float(shown[-1] - widths[-1])
    return sigma * float(np.interp(ratio, shown, widths))


@cache
def _shown_widths(level_steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """True widths and the widths at a level at which they are seen, in sigmas; both (STEPS,), rising."""
    level = min(max(level_steps * LEVEL_STEP, LEVEL_STEP), 1 - LEVEL_STEP)
    widths = np.linspace(NARROWEST, WIDEST, STEPS)
    low, high = np.zeros(STEPS), np.full(STEPS, WIDEST)  # the half width lies between them: halved in turn
    peak = line_profile(widths, np.zeros(STEPS))
    for _ in range(30):
        middle = (low + high) / 2
        above = line_profile(widths, middle) > level * peak
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return widths, low + high


def line_profile(widths: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """A line of unit contrast and width, blurred by a sigma of one, at a distance from its middle."""
    return _normal_cdf(x + widths / 2) - _normal_cdf(x - widths / 2)


_normal_cdf = np.vectorize(lambda z: 0.5 * (1 + math.erf(z / math.sqrt(2))), otypes=[float])
