"""Folders of detections to one result for each face; one failure never stops the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path

from dscope_blink.analysis.rejudging import load_trusted
from dscope_blink.batch.aggregate_reports import FaceFacts, read_facts
from dscope_blink.batch.crew import Workers, job_at
from dscope_blink.batch.face_results import FaceDone, FaceJob, aggregate_face, fail_face, is_finished
from dscope_blink.batch.face_sources import Face
from dscope_blink.batch.finishing import Plan, finish
from dscope_blink.batch.whole_results import remove_unfinished
from dscope_blink.batch.whole_run import Own, run_into
from dscope_blink.files.names import AGGREGATE, INTEGRITY_LOG, RESULT, safe_names
from dscope_blink.files.whole_files import write_file, writing
from dscope_blink.records import LogLine, UserError
from dscope_blink.records.stored import BadRecord
from dscope_blink.reporting.csv_files import csv_bytes
from dscope_blink.reporting.tables import integrity_table, summary_row

FEW = 8  # faces are brought together before another process has started
AGGREGATED = Own("aggregate", (INTEGRITY_LOG,))
MODULES = ("dscope_blink.batch.face_results",)  # what a process imports once, before its first face

logger = logging.getLogger("dscope.aggregating")


@dataclass(frozen=True, slots=True)
class Aggregating:
    """Everything that aggregating needs, checked; nothing has been written yet."""

    job: FaceJob  # what is asked of every face
    faces: tuple[Face, ...]
    log: tuple[LogLine, ...] = ()  # what was found wrong with files of no face
    warnings: tuple[str, ...] = ()  # about the folders and the manifest
    workers: int = 0  # processes of this machine; 0: this one alone
    scheduler: str | None = None  # address of a Dask scheduler, whose workers are used instead
    resume: bool = False  # what an earlier run has finished is kept

    @property
    def output_dir(self) -> Path:
        """Where all of it is written."""
        return self.job.job.output_dir

    @property
    def integrity_log(self) -> Path:
        """Where it is written what was wrong with files."""
        return self.output_dir / INTEGRITY_LOG


def check_apart(folders: Sequence[Path], output_dir: Path) -> None:
    """UserError, with a line for each problem, where results would count twice, or replace a source.

    Parameters
    ----------
    folders : of sources
    output_dir : of the results, which may not be there yet
    """
    problems = [*_twice(folders), *_among_sources(folders, output_dir)]
    if problems:
        raise UserError("\n".join(problems))


def _twice(folders: Sequence[Path]) -> Iterator[str]:
    for first, second in combinations(folders, 2):
        one, other = first.resolve(), second.resolve()
        if one == other:
            yield f"results folder {second}: it is named twice"
        elif one in other.parents or other in one.parents:
            yield f"results folders {first} and {second}: one lies in the other, whose results would count twice"


def _among_sources(folders: Sequence[Path], output_dir: Path) -> Iterator[str]:
    """Results there would be sources the next time, or lie where a source lies."""
    out = output_dir.resolve()
    for folder, source in ((folder, folder.resolve()) for folder in folders):
        if out == source:
            yield f"output folder {output_dir}: it is a folder of sources"
        elif source in out.parents:
            yield f"output folder {output_dir}: it lies in the folder of sources {folder}"
        elif out in source.parents:
            yield f"output folder {output_dir}: the folder of sources {folder} lies in it"


def in_folder(faces: Sequence[Face], output_dir: Path) -> tuple[Face, ...]:
    """The faces under names that stay in the output folder, whatever the sources call them."""
    names = safe_names([face.name for face in faces], output_dir)
    return tuple(replace(face, name=name) for face, name in zip(faces, names, strict=True))


def run_aggregation(run: Aggregating) -> Generator[FaceDone]:
    """Bring each face together and write its results, the summary, the integrity log and the reports of them all.

    The summary and the integrity log are complete for all finished faces however the run ends, in the order of the
    faces. A log without lines says that all files were looked at and nothing was wrong with them.

    Yields
    ------
    FaceDone of each face, in the order in which they are finished

    Raises
    ------
    UserError : another run writes to the output folder, its file system has no locks, or no scheduler answers
    WriteFailed : a result cannot be written (disk full, no permission)
    ReportsNotWritten : all is done but these reports of all faces
    """
    yield from run_into(run.output_dir, run.job.job.config, partial(_finish, run), run.warnings, own=AGGREGATED)


def _finish(run: Aggregating, at_rest: Callable[[], None]) -> Generator[tuple[int, FaceDone]]:
    """Every face, and the log of their files."""
    lines: dict[int, tuple[LogLine, ...]] = {}
    try:
        for number, _, done in finish(_plan(run), [dict(enumerate(run.faces))]):
            lines[number] = done.facts.log
            yield number, done
    finally:
        write_integrity_log(run, lines)


def _plan(run: Aggregating) -> Plan[Face, FaceDone]:
    workers = Workers(run.job.job.config.batch, run.workers, run.scheduler, MODULES, FEW)
    return Plan(
        workers,
        job_at(workers, partial(_aggregate, run.job), run.output_dir),
        partial(fail_face, run.job),
        lambda face: remove_unfinished(run.job.start_of(face)),
        partial(_finished_before, run.job) if run.resume else None,
        lambda face: face.name,
        "faces",
    )


def _finished_before(job: FaceJob, face: Face) -> FaceDone | None:
    start = job.start_of(face)
    try:
        stored = load_trusted(Path(start + RESULT), job.job.config)
        if not stored.is_verified or not is_finished(job, face, stored):
            return None
        facts = FaceFacts() if not Path(start + AGGREGATE).exists() else read_facts(Path(start + AGGREGATE))
    except (BadRecord, OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return FaceDone(stored, summary_row(stored), resumed=True, name=face.name, facts=facts)


def _aggregate(job: FaceJob, item: tuple[int, Face]) -> FaceDone:
    return aggregate_face(job, item[1])


def write_integrity_log(run: Aggregating, lines: Mapping[int, tuple[LogLine, ...]]) -> None:
    """One row for each line: those of no face first, then those of the faces in their order.

    Raises
    ------
    WriteFailed : it cannot be written
    """
    told = (*run.log, *(line for number in sorted(lines) for line in lines[number]))
    with writing(run.integrity_log):
        write_file(run.integrity_log, csv_bytes(integrity_table(told), run.job.job.config.reporting.csv_style))
