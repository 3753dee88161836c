"""The marks of a report of another program, each checked value by value, in the coordinates of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dscope_blink.analysis.aggregation.foreign import NO_MARK, Report
from dscope_blink.analysis.aggregation.foreign_values import (
    Pair,
    Rectangle,
    first_of,
    id_of,
    line_in,
    number_of,
    pair_of,
    points_of,
    rectangle_of,
    shown,
    square_around,
    text_of,
)
from dscope_blink.analysis.measuring import LINEAR
from dscope_blink.config.settings import AggregationSettings
from dscope_blink.records import SEVERITIES, Gravity, LogLine, Points, Rejected, Severity

CONTOUR_FIELDS = ("contour", "contour_px", "outline", "polygon")
PERCENT = 100.0
DECIDING = 1000  # marks are enough to say how a report writes its boxes


@dataclass(slots=True)
class Mark:
    """One mark, in the coordinates of its report; not frozen, for there are thousands of them."""

    id: str
    kind: str
    named: str
    center_px: Pair
    box_px: Rectangle | None
    outline_px: Points | None  # None: only its box is known
    confidence: float
    detectors: tuple[str, ...]
    severity: Severity | None
    is_point: bool = False  # nobody says how large it is
    area_px: float | None = None  # as it is said


@dataclass(slots=True)
class Reading:
    """What is gathered while the marks of a report are read."""

    report: Report
    source: str
    settings: AggregationSettings
    kinds: Mapping[str, str]
    percent: bool = False  # confidences
    corners: bool = False  # boxes have two corners
    log: list[LogLine] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    placeless: list[Rejected] = field(default_factory=list)  # those, and what was moved to the border
    counted: Counter[str] = field(default_factory=Counter)  # what is said once, of how many marks

    def add(self, problem: str, gravity: Gravity = "warning") -> None:
        self.log.append(LogLine(self.report.file, problem, gravity))

    def reject(self, mark_id: str, reason: str) -> None:
        self.rejected.append(Rejected(self.source, mark_id, reason))
        self.placeless.append(self.rejected[-1])
        self.add(f"mark {mark_id}: {reason}: left out", "error")


def read_marks(reading: Reading) -> list[Mark]:
    """Every mark of a report that has a place, under an id of its own; what is wrong is told to `reading`."""
    reading.percent, reading.corners = _is_percent(reading), _has_corners(reading)
    read = (_mark(one, place, reading) for place, one in enumerate(reading.report.marks, 1))
    marks = _told_apart([mark for mark in read if mark], reading)
    reading.log += [LogLine(reading.report.file, text, "warning") for text in _counted_lines(reading.counted)]
    return marks


def grow(marks: Sequence[Mark], reading: Reading) -> None:
    """Where an area does not fit into the box, one of them is wrong: the larger counts, lest it keep a limit."""
    for mark in marks:
        if mark.outline_px is not None or mark.box_px is None or mark.area_px is None:
            continue
        width, height = mark.box_px[2:]
        if mark.area_px <= (max(width, 1.0) + 1) * (
            max(height, 1.0) + 1
        ):  # from the first pixel to the last it is 1 less
            continue
        box = f"{width:g} x {height:g}"
        reading.add(f"mark {mark.id}: `area_px` must fit into its box of {box}, got {mark.area_px:g}: it counts")
        mark.box_px = square_around(mark.center_px, mark.area_px)


def plain_name(name: str) -> str:
    """A name of a kind without case, spaces and dashes."""
    return "_".join(name.casefold().replace("-", " ").replace("_", " ").split())


def _counted_lines(counted: Mapping[str, int]) -> list[str]:
    return [text.format("1 mark has" if count == 1 else f"{count} marks have") for text, count in counted.items()]


# --- one mark


def _mark(value: Mapping[str, Any], place: int, reading: Reading) -> Mark | None:
    mark_id = id_of(value.get("defect_id"))
    if not mark_id:
        mark_id = f"#{place}"
        reading.counted["{} no `defect_id`: called # and the place in the list"] += 1
    if NO_MARK in value:
        reading.reject(mark_id, f"it must be a JSON object, got {shown(value[NO_MARK])}")
        return None
    area = _area(value, mark_id, reading)
    where = _where(value, mark_id, area, reading)
    if where is None:
        return None
    kind, named = _kind(value, reading)
    center, box, outline = where
    is_point = outline is None and not area and (box is None or not max(box[2:]))
    if outline is None:
        outline = _line(value, kind, box, area)
    box = square_around(center, area) if box is None and outline is None else box
    return Mark(
        mark_id,
        kind,
        named,
        center,
        box,
        outline,
        _confidence(value, mark_id, reading),
        _detectors(value, mark_id, reading),
        _severity(value, reading),
        is_point,
        area,
    )


def _line(value: Mapping[str, Any], kind: str, box: Rectangle | None, area: float | None) -> Points | None:
    """The outline of a straight mark that has none, where its orientation says how it lies in its box."""
    turned = number_of(value.get("orientation")) if kind in LINEAR else None
    return None if turned is None or box is None else line_in(box, turned, area)


def _area(value: Mapping[str, Any], mark_id: str, reading: Reading) -> float | None:
    said = value.get("area_px")
    area = number_of(said)
    if said is not None and (area is None or area < 0):
        reading.add(f"mark {mark_id}: `area_px` must be a number from 0, got {shown(said)}: passed over")
        return None
    return area


def _where(
    value: Mapping[str, Any], mark_id: str, area: float | None, reading: Reading
) -> tuple[Pair, Rectangle | None, Points | None] | None:
    """Its centre, its box and its outline, where it has them; None, and rejected, where it has no place."""
    outline = _contour(value, mark_id, reading)
    center, box = pair_of(value.get("location_xy")), rectangle_of(value.get("bbox"))
    if box is not None and reading.corners:
        box = _of_corners(box)
    wrong = []
    if center is None and value.get("location_xy") is not None:
        wrong.append(f"`location_xy` must be x and y in pixels, got {shown(value['location_xy'])}")
    if box is not None and min(box[2:]) < 0:
        wrong.append(f"`bbox` must have a width and a height from 0, got {shown(value['bbox'])}")
        box = _turned_over(box, center)
    elif box is None and value.get("bbox") is not None:
        wrong.append(f"`bbox` must be x, y, width and height in pixels, got {shown(value['bbox'])}")
    if outline is None and center is None and box is None:
        reading.reject(mark_id, "; ".join(wrong) or "it has no place: `bbox` or `location_xy` must be given")
        return None
    for text in wrong:
        became = "the box is turned over" if box and "`bbox`" in text else "passed over"
        reading.add(f"mark {mark_id}: {text}: {became}")
    return _agreed(center, box, outline, mark_id, reading)


def _contour(value: Mapping[str, Any], mark_id: str, reading: Reading) -> Points | None:
    named, said = first_of(value, CONTOUR_FIELDS, (None,))
    outline = points_of(said) if named else None
    if named and outline is None:
        reading.add(f"mark {mark_id}: `{named}` must be at least 3 points of x and y, got {shown(said)}: passed over")
    return outline


def _turned_over(box: Rectangle, center: Pair | None) -> Rectangle | None:
    """The box with its corners the right way round; None where the place of the mark says that it is not that one."""
    x, y, width, height = box
    turned = (min(x, x + width), min(y, y + height), abs(width), abs(height))
    return turned if center is None or _holds(turned, center) else None


def _holds(box: Rectangle, center: Pair) -> bool:
    """Whether a place lies in a box, or a pixel or a tenth of its side beside it."""
    x, y, width, height = box
    beside_x, beside_y = max(1.0, width / 10), max(1.0, height / 10)
    return -beside_x <= center[0] - x <= width + beside_x and -beside_y <= center[1] - y <= height + beside_y


FILLED = 0.5  # of the sides of its box, that an outline has at least: else one of them is wrong, and a limit may break


def _agreed(
    center: Pair | None, box: Rectangle | None, outline: Points | None, mark_id: str, reading: Reading
) -> tuple[Pair, Rectangle | None, Points | None]:
    """Places that contradict each other made to agree: an outline before the box it fills, a box before the place."""
    if outline is not None:
        x, y = outline.min(axis=0)
        right, below = outline.max(axis=0)
        around = (float(x), float(y), float(right - x + 1), float(below - y + 1))
        if box is not None and any(side < FILLED * given for side, given in zip(around[2:], box[2:], strict=True)):
            text = f"its outline must fill its box of {shown(list(box))}, it has one of {shown(list(around))}"
            reading.add(f"mark {mark_id}: {text}: the larger counts")
            outline = None
        else:
            box = around
    if box is None:
        assert center is not None, "one of the three is known"
        return center, None, outline
    if center is not None and not _holds(box, center):
        reading.add(f"mark {mark_id}: `location_xy` must lie in its box, got {shown(list(center))}: the box counts")
        center = None
    middle = (box[0] + max(box[2] - 1, 0) / 2, box[1] + max(box[3] - 1, 0) / 2)
    return center or middle, box, outline


def _of_corners(box: Rectangle) -> Rectangle:
    return box[0], box[1], box[2] - box[0], box[3] - box[1]


def _has_corners(reading: Reading) -> bool:
    """Whether the report has the corners of its boxes: so each can be read, and most places lie in the middle then."""
    deciding = reading.report.marks[:DECIDING]
    pairs = ((pair_of(mark.get("location_xy")), rectangle_of(mark.get("bbox"))) for mark in deciding)
    known = [(center, box) for center, box in pairs if center is not None and box is not None]
    if not known or any(min(_of_corners(box)[2:]) < 0 for _, box in known):
        return False
    nearer = sum(_off_middle(center, _of_corners(box)) < _off_middle(center, box) for center, box in known)
    if corners := 2 * nearer > len(known):
        reading.add("`bbox` must be x, y, width and height, places lie in the middle of two corners: taken for those")
    return corners


def _off_middle(center: Pair, box: Rectangle) -> float:
    x, y, width, height = box
    return abs(x + width / 2 - center[0]) + abs(y + height / 2 - center[1])


def _kind(value: Mapping[str, Any], reading: Reading) -> tuple[str, str]:
    named = text_of(value.get("defect_type"))
    kind = reading.kinds.get(plain_name(named))
    if kind is None:
        unknown = reading.settings.unknown_type
        said = f"the type {shown(named)}, which `type_names` lacks" if named else "no `defect_type`"
        reading.counted["{} " + said.replace("{", "{{").replace("}", "}}") + f": taken for {unknown}"] += 1
        return unknown, named
    return kind, named


def _is_percent(reading: Reading) -> bool:
    """Whether the report has its confidences in percent: most lie above 1, and all below 100."""
    found = [number for mark in reading.report.marks if (number := number_of(mark.get("confidence"))) is not None]
    above = sum(number > 1 for number in found)
    percent = 2 * above > len(found) and min(found) >= 0 and max(found) <= PERCENT
    if percent:
        reading.add(f"confidences must lie in 0..1, got up to {max(found):g}: taken for percent")
    return percent


def _confidence(value: Mapping[str, Any], mark_id: str, reading: Reading) -> float:
    said, unknown = value.get("confidence"), reading.settings.unknown_confidence
    if said is None:
        reading.counted[f"{{}} no `confidence`: taken for {unknown:g}"] += 1
        return unknown
    number = number_of(said)
    if number is not None and reading.percent:
        number /= PERCENT
    if number is None or not 0 <= number <= 1:
        reading.add(f"mark {mark_id}: `confidence` must lie in 0..1, got {shown(said)}: taken for {unknown:g}")
        return unknown
    return number


def _severity(value: Mapping[str, Any], reading: Reading) -> Severity | None:
    said = value.get("severity")
    if said is None:
        return None
    severity = text_of(said).upper()
    if severity in SEVERITIES:
        return next(one for one in SEVERITIES if one == severity)
    text = shown(said).replace("{", "{{").replace("}", "}}")
    reading.counted["{} the severity " + text + f", which must be one of {', '.join(SEVERITIES)}: passed over"] += 1
    return None


def _detectors(value: Mapping[str, Any], mark_id: str, reading: Reading) -> tuple[str, ...]:
    said = value.get("contributing_algorithms")
    names = said if isinstance(said, list) else [] if said is None else [said]
    found = tuple(dict.fromkeys(text for one in names if (text := text_of(one))))
    if said is not None and (not isinstance(said, list) or not all(isinstance(one, str) for one in said)):
        reading.add(f"mark {mark_id}: `contributing_algorithms` must be a list of names, got {shown(said)}")
    return found


def _told_apart(marks: Sequence[Mark], reading: Reading) -> list[Mark]:
    """Marks of one id under ids of their own: both stay."""
    taken = {mark.id for mark in marks}
    seen: set[str] = set()
    named = []
    for mark in marks:
        own, number = mark.id, 1
        if own in seen:
            while own in taken:
                number += 1
                own = f"{mark.id} ({number})"
            taken.add(own)
            reading.add(f"mark {mark.id}: ids must differ, it stands there again: the other is called {own}")
        seen.add(own)
        mark.id = own
        named.append(mark)
    return named
