"""What the reports of a batch say of its connectors: the verdict of NAME_connector.json, held against its lanes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from dscope_blink.files.names import CONNECTOR, LANES, RESULT
from dscope_blink.records import ConnectorResult, Inspection, LaneOutcome, Notice, Status, notice
from dscope_blink.records.connector_file import load_connector
from dscope_blink.records.stored import BadRecord

ELSEWHERE = "Judged again: the table connectors_KEY.csv has the verdicts of the connectors."


@dataclass(frozen=True, slots=True)
class ConnectorLine:
    """What one connector came to, in words."""

    name: str
    status: Status
    passed: str  # lanes, of all
    failed: str  # numbers of the lanes
    not_graded: str
    why: str  # it does not pass
    pictures: tuple[Path, ...] = ()  # of its lanes; one may not be there


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is kept of one record of a connector."""

    path: Path
    number: int | None
    sha256: str | None
    status: Status
    reasons: tuple[Notice, ...]


class ConnectorVerdicts:
    """The connectors of a batch: the records of their lanes are added one by one.

    Parameters
    ----------
    folder : of the reports; the records of the connectors lie in it, or between it and those of their lanes
    judged_again : whether the lanes have other verdicts than those that the records of the connectors rest on
    """

    def __init__(self, folder: Path, judged_again: bool = False) -> None:
        self._folder, self._judged_again = folder, judged_again
        self._seen: dict[tuple[Path, str], list[_Seen]] = {}

    def add(self, path: Path, inspection: Inspection) -> None:
        """Add one inspection; that of no connector changes nothing."""
        if inspection.lane is None:
            return
        name, verdict = inspection.lane.connector, inspection.verdict
        seen = _Seen(path, inspection.lane.number, inspection.image.sha256, verdict.status, verdict.reasons)
        self._seen.setdefault((self._record_of(path, name), name), []).append(seen)

    def _record_of(self, path: Path, name: str) -> Path:
        """The nearest that is there, from the folder of a lane up to that of the reports."""
        above = [parent for parent in path.parents if parent.is_relative_to(self._folder)]
        places = [parent / (name + CONNECTOR) for parent in above or [path.parent]]
        return next((place for place in places if os.path.isfile(place)), places[-1])

    @property
    def note(self) -> str:
        """What stands in place of the lines; empty: nothing has to."""
        return ELSEWHERE if self._seen and self._judged_again else ""

    def lines(self) -> tuple[ConnectorLine, ...]:
        """One for each connector, in the order of the batch; none where its lanes were judged again."""
        if self._judged_again:
            return ()
        return tuple(_line(path, name, seen) for (path, name), seen in self._seen.items())


def _line(path: Path, name: str, seen: Sequence[_Seen]) -> ConnectorLine:
    pictures = tuple(dict.fromkeys(map(_picture, seen)))
    try:
        stored = load_connector(path)
        if stored.name != name:
            raise BadRecord(f"is of the connector {stored.name}")
    except BadRecord as error:
        why = f"the record of the connector, {path.name}: {error}"
        return ConnectorLine(name, "NOT_GRADED", "not known", "", "", why, pictures)
    result = _held(stored, seen)
    status, reasons = result.status, result.reasons or _foreign(stored, seen)
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return ConnectorLine(
        name,
        "NOT_GRADED" if status == "PASS" and reasons else status,
        f"{sum(lane.status == 'PASS' for lane in result.lanes)} of {len(result.lanes)}",
        _numbers(result.lanes, "FAIL"),
        _numbers(result.lanes, "NOT_GRADED"),
        "".join(f"{reason}{more}" for reason in reasons[:1]),
        pictures,
    )


def _foreign(stored: ConnectorResult, seen: Sequence[_Seen]) -> tuple[str, ...]:
    """Records that name a connector which knows nothing of their pictures."""
    pictures = {picture.sha256 for picture in stored.pictures}
    return tuple(f"{one.path.name} is of none of its pictures" for one in seen if one.sha256 not in pictures)


def _picture(seen: _Seen) -> Path:
    """NAME_lanes.png of NAME_laneNN_result.json, or of NAME_result.json where no lane has a number."""
    name = seen.path.name.removesuffix(RESULT)
    return seen.path.with_name((name if seen.number is None else re.sub(r"_lane\d+$", "", name)) + LANES)


def _numbers(lanes: Iterable[LaneOutcome], status: Status) -> str:
    return ", ".join(str(lane.number) for lane in lanes if lane.status == status)


def _held(stored: ConnectorResult, seen: Sequence[_Seen]) -> ConnectorResult:
    """The connector, of which a lane passes only if its own record is there, of its pictures, and says so too."""
    pictures = {picture.sha256 for picture in stored.pictures}
    here = {(one.path.name.removesuffix(RESULT), one.number): one for one in seen if one.sha256 in pictures}
    return replace(stored, lanes=tuple(_lane(lane, here) for lane in stored.lanes))


def _lane(lane: LaneOutcome, here: Mapping[tuple[str, int | None], _Seen]) -> LaneOutcome:
    if lane.status != "PASS":
        return lane
    own = here.get((PurePosixPath(lane.record or "").name, lane.number))
    if own is None:
        lost = notice("lane_not_seen", f"its record {lane.record} is missing")
        return replace(lane, status="NOT_GRADED", reasons=(lost,))
    return lane if own.status == "PASS" else replace(lane, status=own.status, reasons=own.reasons)
