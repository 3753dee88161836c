"""Pictures that appear in a folder, or are replaced there, while it is watched."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TypeAlias

from watchdog.events import (
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from dscope_blink.files.manifest import Manifest
from dscope_blink.files.names import Names
from dscope_blink.files.pictures import Found, find_images
from dscope_blink.files.plan import ImageFile, plan_images, unnamed
from dscope_blink.files.whole_files import FileState, state_of
from dscope_blink.records import Request, printable

# Looking into a folder and reading a file are told too, and would wake the next look for ever.
TELLING = [FileCreatedEvent, FileModifiedEvent, FileMovedEvent, FileClosedEvent, DirMovedEvent]
MOST_LOOKING = 0.1  # of the time: in a folder of a million files one look takes seconds

logger = logging.getLogger("dscope.watching")


@dataclass(frozen=True, slots=True)
class Watched:
    """A folder that is watched, and what is asked of the pictures in it."""

    folder: Path
    recursive: bool
    output_dir: Path
    manifest: Manifest
    defaults: Request
    settle_s: float  # so long without a change a file counts as finished
    interval_s: float  # the longest time from one look into the folder to the next

    @property
    def requests(self) -> tuple[Request, ...]:
        """All that may be asked of a picture."""
        return (self.defaults, *self.manifest.requests.values())


def arrivals(watched: Watched, at_rest: Callable[[], None] = lambda: None) -> Iterator[tuple[ImageFile, ...]]:
    """Yield the pictures of the folder as they come: first all that are there, then what is new or was changed.

    A picture is handed over once it looked the same twice, `settle_s` apart. What the system tells of the folder only
    makes the next look come sooner: from network drives, and where too many folders are watched, it tells nothing.

    Parameters
    ----------
    watched : the folder
    at_rest : called after each look at which nothing was new or being written

    Yields
    ------
    Pictures that are ready, in natural order; never none. A picture that was changed comes again, under its old name

    Raises
    ------
    UserError : a result would overwrite a picture
    """
    plan, told, told_all = _Plan(watched), set[str](), False
    known: _States = {}  # as they were handed over
    before: _States = {}  # as they were at the last look
    with _woken(watched) as event:
        while True:
            event.clear()
            started = time.monotonic()
            found = find_images(watched.folder, watched.recursive, watched.output_dir)
            seen = _states(found)
            took_s = time.monotonic() - started
            _warn(found.warnings if told_all else (*found.warnings, *found.left_out), told)
            told_all = True  # how much is left out changes with each picture that is drawn
            changed = [file for file, state in seen.items() if known.get(file) != state]
            ready = [file for file in changed if before.get(file) == seen[file]]
            known.update({file: seen[file] for file in ready})
            before = seen
            if ready:
                yield plan.of(ready)
            time.sleep(max(watched.settle_s, took_s / MOST_LOOKING))
            if not changed:
                at_rest()
            if len(ready) == len(changed):
                event.wait(watched.interval_s)


_States: TypeAlias = dict[str, FileState]  # of files relative to the folder


def _states(found: Found) -> _States:
    """In the order of the files; one that is gone again is left out."""
    states = {}
    for file in found.files:
        with suppress(OSError):
            states[file] = state_of(found.folder / file)
    return states


def _warn(warnings: Iterable[str], told: set[str]) -> None:
    for warning in warnings:
        if warning not in told:
            logger.warning(warning)
    told.update(warnings)


class _Plan:
    """What is asked of each picture and how its results are named, which stays so when more pictures come."""

    def __init__(self, watched: Watched) -> None:
        self._watched, self._names = watched, Names()
        self._images: dict[str, ImageFile] = {}

    def of(self, files: Iterable[str]) -> tuple[ImageFile, ...]:
        files = tuple(files)
        new = tuple(file for file in files if file not in self._images)
        watched = self._watched
        found = Found(watched.folder, new)
        images = plan_images(found, watched.output_dir, watched.manifest, watched.defaults, self._names)
        if watched.manifest.requests:
            _warn(unnamed(images, watched.manifest), set())
        self._images.update(zip(new, images, strict=True))
        return tuple(self._images[file] for file in files)


@contextmanager
def _woken(watched: Watched) -> Iterator[Event]:
    """An event that is set whenever the system tells that a file of the folder has changed."""
    event = Event()
    try:
        observer = _started(watched, event)
    except OSError as error:
        every = f"it is looked into every {watched.interval_s:g} s"
        logger.warning("%s: the system tells nothing of it, %s: %s", printable(str(watched.folder)), every, error)
        yield event
        return
    try:
        yield event
    finally:
        observer.stop()
        observer.join()


def _started(watched: Watched, event: Event) -> BaseObserver:
    """OSError where the system has no more to give: no observer, or none for so many folders."""
    observer = Observer()
    try:
        observer.schedule(_Waking(event), str(watched.folder), recursive=watched.recursive, event_filter=TELLING)
        observer.start()
    except OSError:
        observer.stop()  # it holds what others may need
        raise
    return observer


class _Waking(FileSystemEventHandler):
    def __init__(self, event: Event) -> None:
        self._event = event

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._event.set()
