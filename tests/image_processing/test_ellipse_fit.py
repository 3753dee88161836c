"""Fits of points with known truth: sizes, outliers, missing arcs, and the laws of shift, scale and rotation."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dscope_blink.image_processing import ellipse_fit
from dscope_blink.records import Ellipse, from_form, is_ellipse, mean_radius, to_form

SIGMA_PX = 0.2
NEARLY_ROUND = Ellipse((200.3, 180.7), (287.0, 287.4), 10.0)
VIDEO = Ellipse((201.8, 179.1), (206.0, 224.7), 92.0)
ELONGATED = Ellipse((199.6, 181.2), (260.0, 130.0), 60.0)
SHAPES = pytest.mark.parametrize("truth", [NEARLY_ROUND, VIDEO, ELONGATED], ids=["round", "video", "elongated"])
SIZES = pytest.mark.parametrize("n", [50, 100, 200, 500, 720, 1000, 1500])

coordinates = st.floats(-500, 500)
ellipses = st.builds(
    lambda x, y, axis, ratio, angle: Ellipse((x, y), (axis, axis * ratio), angle),
    coordinates,
    coordinates,
    st.floats(5, 1000),
    st.floats(0.2, 5),
    st.floats(-180, 360),
)


def points_on(ellipse, n, sigma_px=0.0, seed=0, share=1.0):
    """Points at equal steps of the eccentric angle over a share of the turn, moved along the normal; (n, 2)."""
    t = 0.6 + 2 * np.pi * np.linspace(0, share, n, endpoint=False)
    a, b = np.array(ellipse.axes_px) / 2
    along = np.stack([a * np.cos(t), b * np.sin(t)], axis=1)
    normal = np.stack([b * np.cos(t), a * np.sin(t)], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    moved = along + np.random.default_rng(seed).normal(0, 1, (n, 1)) * sigma_px * normal
    return moved @ rotation(math.radians(ellipse.angle_deg)).T + ellipse.center_px


def rotation(angle):
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s], [s, c]])


def fitted(rho, form):
    """Both steps as the localisation takes them, from where the edge was searched."""
    start = ellipse_fit.consensus(form, rho, 1.0 / mean_radius(form))
    assert start is not None
    return refined(ellipse_fit.points_along(form, rho), start, max_scale_px=0.5)


def search(truth):
    """The ellipse around which an edge was searched: a little beside the truth, as a seed is."""
    x, y = truth.center_px
    return to_form(Ellipse((x + 1.5, y - 1.0), truth.scaled(1.02).axes_px, truth.angle_deg))


def distances(truth, form, n, sigma_px=0.0, seed=0, share=1.0):
    """Where `n` rays of an ellipse meet another's outline, in radii of the first; NaN beyond a share of the turn."""
    shape, u = to_form(truth), ellipse_fit.rays(form, n)
    a = np.array([[shape[2], shape[3]], [shape[3], shape[4]]])
    apart = form[:2] - shape[:2]
    quadratic, linear = np.einsum("ni,ij,nj->n", u, a, u), u @ a @ apart
    rho = (-linear + np.sqrt(linear**2 - quadratic * (apart @ a @ apart - 1))) / quadratic
    rho += np.random.default_rng(seed).normal(0, sigma_px, n) / np.hypot(*u.T)
    rho[round(share * n) :] = np.nan
    return rho


def refined(points, start, min_scale_px=0.05, max_scale_px=math.inf):
    form = ellipse_fit.refine(points, start, min_scale_px, max_scale_px)
    assert form is not None
    return from_form(form)


def off_outline(points, form):
    """How far points lie from an ellipse, by its equation, in shares of its radius times that radius."""
    u = points - form[:2]
    level = np.sqrt(form[2] * u[:, 0] ** 2 + 2 * form[3] * u[:, 0] * u[:, 1] + form[4] * u[:, 1] ** 2)
    return (level - 1) * mean_radius(form)


def assert_near(found, truth, centre_px, axes_px):
    assert math.dist(found.center_px, truth.center_px) <= centre_px
    assert sorted(found.axes_px) == pytest.approx(sorted(truth.axes_px), abs=axes_px)


def long_axis_deg(ellipse):
    first_is_long = ellipse.axes_px[0] >= ellipse.axes_px[1]
    return (ellipse.angle_deg + (0 if first_is_long else 90)) % 180


def turn_between(a_deg, b_deg):
    return abs((a_deg - b_deg + 90) % 180 - 90)


# --- the form


