"""The diameter of a compact mark seen through a blur."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from dscope_blink.analysis.line_width import line_profile
from dscope_blink.analysis.through_blur import NARROWEST, shown_sizes, true_size

WIDEST = 16.0  # sigmas; the border of a larger disc is nearly straight
STEPS = 41  # of the diameter
ACROSS = np.linspace(-4.0, 4.0, 33)  # sigmas, over which a blur is summed


def unblurred_diameter(seen: float, sigma: float) -> float:
    """Diameter of an even disc from that at which its blurred picture is seen.

    Parameters
    ----------
    seen : diameter at which it falls to half of its peak
    sigma : of the Gaussian blur, in the same unit

    Returns
    -------
    The diameter in the same unit, at least `sigma`: smaller discs look alike
    """
    if sigma <= 0:
        return seen
    return true_size(seen, sigma, *_shown_diameters())


@cache
def _shown_diameters() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """True diameters and those at which they are seen, in sigmas; both (STEPS,), rising."""
    diameters = np.geomspace(NARROWEST, WIDEST, STEPS)
    return diameters, shown_sizes(_profile, diameters)


def _profile(diameters: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """A disc of unit contrast, blurred by a sigma of one, at a distance from its centre: the mean of its chords."""
    weight = np.exp(-(ACROSS**2) / 2)
    chords = 2 * np.sqrt(np.maximum(diameters[:, None] ** 2 / 4 - ACROSS**2, 0))
    total: NDArray[np.float64] = (line_profile(chords, x[:, None]) * weight).sum(axis=1) / weight.sum()
    return total
