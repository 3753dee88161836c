"""A page of plots as a list of what is on it, in inches from the lower left, drawn in this order by whoever writes it.

What is listed first lies below. Colours are `#RRGGBB`, widths and sizes of letters are in points, 1/72 inch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from dscope_blink.records import Points
from dscope_blink.reporting.displayable import Picture

Rings: TypeAlias = Sequence[Points]  # (N, 2) each, closed by itself; where two overlap there is a hole


@dataclass(frozen=True, slots=True)
class Strokes:
    """Open lines of one width."""

    paths: Sequence[Points]  # (N, 2) each
    colours: Sequence[str]  # one for each
    width: float
    label: str = ""  # what they are, for whoever reads the list


@dataclass(frozen=True, slots=True)
class Shapes:
    """Closed figures, filled, outlined or both."""

    rings: Sequence[Rings]  # of each
    faces: Sequence[str | None]  # one for each; None: not filled
    edge: str | None
    width: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """Text, in lines where it has several."""

    at: tuple[float, float]
    text: str
    size: float
    colour: str = "#000000"
    bold: bool = False
    across: Literal["left", "center", "right"] = "left"  # where `at` is along the lines
    up: Literal["center", "bottom"] = "center"
    box: str | None = None  # colour of a white box's edge around it


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture, stretched to the rectangle that it takes."""

    at: tuple[float, float]  # lower left
    size: tuple[float, float]  # width and height
    picture: Picture
    label: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page, empty at first."""

    inches: tuple[float, float]  # width and height
    items: list[Strokes | Shapes | Words | Photo] = field(default_factory=list)
