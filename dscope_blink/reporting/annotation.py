"""The picture a technician looks at: the photograph with zones, marks and labels, above a panel that says it in words.

Drawn with cv2 in sub-pixel coordinates; every shape is a path of points on the photograph, enlarged where it is small.
"""

from __future__ import annotations

import math
import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import (
    ZONE_LETTERS,
    ZONE_NAMES,
    Criteria,
    Defect,
    Ellipse,
    Inspection,
    Points,
    Scale,
    Verdict,
    ZoneOutline,
    ellipse_points,
    texts,
)
from dscope_blink.reporting.look import (
    CLASS_TITLES,
    COUNTED_COLOUR,
    STATUS_COLOURS,
    UNCOUNTED_COLOUR,
    VIOLATING_COLOUR,
    ZONE_COLOURS,
)
from dscope_blink.reporting.plots import diameter_text, violating_ids

Picture: TypeAlias = NDArray[np.uint8]  # (H, W, 3), blue green red as cv2 has them
Colour: TypeAlias = tuple[int, int, int]
Box: TypeAlias = NDArray[np.int64]  # (4,) left, top, right, bottom

_SMALL_PICTURE_PX = 800  # below it lettering of a legible size would cover the fiber: such pictures are enlarged
_MAX_ZOOM = 4
_MIN_PANEL_PX = 640
_STRETCH_BELOW = 96  # grey levels of 255 between the 0.5th and 99.5th percentile: flatter pictures are stretched
_MAX_GAIN = {"uint8": 4.0, "uint16": 256.0}  # more would show a black or blank picture as noise
_DARKEST_SHOWN = 25
_MAX_LABELS = 40
_DEAREST = 12.0  # label heights that the label of a mark that no limit counts may cost: dearer ones would be clutter
_FRAME_GAP_PX = 6  # between a mark and the frame around it: a frame that touches a small pit hides it
_SHIFT = 4  # binary places of the sub-pixel coordinates handed to cv2
# Where a label is tried: in 24 directions from its mark, at 16 distances in label heights, (384, 2) and (384,).
_RAYS = np.tile(np.stack([np.cos(np.arange(24) * np.pi / 12), np.sin(np.arange(24) * np.pi / 12)], axis=1), (16, 1))
_HEIGHTS = np.repeat(1.0 + 0.9 * np.arange(16) ** 1.2, 24)
_FOLLOWED = 48  # the places that are cheapest by themselves: only their leaders are followed
_CELLS_PER_ROW = 4  # of the grid on which room for labels is sought
_DASH = np.array([0.0, 0.2, 0.4, 0.6])  # points of a dash, in periods
_FEWEST_DASHES = 4  # fewer do not show as a broken line
_LONG = 2.0  # times as long as wide: the frame of such a mark is a rectangle
_LETTER_DEG = (45, 30, 60, 45)  # up from the right: apart from each other where zones lie close
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WHITE, _INK, _PAPER, _BLACK = (255, 255, 255), (235, 235, 235), (32, 32, 32), (0, 0, 0)
_SEVERITY_ORDER = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
_LINEAR = ("scratch", "crack")
# What a label may lie on, by cell: rather on the fiber than far away, rather on a mark than on another label.
_FIBER_COST, _MARK_COST, _LABEL_COST = 1, 10, 200
_ASCII_TWINS = str.maketrans(
    {"µ": "u", "μ": "u", "≤": "<=", "≥": ">=", "±": "+/-", "×": "x", "°": " deg", "ß": "ss"}  # noqa: RUF001
)


@dataclass(frozen=True, slots=True)
class _Pen:
    """What scales with the picture: its enlargement and the size of the lettering."""

    zoom: int
    font: float

    def line(self, width: float) -> int:
        return max(1, round(width * self.font / 0.5))

    def row(self) -> int:
        return round(40 * self.font)

    def text_px(self, text: str) -> int:
        return int(cv2.getTextSize(text, _FONT, self.font, self.line(1))[0][0])


