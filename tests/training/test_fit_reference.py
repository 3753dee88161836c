from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.image_processing.departures import score_face
from dscope_blink.records import UserError
from dscope_blink.synthetic.faces import Contamination
from dscope_blink.training.fit_reference import archetype_of, archetypes_of_others, fit_reference
from dscope_blink.training.left_out import beyond_the_others, rate_at_most
from tests.builders.references import RADIUS_PX, framed, good_faces, learned, varied

FILM = Contamination(((10.0, 5.0, 25.0), (-20.0, 10.0, 20.0)), -0.4)


def test_the_order_of_references_does_not_matter() -> None:
    faces = good_faces()
    ahead, back = (fit_reference(order, 0.05) for order in (faces, faces[::-1]))
    np.testing.assert_allclose(ahead.archetype, back.archetype, equal_nan=True)
    np.testing.assert_allclose(ahead.limits, back.limits, rtol=1e-5)
    np.testing.assert_allclose(ahead.scores, back.scores[::-1], rtol=1e-4)


def test_a_dirty_face_among_good_ones_is_found_and_left_out() -> None:
    faces = [*good_faces(), framed(varied(50), 50, FILM)]
    fit = fit_reference(faces, 0.05)
    assert fit.used == tuple(range(8))
    assert fit.scores[8] > 2


def test_no_good_face_is_left_out() -> None:
    assert fit_reference(good_faces(), 0.05).used == tuple(range(8))


def test_the_limits_hold_for_the_faces_that_they_come_from() -> None:
    fit = fit_reference(good_faces(), 0.05)
    assert max(fit.scores) <= 1.001


def test_a_smaller_rate_has_wider_limits() -> None:
    wide, narrow = (fit_reference(good_faces(), rate) for rate in (0.001, 0.2))
    assert (wide.limits >= narrow.limits).all()
    assert wide.limits.max() > narrow.limits.max()


def test_a_limit_that_a_face_had_no_part_in_tells_whether_it_lies_beyond() -> None:
    assert len(fit_reference(good_faces(), 0.05).beyond) == 8
    odd = np.array([1.0, 1.1, 0.9, 1.05, 0.95, 3.0])
    assert beyond_the_others(odd, 0.05).tolist() == [False] * 5 + [True]


def test_the_bound_of_the_rate_is_that_of_so_many_alarms_among_so_many() -> None:
    assert rate_at_most(8, 0) == pytest.approx(1 - 0.05 ** (1 / 8), abs=1e-6)
    assert rate_at_most(10, 1) == pytest.approx(0.394, abs=1e-3)  # C. J. Clopper, E. S. Pearson
    assert rate_at_most(5, 5) == 1


def test_a_face_is_left_out_of_the_archetype_that_it_is_judged_by() -> None:
    lights = np.stack([face.light for face in good_faces()[:6]]).round(2)
    lights[np.random.default_rng(1).random(lights.shape) < 0.1] = np.nan
    for count in (5, 6):  # of an odd and an even number the middle is found otherwise
        for place, found in enumerate(archetypes_of_others(lights[:count], RADIUS_PX)):
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                slow = np.nanmedian(np.delete(lights[:count], place, axis=0), axis=0)
            np.testing.assert_allclose(found, slow, rtol=1e-6)


def test_fewer_than_three_faces_say_nothing() -> None:
    with pytest.raises(UserError, match="at least 3 faces, got 2"):
        fit_reference(good_faces()[:2], 0.05)


def test_few_faces_have_an_archetype_that_is_the_same_all_around() -> None:
    lights = np.stack([face.light for face in good_faces()[:4]])
    archetype = archetype_of(lights, RADIUS_PX)
    np.testing.assert_array_equal(archetype, np.rot90(archetype))


def test_a_place_that_no_face_shows_is_not_judged() -> None:
    blind = [face.light.copy() for face in good_faces()]
    for light in blind:
        light[60:70, 60:70] = np.nan
    fit = fit_reference([replace(f, light=light) for f, light in zip(good_faces(), blind, strict=True)], 0.05)
    assert np.isnan(fit.archetype[60:70, 60:70]).all()
    model = replace(
        learned(), archetype=fit.archetype, spread=fit.spread, limits=fit.limits, ring_limits=fit.ring_limits
    )
    assert np.isnan(score_face(good_faces()[0], model, 0.01).map[62:68, 62:68]).all()
