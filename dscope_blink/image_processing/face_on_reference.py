"""What a learned reference knows of a face before marks are sought: how far each place departs, and its pattern.

The pattern is what the archetype has at its place and not all around the fiber: dirt and shadows of the microscope,
which keep their place where fibers lie in one holder. No median around the fiber takes them out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import ReferenceSettings
from dscope_blink.image_processing.departures import (
    departures,
    ring_medians,
    ring_of,
    score_face,
)
from dscope_blink.image_processing.face_comparison import why_not_of_family
from dscope_blink.image_processing.face_frame import FaceFrame, face_frame, radii_px
from dscope_blink.image_processing.fiber_coordinates import WorkingPicture
from dscope_blink.image_processing.ignored_edges import without_edges
from dscope_blink.models.reference import ReferenceModel
from dscope_blink.records import FiberGeometry, FloatImage, Mask, Residual

SURE_ERRORS = 5.0  # standard errors of the archetype from which a departure of its own is a pattern and no noise
GROWN_PX = 3  # of the frame: the faint foot of what is beyond that belongs to it
EDGE_PX = 4.0  # of the frame, beside the edges of core and cladding
LEAST_FIT = 0.5  # of the pattern that a face must show: subtracting less of one brings in more than it takes out


@dataclass(frozen=True, slots=True)
class OnReference:
    """A face in the frame of a reference, or why it is none for it."""

    model: ReferenceModel | None = None
    frame: FaceFrame | None = None
    why_not: tuple[str, ...] = ()  # empty: it can be compared


def on_reference(
    gray: FloatImage, geometry: FiberGeometry, drawn: Mask | None, model: ReferenceModel | None
) -> OnReference:
    """Bring a located face to the frame, and ask whether the model knows such faces.

    Parameters
    ----------
    gray : (H, W) float32, the picture with flattened light
    geometry : of the fiber, as a record has it
    drawn : (H, W) bool, what is drawn over the picture; None: nothing
    model : what normal is; None: nobody says
    """
    if model is None:
        return OnReference(why_not=("no model is given",))
    try:
        frame = face_frame(gray, geometry, model.radius_px, drawn)
    except ValueError as error:
        return OnReference(model, why_not=(str(error),))
    return OnReference(model, frame, why_not_of_family(geometry, frame, model))


def with_departures(field: Residual, face: OnReference, settings: ReferenceSettings) -> Residual:
    """A residual with how far each of its places departs from good faces.

    Parameters
    ----------
    field : of the same picture
    face : on the reference; of one that cannot be compared the residual comes back as it is
    settings : what is a departure, and which edges are left out
    """
    if face.model is None or face.frame is None or face.why_not:
        return field
    card = face.model.card
    part = without_edges(face.frame, card.core_ratio, card.cladding_um, settings.edge_ignore_um)
    score = score_face(part, face.model, settings.absolute_limit)
    to_working = _to_working(face.frame, field.pixel_px)
    to_working[:, 2] -= field.origin_px
    return replace(field, departure=_warped(score.map, to_working, field.snr.shape))


def _to_working(frame: FaceFrame, pixel_px: tuple[float, float]) -> NDArray[np.float64]:
    """(2, 3), from x, y, 1 of the frame to x, y of the picture that marks are sought in."""
    size = np.array(pixel_px)
    moved = frame.to_picture / size[:, None]
    moved[:, 2] += 0.5 / size - 0.5  # pixel centres lie at whole numbers in both
    return moved


def _warped(image: FloatImage, to_picture: NDArray[np.float64], shape: tuple[int, ...]) -> FloatImage:
    """An image of the frame in a picture, 0 where nothing is known."""
    known = np.nan_to_num(image, nan=0.0).astype(np.float32)
    return cv2.warpAffine(known, to_picture, shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


# --- the pattern of the microscope


@dataclass(frozen=True, slots=True)
class FoundPattern:
    """What is taken out of a picture; `why_not` says why nothing is."""

    added: FloatImage | None = None  # (H, W) grey levels that the pattern adds; None: it has none
    why_not: tuple[str, ...] = ()


def find_pattern(picture: WorkingPicture, face: OnReference, absolute_limit: float) -> FoundPattern:
    """The pattern of the archetype within the fiber, in the picture that marks are sought in.

    Parameters
    ----------
    picture : with the located fiber
    face : the same on the reference
    absolute_limit : share of the median light below which there is no pattern
    """
    if face.model is None or face.frame is None or face.why_not:
        return FoundPattern(why_not=face.why_not)
    pattern = pattern_of(face.model, absolute_limit)
    if not pattern.any():
        return FoundPattern()
    fit = _fit(pattern, _beside_rings(face.frame.light, face.model)[0])
    if fit < LEAST_FIT:
        text = f"at least {LEAST_FIT:.0%} of its pattern must lie at the same place here, got {max(fit, 0):.0%}"
        return FoundPattern(why_not=(text,))
    to_working = _to_working(face.frame, picture.pixel_px)
    return FoundPattern(_warped(pattern * np.float32(face.frame.level), to_working, picture.gray.shape))


def pattern_of(model: ReferenceModel, absolute_limit: float) -> FloatImage:
    """What the archetype has at its place and not all around, beyond its own noise.

    Parameters
    ----------
    model : what normal is
    absolute_limit : share of the median light below which it has nothing

    Returns
    -------
    (n, n) float32, relative to the median light; 0 elsewhere
    """
    own = _beside_rings(model.archetype, model)
    error = math.sqrt(math.pi / 2 / len(model.used))  # of a median of as many, in their spreads
    limits = np.maximum(SURE_ERRORS * error * model.spread, np.float32(absolute_limit))  # (n_scale, n_radius)
    with np.errstate(invalid="ignore"):
        beyond = np.abs(own) > limits[:, ring_of(model.radius_px)]
    sure = beyond[1:].any(axis=0)  # a single pixel is nothing that any optics show
    kernel = np.ones((2 * GROWN_PX + 1, 2 * GROWN_PX + 1), np.uint8)
    grown = cv2.dilate((sure & _clear_of_edges(model)).astype(np.uint8), kernel).astype(bool)
    return np.where(grown & _clear_of_edges(model) & np.isfinite(own[0]), own[0], np.float32(0))


def _clear_of_edges(model: ReferenceModel) -> Mask:
    """Within the fiber, away from its edges: there the background of a face follows the place of its own edge."""
    radii = radii_px(model.radius_px)
    core_px = (model.card.core_ratio or 0.0) * model.radius_px
    clear = radii < model.radius_px - EDGE_PX
    return np.asarray(clear & (np.abs(radii - core_px) > EDGE_PX) if core_px else clear)


def _beside_rings(light: FloatImage, model: ReferenceModel) -> FloatImage:
    """(n_scale, n, n) what light has beside the rings of the archetype and its own slope and rings."""
    profile = ring_medians(model.archetype, model.radius_px)
    known = np.flatnonzero(np.isfinite(profile))
    rings = np.interp(radii_px(model.radius_px), known, profile[known]).astype(np.float32)  # no steps where it is steep
    return departures(light, rings, model.radius_px).places


def _fit(pattern: FloatImage, own: FloatImage) -> float:
    """How many times the pattern lies in a face, by least squares."""
    seen = (pattern != 0) & np.isfinite(own)
    wanted = pattern[seen].astype(np.float64)
    size = float(wanted @ wanted)
    return float(wanted @ own[seen]) / size if size > 0 else 0.0
