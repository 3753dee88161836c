"""A stored record comes back as it was written, or says where it is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dscope_blink.records import TITLES, Defect, Inspection, Lane, Window, recorded
from dscope_blink.records.notices import kind_of
from dscope_blink.records.stored import BadRecord, load_record, read_head, read_record, to_json
from dscope_blink.reporting.picture_files import write_result
from tests.builders.inspections import COMPARED, COUNTED, EVERY_KIND, FAILED, HEIGHT, WIDTH

OLD = Path(__file__).with_name("old_record.json")


def stored(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


def plain(inspection: Inspection) -> Any:
    """As the JSON of its file is read by any program."""
    return json.loads(stored(to_json(inspection)))


@pytest.mark.parametrize("inspection", EVERY_KIND.values(), ids=EVERY_KIND)
def test_an_inspection_comes_back_whole(inspection: Inspection) -> None:
    there = recorded(inspection)
    back = read_record(stored(to_json(there)))
    for field in fields(Inspection):
        if field.name not in ("defects", "cells", "confidence"):
            assert getattr(back, field.name) == getattr(there, field.name), field.name
    assert back == there
    assert plain(back) == plain(there)


@pytest.mark.parametrize("number", range(len(FAILED.defects)))
def test_a_mark_comes_back_whole(number: int) -> None:
    there, back = FAILED.defects[number], read_record(stored(to_json(FAILED))).defects[number]
    np.testing.assert_array_equal(back.contour_px, there.contour_px)
    assert not back.contour_px.flags.writeable
    for field in fields(Defect):
        if field.name != "contour_px":
            assert getattr(back, field.name) == getattr(there, field.name), field.name


def test_recording_twice_changes_nothing() -> None:
    once = recorded(replace(FAILED, defects=(replace(COUNTED, centroid_px=(1.23456, 2.0)),)))
    assert plain(recorded(once)) == plain(once)


def test_only_a_record_of_a_connector_says_which_lane_it_is() -> None:
    lane = Lane("plug", "mpo12", 3, Window(10, 0, 200, 180))
    there = replace(FAILED, lane=lane)
    assert read_record(stored(to_json(there))).lane == lane
    assert "lane" not in plain(FAILED)
    assert read_record(stored(to_json(FAILED))).lane is None


# --- records of before


def test_a_record_of_the_first_schema_is_read_with_all_that_follows_from_it() -> None:
    old = json.loads(OLD.read_text(encoding="utf-8"))
    assert old["schema"] == "dscope-blink/inspection/1"
    inspection = read_record(stored(old))
    assert inspection.provenance.inputs == {"config": old["provenance"]["config_sha256"]}
    assert (inspection.request.edition, inspection.request.fiber_class) == (old["criteria"]["edition"], "multimode")
    assert [warning.kind for warning in inspection.quality.warnings] == ["poor_illumination", "zone_cut"]
    assert [reason.kind for reason in inspection.verdict.reasons] == ["limit_broken"]
    assert [zone.around for zone in inspection.zones] == ["cladding"] * 4
    assert {check.kind for check in inspection.verdict.checks} == {"scratch", "defect"}


def test_what_a_record_of_the_first_schema_says_is_said_by_the_one_written_of_it() -> None:
    old = json.loads(OLD.read_text(encoding="utf-8"))
    new = plain(read_record(stored(json.loads(OLD.read_text(encoding="utf-8")))))
    assert not list(_lost(old, new))


def _lost(old: Any, new: Any, place: str = "") -> Iterator[str]:
    if isinstance(old, dict):
        for key, value in old.items():
            if f"{place}.{key}" != ".schema":
                yield from _lost(value, new.get(key, "nothing"), f"{place}.{key}")
    elif isinstance(old, list):
        assert len(old) == len(new), place
        for one, other in zip(old, new, strict=True):
            yield from _lost(one, other, place)
    elif old != new:
        yield f"{place}: {old!r}, now {new!r}"


@pytest.mark.parametrize(
    "place",
    [
        *(("criteria", "zones", 0, "zone"), ("zones", 0, "letter"), ("verdict", "checks", 0, "rule")),
        *(("quality", "warnings"), ("verdict", "reasons"), ("scale",), ("provenance",)),
    ],
    ids=lambda place: ".".join(map(str, place)),
)
@pytest.mark.parametrize("value", [5, True, [[]], {"an": {}}], ids=str)
def test_what_is_of_the_wrong_kind_in_a_record_of_before_is_refused(place: tuple[str | int, ...], value: Any) -> None:
    record = json.loads(OLD.read_text(encoding="utf-8"))
    at(record, place[:-1])[place[-1]] = value
    with pytest.raises(BadRecord, match=r"no record: .*(Expected|Invalid|missing)"):
        read_record(stored(record))


@pytest.mark.parametrize(("kind", "title"), TITLES.items(), ids=TITLES)
def test_the_kind_of_a_text_of_before_is_told_by_its_title(kind: str, title: str) -> None:
    assert kind_of(f"{title}: anything" if title else "anything else") == kind


def test_what_a_reference_says_comes_back_whole() -> None:
    there = recorded(COMPARED).comparison
    back = read_record(stored(to_json(recorded(COMPARED)))).comparison
    assert back == there
    assert [one.score for one in back.anomalies] == [3.4123, 1.2]
    assert back.whole is not None
    assert back.whole.values == (1.2, None)
    for one, other in zip(back.anomalies, there.anomalies, strict=True):
        np.testing.assert_array_equal(one.outline_px, other.outline_px)
        assert not one.outline_px.flags.writeable


def test_a_record_of_before_was_compared_with_no_reference() -> None:
    record = plain(COMPARED)
    del record["reference"]
    assert read_record(stored(record)).reference is None


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("status",), "ODD"),
        (("score",), -1.0),
        (("anomalies", 0, "kind"), "dent"),
        (("anomalies", 0, "severity"), "AWFUL"),
        (("anomalies", 0, "confidence"), 1.1),
        (("anomalies", 0, "zone"), "ferrule"),
        (("anomalies", 0, "outline_px", 0, 0), 1e308),
        (("whole", "limit"), 0),
    ],
    ids=str,
)
def test_what_no_reference_can_say_is_refused(place: tuple[str | int, ...], value: Any) -> None:
    record = plain(COMPARED)
    at(record, ("reference", *place[:-1]))[place[-1]] = value
    with pytest.raises(BadRecord, match="no record: "):
        read_record(stored(record))


# --- what is wrong with a file


def places(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every key of a record, those inside lists by their first item."""
    items = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, item in items:
        if isinstance(value, dict):
            yield (*place, key)
        yield from places(item, (*place, key))


