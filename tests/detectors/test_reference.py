"""The learned reference as a detector: departures from good faces as support."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.detectors.reference import detect
from dscope_blink.records import FloatImage
from tests.builders.marks import SHAPE, residual_of

BARE = residual_of(np.zeros(SHAPE, np.float32))


def support(departures: tuple[float, ...], low: float = 0.7, high: float = 1.3) -> FloatImage:
    """Along the first row, where the departures lie."""
    field = np.zeros(SHAPE, np.float32)
    field[0, : len(departures)] = departures
    return detect(replace(BARE, departure=field), min_departure=low, max_departure=high)[0, : len(departures)]


def test_support_rises_between_two_departures_and_is_a_half_at_the_limit() -> None:
    np.testing.assert_allclose(support((0, 0.7, 1.0, 1.3, 9.0)), [0, 0, 0.5, 1, 1], atol=1e-6)


def test_without_a_reference_nothing_is_supported() -> None:
    found = detect(BARE, min_departure=0.7, max_departure=1.3)
    assert found.shape == SHAPE
    assert found.dtype == np.float32
    assert not found.any()


def test_two_equal_departures_are_a_step() -> None:
    np.testing.assert_array_equal(support((0.99, 1.01), 1.0, 1.0), [0, 1])


def test_departures_of_another_window_are_refused() -> None:
    with pytest.raises(ValueError, match="departure of shape"):
        replace(BARE, departure=np.zeros((3, 3), np.float32))
