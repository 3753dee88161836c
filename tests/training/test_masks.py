"""Outlines are filled by the centres of pixels, holes are kept, and marks never overlap."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dscope_blink.records import Points
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
