"""Rectangles of ink measured in a picture as it is stored: grey levels along their own axes, and where their edges lie.

An edge lies half way between paper and ink, in the median row and the median column, so that a streak moves none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Gray8 = NDArray[np.uint8]  # (H, W)
Numbers = NDArray[np.float64]

INSIDE, OUTSIDE = 20, 9  # samples along each axis: on the block, and beyond either edge
STRIP = np.linspace(-0.6, 0.6, 5)  # of half a side: the middle rows and columns, in whose median a streak is lost
MARGIN_SHARE = 0.75  # of the short side that a patch shows beyond each edge
FRINGE = 3  # samples beyond an edge, a quarter of the short side, that are neither ink nor paper in a blurred picture
EDGE_SHARE = 0.35  # of the short side by which an edge may lie off the one that was cut out
PAPER_QUANTILE = 0.9  # of what is around a block: paper even where a streak or a neighbour is there, too
ROWS_AT_ONCE = 32_000  # OpenCV takes maps of fewer than 32,768 rows


@dataclass(frozen=True, slots=True)
class Rectangles:
    """One in each row."""

    middle_px: Numbers  # (N, 2)
    sides_px: Numbers  # (N, 2), along the first axis and along the second
    turn_rad: Numbers  # (N,), of the first axis

    def only(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Rectangles:
        return Rectangles(self.middle_px[which], self.sides_px[which], self.turn_rad[which])

    @property
    def short_px(self) -> Numbers:
        return np.asarray(self.sides_px.min(axis=1))


def sampled(gray: Gray8, blocks: Rectangles, across: Numbers, along: Numbers) -> NDArray[np.float32]:
    """Grey levels (N, rows, columns) at places along the axes of rectangles, from their middles: (N, n) px each."""
    c, s = np.cos(blocks.turn_rad)[:, None, None], np.sin(blocks.turn_rad)[:, None, None]
    right, down = across[:, None, :], along[:, :, None]
    x = (blocks.middle_px[:, 0, None, None] + c * right - s * down - 0.5).astype(np.float32)
    y = (blocks.middle_px[:, 1, None, None] + s * right + c * down - 0.5).astype(np.float32)
    flat_x, flat_y = x.reshape(-1, x.shape[2]), y.reshape(-1, y.shape[2])
    parts = [slice(k, k + ROWS_AT_ONCE) for k in range(0, len(flat_x), ROWS_AT_ONCE)]
    drawn = [
        cv2.remap(gray, flat_x[part], flat_y[part], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for part in parts
    ]
    return np.concatenate(drawn).reshape(x.shape).astype(np.float32)


def line_across(blocks: Rectangles, axis: int) -> Numbers:
    """Places along an axis (N, n): evenly on the block, and evenly beyond either edge."""
    half, margin = blocks.sides_px[:, axis, None] / 2, MARGIN_SHARE * blocks.short_px[:, None]
    on = (np.arange(INSIDE) + 0.5) / INSIDE * 2 - 1
    off = (np.arange(OUTSIDE) + 0.5) / OUTSIDE
    return np.concatenate([-half - margin * off[::-1], half * on, half + margin * off], axis=1)


def _strip(blocks: Rectangles, axis: int) -> Numbers:
    return np.asarray(STRIP * blocks.sides_px[:, axis, None] / 2)


def at_their_edges(gray: Gray8, rough: Rectangles) -> Rectangles:
    """Rectangles between the edges that the picture shows, half way from paper to ink; the rest is left out."""
    if len(rough.turn_rad) == 0:
        return rough
    lines = [line_across(rough, axis) for axis in (0, 1)]
    rows = sampled(gray, rough, lines[0], _strip(rough, 1))  # (N, k, n)
    columns = sampled(gray, rough, _strip(rough, 0), lines[1]).transpose(0, 2, 1)  # (N, k, n)
    paper, ink = levels_of(np.concatenate([rows, columns], axis=1))
    half = (paper + ink) / 2
    low_x, high_x = _edges(np.median(rows, axis=1), lines[0], half, rough, 0)
    low_y, high_y = _edges(np.median(columns, axis=1), lines[1], half, rough, 1)
    right, down = (low_x + high_x) / 2, (low_y + high_y) / 2
    c, s = np.cos(rough.turn_rad), np.sin(rough.turn_rad)
    place = rough.middle_px + np.stack([c * right - s * down, s * right + c * down], axis=1)
    sides = np.stack([high_x - low_x, high_y - low_y], axis=1)
    return Rectangles(place, sides, rough.turn_rad).only(np.isfinite(sides).all(axis=1) & (ink < paper))


def levels_of(lines: NDArray[np.float32]) -> tuple[Numbers, Numbers]:
    """Grey levels of the paper around blocks and of their ink, (N,) each, from lines across them (N, k, n)."""
    away = OUTSIDE - FRINGE
    around = np.concatenate([lines[:, :, :away], lines[:, :, -away:]], axis=2).reshape(len(lines), -1)
    inner = lines[:, :, OUTSIDE + INSIDE // 5 : -OUTSIDE - INSIDE // 5].reshape(len(lines), -1)
    paper, ink = np.quantile(around, PAPER_QUANTILE, axis=1), np.median(inner, axis=1)
    return paper.astype(np.float64), ink.astype(np.float64)


def _edges(profile: Numbers, at_px: Numbers, half: Numbers, rough: Rectangles, axis: int) -> tuple[Numbers, Numbers]:
    """Where profiles (N, n) fall to the half level and rise from it, next to the rough edges; NaN if nowhere near."""
    below = profile < half[:, None]
    step = profile[:, 1:] - profile[:, :-1]
    share = (half[:, None] - profile[:, :-1]) / np.where(step == 0, 1, step)
    crossing = at_px[:, :-1] + share * (at_px[:, 1:] - at_px[:, :-1])  # (N, n - 1)
    edge, reach = rough.sides_px[:, axis] / 2, EDGE_SHARE * rough.short_px
    falls = np.where(~below[:, :-1] & below[:, 1:], crossing, math.inf)
    rises = np.where(below[:, :-1] & ~below[:, 1:], crossing, math.inf)
    return _nearest(falls, -edge, reach), _nearest(rises, edge, reach)


def _nearest(places: Numbers, wanted: Numbers, reach: Numbers) -> Numbers:
    best = np.argmin(np.abs(places - wanted[:, None]), axis=1)
    place = places[np.arange(len(places)), best]
    return np.where(np.abs(place - wanted) <= reach, place, math.nan)
