"""Blots and flakes in the middle of the core, and cores with nothing there: what is found, and what is reported anyway.

python -m benchmarks.marks.centre [--shared FOLDER] [--faces 12] [--clean 120] [--profile NAME] [--workers 2]

Rendered cores are of single mode and multimode, lit, dim and dark, with index dips, peaks, rings and speckle.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from benchmarks.marks.specks import is_near
from benchmarks.marks.words import bench_parser
from benchmarks.rendered import inspect_face
from benchmarks.validation.bench import FULL, SEED, Bench, settings
from benchmarks.validation.injection import clean_photographs
from benchmarks.validation.photographs import inspect_photograph, inspect_picture
from dscope_blink.records import Defect
from dscope_blink.synthetic.faces import Contamination, FaceSpec, Pit, Ring, Vector, render_face
from dscope_blink.synthetic.injection import flat_face, painted

SIZES_UM = (3.0, 5.0, 9.0, 12.0, 15.0, 20.0)
CONTRASTS: Mapping[str, Vector] = MappingProxyType({"dark": (-0.6, -0.2), "bright": (0.3, 0.3)})
OFF_UM = (0.5, 3.0)  # half of the blots; the others lie exactly on the centre of the core
FLAKE_UM = (20.0, 30.0, 45.0)  # soft edge, off the centre by a third of its diameter
CORES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "single mode, lit": {"core_diameter_um": 9.0, "core": 185.0},
        "single mode, dim": {"core_diameter_um": 9.0, "core": 102.0},
        "single mode, dark": {"core_diameter_um": 9.0, "core": 86.0},
        "multimode, lit": {"core_diameter_um": 50.0, "core": 165.0},
        "multimode, dim": {"core_diameter_um": 62.5, "core": 112.0},
        "multimode, dark": {"core_diameter_um": 62.5, "core": 84.0},
    }
)


@dataclass(frozen=True, slots=True)
class Job:
    """One core, rendered or of photograph number `k`, and what is put into it; size 0: nothing."""

    profile: str
    core: str  # one of CORES; "" is a photograph
    k: int
    size_um: float = 0.0
    light: str = "dark"  # one of CONTRASTS
    flake: bool = False
    shared: Path | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one core."""

    job: Job
    found: int  # reports on what was put in
    false: int  # reports within the core that are not on it


def core_face(rng: np.random.Generator, core: str) -> FaceSpec:
    """A small face whose core has structure of its own: a dip or a peak, off its centre by a bit, rings and speckle."""
    asked = CORES[core]
    radius, contrast = asked["core_diameter_um"] / 2, abs(asked["core"] - 88.0)
    rings = tuple(
        Ring(radius * rng.uniform(0.15, 0.85), radius * 0.08, rng.uniform(-0.05, 0.05) * asked["core"])
        for _ in range(rng.integers(4) if radius > 10 else 0)
    )
    return FaceSpec(
        shape=(480, 640),
        centre_px=(319.5 + rng.uniform(-5, 5), 239.5 + rng.uniform(-5, 5)),
        um_per_px_x=(px := 125.0 / rng.uniform(210, 320)),
        um_per_px_y=px,
        core_offset_um=(float(rng.normal(0, 0.3)), float(rng.normal(0, 0.3))),
        core_slope=contrast * rng.uniform(-0.2, 0.2),
        core_dip=rng.choice([-1.0, 0.0, 1.0], p=[0.6, 0.2, 0.2]) * asked["core"] * rng.uniform(0.02, 0.12),
        core_dip_um=rng.uniform(0.6, 2.0),
        rings=rings,
        blur_px=rng.uniform(0.8, 1.8),
        noise=rng.uniform(0.5, 2.0),
        core_speckle=rng.uniform(0.0, 1.5),
        **asked,
    )


