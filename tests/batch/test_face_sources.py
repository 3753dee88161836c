"""Folders of other programs made by hand, and what must come out of each."""

from __future__ import annotations

import json
import math
import os
import pickle
import random
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dscope_blink.analysis.aggregation.aggregating import PROFILE
from dscope_blink.batch.face_sources import Face, face_of_files, find_faces, read_detections
from dscope_blink.records import Detection, Inspection, LogLine, UserError
from tests.builders.foreign import SHA256, defect, mask_of, report, write_record, write_report
from tests.builders.inspections import FAILED, HEIGHT, WIDTH
from tests.builders.settings import SETTINGS
from tests.builders.stored_results import result_of

pytestmark = pytest.mark.usefixtures("as_written")

CONFIG = SETTINGS.profile("fast_scan")
REGION = (400, 350, 160, 160)  # of the core, in the picture: x, y, width and height
NO_SIZE = {"image_width": None, "image_height": None}
FOREIGN = ("3_detected", "fiber_07")


def only_face(*folders: Path) -> tuple[Face, tuple[LogLine, ...]]:
    found = find_faces(folders, None, CONFIG)
    (face,) = found.faces
    return face, found.log


def seen(*folders: Path) -> tuple[dict[str, Detection], list[str]]:
    """The detections of the one face by their keys, and every line of the log."""
    face, log = only_face(*folders)
    detections, more = read_detections(face, CONFIG)
    return {one.source.key: one for one in detections}, [f"{x.severity}: {x.problem}" for x in (*log, *more)]


def ids(detection: Detection) -> list[str]:
    return [mark.id for mark in detection.marks]


def places(detection: Detection) -> list[tuple[float, float]]:
    centers = (mark.outline_px.mean(axis=0) for mark in detection.marks)
    return [(round(float(x), 2), round(float(y), 2)) for x, y in centers]


def keys(log: list[str]) -> list[str]:
    return [line.partition(":")[0] for line in log]


# --- the folders


