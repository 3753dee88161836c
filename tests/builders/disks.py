"""Disks that lose their power: file systems in files, and what they hold when such a file is copied as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from benchmarks.soak.disks import copied_at_once
from benchmarks.soak.program import standing_still

MEGABYTES = 64


def can_mount() -> bool:
    """Whether this user may make and mount disks here."""
    needed = ("mkfs.ext4", "mount", "umount")
    return (
        hasattr(os, "geteuid") and os.geteuid() == 0 and Path("/dev/loop0").exists() and all(map(shutil.which, needed))
    )


@contextmanager
def disk(folder: Path) -> Iterator[tuple[Path, Path]]:
    """A small ext4 disk that is mounted: where, and the file that holds it."""
    image, mount = folder / "disk.img", folder / "disk"
    with image.open("wb") as file:
        file.truncate(MEGABYTES * 2**20)
    _run("mkfs.ext4", "-q", "-F", str(image))
    with _mounted(image, mount):
        yield mount, image


@contextmanager
def after_power_cut(image: Path, folder: Path, run: subprocess.Popen[bytes] | None = None) -> Iterator[Path]:
    """What a disk would hold if the power went now: of what the system still keeps in memory, nothing.

    A program that writes to it, `run`, is held while it is copied.
    """
    copy, mount = folder / "cut.img", folder / "cut"
    with standing_still(run) if run else nullcontext():
        copied_at_once(image, copy)
    with _mounted(copy, mount):
        yield mount
    copy.unlink()


@contextmanager
def _mounted(image: Path, mount: Path) -> Iterator[None]:
    mount.mkdir(exist_ok=True)
    _run("mount", "-o", "loop", str(image), str(mount))
    try:
        yield
    finally:
        _run("umount", str(mount))


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=60)
