"""A stored record comes back as it was written, or says where it is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest

from dscope_blink.records import Inspection
from dscope_blink.records.plain import to_json
from dscope_blink.records.stored import BadRecord, load_record, read_record
from tests.builders.inspections import EVERY_KIND, FAILED

NOT_READ_OF_A_MARK = {"contour_px", "features", "evidence"}


def stored(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


def rounded(inspection: Inspection) -> Inspection:
    """With everything as the files keep it, and without what is not read back."""
    geometry, scale = inspection.geometry, inspection.scale
    return replace(
        inspection,
        geometry=geometry and geometry.as_recorded(),
        scale=scale and scale.as_recorded(),
        defects=tuple(defect.as_recorded() for defect in inspection.defects),
        verdict=replace(inspection.verdict, checks=()),
    )


@pytest.mark.parametrize("inspection", EVERY_KIND.values(), ids=EVERY_KIND)
def test_what_a_verdict_needs_comes_back_as_it_was(inspection: Inspection) -> None:
    there, back = rounded(inspection), read_record(stored(to_json(inspection))).inspection
    for name in ("image", "provenance", "request", "criteria", "scale", "verdict"):
        assert getattr(back, name) == getattr(there, name), name
    assert back.quality.clipping == there.quality.clipping
    assert back.quality.warnings == there.quality.warnings
    assert [zone.letter for zone in back.zones] == [zone.letter for zone in there.zones]
    assert (back.geometry is None) == (there.geometry is None)
    if back.geometry is not None and there.geometry is not None:
        assert back.geometry.cladding.ellipse == there.geometry.cladding.ellipse
        assert (back.geometry.core and back.geometry.core.ellipse) == (
            there.geometry.core and there.geometry.core.ellipse
        )


@pytest.mark.parametrize("number", range(len(FAILED.defects)))
def test_a_mark_comes_back_but_for_its_outline(number: int) -> None:
    there, back = (i.defects[number] for i in (rounded(FAILED), read_record(stored(to_json(FAILED))).inspection))
    judged = ("id", "zone", "classification", "centroid_px", "r_min_px", "r_core_px", "length_um", "width_um")
    more = ("diameter_um", "uncertainty", "counted", "severity", "zones_touched")
    assert {name: getattr(back, name) for name in judged + more} == {
        name: getattr(there, name) for name in judged + more
    }
    assert {field.name for field in fields(back)} > NOT_READ_OF_A_MARK
    assert len(back.contour_px) == 0


def test_reading_what_was_read_changes_nothing() -> None:
    once = read_record(stored(to_json(FAILED)))
    again = read_record(stored(to_json(FAILED) | {key: once.plain[key] for key in ("criteria", "request", "quality")}))
    assert again.plain == once.plain


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


UNREAD = {"cells", "contour_px", "features", "evidence", "marginal", "doubts", "closest_limit"}
CARRIED = {
    "manifest",
    "flat_field_sha256",
    "uncertainty",
    "timings_s",
    "core_offset_x_px",
    "core_offset_y_px",
}
READ = [
    place
    for place in places(json.loads(json.dumps(to_json(FAILED))))
    if not {*map(str, place)} & UNREAD and not {*map(str, place[:-1])} & CARRIED and place[-1] not in CARRIED
]


REQUIRED = [place for place in READ if place != ("image", "camera")]  # records of the first weeks have none


@pytest.mark.parametrize("place", REQUIRED, ids=lambda place: ".".join(map(str, place)))
def test_what_is_missing_is_named(place: tuple[str | int, ...]) -> None:
    record = json.loads(json.dumps(to_json(FAILED)))
    del at(record, place[:-1])[place[-1]]
    with pytest.raises(BadRecord, match=f"missing required field `{place[-1]}`"):
        read_record(stored(record))


def test_a_record_that_does_not_speak_of_a_camera_is_read() -> None:
    record = to_json(FAILED)
    del record["image"]["camera"]
    assert read_record(stored(record)).inspection.image.camera is None


@pytest.mark.parametrize("place", READ, ids=lambda place: ".".join(map(str, place)))
def test_what_is_of_the_wrong_kind_is_named(place: tuple[str | int, ...]) -> None:
    record = json.loads(json.dumps(to_json(FAILED)))
    kind = "text" if isinstance(at(record, place), dict) else {"an": "object"}
    at(record, place[:-1])[place[-1]] = kind
    with pytest.raises(BadRecord, match=r"no record: .*(Expected|Invalid|missing)"):
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
        (("schema",), "dscope-blink/inspection/2"),
        (("defects", 0, "width_um"), -1.0),
        (("defects", 0, "classification"), "dent"),
        (("defects", 0, "confidence"), 1.5),
        (("geometry", "cladding", "axes_px"), [0.0, 250.0]),
        (("geometry", "cladding", "center_px"), [1.0, 2.0, 3.0]),
        (("scale", "um_per_px_x"), 0.0),
        (("request", "cladding_diameter_um"), 1e9),
        (("verdict", "status"), "MAYBE"),
        (("verdict", "reasons"), []),
        (("geometry",), None),
        (("quality", "clipping"), None),
        (("quality", "clipping"), {"ring_width": 0.02, "pixels": [3, 4], "clipped": [1]}),
        (("image", "width"), None),
        (("scale",), None),
        (("zones",), []),
        (("defects", 0, "diameter_um"), None),
        (("defects", 0, "id"), "P1"),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_is_refused(place: tuple[str | int, ...], value: Any) -> None:
    record = json.loads(json.dumps(to_json(FAILED)))
    at(record, place[:-1])[place[-1]] = value
    with pytest.raises(BadRecord, match="no record: "):
        read_record(stored(record))


def test_a_file_that_cannot_be_read_says_why(tmp_path) -> None:
    with pytest.raises(BadRecord, match="cannot be read, No such file"):
        load_record(tmp_path / "gone_result.json")
    (tmp_path / "folder_result.json").mkdir()
    with pytest.raises(BadRecord, match="cannot be read, Is a directory"):
        load_record(tmp_path / "folder_result.json")
