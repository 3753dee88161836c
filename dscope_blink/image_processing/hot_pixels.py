"""Pixels of the sensor that are hot or dead: sharper than the optics can draw anything, and so no marks."""

from __future__ import annotations

import cv2
import numpy as np

from dscope_blink.records import Ellipse, FloatImage, Notice, Points, notice

LEAST_BLUR_PX = 0.65  # of the cladding edge: sharper optics draw single pixels too
# The 4-neighbours of the brightest pixel of a point drawn by a blur of 0.6 px hold at least a quarter of its height, in
# the mean of all but the highest of them, wherever between the pixels it lies; noise needs room below that.
MOST_SHARED = 0.1
MOST_BESIDE = 0.3  # by each of them: light that falls off there is not drawn by the pixel
# Sharpened pictures and those of JPEG have single pixels too: in 57 photographs up to 49 grey levels of 255 where all
# around is uneven, up to 30 where it is not.
OF_RANGE = 0.08  # grey levels 0..1
ALONE, AROUND_PX = 5.0, 4  # times what the third of the pixels within so many departs from its own neighbours
MOST_PIXELS = 100  # of a sensor: where there are more, the picture has another noise than this
MOST_UNEVEN = 2000  # pixels that depart from their neighbours so far: a picture of texture, in which none stands alone
MOST_NAMED = 5


def without_hot_pixels(gray: FloatImage, blur_px: float, within: Ellipse) -> tuple[FloatImage, Points]:
    """Put the median of its surroundings in the place of each pixel that no optics have drawn.

    Single ones and pairs: of the neighbours the highest may be another.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    blur_px : sigma of the cladding edge; optics of less than `LEAST_BLUR_PX` draw nothing wider than such pixels
    within : where they are looked for

    Returns
    -------
    The picture, a new one where any was replaced, and their places x, y; (N, 2) int
    """
    none = np.empty((0, 2), int)
    if blur_px < LEAST_BLUR_PX:
        return gray, none
    (cx, cy), (w, h) = within.center_px, within.extent_px
    left, top = max(round(cx - w / 2), 0), max(round(cy - h / 2), 0)
    box = np.ascontiguousarray(gray[top : round(cy + h / 2), left : round(cx + w / 2)])
    surroundings = cv2.medianBlur(box, 3)
    excess = np.abs(box - surroundings)
    ys, xs = np.nonzero(excess > OF_RANGE)
    if len(xs) > MOST_UNEVEN:
        return gray, none
    uneven = zip(xs.tolist(), ys.tolist(), strict=True)
    places = [(x, y) for x, y in uneven if _is_alone(excess, x, y) and _is_hot(box, x, y)]
    if not places or len(places) > MOST_PIXELS:
        return gray, none
    mended = gray.copy()
    for x, y in places:
        mended[top + y, left + x] = surroundings[y, x]
    return mended, np.array(places) + np.array([left, top])


def _is_alone(excess: FloatImage, x: int, y: int) -> bool:
    around = excess[max(y - AROUND_PX, 0) : y + AROUND_PX + 1, max(x - AROUND_PX, 0) : x + AROUND_PX + 1]
    return bool(excess[y, x] > ALONE * np.sort(around, axis=None)[-3])


def _is_hot(box: FloatImage, x: int, y: int) -> bool:
    if not (0 < x < box.shape[1] - 1 and 0 < y < box.shape[0] - 1):
        return False
    around = box[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3]
    ground = float(np.median(around))
    height = float(box[y, x]) - ground
    sides = np.array([box[y - 1, x], box[y + 1, x], box[y, x - 1], box[y, x + 1]], np.float64) - ground
    if abs(height) < OF_RANGE:
        return False
    shared = np.sort(sides / height)[:-1]
    return bool(abs(shared.mean()) < MOST_SHARED and np.abs(shared).max() < MOST_BESIDE)


def hot_pixel_warnings(places: Points) -> tuple[Notice, ...]:
    """What there is to say of pixels that were left out."""
    if not len(places):
        return ()
    named = ", ".join(f"x {x} y {y}" for x, y in places[:MOST_NAMED].tolist())
    more = f" and {len(places) - MOST_NAMED} more" if len(places) > MOST_NAMED else ""
    number = "1 pixel is" if len(places) == 1 else f"{len(places)} pixels are"
    return (notice("hot_pixels", f"{number} sharper than the optics, and left out: {named}{more}"),)
