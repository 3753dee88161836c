"""A batch in other processes and on a cluster, some of which are killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from dscope_blink.batch import run
from dscope_blink.batch.job import Job
from dscope_blink.batch.run import Batch, run_batch
from dscope_blink.batch.whole_run import Done
from dscope_blink.config.settings import Config
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.whole_files import WriteFailed
from dscope_blink.terminal.commands import main
from dscope_blink.terminal.showing import GO_ON
from tests.builders.batches import CONFIG, batch_of, finished, program, rows
from tests.builders.clusters import started_cluster
from tests.builders.pictures import SCRATCH, blanks, face_png, folder_of
from tests.builders.settings import ROOT
from tests.builders.waiting import until


def shared(asked: Batch, **changes: Any) -> Batch:
    return replace(asked, workers=2, **changes)


@pytest.fixture
def no_batch_is_small(monkeypatch):
    monkeypatch.setattr("dscope_blink.batch.run.FEW", 1)


# --- processes


@pytest.mark.slow
@pytest.mark.usefixtures("no_batch_is_small")
def test_processes_write_what_one_process_writes(faces, tmp_path, caplog):
    finished(batch_of(faces, tmp_path / "one"))
    caplog.clear()
    finished(shared(batch_of(faces, tmp_path / "two")))
    assert rows(tmp_path / "two") == rows(tmp_path / "one")
    names = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in ("one", "two")]
    assert names[0] == names[1]
    assert "Defect Detection Complete" in caplog.text  # what the processes log comes back


# Stand in for the work on one image, in the other process, which imports them by name.
@pytest.mark.slow
def test_workers_are_those_of_the_program_wherever_the_user_stands(tmp_path):
    other = tmp_path / "dscope_blink" / "batch"
    other.mkdir(parents=True)
    for name in (other.parent / "__init__.py", other / "__init__.py", other / "job.py"):
        name.write_text("raise RuntimeError('another program')")
    pictures = folder_of(tmp_path / "pictures", *(f"{k}.png" for k in range(9)))
    command = [
        sys.executable,
        str(ROOT / "main.py"),
        "inspect",
        str(pictures),
        "--workers=2",
        "--no-report",
        "--no-plots",
    ]
    command += ["--no-plots", f"--output-dir={tmp_path / 'out'}", "--profile=fast_scan", "--cladding-diameter-um=125"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert "another program" not in run.stderr
    assert run.returncode == 0


def killed_at_b(job: Job, item: tuple[int, ImageFile]) -> Done:
    if item[1].name == "b":
        os.kill(os.getpid(), signal.SIGKILL)
    return run._inspect(job, item)


def killed_once_at_b(job: Job, item: tuple[int, ImageFile]) -> Done:
    once = job.output_dir.with_name("once")
    if item[1].name == "b" and not once.exists():
        once.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return run._inspect(job, item)


def hanging_at_b(job: Job, item: tuple[int, ImageFile]) -> Done:
    if item[1].name == "b":
        time.sleep(60)
    return run._inspect(job, item)


def settings(**changes: Any) -> Config:
    return replace(CONFIG, batch=replace(CONFIG.batch, **changes))


@pytest.mark.slow
@pytest.mark.usefixtures("no_batch_is_small")
@pytest.mark.parametrize(("retries", "tried"), [(0, "tried once"), (2, "tried 3 times")])
def test_an_image_that_takes_its_process_with_it_is_not_graded_and_the_others_are(
    faces, out, monkeypatch, caplog, retries, tried
):
    monkeypatch.setattr("dscope_blink.batch.run._inspect", killed_at_b)
    finished(shared(batch_of(faces, out, config=settings(retries=retries))))
    found = {row["Image_Filename"]: row for row in rows(out)}
    assert found.pop("b.png")["Failure_Reason(s)"] == (f"Internal error: its process ended with code -9 ({tried})")
    assert {row["Pass/Fail_Status"] for row in found.values()} == {"PASS", "FAIL"}
    assert len(found) == 4
    assert json.loads((out / "b_result.json").read_text())["image"]["sha256"] is not None
    assert f"b.png: lost, its process ended with code -9 (attempt {retries + 1})" in caplog.text


@pytest.mark.slow
@pytest.mark.usefixtures("no_batch_is_small")
def test_an_image_that_kills_one_process_only_is_inspected_by_the_next(faces, out, monkeypatch, tmp_path):
    monkeypatch.setattr("dscope_blink.batch.run._inspect", killed_once_at_b)
    finished(shared(batch_of(faces, out)))
    assert {row["Pass/Fail_Status"] for row in rows(out)} == {"PASS", "FAIL"}


@pytest.mark.slow
@pytest.mark.usefixtures("no_batch_is_small")
def test_an_image_that_hangs_is_given_up(faces, out, monkeypatch):
    monkeypatch.setattr("dscope_blink.batch.run._inspect", hanging_at_b)
    finished(shared(batch_of(faces, out, config=settings(time_limit_s=3))))
    found = {row["Image_Filename"]: row["Failure_Reason(s)"] for row in rows(out)}
    assert found["b.png"] == "Time limit: more than 3 s"
    assert len(found) == 5


@pytest.mark.slow
@pytest.mark.usefixtures("no_batch_is_small")
def test_a_result_that_a_process_cannot_write_ends_the_batch(faces, out):
    out.mkdir()
    (out / "d_result.json").mkdir()
    (out / "d_result.json" / "in the way").touch()
    with pytest.raises(WriteFailed, match=r"d_result\.json"):
        finished(shared(batch_of(faces, out)))


@pytest.mark.parametrize(("workers", "images", "expected"), [(0, 20, None), (2, 8, 1), (2, 9, 2), (1, 9, 1)])
def test_a_small_batch_takes_few_processes_and_one_without_workers_none(
    tmp_path, out, monkeypatch, workers, images, expected
):
    started: list[int] = []

    def processes(count: int, *_: object) -> ThreadPoolExecutor:
        started.append(count)
        return ThreadPoolExecutor(count)

    monkeypatch.setattr("dscope_blink.batch.crew.Processes", processes)
    asked = batch_of(blanks(tmp_path / "blanks", *(f"{k}.png" for k in range(images))), out)
    assert len(finished(replace(asked, workers=workers))) == images
    assert started == ([expected] if expected else [])


# --- resume


@pytest.mark.slow
def test_a_run_that_is_killed_is_resumed_to_what_an_undisturbed_run_gives(tmp_path):
    faces = folder_of(tmp_path / "pictures", *(f"{k}.png" for k in range(20)))
    folder_of(faces, "20.png", "21.png", data=face_png(SCRATCH))
    words = ("--workers=2",)
    run = subprocess.Popen(program(faces, tmp_path / "killed", *words))
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "killed").glob("*_result.json"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    run.kill()
    run.wait()
    (tmp_path / "killed" / ".0.dscope-tmp").write_bytes(b"half")
    subprocess.run(program(faces, tmp_path / "killed", "--resume", *words), check=True, timeout=120)
    subprocess.run(program(faces, tmp_path / "whole", *words), check=True, timeout=120)
    assert rows(tmp_path / "killed") == rows(tmp_path / "whole")
    names = [sorted(p.name for p in (tmp_path / name).iterdir()) for name in ("killed", "whole")]
    assert names[0] == names[1]
    (log,) = (tmp_path / "killed").glob("inspection_*.log")
    assert "of 22 images were finished before" in log.read_text(encoding="utf-8")


def alive_in(group: int) -> list[int]:
    """Processes of a group that still do something."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_ends_at_once_and_keeps_what_is_finished(tmp_path, end):
    faces, out = folder_of(tmp_path / "pictures", *(f"{k}.png" for k in range(60))), tmp_path / "out"
    run = subprocess.Popen(program(faces, out), stderr=subprocess.PIPE, text=True, start_new_session=True)
    while len(list(out.glob("*_result.json"))) < 4:
        assert run.poll() is None, "it ended before it was interrupted"
        time.sleep(0.02)
    os.killpg(run.pid, end)  # as a terminal does: to all of its processes
    _, errors = run.communicate(timeout=60)
    assert (run.returncode, errors) == (130, f"main.py: interrupted; {GO_ON}\n")
    until(lambda: not alive_in(run.pid))
    listed = {row["Image_Filename"] for row in rows(out)}
    assert 0 < len(listed) < 60
    finished = {path.name.removesuffix("_result.json") for path in out.glob("*_result.json")}
    assert listed <= {f"{name}.png" for name in finished}
    assert {path.name.removesuffix("_report.csv") for path in out.glob("[0-9]*_report.csv")} == finished


