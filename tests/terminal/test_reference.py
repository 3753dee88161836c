"""`learn` and `analyze` at the terminal: what they say and refuse, their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from dscope_blink.config.shipped import shipped
from dscope_blink.terminal.commands import main
from tests.builders.analyses import SMALL, good_pictures, other_pictures
from tests.builders.pictures import MULTIMODE, blanks

VALIDATOR = Draft202012Validator(json.loads(shipped("progress.schema.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("config") / "small.json"
    document = {"extends": "shipped", "reference": {"radius_px": SMALL.reference.radius_px}}
    path.write_text(json.dumps(document), encoding="utf-8")
    return f"--config={path}"


def quick(config: str) -> tuple[str, ...]:
    return (*MULTIMODE, "--profile=fast_scan", "--no-plots", "--no-report", config)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, config: str) -> Path:
    folder = tmp_path_factory.mktemp("learned")
    words = [str(good_pictures(folder / "good", 7)), f"--output={folder / 'm.dscope'}", "--workers=0", "--quiet"]
    assert main(["learn", *words, *quick(config)]) == 0
    return folder / "m.dscope"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return other_pictures(tmp_path / "pictures", "a", "b")


def analyze(model: Path, pictures: Path, config: str, *words: str) -> int:
    out = pictures.with_name("out")
    known = [str(pictures), f"--reference={model}", f"--output-dir={out}", "--workers=0"]
    return main(["analyze", *known, *quick(config), *words])


def test_what_came_out_is_said_and_once_more_when_it_is_resumed(model, pictures, config, capsys):
    assert analyze(model, pictures, config) == 0
    first = capsys.readouterr()
    out = pictures.with_name("out")
    lines = first.out.splitlines()
    assert first.err == ""
    assert lines[0] == f"2 images, profile fast_scan, model m.dscope, results in {out}"
    assert "2 images: 1 PASS, 1 FAIL, 0 NOT_GRADED (0 could not be measured)" in lines
    assert lines[-3:] == ["ANOMALOUS: 1", "NORMAL: 1", f"Results: {out / 'compare_reference.csv'}"]
    assert analyze(model, pictures, config, "--resume", "--fail-exit") == 3
    again = capsys.readouterr().out.splitlines()
    assert "2 images: 1 PASS, 1 FAIL, 0 NOT_GRADED (0 could not be measured); 2 finished before" in again
    assert again[-2:] == lines[-2:]


def test_without_a_model_it_is_said_that_nothing_tells_what_is_normal(pictures, config, capsys):
    out = pictures.with_name("out")
    words = ["analyze", str(pictures), f"--output-dir={out}", "--workers=0", *quick(config)]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"2 images, profile fast_scan, no model, results in {out}"
    assert lines[1].startswith("No reference: the face as a whole was not judged")
    assert lines[-2:] == ["NO_REFERENCE: 2", f"Results: {out / 'compare_reference.csv'}"]
    assert main([*words, "--resume"]) == 0
    assert "2 finished before" in capsys.readouterr().out


def test_other_programs_are_told_in_json_lines(model, pictures, config, capsys):
    assert analyze(model, pictures, config, "--json-progress") == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["start", "picture", "picture", "end"]
    for event in events:
        VALIDATOR.validate(event)
    assert Path(events[1]["record"]).is_file()


def test_nothing_is_said_where_that_is_asked_for(model, pictures, config, capsys):
    assert analyze(model, pictures, config, "--quiet") == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_a_batch_of_which_nothing_could_be_graded_is_no_success(model, tmp_path, config, capsys):
    assert analyze(model, blanks(tmp_path / "pictures", "a.png"), config) == 4
    assert "not one picture could be graded" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--reference="], "--reference must name a model, as `learn` writes it"),
        (["--reference=absent.dscope"], "absent.dscope: cannot be read, No such file or directory"),
        (["--workers=-1"], "--workers"),
        (["--hook='"], "--hook"),
        (["--scheduler=tcp://127.0.0.1:1"], "--scheduler tcp://127.0.0.1:1"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(model, pictures, config, capsys, words, told):
    pytest.importorskip("distributed", reason="requirements-cluster.txt is not installed")
    assert analyze(model, pictures, config, *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


def test_learn_says_that_it_cannot_be_resumed(capsys):
    with pytest.raises(SystemExit):
        main(["learn", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "There is no --resume" in said
    assert "--workers" in said


@pytest.mark.slow
def test_learn_takes_workers(model, tmp_path, config, capsys):
    words = [str(good_pictures(tmp_path / "good", 7)), f"--output={tmp_path / 'm.dscope'}", "--workers=2"]
    assert main(["learn", *words, *quick(config)]) == 0
    assert f"Learned from 7 of 7 pictures: {tmp_path / 'm.dscope'}" in capsys.readouterr().out
