"""Edges along rays: where they are, how blurred, and how sure."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from dscope_blink.files.decoding import to_gray
from dscope_blink.image_processing import edges
from dscope_blink.records import Ellipse, mean_radius, to_form
from dscope_blink.synthetic.faces import Chip, Contamination, FaceSpec, render_face

FACE = FaceSpec(shape=(300, 400), centre_px=(203.4, 146.7), um_per_px_x=0.6, um_per_px_y=0.6)
BORDER = to_form(FACE.cladding_ellipse)
RADIUS_PX = mean_radius(BORDER)


@cache
def gray(spec, *blemishes):
    return to_gray(render_face(spec, blemishes, np.random.default_rng(0)).image)


def fitted(rho, form=BORDER):
    found = edges.fitted(form, rho, 1.0, 0.05, 12)
    assert found is not None
    return found


def seen(picture, form=BORDER, polarity=1):
    return edges.judged(picture, form, polarity, edges.Search(6.0, 720), 1.5, math.inf)


# --- where


@pytest.mark.parametrize(("ferrule", "polarity"), [(194, 1), (35, -1)])
def test_the_polarity_is_that_of_most_of_the_circumference(ferrule, polarity):
    picture = gray(replace(FACE, ferrule=ferrule), Contamination(((-62, 0, 20),), 0.9, 1.0))
    _, slope = edges.slopes(picture, BORDER, edges.Search(6.0))
    assert edges.polarity_of(slope) == polarity


def test_a_straight_step_is_found_where_it_is_to_a_hundredth_of_a_pixel():
    x = np.arange(400, dtype=np.float64)
    for place in (300.0, 300.25, 300.6):
        step = np.array([0.5 * (1 + math.erf((v - place) / 1.2 / math.sqrt(2))) for v in x], np.float32)
        circle = to_form(Ellipse((200.0, 150.0), (200.0, 200.0), 0.0))
        rho = edges.steepest(*edges.slopes(np.tile(step, (300, 1)), circle, edges.Search(5.0, 720)), 1)
        assert 200 + 100 * rho[0] == pytest.approx(place, abs=0.015)  # the first ray lies along x


def test_a_ray_that_leaves_the_picture_has_no_edge():
    picture = gray(FACE)[:, :230]  # the right flank is cut off
    edge = seen(np.ascontiguousarray(picture))
    assert 0.3 < edge.support < 0.75
    assert np.isnan(edge.rho[0])


def test_an_edge_far_from_the_ellipse_does_not_support_it():
    assert seen(gray(FACE)).support > 0.98
    assert seen(gray(FACE), to_form(FACE.cladding_ellipse.scaled(1.03))).support < 0.02


# --- how blurred


@pytest.mark.parametrize("blur_px", [0.8, 1.5, 3.0])
def test_the_blur_is_that_of_the_optics(blur_px):
    assert edges.blur_of(gray(replace(FACE, blur_px=blur_px)), BORDER) == pytest.approx(blur_px, rel=0.15)


def test_the_blur_does_not_depend_on_brightness_or_on_dirt():
    clean = edges.blur_of(gray(FACE), BORDER)
    assert edges.blur_of(gray(FACE) * np.float32(0.5), BORDER) == pytest.approx(clean, rel=0.02)
    dirty = gray(FACE, Contamination(((-62, 0, 12), (-50, 30, 8)), -0.5, 1.0), Chip(20, 20, 8, -0.6))
    assert edges.blur_of(dirty, BORDER) == pytest.approx(clean, rel=0.1)


def test_a_border_outside_of_the_picture_has_no_finite_blur():
    away = to_form(Ellipse((-500.0, -500.0), (50.0, 50.0), 0.0))
    assert edges.blur_of(gray(FACE), away) == math.inf


@pytest.mark.parametrize("blur_px", [1.5, 2.5])
def test_the_blur_of_a_small_disc_is_taken_out_of_its_size(blur_px):
    small = replace(FACE, core_diameter_um=9, blur_px=blur_px, noise=0.0)
    core = to_form(small.core_ellipse)
    radius = mean_radius(core)
    rho = edges.steepest(*edges.slopes(gray(small), core, edges.Search(3.0, 360)), -1)
    form = fitted(rho, core)
    blurred = mean_radius(form)
    assert radius - blurred == pytest.approx(blur_px**2 / (2 * radius), rel=0.1)
    border = mean_radius(edges.unblurred(form, blur_px))
    assert abs(border - radius) < 0.12 * (radius - blurred)


def test_a_disc_smaller_than_its_blur_grows_by_a_bounded_share():
    tiny = to_form(Ellipse((0.0, 0.0), (4.0, 4.0), 0.0))
    assert mean_radius(edges.unblurred(tiny, 50.0)) <= 2.0 * 1.125 + 1e-9


# --- how sure


def edge_of(form, rho, tolerance_px=3.0):
    return edges.Edge(form, 1, rho, tolerance_px, 0.4)


def test_the_uncertainty_is_the_scatter_of_repeated_fits():
    claimed, got = [], []
    for seed in range(60):
        rho = 1 + np.random.default_rng(seed).normal(0, 0.3 / RADIUS_PX, 720)
        form = fitted(rho)
        # seen from the fitted ellipse the distances differ by what the fit has moved: far less than they scatter
        claimed.append(edges.uncertainty(edge_of(form, rho)))
        got.append((*form[:2], 2 * mean_radius(form)))
    x, y, diameter = np.std(got, axis=0)
    assert np.mean([u.center_px for u in claimed]) == pytest.approx(math.hypot(x, y), rel=0.3)
    assert np.mean([u.diameter_px for u in claimed]) == pytest.approx(diameter, rel=0.3)


def test_half_of_the_circumference_tells_less_than_the_whole():
    rho = 1 + np.random.default_rng(0).normal(0, 0.003, 720)
    whole = edges.uncertainty(edge_of(BORDER, rho))
    half = edges.uncertainty(edge_of(BORDER, np.where(np.arange(720) < 360, rho, np.nan)))
    assert half.center_px > 2 * whole.center_px


def test_errors_that_hang_together_count_as_few():
    rng = np.random.default_rng(0)
    alone = rng.normal(0, 0.003, 720)
    together = np.repeat(rng.normal(0, 0.003, 36), 20)
    loose, tied = (edges.uncertainty(edge_of(BORDER, 1 + e)) for e in (alone, together))
    assert tied.diameter_px > 2.5 * loose.diameter_px


def test_places_spread_evenly_within_the_window_tell_hardly_anything():
    rng = np.random.default_rng(0)
    even = 1 + rng.uniform(-1.5, 1.5, 720) / RADIUS_PX
    near = 1 + rng.normal(0, 0.2, 720) / RADIUS_PX
    random, sure = (edge_of(BORDER, rho, 1.5) for rho in (even, near))
    assert random.scatter == pytest.approx(1 / math.sqrt(3), rel=0.05)
    factor = edges.uncertainty(random).diameter_px / edges.uncertainty(sure).diameter_px
    assert factor > 5 * random.rms_px / sure.rms_px


# --- on one side


def defocused(gray, sigma_at_the_right_px):
    """Sharp on the left, and ever more blurred towards the right edge of the cladding."""
    radius = (np.arange(gray.shape[1]) - FACE.centre_px[0]) / RADIUS_PX
    sigma = sigma_at_the_right_px * np.clip((radius + 1) / 2, 0, 1)
    steps = np.linspace(0, 1.1 * sigma_at_the_right_px, 9)[1:]
    stack = np.stack([gray, *(cv2.GaussianBlur(gray, (0, 0), step) for step in steps)])
    place = np.interp(sigma, [0, *steps], np.arange(9))
    low = np.minimum(place.astype(int), 7)
    columns = np.arange(gray.shape[1])
    share = (place - low).astype(np.float32)
    return (1 - share) * stack[low, :, columns].T + share * stack[low + 1, :, columns].T


def told(picture):
    return [math.nan if blur is None else blur for blur in edges.sector_blurs(picture, BORDER)]


def test_each_direction_has_its_own_blur():
    blurs = told(defocused(gray(FACE), 5.0))
    assert max(blurs) == blurs[0] == pytest.approx(math.hypot(5.0, FACE.blur_px), rel=0.3)
    assert blurs[4] < 1.6
    assert blurs[2] == pytest.approx(blurs[6], rel=0.1)


@pytest.mark.parametrize("arc_um", [20.0, 45.0])
@pytest.mark.parametrize("contrast", [-0.9, 1.0])
def test_a_chipped_or_dirty_edge_is_not_blurred(arc_um, contrast):
    chip = Chip(10.0, arc_um, 6.0, contrast)
    dirt = Contamination(((-58.0, 20.0, 14.0), (-20.0, 60.0, 12.0)), contrast / 2, 3.0)
    blurs = told(gray(FACE, chip, dirt))
    assert max(blurs) < 1.2 * edges.blur_of(gray(FACE), BORDER)


def test_an_edge_cut_by_the_border_is_not_blurred_but_unseen():
    cut = edges.sector_blurs(gray(FACE)[:, :250], BORDER)
    assert cut[0] is None
    assert max(blur for blur in cut if blur is not None) < 1.2 * edges.blur_of(gray(FACE), BORDER)
