"""Pictures of the camera as files: what the commands of the camera write, through pylon's emulator."""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from dscope_blink.config.loading import load_config
from dscope_blink.devices import camera, capturing
from dscope_blink.devices.camera import GrabFailed
from dscope_blink.devices.capturing import Series, new_picture, take_series
from dscope_blink.files.camera_text import read_camera
from dscope_blink.files.decoding import decode_image, encode_png, png_text, to_gray
from dscope_blink.files.names import CAMERA_TEXT
from dscope_blink.image_processing.picture_quality import flatten
from dscope_blink.records.stored import load_record
from dscope_blink.synthetic.faces import Illumination, render_face
from dscope_blink.synthetic.targets import Shot, dot_grid
from dscope_blink.terminal import calibrate
from dscope_blink.terminal.commands import main
from dscope_blink.terminal.options import CONFIG
from tests.builders.commands import IN_THIS_PROCESS, inspect
from tests.builders.emulator import SERIAL, emulated, surface, written
from tests.builders.pictures import FACE, MULTIMODE, face_png

LEVELS = np.random.default_rng(5).integers(0, 256, (40, 61), np.uint8)
EDITION = "iec_61300_3_35_2015"


def _one_class() -> dict[str, Any]:
    """The criteria that the faces here are graded by; checking those of every class takes half of a test."""
    edition = json.loads(CONFIG.read_text(encoding="utf-8"))["criteria"]["editions"][EDITION]
    kept = edition | {"classes": {"multimode": edition["classes"]["multimode"]}}
    return {"default_edition": EDITION, "default_class": "multimode", "editions": {EDITION: kept}}


ONE_CLASS = _one_class()
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("found_once")]


@pytest.fixture
def station(tmp_path) -> Callable[..., str]:
    """The option that names a configuration whose camera is the emulated one."""

    def configured(play: Path | None, flat_field: str | None = None, **changes: object) -> str:
        document = json.loads(CONFIG.read_text(encoding="utf-8"))
        document["camera"] = asdict(emulated()) | {"play_files": play and str(play)} | changes
        document["criteria"] = ONE_CLASS
        document["preprocessing"]["flat_field_image"] = flat_field
        document["flat_field"]["frames"] = 2
        (tmp_path / "station.json").write_text(json.dumps(document), encoding="utf-8")
        return f"--config={tmp_path / 'station.json'}"

    return configured


@pytest.fixture
def levels(tmp_path) -> Path:
    return written(tmp_path / "levels.png", LEVELS)


