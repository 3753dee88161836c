"""Outlines on the panels of an analysed face: zones, places that depart, and the marks of the inspection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dscope_blink.records import Inspection, Points, ellipse_points
from dscope_blink.reporting.aggregate_face import Shown
from dscope_blink.reporting.displayable import Picture
from dscope_blink.reporting.label_places import Ground, leader
from dscope_blink.reporting.look import COUNTED_COLOUR, SEVERITY_COLOURS, ZONE_COLOURS
from dscope_blink.reporting.sheet import Photo, Shapes, Sheet, Strokes, Words
from dscope_blink.reporting.sheet_pixels import DPI, text_inches

DARK, WHITE = "#202020", "#FFFFFF"
DOT_PX = 4.0  # of the page: a smaller outline would not be seen
MOST_LABELS = 12  # of the worst: more would hide the face
DEAREST = 12.0  # label heights that a label may cost
LETTERS, ROW_PX = 8.0, 14
RING_POINTS = 180


def lay_ground(page: Sheet, shown: Shown, photo: Picture) -> None:
    """The picture."""
    area = shown.area
    page.items.append(Photo((area.left, area.bottom), (area.width, area.height), photo, "picture"))


def draw_zones(page: Sheet, shown: Shown, face: Inspection, width: float = 1.2) -> None:
    """Their borders, as far as they lie in what is shown."""
    for zone in face.zones:
        ring = ellipse_points(zone.outer, RING_POINTS)
        ring = np.vstack([ring, ring[:1]])
        inside = np.asarray(((shown.share(ring) >= 0) & (shown.share(ring) <= 1)).all(axis=1))
        places = shown.on_page(ring)
        paths = [places[k : k + 2] for k in np.flatnonzero(inside[:-1] & inside[1:])]
        if inside.all():
            paths = [places]
        if paths:
            page.items.append(Strokes(paths, [ZONE_COLOURS[zone.letter]] * len(paths), width, f"zone {zone.letter}"))


def draw_anomalies(page: Sheet, shown: Shown, face: Inspection) -> None:
    """The places that depart in the colours of their severities, the worst labelled with their scores."""
    anomalies = face.comparison.anomalies
    paths = _paths([one.outline_px for one in anomalies], shown)
    colours = [SEVERITY_COLOURS[one.severity] for one in anomalies]
    _outline(page, paths, colours, "places")
    said = [f"{one.id} {one.score:.1f}" for one in anomalies]
    _label(page, shown, paths, colours, said, face)


def draw_marks(page: Sheet, shown: Shown, face: Inspection) -> None:
    """The marks of the inspection, labelled with their ids, and in white the places that depart."""
    _outline(page, _paths([one.outline_px for one in face.comparison.anomalies], shown), WHITE, "places")
    marks = sorted(face.defects, key=lambda mark: -mark.diameter_px)
    paths = _paths([mark.contour_px for mark in marks], shown)
    colours = [COUNTED_COLOUR] * len(marks)
    _outline(page, paths, colours, "marks")
    _label(page, shown, paths, colours, [f"{mark.id} {mark.classification}" for mark in marks], face)


def _outline(page: Sheet, paths: Sequence[Points], colours: Sequence[str] | str, label: str) -> None:
    """With a dark line below, so that they show on any ground; the worst, which come first, on top."""
    if not paths:
        return
    page.items.append(Shapes([(path,) for path in paths], [None] * len(paths), DARK, 2.0, f"halos of {label}"))
    each = [colours] * len(paths) if isinstance(colours, str) else colours
    for colour in reversed(dict.fromkeys(each)):
        rings = [(path,) for path, own in zip(paths, each, strict=True) if own == colour]
        page.items.append(Shapes(rings, [None] * len(rings), colour, 1.0, label))


def _paths(outlines: Sequence[Points], shown: Shown) -> list[Points]:
    """In inches; what is too small to be seen is a dot."""
    area, paths = shown.area, []
    dot = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2 * DOT_PX / DPI
    for outline in outlines:
        path = np.clip(shown.on_page(outline), (area.left, area.bottom), (area.right, area.top))
        low, high = path.min(axis=0), path.max(axis=0)
        is_seen = len(path) >= 3 and (high - low).max() * DPI >= DOT_PX
        paths.append(path if is_seen else (low + high) / 2 + dot)
    return paths


def _label(
    page: Sheet,
    shown: Shown,
    paths: Sequence[Points],
    colours: Sequence[str],
    said: Sequence[str],
    face: Inspection,
) -> None:
    """Names of the first where there is room."""
    inside = [(path - (shown.area.left, shown.area.top)) * (DPI, -DPI) for path in paths]
    zones = face.zones
    fiber = shown.share(ellipse_points(zones[min(1, len(zones) - 1)].outer)) * shown.size_px if zones else None
    ground = Ground.of(shown.size_px[::-1], ROW_PX, np.zeros((1, 2)) if fiber is None else fiber, inside, [])
    for path, colour, text in list(zip(inside, colours, said, strict=True))[:MOST_LABELS]:
        size = round(text_inches(text, LETTERS) * DPI) + 6, ROW_PX
        if size[0] > shown.size_px[0] or size[1] > shown.size_px[1]:
            continue
        box = ground.place(path, size, DEAREST)
        if box is None:
            continue
        line = shown.inches(leader(box, path))
        x, y = shown.inches((box[:2] + box[2:]) / 2)
        page.items.append(Strokes([line, line], [DARK, colour], 0.8, "leaders"))
        page.items.append(Words((float(x), float(y)), text, LETTERS, across="center", box=colour))
