"""Two batches of stored results side by side: which faces changed, and which marks went, stayed, came."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from dscope_blink.analysis.registration import compared
from dscope_blink.config.settings import Reporting
from dscope_blink.files.names import COMPARED, COMPARED_MARKS, COMPARED_PAGE
from dscope_blink.files.whole_files import write_file, write_parts, writing
from dscope_blink.records import Inspection
from dscope_blink.reporting.comparison import (
    COMPARED_MARK_COLUMNS,
    COMPARISON_COLUMNS,
    OUTCOMES,
    Outcome,
    Pair,
    Shot,
    fated_marks,
)
from dscope_blink.reporting.comparison_page import ComparisonPage
from dscope_blink.reporting.csv_files import csv_bytes
from dscope_blink.reporting.stored_results import StoredResults, kept_apart
from dscope_blink.reporting.tables import Row, Table, table_of, types_of

Named: TypeAlias = dict[str, list[tuple[Path, str]]]  # by the name of the face: results, and the files of the pictures

logger = logging.getLogger("dscope.comparing")


@dataclass(frozen=True, slots=True)
class Comparing:
    """Two folders of stored results to compare, and where to write; all checked."""

    before: Path
    after: Path
    before_results: tuple[Path, ...]
    after_results: tuple[Path, ...]
    output: Path
    by: str  # column of the manifest that names a face
    reporting: Reporting
    warnings: tuple[str, ...] = ()  # about the folders


@dataclass(frozen=True, slots=True)
class Compared:
    """What comparing came to, and where it is written."""

    rows: tuple[Row, ...]  # of compare_batches.csv
    outcomes: Mapping[Outcome, int]
    undecided: int  # faces of both batches whose marks are not told from each other
    unread: int  # stored results that are none
    paths: tuple[Path, ...]


def compare_batches(wanted: Comparing) -> Compared:
    """Compare and write tables and page.

    Raises
    ------
    WriteFailed : one cannot be written
    """
    page = ComparisonPage(
        *_told_apart(wanted.before.resolve(), wanted.after.resolve()), wanted.reporting.report_embed_max_mb
    )
    rows, outcomes, undecided = list[Row](), Counter[Outcome](), 0
    marks: list[tuple[Any, ...]] = []
    before = _by_name(kept_apart(wanted.before, wanted.before_results), wanted.by)
    after = _by_name(kept_apart(wanted.after, wanted.after_results), wanted.by)
    for pair in _pairs(before, after):
        rows.append({column.name: column.value(pair) for column in COMPARISON_COLUMNS})
        marks += fated_marks(pair)
        page.add(pair)
        outcomes[pair.outcome] += 1
        undecided += None not in (pair.before, pair.after) and pair.change.turn.angle_deg is None
    rows.sort(key=lambda row: OUTCOMES.index(row["Outcome"]))
    table, table_of_marks, html = (wanted.output / name for name in (COMPARED, COMPARED_MARKS, COMPARED_PAGE))
    style = wanted.reporting.csv_style
    with writing(html):
        write_file(table_of_marks, csv_bytes(table_of(COMPARED_MARK_COLUMNS, marks), style))
        write_parts(html, page.html())
        write_file(table, csv_bytes(Table(types_of(COMPARISON_COLUMNS), [list(row.values()) for row in rows]), style))
    logger.info("%s and %s: %d faces compared: %s", wanted.before, wanted.after, len(rows), html)
    unread = len(wanted.before_results) + len(wanted.after_results) - sum(map(len, (*before.values(), *after.values())))
    return Compared(tuple(rows), outcomes, undecided, unread, (html, table, table_of_marks))


def _told_apart(before: Path, after: Path) -> tuple[str, str]:
    """The ends of two different paths, as far as they need to be different."""
    count = max(len(before.parts), len(after.parts))
    parts = next(n for n in range(1, count + 1) if before.parts[-n:] != after.parts[-n:])
    return Path(*before.parts[-parts:]).as_posix(), Path(*after.parts[-parts:]).as_posix()


# --- which shots are of one face


def _pairs(before: Named, after: Named) -> Iterator[Pair]:
    """The shots of each face, in the order of the first batch; then the faces that only the second has."""
    for name in dict.fromkeys((*before, *after)):
        yield from _paired(name, before.get(name, ()), after.get(name, ()))


def _by_name(results: StoredResults, by: str) -> Named:
    """The results of each face with the file of the picture; what cannot be read is left out with a warning."""
    found: Named = {}
    for path, inspection in results.inspections():
        found.setdefault(_name_of(inspection, by), []).append((path, inspection.image.file))
    return found


def _name_of(inspection: Inspection, by: str) -> str:
    columns = {name.strip().casefold(): text.strip() for name, text in inspection.request.manifest.items()}
    return columns.get(by.strip().casefold()) or inspection.image.file


def _paired(name: str, before: Sequence[tuple[Path, str]], after: Sequence[tuple[Path, str]]) -> Iterator[Pair]:
    """One of each batch; where a name stands for several pictures, those of the same file."""
    if len(before) <= 1 and len(after) <= 1:
        was, now = (batch[0][0] if batch else None for batch in (before, after))
        yield _pair(name, was, now)
        return
    first, second = ({file: path for path, file in batch} for batch in (before, after))
    for file in dict.fromkeys((*first, *second)):
        note = f"{name} names {len(before)} pictures before and {len(after)} after: paired by their files"
        yield _pair(f"{name} {file}", first.get(file), second.get(file), note)


def _pair(name: str, before: Path | None, after: Path | None, note: str = "") -> Pair:
    first, second = _shot(before), _shot(after)
    if first is None or second is None:
        return Pair(name, first, second, note=note)
    was, now = first.inspection, second.inspection
    notes = filter(None, (note, _made_otherwise(was, now)))
    return Pair(name, first, second, compared(was, now), "; ".join(notes))


def _shot(path: Path | None) -> Shot | None:
    return next((Shot(*found) for found in StoredResults((path,)).inspections()), None) if path else None


def _made_otherwise(before: Inspection, after: Inspection) -> str:
    """What else than the face may have made the difference."""
    made = [
        {
            "program": inspection.provenance.program,
            "profile": inspection.provenance.profile,
            "engine": inspection.provenance.engine,
            "configuration": inspection.provenance.inputs.get("config"),
            "learned model": inspection.provenance.inputs.get("learned"),
            "limits": f"{inspection.criteria.edition} {inspection.criteria.fiber_class}",
        }
        for inspection in (before, after)
    ]
    other = ", ".join(name for name in made[0] if made[0][name] != made[1][name])
    same_file = before.image.sha256 is not None and before.image.sha256 == after.image.sha256
    return "; ".join(
        filter(None, (f"made with another {other}" * bool(other), "both are of the same picture file" * same_file))
    )
