"""The verdict of a face from several detections: by the acceptance criteria, and never better than what was not graded.

Marks are judged as those of any record are. Beside them stands what the sources themselves came to: where one of the
same picture is not graded, or surely fails by marks that others size or place otherwise, the face has not passed. What
was not seen mends no mark that surely breaks a limit, as in any record. These doubts are warnings of the record, by
which judging it again under other criteria comes to no better verdict either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from dscope_blink.analysis import judging
from dscope_blink.analysis.aggregation.views import in_zones
from dscope_blink.analysis.gradability import NOT_OF_THE_FACE, OF_SOURCES, limited_zones
from dscope_blink.config.settings import Config
from dscope_blink.records import LIMIT_BROKEN, Detection, Inspection, Notice, bounding_box, notice, texts


def graded(face: Inspection, detections: Sequence[Detection], config: Config) -> Inspection:
    """Judge a face whose marks are those of several sources.

    Parameters
    ----------
    face : with its merged marks, each in its zone; without zones it is not graded, for marks lie in none
    detections : all that the marks are from
    config : limits of what can be graded

    Returns
    -------
    As `judging.grade`; PASS only if no record of the same picture is NOT_GRADED or surely fails by itself, every zone
    with limits was looked at, and the place of every mark is known, in these zones its size too
    """
    own = judging.grade(face, config, face) if face.zones else _without_zones(face)
    doubts = (
        *_refusals(own, detections),
        *_failures(own, detections),
        *_unlooked(own, detections),
        *_placeless(detections),
        *_sizeless(own, detections),
    )
    if not doubts:
        return own
    warned = replace(face, quality=replace(face.quality, warnings=_once(face.quality.warnings, doubts)))
    judged = judging.grade(warned, config, warned) if face.zones else replace(own, quality=warned.quality)
    if judged.verdict.status == "PASS":  # only another shot is in doubt
        return judged
    reasons = (one for one in doubts if one.kind in OF_SOURCES)
    return replace(judged, verdict=replace(judged.verdict, reasons=_once(judged.verdict.reasons, reasons)))


def _once(first: Sequence[Notice], others: Sequence[Notice] | Iterator[Notice]) -> tuple[Notice, ...]:
    return tuple(dict.fromkeys((*first, *others)))


def _without_zones(face: Inspection) -> Inspection:
    """Of a face that no source has located there is nothing to judge, and nothing that a record holds of its marks."""
    why = face.verdict.reasons if face.verdict.status == "NOT_GRADED" else ()
    return replace(face, defects=(), verdict=judging.not_graded(*(why or (NO_ZONES,))))


NO_ZONES = notice("not_inspected", "the face was located in no source, so its marks lie in no zone")


def _is_of_its_picture(detection: Detection, face: Inspection) -> bool:
    """Whether a source looked at the picture of the face; one that does not say which it was counts as such."""
    its, own = detection.source.picture_sha256, face.image.sha256
    return None in (its, own) or its == own


def _refusals(face: Inspection, detections: Sequence[Detection]) -> Iterator[Notice]:
    """Why sources are not graded, named with the source; what the face itself is found to be is not said twice."""
    own = {one.text for one in face.verdict.reasons}
    for detection in detections:
        record, key = detection.inspection, detection.source.key
        if record is None or record.verdict.status != "NOT_GRADED":
            continue
        for reason in (one for one in record.verdict.reasons if one.text not in own):
            same = _is_of_its_picture(detection, face)
            yield notice("source_not_graded" if same else "shot_not_graded", f"{key}: {reason.text}")
            if same and reason.kind in NOT_OF_THE_FACE:  # marks that may be none fail nothing
                yield Notice(reason.kind, f"{reason.text} ({key})")


def _failures(face: Inspection, detections: Sequence[Detection]) -> Iterator[Notice]:
    """Limits that a source of the picture surely breaks by the same criteria, where the merged marks break none."""
    if face.verdict.status != "PASS":
        return
    for detection in (one for one in detections if _is_of_its_picture(one, face)):
        record = detection.inspection
        if record is None or record.verdict.status != "FAIL" or record.verdict.marginal:
            continue
        if record.criteria == face.criteria and set(record.request.zones) <= set(face.request.zones):
            broken = texts(one for one in record.verdict.reasons if one.kind == LIMIT_BROKEN)
            yield notice("source_fails", f"{detection.source.key}: {'; '.join(broken)}")


def _unlooked(face: Inspection, detections: Sequence[Detection]) -> Iterator[Notice]:
    """Zones with limits that no source looked at: where nobody looked there may be any mark."""
    if not face.zones:
        return
    for zone in limited_zones(face):
        if not any(_looked_at_zone(one, zone) for one in detections):
            yield notice("not_looked_at", f"zone {zone}, by no source")


def _placeless(detections: Sequence[Detection]) -> Iterator[Notice]:
    """Marks that may lie in any zone: one line for each source, by the first of them."""
    for one in detections:
        if one.placeless:
            first, more = one.placeless[0], len(one.placeless) - 1
            others = f"; and {more} more" if more else ""
            yield notice("mark_without_place", f"{one.source.key}, {first.id}: {first.reason}{others}")


def _sizeless(face: Inspection, detections: Sequence[Detection]) -> Iterator[Notice]:
    """Marks in zones with limits of which one source says the place, and none the size."""
    points = [mark for one in detections for mark in one.marks if mark.is_point]
    if not points or not face.zones:
        return
    places = np.array([mark.outline_px.mean(axis=0) for mark in points])
    limited = in_zones(places, face.zones, limited_zones(face))
    boxes = [bounding_box(mark.outline_px) for one in detections for mark in one.marks if not mark.is_point]
    sized = np.zeros(len(points), np.bool_)
    for left, top, width, height in boxes:
        sized |= ((places >= (left, top)) & (places <= (left + width, top + height))).all(axis=1)
    unsized = [points[at] for at in np.flatnonzero(limited & ~sized)]
    for source in dict.fromkeys(mark.source for mark in unsized):
        found = [mark.id for mark in unsized if mark.source == source]
        others = f" and {len(found) - 1} more" if len(found) > 1 else ""
        yield notice("mark_without_size", f"{source}, {found[0]}{others}: no box, outline or area is given")


def _looked_at_zone(detection: Detection, zone: str) -> bool:
    record = detection.inspection
    asked = record is None or (record.was_measured and zone in record.request.zones)
    return asked and detection.source.looked_at(zone)
