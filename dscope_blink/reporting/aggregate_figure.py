"""NAME_aggregate.png: one face from several detections on one page, whatever the size of its picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from dscope_blink.config.settings import AggregationSettings
from dscope_blink.files.decoding import Picture as StoredPicture
from dscope_blink.files.names import AGGREGATE
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import Aggregate, texts
from dscope_blink.reporting.aggregate_charts import (
    draw_agreement,
    draw_legend,
    draw_polar,
    draw_severities,
    draw_sources,
    draw_types,
    shortened,
)
from dscope_blink.reporting.aggregate_face import Area, Shown, draw_face, draw_heat, part_of, reduced
from dscope_blink.reporting.figures import drawable
from dscope_blink.reporting.look import STATUS_COLOURS
from dscope_blink.reporting.plots import CLASS_MARKS, EDGE, HEAT_COLOURS, draw_markers, write
from dscope_blink.reporting.sheet import Sheet
from dscope_blink.reporting.sheet_files import sheet_bytes
from dscope_blink.reporting.sheet_pixels import text_inches

_PAGE_INCHES = (16.0, 10.4)
_TITLE_Y = 10.15
_FACE = Area(0.25, 3.75, 6.6, 6.05)
_FACE_LEGEND = Area(0.25, 3.3, 6.6, 0.3)
_HEAT = Area(7.15, 6.1, 4.4, 3.55)
_HEAT_LEGEND = Area(7.15, 5.75, 4.4, 0.2)
_POLAR = Area(11.85, 5.7, 3.9, 4.1)
_BY_SOURCE = Area(7.15, 2.35, 4.4, 2.85)
_TYPES, _SEVERITIES = Area(7.15, 0.45, 2.15, 1.55), Area(9.45, 0.45, 2.15, 1.55)
_AGREEMENT = Area(11.85, 0.3, 3.9, 4.9)
_TEXT = Area(0.25, 0.15, 6.6, 2.75)
_LINE, _LETTERS = 0.155, 8.5  # inches from line to line, points
_LONGEST_WORD = 200  # letters: no line holds more
_SHARP = {"png": 1, "svg": 2}  # pixels of its pictures for one of a screen: an SVG is looked at closer


def write_aggregate_figure(
    path: Path, aggregate: Aggregate, picture: StoredPicture | None, settings: AggregationSettings
) -> None:
    """Write the figure of a face.

    Parameters
    ----------
    path : the file; its extension, .png or .svg, says the format
    aggregate : its coordinates are pixels of the picture
    picture : (H, W) or (H, W, 3) uint8 or uint16, of the size that the record says; None: it is not at hand
    settings : sigma of the heat, penalties by severity

    Raises
    ------
    WriteFailed : it cannot be written
    ValueError : the picture has another size than its record says, or neither uint8 nor uint16
    """
    file_format: Literal["png", "svg"] = "svg" if path.suffix == ".svg" else "png"
    write_file(path, sheet_bytes(aggregate_sheet(aggregate, picture, settings, _SHARP[file_format]), file_format))


def aggregate_sheet(
    aggregate: Aggregate, picture: StoredPicture | None, settings: AggregationSettings, zoom: int = 1
) -> Sheet:
    """The page: picture with merged marks, heat map, counts by source, type and severity, polar map, agreement, text.

    Parameters
    ----------
    aggregate, picture, settings : as `write_aggregate_figure` has them
    zoom : pixels of the pictures on the page for one of a page of 100 pixels to the inch
    """
    page = Sheet(_PAGE_INCHES)
    part = part_of(aggregate, picture)
    face, heat = Shown.fitted(part, _FACE), Shown.fitted(part, _HEAT)
    photo = reduced(picture, face, zoom)
    _write_title(page, aggregate)
    draw_face(page, face, photo, aggregate)
    draw_legend(page, _FACE_LEGEND, aggregate)
    _write_beside_the_legend(page, picture is None)
    _write_heat_title(page, settings, aggregate)
    levels = draw_heat(page, heat, photo, aggregate, settings, zoom)
    _draw_heat_legend(page, levels)
    draw_polar(page, _POLAR, aggregate)
    draw_sources(page, _BY_SOURCE, aggregate)
    draw_types(page, _TYPES, aggregate)
    draw_severities(page, _SEVERITIES, aggregate)
    draw_agreement(page, _AGREEMENT, aggregate)
    _write_words(page, aggregate)
    return page


def _write_title(page: Sheet, aggregate: Aggregate) -> None:
    verdict = aggregate.inspection.verdict.status
    write(page, (_FACE.left, _TITLE_Y), shortened(aggregate.name, 6.5, 13, bold=True), size=13, bold=True)
    x, colour = _HEAT.left, STATUS_COLOURS[verdict]
    text = verdict.replace("_", " ")
    write(page, (x, _TITLE_Y), text, size=13, bold=True, colour=colour)
    x += text_inches(text, 13, bold=True) + 0.15
    write(page, (x, _TITLE_Y), "by the acceptance criteria", size=9)
    passed, value = aggregate.score.passed, f"score {aggregate.score.value:g} of 100"
    write(page, (_POLAR.left, _TITLE_Y), value, size=13, bold=True, colour=STATUS_COLOURS["PASS" if passed else "FAIL"])
    x = _POLAR.left + text_inches(value, 13, bold=True) + 0.15
    write(page, (x, _TITLE_Y), "which overrides no criterion", size=9)


def _write_beside_the_legend(page: Sheet, is_missing: bool) -> None:
    note = "S1 \u00d72: the mark S1, seen by two sources"
    write(page, (_FACE.right, _FACE_LEGEND.top - 0.2), note, across="right", size=7.5)
    if is_missing:
        write(page, (_FACE.right, _FACE_LEGEND.top), "the picture is not at hand", across="right", size=7.5)


def _write_heat_title(page: Sheet, settings: AggregationSettings, aggregate: Aggregate) -> None:
    unit = "px" if aggregate.inspection.scale is None else "um"
    title = f"heat: penalty times confidence, spread by {settings.heat_sigma_um:g} {unit}"
    write(page, (_HEAT.left, _HEAT.top + 0.15), title, size=9, bold=True)


def _draw_heat_legend(page: Sheet, levels: tuple[float, ...]) -> None:
    """The least heat of each colour, in points of the score: a small mark by itself shows its own."""
    y, step = _HEAT_LEGEND.bottom + 0.1, 0.52
    places = np.array([(_HEAT_LEGEND.left + 0.06 + step * number, y) for number in range(len(levels))])
    draw_markers(page, CLASS_MARKS["contamination"], places, np.full(len(levels), 8.0), HEAT_COLOURS, EDGE, width=0.6)
    for (x, _), level in zip(places, levels, strict=True):
        write(page, (x + 0.11, y), f"{level:.3g}", size=7.5)
    write(page, (places[-1][0] + 0.5, y), "points", size=7.5)


# --- the words


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    bold: bool = False


def _write_words(page: Sheet, aggregate: Aggregate) -> None:
    """What the figure says in words, as far as it fits."""
    lines = [line for said in _said(aggregate) for line in _wrapped(said)]
    room = int(_TEXT.height / _LINE)
    if len(lines) > room:
        lines = [
            *lines[: room - 1],
            _Line(f"... and {len(lines) - room + 1} lines more: {aggregate.name}{AGGREGATE}"),
        ]
    for number, line in enumerate(lines):
        y = _TEXT.top - _LINE * number
        write(
            page, (_TEXT.left, y), shortened(line.text, _TEXT.width, _LETTERS, line.bold), size=_LETTERS, bold=line.bold
        )


def _said(aggregate: Aggregate) -> Iterator[_Line]:
    verdict, score = aggregate.inspection.verdict, aggregate.score
    yield _Line(f"Verdict by the acceptance criteria: {verdict.status.replace('_', ' ')}", bold=True)
    reasons = texts(verdict.reasons)
    yield from (_Line(f"  {reason}") for reason in reasons[:3])
    if len(reasons) > 3:
        yield _Line(f"  and {len(reasons) - 3} more reasons")
    yield _Line(f"Quality score: {score.value:g} of 100, {'passes' if score.passed else 'fails'}", bold=True)
    if score.reasons:
        yield _Line(f"  {'; '.join(score.reasons)}")
    yield _Line(_flips(aggregate), bold=any(one.flips for one in aggregate.scores))
    yield _Line(_merged(aggregate))
    for pattern in aggregate.patterns:
        yield _Line(f"Pattern: {pattern.text}; it points to {pattern.points_to}")


def _flips(aggregate: Aggregate) -> str:
    """Which sources decide the verdict."""
    if len(aggregate.scores) < 2:
        return "One source: no other verdict to compare with"
    told = [f"without {one.key} it is {one.status_without.replace('_', ' ')}" for one in aggregate.scores if one.flips]
    return (
        f"The verdict hangs on a source: {', '.join(told)}"
        if told
        else "The verdict is the same without any one source"
    )


def _merged(aggregate: Aggregate) -> str:
    """How many marks became how many."""
    members = sum(len(mark.members) for mark in aggregate.marks)
    alone = sum(len(mark.sources) == 1 for mark in aggregate.marks)
    near = aggregate.closeness
    lost = f", {len(aggregate.rejected)} rejected" if aggregate.rejected else ""
    return (
        f"{members} marks of {len(aggregate.sources)} sources are {len(aggregate.marks)}, {alone} seen by one source "
        f"alone{lost}; outlines within {near.eps:g} {near.unit} may be one mark ({near.why})"
    )


def _wrapped(line: _Line) -> Iterator[_Line]:
    """Lines that fit; what goes on is indented."""
    words, current = drawable(line.text.lstrip()).split(" "), "  " if line.text.startswith("  ") else ""
    begun = False
    for word in (word[:_LONGEST_WORD] for word in words):
        longer = f"{current} {word}" if begun else current + word
        if begun and text_inches(longer, _LETTERS, line.bold) > _TEXT.width:
            yield _Line(current, line.bold)
            longer = f"    {word}"
        current, begun = longer, True
    yield _Line(current, line.bold)
