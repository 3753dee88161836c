"""Frames from a Basler camera, or from pylon's emulator of one; the only home of pypylon, imported when used.

With the environment variable `PYLON_CAMEMU=1`, set before the program starts, pylon offers an emulated camera, of the
serial number 0815-0000, and `camera.play_files` of the configuration lets it play picture files through this same code.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import CameraSettings
from dscope_blink.records import CameraReading, FloatImage, UserError

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]  # (H, W)

# One setting under the name of the standard (SFNC 2) and those of older cameras; the first that can be set is used.
EXPOSURE = ("ExposureTime", "ExposureTimeAbs", "ExposureTimeRaw")
GAIN = ("Gain", "GainAbs", "GainRaw")
GAMMA = ("Gamma",)
DEFAULT_USER_SET = ("UserSetDefault", "UserSetDefaultSelector")
# What would change from picture to picture, or bend the grey levels: a colour camera's sRGB is a gamma of about 0.4.
CHOICES = (
    ("AcquisitionMode", "Continuous"),
    ("TriggerSelector", "FrameStart"),
    ("TriggerMode", "Off"),
    ("ExposureMode", "Timed"),
    ("ExposureAuto", "Off"),
    ("GainAuto", "Off"),
    ("BalanceWhiteAuto", "Off"),
    ("BslColorSpace", "Off"),
    ("GammaSelector", "User"),
)
FALLBACK_FORMAT = "Mono8"  # colour cameras have no other monochrome format
WHITE = {"Mono8": 255, "Mono12": 4095}
ROUNDING = 0.01  # share of a setting by which a camera may round it without a warning
NO_CAMERA = "no camera: none is connected, or none has power and a network address"
IN_USE = re.compile(r"another (application|client)", re.IGNORECASE)  # what GigE and USB cameras answer
WHERE_THROWN = re.compile(r"(\s*:? *\w*Exception thrown|\(file ).*", re.DOTALL)

logger = logging.getLogger("dscope.camera")


class CameraError(UserError):
    """No camera can be used as it is asked for; one line says why."""


class GrabFailed(CameraError):
    """The camera was opened, and then gave no picture."""


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera that is connected."""

    model: str
    serial: str
    name: str  # that its user gave it, or empty

    def __str__(self) -> str:
        return f"{self.model} {self.serial}"


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture and the settings that the camera had."""

    picture: Pixels
    settings: CameraReading

    def __post_init__(self) -> None:
        picture = self.picture.view()
        picture.flags.writeable = False
        object.__setattr__(self, "picture", picture)


def list_cameras() -> tuple[CameraInfo, ...]:
    """The cameras that are connected, in pylon's order; CameraError where pypylon is absent."""
    return tuple(map(_info, _devices()))


@contextmanager
def open_camera(settings: CameraSettings) -> Iterator[Camera]:
    """A camera with these settings, closed again whatever happens.

    Parameters
    ----------
    settings : section `camera` of the configuration; without `serial` the first camera is taken

    Raises
    ------
    CameraError : pypylon is absent, there is no camera or none of that serial number, another program has it, or it
        refuses a setting
    """
    found = _find(settings.serial)
    info, pylon = _info(found), _pylon()
    with _explained(f"camera {info}"):
        device = pylon.InstantCamera(pylon.TlFactory.GetInstance().CreateDevice(found))
        device.Open()
    try:
        yield Camera(device, info, settings)
    finally:
        with suppress(_any_pylon_error()):  # a camera that was removed cannot be stopped
            device.StopGrabbing()
        with suppress(_any_pylon_error()):
            device.Close()


