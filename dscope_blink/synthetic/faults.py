"""What cameras, programs and files do to a picture of an end face: pictures in, pictures out, (H, W) uint8.

All but `hot_pixels` and `uneven_focus` are exact functions of what they are given.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Mask
from dscope_blink.synthetic.faces import Vector

Gray8: TypeAlias = NDArray[np.uint8]  # (H, W)
Filling: TypeAlias = float | Literal["repeated"]  # grey level, or the last row above again and again

FOCUS_STEPS = 9  # blurs between which those of `uneven_focus` are interpolated


def without(picture: Gray8, lost: Mask, filling: Filling) -> Gray8:
    """A picture of which a part never arrived; repeated rows need a part that begins below the first row."""
    filled = picture.copy()
    if filling == "repeated":
        first = int(np.argmax(lost.any(axis=1)))
        filled[lost] = np.broadcast_to(picture[max(first - 1, 0)], picture.shape)[lost]
    else:
        filled[lost] = filling
    return filled


def uneven_focus(
    picture: Gray8, from_px: Vector, to_px: Vector, blurs_px: Vector, noise: float, rng: np.random.Generator
) -> Gray8:
    """Blur that grows evenly from one place to another and stays beyond them; noise comes after it."""
    y, x = np.indices(picture.shape)
    way = np.subtract(to_px, from_px)
    along = ((x - from_px[0]) * way[0] + (y - from_px[1]) * way[1]) / (way @ way)
    step = np.clip(along, 0, 1) * (FOCUS_STEPS - 1)
    stack = [cv2.GaussianBlur(picture.astype(np.float32), (0, 0), s) for s in np.linspace(*blurs_px, FOCUS_STEPS)]
    seen = np.sum([np.maximum(1 - np.abs(step - k), 0) * layer for k, layer in enumerate(stack)], axis=0)
    return _as_levels(seen + noise * rng.standard_normal(picture.shape))


def posterised(picture: Gray8, levels: int) -> Gray8:
    """As many grey levels over the range of the picture; two are black and white."""
    low, high = float(picture.min()), float(picture.max())
    step = max(high - low, 1.0) / (levels - 1)
    steps = np.rint((picture - low) / step)
    return _as_levels(steps * 255 if levels == 2 else low + steps * step)


def interlaced(picture: Gray8, motion_px: Vector) -> Gray8:
    """Odd rows from another moment, when all lay by `motion_px` (right, down) elsewhere."""
    moved = cv2.warpAffine(
        picture,
        np.array([[1, 0, motion_px[0]], [0, 1, motion_px[1]]], np.float32),
        picture.shape[::-1],
        borderMode=cv2.BORDER_REPLICATE,
    )
    woven = picture.copy()
    woven[1::2] = moved[1::2]
    return woven


def hot_pixels(picture: Gray8, within: Mask, n: int, rng: np.random.Generator) -> Gray8:
    """Single pixels that are white or black whatever they see, somewhere in a mask (H, W)."""
    places = np.flatnonzero(within)
    struck = picture.copy()
    struck.flat[rng.choice(places, min(n, places.size), replace=False)] = rng.choice([0, 255])
    return struck


def as_jpeg(picture: Gray8, quality: int) -> Gray8:
    """What a JPEG file of this quality gives back."""
    stored = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_GRAYSCALE), np.uint8)


def framed(picture: Gray8, width_px: int, level: int) -> Gray8:
    """A frame drawn over the border."""
    drawn = np.full_like(picture, level)
    inner = slice(width_px, -width_px), slice(width_px, -width_px)
    drawn[inner] = picture[inner]
    return drawn


def captioned(picture: Gray8, text: str, height_px: int, level: int) -> Gray8:
    """A bar with writing over the lowest rows."""
    written = picture.copy()
    written[-height_px:] = 255 - level
    place = (height_px, picture.shape[0] - height_px // 3)
    cv2.putText(written, text, place, cv2.FONT_HERSHEY_SIMPLEX, height_px / 40, level, 1 + height_px // 30)
    return written


def badged(picture: Gray8, radius_px: int, level: int) -> Gray8:
    """A numbered disc in the upper left corner."""
    written, middle = picture.copy(), int(1.3 * radius_px)
    cv2.circle(written, (middle, middle), radius_px, level, -1, cv2.LINE_AA)
    place = (middle - radius_px // 3, middle + radius_px // 3)
    cv2.putText(written, "1", place, cv2.FONT_HERSHEY_SIMPLEX, radius_px / 25, 255 - level, 2)
    return written


def crosshaired(picture: Gray8, centre_px: Vector, level: int, circle_px: int = 0) -> Gray8:
    """Lines of one pixel through a place from border to border, and a circle around it where it has a radius."""
    written = picture.copy()
    x, y = round(centre_px[0]), round(centre_px[1])
    written[y] = level
    written[:, x] = level
    if circle_px:
        cv2.circle(written, (x, y), circle_px, level, 1)
    return written


def _as_levels(light: NDArray[np.floating]) -> Gray8:
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)
