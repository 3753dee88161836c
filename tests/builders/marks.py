"""Marks drawn with known size on a located face, and what is measured of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from dscope_blink.analysis.measuring import LocatedFace, measure
from dscope_blink.records import (
    Candidate,
    CoreFit,
    Defect,
    Ellipse,
    Mask,
    Residual,
    Scale,
    ZoneOutline,
)
from tests.builders.faces import asked, face_with
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("deep_inspection")
SHAPE = (240, 300)
CENTER = (150.0, 120.0)
RADIUS_PX = 110.0
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float64)
EVIDENCE = {"do2mr": 1.0, "lei": 1.0}
ONE_ZONE = (ZoneOutline("B", Ellipse(CENTER, (2000.0, 2000.0), 0.0)),)


def disc(radius: float, at: tuple[float, float] = CENTER, um_per_px: tuple[float, float] = (1.0, 1.0)) -> Mask:
    """Pixels whose centres lie in a disc; with `um_per_px` its radius is in micrometres."""
    return np.asarray(np.hypot((X - at[0]) * um_per_px[0], (Y - at[1]) * um_per_px[1]) <= radius)


def bar(
    length: float,
    width: float,
    angle_deg: float,
    at: tuple[float, float] = CENTER,
    um_per_px: tuple[float, float] = (1.0, 1.0),
) -> Mask:
    """Pixels whose centres lie in a straight bar; with `um_per_px` its sizes are in micrometres."""
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    x, y = (X - at[0]) * um_per_px[0], (Y - at[1]) * um_per_px[1]
    return (np.abs(c * x + s * y) <= length / 2) & (np.abs(c * y - s * x) <= width / 2)


def zigzag(steps: int, step: float, width: float, half_angle_deg: float) -> Mask:
    """Pixels near a line that turns to either side at every step."""
    turns = np.radians(half_angle_deg) * np.where(np.arange(steps) % 2, 1, -1)
    corners = np.cumsum([[0.0, 0.0], *(step * np.stack([np.cos(turns), np.sin(turns)], axis=1))], axis=0)
    corners += np.array(CENTER) - corners.mean(axis=0)
    out = np.zeros(SHAPE, bool)
    for start, stop in itertools.pairwise(corners):
        along = np.clip(((X - start[0]) * (stop - start)[0] + (Y - start[1]) * (stop - start)[1]) / step**2, 0, 1)
        out |= np.hypot(X - start[0] - along * (stop - start)[0], Y - start[1] - along * (stop - start)[1]) <= width / 2
    return out


def candidate(mask: Mask, evidence: Mapping[str, float] = EVIDENCE, on_edge: bool = False) -> Candidate:
    """The candidate that these pixels are."""
    rows, columns = np.nonzero(mask)
    x, y, x2, y2 = int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())
    return Candidate((x, y, x2 - x + 1, y2 - y + 1), mask[y : y2 + 1, x : x2 + 1], evidence, on_edge)


def residual_of(
    signal: np.ndarray, origin: tuple[int, int] = (0, 0), pixel_px: tuple[float, float] = (1.0, 1.0)
) -> Residual:
    """A residual on an even background of half the range; `signal` is relative to it, on the whole picture."""
    window = np.s_[origin[1] :, origin[0] :]
    gray = (0.5 * signal[window]).astype(np.float32)
    dx, dy = (X - CENTER[0])[window], (Y - CENTER[1])[window]
    return Residual(
        origin_px=origin,
        pixel_px=pixel_px,
        gray=gray,
        snr=gray / np.float32(0.01),
        edge_snr=gray / np.float32(0.01),
        background=np.full_like(gray, 0.5),
        rho=(np.hypot(dx, dy) / RADIUS_PX).astype(np.float32),
        cladding_radius_px=RADIUS_PX,
        blur_px=CONFIG.residual.smooth_px,  # what is drawn is sharp
        inside=np.ones(gray.shape, bool),
    )


def face_around(
    zones: tuple[ZoneOutline, ...] = ONE_ZONE,
    scale: Scale | None = None,
    cladding_um: float | None = None,
    core: CoreFit | None = None,
    pixel_px: tuple[float, float] = (1.0, 1.0),
) -> LocatedFace:
    """A round fiber about the centre of the drawing, whose pixels are `pixel_px` pixels of the stored picture."""
    (fx, fy), (x, y) = pixel_px, CENTER
    center = ((x + 0.5) * fx - 0.5, (y + 0.5) * fy - 0.5)
    cladding = Ellipse(center, (2 * RADIUS_PX * fx, 2 * RADIUS_PX * fy), 0.0)
    return LocatedFace.of(face_with(cladding, core), zones, scale, asked(cladding_um), CONFIG.scale)


def measured(
    *masks: Mask,
    contrast: float = -0.4,
    on_edge: bool = False,
    origin: tuple[int, int] = (0, 0),
    pixel_px: tuple[float, float] = (1.0, 1.0),
    **face: Any,
) -> tuple[Defect, ...]:
    """The defects that even marks of these shapes make on the face of `face_around`."""
    field = residual_of(contrast * np.any(masks, axis=0), origin, pixel_px)
    candidates = [candidate(m, on_edge=on_edge) for m in masks]
    return measure(candidates, field, face_around(pixel_px=pixel_px, **face), CONFIG)


def one(mask: Mask, **how: Any) -> Defect:
    """The only defect that a mark of this shape makes."""
    (defect,) = measured(mask, **how)
    return defect
