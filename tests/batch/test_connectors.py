"""Connectors from pictures to files: a record for each lane, one for the connector, and no PASS for what nobody saw."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
import pytest

from dscope_blink.config.loading import load_config
from dscope_blink.devices.signals import Signals
from dscope_blink.files.names import CONNECTOR
from dscope_blink.records.connector_file import load_connector
from dscope_blink.records.stored import BadRecord, load_record
from dscope_blink.reporting.stored_pictures import clean_picture
from dscope_blink.synthetic.rows import LaneFault, RenderedRow, RowSpec, render_row
from dscope_blink.terminal.commands import main
from tests.builders.alterations import Seal, altered
from tests.builders.settings import ROOT

SCHEMA = json.loads((ROOT / "connector.schema.json").read_text(encoding="utf-8"))
RESULT_SCHEMA = json.loads((ROOT / "result.schema.json").read_text(encoding="utf-8"))
FOUR = {
    "title": "four fibers",
    "rows": [{"places": [1, 2, 3, 4], "offset_um": 0}],
    "pitch_um": 250,
    "row_pitch_um": 500,
    "cladding_um": 125,
    "key_side": "up",
    "mirrored": False,
    "fiber_class": "multi_fiber_single_mode_upc",
}


@dataclass(frozen=True)
class Bench:
    """A folder with a configuration that knows a connector of four fibers."""

    folder: Path
    rows: dict[str, RenderedRow] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "config.json"

    @property
    def output(self) -> Path:
        return self.folder / "results"

    def add(self, name: str, faults: Mapping[int, LaneFault] | None = None, **what: Any) -> None:
        layout = load_config(self.config).profile("fast_scan").connectors["four"]
        row = render_row(RowSpec(layout, um_per_px=0.8, faults=faults or {}, **what), np.random.default_rng(5))
        (self.folder / "pictures").mkdir(exist_ok=True)
        cv2.imwrite(str(self.folder / "pictures" / name), row.image)
        self.rows[name] = row

    def inspect(self, *words: str) -> int:
        fixed = ["--config", str(self.config), "--profile", "fast_scan", "--workers", "0", "--no-report", "--no-plots"]
        where = ["--output-dir", str(self.output), str(self.folder / "pictures")]
        return main(["inspect", "--connector", "four", *fixed, *where, *words])

    def lanes(self, name: str) -> list[str]:
        return [lane.status for lane in load_connector(self.output / (name + CONNECTOR)).lanes]

    def table(self, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader((self.output / name).read_text(encoding="utf-8").splitlines()))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "config.json").write_text(json.dumps({"extends": "shipped", "connectors": {"four": FOUR}}))
    return Bench(tmp_path)


def test_each_lane_is_judged_as_its_truth_says(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.add("row.png", {2: "pit", 3: "absent"}, residue_um=((0.0, 100.0, 16.0),))
    assert bench.inspect() == 1
    assert bench.lanes("row") == [lane.verdict for lane in bench.rows["row.png"].lanes]
    assert "row: FAIL, 2 of 4 lanes PASS" in capsys.readouterr().out
    stored = json.loads((bench.output / "row_connector.json").read_text(encoding="utf-8"))
    jsonschema.validate(stored, SCHEMA)
    assert stored["verdict"]["status"] == "FAIL"
    assert stored["pictures"][0]["lattice"]["um_per_px"] == pytest.approx(0.8, rel=0.01)
    assert len(stored["pictures"][0]["residue"]["marks"]) == 1
    for number, lane in enumerate(bench.rows["row.png"].lanes, 1):
        path = bench.output / f"row_lane{number:02d}_result.json"
        jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), RESULT_SCHEMA)
        record = load_record(path)
        assert record.lane is not None
        assert (record.lane.connector, record.lane.number) == ("row", number)
        assert record.verdict.status == lane.verdict
        if record.geometry is not None:
            assert record.lane.window is not None
            x, y = record.geometry.cladding.ellipse.center_px
            here = (x + record.lane.window.left_px, y + record.lane.window.top_px)
            assert here == pytest.approx(lane.center_px, abs=0.5)
    assert [(row["Connector"], row["Lane"]) for row in bench.table("summary_report.csv")] == [
        ("row", str(n)) for n in range(1, 5)
    ]
    assert [(row["Status"], row["Lanes_Failed"]) for row in bench.table("connectors.csv")] == [("FAIL", "2")]
    assert (bench.output / "row_lanes.png").exists()


def test_a_picture_that_shows_another_connector_as_well_grades_none(bench: Bench) -> None:
    bench.add("row.png")
    path = bench.folder / "pictures" / "row.png"
    cv2.imwrite(str(path), np.vstack([bench.rows["row.png"].image] * 2))
    assert bench.inspect() == 4
    assert bench.lanes("row") == ["NOT_GRADED"] * 4
    assert load_record(bench.output / "row_result.json").verdict.reasons[0].kind == "extra_fiber"


def test_a_hole_filled_with_adhesive_passes_no_connector(bench: Bench) -> None:
    bench.add("row.png", {2: "hole"})
    row = bench.rows["row.png"]
    (x, y), (u, v) = row.lanes[1].center_px, row.lanes[2].center_px
    radius, image = round(row.diameter_px / 2) - 1, row.image.copy()
    fiber = image[round(v) - radius // 2 : round(v) + radius // 2, round(u) - radius // 2 : round(u) + radius // 2]
    drawn = np.full_like(image, np.median(fiber))
    noisy = np.clip(drawn + np.random.default_rng(1).normal(0, 1, drawn.shape), 0, 255).astype(np.uint8)
    disc = cv2.circle(np.zeros_like(image), (round(x), round(y)), radius, 1, -1)
    cv2.imwrite(str(bench.folder / "pictures" / "row.png"), np.where(disc > 0, noisy, image))
    assert bench.inspect() == 1
    assert bench.lanes("row") == ["PASS", "NOT_GRADED", "PASS", "PASS"]
    lane = load_record(bench.output / "row_lane02_result.json")
    assert lane.geometry is not None, "it is located as a fiber is"
    assert lane.verdict.reasons[0].kind == "lane_missing"


def test_a_connector_passes_with_all_of_its_lanes(bench: Bench) -> None:
    bench.add("row.png", {2: "specks"})
    assert bench.inspect("--fail-exit") == 0
    assert load_connector(bench.output / "row_connector.json").status == "PASS"


def test_a_line_hears_of_the_connector_not_of_a_lane_that_passes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last lane passes: green would let a connector through of which another lane fails."""
    told: list[tuple[bool | None, str]] = []

    class Recorder(Signals):
        def result(self, ok: bool | None, picture: str, why: str = "") -> None:
            told.append((ok, picture))

    monkeypatch.setattr("dscope_blink.terminal.events.signalling", lambda settings: nullcontext(Recorder(())))
    bench.add("bad.png", {2: "pit"})
    bench.add("good.png")
    assert bench.inspect() == 0
    assert told == [(False, "bad"), (True, "good")]


