"""How well a network of blemishes finds marks whose truth is known, and how far its probabilities can be believed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from dscope_blink.models.blemish_views import KINDS
from dscope_blink.records import FloatImage, Labels, Mask
from dscope_blink.training.segmentation_lessons import NEAR_PX, Lesson, LessonMark

LEAST_PX = 6  # of a finding, as `fusion.min_area_px` has it
BINS = 10  # of strength
ON_FIBER = 128  # steps of the zone within the cladding edge, less the band beside it
# What the detectors without a network are weak at: contrast, and peak over the noise of a pixel.
FAINT_CONTRAST, FAINT_SNR = (0.05, 0.1), (3.0, 6.0)

Probabilities: TypeAlias = Callable[[FloatImage], FloatImage]  # (2, h, w) shown -> (6, h, w)


@dataclass(frozen=True, slots=True)
class MarkScore:
    """What became of one mark."""

    mark: LessonMark
    strength: float  # the highest probability at which it is found
    named: str  # the kind that the network gives it
    on_fiber: bool

    @property
    def is_faint(self) -> bool:
        """Whether it is of those that the detectors without a network are weak at."""
        contrast, snr = self.mark.contrast, self.mark.snr
        return FAINT_CONTRAST[0] <= contrast <= FAINT_CONTRAST[1] and FAINT_SNR[0] <= snr <= FAINT_SNR[1]


@dataclass(frozen=True, slots=True)
class LessonScore:
    """What became of one lesson."""

    name: str
    marks: tuple[MarkScore, ...]
    false: tuple[float, ...]  # strength of each finding on the fiber where nothing is
    false_by_detectors: int


def scores(lessons: Iterable[Lesson], probabilities: Probabilities) -> list[LessonScore]:
    """Hold what a network says of lessons against what is true."""
    return [_score(lesson, probabilities(lesson.shown)) for lesson in lessons]


def _score(lesson: Lesson, found: FloatImage) -> LessonScore:
    labels, any_mark, on_fiber = lesson.labels, 1 - found[0], lesson.zone < ON_FIBER
    marks = tuple(
        _mark_score(mark, labels == k, found, on_fiber) for k, mark in enumerate(lesson.marks, 1) if mark.asked
    )
    alone = _clear_of_marks(labels) & on_fiber
    return LessonScore(lesson.name, marks, tuple(_strengths(np.where(alone, any_mark, 0))), lesson.false)


def _mark_score(mark: LessonMark, mask: Mask, found: FloatImage, on_fiber: Mask) -> MarkScore:
    near = _grown(mask)
    here = np.sort(1 - found[0][near])[::-1]
    named = KINDS[1 + int(found[1:, near].sum(axis=1).argmax())]
    strength = float(here[min(LEAST_PX, len(here)) - 1]) if len(here) else 0.0
    return MarkScore(mark, strength, named, bool(on_fiber[mask].all()))


def _grown(mask: Mask) -> Mask:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * NEAR_PX + 1,) * 2, np.uint8)).astype(bool)


def _clear_of_marks(labels: Labels) -> Mask:
    """Where nothing is and nothing is near: what is ignored may be something."""
    return ~_grown(labels > 0)


LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def _strengths(any_mark: FloatImage) -> list[float]:
    """Of each finding at the lowest of LEVELS the highest one at which it still has LEAST_PX."""
    _, regions = cv2.connectedComponents((any_mark >= LEVELS[0]).astype(np.uint8), connectivity=8)
    values, owners = any_mark[regions > 0], regions[regions > 0]
    order = np.lexsort((-values, owners))
    values, owners = values[order], owners[order]
    starts = np.searchsorted(owners, np.unique(owners))
    sizes = np.diff([*starts.tolist(), len(owners)])
    return [float(values[at + LEAST_PX - 1]) for at, size in zip(starts, sizes, strict=True) if size >= LEAST_PX]


# --- sums


@dataclass(frozen=True, slots=True)
class Found:
    """How many of some marks were found."""

    marks: int
    by_network: int
    by_detectors: int  # without a network
    by_either: int
    named: int  # of those that the network found, by their own kind


def found_at(marks: Sequence[MarkScore], level: float) -> Found:
    """How many marks were found at a probability."""
    own = [mark.strength >= level for mark in marks]
    other = [bool(mark.mark.found) for mark in marks]
    named = sum(found and mark.named == mark.mark.kind for found, mark in zip(own, marks, strict=True))
    return Found(len(marks), sum(own), sum(other), sum(a or b for a, b in zip(own, other, strict=True)), named)


def false_at(lessons: Sequence[LessonScore], level: float) -> int:
    """How many findings of a network mean nothing."""
    return sum(strength >= level for lesson in lessons for strength in lesson.false)


def calibration_error(lessons: Sequence[LessonScore]) -> float:
    """Mean distance of the strength of findings on the fiber from the share of them that are marks, in BINS.

    M. P. Naeini et al., "Obtaining Well Calibrated Probabilities Using Bayesian Binning", 2015,
    DOI 10.1609/aaai.v29i1.9602.
    """
    rows = reliability(lessons)
    total = sum(findings for _, findings, _ in rows)
    return sum(abs(strength - share) * findings for strength, findings, share in rows) / total if total else 0.0


def reliability(lessons: Sequence[LessonScore]) -> list[tuple[float, int, float]]:
    """Of each of BINS above the lowest its middle, the findings on the fiber, and which share of them are marks."""
    right = [mark.strength for lesson in lessons for mark in lesson.marks if mark.on_fiber]
    false = [strength for lesson in lessons for strength in lesson.false]
    counts = [
        np.bincount(np.minimum((np.array(each) * BINS).astype(int), BINS - 1), minlength=BINS)
        for each in (right, false)
    ]
    return [
        ((k + 0.5) / BINS, int(own + other), float(own / max(own + other, 1)))
        for k, (own, other) in enumerate(zip(*counts, strict=True))
    ][1:]
