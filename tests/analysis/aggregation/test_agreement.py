"""Who found what: hits, misses and what was not looked at; agreement of two by closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dscope_blink.analysis.aggregation.agreement import cohens_kappa, who_found_what
from dscope_blink.analysis.aggregation.empty_places import PLACE_UM, empty_places
from dscope_blink.records import Detection, notice
from tests.builders.found_marks import SMALL, SPECK, SURE, dots, face, member, merged, refused, seen_by, told_by
from tests.builders.inspections import CENTER, SCALE, mark

FACE = face()


def shifted(defect, x_px):
    return replace(defect, contour_px=defect.contour_px + np.array([x_px, 0]))


def sources(*keys: str) -> list[Detection]:
    return [seen_by(key, FACE) for key in keys]


# --- each source


def test_each_source_has_its_hits_its_own_finds_and_its_misses():
    marks = (
        merged(replace(SURE, id="P1"), member(SURE, "a"), member(SURE, "b")),
        merged(replace(SMALL, id="P2"), member(SMALL, "a")),
        merged(replace(SPECK, id="C1"), member(SPECK, "c")),
    )
    a, b, c = who_found_what(sources("a", "b", "c"), marks, FACE).scores
    assert (a.found, a.alone, a.missed, a.unseen) == (2, ("P2",), ("C1",), ())
    assert (b.found, b.alone, b.missed, b.unseen) == (1, (), ("P2", "C1"), ())
    assert (c.found, c.alone, c.missed, c.unseen) == (1, ("C1",), ("P1", "P2"), ())


def test_a_mark_that_a_source_did_not_look_at_the_place_of_is_unseen_and_no_miss():
    marks = (merged(SMALL, member(SMALL, "a")), merged(SPECK, member(SPECK, "a")))
    report = told_by("core", region="core")
    _, core = who_found_what([*sources("a"), report], marks, FACE).scores
    assert (core.missed, core.unseen) == ((), ("P2", "C1"))


def test_a_record_in_which_no_mark_was_sought_saw_none():
    marks = (merged(SMALL, member(SMALL, "a")),)
    lost = seen_by("b", refused(notice("out_of_focus", "blurred")))
    _, b = who_found_what([*sources("a"), lost], marks, FACE).scores
    assert b.unseen == ("P2",)


def test_what_a_source_reports_it_saw_wherever_it_is_said_to_have_looked():
    marks = (merged(SMALL, member(SMALL, "core")),)
    (core,) = who_found_what([told_by("core", region="core")], marks, FACE).scores
    assert (core.found, core.alone, core.unseen) == (1, ("P2",), ())


def test_pieces_that_are_one_mark_are_found_once():
    pieces = member(SMALL, "a", "1"), member(SMALL, "a", "2")
    (a,) = who_found_what(sources("a"), (merged(SMALL, *pieces),), FACE).scores
    assert (a.found, a.alone) == (1, ("P2",))


def test_without_sources_or_marks_there_is_nothing_to_say():
    assert who_found_what([], (), FACE).scores == ()
    (a, _) = who_found_what(sources("a", "b"), (), FACE).scores
    assert (a.found, a.missed, a.sensitivity) == (0, (), None)
    (pair,) = who_found_what(sources("a", "b"), (), FACE).pairs
    assert (pair.kappa, pair.iou) == (None, None)


def test_detectors_of_known_worth_are_recovered_on_a_face():
    rng = np.random.default_rng(0)
    worth = {"a": 0.9, "b": 0.8, "c": 0.7}
    seen = [[key for key, share in worth.items() if rng.random() < share] or ["a"] for _ in range(150)]
    found = who_found_what(sources(*worth), dots(150, seen), FACE).scores
    for score in found:
        assert score.sensitivity == pytest.approx(sum(score.key in keys for keys in seen) / 150, abs=0.03)
        assert score.specificity == pytest.approx(1, abs=0.01)


def test_false_marks_lower_the_specificity_by_their_share_of_the_places():
    seen = [["a", "b", "c"]] * 60 + [["c"]] * 60
    marks = dots(120, seen)
    *others, c = who_found_what(sources("a", "b", "c"), marks, FACE).scores
    places = len(empty_places(FACE, marks)) + 60
    assert c.specificity == pytest.approx(1 - 60 / places, abs=1e-3)
    assert [one.specificity for one in others] == pytest.approx([1, 1], abs=1e-3)


def test_reruns_of_one_detector_are_no_three_raters():
    seen = [["a", "b", "c"]] * 50
    reruns = [replace(one, source=replace(one.source, detector="same")) for one in sources("a", "b", "c")]
    assert [one.sensitivity for one in who_found_what(reruns, dots(50, seen), FACE).scores] == [None] * 3


# --- every two


def test_two_sources_that_report_the_same_agree_wholly():
    marks = tuple(merged(one, member(one, "a"), member(one, "b")) for one in (SURE, SMALL))
    (pair,) = who_found_what(sources("a", "b"), marks, FACE).pairs
    assert (pair.both, pair.only_first, pair.only_second, pair.neither) == (2, 0, 0, 0)
    assert (pair.kappa, pair.iou) == (1, 1)


def test_two_sources_without_a_mark_in_common_agree_less_than_by_chance_in_nothing_of_area():
    marks = (merged(SURE, member(SURE, "a")), merged(SMALL, member(SMALL, "b")))
    (pair,) = who_found_what(sources("a", "b"), marks, FACE).pairs
    assert pair.kappa == pytest.approx(cohens_kappa(0, 1, 1, pair.empty))
    assert pair.kappa is not None
    assert pair.kappa < 0
    assert pair.iou == 0


def test_marks_of_others_alone_count_as_left_alone_by_both():
    marks = (merged(SURE, member(SURE, "a"), member(SURE, "b")), merged(SMALL, member(SMALL, "c")))
    pair = who_found_what(sources("a", "b", "c"), marks, FACE).pairs[0]
    assert (pair.first, pair.second, pair.neither) == ("a", "b", 1)


def test_only_marks_that_both_looked_at_count_for_a_pair():
    marks = (merged(SURE, member(SURE, "a")), merged(SMALL, member(SMALL, "a")))
    (pair,) = who_found_what([*sources("a"), told_by("core", region="core")], marks, FACE).pairs
    assert (pair.both, pair.only_first, pair.only_second, pair.neither) == (0, 0, 0, 0)
    assert pair.iou is None
    core_um2 = math.pi / 4 * 25**2
    assert pair.empty == pytest.approx(core_um2 / PLACE_UM**2, rel=0.25)


@pytest.mark.parametrize("shift_px", [0, 5, 10, 20, 30])
def test_the_areas_of_two_discs_overlap_as_geometry_says(shift_px):
    disc, d = mark("P1", "pit_dig", (70, -60), 20), 20
    marks = (merged(disc, member(disc, "a"), member(shifted(disc, shift_px), "b")),)
    (pair,) = who_found_what(sources("a", "b"), marks, FACE).pairs
    h = min(shift_px / d, 1.0)
    lens = d * d / 2 * (math.acos(h) - h * math.sqrt(1 - h * h))
    assert pair.iou == pytest.approx(lens / (math.pi / 2 * d * d - lens), abs=0.02)


def test_two_outlines_of_one_source_that_overlap_are_one_area():
    pieces = (member(SURE, "a", "1"), member(SURE, "a", "2"), member(SURE, "b"))
    (pair,) = who_found_what(sources("a", "b"), (merged(SURE, *pieces),), FACE).pairs
    assert pair.iou == 1


def test_a_mark_without_outline_has_no_area_to_speak_of():
    bare = member(SURE, "a", outline_px=np.empty((0, 2)))
    pairs = who_found_what(sources("a", "b"), (merged(SURE, bare, member(SURE, "b")),), FACE).pairs
    assert pairs[0].iou == pytest.approx(0, abs=0.01)


def test_every_two_sources_are_a_pair_once():
    pairs = who_found_what(sources("a", "b", "c", "d"), (), FACE).pairs
    assert [(one.first, one.second) for one in pairs] == [
        *(("a", k) for k in "bcd"),
        ("b", "c"),
        ("b", "d"),
        ("c", "d"),
    ]


@pytest.mark.parametrize(
    ("table", "kappa"),
    [
        ((20, 5, 10, 15), 0.4),  # the example of the textbooks: 0.7 agree, 0.5 by chance
        ((45, 15, 25, 15), 0.1304),
        ((25, 35, 5, 35), 0.2593),
        ((5, 0, 0, 7), 1.0),
        ((0, 5, 5, 0), None),
        ((3, 1, 1, 0), None),  # nobody knows what neither reports
        ((0, 0, 0, 9), None),  # chance alone agrees
        ((0, 0, 0, 0), None),
    ],
)
def test_kappa_is_that_of_the_closed_form(table, kappa):
    found = cohens_kappa(*table)
    assert found == (None if kappa is None else pytest.approx(kappa, abs=1e-4))


counts = st.integers(0, 500)


@given(counts, counts, counts, counts)
def test_kappa_lies_between_its_ends_and_knows_no_order(both, first, second, neither):
    found = cohens_kappa(both, first, second, neither)
    assert found == cohens_kappa(both, second, first, neither)
    assert found is None or -1 <= found <= 1


# --- places without a mark


def test_the_places_fill_the_inspected_zones():
    places = empty_places(FACE, ())
    um = (places - CENTER) * (SCALE.um_per_px_x, SCALE.um_per_px_y)
    assert len(places) == pytest.approx(math.pi / 4 * 250**2 / PLACE_UM**2, rel=0.02)
    assert np.hypot(*um.T).max() <= 125


def test_a_mark_takes_the_places_that_it_touches():
    before, after = (len(empty_places(FACE, marks)) for marks in ((), (merged(SURE, member(SURE, "a")),)))
    area = math.pi / 4 * (40 * 0.5) * (40 * 0.4) / PLACE_UM**2  # the 40 px disc
    assert area <= before - after <= 2.5 * area


def test_zones_that_were_not_asked_for_have_no_places():
    core = replace(FACE, request=replace(FACE.request, zones=("core",)))
    assert len(empty_places(core, ())) == pytest.approx(math.pi / 4 * 25**2 / PLACE_UM**2, rel=0.25)
    ring = replace(FACE, request=replace(FACE.request, zones=("contact",)))
    assert len(empty_places(ring, ())) == pytest.approx(math.pi / 4 * (250**2 - 135**2) / PLACE_UM**2, rel=0.03)


def test_what_lies_outside_the_picture_is_no_place():
    half = replace(FACE, image=replace(FACE.image, width=int(CENTER[0])))
    assert len(empty_places(half, ())) == pytest.approx(len(empty_places(FACE, ())) / 2, rel=0.05)


def test_a_face_without_zones_has_no_places_and_one_without_scale_has():
    assert len(empty_places(replace(FACE, zones=()), ())) == 0
    assert len(empty_places(replace(FACE, scale=None), ())) == pytest.approx(len(empty_places(FACE, ())), rel=0.05)


def test_a_large_fiber_has_larger_places():
    large = replace(FACE, scale=replace(FACE.scale, um_per_px_x=50.0, um_per_px_y=40.0))  # type: ignore[type-var]
    assert len(empty_places(large, ())) < 512**2
