"""Purity and adjusted Rand index against what is known of them."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from dscope_blink.training.partitions import adjusted_rand, purity


def test_the_index_is_that_of_another_program() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    for groups in (2, 5, 9):
        one = rng.integers(0, 5, 200)
        other = np.where(rng.random(200) < 0.6, one, rng.integers(0, groups, 200))
        table = Counter(zip(one.tolist(), other.tolist(), strict=True))
        assert adjusted_rand(table) == pytest.approx(metrics.adjusted_rand_score(one, other))


def test_names_do_not_count() -> None:
    assert adjusted_rand({("pit", 7): 4, ("crack", 1): 3}) == 1
    assert purity({("pit", 7): 4, ("crack", 1): 3}) == 1


def test_purity_is_the_share_of_the_commonest_kind_of_each_cluster() -> None:
    assert purity({("pit", 0): 3, ("crack", 0): 1, ("crack", 1): 2, ("pit", 1): 2}) == pytest.approx(5 / 8)


def test_of_nothing_nothing_is_known() -> None:
    assert math.isnan(purity({}))
    assert math.isnan(adjusted_rand({("pit", 0): 1}))
    assert adjusted_rand({("pit", 0): 5}) == 1
