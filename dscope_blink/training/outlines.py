"""Masks to outlines along the borders of their pixels, holes and all, and the masks of outlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import cv2
import numpy as np

from dscope_blink.records import Mask, Points

Corner: TypeAlias = tuple[int, int]  # x and y of a corner of pixels; pixel x spans x to x + 1
Node: TypeAlias = tuple[float, float]

# Outlines run this far within the border pixels, so that every way of filling gives the same pixels: by centres, by
# rounded fifths of pixels as COCO does, and by whole pixels with their border as YOLO does. It is no odd tenth, which
# COCO would round up or down as the last bit of a number falls.
INSET = 0.2
BRIDGE = 0.35  # below the upper border of a row: there the cut to a hole passes no centre of a pixel


@dataclass(frozen=True, slots=True)
class Outlines:
    """What encloses a mask: pixel x spans x to x + 1."""

    outer: tuple[Points, ...]  # one for each of its parts, which touch not even at corners
    holes: tuple[Points, ...] = ()


def outlines_of(mask: Mask, corner: Corner = (0, 0)) -> Outlines:
    """The borders of the pixels of a mask.

    Parameters
    ----------
    mask : (h, w) bool, a window of the picture
    corner : x and y of the window

    Returns
    -------
    Each ring (N, 2) float64, x and y in the picture, without its first point again at the end
    """
    rings = _traced(mask).rings
    outer, holes = (
        tuple(np.array(ring.corners, np.float64) + corner for ring in rings if (ring.area_px < 0) == hole)
        for hole in (False, True)
    )
    return Outlines(outer, holes)


def mark_outline(mask: Mask, corner: Corner = (0, 0)) -> tuple[Points, tuple[Points, ...]]:
    """Outline and holes as a label has them: pixel centres at integers, several parts as one."""
    found = outlines_of(mask, corner)
    if found.holes and len(found.outer) > 1:  # a part may lie in a hole of another
        return joined(polygons_of(mask, corner)) - 0.5, ()
    return joined(found.outer) - 0.5, tuple(hole - 0.5 for hole in found.holes)


def polygons_of(mask: Mask, corner: Corner = (0, 0)) -> tuple[Points, ...]:
    """As formats without holes need it: a hole is reached by a cut of no width.

    Parameters
    ----------
    mask : (h, w) bool, a window of the picture
    corner : x and y of the window

    Returns
    -------
    One polygon (N, 2) float64 for each part of the mask, `INSET` within its border pixels
    """
    traced = _traced(mask)
    chain = _Chain()
    firsts = [chain.add(ring) for ring in traced.rings]
    for number, ring in enumerate(traced.rings):
        if ring.area_px < 0:
            chain.cut(mask, traced, number)
    found = [chain.around(first) for ring, first in zip(traced.rings, firsts, strict=True) if ring.area_px > 0]
    return tuple(np.round(points, 3) + corner for points in found)


def joined(polygons: Sequence[Points]) -> Points:
    """Several polygons as one: the paths between them have no width, pass no centre of a pixel, and are short."""
    first, *others = polygons
    for other in others:
        step = 1 + len(first) * len(other) // MOST_GAPS
        one, two = first.astype(np.float32), other[::step].astype(np.float32)
        gaps = np.abs(one[:, :1] - two[:, 0]) + np.abs(one[:, 1:] - two[:, 1])
        i, j = np.unravel_index(int(np.argmin(gaps)), gaps.shape)
        turned = np.roll(other, -int(j) * step, axis=0)
        turn = np.array([(turned[0, 0], first[i, 1])])
        first = np.concatenate([first[: i + 1], turn, turned, turned[:1], turn, first[i:]])
    return first


MOST_GAPS = 1_000_000  # between points of two parts that are looked at; of more only every so many


def within(polygon: Points, shape: tuple[int, int]) -> Mask:
    """The pixels whose centres lie within a polygon, even where it has cuts.

    Parameters
    ----------
    polygon : (N, 2) float64, pixel x spans x to x + 1
    shape : (H, W)

    Returns
    -------
    (H, W) bool
    """
    from skimage import measure

    mask = np.zeros(shape, bool)
    low = np.clip(np.floor(polygon.min(axis=0)).astype(int), 0, shape[::-1])
    high = np.clip(np.ceil(polygon.max(axis=0)).astype(int), 0, shape[::-1])
    size = (int(high[1] - low[1]), int(high[0] - low[0]))
    if min(size) > 0:
        inside = measure.grid_points_in_poly(size, (polygon - low - 0.5)[:, ::-1])  # type: ignore[no-untyped-call]
        mask[low[1] : high[1], low[0] : high[0]] = inside
    return mask


def simplified(polygon: Points, least_iou: float) -> Points:
    """With as few points as a person can move about, where the pixels within stay nearly the same.

    Parameters
    ----------
    polygon : (N, 2) float64
    least_iou : of the pixels before and after, at least; else the polygon stays as it is
    """
    from pycocotools import mask as coco

    low = np.floor(polygon.min(axis=0))
    moved = (polygon - low).astype(np.float32)
    width, height = (int(size) + 1 for size in np.ceil(moved.max(axis=0)))
    before = coco.frPyObjects([moved.ravel().tolist()], height, width)
    for tolerance in TOLERANCES:
        fewer = cv2.approxPolyDP(moved[:, None], tolerance, True)[:, 0].astype(np.float64)
        if len(fewer) >= 3:
            after = coco.frPyObjects([fewer.ravel().tolist()], height, width)
            if coco.iou(after, before, [0])[0, 0] >= least_iou:
                return np.asarray(np.round(fewer + low, 3))
    return polygon


TOLERANCES = (1.5, 1.2, 1.0, 0.85, 0.7, 0.5)  # pixels that the outline may depart


def iou(first: Mask, second: Mask) -> float:
    """Intersection over union; 1 of two empty masks."""
    union = int(np.count_nonzero(first | second))
    return 1.0 if union == 0 else int(np.count_nonzero(first & second)) / union


# --- tracing


@dataclass(slots=True)
class _Ring:
    """A closed border, the mask to its right."""

    corners: list[Corner] = field(default_factory=list)
    nodes: list[list[Node]] = field(default_factory=list)  # of each corner, within the border pixels
    area_px: float = 0.0  # less than 0 around a hole


@dataclass(slots=True)
class _Traced:
    rings: list[_Ring] = field(default_factory=list)
    rising: dict[Corner, tuple[int, int]] = field(default_factory=dict)  # by pixel: ring and corner of its left border


def _traced(mask: Mask) -> _Traced:
    ways, traced = _ways(mask), _Traced()
    passed: set[tuple[Corner, Corner]] = set()
    for start in sorted(ways):
        for way in ways[start]:
            if (start, way) not in passed:
                border = _border(start, way, ways)
                passed.update(border)
                _add_ring(traced, border, ways)
    return traced


def _ways(mask: Mask) -> dict[Corner, list[Corner]]:
    """The ways out of each corner along borders, the mask to the right: two where pixels touch at the corner alone."""
    padded = np.pad(np.asarray(mask, bool), 1)
    inner = padded[1:-1, 1:-1]
    sides = (  # what lies beyond, the corner of the pixel to start from, and the way
        (padded[:-2, 1:-1], (0, 0), (1, 0)),
        (padded[1:-1, 2:], (1, 0), (0, 1)),
        (padded[2:, 1:-1], (1, 1), (-1, 0)),
        (padded[1:-1, :-2], (0, 1), (0, -1)),
    )
    ways: dict[Corner, list[Corner]] = {}
    for beyond, (dx, dy), way in sides:
        rows, columns = np.nonzero(inner & ~beyond)
        for x, y in zip((columns + dx).tolist(), (rows + dy).tolist(), strict=True):
            ways.setdefault((x, y), []).append(way)
    return ways


def _border(start: Corner, first: Corner, ways: dict[Corner, list[Corner]]) -> list[tuple[Corner, Corner]]:
    """Each corner and the way out of it; where two pixels touch at a corner they are of one part."""
    border = [(start, first)]
    while True:
        (x, y), way = border[-1]
        at = (x + way[0], y + way[1])
        out = ways[at][0] if len(ways[at]) == 1 else (way[1], -way[0])
        if (at, out) == border[0]:
            return border
        border.append((at, out))


def _add_ring(traced: _Traced, border: list[tuple[Corner, Corner]], ways: dict[Corner, list[Corner]]) -> None:
    """Keep the corners where a border turns."""
    first = next(i for i, (_, way) in enumerate(border) if border[i - 1][1] != way)
    border = border[first:] + border[:first]
    ring = _Ring()
    before = border[-1][1]
    for at, out in border:
        if out != before:
            ring.corners.append(at)
            ring.nodes.append(_nodes(at, before, out, len(ways[at]) == 2))
        if out == (0, -1):
            traced.rising[at[0], at[1] - 1] = (len(traced.rings), len(ring.corners) - 1)
        ring.area_px += (at[0] * out[1] - at[1] * out[0]) / 2
        before = out
    traced.rings.append(ring)


def _nodes(at: Corner, before: Corner, out: Corner, touching: bool) -> list[Node]:
    """A corner moved into the border pixels; where two of them touch there, into one and then the other."""
    (x, y), (ax, ay), (bx, by) = at, (-before[1] * INSET, before[0] * INSET), (-out[1] * INSET, out[0] * INSET)
    if touching:
        return [(x + ax - bx, y + ay - by), (x - ax + bx, y - ay + by)]
    return [(x + ax + bx, y + ay + by)]


# --- cuts to holes


class _Chain:
    """The points of all rings, each with the next one."""

    def __init__(self) -> None:
        self.points: list[Node] = []
        self.next: list[int] = []
        self.ends: list[list[int]] = []  # by ring, of each corner: the last of its points

    def add(self, ring: _Ring) -> int:
        """Add a ring; returns its first point."""
        first = len(self.points)
        ends = []
        for nodes in ring.nodes:
            self.points += nodes
            ends.append(len(self.points) - 1)
        self.next += [*range(first + 1, len(self.points)), first]
        self.ends.append(ends)
        return first

    def cut(self, mask: Mask, traced: _Traced, hole: int) -> None:
        """Cut from the left border of a hole, in its first row, to what ends the mask at the left."""
        falling = min((y, x) for (x, y), (x1, y1) in _edges(traced.rings[hole].corners) if x1 == x and y1 > y)
        row, x = falling
        corner = next(i for i, at in enumerate(traced.rings[hole].corners) if at == (x, row))
        run = mask[row, :x]
        start = x - int(np.argmin(run[::-1])) if not run.all() else 0
        ring, index = traced.rising[start, row]
        self._splice(
            self.ends[ring][index], (start + INSET, row + BRIDGE), self.ends[hole][corner], (x - INSET, row + BRIDGE)
        )

    def _splice(self, before: int, there: Node, at_hole: int, here: Node) -> None:
        while self.points[self.next[before]][1] > there[1]:  # another cut ends further down at the same border
            before = self.next[before]
        one, two, three, four = range(len(self.points), len(self.points) + 4)
        self.points += [there, here, here, there]
        self.next += [two, self.next[at_hole], four, self.next[before]]
        self.next[at_hole], self.next[before] = three, one

    def around(self, first: int) -> list[Node]:
        """The points from one on, until it comes again."""
        found, at = [self.points[first]], self.next[first]
        while at != first:
            found.append(self.points[at])
            at = self.next[at]
        return found


def _edges(corners: list[Corner]) -> list[tuple[Corner, Corner]]:
    return list(zip(corners, corners[1:] + corners[:1], strict=True))