@given(truth=ellipses)
def test_an_ellipse_survives_the_way_to_a_form_and_back(truth):
    found = from_form(to_form(truth))
    assert found.center_px == truth.center_px
    assert found.axes_px == pytest.approx(sorted(truth.axes_px), rel=1e-6)
    if max(truth.axes_px) > 1.01 * min(truth.axes_px):
        assert turn_between(long_axis_deg(found), long_axis_deg(truth)) < 0.01


@given(truth=ellipses)
def test_the_shorter_axis_comes_first_and_the_angle_below_half_a_turn(truth):
    found = from_form(to_form(truth))
    assert found.axes_px[0] <= found.axes_px[1]
    assert 0 <= found.angle_deg <= 180


@pytest.mark.parametrize("angle_deg", [0, 30, 75, 90, 135, 179])
@pytest.mark.parametrize("half_axes", [(90, 40), (40, 90)])
def test_the_angle_is_that_of_the_outlines_that_opencv_draws(half_axes, angle_deg):
    drawn = np.array(cv2.ellipse2Poly((200, 180), half_axes, angle_deg, 0, 360, 3), np.float64)
    form = to_form(Ellipse((200, 180), (2 * half_axes[0], 2 * half_axes[1]), angle_deg))
    assert np.abs(off_outline(drawn, form)).max() < 0.8  # they are rounded to pixels


@pytest.mark.parametrize("angle_deg", [0, 30, 75, 90, 135, 179])
@pytest.mark.parametrize("axes", [(180, 80), (80, 180)])
def test_the_angle_is_that_of_the_ellipses_that_opencv_fits(axes, angle_deg):
    points = points_on(Ellipse((200.3, 180.7), axes, angle_deg), 60)
    (x, y), found_axes, found_deg = cv2.fitEllipse(points.astype(np.float32))
    form = to_form(Ellipse((x, y), (found_axes[0], found_axes[1]), found_deg))
    assert np.abs(off_outline(points, form)).max() < 0.01
    assert from_form(form).angle_deg == pytest.approx(found_deg % 180, abs=0.05)


@pytest.mark.parametrize("shape", [(1.0, 2.0, 1.0), (-1.0, 0.0, 1.0), (0.0, 0.0, 0.0), (np.nan, 0.0, 1.0)])
def test_a_conic_that_is_no_ellipse_is_told(shape):
    assert not is_ellipse(np.array([0.0, 0.0, *shape]))


def test_a_conic_that_is_no_ellipse_is_refused():
    with pytest.raises(ValueError, match="positive definite"):
        from_form(np.array([0.0, 0.0, 1.0, 2.0, 1.0]))


# --- fits


@SHAPES
@SIZES
def test_edges_without_noise_give_the_ellipse_itself(truth, n):
    form = search(truth)
    assert_near(fitted(distances(truth, form, n), form), truth, 1e-4, 1e-4)


# With n edges of noise sigma a centre scatters by about 1.5 sigma / sqrt(n), an axis by about 4 sigma / sqrt(n).
@SHAPES
@SIZES
def test_the_error_falls_with_the_number_of_edges(truth, n):
    unit, form = SIGMA_PX / math.sqrt(n), search(truth)
    assert_near(fitted(distances(truth, form, n, SIGMA_PX), form), truth, 6 * unit, 16 * unit)


@SHAPES
@SIZES
def test_three_scattered_edges_in_ten_do_not_matter(truth, n):
    rng, form = np.random.default_rng(1), search(truth)
    rho = distances(truth, form, n, SIGMA_PX)
    wild = rng.choice(n, round(0.3 * n), replace=False)
    rho[wild] *= rng.uniform(0.8, 1.2, len(wild))
    unit = SIGMA_PX / math.sqrt(n)
    assert_near(fitted(rho, form), truth, 8 * unit, 24 * unit)


@pytest.mark.parametrize("off", [0.92, 1.06])
@pytest.mark.parametrize(("truth", "share"), [(NEARLY_ROUND, 0.3), (VIDEO, 0.3), (ELONGATED, 0.25)])
def test_an_arc_on_another_edge_does_not_pull_the_fit(truth, off, share):
    form = search(truth)
    rho = distances(truth, form, 720, SIGMA_PX)
    rho[110 : 110 + round(720 * share)] *= off  # whole fifths of the circumference
    assert_near(fitted(rho, form), truth, 0.2, 0.5)


@SHAPES
@pytest.mark.parametrize("share", [0.7, 0.6])
def test_a_missing_arc_costs_accuracy_but_no_bias_of_pixels(truth, share):
    form = search(truth)
    errors = [
        np.subtract(fitted(distances(truth, form, 720, SIGMA_PX, seed, share), form).center_px, truth.center_px)
        for seed in range(8)
    ]
    limit = 0.15 if share == 0.7 else 0.25
    assert np.abs(errors).max() < limit
    assert np.abs(np.mean(errors, axis=0)).max() < limit / 2


