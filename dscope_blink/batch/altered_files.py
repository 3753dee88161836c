"""The files of a folder beside those that its manifest lists: altered, added, removed, moved or exchanged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from dscope_blink.batch.vouching import Finding
from dscope_blink.files.folder_listing import Hashed, Listing, hash_file, list_folder
from dscope_blink.files.names import LOG, MANIFEST, is_of_results
from dscope_blink.records import read_file
from dscope_blink.records.batch_manifest import BatchManifest, ListedPart, OtherFile


def altered_files(manifest: BatchManifest, there: Listing) -> Iterator[Finding]:
    """What is not as the manifest lists it; the files that are as listed are all others."""
    listed = {file.name: Hashed(file.sha256, file.size) for file in manifest.files}
    now, unread = _hashes(there, listed)
    gone = {name: listed[name] for name in listed.keys() - now.keys() - unread.keys()}
    others = {other.name: other for other in manifest.others}
    new = {name: there.files[name] for name in sorted(there.files.keys() - listed.keys() - others.keys())}
    moved = dict(_moved(gone, new))
    for name, why in sorted(unread.items()):
        yield Finding("altered", name, why)
    yield from _changed(listed, now)
    for name in sorted(gone.keys() - moved.keys()):
        yield Finding("removed", name)
    for name in sorted(moved):
        yield Finding("moved", name, f"it is called {moved[name]} now")
    for name, path in new.items():
        if name not in moved.values() and not (LOG.match(name) and _is_empty(path)):
            yield Finding("added", name)
    for name in sorted(there.odd.keys() - listed.keys()):
        yield Finding("added", name, there.odd[name])
    yield from _other_files(others, there)
    for part in manifest.parts:
        yield from _part(part, there)


def _hashes(there: Listing, listed: Mapping[str, Hashed]) -> tuple[dict[str, Hashed], dict[str, str]]:
    """Of the files that are listed and there, and why one of them cannot be read."""
    now, unread = dict[str, Hashed](), {name: there.odd[name] for name in listed.keys() & there.odd.keys()}
    for name in listed.keys() & there.files.keys():
        try:
            now[name] = hash_file(there.files[name])
        except OSError as error:
            unread[name] = error.strerror or "it cannot be read"
    return now, unread


def _changed(listed: Mapping[str, Hashed], now: Mapping[str, Hashed]) -> Iterator[Finding]:
    """Those with other bytes; what they hold now is told where that was written under another name."""
    names = {hashed: name for name, hashed in listed.items()}
    exchanged: set[str] = set()
    for name in sorted(name for name, hashed in now.items() if hashed != listed[name]):
        source = names.get(now[name])
        if name in exchanged:
            continue
        if source is None:
            yield Finding("altered", name)
        elif now.get(source) == listed[name]:
            exchanged.add(source)
            yield Finding("exchanged", name, f"with {source}")
        else:
            yield Finding("altered", name, f"it holds what was written as {source}")


def _moved(gone: Mapping[str, Hashed], new: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """The new name of each file that is gone under its old one."""
    sizes = {hashed.size for hashed in gone.values()}
    found: dict[Hashed, str] = {}
    for name, path in new.items():
        try:
            if path.lstat().st_size in sizes:
                found.setdefault(hash_file(path), name)
        except OSError:
            continue
    for name in sorted(gone):
        if gone[name] in found:
            yield name, found.pop(gone[name])


def _is_empty(path: Path) -> bool:
    """A command that was refused has begun the log of a day and said nothing in it."""
    try:
        return path.lstat().st_size == 0
    except OSError:
        return False


def _other_files(others: Mapping[str, OtherFile], there: Listing) -> Iterator[Finding]:
    for name, other in others.items():
        if name not in there.files:
            yield Finding("removed", name, there.odd.get(name, ""))
        elif not _is_as_before(other, there.files[name]):
            yield Finding("altered", name)
        if is_of_results(name):
            yield Finding("not_written_here", name, "named as a result, and no run that is vouched for has written it")


def _is_as_before(other: OtherFile, path: Path) -> bool:
    try:
        if other.sha256 is None:
            return path.lstat().st_size == other.size
        return hash_file(path) == Hashed(other.sha256, other.size)
    except OSError:
        return False


def _part(part: ListedPart, there: Listing) -> Iterator[Finding]:
    """A folder within is to be at that run or at one after it, whose chain holds it."""
    if part.folder not in there.parts:
        yield Finding("removed", part.folder, "a folder with a manifest of its own")
        return
    place = there.parts[part.folder]
    paths = [place / MANIFEST, *list_folder(place).chain.values()]
    if not any(_sha256_of(path) == part.sha256 for path in paths):
        yield Finding("altered", part.folder, "its runs are others than the one that was there")


def _sha256_of(path: Path) -> str:
    try:
        return hashlib.sha256(read_file(path)).hexdigest()
    except OSError:
        return ""
