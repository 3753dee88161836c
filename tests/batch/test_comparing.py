"""Two batches of stored results side by side: which shots are paired, and what is written of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dscope_blink.records import Inspection, Verdict, Violation
from dscope_blink.terminal.commands import main
from tests.builders.inspections import FAILED, HELD, NOT_LOCATED, PASSED, mark
from tests.builders.stored_results import HOSTILE, results_of

pytestmark = pytest.mark.usefixtures("as_written")

ANGLES = (0.2, 0.9, 1.7, 2.6, 3.3, 4.1, 5.0, 5.8)
RADII_PX = (60.0, 95.0, 130.0, 75.0, 110.0, 145.0, 90.0, 125.0)  # of the drawing in which pixels are square


def face(status: str, marks: range, turn_deg: float = 0.0, serial: str = "", **changes: Any) -> Inspection:
    """A record with some of eight marks, its face turned in pixels that are not square."""
    found = []
    for n in marks:
        angle = ANGLES[n] + math.radians(turn_deg)
        place = 0.8 * RADII_PX[n] * math.cos(angle), RADII_PX[n] * math.sin(angle)
        found.append(mark(f"P{n}", "pit_dig", place, 6.0))
    broken = (Violation("core", "scratch width of any size", "1", "none", ("P1",)),)
    held = (replace(HELD[0], defects=("P1",)),)
    verdict = PASSED.verdict if status == "PASS" else Verdict("FAIL", FAILED.verdict.reasons, broken, held)
    request = replace(PASSED.request, manifest={"serial": serial} if serial else {})
    return replace(PASSED, verdict=verdict, defects=tuple(found), request=request, **changes)


def write(folder: Path, inspections: Mapping[str, Inspection], pictures: bool = False) -> Path:
    results_of(folder, inspections, pictures)
    return folder


def compare(before: Path, after: Path, *options: str) -> tuple[int, Any]:
    """The exit code, and the table by serial, each cell as it is written."""
    code = main(["report", str(before), str(after), "--compare", *options])
    return code, pd.read_csv(after / "compare_batches.csv", dtype=str, keep_default_na=False).set_index("Serial")


# --- which shots are of one face


def test_faces_are_paired_by_serial_and_without_one_by_file(tmp_path):
    before = write(tmp_path / "a", {"x": face("PASS", range(8), serial="007"), "same": face("PASS", range(8))})
    after = write(tmp_path / "b", {"y": face("PASS", range(8), 40, serial="007"), "same": face("PASS", range(8))})
    _, table = compare(before, after)
    assert set(table.index) == {"007", "same.png"}
    assert list(table.loc["007", ["File_Before", "File_After"]]) == ["x.png", "y.png"]
    assert float(table.loc["007", "Turn_deg"]) == pytest.approx(40, abs=1)


def test_the_column_that_names_a_face_can_be_chosen(tmp_path):
    lot = face("PASS", range(8))
    named = replace(lot, request=replace(lot.request, manifest={"Fiber No": "3"}))
    before, after = write(tmp_path / "a", {"x": named}), write(tmp_path / "b", {"y": named})
    assert list(compare(before, after, "--by", "fiber no")[1].index) == ["3"]
    assert list(compare(before, after)[1].index) == ["x.png", "y.png"]


def test_a_serial_that_names_both_ends_of_a_cord_is_paired_by_file_and_that_is_said(tmp_path):
    both = {name: face("PASS", range(8), serial="12") for name in ("end_a", "end_b")}
    before, after = write(tmp_path / "a", both), write(tmp_path / "b", both)
    _, table = compare(before, after)
    assert list(table.index) == ["12 end_a.png", "12 end_b.png"]
    assert all("paired by their files" in text for text in table["Remarks"])


def test_pictures_of_one_name_in_two_nights_stay_apart(tmp_path):
    for night in ("2026-01-30", "2026-01-31"):
        write(tmp_path / "a" / night, {"x": face("PASS", range(8), serial="12")})
        write(tmp_path / "b" / night, {"x": face("PASS", range(8), serial="12")})
    _, table = compare(tmp_path / "a", tmp_path / "b")
    assert list(table.index) == ["12 2026-01-30/x.png", "12 2026-01-31/x.png"]
    assert list(table["Outcome"]) == ["same", "same"]


# --- what became of them


def test_what_was_removed_stayed_and_came_is_counted_and_named(tmp_path):
    before = write(tmp_path / "a", {"x": face("FAIL", range(7))})
    after = write(tmp_path / "b", {"x": face("PASS", range(1, 8), 200)})
    code, table = compare(before, after)
    assert code == 0
    row = table.loc["x.png"]
    assert (row["Outcome"], row["Removed"], row["Stayed"], row["New"]) == ("better", "1", "6", "1")
    assert (row["Cladding_Marks_Before"], row["Cladding_Marks_After"]) == ("7", "7")
    marks = pd.read_csv(after / "compare_marks.csv", keep_default_na=False)
    fates = marks.set_index(["Shot", "Defect_ID"])["Fate"]
    assert fates["before", "P0"] == "removed"
    assert fates["after", "P7"] == "new"
    assert set(marks.loc[marks["Fate"] == "stayed", "Partner_ID"]) == {f"P{n}" for n in range(1, 7)}


def test_where_the_marks_do_not_tell_the_turn_only_counts_are_compared(tmp_path, capsys):
    before, after = (
        write(tmp_path / "a", {"x": face("FAIL", range(2))}),
        write(tmp_path / "b", {"x": face("PASS", range(1))}),
    )
    _, table = compare(before, after)
    row = table.loc["x.png"]
    assert (row["Cladding_Marks_Before"], row["Cladding_Marks_After"]) == ("2", "1")
    assert row["Turn_deg"] == row["Removed"] == row["Stayed"] == row["New"] == ""
    assert "only counts are compared: too few marks lie alike" in row["Remarks"]
    assert pd.read_csv(after / "compare_marks.csv").empty
    assert "1 faces: the marks do not tell" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("before", "after", "outcome", "code"),
    [
        ("PASS", "PASS", "same", 0),
        ("FAIL", "PASS", "better", 0),
        ("PASS", "FAIL", "worse", 3),
        ("PASS", "NOT_GRADED", "worse", 3),
        ("FAIL", "NOT_GRADED", "other", 0),
        ("PASS", "", "gone", 3),
        ("", "PASS", "added", 0),
    ],
)
def test_whoever_asks_is_told_by_the_exit_code_that_a_face_got_worse(tmp_path, before, after, outcome, code):
    shots = {"PASS": PASSED, "FAIL": FAILED, "NOT_GRADED": NOT_LOCATED}
    folders = list[Path]()
    for name, status in (("a", before), ("b", after)):
        unnamed = {n: replace(i, request=replace(i.request, manifest={})) for n, i in shots.items()}
        folders.append(write(tmp_path / name, {"kept": unnamed["PASS"], **({"x": unnamed[status]} if status else {})}))
    assert compare(folders[0], folders[1])[0] == 0
    exit_code, table = compare(folders[0], folders[1], "--fail-exit")
    assert (exit_code, table.loc["x.png", "Outcome"]) == (code, outcome)


def test_what_else_may_have_made_the_difference_is_said(tmp_path):
    shot = face("PASS", range(8))
    other = replace(shot, provenance=replace(shot.provenance, profile="fast_scan", inputs={"config": "ee" * 32}))
    before, after = write(tmp_path / "a", {"x": shot}), write(tmp_path / "b", {"x": other})
    remarks = compare(before, after)[1].loc["x.png", "Remarks"]
    assert "made with another profile, configuration" in remarks
    assert "both are of the same picture file" in remarks


def test_the_table_begins_with_what_asks_for_a_look(tmp_path):
    before = {"a": face("PASS", range(8)), "b": face("FAIL", range(8)), "c": face("PASS", range(8))}
    after = {"a": face("PASS", range(8)), "b": face("PASS", range(8)), "c": face("FAIL", range(8))}
    _, table = compare(write(tmp_path / "a", before), write(tmp_path / "b", after))
    assert list(table["Outcome"]) == ["worse", "better", "same"]


def test_a_record_that_cannot_be_read_is_passed_over_and_that_is_said(tmp_path, capsys):
    before = write(tmp_path / "a", {"x": face("PASS", range(8)), "y": face("PASS", range(8))})
    after = write(tmp_path / "b", {"x": face("PASS", range(8)), "y": face("PASS", range(8))})
    (after / "y_result.json").write_text("{", encoding="utf-8")
    assert list(compare(before, after)[1]["Outcome"]) == ["gone", "same"]
    assert "Warning: 1 results cannot be read, see the log" in capsys.readouterr().out


# --- the page


def test_the_page_holds_both_pictures_and_colours_marks_by_their_fate(tmp_path):
    before = write(tmp_path / "a", {"x": face("FAIL", range(7))}, pictures=True)
    after = write(tmp_path / "b", {"x": face("PASS", range(1, 8), 200)}, pictures=True)
    compare(before, after)
    page = (after / "compare_batches.html").read_text(encoding="utf-8")
    assert page.count('href="data:image/jpeg;base64,') == 2
    assert page.count('class="mark removed" c') == page.count('class="mark new" c') == 1
    assert page.count('class="mark stayed" c') == 12
    assert "turned back by 200." in page or "turned back by 199." in page
    assert "http:" not in page
    assert "https:" not in page


def test_what_stayed_lies_in_the_same_place_of_both_drawings(tmp_path):
    before = write(tmp_path / "a", {"x": face("FAIL", range(8))}, pictures=True)
    after = write(tmp_path / "b", {"x": face("PASS", range(8), 200)}, pictures=True)
    compare(before, after)
    page = (after / "compare_batches.html").read_text(encoding="utf-8")
    circles = [part.split('"') for part in page.split('class="mark stayed" c')[1:]]
    places = np.array([(float(part[1]), float(part[3])) for part in circles])
    assert len(places) == 16
    assert np.hypot(*(places[:8] - places[8:]).T).max() < 2  # of a radius of 100


def test_the_page_runs_nothing_that_a_record_says(tmp_path):
    hostile = {
        f"n{n}": replace(FAILED, request=replace(FAILED.request, manifest={"serial": text}))
        for n, text in enumerate(HOSTILE)
    }
    wrong = {n: replace(i, verdict=Verdict("FAIL", i.verdict.reasons)) for n, i in hostile.items()}
    before, after = write(tmp_path / "a", hostile, pictures=True), write(tmp_path / "b", wrong, pictures=True)
    compare(before, after)
    page = (after / "compare_batches.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "onerror=alert(2)>" not in page.replace("&gt;", "")
    assert "default-src 'none'; img-src data:; style-src 'sha256-" in page
    assert " style=" not in page  # the policy would refuse it


def test_a_page_without_room_says_so(tmp_path):
    before = write(tmp_path / "a", {f"x{n}": face("FAIL", range(7)) for n in range(3)}, pictures=True)
    after = write(tmp_path / "b", {f"x{n}": face("PASS", range(7)) for n in range(3)}, pictures=True)
    site = tmp_path / "site.json"
    shared = Path(__file__).parents[2] / "config.json"
    site.write_text(json.dumps({"extends": str(shared), "reporting": {"report_embed_max_mb": 0.01}}), encoding="utf-8")
    compare(before, after, f"--config={site}")
    page = (after / "compare_batches.html").read_text(encoding="utf-8")
    assert page.count("The page has no room for more pictures.") >= 3


# --- the command


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a", "--compare"], "takes two folders"),
        (["a", "b"], "AFTER_DIR needs --compare"),
        (["a", "--fail-exit"], "--fail-exit needs --compare"),
        (["a", "a", "--compare"], "are one folder"),
        (["a", "b", "--compare", "--pdf"], "--pdf cannot be given with it"),
        (["a", "none", "--compare"], "no such folder"),
    ],
)
def test_a_wrong_comparison_is_refused(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        write(tmp_path / name, {"x": PASSED})
    assert main(["report", *words]) == 2
    assert said in capsys.readouterr().err


def test_the_comparison_can_be_written_elsewhere(tmp_path, capsys):
    before, after = write(tmp_path / "a", {"x": PASSED}), write(tmp_path / "b", {"x": PASSED})
    assert main(["report", str(before), str(after), "--compare", f"--output-dir={tmp_path / 'c'}"]) == 0
    assert {path.name for path in (tmp_path / "c").iterdir()} >= {"compare_batches.html", "compare_marks.csv"}
    assert not list(after.glob("compare*"))
    assert str(tmp_path / "c" / "compare_batches.html") in capsys.readouterr().out
