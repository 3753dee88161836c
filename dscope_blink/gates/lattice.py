"""The lattice that the fibers of a connector lie on: fitted to places in a picture, all in pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from dscope_blink.records import ConnectorLayout, Points

Index: TypeAlias = tuple[int, int]  # row and place; where they begin is not known before they are numbered

_KEY_TURN = {"up": 0, "right": 90, "down": 180, "left": 270}  # degrees, clockwise


@dataclass(frozen=True, slots=True)
class Lattice:
    """Places of a ferrule in a picture; row 0 and place 0 lie at the origin."""

    origin_px: tuple[float, float]
    along_px: tuple[float, float]  # from place to place
    across_px: tuple[float, float]  # from row to row

    @property
    def pitch_px(self) -> float:
        """From place to place."""
        return math.hypot(*self.along_px)

    def at(self, row: float, place: float) -> tuple[float, float]:
        """Where a place lies, x and y."""
        (ox, oy), (ax, ay), (cx, cy) = self.origin_px, self.along_px, self.across_px
        return ox + place * ax + row * cx, oy + place * ay + row * cy

    def indices(self, points: Points) -> Points:
        """Row and place of points, as fractions; (N, 2) x and y in pixels -> (N, 2)."""
        matrix = np.array([self.across_px, self.along_px]).T  # columns: per row, per place
        return np.asarray(np.linalg.solve(matrix, (points - np.array(self.origin_px)).T).T)


def reference_direction(layout: ConnectorLayout) -> tuple[float, float]:
    """The direction in which the places of a row count in the picture, by the side of the key; a unit vector."""
    turn = math.radians(_KEY_TURN[layout.key_side])
    sign = -1.0 if layout.mirrored else 1.0
    return sign * math.cos(turn), sign * math.sin(turn)


def lattice_along(layout: ConnectorLayout, origin: tuple[float, float], along: tuple[float, float]) -> Lattice:
    """The lattice of a layout by its first place and the step from place to place."""
    k = _row_share(layout)
    return Lattice(origin, along, (-along[1] * k, along[0] * k))


def fit_lattice(layout: ConnectorLayout, points: Points, indices: Sequence[Index]) -> Lattice:
    """The lattice nearest to points whose places are known, by least squares of a shift, a turn and a scale.

    Parameters
    ----------
    layout : gives the ratio of row pitch and pitch
    points : (N, 2) x and y, at least two at different places
    indices : row and place of each
    """
    rows, places = np.array(indices, float).T
    k = _row_share(layout)
    zero, one = np.zeros(len(rows)), np.ones(len(rows))
    of_x = np.stack([one, zero, places, -k * rows], axis=1)  # unknowns: origin x, origin y, along x, along y
    of_y = np.stack([zero, one, k * rows, places], axis=1)
    solved = np.linalg.lstsq(np.concatenate([of_x, of_y]), np.concatenate([points[:, 0], points[:, 1]]), rcond=None)[0]
    ox, oy, ax, ay = solved.tolist()
    return lattice_along(layout, (ox, oy), (ax, ay))


def misfits_px(lattice: Lattice, points: Points, indices: Sequence[Index]) -> Points:
    """How far each point lies from its place, (N,)."""
    wanted = np.array([lattice.at(*index) for index in indices])
    return np.asarray(np.hypot(*(points - wanted).T))


def _row_share(layout: ConnectorLayout) -> float:
    """Row pitch over pitch, signed: which way the rows count."""
    return (-1.0 if layout.mirrored else 1.0) * layout.row_pitch_um / layout.pitch_um
