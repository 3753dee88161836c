"""Crops at full scale, centred on marks and on clean places of each zone: a data set of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dscope_blink.config.settings import Config, TrainingSettings
from dscope_blink.files.decoding import Picture, decode_image
from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import Ellipse, UnreadableImage, UserError, read_file
from dscope_blink.training.classes import ZONE_CLASSES, classes_json
from dscope_blink.training.dataset import Dataset, label_path
from dscope_blink.training.exported import MOST_BYTES, Exported, ExportSet
from dscope_blink.training.faces import Face
from dscope_blink.training.json_text import json_bytes
from dscope_blink.training.labels import KINDS, Cut, Label, LabelFile, Mark, Row, write_label
from dscope_blink.training.masks import Instances, zones_of
from dscope_blink.training.outlines import mark_outline
from dscope_blink.training.pixel_level import write_pixel_level
from dscope_blink.training.sides import SPLITS, read_sides, sides_json
from dscope_blink.training.tables import Column, write_table

TABLE = "crops"
CLEAN = "clean"
PLACES_TRIED = 8  # in each zone of a picture, for a crop without marks
APART = 0.25  # of the size of a crop: two of one picture whose middles are nearer show the same

COLUMNS = (
    Column("name", "text", "the crop, as its files are named"),
    Column("picture", "text", "the picture of the data set that it was cut from"),
    Column("side", "text", "train, val or test, as its face; empty: the data set has no splits"),
    Column("x_px", "whole", "that its upper left pixel has in the picture: crop plus this is picture"),
    Column("y_px", "whole", "the same of y"),
    Column("size_px", "whole", "width and height"),
    Column("padded_px", "whole", "pixels at its right and lower border that are no picture, the larger of both"),
    Column("centred_on", "text", "id of a mark of the picture, or clean"),
    Column("kind", "text", "of that mark; empty: clean"),
    Column("zone", "text", "at its middle"),
    Column("marks", "whole", "that it shows, whole or in part"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a crop may be cut."""

    picture: str
    x: int  # of its upper left pixel
    y: int
    group: str  # a kind of marks, or a zone
    mark: str = ""  # id of the mark it is centred on; empty: it shows none


def cut_crops(dataset: Dataset, folder: Path, config: Config) -> Dataset:
    """Cut crops out of the pictures of a data set.

    Parameters
    ----------
    dataset : that is built
    folder : of the crops
    config : how many, how large, and the seed

    Returns
    -------
    The crops as a data set, with crops.csv and, where the pictures are split, splits.json by their faces

    Raises
    ------
    UserError : the data set has no place for a crop, or a file cannot be read or written
    """
    settings = config.training
    chosen = _chosen(list(_places(dataset, settings)), settings)
    if not chosen:
        raise UserError(f"{dataset.folder}: no place for a crop, no picture of it was graded")
    by_picture: dict[str, list[Place]] = {}
    for place in chosen:
        by_picture.setdefault(place.picture, []).append(place)
    sides, names, rows = read_sides(dataset.folder), [], []
    for picture in ExportSet(dataset).pictures():
        places = sorted(by_picture.get(picture.label.name, ()), key=lambda one: (one.y, one.x))
        pixels = _pixels(picture) if places else None
        for place in places:
            assert pixels is not None, "decoded where a crop is cut from it"
            row = _write(picture, pixels, place, folder, settings, sides)
            names.append(str(row["name"]))
            rows.append(row)
    return _finished(folder, names, rows, sides, settings)


