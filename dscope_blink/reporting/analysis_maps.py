"""The maps of a comparison with good faces as pictures, brought from the frame of the reference back to the picture."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import ComparisonMaps, FloatImage
from dscope_blink.reporting.aggregate_face import Shown
from dscope_blink.reporting.displayable import Picture
from dscope_blink.reporting.drawing import bgr
from dscope_blink.reporting.plots import HEAT_COLOURS
from dscope_blink.reporting.sheet_pixels import fitted

UNSEEN = 225  # grey of what the frame does not reach, or the picture does not show
PALE = 0.6  # of white over the picture below the departures
THROUGH = 0.25  # of the picture that is seen through their colours
# Of the limit. What lies below it is pale: a good face shows some of it, and no colour that is not.
DEPARTURE_LEVELS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
SIMILARITY_STEPS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def archetype_photo(maps: ComparisonMaps, shown: Shown, photo: Picture, zoom: int) -> Picture:
    """The archetype as bright as the picture beside it.

    Parameters
    ----------
    maps : of the comparison
    shown : the part of the picture and its place on the page
    photo : that part as it is shown
    zoom : pixels for one of a page
    """
    normal = _in_part(maps.archetype, maps, shown, zoom)
    seen = np.isfinite(normal)
    grey = cv2.cvtColor(fitted(photo, normal.shape[::-1]), cv2.COLOR_BGR2GRAY).astype(np.float32)
    slope, level = _line(normal[seen][::7], grey[seen][::7])
    return _grey(np.where(seen, normal * slope + level, np.float32(UNSEEN)))


def similarity_photo(maps: ComparisonMaps, shown: Shown, zoom: int) -> Picture:
    """The similarity in colours, from 0 dark to 1 bright; what lies below 0 is like 0."""
    alike = _in_part(maps.similarity, maps, shown, zoom)
    coloured = _viridis(np.nan_to_num(alike))
    return np.where(np.isfinite(alike)[..., None], coloured, np.uint8(UNSEEN))


def departure_photo(maps: ComparisonMaps, shown: Shown, photo: Picture, zoom: int) -> Picture:
    """The departures in colours over the picture made pale."""
    scores = np.nan_to_num(_in_part(maps.scores, maps, shown, zoom))
    level = np.digitize(scores, DEPARTURE_LEVELS)
    colours = np.array([(255, 255, 255), *map(bgr, HEAT_COLOURS)], np.float32)[level]  # (H, W, 3)
    grey = cv2.cvtColor(fitted(photo, scores.shape[::-1]), cv2.COLOR_BGR2GRAY).astype(np.float32)
    below = (grey * (1 - PALE) + 255 * PALE)[..., None]
    through = np.where(level > 0, THROUGH, 1.0)[..., None].astype(np.float32)
    return np.asarray(np.rint(below * through + colours * (1 - through)), np.uint8)


def similarity_steps() -> list[tuple[float, str]]:
    """Some similarities and their colours, for the legend."""
    colours = _viridis(np.array([SIMILARITY_STEPS], np.float32))[0]
    return [
        (step, "#{:02X}{:02X}{:02X}".format(*map(int, colour[::-1])))
        for step, colour in zip(SIMILARITY_STEPS, colours, strict=True)
    ]


def _viridis(values: FloatImage) -> Picture:
    return np.asarray(cv2.applyColorMap(_level(255 * values), cv2.COLORMAP_VIRIDIS), np.uint8)


def _in_part(values: FloatImage, maps: ComparisonMaps, shown: Shown, zoom: int) -> FloatImage:
    """(H, W) values of the frame in the pixels of a panel; NaN where there are none."""
    left, top, right, bottom = shown.part
    width, height = (side * zoom for side in shown.size_px)
    across, down = (right - left) / width, (bottom - top) / height
    to_stored = np.array([[across, 0, left + across / 2 - 0.5], [0, down, top + down / 2 - 0.5], [0, 0, 1]])
    to_frame = np.linalg.inv(np.vstack([maps.to_picture, (0, 0, 1)])) @ to_stored
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        values, to_frame[:2], (width, height), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=math.nan
    )


def _line(values: NDArray[np.float32], levels: NDArray[np.float32]) -> tuple[np.float32, np.float32]:
    """Slope and level of the grey that goes with light; flat where there is nothing to go by."""
    if values.size < 2 or float(np.ptp(values)) == 0:
        return np.float32(0), np.float32(128)
    slope, level = np.polyfit(values.astype(np.float64), levels.astype(np.float64), 1)
    return np.float32(slope), np.float32(level)


def _level(values: FloatImage) -> NDArray[np.uint8]:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _grey(values: FloatImage) -> Picture:
    return np.asarray(cv2.cvtColor(_level(values), cv2.COLOR_GRAY2BGR), np.uint8)
