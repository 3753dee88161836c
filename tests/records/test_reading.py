"""What is read whole, and what would never end."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from dscope_blink.records import NotAFile, open_file, read_file, within
from dscope_blink.records.stored import BadRecord, load_record


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("a")
    assert read_file(tmp_path / "a") == read_file(tmp_path / "link", 3) == b"abc"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe_result.json")
    with pytest.raises(OSError, match="not a file"):
        read_file(tmp_path / "pipe_result.json")
    with pytest.raises(BadRecord, match="cannot be read, not a file"):
        load_record(tmp_path / "pipe_result.json")


def test_a_device_without_end_is_not_read() -> None:
    with pytest.raises(OSError, match="not a file"):
        read_file(Path("/dev/zero"))


def test_a_file_without_measure_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge_result.json").open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(BadRecord, match=r"cannot be read, it must have at most 268435456 bytes, it has 1073741824"):
        load_record(tmp_path / "huge_result.json")


def test_a_name_that_no_file_can_have_is_told() -> None:
    with pytest.raises(BadRecord, match=r"cannot be read, .*null"):
        load_record(Path("a\0b"))


def test_a_pipe_in_the_place_of_a_file_that_was_looked_at_is_none_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, looked_at = tmp_path / "a", os.stat
    path.write_bytes(b"123")

    def replaced(asked: Path) -> os.stat_result:
        found = looked_at(asked)
        path.unlink()
        os.mkfifo(path)
        return found

    monkeypatch.setattr("dscope_blink.records.reading.os.stat", replaced)
    with pytest.raises(NotAFile):
        open_file(path)


@pytest.mark.skipif(not os.access("/proc/kmsg", os.R_OK), reason="it cannot be read here")
def test_a_file_that_the_system_only_plays_keeps_nobody() -> None:
    started = time.monotonic()
    assert read_file(Path("/proc/kmsg"), limit_s=30) == b""
    assert time.monotonic() - started < 20


def test_what_does_not_answer_is_given_up_at_the_limit(tmp_path: Path) -> None:
    answer = threading.Event()
    with pytest.raises(TimeoutError) as caught:
        within(0.05, tmp_path / "a", answer.wait)
    answer.set()
    assert (caught.value.errno, caught.value.strerror) == (errno.ETIMEDOUT, "not read within 0.05 s")


def test_what_work_raises_comes_back(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        within(5, tmp_path, lambda: 1 // 0)
