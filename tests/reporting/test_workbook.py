"""The workbook of a batch, opened again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from openpyxl import load_workbook

from dscope_blink.records import ImageInfo, Inspection
from dscope_blink.records.stored import to_json
from dscope_blink.reporting import workbook
from dscope_blink.reporting.batch_reports import write_batch_reports
from dscope_blink.reporting.picture_files import write_result
from dscope_blink.reporting.stored_results import StoredResults
from dscope_blink.reporting.tables import SHEETS, SUMMARY_COLUMNS, WORKBOOK_DEFECT_COLUMNS
from dscope_blink.terminal.commands import main
from tests.builders.batches import CONFIG
from tests.builders.inspections import EVERY_KIND, FAILED, NO_SCALE, PASSED, UNREADABLE
from tests.builders.stored_results import annotated, results_of

ASKED = replace(CONFIG, reporting=replace(CONFIG.reporting, excel=True))
OURS = replace(FAILED.provenance, profile=CONFIG.profile, inputs={"config": CONFIG.sha256})
LIMITS = CONFIG.criteria.find("iec_61300_3_35_2015", "multimode")


@pytest.fixture
def book_of(tmp_path):
    """The workbook of some inspections."""

    def write(*inspections: Inspection) -> Any:
        results = [tmp_path / f"{number}_result.json" for number in range(len(inspections))]
        for path, inspection in zip(results, inspections, strict=True):
            write_result(path, inspection)
        (path,) = write_batch_reports(tmp_path, StoredResults(results), ASKED)
        return load_workbook(path)

    return write


def rows_of(sheet: Any) -> list[dict[str, Any]]:
    header, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


def cell_of(sheet: Any, column: str, row: int = 2) -> Any:
    (place,) = [cell.column for cell in sheet[1] if cell.value == column]
    return sheet.cell(row, place)


def with_manifest(**carried: str) -> Inspection:
    return replace(FAILED, request=replace(FAILED.request, manifest=carried))


def named(file: str) -> Inspection:
    return replace(FAILED, image=ImageInfo(file, "ab" * 32, 1000, 850))


# --- sheets and columns


def test_the_sheets_and_their_columns_are_those_that_are_declared(book_of):
    book = book_of(replace(PASSED, request=replace(PASSED.request, manifest={})))
    assert book.sheetnames == [sheet.name for sheet in SHEETS]
    for sheet in SHEETS:
        assert [cell.value for cell in book[sheet.name][1]] == [column.name for column in sheet.columns]


def test_every_kind_of_record_has_its_rows(book_of):
    book = book_of(*EVERY_KIND.values())
    summary = rows_of(book["summary"])
    assert [row["Pass/Fail_Status"] for row in summary] == [i.verdict.status for i in EVERY_KIND.values()]
    assert len(rows_of(book["defects"])) == sum(len(i.defects) for i in EVERY_KIND.values())


def test_numbers_are_numbers_and_the_unknown_is_empty(book_of):
    book = book_of(FAILED, NO_SCALE, UNREADABLE)
    marks = rows_of(book["defects"])
    assert marks[0]["Length_um"] == to_json(FAILED)["defects"][0]["length_um"]
    unscaled = marks[len(FAILED.defects)]
    assert unscaled["Length_um"] is unscaled["Centroid_X_um"] is None
    assert unscaled["Length_px"] == NO_SCALE.defects[0].length_px
    summary = rows_of(book["summary"])
    assert [row["Total_Defect_Count"] for row in summary] == [5, 5, None]
    assert [row["Criteria_Confirmed"] for row in summary] == [False, False, False]


def test_each_column_has_the_type_that_is_declared(book_of):
    book = book_of(*EVERY_KIND.values())
    kinds: dict[str, tuple[type, ...]] = {"object": (str,), "float64": (int, float), "Int64": (int,), "int64": (int,)}
    for name, columns in (("summary", SUMMARY_COLUMNS), ("defects", WORKBOOK_DEFECT_COLUMNS)):
        for column in columns:
            found = {type(row[column.name]) for row in rows_of(book[name])} - {type(None)}
            assert found <= {*kinds.get(column.dtype, (bool,))}, column.name


def test_headers_stay_in_view_and_rows_can_be_filtered(book_of):
    for sheet in book_of(FAILED):
        assert sheet.freeze_panes == ("C2" if sheet.title == "summary" else "B2")
        assert sheet.auto_filter.ref == f"A1:{sheet.dimensions.partition(':')[2]}"


def test_the_verdict_is_coloured(book_of):
    sheet = book_of(PASSED, FAILED)["summary"]
    colours = [cell_of(sheet, "Pass/Fail_Status", row).fill.fgColor.rgb for row in (2, 3)]
    assert len({*colours, cell_of(sheet, "Edition").fill.fgColor.rgb}) == 3


def test_the_columns_of_manifests_follow_and_take_no_name_of_another(book_of):
    book = book_of(with_manifest(serial="0012"), with_manifest(operator="Ida", Edition="mine"))
    summary = rows_of(book["summary"])
    assert [*summary[0]][len(SHEETS[0].columns) :] == ["serial", "operator", "Manifest_Edition"]
    assert [(row["serial"], row["operator"], row["Manifest_Edition"]) for row in summary] == [
        ("0012", None, None),
        (None, "Ida", "mine"),
    ]


def test_each_name_has_room_beside_the_button_of_the_filter(book_of):
    for sheet in book_of(FAILED):
        for cell in sheet[1]:
            assert room_of(sheet, cell.column) >= len(cell.value) + 2, cell.value


def room_of(sheet: Any, place: int) -> float:
    """Letters in a column; neighbours of one width are declared together."""
    return next(c.width for c in sheet.column_dimensions.values() if c.min <= place <= c.max)


# --- pictures and links


def results_in(folder: Path, inspections: Mapping[str, Inspection]) -> StoredResults:
    """Stored results with the pictures of the page and annotated ones."""
    paths = results_of(folder, inspections)
    for path, inspection in zip(paths, inspections.values(), strict=True):
        if inspection.image.width is not None:
            annotated(path.parent, path.name.removesuffix("_result.json"), inspection)
    return StoredResults(paths)


def opened(folder: Path, results: StoredResults) -> Any:
    (path,) = write_batch_reports(folder, results, ASKED)
    return load_workbook(path)["summary"]


def test_each_row_has_its_picture_within_the_cell(tmp_path):
    sheet = opened(tmp_path, results_in(tmp_path, {"a": FAILED, "b": UNREADABLE, "c": PASSED}))
    column = cell_of(sheet, "Picture").column - 1
    corners = [(image.anchor._from.row, image.anchor._from.col, image.anchor.to.row) for image in sheet._images]
    assert corners == [(1, column, 1), (3, column, 3)]  # from the cell to the same: none lies over the next
    assert all(image.anchor.editAs in (None, "twoCell") for image in sheet._images)  # it is filtered with its row


def test_names_and_links_lead_to_the_files_wherever_the_folder_is_moved(tmp_path):
    name = "tray 1/50 % #2"
    sheet = opened(tmp_path, results_in(tmp_path, {name: FAILED}))
    links = [cell_of(sheet, column).hyperlink for column in ("Image_Filename", "Annotated", "Record")]
    assert cell_of(sheet, "Image_Filename").value == f"{name}.png"
    targets = [unquote(link.target).replace("\\", "/") for link in links]  # Excel parts folders by either
    assert [link.location for link in links] == [None] * 3
    assert targets == [f"{name}_annotated.png"] * 2 + [f"{name}_result.json"]
    assert all((tmp_path / target).is_file() for target in targets)
    assert cell_of(sheet, "Certificate").value is None  # there is none


def test_no_more_pictures_are_held_than_there_is_room_for(tmp_path, monkeypatch):
    results = results_in(tmp_path, {f"face_{n}": FAILED for n in range(4)})
    one = (tmp_path / "face_0_thumbnail.jpg").stat().st_size
    monkeypatch.setattr(workbook, "_PICTURES_BYTES", 2 * one + 1)
    sheet = opened(tmp_path, results)
    assert len(sheet._images) == 2
    assert all("left out" in cell_of(sheet, "Picture", row).value for row in (4, 5))


def test_where_the_page_was_not_asked_for_the_annotated_picture_stands_in(tmp_path):
    results = results_in(tmp_path, {"a": FAILED, "b": FAILED})
    (tmp_path / "a_thumbnail.jpg").unlink()
    (tmp_path / "b_thumbnail.jpg").write_bytes(b"damaged")
    sheet = opened(tmp_path, results)
    assert [image.anchor._from.row for image in sheet._images] == [1]


def test_drawings_of_another_verdict_are_neither_shown_nor_linked(tmp_path):
    sheet = opened(tmp_path, replace(results_in(tmp_path, {"a": FAILED}), judged_again=True))
    assert not sheet._images
    assert cell_of(sheet, "Annotated").value is cell_of(sheet, "Image_Filename").hyperlink is None
    assert cell_of(sheet, "Record").hyperlink.target == "a_result.json"


# --- text that would do harm


@pytest.mark.parametrize(
    "text", ["=HYPERLINK(1)", "+1", "-1+1", "@SUM(A1)", "\uff1dA1", "  =1", "http://example.com", "0012", "TRUE", "1e5"]
)
def test_text_stays_text(book_of, text):
    cell = cell_of(book_of(with_manifest(remark=text))["summary"], "remark")
    assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)


def test_what_begins_like_a_formula_stays_text_when_it_is_edited(book_of):
    book = book_of(with_manifest(remark="=1", serial="7"))
    assert cell_of(book["summary"], "remark").quotePrefix
    assert not cell_of(book["summary"], "serial").quotePrefix


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("a\x00\x0b\x1b\x9f.png", "a\ufffd \ufffd\ufffd.png"),
        ("a\nb\r\nc.png", "a b c.png"),
        ("\ufffe\uffff.png", "\ufffd\ufffd.png"),
        ("<script>&amp;.png", "<script>&amp;.png"),
        ("_x0041_.png", "_x005F_x0041_.png"),  # as Excel writes what only looks like its escape of a letter
        ("図\U0001f600.png", "図\U0001f600.png"),
        ("x" * 40_000, "x" * 32_764 + "..."),
    ],
)
def test_any_name_is_legal(book_of, file, shown):
    book = book_of(named(file))
    assert rows_of(book["summary"])[0]["Image_Filename"] == shown
    assert rows_of(book["defects"])[0]["Image_Filename"] == shown


# --- more than a sheet holds


def test_what_a_sheet_has_no_room_for_goes_on_in_the_next(book_of, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_ROWS", 4)
    book = book_of(FAILED, PASSED, FAILED, FAILED)
    assert book.sheetnames[:3] == ["summary", "defects", "defects 2"]
    names = [name for name in book.sheetnames if name.startswith("defects")]
    assert [len(rows_of(book[name])) for name in names] == [3, 3, 3, 3, 3]
    assert [row["Defect_ID"] for name in names for row in rows_of(book[name])] == [d.id for d in FAILED.defects] * 3
    assert all(book[name].freeze_panes == "B2" for name in names)
    assert len(rows_of(book["summary"])) + len(rows_of(book["summary 2"])) == 4


# --- criteria and settings


def test_the_criteria_are_listed_limit_by_limit(book_of):
    asked = replace(FAILED.request, edition=LIMITS.edition, fiber_class=LIMITS.fiber_class)
    judged = replace(FAILED, criteria=LIMITS, request=asked)
    rows = rows_of(book_of(judged, judged)["criteria"])
    bands = [(zone, bands) for zone in LIMITS.zones for bands in (zone.scratches, zone.defects)]
    assert [row["Allowed"] for row in rows if row["Marks"]] == [b.max_count for _, bands_ in bands for b in bands_]
    assert {(row["Edition"], row["Fiber_Class"], row["Confirmed"], row["Pictures"]) for row in rows} == {
        (LIMITS.edition, LIMITS.fiber_class, LIMITS.confirmed, 2)
    }
    first = rows[0]
    assert (first["Zone"], first["Outer_Border"], first["Marks"]) == (
        "A core",
        LIMITS.zones[0].outer.in_words,
        "scratches",
    )
    assert [row["Sizes"] for row in rows if row["Zone"] == "C adhesive"] == [None]


def settings_of(book: Any) -> Iterator[tuple[Any, Any, Any]]:
    return ((row["Run"], row["Setting"], row["Value"]) for row in rows_of(book["settings"]))


def test_each_run_is_listed_with_its_hashes(book_of):
    later = replace(FAILED, provenance=replace(FAILED.provenance, started="2026-02-01T08:00:00+00:00"))
    other = replace(
        FAILED, provenance=replace(FAILED.provenance, inputs={**FAILED.provenance.inputs, "calibration": "ef" * 32})
    )
    found = {(run, name): value for run, name, value in settings_of(book_of(FAILED, later, other))}
    assert {run for run, _ in found} == {1, 2}
    assert (found[1, "pictures"], found[2, "pictures"]) == (2, 1)
    assert (found[1, "calibration_sha256"], found[2, "calibration_sha256"]) == ("none", "ef" * 32)
    assert found[1, "last inspected"] == "2026-02-01T08:00:00+00:00"


def test_the_configuration_is_listed_value_by_value_where_it_is_the_one(book_of):
    found = {name: value for run, name, value in settings_of(book_of(replace(FAILED, provenance=OURS))) if run is None}
    assert found["preprocessing.focus_min"] == CONFIG.preprocessing.focus_min
    assert found["detectors.lei.weight"] == CONFIG.detectors["lei"].weight
    assert found["reporting.excel"] is True
    assert found["criteria.default_edition"] == CONFIG.criteria.default_edition


def test_a_configuration_that_was_not_used_is_not_listed(book_of):
    assert all(run is not None for run, _, _ in settings_of(book_of(FAILED)))


# --- files


def stored(folder: Path, inspections: Sequence[Inspection]) -> None:
    for number, inspection in enumerate(inspections):
        write_result(folder / f"{number}_result.json", inspection)


@pytest.mark.usefixtures("as_written")
def test_the_workbook_is_written_again_from_what_is_stored(tmp_path, capsys):
    stored(tmp_path, [FAILED, PASSED])
    (tmp_path / "2_result.json").write_text(json.dumps({"schema": "other"}), encoding="utf-8")
    assert main(["report", str(tmp_path), "--excel"]) == 0
    assert "report.xlsx" in capsys.readouterr().out
    rows = rows_of(load_workbook(tmp_path / "report.xlsx")["summary"])
    assert [row["Pass/Fail_Status"] for row in rows] == ["FAIL", "PASS", "NOT_GRADED"]
    assert rows[2]["Image_Filename"] == "2"
    assert rows[2]["Failure_Reason(s)"].startswith("Unreadable record: no record: its schema must be")


def test_a_workbook_that_cannot_be_written_leaves_no_half_of_it(tmp_path, capsys):
    stored(tmp_path, [FAILED])
    (tmp_path / "report.xlsx" / "in the way").mkdir(parents=True)
    assert main(["report", str(tmp_path), "--excel"]) == 1
    assert "report.xlsx cannot be written" in capsys.readouterr().err
    assert not list(tmp_path.glob(".*.dscope-tmp"))


def test_a_batch_without_a_record_has_empty_sheets(book_of):
    book = book_of()
    assert [rows_of(book[sheet.name]) for sheet in SHEETS] == [[], [], [], []]
