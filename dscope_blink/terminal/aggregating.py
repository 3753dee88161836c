"""Brings several detections of a face together: `aggregate SOURCE_DIR ... --output-dir OUT`."""

from __future__ import annotations

import argparse
import difflib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from dscope_blink.batch.aggregating import Aggregating, check_apart, in_folder, run_aggregation
from dscope_blink.batch.executors import workers_here
from dscope_blink.batch.face_results import FaceDone, FaceJob
from dscope_blink.batch.face_sources import FoundFaces, find_faces
from dscope_blink.batch.job import Job
from dscope_blink.config.problems import Problems
from dscope_blink.config.settings import Config
from dscope_blink.records import LogLine, UserError, printable
from dscope_blink.reporting.batch_reports import reports_of
from dscope_blink.reporting.batch_totals import Totals
from dscope_blink.terminal.arguments import (
    PictureRequest,
    check_input_folder,
    check_output_folder,
    check_packages,
    check_workers,
    checked_request,
    reporting_of,
)
from dscope_blink.terminal.events import Told, events_of, refusals
from dscope_blink.terminal.progress import in_words, silent
from dscope_blink.terminal.running import UNFINISHED, complain
from dscope_blink.terminal.showing import Ran, code_of, counted, display_of, run_shown
from dscope_blink.terminal.starting import missing_packages, program_name
from dscope_blink.terminal.tables import batch_tables, console_of, print_line, print_warnings

MOST_FLIPS = 10  # shown; the aggregate of each face has its own
MOST_NEAR, NEAR = 3, 0.5  # names that are suggested for one that no source knows, and how like it they are


@dataclass(slots=True)
class Tally:
    """What the faces of a run come to, beside their verdicts."""

    reported: int = 0
    marks: int = 0
    sources: int = 0
    flips: list[str] = field(default_factory=list)  # a line for each face whose verdict one source decides
    lines: set[LogLine] = field(default_factory=set)

    def add(self, done: FaceDone) -> None:
        """Count one more face."""
        facts = done.facts
        self.reported += facts.reported
        self.marks += facts.marks
        self.sources += facts.sources
        self.lines.update(facts.log)
        if facts.flips:
            self.flips.append(f"{done.name}: {', '.join(facts.flips)}")

    @property
    def errors(self) -> int:
        """Files and faces that could not be used."""
        return sum(line.severity == "error" for line in self.lines)


def aggregate_sources(arguments: argparse.Namespace) -> int:
    """Aggregate, print what came out and where it is written; the exit code is that of `inspect`.

    It is 1 also where a source could not be used, as the integrity log tells.
    """
    with refusals(arguments):
        run = checked_aggregating(arguments)
    tally, total, config = Tally(lines=set(run.log)), len(run.faces), run.job.job.config

    with events_of(Told(run.output_dir, config, total), arguments) as events:

        def also(done: FaceDone, totals: Totals) -> None:
            tally.add(done)
            events.picture(done, totals)

        events.start()
        is_silent = arguments.quiet or arguments.json_progress
        console = console_of(is_silent)
        _announce(console, run)
        ran = run_shown(run_aggregation(run), run.output_dir, total, silent if is_silent else display_of(total), also)
        _conclude(console, run, ran, tally)
        code = _code(run, ran, tally, code_of(ran, arguments.fail_exit, events.failed_hooks, "face"))
        events.end(ran.totals, code)
    return code


def _code(run: Aggregating, ran: Ran, tally: Tally, code: int) -> int:
    if not tally.errors:
        return code
    told = f"{counted(tally.errors, 'source')} or faces could not be used: {run.integrity_log}"
    complain(program_name(), told, UNFINISHED)
    return code if code not in (0, 3) else UNFINISHED


def _announce(console: Console, run: Aggregating) -> None:
    files = sum(len(face.sources) for face in run.faces)
    what = f"{counted(len(run.faces), 'face')}, seen in {counted(files, 'file')}"
    print_line(console, f"{what}, profile {run.job.job.config.profile}, results in {run.output_dir}")
    print_warnings(console, run.warnings)


