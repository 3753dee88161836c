"""The panel below the annotated photograph, which hides nothing of it: verdict, zones, criteria, legend and scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from dscope_blink.records import ZONE_NAMES, Criteria, Inspection, Scale, texts
from dscope_blink.reporting.displayable import Picture
from dscope_blink.reporting.drawing import INK, WHITE, Pen, bgr, draw_text, paper, plain_text, wrapped
from dscope_blink.reporting.face_drawing import draw_ring
from dscope_blink.reporting.look import (
    COUNTED_COLOUR,
    RESULT_COLOURS,
    STATUS_COLOURS,
    UNCOUNTED_COLOUR,
    VIOLATING_COLOUR,
)
from dscope_blink.reporting.wording import ZoneResult, zone_results

_HEADER = ("Zone", "Found", "Counted", "Allowed", "Result")
_WIDE = 3  # the column that has the room that the others leave
_ROOM_FOR = 12  # letters that it has at least


def panel(inspection: Inspection, pen: Pen, width: int, photo_width: int, unlabelled: int) -> Picture:
    """Everything that is said in words.

    Parameters
    ----------
    inspection : what is said
    pen : as the photograph was drawn with
    width : of the panel in pixels
    photo_width : of the photograph at its left to whose scale the scale bar is drawn
    unlabelled : marks that count and have no label
    """
    return np.vstack(
        [
            _verdict_strip(inspection, pen, width, unlabelled),
            *_zone_strips(zone_results(inspection), pen, width),
            _text_strip(wrapped(criteria_text(inspection), pen, width - pen.row(), 2), pen, width),
            legend_strip(inspection, pen, width, photo_width),
        ]
    )


def _text_strip(lines: Sequence[str], pen: Pen, width: int) -> Picture:
    strip = paper(len(lines) * pen.row(), width)
    for index, line in enumerate(lines):
        draw_text(strip, line, (pen.row() // 2, pen.row() // 2 + index * pen.row()), pen)
    return strip


# --- the verdict


def _verdict_strip(inspection: Inspection, pen: Pen, width: int, unlabelled: int) -> Picture:
    """The stamp, and beside it the reasons, the file and what to know about the picture."""
    row, strip = pen.row(), paper(5 * pen.row(), width)
    left = _draw_stamp(strip, inspection.verdict.status, pen) + row
    unsaid = (warning for warning in inspection.quality.warnings if warning not in inspection.verdict.reasons)
    others = (warning.text for warning in unsaid if warning.kind != "zone_cut")
    remarks = "; ".join([*_found_text(inspection, unlabelled), *inspection.seen_in_part, *others])
    named = f"{inspection.title}: {remarks}".removesuffix(": ")
    reasons = wrapped(verdict_text(inspection), pen, width - left, 3)
    lines = [*reasons, *wrapped(named, pen, width - left, 4 - len(reasons))]
    for index, line in enumerate(lines):
        draw_text(strip, line, (left, row + index * row), pen)
    return strip


def _draw_stamp(strip: Picture, status: str, pen: Pen) -> int:
    """Draws the verdict at the left of the strip and returns the x of its right end."""
    text, row, big = status.replace("_", " "), pen.row(), replace(pen, font=3 * pen.font)
    right = row * 5 // 2 + big.text_px(text)
    cv2.rectangle(strip, (row // 2, row // 2), (right, row * 9 // 2), bgr(STATUS_COLOURS[status]), cv2.FILLED)
    draw_text(strip, text, (row * 3 // 2, row * 5 // 2), big, WHITE)
    return right


def verdict_text(inspection: Inspection) -> str:
    """Why the verdict is what it is, which limit was the closest, and whether all that is sure."""
    verdict, closest = inspection.verdict, inspection.closest_limit
    reasons = "; ".join(texts(verdict.reasons)) or f"No limit is broken.{f' Closest: {closest}.' if closest else ''}"
    return f"MARGINAL. {reasons} ({'; '.join(verdict.doubts)})" if verdict.marginal else reasons


def _found_text(inspection: Inspection, unlabelled: int) -> list[str]:
    if not inspection.zones:
        return []
    found = len(inspection.defects)
    more = f", {unlabelled} that count{'s' * (unlabelled == 1)} without label" if unlabelled else ""
    return [f"{found} mark{'s' * (found != 1)} seen{more}"]


# --- the zones


def _zone_strips(results: Sequence[ZoneResult], pen: Pen, width: int) -> list[Picture]:
    """The table of the zones, each with a sample of its ring; nothing where no zone was found."""
    if not results:
        return []
    row = pen.row()
    cells = [(r.title, r.found, r.counted, r.allowed, r.in_words) for r in results]
    plain = [_HEADER, *(tuple(map(plain_text, line)) for line in cells)]
    widths = [max(pen.text_px(line[column]) for line in plain) + row for column in range(len(_HEADER))]
    room = width - 3 * row - sum(widths) + widths[_WIDE]
    widths[_WIDE] = max(min(widths[_WIDE], room), _ROOM_FOR * pen.text_px("n"))
    lefts = [2 * row + sum(widths[:column]) for column in range(len(_HEADER))]
    header = paper(row, width)
    for left, text in zip(lefts, _HEADER, strict=True):
        draw_text(header, text, (left, row // 2), pen)
    strips = [header]
    for result, line in zip(results, plain[1:], strict=True):
        allowed = wrapped(line[_WIDE], pen, widths[_WIDE], 2)
        strips.append(_zone_strip(result, (*line[:_WIDE], allowed, *line[_WIDE + 1 :]), lefts, pen, width))
    return strips


def _zone_strip(
    result: ZoneResult, cells: Sequence[str | list[str]], lefts: Sequence[int], pen: Pen, width: int
) -> Picture:
    row, lines = pen.row(), [[cell] if isinstance(cell, str) else cell for cell in cells]
    strip = paper(max(map(len, lines)) * row, width)
    sample = np.array([[row / 2, row / 2], [row * 3 / 2, row / 2]])
    draw_ring(strip, sample, result, pen)
    for left, texts_of in zip(lefts, lines, strict=True):
        colour = bgr(RESULT_COLOURS[result.result]) if left == lefts[-1] else INK
        for index, text in enumerate(texts_of):
            draw_text(strip, text, (left, row // 2 + index * row), pen, colour)
    return strip


# --- the criteria


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


# --- legend and scale


def _legend_entries(inspection: Inspection) -> list[tuple[str, str, float]]:
    """Colour, text and line width of each entry."""
    counted = any(defect.counted and defect.id not in inspection.broken for defect in inspection.defects)
    free = not all(defect.counted for defect in inspection.defects)
    graded = inspection.verdict.status != "NOT_GRADED"
    return [
        *([(VIOLATING_COLOUR, "breaks a limit", 3.0)] if inspection.verdict.violations else []),
        *([(COUNTED_COLOUR, "counts", 1.0)] if counted else []),
        *([(UNCOUNTED_COLOUR, "does not count" if graded else "seen, not graded", 1.0)] if free else []),
    ]


def legend_strip(inspection: Inspection, pen: Pen, width: int, photo_width: int) -> Picture:
    """Legend and scale bar, as `panel` has them at its end."""
    row, strip = pen.row(), paper(pen.row() * 3 // 2, width)
    left = row // 2
    for colour, text, weight in _legend_entries(inspection):
        cv2.line(strip, (left, row // 2), (left + row, row // 2), bgr(colour), pen.line(weight))
        draw_text(strip, text, (left + row * 11 // 8, row // 2), pen)
        left += pen.text_px(text) + row * 9 // 4
    bar_um, bar_px = _scale_bar(inspection.scale, pen, photo_width)
    if bar_px:
        _draw_scale_bar(strip, photo_width - bar_px - row, bar_px, plain_text(f"{bar_um:g} um"), pen)
    return strip


def _scale_bar(scale: Scale | None, pen: Pen, width: int) -> tuple[float, int]:
    """The longest round length (1, 2 or 5 times a power of ten) within a sixth of the width, and its pixels."""
    if scale is None:
        return 0.0, 0
    um_per_px = scale.um_per_px_x / pen.zoom
    longest = width / 6 * um_per_px
    power = 10.0 ** math.floor(math.log10(longest))
    length_um = max(step * power for step in (1, 2, 5) if step * power <= longest)
    return length_um, round(length_um / um_per_px)


def _draw_scale_bar(strip: Picture, left: int, length: int, text: str, pen: Pen) -> None:
    """The bar, its length written before it."""
    row = pen.row()
    middle, cap = row // 2, row // 4
    right = left + length
    for start, end in (
        ((left, middle), (right, middle)),
        *(((x, middle - cap), (x, middle + cap)) for x in (left, right)),
    ):
        cv2.line(strip, start, end, INK, pen.line(2))
    draw_text(strip, text, (left - pen.text_px(text) - row // 2, middle), pen)
