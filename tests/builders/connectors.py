"""Stored connectors, made of hand-made records: NAME_connector.json and the record of each lane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dscope_blink.files.names import CONNECTOR
from dscope_blink.records import (
    ConnectorLayout,
    ConnectorResult,
    FiberRow,
    ImageInfo,
    Inspection,
    Lane,
    LaneOutcome,
    RowPicture,
)
from dscope_blink.records.connector_file import connector_json
from tests.builders.inspections import PASSED
from tests.builders.stored_results import result_of

SHA = "cd" * 32


def lane_record(folder: Path, connector: str, number: int, inspection: Inspection = PASSED, sha256: str = SHA) -> Path:
    """The record of one lane."""
    info = ImageInfo("row.png", sha256, inspection.image.width, inspection.image.height)
    one = replace(inspection, image=info, lane=Lane(connector, "few", number))
    return result_of(folder, f"row_lane{number:02d}", one, pictures=False)


def connector_of(folder: Path, name: str, lanes: Sequence[Inspection]) -> list[Path]:
    """A connector with a lane for each inspection; the records of the lanes."""
    paths = [lane_record(folder, name, number, one) for number, one in enumerate(lanes, 1)]
    places = tuple(range(1, len(lanes) + 1))
    layout = ConnectorLayout("few fibers", (FiberRow(places, 0.0),), 250.0, 500.0, 125.0, "up", False, "any")
    outcomes = tuple(
        LaneOutcome(n, one.verdict.status, one.verdict.reasons, f"row_lane{n:02d}", "row.png")
        for n, one in enumerate(lanes, 1)
    )
    picture = RowPicture("row.png", SHA, None, (), None, None)
    result = ConnectorResult(name, "few", layout, (picture,), outcomes)
    (folder / (name.replace("/", "_") + CONNECTOR)).write_bytes(connector_json(result))
    (folder / "row_lanes.png").write_bytes(b"")
    return paths
