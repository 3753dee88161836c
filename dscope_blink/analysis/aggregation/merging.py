"""The marks of a cluster to one mark: its type, outline, sizes and confidence.

The outline is the union of all, where the mark lies as near to the core as any source has it. Its sizes are not those
of the union, which two outlines a little shifted inflate: they are the median of what independent votes measured, the
upper one of two, for a mark that one of two sees too large to pass is not passed by the other. What this program has
measured goes before the outlines of others, and the uncertainty reaches every size that a source has of the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import median_high
from typing import Any

import numpy as np

from dscope_blink.analysis.aggregation.joined_outlines import Areas, joined
from dscope_blink.analysis.aggregation.kinds_together import kind_of
from dscope_blink.analysis.aggregation.outline_sizes import measured_outline
from dscope_blink.analysis.aggregation.votes import confidence_of, votes
from dscope_blink.analysis.measuring import LINEAR
from dscope_blink.config.settings import AggregationSettings
from dscope_blink.records import CLASSIFICATIONS, JUDGED, ZONE_NAMES, Defect, Inspection, SourceMark, as_recorded

SIZES_UM = ("length_um", "width_um", "diameter_um")
SIZES = (*SIZES_UM, "area_um2", "length_px", "width_px", "diameter_px", "area_px")
WHOLE_LINE, WHOLE = 0.75, 0.5  # of the largest diameter that a source has: smaller ones saw a part of the mark
LONGER = 1.3  # times the longest of its members: what they are together is longer than any has seen it
DECIMALS = 3  # of probabilities


def merged_defect(
    members: Sequence[SourceMark], base: Inspection, settings: AggregationSettings, areas: Areas | None = None
) -> Defect:
    """The one mark that the members are; one member alone is itself.

    Parameters
    ----------
    members : marks of a cluster, in pixels of the picture of `base`
    base : located, with the geometry and scale by which it is measured
    settings : which type wins
    areas : what marks cover, where they are merged more than once
    """
    members = sorted(members, key=lambda member: member.name)
    kind, areas = kind_of(members, settings), areas or Areas()
    if len(members) == 1:
        (member,) = members
        mark = _view(member, kind, base, areas)
        return mark if mark is member.defect else as_recorded(mark, *JUDGED)
    views = _views(members, kind, base, areas)
    whole = joined([areas.of(member) for member in _outlined(members)])
    around = measured_outline(whole, kind, base, confidence_of(members), _detectors(members))
    return as_recorded(_as_one(views, around, members, kind), *JUDGED)


@dataclass(frozen=True, slots=True)
class _View:
    """The mark as one source has it, its pieces as one."""

    members: tuple[SourceMark, ...]
    mark: Defect

    @property
    def is_measured(self) -> bool:
        """Whether this program has measured it, not only an outline."""
        return all(member.defect is not None for member in self.members)


def _views(members: Sequence[SourceMark], kind: str, base: Inspection, areas: Areas) -> list[_View]:
    of_source = (tuple(mine) for _, mine in groupby(members, key=lambda member: member.source))
    return [_View(mine, _seen_by(mine, kind, base, areas)) for mine in of_source]


def _seen_by(mine: Sequence[SourceMark], kind: str, base: Inspection, areas: Areas) -> Defect:
    """What one source has, of several pieces as long as they are together and as wide as the widest."""
    marks = [_view(member, kind, base, areas) for member in mine]
    if len(marks) == 1:
        return marks[0]
    whole = measured_outline(joined([areas.of(member) for member in mine]), kind, base, 0.0, ())
    widest, widest_px = _greatest(marks, "width_um"), max(mark.width_px for mark in marks)
    unsure = {name: max(mark.uncertainty.get(name, 0.0) for mark in (*marks, whole)) for name in whole.uncertainty}
    area_px = sum(mark.area_px for mark in marks)
    area_um2 = None if widest is None else sum(mark.area_um2 or 0.0 for mark in marks)
    return replace(whole, width_um=widest, width_px=widest_px, area_px=area_px, area_um2=area_um2, uncertainty=unsure)


def _view(member: SourceMark, kind: str, base: Inspection, areas: Areas) -> Defect:
    """A mark as its source has it, where it lies in the picture of `base`."""
    mark = member.defect
    if mark is not None and _is_placed(member, mark, base):
        return mark
    seen = measured_outline(areas.of(member), kind, base, member.confidence, member.detectors, member.is_box)
    return seen if mark is None else _sized(seen, mark, base)


def _is_placed(member: SourceMark, mark: Defect, base: Inspection) -> bool:
    """Whether it was measured in pixels of this picture, and by a scale where there is one."""
    same = np.array_equal(member.outline_px, mark.contour_px)
    sized = (mark.length_um is None) == (base.scale is None)
    core = base.geometry and base.geometry.core
    return same and sized and (mark.r_core_px is None) == (core is None)


def _sized(seen: Defect, mark: Defect, base: Inspection) -> Defect:
    """A mark that was measured in another picture, with its sizes in um where it has them."""
    carried = {name: getattr(mark, name) for name in ("contrast", "features", "evidence", "class_probabilities")}
    if base.scale is None or mark.length_um is None:
        return replace(seen, **carried)
    sizes = {name: getattr(mark, name) for name in (*SIZES_UM, "area_um2")}
    unsure = {**mark.uncertainty, "r_min_px": seen.uncertainty["r_min_px"]}
    px = {f"{name}_px": sizes[f"{name}_um"] / base.scale.um_per_px for name in ("length", "width", "diameter")}
    return replace(seen, **carried, **sizes, **px, uncertainty=unsure, at_most=mark.at_most)


def _as_one(views: Sequence[_View], around: Defect, members: Sequence[SourceMark], kind: str) -> Defect:
    """One mark of several views, with the outline and place of `around`."""
    marks = [view.mark for view in views]
    pool = [view for view in views if view.is_measured] or list(views)
    wholes = _wholes(pool, kind)
    by_vote = _by_vote(wholes, members)
    sizes: dict[str, Any] = {name: _median(by_vote, name) for name in SIZES}
    model = min((v.mark for v in wholes), key=lambda mark: (abs(mark.diameter_px - sizes["diameter_px"]), mark.id))
    sizes |= _longer(around, sizes, kind)
    every = [view.mark for view in _wholes(views, kind)]
    return replace(
        model,
        id="",
        classification=kind,
        confidence=around.confidence,
        detected_by=around.detected_by,
        severity="LOW",
        counted=False,
        **_outline(around, marks),
        **_place(marks),
        **sizes,
        aspect_ratio=max(sizes["length_px"] / sizes["width_px"], 1.0),
        uncertainty=_unsure(sizes, [view.mark for view in wholes], every),
        at_most=_bounds(sizes, [view.mark for view in wholes]),
        evidence=_evidence(marks),
        class_probabilities=_probabilities(members, kind),
    )


def _outlined(members: Sequence[SourceMark]) -> Sequence[SourceMark]:
    """Those with an outline; boxes where there is nothing else."""
    return [member for member in members if not member.is_box] or members


def _detectors(members: Sequence[SourceMark]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for member in members for name in member.detectors))


def _wholes(views: Sequence[_View], kind: str) -> list[_View]:
    """Those that saw the whole mark, not a part of it."""
    least = (WHOLE_LINE if kind in LINEAR else WHOLE) * max(view.mark.diameter_px for view in views)
    return [view for view in views if view.mark.diameter_px >= least]


def _by_vote(views: Sequence[_View], members: Sequence[SourceMark]) -> list[list[Defect]]:
    """What each vote has of the mark."""
    names = [{member.name for member in vote} for vote in votes(members)]
    found = ([view.mark for view in views if view.members[0].name in mine] for mine in names)
    return [marks for marks in found if marks]


def _median(by_vote: Sequence[Sequence[Defect]], name: str) -> float | None:
    """Of a size as independent votes have it, each the median of its own; what was read twice counts once."""
    sizes = [{getattr(mark, name) for mark in marks} for marks in by_vote]
    return None if any(None in mine for mine in sizes) else median_high(map(median_high, sizes))


def _longer(around: Defect, sizes: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The length of a line of which every source has seen a part only."""
    if kind not in LINEAR or around.length_px < LONGER * sizes["length_px"]:
        return {}
    return {name: getattr(around, name) for name in ("length_px", "diameter_px", "length_um", "diameter_um")}


