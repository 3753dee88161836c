"""Exported data sets read by other programs, mask by mask: COCO, CVAT, VOC and YOLO by datumaro, Parquet by `datasets`.

None of them is a package of this program. In an environment of their own:
`python -m venv other; other/bin/pip install datumaro datasets; other/bin/python benchmarks/read_back.py DATASET`,
after `dataset export DATASET --to all`. The truth is pixel_level/instance_masks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np

Found: TypeAlias = Mapping[str, list[tuple[str, Any]]]  # kind and (H, W) bool mask of each mark, by stem of the file
READERS = (("coco", "coco_instances"), ("coco_polygons", "coco_instances"), ("cvat", "cvat"), ("pascal", "voc"))


def main(folder: Path) -> int:
    """Print the worst and mean IoU of each format; 1 where a mask is below 0.95 or a mark is missing."""
    truth = dict(_truth(folder))
    bad = 0
    for name, form in READERS:
        bad += _compare(f"{name} by datumaro", truth, _by_datumaro(folder / "exports" / name, form, truth))
    bad += _compare("parquet by datasets", truth, _by_datasets(folder / "exports" / "parquet"))
    return min(bad, 1)


def _truth(folder: Path) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    sides = sorted((folder / "exports" / "coco" / "annotations").glob("instances_*.json"))
    for image in (image for side in sides for image in json.loads(side.read_bytes())["images"]):
        name = image["dscope_name"]
        stored = np.fromfile(folder / "pixel_level" / "instance_masks" / f"{name}.png", np.uint8)
        instances = np.asarray(cv2.imdecode(stored, cv2.IMREAD_UNCHANGED), np.uint16)
        marks = json.loads((folder / "labels" / f"{name}.json").read_bytes())["label"]["marks"]
        masks = [(mark["kind"], np.equal(instances, number)) for number, mark in enumerate(marks, 1)]
        yield Path(image["file_name"]).stem, [(kind, mask) for kind, mask in masks if mask.any()]


def _by_datumaro(path: Path, form: str, truth: Found) -> Found:
    import datumaro
    from datumaro.components.annotation import AnnotationType
    from datumaro.util.mask_tools import rles_to_mask

    read = datumaro.Dataset.import_from(str(path), form)
    kinds, found = read.categories()[AnnotationType.label], {}
    for item in read:
        stem = Path(item.id).name
        if not truth.get(stem):
            continue
        height, width = truth[stem][0][1].shape
        parts: dict[Any, tuple[str, Any]] = {}  # of one mark have one group
        for number, one in enumerate(item.annotations):
            if one.type == AnnotationType.mask:
                mask = np.asarray(one.image) > 0
            elif one.type == AnnotationType.polygon:
                mask = rles_to_mask([one.points], width, height) > 0
            else:
                continue
            key = one.group or ("alone", number)
            parts[key] = (kinds[one.label].name, mask | parts[key][1] if key in parts else mask)
        found[stem] = list(parts.values())
    return found


def _by_datasets(path: Path) -> Found:
    import datasets

    rows, found = datasets.load_dataset(str(path), split="all"), {}
    kinds = rows.features["marks_kind"].feature
    rows = rows.cast_column("image", datasets.Image(decode=False))
    for row in rows:
        instances = np.asarray(row["instance_mask"])
        masks = [(kinds.int2str(kind), instances == number) for number, kind in enumerate(row["marks_kind"], 1)]
        found[Path(row["image"]["path"]).stem] = masks
    return found


def _compare(title: str, truth: Found, found: Found) -> int:
    overlaps = []
    for stem, marks in truth.items():
        left = [one for one in found.get(stem, []) if one[1].any()]
        for kind, mask in marks:
            ious = [_iou(mask, other) if kind == named else 0.0 for named, other in left]
            best = int(np.argmax(ious)) if ious else -1
            overlaps.append(ious[best] if ious else 0.0)
            if ious:
                left.pop(best)
    worst = min(overlaps, default=1.0)
    print(f"{title:26} {len(truth)} pictures, {len(overlaps)} marks: IoU {worst:.4f} at worst, {np.mean(overlaps):.5f}")
    return int(worst < 0.95)


def _iou(first: Any, second: Any) -> float:
    return float(np.count_nonzero(first & second) / np.count_nonzero(first | second))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
