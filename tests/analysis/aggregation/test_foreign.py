"""Reports of other programs, value by value: the reader, and the schema that says what it takes without a word."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dscope_blink.analysis.aggregation.foreign import BadReport, read_report
from dscope_blink.analysis.aggregation.foreign_detection import Surroundings, detection_of_report
from dscope_blink.analysis.aggregation.regions import place_region, region_in, region_of_field
from dscope_blink.config.shipped import shipped
from dscope_blink.records import Detection, LogLine, Source
from tests.builders.foreign import defect, mask_of, report
from tests.builders.inspections import HEIGHT, WIDTH
from tests.builders.settings import SETTINGS

SCHEMA = json.loads(shipped("foreign_report.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
SETTING = SETTINGS.profile("fast_scan").aggregation
PICTURE = (WIDTH, HEIGHT)
SOURCE = Source("matcher", "foreign", "a_report.json", "", "matcher", "", "a.png", None)


def detected(content: Any, **around: Any) -> tuple[Detection, tuple[LogLine, ...]]:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    known = {"picture_px": PICTURE} | around
    return detection_of_report(read_report(data, "a_report.json"), SOURCE, Surroundings(**known), SETTING)


def box(detection: Detection, place: int = 0) -> list[float]:
    outline = detection.marks[place].outline_px
    return [*outline.min(axis=0).tolist(), *outline.max(axis=0).tolist()]


# --- the schema


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


WRONG: tuple[Any, ...] = (
    None,
    True,
    5,
    -1,
    2.5,
    1e300,
    "text",
    "",
    "5",
    [],
    [1],
    [1, 2],
    [1, 2, 3, 4],
    [-1, 2, -3, 4],
    {},
    {"x": 1},
)
IN_MARK = (
    *("defect_id", "defect_type", "location_xy", "bbox", "area_px", "confidence", "severity", "orientation"),
    *("contributing_algorithms", "detection_metadata", "contour"),
)
IN_REPORT = (
    *("timestamp", "defects", "source_image", "image_path", "source_image_sha256", "image_size", "image_shape"),
    *("region", "region_type", "offset_xy", "offset", "detector", "status", "analysis_metadata", "metadata", "success"),
)
CLEAN = {name: value for name, value in report(defect()).items() if name not in ("image_width", "image_height")}


BESIDE_THE_FORM = ("`type_names` lacks", "must lie in its box", "must fit into its box", "must lie in the picture")


def _takes_without_a_word(content: Any) -> bool:
    """Whether nothing but what is no matter of the form is said."""
    try:
        _, log = detected(content, picture_px=None)
    except BadReport:
        return False
    said = [line.problem for line in log if line.severity != "info"]
    return not any(all(text not in line for text in BESIDE_THE_FORM) for line in said)


def _disagreements(contents: Iterable[Any]) -> list[Any]:
    return [content for content in contents if _takes_without_a_word(content) != VALIDATOR.is_valid(content)]


@pytest.mark.parametrize("name", IN_MARK)
def test_reader_and_schema_agree_on_a_mark(name: str) -> None:
    without = {key: value for key, value in defect().items() if key != name}
    marks = [without, *(without | {name: value} for value in WRONG)]
    assert _disagreements(CLEAN | {"defects": [mark]} for mark in marks) == []


@pytest.mark.parametrize("name", IN_REPORT)
def test_reader_and_schema_agree_on_a_report(name: str) -> None:
    hidden = "source_image" if name == "image_path" else name  # which counts before it
    without = {key: value for key, value in CLEAN.items() if key not in (name, hidden)}
    values = [*WRONG, False, "core", "Cladding", "none", "ab" * 32, [3, 2, 1]]
    assert _disagreements([without, *(without | {name: value} for value in values)]) == []


def test_reader_and_schema_agree_on_what_is_no_report() -> None:
    assert _disagreements(WRONG) == []
    assert not any(map(VALIDATOR.is_valid, WRONG))


@pytest.mark.parametrize("mark", WRONG, ids=repr)
def test_what_is_no_mark_is_rejected_under_its_place(mark: Any) -> None:
    detection, log = detected(CLEAN | {"defects": [defect(), mark]})
    assert not VALIDATOR.is_valid(CLEAN | {"defects": [mark]})
    assert [one.id for one in detection.marks] == ["D1"]
    assert [one.id for one in detection.rejected] == ["#2"]
    assert log[0].severity == "error"


# --- whatever it is, it ends in marks and lines

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=6), inside, max_size=3),
    max_leaves=6,
)
MARKS = st.lists(
    st.fixed_dictionaries({}, optional=dict.fromkeys((*IN_MARK, "source_image"), ANYTHING)) | ANYTHING, max_size=4
)
REPORTS = st.fixed_dictionaries(
    {"defects": MARKS}, optional=dict.fromkeys((*IN_REPORT[2:], "image_width", "image_height", "error"), ANYTHING)
)


@settings(max_examples=60)
@given(content=REPORTS)
def test_every_mark_of_any_report_is_there_or_rejected_by_name(content: dict[str, Any]) -> None:
    try:
        detection, log = detected(json.dumps(content).encode())
    except BadReport:
        return
    assert len(detection.marks) + len(detection.rejected) == len(content["defects"])
    assert len({mark.id for mark in detection.marks}) == len(detection.marks)
    for mark in detection.marks:
        assert 0 <= mark.confidence <= 1
        assert mark.outline_px.shape[0] >= 3
        assert (mark.outline_px >= -0.5).all()
        assert (mark.outline_px <= (WIDTH - 0.5, HEIGHT - 0.5)).all()
        assert mark.detectors
    assert all(line.problem.isprintable() and len(line.problem) < 500 for line in log)


@settings(max_examples=30)
@given(cut=st.integers(0, 600))
def test_a_truncated_report_is_refused(cut: int) -> None:
    data = json.dumps(report(defect())).encode()
    with pytest.raises(BadReport, match="no JSON"):
        read_report(data[: min(cut, len(data) - 1)], "a_report.json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_any_unicode_is_read(encoding: str) -> None:
    content = json.dumps(report(defect("図")), ensure_ascii=False).encode(encoding)
    assert detected(content)[0].marks[0].id == "図"


def test_texts_without_end_cost_neither_time_nor_room() -> None:
    long = "_" * 10**6
    mark = dict.fromkeys(IN_MARK, long)
    content = dict.fromkeys(IN_REPORT, long) | {"defects": [mark, defect(long), defect(long + "b")], "success": True}
    detection, log = detected(content)
    assert len(detection.marks) + len(detection.rejected) == 3
    assert all(len(line.problem) < 500 for line in log)
    ids = [mark.id for mark in detection.marks] + [mark.id for mark in detection.rejected]
    assert max(map(len, ids)) < 200


def test_no_analysis_that_failed_is_a_clean_face() -> None:
    with pytest.raises(BadReport, match="it says that its analysis failed: 'no reference'"):
        detected(report(success=False, error="no reference"))
    detection, log = detected(report(defect(), success=False))
    assert len(detection.marks) == 1
    assert [line.severity for line in log] == ["warning"]


# --- kinds, severities, detectors


@pytest.mark.parametrize(
    ("name", "kind"),
    [("SCRATCH", "scratch"), ("pit-dig", "pit_dig"), ("Pit Dig", "pit_dig"), ("  dust ", "contamination")],
)
def test_kinds_are_known_whatever_their_case_and_spaces(name: str, kind: str) -> None:
    detection, log = detected(report(defect(defect_type=name)))
    assert (detection.marks[0].kind, detection.marks[0].named) == (kind, name.strip())
    assert log == ()


def test_an_unknown_kind_is_told_once_for_all_its_marks() -> None:
    detection, log = detected(report(*(defect(f"D{k}", defect_type="ANOMALY {x}") for k in range(3))))
    assert {mark.kind for mark in detection.marks} == {"pit_dig"}
    (line,) = log
    assert line.problem == "3 marks have the type 'ANOMALY {x}', which `type_names` lacks: taken for pit_dig"


def test_severities_and_detectors_are_as_the_report_has_them() -> None:
    marks = [
        defect("D1", severity="high", contributing_algorithms=["a", "b", "a"]),
        defect("D2", severity="awful", contributing_algorithms=[]),
        defect("D3", severity=None, contributing_algorithms=None),
    ]
    detection, log = detected(report(*marks))
    assert [mark.severity for mark in detection.marks] == ["HIGH", None, None]
    assert [mark.detectors for mark in detection.marks] == [("a", "b"), ("matcher",), ("matcher",)]
    assert [line.problem for line in log] == [
        "1 mark has the severity 'awful', which must be one of CRITICAL, HIGH, MEDIUM, LOW, NEGLIGIBLE: passed over"
    ]


# --- outlines


def test_an_outline_counts_before_the_box() -> None:
    triangle = [[100, 80], [120, 80], [110, 95]]
    for said in (triangle, [[point] for point in triangle]):  # OpenCV has each point in a list of its own
        detection, log = detected(report(defect(contour=said, location_xy=None)))
        assert detection.marks[0].outline_px.tolist() == triangle
        assert not detection.marks[0].is_box
        assert log == ()


def test_the_mask_gives_the_outline() -> None:
    mask = mask_of([(100, 80, 10, 4), (100, 80, 4, 10), (300, 200, 6, 6)]).astype(np.int32)
    detection, log = detected(report(defect(), defect("D2", 300, 200, 6)), marks_mask=mask)
    assert not any(mark.is_box for mark in detection.marks)
    assert 50 < cv2.contourArea(detection.marks[0].outline_px.astype(np.float32)) < 64  # of a box of 100
    assert box(detection, 1) == pytest.approx([299.667, 199.667, 305.333, 205.333], abs=0.001)
    assert log == ()


def test_a_part_of_two_marks_is_the_outline_of_neither() -> None:
    mask = mask_of([(100, 100, 41, 2), (120, 80, 2, 41)]).astype(np.int32)
    marks = [
        defect("D1", bbox=[100, 80, 41, 41], location_xy=[120, 100]),
        defect("D2", bbox=[100, 80, 40, 41], location_xy=[121, 101]),
    ]
    detection, log = detected(report(*marks), marks_mask=mask)
    assert all(mark.is_box for mark in detection.marks)
    assert [line.severity for line in log] == ["info"]


def test_an_area_that_does_not_fit_into_its_box_counts():
    detection, log = detected(report(defect(bbox=[100, 80, 4, 4], location_xy=[101.5, 81.5], area_px=1600)))
    assert np.ptp(detection.marks[0].outline_px, axis=0).tolist() == [40, 40]
    assert [line.problem for line in log] == ["mark D1: `area_px` must fit into its box of 4 x 4, got 1600: it counts"]


def test_an_outline_far_smaller_than_its_box_does_not_make_the_mark_small():
    speck = [[100, 80], [101, 80], [101, 81]]
    detection, log = detected(report(defect(bbox=[100, 80, 40, 30], location_xy=[119, 94], contour=speck, area_px=2)))
    assert np.ptp(detection.marks[0].outline_px, axis=0).tolist() == [40, 30]
    assert [line.severity for line in log] == ["warning"]
    assert "the larger counts" in log[0].problem


@pytest.mark.parametrize("box", [None, [100, 80, 0, 0]])
def test_a_mark_without_box_outline_and_area_is_but_a_point(box):
    sized, point = defect("D1", x=10), defect("D2", bbox=box, location_xy=[100, 80], area_px=None)
    assert [mark.is_point for mark in detected(report(sized, point))[0].marks] == [False, True]


def test_marks_without_a_place_are_told_with_the_detection_whether_rejected_or_moved():
    away = report(defect("D1", x=9000), defect("D2", bbox="?", location_xy=None))
    rejected, _ = detected(away)
    assert [one.id for one in rejected.placeless] == ["D2", "D1"]
    clamp, data = replace(SETTING, out_of_picture="clamp"), json.dumps(away).encode()
    moved, _ = detection_of_report(read_report(data, "a_report.json"), SOURCE, Surroundings(PICTURE), clamp)
    assert [one.id for one in moved.placeless] == ["D2", "D1"]
    assert len(moved.marks) == 1


def test_values_of_a_label_image_are_the_marks() -> None:
    mask = mask_of([(100, 80, 10, 10)]).astype(np.int32)
    mask[80:90, 105:110] = 7  # touches the other
    detection, _ = detected(
        report(defect("D1", bbox=[100, 80, 5, 10]), defect("D2", bbox=[105, 80, 5, 10])), marks_mask=mask
    )
    assert [mark.is_box for mark in detection.marks] == [False, False]
    assert box(detection, 1) == pytest.approx([104.667, 79.667, 109.333, 89.333], abs=0.001)


def test_the_mask_of_a_region_is_of_its_cut_or_of_the_picture() -> None:
    cut = {"image_width": 60, "image_height": 50, "offset_xy": [400, 300]}
    content = report(defect("D1", 10, 20, 8), region="core", **cut)
    for mask in (mask_of([(10, 20, 8, 8)], 60, 50), mask_of([(410, 320, 8, 8)])):
        detection, log = detected(content, region="core", marks_mask=mask.astype(np.int32))
        assert not detection.marks[0].is_box
        assert box(detection) == pytest.approx([409.667, 319.667, 417.333, 327.333], abs=0.001)
        assert log == ()


@pytest.mark.parametrize(("angle", "ends"), [(45, ((100, 80), (139, 119))), (-45, ((100, 119), (139, 80)))])
def test_a_scratch_with_an_orientation_runs_along_a_diagonal(angle: float, ends: tuple[tuple[int, int], ...]) -> None:
    mark = defect("S1", 100, 80, 40, defect_type="SCRATCH", orientation=angle, area_px=110)
    detection, _ = detected(report(mark))
    outline = detection.marks[0].outline_px
    assert not detection.marks[0].is_box
    assert np.allclose((outline[[0, 1]] + outline[[3, 2]]) / 2, ends, atol=0.5)
    assert np.linalg.norm(outline[0] - outline[3]) == pytest.approx(110 / np.hypot(39, 39))


def test_a_scratch_whose_orientation_is_not_that_of_its_box_keeps_it() -> None:
    detection, _ = detected(report(defect("S1", 100, 80, 40, defect_type="SCRATCH", orientation=5)))
    assert detection.marks[0].is_box


def test_a_box_of_two_corners_is_known_by_its_place() -> None:
    detection, log = detected(report(defect(bbox=[100, 80, 140, 100], location_xy=[120, 90])))
    assert box(detection) == [99.5, 79.5, 139.5, 99.5]
    assert [line.problem for line in log] == [
        "`bbox` must be x, y, width and height, places lie in the middle of two corners: taken for those"
    ]


def test_a_place_outside_of_its_box_is_told() -> None:
    detection, log = detected(report(defect(location_xy=[500, 80])))
    assert box(detection) == [99.5, 79.5, 109.5, 89.5]
    assert [line.problem for line in log] == [
        "mark D1: `location_xy` must lie in its box, got [500.0, 80.0]: the box counts"
    ]


# --- regions


@pytest.mark.parametrize(
    ("name", "region", "picture"),
    [
        ("a_core", "core", "a"),
        ("region_core", "core", ""),
        ("core", "core", ""),
        ("tray 7-Cladding", "cladding", "tray 7"),
        ("a_region_ferrule", "ferrule", "a"),
        ("core_region", "core", ""),
    ],
)
def test_a_region_ends_a_name(name: str, region: str, picture: str) -> None:
    named = region_in(name)
    assert named is not None
    assert (named.region, named.picture) == (region, picture)


@pytest.mark.parametrize("name", ["core_sample", "hardcore", "fiber", "", "coreless", "a_core2"])
def test_what_only_holds_the_word_is_no_region(name: str) -> None:
    assert region_in(name) is None


def test_a_field_names_a_region_or_the_whole() -> None:
    assert [region_of_field(one) for one in ("CORE", "whole", "", "region_cladding", "moon")] == [
        *("core", "", "", "cladding"),
        None,
    ]


def test_the_offset_that_is_given_counts_then_the_mask_then_none() -> None:
    box_px, reach = (400, 300, 60, 50), (5.0, 55.0, 5.0, 45.0)
    assert place_region("core", (1.0, 2.0), None, box_px, PICTURE, reach).offset_px == (1, 2)
    assert place_region("core", None, None, box_px, PICTURE, reach).offset_px == (400, 300)
    assert place_region("core", None, PICTURE, box_px, PICTURE, reach).offset_px == (0, 0)
    assert place_region("", None, None, box_px, PICTURE, reach).offset_px == (0, 0)
    whole = place_region("core", None, None, box_px, PICTURE, (410.0, 450.0, 310.0, 340.0))
    assert (whole.offset_px, whole.gravity) == ((0, 0), "info")
    assert "they are not moved" in whole.why
    other = place_region("core", None, (90, 90), box_px, PICTURE, reach)
    assert (other.offset_px, other.gravity) == ((400, 300), "warning")
    unknown = place_region("core", None, None, None, PICTURE, reach)
    assert (unknown.offset_px, unknown.gravity) == ((0, 0), "warning")
