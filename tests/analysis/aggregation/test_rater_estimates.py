"""Sensitivity and specificity estimated from a table alone: those that made it come back."""

from __future__ import annotations

import numpy as np
import pytest

from dscope_blink.analysis.aggregation.rater_estimates import LEAST_TRUE, RaterEstimates, Table, estimate

APART = np.arange(8)  # each rater by itself


def simulated(
    sensitivity: list[float], specificity: list[float], true: int, false: int, seed: int
) -> tuple[Table, Table]:
    """What raters that err independently say of so many true and false items, and which are true."""
    rng, truth = np.random.default_rng(seed), np.arange(true + false) < true
    chance = np.where(truth, np.array(sensitivity)[:, None], 1 - np.array(specificity)[:, None])
    return rng.random(chance.shape) < chance, truth


def estimated(hits: Table, looked: Table | None = None, groups: np.ndarray | None = None) -> RaterEstimates:
    seen = np.ones_like(hits) if looked is None else looked
    return estimate(hits, seen, APART[: len(hits)] if groups is None else groups)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("sensitivity", "specificity"),
    [([0.9, 0.8, 0.7], [0.995, 0.99, 0.999]), ([0.95, 0.6, 0.75, 0.85, 0.5, 0.9], [0.99, 0.999, 0.98, 0.995, 1, 0.97])],
    ids=["three", "six"],
)
def test_raters_of_known_worth_are_recovered(sensitivity, specificity, seed):
    hits, truth = simulated(sensitivity, specificity, true=400, false=4000, seed=seed)
    found = estimated(hits)
    # four standard errors of a share of 400 items at 0.5, and of 4000 at 0.97
    assert found.sensitivity == pytest.approx(sensitivity, abs=0.1)
    assert found.specificity == pytest.approx(specificity, abs=0.011)
    # and nearer to what they did to these very items, whose truth is known here
    assert found.sensitivity == pytest.approx(hits[:, truth].mean(axis=1), abs=0.06)
    assert found.specificity == pytest.approx(1 - hits[:, ~truth].mean(axis=1), abs=0.004)


def test_the_likely_items_are_the_true_ones():
    hits, truth = simulated([0.9] * 5, [0.99] * 5, 200, 2000, seed=1)
    likely = estimated(hits).truth
    assert likely is not None
    assert ((likely > 0.5) == truth).mean() > 0.995


def test_a_rater_that_finds_what_nobody_else_does_is_taken_to_be_wrong_there():
    hits, _ = simulated([0.95, 0.95, 0.95], [1.0, 1.0, 1.0], 100, 1000, seed=2)
    hits[2, 500:550] = True
    found = estimated(hits)
    assert found.specificity[2] == pytest.approx(0.95, abs=0.005)
    assert found.specificity[:2] == pytest.approx((1.0, 1.0), abs=1e-3)


def test_what_a_rater_did_not_look_for_is_no_miss():
    hits, truth = simulated([0.9, 0.9, 0.9, 0.9], [0.995] * 4, 400, 4000, seed=3)
    looked = np.ones_like(hits)
    looked[0, ::2] = False
    found = estimated(hits & looked, looked)
    assert found.sensitivity[0] == pytest.approx(hits[0, truth][1::2].mean(), abs=0.04)


def test_reruns_of_one_detector_are_one_rater_and_do_not_outvote_the_others():
    hits, _ = simulated([0.6, 0.9, 0.9, 0.9], [0.995] * 4, 400, 4000, seed=4)
    rerun = np.concatenate([hits[:1], hits[:1], hits[:1], hits])
    groups = np.array([0, 0, 0, 0, 1, 2, 3])
    found, once = estimated(rerun, groups=groups), estimated(hits)
    assert found.sensitivity[3:] == pytest.approx(once.sensitivity, abs=1e-9)
    assert found.sensitivity[:3] == pytest.approx((once.sensitivity[0],) * 3, abs=1e-9)


def test_raters_that_err_alike_seem_better_than_they_are():
    hits, truth = simulated([0.6, 0.9], [0.995] * 2, 400, 4000, seed=5)
    found = estimated(np.concatenate([hits[:1], hits[:1], hits]))
    assert hits[0, truth].mean() < 0.65
    sensitivity, specificity = found.sensitivity[0], found.specificity[3]
    assert sensitivity is not None
    assert sensitivity > 0.95
    assert specificity is not None
    assert specificity < 0.97  # what it alone finds seems false, and most of it is true


def test_the_order_of_items_and_raters_changes_nothing():
    hits, _ = simulated([0.9, 0.8, 0.7], [0.995, 0.99, 0.999], 100, 1000, seed=6)
    items = np.random.default_rng(0).permutation(hits.shape[1])
    one, other = estimated(hits), estimated(hits[::-1][:, items])
    assert other.sensitivity[::-1] == pytest.approx(one.sensitivity, abs=1e-9)


@pytest.mark.parametrize(
    "hits",
    [
        np.zeros((3, 1000), np.bool_),
        np.arange(1000) < np.full((3, 1), LEAST_TRUE - 1),
        np.arange(1000) < np.full((2, 1), 100),
        np.zeros((3, 0), np.bool_),
        np.zeros((0, 5), np.bool_),
    ],
    ids=["nothing found", "few marks", "two raters", "no items", "no raters"],
)
def test_too_little_gives_no_estimate(hits):
    found = estimated(hits)
    assert found == RaterEstimates((None,) * len(hits), (None,) * len(hits), None)


def test_a_rater_that_looked_nowhere_has_no_estimate_and_is_none_of_the_three():
    hits, _ = simulated([0.9] * 4, [0.99] * 4, 100, 1000, seed=7)
    looked = np.ones_like(hits)
    looked[3] = False
    assert estimated(hits, looked).sensitivity[3] is None
    looked[2] = False
    assert estimated(hits, looked).sensitivity == (None,) * 4
