"""The face of an aggregate on a page: its picture with the merged marks, and the same with their heat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import AggregationSettings
from dscope_blink.files.decoding import Picture as StoredPicture
from dscope_blink.records import SEVERITIES, Aggregate, FloatImage, MergedMark, Points, ellipse_points
from dscope_blink.reporting.aggregate_heat import end_to_end, heat_map
from dscope_blink.reporting.batch_statistics import simplified
from dscope_blink.reporting.displayable import Picture, displayable
from dscope_blink.reporting.drawing import bgr
from dscope_blink.reporting.face_box import Part, part_around
from dscope_blink.reporting.label_places import Ground, leader
from dscope_blink.reporting.look import SEVERITY_COLOURS, ZONE_COLOURS
from dscope_blink.reporting.plots import HEAT_COLOURS
from dscope_blink.reporting.sheet import Photo, Shapes, Sheet, Strokes, Words
from dscope_blink.reporting.sheet_pixels import DPI, fitted, text_inches

_MARGIN = 0.02  # beside the outermost zone, of its diameter
_DARK = "#202020"  # below outlines, so that they show on any ground
_NO_PICTURE = "#6E6E6E"  # ground where the picture is not at hand: white and yellow outlines show on it
_HALOED = 1000  # marks: more would be a dark ground of their own
_OFF_INCHES = 0.002  # that a drawn outline may lie off the recorded one
_MANY_POINTS = 32  # of an outline: one with fewer is drawn as it is
_DOT_PX = 3.0  # of the page
_MAX_LABELS = 14  # of the worst marks: more would hide the face
_DEAREST = 12.0  # label heights that a label may cost: a dearer one would be clutter
_LETTERS = 8.0
_ROW_PX = 14  # height of a label
_HEAT_CELLS = 240  # along the longer side of the map
# Of the largest penalty, doubling from level to level.
_HEAT_SHARES = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64)
_PALE = 0.6  # of white over the picture below the heat
_THROUGH = 0.25  # of the picture that is seen through the heat


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of the page, in inches from the lower left."""

    left: float
    bottom: float
    width: float
    height: float

    @property
    def top(self) -> float:
        """Its upper edge."""
        return self.bottom + self.height

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.left + self.width


