"""Rendered end faces with exactly known sub-pixel truth: the samples of `demo` and the truth of the tests.

A scene is a `FaceSpec` and a tuple of blemishes, all in micrometres relative to the fiber centre, x right and y down.
Edges are drawn from their exact signed distance, blurred by `EDGE_BLUR_PX`, and the rest of the optical blur is added
by convolution: no supersampling, hence no half-pixel shift. Grey levels are those of an 8-bit picture, 0..255; a
16-bit picture is the same times 257. All randomness comes in as `rng`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from records import CLASSIFICATIONS, Ellipse, Mask, Points, Status

Picture: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
Field: TypeAlias = NDArray[np.floating[Any]]  # (h, w): a value for each pixel of the picture or of a part of it
Vector: TypeAlias = tuple[float, float]  # x, y
Box: TypeAlias = tuple[slice, slice]  # rows, columns

EDGE_BLUR_PX = 0.5  # narrower edges alias on the pixel grid
WHITE = 255.0
FRAME_BLACK = 18.0  # measured on video frames
SHARPENING_PX = 2.0  # width of the overshoot measured at the edges of sharpened frames
CHIP_LIP_UM = 0.7  # a dark chip breaks the border itself: it starts just outside of it
CRACK_STEP_UM = (2.0, 8.0)  # length of the straight pieces of a crack
LENGTH_PER_SIZE = (3.0, 8.0)  # scratches and cracks are this much longer than a compact blemish of the same size
GAP_UM = 5.0  # free space between random blemishes

_NORMAL_X = np.linspace(-5.0, 5.0, 1281)
_NORMAL_CDF = np.array([0.5 * (1 + math.erf(x / math.sqrt(2))) for x in _NORMAL_X])


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


# --- what is rendered: the face


@dataclass(frozen=True, slots=True)
class Ring:
    """A ring of the index profile, concentric with the core: a bump on its radius and a step inside of it."""

    radius_um: float
    width_um: float
    amplitude: float  # of the bump, grey levels
    step: float = 0.0  # added inside the radius, grey levels


@dataclass(frozen=True, slots=True)
class Illumination:
    """Uneven light; shading is relative to the brightness and counted from the middle of the picture to its border."""

    linear: Vector = (0.0, 0.0)
    quadratic: float = 0.0
    vignette: float = 0.0  # darkening of the extreme corner
    flank: float = 0.0  # grey levels added at the cladding edge towards the light and taken away opposite
    flank_deg: float = 0.0  # direction of that light, clockwise from x
    flank_um: float = 2.0  # half width of the flank


@dataclass(frozen=True, slots=True)
class FaceSpec:
    """One clean end face and the camera that looks at it."""

    shape: tuple[int, int] = (864, 1152)
    centre_px: Vector = (575.5, 431.5)
    cladding_diameter_um: float = 125.0  # the short axis when the face is angled
    core_diameter_um: float = 50.0
    um_per_px_x: float = 0.435
    um_per_px_y: float = 0.435
    core_offset_um: Vector = (0.0, 0.0)
    axis_ratio: float = 1.0  # long over short axis of an angled face
    axis_angle_deg: float = 0.0  # of the long axis in micrometres, clockwise from x
    ferrule: float = 194.0
    cladding: float = 88.0
    core: float = 165.0  # brighter than the cladding when lit, equal or darker when not
    core_slope: float = 0.0  # grey levels gained from the middle of the core to its edge
    core_dip: float = 0.0  # central dip, grey levels, negative is darker
    core_dip_um: float = 2.0
    rings: tuple[Ring, ...] = ()
    halo: float = 0.0  # height of the line just outside the cladding, bright where the ferrule is, grey levels
    halo_um: float = 1.0
    dark_line: float = 0.0  # depth of the dark line just inside the cladding, grey levels
    dark_line_um: float = 0.8
    illumination: Illumination = Illumination()
    blur_px: float = 1.0  # sigma of the whole optical blur
    sharpening: float = 0.0  # share of the local contrast that the camera adds again, with overshoot at edges
    noise: float = 1.0
    ferrule_texture: float = 0.0
    core_speckle: float = 0.0
    texture_px: float = 1.5  # correlation length of texture and speckle
    frame_px: tuple[int, int, int, int] = (0, 0, 0, 0)  # black lines: left, top, right, bottom
    bits: int = 8

    def __post_init__(self) -> None:
        core, cladding = self.core_diameter_um, self.cladding_diameter_um
        sizes = (core, self.um_per_px_x, self.um_per_px_y, *self.shape)
        _require(min(sizes) > 0, f"shape, diameters and um_per_px must be positive, got {sizes}")
        _require(core < cladding, f"core_diameter_um must be less than the cladding's, got {core} and {cladding}")
        _require(self.axis_ratio >= 1, f"axis_ratio must be at least 1, got {self.axis_ratio}")
        _require(self.blur_px >= EDGE_BLUR_PX, f"blur_px must be at least {EDGE_BLUR_PX}, got {self.blur_px}")
        _require(self.bits in (8, 16), f"bits must be 8 or 16, got {self.bits}")

    @property
    def um_per_px(self) -> float:
        """Side of a square pixel of the same area."""
        return math.sqrt(self.um_per_px_x * self.um_per_px_y)

    @property
    def cladding_ellipse(self) -> Ellipse:
        """The exact border of the cladding in pixels."""
        return _ellipse_px(self, self.cladding_diameter_um, (0.0, 0.0))

    @property
    def core_ellipse(self) -> Ellipse:
        """The exact border of the core in pixels."""
        return _ellipse_px(self, self.core_diameter_um, self.core_offset_um)


def _ellipse_px(spec: FaceSpec, diameter_um: float, offset_um: Vector) -> Ellipse:
    angle = math.radians(spec.axis_angle_deg)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    to_px = np.diag([1 / spec.um_per_px_x, 1 / spec.um_per_px_y]) @ turn @ np.diag([spec.axis_ratio, 1.0])
    directions, stretch, _ = np.linalg.svd(to_px)
    centre = np.array(spec.centre_px) + np.array(offset_um) / (spec.um_per_px_x, spec.um_per_px_y)
    first = math.degrees(math.atan2(directions[1, 0], directions[0, 0])) % 180
    axes = (float(stretch[0] * diameter_um), float(stretch[1] * diameter_um))
    return Ellipse((float(centre[0]), float(centre[1])), axes, first)


# --- what is rendered: the blemishes
# Each kind gives `outline` (N, 2), points of its border or centreline in micrometres; `draw`, depth inside the mark in
# micrometres and relative change of brightness for each pixel; `sizes_um`, its length and width; and `reach_um`, how
# far it shows beyond the outline.


@dataclass(frozen=True, slots=True)
class _Line:
    """A line through points; with `pair_contrast` one half of its width differs from the other."""

    points_um: tuple[Vector, ...]
    width_um: float
    contrast: float  # relative to the local brightness, signed; -1 is black
    pair_contrast: float | None = None
    strength: tuple[float, ...] = (1.0,)  # factor on the contrast at even steps along the line

    @property
    def reach_um(self) -> float:
        return self.width_um / 2

    def outline(self, _: FaceSpec) -> Points:
        return _resampled(np.array(self.points_um, np.float64))

    def sizes_um(self, outline: Points) -> Vector:
        return float(np.hypot(*np.diff(outline, axis=0).T).sum()) + self.width_um, self.width_um

    def draw(self, outline: Points, x: Field, y: Field, px: float) -> tuple[Field, Field]:
        off, along = _line_coordinates(outline, x, y, self.width_um + 4 * px)
        half = self.width_um / 2
        middle = _coverage(off / px)
        first, second = _coverage((off + half) / px) - middle, middle - _coverage((off - half) / px)
        pair = self.contrast if self.pair_contrast is None else self.pair_contrast
        strength = np.interp(along, np.linspace(0, 1, len(self.strength)), self.strength)
        return max(half, px / 2) - np.abs(off), strength * (self.contrast * first + pair * second)


class Scratch(_Line):
    """A straight or smoothly curved line."""

    __slots__ = ()
    kind: ClassVar = "scratch"


class Crack(_Line):
    """A jagged line."""

    __slots__ = ()
    kind: ClassVar = "crack"


@dataclass(frozen=True, slots=True)
class Pit:
    """A compact mark with a sharp edge; `outline_shape` is its radius at even steps of angle over the half diameter."""

    kind: ClassVar = "pit_dig"
    centre_um: Vector
    diameter_um: float
    contrast: float
    outline_shape: tuple[float, ...] = (1.0,)
    ring_contrast: float = 0.0  # of a thin ring around it, no part of the mark
    ring_um: float = 0.8

    @property
    def reach_um(self) -> float:
        return self.ring_um

    def outline(self, _: FaceSpec) -> Points:
        share = np.linspace(0, 1, 72, endpoint=False)
        nodes = np.arange(len(self.outline_shape)) / len(self.outline_shape)
        radius = np.interp(share, nodes, self.outline_shape, period=1.0) * self.diameter_um / 2
        return np.array(self.centre_um) + radius[:, None] * _unit(2 * np.pi * share)

    def sizes_um(self, outline: Points) -> Vector:
        return _box_um(outline)

    def draw(self, outline: Points, x: Field, y: Field, px: float) -> tuple[Field, Field]:
        depth = _polygon_depth(outline, x, y)
        inside = _coverage(depth / px)
        ring = _coverage((depth + self.ring_um) / px) - inside
        return depth, self.contrast * inside + self.ring_contrast * ring


@dataclass(frozen=True, slots=True)
class Contamination:
    """Overlapping or separate droplets (x, y, radius) with a soft edge and, if asked, interference fringes."""

    kind: ClassVar = "contamination"
    discs_um: tuple[tuple[float, float, float], ...]
    contrast: float
    softness_um: float = 1.0
    fringe_contrast: float = 0.0
    fringe_um: float = 2.0  # period of the fringes, counted inwards from the edge

    @property
    def reach_um(self) -> float:
        return 3 * self.softness_um

    def outline(self, _: FaceSpec) -> Points:
        circle = _unit(np.linspace(0, 2 * np.pi, 48, endpoint=False))
        return np.concatenate([np.array(disc[:2]) + disc[2] * circle for disc in self.discs_um])

    def sizes_um(self, outline: Points) -> Vector:
        return _box_um(outline)

    def draw(self, _: Points, x: Field, y: Field, px: float) -> tuple[Field, Field]:
        depth = np.maximum.reduce([radius - np.hypot(x - cx, y - cy) for cx, cy, radius in self.discs_um])
        inside = _coverage(depth / px, math.hypot(self.softness_um / px, EDGE_BLUR_PX))
        fringes = self.fringe_contrast * np.cos(2 * np.pi * depth / self.fringe_um)
        return depth, inside * (self.contrast + fringes)


@dataclass(frozen=True, slots=True)
class Chip:
    """A bite out of the cladding edge; `outline_shape` is its depth at even steps of the arc over `depth_um`."""

    kind: ClassVar = "chip"
    reach_um: ClassVar = 0.0
    angle_deg: float  # of its middle, clockwise from x
    arc_um: float
    depth_um: float
    contrast: float
    outline_shape: tuple[float, ...] = (0.6, 0.9, 1.0, 0.9, 0.6)

    def outline(self, spec: FaceSpec) -> Points:
        edge = spec.cladding_diameter_um / 2
        share = np.linspace(0, 1, 41)
        turn = math.radians(self.angle_deg) + (share - 0.5) * self.arc_um / edge
        nodes = np.linspace(0, 1, len(self.outline_shape) + 2)
        depth = self.depth_um * np.interp(share, nodes, (0.0, *self.outline_shape, 0.0))
        outer = np.full(share.size, edge + (CHIP_LIP_UM if self.contrast < 0 else 0.0))
        return np.concatenate([_on_face(spec, outer, turn), _on_face(spec, edge - depth, turn)[-2:0:-1]])

    def sizes_um(self, _: Points) -> Vector:
        return self.arc_um, self.depth_um * max(self.outline_shape)

    def draw(self, outline: Points, x: Field, y: Field, px: float) -> tuple[Field, Field]:
        depth = _polygon_depth(outline, x, y)
        return depth, self.contrast * _coverage(depth / px)


Blemish: TypeAlias = Scratch | Crack | Pit | Contamination | Chip


def _unit(turn: Points) -> Points:
    return np.stack([np.cos(turn), np.sin(turn)], axis=-1)


def _on_face(spec: FaceSpec, radius_um: Points | float, turn: Points) -> Points:
    """Points of given radius in the plane of the face, in the direction seen, as micrometres of the picture."""
    angle = math.radians(spec.axis_angle_deg)
    stretch = np.hypot(np.cos(turn - angle) / spec.axis_ratio, np.sin(turn - angle))
    return _unit(turn) * (radius_um / stretch)[..., None]


def _box_um(outline: Points) -> Vector:
    """Long and short side of the minimum-area rectangle."""
    sides = cv2.minAreaRect(outline.astype(np.float32))[1]
    return max(sides), min(sides)


def _resampled(points: Points, step_um: float = 2.0) -> Points:
    """The same line in pieces of at most `step_um`, every given point kept."""
    pieces = [points[:1]]
    for start, stop in pairwise(points):
        share = np.linspace(0, 1, max(1, math.ceil(math.dist(start, stop) / step_um)) + 1)[1:, None]
        pieces.append(start + share * (stop - start))
    return np.concatenate(pieces)


def _line_coordinates(points: Points, x: Field, y: Field, reach_um: float) -> tuple[Field, Field]:
    """Signed distance to a line (huge beyond `reach_um`) and the share of its length passed, (h, w) each."""
    off = np.full((y.size, x.size), 1e6)
    along = np.zeros_like(off)
    run = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    for k, (start, stop) in enumerate(pairwise(points)):
        low, high = np.minimum(start, stop) - reach_um, np.maximum(start, stop) + reach_um
        near = slice(*np.searchsorted(y[:, 0], (low[1], high[1]))), slice(*np.searchsorted(x[0], (low[0], high[0])))
        distance, side, share = _to_segment(start, stop, x[:, near[1]], y[near[0]])
        closer = distance < np.abs(off[near])
        off[near] = np.where(closer, np.copysign(distance, side), off[near])
        along[near] = np.where(closer, (run[k] + share * (run[k + 1] - run[k])) / run[-1], along[near])
    return off, along


def _to_segment(start: Points, stop: Points, x: Field, y: Field) -> tuple[Field, Field, Field]:
    """Distance to a segment, side of it (sign) and nearest place on it from 0 to 1."""
    dx, dy = stop - start
    rx, ry = x - start[0], y - start[1]
    share = np.clip((rx * dx + ry * dy) / (dx * dx + dy * dy), 0, 1)
    return np.hypot(rx - share * dx, ry - share * dy), rx * dy - ry * dx, share


def _polygon_depth(polygon: Points, x: Field, y: Field) -> Field:
    """Signed distance to the border of a polygon, positive inside."""
    distance = np.full((y.size, x.size), np.inf)
    inside = np.zeros(distance.shape, bool)
    for start, stop in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        distance = np.minimum(distance, _to_segment(start, stop, x, y)[0])
        rise = stop[1] - start[1] or 1.0  # a level edge spans no row
        spans = (start[1] > y) != (stop[1] > y)
        inside ^= spans & (x < start[0] + (y - start[1]) * (stop[0] - start[0]) / rise)
    return np.where(inside, distance, -distance)


# --- rendering


@dataclass(frozen=True, slots=True)
class BlemishTruth:
    """What an exact measurement of one blemish would give."""

    kind: str  # one of records.CLASSIFICATIONS
    mask: Mask  # (H, W) bool, the pixels at least half covered before blur; never thinner than a pixel
    length_um: float  # along the line or the arc, else long side of the minimum-area rectangle
    width_um: float
    diameter_um: float  # smallest enclosing circle
    centroid_px: Vector
    snr: float  # peak contrast after blur over the noise with texture at that place, both in grey levels


@dataclass(frozen=True, slots=True)
class FaceTruth:
    """Exact geometry in pixels, and the blemishes in the order they were given."""

    cladding: Ellipse
    core: Ellipse
    um_per_px_x: float
    um_per_px_y: float
    blemishes: tuple[BlemishTruth, ...]


@dataclass(frozen=True, slots=True)
class RenderedFace:
    """A picture, (H, W) uint8 or uint16, and its truth."""

    image: Picture
    truth: FaceTruth


def render_face(spec: FaceSpec, blemishes: tuple[Blemish, ...], rng: np.random.Generator) -> RenderedFace:
    """Render an end face.

    Parameters
    ----------
    spec : FaceSpec
        The clean face and the camera.
    blemishes : tuple of Blemish
        Painted in this order, each relative to the brightness below it.
    rng : numpy.random.Generator
        Source of noise and texture only: the geometry does not depend on it.

    Returns
    -------
    RenderedFace
        Picture of `spec.shape`, uint8 or uint16, and the exact truth.

    Raises
    ------
    ValueError
        If a blemish lies outside of the picture.
    """
    light, grain = _clean_scene(spec)
    light *= _shading(spec)
    truths = tuple(_paint(spec, light, grain, blemish) for blemish in blemishes)
    truth = FaceTruth(spec.cladding_ellipse, spec.core_ellipse, spec.um_per_px_x, spec.um_per_px_y, truths)
    return RenderedFace(_expose(spec, light, grain, rng), truth)


@dataclass(frozen=True, slots=True)
class _Radii:
    """For each pixel the distance from a centre in the plane of the face, and how fast it grows per pixel outwards."""

    r_um: Field
    um_per_px: Field

    def disc(self, radius_um: float) -> Field:
        """Share of each pixel inside a circle of the face, blurred by EDGE_BLUR_PX."""
        # Blurring a disc in two dimensions moves its edge inwards by sigma^2 / 2R; blurring a step does not.
        inward_px = EDGE_BLUR_PX**2 / (2 * radius_um) * self.um_per_px
        return _coverage((radius_um - self.r_um) / self.um_per_px - inward_px)

    def bump(self, radius_um: float, sigma_um: float) -> Field:
        """A bell of height 1 on a radius."""
        return np.asarray(np.exp(-0.5 * ((self.r_um - radius_um) / sigma_um) ** 2))


def _coverage(inside_px: Field, sigma_px: float = EDGE_BLUR_PX) -> Field:
    """Share of each pixel inside a straight blurred edge, from the signed distance to it, positive inside."""
    return np.asarray(np.interp(inside_px / sigma_px, _NORMAL_X, _NORMAL_CDF))


def _radii(spec: FaceSpec, x: Field, y: Field) -> _Radii:
    angle = math.radians(spec.axis_angle_deg)
    c, s, q = math.cos(angle), math.sin(angle), spec.axis_ratio
    u, v = (c * x + s * y) / q, c * y - s * x  # (h, w), along the long axis and across it, the stretch undone
    r = np.maximum(np.hypot(u, v), 1e-6)
    slope = np.hypot((u * c / q - v * s) * spec.um_per_px_x, (u * s / q + v * c) * spec.um_per_px_y) / r
    return _Radii(r, np.maximum(slope, 1e-6))


def _grid_um(spec: FaceSpec, box: Box) -> tuple[Field, Field]:
    """Micrometres from the fiber centre: a row of x, (1, w), and a column of y, (h, 1)."""
    rows, columns = box
    x = (np.arange(columns.start, columns.stop) - spec.centre_px[0]) * spec.um_per_px_x
    y = (np.arange(rows.start, rows.stop) - spec.centre_px[1]) * spec.um_per_px_y
    return x[None, :], y[:, None]


def _to_px(spec: FaceSpec, points_um: Points) -> Points:
    return np.asarray(points_um / (spec.um_per_px_x, spec.um_per_px_y) + np.array(spec.centre_px))


def _inside(spec: FaceSpec, points_um: Points) -> Mask:
    px = _to_px(spec, points_um)
    return np.asarray(((px >= 0) & (px <= np.array(spec.shape[::-1]) - 1)).all(axis=1))


def _box_around(spec: FaceSpec, points_um: Points, margin_px: float) -> Box:
    """The part of the picture within `margin_px` of the points; empty when they lie outside."""
    px = _to_px(spec, points_um)
    low, high = np.floor(px.min(axis=0) - margin_px), np.ceil(px.max(axis=0) + margin_px) + 1
    (left, top), (right, bottom) = np.clip([low, high], 0, spec.shape[::-1]).astype(int).tolist()
    return slice(top, bottom), slice(left, right)


def _clean_scene(spec: FaceSpec) -> tuple[Field, Field]:
    """Brightness before shading, and amplitude of the texture, both in grey levels, (H, W)."""
    light = np.full(spec.shape, spec.ferrule, np.float32)
    grain = np.full(spec.shape, spec.ferrule_texture, np.float32)
    reach = 0.6 * spec.cladding_diameter_um * spec.axis_ratio + 4 * max(spec.halo_um, spec.illumination.flank_um)
    box = _box_around(spec, np.array([[-reach, -reach], [reach, reach]]), 0)
    x, y = _grid_um(spec, box)
    face, core = _radii(spec, x, y), _radii(spec, x - spec.core_offset_um[0], y - spec.core_offset_um[1])
    inside, in_core = face.disc(spec.cladding_diameter_um / 2), core.disc(spec.core_diameter_um / 2)
    light[box] += (spec.cladding - spec.ferrule) * inside + _edge_light(spec, face, x, y)
    light[box] += _core_light(spec, core) * in_core + _ring_light(spec, core) * inside
    grain[box] += spec.core_speckle * in_core - spec.ferrule_texture * inside
    return light, grain


def _edge_light(spec: FaceSpec, face: _Radii, x: Field, y: Field) -> Field:
    """The bright halo outside the cladding, the dark line inside, and the flank towards the light.

    Halo and line are an overshoot of the edge: on a ferrule darker than the cladding they change places.
    """
    edge, light = spec.cladding_diameter_um / 2, spec.illumination
    sign = 1 if spec.ferrule >= spec.cladding else -1
    halo = spec.halo * face.bump(edge + spec.halo_um, spec.halo_um / 2)
    dark = spec.dark_line * face.bump(edge - spec.dark_line_um, spec.dark_line_um / 2)
    angle = math.radians(light.flank_deg)
    towards = (x * math.cos(angle) + y * math.sin(angle)) / face.r_um
    return sign * (halo - dark) + light.flank * towards * face.bump(edge, light.flank_um)


def _core_light(spec: FaceSpec, core: _Radii) -> Field:
    """Brightness of the core over that of the cladding."""
    slope: Field = spec.core_slope * np.minimum(core.r_um / (spec.core_diameter_um / 2), 1) ** 2
    return spec.core - spec.cladding + slope + spec.core_dip * core.bump(0, spec.core_dip_um)


def _ring_light(spec: FaceSpec, core: _Radii) -> Field:
    total: Field = np.zeros_like(core.r_um)
    for ring in spec.rings:
        total += ring.amplitude * core.bump(ring.radius_um, ring.width_um / 2) + ring.step * core.disc(ring.radius_um)
    return total


def _shading(spec: FaceSpec) -> Field:
    """Factor on the brightness, 1 in the middle of the picture, (H, W)."""
    light = spec.illumination
    y = np.linspace(-1, 1, spec.shape[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, spec.shape[1], dtype=np.float32)[None, :]
    square = (x**2 + y**2) / 2
    factor = 1 + light.linear[0] * x + light.linear[1] * y + light.quadratic * square - light.vignette * square**3
    return np.asarray(np.maximum(factor, 0.05), np.float32)


def _paint(spec: FaceSpec, light: Field, grain: Field, blemish: Blemish) -> BlemishTruth:
    """Paint one blemish into `light`, in place, and say what it measures."""
    outline = blemish.outline(spec)
    # Four sigma of blur, the width of the edge and of the sharpening lie inside of the box, so `_snr` sees all of it.
    margin_px = 4 * spec.blur_px + 8 + blemish.reach_um / min(spec.um_per_px_x, spec.um_per_px_y)
    box = _box_around(spec, outline, margin_px)
    x, y = _grid_um(spec, box)
    _require(bool(_inside(spec, outline).any()), f"a blemish must lie inside the picture, got {blemish}")
    depth_um, change = blemish.draw(outline, x, y, spec.um_per_px)
    mask = np.zeros(spec.shape, bool)
    mask[box] = depth_um >= min(0.0, float(depth_um.max()))
    before = light[box].copy()
    light[box] *= np.maximum(1 + change, 0)
    length_um, width_um = blemish.sizes_um(outline)
    line_um = blemish.width_um if isinstance(blemish, _Line) else 0.0  # its outline is the centreline
    diameter_um = 2 * cv2.minEnclosingCircle(outline.astype(np.float32))[1] + line_um
    rows, columns = np.nonzero(mask)
    centroid_px = (float(columns.mean()), float(rows.mean()))
    snr = _snr(spec, before, light[box], grain[box])
    return BlemishTruth(blemish.kind, mask, length_um, width_um, diameter_um, centroid_px, snr)


def _snr(spec: FaceSpec, before: Field, after: Field, grain: Field) -> float:
    """Peak of the change that the camera sees over the noise at that place."""
    seen = np.abs(np.minimum(_seen(spec, after), WHITE) - np.minimum(_seen(spec, before), WHITE))
    peak = np.unravel_index(seen.argmax(), seen.shape)
    rounding = WHITE / (2**spec.bits - 1) / math.sqrt(12)
    return float(seen[peak]) / math.hypot(spec.noise, float(grain[peak]), rounding)


# --- the camera


def _expose(spec: FaceSpec, light: Field, grain: Field, rng: np.random.Generator) -> Picture:
    image = _seen(spec, light)
    if grain.any():
        image += grain * _texture(spec.shape, spec.texture_px, rng)
    image[_frame(spec)] = FRAME_BLACK
    image += np.float32(spec.noise) * rng.standard_normal(spec.shape, dtype=np.float32)
    white = 2**spec.bits - 1
    levels = np.clip(np.rint(image * np.float32(white / WHITE)), 0, white)
    return np.asarray(levels, np.uint8) if spec.bits == 8 else np.asarray(levels, np.uint16)


def _seen(spec: FaceSpec, light: Field) -> Field:
    """The light after the optics and the sharpening of the camera."""
    image = _blurred(light, math.sqrt(spec.blur_px**2 - EDGE_BLUR_PX**2))
    if spec.sharpening:
        image += np.float32(spec.sharpening) * (image - _blurred(image, SHARPENING_PX))
    return image


def _blurred(image: Field, sigma_px: float) -> Field:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), np.float32) if sigma_px > 0 else image.copy()


def _frame(spec: FaceSpec) -> Mask:
    left, top, right, bottom = spec.frame_px
    frame = np.ones(spec.shape, bool)
    frame[top : spec.shape[0] - bottom, left : spec.shape[1] - right] = False
    return frame


def _texture(shape: tuple[int, int], correlation_px: float, rng: np.random.Generator) -> Field:
    """Correlated noise of unit variance."""
    rough = _blurred(rng.standard_normal(shape, dtype=np.float32), correlation_px)
    # Blurring white noise of unit variance leaves 1 / (4 pi sigma^2).
    return rough * np.float32(2 * math.sqrt(math.pi) * correlation_px)


# --- random scenes

FIBERS_UM = ((50.0, 125.0), (9.0, 125.0), (62.5, 125.0), (91.0, 139.0), (400.0, 440.0))  # core and cladding
# Ranges of the grey levels of ferrule, cladding and core (None: as the cladding) as seen in real frames, and how often.
LIGHTS: tuple[tuple[float, Vector, Vector, Vector | None], ...] = (
    (0.35, (140, 200), (65, 95), (120, 175)),  # lit from behind
    (0.20, (150, 185), (95, 125), (195, 225)),  # strongly lit, video camera
    (0.20, (150, 205), (75, 105), None),  # unlit
    (0.15, (150, 205), (85, 115), (55, 72)),  # unlit, core darker
    (0.10, (25, 45), (60, 85), (95, 125)),  # ferrule darker than the fiber
)


def random_face(rng: np.random.Generator, **overrides: Any) -> FaceSpec:
    """A clean end face of realistic variety.

    Parameters
    ----------
    rng : numpy.random.Generator
    **overrides
        Any field of FaceSpec, taken as given instead of drawn.

    Returns
    -------
    FaceSpec
    """
    shape = overrides.get("shape", ((864, 1152), (576, 720), (600, 800))[rng.integers(3)])
    core, cladding = FIBERS_UM[rng.integers(len(FIBERS_UM))]
    cladding_um = overrides.get("cladding_diameter_um", cladding)
    um_per_px = cladding_um / (min(shape) * rng.uniform(0.25, 0.5))
    aspect = 1.09 if rng.random() < 0.25 else 1.0
    centre = (np.array(shape[::-1]) - 1) / 2 + rng.uniform(-0.15, 0.15, 2) * min(shape)
    fields: dict[str, Any] = {
        "shape": shape,
        "centre_px": tuple(centre.tolist()),
        "cladding_diameter_um": cladding_um,
        "core_diameter_um": cladding_um * core / cladding,
        "um_per_px_x": um_per_px * math.sqrt(aspect),
        "um_per_px_y": um_per_px / math.sqrt(aspect),
        "core_offset_um": tuple(rng.normal(0, 0.3, 2).tolist()),
        "axis_ratio": rng.uniform(1.0, 1.03) if rng.random() < 0.5 else 1.0,
        "axis_angle_deg": rng.uniform(0, 180),
        "illumination": _random_illumination(rng),
        **_random_light(rng),
        **_random_camera(rng),
        **overrides,
    }
    return FaceSpec(**{"rings": _random_rings(rng, fields), **fields})


def _random_illumination(rng: np.random.Generator) -> Illumination:
    """A third of the pictures strongly shaded, the others nearly even."""
    strong = rng.random() < 0.33
    tilt = rng.uniform(-1, 1, 2) * (0.15 if strong else 0.03)
    return Illumination(
        linear=(float(tilt[0]), float(tilt[1])),
        quadratic=rng.uniform(-0.25 if strong else -0.05, 0.0),
        vignette=rng.uniform(0, 0.2),
        flank=rng.uniform(5, 18) if strong else 0.0,
        flank_deg=rng.uniform(0, 360),
    )


def _random_light(rng: np.random.Generator) -> dict[str, float]:
    _, ferrule, cladding, core = LIGHTS[rng.choice(len(LIGHTS), p=[light[0] for light in LIGHTS])]
    level = rng.uniform(*cladding)
    bright = rng.uniform(*core) if core else level + rng.uniform(-3, 3)
    around = rng.uniform(*ferrule)
    return {
        "ferrule": around,
        "cladding": level,
        "core": bright,
        "core_slope": (bright - level) * rng.uniform(-0.2, 0.2),
        "core_dip": -abs(bright - level) * rng.uniform(0, 0.15),
        "halo": abs(around - level) * rng.uniform(0, 0.25),
        "dark_line": abs(around - level) * rng.uniform(0, 0.2),
    }


def _random_camera(rng: np.random.Generator) -> dict[str, float]:
    return {
        "blur_px": rng.uniform(0.7, 1.6),
        "sharpening": rng.uniform(0.2, 0.8) if rng.random() < 0.4 else 0.0,
        "noise": rng.uniform(0.5, 2.0),
        "texture_px": rng.uniform(1.0, 2.5),
        "ferrule_texture": rng.uniform(0.3, 1.6),
        "core_speckle": rng.uniform(0.0, 1.0),
    }


def _random_rings(rng: np.random.Generator, fields: dict[str, Any]) -> tuple[Ring, ...]:
    """Rings of the core profile and, in half of the faces, the faint edge of a doped region or a buffer layer."""
    core, cladding = fields["core_diameter_um"] / 2, fields["cladding_diameter_um"] / 2
    rings = [Ring(core * rng.uniform(0.3, 0.9), core * 0.1, rng.uniform(-5, 5)) for _ in range(rng.integers(4))]
    if rng.random() < 0.5:
        radius = core + (cladding - core) * rng.uniform(0.3, 0.8)
        rings.append(Ring(radius, rng.uniform(1, 3), rng.uniform(-3, 4), rng.uniform(-7, 3)))
    return tuple(rings)


def random_blemishes(
    rng: np.random.Generator,
    spec: FaceSpec,
    n: int,
    *,
    kinds: tuple[str, ...] = CLASSIFICATIONS,
    size_um: Vector = (4.0, 15.0),
    contrast: Vector = (0.2, 0.6),
    radius_um: Vector | None = None,
) -> tuple[Blemish, ...]:
    """Blemishes of varied shape that keep clear of each other.

    Parameters
    ----------
    rng : numpy.random.Generator
    spec : FaceSpec
        The face they lie on.
    n : int
        How many; fewer come back when no free place is found.
    kinds : tuple of str
        Drawn evenly from these names of records.CLASSIFICATIONS.
    size_um : (smallest, largest)
        Diameter of pits and contamination, arc of chips; scratches and cracks are LENGTH_PER_SIZE times as long.
    contrast : (weakest, strongest)
        Magnitude relative to the local brightness; each kind draws its sign.
    radius_um : (inner, outer), optional
        The whole blemish lies between these distances from the fiber centre; by default inside the cladding, 3 um
        from its edge. Chips stay at the edge, and cracks start there.

    Returns
    -------
    tuple of Blemish

    Raises
    ------
    ValueError
        If a kind is unknown.
    """
    unknown = set(kinds) - set(_GROWN)
    _require(not unknown, f"kinds must be among {CLASSIFICATIONS}, got {sorted(unknown)}")
    band = radius_um or (0.0, spec.cladding_diameter_um / 2 - 3)
    placed: list[Blemish] = []
    taken = np.empty((0, 2))
    for _ in range(60 * n):
        if len(placed) == n:
            break
        kind = kinds[int(rng.integers(len(kinds)))]
        blemish = _GROWN[kind](rng, spec, _random_wish(rng, band, size_um, contrast))
        outline = blemish.outline(spec)
        if _fits(spec, outline, None if kind in ("chip", "crack") else band) and _clear(outline, taken):
            placed.append(blemish)
            taken = np.concatenate([taken, outline])
    return tuple(placed)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a random blemish is asked to be like."""

    turn: float  # direction of its centre from the fiber centre, radians
    centre_um: Points
    size_um: float
    contrast: float


