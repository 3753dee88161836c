"""What a comparison with good faces came to, as files: report, mask, the table of a batch."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from dscope_blink.records import Anomaly, Inspection, Mask, ReferenceDistances, WholeFace
from dscope_blink.reporting.tables import Column, Table, table_of


def report_bytes(face: Inspection) -> bytes:
    """NAME_report.json, in the form that `aggregate` reads of other programs (foreign_report.schema.json)."""
    was_compared = face.comparison.score is not None
    report = {
        "timestamp": face.moment,
        "source_image": face.image.file,
        "image_sha256": face.image.sha256,
        "image_width": face.image.width,
        "image_height": face.image.height,
        "program": face.provenance.program,
        "model_sha256": face.comparison.model_sha256,
        "status": face.comparison.status,
        "success": was_compared,  # a face whose places were not looked at is no clean one
        "error": None if was_compared else "; ".join(face.comparison.reasons),
        "reasons": face.comparison.reasons,
        "score": face.comparison.score,
        "ring_score": face.comparison.ring_score,
        "similarity": face.comparison.similarity,
        "whole": _whole(face),
        "defects": [_defect(anomaly) for anomaly in face.comparison.anomalies],
    }
    return (json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(
        "utf-8", "backslashreplace"
    )


def _whole(face: Inspection) -> dict[str, Any] | None:
    """The face as a whole; None where it was not compared so."""
    whole = face.comparison.whole
    if whole is None:
        return None
    return {
        "distance": whole.distance,
        "limit": whole.limit,
        "deviations": [
            {"feature": one.name, "value": one.value, "middle": one.middle, "spreads": one.spreads}
            for one in whole.deviations
        ],
        "nearest_reference": _nearest(whole),
        "values": list(whole.values),
    }


def _nearest(whole: WholeFace) -> dict[str, Any] | None:
    return next(({"file": one.file, "euclid": one.euclid} for one in whole.references), None)


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
            "diameter_px": anomaly.diameter_px,
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
    def value(one: ReferenceDistances) -> float | None:
        found: float | None = getattr(one, key)
        return found

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


def comparison_table(faces: Sequence[Inspection]) -> Table:
    """The table of a batch: one row for each picture."""
    return table_of(REFERENCE_COLUMNS, [(one,) for one in faces])


def _unnamed(face: Inspection) -> int:
    return sum(not anomaly.marks for anomaly in face.comparison.anomalies)


def _worst(face: Inspection) -> Anomaly | None:
    return face.comparison.anomalies[0] if face.comparison.anomalies else None


def _of_worst(face: Inspection, key: str) -> Any:
    worst = _worst(face)
    return None if worst is None else getattr(worst, key)


def _of_whole(face: Inspection, key: str) -> Any:
    return None if face.comparison.whole is None else round(getattr(face.comparison.whole, key), 4)


def _most_deviant(face: Inspection) -> str | None:
    whole = face.comparison.whole
    return None if whole is None or not whole.deviations else whole.deviations[0].in_words


REFERENCE_COLUMNS = (
    Column("Image_Filename", "", "object", "the picture", lambda one: one.image.file),
    Column(
        "Reference_Status",
        "",
        "object",
        "NORMAL, ANOMALOUS, NOT_OF_THIS_FAMILY, NOT_COMPARED or NO_REFERENCE; the acceptance verdict is another",
        lambda one: one.comparison.status,
    ),
    Column("Score", "", "float64", "of the worst place or ring, 1 the limit", lambda one: one.comparison.score),
    Column("Ring_Score", "", "float64", "of the worst ring, 1 the limit", lambda one: one.comparison.ring_score),
    Column(
        "Similarity",
        "",
        "float64",
        "structural, of the whole face with the archetype, 1 the same",
        lambda one: one.comparison.similarity,
    ),
    Column(
        "Distance", "", "float64", "of the face as a whole from the references", lambda one: _of_whole(one, "distance")
    ),
    Column("Distance_Limit", "", "float64", "that few good faces exceed", lambda one: _of_whole(one, "limit")),
    Column("Most_Deviant", "", "object", "the feature that deviates most, and which way", _most_deviant),
    Column("Anomalies", "", "int64", "places beyond the limit", lambda one: len(one.comparison.anomalies)),
    Column("Unnamed", "", "int64", "of these, places where the inspection found no mark", _unnamed),
    Column("Worst_ID", "", "object", "the place that departs most", lambda one: _of_worst(one, "id")),
    Column("Worst_Zone", "", "object", "its zone", lambda one: _of_worst(one, "zone")),
    Column("Worst_Diameter_um", "um", "float64", "the circle around it", lambda one: _of_worst(one, "diameter_um")),
    Column("Worst_Severity", "", "object", "its severity by size and zone", lambda one: _of_worst(one, "severity")),
    Column("Pass/Fail_Status", "", "object", "the acceptance verdict", lambda one: one.verdict.status),
    Column("Reasons", "", "object", "why it is no NORMAL one", lambda one: "; ".join(one.comparison.reasons)),
    Column("Model_SHA256", "", "object", "of the file of the model", lambda one: one.comparison.model_sha256),
)
