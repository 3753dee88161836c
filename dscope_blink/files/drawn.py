"""A mark in each picture that this program draws, by which it knows later that it is none to be inspected."""

from __future__ import annotations

import os
import struct
import zlib
from functools import lru_cache
from pathlib import Path

from dscope_blink.files.names import RESULT
from dscope_blink.files.whole_files import FileState, state_of
from dscope_blink.records import read_file
from dscope_blink.records.json_reading import decode_json

MARK = b"dscope-blink/drawn"
PNG_HEAD = 33  # bytes: signature and IHDR
JFIF_START = b"\xff\xd8\xff\xe0"
SEEN_BYTES = 256  # the mark is among the first


def marked(data: bytes) -> bytes:
    """The file of a drawing, PNG or JPEG, with a text in it that its readers pass over; any other file as it is."""
    if data[:4] == b"\x89PNG":
        body = b"tEXtSoftware\0" + MARK
        return data[:PNG_HEAD] + struct.pack(">I", len(body) - 4) + body + _checksum(body) + data[PNG_HEAD:]
    if data[:4] == JFIF_START:
        behind = 4 + int.from_bytes(data[4:6], "big")
        return data[:behind] + b"\xff\xfe" + struct.pack(">H", len(MARK) + 2) + MARK + data[behind:]
    return data


def _checksum(body: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(body))


def is_marked(path: Path) -> bool:
    """Whether this program has drawn the picture in a file; False where it cannot be read."""
    try:
        return _is_marked(os.fspath(path), state_of(path))
    except (OSError, ValueError):
        return False


@lru_cache(maxsize=2**16)
def _is_marked(path: str, state: FileState) -> bool:
    """`state` only tells a file that was changed from what is remembered of it."""
    with open(path, "rb") as file:
        return MARK in file.read(SEEN_BYTES)


def is_of_older_record(start: Path) -> bool:
    """Whether the record of these results was written before drawings were marked: by the name then they are known.

    Parameters
    ----------
    start : path of the results up to the end of NAME
    """
    record = start.with_name(start.name + RESULT)
    try:
        return _is_older(os.fspath(record), state_of(record))
    except (OSError, ValueError, RecursionError):
        return False


@lru_cache(maxsize=2**16)
def _is_older(path: str, state: FileState) -> bool:
    """Records list their files, since drawings are marked."""
    found = decode_json(read_file(Path(path)))
    is_ours = isinstance(found, dict) and str(found.get("schema", "")).startswith("dscope-blink/")
    return is_ours and found.get("outputs") is None
