"""What is said of one inspection."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from dscope_blink.records import Inspection, Measured, OuterBorder, Scale, notice
from dscope_blink.reporting import wording
from dscope_blink.reporting.look import RESULT_COLOURS
from tests.builders.batches import CONFIG
from tests.builders.inspections import (
    BESIDE_ITSELF,
    COMPARED,
    EVERY_KIND,
    FAILED,
    NO_CORE,
    NO_SCALE,
    NOMINAL_CORE,
    OUT_OF_FOCUS,
    PASSED,
)

LIMITS = CONFIG.criteria.find("iec_61300_3_35_2015", "multimode")


def facts(inspection: Inspection, of: Any) -> dict[str, str]:
    return dict(of(inspection))


@pytest.mark.parametrize("inspection", EVERY_KIND.values(), ids=EVERY_KIND.keys())
def test_every_row_of_every_table_fills_its_header(inspection):
    tables = (wording.dimension_table, wording.zone_table, wording.limit_table, wording.mark_table)
    for table in (of(inspection) for of in tables):
        assert {len(row) for row in table.rows} <= {len(table.header)}
        assert all(isinstance(text, str) for row in table.rows for text in row)


@pytest.mark.parametrize(
    ("of", "times", "plus_um", "words"),
    [
        ("fixed", 0.0, 25.0, "25 um"),
        ("core", 1.0, 3.0, "core + 3 um"),
        ("cladding", 1.0, -10.0, "cladding - 10 um"),
        ("cladding", 1.0, 0.0, "cladding"),
        ("cladding", 2.0, 0.0, "2 x cladding"),
        ("core", 1.5, -0.5, "1.5 x core - 0.5 um"),
    ],
)
def test_the_border_of_a_zone_is_told_by_its_rule(of, times, plus_um, words):
    assert OuterBorder(of, times, plus_um).in_words == words


def test_a_zone_that_was_not_inspected_is_told():
    asked = replace(FAILED, criteria=LIMITS, request=replace(FAILED.request, zones=("core", "cladding")))
    rows = {row[0]: row for row in wording.zone_table(asked).rows}
    assert rows["D contact"][4:] == ("not inspected", "not inspected")
    assert rows["C adhesive"][4:] == ("not inspected", "not inspected")
    assert "none" in rows["A core"][4]
    assert facts(asked, wording.criteria_facts)["Zones inspected"] == "ONLY core, cladding"


def test_structure_that_was_described_is_named():
    asked = replace(PASSED, request=replace(PASSED.request, fiber_structure="panda"))
    assert facts(asked, wording.criteria_facts)["No marks"] == "structure of the fiber, panda"
    assert "No marks" not in facts(PASSED, wording.criteria_facts)


def test_the_diameter_of_a_zone_is_that_of_its_circle_though_pixels_are_not_square():
    rows = {row[0]: row[2] for row in wording.zone_table(FAILED).rows}
    assert rows == {"A core": "25.0 um", "B cladding": "110.0 um", "C adhesive": "135.0 um", "D contact": "250.0 um"}


def test_zones_of_the_picture_are_not_told_as_those_of_the_criteria():
    located, not_located = replace(NO_SCALE, criteria=LIMITS), replace(OUT_OF_FOCUS, criteria=LIMITS)
    assert {row[1] for row in wording.zone_table(located).rows} == {"as it shows"}
    rows = wording.zone_table(not_located).rows
    assert [row[1] for row in rows] == [zone.outer.in_words for zone in LIMITS.zones]
    assert {row[2] for row in rows} == {"not located"}


def test_the_scale_is_told_with_its_source_and_uncertainty():
    known = replace(FAILED, measurements={**FAILED.measurements, "um_per_px": Measured(0.447, 0.00447)})
    said = facts(known, wording.scale_facts)
    assert (said["Its uncertainty"], said["Its source"]) == ("± 1.00 % (k = 2)", "known cladding diameter of 125 um")
    calibrated = replace(FAILED, scale=Scale(0.5, 0.5, "calibration"))
    said = facts(calibrated, wording.scale_facts)
    assert (said["Its uncertainty"], said["Its source"]) == ("not recorded", "calibration of the microscope")


@pytest.mark.parametrize(
    ("source", "label"),
    [
        ("user_cladding", "Cladding diameter (given)"),
        ("assumed_cladding", "Cladding diameter (assumed)"),
        ("calibration", "Cladding diameter"),
    ],
)
def test_a_diameter_that_was_not_measured_is_told_so(source, label):
    found = wording.dimension_table(replace(FAILED, scale=Scale(0.5, 0.4, source)))
    assert found.rows[0] == (label, "125.00 um", "± 0.81 um")


def test_a_core_that_was_not_measured_says_why():
    assert wording.dimension_table(NOMINAL_CORE).rows[-1] == ("Core", "not measured", "cannot be seen")
    assert wording.dimension_table(NO_CORE).rows[-1] == ("Core", "not measured", "")


def test_marks_that_break_a_limit_come_first():
    table = wording.mark_table(FAILED)
    assert table.rows[0][0] == "S1"
    assert table.broken == {0}
    assert [row[6] for row in table.rows] == ["BREAKS IT", "within", "not counted", "not counted", "not counted"]


def test_they_come_first_whatever_a_table_of_severities_makes_of_others():
    first, *others = FAILED.defects
    raised = replace(FAILED, defects=(*(replace(mark, severity="CRITICAL") for mark in others), first))
    assert wording.mark_table(raised).broken == {0}


def test_limits_are_confirmed_or_it_is_said_that_they_are_not():
    assert wording.unconfirmed(replace(PASSED, criteria=replace(LIMITS, confirmed=True))) == ""
    doubtful = replace(PASSED, criteria=replace(LIMITS, confirmed=False))
    assert wording.unconfirmed(doubtful) == wording.NOT_CONFIRMED
    assert wording.unconfirmed(PASSED) == ""  # it has no limits


def test_a_zone_is_kept_only_where_nothing_but_limits_speaks_against_the_face():
    def results(inspection):
        return [zone.result for zone in wording.zone_results(inspection)]

    unseen = notice("zone_cut", "84 % of zone contact is seen")
    also = replace(FAILED.verdict, reasons=(*FAILED.verdict.reasons, unseen))
    some = replace(FAILED.request, zones=("core", "cladding", "adhesive"))
    assert results(FAILED) == ["broken", "kept", "no limit", "no limit"]
    assert results(replace(FAILED, verdict=also)) == ["broken", "not graded", "no limit", "no limit"]
    assert results(replace(FAILED, request=some))[3] == "not inspected"
    assert results(NO_SCALE) == ["not graded"] * 4
    assert results(OUT_OF_FOCUS) == []
    assert set(RESULT_COLOURS) == set(get_args(wording.Result))


def test_a_zone_tells_what_was_found_counted_and_allowed_and_how_much_of_it_was_seen():
    upc = CONFIG.criteria.find("iec_61300_3_35_2022", "single_mode_upc")
    cut = tuple(replace(zone, seen=0.847) for zone in FAILED.zones)
    core, cladding, _, contact = wording.zone_results(replace(FAILED, criteria=upc, zones=cut))
    assert (core.title, core.found, core.counted) == ("A core 25 um", "1", "1")
    assert core.allowed == "scratches none; others none"
    assert cladding.allowed == "scratches > 3 um: none; others 2 to 5 um: 5, > 5 um: none"
    assert contact.allowed == "any"
    assert core.in_words == "BROKEN, 84 % seen"
    large = replace(FAILED, scale=Scale(4.0, 3.2, "calibration"))
    assert wording.zone_results(large)[3].title == "D contact 2000 um"
    without_scale = wording.zone_results(NO_SCALE)[0]
    assert (without_scale.title, without_scale.found, without_scale.counted) == ("A core 56.2 px", "1", "")
    some = replace(FAILED, request=replace(FAILED.request, zones=("core", "cladding")))
    assert (wording.zone_results(some)[3].found, wording.zone_results(some)[3].counted) == ("", "")


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ({"limit_um": 3.0, "max_count": 0}, "S1 3.6 > 3 um wide"),
        ({"limit_um": 3.6, "max_count": 0}, "S1 3.6 >= 3.6 um wide"),
        ({"limit_um": 0.0, "max_count": 0}, "S1 3.6 um wide, none allowed"),
        ({"limit_um": 0.0, "max_count": 4, "count": 6}, "S1 3.6 um wide (6 > 4)"),
        ({"limit_um": 0.0, "max_count": 4}, "S1 3.6 um wide"),
    ],
)
def test_a_label_holds_the_size_against_the_limit(check, words):
    held = replace(FAILED.verdict.checks[0], **check)
    face = replace(FAILED, verdict=replace(FAILED.verdict, checks=(held,)))
    assert wording.mark_label(FAILED.defects[0], face) == words


def test_what_a_reference_says_is_one_line_beside_the_verdict() -> None:
    said = dict(wording.quality_facts(COMPARED))["Beside good faces"]
    assert said == "ANOMALOUS, 3.41 of the limit; 2 places depart"
    several = replace(COMPARED, reference=replace(COMPARED.comparison, reasons=("one", "two", "three")))
    assert dict(wording.quality_facts(several))["Beside good faces"].endswith("; one (and 2 more)")
    assert dict(wording.provenance_facts(COMPARED))["Reference sha256"] == COMPARED.comparison.model_sha256
    own = dict(wording.quality_facts(BESIDE_ITSELF))
    assert own["Beside its own symmetry"] == "NO REFERENCE, 1.20 of the limit; no reference: 1 place departs"
    assert "Beside good faces" not in own
    assert "Beside good faces" not in dict(wording.quality_facts(FAILED))
    assert "Reference sha256" not in dict(wording.provenance_facts(FAILED))
