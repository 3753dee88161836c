"""A batch divided: each picture that was asked for counts, in the group that it is in, as what it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dscope_blink.records import Inspection, OuterBorder, SizeBand, Verdict, ZoneCriteria, notice
from dscope_blink.reporting.batch_groups import MOST_GROUPS, Grouping, Said, groupings, heading, said_of
from dscope_blink.reporting.batch_totals import Totals
from tests.builders.inspections import FAILED, HELD, NO_SCALE, NOT_LOCATED, PASSED, UNREADABLE


def having(inspection: Inspection, **carried: str) -> Inspection:
    """With these columns of a manifest."""
    return replace(inspection, request=replace(inspection.request, manifest=carried))


def divided(*inspections: Inspection) -> dict[str, Grouping]:
    return {one.key: one for one in groupings([said_of(one) for one in inspections])}


def lines(grouping: Grouping) -> list[tuple[str, str]]:
    return [(group.value, group.yield_text) for group in grouping.groups]


def headed(*inspections: Inspection) -> dict[str, str]:
    totals = Totals()
    for one in inspections:
        totals.add(one)
    return dict(heading([said_of(one) for one in inspections], totals))


# --- by a column


def test_the_yield_of_a_lot_is_of_all_that_were_asked_for():
    first = [having(one, lot="1") for one in (PASSED, FAILED, NOT_LOCATED, UNREADABLE)]
    by_lot = divided(*first, having(PASSED, lot="2"))["column lot"]
    assert lines(by_lot) == [("1", "2 of 4 graded, 1 pass"), ("2", "1 of 1 graded, 1 pass")]
    assert by_lot.groups[0].yield_pct == 25
    assert by_lot.groups[0].statuses["NOT_GRADED"] == 2


def test_the_lot_in_which_most_failed_comes_first_with_what_they_failed_by():
    by_lot = divided(having(PASSED, lot="a"), having(FAILED, lot="b"), having(FAILED, lot="b"))["column lot"]
    assert [group.value for group in by_lot.groups] == ["b", "a"]
    assert by_lot.groups[0].commonest == [("Zone core: scratches", 2)]
    assert by_lot.groups[1].commonest == []


def test_pictures_of_which_a_column_says_nothing_are_counted_too():
    by_lot = divided(PASSED, having(FAILED, lot="1"), having(PASSED, lot=""))["column lot"]
    assert lines(by_lot) == [("1", "1 of 1 graded, 0 pass"), ("", "2 of 2 graded, 2 pass")]


def test_what_the_program_reads_of_a_manifest_divides_as_what_it_carries_does():
    other = replace(PASSED, criteria=replace(PASSED.criteria, fiber_class="multimode"))
    keys = [one.key for one in groupings([said_of(having(one, lot="1")) for one in (PASSED, other)])]
    assert keys[:3] == ["column lot", "column fiber_class", "column edition"]
    assert keys[-2:] == ["zone", "kind"]
    assert {group.value for group in divided(PASSED, other)["column fiber_class"].groups} == {
        "multimode",
        "single_mode_upc",
    }


def test_a_column_of_many_values_keeps_those_in_which_most_failed_and_loses_no_picture():
    faces = [having((FAILED, PASSED)[k % 2], lot=f"{k // 2:03}") for k in range(4 * MOST_GROUPS)]
    faces += [having(FAILED, lot="worst")] * 3
    by_lot = divided(*faces)["column lot"]
    assert by_lot.groups[0].value == "worst"
    assert len(by_lot.groups) == MOST_GROUPS
    assert by_lot.others is not None
    assert sum(group.images for group in by_lot.groups) + by_lot.others.images == len(faces)
    assert by_lot.values == 2 * MOST_GROUPS + 1


def test_a_column_of_the_manifest_goes_before_one_that_the_program_adds():
    assert [group.value for group in divided(having(PASSED, folder="mine"))["column folder"].groups] == ["mine"]


@pytest.mark.parametrize(("lots", "tells"), [("aaaa", False), ("aabb", True), ("abcd", False), ("aabc", False)])
def test_a_column_tells_something_where_there_are_groups_to_compare(lots, tells):
    assert divided(*(having(PASSED, lot=lot) for lot in lots))["column lot"].tells is tells


# --- by zone and by kind


NONE_LARGE = SizeBand(5.0, False, None, False, 0)
LIMITED = replace(PASSED.criteria, zones=(ZoneCriteria("A", OuterBorder("core", 1.0, 0.0), (NONE_LARGE,), ()),))
KEPT = replace(PASSED, verdict=Verdict("PASS", checks=tuple(replace(check, count=0, defects=()) for check in HELD)))


def test_a_zone_is_kept_broken_or_not_graded():
    by_zone = divided(FAILED, KEPT, replace(NOT_LOCATED, criteria=LIMITED))["zone"]
    assert lines(by_zone) == [("core", "2 of 3 graded, 1 pass"), ("cladding", "2 of 2 graded, 2 pass")]
    assert by_zone.groups[0].commonest == [("Scratch", 1)]


def test_a_zone_that_was_not_asked_for_is_not_counted():
    inner = replace(KEPT, request=replace(KEPT.request, zones=("core",)))
    assert [group.value for group in divided(inner)["zone"].groups] == ["core"]


def test_a_kind_fails_only_what_it_breaks_a_limit_in():
    by_kind = dict(lines(divided(FAILED, PASSED, NO_SCALE)["kind"]))
    assert by_kind["Scratch"] == "2 of 3 graded, 1 pass"
    assert by_kind["Pit/Dig"] == "2 of 3 graded, 2 pass"


def test_what_failed_and_was_not_seen_whole_passes_in_nothing():
    seen_in_part = notice("zone_cut", "54 % of the cladding zone seen")
    verdict = replace(FAILED.verdict, reasons=(*FAILED.verdict.reasons, seen_in_part))
    said = said_of(replace(FAILED, verdict=verdict))
    others = ("pit_dig", "contamination", "crack", "chip")
    assert said.kinds == {"scratch": "FAIL", **dict.fromkeys(others, "NOT_GRADED")}
    assert said.zones == {"core": "FAIL", "cladding": "NOT_GRADED"}


# --- the heading


def test_the_heading_says_what_all_or_most_pictures_share_lot_and_part_first():
    faces = [having(PASSED, serial=f"{k}", operator="Wong", part_number="LC", lot="7") for k in range(4)]
    other = having(PASSED, serial="4", operator="Keller", part_number="LC", lot="7")
    found = headed(*faces, other)
    assert list(found.items())[:3] == [("lot", "7"), ("part number", "LC"), ("operator", "Wong (4 of 5)")]
    assert found["fiber class"] == PASSED.criteria.title
    assert "serial" not in found


def test_what_half_of_the_pictures_have_heads_nothing():
    assert "lot" not in headed(having(PASSED, lot="1"), having(PASSED, lot="2"))
    assert "lot" not in headed(PASSED, having(PASSED, lot="2"))


def test_a_batch_without_pictures_has_neither():
    assert headed() == {}
    assert [one.groups for one in groupings(())] == [(), ()]


def test_a_picture_is_kept_as_what_divides_it():
    assert said_of(having(FAILED, lot="1")) == Said(
        status="FAIL",
        reasons=("Zone core: scratches",),
        carried={"lot": "1"},
        columns={
            "lot": "1",
            "fiber_class": "single_mode_upc",
            "edition": "iec_61300_3_35_2022",
            "core_diameter_um": "9",
            "cladding_diameter_um": "125",
            "folder": "tray",
        },
        zones={"core": "FAIL", "cladding": "PASS"},
        kinds={"scratch": "FAIL", "pit_dig": "PASS", "contamination": "PASS", "crack": "PASS", "chip": "PASS"},
        broken=frozenset({("core", "scratch")}),
    )
