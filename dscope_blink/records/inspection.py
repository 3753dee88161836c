"""The whole record of one picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from dscope_blink.records.arrays import FloatImage
from dscope_blink.records.checks import require
from dscope_blink.records.criteria import Criteria
from dscope_blink.records.defects import Cell, Defect
from dscope_blink.records.geometry import FiberGeometry, Measured
from dscope_blink.records.scale import Scale
from dscope_blink.records.verdict import Verdict
from dscope_blink.records.zones import ZONE_NAMES, ZoneOutline

PROGRAM = "D-Scope Blink"
VERSION = "0.1.0"
RECORD_SCHEMA = "dscope-blink/inspection/1"


@dataclass(frozen=True, slots=True)
class CameraReading:
    """The settings with which a picture was taken, as read back from the camera; None: it has no such setting."""

    model: str
    serial: str
    name: str  # that its user gave it, or empty
    pixel_format: str
    exposure_us: float | None
    gain: float | None  # dB; in older cameras steps of their own
    gamma: float | None
    frames_averaged: int
    taken: str  # ISO 8601 with offset

    @property
    def label(self) -> str:
        """Which camera it is."""
        return f"{self.model} {self.serial}"


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """The picture file; the sizes are None when it could not be decoded, the hash when it could not be read."""

    file: str  # relative to the input folder, with forward slashes
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    camera: CameraReading | None = None  # None: the file does not say


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which program, settings and calibration gave this result."""

    program: str
    profile: str
    config_sha256: str
    calibration_sha256: str | None
    started: str  # ISO 8601 with offset
    flat_field_sha256: str | None = None  # None: none was used


# Beyond these lies no fiber and no camera, but a slip of the pen that would ask for pictures of any size.
PLAUSIBLE = MappingProxyType(
    {"core_diameter_um": (0.5, 10_000.0), "cladding_diameter_um": (1.0, 10_000.0), "pixel_aspect_ratio": (0.1, 10.0)}
)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of one image, after the manifest row has overridden the command line."""

    edition: str
    fiber_class: str
    core_diameter_um: float | None = None
    cladding_diameter_um: float | None = None
    pixel_aspect_ratio: float | None = None
    fiber_is_angled: bool | None = None  # None: nobody says
    zones: tuple[str, ...] = tuple(ZONE_NAMES.values())  # names of the zones to inspect
    carried: Mapping[str, str] = field(default_factory=dict)  # other manifest columns: serial, operator ...

    def __post_init__(self) -> None:
        for name, (low, high) in PLAUSIBLE.items():
            value = getattr(self, name)
            require(value is None or low <= value <= high, f"{name} must lie between {low:g} and {high:g}, got {value}")
        core, cladding = self.core_diameter_um, self.cladding_diameter_um
        require(
            core is None or cladding is None or core < cladding,
            f"core_diameter_um must be less than cladding_diameter_um, got {core} and {cladding}",
        )


@dataclass(frozen=True, slots=True)
class Clipping:
    """Pixels of rings around the cladding centre, and those that are black or saturated, where no mark can be seen."""

    ring_width: float  # in cladding radii
    pixels: tuple[int, ...]  # from the centre outwards
    clipped: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Quality:
    """What the picture itself is worth; empty when it could not be decoded."""

    focus: float | None = None
    saturated_fraction: float | None = None
    warnings: tuple[str, ...] = ()
    clipping: Clipping | None = None  # None where no mark was sought
    search_pixel_px: float | None = None  # pixels of the picture that one pixel spans in which marks were sought


@dataclass(frozen=True, slots=True)
class Inspection:
    """The whole record of one image: what is written as NAME_result.json."""

    image: ImageInfo
    provenance: Provenance
    request: Request
    criteria: Criteria
    quality: Quality
    verdict: Verdict
    scale: Scale | None = None
    geometry: FiberGeometry | None = None
    measurements: Mapping[str, Measured] = field(default_factory=dict)  # of the geometry, the unit in the name
    zones: tuple[ZoneOutline, ...] = ()
    defects: tuple[Defect, ...] = ()
    cells: tuple[Cell, ...] = ()  # only when they are asked for
    # As `image_processing.confidence_map` gives it; in no record, but for the picture that is drawn of it.
    confidence: FloatImage | None = field(default=None, compare=False)
    timings_s: Mapping[str, float] = field(default_factory=dict)
