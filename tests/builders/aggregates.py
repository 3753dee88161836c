"""Hand-made aggregates: faces whose marks several sources have seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dscope_blink.files.names import AGGREGATE
from dscope_blink.records import (
    CLASSIFICATIONS,
    SEVERITIES,
    Aggregate,
    Closeness,
    Defect,
    Ellipse,
    Inspection,
    MergedMark,
    PairAgreement,
    Pattern,
    Scale,
    Score,
    Source,
    SourceMark,
    SourceScore,
    ZoneOutline,
)
from dscope_blink.reporting.aggregate_json import aggregate_bytes
from tests.builders.inspections import FAILED, GEOMETRY, cladding_fit, mark
from tests.builders.stored_results import result_of

KEYS = ("deep_inspection", "fast_scan", "lei")
FAILING = Score(45.0, False, ("1 critical marks, at most 0", "score 45, at least 70"))
_SHIFT_PX = np.array([[0.0, 0.0], [1.5, 0.5], [-1.0, 1.0], [0.5, -1.5]])  # from source to source, in turns


def source_of(key: str) -> Source:
    return Source(
        key, "record", f"{key}/face_result.json", "ab" * 32, key, "2026-01-31T08:00:00+00:00", "face.png", None
    )


def member_of(defect: Defect, key: str, place: int) -> SourceMark:
    """The mark as one source reports it: a little beside that of the others."""
    return SourceMark(
        source=key,
        id=f"{defect.id}.{place}",
        kind=defect.classification,
        named=defect.classification,
        outline_px=defect.contour_px + _SHIFT_PX[place % len(_SHIFT_PX)],
        confidence=defect.confidence,
        detectors=(key,),
        severity=defect.severity,
        defect=defect,
    )


def merged(defect: Defect, keys: Sequence[str]) -> MergedMark:
    """One mark that these sources have seen."""
    members = tuple(member_of(defect, key, place) for place, key in enumerate(keys))
    return MergedMark(f"uid{defect.id}", defect, members, defect.severity, len(keys))


def aggregate_of(
    inspection: Inspection = FAILED,
    keys: Sequence[str] = KEYS,
    seen: Mapping[str, Sequence[str]] | None = None,
    score: Score = FAILING,
    patterns: Sequence[Pattern] = (),
) -> Aggregate:
    """A face whose marks these sources have seen.

    Parameters
    ----------
    seen : by id of a mark the sources of it; of marks that are not named the first, the first two, and so on, in turns
    """
    told = seen or {}
    by_turns = {d.id: keys[: place % len(keys) + 1] for place, d in enumerate(inspection.defects)} if keys else {}
    marks = tuple(merged(defect, told.get(defect.id, by_turns[defect.id])) for defect in inspection.defects)
    return Aggregate(
        name="face",
        inspection=inspection,
        sources=tuple(map(source_of, keys)),
        marks=marks,
        closeness=Closeness(2.0, "um", "as configured"),
        score=score,
        scores=tuple(score_of(key, marks, flips=key == keys[0] and len(keys) > 1) for key in keys),
        pairs=tuple(_pair(a, b, marks) for place, a in enumerate(keys) for b in keys[place + 1 :]),
        patterns=tuple(patterns),
    )


def score_of(key: str, marks: Sequence[MergedMark], flips: bool = False) -> SourceScore:
    found = [one.defect.id for one in marks if key in one.sources]
    alone = tuple(one.defect.id for one in marks if one.sources == (key,))
    missed = tuple(one.defect.id for one in marks if key not in one.sources)
    return SourceScore(key, len(found), len(found), alone, missed, (), 0.9, 0.8, "PASS" if flips else "FAIL", flips)


def _pair(first: str, second: str, marks: Sequence[MergedMark]) -> PairAgreement:
    both = sum(first in one.sources and second in one.sources for one in marks)
    one_only = sum(first in one.sources for one in marks) - both
    other_only = sum(second in one.sources for one in marks) - both
    union = both + one_only + other_only
    share = both / union if union else None
    return PairAgreement(first, second, both, one_only, other_only, len(marks) - union, share, share)


def scattered(count: int, width: int = 1000, height: int = 850, seed: int = 5) -> Inspection:
    """A face in the middle of a picture of that size with so many marks all over it, none of them by any rule."""
    rng, side = np.random.default_rng(seed), min(width, height)
    center, um_px = (width / 2, height / 2), side / 300  # 300 um are seen of it
    zones = tuple(
        ZoneOutline(letter, Ellipse(center, (d * um_px, d * um_px), 0.0))
        for letter, d in zip("ABCD", (25, 110, 135, 250), strict=True)
    )
    radii, angles = 120 * um_px * np.sqrt(rng.random(count)), 2 * np.pi * rng.random(count)
    marks = (
        _placed(number, (radii[number] * np.cos(angles[number]), radii[number] * np.sin(angles[number])), center, rng)
        for number in range(count)
    )
    cladding = cladding_fit(Ellipse(center, (125 * um_px, 125 * um_px), 0.0))
    return replace(
        FAILED,
        image=replace(FAILED.image, width=width, height=height),
        scale=Scale(1 / um_px, 1 / um_px, "user_cladding"),
        geometry=replace(GEOMETRY, cladding=cladding, core=None),
        zones=zones,
        defects=tuple(marks),
    )


def _placed(
    number: int, offset_px: tuple[float, float], center: tuple[float, float], rng: np.random.Generator
) -> Defect:
    size_px = float(rng.gamma(2.0, center[1] / 150) + 1)
    made = mark(f"M{number}", CLASSIFICATIONS[number % 5], (0, 0), size_px, severity=SEVERITIES[min(number % 7, 3)])
    turn = np.exp(1j * np.pi * rng.random()) if made.classification == "scratch" else 1.0
    turned = ((made.contour_px - made.centroid_px) @ (1, 1j) * turn)[:, None]
    x, y = np.array(center) + offset_px
    return replace(
        made,
        contour_px=np.hstack([turned.real, turned.imag]) + np.array([x, y]),
        centroid_px=(float(x), float(y)),
        rect=replace(made.rect, center_px=(float(x), float(y))),
        bbox_px=(int(max(x - size_px / 2, 0)), int(max(y - size_px / 2, 0)), int(size_px) + 1, int(size_px) + 1),
    )


def stored_aggregate(folder: Path, name: str, aggregate: Aggregate) -> Path:
    """The record of a face with NAME_aggregate.json and its pictures beside it."""
    path = result_of(
        folder, name, replace(aggregate.inspection, image=replace(aggregate.inspection.image, file=f"{name}.png"))
    )
    (folder / f"{name}{AGGREGATE}").write_bytes(aggregate_bytes(aggregate))
    return path
