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
from dscope_blink.gates.rectangles import (
    FRINGE,
    INSIDE,
    OUTSIDE,
    Gray8,
    Numbers,
    Rectangles,
    at_their_edges,
    levels_of,
    line_across,
    sampled,
)
from dscope_blink.gates.searching import Picture, Search
from dscope_blink.records import Box, FoundObject

Contour = NDArray[np.int32]  # (n, 1, 2)

COARSE = 4  # the paper's light is smooth: a quarter of the resolution shows it
GAP_PX = 3  # of the picture that is looked at: streaks that take ink are closed up to it
ALIKE_PX, ALIKE_AREA = 2, 0.04  # what differs by less, px and share of the area, is one block at two depths
SIZE_SLACK = 0.75  # of the least size and its inverse of the largest: a cut at one depth is not yet a measurement
ROUGH_FILL = 0.85  # of the ink that a rectangle would have; what is emptier is a letter or a box
ROUGH_SPREAD = (0.85, 1.2)  # area over that of the rectangle with its moments: 1, of an ellipse 1.05, of letters less
LONG_ENOUGH = 1.5  # sides of a block whose turn its own moments tell
SAME_TURN_RAD = math.radians(3)  # by which blocks of one sheet seem to differ in turn
CORNER_SHARE = 0.25  # of the short side: a circle leaves half of the corner of its square empty


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
        likely = rough.only(_kinds(rough, diagonal_px, self.settings.kinds, SIZE_SLACK) != "")
        blocks = at_their_edges(gray, likely)
        kinds = _kinds(blocks, diagonal_px, self.settings.kinds, 1.0)
        known = np.flatnonzero(kinds != "")
        known = known[_different(blocks.only(known), ALIKE_PX / scale)]
        blocks, kinds = blocks.only(known), kinds[known]
        confidence = _confidence(gray, blocks, self.settings)
        order = np.argsort(-confidence, kind="stable")
        sure = [int(k) for k in order if confidence[k] >= wanted.confidence and confidence[k] > 0]
        found = [FoundObject(str(kinds[k]), _box(blocks, k), float(confidence[k])) for k in sure]
        return _without_overlap(found, wanted.overlap)


# --- candidates


def _candidates(gray: Gray8, scale: float, wanted: Search, settings: BlockSettings) -> Rectangles:
    """What has about the size of a marker at any of the depths, in pixels of `gray`."""
    seen = _at_scale(gray, scale)
    sizes = _Sizes.of(settings.kinds, math.hypot(*seen.shape))
    ink = _ink(seen, sizes, settings)
    max_turn = math.radians(settings.max_turn_deg)
    depths = [level for level in settings.levels if level >= wanted.confidence] or [min(settings.levels)]
    cuts = [cut for depth in depths for cut in _cut_out(ink, depth, sizes)]
    boxes = np.array([(*box, _area(outline)) for outline, box in cuts], float).reshape(-1, 5)
    full = np.flatnonzero(boxes[:, 4] >= ROUGH_FILL * _least_area(boxes[:, 2:4], max_turn))
    alike = np.rint(np.column_stack([boxes[full, :4] / ALIKE_PX, np.log(boxes[full, 4]) / ALIKE_AREA]))
    _, first = np.unique(alike, axis=0, return_index=True)
    cut = np.array([_along_own_axes(cuts[k][0]) for k in full[np.sort(first)]], float).reshape(-1, 6)
    spread = cut[:, 5] / (cut[:, 2] * cut[:, 3])
    cut = cut[(spread >= ROUGH_SPREAD[0]) & (spread <= ROUGH_SPREAD[1])]
    stretch = np.array([gray.shape[1] / seen.shape[1], gray.shape[0] / seen.shape[0]])
    found = Rectangles(cut[:, :2] * stretch, cut[:, 2:4] * stretch, _turns(cut))
    return found.only(np.abs(found.turn_rad) <= max_turn)


def _at_scale(gray: Gray8, scale: float) -> Gray8:
    """The picture that is looked at: whole pixels are averaged first, which is fast, and the rest is interpolated."""
    whole = max(1, int(1 / scale))
    size = round(gray.shape[1] * scale), round(gray.shape[0] * scale)
    if whole > 1:
        gray = np.asarray(cv2.resize(gray, None, fx=1 / whole, fy=1 / whole, interpolation=cv2.INTER_AREA), np.uint8)
    way = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(gray, size, interpolation=way), np.uint8)


def _turns(cut: Numbers) -> Numbers:
    """Of each candidate the turn of the sheet, or its own where that is plainly another.

    A block of few pixels does not tell its own turn to a degree, and a square not at all; all of them together do.
    """
    long, short = cut[:, 2:4].max(axis=1, initial=0), cut[:, 2:4].min(axis=1, initial=math.inf)
    elongated = long >= LONG_ENOUGH * short
    sheet = float(np.median(cut[elongated, 4])) if elongated.any() else 0.0
    return np.where(elongated & (np.abs(cut[:, 4] - sheet) > SAME_TURN_RAD), cut[:, 4], sheet)


