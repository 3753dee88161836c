"""Reports of other programs, as they write them and as nobody should."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Inspection
from tests.builders.inspections import FAILED, HEIGHT, WIDTH
from tests.builders.stored_results import result_of

SHA256 = "ab" * 32  # of the picture of hand-made records
LATER = "2026-02-01T08:00:00+00:00"  # than those pictures were taken


def defect(defect_id: str = "D1", x: float = 100, y: float = 80, side: float = 10, **changes: Any) -> dict[str, Any]:
    """A mark in a square box whose first pixel is at x and y; a change to None takes the field away."""
    mark = {
        "defect_id": defect_id,
        "defect_type": "DIG",
        "location_xy": [x + (side - 1) / 2, y + (side - 1) / 2],
        "bbox": [x, y, side, side],
        "area_px": side * side,
        "confidence": 0.8,
        "severity": "LOW",
        "orientation": None,
        "contributing_algorithms": ["blackhat"],
        "detection_metadata": {"contour_area": 12.5},
    }
    return {name: value for name, value in (mark | changes).items() if value is not None or name == "orientation"}


def report(*marks: Any, **changes: Any) -> dict[str, Any]:
    """A report on the picture of hand-made records; a change to None takes the field away."""
    whole = {
        "source_image": "/data/fiber_07.png",
        "timestamp": LATER,
        "image_width": WIDTH,
        "image_height": HEIGHT,
        "analysis_metadata": {"analyzer": "matcher", "version": "1.5"},
        "defects": list(marks),
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def write_report(folder: Path, name: str, content: Mapping[str, Any] | bytes) -> Path:
    """NAME_report.json in a folder that need not be there; NaN is written as Python does."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_report.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def write_record(folder: Path, name: str = "fiber_07", **image: Any) -> Inspection:
    """NAME_result.json of a hand-made record; `image` changes what it says of its picture."""
    image = {"file": f"{name}.png"} | image
    record = replace(FAILED, image=replace(FAILED.image, **image), request=replace(FAILED.request, manifest={}))
    result_of(folder, name, record, pictures=False)
    return record


def mask_of(boxes: Sequence[tuple[int, int, int, int]], width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """255 in some boxes of x, y, width and height."""
    mask = np.zeros((height, width), np.uint8)
    for x, y, w, h in boxes:
        mask[y : y + h, x : x + w] = 255
    return mask
