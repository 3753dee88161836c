"""The examples of docs/api.md run, one after the other, and its table has every public name."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import numpy as np
import pytest

import dscope_blink
from dscope_blink.config.installed_detectors import installed_detector
from dscope_blink.detectors import registry
from tests.builders.analyses import good_pictures, varied_png
from tests.builders.packages import installed_package
from tests.builders.pictures import SCRATCH, face_png, folder_of
from tests.builders.residuals import FACE, field_of
from tests.builders.settings import CONFIG_FILE, ROOT

TEXT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
PICTURE, FOLDER, RECORD, SEVERAL, NORMAL, DETECTOR = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder that the examples run in."""
    folder_of(tmp_path, "face.png", data=face_png(SCRATCH))
    folder_of(tmp_path / "pictures", "clean.png")
    folder_of(tmp_path / "pictures", "scratched.png", data=face_png(SCRATCH))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*blocks: str) -> dict[str, Any]:
    names: dict[str, Any] = {"dscope_blink": dscope_blink}
    for block in blocks:
        exec(block, names)
    return names


def test_every_public_name_stands_in_the_table() -> None:
    rows = "\n".join(re.findall(r"^\| `.*$", TEXT, re.MULTILINE))
    named = {name for cell in re.findall(r"^\| (.*?) \|", rows, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)}
    assert named == set(dscope_blink.__all__)


def test_a_picture_has_its_verdict(here, capsys) -> None:
    found = run(PICTURE)["found"]
    assert found.verdict.status == "FAIL"
    assert capsys.readouterr().out.startswith("FAIL\nZone core: scratch width")


def test_a_folder_becomes_a_table(here) -> None:
    table = run(FOLDER)["table"]
    assert list(table["Pass/Fail_Status"]) == ["PASS", "FAIL"]


def test_a_record_is_judged_again(here, capsys) -> None:
    again = run(RECORD)["again"]
    assert again.criteria.fiber_class == "single_mode_upc"
    assert capsys.readouterr().out.startswith("FAIL -> FAIL\n")


def test_several_detections_are_brought_together(here, capsys) -> None:
    face = run(SEVERAL)["face"]
    assert {source.key for source in face.sources} == {"fast_scan", "deep_inspection"}
    first, *others = capsys.readouterr().out.splitlines()
    assert first == f"FAIL, {len(face.marks)} marks, score {face.score.value:g}"
    assert len(others) == len(face.marks) + 2


def test_a_face_is_compared_with_good_ones(here, capsys) -> None:
    good_pictures(here / "good", 5)
    (here / "face.png").write_bytes(varied_png(100, SCRATCH))
    found = run(NORMAL)["found"]
    first, status, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("5 faces teach, until 20")
    assert (status, others[-1]) == ("ANOMALOUS", "The verdict is another: FAIL")
    assert any(line.startswith("N1 scratch in the ") and "'S1'" in line for line in others)
    assert found.similarity is not None


def test_the_detector_keeps_the_rules() -> None:
    detect = run(DETECTOR)["detect"]
    residual = field_of(FACE)
    entry = json.loads(re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)[0])["detectors"]["faint_spots"]
    settings = {key: value for key, value in entry.items() if key not in ("enabled", "weight")}
    support = detect(residual, **settings)
    assert (support.dtype, support.shape) == (np.float32, residual.snr.shape)
    assert 0 <= support.min() <= support.max() <= 1


@pytest.fixture
def faint_spots(tmp_path, monkeypatch):
    """The detector, installed as its entry point says; the configuration that switches it on."""
    (shown,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    ((name, where),) = tomllib.loads(shown)["project"]["entry-points"]["dscope_blink.detectors"].items()
    monkeypatch.syspath_prepend(installed_package(tmp_path / "site", "faint_spots", DETECTOR, f"{name} = {where}"))
    document = json.loads(CONFIG_FILE.read_text(encoding="utf-8"))
    document["detectors"] |= json.loads(re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)[0])["detectors"]
    (tmp_path / "mine.json").write_text(json.dumps(document), encoding="utf-8")
    yield tmp_path / "mine.json"
    installed_detector.cache_clear()
    registry._asks_for_folder.cache_clear()


def test_the_detector_takes_part_once_it_is_installed_and_configured(faint_spots, here) -> None:
    config = dscope_blink.load_config(faint_spots)
    found = dscope_blink.inspect("face.png", config=config, cladding_diameter_um=125)
    assert "faint_spots" in found.defects[0].detected_by