def _outline(around: Defect, marks: Sequence[Defect]) -> Mapping[str, Any]:
    """The outline of all, as it was where all have the same."""
    first, *others = marks
    if all(np.array_equal(first.contour_px, mark.contour_px) for mark in others):
        return {}
    corners = np.array([[x, y, x + w, y + h] for x, y, w, h in (mark.bbox_px for mark in (around, *marks))])
    (x, y), (right, bottom) = corners[:, :2].min(axis=0).tolist(), corners[:, 2:].max(axis=0).tolist()
    return {
        "contour_px": around.contour_px,
        "holes_px": around.holes_px,
        "rect": around.rect,
        "bbox_px": (x, y, right - x, bottom - y),
    }


def _place(marks: Sequence[Defect]) -> Mapping[str, Any]:
    """From the nearest to the centre that any source has it to the farthest."""
    touched = {name for mark in marks for name in mark.zones_touched}
    return {
        **{name: _least(marks, name) for name in ("r_min_px", "r_core_px", "r_min_um")},
        **{name: _greatest(marks, name) for name in ("r_max_px", "r_max_um")},
        "zones_touched": tuple(name for name in ZONE_NAMES.values() if name in touched),
    }


def _least(marks: Iterable[Defect], name: str) -> float | None:
    return min(_known(marks, name), default=None)


