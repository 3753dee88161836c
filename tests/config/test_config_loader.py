"""The configuration: what ships is right, what is wrong is named with its place, and nothing else is raised."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import math
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dscope_blink.config import checking
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config, CriteriaBook, DetectorSettings
from dscope_blink.records import (
    CLASSIFICATIONS,
    ZONE_LETTERS,
    ConfigError,
    Criteria,
    SizeBand,
    SizeMeasure,
    UserError,
    ZoneCriteria,
)
from tests.builders.settings import ROOT
from tests.builders.unprivileged import unprivileged

SHIPPED = ROOT / "config.json"
SCHEMA = json.loads((ROOT / "config.schema.json").read_text(encoding="utf-8"))
SECTIONS = {
    name: kind
    for name, kind in get_type_hints(Config).items()
    if dataclasses.is_dataclass(kind) and kind != CriteriaBook
}


def _document() -> dict[str, Any]:
    """The shipped settings with three of the classes: the others are built alike, and every test reads some files."""
    document: dict[str, Any] = json.loads(SHIPPED.read_text(encoding="utf-8"))
    editions = document["criteria"]["editions"]
    second = editions["iec_61300_3_35_2015"]
    classes = {name: second["classes"][name] for name in ("single_mode_upc", "multimode")}
    kept = {
        "iec_61300_3_35_2009": editions["iec_61300_3_35_2009"],
        "iec_61300_3_35_2015": second | {"classes": classes},
    }
    chosen = {"default_edition": "iec_61300_3_35_2015", "default_class": "single_mode_upc", "editions": kept}
    return document | {"criteria": chosen}


DOCUMENT = _document()
CLASS = "$.criteria.editions.iec_61300_3_35_2015.classes.single_mode_upc"

Change = Callable[[dict[str, Any]], object]


def _written(folder: Path, document: object) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def _problems_of(path: Path) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert all(problem.count("\n") == 0 for problem in caught.value.problems)
    return caught.value.problems


def _listed(path: Path) -> tuple[str, ...]:
    """The problems of a file that may have none."""
    try:
        load_config(path)
    except ConfigError as error:
        return error.problems
    return ()


@pytest.fixture
def problems(tmp_path: Path) -> Callable[..., tuple[str, ...]]:
    """The problems of the shipped configuration after some changes, without the file name in front."""

    def after(*changes: Change) -> tuple[str, ...]:
        document = copy.deepcopy(DOCUMENT)
        for change in changes:
            change(document)
        return tuple(line.removeprefix("config.json: ") for line in _problems_of(_written(tmp_path, document)))

    return after


def _put(*place: Any) -> Change:
    """A change that puts the last argument at the place that the others name."""
    *keys, last, value = place

    def change(document: Any) -> None:
        for key in keys:
            document = document.setdefault(key, {}) if isinstance(document, dict) else document[key]
        document[last] = value

    return change


def _drop(*place: str) -> Change:
    *keys, last = place

    def change(document: Any) -> None:
        for key in keys:
            document = document[key]
        del document[last]

    return change


def _zones(document: Any) -> Any:
    return document["criteria"]["editions"]["iec_61300_3_35_2015"]["classes"]["single_mode_upc"]["zones"]


def _defects_in_b(document: Any) -> Any:
    return _zones(document)[1]["defects"]


def _band(low: float, high: float | None, *, first: bool = True, last: bool = False) -> dict[str, Any]:
    return {"min_um": low, "min_inclusive": first, "max_um": high, "max_inclusive": last, "max_count": 0}


# --- what ships


def test_the_shipped_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_shipped_configuration_loads_and_names_its_schema() -> None:
    file = load_config(SHIPPED)
    assert set(file.profiles) >= {"fast_scan", "deep_inspection"}
    assert (ROOT / DOCUMENT["$schema"]).samefile(checking.SCHEMA_FILE)


def test_an_independent_validator_accepts_the_shipped_configuration() -> None:
    document = json.loads(SHIPPED.read_text(encoding="utf-8"))
    assert list(Draft202012Validator(SCHEMA).iter_errors(document)) == []


def test_the_hash_is_that_of_the_file() -> None:
    file = load_config(SHIPPED)
    assert file.sha256 == file.profile("fast_scan").sha256 == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()


def test_every_edition_and_class_of_the_file_can_be_found() -> None:
    book = load_config(SHIPPED).profile("deep_inspection").criteria
    pairs = [(edition, key) for edition in book.editions() for key in book.classes(edition)]
    assert [(c.edition, c.fiber_class) for c in (book.find(*pair) for pair in pairs)] == pairs
    assert (book.default_edition, book.default_class) in pairs


def test_published_limits_arrive_as_written() -> None:
    criteria = load_config(SHIPPED).profile("deep_inspection").criteria.find("iec_61300_3_35_2015", "single_mode_upc")
    zone = criteria.zones[1]
    assert (zone.letter, zone.of, zone.plus_um) == ("B", "fixed", 115)
    assert [band.max_count for band in zone.defects if band.holds(2)] == [5]
    assert [band.max_count for band in zone.defects if band.holds(5.01)] == [0]
    assert (criteria.scratch_size_by, criteria.defect_size_by) == ("width", "diameter")
    assert criteria.title == "IEC 61300-3-35:2015, edition 2: Single mode PC/UPC, return loss at least 45 dB"


# --- schema and records agree


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_has_the_fields_that_its_schema_has(name: str) -> None:
    assert {field.name for field in dataclasses.fields(SECTIONS[name])} == set(SCHEMA["$defs"][name]["properties"])


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = {**SCHEMA["$defs"][schema["$ref"].split("/")[-1]], **{k: v for k, v in schema.items() if k != "$ref"}}
    return schema


@pytest.mark.parametrize("name", SECTIONS)
def test_a_field_has_the_type_that_its_schema_has(name: str) -> None:
    words = {int: "integer", float: "number", bool: "boolean", str: "string", Path: "string", type(None): "null"}
    for field, hint in get_type_hints(SECTIONS[name]).items():
        written = _resolved(SCHEMA["$defs"][name]["properties"][field])["type"]
        if get_origin(hint) is Literal:
            assert list(get_args(hint)) == _resolved(SCHEMA["$defs"][name]["properties"][field])["enum"], field
        elif written not in ("array", "object"):
            kinds = get_args(hint) or (hint,)
            assert {words[kind] for kind in kinds} == set([written] if isinstance(written, str) else written), field


def test_config_has_the_sections_of_the_schema_and_a_profile_can_override_each() -> None:
    sections = set(SCHEMA["properties"]) - {"$schema", "default_profile", "profiles"}
    assert {field.name for field in dataclasses.fields(Config)} == sections | {"profile", "sha256", "folder"}
    assert set(SCHEMA["$defs"]["profile"]["properties"]) == sections


def _schemas(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _schemas(child)


def _objects() -> list[dict[str, Any]]:
    return [schema for schema in _schemas(SCHEMA) if schema.get("type") == "object"]


def test_every_object_is_closed_and_every_key_is_described() -> None:
    for schema in _objects():
        assert "additionalProperties" in schema, schema
        for key, value in schema.get("properties", {}).items():
            assert re.fullmatch(r"[A-Zu].*[^.]\.", _resolved(value)["description"]), key


OWN_KEYWORDS = ("x-keyOf", "x-reachable", "x-zones", "x-bands", "x-installed", "x-detector")


def test_every_keyword_of_the_schema_has_its_message() -> None:
    structure = {"$schema", "$defs", "$ref", "title", "description", "items", "properties", "additionalProperties"}
    worded = {*checking._RULES, "type", "enum", "propertyNames", *OWN_KEYWORDS}
    names = {key for schema in _schemas(SCHEMA) for holder in ("properties", "$defs") for key in schema.get(holder, ())}
    used = {key for schema in _schemas(SCHEMA) for key in schema} - names
    assert used - {"multipleOf"} <= structure | worded


def test_kernels_are_odd_by_the_schema() -> None:
    kernels = {
        key: value
        for schema in _objects()
        for key, value in schema.get("properties", {}).items()
        if key.endswith(("kernel_px", "kernels_px"))
    }
    for value in map(_resolved, kernels.values()):
        assert _resolved(value.get("items", value))["not"]["multipleOf"] == 2


def test_each_kind_of_mark_names_its_detectors() -> None:
    kinds = SCHEMA["$defs"]["classification"]["properties"]["detectors_of"]["properties"]
    assert set(kinds) == set(CLASSIFICATIONS)
    for names in map(_resolved, kinds.values()):
        assert names["items"] == {"$ref": "#/$defs/detector_name"}


def test_the_schema_lists_the_words_that_the_records_know() -> None:
    of_class, of_zone = (SCHEMA["$defs"][name]["properties"] for name in ("class", "zone"))
    assert of_class["scratch_classes"]["items"]["enum"] == list(CLASSIFICATIONS)
    assert of_zone["zone"]["enum"] == list(ZONE_LETTERS)
    assert SCHEMA["$defs"]["size_measure"]["enum"] == list(get_args(SizeMeasure))
    assert of_class["zone_rule"]["enum"] == list(get_args(get_type_hints(Criteria)["zone_rule"]))
    assert of_zone["outer"]["properties"]["of"]["enum"] == list(get_args(get_type_hints(ZoneCriteria)["of"]))


# --- profiles


def test_a_profile_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["profiles"]["mine"] = {"detectors": {"lei": {"weight": 1}}, "reporting": {"plots": False}}
    file = load_config(_written(tmp_path, document))
    mine, base = file.profile("mine"), file.profile("deep_inspection")
    assert (mine.profile, mine.detectors["lei"].weight, mine.reporting.plots) == ("mine", 1.0, False)
    assert mine.detectors["lei"].settings == base.detectors["lei"].settings
    assert mine.detectors["do2mr"] == base.detectors["do2mr"]
    assert (mine.localization, mine.fusion, mine.criteria) == (base.localization, base.fusion, base.criteria)


def test_a_profile_may_choose_another_class_as_its_default(tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["profiles"]["fast_scan"]["criteria"] = {"default_class": "multimode"}
    assert load_config(_written(tmp_path, document)).profile("fast_scan").criteria.default_class == "multimode"


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


def test_numbers_paths_lists_and_null_arrive_in_the_type_of_their_field(tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT)
    _put("fusion", "threshold", 1)(document)
    _put("preprocessing", "flat_field_image", "flat.png")(document)
    _put("scale", "pixel_aspect_ratio", None)(document)
    _put("detectors", "lei", "lengths_px", [8, 16])(document)
    config = load_config(_written(tmp_path, document)).profile("deep_inspection")
    assert isinstance(config.fusion.threshold, float)
    assert config.preprocessing.flat_field_image == tmp_path / "flat.png"
    assert config.scale.pixel_aspect_ratio is None
    assert config.detectors["lei"].settings["lengths_px"] == (8, 16)


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


def test_the_folder_is_that_of_the_file_from_wherever_it_is_named(tmp_path: Path, monkeypatch: Any) -> None:
    path = _written(tmp_path, DOCUMENT)
    monkeypatch.chdir(tmp_path)
    assert load_config(Path(path.name)).profile("fast_scan").folder == tmp_path


def test_where_a_file_lies_does_not_change_its_hash(tmp_path: Path) -> None:
    copy_of_it = tmp_path / "copy.json"
    copy_of_it.write_bytes(SHIPPED.read_bytes())
    there, here = (load_config(path).profile("fast_scan") for path in (copy_of_it, SHIPPED))
    assert there.sha256 == here.sha256
    assert there.folder != here.folder


# --- files that are no configuration


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "config.json: the file is empty"),
        (b" \n", "config.json: the file is empty"),
        (b'{"a": 1,}', "config.json: line 1, column 9: not JSON: "),
        (b'{\n  "a" 1}', "config.json: line 2, column 7: not JSON: "),
        (b'{"a": "\xff"}', "config.json: not UTF-8 text: byte 0xff at offset 7"),
        (b"[1, 2]", "config.json: $: must be an object, got [1, 2]"),
        (b"null", "config.json: $: must be an object, got null"),
        (b"[" * 100_000, "config.json: nested too deeply"),
        (b'{"a":' * 3_000 + b"1" + b"}" * 3_000, "config.json: nested too deeply"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    (problem,) = _problems_of(path)
    assert problem.startswith(message)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    assert _problems_of(tmp_path / "nowhere.json") == (f"{tmp_path / 'nowhere.json'}: no such file",)
    assert _problems_of(tmp_path) == (f"{tmp_path}: not a file",)


def test_a_file_without_permission_is_named(open_folder: Path) -> None:
    path = _written(open_folder, DOCUMENT)
    path.chmod(0)
    with unprivileged():
        assert _problems_of(path) == (f"{path}: cannot be read: Permission denied",)


def test_a_path_that_the_system_refuses_is_named(tmp_path: Path) -> None:
    (problem,) = _problems_of(tmp_path / ("x" * 5000))
    assert "cannot be read: " in problem


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + SHIPPED.read_bytes())
    assert load_config(path).profile("fast_scan").fusion == load_config(SHIPPED).profile("fast_scan").fusion


def test_keys_given_twice_are_named(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    text = SHIPPED.read_text(encoding="utf-8").replace('"threshold":', '"threshold": 0.1, "threshold":', 1)
    path.write_text(text, encoding="utf-8")
    assert _problems_of(path) == ("config.json: $.fusion.threshold: given twice",)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_numbers_that_are_none_are_refused(tmp_path: Path, number: str) -> None:
    path = tmp_path / "config.json"
    document = copy.deepcopy(DOCUMENT)
    document["fusion"]["threshold"] = "HERE"
    path.write_text(json.dumps(document).replace('"HERE"', number), encoding="utf-8")
    assert [p.partition(", got ")[0] for p in _problems_of(path)] == [
        "config.json: $.fusion.threshold: must be a number"
    ]


# --- single values


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_put("detectors", "lei", "weight", 3), "$.detectors.lei.weight: must be at most 1, got 3"),
        (_put("fusion", "treshold", 1), '$.fusion.treshold: unknown key, did you mean "threshold"?'),
        (_put("detectors", "leii", DOCUMENT["detectors"]["lei"]),
         '$.detectors.leii: unknown detector, neither shipped nor of an installed package, did you mean "lei"?'),
        (_put("fushion", {}), '$.fushion: unknown key, did you mean "fusion"?'),
        (_put("odd key", 1), '$["odd key"]: unknown key'),
        (_put("fusion", "threshold", "1"), '$.fusion.threshold: must be a number, got "1"'),
        (_put("fusion", "threshold", 0), "$.fusion.threshold: must be greater than 0, got 0"),
        (_put("fusion", 7), "$.fusion: must be an object, got 7"),
        (_put("localization", "max_seeds", 5.0), "$.localization.max_seeds: must be a whole number, got 5.0"),
        (_put("reporting", "plots", 1), "$.reporting.plots: must be true or false, got 1"),
        (_put("scale", "assume_cladding_um", True), "$.scale.assume_cladding_um: must be a number or null, got true"),
        (_put("detectors", "do2mr", "kernel_px", 4), "$.detectors.do2mr.kernel_px: must be odd, got 4"),
        (_put("detectors", "black_hat", "kernels_px", [9, 20]),
         "$.detectors.black_hat.kernels_px[1]: must be odd, got 20"),
        (_put("detectors", "lei", "lengths_px", ["16"]),
         "$.detectors.lei.lengths_px[0]: must be one of 4, 8, 16, 32, 64, got \"16\""),
        (_put("detectors", "lei", "lengths_px", []),
         "$.detectors.lei.lengths_px: must be a list that is not empty, got []"),
        (_put("profiles", "fast_scan", "fusion", "threshold", -1),
         "$.profiles.fast_scan.fusion.threshold: must be greater than 0, got -1"),
        (_put("profiles", "fast_scan", "fusion", "treshold", 1),
         '$.profiles.fast_scan.fusion.treshold: unknown key, did you mean "threshold"?'),
        (_put("profiles", "fast_scan", "criteria", "editions", {}),
         "$.profiles.fast_scan.criteria.editions: unknown key"),
        (_put("profiles", "fast_scan", None), "$.profiles.fast_scan: must be an object, got null"),
        (_put("profiles", "../x", {}),
         '$.profiles: must be letters, digits, ".", "_" and "-", the first a letter or digit, got "../x"'),
        (_put("criteria", "editions", {}), "$.criteria.editions: must be an object that is not empty, got {}"),
        (_put("preprocessing", "flat_field_image", "a\nb"),
         '$.preprocessing.flat_field_image: must hold no control characters, got "a\\nb"'),
        (_put("fusion", "threshold", "x" * 500), f'$.fusion.threshold: must be a number, got "{"x" * 39}...'),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_place(problems: Any, change: Change, problem: str) -> None:
    assert problems(change) == (problem,)


def test_a_wrong_word_is_answered_with_the_right_ones(problems: Any) -> None:
    rule = problems(lambda document: _zones(document)[0]["outer"].update(of="clading"))
    words = '"fixed", "core", "cladding", got "clading", did you mean "cladding"?'
    assert rule == (f"{CLASS}.zones[0].outer.of: must be one of {words}",)


def test_a_missing_key_is_explained(problems: Any) -> None:
    meaning = SCHEMA["$defs"]["fusion"]["properties"]["threshold"]["description"]
    assert problems(_drop("fusion", "threshold")) == (f"$.fusion.threshold: missing: {meaning}",)


@pytest.mark.parametrize("place", ["criteria", "profiles", "detectors", "residual", "default_profile"])
def test_a_missing_section_is_one_problem(problems: Any, place: str) -> None:
    (problem,) = problems(_drop(place))
    assert problem.startswith(f"$.{place}: missing: ")


@pytest.mark.parametrize("name", ["fast_scan", "deep_inspection"])
def test_both_profiles_must_be_there(problems: Any, name: str) -> None:
    found = problems(_drop("profiles", name))
    assert any(problem.startswith(f"$.profiles.{name}: missing: ") for problem in found)


# --- values that are wrong together


def test_a_default_that_is_not_there_is_named(problems: Any) -> None:
    (problem,) = problems(_put("default_profile", "fast"))
    assert problem.startswith(
        '$.default_profile: must be one of "deep_inspection", "fast_scan", "published", got "fast"'
    )
    (problem,) = problems(_put("criteria", "default_edition", "iec"))
    choices = '"iec_61300_3_35_2009", "iec_61300_3_35_2015"'
    assert problem == f'$.criteria.default_edition: must be one of {choices}, got "iec"'
    (problem,) = problems(_put("criteria", "default_class", "multi_mode"))
    assert problem.startswith("$.criteria.default_class: must be one of ")
    assert problem.endswith('got "multi_mode", did you mean "multimode"?')


def test_a_default_that_a_profile_makes_wrong_is_named_in_the_profile(problems: Any) -> None:
    (own,) = problems(_put("profiles", "fast_scan", "criteria", "default_class", "nothing"))
    assert own.startswith("$.profiles.fast_scan.criteria.default_class: must be one of ")
    changes = (
        _put("criteria", "default_class", "multimode"),
        _put("profiles", "fast_scan", "criteria", "default_edition", "iec_61300_3_35_2009"),
    )
    (other,) = problems(*changes)
    assert other == (
        '$.profiles.fast_scan: makes $.criteria.default_class wrong: must be one of "single_mode_upc", got "multimode"'
    )


def test_a_threshold_that_the_enabled_detectors_cannot_reach_is_named(problems: Any) -> None:
    def weaken(document: Any) -> None:
        for detector in document["detectors"].values():
            detector["weight"] = 0.05

    (base, *_) = problems(weaken)
    assert base.startswith(
        "$.fusion.threshold: must be at most 0.3, the sum of the weights of the enabled detectors, got "
    )
    off = {name: {"enabled": False} for name in DOCUMENT["detectors"]}
    (blind,) = problems(_put("profiles", "deep_inspection", "detectors", off))
    assert blind.startswith(
        "$.profiles.deep_inspection: makes $.fusion.threshold wrong: must be at most 0, the sum of "
    )


def test_a_threshold_of_exactly_the_sum_of_the_weights_can_be_reached(tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT)
    weights = dict.fromkeys(DOCUMENT["detectors"], 0.0) | {"lei": 0.7, "black_hat": 0.2}
    part = {name: {"enabled": True, "weight": weight} for name, weight in weights.items()}
    document["profiles"]["mine"] = {"detectors": part, "fusion": {"threshold": 0.9}}
    assert load_config(_written(tmp_path, document)).profile("mine").fusion.threshold == 0.9


def _limit_pairs() -> list[tuple[str, str, str]]:
    sections = ((name, SCHEMA["$defs"][name]["properties"]) for name in SECTIONS)
    pairs = ((name, key, key.replace("min_", "max_"), keys) for name, keys in sections for key in keys)
    return [(name, low, high) for name, low, high, keys in pairs if low != high and high in keys]


@pytest.mark.parametrize(("section", "low", "high"), _limit_pairs())
def test_a_lower_limit_above_its_upper_limit_is_named(problems: Any, section: str, low: str, high: str) -> None:
    value = DOCUMENT[section][low]
    above = value + (1 if isinstance(value, int) else 1e-3)
    (problem,) = problems(_put(section, low, above), _put(section, high, value))
    assert problem.startswith(f"$.{section}.{low}: must be at most {high} (")
    (problem,) = problems(_put("profiles", "fast_scan", section, {low: above, high: value}))
    assert problem.startswith(f"$.profiles.fast_scan.{section}.{low}: must be at most {high} (")


@pytest.mark.parametrize(
    ("bands", "problem"),
    [
        ([_band(0, 5), _band(5, 5), _band(5, None)], "[1]: holds no size: it runs from 5 to 5 um"),
        ([_band(0, 5), _band(4, None)], "[1]: overlaps the band before it: both hold 4 um to 5 um"),
        ([_band(0, 5, last=True), _band(5, None)], "[1]: overlaps the band before it: both hold 5 um"),
        ([_band(0, 5), _band(5, None, first=False)], "[1]: no band holds 5 um"),
        ([_band(0, 5), _band(6, None)], "[1]: no band holds 5 um to 6 um"),
        ([_band(1, None)], "[0]: no band holds 0 um to 1 um"),
        ([_band(0, None, first=False)], "[0]: no band holds 0 um"),
        ([_band(0, 5)], "[0].max_um: must be null in the last band, got 5"),
        ([_band(0, None), _band(5, None)], "[1]: overlaps the band before it: both hold 5 um to inf um"),
        ([_band(0, 5), _band(5, 3), _band(3, None)], "[1].min_um: must be at most max_um (3), got 5"),
    ],
)
def test_bands_that_contradict_each_other_are_named(problems: Any, bands: list[Any], problem: str) -> None:
    def change(document: Any) -> None:
        _defects_in_b(document)[:] = bands

    assert problems(change) == (f"{CLASS}.zones[1].defects{problem}",)


edges = st.tuples(st.integers(0, 6), st.booleans())
random_bands = st.lists(
    st.builds(
        lambda low, high: SizeBand(low[0], low[1], high and high[0], bool(high and high[1]), None),
        edges,
        st.none() | edges,
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=150)
@given(bands=random_bands)
def test_bands_are_accepted_exactly_when_every_size_lies_in_one_of_them(bands: list[SizeBand]) -> None:
    probes = [0, *(edge + step for edge in range(7) for step in (0, 0.5)), 1e6]
    once = all(sum(band.holds(size) for band in bands) == 1 for size in probes)
    each = all(any(band.holds(size) for size in probes) for band in bands)
    starts = [(band.min_um, not band.min_inclusive) for band in bands]
    in_order = starts == sorted(starts)
    entries = [dataclasses.asdict(band) for band in bands]
    schema = {"$ref": "#/$defs/bands", "$defs": SCHEMA["$defs"]}
    assert checking._Validator(schema).is_valid(entries) == (once and each and in_order)


def _swap(document: Any) -> None:
    zones = _zones(document)
    zones[0]["zone"], zones[1]["zone"] = "B", "A"


def test_zones_must_come_in_order_and_without_gaps(problems: Any) -> None:
    rule = f"{CLASS}.zones: must be the zones A, B, C, D in this order without gaps, got "
    assert problems(_swap) == (rule + "B, A, C, D",)
    assert problems(lambda document: _zones(document).pop(1)) == (rule + "A, C, D",)


def test_leading_zones_alone_are_enough(tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT)
    del _zones(document)[2:]
    book = load_config(_written(tmp_path, document)).profile("fast_scan").criteria
    assert [zone.letter for zone in book.find("iec_61300_3_35_2015", "single_mode_upc").zones] == ["A", "B"]


@pytest.mark.parametrize(
    "outers",
    [
        [("fixed", 1, 0), ("fixed", 1, 115)],
        [("fixed", 1, 25), ("fixed", 1, 25)],
        [("fixed", 1, 25), ("fixed", 9, 20)],
        [("core", 1, 0), ("cladding", 1, 5), ("cladding", 1, -5)],
        [("core", 1, 0), ("cladding", 1, 5), ("cladding", 1, 5)],
    ],
)
def test_a_zone_must_be_larger_than_those_inside_it(problems: Any, outers: list[tuple[str, float, float]]) -> None:
    def change(document: Any) -> None:
        del _zones(document)[len(outers) :]
        for zone, (of, times, plus_um) in zip(_zones(document), outers, strict=True):
            zone["outer"] = {"of": of, "times": times, "plus_um": plus_um}

    (problem,) = problems(change)
    assert re.match(
        re.escape(CLASS) + r"\.zones\[[0-2]\]\.outer: must be larger than what lies inside it, got {", problem
    )


# --- all at once


def test_all_problems_of_a_file_are_reported_at_once(problems: Any) -> None:
    found = problems(
        _put("default_profile", "none_such"),
        _put("fusion", "treshold", 1),
        _drop("fusion", "threshold"),
        _put("detectors", "lei", "weight", 3),
        _put("profiles", "fast_scan", "residual", "harmonics", "three"),
        _put("criteria", "default_class", "nothing"),
        _swap,
        lambda document: _defects_in_b(document).pop(1),
        lambda document: _zones(document)[3].update(defects=[_band(-1, None)]),
    )
    assert [problem.partition(": ")[0] for problem in found] == [
        "$.criteria.default_class",
        f"{CLASS}.zones[1].defects[1]",
        f"{CLASS}.zones[3].defects[0].min_um",
        "$.default_profile",
        "$.detectors.lei.weight",
        "$.fusion.threshold",
        "$.fusion.treshold",
        "$.profiles.fast_scan.residual.harmonics",
    ]


Leaf = tuple[Any, ...]


def _leaves(value: Any, place: Leaf = ()) -> Iterator[Leaf]:
    """Places of everything that is no object or is a list under a key."""
    if not isinstance(value, dict) and not (place and isinstance(place[-1], int) and isinstance(value, list)):
        yield place
    for key, child in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _leaves(child, (*place, key))


ALL_LEAVES = [place for place in _leaves(DOCUMENT) if place != ("$schema",)]
LEAVES = st.sampled_from(ALL_LEAVES)
SETTINGS = [p for p in ALL_LEAVES if p[0] != "profiles" and isinstance(p[-1], str)]


def _shown(place: Leaf) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)


def _changed(place: Leaf, value: Any) -> dict[str, Any]:
    """A copy with one value replaced; only the way to it is copied."""

    def along(node: Any, steps: Leaf) -> Any:
        if not steps:
            return value
        items = dict(node) if isinstance(node, dict) else dict(enumerate(node))
        items[steps[0]] = along(items[steps[0]], steps[1:])
        return items if isinstance(node, dict) else list(items.values())

    return along(DOCUMENT, place)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("changed")


@settings(max_examples=30)
@given(place=st.sampled_from(SETTINGS))
def test_any_key_left_out_is_named(folder: Path, place: Leaf) -> None:
    document = copy.deepcopy(DOCUMENT)
    _drop(*place)(document)
    found = _problems_of(_written(folder, document))
    assert any(problem.startswith(f"config.json: {_shown(place)}: missing: ") for problem in found)


@settings(max_examples=30)
@given(place=LEAVES, wrong=st.sampled_from([{}, {"x": 1}, [[]], [{}], math.nan, math.inf]))
def test_any_value_of_the_wrong_kind_is_named(folder: Path, place: Leaf, wrong: object) -> None:
    found = _problems_of(_written(folder, _changed(place, wrong)))
    assert any(problem.startswith(f"config.json: {_shown(place)}") for problem in found)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
branches = st.sampled_from(sorted({place[:n] for place in ALL_LEAVES for n in range(len(place) + 1)}, key=str))


@settings(max_examples=30)
@given(place=branches, value=anything)
def test_whatever_stands_in_the_file_it_loads_or_its_problems_are_listed(
    folder: Path, place: Leaf, value: object
) -> None:
    path = _written(folder, _changed(place, value))
    for problem in _listed(path):
        assert re.match(r"config\.json: \$.*: ", problem)
        assert problem.isprintable()


@given(content=st.binary(max_size=60) | st.text(alphabet='{}[]",:0e-\\u$ \n', max_size=30).map(str.encode))
def test_whatever_the_bytes_a_wrong_file_is_one_users_error(folder: Path, content: bytes) -> None:
    path = folder / "bytes.json"
    path.write_bytes(content)
    _problems_of(path)


def test_reading_a_configuration_writes_nothing(tmp_path: Path) -> None:
    path = _written(tmp_path, DOCUMENT | {"fushion": {}})
    before = path.read_bytes()
    _problems_of(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["config.json"]
    assert path.read_bytes() == before
