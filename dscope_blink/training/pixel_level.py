"""pixel_level/: the picture, what zone and what mark each of its pixels belongs to, and an overlay to check by eye."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from dscope_blink.config.settings import TrainingSettings
from dscope_blink.files.decoding import encode_indexed
from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import read_file
from dscope_blink.training.classes import MARK_PALETTE, ZONE_PALETTE
from dscope_blink.training.faces import Face
from dscope_blink.training.labels import Row
from dscope_blink.training.masks import Instances

FOLDER = Path("pixel_level")
ZONE_MASKS, DEFECT_MASKS, INSTANCES, OVERLAYS = "zone_masks", "defect_masks", "instance_masks", "overlays"
OVERLAY_QUALITY = 90
OF_RUNS = (  # of one value, as masks are: a quarter of the time and half the size that filters for photographs take
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE),
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
)


def write_pixel_level(face: Face, folder: Path, settings: TrainingSettings) -> dict[str, tuple[Row, ...]]:
    """Write what a network is trained on, pixel by pixel; it has no rows in tables.

    Of a picture in which marks may be missing there are no masks of marks: they would say that it is clean.
    """
    base, name = folder / FOLDER, face.label.name
    _write(folder / face.label.image, face.data)
    _write(base / ZONE_MASKS / f"{name}.png", encode_indexed(face.zones, ZONE_PALETTE))
    if face.label.marks_are_known:
        _write(base / DEFECT_MASKS / f"{name}.png", encode_indexed(face.kinds, MARK_PALETTE))
        _write(base / INSTANCES / f"{name}.png", _png(face))
    _write(base / OVERLAYS / f"{name}.jpg", overlay(face))
    return {}


def _write(path: Path, data: bytes) -> None:
    make_folder(path.parent)
    write_file(path, data)


def _png(face: Face) -> bytes:
    _, data = cv2.imencode(".png", face.instances, OF_RUNS)
    return bytes(data)


def overlay(face: Face) -> bytes:
    """The picture as JPEG with the borders of the zones and the outlines of the marks in the colours of the masks."""
    grey = np.clip(face.gray * 255, 0, 255).astype(np.uint8)
    drawn = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    for values, palette in ((face.zones, ZONE_PALETTE), (face.kinds, MARK_PALETTE)):
        for value, (red, green, blue) in enumerate(palette):
            outlines, _ = cv2.findContours((values == value).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
            if value:
                cv2.drawContours(drawn, outlines, -1, (blue, green, red), 1)
    _, data = cv2.imencode(".jpg", drawn, (cv2.IMWRITE_JPEG_QUALITY, OVERLAY_QUALITY))
    return bytes(data)


def read_instances(folder: Path, name: str) -> Instances | None:
    """(H, W) uint16 as `write_pixel_level` wrote it; None where there is none."""
    try:
        data = read_file(folder / FOLDER / INSTANCES / f"{name}.png")
    except OSError:
        return None
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return np.asarray(image, np.uint16) if image is not None and image.ndim == 2 else None
