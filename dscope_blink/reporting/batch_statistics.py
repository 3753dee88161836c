"""What a batch as a whole says, gathered one by one: reasons, where marks lie, sizes of the fiber, the trend."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import CLASSIFICATIONS, ZONE_LETTERS, Ellipse, Inspection, Points
from dscope_blink.reporting.batch_groups import Said, said_of
from dscope_blink.reporting.batch_totals import Totals

Floats: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = NDArray[np.int64]

FIBER_CELLS, PICTURE_CELLS = 49, 64  # across a map: odd, so that the centre of the fiber is that of a cell
MOST_MARKS = 5000  # kept for drawing; more are a page of megabytes and a black disc, and the grid says it better
OUTLINE_PX = 1.0  # by which an outline of a map may be simplified: a third of a line's width where maps are drawn
RADII = "cladding radii"  # unit of a map of fibers of which not all have a scale
_SHIFT = 4  # binary places of the coordinates handed to cv2


@dataclass(frozen=True, slots=True)
class FaceMarks:
    """The outlines of the marks of one picture, one after the other."""

    points_px: Floats  # (N, 2) x and y in the stored picture
    lengths: Counts  # (n,) points of each mark
    solid: NDArray[np.bool_]  # (n,) whether most of what lies inside the outline is part of the mark
    kinds: Counts  # (n,) index in CLASSIFICATIONS
    broken: NDArray[np.bool_]  # (n,) whether they break a limit
    picture_px: tuple[int, int]  # width and height
    to_radii: Floats  # (2, 2) from pixels off the centre of the cladding to shares of its radius
    center_px: Floats  # (2,)
    um_per_px: Floats | None  # (2,) along x and y; None without a scale


@dataclass(frozen=True, slots=True)
class MarkMap:
    """The marks of many pictures laid over each other, and in how many of them each cell of a grid is hit."""

    outlines: tuple[Floats, ...]  # (k, 2) each, in the unit of the map; none when there are too many to draw
    kinds: Counts
    broken: NDArray[np.bool_]
    hits: Counts  # (rows, columns) pictures with a mark there
    left_top: tuple[float, float]
    cell: float  # side of a cell
    unit: str
    faces: int  # pictures that are in it
    left_out: int  # pictures that are not, for their size or because no fiber was located

    @property
    def most_hit(self) -> tuple[int, float, float]:
        """In how many pictures the place that is hit most often is, and its x and y; 0 without any mark."""
        row, column = np.unravel_index(int(self.hits.argmax()), self.hits.shape)
        x, y = (start + (k + 0.5) * self.cell for start, k in zip(self.left_top, (column, row), strict=True))
        return int(self.hits[row, column]), x, y


@dataclass(slots=True)
class BatchStatistics:
    """Grows with every record by some hundred bytes and its marks."""

    totals: Totals = field(default_factory=Totals)
    faces: list[FaceMarks] = field(default_factory=list)
    zone_radii: dict[str, list[tuple[float, float | None]]] = field(default_factory=dict)  # cladding radii, um
    diameters_um: list[float] = field(default_factory=list)  # of the cladding, where it was measured
    diameters_px: list[float] = field(default_factory=list)
    known_diameters: int = 0  # pictures whose scale comes from the diameter, which is therefore not measured
    offsets_um: list[float] = field(default_factory=list)
    moments: list[tuple[str, str]] = field(default_factory=list)  # time and status
    pictures: list[Said] = field(default_factory=list)  # what divides the batch

    def add(self, inspection: Inspection) -> None:
        """Take up one inspection."""
        self.totals.add(inspection)
        self.moments.append((inspection.moment, inspection.verdict.status))
        self.pictures.append(said_of(inspection))
        if inspection.geometry is not None:
            self._add_dimensions(inspection, inspection.geometry.cladding.ellipse)
            if inspection.zones:
                self._add_zones(inspection, inspection.geometry.cladding.ellipse)

    def _add_dimensions(self, inspection: Inspection, cladding: Ellipse) -> None:
        px, um, offset_um = (
            inspection.measured(name).value
            for name in ("cladding_diameter_px", "cladding_diameter_um", "core_cladding_offset_um")
        )
        self.diameters_px.append(px or cladding.area_diameter_px)
        if inspection.scale is not None and inspection.scale.rests_on_cladding:
            self.known_diameters += 1
        elif um is not None:
            self.diameters_um.append(um)
        if offset_um is not None:
            self.offsets_um.append(offset_um)

    def _add_zones(self, inspection: Inspection, cladding: Ellipse) -> None:
        self.faces.append(_face_marks(inspection, cladding))
        for zone in inspection.zones:
            diameter_px = zone.outer.area_diameter_px
            radius_um = None if inspection.scale is None else diameter_px / 2 * inspection.scale.um_per_px
            radii = self.zone_radii.setdefault(zone.letter, [])
            radii.append((diameter_px / cladding.area_diameter_px, radius_um))

    @property
    def in_um(self) -> bool:
        """Whether every face has a scale, so that the map of the fiber can be in micrometres."""
        return all(face.um_per_px is not None for face in self.faces)

    def zones(self) -> Mapping[str, float]:
        """Median radius of each zone in the unit of the fiber map, by letter, from the innermost outwards."""
        unit = 1 if self.in_um else 0
        found = {letter: [both[unit] for both in measured] for letter, measured in self.zone_radii.items()}
        radii = {letter: [radius for radius in both if radius is not None] for letter, both in found.items()}
        return {letter: float(np.median(radii[letter])) for letter in ZONE_LETTERS if letter in radii}

    def fiber_map(self) -> MarkMap:
        """Where marks lie on the fiber, the centre of the cladding at 0: a polishing fault stays in place there."""
        reach, in_um = max(self.zones().values(), default=1.0) * 1.02, self.in_um
        points = [_on_fiber(face, in_um) for face in self.faces]
        grid = _Grid((-reach, -reach), 2 * reach / FIBER_CELLS, (FIBER_CELLS, FIBER_CELLS))
        unit = "um" if in_um else RADII
        return _mark_map(self.faces, points, grid, unit, self._without(len(self.faces)))

    def picture_map(self) -> MarkMap:
        """Where marks lie in the picture, of those of the commonest size: dirt on the lens stays in place there."""
        sizes = Counter(face.picture_px for face in self.faces)
        size = sizes.most_common(1)[0][0] if sizes else (1, 1)
        chosen = [face for face in self.faces if face.picture_px == size]
        cell = max(size) / PICTURE_CELLS
        grid = _Grid((-0.5, -0.5), cell, (math.ceil(size[1] / cell - 1e-9), math.ceil(size[0] / cell - 1e-9)))
        return _mark_map(chosen, [face.points_px for face in chosen], grid, "px", self._without(len(chosen)))

    def _without(self, shown: int) -> int:
        return self.totals.images - shown


def _face_marks(inspection: Inspection, cladding: Ellipse) -> FaceMarks:
    marks, scale, broken = inspection.defects, inspection.scale, inspection.broken
    width, height = inspection.image.width, inspection.image.height
    assert width is not None, "a located face has a size"
    assert height is not None, "and its height"
    outlines = [simplified(mark.contour_px, OUTLINE_PX) for mark in marks]
    return FaceMarks(
        points_px=np.concatenate([np.empty((0, 2), np.float32), *outlines]),
        lengths=np.array([len(outline) for outline in outlines], np.int64),
        solid=np.array([mark.area_px >= _enclosed_px(o) / 2 for mark, o in zip(marks, outlines, strict=True)], bool),
        kinds=np.array([CLASSIFICATIONS.index(mark.classification) for mark in marks], np.int64),
        broken=np.array([mark.id in broken for mark in marks], bool),
        picture_px=(width, height),
        to_radii=_to_radii(cladding.axes_px, cladding.angle_deg),
        center_px=np.array(cladding.center_px),
        um_per_px=None if scale is None else np.array([scale.um_per_px_x, scale.um_per_px_y]),
    )


def simplified(outline_px: Points, off_px: float) -> NDArray[np.float32]:
    """(k, 2) points of a closed outline that is nowhere farther off than `off_px`."""
    points = outline_px.astype(np.float32).reshape(-1, 1, 2)
    return np.asarray(cv2.approxPolyDP(points, off_px, closed=True)[:, 0]) if len(points) else points[:, 0]


def _enclosed_px(outline: NDArray[np.float32]) -> float:
    return float(cv2.contourArea(outline)) if len(outline) else 0.0


def _to_radii(axes_px: Sequence[float], angle_deg: float) -> Floats:
    """Of the ellipse to the unit circle without turning it."""
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    turn = np.array([[c, s], [-s, c]])
    return np.asarray(turn.T @ np.diag([2 / axes_px[0], 2 / axes_px[1]]) @ turn)


def _on_fiber(face: FaceMarks, in_um: bool) -> Floats:
    offsets = face.points_px - face.center_px
    if in_um:
        assert face.um_per_px is not None
        return np.asarray(offsets * face.um_per_px)
    return np.asarray(offsets @ face.to_radii.T)


@dataclass(frozen=True, slots=True)
class _Grid:
    left_top: tuple[float, float]
    cell: float
    shape: tuple[int, int]  # rows and columns

    def hit(self, outlines: Sequence[Floats], solid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """1 in the cells that the marks of one picture cover; of one with a hollow only those of its outline."""
        cells = np.zeros(self.shape, np.uint8)
        at = [(outline - self.left_top) / self.cell - 0.5 for outline in outlines]  # centres of cells at integers
        fixed = [np.rint(outline * 2**_SHIFT).astype(np.int32) for outline in at]
        cv2.polylines(cells, fixed, True, 1, shift=_SHIFT)
        for outline in compress(fixed, solid):  # one by one: together those that overlap would cancel out
            cv2.fillPoly(cells, [outline], 1, shift=_SHIFT)
        return cells


def _mark_map(faces: Sequence[FaceMarks], points: Sequence[Floats], grid: _Grid, unit: str, left_out: int) -> MarkMap:
    drawn, hits = sum(face.lengths.size for face in faces) <= MOST_MARKS, np.zeros(grid.shape, np.int64)
    kept: list[Floats] = []
    for face, placed in zip(faces, points, strict=True):
        outlines = np.split(placed, np.cumsum(face.lengths)[:-1]) if face.lengths.size else []
        hits += grid.hit(outlines, face.solid)
        kept += outlines if drawn else []
    return MarkMap(
        outlines=tuple(kept),
        kinds=np.concatenate([np.empty(0, np.int64), *(face.kinds for face in faces)]),
        broken=np.concatenate([np.empty(0, bool), *(face.broken for face in faces)]),
        hits=hits,
        left_top=grid.left_top,
        cell=grid.cell,
        unit=unit,
        faces=len(faces),
        left_out=left_out,
    )
