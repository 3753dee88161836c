"""The verdict of an aggregate: by the criteria, and never better than what its sources could not see."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from dscope_blink.analysis import judging
from dscope_blink.analysis.aggregation.verdicts import graded
from dscope_blink.batch.regrading import Asked, judge_again
from dscope_blink.records import Detection, Inspection, Rejected, notice, recorded, texts
from dscope_blink.records.stored import from_json, to_json
from tests.builders.found_marks import (
    CONFIG,
    SMALL,
    SPECK,
    SURE,
    UNSURE,
    UPC,
    face,
    member,
    refused,
    seen_by,
    told_by,
)
from tests.builders.settings import SETTINGS

BLURRED = notice("out_of_focus", "sharpness 1.2, needs 3")
OTHER_PICTURE = "cd" * 32


def verdict_of(base: Inspection, *detections: Detection) -> Inspection:
    """The judged face, which its file gives back as it was."""
    found = recorded(graded(base, detections, CONFIG))
    assert from_json(msgspec.json.decode(msgspec.json.encode(to_json(found)))) == found
    return found


def kinds(found: Inspection) -> list[str]:
    return [reason.kind for reason in found.verdict.reasons]


def test_marks_are_judged_as_those_of_any_record():
    assert verdict_of(face(SURE), seen_by("a", face(SURE))).verdict == face(SURE).verdict
    assert verdict_of(face(SMALL), seen_by("a", face(SMALL))).verdict.status == "PASS"


def test_a_face_that_passes_is_not_graded_where_one_source_of_its_picture_is_not_and_says_which_and_why():
    found = verdict_of(face(SMALL), seen_by("a", face(SMALL)), seen_by("b", refused(BLURRED)))
    assert found.verdict.status == "NOT_GRADED"
    assert texts(found.verdict.reasons) == [f"A source is not graded: b: {BLURRED.text}"]
    assert [warning.kind for warning in found.quality.warnings] == ["source_not_graded"]


def test_a_mark_that_surely_breaks_a_limit_fails_all_the_same_and_the_reasons_are_carried():
    found = verdict_of(face(SURE), seen_by("a", face(SURE)), seen_by("b", refused(BLURRED)))
    assert found.verdict.status == "FAIL"
    assert kinds(found) == ["limit_broken", "source_not_graded"]


def test_a_mark_that_breaks_a_limit_only_perhaps_does_not():
    assert face(UNSURE).verdict.status == "FAIL"
    assert verdict_of(face(UNSURE), seen_by("b", refused(BLURRED))).verdict.status == "NOT_GRADED"


@pytest.mark.parametrize("kind", ["speckle", "part_missing"])
def test_where_a_source_holds_marks_for_none_of_the_face_nothing_fails(kind):
    found = verdict_of(face(SURE), seen_by("a", face(SURE)), seen_by("b", refused(notice(kind, "grains"))))
    assert found.verdict.status == "NOT_GRADED"
    assert set(kinds(found)) == {kind, "source_not_graded"}


def test_another_shot_that_is_not_graded_is_a_warning():
    other = replace(refused(BLURRED), image=replace(refused(BLURRED).image, sha256=OTHER_PICTURE))
    found = verdict_of(face(SMALL), seen_by("a", face(SMALL)), seen_by("b", other))
    assert found.verdict.status == "PASS"
    assert texts(found.quality.warnings) == [f"Another shot is not graded: b: {BLURRED.text}"]


def test_another_shot_that_is_not_graded_stands_in_no_reason():
    other = replace(refused(BLURRED), image=replace(refused(BLURRED).image, sha256=OTHER_PICTURE))
    assert kinds(verdict_of(face(SURE), seen_by("a", face(SURE)), seen_by("b", other))) == ["limit_broken"]


def test_a_source_that_does_not_say_which_picture_it_saw_counts_as_of_this_one():
    unnamed = replace(refused(BLURRED), image=replace(refused(BLURRED).image, sha256=None))
    assert verdict_of(face(SMALL), seen_by("b", unnamed)).verdict.status == "NOT_GRADED"


def test_what_the_face_itself_is_found_to_be_is_not_said_twice():
    blurred = replace(face(SMALL).geometry.cladding, blur_px=60.0)  # type: ignore[union-attr]
    alone = face(SMALL, geometry=replace(face(SMALL).geometry, cladding=blurred))  # type: ignore[type-var]
    assert alone.verdict.status == "NOT_GRADED"
    assert verdict_of(alone, seen_by("a", alone)).verdict == alone.verdict


def test_without_a_scale_nothing_is_graded_and_the_marks_keep_their_pixels():
    bare = replace(SMALL, **dict.fromkeys(("area_um2", "length_um", "width_um", "diameter_um"), None))  # type: ignore[arg-type]
    found = verdict_of(face(bare, scale=None), seen_by("a", face(bare, scale=None)))
    assert kinds(found) == ["no_scale"]
    assert found.defects == (bare,)


def test_one_source_that_surely_fails_keeps_the_merged_marks_from_passing():
    found = verdict_of(face(SMALL), seen_by("a", face(SMALL)), seen_by("b", face(SURE)))
    assert found.verdict.status == "NOT_GRADED"
    (reason,) = texts(found.verdict.reasons)
    assert reason.startswith("A source fails: b: Zone cladding: defect diameter > 5 um")


@pytest.mark.parametrize(
    "other",
    [
        face(UNSURE),  # it may as well pass
        replace(face(SURE), criteria=replace(UPC, title="of before")),  # by other limits
        replace(face(SURE), image=replace(face(SURE).image, sha256=OTHER_PICTURE)),  # before it was cleaned
    ],
    ids=["marginal", "other criteria", "another shot"],
)
def test_a_source_that_fails_in_another_way_leaves_it_to_the_marks(other):
    assert verdict_of(face(SMALL), seen_by("a", face(SMALL)), seen_by("b", other)).verdict.status == "PASS"


def test_a_zone_with_limits_that_no_source_looked_at_keeps_the_face_from_passing():
    found = verdict_of(face(SMALL), told_by("core only", region="core"))
    assert texts(found.verdict.reasons) == ["Not looked at: zone cladding, by no source"]


def test_reports_of_both_zones_with_limits_let_it_pass():
    both = (told_by(zone, region=zone) for zone in ("core", "cladding"))
    assert verdict_of(face(SMALL), *both).verdict.status == "PASS"


def test_a_mark_of_which_nobody_knows_the_place_keeps_the_face_from_passing():
    lost = replace(told_by("matcher"), placeless=(Rejected("matcher", "D1", "outside"), Rejected("matcher", "D2", "x")))
    found = verdict_of(face(SMALL), seen_by("a", face(SMALL)), lost)
    assert found.verdict.status == "NOT_GRADED"
    assert texts(found.verdict.reasons) == ["A mark has no place: matcher, D1: outside; and 1 more"]


@pytest.mark.parametrize(("place", "sized", "status"), [(SMALL, False, "NOT_GRADED"), (SMALL, True, "PASS")])
def test_a_mark_of_which_no_source_knows_the_size_keeps_the_face_from_passing(place, sized, status):
    outline = place.contour_px.mean(axis=0) + np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5)])
    point = member(place, "matcher", outline_px=outline, is_point=True)
    record = face(SMALL) if sized else face()
    assert verdict_of(face(SMALL), seen_by("a", record), told_by("matcher", point)).verdict.status == status


def test_the_size_of_a_mark_in_a_zone_without_limits_is_no_matter():
    point = member(SMALL, "matcher", outline_px=np.array([[5.0, 5.0], [6.0, 5.0], [6.0, 6.0]]), is_point=True)
    assert verdict_of(face(), seen_by("a", face()), told_by("matcher", point)).verdict.status == "PASS"


def test_a_record_that_was_not_inspected_looked_at_no_zone():
    found = verdict_of(face(SMALL), seen_by("b", refused(BLURRED)))
    assert set(kinds(found)) == {"source_not_graded", "not_looked_at"}


def test_a_face_that_was_not_located_is_not_graded_for_its_own_reason():
    lost = refused(notice("not_located", "21 % supported"))
    found = verdict_of(lost, seen_by("a", lost), seen_by("b", refused(BLURRED)))
    assert found.verdict.status == "NOT_GRADED"
    assert kinds(found) == ["not_located", "source_not_graded"]


def test_a_face_without_zones_never_passes_whatever_its_verdict_was():
    bare = replace(face(SMALL), zones=(), verdict=judging.judge((), UPC, ()).verdict)
    found = verdict_of(replace(bare, defects=(SMALL,)), told_by("x"))
    assert found.verdict.status == "NOT_GRADED"
    assert found.defects == ()
    assert kinds(found) == ["not_inspected"]


@pytest.mark.parametrize("base", [face(SMALL), face(SURE)], ids=["NOT_GRADED", "FAIL"])
def test_judged_again_by_criteria_that_break_nothing_it_still_does_not_pass(base):
    found = verdict_of(base, seen_by("a", base), seen_by("b", refused(BLURRED)))
    assert judge_again(base, Asked(fiber_class="custom"), SETTINGS).verdict.status in ("PASS", "FAIL")
    lenient = replace(UPC, zones=tuple(replace(zone, defects=(), scratches=_any(zone)) for zone in UPC.zones))
    again = judge_again(replace(found, criteria=lenient), Asked(own=True), SETTINGS)
    assert judge_again(replace(base, criteria=lenient), Asked(own=True), SETTINGS).verdict.status == "PASS"
    assert again.verdict.status == "NOT_GRADED"


def _any(zone):
    return tuple(replace(band, max_count=99) for band in zone.scratches if band.max_count is not None)


def test_the_order_of_sources_changes_no_verdict():
    sources = [seen_by("a", face(SPECK)), seen_by("b", refused(BLURRED)), seen_by("c", face(SURE))]
    first, second = (graded(face(SPECK), order, CONFIG) for order in (sources, sources[::-1]))
    assert first.verdict.status == second.verdict.status
    assert set(first.verdict.reasons) == set(second.verdict.reasons)
