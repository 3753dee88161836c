"""Records -> JSON, CSV and pictures; measures and judges nothing.

`to_json` makes the one plain form of an inspection. The tables are read off that form, so that a number is rounded in
one place and stands the same in every file. Files appear whole or not at all.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotation import annotate
from config_loader import Config
from decoding import Picture
from detectors import DETECTORS
from image_processing import zone_map
from plots import png_bytes, polar_figure
from records import (
    CLASSIFICATIONS,
    DECIMALS,
    RECORD_SCHEMA,
    ZONE_NAMES,
    CameraReading,
    Cell,
    Check,
    Criteria,
    Defect,
    Ellipse,
    FiberGeometry,
    Inspection,
    Mask,
    Measured,
    Quality,
    Verdict,
    ZoneCriteria,
    ZoneOutline,
    rounded,
)
from whole_files import write_file

Record: TypeAlias = dict[str, Any]  # one inspection in plain JSON types

# --- the record ------------------------------------------------------------------------------------------------------

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
            **_fields(inspection.image, "file", "sha256", "width", "height"),
            "camera": inspection.image.camera and _fields(inspection.image.camera, *CAMERA_KEYS),
        },
        "provenance": _fields(
            inspection.provenance,
            "program",
            "profile",
            "config_sha256",
            "calibration_sha256",
            "flat_field_sha256",
            "started",
        ),
        "request": {
            **_fields(asked, "core_diameter_um", "cladding_diameter_um", "pixel_aspect_ratio", "fiber_is_angled"),
            "zones": asked.zones,
            "manifest": asked.carried,
        },
        "criteria": _criteria_json(inspection.criteria),
        "scale": inspection.scale and _fields(inspection.scale, "um_per_px_x", "um_per_px_y", "source"),
        "quality": _quality_json(inspection.quality),
        "geometry": inspection.geometry and _geometry_json(inspection.geometry, inspection.measurements),
        "zones": [_outline_json(zone) for zone in inspection.zones],
        "defects": [_defect_json(defect) for defect in inspection.defects],
        "verdict": verdict_json(verdict),
        "timings_s": inspection.timings_s,
    }
    given = ("image", "request", "criteria")  # kept as it was given, so that it can be judged by again
    return {name: _plain(name, value, exact=name in given) for name, value in record.items()}


def verdict_json(verdict: Verdict) -> Record:
    """The verdict as the record has it."""
    return {
        **_fields(verdict, "status", "reasons"),
        "violations": [_fields(v, "zone", "rule", "measured", "allowed", "defects") for v in verdict.violations],
        "marginal": bool(verdict.marginal),
        "doubts": verdict.marginal,
        "closest_limit": verdict.closest and verdict.closest.in_words,
        "checks": [_check_json(check) for check in verdict.checks],
    }


def _check_json(check: Check) -> Record:
    numbers = ("count", "max_count", "size_um", "limit_um", "margin_um", "nearness")
    return _fields(check, "zone", "rule", "broken", *numbers, "defects")


def _quality_json(quality: Quality) -> Record:
    clipping = quality.clipping and _fields(quality.clipping, "ring_width", "pixels", "clipped")
    kept = _fields(quality, "focus", "saturated_fraction", "warnings", "search_pixel_px")
    return {**kept, "clipping": clipping}


def _fields(record: Any, *names: str) -> Record:
    return {name: getattr(record, name) for name in names}


def _criteria_json(criteria: Criteria) -> Record:
    """With all limits, so that the record says what it was judged by."""
    return {
        **_fields(criteria, "edition", "fiber_class", "confirmed", "title", "source", "scratch_classes", "zone_rule"),
        "size_by": {"scratches": criteria.scratch_size_by, "defects": criteria.defect_size_by},
        "zones": [_zone_criteria_json(zone) for zone in criteria.zones],
    }


def _zone_criteria_json(zone: ZoneCriteria) -> Record:
    """As config.json has it."""
    return {
        "zone": zone.letter,
        "outer": _fields(zone, "of", "times", "plus_um"),
        "scratches": [_fields(band, *_BAND) for band in zone.scratches],
        "defects": [_fields(band, *_BAND) for band in zone.defects],
    }


_BAND = ("min_um", "min_inclusive", "max_um", "max_inclusive", "max_count")


def _ellipse_json(ellipse: Ellipse) -> Record:
    return _fields(ellipse, "center_px", "axes_px", "angle_deg")


def _outline_json(outline: ZoneOutline) -> Record:
    return {"zone": outline.name, "letter": outline.letter, **_ellipse_json(outline.outer)}


def _geometry_json(geometry: FiberGeometry, measurements: Mapping[str, Measured]) -> Record:
    cladding, core = geometry.cladding, geometry.core
    fit = ("rms_px", "support")
    return {
        "cladding": {
            **_ellipse_json(cladding.ellipse),
            **_fields(cladding, *fit, "contrast", "method", "blur_px"),
            "standard_uncertainty": _fields(cladding.uncertainty, *_FIT_UNCERTAINTY),
        },
        "core": core
        and {
            **_ellipse_json(core.ellipse),
            **_fields(core, *fit, "source", "reason"),
            "standard_uncertainty": core.uncertainty and _fields(core.uncertainty, *_FIT_UNCERTAINTY),
        },
        **{name: measured.value for name, measured in measurements.items()},
        "uncertainty": {n: m.uncertainty for n, m in measurements.items() if m.uncertainty is not None},
    }


_FIT_UNCERTAINTY = ("center_px", "diameter_px", "axes_px")


def _defect_json(defect: Defect) -> Record:
    center, size, angle = defect.rect_px
    return {
        **_fields(defect, "id", "zone", "classification", "confidence", "centroid_px", "bbox_px", "contour_px"),
        "rect": {"center_px": center, "size_px": size, "angle_deg": angle},
        **_fields(defect, *_DEFECT_FIELDS),
    }


def _plain(name: str, value: Any, exact: bool = False) -> Any:
    """`value` in JSON types, its floats rounded by the unit in `name` unless they are to stay exact."""
    if isinstance(value, Mapping):
        return {key: _plain(key, item, exact) for key, item in value.items()}
    if isinstance(value, np.ndarray):  # an outline: rounded at once, for there may be thousands of points
        return np.round(value, DECIMALS["px"]).tolist()
    if isinstance(value, list | tuple):
        return [_plain(name, item, exact) for item in value]
    if isinstance(value, float | np.floating) and not exact:
        return rounded(name, float(value)) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


# --- the tables ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: the declaration that the CSV files and their documentation are made from."""

    name: str
    unit: str
    dtype: str  # of the pandas column, kept when the table is empty; text is object, for a file name may be no Unicode
    meaning: str
    value: Callable[..., Any]  # of a record, of a record and one of its defects, or of a cell