def pixels(path: Path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


# --- capture


def test_pictures_are_stored_without_loss_under_names_of_their_own(levels, station, tmp_path, capsys):
    assert main(["capture", f"--output-dir={tmp_path / 'out'}", "--count=3", station(levels)]) == 0
    pictures = sorted((tmp_path / "out").glob("*.png"))
    assert [str(path) for path in pictures] == capsys.readouterr().out.splitlines()
    assert len(pictures) == 3
    for path in pictures:
        assert re.fullmatch(r"capture_\d{8}_\d{6}_\d{6}\.png", path.name)
        np.testing.assert_array_equal(pixels(path), LEVELS)


def test_the_settings_of_the_camera_lie_beside_a_picture_and_in_it(levels, station, tmp_path):
    words = [f"--output-dir={tmp_path / 'out'}", station(levels, exposure_us=2500.4, frames_averaged=3)]
    assert main(["capture", *words]) == 0
    (picture,) = (tmp_path / "out").glob("*.png")
    beside = json.loads(picture.with_name(f"{picture.stem}_camera.json").read_text())
    assert (beside["model"], beside["serial"], beside["pixel_format"]) == ("Emulation", SERIAL, "Mono8")
    assert (beside["exposure_us"], beside["frames_averaged"]) == (2500.0, 3)  # as the camera rounds it
    assert json.loads(png_text(picture.read_bytes(), CAMERA_TEXT) or "") == beside


def test_twelve_bits_are_stored_as_such(station, tmp_path):
    twelve = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    config = station(written(tmp_path / "twelve.png", twelve * 16), pixel_format="Mono12")
    assert main(["capture", f"--output-dir={tmp_path / 'out'}", config]) == 0
    (picture,) = (tmp_path / "out").glob("*.png")
    np.testing.assert_array_equal(pixels(picture), twelve)


def test_pictures_are_taken_at_equal_intervals(levels, tmp_path, monkeypatch):
    clock = itertools.count(100.0, 0.3)  # each look at the clock is 0.3 s later
    waits: list[float] = []
    monkeypatch.setattr("dscope_blink.devices.capturing.time.monotonic", lambda: next(clock))
    monkeypatch.setattr("dscope_blink.devices.capturing.time.sleep", waits.append)
    list(take_series(Series(emulated(levels), tmp_path / "out", count=4, interval_s=1.0)))
    np.testing.assert_allclose(waits, [0.7, 1.4, 2.1])  # until 1, 2 and 3 s after the first; the clock is not slept on


def test_a_picture_never_gets_a_name_that_is_taken(tmp_path, monkeypatch):
    class Stopped:
        now = functools.partial(datetime, 2026, 3, 4, 5, 6, 7, 89)

    monkeypatch.setattr(capturing, "datetime", Stopped)
    names = []
    for _ in range(3):
        names.append(new_picture(tmp_path).name)
        (tmp_path / names[-1]).write_bytes(b"")
    assert names == [f"capture_20260304_050607_000089{end}.png" for end in ("", "_2", "_3")]


def test_a_camera_that_fails_midway_exits_with_1_and_keeps_its_pictures(levels, station, tmp_path, monkeypatch, capsys):
    """The second frame does not come: the emulator damages none at a chosen time."""

    def ending(_camera, _averaged, whole=camera.Camera.frames):
        pictures = whole(_camera, _averaged)
        yield next(pictures)
        raise GrabFailed("camera 1: gone")

    monkeypatch.setattr(camera.Camera, "frames", ending)
    assert main(["capture", f"--output-dir={tmp_path / 'out'}", "--count=2", station(levels)]) == 1
    assert len(list((tmp_path / "out").glob("*.png"))) == 1
    assert capsys.readouterr().err == "main.py: camera 1: gone\n"


def test_an_interrupted_series_exits_with_130_and_keeps_what_was_taken(levels, station, tmp_path, monkeypatch):
    def interrupted(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("dscope_blink.devices.capturing.time.sleep", interrupted)
    words = [f"--output-dir={tmp_path / 'out'}", "--count=5", "--interval=60", station(levels)]
    assert main(["capture", *words]) == 130
    assert len(list((tmp_path / "out").glob("*.png"))) == 1


def test_without_a_camera_the_exit_code_is_2_and_nothing_is_written(station, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(camera, "_devices", tuple)
    for command in ("capture", "inspect --camera"):
        assert main([*command.split(), f"--output-dir={tmp_path / 'out'}", station(None)]) == 2
    assert main(["flatfield", f"--output={tmp_path / 'out' / 'flat.png'}", station(None)]) == 2
    assert main(["cameras"]) == 2
    assert not (tmp_path / "out").exists()
    assert set(capsys.readouterr().err.splitlines()) == {f"main.py: {camera.NO_CAMERA}"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--count=0"], "--count must be a positive number"),
        (["--count=1.5"], "--count must be a whole number, got 1.5"),
        (["--interval=-1"], "--interval must be a positive number"),
        (["--profile=none"], "profile in config.json: must be one of"),
        (["--output-dir="], "output folder: none is named"),
    ],
)
def test_wrong_arguments_are_told_before_the_camera_is_opened(tmp_path, capsys, words, complaint):
    assert main(["capture", f"--output-dir={tmp_path / 'out'}", *words]) == 2
    assert capsys.readouterr().err.startswith(f"main.py: {complaint}")


def test_what_cannot_be_stored_exits_with_1(levels, station, tmp_path, monkeypatch, capsys):
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(capturing, "new_picture", lambda folder: folder / ("x" * 300 + ".png"))
    assert main(["capture", f"--output-dir={tmp_path / 'out'}", station(levels)]) == 1
    assert "cannot be written" in capsys.readouterr().err


# --- the cameras


def test_the_cameras_are_listed_one_per_line(capsys):
    assert main(["cameras"]) == 0
    assert f"Emulation  {SERIAL}" in capsys.readouterr().out.splitlines()


def test_the_settings_are_stored_in_the_camera_on_request(station, monkeypatch, capsys):
    """The emulator has no user sets that can be written."""
    stored = []
    monkeypatch.setattr(camera.Camera, "save_user_set", lambda _, name: stored.append(name))
    assert main(["cameras", "--save-user-set=UserSet1", station(None)]) == 0
    assert stored == ["UserSet1"]
    assert "stored as UserSet1" in capsys.readouterr().out


# --- the flat field

LIGHT: dict[str, Any] = {"linear": (0.2, -0.15), "vignette": 0.3}


def flat_field(station, tmp_path, picture, **changes) -> int:
    config = station(written(tmp_path / "surface.png", picture), **changes)
    return main(["flatfield", f"--output={tmp_path / 'flat.png'}", config])


def test_the_flat_field_of_a_surface_takes_the_shading_off_a_face(station, tmp_path):
    assert flat_field(station, tmp_path, surface(**LIGHT)) == 0
    flat = to_gray(decode_image((tmp_path / "flat.png").read_bytes(), 10**6))
    shaded, even = (
        to_gray(render_face(replace(FACE, bits=16, noise=0.0, illumination=light), (), np.random.default_rng(0)).image)
        for light in (Illumination(**LIGHT), Illumination())
    )
    flattened, notes = flatten(shaded, flat)
    assert notes == ()
    assert np.ptp(shaded / even) > 0.3
    ratio = (flattened / even)[8:-8, 8:-8]
    assert np.ptp(ratio / ratio.mean()) < 0.01  # one of the camera's grey levels is 0.6 % of the surface


def test_the_flat_field_keeps_more_than_the_grey_levels_of_the_camera(station, tmp_path):
    written(tmp_path / "surfaces" / "a.png", np.full((40, 60), 150, np.uint8))
    written(tmp_path / "surfaces" / "b.png", np.full((40, 60), 151, np.uint8))
    assert main(["flatfield", f"--output={tmp_path / 'flat.png'}", station(tmp_path / "surfaces")]) == 0
    assert set(np.unique(pixels(tmp_path / "flat.png"))) == {round(150.5 / 255 * 65535)}
    beside = json.loads((tmp_path / "flat_camera.json").read_text())
    assert beside["frames_averaged"] == 2


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (surface(level=0.1), "too dark"),
        (surface(level=1.5), "saturated"),
        (cv2.imdecode(np.frombuffer(face_png(), np.uint8), cv2.IMREAD_GRAYSCALE), "not blank"),
    ],
    ids=["dark", "saturated", "face"],
)
def test_what_is_no_blank_surface_is_refused_and_nothing_is_written(station, tmp_path, capsys, picture, reason):
    assert flat_field(station, tmp_path, picture) == 1
    assert capsys.readouterr().err.startswith(f"main.py: no flat field was written, the surface is {reason}: ")
    assert not (tmp_path / "flat.png").exists()


