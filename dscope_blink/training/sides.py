"""splits.json: which side each picture of a data set is on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from dscope_blink.records import UserError, read_file

SPLITS = "splits.json"
SPLITS_SCHEMA = "dscope-blink/splits/1"
TRAIN, VAL, TEST = SIDES = ("train", "val", "test")


def read_sides(folder: Path) -> Mapping[str, str]:
    """The side of each picture by its name; empty where the data set has no splits."""
    path = folder / SPLITS
    try:
        data = msgspec.json.decode(read_file(path))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(f"{path}: cannot be read, {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: no JSON: {error}") from None
    sides = data.get("sides") if isinstance(data, dict) and data.get("schema") == SPLITS_SCHEMA else None
    if not isinstance(sides, dict):
        raise UserError(f"{path}: must have the schema {SPLITS_SCHEMA} and the sides of pictures by name")
    for name, side in sides.items():
        if side not in SIDES:
            raise UserError(f"{path}: the side of {name} must be one of {', '.join(SIDES)}, got {side!r}")
    return sides
