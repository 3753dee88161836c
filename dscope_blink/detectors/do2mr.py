"""Difference of min-max ranking: regions whose neighbourhood spans more grey levels than noise does."""

from __future__ import annotations

from typing import Literal

import numpy as np

from dscope_blink.detectors.max_min import opened, ranked_range
from dscope_blink.records import FloatImage, Residual

MAD_TO_SIGMA = 1.4826
Rule = Literal["robust", "mean"]


def detect(residual: Residual, *, kernel_px: int, rule: Rule, gamma: float, min_snr: float) -> FloatImage:
    """Region defects by local max - min.

    Parameters
    ----------
    residual : window of the picture; `snr` is read
    kernel_px : side of the square ranking filter, odd; the support is this less one pixel wider than the mark
    rule : where the threshold is counted from: "robust", median and MAD of the response, or "mean", its mean and
        standard deviation as published, which a dirty face raises
    gamma : threshold above that, in its deviations
    min_snr : least response in sigmas of the residual

    Returns
    -------
    (h, w) float32, 1 where it supports a mark, else 0

    Notes
    -----
    Mei et al., "Automated Inspection of Defects in Optical Fiber Connector End Face Using Novel Morphology
    Approaches", Sensors 18(5):1408, 2018, DOI 10.3390/s18051408.
    """
    response = ranked_range(residual.snr, kernel_px)
    sample = response[::5, ::5][residual.inside[::5, ::5]]
    return opened(response > max(_threshold(sample, rule, gamma) if sample.size else 0.0, min_snr))


def _threshold(sample: FloatImage, rule: Rule, gamma: float) -> float:
    if rule == "mean":
        return float(sample.mean() + gamma * sample.std())
    middle = float(np.median(sample))
    return middle + gamma * MAD_TO_SIGMA * float(np.median(np.abs(sample - middle)))
