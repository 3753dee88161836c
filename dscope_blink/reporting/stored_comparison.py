"""NAME_report.json of `analyze`, read again: for a run that is resumed, and for the page of the results.

The file may be of another program, of another version, or changed by hand: what is not understood is no comparison.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np

from dscope_blink.records import (
    SEVERITIES,
    ZONE_NAMES,
    Anomaly,
    Comparison,
    Deviation,
    Inspection,
    Normality,
    UserError,
    WholeFace,
    printable,
    read_file,
)


class BadReport(UserError):
    """A file that is no report of a comparison by this program, or one of another record."""


class OtherReport(BadReport):
    """A report that says nothing of a reference model: it is of another program."""


logger = logging.getLogger("dscope.reports")


def read_comparison(path: Path, inspection: Inspection) -> Comparison:
    """The comparison that NAME_report.json was written from.

    Parameters
    ----------
    path : of the report
    inspection : the record beside it, of the same picture and the same run

    Raises
    ------
    BadReport : it is none of this program, or is of another picture or run than the record
    OSError : it cannot be read
    """
    try:
        stored = json.loads(read_file(path, MOST_BYTES))
        if not isinstance(stored, dict) or "model_sha256" not in stored:
            raise OtherReport(f"{path}: no report of a comparison with a reference")
        of = stored["image_sha256"], stored["record_started"]
        if of != (inspection.image.sha256, inspection.provenance.started):
            raise BadReport(f"{path}: it is of another picture or another run than the record beside it")
        return _read(stored, inspection)
    except READING as error:
        raise BadReport(f"{path}: no report of a comparison with a reference, {error}") from None


def read_beside(path: Path, inspection: Inspection) -> Comparison | None:
    """The same for a page; None, with a warning where it is odd, if there is none or it cannot be understood."""
    try:
        return read_comparison(path, inspection)
    except (FileNotFoundError, OtherReport):
        return None
    except (BadReport, OSError) as error:
        logger.warning("%s", printable(f"{error}: its places are not in the page"))
        return None


MOST_BYTES = 64 * 2**20
READING = (ValueError, TypeError, KeyError, AttributeError, RecursionError)  # of what others wrote, or changed


def _read(stored: Mapping[str, Any], inspection: Inspection) -> Comparison:
    status = stored["status"]
    if status not in get_args(Normality) or not isinstance(stored["model_sha256"], str):
        raise ValueError(f"its status is {status!r}")
    return Comparison(
        status,
        tuple(map(str, stored["reasons"])),
        inspection,
        score=_number(stored["score"]),
        ring_score=_number(stored["ring_score"]),
        anomalies=tuple(map(_anomaly, stored["defects"])),
        model_sha256=stored["model_sha256"],
        similarity=_number(stored["similarity"]),
        whole=None if stored["whole"] is None else _whole_face(stored["whole"]),
        why_not_whole=str(stored["why_not_whole"]),
    )


def _number(value: Any) -> float | None:
    """A number as it is stored; None: there is none."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"a number must be finite, got {value!r}")
    return float(value)


def _known(value: Any) -> float:
    number = _number(value)
    if number is None:
        raise ValueError("a number is missing")
    return number


def _whole_face(stored: Mapping[str, Any]) -> WholeFace:
    values = (_number(value) for value in stored["values"])
    limit = _known(stored["limit"])
    if limit <= 0:
        raise ValueError(f"a limit must be above 0, got {limit:g}")
    return WholeFace(
        distance=_known(stored["distance"]),
        limit=limit,
        deviations=tuple(
            Deviation(str(one["feature"]), _known(one["value"]), _known(one["middle"]), _known(one["spreads"]))
            for one in stored["deviations"]
        ),
        values=tuple(math.nan if value is None else value for value in values),
    )


def _anomaly(stored: Mapping[str, Any]) -> Anomaly:
    told, outline = stored["detection_metadata"], np.array(stored["contour"], np.float64)
    if outline.ndim != 2 or outline.shape[1] != 2 or not np.isfinite(outline).all():
        raise ValueError("an outline must be pairs of numbers")
    zone, severity = told["zone"], stored["severity"]
    if zone not in (None, *ZONE_NAMES.values()) or severity not in SEVERITIES:
        raise ValueError(f"its zone is {zone!r}, its severity {severity!r}")
    return Anomaly(
        id=str(stored["defect_id"]),
        kind=str(stored["defect_type"]),
        zone=zone,
        score=_known(told["score"]),
        outline_px=outline,
        area_px=_known(stored["area_px"]),
        diameter_px=_known(told["diameter_px"]),
        diameter_um=_number(told["diameter_um"]),
        confidence=_known(stored["confidence"]),
        severity=severity,
        marks=tuple(map(str, told["marks"])),
    )