def _random_wish(rng: np.random.Generator, band_um: Vector, size_um: Vector, contrast: Vector) -> _Wish:
    turn = rng.uniform(0, 2 * np.pi)
    away = math.sqrt(rng.uniform(band_um[0] ** 2, band_um[1] ** 2))  # even over the area
    return _Wish(turn, away * _unit(np.array(turn)), rng.uniform(*size_um), rng.uniform(*contrast))


def _fits(spec: FaceSpec, outline: Points, band_um: Vector | None) -> bool:
    """Whether an outline lies inside the picture and, when given, in a band of distances from the fiber centre."""
    radius = np.hypot(*outline.T)
    inside = bool(_inside(spec, outline).all())
    return inside and (band_um is None or bool(radius.min() >= band_um[0] and radius.max() <= band_um[1]))


def _clear(outline: Points, taken: Points) -> bool:
    apart = np.linalg.norm(outline[:, None] - taken[None], axis=2)  # (n, m)
    return bool((apart > GAP_UM).all())


def _vectors(points: Points) -> tuple[Vector, ...]:
    return tuple((float(x), float(y)) for x, y in points)


def _random_scratch(rng: np.random.Generator, spec: FaceSpec, wish: _Wish) -> Scratch:
    """Straight or an arc, even or fading, sometimes half dark and half bright."""
    length = min(wish.size_um * rng.uniform(*LENGTH_PER_SIZE), 0.8 * spec.cladding_diameter_um)
    bend = rng.normal(0, 0.15) if rng.random() < 0.5 else 0.0
    turn = rng.uniform(0, np.pi)
    share = np.linspace(-0.5, 0.5, 13)[:, None]
    along, across = _unit(np.array(turn)), _unit(np.array(turn + np.pi / 2))
    points = wish.centre_um + length * (share * along + bend * (0.25 - share**2) * across)
    contrast = wish.contrast * rng.choice([-1.0, 1.0])
    pair = -0.7 * contrast if rng.random() < 0.25 else None
    strength = tuple(rng.uniform(0.6, 1.0, rng.integers(1, 6)).tolist())
    return Scratch(_vectors(points), rng.uniform(0.8, 2.8), contrast, pair, strength)


