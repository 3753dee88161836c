"""Picture -> fiber geometry: seeds, robust sub-pixel ellipses of cladding and core, and the tests that say no."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

import edges
import ellipse_fit
from config_loader import CoreSettings, Localization
from edges import COARSE_ANGLES, MIN_WINDOW_PX, SIDES, Edge, Method
from ellipse_fit import Form
from records import CladdingFit, CoreFit, FiberGeometry, FloatImage, NotLocated

Circle: TypeAlias = tuple[float, float, float]  # x, y, radius

COARSE_WINDOWS = (0.16, 0.06)  # half width of the search around the radius, per round
COARSE_ROUNDS = 4  # of a fit: the next search moves the edge by more than further rounds would
FINE_WINDOWS = (0.03, 0.015)
FINE_ROUNDS = 12
MIN_TOLERANCE_PX = 1.5
SAME_CENTER = 0.15  # centres closer than this share of the radius belong to one fiber


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the fiber before it is looked for; lengths in pixels of the picture."""

    core_ratio: float | None = None  # core / cladding diameter
    cladding_px: float | None = None  # mean diameter
    core_px: float | None = None  # the same of the core
    pixel_aspect_ratio: float | None = None  # um_per_px_x / um_per_px_y


NOTHING = Known()


def locate(
    gray: FloatImage, settings: Localization, core_settings: CoreSettings, known: Known = NOTHING
) -> FiberGeometry | NotLocated:
    """Find the cladding and the core of the fiber in a picture.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    settings, core_settings : limits from config.json
    known : tells the core from other rings, the cladding from the adhesive around it, and a fiber from an oval

    Returns
    -------
    FiberGeometry in pixels of `gray`, or NotLocated with the evidence
    """
    small, factors = _reduced(gray, settings.seed_short_px, known.pixel_aspect_ratio or 1.0)
    found = _coarse_edges(small, settings, known.core_ratio)
    if not found:
        return NotLocated(f"no circular edge in the picture{_hint(known)}")
    rival = _rival(found, settings)
    if rival is not None:
        return NotLocated(_two_circles(max(found, key=_score), rival, factors))
    choice = _choose_cladding(found, factors, settings, known)
    edge = _refined(gray, choice, factors, settings)
    if edge is None:
        return NotLocated("no ellipse fits the edge points")
    cladding = _cladding_fit(edge, edges.blur_of(gray, edge.form, choice.room))
    core = locate_core(gray, cladding, core_settings, _core_ratio(known, cladding))
    confirmed = choice.faint and core is not None and core.source == "measured"
    reason = (
        _why_cut(gray, edge, settings)
        or _why_not(edge, confirmed, settings, known)
        or _why_no_border(gray, edge, settings, known)
    )
    if reason:
        return NotLocated(reason + _hint(known))
    warnings = choice.warnings or _doubts(edge, core, known, cladding)
    if core is not None and core.source == "nominal":
        warnings += _shining_elsewhere(gray, cladding, core, core_settings)
    return FiberGeometry(cladding, core, warnings)


def _hint(known: Known) -> str:
    return (
        ""
        if known.pixel_aspect_ratio is not None
        else "; where pixels are not square, pixel_aspect_ratio must be given"
    )


def _doubts(edge: Edge, core: CoreFit | None, known: Known, cladding: CladdingFit) -> tuple[str, ...]:
    """What is odd about a fiber that was located."""
    doubts = []
    if edge.polarity < 0 and known.cladding_px is None and (core is None or core.source == "nominal"):
        doubts.append(
            "Dark surroundings: the disc taken for the cladding is brighter than the ferrule, as a core would be"
        )
    if known.core_px is not None and known.core_px >= cladding.ellipse.mean_diameter_px:
        doubts.append(f"Core contradiction: the known core is {known.core_px:.0f} px wide, more than the cladding")
    return tuple(doubts)


def _core_ratio(known: Known, cladding: CladdingFit) -> float | None:
    if known.core_ratio is not None or known.core_px is None:
        return known.core_ratio
    ratio = known.core_px / cladding.ellipse.mean_diameter_px
    return ratio if ratio < 1 else None


# --- seeds ------------------------------------------------------------------------------------------------------------


