"""The ink in the box of a marker: its median grey, and how much of it is dark by Otsu and by a calibrated level."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Box, Marker

PAPER_PERCENTILE = 90.0  # of the grey levels around a marker: paper, whatever is printed beside it
FLAT_LEVELS = 8  # a crop that spans fewer is of one thing, and a threshold within it would part noise


def gray_of(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) uint8 of a picture that is that, or (H, W, 3) blue green red."""
    if picture.ndim == 2:
        return picture
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def measured(marker: Marker, gray: NDArray[np.uint8], ink_level: float, margin: float) -> Marker:
    """A marker with the ink in its box.

    Otsu's threshold is that of the box and some paper around it: of a box that is all ink it would part the noise. Of
    blank paper it does so still, and finds half of it dark; the ratio by the calibrated level then is 0.

    Parameters
    ----------
    marker : where it was found
    gray : (H, W) uint8
    ink_level : share of the grey level of the paper around it below which a pixel is ink
    margin : of paper around the box, in shares of its sides

    Returns
    -------
    The marker; NaN where its box holds no pixel

    References
    ----------
    N. Otsu, A threshold selection method from gray-level histograms (1979), doi:10.1109/TSMC.1979.4310076
    """
    crop = cut(gray, marker.found.box)
    around = cut(gray, marker.found.box, margin)
    if not crop.size:
        return replace(marker, median_gray=float("nan"), dark_ratio=float("nan"), ink_ratio=float("nan"))
    paper = float(np.percentile(around, PAPER_PERCENTILE))
    ink = float(np.mean(crop < ink_level * paper))
    return replace(marker, median_gray=float(np.median(crop)), dark_ratio=_dark_ratio(crop, around, ink), ink_ratio=ink)


def paper_of(gray: NDArray[np.uint8], box: Box, margin: float) -> float:
    """The grey level of the paper around a box; NaN where that lies outside of the picture."""
    around = cut(gray, box, margin)
    return float(np.percentile(around, PAPER_PERCENTILE)) if around.size else float("nan")


def shares_of(crop: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(256,) share of the pixels at each grey level or below; NaN of none."""
    if not crop.size:
        return np.full(256, np.nan)
    return np.asarray(np.bincount(crop.ravel(), minlength=256).cumsum() / crop.size)


def cut(gray: NDArray[np.uint8], box: Box, margin: float = 0.0) -> NDArray[np.uint8]:
    """The pixels whose middle lies in a box that is grown on each side by a share of its size; (h, w), may be empty."""
    height, width = gray.shape
    wide, high = margin * box.width_px, margin * box.height_px
    left, right = np.clip(np.rint([box.left_px - wide, box.right_px + wide]), 0, width).astype(int)
    top, bottom = np.clip(np.rint([box.top_px - high, box.bottom_px + high]), 0, height).astype(int)
    return gray[top:bottom, left:right]


def _dark_ratio(crop: NDArray[np.uint8], around: NDArray[np.uint8], ink: float) -> float:
    """Of pixels that are all alike Otsu has no threshold: they are what the calibrated level says."""
    if int(around.max()) - int(around.min()) < FLAT_LEVELS:
        return ink
    threshold, _ = cv2.threshold(np.ascontiguousarray(around), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return float(np.mean(crop <= threshold))
