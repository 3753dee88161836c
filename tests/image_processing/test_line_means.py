from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from dscope_blink.image_processing.line_means import LENGTH_PX, line_means

SIDE = 121
NOISE = np.random.default_rng(5).normal(0, 1, (SIDE, SIDE)).astype(np.float32)


def _line(turn_deg: float, light: float) -> np.ndarray:
    turn, half, middle = math.radians(turn_deg), 30, SIDE // 2
    ends = [(round(middle + s * half * math.cos(turn)), round(middle + s * half * math.sin(turn))) for s in (-1, 1)]
    drawn = np.zeros((SIDE, SIDE), np.float32)
    cv2.line(drawn, ends[0], ends[1], (light,), 1)
    return drawn


@pytest.mark.parametrize("turn_deg", [0, 20, 45, 77, 90, 135])
def test_a_line_that_no_pixel_shows_stands_out_along_it(turn_deg: float) -> None:
    means = line_means(NOISE + _line(turn_deg, 2.0))
    clear = np.nanmax(np.abs(line_means(NOISE)))
    assert np.nanmax(means) > 1.15 * clear


def test_a_dark_line_departs_below() -> None:
    assert line_means(_line(30, -3.0))[SIDE // 2, SIDE // 2] < 0


def test_an_even_departure_is_no_line() -> None:
    assert np.nanmax(np.abs(line_means(np.full((SIDE, SIDE), 5.0, np.float32)))) < 1e-4


def test_nothing_is_said_where_little_is_seen() -> None:
    hidden = NOISE.copy()
    hidden[:, : SIDE // 2] = np.nan
    means = line_means(hidden)
    assert np.isnan(means[:, : SIDE // 2]).all()
    assert np.isfinite(means[LENGTH_PX:-LENGTH_PX, SIDE // 2 + LENGTH_PX : -LENGTH_PX]).all()
