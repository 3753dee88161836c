"""Sheets, finders and layouts for the tests of the gates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.gate_settings import GateSettings
from dscope_blink.gates.searching import Picture, Search
from dscope_blink.records import Box, FoundObject, LayoutPlace
from dscope_blink.synthetic.sheets import BLEED, SheetPlan, TrueMarker
from tests.builders.settings import SETTINGS

GATES: GateSettings = SETTINGS.profile(SETTINGS.default_profile).gates
PRIMARY = Search(GATES.primary.side_px, GATES.primary.confidence, GATES.primary.overlap)


@dataclass(frozen=True, slots=True)
class Laid:
    """The places of a plan in a picture at its scale."""

    width_px: int
    height_px: int
    places: tuple[LayoutPlace, ...]
    tolerance_px: float = 8.0


def laid(plan: SheetPlan) -> Laid:
    """A plan as a layout, with the bleed that rendered sheets have."""
    dx, dy = BLEED * plan.width_px, BLEED * plan.height_px
    places = tuple(replace(one, x_px=one.x_px + dx, y_px=one.y_px + dy) for one in plan.places)
    return Laid(round(plan.width_px * (1 + 2 * BLEED)), round(plan.height_px * (1 + 2 * BLEED)), places)


def found_at(x: float, y: float, kind: str = "big", confidence: float = 0.9, scale: float = 1.0) -> FoundObject:
    """A finding of 60 x 24 px about a place."""
    wide, high = 30 * scale, 12 * scale
    return FoundObject(kind, Box(x - wide, y - high, x + wide, y + high), confidence)


@dataclass(frozen=True, slots=True)
class Scripted:
    """A finder that sees what it is told to: one list at the confidence of the first look, more below it."""

    first: Sequence[FoundObject]
    more: Sequence[FoundObject] = ()
    asked: Callable[[Search], None] = lambda _: None
    name: str = "scripted"
    inputs: tuple[tuple[str, str], ...] = ()

    def __call__(self, picture: Picture, wanted: Search) -> tuple[FoundObject, ...]:
        """What it is told, whatever the picture."""
        self.asked(wanted)
        return tuple(self.first if wanted.confidence >= PRIMARY.confidence else (*self.first, *self.more))


def matched(found: Sequence[FoundObject], true: Sequence[TrueMarker], overlap: float = 0.6) -> tuple[int, int]:
    """How many true markers have a finding of their kind, and how many findings have no true marker."""

    def same(one: FoundObject, other: TrueMarker) -> bool:
        return one.kind == other.kind and one.box.overlap(other.box) >= overlap

    hits = sum(any(same(one, other) for one in found) for other in true)
    return hits, sum(not any(same(one, other) for other in true) for one in found)


def blank(width: int = 400, height: int = 300, level: int = 240) -> NDArray[np.uint8]:
    """Paper."""
    return np.full((height, width), level, np.uint8)
