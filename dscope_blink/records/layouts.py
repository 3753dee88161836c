"""A layout: where good sheets have their markers, what these look like, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dscope_blink.records.gates import LayoutPlace, Range


@dataclass(frozen=True, slots=True)
class KindRanges:
    """What good markers of one kind have."""

    kind: str
    confidence: Range
    area_share: Range  # of the box in the picture
    size_ratio: Range  # of the box to that of its place, once the sheet lies on the layout
    median_gray: Range
    gray_apart: Range  # from the median of the markers of the same kind on the sheet, grey levels
    dark_ratio: Range
    ink_ratio: Range


@dataclass(frozen=True, slots=True)
class LayoutSource:
    """A picture that was offered, and why nothing was learned from it."""

    file: str
    sha256: str
    use: str  # learned, checked, left out
    why: str = ""


@dataclass(frozen=True, slots=True)
class Stated:
    """How far a layout may be trusted: by the number of good sheets alone."""

    learned_from: int
    checked_on: int  # held back
    checked_ng: int  # of these
    risk: float  # that was asked for
    needed: int  # sheets that bound the rate at it
    rate_at_most: float  # to which the sheets bound the share of good sheets that lie beyond the ranges
    false_ng_at_most: float  # to which the sheets held back bound the share of good sheets that are NG
    confidence: float  # of both bounds
    surely_caught_px: float  # a marker that is moved so far is told, in pixels of the reference picture


@dataclass(frozen=True, slots=True)
class Layout:
    """Where good sheets have their markers, and what these look like."""

    name: str
    width_px: int  # of the reference picture, in whose pixels places are
    height_px: int
    places: tuple[LayoutPlace, ...]
    ranges: tuple[KindRanges, ...]
    spread: Range  # median distance of two big markers over the diagonal of the picture
    orientation_deg: Range | None  # of the big markers' longest axis; None: they have none
    tolerance_px: float  # how far a marker may lie from its place
    noise_px: float  # how far those of good sheets do, standard deviation along one axis
    ink_level: float  # share of the paper's grey level below which there is ink
    stated: Stated
    sources: tuple[LayoutSource, ...]
    made: str  # date and time
    program: str
    finder: str  # with which it was learned; another may draw its boxes otherwise
    sha256: str = ""  # of its file

    @property
    def diagonal_px(self) -> float:
        """Of the reference picture."""
        return math.hypot(self.width_px, self.height_px)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of which it has places, in their order."""
        return tuple(dict.fromkeys(place.kind for place in self.places))

    def count_of(self, kind: str) -> int:
        """How many places are of a kind."""
        return sum(place.kind == kind for place in self.places)

    def ranges_of(self, kind: str) -> KindRanges:
        """What its markers have; KeyError for a kind it has no places of."""
        found = next((one for one in self.ranges if one.kind == kind), None)
        if found is None:
            raise KeyError(kind)
        return found
