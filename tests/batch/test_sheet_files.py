"""A network that finds the markers: one picture of which it says nonsense is NG, and so is all without it."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

from dscope_blink.batch import sheet_files
from dscope_blink.batch.gating import Gating, run_gates
from dscope_blink.batch.sheet_files import SheetJob
from dscope_blink.config.loading import load_config
from dscope_blink.files.manifest import Manifest
from dscope_blink.files.pictures import find_images
from dscope_blink.files.plan import plan_images
from dscope_blink.gates.finders import marker_finder
from dscope_blink.records import Request, SheetResult
from tests.builders.networks import failing_on_light
from tests.builders.seen_sheets import known_layout

SIDE_PX = 64
DECLARED = {
    "file": "ours.onnx",
    "sha256": None,
    "layout": "end_to_end",
    "classes": ["big"],
    "mask_coefficients": 0,
    "strides": [],
    "input_side_px": SIDE_PX,
    "letterbox": "corner",
    "pad_level": 0,
    "color": "gray",
    "levels": "0..1",
    "mean": [],
    "std": [],
}


@pytest.fixture
def run(tmp_path: Path) -> Gating:
    """Of a dark picture, a light one of which the network gives NaN, and a dark one."""
    rows = np.array([[[8, 16, 24, 32, 0.9, 0]]])
    (tmp_path / "ours.onnx").write_bytes(failing_on_light(rows, SIDE_PX))
    gates = {"finder": "ours", "networks": {"ours": DECLARED}}
    (tmp_path / "site.json").write_text(json.dumps({"extends": "shipped", "gates": gates}), encoding="utf-8")
    (tmp_path / "in").mkdir()
    for name, level in (("a", 20), ("b", 250), ("c", 30)):
        assert cv2.imwrite(str(tmp_path / "in" / f"{name}.png"), np.full((96, 96), level, np.uint8))
    config = load_config(tmp_path / "site.json").profile("fast_scan")
    asked = Request(config.criteria.default_edition, config.criteria.default_class)
    images = plan_images(find_images(tmp_path / "in", False, tmp_path / "out"), tmp_path / "out", Manifest(), asked)
    job = SheetJob(tmp_path / "out", config, (known_layout(14),), marker_finder(config.gates, config.folder).inputs)
    return Gating(job, images)


def judged(run: Gating) -> dict[str, SheetResult]:
    return {done.result.file: done.result for done in run_gates(run)}


def test_a_picture_of_which_a_network_gives_nan_is_ng_and_the_run_goes_on(run: Gating) -> None:
    results = judged(run)
    assert [one.status for one in results.values()] == ["NG"] * 3
    assert [file for file, one in results.items() if "readable" in one.failed] == ["b.png"]
    (reason,) = results["b.png"].gates[0].reasons
    assert reason.endswith("ours.onnx: output y must hold finite numbers, got NaN or infinity")
    assert {one.inputs for one in results.values()} == {run.job.inputs}
    assert len(results["a.png"].markers) == 1


@pytest.mark.parametrize("becomes", ["gone", "another"])
def test_a_process_that_no_longer_finds_the_network_of_the_run_finds_no_sheet_good(run: Gating, becomes: str) -> None:
    path = run.job.config.folder / "ours.onnx"
    path.unlink()
    if becomes == "another":
        path.write_bytes(failing_on_light(np.array([[[8, 16, 24, 32, 0.8, 0]]]), SIDE_PX))
    sheet_files._finder.cache_clear()  # as in a process that has just started
    results = judged(run)
    assert all("readable" in one.failed for one in results.values())
    assert len(results) == 3


def test_a_network_is_read_once_in_a_process(run: Gating, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Mock(wraps=marker_finder)
    monkeypatch.setattr(sheet_files, "marker_finder", read)
    judged(run)
    assert read.call_count == 1
