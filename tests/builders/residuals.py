"""Rendered faces of every kind, and what is left of each beside the background by its true geometry."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from dscope_blink.files.decoding import to_gray
from dscope_blink.image_processing import background
from dscope_blink.image_processing.fiber_coordinates import working_picture
from dscope_blink.records import CoreFit, FiberGeometry
from dscope_blink.synthetic.faces import FaceSpec, Illumination, Ring, render_face
from tests.builders.inspections import cladding_fit
from tests.builders.settings import SETTINGS

CONFIGURATION = SETTINGS
CONFIG = CONFIGURATION.profile("deep_inspection")
REACH = 2.0
FACE = FaceSpec(shape=(300, 400), centre_px=(203.4, 146.7), um_per_px_x=0.6, um_per_px_y=0.6)
THIN = replace(FACE, cladding_diameter_um=440, core_diameter_um=400, um_per_px_x=2.1, um_per_px_y=2.1)
FACES = {
    "bright ferrule": FACE,
    "dark ferrule": replace(FACE, ferrule=35, cladding=70, core=110),
    "dark core": replace(FACE, core=60),
    "unlit core": replace(FACE, core=FACE.cladding),
    "rings": replace(FACE, rings=(Ring(36, 2, 5, -6), Ring(15, 1.5, -5)), core_slope=14, core_dip=-6),
    "halo and sharpening": replace(FACE, halo=20, dark_line=20, sharpening=0.5),
    "light from one side": replace(FACE, illumination=Illumination((0.05, -0.04), -0.05, 0.1, 15, 25, 2.5)),
    "elliptical": replace(FACE, axis_ratio=1.06, axis_angle_deg=35),
    "pixels that are not square": replace(FACE, um_per_px_x=0.64, um_per_px_y=0.587),
    "small core": replace(FACE, core_diameter_um=9),
    "core off centre": replace(FACE, core_offset_um=(3.0, -2.0)),
    "thin cladding": THIN,
    "noise": replace(FACE, noise=4),
    "texture": replace(FACE, ferrule_texture=1.2, core_speckle=0.8),
    "cut by the border": replace(FACE, centre_px=(90.0, 146.7)),
    "sixteen bits": replace(FACE, bits=16),
}
FRAMED = replace(FACE, um_per_px_x=0.64, um_per_px_y=0.587, frame_px=(8, 6, 10, 0))
every_face = pytest.mark.parametrize("spec", FACES.values(), ids=FACES)


@cache
def rendered(spec, *blemishes, seed=0):
    return render_face(spec, blemishes, np.random.default_rng(seed))


def gray_of(spec, *blemishes):
    return to_gray(rendered(spec, *blemishes).image)


def geometry_of(spec, core=True):
    """The true geometry of a face."""
    return FiberGeometry(cladding_fit(spec.cladding_ellipse), CoreFit(spec.core_ellipse, "measured") if core else None)


def unreduced(gray, geometry):
    return working_picture(gray, geometry, 1e6)


@cache
def field_of(spec, *blemishes):
    """The residual of a face by its true geometry."""
    picture = unreduced(gray_of(spec, *blemishes), geometry_of(spec))
    return background.residual(picture, REACH, CONFIG.residual)


def in_window(field, image):
    """The part of a picture that a residual covers."""
    (x, y), (h, w) = field.origin_px, field.snr.shape
    return image[y : y + h, x : x + w]