def at(record: Any, place: tuple[str | int, ...]) -> Any:
    for step in place:
        record = record[step]
    return record


FOLLOWS = {"marginal", "closest_limit", "broken", "margin_um", "nearness"}  # said twice, and not read back
HASHES = {"config_sha256", "calibration_sha256", "flat_field_sha256"}
OPEN = {"manifest", "inputs", "uncertainty", "timings_s", "features", "evidence", "class_probabilities"}


GAINED = {"seen", "min_seen", "class_probabilities"}  # later than the schema: records of before lack them


def _is_dimension(place: tuple[str | int, ...]) -> bool:
    """Those that are not there were not measured."""
    return place[0] == "geometry" and len(place) == 2 and place[1] in FAILED.measurements


LATER = (
    ("reference",),
    ("provenance", "engine"),
    ("request", "fiber"),
    ("request", "fiber_structure"),
    ("image", "bits"),
    ("quality", "field_shift_px"),
    ("geometry", "cladding", "sector_blur_px"),
    ("criteria", "unresolved_by"),
    ("defects", 0, "at_most"),
    ("defects", 0, "holes_px"),
)
READ = [
    place
    for place in places(plain(FAILED))
    if place not in (("schema",), ("zones", 0, "zone"))
    and place[-1] not in FOLLOWS | HASHES | GAINED
    and not {*map(str, place[:-1])} & OPEN
    and not _is_dimension(place)
    and place not in LATER
]


@pytest.mark.parametrize("place", READ, ids=lambda place: ".".join(map(str, place)))
def test_what_is_missing_is_named(place: tuple[str | int, ...]) -> None:
    record = plain(FAILED)
    del at(record, place[:-1])[place[-1]]
    with pytest.raises(BadRecord, match=f"missing required field `{place[-1]}`"):
        read_record(stored(record))