def test_the_flat_field_goes_where_the_configuration_names_it_and_is_used(station, tmp_path, capsys):
    config = station(written(tmp_path / "surface.png", surface(**LIGHT)), flat_field="flat.png")
    assert main(["flatfield", config]) == 0
    assert capsys.readouterr().out == f"Flat field: {tmp_path / 'flat.png'}\n"
    loaded = load_config(tmp_path / "station.json").profile("fast_scan")
    assert loaded.preprocessing.flat_field_image == tmp_path / "flat.png"


def test_a_flat_field_that_the_configuration_does_not_name_is_said_to_be_unused(station, tmp_path, capsys):
    flat_field(station, tmp_path, surface(**LIGHT))
    assert "once preprocessing.flat_field_image of the configuration names it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "no file is named"),
        (["--output=flat.jpg"], "must be a .png file"),
        (["--output=surface.png/flat.png"], "is not a folder"),
    ],
)
def test_a_place_where_no_flat_field_can_be_is_told_before(station, tmp_path, capsys, monkeypatch, words, complaint):
    monkeypatch.chdir(tmp_path)
    assert main(["flatfield", station(written(tmp_path / "surface.png", surface())), *words]) == 2
    assert complaint in capsys.readouterr().err


# --- inspect --camera


def taken_and_inspected(station, tmp_path, *words: str) -> tuple[int, Path]:
    """The exit code, and the picture that was taken of the face."""
    (tmp_path / "face.png").write_bytes(face_png())
    config = station(tmp_path / "face.png", frames_averaged=2)
    options = ["--profile=fast_scan", *MULTIMODE, config, "--quiet", IN_THIS_PROCESS, *words]
    code = main(["inspect", "--camera", f"--output-dir={tmp_path / 'live'}", *options])
    (picture,) = (tmp_path / "live").glob("capture_*[0-9].png")
    return code, picture


def test_a_picture_of_the_camera_is_graded_as_the_file_that_is_stored_of_it(station, tmp_path):
    code, picture = taken_and_inspected(station, tmp_path)
    assert code == 0
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / picture.name).write_bytes(picture.read_bytes())
    words = ["--profile=fast_scan", *MULTIMODE, f"--config={tmp_path / 'station.json'}", "--quiet"]
    assert inspect(tmp_path / "again", tmp_path / "filed", *words) == 0
    live, filed = (
        json.loads((tmp_path / folder / f"{picture.stem}_result.json").read_text()) for folder in ("live", "filed")
    )
    for record in (live, filed):
        del record["timings_s"], record["provenance"]["started"], record["record_sha256"]
    assert live == filed
    assert live["verdict"]["status"] == "PASS"


