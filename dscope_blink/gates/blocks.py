"""Dark blocks by rule: rectangles of ink on paper, cut out at several depths and measured along their own edges.

The paper's light is what a closing wider than any block leaves; ink is the share of it that is missing. At each depth
connected ink of the size of a marker is a candidate. Each candidate is looked at in the picture as it is stored, in a
patch along its own axes (N, HIGH, WIDE): where its four edges lie (half way between paper and ink, in the median row
and column, so that a streak moves none), how full it is, whether it has corners, and whether paper is around it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.gate_settings import BlockKind, BlockSettings
from dscope_blink.gates.searching import Picture, Search
from dscope_blink.records import Box, FoundObject

Gray8 = NDArray[np.uint8]  # (H, W)
Numbers = NDArray[np.float64]
_Row = tuple[float, float, float, float, float, float]  # middle, sides, turn, area

COARSE = 4  # the paper's light is smooth: a quarter of the resolution shows it
GAP_PX = 3  # of the picture that is looked at: streaks that take ink are closed up to it
ROUGH_FILL = 0.85  # of the ink that a rectangle would have; what is emptier is a letter or a box
ROUGH_SPREAD = (0.85, 1.2)  # area over that of the rectangle with its moments: 1, of an ellipse 1.05, of letters less
LONG_ENOUGH = 1.5  # sides of a block whose turn its own moments tell; that of a square is the sheet's
INSIDE, OUTSIDE = 24, 8  # samples of a patch along each axis: on the block, and beyond either edge
MARGIN_SHARE = 0.5  # of the short side that a patch shows beyond each edge; blocks may stand this close together
FRINGE_SHARE = 0.2  # of the short side next to an edge that is neither ink nor paper in a blurred picture
CORNER_SHARE = 0.22  # of the short side: a circle leaves two thirds of the corner of its square empty
EDGE_SHARE = 0.35  # of the short side by which an edge may lie off the one that was cut out
PAPER_QUANTILE = 0.85  # of what is around a block: paper even where a streak or a neighbour is there, too


@dataclass(frozen=True, slots=True)
class _Rectangles:
    """One in each row."""

    middle_px: Numbers  # (N, 2)
    sides_px: Numbers  # (N, 2), along the first axis and along the second
    turn_rad: Numbers  # (N,), of the first axis

    def only(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> _Rectangles:
        return _Rectangles(self.middle_px[which], self.sides_px[which], self.turn_rad[which])

    @property
    def short_px(self) -> Numbers:
        return np.asarray(self.sides_px.min(axis=1))


@dataclass(frozen=True, slots=True)
class _Patches:
    """What lies around rectangles, each along its own axes."""

    levels: NDArray[np.float32]  # (N, n, n), grey
    across_px: Numbers  # (N, n), from the middle along the first axis
    along_px: Numbers  # (N, n), along the second
    paper: Numbers  # (N,)
    ink: Numbers  # (N,)

    @property
    def half(self) -> Numbers:
        """The level half way from ink to paper."""
        return (self.paper + self.ink) / 2


@dataclass(frozen=True, slots=True)
class DarkBlocks:
    """The finder that needs no model: a `MarkerFinder` by rule.

    The confidence of a block is the product of three shares: of its box and its corners that are ink
    (rectangularity), of the paper's light that its ink takes (contrast), and of its box that is ink (fill).
    A found box has the block's own width and height about its middle, whatever its turn.
    """

    settings: BlockSettings
    name: str = "blocks"
    inputs: tuple[tuple[str, str], ...] = ()

    def __call__(self, picture: Picture, wanted: Search) -> tuple[FoundObject, ...]:
        """Every dark block of a configured size, the surest first.

        Parameters
        ----------
        picture : (H, W) grey or (H, W, 3) blue, green, red, uint8
        wanted : `side_px` is what candidates are cut out at; they are measured in the picture itself
        """
        gray = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        scale = wanted.side_px / max(gray.shape)
        diagonal_px = math.hypot(*gray.shape)
        rough = _candidates(gray, scale, wanted, self.settings)
        blocks = _at_their_edges(gray, rough)
        kinds = _kinds(blocks, diagonal_px, self.settings.kinds)
        known = np.flatnonzero(kinds != "")
        blocks, kinds = blocks.only(known), kinds[known]
        confidence = _confidence(gray, blocks, self.settings)
        order = np.argsort(-confidence, kind="stable")
        sure = [int(k) for k in order if confidence[k] >= wanted.confidence and confidence[k] > 0]
        found = [FoundObject(str(kinds[k]), _box(blocks, k), float(confidence[k])) for k in sure]
        return _without_overlap(found, wanted.overlap)


# --- candidates


def _candidates(gray: Gray8, scale: float, wanted: Search, settings: BlockSettings) -> _Rectangles:
    """What has about the size of a marker at any of the depths, in pixels of `gray`."""
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    seen = gray if scale == 1 else cv2.resize(gray, None, fx=scale, fy=scale, interpolation=way)
    sizes = _Sizes.of(settings.kinds, math.hypot(*seen.shape))
    ink = _ink(np.asarray(seen, np.uint8), sizes, settings)
    depths = [level for level in settings.levels if level >= wanted.confidence] or [min(settings.levels)]
    max_turn = math.radians(settings.max_turn_deg)
    rows = [row for depth in depths for row in _cut_out(ink, depth, sizes, max_turn)]
    table = np.array(rows, float).reshape(-1, 6)
    spread = table[:, 5] / (table[:, 2] * table[:, 3])
    table = table[(spread >= ROUGH_SPREAD[0]) & (spread <= ROUGH_SPREAD[1])]
    stretch = np.array([gray.shape[1] / seen.shape[1], gray.shape[0] / seen.shape[0]])
    found = _Rectangles(table[:, :2] * stretch, table[:, 2:4] * stretch, _turns(table))
    return found.only(np.abs(found.turn_rad) <= max_turn)


def _turns(table: Numbers) -> Numbers:
    """Of each candidate its own turn, or that of the sheet where it is about as long as it is high."""
    long, short = table[:, 2:4].max(axis=1, initial=1), table[:, 2:4].min(axis=1, initial=1e9)
    own = long >= LONG_ENOUGH * short
    sheet = float(np.median(table[own, 4])) if own.any() else 0.0
    return np.where(own, table[:, 4], sheet)


@dataclass(frozen=True, slots=True)
class _Sizes:
    """The least and the largest sides that any kind allows, in pixels of the picture that is looked at."""

    least_px: float
    shortest_long_px: float
    largest_px: float
    largest_short_px: float

    @classmethod
    def of(cls, kinds: Mapping[str, BlockKind], diagonal_px: float) -> _Sizes:
        return cls(
            min(kind.short_side[0] for kind in kinds.values()) * diagonal_px,
            min(kind.long_side[0] for kind in kinds.values()) * diagonal_px,
            max(kind.long_side[1] for kind in kinds.values()) * diagonal_px,
            max(kind.short_side[1] for kind in kinds.values()) * diagonal_px,
        )


def _ink(seen: Gray8, sizes: _Sizes, settings: BlockSettings) -> Gray8:
    """Share of the paper's light that is missing, 0..255 for 0..1."""
    small = cv2.resize(seen, None, fx=1 / COARSE, fy=1 / COARSE, interpolation=cv2.INTER_AREA)
    side = max(3, round(1.5 * sizes.largest_short_px / COARSE)) | 1
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    paper = np.quantile(closed, 0.9)
    closed[closed < settings.min_paper * paper] = 0
    light = cv2.resize(closed, seen.shape[::-1], interpolation=cv2.INTER_LINEAR)
    share = cv2.divide(seen, np.maximum(light, 1), scale=255)  # 255 and more where there is no paper
    return np.asarray(cv2.bitwise_not(share), np.uint8)


