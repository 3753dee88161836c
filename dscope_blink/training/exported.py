"""The pictures of a data set as other programs get them: safe names, formats that all read, masks mark by mark."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2

from dscope_blink.files.decoding import decode_image, is_turned
from dscope_blink.files.syncing import sync_files
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import Mask, UnreadableImage, UserError, read_file
from dscope_blink.training.dataset import Dataset
from dscope_blink.training.labels import Label, Mark
from dscope_blink.training.masks import Instances, instances_of
from dscope_blink.training.pixel_level import read_instances
from dscope_blink.training.sides import SIDES, TRAIN, read_sides

SHOWN_EVERYWHERE = (".png", ".jpg", ".jpeg", ".bmp")
MOST_OF_A_NAME = 180  # bytes; file systems take 255
MOST_BYTES = 2**31


@dataclass(frozen=True, slots=True)
class MarkMask:
    """The pixels of one mark, none of which is another's."""

    mark: Mark
    mask: Mask  # (h, w) bool, the smallest window
    corner: tuple[int, int]  # x and y of the window

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x, y, width and height in whole pixels; pixel x spans x to x + 1."""
        return (*self.corner, self.mask.shape[1], self.mask.shape[0])


@dataclass(frozen=True)
class Exported:
    """One picture as it is handed on."""

    number: int  # from 1, in the order of the data set
    label: Label
    stem: str  # name of its files, without folders and endings
    folder: Path  # the data set

    @property
    def source(self) -> Path:
        """Its file in the data set."""
        return self.folder / self.label.image

    @cached_property
    def instances(self) -> Instances:
        """(H, W) uint16: 0 no mark, else 1 + index of the mark; as they are stored, for to fill them takes longer."""
        stored = read_instances(self.folder, self.label.name)
        shape = (self.label.height, self.label.width)
        return stored if stored is not None and stored.shape == shape else instances_of(self.label)

    def marks(self) -> Iterator[MarkMask]:
        """The masks of the marks; of a mark that others cover whole there is none."""
        return marks_of(self.label, self.instances)

    def put_image(self, folder: Path) -> str:
        """Put the picture into a folder, as a link where the system has them; returns the name of its file."""
        name, data, as_stored = self._image()
        if as_stored:
            _link(self.source, folder / name)
        else:
            write_file(folder / name, data)
        return name

    def image_bytes(self) -> tuple[str, bytes]:
        """Name and bytes of the file that others get."""
        return self._image()[:2]

    def _image(self) -> tuple[str, bytes, bool]:
        """As it is stored; what browsers and readers may not open, or may turn, anew as PNG, pixel by pixel."""
        suffix, data, pixels = self.source.suffix.lower(), self._bytes(), self.label.width * self.label.height
        if suffix in SHOWN_EVERYWHERE and not is_turned(data, pixels):
            return f"{self.stem}{suffix}", data, True
        return f"{self.stem}.png", as_png(data, pixels), False

    def _bytes(self) -> bytes:
        try:
            return read_file(self.source, MOST_BYTES)
        except OSError as error:
            raise UserError(f"{self.source}: cannot be read, {error.strerror}") from None


def as_png(data: bytes, max_pixels: int) -> bytes:
    """The pixels of a picture file as they are stored, as PNG."""
    try:
        picture = decode_image(data, max_pixels)
    except UnreadableImage as error:
        raise UserError(f"a picture of the data set cannot be read: {error}") from None
    return bytes(cv2.imencode(".png", picture)[1])


def _link(source: Path, path: Path) -> None:
    try:
        os.link(source, path)
    except OSError:  # another disk, a file system without links
        shutil.copyfile(source, path)
        sync_files([path])


def marks_of(label: Label, instances: Instances) -> Iterator[MarkMask]:
    """The masks of the marks of a label image."""
    boxes = _boxes(instances, len(label.marks))
    for number, mark in enumerate(label.marks, 1):
        if (found := boxes.get(number)) is not None:
            x, y, width, height = found
            yield MarkMask(mark, instances[y : y + height, x : x + width] == number, (x, y))


def _boxes(instances: Instances, count: int) -> Mapping[int, tuple[int, int, int, int]]:
    from skimage import measure

    regions = measure.regionprops(instances.astype("int32"))  # type: ignore[no-untyped-call]
    boxes = {region.label: region.bbox for region in regions}
    return {n: (x0, y0, x1 - x0, y1 - y0) for n, (y0, x0, y1, x1) in boxes.items() if n <= count}


@dataclass(frozen=True)
class ExportSet:
    """A data set that is written in other formats."""

    dataset: Dataset

    @cached_property
    def sides(self) -> Mapping[str, str]:
        """Of every picture by name: train where the data set has no splits."""
        known = read_sides(self.dataset.folder)
        return {name: known.get(name, TRAIN) for name in self.dataset.names}

    @cached_property
    def used_sides(self) -> tuple[str, ...]:
        """The sides that have pictures; train in any case."""
        return tuple(side for side in SIDES if side == TRAIN or side in self.sides.values())

    @cached_property
    def stems(self) -> Mapping[str, str]:
        """Names of files by the names of pictures."""
        return safe_stems(self.dataset.names)

    def pictures(self, side: str | None = None, *, whole: bool = False) -> Iterator[Exported]:
        """The pictures one by one.

        Parameters
        ----------
        side : of these alone
        whole : with those that the program did not grade, in which marks may be missing: for people, not for training
        """
        for number, (name, labelled) in enumerate(zip(self.dataset.names, self.dataset.labels(), strict=True), 1):
            label = labelled.label
            if (side is None or self.sides[name] == side) and (whole or label.marks_are_known):
                yield Exported(number, label, self.stems[name], self.dataset.folder)


def safe_stems(names: Sequence[str]) -> dict[str, str]:
    """Names of files that all readers take, by the names of pictures: letters of any script, digits, dot, - and _."""
    stems: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        wanted = re.sub(r"[^\w.\-]", "_", unicodedata.normalize("NFC", name).replace("/", "__")).lstrip(".") or "_"
        if len(wanted.encode()) > MOST_OF_A_NAME:
            digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
            wanted = wanted.encode()[: MOST_OF_A_NAME - 13].decode("utf-8", "ignore") + f"-{digest}"
        stem, count = wanted, 1
        while stem.casefold() in taken:
            count += 1
            stem = f"{wanted}-{count}"
        taken.add(stem.casefold())
        stems[name] = stem
    return stems