def test_a_record_of_before_need_not_say_what_is_measured_since() -> None:
    record = plain(FAILED)
    for place in LATER:
        del at(record, place[:-1])[place[-1]]
    read = read_record(stored(record))
    assert read.geometry is not None
    assert read.request.fiber == "only"
    assert (read.image.bits, read.quality.field_shift_px, read.geometry.cladding.sector_blur_px) == (None, None, ())
    assert (read.criteria.unresolved_by, read.defects[0].at_most) == ("best", {})
    assert read.defects[0].holes_px == ()


def test_the_classes_of_a_record_of_before_are_certain() -> None:
    record = plain(FAILED)
    for mark in record["defects"]:
        del mark["class_probabilities"]
    assert [mark.class_probabilities for mark in read_record(stored(record)).defects] == [{}] * len(FAILED.defects)


def test_probabilities_come_back_as_they_were_and_of_known_kinds_only() -> None:
    chances = {"scratch": 0.77, "crack": 0.23}
    first = replace(FAILED.defects[0], class_probabilities=chances)
    record = plain(replace(FAILED, defects=(first, *FAILED.defects[1:])))
    assert read_record(stored(record)).defects[0].class_probabilities == chances
    record["defects"][0]["class_probabilities"]["dust"] = 0.1
    with pytest.raises(BadRecord, match="probabilities of other kinds"):
        read_record(stored(record))


def test_a_record_of_before_does_not_say_how_much_of_its_zones_is_seen() -> None:
    record = plain(FAILED)
    del record["zones"][0]["seen"]
    record["criteria"]["zones"] = [{"zone": "A", "outer": ZONE_RULE, "scratches": [], "defects": []}]
    inspection = read_record(stored(record))
    assert inspection.zones[0].seen is None
    assert inspection.criteria.zones[0].min_seen is None


ZONE_RULE = {"of": "fixed", "times": 1.0, "plus_um": 25.0}


def test_a_record_of_before_need_not_speak_of_a_camera() -> None:
    record = json.loads(OLD.read_text(encoding="utf-8"))
    del record["image"]["camera"]
    assert read_record(stored(record)).image.camera is None