def _random_crack(rng: np.random.Generator, spec: FaceSpec, wish: _Wish) -> Crack:
    """From the cladding edge inwards with sharp turns, mostly to alternate sides."""
    points = [_on_face(spec, spec.cladding_diameter_um / 2 - 1.0, np.array(wish.turn))]
    heading, side = wish.turn + np.pi + rng.normal(0, 0.3), 1.0
    for _ in range(max(3, round(wish.size_um * rng.uniform(*LENGTH_PER_SIZE) / np.mean(CRACK_STEP_UM)))):
        side *= -1 if rng.random() < 0.75 else 1
        swing = np.array(heading + side * rng.uniform(0.2, 0.9))
        points.append(points[-1] + rng.uniform(*CRACK_STEP_UM) * _unit(swing))
    return Crack(_vectors(np.array(points)), rng.uniform(0.6, 1.5), -min(1.0, 1.3 * wish.contrast))


def _random_pit(rng: np.random.Generator, _: FaceSpec, wish: _Wish) -> Pit:
    shape = rng.uniform(0.75, 1.0, rng.integers(6, 12))
    ring = 0.4 * wish.contrast if rng.random() < 0.5 else 0.0
    centre, diameter = _vectors(wish.centre_um[None])[0], wish.size_um / float(shape.mean())
    return Pit(centre, diameter, -min(1.0, 1.3 * wish.contrast), tuple(shape.tolist()), ring)


