"""No mark is lost: each of every source is a member of one merged mark, or rejected with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dscope_blink.analysis.aggregation.aggregating import aggregate
from dscope_blink.records import Detection
from tests.builders.found_marks import CONFIG, face, member, seen_by, told_by
from tests.builders.inspections import mark

pytest.importorskip("shapely", reason="brings outlines together")
pytest.importorskip("sklearn", reason="brings outlines together")

KINDS = ("pit_dig", "scratch", "contamination", "chip", "crack")
place = st.integers(-150, 150)
found = st.lists(st.tuples(st.sampled_from(KINDS), place, place, st.sampled_from((1, 4, 12, 40))), max_size=6)


def _marks(drawn: Sequence[tuple[str, int, int, int]]):
    return [mark(f"M{at}", kind, (x, y), size) for at, (kind, x, y, size) in enumerate(drawn)]


def _names(detections: Sequence[Detection]) -> Counter[tuple[str, str]]:
    return Counter(one.name for detection in detections for one in detection.marks)


@given(records=st.lists(found, min_size=1, max_size=3), reports=st.lists(found, max_size=2))
@settings(max_examples=40, deadline=None)
def test_each_mark_of_every_source_is_a_member_or_rejected_and_only_once(records, reports):
    detections = [seen_by(f"record {at}", face(*_marks(drawn))) for at, drawn in enumerate(records)]
    for at, drawn in enumerate(reports):
        key = f"report {at}"
        detections.append(told_by(key, *(replace(member(one, key), defect=None) for one in _marks(drawn))))
    made = aggregate("face", detections, CONFIG, "2026-02-01T08:00:00+00:00")
    kept = [member.name for merged in made.marks for member in merged.members]
    gone = [(one.source, one.id) for one in made.rejected]
    assert Counter([*kept, *gone]) == _names(detections)
    assert all(one.reason for one in made.rejected)
