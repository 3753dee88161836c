"""splits.json: which side each picture of a data set is on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dscope_blink.records import UserError, read_file
from dscope_blink.records.json_reading import decode_json
from dscope_blink.training.json_text import json_bytes

SPLITS = "splits.json"
SPLITS_SCHEMA = "dscope-blink/splits/1"
SPLIT_OF = "split_of"  # its key: the side of each picture by name
TRAIN, VAL, TEST = SIDES = ("train", "val", "test")  # as other programs name them
VALIDATION = "validation"  # as the file names val


def read_sides(folder: Path) -> Mapping[str, str]:
    """The side of each picture by its name; empty where the data set has no splits."""
    path = folder / SPLITS
    try:
        data = decode_json(read_file(path))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(f"{path}: cannot be read, {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: no JSON: {error}") from None
    known = isinstance(data, dict) and data.get("schema") == SPLITS_SCHEMA
    sides = data.get(SPLIT_OF) if known else None
    if not isinstance(sides, dict):
        raise UserError(f"{path}: must have the schema {SPLITS_SCHEMA} and {SPLIT_OF}, the sides of pictures by name")
    sides = {name: VAL if side == VALIDATION else side for name, side in sides.items()}
    for name, side in sides.items():
        if side not in SIDES:
            raise UserError(f"{path}: the side of {name} must be {TRAIN}, {VALIDATION} or {TEST}, got {side!r}")
    return sides


def sides_json(sides: Mapping[str, str], seed: int) -> bytes:
    """splits.json of pictures whose sides are known."""
    named = {name: VALIDATION if side == VAL else side for name, side in sides.items()}
    return json_bytes({"schema": SPLITS_SCHEMA, "seed": seed, SPLIT_OF: named})
