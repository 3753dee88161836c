"""Parts of a decoded picture that no camera gave: rectangles of one grey level, or of rows or columns that repeat.

A sensor has noise: no two neighbouring pixels, rows or columns of it agree exactly over a large area, unless they are
black or saturated, and then their border is that of what is seen. What a copy, a decoder or a memory left unfilled has
straight borders along rows and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import Preprocessing
from dscope_blink.records import Ellipse, FloatImage, Mask, Notice, notice, to_form

CELL_PX = 4  # a picture is looked at in cells: a part is known to so many pixels
SIDE_CELLS = 5  # across the smallest part: more than the 16 px of the blocks in which JPEG stores colour
STRAIGHT_CELLS = 5  # runs of a border along a row or column; round ones have such at four places only
MIN_STRAIGHT, MIN_FILLED = 0.7, 0.9  # of a border; of what it encloses, and of the box around what may be clipped
# Of a border 1 runs so in rectangles and steps of them, 0.1 to 0.3 in discs and rings.
LEAST_OF_FLAT = 0.6  # of all that is flat and not clipped: a smooth picture is flat in many places
AGREE = 0.98  # share of the pixels of a part that repeat: its last cells may reach beyond it
MOST_LEVELS = 3  # that missing parts of one picture hold
MIN_SOLID = 0.98  # of what the border of a region encloses: a fiber is more than the rest
MIN_STEP, STANDING_OUT = 0.02, 0.6  # at the border of one level: more than noise, along most of it
MOST_LEVEL = 0.5  # share of one level in rows that repeat: what is smooth has more, noise of a line repeats as noise
SMALL_CELLS, SEVERAL = 36, 2  # of blocks that count together
ROWS, COLUMNS = "repeat the row before them", "repeat the column before them"
DARK, BRIGHT = 0.15, 0.9  # levels of frames and margins around a picture
CLIPPED = 0.01  # of the range, at its ends
MOST_NAMED = 3  # parts in the warnings of one picture

Cells: TypeAlias = NDArray[np.uint8]  # (H / CELL_PX, W / CELL_PX), 1 where a cell repeats


@dataclass(frozen=True, slots=True)
class MissingPart:
    """A part in which nothing can be seen, by the upright box around it: columns and rows, ends excluded."""

    left: int
    top: int
    right: int
    bottom: int
    holds: str  # in words
    is_border: bool  # a band along a whole side: a frame, or the surroundings, where it is not on the fiber

    @property
    def repeats(self) -> bool:
        """Whether it holds more than one level."""
        return self.holds in (ROWS, COLUMNS)

    @property
    def text(self) -> str:
        """Where it is and what is there."""
        return f"rows {self.top} to {self.bottom - 1}, columns {self.left} to {self.right - 1} {self.holds}"

    def touches(self, ellipse: Ellipse) -> bool:
        """Whether a point of the box lies in an ellipse."""
        cx, cy, p, q, s = to_form(ellipse)
        x, y = np.arange(self.left, self.right) - cx, np.arange(self.top, self.bottom) - cy
        sides = ((x, y[[0]]), (x, y[[-1]]), (x[[0]], y), (x[[-1]], y))
        if any((p * u * u + 2 * q * u * v + s * v * v < 1).any() for u, v in sides):
            return True
        return self.left <= cx < self.right and self.top <= cy < self.bottom


def find_missing(gray: FloatImage, settings: Preprocessing) -> tuple[MissingPart, ...]:
    """Find the parts of a picture that were left unfilled.

    Parameters
    ----------
    gray : (H, W) float32, 0..1, as decoded: nothing divided or smoothed
    settings : from which share of the picture on a part counts

    Returns
    -------
    The parts. Pictures without noise are flat in many places: of those, only what repeats over a whole side is found
    """
    if min(gray.shape) < SIDE_CELLS * CELL_PX:
        return ()
    across, down = _repeating(gray)
    bands = (*_bands(down, gray), *(_turned(part) for part in _bands(across.T, gray.T)))
    found: list[MissingPart] = []
    for same, holds in ((across & down, ""), (down, ROWS), (across, COLUMNS)):
        found.extend(_rectangles(same, across & down, gray, settings.missing_min_share, holds, found))
    levels = {part.holds for part in found if not part.repeats}
    if len(levels) > MOST_LEVELS:  # a picture of few levels is flat everywhere
        found = [part for part in found if part.repeats]
    return (*found, *bands)


def missing_warnings(
    parts: tuple[MissingPart, ...], cladding: Ellipse | None = None, outermost: Ellipse | None = None
) -> tuple[Notice, ...]:
    """What there is to say of missing parts.

    Parameters
    ----------
    parts : as found in the picture
    cladding : None where none was located
    outermost : around all that has limits

    Returns
    -------
    `part_missing` for what keeps a face from being graded, `part_missing_beside` for the rest
    """
    warnings = []
    for part in parts:
        border = cladding if part.is_border else outermost
        if part.touches(border) if border is not None else not part.is_border:
            warnings.append(notice("part_missing", part.text))
        elif not part.is_border:
            warnings.append(notice("part_missing_beside", part.text))
    if sum(warning.kind == "part_missing_beside" for warning in warnings) >= SEVERAL:
        # blocks all over: who knows what else is not as it was seen
        warnings = [notice("part_missing", part.text) for part in parts if not part.is_border]
    return tuple(sorted(warnings, key=lambda warning: warning.kind)[:MOST_NAMED])  # what forbids a verdict comes first


def _repeating(gray: FloatImage) -> tuple[Cells, Cells]:
    """Where cells repeat their first column or row, and that of the cell before, in two rows or columns of each."""
    rows, columns = (side // CELL_PX for side in gray.shape)
    cells = gray[: rows * CELL_PX, : columns * CELL_PX].reshape(rows, CELL_PX, columns, CELL_PX)
    across, down = np.ones((2, rows, columns), bool)
    for line in (0, 2):
        level = cells[:, line, :, 0]
        for k in range(1, CELL_PX):
            across &= cells[:, line, :, k] == level
        level = cells[:, 0, :, line]
        for k in range(1, CELL_PX):
            down &= cells[:, k, :, line] == level
        across[:, 1:] &= cells[:, line, 1:, 0] == cells[:, line, :-1, -1]  # blocks of JPEG are flat one by one
        down[1:] &= cells[1:, 0, :, line] == cells[:-1, -1, :, line]
    return across.view(np.uint8), down.view(np.uint8)


def _rectangles(
    same: Cells, level: Cells, gray: FloatImage, min_share: float, holds: str, others: Sequence[MissingPart]
) -> list[MissingPart]:
    kernel = np.ones((SIDE_CELLS, SIDE_CELLS), np.uint8)
    core = cv2.erode(same, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    if not core.any():
        return []
    flat = cv2.dilate(core, kernel)
    for other in others:
        flat[other.top // CELL_PX : other.bottom // CELL_PX, other.left // CELL_PX : other.right // CELL_PX] = 0
    count, labels, stats, _ = cv2.connectedComponentsWithStats(flat, connectivity=4)
    areas = stats[:, cv2.CC_STAT_AREA]
    large = [k for k in range(1, count) if areas[k] >= min_share * flat.size] or _blocks(labels, stats, gray, min_share)
    found = [(k, part) for k in large if (part := _part(labels == k, stats[k], gray, holds)) is not None]
    found = [(k, part) for k, part in found if not part.repeats or level[labels == k].mean() < MOST_LEVEL]
    clear = _clear(gray, flat)
    area = sum(np.count_nonzero(clear & (labels == k)) for k, _ in found)
    natural = np.count_nonzero(clear) - area
    return [part for k, part in found if part.is_border or stats[k, 4] >= LEAST_OF_FLAT * (stats[k, 4] + natural)]


def _blocks(labels: NDArray[np.int32], stats: NDArray[np.int32], gray: FloatImage, min_share: float) -> list[int]:
    """Small regions that stand out on all sides, where there are several and they are large together."""
    sizes = stats[:, cv2.CC_STAT_AREA]
    blocks = [k for k in range(1, len(stats)) if sizes[k] >= SMALL_CELLS and _stands_out(stats[k], gray)]
    enough = len(blocks) >= SEVERAL and sum(int(sizes[k]) for k in blocks) >= min_share * labels.size
    return blocks if enough else []


def _stands_out(stats: NDArray[np.int32], gray: FloatImage) -> bool:
    """Whether the level in a box ends at its border: what is flat by nature goes on nearly so."""
    rows, columns = (side // CELL_PX for side in gray.shape)
    levels = gray[: rows * CELL_PX : CELL_PX, : columns * CELL_PX : CELL_PX]
    left, top, width, height = (int(value) for value in stats[:4])
    around = np.pad(levels, 2, constant_values=np.nan)[top : top + height + 4, left : left + width + 4]
    ring = np.concatenate([around[[0, -1]].ravel(), around[:, [0, -1]].ravel()])
    steps = np.abs(ring[~np.isnan(ring)] - levels[top + height // 2, left + width // 2])
    return bool(steps.size and (steps > MIN_STEP).mean() > STANDING_OUT)


def _bands(down: Cells, gray: FloatImage) -> list[MissingPart]:
    """Rows that repeat over the whole width."""
    whole = down.all(axis=1).astype(np.int8)
    turns = np.flatnonzero(np.diff(whole, prepend=0, append=0))
    bands = []
    for first, last in zip(turns[::2].tolist(), turns[1::2].tolist(), strict=True):
        if last - first >= SIDE_CELLS:
            bottom = _end(last * CELL_PX, gray.shape[0])
            bands.append(MissingPart(0, first * CELL_PX, gray.shape[1], bottom, ROWS, True))
    return bands


def _turned(part: MissingPart) -> MissingPart:
    return MissingPart(part.top, part.left, part.bottom, part.right, COLUMNS, part.is_border)


def _clear(gray: FloatImage, flat: Cells) -> Mask:
    """Flat cells that are neither black nor saturated: those are flat by themselves."""
    rows, columns = flat.shape
    levels = gray[: rows * CELL_PX : CELL_PX, : columns * CELL_PX : CELL_PX]
    return (flat > 0) & (levels > CLIPPED) & (levels < 1 - CLIPPED)


def _is_clipped(levels: FloatImage | np.float32, gray: FloatImage) -> Mask:
    """Whether levels lie at an end of the range, or of that which the picture fills."""
    points = gray[::CELL_PX, ::CELL_PX]
    return (levels <= points.min() + CLIPPED) | (levels >= points.max() - CLIPPED)


def _part(cells: Mask, stats: NDArray[np.int32], gray: FloatImage, holds: str) -> MissingPart | None:
    """The part that a region of cells is; None where its border is not straight or its pixels do not repeat."""
    left, top, width, height = (int(value) for value in stats[:4])
    spans = (width >= cells.shape[1] - 1, height >= cells.shape[0] - 1)
    window = cells[top : top + height, left : left + width]
    if all(spans) or not _is_straight(window.astype(np.uint8)):
        return None
    pixels = np.kron(window, np.ones((CELL_PX, CELL_PX), bool))
    y, x = top * CELL_PX, left * CELL_PX
    levels = gray[y : y + pixels.shape[0], x : x + pixels.shape[1]]
    level = float(np.median(levels[pixels]))
    is_level = bool((levels[pixels] == level).mean() >= AGREE)
    if not is_level and not _repeats(levels, pixels, holds):
        return None
    if is_level and window.mean() < MIN_FILLED and _is_clipped(np.float32(level), gray):
        return None
    if is_level and not _stands_out(stats, gray):
        return None
    ends = (_end(x + pixels.shape[1], gray.shape[1]), _end(y + pixels.shape[0], gray.shape[0]))
    words = f"hold one grey level, {level:.0%} of the range" if is_level else holds
    return MissingPart(x, y, *ends, words, is_level and any(spans) and not DARK < level < BRIGHT)


def _end(at: int, size: int) -> int:
    return size if size - at < CELL_PX else at


def _repeats(levels: FloatImage, pixels: Mask, holds: str) -> bool:
    if holds == "":
        return False
    if holds == COLUMNS:
        levels, pixels = levels.T, pixels.T
    inside = pixels[1:] & pixels[:-1]
    return bool((levels[1:] == levels[:-1])[inside].mean() >= AGREE)


def _is_straight(window: Cells) -> bool:
    """Whether the border of a region runs along rows or columns, and nothing, such as a fiber, lies within it."""
    contours, _ = cv2.findContours(window, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outer = max(contours, key=cv2.contourArea)
    filled = cv2.fillPoly(np.zeros_like(window), [outer], 1)
    border = outer[:, 0].astype(np.int64)
    steps = np.abs(np.roll(border, -1, axis=0) - border)
    lengths = steps.max(axis=1)
    straight = (steps.min(axis=1) == 0) & (lengths >= STRAIGHT_CELLS - 1)
    share = float(lengths[straight].sum() / max(lengths.sum(), 1))
    return share >= MIN_STRAIGHT and int(cv2.countNonZero(window)) >= MIN_SOLID * int(cv2.countNonZero(filled))