def test_the_record_holds_the_settings_of_the_camera_and_gives_them_back(station, tmp_path):
    _, picture = taken_and_inspected(station, tmp_path)
    record = tmp_path / "live" / f"{picture.stem}_result.json"
    told = json.loads(record.read_text())["image"]["camera"]
    assert told == json.loads(picture.with_name(f"{picture.stem}_camera.json").read_text())
    assert (told["serial"], told["frames_averaged"]) == (SERIAL, 2)
    image = load_record(record).image
    assert image.camera == read_camera(json.dumps(told))


def test_a_second_picture_of_the_camera_keeps_the_results_of_the_first(station, tmp_path):
    taken_and_inspected(station, tmp_path)
    config = f"--config={tmp_path / 'station.json'}"
    words = [f"--output-dir={tmp_path / 'live'}", "--profile=fast_scan", *MULTIMODE, config, "--quiet"]
    main(["inspect", "--camera", IN_THIS_PROCESS, *words])
    assert len(list((tmp_path / "live").glob("*_result.json"))) == 2


def test_the_camera_and_a_folder_together_are_refused(tmp_path, capsys):
    for other in (f"--input-dir={tmp_path}", "--recursive", "--manifest=a.csv"):
        assert main(["inspect", "--camera", f"--output-dir={tmp_path / 'out'}", other]) == 2
        assert "--camera takes the picture itself" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"model": 1}', "{" * 10000])
def test_a_text_that_is_not_of_a_camera_is_no_camera(station, tmp_path, text):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.png").write_bytes(encode_png(LEVELS, {CAMERA_TEXT: text}))
    inspect(tmp_path / "p", tmp_path / "out", "--no-plots", "--quiet")
    assert json.loads((tmp_path / "out" / "a_result.json").read_text())["image"]["camera"] is None
    assert len(pd.read_csv(tmp_path / "out" / "summary_report.csv")) == 1


# --- the whole chain


def test_from_the_target_to_the_diameter_of_a_fiber_every_picture_is_the_cameras(station, tmp_path, capsys):
    um_per_px = (FACE.um_per_px_x, FACE.um_per_px_y)
    grid = np.rint(255 * dot_grid(Shot(um_per_px, 7.0, FACE.shape, noise=0.01))).astype(np.uint8)
    scale = tmp_path / "station" / "calibration.json"
    scale.parent.mkdir()
    words = ["--camera", "--dots-um=10", f"--output={scale}", station(written(tmp_path / "grid.png", grid))]
    assert calibrate.main(words) == 0
    document = json.loads(scale.read_text(encoding="utf-8"))
    assert document["camera"] == f"Emulation {SERIAL}"
    assert (scale.parent / document["pictures"][0]["file"]).exists()

    (tmp_path / "face.png").write_bytes(face_png())
    out = tmp_path / "out"
    words = ["inspect", "--camera", f"--output-dir={out}", f"--calibration={scale}", "--no-plots", IN_THIS_PROCESS]
    assert main([*words, "--fiber-class=multimode", "--quiet", station(tmp_path / "face.png")]) == 0
    (path,) = out.glob("*_result.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["scale"]["source"] == "calibration"
    assert record["geometry"]["cladding_diameter_um"] == pytest.approx(125, rel=0.005)
    assert record["verdict"]["status"] == "PASS"


@pytest.mark.parametrize(("camera_name", "used"), [(f"Emulation {SERIAL}", True), ("Emulation 0815-0001", False)])
def test_a_calibration_of_another_camera_is_not_used(station, tmp_path, camera_name, used):
    grid = tmp_path / "grid.png"
    cv2.imwrite(str(grid), np.rint(255 * dot_grid(Shot((0.85, 0.85), shape=FACE.shape))))
    scale = tmp_path / "calibration.json"
    named = ["--image", str(grid), "--dots-um=10", f"--output={scale}", f"--camera-name={camera_name}", station(None)]
    assert calibrate.main(named) == 0
    (tmp_path / "face.png").write_bytes(face_png())
    words = [f"--output-dir={tmp_path / 'out'}", f"--calibration={scale}", "--no-plots", "--quiet", IN_THIS_PROCESS]
    main(["inspect", "--camera", *words, "--fiber-class=multimode", station(tmp_path / "face.png")])
    (path,) = (tmp_path / "out").glob("*_result.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert (record["scale"] is not None) == used
    assert any("made with camera" in warning for warning in record["quality"]["warnings"]) != used


def test_without_a_camera_nothing_is_calibrated(tmp_path, capsys, station, monkeypatch):
    monkeypatch.setattr(camera, "_devices", tuple)
    output = tmp_path / "calibration.json"
    assert calibrate.main(["--camera", "--dots-um=10", f"--output={output}", station(None)]) == 2
    assert "calibration.py: no camera" in capsys.readouterr().err
    assert not output.exists()
