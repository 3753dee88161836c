"""Groups of marks to a face: each measured once, in its zone, named as in any record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dscope_blink.analysis.aggregation import merged_face
from dscope_blink.analysis.aggregation.merged_face import face_of, group_of, status_of
from dscope_blink.records import Comparison, notice
from tests.builders.found_marks import CONFIG, SMALL, SPECK, SURE, face, group, member, refused, seen_by

LOST = refused(notice("not_located", "21 % supported"))


def test_what_sources_have_judged_of_a_mark_is_forgotten():
    judged = replace(SURE, counted=True, severity="CRITICAL")
    found = group_of([member(judged, "a")], face(), CONFIG.aggregation, "7")
    assert (found.defect.id, found.defect.counted, found.defect.severity) == ("7", False, "LOW")
    assert found.members[0].defect == judged


@pytest.mark.parametrize(
    ("base", "scale"),
    [
        (LOST, None),
        (replace(LOST, image=replace(LOST.image, width=None, height=None), scale=face().scale), None),
        (replace(face(), zones=()), face().scale),
    ],
    ids=["not located", "of unknown size", "out of focus"],
)
def test_a_mark_of_a_face_without_zones_is_measured_as_far_as_that_goes(base, scale, monkeypatch):
    seen = []

    def measured(members, on, settings, areas):
        seen.append(on)
        return SURE

    monkeypatch.setattr(merged_face, "merged_defect", measured)
    found = group_of([member(SURE, "a")], base, CONFIG.aggregation, "0")
    (on,) = seen
    assert None not in (on.geometry, on.zones[0])
    assert on.scale == scale
    assert found.defect.zones_touched == ()


def test_what_a_reference_says_of_one_picture_it_does_not_say_of_the_marks_of_all() -> None:
    groups = [group(replace(SURE, id="x"), "a")]
    base = replace(face(), reference=Comparison("NORMAL", (), "ab" * 32, 0.4))
    assert face_of(groups, base, [seen_by("a", face())], CONFIG).inspection.reference is None


def test_marks_are_named_by_zone_and_size_whatever_their_groups_are_called():
    groups = [group(replace(mark, id=name), "a") for mark, name in ((SPECK, "x"), (SMALL, "y"), (SURE, "z"))]
    found = face_of(groups, face(), [seen_by("a", face())], CONFIG)
    assert [one.id for one in found.inspection.defects] == ["P1", "P2", "C1"]
    assert [one.defect.diameter_um for one in found.groups] == [SURE.diameter_um, SMALL.diameter_um, SPECK.diameter_um]
    assert [one.members[0].kind for one in found.groups] == ["pit_dig", "pit_dig", "contamination"]
    assert found.beyond == ()


@pytest.mark.parametrize("marks", [(), (SPECK,), (SURE, SPECK)])
@pytest.mark.parametrize("base", [face(), LOST], ids=["located", "not located"])
def test_the_status_is_that_of_the_face(marks, base):
    detections, groups = [seen_by("a", base)], [group(mark, "a") for mark in marks]
    whole = face_of(groups, base, detections, CONFIG)
    assert status_of(groups, base, detections, CONFIG) == whole.inspection.verdict.status
