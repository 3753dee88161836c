"""The picture files of a folder: which there are, what is asked of each, how its results are named and found again."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from manifest import Manifest, file_key
from records import ZONE_NAMES, Request, UserError

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
SUMMARY, SUMMARY_BY, CHANGES_BY = "summary_report.csv", "summary_report_{}.csv", "changes_{}.csv"
COMPARISON, JSON_LINES, REPORT = "compare_editions.csv", "records.jsonl", "report.html"
BATCH_CERTIFICATE, WORKBOOK = "certificate.pdf", "report.xlsx"
LOCK = ".dscope-blink.lock"
RESULT, TABLE = "_result.json", "_report.csv"
# By the format that the configuration names: its choice may be another than that of the run before.
ANNOTATED = {"png": "_annotated.png", "jpeg": "_annotated.jpg"}
HISTOGRAM = {"png": "_histogram.png", "svg": "_histogram.svg", "pdf": "_histogram.pdf"}
CERTIFICATE = "_certificate.pdf"
CAPTURED, CAMERA = "capture_{}.png", "_camera.json"
CAMERA_TEXT = "dscope-blink/camera"  # key of the text in a PNG file that says how it was taken
AGREEMENT, CELLS, ZONE_IMAGES = (
    "_agreement.csv",
    "_cells.csv",
    {zone: f"_zone_{zone}.png" for zone in ZONE_NAMES.values()},
)
VIEW, THUMBNAIL, CONFIDENCE = "_view.jpg", "_thumbnail.jpg", "_confidence.png"  # of the report
DRAWN = (*ANNOTATED.values(), *HISTOGRAM.values(), *ZONE_IMAGES.values(), VIEW, THUMBNAIL, CONFIDENCE)
RESERVED = SUMMARY.removesuffix(TABLE)  # the table of a picture of this name would be the summary of the batch
LONGEST_NAME = 200  # bytes; file systems end at 255, and what is appended needs the rest
LONGEST_PATH = 4000  # bytes; Linux ends at 4095


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One picture of the batch, what is asked of it, and the start of the names of its results."""

    path: Path
    file: str  # relative to the input folder, with forward slashes, always printable as UTF-8
    name: str  # relative to the output folder, without extension
    request: Request


def printable(file: str) -> str:
    """A file name for one line of a log or a terminal: line ends and escape codes in it are replaced."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in file)


@dataclass(frozen=True, slots=True)
class Found:
    """Pictures of a folder relative to it, in natural order, and what was passed over with the reason."""

    folder: Path = Path()
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def find_images(folder: Path, recursive: bool, output_dir: Path) -> Found:
    """Find the pictures of a folder.

    Hidden files, the output folder and results of an earlier run are left out; links to folders are not followed,
    so that a loop of links ends.

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
    own = os.path.realpath(output_dir)
    for parent, folders, names in os.walk(folder, onerror=errors.append):
        here = Path(parent)
        folders[:] = [name for name in folders if recursive and not _is_left_out(here / name, own)]
        links += [str(here / name) for name in folders if os.path.islink(here / name)]
        files += [(here / name).relative_to(folder).as_posix() for name in _pictures(here, names)]
    passed_over = [f"{printable(link)}: a link to a folder is not followed" for link in links]
    passed_over += [f"{printable(str(e.filename))}: cannot be read, {e.strerror}" for e in errors]
    return Found(folder, tuple(sorted(files, key=natural_order)), tuple(passed_over))


def _is_left_out(folder: Path, own: str) -> bool:
    return folder.name.startswith(".") or os.path.realpath(folder) == own


def _pictures(folder: Path, names: Sequence[str]) -> list[str]:
    there = set(names)
    shown = (n for n in names if n.lower().endswith(SUFFIXES) and not n.startswith("."))
    return [n for n in shown if not _is_result(n, there) and _is_picture_file(folder / n)]


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


def _as_text(file: str) -> str:
    """The name as UTF-8 can hold it; Linux allows any bytes."""
    return os.fsencode(file).decode("utf-8", "replace")


# --- under which names


