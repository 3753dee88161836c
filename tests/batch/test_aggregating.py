"""Many faces with several sources each: what is written, kept, refused, and what one failure does to the others."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from dscope_blink.analysis.aggregation.aggregating import aggregate
from dscope_blink.batch import aggregating as module
from dscope_blink.batch.aggregate_reports import aggregate_ends
from dscope_blink.batch.aggregating import check_apart, in_folder, run_aggregation
from dscope_blink.batch.face_results import FaceJob
from dscope_blink.batch.face_sources import Face, SourceFile
from dscope_blink.batch.regrading import Asked, judge_again
from dscope_blink.config.settings import Config
from dscope_blink.files.names import LOCK
from dscope_blink.files.whole_files import WriteFailed
from dscope_blink.records import Detection, LogLine, Source, UserError
from dscope_blink.records.sealing import SEAL
from dscope_blink.records.stored import load_record
from tests.batch.test_run import files_of_at_most
from tests.builders.batches import CONFIG, started, written
from tests.builders.face_sources import (
    SECOND,
    aggregating,
    brought_together,
    by_second,
    pictures_of,
    seen,
    stored,
    two_sources,
)
from tests.builders.settings import ROOT, SETTINGS
from tests.builders.unprivileged import unprivileged

WITH_PAGE = replace(CONFIG, reporting=replace(CONFIG.reporting, report=True))


@pytest.fixture(scope="session")
def inspected(tmp_path_factory):
    """The small face, clean and scratched."""
    folder = tmp_path_factory.mktemp("inspected")
    return seen(False, folder), seen(True, folder)


@pytest.fixture
def sources(tmp_path, inspected):
    """Two folders that have seen the faces a, b and c."""
    return two_sources(tmp_path / "sources", *inspected, "a", "b", "c")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def log_of(out: Path) -> list[dict[str, str]]:
    with (out / "integrity_log.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def statuses(out: Path) -> dict[str, str]:
    with (out / "summary_report.csv").open(encoding="utf-8", newline="") as file:
        return {row["Image_Filename"]: row["Pass/Fail_Status"] for row in csv.DictReader(file)}


def without_times(path: Path) -> dict[str, Any]:
    """A record and its aggregate, less what the clock decides: also the hash of the one, which the other lists."""
    record = json.loads(path.read_text(encoding="utf-8"))
    aggregate = path.with_name(path.name.replace("_result", "_aggregate"))
    told = json.loads(aggregate.read_text(encoding="utf-8"))
    assert record["outputs"].pop(aggregate.name) == hashlib.sha256(aggregate.read_bytes()).hexdigest()
    del record["timings_s"], record["provenance"]["started"], record[SEAL]
    del told["started"], told[SEAL]
    return record | {"aggregate": told}


# --- what is written


def test_each_face_has_one_record_of_all_its_sources(sources, out):
    done = brought_together(aggregating(out, *sources))
    assert list(done) == ["a", "b", "c"]
    assert statuses(out) == {"a.png": "PASS", "b.png": "FAIL", "c.png": "PASS"}
    record = load_record(out / "b_result.json")
    assert record == done["b"].inspection
    assert record.provenance.profile == "aggregate"
    assert {"source fast_scan", f"source {SECOND}"} <= set(record.provenance.inputs)
    assert done["b"].facts.sources == 2
    assert done["b"].facts.marks == len(record.defects) > 0


def test_what_was_brought_together_is_judged_again_to_the_same(sources, out):
    done = brought_together(aggregating(out, *sources))
    assert {one.inspection.verdict.status for one in done.values()} == {"PASS", "FAIL"}
    for name in done:
        before = load_record(out / f"{name}_result.json")
        again = judge_again(before, Asked(own=True), SETTINGS)
        assert again.verdict == before.verdict
        assert again.defects == before.defects


def test_without_pictures_only_what_needs_none_is_written(sources, out):
    brought_together(aggregating(out, *sources, config=WITH_PAGE))
    ends = ("_result.json", "_report.csv", *aggregate_ends(WITH_PAGE))
    files = {f"{name}{end}" for name in "abc" for end in ends}
    assert written(out) - files == {"summary_report.csv", "integrity_log.csv", "report.html"}
    assert files <= written(out)
    assert log_of(out) == []


def test_the_pictures_that_were_inspected_are_drawn_on(sources, out, tmp_path):
    pictures = pictures_of(tmp_path / "pictures")
    brought_together(aggregating(out, *sources, config=WITH_PAGE, pictures=pictures))
    drawn = {f"{name}{end}" for name in "ab" for end in ("_annotated.png", "_view.jpg", "_thumbnail.jpg")}
    of_aggregate = aggregate_ends(WITH_PAGE)
    shown = {file for file in written(out) if file.endswith((".png", ".jpg")) and not file.endswith(of_aggregate)}
    assert shown == drawn
    (line,) = log_of(out)
    assert (line["file"], line["severity"]) == ("c.png", "warning")
    assert line["problem"].startswith("not in the folder of the pictures")


def test_another_picture_of_the_same_name_is_not_drawn_on(sources, out, tmp_path):
    pictures = pictures_of(tmp_path / "pictures")
    (pictures / "a.png").write_bytes((pictures / "b.png").read_bytes())
    brought_together(aggregating(out, *sources, pictures=pictures))
    assert "a_annotated.png" not in written(out)
    assert "by its sha256" in next(line["problem"] for line in log_of(out) if line["file"] == "a.png")


def test_the_order_of_the_folders_does_not_matter(sources, out, tmp_path):
    first, second = sources
    brought_together(aggregating(out, first, second))
    brought_together(aggregating(tmp_path / "other", second, first))
    for name in "abc":
        records = [without_times(folder / f"{name}_result.json") for folder in (out, tmp_path / "other")]
        assert records[0] == records[1]


def test_all_reports_of_a_batch_are_written_of_an_aggregate_too(sources, out):
    reporting = replace(CONFIG.reporting, report=True, json_lines=True, markdown=True, excel=True, pdf=True)
    brought_together(aggregating(out, *sources, config=replace(CONFIG, reporting=reporting)))
    batch = {"report.html", "records.jsonl", "summary_report.md", "report.xlsx", "certificate.pdf"}
    assert batch | {"a_certificate.pdf"} <= written(out)
    assert len((out / "records.jsonl").read_text(encoding="utf-8").splitlines()) == 3


# --- names


@pytest.mark.parametrize(
    "serial",
    ["../../x", "/etc/passwd", "..", ".", "a/../../b", 'con:*?<>|"', "a\nb", "C:\\x\\y", " ", "=cmd()", "x" * 400],
)
def test_a_face_of_any_name_stays_in_the_output_folder(tmp_path, out, inspected, serial):
    stored(tmp_path / "sources", inspected[0], "a.png", serial=serial)
    before = {path for path in tmp_path.rglob("*") if out not in path.parents}
    (done,) = run_aggregation(aggregating(out, tmp_path / "sources"))
    assert done.inspection.verdict.status == "PASS"
    assert (out / f"{done.name}_result.json").resolve().is_relative_to(out.resolve())
    assert {path for path in tmp_path.rglob("*") if out not in path.parents} - before <= {out}


def test_no_two_faces_share_a_name_whatever_the_case(tmp_path, out):
    faces = in_folder([Face(name, ()) for name in ("A/x", "a/X", "a/x", "../a/x", "summary")], out)
    assert len({face.name.casefold() for face in faces}) == 5
    assert "summary" not in {face.name for face in faces}


# --- what cannot be used


def test_a_source_that_is_gone_is_a_line_of_the_log_and_the_others_count(sources, out):
    run = aggregating(out, *sources)
    (sources[0] / "b_result.json").unlink()
    done = brought_together(run)
    assert [line["severity"] for line in log_of(out)] == ["error"]
    assert log_of(out)[0]["file"] == "first/b_result.json"
    assert done["b"].facts.sources == 1


def test_a_face_without_a_source_is_not_graded_and_the_others_are(sources, out):
    run = aggregating(out, *sources)
    for folder in sources:
        (folder / "b_result.json").write_text("{", encoding="utf-8")
    done = brought_together(run)
    (reason,) = done["b"].inspection.verdict.reasons
    assert (reason.kind, reason.text) == ("no_source", "No source: none of its 2 sources can be used")
    assert list(statuses(out).values()) == ["PASS", "NOT_GRADED", "PASS"]
    assert len(log_of(out)) == 3  # both files, and the face


def test_a_failure_of_the_program_costs_its_own_face_only_and_is_tried_again(sources, out, monkeypatch, caplog):
    def fails_at_b(name: str, *rest: Any, **given: Any) -> Any:
        if name == "b":
            raise ZeroDivisionError("by zero")
        return aggregate(name, *rest, **given)

    with monkeypatch.context() as patched:
        patched.setattr("dscope_blink.batch.face_results.aggregate", fails_at_b)
        done = brought_together(aggregating(out, *sources))
    assert done["b"].inspection.verdict.reasons[0].text == "Internal error: ZeroDivisionError: by zero"
    assert "Traceback" in caplog.text
    again = brought_together(aggregating(out, *sources, resume=True))
    assert {name: one.resumed for name, one in again.items()} == {"a": True, "b": False, "c": True}
    assert again["b"].inspection.verdict.status == "FAIL"


def test_a_file_that_cannot_be_drawn_is_left_out_and_said(sources, out, monkeypatch):
    def fails(*_: object) -> bytes:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("dscope_blink.batch.aggregate_reports.aggregate_bytes", fails)
    done = brought_together(aggregating(out, *sources))
    (warning,) = [one for one in done["a"].inspection.quality.warnings if one.kind == "not_drawn"]
    assert "a_aggregate.json" in warning.text
    assert done["a"].inspection.verdict.status == "PASS"


# --- faces that only other programs have seen


def foreign(face: Face, config: Config) -> tuple[tuple[Detection, ...], tuple[LogLine, ...]]:
    source = Source("theirs", "foreign", "theirs/a_report.json", "ab" * 32, "theirs", "", "a.png", None)
    return (Detection(source, ()),), ()


def foreign_run(out: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Any:
    folder.mkdir(exist_ok=True)
    (folder / "a_report.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr("dscope_blink.batch.face_results.read_detections", foreign)
    run = aggregating(out, **changes)
    return replace(run, faces=(Face("a", (SourceFile(folder / "a_report.json", "theirs/a_report.json"),)),))


def test_without_a_picture_a_face_of_foreign_reports_alone_is_not_graded(tmp_path, out, monkeypatch):
    run = foreign_run(out, tmp_path / "theirs", monkeypatch)
    done = brought_together(run)["a"]
    assert [reason.kind for reason in done.inspection.verdict.reasons] == ["no_geometry"]
    assert done.inspection.image.file == "a.png"
    assert "NOT_GRADED" in (out / "a_aggregate.json").read_text(encoding="utf-8")
    assert brought_together(replace(run, resume=True))["a"].resumed


def test_with_a_picture_this_program_is_one_more_source_of_it(tmp_path, out, monkeypatch):
    pictures = pictures_of(tmp_path / "pictures")
    done = brought_together(foreign_run(out, tmp_path / "theirs", monkeypatch, pictures=pictures))["a"]
    assert done.inspection.verdict.status == "PASS"
    assert done.facts.sources == 2
    assert {"source theirs", "source fast_scan", "picture"} <= set(done.inspection.provenance.inputs)
    assert (out / "a_annotated.png").exists()
    again = foreign_run(out, tmp_path / "theirs", monkeypatch, pictures=pictures, resume=True)
    assert brought_together(again)["a"].resumed
    (pictures / "a.png").write_bytes((pictures / "b.png").read_bytes())
    assert not brought_together(again)["a"].resumed


# --- resume


@pytest.mark.parametrize("file", ["b_sources.csv", "b_aggregate.json", "b_report.csv"])
def test_a_face_of_which_a_file_was_changed_is_brought_together_again(sources, out, file):
    brought_together(aggregating(out, *sources))
    with (out / file).open("ab") as changed:
        changed.write(b"\n")
    again = brought_together(aggregating(out, *sources, resume=True))
    assert {name: one.resumed for name, one in again.items()} == {"a": True, "b": False, "c": True}


def test_what_was_finished_is_kept_and_the_rest_is_done(sources, out):
    run = aggregating(out, *sources)
    with closing(run_aggregation(run)) as running:
        next(running)
    assert list(statuses(out)) == ["a.png"]
    assert log_of(out) == []
    done = brought_together(replace(run, resume=True))
    assert [one.resumed for one in done.values()] == [True, False, False]
    assert list(statuses(out)) == ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize(
    "change",
    [
        lambda sources, out: stored(sources[1], load_record(sources[0] / "b_result.json"), "b.png"),
        lambda sources, out: (sources[1] / "b_result.json").write_text("{", encoding="utf-8"),
        lambda sources, out: (out / "b_report.csv").unlink(),
        lambda sources, out: (out / "b_aggregate.json").unlink(),
        lambda sources, out: (out / "b_aggregate.json").write_text("{}", encoding="utf-8"),
        lambda sources, out: (out / "b_result.json").write_text("{}", encoding="utf-8"),
    ],
    ids=["source", "broken source", "table", "aggregate", "broken aggregate", "record"],
)
def test_what_differs_is_done_again(sources, out, change):
    run = aggregating(out, *sources)
    brought_together(run)
    change(sources, out)
    again = brought_together(replace(run, resume=True))
    assert {name: done.resumed for name, done in again.items()} == {"a": True, "b": False, "c": True}


def test_one_more_source_does_its_face_again(sources, out, tmp_path, inspected):
    brought_together(aggregating(out, *sources))
    stored(tmp_path / "third", by_second(inspected[1], "third"), "b.png")
    again = brought_together(aggregating(out, *sources, tmp_path / "third", resume=True))
    assert {name: done.resumed for name, done in again.items()} == {"a": True, "b": False, "c": True}


@pytest.mark.parametrize(
    "changes",
    [
        {"config": replace(CONFIG, sha256="00" * 32)},
        {"config": replace(CONFIG, profile="another")},
        {"config": replace(CONFIG, reporting=replace(CONFIG.reporting, pdf=True))},
    ],
    ids=["config", "profile", "certificate"],
)
def test_other_settings_do_everything_again(sources, out, changes):
    brought_together(aggregating(out, *sources))
    assert not any(
        done.resumed for done in brought_together(aggregating(out, *sources, resume=True, **changes)).values()
    )


def test_a_picture_that_is_there_now_is_drawn_on(sources, out, tmp_path):
    brought_together(aggregating(out, *sources))
    pictures = pictures_of(tmp_path / "pictures")
    again = brought_together(aggregating(out, *sources, pictures=pictures, resume=True))
    assert {name: done.resumed for name, done in again.items()} == {"a": False, "b": False, "c": True}


def test_the_log_of_a_face_that_was_finished_before_is_kept(sources, out):
    run = aggregating(out, *sources)
    (sources[0] / "b_result.json").write_text("{", encoding="utf-8")
    brought_together(run)
    before = log_of(out)
    assert len(before) == 1
    done = brought_together(replace(run, resume=True))
    assert done["b"].resumed
    assert log_of(out) == before


# --- the disk, another run


def test_a_result_that_cannot_be_written_ends_the_run_and_keeps_what_was_finished(sources, out):
    out.mkdir()
    (out / "b_result.json").mkdir()
    (out / "b_result.json" / "in the way").touch()
    with pytest.raises(WriteFailed, match=r"b_result\.json"):
        brought_together(aggregating(out, *sources))
    assert list(statuses(out)) == ["a.png"]
    assert not (out / "b_aggregate.json").exists()


def test_of_a_face_whose_results_do_not_fit_nothing_is_left(sources, out, tmp_path):
    run = aggregating(out, *sources, pictures=pictures_of(tmp_path / "pictures"))
    with (
        files_of_at_most(60_000),
        pytest.raises(WriteFailed, match=r"a_annotated\.png cannot be written: File too large"),
    ):
        brought_together(run)
    assert written(out) == {"summary_report.csv", "integrity_log.csv"}


def test_a_run_without_permission_to_write_says_so(open_folder, inspected):
    folders = two_sources(open_folder / "sources", *inspected, "a")
    (open_folder / "out").mkdir()
    (open_folder / "out").chmod(0o500)
    with unprivileged(), pytest.raises(WriteFailed, match="Permission denied"):
        brought_together(aggregating(open_folder / "out", *folders))
    (open_folder / "out").chmod(0o700)
    assert written(open_folder / "out") == set()


def test_a_second_run_into_the_same_folder_is_refused(sources, out):
    out.mkdir()
    with FileLock(out / LOCK), pytest.raises(UserError, match="another run is writing to it"):
        brought_together(aggregating(out, *sources))
    assert not list(out.glob("*.csv"))


def test_folders_that_would_count_twice_or_be_written_into_are_refused(tmp_path):
    for name in ("a", "a/b", "c"):
        (tmp_path / name).mkdir()
    a, b, c = tmp_path / "a", tmp_path / "a" / "b", tmp_path / "c"
    check_apart([a, c], tmp_path / "out")
    for folders, output, told in (
        ([a, a], tmp_path / "out", "named twice"),
        ([a, b], tmp_path / "out", "one lies in the other"),
        ([a], a, "it is a folder of sources"),
        ([a], a / "out", "it lies in the folder of sources"),
        ([b], a, "lies in it"),
    ):
        with pytest.raises(UserError, match=told):
            check_apart(folders, output)


# --- processes


def killed_at_b(job: FaceJob, item: tuple[int, Face]) -> Any:
    if item[1].name == "b":
        os.kill(os.getpid(), signal.SIGKILL)
    return module._aggregate(job, item)


def hanging_at_b(job: FaceJob, item: tuple[int, Face]) -> Any:
    if item[1].name == "b":
        time.sleep(60)
    return module._aggregate(job, item)


@pytest.mark.slow
def test_processes_write_what_one_process_writes(sources, out, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FEW", 1)
    brought_together(aggregating(out, *sources))
    done = brought_together(aggregating(tmp_path / "two", *sources, workers=2))
    assert statuses(tmp_path / "two") == statuses(out)
    assert written(tmp_path / "two") == written(out)
    assert any("Aggregating" in record.getMessage() for record in done["a"].log)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stands_in", "limit_s", "told"),
    [
        (killed_at_b, 60, "Internal error: its process ended with code -9 (tried 2 times)"),
        (hanging_at_b, 3, "Time limit: more than 3 s"),
    ],
)
def test_a_face_that_takes_its_process_with_it_is_not_graded(sources, out, monkeypatch, stands_in, limit_s, told):
    monkeypatch.setattr(module, "_aggregate", stands_in)
    config = replace(CONFIG, batch=replace(CONFIG.batch, retries=1, time_limit_s=limit_s))
    done = brought_together(aggregating(out, *sources, config=config, workers=1))
    assert done["b"].inspection.verdict.reasons[0].text == told
    assert list(statuses(out).values()) == ["PASS", "NOT_GRADED", "PASS"]
    assert [line["file"] for line in log_of(out)] == ["b"]


def program(out: Path, folders: Sequence[Path], *words: str) -> list[str]:
    start = [sys.executable, str(ROOT / "main.py"), "aggregate", *map(str, folders), f"--output-dir={out}"]
    return [*start, "--profile=fast_scan", "--no-plots", "--quiet", *words]


@pytest.mark.slow
def test_a_run_that_is_killed_is_resumed_to_what_an_undisturbed_run_gives(tmp_path, inspected):
    folders = two_sources(tmp_path / "sources", *inspected, "a", "b", *(f"face_{k}" for k in range(40)))
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    with started(program(killed, folders, "--workers=2")) as run:
        deadline = time.monotonic() + 60
        while len(list(killed.glob("*_result.json"))) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        run.kill()
    finished = len(list(killed.glob("*_result.json")))
    assert 4 <= finished < 42
    (killed / ".0.dscope-tmp").write_bytes(b"half")
    subprocess.run(program(killed, folders, "--resume", "--workers=2"), check=True, timeout=120)
    subprocess.run(program(whole, folders, "--workers=2"), check=True, timeout=120)
    names = [sorted(path.name for path in folder.iterdir()) for folder in (killed, whole)]
    assert names[0] == names[1]
    for path in whole.glob("*_result.json"):
        assert without_times(killed / path.name) == without_times(path)
    (log,) = killed.glob("inspection_*.log")
    assert "of 42 faces were finished before" in log.read_text(encoding="utf-8")
    assert list(statuses(killed).items()) == list(statuses(whole).items())
