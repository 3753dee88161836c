"""NAME_connector.json <-> `ConnectorResult`, as connector.schema.json describes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from dscope_blink.records.connector import CONNECTOR_SCHEMA, ConnectorResult
from dscope_blink.records.reading import read_file
from dscope_blink.records.sealing import sealed, unbroken
from dscope_blink.records.stored import BadRecord


def connector_json(result: ConnectorResult) -> bytes:
    """The file: schema and verdict first, then all that it follows from."""
    plain = msgspec.to_builtins(result, enc_hook=_plain)
    verdict = {"status": result.status, "reasons": list(result.reasons)}
    record = sealed({"schema": CONNECTOR_SCHEMA, "verdict": verdict} | plain)
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(type(value).__name__)


def load_connector(path: Path) -> ConnectorResult:
    """Read one; the verdict is not read back, for it follows from the lanes.

    Raises
    ------
    BadRecord : the file cannot be read, or is none
    """
    try:
        record = unbroken(read_file(path))
        if not isinstance(record, dict) or record.get("schema") != CONNECTOR_SCHEMA:
            raise ValueError(f"its schema must be {CONNECTOR_SCHEMA}")
        return msgspec.convert(record, ConnectorResult)
    except OSError as error:
        raise BadRecord(f"cannot be read, {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"no record of a connector: {str(error)[:500]}") from None
