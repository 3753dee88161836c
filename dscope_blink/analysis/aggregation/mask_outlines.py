"""Outlines of marks off a mask of them: which part of the mask is which mark, and how it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Points

Whole: TypeAlias = NDArray[np.int32]
Boxes: TypeAlias = NDArray[np.float64]
FloatBox: TypeAlias = tuple[float, float, float, float]  # x, y, width and height

EDGE_PX = 2.0  # by which an edge of a box may lie beside that of its part: programs round, and grow what they draw
EDGE_SHARE = 0.25  # of the side, by which it may where that is more
FINER = 3  # times, at which a border is traced: it runs a sixth of a pixel within the border of the pixels


@dataclass(frozen=True, slots=True)
class Sought:
    """A mark to be found in a mask, in its pixels, centres at whole numbers."""

    center_px: tuple[float, float]
    box_px: FloatBox | None  # None: it has none, and its place decides


@dataclass(frozen=True, slots=True)
class _Parts:
    labels: Whole  # (H, W), 1.. of the parts
    boxes: Whole  # (parts, 4): x, y, width and height; that of part n in row n - 1


def outlines_in(mask: Whole, sought: Sequence[Sought]) -> tuple[Points | None, ...]:
    """The outline of each mark in a mask, None where it has none of its own there.

    A part is that of a mark whose place lies on it, or else whose box is the box around it; where the mark has a box,
    that must lie around the part. A part of two marks is nobody's: crossing scratches are one in a mask.

    Parameters
    ----------
    mask : (H, W) int32; with one value beside 0 its connected pixels (8 neighbours) are the parts, else its values
    sought : in pixels of the mask
    """
    parts = _parts(mask)
    if not sought or not len(parts.boxes):
        return (None,) * len(sought)
    found = _parts_of(sought, parts)
    claims = Counter(found)
    return tuple(_outline(parts, label) if label and claims[label] == 1 else None for label in found)


def _parts(mask: Whole) -> _Parts:
    high = int(mask.max())
    if high == 0:
        return _Parts(mask, np.zeros((0, 4), np.int32))
    if ((mask == 0) | (mask == high)).all():
        _, labels, stats, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8), connectivity=8)
        return _Parts(labels, stats[1:, :4])
    values, inverse = np.unique(mask, return_inverse=True)
    labels = inverse.reshape(mask.shape).astype(np.int32) + (1 if values[0] != 0 else 0)
    return _Parts(labels, _boxes(labels, int(labels.max())))


def _boxes(labels: Whole, count: int) -> Whole:
    """Around each value 1.. of a label image."""
    rows, columns = labels.nonzero()
    of = labels[rows, columns]
    order = np.argsort(of, kind="stable")
    starts = np.searchsorted(of[order], np.arange(1, count + 1))
    x, y = columns[order], rows[order]
    x0, y0 = np.minimum.reduceat(x, starts), np.minimum.reduceat(y, starts)
    x1, y1 = np.maximum.reduceat(x, starts), np.maximum.reduceat(y, starts)
    boxes: Whole = np.stack([x0, y0, x1 - x0 + 1, y1 - y0 + 1], axis=1).astype(np.int32)
    return boxes


def _parts_of(sought: Sequence[Sought], parts: _Parts) -> list[int]:
    """The number of the part of each; 0 where it has none."""
    height, width = parts.labels.shape
    places = np.rint([one.center_px for one in sought]).clip(-1, (width, height)).astype(np.intp)
    in_it = ((places >= 0) & (places < (width, height))).all(axis=1)
    here = np.where(in_it, parts.labels[places[:, 1] * in_it, places[:, 0] * in_it], 0)
    boxes = np.array([one.box_px or (0.0, 0.0, 0.0, 0.0) for one in sought])
    alike = _off(parts.boxes[here - 1], boxes) <= 1
    order = np.argsort(parts.boxes[:, 0], kind="stable")
    return [
        label if one.box_px is None or (label and like) else _by_box(one.box_px, parts, order)
        for one, label, like in zip(sought, here.tolist(), alike.tolist(), strict=True)
    ]


def _by_box(box: FloatBox, parts: _Parts, order: NDArray[np.intp]) -> int:
    """The part whose box is most like it, if one is like it at all."""
    starts = parts.boxes[order, 0]
    room = max(EDGE_PX, EDGE_SHARE * box[2])
    first, last = np.searchsorted(starts, [box[0] - room, box[0] + room + 1])
    near = order[first:last]
    if not len(near):
        return 0
    off = _off(parts.boxes[near], np.array([box]))
    best = int(off.argmin())
    return int(near[best]) + 1 if off[best] <= 1 else 0


def _off(boxes: Whole, others: Boxes) -> Boxes:
    """How far the edges of boxes lie from those of others, the farthest of each, over what they may: 1 is the most."""
    room = np.tile(np.maximum(EDGE_PX, EDGE_SHARE * others[:, 2:]), 2)
    off = _ends(boxes) - _ends(others)
    farthest: Boxes = (np.abs(off) / room).max(axis=1)
    return farthest


def _ends(boxes: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _outline(parts: _Parts, label: int) -> Points:
    """Around a part, of several pieces the largest; (N, 2), centres of pixels at whole numbers."""
    x, y, width, height = parts.boxes[label - 1].tolist()
    window = (parts.labels[y : y + height, x : x + width] == label).astype(np.uint8)
    finer = cv2.resize(window, (width * FINER, height * FINER), interpolation=cv2.INTER_NEAREST)
    pieces, _ = cv2.findContours(finer, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    largest = pieces[0] if len(pieces) == 1 else max(pieces, key=cv2.contourArea)
    points: Points = (largest[:, 0, :] - (FINER - 1) / 2) / FINER + (x, y)
    return points