class Names:
    """The names of results, of which no two are alike, whatever the case of their letters."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def give(self, files: Sequence[str]) -> list[str]:
        """Name the results of each picture.

        Parameters
        ----------
        files : paths relative to the input folder, with forward slashes

        Returns
        -------
        The path without extension where no other of them and none before has it; NAME_EXT (a counter after it if need
        be) where one has
        """
        plain = [_without_extension(file) for file in files]
        times = Counter(map(_key, plain))
        unique = [times[_key(n)] == 1 and _key(n) != RESERVED and _key(n) not in self._taken for n in plain]
        self._taken |= {_key(name) for name, alone in zip(plain, unique, strict=True) if alone}
        named = []
        for file, name, alone in zip(files, plain, unique, strict=True):
            named.append(name if alone else _free_name(f"{name}_{PurePosixPath(file).suffix[1:]}", self._taken))
            self._taken.add(_key(named[-1]))
        return named


def _without_extension(file: str) -> str:
    path = PurePosixPath(file)
    stem, mark = path.stem, f"_{_mark_of(path.name)}"
    if len(stem.encode()) > LONGEST_NAME:
        stem = stem.encode()[: LONGEST_NAME - len(mark)].decode(errors="ignore") + mark
    return path.with_name(stem).as_posix()


def _mark_of(file: str) -> str:
    """Sixteen characters of its own for each name, the same in every run."""
    return hashlib.sha256(file.encode()).hexdigest()[:16]


def _in_reach(name: str, file: str, output_dir: Path) -> str:
    """The name, or where the path of its results would be too long, one that says nothing but is short."""
    path = os.fsencode(output_dir.absolute() / name)
    return name if len(path) <= LONGEST_PATH else f"long_path_{_mark_of(file)}"


def _free_name(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while _key(free) in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _key(file: str) -> str:
    """Equal for names that some file system holds for one."""
    return unicodedata.normalize("NFC", file).casefold()


# --- what is asked of them


def plan_images(
    found: Found, output_dir: Path, manifest: Manifest, defaults: Request, names: Names | None = None
) -> tuple[ImageFile, ...]:
    """Give each picture its request and the names of its results.

    Parameters
    ----------
    found : the pictures
    output_dir : where the results go
    manifest : the requests of the pictures it names
    defaults : the request of all others
    names : those that are given already, when pictures come one after the other

    Raises
    ------
    UserError : a result would overwrite a picture
    """
    texts = [_as_text(file) for file in found.files]
    images = tuple(
        ImageFile(
            found.folder / file,
            text,
            _in_reach(name, text, output_dir),
            manifest.requests.get(file_key(text), defaults),
        )
        for file, text, name in zip(found.files, texts, (names or Names()).give(texts), strict=True)
    )
    _check_overwrites(images, output_dir)
    return images


def _check_overwrites(images: Iterable[ImageFile], output_dir: Path) -> None:
    pictures = {_place(image.path): image for image in images if image.path.name.lower().endswith(DRAWN)}
    if not pictures:
        return
    for image in images:
        for end in DRAWN:
            hit = pictures.get(_place(output_dir / (image.name + end)))
            if hit:
                raise UserError(
                    f"the results of {image.file} would overwrite the picture {hit.file}: choose another output folder"
                )


def _place(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))


def manifest_gaps(images: Sequence[ImageFile], manifest: Manifest) -> tuple[str, ...]:
    """One line for each file that the manifest names and the folder lacks, and the other way round."""
    there = {file_key(image.file) for image in images}
    missing = (key for key in manifest.requests if key not in there)
    absent = (f"{printable(key)}: named in the manifest, not among the images" for key in missing)
    return (*absent, *unnamed(images, manifest))


def unnamed(images: Sequence[ImageFile], manifest: Manifest) -> tuple[str, ...]:
    """One line for each file that the manifest does not name."""
    files = (image.file for image in images if file_key(image.file) not in manifest.requests)
    return tuple(f"{printable(file)}: not named in the manifest" for file in files)


# --- stored results


def annotated_picture(start: str) -> Path | None:
    """The annotated picture of a result, whatever its format; `start` is its path without the ends of the names."""
    return next((path for end in ANNOTATED.values() if (path := Path(start + end)).exists()), None)


@dataclass(frozen=True, slots=True)
class FoundResults:
    """The stored results of a folder in natural order, and what was passed over with the reason."""

    paths: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()


def find_results(folder: Path) -> FoundResults:
    """The stored results of a folder and its subfolders.

    Hidden folders are left out and links to folders not followed, as where pictures are looked for.

    Raises
    ------
    UserError : there is no such folder, or no stored result in it
    """
    if not folder.is_dir():
        raise UserError(f"results folder {folder}: {'not a folder' if folder.exists() else 'no such folder'}")
    errors: list[OSError] = []
    found, links = [], []
    for parent, folders, names in os.walk(folder, onerror=errors.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links += [name for name in folders if os.path.islink(os.path.join(parent, name))]
        here = Path(parent).relative_to(folder)
        found += [(here / n).as_posix() for n in names if n.endswith(RESULT) and not n.startswith(".")]
    if not found:
        raise UserError(f"results folder {folder}: no stored result in it (*{RESULT})")
    warnings = [f"{printable(str(error.filename))}: cannot be read, {error.strerror}" for error in errors]
    warnings += [f"{printable(link)}: a link to a folder is not followed" for link in links]
    return FoundResults(tuple(folder / name for name in sorted(found, key=natural_order)), tuple(warnings))