class Camera:
    """An open camera; made by `open_camera`."""

    def __init__(self, device: Any, info: CameraInfo, settings: CameraSettings) -> None:
        self.info = info
        self._device, self._settings = device, settings
        self._nodes = _Nodes(device, f"camera {info}")
        with _explained(f"camera {info}"):
            self._apply()

    def _apply(self) -> None:
        wanted, nodes = self._settings, self._nodes
        nodes.choose_first("PixelFormat", (wanted.pixel_format, FALLBACK_FORMAT))
        for name, value in CHOICES:
            if nodes.offers(name, value):
                nodes.choose(name, value)
        nodes.adjust(EXPOSURE, wanted.exposure_us)
        nodes.adjust(GAIN, wanted.gain)
        nodes.adjust(GAMMA, wanted.gamma)
        if wanted.play_files is not None:
            self._play(wanted.play_files)

    def _play(self, files: Path) -> None:
        """Let the emulator play a picture file, or those of a folder again and again in the order of their names."""
        if not self._nodes.has("ImageFilename"):
            raise CameraError(f"camera {self.info}: camera.play_files is for pylon's emulator, this is a real camera")
        if not files.exists():
            raise CameraError(f"camera.play_files: no such file or folder: {files}")
        for side in ("Width", "Height"):  # it cuts what is larger
            self._nodes.widen(side)
        self._nodes.choose("ImageFilename", str(files.absolute()))
        self._nodes.choose("ImageFileMode", "On")
        self._nodes.choose("TestImageSelector", "Off")

    def reading(self, frames_averaged: int) -> CameraReading:
        """The settings as the camera has them now."""
        nodes, info = self._nodes, self.info
        with _explained(f"camera {info}", GrabFailed):
            return CameraReading(
                model=info.model,
                serial=info.serial,
                name=info.name,
                pixel_format=nodes.text("PixelFormat"),
                exposure_us=nodes.number(EXPOSURE),
                gain=nodes.number(GAIN),
                gamma=nodes.number(GAMMA),
                frames_averaged=frames_averaged,
                taken=datetime.now().astimezone().isoformat(timespec="milliseconds"),
            )

    def grab(self, frames: int) -> Frame:
        """Take one picture.

        Parameters
        ----------
        frames : number of consecutive frames of which the picture is the mean, rounded

        Raises
        ------
        GrabFailed : no frame in time, too many damaged ones in a row, or the camera was removed
        """
        with self._grabbing("GrabStrategy_OneByOne"):
            return self._frame(frames)

    def frames(self, averaged: int) -> Generator[Frame]:
        """Take pictures without end, from the newest frame on however long the last one was worked with.

        Parameters
        ----------
        averaged : frames of which each picture is the mean, rounded

        Raises
        ------
        GrabFailed : as for `grab`
        """
        with self._grabbing("GrabStrategy_LatestImageOnly"):
            while True:
                yield self._frame(averaged)

    def mean_level(self, frames: int) -> FloatImage:
        """The mean of consecutive frames, not rounded to the camera's grey levels; (H, W) float32, 0..1.

        Raises
        ------
        GrabFailed : as for `grab`
        """
        white = WHITE[self.reading(frames).pixel_format]
        with self._grabbing("GrabStrategy_OneByOne"):
            mean, _ = self._mean(frames)
        return (mean / white).astype(np.float32)

    def save_user_set(self, name: str) -> None:
        """Store the settings in the camera, and let it start with them.

        Parameters
        ----------
        name : of the camera's user set, as UserSet1

        Raises
        ------
        CameraError : the camera has no such user set, or cannot store it
        """
        with _explained(f"camera {self.info}"):
            self._nodes.choose("UserSetSelector", name)
            self._nodes.execute("UserSetSave")
            self._nodes.choose(self._nodes.first_of(DEFAULT_USER_SET), name)

    @contextmanager
    def _grabbing(self, strategy: str) -> Iterator[None]:
        with _explained(f"camera {self.info}", GrabFailed):
            self._device.StartGrabbing(getattr(_pylon(), strategy))
        try:
            yield
        finally:
            with suppress(_any_pylon_error()):
                self._device.StopGrabbing()

    def _frame(self, frames: int) -> Frame:
        mean, kind = self._mean(frames)
        return Frame(np.rint(mean).astype(kind), self.reading(frames))

    def _mean(self, frames: int) -> tuple[NDArray[np.float64], np.dtype[Any]]:
        first = self._next()
        total = first.astype(np.float64)
        for _ in range(frames - 1):
            total += self._next()
        return total / frames, first.dtype

    def _next(self) -> Pixels:
        """The next frame that is whole; a network may lose a part of one, and then the next is as good."""
        reason = ""
        for _ in range(self._settings.retries + 1):
            with self._retrieved() as result:
                if result.GrabSucceeded() and (picture := result.GetArray()).size:
                    return picture
                reason = result.ErrorDescription or "the frame is empty"
            self._check_still_there()
        raise GrabFailed(f"camera {self.info}: {self._settings.retries + 1} frames in a row were damaged: {reason}")

    @contextmanager
    def _retrieved(self) -> Iterator[Any]:
        timeout_ms = self._settings.timeout_ms
        with _explained(f"camera {self.info}", GrabFailed):
            result = self._device.RetrieveResult(timeout_ms, _pylon().TimeoutHandling_Return)
        try:
            if not result.IsValid():
                self._check_still_there()
                raise GrabFailed(f"camera {self.info}: no frame within {timeout_ms} ms (camera.timeout_ms)")
            yield result
        finally:
            result.Release()

    def _check_still_there(self) -> None:
        if self._device.IsCameraDeviceRemoved():
            raise GrabFailed(f"camera {self.info}: it was disconnected while it took pictures")


