"""Marks as a learned network sees them; what it says of the picture is known before."""

from __future__ import annotations

import numpy as np

from dscope_blink.detectors.support import risen
from dscope_blink.records import FloatImage, Residual


def detect(residual: Residual, *, min_probability: float, max_probability: float) -> FloatImage:
    """Support that rises from 0 to 1 between two probabilities of any mark; none where no network says anything.

    Parameters
    ----------
    residual : window of the picture, with `kinds`
    min_probability, max_probability : of a mark, of whatever kind
    """
    if residual.kinds is None:
        return np.zeros_like(residual.snr)
    return risen(1 - residual.kinds[0], min_probability, max_probability)
