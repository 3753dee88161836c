"""What a place that departs from good faces is called, how severe it is and how sure; no verdict follows from it."""

from __future__ import annotations

from collections.abc import Sequence

from dscope_blink.analysis.severity import ELSE, of_size
from dscope_blink.analysis.zoning import distances_px
from dscope_blink.config.settings import ReferenceSettings, SeverityRow
from dscope_blink.records import ANOMALY, Defect, Inspection, Points, Severity, ZoneOutline

SURE_SHARE = 0.5  # of the points of a mark's outline that must lie in the box of a place for it to be that mark


def zone_at(outline_px: Points, outlines: Sequence[ZoneOutline]) -> str | None:
    """The innermost zone that an outline reaches into; None beyond them all."""
    for zone in outlines:
        if float(distances_px(outline_px, zone.outer).min()) <= zone.radius_px:
            return zone.name
    return None


def severity_of(diameter_um: float | None, zone: str | None, table: Sequence[SeverityRow]) -> Severity:
    """What the rows for anomalies make of a place, whatever lies there; LOW without a scale or beyond the zones."""
    return ELSE if diameter_um is None or zone is None else of_size(ANOMALY, zone, diameter_um, table)


def confidence_of(score: float, settings: ReferenceSettings) -> float:
    """The highest whose least score a place reaches."""
    reached = [float(name) for name, least in settings.confidence_from.items() if score >= least]
    return max(reached, default=0.0)


def marks_in(outline_px: Points, inspection: Inspection) -> tuple[Defect, ...]:
    """The marks of the classical engine that lie in the box of a place, the largest first."""
    low, high = outline_px.min(axis=0) - 1, outline_px.max(axis=0) + 1
    inside = (
        mark
        for mark in inspection.defects
        if ((mark.contour_px >= low) & (mark.contour_px <= high)).all(axis=1).mean() >= SURE_SHARE
    )
    return tuple(sorted(inside, key=lambda mark: -mark.area_px))
