"""Tables of columns and settings in the pages, from their declarations: `python -m docs.tables` writes them again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from docs.modules import ROOT
from dscope_blink.config.loading import load_config
from dscope_blink.config.shipped import shipped
from dscope_blink.reporting.anomaly_files import DISTANCE_COLUMNS, REFERENCE_COLUMNS
from dscope_blink.reporting.comparison import COMPARED_MARK_COLUMNS, COMPARISON_COLUMNS
from dscope_blink.reporting.connectors import CONNECTOR_COLUMNS
from dscope_blink.reporting.gate_table import GATE_COLUMNS
from dscope_blink.reporting.source_table import SOURCE_COLUMNS
from dscope_blink.reporting.tables import (
    AGREEMENT_COLUMNS,
    CHANGE_COLUMNS,
    DEFECT_COLUMNS,
    FILE_COLUMNS,
    LANE_COLUMNS,
    LIMIT_COLUMNS,
    LOG_COLUMNS,
    SETTING_COLUMNS,
    SHEETS,
    SUMMARY_COLUMNS,
    YIELD_COLUMNS,
    Column,
    Sheet,
    cell_columns,
)
from dscope_blink.training import defect_library, image_table, mark_table, zone_table
from dscope_blink.training.tables import Column as TrainingColumn
from dscope_blink.training.type_features import FEATURES
from dscope_blink.training.type_names import RULES

PAGE = ROOT / "docs" / "outputs.md"
TRAINING_PAGE = ROOT / "docs" / "training.md"
AGGREGATION_PAGE = ROOT / "docs" / "aggregation.md"
GATES_PAGE = ROOT / "docs" / "gates.md"
FENCE = "<!-- table: {} -->\n"


def tables() -> Mapping[str, str]:
    """Each table in Markdown, by the name in its fence."""
    detectors = load_config(shipped("config.json")).profile("fast_scan").detectors
    columns = {
        "report": DEFECT_COLUMNS,
        "agreement": AGREEMENT_COLUMNS,
        "sources": SOURCE_COLUMNS,
        "cells": cell_columns(detectors),
        "summary": SUMMARY_COLUMNS,
        "lanes": LANE_COLUMNS,
        "connectors": CONNECTOR_COLUMNS,
        "changes": CHANGE_COLUMNS,
        "yields": YIELD_COLUMNS,
        "compared": COMPARISON_COLUMNS,
        "compared_marks": COMPARED_MARK_COLUMNS,
        "reference": REFERENCE_COLUMNS,
        "distances": DISTANCE_COLUMNS,
        "files": FILE_COLUMNS,
        "integrity": LOG_COLUMNS,
        "limits": LIMIT_COLUMNS,
        "settings": SETTING_COLUMNS,
    }
    return {name: column_table(table) for name, table in columns.items()} | {"sheets": sheet_table(SHEETS)}


def column_table(columns: Iterable[Column]) -> str:
    """The columns as a Markdown table of name, unit and meaning."""
    lines = [f"| `{c.name}` | {c.unit} | {c.meaning} |" for c in columns]
    return "\n".join(["| column | unit | meaning |", "|---|---|---|", *lines]) + "\n"


def sheet_table(sheets: Iterable[Sheet]) -> str:
    """The sheets as a Markdown table."""
    lines = [f"| `{s.name}` | {s.row_for} | {len(s.columns)} | {s.like} |" for s in sheets]
    return "\n".join(["| sheet | a row for | columns | which |", "|---|---|---|---|", *lines]) + "\n"


def training_tables() -> Mapping[str, str]:
    """Each table of a data set in Markdown, by the name in its fence."""
    detectors = load_config(shipped("config.json")).profile("fast_scan").detectors
    columns = {
        "defects": mark_table.columns_of(detectors),
        "zones": zone_table.COLUMNS,
        "images": image_table.COLUMNS,
        "library": defect_library.COLUMNS,
    }
    said = {
        "type_features": _pairs("feature", "meaning", [(feature.name, feature.meaning) for feature in FEATURES]),
        "type_rules": _pairs("name", "rule", [(rule.name, rule.asks) for rule in RULES]),
    }
    return {name: _training_table(table) for name, table in columns.items()} | said


def _pairs(first: str, second: str, rows: Iterable[tuple[str, str]]) -> str:
    return (
        "\n".join([f"| {first} | {second} |", "|---|---|", *(f"| `{one}` | {other} |" for one, other in rows)]) + "\n"
    )


def _training_table(columns: Iterable[TrainingColumn]) -> str:
    lines = [f"| `{c.name}` | {c.kind} | {c.meaning} | {'yes' if c.tells_label else ''} |" for c in columns]
    return "\n".join(["| column | kind | meaning | tells the label |", "|---|---|---|---|", *lines]) + "\n"


def page() -> str:
    """The text of docs/outputs.md with each table as it is declared, behind its fence."""
    return _filled_in(PAGE, tables())


def training_page() -> str:
    """The text of docs/training.md in the same way."""
    return _filled_in(TRAINING_PAGE, training_tables())


def aggregation_page() -> str:
    """The text of docs/aggregation.md with the settings of the section `aggregation` and what they are as shipped."""
    return _filled_in(AGGREGATION_PAGE, {"settings": setting_table("aggregation")})


def gates_page() -> str:
    """The text of docs/gates.md with the columns of gates.csv and the settings of the section `gates`."""
    schema = json.loads((ROOT / "config.schema.json").read_text(encoding="utf-8"))
    shipped_values = json.loads((ROOT / "config.json").read_text(encoding="utf-8"))["gates"]
    parts = schema["$defs"]["gates"]["properties"]
    rows = [
        (f"{part}.{name}", _short(shipped_values[part][name]), own["description"])
        for part in GATE_PARTS
        for name, own in parts[part]["properties"].items()
    ]
    lines = [f"| `{name}` | {value} | {meaning} |" for name, value, meaning in rows]
    settings = "\n".join(["| setting | as shipped | meaning |", "|---|---|---|", *lines]) + "\n"
    return _filled_in(GATES_PAGE, {"gates": column_table(GATE_COLUMNS), "gate_settings": settings})


GATE_PARTS = ("count_rules", "visibility", "density", "layout", "calibration", "routing")


def setting_table(section: str) -> str:
    """The settings of a section of the configuration as a Markdown table of name, value as shipped and meaning."""
    schema = json.loads((ROOT / "config.schema.json").read_text(encoding="utf-8"))
    shipped_values = json.loads((ROOT / "config.json").read_text(encoding="utf-8"))[section]
    described = schema["$defs"][section]["properties"]
    rows = [(name, _short(shipped_values[name]), described[name]["description"]) for name in described]
    lines = [f"| `{name}` | {value} | {meaning} |" for name, value, meaning in rows]
    return "\n".join(["| setting | as shipped | meaning |", "|---|---|---|", *lines]) + "\n"


def _short(value: object) -> str:
    """A value as the file has it; of a long one how many there are."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > LONGEST_VALUE and isinstance(value, dict | list):
        return f"{len(value)} of them"
    return f"`{text}`"


LONGEST_VALUE = 60  # letters of a cell


def _filled_in(path: Path, filled: Mapping[str, str]) -> str:
    text = path.read_text(encoding="utf-8")
    for name, table in filled.items():
        behind = f"({re.escape(FENCE.format(name))})(?:\\|.*\n)*"
        text, found = re.subn(behind, lambda fence, table=table: fence[1] + table, text)  # type: ignore[misc]
        assert found == 1, f"{path.name} must hold the fence {FENCE.format(name).strip()} once, it does {found} times"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    TRAINING_PAGE.write_text(training_page(), encoding="utf-8")
    AGGREGATION_PAGE.write_text(aggregation_page(), encoding="utf-8")
    GATES_PAGE.write_text(gates_page(), encoding="utf-8")
