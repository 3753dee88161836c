"""What a mark looks like: its grey levels, those beside it, their texture, and the gradient along its edge."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import FloatImage, Mask
from dscope_blink.training import texture
from dscope_blink.training.faces import Face
from dscope_blink.training.masks import Placed
from dscope_blink.training.tables import Column
from dscope_blink.training.texture import Levels

BESIDE_PX = (2.0, 8.0)  # nearest and farthest distance from a mark of the pixels that it is seen against
BESIDE = f"of the pixels {BESIDE_PX[0]:g} to {BESIDE_PX[1]:g} px beside it that lie in its zones and in no mark"
EDGE = "along its edge, a pixel to either side, grey levels 0..1 per px"
COLUMNS = (
    Column("gray_mean", "number", "of its pixels, 0..1"),
    Column("gray_std", "number", "standard deviation of its pixels, 0..1"),
    Column("gray_min", "number", "darkest of its pixels, 0..1"),
    Column("gray_max", "number", "brightest of its pixels, 0..1"),
    Column("background_gray_mean", "number", f"{BESIDE}, 0..1"),
    Column("background_gray_std", "number", f"standard deviation {BESIDE}, 0..1"),
    Column("contrast", "number", "mean grey level over that beside it, less 1: below 0 it is darker"),
    Column("snr", "number", "difference of both means over the standard deviation beside it, without sign"),
    Column("entropy_bits", "number", "of the histogram of its grey levels in 256 steps"),
    *texture.COLUMNS,
    Column("edge_gradient_mean_per_px", "number", f"mean gradient {EDGE}"),
    Column("edge_gradient_std_per_px", "number", f"standard deviation of the gradient {EDGE}"),
    Column("edge_gradient_max_per_px", "number", f"steepest gradient {EDGE}"),
)
Values: TypeAlias = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class _Window:
    """A mark and what lies around it; all arrays are (h, w)."""

    mask: Mask
    gray: FloatImage
    levels: Levels
    slope: FloatImage
    beside: Mask


def light_of(face: Face) -> list[Mapping[str, float | None]]:
    """COLUMNS of each mark of a picture, NaN what is not measured."""
    windows = [_window(face, placed) for placed in face.masks]
    textures = texture.texture_of([texture.pairs_within(window.levels, window.mask) for window in windows])
    return [{**_greys(window), **own, **_edge(window)} for window, own in zip(windows, textures, strict=True)]


def _window(face: Face, placed: Placed) -> _Window:
    inside, (x, y) = placed
    (rows, columns), far = face.gray.shape, math.ceil(BESIDE_PX[1])
    top, left = max(y - far, 0), max(x - far, 0)
    here = np.s_[top : min(y + inside.shape[0] + far, rows), left : min(x + inside.shape[1] + far, columns)]
    mask = np.zeros(face.gray[here].shape, bool)
    mask[y - top : y - top + inside.shape[0], x - left : x - left + inside.shape[1]] = inside
    distance = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    zones = face.zones[here]
    own = np.bincount(zones[mask], minlength=256) > 0
    beside = (distance >= BESIDE_PX[0]) & (distance <= BESIDE_PX[1]) & (face.instances[here] == 0) & own[zones]
    return _Window(mask, face.gray[here], face.levels[here], face.slope[here], beside)


def _greys(window: _Window) -> Mapping[str, float]:
    own, around = (window.gray[where].astype(np.float64) for where in (window.mask, window.beside))
    mean, beside, noise = _mean(own), _mean(around), _deviation(around)
    return {
        "gray_mean": mean,
        "gray_std": _deviation(own),
        "gray_min": float(own.min()),
        "gray_max": float(own.max()),
        "background_gray_mean": beside,
        "background_gray_std": noise,
        "contrast": mean / beside - 1 if beside > 0 else math.nan,
        "snr": abs(mean - beside) / noise if noise > 0 else math.nan,
        "entropy_bits": texture.entropy_bits(window.levels[window.mask]),
    }


def _edge(window: _Window) -> Mapping[str, float]:
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    edge = cv2.morphologyEx(window.mask.view(np.uint8), cv2.MORPH_GRADIENT, cross) > 0
    slope = window.slope[edge].astype(np.float64)
    return {
        "edge_gradient_mean_per_px": _mean(slope),
        "edge_gradient_std_per_px": _deviation(slope),
        "edge_gradient_max_per_px": float(slope.max()) if slope.size else math.nan,
    }


def _mean(values: Values) -> float:
    return float(values.mean()) if values.size else math.nan


def _deviation(values: Values) -> float:
    return float(values.std()) if values.size else math.nan
