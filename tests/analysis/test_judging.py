"""The criteria grade as the published tables say."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dscope_blink.analysis.gradability import has_limit, smallest_limit_um
from dscope_blink.analysis.judging import judge, placed
from dscope_blink.records import (
    CLASSIFICATIONS,
    ZONE_LETTERS,
    ZONE_NAMES,
    Criteria,
    Defect,
    Ellipse,
    SizeBand,
    UserError,
    Verdict,
    ZoneOutline,
    texts,
)
from tests.builders.inspections import mark
from tests.builders.settings import SETTINGS

few = settings(max_examples=40)

BOOK = SETTINGS.profile("deep_inspection").criteria
ALL_ZONES = tuple(ZONE_NAMES.values())

# --- the published limits, written out a second time as they are printed: (scratches, defects) by zone

Limits = dict[str, tuple[str, str]]

UPC_A_B: Limits = {
    "A": ("none", "none"),
    "B": ("no limit <= 3; none > 3", "no limit < 2; 5 of 2-5; none > 5"),
}
APC_A_B: Limits = {
    "A": ("4 of <= 3; none > 3", "none"),
    "B": ("no limit", "no limit < 2; 5 of 2-5; none > 5"),
}
MULTIMODE_A_B: Limits = {
    "A": ("no limit <= 3; none > 3", "4 of <= 5; none > 5"),
    "B": ("no limit <= 5; none > 5", "no limit < 5; 5 of 5-10; none > 10"),
}
FREE: Limits = {"C": ("no limit", "no limit"), "D": ("no limit", "no limit")}
SINGLE_C_D: Limits = FREE | {"D": ("no limit", "none > 10")}
MULTI_C_D: Limits = FREE | {"D": ("no limit", "no limit < 20; 5 of 20-30; none > 30")}

A_B: Mapping[str, Limits] = {
    "single_mode_upc": UPC_A_B,
    "single_mode_apc": APC_A_B,
    "multimode": MULTIMODE_A_B,
    "multi_fiber_single_mode_upc": UPC_A_B,
    "multi_fiber_single_mode_apc": APC_A_B,
    "multi_fiber_multimode": MULTIMODE_A_B,
    "custom": MULTIMODE_A_B,
}
C_D_2015: Mapping[str, Limits] = {
    "single_mode_upc": SINGLE_C_D,
    "single_mode_apc": SINGLE_C_D,
    "multimode": MULTI_C_D,
    "custom": MULTI_C_D,
}
PUBLISHED: Mapping[tuple[str, str], Limits] = {
    ("iec_61300_3_35_2009", "single_mode_upc"): UPC_A_B | FREE | {"D": ("no limit", "none >= 10")},
    **{("iec_61300_3_35_2015", key): limits | C_D_2015.get(key, FREE) for key, limits in A_B.items()},
    **{("iec_61300_3_35_2022", key): limits | FREE for key, limits in A_B.items()},
}
UNCONFIRMED_2015 = {"single_mode_apc", "multi_fiber_single_mode_apc", "custom"}
BOUNDS_UM = (2, 3, 5, 10, 20, 30)
SIZES_UM = (0.4, *itertools.chain.from_iterable((b - 0.01, float(b), b + 0.01) for b in BOUNDS_UM), 55.0)

every_class = pytest.mark.parametrize("key", PUBLISHED, ids=lambda key: f"{key[0][-4:]}-{key[1]}")


def breaks(cell: str, sizes_um: Sequence[float]) -> bool:
    """Whether marks of these sizes break one cell of the table, read word by word: slow and obvious."""
    return any(_clause_breaks(clause, sizes_um) for clause in cell.split("; "))


def _clause_breaks(clause: str, sizes_um: Sequence[float]) -> bool:
    if clause == "none":
        return bool(sizes_um)
    if clause.startswith("no limit"):
        return False
    most, rule = re.fullmatch(r"(none|\d+ of) (.+)", clause).groups()  # type: ignore[union-attr]
    return sum(_holds(rule, size) for size in sizes_um) > (0 if most == "none" else int(most.split()[0]))


def _holds(rule: str, size_um: float) -> bool:
    if between := re.fullmatch(r"(\d+)-(\d+)", rule):
        return float(between[1]) <= size_um <= float(between[2])
    sign, bound = rule.split()
    return {"<=": size_um <= float(bound), ">": size_um > float(bound), ">=": size_um >= float(bound)}[sign]


BLANK = mark("X1", "pit_dig", (0, 0), 10)


def spot(zone: str, kind: str, size_um: float, name: str = "X1") -> Defect:
    """A mark in the zone of that letter; `size_um` is what sizes its kind, and its other sizes would mislead."""
    other: dict[str, Any] = {"length_um": 300.0, "width_um": 0.01, "diameter_um": 300.0}
    if kind != "scratch":
        other = {"length_um": 0.01, "width_um": 0.01}
    sized = {"width_um" if kind == "scratch" else "diameter_um": size_um}
    return replace(BLANK, id=name, classification=kind, zone=ZONE_NAMES[zone], **(other | sized))


def spots(zone: str, kind: str, *sizes_um: float) -> list[Defect]:
    return [spot(zone, kind, size, f"X{k}") for k, size in enumerate(sizes_um)]


def status(marks: Sequence[Defect], criteria: Criteria, zones: Sequence[str] = ALL_ZONES) -> str:
    return judge(marks, criteria, zones).verdict.status


UPC = BOOK.find("iec_61300_3_35_2015", "single_mode_upc")
APC = BOOK.find("iec_61300_3_35_2015", "single_mode_apc")
MULTIMODE = BOOK.find("iec_61300_3_35_2015", "multimode")


# --- the tables


def test_the_editions_and_classes_are_the_published_ones():
    assert {(edition, key) for edition in BOOK.editions() for key in BOOK.classes(edition)} == set(PUBLISHED)
    assert BOOK.default_edition == "iec_61300_3_35_2022"


@every_class
def test_every_limit_holds_at_its_bound_and_right_beside_it(key):
    criteria = BOOK.find(*key)
    for zone, cells in PUBLISHED[key].items():
        for kind, cell in zip(("scratch", "pit_dig"), cells, strict=True):
            for size, n in itertools.product(SIZES_UM, (1, 4, 5, 6)):
                expected = "FAIL" if breaks(cell, [size] * n) else "PASS"
                assert status(spots(zone, kind, *[size] * n), criteria) == expected, (zone, kind, size, n)


marks_in_zones = st.lists(
    st.builds(spot, st.sampled_from(ZONE_LETTERS), st.sampled_from(CLASSIFICATIONS), st.sampled_from(SIZES_UM)),
    max_size=14,
).map(lambda marks: [replace(d, id=f"X{k}") for k, d in enumerate(marks)])
any_class = st.sampled_from(sorted(PUBLISHED))


@few
@given(key=any_class, marks=marks_in_zones)
def test_any_face_is_graded_as_the_table_reads(key, marks):
    broken = False
    for zone, (scratches, defects) in PUBLISHED[key].items():
        here = [d for d in marks if d.zone == ZONE_NAMES[zone]]
        widths = [d.width_um or 0 for d in here if d.classification == "scratch"]
        diameters = [d.diameter_um or 0 for d in here if d.classification != "scratch"]
        broken |= breaks(scratches, widths) or breaks(defects, diameters)
    assert status(marks, BOOK.find(*key)) == ("FAIL" if broken else "PASS")


@every_class
def test_a_class_says_how_well_it_is_confirmed_and_where_it_comes_from(key):
    edition, fiber_class = key
    unconfirmed = edition.endswith("2022") or fiber_class in UNCONFIRMED_2015
    assert BOOK.find(*key).confirmed is not unconfirmed
    assert BOOK.find(*key).source


@every_class
def test_scratches_are_sized_by_width_and_defects_by_diameter_in_the_zone_they_touch(key):
    criteria = BOOK.find(*key)
    assert (criteria.size_by.scratches, criteria.size_by.defects, criteria.zone_rule) == (
        "width",
        "diameter",
        "touched",
    )


def test_an_edition_without_the_asked_class_is_refused_by_name():
    with pytest.raises(UserError, match=r'iec_61300_3_35_2009.*"single_mode_upc".*got "multimode"'):
        BOOK.find("iec_61300_3_35_2009", "multimode")


def test_an_unknown_edition_is_refused_by_name():
    with pytest.raises(UserError, match=r'"iec_61300_3_35_2009".*got "iec_61300_3_35_1999"'):
        BOOK.find("iec_61300_3_35_1999", "multimode")


# --- counting


def test_a_face_without_marks_passes():
    verdict = judge((), UPC, ALL_ZONES).verdict
    assert (verdict.status, verdict.reasons, verdict.violations) == ("PASS", (), ())


@pytest.mark.parametrize("kind", [kind for kind in CLASSIFICATIONS if kind != "scratch"])
def test_all_but_scratches_count_as_defects(kind):
    assert status(spots("B", kind, 5.0), UPC) == "PASS"
    assert status(spots("B", kind, 5.01), UPC) == "FAIL"
    assert status(spots("B", kind, *[3.0] * 5), UPC) == "PASS"
    assert status([*spots("B", kind, *[3.0] * 5), spot("B", "pit_dig", 3.0, "P9")], UPC) == "FAIL"


def test_the_length_of_a_scratch_does_not_matter():
    assert status([replace(spot("B", "scratch", 3.0), length_um=500.0)], UPC) == "PASS"


def test_scratches_do_not_count_as_defects():
    assert status([*spots("B", "scratch", *[2.5] * 9), *spots("B", "pit_dig", *[2.5] * 5)], UPC) == "PASS"


def test_a_mark_below_the_smallest_listed_size_is_reported_and_not_counted():
    small, counted = judge(spots("B", "pit_dig", 1.99, 2.0), UPC, ALL_ZONES).defects
    assert (small.counted, small.severity) == (False, "LOW")
    assert (counted.counted, counted.severity) == (True, "MEDIUM")


def test_a_chip_in_the_adhesive_zone_has_no_limit():
    judgement = judge(spots("C", "chip", 80.0), UPC, ALL_ZONES)
    assert judgement.verdict.status == "PASS"
    assert not judgement.defects[0].counted


def test_severity_tells_the_core_from_the_other_zones():
    marks = [spot("A", "pit_dig", 1.0, "P1"), spot("B", "pit_dig", 6.0, "P2"), spot("D", "pit_dig", 9.0, "P3")]
    assert [d.severity for d in judge(marks, UPC, ALL_ZONES).defects] == ["CRITICAL", "HIGH", "LOW"]


def test_a_mark_that_breaks_no_rule_is_not_blamed_for_the_failure_of_another():
    small, large = judge(spots("B", "pit_dig", 3.0, 7.0), UPC, ALL_ZONES).defects
    assert (small.severity, large.severity) == ("MEDIUM", "HIGH")


def test_every_broken_rule_is_named_with_its_marks():
    marks = [*spots("B", "pit_dig", *[3.0] * 6), spot("A", "scratch", 0.5, "S1"), spot("B", "chip", 12.0, "E1")]
    verdict = judge(marks, UPC, ALL_ZONES).verdict
    assert [(v.zone, v.allowed, v.defects) for v in verdict.violations] == [
        ("core", "none", ("S1",)),
        ("cladding", "at most 5", ("X0", "X1", "X2", "X3", "X4", "X5")),
        ("cladding", "none", ("E1",)),
    ]
    assert len(verdict.reasons) == 3
    for words in (("core", "scratch", "0.5 um", "S1"), ("cladding", "6", "at most 5"), ("> 5 um", "12.0 um", "E1")):
        assert any(all(word in reason for word in words) for reason in texts(verdict.reasons)), words


def test_a_zone_that_was_not_inspected_is_not_graded():
    marks = spots("A", "scratch", 9.0)
    assert status(marks, UPC, ("cladding", "contact")) == "PASS"
    assert status(marks, UPC, ("core",)) == "FAIL"


def test_what_sizes_a_mark_is_data():
    long_scratch = [replace(spot("B", "scratch", 1.0), length_um=40.0)]
    assert status(long_scratch, UPC) == "PASS"
    assert status(long_scratch, replace(UPC, size_by=replace(UPC.size_by, scratches="length"))) == "FAIL"


def test_which_classes_are_scratches_is_data():
    crack = [replace(spot("B", "crack", 40.0), width_um=1.0)]
    assert status(crack, UPC) == "FAIL"
    assert status(crack, replace(UPC, scratch_classes=("scratch", "crack"))) == "PASS"


def test_a_mark_without_a_size_in_micrometres_cannot_be_graded():
    with pytest.raises(ValueError, match="diameter_um"):
        judge([replace(spot("B", "pit_dig", 3.0), diameter_um=None)], UPC, ALL_ZONES)


# --- laws of judging


@few
@given(key=any_class, marks=marks_in_zones, zone=st.sampled_from(ZONE_LETTERS), size=st.sampled_from(SIZES_UM))
def test_one_more_mark_never_mends_a_broken_rule(key, marks, zone, size):
    criteria = BOOK.find(*key)
    if status(marks, criteria) == "FAIL":
        for kind in CLASSIFICATIONS:
            assert status([*marks, spot(zone, kind, size, "new")], criteria) == "FAIL"


@few
@given(key=any_class, marks=marks_in_zones.filter(bool), data=st.data())
def test_a_larger_mark_never_passes_where_a_smaller_failed(key, marks, data):
    criteria, k = BOOK.find(*key), data.draw(st.integers(0, len(marks) - 1))
    name = "width_um" if marks[k].classification == "scratch" else "diameter_um"
    larger: dict[str, Any] = {name: data.draw(st.sampled_from([s for s in SIZES_UM if s >= getattr(marks[k], name)]))}
    if status(marks, criteria) == "FAIL":
        assert status([*marks[:k], replace(marks[k], **larger), *marks[k + 1 :]], criteria) == "FAIL"


@few
@given(key=any_class, marks=marks_in_zones, rng=st.randoms(use_true_random=False))
def test_the_order_of_the_marks_does_not_matter(key, marks, rng):
    criteria, shuffled = BOOK.find(*key), rng.sample(marks, len(marks))
    one, two = judge(marks, criteria, ALL_ZONES), judge(shuffled, criteria, ALL_ZONES)
    assert {(v.zone, v.rule, frozenset(v.defects)) for v in one.verdict.violations} == {
        (v.zone, v.rule, frozenset(v.defects)) for v in two.verdict.violations
    }
    assert {d.id: d.severity for d in one.defects} == {d.id: d.severity for d in two.defects}


@few
@given(key=any_class, marks=marks_in_zones)
def test_a_face_fails_just_when_a_mark_is_blamed(key, marks):
    judgement = judge(marks, BOOK.find(*key), ALL_ZONES)
    blamed = {d.id for d in judgement.defects if d.severity in ("CRITICAL", "HIGH")}
    assert blamed == {name for v in judgement.verdict.violations for name in v.defects}
    assert (judgement.verdict.status == "FAIL") == bool(blamed)
    assert all(d.counted for d in judgement.defects if d.severity != "LOW")


# --- what decides


@every_class
def test_a_zone_has_a_limit_where_the_table_sets_one(key):
    for zone in BOOK.find(*key).zones:
        limited = any(re.search(r"none|\d of", cell) for cell in PUBLISHED[key][zone.zone])
        assert has_limit(zone) is limited, zone.zone


@pytest.mark.parametrize(
    ("zones", "limit_um"),
    [(ALL_ZONES, 2), (("cladding",), 2), (("contact",), 10), (("core",), None), (("adhesive",), None)],
)
def test_the_smallest_size_that_decides_is_that_of_the_zones_to_inspect(zones, limit_um):
    assert smallest_limit_um(UPC, zones) == limit_um


RINGS = tuple(
    ZoneOutline(letter, Ellipse((300.0, 250.0), (2 * r, 2 * r), 0.0))
    for letter, r in zip(ZONE_LETTERS, (20, 60, 80, 110), strict=True)
)


def away(r_min_px: float, name: str, **others: Any) -> Defect:
    return replace(spot("B", "pit_dig", 3.0, name), r_min_px=r_min_px, **others)


def test_marks_are_placed_by_the_criteria_and_only_in_the_zones_that_are_asked_for():
    marks = [away(10, "P1"), away(50, "P2"), away(90, "P3"), away(120, "P4")]
    assert [(d.id, d.zone) for d in placed(marks, RINGS, UPC, ALL_ZONES)] == [
        ("P1", "core"),
        ("P2", "cladding"),
        ("P3", "contact"),
    ]
    assert [d.id for d in placed(marks, RINGS, UPC, ("cladding", "adhesive"))] == ["P2"]


def test_marks_are_placed_by_their_middle_where_the_criteria_say_so():
    reaching_in = [away(10, "P1", centroid_px=(370.0, 250.0))]
    by_middle = replace(UPC, zone_rule="centroid")
    assert [d.zone for d in placed(reaching_in, RINGS, by_middle, ALL_ZONES)] == ["adhesive"]


# --- how near the limits are


def test_every_limit_of_the_zones_asked_for_is_held():
    assert [(c.zone, c.rule, c.max_count) for c in judge((), UPC, ALL_ZONES).verdict.checks] == [
        ("core", "scratch width of any size", 0),
        ("core", "defect diameter of any size", 0),
        ("cladding", "scratch width > 3 um", 0),
        ("cladding", "defect diameter >= 2 um and <= 5 um", 5),
        ("cladding", "defect diameter > 5 um", 0),
        ("contact", "defect diameter > 10 um", 0),
    ]
    assert {c.zone for c in judge((), UPC, ("contact", "adhesive")).verdict.checks} == {"contact"}


def checked(rule: str, *sizes_um: float) -> tuple[int, float | None, tuple[str, ...]]:
    checks = judge(spots("B", "pit_dig", *sizes_um), UPC, ALL_ZONES).verdict.checks
    (check,) = (c for c in checks if (c.zone, c.rule) == ("cladding", rule))
    return check.count, check.size_um, check.defects


def test_the_largest_mark_decides_where_none_is_allowed():
    assert checked("defect diameter > 5 um", 1.0, 4.5, 3.0) == (0, 4.5, ())
    assert checked("defect diameter > 5 um", 1.0, 7.5, 6.0) == (2, 7.5, ("X1", "X2"))


def test_the_mark_after_as_many_as_are_allowed_decides_and_larger_ones_do_not_count():
    rule = "defect diameter >= 2 um and <= 5 um"
    assert checked(rule, 4, 4, 4, 4, 4) == (5, None, ("X0", "X1", "X2", "X3", "X4"))
    assert checked(rule, 4, 4, 4, 4, 4, 1.5, 1.8) == (5, 1.8, ("X0", "X1", "X2", "X3", "X4"))
    assert checked(rule, 4, 4, 4, 4, 1.5, 9.0) == (4, None, ("X0", "X1", "X2", "X3"))


# --- how sure a verdict is

ONE_ALLOWED = "no limit < 2; 1 of 2-5; none > 5"
STRICT = replace(
    UPC,
    zones=tuple(
        replace(
            zone,
            scratches=(),
            defects=(
                SizeBand(0, True, 2, False, None),
                SizeBand(2, True, 5, True, 1),
                SizeBand(5, False, None, False, 0),
            ),
        )
        for zone in UPC.zones
        if zone.zone == "B"
    ),
)


def unsure(size_um: float, unsure_um: float, name: str = "X1") -> Defect:
    return replace(spot("B", "pit_dig", size_um, name), uncertainty={"diameter_um": unsure_um})


def may_measure(size_um: float, unsure_um: float) -> list[float]:
    """Sizes within the uncertainty, at least one of each range of the table that it reaches."""
    low, high = max(size_um - unsure_um, 0.0), size_um + unsure_um
    return [low, high, *(bound for bound in (2.0, 5.0) if low <= bound <= high)]


@settings(max_examples=300)
@given(
    sizes=st.lists(
        st.tuples(st.sampled_from([0.4, 1.5, 2.0, 3.0, 4.9, 5.0, 5.3, 8.0]), st.sampled_from([0.0, 0.2, 1.0, 4.0])),
        max_size=4,
    )
)
def test_a_verdict_is_marginal_just_when_some_sizes_within_the_uncertainty_would_turn_it(sizes):
    verdict = judge([unsure(size, by, f"X{k}") for k, (size, by) in enumerate(sizes)], STRICT, ALL_ZONES).verdict
    outcomes = {breaks(ONE_ALLOWED, chosen) for chosen in itertools.product(*(may_measure(*s) for s in sizes))}
    assert (verdict.status == "FAIL") == breaks(ONE_ALLOWED, [size for size, _ in sizes])
    assert bool(verdict.doubts) == (outcomes == {True, False})


def test_a_marginal_pass_names_the_limit_and_the_marks_that_may_break_it():
    verdict = judge([unsure(4.8, 0.4, "P1"), unsure(1.0, 0.4, "P2")], STRICT, ALL_ZONES).verdict
    assert verdict.status == "PASS"
    assert verdict.doubts == ("Zone cladding: defect diameter > 5 um may be broken: P1 of 4.8 ± 0.4 um",)


def test_a_marginal_failure_names_the_broken_limit_that_may_hold():
    verdict = judge([unsure(5.2, 0.4, "P1"), unsure(1.0, 0.4, "P2")], STRICT, ALL_ZONES).verdict
    assert verdict.status == "FAIL"
    assert verdict.doubts == ("Zone cladding: defect diameter > 5 um may be kept: P1 of 5.2 ± 0.4 um",)


def test_a_mark_just_beyond_a_border_makes_the_verdict_marginal_only_when_the_borders_are_known():
    beside = replace(away(61, "P1", zone="adhesive", diameter_um=8.0), uncertainty={"r_min_px": 2.0})
    verdict = judge([beside], UPC, ALL_ZONES, RINGS).verdict
    assert verdict.status == "PASS"
    (doubt,) = verdict.doubts
    assert doubt.endswith("defect diameter > 5 um may be broken: P1 of 8.0 um in zone cladding or adhesive")
    assert judge([replace(beside, r_min_px=63.0)], UPC, ALL_ZONES, RINGS).verdict.doubts == ()
    assert judge([beside], UPC, ALL_ZONES).verdict.doubts == ()


# --- doubt: a mark that may be of another kind


def perhaps(kind: str, other: str, likely: float, zone: str = "B", name: str = "X1", **sizes: Any) -> Defect:
    """A mark of one kind that is the other with this probability."""
    chances = {kind: 1 - likely, other: likely}
    sure = replace(spot(zone, kind, 1.0, name), uncertainty={}, class_probabilities=chances, width_um=1.0)
    return replace(sure, **sizes)


LIKELY = 0.1


def with_doubts(marks: Sequence[Defect], criteria: Criteria = MULTIMODE) -> Verdict:
    return judge(marks, criteria, ALL_ZONES, min_probability=LIKELY).verdict


def test_a_pass_is_marginal_when_a_scratch_may_be_a_crack_that_breaks_a_limit():
    verdict = with_doubts([perhaps("scratch", "crack", 0.23, name="S3", diameter_um=40.0)])
    assert verdict.status == "PASS"
    (doubt,) = verdict.doubts
    assert doubt.startswith("Zone cladding: defect diameter > 10 um may be broken: S3 of 40.0 um")
    assert doubt.endswith("S3 of 40.0 um, which may be a crack (23 %)")


def test_a_failure_is_marginal_when_its_crack_may_be_a_scratch_that_no_limit_holds():
    verdict = with_doubts([perhaps("crack", "scratch", 0.23, name="K1", diameter_um=40.0)])
    assert verdict.status == "FAIL"
    (doubt,) = verdict.doubts
    assert doubt == ("Zone cladding: defect diameter > 10 um may be kept: K1 of 40.0 um, which may be a scratch (23 %)")


@pytest.mark.parametrize(("kind", "other"), [("scratch", "crack"), ("crack", "scratch")])
@pytest.mark.parametrize("likely", [0.0, 0.05, 0.0999, 0.1, 0.4])
def test_another_kind_counts_from_the_least_probability_on(kind, other, likely):
    verdict = with_doubts([perhaps(kind, other, likely, diameter_um=40.0)])
    assert verdict.marginal == (likely >= LIKELY)


def test_kinds_that_fall_under_the_same_limits_are_as_likely_as_they_are_together():
    chances = {"scratch": 0.88, "crack": 0.06, "contamination": 0.05, "chip": 0.01}
    mark_ = replace(perhaps("scratch", "crack", 0.12, diameter_um=40.0), class_probabilities=chances)
    (doubt,) = with_doubts([mark_]).doubts
    assert doubt.endswith("which may be a crack or contamination (12 %)")


def test_a_kind_that_changes_no_limit_is_no_doubt():
    assert not with_doubts([perhaps("pit_dig", "crack", 0.4, diameter_um=40.0)]).marginal
    assert not with_doubts([perhaps("scratch", "crack", 0.4, diameter_um=4.0)]).marginal


def test_without_probabilities_the_class_is_certain():
    crack = perhaps("crack", "scratch", 0.4, diameter_um=40.0)
    assert with_doubts([crack]).marginal
    assert not with_doubts([replace(crack, class_probabilities={})]).marginal
    assert not judge([crack], MULTIMODE, ALL_ZONES).verdict.marginal


@settings(max_examples=150)
@given(
    marks=st.lists(
        st.tuples(
            st.sampled_from(["A", "B"]),
            st.sampled_from(["scratch", "crack", "pit_dig"]),
            st.sampled_from([1.0, 3.5, 6.0]),
            st.sampled_from([1.0, 4.0, 8.0, 40.0]),
            st.booleans(),
        ),
        max_size=5,
    ),
    criteria=st.sampled_from([UPC, APC, MULTIMODE]),
)
def test_a_verdict_is_marginal_just_when_some_kinds_that_are_likely_would_turn_it(marks, criteria):
    given_, possible = [], []
    for k, (zone, kind, width, diameter, doubted) in enumerate(marks):
        other = "crack" if kind == "scratch" else "scratch"
        one = perhaps(kind, other, 0.3 if doubted else 0.01, zone, f"X{k}", width_um=width, diameter_um=diameter)
        given_.append(one)
        possible.append([one, replace(one, classification=other)] if doubted else [one])
    verdict = with_doubts(given_, criteria)
    outcomes = {status(chosen, criteria) for chosen in itertools.product(*possible)}
    assert verdict.marginal == (len(outcomes) == 2)


# --- sizes that the optics do not resolve


@pytest.mark.parametrize(("by", "status"), [("best", "PASS"), ("upper_bound", "FAIL")])
def test_a_size_that_is_not_resolved_is_judged_by_its_bound_only_where_the_criteria_say_so(by, status):
    unsure = {"diameter_um": 1.5, "r_min_px": 0.0}
    mark = replace(away(30, "P1", zone="cladding", diameter_um=4.0), uncertainty=unsure, at_most={"diameter_um": 5.5})
    verdict = judge([mark], replace(UPC, unresolved_by=by), ALL_ZONES, RINGS).verdict
    assert (verdict.status, verdict.marginal) == (status, True)
    named = verdict.reasons if by == "upper_bound" else ()
    assert all("1 (<= 5.5 um)" in reason.text for reason in named)
    assert all("P1 of <= 5.5 um" in doubt for doubt in verdict.doubts)
