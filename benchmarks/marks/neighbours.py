"""What is one mark and what is two: particles side by side, rows of specks, dashes, crossings, stains, ringed pits.

python -m benchmarks.marks.neighbours [--shared ../shared] [--pictures 40] [--profile NAME] [--kinds pair,row]

Known marks are put into zones of photographs in which a person saw nothing, and into rendered faces; without `--shared`
into these alone. `right` is the share of those found that are reported as so many marks as they are. Of single specks
and of rows also the size reported less the true one, and how many exceed 5 um.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path

import cv2
import numpy as np

from benchmarks.rendered import inspect_face, ordinary_face
from benchmarks.validation.bench import QUICK, Bench, settings
from benchmarks.validation.injection import band_um, clean_photographs
from benchmarks.validation.photographs import inspect_photograph, inspect_picture
from dscope_blink.records import Defect, Inspection, Mask, Points
from dscope_blink.synthetic.faces import (
    Blemish,
    Contamination,
    FaceSpec,
    Pit,
    RenderedFace,
    Scratch,
    render_face,
    unit_vectors,
)
from dscope_blink.synthetic.injection import flat_face, painted, reported_um
from dscope_blink.synthetic.scenes import random_blemishes

REGIONS = ("A", "B", "D")
DIAMETERS_UM, GAPS_UM = (2.0, 3.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0)
CONTRAST = (0.2, 0.6)
OBJECTS = 3  # in one picture
CLEAR_UM = 6.0  # between them, and from what was reported before
LARGE_UM = 5.0  # a limit of zone B


@dataclass(frozen=True, slots=True)
class Thing:
    """Blemishes that lie together, and how many marks they are."""

    name: str
    blemishes: tuple[Blemish, ...]
    marks: int
    size_um: float = math.nan  # of each


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one thing."""

    background: str
    region: str
    name: str
    seen: bool  # each of its blemishes was reported
    right: bool  # as so many marks as it is, and none of them in two pieces
    errors_um: tuple[float, ...]  # of the diameters of single specks
    large: int  # reported marks beyond LARGE_UM


Maker = Callable[[np.random.Generator, FaceSpec, Points], Thing]


def _pair(rng: np.random.Generator, _: FaceSpec, centre: Points, *, diameter: float, gap: float) -> Thing:
    away = (diameter + gap) / 2 * unit_vectors(np.array(rng.uniform(0, np.pi)))
    contrast = -rng.uniform(*CONTRAST)
    pits = tuple(Pit(_xy(centre + side * away), diameter, contrast) for side in (-1, 1))
    return Thing(f"pair {diameter:g} um, gap {gap:g} um", pits, 2, diameter)


def _row(rng: np.random.Generator, _: FaceSpec, centre: Points) -> Thing:
    count, diameter, gap = int(rng.integers(3, 6)), rng.uniform(1.5, 3.0), rng.uniform(2.0, 3.0)
    along, contrast = unit_vectors(np.array(rng.uniform(0, np.pi))), -rng.uniform(*CONTRAST)
    steps = (np.arange(count) - (count - 1) / 2) * (diameter + gap)
    pits = tuple(Pit(_xy(centre + step * along), diameter, contrast) for step in steps.tolist())
    return Thing("row of specks", pits, count, diameter)


def _speck(rng: np.random.Generator, _: FaceSpec, centre: Points) -> Thing:
    diameter = rng.uniform(1.5, 3.0)
    return Thing("single speck", (Pit(_xy(centre), diameter, -rng.uniform(0.15, 0.6)),), 1, diameter)


def _dashes(rng: np.random.Generator, _: FaceSpec, centre: Points) -> Thing:
    along, contrast, width = unit_vectors(np.array(rng.uniform(0, np.pi))), -rng.uniform(*CONTRAST), rng.uniform(1, 2)
    count = int(rng.integers(2, 4))
    lengths, gaps = rng.uniform(6, 10, count), rng.uniform(2.0, 4.0, count)
    starts = np.concatenate([[0.0], np.cumsum(lengths + gaps)])[:-1]
    starts -= (starts[-1] + lengths[-1]) / 2
    lines = (
        Scratch((_xy(centre + s * along), _xy(centre + (s + length) * along)), width, contrast)
        for s, length in zip(starts.tolist(), lengths.tolist(), strict=True)
    )
    return Thing("dashes of one scratch", tuple(lines), 1)


def _crossing(rng: np.random.Generator, _: FaceSpec, centre: Points) -> Thing:
    turn, contrast, width = rng.uniform(0, np.pi), -rng.uniform(*CONTRAST), rng.uniform(1, 2)
    lines = []
    for angle in (turn, turn + rng.uniform(0.8, np.pi / 2)):
        half = rng.uniform(9, 12) * unit_vectors(np.array(angle))
        lines.append(Scratch((_xy(centre - half), _xy(centre + half)), width, contrast))
    return Thing("crossing scratches", tuple(lines), 2)


