"""What a reference knows of a face before marks are sought: where it departs, and the pattern of the microscope."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from dscope_blink.image_processing import background
from dscope_blink.image_processing.face_on_reference import (
    OnReference,
    find_pattern,
    on_reference,
    pattern_of,
    with_departures,
)
from dscope_blink.image_processing.fiber_coordinates import WorkingPicture, working_picture
from dscope_blink.models.reference import ReferenceModel
from dscope_blink.records import FiberGeometry, FloatImage
from dscope_blink.synthetic.faces import Blemish, FaceSpec, Pit, render_face
from tests.builders.batches import CONFIG
from tests.builders.faces import face_with
from tests.builders.references import KIND, RADIUS_PX, framed, learned, learned_from

SETTINGS = CONFIG.reference
LIMIT = SETTINGS.absolute_limit
SPOT = Pit((30.0, 25.0), 12.0, -0.12)  # on the optics: of every face, at one place
PIT = Pit((-30.0, -20.0), 10.0, -0.4)


def held(seed: int) -> FaceSpec:
    """The same place for each face, and a little other light."""
    light = np.random.default_rng(seed).uniform(0.97, 1.03)
    return replace(KIND, core=KIND.core * light, cladding=KIND.cladding * light, ferrule=KIND.ferrule * light)


@cache
def spotted() -> ReferenceModel:
    return learned_from([framed(held(seed), seed, SPOT) for seed in range(8)])


def gray_of(spec: FaceSpec, *blemishes: Blemish, seed: int = 99) -> FloatImage:
    image = render_face(spec, blemishes, np.random.default_rng(seed)).image
    return (image / 255).astype(np.float32)


def geometry_of(spec: FaceSpec) -> FiberGeometry:
    return face_with(spec.cladding_ellipse)


def seen(gray: FloatImage, model: ReferenceModel, spec: FaceSpec = KIND) -> OnReference:
    return on_reference(gray, geometry_of(spec), None, model)


def picture_of(gray: FloatImage, most_px: float = 1e6, doubled: tuple[float, float] = (0, 0)) -> WorkingPicture:
    return working_picture(gray, geometry_of(KIND), most_px, doubled)


@pytest.mark.parametrize("scale", ["as it is", "reduced", "doubled"])
def test_a_departure_lies_in_the_residual_where_the_pit_lies_in_the_picture(scale: str) -> None:
    gray = gray_of(KIND, PIT)
    how = {"as it is": (1e6, (0, 0)), "reduced": (74.0, (0, 0)), "doubled": (1e6, (1, 1000))}[scale]
    field = background.residual(picture_of(gray, *how), 1.2, CONFIG.residual)
    found = with_departures(field, seen(gray, learned()), SETTINGS)
    assert found.departure is not None
    y, x = np.nonzero(found.departure > 1)
    at = (np.array([x.mean(), y.mean()]) + found.origin_px + 0.5) * found.pixel_px - 0.5
    centre, size = np.array(KIND.centre_px), (KIND.um_per_px_x, KIND.um_per_px_y)
    np.testing.assert_allclose(at, centre + np.array(PIT.centre_um) / size, atol=1.0)


def test_a_clean_face_departs_nowhere() -> None:
    gray = gray_of(KIND)
    field = with_departures(
        background.residual(picture_of(gray), 1.2, CONFIG.residual), seen(gray, learned()), SETTINGS
    )
    assert field.departure is not None
    assert float(field.departure.max()) < 1


def test_a_face_that_is_no_such_one_departs_from_nothing_and_says_why() -> None:
    small = replace(KIND, um_per_px_x=1.5, um_per_px_y=1.5)
    gray = gray_of(small)
    face = on_reference(gray, geometry_of(small), None, learned())
    assert "the cladding measures" in face.why_not[0]
    field = background.residual(picture_of(gray), 1.2, CONFIG.residual)
    assert with_departures(field, face, SETTINGS) is field
    assert find_pattern(picture_of(gray), face, LIMIT).why_not == face.why_not


def test_without_a_model_nothing_is_known_and_that_is_said() -> None:
    face = on_reference(gray_of(KIND), geometry_of(KIND), None, None)
    assert face.why_not == ("no model is given",)


def test_a_face_that_is_covered_cannot_be_compared_and_says_why() -> None:
    gray = gray_of(KIND)
    face = on_reference(gray, geometry_of(KIND), np.ones(gray.shape, bool), learned())
    assert face.why_not == ("at least 50% of the face must be seen, got 0%",)


def test_the_pattern_of_clean_optics_is_nothing() -> None:
    assert not pattern_of(learned(), LIMIT).any()
    assert find_pattern(picture_of(gray_of(KIND)), seen(gray_of(KIND), learned()), LIMIT).added is None


def test_the_pattern_is_what_all_faces_have_at_one_place_and_nothing_else() -> None:
    pattern = pattern_of(spotted(), LIMIT)
    half, step = len(pattern) // 2, RADIUS_PX / 62.5
    y, x = np.nonzero(pattern < -0.01)
    assert (x.mean() - half, y.mean() - half) == pytest.approx(np.array(SPOT.centre_um) * step, abs=0.7)
    away = np.hypot(*(np.indices(pattern.shape)[::-1] - half - np.array(SPOT.centre_um)[:, None, None] * step))
    assert not pattern[away > 12.0 / 2 * step + 7].any()


def test_taking_the_pattern_out_leaves_the_face_that_it_lies_on() -> None:
    bare, spotty = gray_of(KIND), gray_of(KIND, SPOT)
    found = find_pattern(picture_of(spotty), seen(spotty, spotted()), LIMIT)
    assert found.added is not None
    before, after = np.abs(spotty - bare), np.abs(spotty - found.added - bare)
    assert float(before.max()) > 0.03
    assert float((after**2).sum()) < 0.1 * float((before**2).sum())


def test_a_pit_on_a_face_does_not_become_part_of_what_is_taken_out() -> None:
    spotty, pitted = gray_of(KIND, SPOT), gray_of(KIND, SPOT, PIT)
    added = [find_pattern(picture_of(gray), seen(gray, spotted()), LIMIT).added for gray in (spotty, pitted)]
    assert added[0] is not None
    assert added[1] is not None
    assert float(np.abs(added[0] - added[1]).max()) < 0.002


def test_a_pattern_that_does_not_lie_in_the_face_is_not_taken_out_of_it() -> None:
    gray = gray_of(KIND)
    found = find_pattern(picture_of(gray), seen(gray, spotted()), LIMIT)
    assert found.added is None
    assert found.why_not[0].startswith("at least 50% of its pattern must lie at the same place here, got ")


def test_a_face_held_elsewhere_keeps_its_pattern() -> None:
    moved = replace(KIND, centre_px=(KIND.centre_px[0] + 20, KIND.centre_px[1]))
    there = Pit((SPOT.centre_um[0] - 20 * KIND.um_per_px_x, SPOT.centre_um[1]), SPOT.diameter_um, SPOT.contrast)
    gray = gray_of(moved, there)  # the optics' own place in the picture
    found = find_pattern(working_picture(gray, geometry_of(moved), 1e6), seen(gray, spotted(), moved), LIMIT)
    assert found.added is None
    assert found.why_not
