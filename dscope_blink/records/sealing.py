"""What a stored file says of itself: the sha256 of all else in it, by which a change made afterwards shows.

A seal is no signature: who changes a file can seal it anew. It tells of slips, of damage and of edits by hand; that no
one has exchanged whole files is for the manifest of the batch to say.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from dscope_blink.records.json_reading import decode_json

SEAL = "record_sha256"  # the key of a file that holds its seal
BROKEN = f"it was changed after it was written: its {SEAL} is not that of the rest"


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record, plain JSON types, with its seal as the last key."""
    plain = {name: value for name, value in record.items() if name != SEAL}
    return {**plain, SEAL: _sha256(_canonical(plain))}


def unbroken(data: bytes, decode: Callable[[bytes], Any] = decode_json) -> Any:
    """The JSON value of a file, as `opened` gives it; ValueError too where its seal is broken."""
    value, seal = opened(data, decode)
    if seal is False:
        raise ValueError(BROKEN)
    return value


def opened(data: bytes, decode: Callable[[bytes], Any] = decode_json) -> tuple[Any, bool | None]:
    """The JSON value of a file, and whether its seal is whole; None: it is no object, or has none.

    Parameters
    ----------
    data : the file
    decode : the reader of JSON; the default refuses texts with characters that are none

    Raises
    ------
    ValueError : it is no JSON, or an object in it has a key twice: readers of two kinds would read two records
    RecursionError : it is nested too deeply
    """
    value = decode(data)
    seal = value.pop(SEAL, None) if isinstance(value, dict) else None
    return value, None if seal is None else seal == _sha256(_canonical(value))


def _canonical(value: Any) -> bytes:
    """Bytes that do not depend on the order of keys, on blanks, or on how a number is written."""
    try:
        return msgspec.json.encode(value, order="sorted")
    except UnicodeEncodeError:  # a name with bytes that are no text
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
