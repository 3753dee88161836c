"""The shapes of marks as clustering compares them: areas, and the middle of what is long and thin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.analysis.measuring import LINEAR
from dscope_blink.records import Points, SourceMark

Geometries: TypeAlias = NDArray[Any]  # of shapely
Numbers: TypeAlias = NDArray[np.float64]

SAMPLES = 17  # along the middle of a line
LONG = 3.0  # length squared over area, from which on a mark is a line: of a rectangle three times as long as wide
MAYBE_LONG = 18.0  # outline squared over area: a rectangle of two to one, a disc has 12.6


@dataclass(frozen=True, slots=True)
class Shapes:
    """Marks in one unit of length, in their order; (N,) each unless it says otherwise."""

    areas: Geometries  # polygons; a point or a line where the outline is no more than that
    boxes: Numbers  # (N, 4) left, top, right, bottom
    centers: Geometries  # points
    sizes: Numbers  # the side of a square of that area
    is_line: NDArray[np.bool_]
    is_box: NDArray[np.bool_]
    middles: Numbers  # (N, SAMPLES, 2) along its middle from end to end; NaN for what is no line


def shapes_of(marks: Sequence[SourceMark], axes: tuple[float, float], fineness: float) -> Shapes:
    """The shapes of marks, x and y scaled by `axes`; areas are true to `fineness` in that unit."""
    import shapely

    outlines = [np.asarray(mark.outline_px, np.float64).reshape(-1, 2) * axes for mark in marks]
    areas = _coarse(areas_of(outlines), fineness)
    area, around = shapely.area(areas), shapely.length(areas)
    linear = np.array([mark.kind in LINEAR for mark in marks], bool)
    maybe = (around * around >= MAYBE_LONG * area) | linear
    middles, widths = np.full((len(marks), SAMPLES, 2), np.nan), np.zeros(len(marks))
    for place in np.flatnonzero(maybe).tolist():
        middles[place], widths[place] = middle_of(outlines[place]), width_of(outlines[place])
    length = lengths_of(middles) + widths
    is_line = np.nan_to_num(length * length, nan=-1.0) >= np.maximum(LONG * area, 1e-12)
    middles[~is_line] = np.nan
    is_box = np.array([mark.is_box for mark in marks], bool)
    return Shapes(areas, shapely.bounds(areas), shapely.centroid(areas), np.sqrt(area), is_line, is_box, middles)


def lengths_of(middles: Numbers) -> Numbers:
    """How long lines are; NaN for what is none."""
    steps = np.diff(middles, axis=-2)
    return np.hypot(steps[..., 0], steps[..., 1]).sum(axis=-1)


def areas_of(outlines: Sequence[Points]) -> Geometries:
    """Polygons of outlines, (N, 2) each; what crosses itself is cleared up, what has no area is a line or a point."""
    import shapely

    if not outlines:
        return np.empty(0, object)
    wide = np.array([len(points) >= 3 for points in outlines])
    areas = np.empty(len(outlines), object)
    rings = [points for points, many in zip(outlines, wide, strict=True) if many]
    if rings:
        index = np.repeat(np.arange(len(rings)), [len(points) for points in rings])
        areas[wide] = shapely.polygons(shapely.linearrings(np.concatenate(rings), indices=index))
    for place in np.flatnonzero(~wide).tolist():
        points = outlines[place]
        areas[place] = shapely.Point(points[0]) if len(points) == 1 else shapely.LineString(points)
    broken = ~shapely.is_valid(areas)
    areas[broken] = [_mended(area) for area in areas[broken]]
    return areas


def _coarse(areas: Geometries, fineness: float) -> Geometries:
    """Without the points that make no difference: comparing takes as long as there are points."""
    import shapely

    coarse = shapely.simplify(areas, fineness, preserve_topology=False)
    return np.where(shapely.is_valid(coarse) & ~shapely.is_empty(coarse), coarse, areas)


def _mended(area: Any) -> Any:
    """The parts of a polygon that crosses itself; of one without an area its outline."""
    import shapely

    whole = shapely.make_valid(area, method="structure", keep_collapsed=False)
    return shapely.make_valid(area) if whole.is_empty else whole


def middle_of(outline: Points) -> Points:
    """The middle between both sides of an outline, (SAMPLES, 2), from near one end to near that farthest from it.

    At the ends themselves, which are corners, it would lie beside the middle: half a width of either is left out.
    """
    corners = _corners(outline)
    apart = outline[corners, None] - outline[corners]
    pair = divmod(int((apart**2).sum(axis=2).argmax()), len(corners))
    first, last = sorted(corners[list(pair)].tolist())
    there, back = outline[first : last + 1], np.concatenate([outline[last:], outline[: first + 1]])[::-1]
    width = width_of(outline)
    return (_evenly(there, width) + _evenly(back, width)) / 2


def _corners(outline: Points) -> NDArray[np.intp]:
    """Places of the points on the convex hull, of which two are farthest apart: all pairs of thousands fill memory."""
    import shapely

    hull = shapely.get_coordinates(shapely.convex_hull(shapely.multipoints(outline)))
    return np.flatnonzero(np.isin(outline @ (1, 1j), hull @ (1, 1j)))


def width_of(outline: Points) -> float:
    """Of the ribbon that has this outline and area."""
    ahead = np.roll(outline, -1, axis=0)
    area = abs(float(np.sum(outline[:, 0] * ahead[:, 1] - ahead[:, 0] * outline[:, 1]))) / 2
    return 2 * area / max(float(np.hypot(*(ahead - outline).T).sum()), 1e-9)


def _evenly(points: Points, beyond: float) -> Points:
    """A line by SAMPLES points at even distances along it, but for so much at both ends."""
    run = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.linspace(min(beyond, run[-1] / 3), max(run[-1] - beyond, 2 * run[-1] / 3), SAMPLES)
    return np.stack([np.interp(at, run, points[:, 0]), np.interp(at, run, points[:, 1])], axis=1)
