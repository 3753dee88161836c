"""Printed sheets: the markers that were found, where a layout wants them, and OK or NG with its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dscope_blink.records.checks import require

SheetStatus = Literal["OK", "NG"]
Gate = Literal["readable", "count", "visibility", "density", "layout"]
Fault = Literal["missing", "extra", "moved", "pale", "dark", "fat", "thin", "unsure", "ghost"]
SearchPass = Literal["primary", "recovery"]


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle in pixels of the stored picture; 0 is the left edge of the first pixel."""

    left_px: float
    top_px: float
    right_px: float
    bottom_px: float

    def __post_init__(self) -> None:
        require(self.left_px < self.right_px, f"left must lie left of right, got {self.left_px}, {self.right_px}")
        require(self.top_px < self.bottom_px, f"top must lie above bottom, got {self.top_px}, {self.bottom_px}")

    @property
    def center_px(self) -> tuple[float, float]:
        """Its middle, x and y."""
        return (self.left_px + self.right_px) / 2, (self.top_px + self.bottom_px) / 2

    @property
    def width_px(self) -> float:
        """Along x."""
        return self.right_px - self.left_px

    @property
    def height_px(self) -> float:
        """Along y."""
        return self.bottom_px - self.top_px

    @property
    def area_px(self) -> float:
        """Square pixels."""
        return self.width_px * self.height_px

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0..1."""
        wide = min(self.right_px, other.right_px) - max(self.left_px, other.left_px)
        high = min(self.bottom_px, other.bottom_px) - max(self.top_px, other.top_px)
        if wide <= 0 or high <= 0:
            return 0.0
        return wide * high / (self.area_px + other.area_px - wide * high)


@dataclass(frozen=True, slots=True)
class FoundObject:
    """What a finder saw: one of its classes, where, and how sure it is."""

    kind: str  # name of the class
    box: Box
    confidence: float  # 0..1


@dataclass(frozen=True, slots=True)
class Marker:
    """One marker of a sheet, with the ink in its box."""

    found: FoundObject
    found_in: SearchPass
    median_gray: float  # of its box, 0..255
    dark_ratio: float  # share of its box that is ink by Otsu's threshold of the box
    ink_ratio: float  # share of its box that is darker than the calibrated threshold


@dataclass(frozen=True, slots=True)
class LayoutPlace:
    """Where a layout has a marker, in pixels of its reference picture."""

    id: str  # "B01"; what results call it
    kind: str
    x_px: float
    y_px: float
    width_px: float
    height_px: float


@dataclass(frozen=True, slots=True)
class Range:
    """What good sheets have, both ends allowed."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether a value lies in it; NaN does not."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number of a gate and what it may be."""

    name: str
    value: float
    allowed: Range | None = None  # None: it informs, and decides nothing


@dataclass(frozen=True, slots=True)
class Culprit:
    """A marker or a place that a gate complains of."""

    fault: Fault
    place: str | None  # id in the layout; None: it has none there
    kind: str
    center_px: tuple[float, float]  # where it is, or for a missing one should be
    moved_px: float | None = None  # from where it should be, in pixels of the layout
    expected_px: tuple[float, float] | None = None  # where a moved one should be


@dataclass(frozen=True, slots=True)
class GateOutcome:
    """What one gate says of a sheet."""

    gate: Gate
    ok: bool
    figures: tuple[Figure, ...]
    reasons: tuple[str, ...] = ()  # one line each; empty where it is ok
    culprits: tuple[Culprit, ...] = ()


@dataclass(frozen=True, slots=True)
class SheetResult:
    """One picture of a sheet, judged; OK only if every gate is."""

    file: str
    sha256: str | None  # None: it could not be read
    width_px: int
    height_px: int
    layout: str | None  # name; None: it fits none, or could not be read
    gates: tuple[GateOutcome, ...]
    markers: tuple[Marker, ...]
    finder: str
    inputs: tuple[tuple[str, str], ...] = ()  # what it was made from, name and hash
    # sha256 of every other file that was written for it, by name; None: one of before does not say
    outputs: Mapping[str, str] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        require(len(self.gates) > 0, "a sheet must be judged by at least one gate, got none")

    @property
    def status(self) -> SheetStatus:
        """OK only if every gate is."""
        return "OK" if all(one.ok for one in self.gates) else "NG"

    @property
    def failed(self) -> tuple[Gate, ...]:
        """The gates that are not ok."""
        return tuple(one.gate for one in self.gates if not one.ok)
