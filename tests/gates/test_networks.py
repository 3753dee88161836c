"""Networks as finders of markers: named in the configuration, found beside it, refused where they are not as said."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from dscope_blink.config.loading import load_config
from dscope_blink.config.network_settings import OutputLayout
from dscope_blink.config.shipped import shipped
from dscope_blink.gates.finders import marker_finder
from dscope_blink.gates.networks import network_finder
from dscope_blink.gates.searching import MarkerFinder, Search
from dscope_blink.records import UserError
from tests.builders.configurations import DOCUMENT, problems_of, put, written
from tests.builders.networks import saying
from tests.builders.settings import CONFIG_FILE, ROOT, SETTINGS

DECLARED = {
    "file": "own/ours.onnx",
    "sha256": None,
    "layout": "end_to_end",
    "classes": ["big"],
    "mask_coefficients": 0,
    "strides": [],
    "input_side_px": 64,
    "letterbox": "corner",
    "pad_level": 0,
    "color": "gray",
    "levels": "0..255",
    "mean": [],
    "std": [],
}
ASKED = Search(side_px=64, confidence=0.5, overlap=0.5)
GATES = SETTINGS.profile(SETTINGS.default_profile).gates


def site(folder: Path, **declared) -> Path:
    """A configuration that names a network beside it."""
    (folder / "own").mkdir(exist_ok=True)
    rows = np.array([[[8, 16, 24, 32, 0.9, 0], [8, 16, 24, 32, 0.4, 0]]])
    (folder / "own" / "ours.onnx").write_bytes(saying(rows, input_shape=(1, 1, 64, 64)))
    document = {"extends": "shipped", "gates": {"networks": {"ours": DECLARED | declared}}}
    (folder / "site.json").write_text(json.dumps(document))
    return folder / "site.json"


def finder_of(path: Path, name: str = "ours") -> MarkerFinder:
    config = load_config(path).profile("fast_scan")
    return network_finder(name, config.gates, config.folder)


def test_a_network_beside_the_configuration_finds_markers_in_pixels_of_the_picture(tmp_path):
    finder = finder_of(site(tmp_path))
    data = (tmp_path / "own" / "ours.onnx").read_bytes()
    assert (finder.name, finder.inputs) == ("ours", (("ours.onnx", hashlib.sha256(data).hexdigest()),))
    (found,) = finder(np.zeros((128, 96), np.uint8), ASKED)
    assert (found.kind, round(found.confidence, 6)) == ("big", 0.9)
    assert (found.box.left_px, found.box.top_px, found.box.right_px, found.box.bottom_px) == (16, 32, 48, 64)


def test_a_finder_works_in_another_process(tmp_path):
    finder = finder_of(site(tmp_path))
    picture = np.zeros((128, 96, 3), np.uint8)
    assert pickle.loads(pickle.dumps(finder))(picture, ASKED) == finder(picture, ASKED)


def test_a_configuration_that_extends_this_one_finds_the_same_network(tmp_path):
    path = site(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    above = tmp_path / "elsewhere" / "above.json"
    above.write_text(json.dumps({"extends": str(path), "fusion": {"peak_px": 7}}))
    assert finder_of(above).inputs == finder_of(path).inputs


def test_a_network_that_nobody_declared_is_refused_by_name(tmp_path):
    with pytest.raises(UserError, match=r'^gates\.networks: must be one of .*"ours", got "our", did you mean "ours"'):
        finder_of(site(tmp_path), "our")


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"file": "own/none.onnx"}, r"none\.onnx: cannot be read, No such file"),
        ({"sha256": "12ab"}, r"ours\.onnx: its sha256 must be 12ab, got [0-9a-f]{64}"),
        ({"layout": "yolox", "strides": [8, 16]}, r"output must be \[1, 80, 6\], got \[1, 2, 6\]"),
        ({"color": "bgr"}, r"input must be \[1, 3, 64, 64\], got \[1, 1, 64, 64\]"),
    ],
)
def test_a_file_that_is_not_as_declared_is_refused_in_one_line(tmp_path, declared, says):
    with pytest.raises(UserError, match=says) as caught:
        finder_of(site(tmp_path, **declared))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("layout", "yolov4", 'must be one of "yolov5"'),
        ("classes", [], "must be a list that is not empty"),
        ("classes", ["big", "big"], "must be a list without repetition"),
        ("letterbox", "centre", 'did you mean "center"'),
        ("levels", "0..256", 'must be one of "0..1", "0..255"'),
        ("input_side_px", 0, "must be at least 32"),
        ("std", [0.0], "must be greater than 0"),
        ("anchors", [1], "unknown key"),
    ],
)
def test_a_wrong_declaration_is_a_problem_of_the_configuration(tmp_path, key, value, says):
    document = json.loads(json.dumps(DOCUMENT))
    put("gates", "networks", "marker_detector", key, value)(document)
    (problem,) = problems_of(written(tmp_path, document))
    assert f"$.gates.networks.marker_detector.{key}" in problem
    assert says in problem


def test_the_configuration_names_the_finder(tmp_path):
    assert marker_finder(GATES, CONFIG_FILE.parent).name == "blocks"
    config = load_config(site(tmp_path)).profile("fast_scan")
    named = replace(config.gates, finder="ours")
    assert marker_finder(named, config.folder).inputs == finder_of(tmp_path / "site.json").inputs
    with pytest.raises(UserError, match=r"gates\.networks: must be one of"):
        marker_finder(replace(named, finder="dots"), config.folder)


# --- the network that ships


def test_the_network_that_ships_is_what_the_configuration_declares_and_its_card_names_it():
    finder = network_finder("marker_detector", GATES, CONFIG_FILE.parent)
    path = shipped("networks") / "marker_detector.onnx"
    ((name, sha256),) = finder.inputs
    assert (name, sha256) == (path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    assert path.stat().st_size <= 3 * 2**20
    assert f"`{sha256}`" in path.with_suffix(".md").read_text(encoding="utf-8")


# --- what the documentation shows

TEXT = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
EXAMPLE = json.loads(re.search(r"(?:^    .*\n)+", TEXT, re.MULTILINE)[0])  # type: ignore[index]
SHAPES: dict[str, list[tuple[int, ...]]] = {  # outputs for the examples there: two classes, 32 coefficients of masks
    "yolov5": [(1, 25200, 7)],
    "yolov5 with masks": [(1, 25200, 39), (1, 32, 160, 160)],
    "yolov8": [(1, 6, 8400)],
    "yolov8 with masks": [(1, 38, 8400), (1, 32, 160, 160)],
    "yolox": [(1, 3549, 7)],
    "end_to_end": [(1, 300, 6)],
    "detr_softmax": [(1, 100, 3), (1, 100, 4)],
    "detr_sigmoid": [(1, 300, 2), (1, 300, 4)],
}


def shown_examples() -> dict[str, dict[str, Any]]:
    """The entries of the table of examples."""
    table = re.search(r"^\| `layout` \| `classes`.*\n(?:\|.*\n)+", TEXT, re.MULTILINE)
    assert table is not None
    head, _, *rows = table[0].splitlines()
    assert head.count("|") == 11
    entries = {}
    for row in rows:
        name, *cells, scaling = [cell.strip().replace("`", "") for cell in row.strip("|").split("|")]
        keys = ("classes", "mask_coefficients", "strides", "input_side_px", "letterbox", "pad_level", "color", "levels")
        values = [json.loads(cell) if re.match(r"[\[\d](?!\.\.)", cell) else cell for cell in cells]
        means = [json.loads(part) for part in re.findall(r"\[.*?\]", scaling)]
        mean, std = means if len(means) == 2 else means * 2
        entry = dict(zip(keys, values, strict=True))
        entries[name] = {"file": "n.onnx", "sha256": None, "layout": name.split()[0], **entry, "mean": mean, "std": std}
    return entries


def test_the_example_is_a_configuration(tmp_path):
    (tmp_path / "site.json").write_text(json.dumps(EXAMPLE))
    gates = load_config(tmp_path / "site.json").profile("fast_scan").gates
    assert gates.finder == "our_markers"
    assert set(gates.networks) == {"marker_detector", "our_markers"}


@pytest.mark.parametrize("name", SHAPES)
def test_an_example_of_each_layout_takes_a_network_of_its_shapes(tmp_path, name):
    entry = shown_examples()[name]
    side = entry["input_side_px"]
    outputs = [np.zeros(shape, np.float32) for shape in SHAPES[name]]
    (tmp_path / "n.onnx").write_bytes(saying(*outputs, input_shape=(1, 3, side, side)))
    document = {"extends": "shipped", "gates": {"networks": {"ours": entry}}}
    (tmp_path / "site.json").write_text(json.dumps(document))
    finder = finder_of(tmp_path / "site.json")
    assert finder(np.zeros((90, 60), np.uint8), Search(side, 0.9, 0.5)) == ()


def test_every_layout_that_can_be_declared_is_documented():
    assert {name.split()[0] for name in shown_examples()} == set(get_args(OutputLayout))
    assert shown_examples().keys() == SHAPES.keys()
