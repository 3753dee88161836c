"""Calibration targets as small as their tests allow: finding one takes as long as it has pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from dscope_blink.calibration.target_scale import ScaleFit, Target
from dscope_blink.files.decoding import to_gray
from dscope_blink.records import FloatImage, TargetFeatures
from dscope_blink.synthetic.faces import FaceSpec, render_face
from dscope_blink.synthetic.targets import Shot

DOTS, TICKS, CLADDING = Target("dots", 10.0), Target("ticks", 10.0), Target("cladding", 125.0)


def small(um_per_px: tuple[float, float] = (0.5, 0.5), tilt_deg: float = 0.0, **changes: Any) -> Shot:
    """A shot of 320 x 240 px: at 20 px from one to the next it shows some 15 x 11 dots, or 16 ticks."""
    return Shot(um_per_px, tilt_deg, shape=(240, 320), **changes)


def fiber(um_per_px: tuple[float, float] = (0.4, 0.4)) -> FloatImage:
    """The end face of a fiber of 125 um on pixels of this size."""
    spec = FaceSpec(shape=(480, 640), centre_px=(321.4, 237.8), um_per_px_x=um_per_px[0], um_per_px_y=um_per_px[1])
    return to_gray(render_face(spec, (), np.random.default_rng(0)).image)


def fit_of(x: float, y: float, fit_pct: float = 0.01) -> ScaleFit:
    """A fit that came to these scales, without its features."""
    nothing = TargetFeatures(np.empty((0, 2)), np.empty((0, 2)), np.empty(0, bool))
    return ScaleFit(x, y, 100, 0.05, 1.0, False, fit_pct, fit_pct, 0.05, nothing)
