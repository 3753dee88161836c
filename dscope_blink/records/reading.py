"""A file of the user's is read whole, if it is one, and in time: a pipe or a drive may keep its reader for ever."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import Never, TypeVar

T = TypeVar("T")

MOST_BYTES = 2**28  # of a text: a record, a table, a calibration; the largest records have a hundredth of it
LIMIT_S = 120.0  # for a file where nobody says how long it may take: a slow drive reads the largest in less


class NotAFile(OSError):
    """A pipe, a socket or a device: whoever reads it may wait for ever."""


def read_file(path: Path, max_bytes: int = MOST_BYTES, limit_s: float = LIMIT_S) -> bytes:
    """The bytes of a file.

    Parameters
    ----------
    path : the file
    max_bytes : larger ones are not read
    limit_s : what takes longer is given up, by a clock that nobody sets

    Raises
    ------
    OSError : `strerror` with the reason: what is no file, is larger, is not there in time, or cannot be read
    """
    return within(limit_s, path, lambda: _read(path, max_bytes))


def _read(path: Path, max_bytes: int) -> bytes:
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        _check_size(path, size, max_bytes)
        data = file.read(max_bytes + 1) if size else b""  # of what the system only plays as a file, nothing
    _check_size(path, len(data), max_bytes)
    return data


def _check_size(path: Path, size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise OSError(errno.EFBIG, f"it must have at most {max_bytes} bytes, it has {size}", os.fspath(path))


def open_file(path: Path) -> BufferedReader:
    """Open a file for reading, without waiting for anybody; OSError for what is none, or cannot be opened."""
    try:
        _check_kind(path, os.stat(path))  # first, since some devices do something when they are opened
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:  # a name that no file can have
        raise OSError(errno.EINVAL, str(error), os.fspath(path)) from None
    try:
        _check_kind(path, os.fstat(descriptor))  # it may have been replaced
        return os.fdopen(descriptor, "rb")
    except OSError:
        os.close(descriptor)
        raise


def _check_kind(path: Path, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(found.st_mode):
        raise NotAFile(errno.EINVAL, "not a file", os.fspath(path))


def within(limit_s: float, path: Path, work: Callable[[], T]) -> T:
    """What a piece of work with a file returns or raises; a thread that hangs in the system is left alone.

    Parameters
    ----------
    limit_s : how long it may take
    path : the file, for the error
    work : with it; it changes nothing, for it may end at any time later

    Raises
    ------
    TimeoutError : an OSError; it took longer
    """
    ended: list[Callable[[], T]] = []
    thread = threading.Thread(target=_keep, args=(work, ended), name=f"reading {path.name}", daemon=True)
    thread.start()
    thread.join(limit_s)
    if not ended:
        raise TimeoutError(errno.ETIMEDOUT, f"not read within {limit_s:g} s", os.fspath(path))
    return ended[0]()


def _keep(work: Callable[[], T], ended: list[Callable[[], T]]) -> None:
    try:
        result = work()
    except BaseException as error:
        ended.append(_raising(error))
    else:
        ended.append(lambda: result)


def _raising(error: BaseException) -> Callable[[], Never]:
    def again() -> Never:
        raise error

    return again