def annotate(picture: NDArray[Any], inspection: Inspection) -> Picture:
    """The picture with zones, marks and labels drawn on it, above a panel with verdict, criteria, legend and scale bar.

    Parameters
    ----------
    picture : (H, W) or (H, W, C) uint8 or uint16
        As stored in the file, colours in the order of cv2 (blue, green, red, alpha).
    inspection : Inspection
        Its coordinates are pixels of `picture`.

    Returns
    -------
    (H', W', 3) uint8, blue green red. The photograph lies at the top left, at its own size, or at two, three or four
    times that when its longer side is below 800 px.

    Raises
    ------
    ValueError
        If the picture is neither uint8 nor uint16.
    """
    shown = displayable(picture)
    zoom = min(math.ceil(_SMALL_PICTURE_PX / max(shown.shape[:2])), _MAX_ZOOM)
    photo = np.asarray(cv2.resize(shown, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    pen = _Pen(zoom, 0.45 * max(1.0, max(photo.shape[:2]) / 1150))
    letters = _draw_zones(photo, inspection, pen)
    _draw_marks(photo, inspection, pen)
    labelled = _draw_labels(photo, inspection, pen, letters)
    width = max(photo.shape[1], _MIN_PANEL_PX)
    panel = _panel(inspection, pen, width, unlabelled=len(inspection.defects) - labelled)
    margin = (0, 0, 0, width - photo.shape[1])
    photo = np.asarray(cv2.copyMakeBorder(photo, *margin, cv2.BORDER_CONSTANT, value=_PAPER), dtype=np.uint8)
    return np.concatenate((photo, panel))


def displayable(picture: NDArray[Any]) -> Picture:
    """(H, W, 3) uint8 without alpha; flat and 16-bit pictures stretched to the range of the eye.

    It may be `picture` itself. Raises ValueError if that is neither uint8 nor uint16.
    """
    if picture.dtype.name not in _MAX_GAIN:
        raise ValueError(f"a picture must be uint8 or uint16, got {picture.dtype}")
    planes = picture.reshape(*picture.shape[:2], -1)  # (H, W, C)
    planes = planes[..., :3] if planes.shape[2] >= 3 else planes[..., :1]
    shown = _stretched(planes)
    return shown if shown.shape[2] == 3 else np.asarray(cv2.cvtColor(shown, cv2.COLOR_GRAY2BGR), dtype=np.uint8)


def _stretched(planes: NDArray[Any]) -> Picture:
    unit = 255 / np.iinfo(planes.dtype).max
    low, high = np.percentile(planes[::4, ::4], (0.5, 99.5)) * unit
    if unit == 1 and high - low >= _STRETCH_BELOW:
        return planes
    gain, floor = 1.0, low
    if high - low < _STRETCH_BELOW:  # and no further: marks must not drown in a cladding made black
        gain = min(_STRETCH_BELOW / max(high - low, 1e-9), _MAX_GAIN[planes.dtype.name])
        darkest = _DARKEST_SHOWN if high > low else low  # a blank picture keeps its brightness
        floor = min(max(low, darkest), 255 - gain * (high - low))
    levels = (np.arange(np.iinfo(planes.dtype).max + 1) * unit - low) * gain + floor
    return np.asarray(np.take(np.clip(levels, 0, 255).astype(np.uint8), planes))


def bgr(colour: str) -> Colour:
    """`#RRGGBB` as cv2 has it."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return blue, green, red


def _most_severe(inspection: Inspection) -> list[Defect]:
    return sorted(inspection.defects, key=lambda d: (_SEVERITY_ORDER.index(d.severity), -d.diameter_px))


def _on_photo(points_px: Points, pen: _Pen) -> Points:
    """Picture coordinates on the enlarged photograph; pixel centres are at integers in both."""
    return (np.reshape(points_px, (-1, 2)) + 0.5) * pen.zoom - 0.5


def _draw_path(photo: Picture, path: Points, colour: Colour, thickness: int, kind: int = cv2.LINE_AA) -> None:
    """A closed path of sub-pixel points, on the photograph's own coordinates."""
    fixed = np.rint(path * 2**_SHIFT).astype(np.int32)
    cv2.polylines(photo, [fixed], True, colour, thickness, kind, _SHIFT)


def _draw_outlined(photo: Picture, path: Points, colour: Colour, pen: _Pen) -> None:
    """A thin closed path, dark below its colour, so that it shows on any ground."""
    _draw_path(photo, path, _PAPER, pen.line(1) + 1, cv2.LINE_8)
    _draw_path(photo, path, colour, pen.line(1))


def _draw_text(image: Picture, text: str, at: tuple[int, int], pen: _Pen, colour: Colour = _INK) -> None:
    """One line of text from `at`, the left end of its middle line."""
    height = cv2.getTextSize("H", _FONT, pen.font, pen.line(1))[0][1]
    cv2.putText(image, text, (at[0], at[1] + height // 2), _FONT, pen.font, colour, pen.line(1), cv2.LINE_AA)


def _draw_zones(photo: Picture, inspection: Inspection, pen: _Pen) -> list[Box]:
    """The outlines, each with its letter, so that colour is not all that tells them apart; the boxes of the letters."""
    paths = [_on_photo(ellipse_points(zone.outer), pen) for zone in inspection.zones]
    for zone, path in zip(inspection.zones, paths, strict=True):
        _draw_path(photo, path, _PAPER, pen.line(2) + 1, cv2.LINE_8)  # below a smooth line, in a fourth of the time
        _draw_path(photo, path, bgr(ZONE_COLOURS[zone.letter]), pen.line(2))
    letters = (_draw_letter(photo, *pair, inspection, pen) for pair in zip(inspection.zones, paths, strict=True))
    return [box for box in letters if box is not None]


def _draw_letter(photo: Picture, zone: ZoneOutline, path: Points, inspection: Inspection, pen: _Pen) -> Box | None:
    """At the upper right, or where else the outline lies in the picture and on no mark."""
    half = pen.row() // 3
    inside = path[((path >= half) & (path < np.array(photo.shape[1::-1]) - half)).all(axis=1)]
    if not len(inside):
        return None
    clear = inside[_clear_of_marks(inside, inspection, pen)]
    places = clear if len(clear) else inside
    angle = math.radians(_LETTER_DEG[ZONE_LETTERS.index(zone.letter)])
    x, y = map(int, places[np.argmax(places @ (math.cos(angle), -math.sin(angle)))])
    cv2.rectangle(photo, (x - half, y - half), (x + half, y + half), _PAPER, cv2.FILLED)
    _draw_text(photo, zone.letter, (x - pen.text_px(zone.letter) // 2, y), pen, bgr(ZONE_COLOURS[zone.letter]))
    return np.array([x - half, y - half, x + half, y + half])


def _clear_of_marks(points: Points, inspection: Inspection, pen: _Pen) -> NDArray[np.bool_]:
    """(N,): whether a letter at each point hides no mark."""
    centers = _on_photo(np.array([defect.rect.center_px for defect in inspection.defects]), pen)
    radii = np.array([pen.zoom * defect.diameter_px / 2 + pen.row() for defect in inspection.defects])
    apart = points[:, None] - centers  # (N, n_mark, 2)
    return np.asarray((np.hypot(apart[..., 0], apart[..., 1]) > radii).all(axis=1))


def _mark_colour(defect: Defect, broken: frozenset[str]) -> Colour:
    if defect.id in broken:
        return bgr(VIOLATING_COLOUR)
    return bgr(COUNTED_COLOUR if defect.counted else UNCOUNTED_COLOUR)


def _draw_marks(photo: Picture, inspection: Inspection, pen: _Pen) -> None:
    """Outlines of all marks: broken for those not counted, with a thick frame for those that break a limit."""
    broken = violating_ids(inspection)
    marks = _most_severe(inspection)[::-1]  # the worst last, on top
    _draw_broken(photo, [_outline(d, pen) for d in marks if not d.counted], pen)
    for defect in (d for d in marks if d.counted):
        colour = _mark_colour(defect, broken)
        if defect.id in broken:
            _draw_path(photo, _on_photo(_frame_points(defect), pen), colour, pen.line(2.5))
        _draw_outlined(photo, _outline(defect, pen), colour, pen)


def _outline(defect: Defect, pen: _Pen) -> Points:
    """The outline of a mark, or where that is too short to be seen as broken the circle around it that is not."""
    shortest_px = _FEWEST_DASHES * _period_px(pen)
    if defect.counted or defect.perimeter_px * pen.zoom >= shortest_px:
        return _on_photo(defect.contour_px, pen)
    (x, y), diameter = _on_photo(np.array(defect.rect.center_px), pen)[0], shortest_px / math.pi
    return ellipse_points(Ellipse((x, y), (diameter, diameter), 0.0), 24)


def _period_px(pen: _Pen) -> float:
    """Of a broken line: one dash and one gap."""
    return pen.row() / 2


def _draw_broken(photo: Picture, paths: Sequence[Points], pen: _Pen) -> None:
    """Thin closed paths, light and dark by turns, so that they show on any ground."""
    whole = [np.rint(path * 2**_SHIFT).astype(np.int32) for path in paths]
    cv2.polylines(photo, whole, True, _PAPER, pen.line(1) + 1, cv2.LINE_8, _SHIFT)
    dashes = [dash for path in paths for dash in _dashes(path, _period_px(pen))]
    cv2.polylines(photo, dashes, False, bgr(UNCOUNTED_COLOUR), pen.line(1), cv2.LINE_AA, _SHIFT)


def _dashes(path: Points, period_px: float) -> list[NDArray[np.int32]]:
    """Pieces of a closed path, each a little more than half of its period, in the fixed-point numbers of cv2."""
    closed = np.vstack([path, path[:1]]) @ (1, 1j)  # complex: both coordinates in one interpolation
    place = np.concatenate([[0.0], np.abs(np.diff(closed)).cumsum()])  # along the path
    count = max(round(place[-1] / period_px), 1)
    at = (np.arange(count)[:, None] + _DASH) * place[-1] / count  # (n_dash, 4)
    pieces = np.interp(at, place, closed).view(np.float64).reshape(count, -1, 2)
    return list(np.rint(pieces * 2**_SHIFT).astype(np.int32))


def _frame_points(defect: Defect) -> Points:
    """The rotated rectangle of a long mark, the circle of any other, some pixels clear of it."""
    center, (width, height), angle = defect.rect.center_px, defect.rect.size_px, defect.rect.angle_deg
    if max(width, height) > _LONG * min(width, height):
        return np.asarray(
            cv2.boxPoints((center, (width + 2 * _FRAME_GAP_PX, height + 2 * _FRAME_GAP_PX), angle)), dtype=np.float64
        )
    return ellipse_points(Ellipse(center, (defect.diameter_px + 2 * _FRAME_GAP_PX,) * 2, 0.0), 90)


def label_text(defect: Defect) -> str:
    """`S1: Scratch, 15.2 um`: the length of a scratch or crack, else the diameter; in px without a scale."""
    linear = defect.classification in _LINEAR
    shown, size_px = ("length", defect.length_px) if linear else ("diameter", defect.diameter_px)
    size = defect.size_in_words(shown) or f"{size_px:.1f} px"
    return f"{defect.id}: {CLASS_TITLES[defect.classification]}, {size}"


def _draw_labels(photo: Picture, inspection: Inspection, pen: _Pen, letters: Sequence[Box]) -> int:
    """Labels of the most severe marks, of those not counted only where there is room beside them; how many."""
    if inspection.geometry is None:
        return 0
    broken = violating_ids(inspection)
    marks = _most_severe(inspection)
    paths = [_outline(defect, pen) for defect in marks]
    frames = [_on_photo(_frame_points(defect), pen) for defect in marks if defect.id in broken]
    fiber = _on_photo(ellipse_points(inspection.geometry.cladding.ellipse), pen)
    ground = Ground.of(photo.shape[:2], pen.row(), fiber, [*paths, *frames], letters)
    pairs = list(zip(marks, paths, strict=True))[:_MAX_LABELS]
    shown = [label for pair in pairs if (label := _label_of(*pair, ground, broken, pen))]
    for label in shown:
        _draw_outlined(photo, _leader(label.box, label.path), label.colour, pen)
    for label in shown:
        _draw_label(photo, label, pen)
    return len(shown)


@dataclass(frozen=True, slots=True)
class _Label:
    """The text of one mark and where it stands."""

    text: str
    box: Box
    path: Points
    colour: Colour
    violates: bool


def _label_of(defect: Defect, path: Points, ground: Ground, broken: frozenset[str], pen: _Pen) -> _Label | None:
    text = label_text(defect)
    size = (pen.text_px(text) + pen.row() // 2, pen.row())
    box = ground.place(path, size, math.inf if defect.counted else _DEAREST)
    return None if box is None else _Label(text, box, path, _mark_colour(defect, broken), defect.id in broken)


def _draw_label(photo: Picture, label: _Label, pen: _Pen) -> None:
    left, top, right, bottom = map(int, label.box)
    ground, ink = (label.colour, _BLACK) if label.violates else (_PAPER, _INK)
    cv2.rectangle(photo, (left, top), (right - 1, bottom - 1), ground, cv2.FILLED)
    cv2.rectangle(photo, (left, top), (right - 1, bottom - 1), label.colour, pen.line(1))
    _draw_text(photo, label.text, (left + pen.row() // 4, (top + bottom) // 2), pen, ink)


def _leader(box: Box, path: Points) -> Points:
    """(2, 2): from the edge of the label to the nearest point of the outline."""
    middle = (box[:2] + box[2:]) / 2
    target = path[np.argmin(np.hypot(*(path - middle).T))]
    return np.stack([np.clip(target, box[:2], box[2:]), target])


@dataclass(frozen=True, slots=True)
class Ground:
    """What a label may lie on, on a grid of some pixels; each label that is placed becomes part of it."""

    shape: tuple[int, int]  # (H, W) of the photograph
    cell_px: int
    taken: NDArray[np.uint8]  # (H // cell_px + 1, W // cell_px + 1)

    @classmethod
    def of(
        cls, shape: tuple[int, int], row_px: int, fiber: Points, outlines: Sequence[Points], boxes: Sequence[Box]
    ) -> Ground:
        """The ground of a photograph before the first label.

        Parameters
        ----------
        shape : (H, W) of the photograph, which no label leaves as far as it fits
        row_px : height of a label
        fiber : outline of the cladding, (N, 2) in pixels of the photograph, rather to be kept clear of
        outlines : of all marks, (N, 2) each
        boxes : what else stands on the photograph: left, top, right, bottom
        """
        cell_px = max(row_px // _CELLS_PER_ROW, 1)
        taken = np.zeros((shape[0] // cell_px + 1, shape[1] // cell_px + 1), np.uint8)
        cv2.fillPoly(taken, [np.rint(fiber / cell_px).astype(np.int32)], _FIBER_COST)
        cv2.polylines(taken, [np.rint(path / cell_px).astype(np.int32) for path in outlines], True, _MARK_COST)
        ground = cls(shape, cell_px, taken)
        for box in boxes:
            ground.cover(box)
        return ground

    def cover(self, box: Box) -> None:
        """Take the ground below a box."""
        left, top, right, bottom = np.maximum(box // self.cell_px, 0)
        self.taken[top : bottom + 1, left : right + 1] = _LABEL_COST

    def place(self, path: Points, size: tuple[int, int], dearest: float) -> Box | None:
        """Take the best place for a label near its mark: off labels, marks and fiber, its leader across none of them.

        Parameters
        ----------
        path : outline of the mark, (N, 2) in pixels of the photograph
        size : width and height of the label in pixels
        dearest : what the place may cost, in label heights of distance

        Returns
        -------
        left, top, right, bottom, (4,) int64; None when no place is so cheap
        """
        boxes, heights = self._candidates(path.mean(axis=0), np.array(size))
        costs = 0.1 * self._covered(boxes) + heights
        cheap = np.argpartition(costs, _FOLLOWED)[:_FOLLOWED]
        totals = costs[cheap] + self._crossed(boxes[cheap], path)
        if totals.min() > dearest:
            return None
        best = boxes[cheap[totals.argmin()]]
        self._take(best, path)
        return np.asarray(best)

    def _candidates(self, anchor: Points, size: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Boxes in all directions at all distances, and these in label heights."""
        corners = anchor + _RAYS * (_HEIGHTS[:, None] * size[1] + size / 2) - size / 2
        corners = np.clip(np.rint(corners), 0, np.maximum(np.array(self.shape[::-1]) - size, 0)).astype(np.int64)
        return np.hstack([corners, corners + size]), _HEIGHTS

    def _covered(self, boxes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sum of `taken` below each box."""
        total = cv2.integral(self.taken)
        height, width = self.taken.shape
        left, top, right, bottom = (boxes // self.cell_px).T
        right, bottom = np.minimum(right + 1, width), np.minimum(bottom + 1, height)
        return np.asarray(total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left])

    def _crossed(self, boxes: NDArray[np.int64], path: Points) -> NDArray[np.float64]:
        """What the leader of each box would cross, short of the mark itself."""
        targets = path[:: len(path) // 24 + 1]
        apart = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2 - targets  # (n_candidate, n_target, 2)
        nearest = targets[np.hypot(apart[..., 0], apart[..., 1]).argmin(axis=1)]
        starts = np.clip(nearest, boxes[:, :2], boxes[:, 2:])
        steps = np.linspace(0.1, 0.85, 12)[:, None, None]  # (12, n_candidate, 2) below
        x, y = ((starts + (nearest - starts) * steps) / self.cell_px).astype(np.int64).clip(0).T
        height, width = self.taken.shape
        met = self.taken[y.clip(max=height - 1), x.clip(max=width - 1)]  # (n_candidate, 12)
        return np.asarray(2.0 * (met >= _MARK_COST).sum(axis=1) + 6.0 * (met >= _LABEL_COST).sum(axis=1))

    def _take(self, box: Box, path: Points) -> None:
        leader = np.rint(_leader(box, path) / self.cell_px).astype(np.int32)
        cv2.polylines(self.taken, [leader], False, _MARK_COST)
        self.cover(box)


def _panel(inspection: Inspection, pen: _Pen, width: int, unlabelled: int) -> Picture:
    """Everything that is said in words, below the photograph so that it hides nothing of it."""
    return np.vstack(
        [
            _verdict_strip(inspection, pen, width, unlabelled),
            _text_strip(_wrapped(criteria_text(inspection), pen, width - pen.row(), 3), pen, width),
            *_dimension_strips(inspection, pen, width),
            _legend_strip(inspection, pen, width),
        ]
    )


def _strip(height: int, width: int) -> Picture:
    return np.full((height, width, 3), _PAPER, np.uint8)


def plain_text(text: str) -> str:
    """`text` in printable ASCII, for the fonts of cv2 have no other letters."""
    letters = unicodedata.normalize("NFKD", text.translate(_ASCII_TWINS))
    kept = (c if " " <= c <= "~" else " " if c.isspace() else "?" for c in letters if not unicodedata.combining(c))
    return "".join(kept)


def _wrapped(text: str, pen: _Pen, width: int, max_lines: int) -> list[str]:
    """Lines that fit into `width` pixels; what does not fit into `max_lines` ends in dots."""
    plain = plain_text(text) or " "
    letter_px = max(pen.text_px(plain) / len(plain), 1.0)
    letters = max(int(0.93 * width / letter_px), 8)  # the letters of one line may be wider than their mean
    words = (word[i : i + letters // 2] for word in plain.split(" ") for i in range(0, len(word), letters // 2))
    return textwrap.wrap(" ".join(words), letters, max_lines=max_lines, placeholder=" ...")


def _verdict_strip(inspection: Inspection, pen: _Pen, width: int, unlabelled: int) -> Picture:
    """The stamp, and beside it the reasons and what was found."""
    row, strip = pen.row(), _strip(5 * pen.row(), width)
    left = _draw_stamp(strip, inspection.verdict.status, pen) + row
    others = (warning.text for warning in inspection.quality.warnings if warning.kind != "zone_cut")
    remarks = "; ".join([*_found_text(inspection, unlabelled), *inspection.seen_in_part, *others])
    named = f"{inspection.image.file}: {remarks}".removesuffix(": ")
    reasons = _wrapped(verdict_text(inspection.verdict), pen, width - left, 3)
    lines = [*_wrapped(named, pen, width - left, 4 - len(reasons)), *reasons]
    for index, line in enumerate(lines):
        _draw_text(strip, line, (left, row + index * row), pen)
    return strip


def verdict_text(verdict: Verdict) -> str:
    """Why the verdict is what it is, which limit was the closest, and whether all that is sure."""
    closest = f" Closest: {verdict.closest.in_words}." if verdict.status == "PASS" and verdict.closest else ""
    reasons = "; ".join(texts(verdict.reasons)) or f"No limit is broken.{closest}"
    return f"MARGINAL ({'; '.join(verdict.doubts)}). {reasons}" if verdict.marginal else reasons


def _draw_stamp(strip: Picture, status: str, pen: _Pen) -> int:
    """Draws the verdict at the left of the strip and returns the x of its right end."""
    text, row, big = status.replace("_", " "), pen.row(), replace(pen, font=3 * pen.font)
    right = row * 5 // 2 + big.text_px(text)
    cv2.rectangle(strip, (row // 2, row // 2), (right, row * 9 // 2), bgr(STATUS_COLOURS[status]), cv2.FILLED)
    _draw_text(strip, text, (row * 3 // 2, row * 5 // 2), big, _WHITE)
    return right


def _found_text(inspection: Inspection, unlabelled: int) -> list[str]:
    if not inspection.zones:
        return []
    found, counted = len(inspection.defects), sum(defect.counted for defect in inspection.defects)
    more = f" (+{unlabelled} more, without label)" if unlabelled else ""
    return [f"{found} mark{'s' * (found != 1)} found, {counted} counted{more}"]


def _dimension_strips(inspection: Inspection, pen: _Pen, width: int) -> list[Picture]:
    text = dimensions_text(inspection)
    return [_text_strip(_wrapped(text, pen, width - pen.row(), 3), pen, width)] if text else []


_DIMENSIONS = (
    ("cladding_diameter", "cladding"),
    ("core_diameter", "core"),
    ("core_cladding_offset", "concentricity error"),
    ("cladding_non_circularity", "non-circularity of cladding"),
    ("core_non_circularity", "of core"),
)


def dimensions_text(inspection: Inspection) -> str:
    """The measured dimensions of the fiber with their uncertainties; empty where nothing was located."""
    unit = "px" if inspection.scale is None else "um"
    shown = []
    for key, name in _DIMENSIONS:
        kind = "pct" if key.endswith("circularity") else unit
        found = inspection.measurements.get(f"{key}_{kind}")
        if found is not None and found.value is not None:
            sure = "" if found.uncertainty is None else f" ± {found.uncertainty:.2f}"
            shown.append(f"{name} {found.value:.2f}{sure} {'%' if kind == 'pct' else unit}")
    return f"Fiber (k = 2): {', '.join(shown)}" if shown else ""


def criteria_text(inspection: Inspection) -> str:
    """What the verdict was graded to, said without a claim of compliance."""
    criteria, status = inspection.criteria, inspection.verdict.status
    graded = "Not graded. Asked for:" if status == "NOT_GRADED" else "Graded to"
    company_rule = criteria.source.lower().startswith("company rule")
    kind = "a company rule listed under" if company_rule else "the criteria published as"
    confirmed = "" if criteria.confirmed else "; UNCONFIRMED criteria"
    keys = f"({criteria.edition}, {criteria.fiber_class})"
    asked = inspection.request.zones
    only = "" if len(asked) == len(ZONE_NAMES) else f"; ONLY zone {', '.join(asked)} inspected"
    return f"{graded} {kind} {criteria.title} {keys}{_unusual_rules(criteria)}{only}{confirmed}"


def _unusual_rules(criteria: Criteria) -> str:
    """Names what a company rule does otherwise than the published ones."""
    published = {"scratches by": "width", "defects by": "diameter", "zone by": "touched"}
    chosen = (criteria.size_by.scratches, criteria.size_by.defects, criteria.zone_rule)
    unusual = [f"{what} {rule}" for (what, usual), rule in zip(published.items(), chosen, strict=True) if rule != usual]
    return "".join(f"; {rule}" for rule in unusual)


def _text_strip(lines: Sequence[str], pen: _Pen, width: int) -> Picture:
    strip = _strip(len(lines) * pen.row(), width)
    for index, line in enumerate(lines):
        _draw_text(strip, line, (pen.row() // 2, pen.row() // 2 + index * pen.row()), pen)
    return strip


def _legend_entries(inspection: Inspection) -> list[tuple[str, str, float]]:
    """Colour, text and line width of each entry; width 0 is a broken line."""
    zones = [
        (ZONE_COLOURS[z.letter], f"{z.letter} {z.name} {diameter_text(z, inspection)}", 2.0) for z in inspection.zones
    ]
    marks = [(COUNTED_COLOUR, "counted", 1.0), (UNCOUNTED_COLOUR, "not counted", 0.0)] if inspection.defects else []
    broken = [(VIOLATING_COLOUR, "breaks a limit", 3.0)] if inspection.verdict.violations else []
    return zones + broken + marks


def _legend_strip(inspection: Inspection, pen: _Pen, width: int) -> Picture:
    """The legend in as many rows as it needs, and the scale bar to the right of it."""
    row = pen.row()
    bar_um, bar_px = _scale_bar(inspection.scale, pen, width)
    room = width - bar_px - 2 * row
    places, lines = _flow([pen.text_px(text) + row * 9 // 4 for _, text, _ in _legend_entries(inspection)], room)
    strip = _strip((lines + 1) * row, width)
    for (colour, text, weight), (left, line) in zip(_legend_entries(inspection), places, strict=True):
        middle = row // 2 + line * row
        _draw_sample(strip, (left + row // 2, middle), colour, weight, pen)
        _draw_text(strip, text, (left + row * 15 // 8, middle), pen)
    if bar_px:
        _draw_scale_bar(strip, width - bar_px - row, bar_px, f"{bar_um:g} um", pen)
    return strip


def _draw_sample(strip: Picture, at: tuple[int, int], colour: str, weight: float, pen: _Pen) -> None:
    """The line of a legend entry: whole, or in three pieces for a weight of 0."""
    (left, middle), length, thickness = at, pen.row(), pen.line(weight or 1)
    pieces = [(0.0, 1.0)] if weight else [(0.0, 0.2), (0.4, 0.6), (0.8, 1.0)]
    for begin, end in pieces:
        start, stop = (round(left + share * length) for share in (begin, end))
        cv2.line(strip, (start, middle), (stop, middle), bgr(colour), thickness)


def _flow(widths: Sequence[int], room: int) -> tuple[list[tuple[int, int]], int]:
    """Left edge and line of each item set one after the other, and the number of lines."""
    places, left, line = [], 0, 0
    for width in widths:
        if left and left + width > room:
            left, line = 0, line + 1
        places.append((left, line))
        left += width
    return places, line + 1


def _scale_bar(scale: Scale | None, pen: _Pen, width: int) -> tuple[float, int]:
    """The longest round length (1, 2 or 5 times a power of ten) within a sixth of the width, and its pixels."""
    if scale is None:
        return 0.0, 0
    um_per_px = scale.um_per_px_x / pen.zoom
    longest = width / 6 * um_per_px
    power = 10.0 ** math.floor(math.log10(longest))
    length_um = max(step * power for step in (1, 2, 5) if step * power <= longest)
    return length_um, round(length_um / um_per_px)


def _draw_scale_bar(strip: Picture, left: int, length: int, text: str, pen: _Pen) -> None:
    row = pen.row()
    middle, cap = row * 3 // 2, row // 4
    right = left + length
    for start, end in (
        ((left, middle), (right, middle)),
        *(((x, middle - cap), (x, middle + cap)) for x in (left, right)),
    ):
        cv2.line(strip, start, end, _INK, pen.line(2))
    _draw_text(strip, text, (left + (length - pen.text_px(text)) // 2, row // 2), pen)
