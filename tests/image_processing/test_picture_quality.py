"""Light, saturation and what the picture hides are measured as counted pixel by pixel."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from dscope_blink.image_processing import background, picture_quality
from dscope_blink.image_processing.picture_quality import count_levels
from dscope_blink.pipeline import inspect_image
from dscope_blink.records import Ellipse, ImageInfo, Provenance, Request
from dscope_blink.synthetic.faces import FaceSpec, render_face
from tests.builders.residuals import (
    CONFIG,
    FACE,
    field_of,
    geometry_of,
    gray_of,
    in_window,
    unreduced,
)
from tests.builders.settings import SETTINGS as FILE


def test_without_a_flat_field_the_picture_stays_as_it_is():
    gray = gray_of(FACE)
    flat, notes = picture_quality.flatten(gray, None)
    assert flat is gray
    assert notes == ()


def test_a_flat_field_divides_the_shading_away_and_keeps_the_mean():
    y, x = np.indices((120, 160))
    light = (0.5 + 0.3 * x / 160 - 0.2 * y / 120).astype(np.float32)
    flat, notes = picture_quality.flatten(light * np.float32(0.8), light)
    assert notes == ()
    assert flat.dtype == np.float32
    assert np.ptp(flat[8:-8, 8:-8]) < 0.01
    assert flat.mean() == pytest.approx(0.8 * light.mean(), rel=0.02)


def test_the_dust_of_the_flat_field_goes_and_its_noise_does_not_come():
    rng = np.random.default_rng(0)
    light = np.full((120, 160), 0.6, np.float32)
    cv2.circle(light, (80, 60), 8, 0.45, -1)
    light = cv2.GaussianBlur(light, (0, 0), 3)
    noisy = (light + 0.02 * rng.standard_normal(light.shape)).astype(np.float32)
    flat, _ = picture_quality.flatten(light, noisy)
    assert abs(flat[60, 80] - flat.mean()) < 0.02
    assert flat.std() < 0.01


def test_a_flat_field_of_another_size_is_not_applied_and_both_sizes_are_named():
    gray = gray_of(FACE)
    flat, notes = picture_quality.flatten(gray, np.ones((30, 40), np.float32))
    assert flat is gray
    assert len(notes) == 1
    assert "400 x 300" in notes[0].text
    assert "40 x 30" in notes[0].text


def test_a_black_flat_field_gives_no_value_out_of_range():
    flat, _ = picture_quality.flatten(np.full((20, 20), 0.5, np.float32), np.zeros((20, 20), np.float32))
    assert np.isfinite(flat).all()
    assert flat.min() >= 0
    assert flat.max() <= 1


def test_the_saturated_fraction_is_the_share_of_white_pixels():
    gray = np.full((10, 10), 0.5, np.float32)
    gray[:3] = 1
    quality = picture_quality.measure_quality(gray, CONFIG.preprocessing)
    assert quality.saturated_fraction == pytest.approx(0.3)
    assert quality.focus is None


def test_a_well_lit_picture_has_no_warning():
    assert picture_quality.measure_quality(gray_of(FACE), CONFIG.preprocessing).warnings == ()


@pytest.mark.parametrize(("level", "end"), [(0.02, "lowest"), (0.97, "highest")])
def test_a_picture_at_one_end_of_the_range_is_poorly_lit(level, end):
    gray = np.full((20, 20), level, np.float32)
    gray[0] = 0.5
    (warning,) = picture_quality.measure_quality(gray, CONFIG.preprocessing).warnings
    assert warning.text.startswith("Poor Illumination Warning: ")
    assert end in warning.text
    assert "95.0%" in warning.text


def test_a_mostly_white_picture_warns_of_saturation():
    gray = np.full((20, 20), 0.5, np.float32)
    gray[:12] = 1
    (warning,) = picture_quality.measure_quality(gray, CONFIG.preprocessing).warnings
    assert warning.text.startswith("Saturation Warning: 60.0%")


# --- what cannot be seen


def rings_slowly(gray, rho, saturation_level):
    """The pixels of each ring, and those too dark or too bright, counted one by one."""
    rings = 1 + math.floor(rho.max() / picture_quality.RING_WIDTH)
    pixels, clipped = [0] * rings, [0] * rings
    for level, at in zip(gray.ravel().tolist(), rho.ravel().tolist(), strict=True):
        ring = math.floor(at / picture_quality.RING_WIDTH)
        pixels[ring] += 1
        clipped[ring] += not 1 - saturation_level <= level <= saturation_level
    return tuple(pixels), tuple(clipped)


def test_rings_count_the_pixels_that_are_black_or_saturated():
    seen = unreduced(gray_of(FACE), geometry_of(FACE))
    field = background.residual(seen, 1.1, CONFIG.residual)
    levels = np.array([0, 0.004, 0.02, 0.4, 0.985, 0.995, 1], np.float32)
    picture = replace(seen, gray=np.random.default_rng(0).choice(levels, FACE.shape))
    clipping = picture_quality.measure_clipping(picture, field, 0.99)
    pixels, clipped = rings_slowly(in_window(field, picture.gray), field.rho, 0.99)
    assert clipping.ring_width == picture_quality.RING_WIDTH
    assert clipping.pixels == pixels
    assert clipping.clipped == clipped
    assert min(field.origin_px) > 0  # a window of the picture
    assert len(pixels) > 1.1 / clipping.ring_width


def test_a_dark_core_is_clipped_as_far_as_it_reaches():
    picture = unreduced(gray_of(FACE), geometry_of(FACE))
    y, x = np.indices(FACE.shape)
    away_px = np.hypot(x - FACE.centre_px[0], y - FACE.centre_px[1])
    black = replace(picture, gray=np.where(away_px <= 0.5 * field_of(FACE).cladding_radius_px, 0, picture.gray))
    clipping = picture_quality.measure_clipping(black, field_of(FACE), CONFIG.preprocessing.saturation_level)
    half = round(0.5 / picture_quality.RING_WIDTH)
    assert clipping.clipped[:half] == clipping.pixels[:half]
    assert not any(clipping.clipped[half:])


def test_a_clean_face_hides_nothing():
    picture = unreduced(gray_of(FACE), geometry_of(FACE))
    clipping = picture_quality.measure_clipping(picture, field_of(FACE), CONFIG.preprocessing.saturation_level)
    assert sum(clipping.pixels) == field_of(FACE).rho.size
    assert sum(clipping.clipped) == 0


@pytest.mark.parametrize(
    ("levels", "status"), [(2, "NOT_GRADED"), (8, "NOT_GRADED"), (16, "NOT_GRADED"), (256, "PASS")]
)
def test_a_picture_of_too_few_grey_levels_is_not_graded(levels, status):
    face = FaceSpec(shape=(400, 480), centre_px=(240.0, 200.0), um_per_px_x=0.7, um_per_px_y=0.7)
    picture = render_face(face, (), np.random.default_rng(0)).image
    coarse = np.rint(np.rint(picture / 255 * (levels - 1)) * (255 / (levels - 1))).astype(np.uint8)
    asked = Request("iec_61300_3_35_2022", "multimode", cladding_diameter_um=125.0)
    provenance = Provenance("test", "fast_scan", "2026-01-01T00:00:00+00:00")
    info = ImageInfo("face.png", width=480, height=400)
    inspection = inspect_image(coarse, info, asked, FILE.profile("fast_scan"), None, provenance)
    assert inspection.verdict.status == status
    if levels in (8, 16):
        assert [reason.kind for reason in inspection.verdict.reasons] == ["few_levels"]


def test_grey_levels_are_counted_around_the_fiber():
    gray = np.zeros((60, 80), np.float32)
    gray[20:40, 20:60] = np.linspace(0, 1, 40, dtype=np.float32)
    assert count_levels(gray, Ellipse((40.0, 30.0), (20.0, 20.0), 0.0)) == 10
    assert count_levels(gray[:10], Ellipse((40.0, 5.0), (9.0, 9.0), 0.0)) == 1
