"""Measured marks, and the statistics of the cells they lie in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from dscope_blink.records.arrays import Points, read_only
from dscope_blink.records.checks import require
from dscope_blink.records.rounding import as_recorded, rounded

Severity = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW"]
CLASSIFICATIONS = ("scratch", "pit_dig", "contamination", "crack", "chip")
ID_LETTERS = MappingProxyType({"scratch": "S", "pit_dig": "P", "contamination": "C", "crack": "K", "chip": "E"})


@dataclass(frozen=True, slots=True)
class Defect:
    """One measured, classified mark. `_um` values are None without a scale; `_px` twins are always there.

    Pixel sizes are in pixels of the stored picture; micrometre sizes account for non-square pixels.
    """

    id: str
    zone: str
    classification: str
    confidence: float
    centroid_px: tuple[float, float]
    bbox_px: tuple[int, int, int, int]
    contour_px: Points  # (N, 2) float64, x and y of the outer outline
    rect_px: tuple[tuple[float, float], tuple[float, float], float]  # minimum-area rectangle: centre, size, angle
    area_px: float
    perimeter_px: float
    length_px: float
    width_px: float
    diameter_px: float  # smallest enclosing circle
    r_min_px: float  # nearest and farthest distance from the centre of the cladding, as shares of its ellipse count,
    r_max_px: float  # times its mean radius
    orientation_deg: float  # of the long axis, from x, clockwise on the screen, 0 <= angle < 180
    circularity: float  # 4 pi area / perimeter^2, 1 for a disc
    aspect_ratio: float  # length / width, at least 1
    contrast: float  # (mark - background) / background, signed, at the peak
    zones_touched: tuple[str, ...]
    detected_by: tuple[str, ...]
    features: Mapping[str, float]  # what the classification was decided on
    area_um2: float | None = None
    length_um: float | None = None
    width_um: float | None = None
    diameter_um: float | None = None
    r_min_um: float | None = None
    r_max_um: float | None = None
    r_core_px: float | None = None  # nearest distance from the centre of the core, in the same way; None without one
    uncertainty: Mapping[str, float] = field(default_factory=dict)  # expanded (k = 2), of the values of these names
    evidence: Mapping[str, float] = field(default_factory=dict)  # detector -> share of the mark it supports, 0..1
    counted: bool = False
    severity: Severity = "LOW"

    def __post_init__(self) -> None:
        require(
            self.classification in CLASSIFICATIONS,
            f"a classification must be one of {CLASSIFICATIONS}, got {self.classification!r}",
        )
        require(0 <= self.confidence <= 1, f"confidence must lie in 0..1, got {self.confidence}")
        object.__setattr__(self, "contour_px", read_only(self.contour_px))

    def as_recorded(self) -> Defect:
        """With all that a verdict rests on as a stored record gives it back."""
        unsure = {name: rounded(name, value) for name, value in self.uncertainty.items()}
        return replace(as_recorded(self, *JUDGED), uncertainty=unsure)


JUDGED = ("centroid_px", "r_min_px", "r_core_px", "length_um", "width_um", "diameter_um")


@dataclass(frozen=True, slots=True)
class Cell:
    """One of the 3 x 3 cells of the box around a zone, and what the zone's pixels in it are like: NaN without any.

    Grey levels are those of the inspected picture, 0..255 whatever its bits.
    """

    zone: str
    row: int  # 1..3 from the top
    column: int  # 1..3 from the left
    corner_px: tuple[float, float]  # left and top
    size_px: tuple[float, float]  # width and height
    pixel_count: int
    gray_mean: float
    gray_deviation: float  # standard
    entropy_bits: float  # of the histogram of grey levels
    gradient_x: float  # mean, grey levels per pixel
    gradient_y: float
    responses: Mapping[str, float]  # detector -> share of the pixels that it marks, 0..1
    defect_count: int  # marks put in this zone whose centroid lies in this cell
    defect_area_px: float
    defect_area_um2: float | None  # None without a scale
