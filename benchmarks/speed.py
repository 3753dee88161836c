"""How long an inspection takes and where, side by side for the profiles: python benchmarks/speed.py [--repeats 3]

Rendered pictures as the microscopes in use give them, on one core and on two, medians in milliseconds after a warm-up;
the profiles take turns on each picture, so that whatever else the machine does falls on both. Beside the time a clock
shows stands that of the processor, which others lengthen far less, and beside residual and detectors the time of the
bare calls in bare_calls.py. Last comes the most memory that a fresh process held.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import bare_calls
from benchmarks.rendered import ROOT, inspect_face, ordinary_face
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config
from dscope_blink.detectors.registry import DETECTORS
from dscope_blink.files.decoding import to_gray
from dscope_blink.image_processing import background
from dscope_blink.image_processing.fiber_coordinates import working_picture
from dscope_blink.pipeline import BEYOND_ZONES
from dscope_blink.records import Inspection
from dscope_blink.synthetic.faces import FaceSpec, RenderedFace, render_face
from dscope_blink.synthetic.scenes import random_blemishes

INSPECTING = ("deep_inspection", "fast_scan")
SIZES = ((1152, 864), (720, 576))
PICTURES = 6  # of each size; every other one without a blemish
SEED = 31
CORES = (1, 2)

Scene = tuple[FaceSpec, RenderedFace]
Times = Mapping[str, list[float]]  # milliseconds of every run by what was timed


def scenes(size: tuple[int, int]) -> list[Scene]:
    """Rendered faces of one size in pixels, width and height."""
    made = []
    for k in range(PICTURES):
        rng = np.random.default_rng((SEED, *size, k))
        spec = ordinary_face(rng, shape=size[::-1])
        made.append((spec, render_face(spec, random_blemishes(rng, spec, 5) if k % 2 else (), rng)))
    return made


def measure(pictures: Sequence[Scene], profiles: Mapping[str, Config], repeats: int) -> Mapping[str, Times]:
    """Milliseconds by profile; the first turn is the warm-up."""
    runs: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in profiles}
    for turn, scene, name in product(range(repeats + 1), pictures, profiles):
        spent = _inspection(scene, profiles[name])
        for row, milliseconds in spent.items() if turn else ():
            runs[name][row].append(milliseconds)
    return runs


def _inspection(scene: Scene, config: Config) -> Mapping[str, float]:
    """Each stage as the record has it, the processor's time, then the parts by themselves."""
    started = process_time()
    inspection = inspect_face(*scene, config)
    used = 1000 * (process_time() - started)
    stages = {stage: 1000 * seconds for stage, seconds in inspection.timings_s.items()}
    return {**stages, "processor": used, **_parts(scene, inspection, config)}


def _parts(scene: Scene, inspection: Inspection, config: Config) -> Mapping[str, float]:
    """Residual and detectors again, each with its bare calls."""
    geometry = inspection.geometry
    if geometry is None:
        return {}
    picture = working_picture(to_gray(scene[1].image), geometry, config.residual.max_cladding_px)
    outermost = max(outline.outer.mean_diameter_px for outline in inspection.zones)
    reach = BEYOND_ZONES * outermost / geometry.cladding.ellipse.mean_diameter_px
    field = background.residual(picture, reach, config.residual)
    spent = {"residual, bare": _timed(partial(bare_calls.residual, picture, field, config))}
    for name, detector in config.detectors.items():
        if detector.enabled:
            own = detector.settings
            spent[name] = _timed(partial(DETECTORS[name], field, **own))
            if name in bare_calls.DETECTORS:
                spent[f"{name}, bare"] = _timed(partial(bare_calls.DETECTORS[name], field, own))
    return spent


def _timed(run: Callable[[], object]) -> float:
    start = perf_counter()
    run()
    return 1000 * (perf_counter() - start)


def peak_memory_mb(pictures: Sequence[Scene], profile: str) -> float:
    """Most memory that a fresh process ever holds which inspects these pictures."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak_memory_mb, (pictures, profile))


def _peak_memory_mb(pictures: Sequence[Scene], profile: str) -> float:
    config = load_config(ROOT / "config.json").profile(profile)
    for scene in pictures:
        inspect_face(*scene, config)
    return _most_held_mb()


def _most_held_mb() -> float:
    import resource  # only where there is such a count

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def report(title: str, taken: Mapping[str, Times]) -> None:
    """One row for what was timed, one column for each profile; bare calls stand behind what makes them."""
    names = list(taken)
    print(f"\n{title}, median ms (bare calls)")
    print(f"  {'':<12}" + "".join(f"{name:>24}" for name in names))
    rows = dict.fromkeys(row for name in names for row in taken[name] if not row.endswith(", bare"))
    for row in rows:
        print(f"  {row:<12}" + "".join(f"{_shown(taken[name], row):>24}" for name in names))
    print(f"  {'slowest':<12}" + "".join(f"{max(taken[name]['total']):>14.1f}{'':10}" for name in names))


def _shown(times: Times, row: str) -> str:
    if row not in times:
        return f"{'-':>14}{'':10}"
    bare = times.get(f"{row}, bare")
    return f"{median(times[row]):>14.1f}" + (f"{f'({median(bare):.1f})':>10}" if bare else f"{'':10}")


def main() -> None:
    """Measure all sizes and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    profiles = {name: load_config(ROOT / "config.json").profile(name) for name in INSPECTING}
    print(f"OpenCV {cv2.__version__}, NumPy {np.__version__}, {PICTURES} pictures, {args.repeats} repeats")
    for size in SIZES:
        pictures = scenes(size)
        for cores in CORES:
            cv2.setNumThreads(cores)
            cores_named = f"{cores} core" + "s" * (cores > 1)
            report(f"{size[0]} x {size[1]}, {cores_named}", measure(pictures, profiles, args.repeats))
        for name in profiles:
            print(f"  most memory of a process, {name}: {peak_memory_mb(pictures, name):.0f} MB")


if __name__ == "__main__":
    main()
