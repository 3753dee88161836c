"""What a batch comes to."""

from __future__ import annotations

import random
import statistics
from dataclasses import replace

import pytest

from dscope_blink.records import Inspection, Notice, Verdict, Violation
from dscope_blink.reporting.batch_totals import Totals, reasons_of
from tests.builders.inspections import FAILED, MARGINAL, NO_SCALE, NOT_LOCATED, PASSED, UNREADABLE


def totals_of(*inspections: Inspection) -> Totals:
    totals = Totals()
    for inspection in inspections:
        totals.add(inspection)
    return totals


def test_verdicts_doubts_and_yield_are_counted():
    totals = totals_of(FAILED, PASSED, MARGINAL, NO_SCALE, UNREADABLE)
    assert totals.statuses == {"PASS": 2, "FAIL": 1, "NOT_GRADED": 2}
    assert (totals.images, totals.marginal) == (5, 1)
    assert totals.yield_pct == pytest.approx(40)
    assert totals.yield_text == "3 of 5 graded, 2 pass"


def test_without_a_picture_there_is_no_yield():
    assert totals_of().yield_pct is None
    assert totals_of(UNREADABLE).yield_pct == 0


def test_reasons_are_told_without_the_figures_of_one_picture():
    broken = tuple(Violation("core", rule, "1", "none", ("S1",)) for rule in ("scratch width > 3 um", "defect > 5 um"))
    failed = Verdict("FAIL", (Notice("limit_broken", "one"), Notice("limit_broken", "two")), (*broken, broken[0]))
    assert reasons_of(failed) == ("Zone core: scratch width > 3 um", "Zone core: defect > 5 um")
    assert reasons_of(NOT_LOCATED.verdict) == ("Localization Failed",)
    assert reasons_of(PASSED.verdict) == ()
    unknown = replace(NOT_LOCATED.verdict, reasons=(Notice("other", "Too dark: 3 of 4 pixels"),))
    assert reasons_of(unknown) == ("Too dark",)
    found = totals_of(UNREADABLE, UNREADABLE, NOT_LOCATED, replace(FAILED, verdict=failed)).reasons
    assert found == {
        ("NOT_GRADED", "Unreadable"): 2,
        ("NOT_GRADED", "Localization Failed"): 1,
        ("FAIL", "Zone core: scratch width > 3 um"): 1,
        ("FAIL", "Zone core: defect > 5 um"): 1,
    }


def test_runs_are_told_apart_by_all_but_their_time():
    early, late = (replace(FAILED.provenance, started=f"2026-01-31T0{hour}:00:00+00:00") for hour in (7, 9))
    other = replace(FAILED.provenance, inputs={"config": "00" * 32})
    totals = totals_of(*(replace(FAILED, provenance=made) for made in (FAILED.provenance, late, early, other)))
    first, second = totals.runs.values()
    assert (first.images, first.first, first.last) == (3, early.started, late.started)
    assert second.images == 1


def test_limits_that_are_not_confirmed_are_named_once():
    assert totals_of(FAILED, PASSED).unconfirmed == ()  # without limits there is nothing to confirm


@pytest.mark.parametrize("count", [1, 2, 7, 500])
def test_medians_are_right_to_a_hundredth_and_the_slowest_comes_first(count):
    draw = random.Random(count)
    times = [(draw.lognormvariate(-4, 1), draw.lognormvariate(-2, 0.1)) for _ in range(count)]
    totals = totals_of(*(replace(FAILED, timings_s={"locate": a, "detect": b}) for a, b in times))
    medians = totals.medians_s()
    assert list(medians) == ["detect", "locate"]
    for stage, column in zip(("locate", "detect"), zip(*times, strict=True), strict=True):
        assert medians[stage] == pytest.approx(statistics.median_low(column), rel=0.011)


def test_a_stage_that_took_no_time_is_no_fault():
    assert totals_of(replace(FAILED, timings_s={"locate": 0.0})).medians_s()["locate"] < 1e-6


def test_what_is_kept_does_not_grow_with_the_batch():
    draw = random.Random(1)
    totals = totals_of(*(replace(FAILED, timings_s={"locate": draw.uniform(0.01, 0.1)}) for _ in range(3000)))
    assert len(totals._times["locate"]) < 130
