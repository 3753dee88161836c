"""A record in its file: it obeys its schema, and says what was found in rounded, plain values."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from dscope_blink.records import (
    CLASSIFICATIONS,
    RECORD_SCHEMA,
    TITLES,
    ZONE_LETTERS,
    ZONE_NAMES,
    Inspection,
    ScaleSource,
    Status,
    recorded,
)
from dscope_blink.records.sealing import sealed
from dscope_blink.records.stored import to_json
from dscope_blink.reporting import picture_files
from tests.builders.inspections import (
    COUNTED,
    EVERY_KIND,
    FAILED,
    HOSTILE_FILE,
    MARGINAL,
    OUT_OF_FOCUS,
    PASSED,
    SCALE,
)
from tests.builders.settings import ROOT

SCHEMA = json.loads((ROOT / "result.schema.json").read_text(encoding="utf-8"))
every_kind = pytest.mark.parametrize("inspection", EVERY_KIND.values(), ids=EVERY_KIND.keys())


def _no_constant(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


def _read_result(path: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    return result


def _all_keys(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"{path}/{key}"
            yield from _all_keys(item, f"{path}/{key}")


def _keys(part: Any) -> list[str]:
    """All keys but those of the rings, null where no mark was sought, of a camera and of a reference."""
    return [key for key in _all_keys(part) if not key.startswith(("/clipping/", "/camera/", "/inputs/reference"))]


# --- the record


@every_kind
def test_a_written_record_obeys_its_schema(inspection: Inspection, tmp_path: Path) -> None:
    picture_files.write_result(tmp_path / "a_result.json", inspection)
    record = _read_result(tmp_path / "a_result.json")
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(record)] == []
    assert record == json.loads(json.dumps(sealed(to_json(inspection))))


def test_the_schema_itself_is_valid() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_names_what_the_records_allow() -> None:
    parts, named = SCHEMA["properties"], SCHEMA["$defs"]
    assert parts["schema"]["const"] == RECORD_SCHEMA
    assert tuple(named["defect"]["properties"]["classification"]["enum"]) == CLASSIFICATIONS
    assert tuple(named["zone"]["enum"]) == tuple(ZONE_NAMES.values())
    assert tuple(parts["zones"]["items"]["properties"]["letter"]["enum"]) == ZONE_LETTERS
    assert tuple(parts["scale"]["properties"]["source"]["enum"]) == ScaleSource.__args__  # type: ignore[attr-defined]
    assert tuple(named["kinds"]["items"]["enum"]) == tuple(TITLES)
    assert tuple(parts["verdict"]["properties"]["status"]["enum"]) == Status.__args__  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "place",
    [
        *(
            (),
            ("image",),
            ("criteria",),
            ("geometry",),
            ("geometry", "cladding"),
            ("defects", 0),
            ("verdict",),
            ("scale",),
        ),
        *(("quality",), ("quality", "clipping"), ("defects", 0, "uncertainty"), ("verdict", "checks", 0)),
    ],
)
def test_the_schema_refuses_a_key_it_does_not_know(place: tuple[Any, ...]) -> None:
    record = to_json(FAILED)
    part: Any = record
    for key in place:
        part = part[key]
    part["surprise"] = 1
    assert not Draft202012Validator(SCHEMA).is_valid(record)


def test_the_schema_refuses_a_failure_without_a_reason() -> None:
    record = to_json(FAILED)
    record["verdict"]["reasons"] = []
    assert not Draft202012Validator(SCHEMA).is_valid(record)


@every_kind
def test_records_have_the_same_keys_in_the_same_order(inspection: Inspection) -> None:
    fixed = ("schema", "image", "provenance", "request", "criteria", "quality", "verdict")
    record, other = to_json(inspection), to_json(FAILED)
    assert list(record) == list(other)
    assert [_keys(record[part]) for part in fixed] == [_keys(other[part]) for part in fixed]


def test_what_is_not_a_number_is_null() -> None:
    odd = replace(COUNTED, contrast=math.inf, circularity=float("nan"))
    defect = to_json(recorded(replace(FAILED, defects=(odd,))))["defects"][0]
    assert (defect["contrast"], defect["circularity"], defect["features"]["edge_sharpness"]) == (None, None, None)


def test_numbers_are_rounded_by_their_unit() -> None:
    odd = replace(COUNTED, centroid_px=(1.23456, 2.0), diameter_um=3.14159, contrast=-0.000123456)
    record = to_json(recorded(replace(FAILED, defects=(odd,), scale=replace(SCALE, um_per_px_x=0.4355400697))))
    defect = record["defects"][0]
    assert (defect["centroid_px"], defect["diameter_um"], defect["contrast"]) == ((1.235, 2.0), 3.142, -0.00012346)
    assert record["scale"]["um_per_px_x"] == 0.43554007


def test_numpy_numbers_become_plain_ones() -> None:
    odd = replace(COUNTED, area_px=np.float32(4.5), bbox_px=tuple(np.array([1, 2, 3, 4])))  # type: ignore[arg-type]
    assert json.dumps(to_json(recorded(replace(FAILED, defects=(odd,))))["defects"][0]["bbox_px"]) == "[1, 2, 3, 4]"


def test_measurements_stand_in_the_geometry_and_are_null_when_unknown() -> None:
    geometry = to_json(FAILED)["geometry"]
    assert (geometry["core_cladding_offset_um"], geometry["cladding_diameter_um"]) == (0.123, 125.0)
    assert geometry["cladding_non_circularity_pct"] is None


def test_the_manifest_and_the_known_diameters_are_in_the_record() -> None:
    request = to_json(FAILED)["request"]
    assert request["manifest"] == {"serial": "0012", "operator": "=HYPERLINK(1)"}
    assert (request["core_diameter_um"], request["cladding_diameter_um"]) == (9.0, 125.0)


def test_what_the_picture_hides_is_in_the_record_and_null_where_no_mark_was_sought() -> None:
    quality = to_json(FAILED)["quality"]
    assert quality["search_pixel_px"] == 1.25
    assert quality["clipping"] == {
        "ring_width": 0.5,
        "pixels": (12000, 36500, 61200, 85000),
        "clipped": (0, 120, 61200, 3),
    }
    unsearched = to_json(OUT_OF_FOCUS)["quality"]
    assert (unsearched["search_pixel_px"], unsearched["clipping"]) == (None, None)


def test_a_mark_has_its_uncertainties_and_its_distance_from_the_core_in_the_record() -> None:
    defect = to_json(FAILED)["defects"][1]
    assert defect["uncertainty"] == {"length_um": 0.812, "width_um": 0.7, "diameter_um": 0.9, "r_min_px": 1.1}
    assert defect["r_core_px"] == round(math.hypot(70, 60) - 12, 3)
    assert defect["evidence"] == {"do2mr": 0.75, "lei": 0.5}


def test_every_limit_that_was_held_is_in_the_record_with_what_is_left() -> None:
    broken, counted, near = to_json(FAILED)["verdict"]["checks"]
    assert (broken["zone"], broken["rule"], broken["broken"]) == ("core", "scratch width of any size", True)
    assert (broken["count"], broken["max_count"], broken["defects"]) == (1, 0, ("S1",))
    assert (broken["size_um"], broken["limit_um"], broken["margin_um"]) == (3.6, 0.0, -3.6)
    assert (counted["broken"], counted["size_um"], counted["margin_um"], counted["nearness"]) == (
        *(False, None, None),
        0.16667,
    )
    assert (near["broken"], near["margin_um"], near["nearness"]) == (False, 1.0, 0.9)


def test_the_record_says_whether_the_verdict_is_marginal_and_which_limit_is_the_closest() -> None:
    sure, marginal, clean = (to_json(i)["verdict"] for i in (FAILED, MARGINAL, PASSED))
    assert (sure["marginal"], sure["doubts"]) == (False, ())
    assert (marginal["status"], marginal["marginal"]) == ("PASS", True)
    assert marginal["doubts"] == MARGINAL.verdict.doubts
    assert sure["closest_limit"] is None
    assert marginal["closest_limit"].startswith("Zone cladding: defect diameter > 10 um: 0, allowed none")
    assert (clean["closest_limit"], clean["checks"]) == (None, [])


def test_what_was_asked_stands_in_the_record_as_it_was_given() -> None:
    request = replace(FAILED.request, cladding_diameter_um=124.98765, pixel_aspect_ratio=1.0123456)
    record = to_json(replace(FAILED, request=request))["request"]
    assert (record["cladding_diameter_um"], record["pixel_aspect_ratio"]) == (124.98765, 1.0123456)


@pytest.mark.parametrize("file", [HOSTILE_FILE, "fiß ör.png", 'a"b\\c.png', "bytes\udcff.png"])
def test_any_file_name_comes_back_from_the_record(file: str, tmp_path: Path) -> None:
    picture_files.write_result(tmp_path / "r.json", replace(FAILED, image=replace(FAILED.image, file=file)))
    assert _read_result(tmp_path / "r.json")["image"]["file"] == file


def test_each_defect_has_a_line_of_its_own_in_the_record(tmp_path: Path) -> None:
    picture_files.write_result(tmp_path / "r.json", FAILED)
    lines = (tmp_path / "r.json").read_text(encoding="utf-8").splitlines()
    assert sum('"contour_px"' in line for line in lines) == len(FAILED.defects)