def _random_contamination(rng: np.random.Generator, _: FaceSpec, wish: _Wish) -> Contamination:
    """A blob, a smear or separate droplets; dark, bright, or bright with fringes."""
    n = int(rng.integers(4, 10))
    along = _unit(np.array(rng.uniform(0, np.pi)))
    places = rng.normal(0, 1, (n, 1)) * along + rng.normal(0, rng.uniform(0.2, 1.0), (n, 1)) * along[::-1] * (1, -1)
    radii = rng.uniform(0.5, 1.2, (n, 1))
    extent = np.ptp(np.concatenate([places + radii, places - radii]), axis=0).max()
    discs = np.hstack([places, radii]) * wish.size_um / extent + (*wish.centre_um, 0)
    contrast = 0.7 * wish.contrast * rng.choice([-1.0, 1.0])
    fringe = 0.5 * contrast if contrast > 0 and rng.random() < 0.5 else 0.0
    softness = rng.uniform(0.05, 0.12) * wish.size_um
    return Contamination(tuple((x, y, r) for x, y, r in discs.tolist()), contrast, softness, fringe)


def _random_chip(rng: np.random.Generator, _: FaceSpec, wish: _Wish) -> Chip:
    shape = tuple(rng.uniform(0.5, 1.0, rng.integers(3, 8)).tolist())
    contrast = max(-1.0, wish.contrast * float(rng.choice([-1.5, -1.0, 1.0])))
    return Chip(math.degrees(wish.turn), wish.size_um, wish.size_um * rng.uniform(0.25, 0.6), contrast, shape)


