"""Good faces to a reference model: archetype, spread and limits, each face judged by a model of all the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dscope_blink.image_processing.departures import (
    Departures,
    departures,
    ring_medians,
    ring_of,
)
from dscope_blink.image_processing.face_frame import FaceFrame
from dscope_blink.records import FloatImage, UserError

FEWEST = 3  # faces: of two nobody can say which one is odd
FEWEST_BY_PLACE = 5  # of fewer the median at a place is mostly noise, and the archetype is the same all around
SIGMA = 1.4826  # from the median of magnitudes
RING_NEIGHBOURS = 5  # on either side, whose departures count for the spread of a ring: one ring has but one a face
LEAST_SPREAD = 1e-4  # of the median light: less than rounding to 16 bits leaves of a face
GUMBEL = math.sqrt(6) / math.pi
EULER = 0.5772156649


@dataclass(frozen=True, slots=True)
class Fitted:
    """What is learned of faces in one frame."""

    archetype: FloatImage
    spread: FloatImage
    ring_spread: FloatImage
    limits: FloatImage
    ring_limits: FloatImage
    used: tuple[int, ...]  # places of the faces it rests on
    scores: tuple[float, ...]  # of every face by a model of the others that are used, 1.0 the limit
    rate_at_most: float  # of good faces that are called anomalous, at 95 % confidence


def fit_reference(faces: Sequence[FaceFrame], rate: float) -> Fitted:
    """Learn what is normal; faces that depart from all others are left out.

    Parameters
    ----------
    faces : in one frame, at least 3
    rate : share of good faces that may be called anomalous

    Raises
    ------
    UserError : too few faces, or too few are alike
    """
    if len(faces) < FEWEST:
        raise UserError(f"a reference needs at least {FEWEST} faces, got {len(faces)}")
    used = list(range(len(faces)))
    while True:
        lights = np.stack([faces[k].light for k in used])
        learned = _learned(lights, faces[0].radius_px, rate)
        dirty = _dirty(learned.maxima)
        if dirty is None:
            break
        del used[dirty]
        if len(used) < FEWEST:
            raise UserError(f"too few faces are alike: of {len(faces)} at least {FEWEST} must be")
    scores = _scores(faces, used, learned)
    return Fitted(
        learned.archetype,
        learned.spread,
        learned.ring_spread,
        learned.limits,
        learned.ring_limits,
        tuple(used),
        scores,
        _bound(len(used), sum(scores[k] > 1 for k in used)),
    )


def archetype_of(lights: FloatImage, radius_px: int) -> FloatImage:
    """(n, n) the median face; of few faces that of each ring, the same all around."""
    with np.errstate(all="ignore"):
        places = np.asarray(_median(lights))
    if len(lights) >= FEWEST_BY_PLACE:
        return places
    profile = ring_medians(lights, radius_px)
    return np.where(np.isfinite(places), profile[ring_of(radius_px)], np.float32(np.nan))


def _median(lights: FloatImage) -> FloatImage:
    """Along the first axis, NaN counting for nothing."""
    ordered = np.sort(lights, axis=0)  # NaN last
    count = np.isfinite(lights).sum(axis=0)
    low, high = np.maximum((count - 1) // 2, 0), np.maximum(count // 2, 0)
    picked = [np.take_along_axis(ordered, np.minimum(k, len(lights) - 1)[None], axis=0)[0] for k in (low, high)]
    return np.where(count > 0, (picked[0] + picked[1]) / 2, np.float32(np.nan)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Learned:
    archetype: FloatImage
    spread: FloatImage
    ring_spread: FloatImage
    limits: FloatImage
    ring_limits: FloatImage
    maxima: NDArray[np.float64]  # (n_face,) the score of each face by the others


def _learned(lights: FloatImage, radius_px: int, rate: float) -> _Learned:
    left = [_by_the_others(lights, k, radius_px) for k in range(len(lights))]
    places = np.stack([one.places for one in left])  # (n_face, n_scale, n, n)
    rings = np.stack([one.rings for one in left])  # (n_face, n_ring_scale, n_radius)
    spread = _spread(places, radius_px)
    ring_spread = _ring_spread(rings)
    worst = _worst(np.abs(places) / spread[:, ring_of(radius_px)], 2)  # (n_face, n_scale)
    worst_ring = _worst(np.abs(rings) / ring_spread, 1)
    limits, maxima = _limits(worst, rate / 2)
    ring_limits, ring_maxima = _limits(worst_ring, rate / 2)
    archetype = archetype_of(lights, radius_px)
    return _Learned(archetype, spread, ring_spread, limits, ring_limits, np.fmax(maxima, ring_maxima))


def _limits(worst: NDArray[np.float64], rate: float) -> tuple[FloatImage, NDArray[np.float64]]:
    """Limits of the scales, (n_scale,), that `rate` of good faces exceed, and (n_face,) the scores by them.

    Every scale has its share of the faces that come near their limit.
    """
    usual = np.median(worst, axis=0)
    maxima = (worst / usual).max(axis=1)
    limit = _limit(maxima, rate)
    return (usual * limit).astype(np.float32), maxima / limit


def _by_the_others(lights: FloatImage, place: int, radius_px: int) -> Departures:
    return departures(lights[place], archetype_of(np.delete(lights, place, axis=0), radius_px), radius_px)


def _worst(scores: NDArray[np.floating], axes: int) -> NDArray[np.float64]:
    """The greatest over the last axes, NaN counting for nothing."""
    flat = scores.reshape(*scores.shape[: scores.ndim - axes], -1)
    return np.asarray(np.fmax.reduce(flat, axis=-1), np.float64)


def _spread(places: FloatImage, radius_px: int) -> FloatImage:
    """(n_scale, n_radius) robust, of the departures of all faces in each ring and its two neighbours."""
    rows = [ring_medians(np.abs(places[:, scale]), radius_px) for scale in range(places.shape[1])]
    spread = SIGMA * np.stack([_of_neighbours(row, 1) for row in rows])
    return np.maximum(_filled(spread), np.float32(LEAST_SPREAD))


def _ring_spread(rings: FloatImage) -> FloatImage:
    """(n_ring_scale, n_radius) the same of whole rings, of which each face has but one."""
    with np.errstate(all="ignore"):
        rows = [_median(np.abs(rings[:, scale])) for scale in range(rings.shape[1])]
    spread = SIGMA * np.stack([_of_neighbours(row, RING_NEIGHBOURS) for row in rows])
    return np.maximum(_filled(spread), np.float32(LEAST_SPREAD))


def _of_neighbours(row: FloatImage, reach: int) -> FloatImage:
    """The greatest of the neighbours for edges, whose spread is a peak, and their mean elsewhere: whichever is more."""
    padded = np.pad(row, reach, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    seen = np.isfinite(windows)
    sums = np.where(seen, windows, 0).sum(axis=1)
    mean = sums / np.maximum(seen.sum(axis=1), 1)
    return np.where(seen.any(axis=1), np.fmax(row, mean), np.float32(np.nan)).astype(np.float32)


def _filled(spread: FloatImage) -> FloatImage:
    """Rings that no face shows have the spread of the nearest that one does; nothing is judged there."""
    for row in spread:
        seen = np.isfinite(row)
        row[~seen] = np.interp(np.flatnonzero(~seen), np.flatnonzero(seen), row[seen]) if seen.any() else 1.0
    return spread


def _limit(maxima: NDArray[np.float64], rate: float) -> float:
    """What `rate` of good faces exceed: the greatest of many values that hardly depend on each other, E. J. Gumbel,
    "Statistics of Extremes" (1958), by the moments of those of the faces left out, and no less than any of these.
    """
    scale = float(maxima.std(ddof=1)) * GUMBEL
    location = float(maxima.mean()) - EULER * scale
    return max(location - scale * math.log(-math.log(1 - rate)), float(maxima.max()))


DIRTY = 3.0  # times what the others extrapolate to: by then it is no tail of theirs
DIRTY_RATE = 0.001


def _dirty(maxima: NDArray[np.float64]) -> int | None:
    """The place of the face that departs most, where the others do not explain it."""
    if len(maxima) <= FEWEST:
        return None
    worst = int(maxima.argmax())
    others = np.delete(maxima, worst)
    middle = float(np.median(others))
    spread = SIGMA * float(np.median(np.abs(others - middle)))
    beyond = middle + max(spread, 0.05 * middle) * GUMBEL * -math.log(-math.log(1 - DIRTY_RATE))
    return worst if maxima[worst] > max(beyond, 1.5 * middle) else None


def _scores(faces: Sequence[FaceFrame], used: Sequence[int], learned: _Learned) -> tuple[float, ...]:
    """Of every face; one that is used by the archetype of the others."""
    radius_px = faces[0].radius_px
    lights = np.stack([faces[k].light for k in used])
    places, rings = ring_of(radius_px), learned.ring_limits[:, None] * learned.ring_spread
    scores = []
    for number, face in enumerate(faces):
        others = lights if number not in used else np.delete(lights, used.index(number), axis=0)
        found = departures(face.light, archetype_of(others, radius_px), radius_px)
        limits = (learned.limits[:, None] * learned.spread)[:, places]
        scores.append(float(max(np.nanmax(np.abs(found.places) / limits), np.nanmax(np.abs(found.rings) / rings))))
    return tuple(scores)


def _bound(faces: int, beyond: int) -> float:
    """Upper bound at 95 % of the rate of which `beyond` of so many were seen: C. J. Clopper, E. S. Pearson (1934),
    DOI 10.1093/biomet/26.4.404, by bisection.
    """
    if beyond >= faces:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        tail = sum(math.comb(faces, k) * middle**k * (1 - middle) ** (faces - k) for k in range(beyond + 1))
        low, high = (middle, high) if tail > 0.05 else (low, middle)
    return high
