"""Which marker belongs to which place: a sheet is found by two of its markers, then each place gets at most one.

A similarity through two markers is tried for many pairs, and the one under which most places have a marker of their
kind near is taken (M. Fischler and R. Bolles, Random sample consensus, 1981, doi:10.1145/358669.358692; here all pairs
of a few far-apart places are tried, not random ones, so that the same sheet always comes out the same).
The assignment is that of least total distance (J. Munkres, 1957, doi:10.1137/0105003).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.gates.layouts import LEAST_PLACES
from dscope_blink.gates.perspective import Departures, SheetMap, departures, fit_map, through
from dscope_blink.records import Layout, Marker, Points

Pairs: TypeAlias = NDArray[np.int64]  # (n, 2) number of the place, number of the marker

BASES = 8  # pairs of places that are tried: the sheet is found though markers of most of them are missing
FAR = 0.5  # of the longest distance of two places: nearer ones turn the sheet by their own error
NEAR = 0.45  # of the distance to the next place: a marker that is farther may be another's
ROUNDS = 10  # of assignment and fit; two or three do
TRIED_AT_ONCE = 4096  # similarities, whose votes are counted together


@dataclass(frozen=True, slots=True)
class Poses:
    """How a sheet may lie."""

    turn_deg: float  # to either side
    scale: float  # to either side: 1.5 allows 1/1.5 to 1.5


@dataclass(frozen=True, slots=True)
class Laid:
    """A sheet that is laid on its layout."""

    found: SheetMap
    pairs: Pairs  # (n, 2)
    agreeing: NDArray[np.bool_]  # (n,) of them, those that the map was fitted to
    departures: Departures  # of all of them


@dataclass(frozen=True, slots=True)
class Spots:
    """Points of a kind each."""

    points_px: Points  # (n, 2)
    kinds: NDArray[np.str_]  # (n,)


def spots_of(markers: Sequence[Marker], layout: Layout) -> tuple[Spots, NDArray[np.int64]]:
    """The middles of the markers of the kinds that a layout has, and the number of each among all."""
    numbers = [number for number, one in enumerate(markers) if one.found.kind in layout.kinds]
    points = np.array([markers[number].found.box.center_px for number in numbers], dtype=np.float64).reshape(-1, 2)
    return Spots(points, np.array([markers[n].found.kind for n in numbers], dtype=str)), np.array(numbers, np.int64)


def places_of(layout: Layout) -> Spots:
    """The places of a layout."""
    points = np.array([(place.x_px, place.y_px) for place in layout.places], dtype=np.float64).reshape(-1, 2)
    return Spots(points, np.array([place.kind for place in layout.places], dtype=str))


def lay(seen: Spots, places: Spots, scale: float, poses: Poses, tolerance_px: float) -> Laid | None:
    """Lay a sheet on its layout, whichever of its markers are missing, too many or elsewhere.

    Parameters
    ----------
    seen : markers in the picture
    places : of the layout, in the reference picture
    scale : of the reference picture to the picture by their widths, from which the sheet may differ
    poses : how it may lie
    tolerance_px : how far a marker may lie from its place, in the reference picture

    Returns
    -------
    Laid; None where fewer than LEAST_PLACES markers agree on how the sheet lies
    """
    reach_px = NEAR * nearest_px(places)
    start = _start(seen, places, scale, poses, reach_px)
    if start is None:
        return None
    try:
        return _settled(seen, places, start, reach_px, tolerance_px)
    except (ValueError, np.linalg.LinAlgError):  # those that agree lie on one line
        return None


def nearest_px(places: Spots) -> float:
    """The shortest distance of two places of one kind."""
    apart = _apart(places.points_px, places.points_px)
    apart[(places.kinds[:, None] != places.kinds) | np.eye(len(apart), dtype=bool)] = np.inf
    return float(min(apart.min(), np.ptp(places.points_px, axis=0).max()))


def _apart(a: Points, b: Points) -> NDArray[np.float64]:
    """(n, m) distances."""
    return np.asarray(np.hypot(a[:, None, 0] - b[:, 0], a[:, None, 1] - b[:, 1]))


# --- where the sheet lies, roughly


def _start(seen: Spots, places: Spots, scale: float, poses: Poses, reach_px: float) -> Points | None:
    """The markers in the reference picture, (n, 2), under the similarity that most places agree with."""
    if len(seen.points_px) < LEAST_PLACES:
        return None
    maps = np.concatenate(
        [_similarities(seen, places, pair, scale, poses) for pair in _bases(places)]
    )  # (n, 2) complex
    if not len(maps):
        return None
    own = _complex(seen.points_px)
    starts = range(0, len(maps), TRIED_AT_ONCE)
    votes = [_votes(maps[at : at + TRIED_AT_ONCE], own, seen, places, reach_px) for at in starts]
    best = max(votes, key=lambda vote: (vote.places, vote.nearness))
    if best.places < LEAST_PLACES:
        return None
    moved = best.turn * own + best.shift
    return np.column_stack([moved.real, moved.imag])


def _complex(points: Points) -> NDArray[np.complex128]:
    return np.asarray(points[:, 0] + 1j * points[:, 1], dtype=np.complex128)


def _bases(places: Spots) -> list[tuple[int, int]]:
    """Pairs of places that lie far apart, spread over all places."""
    apart = _apart(places.points_px, places.points_px)
    far = np.argwhere(np.triu(apart >= FAR * apart.max()))
    times = np.zeros(len(apart))
    chosen: list[tuple[int, int]] = []
    order = sorted(((int(a), int(b)) for a, b in far), key=lambda pair: (-round(float(apart[pair]), 6), pair))
    for pair in order:  # each place once before any comes twice
        if times[list(pair)].max() == times.min() or len(order) <= BASES:
            times[list(pair)] += 1
            chosen.append(pair)
    return [*chosen, *(pair for pair in order if pair not in chosen)][:BASES]


def _similarities(
    seen: Spots, places: Spots, pair: tuple[int, int], scale: float, poses: Poses
) -> NDArray[np.complex128]:
    """Turn with scale, and shift, (n, 2), that take two markers of the right kinds to a pair of places."""
    first, second = pair
    own, target = _complex(seen.points_px), _complex(places.points_px)
    fits = (seen.kinds[:, None] == places.kinds[first]) & (seen.kinds == places.kinds[second])
    apart = own - own[:, None]  # (m, m) from the first to the second
    fits &= np.abs(apart) > 0
    turn = (target[second] - target[first]) / np.where(fits, apart, 1)
    fits &= np.abs(np.degrees(np.angle(turn))) <= poses.turn_deg
    size = np.abs(turn) / scale
    fits &= (size <= poses.scale) & (size >= 1 / poses.scale)
    at = np.nonzero(fits)
    return np.column_stack([turn[at], target[first] - turn[at] * own[at[0]]])


@dataclass(frozen=True, slots=True)
class _Vote:
    places: int  # with a marker near
    nearness: float  # larger is nearer
    turn: complex
    shift: complex


def _votes(
    maps: NDArray[np.complex128], own: NDArray[np.complex128], seen: Spots, places: Spots, reach_px: float
) -> _Vote:
    """The best of some similarities; of equal ones the first."""
    target = _complex(places.points_px)
    moved = maps[:, :1] * own + maps[:, 1:]  # (k, m)
    apart = np.abs(moved[:, None, :] - target[:, None])  # (k, n, m)
    apart[:, seen.kinds != places.kinds[:, None]] = np.inf
    nearest = apart.min(axis=2)
    counts = (nearest <= reach_px).sum(axis=1)
    total = np.minimum(nearest, reach_px).sum(axis=1)
    best = np.lexsort((total, -counts))[0]
    return _Vote(int(counts[best]), -float(total[best]), complex(maps[best, 0]), complex(maps[best, 1]))


# --- which marker belongs where, to the pixel


def _settled(seen: Spots, places: Spots, start: Points, reach_px: float, tolerance_px: float) -> Laid:
    """Assign and fit by turns until the assignment stays."""
    near, pairs = start, np.zeros((0, 2), np.int64)
    laid = None
    for _ in range(ROUNDS):
        before, pairs = pairs, assigned(near, seen.kinds, places, reach_px)
        if laid is not None and np.array_equal(before, pairs):
            break
        laid = _fitted(seen, places, pairs, tolerance_px)
        near = laid.found.apply(seen.points_px)
    if laid is None:
        raise ValueError("no marker near a place")
    return laid


def assigned(near_px: Points, kinds: NDArray[np.str_], places: Spots, reach_px: float) -> Pairs:
    """One marker to one place, of least total distance; those farther than `reach_px` belong to none.

    Parameters
    ----------
    near_px : markers in the reference picture, (m, 2)
    kinds : of each, (m,)
    places : of the layout
    reach_px : how far

    Returns
    -------
    (n, 2) number of the place and of the marker, in the order of the places
    """
    from scipy.optimize import linear_sum_assignment  # only where sheets are judged

    apart = _apart(places.points_px, near_px)
    far = (apart > reach_px) | (places.kinds[:, None] != kinds)
    rows, columns = linear_sum_assignment(np.where(far, 10 * reach_px, apart))
    kept = ~far[rows, columns]
    return np.column_stack([rows[kept], columns[kept]]).astype(np.int64)


def _fitted(seen: Spots, places: Spots, pairs: Pairs, tolerance_px: float) -> Laid:
    """A map of those that agree: the one that departs most is left out until all others keep the tolerance."""
    from_px, to_px = seen.points_px[pairs[:, 1]], places.points_px[pairs[:, 0]]
    agreeing = np.ones(len(pairs), dtype=bool)
    while True:
        found = fit_map(from_px[agreeing], to_px[agreeing])
        apart = departures(found, from_px, to_px, agreeing)
        worst = int(np.argmax(np.where(agreeing, apart.judged_px, -math.inf)))
        if not apart.judged_px[worst] > tolerance_px:
            return Laid(found, pairs, agreeing, apart)
        if agreeing.sum() <= LEAST_PLACES:
            raise ValueError("too few markers agree")
        agreeing[worst] = False


def turned_about(seen: Spots, quarter_turns: int, mirrored: bool) -> Spots:
    """Markers as they would lie had the sheet been laid otherwise: to tell how it lies."""
    x, y = seen.points_px.T
    points = np.column_stack([-x if mirrored else x, y])
    angle = quarter_turns * math.pi / 2
    matrix = np.array([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
    return Spots(through(matrix, points), seen.kinds)
