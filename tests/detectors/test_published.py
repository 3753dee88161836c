"""The methods as published find what they are made for, and also what the fusion was made to leave alone."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from dscope_blink.pipeline import inspect_image
from dscope_blink.records import ImageInfo, Provenance, Request
from dscope_blink.synthetic.faces import FaceSpec, Pit, Scratch, render_face
from tests.builders.settings import SETTINGS

FACE = FaceSpec(shape=(430, 560), centre_px=(279.6, 214.7))
REQUEST = Request("iec_61300_3_35_2022", "multimode", 50.0, 125.0, 1.0)
PIT = Pit((-40.0, 18.0), 8.0, -0.7)
BRIGHT_SCRATCH = Scratch(((-50.0, -20.0), (-30.0, 14.0)), 2.5, 0.5)


@cache
def inspected(profile, *blemishes):
    config = SETTINGS.profile(profile)
    picture = render_face(FACE, blemishes, np.random.default_rng(0)).image
    info = ImageInfo("face.png", None, picture.shape[1], picture.shape[0])
    provenance = Provenance("D-Scope Blink", profile, "", {"config": config.sha256})
    return inspect_image(picture, info, REQUEST, config, None, provenance)


@pytest.mark.parametrize(("blemish", "detector"), [(PIT, "do2mr_published"), (BRIGHT_SCRATCH, "lei_published")])
def test_each_finds_its_own_kind_of_mark(blemish, detector):
    x, y = np.mean(blemish.outline(FACE), axis=0) / 0.435 + FACE.centre_px
    found = [d for d in inspected("published", blemish).defects if _around(d.bbox_px, x, y)]
    assert any(detector in defect.detected_by for defect in found)


def _around(box_px, x, y):
    left, top, width, height = box_px
    return left <= x <= left + width and top <= y <= top + height


def test_they_take_the_border_of_a_lit_core_for_a_defect_of_a_clean_face():
    assert inspected("deep_inspection").verdict.status == "PASS"
    published = inspected("published")
    assert published.verdict.status == "FAIL"
    assert {name for defect in published.defects for name in defect.detected_by} <= {"do2mr_published", "lei_published"}


def test_the_profiles_for_inspection_do_not_ask_them():
    for name in ("deep_inspection", "fast_scan"):
        detectors = SETTINGS.profile(name).detectors
        assert not detectors["do2mr_published"].enabled
        assert not detectors["lei_published"].enabled
