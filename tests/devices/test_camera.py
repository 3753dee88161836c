"""The camera, driven as a real one: pylon's own emulator plays pictures through the code that drives a Basler camera.

Where the emulator cannot do what a camera does, a test puts a stand-in in the way of one call, and says so.
"""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dscope_blink.config.settings import CameraSettings
from dscope_blink.devices import camera
from dscope_blink.devices.camera import CameraError, GrabFailed, list_cameras, open_camera
from tests.builders.emulator import SERIAL, emulated, written
from tests.builders.settings import ROOT

RNG = np.random.default_rng(5)
NOISE = RNG.integers(0, 256, (40, 61), np.uint8)  # every grey level, sides that are no multiple of 4
OTHER = RNG.integers(0, 256, (40, 61), np.uint8)

pytestmark = pytest.mark.usefixtures("found_once")


@pytest.fixture
def playing(tmp_path) -> CameraSettings:
    return emulated(written(tmp_path / "noise.png", NOISE))


@pytest.fixture
def folder(tmp_path) -> CameraSettings:
    """Settings of a camera that shows two pictures in turn."""
    written(tmp_path / "both" / "a.png", NOISE)
    written(tmp_path / "both" / "b.png", OTHER)
    return emulated(tmp_path / "both")


def node(opened: camera.Camera, name: str):
    return opened._device.GetNodeMap().GetNode(name)


def damage(opened: camera.Camera, frames: int) -> None:
    """Let the emulator damage the next frames."""
    node(opened, "ForceFailedBufferCount").SetValue(frames)
    node(opened, "ForceFailedBuffer").Execute()


def one_line(caught) -> str:
    (line,) = str(caught.value).splitlines()
    assert "Exception" not in line
    return line


# --- pictures


def test_a_picture_comes_as_it_was_played_bit_for_bit(playing):
    with open_camera(playing) as opened:
        frame = opened.grab(1)
    assert frame.picture.dtype == np.uint8
    np.testing.assert_array_equal(frame.picture, NOISE)


def test_a_picture_larger_than_the_emulators_own_is_not_cut(tmp_path):
    large = RNG.integers(0, 256, (1200, 1300), np.uint8)
    with open_camera(emulated(written(tmp_path / "large.png", large))) as opened:
        np.testing.assert_array_equal(opened.grab(1).picture, large)


def test_twelve_bits_come_as_twelve_bits(tmp_path):
    levels = RNG.integers(0, 4096, (40, 61)).astype(np.uint16)
    settings = emulated(written(tmp_path / "levels.png", levels * 16), pixel_format="Mono12")
    with open_camera(settings) as opened:
        frame, mean = opened.grab(1), opened.mean_level(2)
    assert frame.picture.dtype == np.uint16
    assert frame.settings.pixel_format == "Mono12"
    np.testing.assert_array_equal(frame.picture, levels)
    np.testing.assert_allclose(mean, levels / 4095, atol=1e-6)


def test_the_mean_of_two_frames_is_that_of_both_rounded(folder):
    with open_camera(folder) as opened:
        frame, level = opened.grab(2), opened.mean_level(2)
    mean = (NOISE.astype(float) + OTHER) / 2
    np.testing.assert_array_equal(frame.picture, np.rint(mean))
    np.testing.assert_allclose(level, mean / 255, atol=1e-6)
    assert frame.settings.frames_averaged == 2


def test_pictures_come_one_after_the_other_without_end(folder):
    with open_camera(folder) as opened:
        pictures = [frame.picture for frame in itertools.islice(opened.frames(1), 5)]
        assert opened.grab(1).picture.shape == NOISE.shape  # the camera is free again
    assert all(any(np.array_equal(picture, shown) for shown in (NOISE, OTHER)) for picture in pictures)


def test_a_picture_cannot_be_changed(playing):
    with open_camera(playing) as opened:
        picture = opened.grab(1).picture
    with pytest.raises(ValueError, match="read-only"):
        picture[0, 0] = 1


# --- settings


def test_the_settings_are_those_asked_for_and_automatic_ones_are_off(playing):
    with open_camera(replace(playing, exposure_us=2500.0, gain=6.0, gamma=0.5)) as opened:
        read = opened.grab(3).settings
        off = [node(opened, name).GetValue() for name in ("ExposureAuto", "GainAuto", "TriggerMode")]
    assert (read.model, read.serial, read.pixel_format) == ("Emulation", SERIAL, "Mono8")
    assert (read.exposure_us, read.gamma, read.frames_averaged) == (2500.0, 0.5, 3)
    assert read.gain == pytest.approx(6.0, abs=0.05)
    assert off == ["Off"] * 3


def test_no_gain_is_the_lowest_gain(playing):
    with open_camera(playing) as opened:
        assert opened.reading(1).gain == node(opened, "Gain").GetMin()


