"""YOLO: one text file for each picture, a line for each mark, coordinates as shares of width and height.

Format: https://docs.ultralytics.com/datasets/segment/ and .../detect/.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import write_file
from dscope_blink.training.exported import Exported, ExportSet, MarkMask
from dscope_blink.training.labels import KINDS
from dscope_blink.training.outlines import joined, polygons_of

Coordinates: TypeAlias = Callable[[MarkMask, int, int], list[float]]  # of a mark in a picture of this width and height


def write_yolo(exported: ExportSet, folder: Path) -> None:
    """Segmentation: images/SIDE/, labels/SIDE/ and data.yaml; a mark of several parts is one polygon."""
    _write(exported, folder, _polygon)


def write_yolo_boxes(exported: ExportSet, folder: Path) -> None:
    """Detection, likewise."""
    _write(exported, folder, _box)


def _write(exported: ExportSet, folder: Path, coordinates: Coordinates) -> None:
    for side in exported.used_sides:
        labels = folder / "labels" / side
        make_folder(labels)
        make_folder(folder / "images" / side)
        for picture in exported.pictures(side):
            picture.put_image(folder / "images" / side)
            write_file(labels / f"{picture.stem}.txt", "".join(_lines(picture, coordinates)).encode("ascii"))
    write_file(folder / "data.yaml", _yaml(exported.used_sides).encode())


def _lines(picture: Exported, coordinates: Coordinates) -> list[str]:
    size = (picture.label.width, picture.label.height)
    numbers = ((KINDS.index(found.mark.kind), coordinates(found, *size)) for found in picture.marks())
    return [" ".join((str(kind), *(f"{value:.7g}" for value in values))) + "\n" for kind, values in numbers]


def _polygon(found: MarkMask, width: int, height: int) -> list[float]:
    points = joined(polygons_of(found.mask, found.corner)) / (width, height)
    return [float(value) for value in points.ravel()]


def _box(found: MarkMask, width: int, height: int) -> list[float]:
    x, y, w, h = found.box
    return [(x + w / 2) / width, (y + h / 2) / height, w / width, h / height]


def _yaml(sides: tuple[str, ...]) -> str:
    """Paths relative to the file; texts as JSON, which YAML holds."""
    lines = [f"{side}: images/{side}" for side in sides]
    return "\n".join([*lines, "names:", *(f"  {n}: {json.dumps(kind)}" for n, kind in enumerate(KINDS))]) + "\n"
