"""Calibration targets in a picture: a square grid of dots, a ruled stage micrometer; everything here is in pixels.

Both are found by their order, and then fitted as a whole: one shape is moved to each dot or piece of a tick
(feature_fit.py), and a lattice or a ruling through all of them by least squares, with the outliers left out; distances
between neighbours alone would carry the error of each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from feature_fit import Pixels, Places, Shape, fit_places, fit_shape, jackknife_groups, light_at
from records import FloatImage, Mask, Points, TargetFeatures

Vector: TypeAlias = NDArray[np.float64]
Matrix: TypeAlias = NDArray[np.float64]

MIN_DOTS = 12
MIN_LINES = 3  # columns, and rows, of dots
MIN_TICKS = 10
# Random points fall within a quarter pitch of a lattice site once in four times, the dots of a real grid nearly always.
SITE_REACH = 0.25
MIN_SHARE = 0.6
MIN_CROSSED = 0.5  # of the ticks expected in a strip; long ones alone are a fifth
# A wide window finds the ruling whatever its direction, a narrow one then leaves out what stands beside short ticks.
BAND_WAVES = (4, 2)
NEARLY_ALL = 0.8
MAX_RESIDUAL_SHARE = 0.06  # of the pitch; rendered and photographed targets stay below 0.03


MIN_SEEN = 0.5  # of the features between the outermost; a fifth missing and a tenth merged or dirty leave 0.7
STRENGTHS = (0.4, 2.0)  # of a feature, in those of the typical one
MIN_WHOLE = 0.75  # of the pixels of the typical feature; the border cuts the others
MAX_MISFIT = 2.0  # times that of the typical feature: dirt lies on it, or another has merged with it
OUTLIER_SIGMAS = 4.0  # one in 16 000 of a normal distribution lies beyond
ROUNDS = 3  # of moving the shape to the features; the last one moves them by less than 0.001 px
STRIPS = 5  # pieces of a tick
GRID_GROUPS, RULER_GROUPS = 6, 20  # of the jackknife, along each axis


@dataclass(frozen=True, slots=True)
class DotGrid:
    """A lattice fitted to the places of dots."""

    basis: Matrix  # (2, 2), columns: one pitch along each of its axes, the first nearer to x
    bases: Matrix  # (groups, 2, 2), the same with each group of neighbouring dots left out
    middle: Matrix  # (2, 2), the same in the middle of the picture, if what bends the lattice is the lens
    dots: int
    residual_px: float  # rms over the dots kept
    seen: float  # share of the sites between the outermost dots whose dots are kept
    shape: Shape
    features: TargetFeatures

    @property
    def pitch_px(self) -> float:
        """The shorter one."""
        return _pitch_px(self.basis)


@dataclass(frozen=True, slots=True)
class Ruler:
    """A ruling fitted to points along its ticks."""

    wave: Vector  # ticks per pixel (fx, fy), square to the ticks
    waves: Matrix  # (groups, 2), the same with each group of neighbouring ticks left out
    middle: Vector  # (2,), the same in the middle of the picture, if what bends the ruling is the lens
    ticks: int
    residual_px: float  # rms over the points kept
    seen: float  # share of the ticks between the outermost that are kept
    shape: Shape
    features: TargetFeatures

    @property
    def pitch_px(self) -> float:
        """From tick to tick."""
        return 1 / float(np.linalg.norm(self.wave))


@dataclass(frozen=True, slots=True)
class _Lattice:
    """Where a grid roughly lies: point = origin + basis @ site."""

    origin: Vector
    basis: Matrix
    sites: Points  # (N, 2) of the dots on it
    residual_px: float
    share: float  # of all dots alike that lie on the lattice

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows with dots."""
        columns, rows = (len(np.unique(index)) for index in self.sites.T)
        return columns, rows


@dataclass(frozen=True, slots=True)
class _Ruling:
    """Where a ruler roughly lies: number of the tick = wave @ point - phase."""

    wave: Vector
    phase: float
    band: Mask
    ticks: int
    residual_px: float
    share: float  # of the points expected that lie on the ruling


