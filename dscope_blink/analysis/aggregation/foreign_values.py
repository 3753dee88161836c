"""Values in reports of other programs: numbers, places, boxes and outlines that may be anything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Points, printable

Pair: TypeAlias = tuple[float, float]
Rectangle: TypeAlias = tuple[float, float, float, float]  # x, y, width and height; the last two may be below 0

FARTHEST = 1e9  # px, as in records
LONGEST_NUMBER = 10**18  # of an id
LONGEST_ID = 100  # letters
LONGEST_TEXT = 1000  # letters
MOST_POINTS = 100_000  # of an outline
SHOWN = 60  # letters of a wrong value


def number_of(value: Any) -> float | None:
    """A finite number within what a picture can have; None for all else, also for true and false."""
    if type(value) not in (float, int) or not -FARTHEST <= value <= FARTHEST:  # what is no number compares as false
        return None
    return float(value)


def text_of(value: Any) -> str:
    """A text in one line, cut where it is longer than any name; empty for all else."""
    return printable(value[:LONGEST_TEXT]).strip() if type(value) is str else ""


def id_of(value: Any) -> str:
    """An id, which may be a number too; empty for all else."""
    return str(value) if type(value) is int and abs(value) < LONGEST_NUMBER else text_of(value)[:LONGEST_ID]


def shown(value: Any) -> str:
    """A wrong value for a line of the log, however long it is."""
    value = value[:SHOWN] if isinstance(value, str) else value
    text = printable(repr(value) if _is_short(value) else f"{type(value).__name__} of {len(value)}")
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 4]} ..."


def _is_short(value: Any) -> bool:
    """Whether its text is made without going through more than a few values."""
    if isinstance(value, list | dict):
        inside = value if isinstance(value, list) else value.values()
        texts = (one for one in (*value, *inside) if isinstance(one, str)) if len(value) <= 8 else ()
        plain = not any(isinstance(one, list | dict) for one in inside)
        return len(value) <= 8 and plain and all(len(text) <= SHOWN for text in texts)
    return True


def pair_of(value: Any) -> Pair | None:
    """x and y: a list of two numbers, or an object that has them."""
    if isinstance(value, Mapping):
        value = [value.get("x"), value.get("y")]
    if not isinstance(value, list) or len(value) != 2:
        return None
    x, y = number_of(value[0]), number_of(value[1])
    return None if x is None or y is None else (x, y)


def rectangle_of(value: Any) -> Rectangle | None:
    """x, y, width and height: a list of four numbers, or an object that has them, `w` and `h` for short."""
    if isinstance(value, Mapping):
        value = [
            value.get("x"),
            value.get("y"),
            value.get("width", value.get("w")),
            value.get("height", value.get("h")),
        ]
    if not isinstance(value, list) or len(value) != 4:
        return None
    x, y, width, height = map(number_of, value)
    if x is None or y is None or width is None or height is None:
        return None
    return x, y, width, height


def points_of(value: Any) -> Points | None:
    """An outline (N, 2) of at least three points: pairs, or pairs in a list of their own as OpenCV has them."""
    if not isinstance(value, list) or not 3 <= len(value) <= MOST_POINTS:
        return None
    flat = [one[0] if isinstance(one, list) and len(one) == 1 else one for one in value]
    pairs = [pair_of(one) for one in flat]
    found = [pair for pair in pairs if pair is not None]
    return np.array(found, np.float64) if len(found) == len(value) else None


def first_of(report: Mapping[str, Any], names: Sequence[str], nothing: Sequence[Any] = (None, "")) -> tuple[str, Any]:
    """The first of some fields that says anything, and what; empty and None where none does."""
    return next(((name, report[name]) for name in names if report.get(name) not in nothing), ("", None))


def square_around(center: Pair, area_px: float | None) -> Rectangle:
    """The square of this area, of one pixel where that is not known, around a place."""
    side = math.sqrt(max(area_px or 0.0, 1.0))
    return center[0] - (side - 1) / 2, center[1] - (side - 1) / 2, side, side


def corners_of(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The borders of the pixels of boxes, a pixel wide at least; centres of pixels lie at whole numbers.

    Parameters
    ----------
    boxes : (N, 4) x, y, width and height

    Returns
    -------
    (N, 4, 2) x and y of the corners
    """
    x, y = boxes[:, 0] - 0.5, boxes[:, 1] - 0.5
    right, below = x + np.maximum(boxes[:, 2], 1.0), y + np.maximum(boxes[:, 3], 1.0)
    return np.stack([x, y, right, y, right, below, x, below], axis=1).reshape(-1, 4, 2)


DIAGONAL_DEG = 15.0  # between an orientation and the diagonal of a box, up to which a line runs along it


def line_in(box: Rectangle, orientation_deg: float, area_px: float | None) -> Points | None:
    """A straight mark along a diagonal of its box, as wide as its area makes it; None where it runs along none.

    `orientation_deg` is clockwise on the screen, from x.
    """
    x, y, width, height = box[0], box[1], max(box[2] - 1, 0.0), max(box[3] - 1, 0.0)
    length = math.hypot(width, height)
    if length < 2:
        return None
    falling = math.degrees(math.atan2(height, width))
    off = [abs((orientation_deg - angle + 90) % 180 - 90) for angle in (falling, -falling)]
    if min(off) > DIAGONAL_DEG:
        return None
    falls = off[0] <= off[1]
    first, last = ((x, y), (x + width, y + height)) if falls else ((x, y + height), (x + width, y))
    half = min(max((area_px or 0.0) / length, 1.0), length / 2) / 2
    along = (np.array(last) - first) / length
    across = np.array([-along[1], along[0]]) * half
    ends = np.array([first, last]) + np.outer([-0.5, 0.5], along)
    strip: Points = np.array([ends[0] - across, ends[1] - across, ends[1] + across, ends[0] + across])
    return strip