def _cut_out(ink: Gray8, depth: float, sizes: _Sizes, max_turn_rad: float) -> list[_Row]:
    """Connected ink of at least this depth with sides that a marker may have: middle, sides and turn."""
    dark = cv2.threshold(ink, 255 * depth, 255, cv2.THRESH_BINARY)[1]
    thin = max(1, int(0.6 * sizes.least_px))
    dark = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, np.ones((GAP_PX, GAP_PX), np.uint8))
    dark = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((thin, thin), np.uint8))
    n, labels, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=4, ltype=cv2.CV_32S)
    wide, high, area = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT], stats[:, cv2.CC_STAT_AREA]
    long, short = np.maximum(wide, high), np.minimum(wide, high)
    fits = (short >= 0.7 * sizes.least_px) & (long >= 0.7 * sizes.shortest_long_px) & (long <= 1.3 * sizes.largest_px)
    fits &= area >= ROUGH_FILL * _least_area(long, short, max_turn_rad)
    return [_along_own_axes(labels, stats[k], int(k)) for k in np.flatnonzero(fits[:n]) if k]


def _least_area(long: Numbers, short: Numbers, max_turn_rad: float) -> Numbers:
    """Of a rectangle in upright boxes, turned as far as it may be."""
    c, s = math.cos(max_turn_rad), math.sin(max_turn_rad)
    a, b = (long * c - short * s) / (c * c - s * s), (short * c - long * s) / (c * c - s * s)
    return np.asarray(a * np.maximum(b, 0))


