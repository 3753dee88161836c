"""How far a batch is, for who watches it: a bar or plain lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from dscope_blink.records import Inspection, printable
from dscope_blink.reporting.batch_totals import Totals

Show: TypeAlias = Callable[[Inspection, Totals], None]
Display: TypeAlias = Callable[[int | None], AbstractContextManager[Show]]  # of a number of images, if it is known


def in_words(totals: Totals) -> str:
    """The counts in one line."""
    return totals.in_words


def _line(inspection: Inspection) -> str:
    reasons = inspection.verdict.reasons
    return printable(f"{inspection.title}: {inspection.verdict.status}{', ' + reasons[0].text if reasons else ''}")


@contextmanager
def silent(_total: int | None) -> Iterator[Show]:
    """Nothing."""
    yield lambda inspection, totals: None


@contextmanager
def lines(total: int | None) -> Iterator[Show]:
    """A line for each image, for a log."""

    def show(inspection: Inspection, totals: Totals) -> None:
        of_all = f"/{total}" if total is not None else ""
        print(f"[{totals.images}{of_all}] {_line(inspection)}", flush=True)

    yield show


@contextmanager
def bar(total: int | None) -> Iterator[Show]:
    """A bar with the counts; what does not pass gets a line of its own, with the reason."""
    rate = TextColumn("{task.fields[rate]}")
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), rate, TimeRemainingColumn())
    with Progress(*columns) as progress:
        task, started = progress.add_task("", total=total, rate=""), time.monotonic()

        def show(inspection: Inspection, totals: Totals) -> None:
            if inspection.verdict.status != "PASS":
                progress.console.print(Text(_line(inspection)))
            text = "  ".join(f"{status} {count}" for status, count in totals.statuses.items())
            rate = f"{(totals.images - totals.resumed) / max(time.monotonic() - started, 1e-9):.1f}/s"
            progress.update(task, advance=1, description=text, rate=rate)

        yield show
