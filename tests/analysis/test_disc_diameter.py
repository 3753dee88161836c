"""The diameter of a disc from its blurred picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dscope_blink.analysis.disc_diameter import unblurred_diameter
from dscope_blink.analysis.through_blur import LEVEL, NARROWEST


def seen_diameter(diameter: float, sigma: float) -> float:
    """Of what is above half of the peak in a picture that is drawn eight times as fine."""
    fine = 8
    y, x = np.mgrid[: 40 * fine, : 40 * fine] / fine - 20
    disc = (np.hypot(x, y) <= diameter / 2).astype(np.float32)
    seen = cv2.GaussianBlur(disc, (0, 0), sigma * fine)
    return float(2 * np.sqrt(np.count_nonzero(seen > LEVEL * seen.max()) / np.pi)) / fine


@pytest.mark.parametrize("diameter", [4.0, 8.0, 15.0])
def test_a_disc_has_its_diameter_back(diameter: float):
    assert unblurred_diameter(seen_diameter(diameter, 1.4), 1.4) == pytest.approx(diameter, abs=0.1)


def test_the_unit_of_length_does_not_matter():
    assert unblurred_diameter(4.5, 0.7) == pytest.approx(unblurred_diameter(9.0, 1.4) / 2)


def test_what_is_too_small_to_be_told_apart_has_the_size_of_the_blur():
    assert unblurred_diameter(1.0, 2.0) == pytest.approx(2.0 * NARROWEST)


def test_without_a_blur_the_diameter_is_what_is_seen():
    assert unblurred_diameter(21.0, 0.0) == 21.0
