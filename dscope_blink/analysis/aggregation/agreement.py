"""Who found what: each source against the merged marks, and every two sources against each other.

Marks are found or not; where there is none, no count of places is given by nature. So the inspected zones are divided
into squares of 5 um, and those that no source has a mark in are the places that all of them rightly leave alone: the
specificity of a source, and the agreement of two (J. Cohen, "A Coefficient of Agreement for Nominal Scales", Educ.
Psychol. Meas. 20 (1960), DOI 10.1177/001316446002000104), are of the marks and these places.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.analysis.aggregation.empty_places import empty_places
from dscope_blink.analysis.aggregation.rater_estimates import Floats, Table, estimate
from dscope_blink.analysis.aggregation.views import looked_at
from dscope_blink.analysis.kappa import kappa
from dscope_blink.records import Detection, Inspection, MergedMark, PairAgreement, Points, SourceScore

_FINEST = 8.0  # pixels that one of the picture is drawn with, to compare areas
_LARGEST = 128.0  # pixels along a mark that is drawn
_NOWHERE = np.zeros((1, 2))  # a mark without an outline


@dataclass(frozen=True, slots=True)
class WhoFoundWhat:
    """What each source found, and how far every two agree, in the order of the sources."""

    scores: tuple[SourceScore, ...]
    pairs: tuple[PairAgreement, ...]


@dataclass(frozen=True, slots=True)
class _Sightings:
    """Which source saw which mark, and where each looked."""

    hits: Table  # (sources, marks)
    looked: Table  # (sources, marks) whether it looked at the place of the mark
    empty: Table  # (sources, places) whether it looked at each place without a mark


def who_found_what(detections: Sequence[Detection], marks: Sequence[MergedMark], face: Inspection) -> WhoFoundWhat:
    """Each source held against the marks of all, and against each other.

    Sensitivity and specificity are estimates (`rater_estimates`): sources that are no independent detections, as two
    profiles with detectors in common, seem better than they are. Sources of one detector in one picture count as one.

    Parameters
    ----------
    detections : in pixels of the picture of the face
    marks : of the face, with their members
    face : where they lie

    Returns
    -------
    WhoFoundWhat : which verdict a source decides is not looked at here
    """
    if not detections:
        return WhoFoundWhat((), ())
    seen = _sightings(detections, marks, face)
    return WhoFoundWhat(_scores(detections, marks, seen), _pairs(detections, marks, seen))


def _sightings(detections: Sequence[Detection], marks: Sequence[MergedMark], face: Inspection) -> _Sightings:
    hits = np.array([[one.source.key in mark.sources for mark in marks] for one in detections], np.bool_)
    hits = hits.reshape(len(detections), len(marks))
    places = np.array([mark.defect.centroid_px for mark in marks], np.float64).reshape(-1, 2)
    looked = np.array([looked_at(one, face, places) for one in detections]) | hits
    without = empty_places(face, marks)
    return _Sightings(hits, looked, np.array([looked_at(one, face, without) for one in detections]))


# --- each source -----------------------------------------------------------------------------------------------------


def _scores(detections: Sequence[Detection], marks: Sequence[MergedMark], seen: _Sightings) -> tuple[SourceScore, ...]:
    every = np.concatenate([seen.hits, np.zeros_like(seen.empty)], axis=1)
    known = estimate(every, np.concatenate([seen.looked, seen.empty], axis=1), _independent(detections))
    alone = seen.hits & (seen.hits.sum(axis=0) == 1)
    ids = np.array([mark.defect.id for mark in marks], object)
    return tuple(
        SourceScore(
            key=one.source.key,
            marks=len(one.marks),
            found=int(seen.hits[place].sum()),
            alone=tuple(ids[alone[place]]),
            missed=tuple(ids[seen.looked[place] & ~seen.hits[place]]),
            unseen=tuple(ids[~seen.looked[place]]),
            sensitivity=known.sensitivity[place],
            specificity=known.specificity[place],
        )
        for place, one in enumerate(detections)
    )


def _independent(detections: Sequence[Detection]) -> NDArray[np.intp]:
    """The number of the detector and picture of each source: a rerun of one in the same picture is no second rater."""
    ways = [(one.source.detector, one.source.picture_sha256 or one.source.picture) for one in detections]
    return np.array([ways.index(way) for way in ways], np.intp)


# --- every two -------------------------------------------------------------------------------------------------------


def _pairs(detections: Sequence[Detection], marks: Sequence[MergedMark], seen: _Sightings) -> tuple[PairAgreement, ...]:
    if len(detections) < 2:
        return ()
    keys = [one.source.key for one in detections]
    hit, missed = (table.astype(np.int64) for table in (seen.hits, seen.looked & ~seen.hits))
    both, only, neither = hit @ hit.T, hit @ missed.T, missed @ missed.T
    empty = seen.empty.astype(np.int64) @ seen.empty.T.astype(np.int64)
    iou = _iou(keys, marks, seen.looked)
    pairs = []
    for a, b in combinations(range(len(keys)), 2):
        counts = int(both[a, b]), int(only[a, b]), int(only[b, a]), int(neither[a, b])
        pairs.append(_pair(keys[a], keys[b], counts, int(empty[a, b]), float(iou[a, b])))
    return tuple(pairs)


def _pair(first: str, second: str, counts: tuple[int, int, int, int], empty: int, iou: float) -> PairAgreement:
    both, only_first, only_second, neither = counts
    beyond_chance = cohens_kappa(both, only_first, only_second, neither + empty)
    return PairAgreement(first, second, *counts, beyond_chance, None if math.isnan(iou) else iou, empty)


def cohens_kappa(both: int, only_first: int, only_second: int, neither: int) -> float | None:
    """Agreement beyond that by chance: 1 whole, 0 as by chance.

    Returns
    -------
    None where chance alone agrees, or nothing is known that neither reports
    """
    return None if neither == 0 else kappa(np.array([[both, only_first], [only_second, neither]]))


def _iou(keys: Sequence[str], marks: Sequence[MergedMark], looked: Table) -> Floats:
    """(sources, sources) area that both mark over area that either marks, where both looked; NaN without any."""
    order = {key: place for place, key in enumerate(keys)}
    areas, shared = np.zeros((len(keys), len(marks))), np.zeros((len(keys), len(keys)))
    for number, mark in enumerate(marks):
        places, both = _shared_areas(mark, order)
        areas[places, number] = np.diag(both)
        shared[np.ix_(places, places)] += both
    own = areas @ looked.T  # (a, b): what a marks where b looked too
    either = own + own.T - shared
    return np.divide(shared, either, out=np.full(shared.shape, np.nan), where=either > 0)


def _shared_areas(mark: MergedMark, order: dict[str, int]) -> tuple[list[int], Floats]:
    """The sources of a mark, and the area that every two of them have in common, in square pixels."""
    outlines: dict[int, list[Points]] = {}
    for member in mark.members:
        outlines.setdefault(order[member.source], []).append(member.outline_px if len(member.outline_px) else _NOWHERE)
    points = np.concatenate([one for parts in outlines.values() for one in parts])
    low, span = points.min(axis=0), float(np.ptp(points, axis=0).max())
    fine = min(_FINEST, _LARGEST / max(span, 1.0))
    width, height = (np.ceil(np.ptp(points, axis=0) * fine).astype(int) + 1).tolist()
    drawn = np.zeros((len(outlines), height, width), np.uint8)
    for layer, parts in zip(drawn, outlines.values(), strict=True):
        for part in parts:  # each by itself: where two overlap in one call, neither is filled
            cv2.fillPoly(layer, [np.round((part - low) * fine).astype(np.int32).reshape(-1, 1, 2)], 1)
    flat = drawn.reshape(len(outlines), -1).astype(np.float32)  # whole numbers up to 2^24 are exact
    return list(outlines), (flat @ flat.T).astype(np.float64) / fine**2
