"""How bad marks are, and what that makes of a zone."""

from __future__ import annotations

from collections.abc import Sequence

from dscope_blink.config.settings import TrainingSettings
from dscope_blink.records import SEVERITIES
from dscope_blink.training.labels import Mark

FROM_THE_LEAST: tuple[str, ...] = SEVERITIES[::-1]
ZONE_LABELS = ("clean", "minor", "major")


def worst(marks: Sequence[Mark]) -> Mark | None:
    """The mark of the highest severity, of several the first; None where no mark has one."""
    weighed = [mark for mark in marks if mark.severity]
    return max(weighed, key=lambda mark: FROM_THE_LEAST.index(mark.severity), default=None)


def worst_severity(marks: Sequence[Mark]) -> str | None:
    """None where no mark has one."""
    mark = worst(marks)
    return None if mark is None else mark.severity


def zone_label(marks: Sequence[Mark], settings: TrainingSettings) -> str | None:
    """One of ZONE_LABELS, by the worst mark of a zone; None where a mark without severity could make it another."""
    minor, major = (FROM_THE_LEAST.index(name) for name in (settings.zone_minor_from, settings.zone_major_from))
    level = max((FROM_THE_LEAST.index(mark.severity) for mark in marks if mark.severity), default=-1)
    if level >= major:
        return "major"
    if not all(mark.severity for mark in marks):
        return None
    return "minor" if level >= minor else "clean"
