"""The terminal: arguments, questions, progress, the log file and the exit code."""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from arguments import (
    CONFIG,
    USER_ERROR,
    ZONES,
    check_images,
    check_output_folder,
    checked_batch,
    checked_config,
    checked_flat_field,
    checked_regrading,
    checked_series,
    make_parser,
    parse_zones,
)
from batch import Batch, Counts, run_batch
from camera import NO_CAMERA, CameraError, GrabFailed, list_cameras, open_camera
from capturing import NotBlank, take_flat_field, take_picture, take_series
from config_loader import load_config
from demo import write_samples
from image_files import SUMMARY, printable
from image_job import was_measured
from manifest import positive_number
from plain_records import Record
from records import PROGRAM, UNCONFIRMED, VERSION, Inspection, UserError
from regrading import Outcome, compare, regrade_folder
from scenes import demo_faces
from tables import Yield
from whole_files import WriteFailed

Show: TypeAlias = Callable[[Inspection, Counts], None]
Display: TypeAlias = Callable[[int], AbstractContextManager[Show]]  # of a number of images

MOST_WARNINGS = 10  # shown at the end; the log has them all
MOST_CHANGES = 20  # shown; the table in the folder has them all
UNFINISHED, INTERRUPTED = 1, 130  # exit codes

logger = logging.getLogger("dscope.main")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code.

    Parameters
    ----------
    argv : arguments without the name of the program; None takes those of the process, none at all asks questions
    """
    words = sys.argv[1:] if argv is None else argv
    try:
        arguments = make_parser().parse_args(words or _ask_everything())
        return _COMMANDS[arguments.command](arguments)
    except KeyboardInterrupt:
        return _complain("interrupted; what was finished is kept", INTERRUPTED)
    except WriteFailed as error:
        return _complain(f"{error}; what was finished is kept", UNFINISHED)
    except (GrabFailed, NotBlank) as error:
        return _complain(str(error), UNFINISHED)
    except UserError as error:
        return _complain(str(error), USER_ERROR)


def _complain(message: str, code: int) -> int:
    for line in message.splitlines():
        print(f"main.py: {printable(line)}", file=sys.stderr)
    return code


# --- questions


def _ask_everything() -> list[str]:
    """Ask for what is needed and return the command line that says the same."""
    settings = load_config(CONFIG)
    criteria = settings.profile(settings.default_profile).criteria
    classes, profiles = ", ".join(criteria.classes(criteria.default_edition)), ", ".join(settings.profiles)
    words = ["inspect"]

    def ask(option: str, question: str, check: Callable[[str], object], default: str | None = None) -> str:
        answer = _ask(question, check, default)
        words.append(f"--{option}={answer}")
        return answer

    print(f"{PROGRAM} {VERSION}: inspection of optical-fiber end faces")
    ask("input-dir", "Folder of the pictures", lambda text: check_images(text, False, Path(os.devnull)))
    ask("output-dir", "Folder of the results", check_output_folder, f"results_{datetime.now():%Y%m%d_%H%M%S}")
    known = "Do you want to provide known fiber dimensions (microns) for this batch? (y/n)"
    if _ask(known, _yes, "n").lower().startswith("y"):
        core = ask(
            "core-diameter-um", "Core diameter in microns", lambda text: positive_number("the core diameter", text)
        )
        ask("cladding-diameter-um", "Cladding diameter in microns", lambda text: _cladding(core, text))
    ask(
        "fiber-class",
        f"Fiber class ({classes})",
        lambda text: criteria.find(criteria.default_edition, text),
        criteria.default_class,
    )
    ask("profile", f"Profile ({profiles})", settings.profile, settings.default_profile)
    ask("zones", f"Zones to inspect ({', '.join(ZONES)})", parse_zones, ",".join(ZONES))
    print(f"Running: main.py {shlex.join(words)}")
    return words


def _ask(question: str, check: Callable[[str], object], default: str | None = None) -> str:
    """Ask until the answer passes its check; at the end of input the default is the answer."""
    prompt = f"{question} [{default}]: " if default is not None else f"{question}: "
    while True:
        try:
            answer = input(prompt).strip().strip("\"'") or default or ""
        except EOFError:
            return _at_end_of_input(question, check, default)
        try:
            check(answer)
        except UserError as error:
            print(f"  {error}")
        else:
            return answer


def _at_end_of_input(question: str, check: Callable[[str], object], default: str | None) -> str:
    print()
    if default is None:
        raise UserError(f'the input ended before "{question}" was answered')
    check(default)
    return default


def _yes(text: str) -> bool:
    if text.lower() not in ("y", "yes", "n", "no"):
        raise UserError(f"please answer y or n, got {text!r}")
    return text.lower().startswith("y")


def _cladding(core: str, text: str) -> None:
    if positive_number("the cladding diameter", text) <= float(core):
        raise UserError(f"the cladding diameter must be greater than the core diameter {core}, got {text}")


# --- running


def _inspect(arguments: argparse.Namespace) -> int:
    batch = checked_batch(arguments)
    if arguments.camera:
        take_picture(batch.config.camera, batch.images[0].path)
    if arguments.quiet or arguments.json_progress:
        counts = _run(batch, _json_lines if arguments.json_progress else _silent)
    else:
        _announce(batch)
        counts = _run(batch, _display())
        _conclude(batch, counts)
    return counts.exit_code(arguments.fail_exit)


def _display() -> Display:
    return _bar if sys.stdout.isatty() else _lines


def _run(batch: Batch, display: Display, also: Callable[[Inspection], None] = lambda _: None) -> Counts:
    """Run the batch with its log file beside its results."""
    counts = Counts()
    with _log_file(batch.output_dir), closing(run_batch(batch)) as finished, display(len(batch.images)) as show:
        try:
            for done in finished:
                counts = counts.plus(done.inspection, done.resumed)
                show(done.inspection, counts)
                also(done.inspection)
        except (WriteFailed, KeyboardInterrupt) as error:
            logger.error("Batch ended early: %s", printable(str(error)) or "interrupted")
            raise
        logger.info("Batch finished: %s", _in_words(counts))
    return counts


class _LogFile(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing: a disk without room for the log has none for the next result, which ends the batch."""


