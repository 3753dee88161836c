"""Records round what a verdict rests on as their files do, and a check says how near its limit is."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dscope_blink.records import (
    JUDGED,
    Check,
    CoreFit,
    Defect,
    Ellipse,
    FiberGeometry,
    Notice,
    Scale,
    Verdict,
    as_recorded,
    check_in_words,
    recorded,
    rounded,
)
from dscope_blink.records.stored import to_json
from tests.builders.inspections import COUNTED, FAILED, GEOMETRY, NO_SCALE


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("r_min_px", 12.34567, 12.346),
        ("length_um", 12.34567, 12.346),
        ("area_um2", 1234.56789, 1234.568),
        ("core_non_circularity_pct", 0.123456, 0.123),
        ("angle_deg", 123.45678, 123.46),
        ("um_per_px_x", 0.43554006971, 0.43554007),
        ("um_per_px_y", 0.43554006971, 0.43554007),
        ("um", 0.00049, 0.0),
        ("contrast", -0.000123456, -0.00012346),
        ("focus", 123456.7, 123460.0),
        ("nearness", 1 / 3, 0.33333),
    ],
)
def test_a_number_keeps_the_decimals_of_its_unit_or_else_its_digits(name: str, value: float, kept: float) -> None:
    assert rounded(name, value) == kept


@given(
    name=st.sampled_from(["r_min_px", "length_um", "angle_deg", "um_per_px_x", "contrast"]), value=st.floats(-1e6, 1e6)
)
def test_rounding_twice_changes_nothing(name: str, value: float) -> None:
    assert rounded(name, rounded(name, value)) == rounded(name, value)


odd_size, diameter = st.floats(0.001, 900), st.floats(10, 900)


@given(x=st.floats(0.01, 9), y=st.floats(0.01, 9))
def test_a_recorded_scale_is_that_of_the_file(x: float, y: float) -> None:
    scale = Scale(x, y, "calibration")
    stored = to_json(recorded(replace(FAILED, scale=scale)))["scale"]
    assert Scale(**stored) == as_recorded(scale, "um_per_px_x", "um_per_px_y")


@given(center=st.tuples(odd_size, odd_size), axes=st.tuples(diameter, diameter), angle=st.floats(0, 180))
def test_recorded_ellipses_are_those_of_the_file(
    center: tuple[float, float], axes: tuple[float, float], angle: float
) -> None:
    ellipse = Ellipse(center, axes, angle)
    geometry = FiberGeometry(replace(GEOMETRY.cladding, ellipse=ellipse), CoreFit(ellipse.scaled(0.4), "measured"))
    stored, placed = to_json(recorded(replace(FAILED, geometry=geometry)))["geometry"], geometry.placed()
    assert placed.core is not None
    for fit, kept in ((stored["cladding"], placed.cladding), (stored["core"], placed.core)):
        assert Ellipse(tuple(fit["center_px"]), tuple(fit["axes_px"]), fit["angle_deg"]) == kept.ellipse


def test_a_recorded_geometry_keeps_all_but_the_decimals() -> None:
    assert GEOMETRY.placed() == GEOMETRY  # its numbers are round
    assert replace(GEOMETRY, core=None).placed().core is None


@given(sizes=st.tuples(odd_size, odd_size, odd_size), places=st.tuples(odd_size, odd_size, odd_size), unsure=odd_size)
def test_what_a_recorded_mark_is_judged_by_is_that_of_the_file(
    sizes: tuple[float, float, float], places: tuple[float, float, float], unsure: float
) -> None:
    length, width, diameter = sizes
    odd = replace(
        COUNTED,
        **{"length_um": length, "width_um": width, "diameter_um": diameter},  # type: ignore[arg-type]
        **{"r_min_px": places[0], "r_core_px": places[1], "centroid_px": (places[1], places[2])},  # type: ignore[arg-type]
        uncertainty={"width_um": unsure},
    )
    stored, kept = to_json(recorded(replace(FAILED, defects=(odd,))))["defects"][0], as_recorded(odd, *JUDGED)
    assert stored["centroid_px"] == kept.centroid_px
    for name in JUDGED:
        if name != "centroid_px":
            assert stored[name] == getattr(kept, name), name


def test_a_recorded_mark_keeps_all_that_no_verdict_rests_on_as_it_was() -> None:
    odd = replace(COUNTED, contrast=-0.123456789, area_px=1 / 3, r_max_px=2 / 3)
    kept = as_recorded(odd, *JUDGED)
    others = {f.name for f in fields(Defect)} - {*JUDGED, "contour_px"}
    assert {name: getattr(kept, name) for name in others} == {name: getattr(odd, name) for name in others}


def test_a_size_that_is_not_known_stays_so() -> None:
    kept = as_recorded(replace(NO_SCALE.defects[0], r_core_px=None), *JUDGED)
    assert (kept.length_um, kept.width_um, kept.diameter_um, kept.r_core_px) == (None,) * 4


# --- checks


def check(count: int, max_count: int, size_um: float | None, limit_um: float = 5.0, **others: Any) -> Check:
    return Check("cladding", "defect diameter > 5 um", count, max_count, size_um, limit_um, (), "defect", **others)


@pytest.mark.parametrize(
    ("held", "broken", "margin_um", "nearness"),
    [
        (check(0, 0, None), False, None, 0.0),
        (check(0, 0, 4.0), False, 1.0, 0.8),
        (check(0, 0, 5.0), False, 0.0, 1.0),
        (check(1, 0, 7.5), True, -2.5, 1.0),
        (check(3, 0, 7.5), True, -2.5, 3.0),
        (check(3, 5, None), False, None, 0.5),
        (check(5, 5, None), False, None, 5 / 6),
        (check(4, 5, 1.0), False, 4.0, 4 / 6),
        (check(4, 5, 4.5), False, 0.5, 0.9),
        (check(6, 5, 5.2), True, -0.2, 1.0),
        (check(1, 0, 0.7, limit_um=0.0), True, -0.7, 1.0),
    ],
)
def test_a_check_tells_how_much_is_left(held: Check, broken: bool, margin_um: float | None, nearness: float) -> None:
    assert (held.broken, held.margin_um) == (broken, margin_um)
    assert held.nearness == pytest.approx(nearness)


def test_the_margin_has_the_decimals_of_a_record() -> None:
    assert check(0, 0, 4.9).margin_um == 0.1
    assert 5.0 - 4.9 != 0.1  # which the difference has not


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (check(0, 0, None), "0, allowed none"),
        (check(3, 5, None), "3, allowed 5"),
        (check(0, 0, 4.16), "0, allowed none; mark that decides 4.2 um, 0.8 um below"),
        (check(6, 5, 7.54), "6, allowed 5; mark that decides 7.5 um, 2.5 um over"),
    ],
)
def test_a_check_says_what_was_measured_beside_what_is_allowed(held: Check, words: str) -> None:
    assert check_in_words(held, FAILED.criteria, ()) == f"Zone cladding: defect diameter > 5 um: {words}"


def test_the_closest_limit_is_the_nearest_of_those_that_hold() -> None:
    near, far, broken, untouched = check(0, 0, 4.0), check(1, 5, None), check(2, 0, 9.0), check(0, 0, None)
    assert Verdict("PASS", checks=(far, untouched, near)).closest is near
    assert Verdict("PASS", checks=(untouched,)).closest is None
    assert Verdict("FAIL", (Notice("limit_broken", "broken"),), checks=(broken, near)).closest is None


@pytest.mark.parametrize("status", ["FAIL", "NOT_GRADED"])
def test_a_verdict_that_is_no_pass_gives_its_reason(status: Any) -> None:
    with pytest.raises(ValueError, match=f"a {status} verdict must give a reason"):
        Verdict(status)
