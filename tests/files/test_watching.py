"""Pictures that come into a watched folder: each is handed over once it is whole, and again when it is replaced."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import cv2
import numpy as np
import pytest

from dscope_blink.files.drawn import marked
from dscope_blink.files.manifest import Manifest
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.watching import Watched, arrivals
from tests.builders.batches import ASKED, program, started
from tests.builders.pictures import LONG_AGO, SCRATCH, blank_png, face_png, folder_of
from tests.builders.waiting import until

SETTLE_S, NEVER_S = 0.05, 600.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "pictures", "b.png", "a.png", data=b"-")


@pytest.fixture
def watched(folder: Path) -> Watched:
    """Found again by what the system tells alone: no look is due while a test runs."""
    return Watched(folder, True, folder / "results", Manifest(), ASKED, SETTLE_S, NEVER_S)


def files(images: tuple[ImageFile, ...]) -> list[str]:
    return [image.file for image in images]


def when_watching(rounds: Iterator[tuple[ImageFile, ...]], change: Callable[[], object]) -> list[str]:
    change()
    return files(next(rounds))


def test_what_is_there_comes_first_and_then_what_is_new(folder, watched):
    rounds = arrivals(watched)
    assert files(next(rounds)) == ["a.png", "b.png"]
    assert when_watching(rounds, lambda: folder_of(folder, "c.png", data=b"-")) == ["c.png"]
    assert when_watching(rounds, lambda: folder_of(folder / "sub", "d.png", data=b"-")) == ["sub/d.png"]


def test_a_picture_that_is_replaced_comes_again_under_its_name(folder, watched):
    rounds = arrivals(watched)
    first = next(rounds)[0]
    folder_of(folder, "a.jpg", data=b"-")
    assert [image.name for image in next(rounds)] == ["a_jpg"]
    (folder / "a.png").write_bytes(b"other")
    assert next(rounds) == (first,)
    assert first.name == "a"


def test_a_picture_is_handed_over_when_it_has_stayed_as_it_is(folder, watched):
    rounds = arrivals(replace(watched, settle_s=0.3))
    next(rounds)
    writer = subprocess.Popen(["sh", "-c", f"for k in 1 2 3 4 5 6; do echo part >> {folder}/c.png; sleep 0.1; done"])
    assert files(next(rounds)) == ["c.png"]
    assert (folder / "c.png").read_text() == "part\n" * 6
    writer.wait()


def test_a_copy_that_stalled_at_its_full_length_comes_again_though_size_and_date_stay(folder, watched):
    whole, path = bytes(range(256)) * 40, folder / "c.bmp"
    path.write_bytes(whole[:6000] + bytes(len(whole) - 6000))
    os.utime(path, (LONG_AGO, LONG_AGO))
    rounds = arrivals(watched)
    assert "c.bmp" in files(next(rounds))
    before = path.stat()

    def go_on() -> None:
        with path.open("r+b") as file:
            file.seek(6000)
            file.write(whole[6000:])
        os.utime(path, (LONG_AGO, LONG_AGO))

    assert when_watching(rounds, go_on) == ["c.bmp"]
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def test_a_picture_that_is_read_does_not_come_again(folder, watched):
    rounds = arrivals(watched)
    next(rounds)
    (folder / "a.png").read_bytes()
    assert when_watching(rounds, lambda: folder_of(folder, "c.png", data=b"-")) == ["c.png"]


def test_a_picture_that_is_moved_in_or_comes_with_its_folder_is_found(tmp_path, folder, watched):
    rounds = arrivals(watched)
    next(rounds)
    folder_of(tmp_path / "elsewhere", "c.png", "d.png", data=b"-")
    assert when_watching(rounds, lambda: (tmp_path / "elsewhere" / "c.png").rename(folder / "c.png")) == ["c.png"]
    assert when_watching(rounds, lambda: (tmp_path / "elsewhere").rename(folder / "new")) == ["new/d.png"]


def test_where_the_system_tells_nothing_the_folder_is_looked_into_from_time_to_time(
    folder, watched, monkeypatch, caplog
):
    def no_room(self) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr("dscope_blink.files.watching.Observer.start", no_room)
    rounds = arrivals(replace(watched, interval_s=0.1))
    next(rounds)
    assert when_watching(rounds, lambda: folder_of(folder, "c.png", data=b"-")) == ["c.png"]
    assert "the system tells nothing of it, it is looked into every 0.1 s" in caplog.text


def test_where_the_system_gives_no_observer_the_folder_is_looked_into_from_time_to_time(
    folder, watched, monkeypatch, caplog
):
    def none_left() -> None:
        raise OSError(24, "inotify instance limit reached")

    monkeypatch.setattr("dscope_blink.files.watching.Observer", none_left)
    rounds = arrivals(replace(watched, interval_s=0.1))
    next(rounds)
    assert when_watching(rounds, lambda: folder_of(folder, "c.png", data=b"-")) == ["c.png"]
    assert caplog.text.count("the system tells nothing of it, it is looked into every 0.1 s") == 1


def test_what_a_system_keeps_in_a_watched_folder_is_no_picture(folder, watched, caplog):
    rounds = arrivals(replace(watched, interval_s=0.1))
    next(rounds)
    folder_of(folder / "@eaDir" / "a.png", "THUMB_XL.jpg", data=b"-")
    assert when_watching(rounds, lambda: folder_of(folder, "c.png", data=b"-")) == ["c.png"]
    (folder / "@eaDir" / "d.png").write_bytes(b"-")
    assert when_watching(rounds, lambda: folder_of(folder, "e.png", data=b"-")) == ["e.png"]
    assert caplog.text.count("Folders named @eaDir are left out") == 1


def test_results_in_the_watched_folder_are_no_pictures(folder, watched):
    rounds = arrivals(replace(watched, output_dir=folder))
    next(rounds)
    folder_of(folder, "a_report.csv", data=b"-")
    folder_of(folder, "a_annotated.png", data=marked(blank_png()))
    assert when_watching(rounds, lambda: folder_of(folder, "c.png", data=b"-")) == ["c.png"]


def test_a_picture_that_the_manifest_does_not_name_is_warned_of_when_it_comes(folder, watched, caplog):
    manifest = Manifest({"a.png": ASKED, "later.png": ASKED})
    rounds = arrivals(replace(watched, manifest=manifest))
    next(rounds)
    assert caplog.messages == ["b.png: not named in the manifest"]


def summary(out: Path) -> dict[str, str]:
    with (out / "summary_report.csv").open(encoding="utf-8", newline="") as file:
        return {row["Image_Filename"]: row["Pass/Fail_Status"] for row in csv.DictReader(file)}


def said(progress: IO[str]) -> tuple[str, str]:
    """File and status of the next finished picture."""
    line = json.loads(progress.readline())
    line = json.loads(progress.readline()) if line["event"] == "start" else line
    assert line["total"] is None
    return line["file"], line["status"]


@pytest.mark.slow
def test_a_watch_grades_a_copy_that_stalled_once_it_is_whole(tmp_path):
    picture = cv2.imdecode(np.frombuffer(face_png(SCRATCH), np.uint8), cv2.IMREAD_GRAYSCALE)
    whole = cv2.imencode(".bmp", picture)[1].tobytes()
    path, out, there = tmp_path / "pictures" / "a.bmp", tmp_path / "out", int(0.6 * len(whole))
    path.parent.mkdir()
    path.write_bytes(whole[:there] + bytes(len(whole) - there))
    os.utime(path, (LONG_AGO, LONG_AGO))
    words = program(path.parent, out, "--watch", "--json-progress", "--workers=0")
    words.remove("--quiet")
    with started(words) as run:
        assert run.stdout is not None
        assert said(run.stdout) == ("a.bmp", "NOT_GRADED")
        with path.open("r+b") as file:
            file.seek(there)
            file.write(whole[there:])
        os.utime(path, (LONG_AGO, LONG_AGO))
        assert said(run.stdout) == ("a.bmp", "FAIL")
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=60)
    assert summary(out) == {"a.bmp": "FAIL"}


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_watch_inspects_what_comes_until_it_is_stopped(tmp_path, end):
    pictures, out = folder_of(tmp_path / "pictures", "a.png"), tmp_path / "out"
    words = program(pictures, out, "--watch", "--json-lines", "--json-progress", "--workers=0", "--resume")
    words.remove("--quiet")
    with started(words) as run:
        assert run.stdout is not None
        assert said(run.stdout) == ("a.png", "PASS")
        folder_of(pictures, "b.png", data=face_png(SCRATCH))
        assert said(run.stdout) == ("b.png", "FAIL")
        (pictures / "b.png").write_bytes(face_png())
        assert said(run.stdout) == ("b.png", "PASS")
        until(lambda: b"b.png" in b"".join(path.read_bytes() for path in out.glob("records.jsonl")))  # while it goes on
        run.send_signal(end)
        _, errors = run.communicate(timeout=60)
    assert (run.returncode, errors) == (0, "")
    assert summary(out) == {"a.png": "PASS", "b.png": "PASS"}
    assert len((out / "records.jsonl").read_text(encoding="utf-8").splitlines()) == 2
