"""Which source decides the verdict: that without each, and by each alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from dscope_blink.analysis.aggregation import decisive
from dscope_blink.analysis.aggregation.decisive import Trial, decided
from dscope_blink.analysis.aggregation.merged_face import Group, face_of
from dscope_blink.analysis.aggregation.shots import Together
from dscope_blink.records import Defect, Detection, Inspection, SourceScore, notice
from tests.builders.found_marks import CONFIG, SMALL, SPECK, SURE, face, group, member, refused, seen_by, told_by

OTHER_PICTURE = "cd" * 32
BLURRED = notice("out_of_focus", "sharpness 1.2, needs 3")


def scores(detections: Sequence[Detection], groups: Sequence[Group], base: Inspection | None = None, **how):
    """The verdict, and what each source decides of it; measured on the first record unless another face is given."""
    face_ = base or next(one.inspection for one in detections if one.inspection is not None)
    together = Together(face_, tuple(detections))
    status = face_of(groups, face_, detections, CONFIG).inspection.verdict.status
    blank = [SourceScore(one.source.key, 0, 0, (), (), (), None, None) for one in detections]
    found = decided(blank, status, Trial(detections, together, groups, CONFIG, **how))
    return status, {one.key: (one.status_alone, one.status_without, one.flips) for one in found}


def report(key: str, *marks: Defect, **changes) -> Detection:
    return told_by(key, *(member(mark, key) for mark in marks), **changes)


def test_the_only_source_that_found_what_fails_is_the_one_that_decides():
    detections = [seen_by("a", face(SMALL)), seen_by("b", face(SMALL)), report("c", SURE)]
    status, found = scores(detections, [group(SMALL, "a", "b"), group(SURE, "c")])
    assert status == "FAIL"
    assert found == {
        "a": ("PASS", "FAIL", False),
        "b": ("PASS", "FAIL", False),
        "c": ("FAIL", "PASS", True),
    }


def test_of_two_sources_that_found_it_neither_decides():
    detections = [seen_by("a", face(SURE)), seen_by("b", face(SURE))]
    status, found = scores(detections, [group(SURE, "a", "b")])
    assert status == "FAIL"
    assert found == dict.fromkeys("ab", ("FAIL", "FAIL", False))


def test_without_the_source_that_all_is_measured_on_another_takes_its_place():
    detections = [seen_by("a", face(SURE)), seen_by("b", face(SMALL))]
    status, found = scores(detections, [group(SURE, "a"), group(SMALL, "b")])
    assert status == "FAIL"
    assert found["a"] == ("FAIL", "PASS", True)


def test_the_source_that_is_not_graded_decides_that_the_face_is_not():
    detections = [seen_by("a", face(SMALL)), seen_by("b", refused(BLURRED))]
    status, found = scores(detections, [group(SMALL, "a")])
    assert status == "NOT_GRADED"
    assert found["b"] == ("NOT_GRADED", "PASS", True)
    assert found["a"] == ("PASS", "NOT_GRADED", False)


def test_without_any_record_nobody_locates_the_face():
    detections = [seen_by("a", face(SMALL)), report("c", SURE)]
    status, found = scores(detections, [group(SMALL, "a"), group(SURE, "c")])
    assert status == "FAIL"
    assert found["a"] == ("PASS", "NOT_GRADED", True)


def test_a_face_that_is_no_source_stays_whichever_source_goes():
    detections = [report("c", SURE), report("d", SMALL)]
    status, found = scores(detections, [group(SURE, "c"), group(SMALL, "d")], face())
    assert status == "FAIL"
    assert found == {"c": ("FAIL", "PASS", True), "d": ("PASS", "FAIL", False)}


def test_a_report_of_one_zone_alone_passes_no_face():
    detections = [seen_by("a", face(SMALL)), report("core", region="core")]
    _, found = scores(detections, [group(SMALL, "a")])
    assert found["core"] == ("NOT_GRADED", "PASS", False)


def test_a_record_by_other_criteria_is_judged_alone_by_those_of_the_face():
    other = replace(face(SURE), criteria=replace(face().criteria, title="of before"))
    passed = replace(other, verdict=face().verdict)
    detections = [seen_by("a", face(SMALL)), seen_by("b", passed)]
    _, found = scores(detections, [group(SMALL, "a"), group(SURE, "b")])
    assert found["b"][0] == "FAIL"


def test_one_source_has_no_verdict_without_it():
    _, found = scores([seen_by("a", face(SURE))], [group(SURE, "a")])
    assert found == {"a": ("FAIL", "", False)}


def test_a_mark_of_several_is_measured_again_by_those_that_are_left(monkeypatch):
    monkeypatch.setattr(decisive, "group_of", _of_the_last)
    both = Group((member(SURE, "a"), member(SPECK, "b", "P1")), SURE)
    _, found = scores([seen_by("a", face(SPECK)), seen_by("b", face(SPECK))], [both])
    assert (found["a"][1:], found["b"][1:]) == (("PASS", True), ("FAIL", False))


def _of_the_last(members, base, settings, name, areas):
    return Group(tuple(members), replace(members[-1].defect, id=name))


@pytest.mark.parametrize("is_left", [True, False])
def test_where_the_picture_goes_with_the_source_the_others_are_brought_together_anew(is_left):
    elsewhere = replace(face(SPECK), image=replace(face().image, sha256=OTHER_PICTURE))
    shot, foreign = seen_by("b", elsewhere), report("c", SURE)
    left = [shot, foreign] if is_left else [shot]
    detections = [seen_by("a", face(SMALL)), shot, foreign]
    groups = [group(SMALL, "a"), group(SPECK, "b"), group(SURE, "c")]
    _, found = scores(detections, groups, bring=lambda given: Together(elsewhere, tuple(left)))
    assert found["a"][1] == ("FAIL" if is_left else "PASS")
