"""Marks that people drew in other programs, read from their files; nothing of them is trusted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, TypeAlias
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np

from dscope_blink.records import Mask, UserError, read_file
from dscope_blink.records.json_reading import decode_any_json
from dscope_blink.training.labels import KINDS
from dscope_blink.training.masks import box_of
from dscope_blink.training.outlines import within

MOST_PIXELS = 2**28


@dataclass(frozen=True, slots=True)
class Drawn:
    """One mark as a person left it."""

    id: str  # as it was exported; empty: drawn anew
    kind: str
    mask: Mask  # (h, w) bool, the smallest window; (0, 0) where it holds no pixel of the picture
    corner: tuple[int, int] = (0, 0)  # x and y of the window


@dataclass(frozen=True, slots=True)
class Seen:
    """One picture as a person left it; without marks it has none."""

    name: str  # as it was exported, or the name of its file
    width: int
    height: int
    author: str
    date: str
    drawn: tuple[Drawn, ...]


Read: TypeAlias = Callable[[Path], Iterator[Seen]]


class NotReadable(UserError):
    """A file that holds no marks of the format that it is said to have."""


def read_label_studio(path: Path) -> Iterator[Seen]:
    """An export as JSON: of each task the annotation that was updated last; tasks that nobody submitted are no part."""
    tasks = _json(path)
    for number, task in enumerate(_list(tasks, f"{path}: must be a list of tasks"), 1):
        with_place = f"{path}: task {number}"
        found = _list(task.get("annotations", []), f"{with_place}: annotations must be a list")
        done = [one for one in found if not one.get("was_cancelled")]
        if done:
            last = max(done, key=lambda one: str(one.get("updated_at") or one.get("created_at") or ""))
            yield _label_studio_task(with_place, task, last)


def _label_studio_task(place: str, task: Mapping[str, Any], annotation: Mapping[str, Any]) -> Seen:
    data = _object(task.get("data"))
    name = str(data.get("dscope_name") or _file_of(str(data.get("image", ""))))
    regions = [one for one in annotation.get("result") or [] if isinstance(one, dict) and "value" in one]
    sizes = {(_whole(r.get("original_width"), place), _whole(r.get("original_height"), place)) for r in regions}
    if len(sizes) > 1:
        raise NotReadable(f"{place}: its regions must be of one size of picture, got {sorted(sizes)}")
    width, height = sizes.pop() if sizes else (0, 0)
    drawn = tuple(_label_studio_region(f"{place}, region {r.get('id')}", r, width, height) for r in regions)
    date = str(annotation.get("updated_at") or annotation.get("created_at") or "")
    return Seen(name, width, height, _author(annotation.get("completed_by")), date, drawn)


def _label_studio_region(place: str, region: Mapping[str, Any], width: int, height: int) -> Drawn:
    value, kind = region["value"], region.get("type")
    if kind not in ("polygonlabels", "rectanglelabels"):
        raise NotReadable(f"{place}: must be a polygon or a rectangle, got {kind!r}")
    labels = value.get(kind) if isinstance(value, dict) else None
    label = _kind(labels[0] if isinstance(labels, list) and labels else None, place)
    share = np.array((width / 100, height / 100))
    if kind == "rectanglelabels":
        x, y, w, h = (_number(value.get(key), place) for key in ("x", "y", "width", "height"))
        if value.get("rotation"):
            raise NotReadable(f"{place}: a rectangle must not be turned")
        points = np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
    else:
        points = _points(value.get("points"), place)
    return _drawn(str(region.get("id", "")), label, _filled([points * share], width, height, place))


def _author(who: Any) -> str:
    if isinstance(who, dict):
        named = " ".join(str(who[key]) for key in ("first_name", "last_name") if who.get(key))
        return str(who.get("email") or who.get("username") or named or who.get("id", ""))
    return "" if who is None else f"user {who}" if isinstance(who, int) else str(who)


def _file_of(address: str) -> str:
    """The name of the file in the address of a picture."""
    return PurePosixPath(unquote(address.rpartition("?d=")[2])).name


def read_coco(path: Path) -> Iterator[Seen]:
    """COCO instances, run lengths or polygons; every picture of the file was seen."""
    data = _json(path)
    if not isinstance(data, dict):
        raise NotReadable(f"{path}: must be a JSON object")
    lists = {key: _list(data.get(key), f"{path}: {key} must be a list") for key in ("images", "annotations")}
    named = _list(data.get("categories"), f"{path}: categories must be a list")
    kinds = {_key(one.get("id")): one.get("name") for one in named}
    by_image: dict[str, list[Mapping[str, Any]]] = {_key(image.get("id")): [] for image in lists["images"]}
    for annotation in lists["annotations"]:
        if (key := _key(annotation.get("image_id"))) not in by_image:
            raise NotReadable(f"{path}: annotation {annotation.get('id')}: there is no picture {key}")
        by_image[key].append(annotation)
    info = _object(data.get("info"))
    for image in lists["images"]:
        place = f"{path}: {image.get('file_name')}"
        width, height = _whole(image.get("width"), place), _whole(image.get("height"), place)
        drawn = tuple(
            _drawn(
                str(one.get("dscope_id", "")),
                _kind(kinds.get(_key(one.get("category_id"))), f"{place}, annotation {one.get('id')}"),
                _segmented(one.get("segmentation"), width, height, f"{place}, annotation {one.get('id')}"),
            )
            for one in by_image[_key(image.get("id"))]
        )
        name = str(image.get("dscope_name") or _file_of(str(image.get("file_name", ""))))
        author, date = str(info.get("contributor") or ""), str(info.get("date_created") or "")
        yield Seen(name, width, height, author, date, drawn)


def _segmented(value: Any, width: int, height: int, place: str) -> Mask:
    if isinstance(value, list) and value:
        if not all(isinstance(part, list) and len(part) % 2 == 0 for part in value):
            raise NotReadable(f"{place}: a polygon must be a list of x and y by turns")
        return _filled([_points(_pairs(part), place) for part in value], width, height, place)
    counts = value.get("counts") if isinstance(value, dict) else None
    if isinstance(counts, str):
        counts = _run_lengths(counts)
    if not isinstance(counts, list) or not all(isinstance(n, int) and n >= 0 for n in counts):
        raise NotReadable(f"{place}: its segmentation must be polygons or run lengths")
    if list(value.get("size") or ()) != [height, width] or sum(counts) != width * height:
        raise NotReadable(f"{place}: its run lengths must be of {width} x {height} pixels")
    values = np.arange(len(counts)) % 2 == 1
    return np.asarray(np.repeat(values, counts).reshape(width, height).T)


def _pairs(numbers: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _run_lengths(text: str) -> list[int] | None:
    """COCO's compressed counts: digits of 5 bits, least first, from the third on differences to the one before last."""
    counts: list[int] = []
    value = place = 0
    for character in text:
        digit = ord(character) - 48
        if not 0 <= digit < 64 or place > 30:
            return None
        value |= (digit & 31) << place
        place += 5
        if not digit & 32:
            value -= 1 << place if digit & 16 else 0
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = place = 0
    return counts


