"""The severity of marks by size, zone and kind."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from dscope_blink.training.severity_scores import severity_score, severity_tier
from tests.builders.settings import SETTINGS

TRAINING = replace(SETTINGS.profile("fast_scan").training, severity_full_size_um=50.0)


def test_the_score_is_size_times_weights() -> None:
    weights = TRAINING.severity_zone_weights["cladding"] * TRAINING.severity_type_weights["scratch"]
    assert severity_score(25.0, "cladding", "scratch", TRAINING) == pytest.approx(0.5 * weights)
    assert severity_score(500.0, "core", "crack", TRAINING) == 1


def test_a_mark_beyond_all_zones_has_the_weight_of_outside() -> None:
    assert severity_score(50.0, "", "crack", TRAINING) == TRAINING.severity_zone_weights["outside"]


def test_a_tier_begins_at_its_limit() -> None:
    limits = TRAINING.severity_tiers
    assert severity_tier(0.0, TRAINING) == "NEGLIGIBLE"
    for tier in ("LOW", "MEDIUM", "HIGH", "CRITICAL"):
        assert severity_tier(limits[tier], TRAINING) == tier
    assert severity_tier(limits["LOW"] - 1e-9, TRAINING) == "NEGLIGIBLE"
    assert severity_tier(limits["MEDIUM"] - 1e-9, TRAINING) == "LOW"


def test_without_a_scale_nothing_is_said() -> None:
    assert severity_score(math.nan, "core", "crack", TRAINING) is None
    assert severity_tier(None, TRAINING) is None