@dataclass(frozen=True, slots=True)
class _Sizes:
    """The least and the largest sides that any kind allows, in pixels of the picture that is looked at."""

    least_short_px: float
    least_long_px: float
    most_short_px: float
    most_long_px: float

    @classmethod
    def of(cls, kinds: Mapping[str, BlockKind], diagonal_px: float) -> _Sizes:
        return cls(
            min(kind.short_side[0] for kind in kinds.values()) * diagonal_px,
            min(kind.long_side[0] for kind in kinds.values()) * diagonal_px,
            max(kind.short_side[1] for kind in kinds.values()) * diagonal_px,
            max(kind.long_side[1] for kind in kinds.values()) * diagonal_px,
        )

    def nearly(self, wide_px: int, high_px: int) -> bool:
        """Whether an upright box may hold a marker."""
        short, long = sorted((wide_px, high_px))
        small = short < SIZE_SLACK * self.least_short_px or long < SIZE_SLACK * self.least_long_px
        return not small and long <= self.most_long_px / SIZE_SLACK and short <= self.most_short_px / SIZE_SLACK


def _ink(seen: Gray8, sizes: _Sizes, settings: BlockSettings) -> Gray8:
    """Share of the paper's light that is missing, 0..255 for 0..1."""
    small = cv2.resize(seen, None, fx=1 / COARSE, fy=1 / COARSE, interpolation=cv2.INTER_AREA)
    side = max(3, round(1.5 * sizes.most_short_px / COARSE)) | 1
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    paper = np.quantile(closed, 0.9)
    closed[closed < settings.min_paper * paper] = 0
    light = cv2.resize(closed, seen.shape[::-1], interpolation=cv2.INTER_LINEAR)
    share = cv2.divide(seen, np.maximum(light, 1), scale=255)  # 255 and more where there is no paper
    return np.asarray(cv2.bitwise_not(share), np.uint8)


