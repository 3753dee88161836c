"""JSON that is read the same by all: a key that stands twice in an object is refused, not the last one taken."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import msgspec

ESCAPED_COLON = re.compile(rb"\\u003[aA]")
MOST_DIGITS = 18  # of a whole number; Python's have no end, and a float says `inf` where one cannot be meant


def decode_json(data: bytes) -> Any:
    """What a file of this program says: JSON in UTF-8, by the quickest reader.

    Raises
    ------
    ValueError : it is no JSON, or a key stands twice in one object
    RecursionError : it is nested too deeply
    """
    found = msgspec.json.decode(data)
    if _may_repeat_keys(data, found):
        decode_any_json(data)
    return found


def decode_any_json(text: str | bytes) -> Any:
    """The same of a file that others wrote: also NaN, a byte order mark in UTF-8, UTF-16; long numbers are floats."""
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig") if text[:3] == b"\xef\xbb\xbf" else text.decode(json.detect_encoding(text))
    return json.loads(text, object_pairs_hook=_unique, parse_int=bounded_int)


def bounded_int(digits: str) -> int | float:
    """A whole number, of any length."""
    return int(digits) if len(digits) <= MOST_DIGITS else float(digits)


def _may_repeat_keys(data: bytes, found: Any) -> bool:
    """Whether there are more colons than in what was made of it; of a key that stands twice one is lost."""
    return ESCAPED_COLON.search(data) is not None or data.count(b":") != msgspec.json.encode(found).count(b":")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {twice[:100]!r} stands twice in one object")
    return found
