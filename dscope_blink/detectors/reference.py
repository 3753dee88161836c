"""Departures from good faces, as a learned reference has them; where they lie in the picture is known before."""

from __future__ import annotations

import numpy as np

from dscope_blink.detectors.support import risen
from dscope_blink.records import FloatImage, Residual


def detect(residual: Residual, *, min_departure: float, max_departure: float) -> FloatImage:
    """Support that rises from 0 to 1 between two departures; none where no reference says anything.

    Parameters
    ----------
    residual : window of the picture, with `departure`
    min_departure, max_departure : 1.0 the limit of the model
    """
    if residual.departure is None:
        return np.zeros_like(residual.snr)
    return risen(residual.departure, min_departure, max_departure)
