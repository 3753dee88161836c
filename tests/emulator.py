"""Pylon's emulated camera, for the tests of everything that takes pictures.

Pylon reads PYLON_CAMEMU when it is first loaded, so this must be imported before; its serial number is asked for
everywhere, so that no test touches a real camera.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
from numpy.typing import NDArray

from records import CameraSettings

os.environ.setdefault("PYLON_CAMEMU", "1")
SERIAL = "0815-0000"
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
    from dataclasses import replace

    return replace(PLAIN, play_files=play_files, **changes)


def written(path: Path, picture: NDArray[Any]) -> Path:
    """The picture as a file, in a folder that is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)
    return path
