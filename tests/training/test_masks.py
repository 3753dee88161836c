"""Outlines are filled by the centres of pixels, holes are kept, and marks never overlap."""

from __future__ import annotations

import math
import time

import cv2
import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dscope_blink.analysis.seen_outline import mask_outline
from dscope_blink.records import Candidate, Points
from dscope_blink.training.classes import MARK_CLASSES, MARK_PALETTE, ZONE_CLASSES, ZONE_PALETTE
from dscope_blink.training.labels import Label, Mark, Source
from dscope_blink.training.masks import box_of, filled, instances_of, kinds_of

PROGRAM = Source("program", "test")


def square(x0: float, y0: float, x1: float, y1: float) -> Points:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64)


def circle(x: float, y: float, radius: float) -> Points:
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    return np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], axis=1)


def label_with(*marks: Mark, width: int = 40, height: int = 30) -> Label:
    return Label("a", "a.png", "images/a.png", "0" * 64, width, height, "FAIL", PROGRAM, marks=marks)


def test_pixels_with_their_centre_within_or_on_the_outline_are_filled() -> None:
    inside, corner = filled(square(2.0, 3.0, 5.0, 4.4), (), (30, 40))
    assert corner == (2, 3)
    assert box_of(inside, corner) == (2, 3, 4, 2)
    assert np.count_nonzero(inside) == 4 * 2


def test_what_lies_within_a_hole_or_on_its_border_is_left_out() -> None:
    inside, _ = filled(square(0, 0, 9, 9), (square(3, 3, 5, 5),), (30, 40))
    assert np.count_nonzero(inside) == 100 - 9


def test_an_outline_between_the_pixels_is_the_one_in_its_middle() -> None:
    inside, corner = filled(square(5.2, 7.2, 5.4, 7.4), (), (30, 40))
    assert box_of(inside, corner) == (5, 7, 1, 1)


def test_what_lies_beyond_the_picture_is_left_out() -> None:
    inside, corner = filled(square(-5, -5, 3, 2), (), (30, 40))
    assert corner == (0, 0)
    assert inside.shape == (3, 4)
    assert inside.all()


@given(st.floats(5, 30), st.floats(5, 20), st.floats(1.5, 4.5))
def test_a_disc_has_the_pixels_of_a_slow_count(x: float, y: float, radius: float) -> None:
    inside, (x0, y0) = filled(circle(x, y, radius), (), (30, 40))
    rows, columns = np.mgrid[0:30, 0:40]
    apart = np.hypot(columns - x, rows - y)
    whole = np.zeros((30, 40), bool)
    whole[y0 : y0 + inside.shape[0], x0 : x0 + inside.shape[1]] = inside
    chord = radius * (1 - np.cos(np.pi / 60))  # the polygon lies so far within its circle
    assert whole[apart < radius - chord - 1e-6].all()
    assert not whole[apart > radius + 1e-6].any()


def test_of_two_marks_at_one_pixel_the_smaller_has_it() -> None:
    stain = Mark("C1", "contamination", "cladding", square(0, 0, 20, 20), PROGRAM)
    pit = Mark("P1", "pit_dig", "cladding", square(5, 5, 7, 7), PROGRAM)
    for marks in ((stain, pit), (pit, stain)):
        label = label_with(*marks)
        instances = instances_of(label)
        assert np.count_nonzero(instances) == 21 * 21
        kinds = kinds_of(label, instances)
        assert (kinds[5:8, 5:8] == MARK_CLASSES.index("pit_dig")).all()
        assert np.count_nonzero(kinds == MARK_CLASSES.index("contamination")) == 21 * 21 - 9


def test_every_class_has_a_colour_of_its_own() -> None:
    for names, palette in ((ZONE_CLASSES, ZONE_PALETTE), (MARK_CLASSES, MARK_PALETTE)):
        assert len(names) == len(palette) == len(set(palette))


