"""What a place of a sheet shows, beside the markers of the same kind on the same sheet: its fellows.

Fellows have the same toner, blur, light and paper. A place is measured between the edges that the picture shows there,
and its ink is held against the median of theirs, sample by sample along its own axes. A sound marker has the sides and
nearly all of the ink of its fellows, in each of its parts, with paper around it, and bare grains change little of that.
A ghost, a smudge, a pale, thin, moved or half-printed marker lacks one of them, blank paper all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from dscope_blink.config.gate_settings import FellowSettings
from dscope_blink.gates.open_places import Open
from dscope_blink.gates.rectangles import (
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
from dscope_blink.records import Box, FoundObject

PARTS = 4  # along each axis, in each of which there must be ink
MOST_FELLOWS = 12  # the nearest of the kind that are looked at
LEAST_FELLOWS = 3  # of which a median is worth something
CORNER_SHARE = 0.25  # of the short side: an oval leaves half of each corner empty, or more
LONG_ENOUGH = 1.5  # sides of a block whose turn its own moments tell
TURN_MARGIN = 0.25  # of the short side, beyond a box, which a turned marker reaches into
INNER = slice(OUTSIDE, -OUTSIDE)
MIDDLE = slice(OUTSIDE + INSIDE // 5, -OUTSIDE - INSIDE // 5)


@dataclass(frozen=True, slots=True)
class Fellows:
    """The markers of one kind on a sheet."""

    gray: Gray8
    turn_rad: float  # of all markers
    usual: Numbers  # (n, n) share of the paper's light that ink takes, the median of all
    area_px: float  # of their boxes, the median
    confidence: float  # that their finder had, the median
    own_likeness: float  # of each to the median of all, the median

    @classmethod
    def of(cls, gray: Gray8, kind: str, near_px: tuple[float, float], seen: Sequence[FoundObject]) -> Fellows | None:
        """Those that are nearest to a spot; None where there are too few."""
        own = [one for one in seen if one.kind == kind]
        own = sorted(own, key=lambda one: math.dist(one.box.center_px, near_px))[:MOST_FELLOWS]
        if len(own) < LEAST_FELLOWS:
            return None
        turn_rad = sheet_turn(gray, seen)
        each = _ink(gray, _boxed([one.box for one in own], turn_rad))
        usual = np.median(each, axis=0)
        alike = float(np.median([_likeness(one, usual) for one in each]))
        areas, sure = [one.box.area_px for one in own], [one.confidence for one in own]
        return cls(gray, turn_rad, usual, float(np.median(areas)), float(np.median(sure)), alike)


def marker_on(place: Open, fellows: Fellows, rules: FellowSettings) -> FoundObject | None:
    """The marker on a place, if one is there that is like its fellows.

    Parameters
    ----------
    place : where a layout has one, and how large
    fellows : of its kind
    rules : section `gates.fellows`

    Returns
    -------
    FoundObject between the edges that the picture shows, of the confidence of its fellows times its likeness to them
    over that which they have to each other; None of anything else
    """
    rough = Rectangles(np.array([place.center_px]), np.array([place.sides_px]), np.array([fellows.turn_rad]))
    block = at_their_edges(fellows.gray, rough)
    if len(block.turn_rad) == 0 or math.dist(block.middle_px[0], place.center_px) > place.reach_px:
        return None
    if np.abs(block.sides_px[0] / np.array(place.sides_px) - 1).max() > rules.most_size_off:
        return None
    seen = _ink(fellows.gray, block)[0]
    alike = _likeness(seen, fellows.usual)
    if alike < rules.least_likeness or not _has_their_ink(seen, fellows.usual, block.sides_px[0], rules):
        return None
    (x, y), (wide, high) = block.middle_px[0], block.sides_px[0] / 2
    box = Box(float(x - wide), float(y - high), float(x + wide), float(y + high))
    return FoundObject(place.kind, box, fellows.confidence * min(1.0, alike / fellows.own_likeness))


def is_other_print(one: FoundObject, fellows: Fellows, rules: FellowSettings) -> bool:
    """Whether what was found has neither the size nor the shape of its fellows, however dark it is: a letter, a stain.

    Parameters
    ----------
    one : what was found beside all places
    fellows : of its kind
    rules : section `gates.fellows`
    """
    low, high = rules.sizes
    if low <= one.box.area_px / fellows.area_px <= high:
        return False
    seen = _ink(fellows.gray, _boxed([one.box], fellows.turn_rad))[0]
    as_dark = seen * (fellows.usual[INNER, INNER].mean() / max(float(seen[INNER, INNER].mean()), np.finfo(float).eps))
    return _likeness(as_dark, fellows.usual) < rules.least_shape


def sheet_turn(gray: Gray8, seen: Sequence[FoundObject]) -> float:
    """Radians by which the long markers of a sheet are turned; 0 where it has none, for a square tells no turn."""
    long = [one.box for one in seen if _longer(one.box) >= LONG_ENOUGH]
    return float(np.median([_turn(gray, box) for box in long])) if long else 0.0


def _longer(box: Box) -> float:
    return max(box.width_px, box.height_px) / min(box.width_px, box.height_px)


def _turn(gray: Gray8, box: Box) -> float:
    """Of the axis that is nearer to the rows, by the moments of what is dark; 0 of nothing."""
    margin = TURN_MARGIN * min(box.width_px, box.height_px)
    top, left = (max(0, round(edge - margin)) for edge in (box.top_px, box.left_px))
    part = gray[top : round(box.bottom_px + margin) + 1, left : round(box.right_px + margin) + 1]
    if not part.size:
        return 0.0
    ink, paper = np.quantile(part, (0.1, 0.95))
    moments = cv2.moments((part < (ink + paper) / 2).astype(np.uint8), binaryImage=True)
    turn = 0.5 * math.atan2(2 * moments["mu11"], moments["mu20"] - moments["mu02"])
    return turn - math.pi / 2 * round(turn / (math.pi / 2))


def _boxed(boxes: Sequence[Box], turn_rad: float) -> Rectangles:
    middles = np.array([box.center_px for box in boxes])
    sides = np.array([[box.width_px, box.height_px] for box in boxes])
    return Rectangles(middles, sides, np.full(len(boxes), turn_rad))


def _ink(gray: Gray8, blocks: Rectangles) -> Numbers:
    """Share of the light of the paper around that is missing (N, n, n), on blocks and around them."""
    levels = sampled(gray, blocks, line_across(blocks, 0), line_across(blocks, 1))
    paper, _ = levels_of(np.concatenate([levels[:, MIDDLE, :], levels[:, :, MIDDLE].transpose(0, 2, 1)], axis=1))
    return np.asarray(1 - levels / np.maximum(paper, 1)[:, None, None], np.float64)


def _likeness(ink: Numbers, usual: Numbers) -> float:
    """1 less what differs, as a share of all ink; may be negative."""
    return 1 - float(np.abs(ink - usual).sum() / max(usual.sum(), np.finfo(float).eps))


def _has_their_ink(ink: Numbers, usual: Numbers, sides_px: Numbers, rules: FellowSettings) -> bool:
    inside, wanted = ink[INNER, INNER], usual[INNER, INNER]
    ring = np.ones(ink.shape, bool)
    ring[INNER, INNER] = False
    around = np.maximum(ink - usual, 0)[ring].mean() / wanted.mean()
    least_part = (_parts(inside) / _parts(wanted)).min()
    corners = (_corners(inside, sides_px) / _corners(wanted, sides_px)).mean()
    full = inside.mean() >= rules.least_ink * wanted.mean()
    square = corners >= rules.least_corners
    return bool(full and square and least_part >= rules.least_part and around <= rules.most_around)


def _corners(inside: Numbers, sides_px: Numbers) -> Numbers:
    """Ink in each of the four corners (4,)."""
    wide, high = np.maximum(1, np.rint(INSIDE * CORNER_SHARE * sides_px.min() / sides_px).astype(int))
    return np.array([inside[y, x].mean() for y in _ends(high) for x in _ends(wide)])


def _ends(n: int) -> tuple[slice, slice]:
    return slice(None, n), slice(-n, None)


def _parts(inside: Numbers) -> Numbers:
    side = INSIDE // PARTS
    return np.asarray(inside.reshape(PARTS, side, PARTS, side).mean(axis=(1, 3)))
