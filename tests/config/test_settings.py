"""The settings: the fields and types of their schema, found by name, and never changed."""

from __future__ import annotations

import dataclasses
import json
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from jsonschema import Draft202012Validator

from dscope_blink.config import checking
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config, DetectorSettings
from dscope_blink.records import (
    ANOMALY,
    CLASSIFICATIONS,
    SEVERITIES,
    ZONE_LETTERS,
    ZONE_NAMES,
    Criteria,
    OuterBorder,
    SizeMeasure,
    UserError,
)
from tests.builders.configurations import DOCUMENT, SCHEMA, SECTIONS, SHIPPED

# --- what ships


def test_the_shipped_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_an_independent_validator_accepts_the_shipped_configuration() -> None:
    document = json.loads(SHIPPED.read_text(encoding="utf-8"))
    assert list(Draft202012Validator(SCHEMA).iter_errors(document)) == []


def test_every_edition_and_class_of_the_file_can_be_found() -> None:
    book = load_config(SHIPPED).profile("deep_inspection").criteria
    pairs = [(edition, key) for edition in book.editions() for key in book.classes(edition)]
    assert [(c.edition, c.fiber_class) for c in (book.find(*pair) for pair in pairs)] == pairs
    assert (book.default_edition, book.default_class) in pairs


def test_published_limits_arrive_as_written() -> None:
    criteria = load_config(SHIPPED).profile("deep_inspection").criteria.find("iec_61300_3_35_2015", "single_mode_upc")
    zone = criteria.zones[1]
    assert (zone.zone, zone.outer.of, zone.outer.plus_um) == ("B", "fixed", 115)
    assert [band.max_count for band in zone.defects if band.holds(2)] == [5]
    assert [band.max_count for band in zone.defects if band.holds(5.01)] == [0]
    assert (criteria.size_by.scratches, criteria.size_by.defects) == ("width", "diameter")
    assert criteria.title == "IEC 61300-3-35:2015, edition 2: Single mode PC/UPC, return loss at least 45 dB"


# --- schema and records agree


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_has_the_fields_that_its_schema_has(name: str) -> None:
    assert {field.name for field in dataclasses.fields(SECTIONS[name])} == set(SCHEMA["$defs"][name]["properties"])


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = {**SCHEMA["$defs"][schema["$ref"].split("/")[-1]], **{k: v for k, v in schema.items() if k != "$ref"}}
    return schema


@pytest.mark.parametrize("name", SECTIONS)
def test_a_field_has_the_type_that_its_schema_has(name: str) -> None:
    words = {int: "integer", float: "number", bool: "boolean", str: "string", Path: "string", type(None): "null"}
    for field, hint in get_type_hints(SECTIONS[name]).items():
        schema = resolved(SCHEMA["$defs"][name]["properties"][field])
        written = schema.get("type")
        if get_origin(hint) is Literal:
            assert list(get_args(hint)) == schema["enum"], field
        elif written not in ("array", "object"):
            kinds = get_args(hint) or (hint,)
            assert {words.get(kind, "object") for kind in kinds} == set(
                [written] if isinstance(written, str) else written or ()
            ), field


OF_NO_PROFILE = {"signing"}  # who vouches for what is written is a matter of the station, not of how it looks


def test_config_has_the_sections_of_the_schema_and_a_profile_can_override_each_but_who_signs() -> None:
    sections = set(SCHEMA["properties"]) - {"$schema", "extends", "default_profile", "profiles"}
    assert {field.name for field in dataclasses.fields(Config)} == sections | {"profile", "sha256", "folder"}
    assert set(SCHEMA["$defs"]["profile"]["properties"]) == sections - OF_NO_PROFILE