def _along_own_axes(labels: NDArray[np.int32], stats: NDArray[np.int32], label: int) -> _Row:
    """Middle, sides and turn of connected ink from its moments: of a side a they are a^2 / 12."""
    x, y, wide, high = (int(stats[k]) for k in range(4))
    moments = cv2.moments((labels[y : y + high, x : x + wide] == label).astype(np.uint8), binaryImage=True)
    area = moments["m00"]
    xx, yy, xy = moments["mu20"] / area, moments["mu02"] / area, moments["mu11"] / area
    turn = 0.5 * math.atan2(2 * xy, xx - yy)
    turn -= math.pi / 2 * round(turn / (math.pi / 2))  # the axis that is nearer to the rows
    c, s = math.cos(turn), math.sin(turn)
    along = c * c * xx + s * s * yy + 2 * c * s * xy
    across = s * s * xx + c * c * yy - 2 * c * s * xy
    middle = x + moments["m10"] / area + 0.5, y + moments["m01"] / area + 0.5
    return *middle, math.sqrt(12 * max(along, 1 / 12)), math.sqrt(12 * max(across, 1 / 12)), turn, area


# --- measured in the picture itself


def _patches(gray: Gray8, blocks: _Rectangles) -> _Patches:
    """The surroundings of rectangles, sampled along their own axes."""
    margin = MARGIN_SHARE * blocks.short_px[:, None]
    across, along = (_line(blocks.sides_px[:, k : k + 1] / 2, margin) for k in (0, 1))
    c, s = np.cos(blocks.turn_rad)[:, None, None], np.sin(blocks.turn_rad)[:, None, None]
    right, down = across[:, None, :], along[:, :, None]
    x = blocks.middle_px[:, 0, None, None] + c * right - s * down - 0.5  # (N, n, n)
    y = blocks.middle_px[:, 1, None, None] + s * right + c * down - 0.5
    n = across.shape[1]
    flat = (part.reshape(-1, n).astype(np.float32) for part in (x, y))
    levels = _sampled(gray, *flat).reshape(-1, n, n).astype(np.float32)
    rows, columns = _ring(n)
    ring = levels[:, rows, columns]
    inner = slice(OUTSIDE + INSIDE // 5, OUTSIDE + INSIDE - INSIDE // 5)
    paper = np.quantile(ring, PAPER_QUANTILE, axis=1)
    ink = np.median(levels[:, inner, inner].reshape(len(levels), -1), axis=1)
    return _Patches(levels, across, along, paper.astype(np.float64), ink.astype(np.float64))


ROWS_AT_ONCE = 32_000  # OpenCV takes maps of fewer than 32,768 rows


def _sampled(gray: Gray8, x: NDArray[np.float32], y: NDArray[np.float32]) -> Gray8:
    parts = [slice(k, k + ROWS_AT_ONCE) for k in range(0, len(x), ROWS_AT_ONCE)]
    drawn = [cv2.remap(gray, x[p], y[p], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for p in parts]
    return np.concatenate([np.asarray(one, np.uint8) for one in drawn])


def _line(half: Numbers, margin: Numbers) -> Numbers:
    """Places along an axis (N, n): evenly on the block, and evenly beyond either edge."""
    on = (np.arange(INSIDE) + 0.5) / INSIDE * 2 - 1
    off = (np.arange(OUTSIDE) + 0.5) / OUTSIDE
    return np.concatenate([-half - margin * off[::-1], half * on, half + margin * off], axis=1)


def _ring(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of what lies around a block, without the fringe of its edge."""
    away = OUTSIDE - math.ceil(OUTSIDE * FRINGE_SHARE / MARGIN_SHARE)
    ring = np.ones((n, n), bool)
    ring[away:-away, away:-away] = False
    rows, columns = np.nonzero(ring)
    return rows, columns


def _at_their_edges(gray: Gray8, rough: _Rectangles) -> _Rectangles:
    """Rectangles between the edges that the picture shows, half way from paper to ink; the rest is left out."""
    if len(rough.turn_rad) == 0:
        return rough
    seen = _patches(gray, rough)
    middle = slice(OUTSIDE + INSIDE // 5, OUTSIDE + INSIDE - INSIDE // 5)
    low_x, high_x = _edges(np.median(seen.levels[:, middle, :], axis=1), seen.across_px, seen.half, rough, 0)
    low_y, high_y = _edges(np.median(seen.levels[:, :, middle], axis=2), seen.along_px, seen.half, rough, 1)
    right, down = (low_x + high_x) / 2, (low_y + high_y) / 2
    c, s = np.cos(rough.turn_rad), np.sin(rough.turn_rad)
    place = rough.middle_px + np.stack([c * right - s * down, s * right + c * down], axis=1)
    sides = np.stack([high_x - low_x, high_y - low_y], axis=1)
    return _Rectangles(place, sides, rough.turn_rad).only(np.isfinite(sides).all(axis=1) & (seen.ink < seen.paper))


def _edges(profile: Numbers, at_px: Numbers, half: Numbers, rough: _Rectangles, axis: int) -> tuple[Numbers, Numbers]:
    """Where profiles (N, n) fall to the half level and rise from it, next to the rough edges; NaN if nowhere near."""
    below = profile < half[:, None]
    step = profile[:, 1:] - profile[:, :-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (half[:, None] - profile[:, :-1]) / step
        crossing = at_px[:, :-1] + share * (at_px[:, 1:] - at_px[:, :-1])  # (N, n - 1)
    edge, reach = rough.sides_px[:, axis] / 2, EDGE_SHARE * rough.short_px
    falls = np.where(~below[:, :-1] & below[:, 1:], crossing, np.nan)
    rises = np.where(below[:, :-1] & ~below[:, 1:], crossing, np.nan)
    return _nearest(falls, -edge, reach), _nearest(rises, edge, reach)


def _nearest(places: Numbers, wanted: Numbers, reach: Numbers) -> Numbers:
    off = np.abs(places - wanted[:, None])
    best = np.argmin(np.where(np.isnan(off), np.inf, off), axis=1)
    place = places[np.arange(len(places)), best]
    return np.where(np.abs(place - wanted) <= reach, place, np.nan)


def _kinds(blocks: _Rectangles, diagonal_px: float, kinds: Mapping[str, BlockKind]) -> NDArray[np.str_]:
    """The first kind whose sizes each has; empty of none."""
    short = blocks.short_px
    long = blocks.sides_px.max(axis=1, initial=0)
    names = np.full(len(short), "", dtype=f"<U{max(map(len, kinds))}")
    for name, kind in kinds.items():
        fits = (short / diagonal_px >= kind.short_side[0]) & (short / diagonal_px <= kind.short_side[1])
        fits &= (long / diagonal_px >= kind.long_side[0]) & (long / diagonal_px <= kind.long_side[1])
        fits &= (long >= kind.aspect[0] * short) & (long <= kind.aspect[1] * short)
        names[fits & (names == "")] = name
    return names


def _confidence(gray: Gray8, blocks: _Rectangles, settings: BlockSettings) -> Numbers:
    """Rectangularity x contrast x fill; 0 of what is no block."""
    if len(blocks.turn_rad) == 0:
        return np.zeros(0)
    seen = _patches(gray, blocks)
    contrast = np.clip((seen.paper - seen.ink) / np.maximum(seen.paper, 1), 0, 1)
    depth = (seen.paper[:, None, None] - seen.levels) / np.maximum(seen.paper - seen.ink, 1)[:, None, None]
    inside = slice(OUTSIDE, -OUTSIDE)
    fill = (depth[:, inside, inside] > 0.5).mean(axis=(1, 2))
    rows, columns = _ring(depth.shape[1])
    surround = (depth[:, rows, columns] > 0.5).mean(axis=1)
    corners = _corners(np.clip(depth[:, inside, inside], 0, 1), blocks)
    is_block = (fill >= settings.min_fill) & (corners >= settings.min_corners) & (surround <= settings.max_surround)
    return np.where(is_block, np.sqrt(corners) * contrast * fill, 0)


def _corners(ink: Numbers, blocks: _Rectangles) -> Numbers:
    """Ink in the emptiest but one of the four corners: a streak may run through one."""
    share = CORNER_SHARE * blocks.short_px[:, None] / blocks.sides_px  # (N, 2)
    n = np.arange(INSIDE) + 0.5
    left, top = (np.clip(INSIDE * share[:, k : k + 1] - n + 0.5, 0, 1) for k in (0, 1))  # (N, INSIDE)
    ends = [(top, left), (top, left[:, ::-1]), (top[:, ::-1], left), (top[:, ::-1], left[:, ::-1])]
    means = [np.einsum("nij,ni,nj->n", ink, v, h) / (v.sum(axis=1) * h.sum(axis=1)) for v, h in ends]
    return np.asarray(np.sort(np.stack(means), axis=0)[1])


def _box(blocks: _Rectangles, k: int) -> Box:
    (x, y), (wide, high) = blocks.middle_px[k], blocks.sides_px[k]
    return Box(float(x - wide / 2), float(y - high / 2), float(x + wide / 2), float(y + high / 2))


def _without_overlap(found: list[FoundObject], overlap: float) -> tuple[FoundObject, ...]:
    """The surest of what lies on one another; none stands in another, for blocks are solid. `found` has it first."""
    sides = np.array([[f.box.left_px, f.box.top_px, f.box.right_px, f.box.bottom_px] for f in found]).reshape(-1, 4)
    middles = (sides[:, :2] + sides[:, 2:]) / 2
    left = np.ones(len(found), bool)
    kept = []
    for k, one in enumerate(found):
        if left[k]:
            kept.append(one)
            inside = _in_box(middles, sides[k]) | _in_box(middles[k], sides)
            left &= ~(inside | (_overlaps(sides, sides[k]) > overlap))
    return tuple(kept)


def _in_box(places: Numbers, boxes: Numbers) -> NDArray[np.bool_]:
    return np.asarray(((places >= boxes[..., :2]) & (places <= boxes[..., 2:])).all(axis=-1))


def _overlaps(boxes: Numbers, one: Numbers) -> Numbers:
    shared = np.maximum(np.minimum(boxes[:, 2:], one[2:]) - np.maximum(boxes[:, :2], one[:2]), 0).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return np.asarray(shared / (areas + (one[2:] - one[:2]).prod() - shared))
