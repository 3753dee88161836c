"""Measured marks, and the statistics of the cells they lie in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from dscope_blink.records.arrays import Points, read_only
from dscope_blink.records.checks import Place, Share, Size, Whole, require
from dscope_blink.records.kinds import CLASSIFICATIONS, Kind, Zone

Severity = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW", "NEGLIGIBLE"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)  # the worst first


@dataclass(frozen=True, slots=True)
class Rectangle:
    """The smallest rectangle around a mark, as OpenCV's minAreaRect gives it."""

    center_px: tuple[Place, Place]
    size_px: tuple[Size, Size]
    angle_deg: float


@dataclass(frozen=True, slots=True)
class Defect:
    """One measured, classified mark. `_um` values are None without a scale; `_px` twins are always there.

    Pixel sizes are in pixels of the stored picture; micrometre sizes account for non-square pixels.
    Two of them are equal if all but their outlines are: arrays are not compared.
    """

    id: str
    zone: Zone  # that the criteria put it in; empty until they have
    classification: Kind
    confidence: Share
    centroid_px: tuple[Place, Place]
    bbox_px: tuple[Whole, Whole, Whole, Whole]
    contour_px: Points = field(compare=False)  # (N, 2) float64, x and y of the outer outline
    rect: Rectangle
    area_px: Size
    perimeter_px: Size
    length_px: Size
    width_px: Size
    diameter_px: Size  # smallest enclosing circle
    r_min_px: Size  # nearest and farthest distance from the centre of the cladding, as shares of its ellipse count,
    r_max_px: Size  # times its mean radius
    orientation_deg: float  # of the long axis, from x, clockwise on the screen, 0 <= angle < 180
    circularity: float  # 4 pi area / perimeter^2, 1 for a disc
    aspect_ratio: float  # length / width, at least 1
    contrast: float  # (mark - background) / background, signed, at the peak
    zones_touched: tuple[Zone, ...]
    detected_by: tuple[str, ...]
    features: Mapping[str, float | None]  # what the classification was decided on
    area_um2: Size | None = None
    length_um: Size | None = None
    width_um: Size | None = None
    diameter_um: Size | None = None
    r_min_um: Size | None = None
    r_max_um: Size | None = None
    r_core_px: Size | None = None  # nearest distance from the centre of the core, in the same way; None without one
    uncertainty: Mapping[str, Size] = field(default_factory=dict)  # expanded (k = 2), of the values of these names
    evidence: Mapping[str, float] = field(default_factory=dict)  # detector -> mean support over the mark, 0..1
    at_most: Mapping[str, Size] = field(default_factory=dict)  # upper bounds of the sizes that are not resolved
    class_probabilities: Mapping[str, Share] = field(default_factory=dict)  # by kind; empty: certain of its class
    holes_px: tuple[Points, ...] = field(default=(), compare=False)  # outlines of what within `contour_px` is no mark
    counted: bool = False
    severity: Severity = "LOW"

    def __post_init__(self) -> None:
        require(
            self.classification in CLASSIFICATIONS,
            f"a classification must be one of {CLASSIFICATIONS}, got {self.classification!r}",
        )
        require(0 <= self.confidence <= 1, f"confidence must lie in 0..1, got {self.confidence}")
        object.__setattr__(self, "contour_px", read_only(self.contour_px))
        object.__setattr__(self, "holes_px", tuple(read_only(hole) for hole in self.holes_px))


SYMMETRY_ORDERS = (2, 3, 4, 5, 6, 8)
SYMMETRY_BESIDE = "symmetry_beside"  # the feature: how alike the rest of the circles of a mark is by half a turn


def symmetry_feature(order: int) -> str:
    """The name among the features of a mark of how alike it is to its copies by 360 degrees / order."""
    return f"symmetry_{order}"


# What a verdict rests on: rounded where it is measured, so that the verdict follows from the stored record.
JUDGED = ("centroid_px", "r_min_px", "r_core_px", "length_um", "width_um", "diameter_um", "uncertainty", "at_most")
# and `class_probabilities`, which are made in so few decimals


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
    responses: Mapping[str, float]  # detector -> mean support at the pixels, 0..1
    defect_count: int  # marks put in this zone whose centroid lies in this cell
    defect_area_px: float
    defect_area_um2: float | None  # None without a scale
