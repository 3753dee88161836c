"""Labels of pixels: the outlines of zones and marks filled, by the centres of the pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Labels, Mask, Points, zone_map
from dscope_blink.training.classes import MARK_VALUES
from dscope_blink.training.labels import Label

Instances: TypeAlias = NDArray[np.uint16]  # (H, W): 0 no mark, else 1 + index of the mark
Placed: TypeAlias = tuple[Mask, tuple[int, int]]  # (h, w) of a window, and x and y of its corner


def filled(outline: Points, holes: Sequence[Points], shape: tuple[int, int]) -> tuple[Mask, tuple[int, int]]:
    """The pixels whose centres lie within an outline, or on it, and neither within nor on one of its holes.

    Parameters
    ----------
    outline, holes : (N, 2) float64, x and y, in pixels
    shape : (H, W) of the picture; what lies beyond is left out

    Returns
    -------
    (h, w) bool of the smallest window around the outline, and x and y of its corner. Where an outline is too thin to
    hold centres it is a line of single pixels: a scratch of half a pixel is as long as it is, and in one piece.
    """
    low, high = np.floor(outline.min(axis=0)).astype(int), np.ceil(outline.max(axis=0)).astype(int)
    x0, y0 = (min(max(int(at), 0), size - 1) for at, size in zip(low, shape[::-1], strict=True))
    x1, y1 = (min(max(int(at), 0), size - 1) for at, size in zip(high, shape[::-1], strict=True))
    size = (y1 - y0 + 1, x1 - x0 + 1)
    inside = _in_one_piece(_within(outline, (x0, y0), size), outline - (x0, y0))
    for hole in holes:
        inside &= ~_within(hole, (x0, y0), size)
    return inside, (x0, y0)


def _in_one_piece(inside: Mask, outline: Points) -> Mask:
    """With the middle of the outline where it holds no centres; parts that it joins by a path stay apart."""
    if _pieces(inside) == 1:
        return inside
    from skimage.morphology import skeletonize

    sides = _ribbon(outline)
    parts = _parts(sides)
    if _pieces(inside) == parts:
        return inside
    drawn = np.pad(inside, 1).view(np.uint8)
    cv2.polylines(drawn, list(np.rint(sides + 1).astype(np.int32)), False, 1)
    thin: Mask = skeletonize(drawn)  # type: ignore[no-untyped-call]
    tied = inside | thin[1:-1, 1:-1]
    return tied if _pieces(tied) <= parts else drawn[1:-1, 1:-1].astype(bool)  # thinning may leave the tip of a speck


def _ribbon(outline: Points) -> Points:
    """The sides of an outline, (n, 2, 2), but those on which it comes back: a path from part to part has no width."""
    sides = np.stack([outline, np.roll(outline, -1, axis=0)], axis=1)
    there = {(*start, *end) for start, end in sides.tolist()}
    kept = sides[[(*end, *start) not in there for start, end in sides.tolist()]]
    return kept if len(kept) else sides


def _parts(sides: Points) -> int:
    """How many closed ways the sides make."""
    before: dict[tuple[float, ...], tuple[float, ...]] = {}

    def first(point: tuple[float, ...]) -> tuple[float, ...]:
        while (at := before.setdefault(point, point)) != point:
            before[point] = before[at]
            point = at
        return point

    for start, end in sides.tolist():
        before[first(tuple(start))] = first(tuple(end))
    return sum(point == at for point, at in before.items())


def _pieces(mask: Mask | Labels) -> int:
    return cv2.connectedComponents(mask.view(np.uint8), connectivity=8)[0] - 1  # without the ground


def _within(outline: Points, corner: tuple[int, int], size: tuple[int, int]) -> Mask:
    """Row by row, by how often the outline winds around each centre: one that crosses itself has no hole there.

    The time grows with the length of the outline and the window, not with their product: that of a stain of 250 000
    pixels with an outline of 16 000 points was 7 s by a test of each centre against each side.
    """
    rows, columns = size
    start = np.round(outline - corner, DECIMALS)
    side, row = _rows_crossed(start, rows)
    (x0, y0), (x1, y1) = start[side].T, np.roll(start, -1, axis=0)[side].T
    x = np.round(x0 + (row - y0) * (x1 - x0) / (y1 - y0), DECIMALS)
    step = np.bincount(
        row * (columns + 1) + np.clip(np.ceil(x), 0, columns).astype(np.intp),
        np.where(y1 > y0, 1.0, -1.0),
        rows * (columns + 1),
    )
    within = (np.cumsum(step.reshape(rows, columns + 1), axis=1) != 0)[:, :columns]
    on_x, on_y = np.concatenate([np.stack([x, row], axis=1), start, _along_rows(start)]).T
    on = (on_x == np.rint(on_x)) & (on_y == np.rint(on_y)) & (on_x >= 0) & (on_y >= 0)
    on &= (on_x < columns) & (on_y < rows)
    within[on_y[on].astype(np.intp), on_x[on].astype(np.intp)] = True
    return within


DECIMALS = 6  # of a pixel: what lies so near to a centre lies on it


def _rows_crossed(start: Points, rows: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Each side of an outline as often as there are rows of centres from its upper end on and above its lower one."""
    y0, y1 = start[:, 1], np.roll(start[:, 1], -1)
    first = np.clip(np.ceil(np.minimum(y0, y1)), 0, rows).astype(np.intp)
    return _counted_up(first, np.clip(np.ceil(np.maximum(y0, y1)), 0, rows).astype(np.intp))


