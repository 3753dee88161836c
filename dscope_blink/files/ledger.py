"""The ledger of a key: which manifests it has signed, so that an older one put back is told from the newest.

It lies beside the key and out of the folders that it speaks of; one line of JSON for each signature, appended.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from dscope_blink.files.keys import PUBLIC
from dscope_blink.records import UserError, printable, read_file
from dscope_blink.records.batch_manifest import BatchManifest, Hash, RunNumber

LEDGER = ".ledger.jsonl"  # after the name of the private key
MOST_BYTES = 2**30


@dataclass(frozen=True, slots=True)
class Entry:
    """One manifest that was signed."""

    made: str
    folder: str  # where it lay
    batch: str
    run: RunNumber
    sha256: Hash  # of its file


@dataclass(frozen=True, slots=True)
class Ledger:
    """All of them, the newest last, and the lines that say nothing."""

    entries: tuple[Entry, ...] = ()
    broken: tuple[int, ...] = ()  # numbers of lines

    def newest(self, batch: str) -> Entry | None:
        """The last that was signed of a batch."""
        return next((one for one in reversed(self.entries) if one.batch == batch), None)

    def newest_in(self, folder: str) -> Entry | None:
        """The last that was signed in a folder, of whichever batch."""
        return next((one for one in reversed(self.entries) if one.folder == folder), None)


def ledger_file(key: Path) -> Path:
    """Where the ledger of a key lies, of which either file is given."""
    return key.with_name(key.name.removesuffix(PUBLIC) + LEDGER)


def append(path: Path, manifest: BatchManifest, sha256: str) -> None:
    """Add a line for a manifest that was signed, on the disk when this returns; UserError if it cannot be written."""
    entry = Entry(manifest.made, manifest.folder, manifest.batch, manifest.run, sha256)
    line = msgspec.json.encode(entry) + b"\n"
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        with os.fdopen(handle, "rb+", buffering=0) as file:
            os.write(file.fileno(), b"\n" + line if _breaks_off(file.fileno()) else line)
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(f"ledger {path}: cannot be written, {error.strerror}") from None


def _breaks_off(handle: int) -> bool:
    """Whether the last line has no end, as after a power cut."""
    size = os.fstat(handle).st_size
    if not size:
        return False
    os.lseek(handle, -1, os.SEEK_END)
    return os.read(handle, 1) != b"\n"


def read_ledger(path: Path) -> Ledger:
    """The ledger in a file, none where there is no file; UserError where it cannot be read."""
    if not os.path.lexists(path):
        return Ledger()
    try:
        lines = read_file(path, MOST_BYTES).split(b"\n")
    except OSError as error:
        raise UserError(f"ledger {printable(str(path))}: cannot be read, {error.strerror}") from None
    return _read(lines)


def _read(lines: Iterable[bytes]) -> Ledger:
    decoder, entries, broken = msgspec.json.Decoder(Entry), list[Entry](), list[int]()
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            entries.append(decoder.decode(line))
        except (ValueError, RecursionError):
            broken.append(number)
    return Ledger(tuple(entries), tuple(broken))
