"""Scratches broken into dashes -> whole scratches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.detectors.regions import Regions, regions_of
from dscope_blink.records import steady

FloatArray = NDArray[np.float64]

MIN_PIECE_PX = 8  # a smaller piece has no direction
SHORT_DASH = 0.6  # of the least aspect ratio: beside a longer piece a short one is a dash, too; a speck is none
ABREAST_PX = 2.0  # two ends that are less far out of line touch: between them no direction can be told


@dataclass(frozen=True, slots=True)
class _Ends:
    """Both ends of every elongated piece: place, and unit vector pointing away from the piece; row 2k and 2k + 1."""

    place: FloatArray  # (2 n, 2) x, y
    outward: FloatArray  # (2 n, 2)
    length: FloatArray  # (2 n,) of the piece
    elongated: NDArray[np.bool_]  # (2 n,) whether the piece has a direction to follow, not only one to be followed
    label: NDArray[np.int32]  # (2 n,) of the piece


def bridge_dashes(
    labels: NDArray[np.int32], min_aspect_ratio: float, max_gap_px: float, max_turn_deg: float
) -> NDArray[np.int32]:
    """Make one of the pieces that follow one another in one direction, with a line drawn over the gap.

    Parameters
    ----------
    labels : (h, w) 1 + piece, 0 outside all
    min_aspect_ratio : length over width from which a piece has a direction to follow: a row of specks has none
    max_gap_px : widest gap; none is wider than the longer of the two pieces is long
    max_turn_deg : largest angle between a piece, the gap and the next piece: crossing scratches stay apart

    Returns
    -------
    (h, w) the labels with the bridges; pieces of one line bear one label
    """
    ends = _ends(regions_of(labels), min_aspect_ratio)
    pairs = _partners(ends, max_gap_px, math.radians(max_turn_deg))
    if not pairs:
        return labels
    bridged, name = labels.copy(), np.arange(int(labels.max()) + 1, dtype=np.int32)
    for i, j in pairs:
        one, other = name[ends.label[[i, j]]].tolist()
        name[name == other] = one
    bridged = name[bridged]
    for i, j in pairs:
        start, stop = np.rint(ends.place[[i, j]]).astype(int)
        corner = np.maximum(np.minimum(start, stop) - 2, 0)
        (x, y), (x2, y2) = corner.tolist(), (np.maximum(start, stop) + 3).tolist()
        part = bridged[y:y2, x:x2]
        line = cv2.line(np.zeros(part.shape, np.uint8), (start - corner).tolist(), (stop - corner).tolist(), 1, 2)
        part[(line > 0) & (part == 0)] = name[ends.label[i]]
    return bridged


def _ends(pieces: Regions, min_aspect_ratio: float) -> _Ends:
    places, outwards, lengths, elongated, labels = [np.empty((0, 2))], [np.empty((0, 2))], [], [], []
    if not len(pieces.starts):
        return _Ends(places[0], outwards[0], np.empty(0), np.empty(0, bool), np.empty(0, np.int32))
    long_px = pieces.boxes_px[:, 2:].max(axis=1)
    least = SHORT_DASH * min_aspect_ratio
    oblong = long_px >= np.sqrt(least * pieces.areas_px) / 2
    for k in np.flatnonzero(oblong & (pieces.areas_px >= MIN_PIECE_PX)).tolist():
        points = np.array(pieces.pixels(k), np.float64)  # (2, pixels)
        centre = points.sum(axis=1) / points.shape[1]
        points -= centre[:, None]
        spread, axes = np.linalg.eigh(steady(points @ points.T / (points.shape[1] - 1)) + np.eye(2) / 12)
        if spread[1] >= least**2 * spread[0]:
            along = steady(axes[:, 1] @ points)
            places.append(centre + np.array([[along.min()], [along.max()]]) * axes[:, 1])
            outwards.append(np.array([-axes[:, 1], axes[:, 1]]))
            lengths += [float(np.ptp(along))] * 2
            elongated += [bool(spread[1] >= min_aspect_ratio**2 * spread[0])] * 2
            labels += [int(pieces.labels[pieces.y[pieces.starts[k]], pieces.x[pieces.starts[k]]])] * 2
    return _Ends(
        np.concatenate(places),
        np.concatenate(outwards),
        np.array(lengths),
        np.array(elongated, bool),
        np.array(labels, np.int32),
    )


def _partners(ends: _Ends, max_gap_px: float, max_turn: float) -> list[tuple[int, int]]:
    """Pairs of ends that look at each other over a gap, each end at most once, the narrowest gaps first."""
    first, second = _neighbours(ends.place, max_gap_px)
    gap = ends.place[second] - ends.place[first]  # (pairs, 2)
    width = np.linalg.norm(gap, axis=1)
    straight = -(ends.outward[first] * ends.outward[second]).sum(axis=1)
    fits = width <= np.minimum(max_gap_px, np.maximum(ends.length[first], ends.length[second]))
    fits &= ends.elongated[first] | ends.elongated[second]
    fits &= straight >= math.cos(max_turn)
    for way, end in ((1, first), (-1, second)):
        ahead = way * (gap * ends.outward[end]).sum(axis=1)
        aside = np.sqrt(np.maximum(width**2 - ahead**2, 0))
        fits &= (ahead >= -ABREAST_PX) & (aside <= np.maximum(ABREAST_PX, math.sin(max_turn) * width))
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
