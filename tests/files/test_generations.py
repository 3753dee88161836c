"""What an earlier run has left behind writes nothing where another has begun."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dscope_blink.files.generations import begin, belonging_to, end, still_ours
from dscope_blink.files.names import LOCK, RUN
from dscope_blink.files.whole_files import WriteFailed, together, write_file, writing

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    out = tmp_path / "out"
    out.mkdir()
    (out / LOCK).touch()
    return out


def written(path: Path, text: bytes = b"1") -> None:
    with writing(path):
        write_file(path, text)


def test_a_run_writes_in_its_folder(folder):
    generation = begin(folder)
    with belonging_to(generation):
        written(folder / "deep" / "a.csv")
    end(generation)
    assert (folder / "deep" / "a.csv").read_bytes() == b"1"
    assert not (folder / RUN).exists()


def written_together(path: Path, then: Callable[[], object] = lambda: None) -> None:
    with writing(path), together():
        write_file(path, b"old")
        then()


@pytest.mark.parametrize("write", [written, written_together])
def test_an_orphan_writes_nothing_where_another_run_has_begun(folder, write):
    orphan = begin(folder)
    begin(folder)
    with belonging_to(orphan), pytest.raises(WriteFailed, match="another run has begun there"):
        write(folder / "new" / "a.csv")
    assert {path.name for path in folder.iterdir()} == {LOCK, RUN}


def test_an_orphan_that_has_written_already_does_not_rename(folder):
    def next_run() -> None:
        begin(folder)
        (folder / "a.csv").write_bytes(b"new")

    with belonging_to(begin(folder)), pytest.raises(WriteFailed, match="another run has begun"):
        written_together(folder / "a.csv", next_run)
    assert (folder / "a.csv").read_bytes() == b"new"


def test_an_orphan_of_a_run_that_has_ended_writes_nothing(folder):
    orphan = begin(folder)
    end(orphan)
    with belonging_to(orphan), pytest.raises(WriteFailed, match=rf"{RUN} was removed"):
        written(folder / "a.csv")


@pytest.mark.parametrize("removed", [LOCK, RUN, "."])
def test_what_is_missing_is_named_and_not_made_again(folder, removed):
    generation = begin(folder)
    if removed == ".":
        shutil.rmtree(folder)
    else:
        (folder / removed).unlink()
    what = "the folder was removed" if removed == "." else f"{removed} was removed"
    with belonging_to(generation), pytest.raises(WriteFailed) as caught:
        written(folder / "deep" / "a.csv")
    assert str(caught.value) == f"output folder {folder}: {what} while the run went on"
    assert not (folder / "deep").exists()


def test_elsewhere_and_without_a_run_all_is_allowed(folder, tmp_path):
    orphan = begin(folder)
    begin(folder)
    with belonging_to(orphan):
        written(tmp_path / "a.csv")
    written(folder / "a.csv")


def test_no_run_begins_while_another_is_renaming(folder):
    orphan, order = begin(folder), []
    started = threading.Event()

    def begun() -> None:
        started.set()
        begin(folder)
        order.append("begun")

    other = threading.Thread(target=begun)
    with belonging_to(orphan), still_ours(folder / "a.csv"):
        other.start()
        started.wait()
        other.join(0.2)
        order.append("renamed")
    other.join()
    assert order == ["renamed", "begun"]
