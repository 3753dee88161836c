"""What a comparison with good faces came to, as files: report, mask, the table of a batch."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from dscope_blink.records import Anomaly, Comparison, Mask, ReferenceDistances, WholeFace
from dscope_blink.reporting.tables import Column, Table, table_of


def report_bytes(comparison: Comparison) -> bytes:
    """NAME_report.json, in the form that `aggregate` reads of other programs (foreign_report.schema.json)."""
    inspection = comparison.inspection
    report = {
        "timestamp": inspection.moment,
        "source_image": inspection.image.file,
        "image_sha256": inspection.image.sha256,
        "image_width": inspection.image.width,
        "image_height": inspection.image.height,
        "program": inspection.provenance.program,
        "model_sha256": comparison.model_sha256,
        "status": comparison.status,
        "reasons": comparison.reasons,
        "score": comparison.score,
        "ring_score": comparison.ring_score,
        "similarity": comparison.similarity,
        "whole": _whole(comparison),
        "defects": [_defect(anomaly) for anomaly in comparison.anomalies],
    }
    return (json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(
        "utf-8", "backslashreplace"
    )


def _whole(comparison: Comparison) -> dict[str, Any] | None:
    """The face as a whole; None where it was not compared so."""
    whole = comparison.whole
    if whole is None:
        return None
    return {
        "distance": round(whole.distance, 4),
        "limit": round(whole.limit, 4),
        "deviations": [
            {"feature": one.name, "value": one.value, "middle": one.middle, "spreads": round(one.spreads, 2)}
            for one in whole.deviations
        ],
        "nearest_reference": _nearest(whole),
    }


def _nearest(whole: WholeFace) -> dict[str, Any] | None:
    return next(({"file": one.file, "euclid": round(one.euclid, 4)} for one in whole.references), None)


def _defect(anomaly: Anomaly) -> dict[str, Any]:
    (left, top), (right, bottom) = anomaly.outline_px.min(axis=0), anomaly.outline_px.max(axis=0)
    return {
        "defect_id": anomaly.id,
        "defect_type": anomaly.kind,
        "location_xy": [round(float((left + right) / 2), 1), round(float((top + bottom) / 2), 1)],
        "bbox": [round(float(v), 1) for v in (left, top, right - left, bottom - top)],
        "area_px": anomaly.area_px,
        "confidence": anomaly.confidence,
        "severity": anomaly.severity,
        "orientation": None,
        "contributing_algorithms": [anomaly.found_by],
        "contour": np.round(anomaly.outline_px, 1).tolist(),
        "detection_metadata": {
            "score": anomaly.score,
            "zone": anomaly.zone,
            "diameter_um": anomaly.diameter_um,
            "marks": list(anomaly.marks),
        },
    }


def mask_bytes(mask: Mask) -> bytes:
    """NAME_defect_mask.npy: (H, W) uint8, 1 where the face departs."""
    file = io.BytesIO()
    np.save(file, mask.astype(np.uint8), allow_pickle=False)
    return file.getvalue()


def distance_table(whole: WholeFace | None) -> Table:
    """NAME_distances.csv: one row for each reference, the nearest first; none where there was nothing to compare."""
    return table_of(DISTANCE_COLUMNS, [(one,) for one in (() if whole is None else whole.references)])


def _distance(name: str, unit: str, meaning: str, key: str) -> Column:
    def value(one: ReferenceDistances) -> float:
        return round(float(getattr(one, key)), 4)

    return Column(name, unit, "float64", meaning, value)


DISTANCE_COLUMNS = (
    Column("Reference", "", "object", "the picture that the model was learned from", lambda one: one.file),
    _distance("Euclid", "spreads", "of the deviations of features, by which the rows are ordered", "euclid"),
    _distance("Manhattan", "spreads", "sum of the differences of these deviations", "manhattan"),
    _distance("Cosine", "", "1 less the cosine of the angle between them, 0 to 2", "cosine"),
    _distance("Correlation", "", "1 less their correlation, 0 to 2", "correlation"),
    _distance("Chi_Square", "", "of the histograms of light, mean of the zones, 0 to 1", "chi_square"),
    _distance("Wasserstein", "bins", "how far light would have to be moved between them", "wasserstein"),
    _distance("KS", "", "greatest difference of their sums (Kolmogorov-Smirnov), 0 to 1", "kolmogorov_smirnov"),
)


def comparison_table(comparisons: Sequence[Comparison]) -> Table:
    """The table of a batch: one row for each picture."""
    return table_of(REFERENCE_COLUMNS, [(one,) for one in comparisons])


def _unnamed(comparison: Comparison) -> int:
    return sum(not anomaly.marks for anomaly in comparison.anomalies)


def _worst(comparison: Comparison) -> Anomaly | None:
    return comparison.anomalies[0] if comparison.anomalies else None


def _of_worst(comparison: Comparison, key: str) -> Any:
    worst = _worst(comparison)
    return None if worst is None else getattr(worst, key)


def _of_whole(comparison: Comparison, key: str) -> Any:
    return None if comparison.whole is None else round(getattr(comparison.whole, key), 4)


def _most_deviant(comparison: Comparison) -> str | None:
    whole = comparison.whole
    return None if whole is None or not whole.deviations else whole.deviations[0].in_words


REFERENCE_COLUMNS = (
    Column("Image_Filename", "", "object", "the picture", lambda one: one.inspection.image.file),
    Column(
        "Reference_Status",
        "",
        "object",
        "NORMAL, ANOMALOUS, NOT_OF_THIS_FAMILY, NOT_COMPARED or NO_REFERENCE; the acceptance verdict is another",
        lambda one: one.status,
    ),
    Column("Score", "", "float64", "of the worst place or ring, 1 the limit", lambda one: one.score),
    Column("Ring_Score", "", "float64", "of the worst ring, 1 the limit", lambda one: one.ring_score),
    Column(
        "Similarity",
        "",
        "float64",
        "structural, of the whole face with the archetype, 1 the same",
        lambda one: one.similarity,
    ),
    Column(
        "Distance", "", "float64", "of the face as a whole from the references", lambda one: _of_whole(one, "distance")
    ),
    Column("Distance_Limit", "", "float64", "that few good faces exceed", lambda one: _of_whole(one, "limit")),
    Column("Most_Deviant", "", "object", "the feature that deviates most, and which way", _most_deviant),
    Column("Anomalies", "", "int64", "places beyond the limit", lambda one: len(one.anomalies)),
    Column("Unnamed", "", "int64", "of these, places where the inspection found no mark", _unnamed),
    Column("Worst_ID", "", "object", "the place that departs most", lambda one: _of_worst(one, "id")),
    Column("Worst_Zone", "", "object", "its zone", lambda one: _of_worst(one, "zone")),
    Column("Worst_Diameter_um", "um", "float64", "the circle around it", lambda one: _of_worst(one, "diameter_um")),
    Column("Worst_Severity", "", "object", "its severity by size and zone", lambda one: _of_worst(one, "severity")),
    Column("Pass/Fail_Status", "", "object", "the acceptance verdict", lambda one: one.inspection.verdict.status),
    Column("Reasons", "", "object", "why it is no NORMAL one", lambda one: "; ".join(one.reasons)),
    Column("Model_SHA256", "", "object", "of the file of the model", lambda one: one.model_sha256),
)
