"""Lanes are numbered only where that is sure, and a connector passes only with all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dscope_blink.gates.lanes import Numbering, joined, number_places
from dscope_blink.gates.lattice import fit_lattice, lattice_along, misfits_px, reference_direction
from dscope_blink.records import ConnectorLayout, ConnectorResult, FiberRow, LaneOutcome, RowPicture, notice
from dscope_blink.records.verdict import Status


def layout(*rows: tuple[int, ...], key_side: str = "up", mirrored: bool = False) -> ConnectorLayout:
    described = tuple(FiberRow(row, 0.0) for row in rows)
    return ConnectorLayout("any", described, 250.0, 500.0, 125.0, key_side, mirrored, "multimode")  # type: ignore[arg-type]


ONE_ROW, TWO_ROWS = layout(tuple(range(1, 13))), layout(tuple(range(1, 5)), tuple(range(1, 5)))
EIGHT = layout((1, 2, 3, 4, 9, 10, 11, 12))


def places(start: int, count: int, row: int = 0) -> list[tuple[int, int]]:
    return [(row, start + k) for k in range(count)]


def test_a_whole_row_numbers_itself_wherever_its_places_begin() -> None:
    assert number_places(ONE_ROW, places(-5, 12), [], None) == Numbering(0, 5)


def test_a_fiber_missing_between_others_takes_no_number_from_them() -> None:
    seen = [index for index in places(3, 12) if index != (0, 7)]
    assert number_places(ONE_ROW, seen, [], None) == Numbering(0, -3)


def test_a_row_without_an_end_is_not_numbered() -> None:
    refused = number_places(ONE_ROW, places(0, 11), [], None)
    assert getattr(refused, "kind", "") == "not_numbered"
    assert "1 x 11 places" in getattr(refused, "text", "")


def test_an_end_that_is_cut_off_still_counts_as_one() -> None:
    assert number_places(ONE_ROW, places(0, 11), [(0, 11)], None) == Numbering(0, 0)


def test_a_fiber_too_many_is_never_numbered_away() -> None:
    assert getattr(number_places(ONE_ROW, places(0, 13), [], None), "kind", "") == "not_numbered"
    assert getattr(number_places(ONE_ROW, places(0, 4), [], 10), "kind", "") == "extra_fiber"
    assert getattr(number_places(EIGHT, [*places(0, 4), (0, 5), *places(8, 4)], [], None), "kind", "") == "extra_fiber"


def test_the_first_lane_is_that_of_the_first_fiber_that_is_whole() -> None:
    numbering = number_places(ONE_ROW, places(1, 3), [(0, 0)], 5)
    assert isinstance(numbering, Numbering)
    assert [ONE_ROW.lane_at(*numbering.of(index)) for index in [(0, 0), *places(1, 3)]] == [4, 5, 6, 7]


def test_a_cut_fiber_before_lane_1_is_one_too_many() -> None:
    assert getattr(number_places(ONE_ROW, places(1, 3), [(0, 0)], 1), "kind", "") == "extra_fiber"


def test_all_rows_must_be_seen() -> None:
    assert getattr(number_places(TWO_ROWS, places(0, 4), [], None), "kind", "") == "not_numbered"
    both = [*places(0, 4), *places(0, 4, row=1)]
    numbering = number_places(TWO_ROWS, both, [], None)
    assert isinstance(numbering, Numbering)
    assert [TWO_ROWS.lane_at(*numbering.of(index)) for index in both] == list(range(1, 9))


def test_unused_places_have_no_lane() -> None:
    assert [EIGHT.lane_at(0, place) for place in range(12)] == [1, 2, 3, 4, None, None, None, None, 5, 6, 7, 8]


# --- several pictures


def outcome(number: int, status: Status, kind: str = "not_located") -> LaneOutcome:
    return LaneOutcome(number, status, () if status == "PASS" else (notice(kind, "for a test"),))


def test_a_lane_that_no_picture_shows_is_not_graded() -> None:
    lanes = joined(ONE_ROW, [outcome(number, "PASS") for number in range(1, 12)])
    assert [lane.status for lane in lanes] == ["PASS"] * 11 + ["NOT_GRADED"]
    assert lanes[-1].reasons[0].kind == "lane_not_seen"


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_pictures_of_a_lane_the_worst_counts(order: int) -> None:
    for worse, better in (("FAIL", "PASS"), ("NOT_GRADED", "PASS"), ("FAIL", "NOT_GRADED")):
        both = [outcome(1, worse), outcome(1, better)][::order]  # type: ignore[arg-type]
        assert joined(ONE_ROW, both)[0].status == worse


def test_a_picture_that_cuts_a_lane_off_does_not_count_beside_one_that_shows_it() -> None:
    assert joined(ONE_ROW, [outcome(1, "NOT_GRADED", "lane_cut"), outcome(1, "PASS")])[0].status == "PASS"
    assert joined(ONE_ROW, [outcome(1, "NOT_GRADED", "lane_missing"), outcome(1, "PASS")])[0].status == "NOT_GRADED"


STATUSES: tuple[Status, ...] = ("PASS", "FAIL", "NOT_GRADED")


def result(statuses: list[Status], problem: bool = False) -> ConnectorResult:
    problems = (notice("lattice_doubtful", "for a test"),) if problem else ()
    lanes = tuple(outcome(number, status) for number, status in enumerate(statuses, 1))
    picture = RowPicture("a.png", None, None, problems, None, None)
    return ConnectorResult("a", "eight", EIGHT, (picture,), lanes)


@given(st.lists(st.sampled_from(STATUSES), min_size=8, max_size=8), st.booleans())
def test_a_connector_passes_only_if_every_lane_does_and_nothing_is_doubtful(
    statuses: list[Status], problem: bool
) -> None:
    judged = result(statuses, problem)
    assert (judged.status == "PASS") == (set(statuses) == {"PASS"} and not problem)
    assert (judged.status == "FAIL") == ("FAIL" in statuses)
    assert judged.status == "PASS" or judged.reasons


def test_a_connector_answers_for_all_of_its_lanes() -> None:
    with pytest.raises(ValueError, match="must answer for lanes 1 to 8"):
        result(["PASS"] * 7)


# --- the lattice


@pytest.mark.parametrize(
    ("key_side", "mirrored", "direction"),
    [
        ("up", False, (1, 0)),
        ("right", False, (0, 1)),
        ("down", False, (-1, 0)),
        ("left", False, (0, -1)),
        ("up", True, (-1, 0)),
        ("down", True, (1, 0)),
    ],
)
def test_lanes_run_as_the_side_of_the_key_says(key_side: str, mirrored: bool, direction: tuple[int, int]) -> None:
    assert reference_direction(layout((1, 2), key_side=key_side, mirrored=mirrored)) == pytest.approx(direction)


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_second_row_lies_on_the_side_away_from_the_key(mirrored: bool) -> None:
    described = layout((1, 2), (1, 2), mirrored=mirrored)
    lattice = lattice_along(described, (0, 0), tuple(10 * x for x in reference_direction(described)))  # type: ignore[arg-type]
    assert lattice.at(1, 0) == pytest.approx((0, 20))


def test_a_fit_finds_the_lattice_that_points_were_made_from() -> None:
    made = lattice_along(TWO_ROWS, (31.0, -4.0), (99.5, 7.25))
    indices = [(row, place) for row in range(2) for place in range(4)]
    points = np.array([made.at(*index) for index in indices])
    fitted = fit_lattice(TWO_ROWS, points, indices)
    assert fitted.along_px == pytest.approx(made.along_px)
    assert fitted.origin_px == pytest.approx(made.origin_px)
    assert misfits_px(fitted, points, indices) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(fitted.indices(points), indices, atol=1e-9)
