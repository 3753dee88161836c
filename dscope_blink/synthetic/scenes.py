"""Random end faces, blemishes and other surfaces, and the samples of `demo`: what `faces` renders."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import CLASSIFICATIONS, Points, Status
from dscope_blink.synthetic.faces import (
    Blemish,
    Chip,
    Contamination,
    Crack,
    FaceSpec,
    Field,
    Illumination,
    Picture,
    Pit,
    Ring,
    Scratch,
    Vector,
    expose,
    in_picture,
    on_face,
    render_face,
    shading,
    unit_vectors,
)

CRACK_STEP_UM = (2.0, 8.0)  # length of the straight pieces of a crack
LENGTH_PER_SIZE = (3.0, 8.0)  # scratches and cracks are this much longer than a compact blemish of the same size
GAP_UM = 5.0  # free space between random blemishes
MOST_FIGURES = 3  # on a surface without a fiber
LETTERS = "ABCDEGOQ0123456890/-"  # many with round parts
FIBERS_UM = ((50.0, 125.0), (9.0, 125.0), (62.5, 125.0), (91.0, 139.0), (400.0, 440.0))  # core and cladding
# Ranges of the grey levels of ferrule, cladding and core (None: as the cladding) as seen in real frames, and how often.
LIGHTS: tuple[tuple[float, Vector, Vector, Vector | None], ...] = (
    (0.35, (140, 200), (65, 95), (120, 175)),  # lit from behind
    (0.20, (150, 185), (95, 125), (195, 225)),  # strongly lit, video camera
    (0.20, (150, 205), (75, 105), None),  # unlit
    (0.15, (150, 205), (85, 115), (55, 72)),  # unlit, core darker
    (0.10, (25, 45), (60, 85), (95, 125)),  # ferrule darker than the fiber
)

# Draws a figure into a picture, in place; the number is the grey level of the surface.
Drawing: TypeAlias = Callable[[np.random.Generator, Field, float], None]


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
    clear_of: Points | None = None,
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
    clear_of : (N, 2) array, optional
        Points of what is there already, micrometres from the fiber centre, to keep clear of too.

    Returns
    -------
    tuple of Blemish

    Raises
    ------
    ValueError
        If a kind is unknown.
    """
    unknown = set(kinds) - set(_GROWN)
    if unknown:
        raise ValueError(f"kinds must be among {CLASSIFICATIONS}, got {sorted(unknown)}")
    band = radius_um or (0.0, spec.cladding_diameter_um / 2 - 3)
    placed: list[Blemish] = []
    taken = np.empty((0, 2)) if clear_of is None else clear_of
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
    return _Wish(turn, away * unit_vectors(np.array(turn)), rng.uniform(*size_um), rng.uniform(*contrast))


def _fits(spec: FaceSpec, outline: Points, band_um: Vector | None) -> bool:
    """Whether an outline lies inside the picture and, when given, in a band of distances from the fiber centre."""
    radius = np.hypot(*outline.T)
    inside = bool(in_picture(spec, outline).all())
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
    along, across = unit_vectors(np.array(turn)), unit_vectors(np.array(turn + np.pi / 2))
    points = wish.centre_um + length * (share * along + bend * (0.25 - share**2) * across)
    contrast = wish.contrast * rng.choice([-1.0, 1.0])
    pair = -0.7 * contrast if rng.random() < 0.25 else None
    strength = tuple(rng.uniform(0.6, 1.0, rng.integers(1, 6)).tolist())
    return Scratch(_vectors(points), rng.uniform(0.8, 2.8), contrast, pair, strength)


def _random_crack(rng: np.random.Generator, spec: FaceSpec, wish: _Wish) -> Crack:
    """From the cladding edge inwards with sharp turns, mostly to alternate sides."""
    points = [on_face(spec, spec.cladding_diameter_um / 2 - 1.0, np.array(wish.turn))]
    heading, side = wish.turn + np.pi + rng.normal(0, 0.3), 1.0
    for _ in range(max(3, round(wish.size_um * rng.uniform(*LENGTH_PER_SIZE) / np.mean(CRACK_STEP_UM)))):
        side *= -1 if rng.random() < 0.75 else 1
        swing = np.array(heading + side * rng.uniform(0.2, 0.9))
        points.append(points[-1] + rng.uniform(*CRACK_STEP_UM) * unit_vectors(swing))
    return Crack(_vectors(np.array(points)), rng.uniform(0.6, 1.5), -min(1.0, 1.3 * wish.contrast))


def _random_pit(rng: np.random.Generator, _: FaceSpec, wish: _Wish) -> Pit:
    shape = rng.uniform(0.75, 1.0, rng.integers(6, 12))
    ring = 0.4 * wish.contrast if rng.random() < 0.5 else 0.0
    centre, diameter = _vectors(wish.centre_um[None])[0], wish.size_um / float(shape.mean())
    return Pit(centre, diameter, -min(1.0, 1.3 * wish.contrast), tuple(shape.tolist()), ring)


