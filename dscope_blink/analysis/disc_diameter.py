"""The diameter of a compact mark seen through a blur and on pixels."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from dscope_blink.analysis.line_width import line_profile
from dscope_blink.analysis.through_blur import LEVEL_STEP, NARROWEST, shown_sizes, true_size

WIDEST = 16.0  # sigmas; the border of a larger disc is nearly straight
STEPS = 31  # of the diameter
ACROSS = np.linspace(-4.0, 4.0, 33)  # sigmas, over which a blur is summed
# By how many pixels the circle around the pixels of a disc is narrower than that disc: this many over its radius, and
# at most so many. Means of 400 discs at random places, radii of 2 to 30 pixels.
NARROWER_PX, MOST_NARROWER_PX = 0.9, 0.4


def unblurred_diameter(enclosing: float, sigma: float, level: float, unit: float) -> float:
    """Diameter of an even disc from the circle that encloses all pixels of its blurred picture.

    Parameters
    ----------
    enclosing : diameter of that circle around the centres of the pixels above `level` of the peak, plus a pixel
    sigma : of the Gaussian blur, in the same unit
    level : share of the peak, between 0 and 1
    unit : side of a pixel

    Returns
    -------
    The diameter in the same unit, at least `sigma`: smaller discs look alike
    """
    around = enclosing / unit - 1
    seen = unit * (around + min(NARROWER_PX / max(around / 2, 1e-9), MOST_NARROWER_PX))
    if sigma <= 0:
        return seen
    return true_size(seen, sigma, *_shown_diameters(round(level / LEVEL_STEP)))


@cache
def _shown_diameters(level_steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """True diameters and those at a level at which they are seen, in sigmas; both (STEPS,), rising."""
    diameters = np.linspace(NARROWEST, WIDEST, STEPS)
    return diameters, shown_sizes(_profile, diameters, level_steps * LEVEL_STEP)


def _profile(diameters: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """A disc of unit contrast, blurred by a sigma of one, at a distance from its centre: the mean of its chords."""
    weight = np.exp(-(ACROSS**2) / 2)
    chords = 2 * np.sqrt(np.maximum(diameters[:, None] ** 2 / 4 - ACROSS**2, 0))
    total: NDArray[np.float64] = (line_profile(chords, x[:, None]) * weight).sum(axis=1) / weight.sum()
    return total
