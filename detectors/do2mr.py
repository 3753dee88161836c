"""Difference of min-max ranking: regions whose neighbourhood spans more grey levels than noise does."""

import cv2
import numpy as np

from records import Mask, Residual

MAD_TO_SIGMA = 1.4826


def detect(residual: Residual, *, kernel_px: int, gamma: float, min_snr: float) -> Mask:
    """Region defects by local max - min.

    Parameters
    ----------
    residual : window of the picture; `snr` is read
    kernel_px : side of the square ranking filter, odd; the mask is this less one pixel wider than the mark
    gamma : threshold above the median response, in robust standard deviations of it
    min_snr : least response in sigmas of the residual

    Returns
    -------
    (h, w) bool

    Notes
    -----
    Mei et al., "Automated Inspection of Defects in Optical Fiber Connector End Face Using Novel Morphology
    Approaches", Sensors 18(5):1408, 2018, DOI 10.3390/s18051408, with median and MAD of the response instead of its
    mean and standard deviation, which a dirty face raises.
    """
    kernel = np.ones((kernel_px, kernel_px), np.uint8)
    response = cv2.medianBlur(cv2.dilate(residual.snr, kernel) - cv2.erode(residual.snr, kernel), 3)
    sample = response[::5, ::5][residual.inside[::5, ::5]]
    middle = float(np.median(sample)) if sample.size else 0.0
    spread = MAD_TO_SIGMA * float(np.median(np.abs(sample - middle))) if sample.size else 0.0
    mask = response > max(middle + gamma * spread, min_snr)
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).astype(bool)
