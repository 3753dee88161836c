"""Good faces that fall in two groups by their light, as with the core lit and not: a model of both sees little."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dscope_blink.models.family import GATES, Gate
from dscope_blink.models.reference import TaughtNumbers

FEWEST = 2  # faces of a group
LEAST_APART = 0.1  # of the value between them: as much as one light lends itself to
SPREADS, MORE_OF_FEW = (
    5.0,
    50.0,
)  # within groups; of normal samples one in a thousand splits so by chance, 5 to 50 faces


def two_groups(numbers: TaughtNumbers, used: Sequence[int]) -> str:
    """What the faces differ in by groups, and what to do; empty: they do not.

    Parameters
    ----------
    numbers : features of the faces that taught
    used : places of the faces that the model rests on
    """
    for gate in GATES:
        if gate.other == "light or fiber":
            values = numbers.values[list(used), numbers.names.index(gate.name)].astype(np.float64)
            split = _split(np.sort(values[np.isfinite(values)]))
            if split is not None:
                return _said(gate, *split)
    return ""


def _said(gate: Gate, low: NDArray[np.float64], high: NDArray[np.float64]) -> str:
    return (
        f"the faces fall in two groups by the {gate.says}: {len(low)} of {np.median(low):.2f}, {len(high)} of "
        f"{np.median(high):.2f}; departures between the two are not seen: learn a model of each"
    )


def _split(ordered: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The two parts that lie farthest apart in spreads within them; None: near enough to be one."""
    count = len(ordered)
    best, found = SPREADS + MORE_OF_FEW / max(count, 1), None
    for place in range(FEWEST, count - FEWEST + 1):
        low, high = ordered[:place], ordered[place:]
        apart = float(high.mean() - low.mean())
        squares = float(((low - low.mean()) ** 2).sum() + ((high - high.mean()) ** 2).sum())
        within = max(math.sqrt(squares / (count - 2)), 1e-9)
        if apart / within > best and apart > LEAST_APART * abs(float(ordered.mean())):
            best, found = apart / within, (low, high)
    return found