def _reduced(gray: FloatImage, short_px: int, aspect: float) -> tuple[FloatImage, tuple[float, float]]:
    """A smaller picture with square pixels, and the pixels of `gray` per pixel of it in x and y."""
    h, w = gray.shape
    fx = max(min(w, h / aspect) / short_px, 1.0)
    fy = fx * aspect
    size = max(round(w / fx), 1), max(round(h / fy), 1)
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA), (w / size[0], h / size[1])


def _coarse_edges(small: FloatImage, settings: Localization, core_ratio: float | None) -> list[Edge]:
    """Edges around seeds of the plain picture, of the equalised one if those do not convince, and concentric ones."""
    picture = _stretched(small)
    found = _fit_all(small, _hough_seeds(picture, settings), "hough", settings, core_ratio)
    if not any(_convincing(e, settings) for e in found):
        clahe = cv2.createCLAHE(settings.clahe_clip_limit, (settings.clahe_tiles, settings.clahe_tiles))
        equalised = clahe.apply(picture)
        found += _fit_all(small, _hough_seeds(equalised, settings), "hough", settings, core_ratio)
        found += _fit_all(small, _contour_seeds(equalised, settings), "contour", settings, core_ratio)
    if not found:
        return []
    best = max(found, key=_score)
    return found + _rings_around(best, small, settings, core_ratio)


def _stretched(small: FloatImage) -> NDArray[np.uint8]:
    lo, hi = np.percentile(small[::2, ::2], (0.5, 99.5))
    gain = 255 / max(float(hi - lo), 1e-3)
    return cv2.medianBlur(cv2.convertScaleAbs(np.maximum(small, lo), alpha=gain, beta=-gain * float(lo)), 5)


def _hough_seeds(picture: NDArray[np.uint8], settings: Localization) -> list[Circle]:
    short = min(picture.shape)
    found = cv2.HoughCircles(
        picture,
        cv2.HOUGH_GRADIENT_ALT,
        settings.hough_dp,
        minDist=settings.hough_min_distance_share * short,
        param1=settings.hough_edge_threshold,
        param2=settings.hough_roundness,
        minRadius=int(settings.min_radius_share * short),
        maxRadius=int(settings.max_radius_share * short),
    )
    if found is None:
        return []
    circles = found.reshape(-1, found.shape[-1])[: settings.max_seeds, :3]
    return [(float(x), float(y), float(r)) for x, y, r in circles]


