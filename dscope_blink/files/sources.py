"""Files in folders that may be sources of a face: records, reports of other programs, masks beside them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dscope_blink.files.masks import MASK_ENDS
from dscope_blink.files.names import FOREIGN_REPORT, RESULT
from dscope_blink.files.pictures import is_of_the_system, is_skipped, left_out_text, natural_order
from dscope_blink.files.walking import walk
from dscope_blink.records import LogLine, UserError, printable

MASK_NAMES = ("mask", "label", "defects", "marks")  # one of them is in the name of every mask


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file in one of the folders that were given."""

    path: Path
    file: str  # what it is called: the name of the folder that was given, and the path in it
    folders: tuple[str, ...]  # it lies in, the one that was given first


@dataclass(frozen=True, slots=True)
class FoundSources:
    """What folders hold, each file once, in an order that does not depend on that of the folders."""

    records: tuple[FoundFile, ...] = ()
    reports: tuple[FoundFile, ...] = ()
    masks: tuple[FoundFile, ...] = ()
    log: tuple[LogLine, ...] = ()


def find_sources(folders: Sequence[Path]) -> FoundSources:
    """The files of folders and their subfolders.

    Hidden folders and those of the system are left out and links to folders not followed, as where pictures are looked
    for.

    Raises
    ------
    UserError : there is no such folder
    """
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"results folder {folder}: {'not a folder' if folder.exists() else 'no such folder'}")
    log: list[LogLine] = []
    found = [
        file for folder, name in zip(folders, _names_of(folders), strict=True) for file in _files_in(folder, name, log)
    ]
    once = _each_once(found, log)
    of = _chosen(once)
    return FoundSources(
        of(lambda name: name.endswith(RESULT)),
        of(lambda name: name.endswith(FOREIGN_REPORT)),
        of(lambda name: name.lower().endswith(MASK_ENDS)),
        tuple(log),
    )


def masks_beside(reports: Sequence[FoundFile]) -> tuple[FoundFile, ...]:
    """The masks in the folders of some reports; none where a folder cannot be read."""
    found = []
    for folder, folders in dict.fromkeys((one.path.parent, one.folders) for one in reports):
        with suppress(OSError):
            names = sorted(name for name in os.listdir(folder) if _is_mask(name))
            found += [FoundFile(folder / name, printable((folder / name).as_posix()), folders) for name in names]
    return tuple(found)


def _names_of(folders: Sequence[Path]) -> list[str]:
    """What each folder is called: its own name, and as many of those above it as tell it from the others."""
    parts = [Path(os.path.abspath(folder)).parts for folder in folders]
    names = []
    for own in parts:
        others = [other for other in parts if other != own]
        length = next((n for n in range(1, len(own)) if all(other[-n:] != own[-n:] for other in others)), len(own))
        names.append("/".join(own[-length:]).replace("//", "/"))
    return names


def _files_in(folder: Path, name: str, log: list[LogLine]) -> list[FoundFile]:
    errors: list[OSError] = []
    found: list[FoundFile] = []
    systems: set[str] = set()
    for parent, folders, names in walk(folder, errors.append):
        systems |= set(filter(is_of_the_system, folders))
        folders[:] = [one for one in folders if not is_skipped(one)]
        links = [one for one in folders if os.path.islink(os.path.join(parent, one))]
        here = Path(parent).relative_to(folder)
        log += [LogLine(_called(name, here / one), "a link to a folder is not followed", "info") for one in links]
        above = (*name.split("/"), *here.parts)
        sought = (one for one in names if not one.startswith(".") and _is_sought(one))
        found += [FoundFile(Path(parent, one), _called(name, here / one), above) for one in sought]
    log += [LogLine(printable(str(e.filename)), f"cannot be read, {e.strerror}", "warning") for e in errors]
    log += [LogLine(printable(name), left_out_text(one), "info") for one in sorted(systems)]
    return found


def _called(name: str, path: Path) -> str:
    return printable(f"{name}/{path.as_posix()}")


def _is_sought(name: str) -> bool:
    return name.endswith((RESULT, FOREIGN_REPORT)) or _is_mask(name)


def _is_mask(name: str) -> bool:
    return name.lower().endswith(MASK_ENDS) and any(word in name.lower() for word in MASK_NAMES)


def _each_once(found: Sequence[FoundFile], log: list[LogLine]) -> list[FoundFile]:
    """Without what another of the folders holds too, in natural order."""
    once: dict[str, FoundFile] = {}
    for one in sorted(found, key=lambda file: (natural_order(file.file), os.fspath(file.path))):
        first = once.setdefault(os.path.realpath(one.path), one)
        if first is not one and first.file != one.file:
            log.append(LogLine(one.file, f"the same file as {first.file}: it counts once", "info"))
    return list(once.values())


def _chosen(files: Sequence[FoundFile]) -> Callable[[Callable[[str], bool]], tuple[FoundFile, ...]]:
    return lambda is_one: tuple(file for file in files if is_one(file.path.name))
