"""The quality score of a face, which passes or fails beside the acceptance criteria and never overrides them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dscope_blink.config.settings import AggregationSettings
from dscope_blink.records import SEVERITIES, MergedMark, Score, Severity

BEST = 100.0
MOST_NAMED = 5  # marks in one reason


def score_of(marks: Sequence[MergedMark], settings: AggregationSettings) -> Score:
    """100 less a penalty for each mark by its severity, at least 0, and whether that passes.

    Parameters
    ----------
    marks : with the worst severity that the criteria or a source give each
    settings : the penalties, and the limits that make it fail

    Returns
    -------
    Score : it fails by more CRITICAL or HIGH marks than are allowed, and by too little a value; each is a reason
    """
    by_severity = {severity: [m for m in marks if m.severity == severity] for severity in SEVERITIES}
    taken = {severity: settings.penalties[severity] * len(found) for severity, found in by_severity.items()}
    value = max(BEST - sum(taken.values()), 0.0)
    reasons = [
        *_too_many(by_severity["CRITICAL"], "CRITICAL", settings.max_critical),
        *_too_many(by_severity["HIGH"], "HIGH", settings.max_high),
    ]
    if value < settings.min_score:
        parts = [f"{len(by_severity[s])} {s} take {taken[s]:g}" for s in SEVERITIES if taken[s]]
        reasons.append(f"score {value:g}, at least {settings.min_score:g} is asked: {', '.join(parts)}")
    return Score(value, not reasons, tuple(reasons))


def _too_many(found: Sequence[MergedMark], severity: Severity, most: int) -> Iterator[str]:
    if len(found) > most:
        names = [mark.defect.id for mark in found[:MOST_NAMED]] + ["..."] * (len(found) > MOST_NAMED)
        allowed = "none is allowed" if most == 0 else f"at most {most} are allowed"
        yield f"{len(found)} {severity} {'mark' if len(found) == 1 else 'marks'}, {allowed}: {', '.join(names)}"
