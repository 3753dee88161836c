"""What is wrong in a configuration is named with its place, all at once, and nothing else is raised."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dscope_blink.config import checking
from dscope_blink.config.loading import load_config
from dscope_blink.records import SEVERITIES, ConfigError, SizeBand
from tests.builders.configurations import (
    DOCUMENT,
    SCHEMA,
    SECTIONS,
    Change,
    band,
    problems_of,
    put,
    written,
)

CLASS = "$.criteria.editions.iec_61300_3_35_2015.classes.single_mode_upc"


def listed(path: Path) -> tuple[str, ...]:
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
        return tuple(line.removeprefix("config.json: ") for line in problems_of(written(tmp_path, document)))

    return after


def drop(*place: str) -> Change:
    *keys, last = place

    def change(document: Any) -> None:
        for key in keys:
            document = document[key]
        del document[last]

    return change


def zones_in(document: Any) -> Any:
    return document["criteria"]["editions"]["iec_61300_3_35_2015"]["classes"]["single_mode_upc"]["zones"]


def _defects_in_b(document: Any) -> Any:
    return zones_in(document)[1]["defects"]


# --- single values


def test_a_text_that_is_too_long_is_told_in_the_words_of_the_others(problems: Callable[..., tuple[str, ...]]) -> None:
    (line,) = problems(put("signing", "operator", "A" * 201))
    assert line.startswith("$.signing.operator: must be a text of at most 200 characters, got ")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (put("detectors", "lei", "weight", 3), "$.detectors.lei.weight: must be at most 1, got 3"),
        (put("fusion", "treshold", 1), '$.fusion.treshold: unknown key, did you mean "threshold"?'),
        (
            put("detectors", "leii", DOCUMENT["detectors"]["lei"]),
            '$.detectors.leii: unknown detector, neither shipped nor of an installed package, did you mean "lei"?',
        ),
        (
            put("fiber_structures", "panda", "regions", 0, "shape", "star"),
            '$.fiber_structures.panda.regions[0].shape: must be one of "disc", '
            '"square", "hexagon", "octagon", got "star"',
        ),
        (
            put("fiber_structures", "panda", "regions", []),
            "$.fiber_structures.panda.regions: must be a list that is not empty, got []",
        ),
        (
            put("gates", "blocks", "kinds", "big", "aspect", [4.0, 1.5]),
            "$.gates.blocks.kinds.big.aspect: must be the least and then the most, got [4.0, 1.5]",
        ),
        (
            put("gates", "blocks", "kinds", "big", "aspect", [4.0]),
            "$.gates.blocks.kinds.big.aspect: must be a list of at least 2, got [4.0]",
        ),
        (put("fushion", {}), '$.fushion: unknown key, did you mean "fusion"?'),
        (put("odd key", 1), '$["odd key"]: unknown key'),
        (put("fusion", "threshold", "1"), '$.fusion.threshold: must be a number, got "1"'),
        (put("fusion", "threshold", 0), "$.fusion.threshold: must be greater than 0, got 0"),
        (put("fusion", 7), "$.fusion: must be an object, got 7"),
        (put("localization", "max_seeds", 5.0), "$.localization.max_seeds: must be a whole number, got 5.0"),
        (put("reporting", "plots", 1), "$.reporting.plots: must be true or false, got 1"),
        (put("scale", "assume_cladding_um", True), "$.scale.assume_cladding_um: must be a number or null, got true"),
        (put("detectors", "do2mr", "kernel_px", 4), "$.detectors.do2mr.kernel_px: must be odd, got 4"),
        (put("detectors", "black_hat", "kernels_px", [9, 20]),
         "$.detectors.black_hat.kernels_px[1]: must be odd, got 20"),
        (put("detectors", "lei", "lengths_px", ["16"]),
         "$.detectors.lei.lengths_px[0]: must be one of 4, 8, 16, 32, 64, got \"16\""),
        (put("detectors", "lei", "lengths_px", []),
         "$.detectors.lei.lengths_px: must be a list that is not empty, got []"),
        (put("profiles", "fast_scan", "fusion", "threshold", -1),
         "$.profiles.fast_scan.fusion.threshold: must be greater than 0, got -1"),
        (put("profiles", "fast_scan", "fusion", "treshold", 1),
         '$.profiles.fast_scan.fusion.treshold: unknown key, did you mean "threshold"?'),
        (put("profiles", "fast_scan", "criteria", "editions", {}),
         "$.profiles.fast_scan.criteria.editions: unknown key"),
        (put("profiles", "fast_scan", None), "$.profiles.fast_scan: must be an object, got null"),
        (put("profiles", "../x", {}),
         '$.profiles: must be letters, digits, ".", "_" and "-", the first a letter or digit, got "../x"'),
        (put("criteria", "editions", {}), "$.criteria.editions: must be an object that is not empty, got {}"),
        (put("preprocessing", "flat_field_image", "a\nb"),
         '$.preprocessing.flat_field_image: must hold no control characters, got "a\\nb"'),
        (put("fusion", "threshold", "x" * 500), f'$.fusion.threshold: must be a number, got "{"x" * 39}...'),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_place(problems: Any, change: Change, problem: str) -> None:
    assert problems(change) == (problem,)


def test_a_wrong_word_is_answered_with_the_right_ones(problems: Any) -> None:
    rule = problems(lambda document: zones_in(document)[0]["outer"].update(of="clading"))
    words = '"fixed", "core", "cladding", got "clading", did you mean "cladding"?'
    assert rule == (f"{CLASS}.zones[0].outer.of: must be one of {words}",)


def test_a_missing_key_is_explained(problems: Any) -> None:
    meaning = SCHEMA["$defs"]["fusion"]["properties"]["threshold"]["description"]
    assert problems(drop("fusion", "threshold")) == (f"$.fusion.threshold: missing: {meaning}",)


@pytest.mark.parametrize("place", ["criteria", "profiles", "detectors", "residual", "default_profile"])
def test_a_missing_section_is_one_problem(problems: Any, place: str) -> None:
    (problem,) = problems(drop(place))
    assert problem.startswith(f"$.{place}: missing: ")


@pytest.mark.parametrize("name", ["fast_scan", "deep_inspection"])
def test_both_profiles_must_be_there(problems: Any, name: str) -> None:
    found = problems(drop("profiles", name))
    assert any(problem.startswith(f"$.profiles.{name}: missing: ") for problem in found)


# --- values that are wrong together


def test_a_default_that_is_not_there_is_named(problems: Any) -> None:
    (problem,) = problems(put("default_profile", "fast"))
    assert problem.startswith(
        '$.default_profile: must be one of "deep_inspection", "fast_scan", "published", got "fast"'
    )
    (problem,) = problems(put("criteria", "default_edition", "iec"))
    choices = '"iec_61300_3_35_2009", "iec_61300_3_35_2015"'
    assert problem == f'$.criteria.default_edition: must be one of {choices}, got "iec"'
    (problem,) = problems(put("criteria", "default_class", "multi_mode"))
    assert problem.startswith("$.criteria.default_class: must be one of ")
    assert problem.endswith('got "multi_mode", did you mean "multimode"?')


def test_a_default_that_a_profile_makes_wrong_is_named_in_the_profile(problems: Any) -> None:
    (own,) = problems(put("profiles", "fast_scan", "criteria", "default_class", "nothing"))
    assert own.startswith("$.profiles.fast_scan.criteria.default_class: must be one of ")
    changes = (
        put("criteria", "default_class", "multimode"),
        put("profiles", "fast_scan", "criteria", "default_edition", "iec_61300_3_35_2009"),
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
    sum_of_all = 0.05 * sum(detector["enabled"] for detector in DOCUMENT["detectors"].values())
    assert base.startswith(
        f"$.fusion.threshold: must be at most {sum_of_all:g}, the sum of the weights of the enabled detectors, got "
    )
    off = {name: {"enabled": False} for name in DOCUMENT["detectors"]}
    (blind,) = problems(put("profiles", "deep_inspection", "detectors", off))
    assert blind.startswith(
        "$.profiles.deep_inspection: makes $.fusion.threshold wrong: must be at most 0, the sum of "
    )


def test_a_threshold_of_exactly_the_sum_of_the_weights_can_be_reached(tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT)
    weights = dict.fromkeys(DOCUMENT["detectors"], 0.0) | {"lei": 0.7, "black_hat": 0.2}
    part = {name: {"enabled": True, "weight": weight} for name, weight in weights.items()}
    document["profiles"]["mine"] = {"detectors": part, "fusion": {"threshold": 0.9}}
    assert load_config(written(tmp_path, document)).profile("mine").fusion.threshold == 0.9


def _limit_pairs() -> list[tuple[str, str, str]]:
    sections = ((name, SCHEMA["$defs"][name]["properties"]) for name in SECTIONS)
    pairs = ((name, key, key.replace("min_", "max_"), keys) for name, keys in sections for key in keys)
    return [(name, low, high) for name, low, high, keys in pairs if low != high and high in keys]


@pytest.mark.parametrize(("section", "low", "high"), _limit_pairs())
def test_a_lower_limit_above_its_upper_limit_is_named(problems: Any, section: str, low: str, high: str) -> None:
    value = DOCUMENT[section][low]
    above = value + (1 if isinstance(value, int) else 1e-3)
    (problem,) = problems(put(section, low, above), put(section, high, value))
    assert problem.startswith(f"$.{section}.{low}: must be at most {high} (")
    (problem,) = problems(put("profiles", "fast_scan", section, {low: above, high: value}))
    assert problem.startswith(f"$.profiles.fast_scan.{section}.{low}: must be at most {high} (")


@pytest.mark.parametrize(
    ("bands", "problem"),
    [
        ([band(0, 5), band(5, 5), band(5, None)], "[1]: holds no size: it runs from 5 to 5 um"),
        ([band(0, 5), band(4, None)], "[1]: overlaps the band before it: both hold 4 um to 5 um"),
        ([band(0, 5, last=True), band(5, None)], "[1]: overlaps the band before it: both hold 5 um"),
        ([band(0, 5), band(5, None, first=False)], "[1]: no band holds 5 um"),
        ([band(0, 5), band(6, None)], "[1]: no band holds 5 um to 6 um"),
        ([band(1, None)], "[0]: no band holds 0 um to 1 um"),
        ([band(0, None, first=False)], "[0]: no band holds 0 um"),
        ([band(0, 5)], "[0].max_um: must be null in the last band, got 5"),
        ([band(0, None), band(5, None)], "[1]: overlaps the band before it: both hold 5 um to inf um"),
        ([band(0, 5), band(5, 3), band(3, None)], "[1].min_um: must be at most max_um (3), got 5"),
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


def row(severity: str, below_um: float | None = None, types: Any = ("crack",), zones: Any = ("core",)) -> Any:
    return {"types": list(types), "zones": list(zones), "below_um": below_um, "severity": severity}


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([row("MEDIUM", 5), row("LOW")],
         "[1].severity: must be at least MEDIUM, as smaller marks are (crack in core), got LOW"),
        ([row("LOW", 5), row("HIGH", 9)],
         "[1].below_um: must be null in the last row of crack in core, or larger marks are LOW, got 9"),
        ([row("LOW"), row("HIGH")], "[1]: is for no mark: rows above it hold them all"),
        ([row("LOW", 5), row("LOW", 5, ["crack", "crack"])],
         '[1].types: must be a list without repetition, got ["crack", "crack"]'),
        ([row("SEVERE")], '[0].severity: must be one of "CRITICAL", "HIGH", "MEDIUM", "LOW", "NEGLIGIBLE", '
         'got "SEVERE"'),
        ([row("NEGLIGIBLE", 0)], "[0].below_um: must be greater than 0, got 0"),
        ([row("LOW", zones=[])], "[0].zones: must be a list that is not empty, got []"),
    ],
)  # fmt: skip
def test_a_table_of_severities_that_cannot_be_is_named(problems: Any, rows: list[Any], problem: str) -> None:
    assert problems(put("severity", "table", rows)) == (f"$.severity.table{problem}",)


@pytest.mark.parametrize("rows", [[], [row("NEGLIGIBLE", 2), row("LOW", 3), row("HIGH")], [row("NEGLIGIBLE")]])
def test_other_tables_of_severities_are_accepted(tmp_path: Path, rows: list[Any]) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["severity"]["table"] = rows
    table = load_config(written(tmp_path, document)).profile("fast_scan").severity.table
    assert [(row.below_um, row.severity) for row in table] == [(row["below_um"], row["severity"]) for row in rows]


some_types, some_zones = (
    st.lists(st.sampled_from(names), min_size=1, unique=True) for names in (["crack", "chip"], ["core", "contact"])
)
random_rows = st.lists(
    st.builds(row, st.sampled_from(SEVERITIES), st.none() | st.integers(1, 4), some_types, some_zones), max_size=4
)


@settings(max_examples=150)
@given(rows=random_rows)
def test_severities_are_accepted_exactly_when_they_never_fall_and_each_row_is_met(rows: list[Any]) -> None:
    met: set[int] = set()
    rising = True
    for kind, zone in itertools.product(["crack", "chip"], ["core", "contact"]):
        ranks = []
        for size_um in (0, 1, 2, 3, 4, 99):
            fitting = [
                (i, SEVERITIES.index(r["severity"]))
                for i, r in enumerate(rows)
                if kind in r["types"] and zone in r["zones"] and (r["below_um"] is None or size_um < r["below_um"])
            ]
            met |= {i for i, _ in fitting[:1]}
            ranks.append(fitting[0][1] if fitting else SEVERITIES.index("LOW"))
        rising = rising and ranks == sorted(ranks, reverse=True)
    schema = SCHEMA["$defs"]["severity"]["properties"]["table"] | {"$defs": SCHEMA["$defs"]}
    assert checking._Validator(schema).is_valid(rows) == (rising and len(met) == len(rows))


def _swap(document: Any) -> None:
    zones = zones_in(document)
    zones[0]["zone"], zones[1]["zone"] = "B", "A"


def test_zones_must_come_in_order_and_without_gaps(problems: Any) -> None:
    rule = f"{CLASS}.zones: must be the zones A, B, C, D in this order without gaps, got "
    assert problems(_swap) == (rule + "B, A, C, D",)
    assert problems(lambda document: zones_in(document).pop(1)) == (rule + "A, C, D",)


def test_leading_zones_alone_are_enough(tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT)
    del zones_in(document)[2:]
    book = load_config(written(tmp_path, document)).profile("fast_scan").criteria
    assert [zone.zone for zone in book.find("iec_61300_3_35_2015", "single_mode_upc").zones] == ["A", "B"]


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
        del zones_in(document)[len(outers) :]
        for zone, (of, times, plus_um) in zip(zones_in(document), outers, strict=True):
            zone["outer"] = {"of": of, "times": times, "plus_um": plus_um}

    (problem,) = problems(change)
    assert re.match(
        re.escape(CLASS) + r"\.zones\[[0-2]\]\.outer: must be larger than what lies inside it, got {", problem
    )


# --- all at once


def test_all_problems_of_a_file_are_reported_at_once(problems: Any) -> None:
    found = problems(
        put("default_profile", "none_such"),
        put("fusion", "treshold", 1),
        drop("fusion", "threshold"),
        put("detectors", "lei", "weight", 3),
        put("profiles", "fast_scan", "residual", "harmonics", "three"),
        put("criteria", "default_class", "nothing"),
        _swap,
        lambda document: _defects_in_b(document).pop(1),
        lambda document: zones_in(document)[3].update(defects=[band(-1, None)]),
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
OPEN = {"type_names", "tolerance", "exceptions", "missing_allowed"}  # mappings whose keys are the user's own
SETTINGS = [p for p in ALL_LEAVES if p[0] != "profiles" and isinstance(p[-1], str) and not {*p[:-1]} & OPEN]


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
    drop(*place)(document)
    found = problems_of(written(folder, document))
    assert any(problem.startswith(f"config.json: {_shown(place)}: missing: ") for problem in found)


@settings(max_examples=30)
@given(place=LEAVES, wrong=st.sampled_from([{}, {"x": 1}, [[]], [{}], math.nan, math.inf]))
def test_any_value_of_the_wrong_kind_is_named(folder: Path, place: Leaf, wrong: object) -> None:
    found = problems_of(written(folder, _changed(place, wrong)))
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
    path = written(folder, _changed(place, value))
    for problem in listed(path):
        assert re.match(r"config\.json: \$.*: ", problem)
        assert problem.isprintable()
