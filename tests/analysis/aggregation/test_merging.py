"""The marks of a cluster to one measured mark."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

pytest.importorskip("sklearn.cluster")
pytest.importorskip("shapely")

from dscope_blink.analysis.aggregation.aggregating import aggregate
from dscope_blink.analysis.aggregation.joined_outlines import Areas, area_of
from dscope_blink.analysis.aggregation.merging import merged_defect
from dscope_blink.analysis.aggregation.own_marks import detection_of
from dscope_blink.analysis.judging import grade
from dscope_blink.records import (
    Aggregate,
    Defect,
    Detection,
    Inspection,
    MergedMark,
    Points,
    Source,
    SourceMark,
    recorded,
)
from dscope_blink.records.stored import read_record
from dscope_blink.reporting.picture_files import write_result
from tests.builders.inspections import COUNTED, CRACK, FAILED, NO_CORE, NO_SCALE, SCALE, VIOLATING
from tests.builders.settings import ROOT
from tests.builders.settings import SETTINGS as FILE
from tests.builders.source_marks import FACE, SETTINGS, bar, disc, near_center, seen

CONFIG = FILE.profile("deep_inspection")
SCHEMA = json.loads((ROOT / "result.schema.json").read_text(encoding="utf-8"))
UM = math.sqrt(SCALE.um_per_px_x * SCALE.um_per_px_y)


def own(source: str, defect: Defect, **changes: Any) -> SourceMark:
    """A mark of a record of this program."""
    found = SourceMark(
        source, defect.id, defect.classification, defect.classification, defect.contour_px, 0.6, ("do2mr",)
    )
    return replace(found, defect=defect, **changes)


def moved(defect: Defect, x: float, **changes: Any) -> Defect:
    return replace(defect, contour_px=defect.contour_px + np.array([x, 0.0]), **changes)


def merged(*members: SourceMark, base: Inspection = FACE) -> Defect:
    return merged_defect(members, base, SETTINGS)


def drawn(kind: str, outline: Points, **changes: Any) -> SourceMark:
    return seen("other", "1", outline, kind, **changes)


# --- one member -------------------------------------------------------------------------------------------------------


def test_a_mark_that_one_source_has_is_itself() -> None:
    assert merged(own("a", COUNTED)) is COUNTED


@pytest.mark.parametrize("base", [FACE, replace(NO_SCALE, defects=()), replace(NO_CORE, defects=())])
def test_a_foreign_mark_is_measured_by_the_geometry_and_scale_of_the_face(base: Inspection) -> None:
    found = merged(drawn("pit_dig", disc(near_center(40, 30), 20, 200)), base=base)
    assert found.area_px == pytest.approx(100 * math.pi, rel=0.01)
    assert found.diameter_px == pytest.approx(20, rel=0.02)
    assert found.centroid_px == pytest.approx(near_center(40, 30))
    assert (found.r_core_px is None) == (base.geometry is None or base.geometry.core is None)
    if base.scale is None:
        assert (found.diameter_um, found.uncertainty) == (None, {})
    else:
        assert found.diameter_um == pytest.approx(20 * SCALE.um_per_px_x, rel=0.02)
        assert found.width_um == pytest.approx(20 * SCALE.um_per_px_y, rel=0.05)
        assert set(found.uncertainty) == {"length_um", "width_um", "diameter_um", "r_min_px"}


def test_a_foreign_mark_over_the_centre_reaches_it() -> None:
    found = merged(drawn("contamination", disc(near_center(3, 0), 60)))
    assert (found.r_min_px, found.r_core_px, found.zones_touched[0]) == (0.0, 0.0, "core")


def test_the_sides_of_a_foreign_outline_are_looked_at_between_its_points() -> None:
    """A triangle whose corners lie far out and a side of which passes near the centre."""
    corners = np.array([near_center(-100, -4), near_center(100, -4), near_center(0, -200)])
    assert merged(drawn("contamination", corners)).r_min_px < 5


def test_of_a_box_the_sizes_are_those_of_the_box_and_may_be_smaller() -> None:
    x, y = near_center(100, 0)
    found = merged(drawn("scratch", bar((x, y), 40, 40), is_box=True))
    diagonal_um = math.hypot(40 * SCALE.um_per_px_x, 40 * SCALE.um_per_px_y)
    short_um = 40 * SCALE.um_per_px_y
    assert found.length_um == pytest.approx(diagonal_um, rel=1e-3)
    assert found.width_um == pytest.approx(short_um, rel=1e-3)
    assert found.uncertainty["width_um"] >= short_um
    assert set(found.at_most) == {"length_um", "width_um", "diameter_um"}


# --- several members --------------------------------------------------------------------------------------------------


def test_the_same_record_again_changes_no_size_place_or_confidence() -> None:
    first = own("a", COUNTED)
    again = merged(first, own("a 2", COUNTED))
    same = replace(again, counted=COUNTED.counted, severity=COUNTED.severity, id=COUNTED.id, features=COUNTED.features)
    expected = replace(COUNTED, confidence=0.6, detected_by=("do2mr",))
    assert same == expected
    assert np.array_equal(again.contour_px, COUNTED.contour_px)


def test_the_outline_is_the_union_and_the_sizes_are_not() -> None:
    members = [own(key, moved(COUNTED, shift)) for key, shift in (("a", 0.0), ("b", 3.0))]
    found = merged(*members)
    assert found.bbox_px[2] == pytest.approx(COUNTED.bbox_px[2] + 3, abs=1)
    assert found.diameter_um == COUNTED.diameter_um
    assert found.area_px == COUNTED.area_px


@pytest.mark.parametrize(
    ("sizes", "expected"), [((4.0, 6.0), 6.0), ((4.0, 5.0, 6.0), 5.0), ((4.0, 4.1, 5.0, 6.0), 5.0)]
)
def test_a_size_is_the_median_of_votes_and_of_two_the_upper(sizes: tuple[float, ...], expected: float) -> None:
    """What is too large to pass for one of two sources is not passed."""
    members = [own(f"{k}", replace(COUNTED, diameter_um=size), detectors=(f"{k}",)) for k, size in enumerate(sizes)]
    found = merged(*members)
    assert found.diameter_um == expected
    assert found.uncertainty["diameter_um"] >= max(abs(size - expected) for size in sizes)


def test_a_rerun_does_not_outvote_another_detector() -> None:
    large, small = replace(COUNTED, diameter_um=6.0), replace(COUNTED, diameter_um=4.0)
    members = [own("a", large), *(own(f"b {k}", small, detectors=("lei",)) for k in range(3))]
    assert merged(*members).diameter_um == 6.0


def test_what_was_measured_goes_before_an_outline_and_is_unsure_of_it() -> None:
    x, y = COUNTED.centroid_px
    found = merged(own("a", COUNTED), drawn("pit_dig", disc((x, y), 1.5 * COUNTED.diameter_px)))
    assert found.diameter_um == COUNTED.diameter_um
    assert found.uncertainty["diameter_um"] > COUNTED.uncertainty["diameter_um"]


def test_it_lies_as_near_to_the_core_as_any_source_has_it() -> None:
    members = [own(key, replace(COUNTED, r_min_px=r_min, r_core_px=r_min)) for key, r_min in (("a", 80.0), ("b", 74.0))]
    found = merged(*members)
    assert (found.r_min_px, found.r_core_px) == (74.0, 74.0)
    assert found.uncertainty["r_min_px"] >= 6.0


def test_pieces_have_the_length_of_the_whole_and_one_outline() -> None:
    whole = replace(VIOLATING, contour_px=bar(near_center(0, -60), 120, 3), length_um=54.0, length_px=120.0)
    pieces = [
        seen("b", str(k), bar(near_center(-40 + 40 * k, -59), 30, 3), "scratch", detectors=("lei",)) for k in range(3)
    ]
    found = merged(own("a", replace(whole, diameter_px=120.0, diameter_um=54.0)), *pieces)
    assert (found.length_um, found.width_um) == (54.0, VIOLATING.width_um)
    assert np.ptp(found.contour_px[:, 0]) == pytest.approx(120, abs=2)
    alone = merged(*pieces)
    assert alone.length_px == pytest.approx(110, rel=0.05)


def test_the_most_severe_kind_wins_and_is_the_likeliest_of_its_probabilities() -> None:
    chances = {"scratch": 0.7, "crack": 0.3, "pit_dig": 0.0, "contamination": 0.0, "chip": 0.0}
    scratch = replace(VIOLATING, class_probabilities=chances)
    crack = replace(VIOLATING, classification="crack", class_probabilities={**chances, "scratch": 0.4, "crack": 0.6})
    found = merged(own("a", scratch), own("b", crack, detectors=("lei",)))
    assert found.classification == "crack"
    assert found.class_probabilities["crack"] == max(found.class_probabilities.values())
    assert sum(found.class_probabilities.values()) == pytest.approx(1, abs=0.003)


def test_a_source_that_does_not_say_what_it_is_decides_no_kind() -> None:
    found = merged(own("a", VIOLATING), drawn("pit_dig", VIOLATING.contour_px, named="object"))
    assert found.classification == "scratch"


def test_a_bound_stays_only_where_no_source_resolves_the_mark() -> None:
    blurred = replace(COUNTED, at_most={"diameter_um": 12.0})
    assert merged(own("a", blurred), own("b", blurred)).at_most == {"diameter_um": 12.0}
    assert merged(own("a", blurred), own("b", COUNTED)).at_most == {}


# --- the record -------------------------------------------------------------------------------------------------------


def as_source(key: str, inspection: Inspection) -> Detection:
    source = Source(key, "record", key, "ab" * 32, key, "", inspection.image.file, inspection.image.sha256)
    return detection_of(inspection, source)


def foreign(key: str, *marks: SourceMark) -> Detection:
    named = tuple(replace(found, source=key, id=str(k)) for k, found in enumerate(marks))
    source = Source(key, "foreign", key, "cd" * 32, key, "", FAILED.image.file, FAILED.image.sha256)
    return Detection(source, named)


def together(*detections: Detection) -> Aggregate:
    return aggregate("face", detections, CONFIG, "2026-01-31T08:00:00+00:00")


FACE_OF_TWO = recorded(grade(replace(FAILED, defects=(VIOLATING, COUNTED, CRACK)), CONFIG))
OTHERS = foreign(
    "other",
    drawn("pit_dig", disc(near_center(72, -60), 21)),
    drawn("scratch", bar(near_center(20, 80), 60, 3, 20)),
    drawn("chip", bar(near_center(120, 10), 20, 12), is_box=True),
    drawn("contamination", np.array([near_center(-90, -90)])),
)


def test_the_record_reads_back_fits_its_schema_and_is_judged_the_same_again(tmp_path: Path) -> None:
    found = together(as_source("first", FACE_OF_TWO), as_source("second", FACE_OF_TWO), OTHERS)
    path = tmp_path / "face_result.json"
    write_result(path, found.inspection)
    data = path.read_bytes()
    back = read_record(data)
    jsonschema.validate(json.loads(data), SCHEMA)
    assert len(back.defects) == 6
    assert back.defects == found.inspection.defects
    assert grade(back, CONFIG, back).verdict == back.verdict


def test_the_same_records_again_make_the_same_marks() -> None:
    once = together(as_source("first", FACE_OF_TWO), OTHERS)
    other = foreign("other 2", *OTHERS.marks)
    twice = together(as_source("first", FACE_OF_TWO), as_source("first 2", FACE_OF_TWO), OTHERS, other)
    assert [_unjudged(mark) for mark in twice.marks] == [_unjudged(mark) for mark in once.marks]
    assert [mark.votes for mark in twice.marks] == [mark.votes for mark in once.marks]


def _unjudged(mark: MergedMark) -> Defect:
    return replace(mark.defect, counted=False, severity="LOW")


def test_the_order_of_sources_does_not_matter() -> None:
    sources = [as_source("first", FACE_OF_TWO), OTHERS, foreign("third", *reversed(OTHERS.marks))]
    assert together(*sources).marks == together(*reversed(sources)).marks


def test_no_mark_of_any_source_is_lost() -> None:
    found = together(as_source("first", FACE_OF_TWO), OTHERS)
    linked = {member.name for one in found.marks for member in one.members}
    assert linked == {("first", mark.id) for mark in FACE_OF_TWO.defects} | {("other", str(k)) for k in range(4)}


def test_what_a_mark_covers_is_worked_out_once() -> None:
    areas, marks = Areas(), [seen(name, "1", disc(near_center(*at), 8)) for name, at in (("a", (0, 0)), ("b", (30, 9)))]
    first = [areas.of(mark) for mark in marks]
    assert [area.equals(area_of(mark)) for area, mark in zip(first, marks, strict=True)] == [True, True]
    assert all(areas.of(mark) is area for area, mark in zip(first, marks, strict=True))
