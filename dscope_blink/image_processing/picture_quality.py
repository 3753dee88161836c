"""What a picture is worth: light, saturation, and what it hides."""

from __future__ import annotations

import math

import cv2
import numpy as np

from dscope_blink.config.settings import Preprocessing
from dscope_blink.image_processing.fiber_coordinates import WorkingPicture
from dscope_blink.records import (
    Clipping,
    Ellipse,
    FloatImage,
    Mask,
    Notice,
    Quality,
    Residual,
    notice,
)


def flatten(gray: FloatImage, flat_field: FloatImage | None) -> tuple[FloatImage, tuple[Notice, ...]]:
    """Divide by the flat field, if there is one that fits, keeping the mean level; and what there is to warn of.

    Parameters
    ----------
    gray, flat_field : (H, W) float32, 0..1

    Returns
    -------
    (H, W) float32, 0..1, and warnings
    """
    if flat_field is None:
        return gray, ()
    if flat_field.shape != gray.shape:
        (fh, fw), (h, w) = flat_field.shape, gray.shape
        text = f"it must be of the picture's size {w} x {h}, it is {fw} x {fh}"
        return gray, (notice("flat_field_not_applied", text),)
    light = np.maximum(cv2.GaussianBlur(flat_field, (0, 0), FLAT_FIELD_BLUR_PX), np.float32(1e-3))
    return np.clip(gray * (light.mean() / light), 0, 1).astype(np.float32), ()


FLAT_FIELD_BLUR_PX = 1.0  # its noise must not be printed on the pictures, its dust must


def measure_quality(gray: FloatImage, settings: Preprocessing) -> Quality:
    """Saturation and illumination of a picture; its focus is measured at the fiber, once that is located.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    settings : limits from config.json
    """
    saturated = _share(gray >= settings.saturation_level)
    low = _share(gray < settings.illumination_tail)
    high = _share(gray > 1 - settings.illumination_tail)
    warnings = []
    for share, end in ((low, "lowest"), (high, "highest")):
        if share > settings.illumination_max_share:
            tail = f"{settings.illumination_tail:.0%}"
            text = f"{share:.1%} of the pixels lie in the {end} {tail} of the range"
            warnings.append(notice("poor_illumination", text))
    if saturated > settings.saturation_max_fraction:
        limit = settings.saturation_max_fraction
        text = f"{saturated:.1%} of the pixels are saturated, at most {limit:.0%} should be"
        warnings.append(notice("saturation", text))
    return Quality(None, saturated, tuple(warnings))


def _share(mask: Mask) -> float:
    return np.count_nonzero(mask) / max(mask.size, 1)


def count_levels(gray: FloatImage, cladding: Ellipse) -> int:
    """How many grey levels, of those of 10 bits, the box around a fiber holds; one pixel in four is looked at.

    Parameters
    ----------
    gray : (H, W) float32, 0..1, as decoded: a flat field makes more of them
    """
    (cx, cy), (w, h) = cladding.center_px, cladding.extent_px
    left, top = max(round(cx - w / 2), 0), max(round(cy - h / 2), 0)
    box = gray[top : round(cy + h / 2) : 2, left : round(cx + w / 2) : 2]
    return int(np.count_nonzero(np.bincount((box * np.float32(1023)).astype(np.int64).ravel())))


def measure_clipping(picture: WorkingPicture, field: Residual, saturation_level: float) -> Clipping:
    """Pixels in which no mark can be seen, for they are black, saturated or covered, in rings around the fiber.

    Rings, and not zones, so that any criteria can be judged by them.
    """
    (x, y), (h, w) = field.origin_px, field.rho.shape
    hidden = cv2.bitwise_not(cv2.inRange(picture.gray[y : y + h, x : x + w], 1 - saturation_level, saturation_level))
    if field.unseen is not None:
        hidden[field.unseen] = 255
    rings = math.ceil(float(field.rho.max()) / RING_WIDTH)
    ends = [0.0, rings * RING_WIDTH]
    count, clipped = (cv2.calcHist([field.rho], [0], mask, [rings], ends)[:, 0].astype(int) for mask in (None, hidden))
    return Clipping(RING_WIDTH, tuple(count.tolist()), tuple(clipped.tolist()))


RING_WIDTH = 0.02  # of the cladding radius: the zones of the published criteria end between two rings of 125 um fibers
