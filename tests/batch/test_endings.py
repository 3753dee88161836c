"""A run whose folder, lock, scheduler or parent is taken away in the middle ends, and says what is missing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dscope_blink.batch.executors import ClusterGone
from dscope_blink.batch.run import run_batch
from dscope_blink.files.names import LOCK, RUN
from dscope_blink.files.whole_files import WriteFailed
from dscope_blink.records.sealing import SEAL
from tests.builders.batches import CONFIG, batch_of, finished, program, rows
from tests.builders.clusters import started_cluster
from tests.builders.pictures import blanks, folder_of
from tests.builders.settings import ROOT
from tests.builders.waiting import until


@pytest.mark.parametrize("removed", [".", LOCK, RUN])
def test_a_folder_or_lock_that_is_removed_ends_the_run_and_is_not_made_again(tmp_path, out, removed):
    run = run_batch(batch_of(blanks(tmp_path / "blanks", "a.png", "b.png", "c.png"), out))
    next(run)
    if removed == ".":
        shutil.rmtree(out)
    else:
        (out / removed).unlink()
    what = "the folder was removed" if removed == "." else f"{removed} was removed"
    with pytest.raises(WriteFailed, match=f"output folder {out}: {what} while the run went on"):
        list(run)
    assert out.exists() == (removed != ".")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_in_the_place_of_a_picture_is_told_and_keeps_nobody(pictures, out):
    folder_of(pictures, "a.png", "b.png")
    asked = batch_of(pictures, out)
    (pictures / "a.png").unlink()
    os.mkfifo(pictures / "a.png")
    finished(asked)
    assert {row["Image_Filename"]: row["Failure_Reason(s)"] for row in rows(out)} == {
        "a.png": "Unreadable: not a file",
        "b.png": "",
    }


@pytest.mark.skipif(not os.access("/proc/kmsg", os.R_OK), reason="it cannot be read here")
def test_a_file_that_gives_nothing_keeps_nobody(pictures, out):
    pictures.mkdir()
    (pictures / "a.png").symlink_to("/proc/kmsg")
    finished(batch_of(pictures, out))
    assert [row["Pass/Fail_Status"] for row in rows(out)] == ["NOT_GRADED"]


def test_a_picture_on_a_drive_that_does_not_answer_is_given_up_also_in_this_process(pictures, out, monkeypatch):
    folder_of(pictures, "a.png", "b.png")

    def stalled(path: Path, *settings: object) -> bytes:
        if path.name == "a.png":
            time.sleep(60)
        return path.read_bytes()

    monkeypatch.setattr("dscope_blink.batch.job.read_whole", stalled)
    config = replace(CONFIG, batch=replace(CONFIG.batch, time_limit_s=1.0))
    started = time.monotonic()
    finished(batch_of(pictures, out, config=config))
    assert time.monotonic() - started < 50
    assert {row["Image_Filename"]: row["Failure_Reason(s)"] for row in rows(out)} == {
        "a.png": "Unreadable: not read within 0.5 s",
        "b.png": "",
    }


def change(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(("end", "harm"), [("_report.csv", change), ("_annotated.png", Path.unlink)])
def test_a_file_that_is_not_as_it_was_written_has_its_picture_done_again(pictures, out, end, harm, caplog):
    folder_of(pictures, "a.png", "b.png")
    finished(batch_of(pictures, out))
    before = json.loads((out / "a_result.json").read_text())["outputs"]
    assert set(before) == {"a_report.csv", "a_annotated.png"}
    harm(out / f"a{end}")
    again = finished(replace(batch_of(pictures, out), resume=True))
    assert [done.resumed for done in again] == [False, True]
    assert "a.png: done again, for it is not as it was written" in caplog.text
    assert json.loads((out / "a_result.json").read_text())["outputs"] == before


def test_a_record_of_before_keeps_its_picture_where_its_files_are_there(pictures, out):
    folder_of(pictures, "a.png")
    finished(batch_of(pictures, out))
    path = out / "a_result.json"
    record = json.loads(path.read_text())
    del record["outputs"], record[SEAL]
    path.write_text(json.dumps(record))
    assert [done.resumed for done in finished(replace(batch_of(pictures, out), resume=True))] == [True]
    (out / "a_report.csv").unlink()
    assert [done.resumed for done in finished(replace(batch_of(pictures, out), resume=True))] == [False]


# --- programs


@pytest.mark.slow
def test_an_orphan_writes_nothing_into_the_run_after_it(pictures, out):
    folder_of(pictures, *(f"{k}.png" for k in range(12)))
    first = subprocess.Popen(program(pictures, out, "--workers=2"), stderr=subprocess.DEVNULL)
    until(lambda: len(list(out.glob("*_result.json"))) > 1)
    first.kill()
    first.wait()
    finished(batch_of(pictures, out))
    written = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    time.sleep(3)
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == written


def watch_of(pictures: Path, out: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(program(pictures, out, "--no-report", *words), stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_watch_whose_folder_is_removed_ends_though_nothing_comes(pictures, out):
    folder_of(pictures, "a.png")
    watch = watch_of(pictures, out, "--watch", "--workers=1")
    until((out / "a_result.json").exists, 120)
    shutil.rmtree(out)
    _, errors = watch.communicate(timeout=100)
    said = f"output folder {out}: the folder was removed while the run went on; what was finished is kept"
    assert (watch.returncode, errors) == (1, f"main.py: {said}\n")


def kill_scheduler(processes: list[subprocess.Popen[bytes]]) -> None:
    processes[0].send_signal(signal.SIGKILL)


def kill_workers(processes: list[subprocess.Popen[bytes]]) -> None:
    processes[1].send_signal(signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kill", "patience_s", "said"),
    [(kill_scheduler, 300.0, "the scheduler is gone"), (kill_workers, 20.0, "no workers for 20 s")],
)
def test_a_cluster_that_is_gone_ends_the_run_in_one_line(
    pictures: Path,
    out: Path,
    kill: Callable[[list[subprocess.Popen[bytes]]], None],
    patience_s: float,
    said: str,
):
    folder_of(pictures, *(f"{k}.png" for k in range(40)))
    config = replace(CONFIG, batch=replace(CONFIG.batch, no_workers_s=patience_s))
    processes: list[subprocess.Popen[bytes]] = []
    with started_cluster(Path(sys.executable), ROOT, processes) as address:
        run = run_batch(replace(batch_of(pictures, out, config=config), scheduler=address))
        for _ in range(3):
            next(run)
        kill(processes)
        with pytest.raises(ClusterGone, match=rf"^--scheduler {address}: {said}, \d+ images finished$"):
            list(run)
    assert len(rows(out)) >= 3
