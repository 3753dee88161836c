"""Connectors judged again from the records of their lanes: connectors_KEY.csv beside the summary of the lanes."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dscope_blink.files.names import CONNECTOR, CONNECTORS_BY, RESULT
from dscope_blink.files.whole_files import write_file, writing
from dscope_blink.gates.lanes import joined
from dscope_blink.records import (
    ConnectorLayout,
    ConnectorResult,
    FiberRow,
    Inspection,
    LaneOutcome,
    Notice,
    notice,
    printable,
)
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
    picture: tuple[str, str | None]  # file and hash
    outcome: LaneOutcome


def judged_lane(path: Path, after: Inspection) -> JudgedLane | None:
    """The lane of a record; None: it is of none, or could not be numbered."""
    if after.lane is None or after.lane.number is None:
        return None
    verdict, name = after.verdict, path.name.removesuffix(RESULT)
    outcome = LaneOutcome(after.lane.number, verdict.status, verdict.reasons, name, after.image.file)
    return JudgedLane(path, after.lane.connector, (after.image.file, after.image.sha256), outcome)


def regrade_connectors(
    folder: Path, lanes: Sequence[JudgedLane], key: str, layouts: Mapping[str, ConnectorLayout], csv_style: str
) -> Path | None:
    """Write the table of the connectors of a folder by what their lanes are judged now.

    Parameters
    ----------
    folder : of the stored results
    lanes : of all of them
    key : stands in the name of the table
    layouts : by their keys, as they are now
    csv_style : key of CSV_STYLES

    Returns
    -------
    The table; None where there is no record of a connector

    Raises
    ------
    WriteFailed : it cannot be written
    """
    results = tuple(_judged(folder, lanes, layouts))
    if not results:
        return None
    path = folder / CONNECTORS_BY.format(key)
    with writing(path):
        write_file(path, csv_bytes(connector_rows(results), csv_style))
    return path


def _judged(
    folder: Path, lanes: Sequence[JudgedLane], layouts: Mapping[str, ConnectorLayout]
) -> Iterator[ConnectorResult]:
    for path in sorted(folder.rglob(f"*{CONNECTOR}")):
        try:
            stored = load_connector(path)
        except BadRecord as error:
            logger.warning("%s: %s", printable(path.name), error)
            yield _unknown(path, lanes, str(error))
            continue
        root = Path(str(path).removesuffix(stored.name + CONNECTOR))
        own = [one for one in lanes if one.connector == stored.name and one.path.is_relative_to(root)]
        wanted = {one.number for one in stored.lanes} | set(_numbers(layouts.get(stored.layout_key, stored.layout)))
        yield _by_its_lanes(stored, own, wanted)


def _unknown(path: Path, lanes: Sequence[JudgedLane], problem: str) -> ConnectorResult:
    """A connector whose own record says nothing that counts: nobody knows which lanes it has, beside those seen."""
    name = path.name.removesuffix(CONNECTOR)
    here = [one for one in lanes if one.connector == name and one.path.is_relative_to(path.parent)]
    last = max((one.outcome.number for one in here), default=1)
    row = ConnectorLayout("", (FiberRow(tuple(range(1, last + 1)), 0.0),), 1.0, 1.0, 1.0, "up", False, "")
    doubt = notice("unreadable_record", f"{path.name}: {problem}")
    known = {one.outcome.number: one.outcome for one in here}
    blank = (known.get(number) or LaneOutcome(number, "NOT_GRADED", (doubt,)) for number in range(1, last + 1))
    return ConnectorResult(name, "", row, (), tuple(_in_doubt(one, doubt) for one in blank))


def _numbers(layout: ConnectorLayout) -> range:
    return range(1, len(layout.lanes) + 1)


def _by_its_lanes(stored: ConnectorResult, own: Sequence[JudgedLane], wanted: Collection[int]) -> ConnectorResult:
    """A connector by the records that its own names: what others left in the folder is none of it."""
    pictures = {(one.file, one.sha256) for one in stored.pictures}
    here = [one.outcome for one in own if one.picture in pictures]
    seen = {one.number for one in stored.lanes if one.record is not None}
    lost = [_lost(one) for one in stored.lanes if one.record not in {None, *(other.record for other in here)}]
    lanes = joined(stored.layout, [*lost, *(one for one in here if one.number in seen)])
    if {one.number for one in here} | set(wanted) <= set(_numbers(stored.layout)):
        return replace(stored, lanes=lanes)
    doubt = notice("not_numbered", f"its record has {len(stored.lanes)} lanes, its layout or its pictures have others")
    return replace(stored, lanes=tuple(_in_doubt(one, doubt) for one in lanes))


def _lost(lane: LaneOutcome) -> LaneOutcome:
    """A lane whose record is gone: what others say of it is not what decided."""
    return LaneOutcome(lane.number, "NOT_GRADED", (notice("lane_not_seen", f"its record {lane.record} is missing"),))


def _in_doubt(lane: LaneOutcome, doubt: Notice) -> LaneOutcome:
    return lane if lane.status == "FAIL" else replace(lane, status="NOT_GRADED", reasons=(doubt,))