def _contour_seeds(picture: NDArray[np.uint8], settings: Localization) -> list[Circle]:
    """Circles of equal area for the outlines that a threshold gives; several thresholds, for shaded pictures."""
    short = min(picture.shape)
    seeds = []
    for level in np.percentile(picture, (10, 25, 50, 75, 90)):
        _, binary = cv2.threshold(picture, float(level), 255, cv2.THRESH_BINARY)
        contours, _ = cv2.findContours(binary, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        for contour in contours:
            (x, y), enclosing = cv2.minEnclosingCircle(contour)
            area = cv2.contourArea(contour)
            radius = math.sqrt(area / math.pi)
            if (
                settings.min_radius_share * short <= radius <= settings.max_radius_share * short
                and radius > 0.6 * enclosing
            ):
                seeds.append((area / enclosing**2, x, y, radius))
    best = sorted(seeds, reverse=True)[: settings.max_seeds]
    return [(x, y, r) for _, x, y, r in best]


# --- edges around a seed ----------------------------------------------------------------------------------------------


def _fit_all(
    small: FloatImage,
    seeds: Sequence[Circle],
    method: Method,
    settings: Localization,
    core_ratio: float | None,
) -> list[Edge]:
    """An edge for each seed; those within a fiber already found are left to the search for rings around it."""
    # where the cladding is thin, a search as wide as it would take one edge for the other
    room = math.inf if core_ratio is None else 1 - core_ratio
    found: list[Edge] = []
    for x, y, r in seeds:
        if any(_convincing(e, settings) and math.dist(e.form[:2], (x, y)) <= SAME_CENTER * e.radius_px for e in found):
            continue
        start = np.array([x, y, 1 / r**2, 0.0, 1 / r**2])
        edge = _fit_around(small, start, COARSE_WINDOWS, method, room)
        if edge is not None and _possible(edge, small.shape, settings):
            found.append(edge)
    return found


def _fit_around(
    small: FloatImage,
    start: Form,
    windows: Sequence[float],
    method: Method,
    room: float,
    polarity: int | None = None,
) -> Edge | None:
    """The edge near `start`, of the polarity that most of its circumference shows unless one is asked for."""
    form: Form | None = start
    for window in windows:
        if form is None or not _near_picture(form, small.shape):
            return None
        radius = ellipse_fit.mean_radius(form)
        tolerance = max(1.0, COARSE_TOLERANCE * radius)
        radii, slope = edges.slopes(small, form, min(window, room / 2) * radius, COARSE_ANGLES)
        polarity = polarity or edges.polarity_of(slope)
        form = edges.fitted(form, edges.steepest(radii, slope, polarity), tolerance, 0.2, COARSE_ROUNDS)
    if form is None or polarity is None:
        return None
    return edges.judged(small, form, polarity, COARSE_JUDGED * radius + 1.0, tolerance, method, room)


COARSE_TOLERANCE, COARSE_JUDGED = 0.02, 0.03  # radii: what supports a coarse edge, and where it is looked for


def _near_picture(form: Form, shape: tuple[int, ...]) -> bool:
    """Not so far off that no search around it can see anything."""
    (cx, cy), radius = form[:2], ellipse_fit.mean_radius(form)
    return bool(-radius < cx < shape[1] + radius and -radius < cy < shape[0] + radius)


def _rings_around(edge: Edge, small: FloatImage, settings: Localization, core_ratio: float | None) -> list[Edge]:
    """Edges concentric with a found one: the core's leads to the cladding's, and rings tell what else it could be."""
    radii = np.arange(*RING_RADII, 0.5 / edge.radius_px)
    steps = _steps(edges.sample(small, edge.form, radii, COARSE_ANGLES), radii)
    rings = [s for s in steps if abs(s.radius - 1) > CLOSEST_RING][: settings.max_rings]
    places = [1.0, *(ring.radius for ring in rings)]
    found = []
    for ring in rings:
        start, gap = _scaled(edge.form, ring.radius), _gap(ring.radius, places)
        found.append(_fit_around(small, start, (min(RING_WINDOW, gap / 2),), edge.method, gap, ring.polarity))
    room = math.inf if core_ratio is None else 1 - core_ratio
    for radius in () if core_ratio is None else (core_ratio, 1 / core_ratio):
        if all(abs(place / radius - 1) > settings.ratio_match for place in places):
            found.append(_fit_around(small, _scaled(edge.form, radius), (RING_WINDOW,), edge.method, room))
    return [e for e in found if e is not None and _possible(e, small.shape, settings)]


RING_RADII = (0.3, 2.6)  # where rings are sought, in radii of the edge they are concentric with
RING_WINDOW = 0.06
CLOSEST_RING = 0.03  # what is closer is the halo or the dark line of the edge itself


@dataclass(frozen=True, slots=True)
class _Step:
    """A radius at which the typical grey level changes."""

    radius: float
    polarity: int


def _steps(levels: NDArray[np.float32], radii: NDArray[np.float64]) -> list[_Step]:
    """The steps of the median over all rays, the largest first, as far as they come near it."""
    slope = np.gradient(cv2.GaussianBlur(np.median(levels, axis=0)[None], (0, 0), STEP_BLUR)[0])
    size = np.nan_to_num(np.abs(slope))
    peaks = np.flatnonzero((size[1:-1] >= size[:-2]) & (size[1:-1] > size[2:])) + 1
    best = peaks[np.argsort(size[peaks])[::-1]]
    return [_Step(float(radii[k]), 1 if slope[k] > 0 else -1) for k in best if size[k] > LEAST_STEP * size[best[0]]]


STEP_BLUR = 2.0  # samples
LEAST_STEP = 0.05  # of the largest


def _gap(radius: float, places: Sequence[float]) -> float:
    """Distance of the next ring, in radii of this one."""
    return min((abs(p - radius) for p in places if p != radius), default=math.inf) / radius


def _scaled(form: Form, factor: float) -> Form:
    return np.array([*form[:2], *(form[2:] / factor**2)])


# --- choice of the cladding -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Choice:
    """The edge taken for the cladding's, the distance of the next edge in radii, and what else it could be."""

    edge: Edge
    room: float
    faint: bool = False  # chosen for the core in it, not for its own evidence
    warnings: tuple[str, ...] = ()


def _possible(edge: Edge, shape: tuple[int, ...], settings: Localization) -> bool:
    """Of a plausible size, mostly inside the picture, with the step on the side its polarity says."""
    h, w = shape
    r, (cx, cy) = edge.radius_px, edge.form[:2]
    axes = edge.ellipse.axes_px
    return (
        settings.min_radius_share * min(h, w) <= r <= settings.max_radius_share * min(h, w)
        and 0 <= cx < w
        and 0 <= cy < h
        and axes[0] / axes[1] >= settings.min_axis_ratio
        and edge.support >= LEAST_SUPPORT
        and edge.step * edge.polarity > 0
    )


LEAST_SUPPORT = 0.3  # random edges lie on a third of a coarse circle


def _score(edge: Edge) -> float:
    return edge.support**2 * min(abs(edge.step), FULL_STEP)


FULL_STEP = 0.3  # of the grey range: more does not make an edge surer


def _convincing(edge: Edge, settings: Localization) -> bool:
    return edge.support >= SURE_SUPPORT and abs(edge.step) >= 2 * settings.min_contrast


SURE_SUPPORT = 0.8


def _rival(found: Sequence[Edge], settings: Localization) -> Edge | None:
    """A circular edge about as good and as large as the best one, somewhere else: a second fiber, or a round stain."""
    best = max(found, key=_score)
    others = [e for e in found if not _concentric(e, best) and e.radius_px >= settings.rival_size * best.radius_px]
    rival = max(others, key=_score, default=best)
    apart = math.dist(rival.form[:2], best.form[:2]) > max(rival.radius_px, best.radius_px)
    return rival if apart and _score(rival) >= settings.rival_score * _score(best) else None


def _two_circles(best: Edge, rival: Edge, factors: tuple[float, float]) -> str:
    shown = []
    for edge in (best, rival):
        ellipse = ellipse_fit.from_form(ellipse_fit.rescaled(edge.form, factors))
        x, y = ellipse.center_px
        shown.append(f"{ellipse.mean_diameter_px:.0f} px wide at ({x:.0f}, {y:.0f})")
    return f"two circular edges, {' and '.join(shown)}: which is the fiber cannot be said"


RING_FREE = 0.9  # radii of an edge, within which another is that of its core
FAINT_BORDER = "Faint cladding edge: taken for it because it lies around the core at the known ratio of the diameters"


def _choose_cladding(
    found: Sequence[Edge], factors: tuple[float, float], settings: Localization, known: Known
) -> _Choice:
    """The outermost strong edge of the fiber with the best evidence, unless another is the cladding for a reason."""
    best = max(found, key=_score)
    family = _without_flanks([e for e in found if _concentric(e, best)])
    strong = [e for e in family if _score(e) >= settings.outer_edge_share * _score(best)]
    outermost = max(strong, key=lambda e: e.radius_px)
    decided = _of_known_size(_visible(family, settings), factors, settings, known)
    decided = decided or max(_around_core(strong, strong, settings, known), key=lambda e: e.radius_px, default=None)
    if decided is not None:
        return _Choice(decided, _room(decided, strong, known))
    faint = max(
        _around_core(_visible(family, settings), _shining(strong, settings), settings, known), key=_score, default=None
    )
    if faint is not None:
        return _Choice(faint, _room(faint, strong, known), faint=True, warnings=(FAINT_BORDER,))
    inner = _border_inside(outermost, strong, settings)
    if inner is None:
        layer = _border_inside(outermost, _layers(family, settings), settings)
        warnings = () if layer is None else (_two_borders(outermost, layer, factors),)
        return _Choice(outermost, _room(outermost, strong, known), warnings=warnings)
    # layers within a cladding are faint: a strong border inside is the cladding's, with adhesive around, unless it
    # may be that of the core of a thin cladding
    has_core = known.core_ratio is not None or min(e.radius_px for e in strong) < RING_FREE * inner.radius_px
    chosen, other = (inner, outermost) if has_core else (outermost, inner)
    return _Choice(chosen, _room(chosen, strong, known), warnings=(_two_borders(chosen, other, factors),))


def _of_known_size(
    strong: Sequence[Edge], factors: tuple[float, float], settings: Localization, known: Known
) -> Edge | None:
    if known.cladding_px is None:
        return None
    wanted_px = known.cladding_px / math.sqrt(factors[0] * factors[1]) / 2
    near = [e for e in strong if abs(e.radius_px / wanted_px - 1) <= settings.max_size_error]
    return min(near, key=lambda e: abs(e.radius_px / wanted_px - 1), default=None)


def _around_core(candidates: Sequence[Edge], cores: Sequence[Edge], settings: Localization, known: Known) -> list[Edge]:
    """Those that have another edge within them, at the known ratio of the core's diameter to the cladding's."""
    if known.core_ratio is None:
        return []
    ratios = {e: [c.radius_px / (e.radius_px * known.core_ratio) for c in cores] for e in candidates}
    return [e for e, found in ratios.items() if any(abs(ratio - 1) <= settings.ratio_match for ratio in found)]


def _without_flanks(family: Sequence[Edge]) -> list[Edge]:
    """A halo or a dark line along a border has an edge of its own on its far side, which is no border."""

    def is_flank(edge: Edge) -> bool:
        beside = (e for e in family if e.polarity == -edge.polarity and abs(e.step) > abs(edge.step))
        return any(abs(edge.radius_px / e.radius_px - 1) < FLANK for e in beside)

    return [e for e in family if not is_flank(e)]


FLANK = 0.045  # radii: wider than a halo or a dark line, narrower than adhesive that can be told from them


def _visible(family: Sequence[Edge], settings: Localization) -> list[Edge]:
    """Where something else says which border is the cladding's, such an edge will do."""
    return [e for e in family if e.support >= settings.faint_min_support and abs(e.step) >= settings.min_contrast]


def _shining(strong: Sequence[Edge], settings: Localization) -> list[Edge]:
    return [e for e in strong if e.polarity < 0 and _convincing(e, settings)]


def _layers(family: Sequence[Edge], settings: Localization) -> list[Edge]:
    """Borders of less contrast than the fiber's own: a layer of it, or after all the cladding in faint adhesive."""
    outside = max(e.radius_px for e in family) * LAYERS_WITHIN
    family = [e for e in family if e.radius_px <= outside]
    return [e for e in family if e.support >= SURE_SUPPORT and abs(e.step) >= settings.layer_min_contrast]


LAYERS_WITHIN = 0.945  # radii of the outermost border: nearer to it lie the flanks of its dark line


def _border_inside(outermost: Edge, strong: Sequence[Edge], settings: Localization) -> Edge | None:
    """A second border so close within the outermost one that either may be the cladding's."""
    low, high = settings.border_min_ratio * outermost.radius_px, settings.border_max_ratio * outermost.radius_px
    near = [e for e in strong if low <= e.radius_px <= high and e.rms_px <= SHARP_RMS_PX]
    return max(near, key=_score, default=None)


SHARP_RMS_PX = 0.35  # pixels of the reduced picture; the flank of a graded core scatters more


def _two_borders(chosen: Edge, other: Edge, factors: tuple[float, float]) -> str:
    taken, left = (2 * e.radius_px * math.sqrt(factors[0] * factors[1]) for e in (chosen, other))
    return (
        f"Two borders: circles about {taken:.0f} px and {left:.0f} px wide, the first is taken for the cladding; "
        "a calibration together with its diameter would tell"
    )


def _room(edge: Edge, strong: Sequence[Edge], known: Known) -> float:
    """Distance of the next edge in radii."""
    core = math.inf if known.core_ratio is None else 1 - known.core_ratio
    gaps = (abs(e.radius_px / edge.radius_px - 1) for e in strong)
    return min((gap for gap in gaps if gap > CLOSEST_RING), default=core)


def _concentric(a: Edge, b: Edge) -> bool:
    return math.dist(a.form[:2], b.form[:2]) <= SAME_CENTER * max(a.radius_px, b.radius_px)


# --- fine fit and acceptance ------------------------------------------------------------------------------------------


def _refined(gray: FloatImage, choice: _Choice, factors: tuple[float, float], settings: Localization) -> Edge | None:
    """The chosen edge at full resolution."""
    form: Form | None = ellipse_fit.rescaled(choice.edge.form, factors)
    for share in FINE_WINDOWS:
        if form is None:
            return None
        window = max(min(share, choice.room / 2) * ellipse_fit.mean_radius(form), MIN_WINDOW_PX)
        rho = edges.steepest(*edges.slopes(gray, form, window, settings.angles), choice.edge.polarity)
        form = edges.fitted(form, rho, window / 2, 0.05, FINE_ROUNDS)
    if form is None:
        return None
    radius = ellipse_fit.mean_radius(form)
    tolerance = max(settings.tolerance_share * radius, MIN_TOLERANCE_PX)
    wide = max(0.0 if choice.faint else min(settings.judging_share, choice.room / 2) * radius, 3 * tolerance)
    polarity, method = choice.edge.polarity, choice.edge.method
    return edges.judged(gray, form, polarity, wide, tolerance, method, choice.room, settings.angles)


def _why_cut(gray: FloatImage, edge: Edge, settings: Localization) -> str:
    points = ellipse_fit.points_along(edge.form, np.ones(settings.angles))
    share = float(((points >= 0) & (points <= np.array(gray.shape[::-1]) - 1)).all(axis=1).mean())
    if share >= settings.min_support:
        return ""
    least = settings.min_support
    return f"the fiber is cut by the border: {share:.0%} of its edge lies in the picture, at least {least:.0%} needed"


def _why_not(edge: Edge, confirmed: bool, settings: Localization, known: Known) -> str:
    """The first test the fit fails, with its figures; empty when it passes. A core may confirm a faint edge."""
    ratio, least_ratio = _axis_ratio(edge, known.pixel_aspect_ratio or 1.0), settings.min_axis_ratio
    share = settings.faint_max_rms_share if confirmed else settings.max_rms_share
    limit_px = max(edge.radius_px * share, settings.max_rms_px)
    least_support = settings.faint_min_support if confirmed else settings.min_support
    size_px = edge.ellipse.mean_diameter_px
    wrong = 0.0 if known.cladding_px is None else abs(size_px / known.cladding_px - 1)
    checks = (
        (abs(edge.step) >= settings.min_contrast, f"contrast {abs(edge.step):.3f}, at least {settings.min_contrast:g}"),
        (edge.support >= least_support, f"seen on {edge.support:.0%}, at least {least_support:.0%}"),
        (edge.rms_px <= limit_px, f"residual {edge.rms_px:.2f} px rms, at most {limit_px:.2f} px"),
        (ratio >= least_ratio, f"ratio of its axes {ratio:.3f}, at least {least_ratio:g}"),
        (
            wrong <= settings.max_size_error,
            f"{size_px:.0f} px wide, within {settings.max_size_error:.0%} of the {known.cladding_px or 0:.0f} px that "
            "calibration and known diameter give",
        ),
    )
    failed = next((rule for passed, rule in checks if not passed), "")
    return failed and f"the best circular edge is not that of a cladding: {failed} needed"


def _why_no_border(gray: FloatImage, edge: Edge, settings: Localization, known: Known) -> str:
    """A circular line, or a heap of other shapes, has edges too, but not another brightness inside than outside."""
    ratio = known.core_ratio or 0.0
    inside = ratio + (1 - ratio) * np.linspace(*FAR_INSIDE, FAR_SAMPLES)
    levels = edges.sample(
        gray, edge.form, np.concatenate([inside, np.linspace(*FAR_OUTSIDE, FAR_SAMPLES)]), COARSE_ANGLES
    )
    seen = levels[np.isfinite(levels[:, : FAR_SAMPLES + 1]).all(axis=1)]  # both sides lie in the picture
    if not len(seen):
        return ""
    steps = np.nanmedian(seen[:, FAR_SAMPLES:], axis=1, keepdims=True) - seen[:, :FAR_SAMPLES]  # (angles, radii)
    typical = np.median(steps, axis=0)
    k = int(np.abs(typical).argmax())
    step, share = abs(float(typical[k])), float((steps[:, k] / typical[k] > 0.5).mean())
    least_step = settings.min_far_share * abs(edge.step)
    least_share = min(settings.min_far_support, edge.support - FAR_MARGIN)  # what covers the edge may cover both sides
    if step >= least_step and share >= least_share:
        return ""
    return (
        "the best circular edge is that of a line or of other shapes: well inside and outside of it the grey levels "
        f"differ by {step:.3f} on {share:.0%}, at least {least_step:.3f} on {least_share:.0%} needed"
    )


FAR_MARGIN = 0.1  # of the circumference
FAR_INSIDE = (0.3, 0.75)  # of the way from the core to the border; nearer to it may be a line or what chips away
FAR_OUTSIDE = (1.12, 1.35)  # radii
FAR_SAMPLES = 8


def _axis_ratio(edge: Edge, pixel_aspect_ratio: float) -> float:
    """Shorter over longer axis in square pixels."""
    axes = ellipse_fit.from_form(ellipse_fit.rescaled(edge.form, (pixel_aspect_ratio, 1.0))).axes_px
    return axes[0] / axes[1]


def _cladding_fit(edge: Edge, blur_px: float) -> CladdingFit:
    return CladdingFit(
        ellipse=ellipse_fit.from_form(edges.unblurred(edge.form, blur_px)),
        rms_px=edge.rms_px,
        support=edge.support,
        contrast=edge.step,
        method=edge.method,
        blur_px=blur_px,
        uncertainty=edges.uncertainty(edge),
    )


# --- core -------------------------------------------------------------------------------------------------------------


def locate_core(
    gray: FloatImage, cladding: CladdingFit, settings: CoreSettings, core_ratio: float | None
) -> CoreFit | None:
    """Find the core inside a located cladding, brighter or darker than it.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    cladding : its blur is taken for the core's, too
    settings : limits from config.json
    core_ratio : known core / cladding diameter; tells the core from the other rings

    Returns
    -------
    CoreFit, `nominal` with the reason when it cannot be seen and the ratio is known; None when neither
    """
    border = ellipse_fit.to_form(cladding.ellipse)
    if core_ratio is not None and core_ratio * ellipse_fit.mean_radius(border) < LEAST_CORE_PX:
        return CoreFit(cladding.ellipse.scaled(core_ratio), "nominal", f"less than {2 * LEAST_CORE_PX:g} px wide")
    judged = _judged_cores(gray, border, settings, core_ratio)
    good = [edge for edge, reason in judged if not reason]
    if good:
        return _core_fit(max(good, key=_score), cladding.blur_px)
    if core_ratio is None:
        return None
    _, reason = max(judged, key=lambda entry: _score(entry[0]), default=(None, "no edge near its nominal radius"))
    return CoreFit(cladding.ellipse.scaled(core_ratio), "nominal", reason)


LEAST_CORE_PX = 2.0  # radius of a core whose edge can be seen


def _shining_elsewhere(
    gray: FloatImage, cladding: CladdingFit, nominal: CoreFit, settings: CoreSettings
) -> tuple[str, ...]:
    """A warning when a core shines, but not one of the known diameter."""
    judged = _judged_cores(gray, ellipse_fit.to_form(cladding.ellipse), settings, None)
    good = [edge for edge, reason in judged if not reason and -edge.step >= settings.shining_min_contrast]
    shining = [edge for edge in good if edge.support >= settings.shining_min_support]
    if not shining:
        return ()
    found, known = max(shining, key=_score).ellipse.mean_diameter_px, nominal.ellipse.mean_diameter_px
    return (f"Core contradiction: a core {found:.1f} px wide shines, by the known diameters it must be {known:.1f} px",)


def _judged_cores(
    gray: FloatImage, cladding: Form, settings: CoreSettings, core_ratio: float | None
) -> list[tuple[Edge, str]]:
    """Edges that may be the core's, each with the reason why it is not; none after one that may."""
    found: list[tuple[Edge, str]] = []
    for ratio, polarity in _core_seeds(gray, cladding, settings, core_ratio):
        edge = _fit_core(gray, ratio, polarity, cladding, settings)
        if edge is not None:
            reason = _why_not_core(edge, cladding, settings, core_ratio) or _too_dark(gray, edge, settings)
            found.append((edge, reason))
            if core_ratio is not None and not reason:
                break
    return found


def _core_fit(edge: Edge, blur_px: float) -> CoreFit:
    return CoreFit(
        ellipse_fit.from_form(edges.unblurred(edge.form, blur_px)),
        "measured",
        rms_px=edge.rms_px,
        support=edge.support,
        uncertainty=edges.uncertainty(edge),
    )


def _too_dark(gray: FloatImage, edge: Edge, settings: CoreSettings) -> str:
    """An unlit core is a little darker than the cladding; a black disc in its place is a pit."""
    level = float(np.nanmedian(edges.sample(gray, edge.form, 1 + np.linspace(*SIDES, 4), COARSE_ANGLES)))
    darkness = edge.step / max(level, 1e-6)
    return "" if darkness <= settings.max_darkness else f"{darkness:.0%} darker than the cladding, a pit in its place"


def _core_seeds(
    gray: FloatImage, cladding: Form, settings: CoreSettings, core_ratio: float | None
) -> list[tuple[float, int]]:
    """Radius in radii of the cladding, and polarity, of the edges that may be the core's, the likeliest first."""
    if core_ratio is not None:
        window, blur = _core_search(core_ratio, settings.search_share, cladding, settings)
        _, slope = edges.slopes(gray, _scaled(cladding, core_ratio), window, settings.angles, blur)
        likely = edges.polarity_of(slope)
        return [(core_ratio, likely), (core_ratio, -likely)]
    radii = np.arange(0.04, 0.92, 0.005)
    steps = _steps(edges.sample(gray, cladding, radii, settings.angles), radii)
    return [(step.radius, step.polarity) for step in steps[:3]]


def _core_search(ratio: float, share: float, cladding: Form, settings: CoreSettings) -> tuple[float, float]:
    """Half width in pixels, into which neither the centre nor the cladding edge may come, and blur in rays."""
    radius = ellipse_fit.mean_radius(cladding)
    window = max(min(share, 0.4 * ratio, (1 - ratio) / 2) * radius, MIN_WINDOW_PX)
    return window, settings.angular_blur_deg / 360 * settings.angles


def _fit_core(gray: FloatImage, ratio: float, polarity: int, cladding: Form, settings: CoreSettings) -> Edge | None:
    form: Form | None = _scaled(cladding, ratio)
    for share in (settings.search_share, settings.search_share / 2, settings.search_share / 4):
        if form is None:
            return None
        window, blur = _core_search(ratio, share, cladding, settings)
        radii, slope = edges.slopes(gray, form, window, settings.angles, blur)
        form = edges.fitted(form, edges.steepest(radii, slope, polarity), window / 3, 0.1, FINE_ROUNDS)
    if form is None:
        return None
    tolerance, room = max(window / 2, 1.0), 1 / ratio - 1
    return edges.judged(gray, form, polarity, window, tolerance, "hough", room, settings.angles, blur)


def _why_not_core(edge: Edge, cladding: Form, settings: CoreSettings, core_ratio: float | None) -> str:
    radius = ellipse_fit.mean_radius(cladding)
    ratio, offset = edge.radius_px / radius, math.dist(edge.form[:2], cladding[:2]) / radius
    axes = edge.ellipse.axes_px
    checks = (
        (
            edge.step * edge.polarity >= settings.min_contrast,
            f"contrast {abs(edge.step):.4f} below {settings.min_contrast:g}",
        ),
        (edge.support >= settings.min_support, f"visible on {edge.support:.0%}, less than {settings.min_support:.0%}"),
        (
            edge.rms_px <= max(settings.max_rms_share * edge.radius_px, settings.max_rms_px),
            f"residual {edge.rms_px:.2f} px rms",
        ),
        (edge.scatter <= settings.max_scatter, f"edge points scatter by {edge.scatter:.2f} of their window"),
        (offset <= settings.max_offset_share, f"centre {offset:.3f} cladding radii off"),
        (axes[0] / axes[1] >= settings.min_axis_ratio, f"axes {axes[0]:.1f} x {axes[1]:.1f} px"),
        (core_ratio is None or abs(ratio - core_ratio) <= settings.ratio_tolerance, f"core/cladding ratio {ratio:.3f}"),
    )
    return next((reason for passed, reason in checks if not passed), "")
