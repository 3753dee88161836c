"""Label Studio: tasks with predictions as polygons, which people see and move; its brush labels do not show on import.

Format: https://labelstud.io/guide/predictions and https://labelstud.io/guide/task_format. Coordinates are percent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import write_file, write_parts
from dscope_blink.training.classes import MARK_CLASSES, MARK_PALETTE
from dscope_blink.training.exported import Exported, ExportSet, MarkMask
from dscope_blink.training.labels import KINDS, Mark
from dscope_blink.training.outlines import joined, polygons_of, simplified

NAME = "label_studio"
LEAST_IOU = 0.97  # of a polygon with fewer points; the mark must stay the same one
LOCAL_FILES = "/data/local-files/?d="


def write_label_studio(exported: ExportSet, folder: Path) -> None:
    """images/, tasks.json and label_config.xml; the exports folder is the document root of the local files."""
    make_folder(folder / "images")
    write_parts(folder / "tasks.json", _tasks(exported, folder / "images"))
    write_file(folder / "label_config.xml", _config().encode())


def shown_polygon(found: MarkMask) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The one polygon (N, 2) by which people see a mark, in pixels; pixel x spans x to x + 1."""
    return simplified(joined(polygons_of(found.mask, found.corner)), LEAST_IOU)


def _tasks(exported: ExportSet, images: Path) -> Iterator[bytes]:
    yield b"["
    for number, picture in enumerate(exported.pictures(whole=True)):
        task = _task(picture, picture.put_image(images))
        text = json.dumps(task, ensure_ascii=False, allow_nan=False)
        yield (b",\n" if number else b"\n") + text.encode("utf-8", "backslashreplace")
    yield b"]\n"


def _task(picture: Exported, file: str) -> Mapping[str, Any]:
    label = picture.label
    data = {
        "image": f"{LOCAL_FILES}{quote(f'{NAME}/images/{file}')}",
        "dscope_name": label.name,
        "status": label.status,
    }
    result = [_region(found, label.width, label.height) for found in picture.marks()]
    return {"data": data, "predictions": [{"model_version": label.source.name, "result": result}]}


def _region(found: MarkMask, width: int, height: int) -> Mapping[str, Any]:
    mark = found.mark
    points = shown_polygon(found) * (100 / width, 100 / height)
    return {
        "id": mark.id,
        "type": "polygonlabels",
        "from_name": "mark",
        "to_name": "image",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": {"points": np.round(points, 6).tolist(), "closed": True, "polygonlabels": [mark.kind]},
        **_score(mark),
    }


def _score(mark: Mark) -> Mapping[str, float]:
    return {} if mark.confidence is None else {"score": round(mark.confidence, 4)}


def _config() -> str:
    colours = dict(zip(MARK_CLASSES, MARK_PALETTE, strict=True))
    labels = [
        f'    <Label value={quoteattr(kind)} background="#{"".join(f"{level:02x}" for level in colours[kind])}"/>'
        for kind in KINDS
    ]
    return "\n".join(
        [
            "<View>",
            '  <Image name="image" value="$image" zoom="true" zoomControl="true" smoothing="false"/>',
            '  <PolygonLabels name="mark" toName="image" strokeWidth="1" pointSize="small" opacity="0.3">',
            *labels,
            "  </PolygonLabels>",
            "</View>",
            "",
        ]
    )
