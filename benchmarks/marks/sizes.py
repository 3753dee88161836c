"""Sizes of marks against truth, on rendered faces and on photographs into which marks were painted.

python -m benchmarks.marks.sizes [--faces 40] [--shared ../shared] [--markdown FILE]

Round, elliptical and irregular pits of 2 to 12 um and scratches 1 to 5 um wide, dark and bright, in A, B and D. `blur`:
the sigma with which marks were painted, over that of the cladding edge by which the program judges. `bias`: mean error
in um; `mean`: mean absolute one; `covered`: share of the errors within the stated expanded uncertainty U; `U`: its
median. `python -m benchmarks.marks.size_uncertainty` fits the constants of U.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.geometry import Table, as_markdown, as_text
from benchmarks.rendered import compared, inspect_face, ordinary_face
from benchmarks.validation.bench import PHOTOGRAPHS, QUICK, RENDERED, Bench, default_config
from benchmarks.validation.injection import band_um, clean_photographs
from benchmarks.validation.photographs import inspect_photograph, inspect_picture
from dscope_blink.analysis.dimensions import scale_uncertainty
from dscope_blink.config.settings import Config, SizeUncertainties, SizeUncertainty
from dscope_blink.records import Defect
from dscope_blink.synthetic.faces import EDGE_BLUR_PX, Blemish, BlemishTruth, FaceSpec, Pit, Scratch, render_face
from dscope_blink.synthetic.injection import flat_face, painted, reported_um
from dscope_blink.synthetic.scenes import random_blemishes

SEED = 83
REGIONS = ("A", "B", "D")
KINDS = ("round", "elliptical", "irregular", "scratch")
ANY = "any"  # marks of every class, anywhere on the face
ANY_UM, ANY_CONTRAST = (1.5, 14.0), (0.1, 0.6)
CONTRASTS = (0.15, 0.3, 0.45, 0.6)
BLURS = (0.7, 1.0, 1.4)  # of the cladding edge; on photographs alone, rendered faces are as sharp everywhere
PITS_UM, LINES_UM, LENGTHS_UM = (2.0, 12.0), (1.0, 5.0), (12.0, 30.0)
ON_A_FACE = 6
CLEAR_UM = 8.0  # between marks, and from the edges of core and cladding
SIZES = {"scratch": ("width", "length"), "pit": ("diameter", "length", "width")}
BINS_UM = ((2.0, 3.0), (3.0, 5.0), (5.0, 8.0), (8.0, 12.1))
LEAST_UM = 3.0
LINE_BINS_UM = ((1.0, 2.0), (2.0, 3.5), (3.5, 5.1))


@dataclass(frozen=True, slots=True)
class Job:
    """Marks of one kind and contrast in one region of face number `k`."""

    kind: str
    region: str
    contrast: float  # signed
    blur: float
    k: int
    shared: Path | None  # None: a rendered face
    settings: SizeUncertainty | None = None  # of all marks; None: those that ship

    @property
    def ground(self) -> str:
        """What the marks lie on."""
        return RENDERED if self.shared is None else PHOTOGRAPHS

    def rng(self) -> np.random.Generator:
        """Its own source of randomness, the same on every run."""
        place = (*KINDS, ANY).index(self.kind), REGIONS.index(self.region), round(100 * self.contrast) + 100
        return np.random.default_rng((SEED, *place, round(10 * self.blur), self.shared is None, self.k))


@dataclass(frozen=True, slots=True)
class Sized:
    """One mark that was found: each size as it is, as measured, and its expanded uncertainty, in um."""

    job: Job
    classification: str
    true_um: Mapping[str, float]
    measured_um: Mapping[str, float]
    unsure_um: Mapping[str, float]
    at_most: tuple[str, ...]
    blur_um: float  # by which it was sized
    scale: float  # relative standard uncertainty of the scale


def jobs(faces: int, shared: Path | None) -> list[Job]:
    """Every kind in every region, contrasts and signs in turn."""
    found = []
    for ground in (None,) if shared is None else (None, shared):
        for kind, region, k in product(KINDS, REGIONS, range(faces)):
            blur = 1.0 if ground is None else BLURS[k % len(BLURS)]
            contrast = CONTRASTS[k % len(CONTRASTS)] * (-1 if k % 5 < 3 else 1)
            found.append(Job(kind, region, contrast, blur, k, ground))
    return found


def sized(job: Job) -> list[Sized]:
    """The marks of one face that were found, with their sizes."""
    rng, config = job.rng(), _config(job)
    if job.shared is None:
        spec = ordinary_face(rng)
        face = render_face(spec, _marks(rng, spec, job, np.empty((0, 2))), rng)
        inspection = inspect_face(spec, face, config)
    else:
        clean = clean_photographs(job.shared, job.region)
        photograph = clean[job.k % len(clean)]
        before = inspect_photograph(photograph, config)
        if before.geometry is None or before.scale is None:
            return []
        spec = flat_face(before)
        spec = replace(spec, blur_px=max(job.blur * before.geometry.cladding.blur_px, EDGE_BLUR_PX))
        face = render_face(spec, _marks(rng, spec, job, reported_um(before, spec)), rng)
        picture = painted(photograph.picture(config), face.image)
        inspection = inspect_picture(picture, photograph.path.name, photograph.request, config)
    if inspection.geometry is None:
        return []
    outcomes = compared(inspection, face.truth.blemishes, spec.shape).outcomes
    assert inspection.quality.search_pixel_px is not None
    assert inspection.scale is not None
    smoothed_px = config.residual.smooth_px * inspection.quality.search_pixel_px
    blur_um = math.hypot(inspection.geometry.cladding.blur_px, smoothed_px) * spec.um_per_px
    scale = scale_uncertainty(inspection.geometry, inspection.scale, inspection.request, config.scale)
    reports = [o.found.id for o in outcomes if o.found is not None]
    alone = (o for o in outcomes if o.found is not None and reports.count(o.found.id) == 1)
    return [_sized(job, o.truth, o.found, blur_um, scale) for o in alone if o.found is not None]


def _sized(job: Job, truth: BlemishTruth, found: Defect, blur_um: float, scale: float) -> Sized:
    names = ("length", "width", "diameter")
    return Sized(
        job,
        found.classification,
        {name: getattr(truth, f"{name}_um") for name in names},
        {name: getattr(found, f"{name}_um") for name in names},
        {name: found.uncertainty[f"{name}_um"] for name in names},
        tuple(getattr(found, "at_most", ())),
        blur_um,
        scale,
    )


def _config(job: Job) -> Config:
    """The default profile, if asked with other uncertainties."""
    config = default_config()
    if job.settings is None:
        return config
    kinds = dict.fromkeys(config.measurement.size_uncertainty, SizeUncertainties(*[job.settings] * 4))
    return replace(config, measurement=replace(config.measurement, size_uncertainty=kinds))


def _marks(rng: np.random.Generator, spec: FaceSpec, job: Job, taken_um: np.ndarray) -> tuple[Blemish, ...]:
    """As many as find room, clear of each other, of the edges and of what is there."""
    if job.kind == ANY:
        return random_blemishes(rng, spec, ON_A_FACE, size_um=ANY_UM, contrast=ANY_CONTRAST, clear_of=taken_um)
    low, high = band_um(spec, job.region)
    marks: list[Blemish] = []
    for _ in range(60 * ON_A_FACE):
        if len(marks) == ON_A_FACE:
            break
        away, turn = math.sqrt(rng.uniform(low**2, high**2)), rng.uniform(0, 2 * math.pi)
        mark = _mark(rng, job, (away * math.cos(turn), away * math.sin(turn)))
        outline = mark.outline(spec)
        # the face may be angled: the distance counts in shares of the cladding's ellipse, of which circles are near
        reach = np.hypot(*outline.T)
        inside = reach.max() + CLEAR_UM / 2 < high and (low == 0 or reach.min() - CLEAR_UM / 2 > low)
        apart = _apart_um(outline, taken_um) > CLEAR_UM
        px = outline / (spec.um_per_px_x, spec.um_per_px_y) + np.array(spec.centre_px)
        seen = (px > 12).all() and (px < np.array(spec.shape[::-1]) - 12).all()
        if inside and apart and seen:
            marks.append(mark)
            taken_um = np.concatenate([taken_um, outline])
    return tuple(marks)


def _apart_um(points: np.ndarray, others: np.ndarray) -> float:
    if not len(others):
        return math.inf
    return float(np.hypot(*(points[:, None] - others[None]).transpose(2, 0, 1)).min())


def _mark(rng: np.random.Generator, job: Job, at: tuple[float, float]) -> Blemish:
    if job.kind == "scratch":
        half, turn = rng.uniform(*LENGTHS_UM) / 2, rng.uniform(0, math.pi)
        dx, dy = half * math.cos(turn), half * math.sin(turn)
        points = (at[0] - dx, at[1] - dy), (at[0] + dx, at[1] + dy)
        return Scratch(points, float(rng.uniform(*LINES_UM)), job.contrast)
    return Pit(at, float(rng.uniform(*PITS_UM)), job.contrast, _shape(rng, job.kind))


def _shape(rng: np.random.Generator, kind: str) -> tuple[float, ...]:
    """Radii at even steps of angle over the largest."""
    angles = np.linspace(0, 2 * math.pi, 36, endpoint=False)
    if kind == "round":
        return (1.0,)
    if kind == "elliptical":
        ratio, turn = rng.uniform(1.3, 2.0), rng.uniform(0, math.pi)
        radii = 1 / np.hypot(np.cos(angles - turn), ratio * np.sin(angles - turn))
    else:
        waves = [rng.uniform(0.05, 0.14) * np.cos(k * angles + rng.uniform(0, 6.3)) for k in (2, 3, 4)]
        radii = 1 + np.sum(waves, axis=0)
    return tuple((radii / radii.max()).tolist())


# --- what is printed


def rows(found: Sequence[Sized]) -> list[tuple[str, ...]]:
    """Bias, spread and coverage by ground, kind, size and range of it."""
    out = []
    for ground, kind in product((RENDERED, PHOTOGRAPHS), KINDS):
        mine = [s for s in found if (s.job.ground, s.job.kind) == (ground, kind)]
        first = "width" if kind == "scratch" else "diameter"
        for low, high in LINE_BINS_UM if kind == "scratch" else BINS_UM:
            bin_ = [s for s in mine if low <= s.true_um[first] < high]
            out += [_row((ground, kind, f"{low:g} to {high:.0f}"), bin_, first)] if bin_ else []
        if kind != "round":
            others = [n for n in SIZES["scratch" if kind == "scratch" else "pit"] if n != first]
            out += [_row((ground, kind, "all"), mine, name) for name in others if mine]
    return out


def split(found: Sequence[Sized]) -> list[tuple[str, ...]]:
    """The same by contrast, region, blur and class, of pits from 3 um on and of scratches."""
    out = []
    for ground, line in product((RENDERED, PHOTOGRAPHS), (False, True)):
        name, kind = ("width", "scratch") if line else ("diameter", "pits")
        mine = [s for s in found if s.job.ground == ground and (s.job.kind == "scratch") == line]
        groups: dict[str, list[Sized]] = {}
        for one in mine if line else [s for s in mine if s.true_um[name] >= LEAST_UM]:
            job = one.job
            keys = f"contrast {job.contrast:+.2f}", f"region {job.region}", f"blur {job.blur:g}", one.classification
            for key in keys:
                groups.setdefault(key, []).append(one)
        out += [_row((ground, kind, key), groups[key], name) for key in sorted(groups)]
    return out


def _row(of: tuple[str, ...], found: Sequence[Sized], name: str) -> tuple[str, ...]:
    errors = np.array([s.measured_um[name] - s.true_um[name] for s in found])
    unsure = np.array([s.unsure_um[name] for s in found])
    bounds = sum(f"{name}_um" in s.at_most for s in found)
    return (
        *of,
        name,
        f"{len(found)}",
        f"{errors.mean():+.2f}",
        f"{np.median(errors):+.2f}",
        f"{np.abs(errors).mean():.2f}",
        f"{np.mean(np.abs(errors) <= unsure):.1%}",
        f"{np.median(unsure):.2f}",
        f"{bounds}",
    )


COLUMNS = ("ground", "kind", "of", "size", "n", "bias", "median", "mean", "covered", "U", "at most")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=12, help="of each kind in each region")
    parser.add_argument("--shared", type=Path, help="folder of the photographs")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=KINDS)
    parser.add_argument("--markdown", type=Path, help="file that takes the table as Markdown")
    args = parser.parse_args()
    wanted = [job for job in jobs(args.faces, args.shared) if job.kind in args.only]
    found = [one for several in Bench(QUICK, args.shared, args.workers).run(sized, wanted) for one in several]
    table = Table(f"{args.faces} faces of each kind in each region, seed {SEED}", COLUMNS, tuple(rows(found)))
    by = Table("the same by contrast, region, blur and class", COLUMNS, tuple(split(found)))
    print(as_text(table))
    print(as_text(by))
    if args.markdown:
        args.markdown.write_text(as_markdown(table).lstrip() + "\n" + as_markdown(by), encoding="utf-8")


if __name__ == "__main__":
    main()
