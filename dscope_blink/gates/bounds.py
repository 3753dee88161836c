"""Markers against the ranges of their kind: each figure of each, and how many may lie beyond them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dscope_blink.records import Culprit, Fault, Figure, Gate, GateOutcome, KindRanges, Layout, Marker, Range


@dataclass(frozen=True, slots=True)
class Bound:
    """One figure of a marker, and what it is called that lies beyond its range."""

    name: str
    value: Callable[[Marker], float]
    allowed: Callable[[KindRanges], Range]
    below: Fault
    above: Fault


@dataclass(frozen=True, slots=True)
class Judged:
    """Markers of one sheet that the layout has kinds for, and the place of each."""

    markers: tuple[Marker, ...]
    places: Mapping[int, str]  # by the number of the marker
    layout: Layout


def bounds_gate(gate: Gate, judged: Judged, bounds: Sequence[Bound], exceptions: int) -> GateOutcome:
    """Whether the figures of the markers lie in the ranges of their kinds, but for a tolerated number of markers.

    A figure that is not a number lies in no range. A marker of a kind that the layout has no places of is no exception:
    it is counted and judged by the layout.

    Parameters
    ----------
    gate : which of them it is
    judged : the markers
    bounds : the figures
    exceptions : markers that may lie beyond
    """
    known = [(n, one) for n, one in enumerate(judged.markers) if one.found.kind in judged.layout.kinds]
    wrong: dict[int, Culprit] = {}
    reasons: list[str] = []
    for number, marker in known:
        for bound in bounds:
            value, allowed = bound.value(marker), bound.allowed(judged.layout.ranges_of(marker.found.kind))
            if allowed.holds(value):
                continue
            fault = bound.above if value > allowed.high else bound.below
            place = judged.places.get(number)
            wrong.setdefault(number, Culprit(fault, place, marker.found.kind, marker.found.box.center_px))
            reasons.append(_reason(wrong[number], bound.name, value, allowed))
    ok = bool(known) and len(wrong) <= exceptions
    figures = (*_extremes(known, judged.layout, bounds), Figure("exceptions", len(wrong), Range(0, exceptions)))
    why = tuple(reasons) if known else ("no marker could be judged",)
    return GateOutcome(gate, ok, figures, () if ok else why, tuple(wrong.values()))


def _reason(culprit: Culprit, name: str, value: float, allowed: Range) -> str:
    x, y = culprit.center_px
    where = culprit.place or f"{culprit.kind} at {x:.0f}, {y:.0f}"
    return f"{where}: {name} must lie in {allowed.low:.4g}..{allowed.high:.4g}, got {value:.4g}"


def _extremes(known: Sequence[tuple[int, Marker]], layout: Layout, bounds: Sequence[Bound]) -> list[Figure]:
    """The lowest and the highest of each figure, by kind."""
    figures = []
    for kind in layout.kinds:
        own = [marker for _, marker in known if marker.found.kind == kind]
        for bound in bounds:
            values = [bound.value(marker) for marker in own]
            allowed = bound.allowed(layout.ranges_of(kind))
            figures.append(Figure(f"{kind}_{bound.name}_low", _or_nan(min, values), allowed))
            figures.append(Figure(f"{kind}_{bound.name}_high", _or_nan(max, values), allowed))
    return figures


def _or_nan(pick: Callable[[Sequence[float]], float], values: Sequence[float]) -> float:
    """NaN where one is or there is none."""
    return math.nan if not values or any(math.isnan(one) for one in values) else pick(values)
