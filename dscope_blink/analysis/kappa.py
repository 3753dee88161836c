"""How far two agree beyond what chance alone makes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def kappa(counts: NDArray[np.integer[Any]]) -> float | None:
    """Cohen, "A Coefficient of Agreement for Nominal Scales", 1960, doi:10.1177/001316446002000104.

    Parameters
    ----------
    counts : of the first by rows, of the second by columns

    Returns
    -------
    1: they agree, 0: no more than by chance; None where chance alone would make them agree
    """
    total = int(counts.sum())
    if total == 0:
        return None
    seen = float(np.trace(counts)) / total
    chance = float(counts.sum(axis=1) @ counts.sum(axis=0)) / total**2
    return None if chance >= 1 else (seen - chance) / (1 - chance)
