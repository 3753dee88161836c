"""Rendered sheets show what their truth says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dscope_blink.records import Box, Fault
from dscope_blink.synthetic.sheets import (
    BLEED,
    Look,
    Picture8,
    RenderedSheet,
    SheetFault,
    SheetPlan,
    TrueMarker,
    render_sheet,
    sheet_of_14,
    sheet_of_21,
    varied_look,
)

PLANS = (sheet_of_14(), sheet_of_21())
every_plan = pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)


def _rendered(plan: SheetPlan, *faults: SheetFault, look: Look | None = None) -> RenderedSheet:
    return render_sheet(plan, np.random.default_rng(0), faults, look)


def _in(picture: Picture8, box: Box, inward: float = 0.2) -> float:
    """Mean level well within a box."""
    dx, dy = inward * box.width_px, inward * box.height_px
    rows = slice(round(box.top_px + dy), round(box.bottom_px - dy))
    return float(picture[rows, round(box.left_px + dx) : round(box.right_px - dx)].mean())


def _at(sheet: RenderedSheet, place: str) -> TrueMarker:
    return next(one for one in (*sheet.markers, *sheet.ghosts) if one.place == place)


@pytest.mark.parametrize(("plan", "big", "small"), [(PLANS[0], 14, 12), (PLANS[1], 21, 18)])
def test_a_plan_has_its_markers(plan: SheetPlan, big: int, small: int) -> None:
    kinds = [place.kind for place in plan.places]
    assert (kinds.count("big"), kinds.count("small")) == (big, small)
    assert len({place.id for place in plan.places}) == len(kinds)


@every_plan
@pytest.mark.parametrize("look", [Look(), Look(turn_deg=5, scale=0.7), Look(turn_deg=-4, perspective=0.03, scale=1.4)])
def test_there_is_ink_in_every_true_box_and_paper_around_it(plan: SheetPlan, look: Look) -> None:
    sheet = _rendered(plan, look=look)
    for one in sheet.markers:
        assert _in(sheet.picture, one.box, 0.3) < 60
        x, _ = one.box.center_px
        above = Box(x - 3, one.box.top_px - 12, x + 3, one.box.top_px - 6)
        assert _in(sheet.picture, above, 0.0) > 200


@every_plan
def test_true_boxes_are_as_large_as_the_look_makes_them(plan: SheetPlan) -> None:
    sheet = _rendered(plan, look=Look(turn_deg=5, scale=1.25))
    for one, place in zip(sheet.markers, plan.places, strict=True):
        assert one.box.width_px == pytest.approx(1.25 * place.width_px)
        assert one.box.height_px == pytest.approx(1.25 * place.height_px)
        assert np.mean(one.outline_px, axis=0) == pytest.approx(one.box.center_px)


def test_an_unturned_sheet_has_its_markers_at_the_places_of_the_plan() -> None:
    plan = PLANS[0]
    for one, place in zip(_rendered(plan).markers, plan.places, strict=True):
        wanted = place.x_px + BLEED * plan.width_px, place.y_px + BLEED * plan.height_px
        assert one.box.center_px == pytest.approx(wanted)


def test_the_same_generator_gives_the_same_sheet() -> None:
    first, again = (render_sheet(PLANS[1], np.random.default_rng(4), (), Look(noise=3)) for _ in range(2))
    assert np.array_equal(first.picture, again.picture)


# --- faults


def test_a_missing_marker_leaves_paper() -> None:
    place = _at(_rendered(PLANS[0]), "B03")
    sheet = _rendered(PLANS[0], SheetFault("missing", "B03"))
    assert len(sheet.markers) == len(PLANS[0].places) - 1
    assert _in(sheet.picture, place.box) > 230


def test_a_moved_marker_lies_as_far_off_as_it_says() -> None:
    here = _at(_rendered(PLANS[0]), "B03").box.center_px
    for direction in (None, 0.0, 120.0):
        moved = _at(_rendered(PLANS[0], SheetFault("moved", "B03", 12, direction)), "B03")
        assert math.dist(moved.box.center_px, here) == pytest.approx(12)
        assert moved.fault == "moved"


@pytest.mark.parametrize(("fault", "amount"), [("fat", 1.3), ("thin", 0.7)])
def test_a_fat_or_thin_marker_has_other_sides_about_the_same_middle(fault: Fault, amount: float) -> None:
    one, wrong = (_at(_rendered(PLANS[0], *faults), "B03") for faults in ((), (SheetFault(fault, "B03", amount),)))
    assert wrong.box.width_px == pytest.approx(amount * one.box.width_px)
    assert wrong.box.center_px == pytest.approx(one.box.center_px)


def test_a_pale_marker_has_less_ink() -> None:
    sheet = _rendered(PLANS[0], SheetFault("pale", "B03", 0.4))
    assert _in(sheet.picture, _at(sheet, "B03").box) == pytest.approx(245 * (1 - 0.4 * 0.92), abs=6)


def test_a_ghost_is_no_marker() -> None:
    sheet = _rendered(PLANS[0], SheetFault("ghost", "B03", 0.1))
    assert len(sheet.markers) == len(PLANS[0].places) - 1
    assert [one.place for one in sheet.ghosts] == ["B03"]
    assert 210 < _in(sheet.picture, sheet.ghosts[0].box) < 240


@every_plan
def test_an_extra_marker_stands_clear_of_the_others_and_of_what_is_printed(plan: SheetPlan) -> None:
    for seed in range(12):
        sheet = render_sheet(plan, np.random.default_rng(seed), [SheetFault("extra")])
        (extra,) = [one for one in sheet.markers if one.fault == "extra"]
        assert extra.place is None
        assert all(one is extra or one.box.overlap(extra.box) == 0 for one in sheet.markers)
        wide, high = extra.box.width_px / 2 + 20, extra.box.height_px / 2 + 20
        x, y = extra.box.center_px
        around = sheet.picture[round(y - high) : round(y + high), round(x - wide) : round(x + wide)]
        inside = extra.box.area_px / (4 * wide * high)
        assert (around < 128).mean() == pytest.approx(inside, abs=0.03)


def test_a_fault_of_a_place_that_the_plan_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match=r"faults must name places of sheet-14, got B99"):
        _rendered(PLANS[0], SheetFault("missing", "B99"))


# --- looks


def test_good_sheets_differ_within_what_is_stated() -> None:
    rng = np.random.default_rng(1)
    looks = [varied_look(rng) for _ in range(200)]
    assert max(abs(one.turn_deg) for one in looks) <= 5
    assert min(one.scale for one in looks) >= 0.7
    assert max(one.scale for one in looks) <= 1.4
    assert any(one.jpeg_quality is None for one in looks)


def test_toner_and_paper_set_the_levels() -> None:
    sheet = _rendered(PLANS[0], look=Look(toner=0.5, paper=(200, 210, 220), noise=0, streaks=()))
    place = _at(sheet, "B03").box
    ink = sheet.picture[round(place.top_px) + 8 : round(place.bottom_px) - 8, round(place.left_px) + 8 :][:, :30]
    assert ink.mean(axis=(0, 1)) == pytest.approx((100, 105, 110), abs=2)
    assert np.median(sheet.picture, axis=(0, 1)) == pytest.approx((200, 210, 220), abs=1)


def test_specks_take_their_share_of_the_ink() -> None:
    sheet = _rendered(PLANS[0], look=Look(speckle=0.2, noise=0, blur_px=0.3))
    inner = np.mean([_in(sheet.picture, one.box) for one in sheet.markers if one.kind == "big"])
    assert inner == pytest.approx(20 + 0.2 * 225, abs=12)
