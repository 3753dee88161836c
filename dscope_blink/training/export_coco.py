"""COCO instances: masks run-length encoded as truth, or as polygons; and the folder of them that FiftyOne reads.

Format: https://cocodataset.org/#format-data, and pycocotools, whose masks they are. FiftyOne calls the folder
COCODetectionDataset: https://docs.voxel51.com/user_guide/import_datasets.html.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import write_parts
from dscope_blink.training.classes import MARK_VALUES
from dscope_blink.training.exported import Exported, ExportSet, MarkMask
from dscope_blink.training.labels import KINDS
from dscope_blink.training.outlines import polygons_of

Segmentation: TypeAlias = Callable[[MarkMask, tuple[int, int]], Any]  # of a mark in a picture of (H, W)


def write_coco(exported: ExportSet, folder: Path) -> None:
    """images/ and annotations/instances_SIDE.json, masks run-length encoded."""
    _write_sides(exported, folder, run_lengths)


def write_coco_polygons(exported: ExportSet, folder: Path) -> None:
    """The same with polygons: a hole is reached by a cut of no width."""
    _write_sides(exported, folder, _polygons)


def write_fiftyone(exported: ExportSet, folder: Path) -> None:
    """SIDE/data/ and SIDE/labels.json, masks run-length encoded."""
    for side in exported.used_sides:
        _write(exported, side, folder / side / "data", folder / side / "labels.json", run_lengths)


def _write_sides(exported: ExportSet, folder: Path, segmentation: Segmentation) -> None:
    for side in exported.used_sides:
        path = folder / "annotations" / f"instances_{side}.json"
        _write(exported, side, folder / "images", path, segmentation)


def _write(exported: ExportSet, side: str, images: Path, path: Path, segmentation: Segmentation) -> None:
    make_folder(images)
    make_folder(path.parent)
    write_parts(path, _document(exported, side, images, segmentation))


def _document(exported: ExportSet, side: str, images: Path, segmentation: Segmentation) -> Iterator[bytes]:
    """One line for each mark, then for each picture; of marks only those of one picture are in memory."""
    yield b'{"info": {"description": "D-Scope Blink"},\n"licenses": [],\n"categories": '
    yield _line([{"id": MARK_VALUES[kind], "name": kind, "supercategory": "mark"} for kind in KINDS])
    yield b',\n"annotations": ['
    rows: list[bytes] = []
    count = 0
    for picture in exported.pictures(side):
        rows.append(_line(_image(picture, picture.put_image(images))))
        for mark in picture.marks():
            count += 1
            yield (b"\n" if count == 1 else b",\n") + _line(_annotation(count, picture, mark, segmentation))
    yield b'],\n"images": [\n' + b",\n".join(rows) + b"]}\n"


def _image(picture: Exported, file: str) -> Mapping[str, Any]:
    label = picture.label
    size = {"width": label.width, "height": label.height}
    return {"id": picture.number, "file_name": file, **size, "dscope_name": label.name, "status": label.status}


def _annotation(number: int, picture: Exported, found: MarkMask, segmentation: Segmentation) -> Mapping[str, Any]:
    mark, shape = found.mark, (picture.label.height, picture.label.width)
    return {
        "id": number,
        "image_id": picture.number,
        "category_id": MARK_VALUES[mark.kind],
        "segmentation": segmentation(found, shape),
        "area": int(np.count_nonzero(found.mask)),
        "bbox": list(found.box),
        "iscrowd": 0,
        "dscope_id": mark.id,
        "zone": mark.zone,
        "severity": mark.severity,
        "source": mark.source.by,
    }


def run_lengths(found: MarkMask, shape: tuple[int, int]) -> Mapping[str, Any]:
    """COCO's compressed run lengths, down the columns.

    Parameters
    ----------
    found : a mark
    shape : (H, W) of its picture
    """
    from pycocotools import mask as coco

    (x, y), (h, w) = found.corner, found.mask.shape
    whole = np.zeros(shape, np.uint8, "F")
    whole[y : y + h, x : x + w] = found.mask
    encoded = coco.encode(whole)
    return {"size": list(shape), "counts": encoded["counts"].decode("ascii")}


def _polygons(found: MarkMask, shape: tuple[int, int]) -> list[list[float]]:
    return [np.round(polygon, 2).ravel().tolist() for polygon in polygons_of(found.mask, found.corner)]


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")
