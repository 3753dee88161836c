"""gates.csv: a row for each picture of a sheet; its columns, declared once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dscope_blink.records import Gate, SheetResult
from dscope_blink.reporting.tables import Column, Row


def _passed(name: str, gate: Gate, meaning: str) -> Column:
    """Empty where the gate did not judge the sheet."""

    def value(result: SheetResult) -> bool | None:
        return next((one.ok for one in result.gates if one.gate == gate), None)

    return Column(name, "", "boolean", meaning, value)


def _figure(name: str, unit: str, dtype: str, meaning: str, gate: Gate, key: str) -> Column:
    def value(result: SheetResult) -> float | int | None:
        figures = (one for outcome in result.gates if outcome.gate == gate for one in outcome.figures)
        found = next((one.value for one in figures if one.name == key), None)
        return int(found) if found is not None and dtype == "Int64" else found

    return Column(name, unit, dtype, meaning, value)


def _of_result(name: str, unit: str, dtype: str, meaning: str, value: Callable[[SheetResult], Any]) -> Column:
    return Column(name, unit, dtype, meaning, value)


def _named(fault: str) -> Callable[[SheetResult], str]:
    """The places with a fault, each once."""

    def value(result: SheetResult) -> str:
        culprits = (one for gate in result.gates for one in gate.culprits if one.fault == fault)
        return ";".join(dict.fromkeys(one.place or "{:.0f},{:.0f}".format(*one.center_px) for one in culprits))

    return value


GATE_COLUMNS: tuple[Column, ...] = (
    _of_result("status", "", "object", "OK, or NG where a gate is not passed", lambda r: r.status),
    _figure("big_count", "", "Int64", "big markers found; empty where it cannot be read", "count", "big_count"),
    _of_result("failed_checks", "", "object", "the gates that are not passed", lambda r: ";".join(r.failed)),
    _passed("count_ok", "count", "whether there are as many big markers as there may be"),
    _passed("vis_big_ok", "visibility", "whether the finder is sure of them, and they are as large as good ones"),
    _passed("dens_big_ok", "density", "whether their ink is like that of good ones"),
    _passed("relpos_ok", "layout", "whether each lies where the layout has it"),
    _of_result("file", "", "object", "file, relative to the input folder", lambda r: r.file),
    _of_result("layout", "", "object", "layout that it was held against; empty: it fits none", lambda r: r.layout),
    _of_result(
        "reasons", "", "object", "why it is NG", lambda r: "; ".join(text for gate in r.gates for text in gate.reasons)
    ),
    _of_result("missing", "", "object", "places without their marker", _named("missing")),
    _of_result("extra", "", "object", "where there is a marker without a place, x,y in pixels", _named("extra")),
    _of_result("moved", "", "object", "places whose marker lies beside it", _named("moved")),
    _of_result("pale", "", "object", "places whose marker has too little ink", _named("pale")),
    _of_result("dark", "", "object", "places whose marker is darker than good ones", _named("dark")),
    _of_result("fat", "", "object", "places whose marker is too large", _named("fat")),
    _of_result("thin", "", "object", "places whose marker is too small", _named("thin")),
    _of_result("unsure", "", "object", "places whose marker the finder is not sure of", _named("unsure")),
    _figure(
        "largest_departure_px",
        "px",
        "float64",
        "largest distance of a marker from its place, in pixels of the layout, all of one spread",
        "layout",
        "largest_departure_px",
    ),
    _figure("spread", "", "float64", "median distance of two big markers over the diagonal", "layout", "spread"),
    _figure(
        "orientation_deg", "deg", "float64", "direction of the big markers' longest axis", "layout", "orientation_deg"
    ),
    _figure("turn_deg", "deg", "float64", "turn of the sheet on its layout, clockwise", "layout", "turn_deg"),
    _figure("scale", "", "float64", "size of the sheet in its picture over that on the layout", "layout", "scale"),
    _figure("perspective", "", "float64", "change of scale from the middle to the edge", "layout", "perspective"),
    _of_result("markers", "", "int64", "markers found, of every kind", lambda r: len(r.markers)),
    _of_result("finder", "", "object", "what found them", lambda r: r.finder),
    _of_result("sha256", "", "object", "hash of the picture file; empty where it cannot be read", lambda r: r.sha256),
)


def gate_row(result: SheetResult) -> Row:
    """The row of a picture."""
    return {column.name: column.value(result) for column in GATE_COLUMNS}
