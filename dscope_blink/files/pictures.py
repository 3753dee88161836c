"""The picture files of a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dscope_blink.files.drawn import is_marked, is_of_older_record
from dscope_blink.files.names import AGGREGATE, CAMERA, DRAWN, FOREIGN_REPORT, GATE_PICTURE, RESULT
from dscope_blink.files.walking import kind_of, walk
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
PIXELS = ".json"  # pixels as numbers, of a file that says so: other JSON is of anything

# Kinds of pictures that this program does not read: whoever has some is to know that nobody looks at them.
NOT_READ = (
    *(".gif", ".webp", ".avif", ".heic", ".heif", ".jxl", ".jp2", ".j2k", ".jpe", ".jfif", ".dib", ".jpf"),
    *(".pgm", ".ppm", ".pbm", ".pnm", ".tga", ".psd", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".czi", ".lif", ".nd2"),
)
OWN_DRAWINGS = (*DRAWN, *GATE_PICTURE.values())
OWN_JSON = (RESULT, FOREIGN_REPORT, AGGREGATE, CAMERA)
SAYS_PIXELS = re.compile(rb'"pixels"\s*:')
BEFORE_JSON = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"  # marks of byte order, zeros of UTF-16, blanks
FIRST_BYTES = 4096
OWN_SCHEMA = b"dscope-blink/"  # in the first lines of a record that was renamed


@dataclass(frozen=True, slots=True)
class Found:
    """Pictures of a folder relative to it, in natural order, and what was passed over with the reason."""

    folder: Path = Path()
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()  # what was left out of many files, a line for each reason


def find_images(folder: Path, recursive: bool, output_dir: Path) -> Found:
    """Find the pictures of a folder.

    Hidden files, folders of the system, the output folder and what this program has drawn are left out, and whatever
    else could be taken for a picture; all of it is named or counted. Links to folders are not followed, so that a loop
    of links ends.

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
    others = _LeftOut(folder)
    own = _identity(output_dir)
    for parent, folders, names in walk(folder, errors.append):
        here = Path(parent)
        systems |= {name for name in folders if recursive and is_of_the_system(name)}
        others.folders(here, folders, recursive)
        folders[:] = [name for name in folders if recursive and not is_skipped(name)]
        for name in [name for name in folders if own is not None and _identity(here / name) == own]:
            others.output += _pictures_below(here / name)
            folders.remove(name)
        links += [str(here / name) for name in folders if os.path.islink(here / name)]
        files += [(here / name).relative_to(folder).as_posix() for name in _pictures(here, names, others)]
    passed_over = [f"{printable(link)}: a link to a folder is not followed" for link in links]
    passed_over += [f"{printable(str(e.filename))}: cannot be read, {e.strerror}" for e in errors]
    passed_over += map(left_out_text, sorted(systems))
    passed_over += others.no_files
    return Found(folder, tuple(sorted(files, key=natural_order)), tuple(passed_over), tuple(others.lines()))


