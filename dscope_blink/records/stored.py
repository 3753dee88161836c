"""NAME_result.json -> the inspection it was written from, as far as a verdict needs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec
import numpy as np

from dscope_blink.records.criteria import Criteria, SizeMeasure, ZoneRule, criteria_from
from dscope_blink.records.defects import Defect, Severity
from dscope_blink.records.ellipse import Ellipse
from dscope_blink.records.errors import UserError
from dscope_blink.records.geometry import CladdingFit, CoreFit, FiberGeometry, FitUncertainty
from dscope_blink.records.inspection import CameraReading, Clipping, ImageInfo, Inspection, Provenance, Quality, Request
from dscope_blink.records.plain import Record
from dscope_blink.records.scale import Scale
from dscope_blink.records.verdict import Status, Verdict, Violation
from dscope_blink.records.zones import ZoneOutline


class BadRecord(UserError):
    """A file that is no record of this program, or was changed since; the message says where it is wrong."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """What is read of one NAME_result.json.

    Outlines, features and evidence of the marks are not: no verdict and no summary needs them, and they are most of it.
    """

    inspection: Inspection  # without the dimensions of the fiber and the checks, which only `plain` has
    plain: Record  # JSON types, as far as they are read


def load_record(path: Path) -> StoredRecord:
    """Read one NAME_result.json.

    Raises
    ------
    BadRecord : the file cannot be read, something in it is missing, of the wrong kind, or cannot be
    """
    try:
        return read_record(path.read_bytes())
    except OSError as error:
        raise BadRecord(f"cannot be read, {error.strerror}") from None


def read_record(data: bytes) -> StoredRecord:
    """The same from the bytes of the file."""
    return _stored_record(data, _Stored)


def _stored_record(data: bytes, shape: type[_Stored]) -> StoredRecord:
    try:
        stored = msgspec.json.decode(data, type=shape)
        return StoredRecord(_inspection(stored), msgspec.to_builtins(stored))
    except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
        raise BadRecord(f"no record: {error}") from None


def read_carried(path: Path) -> tuple[str, ...]:
    """Only the names of the columns that the manifest carried into a record; none where it cannot be read."""
    try:
        return tuple(msgspec.json.decode(path.read_bytes(), type=_Carrier).request.manifest)
    except (OSError, ValueError, RecursionError):
        return ()


def load_shown(path: Path) -> StoredRecord:
    """The same with what a page about the image shows beside: `plain` has the outlines of the marks too."""
    try:
        return _stored_record(path.read_bytes(), _Shown)
    except OSError as error:
        raise BadRecord(f"cannot be read, {error.strerror}") from None


def _inspection(stored: _Stored) -> Inspection:
    _check(stored)
    criteria = _criteria(stored.criteria)
    return Inspection(
        image=ImageInfo(**msgspec.structs.asdict(stored.image)),
        provenance=stored.provenance,
        request=_request(stored.request, criteria),
        criteria=criteria,
        quality=_quality(stored.quality),
        verdict=_verdict(stored.verdict),
        scale=stored.scale,
        geometry=None if stored.geometry is None else _geometry(stored.geometry),
        zones=tuple(ZoneOutline(z.letter, z.ellipse) for z in stored.zones),
        defects=tuple(map(_defect, stored.defects)),
    )


Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
Size: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]
Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
Letter: TypeAlias = Literal["A", "B", "C", "D"]
Zone: TypeAlias = Literal["core", "cladding", "adhesive", "contact"]
Kind: TypeAlias = Literal["scratch", "pit_dig", "contamination", "crack", "chip"]
Pair: TypeAlias = tuple[float, float]
Axis: TypeAlias = Annotated[float, msgspec.Meta(ge=1, le=1e6)]  # px; beyond lies no fiber, but a slip of the pen
MIN_SEARCH_PX = 0.5  # marks are sought in the picture itself or in a reduced one


class _Ellipse(msgspec.Struct):
    center_px: Pair
    axes_px: tuple[Axis, Axis]
    angle_deg: float

    @property
    def ellipse(self) -> Ellipse:
        return Ellipse(self.center_px, self.axes_px, self.angle_deg)


class _Cladding(_Ellipse):
    rms_px: float
    support: float
    contrast: float
    method: Literal["hough", "contour"]
    blur_px: float
    standard_uncertainty: FitUncertainty


class _Core(_Ellipse):
    source: Literal["measured", "nominal"]
    reason: str
    rms_px: float | None
    support: float | None
    standard_uncertainty: FitUncertainty | None


class _Geometry(msgspec.Struct):
    """The dimensions are only carried into tables and certificates."""

    cladding: _Cladding
    core: _Core | None
    uncertainty: dict[str, float]
    cladding_diameter_um: float | None
    cladding_diameter_px: float | None
    core_diameter_um: float | None
    core_diameter_px: float | None
    core_cladding_offset_um: float | None
    core_cladding_offset_px: float | None
    core_offset_x_um: float | None
    core_offset_y_um: float | None
    cladding_non_circularity_pct: float | None
    core_non_circularity_pct: float | None
    face_tilt_deg: float | None
    pixel_aspect_ratio: float | None
    um_per_px: float | None = None  # records of before do not have it


class _ZoneOutline(_Ellipse):
    zone: Zone
    letter: Letter


class _Outer(msgspec.Struct):
    of: Literal["fixed", "core", "cladding"]
    times: float
    plus_um: float


class _Band(msgspec.Struct):
    min_um: Size
    min_inclusive: bool
    max_um: Size | None
    max_inclusive: bool
    max_count: Count | None


class _ZoneCriteria(msgspec.Struct):
    zone: Letter
    outer: _Outer
    scratches: list[_Band]
    defects: list[_Band]


class _SizeBy(msgspec.Struct):
    scratches: SizeMeasure
    defects: SizeMeasure


class _Criteria(msgspec.Struct):
    edition: str
    fiber_class: str
    confirmed: bool
    title: str
    source: str
    scratch_classes: list[Kind]
    zone_rule: ZoneRule
    size_by: _SizeBy
    zones: list[_ZoneCriteria]


class _Request(msgspec.Struct):
    core_diameter_um: float | None
    cladding_diameter_um: float | None
    pixel_aspect_ratio: float | None
    fiber_is_angled: bool | None
    zones: Annotated[tuple[Zone, ...], msgspec.Meta(min_length=1)]
    manifest: dict[str, str]


class _Rect(msgspec.Struct):
    center_px: Pair
    size_px: Pair
    angle_deg: float


class _Defect(msgspec.Struct):
    id: str
    zone: Zone
    classification: Kind
    confidence: Share
    centroid_px: Pair
    bbox_px: tuple[int, int, int, int]
    rect: _Rect
    area_px: Size
    perimeter_px: Size
    length_px: Size
    width_px: Size
    diameter_px: Size
    r_min_px: Size
    r_max_px: Size
    r_core_px: Size | None
    orientation_deg: float
    circularity: float
    aspect_ratio: float
    contrast: float
    zones_touched: tuple[Zone, ...]
    detected_by: tuple[str, ...]
    area_um2: Size | None
    length_um: Size | None
    width_um: Size | None
    diameter_um: Size | None
    r_min_um: Size | None
    r_max_um: Size | None
    uncertainty: dict[str, Size]
    counted: bool
    severity: Severity


class _Image(msgspec.Struct):
    file: str
    sha256: str | None
    width: Count | None
    height: Count | None
    camera: CameraReading | None = None


class _Clipping(msgspec.Struct):
    ring_width: Positive
    pixels: Annotated[tuple[Count, ...], msgspec.Meta(min_length=1)]
    clipped: tuple[Count, ...]


class _Quality(msgspec.Struct):
    focus: float | None
    saturated_fraction: Share | None
    warnings: tuple[str, ...]
    search_pixel_px: Annotated[float, msgspec.Meta(ge=MIN_SEARCH_PX)] | None
    clipping: _Clipping | None


class _Check(msgspec.Struct):
    """Only shown: judging again holds every limit anew."""

    zone: Zone
    rule: str
    broken: bool
    count: Count
    max_count: Count
    size_um: Size | None
    limit_um: Size
    margin_um: float | None
    nearness: Size
    defects: tuple[str, ...]


class _Verdict(msgspec.Struct):
    status: Status
    reasons: tuple[str, ...]
    violations: tuple[Violation, ...]
    marginal: bool
    doubts: tuple[str, ...]
    closest_limit: str | None
    checks: tuple[_Check, ...]


class _Stored(msgspec.Struct):
    timings_s: dict[str, float | None]
    schema: Literal["dscope-blink/inspection/1"]
    image: _Image
    provenance: Provenance
    request: _Request
    criteria: _Criteria
    quality: _Quality
    scale: Scale | None
    geometry: _Geometry | None
    zones: list[_ZoneOutline]
    defects: tuple[_Defect, ...]
    verdict: _Verdict


class _CarrierRequest(msgspec.Struct):
    manifest: dict[str, str]


class _Carrier(msgspec.Struct):
    request: _CarrierRequest


class _ShownDefect(_Defect):
    contour_px: list[Pair]


class _Shown(_Stored):
    defects: tuple[_ShownDefect, ...]


def _check(stored: _Stored) -> None:
    """ValueError where values are right one by one and cannot stand together."""
    quality, marks, clipping = stored.quality, stored.defects, stored.quality.clipping
    seen = (stored.geometry, clipping, quality.search_pixel_px, stored.image.width, stored.image.height)
    judged, core = stored.verdict.status != "NOT_GRADED", stored.geometry and stored.geometry.core
    rules = {
        "zones without geometry, clipping, search_pixel_px or size of the picture": stored.zones and None in seen,
        "a verdict without zones and scale": judged and not (stored.zones and stored.scale),
        "a scale, and defects without sizes in um and their uncertainty": stored.scale
        and not all(map(_is_sized, marks)),
        "defects of the same id": len({mark.id for mark in marks}) < len(marks),
        "zones named twice": len(set(stored.request.zones)) < len(stored.request.zones),
        "clipping: rings without count": clipping and len(clipping.pixels) != len(clipping.clipped),
        "r_core_px without a core, or none with one": any((mark.r_core_px is None) != (core is None) for mark in marks),
        "r_min_px above r_max_px": any(mark.r_min_px > mark.r_max_px for mark in marks),
        "a scale that does not fit the cladding": not _scale_fits(stored),
    }
    for contradiction, holds in rules.items():
        if holds:
            raise ValueError(contradiction)


def _scale_fits(stored: _Stored) -> bool:
    """Whether the known diameter, where it gave the scale, is what the located cladding measures by it."""
    known, scale, geometry = stored.request.cladding_diameter_um, stored.scale, stored.geometry
    if known is None or scale is None or geometry is None or scale.source != "user_cladding":
        return True
    measured_um = sum(geometry.cladding.axes_px) / 2 * scale.um_per_px
    return abs(measured_um / known - 1) < MOST_ELLIPTICAL


MOST_ELLIPTICAL = 0.5  # an angled face is longer than its diameter; what was typed wrong is off by more


def _is_sized(defect: _Defect) -> bool:
    named = {"length_um", "width_um", "diameter_um", "r_min_px"} <= defect.uncertainty.keys()
    return named and None not in (defect.length_um, defect.width_um, defect.diameter_um)


def _criteria(stored: _Criteria) -> Criteria:
    return criteria_from(stored.edition, stored.fiber_class, stored.title, msgspec.to_builtins(stored))


def _verdict(stored: _Verdict) -> Verdict:
    return Verdict(stored.status, stored.reasons, stored.violations, marginal=stored.doubts)


def _quality(stored: _Quality) -> Quality:
    clipping = stored.clipping and Clipping(**msgspec.structs.asdict(stored.clipping))
    return Quality(**msgspec.structs.asdict(stored) | {"clipping": clipping})


def _request(stored: _Request, criteria: Criteria) -> Request:
    asked = msgspec.structs.asdict(stored)
    carried = asked.pop("manifest")
    return Request(criteria.edition, criteria.fiber_class, **asked, carried=carried)


def _geometry(stored: _Geometry) -> FiberGeometry:
    c, core = stored.cladding, stored.core
    cladding = CladdingFit(c.ellipse, c.rms_px, c.support, c.contrast, c.method, c.blur_px, c.standard_uncertainty)
    if core is None:
        return FiberGeometry(cladding, None)
    unsure = core.standard_uncertainty
    return FiberGeometry(cladding, CoreFit(core.ellipse, core.source, core.reason, core.rms_px, core.support, unsure))


def _defect(stored: _Defect) -> Defect:
    values = msgspec.structs.asdict(stored) | {"contour_px": NOT_READ, "features": {}}
    rect = values.pop("rect")
    return Defect(**values, rect_px=(rect.center_px, rect.size_px, rect.angle_deg))


NOT_READ = np.empty((0, 2))
