"""The program as a user starts it, on small rendered faces, and what its folder of results must hold."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil

from benchmarks.rendered import ROOT
from benchmarks.soak.part import Asked, Part
from dscope_blink.files.names import RESULT
from dscope_blink.files.whole_files import TEMPORARY
from dscope_blink.synthetic.faces import FaceSpec, render_face
from dscope_blink.synthetic.scenes import random_blemishes

PATIENCE_S = 300.0  # with a run that is to end by itself
SHAPE, UM_PER_PX = (240, 260), 0.8
FACE = FaceSpec(shape=SHAPE, centre_px=(128.3, 121.2), um_per_px_x=UM_PER_PX, um_per_px_y=UM_PER_PX)
FAST = ("--profile=fast_scan", "--fiber-class=multimode", "--core-diameter-um=50", "--cladding-diameter-um=125")
BARE = (*FAST, "--no-plots", "--no-report", "--workers=2")
# Of the record: what the clock decides, and what says who made it.
BY_THE_CLOCK = ("timings_s", "provenance", "record_sha256", "outputs")


def draw_faces(folder: Path, count: int, rng: np.random.Generator) -> Path:
    """A folder of `count` small faces, every other one with marks."""
    folder.mkdir(parents=True)
    for number in range(count):
        marks = random_blemishes(rng, FACE, 3, size_um=(5.0, 15.0)) if number % 2 else ()
        image = render_face(FACE, marks, rng).image
        (folder / f"face_{number:03d}.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
    return folder


def command(pictures: Path, out: Path, *words: str) -> list[str]:
    """What starts the program."""
    return [sys.executable, str(ROOT / "main.py"), "inspect", str(pictures), f"--output-dir={out}", *words]


def started(words: list[str], said: Path) -> subprocess.Popen[bytes]:
    """The program in a session of its own; what it says on stderr goes to a file."""
    with said.open("wb") as stderr:
        return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True, cwd=ROOT)


def ended(run: subprocess.Popen[bytes]) -> int | None:
    """The exit code; None of a run that does not end, which is killed."""
    try:
        return run.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        kill_group(run)
        return None


def kill_group(run: subprocess.Popen[bytes]) -> None:
    """All that is left of a run."""
    with suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()


@contextmanager
def standing_still(run: subprocess.Popen[bytes]) -> Iterator[None]:
    """A program that was `started`, held where it is for the body."""
    with suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGCONT)


def completed(words: list[str], said: Path) -> tuple[int | None, str]:
    """Run to the end: the exit code, and what was said."""
    code = ended(started(words, said))
    return code, said.read_text(encoding="utf-8", errors="replace")


def undisturbed(part: Part, asked: Asked, count: int, *words: str) -> tuple[Path, Path] | None:
    """So many faces and the results of a run over them that nothing came in the way of; None where that failed."""
    pictures, out = draw_faces(asked.folder / "pictures", count, asked.rng), asked.folder / "calm"
    code, said = completed(command(pictures, out, *words), asked.folder / "calm.txt")
    if code != 0:
        part.lose("undisturbed run", [f"exit code {code}: {said[-300:]}"])
        return None
    return pictures, out


def until_records(run: subprocess.Popen[bytes], out: Path, count: int) -> bool:
    """Wait until so many records lie in the folder; False when the run ended before."""
    limit = time.monotonic() + PATIENCE_S
    while run.poll() is None and time.monotonic() < limit:
        if sum(1 for _ in out.glob(f"*{RESULT}")) >= count:
            return True
        time.sleep(0.005)
    return False


def processes_of(run: subprocess.Popen[bytes]) -> dict[str, list[psutil.Process]]:
    """The processes of a run by what they are: parent, fork server, worker."""
    found: dict[str, list[psutil.Process]] = {"parent": [], "fork server": [], "worker": []}
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(run.pid)
        found["parent"] = [parent]
        for child in parent.children():
            if "forkserver" in " ".join(child.cmdline()):
                found["fork server"].append(child)
                found["worker"] += child.children()
    return found


# --- what lies in a folder of results


def files_of(out: Path) -> dict[str, Path]:
    """Every file by its name in the folder, but for locks."""
    found = (path for path in sorted(out.rglob("*")) if path.is_file() and "lost+found" not in path.parts)
    return {path.relative_to(out).as_posix(): path for path in found if not path.name.startswith(".dscope-blink.")}


def temporaries(out: Path) -> list[str]:
    """Files that are not whole yet."""
    return [path.relative_to(out).as_posix() for path in out.rglob(TEMPORARY)]


def records(out: Path) -> dict[str, Any]:
    """What the records say, without what the clock decides."""
    found = {path.name: json.loads(path.read_bytes()) for path in out.rglob(f"*{RESULT}")}
    return {
        name: {key: value for key, value in record.items() if key not in BY_THE_CLOCK} for name, record in found.items()
    }


def unequal(out: Path, undisturbed: Path) -> list[str]:
    """In what a folder differs from that of a run that nobody disturbed."""
    problems = [f"temporary file {name}" for name in temporaries(out)]
    problems += [f"{name} {problem}" for name, problem in damaged(out).items()]
    there, wanted = files_of(out), files_of(undisturbed)
    problems += [f"{name} is missing" for name in wanted if name not in there and not _is_of_a_run(name)]
    if not problems:
        mine, its = records(out), records(undisturbed)
        problems += [f"{name} differs" for name in its if mine.get(name) != its[name]]
    return problems


def _is_of_a_run(name: str) -> bool:
    """How many of these there are depends on how many runs there were."""
    return name.startswith(("earlier_reports_", "manifests/"))


def damaged(out: Path) -> Mapping[str, str]:
    """The files, not counting temporary ones, that are not whole, and what is wrong with each."""
    problems = {name: _why_damaged(path) for name, path in files_of(out).items() if not path.match(TEMPORARY)}
    return {name: problem for name, problem in problems.items() if problem}


def _why_damaged(path: Path) -> str:
    data = path.read_bytes()
    if not data.strip(b"\0"):
        return "is empty" if not data else "is all zeros"
    try:
        check = _WHOLE.get(path.suffix)
        return "" if check is None else check(data)
    except (ValueError, csv.Error) as error:
        return f"is not whole: {error}"


def _json(data: bytes) -> str:
    json.loads(data)
    return ""


def _csv(data: bytes) -> str:
    rows = list(csv.reader(data.decode("utf-8-sig").splitlines()))
    widths = {len(row) for row in rows if row}
    return "" if len(widths) == 1 and data.endswith(b"\n") else f"has rows of {sorted(widths)} columns"


def _picture(data: bytes) -> str:
    return "" if cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) is not None else "is no picture"


_WHOLE: dict[str, Callable[[bytes], str]] = {
    ".json": _json,
    ".csv": _csv,
    ".png": _picture,
    ".jpg": _picture,
    ".html": lambda data: "" if data.rstrip().endswith(b"</html>") else "ends early",
}


def unlike_one_line(said: str) -> list[str]:
    """What is wrong with what a run said that could not go on: one line, and no traceback."""
    if "Traceback" in said:
        return [f"a traceback: {said.strip().splitlines()[-1][:200]}"]
    lines = [line for line in said.splitlines() if line.strip()]
    return [] if len(lines) == 1 else [f"{len(lines)} lines were said"]
