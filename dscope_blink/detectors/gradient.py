"""Morphological gradient, closed to the regions it encloses so that it overlaps what the other detectors find."""

from __future__ import annotations

import cv2
import numpy as np

from dscope_blink.records import FloatImage, Residual


def detect(residual: Residual, *, kernel_px: int, min_snr: float, close_px: int) -> FloatImage:
    """Marks by the steepness of their outline.

    Parameters
    ----------
    residual : window of the picture; `snr` is read
    kernel_px : side of the gradient's kernel, odd
    min_snr : least local range, in sigmas of the residual
    close_px : gaps in an outline up to this size are closed before it is filled

    Returns
    -------
    (h, w) float32, 1 where it supports a mark, else 0

    Notes
    -----
    Rivest, Soille and Beucher, "Morphological gradients", Journal of Electronic Imaging 2(4), 1993,
    DOI 10.1117/12.159642.
    """
    response = cv2.morphologyEx(residual.snr, cv2.MORPH_GRADIENT, np.ones((kernel_px, kernel_px), np.uint8))
    outline = (response > min_snr).astype(np.uint8)
    closed = cv2.morphologyEx(
        outline, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (close_px, close_px))
    )
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(closed)
    # a ring of unexplained grey around the whole fiber encloses the fiber, not a mark
    small = [c for c in contours if max(cv2.boundingRect(c)[2:]) < residual.cladding_radius_px]
    cv2.drawContours(filled, small, -1, 1, cv2.FILLED)
    return (filled | closed).astype(np.float32)
