"""Parquet with the pictures and their masks in it, as Hugging Face `datasets` reads it.

Format: https://huggingface.co/docs/hub/datasets-image#parquet-format; its features are in the metadata of the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import whole_file
from dscope_blink.training.classes import MARK_VALUES, ZONE_CLASSES
from dscope_blink.training.exported import Exported, ExportSet
from dscope_blink.training.labels import KINDS
from dscope_blink.training.masks import kinds_of, zones_of

SIDE_NAMES = {"train": "train", "val": "validation", "test": "test"}  # as `datasets` names them
PICTURES_AT_ONCE = 16  # in memory, and in a row group

_TEXT = {"dtype": "string", "_type": "Value"}
_WHOLE = {"dtype": "int32", "_type": "Value"}
_IMAGE = {"_type": "Image"}
_BOX = {"feature": _WHOLE, "_type": "Sequence"}

# Masks hold values: of zones and kinds those of classes.json, of instances 0 or 1 + index in the columns marks_*.
FEATURES: Mapping[str, Mapping[str, Any]] = {
    "image": _IMAGE,
    "name": _TEXT,
    "face": _TEXT,
    "status": {"names": ["PASS", "FAIL", "NOT_GRADED"], "_type": "ClassLabel"},
    "width": _WHOLE,
    "height": _WHOLE,
    "zone_mask": _IMAGE,
    "defect_mask": _IMAGE,
    "instance_mask": _IMAGE,
    "marks_id": {"feature": _TEXT, "_type": "Sequence"},
    "marks_kind": {"feature": {"names": list(KINDS), "_type": "ClassLabel"}, "_type": "Sequence"},
    "marks_zone": {"feature": {"names": ["", *ZONE_CLASSES], "_type": "ClassLabel"}, "_type": "Sequence"},
    "marks_source": {"feature": _TEXT, "_type": "Sequence"},
    "marks_box_xywh_px": {"feature": _BOX, "_type": "Sequence"},
    "marks_area_px": {"feature": _WHOLE, "_type": "Sequence"},
}


def write_parquet(exported: ExportSet, folder: Path) -> None:
    """data/SIDE-00000-of-00001.parquet for each side."""
    make_folder(folder / "data")
    for side in exported.used_sides:
        path = folder / "data" / f"{SIDE_NAMES[side]}-00000-of-00001.parquet"
        _write(path, (_row(picture) for picture in exported.pictures(side)))


def _write(path: Path, rows: Iterator[Mapping[str, Any]]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    told = json.dumps({"info": {"features": FEATURES}}).encode()
    fields = [pa.field(name, _type(feature)) for name, feature in FEATURES.items()]
    schema = pa.schema(fields, metadata={b"huggingface": told})
    with whole_file(path) as temporary, parquet.ParquetWriter(temporary, schema) as writer:
        while some := list(islice(rows, PICTURES_AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(some, schema))


def _type(feature: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    match feature["_type"]:
        case "Image":
            return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        case "Sequence":
            return pa.list_(_type(feature["feature"]))
        case "ClassLabel":
            return pa.int64()
        case _:
            return {"string": pa.string(), "int32": pa.int32()}[feature["dtype"]]


def _row(picture: Exported) -> Mapping[str, Any]:
    label, stem = picture.label, picture.stem
    marks = {found.mark.id: found for found in picture.marks()}
    found = [marks.get(mark.id) for mark in label.marks]  # those that others cover whole stay, so that indices fit
    name, data = picture.image_bytes()
    return {
        "image": {"bytes": data, "path": name},
        "name": label.name,
        "face": label.face,
        "status": FEATURES["status"]["names"].index(label.status),
        "width": label.width,
        "height": label.height,
        "zone_mask": _png(zones_of(label), stem),
        "defect_mask": _png(kinds_of(label, picture.instances), stem),
        "instance_mask": _png(picture.instances, stem),
        "marks_id": [mark.id for mark in label.marks],
        "marks_kind": [MARK_VALUES[mark.kind] - 1 for mark in label.marks],
        "marks_zone": [FEATURES["marks_zone"]["feature"]["names"].index(_zone(mark.zone)) for mark in label.marks],
        "marks_source": [mark.source.by for mark in label.marks],
        "marks_box_xywh_px": [[0, 0, 0, 0] if one is None else list(one.box) for one in found],
        "marks_area_px": [0 if one is None else int(np.count_nonzero(one.mask)) for one in found],
    }


def _zone(name: str) -> str:
    return name if name in ZONE_CLASSES else ""


def _png(values: NDArray[Any], stem: str) -> Mapping[str, Any]:
    return {"bytes": bytes(cv2.imencode(".png", values)[1]), "path": f"{stem}.png"}