def test_a_partial_view_is_numbered_by_the_lane_that_is_given_alone(bench: Bench) -> None:
    bench.add("row.png", shape=(400, 720), shift_um=(250.0, 0.0))
    assert [lane.seen for lane in bench.rows["row.png"].lanes] == ["whole", "whole", "no", "no"]
    assert bench.inspect() == 4
    assert bench.lanes("row") == ["NOT_GRADED"] * 4
    assert not list(bench.output.glob("*_lane0*"))
    assert load_record(bench.output / "row_result.json").verdict.reasons[0].kind == "not_numbered"
    assert bench.inspect("--first-lane", "1") == 1
    assert bench.lanes("row") == ["PASS", "PASS", "NOT_GRADED", "NOT_GRADED"]
    assert load_connector(bench.output / "row_connector.json").status == "NOT_GRADED"


def test_pictures_of_one_connector_are_joined_by_the_manifest(bench: Bench) -> None:
    bench.add("left.png", shape=(400, 720), shift_um=(250.0, 0.0))
    bench.add("right.png", {3: "pit"}, shape=(400, 720), shift_um=(-250.0, 0.0))
    manifest = bench.folder / "faces.csv"
    manifest.write_text("file,connector,lane,serial\nleft.png,plug 1,1,7\nright.png,plug 1,3,7\n")
    assert bench.inspect("--manifest", str(manifest)) == 0
    result = load_connector(bench.output / "plug 1_connector.json")
    assert [lane.status for lane in result.lanes] == ["PASS", "PASS", "FAIL", "PASS"]
    assert [lane.file for lane in result.lanes] == ["left.png", "left.png", "right.png", "right.png"]
    assert {row["serial"] for row in bench.table("summary_report.csv")} == {"7"}


def test_connectors_are_judged_again_with_their_lanes(bench: Bench) -> None:
    bench.add("row.png", {2: "specks"})
    assert bench.inspect() == 0
    strict = {"extends": "config.json", "criteria": {"editions": {"strict": edition_without_marks()}}}
    path = bench.folder / "strict.json"
    path.write_text(json.dumps(strict))
    assert main(["regrade", str(bench.output), "--edition", "strict", "--config", str(path)]) == 0
    assert [(row["Status"], row["Lanes_Failed"]) for row in bench.table("connectors_strict.csv")] == [("FAIL", "2")]


def regraded(bench: Bench) -> list[str]:
    assert main(["regrade", str(bench.output), "--config", str(bench.config)]) in (0, 1)
    (table,) = bench.output.glob("connectors_*.csv")
    return [row["Status"] for row in bench.table(table.name)]


