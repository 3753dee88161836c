"""Processes of this machine that do jobs: one that ends, whenever that is, costs no more than the job it was at."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, ParamSpec, TypeAlias, TypeVar

from dscope_blink.batch.memory_budget import limit_memory

P = ParamSpec("P")
T = TypeVar("T")
Job: TypeAlias = Callable[[], Any]

PROGRAM_FOLDER = Path(__file__).resolve().parents[2]
MOST_STARTS = 3  # of one job, whose processes end before it is begun
START_LIMIT_S = 120.0  # for what a process imports, on a busy machine
END_LIMIT_S = 5.0  # for a process that is killed or has nothing to do
DONE, RAISED = "done", "raised"

_STARTING = threading.Lock()  # the environment is changed for a start, and two that ask how a process ended spoil it


class Lost(Exception):
    """The process that ran a job has ended before it: killed, out of memory, or crashed."""


class _NotBegun(Exception):
    """The process has ended before it took the job."""


class Processes(Executor):
    """Processes of this machine, each started when there is a job for it; one that ends or hangs costs its job only.

    The death of one that has nothing to do, or of the server that forks them, costs nothing: others are started.

    Parameters
    ----------
    count : number of processes
    time_limit_s : after which a job's process is ended, and the job raises TimeoutError; by a clock that nobody sets
    modules : what a process imports before its first job
    memory_mb : more than this beyond what it begins with no process may take; None: no limit
    """

    def __init__(
        self, count: int, time_limit_s: float, modules: Sequence[str] = (), memory_mb: int | None = None
    ) -> None:
        self._time_limit_s, self._context, self._memory_mb = time_limit_s, _context(modules), memory_mb
        self._threads = ThreadPoolExecutor(count, "process")  # each waits for one process
        self._lock, self._idle, self._all = threading.Lock(), list[_Worker](), set[_Worker]()
        self._stopped = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The future of one job; Lost where its process ends, or it cannot be sent there or back."""
        return self._threads.submit(self._do, partial(fn, *args, **kwargs))

    def _do(self, job: Job) -> Any:
        for _ in range(MOST_STARTS):
            with contextlib.suppress(_NotBegun), self._worker() as worker:
                return worker.do(job, self._time_limit_s)
        raise Lost(f"{MOST_STARTS} processes ended before it was begun")

    @contextlib.contextmanager
    def _worker(self) -> Iterator[_Worker]:
        """One that is alive and has nothing to do; afterwards it waits for the next job, unless it was ended."""
        worker = self._waiting() or self._started()
        try:
            yield worker
        finally:
            with self._lock:
                (self._idle.append if worker.is_alive else self._all.discard)(worker)

    def _waiting(self) -> _Worker | None:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive:
                    return worker
                self._all.discard(worker)
        return None

    def _started(self) -> _Worker:
        worker = _Worker(self._context, self._memory_mb)
        with self._lock:
            self._all.add(worker)
            stopped = self._stopped
        if stopped:
            worker.kill()
        worker.await_ready()
        return worker

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; with `cancel_futures` whatever they do."""
        if cancel_futures:
            with self._lock:
                self._stopped, at_work = True, list(self._all)
            for worker in at_work:
                worker.kill()
        self._threads.shutdown(wait=True, cancel_futures=cancel_futures)
        for worker in self._all:
            worker.end()


class _Worker:
    """One process, and the pipe to it."""

    def __init__(self, context: Any, memory_mb: int | None) -> None:
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, memory_mb), daemon=True)
        self._is_killed = self._is_gone = False
        try:
            with _STARTING, _importing_this_program():
                self._process.start()
        except (OSError, EOFError) as error:  # the server that forks was just killed; the next start begins another
            self._is_gone = True
            raise _NotBegun from error
        finally:
            theirs.close()

    @property
    def is_alive(self) -> bool:
        """Whether it waits for a job: it says nothing then."""
        return not (self._is_gone or self._is_killed or self._pipe.poll(0))

    def await_ready(self) -> None:
        """_NotBegun if it ends before, or does not come up."""
        with self._killed_after(START_LIMIT_S):
            self._received(_NotBegun)

    def do(self, job: Job, limit_s: float) -> Any:
        """What the job returns or raises.

        Raises
        ------
        TimeoutError : it took longer, and the process was ended
        _NotBegun, Lost : the process has ended by itself, before or after it took the job
        """
        try:
            sent = ForkingPickler.dumps(job)
        except Exception as error:
            raise Lost(f"{type(error).__name__}: {error}") from error
        with self._killed_after(START_LIMIT_S):  # what the job needs is imported, too
            with self._ended_means(_NotBegun):
                self._pipe.send_bytes(sent)
            self._received(_NotBegun)
        with self._killed_after(limit_s) as is_late:
            try:
                how, value = self._received(Lost)
            except Lost:
                if is_late.is_set():
                    raise TimeoutError from None
                raise
        if how == RAISED:
            raise value
        return value

    @contextlib.contextmanager
    def _killed_after(self, limit_s: float) -> Iterator[threading.Event]:
        """The event is set where the body took longer."""
        is_late = threading.Event()

        def end() -> None:
            is_late.set()
            self.kill()

        timer = threading.Timer(limit_s, end)
        timer.daemon = True
        timer.start()
        try:
            yield is_late
        finally:
            timer.cancel()

    def _received(self, ended: type[Exception]) -> Any:
        with self._ended_means(ended):
            data = self._pipe.recv_bytes()
        try:
            return ForkingPickler.loads(data)
        except Exception as error:  # of what a job has returned or raised
            raise Lost(f"{type(error).__name__}: {error}") from error

    @contextlib.contextmanager
    def _ended_means(self, kind: type[Exception]) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError):
            self._is_gone = True
            with _STARTING:
                self._process.join(END_LIMIT_S)
                code = self._process.exitcode
            raise kind(f"its process ended with code {code}") from None

    def kill(self) -> None:
        """End it whatever it does; `Process.kill` takes it for dead where the server that forked it is."""
        self._is_killed = True
        if not self._is_gone and self._process.pid is not None:
            with contextlib.suppress(OSError):
                os.kill(self._process.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)

    def end(self) -> None:
        """Let one go that has nothing to do."""
        self._pipe.close()  # it ends at that
        with _STARTING:
            self._process.join(END_LIMIT_S)


# --- in the other process


def _work(pipe: Connection, memory_mb: int | None) -> None:
    """Do jobs until the other end is closed."""
    _prepare()
    limit_memory(memory_mb)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(OSError, EOFError):
        pipe.send(None)  # ready
        while True:
            job = _loaded(pipe.recv_bytes())
            pipe.send(None)  # begun
            pipe.send_bytes(_outcome(job))


def _loaded(data: bytes) -> Job:
    try:
        job: Job = ForkingPickler.loads(data)
    except Exception as error:
        return partial(_raise, error)
    return job


def _raise(error: Exception) -> None:
    raise error


def _outcome(job: Job) -> Any:
    """How it ended and with what, as it travels."""
    outcome: tuple[str, Any]
    try:
        outcome = DONE, job()
    except Exception as error:
        outcome = RAISED, error
    try:
        return ForkingPickler.dumps(outcome)
    except Exception as error:
        return ForkingPickler.dumps((RAISED, Lost(f"{type(error).__name__}: {error}")))


def _end_with_parent() -> None:
    """Nobody waits any more for what is done here, and another run may have begun."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _prepare() -> None:
    """Ctrl-C is the parent's business, and so is what is logged: no warning reaches the terminal from here."""
    logging.captureWarnings(True)
    logging.getLogger().addHandler(logging.NullHandler())
    signal.signal(signal.SIGINT, signal.SIG_IGN)


# --- how it is started


def _context(modules: Sequence[str]) -> BaseContext:
    """A fork of this process would inherit the locks of its threads; a server that is forked instead has none."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(modules))
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
