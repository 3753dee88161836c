"""One bad record never stops the rest: damaged copies of a record are rows that say so, and never a PASS.

`python -m tests.batch.test_hostile_records RESULT.json ...` tries every mutation of the records that are named.
"""

from __future__ import annotations

import json
import logging
import random
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dscope_blink.analysis.rejudging import load_row
from dscope_blink.batch.regrading import Asked, Stored, judged_again
from dscope_blink.config.loading import load_config
from dscope_blink.records import Inspection
from dscope_blink.records.sealing import SEAL
from dscope_blink.records.stored import BadRecord, load_record, read_carried, read_head, to_json
from dscope_blink.reporting.batch_totals import Totals
from dscope_blink.reporting.tables import summary_row
from dscope_blink.terminal.commands import main
from tests.builders import commands
from tests.builders.mutations import mutations, truncations
from tests.builders.pictures import MULTIMODE, SCRATCH, face_png, folder_of
from tests.builders.settings import ROOT

SETTINGS = load_config(ROOT / "config.json")
WORDS = (*MULTIMODE, "--edition=iec_61300_3_35_2015", "--profile=fast_scan", "--no-plots", "--no-report", "--quiet")
OTHER = Asked("iec_61300_3_35_2022")
TRIED, TRIED_BY_COMMANDS = 120, 40


@pytest.fixture(scope="module")
def inspected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("inspected")
    pictures = folder_of(folder / "pictures", "a.png", data=face_png(SCRATCH))
    commands.inspect(pictures, folder / "results", *WORDS)
    return pictures, folder / "results"


def damaged(path: Path, seal: bool) -> Iterator[tuple[str, bytes]]:
    """All mutations of a record, with the seal of before or as one of an earlier version."""
    record: Any = json.loads(path.read_text(encoding="utf-8"))
    if not seal:
        del record[SEAL]
    yield from mutations(record)
    yield from truncations(path.read_bytes(), 20)


def outcome(path: Path, data: bytes, before: Inspection) -> str:
    """What the readers of a record make of a damaged one; AssertionError where that is what it must never be."""
    path.write_bytes(data)
    row = load_row(path, SETTINGS)
    for each in (row, judged_again(Stored(path.name, row), OTHER, SETTINGS)):
        totals = Totals()
        totals.add(each)
        assert summary_row(each)["Status"] == each.verdict.status
    json.dumps(to_json(row), allow_nan=False)
    read_carried(path)
    try:
        read_head(data)
    except BadRecord:
        assert not row.is_verified
    status = row.verdict.status
    assert status == before.verdict.status if row.is_verified else status == "NOT_GRADED"
    return f"{status} as before" if row.is_verified else row.verdict.reasons[0].kind


def some_of(those: Iterable[tuple[str, bytes]], count: int) -> list[tuple[str, bytes]]:
    """So many of them, the same every time."""
    return random.Random(23).sample(list(those), count)


@pytest.mark.slow
@pytest.mark.parametrize("seal", [True, False])
def test_a_damaged_record_is_what_it_was_or_is_not_graded(
    inspected: tuple[Path, Path], tmp_path: Path, seal: bool
) -> None:
    path = inspected[1] / "a_result.json"
    before = load_record(path)
    assert before.verdict.status == "FAIL"
    for what, data in some_of(damaged(path, seal), TRIED):
        told = outcome(tmp_path / path.name, data, before)
        assert seal is False or told != "FAIL as before" or json.loads(data) == json.loads(path.read_bytes()), what


@pytest.mark.slow
def test_commands_go_on_past_damaged_records(inspected: tuple[Path, Path], tmp_path: Path) -> None:
    pictures, results = inspected[0], Path(shutil.copytree(inspected[1], tmp_path / "results"))
    whole = results / "a_result.json"
    for number, (_, data) in enumerate(some_of(damaged(whole, seal=False), TRIED_BY_COMMANDS)):
        (results / f"b{number}_result.json").write_bytes(data)
    assert main(["report", str(results), "--json-lines", "--markdown", "--excel", "--pdf", "--quiet"]) == 0
    lines = [json.loads(line) for line in (results / "records.jsonl").read_text(encoding="utf-8").splitlines()]
    assert Counter(line["verdict"]["status"] for line in lines) == {"FAIL": 1, "NOT_GRADED": TRIED_BY_COMMANDS}
    assert main(["regrade", str(results), "--report", "--quiet"]) == 0
    assert main(["regrade", str(results), "--compare", "--quiet"]) == 0
    assert main(["report", str(results), str(inspected[1]), "--compare", "--quiet"]) == 0
    folders = (f"--results={results}", f"--input-dir={pictures}", f"--output-dir={tmp_path / 'set'}")
    assert main(["dataset", "build", *folders]) in (0, 1)
    words = (f"--output-dir={tmp_path / 'aggregated'}", "--no-plots", "--no-report", "--quiet", "--workers=0")
    assert main(["aggregate", str(results), *words]) in (0, 1, 4)


@pytest.mark.slow
def test_one_damaged_record_is_shown_or_refused_in_one_line(
    inspected: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a_result.json"
    for what, data in some_of(damaged(inspected[1] / path.name, seal=False), TRIED_BY_COMMANDS):
        path.write_bytes(data)
        code, told = main(["show", str(path)]), capsys.readouterr()
        assert code == 0 or (code == 2 and len(told.err.splitlines()) == 1), what
        assert "Traceback" not in told.err


@pytest.mark.slow
def test_a_run_that_is_resumed_inspects_again_what_is_damaged(inspected: tuple[Path, Path], tmp_path: Path) -> None:
    pictures, results = inspected[0], Path(shutil.copytree(inspected[1], tmp_path / "results"))
    path = results / "a_result.json"
    for _, data in some_of(damaged(path, seal=True), 5):
        path.write_bytes(data)
        assert commands.inspect(pictures, results, *WORDS, "--resume") == 0
        assert load_record(path).sealed is True
        assert load_record(path).verdict.status == "FAIL"


def _try_all(paths: Iterable[Path], folder: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    for path in paths:
        before = load_record(path)
        for seal in (True, False):
            for what, data in damaged(path, seal):
                try:
                    found[outcome(folder / path.name, data, before)] += 1
                except Exception as error:
                    found[f"wrong: {type(error).__name__}"] += 1
                    print(path, what, repr(error)[:300])
    return found


if __name__ == "__main__":
    import tempfile

    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as name:
        counts = _try_all(map(Path, sys.argv[1:]), Path(name))
    for told, count in counts.most_common():
        print(f"{count:7} {told}")
    print(f"{counts.total():7} in all")
