"""Difference of min-max ranking as it was published: on the picture itself, above its mean and deviation."""

import cv2
import numpy as np

from records import Mask, Residual


def detect(residual: Residual, *, kernel_px: int, gamma: float) -> Mask:
    """Region defects by local max - min, for comparison; the profiles for inspection use `do2mr`.

    Parameters
    ----------
    residual : window of the picture; `gray` and `background` are read, their sum is the picture
    kernel_px : side of the square ranking filter, odd
    gamma : threshold above the mean response on the fiber, in its standard deviations

    Returns
    -------
    (h, w) bool

    Notes
    -----
    Mei et al., "Automated Inspection of Defects in Optical Fiber Connector End Face Using Novel Morphology
    Approaches", Sensors 18(5):1408, 2018, DOI 10.3390/s18051408. Borders of zones answer like marks, and a dirty face
    raises its own threshold.
    """
    picture = residual.gray + residual.background
    kernel = np.ones((kernel_px, kernel_px), np.uint8)
    response = cv2.medianBlur(cv2.dilate(picture, kernel) - cv2.erode(picture, kernel), 3)
    fiber = response[(residual.rho < 1) & residual.inside]
    if not fiber.size:
        return np.zeros(response.shape, bool)
    mask = response > fiber.mean() + gamma * fiber.std()
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).astype(bool)
