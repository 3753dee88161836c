"""Rendered good faces of one kind in the frame of a reference, and what is learned of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import cv2
import numpy as np

from dscope_blink.image_processing.departures import SCALES_PX
from dscope_blink.image_processing.face_frame import FaceFrame, face_frame
from dscope_blink.models.reference import FaceFacts, ReferenceCard, ReferenceFace, ReferenceModel, kept_levels
from dscope_blink.records import FloatImage
from dscope_blink.synthetic.faces import Blemish, FaceSpec, render_face
from dscope_blink.training.fit_reference import fit_reference
from tests.builders.faces import face_with
from tests.builders.pictures import FACE

RADIUS_PX = 60
KIND = replace(FACE, halo=12.0, dark_line=10.0, noise=1.2)


def varied(seed: int, spec: FaceSpec = KIND) -> FaceSpec:
    """The same kind of face in another place and in other light."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-8, 8, 2)
    light = rng.uniform(0.95, 1.05)
    return replace(
        spec,
        centre_px=(spec.centre_px[0] + float(x), spec.centre_px[1] + float(y)),
        core=spec.core * rng.uniform(0.97, 1.03) * light,
        cladding=spec.cladding * light,
        ferrule=spec.ferrule * light,
    )


def framed(spec: FaceSpec, seed: int, *blemishes: Blemish, turned: int = 0, brighter: float = 1.0) -> FaceFrame:
    """A rendered face in the frame by its exact ellipse; turned by so many quarters, and so many times brighter."""
    rendered = render_face(spec, blemishes, np.random.default_rng(seed))
    gray = (rendered.image / 255 * brighter).astype(np.float32)
    ellipse = rendered.truth.cladding
    for _ in range(turned):
        gray = np.asarray(cv2.rotate(gray, cv2.ROTATE_90_CLOCKWISE), np.float32)
        center = (gray.shape[1] - 1 - ellipse.center_px[1], ellipse.center_px[0])
        ellipse = replace(ellipse, center_px=center, angle_deg=(ellipse.angle_deg + 90) % 180)
    return face_frame(gray, face_with(ellipse), RADIUS_PX)


@cache
def good_faces(count: int = 8) -> tuple[FaceFrame, ...]:
    return tuple(framed(varied(seed), seed) for seed in range(count))


FACTS = FaceFacts(cladding_px=147.0, blur_px=1.0, core_ratio=0.4, um_per_px=0.85)


def card_of(count: int, **others: Any) -> ReferenceCard:
    fields: dict[str, Any] = {
        "program": "D-Scope Blink 0",
        "made": "2026-01-01T00:00:00+00:00",
        "expires": None,
        "microscope": "",
        "cladding_um": 125.0,
        "core_ratio": 0.4,
        "um_per_px": 0.85,
        "cladding_px": 147.0,
        "blur_px": 1.0,
        "config_sha256": "0" * 64,
        "faces": tuple(ReferenceFace(f"{n}.png", f"{n:064x}", True, "", 0.5, FACTS) for n in range(count)),
        "rate": 0.05,
        "rate_at_most": 0.3,
    }
    return ReferenceCard(**(fields | others))


@cache
def learned(count: int = 8) -> ReferenceModel:
    """A model of the good faces."""
    return learned_from(good_faces(count))


def learned_from(faces: Sequence[FaceFrame]) -> ReferenceModel:
    """A model of these faces, all of which are used."""
    fit = fit_reference(faces, 0.05)
    arrays: tuple[FloatImage, ...] = (fit.archetype, fit.spread, fit.ring_spread, fit.limits, fit.ring_limits)
    archetype, spread, ring_spread, limits, ring_limits = arrays
    numbers = archetype, spread, ring_spread, limits, ring_limits
    kept = kept_levels(np.stack([face.light for face in faces]))
    return ReferenceModel(card_of(len(faces)), RADIUS_PX, SCALES_PX, *numbers, kept)