def read_cvat(path: Path) -> Iterator[Seen]:
    """CVAT for images 1.1: polygons, masks and boxes; every picture of the file was seen."""
    data = _bytes(path)
    if b"<!DOCTYPE" in data[:4096] or b"<!ENTITY" in data:
        raise NotReadable(f"{path}: must have no document type of its own")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError) as error:
        raise NotReadable(f"{path}: no XML: {error}") from None
    if root.tag != "annotations":
        raise NotReadable(f"{path}: must be annotations of CVAT for images, got {root.tag!r}")
    author = root.findtext("meta/task/assignee/username") or root.findtext("meta/task/owner/username") or ""
    date = root.findtext("meta/task/updated") or root.findtext("meta/dumped") or ""
    for image in root.iter("image"):
        place = f"{path}: {image.get('name')}"
        width, height = _whole(image.get("width"), place), _whole(image.get("height"), place)
        drawn = tuple(
            _drawn(_cvat_id(shape), _kind(shape.get("label"), place), _cvat_mask(shape, width, height, place))
            for shape in image
            if shape.tag != "tag"
        )
        yield Seen(_file_of(image.get("name", "")), width, height, author, date, drawn)


def _cvat_id(shape: ElementTree.Element) -> str:
    return next((one.text or "" for one in shape.iter("attribute") if one.get("name") == "dscope_id"), "")