class _Nodes:
    """The settings of an open camera by name."""

    def __init__(self, device: Any, camera: str) -> None:
        self._map, self._camera = device.GetNodeMap(), camera

    def _node(self, name: str) -> Any:
        try:
            return self._map.GetNode(name)
        except _genicam().LogicalErrorException:  # of an absent one by pypylon 4; later ones return a placeholder
            return None

    def has(self, name: str) -> bool:
        """Whether the camera has it and it can be set."""
        node = self._node(name)
        return node is not None and bool(_genicam().IsWritable(node))

    def offers(self, name: str, value: str) -> bool:
        """Whether it is a choice that has this value."""
        return self.has(name) and bool(_genicam().IsAvailable(self._node(name).GetEntryByName(value)))

    def first_of(self, names: tuple[str, ...]) -> str:
        """The first name that can be set, the first of all if none can."""
        return next(filter(self.has, names), names[0])

    def choose(self, name: str, value: str) -> None:
        """Set a word; CameraError if the camera has no such setting or refuses it."""
        if not self.has(name):
            raise CameraError(f"{self._camera}: it has no setting {name} that can be changed")
        with _explained(f"{self._camera} refuses {name} = {value}"):
            self._node(name).SetValue(value)
        if (kept := self.text(name)) != value:
            raise CameraError(f"{self._camera} refuses {name} = {value}: it stays at {kept}")

    def choose_first(self, name: str, values: tuple[str, ...]) -> None:
        """Set the first of these words that the camera has."""
        value = next((value for value in values if self.offers(name, value)), None)
        if value is None:
            there = ", ".join(self._node(name).GetSymbolics() if self.has(name) else ("none that can be changed",))
            raise CameraError(f"{self._camera} has no {name} {' or '.join(values)}, only {there}")
        if value != values[0]:
            logger.warning("%s has no %s %s: it takes %s", self._camera, name, values[0], value)
        self.choose(name, value)

    def adjust(self, names: tuple[str, ...], value: float | None) -> None:
        """Set a number under the first name that the camera has, None the lowest there is; the camera may round it."""
        name = self.first_of(names)
        if not self.has(name):
            return
        node = self._node(name)
        asked = node.GetMin() if value is None else value
        with _explained(f"{self._camera} refuses {name} = {asked:g}, it takes {node.GetMin():g} to {node.GetMax():g}"):
            node.SetValue(round(asked) if isinstance(node.GetValue(), int) else float(asked))
        if abs(node.GetValue() - asked) > ROUNDING * abs(asked):
            logger.warning("%s: %s is %g, %g was asked for", self._camera, name, node.GetValue(), asked)

    def widen(self, name: str) -> None:
        node = self._node(name)
        node.SetValue(node.GetMax())

    def execute(self, name: str) -> None:
        if not self.has(name):
            raise CameraError(f"{self._camera}: it has no command {name}")
        with _explained(f"{self._camera} refuses {name}"):
            self._node(name).Execute()

    def text(self, name: str) -> str:
        return str(self._node(name).GetValue())

    def number(self, names: tuple[str, ...]) -> float | None:
        """None where the camera has no such setting."""
        readable = _genicam().IsReadable
        there = (node for node in map(self._node, names) if node is not None and readable(node))
        node = next(there, None)
        return None if node is None else float(node.GetValue())


# --- pylon ------------------------------------------------------------------------------------------------------------


def _pylon() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it has some, and crashes the interpreter where they are errors
            from pypylon import pylon
    except ImportError as error:
        raise CameraError(f"no camera can be used: pypylon is not installed or does not load ({error})") from None
    return pylon


def _genicam() -> Any:
    _pylon()
    from pypylon import genicam

    return genicam


def _any_pylon_error() -> type[Exception]:
    kind: type[Exception] = _genicam().GenericException
    return kind


@contextmanager
def _explained(what: str, kind: type[CameraError] = CameraError) -> Iterator[None]:
    """Turn an error of pylon's into one line of ours."""
    try:
        yield
    except _any_pylon_error() as error:
        text = " ".join(WHERE_THROWN.sub("", str(error)).split())
        reason = "another program has it open" if IN_USE.search(text) else text
        raise kind(f"{what}: {reason}") from None


def _devices() -> tuple[Any, ...]:
    pylon = _pylon()
    with _explained("the cameras cannot be listed"):
        return tuple(pylon.TlFactory.GetInstance().EnumerateDevices())


def _info(device: Any) -> CameraInfo:
    return CameraInfo(device.GetModelName(), device.GetSerialNumber(), device.GetUserDefinedName())


def _find(serial: str | None) -> Any:
    devices = _devices()
    if not devices:
        raise CameraError(NO_CAMERA)
    fitting = (device for device in devices if serial in (None, device.GetSerialNumber()))
    if (device := next(fitting, None)) is None:
        there = ", ".join(str(_info(device)) for device in devices)
        raise CameraError(f"no camera has the serial number {serial}; there is {there}")
    return device
