"""Independent votes for a mark."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dscope_blink.analysis.aggregation.votes import confidence_of, votes_of
from dscope_blink.records import SourceMark
from tests.builders.source_marks import disc, seen


def by(source: str, *detectors: str, confidence: float = 0.5) -> SourceMark:
    return seen(source, "1", disc((0, 0), 5), detectors=detectors, confidence=confidence)


def test_every_detector_of_its_own_is_a_vote() -> None:
    assert votes_of([by("a", "lei"), by("b", "do2mr"), by("c", "other")]) == 3


def test_what_shares_a_detector_is_one_vote_also_through_a_third() -> None:
    assert votes_of([by("a", "lei"), by("b", "do2mr"), by("c", "lei", "do2mr")]) == 1


def test_independent_votes_make_it_surer() -> None:
    members = [by("a", "lei", confidence=0.6), by("b", "do2mr", confidence=0.5)]
    assert confidence_of(members) == pytest.approx(1 - 0.4 * 0.5)


def test_a_rerun_adds_nothing_but_its_own_greater_confidence() -> None:
    once = by("a", "lei", confidence=0.6)
    assert confidence_of([once, replace(once, source="a 2")]) == pytest.approx(0.6)
    assert confidence_of([once, replace(once, source="a 2", confidence=0.7)]) == pytest.approx(0.7)


@given(
    st.lists(st.tuples(st.sampled_from("vwxyz"), st.sampled_from("vwxyz"), st.floats(0, 1)), min_size=1, max_size=7),
    st.randoms(use_true_random=False),
)
def test_the_order_of_members_does_not_matter(given_: list[tuple[str, str, float]], random: Random) -> None:
    members = [by(str(k), first, second, confidence=sure) for k, (first, second, sure) in enumerate(given_)]
    shuffled = random.sample(members, len(members))
    assert votes_of(shuffled) == votes_of(members)
    assert confidence_of(shuffled) == pytest.approx(confidence_of(members))
    assert 0 <= confidence_of(members) <= 1
