"""How exactly cladding and core are located, against one degradation at a time, beside two simpler methods.

python benchmarks/geometry.py [--faces 20] [--surfaces 500] [--seed 41] [--only NAME ...] [--markdown FILE]

Rendered end faces with exact sub-pixel centres and diameters; the same faces return in every step. `located` is the
share of the faces in which a cladding (or a core of its own, not the nominal one) was found, `wrong` the share of
these whose diameter is off by more than 2 % and 2 px: another edge was taken. Of all that were located: `centre`
and `p95`, median and 95th percentile of the distance between the centres in px; `bias` and `spread`, mean and standard
deviation of found minus true mean diameter in px. The diameters are known unless a title says otherwise.

Two more parts: `surfaces`, the fibers seen in pictures that have none, with the seeds that draw these again, and
`time`. All of it takes about five minutes. docs/geometry.md holds the tables of one run, written by
`--markdown docs/geometry.md`.

Hough alone is cv2.HoughCircles (HOUGH_GRADIENT), the strongest circle of the median-blurred picture. Contour alone is
Otsu's threshold and cv2.fitEllipse on the largest contour that is compact; its points are the middles of the outermost
pixels, hence a diameter 1 px too small.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config
from dscope_blink.files.decoding import to_gray
from dscope_blink.image_processing import localization
from dscope_blink.image_processing.cladding_choice import Known
from dscope_blink.pipeline import inspect_image
from dscope_blink.records import Ellipse, FiberGeometry, ImageInfo, Inspection, NotLocated, Provenance, Request, Status
from dscope_blink.synthetic.faces import FaceSpec, Illumination, render_face
from dscope_blink.synthetic.scenes import random_surface

ROOT = Path(__file__).resolve().parents[1]
SHAPE = (600, 800)
LARGE = (864, 1152)  # of the microscope in use, for the time
CLADDING_PX = 290.0
WRONG_EDGE = 0.02  # share of the diameter beyond which another edge was found ...
WRONG_EDGE_PX = 2.0  # ... and px, since on the smallest cores that share is less than the blur
SURFACE_SEEDS = 10_000  # the tests draw from 0 on
FIBER_UM = (50.0, 125.0)  # core and cladding
CORE_RATIO = FIBER_UM[0] / FIBER_UM[1]
GRADED_AS = ("iec_61300_3_35_2022", "multimode")
TIMED_FACES = 10

Gray8: TypeAlias = NDArray[np.uint8]  # (H, W)
Paint: TypeAlias = Callable[[Gray8, FaceSpec, np.random.Generator], Gray8]
Change: TypeAlias = Callable[[FaceSpec, np.random.Generator], FaceSpec]


@dataclass(frozen=True, slots=True)
class Found:
    """What a method makes of a picture; None is what it did not find."""

    cladding: Ellipse | None = None
    core: Ellipse | None = None


Method: TypeAlias = Callable[[Gray8, float | None], Found]  # picture, core ratio if known -> what was found


# --- the methods


def this_method(config: Config) -> Method:
    """The localisation of the program; a nominal core counts as not found."""

    def run(picture: Gray8, core_ratio: float | None) -> Found:
        found = located(picture, config, core_ratio)
        if isinstance(found, NotLocated):
            return Found()
        core = found.core.ellipse if found.core and found.core.source == "measured" else None
        return Found(found.cladding.ellipse, core)

    return run


def located(picture: Gray8, config: Config, core_ratio: float | None) -> FiberGeometry | NotLocated:
    """The one place that calls the program's localisation; pixels are square here."""
    known = Known(core_ratio, pixel_aspect_ratio=1.0)
    return localization.locate(to_gray(picture), config.localization, config.core, known)


MEDIAN_PX = 5
HOUGH_CANNY = 50.0  # an unlit core is some 20 grey levels darker than the cladding
CLADDING_VOTES = 30.0
CORE_VOTES = 15.0  # the rim of a single-mode core has few pixels
FIBER_RADII = (0.05, 0.75)  # of the short side of the picture, as in config.json
CORE_RADII = (0.7, 1.3)  # of the radius that the known ratio gives


