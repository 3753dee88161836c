"""A layout of good sheets: the same whatever their order, honest about their number, and without those unlike them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.gates.calibrating import judge_seen, learn_layout, needed_sheets, rate_at_most
from dscope_blink.gates.layouts import layout_bytes
from dscope_blink.gates.perspective import fit_map
from dscope_blink.records import LayoutPlace, UserError
from dscope_blink.synthetic.sheets import SheetPlan
from tests.builders.seen_sheets import GATES, NAMING, PLANS, known_layout, moved, place_named, seen_sheet, without

SHEETS = [seen_sheet(PLANS[14], seed) for seed in range(36)]


def why_of(layout) -> dict[str, str]:
    return {one.file: one.why for one in layout.sources if one.use == "left out"}


def test_the_places_are_those_of_the_plan_to_the_noise() -> None:
    layout = known_layout(21)
    named = {place.id: (place.x_px, place.y_px) for place in layout.places}
    own = np.array([named[place_named(layout, PLANS[21], place.id)] for place in PLANS[21].places])
    plan = np.array([(place.x_px, place.y_px) for place in PLANS[21].places])
    assert own == pytest.approx(plan, abs=10)  # as good sheets lie at the median
    assert fit_map(own, plan).apply(own) == pytest.approx(plan, abs=0.3)
    assert [layout.count_of(kind) for kind in ("big", "small")] == [21, 18]


def test_places_are_numbered_by_rows() -> None:
    layout = known_layout(14)
    big = {place.id: place for place in layout.places if place.kind == "big"}
    assert big["B01"].x_px < big["B02"].x_px
    assert big["B02"].y_px < big["B03"].y_px


def test_the_order_of_the_pictures_changes_nothing() -> None:
    shuffled = [SHEETS[k] for k in np.random.default_rng(3).permutation(len(SHEETS))]
    assert layout_bytes(learn_layout(shuffled, NAMING, GATES)) == layout_bytes(learn_layout(SHEETS, NAMING, GATES))


def test_a_sheet_with_a_moved_marker_is_left_out_and_named() -> None:
    bad = [seen_sheet(PLANS[14], 100 + k, moved("B05", 15)) for k in range(3)]
    layout = learn_layout([*SHEETS, *bad], NAMING, GATES)
    checked = {one.file: one.why for one in layout.sources if one.use == "checked"}
    for sheet in bad:
        why = why_of(layout).get(sheet.file) or checked[sheet.file]
        assert "largest distance" in why or why.startswith("NG")
    assert layout.tolerance_px < 3


def test_sheets_that_are_all_but_alike_are_alike() -> None:
    sheets = [seen_sheet(PLANS[14], seed, gray_of=lambda place: 41 if place.id == "B03" else 40) for seed in range(36)]
    assert why_of(learn_layout(sheets, NAMING, GATES)) == {}


def test_sheets_of_another_count_and_the_same_picture_twice_are_left_out() -> None:
    bad = seen_sheet(PLANS[14], 100, without("B05"))
    again = replace(SHEETS[0], file="again.png")
    unread = replace(SHEETS[1], file="broken.png", sha256="", why_not="cut off")
    layout = learn_layout([*SHEETS, bad, again, unread], NAMING, GATES)
    said = {one.file: one.why for one in layout.sources if one.why}
    assert "same picture" in (said.get("again.png") or said[SHEETS[0].file])
    assert said["broken.png"] == "cut off"
    assert "13 big" in said[bad.file] or said[bad.file].startswith("NG")


def test_sheets_that_were_held_back_check_and_do_not_teach() -> None:
    stated = known_layout(14).stated
    assert (stated.learned_from, stated.checked_on, stated.checked_ng) == (30, 10, 0)
    assert stated.false_ng_at_most == pytest.approx(1 - 0.05 ** (1 / 10), abs=1e-6)


@pytest.mark.parametrize("count", [0, 1, 12])
def test_too_few_sheets_teach_nothing(count: int) -> None:
    with pytest.raises(UserError, match="good sheets"):
        learn_layout(SHEETS[:count], NAMING, GATES)


def test_a_count_that_no_sheet_may_have_is_refused() -> None:
    sheets = [seen_sheet(PLANS[14], seed, without("B01", "B02")) for seed in range(30)]
    with pytest.raises(UserError, match="12 big"):
        learn_layout(sheets, NAMING, GATES)


def test_places_on_a_line_are_refused() -> None:
    line = tuple(LayoutPlace(f"B{k:02d}", "big", 100.0, 100.0 + 110 * k, 60, 24) for k in range(14))
    plan = SheetPlan("line", 1240, 1754, line, "none")
    with pytest.raises(UserError, match="good sheets"):
        learn_layout([seen_sheet(plan, seed) for seed in range(30)], NAMING, GATES)


def test_pale_ink_that_no_level_parts_from_paper_is_refused() -> None:
    sheets = [seen_sheet(PLANS[14], seed, gray_of=lambda place: 215) for seed in range(30)]
    with pytest.raises(UserError, match="darker than the paper"):
        learn_layout(sheets, NAMING, GATES)


def test_what_is_stated_as_surely_caught_is_caught() -> None:
    layout = known_layout(21)
    far_px = layout.stated.surely_caught_px
    for place in PLANS[21].places:
        sheet = seen_sheet(PLANS[21], 950, moved(place.id, far_px * 0.71, far_px * 0.71))
        assert judge_seen(sheet, layout, GATES).status == "NG", place.id


def test_299_sheets_bound_a_rate_at_one_percent() -> None:
    assert needed_sheets(0.01, 0.95) == 299
    assert rate_at_most(0, 299, 0.95) <= 0.01 < rate_at_most(0, 298, 0.95)


def test_a_bound_is_that_of_clopper_and_pearson() -> None:
    stats = pytest.importorskip("scipy.stats")
    for faults, sheets in ((0, 20), (1, 20), (3, 50), (7, 400)):
        assert rate_at_most(faults, sheets, 0.95) == pytest.approx(stats.beta.ppf(0.95, faults + 1, sheets - faults))
    assert rate_at_most(5, 5, 0.95) == rate_at_most(0, 0, 0.95) == 1
