"""The acceptance figures on rendered faces: clean ones stay clean, blemishes are found and named.

`python benchmarks/rendered.py` prints the same figures in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pytest

from benchmarks.rendered import (
    CLEAN_KINDS,
    FaceScore,
    blemished_faces,
    clean_faces,
    fair,
    share_found,
    share_right,
    size_ratio,
)
from dscope_blink.config.settings import Config
from tests.builders.settings import SETTINGS

SEED = 23  # not one that the settings were tuned on

SMALL = (576, 720)

INSPECTING = ["deep_inspection", "fast_scan"]
every_profile = pytest.mark.parametrize("config", [*map(SETTINGS.profile, INSPECTING)], ids=INSPECTING)


def missed(faces: Sequence[FaceScore]) -> list[str]:
    """What was not found, for the message of a failed test."""
    return [f"{o.truth.kind} of {o.truth.diameter_um:.1f} um" for o in fair(faces) if o.found is None]


def test_clean_faces_in_any_light_have_no_defect_in_core_and_cladding():
    faces = list(clean_faces(len(CLEAN_KINDS), SEED, SETTINGS.profile("deep_inspection"), shape=SMALL))
    assert [face.false for _, face in faces] == [()] * len(CLEAN_KINDS)
    verdicts = {name: face.inspection.verdict for name, face in faces}
    doubts = {name: [reason.kind for reason in verdict.reasons] for name, verdict in verdicts.items()}
    # this one is brighter than its ferrule, and its core as wide in it as a cladding in its coating
    assert doubts == {name: ["dark_surroundings"] if name == "elliptical" else [] for name in CLEAN_KINDS}


@pytest.mark.slow
def test_most_blemishes_are_found_and_named():
    faces = list(blemished_faces(6, SEED, SETTINGS.profile("deep_inspection"), shape=SMALL))
    assert len(fair(faces)) > 20
    assert share_found(fair(faces)) >= 0.9, missed(faces)
    assert share_right(fair(faces)) >= 0.8
    assert sum(len(face.false) for face in faces) <= 1


@pytest.mark.slow
@every_profile
def test_twenty_clean_faces_have_no_defect_in_core_and_cladding(config: Config):
    faces = list(clean_faces(20, SEED, config))
    assert [(name, face.inspection.verdict.reasons) for name, face in faces if face.inspection.geometry is None] == []
    assert [(name, face.false) for name, face in faces if face.false] == []


@cache
def eighty_faces(profile: str) -> list[FaceScore]:
    return list(blemished_faces(80, SEED, SETTINGS.profile(profile)))


@pytest.mark.slow
@every_profile
def test_blemishes_of_four_micrometres_and_six_sigma_are_found_and_named(config: Config):
    faces = eighty_faces(config.profile)
    counted = fair(faces)
    assert len(counted) > 300
    assert share_found(counted) >= 0.95, missed(faces)
    assert share_right(counted) >= 0.90
    assert sum(len(face.false) for face in faces) <= 4


@pytest.mark.slow
def test_sizes_of_rendered_blemishes_are_right_on_the_median():
    counted = fair(eighty_faces("deep_inspection"))
    for kind in ("pit_dig", "contamination", "scratch"):
        assert size_ratio([o for o in counted if o.truth.kind == kind], "diameter") == pytest.approx(1, abs=0.15), kind
    assert size_ratio([o for o in counted if o.truth.kind == "scratch"], "length") == pytest.approx(1, abs=0.1)
