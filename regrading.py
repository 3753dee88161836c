"""Stored results judged again under other criteria, without images: records -> verdicts, what changed, yields."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import judging
import zoning
from config_loader import Config, ConfigFile, CriteriaBook
from image_files import CHANGES_BY, COMPARISON, RESULT, SUMMARY_BY, natural_order, printable
from records import (
    Criteria,
    ImageInfo,
    Inspection,
    Provenance,
    Quality,
    Request,
    UserError,
)
from reporting import (
    Record,
    Yield,
    change_row,
    changed_by,
    regraded_record,
    summary_row_of,
    to_json,
    write_changes,
    write_summary,
    write_yields,
)
from stored_records import BadRecord, StoredRecord, load_record
from whole_files import writing

logger = logging.getLogger("dscope.regrading")


@dataclass(frozen=True, slots=True)
class Asked:
    """What to judge by; None: what each record has."""

    edition: str | None = None
    fiber_class: str | None = None

    def check(self, book: CriteriaBook) -> None:
        """UserError unless there is such an edition, and such a class in it, or in some edition when none is named."""
        if self.edition is not None and self.fiber_class is not None:
            book.find(self.edition, self.fiber_class)
        elif self.edition is not None:
            book.classes(self.edition)
        elif self.fiber_class is not None and not any(self.fiber_class in book.classes(e) for e in book.editions()):
            raise UserError(f"fiber class: no edition has {self.fiber_class!r}")

    def of(self, recorded: Criteria) -> tuple[str, str]:
        """Edition and class for one record."""
        return self.edition or recorded.edition, self.fiber_class or recorded.fiber_class


@dataclass(frozen=True, slots=True)
class Regrading:
    """Stored results to judge again, and by what; all checked."""

    folder: Path
    paths: tuple[Path, ...]
    asked: Asked
    settings: ConfigFile


@dataclass(frozen=True, slots=True)
class Outcome:
    """What judging stored results again came to, and where it is written."""

    counts: Mapping[str, int]  # results by verdict
    changed: tuple[Record, ...]  # rows of the table of changes
    unconfirmed: tuple[str, ...]  # edition and class of limits that were used
    summary: Path
    changes: Path


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored result as it was found; `problem` says why there is no inspection."""

    name: str  # of its file, relative to the folder
    record: StoredRecord | None = None
    problem: str = ""

    @property
    def inspection(self) -> Inspection | None:
        return None if self.record is None else self.record.inspection


def find_results(folder: Path) -> tuple[Path, ...]:
    """The stored results of a folder and its subfolders, in natural order; UserError when there are none."""
    if not folder.is_dir():
        raise UserError(f"results folder {folder}: {'not a folder' if folder.exists() else 'no such folder'}")
    found = [
        Path(parent, name).relative_to(folder).as_posix()
        for parent, _, names in os.walk(folder)
        for name in names
        if name.endswith(RESULT) and not name.startswith(".")
    ]
    if not found:
        raise UserError(f"results folder {folder}: no stored result in it (*{RESULT})")
    return tuple(folder / name for name in sorted(found, key=natural_order))


def regrade_folder(wanted: Regrading) -> Outcome:
    """Judge stored results again and write the new summary, and what changed, beside the old one.

    Raises
    ------
    WriteFailed : a table cannot be written
    """
    key = wanted.asked.edition or wanted.asked.fiber_class or "regraded"
    counts: Counter[str] = Counter(PASS=0, FAIL=0, NOT_GRADED=0)
    rows, changed, unconfirmed = [], [], set()
    for stored in load_results(wanted):
        after = judged_again(stored, wanted.asked, wanted.settings)
        rows.append(new_row(stored, after))
        counts[after.verdict.status] += 1
        if after.criteria.zones and not after.criteria.confirmed:
            unconfirmed.add(f"{after.criteria.edition} {after.criteria.fiber_class}")
        if stored.inspection is not None and changed_by(stored.inspection, after):
            changed.append(change_row(stored.inspection, after))
    summary, changes = (wanted.folder / name.format(key) for name in (SUMMARY_BY, CHANGES_BY))
    with writing(summary):
        write_summary(summary, rows)
        write_changes(changes, changed)
    logger.info("Judged %d stored results again: %s", len(rows), summary.name)
    return Outcome(counts, tuple(changed), tuple(sorted(unconfirmed)), summary, changes)


def load_results(wanted: Regrading) -> Iterator[Stored]:
    """Read stored results one by one; one that cannot be read says so."""
    for path in wanted.paths:
        name = path.relative_to(wanted.folder).as_posix()
        try:
            yield Stored(name, load_record(path))
        except BadRecord as error:
            logger.warning("%s: %s", printable(name), error)
            yield Stored(name, problem=f"Unreadable record: {error}")


