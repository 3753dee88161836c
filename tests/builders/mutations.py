"""Damaged copies of a stored record: each value replaced by hostile ones, each key taken out, each list emptied."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

HERE = "<the value that is replaced>"
HOSTILE = (
    *("0", "-1", "1e308", "1e-320", "1e400", "1" + "0" * 400, "1" + "0" * 5000, "NaN", "-Infinity", "9007199254740993"),
    *("null", "true", '""', '"x"', '"\\u0000"', '"\\ud800"', "[]", "{}", "[[]]", '[{"a": 1}]', '{"a": 1, "a": 2}'),
    "[" * 10_000 + "]" * 10_000,
)


def mutations(record: Any) -> Iterator[tuple[str, bytes]]:
    """What was done, and the bytes of the file; the record is as it was afterwards."""
    for place, holder, key in _places(record):
        value = holder[key]
        holder[key] = HERE
        text = json.dumps(record)
        for number, other in enumerate(HOSTILE):
            yield f"{place} = {other[:24]} ({number})", text.replace(json.dumps(HERE), other).encode()
        if isinstance(value, list | dict) and value:
            holder[key] = type(value)()
            yield f"{place} emptied", json.dumps(record).encode()
        holder[key] = value
        if isinstance(holder, dict):
            others = dict(holder)
            del holder[key]
            yield f"{place} removed", json.dumps(record).encode()
            holder.clear()
            holder.update(others)
        else:
            holder.append(value)
            yield f"{place} twice", json.dumps(record).encode()
            holder.pop()


def _places(value: Any, place: str = "$") -> Iterator[tuple[str, Any, Any]]:
    """Each value in the record, with what holds it: of long lists the first two and the last."""
    keys = list(value) if isinstance(value, dict) else sorted({0, 1, len(value) - 1} & set(range(len(value))))
    for key in keys:
        yield f"{place}.{key}", value, key
        if isinstance(value[key], list | dict):
            yield from _places(value[key], f"{place}.{key}")


def truncations(data: bytes, count: int) -> Iterator[tuple[str, bytes]]:
    """Files that end early."""
    for number in range(count):
        yield f"cut at {number} of {count}", data[: len(data) * number // count]
