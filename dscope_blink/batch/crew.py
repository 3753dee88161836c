"""Who does the jobs of a run: this process, processes of this machine, or the workers of a Dask scheduler."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar

from dscope_blink.batch.executors import (
    QUEUED_PER_WORKER,
    as_completed,
    on_cluster,
    own_time_limit,
    result_of,
    tune_process,
)
from dscope_blink.batch.processes import Lost, Processes
from dscope_blink.config.settings import BatchSettings
from dscope_blink.files.generations import Generation, belonging_to, current
from dscope_blink.files.syncing import syncing
from dscope_blink.files.whole_files import TEMPORARY
from dscope_blink.records import Notice, notice, printable

Item = TypeVar("Item")
Done = TypeVar("Done")
OneDone = TypeVar("OneDone", bound="WithLog")
Kept: TypeAlias = tuple[logging.LogRecord, ...]


class WithLog(Protocol):
    """What a job has done: a data class, with what was logged about it elsewhere."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def log(self) -> Kept:
        """Of another process."""


logger = logging.getLogger("dscope.batch")


@dataclass(frozen=True, slots=True)
class Workers:
    """Who is to do the jobs of a run, and how long and often one is tried."""

    settings: BatchSettings
    count: int = 0  # processes of this machine; 0: this one alone
    scheduler: str | None = None  # address of a Dask scheduler, whose workers are used instead
    modules: tuple[str, ...] = ()  # what a process imports once, before its first job
    few: int = 1  # jobs are done before another process has started


@dataclass(frozen=True, slots=True)
class Crew:
    """Where jobs run."""

    executor: Executor
    at_once: int  # jobs that are waiting or under way
    check: Callable[[], None] = lambda: None  # raises where nobody does jobs any more


def job_at(
    workers: Workers, here: Callable[[tuple[int, Item]], OneDone], folder: Path
) -> Callable[[tuple[int, Item]], OneDone]:
    """The job of a run as it is to be done where its workers are.

    Parameters
    ----------
    workers : who is to do it
    here : the job in this process; takes the number of an item and the item, and travels
    folder : of the results, where a job on a cluster leaves its mark

    Returns
    -------
    The same job; what another process logs comes back with what it has done
    """
    if workers.scheduler is not None:
        return partial(_on_cluster, here, workers.settings, folder)
    return partial(_there, here) if workers.count else here


def _there(here: Callable[[tuple[int, Item]], OneDone], item: tuple[int, Item]) -> OneDone:
    """In another process."""
    done, log = with_log(lambda: here(item))
    return replace(done, log=log)


def _on_cluster(
    here: Callable[[tuple[int, Item]], OneDone], settings: BatchSettings, folder: Path, item: tuple[int, Item]
) -> OneDone:
    """In a process of another program, which sets no limit of time."""
    return in_time(lambda: _there(here, item), settings, folder, item[0])


def finished_of(
    left: dict[int, Item], before: Callable[[Item], Done | None], what: str
) -> Iterator[tuple[int, Item, Done]]:
    """What an earlier run has finished, each of which is taken out of what is left to do.

    Parameters
    ----------
    left : what is to be done, by the numbers of the run
    before : what was done of one; None: nothing that can be kept
    what : they are, in the log
    """
    items = dict(left)
    for number, item in items.items():
        done = before(item)
        if done is not None:
            del left[number]
            yield number, item, done
    logger.info("Resumed: %d of %d %s were finished before", len(items) - len(left), len(items), what)


