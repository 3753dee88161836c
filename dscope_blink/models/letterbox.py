"""A picture to the input of a network, as that declares it, and boxes back to pixels of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import FloatImage, Points

if TYPE_CHECKING:
    from dscope_blink.config.network_settings import NetworkSettings

CHANNELS = {"rgb": 3, "bgr": 3, "gray": 1}
FULL_LEVEL = 255


@dataclass(frozen=True, slots=True)
class Fit:
    """Where a picture lies in the input of a network; all in pixels, 0 the left edge of the first."""

    picture: tuple[int, int]  # height and width
    size: tuple[int, int]  # height and width that it has in the input
    left: int
    top: int

    def to_picture(self, boxes: Points) -> Points:
        """Boxes of the input in pixels of the picture.

        Parameters
        ----------
        boxes : (n, 4) float64, left, top, right, bottom

        Returns
        -------
        (n, 4) float64, no part of them outside of the picture
        """
        (height, width), (high, wide) = self.picture, self.size
        scale_x, scale_y = width / wide, height / high  # of the whole pixels that it really has there
        moved = (boxes - [self.left, self.top, self.left, self.top]) * [scale_x, scale_y, scale_x, scale_y]
        clipped: Points = np.clip(moved, 0, [width, height, width, height])
        return clipped


def fit_of(picture: tuple[int, int], settings: NetworkSettings, side_px: int) -> Fit:
    """Where a picture is to lie in the input.

    Parameters
    ----------
    picture : its height and width, px
    settings : of the network
    side_px : what its longer side is to have; at most the side of the input
    """
    height, width = picture
    whole = settings.input_side_px
    side = min(side_px, whole)
    if settings.letterbox == "stretch":
        high, wide = side, side
    else:
        ratio = side / max(height, width)
        high, wide = max(1, round(height * ratio)), max(1, round(width * ratio))
    left, top = ((whole - wide) // 2, (whole - high) // 2) if settings.letterbox == "center" else (0, 0)
    return Fit(picture, (high, wide), left, top)


def network_input(picture: NDArray[np.uint8], settings: NetworkSettings, fit: Fit) -> FloatImage:
    """The picture as the network wants it.

    Parameters
    ----------
    picture : (H, W) grey or (H, W, 3) BGR, uint8
    settings : of the network
    fit : where in its input the picture lies

    Returns
    -------
    (1, channel, side, side) float32
    """
    channels = CHANNELS[settings.color]
    levels = _in_color(picture, settings.color)
    high, wide = fit.size
    # Means of areas where it is shrunk: single points of it would turn noise and thin lines into a pattern.
    shrunk = high <= levels.shape[0] and wide <= levels.shape[1]
    levels = cv2.resize(levels, (wide, high), interpolation=cv2.INTER_AREA if shrunk else cv2.INTER_LINEAR)
    side = settings.input_side_px
    canvas = np.full((side, side, channels), settings.pad_level, np.float32)
    canvas[fit.top : fit.top + high, fit.left : fit.left + wide] = levels.reshape(high, wide, channels)
    return np.ascontiguousarray(_scaled(canvas, settings).transpose(2, 0, 1)[np.newaxis])  # (1, channel, side, side)


def _in_color(picture: NDArray[np.uint8], color: str) -> NDArray[Any]:
    if picture.ndim == 2:
        return picture if color == "gray" else cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    codes = {"gray": cv2.COLOR_BGR2GRAY, "rgb": cv2.COLOR_BGR2RGB}
    return cv2.cvtColor(picture, codes[color]) if color in codes else picture


def _scaled(canvas: FloatImage, settings: NetworkSettings) -> FloatImage:
    if settings.levels == "0..1":
        canvas /= FULL_LEVEL
    if settings.mean:
        canvas -= np.array(settings.mean, np.float32)
    if settings.std:
        canvas /= np.array(settings.std, np.float32)
    return canvas
