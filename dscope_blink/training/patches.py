"""defect_library/TYPE/[SEVERITY/]ID.png: each mark cut out of its picture at full scale, and what is said of it."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np

from dscope_blink.config.settings import TrainingSettings
from dscope_blink.files.decoding import Picture
from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import write_file
from dscope_blink.training.classes import ZONES
from dscope_blink.training.faces import Face
from dscope_blink.training.labels import Mark, Row
from dscope_blink.training.masks import Placed, box_of
from dscope_blink.training.severity_scores import severity_score, severity_tier
from dscope_blink.training.tables import measured

TABLE = "library"
FOLDER = Path("defect_library")
NO_TIER = "no_scale"  # folder of marks whose size is not known
# What cleaning takes away is transient, what has to be polished off is permanent; of other marks nobody knows.
LASTS = {
    "contamination": "transient",
    **dict.fromkeys(("scratch", "pit_dig", "crack", "chip"), "permanent"),
    "other": "unknown",
}
FAST_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1)


def write_patches(face: Face, folder: Path, settings: TrainingSettings) -> dict[str, tuple[Row, ...]]:
    """Write the patches of a picture, of the depth and colours that it has; their rows are those of the index."""
    marks = zip(face.label.mark_ids, face.label.marks, face.masks, strict=True)
    return {TABLE: tuple(_written(face, folder, settings, name, mark, placed) for name, mark, placed in marks)}


def _written(face: Face, folder: Path, settings: TrainingSettings, name: str, mark: Mark, placed: Placed) -> Row:
    zone, size_um = ZONES.get(mark.zone, mark.zone), _size_um(mark, face.label.um_per_px)
    score = severity_score(size_um, zone, mark.kind, settings)
    tier = severity_tier(score, settings)
    severity = (tier or NO_TIER,) if settings.library_by_severity else ()
    file = FOLDER.joinpath(mark.kind, *severity, f"{name}.png")
    box = box_of(*placed)
    patch, (x, y) = cut(face.picture, box, settings.padding_px)
    _, data = cv2.imencode(".png", patch, FAST_PNG)
    make_folder((folder / file).parent)
    write_file(folder / file, bytes(data))
    return measured(
        {
            "id": name,
            "file": file.as_posix(),
            "severity_score": score,
            "severity_tier": tier,
            "size_um": size_um,
            "lasts": LASTS[mark.kind],
            **dict(zip(("box_x_px", "box_y_px", "box_width_px", "box_height_px"), box, strict=True)),
            "patch_x_px": x,
            "patch_y_px": y,
            "patch_width_px": patch.shape[1],
            "patch_height_px": patch.shape[0],
        }
    )


def cut(picture: Picture, box: tuple[int, int, int, int], padding_px: int) -> tuple[Picture, tuple[int, int]]:
    """The pixels of a box (x, y, width, height) and those around it, as far as the picture has them; x and y of it."""
    x, y, width, height = box
    left, top = max(x - padding_px, 0), max(y - padding_px, 0)
    return picture[top : y + height + padding_px, left : x + width + padding_px], (left, top)


def _size_um(mark: Mark, um_per_px: tuple[float, float] | None) -> float:
    """Diameter of the smallest circle around its outline; NaN without a scale."""
    if um_per_px is None:
        return math.nan
    return 2 * float(cv2.minEnclosingCircle((mark.outline_px * um_per_px).astype(np.float32))[1])
