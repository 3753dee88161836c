"""Calibration targets in a picture: a square grid of dots, a ruled stage micrometer; everything here is in pixels.

Both are found by their order, and then fitted as a whole: one shape is moved to each dot or piece of a tick
(feature_fit.py), and a lattice or a ruling through all of them by least squares, with the outliers left out; distances
between neighbours alone would carry the error of each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dscope_blink.calibration.coarse_targets import (
    MIN_DOTS,
    MIN_LINES,
    MIN_TICKS,
    SITE_REACH,
    Lattice,
    Matrix,
    Ruling,
    Vector,
    find_lattice,
    find_ruling,
    lattice_pitch_px,
    lattice_problem,
    ruling_problem,
    spans_plane,
    turned,
)
from dscope_blink.calibration.feature_fit import (
    Pixels,
    Places,
    Shape,
    fit_places,
    fit_shape,
    jackknife_groups,
    light_at,
)
from dscope_blink.records import FloatImage, Mask, Points, TargetFeatures

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
        return lattice_pitch_px(self.basis)


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
    best = find_lattice(gray)
    if best is None:
        return NotFound(f"No dot grid: fewer than {MIN_DOTS} dots alike")
    problem = lattice_problem(best)
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
    best = find_ruling(gray)
    if best is None:
        return NotFound(f"No ruler: fewer than {MIN_TICKS} lines at equal distances")
    problem = ruling_problem(best)
    ruler = None if problem else _ruler(gray, best)
    problem = problem or _seen_problem("ticks", ruler, MIN_TICKS)
    return NotFound(f"No ruler: {problem}") if ruler is None or problem else ruler


# --- lattice of dots


def _seen_problem(features: str, target: DotGrid | Ruler | None, least: int) -> str:
    count = 0 if target is None else target.dots if isinstance(target, DotGrid) else target.ticks
    if target is None or count < least:
        return f"{count} {features} have the shape of the others, {least} are needed"
    if target.seen < MIN_SEEN:
        seen = f"{target.seen:.0%} of the {features} between the outermost are seen, {MIN_SEEN:.0%} are needed"
        return f"{seen}; the others are missing, dirty or hidden by uneven light"
    return ""


def _dot_grid(gray: FloatImage, lattice: Lattice) -> DotGrid | None:
    """The lattice through the places to which one shape is moved; None when too few have that shape."""
    first, last = lattice.sites.min(axis=0), lattice.sites.max(axis=0)
    xy, site = _cells(gray.shape, lattice, first, last)
    columns, rows = (int(extent) + 1 for extent in last - first)
    sites = first + np.column_stack(np.divmod(np.arange(columns * rows), rows))
    start, pitch_px = lattice.origin + sites @ lattice.basis.T, lattice_pitch_px(lattice.basis)
    values = gray[xy[:, 1], xy[:, 0]].astype(np.float64)
    metric = np.asarray(
        np.linalg.inv(lattice.basis) * pitch_px, np.float64
    )  # dots are round where the lattice is square
    moved = _moved(values, xy, site, start, np.eye(2), metric, pitch_px)
    return _lattice_through(moved, sites, _middle_of(gray)) if spans_plane(sites[moved.good]) else None


def _middle_of(gray: FloatImage) -> Vector:
    height, width = gray.shape
    return np.array([(width - 1) / 2, (height - 1) / 2])


def _cells(
    shape: tuple[int, int], lattice: Lattice, first: Vector, last: Vector
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


def _ruler(gray: FloatImage, ruling: Ruling) -> Ruler | None:
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


def _pieces(ruling: Ruling) -> tuple[NDArray[np.intp], NDArray[np.intp], Vector]:
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


def _middles(xy: NDArray[np.intp], piece: NDArray[np.intp], number: Vector, ruling: Ruling) -> Points:
    """The middle (pieces, 2) of each piece, on its tick."""
    pixels = np.maximum(np.bincount(piece, minlength=len(number)), 1)
    middle = np.column_stack([np.bincount(piece, axis, len(number)) / pixels for axis in xy.T])
    off = number + ruling.phase - middle @ ruling.wave  # ticks
    return middle + off[:, None] * ruling.wave / np.sum(ruling.wave**2)


def _ruling_through(moved: _Moved, number: Vector, ruling: Ruling, middle: Vector) -> Ruler | None:
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
        wave=turned(ruling.wave, fit[:, 0]),
        waves=np.array([turned(ruling.wave, other[:, 0]) for other in others]),
        middle=turned(ruling.wave, (fit - bent)[:, 0]),
        ticks=len(ticks),
        residual_px=math.sqrt(float(np.mean(residual[use] ** 2))),
        seen=float(len(ticks) / (np.ptp(ticks) + 1)),
        shape=moved.shape,
        features=TargetFeatures(moved.places[moved.present], residual[moved.present] * (ux, uy), use[moved.present]),
    )
