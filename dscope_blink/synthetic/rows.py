"""Rendered faces of connectors of many fibers: rows on a lattice, with the exact place and verdict of every lane."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np

from dscope_blink.records import ConnectorLayout
from dscope_blink.records.verdict import Status
from dscope_blink.synthetic.faces import (
    Blemish,
    Contamination,
    FaceSpec,
    Field,
    Painter,
    Picture,
    Pit,
    Scratch,
    Vector,
    render_face,
    shading,
)
from dscope_blink.synthetic.surroundings import disc, glass_filler, painted_over

LaneFault: TypeAlias = Literal["pit", "scratch", "dirt", "specks", "hole", "absent"]
RIM_UM, RIM = 1.5, 25.0  # as photographs of glass-filled ferrules show it; its level is a grey level
HOLE = 12.0  # grey level of an empty hole: nothing in it reflects
# What a fiber with it is by every edition; a fiber without any passes. Specks are of a size and number that is allowed.
VERDICTS: Mapping[LaneFault, Status] = {
    **{"pit": "FAIL", "scratch": "FAIL", "dirt": "FAIL", "specks": "PASS"},
    **{"hole": "NOT_GRADED", "absent": "NOT_GRADED"},
}
WHOLE_MARGIN_PX = 2.0  # a border of a fiber nearer to that of the picture is called cut


@dataclass(frozen=True, slots=True)
class RowSpec:
    """A connector in front of a camera."""

    layout: ConnectorLayout
    um_per_px: float = 0.8
    margin_um: float = 160.0  # from the outermost fiber centres to the border of the picture
    shift_um: Vector = (0.0, 0.0)  # of the connector in it
    turn_deg: float = 0.0
    shape: tuple[int, int] | None = None  # None: all of it is seen
    glass: bool = False  # a dark ferrule with grains as bright as the fibers, else a bright one
    faults: Mapping[int, LaneFault] = field(default_factory=dict)  # by lane
    residue_um: tuple[tuple[float, float, float], ...] = ()  # x, y from the middle of the connector, and radius
    jitter_um: float = 1.0  # standard deviation of the holes in the ferrule
    core_um: float = 9.0
    blur_px: float = 1.0
    noise: float = 1.0
    shading: float = 0.1  # of the light from side to side


@dataclass(frozen=True, slots=True)
class LaneTruth:
    """Where one fiber lies and what it is."""

    number: int
    center_px: Vector
    seen: Literal["whole", "cut", "no"]  # how much of it lies in the picture
    fault: LaneFault | None
    verdict: Status


@dataclass(frozen=True, slots=True)
class RenderedRow:
    """The picture, (H, W) uint8, and its truth."""

    image: Picture
    lanes: tuple[LaneTruth, ...]
    diameter_px: float
    um_per_px: float


def render_row(spec: RowSpec, rng: np.random.Generator) -> RenderedRow:
    """Render the face of a connector.

    Parameters
    ----------
    spec : the connector and the camera
    rng : source of noise, texture, and where the marks of a fault lie
    """
    offsets = lane_offsets_um(spec.layout, spec.turn_deg) + np.array(spec.shift_um)
    offsets = offsets + rng.normal(0, spec.jitter_um, offsets.shape)  # (lanes, 2)
    face = _camera(spec)
    centres = np.array(face.centre_px) + offsets / spec.um_per_px
    seen = [_seen(centre, face, spec) for centre in centres]
    marks: list[Blemish] = []
    for number, (offset, how) in enumerate(zip(offsets, seen, strict=True), 1):
        if how == "whole" and spec.faults.get(number) is not None:
            marks += _marks(spec.faults[number], (float(offset[0]), float(offset[1])), rng)
    image = render_face(face, tuple(marks), rng, _painter(spec, offsets)).image
    lanes = tuple(
        _truth(number, centre, how, spec.faults.get(number))
        for number, (centre, how) in enumerate(zip(centres, seen, strict=True), 1)
    )
    return RenderedRow(image, lanes, spec.layout.cladding_um / spec.um_per_px, spec.um_per_px)


def lane_offsets_um(layout: ConnectorLayout, turn_deg: float = 0.0) -> Field:
    """Where the lanes lie from the middle of the ferrule in the picture, (lanes, 2) in micrometres, x and y."""
    places = np.array(layout.lanes, float)  # (lanes, 2) row and place
    shift = np.array([layout.rows[int(row)].offset_um for row in places[:, 0]])
    along = (places[:, 1] - (layout.columns - 1) / 2) * layout.pitch_um + shift
    across = (places[:, 0] - (len(layout.rows) - 1) / 2) * layout.row_pitch_um
    if layout.mirrored:
        along = -along
    turn = math.radians({"up": 0, "right": 90, "down": 180, "left": 270}[layout.key_side] + turn_deg)
    x = along * math.cos(turn) - across * math.sin(turn)
    y = along * math.sin(turn) + across * math.cos(turn)
    return np.stack([x, y], axis=1)


def _camera(spec: RowSpec) -> FaceSpec:
    reach = np.abs(lane_offsets_um(spec.layout, spec.turn_deg)).max(axis=0) + spec.margin_um
    w, h = (int(2 * side / spec.um_per_px) for side in reach)
    h, w = spec.shape or (h, w)
    face = FaceSpec(
        shape=(h, w),
        centre_px=((w - 1) / 2, (h - 1) / 2),
        cladding_diameter_um=spec.layout.cladding_um,
        core_diameter_um=spec.core_um,
        um_per_px_x=spec.um_per_px,
        um_per_px_y=spec.um_per_px,
        blur_px=spec.blur_px,
        noise=spec.noise,
        ferrule=40.0 if spec.glass else 190.0,
        cladding=135.0 if spec.glass else 95.0,
        core=150.0 if spec.glass else 110.0,
    )
    return replace(face, illumination=replace(face.illumination, linear=(spec.shading, spec.shading / 2)))


def _seen(centre: Field, face: FaceSpec, spec: RowSpec) -> Literal["whole", "cut", "no"]:
    radius = spec.layout.cladding_um / 2 / spec.um_per_px
    h, w = face.shape
    room = min(centre[0], w - 1 - centre[0], centre[1], h - 1 - centre[1])
    return "whole" if room >= radius + WHOLE_MARGIN_PX else "cut" if room > -radius else "no"


def _truth(number: int, centre: Field, seen: Literal["whole", "cut", "no"], fault: LaneFault | None) -> LaneTruth:
    verdict: Status = "NOT_GRADED" if seen != "whole" else "PASS" if fault is None else VERDICTS[fault]
    return LaneTruth(number, (float(centre[0]), float(centre[1])), seen, fault, verdict)


def _painter(spec: RowSpec, offsets: Field) -> Painter:
    """The whole ferrule, its fibers, its empty holes and what lies on it."""

    def paint(face: FaceSpec, light: Field, grain: Field, rng: np.random.Generator) -> None:
        levels = glass_filler(face.ferrule, (110.0, 150.0), 0.5, (6.0, 45.0))(face, rng) if spec.glass else face.ferrule
        painted_over(light, grain, np.ones(face.shape, np.float32), levels, 2.0)
        for number, (x, y) in enumerate(offsets.tolist(), 1):
            _paint_fiber(face, light, grain, (x, y), spec.faults.get(number))
        for x, y, radius_um in spec.residue_um:
            light *= 1 - 0.6 * disc(face, radius_um, (x, y), 2.0)
        light *= shading(face)

    return paint


def _paint_fiber(face: FaceSpec, light: Field, grain: Field, centre_um: Vector, fault: LaneFault | None) -> None:
    if fault == "absent":
        return
    if face.ferrule < face.cladding:  # what holds the fiber shows as a dark line where grains of glass do not
        painted_over(light, grain, disc(face, face.cladding_diameter_um / 2 + RIM_UM, centre_um), RIM)
    cover = disc(face, face.cladding_diameter_um / 2, centre_um)
    painted_over(light, grain, cover, HOLE if fault == "hole" else face.cladding)
    if fault != "hole":
        painted_over(light, grain, disc(face, face.core_diameter_um / 2, centre_um), face.core)


def _marks(fault: LaneFault, centre: Vector, rng: np.random.Generator) -> list[Blemish]:
    """The marks of a fault, in micrometres from the middle of the connector."""
    x, y = centre
    turn = float(rng.uniform(0, 2 * math.pi))
    c, s = math.cos(turn), math.sin(turn)
    if fault == "pit":
        return [Pit((x + 2 * c, y + 2 * s), 8.0, -0.6)]
    if fault == "scratch":
        px, py = x - 2 * s, y + 2 * c  # beside the centre: one through it would be cut into equal halves by the core
        return [Scratch(((px - 20 * c, py - 20 * s), (px + 40 * c, py + 40 * s)), 4.0, -0.5)]
    if fault == "dirt":
        return [Contamination(((x + 32 * c, y + 32 * s, 9.0), (x + 40 * c, y + 34 * s, 6.0)), -0.5)]
    if fault == "specks":
        return [Pit((x + 36 * c, y + 36 * s), 3.5, -0.5), Pit((x - 30 * s, y + 30 * c), 3.5, -0.5)]
    return []
