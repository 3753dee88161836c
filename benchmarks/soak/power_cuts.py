"""Power cuts: copies of the disk while a run goes on, and right after it says that it is done."""

from __future__ import annotations

import hashlib
import subprocess
import time
from pathlib import Path

from benchmarks.soak.disks import checked, copied_at_once, ext4, undisturbed_on_disks
from benchmarks.soak.part import Asked, Part, timed
from benchmarks.soak.program import (
    BARE,
    command,
    completed,
    damaged,
    ended,
    files_of,
    standing_still,
    started,
    temporaries,
    unequal,
    until_records,
)

PICTURES = 12
COPIES_PER_RUN = 4  # the last one right after success
LATEST_S = 0.3


def soak_power_cuts(asked: Asked) -> Part:
    """Copy the disk so many times; of each copy what is there must be whole, after success all of it."""
    with timed(Part("power cuts")) as part:
        found = undisturbed_on_disks(part, asked, PICTURES, *BARE)
        if found is None:
            return part
        pictures, calm = found
        for number in range(-(-asked.count // COPIES_PER_RUN)):
            copies = min(COPIES_PER_RUN, asked.count - number * COPIES_PER_RUN)
            _cut_off(part, asked, f"run {number + 1}", pictures, calm, copies)
    return part


def _cut_off(part: Part, asked: Asked, place: str, pictures: Path, calm: Path, copies: int) -> None:
    image = asked.folder / "disk.img"
    kept: list[tuple[str, Path]] = []
    with ext4(image, asked.folder / "disk") as disk:
        run = started(command(pictures, disk / "out", *BARE), asked.folder / "said.txt")
        for count in sorted(asked.rng.integers(PICTURES, size=copies - 1).tolist()):
            if until_records(run, disk / "out", int(count)):
                time.sleep(float(asked.rng.uniform(0, LATEST_S)))
            kept.append(("during a run" if run.poll() is None else "after a run", _copied(image, run, len(kept))))
        code = ended(run)
        kept.append(("right after success", _copied(image, run, len(kept))))
        told = {name: _sha256(path) for name, path in files_of(disk / "out").items()}
    if code != 0:
        part.lose(place, [f"exit code {code}"])
    for number, (when, copy) in enumerate(kept):
        part.done[when] += 1
        _examine(part, asked, f"{place}, copy {number + 1} {when}", copy, told, pictures, calm)
        copy.unlink()


def _copied(image: Path, run: subprocess.Popen[bytes], number: int) -> Path:
    """What would be on the disk were the power cut now; the program stands still meanwhile, as it would for good."""
    copy = image.with_name(f"copy_{number}.img")
    with standing_still(run):
        copied_at_once(image, copy)
    return copy


def _examine(
    part: Part, asked: Asked, place: str, copy: Path, told: dict[str, str], pictures: Path, calm: Path
) -> None:
    with ext4(copy, asked.folder / "copied", fresh=False) as disk:
        out = disk / "out"
        there = damaged(out) if out.exists() else {}
        log = {name for name in there if name.endswith(".log") and "during" in place}  # it is on the disk at the end
        problems = [f"{name} {problem}" for name, problem in there.items() if name not in log]
        if "during" not in place:
            kept = {name: _sha256(path) for name, path in files_of(out).items()}
            problems += [f"{name} is missing" for name in told if name not in kept]
            problems += [f"{name} has other bytes" for name in kept if told.get(name, kept[name]) != kept[name]]
            problems += [f"temporary file {name}" for name in temporaries(out)]
        elif not problems:
            code, said = completed(command(pictures, out, *BARE, "--resume"), asked.folder / "resumed.txt")
            problems += unequal(out, calm) if code == 0 else [f"--resume ended with {code}: {said.strip()[-300:]}"]
        part.lose(place, problems)
    part.lose(place, checked(copy))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