_GROWN: dict[str, Callable[[np.random.Generator, FaceSpec, _Wish], Blemish]] = {
    Scratch.kind: _random_scratch,
    Crack.kind: _random_crack,
    Pit.kind: _random_pit,
    Contamination.kind: _random_contamination,
    Chip.kind: _random_chip,
}


def random_surface(rng: np.random.Generator, shape: tuple[int, int] = (512, 512)) -> NDArray[np.uint8]:
    """A picture without a fiber: texture, strokes, writing, discs that cannot be one, blobs out of focus.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (H, W)

    Returns
    -------
    (H, W) uint8 array
    """
    level = rng.uniform(30, 60) if rng.random() < 0.5 else rng.uniform(90, 190)
    light = np.full(shape, level, np.float32)
    for add, most in ((_add_stroke, 8), (_add_disc, 3), (_add_blob, 3), (_add_writing, 1)):
        for _ in range(rng.integers(0, most + 1)):
            add(rng, light, level)
    blur, noise = rng.uniform(0.7, 2.5), rng.uniform(0.5, 2.5)
    spec = FaceSpec(shape=shape, illumination=_random_illumination(rng), blur_px=blur, noise=noise)
    grain = np.full(shape, rng.uniform(0.3, 4.0), np.float32)
    return _expose(spec, light * _shading(spec), grain, rng).astype(np.uint8)


