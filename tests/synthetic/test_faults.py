"""What cameras and files do to a picture, on pictures whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from dscope_blink.synthetic import faults

RAMP = np.tile(np.arange(0, 240, 4, dtype=np.uint8), (40, 1))  # (40, 60)


def test_a_missing_part_has_its_filling_and_the_rest_stays():
    lost = np.zeros(RAMP.shape, bool)
    lost[30:] = True
    filled = faults.without(RAMP, lost, 7)
    assert (filled[30:] == 7).all()
    assert (filled[:30] == RAMP[:30]).all()


def test_a_missing_part_may_repeat_the_row_above():
    picture = np.arange(200, dtype=np.uint8).reshape(20, 10)
    lost = np.zeros(picture.shape, bool)
    lost[15:] = True
    assert (faults.without(picture, lost, "repeated")[15:] == picture[14]).all()


@pytest.mark.parametrize("n", [2, 8, 24])
def test_a_posterised_picture_has_so_many_levels(n):
    assert len(np.unique(faults.posterised(RAMP, n))) == n


def test_only_the_odd_rows_of_an_interlaced_picture_move():
    woven = faults.interlaced(RAMP, (5, 0))
    assert (woven[::2] == RAMP[::2]).all()
    assert (woven[1::2, 5:] == RAMP[1::2, :-5]).all()


def test_focus_is_lost_on_the_far_side():
    stripes = np.tile(np.array([0, 0, 200, 200], np.uint8), (40, 15))
    seen = faults.uneven_focus(stripes, (5, 20), (55, 20), (0.5, 5), 0.0, np.random.default_rng(1))
    assert np.ptp(seen[:, 2:8].astype(int)) > 150
    assert np.ptp(seen[:, 50:56].astype(int)) < 30


def test_hot_pixels_lie_within_their_mask_and_are_as_many():
    grey, within = np.full((40, 60), 90, np.uint8), np.zeros((40, 60), bool)
    within[10:20, 10:20] = True
    struck = faults.hot_pixels(grey, within, 7, np.random.default_rng(1)) != grey
    assert struck.sum() == 7
    assert not struck[~within].any()


def test_overlays_are_drawn_where_they_belong():
    grey = np.full((120, 160), 90, np.uint8)
    framed, cross = faults.framed(grey, 5, 255), faults.crosshaired(grey, (80, 60), 255, 20)
    assert (framed != grey).sum() == 120 * 160 - 110 * 150
    assert (cross[60] == 255).all()
    assert (cross[:, 80] == 255).all()
    assert cross[80, 80] == 255
    assert (faults.captioned(grey, "text", 30, 0)[:90] == 90).all()
    assert (faults.badged(grey, 15, 255)[40:] == 90).all()


def test_jpeg_changes_little_and_something():
    noisy = np.random.default_rng(2).integers(80, 120, (40, 64)).astype(np.uint8)
    change = np.abs(faults.as_jpeg(noisy, 90).astype(int) - noisy)
    assert 0 < change.max() < 40
