"""Marks as they come on real faces, and not as each kind is drawn at its purest: what the classification learns from.

A mark is a group of blemishes that a person would call by one name: a scratch with dots on it, two lines beside each
other, a crack with branches, a row of specks, a particle over the cladding edge, a gouge.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from dscope_blink.records import CLASSIFICATIONS, Mask, Points
from dscope_blink.synthetic.faces import (
    Blemish,
    Chip,
    Contamination,
    Crack,
    FaceSpec,
    Pit,
    RenderedFace,
    Scratch,
    Vector,
    in_picture,
    on_face,
    unit_vectors,
)
from dscope_blink.synthetic.scenes import random_blemishes

REACH = 1.6  # cladding radii: how far out marks lie
APART_UM = 7.0  # between the outlines of two groups, which are to stay two marks
TRIES = 12


@dataclass(frozen=True, slots=True)
class Group:
    """What is one mark, by the name that a person gives it."""

    kind: str  # one of records.CLASSIFICATIONS
    main: tuple[Blemish, ...]  # what gives it its name
    beside: tuple[Blemish, ...] = ()  # what lies on it or beside it
    made_as: str = ""  # the name of how it was drawn

    @property
    def blemishes(self) -> tuple[Blemish, ...]:
        return (*self.main, *self.beside)


def varied_groups(
    rng: np.random.Generator, spec: FaceSpec, n: int, clear_of: Points | None = None, contrast: Vector = (0.08, 0.7)
) -> tuple[Group, ...]:
    """As many groups, each kind as often, as far as they find room.

    Parameters
    ----------
    rng : numpy.random.Generator
    spec : the face they lie on
    n : how many
    clear_of : (N, 2) points in micrometres from the fiber centre to keep clear of
    contrast : weakest and strongest, relative to the local brightness

    Returns
    -------
    tuple of Group
    """
    taken = np.empty((0, 2)) if clear_of is None else clear_of
    placed: list[Group] = []
    for _ in range(TRIES * n):
        if len(placed) == n:
            break
        makers = MAKERS[CLASSIFICATIONS[int(rng.integers(len(CLASSIFICATIONS)))]]
        made_as = list(makers)[int(rng.integers(len(makers)))]
        group = makers[made_as](rng, spec, float(np.exp(rng.uniform(*np.log(contrast)))))
        if group is None:
            continue
        outline = np.concatenate([blemish.outline(spec) for blemish in group.blemishes])
        apart = np.linalg.norm(outline[:, None] - taken[None], axis=2)
        if in_picture(spec, outline).all() and (apart > APART_UM).all():
            placed.append(replace(group, made_as=made_as))
            taken = np.concatenate([taken, outline])
    return tuple(placed)


def group_masks(groups: Sequence[Group], face: RenderedFace) -> list[tuple[Mask, Mask]]:
    """Of each group, in the order in which they were rendered, all that was painted, and what gives it its name.

    Each (H, W) bool.
    """
    truths, out = iter(face.truth.blemishes), []
    for group in groups:
        masks = [next(truths).mask for _ in group.blemishes]
        out.append((np.any(masks, axis=0), np.any(masks[: len(group.main)], axis=0)))
    return out


Maker: TypeAlias = Callable[[np.random.Generator, FaceSpec, float], "Group | None"]


def _place(rng: np.random.Generator, spec: FaceSpec) -> Points:
    """Anywhere on the fiber, and now and then beyond it; micrometres from its centre."""
    radius = spec.cladding_diameter_um / 2
    reach = 0.95 * radius if rng.random() < 0.75 else REACH * radius
    return np.asarray(reach * math.sqrt(rng.random()) * unit_vectors(np.array(rng.uniform(0, 2 * np.pi))))


def _sign(rng: np.random.Generator) -> float:
    return float(rng.choice([-1.0, 1.0]))


def _seen_um(spec: FaceSpec) -> float:
    """Width at half height of a point through the optics, which hide what is finer."""
    return 2.35 * spec.blur_px * spec.um_per_px


def _points(points: Points) -> tuple[Vector, ...]:
    return tuple((float(x), float(y)) for x, y in points)


def _ordinary(kind: str, size_um: Vector) -> Maker:
    """As `scenes` draws the kind."""

    def make(rng: np.random.Generator, spec: FaceSpec, contrast: float) -> Group | None:
        size = float(np.exp(rng.uniform(*np.log(size_um))))
        outer = REACH if rng.random() < 0.25 else 0.97
        band = (0.0, outer * spec.cladding_diameter_um / 2)
        made = random_blemishes(
            rng, spec, 1, kinds=(kind,), size_um=(size, size), contrast=(contrast, contrast), radius_um=band
        )
        return Group(kind, made) if made else None

    return make


# --- scratches


def _line(
    rng: np.random.Generator, spec: FaceSpec, length_um: Vector, bend: float, contrast: float, width_um: Vector
) -> Scratch:
    """A straight or bent line somewhere, of one sign or half dark and half bright, even, fading or with faint parts."""
    length = min(float(np.exp(rng.uniform(*np.log(length_um)))), 1.2 * spec.cladding_diameter_um)
    turn, share = rng.uniform(0, np.pi), np.linspace(-0.5, 0.5, 17)[:, None]
    along, across = unit_vectors(np.array(turn)), unit_vectors(np.array(turn + np.pi / 2))
    points = _place(rng, spec) + length * (share * along + bend * (0.25 - share**2) * across)
    signed = contrast * _sign(rng)
    pair = -rng.uniform(0.3, 1.0) * signed if rng.random() < 0.3 else None
    least = rng.choice([0.15, 0.6, 1.0])
    strength = tuple(rng.uniform(least, 1.0, int(rng.integers(1, 10))).tolist())
    return Scratch(_points(points), float(np.exp(rng.uniform(*np.log(width_um)))), signed, pair, strength)


def _long_scratch(rng: np.random.Generator, spec: FaceSpec, contrast: float) -> Group:
    bend = rng.normal(0, 0.1) if rng.random() < 0.4 else rng.normal(0, 0.01)
    return Group("scratch", (_line(rng, spec, (20.0, 150.0), bend, contrast, (0.4, 3.0)),))


def _short_scratch(rng: np.random.Generator, spec: FaceSpec, contrast: float) -> Group | None:
    line = _line(rng, spec, (5.0, 22.0), rng.normal(0, 0.04), contrast, (0.4, 2.0))
    length = math.dist(line.points_um[0], line.points_um[-1])
    seen_um = math.hypot(line.width_um, _seen_um(spec))
    return Group("scratch", (line,)) if length > 3.0 * seen_um else None  # a shorter one looks like a speck


def _dotted_scratch(rng: np.random.Generator, spec: FaceSpec, contrast: float) -> Group:
    """With spots on it or right beside it, of its own sign or the other."""
    line = _line(rng, spec, (15.0, 100.0), rng.normal(0, 0.03), contrast, (0.4, 2.0))
    points = np.array(line.points_um)
    spots = []
    for _ in range(int(rng.integers(1, 4))):
        at = points[int(rng.integers(len(points)))] + rng.normal(0, 0.6 * line.width_um, 2)
        size = rng.uniform(1.2, 3.0) * max(line.width_um, 1.0)
        signed = rng.uniform(0.7, 1.5) * contrast * _sign(rng)
        spots.append(_spot(rng, at, size, min(signed, 1.0)))
    return Group("scratch", (line,), tuple(spots))


def _double_scratch(rng: np.random.Generator, spec: FaceSpec, contrast: float) -> Group:
    """Two lines beside each other, or one that crosses the other at a small angle."""
    line = _line(rng, spec, (20.0, 100.0), rng.normal(0, 0.03), contrast, (0.4, 1.6))
    points = np.array(line.points_um)
    way = points[-1] - points[0]
    across = np.array([-way[1], way[0]]) / np.hypot(*way)
    middle, turn = points.mean(axis=0), rng.normal(0, 0.05)
    turned = (points - middle) @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    other = middle + turned * rng.uniform(0.5, 1.0) + across * rng.uniform(0.8, 3.0)
    return Group("scratch", (line, replace(line, points_um=_points(other))))


def _spot(rng: np.random.Generator, at: Points, size_um: float, contrast: float) -> Blemish:
    if contrast < 0 and rng.random() < 0.5:
        return Pit(_points(at[None])[0], size_um, max(contrast, -1.0))
    return Contamination(((float(at[0]), float(at[1]), size_um / 2),), contrast, 0.1 * size_um)


# --- cracks


def _run(rng: np.random.Generator, start: Points, heading: float, steps: int, step_um: Vector, swing: Vector) -> Points:
    """The corners of a jagged line."""
    points, side = [start], _sign(rng)
    for _ in range(steps):
        side *= -1 if rng.random() < 0.75 else 1
        turn = np.array(heading + side * rng.uniform(*swing))
        points.append(points[-1] + rng.uniform(*step_um) * unit_vectors(turn))
    return np.array(points)


def _crack_lines(rng: np.random.Generator, spec: FaceSpec, contrast: float, branches: int) -> tuple[Blemish, ...]:
    """Jagged beyond what its blur hides, from the edge inwards or somewhere on the fiber."""
    seen_um = _seen_um(spec)
    step = (max(2.5, 1.2 * seen_um), max(9.0, 3.0 * seen_um))
    if rng.random() < 0.5:
        turn = rng.uniform(0, 2 * np.pi)
        start = on_face(spec, spec.cladding_diameter_um / 2 - 1.0, np.array(turn))
        heading = turn + np.pi + rng.normal(0, 0.4)
    else:
        start, heading = _place(rng, spec), rng.uniform(0, 2 * np.pi)
    points = _run(rng, start, heading, int(rng.integers(5, 14)), step, (0.25, 0.95))
    width, depth = rng.uniform(0.6, 1.8), -min(1.0, 1.5 * contrast)
    lines = [Crack(_points(points), width, depth)]
    for _ in range(branches):
        root = points[int(rng.integers(1, len(points) - 1))]
        aside = heading + _sign(rng) * rng.uniform(0.6, 1.3)
        twig = _run(rng, root, aside, int(rng.integers(2, 7)), step, (0.1, 0.8))
        lines.append(Crack(_points(twig), 0.8 * width, depth))
    return tuple(lines)


def _jagged_crack(rng: np.random.Generator, spec: FaceSpec, contrast: float) -> Group:
    return Group("crack", _crack_lines(rng, spec, contrast, 0))


def _branched_crack(rng: np.random.Generator, spec: FaceSpec, contrast: float) -> Group:
    return Group("crack", _crack_lines(rng, spec, contrast, int(rng.integers(1, 4))))


# --- contamination


def _specks(
    rng: np.random.Generator, middle: Points, radii_um: Points, places: Points, contrast: float
) -> Contamination:
    discs = np.hstack([places + middle, radii_um[:, None]])
    softness = rng.uniform(0.08, 0.25) * float(radii_um.mean())
    return Contamination(tuple((x, y, r) for x, y, r in discs.tolist()), contrast, softness)


def _chain(rng: np.random.Generator, spec: FaceSpec, contrast: float) -> Group:
    """A row of specks along a line that wanders, no nearer to each other than the optics tell apart."""
    n, radius = int(rng.integers(3, 8)), rng.uniform(0.8, 2.5)
    radii = radius * rng.uniform(0.6, 1.3, n)
    gaps = np.maximum(rng.uniform(1.8, 3.0, n) * radius, 1.3 * _seen_um(spec))
    headings = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.25, n))
    places = np.cumsum(gaps[:, None] * unit_vectors(headings), axis=0)
    return Group("contamination", (_specks(rng, _place(rng, spec), radii, places, 0.8 * contrast * _sign(rng)),))


def _speck(rng: np.random.Generator, spec: FaceSpec, contrast: float) -> Group:
    """One or two droplets that are softer than the optics."""
    n, radius = int(rng.integers(1, 3)), _seen_um(spec) + rng.uniform(0.5, 4.0)
    radii = radius * rng.uniform(0.6, 1.2, n)
    places = rng.normal(0, 0.9 * radius, (n, 2))
    blob = _specks(rng, _place(rng, spec), radii, places, 0.7 * contrast * _sign(rng))
    return Group("contamination", (replace(blob, softness_um=rng.uniform(0.35, 0.6) * radius),))


def _lint(rng: np.random.Generator, spec: FaceSpec, contrast: float) -> Group:
    """Oblong soft dirt: three times as long as wide, and ragged."""
    n, radius = int(rng.integers(4, 9)), rng.uniform(1.5, 4.0)
    turn = rng.uniform(0, np.pi)
    along, across = unit_vectors(np.array(turn)), unit_vectors(np.array(turn + np.pi / 2))
    span = rng.uniform(2.0, 5.0) * radius
    places = rng.uniform(-0.5, 0.5, (n, 1)) * span * along + rng.normal(0, 0.35 * radius, (n, 1)) * across
    radii = radius * rng.uniform(0.5, 1.2, n)
    return Group("contamination", (_specks(rng, _place(rng, spec), radii, places, 0.8 * contrast * _sign(rng)),))


def _cluster(rng: np.random.Generator, spec: FaceSpec, contrast: float) -> Group:
    """Specks that touch each other here and there, over an area."""
    n, radius = int(rng.integers(4, 10)), rng.uniform(0.8, 2.5)
    places = rng.normal(0, 1.6 * radius, (n, 2)) * (1.0, rng.uniform(0.5, 1.0))
    radii = radius * rng.uniform(0.4, 1.3, n)
    return Group("contamination", (_specks(rng, _place(rng, spec), radii, places, contrast * _sign(rng)),))


def _flake(rng: np.random.Generator, spec: FaceSpec, contrast: float) -> Group:
    """Ragged, with a sharp edge, often oblong."""
    n = int(rng.integers(7, 16))
    turn, oblong = 2 * np.pi * np.arange(n) / n - rng.uniform(0, np.pi), rng.uniform(0.25, 0.9)
    radius = oblong / np.hypot(oblong * np.cos(turn), np.sin(turn))
    shape = radius * rng.uniform(0.55, 1.0, n)
    size = 3.0 * _seen_um(spec) + float(np.exp(rng.uniform(*np.log((3.0, 20.0)))))
    at = _points(_place(rng, spec)[None])[0]
    signed = contrast * _sign(rng) if rng.random() < 0.5 else -min(1.4 * contrast, 1.0)
    return Group("contamination", (Pit(at, size, signed, tuple(shape.tolist())),))


def _residue_ring(rng: np.random.Generator, spec: FaceSpec, contrast: float) -> Group:
    """What a drop leaves where it dries: a ring or a part of one, thicker here and there."""
    size, span = rng.uniform(3.0, 12.0), rng.uniform(0.8, 2.0) * np.pi
    turn = rng.uniform(0, 2 * np.pi) + np.arange(0, span, 0.25)
    radii = size * rng.uniform(0.12, 0.3, len(turn))
    ring = _specks(rng, _place(rng, spec), radii, size * unit_vectors(turn), contrast * _sign(rng))
    return Group("contamination", (ring,))


def _at_edge(rng: np.random.Generator, spec: FaceSpec, contrast: float) -> Group:
    """A particle that lies over the cladding edge, on both sides of it."""
    radius = float(np.exp(rng.uniform(*np.log((1.5, 8.0)))))
    turn = np.array(rng.uniform(0, 2 * np.pi))
    middle = on_face(spec, spec.cladding_diameter_um / 2 + rng.uniform(-0.6, 0.9) * radius, turn)
    n = int(rng.integers(1, 6))
    places, radii = rng.normal(0, 0.5 * radius, (n, 2)), radius * rng.uniform(0.6, 1.1, n)
    return Group("contamination", (_specks(rng, middle, radii, places, 0.9 * contrast * _sign(rng)),))


# --- chips


def _chip(rng: np.random.Generator, spec: FaceSpec, contrast: float, arc_um: float, depth_um: float) -> Group:
    shape = tuple(rng.uniform(0.4, 1.0, int(rng.integers(3, 9))).tolist())
    signed = max(-1.0, contrast * float(rng.choice([-1.5, -1.0, 1.0])))
    return Group("chip", (Chip(rng.uniform(0, 360), arc_um, depth_um, signed, shape),))


def _any_chip(rng: np.random.Generator, spec: FaceSpec, contrast: float) -> Group:
    arc = float(np.exp(rng.uniform(*np.log((3.0, 45.0)))))
    return _chip(rng, spec, contrast, arc, min(arc * rng.uniform(0.2, 0.7), 0.3 * spec.cladding_diameter_um))


def _gouge(rng: np.random.Generator, spec: FaceSpec, contrast: float) -> Group:
    """A notch that reaches deeper than it is wide, or a strip along the edge that hardly reaches in."""
    if rng.random() < 0.5:
        arc = rng.uniform(2.5, 8.0)
        return _chip(rng, spec, contrast, arc, arc * rng.uniform(0.8, 2.0))
    arc = rng.uniform(10.0, 50.0)
    return _chip(rng, spec, contrast, arc, max(1.2, arc * rng.uniform(0.06, 0.2)))


MAKERS: Mapping[str, Mapping[str, Maker]] = MappingProxyType(
    {
        "scratch": {
            "scratch": _ordinary("scratch", (3.0, 15.0)),
            "long scratch": _long_scratch,
            "short scratch": _short_scratch,
            "scratch with dots": _dotted_scratch,
            "two lines": _double_scratch,
        },
        "crack": {
            "crack": _ordinary("crack", (4.0, 15.0)),
            "jagged crack": _jagged_crack,
            "branched crack": _branched_crack,
        },
        "pit_dig": {"pit": _ordinary("pit_dig", (2.5, 18.0)), "small pit": _ordinary("pit_dig", (2.5, 8.0))},
        "contamination": {
            "contamination": _ordinary("contamination", (3.0, 25.0)),
            "row of specks": _chain,
            "speck": _speck,
            "lint": _lint,
            "cluster of specks": _cluster,
            "flake": _flake,
            "residue ring": _residue_ring,
            "particle at the edge": _at_edge,
        },
        "chip": {"chip": _ordinary("chip", (3.0, 20.0)), "chip of any size": _any_chip, "gouge": _gouge},
    }
)