def _ringed(rng: np.random.Generator, _: FaceSpec, centre: Points) -> Thing:
    contrast = rng.uniform(*CONTRAST)
    ring = contrast * rng.uniform(0.4, 1.0) * rng.choice([-1.0, 1.0])
    return Thing("ringed pit", (Pit(_xy(centre), rng.uniform(3, 10), -contrast, (1.0,), ring),), 1)


def _grown(rng: np.random.Generator, spec: FaceSpec, centre: Points, *, kind: str, size: tuple[float, float]) -> Thing:
    band = (0.0, float(np.hypot(*centre)) + 15)
    for _ in range(40):
        found = random_blemishes(rng, spec, 1, kinds=(kind,), size_um=size, contrast=CONTRAST, radius_um=band)
        if found and _hangs_together(found[0]):
            shift = centre - found[0].outline(spec).mean(axis=0)
            return Thing(kind, (_moved(found[0], shift),), 1)
    return Thing(kind, (), 1)


def _hangs_together(mark: Blemish) -> bool:
    """Whether each droplet of a stain overlaps another, by so much that no blur shows a gap."""
    if not isinstance(mark, Contamination):
        return True
    discs = np.array(mark.discs_um)
    apart = np.linalg.norm(discs[:, None, :2] - discs[None, :, :2], axis=2)
    touching = apart < 0.8 * (discs[:, None, 2] + discs[None, :, 2])
    reached = touching[0]
    for _ in discs:
        reached = touching[reached].any(axis=0)
    return bool(reached.all())


def _moved(mark: Blemish, by: Points) -> Blemish:
    if isinstance(mark, Scratch):
        points = tuple(_xy(np.array(p) + by) for p in mark.points_um)
        return Scratch(points, mark.width_um, mark.contrast, mark.pair_contrast, mark.strength)
    assert isinstance(mark, Contamination)
    discs = tuple((x + float(by[0]), y + float(by[1]), r) for x, y, r in mark.discs_um)
    return replace(mark, discs_um=discs)


MAKERS: dict[str, Maker] = {
    **{
        f"pair-{diameter:g}-{gap:g}": partial(_pair, diameter=diameter, gap=gap)
        for diameter, gap in product(DIAMETERS_UM, GAPS_UM)
    },
    "row": _row,
    "speck": _speck,
    "dashes": _dashes,
    "crossing": _crossing,
    "ringed": _ringed,
    "stain": partial(_grown, kind="contamination", size=(6.0, 20.0)),
    "scratch": partial(_grown, kind="scratch", size=(4.0, 12.0)),
}


def _xy(point: Points) -> tuple[float, float]:
    return float(point[0]), float(point[1])


@dataclass(frozen=True, slots=True)
class Job:
    """Things of one kind in one zone of picture number `k`."""

    kind: str
    region: str
    k: int
    seed: int
    profile: str
    shared: Path | None  # None: a rendered face

    def rng(self) -> np.random.Generator:
        """Its own source of randomness, the same on every run."""
        place = list(MAKERS).index(self.kind), REGIONS.index(self.region), self.shared is None
        return np.random.default_rng((self.seed, *place, self.k))


def try_picture(job: Job) -> list[Result]:
    """What became of the things of one picture."""
    rng, config = job.rng(), settings().profile(job.profile)
    if job.shared is None:
        spec = ordinary_face(rng, core_diameter_um=62.5)
        things = _placed(rng, spec, job, np.empty((0, 2)))
        drawn = render_face(spec, _blemishes(things), rng)
        inspection = inspect_face(spec, drawn, config)
        return _outcomes(job, "rendered", things, drawn, inspection)
    photographs = clean_photographs(job.shared, job.region)
    photograph = photographs[job.k % len(photographs)]
    before = inspect_photograph(photograph, config)
    if before.scale is None:
        return []
    spec = flat_face(before)
    things = _placed(rng, spec, job, reported_um(before, spec))
    drawn = render_face(spec, _blemishes(things), rng)
    picture = painted(photograph.picture(config), drawn.image)
    inspection = inspect_picture(picture, photograph.path.name, photograph.request, config)
    return _outcomes(job, photograph.path.name.split("_")[0], things, drawn, inspection)


def _blemishes(things: Sequence[Thing]) -> tuple[Blemish, ...]:
    return tuple(blemish for thing in things for blemish in thing.blemishes)