@contextmanager
def _log_file(folder: Path) -> Iterator[None]:
    """Everything the program logs goes to the log file of the day, after what is there already."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = _LogFile(folder / f"inspection_{datetime.now():%Y-%m-%d}.log", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{error.filename} cannot be written: {error.strerror}") from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    top = logging.getLogger("dscope")
    top.setLevel(logging.INFO)
    top.addHandler(handler)
    try:
        yield
    finally:
        top.removeHandler(handler)
        with suppress(OSError):
            handler.close()


def _announce(batch: Batch) -> None:
    print(f"{len(batch.images)} images, profile {batch.config.profile}, results in {batch.output_dir}")
    for limits in batch.unconfirmed:
        print(f"Note: {UNCONFIRMED.format(limits)}")


def _conclude(batch: Batch, counts: Counts) -> None:
    print(f"{len(batch.images)} images: {_in_words(counts)}")
    print(f"Results: {batch.output_dir / SUMMARY}")
    for warning in batch.warnings[:MOST_WARNINGS]:
        print(f"Warning: {warning}")
    if len(batch.warnings) > MOST_WARNINGS:
        print(f"and {len(batch.warnings) - MOST_WARNINGS} more warnings in the log")


def _in_words(counts: Counts) -> str:
    resumed = f"; {counts.resumed} finished before" if counts.resumed else ""
    return (
        f"{counts.passed} PASS, {counts.failed} FAIL, {counts.not_graded} NOT_GRADED"
        f" ({counts.not_measured} could not be measured){resumed}"
    )


def _line(inspection: Inspection) -> str:
    reasons = inspection.verdict.reasons
    return printable(f"{inspection.image.file}: {inspection.verdict.status}{', ' + reasons[0] if reasons else ''}")


@contextmanager
def _silent(_total: int) -> Iterator[Show]:
    yield lambda inspection, counts: None


@contextmanager
def _lines(total: int) -> Iterator[Show]:
    def show(inspection: Inspection, counts: Counts) -> None:
        print(f"[{counts.done}/{total}] {_line(inspection)}", flush=True)

    yield show


@contextmanager
def _json_lines(total: int) -> Iterator[Show]:
    """For other programs: one object for each image, in one line."""

    def show(inspection: Inspection, counts: Counts) -> None:
        verdict = {"file": inspection.image.file, "status": inspection.verdict.status}
        said = {"done": counts.done, "total": total, **verdict, "reasons": inspection.verdict.reasons}
        print(json.dumps(said | {"counts": asdict(counts)}), flush=True)

    yield show


@contextmanager
def _bar(total: int) -> Iterator[Show]:
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


# --- stored results


def _regrade(arguments: argparse.Namespace) -> int:
    """Judge stored results again; exit code 0 whatever the verdicts."""
    wanted = checked_regrading(arguments)
    console = Console(quiet=arguments.quiet)
    console.print(Text(f"{len(wanted.paths)} stored results in {wanted.folder}"))
    for warning in wanted.warnings:
        console.print(Text(f"Warning: {warning}"))
    with _log_file(wanted.folder):
        if arguments.compare:
            yields, path = compare(wanted)
            console.print(*_yield_tables(yields), Text(f"Table: {path}"), sep="\n")
        else:
            _show_outcome(regrade_folder(wanted), console)
    return 0


def _yield_tables(yields: Sequence[Yield]) -> list[Table]:
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
    numbers = (Column(name, justify="right") for name in ("PASS", "FAIL", "not graded", "marginal", "yield %"))
    return Table(Column("class", no_wrap=True), "conf.", *numbers, title=edition, title_justify="left", box=None)


def _show_outcome(outcome: Outcome, console: Console) -> None:
    for note in outcome.notes:
        console.print(Text(f"Note: {note}"))
    if outcome.changed:
        console.print(_change_table(outcome.changed))
    counts = ", ".join(f"{count} {status}" for status, count in outcome.counts.items())
    lost = f" ({outcome.unreadable} of unreadable records)" if outcome.unreadable else ""
    console.print(Text(f"{counts}{lost}; {len(outcome.changed)} otherwise than before"))
    console.print(Text(f"Summary: {outcome.summary}\nChanges: {outcome.changes}"))


def _change_table(rows: Sequence[Record]) -> Table:
    table = Table(Column("Image", no_wrap=True), "Before", "After", "Changed by")
    for row in rows[:MOST_CHANGES]:
        shown = ("Image_Filename", "Status_Before", "Status_After", "Changed_By")
        table.add_row(*(Text(printable(row[name])) for name in shown))
    if len(rows) > MOST_CHANGES:
        table.add_row(f"and {len(rows) - MOST_CHANGES} more")
    return table


# --- the camera


def _capture(arguments: argparse.Namespace) -> int:
    """Take pictures and print where each is."""
    for path in take_series(checked_series(arguments)):
        print(path, flush=True)
    return 0


def _flat_field(arguments: argparse.Namespace) -> int:
    """Take the flat field, and say what is left to do."""
    wanted = checked_flat_field(arguments)
    take_flat_field(wanted)
    print(f"Flat field: {wanted.path}")
    if not wanted.is_used:
        print("Pictures are divided by it once preprocessing.flat_field_image of the configuration names it.")
    return 0


def _cameras(arguments: argparse.Namespace) -> int:
    """List the cameras; store the settings of the configuration in one if that is asked for."""
    if arguments.save_user_set is not None:
        with open_camera(checked_config(arguments).camera) as camera:
            camera.save_user_set(arguments.save_user_set)
            print(f"camera {camera.info}: its settings are stored as {arguments.save_user_set}, it starts with them")
        return 0
    cameras = list_cameras()
    if not cameras:
        raise CameraError(NO_CAMERA)
    for found in cameras:
        print(*filter(None, (found.model, found.serial, found.name)), sep="  ")
    return 0


# --- the demo


def _demo(arguments: argparse.Namespace) -> int:
    """Render the samples, inspect them, and compare each verdict with the one it must get."""
    folder = check_output_folder(arguments.output_dir)
    load_config(CONFIG)  # what is wrong with it is told before anything is written
    pictures, manifest, results = folder / "images", folder / "manifest.csv", folder / "results"
    print(f"Rendering the samples into {pictures}")
    write_samples(pictures, manifest, demo_faces())
    words = [f"--input-dir={pictures}", f"--output-dir={results}", f"--manifest={manifest}"]
    batch = checked_batch(make_parser().parse_args(["inspect", *words]))
    _announce(batch)
    seen: list[Inspection] = []
    _run(batch, _display(), seen.append)
    Console().print(_comparison(seen))
    print(f"Pictures with their marks: {results}")
    return UNFINISHED if any(map(_differs, seen)) else 0


def _comparison(inspections: Sequence[Inspection]) -> Table:
    table = Table(Column("Image", no_wrap=True), "Expected", "Verdict", "Why")
    for inspection in inspections:
        verdict = inspection.verdict
        cells = (inspection.image.file, _expected(inspection), verdict.status, *verdict.reasons[:1])
        table.add_row(*map(Text, cells), style="bold red" if _differs(inspection) else None)
    return table


def _expected(inspection: Inspection) -> str:
    return inspection.request.carried.get("expected", "")


def _differs(inspection: Inspection) -> bool:
    return inspection.verdict.status != _expected(inspection)


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "inspect": _inspect,
    "regrade": _regrade,
    "capture": _capture,
    "flatfield": _flat_field,
    "cameras": _cameras,
    "demo": _demo,
}

if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a file name may hold what the terminal cannot show
    sys.exit(main())
