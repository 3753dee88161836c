"""The scale from pictures of known targets, and the file that carries it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import cv2
import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dscope_blink.calibration.scale_file import load_calibration
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
from dscope_blink.config.settings import CalibrationSettings, Config
from dscope_blink.files.decoding import decode_image, to_gray
from dscope_blink.records import FloatImage, Scale, TargetFeatures, UserError
from dscope_blink.synthetic.faces import FaceSpec, render_face
from dscope_blink.synthetic.targets import Shot, dot_grid, ruler
from dscope_blink.terminal import calibrate
from dscope_blink.terminal.calibrate import FEATURE_COLUMNS, Station, load_scale, save_scale
from tests.builders.settings import ROOT
from tests.builders.targets import small

STATION = Station((640, 480), "a2A2048-37gcBAS 4711", "10x")
DOTS, TICKS, CLADDING = Target("dots", 10.0), Target("ticks", 10.0), Target("cladding", 125.0)


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


def face(um_per_px: tuple[float, float] = (0.4, 0.4)) -> FloatImage:
    spec = FaceSpec(shape=(480, 640), centre_px=(321.4, 237.8), um_per_px_x=um_per_px[0], um_per_px_y=um_per_px[1])
    return to_gray(render_face(spec, (), np.random.default_rng(0)).image)


def png(gray: FloatImage, path: Path) -> str:
    path.write_bytes(cv2.imencode(".png", np.rint(gray * 255).astype(np.uint8))[1].tobytes())
    return str(path)


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
    fit = measured(face(), CLADDING, config)
    assert (fit.um_per_px_x, fit.um_per_px_y) == pytest.approx((0.4, 0.4), rel=2e-3)
    assert fit.square_pixels_assumed


def test_a_fiber_that_is_not_angled_gives_the_scale_of_each_axis(tmp_path: Path) -> None:
    config = config_with(tmp_path, fiber_is_angled=False)
    fit = measured(face((0.42, 0.39)), CLADDING, config)
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
    fit = measured(face(), CLADDING, config_with(tmp_path, cladding_tolerance_um=1.25))
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


@pytest.mark.parametrize("target", [DOTS, TICKS], ids=lambda target: target.kind)
def test_a_target_out_of_focus_is_refused(config: Config, target: Target) -> None:
    draw = dot_grid if target is DOTS else ruler
    assert measured(draw(Shot(blur_px=1.3)), target, config).features > 20
    assert refused(draw(Shot(blur_px=4.0)), target, config).startswith(f"Out of focus: the {target.kind} are blurred")


def test_a_fiber_out_of_focus_is_refused(config: Config) -> None:
    blurred = np.asarray(cv2.GaussianBlur(face(), (0, 0), 14), np.float32)
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


# --- the file


def written(folder: Path, text: str) -> Path:
    path = folder / "calibration.json"
    path.write_text(text, encoding="utf-8")
    return path


def fit_of(x: float, y: float, fit_pct: float = 0.01) -> ScaleFit:
    nothing = TargetFeatures(np.empty((0, 2)), np.empty((0, 2)), np.empty(0, bool))
    return ScaleFit(x, y, 100, 0.05, 1.0, False, fit_pct, fit_pct, 0.05, nothing)


def calibration_of(*scales: tuple[float, float]) -> MeasuredScale:
    fits = [fit_of(x, y) for x, y in scales]
    return MeasuredScale(DOTS, tuple(CalibrationPicture(f"{k}.png", "ab" * 32, fit) for k, fit in enumerate(fits)))


def test_the_program_ships_uncalibrated() -> None:
    assert load_scale(ROOT / "calibration.json") is None


def test_the_single_number_of_the_predecessor_is_read(tmp_path: Path) -> None:
    assert load_scale(written(tmp_path, '{"um_per_px": 0.7}')) == Scale(0.7, 0.7, "calibration")


def test_each_axis_has_its_own_scale_and_other_keys_are_left_alone(tmp_path: Path) -> None:
    path = written(tmp_path, '\ufeff{"um_per_px_x": 0.5, "um_per_px_y": 0.545, "objective": "10x"}')
    assert load_scale(path) == Scale(0.5, 0.545, "calibration")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must be a JSON object"),
        ("um_per_px = 0.5", "must be a JSON object"),
        ("[0.5]", "must be a JSON object, got [0.5]"),
        ("{}", "um_per_px is missing"),
        ('{"um_per_px": -0.5}', "um_per_px must be a number above 0 and at most 1000, got -0.5"),
        ('{"um_per_px": 0}', "um_per_px must be a number above 0 and at most 1000, got 0"),
        ('{"um_per_px": NaN}', "um_per_px must be a number above 0 and at most 1000, got NaN"),
        ('{"um_per_px": 1e999}', "um_per_px must be a number above 0 and at most 1000, got Infinity"),
        ('{"um_per_px": "0.5"}', 'um_per_px must be a number above 0 and at most 1000, got "0.5"'),
        ('{"um_per_px": true}', "um_per_px must be a number above 0 and at most 1000, got true"),
        ('{"um_per_px_x": 0.5}', "um_per_px_y is missing"),
        ('{"um_per_px": 0.5, "um_per_px_y": 0.5}', "um_per_px_x is missing"),
        (
            '{"um_per_px_x": 0.5, "um_per_px_y": null}',
            "um_per_px_y must be a number above 0 and at most 1000, got null",
        ),
        ('{"um_per_px": 0.6, "um_per_px_x": 0.5, "um_per_px_y": 0.5}', "um_per_px must be the geometric mean of"),
        ('{"um_per_px": null, "um_per_px_x": 0.5, "um_per_px_y": 0.5}', "um_per_px must be a number above 0"),
    ],
)
def test_a_broken_file_is_explained_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UserError) as caught:
        load_scale(path)
    assert str(caught.value).startswith(f"{path}: {says}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"\xff\xfe{", b"[" * 100_000, b'{"um_per_px": 1' + b"0" * 5000 + b"}"])
def test_bytes_that_are_no_calibration_are_a_users_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "calibration.json"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"calibration\.json: "):
        load_scale(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing\.json: cannot be read, No such file"):
        load_scale(tmp_path / "nothing.json")


@given(st.lists(st.tuples(st.floats(0.05, 50), st.floats(0.05, 50)), min_size=1, max_size=4))
def test_what_is_saved_is_what_is_loaded(tmp_path_factory: pytest.TempPathFactory, scales: list[tuple[float, float]]):
    path = tmp_path_factory.getbasetemp() / "saved.json"
    saved = calibration_of(*scales)
    save_scale(path, saved, STATION, datetime(2024, 5, 6, tzinfo=UTC), 365)
    loaded = load_scale(path)
    assert loaded is not None
    assert (loaded.um_per_px_x, loaded.um_per_px_y) == pytest.approx(tuple(np.mean(scales, axis=0)), rel=1e-6)


def test_the_file_says_how_it_was_measured(tmp_path: Path) -> None:
    save_scale(
        tmp_path / "c.json", calibration_of((0.5, 0.5), (0.51, 0.5)), STATION, datetime(2024, 5, 6, tzinfo=UTC), 365
    )
    document = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
    assert (document["method"], document["target_um"], document["features"]) == ("dots", 10.0, 200)
    assert document["created"] == "2024-05-06T00:00:00+00:00"
    assert document["spread_pct"] == pytest.approx(100 * 0.01 / 0.505, abs=1e-3)
    assert [picture["sha256"] for picture in document["pictures"]] == ["ab" * 32] * 2


def test_the_file_says_what_it_was_measured_with_and_how_long_it_is_valid(tmp_path: Path) -> None:
    made = datetime(2024, 5, 6, 23, tzinfo=UTC)
    save_scale(tmp_path / "c.json", calibration_of((0.5, 0.5)), STATION, made, 30)
    document = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
    assert document["picture_size_px"] == [640, 480]
    assert (document["camera"], document["objective"]) == ("a2A2048-37gcBAS 4711", "10x")
    assert document["expires"] == "2024-06-05"
    save_scale(tmp_path / "c.json", calibration_of((0.5, 0.5)), STATION, made, None)
    assert json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))["expires"] is None


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(UserError, match="taken cannot be written"):
        save_scale(tmp_path / "taken", calibration_of((0.5, 0.5)), STATION, datetime(2024, 5, 6, tzinfo=UTC), 365)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


# --- the command line


def run(*arguments: str) -> int:
    """The exit code, also when argparse ends the program."""
    try:
        return calibrate.main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def test_pictures_are_averaged_and_the_spread_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shots = (small((0.5, 0.5)), small((0.505, 0.5), 9.0, seed=1))
    pictures = [png(dot_grid(shot), tmp_path / f"{k}.png") for k, shot in enumerate(shots)]
    output = tmp_path / "out.json"
    assert run("--image", *pictures, "--dots-um", "10", "--output", str(output)) == 0
    scale = load_scale(output)
    assert scale is not None
    assert (scale.um_per_px_x, scale.um_per_px_y) == pytest.approx((0.5025, 0.5), rel=1e-3)
    printed = capsys.readouterr().out
    assert "mean of 2 pictures, spread 0.99" in printed or "mean of 2 pictures, spread 1.0" in printed


def test_an_outlying_picture_is_named_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scales = (0.5, 0.5, 0.51)
    pictures = [png(dot_grid(small((scale, 0.5), seed=k)), tmp_path / f"{k}.png") for k, scale in enumerate(scales)]
    output = tmp_path / "out.json"
    assert run("--image", *pictures, "--dots-um", "10", "--output", str(output)) == 0
    assert "2.png: left out, 0.51" in capsys.readouterr().err
    document = json.loads(output.read_text(encoding="utf-8"))
    assert [[p["file"] for p in document[key]] for key in ("pictures", "left_out")] == [["0.png", "1.png"], ["2.png"]]
    assert document["um_per_px_x"] == pytest.approx(0.5, abs=document["uncertainty_um_per_px_x"])


@pytest.mark.parametrize("target", ["--dots-um", "--ticks-um", "--cladding-um"])
def test_plot_and_features_are_written_for_every_picture(tmp_path: Path, target: str) -> None:
    drawn = {"--dots-um": dot_grid(small()), "--ticks-um": ruler(Shot()), "--cladding-um": face()}[target]
    pictures = [png(drawn, tmp_path / name) for name in ("a.png", "b.png")]
    written = ("--show", str(tmp_path / "plot.png"), "--features", str(tmp_path / "table.csv"))
    size = "125" if target == "--cladding-um" else "10"
    assert run("--image", *pictures, target, size, "--output", str(tmp_path / "c.json"), *written) == 0
    for name in ("plot.png", "plot_2.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    for name in ("table.csv", "table_2.csv"):
        table = pandas.read_csv(tmp_path / name)
        assert tuple(table.columns) == FEATURE_COLUMNS
        assert list(table["number"]) == list(range(1, len(table) + 1))
        assert len(table) > 90
        used = table[table["used"] == "yes"]
        assert 0 < np.hypot(used["residual_x_px"], used["residual_y_px"]).mean() < 0.1
        assert used["x_px"].between(0, drawn.shape[1]).all()


def test_the_columns_of_the_features_are_explained() -> None:
    explained = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    assert [name for name in FEATURE_COLUMNS if f"\n| `{name}` |" not in explained] == []


def test_a_ruler_says_that_pixels_are_taken_as_square(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out.json"
    assert run("--image", png(ruler(small()), tmp_path / "r.png"), "--ticks-um", "10", "--output", str(output)) == 0
    assert "Pixels are taken as square" in capsys.readouterr().out
    assert json.loads(output.read_text(encoding="utf-8"))["square_pixels_assumed"] is True


def test_pictures_of_two_sizes_are_of_no_one_scale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = [png(dot_grid(Shot(shape=shape)), tmp_path / f"{shape[0]}.png") for shape in ((360, 480), (400, 480))]
    assert run("--image", *pictures, "--dots-um", "10", "--output", str(tmp_path / "out.json")) == 2
    assert "the pictures must be of one size, got 480 x 360, 480 x 400 px" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


def test_the_scale_is_used_for_pictures_of_its_size_only(tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    run("--image", png(dot_grid(small()), tmp_path / "g.png"), "--dots-um", "10", "--output", str(output))
    found = load_calibration(output, date(2024, 1, 1), CalibrationSettings(None, "refuse", "refuse", "refuse"))
    assert found is not None
    assert found.picture_size_px == (320, 240)
    assert found.scale.uncertainty is not None
    assert 0 < found.scale.uncertainty < 0.002


def test_one_picture_that_cannot_be_measured_stops_the_calibration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, text = png(dot_grid(small()), tmp_path / "good.png"), tmp_path / "text.png"
    text.write_text("no picture", encoding="utf-8")
    output = tmp_path / "out.json"
    assert run("--image", good, str(text), "--dots-um", "10", "--output", str(output)) == 1
    assert "text.png: not measured. Unreadable: " in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--dots-um", "10"), "--image"),
        (("--image", "a.png"), "--dots-um"),
        (("--image", "a.png", "--dots-um", "10", "--ticks-um", "10"), "not allowed with"),
        (("--image", "a.png", "--dots-um", "-3"), "must be a positive number, got '-3'"),
        (("--image", "a.png", "--dots-um", "ten"), "must be a positive number, got 'ten'"),
        (("--image", "nowhere.png", "--dots-um", "10"), "nowhere.png: cannot be read, No such file"),
        (("--image", "a.png", "--dots-um", "10", "--config", "nowhere.json"), "nowhere.json"),
    ],
)
def test_wrong_arguments_end_with_2_and_say_why(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    assert run(*arguments) == 2
    assert says in capsys.readouterr().err
