"""What counts as found, as false and as believable, of lessons whose answer is written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dscope_blink.models.blemish_views import KINDS
from dscope_blink.training.segmentation_lessons import IGNORED, Lesson, LessonMark
from dscope_blink.training.segmentation_scores import (
    calibration_error,
    false_at,
    found_at,
    reliability,
    scores,
)

SIDE = 60


def lesson_of(*marks, false=0):
    labels = np.zeros((SIDE, SIDE), np.uint8)
    for k, (rows, columns, _) in enumerate(marks, 1):
        labels[rows, columns] = k
    labels[:, -5:] = IGNORED
    told = tuple(mark for *_, mark in marks)
    return Lesson("one", np.zeros(labels.shape, np.int8), np.zeros(labels.shape, np.uint8), labels, told, false)


PIT = (slice(10, 14), slice(10, 14), LessonMark("pit_dig", 0.07, 4.0, 3.0, found=False))
DIRT = (slice(40, 46), slice(10, 16), LessonMark("contamination", 0.3, 20.0, 5.0, found=True))
UNASKED = (slice(30, 33), slice(30, 33), LessonMark("scratch", 0.01, 1.0, 2.0, asked=False))


def saying(*said):
    def probabilities(shown):
        found = np.zeros((len(KINDS), *shown.shape[1:]), np.float32)
        for kind, rows, columns, chance in said:
            found[KINDS.index(kind), rows, columns] = chance
        found[0] = 1 - found[1:].sum(axis=0)
        return found

    return probabilities


def test_a_mark_is_found_at_the_probability_that_six_of_its_pixels_reach():
    (score,) = scores([lesson_of(PIT)], saying(("pit_dig", slice(10, 12), slice(10, 13), 0.8)))
    assert score.marks[0].strength == pytest.approx(0.8)
    (fewer,) = scores([lesson_of(PIT)], saying(("pit_dig", slice(10, 11), slice(10, 14), 0.8)))
    assert fewer.marks[0].strength == 0


def test_marks_are_counted_for_the_network_the_detectors_and_both():
    said = saying(("contamination", slice(10, 14), slice(10, 14), 0.6))
    (score,) = scores([lesson_of(PIT, DIRT, UNASKED)], said)
    found = found_at(score.marks, 0.5)
    assert (found.marks, found.by_network, found.by_detectors, found.by_either, found.named) == (2, 1, 1, 2, 0)
    assert found_at(score.marks, 0.7).by_network == 0
    assert [mark.is_faint for mark in score.marks] == [True, False]


def test_a_finding_is_false_where_nothing_is_and_nothing_is_near():
    far, beside = slice(48, 52), slice(14, 16)
    said = saying(
        ("crack", far, slice(40, 44), 0.9),  # one finding
        ("crack", slice(20, 21), slice(40, 44), 0.9),  # too small
        ("pit_dig", beside, slice(10, 14), 0.9),  # beside the pit
        ("scratch", slice(0, 6), slice(SIDE - 5, SIDE), 0.9),  # where nobody knows
    )
    (score,) = scores([lesson_of(PIT, UNASKED, false=3)], said)
    assert [false_at([score], level) for level in (0.3, 0.5, 0.89, 0.95)] == [1, 1, 1, 0]
    assert score.false_by_detectors == 3


def test_probabilities_are_held_against_the_share_of_findings_that_are_marks():
    far = slice(48, 52)
    said = saying(("pit_dig", slice(10, 14), slice(10, 14), 0.55), ("crack", far, slice(40, 44), 0.52))
    lessons = scores([lesson_of(PIT)], said)
    assert (0.55, 2, 0.5) in reliability(lessons)
    assert calibration_error(lessons) == pytest.approx(0.05)
    assert calibration_error(scores([lesson_of(PIT)], saying())) == 0
