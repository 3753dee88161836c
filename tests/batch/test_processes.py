"""Processes that die when nobody expects it cost neither a run nor a watch, and none of them outlives its parent."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pytest

from dscope_blink.batch import processes as module
from dscope_blink.batch.executors import result_of
from dscope_blink.batch.processes import Lost, Processes
from tests.builders.batches import program, rows
from tests.builders.pictures import folder_of
from tests.builders.settings import ROOT
from tests.builders.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="this system has no fork server"),
]


def unsendable() -> object:
    return threading.Lock()


def forkserver_pid() -> int:
    pid: int = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    return pid


@pytest.fixture
def pool():
    with Processes(1, 60.0) as executor:
        yield executor


def killed(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: is_dead(pid))


def is_dead(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_process_that_dies_without_a_job_is_replaced(pool):
    for _ in range(4):
        killed(result_of(pool.submit(os.getpid)))
    assert result_of(pool.submit(time.sleep, 0.0)) is None


def test_the_death_of_the_fork_server_costs_nothing(pool):
    for _ in range(5):
        worker = result_of(pool.submit(os.getpid))
        killed(forkserver_pid())
        assert result_of(pool.submit(os.getpid)) == worker  # it lives on
        killed(worker)
        assert result_of(pool.submit(os.getpid)) != worker  # from another server


def test_with_its_fork_server_gone_a_process_that_hangs_is_still_ended():
    with Processes(1, 1.0) as pool:
        worker = result_of(pool.submit(os.getpid))
        killed(forkserver_pid())
        with pytest.raises(TimeoutError):
            result_of(pool.submit(time.sleep, 60.0))
        until(lambda: not psutil.pid_exists(worker))


def test_processes_that_die_before_their_first_job_are_tried_a_few_times_and_then_said_to(monkeypatch):
    monkeypatch.setattr(module, "_work", dying)
    with Processes(1, 30.0) as pool, pytest.raises(Lost, match="3 processes ended before it was begun"):
        result_of(pool.submit(os.getpid))


def dying(pipe: object) -> None:
    os._exit(3)


def test_a_process_that_dies_before_its_first_job_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_work", partial(dying_once, tmp_path / "once"))
    with Processes(1, 30.0) as pool:
        assert result_of(pool.submit(time.sleep, 0.0)) is None
    assert (tmp_path / "once").exists()


def dying_once(once: Path, pipe: Connection, memory_mb: int | None) -> None:
    if not once.exists():
        once.touch()
        os._exit(3)
    module._work(pipe, memory_mb)


def test_what_cannot_be_sent_back_is_lost_and_the_process_goes_on(pool):
    worker = result_of(pool.submit(os.getpid))
    with pytest.raises(Lost, match="TypeError: cannot pickle"):
        result_of(pool.submit(unsendable))
    assert result_of(pool.submit(os.getpid)) == worker


def test_the_clock_of_the_system_ends_no_job(pool, monkeypatch):
    future = pool.submit(time.sleep, 1.0)
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert result_of(future) is None


ORPHANS = """
import os, time
from dscope_blink.batch.processes import Processes
pool = Processes(1, 300.0)
print(pool.submit(os.getpid).result(), flush=True)
pool.submit(time.sleep, 300.0)
time.sleep(300)
"""


def test_a_process_ends_with_its_parent_whatever_it_does():
    parent = subprocess.Popen([sys.executable, "-c", ORPHANS], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    until(lambda: not psutil.pid_exists(worker), 10)


# --- a watch


def fork_server_of(watch: subprocess.Popen[str]) -> psutil.Process | None:
    alive = (p for p in psutil.Process(watch.pid).children() if p.status() != psutil.STATUS_ZOMBIE)
    found = [p for p in alive if "forkserver" in " ".join(p.cmdline())]
    return found[0] if found else None


class Killing:
    """Ends processes of a watch; what a dead server has forked goes on, and nobody else knows of it any more."""

    def __init__(self, watch: subprocess.Popen[str]) -> None:
        self.watch, self.orphans, self.killed = watch, list[psutil.Process](), 0

    def workers(self) -> None:
        server = fork_server_of(self.watch)
        self._kill([*self.orphans, *([] if server is None else server.children())])

    def server(self) -> None:
        server = fork_server_of(self.watch)
        assert server is not None
        self.orphans = server.children()
        self._kill([server])

    def everything(self) -> None:
        self.workers()
        server = fork_server_of(self.watch)
        self._kill([] if server is None else [server])

    def _kill(self, processes: Sequence[psutil.Process]) -> None:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
                self.killed += 1


def test_a_watch_goes_on_whichever_of_its_processes_die_while_nothing_comes(pictures: Path, out: Path):
    def finished(number: int) -> None:
        until(lambda: len(list(out.glob("*_result.json"))) == number, 400)

    folder_of(pictures, "0.png", "1.png")
    command = program(pictures, out, "--watch", "--workers=2", "--no-report")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as watch:
        try:
            killing = Killing(watch)
            for number, kill in enumerate((killing.workers, killing.server, killing.everything), 2):
                finished(number)
                before = killing.killed
                kill()
                assert killing.killed > before
                folder_of(pictures, f"{number}.png")
            finished(5)
            (log,) = out.glob("*.log")  # the watch tells of a picture once it knows that it is finished
            until(lambda: "4.png" in log.read_text(encoding="utf-8"), 100)
            watch.send_signal(signal.SIGTERM)
            _, errors = watch.communicate(timeout=100)
        finally:
            watch.kill()
    assert (watch.returncode, errors) == (0, "")
    assert [row["Pass/Fail_Status"] for row in rows(out)] == ["PASS"] * 5
