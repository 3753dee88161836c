"""Labelled pictures in memory, small ones whose marks people drew, and that of a stored record."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Ellipse, Inspection, Points, ZoneOutline
from dscope_blink.training.faces import Face, label_of
from dscope_blink.training.labels import Label, Mark, Source

PERSON = Source("person", "Ann", "2026-01-31")
SIZE = 120  # px, of both sides
CENTRE = (60.0, 60.0)
ZONES = tuple(
    ZoneOutline(letter, Ellipse(CENTRE, (px, px), 0.0)) for letter, px in zip("ABCD", (20, 60, 80, 110), strict=True)
)


def rectangle(x0: float, y0: float, x1: float, y1: float) -> Points:
    """All pixels from x0, y0 to x1, y1, these included."""
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64)


def drawn(name: str, outline: Points, kind: str = "pit_dig", **changes: Any) -> Mark:
    """A mark that a person drew."""
    return Mark(name, kind, "cladding", outline, PERSON, **changes)


def label_with(*marks: Mark, **changes: Any) -> Label:
    """A picture of SIZE pixels whose zones lie about its middle."""
    fields: dict[str, Any] = {
        "name": "a",
        "file": "a.png",
        "image": "pixel_level/images/a.png",
        "sha256": "0" * 64,
        "width": SIZE,
        "height": SIZE,
        "status": "FAIL",
        "source": PERSON,
        "zones": ZONES,
        "cladding": ZONES[1].outer,
        "um_per_px": (0.5, 0.5),
        "marks": marks,
    }
    return Label(**{**fields, **changes})


def face_with(label: Label, picture: NDArray[np.uint8] | None = None) -> Face:
    """With an even picture, unless another is given."""
    return Face(label, np.full((label.height, label.width), 200, np.uint8) if picture is None else picture, b"")


def face_of(inspection: Inspection) -> Face:
    """An even picture with what its record says of it."""
    label = label_of(inspection, "a", "pixel_level/images/a.png", (), "")
    return Face(label, np.full((label.height, label.width), 128, np.uint8), b"", inspection)