def test_what_the_camera_rounds_is_recorded_as_it_is(playing, caplog):
    with open_camera(replace(playing, exposure_us=1234.4)) as opened:
        assert opened.reading(1).exposure_us == 1234.0
    assert caplog.text == ""


def test_what_the_camera_rounds_far_off_is_warned_of(playing, caplog):
    with open_camera(replace(playing, exposure_us=1.4)) as opened:
        assert opened.reading(1).exposure_us == 1.0
    assert "ExposureTime is 1, 1.4 was asked for" in caplog.text


def test_what_the_camera_refuses_is_named_with_what_it_takes(playing):
    with pytest.raises(CameraError) as caught, open_camera(replace(playing, exposure_us=0.2)):
        pass
    assert "0815-0000 refuses ExposureTime = 0.2, it takes 1 to 1e+07" in one_line(caught)


@pytest.mark.parametrize("older", [1, 2])
def test_an_older_camera_is_set_by_the_names_it_has(playing, monkeypatch, older):
    """The emulator has the names of the standard and older ones; those of the standard are withheld here."""
    monkeypatch.setattr(camera, "EXPOSURE", camera.EXPOSURE[older:])
    monkeypatch.setattr(camera, "GAIN", camera.GAIN[older:])
    with open_camera(replace(playing, exposure_us=3000.0)) as opened:
        read = opened.reading(1)
        assert node(opened, camera.EXPOSURE[0]).GetValue() == 3000
        assert node(opened, "GainRaw").GetValue() == node(opened, "GainRaw").GetMin() == read.gain
    assert read.exposure_us == 3000.0


def test_a_setting_that_the_camera_lacks_is_passed_over(playing, monkeypatch):
    monkeypatch.setattr(camera, "GAMMA", ("NoSuchSetting",))
    monkeypatch.setattr(camera, "CHOICES", (("NoSuchSetting", "Off"),))
    with open_camera(playing) as opened:
        assert opened.grab(1).settings.gamma is None


def test_a_colour_camera_without_twelve_bits_takes_eight_and_says_so(playing, caplog):
    """The emulator has Mono12, so a format that it lacks stands for it."""
    with open_camera(replace(playing, pixel_format="Mono12p")) as opened:
        assert opened.reading(1).pixel_format == "Mono8"
    assert "has no PixelFormat Mono12p: it takes Mono8" in caplog.text


def test_a_camera_without_any_format_of_ours_is_refused_with_what_it_has(playing, monkeypatch):
    monkeypatch.setattr(camera, "FALLBACK_FORMAT", "Mono9")
    with pytest.raises(CameraError) as caught, open_camera(replace(playing, pixel_format="Mono7")):
        pass
    assert "has no PixelFormat Mono7 or Mono9, only Mono8, Mono10" in one_line(caught)


def test_settings_are_stored_in_the_camera_and_it_starts_with_them(playing, monkeypatch):
    """The emulator has no user sets that can be written: one selector and one command of its own stand for them."""
    executed = []
    monkeypatch.setattr(camera._Nodes, "execute", lambda nodes, name: executed.append(name))
    monkeypatch.setattr(camera, "DEFAULT_USER_SET", ("UserSetDefault", "UserSetSelector"))
    with open_camera(playing) as opened:
        opened.save_user_set("Default")
    assert executed == ["UserSetSave"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("UserSet1", "refuses UserSetSelector = UserSet1"), ("Default", "it has no command UserSetSave")],
)
def test_a_camera_that_cannot_store_its_settings_says_so(playing, name, reason):
    with open_camera(playing) as opened, pytest.raises(CameraError) as caught:
        opened.save_user_set(name)
    assert reason in one_line(caught)


# --- what goes wrong


def test_damaged_frames_are_taken_again(playing):
    with open_camera(replace(playing, retries=3)) as opened:
        damage(opened, 3)
        np.testing.assert_array_equal(opened.grab(2).picture, NOISE)


def test_frames_that_stay_damaged_end_it_after_so_many_tries(playing):
    with open_camera(replace(playing, retries=3)) as opened:
        damage(opened, 5)
        with pytest.raises(GrabFailed) as caught:
            opened.grab(1)
        assert node(opened, "ForcedFailedBuffersRemaining").GetValue() < 5
    assert "0815-0000: 4 frames in a row were damaged: The buffer was incompletely grabbed." in one_line(caught)


def test_a_picture_file_that_cannot_be_played_is_named(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"")
    with open_camera(emulated(tmp_path / "broken.png")) as opened, pytest.raises(GrabFailed) as caught:
        opened.grab(1)
    assert "broken.png" in one_line(caught)