def _placed(rng: np.random.Generator, spec: FaceSpec, job: Job, taken: Points) -> list[Thing]:
    low, high = band_um(spec, job.region)
    half_picture = min(
        min(x, size - x) * px
        for x, size, px in zip(spec.centre_px, spec.shape[::-1], (spec.um_per_px_x, spec.um_per_px_y), strict=True)
    )
    things: list[Thing] = []
    for _ in range(60):
        if len(things) == OBJECTS:
            break
        away = math.sqrt(rng.uniform(low**2, min(high, half_picture) ** 2))
        thing = MAKERS[job.kind](rng, spec, away * unit_vectors(np.array(rng.uniform(0, 2 * np.pi))))
        if not thing.blemishes:
            continue
        outline = np.concatenate([blemish.outline(spec) for blemish in thing.blemishes])
        radius = np.hypot(*outline.T)
        apart = np.linalg.norm(outline[:, None] - taken[None], axis=2)
        if radius.min() >= low and radius.max() <= min(high, half_picture - 3) and (apart > CLEAR_UM).all():
            things.append(thing)
            taken = np.concatenate([taken, outline])
    return things


def _outcomes(
    job: Job, background: str, things: Sequence[Thing], drawn: RenderedFace, inspection: Inspection
) -> list[Result]:
    results, first = [], 0
    for thing in things:
        truths = drawn.truth.blemishes[first : first + len(thing.blemishes)]
        first += len(thing.blemishes)
        on = [_reported(truth.mask, inspection.defects, 1) for truth in truths]
        near = {k for truth in truths for k in _reported(truth.mask, inspection.defects, 5)}
        seen, apart = all(on), len(near) == thing.marks
        if thing.marks == len(thing.blemishes) > 1:
            apart = apart and len({hits[0] for hits in on if hits}) == thing.marks
        sizes = [inspection.defects[k].diameter_um or math.nan for k in near]
        results.append(
            Result(
                background,
                job.region,
                thing.name,
                seen,
                seen and apart,
                tuple(size - thing.size_um for size in sizes),
                sum(size > LARGE_UM for size in sizes),
            )
        )
    return results


def _reported(mask: Mask, defects: Sequence[Defect], reach_px: int) -> list[int]:
    """The reports that lie on a mark or so near to it, the one that covers most of it first."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    corner = np.array([columns[0], rows[0]]) - 12
    part = np.zeros((int(np.ptp(rows)) + 25, int(np.ptp(columns)) + 25), np.uint8)
    inner = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    part[12 : 12 + inner.shape[0], 12 : 12 + inner.shape[1]] = inner
    near = cv2.dilate(part, np.ones((2 * reach_px - 1,) * 2, np.uint8))
    covered = []
    for k, defect in enumerate(defects):
        shape = cv2.fillPoly(np.zeros_like(part), [np.rint(defect.contour_px - corner).astype(np.int32)], 1)
        common = int((shape & near).sum())
        if common:
            covered.append((-common, k))
    return [k for _, k in sorted(covered)]


def tables(results: Sequence[Result]) -> Iterator[str]:
    """One line for each kind and background."""
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        groups[result.name, result.background].append(result)
    yield f"{'':28}{'':10}  things   seen  right   A     B     D   | error um: median  95 %  > {LARGE_UM:g} um"
    for (name, background), mine in sorted(groups.items()):
        seen = [r for r in mine if r.seen]
        zones = "".join(f"{_share([r for r in seen if r.region == region]):6.2f}" for region in REGIONS)
        errors = np.array([e for r in mine for e in r.errors_um])
        sizes = f"{np.nanmedian(errors):8.2f} {np.nanquantile(errors, 0.95):8.2f}" if np.isfinite(errors).any() else ""
        large = sum(r.large for r in mine)
        yield (
            f"{name:28}{background:10}{len(mine):8d} {len(seen) / len(mine):6.2f} {_share(seen):6.3f} {zones} |"
            f" {sizes:>18} {large:6d}"
        )


def _share(results: Sequence[Result]) -> float:
    return sum(r.right for r in results) / len(results) if results else math.nan


def main() -> None:
    """Put the marks in, inspect and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path)
    parser.add_argument("--pictures", type=int, default=40, help="of each kind in each zone and on each background")
    parser.add_argument("--profile", default=settings().default_profile)
    parser.add_argument("--kinds", default="", help="beginnings of names, with commas between; all when not given")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    kinds = [kind for kind in MAKERS if kind.startswith(tuple(args.kinds.split(",")))]
    grounds = (None,) if args.shared is None else (None, args.shared)
    jobs = [
        Job(kind, region, k, args.seed, args.profile, ground)
        for kind, region, ground, k in product(kinds, REGIONS, grounds, range(args.pictures))
    ]
    several = Bench(QUICK, args.shared, args.workers).run(try_picture, jobs)
    print("\n".join(tables([result for results in several for result in results])))


if __name__ == "__main__":
    main()
