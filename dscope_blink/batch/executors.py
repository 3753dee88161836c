"""Where jobs run, behind the interface of concurrent.futures: here, in processes of this machine, on a Dask cluster."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import cv2

from dscope_blink.batch.processes import Lost
from dscope_blink.files.whole_files import WriteFailed
from dscope_blink.records import VERSION, UserError

P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item")

QUEUED_PER_WORKER = 2  # one that runs and one that waits: results stream, and memory does not grow with the batch


@cache
def tune_process() -> None:
    """Set up, once, a process that inspects many pictures beside others.

    One thread of OpenCV: with more, the processes would fight for the processors. And freed memory is kept for the next
    picture: Dask lets its workers return each block to the system (MALLOC_TRIM_THRESHOLD_), which takes twice the time.
    """
    cv2.setNumThreads(1)
    with contextlib.suppress(OSError, AttributeError, TypeError):  # only where the C library is that of GNU
        libc = ctypes.CDLL(None)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        libc.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES)


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
KEPT_BYTES, LARGEST_KEPT_BYTES = 256 * 2**20, 32 * 2**20  # the latter is the most that mallopt takes


class ClusterGone(WriteFailed):
    """The scheduler of a cluster, or all of its workers: no more results are written, what was finished is kept."""


class Cluster:
    """A scheduler that answers, and what it is asked now and then."""

    def __init__(self, client: Any, address: str, no_workers_s: float) -> None:
        self._client, self._address, self._no_workers_s = client, address, no_workers_s
        self._seen = time.monotonic()  # when there were workers
        self._ended = threading.Event()
        self.threads = self._threads()  # of all workers
        self.executor: Executor = client.get_executor()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()

    def _threads(self) -> int:
        return sum(worker["nthreads"] for worker in self._client.scheduler_info(n_workers=-1)["workers"].values())

    def _look(self) -> None:
        """In a thread, since whoever asks a scheduler that hangs waits for it."""
        while not self._ended.wait(LOOK_S):
            with contextlib.suppress(Exception):  # of the connection: whoever has none has no workers
                if self._threads():
                    self._seen = time.monotonic()

    def check(self) -> None:
        """ClusterGone where the scheduler was ended, or has had no workers for too long."""
        if self._client.status != "running":
            raise ClusterGone(f"--scheduler {self._address}: the scheduler is gone")
        if time.monotonic() - self._seen > self._no_workers_s:
            raise ClusterGone(f"--scheduler {self._address}: no workers for {self._no_workers_s:g} s")

    def end(self) -> None:
        """Ask no more."""
        self._ended.set()


@contextlib.contextmanager
def on_cluster(address: str, no_workers_s: float) -> Iterator[Cluster]:
    """The workers of a running Dask scheduler.

    Parameters
    ----------
    address : of the scheduler
    no_workers_s : after which a cluster without workers counts as gone

    Raises
    ------
    UserError : distributed is not installed, no scheduler answers, or it has no workers
    """
    try:
        from distributed import Client
    except ImportError:
        raise UserError("--scheduler needs the package distributed, which the extra `cluster` installs") from None
    _speak_to_the_log_file()
    try:
        client: Any = Client(address, timeout=SCHEDULER_TIMEOUT_S)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise UserError(f"--scheduler {address}: no scheduler answers there: {error}") from None
    with contextlib.ExitStack() as stack:
        stack.callback(client.close, timeout=CLOSE_S)
        cluster = Cluster(client, address, no_workers_s)
        stack.callback(cluster.end)
        if not cluster.threads:
            raise UserError(f"--scheduler {address}: it has no workers")
        _check_program(client, address)
        yield cluster


def _speak_to_the_log_file() -> None:
    """Dask prints its log, with tracebacks where a scheduler dies: that is not for the terminal."""
    for name, one in list(logging.root.manager.loggerDict.items()):
        if name.partition(".")[0] in ("distributed", "tornado") and isinstance(one, logging.Logger):
            one.handlers.clear()
            one.propagate = True


SCHEDULER_TIMEOUT_S = 10
VERSION_S = 60  # in which a worker says what it is
CLOSE_S = 2  # for a scheduler that is gone
LOOK_S = 1.0  # from one look after a cluster to the next


def _check_program(client: Any, address: str) -> None:
    """UserError unless the scheduler and all workers find this very version of the program."""
    try:
        found = {client.submit(_version, pure=False).result(timeout=VERSION_S), *client.run(_version).values()}
    except (RuntimeError, ImportError, AttributeError, TimeoutError) as error:
        needed = "scheduler and workers must have this program installed, or be started in its folder"
        raise UserError(f"--scheduler {address}: {needed}: {error}") from None
    if found != {VERSION}:
        raise UserError(f"--scheduler {address}: all machines need version {VERSION}, got {', '.join(sorted(found))}")


def _version() -> str:
    return VERSION


@contextlib.contextmanager
def own_time_limit(limit_s: float, mark: Path) -> Iterator[None]:
    """For a job on a cluster, which itself ends none: after the limit the job ends the process that it runs in.

    The mark it leaves tells the next process, in which the cluster runs the job again, what became of the first.

    Parameters
    ----------
    limit_s : how long the body may take
    mark : a file that all workers see and no other job uses

    Raises
    ------
    TimeoutError : another process was ended by this job
    """
    if mark.exists():
        mark.unlink()
        raise TimeoutError
    timer = threading.Timer(limit_s, _end_process, (mark,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end_process(mark: Path) -> None:
    """No exception reaches a thread that hangs in a library."""
    mark.touch()
    os._exit(1)


def workers_here() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def as_completed(
    executor: Executor,
    job: Callable[[Item], Any],
    items: Iterable[Item],
    at_once: int,
    check: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Item, Future[Any]]]:
    """Submit jobs as others finish, and yield each with its finished future, in the order in which they end.

    Parameters
    ----------
    executor : where they run
    job : picklable, where the executor needs that
    items : read only as far as jobs can be queued
    at_once : jobs that are queued or running at any moment
    check : asked now and then; it raises where no job will end any more
    """
    waiting = iter(items)
    pending: dict[Future[Any], Item] = {executor.submit(job, item): item for item in islice(waiting, at_once)}
    while pending:
        finished, _ = wait(pending, LOOK_S, FIRST_COMPLETED)
        check()
        for future in finished:
            item = pending.pop(future)
            yield item, future
            pending |= {executor.submit(job, item): item for item in islice(waiting, 1)}


def result_of(future: Future[T]) -> T:
    """What a job returned.

    Raises
    ------
    TimeoutError : it took too long
    UserError : it raised that
    Lost : its process ended, or it could not be sent there or back
    """
    try:
        error = future.exception()
    except CancelledError:
        raise Lost("its worker was taken away") from None
    if not isinstance(error, Exception) or isinstance(error, UserError | TimeoutError):
        return future.result()
    if isinstance(error, Lost):
        raise error
    raise Lost(f"{type(error).__name__}: {error}") from error  # of pickle, of Dask, or of another program there
