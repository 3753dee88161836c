"""Scratches broken into dashes -> whole scratches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.detectors.regions import label_regions
from dscope_blink.records import Mask

FloatArray = NDArray[np.float64]

MIN_PIECE_PX = 8  # a smaller piece has no direction


@dataclass(frozen=True, slots=True)
class _Ends:
    """Both ends of every elongated piece: place, and unit vector pointing away from the piece; row 2k and 2k + 1."""

    place: FloatArray  # (2 n, 2) x, y
    outward: FloatArray  # (2 n, 2)


def bridge_dashes(marks: Mask, min_aspect_ratio: float, max_gap_px: float, max_turn_deg: float) -> Mask:
    """Draw a line over the gaps between pieces that follow one another in one direction.

    Parameters
    ----------
    marks : (h, w) bool
    min_aspect_ratio : length over width from which a piece has a direction to follow
    max_gap_px : widest gap
    max_turn_deg : largest angle between a piece, the gap and the next piece: crossing scratches stay apart

    Returns
    -------
    (h, w) bool, the marks with their bridges
    """
    ends = _ends(marks, min_aspect_ratio)
    bridged = marks.astype(np.uint8)
    for i, j in _partners(ends, max_gap_px, math.cos(math.radians(max_turn_deg))):
        start, stop = np.rint(ends.place[[i, j]]).astype(int).tolist()
        cv2.line(bridged, start, stop, 1, 2)
    return bridged.astype(bool)


def _ends(marks: Mask, min_aspect_ratio: float) -> _Ends:
    pieces = label_regions(marks)
    places, outwards = [np.empty((0, 2))], [np.empty((0, 2))]
    long_px = pieces.boxes_px[:, 2:].max(axis=1)
    elongated = long_px >= np.sqrt(min_aspect_ratio * pieces.areas_px) / 2
    for k in np.flatnonzero(elongated & (pieces.areas_px >= MIN_PIECE_PX)).tolist():
        points = np.stack(pieces.pixels(k), axis=1).astype(np.float64)
        centre = points.mean(axis=0)
        spread, axes = np.linalg.eigh(np.cov((points - centre).T) + np.eye(2) / 12)
        if spread[1] >= min_aspect_ratio**2 * spread[0]:
            along = (points - centre) @ axes[:, 1]
            places.append(centre + np.array([[along.min()], [along.max()]]) * axes[:, 1])
            outwards.append(np.array([-axes[:, 1], axes[:, 1]]))
    return _Ends(np.concatenate(places), np.concatenate(outwards))


def _partners(ends: _Ends, max_gap_px: float, min_cosine: float) -> list[tuple[int, int]]:
    """Pairs of ends that look at each other over a gap, each end at most once, the narrowest gaps first."""
    first, second = _neighbours(ends.place, max_gap_px)
    gap = ends.place[second] - ends.place[first]  # (pairs, 2)
    width = np.linalg.norm(gap, axis=1)
    towards = gap / np.maximum(width, 1e-9)[:, None]
    leaves, arrives = (way * (towards * ends.outward[end]).sum(axis=1) for way, end in ((1, first), (-1, second)))
    straight = -(ends.outward[first] * ends.outward[second]).sum(axis=1)
    fits = (width <= max_gap_px) & (np.minimum(leaves, arrives) >= min_cosine) & (straight >= min_cosine)
    first, second, width = first[fits], second[fits], width[fits]
    used: set[int] = set()
    pairs = []
    for k in np.argsort(width):
        i, j = int(first[k]), int(second[k])
        if i // 2 != j // 2 and not {i, j} & used:
            used |= {i, j}
            pairs.append((i, j))
    return pairs


def _neighbours(places: FloatArray, reach_px: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of places that may lie within reach, the lower index first: all pairs of a dirty face would be too many."""
    order = np.argsort(places[:, 0], kind="stable")
    x = places[order, 0]
    start = np.arange(len(x))
    count = np.searchsorted(x, x + reach_px, side="right") - start - 1  # the others that follow within reach along x
    one = np.repeat(start, count)
    other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count)
    near = np.abs(places[order[one], 1] - places[order[other], 1]) <= reach_px
    pairs = np.sort(np.stack([order[one[near]], order[other[near]]]), axis=0)
    first, second = pairs[:, np.lexsort(pairs[::-1])]
    return first, second
