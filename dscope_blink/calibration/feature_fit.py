"""Where the features of a target stand: one blurred shape for all dots or ticks, moved to each by least squares."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

PIXEL_BLUR_PX = 1.0  # what the pixels and the anti-aliasing of any sharp picture blur, with some room
PROFILE_STEP_PX = 0.25
PROFILE_STEPS = (12, 80)  # bounds of the number of steps
SHAPE_GRID = 20  # values of each of the two numbers of a shape that are tried in a round
SHAPE_ROUNDS = 4
TABLE_SIZE = 1024
TAIL_BLURS = 3.5  # beyond its edge a shape is over
SHOULDER_PX = 1.5  # of plain background around a shape, from which its level is known

_erf = np.frompyfunc(math.erf, 1, 1)


@dataclass(frozen=True, slots=True)
class Shape:
    """A bar (a tick across) or a disc (a dot), seen through a Gaussian blur."""

    half_px: float  # half width or radius
    blur_px: float
    sign: int  # +1 brighter than the ground

    @property
    def defocus_px(self) -> float:
        """Blur beyond that of the pixels of any picture; 0 when sharp."""
        return math.sqrt(max(self.blur_px**2 - PIXEL_BLUR_PX**2, 0.0))

    @property
    def reach_px(self) -> float:
        """How far from its middle it and some ground beside it go."""
        return self.half_px + TAIL_BLURS * self.blur_px + SHOULDER_PX


@dataclass(frozen=True, slots=True)
class Pixels:
    """The pixels around all features."""

    value: Vector  # (n,) grey levels
    offset: Vector  # (d, n) from the expected place of the feature, px; d is 2 for dots, 1 across ticks
    feature: NDArray[np.intp]  # (n,) number of the feature
    count: int  # of features
    metric: Vector  # (d, d) times an offset has the same length all around a feature

    @property
    def distance(self) -> Vector:
        """(n,) from the expected place."""
        return np.asarray(np.sqrt(np.sum((self.metric @ self.offset) ** 2, axis=0)))


@dataclass(frozen=True, slots=True)
class Places:
    """What least squares found for each feature."""

    shift: Vector  # (count, d) from the expected place, px
    strength: Vector  # (count,) of the feature, grey levels; positive where it is as dark or bright as most
    misfit: Vector  # (count,) rms of what the shape leaves, grey levels
    pixels: Vector  # (count,) that were there


def fit_shape(value: Vector, distance: Vector, reach_px: float) -> Shape:
    """The shape whose profile is nearest to the mean one of all features.

    Parameters
    ----------
    value : (n,) grey levels of the pixels around all features
    distance : (n,) px from the middle of the feature of each
    reach_px : half the distance between features
    """
    steps = int(np.clip(reach_px / PROFILE_STEP_PX, *PROFILE_STEPS))
    step = np.minimum((distance * (steps / reach_px)).astype(np.intp), steps)
    pixels = np.bincount(step, minlength=steps + 1)[:steps].astype(np.float64)
    total = np.bincount(step, value, steps + 1)[:steps]
    seen = pixels > 0
    middle = (np.arange(steps) + 0.5) * (reach_px / steps)
    profile = total[seen] / pixels[seen]
    return _nearest_shape(np.asarray(middle[seen], np.float64), profile, pixels[seen], reach_px)


def _nearest_shape(distance: Vector, profile: Vector, weight: Vector, reach_px: float) -> Shape:
    """Searched on a grid of logarithms that closes in: level and strength are free."""
    weight = weight / weight.sum()
    profile = profile - weight @ profile
    low, high = np.log([0.05 * reach_px, 0.2]), np.log([0.95 * reach_px, max(0.7 * reach_px, 0.5)])
    for _ in range(SHAPE_ROUNDS):
        axes = np.linspace(low, high, SHAPE_GRID)  # (grid, 2)
        half, blur = (part.ravel() for part in np.meshgrid(*np.exp(axes.T), indexing="ij"))
        tried = _profile(distance[None], half[:, None], blur[:, None])  # (grid^2, n)
        tried = tried - (tried @ weight)[:, None]
        product = tried @ (weight * profile)
        best = int(np.argmax(np.abs(product) / np.sqrt(tried**2 @ weight + 1e-12)))
        middle, room = np.log([half[best], blur[best]]), (high - low) / 5
        low, high = middle - room / 2, middle + room / 2
    return Shape(float(half[best]), float(blur[best]), 1 if product[best] > 0 else -1)


def _profile(distance: Vector, half_px: Vector | float, blur_px: Vector | float) -> Vector:
    near, far = (distance - half_px) / blur_px, (distance + half_px) / blur_px
    return np.asarray(_erf(far / math.sqrt(2)) - _erf(near / math.sqrt(2)), np.float64) / 2


def fit_places(pixels: Pixels, shape: Shape) -> Places:
    """Move the shape to each feature, with its own strength and its own even slope of the ground.

    Linear least squares, to first order in the shift; call again from the places found where shifts are large.

    Parameters
    ----------
    pixels : around all features
    shape : of all of them

    Returns
    -------
    Places; a feature with too few pixels has shift 0 and strength 0
    """
    normal, right = _normal_equations(pixels, _columns(pixels, shape))
    size, dims = right.shape[1], len(pixels.offset)
    # The ridge is far below any noise; it keeps features that the border cuts from having no answer.
    ridge = 1e-9 * (1 + np.trace(normal, axis1=1, axis2=2))
    answer = np.linalg.solve(normal + ridge[:, None, None] * np.eye(size), right[..., None])[..., 0]  # (count, k)
    seen = np.bincount(pixels.feature, minlength=pixels.count).astype(np.float64)
    square = np.bincount(pixels.feature, pixels.value**2, pixels.count)
    left = np.maximum(square - np.einsum("fi,fi->f", answer, right), 0)
    strength = shape.sign * np.where(seen > 2 * size, answer[:, 0], 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = np.where(strength[:, None] > 0, answer[:, -dims:] / answer[:, :1], 0)
        misfit = np.sqrt(left / np.maximum(seen - size, 1))
    return Places(shift, strength, misfit, seen)


def _normal_equations(pixels: Pixels, columns: list[Vector]) -> tuple[Vector, Vector]:
    """Of each feature, (count, k, k) and (count, k)."""
    size = len(columns)
    normal, right = np.empty((pixels.count, size, size)), np.empty((pixels.count, size))
    for i, column in enumerate(columns):
        right[:, i] = np.bincount(pixels.feature, column * pixels.value, pixels.count)
        for j in range(i + 1):
            normal[:, i, j] = normal[:, j, i] = np.bincount(pixels.feature, column * columns[j], pixels.count)
    return normal, right


def _columns(pixels: Pixels, shape: Shape) -> list[Vector]:
    """The shape, level and slope of the ground, and how the values change when the shape moves."""
    distance = pixels.distance
    knots = np.linspace(0, float(distance.max()) + 1e-6, TABLE_SIZE)
    table = _profile(knots, shape.half_px, shape.blur_px)
    place = distance * (1 / knots[1])
    knot = np.minimum(place.astype(np.intp), TABLE_SIZE - 2)
    rest = place - knot
    level, fall = (part[knot] + rest * np.diff(part)[knot] for part in (table, np.gradient(table, knots)))
    outwards = (pixels.metric.T @ pixels.metric) @ pixels.offset * (-fall / np.maximum(distance, 1e-9))  # (d, n)
    return [level, np.ones_like(level), *pixels.offset, *outwards]


def light_at(places: Vector, strength: Vector, asked: Vector) -> Vector:
    """Relative light at places in the picture, from the strength of features: its quadratic trend.

    Parameters
    ----------
    places : (N, 2) px, of the features
    strength : (N,) of the features
    asked : (n, 2) px

    Returns
    -------
    (n,) about 1; never below a fifth
    """
    middle, span = places.mean(axis=0), np.ptp(places, axis=0).max() + 1e-9

    def terms(points: Vector) -> Vector:
        x, y = (points.T - middle[:, None]) / span
        return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])  # (6, n)

    # Ticks lie nearly on a line: what bends across it is not known, and taken as 0.
    trend = np.linalg.lstsq(terms(places).T, strength / np.median(strength), rcond=0.02)[0]
    return np.maximum(trend @ terms(asked), 0.2)


def jackknife_groups(index: Vector, groups: int) -> NDArray[np.intp]:
    """Number of the group of each feature: runs of neighbouring indices, about as long as each other.

    Errors that neighbours share stay within a group, so that leaving out groups tells of them.
    """
    values, place = np.unique(index, return_inverse=True)
    return np.asarray(place * min(groups, len(values)) // len(values), np.intp)
