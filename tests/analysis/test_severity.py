"""How severe a mark is: never less than the criteria make of it, and beyond that what a table says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dscope_blink.analysis.anomaly_names import severity_of
from dscope_blink.analysis.judging import judge
from dscope_blink.analysis.severity import at_most_um, by_table
from dscope_blink.config.settings import SeverityRow
from dscope_blink.records import CLASSIFICATIONS, ZONE_NAMES, Criteria, Defect, Ellipse, Severity, ZoneOutline
from tests.builders.inspections import CENTER, mark
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("deep_inspection")
SHIPPED = CONFIG.severity.table
UPC_2015 = CONFIG.criteria.find("iec_61300_3_35_2015", "single_mode_upc")
UPC_2022 = CONFIG.criteria.find("iec_61300_3_35_2022", "single_mode_upc")
ALL_ZONES = tuple(ZONE_NAMES.values())
BLANK = mark("X1", "pit_dig", (0, 0), 10)


def spot(zone: str, kind: str, size_um: float, unsure_um: float = 0.0, **changes: Any) -> Defect:
    """A mark that its kind is sized by `size_um`; its other sizes would mislead."""
    name = "width_um" if kind == "scratch" else "diameter_um"
    sizes: dict[str, Any] = {"width_um": 0.01, "diameter_um": 300.0, "length_um": 300.0, name: size_um}
    return replace(BLANK, classification=kind, zone=zone, uncertainty={name: unsure_um}, **(sizes | changes))


def severity(defect: Defect, table: tuple[SeverityRow, ...] = SHIPPED, criteria: Criteria = UPC_2015) -> Severity:
    (judged,) = judge([defect], criteria, ALL_ZONES, table=table).defects
    return judged.severity


# --- as shipped


@pytest.mark.parametrize(
    ("zone", "kind", "size_um", "expected"),
    [
        ("cladding", "pit_dig", 1.99, "NEGLIGIBLE"),
        ("cladding", "contamination", 1.99, "NEGLIGIBLE"),
        ("cladding", "scratch", 0.3, "LOW"),  # a hairline may cross the whole fiber
        ("adhesive", "pit_dig", 4.99, "NEGLIGIBLE"),
        ("adhesive", "contamination", 5.0, "LOW"),
        ("contact", "contamination", 4.99, "NEGLIGIBLE"),
        ("contact", "pit_dig", 5.0, "LOW"),
        ("contact", "scratch", 2.99, "NEGLIGIBLE"),
        ("adhesive", "scratch", 3.0, "LOW"),
    ],
)
def test_marks_that_no_limit_counts_are_negligible_below_a_size_for_their_type_and_zone(
    zone: str, kind: str, size_um: float, expected: Severity
) -> None:
    assert severity(spot(zone, kind, size_um)) == expected


@pytest.mark.parametrize(
    ("zone", "size_um", "expected"),
    [
        ("core", 0.99, "LOW"),
        ("core", 1.0, "MEDIUM"),
        ("core", 2.0, "HIGH"),
        ("core", 3.0, "CRITICAL"),
        ("cladding", 1.99, "LOW"),
        ("cladding", 2.0, "MEDIUM"),
        ("cladding", 5.0, "HIGH"),
        ("cladding", 25.0, "CRITICAL"),
        ("adhesive", 9.99, "LOW"),
        ("contact", 10.0, "MEDIUM"),
        ("contact", 50.0, "HIGH"),
        ("adhesive", 1000.0, "CRITICAL"),
        (None, 1000.0, "LOW"),
        ("core", None, "LOW"),
    ],
)
def test_a_place_that_departs_from_good_faces_is_severe_by_its_zone_and_size(
    zone: str | None, size_um: float | None, expected: Severity
) -> None:
    assert severity_of(size_um, zone, SHIPPED) == expected
    assert severity_of(size_um, zone, ()) == "LOW"


@pytest.mark.parametrize("zone", ["cladding", "adhesive", "contact"])
@pytest.mark.parametrize("kind", ["crack", "chip"])
def test_what_is_broken_may_spread_and_is_never_negligible(zone: str, kind: str) -> None:
    assert severity(spot(zone, kind, 0.4)) == "LOW"


@pytest.mark.parametrize("key", [(e, c) for e in CONFIG.criteria.editions() for c in CONFIG.criteria.classes(e)])
@pytest.mark.parametrize("kind", CLASSIFICATIONS)
def test_nothing_in_a_core_is_negligible_under_any_class(key: tuple[str, str], kind: str) -> None:
    assert severity(spot("core", kind, 0.1), SHIPPED, CONFIG.criteria.find(*key)) != "NEGLIGIBLE"


# --- surely below


def test_a_mark_is_negligible_only_if_its_size_is_surely_below() -> None:
    assert severity(spot("contact", "pit_dig", 4.0, 0.9)) == "NEGLIGIBLE"
    assert severity(spot("contact", "pit_dig", 4.0, 1.0)) == "LOW"


def test_of_a_size_that_is_not_resolved_the_bound_decides() -> None:
    thin = spot("contact", "scratch", 0.8, 0.5)
    assert severity(thin) == "NEGLIGIBLE"
    assert severity(replace(thin, at_most={"width_um": 3.0})) == "LOW"
    assert at_most_um(replace(thin, at_most={"width_um": 1.0}), UPC_2015) == pytest.approx(1.3)


def test_without_a_scale_a_mark_is_low() -> None:
    nowhere = spot("contact", "pit_dig", 1.0, diameter_um=None)
    assert severity(nowhere, criteria=UPC_2022) == "LOW"  # no limit there, so no size is missed


ANY_SIZE = SeverityRow(CLASSIFICATIONS, ALL_ZONES, None, "NEGLIGIBLE")


def test_what_a_limit_may_count_is_low_at_least() -> None:
    assert severity(spot("contact", "pit_dig", 9.0, 0.9), (ANY_SIZE,)) == "NEGLIGIBLE"
    assert severity(spot("contact", "pit_dig", 9.0, 1.1), (ANY_SIZE,)) == "LOW"  # none above 10 um


def test_what_may_lie_in_a_zone_that_counts_it_is_low_at_least() -> None:
    """2022: no limit in the adhesive, none above 5 um in the cladding."""
    sizes = zip("ABCD", (50.0, 220.0, 270.0, 500.0), strict=True)
    outlines = tuple(ZoneOutline(letter, Ellipse(CENTER, (size, size), 0.0)) for letter, size in sizes)
    off = spot("adhesive", "pit_dig", 6.0, r_min_px=115.0, r_max_px=127.0, r_core_px=115.0)
    for unsure_px, expected in ((1.0, "NEGLIGIBLE"), (8.0, "LOW")):
        unsure = replace(off, uncertainty={"r_min_px": unsure_px})
        (judged,) = judge([unsure], UPC_2022, ALL_ZONES, outlines, table=(ANY_SIZE,)).defects
        assert judged.severity == expected


def test_what_may_be_of_a_kind_that_is_counted_is_low_at_least() -> None:
    """Scratches have no limit in the contact zone, defects have one above 10 um."""
    scratch = spot("contact", "scratch", 1.0, diameter_um=80.0, class_probabilities={"scratch": 0.8, "crack": 0.2})
    for likely, expected in ((0.3, "NEGLIGIBLE"), (0.1, "LOW")):
        (judged,) = judge([scratch], UPC_2015, ALL_ZONES, min_probability=likely, table=SHIPPED).defects
        assert judged.severity == expected


# --- any table


def test_the_first_row_that_fits_says_what_a_mark_is() -> None:
    table = (
        SeverityRow(("crack",), ("contact",), 5.0, "LOW"),
        SeverityRow(("crack",), ("contact",), 20.0, "MEDIUM"),
        SeverityRow(("crack", "chip"), ("contact",), None, "HIGH"),
    )
    cracks = [spot("contact", "crack", size_um) for size_um in (4.99, 5.0, 19.99, 20.0)]
    assert [by_table(crack, UPC_2022, table) for crack in cracks] == ["LOW", "MEDIUM", "MEDIUM", "HIGH"]
    assert severity(spot("contact", "chip", 1.0), table, UPC_2022) == "HIGH"
    assert severity(spot("adhesive", "crack", 50.0), table, UPC_2022) == "LOW"
    assert severity(spot("contact", "pit_dig", 50.0), table, UPC_2022) == "LOW"


@pytest.mark.parametrize(
    ("zone", "size_um", "least"), [("core", 1.0, "CRITICAL"), ("cladding", 6.0, "HIGH"), ("cladding", 3.0, "MEDIUM")]
)
def test_no_table_makes_a_limit_look_harmless(zone: str, size_um: float, least: Severity) -> None:
    assert severity(spot(zone, "pit_dig", size_um), (ANY_SIZE,)) == least


def test_a_table_may_make_a_mark_more_severe_than_the_criteria_do() -> None:
    raised = (replace(ANY_SIZE, severity="HIGH"),)
    (judged,) = judge([spot("cladding", "pit_dig", 3.0)], UPC_2015, ALL_ZONES, table=raised).defects
    assert (judged.severity, judged.counted) == ("HIGH", True)
