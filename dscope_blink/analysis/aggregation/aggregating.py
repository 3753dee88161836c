"""Detections of one face to one aggregate: read this first.

Shots are brought together, marks clustered, each cluster merged to one mark, the marks judged by the acceptance
criteria as those of any record are; then who found what.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dscope_blink.analysis import judging
from dscope_blink.analysis.aggregation.agreement import pairs_of, scores_of
from dscope_blink.analysis.aggregation.clustering import closeness_of, cluster
from dscope_blink.analysis.aggregation.merging import merged_defect, split_by_type, votes_of
from dscope_blink.analysis.aggregation.patterns import patterns_of
from dscope_blink.analysis.aggregation.scoring import score_of
from dscope_blink.analysis.aggregation.shots import Together, bring_together
from dscope_blink.analysis.measuring import ids_in_order
from dscope_blink.config.settings import Config
from dscope_blink.records import (
    SEVERITIES,
    Aggregate,
    Defect,
    Detection,
    Inspection,
    LogLine,
    MergedMark,
    Provenance,
    Rejected,
    SourceMark,
    SourceScore,
    recorded,
)

PROFILE = "aggregate"  # of the record of an aggregate


def aggregate(
    name: str, detections: Sequence[Detection], config: Config, started: str, log: Sequence[LogLine] = ()
) -> Aggregate:
    """One face from several detections of it.

    Parameters
    ----------
    name : of its files
    detections : in pixels of their own pictures, at least one of them a record; their order does not matter
    config : its section `aggregation`, and what can be graded
    started : when this was begun, ISO 8601
    log : what was found wrong with files while they were read
    """
    settings = config.aggregation
    together = bring_together(detections)
    marks = tuple(sorted((m for one in together.detections for m in one.marks), key=lambda mark: mark.name))
    scale = together.base.scale
    closeness = closeness_of(marks, scale, settings)
    clusters = cluster(marks, closeness, scale)
    groups = [group for one in clusters for group in split_by_type([marks[place] for place in one], settings)]
    face, merged, beyond = _judged(groups, together, config)
    face = replace(face, provenance=_made_of(together, config, started))
    return Aggregate(
        name=name,
        inspection=recorded(face),
        sources=tuple(one.source for one in together.detections),
        marks=merged,
        closeness=closeness,
        score=score_of(merged, settings),
        scores=_decisive(scores_of(together.detections, merged), groups, face, together, config),
        pairs=pairs_of(together.detections, merged),
        patterns=patterns_of(merged, face, together.detections),
        rejected=(*(gone for one in together.detections for gone in one.rejected), *beyond),
        log=(*log, *together.log),
        counts=_counts(merged),
    )


Groups = Sequence[Sequence[SourceMark]]


def _judged(
    groups: Groups, together: Together, config: Config
) -> tuple[Inspection, tuple[MergedMark, ...], tuple[Rejected, ...]]:
    """The face with its marks merged and judged; the marks; what lies in no zone that was asked for."""
    base = together.base
    numbered = [replace(merged_defect(g, base, config.aggregation), id=str(k)) for k, g in enumerate(groups)]
    if not base.zones:
        return replace(base, defects=()), (), ()
    placed = judging.placed(numbered, base.zones, base.criteria, base.request.zones)
    members = [groups[int(defect.id)] for defect in placed]
    named = [(members[place], replace(placed[place], id=mark_id)) for place, mark_id in ids_in_order(placed)]
    face = judging.grade(replace(base, defects=tuple(defect for _, defect in named)), config, base)
    merged = tuple(_merged(group, defect) for (group, _), defect in zip(named, face.defects, strict=True))
    inside = {int(defect.id) for defect in placed}
    beyond = (m for k, group in enumerate(groups) if k not in inside for m in group)
    return face, merged, tuple(Rejected(m.source, m.id, "in no zone that was asked for") for m in beyond)


def _merged(members: Sequence[SourceMark], defect: Defect) -> MergedMark:
    given = [member.severity for member in members if member.severity is not None and member.defect is None]
    worst = min([defect.severity, *given], key=SEVERITIES.index)
    return MergedMark(_uid(members), defect, tuple(members), worst, votes_of(members))


def _uid(members: Sequence[SourceMark]) -> str:
    return hashlib.sha256("\0".join(min(member.name for member in members)).encode()).hexdigest()[:12]


def _made_of(together: Together, config: Config, started: str) -> Provenance:
    made = together.base.provenance
    sources = {f"source {one.source.key}": one.source.sha256 for one in together.detections}
    return replace(made, profile=PROFILE, started=started, inputs={**made.inputs, "config": config.sha256, **sources})


def _decisive(
    scores: Sequence[SourceScore], groups: Groups, face: Inspection, together: Together, config: Config
) -> tuple[SourceScore, ...]:
    """With the verdict that there would be without each source."""
    if len(scores) < 2:
        return tuple(scores)
    return tuple(_without(score, groups, face, together, config) for score in scores)


def _without(score: SourceScore, groups: Groups, face: Inspection, together: Together, config: Config) -> SourceScore:
    left = [[member for member in group if member.source != score.key] for group in groups]
    judged, _, _ = _judged([group for group in left if group], together, config)
    status = judged.verdict.status
    return replace(score, status_without=status, flips=status != face.verdict.status)


def _counts(marks: Sequence[MergedMark]) -> Mapping[str, Mapping[str, int]]:
    return {
        "type": Counter(mark.defect.classification for mark in marks),
        "severity": Counter(mark.severity for mark in marks),
        "region": Counter(mark.defect.zone for mark in marks),
        "source": Counter(key for mark in marks for key in mark.sources),
    }
