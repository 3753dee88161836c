"""The 3 x 3 cells of each zone: what its pixels, the detectors and the defects in them amount to."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Cell, Defect, Ellipse, FloatImage, Mask, Points, Zones

ACROSS = 3  # cells in each direction, as the table is defined
WHITE = 255  # grey level of white, whatever the bits of the picture


def measure_cells(
    gray: FloatImage,
    zones: Zones,
    supports: Mapping[str, FloatImage],
    defects: Sequence[Defect],
    names: Collection[str],
) -> tuple[Cell, ...]:
    """Statistics of the cells of each zone, over those of their pixels that belong to the zone.

    The gradient is that of the whole picture: a zone is never cut out first, so its border is in no number.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    zones : labels of the same (H, W) pixels
    supports : by detector, (H, W) float32, 0..1, how strongly it supports a mark
    defects : of this picture; each counts once, in its own zone: in the cell that holds its centroid, or is nearest to
        it where a mark that only touches the zone has its centroid outside the zone's box
    names : of the zones to measure

    Returns
    -------
    Nine cells for each of these zones, also for cells without a pixel: zones from the innermost, cells row by row

    Notes
    -----
    Entropy: C. E. Shannon, "A Mathematical Theory of Communication", Bell System Technical Journal 27(3), 1948,
    DOI 10.1002/j.1538-7305.1948.tb01338.x, of the histogram of grey levels in 256 bins.
    """
    pixels = _pixel_values(gray, supports)
    cells: list[Cell] = []
    for outline in zones.outlines:
        if outline.name in names:
            own = [defect for defect in defects if defect.zone == outline.name]
            cells += _cells_of_zone(outline.name, _grid(outline.outer), zones.mask(outline.letter), pixels, own)
    return tuple(cells)


@dataclass(frozen=True, slots=True)
class _PixelValues:
    """What is averaged over the pixels of a cell; all arrays are (H, W)."""

    level: FloatImage  # 0..255
    gradient_x: FloatImage
    gradient_y: FloatImage
    supports: Mapping[str, FloatImage]


def _pixel_values(gray: FloatImage, supports: Mapping[str, FloatImage]) -> _PixelValues:
    level = gray * np.float32(WHITE)
    return _PixelValues(level, np.gradient(level, axis=1), np.gradient(level, axis=0), supports)


@dataclass(frozen=True, slots=True)
class _Grid:
    """The upright box around an outline in equal cells, counted row by row from 0."""

    corner_px: tuple[float, float]
    step_px: tuple[float, float]

    def cell_at(self, points: Points) -> NDArray[np.intp]:
        """The cell that holds each of (n, 2) points x, y; the nearest for points outside the box."""
        steps = np.clip((points - self.corner_px) / self.step_px, 0, ACROSS - 1).astype(np.intp)
        return steps[:, 1] * ACROSS + steps[:, 0]


def _grid(outline: Ellipse) -> _Grid:
    (cx, cy), (width, height) = outline.center_px, outline.extent_px
    return _Grid((cx - width / 2, cy - height / 2), (width / ACROSS, height / ACROSS))


def _cells_of_zone(
    zone: str, grid: _Grid, inside: Mask, pixels: _PixelValues, defects: Sequence[Defect]
) -> Iterator[Cell]:
    y, x = np.nonzero(inside)
    cell = grid.cell_at(np.column_stack([x, y]))
    cell_of_defect = grid.cell_at(np.reshape([defect.centroid_px for defect in defects], (-1, 2)))
    for k in range(ACROSS**2):
        members = cell == k
        own = [defect for defect, there in zip(defects, cell_of_defect == k, strict=True) if there]
        yield _cell(zone, grid, k, (y[members], x[members]), pixels, own)


def _cell(
    zone: str,
    grid: _Grid,
    k: int,
    here: tuple[NDArray[np.intp], NDArray[np.intp]],
    pixels: _PixelValues,
    defects: Sequence[Defect],
) -> Cell:
    row, column = divmod(k, ACROSS)
    (left, top), (width, height) = grid.corner_px, grid.step_px
    level = pixels.level[here]
    return Cell(
        zone=zone,
        row=row + 1,
        column=column + 1,
        corner_px=(left + column * width, top + row * height),
        size_px=grid.step_px,
        pixel_count=level.size,
        gray_mean=_mean(level),
        gray_deviation=float(level.std(dtype=np.float64)) if level.size else math.nan,
        entropy_bits=_entropy_bits(level),
        gradient_x=_mean(pixels.gradient_x[here]),
        gradient_y=_mean(pixels.gradient_y[here]),
        responses={name: _mean(support[here]) for name, support in pixels.supports.items()},
        defect_count=len(defects),
        defect_area_px=math.fsum(defect.area_px for defect in defects),
        defect_area_um2=_area_um2(defects),
    )


def _mean(values: FloatImage) -> float:
    return float(values.mean(dtype=np.float64)) if values.size else math.nan


def _entropy_bits(level: FloatImage) -> float:
    if not level.size:
        return math.nan
    count = np.bincount(np.rint(level).astype(np.intp))
    share = count[count > 0] / level.size
    return float(share @ np.log2(1 / share))


def _area_um2(defects: Sequence[Defect]) -> float | None:
    areas = [defect.area_um2 for defect in defects if defect.area_um2 is not None]
    return math.fsum(areas) if len(areas) == len(defects) else None
