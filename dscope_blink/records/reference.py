"""How far a face departs from good ones of its kind, and where: what a learned reference says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dscope_blink.records.arrays import Points
from dscope_blink.records.inspection import Inspection
from dscope_blink.records.kinds import Zone

Normality = Literal["NORMAL", "ANOMALOUS", "NOT_OF_THIS_FAMILY", "NOT_COMPARED"]
ANOMALY = "ANOMALY"  # the kind of a place that no mark of the inspection explains


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A place where a face departs from good ones."""

    id: str
    kind: str  # that of the mark of the inspection that lies there; ANOMALY: none does
    zone: Zone | None  # None: beyond them all
    score: float  # its worst place, 1.0 the limit
    outline_px: Points  # (N, 2) float64, x and y in pixels of the stored picture
    area_px: float
    diameter_px: float  # smallest enclosing circle
    diameter_um: float | None  # None without a scale
    confidence: float  # 0..1, by tiers of the score
    severity: str
    marks: tuple[str, ...] = ()  # ids of the classical marks that lie there


@dataclass(frozen=True, slots=True)
class Comparison:
    """A face beside what good ones are like; the acceptance verdict stays its own."""

    status: Normality
    reasons: tuple[str, ...]
    inspection: Inspection
    score: float | None = None  # of the worst place or ring, 1.0 the limit; None: it could not be compared
    ring_score: float | None = None
    anomalies: tuple[Anomaly, ...] = ()  # the worst first
    model_sha256: str = ""
