"""Difference of min-max ranking as it was published: on the picture itself, above its mean and deviation."""

from __future__ import annotations

import numpy as np

from dscope_blink.detectors.max_min import opened, ranked_range
from dscope_blink.records import FloatImage, Residual


def detect(residual: Residual, *, kernel_px: int, gamma: float) -> FloatImage:
    """Region defects by local max - min, for comparison; the profiles for inspection use `do2mr`.

    Parameters
    ----------
    residual : window of the picture; `gray` and `background` are read, their sum is the picture
    kernel_px : side of the square ranking filter, odd
    gamma : threshold above the mean response on the fiber, in its standard deviations

    Returns
    -------
    (h, w) float32, 1 where it supports a mark, else 0

    Notes
    -----
    The paper that `do2mr` names, DOI 10.3390/s18051408. Borders of zones answer like marks, and a dirty face raises its
    own threshold.
    """
    response = ranked_range(residual.gray + residual.background, kernel_px)
    fiber = response[(residual.rho < 1) & residual.inside]
    if not fiber.size:
        return np.zeros(response.shape, np.float32)
    return opened(response > fiber.mean() + gamma * fiber.std())
