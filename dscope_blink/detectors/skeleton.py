"""Edge skeleton: thin lines of what departs from the background, kept where straight pieces run along them."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.detectors.regions import label_regions
from dscope_blink.records import FloatImage, Mask, Residual


def detect(residual: Residual, *, min_snr: float, min_length_px: int, max_gap_px: int, width_px: int) -> FloatImage:
    """Scratches by thinning and chained straight pieces.

    Parameters
    ----------
    residual : window of the picture; `snr` is read
    min_snr : least departure of a pixel, in sigmas of the residual
    min_length_px : shortest straight piece
    max_gap_px : gaps within a piece up to this size are bridged
    width_px : width at which the pieces are drawn into the support

    Returns
    -------
    (h, w) float32, 1 where it supports a mark, else 0

    Notes
    -----
    Thinning by Zhang and Suen, "A fast parallel algorithm for thinning digital patterns", Communications of the ACM
    27(3), 1984, DOI 10.1145/357994.358023; pieces by the progressive probabilistic Hough transform (Matas, Galambos
    and Kittler, Computer Vision and Image Understanding 78(1), 2000, DOI 10.1006/cviu.1999.0831).
    """
    support = np.zeros(residual.snr.shape, np.float32)
    for strong in (residual.snr < -min_snr, residual.snr > min_snr):
        thin = _thinned(strong & residual.inside, max_gap_px)
        pieces = cv2.HoughLinesP(
            thin, 1, math.pi / 180, min_length_px // 2, minLineLength=min_length_px, maxLineGap=max_gap_px
        )
        for x0, y0, x1, y1 in [] if pieces is None else pieces.reshape(-1, 4).tolist():
            cv2.line(support, (x0, y0), (x1, y1), 1, width_px)
    return support


def _thinned(strong: Mask, longer_than_px: int) -> NDArray[np.uint8]:
    """Lines of one pixel, 255; region by region, since thinning takes as many turns as the thickest is wide.

    A speck no longer than the gaps that are bridged is no piece of a line.
    """
    regions = label_regions(strong)
    thin = np.zeros(strong.shape, np.uint8)
    boxes = regions.boxes_px
    for k in np.flatnonzero(boxes[:, 2:].max(axis=1) > longer_than_px).tolist():
        x, y, w, h = boxes[k].tolist()
        alone = np.pad((regions.labels[y : y + h, x : x + w] == k + 1).astype(np.uint8) * 255, 1)
        thin[y : y + h, x : x + w] |= cv2.ximgproc.thinning(alone)[1:-1, 1:-1]
    return thin