@contextmanager
def crew_of(workers: Workers, jobs: int) -> Iterator[Crew]:
    """The executor of the jobs of a run; what it is doing is finished, unless the run ends early.

    Parameters
    ----------
    workers : who is to do them
    jobs : how many there will be: few need few processes

    Raises
    ------
    UserError : no scheduler answers, or it has no workers
    """
    if workers.scheduler is not None:
        with on_cluster(workers.scheduler, workers.settings.no_workers_s) as cluster:
            yield Crew(cluster.executor, cluster.threads * QUEUED_PER_WORKER, cluster.check)
    elif workers.count == 0:
        with ThreadPoolExecutor(1) as thread:
            yield Crew(thread, 1)
    else:
        count = min(workers.count, -(-jobs // workers.few) or 1)
        with _processes(count, workers) as processes:
            yield Crew(processes, count * QUEUED_PER_WORKER)


@contextmanager
def _processes(count: int, workers: Workers) -> Iterator[Executor]:
    limits, finished = workers.settings, False
    executor = Processes(count, limits.time_limit_s, workers.modules, limits.memory_mb)
    try:
        yield executor
        finished = True
    finally:
        executor.shutdown(cancel_futures=not finished)


def do_all(
    crew: Crew,
    job: Callable[[tuple[int, Item]], Done],
    items: Mapping[int, Item],
    begun: dict[int, Item],
    settings: BatchSettings,
    name_of: Callable[[Item], str],
) -> Iterator[tuple[int, Item, Done | Notice]]:
    """Do a job for each item; what is lost is tried again as often as the configuration has it.

    Parameters
    ----------
    crew : where
    job : takes the number of an item and the item
    items : by their numbers
    begun : each item is put into it when it is queued; whoever takes its outcome takes it out
    settings : limit of time, and how often what is lost is tried again
    name_of : how the log calls an item

    Yields
    ------
    Number, item and what the job returned, or the reason why it was given up; in the order in which they end
    """
    why: dict[int, Lost] = {}
    job = in_run(job, settings)
    for attempt in range(settings.retries + 1):
        lost: dict[int, Item] = {}
        for (number, item), future in completed(crew, job, _noted(items, begun)):
            outcome: Done | Notice
            try:
                outcome = result_of(future)
            except TimeoutError:
                outcome = notice("time_limit", f"more than {settings.time_limit_s:g} s")
            except Lost as error:
                logger.error("%s: lost, %s (attempt %d)", printable(name_of(item)), error, attempt + 1)
                lost[number], why[number] = item, error
                continue
            yield number, item, outcome
        items = lost
    tried = f"tried {settings.retries + 1} times" if settings.retries else "tried once"
    for number, item in items.items():
        yield number, item, notice("internal_error", f"{why[number]} ({tried})")


def completed(crew: Crew, job: Callable[[Item], Any], items: Iterable[Item]) -> Iterator[tuple[Item, Future[Any]]]:
    """Each item with its finished future, as `as_completed` gives them."""
    return as_completed(crew.executor, job, items, crew.at_once, crew.check)


def in_run(job: Callable[[Item], Done], settings: BatchSettings) -> Callable[[Item], Done]:
    """The job of the run that goes on now, wherever it is done: what it writes is of that run, and synced or not."""
    return partial(_in_run, job, settings.sync, current())


def _in_run(job: Callable[[Item], Done], sync: bool, generation: Generation | None, item: Item) -> Done:
    with syncing(sync), belonging_to(generation):
        return job(item)


def _noted(items: Mapping[int, Item], begun: dict[int, Item]) -> Iterator[tuple[int, Item]]:
    """Each item when it is about to be queued."""
    for number, item in items.items():
        begun[number] = item
        yield number, item


def with_log(job: Callable[[], Done]) -> tuple[Done, Kept]:
    """A job in another process, whose log comes back with its result."""
    tune_process()
    logging.getLogger("dscope").setLevel(logging.INFO)
    tops, kept = [logging.getLogger(name) for name in ("dscope", "py.warnings")], _Kept()
    for top in tops:
        top.addHandler(kept)
    try:
        return job(), tuple(kept.records)
    finally:
        for top in tops:
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


def in_time(job: Callable[[], Done], settings: BatchSettings, folder: Path, number: int) -> Done:
    """A job in a process of another program, which sets no limit of time.

    Parameters
    ----------
    job : the job
    settings : with the limit
    folder : of the results, where it leaves its mark
    number : of its item, which no other job has

    Raises
    ------
    TimeoutError : another process was ended by this job
    """
    with own_time_limit(settings.time_limit_s, folder / TEMPORARY.replace("*", f"time-limit-{number}")):
        return job()
