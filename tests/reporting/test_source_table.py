"""NAME_sources.csv: one row per mark, one column per source."""

from __future__ import annotations

import csv
from dataclasses import replace

from dscope_blink.analysis.aggregation.aggregating import aggregate
from dscope_blink.records import Aggregate
from dscope_blink.reporting.source_table import SOURCE_COLUMNS, source_table, write_sources
from tests.builders.found_marks import CONFIG, SMALL, SPECK, SURE, face, member, merged, seen_by, told_by
from tests.builders.stored_results import REPORTING

FIXED = [column.name for column in SOURCE_COLUMNS]


def aggregated(*detections) -> Aggregate:
    return aggregate("face", detections, CONFIG, "2026-02-01T08:00:00+00:00")


def rows(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_cell_holds_the_id_there_nothing_or_unseen(tmp_path):
    found = aggregated(seen_by("a", face(SMALL)), told_by("c", member(SURE, "c", "0017"), region="core"))
    write_sources(tmp_path / "face_sources.csv", found, REPORTING)
    big, small = rows(tmp_path / "face_sources.csv")
    assert (big["Defect_ID"], big["a"], big["c"], big["Severity"]) == ("P1", "", "0017", "HIGH")
    assert (small["Defect_ID"], small["a"], small["c"]) == ("P2", "P2", "unseen")
    assert (small["UID"], small["Sources"], small["Votes"]) == (found.marks[1].uid, "1", str(found.marks[1].votes))


def test_pieces_of_one_source_stand_in_one_cell(tmp_path):
    whole = merged(SMALL, member(SMALL, "a", "7"), member(SMALL, "a", "8"))
    found = replace(aggregated(seen_by("a", face(SMALL))), marks=(whole,))
    write_sources(tmp_path / "face_sources.csv", found, REPORTING)
    (row,) = rows(tmp_path / "face_sources.csv")
    assert row["a"] == "7;8"


def test_without_marks_there_are_columns_and_no_row(tmp_path):
    write_sources(tmp_path / "face_sources.csv", aggregated(seen_by("a", face())), REPORTING)
    assert (tmp_path / "face_sources.csv").read_text(encoding="utf-8") == ",".join([*FIXED, "a"]) + "\n"


def test_sources_that_are_called_as_columns_are_told_from_them():
    keys = ["UID", "UID (source)", "Zone", "=SUM(1)"]
    found = aggregated(*(seen_by(key, face(SPECK)) for key in keys))
    names = list(source_table(found).types)
    assert len(names) == len(FIXED) + 4
    assert names[: len(FIXED)] == FIXED
    assert set(names[len(FIXED) :]) == {"UID (source) (source)", "UID (source)", "Zone (source)", "=SUM(1)"}


def test_a_name_that_a_spreadsheet_takes_for_a_formula_is_text(tmp_path):
    write_sources(tmp_path / "face_sources.csv", aggregated(seen_by("=SUM(1)", face(SPECK))), REPORTING)
    assert "'=SUM(1)" in rows(tmp_path / "face_sources.csv")[0]
