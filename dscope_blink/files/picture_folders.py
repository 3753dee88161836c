"""Which folders the pictures of some results lay in, and whether they are still there."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dscope_blink.files.names import PICTURE_FOLDERS
from dscope_blink.files.pictures import PIXELS, SUFFIXES, listed
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.whole_files import write_file, writing
from dscope_blink.records import UserError, printable, read_file
from dscope_blink.records.json_reading import decode_any_json
from dscope_blink.records.stored import BadRecord, read_head

SCHEMA = "dscope-blink/picture-folders-1"
MOST_FOLDERS = 100  # the newest; with more, a picture of an older one would never be gone

logger = logging.getLogger("dscope.batch")


def remember_folders(output_dir: Path, images: Iterable[ImageFile], watched: Path | None = None) -> None:
    """Note beside the results which folders their pictures are taken from; WriteFailed where that cannot be written.

    Parameters
    ----------
    output_dir : folder of the results
    images : the pictures
    watched : a folder whose pictures are still to come
    """
    roots = dict.fromkeys(os.path.abspath(root) for image in images for root in _root(image))
    new = [*roots, *([] if watched is None else [os.path.abspath(watched)])]
    known = [folder for folder in _read(output_dir) or () if folder not in new]
    document = {"schema": SCHEMA, "folders": [*known, *new][-MOST_FOLDERS:]}
    path = output_dir / PICTURE_FOLDERS
    if new:
        with writing(path):
            write_file(path, json.dumps(document, indent=1).encode())


def _root(image: ImageFile) -> Sequence[Path]:
    """The folder that the name of a picture is relative to."""
    depth = image.file.count("/")
    return image.path.parents[depth : depth + 1]


def _read(folder: Path) -> tuple[str, ...] | None:
    """None where nothing is noted, or nothing that can be understood."""
    try:
        found = decode_any_json(read_file(folder / PICTURE_FOLDERS))
    except (OSError, ValueError, RecursionError):
        return None
    folders = found.get("folders") if isinstance(found, dict) and found.get("schema") == SCHEMA else None
    known = isinstance(folders, list) and all(isinstance(one, str) and one for one in folders)
    return tuple(folders) if folders and known else None


@dataclass(frozen=True, slots=True)
class StillThere:
    """Records that count, and what is said of the others."""

    paths: tuple[Path, ...]
    warnings: tuple[str, ...]


def of_pictures_there(folder: Path, paths: Sequence[Path]) -> StillThere:
    """Without the records of pictures that are gone; where that is not known they stay, and it is said.

    Parameters
    ----------
    folder : of the results
    paths : the records in it

    Raises
    ------
    UserError : not one of the pictures is there
    """
    folders: dict[Path, tuple[str, ...] | None] = {}
    gone, unknown, away = [], [], set[str]()
    for path in paths:
        roots = _roots_of(path.parent, folder, folders)
        away |= {root for root in roots or () if not os.path.isdir(root)}
        if roots is None or away.intersection(roots):
            unknown.append(path)
        elif _is_gone(path, roots):
            gone.append(path)
    if gone and len(gone) == len(paths):
        places = ", ".join(printable(root) for root in _all_roots(folders))
        raise UserError(f"{folder}: all {len(gone)} records are of pictures that are gone from {places}; see --gone")
    left = set(gone)
    return StillThere(tuple(path for path in paths if path not in left), (*_lines(folder, gone, unknown, away),))


def _lines(folder: Path, gone: Sequence[Path], unknown: Sequence[Path], away: set[str]) -> Iterable[str]:
    names = [printable(path.relative_to(folder).as_posix()) for path in gone]
    yield from listed(names, "records of pictures that are gone, and do not count; with --gone they do")
    if unknown:
        why = f": {printable(min(away))} is not there" if away else ", for nothing says where they lay"
        yield f"Whether the pictures of {len(unknown)} records are still there is not known{why}; they count"


def _all_roots(folders: Mapping[Path, tuple[str, ...] | None]) -> Iterable[str]:
    return dict.fromkeys(root for roots in folders.values() for root in roots or ())


def _roots_of(place: Path, top: Path, known: dict[Path, tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """What is noted in a folder of results, or in the nearest above it; None: nothing up to `top`."""
    passed = []
    while place not in known:
        passed.append(place)
        found = _read(place)
        if found is not None or place in (top, place.parent):
            known[place] = found
        else:
            place = place.parent
    known.update(dict.fromkeys(passed, known[place]))
    return known[place]


def _is_gone(path: Path, roots: Sequence[str]) -> bool:
    """Whether no folder has the picture of a record; a record that cannot be read, or is of no picture, stays."""
    try:
        file = read_head(read_file(path)).image.file
    except (OSError, BadRecord):
        return False
    if not file.lower().endswith((*SUFFIXES, PIXELS)) or "\N{REPLACEMENT CHARACTER}" in file:
        return False
    return not any(os.path.lexists(os.path.join(root, file)) for root in roots)