def test_a_lane_that_another_picture_left_in_the_folder_is_not_counted(bench: Bench) -> None:
    bench.add("row.png")
    assert bench.inspect() == 0
    bench.add("row.png", shape=(400, 720), shift_um=(250.0, 0.0))
    assert bench.inspect("--first-lane", "1") == 1
    assert (bench.output / "row_lane04_result.json").exists()
    assert regraded(bench) == ["NOT_GRADED"]


def test_a_connector_without_the_record_that_decided_is_not_graded(bench: Bench) -> None:
    bench.add("a.png", {3: "pit"})
    bench.add("b.png")
    manifest = bench.folder / "faces.csv"
    manifest.write_text("file,connector\na.png,plug\nb.png,plug\n")
    assert bench.inspect("--manifest", str(manifest)) == 0
    assert regraded(bench) == ["FAIL"]
    (bench.output / "a_lane03_result.json").unlink()
    assert regraded(bench) == ["NOT_GRADED"]


def test_one_picture_is_not_two_halves_of_a_connector(bench: Bench) -> None:
    bench.add("left.png", shape=(400, 720), shift_um=(250.0, 0.0))
    pictures, manifest = bench.folder / "pictures", bench.folder / "faces.csv"
    (pictures / "right.png").write_bytes((pictures / "left.png").read_bytes())
    manifest.write_text("file,connector,lane\nleft.png,plug,1\nright.png,plug,3\n")
    assert bench.inspect("--manifest", str(manifest)) == 1
    result = load_connector(bench.output / "plug_connector.json")
    assert [lane.status for lane in result.lanes] == ["PASS"] * 4
    assert result.status == "NOT_GRADED"
    assert "right.png is the same picture as left.png" in result.reasons[0]


@pytest.mark.parametrize(
    ("seal", "without_records", "status"),
    [
        ("stale", False, "FAIL"),  # it says nothing that counts, and a lane that is there fails
        ("stale", True, "NOT_GRADED"),
        ("made anew", False, "NOT_GRADED"),
        ("made anew", True, "NOT_GRADED"),
    ],
)
def test_a_record_of_fewer_lanes_than_there_are_never_passes(
    bench: Bench, seal: Seal, without_records: bool, status: str
) -> None:
    bench.add("row.png", {4: "pit"})
    assert bench.inspect() == 0
    altered(bench.output / "row_connector.json", without_its_last_lane, seal)
    if without_records:
        (bench.output / "row_lane04_result.json").unlink()
    assert regraded(bench) == [status]


def without_its_last_lane(record: dict[str, Any]) -> dict[str, Any]:
    record["layout"]["rows"][0]["places"].pop()
    record["lanes"].pop()
    return record


def edition_without_marks() -> dict[str, Any]:
    config = json.loads((ROOT / "config.json").read_text(encoding="utf-8"))
    edition = config["criteria"]["editions"]["iec_61300_3_35_2022"]
    found = edition["classes"]["multi_fiber_single_mode_upc"]
    none = [{"min_um": 0, "min_inclusive": True, "max_um": None, "max_inclusive": False, "max_count": 0}]
    zones = [{**zone, "defects": none} if zone["zone"] in "AB" else zone for zone in found["zones"]]
    return {**edition, "classes": {"multi_fiber_single_mode_upc": {**found, "zones": zones}}}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--connector", "mpo"), "must be one of"),
        (("--first-lane", "5"), "--first-lane must be a whole number from 1 to 4, got 5"),
        (("--resume",), "--resume: cannot be given with --connector"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    bench: Bench, words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.add("row.png")
    assert bench.inspect(*words) == 2
    assert told in capsys.readouterr().err
    assert not bench.output.exists()


def test_a_picture_that_cannot_be_read_grades_nothing(bench: Bench) -> None:
    (bench.folder / "pictures").mkdir()
    (bench.folder / "pictures" / "row.png").write_bytes(b"no picture")
    assert bench.inspect() == 4
    assert bench.lanes("row") == ["NOT_GRADED"] * 4


def test_a_file_that_is_no_record_of_a_connector_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x_connector.json"
    path.write_text('{"schema": "another"}')
    with pytest.raises(BadRecord, match="its schema must be dscope-blink/connector/1"):
        load_connector(path)


def test_a_lane_is_drawn_again_from_its_window_of_the_picture(bench: Bench) -> None:
    bench.add("row.png")
    assert bench.inspect() == 0
    record = load_record(bench.output / "row_lane03_result.json")
    assert record.title == "row.png, lane 3"
    assert record.lane is not None
    assert record.lane.window is not None
    drawn = clean_picture(str(bench.output / "row_lane03"), record.image, lane=record.lane)
    assert drawn is not None
    np.testing.assert_array_equal(drawn[..., 0], record.lane.window.of(bench.rows["row.png"].image))
