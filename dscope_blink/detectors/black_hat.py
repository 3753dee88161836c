"""Black-hat and top-hat: marks darker or brighter than all that surrounds them within a kernel."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from dscope_blink.records import Mask, Residual


def detect(residual: Residual, *, kernels_px: Sequence[int], min_snr: float) -> Mask:
    """Compact or thin marks of either sign by morphological hats at several sizes.

    Parameters
    ----------
    residual : window of the picture; `snr` is read
    kernels_px : diameters of the elliptic kernels, odd; each finds marks narrower than itself
    min_snr : least height of a hat, in sigmas of the residual

    Returns
    -------
    (h, w) bool
    """
    # hats of whole numbers take half the time of those of floats
    levels = np.rint(np.clip(residual.snr, -LARGEST_SNR, LARGEST_SNR) * UNIT).astype(np.int16)
    found = np.zeros(levels.shape, bool)
    for operation, sign in ((cv2.MORPH_BLACKHAT, -1), (cv2.MORPH_TOPHAT, 1)):
        # the mark itself must depart too: a hat also rises on the ground beside a mark of the other sign
        departs = sign * residual.snr > min_snr / 2
        for size in kernels_px:
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
            found |= (cv2.morphologyEx(levels, operation, kernel) > math.floor(min_snr * UNIT)) & departs
    return found


UNIT, LARGEST_SNR = 40, 400  # fortieths of a sigma, and as many as 16 bits hold with the difference of two
