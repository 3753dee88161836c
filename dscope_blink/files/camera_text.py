"""The settings of a camera as the text that a stored picture carries."""

from __future__ import annotations

import json
from dataclasses import asdict

import msgspec

from dscope_blink.files.decoding import png_text
from dscope_blink.files.names import CAMERA_TEXT
from dscope_blink.records import CameraReading
from dscope_blink.records.json_reading import decode_json


def read_camera(text: str) -> CameraReading | None:
    """The settings of the camera from the text that a stored picture carries; None if it is of another kind."""
    try:
        return msgspec.convert(decode_json(text.encode()), CameraReading)
    except (ValueError, RecursionError):
        return None


def camera_of(data: bytes) -> CameraReading | None:
    """How a picture was taken, where the bytes of its file say so."""
    text = png_text(data, CAMERA_TEXT)
    return None if text is None else read_camera(text)


def settings_text(settings: CameraReading, indent: int | None = None) -> str:
    """The settings as JSON, in one line or indented."""
    return json.dumps(asdict(settings), indent=indent, allow_nan=False)
