"""One rendered face whose picture is taken again, turned, cropped, saved again; and others."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np

from dscope_blink.files.decoding import to_gray
from dscope_blink.image_processing.likeness import FaceMap, unrolled
from dscope_blink.records import Ellipse
from dscope_blink.synthetic.faces import Blemish, Contamination, FaceSpec, Pit, Scratch, render_face
from dscope_blink.synthetic.scenes import random_blemishes

SPEC = FaceSpec(shape=(360, 480), centre_px=(241.3, 178.2), um_per_px_x=1.1, um_per_px_y=1.0, ferrule_texture=0.5)
MARKS: tuple[Blemish, ...] = (
    Scratch(((-70.0, -40.0), (-20.0, 10.0)), 3.0, -0.6),
    Pit((40.0, 25.0), 9.0, -0.6),
    Pit((-90.0, 60.0), 8.0, -0.5),
    Contamination(((80.0, -70.0, 6.0), (90.0, -64.0, 5.0)), -0.4),
)


@cache
def picture(seed: int = 0, marks: tuple[Blemish, ...] = MARKS) -> np.ndarray:
    return render_face(SPEC, marks, np.random.default_rng(seed)).image


@cache
def other(seed: int) -> np.ndarray:
    """A face with other marks."""
    rng = np.random.default_rng(seed)
    marks = random_blemishes(rng, SPEC, 5, radius_um=(0.0, 140.0))
    return render_face(SPEC, marks, rng).image


def map_of(image: np.ndarray, cladding: Ellipse | None = None) -> FaceMap:
    return unrolled(to_gray(image, None), SPEC.cladding_ellipse if cladding is None else cladding)


def turned(image: np.ndarray, degrees: float) -> np.ndarray:
    """In micrometres about the fiber, whose pixels are not square."""
    um = np.diag([SPEC.um_per_px_x, SPEC.um_per_px_y])
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    back = np.linalg.inv(um) @ np.array([[c, s], [-s, c]]) @ um
    centre = np.array(SPEC.centre_px)
    warp = np.hstack([back, (centre - back @ centre)[:, None]])
    size = image.shape[::-1]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, warp, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))


def resaved(image: np.ndarray) -> FaceMap:
    _, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, 75))
    return map_of(np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)))


def cropped(image: np.ndarray) -> FaceMap:
    (cx, cy), axes = SPEC.cladding_ellipse.center_px, SPEC.cladding_ellipse.axes_px
    part = np.ascontiguousarray(image[18:-18, 24:-24])
    return map_of(part, Ellipse((cx - 24, cy - 18), axes, SPEC.cladding_ellipse.angle_deg))


def brighter(image: np.ndarray) -> FaceMap:
    return map_of(np.clip(image * 1.2, 0, 255).astype(np.uint8))


def taken_again_turned(image: np.ndarray) -> FaceMap:
    noise = np.random.default_rng(9).normal(0, 1.5, image.shape)
    return map_of(np.clip(turned(image, 112.0) + noise, 0, 255).astype(np.uint8))


COPIES: tuple[Callable[[np.ndarray], FaceMap], ...] = (resaved, cropped, brighter, taken_again_turned)
