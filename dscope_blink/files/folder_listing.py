"""What lies in a folder of results, and the hash of each file of it; nothing that is no file is ever opened."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dscope_blink.files.names import HELD, LOCK, MANIFEST, MANIFESTS, RUN

CHAIN_LINK = re.compile(r"^(\d{4,9})\.json$")  # a manifest of before, in MANIFESTS


@dataclass(frozen=True, slots=True)
class Listing:
    """The contents of a folder, by names relative to it with forward slashes, in which any bytes can be told."""

    files: Mapping[str, Path]  # files and links
    odd: Mapping[str, str]  # what is neither, or cannot be looked at: why
    parts: Mapping[str, Path]  # folders within that have a manifest of their own, of which nothing else is listed
    chain: Mapping[int, Path] = field(default_factory=dict)  # manifests of before, by their numbers


def list_folder(folder: Path) -> Listing:
    """List a folder and all below it, without its manifest and lock; links are not followed."""
    files, odd, parts = dict[str, Path](), dict[str, str](), dict[str, Path]()
    errors: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=errors.append):
        here = Path(parent)
        own = [
            name for name in sorted(folders) if (here / name / MANIFEST).is_file() and not (here / name).is_symlink()
        ]
        parts |= {_name(here / name, folder): here / name for name in own}
        linked = [name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted({*folders} - {*own, *linked})
        for name in (*linked, *names):
            path = here / name
            why = _why_odd(path)
            if why:
                odd[_name(path, folder)] = why
            elif not (here == folder and name in (MANIFEST, LOCK, HELD, RUN)):
                files[_name(path, folder)] = path
    odd |= {_name(Path(error.filename), folder): error.strerror or "cannot be read" for error in errors}
    chain = {int(found[1]): path for name, path in files.items() if (found := _link(name))}
    return Listing({name: path for name, path in files.items() if not _link(name)}, odd, parts, chain)


def _link(name: str) -> re.Match[str] | None:
    folder, _, file = name.rpartition("/")
    return CHAIN_LINK.match(file) if folder == MANIFESTS else None


def _name(path: Path, folder: Path) -> str:
    """As a text that UTF-8 can hold; bytes of no letters are spelt out, and told from letters that spell them."""
    name = path.relative_to(folder).as_posix()
    if any("\ud800" <= letter <= "\udfff" for letter in name):
        name = os.fsencode(name.replace("\\", "\\\\")).decode("utf-8", "backslashreplace")
    return name


def _why_odd(path: Path) -> str:
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        return error.strerror or "cannot be read"
    return "" if stat.S_ISREG(mode) or stat.S_ISLNK(mode) else "neither a file nor a folder"


@dataclass(frozen=True, slots=True)
class Hashed:
    """The sha256 of a file and its size."""

    sha256: str
    size: int


def hash_file(path: Path) -> Hashed:
    """Of the bytes of a file; of a link, of the name that it leads to.

    Raises
    ------
    OSError : it cannot be read, or is neither; no pipe and no device is waited for
    """
    if path.is_symlink():
        leads_to = b"link to " + os.fsencode(os.readlink(path))
        return Hashed(hashlib.sha256(leads_to).hexdigest(), len(leads_to))
    wary = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, os.O_RDONLY | wary), "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a file", os.fspath(path))
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Hashed(digest, file.tell())
