"""What sheets cannot tell is told of their layouts."""

from __future__ import annotations

from dataclasses import replace

from dscope_blink.gates.ambiguity import ambiguities, lies_within, ways_alike
from dscope_blink.gates.calibrating import judge_seen
from tests.builders.seen_sheets import GATES, PLANS, known_layout, seen_sheet, without

RULES = GATES.layout


def test_a_layout_that_is_its_own_mirror_image_is_told() -> None:
    assert ways_alike(known_layout(14), RULES) == ("mirrored",)
    assert ways_alike(known_layout(21), RULES) == ()


def test_one_marker_that_breaks_the_symmetry_is_enough() -> None:
    layout = known_layout(14)
    moved = replace(layout.places[4], y_px=layout.places[4].y_px + 6 * layout.tolerance_px)
    assert ways_alike(replace(layout, places=(*layout.places[:4], moved, *layout.places[5:])), RULES) == ()


def test_a_layout_that_is_a_part_of_another_is_told() -> None:
    """A sheet of 21 that lost its foot is one of 14, and nothing says so but this."""
    small, large = known_layout(14), known_layout(21)
    foot = [place.id for place in PLANS[21].places if place.y_px > 1600]
    part = [place for place in PLANS[21].places if place.id in foot]
    lost = seen_sheet(PLANS[21], 900, without(*foot))
    assert len(part) > 0
    assert lies_within(small, large, RULES)
    assert not lies_within(large, small, RULES)
    assert judge_seen(lost, large, GATES).status == "NG"
    assert judge_seen(lost, small, GATES).status == "OK"
    assert len(list(ambiguities((small, large), RULES))) == 2
    assert list(ambiguities((large,), RULES)) == []
