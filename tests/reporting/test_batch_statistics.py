"""What a batch as a whole says: reasons, places, sizes; and where the charts of it put things."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dscope_blink.records import Defect, Inspection, Violation
from dscope_blink.reporting.batch_statistics import BatchStatistics
from dscope_blink.reporting.page_charts import (
    FEWEST,
    FEWEST_IN_TIME,
    FEWEST_ON_MAP,
    HEIGHT,
    MOST_BARS,
    WIDTH,
    cladding_plot,
    concentricity_plot,
    fiber_chart,
    nice_step,
    pareto,
    picture_chart,
    too_few_for_maps,
    trend,
)
from tests.builders.inspections import EVERY_KIND, FAILED, NO_SCALE, NOT_LOCATED, PASSED, SCALE, mark

MOVED = (35.0, -22.0)


def batch_of(*inspections: Inspection) -> BatchStatistics:
    batch = BatchStatistics()
    for inspection in inspections:
        batch.add(inspection)
    return batch


def with_marks(*marks: Defect) -> Inspection:
    return replace(FAILED, defects=marks)


def shifted(inspection: Inspection, by: tuple[float, float]) -> Inspection:
    """The fiber elsewhere in the picture; its marks stay."""
    assert inspection.geometry is not None
    cladding = inspection.geometry.cladding
    middle = cladding.ellipse.center_px[0] + by[0], cladding.ellipse.center_px[1] + by[1]
    ellipse = replace(cladding.ellipse, center_px=middle)
    return replace(inspection, geometry=replace(inspection.geometry, cladding=replace(cladding, ellipse=ellipse)))


SPOT = mark("P1", "pit_dig", (60.0, 20.0), 6)


# --- reasons


def test_a_picture_counts_once_for_each_limit_that_it_breaks():
    twice = Violation("core", "scratches", "2", "none", ("S1", "S2"))
    broken = replace(FAILED.verdict, violations=(*FAILED.verdict.violations, twice))
    (reason,) = pareto(batch_of(FAILED, replace(FAILED, verdict=broken), PASSED))
    assert (reason.key, reason.status, reason.count) == ("Zone core: scratches", "FAIL", 2)
    assert reason.share_pct == pytest.approx(200 / 3)


def test_the_commonest_reason_comes_first():
    other = replace(FAILED.verdict, violations=(Violation("contact", "pits", "9", "5", ()),))
    reasons = pareto(batch_of(FAILED, NOT_LOCATED, *[replace(FAILED, verdict=other)] * 2))
    assert [reason.count for reason in reasons] == [2, 1, 1]
    assert [reason.status for reason in reasons] == ["FAIL", "FAIL", "NOT_GRADED"]


# --- where marks lie


def test_dirt_on_the_lens_piles_up_in_the_picture_and_not_on_the_fiber():
    faces = [shifted(with_marks(SPOT), (k * 40.0, k * 25.0)) for k in range(5)]
    batch = batch_of(*faces)
    times, x, y = batch.picture_map().most_hit
    assert times == 5
    assert math.hypot(x - SPOT.centroid_px[0], y - SPOT.centroid_px[1]) < 20
    assert batch.fiber_map().most_hit[0] < 5


def test_a_fault_of_the_polishing_piles_up_on_the_fiber_and_not_in_the_picture():
    def face(k: int) -> Inspection:
        by = k * 40.0, k * 25.0
        spot = mark("P1", "pit_dig", (60.0 + by[0], 20.0 + by[1]), 6)
        return shifted(with_marks(spot), by)

    batch = batch_of(*(face(k) for k in range(5)))
    times, x, y = batch.fiber_map().most_hit
    assert times == 5
    assert math.hypot(x - 60 * SCALE.um_per_px_x, y - 20 * SCALE.um_per_px_y) < 4
    assert batch.picture_map().most_hit[0] < 5


def test_several_marks_of_one_picture_at_one_place_hit_it_once():
    assert batch_of(with_marks(SPOT, replace(SPOT, id="P2"))).picture_map().most_hit[0] == 1


def test_without_a_scale_the_map_of_the_fiber_is_in_radii_of_its_cladding():
    batch = batch_of(FAILED, NO_SCALE)
    marks = batch.fiber_map()
    assert marks.unit == "cladding radii"
    assert batch.zones()["C"] == pytest.approx(135 / 125)
    assert batch_of(FAILED).zones()["C"] == pytest.approx(135 / 2)


def test_a_mark_lies_where_it_does_whatever_the_unit():
    spots = [batch_of(replace(one, defects=one.defects[1:2])).fiber_map().outlines[0] for one in (FAILED, NO_SCALE)]
    assert np.allclose(spots[0] / 62.5, spots[1], atol=1e-3)


def test_pictures_of_another_size_are_not_laid_over_the_others():
    other = replace(FAILED, image=replace(FAILED.image, width=2000))
    marks = batch_of(FAILED, FAILED, other, NOT_LOCATED).picture_map()
    assert (marks.faces, marks.left_out) == (2, 2)


def test_what_lies_inside_a_ring_is_not_hit():
    ring = replace(mark("C1", "contamination", (0.0, 0.0), 200), area_px=900.0)
    disc = replace(ring, area_px=math.pi * 1e4)
    assert batch_of(with_marks(ring)).picture_map().hits.sum() < batch_of(with_marks(disc)).picture_map().hits.sum()


def test_too_many_marks_are_counted_and_not_drawn(monkeypatch):
    monkeypatch.setattr("dscope_blink.reporting.batch_statistics.MOST_MARKS", 4)
    chart = fiber_chart(batch_of(FAILED))
    assert not chart.shows_marks
    assert chart.paths == {}
    assert chart.cells


def test_what_is_hit_once_is_shaded_only_where_marks_are_not_drawn():
    assert fiber_chart(batch_of(FAILED)).cells == ()
    assert fiber_chart(batch_of(FAILED, FAILED)).cells


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_kind_of_result_has_its_charts(kind):
    batch = batch_of(EVERY_KIND[kind])
    charts: list[Any] = [fiber_chart(batch), picture_chart(batch), trend(batch), cladding_plot(batch)]
    assert all(chart.width > 0 for chart in charts)


def test_a_batch_without_results_has_its_charts():
    batch = BatchStatistics()
    assert fiber_chart(batch).most_hit == picture_chart(batch).most_hit == 0
    assert [*trend(batch).bars, *concentricity_plot(batch).bars, *pareto(batch)] == []


# --- sizes and time


def test_a_diameter_that_gave_the_scale_is_shown_in_pixels():
    assert cladding_plot(batch_of(FAILED)).x_label == "px"
    calibrated = replace(FAILED, scale=replace(SCALE, source="calibration"))
    assert cladding_plot(batch_of(FAILED, calibrated)).x_label == "um"


@given(st.lists(st.floats(100, 130), min_size=FEWEST, max_size=60))
def test_every_value_falls_into_one_bar_inside_the_plot(values):
    batch = BatchStatistics(offsets_um=values)
    plot = concentricity_plot(batch)
    assert sum(int(bar.title.rpartition(" ")[2]) for bar in plot.bars) == len(values)
    assert all(bar.x >= -1e-6 and bar.x + bar.width <= WIDTH + 1e-6 for bar in plot.bars)
    assert max(bar.height for bar in plot.bars) == pytest.approx(HEIGHT)
    assert plot.median is not None
    assert 0 <= plot.median <= WIDTH


@given(st.floats(1e-6, 1e6))
def test_steps_are_round_and_no_smaller_than_asked(rough):
    step = nice_step(rough)
    assert rough * (1 - 1e-6) <= step <= 2.5 * rough
    assert float(f"{step:.0e}"[0]) in (1, 2, 5)


@pytest.mark.parametrize("count", [FEWEST_IN_TIME, MOST_BARS, MOST_BARS + 1, 1000])
def test_the_trend_has_every_picture_once_in_the_order_of_time(count):
    moments = [(f"2026-01-{k % 28 + 1:02}T08:00:00", ("PASS", "FAIL")[k % 2]) for k in range(count)]
    batch = BatchStatistics(moments=moments)
    bars = trend(batch).bars
    assert sum(int(bar.title.split(": ")[1].split()[0]) for bar in bars) == count
    assert len({bar.x for bar in bars}) <= MOST_BARS


def course(count: int, minutes: float, status: str = "PASS") -> BatchStatistics:
    """Pictures evenly over a time."""
    start = datetime(2026, 1, 31, 23)
    ats = (start + timedelta(minutes=minutes * k / max(count - 1, 1)) for k in range(count))
    return BatchStatistics(moments=[(f"{at.isoformat()}+00:00", status) for at in ats])


def test_few_pictures_or_a_short_time_are_told_and_not_drawn():
    assert trend(course(FEWEST_IN_TIME, 120)).bars
    for told in (course(FEWEST_IN_TIME - 1, 600), course(600, 119), course(600, 600, "NOT_GRADED")):
        assert trend(told).bars == ()
        assert trend(told).note.startswith("not shown")
    assert trend(BatchStatistics(moments=[("yesterday", "PASS")] * 50)).bars == ()


def test_few_sizes_are_told_and_not_drawn():
    few = concentricity_plot(BatchStatistics(offsets_um=[0.2, 0.4, 0.3]))
    assert (few.bars, few.note) == ((), "3 pictures, median 0.3 um, 0.2 to 0.4 um")
    assert concentricity_plot(BatchStatistics(offsets_um=[0.25])).note == "1 picture, 0.25 um"
    assert concentricity_plot(BatchStatistics(offsets_um=[0.2] * FEWEST)).bars


def test_few_fibers_have_no_map():
    assert too_few_for_maps(batch_of(*[FAILED] * (FEWEST_ON_MAP - 1), NOT_LOCATED))
    assert not too_few_for_maps(batch_of(*[FAILED] * FEWEST_ON_MAP))


def test_the_time_is_that_of_the_picture_where_it_says_so():
    without = replace(PASSED, image=replace(PASSED.image, camera=None))
    assert [moment for moment, _ in batch_of(PASSED, without).moments] == [
        "2026-01-31T08:00:00.123+00:00",
        "2026-01-31T08:00:00+00:00",
    ]
