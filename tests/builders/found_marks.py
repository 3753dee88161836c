"""Judged faces, the sources that saw them, and their marks as they were merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dscope_blink.analysis import judging
from dscope_blink.analysis.aggregation.merged_face import Group
from dscope_blink.analysis.aggregation.own_marks import detection_of
from dscope_blink.analysis.zoning import zone_outlines
from dscope_blink.records import (
    Criteria,
    Defect,
    Detection,
    ImageInfo,
    Inspection,
    MergedMark,
    Notice,
    Provenance,
    Request,
    Source,
    SourceMark,
    recorded,
)
from tests.builders.inspections import FAILED, GEOMETRY, HEIGHT, NOT_LOCATED, SCALE, WIDTH, mark
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("deep_inspection")
UPC = CONFIG.criteria.find("iec_61300_3_35_2022", "single_mode_upc")
PICTURE = "ab" * 32
SURE = mark("P1", "pit_dig", (70, -60), 40)  # 18 um in the cladding, where 5 are allowed
UNSURE = mark("P1", "pit_dig", (70, -60), 12)  # 5.4 um, less or more by 0.9
SMALL = mark("P2", "pit_dig", (-90, 30), 8)  # 3.6 um, of which five are allowed
SPECK = mark("C1", "contamination", (20, 100), 3)  # 1.4 um: no limit counts it


def face(*marks: Defect, criteria: Criteria = UPC, sha256: str | None = PICTURE, **changes: Any) -> Inspection:
    """A face with these marks, judged; its picture is a sharp one, wholly in view."""
    request = Request(criteria.edition, criteria.fiber_class, 9.0, 125.0)
    located = replace(
        FAILED,
        image=ImageInfo("face.png", sha256, WIDTH, HEIGHT),
        provenance=Provenance("D-Scope Blink", "deep_inspection", "2026-01-31T08:00:00+00:00", {}),
        request=request,
        criteria=criteria,
        quality=replace(FAILED.quality, warnings=(), clipping=None),
        zones=zone_outlines(GEOMETRY, criteria, request, SCALE),
        defects=marks,
    )
    clear = replace(FAILED.quality.clipping, clipped=(0, 0, 0, 0))  # type: ignore[type-var]
    asked = replace(located, quality=replace(located.quality, clipping=clear, search_pixel_px=1.0), **changes)
    return recorded(judging.grade(asked, CONFIG, asked))


def refused(reason: Notice, **changes: Any) -> Inspection:
    """A record of the same picture in which no mark was sought."""
    blank = replace(NOT_LOCATED, criteria=UPC, request=Request(UPC.edition, UPC.fiber_class, 9.0, 125.0))
    image = ImageInfo("face.png", PICTURE, WIDTH, HEIGHT)
    return replace(blank, image=image, verdict=judging.not_graded(reason), **changes)


def source(key: str, **changes: Any) -> Source:
    """A record in the picture of `face`."""
    about = Source(
        key=key,
        kind="record",
        file=f"{key}/face_result.json",
        sha256=(key.encode().hex() * 64)[:64],
        detector=key,
        timestamp="2026-01-31T08:00:00+00:00",
        picture="face.png",
        picture_sha256=PICTURE,
    )
    return replace(about, **changes)


def seen_by(key: str, inspection: Inspection, **changes: Any) -> Detection:
    """A record as a source."""
    about = {"picture_sha256": inspection.image.sha256, "status": inspection.verdict.status} | changes
    return detection_of(inspection, source(key, **about))


def told_by(key: str, *marks: SourceMark, **changes: Any) -> Detection:
    """The report of another program as a source."""
    about = source(key, kind="foreign", file=f"{key}/face_report.json", **changes)
    return Detection(about, tuple(replace(one, source=key) for one in marks))


def member(defect: Defect, key: str, mark_id: str = "", **changes: Any) -> SourceMark:
    """The mark as a source reports it; a record's unless it is said to have no defect."""
    about = SourceMark(
        source=key,
        id=mark_id or defect.id,
        kind=defect.classification,
        named=defect.classification,
        outline_px=defect.contour_px,
        confidence=defect.confidence,
        detectors=(key,),
        severity=defect.severity,
        defect=defect,
    )
    return replace(about, **changes)


def group(defect: Defect, *keys: str) -> Group:
    """The mark as these sources found it, under its own id in each."""
    return Group(tuple(member(defect, key) for key in keys), defect)


def merged(defect: Defect, *members: SourceMark, severity: Any = None) -> MergedMark:
    """One mark of a face."""
    return MergedMark(f"uid of {defect.id}", defect, members, severity or defect.severity, len(members))


def dots(count: int, keys: Sequence[Sequence[str]], seed: int = 0) -> tuple[MergedMark, ...]:
    """So many small marks all over the cladding zone, each seen by the sources that `keys` says."""
    rng, marks = np.random.default_rng(seed), []
    for number in range(count):
        radius, angle = 40 + 65 * np.sqrt(rng.random()), 2 * np.pi * rng.random()
        defect = mark(f"P{number + 1}", "pit_dig", (radius * np.cos(angle), radius * np.sin(angle)), 2)
        marks.append(merged(defect, *(member(defect, key) for key in keys[number])))
    return tuple(marks)