def hough_alone(picture: Gray8, core_ratio: float | None) -> Found:
    """The strongest circle; the core is the strongest one of about its known radius inside of it."""
    smooth = cv2.medianBlur(picture, MEDIAN_PX)
    low, high = (share * min(picture.shape) for share in FIBER_RADII)
    cladding = _strongest_circle(smooth, low, high, CLADDING_VOTES)
    if cladding is None or core_ratio is None:
        return Found(cladding)
    corner, crop = _crop(smooth, cladding)
    radius = core_ratio * cladding.mean_diameter_px / 2
    core = _strongest_circle(crop, CORE_RADII[0] * radius, CORE_RADII[1] * radius, CORE_VOTES)
    return Found(cladding, core and _moved(core, corner))


def _strongest_circle(picture: Gray8, least_px: float, most_px: float, votes: float) -> Ellipse | None:
    found = cv2.HoughCircles(
        picture,
        cv2.HOUGH_GRADIENT,
        dp=1,
        minDist=max(picture.shape),
        param1=HOUGH_CANNY,
        param2=votes,
        minRadius=max(int(least_px), 1),
        maxRadius=math.ceil(most_px),
    )
    if found is None:
        return None
    x, y, radius = found.reshape(-1, found.shape[-1])[0, :3].tolist()
    return Ellipse((x, y), (2 * radius, 2 * radius), 0.0)


def _crop(picture: Gray8, ellipse: Ellipse) -> tuple[tuple[int, int], Gray8]:
    """The square around an ellipse as far as it lies in the picture, and its corner x, y."""
    (x, y), reach = ellipse.center_px, max(ellipse.axes_px) / 2
    left, top = max(int(x - reach), 0), max(int(y - reach), 0)
    return (left, top), picture[top : max(int(y + reach), top) + 1, left : max(int(x + reach), left) + 1]


def _moved(ellipse: Ellipse, corner: tuple[int, int]) -> Ellipse:
    x, y = ellipse.center_px
    return replace(ellipse, center_px=(x + corner[0], y + corner[1]))


COMPACT = 0.5  # least area of a contour over that of the circle around it
MIN_CORE_PX = 5.0  # least diameter of a contour taken for the core
ELLIPSE_POINTS = 5  # that determine an ellipse
INSIDE = 0.9  # of the found cladding: clear of its edge


