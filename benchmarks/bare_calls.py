"""The OpenCV and NumPy calls that the stages and detectors cannot do without, by themselves: what speed is held up to.

Each function makes the calls of one algorithm on arrays of the size the program has them in, and nothing else; what
they return is thrown away. The program may be faster still, where it makes a call on less than the whole picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np

from dscope_blink.config.settings import Config
from dscope_blink.image_processing.fiber_coordinates import WorkingPicture
from dscope_blink.records import Residual

ELLIPSE = cv2.MORPH_ELLIPSE


def residual(picture: WorkingPicture, field: Residual, config: Config) -> None:
    """To polar coordinates twice and back once, medians and harmonics of each radius, blur, slope, trend."""
    settings, radius_px = config.residual, field.cladding_radius_px
    reach_px = settings.polar_reach * radius_px
    size, centre = (round(reach_px / settings.radial_step_px), settings.polar_angles), (0.5 * reach_px, 0.5 * reach_px)
    h, w = field.snr.shape
    for _ in range(2):
        polar = cv2.warpPolar(picture.gray, size, centre, reach_px, cv2.INTER_CUBIC | cv2.WARP_FILL_OUTLIERS)
        polar = cv2.transpose(polar)  # (radii, angles)
        np.sort(polar, axis=1)
    for _ in range(settings.rounds):
        cv2.dft(cv2.dft(polar, flags=cv2.DFT_ROWS), flags=cv2.DFT_ROWS | cv2.DFT_INVERSE | cv2.DFT_SCALE)
    cv2.warpPolar(cv2.transpose(polar), (w, h), centre, reach_px, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    small = cv2.resize(field.gray, None, fx=1 / settings.trend_reduction, fy=1 / settings.trend_reduction)
    cv2.resize(cv2.medianBlur(cv2.convertScaleAbs(small), settings.trend_kernel_px), (w, h))
    cv2.GaussianBlur(field.gray, (0, 0), settings.smooth_px)
    slopes = (cv2.Scharr(field.background, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    np.sqrt(cv2.magnitude(*slopes))


def do2mr(field: Residual, own: Mapping[str, Any]) -> None:
    """Largest less smallest grey level around each pixel."""
    kernel = np.ones((own["kernel_px"], own["kernel_px"]), np.uint8)
    cv2.medianBlur(cv2.dilate(field.snr, kernel) - cv2.erode(field.snr, kernel), 3)


def lei(field: Residual, own: Mapping[str, Any]) -> None:
    """The additions and one comparison for each direction and length."""
    flat = cv2.convertScaleAbs(field.snr).astype(np.int16)
    doublings = round(math.log2(max(own["lengths_px"])))
    for _ in range(own["directions"]):
        for _ in range(2 * doublings + 1):
            cv2.add(flat, flat)
        for _ in own["lengths_px"]:
            cv2.compare(flat, 0, cv2.CMP_GT)


def black_hat(field: Residual, own: Mapping[str, Any]) -> None:
    """Both hats at each size."""
    levels = cv2.convertScaleAbs(field.snr).astype(np.int16)
    for size in own["kernels_px"]:
        for operation in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT):
            cv2.morphologyEx(levels, operation, cv2.getStructuringElement(ELLIPSE, (size, size)))


def gradient(field: Residual, own: Mapping[str, Any]) -> None:
    """Local range, closing and outlines."""
    kernel = np.ones((own["kernel_px"], own["kernel_px"]), np.uint8)
    steep = cv2.compare(cv2.morphologyEx(field.snr, cv2.MORPH_GRADIENT, kernel), own["min_snr"], cv2.CMP_GT)
    closing = cv2.getStructuringElement(ELLIPSE, (own["close_px"], own["close_px"]))
    cv2.findContours(cv2.morphologyEx(steep, cv2.MORPH_CLOSE, closing), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)


def skeleton(field: Residual, own: Mapping[str, Any]) -> None:
    """Thinning and straight pieces, for each sign."""
    for comparison, limit in ((cv2.CMP_LT, -own["min_snr"]), (cv2.CMP_GT, own["min_snr"])):
        thin = cv2.ximgproc.thinning(cv2.compare(field.snr, limit, comparison))
        cv2.HoughLinesP(thin, 1, math.pi / 180, own["min_length_px"] // 2, None, own["min_length_px"], 6)


def edge_chip(field: Residual, own: Mapping[str, Any]) -> None:
    """Regions of what departs."""
    cv2.connectedComponents(cv2.compare(cv2.absdiff(field.edge_snr, 0), own["min_snr"], cv2.CMP_GT))


DETECTORS: Mapping[str, Callable[[Residual, Mapping[str, Any]], None]] = {
    "do2mr": do2mr,
    "lei": lei,
    "black_hat": black_hat,
    "gradient": gradient,
    "skeleton": skeleton,
    "edge_chip": edge_chip,
}
