"""Tables for a terminal: the end of a batch, one inspection, what judging again changed; plain where they are piped."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from dscope_blink.records import Inspection, printable, texts
from dscope_blink.reporting import wording
from dscope_blink.reporting.batch_totals import Totals
from dscope_blink.reporting.comparison import OUTCOME_TITLES, OUTCOMES, Outcome
from dscope_blink.reporting.tables import Row, Yield
from dscope_blink.reporting.wording import Facts, TextTable
from dscope_blink.synthetic.samples import differs, expected_verdict

MOST_WARNINGS = 10  # shown before the first picture
MOST_CHANGES = 20  # shown; the table in the folder has them all
MOST_REASONS, MOST_STAGES = 5, 5
_PIPED_LETTERS = 200  # of a line in a file or a pipe, which has no width: a table is not to be folded there
_WHOLE = "total"  # of the timings: all stages from the decoded picture to the verdict
_STYLES = {"PASS": "bold green", "FAIL": "bold red", "NOT_GRADED": "bold yellow"}
_BROKEN = "bold red"
_INDENT, _LABEL_LETTERS = 2, 22
_SHORT = 24  # letters of a cell that is never folded: figures, names
_LEAST_LETTERS = 100  # of a line: that is how many cells that are not folded need; a narrower terminal goes on below


def console_of(quiet: bool = False) -> Console:
    """The standard output; `quiet`: nothing is printed."""
    return Console(quiet=quiet, width=None if sys.stdout.isatty() else _PIPED_LETTERS, highlight=False)


def print_line(console: Console, text: str, style: str = "") -> None:
    """One line that is never folded: a path in it can be copied."""
    console.print(Text(printable(text), style=style), soft_wrap=True)


def print_warnings(console: Console, warnings: Sequence[str]) -> None:
    """Those before the first picture; of many only the first, for the log has them all."""
    for warning in warnings[:MOST_WARNINGS]:
        print_line(console, f"Warning: {warning}")
    if len(warnings) > MOST_WARNINGS:
        print_line(console, f"and {len(warnings) - MOST_WARNINGS} more warnings in the log")


def _table(*columns: Column | str) -> Table:
    return Table(*columns, box=SIMPLE_HEAD, pad_edge=False, show_edge=False)


def _number(name: str) -> Column:
    return Column(name, justify="right", no_wrap=True)


# --- the end of a batch


def batch_tables(totals: Totals) -> Iterator[Table]:
    """Verdicts and yield, the most frequent reasons, the slowest stages; those that have something to say."""
    if totals.images:
        yield _verdict_table(totals)
    if totals.reasons:
        yield _reason_table(totals)
    medians = dict(totals.medians_s())
    if medians:
        yield _stage_table(medians)


def _verdict_table(totals: Totals) -> Table:
    table = _table("Verdict", _number("images"), _number("%"))
    for status, count in totals.statuses.items():
        table.add_row(Text(status, style=_STYLES[status]), str(count), _share(count, totals.images))
    table.add_row("of these MARGINAL", str(totals.marginal), _share(totals.marginal, totals.images))
    table.add_row(f"Yield: {totals.yield_text}", "", _share(totals.statuses["PASS"], totals.images))
    return table


def _share(count: int, images: int) -> str:
    return f"{100 * count / images:.1f}"


def _reason_table(totals: Totals) -> Table:
    table = _table("Most frequent reasons", _number("images"))
    for (_, reason), count in totals.reasons.most_common(MOST_REASONS):
        table.add_row(Text(printable(reason)), str(count))
    return table


def _stage_table(medians_s: dict[str, float]) -> Table:
    """The stages, and after them what all of them take to the verdict."""
    whole_s = medians_s.pop(_WHOLE, None)
    table = _table("Slowest stages", _number("median ms"))
    for stage, median_s in list(medians_s.items())[:MOST_STAGES]:
        table.add_row(stage, f"{1000 * median_s:.1f}")
    if whole_s is not None:
        table.add_row("picture to verdict", f"{1000 * whole_s:.1f}")
    return table


# --- one inspection


def print_inspection(console: Console, inspection: Inspection) -> None:
    """All that is said of one picture."""
    verdict = wording.status_of(inspection)
    print_line(console, f"{verdict}  {inspection.title}", _STYLES[inspection.verdict.status])
    for reason in wording.reasons_of(inspection):
        print_line(console, f"  {reason}")
    for doubt in (f"MARGINAL: {doubt}" for doubt in inspection.verdict.doubts):
        print_line(console, f"  {doubt}", "bold yellow")
    if alarm := wording.unconfirmed(inspection):
        print_line(console, f"  {alarm}", "bold yellow")
    _print_table(console, "Fiber", wording.dimension_table(inspection))
    _print_facts(console, "Scale", wording.scale_facts(inspection))
    _print_facts(console, "Criteria", wording.criteria_facts(inspection))
    _print_table(console, "Zones", wording.zone_table(inspection))
    _print_table(console, "Limits", wording.limit_table(inspection))
    _print_table(console, "Marks", wording.mark_table(inspection))
    _print_facts(console, "Quality", wording.quality_facts(inspection) + wording.warning_facts(inspection))
    _print_facts(console, "Provenance", wording.provenance_facts(inspection) + wording.seal_facts(inspection))
    _print_facts(console, "Manifest", wording.carried_facts(inspection))


def _print_facts(console: Console, title: str, facts: Facts) -> None:
    if facts:
        _print_title(console, title)
    for label, text in facts:
        print_line(console, f"{'':{_INDENT}}{label:<{_LABEL_LETTERS}}{text}")


def _print_title(console: Console, title: str) -> None:
    console.print()
    print_line(console, title, "bold")


def _print_table(console: Console, title: str, said: TextTable) -> None:
    if not said.rows:
        return
    _print_title(console, title)
    longest = [max(map(len, column)) for column in zip(said.header, *said.rows, strict=True)]
    pairs = zip(said.header, longest, strict=True)
    table = _table(*(Column(name, no_wrap=letters <= _SHORT, overflow="fold") for name, letters in pairs))
    for number, row in enumerate(said.rows):
        style = _BROKEN if number in said.broken else None
        table.add_row(*(Text(printable(text)) for text in row), style=style)
    console.width, before = max(console.width, _LEAST_LETTERS), console.width
    console.print(Padding(table, (0, 0, 0, _INDENT), expand=False))
    console.width = before


# --- stored results judged again


def yield_tables(yields: Sequence[Yield]) -> list[Table]:
    """One per edition, so that they fit a terminal."""
    tables: dict[str, Table] = {}
    for one in yields:
        table = tables.setdefault(one.edition, _yield_table(one.edition))
        confirmed = {None: "", True: "yes", False: "no"}[one.confirmed]
        share = "" if one.percent is None else f"{one.percent:.1f}"
        counts = (one.passed, one.failed, one.not_graded, one.marginal)
        table.add_row(one.fiber_class or "as recorded", confirmed, *map(str, counts), share)
    return list(tables.values())


def _yield_table(edition: str) -> Table:
    numbers = map(_number, ("PASS", "FAIL", "not graded", "marginal", "yield %"))
    return Table(Column("class", no_wrap=True), "conf.", *numbers, title=edition, title_justify="left", box=None)


def change_table(rows: Sequence[Row]) -> Table:
    """The results that came out otherwise, the first of them."""
    table = _table(Column("Image", no_wrap=True), "Before", "After", "Changed by")
    for row in rows[:MOST_CHANGES]:
        verdicts = (row[f"Status_{when}"] + " MARGINAL" * row[f"Marginal_{when}"] for when in ("Before", "After"))
        cells = (row["Image_Filename"], *verdicts, row["Changed_By"])
        table.add_row(*(Text(printable(cell)) for cell in cells))
    if len(rows) > MOST_CHANGES:
        table.add_row(f"and {len(rows) - MOST_CHANGES} more")
    return table


# --- two batches side by side


def outcome_table(outcomes: Mapping[Outcome, int]) -> Table:
    """How many faces came out how."""
    table = _table("From the first batch to the second", _number("faces"))
    for outcome in OUTCOMES:
        table.add_row(OUTCOME_TITLES[outcome], str(outcomes.get(outcome, 0)))
    return table


def face_table(rows: Sequence[Row]) -> Table:
    """Faces whose verdict or marks changed, the first of them; rows of compare_batches.csv."""
    numbers = map(_number, ("removed", "stayed", "new"))
    table = _table(Column("Face", no_wrap=True), "Before", "After", *numbers, "Largest after")
    for row in rows[:MOST_CHANGES]:
        counts = ("" if row[name] is None else str(row[name]) for name in ("Removed", "Stayed", "New"))
        cells = (row["Serial"], row["Status_Before"] or "-", row["Status_After"] or "-", *counts)
        table.add_row(*(Text(printable(cell)) for cell in (*cells, row["Largest_Mark_After"] or "")))
    if len(rows) > MOST_CHANGES:
        table.add_row(f"and {len(rows) - MOST_CHANGES} more")
    return table


# --- the demo


def comparison_table(inspections: Iterable[Inspection]) -> Table:
    """Each sample with the verdict it must get and the one it got."""
    table = _table(Column("Image", no_wrap=True), "Expected", "Verdict", "Why")
    for inspection in inspections:
        verdict = inspection.verdict
        cells = (inspection.image.file, expected_verdict(inspection), verdict.status, *texts(verdict.reasons[:1]))
        table.add_row(*map(Text, cells), style=_BROKEN if differs(inspection) else None)
    return table
