"""Groups of marks to the face that they make: each merged, measured on one located face, put in its zone, judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dscope_blink.analysis import judging
from dscope_blink.analysis.aggregation.clustering import closeness_of, cluster
from dscope_blink.analysis.aggregation.merging import merged_defect, split_by_type
from dscope_blink.analysis.aggregation.shots import Together
from dscope_blink.analysis.aggregation.verdicts import graded
from dscope_blink.analysis.measuring import ids_in_order
from dscope_blink.config.settings import AggregationSettings, Config
from dscope_blink.records import Closeness, Defect, Detection, Inspection, Rejected, SourceMark


@dataclass(frozen=True, slots=True)
class Group:
    """Marks of the sources that are one, and what they measure together."""

    members: tuple[SourceMark, ...]  # by source and id
    defect: Defect


@dataclass(frozen=True, slots=True)
class MergedFace:
    """A face with its merged marks, judged."""

    inspection: Inspection
    groups: tuple[Group, ...]  # in the order of their ids; those of the record where that holds any
    beyond: tuple[Rejected, ...]  # members that lie in no zone that was asked for


def group_of(members: Sequence[SourceMark], base: Inspection, settings: AggregationSettings) -> Group:
    """These marks as one."""
    return Group(tuple(members), merged_defect(members, base, settings))


def grouped(together: Together, settings: AggregationSettings) -> tuple[tuple[Group, ...], Closeness]:
    """Which marks of all sources are one, and how near they had to lie for it."""
    scale = together.base.scale
    marks = tuple(sorted((m for one in together.detections for m in one.marks), key=lambda mark: mark.name))
    closeness = closeness_of(marks, scale, settings)
    clusters = cluster(marks, closeness, scale)
    parts = (part for one in clusters for part in split_by_type([marks[place] for place in one], settings))
    return tuple(group_of(part, together.base, settings) for part in parts), closeness


def face_of(groups: Sequence[Group], base: Inspection, detections: Sequence[Detection], config: Config) -> MergedFace:
    """The face that groups make, judged by the acceptance criteria.

    Parameters
    ----------
    groups : measured on `base`
    base : the record in whose picture they lie; its own marks and verdict are not read, but for why it has no zones
    detections : that the marks are from
    config : limits of what can be graded
    """
    numbered = [_unjudged(group, number) for number, group in enumerate(groups)]
    if base.zones:
        numbered = list(judging.placed(numbered, base.zones, base.criteria, base.request.zones))
    else:
        numbered = [replace(defect, zone=_told_zone(groups[int(defect.id)], detections)) for defect in numbered]
    kept = [groups[int(defect.id)] for defect in numbered]
    named = [(kept[place].members, replace(numbered[place], id=name)) for place, name in ids_in_order(numbered)]
    face = graded(replace(base, defects=tuple(defect for _, defect in named)), detections, config)
    defects = face.defects if base.zones else tuple(defect for _, defect in named)
    judged = tuple(Group(members, defect) for (members, _), defect in zip(named, defects, strict=True))
    inside = {int(defect.id) for defect in numbered}
    beyond = (m for number, group in enumerate(groups) if number not in inside for m in group.members)
    return MergedFace(face, judged, tuple(Rejected(m.source, m.id, "in no zone that was asked for") for m in beyond))


def _unjudged(group: Group, number: int) -> Defect:
    """Whatever a source has judged of its mark."""
    return replace(group.defect, id=str(number), counted=False, severity="LOW")


def _told_zone(group: Group, detections: Sequence[Detection]) -> str:
    """Where no zone is known, the region that all its sources looked at; else none."""
    regions = {one.source.region for one in detections if one.source.key in {m.source for m in group.members}}
    return next(iter(regions)) or "" if len(regions) == 1 else ""
