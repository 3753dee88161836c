"""Many images and their results on disk, wherever they are inspected; one failure never stops the rest."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter

from filelock import BaseFileLock, FileLock, Timeout

from batch_reports import write_batch_reports
from config_loader import Config
from executors import QUEUED_PER_WORKER, Lost, Processes, as_completed, on_cluster, result_of, use_one_thread
from image_files import LOCK, RESULT, SUMMARY, ImageFile, printable
from image_job import Job, fail_file, inspect_file, is_finished, was_measured
from plain_records import Record
from records import UNCONFIRMED, Calibration, Inspection, UserError
from reporting import write_summary
from stored_records import BadRecord, StoredRecord, load_record
from tables import SummaryTable, summary_row, summary_row_of
from whole_files import TEMPORARY, writing

SUMMARY_SHARE = 0.05  # of the time may go into rewriting a summary that grows
IMAGES_PER_PROCESS = 8  # fewer are inspected before another process has started
MODULES = ("image_job",)  # what a process imports once, before its first image

logger = logging.getLogger("dscope.batch")


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything a batch needs, checked; nothing has been written yet."""

    images: tuple[ImageFile, ...]
    output_dir: Path
    config: Config
    calibration: Calibration | None = None
    flat_field_sha256: str | None = None
    plots: bool = True
    warnings: tuple[str, ...] = ()  # about the folder and the manifest
    workers: int = 1  # processes of this machine; 1: this one alone
    scheduler: str | None = None  # address of a Dask scheduler, whose workers are used instead
    resume: bool = False  # what an earlier run has finished is kept

    @property
    def job(self) -> Job:
        """What is asked of every image."""
        return Job(self.output_dir, self.config, self.calibration, self.flat_field_sha256, self.plots)

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """Edition and class of the limits asked for that are not confirmed."""
        asked = sorted({(image.request.edition, image.request.fiber_class) for image in self.images})
        return tuple(" ".join(pair) for pair in asked if not self.config.criteria.find(*pair).confirmed)


@dataclass(frozen=True, slots=True)
class Counts:
    """How a batch went so far."""

    passed: int = 0
    failed: int = 0
    not_graded: int = 0
    not_measured: int = 0  # of those not graded: unreadable, not located, out of focus
    resumed: int = 0  # of all: finished by an earlier run

    def plus(self, inspection: Inspection, resumed: bool = False) -> Counts:
        """The counts with one more image."""
        status = inspection.verdict.status
        return Counts(
            self.passed + (status == "PASS"),
            self.failed + (status == "FAIL"),
            self.not_graded + (status == "NOT_GRADED"),
            self.not_measured + (not was_measured(inspection)),
            self.resumed + resumed,
        )

    @property
    def done(self) -> int:
        """Images that are finished."""
        return self.passed + self.failed + self.not_graded

    def exit_code(self, fail_exit: bool) -> int:
        """0 every image was measured, 1 some could not be, 3 some failed and the caller asked to know."""
        if self.not_measured:
            return 1
        return 3 if fail_exit and self.failed else 0


@dataclass(frozen=True, slots=True)
class Done:
    """One image whose results are on disk."""

    inspection: Inspection
    row: Record  # of the summary
    log: tuple[logging.LogRecord, ...] = ()  # what another process logged about it
    resumed: bool = False


