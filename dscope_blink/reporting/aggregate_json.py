"""NAME_aggregate.json: what several detections of a face came to, and who found what."""

from __future__ import annotations

import json
from typing import Any

from dscope_blink.records import AGGREGATE_SCHEMA, Aggregate, MergedMark


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
        "sources": [{"key": source.key} for source in aggregate.sources],
        "marks": [_mark(mark) for mark in aggregate.marks],
        "who_found_what": [{"key": score.key, "flips": score.flips} for score in aggregate.scores],
        "integrity_log": [{"file": x.file, "problem": x.problem, "severity": x.severity} for x in aggregate.log],
    }


def _mark(mark: MergedMark) -> dict[str, Any]:
    members = [{"source": member.source, "id": member.id} for member in mark.members]
    return {"id": mark.defect.id, "uid": mark.uid, "severity": mark.severity, "members": members}
