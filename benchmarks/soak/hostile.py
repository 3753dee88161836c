"""Hostile files in one batch: each must become a row, and the run must end, within bounds of memory and time."""

from __future__ import annotations

import contextlib
import csv
import subprocess
import time
from collections import Counter

import psutil

from benchmarks.soak.hostile_files import hostile_files
from benchmarks.soak.part import Asked, Part, timed
from benchmarks.soak.program import BARE, command, damaged, kill_group, started, temporaries

PATIENCE_S = 3600.0
EVERY_S = 0.1
MIB = 2**20


def soak_hostile(asked: Asked) -> Part:
    """Inspect so many hostile files with two workers."""
    with timed(Part("hostile files")) as part:
        pictures, out = asked.folder / "pictures", asked.folder / "out"
        pictures.mkdir(parents=True)
        names = []
        for name, data in hostile_files(int(asked.rng.integers(2**31)), asked.count):
            (pictures / name).write_bytes(data)
            if not _is_other_json(name, data):
                names.append(name)
        run = started(command(pictures, out, *BARE), asked.folder / "said.txt")
        largest, together = _watched(run)
        part.done["files"] = asked.count
        part.notes.append(f"memory at most {largest} MiB in a process, {together} MiB in all of them")
        said = (asked.folder / "said.txt").read_text(encoding="utf-8", errors="replace")
        if "Traceback" in said:
            part.lose("the run", [f"a traceback: {said.strip().splitlines()[-1][:200]}"])
        if run.returncode not in (0, 1, 4):  # 4: not one of them could be graded
            part.lose("the run", [f"exit code {run.returncode}: {said.strip()[-300:]}"])
            return part
        with (out / "summary_report.csv").open(encoding="utf-8-sig", newline="") as file:
            found = list(csv.DictReader(file))
        files = {row["Image_Filename"] for row in found}
        part.lose("the table", [f"no row of {name}" for name in names if name not in files])
        slowest = max(found, key=lambda row: float(row.get("Processing_Time_s") or 0), default={})
        statuses = dict(Counter(row["Pass/Fail_Status"] for row in found))
        part.notes.append(f"longest {slowest.get('Processing_Time_s')} s ({slowest.get('Image_Filename')}); {statuses}")
        part.lose("results", [f"{name} {problem}" for name, problem in damaged(out).items()])
        part.lose("results", [f"temporary file {name}" for name in temporaries(out)])
    return part


def _is_other_json(name: str, data: bytes) -> bool:
    """JSON of anything but pixels lies beside pictures everywhere, and is none."""
    return name.endswith(".json") and data.lstrip()[:1] in (b"{", b"[") and b'"pixels"' not in data[:4096]


def _watched(run: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Wait for the end; MiB that were resident at most in one process and in all of them together."""
    largest = together = 0
    limit = time.monotonic() + PATIENCE_S
    while run.poll() is None:
        if time.monotonic() > limit:
            kill_group(run)
            break
        sizes = _resident(run.pid)
        largest, together = max(largest, *sizes, 0), max(together, sum(sizes))
        time.sleep(EVERY_S)
    return largest // MIB, together // MIB


def _resident(pid: int) -> list[int]:
    sizes = [0]
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                sizes.append(process.memory_info().rss)
    return sizes
