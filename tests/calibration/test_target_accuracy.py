"""The claims about the scale: off by at most 0.1 %, and within the stated uncertainty in 95 % of the cases."""

from __future__ import annotations

import pytest

from benchmarks.targets import SHAPES, Outcome, dots_case, measure, missed, ruler_case, without_tolerance
from dscope_blink.config.settings import Config
from tests.builders.settings import SETTINGS

SEED = 61
SMALL = ((360, 480),)
KINDS = {"dots": dots_case, "ticks": ruler_case}


@pytest.fixture(scope="module")
def config() -> Config:
    settings = SETTINGS
    return without_tolerance(settings.profile(settings.default_profile))


def check(outcomes: list[Outcome]) -> None:
    assert [missed(outcome) for outcome in outcomes if not outcome.exact] == []
    covered = sum(outcome.covered for outcome in outcomes)
    assert covered >= 0.95 * len(outcomes), [missed(outcome) for outcome in outcomes if not outcome.covered]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_scale_of_small_rendered_targets_is_right_and_its_uncertainty_honest(kind: str, config: Config) -> None:
    check([measure(KINDS[kind](number, SEED, SMALL), config) for number in range(12)])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_scale_of_rendered_targets_is_right_and_its_uncertainty_honest(kind: str, config: Config) -> None:
    check([measure(KINDS[kind](number, SEED, SHAPES), config) for number in range(200)])


def test_short_wide_ticks_beside_large_captions_are_found(config: Config) -> None:
    check([measure(ruler_case(24, 1007, SHAPES), config)])


@pytest.mark.parametrize("kind", KINDS)
def test_a_stated_uncertainty_is_no_excuse(kind: str, config: Config) -> None:
    outcome = measure(KINDS[kind](0, SEED, SMALL), config)
    assert 0 < max(outcome.uncertainties_pct) < 0.02