def _add_stroke(rng: np.random.Generator, light: Field, level: float) -> None:
    start, stop = (rng.uniform(-0.1, 1.1, (2, 2)) * light.shape[::-1]).astype(int).tolist()
    cv2.line(light, start, stop, level * rng.uniform(0.6, 1.5), int(rng.integers(1, 4)), cv2.LINE_AA)


def _add_disc(rng: np.random.Generator, light: Field, level: float) -> None:
    """Far too small for a fiber, far too long for one, or mostly outside of the picture."""
    kind, side = rng.integers(3), min(light.shape)
    radius = rng.uniform(*((0.005, 0.02), (0.05, 0.1), (0.3, 0.5))[kind]) * side
    axes = [int(radius) + 1, int(radius * rng.uniform(2, 3)) + 1] if kind == 1 else [int(radius) + 1] * 2
    centre = [int(rng.uniform(0.1, 0.9) * light.shape[1]), int(rng.uniform(0.1, 0.9) * light.shape[0])]
    centre[0] = -int(0.6 * radius) if kind == 2 else centre[0]
    cv2.ellipse(light, centre, axes, rng.uniform(0, 180), 0, 360, level * rng.uniform(0.5, 3), -1, cv2.LINE_AA)


def _add_blob(rng: np.random.Generator, light: Field, _: float) -> None:
    """Out of focus: no edge anywhere."""
    y, x = np.ogrid[: light.shape[0], : light.shape[1]]
    centre, sigma = rng.uniform(0, 1, 2) * light.shape[::-1], rng.uniform(0.02, 0.12, 2) * min(light.shape)
    square = ((x - centre[0]) / sigma[0]) ** 2 + ((y - centre[1]) / sigma[1]) ** 2
    light += (rng.uniform(5, 60) * np.exp(-0.5 * square)).astype(np.float32)


