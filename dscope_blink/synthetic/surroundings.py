"""What lies around a fiber on other microscopes: the round field of view, coating, adhesive, ferrules, other fibers.

A painter changes the brightness and the amplitude of the texture of a clean scene in place, before its blemishes are
painted and the camera takes it. All lengths are micrometres from the fiber centre.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from dscope_blink.synthetic.faces import FaceSpec, Field, Painter, Vector, unit_vectors

RAGGED_NODES = 40  # of the border of a ragged hole


def distances_um(spec: FaceSpec, centre_um: Vector = (0.0, 0.0)) -> Field:
    """Distance of every pixel from a place, (H, W)."""
    x, y = offsets_um(spec, centre_um)
    return np.asarray(np.hypot(x, y))


def offsets_um(spec: FaceSpec, centre_um: Vector = (0.0, 0.0)) -> tuple[Field, Field]:
    """The way of every pixel from a place: a row of x, (1, W), and a column of y, (H, 1)."""
    x = (np.arange(spec.shape[1]) - spec.centre_px[0]) * spec.um_per_px_x - centre_um[0]
    y = (np.arange(spec.shape[0]) - spec.centre_px[1]) * spec.um_per_px_y - centre_um[1]
    return x[None, :], y[:, None]


def disc(spec: FaceSpec, radius_um: float | Field, centre_um: Vector = (0.0, 0.0), soft_um: float = 0.0) -> Field:
    """Share of every pixel inside a round border, (H, W); `soft_um` is the width of the border, at least a pixel."""
    inside_um = radius_um - distances_um(spec, centre_um)
    return np.asarray(np.clip(inside_um / max(soft_um, spec.um_per_px) + 0.5, 0, 1), np.float32)


def beyond_face(spec: FaceSpec, width_um: float = 0.0) -> Field:
    """Share of every pixel outside of the cladding and of a border of `width_um` around it, (H, W)."""
    x, y = offsets_um(spec)
    angle = math.radians(spec.axis_angle_deg)
    along, across = math.cos(angle) * x + math.sin(angle) * y, math.cos(angle) * y - math.sin(angle) * x
    radius = np.hypot(along / spec.axis_ratio, across)  # the stretch undone
    return np.asarray(np.clip((radius - spec.cladding_diameter_um / 2 - width_um) / spec.um_per_px + 0.5, 0, 1))


def painted_over(light: Field, grain: Field, cover: Field, level: float | Field, texture: float = 0.0) -> None:
    """Paint a grey level where `cover` is 1, in place."""
    light += (level - light) * cover
    grain += (texture - grain) * cover


def several(*painters: Painter) -> Painter:
    """One after the other."""

    def paint(spec: FaceSpec, light: Field, grain: Field, rng: np.random.Generator) -> None:
        for painter in painters:
            painter(spec, light, grain, rng)

    return paint


def round_field(diameter_um: float, centre_um: Vector, level: float, soft_um: float) -> Painter:
    """All beyond a round field of view has one dark level."""

    def paint(spec: FaceSpec, light: Field, grain: Field, _: np.random.Generator) -> None:
        painted_over(light, grain, 1 - disc(spec, diameter_um / 2, centre_um, soft_um), level)

    return paint


def vignette(depth: float, power: float, centre_um: Vector = (0.0, 0.0)) -> Painter:
    """The light falls off by `depth` towards the farthest pixel, with that power of the distance."""

    def paint(spec: FaceSpec, light: Field, grain: Field, _: np.random.Generator) -> None:
        away = distances_um(spec, centre_um)
        fall = 1 - depth * (away / away.max()) ** power
        light *= fall
        grain *= fall

    return paint


def surround(level: float | Callable[[FaceSpec, np.random.Generator], Field], texture: float = 0.0) -> Painter:
    """All beyond the cladding: one grey level, or a picture of levels (H, W) drawn for it."""

    def paint(spec: FaceSpec, light: Field, grain: Field, rng: np.random.Generator) -> None:
        levels = level(spec, rng) if callable(level) else level
        painted_over(light, grain, beyond_face(spec), levels, texture)

    return paint


def coating(diameter_um: float, level: float, outside: float, offset_um: Vector = (0.0, 0.0)) -> Painter:
    """A bare fiber in its coating, and what is seen beyond that."""

    def paint(spec: FaceSpec, light: Field, grain: Field, _: np.random.Generator) -> None:
        painted_over(light, grain, beyond_face(spec), level, 1.0)
        beyond = (1 - disc(spec, diameter_um / 2, offset_um)) * beyond_face(spec)
        painted_over(light, grain, beyond, outside)

    return paint


def adhesive_arc(width_um: float, level: float, start_deg: float, arc_deg: float) -> Painter:
    """A ring of adhesive around the cladding, or a part of one; clockwise from x."""

    def paint(spec: FaceSpec, light: Field, grain: Field, _: np.random.Generator) -> None:
        x, y = offsets_um(spec)
        within = (np.degrees(np.arctan2(y, x)) - start_deg) % 360 < arc_deg
        painted_over(light, grain, (beyond_face(spec) - beyond_face(spec, width_um)) * within, level)

    return paint


def ragged_hole(gap_um: Vector, level: float) -> Painter:
    """A gap around the cladding whose outer border wanders between two widths."""

    def paint(spec: FaceSpec, light: Field, grain: Field, rng: np.random.Generator) -> None:
        x, y = offsets_um(spec)
        turn = np.arctan2(y, x) / (2 * np.pi) % 1
        widths = rng.uniform(*gap_um, RAGGED_NODES)
        width = np.interp(turn, np.arange(RAGGED_NODES) / RAGGED_NODES, widths, period=1.0)
        radius = spec.cladding_diameter_um / 2 * spec.axis_ratio + width
        painted_over(light, grain, disc(spec, radius) * beyond_face(spec), level)

    return paint


def glass_filler(ground: float, grains: Vector, share: float, size_um: Vector) -> Callable[..., Field]:
    """Levels of a ferrule filled with glass: round and long grains of grey levels `grains` on a darker ground."""

    def levels(spec: FaceSpec, rng: np.random.Generator) -> Field:
        field = np.full(spec.shape, ground, np.float32)
        area_um2 = spec.shape[0] * spec.um_per_px_y * spec.shape[1] * spec.um_per_px_x
        covered = 0.0
        while covered < share * area_um2:
            long_um = rng.uniform(*size_um)
            wide_um = long_um * rng.uniform(0.4, 1.0)
            _add_grain(spec, field, rng, (long_um, wide_um), rng.uniform(*grains))
            covered += np.pi / 4 * long_um * wide_um
        return field

    return levels


def _add_grain(spec: FaceSpec, field: Field, rng: np.random.Generator, size_um: Vector, level: float) -> None:
    """One oval grain anywhere, drawn in its own box."""
    h, w = spec.shape
    cx, cy, turn = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(0, np.pi)
    reach = int(size_um[0] / spec.um_per_px) + 2
    rows, columns = slice(max(int(cy) - reach, 0), int(cy) + reach), slice(max(int(cx) - reach, 0), int(cx) + reach)
    y, x = np.ogrid[rows.start : min(rows.stop, h), columns.start : min(columns.stop, w)]
    c, s = unit_vectors(np.array(turn))
    dx, dy = (x - cx) * spec.um_per_px, (y - cy) * spec.um_per_px
    inside = np.hypot(2 * (c * dx + s * dy) / size_um[0], 2 * (c * dy - s * dx) / size_um[1]) < 1
    field[rows, columns][inside] = level


def neighbours(centres_um: tuple[Vector, ...]) -> Painter:
    """Other fibers of the same make beside this one."""

    def paint(spec: FaceSpec, light: Field, grain: Field, _: np.random.Generator) -> None:
        for centre in centres_um:
            painted_over(light, grain, disc(spec, spec.cladding_diameter_um / 2, centre), spec.cladding)
            painted_over(light, grain, disc(spec, spec.core_diameter_um / 2, centre), spec.core)

    return paint
