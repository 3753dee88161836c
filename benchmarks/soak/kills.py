"""SIGKILL at random times: of the parent, a worker, the fork server, or all of them; then `--resume`."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.soak.part import Asked, Part, timed
from benchmarks.soak.program import (
    BARE,
    command,
    completed,
    damaged,
    ended,
    kill_group,
    processes_of,
    started,
    undisturbed,
    unequal,
    until_records,
)
from dscope_blink.files.names import RESULT

PICTURES = 14  # the first eight are inspected before there are other processes
KILLS_PER_FOLDER = 4  # one after another, each run going on with what the last one left
VICTIMS = ("parent", "worker", "fork server", "all")
LATEST_S = 0.3  # after a record that was waited for
EVERY_S = 0.01


def soak_kills(asked: Asked) -> Part:
    """Kill so many runs; after every fourth the folder must come out as that of an undisturbed run."""
    with timed(Part("kills")) as part:
        found = undisturbed(part, asked, PICTURES, *BARE)
        if found is None:
            return part
        pictures, calm = found
        while part.count < asked.count and part.count + len(part.lost) < 2 * asked.count:
            out = asked.folder / f"out_{part.count}"
            _disturb(part, asked, pictures, out)
            code, said = completed(command(pictures, out, *BARE, "--resume"), asked.folder / "resumed.txt")
            problems = unequal(out, calm) if code == 0 else [f"--resume ended with {code}: {said.strip()[-300:]}"]
            part.lose(out.name, problems)
    return part


def _disturb(part: Part, asked: Asked, pictures: Path, out: Path) -> None:
    left: list[subprocess.Popen[bytes]] = []
    for number in range(min(KILLS_PER_FOLDER, asked.count - part.count)):
        victim = VICTIMS[int(asked.rng.integers(len(VICTIMS)))]
        run = started(command(pictures, out, *BARE, "--resume"), asked.folder / "said.txt")
        left.append(run)
        there = len(list(out.glob(f"*{RESULT}")))
        if until_records(run, out, there + int(asked.rng.integers(max(PICTURES - there, 1)))):
            time.sleep(float(asked.rng.uniform(0, LATEST_S)))
            victim = _killed(run, victim)
            part.done[f"of {victim}"] += run.returncode is None
        code = ended(run)
        place = f"{out.name}, kill {number + 1} of {victim}"
        said = (asked.folder / "said.txt").read_text(encoding="utf-8", errors="replace")
        if code is None:
            part.lose(place, ["the run did not end"])
        elif "Traceback" in said:
            part.lose(place, [f"a traceback: {said.strip().splitlines()[-1][:200]}"])
        part.lose(place, [f"{name} {problem}" for name, problem in damaged(out).items()] if out.exists() else [])
    for run in left:  # orphans of a killed parent
        kill_group(run)


def _killed(run: subprocess.Popen[bytes], victim: str) -> str:
    """Kill one, and say which: where there never is such a process, the parent, if it still is."""
    if victim == "all":
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        return victim
    found = processes_of(run)
    while victim != "parent" and not found[victim] and run.poll() is None:  # they start beside the first pictures
        time.sleep(EVERY_S)
        found = processes_of(run)
    victim = victim if found[victim] else "parent"
    for process in found[victim][:1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return victim
