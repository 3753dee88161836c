"""The heat map of an aggregate: nothing lost, at the place of the mark, turned with the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.records import MergedMark
from dscope_blink.reporting.aggregate_heat import heat_map
from tests.builders.aggregates import merged
from tests.builders.inspections import CENTER, mark

WEIGHTS = {"CRITICAL": 25.0, "HIGH": 15.0, "MEDIUM": 8.0, "LOW": 3.0, "NEGLIGIBLE": 1.0}
PART = (0, 0, 1000, 850)
SHAPE = (170, 200)  # cells of 5 px
SIGMA_PX = (20.0, 20.0)


def one(size_px: float = 8.0, kind: str = "pit_dig", at: tuple[float, float] = (0, 0), **changes: object) -> MergedMark:
    return merged(mark("P1", kind, at, size_px, **{"severity": "HIGH", "confidence": 0.5, **changes}), ["a"])


def middle(heat: np.ndarray) -> np.ndarray:
    """Centre of mass in pixels of the picture."""
    rows, columns = np.indices(heat.shape)
    return (np.array([(heat * columns).sum(), (heat * rows).sum()]) / heat.sum() + 0.5) * 5 - 0.5


@pytest.mark.parametrize("kind", ["pit_dig", "scratch"])
@pytest.mark.parametrize("size_px", [0.5, 3.0, 40.0, 300.0])
@pytest.mark.parametrize("at", [(0, 0), (-470, -420), (500, 400)])
def test_the_heat_of_a_mark_is_its_weight_wherever_it_lies(kind, size_px, at):
    heat = heat_map([one(size_px, kind, at)], PART, SHAPE, SIGMA_PX, WEIGHTS)
    assert heat.sum() == pytest.approx(15 * 0.5, rel=1e-4)
    assert heat.min() >= 0


@pytest.mark.parametrize("size_px", [0.5, 3.0, 40.0, 200.0])
def test_the_heat_lies_where_the_mark_does(size_px):
    heat = heat_map([one(size_px, at=(31.7, -12.2))], PART, SHAPE, SIGMA_PX, WEIGHTS)
    assert middle(heat) == pytest.approx(np.array(CENTER) + (31.7, -12.2), abs=1.0 if size_px > 8 else 0.05)


def test_a_lone_small_mark_reaches_its_weight_in_the_area_of_the_gaussian():
    heat = heat_map([one()], PART, SHAPE, SIGMA_PX, WEIGHTS)
    area_cells = 2 * np.pi * (20 / 5) ** 2
    assert heat.max() * area_cells == pytest.approx(7.5, rel=0.03)


def test_severity_and_confidence_weigh_and_marks_add_up():
    marks = [one(), one(severity="CRITICAL", confidence=1.0), one(severity="NEGLIGIBLE", confidence=0.25)]
    assert heat_map(marks, PART, SHAPE, SIGMA_PX, WEIGHTS).sum() == pytest.approx(7.5 + 25 + 0.25, rel=1e-4)


def test_no_mark_is_no_heat():
    assert not heat_map([], PART, SHAPE, SIGMA_PX, WEIGHTS).any()


@pytest.mark.parametrize(("size_px", "kind"), [(6.0, "pit_dig"), (90.0, "scratch"), (60.0, "contamination")])
def test_turning_the_picture_turns_the_heat(size_px, kind):
    width, height = PART[2:]
    straight = one(size_px, kind, (-130.0, 77.0))
    x, y = straight.defect.contour_px.T
    contour = np.stack([height - 1 - y, x], axis=1)  # a quarter turn, clockwise
    turned = replace(
        straight, defect=replace(straight.defect, contour_px=contour, centroid_px=tuple(contour.mean(axis=0)))
    )
    heat = heat_map([straight], PART, SHAPE, (15.0, 25.0), WEIGHTS)
    again = heat_map([turned], (0, 0, height, width), SHAPE[::-1], (25.0, 15.0), WEIGHTS)
    assert np.abs(np.rot90(heat, -1) - again).max() < 0.1 * heat.max()
    assert middle(np.rot90(again)) == pytest.approx(middle(heat), abs=1.0)  # a fifth of a cell
