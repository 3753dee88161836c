"""Whether a manifest is vouched for: its signature, its place in the ledger, the manifests of the runs before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from dscope_blink.files.keys import fingerprint, is_signed_by
from dscope_blink.files.ledger import Entry, Ledger
from dscope_blink.files.names import MANIFEST, MANIFESTS
from dscope_blink.records import read_file
from dscope_blink.records.batch_manifest import BadManifest, BatchManifest, read_manifest

FindingKind: TypeAlias = Literal[
    "not_verifiable",
    "altered",
    "added",
    "removed",
    "moved",
    "exchanged",
    "not_written_here",
    "not_signed",
    "wrong_signature",
    "other_key",
    "older_run",
    "not_in_ledger",
    "broken_ledger",
    "broken_chain",
    "wrong_verdict",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was written."""

    kind: FindingKind
    name: str  # of the file, relative to the folder
    text: str = ""

    @property
    def line(self) -> str:
        """In words."""
        return ": ".join(filter(None, (self.kind.replace("_", " "), self.name, self.text)))


@dataclass(frozen=True, slots=True)
class Trust:
    """What signatures are held against."""

    public_key: str | None = None  # None: nobody says whose they must be
    ledger: Ledger | None = None  # None: there is none
    unsigned_will_do: bool = False  # hashes alone tell of accidents


@dataclass(frozen=True, slots=True)
class ReadManifest:
    """A manifest, and the hash of its file."""

    manifest: BatchManifest
    sha256: str


def read_at(path: Path) -> ReadManifest:
    """Read a manifest; BadManifest where it cannot be read or is none."""
    try:
        data = read_file(path)
    except OSError as error:
        raise BadManifest(f"cannot be read, {error.strerror}") from None
    return ReadManifest(read_manifest(data), hashlib.sha256(data).hexdigest())


def vouched(read: ReadManifest, trust: Trust, folder: str) -> Iterator[Finding]:
    """What keeps a manifest from being trusted.

    Parameters
    ----------
    read : the manifest
    trust : what it is held against
    folder : where it lies, as `run_manifest.folder_name` calls it
    """
    signed = read.manifest.signature
    if signed is None:
        if not trust.unsigned_will_do:
            yield Finding("not_signed", MANIFEST, read.manifest.unsigned)
        return
    whose = fingerprint(signed.public_key)
    if not is_signed_by(signed.public_key, signed.value, read.manifest.signed_text):
        yield Finding("wrong_signature", MANIFEST, f"that of key {whose} is not of what it says")
    elif trust.public_key is None:
        yield Finding("other_key", MANIFEST, f"signed by key {whose}, and none is named that it must be (--key)")
    elif signed.public_key != trust.public_key:
        known = fingerprint(trust.public_key)
        yield Finding("other_key", MANIFEST, f"signed by key {whose}, it must be key {known}")
    elif trust.ledger is not None:
        yield from _in_ledger(read, trust.ledger, folder)


def _in_ledger(read: ReadManifest, ledger: Ledger, folder: str) -> Iterator[Finding]:
    for number in ledger.broken:
        yield Finding("broken_ledger", f"line {number}", "it cannot be read, and may have been of a newer run")
    manifest, newest = read.manifest, ledger.newest(read.manifest.batch)
    if newest is None:
        yield Finding("not_in_ledger", MANIFEST, "the ledger knows nothing of this batch")
    elif newest.sha256 != read.sha256:
        yield _not_the_newest(read, newest, ledger)
    here = ledger.newest_in(folder)
    if here is not None and here.batch != manifest.batch:
        text = f"the ledger knows another batch in this folder, run {here.run} of {here.made}; this one is of"
        yield Finding("exchanged", MANIFEST, f"{text} {manifest.folder}")


def _not_the_newest(read: ReadManifest, newest: Entry, ledger: Ledger) -> Finding:
    known = f"the ledger knows run {newest.run} of {newest.made}"
    if any(one.sha256 == read.sha256 for one in ledger.entries):
        return Finding("older_run", MANIFEST, f"it is run {read.manifest.run} of {read.manifest.made}, {known}")
    return Finding("not_in_ledger", MANIFEST, f"run {read.manifest.run} of {read.manifest.made} is not; {known}")


def chained(manifest: BatchManifest, chain: Mapping[int, Path]) -> Iterator[Finding]:
    """What is wrong with the manifests of the runs before: each is named by the hash that the next one holds.

    Parameters
    ----------
    manifest : the newest
    chain : those before, by their numbers
    """
    previous = manifest.previous
    for number in range(manifest.run - 1, 0, -1):
        name = f"{MANIFESTS}/{number:04}.json"
        if number not in chain:
            yield Finding("broken_chain", name, "it is missing, and with it all before it is unknown")
            return
        try:
            read = read_at(chain[number])
        except BadManifest as error:
            yield Finding("broken_chain", name, f"{error}; all before it is unknown")
            return
        if read.sha256 != previous:
            yield Finding("broken_chain", name, "it is not the one that the next run was chained to")
        previous = read.manifest.previous
    for number in sorted(chain):
        if number >= manifest.run:
            yield Finding(
                "broken_chain", f"{MANIFESTS}/{number:04}.json", f"the manifest here is of run {manifest.run}"
            )
