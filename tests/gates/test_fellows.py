"""An open place counts only where the picture shows a marker that is like its fellows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest

from dscope_blink.config.gate_settings import GateSettings
from dscope_blink.gates.blocks import DarkBlocks
from dscope_blink.gates.fellows import sheet_turn
from dscope_blink.gates.finding import find_markers
from dscope_blink.gates.searching import Picture, Search
from dscope_blink.records import Box, FoundObject, Marker
from dscope_blink.synthetic.sheets import (
    Look,
    RenderedSheet,
    SheetFault,
    SheetPlan,
    render_sheet,
    sheet_of_14,
    sheet_of_21,
)
from tests.builders.sheets import GATES, PRIMARY, found_at, laid

LAYOUT_PX = 3.0  # a tolerance as layouts of rendered sheets have it
HARD = Look(turn_deg=-3, perspective=0.02, blur_px=1.5, toner=0.7, speckle=0.02, jpeg_quality=50)
PLACES = ("B04", "S03")


@dataclass(frozen=True)
class Blind:
    """A finder that misses what lies on some spots, and sees something else as well."""

    spots_px: tuple[tuple[float, float], ...]
    more: tuple[FoundObject, ...] = ()
    name: str = "blind"
    inputs: tuple[tuple[str, str], ...] = ()

    def __call__(self, picture: Picture, wanted: Search) -> tuple[FoundObject, ...]:
        """What blocks there are elsewhere."""
        seen = DarkBlocks(GATES.blocks)(picture, wanted)
        far = [one for one in seen if all(math.dist(one.box.center_px, spot) > 14 for spot in self.spots_px)]
        return (*far, *self.more)


def _rendered(plan: SheetPlan, faults: list[SheetFault], look: Look = HARD, seed: int = 3) -> RenderedSheet:
    return render_sheet(plan, np.random.default_rng(seed), faults, look)


def _spot(plan: SheetPlan, place: str) -> tuple[float, float]:
    return next(one.box.center_px for one in _rendered(plan, []).markers if one.place == place)


def _found(plan: SheetPlan, sheet: RenderedSheet, place: str, settings: GateSettings = GATES) -> tuple[Marker, ...]:
    """By a finder that is blind to a place."""
    layout = replace(laid(plan), tolerance_px=LAYOUT_PX)
    return find_markers(sheet.picture, Blind((_spot(plan, place),)), [layout], settings)


def _added(markers: tuple[Marker, ...]) -> list[Marker]:
    return [one for one in markers if one.found_in == "recovery"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("plan", [sheet_of_14(), sheet_of_21()], ids=lambda plan: plan.name)
def test_a_sound_marker_with_bare_grains_that_the_finder_misses_is_seen_on_its_place(
    plan: SheetPlan, place: str
) -> None:
    sheet = _rendered(plan, [])
    markers = _found(plan, sheet, place)
    true = next(one for one in sheet.markers if one.place == place)
    (added,) = _added(markers)
    assert len(markers) == len(plan.places)
    assert added.found.kind == true.kind
    assert added.found.box.overlap(true.box) > 0.9
    assert 0.5 < added.found.confidence <= 1


FAULTS = {
    "missing": SheetFault("missing", ""),
    "a ghost": SheetFault("ghost", "", 0.5),
    "pale": SheetFault("pale", "", 0.75),
    "thin": SheetFault("thin", "", 0.85),
    "fat": SheetFault("fat", "", 1.2),
    "moved": SheetFault("moved", "", 5, 40),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_faint_fault_is_none(fault: SheetFault, place: str) -> None:
    plan = sheet_of_14()
    assert _added(_found(plan, _rendered(plan, [replace(fault, place=place)]), place)) == []


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("side", ["width_px", "height_px"])
def test_a_marker_of_which_a_quarter_is_not_printed_is_none(side: str, place: str) -> None:
    plan = sheet_of_14()
    axis = "x_px" if side == "width_px" else "y_px"
    places = tuple(
        replace(one, **{side: 0.75 * getattr(one, side), axis: getattr(one, axis) + getattr(one, side) / 8})
        if one.id == place
        else one
        for one in plan.places
    )
    sheet = _rendered(replace(plan, places=places), [])
    assert _added(_found(plan, sheet, place)) == []


@pytest.mark.parametrize("place", PLACES)
def test_an_oval_on_a_place_is_none(place: str) -> None:
    """It has the sides and nearly all of the ink of a marker, but no corners."""
    plan = sheet_of_14()
    look = replace(HARD, jpeg_quality=None, turn_deg=0, perspective=0)
    sheet = _rendered(plan, [SheetFault("missing", place)], look)
    true = next(one for one in _rendered(plan, [], look).markers if one.place == place).box
    middle = tuple(round(16 * one) for one in true.center_px)
    axes = round(8.4 * true.width_px), round(8.4 * true.height_px)
    ink = np.zeros(sheet.picture.shape[:2], np.float32)
    cv2.ellipse(ink, middle, axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA, 4)
    soft = 1 - look.toner * cv2.GaussianBlur(ink, (0, 0), look.blur_px)[:, :, None]
    picture = np.clip(sheet.picture * soft, 0, 255).astype(np.uint8)
    layout = replace(laid(plan), tolerance_px=LAYOUT_PX)
    assert _added(find_markers(picture, Blind((true.center_px,)), [layout], GATES)) == []
    without_corners = replace(GATES, fellows=replace(GATES.fellows, least_corners=0.0))
    assert len(_added(find_markers(picture, Blind((true.center_px,)), [layout], without_corners))) == 1


def _of_14_with(picture: Picture, more: FoundObject) -> tuple[Marker, ...]:
    return find_markers(picture, Blind((), (more,)), [laid(sheet_of_14())], GATES)


def test_print_beside_all_places_that_is_no_block_is_not_counted() -> None:
    sheet = _rendered(sheet_of_14(), [], Look(blur_px=1.4))
    letters = FoundObject("small", Box(487.0, 172.0, 500.0, 185.0), 0.6)  # in the title
    assert letters not in [one.found for one in _of_14_with(sheet.picture, letters)]


def test_a_letter_does_not_make_up_for_a_marker_that_is_missed() -> None:
    plan = sheet_of_14()
    sheet = _rendered(plan, [])
    letters = FoundObject("small", Box(487.0, 172.0, 500.0, 185.0), 0.6)
    finder = Blind((_spot(plan, "S03"),), (letters,))
    markers = find_markers(sheet.picture, finder, [replace(laid(plan), tolerance_px=LAYOUT_PX)], GATES)
    assert len(markers) == len(plan.places)
    assert len(_added(markers)) == 1
    assert letters not in [one.found for one in markers]


def test_a_blurred_block_of_the_size_of_a_marker_is_no_other_print() -> None:
    plan = replace(sheet_of_14(), content="none")
    more = replace(plan.places[0], id="X", x_px=600.0, y_px=700.0)
    sheet = _rendered(replace(plan, places=(*plan.places, more)), [SheetFault("ghost", "X", 0.5)])
    ghost = FoundObject("big", sheet.ghosts[0].box, 0.3)
    markers = find_markers(sheet.picture, Blind((), (ghost,)), [laid(plan)], GATES)
    assert ghost in [one.found for one in markers]


def test_an_extra_block_beside_all_places_is_counted() -> None:
    sheet = _rendered(sheet_of_14(), [SheetFault("extra")])
    markers = find_markers(sheet.picture, Blind(()), [laid(sheet_of_14())], GATES)
    assert len(markers) == len(sheet_of_14().places) + 1


def test_the_finder_is_asked_once() -> None:
    asked: list[Search] = []

    @dataclass(frozen=True)
    class Counting(Blind):
        def __call__(self, picture: Picture, wanted: Search) -> tuple[FoundObject, ...]:
            asked.append(wanted)
            return super().__call__(picture, wanted)

    plan = sheet_of_14()
    sheet = _rendered(plan, [SheetFault("missing", "B02")])
    find_markers(sheet.picture, Counting(()), [laid(plan)], GATES)
    assert asked == [PRIMARY]


@pytest.mark.parametrize("turn_deg", [-5.0, 0.0, 2.5, 5.0])
def test_the_turn_of_a_sheet_is_that_of_its_long_markers(turn_deg: float) -> None:
    sheet = _rendered(sheet_of_21(), [], replace(HARD, turn_deg=turn_deg, perspective=0))
    seen = [FoundObject(one.kind, one.box, 1.0) for one in sheet.markers]
    gray = np.asarray(sheet.picture.min(axis=2), np.uint8)
    assert math.degrees(sheet_turn(gray, seen)) == pytest.approx(turn_deg, abs=0.3)


def test_a_sheet_without_long_markers_has_no_turn() -> None:
    square = replace(found_at(100, 100), box=Box(90, 90, 110, 110))
    assert sheet_turn(np.full((200, 200), 255, np.uint8), [square]) == 0.0


def test_too_few_fellows_say_nothing() -> None:
    plan = sheet_of_14()
    few = replace(
        plan, places=tuple(one for one in plan.places if one.kind == "big" or one.id in ("S01", "S02", "S03"))
    )
    sheet = _rendered(few, [])
    spot = next(one.box.center_px for one in sheet.markers if one.place == "S03")
    layout = replace(laid(few), tolerance_px=LAYOUT_PX)
    assert _added(find_markers(sheet.picture, Blind((spot,)), [layout], GATES)) == []
