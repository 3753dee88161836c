"""JSON files of a data set, for people too: the same bytes for the same content."""

from __future__ import annotations

import json
from typing import Any


def json_bytes(value: Any) -> bytes:
    """UTF-8 with a line for each value."""
    return (json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode("utf-8", "backslashreplace")
