"""The gate of the layout: how the markers lie to each other, and each to its place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from dscope_blink.config.gate_settings import LayoutRules
from dscope_blink.gates.assignment import Laid, Poses, lay, places_of, spots_of, turned_about
from dscope_blink.gates.bounds import Judged
from dscope_blink.gates.perspective import Pose, pose_of
from dscope_blink.records import Box, Culprit, Figure, GateOutcome, Layout, LayoutPlace, Marker, Points, Range

SIDEWAYS = "turned by a quarter"
WAYS = (
    ("upside down", 2, False),
    (SIDEWAYS, 1, False),
    (SIDEWAYS, 3, False),
    ("mirrored", 0, True),
    ("mirrored", 2, True),
)


@dataclass(frozen=True, slots=True)
class Fit:
    """One sheet on one layout."""

    layout: Layout
    judged: Judged  # markers measured
    picture_px: tuple[int, int]  # width and height
    laid: Laid | None  # None: too few markers agree on how the sheet lies
    numbers: Mapping[int, int]  # place -> marker, of those assigned
    pose: Pose | None

    @property
    def missing(self) -> tuple[LayoutPlace, ...]:
        """Places without a marker."""
        return tuple(place for number, place in enumerate(self.layout.places) if number not in self.numbers)

    @property
    def extra(self) -> tuple[Marker, ...]:
        """Markers of kinds that the layout has, that belong to no place."""
        taken = set(self.numbers.values())
        own = ((n, one) for n, one in enumerate(self.judged.markers) if one.found.kind in self.layout.kinds)
        return tuple(one for number, one in own if number not in taken)


def fit_layout(markers: tuple[Marker, ...], layout: Layout, picture_px: tuple[int, int], rules: LayoutRules) -> Fit:
    """Lay the markers of a sheet on a layout.

    Parameters
    ----------
    markers : of the sheet
    layout : to be laid on
    picture_px : width and height of the picture
    rules : the section `gates.layout`
    """
    seen, numbers = spots_of(markers, layout)
    laid = lay(seen, places_of(layout), layout.width_px / picture_px[0], poses_of(rules), layout.tolerance_px)
    pairs = {} if laid is None else {int(place): int(numbers[own]) for place, own in laid.pairs}
    named = {marker: layout.places[place].id for place, marker in pairs.items()}
    pose = None if laid is None else pose_of(laid.found, layout.width_px, layout.height_px)
    return Fit(layout, Judged(markers, named, layout), picture_px, laid, pairs, pose)


def fit_alike(start: tuple[Marker, ...], layout: Layout, picture_px: tuple[int, int], rules: LayoutRules) -> Fit:
    """The same without what lies beside all places and has not the size of a marker: letters, boxes, specks.

    Parameters
    ----------
    start : what was found
    layout, picture_px, rules : as `fit_layout` has them
    """
    fit = fit_layout(start, layout, picture_px, rules)
    usual = median_areas(start)
    unlike = [one for one in fit.extra if not is_alike(one, usual[one.found.kind], rules)] if fit.laid else []
    if not unlike:
        return fit
    return fit_layout(tuple(one for one in start if one not in unlike), layout, picture_px, rules)


def median_areas(markers: Sequence[Marker]) -> Mapping[str, float]:
    """Of the boxes of each kind, in square pixels."""
    kinds = dict.fromkeys(one.found.kind for one in markers)
    return {kind: median(one.found.box.area_px for one in markers if one.found.kind == kind) for kind in kinds}


def is_alike(marker: Marker, area_px: float, rules: LayoutRules) -> bool:
    """Whether it has the size of a marker, where those of its kind have this area."""
    return rules.least_size <= marker.found.box.area_px / area_px <= rules.most_size


def poses_of(rules: LayoutRules) -> Poses:
    """How a sheet may lie."""
    return Poses(rules.max_turn_deg, rules.max_scale)


def layout_gate(fit: Fit, big_kind: str, rules: LayoutRules) -> GateOutcome:
    """Whether every place has its marker, within the tolerance, and no marker is without a place.

    The median distance of two big markers over the diagonal and the orientation of their longest axis are held as well.

    Parameters
    ----------
    fit : the sheet on its layout
    big_kind : kind of the big markers
    rules : the section `gates.layout`
    """
    spare = rules.missing_allowed.get(str(fit.layout.count_of(big_kind)), 0)
    loose = _loose(fit, big_kind, spare)
    if fit.laid is None or fit.pose is None:
        agreed = Figure("agreeing", 0, Range(_least_agreeing(fit), len(fit.layout.places)))
        return GateOutcome("layout", False, (*loose, agreed), (_unlaid(fit),))
    figures = (*loose, *_figures(fit, fit.laid, spare), *_pose_figures(fit, fit.laid, fit.pose, rules))
    culprits = (*_culprits(fit, fit.laid), *_sizes(fit, fit.laid))
    reasons = (*map(_said, culprits), *_beyond(figures))
    others = any(one.fault != "missing" for one in culprits)  # as many as may be missing are told, and let pass
    ok = not others and all(one.allowed is None or one.allowed.holds(one.value) for one in figures)
    return GateOutcome("layout", ok, figures, reasons, culprits)


# --- the two rules on all markers together


def _loose(fit: Fit, big_kind: str, spare: int) -> tuple[Figure, Figure]:
    """By the big markers, and the places of those that may be missing: both rules would tell the hole."""
    big = [marker.found.box.center_px for marker in fit.judged.markers if marker.found.kind == big_kind]
    holes = [(place.x_px, place.y_px) for place in fit.missing if place.kind == big_kind]
    if fit.laid is not None and 0 < len(holes) <= spare:
        big += [(float(x), float(y)) for x, y in fit.laid.found.back(np.array(holes))]
    middles = np.array(big, dtype=np.float64).reshape(-1, 2)
    return (
        Figure("spread", spread_of(middles, *fit.picture_px), fit.layout.spread),
        Figure("orientation_deg", _orientation_near(middles, fit.layout), fit.layout.orientation_deg),
    )


def spread_of(middles: Points, width_px: float, height_px: float) -> float:
    """The median distance of two markers over the diagonal of the picture; NaN for fewer than two."""
    first, second = np.triu_indices(len(middles), 1)
    if not len(first):
        return math.nan
    apart = np.hypot(*(middles[first] - middles[second]).T)
    return float(np.median(apart)) / math.hypot(width_px, height_px)


def orientation_of(middles: Points) -> float:
    """The direction of the longest axis of the markers, -90..90 degrees clockwise from the right; NaN without one.

    That is the first right singular vector of their places from their mean.
    """
    if len(middles) < 2:
        return math.nan
    _, size, axes = np.linalg.svd(middles - middles.mean(axis=0), full_matrices=False)
    if not size[0] > 0:
        return math.nan
    angle = math.degrees(math.atan2(axes[0, 1], axes[0, 0]))
    return (angle + 90) % 180 - 90


def roundness_of(middles: Points) -> float:
    """The second singular value over the first: near 1 the longest axis may be any."""
    size = np.linalg.svd(middles - middles.mean(axis=0), compute_uv=False)
    return float(size[1] / size[0]) if size[0] > 0 else 1.0


def _orientation_near(middles: Points, layout: Layout) -> float:
    """Of the angles that differ by half a turn the one next to the range."""
    angle = orientation_of(middles)
    if layout.orientation_deg is None:
        return angle
    center = (layout.orientation_deg.low + layout.orientation_deg.high) / 2
    return center + (angle - center + 90) % 180 - 90


# --- each marker on its place


def _figures(fit: Fit, laid: Laid, spare: int) -> Iterator[Figure]:
    yield Figure("missing", len(fit.missing), Range(0, spare))
    yield Figure("extra", len(fit.extra), Range(0, 0))
    yield Figure("agreeing", int(laid.agreeing.sum()), Range(_least_agreeing(fit), len(fit.layout.places)))
    yield Figure("largest_departure_px", float(laid.departures.judged_px.max()), Range(0, fit.layout.tolerance_px))


def _pose_figures(fit: Fit, laid: Laid, pose: Pose, rules: LayoutRules) -> Iterator[Figure]:
    yield Figure("turn_deg", pose.turn_deg, Range(-rules.max_turn_deg, rules.max_turn_deg))
    scale = pose.scale * fit.layout.width_px / fit.picture_px[0]
    yield Figure("scale", scale, Range(1 / rules.max_scale, rules.max_scale))
    yield Figure("shift", shift_of(fit, laid), Range(0, rules.max_shift))
    yield Figure("stretch", pose.stretch, Range(0, rules.max_stretch))
    yield Figure("perspective", pose.perspective, Range(0, rules.max_perspective))


def shift_of(fit: Fit, laid: Laid) -> float:
    """How far the picture's middle lies from that of the reference picture, on the layout; share of the diagonal."""
    width, height = fit.picture_px
    own = laid.found.apply(np.array([[width / 2, height / 2]]))[0]
    return (
        float(math.hypot(own[0] - fit.layout.width_px / 2, own[1] - fit.layout.height_px / 2)) / fit.layout.diagonal_px
    )