class _LeftOut:
    """What is found in a folder, may be taken for a picture and is none of the batch."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.hidden: list[Path] = []
        self.foreign: list[Path] = []
        self.drawn: list[Path] = []
        self.maybe_drawn: list[Path] = []
        self.output: list[Path] = []
        self.no_files: list[str] = []

    def folders(self, here: Path, names: Sequence[str], recursive: bool) -> None:
        """Note those that are named like pictures, and not looked into."""
        like = [name for name in names if name.lower().endswith(SUFFIXES) and not recursive and not is_skipped(name)]
        self.no_files += [f"{self._name(here / name)}: a folder, no picture" for name in sorted(like)]

    def special(self, path: Path, kind: str) -> None:
        """Note what is neither a file nor a folder."""
        self.no_files.append(f"{self._name(path)}: {kind}, no picture")

    def lines(self) -> Iterator[str]:
        """One for each reason that holds."""
        yield from listed(self._names(self.drawn), "drawn by this program, and left out")
        older = "left out, for the records beside them say that an older version of this program has drawn them"
        yield from listed(self._names(self.maybe_drawn), older)
        yield from listed(self._names(self.output), "in the output folder, and left out")
        yield from listed(self._names(self.hidden), "hidden, and left out")
        yield from listed(self._names(self.foreign), "pictures of kinds that are not read, and left out")

    def _names(self, paths: Sequence[Path]) -> list[str]:
        return sorted(map(self._name, paths))

    def _name(self, path: Path) -> str:
        return printable(path.relative_to(self._root).as_posix())


MOST_NAMED = 5  # files of a line


def listed(files: Sequence[str], what: str) -> tuple[str, ...]:
    """A line that counts files and names the first of them; none where there are none."""
    if not files:
        return ()
    names = ", ".join(files[:MOST_NAMED]) + (" ..." if len(files) > MOST_NAMED else "")
    return (f"{len(files)} {'file is' if len(files) == 1 else 'files are'} {what}: {names}",)


def _pictures_below(folder: Path) -> list[Path]:
    """The pictures in the output folder that nobody would look for there, and nothing says to be drawings."""
    found: list[Path] = []
    errors: list[OSError] = []
    for parent, folders, names in walk(folder, errors.append):
        here = Path(parent)
        folders[:] = [name for name in folders if not is_skipped(name)]
        shown = [name for name in names if name.lower().endswith(SUFFIXES) and not name.startswith((".", CAPTURED))]
        found += [here / name for name in shown if not name.endswith(OWN_DRAWINGS)]
    return found


CAPTURED = "capture_"  # the start of the names of pictures that the program itself takes


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
    left_out: dict[str, None] = {}
    for path, folder in zip(paths, folders, strict=True):
        found = find_images(path, recursive, output_dir) if path == folder else Found(folder, (path.name,))
        start = folder.relative_to(root)
        files |= dict.fromkeys((start / file).as_posix() for file in found.files)
        warnings |= dict.fromkeys(found.warnings)
        left_out |= dict.fromkeys(found.left_out)
    return Found(root, tuple(files), tuple(warnings), tuple(left_out))


def _identity(folder: Path) -> tuple[int, int] | None:
    """What a folder is, under whatever name; None where there is none."""
    try:
        found = os.stat(folder)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def is_skipped(name: str) -> bool:
    """Whether nothing is sought in a folder of this name: it is hidden, or one of the system."""
    return name.startswith(".") or is_of_the_system(name)


def is_of_the_system(name: str) -> bool:
    """Whether it is the name of a folder in which a system keeps thumbnails, deleted files and the like."""
    return name.casefold() in SYSTEM_FOLDERS


def left_out_text(name: str) -> str:
    """Said once of all folders of such a name, of which a network drive may have one in each other."""
    return f"Folders named {printable(name)} are left out: a system keeps its own in them"


def _pictures(folder: Path, names: Sequence[str], others: _LeftOut) -> list[str]:
    there = set(names)
    like = [name for name in names if name.lower().endswith((*SUFFIXES, PIXELS))]
    others.hidden += [folder / name for name in like if name.startswith(".") and name.lower().endswith(SUFFIXES)]
    others.foreign += [folder / name for name in names if name.lower().endswith(NOT_READ) and not name.startswith(".")]
    shown = [name for name in like if not name.startswith(".") and _is_one(folder / name, others)]
    return [name for name in shown if not _is_drawn(folder, name, there, others)]


def _is_one(path: Path, others: _LeftOut) -> bool:
    kind = kind_of(path)
    if kind is not None:
        others.special(path, kind)
        return False
    # A link to nothing is one, which the batch then reports.
    return _holds_pixels(path) if path.name.lower().endswith(PIXELS) else True


def _holds_pixels(path: Path) -> bool:
    """Whether a file of this name speaks of pixels, right or wrong, and is none that this program has written.

    What is no JSON at all is one as well and gets its row: a picture under a wrong name, or what is left of one.
    """
    if path.name.endswith(OWN_JSON) or not os.path.isfile(path):
        return False
    try:
        with path.open("rb") as file:
            begins = file.read(FIRST_BYTES)
    except OSError:
        return True  # the batch then reports why
    if OWN_SCHEMA in begins:
        return False
    return SAYS_PIXELS.search(begins) is not None or not begins.lstrip(BEFORE_JSON).startswith((b"{", b"["))


def _is_drawn(folder: Path, name: str, there: set[str], others: _LeftOut) -> bool:
    """Whether this program has drawn a picture: it says so itself, or it is of a time when none did."""
    starts = [name.removesuffix(end) for end in OWN_DRAWINGS if name.endswith(end)]
    if not starts:
        return False
    if is_marked(folder / name):
        others.drawn.append(folder / name)
        return True
    if any(start + RESULT in there and is_of_older_record(folder / start) for start in starts):
        others.maybe_drawn.append(folder / name)
        return True
    return False


def natural_order(file: str) -> list[list[str | int]]:
    """Sorts file names as a person counts: x2.png before x10.png."""

    def parts(name: str) -> list[str | int]:
        return [int(part) if k % 2 else part.casefold() for k, part in enumerate(re.split(r"(\d+)", name))]

    return [*map(parts, file.split("/")), [file]]
