"""That the soak sees what is lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.soak.mutations import mutated
from benchmarks.soak.part import Part, table
from benchmarks.soak.program import damaged, temporaries, unequal, unlike_one_line
from tests.builders.pictures import blank_png


@pytest.fixture
def calm(tmp_path: Path) -> Path:
    out = tmp_path / "calm"
    out.mkdir()
    (out / "a_result.json").write_text(json.dumps({"verdict": "PASS", "timings_s": 1}))
    (out / "summary_report.csv").write_text("file,status\na.png,PASS\n")
    (out / "a_annotated.png").write_bytes(blank_png())
    (out / ".dscope-blink.lock").touch()
    return out


@pytest.fixture
def out(calm: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(calm, tmp_path / "out"))


def test_a_folder_like_that_of_a_calm_run_has_lost_nothing(out: Path, calm: Path) -> None:
    (out / "a_result.json").write_text(json.dumps({"verdict": "PASS", "timings_s": 2}))  # the clock may differ
    assert unequal(out, calm) == []


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a_result.json", b"", "is empty"),
        ("a_result.json", bytes(99), "is all zeros"),
        ("a_result.json", b'{"verdict": "PA', "is not whole"),
        ("summary_report.csv", b"file,status\na.png,PA", "has rows of"),
        ("summary_report.csv", b"file,status\na.png\n", "has rows of [1, 2] columns"),
        ("a_annotated.png", blank_png()[:40], "is no picture"),
    ],
)
def test_what_is_not_whole_is_seen(out: Path, calm: Path, name: str, data: bytes, told: str) -> None:
    (out / name).write_bytes(data)
    assert told in damaged(out)[name]
    assert any(told in problem for problem in unequal(out, calm))


def test_what_is_missing_left_or_other_is_seen(out: Path, calm: Path) -> None:
    (out / "a_result.json").write_text(json.dumps({"verdict": "FAIL"}))
    assert unequal(out, calm) == ["a_result.json differs"]
    (out / "a_annotated.png").unlink()
    (out / ".0123.dscope-tmp").touch()
    assert temporaries(out) == [".0123.dscope-tmp"]
    assert {"a_annotated.png is missing", "temporary file .0123.dscope-tmp"} <= set(unequal(out, calm))


def test_a_run_that_cannot_go_on_says_one_line() -> None:
    assert unlike_one_line("error: disk full\n") == []
    assert unlike_one_line("") == ["0 lines were said"]
    assert unlike_one_line("Traceback (most recent call last):\nOSError: x\n") == ["a traceback: OSError: x"]


def test_records_are_damaged_alike_for_a_seed_and_otherwise_each_time() -> None:
    sound = json.dumps({"verdict": {"status": "FAIL", "reasons": ["x"]}, "defects": [{"diameter_um": 3.0}]}).encode()
    found = [[mutated(sound, rng) for _ in range(50)] for rng in map(np.random.default_rng, (1, 1))]
    assert found[0] == found[1]
    assert len({data for _, data in found[0]}) > 30


def test_the_table_names_what_was_lost() -> None:
    part = Part("kills", lost=["out_4: a_result.json is empty"])
    part.done["of worker"] = 3
    text = table([part, Part("power cuts")], 7)
    assert "| kills | 3 | 3 of worker | 0 | **1** |" in text
    assert "lost, kills: out_4: a_result.json is empty" in text
    assert "| power cuts | 0 | nothing | 0 | nothing |" in text