def _of_defect(name: str, unit: str, dtype: str, meaning: str, key: str) -> Column:
    return Column(name, unit, dtype, meaning, lambda record, defect: defect[key])


def _joined(name: str, meaning: str, key: str) -> Column:
    return Column(name, "", "object", meaning, lambda record, defect: ";".join(defect[key]))


def _position(record: Record, defect: Record, axis: int, unit: str, from_center: bool = False) -> float:
    """A coordinate of the centroid, from the corner of the picture or from the centre of the cladding."""
    origin = record["geometry"]["cladding"]["center_px"][axis] if from_center else 0.0
    factor = record["scale"][f"um_per_px_{'xy'[axis]}"] if unit == "um" else 1.0
    position: float = defect["centroid_px"][axis] - origin
    return round(position * factor, DECIMALS[unit])


def _lengths(unit: str) -> tuple[Column, ...]:
    """The columns that exist in micrometres and in pixels, declared once for both."""
    from_center = partial(_position, unit=unit, from_center=True)
    area_key = {"um": "area_um2", "px": "area_px"}[unit]
    places = (
        ("Centroid_X", "x of the centroid, from the left of the picture", partial(_position, axis=0, unit=unit)),
        ("Centroid_Y", "y of the centroid, from the top of the picture", partial(_position, axis=1, unit=unit)),
        ("Offset_X", "x of the centroid, from the centre of the cladding", partial(from_center, axis=0)),
        ("Offset_Y", "y of the centroid, from the centre of the cladding, downwards", partial(from_center, axis=1)),
    )
    x, y, *offsets = (Column(f"{stem}_{unit}", unit, "float64", text, value) for stem, text, value in places)
    sizes = (
        ("Length", "length along the mark", "length"),
        ("Width", "width across the mark", "width"),
        ("Diameter", "diameter of the smallest enclosing circle", "diameter"),
        ("R_Min", "nearest distance of the mark from the fiber centre", "r_min"),
        ("R_Max", "farthest distance of the mark from the fiber centre", "r_max"),
    )
    length, width, *others = (
        _of_defect(f"{stem}_{unit}", unit, "float64", text, f"{key}_{unit}") for stem, text, key in sizes
    )
    area = _of_defect(f"Area_{unit}2", f"{unit}2", "float64", "area of the mark", area_key)
    return (x, y, length, width, area, *others, *offsets)


