"""Jobs run where they are sent; one that hangs or takes its process with it costs nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dscope_blink.batch.executors import as_completed, on_cluster, own_time_limit, result_of
from dscope_blink.batch.processes import Lost, Processes
from dscope_blink.records import UserError
from tests.builders.settings import ROOT

pytestmark = pytest.mark.slow  # whole batches, processes and programs


def doubled(number: int) -> int:
    return 2 * number


def killed(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def hanging(number: int) -> int:
    if number == 1:
        time.sleep(60)
    return number


def wrong(number: int) -> int:
    raise ValueError(f"not {number}")


def refused(number: int) -> int:
    raise UserError(f"refused {number}")


def greedy(number: int) -> int:
    return len(bytearray(2**30 if number == 1 else 2**20)) // 2**20


def outcomes(executor: Processes, job, count: int) -> dict[int, object]:
    found: dict[int, object] = {}
    for number, future in as_completed(executor, job, range(count), 4):
        try:
            found[number] = result_of(future)
        except (Lost, TimeoutError) as error:
            found[number] = type(error)
    return found


@pytest.fixture(scope="module")
def processes():
    with Processes(2, 1.0) as executor:
        yield executor


def test_every_job_is_done_once(processes):
    assert outcomes(processes, doubled, 20) == {number: 2 * number for number in range(20)}


def test_a_process_that_is_killed_costs_its_own_job(processes):
    assert outcomes(processes, killed, 6) == {0: 0, 1: Lost, 2: 2, 3: 3, 4: 4, 5: 5}


def test_a_job_that_hangs_is_given_up_at_the_time_limit(processes):
    started = time.monotonic()
    assert outcomes(processes, hanging, 6) == {0: 0, 1: TimeoutError, 2: 2, 3: 3, 4: 4, 5: 5}
    assert time.monotonic() - started < 20


def test_what_is_no_answer_of_a_job_is_lost_and_says_why(processes):
    with pytest.raises(Lost, match="ValueError: not 7"):
        result_of(processes.submit(wrong, 7))


def test_a_complaint_of_a_job_comes_back_as_it_is(processes):
    with pytest.raises(UserError, match=r"^refused 7$"):
        result_of(processes.submit(refused, 7))


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_jobs_are_queued_than_asked(at_once):
    read: list[int] = []

    def items():
        for number in range(20):
            read.append(number)
            yield number

    with ThreadPoolExecutor(1) as executor:
        for finished, _ in enumerate(as_completed(executor, doubled, items(), at_once), 1):
            assert len(read) <= finished + at_once
    assert len(read) == 20


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr("dscope_blink.batch.executors.SCHEDULER_TIMEOUT_S", 1)
    with (
        pytest.raises(UserError, match=r"--scheduler tcp://127.0.0.1:9: no scheduler answers there"),
        on_cluster("tcp://127.0.0.1:9", 60.0),
    ):
        pass


def test_a_temporary_file_is_known_by_its_name(tmp_path: Path):
    from dscope_blink.files.whole_files import TEMPORARY

    (tmp_path / ".0123.dscope-tmp").write_bytes(b"")
    (tmp_path / "picture.png").write_bytes(b"")
    assert [path.name for path in tmp_path.glob(TEMPORARY)] == [".0123.dscope-tmp"]


HANGING = """
import sys, time
from pathlib import Path
from dscope_blink.batch.executors import own_time_limit
with own_time_limit(0.2, Path(sys.argv[1])):
    time.sleep(60)
"""


def hanging_process(mark: Path) -> int:
    """Its exit code."""
    return subprocess.run([sys.executable, "-c", HANGING, str(mark)], cwd=ROOT, check=False, timeout=60).returncode


def test_a_job_that_is_in_time_is_left_alone(tmp_path: Path):
    mark = tmp_path / "mark"
    with own_time_limit(0.2, mark):
        pass
    time.sleep(0.4)  # this process is still there
    assert not mark.exists()


def test_a_job_that_hangs_ends_its_process_and_is_known_when_it_is_tried_again(tmp_path: Path):
    mark = tmp_path / "mark"
    assert hanging_process(mark) == 1
    assert mark.exists()
    with pytest.raises(TimeoutError), own_time_limit(60, mark):
        pass
    assert not mark.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="this system limits no memory")
def test_a_job_that_takes_more_memory_than_its_budget_fails_alone():
    with Processes(1, 60.0, memory_mb=256) as executor:
        futures = dict(as_completed(executor, greedy, range(3), 3))
        with pytest.raises(Lost, match="MemoryError"):
            result_of(futures[1])
        assert [result_of(futures[number]) for number in (0, 2)] == [1, 1]
