"""Marks drawn with known size measure that size, and lie where they were drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dscope_blink.analysis.judging import judge, placed
from dscope_blink.analysis.measuring import LocatedFace, measure, numbered
from dscope_blink.analysis.zoning import zone_of
from dscope_blink.records import (
    JUDGED,
    ZONE_LETTERS,
    ZONE_NAMES,
    Defect,
    Ellipse,
    Mask,
    Points,
    Scale,
    ZoneOutline,
    as_recorded,
)
from tests.builders.faces import asked, face_with, measured_core, pixel_sizes
from tests.builders.marks import (
    CENTER,
    CONFIG,
    ONE_ZONE,
    RADIUS_PX,
    SHAPE,
    X,
    Y,
    bar,
    candidate,
    disc,
    face_around,
    measured,
    one,
    residual_of,
    zigzag,
)

few = settings(max_examples=40)
MULTIMODE = CONFIG.criteria.find("iec_61300_3_35_2015", "multimode")


# --- measuring drawn marks

SQUARE = Scale(0.5, 0.5, "calibration")


def arc(radius: float, width: float, sweep_deg: float, start_deg: float = 0.0) -> Mask:
    """Pixels whose centres lie in a part of a ring."""
    turn = (np.degrees(np.arctan2(Y - CENTER[1], X - CENTER[0])) - start_deg) % 360
    return np.asarray(
        (np.abs(np.hypot(X - CENTER[0], Y - CENTER[1]) - radius) <= width / 2) & (turn <= sweep_deg), bool
    )


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
    assert defect.width_px == pytest.approx(mask.sum() / length, abs=0.7)  # as wide as rows of whole pixels make it
    assert defect.diameter_px == pytest.approx(math.hypot(length, width), abs=2.0)
    assert turn_between(defect.orientation_deg, angle) < math.degrees(2 / length)
    assert defect.area_px == pytest.approx(mask.sum(), rel=0.1, abs=length)
    assert defect.centroid_px == pytest.approx((X[mask].mean(), Y[mask].mean()), abs=0.00051)


@pytest.mark.parametrize("angle", [0, 11, 22.5, 30, 45, 60, 67.5, 90, 113, 150])
def test_a_line_as_thin_as_a_pixel_keeps_its_length(angle):
    mask = bar(100, 1.5, angle, (150.3, 119.6))
    defect = one(mask)
    assert defect.length_px == pytest.approx(100, abs=2.0)
    assert defect.width_px == pytest.approx(mask.sum() / 100, abs=0.6)


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
    assert defect.area_px == pytest.approx(corner.sum(), rel=0.03)


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
    assert one(bar(27, 27, 0)).circularity == pytest.approx(math.pi / 4, abs=0.09)  # blurred corners are round


@few
@given(length=st.floats(25, 80), width=st.floats(4, 6), angle=angles, um_per_px=pixel_sizes)
def test_micrometres_of_a_scratch_account_for_pixels_that_are_not_square(length, width, angle, um_per_px):
    unit = math.sqrt(um_per_px[0] * um_per_px[1])
    scaled = um_per_px[0] / unit, um_per_px[1] / unit  # the bar keeps its size on the drawing sheet
    mask = bar(length, width, angle, um_per_px=scaled)
    defect = one(mask, scale=Scale(um_per_px[0], um_per_px[1], "calibration"))
    assert defect.length_um == pytest.approx(length * unit, abs=2.5 * unit)
    assert defect.width_um == pytest.approx(mask.sum() / length * unit, abs=1.2 * unit)
    assert defect.area_um2 == pytest.approx(defect.area_px * unit**2, rel=0.3)
    assert defect.area_px == pytest.approx(mask.sum(), rel=0.1, abs=length)


@few
@given(um_per_px=pixel_sizes, radius=st.floats(6, 30))
def test_a_round_mark_is_round_in_micrometres_though_not_in_pixels(um_per_px, radius):
    unit = math.sqrt(um_per_px[0] * um_per_px[1])
    scaled = um_per_px[0] / unit, um_per_px[1] / unit
    defect = one(disc(radius, CENTER, scaled), scale=Scale(um_per_px[0], um_per_px[1], "calibration"))
    assert defect.diameter_um == pytest.approx(2 * radius * unit, abs=1.3 * unit)
    assert defect.width_um == pytest.approx(2 * radius * unit, abs=1.5 * unit)


@few
@given(um_per_px=st.floats(0.1, 3.0), length=st.floats(25, 60), width=st.floats(3, 6), angle=angles)
def test_square_pixels_make_micrometres_a_multiple_of_pixels(um_per_px, length, width, angle):
    defect = one(bar(length, width, angle), scale=Scale(um_per_px, um_per_px, "calibration"))
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
    mask = disc(radius, at)
    defect = one(mask)
    distances = np.hypot(X - CENTER[0], Y - CENTER[1])[mask]
    assert defect.r_min_px == pytest.approx(distances.min(), abs=0.00051)
    assert defect.r_max_px == pytest.approx(distances.max(), abs=0.00051)


def test_distances_in_micrometres_are_shares_of_the_known_cladding():
    known = one(disc(5, (190, 120)), scale=Scale(0.5, 0.5, "calibration"), cladding_um=0.6 * 2 * RADIUS_PX)
    assert (known.r_min_px, known.r_max_px) == (35, 45)
    assert (known.r_min_um, known.r_max_um) == pytest.approx((0.6 * 35, 0.6 * 45))


def test_distances_in_micrometres_follow_the_scale_where_no_diameter_is_known():
    defect = one(disc(5, (190, 120)), scale=Scale(0.5, 0.5, "calibration"))
    assert (defect.r_min_um, defect.r_max_um) == pytest.approx((17.5, 22.5))


def test_distances_count_in_shares_of_a_cladding_that_is_no_circle():
    lying = Ellipse(CENTER, (160.0, 80.0), 0.0)  # 60 px is the mean of its radii
    face = LocatedFace.of(face_with(lying), ONE_ZONE, None, asked(None), CONFIG.scale)
    along, across = disc(0, (CENTER[0] + 80, CENTER[1])), disc(0, (CENTER[0], CENTER[1] - 20))
    field = residual_of(-0.4 * (along | across))
    defects = measure([candidate(along), candidate(across)], field, face, CONFIG)
    assert [(d.r_min_px, d.r_max_px) for d in defects] == [(60, 60), (30, 30)]


def test_the_distance_from_the_core_is_that_of_the_pixel_nearest_to_its_own_centre():
    core = measured_core(Ellipse((CENTER[0] + 10, CENTER[1]), (40.0, 40.0), 0.0))
    assert one(disc(5, (190, 120)), core=core).r_core_px == 25
    assert one(disc(5, (190, 120))).r_core_px is None


def test_what_a_verdict_rests_on_is_as_a_record_gives_it_back():
    third = disc(5) | disc(0, (CENTER[0] + 6, CENTER[1]))  # one pixel more: no centroid of three decimals
    defect = one(third, scale=Scale(1 / 3, 1 / 3, "calibration"))
    assert repr(as_recorded(defect, *JUDGED)) == repr(defect)
    assert X[third].mean() != round(X[third].mean(), 3)


def test_a_mark_lies_where_it_was_drawn_whatever_the_window():
    mask = disc(9, (180, 140))
    here, moved = one(mask), one(mask, origin=(60, 50))
    assert repr(here) == repr(moved)  # an array in it makes == of two records ambiguous
    x, y, w, h = here.bbox_px
    assert (x + (w - 1) / 2, y + (h - 1) / 2) == (180, 140)
    assert here.contour_px.min(axis=0) == pytest.approx((x, y), abs=0.5)
    assert here.contour_px.max(axis=0) == pytest.approx((x + w - 1, y + h - 1), abs=0.5)


@pytest.mark.parametrize("pixel_px", [(2.0, 2.0), (1.5, 2.5)])
def test_a_mark_found_on_a_reduced_picture_is_measured_in_pixels_of_the_stored_one(pixel_px):
    fx, fy = pixel_px
    scale = Scale(0.3, 0.2, "calibration")
    reduced = one(bar(50, 5, 0, (180, 140)), pixel_px=pixel_px, scale=scale)
    stored = one(bar(50, 5, 0, (180, 140)), scale=Scale(0.3 * fx, 0.2 * fy, "calibration"))
    assert reduced.centroid_px == pytest.approx((180.5 * fx - 0.5, 140.5 * fy - 0.5), abs=0.00051)
    assert reduced.area_px == pytest.approx(stored.area_px * fx * fy, rel=0.02)
    assert reduced.length_px == pytest.approx(50 * fx, rel=0.05)
    for name in ("length_um", "width_um", "diameter_um", "area_um2"):
        assert getattr(reduced, name) == pytest.approx(getattr(stored, name), abs=0.0011)
    x, y, w, h = reduced.bbox_px
    assert (reduced.contour_px >= (x - 0.5, y - 0.5)).all()
    assert (reduced.contour_px <= (x + w - 0.5, y + h - 0.5)).all()


def filled(contour_px: Points) -> Mask:
    """The pixels that an outline holds, and those beside them."""
    inside = np.zeros(SHAPE, np.uint8)
    cv2.fillPoly(inside, [np.rint(contour_px).astype(np.int32)], 1)
    return cv2.dilate(inside, np.ones((3, 3), np.uint8)) > 0


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
    assert defect.diameter_px >= apart.max() - 1


def test_a_few_specks_far_apart_have_sizes_and_no_shape():
    specks = disc(1.2, (120, 110)) | disc(1.2, (131, 113)) | disc(1.2, (147, 112)) | disc(1.2, (160, 117))
    defect = one(specks)
    assert specks.sum() <= defect.area_px <= 3 * specks.sum()  # smaller than the blur
    assert defect.features["jaggedness_px"] == 0


# --- placing and numbering


def ringed(*radii_px: float) -> tuple[ZoneOutline, ...]:
    """Zones A, B, C, D as circles about the centre of the drawing."""
    rings = zip(ZONE_LETTERS, radii_px, strict=False)
    return tuple(ZoneOutline(letter, Ellipse(CENTER, (2 * r, 2 * r), 0.0)) for letter, r in rings)


RINGS = ringed(20, 60, 80, 110)
THROUGH_ALL = bar(100, 3, 0, (CENTER[0] + 65, CENTER[1]))  # from 15 to 115 px: its middle lies in C


def put(marks: Iterable[Defect], zones: Sequence[ZoneOutline]) -> tuple[Defect, ...]:
    """The marks with the zones that the criteria put them in."""
    return placed(marks, zones, MULTIMODE, tuple(ZONE_NAMES.values()))


def test_a_ring_is_neither_a_line_nor_a_pit_and_touches_only_what_it_lies_on():
    found = one(disc(55) & ~disc(50), zones=RINGS)
    assert found.classification == "contamination"
    assert found.length_px == pytest.approx(found.width_px, rel=0.05) == pytest.approx(111, abs=2)
    assert found.zones_touched == ("cladding",)


def test_a_mark_that_was_measured_is_in_no_zone_before_the_criteria_put_it_in_one():
    assert one(THROUGH_ALL, zones=RINGS).zone == ""


def test_a_mark_lies_in_the_innermost_zone_it_touches():
    defect = one(THROUGH_ALL, zones=RINGS)
    assert put([defect], RINGS)[0].zone == "core"
    assert defect.zones_touched == ("core", "cladding", "adhesive", "contact")


def test_one_pixel_in_a_more_critical_zone_takes_the_whole_mark():
    away = np.where(CENTER[1] == Y, X - CENTER[0], -1)
    mask, beside = (away >= 20) & (away < 58), (away >= 21) & (away < 58)
    inside, next_to_it = put([one(mask, zones=RINGS), one(beside, zones=RINGS)], RINGS)
    assert (inside.zone, next_to_it.zone) == ("core", "cladding")
    assert one(mask, zones=RINGS).length_px == pytest.approx(one(beside, zones=RINGS).length_px + 1, abs=0.1)


def test_a_mark_that_jumps_over_a_zone_does_not_touch_it():
    apart = disc(3, (CENTER[0] + 40, CENTER[1])) | disc(3, (CENTER[0] + 95, CENTER[1]))
    assert one(apart, zones=RINGS).zones_touched == ("cladding", "contact")


@pytest.mark.parametrize(("x", "touched"), [(120, ("core",)), (104, ("core", "cladding")), (180, ("cladding",))])
def test_a_zone_of_the_core_lies_around_the_core_and_not_around_the_cladding(x, touched):
    aside = Ellipse((CENTER[0] - 30, CENTER[1]), (40.0, 40.0), 0.0)
    zones = (ZoneOutline("A", aside, "core"), *RINGS[1:])
    defect = one(disc(5, (x, CENTER[1])), zones=zones, core=measured_core(aside))
    assert (put([defect], zones)[0].zone, defect.zones_touched) == (touched[0], touched)


@few
@given(radius=st.floats(1, 15), away=st.floats(0, 115), turn=st.floats(0, 360), aside=st.floats(-30, 30))
def test_the_zone_of_a_mark_follows_from_the_distances_in_its_record(radius, away, turn, aside):
    core = Ellipse((CENTER[0] + aside, CENTER[1]), (44.0, 38.0), 20.0)
    zones = (ZoneOutline("A", core, "core"), *RINGS[1:])
    at = CENTER[0] + away * math.cos(math.radians(turn)), CENTER[1] + away * math.sin(math.radians(turn))
    for defect in measured(disc(radius, at), zones=zones, core=measured_core(core)):
        assert defect.zones_touched[0] == zone_of(defect, zones, "touched")


def test_a_mark_is_judged_by_the_size_of_all_of_it():
    reaching_in = bar(30, 9, 0, (CENTER[0] + 25, CENTER[1]))  # 10 of its 30 px lie in the core
    defect = replace(one(reaching_in, zones=RINGS, scale=SQUARE), classification="contamination")
    assert defect.diameter_um == pytest.approx(15.6, abs=0.6)
    (defect,) = put([defect], RINGS)
    small = replace(defect, diameter_um=5.0)
    verdicts = [judge([d], MULTIMODE, tuple(ZONE_NAMES.values())).verdict.status for d in (defect, small)]
    assert verdicts == ["FAIL", "PASS"]


def test_a_mark_outside_of_all_zones_is_left_out():
    assert measured(disc(4, (20, 20)), zones=RINGS) == ()


def test_no_candidates_give_no_defects():
    assert measure([], residual_of(np.zeros(SHAPE)), face_around(RINGS), CONFIG) == ()


def test_measured_marks_have_no_number_yet():
    assert [d.id for d in measured(disc(6, (190, 120)), disc(5), zones=RINGS)] == ["", ""]


def test_defects_are_numbered_from_the_core_outwards_and_from_large_to_small():
    places = (150.3, 120.4), (190.3, 120.4), (150.3, 160.4), (150.3, 20.4)
    pits = [disc(radius, at) for radius, at in zip((5, 8, 6, 7), places, strict=True)]
    marks = measured(pits[2], pits[3], pits[0], bar(40, 2, 0, (150, 90)), pits[1], zones=RINGS)
    found = numbered(put(marks, RINGS))
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
    assert {d.classification: d.id for d in numbered(put(found, RINGS))} == {
        kind: f"{letter}1" for kind, letter in letters.items()
    }


# --- agreement


def test_confidence_is_full_when_every_detector_of_the_kind_supports_all_of_the_mark():
    able = dict.fromkeys(CONFIG.classification.detectors_of["pit_dig"], 1.0)
    half = dict.fromkeys(able, 0.5)
    field = residual_of(-0.4 * disc(7))
    found = [measure([candidate(disc(7), shares)], field, face_around(), CONFIG)[0] for shares in (able, half)]
    assert [d.confidence for d in found] == pytest.approx([1.0, 0.5])


def test_a_detector_that_saw_next_to_nothing_of_a_mark_is_not_named():
    field = residual_of(-0.4 * disc(7))
    shares = {"do2mr": 0.9, "lei": 0.9 * CONFIG.classification.min_agreement}
    (defect,) = measure([candidate(disc(7), shares)], field, face_around(), CONFIG)
    assert defect.detected_by == ("do2mr",)
