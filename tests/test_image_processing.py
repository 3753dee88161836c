"""Zones partition the picture, the residual of a clean face is nothing, and a mark is what is left."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import image_processing
from config_loader import load_config
from decoding import to_gray
from records import ZONE_LETTERS, CoreFit, Ellipse, FiberGeometry, ZoneOutline
from synthetic import Chip, Contamination, FaceSpec, Illumination, Pit, Ring, Scratch, render_face
from tests.inspections import cladding_fit

ROOT = Path(__file__).resolve().parents[1]
CONFIGURATION = load_config(ROOT / "config.json")
CONFIG = CONFIGURATION.profile("deep_inspection")
REACH = 2.0

FACE = FaceSpec(shape=(300, 400), centre_px=(203.4, 146.7), um_per_px_x=0.6, um_per_px_y=0.6)
THIN = replace(FACE, cladding_diameter_um=440, core_diameter_um=400, um_per_px_x=2.1, um_per_px_y=2.1)
FACES = {
    "bright ferrule": FACE,
    "dark ferrule": replace(FACE, ferrule=35, cladding=70, core=110),
    "dark core": replace(FACE, core=60),
    "unlit core": replace(FACE, core=FACE.cladding),
    "rings": replace(FACE, rings=(Ring(36, 2, 5, -6), Ring(15, 1.5, -5)), core_slope=14, core_dip=-6),
    "halo and sharpening": replace(FACE, halo=20, dark_line=20, sharpening=0.5),
    "light from one side": replace(FACE, illumination=Illumination((0.05, -0.04), -0.05, 0.1, 15, 25, 2.5)),
    "elliptical": replace(FACE, axis_ratio=1.06, axis_angle_deg=35),
    "pixels that are not square": replace(FACE, um_per_px_x=0.64, um_per_px_y=0.587),
    "small core": replace(FACE, core_diameter_um=9),
    "core off centre": replace(FACE, core_offset_um=(3.0, -2.0)),
    "thin cladding": THIN,
    "noise": replace(FACE, noise=4),
    "texture": replace(FACE, ferrule_texture=1.2, core_speckle=0.8),
    "cut by the border": replace(FACE, centre_px=(90.0, 146.7)),
    "sixteen bits": replace(FACE, bits=16),
}
every_face = pytest.mark.parametrize("spec", FACES.values(), ids=FACES)


@cache
def rendered(spec, *blemishes, seed=0):
    return render_face(spec, blemishes, np.random.default_rng(seed))


def gray_of(spec, *blemishes):
    return to_gray(rendered(spec, *blemishes).image)


def geometry_of(spec, core=True):
    """The true geometry of a face."""
    return FiberGeometry(cladding_fit(spec.cladding_ellipse), CoreFit(spec.core_ellipse, "measured") if core else None)


def unreduced(gray, geometry):
    return image_processing.working_picture(gray, geometry, 1e6)


@cache
def field_of(spec, *blemishes):
    """The residual of a face by its true geometry."""
    picture = unreduced(gray_of(spec, *blemishes), geometry_of(spec))
    return image_processing.residual(picture, REACH, CONFIG.residual)


@cache
def candidates_of(spec, *blemishes, profile="deep_inspection"):
    config = CONFIGURATION.profile(profile)
    field = field_of(spec, *blemishes)
    evidence = image_processing.gather_evidence(field, config.detectors)
    return image_processing.find_candidates(field, evidence, config.fusion)


def in_window(field, image):
    """The part of a picture that a residual covers."""
    (x, y), (h, w) = field.origin_px, field.snr.shape
    return image[y : y + h, x : x + w]


# --- preprocessing


def test_without_a_flat_field_the_picture_stays_as_it_is():
    gray = gray_of(FACE)
    flat, notes = image_processing.flatten(gray, None)
    assert flat is gray
    assert notes == ()


def test_a_flat_field_divides_the_shading_away_and_keeps_the_mean():
    y, x = np.indices((120, 160))
    light = (0.5 + 0.3 * x / 160 - 0.2 * y / 120).astype(np.float32)
    flat, notes = image_processing.flatten(light * np.float32(0.8), light)
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
    flat, _ = image_processing.flatten(light, noisy)
    assert abs(flat[60, 80] - flat.mean()) < 0.02
    assert flat.std() < 0.01


def test_a_flat_field_of_another_size_is_not_applied_and_both_sizes_are_named():
    gray = gray_of(FACE)
    flat, notes = image_processing.flatten(gray, np.ones((30, 40), np.float32))
    assert flat is gray
    assert len(notes) == 1
    assert "400 x 300" in notes[0]
    assert "40 x 30" in notes[0]


def test_a_black_flat_field_gives_no_value_out_of_range():
    flat, _ = image_processing.flatten(np.full((20, 20), 0.5, np.float32), np.zeros((20, 20), np.float32))
    assert np.isfinite(flat).all()
    assert flat.min() >= 0
    assert flat.max() <= 1


def test_the_saturated_fraction_is_the_share_of_white_pixels():
    gray = np.full((10, 10), 0.5, np.float32)
    gray[:3] = 1
    quality = image_processing.measure_quality(gray, CONFIG.preprocessing)
    assert quality.saturated_fraction == pytest.approx(0.3)
    assert quality.focus is None


def test_a_well_lit_picture_has_no_warning():
    assert image_processing.measure_quality(gray_of(FACE), CONFIG.preprocessing).warnings == ()


@pytest.mark.parametrize(("level", "end"), [(0.02, "lowest"), (0.97, "highest")])
def test_a_picture_at_one_end_of_the_range_is_poorly_lit(level, end):
    gray = np.full((20, 20), level, np.float32)
    gray[0] = 0.5
    (warning,) = image_processing.measure_quality(gray, CONFIG.preprocessing).warnings
    assert warning.startswith("Poor Illumination Warning: ")
    assert end in warning
    assert "95.0%" in warning


def test_a_mostly_white_picture_warns_of_saturation():
    gray = np.full((20, 20), 0.5, np.float32)
    gray[:12] = 1
    (warning,) = image_processing.measure_quality(gray, CONFIG.preprocessing).warnings
    assert warning.startswith("Saturation Warning: 60.0%")


# --- fiber coordinates


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


COORDINATES = pytest.mark.parametrize(
    "spec",
    [FACES[name] for name in ("bright ferrule", "elliptical", "core off centre", "thin cladding")]
    + [replace(FACE, um_per_px_x=0.64, um_per_px_y=0.587, axis_ratio=1.05, axis_angle_deg=110, core_offset_um=(-4, 3))],
    ids=["round", "elliptical", "core off centre", "thin cladding", "all at once"],
)


def coordinates_of(spec, core=True):
    return image_processing.fiber_coordinates(geometry_of(spec, core), (0, 0), spec.shape)


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
    part = image_processing.fiber_coordinates(geometry_of(FACE), (60, 40), (120, 150))
    for name in ("rho", "s", "theta"):
        np.testing.assert_allclose(getattr(part, name), getattr(whole, name)[40:160, 60:210], rtol=0, atol=1e-4)


# --- working resolution


def test_a_picture_of_few_pixels_is_worked_on_as_it_is():
    picture = image_processing.working_picture(gray_of(FACE), geometry_of(FACE), 300)
    np.testing.assert_array_equal(picture.gray, gray_of(FACE))
    assert picture.pixel_px == (1.0, 1.0)
    assert picture.geometry == geometry_of(FACE)


@pytest.mark.parametrize("most_px", [60.0, 101.3, 180.0])
def test_a_picture_of_many_pixels_is_reduced_with_its_geometry(most_px):
    spec = replace(FACE, axis_ratio=1.05, axis_angle_deg=40, core_offset_um=(3, -2))
    picture = image_processing.working_picture(gray_of(spec), geometry_of(spec), most_px)
    ellipse, (px, py) = picture.geometry.cladding.ellipse, picture.pixel_px
    assert ellipse.mean_diameter_px == pytest.approx(most_px, rel=0.02)
    assert (px * picture.gray.shape[1], py * picture.gray.shape[0]) == pytest.approx((400, 300))
    # On the edge of a blurred disc lies the mean of its two sides, in every direction.
    levels = at(picture.gray, on_ellipse(ellipse))
    np.testing.assert_allclose(levels, (spec.cladding + spec.ferrule) / 2 / 255, atol=0.04)
    assert picture.geometry.core is not None
    levels = at(picture.gray, on_ellipse(picture.geometry.core.ellipse))
    np.testing.assert_allclose(levels, (spec.cladding + spec.core) / 2 / 255, atol=0.04)


# --- zones


def nested(centre, angle_deg, ratio):
    return tuple(
        ZoneOutline(letter, Ellipse(centre, (d, d * ratio), angle_deg))
        for letter, d in zip(ZONE_LETTERS, (12, 31, 38, 70), strict=True)
    )


def zones_of(shape, outlines):
    return image_processing.zone_map(shape, outlines)


def labelled_slowly(shape, outlines):
    """Each pixel by itself: the first outline from the inside that holds its centre, and how near it lies to any."""
    labels, nearest = np.zeros(shape, np.uint8), np.full(shape, np.inf)
    for y in range(shape[0]):
        for x in range(shape[1]):
            for outline in reversed(outlines):
                (cx, cy), (a, b), angle = outline.outer.center_px, outline.outer.axes_px, outline.outer.angle_deg
                c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
                u, v = c * (x - cx) + s * (y - cy), c * (y - cy) - s * (x - cx)
                level = (2 * u / a) ** 2 + (2 * v / b) ** 2
                nearest[y, x] = min(nearest[y, x], abs(level - 1))
                if level <= 1:
                    labels[y, x] = 1 + ZONE_LETTERS.index(outline.letter)
    return labels, nearest


@settings(max_examples=12)
@given(
    x=st.floats(-30, 90),
    y=st.floats(-30, 70),
    angle_deg=st.floats(0, 180),
    ratio=st.floats(0.7, 1.4),
)
def test_every_pixel_belongs_to_the_innermost_zone_around_it(x, y, angle_deg, ratio):
    outlines = nested((x, y), angle_deg, ratio)
    expected, nearest = labelled_slowly((40, 60), outlines)
    clear = nearest > 1e-6  # a pixel on the very border may fall to either side
    np.testing.assert_array_equal(zones_of((40, 60), outlines).labels[clear], expected[clear])


def test_zones_partition_what_the_outermost_outline_holds():
    outlines = nested((31.3, 20.7), 30, 1.1)
    labels = zones_of((40, 60), outlines).labels
    outermost = zones_of((40, 60), outlines[-1:]).labels
    assert set(np.unique(labels)) == {0, 1, 2, 3, 4}
    np.testing.assert_array_equal(labels > 0, outermost > 0)


def lattice_points(diameter, shift):
    """Pixels with their centre in a circle or on it; both numbers in quarters of a pixel, so nothing is rounded."""
    reach = range(-diameter, diameter + 1, 4)
    return sum(4 * ((x + shift) ** 2 + (y + shift) ** 2) <= diameter**2 for x in reach for y in reach)


@pytest.mark.parametrize("angle_deg", [0.0, 17.3, 45.0, 90.0, 133.7])
@pytest.mark.parametrize("shift_px", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("diameter_px", [1.0, 14.0, 30.0, 60.0])
def test_a_circle_holds_the_pixels_of_its_closed_form(diameter_px, shift_px, angle_deg):
    circle = ZoneOutline("A", Ellipse((40.0 - shift_px, 40.0 - shift_px), (diameter_px, diameter_px), angle_deg))
    expected = lattice_points(round(4 * diameter_px), round(4 * shift_px))
    assert zones_of((81, 81), (circle,)).labels.sum() == expected


def test_a_circle_of_radius_ten_on_the_centre_of_a_pixel_holds_317_pixels():
    circle = ZoneOutline("A", Ellipse((30.0, 30.0), (20.0, 20.0), 0.0))
    assert zones_of((61, 61), (circle,)).labels.sum() == 317


@pytest.mark.parametrize("axes_px", [(20.0, 10.0), (10.0, 20.0)])
@pytest.mark.parametrize("angle_deg", [0.0, 90.0, 180.0])
def test_an_ellipse_holds_the_pixels_of_its_closed_form(axes_px, angle_deg):
    """x^2 + 4 y^2 <= 100, lying or standing."""
    labels = zones_of((61, 61), (ZoneOutline("A", Ellipse((30.0, 30.0), axes_px, angle_deg)),)).labels
    y, x = np.indices(labels.shape) - 30
    lies = (axes_px[0] > axes_px[1]) == (angle_deg != 90)
    np.testing.assert_array_equal(labels, (x**2 + 4 * y**2 if lies else 4 * x**2 + y**2) <= 100)


positions = st.tuples(st.floats(5, 55), st.floats(5, 35))


@given(centres=st.lists(positions, min_size=4, max_size=4), angle_deg=st.floats(0, 180), ratio=st.floats(0.7, 1.4))
def test_zones_partition_what_the_outlines_hold_wherever_their_centres_lie(centres, angle_deg, ratio):
    outlines = tuple(
        replace(outline, outer=replace(outline.outer, center_px=centre))
        for outline, centre in zip(nested((0, 0), angle_deg, ratio), centres, strict=True)
    )
    zones = zones_of((40, 60), outlines)
    alone = {o.letter: zones_of((40, 60), (o,)).mask(o.letter) for o in outlines}
    left = np.ones((40, 60), bool)
    for letter, holds in alone.items():
        np.testing.assert_array_equal(zones.mask(letter), holds & left)
        left &= ~holds
    np.testing.assert_array_equal(zones.labels == 0, left)


@given(dx=st.integers(-20, 20), dy=st.integers(-20, 20))
def test_a_fiber_moved_by_whole_pixels_takes_its_zones_along(dx, dy):
    there = zones_of((140, 160), nested((80.3125, 70.75), 30, 1.1)).labels
    moved = zones_of((140, 160), nested((80.3125 + dx, 70.75 + dy), 30, 1.1)).labels
    np.testing.assert_array_equal(np.roll(there, (dy, dx), (0, 1)), moved)


def test_zones_off_the_picture_label_nothing():
    assert not zones_of((40, 60), nested((500.0, -300.0), 0, 1)).labels.any()


def test_without_outlines_there_is_no_zone():
    assert not zones_of((40, 60), ()).labels.any()


# --- residual


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


@every_face
def test_background_and_residual_make_the_picture(spec):
    field = field_of(spec)
    np.testing.assert_allclose(field.gray + field.background, in_window(field, gray_of(spec)), rtol=0, atol=1e-5)


def test_the_window_holds_the_whole_reach():
    field = field_of(FACES["elliptical"])
    coordinates = coordinates_of(FACES["elliptical"])
    held = in_window(field, coordinates.rho < REACH)
    assert held.sum() == (coordinates.rho < REACH).sum()
    np.testing.assert_allclose(field.rho, in_window(field, coordinates.rho), rtol=0, atol=1e-4)


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


def test_a_ring_that_only_the_core_shows_is_no_mark_even_off_centre():
    spec = replace(FACE, core_offset_um=(4.0, -3.0), rings=(Ring(15, 1.5, 12),))
    assert np.abs(smoothed(field_of(spec)))[field_of(spec).inside].max() < 4


@pytest.mark.parametrize("gain", [0.5, 1.2])
def test_a_brighter_picture_leaves_a_residual_as_much_brighter(gain):
    gray = gray_of(FACE, Pit((12.0, 5.0), 8.0, -0.4))
    still, moved = (
        image_processing.residual(unreduced(g, geometry_of(FACE)), REACH, CONFIG.residual)
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
        image_processing.residual(unreduced(g, geometry), 1.3, CONFIG.residual)
        for g, geometry in ((gray, true), (wide, moved))
    )
    assert found.origin_px == (still.origin_px[0] + right, still.origin_px[1] + down)
    clear = still.rho < 1.2  # the borders of the windows differ
    np.testing.assert_allclose(found.gray[clear], still.gray[clear], atol=0.003)
    np.testing.assert_allclose(found.snr[clear], still.snr[clear], atol=0.5)


def test_the_picture_is_left_as_it_is():
    gray = gray_of(FACE).copy()
    gray.flags.writeable = False
    image_processing.residual(unreduced(gray, geometry_of(FACE)), REACH, CONFIG.residual)


# --- black frame lines

FRAMED = replace(FACE, um_per_px_x=0.64, um_per_px_y=0.587, frame_px=(8, 6, 10, 0))


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


# --- candidates


@every_face
@pytest.mark.parametrize("profile", ["deep_inspection", "fast_scan"])
def test_a_clean_face_has_no_candidates(spec, profile):
    assert candidates_of(spec, profile=profile) == ()


@pytest.mark.parametrize("profile", ["deep_inspection", "fast_scan"])
@pytest.mark.parametrize("noise", [2.0, 8.0])
@pytest.mark.parametrize("seed", range(3))
def test_noise_makes_no_candidates(noise, seed, profile):
    spec, config = replace(FACE, noise=noise), CONFIGURATION.profile(profile)
    picture = unreduced(to_gray(rendered(spec, seed=seed).image), geometry_of(spec))
    field = image_processing.residual(picture, REACH, CONFIG.residual)
    evidence = image_processing.gather_evidence(field, config.detectors)
    assert image_processing.find_candidates(field, evidence, config.fusion) == ()


def overlap(candidate, truth):
    """Intersection over union of a candidate and a true mask."""
    x, y, w, h = candidate.bbox_px
    common = (truth[y : y + h, x : x + w] & candidate.mask).sum()
    return common / (truth.sum() + candidate.mask.sum() - common)


MARKS = {
    "dark pit in the core": Pit((12.0, 5.0), 8.0, -0.5),
    "pit in the cladding": Pit((-38.0, 18.0), 8.0, -0.5),
    "bright droplet": Contamination(((-25.0, -35.0, 6.0),), 0.4, 0.5),
    "dirt on the ferrule": Contamination(((20.0, 80.0, 7.0), (28.0, 76.0, 5.0)), -0.4, 0.7),
}


@pytest.mark.parametrize("mark", MARKS.values(), ids=MARKS)
@pytest.mark.parametrize("profile", ["deep_inspection", "fast_scan"])
def test_a_mark_is_one_candidate_of_its_place_and_size(mark, profile):
    (candidate,) = candidates_of(FACE, mark, profile=profile)
    assert overlap(candidate, rendered(FACE, mark).truth.blemishes[0].mask) > 0.5
    assert not candidate.on_edge


LINES = {
    "dark scratch": Scratch(((-45.0, -30.0), (35.0, 20.0)), 2.0, -0.3),
    "bright scratch": Scratch(((-45.0, 30.0), (-30.0, -35.0)), 2.0, 0.3),
    "dark and bright": Scratch(((-40.0, 25.0), (40.0, 38.0)), 3.0, -0.35, 0.3),
}


@pytest.mark.parametrize("mark", LINES.values(), ids=LINES)
def test_a_scratch_is_covered_along_its_length(mark):
    truth = rendered(FACE, mark).truth.blemishes[0].mask
    covered = np.zeros(FACE.shape, bool)
    for candidate in candidates_of(FACE, mark):
        x, y, w, h = candidate.bbox_px
        covered[y : y + h, x : x + w] |= candidate.mask
    near = cv2.dilate(truth.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    assert (truth & covered).sum() > 0.5 * truth.sum()
    assert (covered & ~near).sum() < 0.1 * covered.sum()


@pytest.mark.parametrize("contrast", [-0.6, 0.8], ids=["dark", "bright"])
@pytest.mark.parametrize("profile", ["deep_inspection", "fast_scan"])
def test_a_chip_lies_on_the_edge(contrast, profile):
    chip = Chip(40, 16, 7, contrast)
    found = candidates_of(FACE, chip, profile=profile)
    assert [candidate.on_edge for candidate in found] == [True]
    assert overlap(found[0], rendered(FACE, chip).truth.blemishes[0].mask) > 0.3


def test_a_chip_no_deeper_than_the_blur_of_the_edge_is_found():
    (candidate,) = candidates_of(FACE, Chip(40, 16, 1.2, -0.7))
    assert candidate.on_edge


def test_the_calm_middle_of_a_mark_is_part_of_it():
    ringed = Pit((-38.0, 18.0), 14.0, -0.02, ring_contrast=-0.5, ring_um=1.6)
    (candidate,) = candidates_of(FACE, ringed)
    holes = cv2.connectedComponents((~np.pad(candidate.mask, 1)).astype(np.uint8), connectivity=4)[0] - 2
    assert holes == 0
    assert candidate.mask.sum() > 0.8 * rendered(FACE, ringed).truth.blemishes[0].mask.sum()


def test_a_pit_beside_the_edge_is_no_chip():
    (candidate,) = candidates_of(FACE, Pit((47.0, 0.0), 7.0, -0.6))
    assert not candidate.on_edge


DIRTY = (*MARKS.values(), Scratch(((8.0, -30.0), (42.0, -38.0)), 2.0, -0.3), Chip(40, 16, 7, -0.6))


def test_candidates_do_not_overlap_and_lie_in_the_picture():
    taken = np.zeros(FACE.shape, int)
    found = candidates_of(FACE, *DIRTY)
    assert len(found) >= 6
    for candidate in found:
        x, y, w, h = candidate.bbox_px
        assert taken[y : y + h, x : x + w].shape == (h, w)
        taken[y : y + h, x : x + w] += candidate.mask
    assert taken.max() == 1


def test_a_box_fits_its_mask():
    for candidate in candidates_of(FACE, *DIRTY):
        assert candidate.mask[0].any()
        assert candidate.mask[-1].any()
        assert candidate.mask[:, 0].any()
        assert candidate.mask[:, -1].any()


ENABLED = {name for name, entry in CONFIG.detectors.items() if entry.enabled}


def test_the_evidence_names_every_detector_with_a_share():
    for candidate in candidates_of(FACE, *DIRTY):
        assert set(candidate.evidence) == ENABLED
        assert all(0 <= share <= 1 for share in candidate.evidence.values())
        assert max(candidate.evidence.values()) > 0


def test_confidence_is_the_sum_of_the_weights_of_those_that_agree():
    evidence = image_processing.gather_evidence(field_of(FACE, *DIRTY), CONFIG.detectors)
    expected = sum(CONFIG.detectors[name].weight * evidence.supports[name].astype(float) for name in ENABLED)
    np.testing.assert_allclose(evidence.confidence, expected, rtol=0, atol=1e-5)


def test_a_detector_switched_off_is_not_asked():
    detectors = dict(CONFIG.detectors)
    detectors["gradient"] = replace(detectors["gradient"], enabled=False)
    evidence = image_processing.gather_evidence(field_of(FACE), detectors)
    assert set(evidence.supports) == ENABLED - {"gradient"}


def supported(field, name, mask):
    return image_processing.Evidence({name: mask}, np.zeros(mask.shape, np.float32))


def test_what_a_detector_marks_lies_in_the_picture_where_it_lies_in_the_window():
    spec = replace(FACE, shape=(400, 500), centre_px=(303.4, 236.7))
    field = field_of(spec, Pit((10.0, 20.0), 8.0, -0.7))
    evidence = image_processing.gather_evidence(field, CONFIG.detectors)
    found = image_processing.supports_in_picture(field, evidence, spec.shape)
    assert field.origin_px[0] > 0
    for name, support in evidence.supports.items():
        expected = support if name == "edge_chip" else support & field.inside
        np.testing.assert_array_equal(in_window(field, found[name]), expected)
        assert found[name].sum() == expected.sum()
    y, x = (axis.mean() for axis in np.nonzero(found["do2mr"]))
    assert (x, y) == pytest.approx((303.4 + 10 / 0.6, 236.7 + 20 / 0.6), abs=1.0)


def test_a_pixel_of_a_reduced_picture_is_the_pixels_whose_centres_it_holds():
    picture = image_processing.working_picture(gray_of(FACE), geometry_of(FACE), 100)
    field = image_processing.residual(picture, REACH, CONFIG.residual)
    h, w = field.snr.shape
    marked = np.zeros((h, w), bool)
    marked[field.inside] = np.random.default_rng(0).random(int(field.inside.sum())) < 0.1
    found = image_processing.supports_in_picture(field, supported(field, "lei", marked), FACE.shape)["lei"]
    (fx, fy), (x0, y0) = field.pixel_px, field.origin_px
    assert fx > 1.5
    for y, x in product(range(FACE.shape[0]), range(FACE.shape[1])):
        column, row = int((x + 0.5) / fx) - x0, int((y + 0.5) / fy) - y0
        there = 0 <= column < w and 0 <= row < h
        assert found[y, x] == (there and marked[row, column])


@pytest.mark.parametrize(("name", "counts"), [("lei", False), ("gradient", False), ("edge_chip", True)])
def test_beside_the_cladding_edge_only_the_walk_along_it_counts(name, counts):
    field = field_of(FACE)
    beside = np.abs(field.rho - 1) * field.cladding_radius_px < 1
    found = image_processing.supports_in_picture(field, supported(field, name, beside), FACE.shape)[name]
    assert found.any() == counts


def test_without_a_detector_there_is_no_candidate():
    detectors = {name: replace(one, enabled=False) for name, one in CONFIG.detectors.items()}
    field = field_of(FACE, *DIRTY)
    evidence = image_processing.gather_evidence(field, detectors)
    assert image_processing.find_candidates(field, evidence, CONFIG.fusion) == ()


@pytest.mark.parametrize(
    ("name", "diameter_um"),
    [("bright ferrule", 16), ("bright ferrule", 40), ("unlit core", 25), ("small core", 6), ("small core", 20)],
)
def test_a_mark_that_covers_the_centre_of_the_fiber_is_one_candidate_of_its_size(name, diameter_um):
    # Whole circles lie in it: a background that is free at each radius explains it away.
    spec, pit = FACES[name], Pit((0.5, 0.3), diameter_um, -0.6)
    (candidate,) = candidates_of(spec, pit)
    assert overlap(candidate, rendered(spec, pit).truth.blemishes[0].mask) > 0.4


def test_a_clean_face_in_a_black_frame_has_no_candidates():
    assert candidates_of(FRAMED) == ()
