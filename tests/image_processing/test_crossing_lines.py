"""Two lines that cross are two marks; anything else stays one."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from dscope_blink.image_processing.crossing_lines import split_crossing

SHAPE = (121, 141)


def drawn(*lines, width=4):
    mask = np.zeros(SHAPE, np.uint8)
    for start, stop in lines:
        cv2.line(mask, start, stop, 1, width)
    return mask.astype(bool)


def line(turn_deg, length=90, centre=(70, 60)):
    half = length / 2 * np.array([math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))])
    return tuple(np.rint(centre - half).astype(int).tolist()), tuple(np.rint(centre + half).astype(int).tolist())


def split(mask):
    return split_crossing(mask, 6.0, 20.0)


@pytest.mark.parametrize("turn_deg", [40, 60, 90, 130])
@pytest.mark.parametrize("width", [2, 4, 6])
def test_two_lines_that_cross_come_apart_whole(turn_deg, width):
    one, two = drawn(line(10), width=width), drawn(line(10 + turn_deg), width=width)
    parts = split(one | two)
    assert len(parts) == 2
    assert (parts[0] | parts[1] == (one | two)).all()
    for true in (one, two):
        assert max((part & true).sum() / (part | true).sum() for part in parts) > 0.85


@pytest.mark.parametrize(
    "mask",
    [
        drawn(line(30)),
        drawn(((20, 20), (70, 60)), ((70, 60), (30, 110)), ((70, 60), (120, 60))),  # a fork
        drawn(((20, 60), (70, 60)), ((70, 60), (120, 100))),  # a bend
        drawn(line(0), line(60), line(120)),  # a star
        cv2.circle(np.zeros(SHAPE, np.uint8), (70, 60), 25, 1, cv2.FILLED).astype(bool),
        np.ones((9, 30), bool),
        np.ones((1, 1), bool),
    ],
    ids=["one line", "a fork", "a bend", "a star", "a disc", "a bar", "a pixel"],
)
def test_anything_else_stays_as_it_is(mask):
    (part,) = split(mask)
    assert (part == mask).all()


def test_short_spurs_are_no_crossing():
    (part,) = split(drawn(line(0), line(90, length=14), width=6))
    assert part.any()
