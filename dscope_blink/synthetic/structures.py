"""Structure that fibers have of their own: stress rods, several cores, cores with corners. Painted as sharp regions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from dscope_blink.records import Points
from dscope_blink.synthetic.faces import Pit, Vector

NODES = 72  # as many as the outline of a Pit has points, so that corners stay sharp
Structure: TypeAlias = Callable[[float, float], tuple[Pit, ...]]  # of its rotation in degrees and its contrast


def on_circle(diameter_um: float, count: int, radius_um: float, turn_deg: float, contrast: float) -> tuple[Pit, ...]:
    """Equal discs on a circle around the centre of the fiber, the first in the direction `turn_deg`."""
    turns = [math.radians(turn_deg + 360 * k / count) for k in range(count)]
    centres: list[Vector] = [(radius_um * math.cos(turn), radius_um * math.sin(turn)) for turn in turns]
    return tuple(Pit(centre, diameter_um, contrast) for centre in centres)


def polygon(corners: int, diameter_um: float, turn_deg: float, contrast: float) -> tuple[Pit, ...]:
    """A regular polygon in the centre; `diameter_um` through its corners."""
    off = (_turns(turn_deg) + math.pi / corners) % (2 * math.pi / corners) - math.pi / corners
    radius = math.cos(math.pi / corners) / np.cos(math.pi / corners - np.abs(off))
    return (Pit((0.0, 0.0), diameter_um, contrast, tuple(radius.tolist())),)


def ellipse(long_um: float, short_um: float, turn_deg: float, contrast: float) -> tuple[Pit, ...]:
    """An ellipse in the centre, such as the jacket of some fibers that maintain polarisation."""
    turns = _turns(turn_deg)
    radius = 1 / np.hypot(np.cos(turns), np.sin(turns) * long_um / short_um)
    return (Pit((0.0, 0.0), long_um, contrast, tuple(radius.tolist())),)


def bow_tie(inner_um: float, outer_um: float, half_deg: float, turn_deg: float, contrast: float) -> tuple[Pit, ...]:
    """Two opposite sectors of a ring."""
    middle, half = (inner_um + outer_um) / 2, math.radians(half_deg)
    out = []
    for side in (0.0, math.pi):
        turn = math.radians(turn_deg) + side
        centre = (middle * math.cos(turn), middle * math.sin(turn))
        sides = np.concatenate(
            [
                _arc(outer_um, turn - half, turn + half),
                _arc(inner_um, turn + half, turn - half),
            ]
        ) - np.array(centre)
        out.append(Pit(centre, 2.0, contrast, tuple(_radii_of(sides).tolist())))
    return tuple(out)


def _turns(turn_deg: float) -> Points:
    return 2 * np.pi * np.arange(NODES) / NODES - math.radians(turn_deg)


def _arc(radius_um: float, start: float, stop: float) -> Points:
    turns = np.linspace(start, stop, 90)
    return radius_um * np.stack([np.cos(turns), np.sin(turns)], axis=1)


def _radii_of(outline: Points) -> Points:
    """Distance of the border of a region from the origin inside it, at NODES even directions."""
    closed = np.concatenate([outline, outline[:1]])
    dense = np.concatenate([a + np.linspace(0, 1, 40)[:, None] * (b - a) for a, b in pairwise(closed)])
    turns = np.arctan2(dense[:, 1], dense[:, 0]) % (2 * np.pi)
    order = np.argsort(turns)
    return np.interp(2 * np.pi * np.arange(NODES) / NODES, turns[order], np.hypot(*dense.T)[order], period=2 * np.pi)


STRUCTURES: Mapping[str, Structure] = MappingProxyType(
    {
        "panda": lambda turn, contrast: on_circle(35.0, 2, 28.0, turn, contrast),
        "bow_tie": lambda turn, contrast: bow_tie(10.0, 42.0, 32.0, turn, contrast),
        "jacket": lambda turn, contrast: ellipse(80.0, 40.0, turn, contrast),
        "four_cores": lambda turn, contrast: on_circle(9.0, 4, 27.0, turn, contrast),
        "seven_cores": lambda turn, contrast: on_circle(9.0, 6, 35.0, turn, contrast),
        "square": lambda turn, contrast: polygon(4, 70.0, turn, contrast),
        "hexagon": lambda turn, contrast: polygon(6, 60.0, turn, contrast),
        "octagon": lambda turn, contrast: polygon(8, 60.0, turn, contrast),
        "holes": lambda turn, contrast: sum(
            (
                on_circle(4.0, 6, 9.0, turn, contrast),
                on_circle(4.0, 6, 18.0, turn, contrast),
                on_circle(4.0, 6, 9.0 * math.sqrt(3), turn + 30, contrast),
            ),
            (),
        ),
    }
)
