"""Marks moved from one picture of a face into another."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.analysis.aggregation.moving import Move, moved_defect, moved_mark
from dscope_blink.analysis.measuring import box_around
from dscope_blink.analysis.zoning import distances_px
from dscope_blink.records import Defect, Ellipse, SourceMark
from tests.builders.inspections import CENTER, mark

OWN = Ellipse(CENTER, (250.0, 312.5), 0.0)
OTHER = Ellipse((700.0, 512.0), (420.0, 401.0), 33.0)
SQUARE = Ellipse((300.0, 310.0), (260.0, 260.0), 0.0)
MARKS = (
    mark("S1", "scratch", (-60, -50), 80),
    mark("P1", "pit_dig", (70, -60), 20, at_most={"width_um": 2.0, "width_px": 4.0}),
    mark(
        "C1", "contamination", (-150, 200), 36, holes_px=(np.array([[330.0, 630.0], [334.0, 630.0], [332.0, 634.0]]),)
    ),
)
SIZES = ("area_px", "perimeter_px", "length_px", "width_px", "diameter_px", "r_min_px", "r_max_px", "r_core_px")
MICROMETRES = ("area_um2", "length_um", "width_um", "diameter_um", "r_min_um", "r_max_um", "contrast", "features")


def is_like(first: Defect, second: Defect) -> bool:
    """Whether they are one mark, but for the rounding of a record."""
    assert [getattr(first, name) for name in SIZES] == pytest.approx(
        [getattr(second, name) for name in SIZES], abs=3e-3
    )
    assert first.centroid_px == pytest.approx(second.centroid_px, abs=3e-3)
    assert np.abs(first.contour_px - second.contour_px).max() < 1e-6
    assert all(np.abs(a - b).max() < 1e-6 for a, b in zip(first.holes_px, second.holes_px, strict=True))
    assert first.rect.center_px == pytest.approx(second.rect.center_px)
    assert first.rect.size_px == pytest.approx(second.rect.size_px)
    assert math.sin(math.radians(first.rect.angle_deg - second.rect.angle_deg)) == pytest.approx(0, abs=1e-9)
    assert math.sin(math.radians(first.orientation_deg - second.orientation_deg)) == pytest.approx(0, abs=1e-9)
    assert first.bbox_px == pytest.approx(box_around(second.contour_px, (0.5, 0.5)), abs=1)
    assert first.uncertainty == pytest.approx(second.uncertainty, abs=3e-3)
    assert first.at_most == pytest.approx(second.at_most, abs=3e-3)
    return True


@pytest.mark.parametrize("defect", MARKS, ids=lambda one: one.id)
def test_no_turn_in_the_same_place_changes_nothing(defect):
    assert moved_defect(defect, Move(OWN, OWN)) is defect
    assert is_like(moved_defect(defect, Move(OWN, OWN, 360.0)), defect)


@pytest.mark.parametrize("turn_deg", [0.0, 17.0, 90.0, 200.5, 359.0])
@pytest.mark.parametrize("defect", MARKS, ids=lambda one: one.id)
def test_there_and_back_is_the_mark_itself(defect, turn_deg):
    move = Move(OWN, OTHER, turn_deg)
    assert is_like(moved_defect(moved_defect(defect, move), move.back), defect)


@pytest.mark.parametrize("defect", MARKS, ids=lambda one: one.id)
def test_four_quarters_are_a_full_round(defect):
    turned = defect
    for _ in range(4):
        turned = moved_defect(turned, Move(SQUARE, SQUARE, 90.0))
    assert is_like(turned, defect)
    once = moved_defect(defect, Move(SQUARE, SQUARE, 90.0))
    assert math.hypot(once.centroid_px[0] - defect.centroid_px[0], once.centroid_px[1] - defect.centroid_px[1]) > 50


def test_a_turn_is_taken_back_clockwise_on_the_screen():
    right = np.array([[300.0 + 130, 310.0]])
    down = Move(SQUARE, SQUARE, 90.0).points(right)  # where it lies in a face that is turned clockwise, it lay above
    assert down[0].tolist() == pytest.approx([300.0, 310.0 - 130])


def test_two_moves_are_one():
    points = MARKS[0].contour_px
    by_way = Move(OTHER, SQUARE, 25.0).points(Move(OWN, OTHER, 40.0).points(points))
    assert np.abs(by_way - Move(OWN, SQUARE, 65.0).points(points)).max() < 1e-9


@pytest.mark.parametrize("defect", MARKS, ids=lambda one: one.id)
def test_a_moved_mark_has_the_same_share_of_the_cladding_and_the_same_micrometres(defect):
    moved = moved_defect(defect, Move(OWN, OTHER, 77.0))
    before = distances_px(defect.contour_px, OWN) / OWN.mean_diameter_px
    after = distances_px(moved.contour_px, OTHER) / OTHER.mean_diameter_px
    assert np.abs(before - after).max() < 1e-5
    assert moved.r_min_px / OTHER.mean_diameter_px == pytest.approx(defect.r_min_px / OWN.mean_diameter_px, abs=1e-5)
    assert [getattr(moved, name) for name in MICROMETRES[:-2]] == [getattr(defect, name) for name in MICROMETRES[:-2]]
    assert moved.area_px / OTHER.area_diameter_px**2 == pytest.approx(defect.area_px / OWN.area_diameter_px**2)


def test_a_scratch_turns_with_the_face():
    scratch = mark("S1", "scratch", (-60, -50), 80)  # at 150 degrees
    moved = moved_defect(scratch, Move(SQUARE, SQUARE, 30.0))
    assert moved.orientation_deg == pytest.approx(120.0)
    long_side = (
        moved.contour_px[np.argmax(moved.contour_px @ [1, 0])] - moved.contour_px[np.argmin(moved.contour_px @ [1, 0])]
    )
    assert math.degrees(math.atan2(long_side[1], long_side[0])) % 180 == pytest.approx(120.0, abs=1.0)
    assert moved.rect.angle_deg == pytest.approx(-60.0)


def test_a_mark_that_was_not_measured_moves_by_its_outline():
    box = np.array([[100.0, 100.0], [120.0, 100.0], [120.0, 130.0], [100.0, 130.0]])
    foreign = SourceMark("other", "1", "pit_dig", "dig", box, 0.5, ("other",), is_box=True)
    moved = moved_mark(foreign, Move(OWN, SQUARE, 90.0))
    assert moved == replace(foreign, outline_px=moved.outline_px)
    assert np.abs(Move(SQUARE, OWN, -90.0).points(moved.outline_px) - box).max() < 1e-9
