"""The width of a line seen through a blur."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dscope_blink.analysis.through_blur import NARROWEST, shown_sizes, true_size

WIDEST = 12.0  # sigmas; the two borders of a wider line do not know of each other
STEPS = 60  # of the width


def unblurred_width(seen: float, sigma: float) -> float:
    """Width of a line of even contrast from the width at which its blurred profile is seen.

    Parameters
    ----------
    seen : distance between the two places at which the profile falls to half of its peak
    sigma : of the Gaussian blur, in the same unit

    Returns
    -------
    The width in the same unit, at least `sigma`: narrower lines look alike
    """
    if sigma <= 0:
        return seen
    return true_size(seen, sigma, *_shown_widths())


@cache
def _shown_widths() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """True widths and those at which they are seen, in sigmas; both (STEPS,), rising."""
    widths = np.linspace(NARROWEST, WIDEST, STEPS)
    return widths, shown_sizes(line_profile, widths)


def line_profile(widths: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """A line of unit contrast and width, blurred by a sigma of one, at a distance from its middle."""
    return _normal_cdf(x + widths / 2) - _normal_cdf(x - widths / 2)


_normal_cdf = np.vectorize(lambda z: 0.5 * (1 + math.erf(z / math.sqrt(2))), otypes=[float])
