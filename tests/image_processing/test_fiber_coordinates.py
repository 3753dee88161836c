"""Where pixels lie relative to the fiber, and at which resolution they are worked on."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from dscope_blink.image_processing.fiber_coordinates import fiber_coordinates, working_picture
from tests.builders.residuals import FACE, FACES, geometry_of, gray_of


def at(image, points):
    """Values between the pixels."""
    x, y = np.asarray(points, np.float32).T
    return cv2.remap(image, x, y, cv2.INTER_LINEAR)[:, 0]


def on_ellipse(ellipse, n=90):
    t = 2 * np.pi * np.arange(n) / n
    a, b = np.array(ellipse.axes_px) / 2
    angle = math.radians(ellipse.angle_deg)
    c, s = math.cos(angle), math.sin(angle)
    along = np.stack([a * np.cos(t), b * np.sin(t)], axis=1)
    return along @ np.array([[c, s], [-s, c]]) + ellipse.center_px


# --- working resolution


def test_a_picture_of_few_pixels_is_worked_on_as_it_is():
    picture = working_picture(gray_of(FACE), geometry_of(FACE), 300)
    np.testing.assert_array_equal(picture.gray, gray_of(FACE))
    assert picture.pixel_px == (1.0, 1.0)
    assert picture.geometry == geometry_of(FACE)


@pytest.mark.parametrize("most_px", [60.0, 101.3, 180.0])
def test_a_picture_of_many_pixels_is_reduced_with_its_geometry(most_px):
    spec = replace(FACE, axis_ratio=1.05, axis_angle_deg=40, core_offset_um=(3, -2))
    picture = working_picture(gray_of(spec), geometry_of(spec), most_px)
    ellipse, (px, py) = picture.geometry.cladding.ellipse, picture.pixel_px
    assert ellipse.mean_diameter_px == pytest.approx(most_px, rel=0.02)
    assert (px * picture.gray.shape[1], py * picture.gray.shape[0]) == pytest.approx((400, 300))
    # On the edge of a blurred disc lies the mean of its two sides, in every direction.
    levels = at(picture.gray, on_ellipse(ellipse))
    np.testing.assert_allclose(levels, (spec.cladding + spec.ferrule) / 2 / 255, atol=0.04)
    assert picture.geometry.core is not None
    levels = at(picture.gray, on_ellipse(picture.geometry.core.ellipse))
    np.testing.assert_allclose(levels, (spec.cladding + spec.core) / 2 / 255, atol=0.04)


@pytest.mark.parametrize(("doubled_px", "pixel_px"), [((150, 209), 0.5), ((209, 250), 1.0), ((150, 208), 1.0)])
def test_a_picture_of_few_pixels_is_doubled_with_its_geometry(doubled_px, pixel_px):
    spec = replace(FACE, core_offset_um=(3, -2))  # its cladding is 208.3 px wide
    picture = working_picture(gray_of(spec), geometry_of(spec), 360, doubled_px)
    assert picture.pixel_px == (pixel_px, pixel_px)
    assert picture.geometry.cladding.ellipse.mean_diameter_px == pytest.approx(125 / 0.6 / pixel_px)
    assert picture.geometry.cladding.blur_px == pytest.approx(geometry_of(spec).cladding.blur_px / pixel_px)
    assert 0 <= picture.gray.min() <= picture.gray.max() <= 1
    assert picture.geometry.core is not None
    for fit, beside in ((picture.geometry.cladding, spec.ferrule), (picture.geometry.core, spec.core)):
        levels = at(picture.gray, on_ellipse(fit.ellipse))
        np.testing.assert_allclose(levels, (spec.cladding + beside) / 2 / 255, atol=0.04)


# --- fiber coordinates


COORDINATES = pytest.mark.parametrize(
    "spec",
    [FACES[name] for name in ("bright ferrule", "elliptical", "core off centre", "thin cladding")]
    + [replace(FACE, um_per_px_x=0.64, um_per_px_y=0.587, axis_ratio=1.05, axis_angle_deg=110, core_offset_um=(-4, 3))],
    ids=["round", "elliptical", "core off centre", "thin cladding", "all at once"],
)


def coordinates_of(spec, core=True):
    return fiber_coordinates(geometry_of(spec, core), (0, 0), spec.shape)


def ratio_px(spec):
    """Core over cladding, by the circles of the same areas."""
    return math.sqrt(math.prod(spec.core_ellipse.axes_px) / math.prod(spec.cladding_ellipse.axes_px))


@COORDINATES
@pytest.mark.parametrize("times", [0.5, 1.0, 1.3])
def test_rho_counts_in_radii_of_the_cladding(spec, times):
    rho = at(coordinates_of(spec).rho, on_ellipse(spec.cladding_ellipse.scaled(times)))
    assert rho == pytest.approx(times, abs=0.003)


@COORDINATES
def test_s_is_the_core_ratio_on_the_core_edge_wherever_its_centre(spec):
    s = at(coordinates_of(spec).s, on_ellipse(spec.core_ellipse))
    assert s == pytest.approx(ratio_px(spec), abs=0.004)


@COORDINATES
def test_s_is_one_on_the_cladding_edge_and_rho_outside(spec):
    found = coordinates_of(spec)
    assert at(found.s, on_ellipse(spec.cladding_ellipse)) == pytest.approx(1, abs=0.004)
    np.testing.assert_array_equal(found.s[found.rho >= 1], found.rho[found.rho >= 1])


@COORDINATES
def test_s_grows_from_the_centre_outwards(spec):
    found = coordinates_of(spec)
    centre = np.array(spec.cladding_ellipse.center_px)
    for point in on_ellipse(spec.cladding_ellipse.scaled(1.2), 24):
        along = centre + np.linspace(0.03, 1, 60)[:, None] * (point - centre)
        assert (np.diff(at(found.s, along)) > 0).all()


def test_without_a_core_s_is_rho():
    found = coordinates_of(FACE, core=False)
    np.testing.assert_array_equal(found.s, found.rho)


def test_theta_runs_clockwise_on_the_screen_from_x():
    x, y = FACE.cladding_ellipse.center_px
    places = [(x + 50, y), (x, y + 50), (x - 50, y), (x, y - 50)]
    degrees = np.degrees(at(coordinates_of(FACE).theta, places[1:]))
    assert degrees == pytest.approx([90, 180, 270], abs=1)


def test_the_coordinates_of_a_window_are_a_part_of_those_of_the_picture():
    whole = coordinates_of(FACE)
    part = fiber_coordinates(geometry_of(FACE), (60, 40), (120, 150))
    for name in ("rho", "s", "theta"):
        np.testing.assert_allclose(getattr(part, name), getattr(whole, name)[40:160, 60:210], rtol=0, atol=1e-4)
