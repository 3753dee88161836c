"""The gate of visibility: how sure the finder is of each marker, and how much of the picture it takes."""

from __future__ import annotations

from dscope_blink.gates.bounds import Bound, Judged, bounds_gate
from dscope_blink.records import GateOutcome


def visibility_gate(judged: Judged, picture_px: tuple[int, int], exceptions: int) -> GateOutcome:
    """Whether confidence and share of the picture lie in the ranges of good markers.

    Parameters
    ----------
    judged : the markers, and the layout that has the ranges
    picture_px : width and height of the picture
    exceptions : markers that may lie beyond
    """
    area_px = picture_px[0] * picture_px[1]
    bounds = (
        Bound("confidence", lambda one: one.found.confidence, lambda held: held.confidence, "unsure", "unsure"),
        Bound("area_share", lambda one: one.found.box.area_px / area_px, lambda held: held.area_share, "thin", "fat"),
    )
    return bounds_gate("visibility", judged, bounds, exceptions)
