"""How far a batch is, for who watches it: a bar, plain lines, or JSON lines for other programs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from typing import TypeAlias

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from dscope_blink.batch.job import was_measured
from dscope_blink.batch.run import Counts
from dscope_blink.records import Inspection, printable, texts

Show: TypeAlias = Callable[[Inspection, Counts], None]
Display: TypeAlias = Callable[[int | None], AbstractContextManager[Show]]  # of a number of images, if it is known


def in_words(counts: Counts) -> str:
    """The counts in one line."""
    resumed = f"; {counts.resumed} finished before" if counts.resumed else ""
    return (
        f"{counts.passed} PASS, {counts.failed} FAIL, {counts.not_graded} NOT_GRADED"
        f" ({counts.not_measured} could not be measured){resumed}"
    )


def _line(inspection: Inspection) -> str:
    reasons = inspection.verdict.reasons
    return printable(f"{inspection.image.file}: {inspection.verdict.status}{', ' + reasons[0].text if reasons else ''}")


@contextmanager
def silent(_total: int | None) -> Iterator[Show]:
    """Nothing."""
    yield lambda inspection, counts: None


@contextmanager
def lines(total: int | None) -> Iterator[Show]:
    """A line for each image, for a log."""

    def show(inspection: Inspection, counts: Counts) -> None:
        of_all = f"/{total}" if total is not None else ""
        print(f"[{counts.done}{of_all}] {_line(inspection)}", flush=True)

    yield show


@contextmanager
def json_lines(total: int | None) -> Iterator[Show]:
    """For other programs: one object for each image, in one line."""

    def show(inspection: Inspection, counts: Counts) -> None:
        verdict = {"file": inspection.image.file, "status": inspection.verdict.status}
        said = {"done": counts.done, "total": total, **verdict, "reasons": texts(inspection.verdict.reasons)}
        print(json.dumps(said | {"counts": asdict(counts)}), flush=True)

    yield show


@contextmanager
def bar(total: int | None) -> Iterator[Show]:
    """A bar with the counts; only what could not be measured gets a line of its own."""
    rate = TextColumn("{task.fields[rate]}")
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), rate, TimeRemainingColumn())
    with Progress(*columns) as progress:
        task, started = progress.add_task("", total=total, rate=""), time.monotonic()

        def show(inspection: Inspection, counts: Counts) -> None:
            if not was_measured(inspection):
                progress.console.print(Text(_line(inspection)))
            text = f"PASS {counts.passed}  FAIL {counts.failed}  NOT_GRADED {counts.not_graded}"
            rate = f"{(counts.done - counts.resumed) / max(time.monotonic() - started, 1e-9):.1f}/s"
            progress.update(task, advance=1, description=text, rate=rate)

        yield show
