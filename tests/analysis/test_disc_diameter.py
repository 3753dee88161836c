"""The diameter of a disc from its blurred picture on pixels."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from dscope_blink.analysis.disc_diameter import unblurred_diameter
from dscope_blink.analysis.through_blur import NARROWEST


def enclosing_px(diameter_px: float, sigma_px: float, level: float, at: Sequence[float]) -> float:
    """Of the pixels above the level in a picture that is drawn eight times as fine."""
    fine = 8
    y, x = np.mgrid[: 40 * fine, : 40 * fine] / fine - 20 + 0.5 / fine
    disc = (np.hypot(x - at[0], y - at[1]) <= diameter_px / 2).astype(np.float32)
    seen = cv2.GaussianBlur(disc, (0, 0), sigma_px * fine)[fine // 2 :: fine, fine // 2 :: fine]
    pixels = np.argwhere(seen > level * seen.max()).astype(np.float32)
    return 2 * cv2.minEnclosingCircle(pixels)[1] + 1


@pytest.mark.parametrize("level", [0.35, 0.6])
@pytest.mark.parametrize("diameter_px", [4.0, 8.0, 15.0])
def test_a_disc_has_its_diameter_back(diameter_px: float, level: float):
    places = np.random.default_rng(3).uniform(-0.5, 0.5, (12, 2))
    found = [unblurred_diameter(enclosing_px(diameter_px, 1.4, level, at), 1.4, level, 1.0) for at in places.tolist()]
    assert np.mean(found) == pytest.approx(diameter_px, abs=0.4)


def test_the_unit_of_length_does_not_matter():
    in_pixels = unblurred_diameter(9.0, 1.4, 0.35, 1.0)
    assert unblurred_diameter(4.5, 0.7, 0.35, 0.5) == pytest.approx(in_pixels / 2)


def test_what_is_too_small_to_be_told_apart_has_the_size_of_the_blur():
    assert unblurred_diameter(1.0, 2.0, 0.35, 1.0) == pytest.approx(2.0 * NARROWEST)


def test_without_a_blur_only_the_pixels_are_taken_off():
    assert unblurred_diameter(21.0, 0.0, 0.35, 1.0) == pytest.approx(20.0, abs=0.1)