def run_batch(batch: Batch) -> Generator[Done]:
    """Inspect the pictures and write the results of each, the summary as it grows.

    The summary is complete for all finished pictures however the batch ends, in the order of the batch. The reports of
    the whole batch are written once all are finished.

    Parameters
    ----------
    batch : what to do; its output folder is made if need be

    Yields
    ------
    Done of each picture, in the order in which they are finished

    Raises
    ------
    UserError : another run writes to the output folder, or no scheduler answers
    WriteFailed : a result cannot be written (disk full, no permission)
    """
    with _alone(batch.output_dir):
        for warning in (*batch.warnings, *map(UNCONFIRMED.format, batch.unconfirmed)):
            logger.warning(warning)
        summary = _Summary(batch.output_dir / SUMMARY)
        try:
            for number, done in _finish(batch):
                for record in done.log:
                    logger.handle(record)
                summary.add(number, done.row)
                yield done
        finally:
            summary.write()
        results = [Path(str(batch.output_dir / image.name) + RESULT) for image in batch.images]
        write_batch_reports(batch.output_dir, results, batch.config.reporting)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of an output folder, and clear away what a run that was killed has left half written there."""
    lock = FileLock(folder / LOCK)
    with writing(folder / LOCK):
        held = _acquired(lock)
    if not held:
        raise UserError(f"output folder {folder}: another run is writing to it")
    try:
        for path in folder.rglob(TEMPORARY):
            path.unlink(missing_ok=True)
        yield
    finally:
        lock.release()


def _acquired(lock: BaseFileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


def _finish(batch: Batch) -> Iterator[tuple[int, Done]]:
    """Every image of the batch with its number, first those that an earlier run has finished."""
    left = dict(enumerate(batch.images))
    if batch.resume:
        for number, image in enumerate(batch.images):
            stored = _finished_before(batch.job, image)
            if stored is not None:
                del left[number]
                yield number, Done(stored.inspection, summary_row_of(stored.plain), resumed=True)
        logger.info("Resumed: %d of %d images were finished before", len(batch.images) - len(left), len(batch.images))
    with _crew(batch, len(left)) as (executor, workers):
        yield from _inspect_all(batch, left, executor, workers)


def _finished_before(job: Job, image: ImageFile) -> StoredRecord | None:
    path = Path(str(job.output_dir / image.name) + RESULT)
    try:
        stored = load_record(path)
    except BadRecord:
        return None
    return stored if is_finished(job, image, stored.inspection) else None


@contextlib.contextmanager
def _crew(batch: Batch, images: int) -> Iterator[tuple[Executor, int]]:
    """Where the images are inspected, and how many at once."""
    if batch.scheduler is not None:
        with on_cluster(batch.scheduler) as (executor, workers):
            yield executor, workers
        return
    count = min(batch.workers, -(-images // IMAGES_PER_PROCESS))
    if count <= 1:
        with ThreadPoolExecutor(1) as executor:
            yield executor, 1
        return
    executor, finished = Processes(count, batch.config.batch.time_limit_s, MODULES), False
    try:
        yield executor, count
        finished = True
    finally:
        executor.shutdown(cancel_futures=not finished)


def _inspect_all(
    batch: Batch, images: Mapping[int, ImageFile], executor: Executor, workers: int
) -> Iterator[tuple[int, Done]]:
    """What is lost is tried again as often as the configuration has it, and then recorded as not graded."""
    job, here = batch.job, isinstance(executor, ThreadPoolExecutor)
    run = partial(_inspect_here if here else _inspect_there, job)
    at_once = 1 if here else workers * QUEUED_PER_WORKER
    for attempt in range(batch.config.batch.retries + 1):
        lost: dict[int, ImageFile] = {}
        for (number, image), future in as_completed(executor, run, images.items(), at_once):
            try:
                yield number, result_of(future)
            except TimeoutError:
                yield number, _failed(job, image, f"Time limit: more than {batch.config.batch.time_limit_s:g} s")
            except Lost as error:
                logger.error("%s: lost, %s (attempt %d)", printable(image.file), error, attempt + 1)
                lost[number] = image
        images = lost
    for number, image in images.items():
        tried = batch.config.batch.retries + 1
        yield number, _failed(job, image, f"Internal error: the process that inspected it ended, {tried} times")


def _inspect_here(job: Job, item: tuple[int, ImageFile]) -> Done:
    inspection = inspect_file(job, item[1])
    return Done(inspection, summary_row(inspection))


def _inspect_there(job: Job, item: tuple[int, ImageFile]) -> Done:
    """In another process, whose log comes back with the result."""
    use_one_thread()
    top, kept = logging.getLogger("dscope"), _Kept()
    top.setLevel(logging.INFO)
    top.addHandler(kept)
    try:
        return replace(_inspect_here(job, item), log=tuple(kept.records))
    finally:
        top.removeHandler(kept)


class _Kept(logging.Handler):
    """Keeps what is logged, in a form that can travel."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self._formatter.formatException(record.exc_info)}"
        record.msg, record.args, record.exc_info = text, (), None
        self.records.append(record)


def _failed(job: Job, image: ImageFile, reason: str) -> Done:
    inspection = fail_file(job, image, reason)
    return Done(inspection, summary_row(inspection))


class _Summary:
    """The table of the batch. Rewritten as it grows, seldom enough that a long batch does not slow down."""

    def __init__(self, path: Path) -> None:
        self._path, self._due = path, 0.0
        self._table = SummaryTable()

    def add(self, number: int, row: Record) -> None:
        self._table.add(number, row)
        if perf_counter() >= self._due:
            self.write()

    def write(self) -> None:
        started = perf_counter()
        with writing(self._path):
            write_summary(self._path, self._table)
        ended = perf_counter()
        self._due = ended + (ended - started) / SUMMARY_SHARE