def _cvat_mask(shape: ElementTree.Element, width: int, height: int, place: str) -> Mask:
    if shape.tag == "polygon":
        pairs = [pair.split(",") for pair in shape.get("points", "").split(";")]
        return _filled([_points(pairs, place)], width, height, place)
    if shape.tag == "box":
        x0, y0, x1, y1 = (_number(shape.get(key), place) for key in ("xtl", "ytl", "xbr", "ybr"))
        return _filled([np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])], width, height, place)
    if shape.tag == "mask":
        return _cvat_run_lengths(shape, width, height, place)
    raise NotReadable(f"{place}: a mark must be a polygon, a mask or a box, got {shape.tag!r}")


def _cvat_run_lengths(shape: ElementTree.Element, width: int, height: int, place: str) -> Mask:
    """Along the rows of a window, those of what is not the mark first."""
    x, y, w, h = (int(_number(shape.get(key), place)) for key in ("left", "top", "width", "height"))
    counts = [int(_number(one, place)) for one in shape.get("rle", "").split(",")]
    fits = x >= 0 and y >= 0 and w > 0 and h > 0 and x + w <= width and y + h <= height
    if not fits or min(counts) < 0 or sum(counts) != w * h:
        raise NotReadable(f"{place}: the run lengths of a mask must fill its window within the picture")
    mask = np.zeros((height, width), bool)
    mask[y : y + h, x : x + w] = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(h, w)
    return mask


READERS: Mapping[str, Read] = MappingProxyType(
    {"label-studio": read_label_studio, "coco": read_coco, "cvat": read_cvat}
)

# --- values


def _drawn(name: str, kind: str, mask: Mask) -> Drawn:
    if not mask.any():
        return Drawn(name, kind, np.zeros((0, 0), bool))
    x, y, w, h = box_of(mask, (0, 0))
    return Drawn(name, kind, mask[y : y + h, x : x + w].copy(), (x, y))


def _bytes(path: Path) -> bytes:
    try:
        return read_file(path)
    except OSError as error:
        raise NotReadable(f"{path}: cannot be read, {error.strerror}") from None


def _json(path: Path) -> Any:
    try:
        return decode_any_json(_bytes(path))
    except (ValueError, RecursionError) as error:
        raise NotReadable(f"{path}: no JSON: {error}") from None


def _list(value: Any, told: str) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise NotReadable(f"{told} of objects")
    return value


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _key(value: Any) -> str:
    return str(value)


def _whole(value: Any, place: str) -> int:
    number = _number(value, place)
    if number != int(number) or not 0 < number < MOST_PIXELS:
        raise NotReadable(f"{place}: the size of a picture must be a whole number of pixels, got {value!r}")
    return int(number)


def _number(value: Any, place: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or isinstance(value, bool):
        raise NotReadable(f"{place}: must be a number, got {value!r}")
    return number


def _kind(value: Any, place: str) -> str:
    if value not in KINDS:
        raise NotReadable(f"{place}: the kind of a mark must be one of {', '.join(KINDS)}, got {value!r}")
    return str(value)


def _points(value: Any, place: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    if not isinstance(value, Sequence) or len(value) < 3 or not all(len(pair) == 2 for pair in value):
        raise NotReadable(f"{place}: a polygon must have at least 3 points of x and y")
    return np.array([[_number(number, place) for number in pair] for pair in value])


def _filled(polygons: Sequence[np.ndarray[Any, np.dtype[np.float64]]], width: int, height: int, place: str) -> Mask:
    if width * height > MOST_PIXELS:
        raise NotReadable(f"{place}: a picture must have at most {MOST_PIXELS} pixels")
    mask = np.zeros((height, width), bool)
    for polygon in polygons:
        mask |= within(np.clip(polygon, -1e6, 1e6), (height, width))
    return mask
