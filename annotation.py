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

from plots import (
    CLASS_TITLES,
    COUNTED_COLOUR,
    STATUS_COLOURS,
    UNCOUNTED_COLOUR,
    VIOLATING_COLOUR,
    ZONE_COLOURS,
    diameter_text,
    ellipse_points,
    violating_ids,
)
from records import ZONE_NAMES, Criteria, Defect, Ellipse, Inspection, Points, Scale, Verdict

Picture: TypeAlias = NDArray[np.uint8]  # (H, W, 3), blue green red as cv2 has them
Colour: TypeAlias = tuple[int, int, int]

_SMALL_PICTURE_PX = 800  # below it lettering of a legible size would cover the fiber: such pictures are drawn at 2x
_MIN_PANEL_PX = 640
_STRETCH_BELOW = 96  # grey levels of 255 between the 0.5th and 99.5th percentile: flatter pictures are stretched
_MAX_GAIN = {"uint8": 4.0, "uint16": 256.0}  # more would show a black or blank picture as noise
_DARKEST_SHOWN = 25
_MAX_LABELS = 40
_FRAME_GAP_PX = 6  # between a mark and the frame around it: a frame that touches a small pit hides it
_SHIFT = 4  # binary places of the sub-pixel coordinates handed to cv2
_CELL_PX = 4  # grid on which room for labels is sought
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WHITE, _INK, _PAPER = (255, 255, 255), (235, 235, 235), (32, 32, 32)
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
    (H', W', 3) uint8, blue green red. The photograph lies at the top left, at its own size, or at twice that when its
    longer side is below 800 px.

    Raises
    ------
    ValueError
        If the picture is neither uint8 nor uint16.
    """
    shown = displayable(picture)
    zoom = 2 if max(shown.shape[:2]) < _SMALL_PICTURE_PX else 1
    photo = np.asarray(cv2.resize(shown, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    pen = _Pen(zoom, 0.45 * max(1.0, max(photo.shape[:2]) / 1150))
    labelled = _most_severe(inspection)[:_MAX_LABELS]
    _draw_zones(photo, inspection, pen)
    _draw_marks(photo, inspection, pen)
    _draw_labels(photo, labelled, inspection, pen)
    width = max(photo.shape[1], _MIN_PANEL_PX)
    panel = _panel(inspection, pen, width, unlabelled=len(inspection.defects) - len(labelled))
    beside = np.full((photo.shape[0], width - photo.shape[1], 3), _PAPER, np.uint8)
    return np.vstack([np.hstack([photo, beside]), panel])


def displayable(picture: NDArray[Any]) -> Picture:
    """(H, W, 3) uint8 without alpha; flat and 16-bit pictures stretched to the range of the eye.

    It may be `picture` itself. Raises ValueError if that is neither uint8 nor uint16.
    """
    if picture.dtype.name not in _MAX_GAIN:
        raise ValueError(f"a picture must be uint8 or uint16, got {picture.dtype}")
    planes = picture.reshape(*picture.shape[:2], -1)  # (H, W, C)
    planes = planes[..., :3] if planes.shape[2] >= 3 else planes[..., :1]
    shown = _stretched(planes)
    return shown if shown.shape[2] == 3 else np.repeat(shown, 3, axis=2)


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
    levels = (planes * np.float32(unit) - np.float32(low)) * np.float32(gain) + np.float32(floor)
    return np.asarray(np.clip(levels, 0, 255), dtype=np.uint8)


def bgr(colour: str) -> Colour:
    """`#RRGGBB` as cv2 has it."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return blue, green, red


def _most_severe(inspection: Inspection) -> list[Defect]:
    return sorted(inspection.defects, key=lambda d: (_SEVERITY_ORDER.index(d.severity), -d.diameter_px))


def _on_photo(points_px: Points, pen: _Pen) -> Points:
    """Picture coordinates on the enlarged photograph; pixel centres are at integers in both."""
    return (np.reshape(points_px, (-1, 2)) + 0.5) * pen.zoom - 0.5


def _draw_path(photo: Picture, path: Points, colour: Colour, thickness: int) -> None:
    """A closed path of sub-pixel points, on the photograph's own coordinates."""
    fixed = np.rint(path * 2**_SHIFT).astype(np.int32)
    cv2.polylines(photo, [fixed], True, colour, thickness, cv2.LINE_AA, _SHIFT)


def _draw_outlined(photo: Picture, path: Points, colour: Colour, pen: _Pen) -> None:
    """A thin closed path, dark below its colour, so that it shows on any ground."""
    _draw_path(photo, path, _PAPER, pen.line(1) + 1)
    _draw_path(photo, path, colour, pen.line(1))


