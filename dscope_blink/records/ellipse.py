"""Ellipses, as OpenCV gives them and as quadratic forms.

A form is `(cx, cy, p, q, s)`: the points u around the centre with p ux^2 + 2 q ux uy + s uy^2 = 1. Unlike axes and an
angle this has no singularity where the ellipse is a circle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records.arrays import Points
from dscope_blink.records.checks import Axis, Place, require


@dataclass(frozen=True, slots=True)
class Ellipse:
    """Centre, FULL axes and angle in pixels, as OpenCV's fitEllipse gives them.

    `angle_deg` runs from the x axis to the first of `axes_px`, clockwise on the screen (y points down).
    """

    center_px: tuple[Place, Place]
    axes_px: tuple[Axis, Axis]
    angle_deg: float

    def __post_init__(self) -> None:
        values = (*self.center_px, *self.axes_px, self.angle_deg)
        require(all(map(math.isfinite, values)), f"an ellipse must have finite values, got {values}")
        require(min(self.axes_px) > 0, f"axes_px must be positive, got {self.axes_px}")

    @property
    def mean_diameter_px(self) -> float:
        """Mean of both axes."""
        return (self.axes_px[0] + self.axes_px[1]) / 2

    @property
    def area_diameter_px(self) -> float:
        """Of the circle of its area, which also is that of a circle seen in pixels that are not square."""
        return math.sqrt(self.axes_px[0] * self.axes_px[1])

    @property
    def extent_px(self) -> tuple[float, float]:
        """Width and height of the upright box around it."""
        t, (a, b) = math.radians(self.angle_deg), self.axes_px
        return math.hypot(a * math.cos(t), b * math.sin(t)), math.hypot(a * math.sin(t), b * math.cos(t))

    def scaled(self, factor: float) -> Ellipse:
        """The concentric ellipse with both axes multiplied by `factor`."""
        return Ellipse(self.center_px, (self.axes_px[0] * factor, self.axes_px[1] * factor), self.angle_deg)

    def steady(self) -> Ellipse:
        """Without the last bits, which differ from one processor to the next: to a millionth of a pixel and degree."""
        (x, y), (a, b) = self.center_px, self.axes_px
        return Ellipse((round(x, 6), round(y, 6)), (round(a, 6), round(b, 6)), round(self.angle_deg, 6))


Form: TypeAlias = NDArray[np.float64]  # (5,) cx, cy, p, q, s


def to_form(ellipse: Ellipse) -> Form:
    """The quadratic form of an ellipse."""
    t = math.radians(ellipse.angle_deg)
    c, d = math.cos(t), math.sin(t)
    a, b = 4 / ellipse.axes_px[0] ** 2, 4 / ellipse.axes_px[1] ** 2
    return np.array([*ellipse.center_px, a * c * c + b * d * d, (a - b) * c * d, a * d * d + b * c * c])


def from_form(form: Form) -> Ellipse:
    """The ellipse of a quadratic form, the shorter axis first as OpenCV orders them.

    Raises
    ------
    ValueError
        When the form is not positive definite: no ellipse.
    """
    cx, cy, p, q, s = form
    values, vectors = np.linalg.eigh(np.array([[p, q], [q, s]]))
    if values[0] <= 0:
        raise ValueError(f"a quadratic form must be positive definite to be an ellipse, got {form}")
    short = vectors[:, 1]  # the larger eigenvalue belongs to the shorter axis
    angle = math.degrees(math.atan2(short[1], short[0])) % 180
    return Ellipse((float(cx), float(cy)), (2 / math.sqrt(values[1]), 2 / math.sqrt(values[0])), angle)


def rescaled(form: Form, factors: tuple[float, float]) -> Form:
    """The form in a picture with `factors` times as many pixels along x and y (pixel centres at integers)."""
    fx, fy = factors
    cx, cy, p, q, s = form
    return np.array([(cx + 0.5) * fx - 0.5, (cy + 0.5) * fy - 0.5, p / fx**2, q / (fx * fy), s / fy**2])


def stretched(ellipse: Ellipse, factors: tuple[float, float]) -> Ellipse:
    """The ellipse with x and y multiplied each by its own factor: with micrometres per pixel, in micrometres."""
    fx, fy = factors
    cx, cy, p, q, s = to_form(ellipse)
    return from_form(np.array([cx * fx, cy * fy, p / fx**2, q / (fx * fy), s / fy**2]))


def to_circle(ellipse: Ellipse) -> tuple[Points, Points]:
    """What makes the circle of radius 1 about the origin of an ellipse, without a turn: `(points - center) @ matrix`.

    Returns
    -------
    (2,) the centre in pixels, and (2, 2) a symmetric matrix, per pixel
    """
    cx, cy, p, q, s = to_form(ellipse)
    values, vectors = np.linalg.eigh(np.array([[p, q], [q, s]]))
    return np.array([cx, cy]), (vectors * np.sqrt(values)) @ vectors.T


def scaled(form: Form, factor: float) -> Form:
    """The concentric form with its radius multiplied by `factor`."""
    return np.array([*form[:2], *(form[2:] / factor**2)])


def mean_radius(form: Form) -> float:
    """Geometric mean of the half axes, in pixels."""
    _, _, p, q, s = form
    return float((p * s - q * q) ** -0.25)


def is_ellipse(form: Form) -> bool:
    """Whether the form is finite and positive definite."""
    _, _, p, q, s = form.tolist()
    return all(map(math.isfinite, form.tolist())) and p > 0 and p * s - q * q > 0


def reduced_ellipse(ellipse: Ellipse, pixel_px: tuple[float, float]) -> Ellipse:
    """An ellipse of the stored picture in one whose pixels each span `pixel_px` of its pixels, x and y."""
    factors = (1 / pixel_px[0], 1 / pixel_px[1])
    return from_form(rescaled(to_form(ellipse), factors))


def window_around(shape: tuple[int, ...], ellipse: Ellipse, reach: float) -> tuple[tuple[int, int], tuple[int, int]]:
    """The part of a picture that holds an ellipse enlarged `reach` times.

    Parameters
    ----------
    shape : (H, W) of the picture
    ellipse : in its pixels
    reach : in longer half axes

    Returns
    -------
    x, y of the first pixel, and (h, w); without height or width where all of it lies off the picture
    """
    (cx, cy), half = ellipse.center_px, reach * max(ellipse.axes_px) / 2
    x0, y0 = max(int(cx - half), 0), max(int(cy - half), 0)
    x1, y1 = max(min(int(cx + half) + 2, shape[1]), x0), max(min(int(cy + half) + 2, shape[0]), y0)
    return (x0, y0), (y1 - y0, x1 - x0)


def ellipse_points(ellipse: Ellipse, count: int = 360) -> Points:
    """(count, 2) float64 points on an ellipse, in pixels.

    cv2.ellipse rounds its angle to whole degrees, which moves the outline of a 224 x 206 px fiber by 0.1 px.
    """
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    angle = np.deg2rad(ellipse.angle_deg)
    along, across = ellipse.axes_px[0] / 2 * np.cos(t), ellipse.axes_px[1] / 2 * np.sin(t)
    x = ellipse.center_px[0] + along * np.cos(angle) - across * np.sin(angle)
    y = ellipse.center_px[1] + along * np.sin(angle) + across * np.cos(angle)
    return np.stack([x, y], axis=1)
