"""What surrounds a rendered fiber lies where it was asked for, and leaves the fiber as it was."""

from __future__ import annotations

import numpy as np
import pytest

from dscope_blink.synthetic import structure_painters, surroundings
from dscope_blink.synthetic.faces import FaceSpec, Painter, render_face

FACE = FaceSpec(shape=(200, 240), centre_px=(121.3, 98.6), um_per_px_x=1.5, um_per_px_y=1.5, noise=0.0)
FIBER_PX = 125 / 1.5


def rendered(painter: Painter | None) -> np.ndarray:
    return render_face(FACE, (), np.random.default_rng(3), painter).image.astype(int)


def across(picture: np.ndarray, away_um: float) -> int:
    """Grey level to the right of the fiber centre."""
    return int(picture[round(FACE.centre_px[1]), round(FACE.centre_px[0] + away_um / 1.5)])


@pytest.mark.parametrize(
    "painter",
    [
        surroundings.round_field(160, (0, 0), 5, 1),
        surroundings.coating(170, 120, 0),
        surroundings.surround(surroundings.glass_filler(20, (90, 120), 0.4, (5, 20)), 1.0),
        surroundings.adhesive_arc(8, 30, 0, 360),
        surroundings.ragged_hole((2, 8), 10),
        surroundings.neighbours(((140.0, 0.0),)),
    ],
)
def test_surroundings_change_the_picture_outside_of_the_cladding_alone(painter):
    difference = np.abs(rendered(painter) - rendered(None))
    inside = surroundings.beyond_face(FACE, -6.0) < 0.5  # the blur of the border reaches in
    assert difference.max() > 50
    assert difference[inside].max() <= 1


def test_a_round_field_is_as_wide_as_it_was_asked_to_be():
    picture = rendered(surroundings.round_field(170, (0, 0), 5, 0))
    assert across(picture, 81) > 180
    assert across(picture, 89) < 20


def test_a_coating_has_its_level_and_its_outside():
    picture = rendered(surroundings.coating(160, 120, 4))
    assert across(picture, 70) == pytest.approx(120, abs=5)
    assert across(picture, 90) == pytest.approx(4, abs=1)


def test_adhesive_covers_the_arc_that_was_asked_for():
    picture = rendered(surroundings.adhesive_arc(12, 20, -45, 90))
    assert (across(picture, 68) < 60, across(picture, -68) > 150) == (True, True)


def test_a_vignette_darkens_the_border_and_not_the_middle():
    picture, plain = rendered(surroundings.vignette(0.8, 4)), rendered(None)
    middle = round(FACE.centre_px[1]), round(FACE.centre_px[0])
    assert picture[middle] == plain[middle]
    assert picture[-1, 0] < 0.5 * plain[-1, 0]


@pytest.mark.parametrize(
    ("painter", "away_um", "level"),
    [
        (structure_painters.discs(9, structure_painters.around(40, 2, 0), 40), 40, 40),
        (structure_painters.square_core(60, 0), 27, FACE.core),
        (structure_painters.square_core(30, 0), 20, FACE.cladding),
        (structure_painters.ring_core(30), 0, FACE.cladding),
    ],
)
def test_a_structure_lies_where_it_was_asked_for(painter, away_um, level):
    assert across(rendered(painter), away_um) == pytest.approx(level, abs=6)


def test_painters_follow_one_another():
    both = surroundings.several(surroundings.coating(160, 120, 4), surroundings.round_field(180, (0, 0), 50, 0))
    assert across(rendered(both), 96) == pytest.approx(50, abs=2)
