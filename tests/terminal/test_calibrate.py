"""The command that measures the scale, and the file that carries it."""

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
from dscope_blink.calibration.target_scale import CalibrationPicture, MeasuredScale
from dscope_blink.config.settings import CalibrationSettings
from dscope_blink.records import FloatImage, Scale, UserError
from dscope_blink.synthetic.targets import Shot, dot_grid, ruler
from dscope_blink.terminal import calibrate
from dscope_blink.terminal.calibrate import FEATURE_COLUMNS, Station, load_scale, save_scale
from tests.builders.settings import ROOT
from tests.builders.targets import DOTS, fiber, fit_of, small

pytestmark = pytest.mark.slow  # whole batches, processes and programs

STATION = Station((640, 480), "a2A2048-37gcBAS 4711", "10x")


def png(gray: FloatImage, path: Path) -> str:
    path.write_bytes(cv2.imencode(".png", np.rint(gray * 255).astype(np.uint8))[1].tobytes())
    return str(path)


# --- the file


def written(folder: Path, text: str) -> Path:
    path = folder / "calibration.json"
    path.write_text(text, encoding="utf-8")
    return path


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
    drawn = {"--dots-um": dot_grid(small()), "--ticks-um": ruler(Shot()), "--cladding-um": fiber()}[target]
    pictures = [png(drawn, tmp_path / name) for name in ("a.png", "b.png")]
    written = ("--show", str(tmp_path / "plot.png"), "--features", str(tmp_path / "table.csv"))
    size = "125" if target == "--cladding-um" else "10"
    assert run("--image", *pictures, target, size, "--output", str(tmp_path / "c.json"), *written) == 0
    for name in ("plot.png", "plot_2.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    for name in ("table.csv", "table_2.csv"):
        table = pandas.read_csv(tmp_path / name)
        assert list(table.columns) == list(FEATURE_COLUMNS)
        assert list(table["number"]) == list(range(1, len(table) + 1))
        assert len(table) > 90
        used = table[table["used"] == "yes"]
        assert 0 < np.hypot(used["residual_x_px"], used["residual_y_px"]).mean() < 0.1
        assert used["x_px"].between(0, drawn.shape[1]).all()


def test_a_plot_that_fails_costs_no_calibration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("no\nink")

    monkeypatch.setattr("dscope_blink.reporting.calibration_plot.calibration_figure", fails)
    picture, output = png(dot_grid(small()), tmp_path / "a.png"), tmp_path / "c.json"
    written = ("--show", str(tmp_path / "plot.png"), "--features", str(tmp_path / "table.csv"))
    assert run("--image", picture, "--dots-um", "10", "--output", str(output), *written) == 1
    assert capsys.readouterr().err == f"{picture}: not drawn, RuntimeError: no ink\n"
    assert load_scale(output) is not None
    assert (tmp_path / "table.csv").exists()
    assert not (tmp_path / "plot.png").exists()


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
