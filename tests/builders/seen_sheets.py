"""Good sheets as calibration sees them, without a picture: markers on the places of a plan under a drawn pose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dscope_blink.gates.calibrating import Naming, SeenMarker, SeenSheet, learn_layout
from dscope_blink.records import Box, FoundObject, Layout, LayoutPlace, Marker
from dscope_blink.synthetic.sheets import SheetPlan, sheet_of_14, sheet_of_21
from tests.builders.settings import SETTINGS

GATES = SETTINGS.profile(SETTINGS.default_profile).gates
NAMING = Naming("sheet", "2026-01-01T00:00:00+00:00", "test", "truth")
PAPER, INK = 240, 40
PLANS: dict[int, SheetPlan] = {14: sheet_of_14(), 21: sheet_of_21()}

Change = Callable[[list[LayoutPlace]], Sequence[LayoutPlace]]


def unchanged(places: list[LayoutPlace]) -> list[LayoutPlace]:
    """A good sheet."""
    return places


def without(*ids: str) -> Change:
    """A sheet on which these are missing."""
    return lambda places: [place for place in places if place.id not in ids]


def moved(place_id: str, x_px: float, y_px: float = 0.0) -> Change:
    """A sheet on which one lies elsewhere."""
    return lambda places: [
        replace(p, x_px=p.x_px + x_px, y_px=p.y_px + y_px) if p.id == place_id else p for p in places
    ]


def with_extra(kind: str, x_px: float, y_px: float, size: tuple[float, float] = (60.0, 24.0)) -> Change:
    """A sheet with one too many."""
    return lambda places: [*places, LayoutPlace("extra", kind, x_px, y_px, *size)]


def sized(place_id: str, factor: float) -> Change:
    """A sheet on which one is larger or smaller."""
    return lambda places: [
        replace(p, width_px=p.width_px * factor, height_px=p.height_px * factor) if p.id == place_id else p
        for p in places
    ]


def seen_sheet(
    plan: SheetPlan,
    seed: int,
    change: Change = unchanged,
    pose: NDArray[np.complex128] | None = None,
    gray_of: Callable[[LayoutPlace], int] = lambda place: INK,
) -> SeenSheet:
    """A sheet of a plan under a small turn, scale and shift, its boxes known to a fifth of a pixel.

    Parameters
    ----------
    plan : places
    seed : of pose and noise
    change : of the places
    pose : turn with scale, and shift, complex; None: drawn
    gray_of : the ink of a place
    """
    rng = np.random.default_rng(seed)
    middle = complex(plan.width_px / 2, plan.height_px / 2)
    if pose is None:
        turn = np.exp(1j * np.radians(rng.uniform(-3, 3))) * rng.uniform(0.95, 1.05)
        pose = np.array([turn, complex(*rng.uniform(-8, 8, 2))])
    markers = [_marker(place, pose, middle, rng, gray_of(place)) for place in change(list(plan.places))]
    return SeenSheet(f"s{seed:03d}.png", f"{seed * 7919 % 10**6:064x}", plan.width_px, plan.height_px, tuple(markers))


def _marker(
    place: LayoutPlace, pose: NDArray[np.complex128], middle: complex, rng: np.random.Generator, gray: int
) -> SeenMarker:
    at = pose[0] * (complex(place.x_px, place.y_px) - middle) + middle + pose[1]
    x, y = at.real + rng.normal(0, 0.2), at.imag + rng.normal(0, 0.2)
    wide, high = place.width_px * abs(pose[0]) / 2, place.height_px * abs(pose[0]) / 2
    found = FoundObject(place.kind, Box(x - wide, y - high, x + wide, y + high), float(rng.uniform(0.85, 0.95)))
    level = gray + int(rng.integers(0, 6))
    shares = (np.arange(256) >= level).astype(float)
    return SeenMarker(Marker(found, "primary", float(level), 0.97 + float(rng.uniform(0, 0.03)), 0.0), PAPER, shares)


@cache
def known_layout(big: int) -> Layout:
    """The layout of 40 good sheets of a plan."""
    sheets = [seen_sheet(PLANS[big], seed) for seed in range(40)]
    return learn_layout(sheets, replace(NAMING, name=f"sheet-{big}"), GATES)


def place_named(layout: Layout, plan: SheetPlan, place_id: str) -> str:
    """What a layout calls a place of the plan that it was learned from."""
    wanted = next(place for place in plan.places if place.id == place_id)
    own = [place for place in layout.places if place.kind == wanted.kind]
    return min(own, key=lambda one: np.hypot(one.x_px - wanted.x_px, one.y_px - wanted.y_px)).id
