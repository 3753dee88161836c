"""Where the core of a face lies beside that of the archetype, so that its edge is compared with the edge it is.

A core lies a little otherwise in every fiber. At its edge that is much light: without this step the edge is where good
faces depart most, and the limits that it sets hide marks everywhere else. How far the core lies off is judged apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.image_processing.face_frame import radii_px
from dscope_blink.image_processing.robust_fit import robust_fit
from dscope_blink.records import FloatImage

BAND_PX = 8.0  # of the frame, on either side of an edge: what belongs to it
LEAST_SHARE, MOST_SHARE = 0.1, 0.9  # of the cladding radius, between which the edge of the core is looked for
MOST_PX = 2.0  # what is farther off is no matter of comparing edges: its places depart
LEAST_STEP = 0.01  # per px of the frame, of light: a fainter edge does not say where it lies
LEAST_SEEN = 0.5  # of the edge
ROUNDS = 3
WAYS = (cv2.INTER_CUBIC, cv2.INTER_NEAREST)
MOVING, STILL = 0.88, 0.97  # of the cladding radius: up to the first all goes with the core, beyond the second nothing


@dataclass(frozen=True, slots=True)
class CoreShift:
    """How far the core lies off, in pixels of the frame."""

    x_px: float = 0.0
    y_px: float = 0.0

    @property
    def size_px(self) -> float:
        """Whatever the direction."""
        return float(np.hypot(self.x_px, self.y_px))


def core_edge_px(profile: FloatImage, radius_px: int) -> int:
    """Radius at which the light of the archetype changes most inside the cladding: its core ends there, if it is seen.

    Parameters
    ----------
    profile : (n_radius,) float32 of the archetype
    radius_px : of the cladding
    """
    low, high = round(LEAST_SHARE * radius_px), round(MOST_SHARE * radius_px)
    steps = np.abs(np.gradient(without_gaps(profile)))[low:high]
    return low + int(np.argmax(steps))


def without_gaps(profile: FloatImage) -> FloatImage:
    """(n_radius,) float32, straight between the rings that are seen, 0 beyond: where rings are left out is no step."""
    seen = np.flatnonzero(np.isfinite(profile))
    if not seen.size:
        return np.zeros_like(profile)
    return np.interp(np.arange(len(profile)), seen, profile[seen], right=0).astype(np.float32)


def core_shift(light: FloatImage, normal: FloatImage, profile: FloatImage, radius_px: int) -> CoreShift:
    """Find where the core lies, by what its edge departs in; marks on the edge do not pull.

    Parameters
    ----------
    light : (n, n) float32, a face in the frame
    normal : (n, n) float32, the archetype, as bright as the face
    profile : (n_radius,) float32, its light around the fiber
    radius_px : of the cladding
    """
    edge = core_edge_px(profile, radius_px)
    slope = np.gradient(without_gaps(profile)).astype(np.float32)
    if abs(slope[edge]) < LEAST_STEP or not _is_seen(light, edge, radius_px):
        return CoreShift()
    band = np.flatnonzero(np.abs(radii_px(radius_px).ravel() - edge) <= BAND_PX)
    basis, found = _edge_basis(band, slope, radius_px), CoreShift()
    for _ in range(ROUNDS):
        apart = (light - moved(normal, found, radius_px)).ravel()[band]
        seen = np.isfinite(apart)
        if np.count_nonzero(seen) < len(band) / 2:
            return CoreShift()
        step = robust_fit(basis[seen], apart[seen])
        found = _at_most(CoreShift(found.x_px - float(step[0]), found.y_px - float(step[1])))
    return found


def _is_seen(light: FloatImage, edge: int, radius_px: int) -> bool:
    """Whether half of the edge is: it may be left out, or lie under dirt."""
    ring = light[np.abs(radii_px(radius_px) - edge) <= 1]
    return bool(np.isfinite(ring).mean() >= LEAST_SEEN)


def _edge_basis(band: NDArray[np.intp], slope: FloatImage, radius_px: int) -> FloatImage:
    """(n, 7) what a core that lies off, light that falls off, and another level and blur of the edge look like."""
    radii = radii_px(radius_px).ravel()[band]
    side = len(radii_px(radius_px))
    x, y = (band % side - side // 2) / np.maximum(radii, 1), (band // side - side // 2) / np.maximum(radii, 1)
    along = np.arange(len(slope))
    steep, bend = np.interp(radii, along, slope), np.interp(radii, along, np.gradient(slope))
    return np.stack([steep * x, steep * y, x, y, np.ones_like(x), steep, bend], axis=1).astype(np.float32)


def _at_most(shift: CoreShift) -> CoreShift:
    share = min(1.0, MOST_PX / max(shift.size_px, 1e-6))
    return CoreShift(shift.x_px * share, shift.y_px * share)


def moved(normal: FloatImage, shift: CoreShift, radius_px: int) -> FloatImage:
    """(n, n) float32, the archetype with its core where the face has it; outside of the cladding nothing moves.

    Parameters
    ----------
    normal : (n, n) float32
    shift : of the core
    radius_px : of the cladding
    """
    if shift.size_px == 0:
        return normal
    x, y, share = _grid(radius_px)
    x, y = x - share * np.float32(shift.x_px), y - share * np.float32(shift.y_px)
    smooth, nearest = (cv2.remap(normal, x, y, way, borderMode=cv2.BORDER_REPLICATE) for way in WAYS)
    return np.where(np.isfinite(smooth), smooth, nearest)  # beside what is not seen


@lru_cache(maxsize=4)
def _grid(radius_px: int) -> tuple[FloatImage, FloatImage, FloatImage]:
    """Places of the frame, and how much of the shift each has: rings go with the core, the edge of the fiber stays."""
    radii = radii_px(radius_px)
    along = np.arange(len(radii), dtype=np.float32)
    share = np.clip((STILL - radii / radius_px) / (STILL - MOVING), 0, 1).astype(np.float32)
    return np.tile(along, (len(radii), 1)), np.tile(along[:, None], (1, len(radii))), share
