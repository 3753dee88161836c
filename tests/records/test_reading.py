"""What is read whole, and what would never end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dscope_blink.records import read_file
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
