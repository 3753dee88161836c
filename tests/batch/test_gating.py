"""A folder of sheets at the command line: learned, judged, written, routed, resumed."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
import pytest

from dscope_blink.batch.gating import GateTotals, gates_exit_code
from dscope_blink.files.names import GATE, GATE_PAGE, GATE_TABLE
from dscope_blink.gates.calibrating import judge_seen
from dscope_blink.gates.layouts import layout_bytes
from dscope_blink.records import GateOutcome, SheetResult
from dscope_blink.records.stored_gates import BadSheetResult, load_sheet, sheet_bytes
from dscope_blink.reporting.gate_table import GATE_COLUMNS
from dscope_blink.synthetic.sheets import Look, SheetFault, render_sheet, sheet_of_14
from dscope_blink.terminal.commands import main
from tests.builders.lines import ModbusServer, modbus_server
from tests.builders.seen_sheets import GATES, PLANS, known_layout, moved, seen_sheet
from tests.builders.settings import ROOT
from tests.builders.waiting import until

__all__ = ["modbus_server"]

FIRST = ["status", "big_count", "failed_checks", "count_ok", "vis_big_ok", "dens_big_ok", "relpos_ok"]
SITE = {"extends": "shipped", "gates": {"calibration": {"min_sheets": 5, "widening": 1.0, "least_width": 0.3}}}


def draw(path: Path, seed: int, *faults: SheetFault) -> None:
    rng = np.random.default_rng(seed)
    look = Look(turn_deg=rng.uniform(-2, 2), scale=0.7, noise=2.0)
    assert cv2.imwrite(str(path), render_sheet(sheet_of_14(), rng, faults, look).picture)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a configuration, a layout of rendered sheets, and pictures to judge."""
    folder = tmp_path_factory.mktemp("station")
    (folder / "site.json").write_text(json.dumps(SITE), encoding="utf-8")
    for name in ("good", "in"):
        (folder / name).mkdir()
    for seed in range(9):
        draw(folder / "good" / f"{seed}.png", seed)
    draw(folder / "in" / "good.png", 50)
    draw(folder / "in" / "moved.png", 51, SheetFault("moved", "B05", 20))
    draw(folder / "in" / "missing.png", 52, SheetFault("missing", "B11"))
    (folder / "in" / "broken.png").write_bytes(b"no picture")
    words = [f"--input-dir={folder / 'good'}", f"--output={folder / 'sheet.json'}", f"--config={folder / 'site.json'}"]
    assert main(["gates", "calibrate", *words]) == 0
    return folder


def run(station: Path, out: str, *words: str) -> int:
    own = [f"--config={station / 'site.json'}", f"--layout={station / 'sheet.json'}", "--workers=0", "--quiet"]
    return main(["gates", f"--input-dir={station / 'in'}", f"--output-dir={station / out}", *own, *words])


