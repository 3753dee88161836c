"""How many images a second a batch inspects, with all its files written: python benchmarks/throughput.py

One and two processes of this machine and a Dask cluster of two take turns on rendered pictures of 1152 x 864, for each
profile without plots and for deep_inspection with them; medians over --repeats. The rate is that of a batch that runs:
from the image at which all workers are busy to the last. Then --memory images in one batch, with the memory of its
processes on the way, and what a million images would take. `--only memory` and `--only rates` do one of the two.
`--beside CHECKOUT` does neither: two processes of this program and of another checkout take turns, and the rates stand
side by side.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import psutil
from distributed import LocalCluster

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.rendered import ROOT, ordinary_face
from dscope_blink.synthetic.faces import render_face
from dscope_blink.synthetic.scenes import random_blemishes

SIZE = (864, 1152)
FACES, MARKS = 12, 5  # every other one without a blemish
WARM = 16  # images until every worker has loaded all it needs and is busy
ASKED_SCALING, ASKED_GROWTH_PCT = 1.8, 5.0
MILLION = 1_000_000
ENVIRONMENT = dict(os.environ)  # a cluster changes that of its parent, and with it the speed of every other child


@dataclass(frozen=True, slots=True)
class Way:
    """A way to run a batch."""

    name: str
    words: tuple[str, ...] = ()
    on_cluster: bool = False
    root: Path = ROOT  # of the program


def pictures(folder: Path, count: int) -> Path:
    """A folder of as many pictures, each face under many names."""
    folder.mkdir()
    faces = []
    for k in range(FACES):
        rng = np.random.default_rng((31, k))
        spec = ordinary_face(rng, shape=SIZE)
        marks = random_blemishes(rng, spec, MARKS) if k % 2 else ()
        faces.append(folder / f"face_{k}_0.png")
        cv2.imwrite(str(faces[-1]), render_face(spec, marks, rng).image)
    for k in range(FACES, count):
        os.link(faces[k % FACES], folder / f"face_{k % FACES}_{k}.png")
    return folder


MEASURED = (0, 1)  # exit codes; 1: some face could not be graded, which takes its time too


@contextmanager
def run(source: Path, *words: str, root: Path = ROOT) -> Iterator[subprocess.Popen[str]]:
    """The program while it inspects a folder; it prints a line for each image that is finished."""
    with tempfile.TemporaryDirectory(dir=source.parent) as output:
        line = [f"--input-dir={source}", f"--output-dir={output}", "--cladding-diameter-um=125", *words]
        command = [sys.executable, str(root / "main.py"), "inspect", *line, "--json-progress"]
        # In its own folder: the server that workers are forked from would import the package of this one.
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT, cwd=root) as program:
            yield program
        if program.returncode not in MEASURED:
            raise SystemExit(f"{' '.join(command)}: exit code {program.returncode}")


def moments(source: Path, way: Way, task: Sequence[str]) -> list[float]:
    """When each image is finished."""
    with (
        cluster() if way.on_cluster else nullcontext(()) as address,
        run(source, *task, *way.words, *address, root=way.root) as program,
    ):
        assert program.stdout is not None
        return [perf_counter() for _ in program.stdout]


def rate(finished: Sequence[float]) -> float:
    """Images a second once all workers are busy."""
    return (len(finished) - WARM) / (finished[-1] - finished[WARM - 1])


def measure(source: Path, ways: Sequence[Way], tasks: Sequence[tuple[str, ...]], repeats: int) -> Mapping[str, float]:
    """Images a second by task and way; the ways take turns, so that whatever else the machine does falls on all."""
    found: dict[str, list[float]] = {}
    for _, task, way in itertools.product(range(repeats), tasks, ways):
        found.setdefault(f"{' '.join(task)} {way.name}", []).append(rate(moments(source, way, task)))
    return {name: median(rates) for name, rates in found.items()}


def report(found: Mapping[str, float], ways: Sequence[Way], tasks: Sequence[tuple[str, ...]]) -> None:
    """One line for each task."""
    for task in tasks:
        name = " ".join(task)
        one, two, dask = (found[f"{name} {way.name}"] for way in ways)
        overhead_ms = 1000 * 2 * (1 / dask - 1 / two)
        print(f"{name}: " + ", ".join(f"{found[f'{name} {way.name}']:.1f}/s {way.name}" for way in ways))
        print(f"  1 -> 2 processes: {two / one:.2f} times (asked: {ASKED_SCALING} without plots)")
        print(f"  a cluster takes {overhead_ms:+.1f} ms more of a worker for each image")
        print(f"  a million images with two processes: {MILLION / two / 3600:.1f} h")


def compare(source: Path, other: Path, tasks: Sequence[tuple[str, ...]], repeats: int) -> None:
    """One line for each task: two processes of the other checkout, of this one, and the ratio."""
    words = ("--workers=2",)
    found = measure(source, [Way("there", words, root=other), Way("here", words)], tasks, repeats)
    for task in tasks:
        there, here = (found[f"{' '.join(task)} {name}"] for name in ("there", "here"))
        print(f"{' '.join(task)}: {there:.1f}/s there, {here:.1f}/s here, {here / there:.2f} times")


def memory(source: Path, words: Sequence[str]) -> Sequence[tuple[int, float, float]]:
    """Images finished, MB of the program and of its largest worker, ten times on the way."""
    samples, count = [], len(list(source.iterdir()))
    with run(source, *words) as program:
        assert program.stdout is not None
        own = psutil.Process(program.pid)
        for finished, _ in enumerate(program.stdout, 1):
            if finished % (count // 10) == count // 20:  # not at the very end, when the workers are gone
                workers = [child.memory_info().rss for child in own.children(recursive=True)]
                samples.append((finished, own.memory_info().rss / 2**20, max(workers) / 2**20))
    return samples


def report_memory(samples: Sequence[tuple[int, float, float]]) -> None:
    """The samples, and how much the memory grew after the first."""
    for finished, own_mb, worker_mb in samples:
        print(f"  after {finished:>6} images: {own_mb:.0f} MB here, {worker_mb:.0f} MB in the largest worker")
    (first, own, worker), (last, own_then, worker_then) = samples[0], samples[-1]
    print(
        f"  grown by {100 * (own_then / own - 1):+.1f} % here, {100 * (worker_then / worker - 1):+.1f} % in the worker"
    )
    each_kb = 1024 * (own_then - own) / (last - first)
    print(f"  {each_kb:.2f} kB an image here: {own + MILLION * each_kb / 1024:.0f} MB after a million")
    print(f"(asked: within {ASKED_GROWTH_PCT} %)")


@contextmanager
def cluster() -> Iterator[tuple[str, ...]]:
    """A Dask scheduler with two workers on this machine, as the option that names it."""
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**options) as local:  # type: ignore[no-untyped-call]
        yield (f"--scheduler={local.scheduler_address}",)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=160)
    parser.add_argument("--memory", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=("rates", "memory"))
    parser.add_argument("--beside", type=Path, metavar="CHECKOUT")
    args = parser.parse_args()
    tasks: list[tuple[str, ...]] = [
        ("--profile=fast_scan", "--no-plots", "--no-report"),
        ("--profile=fast_scan", "--no-plots"),
        ("--profile=deep_inspection", "--no-plots", "--no-report"),
        ("--profile=deep_inspection",),
    ]
    ways = [Way("1 process", ("--workers=1",)), Way("2 processes", ("--workers=2",)), Way("cluster of 2", (), True)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.beside:
            plain = [*tasks[1:2], ("--profile=deep_inspection", "--no-plots"), tasks[3]]
            compare(pictures(folder / "few", args.images), args.beside.resolve(), plain, args.repeats)
            return
        if args.only != "memory":
            report(measure(pictures(folder / "few", args.images), ways, tasks, args.repeats), ways, tasks)
        if args.only != "rates":
            print(f"{args.memory} images, fast_scan without plots, 2 processes")
            report_memory(memory(pictures(folder / "many", args.memory), (*tasks[1], "--workers=2")))


if __name__ == "__main__":
    main()
