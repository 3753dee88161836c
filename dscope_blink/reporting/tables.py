"""The columns of every table, declared once, and the tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dscope_blink.config.settings import Config
from dscope_blink.records import (
    CLASSIFICATIONS,
    DECIMALS,
    SEVERITIES,
    ZONE_NAMES,
    Cell,
    Defect,
    Inspection,
    LogLine,
    Verdict,
    as_recorded,
    texts,
)
from dscope_blink.reporting.wording import next_class

Row: TypeAlias = dict[str, Any]  # of a table: what stands under the name of each column


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: the declaration that the CSV files and their documentation are made from."""

    name: str
    unit: str
    dtype: str  # of the pandas column, kept when the table is empty; text is object, for a file name may be no Unicode
    meaning: str
    value: Callable[..., Any]  # of an inspection, of an inspection and one of its defects, or of a cell


def _of_defect(name: str, unit: str, dtype: str, meaning: str, key: str) -> Column:
    return Column(name, unit, dtype, meaning, lambda inspection, defect: getattr(defect, key))


def _joined(name: str, meaning: str, key: str) -> Column:
    return Column(name, "", "object", meaning, lambda inspection, defect: ";".join(getattr(defect, key)))


def _position(inspection: Inspection, defect: Defect, axis: int, unit: str, from_center: bool = False) -> float | None:
    """A coordinate of the centroid, from the corner of the picture or from the centre of the cladding."""
    scale, geometry = inspection.scale, inspection.geometry
    if unit == "um" and scale is None:
        return None
    origin = geometry.cladding.ellipse.center_px[axis] if from_center and geometry else 0.0
    factor = (scale.um_per_px_x, scale.um_per_px_y)[axis] if unit == "um" and scale else 1.0
    return round((defect.centroid_px[axis] - origin) * factor, DECIMALS[unit])


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
    return Column(f"{stem}_U_um", "um", "float64", meaning, lambda inspection, defect: defect.uncertainty.get(key))


def _upper_bound(stem: str) -> Column:
    meaning = f"what the {stem.lower()} is at most, where the optics do not resolve it; else absent"
    key = f"{stem.lower()}_um"
    return Column(f"{stem}_Max_um", "um", "float64", meaning, lambda inspection, defect: defect.at_most.get(key))


def _next_class(name: str, dtype: str, meaning: str, part: int) -> Column:
    unit = "" if dtype == "object" else "0..1"
    return Column(name, unit, dtype, meaning, lambda inspection, defect: next_class(defect)[part] or None)


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
    _of_defect("Severity", "", "object", f"how bad it is: {', '.join(SEVERITIES)}", "severity"),
    _of_defect("Counted", "", "bool", "whether a limit counts the mark", "counted"),
    _joined("Zones_Touched", "all zones that the mark overlaps", "zones_touched"),
    *(_size_uncertainty(stem, f"{stem.lower()}_um") for stem in ("Length", "Width", "Diameter")),
    _joined("Detected_By", "detectors that found the mark", "detected_by"),
    *_lengths("px"),
    *map(_upper_bound, ("Length", "Width", "Diameter")),
    Column(
        "Class_Probability",
        "0..1",
        "float64",
        "how likely it is of its class; absent in records of before",
        lambda inspection, defect: defect.class_probabilities.get(defect.classification),
    ),
    _next_class("Other_Class", "object", "the likeliest class after its own", 0),
    _next_class("Other_Class_Probability", "float64", "how likely it is of that one", 1),
)


def _quantity(name: str, unit: str, meaning: str, path: str) -> Column:
    return Column(name, unit, "float64", meaning, lambda inspection: _at(inspection, path))


def _text(name: str, meaning: str, path: str) -> Column:
    return Column(name, "", "object", meaning, lambda inspection: _at(inspection, path))


def _measured(name: str, unit: str, meaning: str) -> Column:
    return Column(name, unit, "float64", meaning, lambda inspection: inspection.measured(name.lower()).value)


