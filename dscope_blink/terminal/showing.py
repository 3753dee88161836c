"""A run that is watched: its log file, what is shown of it while it goes on, how it ended and its exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from dscope_blink.batch.run import NONE_GRADED, exit_code
from dscope_blink.batch.whole_run import OneDone
from dscope_blink.files.locking import check_locks
from dscope_blink.files.whole_files import WriteFailed
from dscope_blink.reporting.batch_reports import ReportsNotWritten
from dscope_blink.reporting.batch_totals import Totals
from dscope_blink.terminal.log_file import log_file
from dscope_blink.terminal.progress import Display, bar, lines
from dscope_blink.terminal.running import UNFINISHED, complain
from dscope_blink.terminal.starting import program_name

GO_ON = "what was finished is kept, the same command with --resume does the rest"


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that has ended."""

    totals: Totals
    not_written: str = ""  # a line for each report that failed


def run_shown(
    run: Generator[OneDone],
    folder: Path,
    total: int | None,
    display: Display,
    also: Callable[[OneDone, Totals], None] = lambda done, totals: None,
) -> Ran:
    """Run it with its log file beside its results.

    Parameters
    ----------
    run : gives each image or face that is done
    folder : of the results
    total : how many there will be; None: nobody knows, for they come until Ctrl-C ends it
    display : shows how far it is
    also : told of each as well
    """
    with suppress(WriteFailed):  # of which the log file tells
        check_locks(folder)
    totals = Totals()
    with log_file(folder), closing(run) as finished, display(total) as show:
        try:
            for done in finished:
                totals.add(done.inspection, done.resumed)
                show(done.inspection, totals)
                also(done, totals)
        except KeyboardInterrupt as error:
            with suppress(KeyboardInterrupt, StopIteration):
                finished.throw(error)  # it may have come between two images: it is to end as if within one
            if total is not None:
                raise KeyboardInterrupt(GO_ON) from None
        except ReportsNotWritten as error:
            return Ran(totals, str(error))
    return Ran(totals)


def display_of(total: int | None) -> Display:
    """A bar where somebody watches and it has an end, else lines."""
    return bar if sys.stdout.isatty() and total is not None else lines


def code_of(ran: Ran, fail_exit: bool, failed_hooks: int = 0, what: str = "image") -> int:
    """The exit code of a run; what it is for is told where it is not the verdicts.

    Parameters
    ----------
    ran : how it ended
    fail_exit : whether a FAIL is to be told by the code
    failed_hooks : commands that failed
    what : it was a run of
    """
    if ran.not_written:
        return complain(program_name(), ran.not_written, UNFINISHED)
    if failed_hooks:
        return complain(program_name(), f"the hook failed for {counted(failed_hooks, what)}, see the log", UNFINISHED)
    code = exit_code(ran.totals, fail_exit)
    if code == NONE_GRADED:
        ((_, reason), count), *_ = ran.totals.reasons.most_common(1)
        one = "picture" if what == "image" else what
        complain(program_name(), f"not one {one} could be graded: {reason} ({count} of {ran.totals.images})", code)
    return code


def counted(count: int, what: str) -> str:
    """`1 image`, `2 images`."""
    return f"{count} {what}{'' if count == 1 else 's'}"
