"""Connectors judged again from the records of their lanes: connectors_KEY.csv beside the summary of the lanes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dscope_blink.files.names import CONNECTOR, CONNECTORS_BY, RESULT
from dscope_blink.files.whole_files import write_file, writing
from dscope_blink.gates.lanes import joined
from dscope_blink.records import ConnectorResult, Inspection, LaneOutcome, printable
from dscope_blink.records.connector_file import load_connector
from dscope_blink.records.stored import BadRecord
from dscope_blink.reporting.connectors import connector_rows
from dscope_blink.reporting.csv_files import csv_bytes

logger = logging.getLogger("dscope.regrading")


@dataclass(frozen=True, slots=True)
class JudgedLane:
    """What a record of a lane is judged now."""

    path: Path  # of the record
    connector: str
    outcome: LaneOutcome


def judged_lane(path: Path, after: Inspection) -> JudgedLane | None:
    """The lane of a record; None: it is of none, or could not be numbered."""
    if after.lane is None or after.lane.number is None:
        return None
    verdict, name = after.verdict, path.name.removesuffix(RESULT)
    outcome = LaneOutcome(after.lane.number, verdict.status, verdict.reasons, name, after.image.file)
    return JudgedLane(path, after.lane.connector, outcome)


def regrade_connectors(folder: Path, lanes: Sequence[JudgedLane], key: str, csv_style: str) -> Path | None:
    """Write the table of the connectors of a folder by what their lanes are judged now.

    Parameters
    ----------
    folder : of the stored results
    lanes : of all of them
    key : stands in the name of the table
    csv_style : key of CSV_STYLES

    Returns
    -------
    The table; None where there is no record of a connector

    Raises
    ------
    WriteFailed : it cannot be written
    """
    results = tuple(_judged(folder, lanes))
    if not results:
        return None
    path = folder / CONNECTORS_BY.format(key)
    with writing(path):
        write_file(path, csv_bytes(connector_rows(results), csv_style))
    return path


def _judged(folder: Path, lanes: Sequence[JudgedLane]) -> Iterator[ConnectorResult]:
    for path in sorted(folder.rglob(f"*{CONNECTOR}")):
        try:
            stored = load_connector(path)
        except BadRecord as error:
            logger.warning("%s: %s", printable(path.name), error)
            continue
        root = Path(str(path).removesuffix(stored.name + CONNECTOR))
        own = (one.outcome for one in lanes if one.connector == stored.name and one.path.is_relative_to(root))
        yield replace(stored, lanes=joined(stored.layout, own))