def _dimension(name: str, unit: str, meaning: str) -> tuple[Column, Column]:
    """A measured dimension and its uncertainty."""
    stem, _, ending = name.rpartition("_")
    meant = "its expanded uncertainty, k = 2"
    unsure = Column(f"{stem}_U_{ending}", unit, "float64", meant, lambda i: i.measured(name.lower()).uncertainty)
    return _measured(name, unit, meaning), unsure


def _list(name: str, meaning: str, value: Callable[[Inspection], Iterable[str]]) -> Column:
    return Column(name, "", "object", meaning, lambda inspection: "; ".join(value(inspection)))


def _hash(name: str, meaning: str, of: str) -> Column:
    return Column(name, "", "object", meaning, lambda inspection: inspection.provenance.inputs.get(of))


def _at(inspection: Inspection, path: str) -> Any:
    """What stands at a path of names; None where the path ends early."""
    value: Any = inspection
    for name in path.split("."):
        value = None if value is None else getattr(value, name)
    return value


def _timing(name: str, meaning: str, stage: str) -> Column:
    return Column(name, "s", "float64", meaning, lambda inspection: inspection.timings_s.get(stage))


def _count(name: str, meaning: str, **wanted: Any) -> Column:
    """A number of defects; empty where no zone was inspected, for 0 would be a claim."""

    def value(inspection: Inspection) -> int | None:
        if not inspection.zones:
            return None
        return sum(all(getattr(defect, key) == item for key, item in wanted.items()) for defect in inspection.defects)

    return Column(name, "", "Int64", meaning, value)


def _is_marginal(inspection: Inspection) -> bool | None:
    return None if inspection.verdict.status == "NOT_GRADED" else inspection.verdict.marginal


def _closest_limit(inspection: Inspection) -> str | None:
    return inspection.closest_limit


_CORE, _CLADDING, *_OUTER_ZONES = ZONE_NAMES.values()

