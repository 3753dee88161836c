"""The second look may add only what a layout still expects; a ghost never mends a count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dscope_blink.config.gate_settings import GateSettings
from dscope_blink.gates.blocks import DarkBlocks
from dscope_blink.gates.finding import find_markers
from dscope_blink.gates.searching import Search
from dscope_blink.records import FoundObject, LayoutPlace, Marker
from dscope_blink.synthetic.scans import Streak
from dscope_blink.synthetic.sheets import Look, SheetFault, render_sheet, sheet_of_14, sheet_of_21, varied_look
from tests.builders.sheets import GATES, Laid, Scripted, blank, found_at, laid

SPOTS = [(100.0 + 150 * k, 100.0 + 130 * row) for row in range(3) for k in range(4)]
LAYOUT = Laid(700, 500, tuple(LayoutPlace(f"B{k + 1:02d}", "big", x, y, 60, 24) for k, (x, y) in enumerate(SPOTS)))
ALL = [found_at(x, y) for x, y in SPOTS]
EXPECTING = replace(GATES, recovery=replace(GATES.recovery, accepts="expected"))


def _inked(spots: Sequence[tuple[float, float]], level: int = 30) -> NDArray[np.uint8]:
    """A sheet with blocks of ink."""
    picture = blank(700, 500)
    for x, y in spots:
        picture[round(y) - 12 : round(y) + 12, round(x) - 30 : round(x) + 30] = level
    return picture


def _accepting(how: Literal["placed", "expected", "all", "none"]) -> GateSettings:
    return replace(GATES, recovery=replace(GATES.recovery, accepts=how))


def _looks(markers: Sequence[Marker]) -> Counter[str]:
    return Counter(one.found_in for one in markers)


# --- when there is a second look


def test_a_sheet_whose_count_fits_is_looked_at_once() -> None:
    asked: list[Search] = []
    find_markers(_inked(SPOTS), Scripted(ALL, asked=asked.append), [LAYOUT], EXPECTING)
    first = GATES.primary
    assert asked == [Search(first.side_px, first.confidence, first.overlap)]


def test_another_count_has_it_looked_at_again_mirrored_and_at_other_scales() -> None:
    asked: list[Search] = []
    find_markers(_inked(SPOTS), Scripted(ALL[1:], asked=asked.append), [LAYOUT], EXPECTING)
    again = asked[1:]
    assert len(again) == 3 + len(GATES.recovery.scales)
    assert {one.confidence for one in again} == {GATES.recovery.confidence}
    assert {one.side_px for one in again} == {round(scale * 1280) for scale in (1.0, *GATES.recovery.scales)}


def test_the_count_of_every_kind_must_fit() -> None:
    asked: list[Search] = []
    small = [replace(one, kind="small") for one in ALL[:1]]
    find_markers(_inked(SPOTS), Scripted([*small, *ALL[1:]], asked=asked.append), [LAYOUT], EXPECTING)
    assert len(asked) > 1


# --- what of it counts


def test_a_dark_marker_on_an_open_place_counts() -> None:
    markers = find_markers(_inked(SPOTS), Scripted(ALL[1:], [replace(ALL[0], confidence=0.01)]), [LAYOUT], EXPECTING)
    assert len(markers) == len(SPOTS)
    assert _looks(markers) == {"primary": len(SPOTS) - 1, "recovery": 1}
    assert markers[-1].found.box.center_px == pytest.approx(SPOTS[0], abs=1)


def test_a_faint_one_there_does_not() -> None:
    picture = _inked(SPOTS[1:])
    picture[88:112, 70:130] = 225
    markers = find_markers(picture, Scripted(ALL[1:], [replace(ALL[0], confidence=0.01)]), [LAYOUT], EXPECTING)
    assert _looks(markers) == {"primary": len(SPOTS) - 1}


def test_a_dark_one_off_the_open_place_does_not() -> None:
    x, y = SPOTS[0]
    beside = (x, y + 20)
    picture = _inked([beside, *SPOTS[1:]])
    markers = find_markers(picture, Scripted(ALL[1:], [found_at(*beside, confidence=0.01)]), [LAYOUT], EXPECTING)
    assert _looks(markers) == {"primary": len(SPOTS) - 1}


def test_one_of_another_kind_does_not() -> None:
    other = replace(ALL[0], kind="small", confidence=0.01)
    assert "recovery" not in _looks(find_markers(_inked(SPOTS), Scripted(ALL[1:], [other]), [LAYOUT], EXPECTING))


def test_a_place_takes_one_marker_only() -> None:
    x, y = SPOTS[0]
    two = [found_at(x, y, confidence=0.02), found_at(x + 5, y, confidence=0.01, scale=0.7)]
    markers = find_markers(_inked(SPOTS), Scripted(ALL[1:], two), [LAYOUT], EXPECTING)
    assert len(markers) == len(SPOTS)
    assert markers[-1].found.confidence == 0.02


def test_a_marker_that_was_seen_already_is_not_added_by_a_looser_box() -> None:
    """A box half as large over a marker of the first look is no duplicate by its size, and no marker either."""
    looser = [found_at(*spot, confidence=0.01, scale=0.6) for spot in SPOTS[1:]]
    markers = find_markers(_inked(SPOTS[1:]), Scripted(ALL[1:], looser), [LAYOUT], EXPECTING)
    assert len(markers) == len(SPOTS) - 1


def test_without_a_layout_nothing_is_expected() -> None:
    markers = find_markers(_inked(SPOTS), Scripted(ALL[1:], [replace(ALL[0], confidence=0.01)]), [], EXPECTING)
    assert _looks(markers) == {"primary": len(SPOTS) - 1}


def test_the_plain_rule_lets_everything_count() -> None:
    ghost = replace(ALL[0], confidence=0.001)
    plain = _accepting("all")
    plain = replace(plain, recovery=replace(plain.recovery, flips=False, scales=()))
    markers = find_markers(_inked(SPOTS[1:]), Scripted(ALL[1:], [ghost]), [LAYOUT], plain)
    assert _looks(markers) == {"primary": len(SPOTS) - 1, "recovery": 1}


def test_where_nothing_is_accepted_there_is_no_second_look() -> None:
    asked: list[Search] = []
    finder = Scripted(ALL[1:], [ALL[0]], asked.append)
    assert len(find_markers(_inked(SPOTS), finder, [LAYOUT], _accepting("none"))) == len(SPOTS) - 1
    assert len(asked) == 1


# --- laws

more = st.lists(
    st.builds(
        found_at,
        st.floats(40, 660),
        st.floats(40, 460),
        st.just("big"),
        st.floats(0.001, 0.049),
        st.floats(0.6, 1.4),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(missing=st.sets(st.integers(0, len(SPOTS) - 1), min_size=1, max_size=5), more=more)
def test_no_finding_on_blank_paper_ever_adds_a_marker(missing: set[int], more: list[FoundObject]) -> None:
    left = [k for k in range(len(SPOTS)) if k not in missing]
    picture = _inked([SPOTS[k] for k in left])
    free = [one for one in more if all(not one.box.overlap(ALL[k].box) for k in left)]
    markers = find_markers(picture, Scripted([ALL[k] for k in left], free), [LAYOUT], EXPECTING)
    assert len(markers) == len(left)


@settings(deadline=None, max_examples=60)
@given(missing=st.sets(st.integers(0, len(SPOTS) - 1), max_size=5), more=more)
def test_the_second_look_takes_nothing_away_and_never_adds_more_than_is_missing(
    missing: set[int], more: list[FoundObject]
) -> None:
    seen = [one for k, one in enumerate(ALL) if k not in missing]
    markers = find_markers(_inked(SPOTS), Scripted(seen, more), [LAYOUT], EXPECTING)
    assert {one.found for one in markers if one.found_in == "primary"} == set(seen)
    assert len(markers) <= len(SPOTS)


# --- on rendered sheets


@pytest.mark.parametrize("ink", [0.015, 0.03, 0.06, 0.12, 0.25])
def test_a_ghost_on_a_rendered_sheet_never_mends_the_count(ink: float) -> None:
    plan = sheet_of_14()
    sheet = render_sheet(plan, np.random.default_rng(1), [SheetFault("ghost", "B04", ink)])
    markers = find_markers(sheet.picture, DarkBlocks(GATES.blocks), [laid(plan)], EXPECTING)
    recovered = [one for one in markers if one.found_in == "recovery"]
    assert recovered == []


def test_a_marker_that_a_low_confidence_hides_is_recovered_on_a_rendered_sheet() -> None:
    """With a first look that asks for much, streaks cost markers that the second brings back."""
    plan = sheet_of_14()
    look = Look(turn_deg=3, perspective=0.02, streaks=(Streak(0.1, 4, -0.9),))
    sheet = render_sheet(plan, np.random.default_rng(2), (), look)
    finder = DarkBlocks(GATES.blocks)
    seen = sorted(one.found.confidence for one in find_markers(sheet.picture, finder, [laid(plan)], EXPECTING))
    strict = replace(EXPECTING, primary=replace(GATES.primary, confidence=seen[3] + 1e-6))
    markers = find_markers(sheet.picture, finder, [laid(plan)], strict)
    assert len(markers) == len(plan.places)
    assert _looks(markers)["recovery"] >= 4


@pytest.mark.slow
def test_ghosts_on_sheets_of_all_looks_are_not_recovered() -> None:
    rng = np.random.default_rng(8)
    for k in range(20):
        plan = (sheet_of_14, sheet_of_21)[k % 2]()
        place = plan.places[int(rng.integers(len(plan.places)))].id
        sheet = render_sheet(plan, rng, [SheetFault("ghost", place, rng.uniform(0.01, 0.3))], varied_look(rng))
        markers = find_markers(sheet.picture, DarkBlocks(GATES.blocks), [laid(plan)], EXPECTING)
        ghost = sheet.ghosts[0].box
        assert [one for one in markers if one.found_in == "recovery" and one.found.box.overlap(ghost)] == []