def _size_uncertainty(stem: str, key: str) -> Column:
    meaning = f"expanded uncertainty of the {stem.lower()}, k = 2; absent without a scale"
    return Column(f"{stem}_U_um", "um", "float64", meaning, lambda record, defect: defect["uncertainty"].get(key))


DEFECT_COLUMNS: tuple[Column, ...] = (
    _of_defect("Defect_ID", "", "object", "S scratch, P pit/dig, C contamination, K crack, E chip, and a number", "id"),
    _of_defect("Zone", "", "object", "zone that the criteria put the mark in", "zone"),
    _of_defect("Classification", "", "object", ", ".join(CLASSIFICATIONS), "classification"),
    _of_defect(
        "Confidence_Score", "0..1", "float64", "evidence over what its detectors could have given", "confidence"
    ),
    *_lengths("um"),
    _of_defect("Orientation_deg", "deg", "float64", "long axis, from x, clockwise on the screen", "orientation_deg"),
    _of_defect("Contrast", "", "float64", "(mark - background) / background, at the peak", "contrast"),
    _of_defect("Circularity", "", "float64", "4 pi area / perimeter^2, 1 for a disc", "circularity"),
    _of_defect("Aspect_Ratio", "", "float64", "length / width", "aspect_ratio"),
    _of_defect("Perimeter_px", "px", "float64", "length of the outline", "perimeter_px"),
    _of_defect("Severity", "", "object", "CRITICAL, HIGH, MEDIUM or LOW", "severity"),
    _of_defect("Counted", "", "bool", "whether a limit counts the mark", "counted"),
    _joined("Zones_Touched", "all zones that the mark overlaps", "zones_touched"),
    *(_size_uncertainty(stem, f"{stem.lower()}_um") for stem in ("Length", "Width", "Diameter")),
    _joined("Detected_By", "detectors that found the mark", "detected_by"),
    *_lengths("px"),
)


def _quantity(name: str, unit: str, meaning: str, *path: str) -> Column:
    return Column(name, unit, "float64", meaning, lambda record: _at(record, path))


def _text(name: str, meaning: str, *path: str) -> Column:
    return Column(name, "", "object", meaning, lambda record: _at(record, path))


def _dimension(name: str, unit: str, meaning: str) -> tuple[Column, Column]:
    """A measured dimension and its uncertainty."""
    key, stem = name.lower(), name.removesuffix(f"_{name.rpartition('_')[2]}")
    return (
        _quantity(name, unit, meaning, "geometry", key),
        _quantity(
            f"{stem}_U_{name.rpartition('_')[2]}",
            unit,
            "its expanded uncertainty, k = 2",
            "geometry",
            "uncertainty",
            key,
        ),
    )


def _list(name: str, meaning: str, *path: str) -> Column:
    return Column(name, "", "object", meaning, lambda record: "; ".join(_at(record, path)))


def _at(record: Record, path: Sequence[str]) -> Any:
    """What stands at a path of keys; None where the path ends early at a null."""
    value: Any = record
    for key in path:
        value = None if value is None else value.get(key)
    return value


def _count(name: str, meaning: str, **wanted: Any) -> Column:
    """A number of defects; empty where no zone was inspected, for 0 would be a claim."""

    def value(record: Record) -> int | None:
        if not record["zones"]:
            return None
        return sum(all(defect[key] == item for key, item in wanted.items()) for defect in record["defects"])

    return Column(name, "", "Int64", meaning, value)


