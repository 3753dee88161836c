"""Picture -> fiber geometry: which edge is the cladding's, its sub-pixel ellipse, and the tests that say no."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dscope_blink.config.settings import CoreSettings, Localization
from dscope_blink.image_processing import edges, ellipse_fit
from dscope_blink.image_processing.coarse_edges import (
    CLOSEST_RING,
    SAME_CENTER,
    SURE_SUPPORT,
    coarse_edges,
    is_convincing,
    reduced,
)
from dscope_blink.image_processing.core_location import find_core, shining_elsewhere
from dscope_blink.image_processing.edges import COARSE_ANGLES, FINE_ROUNDS, MIN_WINDOW_PX, Edge, Search
from dscope_blink.records import (
    CladdingFit,
    CoreFit,
    FiberGeometry,
    FloatImage,
    Form,
    Notice,
    NotLocated,
    from_form,
    mean_radius,
    notice,
    rescaled,
)

FINE_WINDOWS = (0.03, 0.015)
MIN_TOLERANCE_PX = 1.5


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the fiber before it is looked for; lengths in pixels of the picture."""

    core_ratio: float | None = None  # core / cladding diameter
    cladding_px: float | None = None  # mean diameter
    core_px: float | None = None  # the same of the core
    pixel_aspect_ratio: float | None = None  # um_per_px_x / um_per_px_y


NOTHING = Known()


@dataclass(frozen=True, slots=True)
class FoundFiber:
    """What the search for a fiber came to, and the edges that it rests on, for who wants to look at their points."""

    geometry: FiberGeometry | NotLocated
    cladding: Edge | None = None  # the edge taken for the cladding's, also where it was refused
    core: Edge | None = None  # of a core that is measured


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
    return find_fiber(gray, settings, core_settings, known).geometry


def find_fiber(
    gray: FloatImage, settings: Localization, core_settings: CoreSettings, known: Known = NOTHING
) -> FoundFiber:
    """What `locate` finds, with the points of the edges: those used, and those left out."""
    small, factors = reduced(gray, settings.seed_short_px, known.pixel_aspect_ratio or 1.0)
    found = coarse_edges(small, settings, known.core_ratio)
    if not found:
        return FoundFiber(NotLocated(f"no circular edge in the picture{_hint(known)}"))
    rival = _rival(found, settings)
    if rival is not None:
        best = max(found, key=lambda e: e.score)
        enlarged = replace(best, form=rescaled(best.form, factors))
        return FoundFiber(NotLocated(_two_circles(best, rival, factors)), enlarged)
    choice = _choose_cladding(found, factors, settings, known)
    edge = _refined(gray, choice, factors, settings)
    if edge is None:
        return FoundFiber(NotLocated("no ellipse fits the edge points"))
    cladding = _cladding_fit(edge, edges.blur_of(gray, edge.form, choice.room))
    core, core_edge = find_core(gray, cladding, core_settings, _core_ratio(known, cladding))
    confirmed = choice.faint and core is not None and core.source == "measured"
    reason = (
        _why_cut(gray, edge, settings)
        or _why_not(edge, confirmed, settings, known)
        or _why_no_border(gray, edge, settings, known)
    )
    if reason:
        return FoundFiber(NotLocated(reason + _hint(known)), edge, core_edge)
    cladding = replace(cladding, sector_blur_px=edges.sector_blurs(gray, edge.form, choice.room))
    warnings = choice.warnings or _doubts(edge, core, known, cladding)
    if core is not None and core.source == "nominal":
        warnings += shining_elsewhere(gray, cladding, core, core_settings)
    return FoundFiber(FiberGeometry(cladding, core, warnings), edge, core_edge)


def _hint(known: Known) -> str:
    if known.pixel_aspect_ratio is not None:
        return ""
    return "; where pixels are not square, pixel_aspect_ratio must be given"


def _doubts(edge: Edge, core: CoreFit | None, known: Known, cladding: CladdingFit) -> tuple[Notice, ...]:
    """What is odd about a fiber that was located."""
    doubts = []
    if edge.polarity < 0 and known.cladding_px is None and (core is None or core.source == "nominal"):
        text = "the disc taken for the cladding is brighter than the ferrule, as a core would be"
        doubts.append(notice("dark_surroundings", text))
    if known.core_px is not None and known.core_px >= cladding.ellipse.mean_diameter_px:
        text = f"the known core is {known.core_px:.0f} px wide, more than the cladding"
        doubts.append(notice("core_contradiction", text))
    return tuple(doubts)


