"""The manifests of the runs before in a folder: set aside one by one, each known by the next, and trusted or not."""

from __future__ import annotations

import hashlib
import logging
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dscope_blink.files.folder_listing import CHAIN_LINK
from dscope_blink.files.keys import SigningKey, is_signed_by
from dscope_blink.files.ledger import Ledger
from dscope_blink.files.names import MANIFEST, MANIFESTS
from dscope_blink.files.whole_files import writing
from dscope_blink.records import printable, read_file
from dscope_blink.records.batch_manifest import BadManifest, BatchManifest, ListedFile, by_name, read_manifest

logger = logging.getLogger("dscope.batch")


@dataclass(frozen=True, slots=True)
class Before:
    """What the runs before have left: the newest manifest, whether it can be trusted, and its place in the chain."""

    number: int = 0
    sha256: str | None = None  # of the newest manifest
    manifest: BatchManifest | None = None  # None: there is none that is trusted

    @property
    def batch(self) -> str:
        """That of the folder, a new one where nothing is known of it."""
        return uuid.uuid4().hex if self.manifest is None else self.manifest.batch

    @property
    def files(self) -> Mapping[str, ListedFile]:
        """What they have written."""
        return {} if self.manifest is None else by_name(self.manifest.files)


def set_aside(folder: Path, key: SigningKey | None, ledger: Ledger | None) -> Before:
    """Put the manifest of the run before to those of all runs; a run that is killed leaves none in its place.

    Parameters
    ----------
    folder : of the results
    key : of this run: what another has signed, or an older manifest that somebody put back, is not gone on with
    ledger : of that key
    """
    chain = list_chain(folder)
    newest, path = max(chain, default=0), folder / MANIFEST
    if os.path.lexists(path):
        newest += 1
        place = folder / MANIFESTS / f"{newest:04}.json"
        with writing(place):
            os.replace(path, place)
        chain[newest] = place
    if not newest:
        return Before()
    return _newest_trusted(chain, newest, key, ledger)


def list_chain(folder: Path) -> dict[int, Path]:
    """The manifests of the runs before, by their numbers."""
    try:
        names = os.listdir(folder / MANIFESTS)
    except OSError:
        return {}
    return {int(found[1]): folder / MANIFESTS / found[0] for found in map(CHAIN_LINK.match, names) if found}


def _newest_trusted(chain: Mapping[int, Path], newest: int, key: SigningKey | None, ledger: Ledger | None) -> Before:
    """With what the newest of them lists that can be trusted: runs without a key may have come after it."""
    before = Before(newest)
    for number in sorted(chain, reverse=True):
        try:
            data = read_file(chain[number])
            sha256 = hashlib.sha256(data).hexdigest()
            if number == newest:
                before = replace(before, sha256=sha256)
            manifest = read_manifest(data)
            why = _why_not_trusted(manifest, number, sha256, key) or _outdated(manifest, sha256, ledger)
        except (OSError, BadManifest) as error:
            why = str(getattr(error, "strerror", None) or error)
        else:
            if not why:
                return replace(before, manifest=manifest)
        logger.error("manifest of run %d: %s; what it lists is not vouched for", number, printable(why))
    return before


def _why_not_trusted(manifest: BatchManifest, number: int, sha256: str, key: SigningKey | None) -> str:
    """What is carried on from it would be signed by this run: it is to be signed itself, and the newest."""
    if manifest.run != number:
        return f"it says that it is of run {manifest.run}"
    if key is None:
        return ""
    signed = manifest.signature
    if signed is None or signed.public_key != key.public_key:
        return "it is not signed by the key of this run"
    if not is_signed_by(signed.public_key, signed.value, manifest.signed_text):
        return "its signature is not of what it says"
    return ""


def _outdated(manifest: BatchManifest, sha256: str, ledger: Ledger | None) -> str:
    newest = None if ledger is None else ledger.newest(manifest.batch)
    return "" if newest is None or newest.sha256 == sha256 else "the ledger knows a newer one"
