"""Picture -> fiber geometry: which edge is the cladding's, its sub-pixel ellipse, and the tests that say no."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from dscope_blink.config.settings import CoreSettings, Localization
from dscope_blink.image_processing import edges, ellipse_fit
from dscope_blink.image_processing.cladding_choice import (
    NOTHING,
    Choice,
    Known,
    Undecided,
    choose_cladding,
)
from dscope_blink.image_processing.coarse_edges import SURE_SUPPORT, coarse_edges, edges_at, reduced
from dscope_blink.image_processing.core_location import find_core, of_other_width, shining_elsewhere
from dscope_blink.image_processing.edges import COARSE_ANGLES, FINE_ROUNDS, MIN_WINDOW_PX, Edge, Search, share_in_view
from dscope_blink.image_processing.surroundings import Sides, sides_of
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
    found = _coarse(small, factors, settings, known)
    if not found:
        return FoundFiber(NotLocated(f"no circular edge in the picture{_hint(known)}"))
    choice = choose_cladding(small, found, factors, settings, known)
    if isinstance(choice, Undecided):
        best = choice.edges[0]
        return FoundFiber(NotLocated(choice.reason), replace(best, form=rescaled(best.form, factors)))
    edge = _refined(gray, choice, factors, settings)
    if edge is None:
        return FoundFiber(NotLocated("no ellipse fits the edge points"))
    cladding = _cladding_fit(edge, edges.blur_of(gray, edge.form, choice.room))
    core_ratio = _core_ratio(known, cladding)
    found_core = find_core(gray, cladding, core_settings, core_ratio)
    core, core_edge = found_core
    confirmed = choice.faint and core is not None and core.source == "measured"
    sides = sides_of(gray, edge.form)
    reason = (
        _why_cut(gray, edge, settings)
        or _why_not(edge, _noise_px(cladding, sides), confirmed, settings, known)
        or _why_no_border(gray, edge, sides, settings, known)
    )
    if reason:
        return FoundFiber(NotLocated(reason + _hint(known)), edge, core_edge)
    cladding = replace(cladding, sector_blur_px=edges.sector_blurs(gray, edge.form, choice.room))
    warnings = choice.warnings or _doubts(edge, sides, core, known, settings, core_settings, gray.shape)
    if core is not None and core.source == "nominal":
        warnings += shining_elsewhere(gray, cladding, core, core_settings)
    elif core_ratio is not None:
        warnings += of_other_width(gray, cladding, found_core, core_ratio)
    return FoundFiber(FiberGeometry(cladding, core, warnings), edge, core_edge)


def _coarse(small: FloatImage, factors: tuple[float, float], settings: Localization, known: Known) -> list[Edge]:
    if known.place is None:
        return coarse_edges(small, settings, known.core_ratio)
    (x, y), factor = known.place.center_px, math.sqrt(factors[0] * factors[1])
    circle = (x + 0.5) / factors[0] - 0.5, (y + 0.5) / factors[1] - 0.5, known.place.radius_px / factor
    return edges_at(small, circle, settings, known.core_ratio)


def _hint(known: Known) -> str:
    if known.pixel_aspect_ratio is not None:
        return ""
    return "; where pixels are not square, pixel_aspect_ratio must be given"


def _doubts(
    edge: Edge,
    sides: Sides,
    core: CoreFit | None,
    known: Known,
    settings: Localization,
    core_settings: CoreSettings,
    shape: tuple[int, ...],
) -> tuple[Notice, ...]:
    """What is odd about a fiber that was located."""
    doubts = []
    sure = known.cladding_px is not None or sides.is_granular(settings.granular_min_spread)
    if not sure and edge.polarity < 0 and not _is_told_by_its_core(core, known, core_settings):
        text = "the disc taken for the cladding is brighter than what surrounds it, as a core would be; a calibration "
        doubts.append(notice("dark_surroundings", f"{text}together with its diameter would tell"))
    elif not sure and _may_be_the_core(edge, core, known, settings, shape):
        text = (
            "no core shows in the disc taken for the cladding, and were it one, the border of its cladding would lie "
        )
        doubts.append(notice("maybe_core", f"{text}outside of the picture; a calibration would tell"))
    if known.core_px is not None and known.core_px >= edge.ellipse.mean_diameter_px:
        text = f"the known core is {known.core_px:.0f} px wide, more than the cladding"
        doubts.append(notice("core_contradiction", text))
    return tuple(doubts)


def _is_told_by_its_core(core: CoreFit | None, known: Known, settings: CoreSettings) -> bool:
    """Whether a bright disc is a cladding for the core in it; without one it may be a core or a field of view.

    A core as wide as a cladding is in its coating tells nothing.
    """
    if known.core_ratio is None or core is None or core.source != "measured":
        return False
    return all(abs(known.core_ratio - ratio) > settings.ratio_tolerance for ratio in IN_COATING)


# Of 125 um in 245 to 250, 200 and 400 um, usual diameters of coatings and buffers.
IN_COATING = (0.5, 0.625, 0.3125)


def _may_be_the_core(
    edge: Edge, core: CoreFit | None, known: Known, settings: Localization, shape: tuple[int, ...]
) -> bool:
    """Whether a disc in which no core shows may be one itself, unlit or burnt, of a fiber larger than the view."""
    if known.core_ratio is None or known.core_ratio < settings.large_core:
        return False  # a small core magnified that much is too blurred to be graded
    seen = core is not None and core.source == "measured"
    return not seen and share_in_view(edge, 1 / known.core_ratio, shape) < settings.faint_min_support


def _core_ratio(known: Known, cladding: CladdingFit) -> float | None:
    if known.core_ratio is not None or known.core_px is None:
        return known.core_ratio
    ratio = known.core_px / cladding.ellipse.mean_diameter_px
    return ratio if ratio < 1 else None


# --- fine fit and acceptance ------------------------------------------------------------------------------------------


def _refined(gray: FloatImage, choice: Choice, factors: tuple[float, float], settings: Localization) -> Edge | None:
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


def _noise_px(cladding: CladdingFit, sides: Sides) -> float:
    """How far noise, halftone or grains beside a border of this blur and step move the edge along a single ray."""
    blur_px = min(cladding.blur_px, NOISE_WITHIN * cladding.ellipse.mean_diameter_px / 2)
    return math.sqrt(2 * math.pi) * blur_px * sides.spread / max(sides.step, 1e-6)


NOISE_WITHIN = 0.03  # radii: an edge as blurred as that is refused for its focus
NOISE_MARGIN = 1.5  # halftone and compression are not the white noise that the figure is exact for


def _why_not(edge: Edge, noise_px: float, confirmed: bool, settings: Localization, known: Known) -> str:
    """The first test the fit fails, with its figures; empty when it passes. A core may confirm a faint edge."""
    ratio, least_ratio = _axis_ratio(edge, known.pixel_aspect_ratio or 1.0), settings.min_axis_ratio
    share = settings.faint_max_rms_share if confirmed else settings.max_rms_share
    scattered_px = NOISE_MARGIN * noise_px if edge.support >= SURE_SUPPORT else 0.0  # noise shows edges everywhere
    limit_px = math.hypot(max(edge.radius_px * share, settings.max_rms_px), scattered_px)
    least_support = settings.faint_min_support if confirmed or _is_expected(known) else settings.min_support
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


def _is_expected(known: Known) -> bool:
    """Whether it is one of many, whose neighbours say where it lies and how large it is."""
    return known.place is not None and known.place.is_sure


def _why_no_border(gray: FloatImage, edge: Edge, sides: Sides, settings: Localization, known: Known) -> str:
    """A circular line, or a heap of other shapes, has edges too, but not another brightness inside than outside.

    Grains of a ferrule may be as bright as the fiber; the typical level between them is not.
    """
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
    if _is_expected(known):  # grains of a glass-filled ferrule are as bright as the fiber, and lie along it
        least_share = min(least_share, settings.faint_min_support)
    if step >= least_step and (share >= least_share or sides.is_granular(settings.granular_min_spread)):
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
        ellipse=from_form(edges.unblurred(edge.form, blur_px)).steady(),
        rms_px=edge.rms_px,
        support=edge.support,
        contrast=edge.step,
        method=edge.method,
        blur_px=blur_px,
        standard_uncertainty=edges.uncertainty(edge),
    )