def rows_of(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / GATE_TABLE).open(encoding="utf-8", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


@pytest.mark.slow
def test_each_picture_has_its_verdict_row_record_and_drawing(station: Path) -> None:
    assert run(station, "out") == 1  # one cannot be read
    rows = rows_of(station / "out")
    assert {file: row["status"] for file, row in rows.items()} == {
        "broken.png": "NG",
        "good.png": "OK",
        "missing.png": "NG",
        "moved.png": "NG",
    }
    assert list(rows["good.png"])[: len(FIRST)] == FIRST
    assert (rows["moved.png"]["failed_checks"], rows["broken.png"]["failed_checks"]) == ("layout", "readable")
    assert rows["broken.png"]["count_ok"] == ""
    assert rows["missing.png"]["missing"].startswith("B")
    schema = json.loads((ROOT / "gate.schema.json").read_text(encoding="utf-8"))
    for name in ("broken", "good", "missing", "moved"):
        jsonschema.validate(json.loads((station / "out" / f"{name}{GATE}").read_bytes()), schema)
    assert (station / "out" / "moved_gate.png").exists()
    assert "moved" in (station / "out" / GATE_PAGE).read_text(encoding="utf-8")
    assert not (station / "out" / "Good_Images").exists()


@pytest.mark.slow
def test_pictures_are_copied_by_status_and_a_second_run_keeps_what_is_done(station: Path) -> None:
    assert run(station, "routed", "--route=copy") == 1
    there = {path.relative_to(station / "routed").as_posix() for path in (station / "routed").glob("*_Images/*")}
    wrong = {f"No_Good_Images/{name}.png" for name in ("broken", "missing", "moved")}
    assert there == {"Good_Images/good.png"} | wrong
    record = station / "routed" / f"good{GATE}"
    before = record.stat().st_mtime_ns
    assert run(station, "routed", "--route=copy", "--resume", "--fail-exit") == 1
    assert record.stat().st_mtime_ns == before
    assert len(list((station / "routed").glob("*_Images/*"))) == 4


def _without_gates(record: dict[str, Any]) -> None:
    record["gates"] = [gate for gate in record["gates"] if gate["gate"] == "readable"]


def _all_ok(record: dict[str, Any]) -> None:
    for gate in record["gates"]:
        gate.update(ok=True, reasons=[])


@pytest.mark.slow
@pytest.mark.parametrize("edit", [_without_gates, _all_ok])
def test_a_result_that_was_edited_is_not_resumed(station: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    out = f"edited{edit.__name__}"
    assert run(station, out, "--route=copy") == 1
    path = station / out / f"missing{GATE}"
    record = json.loads(path.read_text(encoding="utf-8"))
    edit(record)
    path.write_text(json.dumps(record | {"status": "OK", "failed": []}), encoding="utf-8")
    assert run(station, out, "--route=copy", "--resume") == 1
    assert rows_of(station / out)["missing.png"]["status"] == "NG"
    assert not (station / out / "Good_Images" / "missing.png").exists()


@pytest.mark.slow
def test_a_sheet_whose_picture_was_changed_is_judged_again(station: Path) -> None:
    out = station / "drawn"
    assert run(station, "drawn") == 1
    before = {path: path.stat().st_mtime_ns for path in out.glob(f"*{GATE}")}
    record = json.loads((out / f"good{GATE}").read_bytes())
    (name,) = record["outputs"]
    (out / name).write_bytes(b"")
    assert run(station, "drawn", "--resume") == 1
    again = {path.name for path, then in before.items() if path.stat().st_mtime_ns != then}
    assert again == {f"good{GATE}", f"broken{GATE}"}  # the latter could not be read, and is tried again each time
    assert (out / name).stat().st_size > 0


@pytest.mark.slow
def test_a_resumed_run_that_routes_places_what_an_earlier_one_has_judged(station: Path) -> None:
    assert run(station, "later") == 1
    assert run(station, "later", "--route=copy", "--resume") == 1
    assert [path.name for path in (station / "later" / "Good_Images").iterdir()] == ["good.png"]
    assert len(list((station / "later" / "No_Good_Images").iterdir())) == 3


@pytest.mark.slow
def test_a_picture_that_is_judged_again_in_the_folder_of_good_ones_is_not_lost(station: Path) -> None:
    bad = (station / "in" / "missing.png").read_bytes()
    good = station / "again" / "Good_Images"
    good.mkdir(parents=True)
    (good / "missing.png").write_bytes(bad)
    assert run(station, "again", f"--input-dir={good}", "--route=copy") == 0
    assert (good / "missing.png").read_bytes() == bad
    assert (station / "again" / "No_Good_Images" / "missing.png").read_bytes() == bad


def words_of(folder: Path) -> list[str]:
    """Of a run in a folder, with a layout that is not learned of pictures."""
    (folder / "sheet.json").write_bytes(layout_bytes(replace(known_layout(14), finder=GATES.finder)))
    return [f"--input-dir={folder / 'in'}", f"--output-dir={folder / 'out'}", f"--layout={folder / 'sheet.json'}"]


def test_what_cannot_be_read_is_not_moved_away_from_who_writes_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    picture = tmp_path / "in" / "a.png"
    picture.write_bytes(b"half a picture")
    words = words_of(tmp_path)
    assert main(["gates", *words, "--route=move", "--workers=0"]) == 4
    assert picture.read_bytes() == b"half a picture"
    assert (tmp_path / "out" / "No_Good_Images" / "a.png").read_bytes() == b"half a picture"


@pytest.mark.slow
def test_a_layout_that_is_its_own_mirror_image_is_warned_of_or_refused(
    station: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"--input-dir={station / 'in'}", f"--layout={station / 'sheet.json'}", "--workers=0"]
    assert main(["gates", *words, f"--output-dir={station / 'warned'}", f"--config={station / 'site.json'}"]) == 1
    assert "its markers look the same mirrored" in capsys.readouterr().out
    site = station / "strict.json"
    site.write_text(json.dumps({"extends": "site.json", "gates": {"layout": {"refuse_ambiguous": True}}}))
    assert main(["gates", *words, f"--output-dir={station / 'refused'}", f"--config={site}"]) == 2
    assert "gates.layout.refuse_ambiguous" in capsys.readouterr().err
    assert not (station / "refused").exists()


@pytest.mark.slow
def test_a_line_hears_of_each_sheet(station: Path, modbus_server: ModbusServer) -> None:
    modbus = {"host": "127.0.0.1", "port": modbus_server.port, "device_id": 1, "register": 0}
    site = station / "line.json"
    site.write_text(json.dumps(SITE | {"signals": {"modbus": modbus}}), encoding="utf-8")
    assert run(station, "line", f"--config={site}") == 1
    until(lambda: modbus_server.writes[-1][1][1:3] == [1, 4])
    told = [(registers[1], registers[2]) for _, registers in modbus_server.writes]
    colours = [colour for colour, number in sorted(set(told), key=told.index) if number][:4]
    assert colours == [1, 2, 4, 4], "broken yellow, good green, missing and moved red"


@pytest.mark.slow
def test_the_card_says_how_few_sheets_it_rests_on(station: Path) -> None:
    card = (station / "sheet_card.html").read_text(encoding="utf-8")
    assert "299 are needed" in card
    assert "<script" not in card


def test_what_is_wrong_with_the_command_is_told_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "half.json").write_text('{"schema": "dscope-blink/layout/1"', encoding="utf-8")
    words = ["gates", f"--input-dir={tmp_path / 'in'}", f"--output-dir={tmp_path / 'out'}"]
    for more, said in ((["--quiet"], "none is named"), ([f"--layout={tmp_path / 'half.json'}"], "no layout")):
        assert main([*words, *more]) == 2
        assert said in capsys.readouterr().err
    assert main(["gates", "calibrate", f"--input-dir={tmp_path / 'in'}", "--output=layout.txt"]) == 2
    assert not (tmp_path / "out").exists()


def test_good_and_bad_pictures_never_go_into_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"no picture")
    one = {"mode": "copy", "good_folder": "Sorted", "no_good_folder": "sorted"}
    (tmp_path / "site.json").write_text(json.dumps({"extends": "shipped", "gates": {"routing": one}}))
    words = words_of(tmp_path)
    assert main(["gates", *words, f"--config={tmp_path / 'site.json'}", "--workers=0"]) == 2
    assert "must differ, got Sorted for both" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


