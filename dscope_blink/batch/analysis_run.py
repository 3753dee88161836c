"""Pictures beside what good faces are like, many at a time; one failure never stops the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from dscope_blink.batch.analyzing import ANALYSIS_ENDS, Analyzing, analyze_picture, fail_picture, finished_before
from dscope_blink.batch.crew import Workers, job_at
from dscope_blink.batch.finishing import Plan, finish, rounds_of
from dscope_blink.batch.whole_results import remove_unfinished
from dscope_blink.batch.whole_run import Done, Own, run_into
from dscope_blink.files.names import COMPARED_WITH_REFERENCE
from dscope_blink.files.picture_folders import remember_folders
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.whole_files import write_file, writing
from dscope_blink.image_processing.face_comparison import drift_of
from dscope_blink.records import Comparison, Inspection
from dscope_blink.reporting.anomaly_files import comparison_table
from dscope_blink.reporting.csv_files import csv_bytes
from dscope_blink.reporting.tables import summary_row

FEW = 4  # pictures are compared before another process has started
ANALYZED = Own("analyze", (COMPARED_WITH_REFERENCE,), ANALYSIS_ENDS)
MODULES = ("dscope_blink.batch.analyzing",)  # what a process imports once, before its first picture

logger = logging.getLogger("dscope.analyzing")


def run_analysis(run: Analyzing) -> Generator[Done]:
    """Compare each picture and write what came out, then the tables and reports of them all.

    The tables are complete for all finished pictures however the run ends, in the order of the pictures.

    Yields
    ------
    Done of each picture, in the order in which they are finished

    Raises
    ------
    UserError : another run writes to the output folder, its file system has no locks, no scheduler answers, or the
        model was changed
    WriteFailed : a result cannot be written (disk full, no permission)
    ReportsNotWritten : all is done but these reports of all pictures
    """
    yield from run_into(run.job.output_dir, run.job.config, partial(_finish, run), run.warnings, own=ANALYZED)


def _finish(run: Analyzing, at_rest: Callable[[], None]) -> Generator[tuple[int, Done]]:
    """Every picture, the table of them, and whether they drift."""
    told = _Told(run)
    remember_folders(run.job.output_dir, run.images)
    try:
        for number, _, done in finish(_plan(run), rounds_of(run.images, None, at_rest)):
            told.add(number, done.inspection)
            yield number, done
        told.log_drift()
    finally:
        told.write()


class _Told:
    """What is kept of each picture until the end: its row of the table, and what tells of drift."""

    def __init__(self, run: Analyzing) -> None:
        self._run = run
        self._rows = dict[int, Sequence[Any]]()
        self._faces = dict[int, Comparison]()

    def add(self, number: int, done: Inspection) -> None:
        (self._rows[number],) = comparison_table([done]).rows
        self._faces[number] = replace(done.comparison, anomalies=())  # which are most of it

    def log_drift(self) -> None:
        model = self._run.model
        if model is None:
            return
        for line in drift_of([self._faces[number] for number in sorted(self._faces)], model):
            logger.warning("the batch drifts away from the model: %s", line)

    def write(self) -> None:
        job = self._run.job
        rows = [self._rows[number] for number in sorted(self._rows)]
        path, table = job.output_dir / COMPARED_WITH_REFERENCE, replace(comparison_table([]), rows=rows)
        with writing(path):
            write_file(path, csv_bytes(table, job.config.reporting.csv_style))


def _plan(run: Analyzing) -> Plan[ImageFile, Done]:
    workers = Workers(run.job.config.batch, run.workers, run.scheduler, MODULES, FEW)
    asked = replace(run, images=(), warnings=())  # small, since it travels with each picture
    return Plan(
        workers,
        job_at(workers, partial(_analyze, asked), run.job.output_dir),
        lambda image, reason: _done(fail_picture(run, image, reason), image),
        lambda image: remove_unfinished(run.start_of(image), ANALYSIS_ENDS),
        partial(_kept, run) if run.resume else None,
        lambda image: image.file,
        "images",
    )


def _kept(run: Analyzing, image: ImageFile) -> Done | None:
    before = finished_before(run, image)
    return None if before is None else replace(_done(before, image), resumed=True)


def _done(done: Inspection, image: ImageFile) -> Done:
    return Done(done, summary_row(done), name=image.name)


def _analyze(run: Analyzing, item: tuple[int, ImageFile]) -> Done:
    return _done(analyze_picture(run, item[1]), item[1])
