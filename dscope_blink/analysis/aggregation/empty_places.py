"""Places of a face that hold no mark: where a source reports none there, it is right."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.analysis.aggregation.views import in_picture, in_zones
from dscope_blink.records import Inspection, MergedMark, Points

PLACE_UM = 5.0  # side of a place: a mark of the sizes that decide most verdicts, 2 to 10 um, lies in one or a few
MOST = 512  # places along the face: of a fiber of millimetres they are larger
_UNKNOWN_UM = 125.0  # cladding of a face without a scale


def empty_places(face: Inspection, marks: Sequence[MergedMark]) -> Points:
    """The squares of a grid over the inspected zones that no outline of any source touches.

    Parameters
    ----------
    face : located; without zones it has no places
    marks : of all sources

    Returns
    -------
    (N, 2) float64 : x and y of their centres, in pixels of the picture
    """
    outlines = [outline for outline in face.zones if outline.name in face.request.zones]
    if not outlines:
        return np.empty((0, 2))
    (cx, cy), (width, height) = outlines[-1].outer.center_px, outlines[-1].outer.extent_px
    side = _sides_px(face, max(width, height))
    columns, rows = math.ceil(width / side[0]), math.ceil(height / side[1])
    corner = np.array([cx - columns * side[0] / 2, cy - rows * side[1] / 2])
    y, x = np.mgrid[:rows, :columns].reshape(2, -1)  # (rows * columns,) each
    centers = corner + (np.stack([x, y], axis=1) + 0.5) * side
    free = ~_touched(marks, corner, side, (rows, columns))[y, x]
    inspected = in_picture(centers, face.image.size_px) & in_zones(centers, face.zones, face.request.zones)
    return np.asarray(centers[free & inspected])


def _sides_px(face: Inspection, across_px: float) -> NDArray[np.float64]:
    """Of a place along x and y: pixels need not be square."""
    scale, geometry = face.scale, face.geometry
    assert geometry is not None, "a face with zones is located"
    if scale is not None:
        side = PLACE_UM / np.array([scale.um_per_px_x, scale.um_per_px_y])
    else:
        side = np.full(2, geometry.cladding.ellipse.mean_diameter_px * PLACE_UM / _UNKNOWN_UM)
    return np.asarray(side * max(across_px / MOST / side.min(), 1.0))


def _touched(
    marks: Sequence[MergedMark], corner: Points, side: NDArray[np.float64], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Which places the outlines of all members touch, (rows, columns)."""
    drawn = np.zeros(shape, np.uint8)
    outlines = (member.outline_px for mark in marks for member in mark.members)
    for outline in (one for one in outlines if len(one)):
        points = np.floor((outline - corner) / side).astype(np.int32)  # the place that each lies in
        cv2.fillPoly(drawn, [points.reshape(-1, 1, 2)], 1)
    return drawn.astype(np.bool_)