@given(
    away=st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
    factor=st.floats(0.94, 1.06),
    ratio=st.floats(0.94, 1.0),
    angle_deg=st.floats(0, 180),
)
def test_it_does_not_matter_where_the_search_was_made(away, factor, ratio, angle_deg):
    x, y = NEARLY_ROUND.center_px
    axis = factor * 287.0
    form = to_form(Ellipse((x + away[0], y + away[1]), (axis, axis * ratio), angle_deg))
    assert_near(fitted(distances(NEARLY_ROUND, form, 144), form), NEARLY_ROUND, 1e-3, 1e-3)


@pytest.mark.parametrize("factor", [0.85, 0.95, 1.05, 1.2])
@SHAPES
def test_a_start_of_the_right_centre_and_wrong_size_still_finds_the_size(truth, factor):
    # Points all around do not move the centre at all: that alone does not tell that the fit has come to rest.
    start = to_form(truth.scaled(factor))
    assert_near(refined(points_on(truth, 360), start), truth, 1e-4, 1e-4)


# --- laws


@given(
    angle=st.floats(-math.pi, math.pi),
    factor=st.floats(0.2, 20),
    shift=st.tuples(st.floats(-1000, 1000), st.floats(-1000, 1000)),
    truth=st.sampled_from([NEARLY_ROUND, VIDEO, ELONGATED]),
)
def test_the_ellipse_of_moved_points_is_the_moved_ellipse(angle, factor, shift, truth):
    points = points_on(truth, 180, SIGMA_PX)
    start = to_form(truth.scaled(1.02))
    still = refined(points, start)
    moved_start = Ellipse(
        tuple((factor * rotation(angle) @ truth.center_px + shift).tolist()),
        truth.scaled(1.02 * factor).axes_px,
        truth.angle_deg + math.degrees(angle),
    )
    moved_points = factor * points @ rotation(angle).T + shift
    moved = refined(moved_points, to_form(moved_start), 0.05 * factor)
    tolerance = 1e-3 * max(1.0, factor)
    assert moved.center_px == pytest.approx(factor * rotation(angle) @ still.center_px + shift, abs=tolerance)
    assert moved.axes_px == pytest.approx(np.multiply(factor, still.axes_px), abs=tolerance)
    if truth is not NEARLY_ROUND:  # its angle is noise
        assert turn_between(moved.angle_deg, still.angle_deg + math.degrees(angle)) < 0.02


def test_the_same_edges_give_the_same_ellipse_and_are_left_as_they_are():
    form = search(VIDEO)
    rho = distances(VIDEO, form, 60, SIGMA_PX)
    rho.flags.writeable = form.flags.writeable = False
    assert fitted(rho, form) == fitted(rho, form)


def test_rays_lead_from_the_centre_to_the_outline():
    form = to_form(VIDEO)
    points = ellipse_fit.points_along(form, np.ones(90))
    assert points == pytest.approx(form[:2] + ellipse_fit.rays(form, 90))
    assert np.abs(off_outline(points, form)).max() < 1e-9


def test_a_ray_without_an_edge_gives_no_point():
    assert ellipse_fit.points_along(to_form(VIDEO), np.array([1.0, np.nan, 1.0, np.nan])).shape == (2, 2)


# --- what determines no ellipse


@pytest.mark.parametrize("seen", [0, 7])
def test_too_few_edges_give_none(seen):
    rho = np.full(60, np.nan)
    rho[:seen] = 1.0
    assert ellipse_fit.consensus(to_form(VIDEO), rho, 0.01) is None


def test_edges_on_a_short_arc_give_none():
    rho = np.full(720, np.nan)
    rho[:20] = 1.0
    assert ellipse_fit.consensus(to_form(VIDEO), rho, 0.01) is None


@pytest.mark.parametrize("points", [points_on(VIDEO, 7), np.full((50, 2), 250.0)], ids=["seven", "one place"])
def test_a_refinement_without_enough_points_gives_none(points):
    assert ellipse_fit.refine(points, to_form(VIDEO), max_scale_px=1.0) is None


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(8, 60))
def test_any_scattered_edges_give_an_ellipse_or_none(seed, n):
    form = to_form(VIDEO)
    rho = np.random.default_rng(seed).uniform(0, 2, n)
    start = ellipse_fit.consensus(form, rho, 0.01)
    assert start is None or is_ellipse(start)
    refined = None if start is None else ellipse_fit.refine(ellipse_fit.points_along(form, rho), start)
    assert refined is None or is_ellipse(refined)
