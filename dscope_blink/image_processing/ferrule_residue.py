"""What lies on the ferrule of a connector between its fibers: darker or brighter than the ferrule, grains included.

No limit is held against it: the limits of the edition of 2022 for the contact rectangle are not confirmed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import ConnectorSearch
from dscope_blink.gates.lattice import Lattice
from dscope_blink.records import ConnectorLayout, FloatImage, Mask, Residue, ResidueMark

CLEAR_OF_FIBER = 1.15  # radii: nearer to a fiber its border and what holds it show
TREND_UM = 250.0  # window over which the light of the ferrule may change
SPREAD_OF = 1.4826  # standard deviation over the median absolute one, of a normal distribution
MOST_MARKS = 200  # the largest


def find_residue(
    gray: FloatImage,
    layout: ConnectorLayout,
    lattice: Lattice,
    first_px: tuple[float, float],
    fibers: Sequence[tuple[float, float]],
    search: ConnectorSearch,
) -> Residue:
    """Find what lies on the ferrule within the contact rectangle, outside of the fibers.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    layout, lattice : of the connector, and where it lies
    first_px : the first place of the first row
    fibers : centres of all places that may hold a fiber or a hole
    search : limits from config.json
    """
    um_per_px = layout.pitch_um / lattice.pitch_px
    corners = _contact_corners(layout, lattice, first_px, search.contact_margin_um / um_per_px)
    inside = cv2.fillPoly(np.zeros(gray.shape, np.uint8), [np.rint(corners).astype(np.int32)], 1) > 0
    ferrule = inside & ~_discs(gray.shape, fibers, CLEAR_OF_FIBER * layout.cladding_um / 2 / um_per_px)
    area = _area(corners)
    seen = min(float(inside.sum()) / area, 1.0) if area else 0.0
    outline = tuple((round(float(x), 1), round(float(y), 1)) for x, y in corners)
    if not ferrule.any():
        return Residue(outline, round(seen, 4), 0.0, ())
    covered = _standing_out(gray, ferrule, search, um_per_px)
    marks, kept = _marks(covered, gray, ferrule, search, um_per_px)
    return Residue(outline, round(seen, 4), round(float(kept.sum() / ferrule.sum()), 5), marks)


def _contact_corners(
    layout: ConnectorLayout, lattice: Lattice, first_px: tuple[float, float], margin_px: float
) -> NDArray[np.float64]:
    along, across = np.array(lattice.along_px), np.array(lattice.across_px)
    beyond, over = along / np.hypot(*along) * margin_px, across / np.hypot(*across) * margin_px
    last = along * (layout.columns - 1)
    down = across * (len(layout.rows) - 1)
    start = np.array(first_px)
    return np.array(
        [
            start - beyond - over,
            start + last + beyond - over,
            start + last + down + beyond + over,
            start + down - beyond + over,
        ]
    )


def _area(corners: NDArray[np.float64]) -> float:
    return float(cv2.contourArea(corners.astype(np.float32)))


def _discs(shape: tuple[int, ...], centers: Sequence[tuple[float, float]], radius_px: float) -> Mask:
    mask = np.zeros(shape, np.uint8)
    for x, y in centers:
        cv2.circle(mask, (round(x), round(y)), math.ceil(radius_px), 1, -1)
    return mask > 0


def _standing_out(gray: FloatImage, ferrule: Mask, search: ConnectorSearch, um_per_px: float) -> NDArray[np.int8]:
    """-1 where it is darker than the ferrule, 1 where it is brighter, else 0, (H, W)."""
    sigma = max(search.residue_smooth_um / um_per_px, 0.5)
    within = ferrule.astype(np.float32)
    weight = np.maximum(cv2.GaussianBlur(within, (0, 0), sigma), 1e-3)
    smooth = cv2.GaussianBlur(gray * within, (0, 0), sigma) / weight
    wide = max(TREND_UM / um_per_px, 1.0)
    small = cv2.resize(np.where(ferrule, smooth, np.nan), None, fx=4 / wide, fy=4 / wide, interpolation=cv2.INTER_AREA)
    level = float(np.median(smooth[ferrule]))
    trend = cv2.GaussianBlur(np.nan_to_num(small, nan=level).astype(np.float32), (0, 0), 4.0)
    even = smooth - cv2.resize(trend, gray.shape[::-1], interpolation=cv2.INTER_LINEAR)
    values = even[ferrule]
    middle = float(np.median(values))
    low, high = (
        SPREAD_OF * float(np.median(np.abs(part - middle)))
        for part in (values[values < middle], values[values >= middle])
    )
    sides = np.zeros(gray.shape, np.int8)
    sides[ferrule & (even < middle - search.residue_sigmas * low)] = -1
    sides[ferrule & (even > middle + search.residue_sigmas * high)] = 1
    return sides


def _marks(
    sides: NDArray[np.int8], gray: FloatImage, ferrule: Mask, search: ConnectorSearch, um_per_px: float
) -> tuple[tuple[ResidueMark, ...], Mask]:
    """The marks, the largest first, and their pixels."""
    found, kept = [], np.zeros(gray.shape, bool)
    for side in (-1, 1):
        count, labels, stats, centers = cv2.connectedComponentsWithStats((sides == side).astype(np.uint8))
        for k in range(1, count):
            left, top, width, height, area = stats[k].tolist()
            box = labels[top : top + height, left : left + width] == k
            points = np.argwhere(box)[:, ::-1].astype(np.float32)
            diameter_um = 2 * (cv2.minEnclosingCircle(points)[1] + 0.5) * um_per_px
            if diameter_um < search.residue_min_um:
                continue
            kept[top : top + height, left : left + width] |= box
            center = (round(float(centers[k][0]), 1), round(float(centers[k][1]), 1))
            area_um2 = round(area * um_per_px**2, 1)
            found.append(ResidueMark(center, float(area), area_um2, round(diameter_um, 1), side < 0))
    found.sort(key=lambda mark: -mark.area_px)
    return tuple(found[:MOST_MARKS]), kept
