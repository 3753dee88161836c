"""Pairs of marks of different sources that lie near each other, and whether the two may be one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.analysis.aggregation.kinds_together import may_be_one
from dscope_blink.analysis.aggregation.line_pairs import together
from dscope_blink.analysis.aggregation.mark_shapes import Numbers, Shapes
from dscope_blink.analysis.measuring import LINEAR
from dscope_blink.config.settings import AggregationSettings
from dscope_blink.records import SourceMark

Places: TypeAlias = NDArray[np.intp]  # (P,) of marks

MUCH_LARGER = 3.0  # times, by the side of a square of its area and eps: the smaller of two must lie on it, not beside
LEAST_BOX_SHARE = 0.5  # of either box that the other covers
TELLING = 6  # decimals of a likeness: what a turned picture rounds otherwise does not count
ROUND = 2  # segments of a quarter of the circles that areas are widened by


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of marks whose kinds may be one and whose outlines lie near enough, (P,) each."""

    first: Places
    second: Places
    apart: Numbers  # distance between the outlines
    likeness: Numbers  # 0..1: what both cover of what either does, eps / 2 around them included
    one: NDArray[np.bool_]  # whether the two may be one mark: near each other is not enough
    cross: NDArray[np.bool_]  # whether they are lines that cross


def pairs_of(
    marks: Sequence[SourceMark], shapes: Shapes, eps: float, types_within: float, settings: AggregationSettings
) -> Pairs:
    """The pairs among marks.

    Parameters
    ----------
    marks : ordered
    shapes : of the marks
    eps : how near outlines must lie
    types_within : how near those of marks of different kinds must lie, in the same unit
    settings : which kinds may be one
    """
    first, second = _near(marks, shapes, eps)
    apart = _apart(shapes, first, second)
    kept = _kinds_fit(marks, first, second, apart <= types_within, settings)
    first, second, apart = first[kept], second[kept], apart[kept]
    one, cross = _are_one(marks, shapes, first, second, apart, eps)
    return Pairs(first, second, apart, _likeness(shapes, first, second, eps), one, cross)


def _near(marks: Sequence[SourceMark], shapes: Shapes, eps: float) -> tuple[Places, Places]:
    """Pairs of marks of different sources whose outlines lie no farther apart than `eps`."""
    import shapely

    first, second = shapely.STRtree(shapes.areas).query(shapes.areas, predicate="dwithin", distance=eps)
    _, runs = np.unique([mark.source for mark in marks], return_inverse=True)
    kept = (first < second) & (runs[first] != runs[second])
    order = np.lexsort((second[kept], first[kept]))
    return first[kept][order], second[kept][order]


def _apart(shapes: Shapes, first: Places, second: Places) -> Numbers:
    import shapely

    return np.asarray(shapely.distance(shapes.areas[first], shapes.areas[second]), np.float64)


def _kinds_fit(
    marks: Sequence[SourceMark], first: Places, second: Places, close: NDArray[np.bool_], settings: AggregationSettings
) -> NDArray[np.bool_]:
    pairs = zip(first.tolist(), second.tolist(), close.tolist(), strict=True)
    fits = [
        marks[i].kind == marks[j].kind or (near and may_be_one(marks[i], marks[j], settings)) for i, j, near in pairs
    ]
    return np.array(fits, bool)


def _likeness(shapes: Shapes, first: Places, second: Places, eps: float) -> Numbers:
    """Of lines by their areas; of all else by discs of the same area and place, in a tenth of the time."""
    lines = shapes.is_line[first] | shapes.is_line[second]
    shares = np.empty(len(first))
    shares[lines] = _shared_area(shapes, first[lines], second[lines], eps / 2)
    shares[~lines] = _shared_disc(shapes, first[~lines], second[~lines], eps / 2)
    return np.round(shares, TELLING)


def _shared_area(shapes: Shapes, first: Places, second: Places, around: float) -> Numbers:
    """Intersection over union."""
    import shapely

    used = np.unique(np.concatenate([first, second]))
    wide = np.empty(len(shapes.areas), object)
    wide[used] = shapely.buffer(shapes.areas[used], around, quad_segs=ROUND)
    area = shapely.area(wide)
    both = shapely.area(shapely.intersection(wide[first], wide[second]))
    return np.asarray(both / np.maximum(area[first] + area[second] - both, LEAST_AREA), np.float64)