def schemas_in(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from schemas_in(child)


def _objects() -> list[dict[str, Any]]:
    return [schema for schema in schemas_in(SCHEMA) if schema.get("type") == "object"]


def test_every_object_is_closed_and_every_key_is_described() -> None:
    for schema in _objects():
        assert "additionalProperties" in schema, schema
        for key, value in schema.get("properties", {}).items():
            assert re.fullmatch(r"[A-Zu].*[^.]\.", resolved(value)["description"]), key


OWN_KEYWORDS = ("x-keyOf", "x-reachable", "x-zones", "x-bands", "x-severities", "x-installed", "x-detector", "x-rising")


def test_every_keyword_of_the_schema_has_its_message() -> None:
    structure = {
        "default",
        "$schema",
        "$defs",
        "$ref",
        "title",
        "description",
        "items",
        "properties",
        "additionalProperties",
    }
    worded = {*checking._RULES, "type", "enum", "propertyNames", *OWN_KEYWORDS}
    names = {
        key for schema in schemas_in(SCHEMA) for holder in ("properties", "$defs") for key in schema.get(holder, ())
    }
    used = {key for schema in schemas_in(SCHEMA) for key in schema} - names
    assert used - {"multipleOf"} <= structure | worded


def test_kernels_are_odd_by_the_schema() -> None:
    kernels = {
        key: value
        for schema in _objects()
        for key, value in schema.get("properties", {}).items()
        if key.endswith(("kernel_px", "kernels_px"))
    }
    for value in map(resolved, kernels.values()):
        assert resolved(value.get("items", value))["not"]["multipleOf"] == 2


def test_each_kind_of_mark_names_its_detectors() -> None:
    kinds = SCHEMA["$defs"]["classification"]["properties"]["detectors_of"]["properties"]
    assert set(kinds) == set(CLASSIFICATIONS)
    for names in map(resolved, kinds.values()):
        assert names["items"] == {"$ref": "#/$defs/detector_name"}


def test_the_schema_lists_the_words_that_the_records_know() -> None:
    of_class, of_zone = (SCHEMA["$defs"][name]["properties"] for name in ("class", "zone"))
    assert of_class["scratch_classes"]["items"]["enum"] == list(CLASSIFICATIONS)
    assert of_zone["zone"]["enum"] == list(ZONE_LETTERS)
    assert SCHEMA["$defs"]["size_measure"]["enum"] == list(get_args(SizeMeasure))
    assert of_class["zone_rule"]["enum"] == list(get_args(get_type_hints(Criteria)["zone_rule"]))
    row = SCHEMA["$defs"]["severity_row"]["properties"]
    assert row["types"]["items"]["enum"] == [*CLASSIFICATIONS, ANOMALY]
    assert row["zones"]["items"]["enum"] == list(ZONE_NAMES.values())
    assert row["severity"]["enum"] == list(SEVERITIES)
    for section, field in (("reporting", "severity_weights"), ("aggregation", "penalties")):
        assert list(SCHEMA["$defs"][section]["properties"][field]["properties"]) == list(SEVERITIES)
    tiers = SCHEMA["$defs"]["training"]["properties"]["severity_tiers"]["properties"]
    assert list(tiers) == list(SEVERITIES[-2::-1])  # all but the least, which needs no limit
    assert of_zone["outer"]["properties"]["of"]["enum"] == list(get_args(get_type_hints(OuterBorder)["of"]))


# --- profiles


def test_an_unknown_profile_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UserError, match=r'"deep_inspection", "fast_scan".*"fastscan", did you mean "fast_scan"\?'):
        load_config(SHIPPED).profile("fastscan")


def test_an_edition_without_the_asked_class_is_refused_by_name() -> None:
    book = load_config(SHIPPED).profile("fast_scan").criteria
    with pytest.raises(UserError, match=r'iec_61300_3_35_2009.*must be one of "single_mode_upc", got "multimode"'):
        book.find("iec_61300_3_35_2009", "multimode")
    with pytest.raises(UserError, match='"iec_61300_3_35_2025", did you mean "iec_61300_3_35_20'):
        book.find("iec_61300_3_35_2025", "multimode")


# --- records


def test_a_configuration_cannot_be_changed() -> None:
    config = load_config(SHIPPED).profile("fast_scan")
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.fusion.threshold = 0.1  # type: ignore[misc]
    for mapping in (config.detectors, config.detectors["lei"].settings, config.criteria.table):
        assert isinstance(mapping, MappingProxyType)


def test_a_configuration_survives_the_way_to_a_worker_process() -> None:
    config = load_config(SHIPPED).profile("fast_scan")
    assert pickle.loads(pickle.dumps(config)) == config


def test_a_detectors_own_settings_are_what_is_not_common_to_all() -> None:
    detectors = load_config(SHIPPED).profile("deep_inspection").detectors
    assert detectors.keys() == DOCUMENT["detectors"].keys()
    for name, detector in detectors.items():
        assert isinstance(detector, DetectorSettings)
        assert detector.settings.keys() == DOCUMENT["detectors"][name].keys() - {"enabled", "weight"}


def test_the_folder_is_that_of_the_file_from_wherever_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (tmp_path / "one", tmp_path / "other"):
        folder.mkdir()
        (folder / "copy.json").write_bytes(SHIPPED.read_bytes())
        monkeypatch.chdir(folder)
        assert load_config(Path("copy.json")).profile("fast_scan").folder == folder


def test_where_a_file_lies_does_not_change_its_hash(tmp_path: Path) -> None:
    copy_of_it = tmp_path / "copy.json"
    copy_of_it.write_bytes(SHIPPED.read_bytes())
    there, here = (load_config(path).profile("fast_scan") for path in (copy_of_it, SHIPPED))
    assert there.sha256 == here.sha256
    assert there.folder != here.folder
