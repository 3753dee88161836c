"""Small file systems of their own: an ext4 in a file, whose copy is what a power cut leaves, and one that is full."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.soak.part import Asked, Part
from benchmarks.soak.program import undisturbed

LOOP_BYTES = 48 * 2**20
MOST_COPIES = 200


class NoMount(Exception):
    """This machine does not let this user mount anything."""


@contextmanager
def ext4(image: Path, at: Path, fresh: bool = True) -> Iterator[Path]:
    """An ext4 in a file of its own, made anew or as it is, mounted for the body.

    Raises
    ------
    NoMount : with what the system says
    """
    if fresh:
        with image.open("wb") as file:
            file.truncate(LOOP_BYTES)
        _system("mkfs.ext4", "-q", "-F", str(image))
    with _mounted(at, "-o", "loop", str(image)):
        yield at


def copied_at_once(image: Path, copy: Path) -> None:
    """What a disk holds at one moment: copied until nothing was written to it while it was copied.

    A copy of blocks of different moments is what no power cut leaves: the journal may tell of a file whose blocks were
    read before they were written. The system writes on its own account as well, whether or not any program runs.
    """
    for _ in range(MOST_COPIES):
        held = image.read_bytes()
        if image.read_bytes() == held:
            copy.write_bytes(held)
            return
    raise RuntimeError(f"{image}: written to during each of {MOST_COPIES} copies")


@contextmanager
def tmpfs(at: Path, size: int) -> Iterator[Path]:
    """A file system in memory of at most so many bytes; NoMount as of `ext4`."""
    with _mounted(at, "-t", "tmpfs", "-o", f"size={size}", "tmpfs"):
        yield at


def resize_tmpfs(at: Path, free: int) -> None:
    """Leave so many bytes free."""
    found = os.statvfs(at)
    used = (found.f_blocks - found.f_bfree) * found.f_frsize
    _system("mount", "-o", f"remount,size={used + free}", str(at))


@contextmanager
def _mounted(at: Path, *words: str) -> Iterator[None]:
    at.mkdir(parents=True, exist_ok=True)
    _system("mount", *words, str(at))
    try:
        yield
    finally:
        _system("umount", "--lazy", str(at))  # lazily: a killed process may still be about to end in it


def checked(image: Path) -> list[str]:
    """What the file system's own check has to say of a copy after its journal was played back."""
    run = subprocess.run(["e2fsck", "-f", "-y", str(image)], capture_output=True, text=True, check=False)
    return [] if run.returncode in (0, 1) else [f"e2fsck ended with {run.returncode}: {run.stdout.strip()[-200:]}"]


@cache
def why_no_mount() -> str:
    """Why nothing can be mounted here; empty where it can."""
    if shutil.which("mkfs.ext4") is None:
        return "there is no mkfs.ext4"
    with TemporaryDirectory() as name:
        try:
            with ext4(Path(name) / "disk.img", Path(name) / "mounted"):
                return ""
        except NoMount as error:
            return str(error)


def undisturbed_on_disks(part: Part, asked: Asked, count: int, *words: str) -> tuple[Path, Path] | None:
    """As `undisturbed`; None, with a note, where nothing can be mounted."""
    why = why_no_mount()
    if why:
        part.notes.append(f"left out, nothing can be mounted here: {why}")
        return None
    return undisturbed(part, asked, count, *words)


def _system(*words: str) -> None:
    try:
        run = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NoMount(f"{words[0]}: {error.strerror}") from error
    if run.returncode:
        raise NoMount(f"{words[0]}: {run.stderr.strip()[:200]}")
