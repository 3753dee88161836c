"""How severe a mark is whoever labelled it: a score of its size, its zone and what it is, and a tier of that."""

from __future__ import annotations

import math

from dscope_blink.config.settings import TrainingSettings
from dscope_blink.training.severities import FROM_THE_LEAST

NO_ZONE = "outside"


def severity_score(size_um: float, zone: str, kind: str, settings: TrainingSettings) -> float | None:
    """0..1: size over `severity_full_size_um`, at most 1, times the weights of zone and kind; None without a scale.

    It is no verdict: that follows from the criteria alone.

    Parameters
    ----------
    size_um : diameter of the smallest circle around it; NaN: there is no scale
    zone : that holds it, as the masks name it; empty: none
    kind : one of labels.KINDS
    settings : weights
    """
    if not math.isfinite(size_um):
        return None
    size = min(size_um / settings.severity_full_size_um, 1.0)
    weights = settings.severity_zone_weights[zone or NO_ZONE] * settings.severity_type_weights[kind]
    return round(size * weights, 4)


def severity_tier(score: float | None, settings: TrainingSettings) -> str | None:
    """The highest severity whose limit the score reaches, the least for one that reaches none; None of None."""
    if score is None:
        return None
    reached = [tier for tier in FROM_THE_LEAST[1:] if score >= settings.severity_tiers[tier]]
    return reached[-1] if reached else FROM_THE_LEAST[0]
