"""One run at a time in a folder of results, also where the file system knows no locks."""

from __future__ import annotations

import errno
import logging
import os
import sys
from pathlib import Path

import pytest

from dscope_blink.files.locking import check_locks, locked
from dscope_blink.files.names import HELD, LOCK
from dscope_blink.records import UserError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="this system has locks of another kind")
REFUSALS = (errno.ENOLCK, errno.EOPNOTSUPP)


@pytest.fixture
def refuses(monkeypatch: pytest.MonkeyPatch):
    """The system refuses to lock any file, with this number."""

    def with_number(number: int) -> None:
        def flock(*_: object) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr("fcntl.flock", flock)

    return with_number


def is_free(folder: Path) -> bool:
    try:
        with locked(folder):
            return True
    except UserError as error:
        return "another run is writing to it" not in str(error)


@pytest.mark.parametrize("number", [None, errno.ENOSYS])
def test_one_run_at_a_time_holds_a_folder(tmp_path, refuses, number):
    if number:
        refuses(number)
    with locked(tmp_path / "results"):
        assert not is_free(tmp_path / "results")
    assert is_free(tmp_path / "results")


def test_without_locks_of_the_system_a_file_does_and_nothing_is_printed(tmp_path, refuses, capfd, caplog):
    refuses(errno.ENOSYS)
    with caplog.at_level(logging.DEBUG), locked(tmp_path):
        assert {path.name for path in tmp_path.iterdir()} == {LOCK, HELD}
        with pytest.raises(UserError, match=f"or one was killed there: then remove {HELD}"), locked(tmp_path):
            pass
    assert {path.name for path in tmp_path.iterdir()} == {LOCK}  # the mark of a folder of this program
    assert capfd.readouterr() == ("", "")


def test_a_lock_file_that_was_left_where_there_were_locks_holds_nobody_back(tmp_path, refuses):
    with locked(tmp_path):
        pass
    refuses(errno.ENOSYS)
    assert is_free(tmp_path)


@pytest.mark.parametrize("number", REFUSALS)
@pytest.mark.parametrize("check", [check_locks, lambda folder: locked(folder).__enter__()], ids=["asked", "taken"])
def test_a_file_system_that_refuses_locks_is_named_and_nothing_is_left_there(tmp_path, refuses, number, check):
    refuses(number)
    folder = tmp_path / "results" / "of" / "today"
    with pytest.raises(UserError) as caught:
        check(folder)
    assert str(caught.value) == f"output folder {folder}: its file system has no locks ({os.strerror(number)})"
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_before_stays_where_locks_are_refused(tmp_path, refuses):
    (tmp_path / LOCK).touch()
    (tmp_path / "a_result.json").touch()
    refuses(errno.ENOLCK)
    with pytest.raises(UserError, match="has no locks"):
        check_locks(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {LOCK, "a_result.json"}
