"""The lock of a folder of results, so that no two runs write to one, also where the file system has no locks."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from dscope_blink.files.names import HELD, LOCK
from dscope_blink.files.whole_files import writing
from dscope_blink.records import UserError

# NFS without a lock service, and what knows no locks at all. Whoever mounts it can mend that, and nobody should write
# where another machine may write too.
NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP})
NOT_MADE = errno.ENOSYS  # a file system in a program of its own (FUSE) that never had them: a file does instead


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder of results, which is made if need be.

    The lock file stays behind as the mark of a folder in which this program has worked.

    Raises
    ------
    UserError : another run holds it, or the file system has no locks; nothing was written then
    WriteFailed : it cannot be written
    """
    lock = _lock_of(folder)
    with writing(folder / LOCK):
        held = _acquired(lock)
    if not held:
        killed = f", or one was killed there: then remove {HELD}" if isinstance(lock, SoftFileLock) else ""
        raise UserError(f"output folder {folder}: another run is writing to it{killed}")
    try:
        yield
    finally:
        lock.release()


def check_locks(folder: Path) -> None:
    """UserError where the file system of a folder of results has no locks; it is made if need be."""
    _lock_of(folder)


def _lock_of(folder: Path) -> BaseFileLock:
    # `Path.exists` would raise where the folder may not be read; `writing` has the words for that.
    made = [path for path in (folder / LOCK, folder, *folder.parents) if not os.path.exists(path)]
    with writing(folder / LOCK):
        error = _error_of_locking(folder / LOCK)
    if error in NO_LOCKS:
        _remove(made)
        raise UserError(f"output folder {folder}: its file system has no locks ({os.strerror(error)})")
    return SoftFileLock(folder / HELD) if error == NOT_MADE else FileLock(folder / LOCK)


def _error_of_locking(path: Path) -> int:
    """With which number the system refuses to lock this file, which is made; 0 where it does, or another run has."""
    with path.open("ab") as file:
        if sys.platform != "win32":  # which has locks of its own
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError as error:
                return error.errno if error.errno in NO_LOCKS | {NOT_MADE} else 0
    return 0


def _remove(made: list[Path]) -> None:
    """From the innermost on."""
    for path in made:
        with suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink()


def _acquired(lock: BaseFileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True
