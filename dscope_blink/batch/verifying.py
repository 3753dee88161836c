"""Whether a folder of results is as its last run has left it, line by line; what has no manifest is not verifiable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dscope_blink.analysis.rejudging import what_differs
from dscope_blink.batch.altered_files import altered_files
from dscope_blink.batch.run_manifest import folder_name
from dscope_blink.batch.vouching import Finding, Trust, chained, read_at, vouched
from dscope_blink.config.settings import ConfigFile
from dscope_blink.files.folder_listing import Listing, hash_file, list_folder
from dscope_blink.files.keys import fingerprint
from dscope_blink.files.names import MANIFEST, RESULT, is_of_results
from dscope_blink.records.batch_manifest import BadManifest, BatchManifest
from dscope_blink.records.stored import BadRecord, load_record

UNMADE = "no run of this program has ended here, or its manifest was taken away"
BROKEN_OFF = "the last run was broken off, or its manifest was taken away"


@dataclass(frozen=True, slots=True)
class Verifying:
    """A folder to look at, and what it is held against; all checked."""

    folder: Path
    trust: Trust
    settings: ConfigFile  # by which records are judged again
    pictures: Path | None = None  # folder in which they lie; None: they are not looked at


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found in one folder; well only where nothing was found."""

    folder: Path
    findings: tuple[Finding, ...]
    manifest: BatchManifest | None = None  # None: there is none that can be read
    notes: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        """One line."""
        if self.manifest is None:
            return "not verifiable"
        made, signed = self.manifest.made_by, self.manifest.signature
        whose = "not signed" if signed is None else f"signed by key {fingerprint(signed.public_key)}"
        who = f"by {made.operator} on {made.host}, {made.program} {made.version}, {whose}"
        what = f"{len(self.manifest.files)} files, {len(self.manifest.pictures)} pictures"
        found = f"not as written in {len(self.findings)}" if self.findings else "all as it was written"
        return f"run {self.manifest.run} ({self.manifest.command}) of {self.manifest.made} {who}; {what}: {found}"


def verify(asked: Verifying) -> Iterator[Verified]:
    """Look at a folder, and at each one within it that has a manifest of its own.

    Yields
    ------
    Verified of each; never none
    """
    there = list_folder(asked.folder)
    has_own = (asked.folder / MANIFEST).exists() or (asked.folder / MANIFEST).is_symlink()
    if has_own or there.chain or not there.parts or any(map(is_of_results, there.files)):
        yield _verified(asked, there)
    for name in sorted(there.parts):
        yield from verify(Verifying(there.parts[name], asked.trust, asked.settings, asked.pictures))


def _verified(asked: Verifying, there: Listing) -> Verified:
    path = asked.folder / MANIFEST
    if not path.exists() and not path.is_symlink():
        text = BROKEN_OFF if there.chain else UNMADE
        return Verified(asked.folder, (Finding("not_verifiable", MANIFEST, text),))
    try:
        read = read_at(path)
    except BadManifest as error:
        return Verified(asked.folder, (Finding("not_verifiable", MANIFEST, str(error)),))
    manifest, lies_in = read.manifest, folder_name(asked.folder)
    files = tuple(altered_files(manifest, there))
    findings = (
        *vouched(read, asked.trust, lies_in),
        *chained(manifest, there.chain),
        *files,
        *_records(manifest, there, {finding.name for finding in files}, asked.settings),
        *(() if asked.pictures is None else _pictures(manifest, asked.pictures)),
    )
    return Verified(asked.folder, findings, manifest, tuple(_notes(manifest, asked.trust, lies_in)))


def _notes(manifest: BatchManifest, trust: Trust, lies_in: str) -> Iterator[str]:
    """What is no fault, and yet to be known."""
    if manifest.state == "unfinished":
        yield "the run was broken off: of its pictures those that were finished are listed"
    if manifest.state == "watching":
        yield "the watch went on when this was written: what came later is not listed yet"
    if manifest.folder != lies_in:
        yield f"it was written in {manifest.folder}"
    if trust.ledger is None and manifest.signature is not None:
        yield "there is no ledger: an older batch of this folder that was put back is not told from the newest"


def _records(manifest: BatchManifest, there: Listing, found: set[str], settings: ConfigFile) -> Iterator[Finding]:
    """Records whose verdict is another than what they hold comes to; those that were altered are told already."""
    for file in manifest.files:
        if file.name.endswith(RESULT) and file.name not in found:
            why = why_not_followed(there.files[file.name], settings)
            if why:
                yield Finding("wrong_verdict", file.name, why)


def why_not_followed(path: Path, settings: ConfigFile) -> str:
    """Why the verdict of a record does not follow from what it holds; empty: it does."""
    try:
        return "; ".join(what_differs(load_record(path), settings, path))
    except BadRecord as error:
        return str(error)


def _pictures(manifest: BatchManifest, folder: Path) -> Iterator[Finding]:
    """Pictures with other bytes than those that were looked at."""
    known: Mapping[str, str | None] = {picture.file: picture.sha256 for picture in manifest.pictures}
    for file, sha256 in sorted(known.items()):
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts:
            yield Finding("not_verifiable", file, "a picture outside of the folder of pictures")
            continue
        try:
            now = hash_file(folder / file).sha256
        except OSError as error:
            if sha256 is not None:
                yield Finding("removed", file, f"the picture: {error.strerror}")
            continue
        if now != sha256:
            yield Finding("altered", file, "the picture is another than the one that was looked at")
