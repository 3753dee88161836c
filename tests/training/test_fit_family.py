"""What faces have in common is learned, and limits hold for faces that had no part in it."""

from __future__ import annotations

import numpy as np
import pytest

from dscope_blink.image_processing.face_features import FEATURES
from dscope_blink.models.family import Family, NoFamily, compare_with_family, why_not_of_the_family
from dscope_blink.training.left_out import predicted_limit, student_t
from tests.builders.families import MIDDLE, NAMES, a_family, faces, histograms

pytest.importorskip("sklearn")


def test_too_few_references_give_no_family_and_say_so():
    from dscope_blink.training.fit_family import fit_family

    found = fit_family(FEATURES, faces(4), histograms(4), 0.05)
    assert found == NoFamily("a family needs at least 5 references, got 4")


@pytest.mark.parametrize("count", [5, 50])
def test_few_faces_and_many_have_an_inverse(count):
    family = a_family(count)
    assert np.linalg.eigvalsh(family.group_precision.astype(np.float64)).min() > 0


def test_the_order_of_references_does_not_matter():
    from dscope_blink.training.fit_family import fit_family

    turned = fit_family(FEATURES, faces(9)[::-1], histograms(9), 0.05)
    assert isinstance(turned, Family)
    face = faces(1, 11)[0]
    found, again = (compare_with_family(face, family, 3) for family in (a_family(9), turned))
    assert found.score == pytest.approx(again.score, rel=1e-5)


def test_a_feature_that_few_faces_have_is_not_compared():
    from dscope_blink.training.fit_family import fit_family

    values = faces(8)
    k = NAMES.index("core_ratio")
    values[:5, k] = np.nan
    family = fit_family(FEATURES, values, histograms(8), 0.05)
    assert isinstance(family, Family)
    assert np.isnan(family.location[k])
    far = MIDDLE.copy()
    far[k] *= 3
    assert why_not_of_the_family(far, family) == ()


@pytest.mark.slow
@pytest.mark.parametrize("count", [6, 15])
def test_further_good_faces_exceed_the_limits_about_as_often_as_stated(count):
    beyond, gates = [], []
    for seed in range(12):
        family = a_family(count, 100 + seed, rate=0.1)
        found = [compare_with_family(face, family, 1) for face in faces(25, 500 + seed)]
        beyond += [one.score > 1 for one in found]
        gates += [not one.of_the_family for one in found]
    assert np.mean(beyond) < 0.2
    assert np.mean(gates) < 0.2


def test_a_face_unlike_the_others_lies_beyond_the_limits_that_they_set():
    from dscope_blink.training.fit_family import beyond_family, fit_family

    def beyond(values):
        family = fit_family(FEATURES, values, histograms(12), 0.01)
        assert isinstance(family, Family)
        return beyond_family(family, 0.01)

    values = faces(12)
    assert not any(beyond(values))
    values[7, NAMES.index("core_ratio")] *= 1.5
    found = beyond(values)
    assert [k for k, one in enumerate(found) if one] == [7]


@pytest.mark.parametrize("freedom", [4, 9])
def test_what_is_known_beforehand_of_spreads_narrows_a_limit_of_few_faces(freedom):
    scores = np.exp(np.random.default_rng(3).normal(0, 0.1, freedom + 1))
    assert predicted_limit(scores, 0.01, 0.1) < predicted_limit(scores, 0.01)


@pytest.mark.parametrize("count", [4, 9, 30])
def test_the_predicted_limit_is_exceeded_at_the_stated_rate(count):
    draws = np.exp(np.random.default_rng(count).normal(1.0, 0.4, (4000, count + 1)))
    beyond = [one[-1] > predicted_limit(one[:-1], 0.05) for one in draws]
    assert np.mean(beyond) == pytest.approx(0.05, abs=0.012)


@pytest.mark.parametrize(
    ("share", "freedom", "value"), [(0.95, 1, 6.3138), (0.975, 4, 2.7764), (0.95, 9, 1.8331), (0.999, 40, 3.3069)]
)
def test_students_t_is_that_of_the_tables(share, freedom, value):
    assert student_t(share, freedom) == pytest.approx(value, abs=1e-4)
