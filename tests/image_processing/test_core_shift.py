from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.image_processing.core_shift import MOST_PX, CoreShift, core_edge_px, core_shift, moved
from dscope_blink.image_processing.departures import departures, ring_medians
from dscope_blink.image_processing.face_frame import radii_px
from dscope_blink.image_processing.ignored_edges import without_edges
from dscope_blink.synthetic.faces import Pit
from tests.builders.references import KIND, RADIUS_PX, framed, learned, varied

UM_OF_A_PIXEL = KIND.cladding_diameter_um / 2 / RADIUS_PX
PROFILE = ring_medians(learned().archetype, RADIUS_PX)


def _found(offset_um: tuple[float, float], *marks: Pit) -> CoreShift:
    face = framed(replace(varied(300), core_offset_um=offset_um), 300, *marks)
    return core_shift(face.light, learned().archetype, PROFILE, RADIUS_PX)


def test_the_core_of_the_archetype_ends_where_its_light_changes_most() -> None:
    edge = KIND.core_diameter_um / KIND.cladding_diameter_um * RADIUS_PX
    assert core_edge_px(PROFILE, RADIUS_PX) == pytest.approx(edge, abs=1.5)


@pytest.mark.parametrize("offset_um", [(0.0, 0.0), (1.0, 0.0), (-0.7, 0.7), (0.0, -1.2)])
def test_a_core_that_lies_off_is_found_where_it_lies(offset_um: tuple[float, float]) -> None:
    found = _found(offset_um)
    np.testing.assert_allclose((found.x_px, found.y_px), np.array(offset_um) / UM_OF_A_PIXEL, atol=0.12)


def test_a_mark_on_the_edge_of_the_core_does_not_pull_it() -> None:
    clean, marked = _found((0.5, 0.0)), _found((0.5, 0.0), Pit((25.0, 0.0), 6.0, -0.4))
    assert marked.x_px == pytest.approx(clean.x_px, abs=0.15)


def test_a_core_that_lies_far_off_is_not_followed() -> None:
    assert _found((5.0, 0.0)).size_px == pytest.approx(MOST_PX)


def test_a_face_without_an_edge_of_a_core_says_nothing_of_it() -> None:
    even = np.full(radii_px(RADIUS_PX).shape, 1.0, np.float32)
    assert core_shift(even, even, np.ones_like(PROFILE), RADIUS_PX) == CoreShift()


def test_where_the_edge_of_the_core_is_left_out_nothing_is_said_of_it_and_no_step_comes_in() -> None:
    ratio = KIND.core_diameter_um / KIND.cladding_diameter_um
    face = framed(replace(varied(302), core_offset_um=(0.7, 0.0)), 302)
    part = without_edges(face, ratio, KIND.cladding_diameter_um, 2.0)
    bare = without_edges(replace(face, light=learned().archetype), ratio, KIND.cladding_diameter_um, 2.0).light
    profile = ring_medians(bare, RADIUS_PX)
    assert not np.isfinite(profile).all()
    assert core_edge_px(profile, RADIUS_PX) == pytest.approx(core_edge_px(PROFILE, RADIUS_PX), abs=4)
    assert core_shift(part.light, bare, profile, RADIUS_PX) == CoreShift()
    whole, left = (departures(*each, RADIUS_PX) for each in ((face.light, learned().archetype), (part.light, bare)))
    assert float(np.nanmax(np.abs(left.rings[2:4]))) < 2 * float(np.nanmax(np.abs(whole.rings[2:4])))


def test_the_edge_of_the_fiber_stays_where_it_is() -> None:
    face = moved(learned().archetype, CoreShift(1.0, -1.0), RADIUS_PX)
    still = (radii_px(RADIUS_PX) > RADIUS_PX) & (radii_px(RADIUS_PX) < 1.5 * RADIUS_PX)
    np.testing.assert_allclose(face[still], learned().archetype[still], atol=1e-5)


def test_what_is_not_seen_does_not_grow_by_moving_the_core() -> None:
    seen = np.isfinite(learned().archetype)
    hole = radii_px(RADIUS_PX) < 5
    face = moved(np.where(hole, np.float32(np.nan), learned().archetype), CoreShift(0.4, 0.0), RADIUS_PX)
    assert np.count_nonzero(seen & ~np.isfinite(face)) == pytest.approx(np.count_nonzero(hole), rel=0.15)


def test_a_core_a_little_off_departs_as_a_ring_and_not_as_places() -> None:
    edge = core_edge_px(PROFILE, RADIUS_PX)
    near = np.abs(radii_px(RADIUS_PX) - edge) < 4
    rings, places = [], []
    for offset in (0.0, 1.2):
        face = framed(replace(varied(301), core_offset_um=(offset, 0.0)), 301)
        found = departures(face.light, learned().archetype, RADIUS_PX)
        rings.append(float(found.rings[-1].max()))
        places.append(float(np.abs(found.places[0][near]).max()))
    assert rings[1] > 3 * rings[0]
    assert places[1] < 1.5 * places[0]
