"""Each detector finds what it is for in noise, of either sign, and next to nothing in noise alone."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dscope_blink.config.loading import load_config
from dscope_blink.detectors.registry import DETECTORS
from dscope_blink.detectors.support import MARKED_FROM
from dscope_blink.records import Residual
from tests.builders.settings import ROOT

PROFILES = {name: load_config(ROOT / "config.json").profile(name) for name in ("deep_inspection", "fast_scan")}
SETTINGS: dict[str, dict[str, Any]] = {
    name: dict(one.settings) for name, one in PROFILES["deep_inspection"].detectors.items()
}

SHAPE = (200, 240)
CENTRE = (118.3, 99.6)  # x, y
RADIUS_PX = 72.0
ROWS, COLUMNS = np.indices(SHAPE)
DISTANCE = np.hypot(COLUMNS - CENTRE[0], ROWS - CENTRE[1])

FOR_INSPECTION = [name for name, entry in PROFILES["deep_inspection"].detectors.items() if entry.enabled]
every_detector = pytest.mark.parametrize("name", FOR_INSPECTION)
either_sign = pytest.mark.parametrize("sign", [-1, 1], ids=["dark", "bright"])


def noise(seed):
    """Noise of unit variance as smooth as that of the residual."""
    rough = np.random.default_rng(seed).standard_normal(SHAPE).astype(np.float32)
    smooth = cv2.GaussianBlur(rough, (0, 0), 1.0)
    return smooth / smooth.std()


def residual(snr, inside=None):
    """A residual whose every kind of sigma is the same."""
    snr = np.ascontiguousarray(snr, np.float32)
    return Residual(
        origin_px=(0, 0),
        pixel_px=(1.0, 1.0),
        gray=snr * np.float32(0.01),
        snr=snr,
        edge_snr=snr,
        background=np.full(SHAPE, 0.5, np.float32),
        rho=(DISTANCE / RADIUS_PX).astype(np.float32),
        cladding_radius_px=RADIUS_PX,
        blur_px=0.0,
        inside=np.ones(SHAPE, bool) if inside is None else inside,
    )


def support(name, snr, profile="deep_inspection", **kwargs):
    return DETECTORS[name](residual(snr, **kwargs), **PROFILES[profile].detectors[name].settings)


def detect(name, snr, profile="deep_inspection", **kwargs):
    """What a detector marks."""
    return support(name, snr, profile, **kwargs) >= MARKED_FROM


@cache
def in_noise(name, seed=0, profile="deep_inspection"):
    """What a detector marks where there is no mark."""
    return detect(name, noise(seed), profile)


def disc(x, y, radius_px):
    return np.hypot(COLUMNS - x, ROWS - y) <= radius_px


def line(x, y, angle_deg, length_px, width_px):
    """A bar around a point."""
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    along, across = c * (COLUMNS - x) + s * (ROWS - y), c * (ROWS - y) - s * (COLUMNS - x)
    return (np.abs(along) <= length_px / 2) & (np.abs(across) <= width_px / 2)


def marked(mask, snr, seed=0):
    """A mark with the soft border of a smoothed residual, on noise."""
    return noise(seed) + cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8) * np.float32(snr)


def recall(found, mask):
    return (found & mask).sum() / mask.sum()


def beside(found, name, mask, reach_px):
    """Share of the picture that is supported because of the mark, but farther than this from it."""
    near = cv2.dilate(mask.astype(np.uint8), np.ones((2 * reach_px + 1,) * 2, np.uint8)).astype(bool)
    return (found & ~in_noise(name) & ~near).mean()


# --- what all have in common


# Share of pure noise that a detector alone supports; measured 0.18 for the gradient, whose outlines are filled.
MOST_OF_NOISE = {"gradient": 0.3, "black_hat": 0.05, "edge_chip": 0.001, "faint_lines": 0.001}
MOST_OF_NOISE_ELSE = 0.02


@every_detector
@pytest.mark.parametrize("profile", PROFILES)
def test_little_of_pure_noise_is_supported(name, profile):
    share = np.mean([in_noise(name, seed, profile).mean() for seed in range(4)])
    assert share < MOST_OF_NOISE.get(name, MOST_OF_NOISE_ELSE)


@every_detector
@pytest.mark.parametrize("level", [-20.0, 0.0, 3.0])
def test_nothing_is_supported_where_nothing_changes(name, level):
    found = detect(name, np.full(SHAPE, level, np.float32))
    clear_of_the_border = np.s_[40:-40, 40:-40]
    if level == 0 or name not in ("edge_chip", "skeleton"):  # those two look at the level itself
        assert not found[clear_of_the_border].any()


@every_detector
def test_support_has_the_shape_of_the_residual_and_the_residual_is_left_alone(name):
    snr = marked(disc(80, 60, 4), -15)
    kept = snr.copy()
    found = support(name, snr)
    assert (found.shape, found.dtype) == (SHAPE, np.float32)
    assert 0 <= found.min() <= found.max() <= 1
    np.testing.assert_array_equal(snr, kept)


@every_detector
def test_the_same_residual_gives_the_same_support(name):
    snr = marked(line(110, 90, 30, 60, 3), 6) + marked(disc(80, 60, 4), -15)
    np.testing.assert_array_equal(support(name, snr), support(name, snr))


@every_detector
@settings(max_examples=8)
@given(seed=st.integers(0, 1000))
def test_the_opposite_residual_gives_nearly_the_same_support(name, seed):
    snr = marked(disc(80, 60, 4) | line(110, 110, 30, 60, 3), 12, seed)
    found, opposite = detect(name, snr), detect(name, -snr)
    assert (found ^ opposite).sum() <= 0.1 * (found | opposite).sum() + 10


# --- compact marks


@either_sign
@pytest.mark.parametrize(
    ("name", "radius_px"),
    [
        ("do2mr", 2),
        ("do2mr", 4),
        ("black_hat", 2),
        ("black_hat", 4),
        ("black_hat", 7),
        ("gradient", 2),
        ("gradient", 7),
    ],
)
@pytest.mark.parametrize("snr", [15, 60])
def test_a_compact_mark_is_covered(name, radius_px, snr, sign):
    mark = disc(100.4, 80.7, radius_px)
    found = detect(name, marked(mark, sign * snr))
    assert recall(found, mark) > 0.8
    assert beside(found, name, mark, 6) < 0.005


@pytest.mark.parametrize("name", ["black_hat", "gradient", "do2mr"])
def test_a_strong_mark_does_not_hide_a_weak_one(name):
    weak = disc(60, 60, 4)
    snr = marked(weak, -10) + marked(disc(160, 130, 9), -300) - noise(0)
    assert recall(detect(name, snr), weak) > 0.8


@either_sign
def test_hats_do_not_rise_on_the_ground_beside_a_mark(sign):
    mark = disc(100, 80, 6)
    found = detect("black_hat", marked(mark, sign * 60))
    assert beside(found, "black_hat", mark, 4) < 0.001


@either_sign
def test_hats_do_not_rise_on_the_ground_between_two_marks(sign):
    pair = disc(93, 80, 4) | disc(107, 80, 4)
    found = detect("black_hat", marked(pair, sign * 60) - noise(0))
    assert recall(found, pair) > 0.9
    assert not found[disc(100, 80, 1.5)].any()


def test_the_gradient_fills_a_mark_whose_middle_is_calm():
    ring = disc(100, 80, 9) & ~disc(100, 80, 6)
    assert recall(detect("gradient", marked(ring, -20)), disc(100, 80, 9)) > 0.9


def test_the_gradient_does_not_fill_the_fiber_inside_a_ring_around_it():
    ring = (DISTANCE < RADIUS_PX) & (DISTANCE > RADIUS_PX - 3)
    found = detect("gradient", marked(ring, 20)) & ~in_noise("gradient")
    assert found[DISTANCE < RADIUS_PX - 12].mean() < 0.02


def test_what_is_not_inspected_does_not_set_the_threshold():
    mark, inside = disc(60, 80, 4), COLUMNS < 100
    snr = np.where(inside, marked(mark, -15), 30 * noise(1))
    assert recall(detect("do2mr", snr, inside=inside), mark) > 0.8


def test_no_line_is_followed_where_nothing_is_inspected():
    mark, inside = line(118, 97, 20, 100, 3), COLUMNS < 118
    found = detect("skeleton", marked(mark, -15), inside=inside)
    assert recall(found, mark & inside) > 0.6
    assert not found[:, 124:].any()


# --- lines

ANGLES = pytest.mark.parametrize("angle_deg", [0, 17, 45, 73, 90, 135, 161])


@either_sign
@ANGLES
@pytest.mark.parametrize(("name", "snr"), [("lei", 5), ("black_hat", 9), ("gradient", 9), ("skeleton", 9)])
def test_a_scratch_is_covered(name, snr, angle_deg, sign):
    mark = line(118, 97, angle_deg, 90, 3)
    found = detect(name, marked(mark, sign * snr))
    assert recall(found, mark) > 0.6
    assert beside(found, name, mark, 8) < 0.005


@ANGLES
def test_a_long_scratch_hardly_above_the_noise_is_seen_by_the_line_detector(angle_deg):
    mark = line(118, 97, angle_deg, 110, 3)
    assert recall(detect("lei", marked(mark, 3.5)), mark) > 0.35


@given(gx=st.floats(-0.05, 0.05), gy=st.floats(-0.05, 0.05), level=st.floats(-4, 4))
@settings(max_examples=25)
def test_the_line_detector_does_not_follow_brightness(gx, gy, level):
    slope = level + gx * (COLUMNS - CENTRE[0]) + gy * (ROWS - CENTRE[1])
    found = detect("lei", slope)
    assert not found[40:-40, 40:-40].any()


def test_the_line_detector_is_not_won_by_blobs():
    # However strong, a blob counts no more than its clipped height.
    weak, strong = (detect("lei", marked(disc(100, 80, 3), -height)).sum() for height in (30, 3000))
    assert strong <= 1.3 * weak + 20


def slow_line_response(snr, angle_deg, length_px, branch_px):
    """Mean along a line through each pixel less the mean of the lines beside it, sampled between pixels."""
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    total = np.zeros_like(snr)
    for k in np.arange(length_px) - (length_px - 1) / 2:
        for weight, off in ((1, 0), (-0.5, branch_px), (-0.5, -branch_px)):
            x, y = COLUMNS + k * c - off * s, ROWS + k * s + off * c
            total += weight * cv2.remap(snr, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
    return total / length_px


@pytest.mark.parametrize("angle_deg", [0, 30, 90, 120])
def test_the_line_detector_answers_where_a_sampled_line_does(angle_deg):
    shipped = SETTINGS["lei"]
    snr = marked(line(118, 97, angle_deg, 80, 3), 12)
    clipped = np.clip(snr, -shipped["clip_snr"], shipped["clip_snr"])
    response = slow_line_response(clipped, angle_deg, min(shipped["lengths_px"]), shipped["branch_px"])
    limit = shipped["gamma"] * 1.4826 * np.median(np.abs(response))
    assert (response > 1.2 * limit).sum() > 50
    assert detect("lei", snr)[response > 1.2 * limit].mean() > 0.9


@ANGLES
def test_pieces_of_a_dashed_scratch_are_bridged(angle_deg):
    whole = line(118, 97, angle_deg, 100, 3)
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    along = c * (COLUMNS - 118) + s * (ROWS - 97)
    dashes = whole & (along % 24 < 22)
    found = detect("skeleton", marked(dashes, 12))
    assert recall(found, line(118, 97, angle_deg, 90, 1)) > 0.6


def test_specks_in_a_row_are_no_scratch():
    row = line(118, 97, 0, 100, 3) & (COLUMNS % 6 < 3)
    assert not detect("skeleton", marked(row, 8) - noise(0)).any()


def test_a_dot_has_no_skeleton():
    assert not detect("skeleton", marked(disc(100, 80, 3), 30) - noise(0)).any()


# --- the edge of the cladding


def on_edge(angle_deg, off_px, radius_px):
    x = CENTRE[0] + (RADIUS_PX + off_px) * math.cos(math.radians(angle_deg))
    y = CENTRE[1] + (RADIUS_PX + off_px) * math.sin(math.radians(angle_deg))
    return disc(x, y, radius_px)


@either_sign
@pytest.mark.parametrize("angle_deg", [0, 40, 130, 250])
def test_a_chip_in_the_edge_is_covered(angle_deg, sign):
    chip = on_edge(angle_deg, -3, 6) & (DISTANCE < RADIUS_PX)
    found = detect("edge_chip", marked(chip, sign * 20))
    assert recall(found, chip & (DISTANCE > RADIUS_PX - 6)) > 0.7
    assert beside(found, "edge_chip", chip, 6) < 0.001


@either_sign
@pytest.mark.parametrize(("off_px", "radius_px"), [(-6.5, 1.6), (-14, 5), (-30, 5), (16, 5)])
def test_a_mark_that_does_not_touch_the_edge_is_no_chip(off_px, radius_px, sign):
    assert not detect("edge_chip", marked(on_edge(40, off_px, radius_px), sign * 20)).any()


def test_a_speck_on_the_edge_is_no_chip():
    speck = np.zeros(SHAPE, np.float32)
    speck[round(CENTRE[1]), round(CENTRE[0] + RADIUS_PX)] = 30
    assert not detect("edge_chip", speck).any()


def test_the_chip_ends_with_the_band_that_is_walked():
    shipped = SETTINGS["edge_chip"]
    found = detect("edge_chip", marked(on_edge(40, 0, 20), -30))
    reached = DISTANCE[found] - RADIUS_PX
    assert -shipped["inside_px"] <= reached.min() < -0.6 * shipped["inside_px"]
    assert 0.6 * shipped["outside_px"] < reached.max() <= shipped["outside_px"]


# --- as published


def test_the_mean_rule_is_raised_by_dirt_and_the_robust_rule_is_not():
    snr = noise(0)
    snr[60:140, 60:140] += 12 * np.sign(noise(1)[60:140, 60:140])  # a dirty corner
    settings = dict(PROFILES["deep_inspection"].detectors["do2mr"].settings) | {"min_snr": 0.1}
    robust, mean = (DETECTORS["do2mr"](residual(snr), **settings | {"rule": rule}) for rule in ("robust", "mean"))
    assert mean.sum() < 0.5 * robust.sum()