READ, UNREAD = GateOutcome("readable", True, ()), GateOutcome("readable", False, (), ("cut off",))
OK = SheetResult("a.png", "0" * 64, 10, 10, "sheet", (READ,), (), "truth")


def test_a_result_comes_back_as_it_was_written(tmp_path: Path) -> None:
    bad = judge_seen(seen_sheet(PLANS[14], 900, moved("B05", 20)), known_layout(14), GATES)
    for result in (OK, bad):
        (tmp_path / "a.json").write_bytes(sheet_bytes(result, "test 1"))
        assert load_sheet(tmp_path / "a.json") == (result, "test 1")
    for data in (b"", b"{}", b'{"schema": "dscope-blink/gate/1"}'):
        (tmp_path / "a.json").write_bytes(data)
        with pytest.raises(BadSheetResult):
            load_sheet(tmp_path / "a.json")


def test_exit_codes_say_what_happened() -> None:
    ng = replace(OK, gates=(READ, GateOutcome("count", False, (), ("none",))))
    unread = replace(OK, gates=(UNREAD,))
    for results, fail_exit, code in (
        ((OK, ng), False, 0),
        ((OK, ng), True, 3),
        ((OK, ng, unread), True, 1),
        ((unread, unread), False, 4),
        ((), True, 0),
    ):
        totals = GateTotals()
        for result in results:
            totals.add(result)
        assert gates_exit_code(totals, fail_exit) == code


def test_the_columns_of_the_user_come_first() -> None:
    assert [column.name for column in GATE_COLUMNS][: len(FIRST)] == FIRST
