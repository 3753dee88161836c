"""The whole record of one picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Annotated, TypeAlias

import msgspec

from dscope_blink.records.arrays import FloatImage
from dscope_blink.records.checks import Count, Positive, Share, require
from dscope_blink.records.connector import Lane
from dscope_blink.records.criteria import Criteria
from dscope_blink.records.defects import Cell, Defect
from dscope_blink.records.geometry import FiberGeometry, Measured
from dscope_blink.records.judged_sizes import check_in_words
from dscope_blink.records.kinds import WHICH_FIBER, ZONE_NAMES, Engine, WhichFiber, Zone
from dscope_blink.records.notices import Notice
from dscope_blink.records.reference import Comparison
from dscope_blink.records.rounding import as_recorded, kept
from dscope_blink.records.scale import Scale
from dscope_blink.records.verdict import Verdict
from dscope_blink.records.zones import ZoneOutline

SearchPixel: TypeAlias = Annotated[float, msgspec.Meta(ge=0.5)]  # px; marks are sought in the picture or a reduced one
PROGRAM = "D-Scope Blink"
VERSION = "0.2.0"
INPUTS = ("config", "calibration", "flat_field")  # what every result may rest on; models have names of their own
RECORD_SCHEMA = "dscope-blink/inspection/2"


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
    frames_averaged: Count
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
    width: Count | None = None
    height: Count | None = None
    camera: CameraReading | None = None  # None: the file does not say
    bits: int | None = None  # of 16, that its levels have; None: the file does not say

    @property
    def size_px(self) -> tuple[int, int] | None:
        """Width and height; None: it could not be decoded."""
        return None if self.width is None or self.height is None else (self.width, self.height)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which program, settings and other inputs gave this result; an input that was not used is not named."""

    program: str
    profile: str
    started: str  # ISO 8601 with offset
    inputs: Mapping[str, str] = field(default_factory=dict, hash=False)  # sha256 by name: config, calibration ...
    engine: Engine = "classical"  # what looked for marks


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
    fiber: WhichFiber = "only"  # which of those in view
    fiber_structure: str | None = None  # name of its description in config.json; None: that of the class, if any
    zones: Annotated[tuple[Zone, ...], msgspec.Meta(min_length=1)] = tuple(ZONE_NAMES.values())  # to inspect
    manifest: Mapping[str, str] = field(default_factory=dict)  # other manifest columns: serial, operator ...

    def __post_init__(self) -> None:
        for name, (low, high) in PLAUSIBLE.items():
            value = getattr(self, name)
            require(value is None or low <= value <= high, f"{name} must lie between {low:g} and {high:g}, got {value}")
        require(self.fiber in WHICH_FIBER, f"fiber must be one of {', '.join(WHICH_FIBER)}, got {self.fiber!r}")
        core, cladding = self.core_diameter_um, self.cladding_diameter_um
        require(
            core is None or cladding is None or core < cladding,
            f"core_diameter_um must be less than cladding_diameter_um, got {core} and {cladding}",
        )


@dataclass(frozen=True, slots=True)
class Clipping:
    """Pixels of rings around the cladding centre, and those where no mark can be seen: black, saturated or covered."""

    ring_width: Positive  # in cladding radii
    pixels: Annotated[tuple[Count, ...], msgspec.Meta(min_length=1)]  # from the centre outwards
    clipped: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class Quality:
    """What the picture itself is worth; empty when it could not be decoded."""

    focus: float | None = None
    saturated_fraction: Share | None = None
    warnings: tuple[Notice, ...] = ()
    clipping: Clipping | None = None  # None where no mark was sought
    search_pixel_px: SearchPixel | None = None  # pixels of the picture per pixel in which marks were sought
    field_shift_px: float | None = None  # between even and odd rows of an interlaced picture; None: it is none


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
    reference: Comparison | None = None  # the face beside what good ones are like; None: no model was used
    timings_s: Mapping[str, float] = field(default_factory=dict)
    lane: Lane | None = None  # of a connector; its pixels then count from the window of the lane
    # In no record, but for the table and the picture that are made of them, when they are asked for.
    cells: tuple[Cell, ...] = field(default=(), compare=False)
    confidence: FloatImage | None = field(default=None, compare=False)  # as `fusion.confidence_map` gives it

    def measured(self, name: str) -> Measured:
        """A dimension of the fiber, the unit in its name; one without value where it was not measured."""
        return self.measurements.get(name, NOT_MEASURED)

    @property
    def comparison(self) -> Comparison:
        """The face beside what good ones are like, where a model was used."""
        assert self.reference is not None, "a model was used"
        return self.reference

    @property
    def was_measured(self) -> bool:
        """Whether its zones were inspected; without a scale they are, though the image cannot be graded."""
        return bool(self.zones)

    @property
    def seen_in_part(self) -> tuple[str, ...]:
        """Of each zone to inspect that does not lie wholly in the picture how much of it does, in words."""
        asked = (zone for zone in self.zones if zone.name in self.request.zones)
        return tuple(zone.seen_in_words for zone in asked if zone.is_seen_in_part)

    @property
    def closest_limit(self) -> str | None:
        """Of a PASS the limit that holds with the least to spare, in words; None when no mark comes near one."""
        closest = self.verdict.closest
        return None if closest is None else check_in_words(closest, self.criteria, self.defects)

    @property
    def title(self) -> str:
        """The picture as reports call it, and which fiber of a connector in it."""
        if self.lane is None or self.lane.number is None:
            return self.image.file
        return f"{self.image.file}, lane {self.lane.number}"

    @property
    def moment(self) -> str:
        """When the picture was taken, if it says so, else when it was inspected; ISO 8601."""
        return self.image.camera.taken if self.image.camera else self.provenance.started

    @property
    def broken(self) -> frozenset[str]:
        """The ids of the marks that break a limit."""
        return frozenset(name for violation in self.verdict.violations for name in violation.defects)


NOT_MEASURED = Measured(None)
AS_GIVEN = ("lane", "image", "provenance", "request", "criteria", "measurements", "cells", "confidence")


def recorded(inspection: Inspection) -> Inspection:
    """With every number as its record keeps it; what was given stays exact, so that it can be judged by again."""
    names = (field.name for field in fields(inspection) if field.name not in AS_GIVEN)
    dimensions = {n: Measured(kept(n, m.value), kept(n, m.uncertainty)) for n, m in inspection.measurements.items()}
    return replace(as_recorded(inspection, *names), measurements=dimensions)
