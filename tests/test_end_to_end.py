"""The program as its users start it: processes, a terminal, folders of good and bad files."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator

from dscope_blink.terminal.commands import main
from tests.builders.commands import inspect
from tests.builders.pictures import MULTIMODE, blanks, face_jpeg, folder_of
from tests.builders.settings import ROOT

pytestmark = pytest.mark.slow  # whole batches, processes and programs


def program(*words: str, stdin: str = "", folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "main.py"), *words]
    return subprocess.run(command, input=stdin, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def png(image: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", image)[1])


def records(out: Path) -> dict[str, dict[str, Any]]:
    return {path.name.removesuffix("_result.json"): json.loads(path.read_text()) for path in out.glob("*_result.json")}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Results of a folder with a good picture and all kinds of bad ones."""
    folder = tmp_path_factory.mktemp("mixed")
    pictures = folder_of(folder / "pictures", "good.png")
    (pictures / "cut.jpg").write_bytes(face_jpeg()[:-3000])
    (pictures / "text.png").write_text("this is no picture\n")
    (pictures / "empty.png").write_bytes(b"")
    (pictures / "pixel.png").write_bytes(png(np.zeros((1, 1), np.uint8)))
    with contextlib.redirect_stderr(io.StringIO()) as errors:
        code = inspect(pictures, folder / "out", *MULTIMODE)
    return code, errors.getvalue(), folder / "out"


def test_a_bad_file_costs_only_its_own_result(mixed):
    code, errors, out = mixed
    assert (code, errors) == (1, "")
    rows = pd.read_csv(out / "summary_report.csv").set_index("Image_Filename")["Pass/Fail_Status"]
    assert len(rows) == 5
    assert rows["good.png"] in ("PASS", "FAIL")
    assert set(rows.drop("good.png")) == {"NOT_GRADED"}


def test_every_record_fits_its_schema(mixed):
    *_, out = mixed
    schema = json.loads((ROOT / "result.schema.json").read_text())
    found = records(out)
    assert len(found) == 5
    assert [
        error.message for record in found.values() for error in Draft202012Validator(schema).iter_errors(record)
    ] == []


def test_every_record_says_why_it_was_not_graded(mixed):
    *_, out = mixed
    reasons = {name: record["verdict"]["reasons"][:1] for name, record in records(out).items() if name != "good"}
    starts = {name: reason.partition(":")[0] for name, (reason,) in reasons.items()}
    assert starts == {"cut": "Unreadable", "text": "Unreadable", "empty": "Unreadable", "pixel": "Localization Failed"}


def test_a_picture_that_can_be_read_gets_its_stamp(mixed):
    *_, out = mixed
    assert {path.name for path in out.glob("*_annotated.png")} == {"good_annotated.png", "pixel_annotated.png"}


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_an_even_picture_is_not_graded(tmp_path, grey):
    (tmp_path / "a.png").write_bytes(png(np.full((300, 400), grey, np.uint8)))
    assert inspect(tmp_path, tmp_path / "out", *MULTIMODE, "--no-plots", "--quiet") == 4
    assert records(tmp_path / "out")["a"]["verdict"]["reasons"][0].startswith("Localization Failed: ")


def test_a_clean_face_passes(tmp_path):
    words = (*MULTIMODE, "--edition=iec_61300_3_35_2015", "--quiet")
    assert inspect(folder_of(tmp_path / "p", "a.png"), tmp_path / "out", *words) == 0
    verdict = records(tmp_path / "out")["a"]["verdict"]
    assert (verdict["status"], verdict["reasons"], verdict["violations"]) == ("PASS", [], [])
    assert (verdict["marginal"], verdict["doubts"], verdict["closest_limit"]) == (False, [], None)
    assert {check["zone"] for check in verdict["checks"]} == {"core", "cladding", "contact"}  # those with limits
    assert {(check["count"], check["broken"]) for check in verdict["checks"]} == {(0, False)}