def test_a_good_folder_gives_the_record_and_the_report(tmp_path: Path) -> None:
    write_record(tmp_path)
    write_report(tmp_path.joinpath(*FOREIGN), "fiber_07", report(defect("D1", 100, 80), defect("D2", 300, 200)))
    found, log = seen(tmp_path)
    assert list(found) == ["deep_inspection", "matcher"]
    assert log == []
    foreign = found["matcher"]
    assert places(foreign) == [(104.5, 84.5), (304.5, 204.5)]
    assert foreign.marks[0].outline_px.tolist() == [[99.5, 79.5], [109.5, 79.5], [109.5, 89.5], [99.5, 89.5]]
    assert all(mark.is_box and mark.kind == "pit_dig" and mark.detectors == ("blackhat",) for mark in foreign.marks)
    assert (foreign.source.picture, foreign.source.picture_sha256, foreign.size_px) == (
        "fiber_07.png",
        SHA256,
        (WIDTH, HEIGHT),
    )
    assert found["deep_inspection"].inspection is not None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"timestamp": "2026", "defects": [{"defect_id": "D1", "bb', "no JSON"),
        (b"", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"a":' * 100_000, "no JSON"),
        (b'{"defects": [' + b"9" * 5000, "no JSON"),
        (b"[]", "no report: it must be a JSON object, got list"),
        (b"null", "no report: it must be a JSON object, got NoneType"),
        (b"{}", "no report: `defects` must be a list, got nothing"),
        (b'{"defects": {"a": 1}}', "no report: `defects` must be a list, got {'a': 1}"),
        (b'{"defects": [], "success": false, "error": "no reference"}', "it says that its analysis failed"),
    ],
    ids=lambda value: str(value[:24]),
)
def test_a_broken_report_is_a_line_and_the_rest_goes_on(tmp_path: Path, content: bytes, problem: str) -> None:
    write_record(tmp_path)
    write_report(tmp_path / "3_detected", "fiber_07", content)
    write_report(tmp_path / "3_detected" / "again", "fiber_07", report(defect()))
    found, log = seen(tmp_path)
    assert list(found) == ["deep_inspection", "matcher"]
    assert [line for line in log if line.startswith(f"error: {problem}")] == log
    assert len(log) == 1
    assert "\n" not in log[0]
    assert len(log[0]) < 400


@pytest.mark.parametrize(("mark", "got"), [(b"5", "5"), (b"9" * 5000, "inf"), (b"null", "None")])
def test_a_mark_that_is_no_object_is_told_and_counts_as_one_without_place(
    tmp_path: Path, mark: bytes, got: str
) -> None:
    write_record(tmp_path)
    data = b'{"timestamp": "2999-01-01T00:00:00", "defects": [' + mark + b"]}"
    write_report(tmp_path / "3_detected", "fiber_07", data)
    found, log = seen(tmp_path)
    (foreign,) = (one for key, one in found.items() if key != "deep_inspection")
    assert [(one.id, one.reason) for one in foreign.rejected] == [("#1", f"it must be a JSON object, got {got}")]
    assert foreign.placeless == foreign.rejected
    assert log == [f"error: mark #1: it must be a JSON object, got {got}: left out"]


def test_missing_fields_are_told_and_only_a_mark_without_place_is_left_out(tmp_path: Path) -> None:
    write_record(tmp_path)
    marks = [
        defect("D1", bbox=None, location_xy=None, area_px=None),
        defect("D2", bbox=None),
        defect("D3", location_xy=None),
        {"bbox": [5, 5, 4, 4]},
        defect("D5", confidence=None, defect_type=None),
    ]
    write_report(tmp_path, "fiber_07", report(*marks, timestamp=None))
    found, log = seen(tmp_path)
    foreign = found["matcher"]
    assert ids(foreign) == ["D2", "D3", "#4", "D5"]
    assert [(one.id, one.reason) for one in foreign.rejected] == [
        ("D1", "it has no place: `bbox` or `location_xy` must be given")
    ]
    assert log == [
        "warning: `timestamp` must be a date and time as text, got nothing: whether it is old is not known",
        "error: mark D1: it has no place: `bbox` or `location_xy` must be given: left out",
        "warning: 1 mark has no `defect_id`: called # and the place in the list",
        "warning: 2 marks have no `defect_type`: taken for pit_dig",
        "warning: 2 marks have no `confidence`: taken for 0.5",
    ]
    assert foreign.marks[0].outline_px.tolist() == [[99.5, 79.5], [109.5, 79.5], [109.5, 89.5], [99.5, 89.5]]


def test_a_report_on_a_picture_of_another_size_is_left_out(tmp_path: Path) -> None:
    write_record(tmp_path)
    write_report(tmp_path, "fiber_07", report(defect(), image_width=640, image_height=480))
    found, log = seen(tmp_path)
    assert list(found) == ["deep_inspection"]
    assert log == [f"error: it must be of a picture of {WIDTH} x {HEIGHT} pixels, got 640 x 480: left out"]


def test_without_record_the_size_that_most_reports_say_counts(tmp_path: Path) -> None:
    for name, width in (("one", 640), ("two", 1000), ("three", 1000)):
        write_report(tmp_path / name, "a", report(defect(), source_image="a.png", image_width=width, detector=name))
    found, log = seen(*(tmp_path / name for name in ("one", "two", "three")))
    assert list(found) == ["three", "two"]
    assert log == [
        f"error: it must be of a picture of 1000 x {HEIGHT} pixels as 2 others are, got 640 x {HEIGHT}: left out"
    ]


@pytest.mark.parametrize("where", ["2_separated", "2_separated/fiber_07", "masks", "separated"])
@pytest.mark.parametrize("mask", ["core_mask.npy", "mask_core.png"])
def test_a_region_begins_at_the_corner_of_its_mask(tmp_path: Path, where: str, mask: str) -> None:
    write_record(tmp_path)
    (tmp_path / where).mkdir(parents=True)
    _save(tmp_path / where / mask, mask_of([REGION]))
    write_report(
        tmp_path / "3_detected" / "region_core",
        "region_core",
        report(defect("D1", 10, 20, 5), source_image="/out/fiber_07/2_separated/region_core.png", **NO_SIZE),
    )
    found, log = seen(tmp_path)
    foreign = found["matcher core"]
    assert foreign.source.region == "core"
    assert foreign.source.offset_px == (400.0, 350.0)
    assert places(foreign) == [(412.0, 372.0)]
    assert log == []


def _save(path: Path, mask: NDArray[np.uint8]) -> None:
    if path.suffix == ".npy":
        np.save(path, mask)
    else:
        cv2.imwrite(str(path), mask)


@pytest.mark.parametrize(
    ("name", "folder", "field"),
    [
        ("fiber_07_core", "", {}),
        ("fiber_07", "core", {}),
        ("fiber_07", "", {"region": "Core"}),
        ("fiber_07", "", {"metadata": {"region": "core"}}),
        ("x", "", {"source_image": "fiber_07_core.png"}),
    ],
    ids=["file", "folder", "field", "metadata", "picture"],
)
def test_a_region_is_named_by_file_folder_or_field(
    tmp_path: Path, name: str, folder: str, field: dict[str, Any]
) -> None:
    write_record(tmp_path)
    size = {"image_width": REGION[2], "image_height": REGION[3]}
    content = report(defect("D1", 10, 20, 5), offset_xy=[400, 350], **(size | field))
    write_report(tmp_path / "3_detected" / folder, name, content)
    found, log = seen(tmp_path)
    assert found["matcher core"].source.region == "core"
    assert places(found["matcher core"]) == [(412.0, 372.0)]
    assert log == []


def test_a_region_without_offset_and_mask_is_told(tmp_path: Path) -> None:
    write_record(tmp_path)
    write_report(tmp_path, "fiber_07_ferrule", report(defect(), **NO_SIZE))
    found, log = seen(tmp_path)
    assert found["matcher ferrule"].source.region == "contact"
    assert places(found["matcher ferrule"]) == [(104.5, 84.5)]
    assert log == [
        "warning: region ferrule: there is neither an offset nor a mask of it: its places are taken for the picture's"
    ]


def test_a_wrong_offset_rejects_what_lands_outside(tmp_path: Path) -> None:
    write_record(tmp_path)
    write_report(tmp_path, "fiber_07", report(defect("D1"), defect("D2", 500, 80), offset_xy=[600, 0], region="core"))
    found, log = seen(tmp_path)
    foreign = found["matcher core"]
    assert ids(foreign) == ["D1"]
    why = f"it must lie in the picture of {WIDTH} x {HEIGHT} pixels, its centre is at (1104.5, 84.5)"
    assert [(one.id, one.reason) for one in foreign.rejected] == [("D2", f"{why}, its region begins at (600, 0)")]
    assert log == [f"error: mark D2: {why}, its region begins at (600, 0): left out"]


def test_marks_beside_their_region_show_a_wrong_offset_too(tmp_path: Path) -> None:
    write_record(tmp_path)
    np.save(tmp_path / "core_mask.npy", mask_of([REGION]))
    write_report(tmp_path, "fiber_07_core", report(defect("D1"), defect("D2", 120), offset_xy=[10, 10], **NO_SIZE))
    found, log = seen(tmp_path)
    assert ids(found["matcher core"]) == ["D1", "D2"]
    assert log == ["warning: 2 of 2 marks lie beside region core: its offset may be wrong"]


def test_a_region_takes_no_mask_of_another_picture(tmp_path: Path) -> None:
    write_record(tmp_path, "a", sha256="01" * 32)
    write_record(tmp_path, "b", sha256="02" * 32)
    for where in ("b/2_separated", "2_separated/b", "masks/b"):
        (tmp_path / where).mkdir(parents=True)
        np.save(tmp_path / where / "core_mask.npy", mask_of([REGION]))
    np.save(tmp_path / "b_core_mask.npy", mask_of([REGION]))
    for name in ("a", "b"):
        content = report(defect("D1", 10, 20, 5), source_image=None, **NO_SIZE)
        write_report(tmp_path / "3_detected", f"{name}_core", content)
    faces = find_faces([tmp_path], None, CONFIG).faces
    read = {face.name: read_detections(face, CONFIG)[0][-1] for face in faces}
    assert {name: one.source.offset_px for name, one in read.items()} == {"a": (0, 0), "b": (400, 350)}


def test_a_mask_that_may_be_of_several_pictures_is_that_of_none(tmp_path: Path) -> None:
    for name, sha256 in (("a", "01" * 32), ("b", "02" * 32)):
        write_record(tmp_path, name, sha256=sha256)
        write_report(tmp_path / "3_detected", f"{name}_core", report(defect(), source_image=None, **NO_SIZE))
    (tmp_path / "2_separated").mkdir()
    np.save(tmp_path / "2_separated" / "core_mask.npy", mask_of([REGION]))
    found = find_faces([tmp_path], None, CONFIG)
    assert [face.sources[1].masks for face in found.faces] == [(None, None)] * 2
    assert [line.problem for line in found.log] == [
        "the mask core_mask.npy may be of any of 2 pictures: passed over"
    ] * 2


def test_what_lands_outside_may_be_clamped(tmp_path: Path) -> None:
    write_record(tmp_path)
    write_report(tmp_path, "fiber_07", report(defect("D2", 1200, 80)))
    face, _ = only_face(tmp_path)
    config = replace(CONFIG, aggregation=replace(CONFIG.aggregation, out_of_picture="clamp"))
    detections, log = read_detections(face, config)
    foreign = detections[-1]
    assert ids(foreign) == ["D2"]
    assert foreign.rejected == ()
    assert foreign.marks[0].outline_px[:, 0].max() == WIDTH - 0.5
    assert [line.severity for line in log] == ["warning"]
    assert "moved to" in log[0].problem


def test_masks_of_another_shape_are_told_and_boxes_stay(tmp_path: Path) -> None:
    write_record(tmp_path)
    np.save(tmp_path / "fiber_07_defect_mask.npy", mask_of([(100, 80, 10, 10)], 640, 480))
    np.save(tmp_path / "core_mask.npy", mask_of([(1, 1, 9, 9)], 640, 480))
    write_report(tmp_path, "fiber_07", report(defect()))
    write_report(tmp_path, "fiber_07_core", report(defect(), **NO_SIZE))
    found, log = seen(tmp_path)
    assert ids(found["matcher"]) == ids(found["matcher core"]) == ["D1"]
    assert found["matcher"].marks[0].is_box
    assert log == [
        f"warning: the mask of region core has 640 x 480 pixels, its picture {WIDTH} x {HEIGHT}: passed over",
        "warning: region core: there is neither an offset nor a mask of it: its places are taken for the picture's",
        f"warning: the mask of the marks has 640 x 480 pixels, the picture {WIDTH} x {HEIGHT}: passed over",
    ]


def test_ten_thousand_marks_are_all_there_in_little_time(tmp_path: Path) -> None:
    write_record(tmp_path)
    marks = [defect(f"D{k}", 5 + k % 100 * 9.5, 5 + k // 100 * 8, 6) for k in range(10_000)]
    write_report(tmp_path, "fiber_07", report(*marks))
    started = process_time()
    found, log = seen(tmp_path)
    assert process_time() - started < 20  # measured: 0.4; only what is quadratic takes so long
    assert ids(found["matcher"]) == [mark["defect_id"] for mark in marks]
    assert log == []


def test_numbers_that_are_none_are_mended_or_named(tmp_path: Path) -> None:
    write_record(tmp_path)
    nan, infinite = math.nan, math.inf
    marks = [
        defect("D1", confidence=nan),
        defect("D2", location_xy=[nan, 3]),
        defect("D3", bbox=[nan, 1, 2, 3]),
        defect("D4", bbox=[1, 1, infinite, 3], location_xy=[nan, nan]),
        defect("D5", area_px=nan),
        defect("D6", confidence=1.5),
    ]
    write_report(tmp_path, "fiber_07", report(*marks))
    found, log = seen(tmp_path)
    assert ids(found["matcher"]) == ["D1", "D2", "D3", "D5", "D6"]
    assert [mark.confidence for mark in found["matcher"].marks] == [0.5, 0.8, 0.8, 0.8, 0.5]
    assert [one.id for one in found["matcher"].rejected] == ["D4"]
    assert log == [
        "warning: mark D1: `confidence` must lie in 0..1, got nan: taken for 0.5",
        "warning: mark D2: `location_xy` must be x and y in pixels, got [nan, 3]: passed over",
        "warning: mark D3: `bbox` must be x, y, width and height in pixels, got [nan, 1, 2, 3]: passed over",
        "error: mark D4: `location_xy` must be x and y in pixels, got [nan, nan]; "
        "`bbox` must be x, y, width and height in pixels, got [1, 1, inf, 3]: left out",
        "warning: mark D5: `area_px` must be a number from 0, got nan: passed over",
        "warning: mark D6: `confidence` must lie in 0..1, got 1.5: taken for 0.5",
    ]


def test_confidences_in_percent_are_known_by_all_of_them(tmp_path: Path) -> None:
    write_record(tmp_path)
    write_report(tmp_path, "fiber_07", report(*(defect(f"D{k}", confidence=k) for k in (0.5, 80, 95, 100))))
    found, log = seen(tmp_path)
    assert [mark.confidence for mark in found["matcher"].marks] == [0.005, 0.8, 0.95, 1.0]
    assert log == ["warning: confidences must lie in 0..1, got up to 100: taken for percent"]


def test_a_negative_box_is_turned_over_or_its_place_counts(tmp_path: Path) -> None:
    write_record(tmp_path)
    marks = [
        defect("D1", bbox=[110, 90, -10, -10]),  # around its place once it is turned over
        defect("D2", bbox=[100, 80, -10, 10]),  # beside it
        defect("D3", bbox=[100, 80, -10, 10], location_xy=None),
    ]
    write_report(tmp_path, "fiber_07", report(*marks))
    found, log = seen(tmp_path)
    boxes = [mark.outline_px.min(axis=0).tolist() for mark in found["matcher"].marks]
    assert boxes == [[99.5, 79.5], [99.5, 79.5], [89.5, 79.5]]
    assert keys(log) == ["warning"] * 3
    assert all("`bbox` must have a width and a height from 0" in line for line in log)


def test_marks_of_one_id_both_stay(tmp_path: Path) -> None:
    write_record(tmp_path)
    marks = [defect("D1"), defect("D1", 300), defect("D1 (2)", 500), defect("D1", 700)]
    write_report(tmp_path, "fiber_07", report(*marks))
    found, log = seen(tmp_path)
    assert ids(found["matcher"]) == ["D1", "D1 (3)", "D1 (2)", "D1 (4)"]
    assert log == [
        "warning: mark D1: ids must differ, it stands there again: the other is called D1 (3)",
        "warning: mark D1: ids must differ, it stands there again: the other is called D1 (4)",
    ]


def test_a_report_that_mixes_two_pictures_is_taken_apart(tmp_path: Path) -> None:
    write_record(tmp_path / "a", "fiber_07")
    write_record(tmp_path / "a", "fiber_08", sha256="cd" * 32)
    marks = [defect("D1", source_image="fiber_07.png"), defect("D2", source_image="fiber_08.png")]
    write_report(tmp_path / "b", "tray", report(*marks, source_image="tray.png"))
    found = find_faces([tmp_path / "a", tmp_path / "b"], None, CONFIG)
    assert [face.name for face in found.faces] == ["fiber_07", "fiber_08"]
    seen = [{one.source.key: ids(one) for one in read_detections(face, CONFIG)[0]} for face in found.faces]
    assert [one["matcher"] for one in seen] == [["D1"], ["D2"]]
    (line,) = found.log
    assert line == LogLine(
        "b/tray_report.json",
        "its marks are of several pictures, fiber_07.png, fiber_08.png: each is taken by itself",
        "warning",
    )


def test_an_empty_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "3_detected").mkdir()
    with pytest.raises(UserError, match=r"nothing in it can be used \(\*_result.json, \*_report.json\)$"):
        find_faces([tmp_path], None, CONFIG)


def test_a_folder_of_nothing_usable_says_what_is_wrong_first(tmp_path: Path) -> None:
    write_report(tmp_path, "a", b"{")
    with pytest.raises(UserError, match=r"nothing in it can be used .*; .*/a_report.json: no JSON: "):
        find_faces([tmp_path], None, CONFIG)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"results folder .*/none: no such folder"):
        find_faces([tmp_path / "none"], None, CONFIG)


# --- which face


def test_only_reports_are_a_face_without_record(tmp_path: Path) -> None:
    write_report(tmp_path / "3_detected" / "p", "p", report(defect(), source_image="/x/p.png"))
    write_report(tmp_path / "3_detected" / "region_core", "region_core", report(source_image=None))
    face, _ = only_face(tmp_path)
    assert (face.name, {one.kind for one in face.sources}) == ("p", {"foreign"})
    assert [source.region for source in face.sources] == ["", "core"]


def test_pictures_of_one_name_in_several_folders_are_not_mixed_up(tmp_path: Path) -> None:
    for lot, sha256 in (("lot1", "01" * 32), ("lot2", "02" * 32)):
        write_record(tmp_path / "runs" / lot, "a", file=f"{lot}/a.png", sha256=sha256)
        write_report(tmp_path / "foreign" / lot / "3_detected" / "a", "a", report(defect(lot), source_image=None))
    found = find_faces([tmp_path / "runs", tmp_path / "foreign"], None, CONFIG)
    assert [face.name for face in found.faces] == ["lot1/a", "lot2/a"]
    read_ids = [[ids(one) for one in read_detections(face, CONFIG)[0] if not one.inspection] for face in found.faces]
    assert read_ids == [[["lot1"]], [["lot2"]]]
    assert found.log == ()


@pytest.mark.parametrize("tell", ["folder", "field", "hash"])
def test_reports_alone_on_pictures_of_one_name_are_not_mixed_up(tmp_path: Path, tell: str) -> None:
    for number, lot in enumerate(("lot1", "lot2"), 1):
        said = {
            "folder": {},
            "field": {"source_image": f"in/{lot}/a.png"},
            "hash": {"image_sha256": f"{number:02}" * 32},
        }
        folder = tmp_path / (lot if tell == "folder" else "out") / "3_detected"
        name = f"run{number}" if tell == "field" else "a"
        folder = folder / f"run{number}" if tell == "hash" else folder
        write_report(folder, name, report(defect(lot), **({"source_image": "a.png"} | said[tell])))
    found = find_faces([tmp_path], None, CONFIG)
    assert [[ids(one) for one in read_detections(face, CONFIG)[0]] for face in found.faces] == [[["lot1"]], [["lot2"]]]
    assert len({face.name for face in found.faces}) == 2
    assert {line.severity for line in found.log} <= {"info"}


def test_reports_of_several_programs_on_one_picture_are_one_face_without_record(tmp_path: Path) -> None:
    write_report(tmp_path / "one", "a", report(defect(), source_image="/pictures/me/a.png"))
    write_report(tmp_path / "two", "a", report(defect(), source_image=None, analysis_metadata=None))
    write_report(tmp_path / "three", "a_core", report(defect(), source_image=None, analysis_metadata={"analyzer": "x"}))
    found, _ = seen(tmp_path / "one", tmp_path / "two", tmp_path / "three")
    assert list(found) == ["blackhat", "matcher", "x core"]


def test_a_report_that_may_be_of_either_picture_is_left_out(tmp_path: Path) -> None:
    for lot, sha256 in (("lot1", "01" * 32), ("lot2", "02" * 32)):
        write_record(tmp_path / "runs" / lot, "a", file=f"{lot}/a.png", sha256=sha256)
    write_report(tmp_path / "foreign", "a", report(defect(), source_image=None))
    found = find_faces([tmp_path / "runs", tmp_path / "foreign"], None, CONFIG)
    assert [len(face.sources) for face in found.faces] == [1, 1]
    (line,) = found.log
    assert line.problem == "its picture a may be any of 2 (lot1/a.png, lot2/a.png): left out"
    assert line.severity == "error"


def test_a_hash_counts_before_a_name(tmp_path: Path) -> None:
    write_record(tmp_path, "a", sha256="01" * 32)
    write_record(tmp_path, "b", sha256="02" * 32)
    write_report(tmp_path, "x", report(defect(), source_image="a.png", source_image_sha256="02" * 32))
    write_report(tmp_path, "y", report(defect("D9"), source_image="a.png", source_image_sha256="03" * 32))
    found = find_faces([tmp_path], None, CONFIG)
    assert [[one.file.rpartition("/")[2] for one in face.sources] for face in found.faces] == [
        ["a_result.json"],
        ["y_report.json"],
        ["b_result.json", "x_report.json"],
    ]
    assert [line.problem for line in found.log] == [
        "its picture is called a.png and has another sha256: taken for another"
    ]


def test_records_of_one_face_are_one_whatever_their_pictures(tmp_path: Path) -> None:
    faces = {"a": ("01", {"face": "F1"}), "b": ("02", {"face": "F1"}), "c": ("01", {}), "d": ("03", {})}
    for name, (sha256, manifest) in faces.items():
        request = replace(FAILED.request, manifest=manifest)
        image = replace(FAILED.image, file=f"{name}.png", sha256=sha256 * 32)
        result_of(tmp_path, name, replace(FAILED, image=image, request=request), pictures=False)
    found = find_faces([tmp_path], None, CONFIG)
    assert {face.name: len(face.sources) for face in found.faces} == {"F1": 3, "d": 1}


def test_a_picture_of_two_faces_is_told_and_they_stay_apart(tmp_path: Path) -> None:
    for name, face in {"a": "F1", "b": "F2"}.items():
        result_of(
            tmp_path, name, replace(FAILED, request=replace(FAILED.request, manifest={"face": face})), pictures=False
        )
    write_report(tmp_path, "fiber_07", report(defect()))
    found = find_faces([tmp_path], None, CONFIG)
    assert [(face.name, len(face.sources)) for face in found.faces] == [("F1", 1), ("F2", 1)]
    assert [line.problem for line in found.log] == [
        "its picture is called several faces, F1, F2: they stay apart",
        "its picture fiber_07.png is called several faces: left out",
    ]


@pytest.mark.parametrize("asked", ["fiber_07", "fiber_07.png"])
def test_one_face_may_be_asked_for(tmp_path: Path, asked: str) -> None:
    write_record(tmp_path, "fiber_07")
    write_record(tmp_path, "fiber_08", sha256="cd" * 32)
    assert [face.name for face in find_faces([tmp_path], asked, CONFIG).faces] == ["fiber_07"]
    assert find_faces([tmp_path], "fiber_09", CONFIG).faces == ()


# --- what counts once, and what is refused


def test_the_order_of_folders_does_not_matter(tmp_path: Path) -> None:
    write_record(tmp_path / "one")
    result_of(tmp_path / "two", "fiber_07", _later(write_record(tmp_path / "three")), pictures=False)
    write_report(tmp_path / "four", "fiber_07", report(defect()))
    write_report(tmp_path / "five", "fiber_07", report(defect("D2"), timestamp="2026-03-01T00:00:00+00:00"))
    folders = [tmp_path / name for name in ("one", "two", "three", "four", "five")]
    first = seen(*folders)
    assert list(first[0]) == ["deep_inspection", "deep_inspection 2", "matcher", "matcher 2"]
    assert ids(first[0]["matcher"]) == ["D1"]
    for seed in range(6):
        shuffled = random.Random(seed).sample(folders, len(folders))
        again = seen(*shuffled)
        assert {key: one.source for key, one in again[0].items()} == {key: one.source for key, one in first[0].items()}
        assert sorted(again[1]) == sorted(first[1])
        assert find_faces(shuffled, None, CONFIG).faces == find_faces(folders, None, CONFIG).faces


def _later(record: Inspection) -> Inspection:
    return replace(
        record,
        image=replace(record.image, camera=None),
        provenance=replace(record.provenance, started="2026-05-01T00:00:00+00:00"),
    )


def test_copies_and_files_given_twice_count_once(tmp_path: Path) -> None:
    write_record(tmp_path / "one")
    write_record(tmp_path / "two")
    write_report(tmp_path / "one", "fiber_07", report(defect()))
    write_report(tmp_path / "two", "fiber_07", report(defect()))
    found, log = seen(tmp_path / "one", tmp_path / "two", tmp_path / "one")
    assert list(found) == ["deep_inspection", "matcher"]
    assert sorted(log) == [
        "info: a copy of one/fiber_07_report.json: it counts once",
        "info: a copy of one/fiber_07_result.json: it counts once",
    ]


def test_a_folder_inside_of_another_counts_once(tmp_path: Path) -> None:
    write_record(tmp_path / "runs" / "one")
    found, log = seen(tmp_path / "runs", tmp_path / "runs" / "one")
    assert list(found) == ["deep_inspection"]
    assert log == ["info: the same file as one/fiber_07_result.json: it counts once"]


def test_empty_reports_on_two_pictures_are_no_copies(tmp_path: Path) -> None:
    for name, sha256 in (("a", "01" * 32), ("b", "02" * 32)):
        write_record(tmp_path, name, sha256=sha256)
        write_report(tmp_path, name, report(source_image=None))
    found = find_faces([tmp_path], None, CONFIG)
    assert [len(face.sources) for face in found.faces] == [2, 2]
    assert found.log == ()


def test_an_aggregate_is_no_source_and_says_what_it_was_made_of(tmp_path: Path) -> None:
    write_record(tmp_path / "in")
    inputs = {"config": "cd" * 32, "source fast_scan": "01" * 32, "source matcher": "02" * 32}
    made = replace(FAILED, provenance=replace(FAILED.provenance, profile=PROFILE, inputs=inputs))
    result_of(tmp_path / "out", "fiber_07", made, pictures=False)
    found, log = seen(tmp_path / "in", tmp_path / "out")
    assert list(found) == ["deep_inspection"]
    assert log == ["info: it is an aggregate itself, of fast_scan, matcher: left out"]
    with pytest.raises(UserError, match="it is an aggregate itself, of fast_scan, matcher"):
        find_faces([tmp_path / "out"], None, CONFIG)


def test_an_old_report_is_told(tmp_path: Path) -> None:
    write_record(tmp_path)
    write_report(tmp_path, "fiber_07", report(defect(), timestamp="2025-12-01T08:00:00+00:00"))
    found, log = seen(tmp_path)
    assert ids(found["matcher"]) == ["D1"]
    assert log == [
        "warning: it is old: made 2025-12-01T08:00:00+00:00, before its picture was taken, "
        "2026-01-31T08:00:00.123+00:00"
    ]


def test_records_that_are_none_are_a_line_each(tmp_path: Path) -> None:
    write_record(tmp_path)
    (tmp_path / "a_result.json").write_bytes(b"{")
    (tmp_path / "b_result.json").write_bytes(b'{"schema": "other/1"}')
    whole = json.loads((tmp_path / "fiber_07_result.json").read_bytes())
    (tmp_path / "c_result.json").write_text(json.dumps(whole | {"defects": 5}))
    os.mkfifo(tmp_path / "d_result.json")
    found, log = seen(tmp_path)
    assert list(found) == ["deep_inspection"]
    assert keys(log) == ["error"] * 4
    assert "its schema must be" in log[1]


def test_links_hidden_folders_and_strange_names_do_no_harm(tmp_path: Path) -> None:
    write_record(tmp_path / "runs")
    (tmp_path / "runs" / "loop").symlink_to(tmp_path / "runs")
    write_report(tmp_path / "runs" / ".hidden", "fiber_07", report(defect()))
    write_report(tmp_path / "runs" / "@eaDir", "fiber_07", report(defect()))
    write_report(tmp_path / "runs" / "new\nline", "fiber_07", report(defect("a\nb", defect_type="odd\ntype")))
    (tmp_path / "runs" / os.fsdecode(b"caf\xe9_report.json")).write_bytes(json.dumps(report(defect())).encode())
    found = find_faces([tmp_path / "runs"], None, CONFIG)
    (face,) = found.faces
    assert len(face.sources) == 3
    _, log = read_detections(face, CONFIG)
    for line in (*found.log, *log):
        assert line.file.isprintable()
        assert line.problem.isprintable()
    assert [line.severity for line in found.log] == ["info", "info"]


def test_a_report_that_vanishes_is_a_line(tmp_path: Path) -> None:
    write_record(tmp_path)
    path = write_report(tmp_path, "fiber_07", report(defect()))
    face, _ = only_face(tmp_path)
    path.unlink()
    detections, log = read_detections(face, CONFIG)
    assert len(detections) == 1
    assert [(line.severity, line.problem) for line in log] == [("error", "cannot be read, No such file or directory")]


def test_faces_travel_to_other_processes(tmp_path: Path) -> None:
    write_record(tmp_path)
    write_report(tmp_path, "fiber_07", report(defect()))
    face, _ = only_face(tmp_path)
    assert pickle.loads(pickle.dumps(face)) == face


def test_files_that_somebody_names_are_sources_of_one_face(tmp_path: Path) -> None:
    write_record(tmp_path)
    renamed = write_report(tmp_path / "other", "scan1", report(defect("D1"), source_image="scan1.png"))
    np.save(tmp_path / "other" / "scan1_defect_mask.npy", mask_of([(100, 80, 10, 10)]))
    broken = write_report(tmp_path / "other", "broken", b"{")
    smaller = write_report(tmp_path, "fiber_07", report(defect(), image_width=5, image_height=5))
    face, log = face_of_files("F1", [renamed, tmp_path / "fiber_07_result.json", broken, smaller, tmp_path / "no.json"])
    detections, more = read_detections(face, CONFIG)
    assert [one.source.key for one in detections] == ["deep_inspection", "matcher"]
    assert detections[1].source.picture_sha256 == SHA256
    assert not detections[1].marks[0].is_box
    assert [line.severity for line in log] == ["error"] * 2
    assert [line.severity for line in more] == ["error"]