@pytest.mark.parametrize("place", READ, ids=lambda place: ".".join(map(str, place)))
def test_what_is_of_the_wrong_kind_is_named(place: tuple[str | int, ...]) -> None:
    record = plain(FAILED)
    kind = "text" if isinstance(at(record, place), dict) else {"an": "object"}
    at(record, place[:-1])[place[-1]] = kind
    with pytest.raises(BadRecord, match=r"no record: .*(Expected|Invalid|missing)"):
        read_record(stored(record))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("quality", "warnings"), 5),
        (("verdict", "reasons"), True),
        (("criteria", "zones", 0, "zone"), ["A"]),
        (("zones", 0, "letter"), ["A"]),
        (("verdict", "checks", 0, "rule"), None),
    ],
    ids=str,
)
def test_what_is_of_the_wrong_kind_in_a_record_of_before_is_named(place: tuple[str | int, ...], value: Any) -> None:
    record = json.loads(OLD.read_text(encoding="utf-8"))
    at(record, place[:-1])[place[-1]] = value
    with pytest.raises(BadRecord, match=r"no record: (Expected|Invalid)"):
        read_record(stored(record))


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"{}", b"[" * 100_000, stored(to_json(FAILED))[:-40]],
    ids=["empty", "cut", "list", "null", "text", "no text", "object", "deep", "truncated"],
)
def test_what_is_no_record_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(BadRecord, match="no record: ") as caught:
        read_record(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema",), "dscope-blink/inspection/3"),
        (("defects", 0, "width_um"), -1.0),
        (("defects", 0, "classification"), "dent"),
        (("defects", 0, "confidence"), 1.5),
        (("geometry", "cladding", "axes_px"), [0.0, 250.0]),
        (("geometry", "cladding", "axes_px"), [250.0, 1e9]),
        (("zones", 0, "axes_px"), [0.5, 25.0]),
        (("geometry", "cladding", "center_px"), [1.0, 2.0, 3.0]),
        (("scale", "um_per_px_x"), 0.0),
        (("request", "cladding_diameter_um"), 1e9),
        (("verdict", "status"), "MAYBE"),
        (("verdict", "reasons"), []),
        (("geometry",), None),
        (("quality", "clipping"), None),
        (("request", "edition"), "another"),
        (("request", "zones"), ["cladding", "adhesive", "contact"]),
        (("request", "zones"), ["core"]),
        (("verdict", "reason_kinds"), ["bad luck"]),
        (("verdict", "reason_kinds"), []),
        (("verdict", "reasons"), ["one", "two"]),
        (("quality", "clipping"), {"ring_width": 0.02, "pixels": [3, 4], "clipped": [1]}),
        (("image", "width"), None),
        (("scale",), None),
        (("zones",), []),
        (("defects", 0, "diameter_um"), None),
        (("defects", 0, "id"), "P1"),
        (("geometry", "core", "axes_px", 0), 1e-3),
        (("zones", 0, "axes_px", 0), 1e30),
        (("geometry", "cladding", "center_px", 1), 1e308),
        (("defects", 0, "centroid_px", 0), -1e308),
        (("defects", 0, "contour_px", 1, 1), 1e308),
        (("defects", 0, "length_um"), 1e308),
        (("scale", "um_per_px_x"), 1e-200),
        (("defects", 0, "bbox_px", 0), 10**30),
        (("quality", "clipping", "pixels", 0), 10**30),
        (("image", "width"), 10**400),
        (("verdict", "checks", 0, "count"), 10**400),
        (("verdict", "status"), "PASS"),
        (("verdict", "status"), "NOT_GRADED"),
        (("verdict", "checks"), []),
        (("verdict", "checks", 0, "count"), 0),
        (("verdict", "checks", 0, "defects"), ["S9"]),
        (("verdict", "violations", 0, "defects"), ["S9"]),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_value_that_cannot_be_is_refused(place: tuple[str | int, ...], value: Any) -> None:
    record = plain(FAILED)
    at(record, place[:-1])[place[-1]] = value
    with pytest.raises(BadRecord, match="no record: "):
        read_record(stored(record))


@pytest.mark.parametrize(("name", "value"), [("times", 1e30), ("plus_um", -1e30)])
def test_a_border_that_the_configuration_would_refuse_is_refused(name: str, value: float) -> None:
    record = json.loads(OLD.read_text(encoding="utf-8"))
    record["criteria"]["zones"][1]["outer"][name] = value
    with pytest.raises(BadRecord, match=rf"zones\[1\]\.outer\.{name}"):
        read_record(stored(record))


def test_a_point_that_is_none_is_named_with_its_mark() -> None:
    record = plain(FAILED)
    record["defects"][1]["contour_px"][2] = [1.0, 2.0, 3.0]
    with pytest.raises(BadRecord, match=r"`\$\[2\]` of the outline - at `\$\.defects\[1\]\.contour_px`"):
        read_record(stored(record))


def test_a_wrong_value_is_not_repeated_in_full() -> None:
    record = plain(FAILED)
    record["defects"][1]["zone"] = "x" * 100_000
    with pytest.raises(BadRecord, match=r"Invalid enum value 'xxx.*at `\$\.defects\[1\]\.zone`") as caught:
        read_record(stored(record))
    assert len(str(caught.value)) < 1000


def test_a_file_that_cannot_be_read_says_why(tmp_path) -> None:
    with pytest.raises(BadRecord, match="cannot be read, No such file"):
        load_record(tmp_path / "gone_result.json")
    (tmp_path / "folder_result.json").mkdir()
    with pytest.raises(BadRecord, match="cannot be read, Is a directory"):
        load_record(tmp_path / "folder_result.json")


def test_the_head_of_a_record_tells_of_which_face_it_is(tmp_path: Path) -> None:
    write_result(tmp_path / "a_result.json", FAILED)
    head = read_head((tmp_path / "a_result.json").read_bytes())
    assert (head.image.file, head.image.sha256) == (FAILED.image.file, FAILED.image.sha256)
    assert head.size_px == (WIDTH, HEIGHT)
    assert (head.provenance.profile, head.request.manifest) == ("deep_inspection", FAILED.request.manifest)
    assert head.taken == FAILED.moment


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b'{"schema": "other"}', b"[" * 100_000])
def test_what_is_no_record_has_no_head(data: bytes) -> None:
    with pytest.raises(BadRecord, match="no record: "):
        read_head(data)