def _conclude(console: Console, run: Aggregating, ran: Ran, tally: Tally) -> None:
    print_line(console, f"{counted(ran.totals.images, 'face')}: {in_words(ran.totals)}")
    for table in batch_tables(ran.totals):
        console.print("", table)
    console.print()
    for line in _said(tally):
        print_line(console, line)
    reporting = run.job.job.config.reporting
    for report in (path for path in reports_of(run.output_dir, reporting) if path.exists()):
        print_line(console, f"Report: {report}")
    print_line(console, f"Integrity log: {run.integrity_log} ({_in_words(tally.lines)})")
    print_line(console, f"Results: {run.output_dir}")


def _said(tally: Tally) -> Iterator[str]:
    yield f"Marks: {tally.marks}, merged from {tally.reported} that {counted(tally.sources, 'source')} of faces report"
    if tally.flips:
        yield f"Verdicts that would be another without one source: {len(tally.flips)}"
        yield from (f"  {line}" for line in tally.flips[:MOST_FLIPS])
        if len(tally.flips) > MOST_FLIPS:
            yield f"  and {len(tally.flips) - MOST_FLIPS} more"


def _in_words(lines: set[LogLine]) -> str:
    counts = Counter(line.severity for line in lines)
    said = [counted(counts["error"], "error"), counted(counts["warning"], "warning")]
    return ", ".join([*said, f"{counts['info']} for information"])


# --- what was asked


def checked_aggregating(arguments: argparse.Namespace) -> Aggregating:
    """Check what was asked of `aggregate`; UserError with one line for every problem."""
    problems = Problems()
    folders = [problems.attempt(Path(), _check_source, text) for text in arguments.sources]
    output_dir = problems.attempt(Path(), check_output_folder, arguments.output_dir)
    pictures = None
    if arguments.input_dir is not None:
        pictures = problems.attempt(None, check_input_folder, arguments.input_dir)
    workers = None if arguments.workers is None else problems.attempt(0, check_workers, arguments.workers)
    asked = problems.attempt(None, checked_request, arguments)
    problems.raise_if_any()
    assert asked is not None, "without settings there was a problem"
    check_apart(folders, output_dir)
    config = _writing(asked.config, arguments)
    _check_packages(config)
    found = _found(folders, arguments.image, config)
    return Aggregating(
        _job(asked, config, output_dir, pictures),
        in_folder(found.faces, output_dir),
        found.log,
        workers=next(count for count in (workers, config.batch.workers, workers_here()) if count is not None),
        scheduler=arguments.scheduler,
        resume=arguments.resume,
    )


def _check_packages(config: Config) -> None:
    """UserError unless what brings outlines together is there, too: else every face is an internal error."""
    if missing := missing_packages(("shapely", "sklearn")):
        raise UserError("\n".join(missing))
    check_packages(config.reporting)


def _job(asked: PictureRequest, config: Config, output_dir: Path, pictures: Path | None) -> FaceJob:
    job = Job(output_dir, config, asked.calibration, *asked.hashes)
    return FaceJob(job, asked.request, pictures, asked.manifest)


def _writing(config: Config, arguments: argparse.Namespace) -> Config:
    """With the reports that are asked for; what the search of one picture alone gives is none of an aggregate."""
    reporting = replace(reporting_of(config.reporting, arguments), agreement=False, cells=False)
    return replace(config, reporting=reporting)


def _check_source(text: str) -> Path:
    """A folder of results that can be read."""
    folder = Path(text).expanduser().absolute()  # a worker of a cluster may have been started in another folder
    if not text or not os.path.isdir(folder):
        raise UserError(f"results folder {text}: {'not a folder' if os.path.exists(folder) else 'no such folder'}")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise UserError(f"results folder {text}: no permission to read it")
    return folder


def _found(folders: Sequence[Path], image: str | None, config: Config) -> FoundFaces:
    found = find_faces(folders, image, config)
    if found.faces or image is None:
        return found
    names = [face.name for face in find_faces(folders, None, config).faces]
    near = difflib.get_close_matches(image, names, MOST_NEAR, cutoff=NEAR)
    hint = f"; near it are {', '.join(near)}" if near else f"; {counted(len(names), 'face')} there"
    raise UserError(printable(f"--image {image}: no source has seen such a face{hint}"))
