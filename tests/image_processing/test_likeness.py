"""How alike pictures of end faces are, and the turn between them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dscope_blink.image_processing.likeness import ANGLES, RINGS, FaceMap, Likeness, compare_pictures, likenesses
from dscope_blink.records import Ellipse
from dscope_blink.synthetic.faces import Blemish
from tests.builders.copies import COPIES, MARKS, SPEC, map_of, other, picture, turned


@pytest.mark.parametrize("copy", COPIES, ids=lambda copy: copy.__name__)
@pytest.mark.parametrize("marks", [MARKS, ()], ids=["marks", "clean"])
def test_a_copy_is_the_same_face(copy: Callable[[np.ndarray], FaceMap], marks: tuple[Blemish, ...]) -> None:
    (likeness,) = likenesses(map_of(picture(marks=marks)), copy(picture(marks=marks))[None])
    assert likeness.is_one_face


@pytest.mark.parametrize("degrees", [40.0, 40.5, 133.3])
def test_the_turn_is_told_finer_than_in_degrees(degrees: float) -> None:
    (likeness,) = likenesses(map_of(picture()), map_of(turned(picture(), degrees))[None])
    assert likeness.turn_deg == pytest.approx(degrees, abs=0.3)


def test_different_faces_are_not_the_same() -> None:
    others = np.stack([map_of(other(seed)) for seed in range(12)])
    assert [likeness.is_one_face for likeness in likenesses(map_of(picture()), others)] == [False] * 12


def test_clean_faces_in_other_noise_are_not_the_same() -> None:
    (likeness,) = likenesses(map_of(picture(1, ())), map_of(picture(2, ()))[None])
    assert not likeness.is_one_face


def test_a_face_at_the_border_of_the_picture_is_unrolled_as_far_as_it_is_seen() -> None:
    image = np.ascontiguousarray(picture()[:, 150:])
    (cx, cy), axes = SPEC.cladding_ellipse.center_px, SPEC.cladding_ellipse.axes_px
    face = map_of(image, Ellipse((cx - 150, cy), axes, SPEC.cladding_ellipse.angle_deg))
    assert face.shape == (RINGS, ANGLES)
    assert (face == 0).mean() > (map_of(picture()) == 0).mean() + 0.1
    (likeness,) = likenesses(map_of(picture()), face[None])
    assert likeness.is_one_face


def test_an_even_picture_is_like_nothing() -> None:
    even = map_of(np.full(SPEC.shape, 128, np.uint8))
    (likeness,) = likenesses(even, even[None])
    assert not likeness.is_one_face


def test_every_two_pictures_are_compared_once_whatever_their_order() -> None:
    maps = {"b": map_of(turned(picture(), 30.0)), "a": map_of(picture()), "c": map_of(other(3))}
    found = compare_pictures(maps)
    assert [(one.first, one.second, one.tells_the_turn) for one in found] == [
        ("a", "b", True),
        ("a", "c", False),
        ("b", "c", False),
    ]
    assert found[0].turn_deg == pytest.approx(30.0, abs=0.3)
    assert compare_pictures(dict(reversed(maps.items()))) == found


def test_no_two_pictures_are_nothing_to_compare() -> None:
    assert compare_pictures({}) == compare_pictures({"a": map_of(picture())}) == ()


@pytest.mark.parametrize(
    ("like", "is_one_face", "tells_the_turn"),
    [
        (Likeness(0.3, 20.0, 80.0, 0.8), True, True),
        (Likeness(0.3, 20.0, 80.0, 0.3), True, False),  # one long scratch across the fiber is like another
        (Likeness(0.3, 20.0, 1.0, 0.3), True, True),
        (Likeness(0.3, 10.0, 80.0, 0.8), False, False),
    ],
)
def test_a_turn_is_told_by_more_than_the_fiber_alone(like: Likeness, is_one_face: bool, tells_the_turn: bool) -> None:
    assert (like.is_one_face, like.tells_the_turn) == (is_one_face, tells_the_turn)