_CORE, _CLADDING, *_OUTER_ZONES = ZONE_NAMES.values()

SUMMARY_COLUMNS: tuple[Column, ...] = (
    _text("Image_Filename", "file, relative to the input folder", "image", "file"),
    _text("Pass/Fail_Status", "PASS, FAIL or NOT_GRADED", "verdict", "status"),
    _quantity("Processing_Time_s", "s", "from the decoded image to the verdict", "timings_s", "total"),
    _count("Total_Defect_Count", "marks found; empty when no zone could be inspected"),
    _count("Core_Defect_Count", "marks in zone A", zone=_CORE),
    _count("Cladding_Defect_Count", "marks in zone B", zone=_CLADDING),
    _list("Failure_Reason(s)", "why it failed or was not graded", "verdict", "reasons"),
    Column(
        "Marginal",
        "",
        "boolean",
        "whether the verdict would change within the uncertainty; empty when not graded",
        lambda r: None if r["verdict"]["status"] == "NOT_GRADED" else r["verdict"]["marginal"],
    ),
    _list("Marginal_Reason(s)", "what would change it", "verdict", "doubts"),
    _text("Closest_Limit", "the limit that holds with the least to spare", "verdict", "closest_limit"),
    *(_count(f"{zone.title()}_Defect_Count", f"marks in the {zone} zone", zone=zone) for zone in _OUTER_ZONES),
    *(_count(f"{name.title()}_Count", f"marks classified as {name}", classification=name) for name in CLASSIFICATIONS),
    _count("Counted_Defect_Count", "marks that a limit counts", counted=True),
    _text("Edition", "edition of the criteria", "criteria", "edition"),
    _text("Fiber_Class", "class of the criteria", "criteria", "fiber_class"),
    Column("Criteria_Confirmed", "", "bool", "whether the limits are confirmed", lambda r: r["criteria"]["confirmed"]),
    _text("Profile", "profile of the inspection", "provenance", "profile"),
    _text("Config_sha256", "hash of the configuration that it was judged by", "provenance", "config_sha256"),
    _list("Zones_Inspected", "zones that were asked for", "request", "zones"),
    _text("Scale_Source", "where the scale comes from; empty without one", "scale", "source"),
    _quantity("um_per_px_x", "um/px", "scale along x", "scale", "um_per_px_x"),
    _quantity("um_per_px_y", "um/px", "scale along y", "scale", "um_per_px_y"),
    *_dimension("Cladding_Diameter_um", "um", "mean diameter of the cladding"),
    _quantity("Cladding_Diameter_px", "px", "the same in pixels", "geometry", "cladding_diameter_px"),
    *_dimension("Core_Diameter_um", "um", "mean diameter of the core"),
    _quantity("Core_Diameter_px", "px", "the same in pixels", "geometry", "core_diameter_px"),
    *_dimension("Core_Cladding_Offset_um", "um", "concentricity error: distance of the centres of core and cladding"),
    _quantity("Core_Offset_X_um", "um", "centre of the core from that of the cladding", "geometry", "core_offset_x_um"),
    _quantity("Core_Offset_Y_um", "um", "the same downwards", "geometry", "core_offset_y_um"),
    *_dimension("Cladding_Non_Circularity_pct", "%", "largest less smallest diameter over their mean"),
    *_dimension("Core_Non_Circularity_pct", "%", "the same of the core"),
    _quantity("Face_Tilt_deg", "deg", "tilt of a face that is said to be angled", "geometry", "face_tilt_deg"),
    _quantity("Pixel_Aspect_Ratio", "", "um_per_px_x / um_per_px_y", "geometry", "pixel_aspect_ratio"),
    _quantity(
        "Fit_Residual_px", "px", "rms distance of the edge points from the cladding", "geometry", "cladding", "rms_px"
    ),
    _quantity(
        "Fit_Support", "0..1", "share of the circumference that shows the edge", "geometry", "cladding", "support"
    ),
    _text("Core_Source", "measured, or nominal when it could not be seen", "geometry", "core", "source"),
    _quantity("Focus", "", "sharpness of the picture", "quality", "focus"),
    _list("Warnings", "what else to know about the picture", "quality", "warnings"),
    _text("sha256", "hash of the image file", "image", "sha256"),
)


