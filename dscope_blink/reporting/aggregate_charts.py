"""Who found what of a face, in charts on a page: marks by source, type and severity, their polar map, agreement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dscope_blink.records import Aggregate, PairAgreement, Points, SourceScore
from dscope_blink.reporting.aggregate_face import Area
from dscope_blink.reporting.figures import drawable
from dscope_blink.reporting.look import CLASS_TITLES, SEVERITY_COLOURS
from dscope_blink.reporting.plots import (
    CLASS_MARKS,
    EDGE,
    RoundMap,
    centroids,
    draw_compass,
    draw_markers,
    draw_zone_outlines,
    write,
    write_angles,
)
from dscope_blink.reporting.sheet import Shapes, Sheet
from dscope_blink.reporting.sheet_pixels import text_inches

SHARED_COLOUR, ALONE_COLOUR = "#56B4E9", "#0072B2"  # marks that others saw too, and that one source alone saw
AGREEING_COLOUR = "#0072B2"
MAX_SOURCES = 12  # that have a row; the rest are counted
_SMALL = 7.5  # letters, in points
_ROW = 0.2  # inches, the highest row
_MARKER_POINTS, _MARKER_STEP, _MARKER_MOST = 4.5, 1.5, 11.0  # by the number of sources
_FEW = 150  # marks: the markers of more are smaller, so that they lie apart
_DARK_FROM = 0.6  # agreement on which white letters stand
_LONGEST = 200  # letters of a line: more do not fit into any, and to measure thousands takes minutes
_NO_VALUE = "\u2013"


def shortened(text: str, inches: float, size: float, bold: bool = False) -> str:
    """The text in letters that can be drawn; of one that is too long, beginning and end."""
    text = drawable(text if len(text) <= _LONGEST else _elided(text, _LONGEST))
    if text_inches(text, size, bold) <= inches:
        return text
    kept = len(text) - 1
    while kept > 2 and text_inches(_elided(text, kept), size, bold) > inches:
        kept -= 1
    return _elided(text, kept)


def _elided(text: str, kept: int) -> str:
    return f"{text[: (kept + 1) // 2]}\u2026{text[len(text) - kept // 2 :]}"


def draw_sources(page: Sheet, area: Area, aggregate: Aggregate) -> None:
    """A row for each source: how many marks of the face it saw, dark those that it alone saw."""
    title = "marks by source, dark: by it alone"
    shown, most = aggregate.scores[:MAX_SOURCES], max((one.found for one in aggregate.scores), default=0)
    rows = _rows(page, area, title, len(shown))
    names, bar_left, room = 0.35 * area.width, area.left + 0.37 * area.width, 0.36 * area.width
    for number, (score, y) in enumerate(zip(shown, rows, strict=True), 1):
        write(page, (area.left, y), shortened(f"{number} {score.key}", names, _SMALL), size=_SMALL)
        full, alone = (room * count / max(most, 1) for count in (score.found, len(score.alone)))
        _bar(page, bar_left, y, full, SHARED_COLOUR)
        _bar(page, bar_left, y, alone, ALONE_COLOUR)
        write(page, (bar_left + full + 0.06, y), _found(score), size=_SMALL)
    if len(aggregate.scores) > MAX_SOURCES:
        text = f"and {len(aggregate.scores) - MAX_SOURCES} more sources"
        write(page, (area.right, area.top), text, size=_SMALL, across="right")


def _found(score: SourceScore) -> str:
    return f"{score.found}, {len(score.alone)} alone{'  decides' if score.flips else ''}"


def draw_types(page: Sheet, area: Area, aggregate: Aggregate) -> None:
    """Number of marks of each type."""
    counts = aggregate.counts["type"]
    _draw_counts(
        page,
        area,
        "marks by type",
        [(title, counts.get(kind, 0), SHARED_COLOUR) for kind, title in CLASS_TITLES.items()],
    )


def draw_severities(page: Sheet, area: Area, aggregate: Aggregate) -> None:
    """Number of marks of each severity, in its colour."""
    counts = aggregate.counts["severity"]
    _draw_counts(
        page,
        area,
        "marks by severity",
        [(name, counts.get(name, 0), colour) for name, colour in SEVERITY_COLOURS.items()],
    )


def _draw_counts(page: Sheet, area: Area, title: str, rows: Sequence[tuple[str, int, str]]) -> None:
    most, left = max(count for _, count, _ in rows), area.left + 0.95
    for (name, count, colour), y in zip(rows, _rows(page, area, title, len(rows)), strict=True):
        write(page, (area.left, y), name, size=_SMALL)
        length = (area.width - 1.4) * count / max(most, 1)
        _bar(page, left, y, length, colour)
        write(page, (left + length + 0.06, y), str(count), size=_SMALL)


def _rows(page: Sheet, area: Area, title: str, count: int) -> list[float]:
    """The title, and the middle of each row below it."""
    write(page, (area.left, area.top), title, size=9, bold=True)
    step = min(_ROW, (area.height - 0.2) / max(count, 1))
    return [area.top - 0.22 - step * row for row in range(count)]


def _bar(page: Sheet, left: float, y: float, length: float, colour: str) -> None:
    if length <= 0:
        return
    corners = np.array([(left, y - 0.06), (left + length, y - 0.06), (left + length, y + 0.06), (left, y + 0.06)])
    page.items.append(Shapes([(corners,)], [colour], EDGE, 0.5, "bars"))


# --- the polar map


def draw_polar(page: Sheet, area: Area, aggregate: Aggregate) -> None:
    """Marks about the centre of the cladding: the shape says the type, the colour the severity, the size who saw it."""
    face = aggregate.inspection
    middle = area.left + area.width / 2
    write(page, (middle, area.top), "about the fiber: larger, seen by more sources", size=9, bold=True, across="center")
    if face.geometry is None or not face.zones:
        write(
            page, (middle, area.bottom + area.height / 2), "no polar map: the zones were not inspected", across="center"
        )
        return
    centre = middle, area.bottom + (area.height - 0.2) / 2
    chart = RoundMap.of(centre, min(area.width / 2, (area.height - 0.2) / 2) / 1.2, face)
    draw_compass(page, chart)
    write_angles(page, chart)
    draw_zone_outlines(page, chart, face, 1.2)
    _draw_marks(page, chart, aggregate)


def _draw_marks(page: Sheet, chart: RoundMap, aggregate: Aggregate) -> None:
    """The worst on top."""
    shrunk = min(1.0, (_FEW / max(len(aggregate.marks), 1)) ** 0.5)
    for severity, colour in reversed(tuple(SEVERITY_COLOURS.items())):
        for kind, outline in CLASS_MARKS.items():
            marks = [m for m in aggregate.marks if (m.severity, m.defect.classification) == (severity, kind)]
            if not marks:
                continue
            places = chart.on_page(centroids([mark.defect for mark in marks], aggregate.inspection))
            sizes = [_MARKER_POINTS + _MARKER_STEP * (len(mark.sources) - 1) for mark in marks]
            points = np.maximum(np.minimum(sizes, _MARKER_MOST) * shrunk, 2.5)
            draw_markers(
                page, outline, places, points, [colour] * len(marks), EDGE, width=0.6, label=f"{severity} {kind}"
            )


def draw_legend(page: Sheet, area: Area, aggregate: Aggregate) -> None:
    """Colours of severities and shapes of types that are there, in one row of each."""
    found = {mark.severity for mark in aggregate.marks}
    kinds = {mark.defect.classification for mark in aggregate.marks}
    severities = [
        (name, CLASS_MARKS["contamination"], colour) for name, colour in SEVERITY_COLOURS.items() if name in found
    ]
    types = [(CLASS_TITLES[kind], outline, None) for kind, outline in CLASS_MARKS.items() if kind in kinds]
    for y, row in ((area.top, severities), (area.top - 0.2, types)):
        x = area.left
        for title, outline, colour in row:
            place = np.array([(x + 0.06, y)])
            draw_markers(page, outline, place, np.array([8.0]), [colour], EDGE, width=0.8, label="legend")
            write(page, (x + 0.16, y), title, size=_SMALL)
            x += 0.3 + text_inches(title, _SMALL)


# --- agreement


def draw_agreement(page: Sheet, area: Area, aggregate: Aggregate) -> None:
    """A square for each two sources: kappa above the diagonal, the overlap of their areas below it."""
    write(page, (area.left, area.top), "agreement: kappa upper right, IoU of areas lower left", size=9, bold=True)
    keys = [score.key for score in aggregate.scores][:MAX_SOURCES]
    if len(keys) < 2:
        write(page, (area.left, area.top - 0.3), "one source: nothing to agree with")
        return
    side = min((area.height - 0.45) / len(keys), (area.width - 1.3) / len(keys), 0.5)
    left, top = area.left + 1.3, area.top - 0.4
    agreed = _agreed(aggregate.pairs)
    for row, key in enumerate(keys):
        y = top - (row + 0.5) * side
        write(page, (left - 0.06, y), shortened(f"{row + 1} {key}", 1.22, _SMALL), size=_SMALL, across="right")
        write(page, (left + (row + 0.5) * side, top + 0.1), str(row + 1), size=_SMALL, across="center")
        for column, other in enumerate(keys):
            corner = left + column * side, y - side / 2
            if column == row:
                page.items.append(Shapes([(_square(corner, side),)], ["#EEEEEE"], "#DDDDDD", 0.6, "itself"))
            else:
                _cell(page, corner, side, agreed.get((key, other), (None, None))[column < row])


def _agreed(pairs: Sequence[PairAgreement]) -> dict[tuple[str, str], tuple[float | None, float | None]]:
    """Kappa and IoU of each two, in either order."""
    found = {(pair.first, pair.second): (pair.kappa, pair.iou) for pair in pairs}
    return found | {(second, first): values for (first, second), values in found.items()}


def _cell(page: Sheet, corner: tuple[float, float], side: float, value: float | None) -> None:
    share = 0.0 if value is None else min(max(value, 0.0), 1.0)
    page.items.append(Shapes([(_square(corner, side),)], [_mixed(share)], "#DDDDDD", 0.6, "agreement"))
    text = (
        _NO_VALUE if value is None else f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.0f}"
    )
    size = min(_SMALL, side * 72 / 2.6)
    middle = corner[0] + side / 2, corner[1] + side / 2
    write(page, middle, text, size=size, across="center", colour="#FFFFFF" if share > _DARK_FROM else "#000000")


def _square(corner: tuple[float, float], side: float) -> Points:
    return np.asarray(corner + side * np.array([(0, 0), (1, 0), (1, 1), (0, 1)]))


def _mixed(share: float) -> str:
    """From white to the colour of full agreement."""
    full = np.array([int(AGREEING_COLOUR[i : i + 2], 16) for i in (1, 3, 5)])
    return "#" + "".join(f"{round(level):02X}" for level in 255 + (full - 255) * share)