def test_the_same_picture_gives_the_same_record(tmp_path):
    pictures = folder_of(tmp_path / "p", "a.png")
    for run in ("one", "two"):
        inspect(pictures, tmp_path / run, *MULTIMODE, "--no-plots", "--quiet")
    one, two = (records(tmp_path / run)["a"] for run in ("one", "two"))
    for record in (one, two):
        del record["timings_s"], record["provenance"]["started"], record["record_sha256"]
    assert one == two


def test_the_zones_asked_for_are_written_one_by_one(tmp_path):
    words = (*MULTIMODE, "--zones=core,cladding", "--cells", "--zone-images", "--no-plots", "--quiet")
    assert inspect(folder_of(tmp_path / "p", "a.png"), tmp_path / "out", *words) == 0
    cells = pd.read_csv(tmp_path / "out" / "a_cells.csv")
    assert list(cells["Zone"]) == ["core"] * 9 + ["cladding"] * 9
    cuts = {path.name: cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in (tmp_path / "out").glob("*_zone_*")}
    pixels = {name: np.count_nonzero(np.asarray(cut)[..., 3]) for name, cut in cuts.items()}
    counts = cells.groupby("Zone")["Pixel_Count"].sum()
    assert pixels == {f"a_zone_{zone}.png": counts[zone] for zone in ("core", "cladding")}


def test_every_sample_of_the_demo_gets_its_verdict(tmp_path, capsys):
    assert main(["demo", f"--output-dir={tmp_path / 'demo'}"]) == 0, capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "demo" / "results" / "summary_report.csv")) == 10


def test_the_questions_answered_by_a_script_give_results(tmp_path):
    folder_of(tmp_path / "p", "a.png")
    done = program(stdin="p\nout\ny\n50\n125\nmultimode\nfast_scan\n", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out" / "a_annotated.png").is_file()


def test_a_mistake_is_one_line_on_the_error_stream(tmp_path):
    done = program("inspect", f"--input-dir={tmp_path / 'none'}", f"--output-dir={tmp_path / 'out'}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no pseudo-terminals")
def test_a_terminal_sees_a_bar_and_only_the_names_that_failed(tmp_path):
    folder_of(tmp_path / "p", "a.png")
    (tmp_path / "p" / "[red]b.png").write_bytes(b"")
    words = ("inspect", f"--input-dir={tmp_path / 'p'}", f"--output-dir={tmp_path / 'out'}", *MULTIMODE, "--no-plots")
    ours, theirs = os.openpty()
    with subprocess.Popen([sys.executable, str(ROOT / "main.py"), *words], stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        with contextlib.suppress(OSError):  # Linux reports the end of a terminal as an error
            while part := os.read(ours, 4096):
                seen += part
    os.close(ours)
    assert process.returncode == 1
    assert b"2/2" in seen
    assert b"[red]b.png: NOT_GRADED" in seen
    assert b"a.png: " not in seen.replace(b"[red]b.png: ", b"")


@pytest.mark.parametrize("words", [[], ["--json-progress"]], ids=["lines", "json"])
def test_a_reader_who_leaves_does_not_end_a_batch(tmp_path, words):
    pictures, out = blanks(tmp_path / "pictures", *(f"{k}.png" for k in range(12))), tmp_path / "out"
    command = [sys.executable, "-u", str(ROOT / "main.py"), "inspect", f"--input-dir={pictures}", f"--output-dir={out}"]
    with subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None
        run.stdout.readline()
        run.stdout.close()
        _, errors = run.communicate(timeout=60)
    assert run.returncode == 4  # none of them shows a fiber
    assert errors == b"main.py: not one picture could be graded: Localization Failed (12 of 12)\n"
    assert len(list(out.glob("*_result.json"))) == 12


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_an_output_that_is_full_is_told_in_one_line_and_ends_no_batch(tmp_path):
    pictures, out = folder_of(tmp_path / "pictures", "a.png"), tmp_path / "out"
    command = [sys.executable, str(ROOT / "main.py"), "inspect", f"--input-dir={pictures}", f"--output-dir={out}"]
    with open("/dev/full", "wb") as full:
        run = subprocess.run([*command, *MULTIMODE], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (run.returncode, run.stderr) == (1, "main.py: standard output cannot be written: No space left on device\n")
    assert (out / "a_result.json").exists()
    assert (out / "report.html").exists()
