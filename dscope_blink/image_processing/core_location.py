"""The core inside a located cladding: its own ellipse, or the reason why it is nominal."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from dscope_blink.config.settings import CoreSettings
from dscope_blink.image_processing import edges
from dscope_blink.image_processing.edges import COARSE_ANGLES, FINE_ROUNDS, MIN_WINDOW_PX, Edge, Search
from dscope_blink.records import (
    CladdingFit,
    CoreFit,
    FloatImage,
    Form,
    Notice,
    from_form,
    mean_radius,
    notice,
    scaled,
    to_form,
)


class FoundCore(NamedTuple):
    """The core, and the edge that it rests on where it is measured."""

    fit: CoreFit | None
    edge: Edge | None = None


def find_core(gray: FloatImage, cladding: CladdingFit, settings: CoreSettings, core_ratio: float | None) -> FoundCore:
    """Find the core inside a located cladding, brighter or darker than it.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    cladding : its blur is taken for the core's, too
    settings : limits from config.json
    core_ratio : known core / cladding diameter; tells the core from the other rings

    Returns
    -------
    FoundCore, `nominal` with the reason when it cannot be seen and the ratio is known; without a fit when neither
    """
    border = to_form(cladding.ellipse)
    if core_ratio is not None and core_ratio * mean_radius(border) < LEAST_CORE_PX:
        return _nominal(cladding, core_ratio, f"less than {2 * LEAST_CORE_PX:g} px wide")
    judged = _judged_cores(gray, border, cladding.blur_px, settings, core_ratio)
    good = [edge for edge, reason in judged if not reason]
    if good:
        best = max(good, key=lambda e: e.score)
        return FoundCore(_core_fit(best, cladding.blur_px), best)
    if core_ratio is None:
        return FoundCore(None)
    _, reason = max(judged, key=lambda entry: entry[0].score, default=(None, "no edge near its nominal radius"))
    return _nominal(cladding, core_ratio, reason)


def _nominal(cladding: CladdingFit, core_ratio: float, reason: str) -> FoundCore:
    return FoundCore(CoreFit(cladding.ellipse.scaled(core_ratio), "nominal", reason))


LEAST_CORE_PX = 2.0  # radius of a core whose edge can be seen


def shining_elsewhere(
    gray: FloatImage, cladding: CladdingFit, nominal: CoreFit, settings: CoreSettings
) -> tuple[Notice, ...]:
    """A warning when a core shines, but not one of the known diameter."""
    judged = _judged_cores(gray, to_form(cladding.ellipse), cladding.blur_px, settings, None)
    good = [edge for edge, reason in judged if not reason and -edge.step >= settings.shining_min_contrast]
    shining = [edge for edge in good if edge.support >= settings.shining_min_support]
    if not shining:
        return ()
    found, known = max(shining, key=lambda e: e.score).ellipse.mean_diameter_px, nominal.ellipse.mean_diameter_px
    text = f"a core {found:.1f} px wide shines, by the known diameters it must be {known:.1f} px"
    return (notice("core_contradiction", text),)


def of_other_width(gray: FloatImage, cladding: CladdingFit, core: FoundCore, core_ratio: float) -> tuple[Notice, ...]:
    """A warning when the core that was measured is wider or narrower than one of the known diameter looks.

    A mark that covers a small core and is hardly wider has no edge but its own, and a small one in an unlit core hides
    the core's.
    """
    if core.fit is None or core.edge is None:
        return ()
    found, known = core.fit.ellipse.mean_diameter_px, core_ratio * cladding.ellipse.mean_diameter_px
    faint = abs(_darkness(gray, core.edge, cladding.blur_px)) < LEAST_OF_A_MARK
    if faint or 1 - NARROWER <= found / known <= 1 + WIDER:
        return ()
    text = f"the core is {found:.1f} px wide, by the known diameters it must be {known:.1f} px, or a mark covers it"
    return (notice("core_contradiction", text),)


# In photographs of single-mode fibers said to have cores of 9 um clean lit ones are 14 % narrower to 3 % wider: their
# light fades towards the edge. The width of a core of less contrast is itself unsure.
WIDER, NARROWER, LEAST_OF_A_MARK = 0.15, 0.2, 0.1


def _judged_cores(
    gray: FloatImage, cladding: Form, blur_px: float, settings: CoreSettings, core_ratio: float | None
) -> list[tuple[Edge, str]]:
    """Edges that may be the core's, each with the reason why it is not; none after one that may."""
    found: list[tuple[Edge, str]] = []
    for ratio, polarity in _core_seeds(gray, cladding, settings, core_ratio):
        edge = _fit_core(gray, ratio, polarity, cladding, settings)
        if edge is not None:
            fits = core_ratio is not None and _is_close(mean_radius(edge.form) / mean_radius(cladding), core_ratio)
            most = settings.max_darkness if fits else settings.max_darkness_unknown
            reason = _why_not_core(edge, cladding, settings, core_ratio) or _too_dark(gray, edge, blur_px, most)
            found.append((edge, reason))
            if core_ratio is not None and not reason:
                break
    return found


