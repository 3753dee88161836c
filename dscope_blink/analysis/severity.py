"""How severe a mark is by a table of type, zone and size, beyond what the criteria make of it."""

from __future__ import annotations

from collections.abc import Sequence

from dscope_blink.config.settings import SeverityRow
from dscope_blink.records import SEVERITIES, Criteria, Defect, Severity, judged_by

ELSE: Severity = "LOW"  # where no row fits: seen, and no limit counts it


def by_table(mark: Defect, criteria: Criteria, table: Sequence[SeverityRow]) -> Severity:
    """What the first row that fits makes of a mark; LOW where none does, and without a scale.

    Parameters
    ----------
    mark : with the zone that the criteria put it in
    criteria : they say which of its sizes counts
    table : a row fits a mark of its types in its zones that is below its size with all that is unsure of that
    """
    largest_um = at_most_um(mark, criteria)
    if largest_um is None:
        return ELSE
    return of_size(mark.classification, mark.zone, largest_um, table)


def of_size(kind: str, zone: str, size_um: float, table: Sequence[SeverityRow]) -> Severity:
    """What the first row that fits makes of this kind in a zone at a size; LOW where none does.

    Parameters
    ----------
    kind : of a mark, or ANOMALY for a place that departs from good faces
    zone : by name
    size_um : that counts
    table : its rows
    """
    fitting = (row.severity for row in table if kind in row.types and zone in row.zones and _holds(row, size_um))
    return next(fitting, ELSE)


def at_most_um(mark: Defect, criteria: Criteria) -> float | None:
    """The judged size with its expanded uncertainty, or the bound of one that is not resolved; None without a scale."""
    name = f"{judged_by(mark, criteria)}_um"
    size_um: float | None = getattr(mark, name)
    if size_um is None:
        return None
    return max(size_um + mark.uncertainty.get(name, 0.0), mark.at_most.get(name, 0.0))


def _holds(row: SeverityRow, size_um: float) -> bool:
    return row.below_um is None or size_um < row.below_um


def worst(*severities: Severity) -> Severity:
    """The most severe of them."""
    return min(severities, key=SEVERITIES.index)
