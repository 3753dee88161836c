"""Reports of a whole batch, from the records that it left."""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dscope_blink.analysis.rejudging import load_row
from dscope_blink.batch.run import run_batch
from dscope_blink.files.names import MANIFEST
from dscope_blink.files.whole_files import WriteFailed
from dscope_blink.records import Inspection
from dscope_blink.reporting.batch_reports import write_batch_reports
from dscope_blink.reporting.stored_results import StoredResults
from dscope_blink.terminal.commands import main
from tests.builders.batches import CONFIG, batch_of, finished, written
from tests.builders.commands import inspect
from tests.builders.pictures import MULTIMODE, SCRATCH, face_png, folder_of
from tests.builders.settings import ROOT

RESULT_SCHEMA = json.loads((ROOT / "result.schema.json").read_text(encoding="utf-8"))
REPORTING = replace(CONFIG.reporting, json_lines=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of three pictures."""
    folder = tmp_path_factory.mktemp("made")
    pictures = folder_of(folder / "pictures", "a.png", "b.png", data=face_png(SCRATCH))
    folder_of(pictures, "c.png", data=b"no picture")
    finished(batch_of(pictures, folder / "out", config=replace(CONFIG, reporting=REPORTING)))
    return folder


@pytest.fixture
def stored(made: Path, tmp_path: Path) -> Path:
    """The same, for this test to change."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "records.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_batch_leaves_all_its_records_in_one_file_in_its_order(stored):
    expected = [json.loads((stored / f"{name}_result.json").read_text(encoding="utf-8")) for name in "abc"]
    assert records(stored) == expected


def test_the_reports_are_written_again_from_what_is_stored(stored, capsys):
    before = (stored / "records.jsonl").read_bytes()
    (stored / "records.jsonl").unlink()
    assert main(["report", str(stored), "--json-lines"]) == 0
    assert (stored / "records.jsonl").read_bytes() == before
    assert "records.jsonl" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text", ["{", "null", '{"schema": "another"}', "[" * 100_000], ids=["cut", "null", "other", "deep"]
)
def test_a_record_that_cannot_be_read_is_a_line_that_is_not_graded(text, stored, caplog):
    before = records(stored)
    (stored / "b_result.json").write_text(text, encoding="utf-8")
    assert main(["report", str(stored), "--json-lines", "--quiet"]) == 0
    a, b, c = records(stored)
    assert [a, c] == [before[0], before[2]]
    assert (b["image"]["file"], b["verdict"]["status"]) == ("b", "NOT_GRADED")
    (reason,) = b["verdict"]["reasons"]
    assert reason.startswith("Unreadable record: no record: ")
    assert "b_result.json: no record: " in caplog.text
    Draft202012Validator(RESULT_SCHEMA).validate(b)


def test_a_record_that_is_gone_meanwhile_is_passed_over_with_a_warning(stored, caplog):
    paths = [stored / f"{name}_result.json" for name in "abc"]
    paths[1].unlink()
    results = StoredResults(paths, partial(load_row, settings=CONFIG))
    write_batch_reports(stored, results, replace(CONFIG, reporting=REPORTING))
    assert [record["image"]["file"] for record in records(stored)] == ["a.png", "c.png"]
    assert "b_result.json: not in the reports, cannot be read" in caplog.text


def test_a_report_that_cannot_be_written_leaves_no_half_of_it(stored, capsys):
    (stored / "records.jsonl").unlink()
    (stored / "records.jsonl").mkdir()
    (stored / "records.jsonl" / "in the way").touch()
    assert main(["report", str(stored), "--json-lines"]) == 1
    assert "records.jsonl cannot be written" in capsys.readouterr().err
    assert not list(stored.glob(".*.dscope-tmp"))


def test_a_folder_without_results_is_refused(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert "no stored result in it" in capsys.readouterr().err


def test_a_batch_leaves_no_report_of_an_earlier_one_where_its_own_will_be(stored):
    asked = batch_of(stored.parent / "pictures", stored, config=replace(CONFIG, reporting=REPORTING))
    run = run_batch(asked)
    next(run)
    assert not (stored / "records.jsonl").exists()
    run.close()


def test_reports_of_an_earlier_batch_that_this_one_does_not_write_are_moved_aside(stored):
    names = (
        "report_custom.html",
        "summary_report_custom.csv",
        "changes_custom.csv",
        "compare_editions.csv",
        "compare_batches.html",
    )
    for name in (
        *names,
        "certificate.pdf",
        "report.html",
        "changes_report.csv",
        "changes_result.json",
        "report_of_mine.txt",
    ):
        (stored / name).write_text("of an earlier run")
    earlier = (stored / "records.jsonl").read_bytes()
    without = replace(CONFIG, reporting=replace(CONFIG.reporting, report=False))
    finished(batch_of(stored.parent / "pictures", stored, config=without))
    (aside,) = stored.glob("earlier_reports_*")
    assert {path.name for path in aside.iterdir()} == {*names, "certificate.pdf", "records.jsonl", "report.html"}
    assert (aside / "records.jsonl").read_bytes() == earlier
    assert (stored / "changes_report.csv").exists(), "the table of a picture of this name"
    assert (stored / "report_of_mine.txt").exists()


def test_the_report_of_an_earlier_run_is_lost_only_once_a_new_one_is_whole(stored, monkeypatch):
    (stored / "report.html").write_text("of an earlier run")
    with_page = replace(CONFIG, reporting=replace(CONFIG.reporting, report=True))
    with monkeypatch.context() as full:
        full.setattr("dscope_blink.reporting.batch_reports.write_html_report", _no_room)
        with pytest.raises(WriteFailed, match="No space left"):
            finished(batch_of(stored.parent / "pictures", stored, config=with_page))
    (aside,) = stored.glob("earlier_reports_*")
    assert (aside / "report.html").read_text() == "of an earlier run"
    (aside / "report.html").replace(stored / "report.html")
    shutil.rmtree(aside)
    finished(batch_of(stored.parent / "pictures", stored, config=with_page))
    assert "of an earlier run" not in (stored / "report.html").read_text(encoding="utf-8")
    assert not list(stored.glob("earlier_reports_*"))


def _no_room(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "report.html")


def test_a_report_that_cannot_be_moved_aside_is_warned_of(stored, caplog, monkeypatch):
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(Path, "replace", refused)
    finished(batch_of(stored.parent / "pictures", stored))
    assert f"{stored / 'records.jsonl'} is of an earlier run, and could not be moved aside" in caplog.messages


# --- reports of records that were judged again, and of several batches


def test_records_judged_again_have_reports_under_their_key(stored, capsys):
    before = contents(stored)
    key = "iec_61300_3_35_2009"
    asked = ("--report", "--pdf", "--excel", "--json-lines", "--markdown")
    assert main(["regrade", str(stored), f"--edition={key}", *asked]) == 0
    reports = [
        f"report_{key}.html",
        f"certificate_{key}.pdf",
        f"report_{key}.xlsx",
        f"records_{key}.jsonl",
        f"summary_report_{key}.md",
    ]
    said = capsys.readouterr().out
    assert all(f"Report: {stored / name}\n" in said for name in reports)
    (first, *_) = (json.loads(line) for line in (stored / reports[3]).read_text().splitlines())
    assert first["criteria"]["edition"] == key
    assert (stored / f"a_certificate_{key}.pdf").exists()
    page = (stored / reports[0]).read_text()
    assert key in page
    assert "a_annotated.png" not in page, "it shows the verdict by the other edition"
    now, manifest = contents(stored), before.pop(MANIFEST)
    assert now["manifests/0001.json"] == manifest  # that of the run is kept
    changed = {name for name, data in now.items() if before.get(name) != data}
    assert before.keys() - changed == before.keys() - {path.name for path in stored.glob("inspection_*.log")}


def test_regrading_that_only_counts_makes_no_report(stored, capsys):
    assert main(["regrade", str(stored), "--compare", "--pdf"]) == 2
    assert "--compare only counts" in capsys.readouterr().err


def test_a_report_that_fails_after_regrading_is_named(stored, page_fails, capsys):
    assert main(["regrade", str(stored), "--fiber-class=custom", "--report", "--json-lines"]) == 1
    assert "report_custom.html was not written, RuntimeError: no paper" in capsys.readouterr().err
    assert (stored / "records_custom.jsonl").exists()
    assert (stored / "summary_report_custom.csv").exists()


def test_two_nights_stay_apart_in_one_report(stored, tmp_path):
    nights = tmp_path / "nights"
    for night in ("2026-03-09", "2026-03-10"):
        shutil.copytree(stored, nights / night)
    assert main(["report", str(nights), "--json-lines"]) == 0
    files = [record["image"]["file"] for record in records(nights)]
    assert files == [f"{night}/{name}.png" for night in ("2026-03-09", "2026-03-10") for name in "abc"]
    assert "2026-03-10/a.png" in (nights / "report.html").read_text()


def test_subfolders_of_one_batch_are_named_once(tmp_path):
    pictures = folder_of(tmp_path / "pictures", "lot/a.png", data=b"no picture")
    assert inspect(pictures, tmp_path / "out", "--recursive", "--no-report") == 4
    assert main(["report", str(tmp_path / "out"), "--json-lines"]) == 0
    assert [record["image"]["file"] for record in records(tmp_path / "out")] == ["lot/a.png"]


# --- reports that fail


@pytest.fixture
def page_fails(monkeypatch):
    def fails(*_: object) -> None:
        raise RuntimeError("no\npaper")

    monkeypatch.setattr("dscope_blink.reporting.batch_reports.write_html_report", fails)


def test_a_report_that_fails_costs_no_other_and_is_named(stored, page_fails, capsys, caplog):
    (stored / "records.jsonl").unlink()
    assert main(["report", str(stored), "--json-lines", "--pdf"]) == 1
    said = capsys.readouterr()
    assert said.err == f"main.py: {stored / 'report.html'} was not written, RuntimeError: no paper\n"
    assert "report.html" not in said.out
    assert "Traceback" in caplog.text
    assert {"records.jsonl", "certificate.pdf", "a_certificate.pdf"} <= written(stored)


@pytest.mark.parametrize("quiet", [True, False])
def test_a_batch_whose_report_fails_has_all_else(tmp_path, page_fails, capsys, quiet):
    pictures, out = folder_of(tmp_path / "pictures", "a.png", data=face_png(SCRATCH)), tmp_path / "out"
    words = ("--json-lines", "--no-plots", *MULTIMODE, *(["--quiet"] if quiet else []))
    assert inspect(pictures, out, *words) == 1
    said = capsys.readouterr()
    assert said.err == f"main.py: {out / 'report.html'} was not written, RuntimeError: no paper\n"
    assert ("1 image: 0 PASS, 1 FAIL" in said.out) is not quiet
    assert "Report: " + str(out / "report.html") not in said.out
    assert {"summary_report.csv", "records.jsonl", "a_result.json"} <= written(out)


def test_a_night_whose_report_fails_says_both_lines(tmp_path, page_fails, capsys):
    pictures = folder_of(tmp_path / "pictures", "a.png", data=face_png(SCRATCH))
    words = [f"--input-dir={pictures}", f"--results-dir={tmp_path / 'nights'}", "--night=2026-03-09", "--workers=0"]
    assert main(["nightly", *words, "--no-plots", *MULTIMODE]) == 1
    said = capsys.readouterr()
    assert said.out.startswith("2026-03-09: 1 image in ")
    assert said.err.endswith("report.html was not written, RuntimeError: no paper\n")


def test_a_disk_that_is_full_ends_the_reports(stored, monkeypatch, capsys):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("dscope_blink.reporting.batch_reports.write_html_report", full)
    (stored / "records.jsonl").unlink()
    assert main(["report", str(stored), "--json-lines"]) == 1
    assert "report.html cannot be written: No space left on device" in capsys.readouterr().err
    assert "records.jsonl" not in written(stored)


def test_a_certificate_that_fails_costs_no_other(stored, monkeypatch, capsys):
    def fails_on_a(path: Path, inspection: Inspection, start: str, judged_again: bool) -> None:
        if inspection.image.file == "a.png":
            raise RuntimeError("no ink")
        path.touch()

    monkeypatch.setattr("dscope_blink.reporting.batch_reports._write_certificate", fails_on_a)
    assert main(["report", str(stored), "--pdf"]) == 1
    said = capsys.readouterr()
    assert said.err == f"main.py: {stored / 'a_certificate.pdf'} was not written, RuntimeError: no ink\n"
    assert "Certificates beside the records: 2" in said.out


def test_a_batch_with_a_picture_that_was_not_drawn_says_so(tmp_path, monkeypatch, capsys):
    def fails(*_: object) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr("dscope_blink.batch.picture_reports.write_histogram", fails)
    pictures, out = folder_of(tmp_path / "pictures", "a.png", data=face_png(SCRATCH)), tmp_path / "out"
    assert inspect(pictures, out, "--no-report", *MULTIMODE) == 1
    assert "1 image: 0 PASS, 1 FAIL, 0 NOT_GRADED (0 could not be measured); 1 not drawn in full" in (
        capsys.readouterr().out
    )
    assert "Traceback" in next(out.glob("*.log")).read_text(encoding="utf-8")
    assert inspect(pictures, out, "--no-report", "--no-plots", "--fail-exit", *MULTIMODE) == 3
