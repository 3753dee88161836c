"""Rendered end faces with exactly known sub-pixel truth: what `scenes` and the tests draw with.

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

from dscope_blink.records import Ellipse, Mask, Points, require

Picture: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
Field: TypeAlias = NDArray[np.floating[Any]]  # (h, w): a value for each pixel of the picture or of a part of it
Vector: TypeAlias = tuple[float, float]  # x, y
Box: TypeAlias = tuple[slice, slice]  # rows, columns

EDGE_BLUR_PX = 0.5  # narrower edges alias on the pixel grid
WHITE = 255.0
FRAME_BLACK = 18.0  # measured on video frames
SHARPENING_PX = 2.0  # width of the overshoot measured at the edges of sharpened frames
CHIP_LIP_UM = 0.7  # a dark chip breaks the border itself: it starts just outside of it

_NORMAL_X = np.linspace(-5.0, 5.0, 1281)
_NORMAL_CDF = np.array([0.5 * (1 + math.erf(x / math.sqrt(2))) for x in _NORMAL_X])


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
    adhesive: float = 60.0  # the ring of adhesive between cladding and ferrule, where it has a width
    adhesive_um: float = 0.0  # that width
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
        require(min(sizes) > 0, f"shape, diameters and um_per_px must be positive, got {sizes}")
        require(core < cladding, f"core_diameter_um must be less than the cladding's, got {core} and {cladding}")
        require(self.adhesive_um >= 0, f"adhesive_um must not be negative, got {self.adhesive_um}")
        require(self.axis_ratio >= 1, f"axis_ratio must be at least 1, got {self.axis_ratio}")
        require(self.blur_px >= EDGE_BLUR_PX, f"blur_px must be at least {EDGE_BLUR_PX}, got {self.blur_px}")
        require(self.bits in (8, 16), f"bits must be 8 or 16, got {self.bits}")

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
        return np.array(self.centre_um) + radius[:, None] * unit_vectors(2 * np.pi * share)

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
        circle = unit_vectors(np.linspace(0, 2 * np.pi, 48, endpoint=False))
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
        return np.concatenate([on_face(spec, outer, turn), on_face(spec, edge - depth, turn)[-2:0:-1]])

    def sizes_um(self, _: Points) -> Vector:
        return self.arc_um, self.depth_um * max(self.outline_shape)

    def draw(self, outline: Points, x: Field, y: Field, px: float) -> tuple[Field, Field]:
        depth = _polygon_depth(outline, x, y)
        return depth, self.contrast * _coverage(depth / px)


Blemish: TypeAlias = Scratch | Crack | Pit | Contamination | Chip


def unit_vectors(turn: Points) -> Points:
    """Vectors of length 1 in the directions given in radians, clockwise from x; (...) -> (..., 2)."""
    return np.stack([np.cos(turn), np.sin(turn)], axis=-1)


def on_face(spec: FaceSpec, radius_um: Points | float, turn: Points) -> Points:
    """Points on a face by radius and direction.

    Parameters
    ----------
    spec : FaceSpec
    radius_um : distance from the fiber centre in the plane of the face, which may be angled
    turn : direction seen in the picture, radians, clockwise from x

    Returns
    -------
    (..., 2) array, micrometres of the picture relative to the fiber centre
    """
    angle = math.radians(spec.axis_angle_deg)
    stretch = np.hypot(np.cos(turn - angle) / spec.axis_ratio, np.sin(turn - angle))
    return unit_vectors(turn) * (radius_um / stretch)[..., None]


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


# Changes brightness and amplitude of the texture of a clean scene, (H, W) each, in place.
Painter: TypeAlias = Callable[[FaceSpec, Field, Field, np.random.Generator], None]


def render_face(
    spec: FaceSpec, blemishes: tuple[Blemish, ...], rng: np.random.Generator, painter: Painter | None = None
) -> RenderedFace:
    """Render an end face.

    Parameters
    ----------
    spec : FaceSpec
        The clean face and the camera.
    blemishes : tuple of Blemish
        Painted in this order, each relative to the brightness below it.
    rng : numpy.random.Generator
        Source of noise and texture only: the geometry does not depend on it.
    painter : Painter, optional
        Paints the clean scene over, below the blemishes; see `surroundings` and `structures`.

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
    light *= shading(spec)
    if painter is not None:
        painter(spec, light, grain, rng)
    truths = tuple(_paint(spec, light, grain, blemish) for blemish in blemishes)
    truth = FaceTruth(spec.cladding_ellipse, spec.core_ellipse, spec.um_per_px_x, spec.um_per_px_y, truths)
    return RenderedFace(expose(spec, light, grain, rng), truth)


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


def in_picture(spec: FaceSpec, points_um: Points) -> Mask:
    """Which of the points, (N, 2) in micrometres from the fiber centre, lie in the picture; (N,) bool."""
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
    reach = (0.6 * spec.cladding_diameter_um + spec.adhesive_um) * spec.axis_ratio
    reach += 4 * max(spec.halo_um, spec.illumination.flank_um)
    box = _box_around(spec, np.array([[-reach, -reach], [reach, reach]]), 0)
    x, y = _grid_um(spec, box)
    face, core = _radii(spec, x, y), _radii(spec, x - spec.core_offset_um[0], y - spec.core_offset_um[1])
    inside, in_core = face.disc(spec.cladding_diameter_um / 2), core.disc(spec.core_diameter_um / 2)
    light[box] += (spec.cladding - spec.ferrule) * inside + _edge_light(spec, face, x, y)
    light[box] += _core_light(spec, core) * in_core + _ring_light(spec, core) * inside
    glued = face.disc(spec.cladding_diameter_um / 2 + spec.adhesive_um) - inside
    light[box] += (spec.adhesive - spec.ferrule) * glued
    grain[box] += spec.core_speckle * in_core - spec.ferrule_texture * (inside + glued)
    return light, grain


def _edge_light(spec: FaceSpec, face: _Radii, x: Field, y: Field) -> Field:
    """The bright halo outside the cladding, the dark line inside, and the flank towards the light.

    Halo and line are an overshoot of the edge: where what surrounds the cladding is darker, they change places.
    """
    edge, light = spec.cladding_diameter_um / 2, spec.illumination
    around = spec.adhesive if spec.adhesive_um else spec.ferrule
    sign = 1 if around >= spec.cladding else -1
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


def shading(spec: FaceSpec) -> Field:
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
    require(bool(in_picture(spec, outline).any()), f"a blemish must lie inside the picture, got {blemish}")
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


def expose(spec: FaceSpec, light: Field, grain: Field, rng: np.random.Generator) -> Picture:
    """The picture that the camera takes: blur, sharpening, texture, frame lines, noise and rounding.

    Parameters
    ----------
    spec : FaceSpec
        Its camera is used, not its face.
    light, grain : (H, W) arrays
        Brightness and amplitude of the texture, grey levels 0..255.
    rng : numpy.random.Generator

    Returns
    -------
    (H, W) array, uint8 or uint16
    """
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
