"""Hand-made comparisons of a face with good ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dscope_blink.files.names import FOREIGN_REPORT
from dscope_blink.records import ANOMALY, Anomaly, Comparison, Deviation, WholeFace
from dscope_blink.reporting.anomaly_files import report_bytes
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
FOUND = Comparison("ANOMALOUS", ("2 places depart",), FAILED, 3.4, 0.7, PLACES, "ab" * 32, 0.93)
NOTHING = Comparison("NOT_COMPARED", ("no fiber was found",), FAILED, model_sha256="ab" * 32)

FEATURES_APART = (Deviation("core_mean", 1.2, 1.0, 8.25), Deviation("cladding_entropy", 2.0, 3.0, -4.0))
WHOLE = WholeFace(9.0, 6.0, FEATURES_APART, (1.2, 2.0))


def stored_comparison(folder: Path, name: str, comparison: Comparison) -> Path:
    """The record of a face with NAME_report.json and its pictures beside it."""
    inspection = comparison.inspection
    named = replace(inspection, image=replace(inspection.image, file=f"{name}.png"))
    path = result_of(folder, name, named)
    (folder / f"{name}{FOREIGN_REPORT}").write_bytes(report_bytes(replace(comparison, inspection=named)))
    return path
