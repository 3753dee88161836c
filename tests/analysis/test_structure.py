"""Structure of the fiber itself: it fails no face, and dirt does not pass for it."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from dscope_blink.analysis.judging import grade
from dscope_blink.pipeline import inspect_image
from dscope_blink.records import ImageInfo, Inspection, Provenance, Request
from dscope_blink.synthetic.faces import Blemish, FaceSpec, Pit, Scratch, render_face
from dscope_blink.synthetic.structures import STRUCTURES, ellipse, on_circle
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("fast_scan")
REQUEST = Request("iec_61300_3_35_2022", "single_mode_upc", 9.0, 125.0)
FACE = FaceSpec(
    shape=(300, 330), centre_px=(166.3, 148.8), core_diameter_um=9.0, um_per_px_x=0.7, um_per_px_y=0.7, core=170.0
)
PIT = Pit((3.0, -36.0), 9.0, -0.7)


@cache
def inspected(*blemishes: Blemish) -> Inspection:
    picture = render_face(FACE, blemishes, np.random.default_rng(3)).image
    info = ImageInfo("face.png", None, picture.shape[1], picture.shape[0])
    provenance = Provenance("D-Scope Blink", "fast_scan", "", {"config": CONFIG.sha256})
    return inspect_image(picture, info, REQUEST, CONFIG, None, provenance)


def kinds(face: Inspection) -> list[str]:
    return [reason.kind for reason in face.verdict.reasons]


@pytest.mark.parametrize(("name", "contrast"), [("panda", -0.2), ("panda", 0.3), ("square", 0.8), ("holes", -0.9)])
def test_what_belongs_to_the_fiber_fails_no_face(name, contrast):
    face = inspected(*STRUCTURES[name](17.0, contrast))
    assert face.verdict.status == "NOT_GRADED"
    assert kinds(face)[-1] == "structure_not_described"


def test_the_reason_says_what_was_seen_and_how_probable_it_is_by_chance():
    face = inspected(*on_circle(9.0, 4, 27.0, 40.0, 0.6))
    (reason,) = face.verdict.reasons
    assert reason.text.startswith("Structure not described: 4 equal marks ")
    assert "every 90 degrees, 27 um from the centre" in reason.text
    chance = float(reason.text.rpartition("by chance about ")[2])
    assert 0 < chance < 1e-6


def test_small_marks_at_the_ends_of_a_jacket_are_told_from_dirt_by_the_glass_beside_them():
    face = inspected(*ellipse(80.0, 40.0, 30.0, -0.3))
    assert face.verdict.status != "FAIL"


@pytest.mark.parametrize("diameter_um", [6.0, 9.0, 12.0])
def test_two_equal_specks_that_lie_opposite_each_other_are_dirt(diameter_um):
    face = inspected(*on_circle(diameter_um, 2, 33.0, 25.0, -0.6))
    assert face.verdict.status == "FAIL"
    assert set(kinds(face)) == {"limit_broken"}


def test_a_scratch_through_the_centre_is_no_structure_though_it_is_its_own_copy():
    face = inspected(Scratch(((-45.0, -20.0), (45.0, 20.0)), 4.0, -0.7))
    assert face.verdict.status == "FAIL"
    assert "structure_not_described" not in kinds(face)


def test_a_mark_that_breaks_a_limit_by_itself_fails_a_face_with_structure():
    face = inspected(*on_circle(9.0, 4, 27.0, 40.0, 0.6), PIT)
    assert face.verdict.status == "FAIL"
    assert kinds(face)[-1] == "structure_not_described"
    counted = [mark for mark in face.defects if mark.counted]
    assert len(counted) == 1  # the pit alone: the cores are not held against a limit
    x, y = (np.array(counted[0].centroid_px) - FACE.centre_px) * FACE.um_per_px
    assert math.dist((x, y), PIT.centre_um) < 1.0


def test_a_stored_face_is_judged_the_same_again():
    face = inspected(*STRUCTURES["panda"](17.0, -0.2))
    assert grade(face, CONFIG).verdict == face.verdict
