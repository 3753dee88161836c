"""Groups of marks to the face that they make: each merged, measured on one located face, put in its zone, judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dscope_blink.analysis import judging
from dscope_blink.analysis.aggregation.clustering import closeness_of, cluster
from dscope_blink.analysis.aggregation.joined_outlines import Areas
from dscope_blink.analysis.aggregation.merging import merged_defect
from dscope_blink.analysis.aggregation.shots import Together
from dscope_blink.analysis.aggregation.verdicts import graded
from dscope_blink.analysis.measuring import ids_in_order
from dscope_blink.config.settings import AggregationSettings, Config
from dscope_blink.records import (
    CladdingFit,
    Closeness,
    Defect,
    Detection,
    Ellipse,
    FiberGeometry,
    FitUncertainty,
    Inspection,
    Rejected,
    SourceMark,
    Status,
    ZoneOutline,
)


@dataclass(frozen=True, slots=True)
class Group:
    """Marks of the sources that are one, and what they measure together."""

    members: tuple[SourceMark, ...]  # by source and id
    defect: Defect  # not yet judged, with an id of its own among the groups; in a face as that has it


@dataclass(frozen=True, slots=True)
class MergedFace:
    """A face with its merged marks, judged."""

    inspection: Inspection
    groups: tuple[Group, ...]  # in the order of their ids; those of the record where that holds any
    beyond: tuple[Rejected, ...]  # members that lie in no zone that was asked for


def group_of(
    members: Sequence[SourceMark],
    base: Inspection,
    settings: AggregationSettings,
    name: str,
    areas: Areas | None = None,
) -> Group:
    """These marks as one of this name, whatever their sources have judged of them."""
    if base.zones:
        defect = merged_defect(members, base, settings, areas)
    else:
        defect = replace(merged_defect(members, _as_if_inspected(base), settings, areas), zones_touched=())
    return Group(tuple(members), replace(defect, id=name, counted=False, severity="LOW"))


def _as_if_inspected(base: Inspection) -> Inspection:
    """With one zone, and a cladding that fills the picture where none was located: there marks have sizes in pixels."""
    width, height = base.image.width or 1, base.image.height or 1
    axes = (max(float(width), 1.0), max(float(height), 1.0))
    filling = Ellipse(((width - 1) / 2, (height - 1) / 2), axes, 0.0)
    unknown = CladdingFit(filling, 0.0, 0.0, 0.0, "contour", 1.0, FitUncertainty(0.0, 0.0, 0.0))
    zones = (ZoneOutline("D", filling),)
    if base.geometry is not None:
        return replace(base, zones=zones)
    return replace(base, geometry=FiberGeometry(unknown, None), scale=None, zones=zones)


def grouped(together: Together, settings: AggregationSettings, areas: Areas) -> tuple[tuple[Group, ...], Closeness]:
    """Which marks of all sources are one, and how near they had to lie for it."""
    scale = together.base.scale
    marks = tuple(sorted((m for one in together.detections for m in one.marks), key=lambda mark: mark.name))
    closeness = closeness_of(marks, scale, settings)
    parts = ([marks[place] for place in one] for one in cluster(marks, closeness, scale, settings))
    groups = (group_of(part, together.base, settings, str(number), areas) for number, part in enumerate(parts))
    return tuple(groups), closeness


def face_of(groups: Sequence[Group], base: Inspection, detections: Sequence[Detection], config: Config) -> MergedFace:
    """The face that groups make, judged by the acceptance criteria.

    Parameters
    ----------
    groups : measured on `base`
    base : the record in whose picture they lie; its own marks and verdict are not read, but for why it has no zones
    detections : that the marks are from
    config : limits of what can be graded
    """
    placed = _placed(groups, base, detections)
    by_name = {group.defect.id: group for group in groups}
    named = [Group(by_name[placed[at].id].members, replace(placed[at], id=name)) for at, name in ids_in_order(placed)]
    marks = tuple(group.defect for group in named)
    face = graded(replace(base, defects=marks, reference=None), detections, config)
    if base.zones:
        named = [replace(group, defect=defect) for group, defect in zip(named, face.defects, strict=True)]
    beyond = (m for name in by_name.keys() - {d.id for d in placed} for m in by_name[name].members)
    gone = (Rejected(*name, "in no zone that was asked for") for name in sorted(member.name for member in beyond))
    return MergedFace(face, tuple(named), tuple(gone))


def status_of(groups: Sequence[Group], base: Inspection, detections: Sequence[Detection], config: Config) -> Status:
    """No more than the verdict of `face_of`."""
    face = replace(base, defects=_placed(groups, base, detections))
    return graded(face, detections, config).verdict.status


def _placed(groups: Sequence[Group], base: Inspection, detections: Sequence[Detection]) -> tuple[Defect, ...]:
    """The marks in the zones that were asked for; where no zone is known, all of them."""
    if base.zones:
        return judging.placed((one.defect for one in groups), base.zones, base.criteria, base.request.zones)
    return tuple(replace(one.defect, zone=_told_zone(one, detections)) for one in groups)


def _told_zone(group: Group, detections: Sequence[Detection]) -> str:
    """Where no zone is known, the region that all its sources looked at; else none."""
    regions = {one.source.region for one in detections if one.source.key in {m.source for m in group.members}}
    return next(iter(regions)) or "" if len(regions) == 1 else ""
