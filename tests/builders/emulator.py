"""Pylon's emulated camera, for the tests of everything that takes pictures.

Pylon reads PYLON_CAMEMU when it is first loaded, so this must be imported before; its serial number is asked for
everywhere, so that no test touches a real camera.
"""

from __future__ import annotations

import functools
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import CameraSettings
from dscope_blink.devices import camera
from dscope_blink.synthetic.faces import Illumination, shading
from tests.builders.pictures import FACE

os.environ["PYLON_CAMEMU"] = "1"
SERIAL = "0815-0000"
FOUND = functools.cache(camera._devices)  # looking for cameras in the network takes a quarter of a second
PLAIN = CameraSettings(
    serial=SERIAL,
    pixel_format="Mono8",
    exposure_us=10_000.0,
    gain=None,
    gamma=1.0,
    frames_averaged=1,
    timeout_ms=5000,
    retries=5,
    play_files=None,
)


def emulated(play_files: Path | None = None, **changes: Any) -> CameraSettings:
    """Settings of the emulated camera that plays these files, or its own test picture."""
    return replace(PLAIN, play_files=play_files, **changes)


def written(path: Path, picture: NDArray[Any]) -> Path:
    """The picture as a file, in a folder that is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)
    return path


def surface(level: float = 0.7, **light: Any) -> NDArray[np.uint8]:
    """An evenly reflecting surface in uneven light, as `Illumination` describes it; (H, W) uint8, as large as FACE."""
    factor = shading(replace(FACE, illumination=Illumination(**light)))
    return np.rint(np.clip(255 * level * factor, 0, 255)).astype(np.uint8)
