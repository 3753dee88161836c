"""`aggregate` at the terminal: what it refuses, what it says, its exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from dscope_blink.config.shipped import shipped
from dscope_blink.records.sealing import sealed
from dscope_blink.terminal.commands import main
from dscope_blink.terminal.showing import GO_ON
from tests.builders.face_sources import pictures_of, seen, stored, two_sources
from tests.builders.pictures import blank_png

VALIDATOR = Draft202012Validator(json.loads(shipped("progress.schema.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def inspected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inspected")
    return seen(False, folder), seen(True, folder)


@pytest.fixture
def folders(tmp_path, inspected):
    """Two folders that have seen a clean and a scratched face."""
    return two_sources(tmp_path / "sources", *inspected, "a", "b")


def aggregate(out: Path, *words: object) -> int:
    quick = ("--profile=fast_scan", "--no-plots", "--no-report", "--workers=0")
    return main(["aggregate", *map(str, words), f"--output-dir={out}", *quick])


def test_what_came_out_is_said(folders, tmp_path, capsys):
    assert aggregate(tmp_path / "out", *folders) == 0
    said = capsys.readouterr()
    assert said.err == ""
    lines = said.out.splitlines()
    assert lines[0] == f"2 faces, seen in 4 files, profile fast_scan, results in {tmp_path / 'out'}"
    assert "2 faces: 1 PASS, 1 FAIL, 0 NOT_GRADED (0 could not be measured)" in lines
    assert any(line.startswith("Marks: ") and line.endswith("that 4 sources of faces report") for line in lines)
    log = tmp_path / "out" / "integrity_log.csv"
    assert lines[-2:] == [
        f"Integrity log: {log} (0 errors, 0 warnings, 0 for information)",
        f"Results: {tmp_path / 'out'}",
    ]


def test_nothing_is_said_where_that_is_asked_for(folders, tmp_path, capsys):
    assert aggregate(tmp_path / "out", *folders, "--quiet") == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_a_source_that_decides_is_named(tmp_path, inspected, capsys):
    clean, scratched = inspected
    passing = stored(tmp_path / "first", clean, "a.png", serial="7")
    stored(tmp_path / "second", scratched, "b.png", serial="7")
    record = json.loads(passing.read_text(encoding="utf-8"))
    other = json.loads((tmp_path / "second" / "b_result.json").read_text(encoding="utf-8"))
    other["image"]["sha256"] = record["image"]["sha256"]
    other["provenance"]["profile"] = "deep_inspection"
    (tmp_path / "second" / "b_result.json").write_text(json.dumps(sealed(other)), encoding="utf-8")
    assert aggregate(tmp_path / "out", tmp_path / "first", tmp_path / "second") == 0
    assert "Verdicts that would be another without one source: 1\n  7: deep_inspection\n" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "code"), [((), 0), (("--fail-exit",), 3), (("--image=a", "--fail-exit"), 0)])
def test_the_exit_code_tells_of_a_face_that_fails_if_asked(folders, tmp_path, words, code):
    assert aggregate(tmp_path / "out", *folders, "--quiet", *words) == code


def test_the_exit_code_tells_where_no_face_can_be_graded(tmp_path, inspected, capsys):
    (tmp_path / "a.png").write_bytes(blank_png())
    assert (
        main(["inspect", str(tmp_path / "a.png"), f"--output-dir={tmp_path / 'first'}", "--quiet", "--workers=0"]) == 4
    )
    capsys.readouterr()
    assert aggregate(tmp_path / "out", tmp_path / "first", "--quiet") == 4
    assert "not one face could be graded" in capsys.readouterr().err


def test_a_face_that_cannot_be_brought_together_is_told_and_wins_over_a_fail(folders, tmp_path, monkeypatch, capsys):
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("dscope_blink.batch.face_results.facts_of", fails)
    assert aggregate(tmp_path / "out", *folders, "--quiet", "--fail-exit") == 4
    log = tmp_path / "out" / "integrity_log.csv"
    assert f"main.py: 2 sources or faces could not be used: {log}" in capsys.readouterr().err


def test_an_interrupted_run_says_how_to_go_on(folders, tmp_path, monkeypatch, capsys):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dscope_blink.batch.face_results.aggregate", interrupted)
    assert aggregate(tmp_path / "out", *folders) == 130
    assert capsys.readouterr().err == f"main.py: interrupted; {GO_ON}\n"


def test_what_was_finished_is_kept_where_that_is_asked_for(folders, tmp_path, capsys):
    aggregate(tmp_path / "out", *folders, "--quiet")
    assert aggregate(tmp_path / "out", *folders, "--resume") == 0
    assert "; 2 finished before" in capsys.readouterr().out


def test_other_programs_are_told_in_json_lines(folders, tmp_path, capsys):
    assert aggregate(tmp_path / "out", *folders, "--json-progress", "--hook=false") == 1
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for event in events:
        VALIDATOR.validate(event)
    assert [event["event"] for event in events] == ["start", "picture", "picture", "end"]
    assert events[1]["record"] == str(tmp_path / "out" / "a_result.json")
    assert (events[0]["total"], events[-1]["exit_code"]) == (2, 1)


def test_the_pictures_are_drawn_where_they_are_named(folders, tmp_path):
    pictures = pictures_of(tmp_path / "pictures")
    assert aggregate(tmp_path / "out", *folders, f"--input-dir={pictures}", "--zone-images", "--quiet") == 0
    assert {"a_annotated.png", "a_zone_core.png", "b_annotated.png"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }


def test_an_aggregate_is_a_record_as_any_other(folders, tmp_path, capsys):
    out = tmp_path / "out"
    assert aggregate(out, *folders, "--quiet") == 0
    assert main(["regrade", str(out), "--edition=iec_61300_3_35_2015", "--fiber-class=single_mode_upc"]) == 0
    assert main(["report", str(out), "--json-lines", "--no-report"]) == 0
    assert main(["show", str(out / "b_result.json")]) == 0
    said = capsys.readouterr().out
    assert "1 PASS, 1 FAIL, 0 NOT_GRADED" in said
    assert "FAIL  b.png" in said
    assert len((out / "records.jsonl").read_text(encoding="utf-8").splitlines()) == 2


# --- what is refused


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_written(folders, tmp_path, capsys):
    words = (tmp_path / "absent", folders[0], "--input-dir=nowhere", "--manifest=no.csv")
    assert aggregate(tmp_path / "out", *words, "--profile=fast", "--core-diameter-um=wide") == 2
    lines = capsys.readouterr().err.splitlines()
    assert f"main.py: results folder {tmp_path / 'absent'}: no such folder" in lines
    assert "main.py: input folder nowhere: no such folder" in lines
    assert len(lines) >= 4
    assert all(line.startswith("main.py: ") for line in lines)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "out", "told"),
    [
        (("first", "first"), "out", "it is named twice"),
        (("first", "."), "../out", "one lies in the other, whose results would count twice"),
        (("first", "first/a_result.json"), "out", "not a folder"),
        (("first",), "first", "it is a folder of sources"),
        (("first",), "first/out", "it lies in the folder of sources"),
        (("first",), ".", "lies in it"),
        (("first",), "first/a_result.json", "is not a folder"),
        (("first", "--image=aa"), "out", "--image aa: no source has seen such a face; near it are a"),
        (("first", "--image=zebra"), "out", "--image zebra: no source has seen such a face; 2 faces there"),
        (("first", "--workers=many"), "out", "--workers must be a whole number"),
        (("first", "--config=none.json"), "out", "none.json"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(folders, tmp_path, monkeypatch, capsys, words, out, told):
    monkeypatch.chdir(folders[0].parent)
    before = sorted(path for path in tmp_path.rglob("*"))
    assert main(["aggregate", *words, f"--output-dir={out}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("main.py: ")
    assert told in line
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_a_missing_package_is_one_line_and_nothing_is_written(folders, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "shapely", None)
    assert aggregate(tmp_path / "out", *folders) == 2
    needed = "main.py: this program needs shapely (pip install -r requirements-learn.txt)"
    assert capsys.readouterr().err.splitlines() == [needed]
    assert not (tmp_path / "out").exists()


def test_no_folder_of_sources_is_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["aggregate", f"--output-dir={tmp_path}"])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
