"""Black-hat and top-hat: marks darker or brighter than all that surrounds them within a kernel."""

from collections.abc import Sequence

import cv2
import numpy as np

from records import Mask, Residual


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
    found = np.zeros(residual.snr.shape, bool)
    for size in kernels_px:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        for operation, sign in ((cv2.MORPH_BLACKHAT, -1), (cv2.MORPH_TOPHAT, 1)):
            # the mark itself must depart too: a hat also rises on the ground beside a mark of the other sign
            found |= (cv2.morphologyEx(residual.snr, operation, kernel) > min_snr) & (sign * residual.snr > min_snr / 2)
    return found