def _keyed(name: str, unit: str, dtype: str, meaning: str, key: str) -> Column:
    return Column(name, unit, dtype, meaning, lambda row: row[key])


def _response(detector: str) -> Column:
    """Empty for a detector that is switched off."""
    meaning = f"share of the pixels that `{detector}` marks; empty where it is switched off"
    return Column(f"Response_{detector}", "0..1", "float64", meaning, lambda cell: cell["responses"].get(detector))


CELL_COLUMNS: tuple[Column, ...] = (
    _keyed("Zone", "", "object", "zone whose pixels are measured", "zone"),
    _keyed("Row", "", "int64", "1 to 3, from the top of the zone's box", "row"),
    _keyed("Column", "", "int64", "1 to 3, from the left of the zone's box", "column"),
    _keyed("Left_px", "px", "float64", "left side of the cell, from the left of the picture", "left_px"),
    _keyed("Top_px", "px", "float64", "upper side of the cell, from the top of the picture", "top_px"),
    _keyed("Width_px", "px", "float64", "width of the cell: a third of that of the zone's outline", "width_px"),
    _keyed("Height_px", "px", "float64", "height of the cell: a third of that of the zone's outline", "height_px"),
    _keyed("Pixel_Count", "", "int64", "pixels of the zone in the cell", "pixel_count"),
    _keyed("Gray_Mean", "0..255", "float64", "mean grey level of these pixels", "gray_mean"),
    _keyed("Gray_Deviation", "0..255", "float64", "standard deviation of their grey levels", "gray_deviation"),
    _keyed("Entropy_bits", "bit", "float64", "entropy of the histogram of their grey levels", "entropy_bits"),
    _keyed("Gradient_X", "1/px", "float64", "mean slope of the grey level, to the right", "gradient_x"),
    _keyed("Gradient_Y", "1/px", "float64", "mean slope of the grey level, downwards", "gradient_y"),
    *map(_response, DETECTORS),
    _keyed("Defect_Count", "", "int64", "marks of the zone with their centroid in the cell", "defect_count"),
    _keyed("Defect_Area_um2", "um2", "float64", "area of these marks", "defect_area_um2"),
    _keyed("Defect_Area_px2", "px2", "float64", "area of these marks", "defect_area_px"),
)


def column_table(columns: Iterable[Column]) -> str:
    """The columns as a Markdown table of name, unit and meaning."""
    lines = [f"| `{c.name}` | {c.unit} | {c.meaning} |" for c in columns]
    return "\n".join(["| column | unit | meaning |", "|---|---|---|", *lines]) + "\n"


