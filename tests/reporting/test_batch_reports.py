"""Reports of a whole batch, from the records that it left."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dscope_blink.batch.run import run_batch
from dscope_blink.terminal.commands import main
from tests.builders.batches import CONFIG, batch_of, finished
from tests.builders.pictures import SCRATCH, face_png, folder_of

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
def test_a_record_that_cannot_be_read_is_passed_over_with_a_warning(text, stored, caplog):
    (stored / "b_result.json").write_text(text, encoding="utf-8")
    assert main(["report", str(stored), "--json-lines", "--quiet"]) == 0
    assert [record["image"]["file"] for record in records(stored)] == ["a.png", "c.png"]
    assert "b_result.json: not in the reports" in caplog.text


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


def test_a_report_of_an_earlier_batch_that_stays_is_warned_of(stored, caplog):
    finished(batch_of(stored.parent / "pictures", stored))
    assert f"{stored / 'records.jsonl'} is of an earlier run, this one does not write it" in caplog.messages
    assert (stored / "records.jsonl").exists()
