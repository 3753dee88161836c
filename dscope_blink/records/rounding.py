"""Numbers as a record keeps them: what a verdict rests on can be reproduced from a stored one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Recorded = TypeVar("Recorded", bound=Any)

# Decimals that a record keeps by unit, the last part of a name; anything else keeps DIGITS significant digits.
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
    """The dataclass with these fields, or all of them, as a stored record gives them back."""
    kind: Any = type(record)
    chosen = names or _names(kind)
    return replace(record, **{name: kept(name, getattr(record, name)) for name in chosen})


@lru_cache(maxsize=64)
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def kept(name: str, value: Any) -> Any:
    """`value` with its numbers plain and rounded by the unit in `name`; None for one that is not finite."""
    kind = type(value)  # most values are told by it at once: isinstance asks an abstract class ten times as long
    if kind in _PLAIN:
        return value
    if kind is float or isinstance(value, np.floating):
        return rounded(name, float(value)) if math.isfinite(value) else None
    if kind is tuple or isinstance(value, tuple):
        return tuple([kept(name, item) for item in value])
    if kind is dict or isinstance(value, Mapping):
        return {key: kept(key, item) for key, item in value.items()}
    return as_recorded(value) if is_dataclass(kind) else _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):  # an outline: rounded at once, for there may be thousands of points
        return np.round(value, DECIMALS["px"])
    return value.item() if isinstance(value, np.generic) else value


_PLAIN = frozenset({str, int, bool, type(None)})  # exactly these: NumPy's own are made of them


def steady(values: NDArray[np.float64], decimals: int = 9) -> NDArray[np.float64]:
    """`values` without the last bits of float64, which differ from one processor to the next: what is equal is equal.

    For results of BLAS and LAPACK, whose sums have another order on each kind of processor, before they are sorted,
    compared, cut into whole numbers or made float32.
    """
    return np.round(values, decimals) + 0.0  # no -0.0, whose angle is another


def size_in_words(size_um: float, limits_um: Sequence[float] = (), at_most: bool = False) -> str:
    """A size without its unit: `13.3`, `10.04` beside a limit of 10, `<= 1.2` where only its upper bound is known.

    One decimal, and as many more as it takes to read on the side of every limit on which it lies; no more than a record
    keeps.
    """
    texts = [f"{size_um:.{decimals}f}" for decimals in range(1, DECIMALS["um"] + 1)]
    told = (text for text in texts if all(_side(float(text), at) == _side(size_um, at) for at in limits_um))
    return f"{'<= ' if at_most else ''}{next(told, texts[-1])}"


def _side(size_um: float, limit_um: float) -> int:
    return (size_um > limit_um) - (size_um < limit_um)
