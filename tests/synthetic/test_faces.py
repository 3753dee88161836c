"""The rendered truth is what an independent measurement of the picture gives."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from dscope_blink.records import Ellipse
from dscope_blink.synthetic.faces import (
    Chip,
    Contamination,
    Crack,
    FaceSpec,
    Illumination,
    Pit,
    Ring,
    Scratch,
    render_face,
)

# No noise and 16 bits: what is left is the geometry and the blur.
EXACT = FaceSpec(shape=(430, 520), centre_px=(260.3, 214.8), core=88.0, noise=0.0, blur_px=1.2, bits=16)
SQUARE_UM = EXACT.um_per_px_x * EXACT.um_per_px_y


def render(spec, *blemishes, seed=0):
    return render_face(spec, blemishes, np.random.default_rng(seed))


def levels(spec, *blemishes, seed=0):
    """The picture in grey levels of 8 bits, as float."""
    image = render(spec, *blemishes, seed=seed).image.astype(np.float64)
    return image / 257 if spec.bits == 16 else image


def measured_ellipse(share, blur_px):
    """Ellipse from the moments of area; blur leaves the centre alone and adds its variance to the second moments."""
    rows, columns = np.indices(share.shape)
    total = share.sum()
    x, y = (columns * share).sum() / total, (rows * share).sum() / total
    dx, dy = columns - x, rows - y
    cross = (dx * dy * share).sum() / total
    moments = np.array([[(dx * dx * share).sum() / total, cross], [cross, (dy * dy * share).sum() / total]])
    variances, directions = np.linalg.eigh(moments - blur_px**2 * np.eye(2))
    long = directions[:, 1]
    axes = 4 * np.sqrt(variances[::-1])
    return Ellipse((x, y), tuple(axes.tolist()), math.degrees(math.atan2(long[1], long[0])) % 180)


def assert_same_ellipse(found, truth, tolerance_px):
    assert found.center_px == pytest.approx(truth.center_px, abs=tolerance_px)
    assert found.axes_px == pytest.approx(truth.axes_px, abs=tolerance_px)
    if truth.axes_px[0] - truth.axes_px[1] > 1:
        assert abs((found.angle_deg - truth.angle_deg + 90) % 180 - 90) < 0.1


FACES = {
    "round": EXACT,
    "at another place between pixels": replace(EXACT, centre_px=(251.77, 220.05)),
    "sharp": replace(EXACT, blur_px=0.5),
    "angled": replace(EXACT, axis_ratio=1.06, axis_angle_deg=37.0),
    "non-square pixels": replace(EXACT, um_per_px_x=0.48, um_per_px_y=0.44),
    "angled, non-square pixels": replace(
        EXACT, um_per_px_x=0.48, um_per_px_y=0.44, axis_ratio=1.04, axis_angle_deg=120.0
    ),
}
every_face = pytest.mark.parametrize("spec", FACES.values(), ids=FACES)


@every_face
def test_the_area_moments_of_the_picture_give_the_cladding_ellipse(spec):
    share = (levels(spec) - spec.ferrule) / (spec.cladding - spec.ferrule)
    assert_same_ellipse(measured_ellipse(share, spec.blur_px), spec.cladding_ellipse, 0.005)


@every_face
@pytest.mark.parametrize("core_um", [9.0, 50.0])
def test_the_area_moments_of_the_picture_give_the_core_ellipse_off_centre(spec, core_um):
    spec = replace(spec, core_diameter_um=core_um, core_offset_um=(1.3, -0.7), core=160.0, ferrule=spec.cladding)
    share = (levels(spec) - spec.cladding) / (spec.core - spec.cladding)
    assert_same_ellipse(measured_ellipse(share, spec.blur_px), spec.core_ellipse, 0.01)


def test_the_blurred_edge_of_a_disc_lies_as_far_inwards_as_diffusion_takes_it():
    spec = replace(EXACT, ferrule=88.0, core=160.0, core_diameter_um=20.0, blur_px=1.6)
    x, y = spec.centre_px
    out = np.linspace(0, 40, 4001)
    image, turn = levels(spec).astype(np.float32), np.linspace(0, 2 * np.pi, 90, endpoint=False)[:, None]
    places = ((x + out * np.cos(turn)).astype(np.float32), (y + out * np.sin(turn)).astype(np.float32))
    rays = cv2.remap(image, *places, cv2.INTER_CUBIC)  # (angle, radius)
    radii = [np.interp(-(88 + 160) / 2, -ray, out) for ray in rays]
    radius = 10 / spec.um_per_px
    assert np.mean(radii) == pytest.approx(radius - spec.blur_px**2 / (2 * radius), abs=0.01)


def test_the_truth_carries_the_geometry_and_the_scale_of_the_spec():
    spec = FACES["angled, non-square pixels"]
    truth = render(spec).truth
    assert (truth.cladding, truth.core) == (spec.cladding_ellipse, spec.core_ellipse)
    assert (truth.um_per_px_x, truth.um_per_px_y) == (0.48, 0.44)


def test_rings_halo_and_shading_do_not_move_the_truth():
    light = Illumination((0.1, -0.1), -0.2, 0.2, 15.0, 40.0)
    ornate = replace(EXACT, rings=(Ring(36, 2, 4, -3),), halo=20, dark_line=20, illumination=light, sharpening=0.5)
    assert ornate.cladding_ellipse == EXACT.cladding_ellipse
    assert not np.array_equal(render(ornate).image, render(EXACT).image)


def test_a_ring_of_adhesive_has_its_width_and_level_and_leaves_the_cladding_where_it_was():
    glued = replace(EXACT, adhesive=40.0, adhesive_um=6.0)
    assert glued.cladding_ellipse == EXACT.cladding_ellipse
    change = levels(glued) - levels(EXACT)
    area_um2 = change.sum() / (40.0 - EXACT.ferrule) * SQUARE_UM
    assert area_um2 == pytest.approx(math.pi * (68.5**2 - 62.5**2), rel=0.001)
    middle = round(EXACT.centre_px[0] + 65.5 / EXACT.um_per_px)
    assert levels(glued)[round(EXACT.centre_px[1]), middle] == pytest.approx(40, abs=0.5)


def test_a_ring_of_adhesive_is_as_smooth_as_the_glass():
    rough = replace(EXACT, adhesive_um=10.0, ferrule_texture=3.0)
    x, y = (round(value) for value in EXACT.centre_px)
    along = x + round(67.5 / EXACT.um_per_px)
    assert levels(rough)[y - 8 : y + 8, along].std() < 0.3
    assert levels(rough)[:60].std() > 2


def test_the_light_from_one_side_brightens_that_flank_and_darkens_the_other():
    lit = levels(replace(EXACT, illumination=Illumination(flank=15.0))) - levels(EXACT)
    x, y, radius = 260, 215, round(62.5 / EXACT.um_per_px)
    assert lit[y, x + radius] > 10
    assert lit[y, x - radius] < -10
    assert abs(lit[y - radius, x]) < 1


def test_a_halo_brightens_outside_and_a_dark_line_darkens_inside():
    change = levels(replace(EXACT, halo=20.0, dark_line=15.0)) - levels(EXACT)
    radius = 62.5 / EXACT.um_per_px
    profile = change[215, 260 + int(radius) - 6 : 260 + int(radius) + 8]
    assert profile.max() > 10
    assert profile.min() < -5
    assert profile.argmax() > profile.argmin()


def test_the_vignette_darkens_the_corners_and_not_the_middle():
    spec = replace(EXACT, illumination=Illumination(vignette=0.3))
    assert levels(spec)[0, 0] == pytest.approx(0.7 * spec.ferrule, rel=0.01)
    assert levels(spec)[215, 260] == pytest.approx(spec.cladding, rel=0.01)


@pytest.mark.parametrize(("noise", "texture"), [(2.0, 0.0), (0.0, 2.0), (1.5, 2.0)])
def test_noise_and_texture_have_the_strength_asked_for(noise, texture):
    image = levels(replace(EXACT, noise=noise, ferrule_texture=texture))
    assert image[:60, :].std() == pytest.approx(math.hypot(noise, texture), rel=0.05)
    assert image[180:250, 200:320].std() == pytest.approx(noise, rel=0.05, abs=0.01)  # the cladding has no texture


def test_a_video_frame_is_black_on_the_sides_named():
    image = render(replace(EXACT, frame_px=(8, 5, 0, 3), bits=8)).image
    assert image[:, :8].max() == image[:5].max() == image[-3:].max() == 18
    assert image[5:-3, 8:].min() > 60


# --- blemishes

PIT = Pit((25.0, -20.0), 12.0, -0.6)
SCRATCH = Scratch(((-30.0, -20.0), (10.0, 40.0)), 3.0, 0.4)


def truth_of(blemish, spec=EXACT):
    return render(spec, blemish).truth.blemishes[0]


def area_um2(truth, spec=EXACT):
    return truth.mask.sum() * spec.um_per_px_x * spec.um_per_px_y


@pytest.mark.parametrize("spec", [EXACT, FACES["non-square pixels"]], ids=["square", "non-square"])
def test_a_round_pit_measures_its_diameter(spec):
    truth = truth_of(PIT, spec)
    assert truth.kind == "pit_dig"
    assert area_um2(truth, spec) == pytest.approx(math.pi * 36, rel=0.02)
    assert truth.diameter_um == pytest.approx(12, abs=0.02)
    assert (truth.length_um, truth.width_um) == pytest.approx((12, 12), abs=0.05)
    place = (spec.centre_px[0] + 25 / spec.um_per_px_x, spec.centre_px[1] - 20 / spec.um_per_px_y)
    assert truth.centroid_px == pytest.approx(place, abs=0.1)


def test_a_straight_scratch_measures_its_length_and_width():
    truth, length = truth_of(SCRATCH), math.hypot(40, 60)
    assert area_um2(truth) == pytest.approx(length * 3 + math.pi * 1.5**2, rel=0.02)
    assert (truth.length_um, truth.width_um) == pytest.approx((length + 3, 3))
    assert truth.diameter_um == pytest.approx(length + 3, abs=0.01)


def test_a_line_thinner_than_a_pixel_still_has_an_unbroken_mask():
    truth = truth_of(replace(SCRATCH, width_um=0.2))
    pieces, _ = cv2.connectedComponents(truth.mask.astype(np.uint8))
    assert pieces - 1 == 1


def test_a_droplet_of_contamination_measures_its_diameter():
    truth = truth_of(Contamination(((0.0, 40.0, 7.0),), -0.3, 2.0))
    assert area_um2(truth) == pytest.approx(math.pi * 49, rel=0.02)
    assert truth.diameter_um == pytest.approx(14, abs=0.02)


def test_a_chip_measures_its_arc_and_depth_and_lies_at_the_edge():
    truth = truth_of(Chip(30.0, 20.0, 8.0, 0.6, (1.0,) * 9))
    assert (truth.length_um, truth.width_um) == (20.0, 8.0)
    # Ten even steps, the first and last a slope: 0.9 of the arc at full depth on the inner side of a bent edge.
    assert area_um2(truth) == pytest.approx(0.9 * 20 * 8 * (1 - 4 / 62.5), rel=0.03)
    rows, columns = np.nonzero(truth.mask)
    x, y = EXACT.centre_px
    assert np.hypot(columns - x, rows - y).max() * EXACT.um_per_px == pytest.approx(62.5, abs=0.4)
    assert math.degrees(math.atan2(truth.centroid_px[1] - y, truth.centroid_px[0] - x)) == pytest.approx(30, abs=0.5)


def test_a_chip_follows_the_edge_of_an_angled_face():
    spec = FACES["angled, non-square pixels"]
    truth = truth_of(Chip(75.0, 15.0, 6.0, 0.6), spec)
    border = np.zeros(spec.shape, np.uint8)
    ellipse = spec.cladding_ellipse
    cv2.ellipse(border, (ellipse.center_px, ellipse.axes_px, ellipse.angle_deg), 1, 1)
    assert (truth.mask & (border > 0)).any()
    filled = np.zeros(spec.shape, np.uint8)
    grown = ellipse.scaled(1.01)
    cv2.ellipse(filled, (grown.center_px, grown.axes_px, grown.angle_deg), 1, -1)
    assert not (truth.mask & (filled == 0)).any()


def test_a_crack_is_as_long_as_its_path():
    truth = truth_of(Crack(((60.0, 0.0), (50.0, 5.0), (40.0, -5.0)), 1.0, -0.5))
    assert truth.kind == "crack"
    assert truth.length_um == pytest.approx(math.hypot(10, 5) + math.hypot(10, 10) + 1)


def test_blur_keeps_the_light_that_a_sub_pixel_scratch_takes_away():
    thin = replace(SCRATCH, points_um=((-30.0, 40.0), (30.0, 40.0)), width_um=0.25, contrast=-1.0)
    missing = levels(EXACT) - levels(EXACT, thin)
    lost_um2 = missing.sum() / EXACT.cladding * SQUARE_UM
    assert lost_um2 == pytest.approx(60 * 0.25, rel=0.05)


def test_a_mark_of_half_dark_and_half_bright_takes_no_light_away():
    pair = replace(SCRATCH, contrast=-0.5, pair_contrast=0.5)
    change = levels(EXACT, pair) - levels(EXACT)
    assert change.max() > 15
    assert change.min() < -15
    assert abs(change.mean()) < 0.02 * np.abs(change).mean()


def test_a_scratch_may_fade_along_its_length():
    fading = replace(SCRATCH, points_um=((-40.0, 40.0), (40.0, 40.0)), strength=(1.0, 0.0))
    change = levels(EXACT, fading) - levels(EXACT)
    row = change[round(EXACT.centre_px[1] + 40 / EXACT.um_per_px)]
    x = round(EXACT.centre_px[0])
    assert row[x - 80] > 3 * row[x + 60] > 0


@pytest.mark.parametrize("blemish", [PIT, SCRATCH, Contamination(((-30.0, 30.0, 6.0),), 0.3)], ids=lambda b: b.kind)
@pytest.mark.parametrize("noise", [1.0, 3.0])
def test_the_signal_to_noise_ratio_is_that_of_the_picture(blemish, noise):
    signal = np.abs(levels(EXACT, blemish) - levels(EXACT)).max()
    spec = replace(EXACT, noise=noise, bits=8)
    spread = render(spec).image[:60].std()
    assert truth_of(blemish, spec).snr == pytest.approx(signal / spread, rel=0.03)


def test_texture_lowers_the_signal_to_noise_ratio_on_the_ferrule_only():
    rough = replace(EXACT, noise=1.0, ferrule_texture=2.0)
    outside = replace(PIT, centre_um=(80.0, 20.0))
    assert truth_of(outside, rough).snr == pytest.approx(
        truth_of(outside, replace(rough, ferrule_texture=0)).snr / math.sqrt(5)
    )
    assert truth_of(PIT, rough).snr == pytest.approx(truth_of(PIT, replace(rough, ferrule_texture=0)).snr)


def test_a_blemish_outside_of_the_picture_is_refused():
    with pytest.raises(ValueError, match="inside the picture"):
        render(EXACT, replace(PIT, centre_um=(900.0, 0.0)))


def test_a_mark_smaller_than_a_pixel_is_one_pixel_in_its_mask():
    truth = truth_of(replace(PIT, diameter_um=0.1))
    assert truth.mask.sum() == 1
    assert truth.diameter_um == pytest.approx(0.1, abs=0.001)


def test_a_blemish_that_the_border_cuts_keeps_the_part_inside():
    left_um = -EXACT.centre_px[0] * EXACT.um_per_px
    truth = truth_of(replace(PIT, centre_um=(left_um, 0.0)))
    assert area_um2(truth) == pytest.approx(math.pi * 18, rel=0.06)


# --- the picture as a whole


def test_the_same_seed_gives_the_same_picture_and_another_seed_another():
    spec, blemishes = replace(EXACT, noise=1.0), (PIT, SCRATCH)
    first, again, other = (render(spec, *blemishes, seed=seed).image for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_seed_does_not_change_the_truth():
    first, other = (render(replace(EXACT, noise=1.0), PIT, seed=seed).truth.blemishes[0] for seed in (1, 2))
    assert np.array_equal(first.mask, other.mask)
    assert first.snr == other.snr


def test_sixteen_bits_show_the_same_scene_as_eight():
    coarse, fine = (render(replace(EXACT, noise=1.0, bits=bits), PIT).image for bits in (8, 16))
    assert coarse.dtype == np.uint8
    assert fine.dtype == np.uint16
    assert np.abs(fine / 257 - coarse).max() <= 0.5 + 1e-6


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"um_per_px_x": 0.0}, "must be positive"),
        ({"core_diameter_um": 130.0}, "less than the cladding"),
        ({"adhesive_um": -1.0}, "adhesive_um must not be negative, got -1.0"),
        ({"axis_ratio": 0.9}, "axis_ratio must be at least 1, got 0.9"),
        ({"blur_px": 0.2}, "blur_px must be at least 0.5, got 0.2"),
        ({"bits": 12}, "bits must be 8 or 16, got 12"),
    ],
)
def test_an_impossible_face_is_refused_with_the_value(wrong, message):
    with pytest.raises(ValueError, match=message):
        replace(EXACT, **wrong)