def _cut_out(ink: Gray8, depth: float, sizes: _Sizes) -> list[tuple[Contour, cv2.typing.Rect]]:
    """Outlines of connected ink of at least this depth that may be a marker, with their upright boxes."""
    dark = cv2.threshold(ink, 255 * depth, 255, cv2.THRESH_BINARY)[1]
    thin = max(1, int(0.6 * sizes.least_short_px))
    for way, side in ((cv2.MORPH_CLOSE, GAP_PX), (cv2.MORPH_OPEN, thin)):  # streaks that part and that join
        dark = cv2.morphologyEx(dark, way, np.ones((side, side), np.uint8))
    contours, family = cv2.findContours(dark, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    outer = [one for one, links in zip(contours, family[0], strict=True) if links[3] < 0] if contours else []
    boxed = [(one, cv2.boundingRect(one)) for one in outer]
    return [(np.asarray(one, np.int32), box) for one, box in boxed if sizes.nearly(box[2], box[3])]


def _least_area(sides_px: Numbers, max_turn_rad: float) -> Numbers:
    """Of rectangles in upright boxes (n, 2), turned as far as they may be."""
    long, short = sides_px.max(axis=1, initial=0), sides_px.min(axis=1, initial=math.inf)
    c, s = math.cos(max_turn_rad), math.sin(max_turn_rad)
    a, b = (long * c - short * s) / (c * c - s * s), (short * c - long * s) / (c * c - s * s)
    return np.asarray(a * np.maximum(b, 0))


def _area(contour: Contour) -> float:
    """Pixels within a contour through the middles of the outermost ones (G. Pick, 1899)."""
    return cv2.contourArea(contour) + len(contour) / 2 + 1


def _along_own_axes(contour: Contour) -> tuple[float, float, float, float, float, float]:
    """Middle, sides, turn and area from the moments of a contour through the outermost pixels.

    Of a side a the second moment is a^2 / 12; the pixels reach half a pixel beyond the contour.
    """
    moments = cv2.moments(contour)
    area = moments["m00"]
    if area == 0:
        return 0, 0, 1, 1, 0, 0
    xx, yy, xy = moments["mu20"] / area, moments["mu02"] / area, moments["mu11"] / area
    turn = 0.5 * math.atan2(2 * xy, xx - yy)
    turn -= math.pi / 2 * round(turn / (math.pi / 2))  # the axis that is nearer to the rows
    c, s = math.cos(turn), math.sin(turn)
    wide = math.sqrt(12 * max(c * c * xx + s * s * yy + 2 * c * s * xy, 0)) + 1
    high = math.sqrt(12 * max(s * s * xx + c * c * yy - 2 * c * s * xy, 0)) + 1
    return moments["m10"] / area + 0.5, moments["m01"] / area + 0.5, wide, high, turn, _area(contour)


# --- what each is


def _kinds(blocks: Rectangles, diagonal_px: float, kinds: Mapping[str, BlockKind], slack: float) -> NDArray[np.str_]:
    """The first kind whose sizes each has, or nearly; empty of none."""
    short = blocks.short_px
    long = blocks.sides_px.max(axis=1, initial=0)
    names = np.full(len(short), "", dtype=f"<U{max(map(len, kinds))}")
    for name, kind in kinds.items():
        fits = _within(short / diagonal_px, kind.short_side, slack) & _within(long / diagonal_px, kind.long_side, slack)
        names[fits & _within(long / short, kind.aspect, slack) & (names == "")] = name
    return names


def _within(values: Numbers, allowed: tuple[float, ...], slack: float) -> NDArray[np.bool_]:
    return np.asarray((values >= slack * allowed[0]) & (values <= allowed[1] / slack))


def _different(blocks: Rectangles, px: float) -> NDArray[np.intp]:
    """One of those that came to lie between the same edges at the same turn."""
    places = np.hstack([blocks.middle_px, blocks.sides_px]) / px
    alike = np.rint(np.column_stack([places, blocks.turn_rad / SAME_TURN_RAD]))
    return np.sort(np.unique(alike, axis=0, return_index=True)[1])


# --- how sure


@dataclass(frozen=True, slots=True)
class _Shape:
    """What makes a rectangle of ink on paper a block; of each (N,)."""

    contrast: Numbers
    fill: Numbers
    rectangularity: Numbers
    corners: Numbers
    surround: Numbers


def _confidence(gray: Gray8, blocks: Rectangles, settings: BlockSettings) -> Numbers:
    """Rectangularity x contrast x fill; 0 of what is no block."""
    if len(blocks.turn_rad) == 0:
        return np.zeros(0)
    shape = _shape(gray, blocks)
    is_block = (shape.fill >= settings.min_fill) & (shape.rectangularity >= settings.min_rectangularity)
    is_block &= (shape.corners >= settings.min_corners) & (shape.surround <= settings.max_surround)
    return np.where(is_block, shape.rectangularity * shape.contrast * shape.fill, 0)


def _shape(gray: Gray8, blocks: Rectangles) -> _Shape:
    levels = sampled(gray, blocks, line_across(blocks, 0), line_across(blocks, 1))  # (N, n, n)
    middle = slice(OUTSIDE + INSIDE // 5, -OUTSIDE - INSIDE // 5)
    paper, ink = levels_of(np.concatenate([levels[:, middle, :], levels[:, :, middle].transpose(0, 2, 1)], axis=1))
    depth = (paper[:, None, None] - levels) / np.maximum(paper - ink, 1)[:, None, None]
    inside = slice(OUTSIDE, -OUTSIDE)
    away = OUTSIDE - FRINGE
    ring = np.ones(depth.shape[1:], bool)
    ring[away:-away, away:-away] = False
    whole = np.clip(depth, 0, 1)
    drawn = _as_rectangles(whole, middle)
    near = slice(away, -away)
    off = np.abs(whole - drawn)[:, near, near].sum(axis=(1, 2)) / np.maximum(drawn[:, near, near].sum(axis=(1, 2)), 1)
    wanted = _corners(drawn[:, inside, inside], blocks)
    return _Shape(
        contrast=np.clip((paper - ink) / np.maximum(paper, 1), 0, 1),
        fill=(depth[:, inside, inside] > 0.5).mean(axis=(1, 2)),
        rectangularity=np.clip(1 - off, 0, 1),
        corners=_corners(whole[:, inside, inside], blocks) / np.maximum(wanted, np.finfo(float).tiny),
        surround=(depth[:, ring] > 0.5).mean(axis=1),
    )


def _as_rectangles(ink: Numbers, middle: slice) -> Numbers:
    """What ink (N, n, n) would be of a rectangle: its middle row times its middle column, however blurred."""
    row, column = np.median(ink[:, middle, :], axis=1), np.median(ink[:, :, middle], axis=2)
    return np.asarray(column[:, :, None] * row[:, None, :])


def _corners(ink: Numbers, blocks: Rectangles) -> Numbers:
    """Ink in the emptiest but one of the four corners: a streak may run through one."""
    share = CORNER_SHARE * blocks.short_px[:, None] / blocks.sides_px  # (N, 2)
    n = np.arange(INSIDE)
    left, top = (np.clip(INSIDE * share[:, k : k + 1] - n, 0, 1) for k in (0, 1))  # (N, INSIDE)
    ends = [(top, left), (top, left[:, ::-1]), (top[:, ::-1], left), (top[:, ::-1], left[:, ::-1])]
    means = [np.einsum("nij,ni,nj->n", ink, v, h) / (v.sum(axis=1) * h.sum(axis=1)) for v, h in ends]
    return np.asarray(np.sort(np.stack(means), axis=0)[1])


# --- what is found


def _box(blocks: Rectangles, k: int) -> Box:
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
