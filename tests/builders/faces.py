"""Located fibers of known dimensions, and what is asked of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from dscope_blink.records import CoreFit, Ellipse, FiberGeometry, Request, Scale
from tests.builders.inspections import UNCERTAINTY, cladding_fit

pixel_sizes = st.tuples(st.floats(0.2, 2.0), st.floats(0.8, 1.25)).map(lambda v: (v[0] * v[1], v[0]))


def ellipse_in_px(
    diameter_um: float, um_per_px: tuple[float, float], stretch: float = 1.0, turn: float = 0.0
) -> Ellipse:
    """A circle of the face, lengthened by `stretch` along `turn` (degrees), as pixels of that size show it."""
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    shape = np.array([[c, -s], [s, c]]) @ np.diag([stretch, 1.0]) * diameter_um / np.array(um_per_px)[:, None]
    directions, axes, _ = np.linalg.svd(shape)
    angle = math.degrees(math.atan2(directions[1, 0], directions[0, 0])) % 180
    return Ellipse((300.0, 250.0), (float(axes[0]), float(axes[1])), angle)


def face_of(cladding_px: float, core: CoreFit | None = None) -> FiberGeometry:
    return face_with(Ellipse((300.0, 250.0), (cladding_px, cladding_px), 0.0), core)


def face_with(cladding: Ellipse, core: CoreFit | None = None) -> FiberGeometry:
    return FiberGeometry(cladding_fit(cladding), core)


def asked(cladding_um: float | None = 125.0, **others: Any) -> Request:
    return Request("iec_61300_3_35_2015", "multimode", cladding_diameter_um=cladding_um, **others)


def scale_of(um_per_px: tuple[float, float]) -> Scale:
    return Scale(um_per_px[0], um_per_px[1], "user_cladding")


def measured_core(ellipse: Ellipse) -> CoreFit:
    return CoreFit(ellipse, "measured", rms_px=0.1, support=0.9, standard_uncertainty=UNCERTAINTY)
