"""How far a face departs from the archetype of good ones, place by place and ring by ring, at several scales.

As the variation model of machine vision has it (a picture of what is normal and one of how much each place varies, an
absolute limit and one that goes with the variation), in a frame in which the fiber always lies alike. What one face
differs in as a whole, its brightness and the slope of its light, is taken out first; what differs along whole rings
(a film, a missing ring, a core of another brightness) is looked at by itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.image_processing.core_shift import BAND_PX, CoreShift, core_edge_px, core_shift, moved, without_gaps
from dscope_blink.image_processing.face_frame import REACH, FaceFrame, radii_px
from dscope_blink.image_processing.line_means import line_means
from dscope_blink.image_processing.robust_fit import robust_fit
from dscope_blink.records import FloatImage

# Sigmas in the frame, up to a stain of half a core. Finer than the first the noise depends on the size of the picture.
SCALES_PX = (0.7, 1.2, 2.0, 4.0, 8.0)
RING_SCALES_PX = (1.0, 4.0)  # sigmas along the radius
# Of the absolute limit: whole rings, what is left of them, a core that lies off.
RING_ABSOLUTE = (1.0, 1.0, 0.2, 0.2, 1.0)
LEAST_RING_SPREADS = (0.0025, 0.0025, 0.0005, 0.0005, 0.0025)  # a quarter of what is none, as the configuration comes
LEAST_EDGE_PX = (0.05, 0.05, 0.0, 0.0, 0.0)  # of the frame: nearer than this no two edges lie or are blurred alike
RING_GROUPS = ([0, 1, 4], [2, 3])  # each with limits of its own
LEAST_WEIGHT = 0.2  # of the Gaussian that must lie on what is seen
LIGHT_STEP = 7  # each so manyth pixel tells the slope of the light: it has but four numbers


@dataclass(frozen=True, slots=True)
class Departures:
    """A face less the archetype, relative to the median light of the face; NaN where it is not seen."""

    places: FloatImage  # (n_scale, n, n) float32
    rings: FloatImage  # (n_ring_scale, n_radius) float32


def departures(light: FloatImage, archetype: FloatImage, radius_px: int) -> Departures:
    """What a face has that the archetype has not, and the other way round.

    Parameters
    ----------
    light : (n, n) float32, a face in the frame
    archetype : (n, n) float32
    radius_px : of the cladding in the frame
    """
    with np.errstate(invalid="ignore"):
        normal = archetype * np.float32(_gain(light, archetype))
    usual = ring_medians(normal, radius_px)
    edge = core_edge_px(usual, radius_px)
    shift = core_shift(light, normal, usual, radius_px)
    apart = light - moved(normal, shift, radius_px)
    profile = ring_medians(apart, radius_px)
    places = apart - profile[ring_of(radius_px)]
    places -= _slope(places, radius_px)
    left = _unexplained(profile, usual, (edge, radius_px))
    return Departures(
        np.stack([*(smoothed(places, sigma) for sigma in SCALES_PX), line_means(places)]),
        np.stack(
            [
                *(_along(one, sigma) for one in (profile, left) for sigma in RING_SCALES_PX),
                _moved_light(usual, shift, edge),
            ]
        ),
    )


def with_cores_alike(lights: FloatImage, archetype: FloatImage, radius_px: int) -> FloatImage:
    """(n_face, n, n) the faces with their cores where that of the archetype is, so that their median has a sharp edge.

    Parameters
    ----------
    lights : (n_face, n, n) float32
    archetype : (n, n) float32, of these faces
    radius_px : of the cladding in the frame
    """
    usual, found = ring_medians(archetype, radius_px), []
    for light in lights:
        gain = np.float32(_gain(light, archetype))
        off = core_shift(light, archetype * gain, usual * gain, radius_px)
        found.append(moved(light, CoreShift(-off.x_px, -off.y_px), radius_px))
    return np.stack(found)


def _unexplained(profile: FloatImage, usual: FloatImage, edges_px: tuple[int, int]) -> FloatImage:
    """What of a profile is neither another level of a zone nor another blur or radius of an edge."""
    seen = np.isfinite(profile) & np.isfinite(usual)
    if not seen.any():
        return profile
    basis = _usual_ways(without_gaps(usual), edges_px)
    return profile - basis @ robust_fit(basis[seen], profile[seen])


def _usual_ways(usual: FloatImage, edges_px: tuple[int, int]) -> FloatImage:
    """(n_radius, 8) how the light of good faces may differ: by zone, towards the border, and at each edge."""
    radii = np.arange(len(usual))
    steep = np.gradient(usual)
    bend = np.gradient(steep)
    core, cladding = edges_px
    zones = [usual * (radii < core), usual * ((radii >= core) & (radii < cladding)), usual * (radii >= cladding)]
    edges = [part * (np.abs(radii - at) <= BAND_PX) for at in edges_px for part in (steep, bend)]
    return np.stack([*zones, usual * (radii / cladding) ** 2, *edges], axis=1).astype(np.float32)


def _moved_light(usual: FloatImage, shift: CoreShift, edge_px: int) -> FloatImage:
    """What a core that lies off does to each ring about its edge."""
    near = np.abs(np.arange(len(usual)) - edge_px) <= BAND_PX
    return np.where(near, np.abs(np.gradient(usual)) * np.float32(shift.size_px), np.float32(0)).astype(np.float32)


def _along(profile: FloatImage, sigma_px: float) -> FloatImage:
    return smoothed(profile[None, :], sigma_px)[0]


def _gain(light: FloatImage, archetype: FloatImage) -> float:
    """How much brighter the face is, by most of its places."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = light / archetype
    return float(np.median(ratio[np.isfinite(ratio)])) if np.isfinite(ratio).any() else 1.0


