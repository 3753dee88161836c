"""Where jobs run, behind the interface of concurrent.futures: here, in processes of this machine, on a Dask cluster."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from functools import cache
from itertools import islice
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import cv2
from pebble import ProcessExpired, ProcessPool

from dscope_blink.batch.memory_budget import limit_memory
from dscope_blink.records import VERSION, UserError

P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item")

QUEUED_PER_WORKER = 2  # one that runs and one that waits: results stream, and memory does not grow with the batch


class Lost(Exception):
    """The process that ran a job has ended before it: killed, out of memory, or crashed."""


class Processes(Executor):
    """Processes of this machine; one that ends or hangs costs its own job only.

    Parameters
    ----------
    count : number of processes
    time_limit_s : after which a job's process is ended, and the job raises TimeoutError
    modules : what a process imports before its first job
    memory_mb : more than this beyond what it begins with no process may take; None: no limit
    """

    def __init__(
        self, count: int, time_limit_s: float, modules: Sequence[str] = (), memory_mb: int | None = None
    ) -> None:
        self._time_limit_s = time_limit_s
        self._pool: Any = ProcessPool(
            max_workers=count, initializer=_prepare, initargs=(memory_mb,), context=_context(modules)
        )

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The future of one job."""
        future: Future[T] = self._pool.schedule(fn, args=args, kwargs=kwargs, timeout=self._time_limit_s)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; with `cancel_futures` whatever they do."""
        if cancel_futures:
            self._pool.stop()
        else:
            self._pool.close()
        self._pool.join()


def _context(modules: Sequence[str]) -> BaseContext:
    """A fork of this process would inherit the locks of its threads; a server that is forked instead has none."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver  # which only some systems have

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(modules))
    with _importing_this_program():
        forkserver.ensure_running()
    return context


@contextlib.contextmanager
def _importing_this_program() -> Iterator[None]:
    """What is started now finds this package, and none that lies in the folder in which the user stands."""
    before = {name: os.environ.get(name) for name in ("PYTHONSAFEPATH", "PYTHONPATH")}
    path = os.pathsep.join(filter(None, (str(PROGRAM_FOLDER), before["PYTHONPATH"])))
    os.environ |= {"PYTHONSAFEPATH": "1", "PYTHONPATH": path}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


PROGRAM_FOLDER = Path(__file__).resolve().parents[2]


def _prepare(memory_mb: int | None) -> None:
    """Ctrl-C is the parent's business, and so is what is logged: no warning reaches the terminal from here."""
    limit_memory(memory_mb)
    logging.captureWarnings(True)
    logging.getLogger().addHandler(logging.NullHandler())
    signal.signal(signal.SIGINT, signal.SIG_IGN)


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


@contextlib.contextmanager
def on_cluster(address: str) -> Iterator[tuple[Executor, int]]:
    """The workers of a running Dask scheduler, and how many threads they have.

    Raises
    ------
    UserError : distributed is not installed, or no scheduler answers
    """
    try:
        from distributed import Client
    except ImportError:
        raise UserError("--scheduler needs the package distributed, which the extra `cluster` installs") from None
    try:
        client: Any = Client(address, timeout=SCHEDULER_TIMEOUT_S)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise UserError(f"--scheduler {address}: no scheduler answers there: {error}") from None
    with client:
        _check_program(client, address)
        threads = sum(worker["nthreads"] for worker in client.scheduler_info(n_workers=-1)["workers"].values())
        if not threads:
            raise UserError(f"--scheduler {address}: it has no workers")
        yield client.get_executor(), threads


SCHEDULER_TIMEOUT_S = 10


def _check_program(client: Any, address: str) -> None:
    """UserError unless the scheduler and all workers find this very version of the program."""
    try:
        found = {client.submit(_version, pure=False).result(), *client.run(_version).values()}
    except (RuntimeError, ImportError, AttributeError) as error:
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
    executor: Executor, job: Callable[[Item], Any], items: Iterable[Item], at_once: int
) -> Iterator[tuple[Item, Future[Any]]]:
    """Submit jobs as others finish, and yield each with its finished future, in the order in which they end.

    Parameters
    ----------
    executor : where they run
    job : picklable, where the executor needs that
    items : read only as far as jobs can be queued
    at_once : jobs that are queued or running at any moment
    """
    waiting = iter(items)
    pending: dict[Future[Any], Item] = {executor.submit(job, item): item for item in islice(waiting, at_once)}
    while pending:
        finished, _ = wait(pending, return_when=FIRST_COMPLETED)
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
    if isinstance(error, ProcessExpired):
        raise Lost(f"its process ended with code {error.exitcode}")
    raise Lost(f"{type(error).__name__}: {error}") from error  # of pickle, of Dask, or of another program there
