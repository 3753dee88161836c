"""Black-hat and top-hat: marks darker or brighter than all that surrounds them within a kernel."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dscope_blink.detectors.disc_morphology import closing, opening
from dscope_blink.records import FloatImage, Residual


def detect(residual: Residual, *, kernels_px: Sequence[int], min_snr: float) -> FloatImage:
    """Compact or thin marks of either sign by morphological hats at several sizes.

    Parameters
    ----------
    residual : window of the picture; `snr` is read
    kernels_px : diameters of the elliptic kernels, odd; each finds marks narrower than itself
    min_snr : least height of a hat, in sigmas of the residual

    Returns
    -------
    (h, w) float32, 1 where it supports a mark, else 0

    Notes
    -----
    F. Meyer, "Iterative image transformations for an automatic screening of cervical smears", Journal of Histochemistry
    and Cytochemistry 27(1), 1979.
    """
    # hats of whole numbers take half the time of those of floats
    levels = np.rint(np.clip(residual.snr, -LARGEST_SNR, LARGEST_SNR) * UNIT).astype(np.int16)
    found = np.zeros(levels.shape, bool)
    # the mark itself must depart too: a hat also rises on the ground beside a mark of the other sign
    dark, bright = residual.snr < -min_snr / 2, residual.snr > min_snr / 2
    least = math.floor(min_snr * UNIT)
    for size in kernels_px:
        found |= (closing(levels, size) - levels > least) & dark
        found |= (levels - opening(levels, size) > least) & bright
    return found.astype(np.float32)


UNIT, LARGEST_SNR = 40, 400  # fortieths of a sigma, and as many as 16 bits hold with the difference of two