def _random_contamination(rng: np.random.Generator, _: FaceSpec, wish: _Wish) -> Contamination:
    """A blob, a smear or separate droplets; dark, bright, or bright with fringes."""
    n = int(rng.integers(4, 10))
    along = unit_vectors(np.array(rng.uniform(0, np.pi)))
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
    """A picture without a fiber: texture, strokes, writing, and figures that are round in part only, or not alone.

    A whole round disc of plausible size is never drawn alone: nothing would tell it from an unlit fiber.

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
    for add, most in _CLUTTER:
        for _ in range(rng.integers(0, most + 1)):
            add(rng, light, level)
    for _ in range(rng.integers(0, MOST_FIGURES + 1)):
        FIGURES[rng.integers(len(FIGURES))](rng, light, level)
    blur, noise, texture = rng.uniform(0.7, 2.5), rng.uniform(0.5, 2.5), rng.uniform(1, 8)
    spec = FaceSpec(shape=shape, illumination=_random_illumination(rng), blur_px=blur, noise=noise, texture_px=texture)
    grain = np.full(shape, rng.uniform(0.3, 12.0) if rng.random() < 0.3 else rng.uniform(0.3, 4.0), np.float32)
    return expose(spec, light * shading(spec), grain, rng).astype(np.uint8)


def _other_grey(rng: np.random.Generator, level: float) -> float:
    return level * (rng.uniform(0.4, 0.85) if rng.random() < 0.5 else rng.uniform(1.2, 2.5))


def _anywhere(rng: np.random.Generator, light: Field) -> list[int]:
    places = rng.uniform(0.1, 0.9, 2) * light.shape[::-1]
    return places.astype(int).tolist()


def _length(rng: np.random.Generator, light: Field, least: float, most: float) -> int:
    """Between these shares of the short side of the picture, whole pixels."""
    return int(rng.uniform(least, most) * min(light.shape)) + 1


def _add_stroke(rng: np.random.Generator, light: Field, level: float) -> None:
    start, stop = (rng.uniform(-0.1, 1.1, (2, 2)) * light.shape[::-1]).astype(int).tolist()
    cv2.line(light, start, stop, level * rng.uniform(0.6, 1.5), int(rng.integers(1, 4)))


def _add_blob(rng: np.random.Generator, light: Field, _: float) -> None:
    """Out of focus: no edge anywhere."""
    y, x = np.ogrid[: light.shape[0], : light.shape[1]]
    centre, sigma = rng.uniform(0, 1, 2) * light.shape[::-1], rng.uniform(0.02, 0.12, 2) * min(light.shape)
    square = ((x - centre[0]) / sigma[0]) ** 2 + ((y - centre[1]) / sigma[1]) ** 2
    light += (rng.uniform(5, 60) * np.exp(-0.5 * square)).astype(np.float32)


def _add_speck(rng: np.random.Generator, light: Field, level: float) -> None:
    """Round, but far too small for a fiber."""
    cv2.circle(light, _anywhere(rng, light), _length(rng, light, 0.005, 0.02), _other_grey(rng, level), -1)


def _add_oval(rng: np.random.Generator, light: Field, level: float) -> None:
    short = _length(rng, light, 0.05, 0.25)
    axes = short, int(short * rng.uniform(1.3, 3)) + 1
    cv2.ellipse(light, _anywhere(rng, light), axes, rng.uniform(0, 180), 0, 360, _other_grey(rng, level), -1)


def _add_cut_disc(rng: np.random.Generator, light: Field, level: float) -> None:
    """Its centre so far outside of the picture that less than half of its border shows."""
    radius, (x, y), (h, w) = _length(rng, light, 0.2, 0.6), _anywhere(rng, light), light.shape
    beyond = int(radius * rng.uniform(0.3, 0.8))
    centres = ((-beyond, y), (w + beyond, y), (x, -beyond), (x, h + beyond))
    cv2.circle(light, centres[rng.integers(4)], radius, _other_grey(rng, level), -1)


def _add_ring(rng: np.random.Generator, light: Field, level: float) -> None:
    """A round line: the same surface inside and outside."""
    radius = _length(rng, light, 0.06, 0.4)
    width = int(radius * rng.uniform(0.02, 0.08)) + 1
    cv2.circle(light, _anywhere(rng, light), radius, _other_grey(rng, level), width)


def _add_half_disc(rng: np.random.Generator, light: Field, level: float) -> None:
    radius, turn = _length(rng, light, 0.08, 0.4), rng.uniform(0, 360)
    cv2.ellipse(light, _anywhere(rng, light), (radius, radius), turn, 0, 180, _other_grey(rng, level), -1)


def _add_polygon(rng: np.random.Generator, light: Field, level: float) -> None:
    """A regular figure of three to six sides with round corners."""
    reach, corners, turn = _length(rng, light, 0.1, 0.4), int(rng.integers(3, 7)), rng.uniform(0, 2 * np.pi)
    _draw_polygon(light, _anywhere(rng, light), reach, corners, turn, rng.uniform(0.05, 0.4), _other_grey(rng, level))


def _draw_polygon(
    light: Field, centre: list[int], inner_px: float, corners: int, turn: float, roundness: float, grey: float
) -> None:
    """`inner_px` is the radius of the circle inside; `roundness` that of the corners, in such radii."""
    corner_px = roundness * inner_px
    directions = unit_vectors(turn + 2 * np.pi * np.arange(corners) / corners)
    points = np.array(centre) + directions * (inner_px - corner_px) / math.cos(math.pi / corners)
    outline = [np.rint(points).astype(np.int32)]
    cv2.fillPoly(light, outline, grey)
    cv2.polylines(light, outline, True, grey, 2 * int(corner_px) + 1)  # a thick line ends in half circles


def _add_bubbles(rng: np.random.Generator, light: Field, level: float) -> None:
    """Round and in numbers, of different sizes, with rims."""
    size, inside, rim = rng.uniform(0.02, 0.06), _other_grey(rng, level), _other_grey(rng, level)
    for _ in range(rng.integers(12, 41)):
        centre, radius = _anywhere(rng, light), _length(rng, light, 0.6 * size, 1.2 * size)
        cv2.circle(light, centre, radius, inside, -1)
        cv2.circle(light, centre, radius, rim, max(1, radius // 6))


def _add_dots(rng: np.random.Generator, light: Field, level: float) -> None:
    """A grid of equal discs, as on a calibration plate."""
    pitch, size = rng.uniform(0.1, 0.25) * min(light.shape), light.shape[::-1]
    radius, grey = int(pitch * rng.uniform(0.15, 0.35)) + 1, _other_grey(rng, level)
    reach = math.ceil(max(size) / pitch) + 1
    steps = np.arange(-reach, reach + 1) * pitch
    across, down = unit_vectors(rng.uniform(0, np.pi / 2) + np.array([0, np.pi / 2]))
    places = steps[:, None, None] * across + steps[None, :, None] * down + np.array(size) / 2  # (n, n, 2)
    seen = ((places > -radius) & (places < np.array(size) + radius)).all(axis=2)
    for centre in places[seen].astype(int).tolist():
        cv2.circle(light, centre, radius, grey, -1)


def _add_target(rng: np.random.Generator, light: Field, level: float) -> None:
    """Figures within figures, none of them round: ovals, or squares with round corners."""
    centre, outer, turn = _anywhere(rng, light), _length(rng, light, 0.15, 0.35), rng.uniform(0, 2 * np.pi)
    oval, stretch, grey = rng.random() < 0.5, rng.uniform(1.3, 2), _other_grey(rng, level)
    for k, reach in enumerate(np.linspace(outer, 0.2 * outer, int(rng.integers(3, 7))).astype(int).tolist()):
        ring = level if k % 2 else grey
        if oval:
            cv2.ellipse(light, centre, (int(reach * stretch), reach), math.degrees(turn), 0, 360, ring, -1)
        else:
            _draw_polygon(light, centre, reach, 4, turn, 0.3, ring)


def _add_grating(rng: np.random.Generator, light: Field, _: float) -> None:
    """Stripes over the whole picture, soft or with edges."""
    y, x = np.ogrid[: light.shape[0], : light.shape[1]]
    along = unit_vectors(np.array(rng.uniform(0, np.pi))) * 2 * np.pi / rng.uniform(4, 60)
    wave = np.sin(x * along[0] + y * along[1])
    light *= (1 + rng.uniform(0.03, 0.35) * (wave if rng.random() < 0.5 else np.sign(wave))).astype(np.float32)


def _add_writing(rng: np.random.Generator, light: Field, level: float) -> None:
    size, grey = rng.uniform(0.001, 0.004) * light.shape[1], _other_grey(rng, level)
    left, top = _anywhere(rng, light)
    for line in range(rng.integers(1, 6)):
        text = "".join(rng.choice(list(LETTERS), rng.integers(3, 14)))
        place = (left // 3, top + int(32 * size * line))
        cv2.putText(light, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, grey, int(rng.integers(1, 4)))


# A surface has up to so many of each of these ...
_CLUTTER: tuple[tuple[Drawing, int], ...] = ((_add_stroke, 8), (_add_blob, 3), (_add_speck, 2))
# ... and MOST_FIGURES of these together.
FIGURES: tuple[Drawing, ...] = (
    _add_oval,
    _add_cut_disc,
    _add_ring,
    _add_half_disc,
    _add_polygon,
    _add_bubbles,
    _add_dots,
    _add_target,
    _add_grating,
    _add_writing,
)


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
