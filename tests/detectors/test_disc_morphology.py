"""Closing and opening by a disc give what OpenCV's give."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dscope_blink.detectors.disc_morphology import closing, opening


@pytest.mark.parametrize("size_px", [3, 5, 9, 15, 21, 31])
@pytest.mark.parametrize("shape", [(40, 70), (7, 5), (1, 3)])
def test_it_is_that_of_opencv(size_px: int, shape: tuple[int, int]) -> None:
    levels = np.random.default_rng(size_px).integers(-16000, 16000, shape).astype(np.int16)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size_px, size_px))
    assert np.array_equal(closing(levels, size_px), cv2.morphologyEx(levels, cv2.MORPH_CLOSE, kernel))
    assert np.array_equal(opening(levels, size_px), cv2.morphologyEx(levels, cv2.MORPH_OPEN, kernel))
