"""A file written whole or not at all, and read only when it is whole."""

from __future__ import annotations

import contextlib
import errno
import os
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from dscope_blink.records import UnreadableImage, UserError

TEMPORARY = ".*.dscope-tmp"  # the names of files that are not whole yet


def write_file(path: Path, data: bytes) -> None:
    """Write `data` as `write_parts` does."""
    write_parts(path, (data,))


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """Write the parts of a file one after the other, as `whole_file` does."""
    with whole_file(path) as temporary, temporary.open("wb") as file:
        file.writelines(parts)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name beside the file, to be written under; afterwards it is renamed.

    Parameters
    ----------
    path : the file, replaced where it exists

    Raises
    ------
    UserError
        Naming the file and the reason, where the system refuses; the temporary file is removed then.
    """
    temporary = path.with_name(TEMPORARY.replace("*", uuid.uuid4().hex))  # unique also among the machines of a cluster
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


class WriteFailed(UserError):
    """A result cannot be written: what was finished is kept."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Make the folder of a file to be written; what the system refuses is WriteFailed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except UserError as error:
        raise WriteFailed(str(error)) from error
    except OSError as error:
        raise WriteFailed(f"{error.filename or path} cannot be written: {error.strerror or error}") from error


def is_of_writing(error: Exception) -> bool:
    """Whether an error says that the system takes no more files: the disk is full, or there is no permission."""
    return isinstance(error, UserError) or (isinstance(error, OSError) and error.errno in NO_ROOM)


NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


def read_whole(path: Path, max_bytes: int, settle_s: float, max_wait_s: float) -> bytes:
    """Read a file that another program may still be writing.

    A file that was changed a short while ago is waited for until it stays as it is; one that changes while it is read
    is read again. A date in the future, as a wrong clock gives it, counts as short ago.

    Parameters
    ----------
    path : the file
    max_bytes : larger files are not read
    settle_s : so long without a change a file counts as finished
    max_wait_s : the longest wait for that

    Raises
    ------
    UnreadableImage : too large, or still being written when the wait is over
    OSError : the file cannot be read
    """
    deadline, before = time.monotonic() + max_wait_s, None
    while True:
        seen = state_of(path)
        age_s = _age_s(seen)
        if seen.size > max_bytes:
            raise UnreadableImage(f"the file must have at most {max_bytes} bytes, it has {seen.size}")
        if age_s >= settle_s or seen == before:
            data = path.read_bytes()
            if state_of(path) == seen:
                return data
        if time.monotonic() >= deadline:
            raise UnreadableImage(f"the file was still being written after {max_wait_s:g} s")
        time.sleep(settle_s - age_s if 0 < age_s < settle_s else settle_s)
        before = seen


class FileState(NamedTuple):
    """What differs once a file was changed."""

    inode: int
    size: int
    changed_ns: int
    touched_ns: int  # a copy sets the date of the original, at times before it is whole; this one no program can set


def state_of(path: Path) -> FileState:
    """The state of a file; OSError if there is none."""
    stat = os.stat(path)
    return FileState(stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def _age_s(state: FileState) -> float:
    """For how long it has been so."""
    return time.time() - state.changed_ns / 1e9
