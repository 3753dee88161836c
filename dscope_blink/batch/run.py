"""Many images and their results on disk, wherever they are inspected; one failure never stops the rest."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TypeAlias

from dscope_blink.batch.executors import (
    QUEUED_PER_WORKER,
    Lost,
    Processes,
    as_completed,
    on_cluster,
    own_time_limit,
    result_of,
    tune_process,
)
from dscope_blink.batch.job import Job, fail_file, inspect_file, is_finished, remove_unfinished
from dscope_blink.files.locking import locked
from dscope_blink.files.names import RESULT, SUMMARY
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.watching import Watched, arrivals
from dscope_blink.files.whole_files import TEMPORARY, writing
from dscope_blink.records import UNCONFIRMED, Inspection, Notice, notice, printable
from dscope_blink.records.stored import BadRecord, load_record
from dscope_blink.reporting.batch_reports import ReportsNotWritten, clear_reports, write_batch_reports
from dscope_blink.reporting.batch_totals import Totals
from dscope_blink.reporting.csv_files import SummaryTable
from dscope_blink.reporting.picture_files import write_summary
from dscope_blink.reporting.stored_results import StoredResults
from dscope_blink.reporting.tables import Row, summary_row

SUMMARY_SHARE = 0.05  # of the time may go into rewriting a summary that grows
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


@dataclass(frozen=True, slots=True)
class Done:
    """One image whose results are on disk."""

    inspection: Inspection
    row: Row  # of the summary
    log: tuple[logging.LogRecord, ...] = ()  # what another process logged about it
    resumed: bool = False
    name: str = ""  # start of the names of its results, relative to the output folder


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
    with locked(batch.job.output_dir):
        _clear(batch.job.output_dir)
        for path in clear_reports(batch.job.output_dir, batch.job.config.reporting):
            logger.warning("%s is of an earlier run, and could not be moved aside", path)
        for warning in (*batch.warnings, *map(UNCONFIRMED.format, batch.unconfirmed)):
            logger.warning(warning)
        summary, names = _Summary(batch.summary, batch.job.config.reporting.csv_style), dict[int, str]()
        reports = _Reports(batch, names)
        try:
            for number, image, done in _finish(batch, reports.renew):
                for record in done.log:
                    logging.getLogger(record.name).handle(record)
                summary.add(number, done.row)
                names[number] = image.name
                yield replace(done, name=image.name)
        except KeyboardInterrupt:
            if batch.watched is None:
                reports.write()  # of what is finished
                raise
        finally:
            summary.write()
        reports.write()


def _clear(folder: Path) -> None:
    """Remove what a run that was killed has left half written."""
    for path in folder.rglob(TEMPORARY):
        path.unlink(missing_ok=True)


Finished: TypeAlias = tuple[int, ImageFile, Done]  # with its number


def _finish(batch: Batch, at_rest: Callable[[], None]) -> Iterator[Finished]:
    """Every image of the batch; those of a watched folder as they come, until someone ends it."""
    under_way: dict[int, ImageFile] = {}
    try:
        yield from _finish_all(batch, under_way, at_rest)
    finally:
        for image in under_way.values() if batch.scheduler is None else ():  # a cluster may still be at them
            remove_unfinished(batch.job, image)


def _finish_all(batch: Batch, under_way: dict[int, ImageFile], at_rest: Callable[[], None]) -> Iterator[Finished]:
    if batch.watched is None:
        left = yield from _resume(batch, dict(enumerate(batch.images)))
        with _crew(batch, len(left)) as crew:
            yield from _inspect_all(batch.job, left, crew, under_way)
        return
    numbers: dict[str, int] = {}  # of the names: a picture that was changed comes again
    with _crew(batch, sys.maxsize) as crew:
        for images in arrivals(batch.watched, at_rest):
            numbered = {numbers.setdefault(image.name, len(numbers)): image for image in images}
            left = yield from _resume(batch, numbered)
            yield from _inspect_all(batch.job, left, crew, under_way)


def _resume(batch: Batch, images: Mapping[int, ImageFile]) -> Generator[Finished, None, Mapping[int, ImageFile]]:
    """What an earlier run has finished, if that is to be kept; returns the others."""
    if not batch.resume:
        return images
    left = dict(images)
    for number, image in images.items():
        stored = _finished_before(batch.job, image)
        if stored is not None:
            del left[number]
            yield number, image, Done(stored, summary_row(stored), resumed=True)
    logger.info("Resumed: %d of %d images were finished before", len(images) - len(left), len(images))
    return left


def _finished_before(job: Job, image: ImageFile) -> Inspection | None:
    try:
        stored = load_record(Path(str(job.output_dir / image.name) + RESULT))
    except BadRecord:
        return None
    return stored if is_finished(job, image, stored) else None


@dataclass(frozen=True, slots=True)
class _Crew:
    """Where the images are inspected."""

    executor: Executor
    inspect: Callable[[Job, tuple[int, ImageFile]], Done]
    at_once: int  # images that are waiting or under way


@contextmanager
def _crew(batch: Batch, images: int) -> Iterator[_Crew]:
    if batch.scheduler is not None:
        with on_cluster(batch.scheduler) as (cluster, threads):
            yield _Crew(cluster, _inspect_on_cluster, threads * QUEUED_PER_WORKER)
    elif batch.workers == 0:
        with ThreadPoolExecutor(1) as thread:
            yield _Crew(thread, _inspect_here, 1)
    else:
        count = min(batch.workers, -(-images // FEW) or 1)
        with _processes(count, batch.job.config.batch.time_limit_s) as processes:
            yield _Crew(processes, _inspect_there, count * QUEUED_PER_WORKER)


@contextmanager
def _processes(count: int, time_limit_s: float) -> Iterator[Executor]:
    """What they are doing is finished, unless the batch ends early."""
    executor, finished = Processes(count, time_limit_s, MODULES), False
    try:
        yield executor
        finished = True
    finally:
        executor.shutdown(cancel_futures=not finished)


def _inspect_all(
    job: Job, images: Mapping[int, ImageFile], crew: _Crew, under_way: dict[int, ImageFile]
) -> Iterator[Finished]:
    """What is lost is tried again as often as the configuration has it, and then recorded as not graded."""
    settings, run, why = job.config.batch, partial(crew.inspect, job), dict[int, Lost]()
    for attempt in range(settings.retries + 1):
        lost: dict[int, ImageFile] = {}
        for (number, image), future in as_completed(crew.executor, run, _noted(images, under_way), crew.at_once):
            try:
                done = result_of(future)
            except TimeoutError:
                done = _failed(job, image, notice("time_limit", f"more than {settings.time_limit_s:g} s"))
            except Lost as error:
                logger.error("%s: lost, %s (attempt %d)", printable(image.file), error, attempt + 1)
                lost[number], why[number] = image, error
                continue
            del under_way[number]
            yield number, image, done
        images = lost
    for number, image in images.items():
        tried = f"tried {settings.retries + 1} times" if settings.retries else "tried once"
        done = _failed(job, image, notice("internal_error", f"{why[number]} ({tried})"))
        del under_way[number]
        yield number, image, done


def _noted(images: Mapping[int, ImageFile], under_way: dict[int, ImageFile]) -> Iterator[tuple[int, ImageFile]]:
    """Each image when it is about to be inspected."""
    for number, image in images.items():
        under_way[number] = image
        yield number, image


def _inspect_here(job: Job, item: tuple[int, ImageFile]) -> Done:
    inspection = inspect_file(job, item[1])
    return Done(inspection, summary_row(inspection))


def _inspect_there(job: Job, item: tuple[int, ImageFile]) -> Done:
    """In another process, whose log comes back with the result."""
    tune_process()
    logging.getLogger("dscope").setLevel(logging.INFO)
    tops, kept = [logging.getLogger(name) for name in ("dscope", "py.warnings")], _Kept()
    for top in tops:
        top.addHandler(kept)
    try:
        return replace(_inspect_here(job, item), log=tuple(kept.records))
    finally:
        for top in tops:
            top.removeHandler(kept)


def _inspect_on_cluster(job: Job, item: tuple[int, ImageFile]) -> Done:
    """In a process of another program, which sets no limit of time."""
    mark = job.output_dir / TEMPORARY.replace("*", f"time-limit-{item[0]}")
    with own_time_limit(job.config.batch.time_limit_s, mark):
        return _inspect_there(job, item)


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


def _failed(job: Job, image: ImageFile, reason: Notice) -> Done:
    inspection = fail_file(job, image, reason)
    return Done(inspection, summary_row(inspection))


class _Summary:
    """The table of the batch. Rewritten as it grows, seldom enough that a long batch does not slow down."""

    def __init__(self, path: Path, csv_style: str) -> None:
        self._path, self._due = path, 0.0
        self._table = SummaryTable(csv_style)

    def add(self, number: int, row: Row) -> None:
        self._table.add(number, row)
        if perf_counter() >= self._due:
            self.write()

    def write(self) -> None:
        started = perf_counter()
        with writing(self._path):
            write_summary(self._path, self._table)
        ended = perf_counter()
        self._due = ended + (ended - started) / SUMMARY_SHARE


class _Reports:
    """The reports of the batch: of a watch renewed whenever the folder rests, as seldom as the summary."""

    def __init__(self, batch: Batch, names: Mapping[int, str]) -> None:
        self._batch, self._names = batch, names
        self._told, self._due = 0, 0.0

    def renew(self) -> None:
        if self._told < len(self._names) and perf_counter() >= self._due:
            try:
                self.write()
            except ReportsNotWritten as error:  # of which the end of the watch tells again
                logger.error("%s", printable(str(error)))

    def write(self) -> None:
        started, folder = perf_counter(), self._batch.job.output_dir
        self._told = len(self._names)
        results = [Path(str(folder / self._names[number]) + RESULT) for number in sorted(self._names)]
        try:
            write_batch_reports(folder, StoredResults(results), self._batch.job.config)
        finally:
            ended = perf_counter()
            self._due = ended + (ended - started) / SUMMARY_SHARE
