"""Dashes of one scratch are bridged; pieces that merely lie near each other are not."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from dscope_blink.detectors.regions import label_regions
from dscope_blink.image_processing.dashes import _neighbours, bridge_dashes

SHAPE = (121, 141)


def drawn(*lines, width=3):
    mask = np.zeros(SHAPE, np.uint8)
    for start, stop in lines:
        cv2.line(mask, start, stop, 1, width)
    return mask.astype(bool)


def dashes(angle_deg, gap_px):
    """Two pieces of one straight line, with a gap between their drawn ends."""
    along = np.array([math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))])
    ends = ((70, 60) + reach * along for reach in (-45, -gap_px / 2 - 2, gap_px / 2 + 2, 45))
    a, b, c, d = (tuple(np.rint(end).astype(int).tolist()) for end in ends)
    return drawn((a, b), (c, d))


def bridged(marks):
    return bridge_dashes(label_regions(marks).labels, 2.5, 16.0, 20.0)


def count(mask):
    return len(label_regions(mask).areas_px)


@pytest.mark.parametrize("angle_deg", [0, 30, 90, 145])
def test_a_gap_between_pieces_of_one_line_is_bridged(angle_deg):
    marks = dashes(angle_deg, 10)
    whole = bridged(marks)
    assert (count(marks), count(whole > 0)) == (2, 1)
    assert (whole[marks] > 0).all()
    assert len(np.unique(whole)) == 2


@pytest.mark.parametrize(
    "marks",
    [
        dashes(30, 24),
        drawn(((20, 60), (60, 60)), ((70, 65), (70, 105))),
        drawn(((20, 55), (110, 55)), ((20, 65), (110, 65))),
        drawn(((50, 60), (53, 60)), ((62, 60), (65, 60)), width=6),
        drawn(((20, 60), (60, 60)), ((68, 60), (68, 60)), width=6),
        drawn(((20, 60), (26, 60)), ((40, 60), (46, 60)), width=2),
    ],
    ids=["too wide a gap", "a turn", "side by side", "specks", "a speck before a line", "a gap longer than both"],
)
def test_what_does_not_follow_in_one_direction_stays_apart(marks):
    np.testing.assert_array_equal(bridged(marks), label_regions(marks).labels)


def test_a_short_dash_follows_a_long_one():
    assert len(np.unique(bridged(drawn(((20, 60), (60, 60)), ((68, 60), (74, 60)), width=4)))) == 2


def test_an_empty_mask_stays_empty():
    assert not bridged(np.zeros(SHAPE, bool)).any()


def test_of_many_ends_only_those_within_reach_are_paired():
    places = np.random.default_rng(4).uniform(0, 300, (400, 2))
    first, second = _neighbours(places, 16.0)
    apart = np.abs(places[:, None] - places[None]).max(axis=2)
    np.testing.assert_array_equal(np.stack([first, second]), np.nonzero(np.triu(apart <= 16.0, 1)))
    assert len(first) < 400 * 399 / 2 / 50