@dataclass(frozen=True, slots=True)
class Shown:
    """A part of the picture, as large as it fits into an area of the page."""

    part: Part  # left, top, right, bottom in pixels of the picture, the last two beyond it
    area: Area

    @classmethod
    def fitted(cls, part: Part, within: Area) -> Shown:
        """In the middle of the area, its pixels square."""
        across, down = part[2] - part[0], part[3] - part[1]
        inches = min(within.width / across, within.height / down)
        width, height = max(across * inches, 1.5 / DPI), max(down * inches, 1.5 / DPI)
        corner = within.left + (within.width - width) / 2, within.bottom + (within.height - height) / 2
        return cls(part, Area(*corner, width, height))

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height in pixels of the page."""
        return max(round(self.area.width * DPI), 1), max(round(self.area.height * DPI), 1)

    def share(self, points_px: Points) -> Points:
        """(N, 2) from 0 to 1 over the part, down as in the picture; centres of pixels are at integers."""
        left, top, right, bottom = self.part
        return np.asarray((np.reshape(points_px, (-1, 2)) + 0.5 - (left, top)) / (right - left, bottom - top))

    def on_page(self, points_px: Points) -> Points:
        """(N, 2) inches."""
        x, y = self.share(points_px).T
        return np.stack([self.area.left + x * self.area.width, self.area.top - y * self.area.height], axis=1)

    def inches(self, places: Points) -> Points:
        """Of pixels of the area, from its upper left."""
        return np.asarray((self.area.left, self.area.top) + np.asarray(places) / DPI * (1, -1))


def part_of(aggregate: Aggregate, picture: StoredPicture | None) -> Part:
    """The part of the picture that holds the outermost zone and all marks; all of it where there is no zone."""
    shape = _shape_of(aggregate, picture)
    zones = aggregate.inspection.zones
    part = part_around(zones[-1].outer, shape, _MARGIN) if zones else None
    if part is None:
        return 0, 0, shape[1], shape[0]
    outlines = [mark.defect.contour_px for mark in aggregate.marks if len(mark.defect.contour_px)]
    if not outlines:
        return part
    points = np.concatenate(outlines)
    low = np.clip(np.floor(points.min(axis=0)).astype(int), 0, part[:2])
    high = np.clip(np.ceil(points.max(axis=0)).astype(int) + 1, part[2:], shape[::-1])
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _shape_of(aggregate: Aggregate, picture: StoredPicture | None) -> tuple[int, int]:
    """(H, W) of the picture, by itself, its record, or else what its marks reach."""
    image = aggregate.inspection.image
    if picture is not None:
        if image.size_px is not None and picture.shape[1::-1] != image.size_px:
            raise ValueError(
                f"{image.file}: the picture must have the {image.width} x {image.height} px of its record, "
                f"got {picture.shape[1]} x {picture.shape[0]}"
            )
        return picture.shape[0], picture.shape[1]
    if image.size_px is not None:
        return image.size_px[::-1]
    points = np.concatenate([np.ones((1, 2)), *(mark.defect.contour_px for mark in aggregate.marks)])
    x, y = np.ceil(points.max(axis=0)).astype(int) + 1
    return int(y), int(x)


def reduced(picture: StoredPicture | None, shown: Shown, zoom: int) -> Picture | None:
    """The part of the picture as it can be seen, with no more pixels than the page shows of it."""
    if picture is None:
        return None
    left, top, right, bottom = shown.part
    cut = picture[top:bottom, left:right]
    width, height = (zoom * side for side in shown.size_px)
    if width < cut.shape[1] or height < cut.shape[0]:
        size = min(width, cut.shape[1]), min(height, cut.shape[0])
        cut = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA))
    return displayable(np.ascontiguousarray(cut))


# --- the picture with the marks


def draw_face(page: Sheet, shown: Shown, photo: Picture | None, aggregate: Aggregate) -> None:
    """The picture with the outlines of the merged marks in the colours of their severities, the worst labelled."""
    _lay_ground(page, shown, photo)
    _draw_zones(page, shown, aggregate)
    marks = sorted(aggregate.marks, key=_badness)
    paths = _paths(marks, shown)
    if len(marks) <= _HALOED and marks:
        page.items.append(Shapes([(path,) for path in paths], [None] * len(paths), _DARK, 2.0, "halos"))
    for severity, colour in reversed(tuple(SEVERITY_COLOURS.items())):
        rings = [(path,) for mark, path in zip(marks, paths, strict=True) if mark.severity == severity]
        if rings:
            page.items.append(Shapes(rings, [None] * len(rings), colour, 1.0, f"marks {severity}"))
    _label(page, shown, marks, paths, aggregate)


def _lay_ground(page: Sheet, shown: Shown, photo: Picture | None) -> None:
    area = shown.area
    if photo is not None:
        page.items.append(Photo((area.left, area.bottom), (area.width, area.height), photo, "picture"))
        return
    corners = [(area.left, area.bottom), (area.right, area.bottom), (area.right, area.top), (area.left, area.top)]
    page.items.append(Shapes([(np.array(corners),)], [_NO_PICTURE], None, 0.0, "no picture"))


def _draw_zones(page: Sheet, shown: Shown, aggregate: Aggregate, width: float = 1.4) -> None:
    """As far as they lie in what is shown: broken where they leave it."""
    for zone in aggregate.inspection.zones:
        ring = ellipse_points(zone.outer, 180)
        share = shown.share(ring)
        inside = np.asarray(((share >= 0) & (share <= 1)).all(axis=1))
        paths = [path for path in _runs(shown.on_page(ring), inside) if len(path) > 1]
        if paths:
            page.items.append(Strokes(paths, [ZONE_COLOURS[zone.letter]] * len(paths), width, f"zone {zone.letter}"))


def _runs(ring: Points, inside: NDArray[np.bool_]) -> list[Points]:
    """The pieces of a closed path that are inside."""
    if inside.all():
        return [np.vstack([ring, ring[:1]])]
    start = int(np.argmin(inside))  # a point that is not
    ring, inside = np.roll(ring, -start, axis=0), np.roll(inside, -start)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
    return [ring[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _badness(mark: MergedMark) -> tuple[int, float]:
    """The worst first, of these the largest."""
    return SEVERITIES.index(mark.severity), -mark.defect.diameter_px


def _paths(marks: Sequence[MergedMark], shown: Shown) -> list[Points]:
    """Their outlines in inches; what is too small to be seen is a dot."""
    if not marks:
        return []
    px_per_inch = (shown.part[2] - shown.part[0]) / shown.area.width
    outlines = [mark.outline_px for mark in marks]
    drawn = [
        simplified(outline, _OFF_INCHES * px_per_inch).astype(np.float64) if len(outline) > _MANY_POINTS else outline
        for outline in outlines
    ]
    points, starts = end_to_end(drawn)
    points, area = shown.on_page(points), shown.area
    low, high = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
    seen = (high - low).max(axis=1) * DPI >= _DOT_PX
    points = np.clip(points, (area.left, area.bottom), (area.right, area.top))
    dot = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2 * _DOT_PX / DPI
    return [
        path if is_seen and len(path) >= 3 else middle + dot
        for path, is_seen, middle in zip(np.split(points, starts[1:]), seen, (low + high) / 2, strict=True)
    ]


def _label(
    page: Sheet, shown: Shown, marks: Sequence[MergedMark], paths: Sequence[Points], aggregate: Aggregate
) -> None:
    """Names of the worst marks where there is room, with the number of sources that saw each."""
    if not marks:
        return
    inside = [(path - (shown.area.left, shown.area.top)) * (DPI, -DPI) for path in paths]
    zones = aggregate.inspection.zones
    fiber = shown.share(ellipse_points(zones[1 if len(zones) > 1 else 0].outer)) * shown.size_px if zones else None
    ground = Ground.of(shown.size_px[::-1], _ROW_PX, np.zeros((1, 2)) if fiber is None else fiber, [*inside], [])
    labels, lines, colours = list[Words](), list[Points](), list[str]()
    for mark, path in list(zip(marks, inside, strict=True))[:_MAX_LABELS]:
        text = f"{mark.defect.id} \u00d7{len(mark.sources)}"
        size = round(text_inches(text, _LETTERS) * DPI) + 6, _ROW_PX
        if size[0] > shown.size_px[0] or size[1] > shown.size_px[1]:
            continue
        box = ground.place(path, size, _DEAREST)
        if box is None:
            continue
        x, y = shown.inches((box[:2] + box[2:]) / 2)
        colour = SEVERITY_COLOURS[mark.severity]
        labels.append(Words((float(x), float(y)), text, _LETTERS, across="center", box=colour))
        lines.append(shown.inches(leader(box, path)))
        colours.append(colour)
    if lines:
        page.items.append(Strokes(lines, [_DARK] * len(lines), 1.3, "leaders"))
        page.items.append(Strokes(lines, colours, 0.8, "leaders"))
    page.items.extend(labels)


# --- the heat


def draw_heat(
    page: Sheet, shown: Shown, photo: Picture | None, aggregate: Aggregate, settings: AggregationSettings, zoom: int
) -> tuple[float, ...]:
    """The heat of the marks over the picture made pale; its levels, in points of the score."""
    heat, levels = _heat(aggregate, shown, settings), heat_levels(settings)
    size = shown.size_px[0] * zoom, shown.size_px[1] * zoom
    level = np.digitize(cv2.resize(heat, size, interpolation=cv2.INTER_LINEAR), levels)
    colours = np.array([(255, 255, 255), *map(bgr, HEAT_COLOURS)], np.float32)[level]  # (H, W, 3)
    below = _pale(photo, size)
    through = np.where(level > 0, _THROUGH, 1.0)[..., None].astype(np.float32)
    picture = np.rint(below * through + colours * (1 - through)).astype(np.uint8)
    area = shown.area
    page.items.append(Photo((area.left, area.bottom), (area.width, area.height), picture, "heat"))
    _draw_zones(page, shown, aggregate, 1.0)
    return levels


def _heat(aggregate: Aggregate, shown: Shown, settings: AggregationSettings) -> FloatImage:
    """Points of the score in the area of the Gaussian, 2 pi sigma^2: at a lone small mark its own."""
    left, top, right, bottom = shown.part
    width, height = right - left, bottom - top
    cells = _HEAT_CELLS / max(width, height)
    shape = max(round(height * cells), 1), max(round(width * cells), 1)
    scale = aggregate.inspection.scale
    sigma_px = (
        (settings.heat_sigma_um / scale.um_per_px_x, settings.heat_sigma_um / scale.um_per_px_y)
        if scale is not None
        else (settings.heat_sigma_um,) * 2
    )
    area_cells = 2 * np.pi * sigma_px[0] * shape[1] / width * sigma_px[1] * shape[0] / height
    heat = heat_map(aggregate.marks, shown.part, shape, sigma_px, settings.penalties)
    return np.asarray(heat * np.float32(area_cells))


def heat_levels(settings: AggregationSettings) -> tuple[float, ...]:
    """From which heat on each colour is, the palest first."""
    worst = max(settings.penalties.values()) or 1.0
    return tuple(worst * share for share in _HEAT_SHARES)


def _pale(photo: Picture | None, size: tuple[int, int]) -> NDArray[np.float32]:
    """The picture in light grey, of the size of the map; white where it is not at hand."""
    if photo is None:
        return np.full((size[1], size[0], 3), 255, np.float32)
    grey = cv2.cvtColor(fitted(photo, size), cv2.COLOR_BGR2GRAY).astype(np.float32)
    return np.repeat((grey * (1 - _PALE) + 255 * _PALE)[..., None], 3, axis=2)