def contour_alone(picture: Gray8, core_ratio: float | None) -> Found:
    """Otsu twice: fiber against the surroundings at the border of the picture, core against the cladding around it."""
    level, _ = cv2.threshold(picture, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    fiber = picture > level if np.median(border) <= level else picture <= level
    cladding = _largest_contour(fiber, 2 * FIBER_RADII[0] * min(picture.shape))
    if cladding is None or core_ratio is None:
        return Found(cladding)
    return Found(cladding, _contour_core(picture, cladding))


def _contour_core(picture: Gray8, cladding: Ellipse) -> Ellipse | None:
    inside = _disc(picture.shape, cladding.scaled(INSIDE))
    level, _ = cv2.threshold(picture[inside], 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    rim = picture[inside & ~_disc(picture.shape, cladding.scaled(INSIDE**2))]
    core = picture > level if np.median(rim) <= level else picture <= level
    return _largest_contour(core & inside, MIN_CORE_PX)


def _disc(shape: tuple[int, ...], ellipse: Ellipse) -> NDArray[np.bool_]:
    drawn = np.zeros(shape, np.uint8)
    cv2.ellipse(drawn, (ellipse.center_px, ellipse.axes_px, ellipse.angle_deg), 1, -1)
    return drawn > 0


def _largest_contour(mask: NDArray[np.bool_], least_px: float) -> Ellipse | None:
    """Ellipse through the largest compact outline, without the part that the border of the picture cuts."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    fitting = [c for c in contours if cv2.contourArea(c) >= math.pi / 4 * least_px**2 and _is_compact(c)]
    if not fitting:
        return None
    points = max(fitting, key=cv2.contourArea)[:, 0]  # (N, 2)
    free = points[((points > 0) & (points < np.array(mask.shape[::-1]) - 1)).all(axis=1)]
    if len(free) < ELLIPSE_POINTS:
        return None
    centre, axes, angle = cv2.fitEllipse(free)
    return Ellipse(centre, axes, angle) if min(axes) > 0 else None


def _is_compact(contour: NDArray[np.int32]) -> bool:
    radius = cv2.minEnclosingCircle(contour)[1]
    return bool(cv2.contourArea(contour) >= COMPACT * math.pi * radius**2)


def methods(config: Config) -> dict[str, Method]:
    """The methods by the names that the tables give them."""
    return {"this method": this_method(config), "Hough alone": hough_alone, "contour alone": contour_alone}


# --- the faces and what is done to them


@dataclass(frozen=True, slots=True)
class Step:
    """One strength of a degradation: a change of the face before, or paint on the picture after it is rendered."""

    label: str
    change: Change = lambda spec, rng: spec
    paint: Paint = lambda picture, spec, rng: picture
    ratio_known: bool = True


@dataclass(frozen=True, slots=True)
class Series:
    """Steps that belong into one table; `parts` says of what the errors are printed."""

    title: str
    steps: tuple[Step, ...]
    parts: tuple[str, ...] = ("cladding", "core")


def plain_face(rng: np.random.Generator) -> FaceSpec:
    """A clean face of 50 / 125 um between pixels, slightly elliptic, its core lit or not, with a small halo."""
    lit = rng.random() < 0.5
    um_per_px = 125.0 / CLADDING_PX
    centre = (np.array(SHAPE[::-1]) - 1) / 2 + rng.uniform(-40, 40, 2)
    return FaceSpec(
        shape=SHAPE,
        centre_px=tuple(centre.tolist()),
        um_per_px_x=um_per_px,
        um_per_px_y=um_per_px,
        core_offset_um=tuple(rng.normal(0, 0.3, 2).tolist()),
        axis_ratio=rng.uniform(1.0, 1.01),
        axis_angle_deg=rng.uniform(0, 180),
        core=rng.uniform(130, 170) if lit else rng.uniform(60, 72),
        halo=rng.uniform(0, 10),
        dark_line=rng.uniform(0, 10),
        ferrule_texture=1.0,
    )


def _with(**fields: Any) -> Change:
    return lambda spec, rng: replace(spec, **fields)


def _sloped(slope: float) -> Change:
    """Light that falls off in a random direction; `slope` is its change from the middle to the border."""

    def change(spec: FaceSpec, rng: np.random.Generator) -> FaceSpec:
        turn = rng.uniform(0, 2 * math.pi)
        return replace(spec, illumination=Illumination((slope * math.cos(turn), slope * math.sin(turn))))

    return change


def _flanked(strength: float) -> Change:
    return lambda spec, rng: replace(spec, illumination=Illumination(flank=strength, flank_deg=rng.uniform(0, 360)))


def _core_step(grey_levels: float) -> Change:
    return lambda spec, rng: replace(spec, core=spec.cladding + grey_levels)


def _cut_off(share: float) -> Change:
    """The face moved so far over a border of the picture that this share of its circumference is lost."""

    def change(spec: FaceSpec, rng: np.random.Generator) -> FaceSpec:
        inside_px = math.cos(math.pi * share) * spec.cladding_ellipse.mean_diameter_px / 2
        x, y = spec.centre_px
        places = (
            (inside_px, y),
            (spec.shape[1] - 1 - inside_px, y),
            (x, inside_px),
            (x, spec.shape[0] - 1 - inside_px),
        )
        return replace(spec, centre_px=places[rng.integers(4)]) if share else spec

    return change


BAND = (0.86, 1.14)  # radii between which the edge is covered
DIRT = 30.0  # grey level
PIECES = 24


def _covered(share: float, level: float | None = None, pieces: int = 1) -> Paint:
    """Paint over this share of the edge, in `pieces`, with a grey level or that of the ferrule."""

    def paint(picture: Gray8, spec: FaceSpec, rng: np.random.Generator) -> Gray8:
        cover = _cover(spec, share, pieces, rng)
        grey = spec.ferrule if level is None else level
        patch = grey + spec.noise * rng.standard_normal(spec.shape, dtype=np.float32)
        return np.clip(np.rint(picture * (1 - cover) + patch * cover), 0, 255).astype(np.uint8)

    return paint


def _cover(spec: FaceSpec, share: float, pieces: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """How much of each pixel is painted over, 0..1, (H, W): wedges of a band around the edge, blurred too."""
    y, x = np.indices(spec.shape, dtype=np.float32)
    (cx, cy), radius = spec.cladding_ellipse.center_px, spec.cladding_ellipse.mean_diameter_px / 2
    turn = ((np.arctan2(y - cy, x - cx) - rng.uniform(0, 2 * math.pi)) / (2 * math.pi)) % 1.0  # share of a turn
    slot, within = np.divmod(turn * pieces, 1.0)
    start = rng.uniform(0, 1 - share, pieces)[np.minimum(slot, pieces - 1).astype(int)]
    away = np.hypot(x - cx, y - cy) / radius
    wedge = (within >= start) & (within < start + share) & (away > BAND[0]) & (away < BAND[1])
    return np.asarray(cv2.GaussianBlur(wedge.astype(np.float32), (0, 0), spec.blur_px))


def _combined(*changes: Change) -> Change:
    def change(spec: FaceSpec, rng: np.random.Generator) -> FaceSpec:
        for each in changes:
            spec = each(spec, rng)
        return spec

    return change


LOST = (0.0, 0.1, 0.2, 0.3, 0.4)
CONTRASTS = (-50, -25, -12, -6, -3, 3, 6, 12, 25, 50)
ADHESIVES = {"dark": 45.0, "between": 135.0, "bright": 235.0}  # grey levels; cladding 88, ferrule 194
ADHESIVE_UM = (3.0, 6.0, 10.0, 15.0)
HARD_SHARE, HARD_NOISE = 0.3, 8.0  # the acceptance case


def _lost_arc() -> Iterator[Series]:
    ways: Mapping[str, Callable[[float], Paint]] = {
        "one patch, grey as the ferrule": _covered,
        "one patch, dark": lambda share: _covered(share, DIRT),
        f"{PIECES} dark pieces": lambda share: _covered(share, DIRT, PIECES),
    }
    for way, paint in ways.items():
        steps = tuple(Step(f"{share:.0%}", paint=paint(share)) for share in LOST)
        yield Series(f"lost arc: {way}", steps, ("cladding",))
    cut = tuple(Step(f"{share:.0%}", _cut_off(share)) for share in LOST)
    yield Series("lost arc: cut off by the border of the picture", cut, ("cladding",))


def _acceptance() -> Series:
    noisy, share = _with(noise=HARD_NOISE), HARD_SHARE
    steps = (
        Step("patch of ferrule", noisy, _covered(share)),
        Step("dark patch", noisy, _covered(share, DIRT)),
        Step(f"{PIECES} dark pieces", noisy, _covered(share, DIRT, PIECES)),
        Step("cut by the border", _combined(noisy, _cut_off(share))),
    )
    return Series(f"acceptance: {share:.0%} of the arc lost and noise {HARD_NOISE:g}", steps, ("cladding",))


def _small_cores() -> Iterator[Series]:
    for um_per_px in (0.3, 0.45, 0.6):
        single = _with(core_diameter_um=9.0, um_per_px_x=um_per_px, um_per_px_y=um_per_px, core=150.0)
        steps = tuple(
            Step(f"{blur:g} px blur", _combined(single, _with(blur_px=blur))) for blur in (0.7, 1.0, 1.6, 2.5)
        )
        yield Series(f"core of 9 um at {um_per_px:g} um/px ({9 / um_per_px:.0f} px), lit", steps, ("core",))


def _adhesive() -> Iterator[Series]:
    for name, level in ADHESIVES.items():
        for known in (True, False):
            steps = tuple(
                Step(f"{width:g} um", _with(adhesive=level, adhesive_um=width), ratio_known=known)
                for width in ADHESIVE_UM
            )
            given = "known" if known else "not known"
            yield Series(f"ring of adhesive, {name} ({level:g}), core ratio {given}", steps, ("cladding",))


def _simple(title: str, steps: Mapping[str, Change], parts: tuple[str, ...] = ("cladding", "core")) -> Series:
    return Series(title, tuple(Step(label, change) for label, change in steps.items()), parts)


def all_series() -> dict[str, tuple[Series, ...]]:
    """What is measured, by the names that `--only` takes."""
    return {
        "noise": (_simple("noise, grey levels", {f"{s}": _with(noise=float(s)) for s in (0, 2, 4, 8, 12)}),),
        "blur": (_simple("blur, sigma in px", {f"{s:g}": _with(blur_px=s) for s in (0.7, 1.0, 1.5, 2.5, 4.0)}),),
        "arc": tuple(_lost_arc()),
        "acceptance": (_acceptance(),),
        "shading": (
            _simple("slope of the light, middle to border", {f"{s:g}": _sloped(s) for s in (0, 0.1, 0.2, 0.3, 0.4)}),
            _simple("light on one flank, grey levels", {f"{s:g}": _flanked(s) for s in (0, 5, 10, 15, 20)}),
        ),
        "contrast": (
            _simple("core minus cladding, grey levels", {f"{s:+d}": _core_step(s) for s in CONTRASTS}, ("core",)),
        ),
        "single_mode": tuple(_small_cores()),
        "adhesive": tuple(_adhesive()),
    }


# --- errors


@dataclass(frozen=True, slots=True)
class Errors:
    """Of one method in one step: how many faces there were, and the errors where something was found."""

    faces: int
    centre_px: NDArray[np.float64]  # (n,)
    diameter_px: NDArray[np.float64]  # (n,) found minus true mean diameter
    true_px: NDArray[np.float64]  # (n,)

    @property
    def located(self) -> float:
        """Share of the faces in which something was found."""
        return len(self.centre_px) / self.faces

    @property
    def wrong(self) -> float:
        """Share of the found ones with another edge, by their diameter."""
        limit_px = np.maximum(WRONG_EDGE * self.true_px, WRONG_EDGE_PX)
        return float(np.mean(np.abs(self.diameter_px) > limit_px))


def errors(pairs: Sequence[tuple[Ellipse | None, Ellipse]]) -> Errors:
    """Errors of found ellipses (None: not found) from the true ones."""
    both = [(found, true) for found, true in pairs if found is not None]
    return Errors(
        len(pairs),
        np.array([math.dist(found.center_px, true.center_px) for found, true in both]),
        np.array([found.mean_diameter_px - true.mean_diameter_px for found, true in both]),
        np.array([true.mean_diameter_px for _, true in both]),
    )


def scene(step: Step, seed: int, k: int) -> tuple[FaceSpec, Gray8]:
    """Face number `k` as one step shows it, and its picture, (H, W) uint8."""
    rng = np.random.default_rng((seed, k))  # the same faces in every step
    spec = step.change(plain_face(rng), rng)
    return spec, step.paint(render_face(spec, (), rng).image.astype(np.uint8), spec, rng)


def measured(step: Step, n: int, seed: int, ways: Mapping[str, Method]) -> dict[str, dict[str, Errors]]:
    """Errors of each method on `n` faces, by part of the fiber."""
    results: dict[str, list[tuple[Found, Found]]] = {name: [] for name in ways}
    for k in range(n):
        spec, picture = scene(step, seed, k)
        ratio = spec.core_diameter_um / spec.cladding_diameter_um if step.ratio_known else None
        truth = Found(spec.cladding_ellipse, spec.core_ellipse)
        for name, method in ways.items():
            results[name].append((method(picture, ratio), truth))
    return {
        part: {name: errors([(getattr(f, part), getattr(t, part)) for f, t in both]) for name, both in results.items()}
        for part in ("cladding", "core")
    }


# --- pictures without a fiber, and the time


@dataclass(frozen=True, slots=True)
class FalseFiber:
    """A fiber seen in a picture that has none; `seed` draws that picture again."""

    seed: int
    known: bool  # whether the diameters were given
    status: Status
    ellipse: Ellipse
    support: float
    contrast: float


def false_fibers(n: int, config: Config) -> Iterator[FalseFiber]:
    """The fibers located in `n` pictures of other surfaces, without and with the diameters of a fiber given."""
    for seed in range(SURFACE_SEEDS, SURFACE_SEEDS + n):
        picture = random_surface(np.random.default_rng(seed))
        for known in (False, True):
            inspection = inspected(picture, config, *(FIBER_UM if known else (None, None)))
            if inspection.geometry is not None:
                fit = inspection.geometry.cladding
                yield FalseFiber(seed, known, inspection.verdict.status, fit.ellipse, fit.support, fit.contrast)


def inspected(picture: Gray8, config: Config, core_um: float | None, cladding_um: float | None) -> Inspection:
    """The record of a picture with square pixels."""
    height, width = picture.shape
    request = Request(*GRADED_AS, core_um, cladding_um, 1.0)
    provenance = Provenance("benchmark", config.profile, "", {"config": config.sha256})
    return inspect_image(picture, ImageInfo("surface.png", None, width, height), request, config, None, provenance)


def seconds_per_picture(n: int, seed: int, config: Config) -> list[float]:
    """Time to locate the fiber in each of `n` large pictures, after a warm-up."""
    large, spent = Step("large", _with(shape=LARGE, centre_px=(575.3, 431.8))), []
    for k in range(n + 1):
        _, picture = scene(large, seed, k)
        start = perf_counter()
        located(picture, config, CORE_RATIO)
        spent.append(perf_counter() - start)
    return spent[1:]


# --- what is printed


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under a title; a cell of the header may have two lines."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


FIGURES = ("located", "wrong", "centre", "p95", "bias", "spread")


def error_table(title: str, rows: Mapping[str, Mapping[str, Errors]]) -> Table:
    """One row for each step with the figures of the methods side by side."""
    names = list(next(iter(rows.values())))
    header = ("", *(f"{word}\n{figure}" for name in names for word, figure in _headed(name)))
    cells = tuple((label, *(cell for name in names for cell in _figures(row[name]))) for label, row in rows.items())
    return Table(title, header, cells)


def _headed(name: str) -> Iterator[tuple[str, str]]:
    """The words of a method's name over the first of its columns."""
    return zip_longest(name.split(), FIGURES, fillvalue="")


def _figures(found: Errors) -> tuple[str, ...]:
    if not len(found.centre_px):
        return ("0%", *["-"] * (len(FIGURES) - 1))
    centre, diameter = found.centre_px, found.diameter_px
    sizes = (float(np.median(centre)), float(np.percentile(centre, 95)))
    bias, spread = float(diameter.mean()), float(diameter.std())
    return (f"{found.located:.0%}", f"{found.wrong:.0%}", *map(_px, sizes), _px(bias, "+"), _px(spread))


def _px(value: float, sign: str = "") -> str:
    return f"{value:{sign}.3f}" if abs(value) < 10 else f"{value:{sign}.1f}"


def tables_of(series: Series, n: int, seed: int, ways: Mapping[str, Method]) -> Iterator[Table]:
    """Measure one series; a table for each part of the fiber."""
    results = {step.label: measured(step, n, seed, ways) for step in series.steps}
    for part in series.parts:
        yield error_table(f"{series.title} - {part}", {label: row[part] for label, row in results.items()})


def surface_table(n: int, config: Config) -> Table:
    """The pictures without a fiber in which one was located."""
    found = list(false_fibers(n, config))
    unknown, given = ([f for f in found if f.known is known] for known in (False, True))
    graded = sum(f.status != "NOT_GRADED" for f in found)
    title = (
        f"no fiber: of {n} pictures {len(unknown)} located, {len(given)} with the diameters {FIBER_UM[0]:g} and "
        f"{FIBER_UM[1]:g} um given; {graded} graded"
    )
    columns = ("seed", "diameters", "verdict", "centre", "axes", "support", "contrast")
    return Table(title, columns, tuple(map(_false_row, found)))


def _false_row(found: FalseFiber) -> tuple[str, ...]:
    (x, y), (a, b) = found.ellipse.center_px, found.ellipse.axes_px
    given = "known" if found.known else "not known"
    place, size = f"({x:.0f}, {y:.0f})", f"{a:.0f} x {b:.0f}"
    return str(found.seed), given, found.status, place, size, f"{found.support:.2f}", f"{found.contrast:+.2f}"


def time_table(seed: int, config: Config) -> Table:
    """Median time of localisation."""
    spent = median(seconds_per_picture(TIMED_FACES, seed, config))
    row = f"{LARGE[1]} x {LARGE[0]}", f"{TIMED_FACES}", f"{1000 * spent:.1f}"
    return Table("time of this method, one OpenCV thread", ("picture", "faces", "median ms"), (row,))


def as_text(table: Table) -> str:
    """Columns aligned, a blank apart."""
    lines = (*zip_longest(*(cell.split("\n") for cell in table.header), fillvalue=""), *table.rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = [" ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join((f"\n{table.title}", *aligned))


def as_markdown(table: Table) -> str:
    """A table under a heading."""
    header = tuple(cell.replace("\n", "<br>") for cell in table.header)
    lines = (header, ("--:",) * len(header), *table.rows)
    return "\n".join((f"\n### {table.title}\n", *(f"| {' | '.join(line)} |" for line in lines)))


def all_tables(args: argparse.Namespace, config: Config) -> Iterator[Table]:
    """Measure what was asked for, table by table."""
    ways = methods(config)
    for name, several in all_series().items():
        for series in several if name in args.only else ():
            yield from tables_of(series, args.faces, args.seed, ways)
    if "surfaces" in args.only:
        yield surface_table(args.surfaces, config)
    if "time" in args.only:
        yield time_table(args.seed, config)


def main() -> None:
    """Measure, and print each table when it is done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = [*all_series(), "surfaces", "time"]
    parser.add_argument("--faces", type=int, default=20, help="faces in each step")
    parser.add_argument("--surfaces", type=int, default=500, help="pictures without a fiber")
    parser.add_argument("--seed", type=int, default=41, help="of the faces")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, metavar="NAME", help=", ".join(parts))
    parser.add_argument("--profile", default="deep_inspection")
    parser.add_argument("--markdown", type=Path, help="file that takes the same tables as Markdown")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    config = load_config(ROOT / "config.json").profile(args.profile)
    _, _, explained = (__doc__ or "").split("\n\n", 2)
    page = [
        f"# Localisation on rendered faces\n\n{args.faces} faces in each step, seed {args.seed}.\n\n{explained.strip()}"
    ]
    for table in all_tables(args, config):
        print(as_text(table), flush=True)
        page.append(as_markdown(table))
    if args.markdown:
        args.markdown.write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
