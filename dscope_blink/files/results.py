"""Stored results, found again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from dscope_blink.files.names import ANNOTATED, RESULT
from dscope_blink.files.pictures import is_of_the_system, is_skipped, left_out_text, natural_order
from dscope_blink.files.walking import walk
from dscope_blink.files.whole_files import as_written
from dscope_blink.records import UserError, printable


def annotated_picture(start: str) -> Path | None:
    """The annotated picture of a result, whatever its format; `start` is its path without the ends of the names."""
    return next((path for end in ANNOTATED.values() if (path := as_written(Path(start + end))).exists()), None)


@dataclass(frozen=True, slots=True)
class FoundResults:
    """The stored results of a folder in natural order, and what was passed over with the reason."""

    paths: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()


def find_results(folder: Path) -> FoundResults:
    """The stored results of a folder and its subfolders.

    Hidden folders and those of the system are left out and links to folders not followed, as where pictures are looked
    for.

    Raises
    ------
    UserError : there is no such folder, or no stored result in it
    """
    if not folder.is_dir():
        raise UserError(f"results folder {folder}: {'not a folder' if folder.exists() else 'no such folder'}")
    errors: list[OSError] = []
    found, links, systems = [], [], set[str]()
    for parent, folders, names in walk(folder, errors.append):
        systems |= set(filter(is_of_the_system, folders))
        folders[:] = [name for name in folders if not is_skipped(name)]
        links += [name for name in folders if os.path.islink(os.path.join(parent, name))]
        here = Path(parent).relative_to(folder)
        found += [(here / n).as_posix() for n in names if n.endswith(RESULT) and not n.startswith(".")]
    if not found:
        raise UserError(f"results folder {folder}: no stored result in it (*{RESULT})")
    warnings = [f"{printable(str(error.filename))}: cannot be read, {error.strerror}" for error in errors]
    warnings += [f"{printable(link)}: a link to a folder is not followed" for link in links]
    warnings += map(left_out_text, sorted(systems))
    return FoundResults(tuple(folder / name for name in sorted(found, key=natural_order)), tuple(warnings))