SUMMARY_COLUMNS: tuple[Column, ...] = (
    _text("Image_Filename", "file, relative to the input folder", "image.file"),
    _text("Pass/Fail_Status", "PASS, FAIL or NOT_GRADED", "verdict.status"),
    _timing("Processing_Time_s", "from the decoded image to the verdict", "total"),
    _count("Total_Defect_Count", "marks found; empty when no zone could be inspected"),
    _count("Core_Defect_Count", "marks in zone A", zone=_CORE),
    _count("Cladding_Defect_Count", "marks in zone B", zone=_CLADDING),
    _list("Failure_Reason(s)", "why it failed or was not graded", lambda i: texts(i.verdict.reasons)),
    Column(
        "Marginal",
        "",
        "boolean",
        "whether the verdict would change within the uncertainty; empty when not graded",
        _is_marginal,
    ),
    _list("Marginal_Reason(s)", "what would change it", lambda i: i.verdict.doubts),
    Column("Closest_Limit", "", "object", "the limit that holds with the least to spare", _closest_limit),
    *(_count(f"{zone.title()}_Defect_Count", f"marks in the {zone} zone", zone=zone) for zone in _OUTER_ZONES),
    *(_count(f"{name.title()}_Count", f"marks classified as {name}", classification=name) for name in CLASSIFICATIONS),
    _count("Counted_Defect_Count", "marks that a limit counts", counted=True),
    _text("Edition", "edition of the criteria", "criteria.edition"),
    _text("Fiber_Class", "class of the criteria", "criteria.fiber_class"),
    Column("Criteria_Confirmed", "", "bool", "whether the limits are confirmed", lambda i: i.criteria.confirmed),
    _text("Profile", "profile of the inspection", "provenance.profile"),
    _hash("Config_sha256", "hash of the configuration that it was judged by", "config"),
    _list("Zones_Inspected", "zones that were asked for", lambda i: i.request.zones),
    _text("Scale_Source", "where the scale comes from; empty without one", "scale.source"),
    _quantity("um_per_px_x", "um/px", "scale along x", "scale.um_per_px_x"),
    _quantity("um_per_px_y", "um/px", "scale along y", "scale.um_per_px_y"),
    *_dimension("Cladding_Diameter_um", "um", "mean diameter of the cladding"),
    _measured("Cladding_Diameter_px", "px", "the same in pixels"),
    *_dimension("Core_Diameter_um", "um", "mean diameter of the core"),
    _measured("Core_Diameter_px", "px", "the same in pixels"),
    *_dimension("Core_Cladding_Offset_um", "um", "concentricity error: distance of the centres of core and cladding"),
    _measured("Core_Offset_X_um", "um", "centre of the core from that of the cladding"),
    _measured("Core_Offset_Y_um", "um", "the same downwards"),
    *_dimension("Cladding_Non_Circularity_pct", "%", "largest less smallest diameter over their mean"),
    *_dimension("Core_Non_Circularity_pct", "%", "the same of the core"),
    _measured("Face_Tilt_deg", "deg", "tilt of a face that is said to be angled"),
    _measured("Pixel_Aspect_Ratio", "", "um_per_px_x / um_per_px_y"),
    _quantity("Fit_Residual_px", "px", "rms distance of the edge points from the cladding", "geometry.cladding.rms_px"),
    _quantity("Fit_Support", "0..1", "share of the circumference that shows the edge", "geometry.cladding.support"),
    _text("Core_Source", "measured, or nominal when it could not be seen", "geometry.core.source"),
    _quantity("Focus", "", "sharpness of the picture", "quality.focus"),
    _list("Warnings", "what else to know about the picture", lambda i: texts(i.quality.warnings)),
    _text("sha256", "hash of the image file", "image.sha256"),
    _text(
        "Reference_Status",
        "beside good faces, by a reference model; NO_REFERENCE: beside its own symmetry; empty: with nothing",
        "reference.status",
    ),
    _quantity("Reference_Score", "", "of the worst place or ring, 1 the limit of the model", "reference.score"),
    Column(
        "Reference_Anomalies",
        "",
        "Int64",
        "places beyond that limit; empty where places were not compared",
        lambda i: None if i.reference is None or i.reference.score is None else len(i.reference.anomalies),
    ),
    _list(
        "Seen_In_Part", "zones of which some lies outside the picture, and how much is seen", lambda i: i.seen_in_part
    ),
    _text("Engine", "what looked for marks: classical, both or dl", "provenance.engine"),
    _hash("Learned_sha256", "hash of the learned model; empty: none looked for marks", "learned"),
)


def _keyed(name: str, unit: str, dtype: str, meaning: str, key: str) -> Column:
    return Column(name, unit, dtype, meaning, lambda row: row[key])


def _of_cell(name: str, unit: str, dtype: str, meaning: str, key: str, axis: int | None = None) -> Column:
    def value(cell: Cell) -> Any:
        found = getattr(cell, key)
        return found if axis is None else found[axis]

    return Column(name, unit, dtype, meaning, value)


def _response(detector: str) -> Column:
    """Empty for a detector that is switched off."""
    meaning = f"mean support that `{detector}` gives a mark at these pixels; empty where it is switched off"
    return Column(f"Response_{detector}", "0..1", "float64", meaning, lambda cell: cell.responses.get(detector))


