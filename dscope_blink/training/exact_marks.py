"""Marks whose truth is known, as labels: their exact pixels as outlines and holes, their zone, and the true verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

import cv2
import numpy as np

from dscope_blink.analysis.judging import judge
from dscope_blink.analysis.measuring import LINEAR
from dscope_blink.config.settings import SeverityRow
from dscope_blink.records import (
    ZONE_LETTERS,
    ZONE_NAMES,
    Criteria,
    Defect,
    Labels,
    Mask,
    Points,
    Rectangle,
    Verdict,
    ZoneOutline,
    zone_map,
)
from dscope_blink.synthetic.faces import BlemishTruth, RenderedFace
from dscope_blink.synthetic.varied_marks import Group, group_masks
from dscope_blink.training.labels import Mark, Source


@dataclass(frozen=True, slots=True)
class _Piece:
    """What hangs together of a painted group: one mark, as an inspection would have it."""

    kind: str
    mask: Mask  # (h, w) bool of the window
    corner: tuple[int, int]  # x, y of the window


def exact_marks(
    groups: Sequence[Group],
    face: RenderedFace,
    zones: Sequence[ZoneOutline],
    criteria: Criteria,
    asked: Sequence[str],
    source: Source,
    beside: Sequence[Defect] = (),
    table: Sequence[SeverityRow] = (),
) -> tuple[tuple[Mark, ...], Verdict]:
    """The marks that were painted, and the verdict that they deserve.

    A group is labelled by the name that a person gives it, in as many marks as it has pieces that hang together; a
    piece of only what lies beside the group keeps the kind that it was painted as.

    Parameters
    ----------
    groups : in the order in which they were rendered
    face : with their truth
    zones : outlines in the picture
    criteria, asked : limits and the zones that they are asked for
    source : who says so
    beside : measured marks that are there already, and count as well; the painted ones are then named I1, I2 ...
    table : of severities
    """
    labels = zone_map(face.image.shape[:2], zones).labels
    marks, defects, number = [], [], count(1)
    for piece in (piece for one in zip(groups, group_masks(groups, face), strict=True) for piece in _pieces(one, face)):
        (x, y), (h, w) = piece.corner, piece.mask.shape
        under = labels[y : y + h, x : x + w][piece.mask]
        name = f"{'I' if beside else piece.kind[0].upper()}{next(number)}"
        defect = exact_defect(name, _measured(piece, face), under)
        outline, holes = outlines_of(piece.mask, piece.corner)
        marks.append(Mark(name, piece.kind, defect.zone, outline, source, holes))
        if defect.zone in asked:
            defects.append(defect)
    judged = judge([*beside, *defects], criteria, asked, table=table)
    known = {defect.id: defect for defect in judged.defects}
    told = (
        replace(mark, severity=known[mark.id].severity, counted=known[mark.id].counted) if mark.id in known else mark
        for mark in marks
    )
    return tuple(told), judged.verdict


def _pieces(group: tuple[Group, tuple[Mask, Mask]], face: RenderedFace) -> list[_Piece]:
    named, (whole, main) = group
    x, y, w, h = cv2.boundingRect(whole.astype(np.uint8))
    number, labels = cv2.connectedComponents(whole[y : y + h, x : x + w].astype(np.uint8), connectivity=8)
    inner = main[y : y + h, x : x + w]
    pieces = []
    for k in range(1, number):
        mask = labels == k
        kind = named.kind if (mask & inner).any() else named.beside[0].kind
        left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
        pieces.append(_Piece(kind, mask[top : top + height, left : left + width], (x + left, y + top)))
    return pieces


def outlines_of(mask: Mask, corner: tuple[int, int]) -> tuple[Points, tuple[Points, ...]]:
    """The outline of a piece that hangs together and of its holes, through the centres of its outermost pixels.

    Parameters
    ----------
    mask : (h, w) bool of a window, one piece by its eight neighbours
    corner : x, y of the window

    Returns
    -------
    (N, 2) float64 of the outline, and of each hole; `masks.filled` makes the same pixels of them
    """
    (outer,), _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros(mask.shape, np.uint8), [outer], -1, 1, -1)
    number, labels = cv2.connectedComponents(((filled > 0) & ~mask).astype(np.uint8), connectivity=4)
    holes = []
    for k in range(1, number):
        (hole, *_), _ = cv2.findContours((labels == k).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        holes.append(hole[:, 0] + np.array(corner, np.float64))
    return outer[:, 0] + np.array(corner, np.float64), tuple(holes)


def _measured(piece: _Piece, face: RenderedFace) -> BlemishTruth:
    """Sizes of a piece by its own pixels, each as wide as it is."""
    um = np.array([face.truth.um_per_px_x, face.truth.um_per_px_y])
    rows, columns = np.nonzero(piece.mask)
    at = np.stack([columns, rows], axis=1) + np.array(piece.corner, np.float64)
    points = (at * um).astype(np.float32)
    pixel = float(um.mean())
    sides = cv2.minAreaRect(points)[1]
    length, width = max(sides) + pixel, min(sides) + pixel
    if piece.kind in LINEAR:
        width = min(width, 2 * _half_width(piece.mask) * pixel)
    diameter = 2 * cv2.minEnclosingCircle(points)[1] + pixel
    centre = (float(at[:, 0].mean()), float(at[:, 1].mean()))
    return BlemishTruth(piece.kind, piece.mask, length, width, diameter, centre, float("nan"))


def _half_width(mask: Mask) -> float:
    """Of a line, pixels: the farthest that one of its pixels lies from what is beside it."""
    return float(cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 5).max())


def exact_defect(name: str, truth: BlemishTruth, labels: Labels) -> Defect:
    """A mark with the sizes, class and zone that it truly has; what judges nothing is left empty.

    Parameters
    ----------
    name : its id
    truth : of its painter
    labels : (N,) uint8, zone of each of its pixels as `Zones.labels` has them
    """
    touched = tuple(ZONE_NAMES[ZONE_LETTERS[k - 1]] for k in np.unique(labels) if k)
    return Defect(
        id=name,
        zone=touched[0] if touched else "",
        classification=truth.kind,
        confidence=1.0,
        centroid_px=truth.centroid_px,
        bbox_px=(0, 0, 0, 0),
        contour_px=np.empty((0, 2)),
        rect=Rectangle((0.0, 0.0), (0.0, 0.0), 0.0),
        area_px=0.0,
        perimeter_px=0.0,
        length_px=0.0,
        width_px=0.0,
        diameter_px=0.0,
        r_min_px=0.0,
        r_max_px=0.0,
        orientation_deg=0.0,
        circularity=0.0,
        aspect_ratio=1.0,
        contrast=0.0,
        zones_touched=touched,
        detected_by=(),
        features={},
        length_um=truth.length_um,
        width_um=truth.width_um,
        diameter_um=truth.diameter_um,
    )
