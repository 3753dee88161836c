"""Marks moved from one picture of a face into another: by the cladding that both show, and the turn between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from dscope_blink.analysis.measuring import box_around
from dscope_blink.records import (
    JUDGED,
    Defect,
    Ellipse,
    Inspection,
    Points,
    Rectangle,
    SourceMark,
    as_recorded,
    to_circle,
)


@dataclass(frozen=True, slots=True)
class Move:
    """The affine map from one picture of a face to another.

    It makes the cladding of the first that of the second, whatever the shapes of their pixels, and turns it back.
    """

    start: Ellipse  # the cladding in the picture that marks come from
    end: Ellipse  # and in that they go to
    turn_deg: float = 0.0  # of the face in the first picture against the second, clockwise on the screen

    @property
    def back(self) -> Move:
        """The way back."""
        return Move(self.end, self.start, -self.turn_deg)

    @property
    def matrix(self) -> Points:
        """(2, 2), of points in rows about the centre of the cladding."""
        (_, flat), (_, round_) = to_circle(self.start), to_circle(self.end)
        c, s = math.cos(math.radians(-self.turn_deg)), math.sin(math.radians(-self.turn_deg))
        return np.asarray(flat @ np.array([[c, s], [-s, c]]) @ np.linalg.inv(round_))

    @property
    def scale(self) -> float:
        """Pixels of the second picture per pixel of the first: the root of the ratio of areas."""
        return self.end.area_diameter_px / self.start.area_diameter_px

    @property
    def radial_scale(self) -> float:
        """The same of distances from the centre, which count in shares of the ellipse times its mean radius."""
        return self.end.mean_diameter_px / self.start.mean_diameter_px

    def points(self, points_px: Points) -> Points:
        """(N, 2) x and y in the second picture."""
        return np.asarray((points_px - self.start.center_px) @ self.matrix + self.end.center_px)

    def angle_deg(self, angle_deg: float) -> float:
        """Where a direction points to in the second picture, nearest to where it would without other pixels."""
        t = math.radians(angle_deg)
        x, y = (np.array([math.cos(t), math.sin(t)]) @ self.matrix).tolist()
        return math.degrees(math.atan2(y, x))


def moved_mark(mark: SourceMark, move: Move) -> SourceMark:
    """The mark of a source in the pixels of the second picture."""
    defect = mark.defect and moved_defect(mark.defect, move)
    return replace(mark, outline_px=move.points(mark.outline_px), defect=defect)


def moved_defect(defect: Defect, move: Move) -> Defect:
    """The measured mark in the pixels of the second picture; what is in micrometres stays as it was measured.

    Returns
    -------
    Defect : outline, box and places moved; sizes and areas by one ratio of pixels, whatever way they run. What a
        verdict rests on is as a stored record gives it back.
    """
    if move.turn_deg == 0 and move.start == move.end:
        return defect
    scale, contour = move.scale, move.points(defect.contour_px)
    changed = replace(
        defect,
        centroid_px=_place(defect.centroid_px, move),
        bbox_px=box_around(contour, (scale / 2, scale / 2)),
        contour_px=contour,
        holes_px=tuple(move.points(hole) for hole in defect.holes_px),
        rect=_moved_rectangle(defect.rect, move),
        area_px=defect.area_px * scale**2,
        perimeter_px=defect.perimeter_px * scale,
        length_px=defect.length_px * scale,
        width_px=defect.width_px * scale,
        diameter_px=defect.diameter_px * scale,
        r_min_px=defect.r_min_px * move.radial_scale,
        r_max_px=defect.r_max_px * move.radial_scale,
        r_core_px=None if defect.r_core_px is None else defect.r_core_px * move.radial_scale,
        orientation_deg=move.angle_deg(defect.orientation_deg) % 180,
        uncertainty=_scaled(defect.uncertainty, move),
        at_most=_scaled(defect.at_most, move),
    )
    return as_recorded(changed, *JUDGED)


def _place(place_px: tuple[float, float], move: Move) -> tuple[float, float]:
    x, y = move.points(np.array([place_px]))[0].tolist()
    return x, y


def _moved_rectangle(rect: Rectangle, move: Move) -> Rectangle:
    """Turned with its first side; -90 < angle <= 90."""
    width, height = rect.size_px
    angle = 90 - (90 - move.angle_deg(rect.angle_deg)) % 180
    return Rectangle(_place(rect.center_px, move), (width * move.scale, height * move.scale), angle)


def _scaled(sizes: Mapping[str, float], move: Move) -> Mapping[str, float]:
    """Those in pixels by the ratio of pixels; what is in micrometres stays."""
    ratios = {name: move.radial_scale if name.startswith("r_") else move.scale for name in sizes}
    return {name: size * ratios[name] if name.endswith("_px") else size for name, size in sizes.items()}


def cladding_of(inspection: Inspection) -> Ellipse | None:
    """The cladding as it was fitted; None where it was not located."""
    return None if inspection.geometry is None else inspection.geometry.cladding.ellipse
