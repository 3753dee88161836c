"""Marks drawn with known size measure that size; the criteria grade as the published tables say."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import judge, measure, zone_outlines
from config_loader import load_config
from records import (
    CLASSIFICATIONS,
    ZONE_LETTERS,
    ZONE_NAMES,
    Candidate,
    Criteria,
    Defect,
    Ellipse,
    Mask,
    Points,
    Request,
    Residual,
    Scale,
    UserError,
    ZoneOutline,
    Zones,
)
from tests.faces import asked, ellipse_in_px, face_of, face_with, measured_core, pixel_sizes, scale_of
from tests.inspections import mark

few = settings(max_examples=40)

SETTINGS = load_config(Path(__file__).parents[1] / "config.json")
CONFIG = SETTINGS.profile("deep_inspection")
BOOK = CONFIG.criteria
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
# Outer diameters in um; None: the published text gives none.
DIAMETERS: Mapping[tuple[str, str], tuple[float | None, ...]] = {
    ("iec_61300_3_35_2009", "single_mode_upc"): (25, 120, 130, 250),
    ("iec_61300_3_35_2015", "single_mode_upc"): (25, 115, 135, 250),
    ("iec_61300_3_35_2015", "single_mode_apc"): (25, 115, 135, 250),
    ("iec_61300_3_35_2015", "multimode"): (65, 115, 135, 250),
    ("iec_61300_3_35_2022", "single_mode_upc"): (25, 110, None, 250),
    ("iec_61300_3_35_2022", "single_mode_apc"): (25, 110, None, 250),
    ("iec_61300_3_35_2022", "multimode"): (65, 110, None, 250),
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


@pytest.mark.parametrize("key", DIAMETERS, ids=lambda key: f"{key[0][-4:]}-{key[1]}")
def test_zone_diameters_are_the_published_ones(key):
    scale = Scale(0.5, 0.5, "user_cladding")
    request = Request(key[0], key[1], cladding_diameter_um=125.0)
    outlines = zone_outlines(face_of(250.0), BOOK.find(*key), request, scale)
    assert [o.letter for o in outlines] == list(ZONE_LETTERS)
    for outline, diameter_um in zip(outlines, DIAMETERS[key], strict=True):
        assert diameter_um is None or outline.outer.axes_px == pytest.approx((2 * diameter_um, 2 * diameter_um))


@every_class
def test_a_class_says_how_well_it_is_confirmed_and_where_it_comes_from(key):
    edition, fiber_class = key
    unconfirmed = edition.endswith("2022") or fiber_class in UNCONFIRMED_2015
    assert BOOK.find(*key).confirmed is not unconfirmed
    assert BOOK.find(*key).source


@every_class
def test_scratches_are_sized_by_width_and_defects_by_diameter_in_the_zone_they_touch(key):
    criteria = BOOK.find(*key)
    assert (criteria.scratch_size_by, criteria.defect_size_by, criteria.zone_rule) == ("width", "diameter", "touched")


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
        assert any(all(word in reason for word in words) for reason in verdict.reasons), words


def test_a_zone_that_was_not_inspected_is_not_graded():
    marks = spots("A", "scratch", 9.0)
    assert status(marks, UPC, ("cladding", "contact")) == "PASS"
    assert status(marks, UPC, ("core",)) == "FAIL"


def test_what_sizes_a_mark_is_data():
    long_scratch = [replace(spot("B", "scratch", 1.0), length_um=40.0)]
    assert status(long_scratch, UPC) == "PASS"
    assert status(long_scratch, replace(UPC, scratch_size_by="length")) == "FAIL"


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


# --- zones


@few
@given(um_per_px=pixel_sizes, turn=st.floats(0, 180))
def test_zones_are_the_cladding_scaled_to_their_diameter(um_per_px, turn):
    cladding = ellipse_in_px(125.0, um_per_px, 1.02, turn)
    outlines = zone_outlines(face_with(cladding), UPC, asked(), scale_of(um_per_px))
    for outline, diameter_um in zip(outlines, (25, 115, 135, 250), strict=True):
        assert outline.outer == cladding.scaled(diameter_um / 125)


def test_zones_by_calibration_take_the_cladding_for_what_it_measures():
    outlines = zone_outlines(face_of(240.0), UPC, asked(None), Scale(0.5, 0.5, "calibration"))
    assert outlines[0].outer.axes_px == pytest.approx((50, 50))


def test_zones_of_a_custom_fiber_follow_its_core_and_cladding():
    request = Request("iec_61300_3_35_2015", "custom", 400.0, 440.0)
    core = measured_core(Ellipse((302.0, 250.0), (200.0, 200.0), 0.0))
    scale = Scale(2.0, 2.0, "user_cladding")
    outlines = zone_outlines(face_of(220.0, core), BOOK.find(request.edition, "custom"), request, scale)
    assert outlines[0].outer == core.ellipse
    # B ends 5 um inside of the edge, C 5 um outside, D at twice the diameter
    assert [o.outer.mean_diameter_px for o in outlines[1:]] == pytest.approx([215, 225, 440])


def test_a_zone_of_a_core_that_is_neither_seen_nor_known_is_left_out():
    request = Request("iec_61300_3_35_2015", "custom", cladding_diameter_um=440.0)
    criteria = BOOK.find(request.edition, "custom")
    outlines = zone_outlines(face_of(220.0), criteria, request, Scale(2.0, 2.0, "user_cladding"))
    assert [o.letter for o in outlines] == ["B", "C", "D"]


def test_without_a_scale_zones_are_core_cladding_and_twice_the_cladding():
    core = measured_core(Ellipse((301.0, 250.0), (100.0, 100.0), 0.0))
    outlines = zone_outlines(face_of(250.0, core), UPC, asked(None), None)
    assert [(o.letter, o.outer.mean_diameter_px) for o in outlines] == [("A", 100), ("B", 250), ("D", 500)]


# --- measuring drawn marks

SHAPE = (240, 300)
CENTER = (150.0, 120.0)
RADIUS_PX = 110.0
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float64)
SQUARE = Scale(0.5, 0.5, "user_cladding")
EVIDENCE = {"do2mr": 1.0, "lei": 1.0}
ONE_ZONE = Zones(np.full(SHAPE, 2, np.uint8), ())


def disc(radius: float, at: tuple[float, float] = CENTER, um_per_px: tuple[float, float] = (1.0, 1.0)) -> Mask:
    """Pixels whose centres lie in a disc; with `um_per_px` its radius is in micrometres."""
    return np.asarray(np.hypot((X - at[0]) * um_per_px[0], (Y - at[1]) * um_per_px[1]) <= radius)


def bar(
    length: float,
    width: float,
    angle_deg: float,
    at: tuple[float, float] = CENTER,
    um_per_px: tuple[float, float] = (1.0, 1.0),
) -> Mask:
    """Pixels whose centres lie in a straight bar; with `um_per_px` its sizes are in micrometres."""
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    x, y = (X - at[0]) * um_per_px[0], (Y - at[1]) * um_per_px[1]
    return (np.abs(c * x + s * y) <= length / 2) & (np.abs(c * y - s * x) <= width / 2)


def arc(radius: float, width: float, sweep_deg: float, start_deg: float = 0.0) -> Mask:
    """Pixels whose centres lie in a part of a ring."""
    turn = (np.degrees(np.arctan2(Y - CENTER[1], X - CENTER[0])) - start_deg) % 360
    return np.asarray(
        (np.abs(np.hypot(X - CENTER[0], Y - CENTER[1]) - radius) <= width / 2) & (turn <= sweep_deg), bool
    )


def zigzag(steps: int, step: float, width: float, half_angle_deg: float) -> Mask:
    """Pixels near a line that turns to either side at every step."""
    turns = np.radians(half_angle_deg) * np.where(np.arange(steps) % 2, 1, -1)
    corners = np.cumsum([[0.0, 0.0], *(step * np.stack([np.cos(turns), np.sin(turns)], axis=1))], axis=0)
    corners += np.array(CENTER) - corners.mean(axis=0)
    out = np.zeros(SHAPE, bool)
    for start, stop in itertools.pairwise(corners):
        along = np.clip(((X - start[0]) * (stop - start)[0] + (Y - start[1]) * (stop - start)[1]) / step**2, 0, 1)
        out |= np.hypot(X - start[0] - along * (stop - start)[0], Y - start[1] - along * (stop - start)[1]) <= width / 2
    return out


def candidate(mask: Mask, evidence: Mapping[str, float] = EVIDENCE, on_edge: bool = False) -> Candidate:
    rows, columns = np.nonzero(mask)
    x, y, x2, y2 = int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())
    return Candidate((x, y, x2 - x + 1, y2 - y + 1), mask[y : y2 + 1, x : x2 + 1], evidence, on_edge)


def residual_of(
    signal: np.ndarray, origin: tuple[int, int] = (0, 0), pixel_px: tuple[float, float] = (1.0, 1.0)
) -> Residual:
    """A residual on an even background of half the range; `signal` is relative to it, on the whole picture."""
    window = np.s_[origin[1] :, origin[0] :]
    gray = (0.5 * signal[window]).astype(np.float32)
    dx, dy = (X - CENTER[0])[window], (Y - CENTER[1])[window]
    return Residual(
        origin_px=origin,
        pixel_px=pixel_px,
        gray=gray,
        snr=gray / np.float32(0.01),
        edge_snr=gray / np.float32(0.01),
        background=np.full_like(gray, 0.5),
        rho=(np.hypot(dx, dy) / RADIUS_PX).astype(np.float32),
        cladding_radius_px=RADIUS_PX,
        blur_px=0.0,
        inside=np.ones(gray.shape, bool),
    )


def measured(
    *masks: Mask,
    contrast: float = -0.4,
    scale: Scale | None = None,
    zones: Zones = ONE_ZONE,
    criteria: Criteria = UPC,
    on_edge: bool = False,
    cladding_um: float | None = None,
    origin: tuple[int, int] = (0, 0),
    pixel_px: tuple[float, float] = (1.0, 1.0),
) -> tuple[Defect, ...]:
    """The defects that even marks of these shapes make."""
    field = residual_of(contrast * np.any(masks, axis=0), origin, pixel_px)
    return measure([candidate(m, on_edge=on_edge) for m in masks], field, zones, criteria, scale, cladding_um, CONFIG)


def one(mask: Mask, **how: Any) -> Defect:
    (defect,) = measured(mask, **how)
    return defect


def turn_between(a_deg: float, b_deg: float) -> float:
    """Angle between two axes without direction."""
    return abs((a_deg - b_deg + 90) % 180 - 90)


sub_pixel = st.tuples(st.floats(149.5, 150.5), st.floats(119.5, 120.5))
angles = st.floats(0, 180)


@few
@given(length=st.floats(30, 110), width=st.floats(2.5, 7), angle=angles, at=sub_pixel)
def test_a_straight_scratch_measures_its_length_and_width_at_any_angle(length, width, angle, at):
    mask = bar(length, width, angle, at)
    defect = one(mask)
    assert defect.length_px == pytest.approx(length, abs=2.0)
    assert defect.width_px == pytest.approx(width, abs=1.0)  # one row more or less when it lies along the pixels
    assert defect.diameter_px == pytest.approx(math.hypot(length, width), abs=2.0)
    assert turn_between(defect.orientation_deg, angle) < math.degrees(2 / length)
    assert defect.area_px == mask.sum()
    assert defect.centroid_px == pytest.approx((X[mask].mean(), Y[mask].mean()))


@pytest.mark.parametrize("angle", [0, 11, 22.5, 30, 45, 60, 67.5, 90, 113, 150])
def test_a_line_as_thin_as_a_pixel_keeps_its_length(angle):
    defect = one(bar(100, 1.5, angle, (150.3, 119.6)))
    assert defect.length_px == pytest.approx(100, abs=1.5)
    assert defect.width_px == pytest.approx(1.5, abs=0.6)


@pytest.mark.parametrize("sweep", [40, 90, 120])
@pytest.mark.parametrize(("radius", "width"), [(60, 3), (60, 5), (90, 4)])
def test_a_curved_scratch_is_measured_along_its_curve(radius, width, sweep):
    defect = one(arc(radius, width, sweep, 20))
    assert defect.length_px == pytest.approx(radius * math.radians(sweep), rel=0.02, abs=1)
    assert defect.width_px == pytest.approx(width, rel=0.05)
    assert defect.classification == "scratch"


def test_a_mark_with_a_corner_is_as_long_as_both_arms():
    corner = (X >= 60) & (X < 130) & (Y >= 60) & (Y < 64) | (X >= 60) & (X < 64) & (Y >= 60) & (Y < 120)
    defect = one(corner)
    assert defect.length_px == pytest.approx(70 + 60 - 4, rel=0.03)
    assert defect.width_px == pytest.approx(4, rel=0.05)
    assert defect.area_px == corner.sum()


@few
@given(radius=st.floats(4, 40), at=sub_pixel)
def test_a_disc_measures_its_diameter_and_area(radius, at):
    defect = one(disc(radius, at))
    for size in (defect.diameter_px, defect.length_px, defect.width_px):
        assert size == pytest.approx(2 * radius, abs=1.2)
    assert defect.area_px == pytest.approx(math.pi * radius**2, abs=1.6 * radius)
    assert defect.perimeter_px == pytest.approx(2 * math.pi * radius, rel=0.08)
    assert defect.circularity > 0.85
    assert defect.aspect_ratio < 1.3
    assert math.dist(defect.centroid_px, at) < 0.3


def test_a_disc_is_rounder_than_a_square_and_a_square_than_a_bar():
    shapes = (disc(15), bar(26, 26, 0), bar(60, 10, 30))
    roundness = [one(shape).circularity for shape in shapes]
    assert roundness == sorted(roundness, reverse=True)
    assert one(bar(27, 27, 0)).circularity == pytest.approx(math.pi / 4, abs=0.06)


@few
@given(length=st.floats(25, 80), width=st.floats(2.5, 6), angle=angles, um_per_px=pixel_sizes)
def test_micrometres_of_a_scratch_account_for_pixels_that_are_not_square(length, width, angle, um_per_px):
    unit = math.sqrt(um_per_px[0] * um_per_px[1])
    scaled = um_per_px[0] / unit, um_per_px[1] / unit  # the bar keeps its size on the drawing sheet
    mask = bar(length, width, angle, um_per_px=scaled)
    defect = one(mask, scale=scale_of(um_per_px))
    assert defect.length_um == pytest.approx(length * unit, abs=2.5 * unit)
    assert defect.width_um == pytest.approx(width * unit, abs=1.2 * unit)
    assert defect.area_um2 == pytest.approx(mask.sum() * unit**2)


@few
@given(um_per_px=pixel_sizes, radius=st.floats(6, 30))
def test_a_round_mark_is_round_in_micrometres_though_not_in_pixels(um_per_px, radius):
    unit = math.sqrt(um_per_px[0] * um_per_px[1])
    scaled = um_per_px[0] / unit, um_per_px[1] / unit
    defect = one(disc(radius, CENTER, scaled), scale=scale_of(um_per_px))
    assert defect.diameter_um == pytest.approx(2 * radius * unit, abs=1.3 * unit)
    assert defect.width_um == pytest.approx(2 * radius * unit, abs=1.5 * unit)


@few
@given(um_per_px=st.floats(0.1, 3.0), length=st.floats(25, 60), width=st.floats(3, 6), angle=angles)
def test_square_pixels_make_micrometres_a_multiple_of_pixels(um_per_px, length, width, angle):
    defect = one(bar(length, width, angle), scale=Scale(um_per_px, um_per_px, "user_cladding"))
    for name in ("length", "width", "diameter", "r_min", "r_max"):
        # of two rectangles of equal area around a mark either may be taken for the smallest
        assert getattr(defect, f"{name}_um") == pytest.approx(um_per_px * getattr(defect, f"{name}_px"), rel=0.03)
    assert defect.area_um2 == pytest.approx(um_per_px**2 * defect.area_px)


def test_without_a_scale_a_mark_has_its_sizes_in_pixels_alone():
    defect = one(bar(40, 4, 20))
    sizes = ("length_um", "width_um", "diameter_um", "area_um2", "r_min_um", "r_max_um")
    assert [getattr(defect, name) for name in sizes] == [None] * len(sizes)
    assert defect.length_px > 0


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_quarter_turn_changes_no_size(turns):
    shape = bar(50, 5, 20) | disc(9, (170, 130))
    turned = np.zeros(SHAPE, bool)
    square = np.rot90(shape[:, 30:270], turns)
    turned[:, 30:270] = square
    for name in ("length_px", "width_px", "diameter_px", "area_px", "perimeter_px"):
        assert getattr(one(turned), name) == pytest.approx(getattr(one(shape), name), rel=0.02)


def test_a_scratch_broken_into_dashes_is_measured_as_one():
    whole, dashed = bar(90, 3, 0), bar(90, 3, 0) & (X % 15 > 2)
    defect = one(dashed)
    assert defect.length_px == pytest.approx(one(whole).length_px, abs=4)
    assert defect.classification == "scratch"


@pytest.mark.parametrize("contrast", [-0.6, -0.2, 0.3])
def test_contrast_is_relative_to_the_background_and_signed(contrast):
    assert one(disc(12), contrast=contrast).contrast == pytest.approx(contrast, rel=0.01)


@few
@given(radius=st.floats(4, 15), away=st.floats(20, 80), turn=st.floats(0, 360))
def test_the_distances_from_the_centre_are_those_of_the_nearest_and_farthest_pixel(radius, away, turn):
    at = CENTER[0] + away * math.cos(math.radians(turn)), CENTER[1] + away * math.sin(math.radians(turn))
    defect = one(disc(radius, at), scale=Scale(0.5, 0.5, "user_cladding"), cladding_um=RADIUS_PX)
    assert defect.r_min_px == pytest.approx(max(away - radius, 0), abs=1.1)
    assert defect.r_max_px == pytest.approx(away + radius, abs=1.1)
    assert defect.r_max_um == pytest.approx(defect.r_max_px / 2)


def test_a_mark_lies_where_it_was_drawn_whatever_the_window():
    mask = disc(9, (180, 140))
    here, moved = one(mask), one(mask, origin=(60, 50))
    assert repr(here) == repr(moved)  # an array in it makes == of two records ambiguous
    x, y, w, h = here.bbox_px
    assert (x + (w - 1) / 2, y + (h - 1) / 2) == (180, 140)
    assert np.array_equal(here.contour_px.min(axis=0), (x, y))
    assert np.array_equal(here.contour_px.max(axis=0), (x + w - 1, y + h - 1))


@pytest.mark.parametrize("pixel_px", [(2.0, 2.0), (1.5, 2.5)])
def test_a_mark_found_on_a_reduced_picture_is_measured_in_pixels_of_the_stored_one(pixel_px):
    fx, fy = pixel_px
    scale = Scale(0.3, 0.2, "user_cladding")
    reduced = one(bar(50, 5, 0, (180, 140)), pixel_px=pixel_px, scale=scale)
    stored = one(bar(50, 5, 0, (180, 140)), scale=Scale(0.3 * fx, 0.2 * fy, "user_cladding"))
    assert reduced.centroid_px == pytest.approx((180.5 * fx - 0.5, 140.5 * fy - 0.5))
    assert reduced.area_px == pytest.approx(stored.area_px * fx * fy)
    assert reduced.length_px == pytest.approx(50 * fx, rel=0.05)
    for name in ("length_um", "width_um", "diameter_um", "area_um2"):
        assert getattr(reduced, name) == pytest.approx(getattr(stored, name))
    x, y, w, h = reduced.bbox_px
    assert (reduced.contour_px >= (x, y)).all()
    assert (reduced.contour_px <= (x + w - 1, y + h - 1)).all()


def filled(contour_px: Points) -> Mask:
    """The pixels that an outline holds, its own included."""
    inside = np.zeros(SHAPE, np.uint8)
    cv2.fillPoly(inside, [contour_px.astype(np.int32)], 1)
    return inside > 0


@pytest.mark.parametrize(
    "mask",
    [
        disc(9),
        bar(70, 3, 25) & (X % 16 > 6),
        disc(2.2, (120, 110)) | disc(2.2, (126, 116)) | disc(2.2, (134, 113)),
        arc(30, 3, 300),
        disc(8, (140, 110)) | disc(1, (152, 122)),
    ],
    ids=["disc", "dashes", "specks", "arc", "satellite"],
)
def test_the_outline_and_the_circle_hold_every_piece_of_a_mark(mask):
    defect = one(mask)
    assert filled(defect.contour_px)[mask].all()
    rows, columns = np.nonzero(mask)
    apart = np.hypot(rows[:, None] - rows[None], columns[:, None] - columns[None])
    assert defect.diameter_px >= apart.max()


def test_a_few_specks_far_apart_have_sizes_and_no_shape():
    specks = disc(1.2, (120, 110)) | disc(1.2, (131, 113)) | disc(1.2, (147, 112)) | disc(1.2, (160, 117))
    defect = one(specks)
    assert defect.area_px == specks.sum()
    assert defect.features["jaggedness_px"] == 0


# --- kinds


def soft(mask: Mask, edge_px: float) -> np.ndarray:
    """A disc-like mark whose depth falls off towards its edge."""
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), edge_px)


def test_a_straight_line_is_a_scratch_and_a_jagged_one_a_crack():
    assert one(bar(90, 3, 33)).classification == "scratch"
    assert one(zigzag(9, 12, 3, 35)).classification == "crack"


@pytest.mark.parametrize("contrast", [-0.4, 0.4])
def test_a_scratch_may_be_dark_or_bright(contrast):
    assert one(bar(60, 3, 70), contrast=contrast).classification == "scratch"


def test_a_compact_dark_mark_with_a_sharp_edge_is_a_pit():
    assert one(disc(7), contrast=-0.5).classification == "pit_dig"


def test_a_bright_mark_is_contamination():
    assert one(disc(7), contrast=0.5).classification == "contamination"


def test_a_mark_with_a_soft_edge_is_contamination():
    mask = disc(14)
    field = residual_of(-0.5 * soft(disc(7), 5.0))
    (defect,) = measure([candidate(mask)], field, ONE_ZONE, UPC, None, None, CONFIG)
    assert defect.classification == "contamination"


def test_a_ragged_dark_mark_is_contamination():
    ragged = disc(8) | disc(6, (159, 126)) | disc(5, (143, 111))
    assert one(ragged, contrast=-0.5).classification == "contamination"


@pytest.mark.parametrize("mask", [disc(7), bar(60, 3, 20), zigzag(9, 12, 3, 35)], ids=["disc", "line", "zigzag"])
def test_what_lies_along_the_cladding_edge_is_a_chip(mask):
    assert one(mask, on_edge=True).classification == "chip"


@pytest.mark.parametrize("turn", range(0, 180, 20))
def test_the_kind_does_not_depend_on_the_direction(turn):
    assert one(bar(60, 4, turn)).classification == "scratch"


def test_the_features_behind_a_decision_are_in_the_record():
    assert one(disc(7)).features["contrast"] == pytest.approx(-0.4, rel=0.01)


# --- placing and numbering


def ringed(*radii_px: float) -> Zones:
    """Zones A, B, C, D as circles about the centre of the drawing."""
    labels = np.zeros(SHAPE, np.uint8)
    outlines = []
    for letter, radius in sorted(zip(ZONE_LETTERS, radii_px, strict=False), reverse=True):
        labels[np.hypot(X - CENTER[0], Y - CENTER[1]) <= radius] = 1 + ZONE_LETTERS.index(letter)
        outlines.append(ZoneOutline(letter, Ellipse(CENTER, (2 * radius, 2 * radius), 0.0)))
    return Zones(labels, tuple(reversed(outlines)))


RINGS = ringed(20, 60, 80, 110)
THROUGH_ALL = bar(100, 3, 0, (CENTER[0] + 65, CENTER[1]))  # from 15 to 115 px: its middle lies in C


def test_a_mark_belongs_to_the_innermost_zone_it_touches():
    defect = one(THROUGH_ALL, zones=RINGS)
    assert defect.zone == "core"
    assert defect.zones_touched == ("core", "cladding", "adhesive", "contact")


def test_a_company_rule_may_place_a_mark_by_its_middle():
    defect = one(THROUGH_ALL, zones=RINGS, criteria=replace(UPC, zone_rule="centroid"))
    assert defect.zone == "adhesive"


def test_one_pixel_in_a_more_critical_zone_takes_the_whole_mark():
    away = np.where(CENTER[1] == Y, X - CENTER[0], -1)
    mask, beside = (away >= 20) & (away < 58), (away >= 21) & (away < 58)
    assert one(mask, zones=RINGS).zone == "core"
    assert one(beside, zones=RINGS).zone == "cladding"
    assert one(mask, zones=RINGS).length_px == one(beside, zones=RINGS).length_px + 1


def test_a_mark_is_judged_by_the_size_of_all_of_it():
    reaching_in = bar(30, 9, 0, (CENTER[0] + 25, CENTER[1]))  # 10 of its 30 px lie in the core
    defect = one(reaching_in, zones=RINGS, scale=SQUARE)
    assert defect.diameter_um == pytest.approx(15.6, abs=0.6)
    assert status([defect], MULTIMODE) == "FAIL"
    assert status([replace(defect, diameter_um=5.0)], MULTIMODE) == "PASS"


def test_a_mark_outside_of_all_zones_is_left_out():
    assert measured(disc(4, (20, 20)), zones=RINGS) == ()


def test_no_candidates_give_no_defects():
    assert measure([], residual_of(np.zeros(SHAPE)), RINGS, UPC, None, None, CONFIG) == ()


def test_defects_are_numbered_from_the_core_outwards_and_from_large_to_small():
    places = (150.3, 120.4), (190.3, 120.4), (150.3, 160.4), (150.3, 20.4)
    pits = [disc(radius, at) for radius, at in zip((5, 8, 6, 7), places, strict=True)]
    found = measured(pits[2], pits[3], pits[0], bar(40, 2, 0, (150, 90)), pits[1], zones=RINGS)
    assert [(d.id, d.zone) for d in found] == [
        ("P1", "core"),
        ("S1", "cladding"),
        ("P2", "cladding"),
        ("P3", "cladding"),
        ("P4", "contact"),
    ]


def test_the_letter_of_an_id_is_that_of_the_kind():
    found = (
        *measured(disc(6, (190, 120)), bar(40, 2, 0, (150, 90)), zigzag(9, 12, 3, 35), zones=RINGS),
        *measured(disc(6, (190, 120)), contrast=0.5, zones=RINGS),
        *measured(disc(6, (190, 120)), on_edge=True, zones=RINGS),
    )
    letters = {"scratch": "S", "pit_dig": "P", "contamination": "C", "crack": "K", "chip": "E"}
    assert {d.classification: d.id for d in found} == {kind: f"{letter}1" for kind, letter in letters.items()}


# --- agreement


def test_confidence_is_full_when_every_detector_of_the_kind_supports_all_of_the_mark():
    able = dict.fromkeys(CONFIG.classification.detectors_of["pit_dig"], 1.0)
    half = dict.fromkeys(able, 0.5)
    field = residual_of(-0.4 * disc(7))
    found = [
        measure([candidate(disc(7), shares)], field, ONE_ZONE, UPC, None, None, CONFIG)[0] for shares in (able, half)
    ]
    assert [d.confidence for d in found] == pytest.approx([1.0, 0.5])


def test_a_detector_that_saw_next_to_nothing_of_a_mark_is_not_named():
    field = residual_of(-0.4 * disc(7))
    shares = {"do2mr": 0.9, "lei": 0.9 * CONFIG.classification.min_agreement}
    (defect,) = measure([candidate(disc(7), shares)], field, ONE_ZONE, UPC, None, None, CONFIG)
    assert defect.detected_by == ("do2mr",)
