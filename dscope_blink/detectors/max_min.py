"""Min-max ranking: the response of DO2MR, for the detector and for the one as published."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def ranked_range(picture: NDArray[np.float32], kernel_px: int) -> NDArray[np.float32]:
    """Largest less smallest value around each pixel, without single outliers; (h, w)."""
    kernel = np.ones((kernel_px, kernel_px), np.uint8)
    return cv2.medianBlur(cv2.dilate(picture, kernel) - cv2.erode(picture, kernel), 3)


def opened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask without what is narrower than three pixels; (h, w)."""
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).astype(bool)