def _add_writing(rng: np.random.Generator, light: Field, level: float) -> None:
    place = [int(0.05 * light.shape[1]), int(rng.uniform(0.2, 0.9) * light.shape[0])]
    size = rng.uniform(0.001, 0.004) * light.shape[1]
    cv2.putText(light, "LOT 4711", place, cv2.FONT_HERSHEY_SIMPLEX, size, level * 0.6, 2, cv2.LINE_AA)


# --- the samples of `demo`


@dataclass(frozen=True, slots=True)
class DemoFace:
    """One sample, its class, and the verdict it must get under iec_61300_3_35_2022 with its diameters known."""

    name: str
    spec: FaceSpec | None  # None: a picture without a fiber
    blemishes: tuple[Blemish, ...]
    expected: Status
    fiber_class: str = "multimode"

    def image(self, seed: int = 0) -> Picture:
        """The picture, (H, W) uint8."""
        rng = np.random.default_rng(seed)
        return random_surface(rng) if self.spec is None else render_face(self.spec, self.blemishes, rng).image


_MULTIMODE = FaceSpec(
    centre_px=(548.3, 420.7),
    ferrule=190,
    cladding=74,
    core=124,
    core_slope=14,
    core_dip=-3,
    rings=(Ring(36, 2, 3, -2),),
    halo=14,
    dark_line=22,
    sharpening=0.5,
    ferrule_texture=0.9,
    illumination=Illumination((0.01, -0.02), -0.03, 0.08),
)
_SINGLE_MODE = FaceSpec(
    centre_px=(601.6, 399.2),
    core_diameter_um=9.0,
    ferrule=178,
    cladding=92,
    core=150,
    halo=18,
    dark_line=26,
    ferrule_texture=1.0,
    illumination=Illumination((-0.02, 0.01), -0.04, 0.05),
)
_UNLIT = FaceSpec(
    centre_px=(563.1, 447.8),
    core_diameter_um=9.0,
    ferrule=196,
    cladding=90,
    core=84,
    rings=(Ring(18, 1.5, 2, -2),),
    halo=24,
    dark_line=28,
    sharpening=0.3,
    ferrule_texture=0.9,
    illumination=Illumination((0, 0), -0.05, 0.1),
)
_VIDEO = FaceSpec(
    (576, 720),
    (356.4, 281.9),
    139.0,
    91.0,
    um_per_px_x=0.673,
    um_per_px_y=0.6175,
    axis_ratio=1.012,
    axis_angle_deg=30,
    ferrule=172,
    cladding=112,
    core=208,
    core_slope=6,
    core_dip=-14,
    core_dip_um=5,
    halo=6,
    dark_line=6,
    rings=(Ring(20, 8, 6), Ring(45.5, 10, 22)),
    illumination=Illumination((0.05, -0.04), -0.28, 0.2, 18, 25, 2.5),
    blur_px=1.4,
    noise=1.2,
    ferrule_texture=1.6,
    frame_px=(8, 6, 10, 0),
)
_DIRT = (
    Contamination(((-40, -22, 6), (-34, -18, 4.5), (-45, -17, 4), (-30, -14, 2.5)), -0.35, 1.2),
    Contamination(((20, 5, 4), (24, 9, 3), (17, 9, 2.5)), -0.3, 0.8),
    Contamination(((30, 38, 3.5), (36, 41, 2), (39, 36, 1.6), (34, 33, 1.2)), 0.4, 0.6, 0.2),
    Contamination(((-90, 40, 9), (-80, 48, 7), (-99, 36, 6), (-72, 52, 4)), -0.3, 1.5),
    Contamination(((120, -60, 4), (127, -66, 2), (133, -70, 1.5), (141, -77, 2.5), (112, -55, 1.2)), -0.7, 0.4, -0.25),
)
_CHIPS = (
    Chip(-75, 30, 16, -0.75, (0.4, 0.9, 0.7, 1.0, 0.5)),
    Chip(130, 10, 3, -0.6),
    Chip(20, 18, 10, 0.9, (0.6, 1.0, 0.5)),
)
_ACROSS = Scratch(((-30, -21), (0, 1), (34, 20)), 2.2, -0.4, 0.25)
_FINE = Scratch(((-44, 8), (-42, 16), (-38, 24), (-33, 31), (-26, 38)), 1.4, 0.35, None, (1.0, 0.8, 0.6))
_PIT = Pit((24, -27), 8.5, -0.6, (1, 0.85, 0.95, 1.1, 0.9), 0.25)
_CRACK = Crack(((58, -20), (50, -21), (45, -15), (37, -17), (33, -9), (22, -8), (19, -2), (9, -3)), 1.2, -0.55)


def demo_faces() -> tuple[DemoFace, ...]:
    """The samples of `demo`: what is wrong with each stands in its name."""
    single = "single_mode_upc"
    return (
        DemoFace("clean_multimode_lit", _MULTIMODE, (), "PASS"),
        DemoFace("clean_single_mode_unlit", _UNLIT, (), "PASS", single),
        DemoFace("scratch_through_core", _SINGLE_MODE, (_ACROSS,), "FAIL", single),
        DemoFace("fine_scratch_in_cladding", _SINGLE_MODE, (_FINE,), "PASS", single),
        DemoFace("dirty", _MULTIMODE, _DIRT, "FAIL"),
        DemoFace("pit_in_cladding", _UNLIT, (_PIT,), "FAIL", single),
        DemoFace("edge_chips", _MULTIMODE, _CHIPS, "FAIL"),
        DemoFace("cracked", _MULTIMODE, (_CRACK,), "FAIL"),
        DemoFace("clean_angled_video", _VIDEO, (), "PASS", "custom"),
        DemoFace("no_fiber", None, (), "NOT_GRADED"),
    )
