"""Pictures whose marks are painted, and so known to the pixel: rendered faces, and blemishes in clean photographs."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from dscope_blink.analysis.zoning import zone_outlines
from dscope_blink.config.settings import Config
from dscope_blink.files.decoding import Picture
from dscope_blink.records import (
    PROGRAM,
    VERSION,
    CladdingFit,
    CoreFit,
    FiberGeometry,
    FitUncertainty,
    Request,
    Scale,
    texts,
)
from dscope_blink.synthetic.faces import Blemish, FaceSpec, RenderedFace, render_face
from dscope_blink.synthetic.injection import flat_face, painted, reported_um
from dscope_blink.synthetic.scenes import random_face
from dscope_blink.synthetic.varied_marks import Group, varied_groups
from dscope_blink.training.build import (
    Item,
    build_face,
    build_picture,
    decoded,
    finished,
    inspected,
    made_of_what,
    picture_bytes,
    what_it_says,
)
from dscope_blink.training.dataset import LeftOut
from dscope_blink.training.exact_marks import exact_marks
from dscope_blink.training.faces import Face, image_name, label_of
from dscope_blink.training.labels import Label, Source

PAINTER = f"{PROGRAM} {VERSION}"
RENDERED, INJECTED = Source("rendered", PAINTER), Source("injected", PAINTER)
SHAPES = ((864, 1152), (576, 720), (480, 640))
UM_PER_PX = (0.3, 0.9)  # of the microscopes in use
BLUR_PX, NOISE = (0.7, 2.3), (0.5, 3.0)
JPEG_QUALITY = (70, 96)  # of one half; the others are kept as they are
CLASSES = {9.0: "single_mode_upc"}  # by core in um; the others are multimode


def render_picture(item: Item, folder: Path, pictures: Path, config: Config) -> Label:
    """Write the files of rendered face `item.number`, as `build_picture` does; `pictures` is of no use to it."""
    settings = config.training
    made_of = made_of_what(settings, PAINTER, config.sha256, f"rendered {item.number}")
    done = finished(folder, item.name, made_of)
    if done is not None:
        return done
    rng = np.random.default_rng((settings.seed, item.number))
    spec = _any_face(rng)
    count = int(rng.integers(settings.painted_marks + 1))
    groups = varied_groups(rng, spec, count) if count else ()
    face = render_face(spec, _blemishes(groups), rng)
    data, ending = _stored(face.image, rng)
    label = _rendered_label(item.name, spec, face, groups, config)
    height, width = face.image.shape
    file = f"{item.name}{ending}"
    label = replace(label, file=file, image=image_name(item.name, file), width=width, height=height, made_of=made_of)
    label = replace(label, sha256=hashlib.sha256(data).hexdigest())
    return build_face(Face(label, decoded(data, config), data), folder, settings)


def inject_picture(item: Item, folder: Path, pictures: Path, config: Config) -> Label:
    """Write the files of a clean photograph: untouched as number 0, else with blemishes painted into it.

    Raises
    ------
    LeftOut : it did not PASS, or it has no scale
    """
    settings = config.training
    inspection = inspected(item, config)
    if inspection.verdict.status != "PASS":
        raise LeftOut(f"not clean: {inspection.verdict.status}, {'; '.join(texts(inspection.verdict.reasons))}")
    if item.number == 0:
        return build_picture(item, folder, pictures, config)
    made_of = made_of_what(settings, PAINTER, what_it_says(inspection), f"injected {item.number}", item.name)
    done = finished(folder, item.name, made_of)
    if done is not None:
        return done
    untouched = decoded(picture_bytes(pictures / inspection.image.file, inspection, config), config)
    rng = np.random.default_rng((settings.seed, item.number))
    spec = flat_face(inspection)
    count = int(rng.integers(1, settings.painted_marks + 1))
    groups = varied_groups(rng, spec, count, reported_um(inspection, spec))
    face = render_face(spec, _blemishes(groups), rng)
    picture = painted(untouched, face.image)
    data, file = _png(picture), f"{item.name}.png"
    asked, there = inspection.request.zones, inspection.defects
    marks, verdict = exact_marks(
        groups, face, inspection.zones, inspection.criteria, asked, INJECTED, there, config.severity.table
    )
    clean = label_of(inspection, item.name, image_name(item.name, file), settings.face_columns, made_of)
    label = replace(
        clean,
        file=file,
        sha256=hashlib.sha256(data).hexdigest(),
        status=verdict.status,
        source=INJECTED,
        marks=(*clean.marks, *marks),
        background=inspection.image.file,
        reasons=tuple(texts(verdict.reasons)),
    )
    return build_face(Face(label, picture, data), folder, settings)


def injected_items(items: tuple[Item, ...], count: int) -> tuple[Item, ...]:
    """Every photograph untouched, and `count` painted copies of them in turn."""
    copies = [items[k % len(items)] for k in range(count)]
    painted_ones = (
        Item(one.record, f"{one.name}_injected_{number:05d}", number) for number, one in enumerate(copies, 1)
    )
    return (*items, *painted_ones)


def rendered_items(count: int) -> tuple[Item, ...]:
    """So many faces by their numbers."""
    return tuple(Item(Path(), f"rendered_{number:05d}", number) for number in range(1, count + 1))


def _any_face(rng: np.random.Generator) -> FaceSpec:
    """As microscopes in use show it, sharp or soft."""
    while True:
        shape = SHAPES[int(rng.integers(len(SHAPES)))]
        spec = random_face(rng, shape=shape, blur_px=rng.uniform(*BLUR_PX), noise=rng.uniform(*NOISE))
        if UM_PER_PX[0] <= spec.um_per_px <= UM_PER_PX[1]:
            return spec


def _blemishes(groups: tuple[Group, ...]) -> tuple[Blemish, ...]:
    return tuple(blemish for group in groups for blemish in group.blemishes)


def _stored(picture: Picture, rng: np.random.Generator) -> tuple[bytes, str]:
    if rng.random() < 0.5:
        return _png(picture), ".png"
    _, data = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*JPEG_QUALITY))))
    return bytes(data), ".jpg"


def _png(picture: Picture) -> bytes:
    _, data = cv2.imencode(".png", picture)
    return bytes(data)


def _rendered_label(name: str, spec: FaceSpec, face: RenderedFace, groups: tuple[Group, ...], config: Config) -> Label:
    """All but its file: zones by the exact geometry, exact marks, and the verdict that they deserve."""
    request = Request(
        config.criteria.default_edition,
        CLASSES.get(round(spec.core_diameter_um, 1), "multimode"),
        spec.core_diameter_um,
        spec.cladding_diameter_um,
        spec.um_per_px_x / spec.um_per_px_y,
    )
    criteria = config.criteria.find(request.edition, request.fiber_class)
    exact = FitUncertainty(0.0, 0.0, 0.0)
    cladding = CladdingFit(face.truth.cladding, 0.0, 1.0, 0.0, "contour", spec.blur_px, exact)
    geometry = FiberGeometry(cladding, CoreFit(face.truth.core, "measured")).placed()
    scale = Scale(spec.um_per_px_x, spec.um_per_px_y, "user_cladding")
    zones = zone_outlines(geometry, criteria, request, scale)
    marks, verdict = exact_marks(groups, face, zones, criteria, request.zones, RENDERED, table=config.severity.table)
    core = geometry.core
    return Label(
        name=name,
        file="",
        image="",
        sha256="",
        width=0,
        height=0,
        status=verdict.status,
        source=RENDERED,
        zones=zones,
        cladding=geometry.cladding.ellipse,
        core=None if core is None else core.ellipse,
        um_per_px=(spec.um_per_px_x, spec.um_per_px_y),
        marks=marks,
        reasons=tuple(texts(verdict.reasons)),
    )