_CELL_PLACE: tuple[Column, ...] = (
    _of_cell("Zone", "", "object", "zone whose pixels are measured", "zone"),
    _of_cell("Row", "", "int64", "1 to 3, from the top of the zone's box", "row"),
    _of_cell("Column", "", "int64", "1 to 3, from the left of the zone's box", "column"),
    _of_cell("Left_px", "px", "float64", "left side of the cell, from the left of the picture", "corner_px", 0),
    _of_cell("Top_px", "px", "float64", "upper side of the cell, from the top of the picture", "corner_px", 1),
    _of_cell("Width_px", "px", "float64", "width of the cell: a third of that of the zone's outline", "size_px", 0),
    _of_cell("Height_px", "px", "float64", "height of the cell: a third of that of the zone's outline", "size_px", 1),
    _of_cell("Pixel_Count", "", "int64", "pixels of the zone in the cell", "pixel_count"),
    _of_cell("Gray_Mean", "0..255", "float64", "mean grey level of these pixels", "gray_mean"),
    _of_cell("Gray_Deviation", "0..255", "float64", "standard deviation of their grey levels", "gray_deviation"),
    _of_cell("Entropy_bits", "bit", "float64", "entropy of the histogram of their grey levels", "entropy_bits"),
    _of_cell("Gradient_X", "1/px", "float64", "mean slope of the grey level, to the right", "gradient_x"),
    _of_cell("Gradient_Y", "1/px", "float64", "mean slope of the grey level, downwards", "gradient_y"),
)
_CELL_MARKS: tuple[Column, ...] = (
    _of_cell("Defect_Count", "", "int64", "marks of the zone with their centroid in the cell", "defect_count"),
    _of_cell("Defect_Area_um2", "um2", "float64", "area of these marks", "defect_area_um2"),
    _of_cell("Defect_Area_px2", "px2", "float64", "area of these marks", "defect_area_px"),
)


def cell_columns(detectors: Iterable[str]) -> tuple[Column, ...]:
    """The columns of NAME_cells.csv, one of them for each of these detectors."""
    return (*_CELL_PLACE, *map(_response, detectors), *_CELL_MARKS)


# --- the workbook of a batch -----------------------------------------------------------------------------------------


