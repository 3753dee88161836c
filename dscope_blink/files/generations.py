"""One generation of processes for each run into a folder: what an earlier run has left behind writes there no more."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from dscope_blink.files.names import LOCK, RUN
from dscope_blink.records import UserError

MOST_WAIT_S = 10.0  # for a process of an earlier run that is just renaming
LOOK_S = 0.05  # from one try to the next


class RunEnded(UserError):
    """The run that a process belongs to has ended, or its folder is gone: nothing is written there."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One run into a folder; it travels with each job."""

    folder: Path
    token: str

    def check(self) -> None:
        """RunEnded unless this is still the run that writes into the folder; it says what is missing."""
        for name in (LOCK, RUN):
            if not os.path.exists(self.folder / name):
                what = "the folder was removed" if not os.path.isdir(self.folder) else f"{name} was removed"
                raise RunEnded(f"output folder {self.folder}: {what} while the run went on")
        if _text_of(self.folder / RUN) != self.token:
            raise RunEnded(f"output folder {self.folder}: another run has begun there")


_CURRENT: ContextVar[Generation | None] = ContextVar("generation", default=None)


def current() -> Generation | None:
    """That of the run which this belongs to; None: it belongs to none."""
    return _CURRENT.get()


@contextmanager
def belonging_to(generation: Generation | None) -> Iterator[None]:
    """What the body writes into the folder, and what it yields to, is of this run."""
    before = _CURRENT.get()
    _CURRENT.set(generation)
    try:
        yield
    finally:
        _CURRENT.set(before)


def begin(folder: Path) -> Generation:
    """A new generation; whoever holds the lock of the folder begins it.

    Raises
    ------
    UserError : a process of an earlier run does not let go
    OSError : it cannot be written
    """
    generation = Generation(folder, uuid.uuid4().hex)
    _replace_text(folder / RUN, generation.token)
    return generation


def end(generation: Generation) -> None:
    """Nothing more is written by this run, whatever is still at work."""
    path = generation.folder / RUN
    with suppress(OSError, UserError):
        if _text_of(path) == generation.token:
            _replace_text(path, "")  # for a process that has opened it already
            path.unlink()


@contextmanager
def still_ours(path: Path) -> Iterator[None]:
    """The body renames or removes in the folder of the run; meanwhile no other run can begin there.

    Parameters
    ----------
    path : what it is about; beyond the folder of the run, and where there is no run, all is allowed

    Raises
    ------
    RunEnded : another run has begun in the folder, or the folder or its lock was removed
    """
    generation = _CURRENT.get()
    if generation is None or generation.folder not in (path, *path.parents):
        yield
        return
    generation.check()
    with _held(generation.folder / RUN, exclusively=False):
        generation.check()  # it may have been another's by the time it was held
        yield


def _text_of(path: Path) -> str:
    with suppress(OSError):
        return path.read_text("ascii", "replace")
    return ""


def _replace_text(path: Path, text: str) -> None:
    """In place: who holds the file holds it still."""
    path.touch()
    with _held(path, exclusively=True):
        path.write_text(text, "ascii")


@contextmanager
def _held(path: Path, exclusively: bool) -> Iterator[None]:
    """A lock of the system on a small file, for moments only; without one where the system has none."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(path, os.O_RDWR if exclusively else os.O_RDONLY)  # as NFS wants it
    how = (fcntl.LOCK_EX if exclusively else fcntl.LOCK_SH) | fcntl.LOCK_NB
    deadline = time.monotonic() + MOST_WAIT_S
    try:
        while True:
            try:
                fcntl.flock(descriptor, how)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise UserError(f"{path}: a process of an earlier run does not let go of it") from None
                time.sleep(LOOK_S)
                continue
            except OSError:  # no locks here: what is checked before is all there is
                pass
            break
        yield
    finally:
        os.close(descriptor)
