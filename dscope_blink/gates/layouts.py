"""The file of a layout, and back.

The file is JSON as layout.schema.json describes it. It is taken only when it is whole, of a known version, and says
nothing that no layout can.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec

from dscope_blink.records import Layout, UserError, printable, read_file
from dscope_blink.records.json_reading import decode_json

SCHEMA = "dscope-blink/layout/1"
MOST_BYTES = 2**24
MOST_PLACES = 1000
LEAST_PLACES = 6  # four decide the fit, and each place is checked against the others


class BadLayout(UserError):
    """A file that is no layout; the message says why."""


def layout_bytes(layout: Layout) -> bytes:
    """The file: UTF-8, a line for each place, kind and source; the same layout gives the same bytes."""
    record: dict[str, Any] = {"schema": SCHEMA, **asdict(replace(layout, sha256=""))}
    del record["sha256"]
    parts = [f"{json.dumps(name)}: {_lines(value)}" for name, value in record.items()]
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode("utf-8", "backslashreplace")


def _lines(value: Any) -> str:
    def compact(item: Any) -> str:
        return json.dumps(item, ensure_ascii=False, allow_nan=False)

    if isinstance(value, tuple) and value:
        return "[\n" + ",\n".join(f"  {compact(item)}" for item in value) + "\n]"
    return compact(value)


def load_layout(path: Path) -> Layout:
    """Read a layout.

    Raises
    ------
    BadLayout : it cannot be read, is not whole, of another version, or holds what no layout can; one line
    """
    try:
        data = read_file(path, MOST_BYTES)
    except OSError as error:
        raise BadLayout(f"{path}: cannot be read, {error.strerror}") from None
    try:
        return replace(_layout(data), sha256=hashlib.sha256(data).hexdigest())
    except (ValueError, RecursionError) as error:  # also what msgspec finds wrong
        raise BadLayout(printable(f"{path}: no layout: {' '.join(str(error).split())}")) from None


def _layout(data: bytes) -> Layout:
    known: Any = decode_json(data)
    schema = known.get("schema") if isinstance(known, dict) else known
    if schema != SCHEMA:
        raise ValueError(f"its schema must be {SCHEMA}, got {str(schema)[:60]!r}")
    del known["schema"]
    unknown = sorted(set(known) - {name for name in Layout.__dataclass_fields__ if name != "sha256"})
    if unknown:
        raise ValueError(f"it must hold nothing but what a layout has, got {unknown[0]!r}")
    layout = msgspec.convert(known, Layout)
    for rule in _broken(layout):
        raise ValueError(rule)
    return layout


def _broken(layout: Layout) -> Iterator[str]:
    """What no layout can be, a line each."""
    if not layout.name.strip():
        yield "it must have a name, by which results call it"
    if not 0 < layout.width_px <= 10**5 or not 0 < layout.height_px <= 10**5:
        yield f"its picture must have 1..100000 px to a side, got {layout.width_px} x {layout.height_px}"
    if not LEAST_PLACES <= len(layout.places) <= MOST_PLACES:
        yield f"it must have {LEAST_PLACES} to {MOST_PLACES} places, got {len(layout.places)}"
    twice = [name for name, times in Counter(place.id for place in layout.places).items() if times > 1]
    if twice:
        yield f"each place must have a name of its own, got {twice[0]!r} twice"
    for place in layout.places:
        inside = 0 <= place.x_px <= layout.width_px and 0 <= place.y_px <= layout.height_px
        if not (inside and place.width_px > 0 and place.height_px > 0):
            yield f"place {place.id} must lie in the picture and have a size"
    kinds = sorted(one.kind for one in layout.ranges)
    if kinds != sorted(layout.kinds):
        yield f"there must be ranges for each kind of place once ({', '.join(layout.kinds)}), got {', '.join(kinds)}"
    yield from _broken_numbers(layout)


def _broken_numbers(layout: Layout) -> Iterator[str]:
    ranges = [(f"{one.kind} {name}", getattr(one, name)) for one in layout.ranges for name in RANGES]
    ranges.append(("spread", layout.spread))
    if layout.orientation_deg is not None:
        ranges.append(("orientation_deg", layout.orientation_deg))
    for name, held in ranges:
        if not (math.isfinite(held.low) and math.isfinite(held.high) and held.low <= held.high):
            yield f"{name} must have a low end that is no higher than the high one, got {held.low}, {held.high}"
    if not 0 < layout.tolerance_px <= layout.diagonal_px / 10:
        yield f"tolerance_px must lie above 0 and within a tenth of the diagonal, got {layout.tolerance_px}"
    if not 0 < layout.ink_level < 1:
        yield f"ink_level must lie between 0 and 1, got {layout.ink_level}"


RANGES = ("confidence", "area_share", "size_ratio", "median_gray", "gray_apart", "dark_ratio", "ink_ratio")


def check_layouts(layouts: Sequence[Layout]) -> None:
    """UserError unless each has a name of its own, which results call it by, and there is one."""
    if not layouts:
        raise UserError("layouts: none is named; `gates calibrate` makes one of good sheets")
    twice = [name for name, times in Counter(one.name for one in layouts).items() if times > 1]
    if twice:
        raise UserError(printable(f"layouts: each must have a name of its own, got {twice[0]!r} twice"))
