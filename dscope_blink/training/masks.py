"""Labels of pixels: the outlines of zones and marks filled, by the centres of the pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Labels, Mask, Points, zone_map
from dscope_blink.training.classes import MARK_VALUES
from dscope_blink.training.labels import Label

Instances: TypeAlias = NDArray[np.uint16]  # (H, W): 0 no mark, else 1 + index of the mark


def filled(outline: Points, holes: Sequence[Points], shape: tuple[int, int]) -> tuple[Mask, tuple[int, int]]:
    """The pixels whose centres lie within an outline, or on it, and neither within nor on one of its holes.

    Parameters
    ----------
    outline, holes : (N, 2) float64, x and y, in pixels
    shape : (H, W) of the picture; what lies beyond is left out

    Returns
    -------
    (h, w) bool of the smallest window around the outline, and x and y of its corner. An outline that holds no centre is
    the one pixel in its middle.
    """
    low, high = np.floor(outline.min(axis=0)).astype(int), np.ceil(outline.max(axis=0)).astype(int)
    x0, y0 = (min(max(int(at), 0), size - 1) for at, size in zip(low, shape[::-1], strict=True))
    x1, y1 = (min(max(int(at), 0), size - 1) for at, size in zip(high, shape[::-1], strict=True))
    size = (y1 - y0 + 1, x1 - x0 + 1)
    inside = _within(outline, (x0, y0), size)
    for hole in holes:
        inside &= ~_within(hole, (x0, y0), size)
    if not inside.any():
        x, y = (outline.min(axis=0) + outline.max(axis=0)) / 2
        row, column = min(max(round(y) - y0, 0), size[0] - 1), min(max(round(x) - x0, 0), size[1] - 1)
        inside[row, column] = True
    return inside, (x0, y0)


def _within(outline: Points, corner: tuple[int, int], size: tuple[int, int]) -> Mask:
    from skimage import measure

    vertices = np.round((outline - corner)[:, ::-1], 6)
    return np.asarray(measure.grid_points_in_poly(size, vertices, binarize=False) > 0)  # type: ignore[no-untyped-call]


def instances_of(label: Label) -> Instances:
    """ONE label image of the marks of a picture, so they cannot overlap: of two, the smaller one has the pixel."""
    shape = (label.height, label.width)
    image = np.zeros(shape, np.uint16)
    masks = [(number, *filled(mark.outline_px, mark.holes_px, shape)) for number, mark in enumerate(label.marks, 1)]
    for number, inside, (x, y) in sorted(masks, key=lambda item: -int(np.count_nonzero(item[1]))):
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
