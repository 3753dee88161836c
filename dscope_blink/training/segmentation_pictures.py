"""Rendered faces, and photographs with blemishes painted into them, as a network of blemishes is taught by them.

Each comes with what its marks are, pixel by pixel, and is the same whenever it is asked for by its number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.files.decoding import Picture
from dscope_blink.records import Inspection, Mask, Points, Request
from dscope_blink.synthetic import surroundings
from dscope_blink.synthetic.faces import (
    Blemish,
    Contamination,
    Crack,
    FaceSpec,
    Painter,
    Pit,
    RenderedFace,
    Scratch,
    Vector,
    render_face,
)
from dscope_blink.synthetic.injection import flat_face, painted, reported_um
from dscope_blink.synthetic.scenes import random_blemishes, random_face
from dscope_blink.synthetic.varied_marks import Group, group_masks, varied_groups

HELD_OUT = 1_000_003  # the first number of faces that teach nothing
CLEAN_SHARE = 0.4  # of the rendered faces
FAINT_SHARE = 0.6  # of those with marks: pits and contamination that are hard to see
FAINT = (0.04, 0.14)  # contrast of these
FAINT_UM = (0.8, 16.0)  # diameter of these
FAINT_KINDS = ("pit_dig", "contamination", "pit_dig", "contamination", "scratch")
BEYOND, BEYOND_SHARE = (1.05, 1.95), 0.4  # radii of the cladding, and how many faint marks lie there
VARIED = (0.05, 0.7)  # contrast of marks of every kind
MOST_MARKS = 9  # on one face
SHAPES = ((864, 1152), (576, 720), (600, 800), (480, 640), (420, 560), (300, 400))
USUAL_UM_PER_PX, COARSE_UM_PER_PX = (0.3, 0.9), (0.9, 1.6)
COARSE_SHARE, PAINTED_SHARE = 0.2, 0.25  # of faces that are small in the picture, and with other surroundings
JPEG_QUALITY = (60, 96)  # of one half of the pictures; the others are kept as they are


@dataclass(frozen=True, slots=True)
class TrueMark:
    """One mark of a picture, as its painter knows it."""

    kind: str  # one of records.CLASSIFICATIONS
    mask: Mask  # (H, W) bool, pixels of the stored picture
    contrast: float  # magnitude, relative to the local brightness; NaN: nobody knows
    snr: float  # peak after blur over the noise of a pixel; NaN: nobody knows
    diameter_um: float


@dataclass(frozen=True, slots=True)
class TaughtPicture:
    """A picture and what is known of it."""

    picture: Picture  # (H, W) or (H, W, 3)
    request: Request
    marks: tuple[TrueMark, ...]
    known: Mask | None = None  # (H, W) bool, where what is no mark is known to be none; None: everywhere


# --- rendered faces


def rendered_picture(number: int, edition: str) -> TaughtPicture:
    """Rendered face `number`; from HELD_OUT on they are for figures. `edition` of the criteria is that of its request.

    All looks that `scenes` draws, sharp and soft, fine and coarse, with and without noise, stored with and without
    loss; a good third of them clean.
    """
    rng = np.random.default_rng((number, 1))
    spec = _any_face(rng)
    clean = rng.random() < CLEAN_SHARE
    groups = () if clean else some_groups(rng, spec, np.empty((0, 2)))
    painter = _painter(rng, spec) if rng.random() < PAINTED_SHARE else None
    face = render_face(spec, _blemishes(groups), rng, painter)
    return TaughtPicture(stored(face.image, rng), request_of(spec, edition), true_marks(groups, face))


def clean_face(number: int, edition: str) -> TaughtPicture:
    """The same without marks and without other surroundings: what must stay clean."""
    rng = np.random.default_rng((number, 2))
    spec = _any_face(rng)
    return TaughtPicture(stored(render_face(spec, (), rng).image, rng), request_of(spec, edition), ())


def faint_face(number: int, edition: str, contrast: Vector = (0.05, 0.1)) -> TaughtPicture:
    """A face with pits and contamination of little contrast alone."""
    rng = np.random.default_rng((number, 3))
    spec = _any_face(rng)
    groups = faint_groups(rng, spec, MOST_MARKS, np.empty((0, 2)), contrast, ("pit_dig", "contamination"))
    face = render_face(spec, _blemishes(groups), rng)
    return TaughtPicture(stored(face.image, rng), request_of(spec, edition), true_marks(groups, face))


def _any_face(rng: np.random.Generator) -> FaceSpec:
    """As the microscopes in use show it, or smaller and coarser, as others do."""
    least, most = COARSE_UM_PER_PX if rng.random() < COARSE_SHARE else USUAL_UM_PER_PX
    while True:
        looks: dict[str, Any] = {"shape": SHAPES[int(rng.integers(len(SHAPES)))]}
        if rng.random() < 0.6:
            looks |= {"blur_px": rng.uniform(0.7, 2.3), "noise": math.exp(rng.uniform(*np.log((0.4, 4.0))))}
        spec = random_face(rng, **looks)
        if least <= spec.um_per_px <= most:
            return spec


def _painter(rng: np.random.Generator, spec: FaceSpec) -> Painter:
    """What lies around the fiber on other microscopes."""
    wide = spec.cladding_diameter_um
    painters = (
        surroundings.round_field(wide * rng.uniform(1.2, 2.5), (0.0, 0.0), rng.uniform(0, 40), rng.uniform(0.5, 6)),
        surroundings.vignette(rng.uniform(0.2, 0.6), rng.uniform(1.5, 4.0)),
        surroundings.adhesive_arc(rng.uniform(1, 8), rng.uniform(30, 90), rng.uniform(0, 360), rng.uniform(60, 360)),
        surroundings.ragged_hole((0.0, rng.uniform(2, 10)), rng.uniform(20, 60)),
        surroundings.surround(
            surroundings.glass_filler(
                rng.uniform(40, 120), (0.7 * spec.cladding, 1.2 * spec.cladding), rng.uniform(0.3, 0.8), (3.0, 30.0)
            ),
            rng.uniform(0.5, 2.0),
        ),
    )
    return painters[int(rng.integers(len(painters)))]


def request_of(spec: FaceSpec, edition: str) -> Request:
    """All that a user knows of a rendered fiber: its class, its diameters and the shape of the pixels."""
    core, cladding = spec.core_diameter_um, spec.cladding_diameter_um
    fiber_class = {9.0: "single_mode_upc", 50.0: "multimode", 62.5: "multimode"}.get(core, "custom")
    return Request(edition, fiber_class, core, cladding, spec.um_per_px_x / spec.um_per_px_y)


# --- marks


def some_groups(rng: np.random.Generator, spec: FaceSpec, taken_um: Points) -> tuple[Group, ...]:
    """Marks of every kind, or pits and contamination that are hard to see, clear of `taken_um`, (N, 2)."""
    count = int(rng.integers(2, MOST_MARKS + 1))
    if rng.random() < FAINT_SHARE:
        return faint_groups(rng, spec, count, taken_um, FAINT, FAINT_KINDS)
    return varied_groups(rng, spec, count, taken_um, VARIED)


def faint_groups(
    rng: np.random.Generator, spec: FaceSpec, count: int, taken_um: Points, contrast: Vector, kinds: Sequence[str]
) -> tuple[Group, ...]:
    """Marks of little contrast all over, small ones too.

    Parameters
    ----------
    rng : numpy.random.Generator
    spec : the face they lie on
    count : how many; fewer where no room is found
    taken_um : (N, 2) points in micrometres from the fiber centre to keep clear of
    contrast : least and most, relative to the local brightness
    kinds : as often as each is named
    """
    groups: list[Group] = []
    for _ in range(count):
        size = math.exp(rng.uniform(*np.log(FAINT_UM)))
        kind = kinds[int(rng.integers(len(kinds)))]
        radii = BEYOND if rng.random() < BEYOND_SHARE else (0.0, 0.97)
        band = (radii[0] * spec.cladding_diameter_um / 2, radii[1] * spec.cladding_diameter_um / 2)
        made = random_blemishes(rng, spec, 1, kinds=(kind,), size_um=(size, size), radius_um=band, clear_of=taken_um)
        marks = tuple(_exactly(mark, math.exp(rng.uniform(*np.log(contrast)))) for mark in made)
        groups += [Group(mark.kind, (mark,), made_as="faint") for mark in marks]
        taken_um = np.concatenate([taken_um, *(mark.outline(spec) for mark in marks)])
    return tuple(groups)


def _exactly(mark: Blemish, contrast: float) -> Blemish:
    """With this contrast all over; the sign stays."""
    signed = math.copysign(contrast, mark.contrast)
    match mark:
        case Scratch():
            return replace(mark, contrast=signed, pair_contrast=None, strength=(1.0,))
        case Pit():
            return replace(mark, contrast=signed, ring_contrast=0.0)
        case Contamination():
            return replace(mark, contrast=signed, fringe_contrast=0.0)
        case Crack():
            return replace(mark, contrast=signed)
    return replace(mark, contrast=signed)


def _blemishes(groups: Sequence[Group]) -> tuple[Blemish, ...]:
    return tuple(blemish for group in groups for blemish in group.blemishes)


def true_marks(groups: Sequence[Group], face: RenderedFace) -> tuple[TrueMark, ...]:
    """What was painted, group by group, each by the name that a person gives it."""
    truths, found = iter(face.truth.blemishes), []
    for group, (whole, _) in zip(groups, group_masks(groups, face), strict=True):
        mine = [next(truths) for _ in group.blemishes][: len(group.main)]
        contrast = max(abs(mark.contrast) for mark in group.main)
        snr, wide = max(one.snr for one in mine), max(one.diameter_um for one in mine)
        found.append(TrueMark(group.kind, whole, contrast, snr, wide))
    return tuple(found)


# --- photographs


def injected_picture(
    photograph: Picture, inspection: Inspection, known: Mask | None, rng: np.random.Generator
) -> TaughtPicture:
    """A photograph with blemishes painted beside what is reported of it, in other light, focus and compression.

    Parameters
    ----------
    photograph : (H, W) or (H, W, 3), as stored
    inspection : of it, with geometry and scale
    known : (H, W) bool, where it is known to be clean
    rng : numpy.random.Generator
    """
    spec = flat_face(inspection)
    groups = some_groups(rng, spec, reported_um(inspection, spec))
    face = render_face(spec, _blemishes(groups), rng)
    marks = tuple(replace(mark, snr=math.nan) for mark in true_marks(groups, face))  # the even surface has no noise
    picture = painted(photograph, face.image)
    return TaughtPicture(varied(picture, rng), inspection.request, marks, known)


def varied(picture: Picture, rng: np.random.Generator) -> Picture:
    """In other light, a little softer, noisier, and stored with loss, each now and then; shape and type stay.

    Never scaled: size is what is measured.
    """
    white = float(np.iinfo(picture.dtype).max)
    levels = picture.astype(np.float32) / np.float32(white)
    if rng.random() < 0.5:
        levels = np.clip(levels, 0, 1) ** np.float32(rng.uniform(0.8, 1.25)) * np.float32(rng.uniform(0.75, 1.2))
    if rng.random() < 0.3:
        levels = cv2.GaussianBlur(levels, (0, 0), rng.uniform(0.3, 0.9))
    if rng.random() < 0.4:
        noise = rng.standard_normal(levels.shape[:2], dtype=np.float32) * np.float32(rng.uniform(0.3, 2.0) / 255)
        levels = levels + (noise[..., None] if levels.ndim == 3 else noise)
    changed = np.rint(np.clip(levels, 0, 1) * np.float32(white)).astype(picture.dtype)
    return stored(changed, rng)


def stored(picture: NDArray[Any], rng: np.random.Generator) -> Picture:
    """As a file keeps it: half of those of 8 bits as JPEG."""
    if rng.random() < 0.5 or picture.dtype != np.uint8:
        return picture
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*JPEG_QUALITY))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE if picture.ndim == 2 else cv2.IMREAD_COLOR))