def _least_agreeing(fit: Fit) -> int:
    """More than half: of two halves of a sheet nobody could say which is moved."""
    return len(fit.layout.places) // 2 + 1


def _culprits(fit: Fit, laid: Laid) -> Iterator[Culprit]:
    for place in fit.missing:
        x, y = laid.found.back(np.array([[place.x_px, place.y_px]]))[0]
        yield Culprit("missing", place.id, place.kind, (float(x), float(y)))
    for marker in fit.extra:
        yield Culprit("extra", None, marker.found.kind, marker.found.box.center_px)
    for (number, _), apart, moved in zip(laid.pairs, laid.departures.judged_px, laid.departures.moved_px, strict=True):
        if not apart <= fit.layout.tolerance_px:
            place, marker = fit.layout.places[number], fit.judged.markers[fit.numbers[int(number)]]
            x, y = laid.found.back(np.array([[place.x_px, place.y_px]]))[0]
            center_px = marker.found.box.center_px
            yield Culprit("moved", place.id, place.kind, center_px, float(moved), (float(x), float(y)))


def _sizes(fit: Fit, laid: Laid) -> Iterator[Culprit]:
    """Markers that are larger or smaller than their place."""
    for number, own in fit.numbers.items():
        marker = fit.judged.markers[own]
        place = fit.layout.places[number]
        allowed, ratio = fit.layout.ranges_of(place.kind).size_ratio, size_ratio(marker.found.box, place, laid)
        if not allowed.holds(ratio):
            yield Culprit("fat" if ratio > allowed.high else "thin", place.id, place.kind, marker.found.box.center_px)


