"""What an earlier run has finished is kept; two runs at once are refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from filelock import FileLock

from dscope_blink.batch.run import run_batch
from dscope_blink.files.names import LOCK
from dscope_blink.records import Calibration, Scale, UserError
from dscope_blink.terminal.commands import main
from tests.builders.batches import CONFIG, batch_of, finished, program, rows
from tests.builders.pictures import SCRATCH, face_png, folder_of

pytestmark = pytest.mark.slow  # whole batches, processes and programs

# --- resume


def test_what_was_finished_is_kept_and_the_rest_is_done(faces, out):
    run = run_batch(batch_of(faces, out))
    for _ in range(3):
        next(run)
    run.close()
    again = finished(replace(batch_of(faces, out), resume=True))
    assert [done.resumed for done in again] == [True, True, True, False, False]
    undisturbed = out.with_name("undisturbed")
    finished(batch_of(faces, undisturbed))
    assert rows(out) == rows(undisturbed)


@pytest.mark.parametrize(
    "change",
    [
        lambda faces, batch: (faces / "a.png").write_bytes(face_png(SCRATCH)),
        lambda faces, batch: (batch.job.output_dir / "a_report.csv").unlink(),
        lambda faces, batch: (batch.job.output_dir / "a_annotated.png").unlink(),
        lambda faces, batch: (batch.job.output_dir / "a_result.json").write_text("{}"),
    ],
    ids=["bytes", "table", "picture", "record"],
)
def test_what_differs_is_done_again(faces, out, change):
    run = batch_of(faces, out)
    finished(run)
    change(faces, run)
    assert [done.resumed for done in finished(replace(run, resume=True))] == [False, True, True, True, True]


@pytest.mark.parametrize(
    "changes",
    [
        {"config": replace(CONFIG, sha256="00" * 32)},
        {"config": replace(CONFIG, profile="another")},
        {"calibration": Calibration(Scale(0.85, 0.85, "calibration"), "11" * 32)},
        {"config": replace(CONFIG, reporting=replace(CONFIG.reporting, plots=True))},
        {"config": replace(CONFIG, reporting=replace(CONFIG.reporting, zone_images=True))},
        {"config": replace(CONFIG, reporting=replace(CONFIG.reporting, cells=True))},
        {"config": replace(CONFIG, reporting=replace(CONFIG.reporting, annotated_format="jpeg"))},
    ],
    ids=["config", "profile", "calibration", "plots", "zone images", "cells", "jpeg"],
)
def test_other_settings_do_everything_again(tmp_path, out, changes):
    asked = batch_of(folder_of(tmp_path / "pictures", "a.png"), out)
    finished(asked)
    again = finished(replace(asked, job=replace(asked.job, **changes), resume=True))
    assert not any(done.resumed for done in again)


def test_another_request_does_its_image_again(faces, out):
    run = batch_of(faces, out)
    finished(run)
    asked = replace(run.images[1].request, manifest={"serial": "7"})
    images = (run.images[0], replace(run.images[1], request=asked), *run.images[2:])
    again = finished(replace(run, images=images, resume=True))
    assert [done.resumed for done in again] == [True, False, True, True, True]


def test_a_fault_of_the_program_is_tried_again(faces, out, monkeypatch):
    def fails(*_, **__):
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr("dscope_blink.batch.job.all_stages", fails)
        finished(batch_of(faces, out))
    again = finished(replace(batch_of(faces, out), resume=True))
    assert not any(done.resumed for done in again)
    assert {row["Pass/Fail_Status"] for row in rows(out)} == {"PASS", "FAIL"}


# --- two runs at once


def test_a_second_run_into_the_same_folder_is_refused(faces, out, capsys):
    out.mkdir()
    with FileLock(out / LOCK):
        with pytest.raises(UserError, match="another run is writing to it"):
            finished(batch_of(faces, out))
        assert main(program(faces, out)[2:]) == 2
    assert "another run is writing to it" in capsys.readouterr().err
    assert not list(out.glob("*.csv"))


# --- progress


def test_other_programs_are_told_in_json_lines(faces, out, capsys):
    words = [word for word in program(faces, out, "--json-progress", "--workers=0")[2:] if word != "--quiet"]
    assert main(words) == 0
    _, *lines, _ = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["done"], line["total"], line["file"]) for line in lines] == [
        (number, 5, f"{name}.png") for number, name in enumerate("abcde", 1)
    ]
    assert lines[-1]["counts"]["passed"] + lines[-1]["counts"]["failed"] == 5
