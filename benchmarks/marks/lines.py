"""Faint lines: how many of known ones are found, by how far the sum along their true course stands out.

python -m benchmarks.marks.lines [--shared ../shared] [--lines 240] [--clean 200] [--workers 1] [--profile NAME]

Lines about 1 um wide are put into rendered faces and into those zones of photographs in which a person saw nothing,
and what of them is reported is told by contrast, length and ideal sigma; then what is reported on the clean ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from benchmarks.rendered import CLEAN_KINDS, clean_kind, ordinary_face, request_for
from benchmarks.validation.bench import FULL, SEED, Bench, settings
from benchmarks.validation.injection import CORE_GAP, EDGE_GAP, FARTHEST
from benchmarks.validation.photographs import Photograph, labelled
from dscope_blink.config.settings import Config
from dscope_blink.files.decoding import Picture
from dscope_blink.pipeline import Stages, all_stages
from dscope_blink.records import Defect, FloatImage, ImageInfo, Points, Provenance, Request, Residual
from dscope_blink.synthetic.faces import FaceSpec, Scratch, render_face
from dscope_blink.synthetic.injection import flat_face, painted, reported_um

CONTRASTS = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08)
LENGTHS_UM = (20.0, 40.0, 70.0, 100.0)
WIDTH_UM = 1.0
MOST_BEND = 0.04  # sagitta over length
CLEAR_PX, NEAR_PX = 6.0, 2
FOUND = 1 / 3  # of its length under one reported mark
CLASSES = (0.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, np.inf)  # ideal sigmas


@dataclass(frozen=True, slots=True)
class Wish:
    """A job: line number `k`, and the profile that looks for it."""

    k: int
    photograph: Path | None  # None: on a rendered face
    profile: str


@dataclass(frozen=True, slots=True)
class Trial:
    """One line that was put in."""

    ground: str  # first letters of the photograph's name, or rendered
    contrast: float
    length_um: float
    ideal: float  # sigmas
    covered: float  # largest share of its length under one reported mark
    place_px: tuple[float, float]

    @property
    def found(self) -> bool:
        """Whether a reported mark means it."""
        return self.covered >= FOUND


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, help="folder that holds endfaces")
    parser.add_argument("--lines", type=int, default=240, help="lines on rendered faces, and as many in photographs")
    parser.add_argument("--clean", type=int, default=200, help="rendered faces without a mark")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--profile", default=settings().default_profile)
    parser.add_argument("--only", default="", help="photographs whose names begin so")
    args = parser.parse_args()
    bench = Bench(FULL, args.shared, args.workers)
    jobs = [Wish(k, None, args.profile) for k in range(args.lines if not args.only else 0)]
    if args.shared is not None:
        paths = [p.path for p in _photographs(args.shared) if p.path.name.startswith(args.only) and _open_zones(p)]
        jobs += [Wish(k, paths[k % len(paths)], args.profile) for k in range(args.lines)]
    trials = [trial for trial in bench.run(try_line, jobs) if trial is not None]
    _print_trials(trials)
    clean = bench.run(reports_on_clean, [Wish(k, None, args.profile) for k in range(args.clean)])
    print(f"\n{args.clean} rendered clean faces: {sum(map(len, clean))} lines reported")
    if args.shared is not None:
        for reports in bench.run(lines_in_photograph, [Wish(0, p, args.profile) for p in paths]):
            for name, zone, what in reports:
                print(f"  {name} clean {zone}: a line of {what}")


def try_line(wish: Wish) -> Trial | None:
    """Put a line in and look for it; None where there is no room for one."""
    rng = np.random.default_rng((SEED, wish.k, wish.photograph is None))
    contrast, length_um = float(rng.choice(CONTRASTS)), float(rng.choice(LENGTHS_UM))
    signed = float(rng.choice((-1, 1))) * contrast
    before = _clean(wish)
    if before.stages.search is None:
        return None
    points = _course(rng, before, length_um)
    if points is None:
        return None
    mark = Scratch(tuple(map(tuple, points.tolist())), WIDTH_UM, signed)
    after = _stages(before.with_mark(mark, wish.k), before.request, wish.profile)
    if after.search is None:
        return None
    spec = before.spec
    course_px = points / (spec.um_per_px_x, spec.um_per_px_y) + spec.centre_px
    return Trial(
        before.ground,
        contrast,
        length_um,
        ideal_sigmas(before.stages.search.residual, after.search.residual, course_px, signed),
        max((_share_under(d, course_px, before.shape) for d in after.inspection.defects), default=0.0),
        tuple(course_px.mean(axis=0).round().tolist()),
    )


def ideal_sigmas(clean: Residual, marked: Residual, course_px: Points, sign: float) -> float:
    """The mean along the true course over the spread of that of the same course beside it, where nothing was put.

    Parameters
    ----------
    clean, marked : residuals before and after
    course_px : (n, 2) points in the stored picture, evenly apart
    sign : of the line
    """
    points = (course_px + 0.5) / clean.pixel_px - 0.5 - clean.origin_px
    along = np.gradient(points, axis=0).mean(axis=0)
    normal = np.array([-along[1], along[0]]) / np.hypot(*along)
    middle = points.mean(axis=0)
    copies = [points + by * normal for by in (*np.arange(-30.0, -4, 2), *np.arange(5.0, 31, 2))]
    copies += [middle + (points - middle) @ _turn(angle) for angle in np.radians((-40, -30, -20, -12, 12, 20, 30, 40))]
    inside = clean.inside.astype(np.float32)
    noise = [_mean(clean.gray, copy) for copy in copies if _sampled(inside, copy).mean() > 0.9]
    if len(noise) < 8:
        return float("nan")
    spread = 1.4826 * np.median(np.abs(np.array(noise) - np.median(noise)))
    return float(np.sign(sign) * (_mean(marked.gray, points) - np.median(noise)) / max(spread, 1e-6))


def _turn(angle: float) -> Points:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s], [-s, c]])


def _mean(gray: FloatImage, points: Points) -> float:
    """Of three pixels across the course."""
    along = np.gradient(points, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.hypot(*along.T)[:, None]
    return float(np.mean([_sampled(gray, points + by * normal).mean() for by in (-0.7, 0.0, 0.7)]))


def _sampled(image: FloatImage, points: Points) -> FloatImage:
    x, y = points.astype(np.float32).T
    return cv2.remap(image, x[None], y[None], cv2.INTER_LINEAR, borderValue=0)[0]


def _share_under(defect: Defect, course_px: Points, shape: tuple[int, ...]) -> float:
    drawn = np.zeros(shape[:2], np.uint8)
    cv2.drawContours(drawn, [np.rint(defect.contour_px).astype(np.int32)], -1, 1, cv2.FILLED)
    near = cv2.dilate(drawn, np.ones((2 * NEAR_PX + 1, 2 * NEAR_PX + 1), np.uint8)).astype(np.float32)
    return float((_sampled(near, course_px) > 0.5).mean())


# --- what lies below


@dataclass(frozen=True, slots=True)
class _Ground:
    """A clean face, inspected."""

    ground: str
    shape: tuple[int, ...]
    picture: Picture
    spec: FaceSpec
    request: Request
    stages: Stages
    open_zones: tuple[str, ...]  # in which nothing is

    def with_mark(self, mark: Scratch, k: int) -> Picture:
        if self.ground == RENDERED:
            return render_face(self.spec, (mark,), np.random.default_rng((SEED, k, 7))).image
        drawn = render_face(self.spec, (mark,), np.random.default_rng(0)).image
        return painted(self.picture, drawn)


RENDERED = "rendered"


@cache
def _photographs(shared: Path) -> tuple[Photograph, ...]:
    return labelled(shared, settings().profile(settings().default_profile))


def _open_zones(photograph: Photograph) -> tuple[str, ...]:
    return tuple(zone for zone in "ABD" if photograph.is_clean(zone))


_grounds: dict[tuple[Path | None, str], _Ground] = {}


def _clean(wish: Wish) -> _Ground:
    if wish.photograph is None:
        rng = np.random.default_rng((SEED, wish.k, 3))
        spec = ordinary_face(rng, **CLEAN_KINDS[clean_kind(wish.k)])
        picture = render_face(spec, (), np.random.default_rng((SEED, wish.k, 7))).image
        request = request_for(spec)
        return _Ground(
            RENDERED, picture.shape, picture, spec, request, _stages(picture, request, wish.profile), ("A", "B", "D")
        )
    key = wish.photograph, wish.profile
    if key not in _grounds:
        photograph = next(p for p in _photographs(wish.photograph.parents[1]) if p.path == wish.photograph)
        picture = photograph.picture(_config(wish.profile))
        stages = _stages(picture, photograph.request, wish.profile)
        spec = flat_face(stages.inspection)
        name = wish.photograph.stem.split("_")[0]
        _grounds[key] = _Ground(name, picture.shape, picture, spec, photograph.request, stages, _open_zones(photograph))
    return _grounds[key]


def _config(profile: str) -> Config:
    return settings().profile(profile)


def _stages(picture: Picture, request: Request, profile: str) -> Stages:
    config = _config(profile)
    info = ImageInfo("picture", None, picture.shape[1], picture.shape[0])
    return all_stages(picture, info, request, config, None, Provenance("benchmark", profile, "", {}))


def _course(rng: np.random.Generator, ground: _Ground, length_um: float) -> Points | None:
    """Points of a straight or slightly curved line in micrometres from the centre, all in open zones; None: no room."""
    taken = reported_um(ground.stages.inspection, ground.spec)
    spec = ground.spec
    for _ in range(400):
        middle = rng.uniform(-1, 1, 2) * spec.cladding_diameter_um / 2 * FARTHEST
        angle, bend = rng.uniform(0, np.pi), rng.uniform(-MOST_BEND, MOST_BEND) * rng.integers(0, 2)
        t = np.linspace(-1, 1, max(round(length_um / spec.um_per_px), 8))
        points = middle + np.stack([t * length_um / 2, bend * length_um * (t * t - 1 / 3)], axis=1) @ _turn(angle)
        inside_picture = ((points / (spec.um_per_px_x, spec.um_per_px_y) + spec.centre_px) > 8).all() and (
            (points / (spec.um_per_px_x, spec.um_per_px_y) + spec.centre_px) < np.array(spec.shape[::-1]) - 8
        ).all()
        clear = (
            not len(taken)
            or np.hypot(*(points[::4, None] - taken[None]).transpose(2, 0, 1)).min() > CLEAR_PX * spec.um_per_px
        )
        if inside_picture and clear and _in_open(points, spec, ground.open_zones):
            return points
    return None


def _in_open(points: Points, spec: FaceSpec, zones: Sequence[str]) -> bool:
    rho = np.hypot(*points.T) / (spec.cladding_diameter_um / 2)
    core = spec.core_diameter_um / spec.cladding_diameter_um
    bands = {"A": (0, CORE_GAP[0] * core), "B": (CORE_GAP[1] * core, EDGE_GAP[0]), "D": (EDGE_GAP[1], FARTHEST)}
    if "A" in zones and "B" in zones and (rho < EDGE_GAP[0]).all():
        return True
    return any((rho >= bands[zone][0]).all() and (rho <= bands[zone][1]).all() for zone in zones)


# --- clean ones


def reports_on_clean(wish: Wish) -> list[float]:
    """The evidence of each line that is reported on a clean rendered face."""
    return [d.evidence["faint_lines"] for d in _clean(wish).stages.inspection.defects if _is_faint(d)]


def lines_in_photograph(wish: Wish) -> list[tuple[str, str, str]]:
    """Name, zone and what of each line reported in a zone of a photograph in which a person saw nothing."""
    ground = _clean(wish)
    letters = {"core": "A", "cladding": "B", "contact": "D", "adhesive": "D"}
    assert wish.photograph is not None
    return [
        (wish.photograph.name, letters[d.zone], f"{d.length_um or 0:.0f} um at {tuple(map(round, d.centroid_px))}")
        for d in ground.stages.inspection.defects
        if _is_faint(d) and letters[d.zone] in ground.open_zones
    ]


def _is_faint(defect: Defect) -> bool:
    return defect.evidence.get("faint_lines", 0.0) >= 0.5


# --- what is printed


def _print_trials(trials: Sequence[Trial]) -> None:
    print(f"{len(trials)} lines")
    grounds = sorted({t.ground for t in trials})
    for ground in grounds:
        mine = [t for t in trials if t.ground == ground]
        print(
            f"\n{ground}: {len(mine)} lines\n  ideal sigma  "
            + _row(mine, CLASSES[:-1], lambda t, c: _class(t.ideal) == c)
        )
        for length in LENGTHS_UM:
            group = [t for t in mine if t.length_um == length]
            print(f"  {length:3.0f} um       " + _row(group, CONTRASTS, lambda t, c: t.contrast == c))
    strong = [t for t in trials if t.ideal >= 8]
    print(f"\n8 sigma and more: {sum(t.found for t in strong)} of {len(strong)}")
    for t in strong:
        if not t.found:
            line = f"{t.ground} {t.contrast:.0%} {t.length_um:g} um at {t.place_px}"
            print(f"  missed: {line}, ideal {t.ideal:.1f}, covered {t.covered:.2f}")


def _class(ideal: float) -> float:
    return max((c for c in CLASSES[:-1] if ideal >= c), default=0.0)


def _row(trials: Sequence[Trial], columns: Iterable[float], belongs: Callable[[Trial, float], bool]) -> str:
    cells = []
    for column in columns:
        mine = [t for t in trials if belongs(t, column)]
        cells.append(f"{column:5g}: {sum(t.found for t in mine):3d}/{len(mine):3d}")
    return "  ".join(cells)


if __name__ == "__main__":
    main()
