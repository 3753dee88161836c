"""Micrometres per pixel, and what gave them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from dscope_blink.records.arrays import Mask, Points
from dscope_blink.records.checks import PerPixel, require
from dscope_blink.records.notices import Notice

ScaleSource = Literal["user_cladding", "picture", "calibration", "assumed_cladding"]


@dataclass(frozen=True, slots=True)
class Scale:
    """Micrometres per pixel along each axis; pixels need not be square."""

    um_per_px_x: PerPixel
    um_per_px_y: PerPixel
    source: ScaleSource
    uncertainty: float | None = None  # of a calibration: relative, standard; None where it states none
    square_assumed: bool = False  # a calibration along one axis, taken for both

    def __post_init__(self) -> None:
        for name in ("um_per_px_x", "um_per_px_y"):
            value = getattr(self, name)
            require(math.isfinite(value) and value > 0, f"{name} must be a positive number, got {value}")

    @property
    def um_per_px(self) -> float:
        """Geometric mean of the two axes: the side of a square pixel of the same area."""
        return math.sqrt(self.um_per_px_x * self.um_per_px_y)

    @property
    def rests_on_cladding(self) -> bool:
        """Whether the diameter of the cladding gave it, which it cannot measure then."""
        return self.source in ("user_cladding", "assumed_cladding")

    @property
    def pixel_aspect_ratio(self) -> float:
        """um_per_px_x / um_per_px_y."""
        return self.um_per_px_x / self.um_per_px_y

    @property
    def known_aspect_ratio(self) -> float | None:
        """The same where both axes were measured."""
        return None if self.square_assumed else self.pixel_aspect_ratio


@dataclass(frozen=True, slots=True)
class Calibration:
    """The scale of one camera and objective, as calibration.json gives it."""

    scale: Scale
    sha256: str  # of the file
    picture_size_px: tuple[int, int] | None = None  # width and height of the pictures it was measured in
    camera: str | None = None  # that took them, as CameraReading.label has it
    warnings: tuple[Notice, ...] = ()  # about the file


@dataclass(frozen=True, slots=True, eq=False)
class TargetFeatures:
    """Where the features of a calibration target were found in a picture: dots, pieces of ticks, points of an edge."""

    points_px: Points  # (N, 2)
    residuals_px: Points  # (N, 2) from the place that the fit gives each
    used: Mask  # (N,) False: left out of the fit
