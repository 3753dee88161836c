"""The file of a layout: both ways, as its schema has it, and refused in one line where it is not whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dscope_blink.gates.layouts import BadLayout, check_layouts, layout_bytes, load_layout
from dscope_blink.records import UserError
from tests.builders.seen_sheets import known_layout
from tests.builders.settings import ROOT

Change = Callable[[dict[str, Any]], object]


def test_a_layout_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "layout.json"
    path.write_bytes(layout_bytes(known_layout(14)))
    assert replace(load_layout(path), sha256="") == known_layout(14)
    assert len(load_layout(path).sha256) == 64


def test_a_layout_is_as_its_schema_says() -> None:
    schema = json.loads((ROOT / "layout.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(layout_bytes(known_layout(21))), schema)


WRONG: dict[str, tuple[Change, str]] = {
    "another version": (lambda d: d.update(schema="dscope-blink/layout/2"), "schema"),
    "a key too many": (lambda d: d.update(hint=1), "hint"),
    "no places": (lambda d: d.update(places=[]), "6 to 1000 places"),
    "a place twice": (lambda d: d["places"].append(d["places"][0]), "twice"),
    "a place outside": (lambda d: d["places"][0].update(x_px=-5.0), "in the picture"),
    "no ranges": (lambda d: d.update(ranges=[]), "ranges for each kind"),
    "a range upside down": (lambda d: d["ranges"][0].update(ink_ratio={"low": 1.0, "high": 0.5}), "low end"),
    "no tolerance": (lambda d: d.update(tolerance_px=0.0), "tolerance_px"),
    "a text for a number": (lambda d: d.update(width_px="wide"), "width_px"),
    "no name": (lambda d: d.update(name=" "), "a name"),
    "a part missing": (lambda d: d.pop("stated"), "stated"),
}


@pytest.mark.parametrize(("change", "said"), WRONG.values(), ids=WRONG)
def test_what_is_no_layout_is_refused_in_one_line(tmp_path: Path, change: Change, said: str) -> None:
    document = json.loads(layout_bytes(known_layout(14)))
    change(document)
    path = tmp_path / "layout.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(BadLayout) as refused:
        load_layout(path)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("data", [b"", b"[1, 2]", b"{", b"null", b'{"schema": {}}', b"\xff"])
def test_no_bytes_make_it_fall_over(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "layout.json"
    path.write_bytes(data)
    with pytest.raises(BadLayout):
        load_layout(path)
    half = layout_bytes(known_layout(14))
    path.write_bytes(half[: len(half) // 2])
    with pytest.raises(BadLayout):
        load_layout(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadLayout, match="cannot be read"):
        load_layout(tmp_path / "none.json")


def test_layouts_need_names_of_their_own() -> None:
    with pytest.raises(UserError, match="none is named"):
        check_layouts([])
    with pytest.raises(UserError, match="twice"):
        check_layouts([known_layout(14), known_layout(14)])
