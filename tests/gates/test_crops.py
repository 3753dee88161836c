"""The ink in a box, by median, by Otsu and by the calibrated level."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dscope_blink.gates.calibrating import see_markers
from dscope_blink.gates.crops import gray_of, measured
from dscope_blink.records import Box, FoundObject, Marker


def marker(left: float, top: float, right: float, bottom: float) -> Marker:
    return Marker(FoundObject("big", Box(left, top, right, bottom), 0.9), "primary", math.nan, math.nan, math.nan)


def paper(noise: float = 0.0) -> np.ndarray:
    levels = 220 + np.random.default_rng(1).normal(0, noise, (100, 200))
    return np.clip(levels, 0, 255).astype(np.uint8)


def test_a_box_that_is_three_quarters_ink_says_so() -> None:
    gray = paper()
    gray[40:60, 50:80] = 30
    one = measured(marker(50, 40, 90, 60), gray, 0.5, 0.5)
    assert [one.median_gray, one.dark_ratio, one.ink_ratio] == pytest.approx([30, 0.75, 0.75])


def test_otsu_finds_ink_on_blank_paper_and_the_calibrated_level_none() -> None:
    one = measured(marker(50, 40, 90, 60), paper(6), 0.5, 0.5)
    assert one.dark_ratio > 0.3
    assert one.ink_ratio == 0


def test_a_box_that_is_all_ink_is_all_dark() -> None:
    gray = paper(2)
    gray[40:60, 50:90] = 30 + np.arange(40) % 9
    assert measured(marker(50, 40, 90, 60), gray, 0.5, 0.5).dark_ratio == 1


def test_a_flat_crop_is_what_the_level_says() -> None:
    assert measured(marker(50, 40, 90, 60), paper(), 0.5, 0.5).dark_ratio == 0


def test_a_box_outside_of_the_picture_has_no_figures() -> None:
    one = measured(marker(300, 40, 340, 60), paper(), 0.5, 0.2)
    assert all(math.isnan(value) for value in (one.median_gray, one.dark_ratio, one.ink_ratio))


@pytest.mark.parametrize("level", [0.1, 0.35, 0.6, 0.9])
def test_calibration_measures_the_same_ink_ratio_as_judging(level: float) -> None:
    gray = np.random.default_rng(3).integers(0, 256, (100, 200)).astype(np.uint8)
    (seen,) = see_markers([marker(50.3, 40.2, 90.4, 60.1)], gray, 0.5)
    assert seen.inked(level).ink_ratio == pytest.approx(measured(seen.marker, gray, level, 0.5).ink_ratio)


def test_a_colour_picture_is_read_as_gray() -> None:
    assert gray_of(np.full((4, 5, 3), 77, np.uint8)).tolist() == np.full((4, 5), 77).tolist()
