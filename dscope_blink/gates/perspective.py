"""A sheet laid on its layout: the perspective map from picture to layout, and how far each marker lies beside it.

A marker is held against a map in which it has the say that the others leave it: its residual is divided by the root of
what the fit lets through, so that all places have residuals of one spread and one tolerance fits them all (the
studentized residual: Cook and Weisberg, Residuals and Influence in Regression, 1982, chapter 2, in two dimensions).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Points

Matrix: TypeAlias = NDArray[np.float64]

PARAMETERS = 8  # of a perspective map
LEAST_SAY = 0.02  # of a marker: less, and the others say nothing of where it should be


@dataclass(frozen=True, slots=True)
class SheetMap:
    """A perspective map from pixels of the picture to those of the reference picture."""

    matrix: Matrix  # (3, 3), of which [2, 2] is 1
    spread: Matrix  # (8, 8) inverse of the normal matrix, in the coordinates of `middle` and `unit_px`
    middle: Matrix  # (2,) of the picture
    unit_px: float

    def apply(self, points_px: Points) -> Points:
        """Points of the picture, (n, 2), in the reference picture."""
        return through(self.matrix, points_px)

    def back(self, points_px: Points) -> Points:
        """Points of the reference picture, (n, 2), in the picture."""
        return through(np.asarray(np.linalg.inv(self.matrix), dtype=np.float64), points_px)


@dataclass(frozen=True, slots=True)
class Departures:
    """How far markers lie from their places, in pixels of the reference picture."""

    judged_px: NDArray[np.float64]  # (n,) of one spread for all places; what the tolerance is held against
    moved_px: NDArray[np.float64]  # (n,) from where all the others say that it should be
    say: NDArray[np.float64]  # (n,) 0..1, what share of a move is seen in `judged_px`


def through(matrix: Matrix, points: Points) -> Points:
    """Points, (n, 2), through a perspective map."""
    image = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(image[:, :2] / image[:, 2:])


def fit_map(seen_px: Points, places_px: Points) -> SheetMap:
    """The map that takes what is seen nearest to its places, by least squares.

    Parameters
    ----------
    seen_px : (n, 2) in the picture, n at least 4
    places_px : (n, 2) in the reference picture

    Raises
    ------
    ValueError : they do not decide a map, as when they lie on one line
    """
    middle = seen_px.mean(axis=0)
    unit_px = float(np.hypot(*(seen_px - middle).T).mean())
    if len(seen_px) * 2 < PARAMETERS or not unit_px > 0:
        raise ValueError("too few points for a map")
    near = (seen_px - middle) / unit_px
    design = _design(near, places_px)
    normal = design.T @ design
    # Columns of the perspective are as large as the picture: scaled, for the test of rank and for the inverse.
    size = np.sqrt(np.diag(normal))
    if not np.all(size > 0) or np.linalg.matrix_rank(normal / np.outer(size, size), hermitian=True) < PARAMETERS:
        raise ValueError("the points do not decide a map")
    spread = np.linalg.inv(normal / np.outer(size, size)) / np.outer(size, size)
    found = spread @ (design.T @ places_px.reshape(-1))
    own = np.append(found, 1.0).reshape(3, 3)
    to_near = np.array([[1 / unit_px, 0, -middle[0] / unit_px], [0, 1 / unit_px, -middle[1] / unit_px], [0, 0, 1]])
    matrix = own @ to_near
    return SheetMap(matrix / matrix[2, 2], spread, middle, unit_px)


def _design(near: Points, places: Points) -> Matrix:
    """(2n, 8): x (g u + h v + 1) = a u + b v + c, and the same for y; linear in the unknown."""
    count = len(near)
    rows = np.zeros((count, 2, PARAMETERS))
    ones = np.ones((count, 1))
    rows[:, 0, 0:3] = np.hstack([near, ones])
    rows[:, 1, 3:6] = np.hstack([near, ones])
    rows[:, :, 6:8] = -places[:, :, None] * near[:, None, :]
    return rows.reshape(2 * count, PARAMETERS)


def departures(found: SheetMap, seen_px: Points, places_px: Points, fitted: NDArray[np.bool_]) -> Departures:
    """How far each marker lies from its place.

    Parameters
    ----------
    found : the map
    seen_px, places_px : (n, 2)
    fitted : (n,) whether the map was fitted to it, too
    """
    apart = places_px - found.apply(seen_px)  # (n, 2)
    rows = _design((seen_px - found.middle) / found.unit_px, places_px).reshape(-1, 2, PARAMETERS)
    leverage = np.einsum("nij,jk,nlk->nil", rows, found.spread, rows)  # (n, 2, 2)
    share, turned = np.linalg.eigh(leverage)  # (n, 2), (n, 2, 2): along which the fit gives way
    along = np.einsum("nji,nj->ni", turned, apart)
    left = np.where(fitted[:, None], np.clip(1 - share, 1e-9, 1), 1 + share)  # variance of the residual
    judged = np.hypot(*(along / np.sqrt(left)).T)
    moved = np.hypot(*np.where(fitted[:, None], along / left, along).T)
    say = np.where(fitted, left.min(axis=1), 1 / left.max(axis=1))
    return Departures(np.asarray(judged), np.asarray(moved), np.sqrt(say))


@dataclass(frozen=True, slots=True)
class Pose:
    """How a sheet lies in its picture, by its map at the middle of the layout."""

    turn_deg: float  # clockwise, as the eye sees it
    scale: float  # of the picture to the reference picture
    stretch: float  # 0: none; longer along one axis than across it by this share
    perspective: float  # 0: none; how much the scale changes from the middle of the sheet to its edge, share
    mirrored: bool


def pose_of(found: SheetMap, width_px: float, height_px: float) -> Pose:
    """How the sheet lies.

    Parameters
    ----------
    found : the map
    width_px, height_px : of the reference picture
    """
    back = np.linalg.inv(found.matrix)
    back = back / back[2, 2]
    middle = np.array([width_px / 2, height_px / 2])
    depth = float(back[2, :2] @ middle + 1)
    image = through(back, middle[None])[0]
    slope = (back[:2, :2] - np.outer(image, back[2, :2])) / depth  # (2, 2) derivative at the middle
    long, short = np.linalg.svd(slope, compute_uv=False)
    mirrored = bool(np.linalg.det(slope) < 0)
    turn = math.degrees(math.atan2(slope[1, 0] - slope[0, 1], slope[0, 0] + slope[1, 1]))
    tilt = float(np.hypot(back[2, 0] * width_px / 2, back[2, 1] * height_px / 2) / abs(depth))
    return Pose(turn, math.sqrt(long * short), float(long / max(short, 1e-12) - 1), tilt, mirrored)
