"""Pairs of pits have the gaps that the table names, and the two searches differ in the doubling alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.small_claddings import GAPS_UM, Figures, pairs, ways
from tests.builders.settings import SETTINGS


def test_pairs_of_pits_have_each_gap_once():
    drawn = pairs(2, np.random.default_rng(1))
    assert sorted(gap for gap, _, _ in drawn) == list(GAPS_UM)
    for gap, one, other in drawn:
        between = math.dist(one.centre_um, other.centre_um) - (one.diameter_um + other.diameter_um) / 2
        assert between == pytest.approx(gap)


def test_the_searches_differ_in_the_doubling_alone():
    config = SETTINGS.profile("deep_inspection")
    as_it_is, doubled = ways(config).values()
    assert (as_it_is.residual.doubled_below_px, doubled.residual.doubled_from_px) == (0, 0)
    assert doubled.residual.doubled_below_px > config.residual.doubled_below_px
    assert all(replace(way, residual=config.residual) == config for way in (as_it_is, doubled))


def test_shares_count_pairs_of_the_gaps_asked_for():
    figures = Figures()
    figures.apart[1.5], figures.apart[2.0], figures.apart[4.0] = [True, False], [False, False], [True]
    assert figures.share_apart((1.5, 2.0)) == 0.25
    assert figures.share_apart((4.0,)) == 1.0