def try_core(job: Job) -> Trial:
    """Inspect one core with or without something in it."""
    config = settings().profile(job.profile)
    rng = np.random.default_rng((SEED, job.k, *(ord(c) for c in job.core)))
    if job.core:
        spec = core_face(rng, job.core)
        marks = _marks(rng, job, spec)
        inspection = inspect_face(spec, render_face(spec, marks, rng), config)
    else:
        assert job.shared is not None
        photograph = clean_photographs(job.shared, "A")[job.k]
        inspection = inspect_photograph(photograph, config)
        if inspection.geometry is None:
            return Trial(job, 0, 0)
        spec = flat_face(inspection)
        marks = _marks(rng, job, spec)
        if marks:
            drawn = render_face(spec, marks, rng)
            picture = painted(photograph.picture(config), drawn.image)
            inspection = inspect_picture(picture, photograph.path.name, photograph.request, config)
    found = sum(_is_of(mark, spec, defect) for mark in marks for defect in inspection.defects)
    false = sum(
        is_near((0.0, 0.0), 0.3 * spec.core_diameter_um, spec, d) and not any(_is_of(m, spec, d) for m in marks)
        for d in inspection.defects
    )
    return Trial(job, found, false)


def _marks(rng: np.random.Generator, job: Job, spec: FaceSpec) -> tuple[Pit | Contamination, ...]:
    if not job.size_um:
        return ()
    off = job.size_um / 3 if job.flake else rng.uniform(*OFF_UM) * (job.k % 2)
    turn, contrast = rng.uniform(0, 2 * math.pi), rng.uniform(*CONTRASTS[job.light])
    x, y = spec.core_offset_um[0] + off * math.cos(turn), spec.core_offset_um[1] + off * math.sin(turn)
    if job.flake:
        return (Contamination(((x, y, job.size_um / 2),), contrast),)
    return (Pit((x, y), job.size_um, contrast),)


def _is_of(mark: Pit | Contamination, spec: FaceSpec, defect: Defect) -> bool:
    centre: Vector = mark.discs_um[0][:2] if isinstance(mark, Contamination) else mark.centre_um
    radius = mark.discs_um[0][2] if isinstance(mark, Contamination) else mark.diameter_um / 2
    return is_near(centre, radius, spec, defect)


def main() -> None:
    """Run all and print the shares."""
    parser = bench_parser(__doc__)
    parser.add_argument("--faces", type=int, default=12, help="cores of each sort for each size of blot")
    parser.add_argument("--clean", type=int, default=120, help="rendered cores of each sort with nothing in them")
    args = parser.parse_args()
    bench = Bench(FULL, args.shared, args.workers)
    grounds = [(core, k, None) for core in CORES for k in range(args.faces)]
    nothing = [Job(args.profile, core, k) for core in CORES for k in range(args.clean)]
    if args.shared is not None:
        count = len(clean_photographs(args.shared, "A"))
        grounds += [("", k, args.shared) for k in range(0, count, max(count // args.faces, 1))]
        nothing += [Job(args.profile, "", k, shared=args.shared) for k in range(count)]
    blots = [
        Job(args.profile, core, k, size, light, shared=shared)
        for (core, k, shared), size, light in product(grounds, SIZES_UM, CONTRASTS)
    ]
    flakes = [
        Job(args.profile, core, k, size, flake=True, shared=shared)
        for (core, k, shared), size in product(grounds, FLAKE_UM)
    ]
    tried = bench.run(try_core, [*nothing, *blots, *flakes])
    for core in (*CORES, ""):
        _print_core(core, [trial for trial in tried if trial.job.core == core])


def _print_core(core: str, trials: Sequence[Trial]) -> None:
    empty = [t for t in trials if not t.job.size_um]
    if not empty:
        return
    marked = sum(t.false > 0 for t in empty)
    print(f"\n{core or 'photographs'}: marks in {marked} of {len(empty)} cores with nothing there")
    for light in CONTRASTS:
        blots = [t for t in trials if t.job.size_um and not t.job.flake and t.job.light == light]
        shares = [f"{size:g} um {_share([t for t in blots if t.job.size_um == size]):.2f}" for size in SIZES_UM]
        print(f"  {light} blots, {len(blots) // len(SIZES_UM)} of each size, found: {', '.join(shares)}")
    flakes = [t for t in trials if t.job.flake]
    print(f"  flakes: found {_share(flakes):.2f}, in one piece {np.mean([t.found == 1 for t in flakes]):.2f}")


def _share(trials: Sequence[Trial]) -> float:
    return float(np.mean([t.found > 0 for t in trials])) if trials else math.nan


if __name__ == "__main__":
    main()
