"""batch_manifest.json <-> `BatchManifest`: what a run has left in its folder, with hashes, and who vouches for it.

batch_manifest.schema.json describes the file. It is read only as it was written, byte for byte: of one document there
is one text, and what is signed is that of the document without its signature.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from dscope_blink.records.checks import Count, require
from dscope_blink.records.errors import UserError

Hash: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
RunNumber: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=10**9)]
State: TypeAlias = Literal["finished", "unfinished", "watching"]


class BadManifest(UserError):
    """A file that is no manifest of this program, or not as one was written; the message says why."""


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file that a run has written."""

    name: str  # relative to the folder, with forward slashes
    sha256: Hash  # of its bytes; of a link those of the name that it leads to
    size: Count  # bytes
    run: RunNumber  # that wrote it


@dataclass(frozen=True, slots=True)
class OtherFile:
    """A file that lies in the folder and that no known run has written."""

    name: str
    size: Count
    sha256: Hash | None = None  # of a picture of the run; None: nobody looked into it


@dataclass(frozen=True, slots=True)
class ListedPicture:
    """A picture that was looked at, and the record that says what was seen."""

    file: str  # relative to the input folder
    sha256: Hash | None  # of its bytes; None: it could not be read
    pixels_sha256: Hash | None  # None: it could not be decoded, or nobody looked
    record: str  # name of the record, relative to the folder


@dataclass(frozen=True, slots=True)
class ListedPart:
    """A folder within that has a manifest of its own, as it was when this one was written."""

    folder: str
    sha256: Hash  # of its manifest


@dataclass(frozen=True, slots=True)
class MadeBy:
    """The program, and where and for whom it ran."""

    program: str
    version: str
    code_sha256: Hash  # of all files of the package
    python: str
    libraries: Mapping[str, str]  # version by name
    processor: str
    host: str
    operator: str


@dataclass(frozen=True, slots=True)
class Signature:
    """Of the text of the manifest without it."""

    algorithm: Literal["Ed25519"]
    public_key: Hash  # 32 bytes
    value: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{128}$")]


@dataclass(frozen=True, slots=True)
class BatchManifest:
    """What a folder of results holds after a run; `files` has whatever any of its runs has written, the log too."""

    batch: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]  # of this folder, the same in all of its runs
    run: RunNumber
    previous: Hash | None  # sha256 of the manifest of the run before; None: this is the first
    command: str
    state: State
    made: str  # ISO 8601 with offset
    folder: str  # where it lay
    configuration_sha256: Hash
    inputs: Mapping[str, tuple[str, ...]]  # sha256 of what the results rest on, by name
    made_by: MadeBy
    pictures: tuple[ListedPicture, ...]
    files: tuple[ListedFile, ...]
    others: tuple[OtherFile, ...]
    parts: tuple[ListedPart, ...]
    unsigned: str  # why there is no signature; empty where there is one
    signature: Signature | None = None
    schema: Literal["dscope-blink/batch_manifest/1"] = "dscope-blink/batch_manifest/1"

    def __post_init__(self) -> None:
        require((self.signature is None) == bool(self.unsigned), "a manifest has a signature, or says why it has none")
        named = [file.name for file in self.files] + [other.name for other in self.others]
        named += [part.folder for part in self.parts]
        for name in named:
            require(_lies_within(name), f"it names {name!r}, which lies outside of its folder")
        twice = [name for name, count in Counter(named).items() if count > 1]
        require(not twice, f"it names {twice[:1]} twice")

    @property
    def signed_text(self) -> bytes:
        """What is signed."""
        return manifest_bytes(replace(self, signature=None, unsigned=SIGNED))


SIGNED = "signed"  # what stands for the reason in the text that is signed


def _lies_within(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and not {"..", "\0"} & {*path.parts, *name}


def manifest_bytes(manifest: BatchManifest) -> bytes:
    """The file: UTF-8, an object of JSON whose keys stand in the order of their names in the program."""
    document: dict[str, Any] = msgspec.to_builtins(manifest, enc_hook=_plain)
    ordered = {"schema": document.pop("schema"), **document}
    return msgspec.json.format(msgspec.json.encode(ordered), indent=1) + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(type(value).__name__)


def read_manifest(data: bytes) -> BatchManifest:
    """The manifest that `manifest_bytes` gave these bytes for.

    Raises
    ------
    BadManifest : they are those of none, or of one that was changed
    """
    try:
        manifest = msgspec.json.decode(data, type=BatchManifest)
        same = manifest_bytes(manifest) == data
    except (ValueError, RecursionError, OverflowError) as error:  # msgspec's own are ValueErrors
        raise BadManifest(f"no manifest: {str(error)[:300]}") from None
    if not same:
        raise BadManifest("no manifest: its text is not as this program writes it")
    return manifest


def by_name(files: Iterable[ListedFile]) -> dict[str, ListedFile]:
    """The files by their names."""
    return {file.name: file for file in files}