Found = TypeVar("Found", _Lattice, _Ruling)


@dataclass(frozen=True, slots=True)
class NotFound:
    """The picture shows no such target; `reason` says why."""

    reason: str


def find_dots(gray: FloatImage) -> DotGrid | NotFound:
    """Fit a lattice to a square grid of dots.

    The dots may be dark or bright, the grid may be turned by any angle, dots may be missing, touch or be dirty, and the
    light may be uneven.

    Parameters
    ----------
    gray : (H, W) float32, 0..1

    Returns
    -------
    DotGrid with its basis in pixels, or NotFound with the reason
    """
    lattices = [lattice for points in _point_sets(gray) if (lattice := _fit_lattice(points)) is not None]
    best = _best(lattices, [len(lattice.sites) * lattice.share for lattice in lattices])
    if best is None:
        return NotFound(f"No dot grid: fewer than {MIN_DOTS} dots alike")
    problem = _lattice_problem(best)
    grid = None if problem else _dot_grid(gray, best)
    problem = problem or _seen_problem("dots", grid, MIN_DOTS)
    return NotFound(f"No dot grid: {problem}") if grid is None or problem else grid


def find_ruler(gray: FloatImage) -> Ruler | NotFound:
    """Fit a ruling to the ticks of a stage micrometer.

    The ticks may be dark or bright, long and short, turned by any angle; numbers and captions may stand beside them.

    Parameters
    ----------
    gray : (H, W) float32, 0..1

    Returns
    -------
    Ruler with ticks per pixel in x and y, or NotFound with the reason
    """
    # A fine ruling is a dark object as a whole, a coarse one needs wide windows: the best fit that sees all ticks.
    flat, *windows = _without_shading(gray, min(gray.shape) // 4 | 1), *(min(gray.shape) // n | 1 for n in (12, 36))
    rulings = [ruling for window_px in windows if (ruling := _ruling_after(flat, window_px)) is not None]
    best = _best(rulings, [ruling.ticks * ruling.share for ruling in rulings])
    if best is None:
        return NotFound(f"No ruler: fewer than {MIN_TICKS} lines at equal distances")
    problem = _ruling_problem(best)
    ruler = None if problem else _ruler(gray, best)
    problem = problem or _seen_problem("ticks", ruler, MIN_TICKS)
    return NotFound(f"No ruler: {problem}") if ruler is None or problem else ruler


def _best(fits: list[Found], features: list[float]) -> Found | None:
    """Of the fits with nearly as many features as any the one with the least residual; None if there is none."""
    full = [fit for fit, count in zip(fits, features, strict=True) if count > NEARLY_ALL * max(features)]
    return min(full, key=lambda fit: fit.residual_px, default=None)


# --- lattice of dots


def _local_contrast(gray: FloatImage, window_px: int) -> FloatImage:
    """Departure from the mean of the neighbourhood over its rms there: uneven light and uneven contrast drop out."""
    smooth = cv2.GaussianBlur(gray, (0, 0), 0.8)
    box = (window_px, window_px)
    departure = smooth - cv2.blur(smooth, box, borderType=cv2.BORDER_REFLECT)
    power = cv2.blur(departure * departure, box, borderType=cv2.BORDER_REFLECT)
    # The floor keeps an empty margin from showing its noise as dots.
    return np.asarray(departure / np.sqrt(np.maximum(power, 0.1 * float(power.mean()) + 1e-12)), np.float32)


def _otsu(values: FloatImage) -> float:
    span = 4.0
    as_bytes = np.clip((values + span) * (255 / (2 * span)), 0, 255).astype(np.uint8)
    level, _ = cv2.threshold(as_bytes, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return (float(level) + 0.5) * (2 * span / 255) - span


def _dot_centroids(contrast: FloatImage) -> Points:
    """Sub-pixel centroids (N, 2) of the round, alike regions above the threshold."""
    level = _otsu(contrast)
    count, labels, stats, _ = cv2.connectedComponentsWithStats((contrast > level).astype(np.uint8), connectivity=8)
    keep = _alike_dots(stats, contrast.shape)
    # A weight that rises from 0 at the outline and stays: no pixel jumps in, and the light within a dot does not pull.
    weight = np.clip((contrast - level) / 0.5, 0, 1).ravel()
    flat = labels.ravel()
    y, x = np.indices(contrast.shape).reshape(2, -1)
    mass = np.bincount(flat, weight, count)[keep]
    return np.column_stack([np.bincount(flat, weight * axis, count)[keep] / mass for axis in (x, y)])


def _alike_dots(stats: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.intp]:
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
    """Vectors from some points to their four nearest, and their opposites; (n, 2), at most 1280."""
    asked = points[:: 1 + len(points) // 80]  # plenty for a mode, and its time goes with the square
    _, nearest = cv2.batchDistance(asked.astype(np.float32), points.astype(np.float32), cv2.CV_32F, K=5)
    vectors = (points[nearest[:, 1:]] - asked[:, None]).reshape(-1, 2)
    return np.vstack([vectors, -vectors])


def _most_frequent(vectors: Points, reach: float) -> Vector:
    """Mean of the vectors about the one that has the most others within reach."""
    near = np.linalg.norm(vectors[:, None] - vectors[None], axis=2) < reach  # (n, n)
    most = near[np.argmax(np.count_nonzero(near, axis=1))]
    return np.asarray(vectors[most].mean(axis=0))


def _basis(points: Points) -> Matrix | None:
    """Columns: the two shortest lattice vectors, the first nearer to the x axis, both towards positive values."""
    vectors = _neighbor_vectors(points)
    length = np.linalg.norm(vectors, axis=1)
    reach = 0.15 * float(np.median(length))
    first = _most_frequent(vectors, reach)
    across = np.abs(vectors @ (-first[1], first[0])) > 0.5 * length * np.linalg.norm(first)
    if not across.any():
        return None
    second = _most_frequent(vectors[across], reach)
    if abs(first[0] * second[1] - first[1] * second[0]) <= 0.3 * np.linalg.norm(first) * np.linalg.norm(second):
        return None
    a, b = sorted((first, second), key=lambda v: abs(math.atan2(v[1], v[0]) % math.pi - math.pi / 2), reverse=True)
    return np.column_stack([a * math.copysign(1, a[0]), b * math.copysign(1, b[1])])


def _affine(sites: Points, points: Points) -> tuple[Vector, Matrix]:
    design = np.column_stack([np.ones(len(sites)), sites])
    solution = np.asarray(np.linalg.lstsq(design, points, rcond=None)[0], np.float64)  # (3, 2)
    return solution[0], solution[1:].T


def _spans_plane(sites: Points) -> bool:
    return len(sites) > 2 and int(np.linalg.matrix_rank(sites - sites[0])) == 2


def _indexed(points: Points, origin: Vector, basis: Matrix) -> tuple[Points, Vector]:
    """Nearest lattice site of each point, and how far from it in pitches."""
    q = np.linalg.solve(basis, (points - origin).T).T
    sites = np.rint(q)
    return sites, np.abs(q - sites).max(axis=1)


def _walk(points: Points, basis: Matrix) -> tuple[Vector, Matrix]:
    """Fit outwards from the middle: an index is counted only as far as the fit so far can count."""
    median = np.median(points, axis=0)
    middle = points[np.argmin(np.linalg.norm(points - median, axis=1))]
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
    """Least squares over the points that sit on the lattice, those far off left out."""
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
        use = (off < SITE_REACH) & (residual <= 3 * np.median(residual[use]) + 1e-3)
    rms = math.sqrt(float(np.mean(residual[use] ** 2)))
    return _Lattice(origin, basis, sites[use], rms, float(use.mean()))


def _point_sets(gray: FloatImage) -> Iterator[Points]:
    for parts in (32, 12):  # the neighbourhood must span a pitch or more, and be small against the shading
        contrast = _local_contrast(gray, min(gray.shape) // parts | 1)
        for signed in (contrast, -contrast):
            points = _dot_centroids(signed)
            if len(points) >= MIN_DOTS:
                yield points


def _lattice_problem(lattice: _Lattice) -> str:
    (columns, rows), dots = lattice.size, len(lattice.sites)
    if dots < MIN_DOTS or min(columns, rows) < MIN_LINES:
        needed = f"{MIN_DOTS} in {MIN_LINES} and {MIN_LINES} are needed"
        return f"{dots} dots in {columns} columns and {rows} rows, {needed}"
    return _fit_problem("dots", lattice.share, lattice.residual_px / _pitch_px(lattice.basis))


def _pitch_px(basis: Matrix) -> float:
    return float(np.linalg.norm(basis, axis=0).min())


def _fit_problem(features: str, share: float, residual_share: float) -> str:
    if share < MIN_SHARE:
        return f"{share:.0%} of the {features} lie on the fit, {MIN_SHARE:.0%} are needed"
    if residual_share > MAX_RESIDUAL_SHARE:
        return (
            f"the {features} lie {residual_share:.1%} of their pitch off the fit, {MAX_RESIDUAL_SHARE:.0%} is allowed"
        )
    return ""


def _seen_problem(features: str, target: DotGrid | Ruler | None, least: int) -> str:
    count = 0 if target is None else target.dots if isinstance(target, DotGrid) else target.ticks
    if target is None or count < least:
        return f"{count} {features} have the shape of the others, {least} are needed"
    if target.seen < MIN_SEEN:
        seen = f"{target.seen:.0%} of the {features} between the outermost are seen, {MIN_SEEN:.0%} are needed"
        return f"{seen}; the others are missing, dirty or hidden by uneven light"
    return ""


def _dot_grid(gray: FloatImage, lattice: _Lattice) -> DotGrid | None:
    """The lattice through the places to which one shape is moved; None when too few have that shape."""
    first, last = lattice.sites.min(axis=0), lattice.sites.max(axis=0)
    xy, site = _cells(gray.shape, lattice, first, last)
    columns, rows = (int(extent) + 1 for extent in last - first)
    sites = first + np.column_stack(np.divmod(np.arange(columns * rows), rows))
    start, pitch_px = lattice.origin + sites @ lattice.basis.T, _pitch_px(lattice.basis)
    values = gray[xy[:, 1], xy[:, 0]].astype(np.float64)
    metric = np.asarray(
        np.linalg.inv(lattice.basis) * pitch_px, np.float64
    )  # dots are round where the lattice is square
    moved = _moved(values, xy, site, start, np.eye(2), metric, pitch_px)
    return _lattice_through(moved, sites, _middle_of(gray)) if _spans_plane(sites[moved.good]) else None


def _middle_of(gray: FloatImage) -> Vector:
    height, width = gray.shape
    return np.array([(width - 1) / 2, (height - 1) / 2])


def _cells(
    shape: tuple[int, int], lattice: _Lattice, first: Vector, last: Vector
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pixels (n, 2) around the sites from first to last, and the number of the site of each, row by row."""
    y, x = np.indices(shape).reshape(2, -1)
    ((a, b), (c, d)), (x0, y0) = np.linalg.inv(lattice.basis), lattice.origin
    column = np.rint(a * (x - x0) + b * (y - y0)) - first[0]
    row = np.rint(c * (x - x0) + d * (y - y0)) - first[1]
    columns, rows = last - first + 1
    inside = (column >= 0) & (row >= 0) & (column < columns) & (row < rows)
    site = column[inside] * rows + row[inside]
    return np.column_stack([x[inside], y[inside]]), site.astype(np.intp)


@dataclass(frozen=True, slots=True)
class _Moved:
    """The features after the shape was moved to them."""

    places: Points  # (N, 2)
    whole: Mask  # (N,) not cut by the border
    present: Mask  # something like a feature is there
    good: Mask  # of the common shape and strength
    shape: Shape


def _moved(
    values: Vector,
    xy: NDArray[np.intp],
    feature: NDArray[np.intp],
    start: Points,
    axes: Matrix,
    metric: Matrix,
    pitch_px: float,
) -> _Moved:
    """Move the shape from its places at the start (N, 2) along the axes (2, d); the pixels xy belong to features."""
    centre, light = start, np.ones_like(values)
    for turn in range(ROUNDS):
        offset = axes.T @ (xy.T - centre.T[:, feature])  # (d, n)
        around = Pixels(values / light, offset, feature, len(start), metric)
        distance = around.distance
        shape = fit_shape(around.value, distance, pitch_px / 2)
        near = distance < min(shape.reach_px, pitch_px / 2)
        found = fit_places(Pixels(around.value[near], offset[:, near], feature[near], len(start), metric), shape)
        places = centre + found.shift @ axes.T
        off = np.linalg.norm((places - start) @ axes @ metric.T, axis=1) / pitch_px
        whole = found.pixels >= MIN_WHOLE * np.median(found.pixels[found.pixels > 0])
        present, good = _good(found, whole & (found.strength > 0) & (off < SITE_REACH))
        if not good.any():
            break
        centre = np.where(good[:, None], places, start)
        if turn == 0:
            light = light_at(start[good], found.strength[good], xy.astype(np.float64))
    return _Moved(places, whole, present, good, shape)


def _good(found: Places, there: Mask) -> tuple[Mask, Mask]:
    """Those not too weak, and of these the ones as strong as most and of the common shape."""
    if not there.any():
        return there, there
    low, high = np.array(STRENGTHS) * np.median(found.strength[there])
    present = there & (found.strength > low)
    alike = present & (found.strength < high)
    return present, alike & (found.misfit <= MAX_MISFIT * np.median(found.misfit[alike]))


def _lattice_through(moved: _Moved, sites: Points, middle: Vector) -> DotGrid | None:
    design = np.column_stack([np.ones(len(sites)), sites])
    use, residual = _without_outliers(design, moved.places, moved.good)
    columns, rows = (len(np.unique(index)) for index in sites[use].T)
    if min(columns, rows) < MIN_LINES:
        return None
    solution, others = _solutions(design[use], moved.places[use], _site_groups(sites[use]))
    bent = _bent(design[use], residual[use], moved.places[use] - middle, np.eye(2))
    return DotGrid(
        basis=solution[1:].T,
        bases=np.transpose(others[:, 1:], (0, 2, 1)),
        middle=(solution - bent)[1:].T,
        dots=int(use.sum()),
        residual_px=math.sqrt(float(np.mean(np.sum(residual[use] ** 2, axis=1)))),
        seen=float(use.sum() / np.count_nonzero(moved.whole)),
        shape=moved.shape,
        features=TargetFeatures(moved.places[moved.present], residual[moved.present], use[moved.present]),
    )


def _without_outliers(design: Matrix, observed: Matrix, good: Mask) -> tuple[Mask, Matrix]:
    """The good rows less the outliers of their least squares, and the residuals of all."""
    use = good
    for _ in range(ROUNDS):
        solution = np.linalg.lstsq(design[use], observed[use], rcond=None)[0]
        residual = observed - design @ solution  # (n, d)
        # Robust to outliers: half of a normal distribution lies within 0.674 sigma of each axis.
        sigma = np.maximum(np.median(np.abs(residual[use]), axis=0) / 0.674, 1e-4)
        use = good & (np.abs(residual) <= OUTLIER_SIGMAS * sigma).all(axis=1)
    return use, residual


def _bent(design: Matrix, residual: Matrix, places: Points, axes: Matrix) -> Matrix:
    """What radial distortion, with the cube of the distance from the middle, has added to the solution (k, d).

    The distortion is what the residuals (n, d) along the axes (2, d) show of it; places are relative to the middle.
    """
    reach = np.abs(places).max()
    cubic = (places * np.sum(places**2, axis=1, keepdims=True)) @ axes / reach**3
    taken_up = np.linalg.lstsq(design, cubic, rcond=None)[0]
    left = cubic - design @ taken_up
    return np.asarray(np.sum(left * residual) / (np.sum(left**2) + 1e-12) * taken_up, np.float64)


def _site_groups(sites: Points) -> NDArray[np.intp]:
    column, row = (jackknife_groups(index, GRID_GROUPS) for index in sites.T)
    return column * GRID_GROUPS + row


def _solutions(design: Matrix, observed: Matrix, group: NDArray[np.intp]) -> tuple[Matrix, Matrix]:
    """Least squares (k, d) of all rows, and (groups, k, d) with each group left out."""
    normal, right = design.T @ design, design.T @ observed
    without = []
    for number in np.unique(group):
        part, seen = design[group == number], observed[group == number]
        without.append(np.linalg.lstsq(normal - part.T @ part, right - part.T @ seen, rcond=None)[0])
    return np.asarray(np.linalg.solve(normal, right), np.float64), np.array(without)


# --- ruled stage micrometer


def _without_shading(gray: FloatImage, window_px: int) -> FloatImage:
    return gray - cv2.blur(gray, (window_px, window_px), borderType=cv2.BORDER_REFLECT)


def _strongest_wave(flat: FloatImage) -> Vector:
    """Cycles per pixel (fx, fy) of the strongest peak of the spectrum, to the nearest bin."""
    height, width = flat.shape
    strength = np.abs(np.fft.rfft2(flat * np.outer(np.hanning(height), np.hanning(width))))
    fy, fx = np.fft.fftfreq(height), np.fft.rfftfreq(width)
    strength[np.hypot(fx[None], fy[:, None]) < 4 / min(height, width)] = 0  # too few cycles to be a ruling
    row, column = np.unravel_index(np.argmax(strength), strength.shape)
    return np.array([fx[column], fy[row]])


def _profile(along: Vector, values: NDArray[Any]) -> Points:
    """Means (k, bins) of values (k, n) at positions along the ruler, one bin per pixel, nan where there are none."""
    index = np.floor(along).astype(np.intp)
    right = along - index
    size = int(index.max()) + 2

    def shared_out(weights: Vector) -> Vector:
        left_part = np.bincount(index, weights * (1 - right), size)
        return np.asarray(left_part + np.bincount(index + 1, weights * right, size), np.float64)

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


def _band(flat: FloatImage, wave: Vector, waves: int) -> Mask:
    """Where the picture swings with the wave: captions and the free ends of long ticks do not."""
    height, width = flat.shape
    turn = np.exp(-2j * np.pi * (wave[0] * np.arange(width)[None] + wave[1] * np.arange(height)[:, None])) * flat
    window_px = min(int(waves / np.linalg.norm(wave)), 2 * min(flat.shape) - 3) | 1
    box = (window_px, window_px)
    swing = np.hypot(*(cv2.blur(part, box, borderType=cv2.BORDER_REFLECT) for part in (turn.real, turn.imag)))
    return np.asarray(swing > 0.5 * np.percentile(swing, 99))


def _tick_points(flat: FloatImage, band: Mask, wave: Vector) -> Points:
    """Number of the tick, position along the ruler and across it (n, 3), in five strips that run along the ruler.

    A tick that ought to be there and is not seen has the position nan.
    """
    pitch_px = 1 / float(np.linalg.norm(wave))
    y, x = np.nonzero(band)
    value = flat[band].astype(np.float64)
    value -= value.mean()
    value *= np.sign(np.mean(value**3)) or 1  # ticks are narrower than the gaps
    along, across = (wave[0] * x + wave[1] * y) * pitch_px, (wave[0] * y - wave[1] * x) * pitch_px
    turns = float(np.angle(np.sum(value * np.exp(2j * np.pi * along / pitch_px)))) / (2 * np.pi)
    # The outer tenths hold ends of ticks and none; each strip must hold all of them.
    strip = np.searchsorted(np.quantile(across, np.linspace(0.1, 0.9, 6)), across)
    pixels = np.array([along, across, value])
    strips = [_strip_points(pixels[:, strip == k], pitch_px, turns) for k in range(1, 6) if (strip == k).any()]
    # A strip that holds the ends of long ticks only, or a caption, lies beside the ruling.
    crossed = [points for points in strips if np.isfinite(points[:, 1]).sum() > MIN_CROSSED * len(points)]
    return np.vstack(crossed or strips)


def _strip_points(pixels: Points, pitch_px: float, turns: float) -> Points:
    """Points of one strip: centroids above half height, each within its own pitch; tick n stands near n + turns."""
    along, across, value = pixels
    start = math.floor(along.min())
    level, side = _profile(along - start, np.array([value, across]))
    number = np.arange(math.ceil(along.min() / pitch_px - turns + 0.5), along.max() / pitch_px - turns - 0.5)
    guess = (number + turns) * pitch_px - start
    offset = np.linspace(-0.5, 0.5, 65) * pitch_px
    window = np.interp(guess[:, None] + offset, np.arange(len(level)), level)  # (tick, offset)
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


def _fit_ruling(points: Points, wave: Vector, band: Mask) -> _Ruling | None:
    """Position along = start + pitch x number + lean x position across, by least squares without outliers."""
    seen = points[np.isfinite(points).all(axis=1)]
    if len(seen) < MIN_TICKS:
        return None
    number, along, across = seen.T
    design = np.column_stack([np.ones(len(number)), number, across])
    pitch_px = 1 / float(np.linalg.norm(wave))
    start = along - number * pitch_px
    use = np.abs(start - np.median(start)) < SITE_REACH * pitch_px
    for _ in range(5):
        if len(np.unique(number[use])) < 3:
            return None
        fit = np.linalg.lstsq(design[use], along[use], rcond=None)[0]
        residual = np.abs(along - design @ fit)
        use = residual <= 6 * np.median(residual[use]) + 1e-3
    rms = math.sqrt(float(np.mean(residual[use] ** 2)))
    ticks, share = len(np.unique(number[use])), float(use.sum()) / len(points)
    return _Ruling(_turned(wave, fit), float(fit[0] / fit[1]), band, ticks, rms, share)


def _turned(wave: Vector, fit: Vector) -> Vector:
    """The wave after a fit (start, pitch, lean); the lean is what its direction is still wrong by."""
    _, pitch_px, lean = fit
    ux, uy = wave / np.linalg.norm(wave)
    return np.array([ux + lean * uy, uy - lean * ux]) / pitch_px


def _ruling_after(flat: FloatImage, window_px: int) -> _Ruling | None:
    """The ruling whose strongest wave stands out of the picture less what is wider than the window."""
    fine = _without_shading(flat, window_px)
    wave = _strongest_wave(fine)
    # Only the wave comes from the fine picture: a narrow window puts a tick in the middle of each wide gap.
    around = _band(fine, wave, 20)
    harmonic = _harmonic(np.where(around, flat - np.mean(flat[around]), 0), wave)
    found = _ruling_of(flat, wave / harmonic)
    if harmonic > 1 and (found is None or _ruling_problem(found)):  # captions may look like the ruling of a coarser one
        found = _ruling_of(flat, wave) or found
    return found


def _ruling_of(flat: FloatImage, wave: Vector) -> _Ruling | None:
    ruling = None
    for waves in BAND_WAVES:
        band = _band(flat, wave, waves)
        ruling = _fit_ruling(_tick_points(flat, band, wave), wave, band)
        if ruling is None:
            return None
        wave = ruling.wave
    return ruling


def _ruling_problem(ruling: _Ruling) -> str:
    if ruling.ticks < MIN_TICKS:
        return f"{ruling.ticks} ticks, {MIN_TICKS} are needed"
    return _fit_problem("ticks", ruling.share, ruling.residual_px * float(np.linalg.norm(ruling.wave)))


def _ruler(gray: FloatImage, ruling: _Ruling) -> Ruler | None:
    """The ruling through the places to which one shape is moved; None when too few have that shape."""
    pitch_px = 1 / float(np.linalg.norm(ruling.wave))
    direction = ruling.wave * pitch_px
    xy, piece, number = _pieces(ruling)
    start = _middles(xy, piece, number, ruling)
    values = gray[xy[:, 1], xy[:, 0]].astype(np.float64)
    moved = _moved(values, xy, piece, start, direction[:, None], np.eye(1), pitch_px)
    if len(np.unique(number[moved.good])) < MIN_TICKS:
        return None
    return _ruling_through(moved, number, ruling, _middle_of(gray))


def _pieces(ruling: _Ruling) -> tuple[NDArray[np.intp], NDArray[np.intp], Vector]:
    """Pixels (n, 2) of the band, the number of the piece of a tick each belongs to, the tick of each piece."""
    y, x = np.nonzero(ruling.band)
    number = np.rint(ruling.wave[0] * x + ruling.wave[1] * y - ruling.phase)
    across = ruling.wave[0] * y - ruling.wave[1] * x
    # The outer tenths hold ends of ticks and none.
    strip = np.searchsorted(np.quantile(across, np.linspace(0.1, 0.9, STRIPS + 1)), across) - 1
    inside = (strip >= 0) & (strip < STRIPS)
    first = number.min()
    piece = ((number[inside] - first) * STRIPS + strip[inside]).astype(np.intp)
    ticks = first + np.arange((int(piece.max()) // STRIPS + 1) * STRIPS) // STRIPS
    return np.column_stack([x[inside], y[inside]]), piece, ticks


def _middles(xy: NDArray[np.intp], piece: NDArray[np.intp], number: Vector, ruling: _Ruling) -> Points:
    """The middle (pieces, 2) of each piece, on its tick."""
    pixels = np.maximum(np.bincount(piece, minlength=len(number)), 1)
    middle = np.column_stack([np.bincount(piece, axis, len(number)) / pixels for axis in xy.T])
    off = number + ruling.phase - middle @ ruling.wave  # ticks
    return middle + off[:, None] * ruling.wave / np.sum(ruling.wave**2)


def _ruling_through(moved: _Moved, number: Vector, ruling: _Ruling, middle: Vector) -> Ruler | None:
    ux, uy = ruling.wave / np.linalg.norm(ruling.wave)
    along, across = moved.places @ (ux, uy), moved.places @ (-uy, ux)
    design = np.column_stack([np.ones(len(number)), number, across])
    use, residual = _without_outliers(design, along[:, None], moved.good)
    if len(np.unique(number[use])) < MIN_TICKS:
        return None
    group, ticks = jackknife_groups(number[use], RULER_GROUPS), np.unique(number[use])
    fit, others = _solutions(design[use], along[use, None], group)
    bent = _bent(design[use], residual[use], moved.places[use] - middle, np.array([[ux], [uy]]))
    return Ruler(
        wave=_turned(ruling.wave, fit[:, 0]),
        waves=np.array([_turned(ruling.wave, other[:, 0]) for other in others]),
        middle=_turned(ruling.wave, (fit - bent)[:, 0]),
        ticks=len(ticks),
        residual_px=math.sqrt(float(np.mean(residual[use] ** 2))),
        seen=float(len(ticks) / (np.ptp(ticks) + 1)),
        shape=moved.shape,
        features=TargetFeatures(moved.places[moved.present], residual[moved.present] * (ux, uy), use[moved.present]),
    )