def _without_scale(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Every micrometre column replaced by its pixel twin, which then does not come a second time, or left out."""
    by_name = {column.name: column for column in columns}
    twins = (column.name.replace("_um", "_px") for column in columns)
    return tuple(dict.fromkeys(by_name[name] for name in twins if name in by_name))


def defect_table(inspection: Inspection) -> pd.DataFrame:
    """One row per defect, in the columns of NAME_report.csv."""
    record = to_json(inspection)
    columns = DEFECT_COLUMNS if record["scale"] else _without_scale(DEFECT_COLUMNS)
    return _table(columns, ((record, defect) for defect in record["defects"]))


def _table(columns: Sequence[Column], rows: Iterable[tuple[Any, ...]]) -> pd.DataFrame:
    """The columns of what each row is read off; an empty table keeps its columns and their types."""
    dtypes = {column.name: column.dtype for column in columns}
    return _frame([{column.name: column.value(*row) for column in columns} for row in rows], dtypes)


def cell_table(inspection: Inspection) -> pd.DataFrame:
    """One row per zone and cell, in the columns of NAME_cells.csv."""
    columns = CELL_COLUMNS if inspection.scale else _without_scale(CELL_COLUMNS)
    return _table(columns, ((_cell_json(cell),) for cell in inspection.cells))


AGREEMENT_COLUMNS: tuple[Column, ...] = (
    _keyed("Detector_A", "", "object", "one detector", "a"),
    _keyed("Detector_B", "", "object", "another, or the same", "b"),
    _keyed("Weight_A", "", "float64", "weight of the first in the confidence map", "weight_a"),
    _keyed("Weight_B", "", "float64", "weight of the second", "weight_b"),
    _keyed("Marks_A", "", "int64", "marks that the first found", "marks_a"),
    _keyed("Marks_B", "", "int64", "marks that the second found", "marks_b"),
    _keyed("Marks_Both", "", "int64", "marks that both found", "both"),
    _keyed("Agreement", "0..1", "float64", "marks that both found over those that either found", "agreement"),
)


def agreement_table(inspection: Inspection, config: Config) -> pd.DataFrame:
    """One row per pair of the detectors in use, each also with itself, in the columns of NAME_agreement.csv."""
    weights = {name: detector.weight for name, detector in config.detectors.items() if detector.enabled}
    marks = {name: {d.id for d in inspection.defects if name in d.detected_by} for name in weights}
    rows = [
        {
            **{"a": a, "b": b, "weight_a": weights[a], "weight_b": weights[b]},
            **{"marks_a": len(marks[a]), "marks_b": len(marks[b]), "both": len(marks[a] & marks[b])},
            "agreement": len(marks[a] & marks[b]) / len(marks[a] | marks[b]) if marks[a] | marks[b] else None,
        }
        for a, b in combinations_with_replacement(weights, 2)
    ]
    return _table(AGREEMENT_COLUMNS, ((row,) for row in rows))


def _cell_json(cell: Cell) -> Record:
    (left, top), (width, height) = cell.corner_px, cell.size_px
    sides = {"left_px": left, "top_px": top, "width_px": width, "height_px": height}
    return {name: _plain(name, value) for name, value in (_fields(cell, *_CELL_FIELDS) | sides).items()}


_CELL_FIELDS = (
    *("zone", "row", "column", "pixel_count", "gray_mean", "gray_deviation", "entropy_bits"),
    *("gradient_x", "gradient_y", "responses", "defect_count", "defect_area_px", "defect_area_um2"),
)


def zone_images(picture: Picture, inspection: Inspection) -> Mapping[str, Picture]:
    """Each inspected zone cut out of the picture.

    Parameters
    ----------
    picture : (H, W) or (H, W, 3) uint8 or uint16, as stored
    inspection : its zones; empty ones where none was inspected

    Returns
    -------
    By name of the zone, (h, w, 4) of the picture's dtype in the smallest box: blue, green and red as stored, the grey
    level in all three for a grey picture, and alpha: full for the zone's pixels, 0 for all others, which are black. A
    zone without a pixel in the picture is left out.
    """
    zones = zone_map(picture.shape[:2], inspection.zones)
    asked = (outline for outline in zones.outlines if outline.name in inspection.request.zones)
    masks = {outline.name: zones.mask(outline.letter) for outline in asked}
    return {name: _cut_out(picture, mask) for name, mask in masks.items() if mask.any()}


def _cut_out(picture: Picture, mask: Mask) -> Picture:
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    box = np.s_[y : y + height, x : x + width]
    cut = cv2.cvtColor(picture[box], cv2.COLOR_GRAY2BGRA if picture.ndim == 2 else cv2.COLOR_BGR2BGRA)
    cut[~mask[box]] = 0
    return cut


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
        "defects": [{**kept[defect.id], **_fields(defect, *changed)} for defect in after.defects],
        "verdict": _plain("verdict", verdict_json(after.verdict)),
    }


def summary_row(inspection: Inspection) -> Record:
    """The row of summary_report.csv: `SUMMARY_COLUMNS`, then the columns that the manifest carried."""
    return summary_row_of(to_json(inspection))


def summary_row_of(record: Record) -> Record:
    """The same from a record as `to_json` makes it, or as it was read back from NAME_result.json."""
    row = {column.name: column.value(record) for column in SUMMARY_COLUMNS}
    carried = record["request"]["manifest"].items()
    for name, text in carried:
        row[_free_name(name, row)] = text
    return row


def _free_name(name: str, taken: Record) -> str:
    return _free_name(f"Manifest_{name}", taken) if name in taken else name


def _frame(rows: Sequence[Record], dtypes: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=t) for name, t in dtypes.items()})


def _csv_bytes(table: pd.DataFrame) -> bytes:
    text = table.map(_safe_cell).rename(columns=_safe_cell).to_csv(index=False, lineterminator="\n")
    return text.encode("utf-8", "backslashreplace")  # a file name may hold bytes that are no text


# The wide signs are formulas too where Chinese, Japanese or Korean is typed.
FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _safe_cell(cell: Any) -> Any:
    """Text becomes one line that no spreadsheet takes for a formula; anything else stays."""
    if not isinstance(cell, str):
        return cell
    line = CONTROL_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", " ".join(cell.splitlines()))
    is_formula = line.lstrip()[:1] in FORMULA_STARTS or cell[:1] in ("\t", "\r")
    return f"'{line}" if is_formula else line


# --- stored results judged again -------------------------------------------------------------------------------------


def _before(name: str, meaning: str, value: Callable[[Inspection], Any]) -> Column:
    return Column(name, "", "object", meaning, lambda before, after: value(before))


def _after(name: str, meaning: str, value: Callable[[Inspection], Any]) -> Column:
    return Column(name, "", "object", meaning, lambda before, after: value(after))


CHANGE_COLUMNS: tuple[Column, ...] = (
    _after("Image_Filename", "file, relative to the input folder", lambda i: i.image.file),
    _before("Status_Before", "verdict of the stored result", lambda i: i.verdict.status),
    _after("Status_After", "verdict of judging it again", lambda i: i.verdict.status),
    Column(
        "Changed_By",
        "",
        "object",
        "limits that are broken now and were not, or no longer are; or why it is not graded",
        lambda before, after: "; ".join(changed_by(before, after)),
    ),
    _before("Marginal_Before", "whether the stored verdict was marginal", lambda i: bool(i.verdict.marginal)),
    _after("Marginal_After", "whether the new one is", lambda i: bool(i.verdict.marginal)),
    _before("Edition_Before", "edition of the stored result", lambda i: i.criteria.edition),
    _before("Fiber_Class_Before", "class of the stored result", lambda i: i.criteria.fiber_class),
    _after("Edition_After", "edition judged by now", lambda i: i.criteria.edition),
    _after("Fiber_Class_After", "class judged by now", lambda i: i.criteria.fiber_class),
    _after("sha256", "hash of the image file", lambda i: i.image.sha256),
)


def change_row(before: Inspection, after: Inspection) -> Record:
    """The row of changes_KEY.csv for one result that was judged again."""
    return {column.name: column.value(before, after) for column in CHANGE_COLUMNS}


def is_changed(before: Inspection, after: Inspection) -> bool:
    """Whether the verdict, a broken limit or the doubt about it is another."""
    return bool(changed_by(before, after)) or bool(before.verdict.marginal) != bool(after.verdict.marginal)


def changed_by(before: Inspection, after: Inspection) -> tuple[str, ...]:
    """The limits that made the difference between two verdicts on one face; empty when there is none."""
    if after.verdict.status == "NOT_GRADED":
        return () if before.verdict.status == "NOT_GRADED" else after.verdict.reasons
    was, now = (_reasons_by_rule(inspection.verdict) for inspection in (before, after))
    new = [reason for rule, reason in now.items() if rule not in was]
    gone = [f"no longer: {reason}" for rule, reason in was.items() if rule not in now]
    return (*new, *gone)


def _reasons_by_rule(verdict: Verdict) -> Mapping[tuple[str, str], str]:
    return {(v.zone, v.rule): reason for v, reason in zip(verdict.violations, verdict.reasons, strict=False)}


@dataclass(frozen=True, slots=True)
class Yield:
    """How many results pass by the limits of one class; None: each by those of its own class."""

    edition: str
    fiber_class: str | None
    confirmed: bool | None
    passed: int
    failed: int
    not_graded: int
    marginal: int

    @property
    def percent(self) -> float | None:
        """Of those that were graded."""
        graded = self.passed + self.failed
        return round(100 * self.passed / graded, 2) if graded else None


YIELD_COLUMNS: tuple[Column, ...] = (
    Column("Edition", "", "object", "edition judged by", lambda y: y.edition),
    Column(
        "Fiber_Class",
        "",
        "object",
        "class judged by; `as recorded`: each result by its own",
        lambda y: y.fiber_class or "as recorded",
    ),
    Column(
        "Criteria_Confirmed",
        "",
        "boolean",
        "whether the limits are confirmed; empty for more than one class",
        lambda y: y.confirmed,
    ),
    Column("Results", "", "int64", "stored results", lambda y: y.passed + y.failed + y.not_graded),
    Column("PASS", "", "int64", "results that pass", lambda y: y.passed),
    Column("FAIL", "", "int64", "results that fail", lambda y: y.failed),
    Column(
        "NOT_GRADED",
        "",
        "int64",
        "results that are not graded, also for lack of the class in the edition",
        lambda y: y.not_graded,
    ),
    Column("Marginal", "", "int64", "verdicts that would change within the uncertainty", lambda y: y.marginal),
    Column("Yield_pct", "%", "float64", "PASS over those graded", lambda y: y.percent),
)


# --- the files -------------------------------------------------------------------------------------------------------


def write_result(path: Path, inspection: Inspection) -> None:
    """NAME_result.json, one line for each part and each defect, so that a person can find their way in it.

    Raises UserError if the file cannot be written, as all writers here do.
    """
    write_file(path, _json_text(to_json(inspection)).encode("utf-8", "backslashreplace"))


def _json_text(record: Record) -> str:
    compact = partial(json.dumps, ensure_ascii=False, allow_nan=False)
    parts = [f"{compact(name)}: {compact(value)}" for name, value in record.items() if name != "defects"]
    defects = ",\n".join(f"  {compact(defect)}" for defect in record["defects"])
    before = list(record).index("defects")
    parts.insert(before, f'"defects": [\n{defects}\n]' if defects else '"defects": []')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def write_defect_table(path: Path, inspection: Inspection) -> None:
    """NAME_report.csv: one row per defect."""
    write_file(path, _csv_bytes(defect_table(inspection)))


def write_agreement(path: Path, inspection: Inspection, config: Config) -> None:
    """NAME_agreement.csv: one row per pair of detectors."""
    write_file(path, _csv_bytes(agreement_table(inspection, config)))


def write_cells(path: Path, inspection: Inspection) -> None:
    """NAME_cells.csv: one row per zone and cell."""
    write_file(path, _csv_bytes(cell_table(inspection)))


def write_summary(path: Path, rows: Sequence[Record]) -> None:
    """summary_report.csv from rows of `summary_row`, written anew each time: it is whole whenever it is looked at.

    The columns that the manifest carried follow in the order in which they were first seen.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    declared = {column.name: column.dtype for column in SUMMARY_COLUMNS}
    write_file(path, _csv_bytes(_frame(rows, declared | {n: "object" for n in names if n not in declared})))


def write_changes(path: Path, rows: Sequence[Record]) -> None:
    """changes_KEY.csv from rows of `change_row`: the results that judging them again has changed."""
    write_file(path, _csv_bytes(_frame(rows, {column.name: column.dtype for column in CHANGE_COLUMNS})))


def write_yields(path: Path, yields: Iterable[Yield]) -> None:
    """compare_editions.csv: one row per edition and class."""
    write_file(path, _csv_bytes(_table(YIELD_COLUMNS, ((one,) for one in yields))))


def write_annotated(path: Path, picture: NDArray[Any], inspection: Inspection) -> None:
    """NAME_annotated.png; `picture` as `annotation.annotate` takes it."""
    _write_png(path, annotate(picture, inspection))


def write_zone_image(path: Path, cut: Picture) -> None:
    """NAME_zone_ZONE.png, lossless; `cut` as `zone_images` gives it."""
    _write_png(path, cut)


def _write_png(path: Path, picture: Picture) -> None:
    _, data = cv2.imencode(".png", picture)
    write_file(path, data.tobytes())


def write_histogram(path: Path, inspection: Inspection) -> None:
    """NAME_histogram.png: the polar map of the defects."""
    write_file(path, png_bytes(polar_figure(inspection)))
