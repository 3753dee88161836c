"""What is left of the background in one place is one candidate, with the share that each detector supports."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product

import cv2
import numpy as np
import pytest

from dscope_blink.files.decoding import to_gray
from dscope_blink.image_processing import background, fusion
from dscope_blink.image_processing.fiber_coordinates import working_picture
from dscope_blink.models.blemish_views import KINDS
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


@cache
def candidates_of(spec, *blemishes, profile="deep_inspection"):
    config = CONFIGURATION.profile(profile)
    field = field_of(spec, *blemishes)
    evidence = fusion.gather_evidence(field, config.detectors, config.folder)
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
    evidence = fusion.gather_evidence(field, config.detectors, config.folder)
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


def speck(x, y, diameter_um=3.0):
    return Pit((x, y), diameter_um, -0.5)


FINE = replace(FACE, shape=(400, 500), centre_px=(250.0, 200.0), um_per_px_x=0.435, um_per_px_y=0.435)


@pytest.mark.parametrize("turn", [0.0, 0.4, 1.1])
def test_particles_with_a_gap_of_2_um_are_two(turn):
    x, y = 2.5 * np.cos(turn), 2.5 * np.sin(turn)
    assert len(candidates_of(FINE, speck(38.0 + x, y), speck(38.0 - x, -y))) == 2


def test_a_row_of_specks_stays_specks():
    assert len(candidates_of(FINE, *(speck(-10.0 + 4.5 * k, 40.0, 2.2) for k in range(5)))) == 5


def test_a_stain_with_structure_stays_one():
    stain = Contamination(((36.0, 0.0, 5.0), (42.0, 3.0, 4.0), (38.0, 8.0, 4.0)), 0.4, 0.8, 0.2, 3.0)
    assert len(candidates_of(FINE, stain)) == 1


def test_every_mark_hangs_together():
    for candidate in candidates_of(FACE, *DIRTY):
        assert cv2.connectedComponents(candidate.mask.astype(np.uint8))[0] == 2


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


def ring_of_drops(radius_um, amplitude_um):
    """Closed around the fiber, and no circle: what repeats around the fiber is not left in the residual."""
    turn = np.arange(120) / 120 * 2 * np.pi
    radii = radius_um + amplitude_um * np.sin(5 * turn)
    drops = zip((radii * np.cos(turn)).tolist(), (radii * np.sin(turn)).tolist(), [4.0] * 120, strict=True)
    return Contamination(tuple(drops), -0.4, 1.0)


def test_a_ring_of_residue_around_the_fiber_does_not_cover_the_fiber():
    spec, ring = replace(FACE, shape=(460, 520), centre_px=(260.4, 230.7)), ring_of_drops(100, 8)
    field = field_of(spec, ring)
    (found,) = candidates_of(spec, ring)
    (x, y, w, h), (x0, y0) = found.bbox_px, field.origin_px
    rho = field.rho[y - y0 : y - y0 + h, x - x0 : x - x0 + w]
    assert min(w, h) > 2 * 92 / 0.6  # it is closed
    assert 86 / 62.5 < rho[found.mask].min() < 93 / 62.5


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
    evidence = fusion.gather_evidence(field_of(FACE, *DIRTY), CONFIG.detectors, CONFIG.folder)
    expected = sum(CONFIG.detectors[name].weight * evidence.supports[name].astype(float) for name in ENABLED)
    np.testing.assert_allclose(evidence.confidence, expected, rtol=0, atol=1e-5)


def test_a_detector_switched_off_is_not_asked():
    detectors = dict(CONFIG.detectors)
    detectors["gradient"] = replace(detectors["gradient"], enabled=False)
    evidence = fusion.gather_evidence(field_of(FACE), detectors, CONFIG.folder)
    assert set(evidence.supports) == ENABLED - {"gradient"}


def supported(name, mask):
    return fusion.Evidence({name: mask.astype(np.float32)}, np.zeros(mask.shape, np.float32))


def test_what_a_detector_marks_lies_in_the_picture_where_it_lies_in_the_window():
    spec = replace(FACE, shape=(400, 500), centre_px=(303.4, 236.7))
    field = field_of(spec, Pit((10.0, 20.0), 8.0, -0.7))
    evidence = fusion.gather_evidence(field, CONFIG.detectors, CONFIG.folder)
    found = fusion.supports_in_picture(field, evidence, spec.shape)
    assert field.origin_px[0] > 0
    for name, support in evidence.supports.items():
        expected = support if name == "edge_chip" else support * field.inside
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
    found = fusion.supports_in_picture(field, supported("lei", marked), FACE.shape)["lei"]
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
    found = fusion.supports_in_picture(field, supported(name, beside), FACE.shape)[name]
    assert found.any() == counts


# --- what a network sees

LEARNED_ALONE = replace(CONFIG, learned=replace(CONFIG.learned, engine="dl"))


def seen(field, mask, kind, probability=0.95):
    """The residual of which a network takes these pixels for marks of a kind."""
    kinds = np.zeros((6, *field.snr.shape), np.float32)
    kinds[KINDS.index(kind), mask] = probability
    kinds[0] = 1 - kinds.sum(axis=0)
    return replace(field, kinds=kinds)


def alone(field):
    evidence = fusion.gather_evidence(field, LEARNED_ALONE.engaged_detectors, CONFIG.folder)
    return fusion.find_candidates(field, evidence, LEARNED_ALONE.fusion)


def true_mask(field, *blemishes):
    return in_window(field, rendered(FACE, *blemishes).truth.blemishes[0].mask)


@pytest.mark.parametrize("mark", MARKS.values(), ids=MARKS)
def test_a_network_alone_makes_a_candidate_of_what_it_sees(mark):
    field = field_of(FACE, mark)
    (candidate,) = alone(seen(field, true_mask(field, mark), "pit_dig"))
    assert overlap(candidate, rendered(FACE, mark).truth.blemishes[0].mask) > 0.5
    assert candidate.kinds[2] > 0.5
    assert sum(candidate.kinds) == pytest.approx(1, abs=1e-5)
    assert not candidate.on_edge
    assert alone(seen(field, true_mask(field, mark), "pit_dig", 0.3)) == ()


@pytest.mark.parametrize("kind", ["chip", "contamination"])
def test_a_chip_that_a_network_alone_sees_is_not_lost_beside_the_edge(kind):
    chip = Chip(40, 16, 7, -0.6)
    field = field_of(FACE, chip)
    found = alone(seen(field, true_mask(field, chip), kind))
    assert [candidate.on_edge for candidate in found] == [True]
    assert overlap(found[0], rendered(FACE, chip).truth.blemishes[0].mask) > 0.3


def test_where_the_walk_along_the_edge_is_on_it_alone_breaks_the_edge():
    chip, walk = Chip(40, 16, 7, -0.6), CONFIG.detectors["edge_chip"]
    field = field_of(FACE, chip)
    field = seen(field, true_mask(field, chip), "chip")
    learned = {"learned": replace(LEARNED_ALONE.detectors["learned"], enabled=True)}
    blind = {"edge_chip": replace(walk, enabled=True, settings={**walk.settings, "min_snr": 1000.0})}
    for detectors, breaks in ((learned, True), (learned | blind, False)):
        found = fusion.find_candidates(field, fusion.gather_evidence(field, detectors, CONFIG.folder), CONFIG.fusion)
        assert any(candidate.on_edge for candidate in found) == breaks


@pytest.mark.parametrize("weight", [1.0, 0.4])
def test_what_no_pixel_of_stands_out_is_a_mark_where_the_network_may_decide_alone(weight):
    field = field_of(FACE)
    y, x = np.mgrid[: field.snr.shape[0], : field.snr.shape[1]]
    disc = np.hypot(x - field.snr.shape[1] / 2 - 20, y - field.snr.shape[0] / 2) < 8
    faint = seen(replace(field, snr=np.where(disc, np.float32(1.5), np.float32(0))), disc, "pit_dig")
    detectors = {"learned": replace(LEARNED_ALONE.detectors["learned"], enabled=True, weight=weight)}
    found = fusion.find_candidates(faint, fusion.gather_evidence(faint, detectors, CONFIG.folder), CONFIG.fusion)
    assert [int(one.mask.sum()) for one in found] == [int(disc.sum())] * (weight == 1.0)


def test_what_has_an_outline_is_no_second_mark():
    pit = MARKS["pit in the cladding"]
    field = field_of(FACE, pit)
    wide = cv2.dilate(true_mask(field, pit).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert len(alone(seen(field, wide, "pit_dig"))) == 1


@pytest.mark.parametrize("kind", ["chip", "pit_dig"])
@pytest.mark.parametrize(("from_px", "counts"), [(0.0, True), (2.6, False)])
def test_beside_the_edge_a_network_counts_where_it_sees_what_touches_that(kind, from_px, counts):
    field = field_of(FACE)
    off_px = np.abs(field.rho - 1) * field.cladding_radius_px
    beside = (off_px >= from_px) & (off_px < 3.4)
    shown = fusion.supports_in_picture(seen(field, beside, kind), supported("learned", beside), FACE.shape)
    assert shown["learned"].any() == counts


def test_without_a_detector_there_is_no_candidate():
    detectors = {name: replace(one, enabled=False) for name, one in CONFIG.detectors.items()}
    field = field_of(FACE, *DIRTY)
    evidence = fusion.gather_evidence(field, detectors, CONFIG.folder)
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


@pytest.mark.parametrize("place_um", [(40.0, 20.0), (-30.0, 5.0)], ids=["cladding", "beside the core"])
def test_a_speck_of_two_micrometres_and_a_tenth_of_contrast_is_found(place_um):
    spec = replace(FACE, um_per_px_x=0.45, um_per_px_y=0.45, noise=0.8)
    found = candidates_of(spec, Pit(place_um, 2.0, -0.1))
    assert len(found) == 1
    x, y, w, h = found[0].bbox_px
    place = np.array(spec.centre_px) + np.array(place_um) / 0.45
    assert np.abs(np.array([x + (w - 1) / 2, y + (h - 1) / 2]) - place).max() < 1.5
