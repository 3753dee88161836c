"""A file becomes settings: what ships is right, profiles override, and what is no configuration is one line."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dscope_blink.config import checking
from dscope_blink.config.loading import load_config
from tests.builders.configurations import DOCUMENT, SHIPPED, problems_of, put, written
from tests.builders.settings import ROOT
from tests.builders.unprivileged import unprivileged

# --- what ships


def test_the_shipped_configuration_loads_and_names_its_schema() -> None:
    file = load_config(SHIPPED)
    assert set(file.profiles) >= {"fast_scan", "deep_inspection"}
    assert (ROOT / DOCUMENT["$schema"]).samefile(checking.SCHEMA_FILE)


def test_the_hash_is_that_of_the_file() -> None:
    file = load_config(SHIPPED)
    assert file.sha256 == file.profile("fast_scan").sha256 == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()


# --- profiles


def test_a_profile_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["profiles"]["mine"] = {"detectors": {"lei": {"weight": 1}}, "reporting": {"plots": False}}
    file = load_config(written(tmp_path, document))
    mine, base = file.profile("mine"), file.profile("deep_inspection")
    assert (mine.profile, mine.detectors["lei"].weight, mine.reporting.plots) == ("mine", 1.0, False)
    assert mine.detectors["lei"].settings == base.detectors["lei"].settings
    assert mine.detectors["do2mr"] == base.detectors["do2mr"]
    assert (mine.localization, mine.fusion, mine.criteria) == (base.localization, base.fusion, base.criteria)


def test_a_profile_may_choose_another_class_as_its_default(tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["profiles"]["fast_scan"]["criteria"] = {"default_class": "multimode"}
    assert load_config(written(tmp_path, document)).profile("fast_scan").criteria.default_class == "multimode"


# --- records


def test_numbers_paths_lists_and_null_arrive_in_the_type_of_their_field(tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT)
    put("fusion", "threshold", 1)(document)
    put("preprocessing", "flat_field_image", "flat.png")(document)
    put("scale", "pixel_aspect_ratio", None)(document)
    put("detectors", "lei", "lengths_px", [8, 16])(document)
    config = load_config(written(tmp_path, document)).profile("deep_inspection")
    assert isinstance(config.fusion.threshold, float)
    assert config.preprocessing.flat_field_image == tmp_path / "flat.png"
    assert config.scale.pixel_aspect_ratio is None
    assert config.detectors["lei"].settings["lengths_px"] == (8, 16)


# --- files that are no configuration


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "config.json: the file is empty"),
        (b" \n", "config.json: the file is empty"),
        (b'{"a": 1,}', "config.json: line 1, column 9: not JSON: "),
        (b'{\n  "a" 1}', "config.json: line 2, column 7: not JSON: "),
        (b'{"a": "\xff"}', "config.json: not UTF-8 text: byte 0xff at offset 7"),
        (b"[1, 2]", "config.json: $: must be an object, got [1, 2]"),
        (b"null", "config.json: $: must be an object, got null"),
        (b"[" * 100_000, "config.json: nested too deeply"),
        (b'{"a":' * 3_000 + b"1" + b"}" * 3_000, "config.json: nested too deeply"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    (problem,) = problems_of(path)
    assert problem.startswith(message)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    assert problems_of(tmp_path / "nowhere.json") == (f"{tmp_path / 'nowhere.json'}: no such file",)
    assert problems_of(tmp_path) == (f"{tmp_path}: not a file",)


def test_a_file_without_permission_is_named(open_folder: Path) -> None:
    path = written(open_folder, DOCUMENT)
    path.chmod(0)
    with unprivileged():
        assert problems_of(path) == (f"{path}: cannot be read: Permission denied",)


def test_a_path_that_the_system_refuses_is_named(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path / ("x" * 5000))
    assert "cannot be read: " in problem


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + SHIPPED.read_bytes())
    assert load_config(path).profile("fast_scan").fusion == load_config(SHIPPED).profile("fast_scan").fusion


def test_keys_given_twice_are_named(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    text = SHIPPED.read_text(encoding="utf-8").replace('"threshold":', '"threshold": 0.1, "threshold":', 1)
    path.write_text(text, encoding="utf-8")
    assert problems_of(path) == ("config.json: $.fusion.threshold: given twice",)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_numbers_that_are_none_are_refused(tmp_path: Path, number: str) -> None:
    path = tmp_path / "config.json"
    document = copy.deepcopy(DOCUMENT)
    document["fusion"]["threshold"] = "HERE"
    path.write_text(json.dumps(document).replace('"HERE"', number), encoding="utf-8")
    assert [p.partition(", got ")[0] for p in problems_of(path)] == [
        "config.json: $.fusion.threshold: must be a number"
    ]


# --- all at once


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("changed")


@given(content=st.binary(max_size=60) | st.text(alphabet='{}[]",:0e-\\u$ \n', max_size=30).map(str.encode))
def test_whatever_the_bytes_a_wrong_file_is_one_users_error(folder: Path, content: bytes) -> None:
    path = folder / "bytes.json"
    path.write_bytes(content)
    problems_of(path)


def test_reading_a_configuration_writes_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, DOCUMENT | {"fushion": {}})
    before = path.read_bytes()
    problems_of(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["config.json"]
    assert path.read_bytes() == before
