"""Whether good faces were taken in one light: a model of a core lit and not lit sees little of either."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dscope_blink.models.family import GATES, Gate
from dscope_blink.models.reference import TaughtNumbers

MOST_APART = 0.25  # of the median, between the least and the greatest of faces in one light; rendered ones have 0.15


def several_lights(numbers: TaughtNumbers, used: Sequence[int]) -> str:
    """What says that faces were not taken in one light, and what to do; empty: nothing.

    Parameters
    ----------
    numbers : features of the faces that taught
    used : places of the faces that the model rests on
    """
    for gate in GATES:
        if gate.other == "light or fiber":
            values = numbers.values[list(used), numbers.names.index(gate.name)].astype(np.float64)
            ordered = np.sort(values[np.isfinite(values)])
            if len(ordered) > 1 and np.ptp(ordered) > MOST_APART * abs(float(np.median(ordered))):
                return _said(gate, ordered)
    return ""


def _said(gate: Gate, ordered: NDArray[np.float64]) -> str:
    place = int(np.argmax(np.diff(ordered))) + 1
    low, high = ordered[:place], ordered[place:]
    return (
        f"the faces are not in one light: {gate.says} is {low[0]:.2f} to {low[-1]:.2f} in {len(low)} and {high[0]:.2f} "
        f"to {high[-1]:.2f} in {len(high)}; where they differ departures are not seen: learn a model of each"
    )
