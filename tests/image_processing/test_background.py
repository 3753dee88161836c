"""The residual of a clean face is nothing, and that of a mark the mark."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from dscope_blink.detectors import edge_chip
from dscope_blink.image_processing import background
from dscope_blink.image_processing.fiber_coordinates import fiber_coordinates
from dscope_blink.records import CoreFit, FiberGeometry
from dscope_blink.synthetic.faces import Contamination, Pit, Ring
from tests.builders.residuals import (
    CONFIG,
    FACE,
    FACES,
    FRAMED,
    REACH,
    every_face,
    field_of,
    geometry_of,
    gray_of,
    in_window,
    rendered,
    unreduced,
)


def smoothed(field):
    return 255 * cv2.GaussianBlur(field.gray, (0, 0), 1.0)


@every_face
def test_a_clean_face_leaves_nothing_its_borders_included(spec):
    field = field_of(spec)
    levels = np.abs(smoothed(field))  # steps of 20 to 120 grey levels are gone
    noise = math.hypot(spec.noise, spec.ferrule_texture, spec.core_speckle)
    assert levels[field.inside].max() < 4 * noise
    assert np.quantile(levels[field.inside & (field.rho < 1)], 0.999) < 1.6 * noise


@every_face
def test_a_clean_face_stands_out_of_its_noise_nowhere(spec):
    field = field_of(spec)
    snr = np.abs(field.snr)[field.inside]
    assert snr.max() < 7
    assert np.sqrt((snr**2).mean()) < 1.4


@every_face
def test_the_cladding_edge_of_a_clean_face_shows_no_chip(spec):
    field = field_of(spec)
    near = np.abs(field.rho - 1) * field.cladding_radius_px < 5
    assert np.abs(field.edge_snr)[near].max() < 6


def on_the_edge(field):
    """What the walk along the cladding edge marks."""
    own: dict[str, Any] = dict(CONFIG.detectors["edge_chip"].settings)
    return edge_chip.detect(field, **own)


@pytest.mark.parametrize("turn_deg", [20, 75, 200])
@pytest.mark.parametrize("contrast", [-0.3, 0.3])
def test_a_small_pit_stands_out_on_an_even_edge(contrast, turn_deg):
    spec = FACES["halo and sharpening"]
    turn = math.radians(turn_deg)
    at_um = (62.5 * math.cos(turn), 62.5 * math.sin(turn))
    field = field_of(spec, Pit(at_um, 2.0, contrast))
    x, y = np.divide(at_um, spec.um_per_px_x) + spec.centre_px - field.origin_px
    rows, columns = np.nonzero(on_the_edge(field))
    assert rows.size
    assert np.hypot(columns - x, rows - y).max() < 5


@pytest.mark.parametrize("periods", [30, 60])
def test_an_edge_that_wavers_all_around_is_no_row_of_chips(periods):
    y, x = np.indices(FACE.shape, np.float32)
    dx, dy = x - np.float32(FACE.centre_px[0]), y - np.float32(FACE.centre_px[1])
    grow = 1 + np.float32(0.6) * np.sin(periods * np.arctan2(dy, dx)) / np.maximum(np.hypot(dx, dy), 9)
    wavering = cv2.remap(gray_of(FACE), FACE.centre_px[0] + dx * grow, FACE.centre_px[1] + dy * grow, cv2.INTER_CUBIC)
    field = background.residual(unreduced(wavering, geometry_of(FACE)), REACH, CONFIG.residual)
    assert not on_the_edge(field).any()


@every_face
def test_background_and_residual_make_the_picture(spec):
    field = field_of(spec)
    np.testing.assert_allclose(field.gray + field.background, in_window(field, gray_of(spec)), rtol=0, atol=1e-5)


def test_the_window_holds_the_whole_reach():
    spec = FACES["elliptical"]
    field = field_of(spec)
    rho = fiber_coordinates(geometry_of(spec), (0, 0), spec.shape).rho
    assert in_window(field, rho < REACH).sum() == (rho < REACH).sum()
    np.testing.assert_allclose(field.rho, in_window(field, rho), rtol=0, atol=1e-4)


def test_marks_are_looked_for_within_reach_and_off_the_cladding_edge():
    field = field_of(FACE)
    assert field.rho[field.inside].max() < REACH
    assert not field.inside[np.abs(field.rho - 1) * field.cladding_radius_px < 2].any()
    assert field.inside[field.rho < 0.9].all()


@pytest.mark.parametrize("diameter_um", [3.0, 6.0, 10.0])
@pytest.mark.parametrize("name", ["bright ferrule", "unlit core", "dark core", "pixels that are not square"])
def test_a_pit_at_the_very_centre_is_left(name, diameter_um):
    spec, pit = FACES[name], Pit((0.0, 0.0), diameter_um, -0.5)
    field = field_of(spec, pit)
    middle = in_window(field, rendered(spec, pit).truth.blemishes[0].mask)
    lost = in_window(field, gray_of(spec, pit) - gray_of(spec))
    assert field.gray[middle].sum() < 0.25 * lost[middle].sum()
    assert field.snr[middle].min() < -6


@pytest.mark.parametrize("place_um", [(12.0, 5.0), (-35.0, 20.0), (20.0, 75.0)], ids=["core", "cladding", "ferrule"])
@pytest.mark.parametrize("contrast", [-0.4, 0.3], ids=["dark", "bright"])
def test_a_mark_off_the_centre_is_left_in_full(place_um, contrast):
    mark = Pit(place_um, 8.0, contrast)
    field = field_of(FACE, mark)
    core_of_it = cv2.erode(
        in_window(field, rendered(FACE, mark).truth.blemishes[0].mask).astype(np.uint8), np.ones((3, 3), np.uint8)
    ).astype(bool)
    change = in_window(field, gray_of(FACE, mark) - gray_of(FACE))
    assert field.gray[core_of_it].mean() == pytest.approx(change[core_of_it].mean(), rel=0.15)


@pytest.mark.parametrize(
    ("place_um", "diameter_um", "contrast"),
    [((12.0, 3.0), 22.0, -0.34), ((-9.0, 4.0), 28.0, -0.24), ((5.0, -7.0), 24.0, -0.3), ((9.0, 9.0), 27.0, -0.26)],
)
@pytest.mark.parametrize("name", ["bright ferrule", "unlit core"])
def test_a_mark_that_fills_half_of_the_core_does_not_hide_itself(name, place_um, diameter_um, contrast):
    spec, mark = FACES[name], Pit(place_um, diameter_um, contrast)
    field = field_of(spec, mark)
    marked = in_window(field, rendered(spec, mark).truth.blemishes[0].mask)
    assert np.quantile(field.snr[marked], 0.05) < -4.5


def test_a_ring_that_only_the_core_shows_is_no_mark_even_off_centre():
    spec = replace(FACE, core_offset_um=(4.0, -3.0), rings=(Ring(15, 1.5, 12),))
    assert np.abs(smoothed(field_of(spec)))[field_of(spec).inside].max() < 4


@pytest.mark.parametrize("gain", [0.5, 1.2])
def test_a_brighter_picture_leaves_a_residual_as_much_brighter(gain):
    gray = gray_of(FACE, Pit((12.0, 5.0), 8.0, -0.4))
    still, moved = (
        background.residual(unreduced(g, geometry_of(FACE)), REACH, CONFIG.residual)
        for g in (gray, gray * np.float32(gain))
    )
    np.testing.assert_allclose(moved.gray, gain * still.gray, rtol=0, atol=0.004)


def test_a_fiber_elsewhere_in_the_picture_leaves_the_same_residual():
    spec, (right, down) = replace(FACE, ferrule_texture=5.0), (70, 50)  # so that noise measured elsewhere would show
    gray, true = gray_of(spec, Pit((12.0, 5.0), 8.0, -0.4)), geometry_of(spec)
    wide = np.pad(gray, ((down, 20), (right, 30)), "reflect")
    x, y = true.cladding.ellipse.center_px
    place = (x + right, y + down)
    moved = FiberGeometry(
        replace(true.cladding, ellipse=replace(true.cladding.ellipse, center_px=place)),
        CoreFit(replace(spec.core_ellipse, center_px=place), "measured"),
    )
    still, found = (
        background.residual(unreduced(g, geometry), 1.3, CONFIG.residual)
        for g, geometry in ((gray, true), (wide, moved))
    )
    assert found.origin_px == (still.origin_px[0] + right, still.origin_px[1] + down)
    clear = still.rho < 1.2  # the borders of the windows differ
    np.testing.assert_allclose(found.gray[clear], still.gray[clear], atol=0.003)
    np.testing.assert_allclose(found.snr[clear], still.snr[clear], atol=0.5)


def test_the_picture_is_left_as_it_is():
    gray = gray_of(FACE).copy()
    gray.flags.writeable = False
    background.residual(unreduced(gray, geometry_of(FACE)), REACH, CONFIG.residual)


# --- black frame lines


def test_no_mark_is_looked_for_in_black_frame_lines():
    field = field_of(FRAMED)
    frame = np.ones(FRAMED.shape, bool)
    frame[6:, 8:-10] = False
    assert not field.inside[in_window(field, frame)].any()


def test_a_picture_without_frame_lines_loses_none_of_its_border():
    field = field_of(FACE)
    clear = np.abs(field.rho - 1) * field.cladding_radius_px > 8
    np.testing.assert_array_equal(field.inside[clear], field.rho[clear] < REACH)


def test_a_black_mark_at_the_border_is_not_taken_for_a_frame():
    mark = Contamination(((-60, -82, 14), (-40, -84, 12), (-85, -80, 12)), -0.95, 0.3)
    field = field_of(FACE, mark)
    mask = in_window(field, rendered(FACE, mark).truth.blemishes[0].mask)
    assert mask[0].any()
    assert field.inside[mask & (field.rho < REACH)].all()


def test_a_black_and_white_picture_leaves_numbers_everywhere():
    gray = gray_of(FACE)
    gray = np.where(gray > np.median(gray), np.float32(1), np.float32(0))  # the cladding is all black: its level is 0
    field = background.residual(unreduced(gray, geometry_of(FACE)), REACH, CONFIG.residual)
    for name in ("gray", "snr", "edge_snr", "background"):
        assert np.isfinite(getattr(field, name)).all(), name


def test_in_calm_glass_a_faint_speck_stands_out_of_the_noise_that_is_measured_there():
    spec, speck = replace(FACE, noise=0.6), Pit((30.0, 20.0), 3.0, -0.1)
    rougher = replace(spec, core_speckle=0.8, ferrule_texture=0.8, noise=3.0)
    calm, rough = (
        in_window(field, rendered(face, speck).truth.blemishes[0].mask)
        for face, field in ((spec, field_of(spec, speck)), (rougher, field_of(rougher, speck)))
    )
    assert field_of(spec, speck).snr[calm].min() < -6
    assert field_of(rougher, speck).snr[rough].min() > -6


@pytest.mark.parametrize("contrast", [-0.16, 0.16], ids=["dark", "bright"])
@pytest.mark.parametrize("diameter_um", [14.0, 20.0])
def test_a_faint_blot_around_the_centre_of_the_core_is_no_profile_of_it(diameter_um, contrast):
    blot = Pit((0.0, 0.0), diameter_um, contrast)
    field = field_of(FACE, blot)
    marked = in_window(field, rendered(FACE, blot).truth.blemishes[0].mask)
    change = in_window(field, gray_of(FACE, blot) - gray_of(FACE))
    assert field.gray[marked].mean() == pytest.approx(change[marked].mean(), rel=0.25)
