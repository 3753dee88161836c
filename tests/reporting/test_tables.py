"""The tables: complete, the same numbers as the record, safe to open."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs.tables import column_table
from dscope_blink.records import Defect, Inspection
from dscope_blink.records.stored import load_record, to_json
from dscope_blink.reporting import csv_files, picture_files, tables
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
    UNREADABLE,
)
from tests.builders.settings import SETTINGS
from tests.builders.stored_results import write_summary_of

every_kind = pytest.mark.parametrize("inspection", EVERY_KIND.values(), ids=EVERY_KIND.keys())
CONFIG = SETTINGS.profile("deep_inspection")
CELL_COLUMNS = tables.cell_columns(CONFIG.detectors)

REQUIRED_DEFECT_COLUMNS = [
    *("Defect_ID", "Zone", "Classification", "Confidence_Score", "Centroid_X_um", "Centroid_Y_um"),
    *("Length_um", "Width_um", "Area_um2"),
]
REQUIRED_SUMMARY_COLUMNS = [
    *("Image_Filename", "Pass/Fail_Status", "Processing_Time_s", "Total_Defect_Count", "Core_Defect_Count"),
    *("Cladding_Defect_Count", "Failure_Reason(s)"),
]


def _read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def _header(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()[0].split(",")


def _rows_of(table: tables.Table) -> list[dict[str, Any]]:
    return [dict(zip(table.types, row, strict=True)) for row in table.rows]


def _lines_of(table: tables.Table) -> list[bytes]:
    return csv_files.csv_bytes(table, "international").splitlines()


# --- the table of defects


def test_the_defect_table_begins_with_the_columns_of_the_contract(tmp_path: Path) -> None:
    picture_files.write_defect_table(tmp_path / "t.csv", FAILED, CONFIG.reporting)
    assert _header(tmp_path / "t.csv")[: len(REQUIRED_DEFECT_COLUMNS)] == REQUIRED_DEFECT_COLUMNS


def test_table_and_record_hold_the_same_numbers(tmp_path: Path) -> None:
    picture_files.write_defect_table(tmp_path / "t.csv", FAILED, CONFIG.reporting)
    for row, defect in zip(_read_csv(tmp_path / "t.csv"), to_json(FAILED)["defects"], strict=True):
        assert row["Defect_ID"] == defect["id"]
        assert float(row["Length_um"]) == defect["length_um"]
        assert float(row["Area_um2"]) == defect["area_um2"]
        assert float(row["Area_px2"]) == defect["area_px"]
        assert tuple(row["Zones_Touched"].split(";")) == defect["zones_touched"]


def test_positions_are_picture_coordinates_times_the_scale_of_their_axis(tmp_path: Path) -> None:
    picture_files.write_defect_table(tmp_path / "t.csv", FAILED, CONFIG.reporting)
    row = _read_csv(tmp_path / "t.csv")[1]
    assert (float(row["Centroid_X_um"]), float(row["Centroid_Y_um"])) == (
        (CENTER[0] + 70) * 0.5,
        (CENTER[1] - 60) * 0.4,
    )
    assert (float(row["Offset_X_um"]), float(row["Offset_Y_um"])) == (35, -24)
    assert (float(row["Offset_X_px"]), float(row["Offset_Y_px"])) == (70, -60)


def test_without_scale_pixel_columns_take_the_place_of_micrometres(tmp_path: Path) -> None:
    picture_files.write_defect_table(tmp_path / "t.csv", NO_SCALE, CONFIG.reporting)
    header = _header(tmp_path / "t.csv")
    expected = [name.replace("_um", "_px") for name in REQUIRED_DEFECT_COLUMNS]
    assert header[: len(expected)] == expected
    assert len(set(header)) == len(header)
    assert not [name for name in header if "_um" in name]
    assert float(_read_csv(tmp_path / "t.csv")[1]["Diameter_px"]) == 20


@pytest.mark.parametrize("inspection", [FAILED, NO_SCALE], ids=["um", "px"])
def test_an_empty_table_keeps_its_columns(inspection: Inspection) -> None:
    full, empty = tables.defect_table(inspection), tables.defect_table(replace(inspection, defects=()))
    assert _lines_of(empty) == _lines_of(full)[:1]


def test_negative_numbers_are_not_taken_for_formulas(tmp_path: Path) -> None:
    picture_files.write_defect_table(tmp_path / "t.csv", FAILED, CONFIG.reporting)
    assert float(_read_csv(tmp_path / "t.csv")[0]["Contrast"]) == -0.27183


def test_a_table_is_what_pandas_writes() -> None:
    for table in (tables.defect_table(FAILED), tables.cell_table(NO_SCALE, CONFIG.detectors)):
        whole = tables.frame(_rows_of(table), table.types)
        assert csv_files.csv_bytes(table, "international") == whole.to_csv(index=False, lineterminator="\n").encode()


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
    rows = _rows_of(tables.cell_table(FAILED, CONFIG.detectors))
    assert any(row["Response_lei"] is not None for row in rows)
    assert {row["Response_skeleton"] for row in rows} == {None}


def test_without_scale_the_area_of_a_cell_is_in_pixels(tmp_path: Path) -> None:
    picture_files.write_cells(tmp_path / "c.csv", NO_SCALE, CONFIG)
    assert _header(tmp_path / "c.csv")[-2:] == ["Defect_Count", "Defect_Area_px2"]


@pytest.mark.parametrize("inspection", [FAILED, NO_SCALE], ids=["um", "px"])
def test_an_empty_table_of_cells_keeps_its_columns(inspection: Inspection) -> None:
    full, empty = (tables.cell_table(one, CONFIG.detectors) for one in (inspection, replace(inspection, cells=())))
    assert _lines_of(empty) == _lines_of(full)[:1]


# --- the summary


def test_the_summary_begins_with_the_columns_of_the_contract(tmp_path: Path) -> None:
    write_summary_of(tmp_path / "s.csv", [tables.summary_row(FAILED)])
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
    write_summary_of(tmp_path / "s.csv", [tables.summary_row(i) for i in inspections])
    rows = _read_csv(tmp_path / "s.csv")
    assert [row["Marginal"] for row in rows] == ["False", "True", "", "False"]
    assert [row["Marginal_Reason(s)"] for row in rows] == ["", MARGINAL.verdict.doubts[0], "", ""]
    closest = "Zone cladding: defect diameter > 10 um: 0, allowed none; mark that decides 9.0 um, 1.0 um below"
    assert [row["Closest_Limit"] for row in rows] == ["", closest, "", ""]


def test_what_could_not_be_measured_has_a_row_without_counts(tmp_path: Path) -> None:
    inspections = [FAILED, PASSED, OUT_OF_FOCUS, UNREADABLE]
    write_summary_of(tmp_path / "s.csv", [tables.summary_row(i) for i in inspections])
    rows = _read_csv(tmp_path / "s.csv")
    assert [row["Total_Defect_Count"] for row in rows] == ["5", "0", "", ""]
    assert [row["Pass/Fail_Status"] for row in rows] == ["FAIL", "PASS", "NOT_GRADED", "NOT_GRADED"]
    assert rows[3]["Failure_Reason(s)"] == "Unreadable: the file is empty"
    assert rows[3]["Core_Source"] == ""


def test_manifest_columns_follow_in_the_order_they_were_first_seen(tmp_path: Path) -> None:
    carried = [{"serial": "0012"}, {"part": "-7", "serial": "13"}, {"Edition": "mine"}]
    requests = [replace(FAILED.request, manifest=columns) for columns in carried]
    rows = [tables.summary_row(replace(FAILED, request=request)) for request in requests]
    write_summary_of(tmp_path / "s.csv", rows)
    header, table = _header(tmp_path / "s.csv"), _read_csv(tmp_path / "s.csv")
    assert header[len(tables.SUMMARY_COLUMNS) :] == ["serial", "part", "Manifest_Edition"]
    assert [(row["serial"], row["part"]) for row in table] == [("0012", ""), ("13", "'-7"), ("", "")]
    assert table[2]["Edition"] == FAILED.criteria.edition


def test_an_empty_summary_keeps_its_header(tmp_path: Path) -> None:
    write_summary_of(tmp_path / "s.csv", [])
    assert _header(tmp_path / "s.csv") == [column.name for column in tables.SUMMARY_COLUMNS]


@every_kind
def test_a_stored_record_gives_the_same_summary_row_as_the_inspection(inspection: Inspection, tmp_path: Path) -> None:
    picture_files.write_result(tmp_path / "r.json", inspection)
    assert tables.summary_row(load_record(tmp_path / "r.json")) == tables.summary_row(inspection)


@given(order=st.permutations(range(5)))
def test_a_growing_summary_is_the_table_of_its_rows_in_the_order_of_the_batch(order: list[int]) -> None:
    rows = [tables.summary_row(inspection) for inspection in (FAILED, NO_SCALE, OUT_OF_FOCUS, UNREADABLE, MARGINAL)]
    rows[order[0]]["part"] = "7"
    growing = csv_files.SummaryTable("international")
    growing.add(3, rows[0])  # replaced below
    for place in order:
        growing.add(place, rows[place])
    declared = {column.name: column.dtype for column in tables.SUMMARY_COLUMNS}
    seen = (name for row in (rows[0], *(rows[place] for place in order)) for name in row)
    types = declared | {name: "object" for name in seen if name not in declared}
    whole = tables.frame(rows, types).map(_as_cell)
    assert b"".join(growing.parts()) == whole.to_csv(index=False, lineterminator="\n").encode()


def _as_cell(value: Any) -> Any:
    """As a file of the international style has it."""
    return value if isinstance(value, float) else csv_files._cell(value, ".")


def test_hostile_text_is_text_in_the_summary(tmp_path: Path) -> None:
    request = replace(FAILED.request, manifest={"=1+1": "@x", "note": "\tx", "file2": "a\r\nb", "ok": "1 - 2"})
    hostile = replace(FAILED, image=replace(FAILED.image, file=HOSTILE_FILE), request=request)
    write_summary_of(tmp_path / "s.csv", [tables.summary_row(hostile)])
    row = _read_csv(tmp_path / "s.csv")[0]
    assert row["Image_Filename"] == "'=cmd()/<script> 図.png"
    assert (row["'=1+1"], row["note"], row["file2"], row["ok"]) == ("'@x", "' x", "a b", "1 - 2")


@given(text=st.text())
def test_no_text_becomes_a_formula_or_a_second_line(text: str) -> None:
    row = tables.summary_row(replace(FAILED, image=replace(FAILED.image, file=text)))
    cell = str(csv_files._cell(row["Image_Filename"], "."))
    assert len(cell.splitlines()) <= 1
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_columns_are_documented_as_they_are_declared() -> None:
    for columns in (tables.DEFECT_COLUMNS, CELL_COLUMNS, tables.SUMMARY_COLUMNS):
        lines = column_table(columns).splitlines()
        assert lines[:2] == ["| column | unit | meaning |", "|---|---|---|"]
        assert [line.split("`")[1] for line in lines[2:]] == [column.name for column in columns]
        assert len({column.name for column in columns}) == len(columns)
        assert all(column.meaning for column in columns)


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
    rows = {(row["Detector_A"], row["Detector_B"]): row for row in _rows_of(table)}
    pair = rows["do2mr", "lei"]
    assert (pair["Marks_A"], pair["Marks_B"], pair["Marks_Both"], pair["Agreement"]) == (3, 3, 2, 0.5)
    assert (pair["Weight_A"], pair["Weight_B"]) == (0.5, 0.7)
    assert rows["lei", "lei"]["Agreement"] == 1


def test_detectors_that_found_nothing_neither_agree_nor_differ() -> None:
    rows = _rows_of(tables.agreement_table(PASSED, CONFIG))
    enabled = [name for name, detector in CONFIG.detectors.items() if detector.enabled]
    assert len(rows) == len(enabled) * (len(enabled) + 1) // 2
    assert {(row["Agreement"], row["Marks_Both"]) for row in rows} == {(None, 0)}