def _core_fit(edge: Edge, blur_px: float) -> CoreFit:
    return CoreFit(
        from_form(edges.unblurred(edge.form, blur_px)).steady(),
        "measured",
        rms_px=edge.rms_px,
        support=edge.support,
        standard_uncertainty=edges.uncertainty(edge),
    )


def _too_dark(gray: FloatImage, edge: Edge, blur_px: float, most: float) -> str:
    """An unlit core is a little darker than the cladding; a black disc in its place is a pit.

    On photographs unlit cores are up to 11 % darker. Where its diameter is not known, a pit is of the right one too.
    """
    darkness = _darkness(gray, edge, blur_px)
    return "" if darkness <= most else f"{darkness:.0%} darker than the cladding, a pit in its place"


def _darkness(gray: FloatImage, edge: Edge, blur_px: float) -> float:
    """How much darker it is within an edge than beyond, relative; negative where it is brighter."""
    clear = CLEAR_BLURS * blur_px / edge.radius_px  # nearer to the edge the levels of both sides mix
    sides = np.array([max(1 - clear, 0.1), 1 + clear])
    inside, outside = np.nanmedian(edges.sample(gray, edge.form, sides, COARSE_ANGLES), axis=0).tolist()
    return float(1 - inside / max(outside, 1e-6))


CLEAR_BLURS = 2.5


def _core_seeds(
    gray: FloatImage, cladding: Form, settings: CoreSettings, core_ratio: float | None
) -> list[tuple[float, int]]:
    """Radius in radii of the cladding, and polarity, of the edges that may be the core's, the likeliest first."""
    if core_ratio is not None:
        search = _core_search(core_ratio, settings.search_share, cladding, settings)
        _, slope = edges.slopes(gray, scaled(cladding, core_ratio), search)
        likely = edges.polarity_of(slope)
        return [(core_ratio, likely), (core_ratio, -likely)]
    radii = np.arange(0.04, 0.92, 0.005)
    steps = edges.steps(edges.sample(gray, cladding, radii, settings.angles), radii)
    return [(step.radius, step.polarity) for step in steps[:3]]


def _core_search(ratio: float, share: float, cladding: Form, settings: CoreSettings) -> Search:
    """So wide a search that neither the centre nor the cladding edge comes into it."""
    radius = mean_radius(cladding)
    window = max(min(share, 0.4 * ratio, (1 - ratio) / 2) * radius, MIN_WINDOW_PX)
    return Search(window, settings.angles, settings.angular_blur_deg / 360 * settings.angles)


def _fit_core(gray: FloatImage, ratio: float, polarity: int, cladding: Form, settings: CoreSettings) -> Edge | None:
    form: Form | None = scaled(cladding, ratio)
    for share in (settings.search_share, settings.search_share / 2, settings.search_share / 4):
        if form is None:
            return None
        search = _core_search(ratio, share, cladding, settings)
        rho = edges.steepest(*edges.slopes(gray, form, search), polarity)
        form = edges.fitted(form, rho, search.window_px / 3, 0.1, FINE_ROUNDS)
    if form is None:
        return None
    return edges.judged(gray, form, polarity, search, max(search.window_px / 2, 1.0), room=1 / ratio - 1)


def _why_not_core(edge: Edge, cladding: Form, settings: CoreSettings, core_ratio: float | None) -> str:
    radius = mean_radius(cladding)
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
        (_is_of_size(ratio, core_ratio, settings), f"core/cladding ratio {ratio:.3f}"),
    )
    return next((reason for passed, reason in checks if not passed), "")


def _is_of_size(ratio: float, known: float | None, settings: CoreSettings) -> bool:
    """Whether an edge is as wide as the core must be; the same share of the cladding is the half of a small core."""
    if known is None:
        return True
    return abs(ratio - known) <= min(settings.ratio_tolerance, settings.relative_tolerance * known)


def _is_close(ratio: float, known: float) -> bool:
    """Whether a dark disc has the diameter that the core must have, as a pit would by chance alone."""
    return abs(ratio / known - 1) <= DARK_MATCH


DARK_MATCH = 0.1
