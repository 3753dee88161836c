"""What a source looked at: where it has no mark, it saw none, and where it did not look, it says nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from dscope_blink.analysis.aggregation.moving import Move, cladding_of
from dscope_blink.analysis.zoning import distances_px
from dscope_blink.records import Detection, Inspection, Points, ZoneOutline


def looked_at(detection: Detection, base: Inspection, points_px: Points) -> NDArray[np.bool_]:
    """Whether a source looked for marks at some places.

    Parameters
    ----------
    detection : brought into the picture of `base`
    base : the record whose picture the aggregate is of
    points_px : (N, 2) x and y in that picture

    Returns
    -------
    (N,) bool : inside the source's own picture; of a record in a zone that was inspected, none where no mark was
        sought; of a report with a region inside that, by the zones of `base`
    """
    own_px = _in_own_picture(detection, base, points_px)
    seen = in_picture(own_px, _size_px(detection, base))
    if detection.inspection is not None:
        seen &= in_zones(own_px, detection.inspection.zones, detection.inspection.request.zones)
    if detection.source.region is not None:
        regions = [zone.name for zone in base.zones if detection.source.looked_at(zone.name)]
        seen &= in_zones(points_px, base.zones, regions)
    return seen


def _in_own_picture(detection: Detection, base: Inspection, points_px: Points) -> Points:
    cladding = cladding_of(base)
    if detection.cladding is None or cladding is None:
        return points_px
    return Move(detection.cladding, cladding, detection.source.turn.angle_deg or 0.0).back.points(points_px)


def _size_px(detection: Detection, base: Inspection) -> tuple[int, int] | None:
    if detection.size_px is not None or detection.cladding is not None:
        return detection.size_px
    return base.image.size_px


def in_picture(points_px: Points, size_px: tuple[int, int] | None) -> NDArray[np.bool_]:
    """Whether points lie in a picture; one whose size nobody says ends nowhere."""
    if size_px is None:
        return np.ones(len(points_px), np.bool_)
    return np.asarray(((points_px >= -0.5) & (points_px <= np.array(size_px) - 0.5)).all(axis=1))


def in_zones(points_px: Points, outlines: Sequence[ZoneOutline], asked: Collection[str]) -> NDArray[np.bool_]:
    """Whether the innermost zone that holds each point is one of those that are asked for."""
    inside, left = np.zeros(len(points_px), np.bool_), np.ones(len(points_px), np.bool_)
    for outline in outlines:
        here = left & (distances_px(points_px, outline.outer) <= outline.radius_px)
        inside |= here & (outline.name in asked)
        left &= ~here
    return inside
