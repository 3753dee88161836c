"""Files that others are still writing, and files that cannot be written."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager

import pytest

from dscope_blink.files.whole_files import read_whole, write_file
from dscope_blink.records import UnreadableImage
from tests.builders.pictures import LONG_AGO

PART = b"0123456789"
SETTLE_S, PAUSE_S = 0.4, 0.03  # far apart, for a test on a busy machine may be late


def read(path, max_bytes=1000, settle_s=SETTLE_S, max_wait_s=5.0):
    return read_whole(path, max_bytes, settle_s, max_wait_s)


@contextmanager
def while_others(write):
    """Run the body while `write(is_over)` works in another thread; the end of the body sets `is_over`."""
    is_over = threading.Event()
    writer = threading.Thread(target=write, args=(is_over,))
    writer.start()
    try:
        yield
    finally:
        is_over.set()
        writer.join()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.png"


def test_a_file_that_grows_is_read_when_it_is_whole(path):
    path.touch()

    def grow(is_over):
        with path.open("ab", buffering=0) as file:
            for _ in range(8):
                file.write(PART)
                time.sleep(PAUSE_S)

    with while_others(grow):
        assert read(path) == PART * 8


def test_a_file_of_full_length_is_not_read_while_its_bytes_are_still_replaced(path):
    # Copying programs that reserve the whole length first.
    path.write_bytes(bytes(3))

    def fill(is_over):
        with path.open("r+b", buffering=0) as file:
            for _ in range(3):
                time.sleep(PAUSE_S)
                file.write(b"x")

    with while_others(fill):
        assert read(path) == b"xxx"


def test_a_file_that_never_ends_is_reported_when_the_wait_is_over(path):
    path.touch()

    def go_on(is_over):
        with path.open("ab", buffering=0) as file:
            while not is_over.wait(PAUSE_S):
                file.write(PART)

    with (
        while_others(go_on),
        pytest.raises(UnreadableImage, match=r"^the file was still being written after 0\.5 s$"),
    ):
        read(path, max_bytes=10**6, max_wait_s=0.5)


def test_a_file_that_lies_there_is_not_waited_for(path):
    path.write_bytes(PART)
    os.utime(path, (LONG_AGO, LONG_AGO))
    started = time.monotonic()
    assert read(path, settle_s=60.0) == PART
    assert time.monotonic() - started < 1


def test_a_file_of_a_clock_that_is_ahead_is_looked_at_twice(path):
    path.write_bytes(PART)
    os.utime(path, (time.time() + 3600,) * 2)
    started = time.monotonic()
    assert read(path) == PART
    assert time.monotonic() - started >= SETTLE_S


def test_a_file_that_is_too_large_is_not_read(path):
    path.touch()
    os.truncate(path, 2**40)  # of holes: reading it would take a terabyte
    with pytest.raises(UnreadableImage, match=r"^the file must have at most 1000 bytes, it has 1099511627776$"):
        read(path)


def test_a_file_that_is_gone_is_the_systems_error(path):
    with pytest.raises(FileNotFoundError):
        read(path)


def test_a_write_replaces_the_file_and_leaves_nothing_beside_it(path):
    path.write_bytes(b"old")
    write_file(path, PART)
    assert [(file.name, file.read_bytes()) for file in path.parent.iterdir()] == [("a.png", PART)]
