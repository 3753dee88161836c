"""Hand-made comparisons of a face with good ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dscope_blink.records import ANOMALY, Anomaly, Comparison, Deviation, Inspection, ReferenceDistances, WholeFace
from tests.builders.inspections import FAILED, GEOMETRY
from tests.builders.stored_results import result_of

CENTER = np.array(GEOMETRY.cladding.ellipse.center_px)
PICTURE = np.full((FAILED.image.height or 0, FAILED.image.width or 0), 120, np.uint8)


def anomaly(number: int, at: tuple[float, float], size_px: float, **changes: Any) -> Anomaly:
    square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2 * size_px + CENTER + at
    return replace(
        Anomaly(f"N{number}", ANOMALY, "core", 3.4, square, size_px**2, size_px, size_px / 2, 0.9, "HIGH"), **changes
    )


PLACES = (
    anomaly(1, (-60, -50), 80, kind="scratch", marks=("S1",)),
    anomaly(2, (40, 90), 20, severity="LOW", zone=None),
)
COMPARISON = Comparison("ANOMALOUS", ("2 places depart",), "ab" * 32, 3.4, 0.7, PLACES, 0.93)
FOUND = replace(FAILED, reference=COMPARISON)
NOTHING = replace(FAILED, reference=Comparison("NOT_COMPARED", ("no fiber was found",), "ab" * 32))

FEATURES_APART = (Deviation("core_mean", 1.2, 1.0, 8.25), Deviation("cladding_entropy", 2.0, 3.0, -4.0))
NEAREST = (
    ReferenceDistances("good/3.png", 4.25, 30.0, 0.5, 0.6, 0.01, 1.5, 0.07),
    ReferenceDistances("good/1.png", 5.0, 40.0, 0.4, 0.3, 0.02, None, 0.09),
)
WHOLE = WholeFace(9.0, 6.0, FEATURES_APART, (1.2, 2.0), NEAREST)
OWN = replace(
    FAILED,
    reference=replace(
        COMPARISON,
        status="NO_REFERENCE",
        ring_score=None,
        model_sha256="",
        anomalies=tuple(replace(one, found_by="own_symmetry") for one in PLACES),
    ),
)


def stored_comparison(folder: Path, name: str, face: Inspection) -> Path:
    """The record of a face with its pictures beside it."""
    return result_of(folder, name, replace(face, image=replace(face.image, file=f"{name}.png")))
