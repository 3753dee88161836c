"""Lines far below the noise of a pixel are found by their sum, and what is no line is not."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from dscope_blink.config.loading import load_config
from dscope_blink.detectors.faint_lines import detect
from dscope_blink.records import Residual
from tests.builders.settings import ROOT

SETTINGS: dict[str, Any] = dict(
    load_config(ROOT / "config.json").profile("deep_inspection").detectors["faint_lines"].settings
)
SHAPE, CENTRE, RADIUS_PX = (400, 420), (210.0, 200.0), 130.0
ROWS, COLUMNS = np.indices(SHAPE)
NOISE = 0.02  # of a pixel; relative to the brightness of 0.5 it is 4 %


def residual(gray):
    """Noise of a camera with something in it, and a contrast floor that hides all of it."""
    noisy = np.random.default_rng(5).normal(0, NOISE, SHAPE) + gray
    smooth = cv2.GaussianBlur(noisy.astype(np.float32), (0, 0), 1.0)
    return Residual(
        origin_px=(0, 0),
        pixel_px=(1.0, 1.0),
        gray=noisy.astype(np.float32),
        snr=smooth / np.float32(NOISE),
        edge_snr=np.zeros(SHAPE, np.float32),
        background=np.full(SHAPE, 0.5, np.float32),
        rho=(np.hypot(COLUMNS - CENTRE[0], ROWS - CENTRE[1]) / RADIUS_PX).astype(np.float32),
        cladding_radius_px=RADIUS_PX,
        blur_px=1.25,
        inside=np.ones(SHAPE, bool),
    )


def drawn(points, width_px=2.0, depth=1.0):
    """A line through points, blurred as optics do; (h, w)."""
    fine = np.rint(np.asarray(points, np.float64) * 16).astype(np.int32)
    line = cv2.polylines(np.zeros(SHAPE, np.uint8), [fine], False, 255, round(width_px), cv2.LINE_AA, 4)
    return depth * cv2.GaussianBlur(line / np.float32(255), (0, 0), 0.8)


def course(bend=0.0, turn_deg=25.0, length=160.0, middle=(200.0, 205.0)):
    t = np.linspace(-1, 1, 60)
    turn = np.radians(turn_deg)
    along, across = t * length / 2, bend * length * (t * t - 1 / 3)
    return np.stack(
        [
            middle[0] + along * np.cos(turn) - across * np.sin(turn),
            middle[1] + along * np.sin(turn) + across * np.cos(turn),
        ],
        axis=1,
    )


def share_along(found, points):
    x, y = np.rint(points).astype(int).T
    return float((cv2.dilate(found, np.ones((5, 5))) > 0)[y, x].mean())


@pytest.mark.parametrize("sign", [-1, 1], ids=["dark", "bright"])
@pytest.mark.parametrize("bend", [0.0, 0.04], ids=["straight", "curved"])
@pytest.mark.parametrize("turn_deg", [6.0, 25.0, 118.0])
def test_a_line_below_the_noise_of_its_pixels_is_found_along_its_length(sign, bend, turn_deg):
    points = course(bend, turn_deg)
    found = detect(residual(drawn(points, depth=sign * NOISE)), **SETTINGS)
    assert share_along(found, points) > 0.7
    assert found.sum() < 8 * len(found)  # and little beside it


def test_nothing_is_found_in_noise():
    assert not detect(residual(0.0), **SETTINGS).any()


def test_two_specks_are_no_line():
    specks = sum(drawn([point, point + 2.0], 5, 20 * NOISE) for point in course()[[10, 50]])
    assert not detect(residual(specks), **SETTINGS).any()


def test_a_ring_around_the_fiber_is_no_line():
    ring = NOISE * np.exp(-(((np.hypot(COLUMNS - CENTRE[0], ROWS - CENTRE[1]) - 70) / 1.5) ** 2) / 2)
    assert not detect(residual(ring), **SETTINGS).any()


def test_parallel_texture_is_no_line():
    texture = NOISE * np.sign(np.sin((COLUMNS * 0.5 + ROWS * 0.866) / 2.2))
    assert not detect(residual(texture), **SETTINGS).any()


def test_a_line_fainter_than_a_person_sees_is_left():
    points = course(length=300.0)
    least = SETTINGS["min_contrast"] * 0.5
    assert not detect(residual(drawn(points, depth=0.5 * least)), **SETTINGS).any()


def test_a_line_is_as_wide_as_its_mean_profile():
    narrow, wide = (detect(residual(drawn(course(), w, 2 * NOISE)), **SETTINGS).sum() for w in (1, 5))
    assert 1.3 * narrow < wide < 4 * narrow


def test_lines_of_blocks_and_rows_need_more():
    points = course(turn_deg=0.0, length=100.0)
    aligned, turned = (
        detect(residual(drawn(course(turn_deg=t, length=100.0), depth=0.7 * NOISE)), **SETTINGS) for t in (0, 20)
    )
    assert not share_along(aligned, points) > 0.5
    assert share_along(turned, course(turn_deg=20, length=100.0)) > 0.5
