"""Numbers as a record keeps them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

Recorded = TypeVar("Recorded", bound=Any)


# Decimals that a record keeps by unit, the last part of a name; anything else keeps DIGITS significant digits. What a
# verdict rests on is rounded where it is measured, so that the verdict can be reproduced from the stored record.
DECIMALS = MappingProxyType(
    {"px": 3, "um": 3, "um2": 3, "pct": 3, "deg": 2, "um_per_px": 9, "um_per_px_x": 9, "um_per_px_y": 9}
)
DIGITS = 5


def rounded(name: str, value: float) -> float:
    """A finite `value` as a record keeps it, by the unit in `name`."""
    decimals = _decimals(name)
    return float(f"{value:.{DIGITS}g}") if decimals is None else round(value, decimals)


@lru_cache(maxsize=1024)
def _decimals(name: str) -> int | None:
    """A record has thousands of numbers under a few names."""
    return DECIMALS.get(name, DECIMALS.get(name.rpartition("_")[2]))


def as_recorded(record: Recorded, *names: str) -> Recorded:
    """The dataclass with these fields as a stored record gives them back."""
    values = {name: getattr(record, name) for name in names}
    return replace(record, **{name: _rounded_values(name, value) for name, value in values.items()})


def _rounded_values(name: str, value: Any) -> Any:
    if value is None:
        return None
    return tuple(rounded(name, item) for item in value) if isinstance(value, tuple) else rounded(name, value)
