"""Sizes of even shapes seen through a blur, and the true ones that they stand for; all in sigmas of the blur."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
Profile: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]  # of true sizes (N,), at distances from the middle
LEVEL = 0.5  # of the peak, at which a shape is outlined: there a straight blurred border lies where it truly is
NARROWEST = 1.0  # what is smaller can hardly be told apart


def shown_sizes(profile: Profile, sizes: FloatArray) -> FloatArray:
    """The sizes at which blurred shapes are seen, where they fall to half of their peak.

    Parameters
    ----------
    profile : falling from the middle outwards
    sizes : (N,) true sizes, rising

    Returns
    -------
    (N,) rising
    """
    low, high = np.zeros(len(sizes)), np.full(len(sizes), sizes[-1])  # half the size lies between them: halved in turn
    peak = profile(sizes, np.zeros(len(sizes)))
    for _ in range(30):
        middle = (low + high) / 2
        above = profile(sizes, middle) > LEVEL * peak
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    shown: FloatArray = low + high
    return shown


def true_size(seen: float, sigma: float, sizes: FloatArray, shown: FloatArray) -> float:
    """The size of which a blurred shape is seen with another, in the unit of both.

    Parameters
    ----------
    seen : where it falls to the level of the table
    sigma : of the blur, positive
    sizes, shown : (N,) true sizes, and those at which `shown_sizes` says that they are seen
    """
    ratio = seen / sigma
    if ratio >= shown[-1]:  # its borders do not know of each other
        return seen - sigma * float(shown[-1] - sizes[-1])
    return sigma * float(np.interp(ratio, shown, sizes))
