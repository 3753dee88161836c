"""Zones partition the picture: every pixel belongs to the innermost outline that holds its centre."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dscope_blink.records import ZONE_LETTERS, Ellipse, ZoneOutline, zone_map


def nested(centre, angle_deg, ratio):
    return tuple(
        ZoneOutline(letter, Ellipse(centre, (d, d * ratio), angle_deg))
        for letter, d in zip(ZONE_LETTERS, (12, 31, 38, 70), strict=True)
    )


def labelled_slowly(shape, outlines):
    """Each pixel by itself: the first outline from the inside that holds its centre, and how near it lies to any."""
    labels, nearest = np.zeros(shape, np.uint8), np.full(shape, np.inf)
    for y in range(shape[0]):
        for x in range(shape[1]):
            for outline in reversed(outlines):
                (cx, cy), (a, b), angle = outline.outer.center_px, outline.outer.axes_px, outline.outer.angle_deg
                c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
                u, v = c * (x - cx) + s * (y - cy), c * (y - cy) - s * (x - cx)
                level = (2 * u / a) ** 2 + (2 * v / b) ** 2
                nearest[y, x] = min(nearest[y, x], abs(level - 1))
                if level <= 1:
                    labels[y, x] = 1 + ZONE_LETTERS.index(outline.letter)
    return labels, nearest


@settings(max_examples=12)
@given(
    x=st.floats(-30, 90),
    y=st.floats(-30, 70),
    angle_deg=st.floats(0, 180),
    ratio=st.floats(0.7, 1.4),
)
def test_every_pixel_belongs_to_the_innermost_zone_around_it(x, y, angle_deg, ratio):
    outlines = nested((x, y), angle_deg, ratio)
    expected, nearest = labelled_slowly((40, 60), outlines)
    clear = nearest > 1e-6  # a pixel on the very border may fall to either side
    np.testing.assert_array_equal(zone_map((40, 60), outlines).labels[clear], expected[clear])


def test_zones_partition_what_the_outermost_outline_holds():
    outlines = nested((31.3, 20.7), 30, 1.1)
    labels = zone_map((40, 60), outlines).labels
    outermost = zone_map((40, 60), outlines[-1:]).labels
    assert set(np.unique(labels)) == {0, 1, 2, 3, 4}
    np.testing.assert_array_equal(labels > 0, outermost > 0)


def lattice_points(diameter, shift):
    """Pixels with their centre in a circle or on it; both numbers in quarters of a pixel, so nothing is rounded."""
    reach = range(-diameter, diameter + 1, 4)
    return sum(4 * ((x + shift) ** 2 + (y + shift) ** 2) <= diameter**2 for x in reach for y in reach)


@pytest.mark.parametrize("angle_deg", [0.0, 17.3, 45.0, 90.0, 133.7])
@pytest.mark.parametrize("shift_px", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("diameter_px", [1.0, 14.0, 30.0, 60.0])
def test_a_circle_holds_the_pixels_of_its_closed_form(diameter_px, shift_px, angle_deg):
    circle = ZoneOutline("A", Ellipse((40.0 - shift_px, 40.0 - shift_px), (diameter_px, diameter_px), angle_deg))
    expected = lattice_points(round(4 * diameter_px), round(4 * shift_px))
    assert zone_map((81, 81), (circle,)).labels.sum() == expected


def test_a_circle_of_radius_ten_on_the_centre_of_a_pixel_holds_317_pixels():
    circle = ZoneOutline("A", Ellipse((30.0, 30.0), (20.0, 20.0), 0.0))
    assert zone_map((61, 61), (circle,)).labels.sum() == 317


@pytest.mark.parametrize("axes_px", [(20.0, 10.0), (10.0, 20.0)])
@pytest.mark.parametrize("angle_deg", [0.0, 90.0, 180.0])
def test_an_ellipse_holds_the_pixels_of_its_closed_form(axes_px, angle_deg):
    """x^2 + 4 y^2 <= 100, lying or standing."""
    labels = zone_map((61, 61), (ZoneOutline("A", Ellipse((30.0, 30.0), axes_px, angle_deg)),)).labels
    y, x = np.indices(labels.shape) - 30
    lies = (axes_px[0] > axes_px[1]) == (angle_deg != 90)
    np.testing.assert_array_equal(labels, (x**2 + 4 * y**2 if lies else 4 * x**2 + y**2) <= 100)


positions = st.tuples(st.floats(5, 55), st.floats(5, 35))


@given(centres=st.lists(positions, min_size=4, max_size=4), angle_deg=st.floats(0, 180), ratio=st.floats(0.7, 1.4))
def test_zones_partition_what_the_outlines_hold_wherever_their_centres_lie(centres, angle_deg, ratio):
    outlines = tuple(
        replace(outline, outer=replace(outline.outer, center_px=centre))
        for outline, centre in zip(nested((0, 0), angle_deg, ratio), centres, strict=True)
    )
    zones = zone_map((40, 60), outlines)
    alone = {o.letter: zone_map((40, 60), (o,)).mask(o.letter) for o in outlines}
    left = np.ones((40, 60), bool)
    for letter, holds in alone.items():
        np.testing.assert_array_equal(zones.mask(letter), holds & left)
        left &= ~holds
    np.testing.assert_array_equal(zones.labels == 0, left)


@given(dx=st.integers(-20, 20), dy=st.integers(-20, 20))
def test_a_fiber_moved_by_whole_pixels_takes_its_zones_along(dx, dy):
    there = zone_map((140, 160), nested((80.3125, 70.75), 30, 1.1)).labels
    moved = zone_map((140, 160), nested((80.3125 + dx, 70.75 + dy), 30, 1.1)).labels
    np.testing.assert_array_equal(np.roll(there, (dy, dx), (0, 1)), moved)


def test_zones_off_the_picture_label_nothing():
    assert not zone_map((40, 60), nested((500.0, -300.0), 0, 1)).labels.any()


def test_without_outlines_there_is_no_zone():
    assert not zone_map((40, 60), ()).labels.any()
