"""connectors.csv: a row for each connector."""

from __future__ import annotations

from collections.abc import Iterable

from dscope_blink.records import ConnectorResult
from dscope_blink.reporting.tables import Column, Table, table_of


def _lanes(status: str) -> Column:
    meaning = f"lanes that are {status}"
    name = f"{status.title()}_Lanes" if status != "NOT_GRADED" else "Not_Graded_Lanes"
    return Column(name, "", "int64", meaning, lambda one: sum(lane.status == status for lane in one.lanes))


def _numbers(name: str, status: str) -> Column:
    def value(one: ConnectorResult) -> str:
        return "; ".join(str(lane.number) for lane in one.lanes if lane.status == status)

    return Column(name, "", "object", f"numbers of the lanes that are {status}", value)


CONNECTOR_COLUMNS: tuple[Column, ...] = (
    Column("Connector", "", "object", "name of the connector", lambda one: one.name),
    Column("Layout", "", "object", "key of its layout", lambda one: one.layout_key),
    Column("Status", "", "object", "PASS only if every lane is", lambda one: one.status),
    Column("Lanes", "", "int64", "lanes of the layout", lambda one: len(one.lanes)),
    *map(_lanes, ("PASS", "FAIL", "NOT_GRADED")),
    _numbers("Lanes_Failed", "FAIL"),
    _numbers("Lanes_Not_Graded", "NOT_GRADED"),
    Column("Pictures", "", "object", "its pictures", lambda one: "; ".join(p.file for p in one.pictures)),
    Column("Reason(s)", "", "object", "why it does not pass", lambda one: "; ".join(one.reasons)),
)


def connector_rows(results: Iterable[ConnectorResult]) -> Table:
    """The table of connectors."""
    return table_of(CONNECTOR_COLUMNS, ((one,) for one in results))
