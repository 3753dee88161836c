"""A learned network as a detector: how likely it takes a pixel for a mark as support."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.detectors.learned import detect
from dscope_blink.records import FloatImage
from tests.builders.marks import SHAPE, residual_of

BARE = residual_of(np.zeros(SHAPE, np.float32))


def support(marks: tuple[float, ...], low: float = 0.2, high: float = 0.8) -> FloatImage:
    """Along the first row, where a mark of whatever kind is so likely."""
    kinds = np.zeros((6, *SHAPE), np.float32)
    kinds[0] = 1
    kinds[0, 0, : len(marks)] -= marks
    kinds[3, 0, : len(marks)] = np.array(marks) / 2
    kinds[1, 0, : len(marks)] = np.array(marks) / 2
    return detect(replace(BARE, kinds=kinds), min_probability=low, max_probability=high)[0, : len(marks)]


def test_support_rises_between_two_probabilities_of_any_mark() -> None:
    np.testing.assert_allclose(support((0, 0.2, 0.5, 0.8, 1.0)), [0, 0, 0.5, 1, 1], atol=1e-6)


def test_without_a_network_nothing_is_supported() -> None:
    found = detect(BARE, min_probability=0.2, max_probability=0.8)
    assert found.shape == SHAPE
    assert found.dtype == np.float32
    assert not found.any()


def test_probabilities_of_another_window_are_refused() -> None:
    with pytest.raises(ValueError, match="kinds of shape"):
        replace(BARE, kinds=np.zeros((6, 3, 3), np.float32))
