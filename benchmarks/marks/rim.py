"""Small pits and chips on the edge of the cladding, put where a person saw nothing: the share found, and what is false.

python -m benchmarks.marks.rim [--shared FOLDER] [--rendered 12] [--clean 200] [--profile NAME] [--workers 2]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.marks.specks import is_near
from benchmarks.marks.words import bench_parser
from benchmarks.rendered import clean_face, inspect_face, ordinary_face
from benchmarks.validation.bench import FULL, SEED, Bench, settings
from benchmarks.validation.injection import clean_photographs
from benchmarks.validation.photographs import inspect_photograph, inspect_picture
from dscope_blink.records import Defect, Inspection, Points
from dscope_blink.synthetic.faces import Chip, FaceSpec, Pit, render_face
from dscope_blink.synthetic.injection import flat_face, painted, reported_um

SIZES_UM = (1.5, 2.0, 3.0, 5.0)
CONTRASTS = (-0.6, -0.4, -0.2, 0.2, 0.4, 0.6)  # relative to the local brightness
PLACES_UM = {"inside": -1.0, "on": 0.0, "outside": 1.0}  # of the centre of a pit, from the edge outwards
CHIP = "chip"  # so long along the edge as a pit is wide, and half as deep
EACH = 2  # of each place, and chips, on one face
APART_UM = 15.0  # from each other and from what is there anyway
EDGE_UM = 2.5  # a mark so near to the edge lies on it
TURNS = 360  # places along the edge that are tried


@dataclass(frozen=True, slots=True)
class Job:
    """Marks of one size and contrast on one face: clean photograph or rendered face number `k`."""

    profile: str
    size_um: float
    contrast: float
    k: int
    shared: Path | None  # None: a rendered face


@dataclass(frozen=True, slots=True)
class Trial:
    """One mark, and whether it was reported."""

    background: str
    place: str
    size_um: float
    contrast: float
    found: bool


def try_face(job: Job) -> list[Trial]:
    """Which marks of one face were reported."""
    config = settings().profile(job.profile)
    rng = np.random.default_rng((SEED, job.k, round(100 * job.size_um), round(100 * (1 + job.contrast))))
    if job.shared is None:
        spec = ordinary_face(rng)
        marks = _placed(rng, spec, np.empty((0, 2)), job)
        inspection = inspect_face(spec, render_face(spec, tuple(mark for *_, mark in marks), rng), config)
    else:
        photograph = clean_photographs(job.shared, "edge")[job.k]
        before = inspect_photograph(photograph, config)
        spec = flat_face(before)
        marks = _placed(rng, spec, reported_um(before, spec), job)
        drawn = render_face(spec, tuple(mark for *_, mark in marks), rng)
        picture = painted(photograph.picture(config), drawn.image)
        inspection = inspect_picture(picture, photograph.path.name, photograph.request, config)
    ground = "rendered" if job.shared is None else "photographs"
    return [
        Trial(ground, place, job.size_um, job.contrast, _is_found(at, spec, inspection.defects, job))
        for place, at, _ in marks
    ]


def _is_found(at_um: Points, spec: FaceSpec, defects: Sequence[Defect], job: Job) -> bool:
    x, y = at_um.tolist()
    return any(is_near((x, y), job.size_um / 2, spec, defect) for defect in defects)


def _placed(
    rng: np.random.Generator, spec: FaceSpec, taken_um: Points, job: Job
) -> list[tuple[str, Points, Pit | Chip]]:
    """Place, centre and mark, in every place as many as find room."""
    marks: list[tuple[str, Points, Pit | Chip]] = []
    wanted = [*PLACES_UM, CHIP] * EACH
    for turn in rng.permutation(np.linspace(0, 2 * math.pi, TURNS, endpoint=False)):
        if not wanted:
            break
        radius = spec.cladding_diameter_um / 2 + PLACES_UM.get(wanted[0], 0.0)
        at = np.array([radius * math.cos(turn), radius * math.sin(turn)])
        px = at / (spec.um_per_px_x, spec.um_per_px_y) + spec.centre_px
        if (px < APART_UM).any() or (px > np.array(spec.shape[::-1]) - APART_UM).any():
            continue
        if len(taken_um) and np.hypot(*(taken_um - at).T).min() < APART_UM:
            continue
        taken_um = np.concatenate([taken_um, at[None]])
        place = wanted.pop(0)
        mark = (
            Chip(math.degrees(turn), job.size_um, job.size_um / 2, job.contrast)
            if place == CHIP
            else Pit((float(at[0]), float(at[1])), job.size_um, job.contrast)
        )
        marks.append((place, at, mark))
    return marks


@dataclass(frozen=True, slots=True)
class Clean:
    """A job: an untouched face."""

    profile: str
    k: int
    shared: Path | None


def false_marks(job: Clean) -> list[tuple[str, str]]:
    """What is reported on a clean edge: background and name of the face, once for each mark."""
    config = settings().profile(job.profile)
    if job.shared is None:
        return [("rendered", str(job.k))] * _on_edge(clean_face(job.k, SEED, config).inspection)
    photograph = clean_photographs(job.shared, "edge")[job.k]
    return [("photographs", photograph.path.name)] * _on_edge(inspect_photograph(photograph, config))


def _on_edge(inspection: Inspection) -> int:
    """How many reported marks lie on the edge."""
    if inspection.geometry is None or not inspection.defects:
        return 0
    spec = flat_face(inspection)
    scale, radius = np.array([spec.um_per_px_x, spec.um_per_px_y]), spec.cladding_diameter_um / 2
    outward = [np.hypot(*((d.contour_px - spec.centre_px) * scale).T) - radius for d in inspection.defects]
    return sum(bool((np.abs(um) < EDGE_UM).any()) for um in outward)


def main() -> None:
    """Run all and print the shares."""
    parser = bench_parser(__doc__)
    parser.add_argument("--rendered", type=int, default=12, help="rendered faces for each size and contrast")
    parser.add_argument("--clean", type=int, default=200, help="rendered faces without a mark")
    args = parser.parse_args()
    bench = Bench(FULL, args.shared, args.workers)
    some = range(0 if args.shared is None else len(clean_photographs(args.shared, "edge")))
    grounds = [(k, None) for k in range(args.rendered)] + [(k, args.shared) for k in some]
    jobs = [Job(args.profile, size, c, k, g) for (k, g), size, c in product(grounds, SIZES_UM, CONTRASTS)]
    trials = [trial for several in bench.run(try_face, jobs) for trial in several]
    for ground in ("photographs", "rendered"):
        _print_table(ground, [t for t in trials if t.background == ground])
    grounds = [(k, None) for k in range(args.clean)] + [(k, args.shared) for k in some]
    found = [f for several in bench.run(false_marks, [Clean(args.profile, k, g) for k, g in grounds]) for f in several]
    for ground in ("photographs", "rendered"):
        names = [name for g, name in found if g == ground]
        print(f"false on {ground}: {len(names)}  {' '.join(names)}")


def _print_table(ground: str, trials: Sequence[Trial]) -> None:
    for place in (*PLACES_UM, CHIP):
        print(f"\n{ground}, {place}: share found, contrast {'  '.join(f'{c:5.0%}' for c in CONTRASTS)}")
        for size in SIZES_UM:
            shares = [_share(trials, place, size, contrast) for contrast in CONTRASTS]
            print(f"  {size:3.1f} um {'  '.join(f'{s:5.2f}' for s in shares):>60}")


def _share(trials: Sequence[Trial], place: str, size_um: float, contrast: float) -> float:
    found = [t.found for t in trials if (t.place, t.size_um, t.contrast) == (place, size_um, contrast)]
    return float(np.mean(found)) if found else math.nan


if __name__ == "__main__":
    main()
