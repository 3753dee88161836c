"""What a face would look like if it were the same all around the fiber: a reference of one face, itself.

It stands in where no model of good faces was learned, and says less: nothing that is the same all around departs from
it, whatever it is, and no limit of it comes from a good face.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dscope_blink.image_processing.departures import by_ring, departures, ring_medians
from dscope_blink.image_processing.face_frame import FaceFrame, radii_px
from dscope_blink.models.reference import RING_SCALES
from dscope_blink.records import FloatImage

SIGMA = 1.4826  # from the median of magnitudes
LEAST_AROUND = 600  # places whose median is the spread of a ring: of fewer one mark may be the most
EDGE_RINGS = 3  # on either side, the most of whose spreads counts: the flanks of an edge that is not quite round
LEAST_SPREAD = 1e-4  # of the median light, as where good faces are learned from


@dataclass(frozen=True, slots=True)
class OwnSymmetry:
    """A face as its own reference: the arrays of a `ReferenceModel`, without anything that is of other faces."""

    radius_px: int
    archetype: FloatImage  # (n, n) float32, the same all around; NaN where no ring was seen
    spread: FloatImage  # (n_scale, n_radius) float32
    ring_spread: FloatImage  # (n_ring_scale, n_radius) float32
    limits: FloatImage  # (n_scale,) float32, times the spread
    ring_limits: FloatImage  # (n_ring_scale,) float32, infinite: a face has no other rings to compare its own with


def own_symmetry(face: FaceFrame, limit: float) -> OwnSymmetry:
    """A reference from the rings of a face itself.

    The archetype has the median light of the face at each distance from the centre; the spread of a ring is that of
    the face around it, so that a mark stands out which takes less than half of a ring.

    Parameters
    ----------
    face : in the frame
    limit : of departures, times the spread of their ring
    """
    archetype = _all_around(face.light, face.radius_px)
    places = departures(face.light, archetype, face.radius_px).places
    spread = np.stack([_spread(np.abs(one), face.radius_px) for one in places])
    return OwnSymmetry(
        face.radius_px,
        archetype,
        spread,
        np.ones((RING_SCALES, spread.shape[1]), np.float32),
        np.full(len(spread), limit, np.float32),
        np.full(RING_SCALES, np.inf, np.float32),
    )


def _all_around(light: FloatImage, radius_px: int) -> FloatImage:
    """(n, n) the median of each ring, between two rings by how near they are."""
    profile = ring_medians(light, radius_px)
    seen = np.flatnonzero(np.isfinite(profile))
    radii = radii_px(radius_px)
    between = np.interp(radii, seen, profile[seen])
    whole = radii <= seen[-1] - 0.5  # the last ring ends within itself
    return np.where(whole, between, np.nan).astype(np.float32)


def _spread(away: FloatImage, radius_px: int) -> FloatImage:
    """(n_radius,) robust, of the departures around each ring, with as many neighbours as it takes."""
    order, starts = by_ring(radius_px)
    ordered = away.ravel()[order]
    found = np.array([_median(ordered[_window(start, end, len(order))]) for start, end in pairwise(starts)])
    seen = np.isfinite(found)
    found[~seen] = np.interp(np.flatnonzero(~seen), np.flatnonzero(seen), found[seen])
    around = np.lib.stride_tricks.sliding_window_view(np.pad(found, EDGE_RINGS, mode="edge"), 2 * EDGE_RINGS + 1)
    return np.maximum(SIGMA * around.max(axis=1), LEAST_SPREAD).astype(np.float32)


def _window(start: int, end: int, count: int) -> slice:
    """From the place of a ring in the order of rings to as many places as tell a spread."""
    more = max(LEAST_AROUND - (end - start) + 1, 0) // 2
    first = max(start - more, 0)
    return slice(first, min(max(end + more, first + LEAST_AROUND), count))


def _median(values: FloatImage) -> float:
    seen = values[np.isfinite(values)]
    return float(np.median(seen)) if seen.size else math.nan
