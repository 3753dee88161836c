"""What was written is on the disk when it says so: data and folders are synced, unless that is traded for speed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_SYNCED = ContextVar("synced", default=True)

# Seven files of a picture one after the other take up to twice as long: each waits for the journal of the file system.
AT_ONCE = 8
# Some systems and file systems cannot sync a folder, or not one that may not be read: there is nothing more to be had.
NOT_FOR_FOLDERS = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EACCES, errno.EPERM, errno.EBADF})


@contextmanager
def syncing(wanted: bool) -> Iterator[None]:
    """Whether what the body writes, and what it yields to, is synced; outside of any body it is."""
    before = _SYNCED.get()
    _SYNCED.set(wanted)
    try:
        yield
    finally:
        _SYNCED.set(before)  # no token, for a generator may be closed elsewhere than where it was begun


def sync_files(paths: Sequence[Path]) -> None:
    """Return once the data of these files are on the disk; OSError where the system says they cannot be."""
    paths = [path for path in paths if not path.is_symlink()] if _SYNCED.get() else []
    if len(paths) < 2:
        for path in paths:
            _sync(path, os.O_RDWR)
        return
    with ThreadPoolExecutor(min(len(paths), AT_ONCE)) as threads:
        for _ in threads.map(lambda path: _sync(path, os.O_RDWR), paths):
            pass


def sync_folders(folders: Iterable[Path]) -> None:
    """Return once the names in these folders are on the disk; OSError where the system says they cannot be."""
    for folder in sorted(set(folders)) if _SYNCED.get() else ():
        try:
            _sync(folder, os.O_RDONLY)
        except OSError as error:
            if error.errno not in NOT_FOR_FOLDERS:
                raise


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; each that is new is synced in the one it lies in. OSError if it cannot be."""
    new = []
    for path in (folder, *folder.parents):
        if os.path.isdir(path):
            break
        new.append(path)
    folder.mkdir(parents=True, exist_ok=True)
    sync_folders(path.parent for path in new)
