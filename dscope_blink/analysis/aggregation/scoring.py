"""The quality score of a face, which passes or fails beside the acceptance criteria and never overrides them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dscope_blink.config.settings import AggregationSettings
from dscope_blink.records import MergedMark, Score


def score_of(marks: Sequence[MergedMark], settings: AggregationSettings) -> Score:
    """100 less a penalty for each mark by its severity, at least 0, and whether that passes."""
    counts = Counter(mark.severity for mark in marks)
    taken = sum(settings.penalties[severity] * count for severity, count in counts.items())
    value = max(100.0 - taken, 0.0)
    rules = {
        f"{counts['CRITICAL']} critical marks, at most {settings.max_critical}": counts["CRITICAL"]
        > settings.max_critical,
        f"{counts['HIGH']} high marks, at most {settings.max_high}": counts["HIGH"] > settings.max_high,
        f"score {value:g}, at least {settings.min_score:g}": value < settings.min_score,
    }
    reasons = tuple(text for text, broken in rules.items() if broken)
    return Score(value, not reasons, reasons)
