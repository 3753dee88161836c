"""Good faces to a reference model: archetype, spread and limits, each face judged by a model of all the others."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dscope_blink.image_processing.core_shift import without_gaps
from dscope_blink.image_processing.departures import (
    LEAST_EDGE_PX,
    LEAST_RING_SPREADS,
    RING_GROUPS,
    departures,
    ring_maxima,
    ring_medians,
    ring_of,
    with_cores_alike,
)
from dscope_blink.image_processing.face_frame import FaceFrame
from dscope_blink.records import FloatImage, UserError
from dscope_blink.training.left_out import beyond_the_others, predicted_limit, student_t

FEWEST = 3  # faces: of two nobody can say which one is odd
FEWEST_BY_PLACE = 5  # of fewer the median at a place is mostly noise, and the archetype is the same all around
SIGMA = 1.4826  # from the median of magnitudes
SIGMA_OF_MEAN = 1.2533  # from their mean
SHARE_OF_PLACES = 0.5  # of the rate; rings have the other
# Spreads of the logarithms of the worst place and ring of good faces, on rendered kinds: 0.07 to 0.24, and 0.2 to 0.35.
USUAL_OF_PLACES, USUAL_OF_RINGS = 0.2, 0.35
LEAST_USUAL = 1.0  # spreads, of the worst place of a face: it is never less, but where a scale says nothing
RING_NEIGHBOURS = 5  # on either side, whose departures count for the spread of a ring: one ring has but one a face
LEAST_SPREAD = 1e-4  # of the median light: less than rounding to 16 bits leaves of a face


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
    beyond: tuple[bool, ...]  # (n_used,) whether a face lies beyond the limits that the others set


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
        learned.beyond,
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
    beyond: tuple[bool, ...]


def _learned(lights: FloatImage, radius_px: int, rate: float) -> _Learned:
    aligned = with_cores_alike(lights, archetype_of(lights, radius_px), radius_px)
    archetype = archetype_of(aligned, radius_px)
    least = _least_of_rings(archetype, radius_px)
    left = [
        _left_out(light, others, radius_px)
        for light, others in zip(lights, archetypes_of_others(aligned, radius_px), strict=True)
    ]
    rings, around, most = (np.stack([getattr(one, name) for one in left]) for name in ("rings", "around", "most"))
    # Each face by the spreads of the others: one that had a part in its own spread lies nearer than further ones will.
    worst = np.stack([_worst(one / _spread(_others(around, k))) for k, one in enumerate(most)])
    worst_ring = np.stack([_worst(np.abs(one) / _ring_spread(_others(rings, k), least)) for k, one in enumerate(rings)])
    places = _limits(worst, rate * SHARE_OF_PLACES, USUAL_OF_PLACES)
    share = rate * (1 - SHARE_OF_PLACES) / len(RING_GROUPS)  # what varies much in one group hides nothing in another
    groups = [_limits(worst_ring[:, group], share, USUAL_OF_RINGS) for group in RING_GROUPS]
    ring_limits = np.empty(rings.shape[1], np.float32)
    for group, own in zip(RING_GROUPS, groups, strict=True):
        ring_limits[group] = own.limits
    return _Learned(
        archetype,
        _spread(around),
        _ring_spread(rings, least),
        places.limits,
        ring_limits,
        np.max([one.maxima for one in (places, *groups)], axis=0),
        tuple(np.any([one.beyond for one in (places, *groups)], axis=0).tolist()),
    )


@dataclass(frozen=True, slots=True)
class _LeftOut:
    """How a face departs from the others, ring by ring."""

    rings: FloatImage  # (n_ring_scale, n_radius) of whole rings
    around: FloatImage  # (n_scale, n_radius) median magnitude of the places of each
    most: FloatImage  # (n_scale, n_radius) the greatest


def _left_out(light: FloatImage, others: FloatImage, radius_px: int) -> _LeftOut:
    found = departures(light, others, radius_px)
    apart = np.abs(found.places)
    return _LeftOut(found.rings, _around(apart, radius_px), np.stack([ring_maxima(one, radius_px) for one in apart]))


def archetypes_of_others(aligned: FloatImage, radius_px: int) -> Iterator[FloatImage]:
    """For each face the archetype of all others, of the form that all of them have.

    Parameters
    ----------
    aligned : (n_face, n, n) float32, their cores where that of the archetype is
    radius_px : of the cladding in the frame
    """
    if len(aligned) < FEWEST_BY_PLACE:
        yield from (archetype_of(_others(aligned, k), radius_px) for k in range(len(aligned)))
        return
    ordered, count = np.sort(aligned, axis=0), np.isfinite(aligned).sum(axis=0)  # NaN last
    for light in aligned:
        yield _median_without(ordered, count, light)


def _median_without(ordered: FloatImage, count: NDArray[np.intp], light: FloatImage) -> FloatImage:
    """(n, n) the median of what is ordered but for one of it: each later value moves up by one."""
    left = count - np.isfinite(light)
    picked = []
    for place in ((left - 1) // 2, left // 2):
        here, next_one = (
            np.take_along_axis(ordered, np.clip(place + k, 0, len(ordered) - 1)[None], axis=0)[0] for k in (0, 1)
        )
        picked.append(np.where(here >= light, next_one, here))  # not so of NaN: nothing is taken out
    return np.where(left > 0, (picked[0] + picked[1]) / 2, np.float32(np.nan)).astype(np.float32)


def _least_of_rings(archetype: FloatImage, radius_px: int) -> FloatImage:
    """(n_ring_scale, n_radius) float32, what rings differ by however few faces agree: at edges by where these lie."""
    steep = np.abs(np.gradient(without_gaps(ring_medians(archetype, radius_px))))
    least = np.array(LEAST_RING_SPREADS, np.float32)[:, None]
    return np.asarray(least + np.array(LEAST_EDGE_PX, np.float32)[:, None] * steep, np.float32)


def _others(values: FloatImage, place: int) -> FloatImage:
    return np.delete(values, place, axis=0)


@dataclass(frozen=True, slots=True)
class _Limits:
    limits: FloatImage  # (n_scale,) that the rate of good faces exceed, in spreads
    maxima: NDArray[np.float64]  # (n_face,) the scores by them
    beyond: NDArray[np.bool_]  # (n_face,) by limits that the others set


def _limits(worst: NDArray[np.float64], rate: float, usual_spread: float) -> _Limits:
    """Every scale has its share of the faces that come near their limit."""
    usual = np.maximum(np.median(worst, axis=0), LEAST_USUAL)
    maxima = (worst / usual).max(axis=1)
    # No good face that was left out lies beyond.
    limit = max(predicted_limit(maxima, rate, usual_spread), float(maxima.max()))
    beyond = beyond_the_others(maxima, rate, usual_spread)
    return _Limits((usual * limit).astype(np.float32), maxima / limit, beyond)


def _worst(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """The greatest of the rings, NaN counting for nothing."""
    return np.asarray(np.fmax.reduce(scores, axis=-1), np.float64)


def _around(apart: FloatImage, radius_px: int) -> FloatImage:
    """(n_scale, n_radius) median magnitude of the departures of a face in each ring."""
    return np.stack([ring_medians(one, radius_px) for one in apart])


def _spread(around: FloatImage) -> FloatImage:
    """(n_scale, n_radius) robust, of the departures of all faces in each ring and its two neighbours."""
    with np.errstate(all="ignore"):
        rows = [_median(around[:, scale]) for scale in range(around.shape[1])]
    spread = SIGMA * np.stack([_of_neighbours(row, 1) for row in rows])
    return np.maximum(_filled(spread), np.float32(LEAST_SPREAD))


def _ring_spread(rings: FloatImage, least: FloatImage) -> FloatImage:
    """(n_ring_scale, n_radius) the same of whole rings, of which each face has but one: means, for want of many."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a ring that no face shows
        rows = np.nanmean(np.abs(rings), axis=0)
    spread = SIGMA_OF_MEAN * np.stack([_of_neighbours(row, RING_NEIGHBOURS) for row in rows])
    return np.maximum(_filled(spread), least)


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


