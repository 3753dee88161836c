"""Two findings of one marker become one, and two markers stay two."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from dscope_blink.gates.deduplication import Sameness, without_duplicates
from dscope_blink.records import Box, FoundObject

SAME = Sameness(overlap=0.85, least_area_ratio=0.80, most_area_ratio=1.25)

boxes = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h),
    *(st.integers(0, 60), st.integers(0, 60), st.integers(5, 30), st.integers(5, 30)),
)
findings = st.lists(
    st.builds(FoundObject, st.sampled_from(["big", "small"]), boxes, st.integers(1, 100).map(lambda k: k / 100)),
    max_size=12,
)


def _found(confidence: float, left: float, width: float = 100.0, height: float = 20.0) -> FoundObject:
    return FoundObject("big", Box(left, 0, left + width, height), confidence)


def test_the_more_confident_of_two_on_one_place_stays() -> None:
    """Shifted by 5 of 100 px: 95 over 105, an overlap of 0.905."""
    assert without_duplicates([_found(0.4, 0), _found(0.9, 5)], SAME) == (_found(0.9, 5),)


def test_neighbours_that_overlap_less_stay_two() -> None:
    """Shifted by 9 of 100 px: 91 over 109, an overlap of 0.835."""
    assert len(without_duplicates([_found(0.4, 0), _found(0.9, 9)], SAME)) == 2


def test_a_box_of_another_size_on_the_same_place_stays() -> None:
    """Area 0.79 of the other; its overlap is as much, too."""
    inner = FoundObject("big", Box(0, 0, 79, 20), 0.4)
    assert len(without_duplicates([inner, _found(0.9, 0)], Sameness(0.5, 0.80, 1.25))) == 2


@given(findings, st.randoms(use_true_random=False))
def test_what_stays_does_not_depend_on_the_order(found: list[FoundObject], rng: random.Random) -> None:
    shuffled = list(found)
    rng.shuffle(shuffled)
    assert without_duplicates(found, SAME) == without_duplicates(shuffled, SAME)


@given(findings)
def test_once_more_changes_nothing(found: list[FoundObject]) -> None:
    once = without_duplicates(found, SAME)
    assert without_duplicates(once, SAME) == once


@given(findings)
def test_what_goes_lies_on_something_surer_that_stays(found: list[FoundObject]) -> None:
    kept = without_duplicates(found, SAME)
    for one in found:
        if one in kept:
            continue
        assert any(
            other.confidence >= one.confidence
            and one.box.overlap(other.box) >= SAME.overlap
            and SAME.least_area_ratio <= one.box.area_px / other.box.area_px <= SAME.most_area_ratio
            for other in kept
        )
