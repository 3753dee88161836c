"""The merged marks of a face in radii of its cladding, and which places of it were looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Inspection, MergedMark, Points, to_circle

Floats: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.complex128]  # x + iy, y down

_RADII, _ANGLES = 240, 360  # of the grid on which is seen what was looked at
_CROSSED = ("core", "cladding", "contact")  # zones that a mark may lie across
_STREAK = 3.0  # times as long as wide: such a mark has a direction


@dataclass(frozen=True, slots=True)
class FacePlaces:
    """Marks in radii of the cladding about its centre."""

    marks: tuple[MergedMark, ...]
    places: Places  # (n,) centroids
    directions: Floats  # (n,) of the long axis, radians, 0 <= t < pi; NaN of a mark that has none
    lengths: Floats  # (n,) along it
    outermost: float  # radius up to which marks were sought
    looked_at: NDArray[np.bool_]  # (240, 360) by radius and angle, whether the place lies in the picture
    areas: Floats  # (241,) of what was looked at within each radius

    @classmethod
    def of(cls, marks: Sequence[MergedMark], face: Inspection) -> FacePlaces | None:
        """None where the fiber was not located or no zone inspected."""
        asked = [zone.outer for zone in face.zones if zone.name in face.request.zones]
        if face.geometry is None or not asked:
            return None
        cladding = face.geometry.cladding.ellipse
        center, matrix = to_circle(cladding)
        shapes = [_direction((mark.outline_px - center) @ matrix) for mark in marks]
        centroids = np.array([mark.defect.centroid_px for mark in marks]).reshape(-1, 2)
        outermost = max(ellipse.mean_diameter_px for ellipse in asked) / cladding.mean_diameter_px
        looked_at = _looked_at(face, center, matrix, float(outermost))
        return cls(
            tuple(marks),
            np.asarray((centroids - center) @ matrix @ (1, 1j), dtype=np.complex128),
            np.array([direction for direction, _ in shapes]),
            np.array([length for _, length in shapes]),
            float(outermost),
            looked_at,
            _areas(looked_at, float(outermost)),
        )

    def area(self, low: float, high: float) -> float:
        """Of what was looked at between two radii, in squares of the cladding's radius."""
        edges = np.linspace(0.0, self.outermost, _RADII + 1)
        below_low, below_high = np.interp([low, high], edges, self.areas)
        return float(below_high - below_low)

    @property
    def radii(self) -> Floats:
        """Of the rows of `looked_at`."""
        return (np.arange(_RADII) + 0.5) * self.outermost / _RADII

    def shows(self, places: Places) -> NDArray[np.bool_]:
        """Whether each place was looked at."""
        row = (np.abs(places) / self.outermost * _RADII).astype(int)
        column = (np.degrees(np.angle(places)) % 360 / 360 * _ANGLES).astype(int) % _ANGLES
        return np.asarray((row < _RADII) & self.looked_at[np.minimum(row, _RADII - 1), column])

    def zones_crossed(self, chosen: Sequence[int]) -> list[str]:
        """Of core, cladding and contact zone those that some marks touch."""
        touched = {zone for place in chosen for zone in self.marks[place].defect.zones_touched}
        return [zone for zone in _CROSSED if zone in touched]

    def ids(self, chosen: Sequence[int]) -> tuple[str, ...]:
        """Of some marks, in the order of the record."""
        return tuple(self.marks[place].defect.id for place in sorted(chosen))


def apart_deg(directions: Floats, others: Floats | float) -> Floats:
    """Between lines that have no head, 0..90 degrees; radians in, NaN where one has no direction."""
    return np.asarray(np.degrees(np.abs((directions - others + np.pi / 2) % np.pi - np.pi / 2)))


def _direction(outline: Points) -> tuple[float, float]:
    """Of the long axis, and the length along it; NaN where it is not long."""
    apart = outline - outline.mean(axis=0)
    _, axes = np.linalg.eigh(apart.T @ apart)
    along, across = np.ptp(apart @ axes[:, 1]), np.ptp(apart @ axes[:, 0])
    length = float(along)
    if along < _STREAK * across or not length:
        return float("nan"), length
    return float(np.arctan2(axes[1, 1], axes[0, 1]) % np.pi), length


def _looked_at(face: Inspection, center: Points, matrix: Points, outermost: float) -> NDArray[np.bool_]:
    radii = (np.arange(_RADII) + 0.5) * outermost / _RADII
    angles = (np.arange(_ANGLES) + 0.5) * 2 * np.pi / _ANGLES
    places = radii[:, None] * np.exp(1j * angles)  # (240, 360)
    x, y = (np.stack([places.real.ravel(), places.imag.ravel()], axis=1) @ np.linalg.inv(matrix) + center).T
    width, height = face.image.width or np.inf, face.image.height or np.inf
    return np.asarray(((x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)).reshape(places.shape))


def _areas(looked_at: NDArray[np.bool_], outermost: float) -> Floats:
    edges = np.linspace(0.0, outermost, _RADII + 1)
    return np.concatenate([[0.0], np.cumsum(looked_at.mean(axis=1) * np.pi * np.diff(edges**2))])
