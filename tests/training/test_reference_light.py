from __future__ import annotations

import numpy as np

from dscope_blink.image_processing.face_features import FEATURE_NAMES
from dscope_blink.models.reference import TaughtNumbers
from dscope_blink.training.reference_light import several_lights


def _numbers(*ratios: float) -> TaughtNumbers:
    values = np.full((len(ratios), len(FEATURE_NAMES)), np.nan, np.float32)
    values[:, FEATURE_NAMES.index("core_to_cladding")] = ratios
    return TaughtNumbers(FEATURE_NAMES, ("",) * len(FEATURE_NAMES), values, np.zeros((len(ratios), 3, 4), np.float32))


def test_faces_of_two_lights_are_told_with_how_many_there_are_of_each() -> None:
    said = several_lights(_numbers(2.1, 1.0, 2.2, 1.1, 2.15, 1.05), range(6))
    assert "1.00 to 1.10 in 3 and 2.10 to 2.20 in 3" in said


def test_faces_of_one_light_are_not() -> None:
    assert several_lights(_numbers(1.0, 1.05, 0.95, 1.02, 1.1), range(5)) == ""


def test_only_the_faces_that_are_used_count() -> None:
    assert several_lights(_numbers(1.0, 1.05, 0.95, 2.0), range(3)) == ""


def test_what_no_face_shows_says_nothing() -> None:
    assert several_lights(_numbers(np.nan, np.nan, np.nan), range(3)) == ""
