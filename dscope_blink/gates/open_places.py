"""Where a layout has places that no marker of the first look stands on, in pixels of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import FoundObject, LayoutPlace, Points

ROUNDS = 3  # of pairing and fitting
LEAST_PAIRS = 6  # four decide a map, the others say whether to believe it
FIRST_REACH = 0.5  # of the distance to the next place of the kind: farther a marker may belong to that
LATER_REACH = 0.25


class Placed(Protocol):
    """A layout, as far as its places are concerned."""

    @property
    def width_px(self) -> int:
        """Of the picture that its places are pixels of."""

    @property
    def height_px(self) -> int:
        """The same."""

    @property
    def places(self) -> tuple[LayoutPlace, ...]:
        """Where its markers are."""

    @property
    def tolerance_px(self) -> float:
        """How far a marker may lie from its place."""


@dataclass(frozen=True, slots=True)
class Open:
    """A place without a marker."""

    kind: str
    center_px: tuple[float, float]  # in the picture
    reach_px: float  # how far a marker may lie from it
    sides_px: tuple[float, float]  # of the marker that belongs there, along its own axes, in the picture


@dataclass(frozen=True, slots=True)
class Standing:
    """Markers on a layout."""

    taken: int  # places that a marker stands on
    free: tuple[Open, ...]  # the others
    beside: tuple[FoundObject, ...]  # markers that stand on no place

    @property
    def agreement(self) -> int:
        """Places that are taken less all that is missing or too many."""
        return self.taken - len(self.free) - len(self.beside)


def stand_on(found: Sequence[FoundObject], layout: Placed, picture_px: tuple[int, int]) -> Standing | None:
    """Which markers stand on places of a layout, and which places are open, as those that are taken show them.

    Parameters
    ----------
    found : markers of the first look
    layout : what is expected
    picture_px : width and height of the picture

    Returns
    -------
    Standing; None where too few markers agree on where the sheet lies
    """
    places = _Spots.of([(place.kind, (place.x_px, place.y_px)) for place in layout.places])
    seen = _Spots.of([(one.kind, one.box.center_px) for one in found])
    ratio = picture_px[0] / layout.width_px
    apart_px = ratio * _to_the_next(places)
    matrix = np.diag([ratio, picture_px[1] / layout.height_px, 1.0])
    reach_px = FIRST_REACH * apart_px
    for _ in range(ROUNDS):
        of_place, of_seen = _pairs(places.through(matrix), seen, reach_px)
        if len(of_place) < LEAST_PAIRS:
            return None
        tolerance_px = 2 * ratio * layout.tolerance_px
        fitted, _ = cv2.findHomography(places.at_px[of_place], seen.at_px[of_seen], cv2.RANSAC, tolerance_px)
        if fitted is None:
            return None
        matrix, reach_px = fitted, LATER_REACH * apart_px
    spots = places.through(matrix)
    taken, standing = _pairs(spots, seen, reach_px)
    left = np.setdiff1d(np.arange(len(layout.places)), taken)
    free = tuple(
        Open(
            str(spots.kinds[k]),
            (float(spots.at_px[k, 0]), float(spots.at_px[k, 1])),
            ratio * layout.tolerance_px,
            _sides(layout.places[int(k)], matrix),
        )
        for k in left
    )
    return Standing(len(taken), free, tuple(found[int(k)] for k in np.setdiff1d(np.arange(len(found)), standing)))


def _sides(place: LayoutPlace, matrix: Points) -> tuple[float, float]:
    """Width and height in the picture, by the middles of its edges."""
    half = np.array([[-place.width_px, 0], [place.width_px, 0], [0, -place.height_px], [0, place.height_px]]) / 2
    left, right, top, below = cv2.perspectiveTransform((np.array([place.x_px, place.y_px]) + half)[None], matrix)[0]
    return float(np.linalg.norm(right - left)), float(np.linalg.norm(below - top))


@dataclass(frozen=True, slots=True)
class _Spots:
    kinds: NDArray[np.str_]  # (n,)
    at_px: Points  # (n, 2)

    @classmethod
    def of(cls, spots: Sequence[tuple[str, tuple[float, float]]]) -> _Spots:
        return cls(np.array([kind for kind, _ in spots], str), np.array([at for _, at in spots]).reshape(-1, 2))

    def through(self, matrix: Points) -> _Spots:
        image = np.column_stack([self.at_px, np.ones(len(self.at_px))]) @ matrix.T
        return _Spots(self.kinds, np.asarray(image[:, :2] / image[:, 2:]))


def _apart(a: _Spots, b: _Spots) -> Points:
    """Distances (n, m); of different kinds infinite."""
    apart = np.hypot(a.at_px[:, None, 0] - b.at_px[:, 0], a.at_px[:, None, 1] - b.at_px[:, 1])
    return np.asarray(np.where(a.kinds[:, None] == b.kinds, apart, np.inf))


def _to_the_next(places: _Spots) -> Points:
    """Of each place (n,), the distance to the next of its kind; of one alone half the extent of all."""
    apart = _apart(places, places)
    np.fill_diagonal(apart, np.inf)
    return np.asarray(np.minimum(apart.min(axis=1), np.ptp(places.at_px, axis=0).max() / 2))


def _pairs(places: _Spots, seen: _Spots, reach_px: Points) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places and markers that are nearest to each other, and near enough."""
    if len(seen.kinds) == 0:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    apart = _apart(places, seen)
    each = np.arange(len(places.kinds))
    best = apart.argmin(axis=1)
    near = (apart.argmin(axis=0)[best] == each) & (apart[each, best] <= reach_px)
    return np.flatnonzero(near), best[near]