def _along_rows(start: Points) -> Points:
    """The centres on the sides that run along a row; (n, 2)."""
    (x0, y0), (x1, y1) = start.T, np.roll(start, -1, axis=0).T
    along = np.flatnonzero(y0 == y1)
    first, end = np.ceil(np.minimum(x0, x1)[along]), np.floor(np.maximum(x0, x1)[along]) + 1
    side, x = _counted_up(first.astype(np.intp), end.astype(np.intp))
    return np.stack([x, y0[along][side]], axis=1)


def _counted_up(first: NDArray[np.intp], end: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Index of each range, as often as it holds whole numbers, and these numbers."""
    count = np.maximum(end - first, 0)
    index = np.repeat(np.arange(len(first)), count)
    return index, np.arange(len(index)) - np.repeat(np.cumsum(count) - count, count) + first[index]


def masks_of(label: Label) -> tuple[Placed, ...]:
    """Of each mark all pixels that its outline holds, those that it shares with others too."""
    shape = (label.height, label.width)
    return tuple(filled(mark.outline_px, mark.holes_px, shape) for mark in label.marks)


def instances_of(label: Label, masks: Sequence[Placed] | None = None) -> Instances:
    """ONE label image of the marks of a picture, so they cannot overlap: of two, the smaller one has the pixel.

    `masks` are those of `masks_of`, where they are at hand.
    """
    image = np.zeros((label.height, label.width), np.uint16)
    numbered = list(enumerate(masks_of(label) if masks is None else masks, 1))
    for number, (inside, (x, y)) in sorted(numbered, key=lambda item: -int(np.count_nonzero(item[1][0]))):
        image[y : y + inside.shape[0], x : x + inside.shape[1]][inside] = number
    return image


def kinds_of(label: Label, instances: Instances) -> Labels:
    """(H, W) uint8: `classes.MARK_VALUES` of the mark at each pixel, 0 for none."""
    values = np.array([0, *(MARK_VALUES[mark.kind] for mark in label.marks)], np.uint8)
    return values[instances]


def zones_of(label: Label) -> Labels:
    """(H, W) uint8: `classes.ZONE_CLASSES` by index, 0 outside; all outside where the fiber was not located."""
    zones = zone_map((label.height, label.width), label.zones).labels
    if label.cut is None or not any(label.cut.padding):
        return zones
    left, top, right, bottom = label.cut.padding
    return np.pad(zones[top : label.height - bottom, left : label.width - right], ((top, bottom), (left, right)))


def box_of(mask: Mask, corner: tuple[int, int]) -> tuple[int, int, int, int]:
    """x, y, width and height of the pixels of a mask in a window whose corner is x, y."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x, y = corner[0] + int(columns[0]), corner[1] + int(rows[0])
    return x, y, int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1


def area_um2(pixels: int, um_per_px: tuple[float, float] | None) -> float:
    """NaN without a scale."""
    return math.nan if um_per_px is None else pixels * um_per_px[0] * um_per_px[1]