def size_ratio(box: Box, place: LayoutPlace, laid: Laid) -> float:
    """The area of a box on the layout over that of its place."""
    corners = np.array(
        [
            *((box.left_px, box.top_px), (box.right_px, box.top_px)),
            *((box.right_px, box.bottom_px), (box.left_px, box.bottom_px)),
        ]
    )
    x, y = laid.found.apply(corners).T
    area_px = abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2
    return area_px / (place.width_px * place.height_px)


def _said(culprit: Culprit) -> str:
    x, y = culprit.center_px
    where = culprit.place or f"{culprit.kind} at {x:.0f}, {y:.0f}"
    by = "" if culprit.moved_px is None else f" by {culprit.moved_px:.1f} px of the layout"
    return f"{where}: {culprit.fault}{by}"


def _beyond(figures: tuple[Figure, ...]) -> Iterator[str]:
    for one in figures:
        named = one.name in ("missing", "extra", "largest_departure_px")  # said by place
        if not named and one.allowed is not None and not one.allowed.holds(one.value):
            yield f"{one.name} must lie in {one.allowed.low:.4g}..{one.allowed.high:.4g}, got {one.value:.4g}"


# --- a sheet that does not lie as it should


def _unlaid(fit: Fit) -> str:
    seen, _ = spots_of(fit.judged.markers, fit.layout)
    return f"fewer than {_least_agreeing(fit)} markers agree on how the sheet lies, got {len(seen.points_px)} markers"


def way_of(fit: Fit, rules: LayoutRules) -> str:
    """How a sheet lies that would be whole on its layout lay it upright: upside down, say; empty: nobody can say.

    Parameters
    ----------
    fit : upright
    rules : the section `gates.layout`
    """
    seen, _ = spots_of(fit.judged.markers, fit.layout)
    if len(seen.points_px) != len(fit.layout.places):
        return ""
    scale, places = fit.layout.width_px / fit.picture_px[0], places_of(fit.layout)
    for name, quarters, mirrored in WAYS:
        laid = lay(turned_about(seen, quarters, mirrored), places, scale, poses_of(rules), fit.layout.tolerance_px)
        if laid is not None and len(laid.pairs) == len(fit.layout.places) and laid.agreeing.all():
            return name
    return ""