WORKBOOK_DEFECT_COLUMNS: tuple[Column, ...] = (
    Column("Image_Filename", "", "object", "file of the picture", lambda inspection, defect: inspection.image.file),
    *DEFECT_COLUMNS,
)
LIMIT_COLUMNS: tuple[Column, ...] = (
    _keyed("Edition", "", "object", "edition of the criteria", "edition"),
    _keyed("Fiber_Class", "", "object", "class of the criteria", "fiber_class"),
    _keyed("Title", "", "object", "both in words", "title"),
    _keyed("Source", "", "object", "where the limits are published", "source"),
    _keyed("Confirmed", "", "bool", "whether the limits are confirmed", "confirmed"),
    _keyed("Pictures", "", "int64", "pictures that were judged by them", "pictures"),
    _keyed("Zone", "", "object", "letter and name of the zone", "zone"),
    _keyed("Outer_Border", "", "object", "rule for the outer diameter of the zone", "border"),
    _keyed("Marks", "", "object", "scratches, or others; empty for a zone without limits", "marks"),
    _keyed("Sized_By", "", "object", "width, length or diameter", "size_by"),
    _keyed("Sizes", "", "object", "sizes that the limit holds", "sizes"),
    _keyed("From_um", "um", "float64", "the same as numbers; the words say whether the ends belong to it", "min_um"),
    _keyed("To_um", "um", "float64", "empty: no upper end", "max_um"),
    _keyed("Allowed", "", "Int64", "number of such marks that is allowed; empty: any", "max_count"),
)
SETTING_COLUMNS: tuple[Column, ...] = (
    _keyed(
        "Run", "", "Int64", "pictures of one program, profile, configuration and calibration; empty: see Setting", "run"
    ),
    _keyed("Setting", "", "object", "of the run; or key path in the configuration, where it is at hand", "setting"),
    _keyed("Value", "", "object", "its value", "value"),
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of report.xlsx."""

    name: str
    row_for: str
    columns: tuple[Column, ...]
    like: str  # where its columns are explained


def _file(name: str, meaning: str) -> Column:
    return Column(name, "", "object", meaning, lambda inspection: None)  # what lies there only the workbook knows


FILE_COLUMNS: tuple[Column, ...] = (
    _file("Picture", "the face, with a ring around each mark that breaks a limit"),
    _file("Annotated", "link to the annotated picture, as the name of the picture is"),
    _file("Maps", "link to the maps of the marks"),
    _file("Certificate", "link to the certificate"),
    _file("Marks", "link to the table of the marks"),
    _file("Record", "link to the record"),
)
SHEETS = (
    Sheet(
        "summary",
        "each picture",
        (SUMMARY_COLUMNS[0], FILE_COLUMNS[0], *SUMMARY_COLUMNS[1:], *FILE_COLUMNS[1:]),
        "those of `summary_report.csv` with the picture and links to its files, then those of the manifest",
    ),
    Sheet("defects", "each mark", WORKBOOK_DEFECT_COLUMNS, "`Image_Filename`, then those of `NAME_report.csv`"),
    Sheet("criteria", "each limit that was judged by", LIMIT_COLUMNS, "below"),
    Sheet("settings", "each setting of each run", SETTING_COLUMNS, "below"),
)


def _without_scale(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Every micrometre column replaced by its pixel twin, which then does not come a second time, or left out."""
    by_name = {column.name: column for column in columns}
    twins = (column.name.replace("_um", "_px") for column in columns)
    return tuple(dict.fromkeys(by_name[name] for name in twins if name in by_name))


@dataclass(frozen=True, slots=True)
class Table:
    """A table that becomes a CSV file."""

    types: Mapping[str, str]  # dtype of each column by its name
    rows: Sequence[Sequence[Any]]  # the cells of each, one for each column


def defect_table(inspection: Inspection) -> Table:
    """One row per defect, in the columns of NAME_report.csv."""
    columns = DEFECT_COLUMNS if inspection.scale else _without_scale(DEFECT_COLUMNS)
    return table_of(columns, ((inspection, defect) for defect in inspection.defects))


def table_of(columns: Sequence[Column], rows: Iterable[tuple[Any, ...]]) -> Table:
    """The columns of what each row is read off."""
    return Table(types_of(columns), [[column.value(*row) for column in columns] for row in rows])


def types_of(columns: Sequence[Column]) -> Mapping[str, str]:
    """The dtype of each column by its name."""
    return {column.name: column.dtype for column in columns}


def cell_table(inspection: Inspection, detectors: Iterable[str]) -> Table:
    """One row per zone and cell, in the columns of NAME_cells.csv; `detectors` are those of the configuration."""
    columns = cell_columns(detectors)
    columns = columns if inspection.scale else _without_scale(columns)
    return table_of(columns, ((as_recorded(cell),) for cell in inspection.cells))


def _of_line(name: str, meaning: str) -> Column:
    return Column(name, "", "object", meaning, lambda line: getattr(line, name))


LOG_COLUMNS: tuple[Column, ...] = (
    _of_line("file", "the folder that was given, and the path in it"),
    _of_line("problem", "what is wrong with it, or what was decided: the mark, the rule and the value"),
    _of_line("severity", "error: it or a mark of it is left out; warning: mended or doubtful; info: a decision"),
)


def integrity_table(lines: Iterable[LogLine]) -> Table:
    """One row per line of the integrity log, each once, in the columns of integrity_log.csv."""
    return table_of(LOG_COLUMNS, ((line,) for line in dict.fromkeys(lines)))


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


def agreement_table(inspection: Inspection, config: Config) -> Table:
    """One row per pair of the detectors in use, each also with itself, in the columns of NAME_agreement.csv."""
    weights = {name: detector.weight for name, detector in config.engaged_detectors.items() if detector.enabled}
    marks = {name: {d.id for d in inspection.defects if name in d.detected_by} for name in weights}
    rows = [
        {
            **{"a": a, "b": b, "weight_a": weights[a], "weight_b": weights[b]},
            **{"marks_a": len(marks[a]), "marks_b": len(marks[b]), "both": len(marks[a] & marks[b])},
            "agreement": len(marks[a] & marks[b]) / len(marks[a] | marks[b]) if marks[a] | marks[b] else None,
        }
        for a, b in combinations_with_replacement(weights, 2)
    ]
    return table_of(AGREEMENT_COLUMNS, ((row,) for row in rows))


# They follow the others, and only where a picture of the batch is one of a connector.
LANE_COLUMNS: tuple[Column, ...] = (
    _text("Connector", "name of the connector of many fibers", "lane.connector"),
    _text("Connector_Layout", "key of its layout", "lane.layout"),
    Column("Lane", "", "Int64", "number of the fiber; empty where it could not be numbered", lambda i: i.lane.number),
)


def summary_row(inspection: Inspection) -> Row:
    """The row of summary_report.csv: `SUMMARY_COLUMNS`, then the columns that the manifest carried."""
    row = {column.name: column.value(inspection) for column in SUMMARY_COLUMNS}
    if inspection.lane is not None:
        row |= {column.name: column.value(inspection) for column in LANE_COLUMNS}
    carried = inspection.request.manifest
    return row | dict(zip(carried_names(carried), carried.values(), strict=True))


def carried_names(carried: Iterable[str]) -> list[str]:
    """The columns of the summary for those that a manifest carries: none of them takes the name of another."""
    names = [column.name for column in (*SUMMARY_COLUMNS, *LANE_COLUMNS)]
    own = len(names)
    for name in carried:
        names.append(_free_name(name, names))
    return names[own:]


def _free_name(name: str, taken: Collection[str]) -> str:
    return _free_name(f"Manifest_{name}", taken) if name in taken else name


def frame(rows: Sequence[Row], dtypes: Mapping[str, str]) -> pd.DataFrame:
    """The rows as a table with columns of these names and types; what a row lacks is empty."""
    columns = {name: [row.get(name) for row in rows] for name in dtypes}
    return pd.DataFrame({name: _column(cells, dtypes[name]) for name, cells in columns.items()})


def _column(cells: list[Any], dtype: str) -> NDArray[Any] | pd.Series[Any]:
    """Numbers by NumPy: a Series for each column takes most of the time of a small table."""
    return np.array(cells, dtype) if dtype in ("float64", "int64", "bool") else pd.Series(cells, dtype=dtype)


# The wide signs are formulas too where Chinese, Japanese or Korean is typed.
FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def one_line(text: str) -> str:
    """The text without line ends, its control characters replaced."""
    return CONTROL_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.splitlines()))


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
    _before("Marginal_Before", "whether the stored verdict was marginal", lambda i: i.verdict.marginal),
    _after("Marginal_After", "whether the new one is", lambda i: i.verdict.marginal),
    _before("Edition_Before", "edition of the stored result", lambda i: i.criteria.edition),
    _before("Fiber_Class_Before", "class of the stored result", lambda i: i.criteria.fiber_class),
    _after("Edition_After", "edition judged by now", lambda i: i.criteria.edition),
    _after("Fiber_Class_After", "class judged by now", lambda i: i.criteria.fiber_class),
    _after("sha256", "hash of the image file", lambda i: i.image.sha256),
)


