"""How long each stage takes, side by side for the profiles: python benchmarks/speed.py [--repeats 3]

Rendered pictures as the microscopes in use give them, one OpenCV thread, medians in milliseconds after a warm-up. The
profiles take turns on each picture, so that whatever else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import median
from time import perf_counter

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.rendered import ROOT, inspect_face, ordinary_face
from config_loader import Config, load_config
from scenes import random_blemishes
from synthetic import FaceSpec, RenderedFace, render_face

SIZES = ((1152, 864), (720, 576))
PICTURES = 6  # of each size; every other one without a blemish
SEED = 31

Scene = tuple[FaceSpec, RenderedFace]
Times = Mapping[str, list[float]]  # stage -> seconds of every run


def scenes(size: tuple[int, int]) -> list[Scene]:
    """Rendered faces of one size in pixels, width and height."""
    made = []
    for k in range(PICTURES):
        rng = np.random.default_rng((SEED, *size, k))
        spec = ordinary_face(rng, shape=size[::-1])
        made.append((spec, render_face(spec, random_blemishes(rng, spec, 5) if k % 2 else (), rng)))
    return made


def measure(pictures: Sequence[Scene], profiles: Mapping[str, Config], repeats: int) -> dict[str, Times]:
    """Seconds of each stage by profile; the first turn is the warm-up."""
    runs: dict[str, list[Mapping[str, float]]] = {name: [] for name in profiles}
    for turn, scene, name in product(range(repeats + 1), pictures, profiles):
        spent = _seconds(scene, profiles[name])
        if turn:
            runs[name].append(spent)
    return {
        name: {stage: [run[stage] for run in mine if stage in run] for stage in mine[0]} for name, mine in runs.items()
    }


def _seconds(scene: Scene, config: Config) -> Mapping[str, float]:
    start = perf_counter()
    inspection = inspect_face(*scene, config)
    return {**inspection.timings_s, "wall": perf_counter() - start}


def report(size: tuple[int, int], taken: Mapping[str, Times]) -> None:
    """One row for each stage, one column for each profile, and the ratio of the last to the first."""
    names = list(taken)
    print(f"\n{size[0]} x {size[1]}, {PICTURES} pictures, median ms")
    print(f"  {'stage':<12}" + "".join(f"{name:>18}" for name in names) + f"{names[-1] + '/' + names[0]:>32}")
    for stage in taken[names[0]]:
        values = [1000 * median(taken[name][stage]) for name in names]
        print(f"  {stage:<12}" + "".join(f"{value:18.1f}" for value in values) + f"{values[-1] / values[0]:32.2f}")
    slowest = [1000 * max(taken[name]["wall"]) for name in names]
    print(f"  {'slowest':<12}" + "".join(f"{value:18.1f}" for value in slowest))


def main() -> None:
    """Measure all sizes and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    profiles = load_config(ROOT / "config.json").profiles
    print(f"OpenCV {cv2.__version__}, NumPy {np.__version__}, one thread, {args.repeats} repeats")
    for size in SIZES:
        report(size, measure(scenes(size), profiles, args.repeats))


if __name__ == "__main__":
    main()
