"""The six modules in the root: what they give, what they do when run by themselves, and how they say no."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

from docs.modules import DOORS
from dscope_blink.terminal import calibrate, commands, configuration, judging, reports, stages
from tests.builders.pictures import MULTIMODE, SCRATCH, blanks, face_png, folder_of
from tests.builders.settings import CONFIG_FILE, ROOT

pytestmark = pytest.mark.slow  # whole batches, processes and programs

PROGRAMS = {
    "main": commands.main,
    "config_loader": configuration.main,
    "image_processing": stages.main,
    "analysis": judging.main,
    "calibration": calibrate.main,
    "reporting": reports.main,
}
STAGES = ("01_flattened", "02_edges", "03_ellipses", "04_zones", "05_background", "06_residual")

every_door = pytest.mark.parametrize("name", DOORS)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Results of a scratched and a clean face."""
    folder = tmp_path_factory.mktemp("doors")
    folder_of(folder / "pictures", "clean.png")
    folder_of(folder / "pictures", "scratched.png", data=face_png(SCRATCH))
    words = [f"--input-dir={folder / 'pictures'}", f"--output-dir={folder / 'results'}", "--workers=0", "--quiet"]
    assert commands.main(["inspect", *words, *MULTIMODE, "--profile=fast_scan", "--no-plots"]) == 0
    return folder / "results"


@pytest.fixture
def picture(tmp_path):
    return folder_of(tmp_path / "pictures", "a.png", data=face_png(SCRATCH)) / "a.png"


def ended(program, *words: str) -> int:
    """The exit code, also where the parser ends the program."""
    try:
        return program(list(words))
    except SystemExit as error:
        return int(error.code or 0)


# --- what they give


@every_door
def test_a_door_gives_the_names_of_the_table(name: str) -> None:
    assert sorted(importlib.import_module(name).__all__) == sorted(DOORS[name].gives)


@every_door
def test_every_name_of_a_door_says_what_it_is(name: str) -> None:
    door = importlib.import_module(name)
    assert [given for given in DOORS[name].gives if not inspect.getdoc(getattr(door, given))] == []


@every_door
def test_a_door_tells_the_story_of_its_wing(name: str) -> None:
    door = importlib.import_module(name)
    assert 10 <= len((door.__doc__ or "").strip().splitlines()) <= 25
    assert f"{name}.py" in (door.__doc__ or "")


# --- what they do by themselves


@every_door
def test_a_door_runs(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / f"{name}.py"), "--help"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith(f"usage: {name}.py")


@every_door
def test_a_wrong_word_is_one_line_and_exit_code_2(name: str, capsys) -> None:
    assert ended(PROGRAMS[name], "--colour") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{name}.py: ")


def test_a_right_configuration_is_told_with_what_it_holds(capsys) -> None:
    assert configuration.main([]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{CONFIG_FILE}: right\n")
    assert "Profile deep_inspection (default): do2mr, lei," in printed
    assert "Edition iec_61300_3_35_2009: single_mode_upc\n" in printed
    assert "single_mode_upc (default) (not confirmed)" in printed


def test_everything_that_is_wrong_with_a_configuration_is_told_at_once(tmp_path, capsys) -> None:
    document = json.loads(CONFIG_FILE.read_text(encoding="utf-8"))
    document["fusion"]["threshold"] = -1
    document["reporting"]["pfd"] = True
    (tmp_path / "mine.json").write_text(json.dumps(document), encoding="utf-8")
    assert configuration.main([str(tmp_path / "mine.json")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("config_loader.py: mine.json: ") for line in lines)
    assert any("fusion.threshold" in line for line in lines)
    assert any("pfd" in line for line in lines)


def test_every_stage_of_a_picture_is_drawn(picture, tmp_path, capsys) -> None:
    out = tmp_path / "stages"
    assert stages.main([str(picture), f"--output-dir={out}", *MULTIMODE, "--profile=fast_scan"]) == 0
    supports = [f"07_support_{name}" for name in ("black_hat", "do2mr", "edge_chip", "lei")]
    drawn = [*STAGES, *supports, "08_confidence", "09_marks"]
    assert [path.name for path in sorted(out.iterdir())] == [f"{name}.png" for name in drawn]
    lines = capsys.readouterr().out.splitlines()
    assert sorted(lines[:-1]) == [str(out / f"{name}.png") for name in drawn]
    assert lines[-1].startswith("FAIL  Zone core: scratch width")


def test_a_manifest_says_what_the_picture_shows(picture, tmp_path, capsys) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("file,fiber_class,core_diameter_um,cladding_diameter_um\na.png,multimode,50,125\n")
    words = [f"--output-dir={tmp_path / 'stages'}", f"--manifest={manifest}", "--profile=fast_scan"]
    assert stages.main([str(picture), *words]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("FAIL  Zone core: scratch width")


def test_a_picture_without_a_fiber_is_drawn_as_far_as_it_came(tmp_path, capsys) -> None:
    out = tmp_path / "stages"
    out.mkdir()
    (out / "08_confidence.png").write_bytes(b"of an earlier run")
    (out / "notes.png").write_bytes(b"")
    picture = blanks(tmp_path / "pictures", "a.png") / "a.png"
    assert stages.main([str(picture), f"--output-dir={out}"]) == 1
    assert {path.stem for path in out.iterdir()} == {"01_flattened", "02_edges", "09_marks", "notes"}
    assert "NOT_GRADED  Localization Failed: " in capsys.readouterr().out


@pytest.mark.parametrize("words", [["absent.png", "--output-dir=out"], ["docs", "--output-dir=out"], ["README.md"]])
def test_what_is_no_picture_is_one_line(words, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(ROOT)
    assert stages.main([*words[:1], *(w.replace("=out", f"={tmp_path / 'out'}") for w in words[1:])]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_stored_result_is_judged_again_with_every_limit_that_was_held(results, capsys) -> None:
    assert judging.main([str(results / "scratched_result.json"), "--edition=iec_61300_3_35_2015"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "FAIL  scratched.png"
    assert lines[1].startswith("by iec_61300_3_35_2015 multimode; it was FAIL by iec_61300_3_35_2022 multimode")
    checks = lines.index("Checks:")
    assert lines[lines.index("Reasons:") + 1].startswith("  Zone core: scratch width")
    assert {line.split()[0] for line in lines[checks + 1 :]} == {"held", "broken"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["clean_report.csv"], "clean_report.csv: no record: "),
        (["absent.json"], "absent.json: cannot be read, No such file or directory"),
        (["clean_result.json", "--edition=iec"], "edition: must be one of "),
    ],
)
def test_what_cannot_be_judged_is_one_line(words, complaint, results, monkeypatch, capsys) -> None:
    monkeypatch.chdir(results)
    assert judging.main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"analysis.py: {complaint}")


def test_the_reports_of_a_folder_are_written_once_more(results, capsys) -> None:
    (results / "report.html").unlink()
    assert reports.main([str(results), "--json-lines"]) == 0
    assert {"report.html", "records.jsonl"} <= {path.name for path in results.iterdir()}
    assert capsys.readouterr().out.count("Report: ") == 2


def test_a_folder_without_results_is_one_line(tmp_path, capsys) -> None:
    assert reports.main([str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("reporting.py: ")
