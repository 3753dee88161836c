"""One shape is moved to every feature: exactly, whatever the light, and with the number of its own pixels only."""

from __future__ import annotations

import numpy as np
import pytest

from dscope_blink.calibration.feature_fit import (
    Pixels,
    Shape,
    Vector,
    fit_places,
    fit_shape,
    jackknife_groups,
    light_at,
)

PITCH_PX = 16
SHIFTS = np.array([[0.3, -0.2], [0.0, 0.4], [-0.35, 0.1], [0.05, 0.05]])


def discs(radius_px: float, blur_px: float, slope: float = 0.0) -> Pixels:
    """Four discs side by side, each shifted, on a ground with a slope; the edges are logistic, not Gaussian."""
    y, x = np.indices((PITCH_PX, PITCH_PX)) - (PITCH_PX - 1) / 2
    offset = np.stack([x.ravel(), y.ravel()])
    values, places = [], []
    for shift in SHIFTS:
        inside = radius_px - np.hypot(*(offset - shift[:, None]))
        values.append(0.8 - 0.5 * (0.5 + 0.5 * np.tanh(inside * 0.8 / blur_px)) + slope * offset[0])
        places.append(offset)
    feature = np.repeat(np.arange(len(SHIFTS)), PITCH_PX**2)
    return Pixels(np.concatenate(values), np.concatenate(places, axis=1), feature, len(SHIFTS), np.eye(2))


@pytest.mark.parametrize(("radius_px", "blur_px"), [(4.0, 0.8), (5.0, 1.5), (3.0, 1.0)])
def test_the_shape_is_that_of_the_features(radius_px: float, blur_px: float) -> None:
    pixels = discs(radius_px, blur_px)
    shape = fit_shape(pixels.value, pixels.distance, PITCH_PX / 2)
    assert shape.half_px == pytest.approx(radius_px, abs=0.2)
    assert shape.blur_px == pytest.approx(blur_px, rel=0.25)
    assert shape.sign == -1


@pytest.mark.parametrize("slope", [0.0, 0.005])
def test_features_are_found_where_they_are_on_a_ground_that_slopes(slope: float) -> None:
    pixels = discs(4.0, 0.9, slope)
    centre = np.zeros((len(SHIFTS), 2))
    for _ in range(3):
        moved = Pixels(pixels.value, pixels.offset - centre.T[:, pixels.feature], pixels.feature, 4, pixels.metric)
        centre = centre + fit_places(moved, Shape(4.0, 0.9, -1)).shift
    np.testing.assert_allclose(centre, SHIFTS, atol=2e-3)


def test_a_feature_without_pixels_has_no_strength_and_does_not_disturb_the_others() -> None:
    pixels = discs(4.0, 0.9)
    found = fit_places(Pixels(pixels.value, pixels.offset, pixels.feature, 5, pixels.metric), Shape(4.0, 0.9, -1))
    assert found.strength[4] == 0
    np.testing.assert_array_equal(found.shift[4], 0)
    np.testing.assert_allclose(found.strength[:4], 0.5, rtol=0.1)


def test_dirt_on_a_feature_shows_as_its_misfit() -> None:
    pixels = discs(4.0, 0.9)
    dirty = pixels.value.copy()
    dirty[(pixels.feature == 2) & (pixels.offset[0] > 4)] = 0.3
    found = fit_places(Pixels(dirty, pixels.offset, pixels.feature, 4, pixels.metric), Shape(4.0, 0.9, -1))
    assert np.argmax(found.misfit) == 2
    assert found.misfit[2] > 3 * np.delete(found.misfit, 2).max()


@pytest.mark.parametrize(("blur_px", "defocus_px"), [(0.7, 0.0), (1.0, 0.0), (2.6, 2.4)])
def test_the_blur_of_a_pixel_is_no_defocus(blur_px: float, defocus_px: float) -> None:
    assert Shape(5.0, blur_px, 1).defocus_px == pytest.approx(defocus_px)


def test_light_is_known_between_the_features_it_falls_on() -> None:
    rng = np.random.default_rng(0)
    places, asked = rng.uniform(0, 500, (200, 2)), rng.uniform(50, 450, (50, 2))

    def light(points: Vector) -> Vector:
        return np.asarray(1 - 1e-6 * ((points - 300) ** 2).sum(axis=1))

    found = light_at(places, 0.4 * light(places), asked)
    np.testing.assert_allclose(found / found.mean(), light(asked) / light(asked).mean(), rtol=1e-6)


def test_groups_are_runs_of_neighbours_of_about_one_size() -> None:
    assert jackknife_groups(np.array([7.0, 3, 4, 5, 6, 3, 9, 10]), 3).tolist() == [1, 0, 0, 0, 1, 0, 2, 2]
    assert jackknife_groups(np.arange(4.0), 20).tolist() == [0, 1, 2, 3]