def _shared_disc(shapes: Shapes, first: Places, second: Places, around: float) -> Numbers:
    """The same of discs: what two share are the two segments that the line through their crossings cuts off."""
    import shapely

    apart = np.maximum(shapely.distance(shapes.centers[first], shapes.centers[second]), 1e-9)
    radius = shapes.sizes / math.sqrt(math.pi) + around
    large, small = np.maximum(radius[first], radius[second]), np.minimum(radius[first], radius[second])
    apart = np.clip(apart, large - small + 1e-9, large + small)  # within each other, or beside
    chord = (apart**2 + large**2 - small**2) / (2 * apart)
    both = sum(
        r * r * np.arccos(np.clip(d / r, -1, 1)) - d * np.sqrt(np.maximum(r * r - d * d, 0))
        for r, d in ((large, chord), (small, apart - chord))
    )
    return np.asarray(both / np.maximum(math.pi * (large**2 + small**2) - both, LEAST_AREA), np.float64)


LEAST_AREA = 1e-12


def _are_one(
    marks: Sequence[SourceMark], shapes: Shapes, first: Places, second: Places, apart: Numbers, eps: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether one of the two covers the other substantially, for what only touches is another mark; which cross."""
    boxes = shapes.is_box[first] | shapes.is_box[second]
    lines = shapes.is_line[first] & shapes.is_line[second] & ~boxes
    mixed = (shapes.is_line[first] ^ shapes.is_line[second]) & ~boxes
    compact = ~(boxes | lines | mixed)
    one, cross = np.zeros((2, len(first)), bool)
    both = together(shapes, first[lines], second[lines], eps)
    one[boxes] = _boxes_cover(shapes, first[boxes], second[boxes])
    one[lines], cross[lines] = both.run, both.cross
    one[mixed] = _is_piece(marks, shapes, first[mixed], second[mixed], eps)
    one[compact] = _centers_within(shapes, first[compact], second[compact], apart[compact], eps)
    return one, cross


def _boxes_cover(shapes: Shapes, first: Places, second: Places) -> NDArray[np.bool_]:
    """Whether either covers half of the other, where of one no more is known than its box: both by their boxes."""
    a, b = shapes.boxes[first], shapes.boxes[second]
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    both = np.maximum(sides, 0.0).prod(axis=1)
    least = np.maximum((a[:, 2:] - a[:, :2]).prod(axis=1), (b[:, 2:] - b[:, :2]).prod(axis=1))
    return np.asarray(both >= LEAST_BOX_SHARE * np.maximum(least, LEAST_AREA), bool)


def _is_piece(
    marks: Sequence[SourceMark], shapes: Shapes, first: Places, second: Places, eps: float
) -> NDArray[np.bool_]:
    """Whether what is no line is a short piece of one, or as much of it as makes no difference."""
    import shapely

    if not len(first):
        return np.zeros(0, bool)
    swapped = shapes.is_line[second]
    line, other = np.where(swapped, second, first), np.where(swapped, first, second)
    on_line = shapely.distance(shapes.centers[other], shapes.areas[line]) <= eps
    alike = np.array([_are_alike(marks[i], marks[j]) for i, j in zip(line.tolist(), other.tolist(), strict=True)])
    points = shapely.points(shapes.middles[line])
    covered = (shapely.distance(points, shapes.areas[other][:, None]) <= eps).mean(axis=1)
    return np.asarray(on_line & (alike | (covered >= LEAST_COVERED)), bool)


def _are_alike(first: SourceMark, second: SourceMark) -> bool:
    return first.kind == second.kind or (first.kind in LINEAR and second.kind in LINEAR)


LEAST_COVERED = 0.7  # of a line, by what is none


def _centers_within(shapes: Shapes, first: Places, second: Places, apart: Numbers, eps: float) -> NDArray[np.bool_]:
    """Whether the centre of one lies on the other or as near to it as `eps`: then it covers half of it within that."""
    import shapely

    nearest = np.minimum(
        shapely.distance(shapes.centers[first], shapes.areas[second]),
        shapely.distance(shapes.centers[second], shapes.areas[first]),
    )
    ratio = (shapes.sizes[first] + eps) / (shapes.sizes[second] + eps)
    alike = np.maximum(ratio, 1 / ratio) <= MUCH_LARGER
    return np.asarray((nearest <= eps) & (alike | (apart == 0)), bool)
