"""What is asked of each picture of a batch, and where its results go."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dscope_blink.files.manifest import Manifest, file_key
from dscope_blink.files.names import DRAWN, Names, in_reach
from dscope_blink.files.pictures import Found
from dscope_blink.records import Request, UserError, printable


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One picture of the batch, what is asked of it, and the start of the names of its results."""

    path: Path
    file: str  # relative to the input folder, with forward slashes, always printable as UTF-8
    name: str  # relative to the output folder, without extension
    request: Request


def _as_text(file: str) -> str:
    """The name as UTF-8 can hold it; Linux allows any bytes, and two names that differ in them differ here too."""
    return (
        "".join(_shown_byte(sign) if "\udc80" <= sign <= "\udcff" else sign for sign in file)
        .encode("utf-8", "replace")
        .decode()
    )


def _shown_byte(sign: str) -> str:
    """Of a byte that is no text, as Python has it: the sign of what cannot be read, and its number."""
    return f"\N{REPLACEMENT CHARACTER}{ord(sign) - 0xDC00:02x}"


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
            in_reach(name, text, output_dir),
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
    """What is said of the files that the manifest names and the folder lacks, and the other way round."""
    there = {file_key(image.file) for image in images}
    absent = [printable(key) for key in manifest.requests if key not in there]
    return (*_each(absent, "named in the manifest, not among the images"), *unnamed(images, manifest))


def unnamed(images: Sequence[ImageFile], manifest: Manifest) -> tuple[str, ...]:
    """What is said of the files that the manifest does not name."""
    files = [printable(image.file) for image in images if file_key(image.file) not in manifest.requests]
    return _each(files, "not named in the manifest")


MOST_NAMED = 5  # files that get a line each


def _each(files: Sequence[str], what: str) -> tuple[str, ...]:
    """A line for each file, or one for all of them where they are many."""
    if len(files) <= MOST_NAMED:
        return tuple(f"{file}: {what}" for file in files)
    return (f"{len(files)} files are {what}: {', '.join(files[:MOST_NAMED])} ...",)
