"""A report of another program as one detection: what it says as a whole, and its marks; nothing in it is trusted.

foreign_report.schema.json describes the form. Of a report `defects` alone is needed, for without it nothing is said;
of a mark its place (`bbox`, `location_xy` or `contour`), for without it there is nothing to bring together. Whatever
else is missing or wrong is mended or left out with a line of the log that names the mark, the rule and the value; a
mark is left out only where nobody could say where it lies, and is then among the rejected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dscope_blink.analysis.aggregation.foreign_values import first_of, number_of, pair_of, rectangle_of, shown, text_of
from dscope_blink.analysis.aggregation.regions import Offset, Size, region_of_field
from dscope_blink.records import Gravity, LogLine, UserError
from dscope_blink.records.json_reading import decode_any_json, decode_json

# Where programs say it, the first that does counts.
PICTURE_FIELDS = ("source_image", "image_path", "image_file", "image_name", "picture", "image", "file")
HASH_FIELDS = ("source_image_sha256", "image_sha256", "picture_sha256")
OFFSET_FIELDS = ("offset_xy", "offset_px", "offset", "region_offset", "crop_offset")
REGION_FIELDS = ("region", "region_type")
DETECTOR_FIELDS = ("detector", "analyzer", "program", "algorithm")
WITHIN = ("analysis_metadata", "metadata")  # objects that may say it instead
MOST_MARKS = 1_000_000
SHA256_DIGITS = 64


class BadReport(UserError):
    """A file that is no report, or one of which nothing can be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says as a whole; its marks as they are written."""

    file: str  # as the log calls it
    picture: str = ""  # path or name; empty: it does not say
    picture_sha256: str | None = None
    timestamp: str = ""
    detector: str = ""
    status: str = ""
    size_px: Size | None = None  # of what it looked at
    region: str | None = None  # empty: the whole picture; None: it does not say
    offset_px: Offset | None = None
    marks: tuple[Mapping[str, Any], ...] = ()
    log: tuple[LogLine, ...] = ()


def read_report(data: bytes, file: str) -> Report:
    """Read a report as a whole.

    Parameters
    ----------
    data : the whole file: JSON, also with NaN and Infinity as Python writes them
    file : what the log calls it

    Raises
    ------
    BadReport : it is no JSON object with a list of `defects`, or says itself that its analysis failed
    """
    value = _decoded(data)
    if not isinstance(value, dict):
        raise BadReport(f"no report: it must be a JSON object, got {type(value).__name__}")
    found = value.get("defects")
    if not isinstance(found, list):
        raise BadReport(f"no report: `defects` must be a list, got {shown(found) if 'defects' in value else 'nothing'}")
    if len(found) > MOST_MARKS:
        raise BadReport(f"`defects` must be at most {MOST_MARKS}, it has {len(found)}")
    log = _Log(file)
    if value.get("success") is False or (value.get("error") and not found):
        why = f"it says that its analysis failed: {shown(value.get('error'))}"
        if not found:  # no marks of an analysis that failed are no clean face
            raise BadReport(why)
        log.add(f"{why}; its marks are used", "warning")
    return replace(_head(value, log), marks=tuple(_objects(found)), log=tuple(log.lines))


def pictures_of_marks(report: Report) -> tuple[str, ...]:
    """The pictures that the marks of a report name themselves, in order; empty for those that name none."""
    return tuple(dict.fromkeys(_picture_of(mark) for mark in report.marks))


def part_of(report: Report, picture: str) -> Report:
    """The marks that name one picture, as a report of its own; with the empty name those that name none."""
    marks = tuple(mark for mark in report.marks if _picture_of(mark) == picture)
    return replace(report, marks=marks, picture=picture or report.picture)


def _picture_of(mark: Mapping[str, Any]) -> str:
    return text_of(first_of(mark, PICTURE_FIELDS)[1])


class _Log:
    """Lines of one file."""

    def __init__(self, file: str) -> None:
        self.file, self.lines = file, list[LogLine]()

    def add(self, problem: str, gravity: Gravity) -> None:
        self.lines.append(LogLine(self.file, problem, gravity))


def _decoded(data: bytes) -> Any:
    try:
        return decode_json(data)
    except (ValueError, RecursionError):  # NaN, a byte order mark, UTF-16: other readers take them
        try:
            return decode_any_json(data)
        except (ValueError, RecursionError) as error:
            raise BadReport(f"no JSON: {shown_error(error)}") from None


def shown_error(error: Exception) -> str:
    """What a decoder says, in one short line."""
    return " ".join(str(error).split())[:200]


def _objects(found: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    """What is no object has no place, under its number in the list, and is left out with the others that have none."""
    for place, mark in enumerate(found, 1):
        yield mark if isinstance(mark, dict) else {"defect_id": f"#{place}", NO_MARK: mark}


NO_MARK = "\0"  # key of what stands among marks and is none


def _head(value: Mapping[str, Any], log: _Log) -> Report:
    timestamp = value.get("timestamp")
    if not isinstance(timestamp, str) or not timestamp.strip():
        said = "nothing" if "timestamp" not in value else shown(timestamp)
        log.add(f"`timestamp` must be a date and time as text, got {said}: whether it is old is not known", "warning")
    named, picture = first_of(value, PICTURE_FIELDS)
    if named and not text_of(picture):
        log.add(
            f"`{named}` must be the name of a picture, got {shown(picture)}: the name of the file says it", "warning"
        )
    _, detector = first_of(value, DETECTOR_FIELDS)
    return Report(
        log.file,
        text_of(picture),
        _sha256(value, log),
        text_of(timestamp),
        text_of(detector) or next((text_of(first_of(i, DETECTOR_FIELDS)[1]) for i in _within(value)), ""),
        text_of(value.get("status")),
        _size(value, log),
        _region(value, log),
        _offset(value, log),
    )


def _within(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (value[name] for name in WITHIN if isinstance(value.get(name), dict))


def _sha256(value: Mapping[str, Any], log: _Log) -> str | None:
    named, said = first_of(value, HASH_FIELDS)
    text = text_of(said).casefold()
    if not named or (len(text) == SHA256_DIGITS and set(text) <= set("0123456789abcdef")):
        return text or None
    log.add(f"`{named}` must have {SHA256_DIGITS} hexadecimal digits, got {shown(said)}: passed over", "warning")
    return None


def _size(value: Mapping[str, Any], log: _Log) -> Size | None:
    """Width and height of what it looked at; `image_shape` has the height first, as arrays have."""
    for wide, high in (("image_width", "image_height"), ("width", "height")):
        if value.get(wide) is not None or value.get(high) is not None:
            return _whole_size([value.get(wide), value.get(high)], f"{wide} and {high}", log)
    if value.get("image_size") is not None:
        return _whole_size(value["image_size"], "image_size", log)
    shape = value.get("image_shape")
    if shape is not None:
        sides = shape[1::-1] if isinstance(shape, list) and len(shape) in (2, 3) else shape
        return _whole_size(sides if sides is not shape else [shape], "image_shape", log)
    return None


def _whole_size(said: Any, name: str, log: _Log) -> Size | None:
    numbers = [number_of(one) for one in said] if isinstance(said, list) and len(said) == 2 else []
    sides = [int(one) for one in numbers if one is not None and one >= 1 and one == int(one)]
    if len(sides) == 2:
        return sides[0], sides[1]
    log.add(f"`{name}` must be two whole numbers of pixels from 1, got {shown(said)}: passed over", "warning")
    return None


def _region(value: Mapping[str, Any], log: _Log) -> str | None:
    named, said = first_of(value, REGION_FIELDS)
    if not named:
        said = next((one["region"] for one in _within(value) if one.get("region") not in (None, "")), None)
    if said is None:
        return None
    region = region_of_field(said) if isinstance(said, str) else None
    if region is None:
        log.add(f"`{named or 'region'}` is none that is known, got {shown(said)}: passed over", "warning")
    return region


def _offset(value: Mapping[str, Any], log: _Log) -> Offset | None:
    named, said = first_of(value, OFFSET_FIELDS, (None,))
    if not named:
        return None
    box = rectangle_of(said)
    offset = pair_of(said) or (box[:2] if box and min(box[2:]) >= 0 else None)
    if offset is None:
        log.add(f"`{named}` must be x and y in pixels, got {shown(said)}: passed over", "warning")
    return offset


def algorithms_of(report: Report) -> Counter[str]:
    """How many marks each algorithm has found, as the report says it."""
    named = (mark.get("contributing_algorithms") for mark in report.marks)
    return Counter(text_of(one) for names in named if isinstance(names, list) for one in names if text_of(one))
