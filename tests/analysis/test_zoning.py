"""The zones lie where the criteria put them, and a mark in the one that its distances say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dscope_blink.analysis.zoning import (
    border_seen,
    clipped_share,
    distances_px,
    possible_zones,
    zone_of,
    zone_outlines,
)
from dscope_blink.records import ZONE_LETTERS, Clipping, Defect, Ellipse, Request, Scale, ZoneOutline
from tests.builders.faces import asked, ellipse_in_px, face_of, face_with, measured_core, pixel_sizes, scale_of
from tests.builders.inspections import mark
from tests.builders.settings import SETTINGS

few = settings(max_examples=40)

BOOK = SETTINGS.profile("deep_inspection").criteria
UPC = BOOK.find("iec_61300_3_35_2015", "single_mode_upc")

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

# --- where the zones lie


@pytest.mark.parametrize("key", DIAMETERS, ids=lambda key: f"{key[0][-4:]}-{key[1]}")
def test_zone_diameters_are_the_published_ones(key):
    scale = Scale(0.5, 0.5, "user_cladding")
    request = Request(key[0], key[1], cladding_diameter_um=125.0)
    outlines = zone_outlines(face_of(250.0), BOOK.find(*key), request, scale)
    assert [o.letter for o in outlines] == list(ZONE_LETTERS)
    for outline, diameter_um in zip(outlines, DIAMETERS[key], strict=True):
        assert diameter_um is None or outline.outer.axes_px == pytest.approx((2 * diameter_um, 2 * diameter_um))


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


def test_a_zone_of_the_core_is_said_to_lie_around_it():
    core = measured_core(Ellipse((302.0, 250.0), (200.0, 200.0), 0.0))
    request = Request("iec_61300_3_35_2015", "custom", 400.0, 440.0)
    scale = Scale(2.0, 2.0, "user_cladding")
    by_core = zone_outlines(face_of(220.0, core), BOOK.find(request.edition, "custom"), request, scale)
    by_size = zone_outlines(face_of(220.0, core), UPC, request, scale)
    assert [o.around for o in by_core] == ["core", "cladding", "cladding", "cladding"]
    assert {o.around for o in by_size} == {"cladding"}
    assert zone_outlines(face_of(250.0, core), UPC, asked(None), None)[0].around == "core"


# --- what of a zone can be seen


def circle(letter: str, radius_px: float, at: tuple[float, float] = (300.0, 250.0)) -> ZoneOutline:
    return ZoneOutline(letter, Ellipse(at, (2 * radius_px, 2 * radius_px), 0.0))


def test_a_border_that_touches_the_edge_of_the_picture_is_wholly_in_it():
    assert border_seen(circle("B", 100, (100, 100)).outer, 201, 201) == 1
    assert 0.9 < border_seen(circle("B", 100, (100, 100)).outer, 200, 201) < 1


@pytest.mark.parametrize(
    ("at", "share"), [((0, 250), 0.5), ((0, 0), 0.25), ((-50, 250), 1 / 3), ((50, 250), 2 / 3), ((-101, 250), 0)]
)
def test_the_share_of_a_circle_in_the_picture_is_that_of_its_arc(at, share):
    assert border_seen(circle("B", 100, at).outer, 600, 500) == pytest.approx(share, abs=0.005)


def test_the_share_of_a_turned_ellipse_is_that_of_its_half():
    lying = ZoneOutline("B", Ellipse((300.0, 0.0), (200.0, 60.0), 30.0))
    assert border_seen(lying.outer, 600, 500) == pytest.approx(0.5, abs=0.005)


SLICES = 50  # of a ring


def share_slowly(rings: list[tuple[int, int]], first: int, last: int) -> float:
    """Of rings cut into thin ones, each with its part of the pixels: those from the `first` slice to the `last`."""
    pixels = clipped = 0.0
    for k in range(first, last):
        if k < len(rings) * SLICES:
            ring = rings[k // SLICES]
            pixels += (ring[0] + ring[1]) / SLICES
            clipped += ring[1] / SLICES
    return clipped / pixels if pixels else 0.0


@given(
    rings=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), max_size=8),
    width=st.floats(0.01, 0.5),
    ends=st.tuples(st.integers(0, 10 * SLICES), st.integers(0, 10 * SLICES)),
)
def test_the_clipped_share_counts_rings_by_their_part_in_the_zone(rings, width, ends):
    first, last = sorted(ends)
    assume(first != len(rings) * SLICES)  # there rounding decides whether a sliver of the last ring is left
    clipping = Clipping(width, tuple(clear + clipped for clear, clipped in rings), tuple(c for _, c in rings))
    share = clipped_share(clipping, first * width / SLICES, last * width / SLICES)
    assert share == pytest.approx(share_slowly(rings, first, last), abs=1e-6)


def test_half_a_ring_counts_as_half():
    clipping = Clipping(0.5, (100, 300, 800), (0, 150, 800))
    assert clipped_share(clipping, 0.0, 0.75) == 75 / 250
    assert clipped_share(clipping, 0.75, 1.0) == 0.5
    assert clipped_share(clipping, 1.0, 9.0) == 1


def test_where_no_pixel_is_none_is_clipped():
    assert clipped_share(Clipping(0.5, (0, 300), (0, 300)), 0.0, 0.5) == 0
    assert clipped_share(Clipping(0.5, (100, 300), (100, 300)), 1.0, 2.0) == 0


# --- where marks lie


@given(
    axes_px=st.tuples(st.floats(20, 400), st.floats(20, 400)),
    angle_deg=st.floats(0, 180),
    share=st.floats(0, 3),
    turn=st.floats(0, 2 * math.pi),
)
def test_a_distance_is_the_share_of_the_ellipse_times_its_mean_radius(axes_px, angle_deg, share, turn):
    u, v = share * axes_px[0] / 2 * math.cos(turn), share * axes_px[1] / 2 * math.sin(turn)
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    point = np.array([[310.2 + c * u - s * v, 240.7 + s * u + c * v]])
    (distance,) = distances_px(point, Ellipse((310.2, 240.7), axes_px, angle_deg))
    assert distance == pytest.approx(share * sum(axes_px) / 4, abs=0.00051)


def test_distances_have_the_decimals_of_a_record():
    points = np.random.default_rng(0).uniform(0, 500, (50, 2))
    distances = distances_px(points, Ellipse((310.2, 240.7), (200.0, 190.0), 20.0))
    assert [round(d, 3) for d in distances.tolist()] == distances.tolist()


def test_distances_on_a_circle_are_those_of_pythagoras():
    points = np.array([[300.0, 250.0], [303.0, 254.0], [300.0, 150.0]])
    assert distances_px(points, circle("A", 77).outer).tolist() == [0, 5, 100]


RINGS = tuple(circle(letter, r) for letter, r in zip(ZONE_LETTERS, (20, 60, 80, 110), strict=True))
CORE = replace(circle("A", 20, (330.0, 250.0)), around="core")  # 30 px to the right of the centre of the cladding
AROUND_CORE = (CORE, *RINGS[1:])


def at(r_min_px: float, r_core_px: float | None = None, centroid_px: float = 0.0) -> Defect:
    """A mark at these distances; its centroid lies so far to the right of the cladding centre."""
    spot = mark("P1", "pit_dig", (0, 0), 10)
    return replace(spot, r_min_px=r_min_px, r_core_px=r_core_px, centroid_px=(300.0 + centroid_px, 250.0))


@pytest.mark.parametrize(
    ("r_min_px", "zone"),
    [
        (0, "core"),
        (20, "core"),
        (20.001, "cladding"),
        (60, "cladding"),
        (79, "adhesive"),
        (110, "contact"),
        (110.001, None),
    ],
)
def test_a_mark_belongs_to_the_innermost_zone_it_touches_a_border_to_the_inner_one(r_min_px, zone):
    assert zone_of(at(r_min_px), RINGS, "touched") == zone


@pytest.mark.parametrize(
    ("r_min_px", "r_core_px", "zone"),
    [(45, 15, "core"), (45, 20, "core"), (5, 25, "cladding"), (70, 40, "adhesive"), (5, None, "cladding")],
)
def test_a_zone_around_the_core_is_touched_by_the_distance_from_the_core(r_min_px, r_core_px, zone):
    assert zone_of(at(r_min_px, r_core_px), AROUND_CORE, "touched") == zone


def test_the_distance_from_the_core_says_nothing_of_zones_around_the_cladding():
    assert zone_of(at(45, r_core_px=0.0), RINGS, "touched") == "cladding"


@pytest.mark.parametrize(
    ("r_min_px", "centroid_px", "zone"),
    [(15, 70, "adhesive"), (15, 20, "core"), (0, 59, "cladding"), (55, 130, "contact"), (111, 130, None)],
)
def test_a_company_rule_may_place_a_mark_by_its_middle(r_min_px, centroid_px, zone):
    assert zone_of(at(r_min_px, centroid_px=centroid_px), RINGS, "centroid") == zone


@pytest.mark.parametrize(("centroid_px", "zone"), [(45, "core"), (50, "core"), (51, "cladding"), (0, "cladding")])
def test_by_its_middle_a_mark_lies_in_the_core_that_is_off_centre(centroid_px, zone):
    assert zone_of(at(5, 40, centroid_px), AROUND_CORE, "centroid") == zone


@pytest.mark.parametrize("rule", ["touched", "centroid"])
def test_without_zones_a_mark_belongs_to_none(rule):
    assert zone_of(at(5), (), rule) is None


@pytest.mark.parametrize(
    ("r_min_px", "unsure_px", "zones"),
    [
        (40, 5, ("cladding",)),
        (62, 3, ("cladding", "adhesive")),
        (58, 3, ("cladding", "adhesive")),
        (70, 12, ("cladding", "adhesive", "contact")),
        (105, 10, ("contact", None)),
        (115, 10, ("contact", None)),
        (130, 10, (None,)),
        (40, 90, ("core", "cladding", "adhesive", "contact", None)),
    ],
)
def test_an_unsure_place_opens_every_zone_within_its_reach(r_min_px, unsure_px, zones):
    assert possible_zones(at(r_min_px), RINGS, "touched", unsure_px) == zones


def test_an_unsure_place_beside_the_core_opens_the_zone_around_it():
    assert possible_zones(at(45, r_core_px=22), AROUND_CORE, "touched", 3) == ("core", "cladding")
    assert possible_zones(at(45, r_core_px=24), AROUND_CORE, "touched", 3) == ("cladding",)


def test_an_unsure_middle_opens_the_zones_on_either_side_of_it():
    assert possible_zones(at(15, centroid_px=61), RINGS, "centroid", 2) == ("cladding", "adhesive")


@few
@given(
    r_min_px=st.floats(0, 130),
    reach=st.floats(0, 30),
    unsure_px=st.floats(0, 40),
    rule=st.sampled_from(["touched", "centroid"]),
)
def test_the_possible_zones_hold_that_of_every_shift_within_the_uncertainty(r_min_px, reach, unsure_px, rule):
    def shifted(by: float) -> Defect:
        return at(r_min_px + by, abs(r_min_px - 30) + by, r_min_px + reach + by)

    possible = possible_zones(shifted(0), RINGS, rule, unsure_px)
    shifts = np.linspace(-unsure_px, unsure_px, 81).tolist()
    met = list(dict.fromkeys(zone_of(shifted(by), RINGS, rule) for by in shifts))
    assert (met[0], met[-1]) == (possible[0], possible[-1])
    assert met == [zone for zone in possible if zone in met]  # the innermost first
