"""The width of a line is that before the blur, for every width and unit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dscope_blink.analysis.line_width import unblurred_width
from dscope_blink.analysis.through_blur import LEVEL, NARROWEST

STEP = 0.002


def seen_width(width, sigma):
    """A line and a Gaussian, convolved by brute force."""
    x = np.arange(-(width + 8 * sigma), width + 8 * sigma, STEP)
    line = (np.abs(x) <= width / 2).astype(float)
    bell = np.exp(-0.5 * (np.arange(-5 * sigma, 5 * sigma, STEP) / sigma) ** 2)
    profile = np.convolve(line, bell, "same")
    return STEP * np.count_nonzero(profile > LEVEL * profile.max())


@pytest.mark.parametrize("width", [1.1, 1.7, 2.5, 4.0, 8.0, 20.0])
def test_the_true_width_comes_back(width):
    assert unblurred_width(seen_width(width, 1.0), 1.0) == pytest.approx(width, abs=0.03)


@given(width=st.floats(1.2, 10), factor=st.floats(0.1, 10))
def test_the_unit_does_not_matter(width, factor):
    assert unblurred_width(width * factor, factor) == pytest.approx(unblurred_width(width, 1.0) * factor)


@given(a=st.floats(0, 20), b=st.floats(0, 20))
def test_a_line_that_looks_wider_is_not_narrower(a, b):
    low, high = sorted((a, b))
    assert unblurred_width(low, 1.0) <= unblurred_width(high, 1.0)


@given(seen=st.floats(0, 30))
def test_at_half_the_peak_the_blur_only_widens(seen):
    assert unblurred_width(seen, 1.0) <= max(seen, NARROWEST) + 0.02


def test_a_line_narrower_than_the_blur_is_as_wide_as_the_blur():
    assert unblurred_width(seen_width(0.1, 0.7), 0.7) == pytest.approx(0.7 * NARROWEST, rel=0.01)


def test_without_a_blur_the_width_is_what_is_seen():
    assert unblurred_width(3.4, 0.0) == 3.4
