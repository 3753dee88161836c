"""Detections to one aggregate: what the record, the marks and the counts say together."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from dscope_blink.analysis.aggregation.aggregating import aggregate
from dscope_blink.records import Aggregate, Defect, Detection, Inspection, KnownUids, LogLine, notice
from dscope_blink.records.stored import from_json, to_json
from tests.builders.found_marks import CONFIG, SMALL, SPECK, SURE, face, member, refused, seen_by, told_by

STARTED = "2026-02-01T08:00:00+00:00"
BLURRED = notice("out_of_focus", "sharpness 1.2, needs 3")


def aggregated(*detections: Detection, **how) -> Aggregate:
    found = aggregate("face", detections, CONFIG, STARTED, **how)
    record = found.inspection
    assert from_json(msgspec.json.decode(msgspec.json.encode(to_json(record)))) == record
    return found


def report(key: str, *marks: Defect, severity: str | None = None, **changes) -> Detection:
    """Of another program: it knows outlines and severities, no more."""
    return told_by(key, *(member(one, key, severity=severity) for one in marks), **changes)


def foreign(key: str, *marks: Defect, severity: str) -> Detection:
    """The same of marks that no record has measured."""
    detection = report(key, *marks, severity=severity)
    return replace(detection, marks=tuple(replace(one, defect=None) for one in detection.marks))


def test_one_source_gives_itself():
    own = face(SURE, SMALL, SPECK)
    found = aggregated(seen_by("a", own))
    for part in ("image", "request", "criteria", "scale", "quality", "geometry", "zones", "measurements", "verdict"):
        assert getattr(found.inspection, part) == getattr(own, part), part
    assert {_place(mark) for mark in found.inspection.defects} == {_place(mark) for mark in own.defects}
    (score,) = found.scores
    assert (score.found, score.alone, score.status_alone) == (3, ("P1", "P2", "C1"), "FAIL")


def _place(defect: Defect) -> tuple[object, ...]:
    return defect.centroid_px, defect.classification, defect.diameter_um, defect.severity, defect.counted


def test_marks_are_those_of_the_record_in_its_order():
    found = aggregated(seen_by("a", face(SPECK)), report("c", SURE))
    assert [mark.defect for mark in found.marks] == list(found.inspection.defects)
    assert [mark.sources for mark in found.marks] == [("c",), ("a",)]
    assert found.inspection.verdict.status == "FAIL"


def test_the_score_stands_beside_the_verdict_and_overrides_nothing():
    many = [replace(SPECK, id=f"C{k}", centroid_px=(400.0 + 4 * k, 400.0)) for k in range(1, 35)]
    found = aggregated(seen_by("a", face(*many)))
    assert (found.inspection.verdict.status, found.score.passed) == ("PASS", False)
    low = replace(CONFIG.aggregation, penalties=dict.fromkeys(CONFIG.aggregation.penalties, 0.0), max_high=9)
    kind = aggregate("face", [seen_by("a", face(SURE))], replace(CONFIG, aggregation=low), STARTED)
    assert (kind.inspection.verdict.status, kind.score.passed) == ("FAIL", True)


def test_counts_are_by_type_severity_region_and_source():
    counts = aggregated(seen_by("a", face(SMALL, SPECK)), report("c", SURE)).counts
    assert counts["type"] == {"pit_dig": 2, "contamination": 1}
    assert counts["region"] == {"cladding": 3}
    assert counts["source"] == {"a": 2, "c": 1}
    assert sum(counts["severity"].values()) == 3


@pytest.mark.parametrize(("told", "severity"), [("CRITICAL", "CRITICAL"), ("LOW", "HIGH"), (None, "HIGH")])
def test_a_mark_is_as_severe_as_the_worst_that_anybody_says(told, severity, monkeypatch):
    monkeypatch.setattr(f"{aggregate.__module__}.votes_of", len)
    monkeypatch.setattr("dscope_blink.analysis.aggregation.merged_face.merged_defect", lambda members, *_: SURE)
    found = aggregated(seen_by("a", face()), foreign("c", SURE, severity=told))
    (mark,) = found.marks
    assert (mark.severity, mark.defect.severity) == (severity, "HIGH")


def test_what_a_record_of_this_program_said_is_what_the_criteria_say_now():
    harsh = replace(SPECK, severity="CRITICAL")
    own = seen_by("a", face(SPECK))
    (mark,) = aggregated(replace(own, marks=(member(harsh, "a"),))).marks
    assert mark.severity == mark.defect.severity != "CRITICAL"


def test_a_mark_in_no_zone_that_was_asked_for_is_rejected_and_said_so():
    core = face()
    core = replace(core, request=replace(core.request, zones=("core",)), defects=())
    found = aggregated(seen_by("a", core), report("c", SMALL))
    assert found.marks == ()
    assert [(gone.source, gone.id, gone.reason) for gone in found.rejected] == [
        ("c", "P2", "in no zone that was asked for")
    ]


def test_of_a_face_that_no_record_has_located_the_marks_and_their_score_remain():
    lost = refused(notice("not_located", "21 % supported"))
    found = aggregated(report("c", SURE, SMALL, region="cladding"), base=lost)
    assert found.inspection.verdict.status == "NOT_GRADED"
    assert found.inspection.defects == ()
    assert [mark.defect.id for mark in found.marks] == ["P1", "P2"]
    assert found.counts["region"] == {"cladding": 2}
    assert found.score.value < 100
    assert found.scores[0].found == 2


def test_where_not_even_a_region_is_told_the_zone_is_unknown():
    lost = refused(notice("not_located", "21 % supported"))
    found = aggregated(report("c", SURE, region="core"), report("d", SMALL), base=lost)
    assert found.counts["region"] == {"core": 1, "": 1}


def test_reports_on_a_face_that_was_located_are_judged_on_it():
    found = aggregated(report("c", SURE), base=face())
    assert found.inspection.verdict.status == "FAIL"
    assert aggregated(report("c", SMALL), base=face()).inspection.verdict.status == "PASS"


def test_without_a_record_or_a_face_there_is_nothing_to_aggregate_on():
    with pytest.raises(ValueError, match="one of the detections must be a record, or a base must be given"):
        aggregate("face", [report("c", SURE)], CONFIG, STARTED)


def test_without_a_scale_marks_are_in_pixels_and_nothing_is_graded():
    bare = replace(SMALL, **dict.fromkeys(("area_um2", "length_um", "width_um", "diameter_um"), None))  # type: ignore[arg-type]
    found = aggregated(seen_by("a", face(bare, scale=None)))
    assert [reason.kind for reason in found.inspection.verdict.reasons] == ["no_scale"]
    assert found.closeness.unit == "px"
    assert found.marks[0].defect.diameter_um is None


def test_the_record_says_what_it_was_made_from():
    a, b = seen_by("a", face(SMALL)), report("c", SPECK)
    made = aggregated(a, b).inspection.provenance
    assert (made.profile, made.started) == ("aggregate", STARTED)
    assert made.inputs["config"] == CONFIG.sha256
    assert (made.inputs["source a"], made.inputs["source c"]) == (a.source.sha256, b.source.sha256)


def test_a_record_judged_by_other_criteria_is_said_so():
    custom = CONFIG.criteria.find("iec_61300_3_35_2022", "custom")
    given = LogLine("x", "gone", "error")
    first, line = aggregated(seen_by("a", face(SPECK)), seen_by("b", face(SPECK, criteria=custom)), log=[given]).log
    assert first == given
    assert line.severity == "warning"
    assert line.problem.startswith("judged by iec_61300_3_35_2022 ")
    assert {"custom", "single_mode_upc"} <= set(line.problem.replace(",", "").split())


def test_the_same_criteria_with_other_limits_are_other_criteria():
    other = replace(face(SPECK), criteria=replace(face().criteria, scratch_classes=()))
    (line,) = aggregated(seen_by("a", face(SPECK)), seen_by("b", other)).log
    assert line.problem.endswith("single_mode_upc, of other limits")


def test_names_of_marks_are_kept_and_with_them_twice_changes_nothing():
    sources = seen_by("a", face(SMALL)), report("c", SURE)
    first = aggregated(*sources)
    known = KnownUids(
        {one.key: (one.sha256, one.file) for one in first.sources},
        {m.name: f"kept {mark.uid}" for mark in first.marks for m in mark.members},
    )
    again = aggregated(*sources, known=known)
    assert [mark.uid for mark in again.marks] == [f"kept {mark.uid}" for mark in first.marks]
    assert aggregated(*sources) == first


def test_the_order_of_sources_changes_nothing():
    sources = [seen_by("a", face(SMALL)), report("c", SURE), seen_by("d", refused(BLURRED)), report("e", SPECK)]
    assert aggregated(*sources) == aggregated(*reversed(sources))


def _status(*detections: Detection) -> str:
    return aggregated(*detections).inspection.verdict.status


@pytest.mark.parametrize(
    ("others", "status"),
    [([face(SPECK)], "PASS"), ([face(SURE)], "FAIL"), ([refused(BLURRED)], "NOT_GRADED")],
    ids=["clean", "dirty", "blurred"],
)
def test_a_face_that_passes_in_one_source_is_worth_what_the_others_say(others: list[Inspection], status: str):
    assert _status(seen_by("a", face()), *(seen_by(f"b{k}", one) for k, one in enumerate(others))) == status
