"""NAME_gate.json <-> `SheetResult`: one typed shape, both ways. gate.schema.json describes it in full."""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np

from dscope_blink.records.errors import UserError
from dscope_blink.records.gates import SheetResult
from dscope_blink.records.reading import read_file
from dscope_blink.records.sealing import SEAL, sealed, unbroken

SCHEMA = "dscope-blink/gate/1"
ADDED = ("schema", "program", "status", "failed", SEAL)  # what follows from the rest, or is of the file
Json: TypeAlias = dict[str, Any]


class BadSheetResult(UserError):
    """A file that holds no result of a sheet; the message says why."""


def sheet_bytes(result: SheetResult, program: str) -> bytes:
    """The file: UTF-8, a line for each gate and marker; a figure that could not be measured is null."""
    known: Json = msgspec.to_builtins(result, enc_hook=_plain)
    record = {"schema": SCHEMA, "program": program, "status": result.status, "failed": list(result.failed), **known}
    compact = partial(json.dumps, ensure_ascii=False, allow_nan=False)
    parts = []
    for name, value in sealed(_without_nan(record)).items():
        is_long = name in ("gates", "markers") and value
        text = "[\n" + ",\n".join(f"  {compact(one)}" for one in value) + "\n]" if is_long else compact(value)
        parts.append(f"{compact(name)}: {text}")
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode("utf-8", "backslashreplace")


def load_sheet(path: Path) -> tuple[SheetResult, str]:
    """A stored result, and the program that made it; BadSheetResult if it is none."""
    try:
        known: Any = unbroken(read_file(path))
    except OSError as error:
        raise BadSheetResult(f"cannot be read, {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise BadSheetResult(f"no result of a sheet: {error}") from None
    if not isinstance(known, dict) or known.get("schema") != SCHEMA:
        raise BadSheetResult(f"its schema must be {SCHEMA}")
    program = str(known.get("program", ""))
    try:
        own = {name: value for name, value in known.items() if name not in ADDED}
        return msgspec.convert(_with_nan(own), SheetResult), program
    except (ValueError, AttributeError, TypeError) as error:
        raise BadSheetResult(f"no result of a sheet: {error}") from None


def _plain(value: Any) -> Any:
    """Numbers of NumPy, which a finder may give."""
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value).__name__} has no place in a result")


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _without_nan(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    return value


MEASURED = ("value", "median_gray", "dark_ratio", "ink_ratio")  # what may be no number


def _with_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: math.nan if one is None and name in MEASURED else _with_nan(one) for name, one in value.items()}
    return [_with_nan(one) for one in value] if isinstance(value, list) else value