def test_a_frame_that_does_not_come_in_time_is_told(playing):
    with open_camera(replace(playing, timeout_ms=50)) as opened:
        node(opened, "TriggerSource").SetValue("Line1")  # a line that nothing is connected to
        node(opened, "TriggerMode").SetValue("On")
        with pytest.raises(GrabFailed) as caught:
            opened.grab(1)
    assert "no frame within 50 ms" in one_line(caught)


def test_a_camera_that_is_disconnected_while_it_takes_pictures_is_told(playing):
    """The emulator reports that it was removed and goes on; its frames are damaged for it."""
    with open_camera(playing) as opened:
        pictures = opened.frames(1)
        next(pictures)
        damage(opened, 1000)
        node(opened, "FirePnPCallback").Execute()
        with pytest.raises(GrabFailed) as caught:
            list(pictures)
    assert "disconnected while it took pictures" in one_line(caught)


def test_a_camera_that_was_disconnected_before_gives_one_line(playing):
    with open_camera(playing) as opened:
        node(opened, "FirePnPCallback").Execute()
        with pytest.raises(GrabFailed) as caught:
            opened.grab(1)
    assert "0815-0000: The camera device has been physically removed" in one_line(caught)


def test_a_wrong_serial_number_names_those_there_are(playing):
    with pytest.raises(CameraError) as caught, open_camera(replace(playing, serial="40012345")):
        pass
    assert "no camera has the serial number 40012345; there is" in one_line(caught)
    assert f"Emulation {SERIAL}" in one_line(caught)


@pytest.mark.parametrize(
    "answer",
    [
        "The device is controlled by another application. Err: (0xE1018006) : RuntimeException thrown (file 'a.cpp')",
        "Error: 'Device is exclusively opened by another client.' : RuntimeException thrown (file 'b.cpp', line 1)",
    ],
)
def test_a_camera_in_use_is_told(playing, monkeypatch, answer):
    """The emulator can be opened twice: the answers of GigE and USB cameras stand in for it."""
    from pypylon import genicam, pylon

    def in_use(_device):
        raise genicam.RuntimeException(answer)

    monkeypatch.setattr(pylon.InstantCamera, "Open", in_use)
    with pytest.raises(CameraError) as caught, open_camera(playing):
        pass
    assert one_line(caught) == f"camera Emulation {SERIAL}: another program has it open"


def test_files_to_play_are_refused_by_a_real_camera(playing, monkeypatch):
    """The emulator is made to lack what tells it from a real camera."""
    has = camera._Nodes.has
    monkeypatch.setattr(camera._Nodes, "has", lambda nodes, name: name != "ImageFilename" and has(nodes, name))
    with pytest.raises(CameraError) as caught, open_camera(playing):
        pass
    assert "camera.play_files is for pylon's emulator" in one_line(caught)


def test_files_to_play_that_are_absent_are_named(tmp_path):
    with pytest.raises(CameraError) as caught, open_camera(emulated(tmp_path / "none.png")):
        pass
    assert "none.png" in one_line(caught)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_the_camera_is_closed_whatever_happens(playing, error):
    seen: list[Any] = []
    with contextlib.suppress(error), open_camera(playing) as opened:
        seen += [opened, pictures := opened.frames(1)]
        next(pictures)
        raise error
    assert not seen[0]._device.IsGrabbing()
    assert not seen[0]._device.IsOpen()
    seen[1].close()  # what was left open finds the camera closed


def test_a_camera_that_refuses_a_setting_is_closed(playing, monkeypatch):
    from pypylon import pylon

    devices = []

    def remembered(device):
        devices.append(device)
        return plain(device)

    plain = pylon.InstantCamera.Open
    monkeypatch.setattr(pylon.InstantCamera, "Open", remembered)
    with pytest.raises(CameraError, match="refuses"), open_camera(replace(playing, exposure_us=0.2)):
        pass
    assert [device.IsOpen() for device in devices] == [False]


# --- which cameras there are


def test_the_cameras_are_listed_by_model_and_serial_number(monkeypatch):
    monkeypatch.undo()
    assert ("Emulation", SERIAL) in [(found.model, found.serial) for found in list_cameras()]


OPENED = """
import os, sys
from tests.builders.emulator import emulated
{}
from dscope_blink.devices import camera
try:
    with camera.open_camera(emulated()):
        pass
except camera.CameraError as error:
    print(error)
"""


def said_when(prepared: str) -> str:
    """What another Python says: pylon is loaded, and reads the environment, only once in a process."""
    command = [sys.executable, "-c", OPENED.format(prepared)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def test_no_camera_is_one_line():
    assert said_when("os.environ['PYLON_CAMEMU'] = '0'").startswith("no camera: none is connected")


def test_an_absent_pypylon_is_one_line():
    """Its import is blocked: it is installed here."""
    said = said_when("sys.modules['pypylon'] = None")
    assert said.startswith("no camera can be used: pypylon is not installed or does not load")
