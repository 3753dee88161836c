"""Edge skeleton: thin lines of what departs from the background, kept where straight pieces run along them."""

import math

import cv2
import numpy as np

from records import Mask, Residual


def detect(residual: Residual, *, min_snr: float, min_length_px: int, max_gap_px: int, width_px: int) -> Mask:
    """Scratches by thinning and chained straight pieces.

    Parameters
    ----------
    residual : window of the picture; `snr` is read
    min_snr : least departure of a pixel, in sigmas of the residual
    min_length_px : shortest straight piece
    max_gap_px : gaps within a piece up to this size are bridged
    width_px : width at which the pieces are drawn into the mask

    Returns
    -------
    (h, w) bool

    Notes
    -----
    Thinning by Zhang and Suen, "A fast parallel algorithm for thinning digital patterns", Communications of the ACM
    27(3), 1984, DOI 10.1145/357994.358023; pieces by the progressive probabilistic Hough transform (Matas, Galambos
    and Kittler, Computer Vision and Image Understanding 78(1), 2000, DOI 10.1006/cviu.1999.0831).
    """
    mask = np.zeros(residual.snr.shape, np.uint8)
    for sign in (-1, 1):
        strong = ((sign * residual.snr > min_snr) & residual.inside).astype(np.uint8) * 255
        thin = cv2.ximgproc.thinning(strong)
        pieces = cv2.HoughLinesP(
            thin, 1, math.pi / 180, min_length_px // 2, minLineLength=min_length_px, maxLineGap=max_gap_px
        )
        for x0, y0, x1, y1 in [] if pieces is None else pieces.reshape(-1, 4).tolist():
            cv2.line(mask, (x0, y0), (x1, y1), 1, width_px)
    return mask.astype(bool)
