"""The picture files of a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dscope_blink.files.names import AGGREGATE, CAMERA, DRAWN, FOREIGN_REPORT, RESULT, TABLE
from dscope_blink.records import printable

# Folders in which a system keeps its own, which nobody put there to be inspected; of any case, and anywhere.
SYSTEM_FOLDERS = frozenset(
    {
        *("@eadir", "#recycle", "#snapshot", "@tmp", "@sharesnap", "@sharebin"),  # Synology: thumbnails, deleted files
        *("@recycle", "@recently-snapshot", "@transcode"),  # QNAP
        *("$recycle.bin", "recycler", "recycled", "system volume information"),  # Windows, on every drive
        *("lost+found", "~snapshot"),  # file systems of Linux after a repair; NetApp
        *("network trash folder", "temporary items", "__macosx"),  # macOS, on drives of others and in archives
    }
)

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
PIXELS = ".json"  # pixels as numbers, of a file that says so: others of this name are of anything

OWN_JSON = (RESULT, FOREIGN_REPORT, AGGREGATE, CAMERA)
SAYS_PIXELS = re.compile(rb'"pixels"\s*:')
FIRST_BYTES = 4096
OWN_SCHEMA = b"dscope-blink/"  # in the first lines of a record that was renamed


@dataclass(frozen=True, slots=True)
class Found:
    """Pictures of a folder relative to it, in natural order, and what was passed over with the reason."""

    folder: Path = Path()
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def find_images(folder: Path, recursive: bool, output_dir: Path) -> Found:
    """Find the pictures of a folder.

    Hidden files, folders of the system, the output folder and results of an earlier run are left out; links to folders
    are not followed, so that a loop of links ends.

    Parameters
    ----------
    folder : where to look
    recursive : look in its subfolders as well
    output_dir : folder of the results; it may lie inside of `folder`, or be it

    Returns
    -------
    Found, the files in the order a person counts: x2.png before x10.png
    """
    files: list[str] = []
    links: list[str] = []
    errors: list[OSError] = []
    systems: set[str] = set()
    own = os.path.realpath(output_dir)
    for parent, folders, names in os.walk(folder, onerror=errors.append):
        here = Path(parent)
        systems |= {name for name in folders if recursive and is_of_the_system(name)}
        folders[:] = [name for name in folders if recursive and not _is_left_out(here / name, own)]
        links += [str(here / name) for name in folders if os.path.islink(here / name)]
        files += [(here / name).relative_to(folder).as_posix() for name in _pictures(here, names)]
    passed_over = [f"{printable(link)}: a link to a folder is not followed" for link in links]
    passed_over += [f"{printable(str(e.filename))}: cannot be read, {e.strerror}" for e in errors]
    passed_over += map(left_out_text, sorted(systems))
    return Found(folder, tuple(sorted(files, key=natural_order)), tuple(passed_over))


def find_given(paths: Sequence[Path], recursive: bool, output_dir: Path) -> Found:
    """The pictures of folders, and pictures that are named themselves, each once.

    Parameters
    ----------
    paths : folders and files, absolute, all of which exist
    recursive, output_dir : as `find_images` has them

    Returns
    -------
    Found, relative to the innermost folder that holds all that is named
    """
    folders = [path if os.path.isdir(path) else path.parent for path in paths]
    root = Path(os.path.commonpath(folders))
    files: dict[str, None] = {}
    warnings: dict[str, None] = {}
    for path, folder in zip(paths, folders, strict=True):
        found = find_images(path, recursive, output_dir) if path == folder else Found(folder, (path.name,))
        start = folder.relative_to(root)
        files |= dict.fromkeys((start / file).as_posix() for file in found.files)
        warnings |= dict.fromkeys(found.warnings)
    return Found(root, tuple(files), tuple(warnings))


def _is_left_out(folder: Path, own: str) -> bool:
    return is_skipped(folder.name) or os.path.realpath(folder) == own


def is_skipped(name: str) -> bool:
    """Whether nothing is sought in a folder of this name: it is hidden, or one of the system."""
    return name.startswith(".") or is_of_the_system(name)


def is_of_the_system(name: str) -> bool:
    """Whether it is the name of a folder in which a system keeps thumbnails, deleted files and the like."""
    return name.casefold() in SYSTEM_FOLDERS


def left_out_text(name: str) -> str:
    """Said once of all folders of such a name, of which a network drive may have one in each other."""
    return f"Folders named {printable(name)} are left out: a system keeps its own in them"


def _pictures(folder: Path, names: Sequence[str]) -> list[str]:
    there = set(names)
    shown = [n for n in names if n.lower().endswith((*SUFFIXES, PIXELS)) and not n.startswith(".")]
    return [n for n in shown if not _is_result(n, there) and _is_one(folder / n)]


def _is_one(path: Path) -> bool:
    return _holds_pixels(path) if path.name.lower().endswith(PIXELS) else _is_picture_file(path)


def _holds_pixels(path: Path) -> bool:
    """Whether a file of JSON speaks of pixels, right or wrong, and is none that this program has written."""
    if path.name.endswith(OWN_JSON) or not os.path.isfile(path):
        return False
    try:
        with path.open("rb") as file:
            begins = file.read(FIRST_BYTES)
    except OSError:
        return False
    return SAYS_PIXELS.search(begins) is not None and OWN_SCHEMA not in begins


def _is_result(name: str, there: set[str]) -> bool:
    """Whether this picture was drawn by an earlier run: its table or its record lies beside it.

    The table is written first and the record last: of a picture at which a run was killed there is only the table.
    """
    starts = [name.removesuffix(end) for end in DRAWN if name.endswith(end)]
    return any(start + end in there for start in starts for end in (TABLE, RESULT))


def _is_picture_file(path: Path) -> bool:
    """A regular file, or a link to nothing, which the batch then reports; opening a pipe would wait for ever."""
    return os.path.isfile(path) or not os.path.exists(path)


def natural_order(file: str) -> list[list[str | int]]:
    """Sorts file names as a person counts: x2.png before x10.png."""

    def parts(name: str) -> list[str | int]:
        return [int(part) if k % 2 else part.casefold() for k, part in enumerate(re.split(r"(\d+)", name))]

    return [*map(parts, file.split("/")), [file]]
