"""The finder of dark blocks sees every marker of rendered sheets, and nothing that only looks like one."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import gates_finding
from dscope_blink.config.gate_settings import BlockKind
from dscope_blink.gates.blocks import DarkBlocks
from dscope_blink.gates.searching import Search
from dscope_blink.records import Fault
from dscope_blink.synthetic.scans import Streak
from dscope_blink.synthetic.sheets import (
    Look,
    SheetFault,
    SheetPlan,
    render_sheet,
    sheet_of_14,
    sheet_of_21,
    varied_look,
)
from tests.builders.folders import SHARED
from tests.builders.sheets import GATES, PRIMARY, blank, matched

FINDER = DarkBlocks(GATES.blocks)
WIDE = {"any": BlockKind((0.01, 0.3), (0.01, 0.3), (1.0, 6.0))}  # of drawings that are not sheets
OF_ANY_SIZE = DarkBlocks(replace(GATES.blocks, kinds=WIDE))

LOOKS = {
    "clean": Look(),
    "turned": Look(turn_deg=5),
    "turned the other way": Look(turn_deg=-5),
    "small": Look(scale=0.7),
    "large": Look(scale=1.4),
    "in perspective": Look(perspective=0.03),
    "as JPEG": Look(jpeg_quality=40),
    "blurred": Look(blur_px=1.6),
    "low on toner": Look(toner=0.4),
    "specked": Look(speckle=0.02),
    "on tinted paper": Look(paper=(170, 215, 235)),
    "through dark streaks": Look(streaks=(Streak(0.09, 3, 0.6), Streak(0.9, 2, 0.9))),
    "through light streaks": Look(streaks=(Streak(0.09, 3, -0.8), Streak(0.9, 2, -0.9))),
}


@pytest.mark.parametrize("plan", [sheet_of_14(), sheet_of_21()], ids=lambda plan: plan.name)
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_sheet_that_is_spoiled_once_shows_its_markers_and_nothing_else(plan: SheetPlan, look: Look) -> None:
    sheet = render_sheet(plan, np.random.default_rng(1), (), look)
    assert matched(FINDER(sheet.picture, PRIMARY), sheet.markers) == (len(plan.places), 0)


@pytest.mark.slow
def test_sheets_that_are_spoiled_in_many_ways_at_once_do_so_too() -> None:
    rng = np.random.default_rng(3)
    for k in range(30):
        plan = (sheet_of_14, sheet_of_21)[k % 2]()
        sheet = render_sheet(plan, rng, (), varied_look(rng))
        assert matched(FINDER(sheet.picture, PRIMARY), sheet.markers) == (len(plan.places), 0), k


def test_middles_and_sides_are_true_to_a_fraction_of_a_pixel() -> None:
    sheet = render_sheet(sheet_of_21(), np.random.default_rng(2), (), Look(turn_deg=2))
    found = FINDER(sheet.picture, PRIMARY)
    off = []
    for true in sheet.markers:
        box = max(found, key=lambda one: one.box.overlap(true.box)).box
        assert math.dist(box.center_px, true.box.center_px) < 0.3
        off.append((box.width_px - true.box.width_px, box.height_px - true.box.height_px))
    assert np.abs(off).max() < 1.0
    assert np.abs(np.mean(off, axis=0)).max() < 0.4


@pytest.mark.parametrize(("amount", "low", "high"), [(0.7, 0.6, 0.8), (1.3, 1.2, 1.4)])
def test_a_thin_or_fat_marker_is_found_as_large_as_it_is(amount: float, low: float, high: float) -> None:
    fault: Fault = "thin" if amount < 1 else "fat"
    sheet = render_sheet(sheet_of_14(), np.random.default_rng(4), [SheetFault(fault, "B04", amount)])
    wrong = next(one for one in sheet.markers if one.fault == fault)
    box = max(FINDER(sheet.picture, PRIMARY), key=lambda one: one.box.overlap(wrong.box)).box
    assert low < box.width_px / 60 < high
    assert low < box.height_px / 24 < high


def test_a_ghost_is_less_than_the_confidence_of_the_first_look() -> None:
    for ink in (0.02, 0.05):
        sheet = render_sheet(sheet_of_14(), np.random.default_rng(5), [SheetFault("ghost", "B04", ink)])
        assert matched(FINDER(sheet.picture, PRIMARY), sheet.ghosts, 0.1)[0] == 0


def test_the_confidence_is_less_of_a_paler_marker() -> None:
    seen = []
    for ink in (1.0, 0.6, 0.3):
        sheet = render_sheet(sheet_of_14(), np.random.default_rng(6), [SheetFault("pale", "B04", ink)])
        pale = next(one for one in sheet.markers if one.fault == "pale")
        seen.append(max(FINDER(sheet.picture, PRIMARY), key=lambda one: one.box.overlap(pale.box)).confidence)
    assert seen == sorted(seen, reverse=True)
    assert seen[0] - seen[-1] > 0.4


# --- single drawings


def _drawn(draw: str) -> NDArray[np.uint8]:
    picture = blank()
    if draw == "block":
        picture[130:160, 160:240] = 20
    if draw == "ellipse":
        cv2.ellipse(picture, (200, 145), (40, 15), 0, 0, 360, 20, -1, cv2.LINE_AA)
    if draw == "bubble":
        cv2.line(picture, (176, 145), (224, 145), 20, 30, cv2.LINE_AA)  # with round ends
    if draw == "frame":
        cv2.rectangle(picture, (160, 130), (240, 160), 20, 4)
    if draw == "finder block of a matrix code":
        picture[90:195, 150:255] = 20
        picture[105:180, 165:240] = 240
        picture[120:165, 180:225] = 20
    if draw == "triangle":
        cv2.fillPoly(picture, [np.array([[160, 160], [240, 160], [240, 130]], np.int32)], 20)
    if draw == "letter":
        cv2.putText(picture, "E", (160, 180), cv2.FONT_HERSHEY_SIMPLEX, 3, 20, 12)
    if draw == "rule":
        picture[140:152, 20:380] = 20
    return cv2.GaussianBlur(picture, (0, 0), 0.8)


def test_a_block_is_found_where_it_is() -> None:
    (one,) = OF_ANY_SIZE(_drawn("block"), PRIMARY)
    box = one.box
    assert (box.left_px, box.top_px, box.right_px, box.bottom_px) == pytest.approx((160, 130, 240, 160), abs=0.3)
    assert one.confidence > 0.85


@pytest.mark.parametrize(
    "draw", ["ellipse", "bubble", "frame", "finder block of a matrix code", "triangle", "letter", "rule"]
)
def test_what_is_no_block_is_not_found(draw: str) -> None:
    assert OF_ANY_SIZE(_drawn(draw), PRIMARY) == ()


def test_blank_paper_a_black_picture_and_noise_hold_nothing() -> None:
    noise = np.random.default_rng(7).integers(0, 256, (300, 400)).astype(np.uint8)
    for picture in (blank(), blank(level=0), noise):
        assert OF_ANY_SIZE(picture, PRIMARY) == ()


def test_grey_and_colour_pictures_give_the_same() -> None:
    gray = _drawn("block")
    assert OF_ANY_SIZE(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), PRIMARY) == OF_ANY_SIZE(gray, PRIMARY)


def test_a_mirrored_picture_gives_mirrored_boxes() -> None:
    gray = _drawn("block")
    (here,), (there,) = OF_ANY_SIZE(gray, PRIMARY), OF_ANY_SIZE(np.ascontiguousarray(gray[:, ::-1]), PRIMARY)
    assert there.box.left_px == pytest.approx(400 - here.box.right_px, abs=0.1)


def test_no_finding_lies_below_the_wanted_confidence() -> None:
    gray = _drawn("block")
    (one,) = OF_ANY_SIZE(gray, PRIMARY)
    assert OF_ANY_SIZE(gray, Search(1280, one.confidence + 0.001, 0.5)) == ()


def test_what_fits_several_kinds_is_of_the_first() -> None:
    kinds = {"one": WIDE["any"], "other": WIDE["any"]}
    (found,) = DarkBlocks(replace(GATES.blocks, kinds=kinds))(_drawn("block"), PRIMARY)
    assert found.kind == "one"


# --- real sheets


def _picture(sheet: gates_finding.RealSheet) -> NDArray[np.uint8]:
    return np.asarray(cv2.imread(str(SHARED / "markers" / sheet.file), cv2.IMREAD_GRAYSCALE), np.uint8)


def _finder_of(sheet: gates_finding.RealSheet) -> DarkBlocks:
    return DarkBlocks(gates_finding.settings_for(sheet, _picture(sheet).shape, GATES).blocks)


@pytest.mark.accuracy
@pytest.mark.parametrize("sheet", gates_finding.SHEETS, ids=lambda sheet: sheet.file)
def test_a_real_sheet_has_as_many_markers_on_each_side_as_a_person_counts(sheet: gates_finding.RealSheet) -> None:
    picture = _picture(sheet)
    found = _finder_of(sheet)(picture, PRIMARY)
    counts = gates_finding.by_side(found, picture.shape, [name for name, _ in sheet.sides])
    assert counts == Counter(dict(sheet.sides))


@pytest.mark.accuracy
@pytest.mark.slow
@pytest.mark.parametrize("sheet", gates_finding.SHEETS, ids=lambda sheet: sheet.file)
def test_only_wide_streaks_cost_markers_of_a_real_sheet_that_is_spoiled(
    sheet: gates_finding.RealSheet,
) -> None:
    picture, finder = _picture(sheet), _finder_of(sheet)
    true = finder(picture, PRIMARY)
    for one in gates_finding.spoiled(picture, np.random.default_rng(11)):
        score = gates_finding.score(finder(one.picture, PRIMARY), gates_finding.moved(true, one.matrix))
        streaks = one.name.startswith(("streaks", "all at once"))  # up to a quarter as wide as a marker is high
        assert score.found >= (0.95 if streaks else 1.0) * sheet.count, one.name
        assert score.false == 0, one.name
