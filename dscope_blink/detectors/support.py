"""What a detector returns: how strongly it supports a mark at each pixel, from 0, not at all, to 1."""

from __future__ import annotations

import numpy as np

from dscope_blink.records import FloatImage, Mask

MARKED_FROM = 0.5  # rather a mark than none
LEAST_RISE = 1e-6  # between two values that are the same
# As bits, the floats of 0 to 1 are the whole numbers up to this one, and all others are more: one pass tells, not two.
ONE_AS_BITS = np.float32(1).view(np.uint32)


def marked(support: FloatImage) -> Mask:
    """Where a yes or no is needed: the pixels that a detector marks.

    Parameters
    ----------
    support : (h, w) float32, 0..1

    Returns
    -------
    (h, w) bool
    """
    return support >= MARKED_FROM


def risen(values: FloatImage, low: float, high: float) -> FloatImage:
    """Support that rises from 0 to 1 between two values; a step where they are the same.

    Parameters
    ----------
    values : (h, w) float32
    low, high : up to which there is none, and from which it is 1

    Returns
    -------
    (h, w) float32, 0..1
    """
    return np.asarray(np.clip((values - low) / max(high - low, LEAST_RISE), 0, 1), np.float32)


def checked_support(name: str, support: object, shape: tuple[int, ...]) -> FloatImage:
    """What a detector returned, if it keeps the rules.

    Parameters
    ----------
    name : of the detector
    support : whatever it returned
    shape : (h, w) of the residual it was given

    Returns
    -------
    (h, w) float32, 0..1; a bool array as 0 and 1

    Raises
    ------
    ValueError : naming detector, rule and what it returned instead
    """
    if not isinstance(support, np.ndarray) or support.shape != shape:
        got = f"shape {support.shape}" if isinstance(support, np.ndarray) else type(support).__name__
        raise ValueError(f"detector {name} must return an array of the residual's shape {shape}, got {got}")
    if support.dtype not in (np.bool_, np.float32):
        raise ValueError(f"detector {name} must return float32 or bool, got {support.dtype}")
    values = np.ascontiguousarray(support, np.float32)
    if values.view(np.uint32).max(initial=0) > ONE_AS_BITS:
        for value in (float(values.min()), float(values.max())):
            if not 0 <= value <= 1:  # neither is NaN, which is the least and the largest of all
                raise ValueError(f"detector {name} must return values of 0 to 1, got {value:g}")
    return values
