"""What is drawn on the photograph: rings of the zones, outlines of the marks, labels of those that decide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import (
    SEVERITIES,
    ZONE_LETTERS,
    Defect,
    Ellipse,
    Inspection,
    Points,
    ZoneOutline,
    ellipse_points,
)
from dscope_blink.reporting.displayable import Picture
from dscope_blink.reporting.drawing import (
    BLACK,
    INK,
    PAPER,
    Box,
    Colour,
    Pen,
    bgr,
    draw_broken,
    draw_outlined,
    draw_path,
    draw_text,
    plain_text,
)
from dscope_blink.reporting.label_places import Ground, leader
from dscope_blink.reporting.look import COUNTED_COLOUR, RESULT_COLOURS, UNCOUNTED_COLOUR, VIOLATING_COLOUR
from dscope_blink.reporting.wording import ZoneResult, mark_label, zone_results

_MAX_LABELS = 16  # of the most severe marks: more would hide the face
_DEAREST = 12.0  # label heights that the label of a mark that breaks no limit may cost: dearer ones would be clutter
_FRAME_GAP_ROWS = 0.33  # between a mark and the frame around it: a frame that touches a small pit hides it
_LONG = 2.0  # times as long as wide: the frame of such a mark is a rectangle
_SHORTEST_ROWS = 2.0  # of an outline, in heights of a line of text: what is smaller is shown by a circle around it
_LETTER_DEG = (45, 30, 60, 45)  # up from the right: apart from each other where zones lie close
_VEIL = 0.35  # over what was not inspected: marks there can still be made out
_VEIL_STEP = 4  # grey levels, a power of two, between those left below it: their PNG takes a sixth less time and room
_DARK = 64  # mean grey level of a picture on which a dark veil would not be seen, and a light one is drawn


def draw_face(photo: Picture, inspection: Inspection, pen: Pen, *, labelled: bool = True) -> int:
    """Draw zones and marks on the photograph, in place.

    Parameters
    ----------
    photo : (H, W, 3) uint8, the part of the picture that `pen` tells, enlarged as it tells
    inspection : its coordinates are pixels of the whole picture
    pen : from the coordinates of the record to those of `photo`
    labelled : whether marks that count have labels

    Returns
    -------
    How many marks that count found no room for a label.
    """
    caption = _draw_veil(photo, inspection, pen)
    rings = [(zone, result, pen.on_photo(ellipse_points(zone.outer))) for zone, result in _zones(inspection)]
    for _, result, path in rings:
        draw_ring(photo, path, result, pen)
    _draw_marks(photo, inspection, pen)
    letters = [box for ring in rings if (box := _draw_letter(photo, *ring, inspection, pen)) is not None]
    return _draw_labels(photo, inspection, pen, [*letters, *caption]) if labelled else 0


def outermost_inspected(inspection: Inspection) -> Ellipse | None:
    """The border beyond which nothing was inspected; None where no zone was."""
    inspected = [zone.outer for zone in inspection.zones if zone.name in inspection.request.zones]
    return inspected[-1] if inspected else None


# --- zones


def _draw_veil(photo: Picture, inspection: Inspection, pen: Pen) -> list[Box]:
    """Veil what lies beyond the outermost inspected zone and say so in a corner; the box of the words, if any."""
    border = outermost_inspected(inspection)
    if border is None:
        return []
    beyond = np.full(photo.shape[:2], 255, np.uint8)
    cv2.fillPoly(beyond, [np.rint(pen.on_photo(ellipse_points(border))).astype(np.int32)], 0)
    veil = 2 * _DARK if cv2.mean(photo[::4])[0] < _DARK else PAPER[0]
    veiled = cv2.convertScaleAbs(photo, alpha=1 - _VEIL, beta=_VEIL * veil + _VEIL_STEP / 2)
    cv2.copyTo(np.bitwise_and(veiled, 256 - _VEIL_STEP, out=veiled), beyond, photo)
    return _draw_caption(photo, beyond, pen)


def _draw_caption(photo: Picture, beyond: NDArray[np.uint8], pen: Pen) -> list[Box]:
    text, row, (height, width) = "not inspected", pen.row(), photo.shape[:2]
    across = pen.text_px(text) + row
    for left, top in ((0, height - row), (width - across, height - row), (0, 0), (width - across, 0)):
        under = beyond[max(top, 0) : top + row, max(left, 0) : left + across]
        if min(left, top) >= 0 and under.all():
            cv2.rectangle(photo, (left, top), (left + across - 1, top + row - 1), PAPER, cv2.FILLED)
            draw_text(photo, text, (left + row // 2, top + row // 2), pen)
            return [np.array([left, top, left + across, top + row])]
    return []


def _zones(inspection: Inspection) -> list[tuple[ZoneOutline, ZoneResult]]:
    results = {result.letter: result for result in zone_results(inspection)}
    return [(zone, results[zone.letter]) for zone in inspection.zones]


def draw_ring(image: Picture, path: Points, result: ZoneResult, pen: Pen) -> None:
    """The border of a zone in the colour of its result; broken where it was not inspected."""
    draw = draw_outlined if result.inspected else draw_broken
    draw(image, path, bgr(RESULT_COLOURS[result.result]), pen, 2)


def _draw_letter(
    photo: Picture, zone: ZoneOutline, result: ZoneResult, path: Points, inspection: Inspection, pen: Pen
) -> Box | None:
    """At the upper right, or where else the outline lies in the picture and on no mark."""
    half = pen.row() // 3
    inside = path[((path >= half) & (path < np.array(photo.shape[1::-1]) - half)).all(axis=1)]
    if not len(inside):
        return None
    clear = inside[_clear_of_marks(inside, inspection, pen)]
    places = clear if len(clear) else inside
    angle = math.radians(_LETTER_DEG[ZONE_LETTERS.index(zone.letter)])
    x, y = map(int, places[np.argmax(places @ (math.cos(angle), -math.sin(angle)))])
    cv2.rectangle(photo, (x - half, y - half), (x + half, y + half), PAPER, cv2.FILLED)
    draw_text(photo, zone.letter, (x - pen.text_px(zone.letter) // 2, y), pen, bgr(RESULT_COLOURS[result.result]))
    return np.array([x - half, y - half, x + half, y + half])


def _clear_of_marks(points: Points, inspection: Inspection, pen: Pen) -> NDArray[np.bool_]:
    """(N,): whether a letter at each point hides no mark."""
    centers = pen.on_photo(np.array([defect.rect.center_px for defect in inspection.defects]))
    radii = np.array([pen.zoom * defect.diameter_px / 2 + pen.row() for defect in inspection.defects])
    apart = points[:, None] - centers  # (N, n_mark, 2)
    return np.asarray((np.hypot(apart[..., 0], apart[..., 1]) > radii).all(axis=1))


# --- marks


def _most_severe(inspection: Inspection) -> list[Defect]:
    """Those that break a limit first, whatever a table of severities makes of others."""
    broken = inspection.broken
    return sorted(inspection.defects, key=lambda d: (d.id not in broken, SEVERITIES.index(d.severity), -d.diameter_px))


def _mark_colour(defect: Defect, broken: frozenset[str]) -> Colour:
    if defect.id in broken:
        return bgr(VIOLATING_COLOUR)
    return bgr(COUNTED_COLOUR if defect.counted else UNCOUNTED_COLOUR)


def _draw_marks(photo: Picture, inspection: Inspection, pen: Pen) -> None:
    """Thin outlines of all marks, those that break a limit in a thick frame; the worst last, on top."""
    broken = inspection.broken
    for defect in _most_severe(inspection)[::-1]:
        colour = _mark_colour(defect, broken)
        if defect.id in broken:
            draw_path(photo, _frame_points(defect, pen), colour, pen.line(2.5))
        draw_outlined(photo, _outline(defect, pen), colour, pen)


def _outline(defect: Defect, pen: Pen) -> Points:
    """The outline of a mark, or where nothing of one that does not count would be seen below it, a circle around it."""
    shortest_px = _SHORTEST_ROWS * pen.row()
    if defect.counted or defect.perimeter_px * pen.zoom >= shortest_px:
        return pen.on_photo(defect.contour_px)
    (x, y), diameter = pen.on_photo(np.array(defect.rect.center_px))[0], shortest_px / math.pi
    return ellipse_points(Ellipse((x, y), (diameter, diameter), 0.0), 24)


def _frame_points(defect: Defect, pen: Pen) -> Points:
    """The rotated rectangle of a long mark, the circle of any other, some pixels clear of it."""
    center, (width, height), angle = defect.rect.center_px, defect.rect.size_px, defect.rect.angle_deg
    clear = 2 * _FRAME_GAP_ROWS * pen.row() / pen.zoom
    if max(width, height) > _LONG * min(width, height):
        return pen.on_photo(cv2.boxPoints((center, (width + clear, height + clear), angle)).astype(np.float64))
    return pen.on_photo(ellipse_points(Ellipse(center, (defect.diameter_px + clear,) * 2, 0.0), 90))


# --- labels


@dataclass(frozen=True, slots=True)
class _Label:
    """The text of one mark and where it stands."""

    text: str
    box: Box
    path: Points
    colour: Colour
    violates: bool


def _draw_labels(photo: Picture, inspection: Inspection, pen: Pen, taken: Sequence[Box]) -> int:
    """Labels of the marks that break a limit, and where there is room beside them of those that count."""
    if inspection.geometry is None:
        return 0
    broken = inspection.broken
    marks = _most_severe(inspection)
    paths = [_outline(defect, pen) for defect in marks]
    frames = [_frame_points(defect, pen) for defect in marks if defect.id in broken]
    fiber = pen.on_photo(ellipse_points(inspection.geometry.cladding.ellipse))
    ground = Ground.of(photo.shape[:2], pen.row(), fiber, [*paths, *frames], taken)
    asked = [(d, path) for d, path in zip(marks, paths, strict=True) if d.counted or d.id in broken]
    labels = (_label_of(*pair, ground, inspection, pen) for pair in asked[:_MAX_LABELS])
    shown = [label for label in labels if label is not None]
    for label in shown:
        draw_outlined(photo, leader(label.box, label.path), label.colour, pen)
    for label in shown:
        _draw_label(photo, label, pen)
    return len(asked) - len(shown)


def _label_of(defect: Defect, path: Points, ground: Ground, inspection: Inspection, pen: Pen) -> _Label | None:
    text, broken = plain_text(mark_label(defect, inspection)), inspection.broken
    size = (pen.text_px(text) + pen.row() // 2, pen.row())
    box = ground.place(path, size, math.inf if defect.id in broken else _DEAREST)
    return None if box is None else _Label(text, box, path, _mark_colour(defect, broken), defect.id in broken)


def _draw_label(photo: Picture, label: _Label, pen: Pen) -> None:
    left, top, right, bottom = map(int, label.box)
    ground, ink = (label.colour, BLACK) if label.violates else (PAPER, INK)
    cv2.rectangle(photo, (left, top), (right - 1, bottom - 1), ground, cv2.FILLED)
    cv2.rectangle(photo, (left, top), (right - 1, bottom - 1), label.colour, pen.line(1))
    draw_text(photo, label.text, (left + pen.row() // 4, (top + bottom) // 2), pen, ink)
