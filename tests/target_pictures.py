"""Calibration targets drawn from closed forms: the truth of the tests of the scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from records import FloatImage

Field = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shot:
    """How a target is seen: pixels, turn, light, noise, dirt."""

    um_per_px: tuple[float, float] = (0.5, 0.5)
    tilt_deg: float = 0.0
    shape: tuple[int, int] = (360, 480)
    dark: bool = True
    shading: float = 0.3
    noise: float = 0.02
    dirt: int = 0
    seed: int = 0


def dot_grid(shot: Shot, pitch_um: float = 10.0, missing: float = 0.0) -> FloatImage:
    """Dots of 0.25 pitches radius on a square grid; a share of them is missing."""
    rng = np.random.default_rng(shot.seed)
    x, y, _ = _grid_um(shot)
    column, row = np.rint(x / pitch_um), np.rint(y / pitch_um)
    gone = rng.random((1000, 1000)) < missing
    from_centre = np.hypot(x - column * pitch_um, y - row * pitch_um)
    dots = _coverage(0.25 * pitch_um - from_centre, math.sqrt(shot.um_per_px[0] * shot.um_per_px[1]))
    return _photograph(np.where(gone[column.astype(int), row.astype(int)], 0, dots), shot, rng)


def ruler(shot: Shot, pitch_um: float = 10.0, width_um: float = 3.0, height_um: float = 60.0) -> FloatImage:
    """Ticks, each fifth 1.8 times and each tenth 2.5 times as long, with numbers, a caption and a scale bar."""
    rng = np.random.default_rng(shot.seed)
    x, y, px_um = _grid_um(shot)
    number = np.rint(x / pitch_um)
    length = height_um * np.where(number % 10 == 0, 2.5, np.where(number % 5 == 0, 1.8, 1.0))
    ticks = _coverage(width_um / 2 - np.abs(x - number * pitch_um), px_um) * _coverage(y, px_um)
    return _photograph(_captioned(ticks * _coverage(length - y, px_um)), shot, rng)


def _grid_um(shot: Shot) -> tuple[Field, Field, float]:
    """Position of each pixel on the target, and the size of a pixel along its x axis."""
    sx, sy = shot.um_per_px
    y, x = np.indices(shot.shape)
    x_um, y_um = (x - shot.shape[1] / 2 + 1.37) * sx, (y - shot.shape[0] / 2 - 0.71) * sy
    c, s = math.cos(math.radians(shot.tilt_deg)), math.sin(math.radians(shot.tilt_deg))
    return x_um * c + y_um * s, y_um * c - x_um * s, math.hypot(sx * c, sy * s)


def _coverage(inside_um: Field, px_um: float) -> Field:
    """Share of a pixel that is covered, from the signed distance of its centre to the edge."""
    return np.clip(inside_um / px_um + 0.5, 0, 1)


def _captioned(ink: Field) -> FloatImage:
    height, width = ink.shape
    picture = ink.astype(np.float32)
    cv2.putText(picture, "10 um / tick   1.234", (width // 20, height // 10), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 1.0, 2)
    cv2.rectangle(picture, (width * 2 // 3, height * 9 // 10), (width * 9 // 10, height * 19 // 20), 1.0, -1)
    for k in range(10):
        at = (width * k // 10 + 8, height // 4)
        cv2.putText(picture, str(k), at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1.0, 1)
    return picture


def _photograph(ink: Field | FloatImage, shot: Shot, rng: np.random.Generator) -> FloatImage:
    height, width = shot.shape
    picture = ink.astype(np.float32)
    for _ in range(shot.dirt):
        at = int(rng.uniform(0, width)), int(rng.uniform(0, height))
        cv2.circle(picture, at, int(rng.uniform(2, 7)), 1.0, -1)
    light = 0.85 - 0.5 * picture if shot.dark else 0.2 + 0.5 * picture
    y, x = np.indices(shot.shape)
    shade = 1 - shot.shading * ((x - 0.7 * width) ** 2 + (y - 0.3 * height) ** 2) / width**2
    seen = cv2.GaussianBlur(light, (0, 0), 0.8) * shade + rng.normal(0, shot.noise, shot.shape)
    return (np.rint(np.clip(seen, 0, 1) * 255) / 255).astype(np.float32)
