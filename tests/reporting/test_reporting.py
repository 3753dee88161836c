"""The record and the tables: complete, the same numbers in every file, safe to open, whole or absent."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from numpy.typing import NDArray

from dscope_blink.records import (
    CLASSIFICATIONS,
    RECORD_SCHEMA,
    TITLES,
    ZONE_LETTERS,
    ZONE_NAMES,
    Defect,
    Ellipse,
    Inspection,
    ScaleSource,
    Status,
    UserError,
    ZoneOutline,
    recorded,
    zone_map,
)
from dscope_blink.records.stored import Record, load_record, to_json
from dscope_blink.reporting import picture_files, tables
from dscope_blink.reporting.annotation import annotate
from tests.builders.inspections import (
    CENTER,
    COUNTED,
    EVERY_KIND,
    FAILED,
    HOSTILE_FILE,
    MARGINAL,
    NO_SCALE,
    OUT_OF_FOCUS,
    PASSED,
    SCALE,
    UNREADABLE,
)
from tests.builders.settings import ROOT, SETTINGS

SCHEMA = json.loads((ROOT / "result.schema.json").read_text(encoding="utf-8"))
every_kind = pytest.mark.parametrize("inspection", EVERY_KIND.values(), ids=EVERY_KIND.keys())
PICTURE = np.full((850, 1000), 120, np.uint8)
CONFIG = SETTINGS.profile("deep_inspection")
CELL_COLUMNS = tables.cell_columns(CONFIG.detectors)
REPORTING = CONFIG.reporting
JPEG = replace(REPORTING, annotated_format="jpeg")

REQUIRED_DEFECT_COLUMNS = [
    *("Defect_ID", "Zone", "Classification", "Confidence_Score", "Centroid_X_um", "Centroid_Y_um"),
    *("Length_um", "Width_um", "Area_um2"),
]
REQUIRED_SUMMARY_COLUMNS = [
    *("Image_Filename", "Pass/Fail_Status", "Processing_Time_s", "Total_Defect_Count", "Core_Defect_Count"),
    *("Cladding_Defect_Count", "Failure_Reason(s)"),
]


def write_summary(path: Path, rows: Sequence[Record]) -> None:
    table = tables.SummaryTable()
    for place, row in enumerate(rows):
        table.add(place, row)
    picture_files.write_summary(path, table)


WRITERS: dict[str, Callable[[Path], None]] = {
    "result": lambda path: picture_files.write_result(path, FAILED),
    "defects": lambda path: picture_files.write_defect_table(path, FAILED),
    "summary": lambda path: write_summary(path, [tables.summary_row(FAILED)]),
    "annotated": lambda path: picture_files.write_annotated(path, PICTURE, FAILED, REPORTING),
    "annotated jpeg": lambda path: picture_files.write_annotated(path, PICTURE, FAILED, JPEG),
    "histogram": lambda path: picture_files.write_histogram(path, FAILED, REPORTING),
    "cells": lambda path: picture_files.write_cells(path, FAILED, CONFIG),
    "zone image": lambda path: picture_files.write_zone_image(path, picture_files.zone_images(PICTURE, FAILED)["core"]),
}
every_writer = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS.keys())


def _no_constant(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


def _read_result(path: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    return result


def _read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def _header(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()[0].split(",")


def _all_keys(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"{path}/{key}"
            yield from _all_keys(item, f"{path}/{key}")


def _keys(part: Any) -> list[str]:
    """All keys but those of the rings, null where no mark was sought, and of a camera, null where none is known."""
    return [key for key in _all_keys(part) if not key.startswith(("/clipping/", "/camera/"))]


# --- the record


@every_kind
def test_a_written_record_obeys_its_schema(inspection: Inspection, tmp_path: Path) -> None:
    picture_files.write_result(tmp_path / "a_result.json", inspection)
    record = _read_result(tmp_path / "a_result.json")
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(record)] == []
    assert record == json.loads(json.dumps(to_json(inspection)))


def test_the_schema_itself_is_valid() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_names_what_the_records_allow() -> None:
    parts, named = SCHEMA["properties"], SCHEMA["$defs"]
    assert parts["schema"]["const"] == RECORD_SCHEMA
    assert tuple(named["defect"]["properties"]["classification"]["enum"]) == CLASSIFICATIONS
    assert tuple(named["zone"]["enum"]) == tuple(ZONE_NAMES.values())
    assert tuple(parts["zones"]["items"]["properties"]["letter"]["enum"]) == ZONE_LETTERS
    assert tuple(parts["scale"]["properties"]["source"]["enum"]) == ScaleSource.__args__  # type: ignore[attr-defined]
    assert tuple(named["kinds"]["items"]["enum"]) == tuple(TITLES)
    assert tuple(parts["verdict"]["properties"]["status"]["enum"]) == Status.__args__  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "place",
    [
        *(
            (),
            ("image",),
            ("criteria",),
            ("geometry",),
            ("geometry", "cladding"),
            ("defects", 0),
            ("verdict",),
            ("scale",),
        ),
        *(("quality",), ("quality", "clipping"), ("defects", 0, "uncertainty"), ("verdict", "checks", 0)),
    ],
)
def test_the_schema_refuses_a_key_it_does_not_know(place: tuple[Any, ...]) -> None:
    record = to_json(FAILED)
    part: Any = record
    for key in place:
        part = part[key]
    part["surprise"] = 1
    assert not Draft202012Validator(SCHEMA).is_valid(record)


def test_the_schema_refuses_a_failure_without_a_reason() -> None:
    record = to_json(FAILED)
    record["verdict"]["reasons"] = []
    assert not Draft202012Validator(SCHEMA).is_valid(record)


@every_kind
def test_records_have_the_same_keys_in_the_same_order(inspection: Inspection) -> None:
    fixed = ("schema", "image", "provenance", "request", "criteria", "quality", "verdict")
    record, other = to_json(inspection), to_json(FAILED)
    assert list(record) == list(other)
    assert [_keys(record[part]) for part in fixed] == [_keys(other[part]) for part in fixed]


def test_what_is_not_a_number_is_null() -> None:
    odd = replace(COUNTED, contrast=math.inf, circularity=float("nan"))
    defect = to_json(recorded(replace(FAILED, defects=(odd,))))["defects"][0]
    assert (defect["contrast"], defect["circularity"], defect["features"]["edge_sharpness"]) == (None, None, None)


def test_numbers_are_rounded_by_their_unit() -> None:
    odd = replace(COUNTED, centroid_px=(1.23456, 2.0), diameter_um=3.14159, contrast=-0.000123456)
    record = to_json(recorded(replace(FAILED, defects=(odd,), scale=replace(SCALE, um_per_px_x=0.4355400697))))
    defect = record["defects"][0]
    assert (defect["centroid_px"], defect["diameter_um"], defect["contrast"]) == ((1.235, 2.0), 3.142, -0.00012346)
    assert record["scale"]["um_per_px_x"] == 0.43554007


def test_numpy_numbers_become_plain_ones() -> None:
    odd = replace(COUNTED, area_px=np.float32(4.5), bbox_px=tuple(np.array([1, 2, 3, 4])))  # type: ignore[arg-type]
    assert json.dumps(to_json(recorded(replace(FAILED, defects=(odd,))))["defects"][0]["bbox_px"]) == "[1, 2, 3, 4]"


def test_measurements_stand_in_the_geometry_and_are_null_when_unknown() -> None:
    geometry = to_json(FAILED)["geometry"]
    assert (geometry["core_cladding_offset_um"], geometry["cladding_diameter_um"]) == (0.123, 125.0)
    assert geometry["cladding_non_circularity_pct"] is None


def test_the_manifest_and_the_known_diameters_are_in_the_record() -> None:
    request = to_json(FAILED)["request"]
    assert request["manifest"] == {"serial": "0012", "operator": "=HYPERLINK(1)"}
    assert (request["core_diameter_um"], request["cladding_diameter_um"]) == (9.0, 125.0)


def test_what_the_picture_hides_is_in_the_record_and_null_where_no_mark_was_sought() -> None:
    quality = to_json(FAILED)["quality"]
    assert quality["search_pixel_px"] == 1.25
    assert quality["clipping"] == {
        "ring_width": 0.5,
        "pixels": (12000, 36500, 61200, 85000),
        "clipped": (0, 120, 61200, 3),
    }
    unsearched = to_json(OUT_OF_FOCUS)["quality"]
    assert (unsearched["search_pixel_px"], unsearched["clipping"]) == (None, None)


def test_a_mark_has_its_uncertainties_and_its_distance_from_the_core_in_the_record() -> None:
    defect = to_json(FAILED)["defects"][1]
    assert defect["uncertainty"] == {"length_um": 0.812, "width_um": 0.7, "diameter_um": 0.9, "r_min_px": 1.1}
    assert defect["r_core_px"] == round(math.hypot(70, 60) - 12, 3)
    assert defect["evidence"] == {"do2mr": 0.75, "lei": 0.5}


def test_every_limit_that_was_held_is_in_the_record_with_what_is_left() -> None:
    broken, counted, near = to_json(FAILED)["verdict"]["checks"]
    assert (broken["zone"], broken["rule"], broken["broken"]) == ("core", "scratch width of any size", True)
    assert (broken["count"], broken["max_count"], broken["defects"]) == (1, 0, ("S1",))
    assert (broken["size_um"], broken["limit_um"], broken["margin_um"]) == (3.6, 0.0, -3.6)
    assert (counted["broken"], counted["size_um"], counted["margin_um"], counted["nearness"]) == (
        *(False, None, None),
        0.16667,
    )
    assert (near["broken"], near["margin_um"], near["nearness"]) == (False, 1.0, 0.9)


def test_the_record_says_whether_the_verdict_is_marginal_and_which_limit_is_the_closest() -> None:
    sure, marginal, clean = (to_json(i)["verdict"] for i in (FAILED, MARGINAL, PASSED))
    assert (sure["marginal"], sure["doubts"]) == (False, ())
    assert (marginal["status"], marginal["marginal"]) == ("PASS", True)
    assert marginal["doubts"] == MARGINAL.verdict.doubts
    assert sure["closest_limit"] is None
    assert marginal["closest_limit"].startswith("Zone cladding: defect diameter > 10 um: 0, allowed none")
    assert (clean["closest_limit"], clean["checks"]) == (None, [])


def test_what_was_asked_stands_in_the_record_as_it_was_given() -> None:
    request = replace(FAILED.request, cladding_diameter_um=124.98765, pixel_aspect_ratio=1.0123456)
    record = to_json(replace(FAILED, request=request))["request"]
    assert (record["cladding_diameter_um"], record["pixel_aspect_ratio"]) == (124.98765, 1.0123456)


@pytest.mark.parametrize("file", [HOSTILE_FILE, "fiß ör.png", 'a"b\\c.png', "bytes\udcff.png"])
def test_any_file_name_comes_back_from_the_record(file: str, tmp_path: Path) -> None:
    picture_files.write_result(tmp_path / "r.json", replace(FAILED, image=replace(FAILED.image, file=file)))
    assert _read_result(tmp_path / "r.json")["image"]["file"] == file


def test_each_defect_has_a_line_of_its_own_in_the_record(tmp_path: Path) -> None:
    picture_files.write_result(tmp_path / "r.json", FAILED)
    lines = (tmp_path / "r.json").read_text(encoding="utf-8").splitlines()
    assert sum('"contour_px"' in line for line in lines) == len(FAILED.defects)


# --- the table of defects


def test_the_defect_table_begins_with_the_columns_of_the_contract(tmp_path: Path) -> None:
    picture_files.write_defect_table(tmp_path / "t.csv", FAILED)
    assert _header(tmp_path / "t.csv")[: len(REQUIRED_DEFECT_COLUMNS)] == REQUIRED_DEFECT_COLUMNS


def test_table_and_record_hold_the_same_numbers(tmp_path: Path) -> None:
    picture_files.write_defect_table(tmp_path / "t.csv", FAILED)
    for row, defect in zip(_read_csv(tmp_path / "t.csv"), to_json(FAILED)["defects"], strict=True):
        assert row["Defect_ID"] == defect["id"]
        assert float(row["Length_um"]) == defect["length_um"]
        assert float(row["Area_um2"]) == defect["area_um2"]
        assert float(row["Area_px2"]) == defect["area_px"]
        assert tuple(row["Zones_Touched"].split(";")) == defect["zones_touched"]


def test_positions_are_picture_coordinates_times_the_scale_of_their_axis(tmp_path: Path) -> None:
    picture_files.write_defect_table(tmp_path / "t.csv", FAILED)
    row = _read_csv(tmp_path / "t.csv")[1]
    assert (float(row["Centroid_X_um"]), float(row["Centroid_Y_um"])) == (
        (CENTER[0] + 70) * 0.5,
        (CENTER[1] - 60) * 0.4,
    )
    assert (float(row["Offset_X_um"]), float(row["Offset_Y_um"])) == (35, -24)
    assert (float(row["Offset_X_px"]), float(row["Offset_Y_px"])) == (70, -60)


def test_without_scale_pixel_columns_take_the_place_of_micrometres(tmp_path: Path) -> None:
    picture_files.write_defect_table(tmp_path / "t.csv", NO_SCALE)
    header = _header(tmp_path / "t.csv")
    expected = [name.replace("_um", "_px") for name in REQUIRED_DEFECT_COLUMNS]
    assert header[: len(expected)] == expected
    assert len(set(header)) == len(header)
    assert not [name for name in header if "_um" in name]
    assert float(_read_csv(tmp_path / "t.csv")[1]["Diameter_px"]) == 20


@pytest.mark.parametrize("inspection", [FAILED, NO_SCALE], ids=["um", "px"])
def test_an_empty_table_keeps_its_columns_and_their_types(inspection: Inspection) -> None:
    full, empty = tables.defect_table(inspection), tables.defect_table(replace(inspection, defects=()))
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()


def test_negative_numbers_are_not_taken_for_formulas(tmp_path: Path) -> None:
    picture_files.write_defect_table(tmp_path / "t.csv", FAILED)
    assert float(_read_csv(tmp_path / "t.csv")[0]["Contrast"]) == -0.27183


# --- the cells


def test_each_cell_is_a_row_in_the_columns_that_are_declared(tmp_path: Path) -> None:
    picture_files.write_cells(tmp_path / "c.csv", FAILED, CONFIG)
    assert _header(tmp_path / "c.csv") == [column.name for column in CELL_COLUMNS]
    row = _read_csv(tmp_path / "c.csv")[0]
    assert (row["Zone"], row["Row"], row["Column"], row["Pixel_Count"]) == ("core", "1", "2", "347")
    assert (row["Left_px"], row["Top_px"], row["Width_px"], row["Height_px"]) == (
        "446.667",
        "398.75",
        "16.667",
        "20.833",
    )
    assert (row["Gray_Mean"], row["Gray_Deviation"], row["Entropy_bits"]) == ("120.12", "4.5", "3.25")
    assert (row["Gradient_X"], row["Gradient_Y"], row["Response_do2mr"]) == ("-0.25", "0.5", "0.125")
    assert (row["Defect_Count"], row["Defect_Area_um2"], row["Defect_Area_px2"]) == ("1", "100.0", "500.0")


def test_a_cell_without_pixels_has_a_count_of_none_and_empty_values(tmp_path: Path) -> None:
    picture_files.write_cells(tmp_path / "c.csv", FAILED, CONFIG)
    row = _read_csv(tmp_path / "c.csv")[1]
    assert row["Pixel_Count"] == "0"
    assert {row[name] for name in row if name.startswith(("Gray", "Entropy", "Gradient", "Response"))} == {""}


def test_a_detector_that_is_switched_off_has_an_empty_column() -> None:
    table = tables.cell_table(FAILED, CONFIG.detectors)
    assert table["Response_lei"].notna().any()
    assert table["Response_skeleton"].isna().all()


def test_without_scale_the_area_of_a_cell_is_in_pixels(tmp_path: Path) -> None:
    picture_files.write_cells(tmp_path / "c.csv", NO_SCALE, CONFIG)
    assert _header(tmp_path / "c.csv")[-2:] == ["Defect_Count", "Defect_Area_px2"]


@pytest.mark.parametrize("inspection", [FAILED, NO_SCALE], ids=["um", "px"])
def test_an_empty_table_of_cells_keeps_its_columns_and_their_types(inspection: Inspection) -> None:
    full, empty = (tables.cell_table(one, CONFIG.detectors) for one in (inspection, replace(inspection, cells=())))
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()


# --- the pictures of the zones

ROUND_ZONES = tuple(
    ZoneOutline(letter, Ellipse((30.0, 22.5), (d, d), 0.0)) for letter, d in zip("ABD", (20, 31, 70), strict=True)
)
ZONED = replace(FAILED, zones=ROUND_ZONES)


def _noise(*shape: int, dtype: type[np.uint8] | type[np.uint16] = np.uint8) -> Any:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def _pasted_back(cuts: Mapping[str, Any], picture: Any) -> tuple[Any, Any]:
    """All zones laid where they came from, and how many of them hold each pixel."""
    whole, times = np.zeros((*picture.shape[:2], 3), picture.dtype), np.zeros(picture.shape[:2], int)
    zones = zone_map(picture.shape[:2], ROUND_ZONES)
    for outline in ROUND_ZONES:
        rows, columns = (np.flatnonzero(zones.mask(outline.letter).any(axis)) for axis in (1, 0))
        here = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        whole[here] += cuts[outline.name][..., :3]
        times[here] += cuts[outline.name][..., 3] == np.iinfo(picture.dtype).max
    return whole, times


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [(), (3,)], ids=["grey", "colour"])
def test_the_zones_together_are_the_picture_inside_the_outermost_outline(
    dtype: type[np.uint8] | type[np.uint16], channels: tuple[int, ...], tmp_path: Path
) -> None:
    picture, cuts = _noise(48, 60, *channels, dtype=dtype), {}
    for name, cut in picture_files.zone_images(picture, ZONED).items():
        picture_files.write_zone_image(tmp_path / f"{name}.png", cut)
        cuts[name] = np.asarray(cv2.imread(str(tmp_path / f"{name}.png"), cv2.IMREAD_UNCHANGED))
        assert cuts[name].dtype == dtype
    whole, times = _pasted_back(cuts, picture)
    holds = zone_map((48, 60), ROUND_ZONES).labels > 0
    colour = picture if channels else np.dstack([picture] * 3)
    np.testing.assert_array_equal(times, holds)
    np.testing.assert_array_equal(whole, np.where(holds[..., None], colour, 0))


def test_alpha_is_all_or_nothing_and_what_is_transparent_is_black() -> None:
    for cut in picture_files.zone_images(_noise(48, 60), ZONED).values():
        assert set(np.unique(cut[..., 3])) == {0, 255}
        assert not cut[cut[..., 3] == 0].any()


def test_a_zone_is_cut_to_its_box() -> None:
    cuts = picture_files.zone_images(_noise(48, 60), ZONED)
    assert {name: cut.shape for name, cut in cuts.items()} == {
        "core": (20, 19, 4),  # of a centre between two rows, 10 px up and down reach a pixel, 10 px to the side do not
        "cladding": (32, 31, 4),
        "contact": (48, 60, 4),
    }


def test_only_the_asked_zones_are_cut_out() -> None:
    asked = replace(ZONED, request=replace(ZONED.request, zones=("cladding",)))
    assert set(picture_files.zone_images(_noise(48, 60), asked)) == {"cladding"}


def test_a_zone_off_the_picture_has_no_picture() -> None:
    assert set(picture_files.zone_images(_noise(3, 3), ZONED)) == {"contact"}


def test_where_no_zone_was_inspected_none_is_cut_out() -> None:
    assert picture_files.zone_images(_noise(48, 60), OUT_OF_FOCUS) == {}


# --- the summary


def test_the_summary_begins_with_the_columns_of_the_contract(tmp_path: Path) -> None:
    write_summary(tmp_path / "s.csv", [tables.summary_row(FAILED)])
    assert _header(tmp_path / "s.csv")[: len(REQUIRED_SUMMARY_COLUMNS)] == REQUIRED_SUMMARY_COLUMNS


def test_a_summary_row_counts_marks_by_zone_and_class() -> None:
    row = tables.summary_row(FAILED)
    assert (row["Total_Defect_Count"], row["Core_Defect_Count"], row["Cladding_Defect_Count"]) == (5, 1, 1)
    assert (row["Adhesive_Defect_Count"], row["Contact_Defect_Count"]) == (1, 2)
    assert [row[f"{name}_Count"] for name in ("Scratch", "Pit_Dig", "Contamination", "Crack", "Chip")] == [1] * 5
    assert row["Counted_Defect_Count"] == 2
    assert row["Failure_Reason(s)"] == "Zone A: 1 scratch, none allowed (S1: 36.0 um long)"


def test_the_summary_tells_a_marginal_verdict_from_a_sure_one_and_from_none(tmp_path: Path) -> None:
    inspections = [FAILED, MARGINAL, OUT_OF_FOCUS, PASSED]
    write_summary(tmp_path / "s.csv", [tables.summary_row(i) for i in inspections])
    rows = _read_csv(tmp_path / "s.csv")
    assert [row["Marginal"] for row in rows] == ["False", "True", "", "False"]
    assert [row["Marginal_Reason(s)"] for row in rows] == ["", MARGINAL.verdict.doubts[0], "", ""]
    closest = "Zone cladding: defect diameter > 10 um: 0, allowed none; mark that decides 9.0 um, 1.0 um below"
    assert [row["Closest_Limit"] for row in rows] == ["", closest, "", ""]


def test_what_could_not_be_measured_has_a_row_without_counts(tmp_path: Path) -> None:
    inspections = [FAILED, PASSED, OUT_OF_FOCUS, UNREADABLE]
    write_summary(tmp_path / "s.csv", [tables.summary_row(i) for i in inspections])
    rows = _read_csv(tmp_path / "s.csv")
    assert [row["Total_Defect_Count"] for row in rows] == ["5", "0", "", ""]
    assert [row["Pass/Fail_Status"] for row in rows] == ["FAIL", "PASS", "NOT_GRADED", "NOT_GRADED"]
    assert rows[3]["Failure_Reason(s)"] == "Unreadable: the file is empty"
    assert rows[3]["Core_Source"] == ""


def test_manifest_columns_follow_in_the_order_they_were_first_seen(tmp_path: Path) -> None:
    carried = [{"serial": "0012"}, {"part": "-7", "serial": "13"}, {"Edition": "mine"}]
    requests = [replace(FAILED.request, manifest=columns) for columns in carried]
    rows = [tables.summary_row(replace(FAILED, request=request)) for request in requests]
    write_summary(tmp_path / "s.csv", rows)
    header, table = _header(tmp_path / "s.csv"), _read_csv(tmp_path / "s.csv")
    assert header[len(tables.SUMMARY_COLUMNS) :] == ["serial", "part", "Manifest_Edition"]
    assert [(row["serial"], row["part"]) for row in table] == [("0012", ""), ("13", "'-7"), ("", "")]
    assert table[2]["Edition"] == FAILED.criteria.edition


def test_an_empty_summary_keeps_its_header(tmp_path: Path) -> None:
    write_summary(tmp_path / "s.csv", [])
    assert _header(tmp_path / "s.csv") == [column.name for column in tables.SUMMARY_COLUMNS]


@every_kind
def test_a_stored_record_gives_the_same_summary_row_as_the_inspection(inspection: Inspection, tmp_path: Path) -> None:
    picture_files.write_result(tmp_path / "r.json", inspection)
    assert tables.summary_row(load_record(tmp_path / "r.json")) == tables.summary_row(inspection)


@given(order=st.permutations(range(5)))
def test_a_growing_summary_is_the_table_of_its_rows_in_the_order_of_the_batch(order: list[int]) -> None:
    rows = [tables.summary_row(inspection) for inspection in (FAILED, NO_SCALE, OUT_OF_FOCUS, UNREADABLE, MARGINAL)]
    rows[order[0]]["part"] = "7"
    growing = tables.SummaryTable()
    growing.add(3, rows[0])  # replaced below
    for place in order:
        growing.add(place, rows[place])
    declared = {column.name: column.dtype for column in tables.SUMMARY_COLUMNS}
    seen = (name for row in (rows[0], *(rows[place] for place in order)) for name in row)
    types = declared | {name: "object" for name in seen if name not in declared}
    assert b"".join(growing.parts()) == tables.csv_bytes(tables.frame(rows, types))


def test_hostile_text_is_text_in_the_summary(tmp_path: Path) -> None:
    request = replace(FAILED.request, manifest={"=1+1": "@x", "note": "\tx", "file2": "a\r\nb", "ok": "1 - 2"})
    hostile = replace(FAILED, image=replace(FAILED.image, file=HOSTILE_FILE), request=request)
    write_summary(tmp_path / "s.csv", [tables.summary_row(hostile)])
    row = _read_csv(tmp_path / "s.csv")[0]
    assert row["Image_Filename"] == "'=cmd()/<script> 図.png"
    assert (row["'=1+1"], row["note"], row["file2"], row["ok"]) == ("'@x", "'\tx", "a b", "1 - 2")


@given(text=st.text())
def test_no_text_becomes_a_formula_or_a_second_line(text: str) -> None:
    row = tables.summary_row(replace(FAILED, image=replace(FAILED.image, file=text)))
    cell = str(tables._safe_cell(row["Image_Filename"]))
    assert len(cell.splitlines()) <= 1
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_columns_are_documented_as_they_are_declared() -> None:
    for columns in (tables.DEFECT_COLUMNS, CELL_COLUMNS, tables.SUMMARY_COLUMNS):
        lines = tables.column_table(columns).splitlines()
        assert lines[:2] == ["| column | unit | meaning |", "|---|---|---|"]
        assert [line.split("`")[1] for line in lines[2:]] == [column.name for column in columns]
        assert len({column.name for column in columns}) == len(columns)
        assert all(column.meaning for column in columns)


# --- the files


@every_writer
def test_a_file_is_written_and_nothing_is_left_beside_it(write: Callable[[Path], None], tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("the file of an earlier run")
    write(target)
    assert list(tmp_path.iterdir()) == [target]
    assert target.stat().st_size > 100


@every_writer
def test_a_folder_that_cannot_be_written_is_the_users_error(write: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match=r"out cannot be written: Not a directory"):
        write(tmp_path / "file" / "out")


def test_a_write_that_fails_at_the_end_leaves_no_temporary_file(tmp_path: Path) -> None:
    taken = tmp_path / "out"
    taken.mkdir()
    with pytest.raises(UserError, match="out cannot be written"):
        picture_files.write_result(taken, FAILED)
    assert list(tmp_path.iterdir()) == [taken]


@every_writer
def test_a_disk_that_fills_up_leaves_the_earlier_file_and_no_part_of_the_new_one(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource", reason="file sizes can be limited on POSIX systems only")
    target = tmp_path / "out"
    target.write_text("earlier")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(UserError, match="out cannot be written: File too large"):
            write(target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_text() == "earlier"


def _decoded(path: Path) -> NDArray[Any]:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return np.asarray(picture)


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        *(
            ("annotated", b"\x89PNG\r\n\x1a\n"),
            ("annotated jpeg", b"\xff\xd8\xff"),
            ("histogram", b"\x89PNG\r\n\x1a\n"),
        ),
    ],
)
def test_a_picture_has_the_format_of_the_settings(name: str, starts: bytes, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / "picture")
    assert (tmp_path / "picture").read_bytes().startswith(starts)
    assert _decoded(tmp_path / "picture").ndim == 3


def test_a_png_holds_what_was_drawn_and_a_jpeg_nearly_that(tmp_path: Path) -> None:
    drawn = annotate(PICTURE, FAILED).astype(int)
    WRITERS["annotated"](tmp_path / "png")
    WRITERS["annotated jpeg"](tmp_path / "jpg")
    assert np.array_equal(_decoded(tmp_path / "png"), drawn)
    assert abs(_decoded(tmp_path / "jpg") - drawn).mean() < 2


def test_a_jpeg_of_higher_quality_is_larger(tmp_path: Path) -> None:
    for quality in (40, 95):
        picture_files.write_annotated(tmp_path / f"{quality}", PICTURE, FAILED, replace(JPEG, jpeg_quality=quality))
    assert 1.5 * (tmp_path / "40").stat().st_size < (tmp_path / "95").stat().st_size


@pytest.mark.parametrize(("file_format", "starts"), [("svg", b"<?xml"), ("pdf", b"%PDF-")])
def test_a_plot_in_a_vector_format_is_the_same_each_time(file_format: Any, starts: bytes, tmp_path: Path) -> None:
    for name in ("one", "other"):
        picture_files.write_histogram(tmp_path / name, FAILED, replace(REPORTING, plot_format=file_format))
    assert (tmp_path / "one").read_bytes().startswith(starts)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


# --- agreement


def _found_by(*names: str) -> Defect:
    return replace(COUNTED, id=f"C{len(names)}{''.join(names)}", detected_by=names)


def test_two_detectors_agree_on_the_marks_that_both_found() -> None:
    marks = (
        _found_by("do2mr"),
        _found_by("do2mr", "lei"),
        _found_by("lei", "gradient"),
        _found_by("do2mr", "lei", "x"),
    )
    table = tables.agreement_table(replace(FAILED, defects=marks), CONFIG)
    rows = {(row["Detector_A"], row["Detector_B"]): row for row in table.to_dict("records")}
    pair = rows["do2mr", "lei"]
    assert (pair["Marks_A"], pair["Marks_B"], pair["Marks_Both"], pair["Agreement"]) == (3, 3, 2, 0.5)
    assert (pair["Weight_A"], pair["Weight_B"]) == (0.5, 0.7)
    assert rows["lei", "lei"]["Agreement"] == 1


def test_detectors_that_found_nothing_neither_agree_nor_differ() -> None:
    table = tables.agreement_table(PASSED, CONFIG)
    enabled = [name for name, detector in CONFIG.detectors.items() if detector.enabled]
    assert len(table) == len(enabled) * (len(enabled) + 1) // 2
    assert table["Agreement"].isna().all()
    assert (table["Marks_Both"] == 0).all()
