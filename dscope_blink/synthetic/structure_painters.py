"""Fibers that are more than a round core in a round cladding: stress rods, square and several cores, ring cores.

Painters of a clean scene, as in `surroundings`. Lengths are micrometres from the fiber centre.
"""

from __future__ import annotations

import math

import numpy as np

from dscope_blink.synthetic.faces import FaceSpec, Field, Painter, Vector
from dscope_blink.synthetic.surroundings import disc, offsets_um, painted_over


def discs(radius_um: float, centres_um: tuple[Vector, ...], level: float) -> Painter:
    """Round parts of one grey level: the stress rods of a PANDA fiber, or further cores."""

    def paint(spec: FaceSpec, light: Field, grain: Field, _: np.random.Generator) -> None:
        for centre in centres_um:
            painted_over(light, grain, disc(spec, radius_um, centre), level)

    return paint


def around(radius_um: float, n: int, turn_deg: float) -> tuple[Vector, ...]:
    """Places at even steps on a circle around the fiber centre, clockwise from `turn_deg`."""
    turns = np.radians(turn_deg) + 2 * np.pi * np.arange(n) / n
    return tuple((radius_um * math.cos(turn), radius_um * math.sin(turn)) for turn in turns.tolist())


def square_core(side_um: float, turn_deg: float) -> Painter:
    """A square core in the place of the round one, of the same grey level."""

    def paint(spec: FaceSpec, light: Field, grain: Field, _: np.random.Generator) -> None:
        x, y = offsets_um(spec)
        c, s = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))
        far = np.maximum(np.abs(c * x + s * y), np.abs(c * y - s * x))
        cover = np.clip((side_um / 2 - far) / spec.um_per_px + 0.5, 0, 1)
        painted_over(light, grain, disc(spec, spec.core_diameter_um / 2 + spec.um_per_px), spec.cladding)
        painted_over(light, grain, cover, spec.core)

    return paint


def ring_core(inner_um: float) -> Painter:
    """The middle of the core is as dark as the cladding, within this diameter."""

    def paint(spec: FaceSpec, light: Field, grain: Field, _: np.random.Generator) -> None:
        painted_over(light, grain, disc(spec, inner_um / 2), spec.cladding)

    return paint
