"""Calibration targets drawn from closed forms: the truth of the tests of the scale.

The target is given in micrometres as distances to edges, which a smooth step blurs as the optics do; each pixel is the
mean of four places in it (Gauss-Legendre), so nothing is ever rounded to a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import FloatImage

Field = NDArray[np.float64]

# Two places along each axis of a pixel whose mean is the integral of any cubic over it.
GAUSS_PX = (-math.sqrt(1 / 12), math.sqrt(1 / 12))


@dataclass(frozen=True, slots=True)
class Shot:
    """How a target is seen: pixels, turn, blur, light, noise, dirt."""

    um_per_px: tuple[float, float] = (0.5, 0.5)
    tilt_deg: float = 0.0
    shape: tuple[int, int] = (360, 480)
    dark: bool = True
    shading: float = 0.3
    noise: float = 0.02
    dirt: int = 0
    seed: int = 0
    blur_px: float = 0.8  # of the optics, about the sigma of a Gaussian
    place_px: tuple[float, float] = (-1.37, 0.71)  # of the target's origin, from the middle of the picture
    distortion: float = 0.0  # by this share the corners lie too far out, with the cube of their distance
    light: float = 1.0  # of the lamp; above 1 the picture clips


def dot_grid(
    shot: Shot, pitch_um: float = 10.0, missing: float = 0.0, merged: float = 0.0, radius: float = 0.25
) -> FloatImage:
    """Dots of `radius` pitches on a square grid; a share is missing, a share is bridged to the next one in its row."""
    rng = np.random.default_rng(shot.seed)
    there, bridged = rng.random((1000, 1000)) >= missing, rng.random((1000, 1000)) < merged

    def ink(x_um: Field, y_um: Field, blur_um: float) -> Field:
        column, row = np.rint(x_um / pitch_um), np.rint(y_um / pitch_um)
        off_x, off_y = x_um - column * pitch_um, y_um - row * pitch_um
        k, n = column.astype(int), row.astype(int)
        dots = there[k, n] * _inside(radius * pitch_um - np.hypot(off_x, off_y), blur_um)
        side = np.where(off_x > 0, k, k - 1)  # a bridge belongs to the dot on its left
        bridges = (bridged & there & np.roll(there, -1, axis=0))[side, n]
        return np.maximum(dots, bridges * _inside(0.5 * radius * pitch_um - np.abs(off_y), blur_um))

    return _photograph(_drawn(ink, shot), shot, rng)


def ruler(
    shot: Shot, pitch_um: float = 10.0, width_um: float = 3.0, height_um: float = 60.0, caption: bool = True
) -> FloatImage:
    """Ticks, each fifth 1.8 times and each tenth 2.5 times as long, with numbers, a caption and a scale bar."""

    def ink(x_um: Field, y_um: Field, blur_um: float) -> Field:
        number = np.rint(x_um / pitch_um)
        length = height_um * np.where(number % 10 == 0, 2.5, np.where(number % 5 == 0, 1.8, 1.0))
        across = _inside(width_um / 2 - np.abs(x_um - number * pitch_um), blur_um)
        return across * _inside(y_um, blur_um) * _inside(length - y_um, blur_um)

    drawn = _drawn(ink, shot)
    return _photograph(_captioned(drawn) if caption else drawn, shot, np.random.default_rng(shot.seed))


def _inside(inside_um: Field, blur_um: float) -> Field:
    """Share of light from within an edge that lies this far away: a step blurred by the optics."""
    # The logistic step whose slope at the edge is that of a Gaussian one.
    return np.asarray(0.5 + 0.5 * np.tanh(inside_um * (math.sqrt(2 / math.pi) / blur_um)))


def _drawn(ink: Callable[[Field, Field, float], Field], shot: Shot) -> FloatImage:
    sx, sy = shot.um_per_px
    total = np.zeros(shot.shape)
    for dy in GAUSS_PX:
        for dx in GAUSS_PX:
            x, y = _undistorted(shot, dx, dy)
            c, s = math.cos(math.radians(shot.tilt_deg)), math.sin(math.radians(shot.tilt_deg))
            total += ink(x * sx * c + y * sy * s, y * sy * c - x * sx * s, shot.blur_px * math.sqrt(sx * sy))
    return np.asarray(total / 4, np.float32)


def _undistorted(shot: Shot, dx: float, dy: float) -> tuple[Field, Field]:
    """Where a place in each pixel would lie from the target's origin without distortion, in pixels."""
    height, width = shot.shape
    y, x = np.indices(shot.shape, dtype=np.float64)
    x, y = x + (dx - (width - 1) / 2), y + (dy - (height - 1) / 2)
    inward = 1 - shot.distortion * (x * x + y * y) / (width * width + height * height) * 4
    return x * inward - shot.place_px[0], y * inward - shot.place_px[1]


def _captioned(ink: FloatImage) -> FloatImage:
    height, width = ink.shape
    writing = np.zeros_like(ink)
    cv2.putText(writing, "10 um / tick   1.234", (width // 20, height // 10), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 1.0, 2)
    cv2.rectangle(writing, (width * 2 // 3, height * 9 // 10), (width * 9 // 10, height * 19 // 20), 1.0, -1)
    for k in range(10):
        at = (width * k // 10 + 8, height // 4)
        cv2.putText(writing, str(k), at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1.0, 1)
    return np.maximum(ink, cv2.GaussianBlur(writing, (0, 0), 0.8))


def _photograph(ink: FloatImage, shot: Shot, rng: np.random.Generator) -> FloatImage:
    height, width = shot.shape
    specks = np.zeros_like(ink)
    for _ in range(shot.dirt):
        at = int(rng.uniform(0, width)), int(rng.uniform(0, height))
        cv2.circle(specks, at, int(rng.uniform(2, 7)), 1.0, -1)
    ink = np.maximum(ink, cv2.GaussianBlur(specks, (0, 0), 0.8))
    seen = 0.85 - 0.5 * ink if shot.dark else 0.2 + 0.5 * ink
    y, x = np.indices(shot.shape)
    shade = 1 - shot.shading * ((x - 0.7 * width) ** 2 + (y - 0.3 * height) ** 2) / width**2
    noisy = shot.light * seen * shade + rng.normal(0, shot.noise, shot.shape)
    return (np.rint(np.clip(noisy, 0, 1) * 255) / 255).astype(np.float32)
