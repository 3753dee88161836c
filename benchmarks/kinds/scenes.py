"""The kinds: one function each, which draws a scene from its generator, and a row in KINDS."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from dscope_blink.synthetic import faults, structure_painters, surroundings
from dscope_blink.synthetic.faces import (
    Blemish,
    FaceSpec,
    Painter,
    Pit,
    Scratch,
    in_picture,
    unit_vectors,
)
from dscope_blink.synthetic.faults import Gray8
from dscope_blink.synthetic.scenes import random_face

SHAPES = ((480, 640), (576, 720), (600, 800))
FIBERS_UM = ((9.0, 125.0), (50.0, 125.0), (62.5, 125.0))  # core and cladding
NEWEST, WITH_CONTACT_LIMITS = "iec_61300_3_35_2022", "iec_61300_3_35_2015"
BLUR_PX, NOISE = (0.8, 2.5), (0.5, 3.0)
SEEN_PX = (150.0, 300.0)  # diameter of the cladding
PIT_UM, SCRATCH_UM, SCRATCH_LONG_UM = (12.0, 17.0), (6.5, 9.0), (25.0, 50.0)  # beyond every limit of zones A and B
CONTRAST = (-0.7, -0.45)  # of a mark, relative to what it lies on
EDGE_UM = 12.0  # a mark in the cladding keeps so far from its edge: out of zone C

Rng: TypeAlias = np.random.Generator
After: TypeAlias = Callable[[Gray8, Rng], Gray8]


@dataclass(frozen=True, slots=True)
class Scene:
    """One face of a kind, clean: how it is rendered, what a mark on it is like, and what may come out."""

    spec: FaceSpec
    painter: Painter | None = None
    after: After | None = None  # what camera or file do to the picture
    what: str = ""  # which of the forms of its kind
    contrast: tuple[float, float] = CONTRAST  # of a mark
    mark_in: tuple[str, ...] = ("core", "cladding")
    edition: str = NEWEST
    may_pass: bool = True  # whether all of the cladding can be seen
    may_fail: bool = False  # whether what the kind shows is damage enough without a mark
    compressible: bool = True  # whether it may be stored as JPEG, which changes what the kind is made of


Kind: TypeAlias = Callable[[Rng], Scene]


def some_face(rng: Rng, *, cladding_px: tuple[float, float] = SEEN_PX, **overrides: Any) -> FaceSpec:
    """A clean face of a microscope in use: scale, light, blur, noise and place vary; overrides as of `random_face`."""
    core, cladding = FIBERS_UM[rng.integers(len(FIBERS_UM))]
    shape = overrides.get("shape", SHAPES[rng.integers(len(SHAPES))])
    cladding = overrides.get("cladding_diameter_um", cladding)
    px = min(rng.uniform(*cladding_px), 0.55 * min(shape)) if cladding_px == SEEN_PX else rng.uniform(*cladding_px)
    fields = {
        "shape": shape,
        "cladding_diameter_um": cladding,
        "core_diameter_um": core,
        "um_per_px_x": cladding / px,
        "um_per_px_y": cladding / px,
        "blur_px": rng.uniform(*BLUR_PX) * min(1.0, px / 220),
        "noise": rng.uniform(*NOISE),
        "axis_ratio": 1.0,
        "core_speckle": 0.0,
        **overrides,
    }
    return random_face(rng, **{**fields, "blur_px": max(fields["blur_px"], BLUR_PX[0])})


def _middle(shape: tuple[int, int]) -> tuple[float, float]:
    return (shape[1] - 1) / 2, (shape[0] - 1) / 2


def _is_dark(rng: Rng) -> bool:
    return bool(rng.random() < 0.5)


# --- the kinds


def plain(rng: Rng) -> Scene:
    """Nothing out of the ordinary: clean must PASS, the others must FAIL."""
    return Scene(some_face(rng))


def round_field(rng: Rng) -> Scene:
    """The round field of view of the microscope, dark around."""
    wide, form = rng.uniform(1.1, 3.0), str(rng.choice(["concentric", "off centre", "only the corners dark"]))
    spec = some_face(rng, ferrule=rng.uniform(130, 220))
    offset, diameter = (0.0, 0.0), wide * spec.cladding_diameter_um
    if form == "off centre":
        away = rng.uniform(0, 0.45) * (diameter - spec.cladding_diameter_um)
        x, y = (away * unit_vectors(np.array(rng.uniform(0, 2 * np.pi)))).tolist()
        offset = (x, y)
    elif form == "only the corners dark":
        half = np.array(spec.shape[::-1]) / 2
        diameter = 2 * rng.uniform(max(half), math.hypot(*half) * 0.97) * spec.um_per_px
        x, y = ((np.array(_middle(spec.shape)) - spec.centre_px) * spec.um_per_px).tolist()
        offset = (x, y)
    soft = rng.uniform(0, 2) if rng.random() < 0.5 else rng.uniform(4, 20)
    painter = surroundings.round_field(diameter, offset, rng.uniform(0, 40), soft)
    wide = diameter / spec.cladding_diameter_um
    return Scene(spec, painter, what=f"{form}, {wide:.2f} claddings wide, border {soft:.0f} um")


def vignette(rng: Rng) -> Scene:
    """Light that falls off strongly towards the border."""
    depth, power = rng.uniform(0.5, 1.0), rng.uniform(1.5, 6)
    return Scene(some_face(rng), surroundings.vignette(depth, power), what=f"by {depth:.0%}, power {power:.1f}")


def coating(rng: Rng) -> Scene:
    """A bare fiber in its coating or buffer, black outside."""
    wide = float(rng.choice([245.0, 250.0, 400.0, 900.0]))
    cladding = rng.uniform(70, 140)
    brighter = rng.random() < 0.5
    level = cladding + rng.uniform(20, 90) if brighter else cladding * rng.uniform(0.3, 0.8)
    span = (150.0, 190.0) if wide > 300 else (150.0, 240.0)
    spec = some_face(rng, cladding_px=span, shape=(600, 800), ferrule=level, cladding=cladding, halo=0, dark_line=0)
    if wide < 500:
        spec = replace(spec, centre_px=tuple((np.array(_middle(spec.shape)) + rng.uniform(-15, 15, 2)).tolist()))
    x, y = rng.normal(0, 3, 2).tolist()
    painter = surroundings.coating(wide, level, rng.uniform(0, 15), (x, y))
    return Scene(spec, painter, what=f"{wide:.0f} um, {'brighter' if brighter else 'darker'} than the cladding")


def core_alone(rng: Rng) -> Scene:
    """A tight view: the core within its cladding, whose edge lies out of the picture or in its corners."""
    fibers = ((200.0, 440.0), (105.0, 250.0), (50.0, 125.0), (62.5, 125.0), (9.0, 125.0), (400.0, 1000.0))
    core, cladding = fibers[rng.integers(len(fibers))]
    shape = SHAPES[rng.integers(len(SHAPES))]
    # the cladding reaches beyond the sides, or even the corners
    far = rng.uniform(1.02, 1.25) * max(shape) if rng.random() < 0.3 else rng.uniform(1.1, 1.6) * math.hypot(*shape)
    px = max(far, 1.3 * max(shape)) if core == 9 else min(far, 0.95 * min(shape) * cladding / core)
    level = rng.uniform(60, 120)
    lit = level + rng.uniform(30, 100) if rng.random() < 0.7 else level * rng.uniform(0.3, 0.7)
    spec = some_face(
        rng,
        cladding_px=(px, px),
        shape=shape,
        core_diameter_um=core,
        cladding_diameter_um=cladding,
        centre_px=tuple((np.array(_middle(shape)) + rng.uniform(-10, 10, 2)).tolist()),
        cladding=level,
        core=lit,
        rings=(),
    )
    return Scene(spec, what=f"core {core:g} of {cladding:g} um, cladding {px:.0f} px", may_pass=False)


def burnt_core(rng: Rng) -> Scene:
    """A core that is black or nearly so."""
    cladding = rng.uniform(70, 130)
    core = rng.uniform(0, 0.35) * cladding
    spec = some_face(rng, ferrule=rng.uniform(140, 210), cladding=cladding, core=core, core_slope=0.0, core_dip=0.0)
    return Scene(spec, what=f"core {core:.0f}, cladding {cladding:.0f}", mark_in=("cladding",), may_fail=True)


def adhesive_ring(rng: Rng) -> Scene:
    """A ring of adhesive around the cladding, or a part of one."""
    width, dark = rng.uniform(3, 15), _is_dark(rng)
    level = rng.uniform(10, 55) if dark else rng.uniform(215, 255)
    arc = 360.0 if rng.random() < 0.5 else rng.uniform(60, 300)
    painter = surroundings.adhesive_arc(width, level, rng.uniform(0, 360), arc)
    return Scene(some_face(rng), painter, what=f"{width:.1f} um, {'dark' if dark else 'bright'}, {arc:.0f} degrees")


def dark_ferrule(rng: Rng) -> Scene:
    """A ferrule darker than the fiber."""
    spec = some_face(rng, ferrule=rng.uniform(5, 45), cladding=rng.uniform(70, 140), core=rng.uniform(100, 190))
    return Scene(spec, what=f"ferrule {spec.ferrule:.0f}, cladding {spec.cladding:.0f}, core {spec.core:.0f}")


def saturated_ferrule(rng: Rng) -> Scene:
    """A ferrule so bright that it is clipped."""
    spec = some_face(rng, ferrule=rng.uniform(265, 420))
    return Scene(spec, what=f"ferrule {spec.ferrule:.0f}")


def glass_filled_ferrule(rng: Rng) -> Scene:
    """A multi-fiber ferrule of plastic with glass grains, as bright as the fiber, on a dark or bright ground."""
    cladding = rng.uniform(95, 190)
    dark = rng.random() < 0.7
    ground = rng.uniform(15, 70) if dark else rng.uniform(205, 245)
    spec = some_face(rng, ferrule=ground, cladding=cladding, core=cladding + rng.uniform(-15, 45), halo=0)
    filler = surroundings.glass_filler(ground, (0.7 * cladding, 1.2 * cladding), rng.uniform(0.4, 0.9), (3, 35))
    return Scene(spec, surroundings.surround(filler, 2.0), what=f"ground {ground:.0f}, fiber {cladding:.0f}")


def painted_ferrule(rng: Rng) -> Scene:
    """Flat around the fiber: a program painted over all but the fiber."""
    spec, level = some_face(rng), int(rng.choice([0, 128, 255, int(rng.integers(30, 230))]))
    beyond = surroundings.beyond_face(spec, rng.uniform(0, 10)) > 0.5

    def after(picture: Gray8, _: Rng) -> Gray8:
        return faults.without(picture, beyond, level)

    return Scene(spec, after=after, what=f"level {level}, cladding {spec.cladding:.0f}")


def ragged_hole(rng: Rng) -> Scene:
    """A hole of the ferrule with a ragged border, wider than the fiber."""
    gap, dark = rng.uniform(3, 12), rng.random() < 0.7
    level = rng.uniform(5, 45) if dark else rng.uniform(215, 250)
    return Scene(some_face(rng), surroundings.ragged_hole((0, gap), level), what=f"gap to {gap:.0f} um, {level:.0f}")


def neighbour(rng: Rng) -> Scene:
    """More fibers in view: a whole one, one cut by the border, or the row of a multi-fiber ferrule."""
    form = str(rng.choice(["whole", "cut", "row"]))
    px = {"whole": (140.0, 200.0), "cut": (170.0, 260.0), "row": (140.0, 180.0)}[form]
    shape = (600, 800)
    middle = tuple((np.array(_middle(shape)) + rng.uniform(-20, 20, 2)).tolist())
    spec = some_face(rng, cladding_px=px, shape=shape, centre_px=middle)
    side, half_um = rng.choice([-1, 1]), shape[1] / 2 * spec.um_per_px
    if form == "whole":
        places = [(side * rng.uniform(140, 180), rng.uniform(-60, 60))]
    elif form == "cut":
        places = [(side * (half_um + rng.uniform(-30, 40)), rng.uniform(-80, 80))]
    else:
        slope = math.radians(rng.uniform(-8, 8))
        places = [(250 * k * math.cos(slope), 250 * k * math.sin(slope)) for k in (-2, -1, 1, 2)]
    return Scene(spec, surroundings.neighbours(tuple(places)), what=form)


def missing_parts(rng: Rng) -> Scene:
    """Rows or blocks of the fiber that never arrived: black, grey, constant or repeated."""
    spec = some_face(rng)
    y, x = np.indices(spec.shape)
    (cx, cy), radius = spec.cladding_ellipse.center_px, spec.cladding_ellipse.mean_diameter_px / 2
    form = str(rng.choice(["lower rows", "some rows", "right columns", "blocks"]))
    start = rng.uniform(-0.7, 0.7) * radius
    if form == "lower rows":
        lost = y >= cy + start
    elif form == "some rows":
        lost = (y >= cy + start) & (y < cy + start + rng.uniform(8, 60))
    elif form == "right columns":
        lost = x >= cx + start
    else:
        side = int(rng.choice([16, 32, 64]))
        missed = rng.random((spec.shape[0] // side + 1, spec.shape[1] // side + 1)) < 0.2
        missed[int(cy + start) // side, int(cx) // side] = True
        lost = missed[y // side, x // side]
    fillings: tuple[faults.Filling, ...] = (0.0, 128.0, float(rng.integers(1, 255)), spec.ferrule // 1)
    repeats = form in ("lower rows", "some rows") and rng.random() < 0.25
    filling: faults.Filling = "repeated" if repeats else fillings[rng.integers(len(fillings))]

    def after(picture: Gray8, _: Rng) -> Gray8:
        return faults.without(picture, lost, filling)

    return Scene(spec, after=after, what=f"{form}, {filling}", may_pass=False)


def tilt(rng: Rng) -> Scene:
    """Focus that varies across the face: sharp on one side only."""
    spec, worst, noise = some_face(rng, blur_px=0.6, noise=0.0), rng.uniform(3, 5), rng.uniform(*NOISE)
    reach = spec.cladding_ellipse.mean_diameter_px / 2 * unit_vectors(np.array(rng.uniform(0, 2 * np.pi)))
    (x0, y0), (x1, y1) = (spec.centre_px - reach).tolist(), (spec.centre_px + reach).tolist()

    def after(picture: Gray8, rng: Rng) -> Gray8:
        return faults.uneven_focus(picture, (x0, y0), (x1, y1), (0.5, worst), noise, rng)

    return Scene(spec, after=after, what=f"to {worst:.1f} px")


def levels(rng: Rng) -> Scene:
    """Few grey levels."""
    n = int(rng.choice([2, 4, 8, 16, 24]))
    return Scene(
        some_face(rng), after=lambda picture, _: faults.posterised(picture, n), what=f"{n} levels", compressible=False
    )


def interlace(rng: Rng) -> Scene:
    """Two fields of a frame that do not fit together: shifted aside, or from another moment."""
    aside = float(rng.choice([-1, 1])) * rng.uniform(2, 12)
    down = 0.0 if rng.random() < 0.5 else rng.uniform(-8, 8)
    what = f"{aside:+.1f}, {down:+.1f} px"
    return Scene(some_face(rng), after=lambda picture, _: faults.interlaced(picture, (aside, down)), what=what)


def saturated_core(rng: Rng) -> Scene:
    """A core so bright that it is clipped, and marks in it with it."""
    spec = some_face(rng, core=rng.uniform(265, 700), core_slope=0.0, core_dip=0.0)
    return Scene(spec, what=f"core {spec.core:.0f}")


def saturated_cladding(rng: Rng) -> Scene:
    """A cladding so bright that it is clipped, on a dark ferrule."""
    spec = some_face(rng, ferrule=rng.uniform(20, 150), cladding=rng.uniform(262, 600), core=rng.uniform(60, 500))
    return Scene(spec, what=f"cladding {spec.cladding:.0f}, core {spec.core:.0f}")


def black_cladding(rng: Rng) -> Scene:
    """A cladding that is black or nearly so; dark marks on it can hardly be seen, bright ones can."""
    level, dark = rng.uniform(0, 10), _is_dark(rng)
    spec = some_face(
        rng,
        ferrule=rng.uniform(170, 250),
        cladding=level,
        core=rng.uniform(60, 200),
        dark_line=0,
        noise=rng.uniform(0.3, 1.5),
    )
    height = rng.uniform(60, 140) / max(level, 1.0)
    contrast = (-0.7, -0.5) if dark else (height, height)
    return Scene(spec, what=f"cladding {level:.1f}", contrast=contrast, mark_in=("cladding",))


def structure(rng: Rng) -> Scene:
    """What belongs to the fiber: stress rods, a square core, seven cores, a ring core."""
    form, turn = str(rng.choice(["panda", "square core", "seven cores", "ring core"])), rng.uniform(0, 180)
    wide = 9.0 if form in ("panda", "seven cores") else 50.0
    level = rng.uniform(75, 115)
    lit = level + rng.uniform(25, 80)
    spec = some_face(
        rng, core_diameter_um=wide, ferrule=rng.uniform(150, 205), cladding=level, core=lit, core_slope=0.0
    )
    if form == "panda":
        rod = level + rng.choice([-1, 1]) * rng.uniform(8, 30)
        painter = structure_painters.discs(
            rng.uniform(13, 18), structure_painters.around(rng.uniform(25, 31), 2, turn), rod
        )
    elif form == "seven cores":
        painter = structure_painters.discs(4.5, structure_painters.around(rng.uniform(30, 42), 6, turn), lit)
    elif form == "square core":
        painter = structure_painters.square_core(rng.uniform(40, 60), turn)
    else:
        painter = structure_painters.ring_core(rng.uniform(15, 35))
    return Scene(spec, painter, what=form)


def speckle(rng: Rng) -> Scene:
    """The core lit by a laser."""
    core, cladding = FIBERS_UM[rng.integers(1, 3)]
    depth, grain = rng.uniform(15, 60), rng.uniform(1.0, 3.0)
    spec = some_face(
        rng, core_diameter_um=core, cladding_diameter_um=cladding, core=rng.uniform(130, 190), texture_px=grain
    )
    spec = replace(spec, core_speckle=depth, ferrule_texture=0.5)
    return Scene(spec, what=f"{depth:.0f} levels, {grain:.1f} px")


def hot_pixels(rng: Rng) -> Scene:
    """Pixels of the camera that are white or black whatever they see."""
    spec, n = some_face(rng), int(rng.integers(1, 25))
    within = surroundings.beyond_face(spec, -1.0) < 0.5
    return Scene(
        spec,
        after=lambda picture, rng: faults.hot_pixels(picture, within, n, rng),
        what=f"{n} pixels",
        compressible=False,
    )


def overlays(rng: Rng) -> Scene:
    """What programs draw into a picture: frame, caption, badge, crosshair."""
    spec = some_face(rng)
    form, level = (
        str(rng.choice(["frame", "caption", "badge", "crosshair", "crosshair with circle"])),
        int(rng.choice([0, 255, 255, 180])),
    )
    size, circle = int(rng.integers(10, 40)), int(rng.uniform(0.3, 1.4) * spec.cladding_ellipse.mean_diameter_px / 2)
    middle = spec.centre_px if rng.random() < 0.5 else _middle(spec.shape)
    drawn: Mapping[str, Callable[[Gray8], Gray8]] = {
        "frame": lambda picture: faults.framed(picture, size // 2, level),
        "caption": lambda picture: faults.captioned(picture, "After 4th Mate", size + 20, level),
        "badge": lambda picture: faults.badged(picture, size + 10, level),
        "crosshair": lambda picture: faults.crosshaired(picture, middle, level),
        "crosshair with circle": lambda picture: faults.crosshaired(picture, middle, level, circle),
    }
    return Scene(spec, after=lambda picture, _: drawn[form](picture), what=f"{form}, {level}")


def tight_view(rng: Rng) -> Scene:
    """The fiber nearly fills the picture, so that 30 to 100 % of the contact zone are seen."""
    shape = SHAPES[rng.integers(len(SHAPES))]
    px = rng.uniform(0.5, 0.92) * min(shape)
    slack = (np.array(shape[::-1]) - px) / 2 - 6
    middle = tuple((np.array(_middle(shape)) + rng.uniform(-1, 1, 2) * slack).tolist())
    spec = some_face(rng, cladding_px=(px, px), shape=shape, centre_px=middle)
    edition = str(rng.choice([NEWEST, WITH_CONTACT_LIMITS]))
    return Scene(spec, what=f"cladding {px / min(shape):.0%} of the height, {edition[-4:]}", edition=edition)


KINDS: Mapping[str, Kind] = {
    kind.__name__: kind
    for kind in (
        plain,
        round_field,
        coating,
        core_alone,
        burnt_core,
        adhesive_ring,
        dark_ferrule,
        neighbour,
        saturated_ferrule,
        glass_filled_ferrule,
        painted_ferrule,
        ragged_hole,
        vignette,
        missing_parts,
        tilt,
        levels,
        interlace,
        saturated_core,
        saturated_cladding,
        black_cladding,
        structure,
        speckle,
        hot_pixels,
        overlays,
        tight_view,
    )
}


# --- marks


def mark_on(scene: Scene, rng: Rng) -> Blemish:
    """A pit or a scratch that breaks a limit of every class, wholly in zone A or B and in the picture."""
    while True:
        mark = _some_mark(scene, rng)
        if in_picture(scene.spec, mark.outline(scene.spec)).all():
            return mark


def _some_mark(scene: Scene, rng: Rng) -> Blemish:
    core, edge = scene.spec.core_diameter_um / 2, scene.spec.cladding_diameter_um / 2 - EDGE_UM
    in_core = str(rng.choice(scene.mark_in)) == "core"
    contrast, turn = rng.uniform(*scene.contrast), unit_vectors(np.array(rng.uniform(0, 2 * np.pi)))
    if rng.random() < 0.6:
        size = rng.uniform(*PIT_UM)
        x, y = (turn * (rng.uniform(0, core) if in_core else rng.uniform(core + size / 2, edge - size / 2))).tolist()
        return Pit((x, y), size, contrast, tuple(rng.uniform(0.85, 1.0, 8).tolist()))
    long, away = rng.uniform(*SCRATCH_LONG_UM), rng.uniform(0, core) if in_core else rng.uniform(core + 5, edge - 5)
    across = np.array((-turn[1], turn[0]))
    half = min(long / 2, math.sqrt(max(edge**2 - away**2, 36.0)))
    (x0, y0), (x1, y1) = (away * turn - half * across).tolist(), (away * turn + half * across).tolist()
    return Scratch(((x0, y0), (x1, y1)), rng.uniform(*SCRATCH_UM), contrast)