def change_row(before: Inspection, after: Inspection) -> Row:
    """The row of changes_KEY.csv for one result that was judged again."""
    return {column.name: column.value(before, after) for column in CHANGE_COLUMNS}


def is_changed(before: Inspection, after: Inspection) -> bool:
    """Whether the verdict, a broken limit or the doubt about it is another."""
    return bool(changed_by(before, after)) or before.verdict.marginal != after.verdict.marginal


def changed_by(before: Inspection, after: Inspection) -> tuple[str, ...]:
    """The limits that made the difference between two verdicts on one face; empty when there is none."""
    if after.verdict.status == "NOT_GRADED":
        return () if before.verdict.status == "NOT_GRADED" else tuple(texts(after.verdict.reasons))
    was, now = (_reasons_by_rule(inspection.verdict) for inspection in (before, after))
    new = [reason for rule, reason in now.items() if rule not in was]
    gone = [f"no longer: {reason}" for rule, reason in was.items() if rule not in now]
    return (*new, *gone)


def _reasons_by_rule(verdict: Verdict) -> Mapping[tuple[str, str], str]:
    return {(v.zone, v.rule): reason.text for v, reason in zip(verdict.violations, verdict.reasons, strict=False)}


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
        """Of all of them, graded or not."""
        asked = self.passed + self.failed + self.not_graded
        return round(100 * self.passed / asked, 2) if asked else None


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
    Column("Yield_pct", "%", "float64", "PASS over all, graded or not", lambda y: y.percent),
)