@lru_cache(maxsize=4)
def ring_of(radius_px: int) -> NDArray[np.intp]:
    """(n, n) the ring that each pixel of the frame lies in: its distance from the middle, rounded."""
    rings = np.rint(radii_px(radius_px)).astype(np.intp)
    rings.flags.writeable = False
    return rings


@lru_cache(maxsize=4)
def by_ring(radius_px: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places of the flattened frame in the order of their rings, and where each ring begins."""
    rings = ring_of(radius_px).ravel()
    order = np.argsort(rings, kind="stable")
    return order, np.searchsorted(rings[order], np.arange(int(rings.max()) + 2))


def ring_medians(values: FloatImage, radius_px: int) -> FloatImage:
    """Medians around the fiber.

    Parameters
    ----------
    values : (..., n, n) float32; NaN counts for nothing

    Returns
    -------
    (n_radius,) float32, of all the values in each ring; NaN where there are none
    """
    order, starts = by_ring(radius_px)
    flat = values.reshape(-1, len(order))[:, order]
    seen = np.isfinite(flat)
    medians = np.full(len(starts) - 1, np.nan, np.float32)
    for ring in np.flatnonzero(np.add.reduceat(seen.any(axis=0), starts[:-1])):
        own = slice(starts[ring], starts[ring + 1])
        medians[ring] = _middle(flat[:, own][seen[:, own]])
    return medians


def ring_maxima(values: FloatImage, radius_px: int) -> FloatImage:
    """(n_radius,) float32 the greatest of (n, n) values in each ring; NaN where there are none."""
    order, starts = by_ring(radius_px)
    return np.asarray(np.fmax.reduceat(values.ravel()[order], starts[:-1]))


def _middle(values: FloatImage) -> np.float32:
    """The median, in a third of the time that numpy takes for few values."""
    half = len(values) // 2
    if len(values) % 2:
        return np.float32(np.partition(values, half)[half])
    ordered = np.partition(values, (half - 1, half))
    return np.float32((ordered[half - 1] + ordered[half]) / 2)


def smoothed(values: FloatImage, sigma_px: float) -> FloatImage:
    """Gaussian means of what is seen, of one row along it; NaN where little of it is."""
    if sigma_px == 0:
        return values
    seen = np.isfinite(values)
    weights, sums = (
        _blurred(seen.astype(np.float32), sigma_px),
        _blurred(np.where(seen, values, np.float32(0)), sigma_px),
    )
    return np.where(seen & (weights > LEAST_WEIGHT), sums / np.maximum(weights, LEAST_WEIGHT), np.float32(np.nan))


def _blurred(values: FloatImage, sigma_px: float) -> FloatImage:
    width = 2 * math.ceil(4 * sigma_px) + 1
    size = width, 1 if len(values) == 1 else width
    return cv2.GaussianBlur(values, size, sigma_px, borderType=cv2.BORDER_CONSTANT)


@lru_cache(maxsize=4)
def _waves(radius_px: int) -> tuple[FloatImage, tuple[NDArray[np.intp], ...]]:
    """(n * n, 4) float32 slope and saddle of light over the frame, and the places of fiber and ferrule in it."""
    side = len(radii_px(radius_px))
    along = (np.arange(side, dtype=np.float32) - side // 2) / radius_px
    x, y = np.broadcast_to(along, (side, side)).ravel(), np.repeat(along, side)
    radii = radii_px(radius_px).ravel() / radius_px
    parts = tuple(np.flatnonzero((radii >= low) & (radii < high)) for low, high in ((0, 1), (1, REACH)))
    return np.stack([x, y, x * x - y * y, x * y], axis=1), parts


def _slope(places: FloatImage, radius_px: int) -> FloatImage:
    """The slope and saddle of the light of fiber and of ferrule, by reweighted least squares: no mark bends it."""
    waves, parts = _waves(radius_px)
    flat, slope = places.ravel(), np.zeros(places.size, np.float32)
    for part in parts:
        seen = part[np.isfinite(flat[part])][::LIGHT_STEP]
        if len(seen) > waves.shape[1]:
            slope[part] = waves[part] @ robust_fit(waves[seen], flat[seen])
    return slope.reshape(places.shape)


class Normal(Protocol):
    """What a face is held against, as `ReferenceModel` describes each."""

    @property
    def radius_px(self) -> int: ...
    @property
    def archetype(self) -> FloatImage: ...
    @property
    def spread(self) -> FloatImage: ...
    @property
    def ring_spread(self) -> FloatImage: ...
    @property
    def limits(self) -> FloatImage: ...
    @property
    def ring_limits(self) -> FloatImage: ...


@dataclass(frozen=True, slots=True)
class FaceScore:
    """How far a face departs, 1.0 the limit."""

    map: FloatImage  # (n, n) float32, the worst scale at each place; NaN where it is not seen
    rings: FloatImage  # (n_radius,) float32, the same of rings
    scales: tuple[float, ...]  # the worst place of each scale

    @property
    def places(self) -> float:
        """Of the worst place."""
        return max(self.scales)

    @property
    def ring(self) -> float:
        """Of the worst ring."""
        return float(np.nanmax(self.rings)) if np.isfinite(self.rings).any() else 0.0

    @property
    def worst(self) -> float:
        """Of all."""
        return max(self.places, self.ring)


def score_face(face: FaceFrame, model: Normal, absolute: float) -> FaceScore:
    """Compare a face with what good ones are like.

    Parameters
    ----------
    face : in the frame of the model
    model : what normal is: learned, or the symmetry of the face itself
    absolute : departures below this share of the median light are none, however little the references vary
    """
    found = departures(face.light, model.archetype, model.radius_px)
    limits = np.maximum(model.spread * model.limits[:, None], np.float32(absolute))  # (n_scale, n_radius)
    scores = np.abs(found.places) / limits[:, ring_of(model.radius_px)]
    rings = np.abs(found.rings) / ring_limits_of(model, absolute)
    worst = tuple(float(np.nanmax(one)) for one in scores)
    return FaceScore(_most(scores), _most(rings), worst)


def ring_limits_of(model: Normal, absolute: float) -> FloatImage:
    """(n_ring_scale, n_radius) float32, beyond which a ring departs; `absolute` as `score_face` has it."""
    least = absolute * np.array(RING_ABSOLUTE, np.float32)[:, None]
    return np.maximum(model.ring_spread * model.ring_limits[:, None], least)


def _most(values: NDArray[np.floating]) -> FloatImage:
    """The greatest along the first axis; NaN where all are."""
    return np.asarray(np.fmax.reduce(values, axis=0))
