"""pixel_level/zone_boundaries/NAME.json: the borders of the zones as ellipses and as points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dscope_blink.config.settings import TrainingSettings
from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import ZONE_LETTERS, ZoneOutline, ellipse_points
from dscope_blink.training.classes import ZONE_CLASSES
from dscope_blink.training.faces import Face
from dscope_blink.training.json_text import json_bytes
from dscope_blink.training.labels import Row

FOLDER = Path("pixel_level") / "zone_boundaries"
POINTS = 180  # of each border, also beyond the picture; between two of them it bows by 0.00015 of its radius


def write_boundaries(face: Face, folder: Path, settings: TrainingSettings) -> dict[str, tuple[Row, ...]]:
    """Write the borders of a picture; it has no rows in tables."""
    label = face.label
    path = folder / FOLDER / f"{label.name}.json"
    make_folder(path.parent)
    said = {
        "image": label.image,
        "width": label.width,
        "height": label.height,
        "um_per_px": label.um_per_px,
        "zones": [_boundary(outline) for outline in label.zones],
    }
    write_file(path, json_bytes(said, None))
    return {}


def _boundary(outline: ZoneOutline) -> Mapping[str, Any]:
    value, ellipse = 1 + ZONE_LETTERS.index(outline.letter), outline.outer
    return {
        "value": value,
        "name": ZONE_CLASSES[value],
        "letter": outline.letter,
        "ellipse": {"center_px": ellipse.center_px, "axes_px": ellipse.axes_px, "angle_deg": ellipse.angle_deg},
        "points_px": np.round(ellipse_points(ellipse, POINTS), 2).tolist(),
    }
