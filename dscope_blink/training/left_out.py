"""Scores of good faces that had no part in what judges them, to a limit that a stated rate of further ones exceeds."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LEAST = 1e-6  # of a score, for its logarithm
USUAL_FREEDOM = 4  # G. K. Smyth (2004), moderated variances, DOI 10.2202/1544-6115.1027, has as many of its own data
STEPS = 20_000  # of the integral of Student's t: six digits


def predicted_limit(scores: NDArray[np.float64], rate: float, usual_spread: float | None = None) -> float:
    """What `rate` of further good faces exceed: the upper prediction limit of one more, of a log-normal sample.

    Few faces tell little of how far their tail reaches; Student's t says how much the limit must allow for that (G. J.
    Hahn, "Factors for Calculating Two-Sided Prediction Intervals for Samples from a Normal Distribution", 1969, DOI
    10.1080/01621459.1969.10501016).

    Parameters
    ----------
    scores : (n_face,) of the faces left out, not below 0, at least two
    rate : 0 < rate < 1
    usual_spread : of the logarithms, known beforehand, as if of USUAL_FREEDOM more faces; None: nobody knows
    """
    logs = np.log(np.maximum(scores, LEAST))
    freedom, square = len(logs) - 1, float(logs.var(ddof=1))
    if usual_spread is not None:
        square = (freedom * square + USUAL_FREEDOM * usual_spread**2) / (freedom + USUAL_FREEDOM)
        freedom += USUAL_FREEDOM
    reach = student_t(1 - rate, freedom) * math.sqrt(square * (1 + 1 / len(logs)))
    return math.exp(float(logs.mean()) + reach)


@lru_cache(maxsize=64)
def student_t(share: float, freedom: int) -> float:
    """The quantile of Student's t: with x = sqrt(freedom) tan(turn), its density goes with cos(turn)^(freedom - 1)."""
    turn = np.linspace(-math.pi / 2, math.pi / 2, STEPS + 1)
    middle = (turn[1:] + turn[:-1]) / 2
    sums = np.concatenate([[0.0], np.cumsum(np.cos(middle) ** (freedom - 1))])
    return math.sqrt(freedom) * math.tan(float(np.interp(share, sums / sums[-1], turn)))


def beyond_the_others(scores: NDArray[np.float64], rate: float, usual_spread: float | None = None) -> NDArray[np.bool_]:
    """(n_face,) which faces lie beyond the limit that all others set: a limit that a face had no part in.

    Parameters
    ----------
    scores : (n_face,) of the faces left out, at least three
    rate, usual_spread : as `predicted_limit` has them
    """
    others = (np.delete(scores, place) for place in range(len(scores)))
    limits = [max(predicted_limit(one, rate, usual_spread), float(one.max())) for one in others]
    return np.asarray(scores > np.array(limits))


def rate_at_most(faces: int, beyond: int) -> float:
    """Upper bound at 95 % of the rate of which `beyond` of so many were seen: C. J. Clopper, E. S. Pearson (1934),
    DOI 10.1093/biomet/26.4.404, by bisection.
    """
    if beyond >= faces:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        tail = sum(math.comb(faces, k) * middle**k * (1 - middle) ** (faces - k) for k in range(beyond + 1))
        low, high = (middle, high) if tail > 0.05 else (low, middle)
    return high