def _draw_text(image: Picture, text: str, at: tuple[int, int], pen: _Pen, colour: Colour = _INK) -> None:
    """One line of text from `at`, the left end of its middle line."""
    height = cv2.getTextSize("H", _FONT, pen.font, pen.line(1))[0][1]
    cv2.putText(image, text, (at[0], at[1] + height // 2), _FONT, pen.font, colour, pen.line(1), cv2.LINE_AA)


def _draw_zones(photo: Picture, inspection: Inspection, pen: _Pen) -> None:
    """The outlines, each with its letter at the upper right, so that colour is not all that tells them apart."""
    for zone in inspection.zones:
        path, colour = _on_photo(ellipse_points(zone.outer), pen), bgr(ZONE_COLOURS[zone.letter])
        _draw_path(photo, path, colour, pen.line(1.5))
        x, y = map(int, path[np.argmax(path @ (1, -1))])
        half = pen.row() // 3
        cv2.rectangle(photo, (x - half, y - half), (x + half, y + half), _PAPER, cv2.FILLED)
        _draw_text(photo, zone.letter, (x - pen.text_px(zone.letter) // 2, y), pen, colour)


def _mark_colour(defect: Defect, broken: frozenset[str]) -> Colour:
    if defect.id in broken:
        return bgr(VIOLATING_COLOUR)
    return bgr(COUNTED_COLOUR if defect.counted else UNCOUNTED_COLOUR)


def _draw_marks(photo: Picture, inspection: Inspection, pen: _Pen) -> None:
    """Outlines of all marks; those that break a limit last, thick and with a frame that leaves the mark to be seen."""
    broken = violating_ids(inspection)
    for defect in reversed(_most_severe(inspection)):
        colour, violates = _mark_colour(defect, broken), defect.id in broken
        if violates or defect.classification == "scratch":
            _draw_path(photo, _on_photo(_frame_points(defect), pen), colour, pen.line(2.5 if violates else 1))
        _draw_outlined(photo, _on_photo(defect.contour_px, pen), colour, pen)


def _frame_points(defect: Defect) -> Points:
    """The rotated rectangle of a scratch, the circle of any other mark, some pixels clear of it."""
    center, (width, height), angle = defect.rect_px
    if defect.classification == "scratch":
        return np.asarray(
            cv2.boxPoints((center, (width + 2 * _FRAME_GAP_PX, height + 2 * _FRAME_GAP_PX), angle)), dtype=np.float64
        )
    return ellipse_points(Ellipse(center, (defect.diameter_px + 2 * _FRAME_GAP_PX,) * 2, 0.0), 90)


def label_text(defect: Defect) -> str:
    """`S1: Scratch, 15.2 um`: the length of a scratch or crack, else the diameter; in px without a scale."""
    linear = defect.classification in _LINEAR
    size_um, size_px = (defect.length_um, defect.length_px) if linear else (defect.diameter_um, defect.diameter_px)
    size = f"{size_px:.1f} px" if size_um is None else f"{size_um:.1f} um"
    return f"{defect.id}: {CLASS_TITLES[defect.classification]}, {size}"


def _draw_labels(photo: Picture, defects: Sequence[Defect], inspection: Inspection, pen: _Pen) -> None:
    if inspection.geometry is None:
        return
    texts = [label_text(defect) for defect in defects]
    paths = [_on_photo(defect.contour_px, pen) for defect in defects]
    sizes = [(pen.text_px(text) + pen.row() // 2, pen.row()) for text in texts]
    fiber = _on_photo(ellipse_points(inspection.geometry.cladding.ellipse), pen)
    broken = violating_ids(inspection)
    boxes = place_labels(paths, sizes, fiber, photo.shape[:2])
    colours = [_mark_colour(defect, broken) for defect in defects]
    for box, path, colour in zip(boxes, paths, colours, strict=True):
        _draw_outlined(photo, _leader(box, path), colour, pen)
    for box, text, colour in zip(boxes, texts, colours, strict=True):
        left, top, right, bottom = map(int, box)
        cv2.rectangle(photo, (left, top), (right - 1, bottom - 1), _PAPER, cv2.FILLED)
        cv2.rectangle(photo, (left, top), (right - 1, bottom - 1), colour, pen.line(1))
        _draw_text(photo, text, (left + pen.row() // 4, (top + bottom) // 2), pen)


def _leader(box: NDArray[np.int64], path: Points) -> Points:
    """(2, 2): from the edge of the label to the nearest point of the outline."""
    middle = (box[:2] + box[2:]) / 2
    target = path[np.argmin(np.hypot(*(path - middle).T))]
    return np.stack([np.clip(target, box[:2], box[2:]), target])


def place_labels(
    paths: Sequence[Points], sizes: Sequence[tuple[int, int]], fiber: Points, shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Boxes for labels near their marks: off the other labels, the marks and the fiber where there is room.

    Parameters
    ----------
    paths : outlines of the marks, (N, 2) in pixels of the photograph; earlier ones choose first
    sizes : width and height of each label in pixels
    fiber : outline of the cladding, (N, 2)
    shape : (H, W) of the photograph, which no label leaves as far as it fits

    Returns
    -------
    (len(paths), 4) int64: left, top, right, bottom.
    """
    taken = np.zeros((shape[0] // _CELL_PX + 1, shape[1] // _CELL_PX + 1), np.uint8)
    for outline, cost in ((fiber, _FIBER_COST), *((path, _MARK_COST) for path in paths)):
        cv2.fillPoly(taken, [np.rint(outline / _CELL_PX).astype(np.int32)], cost)
    boxes = np.zeros((len(paths), 4), np.int64)
    for index, (path, size) in enumerate(zip(paths, sizes, strict=True)):
        boxes[index] = _best_box(path.mean(axis=0), np.array(size), taken, shape)
        left, top, right, bottom = boxes[index] // _CELL_PX
        cv2.polylines(taken, [np.rint(_leader(boxes[index], path) / _CELL_PX).astype(np.int32)], False, _MARK_COST)
        taken[top : bottom + 1, left : right + 1] = _LABEL_COST
    return boxes


def _best_box(
    anchor: Points, size: NDArray[np.int64], taken: NDArray[np.uint8], shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """The cheapest of 24 directions x 16 distances: the ground that is covered, and the distance in label heights."""
    angles, heights = np.meshgrid(np.arange(24) * np.pi / 12, 1.0 + 0.9 * np.arange(16) ** 1.2)
    rays = np.stack([np.cos(angles), np.sin(angles)], axis=-1).reshape(-1, 2)  # (n_candidate, 2)
    distance = heights.reshape(-1, 1) * size[1]
    corners = anchor + rays * (distance + size / 2) - size / 2
    corners = np.clip(np.rint(corners), 0, np.maximum(np.array(shape[1::-1]) - size, 0)).astype(np.int64)
    boxes = np.hstack([corners, corners + size])
    return np.asarray(boxes[np.argmin(0.1 * _covered(boxes, taken) + heights.ravel())])


def _covered(boxes: NDArray[np.int64], taken: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Sum of `taken` below each box."""
    total = cv2.integral(taken).astype(np.int64)
    height, width = taken.shape
    left, top = boxes[:, 0] // _CELL_PX, boxes[:, 1] // _CELL_PX
    right, bottom = np.minimum(boxes[:, 2] // _CELL_PX + 1, width), np.minimum(boxes[:, 3] // _CELL_PX + 1, height)
    return np.asarray(total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left])


def _panel(inspection: Inspection, pen: _Pen, width: int, unlabelled: int) -> Picture:
    """Everything that is said in words, below the photograph so that it hides nothing of it."""
    return np.vstack(
        [
            _verdict_strip(inspection, pen, width, unlabelled),
            _text_strip(_wrapped(criteria_text(inspection), pen, width - pen.row(), 2), pen, width),
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
    return textwrap.wrap(plain, letters, max_lines=max_lines, placeholder=" ...")


def _verdict_strip(inspection: Inspection, pen: _Pen, width: int, unlabelled: int) -> Picture:
    """The stamp, and beside it the reasons and what was found."""
    row, strip = pen.row(), _strip(5 * pen.row(), width)
    left = _draw_stamp(strip, inspection.verdict.status, pen) + row
    remarks = "; ".join([*_found_text(inspection, unlabelled), *inspection.quality.warnings])
    lines = [
        *_wrapped(verdict_text(inspection.verdict), pen, width - left, 3),
        *_wrapped(remarks, pen, width - left, 1),
    ]
    for index, line in enumerate(lines):
        _draw_text(strip, line, (left, row + index * row), pen)
    return strip


def verdict_text(verdict: Verdict) -> str:
    """Why the verdict is what it is, which limit was the closest, and whether all that is sure."""
    closest = f" Closest: {verdict.closest.in_words}." if verdict.status == "PASS" and verdict.closest else ""
    reasons = "; ".join(verdict.reasons) or f"No limit is broken.{closest}"
    return f"MARGINAL ({'; '.join(verdict.marginal)}). {reasons}" if verdict.marginal else reasons


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
    return [_text_strip(_wrapped(text, pen, width - pen.row(), 2), pen, width)] if text else []


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
    chosen = (criteria.scratch_size_by, criteria.defect_size_by, criteria.zone_rule)
    unusual = [f"{what} {rule}" for (what, usual), rule in zip(published.items(), chosen, strict=True) if rule != usual]
    return "".join(f"; {rule}" for rule in unusual)


def _text_strip(lines: Sequence[str], pen: _Pen, width: int) -> Picture:
    strip = _strip(len(lines) * pen.row(), width)
    for index, line in enumerate(lines):
        _draw_text(strip, line, (pen.row() // 2, pen.row() // 2 + index * pen.row()), pen)
    return strip


def _legend_entries(inspection: Inspection) -> list[tuple[str, str, int]]:
    """Colour, text and line width of each entry."""
    zones = [
        (ZONE_COLOURS[z.letter], f"{z.letter} {z.name} {diameter_text(z, inspection)}", 1) for z in inspection.zones
    ]
    marks = [(COUNTED_COLOUR, "counted", 1), (UNCOUNTED_COLOUR, "not counted", 1)] if inspection.defects else []
    broken = [(VIOLATING_COLOUR, "breaks a limit", 3)] if inspection.verdict.violations else []
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
        cv2.line(strip, (left + row // 2, middle), (left + row * 3 // 2, middle), bgr(colour), pen.line(weight))
        _draw_text(strip, text, (left + row * 15 // 8, middle), pen)
    if bar_px:
        _draw_scale_bar(strip, width - bar_px - row, bar_px, f"{bar_um:g} um", pen)
    return strip


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
