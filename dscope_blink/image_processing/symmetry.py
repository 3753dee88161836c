"""How alike each mark is to what lies where a turn about the axis of the fiber would put it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

import cv2
import numpy as np

from dscope_blink.config.settings import ResidualSettings
from dscope_blink.image_processing.fiber_coordinates import PolarGrid, WorkingPicture, polar_grid
from dscope_blink.records import (
    SYMMETRY_BESIDE,
    SYMMETRY_ORDERS,
    Defect,
    FiberGeometry,
    FloatImage,
    Mask,
    rounded,
    symmetry_feature,
    window_around,
)

Box: TypeAlias = tuple[slice, int, int]  # circles, first angle, how many angles

ANGLES = 720  # divisible by all orders but not 7, whose copies are looked for beside theirs anyway
PLACE = 0.025  # cladding radii: how far a copy may lie from its place, since a fiber is drawn only so exactly
MARGIN_PX = 3  # around a mark, for its edge to show
BLUR_REACH_PX = 8  # of the smoothing and of a cubic sample
MOST_MARKS = 60  # the largest; on a face of more, the others are measured by nothing but themselves
WITHIN = 0.97  # cladding radii: farther out every circle holds the edge


def with_symmetry(marks: Sequence[Defect], picture: WorkingPicture, settings: ResidualSettings) -> tuple[Defect, ...]:
    """Each mark with its likeness to its copies by rotation, for each order of symmetry, among its features.

    The likeness is the normalised cross-correlation of the picture there and at a copy, times the ratio of the fainter
    to the stronger of the two, least over all copies: 1 for n marks of equal shape, size, level and radius at regular
    angles, near 0 where a copy is clean glass. Marks beyond the fiber, and small ones of very many, get none.

    Parameters
    ----------
    marks : measured, in pixels of the stored picture
    picture : in which they were sought
    settings : of the circles around the fiber, from config.json
    """
    cladding_px = picture.geometry.cladding.ellipse.mean_diameter_px / 2 * math.sqrt(math.prod(picture.pixel_px))
    within = [mark for mark in marks if mark.r_max_px < WITHIN * cladding_px]
    chosen = {id(mark) for mark in sorted(within, key=lambda mark: -mark.diameter_px)[:MOST_MARKS]}
    if not chosen:
        return tuple(marks)
    round_about = FiberGeometry(picture.geometry.cladding, None)
    grid = polar_grid(round_about, replace(settings, polar_reach=1.0, polar_angles=ANGLES))
    departure = _departure(picture, grid)
    boxes = {id(mark): _box(mark, picture, grid) for mark in within}
    free = _free(boxes.values(), departure.shape)
    return tuple(
        _measured(mark, departure, free, boxes[id(mark)], grid) if id(mark) in chosen else mark for mark in marks
    )


def _free(boxes: Iterable[Box], shape: tuple[int, ...]) -> Mask:
    """Where neither a mark nor what lies opposite it is; (radii, angles)."""
    free = np.ones(shape, bool)
    for rows, first, width in boxes:
        free[rows, np.arange(first, first + width) % ANGLES] = False
    return np.asarray(free & np.roll(free, ANGLES // 2, axis=1))


def _departure(picture: WorkingPicture, grid: PolarGrid) -> FloatImage:
    """What differs from the median of its circle, smoothed as the search smooths; (radii, angles)."""
    reach = 1 + BLUR_REACH_PX / grid.cladding_radius_px
    (x, y), (h, w) = window_around(picture.gray.shape, picture.geometry.cladding.ellipse, reach)
    polar = np.nan_to_num(grid.sampled(cv2.GaussianBlur(picture.gray[y : y + h, x : x + w], (0, 0), 1.0), (x, y)))
    ordered = np.sort(polar, axis=1)  # a tenth of the time of a median
    return np.asarray(polar - ordered[:, ANGLES // 2 - 1 : ANGLES // 2 + 1].mean(axis=1, keepdims=True), np.float32)


def _measured(mark: Defect, departure: FloatImage, free: Mask, box: Box, grid: PolarGrid) -> Defect:
    rows, first, width = box
    steps = {round(ANGLES * k / n) for n in SYMMETRY_ORDERS for k in range(1, n)}
    template = departure[rows].take(range(first, first + width), axis=1, mode="wrap")
    spread = float(template.std())
    alike = {step: _likeness(departure, template, spread, (rows, first + step, width), grid) for step in steps}
    least = {n: min(alike[round(ANGLES * k / n)] for k in range(1, n)) for n in SYMMETRY_ORDERS}
    found = {symmetry_feature(n): rounded("share", max(value, 0.0)) for n, value in least.items()}
    beside = rounded("share", max(_likeness_beside(departure[rows], free[rows]), 0.0))
    return replace(mark, features={**mark.features, **found, SYMMETRY_BESIDE: beside})


def _likeness_beside(departure: FloatImage, free: Mask) -> float:
    """Correlation of what is left of the circles, without the marks, with itself turned by half a turn."""
    if free.mean() < LEAST_FREE:
        return 0.0
    here, there = (part[free].astype(np.float64) for part in (departure, np.roll(departure, ANGLES // 2, axis=1)))
    here -= here.mean()
    there -= there.mean()
    size = math.sqrt(float((here * here).sum()) * float((there * there).sum()))
    return float((here * there).sum()) / size if size > 0 else 0.0


LEAST_FREE = 0.2  # share of the circles that must be left


def _box(mark: Defect, picture: WorkingPicture, grid: PolarGrid) -> Box:
    """The circles a mark lies on, and its first angle and how many; all of them where it lies around the centre."""
    cladding = picture.geometry.cladding.ellipse
    points = ((mark.contour_px + 0.5) / picture.pixel_px - 0.5) - cladding.center_px
    radii = np.hypot(*points.T) / grid.r_px[1]
    low = max(int(radii.min()) - MARGIN_PX, 0)
    rows = slice(low, min(int(radii.max()) + MARGIN_PX + 1, len(grid.s)))
    turns = np.unique(np.round(np.arctan2(points[:, 1], points[:, 0]) * ANGLES / (2 * math.pi)).astype(int) % ANGLES)
    gaps = np.diff(np.append(turns, turns[0] + ANGLES))
    widest = int(gaps.argmax())
    margin = math.ceil(MARGIN_PX * ANGLES / (2 * math.pi * max(float(radii.mean()) * grid.r_px[1], 1.0)))
    first = int(turns[(widest + 1) % len(turns)]) - margin
    return rows, first, min(ANGLES - int(gaps[widest]) + 1 + 2 * margin, ANGLES)


def _likeness(departure: FloatImage, template: FloatImage, spread: float, box: Box, grid: PolarGrid) -> float:
    """Of a template of such a spread and what lies in a box, at the best place within the tolerance."""
    rows, first, width = box
    off = max(round(PLACE / grid.s[1]), 1)
    middle = max((rows.start + rows.stop) / 2 * grid.s[1], PLACE)
    aside = min(max(round(PLACE / middle * ANGLES / (2 * math.pi)), 1), ANGLES // 36)
    turned = np.arange(first - aside, first + width + aside)
    there = departure[max(rows.start - off, 0) : rows.stop + off].take(turned, axis=1, mode="wrap")
    found = cv2.matchTemplate(there, template, cv2.TM_CCOEFF_NORMED)
    y, x = divmod(int(found.argmax()), found.shape[1])
    other = float(there[y : y + template.shape[0], x : x + template.shape[1]].std())
    return float(found[y, x]) * min(spread, other) / max(spread, other, 1e-9)
