"""What was located: the edges of cladding and core, and the evidence for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from dscope_blink.records.ellipse import Ellipse


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
    uncertainty: FitUncertainty


@dataclass(frozen=True, slots=True)
class CoreFit:
    """The core edge; `nominal` when it cannot be seen and the known diameter ratio stands in, with the reason."""

    ellipse: Ellipse
    source: Literal["measured", "nominal"]
    reason: str = ""
    rms_px: float | None = None
    support: float | None = None
    uncertainty: FitUncertainty | None = None


@dataclass(frozen=True, slots=True)
class FiberGeometry:
    """What was located; `core` is None when it is neither seen nor known."""

    cladding: CladdingFit
    core: CoreFit | None
    warnings: tuple[str, ...] = ()  # what else the picture could be read as

    def as_recorded(self) -> FiberGeometry:
        """With both ellipses as a stored record gives them back."""
        cladding = replace(self.cladding, ellipse=self.cladding.ellipse.as_recorded())
        core = self.core and replace(self.core, ellipse=self.core.ellipse.as_recorded())
        return replace(self, cladding=cladding, core=core)


@dataclass(frozen=True, slots=True)
class NotLocated:
    """No fiber could be located; `reason` carries the evidence."""

    reason: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured value and its expanded uncertainty (k = 2), in the same unit; None: not measured, or not known."""

    value: float | None
    uncertainty: float | None = None
