"""The gate of density: the ink of each marker, by its median grey, by Otsu and by the calibrated level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from dscope_blink.gates.bounds import Bound, Judged, bounds_gate
from dscope_blink.records import GateOutcome, Marker


def density_gate(judged: Judged, exceptions: int) -> GateOutcome:
    """Whether the ink of the markers is like that of good ones, and of the others on the sheet.

    Good sheets differ in toner and light more than the markers of one do: a pale marker of a dark sheet may be as dark
    as those of a pale one, and only departs from its fellows.

    Parameters
    ----------
    judged : the markers, measured, and the layout that has the ranges
    exceptions : markers that may lie beyond
    """
    usual = {kind: median_gray(judged.markers, kind) for kind in judged.layout.kinds}
    bounds = (
        Bound("median_gray", lambda one: one.median_gray, lambda held: held.median_gray, "dark", "pale"),
        Bound(
            "gray_apart",
            lambda one: one.median_gray - usual[one.found.kind],
            lambda held: held.gray_apart,
            "dark",
            "pale",
        ),
        Bound("dark_ratio", lambda one: one.dark_ratio, lambda held: held.dark_ratio, "pale", "dark"),
        Bound("ink_ratio", lambda one: one.ink_ratio, lambda held: held.ink_ratio, "pale", "dark"),
    )
    return bounds_gate("density", judged, bounds, exceptions)


def median_gray(markers: Sequence[Marker], kind: str) -> float:
    """The median of the markers of a kind; NaN where there is none."""
    values = [one.median_gray for one in markers if one.found.kind == kind]
    return median(values) if values else math.nan
