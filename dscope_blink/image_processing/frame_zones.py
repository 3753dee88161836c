"""Core, cladding and ferrule of a face in the frame, clear of the edges between them, and what is alike around it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.image_processing.departures import ring_medians, ring_of
from dscope_blink.image_processing.face_frame import REACH, FaceFrame, radii_px
from dscope_blink.records import FiberGeometry, FloatImage, Mask
from dscope_blink.records.features import FeatureZone

ZONES: tuple[FeatureZone, ...] = ("core", "cladding", "ferrule")
EDGE = 0.05  # cladding radii on either side of an edge that belong to no zone: what it does is no matter of a texture
EDGE_OF_CORE = 0.3  # core radii, where that is less
CLEAR_PX = 6  # of what is not seen: the farthest neighbour that any texture looks at
LEAST_PX = 50  # of a zone, for its figures to mean anything


@dataclass(frozen=True, slots=True)
class FrameZones:
    """A face in the frame, zone by zone."""

    light: FloatImage  # (n, n) float32, what is not seen filled with its ring's median
    apart: FloatImage  # (n, n) float32, the same less the median of each ring
    masks: Mapping[str, Mask]  # (n, n) bool of ZONES; empty where a zone is hardly seen
    core_px: float | None  # radius of the core in the frame
    core_offset_px: float | None  # between the centres of core and cladding
    radius_px: int  # of the cladding
    seen: float  # share of the frame


def frame_zones(face: FaceFrame, geometry: FiberGeometry) -> FrameZones:
    """Share the frame out among its zones.

    Parameters
    ----------
    face : in the frame
    geometry : the fiber as located in the picture

    Returns
    -------
    FrameZones, without a core where none is known
    """
    core = _core(face, geometry)
    seen = np.isfinite(face.light)
    profile = ring_medians(face.light, face.radius_px)
    around = np.nan_to_num(profile, nan=1.0)[ring_of(face.radius_px)]
    light = np.where(seen, face.light, around)
    clear = _clear_of_unseen(seen)
    masks = {name: _enough(mask & clear) for name, mask in _masks(face.radius_px, core).items()}
    share = np.count_nonzero(seen) / np.count_nonzero(radii_px(face.radius_px) <= face.radius_px * REACH)
    size, offset = (None, None) if core is None else (core[2], math.hypot(core[0], core[1]))
    return FrameZones(light, light - around, masks, size, offset, face.radius_px, share)


def _core(face: FaceFrame, geometry: FiberGeometry) -> tuple[float, float, float] | None:
    """Its centre from the middle of the frame, and its radius."""
    if geometry.core is None:
        return None
    x, y = frame_point(face, geometry.core.ellipse.center_px)
    share = geometry.core.ellipse.area_diameter_px / geometry.cladding.ellipse.area_diameter_px
    return x, y, share * face.radius_px


def frame_point(face: FaceFrame, place_px: tuple[float, float]) -> tuple[float, float]:
    """Where a place of the picture lies in the frame, from its middle."""
    x, y = np.linalg.solve(face.to_picture[:, :2], np.asarray(place_px) - face.to_picture[:, 2]) - len(face.light) // 2
    return float(x), float(y)


def _masks(radius_px: int, core: tuple[float, float, float] | None) -> Mapping[str, Mask]:
    radii = radii_px(radius_px)
    edge = EDGE * radius_px
    cladding, ferrule = radii <= radius_px - edge, radii >= radius_px + edge
    if core is None:
        return {"core": np.zeros_like(cladding), "cladding": cladding, "ferrule": ferrule}
    x, y, size = core
    half = len(radii) // 2
    along = np.arange(-half, half + 1, dtype=np.float32)
    from_core = np.hypot(along - np.float32(x), along[:, None] - np.float32(y))
    return {
        "core": from_core <= size - min(edge, EDGE_OF_CORE * size),
        "cladding": cladding & (from_core >= size + edge),
        "ferrule": ferrule,
    }


def _clear_of_unseen(seen: Mask) -> Mask:
    kernel = np.ones((2 * CLEAR_PX + 1, 2 * CLEAR_PX + 1), np.uint8)
    return cv2.erode(seen.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0


def _enough(mask: Mask) -> Mask:
    return mask if np.count_nonzero(mask) >= LEAST_PX else np.zeros_like(mask)


@lru_cache(maxsize=4)
def outwards(radius_px: int) -> NDArray[np.float32]:
    """(2, n, n) x and y of the direction away from the middle of the frame; 0 in the middle."""
    half = len(radii_px(radius_px)) // 2
    along = np.arange(-half, half + 1, dtype=np.float32)
    radii = np.maximum(radii_px(radius_px), np.float32(1e-6))
    ways = np.stack([along / radii, along[:, None] / radii]).astype(np.float32)
    ways.flags.writeable = False
    return ways


BINS = 64
BRIGHTEST = 2.0  # times the median light: what is above counts into the last bin


def light_histograms(zones: FrameZones) -> FloatImage:
    """How the light of each zone is spread.

    Returns
    -------
    (n_zone, BINS) float32, shares of the pixels by light from 0 to BRIGHTEST; 0 of a zone that is not seen
    """
    found = np.zeros((len(ZONES), BINS), np.float32)
    for row, name in zip(found, ZONES, strict=True):
        values = zones.light[zones.masks[name]]
        if values.size:
            places = np.clip(values / BRIGHTEST * BINS, 0, BINS - 1).astype(np.intp)
            row[:] = np.bincount(places, minlength=BINS) / values.size
    return found
