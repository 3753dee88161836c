"""How well a finder of markers finds those of sheets whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dscope_blink.records import FoundObject
from dscope_blink.synthetic.sheets import Picture8, RenderedSheet, TrueMarker

SAME = 0.5  # intersection over union from which a finding is of a marker


@dataclass(frozen=True, slots=True)
class MarkerScores:
    """What was found of the markers of some sheets."""

    sheets: int
    markers: int
    found: int  # of its kind, each marker once
    false: int  # findings that are of no marker, or of one that another has found
    overlaps: tuple[float, ...]  # intersection over union of each that was found
    whole_sheets: int  # with all markers found and none false

    @property
    def recall(self) -> float:
        """Share of the markers that were found; 1 of none."""
        return self.found / self.markers if self.markers else 1.0

    @property
    def mean_overlap(self) -> float:
        """Of those that were found; 0 of none."""
        return float(np.mean(self.overlaps)) if self.overlaps else 0.0


def marker_scores(find: Callable[[Picture8], Sequence[FoundObject]], sheets: Sequence[RenderedSheet]) -> MarkerScores:
    """Hold what a finder finds against the truth.

    Parameters
    ----------
    find : picture to findings
    sheets : rendered
    """
    each = [_matched(find(sheet.picture), sheet.markers) for sheet in sheets]
    overlaps = tuple(overlap for matched, _ in each for overlap in matched)
    markers = sum(len(sheet.markers) for sheet in sheets)
    whole = sum(
        len(matched) == len(sheet.markers) and not false for (matched, false), sheet in zip(each, sheets, strict=True)
    )
    return MarkerScores(len(sheets), markers, len(overlaps), sum(false for _, false in each), overlaps, whole)


def _matched(found: Sequence[FoundObject], markers: Sequence[TrueMarker]) -> tuple[list[float], int]:
    """Overlap of each marker that was found, the most confident finding first; and findings of none."""
    free, overlaps = list(markers), []
    for one in sorted(found, key=lambda one: -one.confidence):
        fitting = [(one.box.overlap(marker.box), k) for k, marker in enumerate(free) if marker.kind == one.kind]
        best, k = max(fitting, default=(0.0, -1))
        if best >= SAME:
            overlaps.append(best)
            del free[k]
    return overlaps, len(found) - len(overlaps)