def judged_again(stored: Stored, asked: Asked, settings: ConfigFile) -> Inspection:
    """Judge one stored result by other criteria.

    What was not graded stays so, for its reason: another look at the picture may be able to, another table is not.

    Parameters
    ----------
    stored : as `load_results` gives it
    asked : the criteria
    settings : their limits, and what can be graded, in the profile that the result was made with
    """
    if stored.inspection is None:
        return _unreadable(stored, asked, settings)
    before = stored.inspection
    config = _profile_of(before, settings)
    edition, fiber_class = asked.of(before.criteria)
    criteria = config.criteria.table.get(edition, {}).get(fiber_class)
    known = criteria or _without_limits(edition, fiber_class)
    face = replace(before, criteria=known, request=replace(before.request, edition=edition, fiber_class=fiber_class))
    if before.verdict.status == "NOT_GRADED" or before.geometry is None:
        return face
    if criteria is None:
        return replace(face, verdict=judging.not_graded(_why_without_limits(edition, fiber_class, config.criteria)))
    outlines = zoning.zone_outlines(before.geometry, criteria, face.request, before.scale)
    defects = judging.placed(before.defects, outlines, criteria, face.request.zones)
    return judging.grade(replace(face, zones=outlines, defects=defects), config, sought=before.zones)


def new_row(stored: Stored, after: Inspection) -> Record:
    """The row of the summary for a result that was judged again."""
    return summary_row_of(to_json(after) if stored.record is None else regraded_record(stored.record.plain, after))


def _profile_of(inspection: Inspection, settings: ConfigFile) -> Config:
    name = inspection.provenance.profile
    return settings.profiles.get(name, settings.profiles[settings.default_profile])


def _without_limits(edition: str, fiber_class: str) -> Criteria:
    return Criteria(edition, fiber_class, "", "", False, (), "width", "diameter", "touched", ())


def _unreadable(stored: Stored, asked: Asked, settings: ConfigFile) -> Inspection:
    book = settings.profiles[settings.default_profile].criteria
    edition, fiber_class = asked.edition or book.default_edition, asked.fiber_class or book.default_class
    return Inspection(
        image=ImageInfo(stored.name.removesuffix(RESULT)),
        provenance=Provenance("", "", "", None, ""),
        request=Request(edition, fiber_class),
        criteria=_without_limits(edition, fiber_class),
        quality=Quality(),
        verdict=judging.not_graded(stored.problem),
    )


def _why_without_limits(edition: str, fiber_class: str, book: CriteriaBook) -> str:
    there = ", ".join(book.table.get(edition, ())) or "none"
    return f"No limits: edition {edition} has no class {fiber_class}, its classes: {there}"


def compare(wanted: Regrading) -> tuple[tuple[Yield, ...], Path]:
    """How many results pass under every edition, each in its own class, and in each class of the edition.

    Returns
    -------
    One yield per edition and class, only in the class that is asked for if there is one; and the table written of them

    Raises
    ------
    WriteFailed : the table cannot be written
    """
    book = wanted.settings.profiles[wanted.settings.default_profile].criteria
    tables = _tables(book, wanted.asked.fiber_class)
    counts: list[Counter[str]] = [Counter() for _ in tables]
    for stored in load_results(wanted):
        for asked, count in zip(tables, counts, strict=True):
            verdict = judged_again(stored, asked, wanted.settings).verdict
            count.update([verdict.status, *["MARGINAL"] * bool(verdict.marginal)])
    yields = tuple(_yield(asked, count, book) for asked, count in zip(tables, counts, strict=True))
    path = wanted.folder / COMPARISON
    with writing(path):
        write_yields(path, yields)
    logger.info("Judged %d stored results under every edition: %s", len(wanted.paths), path.name)
    return yields, path


def _tables(book: CriteriaBook, fiber_class: str | None) -> tuple[Asked, ...]:
    if fiber_class is not None:
        return tuple(Asked(edition, fiber_class) for edition in book.editions() if fiber_class in book.classes(edition))
    return tuple(Asked(edition, key) for edition in book.editions() for key in (None, *book.classes(edition)))


def _yield(asked: Asked, count: Counter[str], book: CriteriaBook) -> Yield:
    confirmed = None
    if asked.edition is not None and asked.fiber_class is not None:
        confirmed = book.find(asked.edition, asked.fiber_class).confirmed
    passed, failed, not_graded = (count[status] for status in ("PASS", "FAIL", "NOT_GRADED"))
    return Yield(asked.edition or "", asked.fiber_class, confirmed, passed, failed, not_graded, count["MARGINAL"])
