"""A file has its name only once its data are on the disk, and its folder is synced before anybody is told."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dscope_blink.files.syncing import make_folder, syncing
from dscope_blink.files.whole_files import as_written, discard, remove_files, together, write_file, writing
from dscope_blink.records import UserError


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the system is asked, in order: `sync NAME` and `name NAME`; temporary files are called `data`."""
    told: list[str] = []
    fsync, replace = os.fsync, os.replace

    def name_of(path: str | os.PathLike[str]) -> str:
        name = Path(path).name
        return "data" if name.endswith(".dscope-tmp") else name

    def synced(descriptor: int) -> None:
        told.append(f"sync {name_of(os.readlink(f'/proc/self/fd/{descriptor}'))}")
        fsync(descriptor)

    def named(source: Path, target: Path) -> None:
        told.append(f"name {name_of(target)}")
        replace(source, target)

    monkeypatch.setattr("os.fsync", synced)
    monkeypatch.setattr("os.replace", named)
    return told


pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not say what is open")


def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_before_it_counts(tmp_path, calls):
    write_file(tmp_path / "a.csv", b"1")
    assert calls == ["sync data", "name a.csv", f"sync {tmp_path.name}"]


def test_files_of_one_picture_are_synced_together_then_named_in_order_then_their_folder(tmp_path, calls):
    with together() as files:
        for name in ("b.csv", "a.png", "c.png"):
            write_file(tmp_path / name, name.encode())
        assert calls == []
        assert list(tmp_path.glob("[abc]*")) == []
        assert as_written(tmp_path / "a.png").read_bytes() == b"a.png"
    assert calls == ["sync data"] * 3 + ["name b.csv", "name a.png", "name c.png", f"sync {tmp_path.name}"]
    assert list(files.outputs) == ["b.csv", "a.png", "c.png"]
    assert files.outputs["a.png"] == "7f071235805fbf58a2524f77bff76e1391d0d1cfe2f4c190d73054495e05b460"


def test_without_syncing_the_disk_is_not_asked(tmp_path, calls):
    with syncing(False):
        write_file(tmp_path / "a.csv", b"1")
        make_folder(tmp_path / "b" / "c")
    assert calls == ["name a.csv"]
    write_file(tmp_path / "a.csv", b"1")
    assert len(calls) == 4


def test_new_folders_are_synced_in_those_they_lie_in(tmp_path, calls):
    with writing(tmp_path / "b" / "c" / "a.csv"):
        pass
    assert sorted(calls) == sorted([f"sync {tmp_path.name}", "sync b"])
    make_folder(tmp_path / "b")
    assert len(calls) == 2


def test_a_record_is_gone_from_the_disk_before_what_it_says_is_complete(tmp_path, monkeypatch, calls):
    for name in ("a_result.json", "a_report.csv"):
        (tmp_path / name).touch()
    unlink = Path.unlink

    def told(path: Path, missing_ok: bool = False) -> None:
        calls.append(f"remove {path.name}")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", told)
    remove_files(tmp_path / "a_result.json", [tmp_path / "a_report.csv"])
    assert calls == ["remove a_result.json", f"sync {tmp_path.name}", "remove a_report.csv"]


def written_together(path: Path, data: bytes, error: type[Exception] | None = None) -> None:
    with together():
        write_file(path, data)
        if error is not None:
            raise error


@pytest.mark.parametrize("write", [write_file, written_together])
def test_what_the_disk_refuses_at_last_has_no_name_and_leaves_nothing(tmp_path, monkeypatch, write):
    def refused(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("os.fsync", refused)
    with pytest.raises(UserError, match=r"a\.csv cannot be written: Input/output error"):
        write(tmp_path / "a.csv", b"1")
    assert list(tmp_path.iterdir()) == []


def test_what_was_left_out_is_no_output(tmp_path):
    with together() as files:
        write_file(tmp_path / "a.csv", b"1")
        write_file(tmp_path / "b.png", b"2")
        discard(tmp_path / "b.png")
    assert list(files.outputs) == ["a.csv"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_of_what_fails_in_the_middle_nothing_is_named(tmp_path):
    with pytest.raises(ZeroDivisionError):
        written_together(tmp_path / "a.csv", b"1", ZeroDivisionError)
    assert list(tmp_path.iterdir()) == []
