"""Configuration files with changes, and what is found wrong with them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config, CriteriaBook
from dscope_blink.records import ConfigError
from tests.builders.settings import ROOT

SHIPPED = ROOT / "config.json"
SCHEMA = json.loads((ROOT / "config.schema.json").read_text(encoding="utf-8"))
SECTIONS = {
    name: kind
    for name, kind in get_type_hints(Config).items()
    if dataclasses.is_dataclass(kind) and kind != CriteriaBook
}


def shortened() -> dict[str, Any]:
    """The shipped settings with three of the classes: the others are built alike, and every test reads some files."""
    document: dict[str, Any] = json.loads(SHIPPED.read_text(encoding="utf-8"))
    editions = document["criteria"]["editions"]
    second = editions["iec_61300_3_35_2015"]
    classes = {name: second["classes"][name] for name in ("single_mode_upc", "multimode")}
    kept = {
        "iec_61300_3_35_2009": editions["iec_61300_3_35_2009"],
        "iec_61300_3_35_2015": second | {"classes": classes},
    }
    chosen = {"default_edition": "iec_61300_3_35_2015", "default_class": "single_mode_upc", "editions": kept}
    return document | {"criteria": chosen}


DOCUMENT = shortened()
Change = Callable[[dict[str, Any]], object]


def written(folder: Path, document: object) -> Path:
    """The document as a file of this folder."""
    path = folder / "config.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def problems_of(path: Path) -> tuple[str, ...]:
    """What is said of a wrong file, one line each."""
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert all(problem.count("\n") == 0 for problem in caught.value.problems)
    return caught.value.problems


def put(*place: Any) -> Change:
    """A change that puts the last argument at the place that the others name."""
    *keys, last, value = place

    def change(document: Any) -> None:
        for key in keys:
            document = document.setdefault(key, {}) if isinstance(document, dict) else document[key]
        document[last] = value

    return change


def band(low: float, high: float | None, *, first: bool = True, last: bool = False) -> dict[str, Any]:
    """Sizes of which none is allowed."""
    return {"min_um": low, "min_inclusive": first, "max_um": high, "max_inclusive": last, "max_count": 0}
