"""Each marker has its place: what is missing, extra or moved is NG, and named."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dscope_blink.gates.calibrating import SeenSheet, judge_seen
from dscope_blink.gates.placement import orientation_of, spread_of
from dscope_blink.gates.sheets import READABLE, judge_markers
from dscope_blink.records import Culprit, Figure, GateOutcome, Layout, SheetResult
from tests.builders.seen_sheets import (
    GATES,
    PLANS,
    Change,
    known_layout,
    moved,
    place_named,
    seen_sheet,
    sized,
    with_extra,
    without,
)


def judged(big: int, change: Change, seed: int = 900) -> SheetResult:
    return judge_seen(seen_sheet(PLANS[big], seed, change), known_layout(big), GATES)


def gate_of(result: SheetResult, name: str) -> GateOutcome:
    return next(gate for gate in result.gates if gate.gate == name)


def is_allowed(figure: Figure) -> bool:
    assert figure.allowed is not None
    return figure.allowed.holds(figure.value)


def culprits_of(result: SheetResult) -> list[Culprit]:
    return [one for gate in result.gates for one in gate.culprits]


@pytest.mark.parametrize("big", PLANS)
@pytest.mark.parametrize("seed", range(900, 910))
def test_a_good_sheet_is_ok(big: int, seed: int) -> None:
    result = judge_seen(seen_sheet(PLANS[big], seed), known_layout(big), GATES)
    assert (result.status, result.layout) == ("OK", f"sheet-{big}"), [gate.reasons for gate in result.gates]


def test_a_missing_marker_is_ng_though_the_count_tolerates_it() -> None:
    result = judged(21, without("B09"))
    assert gate_of(result, "count").ok
    assert result.failed == ("layout",)
    (culprit,) = culprits_of(result)
    assert (culprit.fault, culprit.place) == ("missing", place_named(known_layout(21), PLANS[21], "B09"))


def test_a_missing_marker_passes_only_where_the_configuration_lets_it_and_is_told_still() -> None:
    lenient = replace(GATES, layout=replace(GATES.layout, missing_allowed={"21": 1}))
    result = judge_seen(seen_sheet(PLANS[21], 901, without("B09")), known_layout(21), lenient)
    assert result.status == "OK"
    assert gate_of(result, "layout").reasons != ()
    two = judge_seen(seen_sheet(PLANS[21], 901, without("B09", "S03")), known_layout(21), lenient)
    assert two.status == "NG"


@pytest.mark.parametrize("big", PLANS)
@pytest.mark.parametrize("place", ["B01", "B04", "B14", "S02", "S11"])
@pytest.mark.parametrize("far_px", [5.0, 20.0])
def test_a_moved_marker_is_named_with_how_far(big: int, place: str, far_px: float) -> None:
    result = judged(big, moved(place, 0.6 * far_px, -0.8 * far_px))
    (culprit,) = culprits_of(result)
    assert (culprit.fault, culprit.place) == ("moved", place_named(known_layout(big), PLANS[big], place))
    assert culprit.moved_px == pytest.approx(far_px, abs=1.0)
    assert culprit.expected_px is not None
    assert math.dist(culprit.expected_px, culprit.center_px) == pytest.approx(far_px, abs=1.5)


def test_two_moved_markers_are_both_named_and_no_other() -> None:
    def change(places):
        return moved("S05", 0, 9)(list(moved("B03", 12)(places)))

    named = {one.place for one in culprits_of(judged(21, change))}
    assert named == {place_named(known_layout(21), PLANS[21], place) for place in ("B03", "S05")}


def test_the_two_rules_on_all_markers_let_pass_what_the_template_tells() -> None:
    figures = {one.name: one for one in gate_of(judged(21, moved("B05", 20)), "layout").figures}
    assert is_allowed(figures["spread"])
    assert is_allowed(figures["orientation_deg"])
    assert not is_allowed(figures["largest_departure_px"])


def test_an_extra_marker_is_named_where_it_is() -> None:
    result = judged(14, with_extra("small", 600, 800, (18.0, 18.0)))
    (culprit,) = culprits_of(result)
    assert (culprit.fault, culprit.place, result.failed) == ("extra", None, ("layout",))


def test_a_speck_beside_all_places_is_no_marker() -> None:
    result = judged(14, with_extra("small", 600, 800, (9.0, 9.0)))
    assert (result.status, len(result.markers)) == ("OK", 26)


@pytest.mark.parametrize(("factor", "fault"), [(1.3, "fat"), (0.75, "thin")])
def test_a_marker_of_another_size_is_named(factor: float, fault: str) -> None:
    result = judged(14, sized("B06", factor))
    assert {(one.fault, one.place) for one in culprits_of(result)} == {
        (fault, place_named(known_layout(14), PLANS[14], "B06"))
    }
    assert result.failed == ("visibility", "layout")


def test_a_pale_marker_is_told_by_its_fellows() -> None:
    sheet = seen_sheet(PLANS[14], 902, gray_of=lambda place: 90 if place.id == "B02" else 40)
    result = judge_seen(sheet, known_layout(14), GATES)
    assert {(one.fault, one.place) for one in culprits_of(result)} == {
        ("pale", place_named(known_layout(14), PLANS[14], "B02"))
    }


@pytest.mark.parametrize(
    ("pose", "said"),
    [(np.array([-1, 0j]), "upside down"), (np.array([1j, 0j]), "turned by a quarter")],
    ids=["upside down", "sideways"],
)
def test_a_sheet_that_lies_otherwise_is_ng_and_told(pose, said: str) -> None:
    result = judge_seen(seen_sheet(PLANS[21], 903, pose=pose), known_layout(21), GATES)
    assert "layout" in result.failed
    assert said in gate_of(result, "layout").reasons[0]


def test_a_sheet_turned_farther_than_it_may_be_is_ng() -> None:
    pose = np.array([np.exp(1j * np.radians(14)), 0j])
    assert "layout" in judge_seen(seen_sheet(PLANS[21], 904, pose=pose), known_layout(21), GATES).failed


@pytest.mark.parametrize("left", [0, 1, 3, 5, 9])
def test_too_few_markers_are_ng_with_a_reason(left: int) -> None:
    ids = [place.id for place in PLANS[21].places]
    result = judged(21, without(*ids[left:]))
    assert {"count", "layout"} <= set(result.failed)
    assert all(gate.reasons for gate in result.gates if not gate.ok)


def test_a_figure_that_is_no_number_lies_in_no_range() -> None:
    sheet = seen_sheet(PLANS[14], 905)
    first, *others = sheet.markers
    nothing = replace(first, marker=replace(first.marker, median_gray=math.nan))
    result = judge_seen(replace(sheet, markers=(nothing, *others)), known_layout(14), GATES)
    assert "density" in result.failed


def several(sheet: SeenSheet, layouts: list[Layout]) -> SheetResult:
    markers = tuple(one.marker for one in sheet.markers)
    start = SheetResult(sheet.file, None, sheet.width_px, sheet.height_px, None, (READABLE,), markers, "truth")
    seen = {id(one.marker.found): one for one in sheet.markers}
    return judge_markers(start, layouts, lambda one, own: seen[id(one.found)].inked(own.ink_level), GATES)


def test_of_two_layouts_the_sheet_is_held_against_its_own() -> None:
    for big in PLANS:
        result = several(seen_sheet(PLANS[big], 906), [known_layout(14), known_layout(21)])
        assert (result.status, result.layout) == ("OK", f"sheet-{big}")


def test_two_layouts_that_both_fit_are_one_too_many() -> None:
    twin = replace(known_layout(14), name="twin")
    result = several(seen_sheet(PLANS[14], 907), [known_layout(14), twin])
    assert (result.status, result.layout) == ("NG", None)
    assert "several layouts" in gate_of(result, "layout").reasons[0]


@settings(max_examples=15, deadline=None)
@given(
    turn_deg=st.floats(-5, 5),
    scale=st.floats(0.8, 1.2),
    shift=st.complex_numbers(max_magnitude=30),
    place=st.sampled_from([place.id for place in PLANS[21].places]),
)
def test_how_a_sheet_lies_changes_no_verdict(turn_deg: float, scale: float, shift: complex, place: str) -> None:
    pose = np.array([np.exp(1j * np.radians(turn_deg)) * scale, shift])
    good = judge_seen(seen_sheet(PLANS[21], 908, pose=pose), known_layout(21), GATES)
    assert gate_of(good, "layout").culprits == ()
    bad = judge_seen(seen_sheet(PLANS[21], 908, moved(place, 10), pose), known_layout(21), GATES)
    assert [one.place for one in gate_of(bad, "layout").culprits] == [place_named(known_layout(21), PLANS[21], place)]


def test_the_median_distance_and_the_longest_axis_are_those_of_a_line_by_hand() -> None:
    line = np.array([(0.0, 0.0), (30.0, 30.0), (60.0, 60.0)])
    assert spread_of(line, 30, 40) == pytest.approx(30 * math.sqrt(2) / 50)
    assert orientation_of(line) == pytest.approx(45)
    assert math.isnan(orientation_of(line[:1]))
    assert math.isnan(spread_of(line[:1], 30, 40))
