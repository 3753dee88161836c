"""Round pits of a few resolved lengths, put where a person saw nothing: the share found, and what clean faces report.

python -m benchmarks.marks.specks [--shared FOLDER] [--rendered 12] [--clean 200] [--profile NAME] [--workers 2]
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np

from benchmarks.marks.words import bench_parser
from benchmarks.rendered import clean_face, inspect_face, ordinary_face
from benchmarks.validation.bench import FULL, SEED, Bench, default_config, settings
from benchmarks.validation.injection import band_um
from benchmarks.validation.photographs import Photograph, inspect_photograph, inspect_picture, labelled
from dscope_blink.config.settings import Config
from dscope_blink.records import Defect, Inspection, Points
from dscope_blink.synthetic.faces import FaceSpec, Pit, Vector, render_face
from dscope_blink.synthetic.injection import flat_face, painted, reported_um

SIZES_UM = (1.0, 1.5, 2.0, 3.0)
CONTRASTS = (0.05, 0.1, 0.15, 0.2, 0.4)  # darker than what surrounds them
# How many in each region of one face; the rim is within 3 um of the edge of the core.
PITS: Mapping[str, int] = MappingProxyType({"A": 3, "B": 5, "D": 4, "rim": 3})
RIM_UM = (0.5, 3.0)
APART_UM = 12.0
TRIES = 200  # random places before a face is full
BORDER_PX = 12.0  # of the picture, kept free
NEAR_PX = 2.0  # a report so close to a pit means that pit


@dataclass(frozen=True, slots=True)
class Job:
    """Pits of one size and contrast on one face: photograph `name` of the folder, or rendered face number `k`."""

    profile: str
    diameter_um: float
    contrast: float
    k: int
    shared: Path | None


@dataclass(frozen=True, slots=True)
class Trial:
    """One pit, and whether it was reported."""

    background: str
    region: str
    diameter_um: float
    contrast: float
    found: bool


def try_face(job: Job) -> list[Trial]:
    """Which pits of one face were reported."""
    config = settings().profile(job.profile)
    rng = np.random.default_rng((SEED, job.k, round(100 * job.diameter_um), round(100 * job.contrast)))
    if job.shared is None:
        spec = ordinary_face(rng)
        pits = placed(rng, spec, tuple(PITS), np.empty((0, 2)), job)
        marked = tuple(pit for _, pit in pits)
        inspection = inspect_face(spec, render_face(spec, marked, rng), config)
    else:
        photograph = photographs(job.shared)[job.k]
        before = _inspected(photograph, config)
        if before.geometry is None:
            return []
        spec = flat_face(before)
        pits = placed(rng, spec, clean_regions(photograph), reported_um(before, spec), job)
        drawn = render_face(spec, tuple(pit for _, pit in pits), rng)
        picture = painted(photograph.picture(config), drawn.image)
        inspection = inspect_picture(picture, photograph.path.name, photograph.request, config)
    ground = "rendered" if job.shared is None else "photographs"
    return [
        Trial(ground, region, job.diameter_um, job.contrast, _is_found(pit, spec, inspection.defects))
        for region, pit in pits
    ]


def _is_found(pit: Pit, spec: FaceSpec, defects: Sequence[Defect]) -> bool:
    return any(is_near(pit.centre_um, pit.diameter_um / 2, spec, defect) for defect in defects)


def is_near(centre_um: Vector, radius_um: float, spec: FaceSpec, defect: Defect) -> bool:
    """Whether an outline reaches to within NEAR_PX of a disc."""
    at = np.add(spec.centre_px, np.divide(centre_um, (spec.um_per_px_x, spec.um_per_px_y))).tolist()
    outline = defect.contour_px.astype(np.float32)
    return bool(cv2.pointPolygonTest(outline, at, True) >= -(radius_um / spec.um_per_px + NEAR_PX))


def placed(
    rng: np.random.Generator, spec: FaceSpec, regions: Sequence[str], taken_um: Points, job: Job
) -> list[tuple[str, Pit]]:
    """Pits at random places of these regions, clear of each other and of what is taken."""
    pits: list[tuple[str, Pit]] = []
    for region in regions:
        low, high = _ring_um(spec, region, job.diameter_um / 2)
        for _ in range(PITS[region]):
            for _ in range(TRIES):
                radius, turn = math.sqrt(rng.uniform(low**2, high**2)), rng.uniform(0, 2 * math.pi)
                at = np.array([radius * math.cos(turn), radius * math.sin(turn)])
                px, half = at / (spec.um_per_px_x, spec.um_per_px_y) + spec.centre_px, np.array(spec.shape[::-1]) / 2
                inside = bool((np.abs(px - half) < half - BORDER_PX).all())
                if inside and (not len(taken_um) or np.hypot(*(taken_um - at).T).min() > APART_UM):
                    taken_um = np.concatenate([taken_um, at[None]])
                    pits.append((region, Pit((float(at[0]), float(at[1])), job.diameter_um, -job.contrast)))
                    break
    return pits


def _ring_um(spec: FaceSpec, region: str, radius_um: float) -> Vector:
    """Between which distances from the centre of the fiber the centres of the pits of a region lie."""
    if region == "rim":
        core = spec.core_diameter_um / 2
        return core + RIM_UM[0], core + RIM_UM[1]
    low, high = band_um(spec, region)
    return max(low - radius_um, 0.0) if region == "A" else low + radius_um, high - radius_um - (region == "B")


def clean_regions(photograph: Photograph) -> tuple[str, ...]:
    """Those of PITS in which a person saw nothing."""
    return tuple(r for r in PITS if (photograph.is_clean("B") if r == "rim" else photograph.is_clean(r)))


@cache
def photographs(shared: Path) -> tuple[Photograph, ...]:
    """Those with a clean region."""
    return tuple(p for p in labelled(shared, default_config()) if clean_regions(p))


_inspections: dict[tuple[Path, str], Inspection] = {}


def _inspected(photograph: Photograph, config: Config) -> Inspection:
    """The record of the untouched photograph, made once in each process."""
    key = photograph.path, config.profile
    if key not in _inspections:
        _inspections[key] = inspect_photograph(photograph, config)
    return _inspections[key]


@dataclass(frozen=True, slots=True)
class Clean:
    """A job: an untouched face."""

    profile: str
    k: int
    shared: Path | None


def false_marks(job: Clean) -> list[tuple[str, str, str]]:
    """What is reported where nothing is: background, name of the face and region of each mark."""
    config = settings().profile(job.profile)
    if job.shared is None:
        score = clean_face(job.k, SEED, config)
        return [("rendered", str(job.k), ZONES[d.zone]) for d in score.inspection.defects if d.zone in ZONES]
    photograph = photographs(job.shared)[job.k]
    found = [ZONES[d.zone] for d in _inspected(photograph, config).defects if d.zone in ZONES]
    return [("photographs", photograph.path.name, region) for region in found if photograph.is_clean(region)]


ZONES = MappingProxyType({"core": "A", "cladding": "B", "contact": "D"})


def main() -> None:
    """Run all and print the shares."""
    parser = bench_parser(__doc__)
    parser.add_argument("--rendered", type=int, default=12, help="rendered faces for each size and contrast")
    parser.add_argument("--clean", type=int, default=200, help="rendered faces without a pit")
    args = parser.parse_args()
    bench = Bench(FULL, args.shared, args.workers)
    some = range(0 if args.shared is None else len(photographs(args.shared)))
    grounds = [(k, None) for k in range(args.rendered)] + [(k, args.shared) for k in some]
    jobs = [Job(args.profile, size, contrast, k, g) for k, g in grounds for size in SIZES_UM for contrast in CONTRASTS]
    trials = [trial for several in bench.run(try_face, jobs) for trial in several]
    for ground in ("photographs", "rendered"):
        _print_table(ground, [t for t in trials if t.background == ground])
    grounds = [(k, None) for k in range(args.clean)] + [(k, args.shared) for k in some]
    found = [
        mark for several in bench.run(false_marks, [Clean(args.profile, k, g) for k, g in grounds]) for mark in several
    ]
    for ground in ("photographs", "rendered"):
        by_region = {r: [name for g, name, where in found if (g, where) == (ground, r)] for r in "ABD"}
        print(f"false on {ground}: " + ", ".join(f"{r} {len(names)}" for r, names in by_region.items()))
        print("  " + "; ".join(f"{r}: {' '.join(names[:12])}" for r, names in by_region.items() if names))


def _print_table(ground: str, trials: Sequence[Trial]) -> None:
    for region in PITS:
        print(f"\n{ground}, {region}: share found, contrast {'  '.join(f'{c:5.0%}' for c in CONTRASTS)}")
        for size in SIZES_UM:
            mine = [
                [t.found for t in trials if (t.region, t.diameter_um, t.contrast) == (region, size, c)]
                for c in CONTRASTS
            ]
            print(
                f"  {size:3.1f} um (n {len(mine[0]):3d})"
                + " " * 12
                + "  ".join(f"{np.mean(m):5.2f}" if m else "    -" for m in mine)
            )


if __name__ == "__main__":
    main()
