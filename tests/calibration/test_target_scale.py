"""The scale from pictures of known targets, how well it is known, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from dscope_blink.calibration.target_scale import (
    CalibrationPicture,
    MeasuredScale,
    NotMeasured,
    ScaleFit,
    Target,
    average,
    find_scale,
)
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config
from dscope_blink.files.decoding import decode_image, to_gray
from dscope_blink.records import FloatImage
from dscope_blink.synthetic.targets import Shot, dot_grid, ruler
from tests.builders.settings import ROOT
from tests.builders.targets import CLADDING, DOTS, TICKS, fiber, fit_of, small


@pytest.fixture(scope="module")
def config() -> Config:
    settings = load_config(ROOT / "config.json")
    return settings.profile(settings.default_profile)


def config_with(folder: Path, **scale: object) -> Config:
    """The shipped settings with other ones in `scale`."""
    document = json.loads((ROOT / "config.json").read_text(encoding="utf-8"))
    document["scale"] |= scale
    path = folder / "config.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    settings = load_config(path)
    return settings.profile(settings.default_profile)


def measured(gray: FloatImage, target: Target, config: Config) -> ScaleFit:
    fit = find_scale(gray, target, config)
    assert isinstance(fit, ScaleFit), fit
    return fit


def refused(gray: FloatImage, target: Target, config: Config) -> str:
    fit = find_scale(gray, target, config)
    assert isinstance(fit, NotMeasured), fit
    return fit.reason


# --- the scale from a picture


@pytest.mark.parametrize("um_per_px", [(0.5, 0.5), (0.5, 0.545), (0.6, 0.45), (0.2, 0.21)])
@pytest.mark.parametrize("tilt_deg", [0, 11, 30])
def test_dots_give_the_scale_of_each_axis(config: Config, um_per_px: tuple[float, float], tilt_deg: float) -> None:
    shot = small(um_per_px, tilt_deg, dirt=10, shading=0.5)
    fit = measured(dot_grid(shot, missing=0.1), DOTS, config)
    assert (fit.um_per_px_x, fit.um_per_px_y) == pytest.approx(um_per_px, rel=1e-3)
    assert fit.tilt_deg == pytest.approx(tilt_deg, abs=0.1)
    assert not fit.square_pixels_assumed


@pytest.mark.parametrize("tilt_deg", [0, 11, 30])
def test_ticks_give_one_scale_and_say_that_pixels_are_taken_as_square(config: Config, tilt_deg: float) -> None:
    fit = measured(ruler(small((0.4, 0.4), tilt_deg, dirt=10, shading=0.5)), TICKS, config)
    assert (fit.um_per_px_x, fit.um_per_px_y) == pytest.approx((0.4, 0.4), rel=1e-3)
    assert fit.square_pixels_assumed


def test_ticks_give_both_scales_when_the_pixel_aspect_ratio_is_known(tmp_path: Path) -> None:
    config = config_with(tmp_path, pixel_aspect_ratio=0.5 / 0.545)
    fit = measured(ruler(small((0.5, 0.545), 20.0)), TICKS, config)
    assert (fit.um_per_px_x, fit.um_per_px_y) == pytest.approx((0.5, 0.545), rel=1e-3)
    assert not fit.square_pixels_assumed


@pytest.mark.parametrize("seed", range(5))
def test_noise_up_to_a_twelfth_of_the_contrast_costs_less_than_a_thousandth(config: Config, seed: int) -> None:
    shot = small((0.5, 0.5), 7.0 * seed, noise=0.01 * seed, seed=seed)
    for gray, target in ((dot_grid(shot), DOTS), (ruler(shot), TICKS)):
        assert measured(gray, target, config).um_per_px_x == pytest.approx(0.5, rel=1e-3)


def test_the_scale_follows_the_distance_that_is_named(config: Config) -> None:
    gray = dot_grid(small())
    assert measured(gray, Target("dots", 25.0), config).um_per_px_x == pytest.approx(
        2.5 * measured(gray, DOTS, config).um_per_px_x
    )


def test_a_fiber_of_known_cladding_gives_the_scale(config: Config) -> None:
    fit = measured(fiber(), CLADDING, config)
    assert (fit.um_per_px_x, fit.um_per_px_y) == pytest.approx((0.4, 0.4), rel=2e-3)
    assert fit.square_pixels_assumed


def test_a_fiber_that_is_not_angled_gives_the_scale_of_each_axis(tmp_path: Path) -> None:
    config = config_with(tmp_path, fiber_is_angled=False)
    fit = measured(fiber((0.42, 0.39)), CLADDING, config)
    assert (fit.um_per_px_x, fit.um_per_px_y) == pytest.approx((0.42, 0.39), rel=2e-3)
    assert not fit.square_pixels_assumed


@pytest.mark.parametrize("target", [DOTS, TICKS, CLADDING], ids=lambda target: target.kind)
def test_a_picture_without_its_target_is_refused_with_the_reason(config: Config, target: Target) -> None:
    noise = np.random.default_rng(0).normal(0.5, 0.1, (240, 320)).astype(np.float32)
    assert refused(np.clip(noise, 0, 1), target, config).startswith("No ")
    assert refused(np.full((240, 320), 0.5, np.float32), target, config).startswith("No target: ")
    assert refused(np.ones((240, 320), np.float32), target, config).startswith("Saturated: 100.0%")
    assert refused(np.zeros((1, 1), np.float32), target, config).startswith("Too small: 1 x 1 px")


def test_dots_of_a_grid_that_is_not_square_are_refused(config: Config) -> None:
    sheared = cv2.warpAffine(dot_grid(Shot()), np.array([[1, 0.3, -40], [0, 1, 0]], np.float64), (480, 360))
    assert "departs from a square one" in refused(sheared, DOTS, config)


@pytest.mark.parametrize("size_um", [0, -10, float("nan"), float("inf")])
def test_a_target_has_a_size(size_um: float) -> None:
    with pytest.raises(ValueError, match="size_um must be a positive number"):
        Target("dots", size_um)


@pytest.mark.accuracy
def test_the_photographed_micrometer_measures_what_its_caption_says(shared: Path, config: Config) -> None:
    data = (shared / "targets" / "stage_micrometer_10um_ticks.png").read_bytes()
    fit = measured(to_gray(decode_image(data, 10**8)), TICKS, config)
    assert fit.um_per_px_x == pytest.approx(1.293, rel=3e-3)  # the caption: 890 um in 688.33 px
    assert abs(fit.um_per_px_x - 1.293) < fit.uncertainty_um_per_px_x
    assert fit.features in (89, 90)  # the first tick is half outside


# --- how well it is known


def test_the_tolerance_of_the_target_widens_the_uncertainty(tmp_path: Path) -> None:
    gray = dot_grid(Shot())
    unsure = {
        percent: measured(gray, DOTS, config_with(tmp_path, target_tolerance_pct=percent)) for percent in (0.0, 0.6)
    }
    assert unsure[0.0].uncertainty_um_per_px_x < 1e-4 * 0.5
    assert unsure[0.6].uncertainty_um_per_px_x == pytest.approx(2 * 0.5 * 0.006 / np.sqrt(3), rel=1e-3)
    assert unsure[0.6].um_per_px_x == unsure[0.0].um_per_px_x


def test_the_tolerance_of_the_cladding_is_in_the_uncertainty_of_a_fiber(tmp_path: Path) -> None:
    fit = measured(fiber(), CLADDING, config_with(tmp_path, cladding_tolerance_um=1.25))
    assert fit.uncertainty_um_per_px_x == pytest.approx(2 * 0.4 * 0.01 / np.sqrt(3), rel=0.02)


def test_noise_widens_the_uncertainty(tmp_path: Path) -> None:
    config = config_with(tmp_path, target_tolerance_pct=0.0)
    for draw, target in ((dot_grid, DOTS), (ruler, TICKS)):
        calm, noisy = (measured(draw(small(noise=noise)), target, config) for noise in (0.003, 0.06))
        assert noisy.fit_pct_x > 1.5 * calm.fit_pct_x


@pytest.mark.parametrize("distortion", [0.001, 0.004])
def test_the_scale_in_the_middle_of_a_lens_that_distorts_is_within_the_uncertainty(
    tmp_path: Path, distortion: float
) -> None:
    config = config_with(tmp_path, target_tolerance_pct=0.0)
    shot = Shot(tilt_deg=4, shape=(480, 640), distortion=distortion)
    for gray, target in ((dot_grid(shot), DOTS), (ruler(shot), TICKS)):
        fit = measured(gray, target, config)
        assert 0.3 * distortion * 0.5 < abs(fit.um_per_px_x - 0.5) < fit.uncertainty_um_per_px_x


def test_the_features_left_out_are_known(config: Config) -> None:
    gray = dot_grid(Shot(tilt_deg=5, noise=0.01), merged=0.1)
    seen = measured(gray, DOTS, config).seen
    assert 20 < np.count_nonzero(~seen.used) < 0.4 * len(seen.used)
    assert np.abs(seen.residuals_px[seen.used]).max() < 0.2


# --- what is refused


def defocused(gray: FloatImage, sigma_px: float) -> FloatImage:
    return np.asarray(cv2.GaussianBlur(gray, (0, 0), sigma_px), np.float32)


@pytest.mark.parametrize("target", [DOTS, TICKS], ids=lambda target: target.kind)
def test_a_target_blurred_by_a_sixth_of_its_distance_is_measured_as_well_as_it_says(
    tmp_path: Path, target: Target
) -> None:
    gray = defocused((dot_grid if target is DOTS else ruler)(small()), 20 / 6)
    fit = measured(gray, target, config_with(tmp_path, target_tolerance_pct=0.0))
    assert abs(fit.um_per_px_x - 0.5) < fit.uncertainty_um_per_px_x < 5e-3


@pytest.mark.parametrize("blur", [0.4, 0.5])
def test_long_ticks_whose_short_ones_have_merged_are_refused(config: Config, blur: float) -> None:
    shot = Shot((1.25, 1.25), 3.0, shape=(240, 560), place_px=(-1.3, -60.0), noise=0.005)  # 8 px
    gray = defocused(ruler(shot, height_um=40.0), blur * 8)
    assert refused(gray, TICKS, config).startswith("Finer ticks may be merged by blur")


def test_ticks_of_one_length_on_a_base_line_are_no_merged_ones(config: Config) -> None:
    gray = ruler(small((0.5, 0.5), place_px=(0.0, -40.0), noise=0.005), height_um=1000.0, caption=False)
    gray[160:] = gray[:20].mean()  # all ticks end here
    gray[77:83] = gray.min()
    assert measured(defocused(gray, 3.0), TICKS, config).um_per_px_x == pytest.approx(0.5, rel=2e-3)


def test_a_scale_less_sure_than_is_allowed_is_refused_with_the_figure(tmp_path: Path) -> None:
    config = config_with(tmp_path, max_scale_uncertainty_pct=0.01)
    assert refused(dot_grid(small()), DOTS, config) == (
        "Too uncertain: the scale is known to 0.12 % (k = 2), at most 0.01 % is allowed"
    )


def test_a_fiber_out_of_focus_is_refused(config: Config) -> None:
    blurred = np.asarray(cv2.GaussianBlur(fiber(), (0, 0), 14), np.float32)
    assert refused(blurred, CLADDING, config).startswith("Out of focus: sharpness of the cladding edge")


def test_the_limit_of_focus_is_configured(tmp_path: Path) -> None:
    gray = dot_grid(Shot(blur_px=2.2))
    assert measured(gray, DOTS, config_with(tmp_path, max_target_blur=0.3)).features > 300
    assert refused(gray, DOTS, config_with(tmp_path, max_target_blur=0.02)).startswith("Out of focus")


def test_light_that_hides_half_of_the_dots_is_refused_with_the_reason(config: Config) -> None:
    gray = dot_grid(Shot())
    hidden = np.hypot(*(np.indices(gray.shape) - np.array([180, 240])[:, None, None])) > 130
    hidden[:, 230:250] = hidden[170:190] = False
    assert "hidden by uneven light" in refused(np.where(hidden, 1, gray).astype(np.float32), DOTS, config)


# --- several pictures


def pictures_of(*fits: ScaleFit) -> list[CalibrationPicture]:
    return [CalibrationPicture(f"{k}.png", "ab" * 32, fit) for k, fit in enumerate(fits)]


def averaged(config: Config, *scales: float, fit_pct: float = 0.01) -> MeasuredScale:
    return average(DOTS, pictures_of(*(fit_of(scale, 0.5, fit_pct) for scale in scales)), config.scale)


def test_more_pictures_help_against_scatter_but_not_against_the_target(config: Config) -> None:
    one, four = averaged(config, 0.5), averaged(config, 0.5, 0.5, 0.5, 0.5)
    assert one.uncertainty_um_per_px_x == pytest.approx(0.5 * 2e-2 * np.hypot(0.01, 0.05))
    assert four.uncertainty_um_per_px_x == pytest.approx(0.5 * 2e-2 * np.hypot(0.005, 0.05))


def test_pictures_that_differ_by_more_than_they_say_widen_the_uncertainty(config: Config) -> None:
    measured = averaged(config, 0.499, 0.501)  # 0.2 % apart, each sure to 0.01 %
    assert measured.left_out == ()
    assert measured.uncertainty_um_per_px_x > 0.001
    assert measured.uncertainty_um_per_px_y < 0.001


def test_an_outlying_picture_is_left_out_and_known_by_name(config: Config) -> None:
    measured = averaged(config, 0.5, 0.50003, 0.51, 0.49998)
    assert [picture.file for picture in measured.left_out] == ["2.png"]
    assert measured.scale.um_per_px_x == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize(
    ("scales", "fit_pct"),
    [
        ((0.5, 0.50001, 0.5002), 0.001),  # 0.04 %: too little to matter
        ((0.5, 0.501, 0.504), 0.5),  # each is that unsure
        ((0.49, 0.5, 0.51), 0.001),  # no two agree
        ((0.5, 0.52), 0.001),  # nobody knows which
    ],
)
def test_what_may_be_chance_is_not_outlying(config: Config, scales: tuple[float, ...], fit_pct: float) -> None:
    assert averaged(config, *scales, fit_pct=fit_pct).left_out == ()
