"""Stored results judged again under other criteria, without images: records -> verdicts, what changed, yields."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dscope_blink.analysis import judging
from dscope_blink.analysis.rejudging import (
    NoFace,
    config_of,
    graded_again,
    load_row,
    load_trusted,
    unreadable,
    without_limits,
)
from dscope_blink.batch.connector_regrading import JudgedLane, judged_lane, regrade_connectors
from dscope_blink.config.settings import Config, ConfigFile, CriteriaBook, Reporting
from dscope_blink.files.names import CHANGES_BY, COMPARISON, RESULT, SUMMARY_BY, TABLE
from dscope_blink.files.whole_files import writing
from dscope_blink.records import (
    UNCONFIRMED,
    Criteria,
    Inspection,
    Notice,
    UserError,
    notice,
    printable,
)
from dscope_blink.records.stored import BadRecord
from dscope_blink.reporting.batch_reports import ReportsNotWritten, write_batch_reports, write_certificates
from dscope_blink.reporting.batch_totals import Totals
from dscope_blink.reporting.csv_files import SummaryTable
from dscope_blink.reporting.picture_files import write_changes, write_summary, write_yields
from dscope_blink.reporting.stored_results import kept_apart
from dscope_blink.reporting.tables import Row, Yield, change_row, is_changed, summary_row

logger = logging.getLogger("dscope.regrading")


@dataclass(frozen=True, slots=True)
class Asked:
    """What to judge by; None: what each record has."""

    edition: str | None = None
    fiber_class: str | None = None
    own: bool = False  # each record by the very limits that it holds

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
    warnings: tuple[str, ...] = ()  # about the folder
    reporting: Reporting | None = None  # the reports that are to be made; None: no more than tables

    @property
    def config(self) -> Config:
        """What is said of the tables and reports of them all."""
        return self.settings.profiles[self.settings.default_profile]

    @property
    def key(self) -> str:
        """What stands in the names of all that is written."""
        return self.asked.edition or self.asked.fiber_class or "regraded"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What judging stored results again came to, and where it is written."""

    counts: Mapping[str, int]  # results by verdict
    unreadable: int
    changed: tuple[Row, ...]  # rows of the table of changes
    notes: tuple[str, ...]  # about the limits
    summary: Path
    changes: Path
    reports: tuple[Path, ...] = ()
    connectors: Path | None = None  # their table; None: the results are of none


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored result as it was found; `problem` says why there is no inspection."""

    name: str  # of its file, relative to the folder
    inspection: Inspection | None = None
    problem: str = ""


def regrade_folder(wanted: Regrading) -> Outcome:
    """Judge stored results again and write the new summary, and what changed, beside the old one.

    Raises
    ------
    UserError : a table would overwrite that of a picture
    WriteFailed : a table cannot be written
    ReportsNotWritten : the tables are written, but some of the reports are not
    """
    summary, changes = (wanted.folder / name.format(wanted.key) for name in (SUMMARY_BY, CHANGES_BY))
    _check_names(summary, changes)
    totals = Totals()
    written = wanted.config.reporting
    table, changed, unreadable, notes = SummaryTable(written.csv_style), [], 0, set()
    lanes: list[JudgedLane | None] = []
    for place, stored in enumerate(load_results(wanted)):
        after = judged_again(stored, wanted.asked, wanted.settings)
        table.add(place, summary_row(after))
        totals.add(after)
        lanes.append(judged_lane(wanted.folder / stored.name, after))
        unreadable += stored.inspection is None
        notes |= _notes(stored, after)
        if stored.inspection is not None and is_changed(stored.inspection, after):
            changed.append(change_row(stored.inspection, after))
    with writing(changes):  # the summary last: where it lies, the changes are complete
        write_changes(changes, changed, written)
        write_summary(summary, table)
    layouts, own = wanted.config.connectors, list(filter(None, lanes))
    many = regrade_connectors(wanted.folder, own, wanted.key, layouts, written.csv_style)
    outcome = Outcome(totals.statuses, unreadable, tuple(changed), tuple(sorted(notes)), summary, changes)
    _log(wanted, outcome.notes, summary)
    return replace(outcome, reports=_write_reports(wanted), connectors=many)


def _write_reports(wanted: Regrading) -> tuple[Path, ...]:
    """The reports that are asked for, of the records as they are judged now."""
    if wanted.reporting is None:
        return ()

    def load(path: Path) -> Inspection:
        return judged_again(Stored(path.name, load_row(path, wanted.settings)), wanted.asked, wanted.settings)

    results = replace(kept_apart(wanted.folder, wanted.paths, load), judged_again=True)
    config = replace(wanted.config, reporting=wanted.reporting)
    problems: Mapping[Path, str] = {}
    if wanted.reporting.pdf:
        _, problems = write_certificates(results, wanted.key)
    try:
        written = write_batch_reports(wanted.folder, results, config, wanted.key)
    except ReportsNotWritten as error:
        raise ReportsNotWritten({**problems, **error.problems}) from error
    if problems:
        raise ReportsNotWritten(problems)
    return written


def _check_names(*tables: Path) -> None:
    """A picture of the name `changes` has the table changes_report.csv."""
    for table in tables:
        picture = table.name.removesuffix(TABLE)
        if table.name.endswith(TABLE) and table.with_name(picture + RESULT).exists():
            raise UserError(
                f"{table} is the table of the picture {picture}: choose another key for the edition or class"
            )


def _notes(stored: Stored, after: Inspection) -> set[str]:
    limits, before = after.criteria, stored.inspection
    name = f"{limits.edition} {limits.fiber_class}"
    notes = set()
    if limits.zones and not limits.confirmed:
        notes.add(UNCONFIRMED.format(name))
    if before is not None and before.criteria != limits and before.criteria.title == limits.title:
        notes.add(f"The limits of {name} are others than some of the results were first judged by")
    return notes


def _log(wanted: Regrading, notes: Iterable[str], table: Path) -> None:
    for note in (*wanted.warnings, *notes):
        logger.warning(note)
    settings = wanted.settings
    logger.info(
        "Judged %d stored results again by %s, sha256 %s: %s",
        *(len(wanted.paths), settings.path, settings.sha256, table.name),
    )


def load_results(wanted: Regrading) -> Iterator[Stored]:
    """Read stored results one by one; one that cannot be read says so, one that does not verify is not graded."""
    for path in wanted.paths:
        name = path.relative_to(wanted.folder).as_posix()
        try:
            yield Stored(name, load_trusted(path, wanted.settings))
        except BadRecord as error:
            logger.warning("%s: %s", printable(name), error)
            yield Stored(name, problem=str(error))


def judged_again(stored: Stored, asked: Asked, settings: ConfigFile) -> Inspection:
    """Judge one stored result by other criteria, of which the configuration is then the one it was made with.

    What was not graded stays so, for its reason: another look at the picture may be able to, another table is not.

    Parameters
    ----------
    stored : as `load_results` gives it
    asked : the criteria
    settings : their limits, and what can be graded, in the profile that the result was made with
    """
    before = stored.inspection
    if before is None:
        return _unreadable(stored.name, asked, stored.problem)
    try:
        return judge_again(before, asked, settings)
    except NoFace as error:
        return _unreadable(stored.name, asked, str(error))


def judge_again(before: Inspection, asked: Asked, settings: ConfigFile) -> Inspection:
    """The same of an inspection; NoFace where its values are right one by one and no face can have them together."""
    config = config_of(before, settings)
    edition, fiber_class = asked.of(before.criteria)
    criteria = before.criteria if asked.own else config.criteria.table.get(edition, {}).get(fiber_class)
    known = criteria or without_limits(edition, fiber_class)
    made = replace(before.provenance, inputs={**before.provenance.inputs, "config": config.sha256})
    asked_for = replace(before.request, edition=edition, fiber_class=fiber_class)
    face = replace(before, criteria=known, request=asked_for, provenance=made)
    if before.verdict.status == "NOT_GRADED" or before.geometry is None:
        return face
    if criteria is None:
        return replace(face, verdict=judging.not_graded(_why_without_limits(edition, fiber_class, config.criteria)))
    return graded_again(face, config, before)


def _unreadable(name: str, asked: Asked, problem: str) -> Inspection:
    return unreadable(name.removesuffix(RESULT), problem, asked.edition or "", asked.fiber_class or "")


def _why_without_limits(edition: str, fiber_class: str, book: CriteriaBook) -> Notice:
    there = ", ".join(book.table.get(edition, ())) or "none"
    return notice("no_limits", f"edition {edition} has no class {fiber_class}, its classes: {there}")


def compare(wanted: Regrading) -> tuple[tuple[Yield, ...], Path]:
    """How many results pass under every edition, each in its own class, and in each class of the edition.

    Returns
    -------
    One yield per edition and class, only in the class that is asked for if there is one; and the table written of them

    Raises
    ------
    WriteFailed : the table cannot be written
    """
    book = wanted.config.criteria
    tables = _tables(book, wanted.asked.fiber_class)
    counts: list[Counter[str]] = [Counter() for _ in tables]
    for stored in load_results(wanted):
        for asked, count in zip(tables, counts, strict=True):
            verdict = judged_again(stored, asked, wanted.settings).verdict
            count.update([verdict.status, *["MARGINAL"] * bool(verdict.marginal)])
    yields = tuple(_yield(asked, count, book) for asked, count in zip(tables, counts, strict=True))
    path = wanted.folder / COMPARISON
    with writing(path):
        write_yields(path, yields, wanted.config.reporting)
    doubtful = (f"{y.edition} {y.fiber_class}" for y in yields if y.confirmed is False)
    _log(wanted, map(UNCONFIRMED.format, doubtful), path)
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
