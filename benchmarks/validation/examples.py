"""Pictures of what is measured: rendered faces with known marks, each bare and with the outlines that are reported."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from benchmarks.rendered import inspect_face
from benchmarks.validation.bench import SEED, Bench, default_config
from dscope_blink.files.decoding import Picture
from dscope_blink.records import Defect, Points
from dscope_blink.reporting.look import CLASS_TITLES
from dscope_blink.synthetic.faces import (
    Blemish,
    Chip,
    Contamination,
    Crack,
    FaceSpec,
    Pit,
    Scratch,
    Vector,
    render_face,
)

# Like the sharper of the two microscopes and an unlit core, cut close around the cladding.
FACE = FaceSpec(shape=(360, 360), centre_px=(179.5, 179.5), core=96.0, halo=12.0, dark_line=25.0, noise=1.2)
LIT = replace(FACE, core=170.0)
PLACE: Vector = (-28.0, -28.0)  # in the cladding, clear of core and edge


@dataclass(frozen=True, slots=True)
class Example:
    """Known marks on one face, and the part of it that is drawn."""

    title: str
    blemishes: tuple[Blemish, ...]
    half_um: float = 8.0  # of the part that is drawn
    at_um: Vector = PLACE
    spec: FaceSpec = FACE


@dataclass(frozen=True, slots=True)
class Shown:
    """What is drawn of an example."""

    title: str
    part: Picture  # (n, n) uint8
    outlines_px: tuple[Points, ...]
    reports: tuple[str, ...]


def _pair(diameter: float, gap: float) -> tuple[Blemish, ...]:
    apart = (diameter + gap) / 2
    return tuple(Pit((PLACE[0] + side * apart, PLACE[1]), diameter, -0.45) for side in (-1, 1))


def _row(count: int, diameter: float, gap: float) -> tuple[Blemish, ...]:
    steps = (np.arange(count) - (count - 1) / 2) * (diameter + gap)
    return tuple(Pit((PLACE[0] + step, PLACE[1] + step / 3), diameter, -0.45) for step in steps.tolist())


def _line(length: float, contrast: float, width: float = 1.0, at: Vector = PLACE, turn: float = -0.7) -> Scratch:
    dx, dy = length / 2 * math.cos(turn), length / 2 * math.sin(turn)
    return Scratch(((at[0] - dx, at[1] - dy), (at[0] + dx, at[1] + dy)), width, contrast)


def _dashes(count: int, length: float, gap: float) -> tuple[Blemish, ...]:
    turn = 0.5
    steps = (np.arange(count) - (count - 1) / 2) * (length + gap)
    places = ((PLACE[0] + step * math.cos(turn), PLACE[1] + step * math.sin(turn)) for step in steps.tolist())
    return tuple(_line(length, -0.3, 1.5, place, turn) for place in places)


JAGGED = tuple((PLACE[0] + x, PLACE[1] + y) for x, y in ((-9, -3), (-5, 1), (-2, -2), (1, 2.5), (4, -1), (9, 3)))
BLOT = ((0.0, 0.0, 9.0), (3.0, 2.0, 8.0))
STAIN = tuple((PLACE[0] + x, PLACE[1] + y, r) for x, y, r in ((0, 0, 3.5), (3, 1.5, 2.5), (-2, 2.5, 2.0)))

SHEETS: Mapping[str, tuple[Example, ...]] = MappingProxyType(
    {
        "example_lines": tuple(
            Example(f"{length:g} um, {contrast:.0%}", (_line(length, -contrast),), 0.62 * length / 1.3)
            for length in (40.0, 60.0)
            for contrast in (0.03, 0.05, 0.08)
        ),
        "example_neighbours": (
            *(Example(f"two of 3 um, gap {gap:g}", _pair(3.0, gap)) for gap in (1.0, 1.5, 2.0, 3.0)),
            Example("five of 2 um", _row(5, 2.0, 2.0), 12.0),
            Example("three dashes", _dashes(3, 7.0, 3.0), 16.0),
        ),
        "example_specks": tuple(
            Example(f"{size:g} um, {contrast:.0%}", (Pit(PLACE, size, -contrast),), 6.0)
            for size in (1.5, 2.0)
            for contrast in (0.1, 0.2, 0.4)
        ),
        "example_sizes": tuple(
            Example(f"{size:g} um, blur {blur:g} px", (Pit(PLACE, size, -0.45),), 9.0, spec=replace(FACE, blur_px=blur))
            for blur in (1.0, 2.0)
            for size in (2.5, 4.5, 9.0)
        ),
        "example_classes": (
            Example("scratch", (_line(18.0, -0.3, 1.5),), 11.0),
            Example("scratch with a dot", (_line(18.0, -0.3, 1.5), Pit((PLACE[0], PLACE[1] - 3), 2.0, -0.4)), 11.0),
            Example("crack", (Crack(JAGGED, 1.5, -0.5),), 11.0),
            Example("pit", (Pit(PLACE, 6.0, -0.5),)),
            Example("contamination", (Contamination(STAIN, -0.35),)),
            Example("chip", (Chip(225.0, 14.0, 4.0, -0.5),), 12.0, (-43.0, -43.0)),
        ),
        "example_middle": (
            Example("clean, with an index dip", (), 12.0, (0.0, 0.0), replace(LIT, core_dip=-20.0)),
            Example("clean, with speckle", (), 12.0, (0.0, 0.0), replace(LIT, core_speckle=3.0)),
            Example("pit of 3 um", (Pit((0.0, 0.0), 3.0, -0.3),), 12.0, (0.0, 0.0), LIT),
            Example("pit in the dip", (Pit((0.0, 0.0), 4.0, -0.4),), 12.0, (0.0, 0.0), replace(LIT, core_dip=-20.0)),
            Example("blot of 20 um", (Contamination(BLOT, -0.3),), 22.0, (0.0, 0.0), LIT),
            Example("scratch across", (_line(40.0, -0.1, 1.0, (0.0, 0.0)),), 22.0, (0.0, 0.0), LIT),
        ),
    }
)


def shown(bench: Bench) -> dict[str, list[Shown]]:
    """All sheets, inspected; the same in a quick run."""
    every = bench.run(show, [example for sheet in SHEETS.values() for example in sheet])
    return {name: [every.pop(0) for _ in sheet] for name, sheet in SHEETS.items()}


def show(example: Example) -> Shown:
    """Render an example and inspect it."""
    spec = example.spec
    face = render_face(spec, example.blemishes, np.random.default_rng(SEED))
    inspection = inspect_face(spec, face, default_config())
    middle = np.array(spec.centre_px) + np.array(example.at_um) / (spec.um_per_px_x, spec.um_per_px_y)
    half = round(example.half_um / spec.um_per_px)
    x0, y0 = (max(round(v) - half, 0) for v in middle)
    part = face.image[y0 : y0 + 2 * half, x0 : x0 + 2 * half]
    near = [d for d in inspection.defects if _is_inside(d, (x0, y0), part.shape)]
    outlines = tuple(d.contour_px - (x0, y0) for d in near)
    return Shown(example.title, part, outlines, tuple(map(_words, near)))


def _is_inside(defect: Defect, corner_px: tuple[int, int], shape: tuple[int, ...]) -> bool:
    x, y = np.array(defect.centroid_px) - corner_px
    return bool(0 <= x < shape[1] and 0 <= y < shape[0])


def _words(defect: Defect) -> str:
    """Class and size: length and width of lines, else the diameter."""
    title = CLASS_TITLES[defect.classification]
    if defect.classification in ("scratch", "crack"):
        return f"{title} {defect.length_um or 0:.1f} x {defect.width_um or 0:.1f} um"
    return f"{title} {defect.diameter_um or 0:.1f} um"


def captions(examples: Sequence[Shown]) -> list[str]:
    """Under each example what is reported there, at most three by name."""
    named = (
        "\n".join(e.reports[:3]) + (f"\nand {len(e.reports) - 3} more" if len(e.reports) > 3 else "") for e in examples
    )
    return [text or "nothing" for text in named]