def _greatest(marks: Iterable[Defect], name: str) -> float | None:
    return max(_known(marks, name), default=None)


def _known(marks: Iterable[Defect], name: str) -> list[float]:
    return [value for mark in marks if (value := getattr(mark, name)) is not None]


def _unsure(sizes: Mapping[str, Any], wholes: Sequence[Defect], every: Sequence[Defect]) -> Mapping[str, float]:
    """As far as any source that saw the whole is unsure, and as far as all that did are apart."""
    unsure = {name: max(mark.uncertainty[name] for mark in wholes) for name in wholes[0].uncertainty}
    for name in unsure.keys() & set(SIZES_UM):
        unsure[name] = max(unsure[name], *(abs(value - sizes[name]) for value in _known(every, name)))
    if "r_min_px" in unsure:
        places = _known(every, "r_min_px")
        unsure["r_min_px"] = max(unsure["r_min_px"], max(places) - min(places))
    return unsure


def _bounds(sizes: Mapping[str, Any], wholes: Sequence[Defect]) -> Mapping[str, float]:
    """What the sizes are at most that none has resolved."""
    names = set.intersection(*(set(mark.at_most) for mark in wholes))
    return {name: max(mark.at_most[name] for mark in wholes) for name in SIZES_UM if name in names}


def _evidence(marks: Sequence[Defect]) -> Mapping[str, float]:
    evidence: dict[str, float] = {}
    for mark in marks:
        for name, share in mark.evidence.items():
            evidence[name] = max(share, evidence.get(name, 0.0))
    return evidence


def _probabilities(members: Sequence[SourceMark], kind: str) -> Mapping[str, float]:
    """Mean of the votes, the kind that was chosen as likely as any; empty where nobody gives any."""
    chances = [found for vote in votes(members) if (found := _surest(vote))]
    if not chances:
        return {}
    mean = {name: sum(of.get(name, 0.0) for of in chances) / len(chances) for name in CLASSIFICATIONS}
    mean[kind] = max(mean.values())
    total = sum(mean.values())
    return {name: round(share / total, DECIMALS) for name, share in mean.items()}


def _surest(vote: Sequence[SourceMark]) -> Mapping[str, float]:
    """The probabilities of the surest of some members that gives any."""
    given = [m for m in vote if m.defect is not None and m.defect.class_probabilities]
    best = max(given, key=lambda m: (m.confidence, m.name), default=None)
    return {} if best is None or best.defect is None else best.defect.class_probabilities
