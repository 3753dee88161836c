"""A face brought to one frame: the cladding a circle of a known radius in the middle, the picture not turned.

So that faces of one kind lie on each other to a fraction of a pixel, whatever their place, scale and pixels; what
depends on the camera (light, dust on a lens) keeps its place, what depends on the fiber keeps its radius.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Ellipse, FiberGeometry, FloatImage, Mask, to_circle

REACH = 1.95  # cladding radii, a little less than the contact zone: beyond it the light is anyone's
LEAST_SEEN = 0.5  # of a face, by area, for its brightness to mean anything


@dataclass(frozen=True, slots=True)
class FaceFrame:
    """A face in the frame."""

    light: FloatImage  # (n, n) float32, 1.0 the median of the face; NaN where it is not seen
    to_picture: NDArray[np.float64]  # (2, 3), from x, y, 1 of the frame to x, y of the picture
    radius_px: int  # of the cladding
    level: float = 1.0  # grey level of light 1.0

    @property
    def pixel_px(self) -> float:
        """Pixels of the picture per pixel of the frame, by area."""
        return math.sqrt(abs(float(np.linalg.det(self.to_picture[:, :2]))))


def side_px(radius_px: int) -> int:
    """Side of the frame, odd: the fiber's centre is the middle of a pixel."""
    return 2 * math.ceil(radius_px * REACH) + 1


@lru_cache(maxsize=4)
def radii_px(radius_px: int) -> FloatImage:
    """(n, n) float32, distance of each pixel of the frame from its middle."""
    half = side_px(radius_px) // 2
    along = np.arange(-half, half + 1, dtype=np.float32)
    radii = np.hypot(along, along[:, None])
    radii.flags.writeable = False
    return radii


def face_frame(gray: FloatImage, geometry: FiberGeometry, radius_px: int, unseen: Mask | None = None) -> FaceFrame:
    """Bring a face to the frame.

    Parameters
    ----------
    gray : (H, W) float32, grey levels, light flattened
    geometry : the located fiber
    radius_px : of the cladding in the frame
    unseen : (H, W) bool, what is drawn over the picture; None: nothing

    Returns
    -------
    FaceFrame

    Raises
    ------
    ValueError : less than half of the face is seen, or it has no light
    """
    to_picture = _to_picture(geometry.cladding.ellipse, radius_px)
    shown = gray if unseen is None else np.where(unseen, np.float32(math.nan), gray)
    light = cv2.warpAffine(
        _smoothed(shown, to_picture),
        to_picture,
        (side_px(radius_px), side_px(radius_px)),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=math.nan,
    )
    inside = radii_px(radius_px) <= radius_px * REACH
    light[~inside] = math.nan
    seen = np.isfinite(light)
    share = np.count_nonzero(seen) / np.count_nonzero(inside)
    if share < LEAST_SEEN:
        raise ValueError(f"at least {LEAST_SEEN:.0%} of the face must be seen, got {share:.0%}")
    level = float(np.median(light[seen]))
    if not level > 0:
        raise ValueError(f"the median of the face must be above 0, got {level:g}")
    return FaceFrame(light / np.float32(level), to_picture, radius_px, level)


def frame_of(light: FloatImage, radius_px: int) -> FaceFrame:
    """A face whose light in the frame is known, and not where it lay in its picture."""
    return FaceFrame(light, np.eye(2, 3), radius_px)


def _to_picture(cladding: Ellipse, radius_px: int) -> NDArray[np.float64]:
    center, matrix = to_circle(cladding)
    linear = np.linalg.inv(matrix).T / radius_px  # columns: steps of the picture for a step of the frame
    half = side_px(radius_px) // 2
    return np.column_stack([linear, np.asarray(center) - linear @ (half, half)])


def _smoothed(gray: FloatImage, to_picture: NDArray[np.float64]) -> FloatImage:
    """Without what is finer than the pixels of the frame, which would come out as other noise in every picture."""
    factor = math.sqrt(abs(float(np.linalg.det(to_picture[:, :2]))))
    if factor <= 1:
        return gray
    return cv2.GaussianBlur(gray, (0, 0), 0.5 * math.sqrt(factor**2 - 1) + 1e-3)
