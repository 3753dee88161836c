"""Rendered faces in one frame, with the geometry that they were rendered with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dscope_blink.image_processing.face_frame import FaceFrame, face_frame
from dscope_blink.records import Ellipse, FiberGeometry, FloatImage
from dscope_blink.synthetic.faces import Blemish, FaceSpec, Illumination, render_face
from tests.builders.faces import face_with, measured_core

RADIUS_PX = 60
FACE = FaceSpec(
    shape=(451, 471),
    centre_px=(235.0, 225.0),
    um_per_px_x=0.7,
    um_per_px_y=0.7,
    core_offset_um=(0.8, -0.4),
    core_slope=8.0,
    illumination=Illumination((0.03, -0.02)),
    noise=1.0,
    ferrule_texture=0.8,
    bits=16,
)
SMOOTH = replace(FACE, noise=0.0, ferrule_texture=0.0)


def picture_of(spec: FaceSpec, seed: int = 1, blemishes: tuple[Blemish, ...] = ()) -> FloatImage:
    gray = render_face(spec, blemishes, np.random.default_rng(seed)).image / (65535 if spec.bits == 16 else 255)
    return gray.astype(np.float32)


def geometry_of(spec: FaceSpec) -> FiberGeometry:
    return face_with(spec.cladding_ellipse, measured_core(spec.core_ellipse))


def framed(spec: FaceSpec, **how: Any) -> tuple[FaceFrame, FiberGeometry]:
    geometry = geometry_of(spec)
    return face_frame(picture_of(spec, **how), geometry, RADIUS_PX), geometry


def turned(gray: FloatImage, geometry: FiberGeometry) -> tuple[FloatImage, FiberGeometry]:
    """A quarter turn against the clock, pixel for pixel."""
    assert geometry.core is not None
    width = gray.shape[1]

    def at(ellipse: Ellipse) -> Ellipse:
        x, y = ellipse.center_px
        return replace(ellipse, center_px=(y, width - 1 - x), angle_deg=(ellipse.angle_deg + 90) % 180)

    return np.rot90(gray).copy(), FiberGeometry(
        replace(geometry.cladding, ellipse=at(geometry.cladding.ellipse)),
        replace(geometry.core, ellipse=at(geometry.core.ellipse)),
    )
