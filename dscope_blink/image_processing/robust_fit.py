"""Least squares that few odd values do not bend: Cauchy weights, found again and again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import FloatImage

ROUNDS = 4
TUNING = 2.0  # sigmas from which a value counts less
RIDGE = 1e-6  # of the mean diagonal: columns that say the same share what they say


def robust_fit(basis: FloatImage, values: FloatImage) -> FloatImage:
    """Coefficients of the columns.

    Parameters
    ----------
    basis : (n, n_column) float32
    values : (n,) float32, finite

    Returns
    -------
    (n_column,) float32
    """
    columns, wanted = basis.astype(np.float64), values.astype(np.float64)
    weights: NDArray[np.floating[Any]] = np.ones_like(wanted)
    found: NDArray[np.floating[Any]] = np.zeros(basis.shape[1])
    for _ in range(ROUNDS):
        weighted = columns * weights[:, None]
        product = weighted.T @ columns
        ridge = RIDGE * max(float(np.trace(product)) / len(product), 1e-12)
        found = np.linalg.solve(product + ridge * np.eye(len(product)), weighted.T @ wanted)
        left = wanted - columns @ found
        sigma = 1.4826 * float(np.median(np.abs(left)))
        if sigma == 0:
            break
        weights = 1 / (1 + (left / (TUNING * sigma)) ** 2)
    return np.asarray(found, np.float32)
