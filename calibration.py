"""calibration.json <-> `Scale`, and the measurement of the scale from pictures of a target of known size.

Runs by itself: `python calibration.py --image FILE ... --dots-um 10`. Three targets: a square grid of dots (scale per axis),
a ruled stage micrometer (scale along its direction) and a fiber of known cladding diameter.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from records import FloatImage, Mask, Points, Scale, UserError

Vector: TypeAlias = NDArray[np.float64]

# A photograph of a stage micrometer with 75 % of its pixels clipped still measures to 0.1 %; above this share next to nothing
# but clipped background is left.
MAX_CLIPPED_SHARE = 0.98
CLIPPED_LEVEL = 0.995
MIN_CONTRAST = 0.04  # 5th to 95th percentile of an 8-bit picture of nothing, noise included, stays below it
MIN_DOTS = 12
MIN_TICKS = 10
# Random points fall within a quarter pitch of a lattice site with probability 0.25; real grids keep over nine tenths.
SITE_REACH = 0.25
MIN_LATTICE_SHARE = 0.6
MAX_RESIDUAL_SHARE = 0.06  # of the pitch; good grids and rulers reach 0.005
MAX_SHEAR = 0.03  # departure from a square grid after both axes are scaled


@dataclass(frozen=True, slots=True)
class Target:
    """What the picture shows: `size_um` is the spacing of the dots or ticks, or the diameter of the cladding."""

    kind: Literal["dots", "ticks", "cladding"]
    size_um: float


@dataclass(frozen=True, slots=True)
class ScaleFit:
    """The scale measured in one picture, and how well."""

    um_per_px_x: float
    um_per_px_y: float
    tilt_deg: float  # of the grid's or the ruler's own x axis, from x, clockwise on the screen
    features: int
    residual_px: float  # rms distance of the features from the fit
    square_pixels_assumed: bool


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """The picture gives no scale; `reason` says why."""

    reason: str


# --- lattice of dots


def _local_contrast(gray: FloatImage, window_px: int) -> FloatImage:
    """Departure from the mean of the neighbourhood over its rms there: uneven light and uneven contrast drop out."""
    smooth = cv2.GaussianBlur(gray, (0, 0), 0.8)
    box = (window_px, window_px)
    departure = smooth - cv2.blur(smooth, box, borderType=cv2.BORDER_REFLECT)
    power = cv2.blur(departure * departure, box, borderType=cv2.BORDER_REFLECT)
    # The floor keeps an empty margin from showing its noise as dots.
    return departure / np.sqrt(np.maximum(power, 0.1 * float(power.mean()) + 1e-12))


def _otsu(values: FloatImage) -> float:
    span = 4.0
    bytes_ = np.clip((values + span) * (255 / (2 * span)), 0, 255).astype(np.uint8)
    level, _ = cv2.threshold(bytes_, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return (level + 0.5) * (2 * span / 255) - span


def _dot_centroids(contrast: FloatImage) -> Points:
    """Sub-pixel centroids (N, 2) of the round, alike regions above the threshold."""
    level = _otsu(contrast)
    count, labels, stats, _ = cv2.connectedComponentsWithStats((contrast > level).astype(np.uint8), connectivity=8)
    keep = _alike_dots(stats, contrast.shape)
    # Weights that vanish at the outline: a centroid does not jump when a pixel crosses the threshold.
    weight = np.maximum(contrast - level, 0).ravel()
    flat = labels.ravel()
    y, x = np.indices(contrast.shape).reshape(2, -1)
    mass = np.bincount(flat, weight, count)[keep]
    return np.column_stack([np.bincount(flat, weight * axis, count)[keep] / mass for axis in (x, y)])


def _alike_dots(stats: NDArray[np.int32], shape: tuple[int, int]) -> NDArray[np.intp]:
    """Labels of compact regions of the usual area that lie wholly inside the picture."""
    x, y, width, height, area = stats.T
    inside = (x > 0) & (y > 0) & (x + width < shape[1]) & (y + height < shape[0])
    compact = (
        (area >= 6) & (np.maximum(width, height) <= 2 * np.minimum(width, height)) & (area >= 0.5 * width * height)
    )
    good = inside & compact
    good[0] = False  # the background
    if not good.any():
        return np.flatnonzero(good)
    # Weighted by area, or a thousand specks of noise would set the usual size.
    ordered = np.sort(area[good])
    usual = ordered[np.searchsorted(np.cumsum(ordered), ordered.sum() / 2)]
    return np.flatnonzero(good & (area > 0.5 * usual) & (area < 1.8 * usual))


def _neighbor_vectors(points: Points) -> Points:
    """Vectors (8 N, 2) from each point to its four nearest, and their opposites."""
    single = points.astype(np.float32)
    _, nearest = cv2.batchDistance(single, single, cv2.CV_32F, K=5)
    vectors = (points[nearest[:, 1:]] - points[:, None]).reshape(-1, 2)
    return np.vstack([vectors, -vectors])


def _most_frequent(vectors: Points, reach: float) -> Vector:
    """Mean of the vectors about the one that has the most others within reach."""
    sample = vectors[:: 1 + len(vectors) // 2000]  # plenty for a mode, and the square of it still fits in a moment
    near = np.linalg.norm(sample[:, None] - sample[None], axis=2) < reach  # (sample, sample)
    most = near[np.argmax(np.count_nonzero(near, axis=1))]
    mean: Vector = sample[most].mean(axis=0)
    return mean


def _basis(points: Points) -> NDArray[np.float64] | None:
    """Columns: the two shortest lattice vectors, the first nearer to the x axis, both towards positive values."""
    vectors = _neighbor_vectors(points)
    length = np.linalg.norm(vectors, axis=1)
    reach = 0.15 * float(np.median(length))
    first = _most_frequent(vectors, reach)
    across = np.abs(vectors @ (-first[1], first[0])) > 0.5 * length * np.linalg.norm(first)
    if not across.any():
        return None
    second = _most_frequent(vectors[across], reach)
    a, b = sorted((first, second), key=lambda v: abs(math.atan2(v[1], v[0]) % math.pi - math.pi / 2), reverse=True)
    return np.column_stack([a * np.sign(a[0]), b * np.sign(b[1])])


@dataclass(frozen=True, slots=True)
class _Lattice:
    basis: NDArray[np.float64]  # (2, 2), columns in pixels
    sites: NDArray[np.float64]  # (n, 2) integer indices of the points kept
    residual_px: float
    share: float  # of all points that are kept


def _affine(sites: Points, points: Points) -> tuple[Vector, NDArray[np.float64]]:
    design = np.column_stack([np.ones(len(sites)), sites])
    solution = np.linalg.lstsq(design, points, rcond=None)[0]  # (3, 2)
    return solution[0], solution[1:].T


def _spans_plane(sites: Points) -> bool:
    return len(sites) > 2 and int(np.linalg.matrix_rank(sites - sites[0])) == 2


def _indexed(points: Points, origin: Vector, basis: NDArray[np.float64]) -> tuple[Points, Vector]:
    """Nearest lattice site of each point, and how far from it in pitches."""
    q = np.linalg.solve(basis, (points - origin).T).T
    sites = np.rint(q)
    return sites, np.abs(q - sites).max(axis=1)


def _walk(points: Points, basis: NDArray[np.float64]) -> tuple[Vector, NDArray[np.float64]]:
    """Fit outwards from the middle: an index is counted only as far as the fit so far can count."""
    middle = np.median(points, axis=0)
    away = np.linalg.norm(points - middle, axis=1)
    reach = 4 * float(np.linalg.norm(basis, axis=0).max())
    near = np.linalg.solve(basis, (points[away < reach] - middle).T)  # (2, n) pitches
    phase = np.angle(np.exp(2j * np.pi * near).mean(axis=1)) / (2 * np.pi)
    origin = middle + basis @ phase
    while True:
        sites, off = _indexed(points, origin, basis)
        use = (away < reach) & (off < SITE_REACH)
        if not _spans_plane(sites[use]):
            return origin, basis
        origin, basis = _affine(sites[use], points[use])
        if reach > away.max():
            return origin, basis
        reach *= 1.5


def _fit_lattice(points: Points) -> _Lattice | None:
    """Least squares over the points that sit on the lattice, outliers beyond four robust sigma left out."""
    basis = _basis(points)
    if basis is None:
        return None
    origin, basis = _walk(points, basis)
    sites, off = _indexed(points, origin, basis)
    use = off < SITE_REACH
    for _ in range(5):
        if not _spans_plane(sites[use]):
            return None
        origin, basis = _affine(sites[use], points[use])
        sites, off = _indexed(points, origin, basis)
        residual = np.linalg.norm(points - origin - sites @ basis.T, axis=1)
        use = (off < SITE_REACH) & (residual <= 4 * np.median(residual[use]) + 1e-3)
    rms = math.sqrt(float(np.mean(residual[use] ** 2)))
    return _Lattice(basis, sites[use], rms, float(use.mean()))


def _best_lattice(gray: FloatImage) -> _Lattice | None:
    """The lattice with the most dots over both polarities and several widths of the neighbourhood."""
    found = [lattice for points in _point_sets(gray) if (lattice := _fit_lattice(points)) is not None]
    return max(found, key=lambda lattice: len(lattice.sites) * lattice.share, default=None)


def _point_sets(gray: FloatImage) -> Iterator[Points]:
    for parts in (32, 12, 4):  # the neighbourhood must span a pitch or more, and be small against the shading
        contrast = _local_contrast(gray, max(min(gray.shape) // parts, 5) | 1)
        for signed in (contrast, -contrast):
            points = _dot_centroids(signed)
            if len(points) >= MIN_DOTS:
                yield points


def _axis_scales(basis: NDArray[np.float64], pitch_um: float) -> tuple[float, float, float]:
    """Scale of x and of y that make the lattice square, and the shear they leave (0 for a square grid).

    With S = diag(sx^2, sy^2) the columns of the basis have M^T S M = pitch^2 I: three equations, linear in S.
    """
    (ax, bx), (ay, by) = basis / np.linalg.norm(basis)
    equations = np.array([[ax * ax, ay * ay], [bx * bx, by * by], [ax * bx, ay * by]])
    square = np.array([1.0, 1.0, 0.0])
    solution = np.linalg.lstsq(equations, square, rcond=None)[0]
    if solution.min() <= 0:
        return 0.0, 0.0, math.inf
    shear = float(np.abs(equations @ solution - square).max())
    sx, sy = np.sqrt(solution) * pitch_um / np.linalg.norm(basis)
    return float(sx), float(sy), shear


def _scale_from_dots(gray: FloatImage, pitch_um: float) -> ScaleFit | NotMeasured:
    lattice = _best_lattice(gray)
    if lattice is None:
        return NotMeasured(f"No dot grid: fewer than {MIN_DOTS} dots alike")
    sx, sy, shear = _axis_scales(lattice.basis, pitch_um)
    problem = _lattice_problem(lattice, shear)
    if problem:
        return NotMeasured(f"No dot grid: {problem}")
    along_x, along_y = lattice.basis[:, 0] * (sx, sy)
    tilt_deg = math.degrees(math.atan2(along_y, along_x))
    return ScaleFit(sx, sy, tilt_deg, len(lattice.sites), lattice.residual_px, square_pixels_assumed=False)


def _lattice_problem(lattice: _Lattice, shear: float) -> str:
    dots = len(lattice.sites)
    columns, rows = (len(np.unique(index)) for index in lattice.sites.T)
    if dots < MIN_DOTS or min(columns, rows) < 3:
        return f"{dots} dots in {columns} columns and {rows} rows, at least {MIN_DOTS} in 3 and 3 are needed"
    if lattice.share < MIN_LATTICE_SHARE:
        return f"{lattice.share:.0%} of the dots lie on the lattice, at least {MIN_LATTICE_SHARE:.0%} are needed"
    residual_share = lattice.residual_px / float(np.linalg.norm(lattice.basis, axis=0).min())
    if residual_share > MAX_RESIDUAL_SHARE:
        return f"the dots lie {residual_share:.1%} of the spacing off the lattice, at most {MAX_RESIDUAL_SHARE:.0%} is allowed"
    if shear > MAX_SHEAR:
        return f"the lattice departs from a square one by {shear:.1%}, at most {MAX_SHEAR:.0%} is allowed"
    return ""


# --- ruled stage micrometer


def _without_shading(gray: FloatImage, sigma_px: float) -> FloatImage:
    return gray - cv2.GaussianBlur(gray, (0, 0), sigma_px)


def _strongest_wave(flat: FloatImage) -> Vector:
    """Cycles per pixel (fx, fy) of the strongest peak of the spectrum, to the nearest bin."""
    height, width = flat.shape
    strength = np.abs(np.fft.rfft2(flat * np.outer(np.hanning(height), np.hanning(width))))
    fy, fx = np.fft.fftfreq(height), np.fft.rfftfreq(width)
    strength[np.hypot(fx[None], fy[:, None]) < 4 / min(height, width)] = 0  # too few cycles to be a ruling
    row, column = np.unravel_index(np.argmax(strength), strength.shape)
    return np.array([fx[column], fy[row]])


def _amplitude(flat: FloatImage, wave: Vector) -> complex:
    """Fourier coefficient of the picture at any (fx, fy)."""
    height, width = flat.shape
    along_y, along_x = (np.exp(-2j * np.pi * f * np.arange(n)) for f, n in ((wave[1], height), (wave[0], width)))
    return complex(along_y @ flat @ along_x)


def _refined(flat: FloatImage, wave: Vector) -> Vector:
    """The wave of greatest amplitude near by, by parabolas along fx and fy in turn, to about a hundredth of a bin."""
    step = 0.5 / np.array(flat.shape[::-1])
    for _ in range(4):
        for move in np.diag(step):
            before, here, after = (abs(_amplitude(flat, wave + k * move)) for k in (-1, 0, 1))
            bend = before - 2 * here + after
            shift = (before - after) / (2 * bend) if bend < 0 else np.sign(after - before)
            wave = wave + np.clip(shift, -1, 1) * move
        step = step / 2
    return wave


def _profile(along: Vector, values: Points) -> Points:
    """Means (k, bins) of the values (k, n) at the positions along the ruler, one bin per pixel, nan where there are none."""
    index = np.floor(along).astype(np.intp)
    right = along - index
    size = int(index.max()) + 2

    def shared_out(weights: Vector) -> Vector:
        left_part = np.bincount(index, weights * (1 - right), size)
        return left_part + np.bincount(index + 1, weights * right, size)

    total = shared_out(np.ones_like(along))
    enough = total > 0.1 * np.median(total)
    return np.array([np.where(enough, shared_out(row) / np.maximum(total, 1e-12), np.nan) for row in values])


def _harmonic(flat: FloatImage, wave: Vector) -> int:
    """Which harmonic of the ruling the wave is: thin lines far apart have many, all about as strong."""
    frequency = float(np.linalg.norm(wave))
    y, x = np.indices(flat.shape).reshape(2, -1)
    along = (x * wave[0] + y * wave[1]) / frequency
    (profile,) = _profile(along - along.min(), flat.reshape(1, -1))
    profile = np.nan_to_num(profile - np.nanmean(profile))
    power = np.abs(np.fft.rfft(profile, 2 * len(profile))) ** 2
    likeness = np.fft.irfft(power, 16 * len(profile))[: 8 * len(profile)]  # at lags of an eighth of a pixel
    peaks = 1 + np.flatnonzero((likeness[1:-1] >= likeness[:-2]) & (likeness[1:-1] > likeness[2:]))
    peaks = peaks[peaks > np.argmax(likeness < 0)]  # past the width of a line
    if not peaks.size:
        return 1
    # Long ticks make the fifth and tenth peak higher than the first, which belongs to the neighbours.
    first = peaks[likeness[peaks] > 0.3 * likeness[peaks].max()][0]
    return max(round(frequency * float(first) / 8), 1)


def _band(flat: FloatImage, wave: Vector, sigma_waves: float) -> Mask:
    """Where the picture swings with the wave: captions and the free ends of long ticks do not."""
    height, width = flat.shape
    turn = np.exp(-2j * np.pi * (wave[0] * np.arange(width)[None] + wave[1] * np.arange(height)[:, None])) * flat
    sigma_px = sigma_waves / float(np.linalg.norm(wave))
    swing = np.hypot(*(cv2.GaussianBlur(part, (0, 0), sigma_px) for part in (turn.real, turn.imag)))
    return swing > 0.5 * np.percentile(swing, 99)


def _tick_points(flat: FloatImage, band: Mask, wave: Vector) -> Points:
    """Number of the tick, position along the ruler and across it (n, 3), in five strips that run along the ruler.

    A tick that ought to be there and is not seen has the position nan.
    """
    pitch_px = 1 / float(np.linalg.norm(wave))
    y, x = np.nonzero(band)
    value = flat[band].astype(np.float64)
    value = value * (np.sign(np.mean((value - value.mean()) ** 3)) or 1)  # ticks are narrower than the gaps
    along, across = (wave[0] * x + wave[1] * y) * pitch_px, (wave[0] * y - wave[1] * x) * pitch_px
    turns = float(np.angle(np.sum(value * np.exp(-2j * np.pi * along / pitch_px)))) / (2 * np.pi)
    # The outer tenths hold ends of ticks and none; each strip must hold all of them.
    strip = np.searchsorted(np.quantile(across, np.linspace(0.1, 0.9, 6)), across)
    pixels = np.array([along, across, value])
    return np.vstack([_strip_points(pixels[:, strip == k], pitch_px, turns) for k in range(1, 6) if (strip == k).any()])


def _strip_points(pixels: Points, pitch_px: float, turns: float) -> Points:
    """Points of one strip: centroids above half height, each within its own pitch; tick n stands near n - turns."""
    along, across, value = pixels
    start = math.floor(along.min())
    level, side, place = _profile(along - start, np.array([value, across, along - start]))
    number = np.arange(math.ceil(along.min() / pitch_px - turns + 0.5), along.max() / pitch_px - turns - 0.5)
    guess = (number + turns) * pitch_px - start
    offset = np.linspace(-0.5, 0.5, 65) * pitch_px
    place = np.where(np.isfinite(place), place, np.arange(len(place)))
    window = np.interp(guess[:, None] + offset, place, level)  # (tick, offset)
    whole = np.isfinite(window).all(axis=1)
    number, guess, window = number[whole], guess[whole], window[whole]
    if not len(number):
        return np.empty((0, 3))
    low, high = window.min(axis=1), window.max(axis=1)
    weight = np.maximum(window - (low + high)[:, None] / 2, 0)
    centre = guess + (weight @ offset) / np.maximum(weight.sum(axis=1), 1e-12)
    seen = high - low > 0.3 * np.percentile(high - low, 75)
    beside = np.interp(centre, np.arange(len(side)), side)
    return np.column_stack([number, np.where(seen, centre + start, np.nan), beside])


@dataclass(frozen=True, slots=True)
class _Ruler:
    wave: Vector  # cycles per pixel (fx, fy), across the ticks
    ticks: int
    residual_px: float
    share: float  # of the expected points that lie on the ruler


def _fit_ruler(points: Points, wave: Vector) -> _Ruler | None:
    """Position = start + pitch x number + lean x across, by least squares without outliers.

    Ticks that lean make the distance between them, square to the ticks, shorter than the pitch along `wave`.
    """
    number, along, across = points[np.isfinite(points).all(axis=1)].T
    design = np.column_stack([np.ones(len(number)), number, across])
    pitch_px = 1 / float(np.linalg.norm(wave))
    residual = np.abs(along - number * pitch_px - np.median(along - number * pitch_px))
    use = residual < SITE_REACH * pitch_px
    for _ in range(5):
        if len(np.unique(number[use])) < 3:
            return None
        fit = np.linalg.lstsq(design[use], along[use], rcond=None)[0]
        residual = np.abs(along - design @ fit)
        use = residual <= 6 * np.median(residual[use]) + 1e-3
    _, pitch_px, lean = fit
    unit = wave / np.linalg.norm(wave)
    across_ticks = (unit - lean * np.array([-unit[1], unit[0]])) / pitch_px
    rms = math.sqrt(float(np.mean(residual[use] ** 2)))
    return _Ruler(across_ticks, len(np.unique(number[use])), rms, use.sum() / len(points))


def _find_ruler(gray: FloatImage, sigma_px: float) -> _Ruler | None:
    flat = _without_shading(gray, sigma_px)
    wave = _refined(flat, _strongest_wave(flat))
    wave = wave / _harmonic(flat * _band(flat, wave, 6), wave)  # so wide that it spans the gaps when it is a harmonic
    band = _band(flat, wave, 1.5)
    wave = _refined(flat * band, wave)  # without the captions, which pull it aside
    return _fit_ruler(_tick_points(flat, band, wave), wave)


def _best_ruler(gray: FloatImage) -> _Ruler | None:
    """The ruler with the most ticks over several widths of the shading; a fine ruling as a whole is a dark object too."""
    found = [ruler for parts in (12, 40, 120) if (ruler := _find_ruler(gray, min(gray.shape) / parts)) is not None]
    most = max((ruler.ticks * ruler.share for ruler in found), default=0)
    full = [ruler for ruler in found if ruler.ticks * ruler.share > 0.9 * most]
    return min(full, key=lambda ruler: ruler.residual_px, default=None)


def _scale_from_ticks(gray: FloatImage, pitch_um: float, aspect: float | None) -> ScaleFit | NotMeasured:
    ruler = _best_ruler(gray)
    if ruler is None: return NotMeasured("x")
    fx, fy = ruler.wave
    a = aspect or 1.0
    sy = pitch_um * math.hypot(fx / a, fy)
    return ScaleFit(a*sy,sy, math.degrees(math.atan2(fy*a, fx)), ruler.ticks, ruler.residual_px, aspect is None)