def _core_ratio(known: Known, cladding: CladdingFit) -> float | None:
    if known.core_ratio is not None or known.core_px is None:
        return known.core_ratio
    ratio = known.core_px / cladding.ellipse.mean_diameter_px
    return ratio if ratio < 1 else None


# --- choice of the cladding -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Choice:
    """The edge taken for the cladding's, the distance of the next edge in radii, and what else it could be."""

    edge: Edge
    room: float
    faint: bool = False  # chosen for the core in it, not for its own evidence
    warnings: tuple[Notice, ...] = ()


def _rival(found: Sequence[Edge], settings: Localization) -> Edge | None:
    """A circular edge about as good and as large as the best one, somewhere else: a second fiber, or a round stain."""
    best = max(found, key=lambda e: e.score)
    others = [e for e in found if not _concentric(e, best) and e.radius_px >= settings.rival_size * best.radius_px]
    rival = max(others, key=lambda e: e.score, default=best)
    apart = math.dist(rival.form[:2], best.form[:2]) > max(rival.radius_px, best.radius_px)
    return rival if apart and rival.score >= settings.rival_score * best.score else None


def _two_circles(best: Edge, rival: Edge, factors: tuple[float, float]) -> str:
    shown = []
    for edge in (best, rival):
        ellipse = from_form(rescaled(edge.form, factors))
        x, y = ellipse.center_px
        shown.append(f"{ellipse.mean_diameter_px:.0f} px wide at ({x:.0f}, {y:.0f})")
    return f"two circular edges, {' and '.join(shown)}: which is the fiber cannot be said"


RING_FREE = 0.9  # radii of an edge, within which another is that of its core
FAINT_BORDER = notice(
    "faint_cladding_edge", "taken for it because it lies around the core at the known ratio of the diameters"
)


def _choose_cladding(
    found: Sequence[Edge], factors: tuple[float, float], settings: Localization, known: Known
) -> _Choice:
    """The outermost strong edge of the fiber with the best evidence, unless another is the cladding for a reason."""
    best = max(found, key=lambda e: e.score)
    family = _without_flanks([e for e in found if _concentric(e, best)])
    strong = [e for e in family if e.score >= settings.outer_edge_share * best.score]
    outermost = max(strong, key=lambda e: e.radius_px)
    decided = _of_known_size(_visible(family, settings), factors, settings, known)
    decided = decided or max(_around_core(strong, strong, settings, known), key=lambda e: e.radius_px, default=None)
    if decided is not None:
        return _Choice(decided, _room(decided, strong, known))
    faint = max(
        _around_core(_visible(family, settings), _shining(strong, settings), settings, known),
        key=lambda e: e.score,
        default=None,
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
    return [e for e in strong if e.polarity < 0 and is_convincing(e, settings)]


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
    return max(near, key=lambda e: e.score, default=None)


SHARP_RMS_PX = 0.35  # pixels of the reduced picture; the flank of a graded core scatters more


def _two_borders(chosen: Edge, other: Edge, factors: tuple[float, float]) -> Notice:
    taken, left = (2 * e.radius_px * math.sqrt(factors[0] * factors[1]) for e in (chosen, other))
    text = f"circles about {taken:.0f} px and {left:.0f} px wide, the first is taken for the cladding"
    return notice("two_borders", f"{text}; a calibration together with its diameter would tell")


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
    form: Form | None = rescaled(choice.edge.form, factors)
    for share in FINE_WINDOWS:
        if form is None:
            return None
        window = max(min(share, choice.room / 2) * mean_radius(form), MIN_WINDOW_PX)
        rho = edges.steepest(*edges.slopes(gray, form, Search(window, settings.angles)), choice.edge.polarity)
        form = edges.fitted(form, rho, window / 2, 0.05, FINE_ROUNDS)
    if form is None:
        return None
    radius = mean_radius(form)
    tolerance = max(settings.tolerance_share * radius, MIN_TOLERANCE_PX)
    wide = max(0.0 if choice.faint else min(settings.judging_share, choice.room / 2) * radius, 3 * tolerance)
    edge = edges.judged(gray, form, choice.edge.polarity, Search(wide, settings.angles), tolerance, choice.room)
    return replace(edge, method=choice.edge.method)


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
    axes = from_form(rescaled(edge.form, (pixel_aspect_ratio, 1.0))).axes_px
    return axes[0] / axes[1]


def _cladding_fit(edge: Edge, blur_px: float) -> CladdingFit:
    return CladdingFit(
        ellipse=from_form(edges.unblurred(edge.form, blur_px)),
        rms_px=edge.rms_px,
        support=edge.support,
        contrast=edge.step,
        method=edge.method,
        blur_px=blur_px,
        standard_uncertainty=edges.uncertainty(edge),
    )
