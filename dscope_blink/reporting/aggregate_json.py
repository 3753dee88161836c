"""NAME_aggregate.json: what several detections of a face came to, and who found what."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from dscope_blink.records import AGGREGATE_SCHEMA, Aggregate, MergedMark
from dscope_blink.reporting.aggregate_marks import member_json


def aggregate_bytes(aggregate: Aggregate) -> bytes:
    """The file."""
    return (json.dumps(_json(aggregate), ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode(
        "utf-8", "backslashreplace"
    )


def _json(aggregate: Aggregate) -> dict[str, Any]:
    return {
        "schema": AGGREGATE_SCHEMA,
        "name": aggregate.name,
        "verdict": aggregate.inspection.verdict.status,
        "score": {"value": aggregate.score.value, "passed": aggregate.score.passed, "reasons": aggregate.score.reasons},
        "counts": aggregate.counts,
        "sources": [{"key": one.key, "detector": one.detector, "file": one.file} for one in aggregate.sources],
        "scores": [asdict(one) for one in aggregate.scores],
        "marks": [_mark(mark) for mark in aggregate.marks],
    }


def _mark(mark: MergedMark) -> dict[str, Any]:
    members = [member_json(member) for member in mark.members]
    return {"id": mark.defect.id, "uid": mark.uid, "severity": mark.severity, "members": members}
