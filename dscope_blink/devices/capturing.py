"""Pictures of the camera as files: a series of them, and the flat field from those of a blank surface."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

import numpy as np

from dscope_blink.config.settings import CameraSettings, Config
from dscope_blink.devices.camera import Frame, open_camera
from dscope_blink.devices.flat_field import why_not_blank
from dscope_blink.files.camera_text import settings_text
from dscope_blink.files.decoding import encode_png
from dscope_blink.files.names import CAMERA, CAMERA_TEXT, CAPTURED
from dscope_blink.files.whole_files import write_file, writing
from dscope_blink.records import UserError

FULL_RANGE = 65535  # of the 16 bits in which a mean keeps more than the camera's grey levels


class NotBlank(UserError):
    """The camera shows no blank surface, or not in a light in which it can be a flat field; the message says why."""


@dataclass(frozen=True, slots=True)
class Series:
    """Pictures to be taken, and where they are stored."""

    settings: CameraSettings
    folder: Path
    count: int
    interval_s: float


@dataclass(frozen=True, slots=True)
class FlatField:
    """A flat field to be taken, and where it is stored."""

    config: Config
    path: Path

    @property
    def is_used(self) -> bool:
        """Whether it is the one that the configuration names."""
        named = self.config.preprocessing.flat_field_image
        return named is not None and named.resolve() == self.path.resolve()


def take_series(series: Series) -> Iterator[Path]:
    """Take pictures at equal intervals and store each, with the camera's settings beside it, before the next.

    Yields
    ------
    Path of each picture

    Raises
    ------
    CameraError : the camera cannot be opened; nothing was written
    GrabFailed : it gives no more pictures; those taken are kept
    WriteFailed : a picture cannot be stored
    """
    with open_camera(series.settings) as camera:
        start = time.monotonic()
        for number, frame in enumerate(islice(camera.frames(series.settings.frames_averaged), series.count), 1):
            path = new_picture(series.folder)
            store(frame, path)
            yield path
            if number < series.count:
                time.sleep(max(start + number * series.interval_s - time.monotonic(), 0))


def take_picture(settings: CameraSettings, path: Path) -> None:
    """Take one picture and store it; raises as `take_series` does."""
    with open_camera(settings) as camera:
        frame = camera.grab(settings.frames_averaged)
    store(frame, path)


def new_picture(folder: Path) -> Path:
    """A path in the folder that no file has, named by the time."""
    moment = f"{datetime.now():%Y%m%d_%H%M%S_%f}"
    path, number = folder / CAPTURED.format(moment), 1
    while path.exists():
        number += 1
        path = folder / CAPTURED.format(f"{moment}_{number}")
    return path


def store(frame: Frame, path: Path) -> None:
    """Write a picture as PNG, the camera's settings in it and in a JSON file beside it; WriteFailed if it cannot be."""
    with writing(path):
        write_file(path.with_name(path.stem + CAMERA), settings_text(frame.settings, indent=2).encode() + b"\n")
        write_file(path, encode_png(frame.picture, {CAMERA_TEXT: settings_text(frame.settings)}))


def take_flat_field(wanted: FlatField) -> None:
    """Average frames of a blank surface and store them as 16-bit PNG, with the camera's settings beside it.

    Raises
    ------
    CameraError : the camera cannot be opened
    GrabFailed : it gives no pictures
    NotBlank : what it shows is no flat field; nothing was written
    WriteFailed : the file cannot be written
    """
    config = wanted.config
    with open_camera(config.camera) as camera:
        light = camera.mean_level(config.flat_field.frames)
        settings = camera.reading(config.flat_field.frames)
    if reason := why_not_blank(light, config.preprocessing.saturation_level, config.flat_field):
        raise NotBlank(f"no flat field was written, the surface is {reason}")
    store(Frame(np.rint(light * FULL_RANGE).astype(np.uint16), settings), wanted.path)
