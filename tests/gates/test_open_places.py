"""The places of a layout without a marker are told however the sheet lies."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from dscope_blink.gates.open_places import Open, Placed, stand_on
from dscope_blink.records import FoundObject
from dscope_blink.synthetic.sheets import Look, SheetFault, SheetPlan, render_sheet, sheet_of_14, sheet_of_21
from tests.builders.sheets import found_at, laid


def open_places(seen: Sequence[FoundObject], layout: Placed, picture_px: tuple[int, int]) -> tuple[Open, ...]:
    """None where the sheet cannot be laid."""
    standing = stand_on(seen, layout, picture_px)
    return () if standing is None else standing.free


LOOKS = {
    "flat": Look(),
    "turned": Look(turn_deg=5),
    "large": Look(scale=1.4),
    "shifted": Look(shift_px=(12, -9)),
    "in perspective": Look(turn_deg=-3, perspective=0.03, scale=0.8),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("plan", [sheet_of_14(), sheet_of_21()], ids=lambda plan: plan.name)
def test_missing_markers_leave_their_places_open(plan: SheetPlan, look: Look) -> None:
    whole = render_sheet(plan, np.random.default_rng(0), (), look)
    gone = {"B02", "B09", "S05"}
    seen = [FoundObject(one.kind, one.box, 1.0) for one in whole.markers if one.place not in gone]
    size_px = whole.picture.shape[1], whole.picture.shape[0]
    left = open_places(seen, laid(plan), size_px)
    true = [one for one in whole.markers if one.place in gone]
    assert len(left) == len(true)
    for one in true:
        near = min(left, key=lambda place: math.dist(place.center_px, one.box.center_px))
        assert near.kind == one.kind
        assert math.dist(near.center_px, one.box.center_px) < 1
        assert near.sides_px == pytest.approx((one.box.width_px, one.box.height_px), rel=0.02)


def test_a_moved_marker_keeps_its_place_taken() -> None:
    plan = sheet_of_14()
    sheet = render_sheet(plan, np.random.default_rng(0), [SheetFault("moved", "B04", 20, 90)])
    seen = [FoundObject(one.kind, one.box, 1.0) for one in sheet.markers]
    assert open_places(seen, laid(plan), (sheet.picture.shape[1], sheet.picture.shape[0])) == ()


@pytest.mark.parametrize("n", [0, 1, 5])
def test_too_few_markers_leave_no_place_open(n: int) -> None:
    plan = sheet_of_14()
    layout = laid(plan)
    seen = [found_at(one.x_px, one.y_px) for one in layout.places[:n]]
    assert open_places(seen, layout, (layout.width_px, layout.height_px)) == ()


def test_markers_that_lie_nowhere_near_a_layout_leave_no_place_open() -> None:
    layout = laid(sheet_of_14())
    seen = [found_at(600 + 3 * k, 900 + 5 * k) for k in range(14)]
    assert open_places(seen, layout, (layout.width_px, layout.height_px)) == ()
