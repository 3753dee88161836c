"""A file written whole or not at all, on the disk before it has its name, and read only when it is whole."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

from dscope_blink.files.generations import still_ours
from dscope_blink.files.syncing import make_folder, sync_files, sync_folders
from dscope_blink.records import UnreadableImage, UserError, open_file

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
    """A temporary name beside the file, to be written under; afterwards it is synced, renamed, and the folder synced.

    Within `together` all of that waits until its end.

    Parameters
    ----------
    path : the file, replaced where it exists

    Raises
    ------
    UserError
        Naming the file and the reason, where the system refuses; the temporary file is removed then.
    RunEnded
        It lies in the folder of a run that is no longer the one that this belongs to; `writing` makes it WriteFailed.
    """
    temporary, gathered = path.with_name(_temporary_name()), _TOGETHER.get()
    try:
        yield temporary
        if gathered is None:
            _place({path: temporary})
        else:
            gathered.waiting[path] = temporary
            return
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        if gathered is None or gathered.waiting.get(path) != temporary:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _temporary_name() -> str:
    return TEMPORARY.replace("*", uuid.uuid4().hex)  # unique also among the machines of a cluster


def _place(files: Mapping[Path, Path]) -> None:
    """Give files their names once their data are on the disk; in order. OSError where that cannot be."""
    sync_files(list(files.values()))
    with still_ours(next(iter(files))):
        for path, temporary in files.items():
            os.replace(temporary, path)
    sync_folders(path.parent for path in files)


class Together:
    """Files of one result, which get their names together."""

    def __init__(self) -> None:
        self.waiting: dict[Path, Path] = {}  # the temporary names, by the names to be
        self.outputs: dict[str, str] = {}  # at the end: sha256 by name, without its folder


_TOGETHER: ContextVar[Together | None] = ContextVar("together", default=None)


@contextlib.contextmanager
def together() -> Iterator[Together]:
    """What the body writes is synced all at once at its end, then renamed in order, then the folders are synced.

    One after the other, each file would wait for the disk twice. Where the body fails nothing is renamed.

    Raises
    ------
    UserError : as `whole_file`
    """
    gathered = Together()
    before = _TOGETHER.get()
    _TOGETHER.set(gathered)
    try:
        yield gathered
        gathered.outputs = {path.name: digest(temporary) for path, temporary in gathered.waiting.items()}
        if gathered.waiting:
            _place(gathered.waiting)
    except OSError as error:
        named = {os.fspath(temporary): path for path, temporary in gathered.waiting.items()}
        path = named.get(str(error.filename), error.filename)
        raise UserError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        _TOGETHER.set(before)
        for temporary in gathered.waiting.values():
            with contextlib.suppress(OSError):
                temporary.unlink()


def digest(path: Path) -> str:
    """The sha256 of a file, read piece by piece; OSError if it cannot be read."""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def as_written(path: Path) -> Path:
    """Where the data of a file lie now: within `together` it may not have its name yet."""
    gathered = _TOGETHER.get()
    return path if gathered is None else gathered.waiting.get(path, path)


def discard(path: Path) -> None:
    """Remove a file, also one that has not its name yet; OSError where it cannot be."""
    gathered = _TOGETHER.get()
    if gathered is not None and path in gathered.waiting:
        gathered.waiting.pop(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def remove_files(record: Path, others: Sequence[Path]) -> None:
    """Remove a record, and what it says is complete once it is gone from the disk.

    Raises
    ------
    RunEnded : they lie in the folder of a run that is no longer the one that this belongs to
    OSError : one cannot be removed
    """
    with still_ours(record):
        if os.path.lexists(record):
            record.unlink(missing_ok=True)
            sync_folders([record.parent])
        for path in others:
            path.unlink(missing_ok=True)


class WriteFailed(UserError):
    """A result cannot be written: what was finished is kept."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Make the folder of a file to be written; what the system refuses is WriteFailed."""
    try:
        with still_ours(path):
            make_folder(path.parent)
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
            with open_file(path) as file:
                data = file.read(max_bytes + 1) if seen.size else b""
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
