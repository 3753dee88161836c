"""The quality score: penalties, the rules that fail it, and every reason in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dscope_blink.analysis.aggregation.scoring import score_of
from dscope_blink.records import SEVERITIES, Score
from tests.builders.found_marks import CONFIG, SMALL, merged

SETTINGS = CONFIG.aggregation


def marks(**counts: int):
    """So many marks of each severity."""
    named = [(severity, number) for severity, count in counts.items() for number in range(count)]
    return [merged(replace(SMALL, id=f"P{place + 1}"), severity=severity) for place, (severity, _) in enumerate(named)]


@pytest.mark.parametrize(("severity", "penalty"), [*zip(SEVERITIES, (25, 15, 8, 3, 1), strict=True)])
def test_each_severity_takes_its_penalty(severity, penalty):
    assert score_of(marks(**{severity: 1}), SETTINGS).value == 100 - penalty


def test_a_face_without_marks_has_all_and_passes():
    assert score_of((), SETTINGS) == Score(100, True, ())


def test_penalties_add_up_and_end_at_nothing():
    assert score_of(marks(HIGH=1, MEDIUM=1, LOW=2, NEGLIGIBLE=1), SETTINGS).value == 100 - 15 - 8 - 6 - 1
    assert score_of(marks(CRITICAL=4, LOW=1), SETTINGS).value == 0


def test_one_critical_mark_fails_and_is_named():
    assert score_of(marks(CRITICAL=1), SETTINGS) == Score(75, False, ("1 CRITICAL mark, none is allowed: P1",))


def test_two_high_marks_pass_and_a_third_fails_in_both_ways():
    assert score_of(marks(HIGH=2), SETTINGS) == Score(70, True, ())
    found = score_of(marks(HIGH=3), SETTINGS)
    assert found.reasons == (
        "3 HIGH marks, at most 2 are allowed: P1, P2, P3",
        "score 55, at least 70 is asked: 3 HIGH take 45",
    )


def test_many_small_ones_fail_by_the_score_alone():
    found = score_of(marks(MEDIUM=3, LOW=2, NEGLIGIBLE=1), SETTINGS)
    assert (found.value, found.passed) == (69, False)
    assert found.reasons == ("score 69, at least 70 is asked: 3 MEDIUM take 24, 2 LOW take 6, 1 NEGLIGIBLE take 1",)


def test_a_reason_names_a_few_marks_and_says_that_there_are_more():
    (reason, _) = score_of(marks(CRITICAL=7), SETTINGS).reasons
    assert reason == "7 CRITICAL marks, none is allowed: P1, P2, P3, P4, P5, ..."


def test_penalties_and_limits_are_those_of_the_settings():
    other = replace(SETTINGS, penalties={**SETTINGS.penalties, "LOW": 0.5}, max_critical=1, max_high=0, min_score=99.6)
    found = score_of(marks(LOW=1), other)
    assert found == Score(99.5, False, ("score 99.5, at least 99.6 is asked: 1 LOW take 0.5",))
    assert score_of(marks(CRITICAL=1), replace(other, min_score=0)).passed
    assert not score_of(marks(HIGH=1), replace(other, min_score=0)).passed
