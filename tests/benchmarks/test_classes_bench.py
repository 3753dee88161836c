"""The bench of classes counts what it says."""

from __future__ import annotations

import pytest

from benchmarks.marks.class_scenes import Job, Sample, samples_of
from benchmarks.marks.classes import has_consequence, is_doubted, reliability, share_right
from benchmarks.marks.fit_classes import matrix
from dscope_blink.analysis.mark_features import FEATURES
from dscope_blink.records import CLASSIFICATIONS


def sample(kind: str, given: str, **chances: float) -> Sample:
    return Sample("face", kind, "drawn so", {}, given, chances, "cladding", 1.0)


def test_only_a_scratch_and_a_defect_taken_for_each_other_change_the_limits():
    assert has_consequence(sample("scratch", "crack"))
    assert has_consequence(sample("chip", "scratch"))
    assert not has_consequence(sample("chip", "crack"))
    assert not has_consequence(sample("scratch", "scratch"))


def test_a_class_is_doubted_by_all_kinds_of_other_limits_together():
    unsure = sample("scratch", "scratch", scratch=0.88, crack=0.06, contamination=0.06)
    assert is_doubted(unsure, 0.12)
    assert not is_doubted(unsure, 0.13)
    assert not is_doubted(sample("chip", "chip", chip=0.5, crack=0.5, scratch=0.0), 0.01)


def test_reliability_compares_what_is_stated_with_what_comes_true():
    samples = [sample("scratch", "scratch", scratch=0.7, crack=0.3)] * 3 + [
        sample("crack", "scratch", scratch=0.7, crack=0.3)
    ]
    rows = {round(mean, 2): (n, true) for _, _, n, mean, true in reliability(samples)}
    assert rows == {0.3: (4, 0.25), 0.7: (4, 0.75)}
    assert share_right(samples) == 0.75


@pytest.mark.slow
def test_reports_of_a_rendered_face_come_with_their_true_kinds():
    samples = samples_of(Job(True, 1))
    assert len(samples) >= 4
    assert {s.kind for s in samples} <= set(CLASSIFICATIONS)
    assert matrix(samples).shape == (len(samples), len(FEATURES))