def _places(dataset: Dataset, settings: TrainingSettings) -> Iterator[Place]:
    for picture in ExportSet(dataset).pictures():
        label, shape = picture.label, (picture.label.height, picture.label.width)
        for found in picture.marks():
            x, y, w, h = found.box
            corner = (_start(x + w // 2, shape[1], settings.crop_px), _start(y + h // 2, shape[0], settings.crop_px))
            yield Place(label.name, *corner, found.mark.kind, found.mark.id)
        yield from _clean_places(picture, settings)


def _clean_places(picture: Exported, settings: TrainingSettings) -> Iterator[Place]:
    label, size = picture.label, settings.crop_px
    zones, random = zones_of(label), _random(settings.seed, label.name)
    marked = cv2.integral((picture.instances > 0).astype(np.uint8))
    for value, zone in enumerate(ZONE_CLASSES[1:], 1):
        rows, columns = np.nonzero(zones == value)
        for at in random.integers(0, max(len(rows), 1), PLACES_TRIED if len(rows) else 0).tolist():
            x, y = _start(int(columns[at]), label.width, size), _start(int(rows[at]), label.height, size)
            x1, y1 = min(x + size, label.width), min(y + size, label.height)
            if marked[y1, x1] - marked[y, x1] - marked[y1, x] + marked[y, x] == 0:
                yield Place(label.name, x, y, zone)


def _start(middle: int, length: int, size: int) -> int:
    """Of a crop around a middle, as far within the picture as it fits."""
    return max(min(middle - size // 2, length - size), 0)


def _random(seed: int, text: str) -> np.random.Generator:
    return np.random.default_rng([seed, int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8])])


def _chosen(places: Sequence[Place], settings: TrainingSettings) -> list[Place]:
    """The kinds by turns, then the zones of clean ones, each in an order drawn by the seed."""
    taken: dict[str, list[Place]] = {}
    clean = round(settings.crops * settings.crops_clean_share)
    marks = [place for place in places if place.mark]
    chosen = _by_turns(marks, KINDS, settings.crops - clean, taken, settings)
    return chosen + _by_turns([p for p in places if not p.mark], ZONE_CLASSES, clean, taken, settings)


def _by_turns(
    places: Sequence[Place],
    groups: Sequence[str],
    count: int,
    taken: dict[str, list[Place]],
    settings: TrainingSettings,
) -> list[Place]:
    left: dict[str, list[Place]] = {group: [] for group in groups}
    for place in places:
        left[place.group].append(place)
    for group, some in left.items():
        _random(settings.seed, group).shuffle(some)
    chosen: list[Place] = []
    while len(chosen) < count and any(left.values()):
        for some in left.values():
            if len(chosen) < count and (found := _next_apart(some, taken, settings.crop_px)) is not None:
                chosen.append(found)
                taken.setdefault(found.picture, []).append(found)
    return chosen


def _next_apart(some: list[Place], taken: Mapping[str, list[Place]], size: int) -> Place | None:
    while some:
        place = some.pop()
        near = (max(abs(place.x - one.x), abs(place.y - one.y)) for one in taken.get(place.picture, ()))
        if all(distance >= max(APART * size, 1) for distance in near):
            return place
    return None


# --- one crop


def _write(
    picture: Exported, whole: Picture, place: Place, folder: Path, settings: TrainingSettings, sides: Mapping[str, str]
) -> Mapping[str, Any]:
    size = settings.crop_px
    pixels = whole[place.y : place.y + size, place.x : place.x + size]
    right, bottom = size - pixels.shape[1], size - pixels.shape[0]
    pixels = cv2.copyMakeBorder(pixels, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    data = bytes(cv2.imencode(".png", pixels)[1])
    cut = Cut(picture.label.name, place.x, place.y, (0, 0, right, bottom))
    label = crop_label(picture.label, picture.instances, cut, size, hashlib.sha256(data).hexdigest())
    write_pixel_level(Face(label, pixels, data), folder, settings)
    middle = zones_of(label)[(size - bottom) // 2, (size - right) // 2]
    row = {
        "name": label.name,
        "picture": picture.label.name,
        "side": sides.get(picture.label.name, ""),
        "x_px": place.x,
        "y_px": place.y,
        "size_px": size,
        "padded_px": max(right, bottom),
        "centred_on": place.mark or CLEAN,
        "kind": place.group if place.mark else "",
        "zone": ZONE_CLASSES[int(middle)],
        "marks": len(label.marks),
    }
    path = label_path(folder, label.name)
    make_folder(path.parent)
    write_label(path, LabelFile(label, {TABLE: (row,)}))
    return row


def _pixels(picture: Exported) -> Picture:
    label = picture.label
    try:
        return decode_image(read_file(picture.source, MOST_BYTES), label.width * label.height)
    except OSError as error:
        raise UserError(f"{picture.source}: cannot be read, {error.strerror}") from None
    except UnreadableImage as error:
        raise UserError(f"{picture.source}: cannot be read: {error}") from None


def crop_label(label: Label, instances: Instances, cut: Cut, size: int, sha256: str) -> Label:
    """What is said of a crop: what is said of the picture, from its upper left pixel.

    Parameters
    ----------
    label : of the picture; its status stays, for it is of the whole face
    instances : (H, W) uint16, its marks
    cut : which part of it
    size : width and height of the crop
    sha256 : of the file of the crop
    """
    name = f"{label.name}-{cut.x}-{cut.y}"
    part = instances[cut.y : cut.y + size, cut.x : cut.x + size]
    shown = [(label.marks[n - 1], n) for n in np.unique(part).tolist() if 0 < n <= len(label.marks)]
    zones = tuple(replace(zone, outer=_shifted(zone.outer, cut), seen=None) for zone in label.zones)
    return replace(
        label,
        name=name,
        image=f"pixel_level/images/{name}.png",
        sha256=sha256,
        width=size,
        height=size,
        zones=zones,
        cladding=None if label.cladding is None else _shifted(label.cladding, cut),
        core=None if label.core is None else _shifted(label.core, cut),
        marks=tuple(_cut_mark(mark, part == n, cut) for mark, n in shown),
        face=label.face or label.name,
        cut=cut,
    )


def _shifted(ellipse: Ellipse, cut: Cut) -> Ellipse:
    x, y = ellipse.center_px
    return replace(ellipse, center_px=(x - cut.x, y - cut.y))


def _cut_mark(mark: Mark, pixels: np.ndarray[Any, np.dtype[np.bool_]], cut: Cut) -> Mark:
    """As it is where it is whole, else what is left of it."""
    corner = np.array([cut.x, cut.y])
    moved = mark.outline_px - corner
    if moved.min() >= 0 and (moved.max(axis=0) <= (pixels.shape[1] - 1, pixels.shape[0] - 1)).all():
        return replace(mark, outline_px=moved, holes_px=tuple(hole - corner for hole in mark.holes_px))
    outline, holes = mark_outline(pixels)
    return replace(mark, outline_px=outline, holes_px=holes)


def _finished(
    folder: Path, names: Sequence[str], rows: Sequence[Row], sides: Mapping[str, str], settings: TrainingSettings
) -> Dataset:
    write_table(folder / TABLE, COLUMNS, rows)
    write_file(folder / "pixel_level" / "classes.json", json_bytes(classes_json()))
    if sides:
        known = {str(row["name"]): str(row["side"]) for row in rows if row["side"]}
        write_file(folder / SPLITS, sides_json(known, settings.seed))
    dataset = Dataset(folder, tuple(names))
    dataset.write_index()
    return dataset
