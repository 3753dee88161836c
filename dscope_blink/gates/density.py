"""The gate of density: the ink of each marker, by its median grey, by Otsu and by the calibrated level."""

from __future__ import annotations

from dscope_blink.gates.bounds import Bound, Judged, bounds_gate
from dscope_blink.records import GateOutcome

BOUNDS = (
    Bound("median_gray", lambda one: one.median_gray, lambda held: held.median_gray, "dark", "pale"),
    Bound("dark_ratio", lambda one: one.dark_ratio, lambda held: held.dark_ratio, "pale", "dark"),
    Bound("ink_ratio", lambda one: one.ink_ratio, lambda held: held.ink_ratio, "pale", "dark"),
)


def density_gate(judged: Judged, exceptions: int) -> GateOutcome:
    """Whether the ink of the markers is like that of good ones.

    Parameters
    ----------
    judged : the markers, measured, and the layout that has the ranges
    exceptions : markers that may lie beyond
    """
    return bounds_gate("density", judged, BOUNDS, exceptions)
