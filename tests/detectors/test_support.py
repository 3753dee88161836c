"""What a detector returns is support, or the detector and the rule that it breaks are named."""

from __future__ import annotations

import re

import numpy as np
import pytest

from dscope_blink.detectors.support import checked_support, marked

SHAPE = (4, 5)


def of(value):
    """Support of 0.5, but for one pixel."""
    support = np.full(SHAPE, 0.5, np.float32)
    support[2, 3] = value
    return support


@pytest.mark.parametrize("value", [0.0, -0.0, 0.3, 1.0])
def test_support_of_0_to_1_is_taken_as_it_is(value):
    support = of(value)
    assert checked_support("mine", support, SHAPE) is support


def test_a_mask_is_support_of_0_and_1():
    mask = np.eye(*SHAPE, dtype=bool)
    support = checked_support("mine", mask, SHAPE)
    assert support.dtype == np.float32
    np.testing.assert_array_equal(support, mask)


def test_a_view_of_another_array_is_taken_too():
    whole = np.random.default_rng(0).random((10, 8), np.float32)
    np.testing.assert_array_equal(checked_support("mine", whole.T[::-2, ::2], SHAPE), whole.T[::-2, ::2])


@pytest.mark.parametrize(
    ("returned", "problem"),
    [
        (of(1.5), "must return values of 0 to 1, got 1.5"),
        (of(-0.25), "must return values of 0 to 1, got -0.25"),
        (of(np.nan), "must return values of 0 to 1, got nan"),
        (of(np.inf), "must return values of 0 to 1, got inf"),
        (of(0.5).astype(float), "must return float32 or bool, got float64"),
        (np.zeros(SHAPE, np.uint8), "must return float32 or bool, got uint8"),
        (of(0.5)[1:], "must return an array of the residual's shape (4, 5), got shape (3, 5)"),
        (of(0.5)[..., None], "must return an array of the residual's shape (4, 5), got shape (4, 5, 1)"),
        (None, "must return an array of the residual's shape (4, 5), got NoneType"),
    ],
)
def test_anything_else_is_refused_with_the_rule_and_what_it_is(returned, problem):
    with pytest.raises(ValueError, match=re.escape(f"detector mine {problem}")):
        checked_support("mine", returned, SHAPE)


def test_a_detector_marks_what_is_rather_a_mark_than_none():
    support = np.array([[0, 0.49, 0.5, 1]], np.float32)
    assert marked(support).tolist() == [[False, False, True, True]]
