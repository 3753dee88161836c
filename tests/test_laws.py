"""Laws that every verdict keeps, whatever the criteria and the marks; doubt against trying out all that may be."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dscope_blink.analysis.gradability import limited_zones
from dscope_blink.analysis.judging import Judgement, grade, judge, not_graded, placed
from dscope_blink.analysis.zoning import zone_outlines
from dscope_blink.batch.regrading import Asked, Stored, judged_again
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import ConfigFile, CriteriaBook, SeverityRow
from dscope_blink.records import (
    CLASSIFICATIONS,
    JUDGED,
    SEVERITIES,
    ZONE_LETTERS,
    ZONE_NAMES,
    Clipping,
    Criteria,
    Defect,
    Ellipse,
    ImageInfo,
    Inspection,
    Notice,
    Provenance,
    Quality,
    Request,
    Scale,
    ZoneOutline,
    as_recorded,
    criteria_from,
)
from dscope_blink.records.stored import BadRecord, read_record, to_json
from tests.builders.faces import face_with, measured_core
from tests.builders.inspections import CENTER, HEIGHT, NO_SCALE, WIDTH, mark
from tests.builders.settings import CONFIG_FILE, SETTINGS

Json = dict[str, Any]

CONFIG = SETTINGS.profile("deep_inspection")
ALL_ZONES = tuple(ZONE_NAMES.values())
EDITION, FIBER_CLASS = "company", "rule"
BOUNDS_UM = (1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 20.0)
CLADDING_UM = 125.0

some = settings(max_examples=60)
many = settings(max_examples=100)

# --- any criteria that the program accepts, in the form of config.json


# A strategy that is made anew within another costs as much as what it draws; so those of one form are made once.
some_bounds = st.lists(st.sampled_from(BOUNDS_UM), max_size=3, unique=True).map(sorted)
counts_of = [st.lists(st.sampled_from([None, 3, 2, 1, 0]), min_size=n + 1, max_size=n + 1) for n in range(4)]
sides_of = [st.lists(st.booleans(), min_size=n, max_size=n) for n in range(4)]
mostly = st.sampled_from([True, True, True, False])
yes_or_no = st.booleans()
some_measure = st.sampled_from(["width", "length", "diameter"])
how_many_zones = st.integers(1, 4)
zone_rules = st.sampled_from(["touched", "centroid"])
some_kinds = st.lists(st.sampled_from(CLASSIFICATIONS), min_size=1, max_size=2, unique=True)


@st.composite
def band_lists(draw: st.DrawFn, most_counted: int | None = None) -> list[Json]:
    """Bands from 0 to any size without gaps, larger marks never allowed more often; empty: no limit."""
    bounds = draw(some_bounds)
    counts = draw(counts_of[len(bounds)])
    counts.sort(key=lambda count: -99 if count is None else -count)
    if most_counted is not None:
        counts = [count if i <= most_counted else 0 for i, count in _numbered(counts)]
    belongs_below = draw(sides_of[len(bounds)])
    lows = [(0.0, True), *[(bound, not below) for bound, below in zip(bounds, belongs_below, strict=True)]]
    highs = [*zip(bounds, belongs_below, strict=True), (None, False)]
    bands = [
        dict(
            zip(("min_um", "min_inclusive", "max_um", "max_inclusive", "max_count"), (*low, *high, count), strict=True)
        )
        for low, high, count in zip(lows, highs, counts, strict=True)
    ]
    return bands if draw(mostly) else []


any_bands = {most: band_lists(most) for most in (None, 1)}


def _numbered(counts: Sequence[int | None]) -> list[tuple[int, int | None]]:
    """Each count with how many of those so far count marks."""
    return list(zip(itertools.accumulate(bool(count) for count in counts), counts, strict=True))


FIXED = [{"of": "fixed", "times": 1.0, "plus_um": diameter} for diameter in (25.0, 115.0, 135.0, 250.0)]
OF_THE_FIBER = [
    {"of": "core", "times": 1.0, "plus_um": 0.0},
    {"of": "cladding", "times": 1.0, "plus_um": -10.0},
    {"of": "cladding", "times": 1.0, "plus_um": 10.0},
    {"of": "cladding", "times": 2.0, "plus_um": 0.0},
]
fixed_or_not = st.sampled_from([FIXED, OF_THE_FIBER])


@st.composite
def rules(draw: st.DrawFn, most_counted: int | None = None) -> Json:
    """A class as config.json has it."""
    outer = draw(fixed_or_not)[: draw(how_many_zones)]
    bands = any_bands[most_counted]
    return {
        "title": "Any rule",
        "source": "hypothesis",
        "confirmed": draw(yes_or_no),
        "scratch_classes": draw(some_kinds),
        "size_by": {"scratches": draw(some_measure), "defects": draw(some_measure)},
        "zone_rule": draw(zone_rules),
        "zones": [
            {"zone": letter, "outer": where, "scratches": draw(bands), "defects": draw(bands)}
            for letter, where in zip(ZONE_LETTERS, outer, strict=False)
        ],
    }


def criteria_of(rule: Json) -> Criteria:
    return criteria_from(EDITION, FIBER_CLASS, rule["title"], rule)


criteria = rules().map(criteria_of)


@settings(max_examples=4)
@given(rule=rules())
def test_the_criteria_of_these_laws_are_ones_that_the_program_accepts(rule: Json, tmp_path_factory: Any):
    document = json.loads(CONFIG_FILE.read_text(encoding="utf-8"))
    document["criteria"]["editions"][EDITION] = {"title": "Company", "classes": {FIBER_CLASS: rule}}
    path = tmp_path_factory.mktemp("rule") / "config.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    accepted = load_config(path).profile("deep_inspection").criteria.find(EDITION, FIBER_CLASS)
    assert replace(accepted, title=rule["title"]) == criteria_of(rule)


# --- any marks, on a face of known places

CLADDING_PX = 250.0


def outlines_of(table: Criteria, cladding_px: float = CLADDING_PX) -> tuple[ZoneOutline, ...]:
    request = Request(EDITION, FIBER_CLASS, 50.0, CLADDING_UM)
    scale = Scale(CLADDING_UM / cladding_px, CLADDING_UM / cladding_px, "user_cladding")
    return zone_outlines(geometry_of(cladding_px), table, request, scale)


def geometry_of(cladding_px: float) -> Any:
    cladding = Ellipse(CENTER, (cladding_px, cladding_px), 0.0)
    return face_with(cladding, measured_core(cladding.scaled(50.0 / CLADDING_UM))).placed()


near_a_bound = st.sampled_from([0.4, *(b + step for b in BOUNDS_UM for step in (-0.5, -0.01, 0.0, 0.01, 0.5)), 31.0])
near_a_border = st.sampled_from(
    [r + step for r in (25.0, 50.0, 115.0, 125.0, 135.0, 250.0) for step in (-4.0, -0.3, 0, 0.3, 4.0)]
)
unsure_um = st.sampled_from([0.0, 0.0, 0.005, 0.3, 0.5, 1.2, 4.0])
unsure_px = st.sampled_from([0.0, 0.0, 0.1, 0.5, 3.0, 12.0])
MEASURES = ("width_um", "length_um", "diameter_um")


any_kind = st.sampled_from([mark("X1", kind, (0, 0), 10) for kind in CLASSIFICATIONS])
any_extent = st.sampled_from([0.0, 0.5, 6.0])
off_core = st.sampled_from([-0.4, 0.0, 0.4])


@st.composite
def any_mark(draw: st.DrawFn) -> Defect:
    """A mark of any kind and size anywhere, as a record gives it back."""
    near = draw(near_a_border)
    extent = draw(any_extent)
    sizes: dict[str, Any] = {name: draw(near_a_bound) for name in MEASURES}
    unsure = {name: draw(unsure_um) for name in MEASURES} | {"r_min_px": draw(unsure_px)}
    anywhere = replace(
        draw(any_kind),
        centroid_px=(CENTER[0] + near + extent, CENTER[1]),
        r_min_px=near,
        r_max_px=near + 2 * extent,
        r_core_px=near + draw(off_core),
        uncertainty=unsure,
        **sizes,
    )
    return as_recorded(anywhere, *JUDGED)


def any_marks(most: int, least: int = 0) -> st.SearchStrategy[list[Defect]]:
    marks = st.lists(any_mark(), min_size=least, max_size=most)
    return marks.map(lambda found: [replace(d, id=f"X{k}") for k, d in enumerate(found)])


some_zones = st.lists(st.sampled_from(ALL_ZONES), min_size=1, unique=True).map(
    lambda names: tuple(name for name in ALL_ZONES if name in names)
)


def judged(
    marks: Sequence[Defect],
    table: Criteria,
    zones: Sequence[str] = ALL_ZONES,
    severities: Sequence[SeverityRow] = (),
) -> Judgement:
    outlines = outlines_of(table)
    return judge(placed(marks, outlines, table, zones), table, zones, outlines, table=severities)


def measured_by(defect: Defect, table: Criteria) -> str:
    """Name of the size that decides for the mark."""
    by_width = defect.classification in table.scratch_classes
    return f"{table.size_by.scratches if by_width else table.size_by.defects}_um"


def resized(defect: Defect, table: Criteria, size_um: float) -> Defect:
    changes: dict[str, Any] = {measured_by(defect, table): size_um}
    return replace(defect, **changes)


# --- how severe marks are, by any table

some_sizes = st.lists(st.sampled_from(BOUNDS_UM), max_size=2, unique=True).map(sorted)
some_severities = st.lists(st.sampled_from(SEVERITIES), min_size=3, max_size=3).map(
    lambda names: sorted(names, key=SEVERITIES.index, reverse=True)
)
some_types = st.lists(st.sampled_from(CLASSIFICATIONS), min_size=1, unique=True).map(tuple)


@st.composite
def severity_tables(draw: st.DrawFn) -> tuple[SeverityRow, ...]:
    """The table that ships, or one in which larger marks of some types in some zones are no less severe."""
    if draw(yes_or_no):
        return CONFIG.severity.table
    types, zones, sizes = draw(some_types), draw(some_zones), [*draw(some_sizes), None]
    return tuple(SeverityRow(types, zones, *row) for row in zip(sizes, draw(some_severities), strict=False))


any_table = severity_tables()


@many
@given(table=criteria, marks=any_marks(8), severities=any_table)
def test_the_verdict_never_depends_on_the_table_of_severities(
    table: Criteria, marks: list[Defect], severities: tuple[SeverityRow, ...]
):
    plain, told = judged(marks, table), judged(marks, table, severities=severities)
    assert told.verdict == plain.verdict
    assert [replace(d, severity="LOW") for d in told.defects] == [replace(d, severity="LOW") for d in plain.defects]
    limited = [(d, s) for d, s in zip(told.defects, plain.defects, strict=True) if s.severity != "LOW"]
    assert all(SEVERITIES.index(d.severity) <= SEVERITIES.index(s.severity) for d, s in limited)


@many
@given(table=criteria, marks=any_marks(8), severities=any_table)
def test_a_mark_that_any_doubt_names_is_not_negligible(
    table: Criteria, marks: list[Defect], severities: tuple[SeverityRow, ...]
):
    judgement = judged(marks, table, severities=severities)
    negligible = [d for d in judgement.defects if d.severity == "NEGLIGIBLE"]
    assert not any(d.counted for d in negligible)
    assert not any(f" {d.id} of " in doubt for d in negligible for doubt in judgement.verdict.doubts)
    left = [d for d in marks if d.id not in {d.id for d in negligible}]
    assert judged(left, table, severities=severities).verdict.status == judgement.verdict.status


@many
@given(
    table=rules(most_counted=1).map(criteria_of),
    marks=any_marks(6, 1),
    larger_um=st.floats(0.0, 30.0),
    severities=any_table,
)
def test_a_mark_that_grows_is_never_less_severe(
    table: Criteria, marks: list[Defect], larger_um: float, severities: tuple[SeverityRow, ...]
):
    first, *others = marks
    larger = resized(first, table, getattr(first, measured_by(first, table)) + larger_um)
    before, after = (judged([one, *others], table, severities=severities).defects for one in (first, larger))
    ranks = [SEVERITIES.index(d.severity) for found in (before, after) for d in found if d.id == first.id]
    assert ranks == sorted(ranks, reverse=True)


# --- more, larger, in another order


@some
@given(table=criteria, marks=any_marks(8), another=any_mark())
def test_one_more_mark_never_mends_a_broken_rule(table: Criteria, marks: list[Defect], another: Defect):
    before = {(v.zone, v.rule) for v in judged(marks, table).verdict.violations}
    after = {(v.zone, v.rule) for v in judged([*marks, replace(another, id="new")], table).verdict.violations}
    assert before <= after


@many
@given(table=criteria, one=any_mark(), larger_um=st.floats(0.0, 30.0))
def test_a_larger_mark_alone_never_passes_where_a_smaller_one_failed(table: Criteria, one: Defect, larger_um: float):
    larger = resized(one, table, getattr(one, measured_by(one, table)) + larger_um)
    assert not (judged([one], table).verdict.status == "FAIL" and judged([larger], table).verdict.status == "PASS")


@many
@given(table=rules(most_counted=1).map(criteria_of), marks=any_marks(6, 1), larger_um=st.floats(0.0, 30.0))
def test_where_one_band_counts_a_mark_that_grows_never_mends_a_face(
    table: Criteria, marks: list[Defect], larger_um: float
):
    first, *others = marks
    larger = resized(first, table, getattr(first, measured_by(first, table)) + larger_um)
    assert not (
        judged(marks, table).verdict.status == "FAIL" and judged([larger, *others], table).verdict.status == "PASS"
    )


@some
@given(table=criteria, marks=any_marks(8), seed=st.integers(0, 2**32))
def test_the_order_of_the_marks_does_not_matter(table: Criteria, marks: list[Defect], seed: int):
    shuffled = random.Random(seed).sample(marks, len(marks))
    assert in_any_order(judged(shuffled, table)) == in_any_order(judged(marks, table))


def in_any_order(judgement: Judgement) -> Json:
    """All that a judgement says, the marks sorted wherever they are listed."""
    verdict = judgement.verdict
    return {
        "status": verdict.status,
        "violations": [(v.zone, v.rule, v.allowed, sorted(v.defects)) for v in verdict.violations],
        "checks": [replace(check, defects=tuple(sorted(check.defects))) for check in verdict.checks],
        "closest": verdict.closest and replace(verdict.closest, defects=()),
        "doubts": [text.partition(": [")[0].partition(" may ")[0] for text in verdict.doubts],
        "marks": {d.id: (d.zone, d.counted, d.severity) for d in judgement.defects},
    }


@some
@given(table=criteria, marks=any_marks(8), zones=some_zones)
def test_a_face_fails_just_when_a_mark_is_to_blame(table: Criteria, marks: list[Defect], zones: tuple[str, ...]):
    judgement = judged(marks, table, zones)
    verdict = judgement.verdict
    blamed = {d.id for d in judgement.defects if d.severity in ("CRITICAL", "HIGH")}
    assert blamed == {name for v in verdict.violations for name in v.defects}
    assert (verdict.status == "FAIL") == bool(blamed) == any(check.broken for check in verdict.checks)
    assert {d.id for d in judgement.defects if d.counted} == {name for c in verdict.checks for name in c.defects}
    assert {d.id for d in judgement.defects if d.severity != "LOW"} == {d.id for d in judgement.defects if d.counted}


@many
@given(table=criteria, marks=any_marks(6))
def test_the_mark_that_decides_breaks_its_limit_by_growing_past_it(table: Criteria, marks: list[Defect]):
    """`size_um` of a check is the largest that may still grow into its band before the limit is broken."""
    for check in judged(marks, table).verdict.checks:
        assert check.broken == (check.count > check.max_count) == (len(check.defects) > check.max_count)
        if check.broken:
            assert check.size_um is not None
            assert check.size_um >= check.limit_um
        elif check.size_um is not None:
            assert check.size_um <= check.limit_um
        assert (check.margin_um is None) == (check.size_um is None)


# --- doubt: all that the sizes and places may be, tried one by one

Place = tuple[str, str, int]  # zone, kind and number of the band


def band_numbers(bands: Sequence[Any], low_um: float, high_um: float) -> set[int]:
    """Numbers of the bands that hold some size from `low_um` to `high_um`: the ends, each bound and between them."""
    inside = {b for band in bands for b in (band.min_um, band.max_um) if b is not None and low_um <= b <= high_um}
    tried = sorted({low_um, high_um, *inside})
    tried += [(a + b) / 2 for a, b in pairwise(tried)]
    return {next(i for i, band in enumerate(bands) if band.holds(size)) for size in tried}


def zones_of(defect: Defect, outlines: Sequence[ZoneOutline], rule: str) -> set[str | None]:
    """Every zone that the mark is in when it is moved by as much as its place is unsure, just past every border."""
    unsure = defect.uncertainty["r_min_px"]
    radii = [o.radius_px for o in outlines]
    nearest = [(defect.r_core_px or 0.0) if o.around == "core" else defect.r_min_px for o in outlines]
    centroid = [round(defect.centroid_px[0] - CENTER[0], 3)] * len(radii)
    crossings = [r - at for places in (nearest, centroid) for r, at in zip(radii, places, strict=True)]
    shifts = {0.0, -unsure, unsure, *(s + step for s in crossings for step in (-1e-6, 1e-6) if abs(s + step) <= unsure)}
    return {_zone(nearest, centroid, shift, outlines, rule) for shift in shifts}


def _zone(
    nearest: Sequence[float], centroid: Sequence[float], shift: float, outlines: Sequence[ZoneOutline], rule: str
) -> str | None:
    touched, inside = (
        [o.name for at, o in zip(places, outlines, strict=True) if at + shift <= o.radius_px]
        for places in (nearest, centroid)
    )
    if not touched:
        return None
    return touched[0] if rule == "touched" else (*inside, outlines[-1].name)[0]


def outcomes(defect: Defect, table: Criteria, zones: Sequence[str], outlines: Sequence[ZoneOutline]) -> set[Any]:
    """Where the mark may count; None: nowhere."""
    name = measured_by(defect, table)
    size, unsure = getattr(defect, name), defect.uncertainty[name]
    kind = "scratches" if defect.classification in table.scratch_classes else "defects"
    by_name = {zone.name: zone for zone in table.zones}
    found: set[Place | None] = set()
    for zone in zones_of(defect, outlines, table.zone_rule):
        bands = getattr(by_name[zone], kind) if zone in zones and zone in by_name else ()
        numbers = band_numbers(bands, max(size - unsure, 0.0), size + unsure) if bands else ()
        found |= {(zone, kind, i) for i in numbers if zone is not None} if bands else {None}
    return {place if place is None or _limit(place, table) is not None else None for place in found}


def _limit(place: Place, table: Criteria) -> int | None:
    zone, kind, number = place
    (criteria_of_zone,) = (z for z in table.zones if z.name == zone)
    limit: int | None = getattr(criteria_of_zone, kind)[number].max_count
    return limit


def broken_by(combination: Sequence[Place | None], table: Criteria) -> set[Place]:
    counts = Counter(place for place in combination if place is not None)
    return {place for place, count in counts.items() if count > (_limit(place, table) or 0)}


@settings(max_examples=200)
@given(table=criteria, marks=any_marks(4, 1), zones=st.just(ALL_ZONES) | some_zones)
def test_a_verdict_is_marginal_just_when_some_sizes_and_places_would_change_it(
    table: Criteria, marks: list[Defect], zones: tuple[str, ...]
):
    outlines = outlines_of(table)
    found = placed(marks, outlines, table, zones)
    verdict = judge(found, table, zones, outlines).verdict
    combinations = list(itertools.product(*(outcomes(d, table, zones, outlines) for d in found)))
    broken = [broken_by(combination, table) for combination in combinations]
    if verdict.status == "FAIL":
        assert bool(verdict.doubts) == (not all(broken))
        assert len(verdict.doubts) in (0, len(verdict.violations))
    else:
        assert len(verdict.doubts) == len(set().union(*broken))
    assert all(
        text.startswith(tuple(f"Zone {c.zone}: {c.rule} may " for c in verdict.checks)) for text in verdict.doubts
    )


@many
@given(table=criteria, marks=any_marks(8), zones=some_zones)
def test_with_nothing_unsure_no_verdict_is_marginal(table: Criteria, marks: list[Defect], zones: tuple[str, ...]):
    sure = [replace(d, uncertainty=dict.fromkeys(d.uncertainty, 0.0)) for d in marks]
    assert judged(sure, table, zones).verdict.doubts == ()
    assert judged([replace(d, uncertainty={}) for d in marks], table, zones).verdict.doubts == ()


@many
@given(table=criteria, marks=any_marks(6))
def test_marks_farther_from_every_bound_and_border_than_they_are_unsure_are_not_marginal(
    table: Criteria, marks: list[Defect]
):
    outlines = outlines_of(table)
    clear = [replace(d, uncertainty=_just_clear(d, table, outlines)) for d in marks]
    assert judged(clear, table).verdict.doubts == ()


def _just_clear(defect: Defect, table: Criteria, outlines: Sequence[ZoneOutline]) -> Mapping[str, float]:
    """Nearly all of the way from the mark to the nearest bound of any list, and to the nearest border."""
    name = measured_by(defect, table)
    size_um = getattr(defect, name)
    center_px = defect.centroid_px[0] - CENTER[0]
    places = [p for p in (defect.r_min_px, defect.r_core_px, center_px) if p is not None]
    way_px = min(abs(o.radius_px - place) for o in outlines for place in places)
    return {name: 0.99 * min(abs(b - size_um) for b in BOUNDS_UM), "r_min_px": 0.99 * way_px}


NONE_OVER = [
    {"min_um": 0.0, "min_inclusive": True, "max_um": 5.0, "max_inclusive": True, "max_count": None},
    {"min_um": 5.0, "min_inclusive": False, "max_um": None, "max_inclusive": False, "max_count": 0},
]


def none_over_five(outer: Sequence[Json] = FIXED, zone_rule: str = "touched", **limits: list[Json]) -> Criteria:
    """No defect of over 5 um in the zones of these letters, no limit in the others."""
    zones = [
        {"zone": letter, "outer": where, "scratches": [], "defects": limits.get(letter, [])}
        for letter, where in zip(ZONE_LETTERS, outer, strict=True)
    ]
    rule = {"source": "", "confirmed": True, "scratch_classes": ["scratch"], "zone_rule": zone_rule, "zones": zones}
    return criteria_of(rule | {"title": "None over 5 um", "size_by": {"scratches": "width", "defects": "diameter"}})


@some
@given(way_um=st.floats(0.05, 3.0), side=st.sampled_from([-1, 1]))
def test_a_single_mark_is_marginal_just_when_its_size_reaches_the_limit(way_um: float, side: int):
    pit = replace(mark("P1", "pit_dig", (0, 0), 10), r_min_px=60.0, diameter_um=5.0 + side * way_um)
    table = none_over_five(B=NONE_OVER)
    for share, marginal in ((0.99, False), (1.01, True)):
        verdict = judged([replace(pit, uncertainty={"diameter_um": share * way_um})], table).verdict
        assert verdict.status == ("FAIL" if side > 0 else "PASS")
        assert bool(verdict.doubts) == marginal


@some
@given(way_px=st.floats(0.05, 20.0), side=st.sampled_from([-1, 1]))
def test_a_single_mark_is_marginal_just_when_its_place_reaches_the_limited_zone(way_px: float, side: int):
    table = none_over_five(B=NONE_OVER)
    pit = replace(mark("P1", "pit_dig", (0, 0), 10), r_min_px=115.0 + side * way_px, diameter_um=8.0)
    for share, marginal in ((0.99, False), (1.01, True)):
        verdict = judged([replace(pit, uncertainty={"r_min_px": share * way_px})], table).verdict
        assert verdict.status == ("PASS" if side > 0 else "FAIL")
        assert bool(verdict.doubts) == marginal


@some
@given(likely=st.floats(0.0, 0.5), classes=st.sampled_from([("scratch", "crack"), ("pit_dig", "scratch")]))
def test_a_single_mark_is_marginal_just_when_a_kind_without_its_limit_is_likely_enough(
    likely: float, classes: tuple[str, str]
):
    own, other = classes
    table, outlines = none_over_five(B=NONE_OVER), outlines_of(none_over_five(B=NONE_OVER))
    one = replace(mark("X1", own, (0, 0), 10), r_min_px=60.0, diameter_um=8.0, uncertainty={})
    for chances in ({own: 1 - likely, other: likely}, {}):
        found = placed([replace(one, class_probabilities=chances)], outlines, table, ALL_ZONES)
        verdict = judge(found, table, ALL_ZONES, outlines, 0.1).verdict
        assert verdict.status == ("PASS" if own == "scratch" else "FAIL")
        assert verdict.marginal == (chances.get(other, 0.0) >= 0.1)
        assert all(f"({100 * likely:.0f} %)" in doubt for doubt in verdict.doubts)


# --- a stored verdict comes to the same again

CLEAR_VIEW = Clipping(0.05, (100,) * 50, (0,) * 50)


def graded(marks: Sequence[Defect], table: Criteria, zones: tuple[str, ...], cladding_px: float) -> Inspection:
    """A face of `cladding_px` with these marks, as the pipeline grades it."""
    outlines = outlines_of_recorded(table, cladding_px)
    face = Inspection(
        image=ImageInfo("face.png", "ab" * 32, WIDTH, HEIGHT),
        provenance=Provenance(
            "D-Scope Blink", "deep_inspection", "2026-01-31T08:00:00+00:00", {"config": CONFIG.sha256}
        ),
        request=Request(table.edition, table.fiber_class, 50.0, CLADDING_UM, zones=zones),
        criteria=table,
        quality=Quality(clipping=CLEAR_VIEW, search_pixel_px=1.0),
        verdict=not_graded(Notice("not_inspected", "Not inspected")),
        scale=scale_of(cladding_px),
        geometry=geometry_of(cladding_px),
        zones=outlines,
        defects=placed(marks, outlines, table, zones),
        measurements=NO_SCALE.measurements,  # as far as a record must have them; no verdict reads them
    )
    return grade(face, CONFIG)


def scale_of(cladding_px: float) -> Scale:
    scale = Scale(CLADDING_UM / cladding_px, CLADDING_UM / cladding_px, "user_cladding")
    return as_recorded(scale, "um_per_px_x", "um_per_px_y")


def outlines_of_recorded(table: Criteria, cladding_px: float) -> tuple[ZoneOutline, ...]:
    request = Request(EDITION, FIBER_CLASS, 50.0, CLADDING_UM)
    return zone_outlines(geometry_of(cladding_px), table, request, scale_of(cladding_px))


def as_stored(face: Inspection) -> Json:
    record: Json = json.loads(json.dumps(to_json(face)))
    return record


def read_back(record: Json) -> Inspection:
    return read_record(json.dumps(record).encode())


def said(face: Inspection) -> Json:
    """All that a record says of how the face was judged."""
    marks = {d.id: (d.zone, d.counted, d.severity) for d in face.defects}
    return {"verdict": face.verdict, "marks": marks, "warnings": face.quality.warnings}


def by_its_own_criteria(record: Json) -> Inspection:
    back = read_back(record)
    assert back.geometry is not None
    outlines = zone_outlines(back.geometry, back.criteria, back.request, back.scale)
    defects = placed(back.defects, outlines, back.criteria, back.request.zones)
    return grade(replace(back, zones=outlines, defects=defects), CONFIG, back)


def by_the_table(record: Json, table: Criteria) -> Inspection:
    book = CriteriaBook(EDITION, FIBER_CLASS, MappingProxyType({EDITION: MappingProxyType({FIBER_CLASS: table})}))
    profiles = {CONFIG.profile: replace(CONFIG, criteria=book)}
    settings_file = ConfigFile(CONFIG_FILE, CONFIG.sha256, CONFIG.profile, profiles)
    return judged_again(Stored("face_result.json", read_back(record)), Asked(), settings_file)


@settings(max_examples=100)
@given(
    table=criteria,
    marks=any_marks(8),
    zones=st.just(ALL_ZONES) | some_zones,
    cladding_px=st.floats(250, 500).map(lambda size: round(size, 3)),
)
def test_a_stored_verdict_can_be_reproduced_from_its_record(
    table: Criteria, marks: list[Defect], zones: tuple[str, ...], cladding_px: float
):
    face = graded(marks, table, zones, cladding_px)
    assume(limited_zones(face))  # a face that no limit is held against is not graded
    record = as_stored(face)
    assert read_back(record).criteria == table
    assert face.verdict.status != "NOT_GRADED"
    assert said(by_its_own_criteria(record)) == said(face)
    assert said(by_the_table(record, table)) == said(face)


@pytest.mark.parametrize(("letters", "zones"), [("ABCD", ("core", "cladding")), ("AB", ALL_ZONES)])
def test_a_stored_verdict_can_be_reproduced_whatever_the_size_of_the_face(letters: str, zones: tuple[str, ...]):
    published = CONFIG.criteria.find("iec_61300_3_35_2015", "single_mode_upc")
    table = replace(published, zones=tuple(zone for zone in published.zones if zone.zone in letters))
    face = graded([], table, zones, 301.008)
    assert face.verdict.status == "PASS"
    assert said(by_its_own_criteria(as_stored(face))) == said(face)


@pytest.mark.parametrize(
    ("section", "lost"),
    [("image", "width"), ("quality", "clipping"), ("defects", "diameter_um"), ("zones", None)],
)
def test_a_record_that_lost_what_a_verdict_needs_is_refused(section: str, lost: str | None):
    table = CONFIG.criteria.find("iec_61300_3_35_2015", "single_mode_upc")
    pit = replace(mark("P1", "pit_dig", (0, 0), 10), r_min_px=60.0, r_core_px=60.0, diameter_um=3.0)
    record = as_stored(graded([pit], table, ALL_ZONES, 300.0))
    if lost is None:
        record[section] = []
    else:
        entry = record[section][0] if section == "defects" else record[section]
        entry[lost] = None
    with pytest.raises(BadRecord):
        read_back(record)
