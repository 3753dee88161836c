"""Zones partition the picture, and what is left of the background in one place is one candidate."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import product

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dscope_blink.files.decoding import to_gray
from dscope_blink.image_processing import background, fusion, picture_quality
from dscope_blink.image_processing.fiber_coordinates import working_picture
from dscope_blink.records import ZONE_LETTERS, Ellipse, ZoneOutline, zone_map
from dscope_blink.synthetic.faces import Chip, Contamination, Pit, Scratch
from tests.builders.residuals import (
    CONFIG,
    CONFIGURATION,
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

# --- preprocessing


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


# --- zones


def nested(centre, angle_deg, ratio):
    return tuple(
        ZoneOutline(letter, Ellipse(centre, (d, d * ratio), angle_deg))
        for letter, d in zip(ZONE_LETTERS, (12, 31, 38, 70), strict=True)
    )


def zones_of(shape, outlines):
    return zone_map(shape, outlines)


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


# --- candidates


@cache
def candidates_of(spec, *blemishes, profile="deep_inspection"):
    config = CONFIGURATION.profile(profile)
    field = field_of(spec, *blemishes)
    evidence = fusion.gather_evidence(field, config.detectors)
    return fusion.find_candidates(field, evidence, config.fusion)


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
    field = background.residual(picture, REACH, CONFIG.residual)
    evidence = fusion.gather_evidence(field, config.detectors)
    assert fusion.find_candidates(field, evidence, config.fusion) == ()


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
    evidence = fusion.gather_evidence(field_of(FACE, *DIRTY), CONFIG.detectors)
    expected = sum(CONFIG.detectors[name].weight * evidence.supports[name].astype(float) for name in ENABLED)
    np.testing.assert_allclose(evidence.confidence, expected, rtol=0, atol=1e-5)


def test_a_detector_switched_off_is_not_asked():
    detectors = dict(CONFIG.detectors)
    detectors["gradient"] = replace(detectors["gradient"], enabled=False)
    evidence = fusion.gather_evidence(field_of(FACE), detectors)
    assert set(evidence.supports) == ENABLED - {"gradient"}


def supported(field, name, mask):
    return fusion.Evidence({name: mask}, np.zeros(mask.shape, np.float32))


def test_what_a_detector_marks_lies_in_the_picture_where_it_lies_in_the_window():
    spec = replace(FACE, shape=(400, 500), centre_px=(303.4, 236.7))
    field = field_of(spec, Pit((10.0, 20.0), 8.0, -0.7))
    evidence = fusion.gather_evidence(field, CONFIG.detectors)
    found = fusion.supports_in_picture(field, evidence, spec.shape)
    assert field.origin_px[0] > 0
    for name, support in evidence.supports.items():
        expected = support if name == "edge_chip" else support & field.inside
        np.testing.assert_array_equal(in_window(field, found[name]), expected)
        assert found[name].sum() == expected.sum()
    y, x = (axis.mean() for axis in np.nonzero(found["do2mr"]))
    assert (x, y) == pytest.approx((303.4 + 10 / 0.6, 236.7 + 20 / 0.6), abs=1.0)


def test_a_pixel_of_a_reduced_picture_is_the_pixels_whose_centres_it_holds():
    picture = working_picture(gray_of(FACE), geometry_of(FACE), 100)
    field = background.residual(picture, REACH, CONFIG.residual)
    h, w = field.snr.shape
    marked = np.zeros((h, w), bool)
    marked[field.inside] = np.random.default_rng(0).random(int(field.inside.sum())) < 0.1
    found = fusion.supports_in_picture(field, supported(field, "lei", marked), FACE.shape)["lei"]
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
    found = fusion.supports_in_picture(field, supported(field, name, beside), FACE.shape)[name]
    assert found.any() == counts


def test_without_a_detector_there_is_no_candidate():
    detectors = {name: replace(one, enabled=False) for name, one in CONFIG.detectors.items()}
    field = field_of(FACE, *DIRTY)
    evidence = fusion.gather_evidence(field, detectors)
    assert fusion.find_candidates(field, evidence, CONFIG.fusion) == ()


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
