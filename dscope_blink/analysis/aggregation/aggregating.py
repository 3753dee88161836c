"""Detections of one face to one aggregate: read this first.

Shots are brought together, marks clustered, each cluster merged to one mark, the marks judged by the acceptance
criteria as those of any record are; then who found what.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from dscope_blink.analysis.aggregation.agreement import who_found_what
from dscope_blink.analysis.aggregation.decisive import Trial, decided
from dscope_blink.analysis.aggregation.joined_outlines import Areas
from dscope_blink.analysis.aggregation.merged_face import Group, MergedFace, face_of, grouped
from dscope_blink.analysis.aggregation.patterns import patterns_of
from dscope_blink.analysis.aggregation.scoring import score_of
from dscope_blink.analysis.aggregation.shots import Together, bring_together
from dscope_blink.analysis.aggregation.uids import uids_of
from dscope_blink.analysis.aggregation.votes import votes_of
from dscope_blink.analysis.severity import worst
from dscope_blink.config.settings import Config
from dscope_blink.records import (
    PROGRAM,
    VERSION,
    Aggregate,
    Defect,
    Detection,
    Inspection,
    KnownUids,
    LogLine,
    MergedMark,
    PictureLikeness,
    Provenance,
    Source,
    as_recorded,
    recorded,
)

PROFILE = "aggregate"  # of the record of an aggregate
NO_UIDS = KnownUids()


def aggregate(
    name: str,
    detections: Sequence[Detection],
    config: Config,
    started: str,
    log: Sequence[LogLine] = (),
    *,
    known: KnownUids = NO_UIDS,
    base: Inspection | None = None,
    alike: Sequence[PictureLikeness] = (),
) -> Aggregate:
    """One face from several detections of it.

    Parameters
    ----------
    name : of its files
    detections : in pixels of their own pictures, at least one; their order does not matter
    config : its section `aggregation`, and what can be graded
    started : when this was begun, ISO 8601
    log : what was found wrong with files while they were read
    known : what an earlier aggregate of the face called its marks
    base : the face that the marks lie on, where none of the detections is a record; it may be located or not
    alike : how alike the pictures are that they saw, where there are several

    Returns
    -------
    Aggregate : its record is judged by the acceptance criteria alone; the score stands beside it

    Raises
    ------
    ValueError : no detection is a record, and there is no `base`
    """
    settings = config.aggregation
    together = _together(detections, base, alike)
    areas = Areas()
    groups, closeness = grouped(together, settings, areas)
    face = face_of(groups, together.base, together.detections, config)
    record = recorded(replace(face.inspection, provenance=_made_of(together, config, started)))
    sources = tuple(one.source for one in together.detections)
    marks = _merged(face, record, sources, known)
    found = who_found_what(together.detections, marks, record)
    trial = Trial(detections, together, groups, config, partial(bring_together, alike=alike), areas)
    return Aggregate(
        name=name,
        inspection=record,
        sources=sources,
        marks=marks,
        closeness=closeness,
        score=score_of(marks, settings),
        scores=decided(found.scores, record.verdict.status, trial),
        pairs=found.pairs,
        patterns=patterns_of(marks, record, together.detections),
        rejected=(*(gone for one in together.detections for gone in one.rejected), *face.beyond),
        log=(*log, *together.log, *_other_criteria(together)),
    )


def _together(detections: Sequence[Detection], base: Inspection | None, alike: Sequence[PictureLikeness]) -> Together:
    if any(one.inspection is not None for one in detections):
        return bring_together(detections, alike)
    if base is None:
        raise ValueError("one of the detections must be a record, or a base must be given, there is neither")
    return Together(base, tuple(sorted(detections, key=lambda one: one.source.key)))


def _merged(
    face: MergedFace, record: Inspection, sources: Sequence[Source], known: KnownUids
) -> tuple[MergedMark, ...]:
    """The marks of the record, or where it holds none the groups by themselves."""
    measured = record.defects if record.zones else tuple(as_recorded(group.defect) for group in face.groups)
    uids = uids_of([group.members for group in face.groups], sources, known)
    return tuple(_mark(uid, defect, group) for uid, defect, group in zip(uids, measured, face.groups, strict=True))


def _mark(uid: str, defect: Defect, group: Group) -> MergedMark:
    """Its severity is the worst that the criteria make of it or a source says that has no criteria of this program."""
    given = [member.severity for member in group.members if member.severity is not None and member.defect is None]
    return MergedMark(uid, defect, group.members, worst(defect.severity, *given), votes_of(group.members))


def _made_of(together: Together, config: Config, started: str) -> Provenance:
    made = together.base.provenance
    sources = {f"source {one.source.key}": one.source.sha256 for one in together.detections}
    inputs = {**made.inputs, "config": config.sha256, **sources}
    return Provenance(f"{PROGRAM} {VERSION}", PROFILE, started, inputs, made.engine)


def _other_criteria(together: Together) -> Iterator[LogLine]:
    """Which records were judged by other limits than their marks are now."""
    now = together.base.criteria
    for one in together.detections:
        if one.inspection is not None and one.inspection.criteria != now:
            was = one.inspection.criteria
            text = f"judged by {was.edition} {was.fiber_class}, its marks are now by {now.edition} {now.fiber_class}"
            alike = (was.edition, was.fiber_class) == (now.edition, now.fiber_class)
            yield LogLine(one.source.file, f"{text}{', of other limits' if alike else ''}", "warning")
