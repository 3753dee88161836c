"""Two batches side by side: what is said of each pair of shots, and the tables of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from dscope_blink.records import ZONE_NAMES, Defect, FaceChange, Fate, Inspection, Turn, judged_size
from dscope_blink.reporting.tables import Column

Outcome = Literal["worse", "other", "better", "gone", "added", "same"]
OUTCOMES: tuple[Outcome, ...] = ("worse", "gone", "other", "better", "added", "same")  # what asks for a look, first
OUTCOME_TITLES: dict[Outcome, str] = {
    "worse": "Passed, and does so no longer",
    "gone": "Only before",
    "other": "Another verdict, no PASS",
    "better": "Pass now",
    "added": "Only after",
    "same": "The same verdict",
}
_NO_CHANGE = FaceChange(Turn(None))


@dataclass(frozen=True, slots=True)
class Shot:
    """One stored result."""

    result: Path
    inspection: Inspection


@dataclass(frozen=True, slots=True)
class Pair:
    """The two shots of one face, one of each batch; None where a batch has none.

    `name` is the serial number, else the file; `note` what else there is to know.
    """

    name: str
    before: Shot | None
    after: Shot | None
    change: FaceChange = _NO_CHANGE
    note: str = ""

    @property
    def outcome(self) -> Outcome:
        """What became of the verdict: worse is whatever passed and does so no longer."""
        if self.before is None or self.after is None:
            return "added" if self.before is None else "gone"
        was, now = (shot.inspection.verdict.status for shot in (self.before, self.after))
        if was == now:
            return "same"
        return "worse" if was == "PASS" else "better" if now == "PASS" else "other"

    @property
    def counted(self) -> dict[Fate, int] | None:
        """Marks by their fate; None where the turn is not known."""
        if self.change.turn.angle_deg is None:
            return None
        return {fate: len(self.change.ids(fate)) for fate in ("removed", "stayed", "new", "unseen")}

    @property
    def remarks(self) -> str:
        """The note, and why marks are not told from each other."""
        why_not = self.change.turn.why_not
        return "; ".join(filter(None, (self.note, f"only counts are compared: {why_not}" if why_not else "")))


def largest_mark(inspection: Inspection) -> Defect | None:
    """By the circle around it."""
    return max(inspection.defects, key=lambda mark: mark.diameter_px, default=None)


def largest_in_words(inspection: Inspection) -> str:
    """`S1 13.3 um, core`: the largest mark with the size that it is judged by; empty without a mark."""
    mark = largest_mark(inspection)
    return "" if mark is None else f"{mark.id} {judged_size(mark, inspection.criteria)}, {mark.zone or 'no zone'}"


def marks_in(inspection: Inspection, zone: str) -> int | None:
    """Marks that the criteria put into a zone; None where none were sought."""
    return sum(mark.zone == zone for mark in inspection.defects) if inspection.zones else None


# --- the table of the faces


def _of_both(stem: str, unit: str, dtype: str, meaning: str, value: Callable[[Inspection], Any]) -> tuple[Column, ...]:
    return (
        Column(f"{stem}_Before", unit, dtype, f"{meaning}, before", lambda pair: _of(pair.before, value)),
        Column(f"{stem}_After", unit, dtype, f"{meaning}, after", lambda pair: _of(pair.after, value)),
    )


def _of(shot: Shot | None, value: Callable[[Inspection], Any]) -> Any:
    return None if shot is None else value(shot.inspection)


def _diameter_um(inspection: Inspection) -> float | None:
    mark = largest_mark(inspection)
    return None if mark is None else mark.diameter_um


def _fated(stem: str, fate: Fate, meaning: str) -> Column:
    return Column(stem, "", "Int64", meaning, lambda pair: None if pair.counted is None else pair.counted[fate])


COMPARISON_COLUMNS: tuple[Column, ...] = (
    Column("Serial", "", "object", "what the shots are paired by: serial of the manifest, else file", lambda p: p.name),
    Column(
        "Outcome",
        "",
        "object",
        "worse (passed, and does so no longer), better, other, same; gone, added: in one batch alone",
        lambda pair: pair.outcome,
    ),
    *_of_both("Status", "", "object", "verdict", lambda i: i.verdict.status),
    *_of_both("Marginal", "", "boolean", "whether it is marginal", lambda i: i.verdict.marginal),
    *(
        column
        for zone in ZONE_NAMES.values()
        for column in _of_both(
            f"{zone.capitalize()}_Marks", "", "Int64", f"marks in zone {zone}", partial(marks_in, zone=zone)
        )
    ),
    *_of_both("Largest_Mark", "", "object", "largest mark, the size it is judged by, its zone", largest_in_words),
    *_of_both("Largest_Diameter_um", "um", "float64", "diameter of the circle around it", _diameter_um),
    Column(
        "Turn_deg",
        "deg",
        "float64",
        "by how much the face lies turned, clockwise; empty where its marks do not tell",
        lambda pair: pair.change.turn.angle_deg,
    ),
    _fated("Removed", "removed", "marks of the first shot alone; this and the next three are empty without a turn"),
    _fated("Stayed", "stayed", "marks of the second shot that lie on such of the first"),
    _fated("New", "new", "marks of the second shot alone"),
    _fated("Unseen", "unseen", "marks in a place that the other shot does not show, of either"),
    *_of_both("File", "", "object", "picture, relative to its input folder", lambda i: i.image.file),
    Column("Remarks", "", "object", "what else to know; why marks are not told from each other", lambda p: p.remarks),
)


# --- the table of the marks

FatedMark = tuple[Pair, str, Inspection, Defect, Fate, str]  # pair, before or after, shot, mark, fate, partner


def fated_marks(pair: Pair) -> Iterator[FatedMark]:
    """Each mark of both shots, where the turn between them is known."""
    sides = (("before", pair.before, pair.change.before), ("after", pair.after, pair.change.after))
    for when, shot, fates in sides:
        if shot is not None and fates:
            for mark, fate in zip(shot.inspection.defects, fates, strict=True):
                yield pair, when, shot.inspection, mark, fate.fate, fate.partner


def _of_mark(name: str, unit: str, dtype: str, meaning: str, key: str) -> Column:
    return Column(name, unit, dtype, meaning, lambda *row: getattr(row[3], key))


COMPARED_MARK_COLUMNS: tuple[Column, ...] = (
    Column("Serial", "", "object", "as in compare_batches.csv", lambda *row: row[0].name),
    Column("Shot", "", "object", "before or after: the one that shows the mark", lambda *row: row[1]),
    _of_mark("Defect_ID", "", "object", "as in NAME_report.csv of that shot", "id"),
    Column("Fate", "", "object", "removed, stayed, new or unseen", lambda *row: row[4]),
    Column(
        "Partner_ID",
        "",
        "object",
        "of those that stayed: the mark of the other shot in its place",
        lambda *row: row[5] or None,
    ),
    _of_mark("Zone", "", "object", "zone that the criteria put the mark in", "zone"),
    _of_mark("Classification", "", "object", "kind of the mark", "classification"),
    _of_mark("Length_um", "um", "float64", "length along the mark", "length_um"),
    _of_mark("Width_um", "um", "float64", "width across the mark", "width_um"),
    _of_mark("Diameter_um", "um", "float64", "diameter of the smallest enclosing circle", "diameter_um"),
    Column("Breaks_Limit", "", "bool", "whether it breaks a limit", lambda *row: row[3].id in row[2].broken),
)
