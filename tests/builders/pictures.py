"""Small rendered end faces as files, for the tests of everything that handles files."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from dscope_blink.synthetic.faces import Blemish, FaceSpec, Scratch, render_face

UM_PER_PX = 0.85
LONG_AGO = 1e9  # s, in 2001
FACE = FaceSpec(shape=(300, 400), centre_px=(201.3, 148.2), um_per_px_x=UM_PER_PX, um_per_px_y=UM_PER_PX)
SCRATCH = Scratch(((-40.0, -20.0), (40.0, 25.0)), 5.0, -0.7)
MULTIMODE = ("--fiber-class=multimode", "--core-diameter-um=50", "--cladding-diameter-um=125")


@cache
def face_png(*blemishes: Blemish) -> bytes:
    """A multimode face of 50/125 um as PNG."""
    _, data = cv2.imencode(".png", render_face(FACE, blemishes, np.random.default_rng(0)).image)
    return data.tobytes()


@cache
def face_jpeg() -> bytes:
    """The clean face as JPEG."""
    _, data = cv2.imencode(".jpg", render_face(FACE, (), np.random.default_rng(0)).image)
    return data.tobytes()


@cache
def blank_png() -> bytes:
    """A small picture without a fiber: readable, and done with at once."""
    return cv2.imencode(".png", np.full((30, 40), 128, np.uint8))[1].tobytes()


def blanks(folder: Path, *names: str) -> Path:
    """A folder with the blank picture under each of these names."""
    return folder_of(folder, *names, data=blank_png())


def folder_of(folder: Path, *names: str, data: bytes | None = None) -> Path:
    """A folder with a picture, the clean face, under each of these names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(face_png() if data is None else data)
        os.utime(path, (LONG_AGO, LONG_AGO))  # what was just written would be waited for
    return folder
