"""What was located: the edges of cladding and core, and the evidence for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from dscope_blink.records.ellipse import Ellipse
from dscope_blink.records.notices import Notice
from dscope_blink.records.rounding import as_recorded


@dataclass(frozen=True, slots=True)
class FitUncertainty:
    """Standard uncertainty (k = 1) of a fitted ellipse, from the scatter of its edge points."""

    center_px: float
    diameter_px: float  # of the mean diameter
    axes_px: float  # of the difference of its axes


@dataclass(frozen=True, slots=True)
class CladdingFit:
    """The cladding edge: fitted ellipse and the evidence for it."""

    ellipse: Ellipse
    rms_px: float  # of the edge points that support the fit
    support: float  # share of the circumference with an edge point on the ellipse, 0..1
    contrast: float  # median step across the edge, grey levels 0..1, signed: ferrule minus cladding
    method: Literal["hough", "contour"]
    blur_px: float  # sigma of the edge
    standard_uncertainty: FitUncertainty
    sector_blur_px: tuple[float | None, ...] = ()  # in eight directions, clockwise from the right; None: unseen


@dataclass(frozen=True, slots=True)
class CoreFit:
    """The core edge; `nominal` when it cannot be seen and the known diameter ratio stands in, with the reason."""

    ellipse: Ellipse
    source: Literal["measured", "nominal"]
    reason: str = ""
    rms_px: float | None = None
    support: float | None = None
    standard_uncertainty: FitUncertainty | None = None


@dataclass(frozen=True, slots=True)
class FiberGeometry:
    """What was located; `core` is None when it is neither seen nor known."""

    cladding: CladdingFit
    core: CoreFit | None
    warnings: tuple[Notice, ...] = ()  # what else the picture could be read as; those of a record stand in its quality

    def placed(self) -> FiberGeometry:
        """With both ellipses as a stored record gives them back: zones and marks lie by these."""
        cladding = replace(self.cladding, ellipse=as_recorded(self.cladding.ellipse))
        core = self.core and replace(self.core, ellipse=as_recorded(self.core.ellipse))
        return FiberGeometry(cladding, core)


@dataclass(frozen=True, slots=True)
class NotLocated:
    """No fiber could be located; `reason` carries the evidence."""

    reason: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured value and its expanded uncertainty (k = 2), in the same unit; None: not measured, or not known."""

    value: float | None
    uncertainty: float | None = None
