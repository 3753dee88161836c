"""NAME_aggregate.json: what several detections of a face came to, and who found what; aggregate.schema.json says all.

Of a later aggregate of the same face nothing is read back but what its marks are called.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np

from dscope_blink.records import (
    AGGREGATE_SCHEMA,
    CLASSIFICATIONS,
    SEVERITIES,
    ZONE_NAMES,
    Aggregate,
    Inspection,
    KnownUids,
    LogLine,
    MergedMark,
    Source,
    SourceMark,
    bounding_box,
    read_file,
    texts,
)
from dscope_blink.records.json_reading import decode_any_json
from dscope_blink.records.rounding import kept
from dscope_blink.records.sealing import sealed, unbroken

Json: TypeAlias = dict[str, Any]
_EMPTY = KnownUids()
OUTLINE_DECIMALS = 1  # of what is drawn; the record has the outlines that are judged


def aggregate_bytes(aggregate: Aggregate) -> bytes:
    """The file: UTF-8, one line for each source, mark, pair and line of the log, the same for the same aggregate."""
    record = sealed(kept("", _json(aggregate)))
    parts = [f"{_compact(name)}: {_lines(value)}" for name, value in record.items()]
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode("utf-8", "backslashreplace")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _lines(value: Any) -> str:
    if isinstance(value, tuple) and value:
        return "[\n" + ",\n".join(f"  {_compact(item)}" for item in value) + "\n]"
    return _compact(value)


def _json(aggregate: Aggregate) -> Json:
    record = aggregate.inspection
    return {
        "schema": AGGREGATE_SCHEMA,
        "program": record.provenance.program,
        "started": record.provenance.started,
        "name": aggregate.name,
        "picture": {
            "file": record.image.file,
            "sha256": record.image.sha256,
            "width": record.image.width,
            "height": record.image.height,
        },
        "um_per_px": None if record.scale is None else (record.scale.um_per_px_x, record.scale.um_per_px_y),
        "summary": _summary(aggregate),
        "verdict_by_criteria": _verdict(record),
        "verdict_by_score": _score(aggregate),
        "counts": _counts(aggregate),
        "closeness": {"eps": aggregate.closeness.eps, "unit": aggregate.closeness.unit, "why": aggregate.closeness.why},
        "sources": tuple(map(_source, aggregate.sources)),
        "marks": tuple(_mark(mark, record) for mark in aggregate.marks),
        "who_found_what": tuple(_fields(score) for score in aggregate.scores),
        "pairs": tuple(_fields(pair) for pair in aggregate.pairs),
        "patterns": tuple(_fields(pattern) for pattern in aggregate.patterns),
        "rejected": tuple(_fields(gone) for gone in aggregate.rejected),
        "integrity_log": tuple(_fields(line) for line in aggregate.log),
    }


def _fields(noun: Any) -> Json:
    """A flat dataclass; a tuple of ids lies on its line."""
    return {name: getattr(noun, name) for name in type(noun).__slots__}


def _summary(aggregate: Aggregate) -> Json:
    """In a few numbers: what goes in, what comes out, and on which sources alone it rests."""
    marks = aggregate.marks
    return {
        "status": aggregate.inspection.verdict.status,
        "score": aggregate.score.value,
        "score_passed": aggregate.score.passed,
        "sources": len(aggregate.sources),
        "reported": sum(score.marks for score in aggregate.scores),
        "merged": len(marks),
        "found_by_one_source": sum(len(mark.sources) == 1 for mark in marks),
        "found_by_several_sources": sum(len(mark.sources) > 1 for mark in marks),
        "rejected": len(aggregate.rejected),
        "decided_by": [score.key for score in aggregate.scores if score.flips],
    }


def _verdict(record: Inspection) -> Json:
    """The one that counts: by the acceptance criteria."""
    verdict, criteria = record.verdict, record.criteria
    return {
        "status": verdict.status,
        "edition": criteria.edition,
        "fiber_class": criteria.fiber_class,
        "confirmed": criteria.confirmed,
        "reasons": texts(verdict.reasons),
        "reason_kinds": [reason.kind for reason in verdict.reasons],
        "marginal": verdict.marginal,
        "doubts": list(verdict.doubts),
        "warnings": texts(record.quality.warnings),
    }


def _score(aggregate: Aggregate) -> Json:
    """The one that stands beside it, and never overrides it."""
    score = aggregate.score
    status = "PASS" if score.passed else "FAIL"
    return {"status": status, "score": score.value, "reasons": list(score.reasons)}


def _counts(aggregate: Aggregate) -> Json:
    """Every type, severity, zone and source there may be, also those without a mark."""
    counts = aggregate.counts
    regions = Counter({zone or "unknown": count for zone, count in counts["region"].items()})
    of = {**counts, "region": regions}
    named = {
        "type": CLASSIFICATIONS,
        "severity": SEVERITIES,
        "region": (*ZONE_NAMES.values(), *(["unknown"] if regions["unknown"] else [])),
        "source": [source.key for source in aggregate.sources],
    }
    return {of_what: {name: of[of_what].get(name, 0) for name in names} for of_what, names in named.items()}


def _source(source: Source) -> Json:
    turn = {"turn_deg": source.turn.angle_deg, "why_no_turn": source.turn.why_not}
    return {name: value for name, value in _fields(source).items() if name != "turn"} | turn


def _mark(mark: MergedMark, record: Inspection) -> Json:
    defect = mark.defect
    return {
        "uid": mark.uid,
        "id": defect.id,
        "type": defect.classification,
        "severity": mark.severity,
        "severity_by_criteria": defect.severity if record.verdict.status != "NOT_GRADED" else None,
        "breaks_limit": defect.id in record.broken,
        "confidence": defect.confidence,
        "votes": mark.votes,
        "zone": defect.zone or None,
        "centroid_px": defect.centroid_px,
        "bbox_px": defect.bbox_px,
        **{name: getattr(defect, name) for name in _SIZES},
        "orientation_deg": defect.orientation_deg,
        "members": [_member(member) for member in mark.members],
    }


_SIZES = (
    *("area_px", "length_px", "width_px", "diameter_px"),
    *("area_um2", "length_um", "width_um", "diameter_um"),
)


def _member(member: SourceMark) -> Json:
    return {
        "source": member.source,
        "id": member.id,
        "type": member.kind,
        "named": member.named,
        "confidence": member.confidence,
        "severity": member.severity,
        "is_box": member.is_box,
        "detectors": member.detectors,
        "bbox_px": bounding_box(member.outline_px),
        "outline_px": np.round(member.outline_px, OUTLINE_DECIMALS).tolist(),
    }


# --- what marks were called -----------------------------------------------------------------------------------------


class _Member(msgspec.Struct):
    source: str
    id: str
    bbox_px: tuple[float, float, float, float]


class _Mark(msgspec.Struct):
    uid: str
    members: list[_Member]


class _Source(msgspec.Struct):
    key: str
    sha256: str
    file: str


class _Named(msgspec.Struct):
    schema: str
    sources: list[_Source]
    marks: list[_Mark]


def known_uids(path: Path) -> tuple[KnownUids, tuple[LogLine, ...]]:
    """What the marks of an earlier aggregate are called.

    Parameters
    ----------
    path : NAME_aggregate.json, which need not be there

    Returns
    -------
    KnownUids, empty where there is no such file; and a line for one that cannot be read, whose names are lost
    """
    try:
        stored = unbroken(read_file(path), decode_any_json)  # the decoder of msgspec refuses names that are no text
        found = msgspec.convert(stored, _Named)
    except FileNotFoundError:
        return _EMPTY, ()
    except OSError as error:
        return _EMPTY, (_lost(path, f"cannot be read, {error.strerror}"),)
    except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
        return _EMPTY, (_lost(path, f"no aggregate, {str(error)[:200]}"),)
    if found.schema != AGGREGATE_SCHEMA:
        return _EMPTY, (_lost(path, f"its schema must be {AGGREGATE_SCHEMA}, got {found.schema[:50]!r}"),)
    return _known(found), ()


def _known(found: _Named) -> KnownUids:
    members = [((member.source, member.id), member, mark.uid) for mark in found.marks for member in mark.members]
    return KnownUids(
        sources={source.key: (source.sha256, source.file) for source in found.sources},
        uids={name: uid for name, _, uid in members},
        boxes={name: member.bbox_px for name, member, _ in members},
    )


def _lost(path: Path, why: str) -> LogLine:
    return LogLine(path.name, f"{why}: its marks get new uids", "warning")
