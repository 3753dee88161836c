"""Many pictures beside a model: what is written, kept and refused, and what one failure does to the others."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from dscope_blink.batch import analysis_run as module
from dscope_blink.batch import analyzing as of_one
from dscope_blink.batch import job as of_any
from dscope_blink.batch.analysis_run import run_analysis
from dscope_blink.batch.analyzing import Analyzing, with_maps
from dscope_blink.batch.learning import learn
from dscope_blink.files.names import LOCK
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.whole_files import WriteFailed
from dscope_blink.models.reference import load_model
from dscope_blink.records import UserError
from dscope_blink.records.sealing import SEAL
from dscope_blink.records.stored import load_record
from tests.batch.test_run import files_of_at_most
from tests.builders.analyses import SMALL, analyzing, compared, good_pictures, learning, other_pictures, varied_png
from tests.builders.batches import batch_of as inspecting
from tests.builders.batches import finished, program, rows, started, written
from tests.builders.pictures import blanks, folder_of
from tests.builders.settings import ROOT
from tests.builders.unprivileged import unprivileged

OF_ONE = {"_analysis.png", "_analysis.txt", "_distances.csv", "_report.json", "_defect_mask.npy"}
OF_ANY = {"_annotated.png", "_report.csv", "_result.json"}
LOAD = "dscope_blink.batch.job.load_model"
OF_ALL = {"summary_report.csv", "compare_reference.csv"}


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    learn(learning(good_pictures(folder / "good", 7), folder / "m.dscope"))
    return folder / "m.dscope"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Good faces, of which b.png is scratched."""
    return other_pictures(tmp_path / "pictures", "a", "b", "c")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def table(out: Path) -> list[dict[str, str]]:
    with (out / "compare_reference.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def statuses(out: Path) -> dict[str, str]:
    return {row["Image_Filename"]: row["Reference_Status"] for row in table(out)}


def verdicts(out: Path) -> dict[str, str]:
    return {row["Image_Filename"]: row["Pass/Fail_Status"] for row in table(out)}


def of_time(name: str) -> bool:
    """Whether a file says when it was made, so that neither its bytes nor its hash are the same again."""
    return name.endswith("_report.json")


def contents(out: Path) -> dict[str, bytes]:
    """The bytes of every file, less what the clock decides."""
    found = {}
    for name in written(out):
        data = (out / name).read_bytes()
        if name.endswith("_result.json"):
            record = json.loads(data)
            del record["timings_s"], record["provenance"]["started"], record[SEAL]
            record["outputs"] = {file: sha256 for file, sha256 in record["outputs"].items() if not of_time(file)}
            data = json.dumps(record).encode()
        elif of_time(name):
            report = json.loads(data)
            del report["timestamp"]
            data = json.dumps(report).encode()
        elif name == "summary_report.csv":
            data = json.dumps(rows(out)).encode()
        if not name.endswith(".log"):
            found[name] = data
    return found


# --- what is written


def test_each_picture_has_its_record_and_what_it_was_compared_to(pictures, out, model):
    done = compared(analyzing(pictures, out, model))
    assert written(out) == OF_ALL | {f"{name}{end}" for name in "abc" for end in OF_ONE | OF_ANY}
    assert statuses(out) == {"a.png": "NORMAL", "b.png": "ANOMALOUS", "c.png": "NORMAL"}
    assert verdicts(out) == {"a.png": "PASS", "b.png": "FAIL", "c.png": "PASS"}
    assert {row["Model_SHA256"] for row in table(out)} == {load_model(model).sha256}
    for name, one in done.items():
        assert load_record(out / f"{name}_result.json") == one.inspection


def test_what_shows_no_fiber_is_not_compared_and_the_others_are(pictures, out, model):
    blanks(pictures, "a.png")
    compared(analyzing(pictures, out, model))
    assert statuses(out) == {"a.png": "NOT_COMPARED", "b.png": "ANOMALOUS", "c.png": "NORMAL"}
    assert "a_defect_mask.npy" not in written(out)


def test_a_model_is_read_once_for_all_pictures(pictures, out, model, monkeypatch):
    read: list[Path] = []

    def counted(path: Path) -> Any:
        read.append(path)
        return load_model(path)

    run = analyzing(pictures, out, model)
    of_any._remembered.cache_clear()
    monkeypatch.setattr(LOAD, counted)
    compared(run)
    assert read == [model]


def test_a_model_that_is_another_one_now_ends_the_run_in_one_line(pictures, out, model, tmp_path):
    here = tmp_path / "m.dscope"
    here.write_bytes(model.read_bytes())
    run = analyzing(pictures, out, here)
    changed = replace(run, job=replace(run.job, reference_sha256="0" * 64))
    with pytest.raises(UserError, match=r"m\.dscope: it was changed while the batch ran"):
        compared(changed)
    assert written(out) == OF_ALL
    here.unlink()
    of_any._remembered.cache_clear()
    with pytest.raises(UserError, match="cannot be read"):
        compared(run)


# --- what fails


def test_a_failure_of_the_program_costs_its_own_picture_only_and_is_tried_again(
    pictures, out, model, monkeypatch, caplog
):
    def fails_at_b(seen: Any, *rest: Any) -> Any:
        if seen.inspection.image.file == "b.png":
            raise ZeroDivisionError("by zero")
        return with_maps(seen, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(of_one, "with_maps", fails_at_b)
        done = compared(analyzing(pictures, out, model))
    assert done["b"].inspection.verdict.reasons[0].text == "Internal error: ZeroDivisionError: by zero"
    assert done["b"].inspection.comparison.reasons == ("Internal error: ZeroDivisionError: by zero",)
    assert statuses(out) == {"a.png": "NORMAL", "b.png": "NOT_COMPARED", "c.png": "NORMAL"}
    assert "Traceback" in caplog.text
    again = compared(analyzing(pictures, out, model, resume=True))
    assert {name: one.resumed for name, one in again.items()} == {"a": True, "b": False, "c": True}
    assert again["b"].inspection.comparison.status == "ANOMALOUS"


@pytest.mark.parametrize(
    ("maker", "file"), [("analysis_figure", "a_analysis.png"), ("mask_bytes", "a_defect_mask.npy")]
)
def test_a_file_that_cannot_be_drawn_is_left_out_and_said(pictures, out, model, monkeypatch, maker, file):
    def fails(*_: object) -> bytes:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(of_one, maker, fails)
    done = compared(analyzing(pictures, out, model))
    (warning,) = [one for one in done["a"].inspection.quality.warnings if one.kind == "not_drawn"]
    assert warning.text == f"Not drawn: {file}, ZeroDivisionError: by zero"
    assert file not in written(out)
    assert (done["a"].inspection.comparison.status, done["a"].inspection.verdict.status) == ("NORMAL", "PASS")
    assert load_record(out / "a_result.json") == done["a"].inspection


def test_of_a_picture_whose_results_do_not_fit_nothing_is_left(pictures, out, model):
    blanks(pictures, "a.png")
    with (
        files_of_at_most(100_000),
        pytest.raises(WriteFailed, match=r"b_an\w+\.png cannot be written: File too large$"),
    ):
        compared(analyzing(pictures, out, model))
    assert list(statuses(out)) == ["a.png"]
    assert not [name for name in written(out) if name.startswith("b")]


def test_a_figure_that_does_not_fit_ends_the_run_in_one_line(pictures, out, model, monkeypatch):
    monkeypatch.setattr(of_one, "analysis_figure", lambda *_: b"0" * 2_000_000)
    with (
        files_of_at_most(1_000_000),
        pytest.raises(WriteFailed, match=r"a_analysis\.png cannot be written: File too large$"),
    ):
        compared(analyzing(pictures, out, model))
    assert written(out) == OF_ALL


def test_a_run_without_permission_to_write_says_so(open_folder, pictures, model):
    (open_folder / "out").mkdir()
    run = analyzing(pictures, open_folder / "out", model)
    (open_folder / "out").chmod(0o500)
    with unprivileged(), pytest.raises(WriteFailed, match="Permission denied"):
        compared(run)
    (open_folder / "out").chmod(0o700)
    assert written(open_folder / "out") == set()


def test_a_second_run_into_the_same_folder_is_refused(pictures, out, model):
    out.mkdir()
    with FileLock(out / LOCK), pytest.raises(UserError, match="another run is writing to it"):
        compared(analyzing(pictures, out, model))
    assert not list(out.glob("*.csv"))


# --- resume


def test_what_was_finished_is_kept_and_the_rest_is_done(pictures, out, model, tmp_path):
    run = analyzing(pictures, out, model)
    with closing(run_analysis(run)) as running:
        next(running)
    assert list(statuses(out)) == ["a.png"]
    done = compared(replace(run, resume=True))
    assert [one.resumed for one in done.values()] == [True, False, False]
    compared(analyzing(pictures, tmp_path / "whole", model))
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.parametrize("file", ["b_analysis.txt", "b_report.json", "b_distances.csv", "b_defect_mask.npy"])
def test_a_comparison_of_which_a_file_was_changed_is_made_again(pictures, out, model, file):
    run = analyzing(pictures, out, model)
    compared(run)
    with (out / file).open("ab") as changed:
        changed.write(b"x")
    again = compared(replace(run, resume=True))
    assert {name: one.resumed for name, one in again.items()} == {"a": True, "b": False, "c": True}
    assert all(one.resumed for one in compared(replace(run, resume=True)).values())


def test_what_is_resumed_is_what_was_compared(pictures, out, model):
    run = analyzing(pictures, out, model)
    before = compared(run)
    after = compared(replace(run, resume=True))
    assert all(one.resumed for one in after.values())
    assert {name: one.inspection for name, one in after.items()} == {n: one.inspection for n, one in before.items()}
    assert before["b"].inspection.comparison.anomalies


@pytest.mark.parametrize(
    "change",
    [
        lambda pictures, out: folder_of(pictures, "b.png", data=varied_png(77)),
        lambda pictures, out: (out / "b_report.csv").unlink(),
        lambda pictures, out: (out / "b_analysis.png").unlink(),
        lambda pictures, out: (out / "b_analysis.txt").unlink(),
        lambda pictures, out: (out / "b_defect_mask.npy").unlink(),
        lambda pictures, out: (out / "b_report.json").unlink(),
        lambda pictures, out: (out / "b_distances.csv").unlink(),
        lambda pictures, out: (out / "b_result.json").write_text("{}", encoding="utf-8"),
    ],
    ids=["picture", "table", "figure", "text", "mask", "report", "distances", "record"],
)
def test_what_differs_is_done_again(pictures, out, model, change):
    run = analyzing(pictures, out, model)
    compared(run)
    change(pictures, out)
    again = compared(replace(run, resume=True))
    assert {name: done.resumed for name, done in again.items()} == {"a": True, "b": False, "c": True}


def test_another_model_does_everything_again(pictures, out, model, tmp_path):
    compared(analyzing(pictures, out, model))
    learn(learning(good_pictures(tmp_path / "good", 6), tmp_path / "other.dscope"))
    other = compared(analyzing(pictures, out, tmp_path / "other.dscope", resume=True))
    assert not any(done.resumed for done in other.values())


@pytest.mark.parametrize(
    "config",
    [replace(SMALL, sha256="00" * 32), replace(SMALL, reference=replace(SMALL.reference, figure_format="svg"))],
    ids=["config", "figure"],
)
def test_other_settings_do_everything_again(pictures, out, model, config):
    compared(analyzing(pictures, out, model))
    again = compared(analyzing(pictures, out, model, config=config, resume=True))
    assert not any(done.resumed for done in again.values())


def test_what_was_inspected_alone_is_not_compared_yet(pictures, out, model):
    finished(inspecting(pictures, out, config=SMALL))
    again = compared(analyzing(pictures, out, model, resume=True))
    assert not any(done.resumed for done in again.values())


def test_a_batch_that_drifts_is_said_to_do_so_when_it_is_resumed_too(tmp_path, out, model, caplog, monkeypatch):
    asked: list[int] = []

    def drifts(faces: Any, of: Any) -> tuple[str, ...]:
        asked.append(len(list(faces)))
        return ("blurred",)

    monkeypatch.setattr(module, "drift_of", drifts)
    run = analyzing(other_pictures(tmp_path / "pictures", "a", "c"), out, model)
    compared(run)
    compared(replace(run, resume=True))
    assert asked == [2, 2]
    assert caplog.text.count("the batch drifts away from the model: blurred") == 2


# --- processes


def killed_at_b(run: Analyzing, item: tuple[int, ImageFile]) -> Any:
    if item[1].name == "b":
        os.kill(os.getpid(), signal.SIGKILL)
    return module._analyze(run, item)


def hanging_at_b(run: Analyzing, item: tuple[int, ImageFile]) -> Any:
    if item[1].name == "b":
        time.sleep(60)
    return module._analyze(run, item)


def telling_who(run: Analyzing, item: tuple[int, ImageFile]) -> Any:
    """Leaves a line for each time that a process reads the model."""

    def told(path: Path) -> Any:
        with (run.job.output_dir / "reads.txt").open("a") as file:
            file.write(f"{os.getpid()}\n")
        return load_model(path)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LOAD, told)
        return module._analyze(run, item)


@pytest.mark.slow
def test_one_process_or_two_write_the_same_bytes(pictures, out, model, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(module, "FEW", 1)
    compared(analyzing(pictures, out, model))
    caplog.clear()
    for count in (1, 2):
        compared(analyzing(pictures, tmp_path / str(count), model, workers=count))
        assert contents(tmp_path / str(count)) == contents(out)
    assert "Analyzing b.png" in caplog.text  # what the processes log comes back


@pytest.mark.slow
def test_each_process_reads_the_model_once(tmp_path, out, model, monkeypatch):
    monkeypatch.setattr(module, "FEW", 1)
    monkeypatch.setattr(module, "_analyze", telling_who)
    names = [f"p{number}" for number in range(8)]
    compared(analyzing(other_pictures(tmp_path / "pictures", *names), out, model, workers=2))
    reads = (out / "reads.txt").read_text().split()
    assert len(reads) == len(set(reads)) <= 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stands_in", "limit_s", "told"),
    [
        (killed_at_b, 60, "Internal error: its process ended with code -9 (tried 2 times)"),
        (hanging_at_b, 6, "Time limit: more than 6 s"),
    ],
)
def test_a_picture_that_takes_its_process_with_it_is_neither_graded_nor_compared(
    pictures, out, model, monkeypatch, stands_in, limit_s, told
):
    monkeypatch.setattr(module, "_analyze", stands_in)
    config = replace(SMALL, batch=replace(SMALL.batch, retries=1, time_limit_s=limit_s))
    done = compared(analyzing(pictures, out, model, config=config, workers=1))
    assert done["b"].inspection.verdict.reasons[0].text == told
    assert done["b"].inspection.comparison.reasons == (told,)
    assert statuses(out) == {"a.png": "NORMAL", "b.png": "NOT_COMPARED", "c.png": "NORMAL"}
    assert verdicts(out) == {"a.png": "PASS", "b.png": "NOT_GRADED", "c.png": "PASS"}
    assert {"b_report.json", "b_analysis.txt", "b_result.json"} <= written(out)
    monkeypatch.undo()
    again = compared(analyzing(pictures, out, model, resume=True, config=config))
    assert [one.resumed for one in again.values()] == [True, False, True]


def words(pictures: Path, out: Path, config: Path, model: Path, *others: str) -> list[str]:
    start = [sys.executable, str(ROOT / "main.py"), "analyze", f"--reference={model}", f"--config={config}"]
    return [*start, *program(pictures, out, "--workers=2", *others)[3:]]


@pytest.mark.slow
def test_a_run_that_is_killed_is_resumed_to_what_an_undisturbed_run_gives(tmp_path, model):
    faces = other_pictures(tmp_path / "pictures", "b", *(f"face_{number}" for number in range(12)))
    config, killed, whole = tmp_path / "small.json", tmp_path / "killed", tmp_path / "whole"
    config.write_text(json.dumps({"extends": "shipped", "reference": {"radius_px": SMALL.reference.radius_px}}))
    with started(words(faces, killed, config, model)) as run:
        deadline = time.monotonic() + 60
        while len(list(killed.glob("*_result.json"))) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        run.kill()
    assert 4 <= len(list(killed.glob("*_result.json"))) < 13
    (killed / ".0.dscope-tmp").write_bytes(b"half")
    for out, others in ((killed, ("--resume",)), (whole, ())):
        subprocess.run(words(faces, out, config, model, *others), check=False, timeout=200)
    written_by = contents(killed)
    page = {name for name in written_by if name == "report.html"}  # it has the times of the records
    assert page
    assert {k: v for k, v in written_by.items() if k not in page} == {
        k: v for k, v in contents(whole).items() if k not in page
    }
    (log,) = killed.glob("inspection_*.log")
    assert "of 13 images were finished before" in log.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_cluster_writes_what_one_process_writes(pictures, out, model, tmp_path):
    distributed = pytest.importorskip("distributed", reason="requirements-cluster.txt is not installed")
    compared(analyzing(pictures, out, model))
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", scheduler_port=0
    ) as cluster:
        compared(analyzing(pictures, tmp_path / "two", model, scheduler=cluster.scheduler_address))
    assert contents(tmp_path / "two") == contents(out)