DIRTY = 2.0  # times the median score of the others: whatever lies nearer is no dirt worth a reference
DIRTY_RATE = 0.005  # of good faces that are left out as dirty
LEAST_OF_LOGS = 0.1  # spread of the logarithms of scores: that of the greatest of so many departures is never less


def _dirty(maxima: NDArray[np.float64]) -> int | None:
    """The place of the face that departs most, where the others do not explain it."""
    if len(maxima) <= FEWEST:
        return None
    worst = int(maxima.argmax())
    others = np.log(np.delete(maxima, worst))
    middle = float(np.median(others))
    spread = max(SIGMA * float(np.median(np.abs(others - middle))), LEAST_OF_LOGS)
    reach = student_t(1 - DIRTY_RATE, len(others) - 1) * spread * math.sqrt(1 + 1 / len(others))
    return worst if math.log(maxima[worst]) > middle + max(reach, math.log(DIRTY)) else None


def _scores(faces: Sequence[FaceFrame], used: Sequence[int], learned: _Learned) -> tuple[float, ...]:
    """Of every face; one that is used by the others alone."""
    radius_px = faces[0].radius_px
    own = dict(zip(used, learned.maxima, strict=True))
    return tuple(float(own[k]) if k in own else _score(face.light, radius_px, learned) for k, face in enumerate(faces))


def _score(light: FloatImage, radius_px: int, learned: _Learned) -> float:
    found = departures(light, learned.archetype, radius_px)
    most = np.stack([ring_maxima(np.abs(one), radius_px) for one in found.places])
    places = most / (learned.limits[:, None] * learned.spread)
    rings = np.abs(found.rings) / (learned.ring_limits[:, None] * learned.ring_spread)
    return float(max(np.nanmax(places), np.nanmax(rings)))
