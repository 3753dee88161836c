"""Marks seen through blur and noise measure what they truly are; what is not resolved is at most so wide."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from dscope_blink.analysis.measuring import measure
from dscope_blink.records import Defect, Scale, size_of
from tests.builders.marks import CENTER, CONFIG, SHAPE, candidate, face_around, residual_of

FINE = 4  # a drawing is made so much finer than the picture
OPTICS_PX = 1.3  # sigma
UM_PER_PX = 0.35
NOISE = 0.015


def seen(shape_px: np.ndarray, contrast: float, noise: float = NOISE) -> Defect:
    """The mark of a fine drawing of relative contrast, (FINE h, FINE w), after optics, pixels and noise."""
    blurred = cv2.GaussianBlur(shape_px.astype(np.float32), (0, 0), OPTICS_PX * FINE)
    signal = contrast * cv2.resize(blurred, SHAPE[::-1], interpolation=cv2.INTER_AREA)
    signal = signal + noise * np.random.default_rng(5).standard_normal(SHAPE)
    field = residual_of(signal)
    smooth = cv2.GaussianBlur(field.gray, (0, 0), CONFIG.residual.smooth_px)
    # 0.28 of white noise is left by a smoothing of one pixel
    snr = smooth / np.float32(max(0.5 * noise * 0.28, 0.002))
    blur_px = math.hypot(OPTICS_PX, CONFIG.residual.smooth_px)
    found = cv2.connectedComponents((np.abs(snr) > np.maximum(0.35 * np.abs(snr).max(), 2.6)).astype(np.uint8))[1]
    middle = found[round(CENTER[1]), round(CENTER[0])]
    (defect,) = measure(
        [candidate(found == middle)],
        replace(field, snr=snr, blur_px=blur_px),
        face_around(scale=Scale(UM_PER_PX, UM_PER_PX, "calibration")),
        CONFIG,
    )
    return defect


def fine() -> tuple[np.ndarray, np.ndarray]:
    """Micrometres from the middle of the drawing, x and y."""
    y, x = np.mgrid[: FINE * SHAPE[0], : FINE * SHAPE[1]]
    across, down = (((v + 0.5) / FINE - 0.5 - c) * UM_PER_PX for v, c in zip((x, y), CENTER, strict=True))
    return across, down


@pytest.mark.parametrize("contrast", [-0.45, -0.15, 0.3])
@pytest.mark.parametrize("diameter_um", [3.0, 4.5, 7.0, 11.0])
def test_a_round_pit_has_its_true_diameter(diameter_um: float, contrast: float):
    x, y = fine()
    defect = seen(np.hypot(x, y) <= diameter_um / 2, contrast)
    assert defect.diameter_um == pytest.approx(diameter_um, abs=0.3)
    assert defect.at_most == {}


def test_a_small_pit_keeps_a_limit_that_it_keeps():
    x, y = fine()
    diameter_um = seen(np.hypot(x, y) <= 2.25, -0.45).diameter_um
    assert diameter_um is not None
    assert diameter_um < 5.0


@pytest.mark.parametrize("width_um", [1.5, 2.5, 4.0])
def test_a_scratch_has_its_true_width_and_length(width_um: float):
    x, y = fine()
    defect = seen((np.abs(x) <= 10) & (np.abs(y) <= width_um / 2), -0.4)
    assert defect.width_um == pytest.approx(width_um, abs=0.3)
    assert defect.length_um == pytest.approx(20.0, abs=0.6)


def test_outline_box_and_area_are_those_of_the_sizes():
    x, y = fine()
    defect = seen(np.hypot(x, y) <= 1.5, -0.4)
    outline = defect.contour_px.astype(np.float32)
    assert defect.diameter_um is not None
    assert 2 * cv2.minEnclosingCircle(outline)[1] * UM_PER_PX == pytest.approx(defect.diameter_um, abs=0.15)
    assert cv2.contourArea(outline) == pytest.approx(defect.area_px, rel=0.1)
    assert defect.area_um2 == pytest.approx(math.pi / 4 * defect.diameter_um**2, rel=0.12)
    assert max(defect.bbox_px[2:]) <= defect.diameter_px + 2


def test_a_scratch_narrower_than_the_optics_show_is_at_most_so_wide():
    x, y = fine()
    defect = seen((np.abs(x) <= 10) & (np.abs(y) <= 0.2), -0.8)
    assert defect.width_um is not None
    assert defect.at_most == {"width_um": pytest.approx(defect.width_um + defect.uncertainty["width_um"], abs=0.0011)}
    assert defect.at_most["width_um"] >= 0.4
    assert size_of(defect, "width") == f"<= {defect.at_most['width_um']:.1f}"
    assert size_of(defect, "length") == f"{defect.length_um:.1f}"


def test_a_mark_of_a_pixel_beside_a_stronger_one_still_has_sizes():
    """Half of the height of what is beside it is never reached: its pixels are all that is known."""
    signal = np.zeros(SHAPE, np.float32)
    signal[115:125, 156:166] = -0.9
    speck = np.zeros(SHAPE, bool)
    speck[120, 148:152] = True
    signal[speck] = -0.02
    (defect,) = measure([candidate(speck)], residual_of(signal), face_around(), CONFIG)
    assert min(defect.width_px, defect.length_px, defect.diameter_px, defect.area_px) > 0
    line = np.zeros(SHAPE, np.float32)
    line[100:140, 150] = np.linspace(-0.01, -0.9, 40)
    (fading,) = measure([candidate(line < 0)], residual_of(line), face_around(), CONFIG)
    assert fading.width_px > 0
