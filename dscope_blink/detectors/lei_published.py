"""The linear enhancement inspector as it was published: on the equalised picture, bright lines alone."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import FloatImage, Residual


def detect(residual: Residual, *, length_px: int, directions: int, branch_px: int, gamma: float) -> FloatImage:
    """Scratches by twice the mean along a line less the means of the lines beside it, for comparison with `lei`.

    Parameters
    ----------
    residual : window of the picture; `gray` and `background` are read, their sum is the picture
    length_px : length of the line
    directions : number of orientations over 180 degrees
    branch_px : distance of the side branches
    gamma : threshold above the mean response of each orientation on the fiber, in its standard deviations

    Returns
    -------
    (h, w) float32, 1 where it supports a mark, else 0

    Notes
    -----
    Mei et al., Sensors 18(5):1408, 2018, DOI 10.3390/s18051408: s = 2 f_r - f_g with f_g the sum of the means of both
    side branches. Equalisation raises the noise, one sign misses half of the scratches, borders of zones answer, too.
    """
    picture = residual.gray + residual.background
    levels = np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8)
    equalised = cv2.equalizeHist(levels).astype(np.float32)
    fiber = (residual.rho < 1) & residual.inside
    found = np.zeros(levels.shape, bool)
    for angle in np.arange(directions) * (math.pi / directions):
        response = cv2.filter2D(equalised, cv2.CV_32F, _kernel(float(angle), length_px, branch_px))
        sample = response[fiber]
        if sample.size:
            found |= response > max(sample.mean() + gamma * sample.std(), LEAST_RESPONSE)
    return found.astype(np.float32)


LEAST_RESPONSE = 1.0  # grey levels: an even picture has no deviation


def _kernel(angle: float, length_px: int, branch_px: int) -> NDArray[np.float32]:
    """Two for the line, minus one for each branch, over the number of pixels of each."""
    side = length_px // 2 + branch_px + 1
    kernel = np.zeros((2 * side + 1, 2 * side + 1), np.float32)
    along = np.arange(length_px) - (length_px - 1) / 2
    for offset, weight in ((0, 2.0), (branch_px, -1.0), (-branch_px, -1.0)):
        x = np.rint(side + along * math.cos(angle) - offset * math.sin(angle)).astype(int)
        y = np.rint(side + along * math.sin(angle) + offset * math.cos(angle)).astype(int)
        np.add.at(kernel, (y, x), np.float32(weight / length_px))
    return kernel
