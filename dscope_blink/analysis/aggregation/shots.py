"""Detections of one face in several pictures brought into the pixels of one of them, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dscope_blink.records import Detection, Inspection, LogLine


@dataclass(frozen=True, slots=True)
class Together:
    """Detections in the pixels of one picture."""

    base: Inspection  # of the picture whose pixels they are in; its marks are those of one source
    detections: tuple[Detection, ...]  # in the order of their keys
    log: tuple[LogLine, ...] = ()  # what was refused, and why


def bring_together(detections: Sequence[Detection]) -> Together:
    """The detections of one face in the pixels of one of its pictures.

    Parameters
    ----------
    detections : at least one of them a record; the order does not matter
    """
    ordered = sorted(detections, key=lambda one: one.source.key)
    records = [one for one in ordered if one.inspection is not None]
    base = max(records, key=_worth)
    assert base.inspection is not None, "it is one of the records"
    same = [one for one in ordered if _is_of_the_same_picture(one, base)]
    refused = (LogLine(o.source.file, "of another picture", "error") for o in ordered if o not in same)
    return Together(base.inspection, tuple(same), tuple(refused))


def _worth(detection: Detection) -> tuple[bool, int, str]:
    inspection = detection.inspection
    assert inspection is not None, "only records are weighed"
    return inspection.verdict.status != "NOT_GRADED", len(inspection.zones), detection.source.key


def _is_of_the_same_picture(one: Detection, base: Detection) -> bool:
    return one.source.picture_sha256 in (None, base.source.picture_sha256)
