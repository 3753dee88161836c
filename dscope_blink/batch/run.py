"""Many images and their results on disk, wherever they are inspected; one failure never stops the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dscope_blink.analysis.rejudging import load_trusted
from dscope_blink.batch.crew import Workers, job_at
from dscope_blink.batch.finishing import Plan, finish, rounds_of
from dscope_blink.batch.job import Job, fail_file, inspect_file, is_finished, reference_of
from dscope_blink.batch.whole_results import remove_unfinished
from dscope_blink.batch.whole_run import Done, run_into
from dscope_blink.files.names import RESULT, SUMMARY
from dscope_blink.files.picture_folders import remember_folders
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.watching import Watched
from dscope_blink.image_processing.face_comparison import drift_of
from dscope_blink.records import UNCONFIRMED, Inspection, Notice
from dscope_blink.records.stored import BadRecord
from dscope_blink.reporting.batch_totals import Totals
from dscope_blink.reporting.tables import summary_row

FEW = 8  # images are inspected before another process has started
MODULES = ("dscope_blink.batch.job",)  # what a process imports once, before its first image

logger = logging.getLogger("dscope.batch")


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything a batch needs, checked; nothing has been written yet."""

    job: Job  # what is asked of every image
    images: tuple[ImageFile, ...]
    warnings: tuple[str, ...] = ()  # about the folder and the manifest
    workers: int = 0  # processes of this machine; 0: this one alone
    scheduler: str | None = None  # address of a Dask scheduler, whose workers are used instead
    resume: bool = False  # what an earlier run has finished is kept
    watched: Watched | None = None  # a folder whose pictures are inspected as they come, instead of `images`

    @property
    def summary(self) -> Path:
        """Where its table is written."""
        return self.job.output_dir / SUMMARY

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """Edition and class of the limits asked for that are not confirmed."""
        requests = self.watched.requests if self.watched else (image.request for image in self.images)
        asked = sorted({(request.edition, request.fiber_class) for request in requests})
        return tuple(" ".join(pair) for pair in asked if not self.job.config.criteria.find(*pair).confirmed)


NONE_GRADED = 4  # exit code


def exit_code(totals: Totals, fail_exit: bool) -> int:
    """0 every image was measured, 1 some could not be or lack a file, 3 some failed and the caller asked to know.

    4, whatever else there is: not one of the images could be graded.
    """
    if totals.images and not totals.graded:
        return NONE_GRADED
    if totals.not_measured or totals.not_drawn:
        return 1
    return 3 if fail_exit and totals.statuses["FAIL"] else 0


def run_batch(batch: Batch) -> Generator[Done]:
    """Inspect the pictures and write the results of each, the summary as it grows.

    The summary is complete for all finished pictures however the batch ends, in the order of the batch. The reports of
    the whole batch are written once all are finished or KeyboardInterrupt ends it; of a watched folder also while it
    rests.

    Parameters
    ----------
    batch : what to do; its output folder is made if need be

    Yields
    ------
    Done of each picture, in the order in which they are finished

    Raises
    ------
    UserError : another run writes to the output folder, its file system has no locks, or no scheduler answers
    WriteFailed : a result cannot be written (disk full, no permission)
    ReportsNotWritten : all is done but these reports of the whole batch
    """
    yield from run_into(
        batch.job.output_dir,
        batch.job.config,
        partial(_numbered, batch),
        (*batch.warnings, *map(UNCONFIRMED.format, batch.unconfirmed)),
        reports_when_interrupted=batch.watched is None,
    )


def _numbered(batch: Batch, at_rest: Callable[[], None]) -> Generator[tuple[int, Done]]:
    totals, model = Totals(), reference_of(batch.job)
    remember_folders(batch.job.output_dir, batch.images, batch.watched.folder if batch.watched else None)
    rounds = rounds_of(batch.images, batch.watched, at_rest)
    with closing(finish(_plan(batch), rounds, batch.watched is not None)) as finished:
        for number, image, done in finished:
            totals.add(done.inspection)
            yield number, replace(done, name=image.name)
    for line in () if model is None else drift_of(totals.newest, model):
        logger.warning("the batch drifts away from the model: %s", line)


def _kept(job: Job, image: ImageFile) -> Done | None:
    stored = _finished_before(job, image)
    return None if stored is None else Done(stored, summary_row(stored), resumed=True)


def _finished_before(job: Job, image: ImageFile) -> Inspection | None:
    try:
        stored = load_trusted(Path(str(job.output_dir / image.name) + RESULT), job.config)
    except BadRecord:
        return None
    return stored if stored.is_verified and is_finished(job, image, stored) else None


def _plan(batch: Batch) -> Plan[ImageFile, Done]:
    job = batch.job
    workers = Workers(job.config.batch, batch.workers, batch.scheduler, MODULES, FEW)
    return Plan(
        workers,
        job_at(workers, partial(_inspect, job), job.output_dir),
        partial(_failed, job),
        lambda image: remove_unfinished(str(job.output_dir / image.name)),
        partial(_kept, job) if batch.resume else None,
        lambda image: image.file,
        "images",
    )


def _inspect(job: Job, item: tuple[int, ImageFile]) -> Done:
    inspection = inspect_file(job, item[1])
    return Done(inspection, summary_row(inspection))


def _failed(job: Job, image: ImageFile, reason: Notice) -> Done:
    inspection = fail_file(job, image, reason)
    return Done(inspection, summary_row(inspection))
