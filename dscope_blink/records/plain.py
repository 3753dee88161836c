"""The one plain form of an inspection, as NAME_result.json has it: JSON types, numbers rounded in this one place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeAlias

import numpy as np

from dscope_blink.records.criteria import Criteria, ZoneCriteria
from dscope_blink.records.defects import Defect
from dscope_blink.records.ellipse import Ellipse
from dscope_blink.records.geometry import FiberGeometry, Measured
from dscope_blink.records.inspection import RECORD_SCHEMA, CameraReading, Inspection, Quality
from dscope_blink.records.rounding import DECIMALS, rounded
from dscope_blink.records.verdict import Check, Verdict
from dscope_blink.records.zones import ZoneOutline

Record: TypeAlias = dict[str, Any]  # one inspection in plain JSON types

_DEFECT_FIELDS = (
    *("area_px", "perimeter_px", "length_px", "width_px", "diameter_px", "r_min_px", "r_max_px", "orientation_deg"),
    *("length_um", "width_um", "diameter_um", "area_um2", "r_min_um", "r_max_um"),
    *(
        "r_core_px",
        "uncertainty",
        "circularity",
        "aspect_ratio",
        "contrast",
        "zones_touched",
        "severity",
        "counted",
        "detected_by",
        "evidence",
        "features",
    ),
)


CAMERA_KEYS = tuple(field.name for field in fields(CameraReading))


def to_json(inspection: Inspection) -> Record:
    """The inspection as NAME_result.json has it: see result.schema.json.

    Plain types only, keys always in the same order; NaN and infinity become None, floats are rounded by their unit.
    """
    asked, verdict = inspection.request, inspection.verdict
    record = {
        "schema": RECORD_SCHEMA,
        "image": {
            **fields_of(inspection.image, "file", "sha256", "width", "height"),
            "camera": inspection.image.camera and fields_of(inspection.image.camera, *CAMERA_KEYS),
        },
        "provenance": fields_of(
            inspection.provenance,
            "program",
            "profile",
            "config_sha256",
            "calibration_sha256",
            "flat_field_sha256",
            "started",
        ),
        "request": {
            **fields_of(asked, "core_diameter_um", "cladding_diameter_um", "pixel_aspect_ratio", "fiber_is_angled"),
            "zones": asked.zones,
            "manifest": asked.carried,
        },
        "criteria": _criteria_json(inspection.criteria),
        "scale": inspection.scale and fields_of(inspection.scale, "um_per_px_x", "um_per_px_y", "source"),
        "quality": _quality_json(inspection.quality),
        "geometry": inspection.geometry and _geometry_json(inspection.geometry, inspection.measurements),
        "zones": [_outline_json(zone) for zone in inspection.zones],
        "defects": [_defect_json(defect) for defect in inspection.defects],
        "verdict": verdict_json(verdict),
        "timings_s": inspection.timings_s,
    }
    given = ("image", "request", "criteria")  # kept as it was given, so that it can be judged by again
    return {name: plain(name, value, exact=name in given) for name, value in record.items()}


def verdict_json(verdict: Verdict) -> Record:
    """The verdict as the record has it."""
    return {
        **fields_of(verdict, "status", "reasons"),
        "violations": [fields_of(v, "zone", "rule", "measured", "allowed", "defects") for v in verdict.violations],
        "marginal": bool(verdict.marginal),
        "doubts": verdict.marginal,
        "closest_limit": verdict.closest and verdict.closest.in_words,
        "checks": [_check_json(check) for check in verdict.checks],
    }


def _check_json(check: Check) -> Record:
    numbers = ("count", "max_count", "size_um", "limit_um", "margin_um", "nearness")
    return fields_of(check, "zone", "rule", "broken", *numbers, "defects")


def _quality_json(quality: Quality) -> Record:
    clipping = quality.clipping and fields_of(quality.clipping, "ring_width", "pixels", "clipped")
    kept = fields_of(quality, "focus", "saturated_fraction", "warnings", "search_pixel_px")
    return {**kept, "clipping": clipping}


def fields_of(record: Any, *names: str) -> Record:
    """These attributes by name."""
    return {name: getattr(record, name) for name in names}


def _criteria_json(criteria: Criteria) -> Record:
    """With all limits, so that the record says what it was judged by."""
    return {
        **fields_of(criteria, "edition", "fiber_class", "confirmed", "title", "source", "scratch_classes", "zone_rule"),
        "size_by": {"scratches": criteria.scratch_size_by, "defects": criteria.defect_size_by},
        "zones": [_zone_criteria_json(zone) for zone in criteria.zones],
    }


def _zone_criteria_json(zone: ZoneCriteria) -> Record:
    """As config.json has it."""
    return {
        "zone": zone.letter,
        "outer": fields_of(zone, "of", "times", "plus_um"),
        "scratches": [fields_of(band, *_BAND) for band in zone.scratches],
        "defects": [fields_of(band, *_BAND) for band in zone.defects],
    }


_BAND = ("min_um", "min_inclusive", "max_um", "max_inclusive", "max_count")


def _ellipse_json(ellipse: Ellipse) -> Record:
    return fields_of(ellipse, "center_px", "axes_px", "angle_deg")


def _outline_json(outline: ZoneOutline) -> Record:
    return {"zone": outline.name, "letter": outline.letter, **_ellipse_json(outline.outer)}


def _geometry_json(geometry: FiberGeometry, measurements: Mapping[str, Measured]) -> Record:
    cladding, core = geometry.cladding, geometry.core
    fit = ("rms_px", "support")
    return {
        "cladding": {
            **_ellipse_json(cladding.ellipse),
            **fields_of(cladding, *fit, "contrast", "method", "blur_px"),
            "standard_uncertainty": fields_of(cladding.uncertainty, *_FIT_UNCERTAINTY),
        },
        "core": core
        and {
            **_ellipse_json(core.ellipse),
            **fields_of(core, *fit, "source", "reason"),
            "standard_uncertainty": core.uncertainty and fields_of(core.uncertainty, *_FIT_UNCERTAINTY),
        },
        **{name: measured.value for name, measured in measurements.items()},
        "uncertainty": {n: m.uncertainty for n, m in measurements.items() if m.uncertainty is not None},
    }


_FIT_UNCERTAINTY = ("center_px", "diameter_px", "axes_px")


def _defect_json(defect: Defect) -> Record:
    center, size, angle = defect.rect_px
    return {
        **fields_of(defect, "id", "zone", "classification", "confidence", "centroid_px", "bbox_px", "contour_px"),
        "rect": {"center_px": center, "size_px": size, "angle_deg": angle},
        **fields_of(defect, *_DEFECT_FIELDS),
    }


def plain(name: str, value: Any, exact: bool = False) -> Any:
    """`value` in JSON types, its floats rounded by the unit in `name` unless they are to stay exact."""
    kind = type(value)  # most values are told by it at once: isinstance asks an abstract class ten times as long
    if kind in _PLAIN or (exact and kind is float):
        return value
    if kind is float or (isinstance(value, np.floating) and not exact):
        return rounded(name, float(value)) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: plain(key, item, exact) for key, item in value.items()}
    if isinstance(value, np.ndarray):  # an outline: rounded at once, for there may be thousands of points
        return np.round(value, DECIMALS["px"]).tolist()
    if isinstance(value, list | tuple):
        return [plain(name, item, exact) for item in value]
    return value.item() if isinstance(value, np.generic) else value


_PLAIN = frozenset({str, int, bool, type(None)})  # exactly these: NumPy's own are made of them


def regraded_record(record: Record, after: Inspection, config_sha256: str) -> Record:
    """A stored record with what judging it again has changed; `after` has the ids of the record's defects."""
    kept = {defect["id"]: defect for defect in record["defects"]}
    changed = ("zone", "counted", "severity")
    return {
        **record,
        "provenance": {**record["provenance"], "config_sha256": config_sha256},
        "criteria": _criteria_json(after.criteria),
        "quality": {**record["quality"], "warnings": after.quality.warnings},
        "zones": [_outline_json(zone) for zone in after.zones],
        "defects": [{**kept[defect.id], **fields_of(defect, *changed)} for defect in after.defects],
        "verdict": plain("verdict", verdict_json(after.verdict)),
    }