def test_a_scratch_of_half_a_pixel_is_as_long_as_it_is_and_in_one_piece() -> None:
    turn = np.array([math.cos(0.4), math.sin(0.4)])
    across = np.array([-turn[1], turn[0]]) / 4
    along = np.linspace(0, 30, 31)[:, None] * turn + (3, 5)
    inside, _ = filled(np.concatenate([along - across, (along + across)[::-1]]), (), (40, 60))
    pieces, _ = cv2.connectedComponents(inside.astype(np.uint8), connectivity=8)
    assert pieces == 2  # and the ground
    assert 27 <= np.count_nonzero(inside) <= 45
    assert inside.any(axis=0).sum() >= 27


def test_two_specks_that_a_line_ties_are_one_mark() -> None:
    first, second = square(2, 2, 6, 6), square(20, 2, 24, 6)
    outline = np.concatenate([first[:2], [(6, 4), (20, 4)], second[:3], [(20, 6), (20, 4), (6, 4)], first[2:]])
    inside, _ = filled(outline, (), (30, 40))
    assert cv2.connectedComponents(inside.astype(np.uint8), connectivity=8)[0] == 2
    assert np.count_nonzero(inside) == 25 + 25 + 13


def test_an_outline_that_crosses_itself_has_no_hole_there() -> None:
    twice = np.concatenate([circle(15, 12, 8), circle(15, 12, 5)])  # once around, and once more
    inside, (x, y) = filled(twice, (), (30, 40))
    assert inside[12 - y, 15 - x]
    assert np.array_equal(inside, filled(circle(15, 12, 8), (), (30, 40))[0])


corners_px = st.tuples(st.floats(-5, 45), st.floats(-5, 35))


@settings(max_examples=50)
@given(st.tuples(corners_px, corners_px, corners_px))
def test_a_triangle_has_the_pixels_of_a_test_of_each(corners: tuple[tuple[float, float], ...]) -> None:
    outline = np.array(corners)
    first, second = outline[1] - outline[0], outline[2] - outline[0]
    twice_area = first[0] * second[1] - first[1] * second[0]
    assume(abs(twice_area) > 10)
    rows, columns = np.mgrid[0:30, 0:40].astype(float)
    from_sides = []  # inwards, pixels
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        across = (x1 - x0) * (rows - y0) - (y1 - y0) * (columns - x0)
        from_sides.append(across * np.sign(twice_area) / np.hypot(x1 - x0, y1 - y0))
    depth = np.min(from_sides, axis=0)
    inside, (x, y) = filled(outline, (), (30, 40))
    whole = np.zeros((30, 40), bool)
    whole[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    assert whole[depth > 1e-5].all()
    assert not whole[depth < -1.0].any()  # nearer lies the line that a thin tip is drawn as


def test_a_stain_of_many_points_takes_no_longer_than_its_window() -> None:
    rng = np.random.default_rng(1)
    turn = np.linspace(0, 2 * np.pi, 16_000, endpoint=False)
    radius = 200 + 40 * rng.random(turn.size)
    stain = np.stack([250 + radius * np.cos(turn), 250 + radius * np.sin(turn)], axis=1)
    start = time.process_time()
    filled(stain, (), (500, 500))
    took_s = time.process_time() - start
    assert took_s < 3.0  # 0.3 s on a quiet machine; by a test of each centre against each side it is 7 s


def test_a_mark_around_something_keeps_its_hole_through_its_outline() -> None:
    mask = np.hypot(*(np.mgrid[-12:13, -12:13])) <= 12
    mask &= np.hypot(*(np.mgrid[-12:13, -12:13])) >= 6
    seen = mask_outline(Candidate((7, 4, 25, 25), mask, {}), join_px=2)
    inside, (x, y) = filled(seen.points, seen.holes, (40, 50))
    assert (x, y) == (7, 4)
    assert len(seen.holes) == 1
    assert np.count_nonzero(inside & mask) >= 0.98 * np.count_nonzero(inside | mask)  # joining rounds a corner off


def test_marks_that_touch_keep_all_of_their_pixels() -> None:
    first, second = square(2, 2, 9, 9), square(10, 2, 17, 9)
    marks = [Mark(f"P{k}", "pit_dig", "cladding", outline, PROGRAM) for k, outline in enumerate((first, second))]
    instances = instances_of(label_with(*marks))
    assert [np.count_nonzero(instances == number) for number in (1, 2)] == [64, 64]