# --- a cluster


@pytest.fixture(scope="module")
def cluster():
    """A Dask scheduler with two worker processes on this machine."""
    distributed = pytest.importorskip("distributed", reason="requirements-cluster.txt is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", scheduler_port=0
    ) as local:
        yield local


@pytest.mark.slow
def test_a_cluster_writes_what_one_process_writes(faces, tmp_path, cluster):
    finished(batch_of(faces, tmp_path / "one"))
    finished(replace(batch_of(faces, tmp_path / "two"), scheduler=cluster.scheduler_address))
    assert rows(tmp_path / "two") == rows(tmp_path / "one")


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_finishes_all_the_same(tmp_path, cluster):
    faces = folder_of(tmp_path / "pictures", *(f"{k}.png" for k in range(30)))
    run = run_batch(replace(batch_of(faces, tmp_path / "out"), scheduler=cluster.scheduler_address))
    next(run)
    os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
    assert len(list(run)) == 29
    assert {row["Pass/Fail_Status"] for row in rows(tmp_path / "out")} == {"PASS"}


def hanging_at_1(job: Job, item: tuple[int, ImageFile]) -> Done:
    if item[1].name == "1":
        time.sleep(120)
    return run._inspect(job, item)


@pytest.mark.slow
def test_an_image_that_hangs_on_a_cluster_is_given_up(tmp_path, cluster, monkeypatch):
    monkeypatch.setattr("dscope_blink.batch.run._inspect", hanging_at_1)
    faces = folder_of(tmp_path / "pictures", *(f"{k}.png" for k in range(12)))
    asked = batch_of(faces, tmp_path / "out", config=settings(time_limit_s=3))
    started = time.monotonic()
    finished(replace(asked, scheduler=cluster.scheduler_address))
    assert time.monotonic() - started < 60
    found = {row["Image_Filename"]: row["Failure_Reason(s)"] for row in rows(tmp_path / "out")}
    assert found.pop("1.png") == "Time limit: more than 3 s"
    assert set(found.values()) == {""}
    assert not list((tmp_path / "out").glob(".*.dscope-tmp"))


@pytest.mark.slow
def test_a_cluster_that_is_started_as_documented_does_the_night(faces, out):
    pytest.importorskip("distributed", reason="requirements-cluster.txt is not installed")
    with started_cluster(Path(sys.executable), ROOT) as address:
        assert main([*program(faces, out)[2:], f"--scheduler={address}"]) == 0
    assert {row["Pass/Fail_Status"] for row in rows(out)} == {"PASS", "FAIL"}


@pytest.mark.slow
def test_a_cluster_without_the_program_is_refused(faces, out, tmp_path, capsys):
    pytest.importorskip("distributed", reason="requirements-cluster.txt is not installed")
    with started_cluster(Path(sys.executable), tmp_path) as address:
        assert main([*program(faces, out)[2:], f"--scheduler={address}"]) == 2
    errors = capsys.readouterr().err
    assert f"--scheduler {address}: scheduler and workers must have this program installed" in errors
    assert not list(out.glob("*_result.json"))
