"""The bench of kinds: every kind renders what it says, and verdicts are counted as they should be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.kinds.__main__ import line, row
from benchmarks.kinds.judged import Judged, face_of, is_other, judged
from benchmarks.kinds.scenes import KINDS, mark_on
from dscope_blink.records import Ellipse
from dscope_blink.synthetic.faces import in_picture
from tests.builders.settings import SETTINGS

CLADDING = Ellipse((100.0, 100.0), (80.0, 80.0), 0.0)
CLEAN = Judged("plain/0", "", "found 80 of 80 px", False, "PASS", False, False, True, False, "")


@pytest.mark.parametrize("kind", KINDS)
def test_the_marks_of_a_kind_lie_in_its_picture_and_break_a_limit(kind):
    for k in range(6):
        rng = np.random.default_rng(k)
        scene = KINDS[kind](rng)
        mark = mark_on(scene, rng)
        outline = mark.outline(scene.spec)
        assert in_picture(scene.spec, outline).all()
        assert np.hypot(*outline.T).max() < scene.spec.cladding_diameter_um / 2 - 5  # not in zone C
        assert min(mark.sizes_um(outline)) > 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_renders_its_picture_again(kind):
    face, again = face_of(kind, 1, 5), face_of(kind, 1, 5)
    assert face.picture.shape == face.scene.spec.shape
    assert face.picture.dtype == np.uint8
    assert (face.picture == again.picture).all()
    assert face.mark is not None
    assert face_of(kind, 0, 5).mark is None


@pytest.mark.slow
def test_a_plain_face_passes_when_it_is_clean_and_fails_when_it_is_not():
    outcomes = [judged(k, "plain", 5, SETTINGS.profile("deep_inspection")).outcome for k in (2, 1)]
    assert outcomes == ["right PASS", "right FAIL"]


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "right PASS"),
        ({"marked": True}, "false PASS"),
        ({"misplaced": True}, "false PASS"),
        ({"may_pass": False}, "false PASS"),
        ({"status": "FAIL"}, "false FAIL"),
        ({"status": "FAIL", "may_fail": True}, "right FAIL"),
        ({"status": "FAIL", "marked": True}, "right FAIL"),
        ({"status": "NOT_GRADED", "marked": True, "misplaced": True}, "not graded"),
    ],
)
def test_a_verdict_counts_by_what_is_true(changes, outcome):
    assert replace(CLEAN, **changes).outcome == outcome


def test_a_right_verdict_on_another_cladding_went_wrong():
    assert replace(CLEAN, status="FAIL", marked=True, misplaced=True).went_wrong
    assert not replace(CLEAN, status="NOT_GRADED", misplaced=True).went_wrong
    assert not CLEAN.went_wrong


@pytest.mark.parametrize(
    ("centre_px", "diameter_px", "other"),
    [((100, 100), 81, False), ((100, 100), 82, True), ((107, 100), 80, False), ((109, 100), 80, True)],
)
def test_another_fiber_is_one_of_another_size_or_elsewhere(centre_px, diameter_px, other):
    assert is_other(Ellipse(centre_px, (diameter_px, diameter_px), 0.0), CLADDING) is other


def test_a_row_counts_outcomes_and_tells_why_faces_were_not_graded():
    refused = replace(CLEAN, status="NOT_GRADED", reason="not_located")
    told = row("plain", [CLEAN, refused, refused, replace(CLEAN, marked=True, unseen=True)])
    assert told.split() == ["plain", "4", "1", "0", "2", "1", "0", "0", "1", "not_located", "2"]


def test_a_face_that_went_wrong_is_named():
    assert "false PASS, clean, misplaced" in line(replace(CLEAN, misplaced=True))
