"""Disks that fill up in the middle of a second run into the folder of a first."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.soak.disks import resize_tmpfs, tmpfs, undisturbed_on_disks
from benchmarks.soak.part import Asked, Part, timed
from benchmarks.soak.program import (
    FAST,
    command,
    completed,
    damaged,
    draw_faces,
    files_of,
    temporaries,
    unlike_one_line,
)

PICTURES = 6
WORDS = (*FAST, "--workers=0", "--quiet")
ROOM = 64 * 2**20


def soak_full_disks(asked: Asked) -> Part:
    """Fill so many disks, at random places of a run."""
    with timed(Part("full disks")) as part:
        calm = undisturbed_on_disks(part, asked, PICTURES, *WORDS)
        if calm is None:
            return part
        pictures, first = calm
        needed = sum(path.stat().st_size for path in files_of(first).values())
        for number in range(asked.count):
            free = int(asked.rng.integers(needed // 2))
            with _nearly_full(asked.folder / "disk", first, free) as out:
                _fill(part, asked, pictures, out, f"disk {number + 1} of {free:,} free bytes")
    return part


@contextmanager
def _nearly_full(at: Path, first: Path, free: int) -> Iterator[Path]:
    """A disk with the results of the first run, and hardly any room."""
    with tmpfs(at, ROOM) as disk:
        out = Path(shutil.copytree(first, disk / "out"))
        resize_tmpfs(disk, free)
        yield out


def _fill(part: Part, asked: Asked, pictures: Path, out: Path, place: str) -> None:
    """Another run into the folder, of other pictures of the same names and of more of them."""
    before = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files_of(out).items()}
    more = asked.folder / f"more_{part.count}"
    draw_faces(more, 2 * PICTURES, asked.rng)
    code, said = completed(command(more, out, *WORDS), asked.folder / "said.txt")
    shutil.rmtree(more)
    if code == 0:
        part.done["there was room"] += 1
    else:
        part.done["full"] += 1
        part.lose(place, [f"exit code {code}"] if code != 1 else [])
        part.lose(place, unlike_one_line(said))
    part.lose(place, [f"{name} {problem}" for name, problem in damaged(out).items()])
    part.lose(place, [f"temporary file {name}" for name in temporaries(out)])
    kept = files_of(out)
    bytes_kept = {
        hashlib.sha256(path.read_bytes()).hexdigest() for path in kept.values()
    }  # also where they were put aside
    reports = [name for name in before if "/" not in name and not name.startswith("face_")]
    gone = [name for name in reports if name not in kept and before[name] not in bytes_kept]
    part.lose(place, [f"{name} of the run before is gone" for name in gone])
