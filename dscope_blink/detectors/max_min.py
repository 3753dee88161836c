"""Min-max ranking: the response of DO2MR, for the detector and for the one as published."""

from __future__ import annotations

import cv2
import numpy as np

from dscope_blink.records import FloatImage, Mask


def ranked_range(picture: FloatImage, kernel_px: int) -> FloatImage:
    """Largest less smallest value around each pixel, without single outliers.

    Parameters
    ----------
    picture : (h, w) float32
    kernel_px : side of the square neighbourhood, odd

    Returns
    -------
    (h, w) float32, in the unit of the picture
    """
    kernel = np.ones((kernel_px, kernel_px), np.uint8)
    return cv2.medianBlur(cv2.dilate(picture, kernel) - cv2.erode(picture, kernel), 3)


def opened(mask: Mask) -> FloatImage:
    """The support of a mask without what is narrower than three pixels.

    Parameters
    ----------
    mask : (h, w) bool

    Returns
    -------
    (h, w) float32, 0 or 1
    """
    # of bytes, half the time of that of floats
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).astype(np.float32)
