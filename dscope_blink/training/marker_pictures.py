"""Rendered sheets to what a network of markers learns from: crops of its input, and which cell is to say what."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.network_settings import NetworkSettings
from dscope_blink.models.letterbox import fit_of, network_input
from dscope_blink.records import Fault, FloatImage, Points
from dscope_blink.synthetic.sheets import (
    RenderedSheet,
    SheetFault,
    SheetPlan,
    render_sheet,
    sheet_of_14,
    sheet_of_21,
    varied_look,
)

CROP_PX = 320  # a third of the input: markers with what stands around them
SCALES = (0.7, 1.5)  # of the input, so that a sheet which fills less or more of a picture is seen too
NEAR_MARKER = 0.6  # share of the crops that are laid around a marker
WHOLE = 0.95  # share of a marker that must lie in the crop; of less, nothing is asked
# The longer side of markers that the grid of each stride finds, in px of the input: where both may, both are asked to.
SIZES = {8: (0.0, 44.0), 16: (30.0, math.inf)}
FAULTY = 0.5  # share of the sheets with faults
# What each fault is drawn with: what is fainter than the palest marker and darker than the darkest ghost is not drawn.
AMOUNTS: dict[Fault, tuple[float, float]] = {
    "missing": (0, 0),
    "extra": (0, 0),
    "moved": (4, 30),
    "pale": (0.3, 0.7),
    "ghost": (0.03, 0.15),
    "fat": (1.2, 1.7),
    "thin": (0.5, 0.85),
}


@dataclass(frozen=True, slots=True)
class Lesson:
    """One crop, and what each cell of all grids is to say."""

    levels: FloatImage  # (1, CROP_PX, CROP_PX)
    present: FloatImage  # (n_cell,) 1 the middle of a marker is there, 0 not, -1 nothing is asked
    boxes: FloatImage  # (n_cell, 4) middle x, y, width, height, px of the crop; 0 where none is asked
    classes: NDArray[np.int64]  # (n_cell,) -1 where none is asked


def drawn_sheets(count: int, seed: int) -> tuple[RenderedSheet, ...]:
    """Sheets of 14 and 21 markers in turn, half of them with faults; the same of the same seed.

    Parameters
    ----------
    count : how many
    seed : of a sequence of its own
    """
    plans = (sheet_of_14(), sheet_of_21())
    return tuple(_drawn(plans[k % 2], np.random.default_rng([seed, k])) for k in range(count))


def _drawn(plan: SheetPlan, rng: np.random.Generator) -> RenderedSheet:
    faults = _faults(plan, rng) if rng.random() < FAULTY else ()
    return render_sheet(plan, rng, faults, varied_look(rng))


def _faults(plan: SheetPlan, rng: np.random.Generator) -> tuple[SheetFault, ...]:
    places = rng.permutation([place.id for place in plan.places])[: int(rng.integers(1, 7))]
    return tuple(_fault(str(place), rng) for place in places)


def _fault(place: str, rng: np.random.Generator) -> SheetFault:
    fault = tuple(AMOUNTS)[int(rng.integers(len(AMOUNTS)))]
    return SheetFault(fault, None if fault == "extra" else place, float(rng.uniform(*AMOUNTS[fault])))


@dataclass(frozen=True, slots=True)
class SeenSheet:
    """A sheet as the network sees it, at one scale."""

    levels: NDArray[np.uint8]  # (side, side), steps of the grey levels
    boxes: Points  # (n, 4) left, top, right, bottom, px of it
    classes: NDArray[np.int64]  # (n,)


def seen_sheet(sheet: RenderedSheet, settings: NetworkSettings, rng: np.random.Generator) -> SeenSheet:
    """A sheet at a scale that is drawn."""
    side = round(settings.input_side_px * rng.uniform(*SCALES))
    scaled = replace(settings, input_side_px=side, levels="0..255", mean=(), std=())
    fit = fit_of((sheet.picture.shape[0], sheet.picture.shape[1]), scaled, side)
    levels = network_input(sheet.picture, scaled, fit)[0, 0]
    ratio = fit.size[1] / fit.picture[1]
    boxes = [[m.box.left_px, m.box.top_px, m.box.right_px, m.box.bottom_px] for m in sheet.markers]
    kinds = np.array([settings.classes.index(marker.kind) for marker in sheet.markers], np.int64)
    return SeenSheet(np.rint(levels).astype(np.uint8), np.array(boxes) * ratio + _shift(fit.left, fit.top), kinds)


def _shift(left: float, top: float) -> Points:
    return np.array([left, top, left, top], np.float64)


def lesson(sheet: SeenSheet, strides: Sequence[int], rng: np.random.Generator) -> Lesson:
    """A crop of a sheet, mirrored by chance, and what is asked of each cell.

    Parameters
    ----------
    sheet : as the network sees it, of at least CROP_PX each way
    strides : of the grids, in the order of the output
    rng : of the place and the mirror
    """
    x, y = _corner(sheet, rng)
    levels = sheet.levels[y : y + CROP_PX, x : x + CROP_PX].astype(np.float32) / 255
    boxes, inside = _cut(sheet.boxes - _shift(x, y))
    for axis in (axis for axis in (0, 1) if rng.random() < 0.5):  # 0: left and right, 1: up and down
        levels = np.flip(levels, axis=1 - axis)
        boxes[:, [axis, axis + 2]] = CROP_PX - boxes[:, [axis + 2, axis]]
    asked = [_asked(boxes, sheet.classes, inside, stride) for stride in strides]
    present, wanted, classes = (np.concatenate(part) for part in zip(*asked, strict=True))
    return Lesson(np.ascontiguousarray(levels[np.newaxis]), present, wanted, classes)


def _corner(sheet: SeenSheet, rng: np.random.Generator) -> tuple[int, int]:
    last = len(sheet.levels) - CROP_PX
    if len(sheet.boxes) and rng.random() < NEAR_MARKER:
        box = sheet.boxes[int(rng.integers(len(sheet.boxes)))]
        x, y = (box[:2] + box[2:]) / 2 - rng.uniform(0.1, 0.9, 2) * CROP_PX
        return int(np.clip(x, 0, last)), int(np.clip(y, 0, last))
    return int(rng.integers(last + 1)), int(rng.integers(last + 1))


def _cut(boxes: Points) -> tuple[Points, Points]:
    """The boxes, and which share of each lies in the crop."""
    part = np.clip(boxes, 0, CROP_PX)
    areas = [np.prod(one[:, 2:] - one[:, :2], axis=1) for one in (part, boxes)]
    return boxes.copy(), areas[0] / areas[1]


def _asked(
    boxes: Points, classes: NDArray[np.int64], inside: Points, stride: int
) -> tuple[FloatImage, FloatImage, NDArray[np.int64]]:
    """Of the cells of one grid: that of a middle says that a marker is there, those around it may; all say where."""
    cells = CROP_PX // stride
    present = np.zeros((cells, cells), np.float32)
    wanted = np.zeros((cells, cells, 4), np.float32)
    kinds = np.full((cells, cells), -1, np.int64)
    owners = np.zeros((cells, cells), np.int64)
    middles, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    low, high = SIZES[stride]
    for k in np.flatnonzero(inside > 0):
        column, row = np.floor(middles[k] / stride).astype(int)
        around = np.s_[max(row - 1, 0) : max(row + 2, 0), max(column - 1, 0) : max(column + 2, 0)]
        owners[around] += 1
        present[around] = np.where(present[around] == 1, 1, -1)
        if inside[k] >= WHOLE and low <= sizes[k].max() <= high:
            own = present[around] != 1
            wanted[around][own] = np.concatenate((middles[k], sizes[k]))
            kinds[around][own] = classes[k]
            present[row, column], wanted[row, column] = 1, np.concatenate((middles[k], sizes[k]))
            kinds[row, column] = classes[k]
    between = (owners > 1) & (present != 1)  # of two markers at once: it would say something between both
    present[between], kinds[between] = 0, -1
    return present.ravel(), wanted.reshape(-1, 4), kinds.ravel()
