"""What keeps a measured face from a verdict, and what it is warned of: scale, core, border, light, pixels, search."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dscope_blink.analysis.gradability import has_limit, smallest_limit_um
from dscope_blink.analysis.judging import grade, judge, not_graded, placed
from dscope_blink.analysis.zoning import (
    area_seen,
    cladding_um,
    clipped_share,
    distances_px,
    possible_zones,
    with_seen,
    zone_of,
    zone_outlines,
)
from dscope_blink.records import (
    ZONE_NAMES,
    Clipping,
    CoreFit,
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
    SizeBand,
    ZoneOutline,
    ZoneRule,
    notice,
    texts,
)
from tests.builders.faces import face_with, measured_core
from tests.builders.inspections import mark
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("deep_inspection")
BOOK = CONFIG.criteria
UPC = BOOK.find("iec_61300_3_35_2015", "single_mode_upc")
UPC_2009 = BOOK.find("iec_61300_3_35_2009", "single_mode_upc")
UPC_2022 = BOOK.find("iec_61300_3_35_2022", "single_mode_upc")
CUSTOM = BOOK.find("iec_61300_3_35_2015", "custom")
ALL_ZONES = tuple(ZONE_NAMES.values())
CENTER = (500.0, 400.0)
RINGS = 40  # of 0.05 cladding radii: out to twice the cladding


def circle(diameter_px: float, at: tuple[float, float] = CENTER) -> Ellipse:
    return Ellipse(at, (diameter_px, diameter_px), 0.0)


SCALE = Scale(0.5, 0.5, "user_cladding")
CORE = measured_core(circle(100.0))


def face(
    criteria: Criteria = UPC,
    *marks: Defect,
    zones: tuple[str, ...] = ALL_ZONES,
    scale: Scale | None = SCALE,
    core: CoreFit | None = CORE,
    size: tuple[int, int] = (1001, 801),
    at: tuple[float, float] = CENTER,
    **quality: Any,
) -> Inspection:
    """A cladding of 250 px, 125 um, at whole sight unless it is said otherwise; not yet judged."""
    geometry = face_with(circle(250.0, at), core)
    request = Request(criteria.edition, criteria.fiber_class, 50.0, 125.0, zones=zones)
    outlines = zone_outlines(geometry, criteria, request, scale)
    seen: dict[str, Any] = {"clipping": clipping(), "search_pixel_px": 1.0} | quality
    return Inspection(
        image=ImageInfo("face.png", None, *size),
        provenance=Provenance("D-Scope Blink", "deep_inspection", ""),
        request=request,
        criteria=criteria,
        quality=Quality(**seen),
        verdict=not_graded(Notice("not_inspected", "Not inspected")),
        scale=scale,
        geometry=geometry,
        zones=outlines,
        defects=placed(marks, outlines, criteria, zones),
    )


def clipping(*clipped_rings: int) -> Clipping:
    """A hundred pixels in each ring, all of those in `clipped_rings` black."""
    return Clipping(0.05, (100,) * RINGS, tuple(100 * (k in clipped_rings) for k in range(RINGS)))


def pit(near_px: float, diameter_um: float, name: str = "P1", **changes: Any) -> Defect:
    blank = mark(name, "pit_dig", (0, 0), 10)
    return replace(blank, r_min_px=near_px, r_core_px=near_px, diameter_um=diameter_um, **changes)


def why(inspection: Inspection) -> str:
    """The one reason of a face that is not graded."""
    assert inspection.verdict.status == "NOT_GRADED"
    (reason,) = texts(inspection.verdict.reasons)
    return reason


def unlimited(criteria: Criteria, *letters: str) -> Criteria:
    """The same without limits in the zones of these letters."""
    zones = [replace(z, scratches=(), defects=()) if z.zone in letters else z for z in criteria.zones]
    return replace(criteria, zones=tuple(zones))


def test_a_face_that_nothing_hides_is_judged_and_warned_of_nothing():
    graded = grade(face(UPC, pit(60, 6.0)), CONFIG)
    assert graded.verdict.status == "FAIL"
    assert [(d.counted, d.severity) for d in graded.defects] == [(True, "HIGH")]
    assert graded.quality.warnings == ()


# --- scale and core


def test_without_a_scale_nothing_is_graded_and_the_marks_stay():
    in_pixels = pit(60, 6.0)
    graded = grade(face(UPC, in_pixels, scale=None), CONFIG)
    assert why(graded).startswith("No scale: ")
    assert [d.id for d in graded.defects] == ["P1"]


def test_without_the_core_that_a_zone_follows_nothing_is_graded():
    assert why(grade(face(CUSTOM, core=None), CONFIG)) == "No core: the criteria need it for zone core"


def test_a_core_that_no_inspected_zone_follows_is_not_missed():
    outer = ("cladding", "contact")
    assert grade(face(CUSTOM, core=None, zones=outer), CONFIG).verdict.status == "PASS"


# --- the border of the picture

SIDE = 801  # of a square picture; the contact zone is 500 px across


def shifted(share_lost: float, criteria: Criteria = UPC) -> Inspection:
    """A face so far to the left that this share of the border of its contact zone is cut off."""
    beyond = math.cos(math.pi * share_lost)  # the chord that cuts this share of a circle, in radii
    return face(criteria, size=(SIDE, SIDE), at=(250.0 * beyond, 400.0))


def cut(inspection: Inspection) -> list[str]:
    return [warning.text for warning in inspection.quality.warnings if warning.kind == "zone_cut"]


def seen_to(share: float, criteria: Criteria = UPC) -> Inspection:
    """A face in a picture that ends on the left where this share of its contact zone is left, the cladding whole."""
    d = np.linspace(0.0, 1.0, 4001)  # of a chord from the middle, in radii
    disc = 1 - (np.arccos(d) - d * np.sqrt(1 - d**2)) / math.pi
    inner = (CONTACT_INNER_PX / 250.0) ** 2
    reach = float(np.interp(share, (disc - inner) / (1 - inner), d))
    return face(criteria, size=(SIDE, SIDE), at=(250.0 * reach - 0.5, 400.0))


CONTACT_INNER_PX = next(o.radius_px for o in face().zones if o.letter == "C")


@pytest.mark.parametrize(
    ("share", "text"), [(1.0, ""), (0.905, "contact zone seen: 90 %"), (0.755, "contact zone seen: 75 %")]
)
def test_the_contact_zone_may_be_cut_and_what_is_seen_is_said(share: float, text: str):
    graded = grade(seen_to(share), CONFIG)
    assert graded.verdict.status == "PASS"
    assert "; ".join(graded.seen_in_part) == text
    assert cut(graded) == ([f"Zone cut by the border: {text}, what lies beyond is not judged"] if text else [])
    assert graded.zones[-1].seen == pytest.approx(share, abs=0.001)


def tall(height_px: float) -> Inspection:
    """The middle of the face between two straight borders, as a microscope of large magnification shows it."""
    return face(UPC, size=(1001, round(height_px)), at=(500.0, (round(height_px) - 1) / 2))


@pytest.mark.parametrize(("height_px", "status"), [(272, "PASS"), (250, "PASS"), (200, "NOT_GRADED")])
def test_a_microscope_that_shows_the_cladding_and_less_than_half_of_the_contact_zone_grades(
    height_px: float, status: str
):
    graded = grade(tall(height_px), CONFIG)
    assert graded.verdict.status == status
    if height_px == 272:
        assert graded.seen_in_part == ("contact zone seen: 51 %",)


def test_less_of_the_contact_zone_than_must_be_seen_is_not_graded():
    less = replace(
        CONFIG, measurement=replace(CONFIG.measurement, min_seen={**CONFIG.measurement.min_seen, "contact": 0.52})
    )
    assert why(grade(tall(272), less)) == "Fiber cut by the border: contact zone seen: 51 %, 52 % must be"


@pytest.mark.parametrize(("own", "status"), [(None, "PASS"), (0.5, "PASS"), (0.6, "NOT_GRADED"), (1.0, "NOT_GRADED")])
def test_the_criteria_may_say_themselves_how_much_of_a_zone_must_be_seen(own: float | None, status: str):
    zones = tuple(replace(z, min_seen=own) if z.zone == "D" else z for z in UPC.zones)
    asked = replace(tall(272), criteria=replace(UPC, zones=zones))
    assert grade(asked, CONFIG).verdict.status == status


def test_what_surely_breaks_a_limit_in_the_part_that_is_seen_fails():
    zones = tuple(replace(z, min_seen=1.0) if z.zone == "D" else z for z in UPC.zones)
    broken = replace(tall(272), criteria=replace(UPC, zones=zones))
    marks = placed([pit(60, 9.0, uncertainty={"diameter_um": 0.5})], broken.zones, UPC, ALL_ZONES)
    graded = grade(replace(broken, defects=marks), CONFIG)
    assert graded.verdict.status == "FAIL"
    assert [reason.kind for reason in graded.verdict.reasons] == ["limit_broken", "cut_by_border"]


@pytest.mark.parametrize(("letter", "radius_px"), [("A", 25.0), ("B", 115.0)])
@pytest.mark.parametrize(("cut_px", "status"), [(-0.1, "PASS"), (1.5, "NOT_GRADED")])
def test_a_critical_zone_must_be_seen_whole(letter: str, radius_px: float, cut_px: float, status: str):
    others = {"A", "B", "C", "D"} - {letter}
    nearly = face(unlimited(UPC, *others), size=(SIDE, SIDE), at=(radius_px - 0.5 - cut_px, 400.0))
    graded = grade(nearly, CONFIG)
    assert graded.verdict.status == status
    if status == "NOT_GRADED":
        assert why(graded).startswith(f"Fiber cut by the border: {ZONE_NAMES[letter]} zone seen: 9")
        assert why(graded).endswith("100 % must be")


def test_a_zone_without_limits_or_not_inspected_may_be_cut():
    assert cut(grade(seen_to(0.75, UPC_2022), CONFIG)) == []
    inner = replace(seen_to(0.75), request=replace(seen_to(0.75).request, zones=("core", "cladding")))
    graded = grade(inner, CONFIG)
    assert cut(graded) == []
    assert graded.seen_in_part == ()


# --- the same by the length of its border alone

BORDER = replace(CONFIG, measurement=replace(CONFIG.measurement, coverage_rule="border"))


@pytest.mark.parametrize(("share_lost", "status"), [(0.0, "PASS"), (0.1, "PASS"), (0.45, "PASS"), (0.55, "NOT_GRADED")])
def test_by_its_border_an_outer_zone_may_be_cut_to_the_share_that_the_settings_allow(share_lost: float, status: str):
    graded = grade(shifted(share_lost, unlimited(UPC, "A", "B")), BORDER)
    assert graded.verdict.status == status
    assert len(cut(graded)) == (share_lost > 0)
    if status == "NOT_GRADED":
        assert why(graded) == "Fiber cut by the border: contact zone seen: 44 % of its border, 50 % must be"


@pytest.mark.parametrize("letter", ["A", "B"])
def test_by_its_border_a_critical_zone_may_not_be_cut(letter: str):
    others = {"A", "B", "C", "D"} - {letter}
    radius_px = {"A": 25.0, "B": 115.0}[letter]
    cut_by_a_tenth = face(unlimited(UPC, *others), size=(SIDE, SIDE), at=(radius_px * math.cos(0.1 * math.pi), 400.0))
    seen = f"{ZONE_NAMES[letter]} zone seen: 90 % of its border, 99 % must be"
    assert why(grade(cut_by_a_tenth, BORDER)) == f"Fiber cut by the border: {seen}"


@pytest.mark.parametrize(("seen", "warned"), [(0.985, True), (0.995, False)])
def test_by_its_border_a_zone_counts_as_whole_from_the_share_that_the_settings_say(seen: float, warned: bool):
    assert CONFIG.measurement.min_coverage == 0.99
    assert bool(cut(grade(shifted(1 - seen), BORDER))) == warned


# --- light

OF_THE_CORE, OF_THE_CLADDING, OF_THE_ADHESIVE = range(4), range(4, 18), range(19, 21)


def clipped(inspection: Inspection) -> list[str]:
    return [warning.text for warning in inspection.quality.warnings if warning.kind == "zone_clipped"]


def test_a_limited_zone_that_is_mostly_black_is_not_graded():
    graded = grade(face(UPC, clipping=clipping(*OF_THE_CORE)), CONFIG)
    assert why(graded) == "Clipped: 100% of zone core is black, saturated or covered, at most 50% may be"
    (warning,) = clipped(graded)
    assert "100% of zone core" in warning


def test_some_of_it_is_warned_of_in_every_zone_that_shows_it():
    graded = grade(face(UPC, clipping=clipping(0, *range(4, 8))), CONFIG)
    assert graded.verdict.status == "PASS"
    assert [re.findall(r"(\d+)% of zone (\w+)", warning) for warning in clipped(graded)] == [
        [("25", "core")],
        [("28", "cladding")],
    ]


def test_what_no_limit_asks_for_may_be_black():
    assert clipped(grade(face(UPC, clipping=clipping(*OF_THE_ADHESIVE)), CONFIG)) == []
    inner = face(UPC, clipping=clipping(*OF_THE_CLADDING), zones=("core", "contact"))
    assert clipped(grade(inner, CONFIG)) == []


def test_just_as_much_as_is_allowed_is_graded_and_not_warned_of():
    half = Clipping(0.05, (100,) * RINGS, (50,) * RINGS)
    assert grade(face(UPC, clipping=half), CONFIG).verdict.status == "PASS"
    few = Clipping(0.05, (100,) * RINGS, (5,) * RINGS)
    assert clipped(grade(face(UPC, clipping=few), CONFIG)) == []
    more = Clipping(0.05, (100,) * RINGS, (6,) * RINGS)
    assert len(clipped(grade(face(UPC, clipping=more), CONFIG))) == 3


def test_warnings_of_the_picture_stay_and_those_of_other_zones_go():
    before = (notice("poor_illumination", "93 % dark"), notice("zone_cut", "old"), notice("zone_clipped", "old"))
    graded = grade(face(UPC, warnings=before, clipping=clipping(0)), CONFIG)
    first, second = graded.quality.warnings
    assert first == before[0]
    assert second.text.startswith("Clipped zone: 25% of zone core")


# --- pixels


@pytest.mark.parametrize(("search_pixel_px", "status"), [(2.0, "PASS"), (2.001, "NOT_GRADED"), (None, "PASS")])
def test_the_smallest_limit_must_span_two_pixels_of_the_searched_picture(search_pixel_px: float | None, status: str):
    graded = grade(face(UPC, search_pixel_px=search_pixel_px), CONFIG)  # 2 um are four of the stored picture
    assert graded.verdict.status == status
    if status == "NOT_GRADED":
        assert why(graded) == "Resolution too low: the limit of 2 um must span 2 pixels, it spans 2.00"


def test_a_doubled_picture_has_no_more_pixels_than_were_stored():
    coarse = Scale(1.6, 1.6, "user_cladding")  # 3 um are 1.9 of them
    graded = grade(face(CUSTOM, scale=coarse, search_pixel_px=0.5, zones=("core", "cladding")), CONFIG)
    assert why(graded) == "Resolution too low: the limit of 3 um must span 2 pixels, it spans 1.88"


def blurred(criteria: Criteria, blur_px: float) -> Inspection:
    clear = face(criteria)
    assert clear.geometry is not None
    cladding = replace(clear.geometry.cladding, blur_px=blur_px)
    return replace(clear, geometry=replace(clear.geometry, cladding=cladding))


@pytest.mark.parametrize(("blur_px", "status"), [(3.2, "PASS"), (3.201, "NOT_GRADED")])
def test_the_smallest_limit_must_be_wider_than_the_blur_of_the_optics(blur_px: float, status: str):
    graded = grade(blurred(UPC, blur_px), CONFIG)  # pixels of 0.5 um, a limit of 2 um
    assert graded.verdict.status == status
    if status == "NOT_GRADED":
        expected = "Out of focus: the edge of the cladding is blurred by 1.601 um (sigma), at most 1.6 um may be"
        assert why(graded) == expected


def test_no_sharpness_is_asked_where_no_size_decides():
    assert grade(blurred(unlimited(UPC, "B", "C", "D"), 50.0), CONFIG).verdict.status == "PASS"


@pytest.mark.parametrize(("core_px", "status"), [(6.0, "PASS"), (5.9, "NOT_GRADED")])
def test_a_zone_that_no_mark_of_the_smallest_limit_fits_into_does_not_pass(core_px: float, status: str):
    graded = grade(face(CUSTOM, core=measured_core(circle(core_px)), zones=("core",)), CONFIG)  # pixels of 0.5 um
    assert graded.verdict.status == status
    if status == "NOT_GRADED":
        assert why(graded) == "No limits: zone core is 2.95 um across, its smallest limit is 3 um"


def test_no_resolution_is_asked_where_no_size_decides():
    only_none = unlimited(UPC, "B", "C", "D")
    assert smallest_limit_um(only_none, ALL_ZONES) is None
    assert grade(face(only_none, search_pixel_px=50.0), CONFIG).verdict.status == "PASS"


def test_only_limits_of_inspected_zones_ask_for_resolution():
    assert smallest_limit_um(UPC, ALL_ZONES) == 2.0
    assert smallest_limit_um(UPC, ("contact",)) == 10.0
    assert smallest_limit_um(UPC, ("core", "adhesive")) is None
    assert smallest_limit_um(UPC_2022, ("contact",)) is None


# --- what is seen and surely breaks a limit

UNSEEN: dict[str, dict[str, Any]] = {
    "dark_surroundings": {"warnings": (notice("dark_surroundings", "as a core would be"),)},
    "cut_by_border": {"size": (SIDE, SIDE), "at": (100.0, 400.0)},
    "clipped": {"clipping": clipping(*OF_THE_CORE)},
    "drawn_over": {"warnings": (notice("drawn_over", "text, lines or colour hide 2.0% of the fiber"),)},
    "too_coarse": {"search_pixel_px": 3.0},
}
each_unseen = pytest.mark.parametrize(("kind", "hidden"), UNSEEN.items(), ids=UNSEEN)


@each_unseen
def test_what_surely_breaks_a_limit_fails_whatever_cannot_be_seen_beside_it(kind: str, hidden: dict[str, Any]):
    graded = grade(face(UPC, pit(60, 6.0, uncertainty={"diameter_um": 0.9}), **hidden), CONFIG)
    assert graded.verdict.status == "FAIL"
    assert [reason.kind for reason in graded.verdict.reasons] == ["limit_broken", kind]
    assert [(d.counted, d.severity) for d in graded.defects] == [(True, "HIGH")]


@each_unseen
@pytest.mark.parametrize("diameter_um", [5.5, 1.0])
def test_what_may_break_a_limit_or_none_leaves_such_a_face_ungraded(
    kind: str, hidden: dict[str, Any], diameter_um: float
):
    graded = grade(face(UPC, pit(60, diameter_um, uncertainty={"diameter_um": 0.9}), **hidden), CONFIG)
    assert graded.verdict.status == "NOT_GRADED"
    assert [reason.kind for reason in graded.verdict.reasons] == [kind]
    assert not any(d.counted for d in graded.defects)


def test_a_mark_in_a_zone_that_is_clipped_breaks_no_limit_surely():
    """There the noise is not known: the black claddings of other microscopes are full of steps of one level."""
    coarse_and_dark: dict[str, Any] = {"search_pixel_px": 3.0, "clipping": clipping(OF_THE_CORE[0])}
    inside, beside = pit(5, 20.0), pit(60, 20.0, "P2")
    graded = grade(face(UPC, inside, **coarse_and_dark), CONFIG)
    assert graded.verdict.status == "NOT_GRADED"
    assert [reason.kind for reason in graded.verdict.reasons] == ["too_coarse"]
    assert grade(face(UPC, inside, beside, **coarse_and_dark), CONFIG).verdict.status == "FAIL"


def test_all_that_cannot_be_seen_is_said():
    hidden: dict[str, Any] = {name: value for one in UNSEEN.values() for name, value in one.items()}
    hidden["warnings"] = tuple(notice for one in UNSEEN.values() for notice in one.get("warnings", ()))
    graded = grade(face(UPC, **hidden), CONFIG)
    assert [reason.kind for reason in graded.verdict.reasons] == list(UNSEEN)


@pytest.mark.parametrize(
    "kind", ["two_borders", "dark_surroundings", "core_contradiction", "maybe_core", "structure_not_found"]
)
def test_a_doubt_about_which_circle_is_the_cladding_never_ends_in_a_pass(kind: str):
    doubt = notice(kind, "another may be it")
    graded = grade(face(UPC, warnings=(doubt,)), CONFIG)
    assert graded.verdict.status == "NOT_GRADED"
    assert graded.verdict.reasons == (doubt,)
    told = notice("faint_cladding_edge", "its core tells")
    assert grade(face(UPC, warnings=(told,)), CONFIG).verdict.status == "PASS"


def test_without_a_scale_nothing_surely_breaks_a_limit():
    assert grade(face(UPC, pit(60, 600.0), scale=None), CONFIG).verdict.status == "NOT_GRADED"


def test_a_zone_whose_bands_all_allow_any_number_has_no_limit():
    zone = UPC.zones[3]
    free = replace(zone, defects=tuple(replace(band, max_count=None) for band in zone.defects))
    assert has_limit(zone)
    assert not has_limit(free)
    assert smallest_limit_um(replace(UPC, zones=(free,)), ALL_ZONES) is None


def test_a_size_that_only_tells_marks_of_no_limit_apart_asks_for_no_resolution():
    split = (SizeBand(0, True, 1.0, False, None), SizeBand(1.0, True, None, False, None))
    zones = tuple(replace(z, scratches=split) if z.zone == "D" else z for z in UPC.zones)
    assert smallest_limit_um(replace(UPC, zones=zones), ("contact",)) == 10.0


# --- judged again: what was searched for marks


def searched(*diameters_px: float, criteria: Criteria = UPC) -> Inspection:
    """A face whose marks were sought in zones of these diameters."""
    outlines = (ZoneOutline(letter, circle(d)) for letter, d in zip("ABCD", diameters_px, strict=False))
    return replace(face(criteria), zones=tuple(outlines))


def test_a_limited_zone_that_reaches_beyond_what_was_searched_is_not_graded():
    graded = grade(face(UPC), CONFIG, searched(50, 230, 270, 450))
    assert why(graded) == "Not inspected: zone contact reaches beyond what was searched for marks"


@pytest.mark.parametrize("criteria", [UPC_2022, unlimited(UPC, "D")])
def test_a_zone_without_limits_may_reach_beyond_it_with_a_warning(criteria: Criteria):
    graded = grade(face(criteria), CONFIG, searched(50, 230, 270))
    assert graded.verdict.status == "PASS"
    said = "Searched in part: zone contact reaches beyond what was searched, its marks are not all known"
    assert graded.quality.warnings[-1].text == said
    assert said not in texts(grade(graded, CONFIG).quality.warnings)


def test_other_borders_within_what_was_searched_are_graded():
    assert grade(face(UPC), CONFIG, searched(130, 220, 270, 500)).verdict.status == "PASS"
    assert grade(face(UPC), CONFIG, searched(50, 500)).verdict.status == "PASS"


def test_a_zone_beside_what_was_searched_is_not_graded_though_it_is_no_larger():
    beside = Ellipse((face(UPC).zones[3].outer.center_px[0] + 12, face(UPC).zones[3].outer.center_px[1]), (500, 500), 0)
    stored = replace(face(UPC), zones=(*face(UPC).zones[:3], ZoneOutline("D", beside, "core")))
    assert why(grade(face(UPC), CONFIG, stored)).startswith("Not inspected: zone contact reaches beyond")


@pytest.mark.parametrize(
    "stored", [searched(50, 220, 270, 500), searched(50, 230, 270), searched(50, 230, 270, 501)], ids=range(3)
)
def test_only_some_zones_are_graded_again_only_with_the_same_borders(stored: Inspection):
    graded = grade(face(UPC, zones=("core", "cladding")), CONFIG, stored)
    assert why(graded) == "Not inspected: only zone core, cladding was, and its borders were others"


def test_some_zones_are_graded_again_with_the_same_borders():
    same = searched(50 + 2e-6, 230, 270, 500)  # less than any rounding
    assert grade(face(UPC, zones=("core", "cladding")), CONFIG, same).verdict.status == "PASS"
    again = face(UPC, zones=("core", "cladding"))
    assert grade(again, CONFIG, again).verdict.status == "PASS"


@pytest.mark.parametrize(
    ("then", "now", "status"),
    [
        ("touched", "touched", "PASS"),
        ("touched", "centroid", "PASS"),  # what lies in a zone touches it
        ("centroid", "centroid", "PASS"),
        ("centroid", "touched", "NOT_GRADED"),  # what touched it and lay outside was not kept
    ],
)
def test_some_zones_are_graded_again_only_if_their_marks_were_kept(then: ZoneRule, now: ZoneRule, status: str):
    stored = searched(50, 230, 270, 500, criteria=replace(UPC, zone_rule=then))
    again = face(replace(UPC, zone_rule=now), zones=("core",))
    assert grade(again, CONFIG, stored).verdict.status == status


# --- judged at all


def test_a_face_that_no_limit_is_held_against_has_not_passed():
    graded = grade(face(UPC_2022, zones=("adhesive", "contact")), CONFIG)
    assert why(graded) == "No limits: the criteria have none in zone adhesive, contact"


def test_a_zone_that_lies_within_the_one_before_it_has_no_extent():
    core_zone, cladding_zone, *outer = UPC.zones
    narrow = replace(
        UPC,
        zones=(
            core_zone,
            replace(cladding_zone, outer=replace(cladding_zone.outer, plus_um=core_zone.outer.plus_um - 5)),
            *outer,
        ),
    )
    assert why(grade(face(narrow), CONFIG)) == "No zone cladding: the criteria give it no extent on this fiber"


# --- how a verdict reads


def test_a_rule_broken_by_many_names_the_first_of_them():
    marks = [pit(60, 3.0 + k / 10, f"P{k}") for k in range(10)]
    graded = grade(face(UPC, *marks), CONFIG)
    (violation,) = graded.verdict.violations
    assert violation.measured == "10 (3.0 um, 3.1 um, 3.2 um, 3.3 um, 3.4 um, ...)"
    assert len(violation.defects) == 10
    assert graded.verdict.reasons[0].text.endswith("allowed at most 5 [P0, P1, P2, P3, P4, P5, P6, P7, ...]")


def test_five_sizes_and_eight_names_are_listed_whole():
    marks = [pit(60, 7.0, f"P{k}") for k in range(8)]
    five, eight = (grade(face(UPC, *marks[:n]), CONFIG).verdict for n in (5, 8))
    assert five.violations[0].measured == "5 (7.0 um, 7.0 um, 7.0 um, 7.0 um, 7.0 um)"
    assert eight.reasons[0].text.endswith("[P0, P1, P2, P3, P4, P5, P6, P7]")


def test_a_mark_without_the_size_that_decides_cannot_be_judged():
    unmeasured = replace(pit(60, 3.0, zone="cladding"), diameter_um=None)
    with pytest.raises(ValueError, match="must have its diameter_um to be graded, P1 has none"):
        judge([unmeasured], UPC, ALL_ZONES)


def test_only_limits_of_inspected_zones_are_held():
    checks = grade(face(UPC, zones=("cladding",)), CONFIG).verdict.checks
    assert [(c.zone, c.rule, c.max_count) for c in checks] == [
        ("cladding", "scratch width > 3 um", 0),
        ("cladding", "defect diameter >= 2 um and <= 5 um", 5),
        ("cladding", "defect diameter > 5 um", 0),
    ]


def test_a_mark_that_may_lie_in_a_zone_that_is_not_inspected_may_be_without_limit():
    astride = pit(113.0, 12.0, uncertainty={"r_min_px": 25.0})  # from B, which is inspected, to D, which limits it too
    without_c = replace(
        UPC, zones=(*UPC.zones[:2], replace(UPC.zones[3], zone="C", outer=replace(UPC.zones[3].outer, plus_um=250.0)))
    )
    for zones, marginal in ((("core", "cladding"), True), (ALL_ZONES, False)):
        verdict = grade(face(without_c, astride, zones=zones), CONFIG).verdict
        assert (verdict.status, bool(verdict.doubts)) == ("FAIL", marginal)


def test_a_check_tells_the_mark_that_the_limit_hangs_on():
    """It is the one after as many as are allowed, from the largest down; larger bands have their own."""
    some = [pit(60, size, f"P{k}") for k, size in enumerate((3.0, 4.0, 7.0, 2.5, 1.5, 2.2, 1.9, 5.0))]
    edge = pit(200, 10.0, "P9")
    checks = grade(face(UPC, *some, edge), CONFIG).verdict.checks
    assert [(c.rule, c.count, c.size_um, c.margin_um) for c in checks if c.zone != "core"] == [
        ("scratch width > 3 um", 0, None, None),
        ("defect diameter >= 2 um and <= 5 um", 5, 1.9, 0.1),
        ("defect diameter > 5 um", 1, 7.0, -2.0),
        ("defect diameter > 10 um", 0, 10.0, 0.0),
    ]


def test_a_limit_of_one_is_not_a_limit_of_none():
    bands = (SizeBand(0, True, 3, True, 1), SizeBand(3, False, None, False, 0))
    table = replace(UPC, zones=(replace(UPC.zones[0], scratches=(), defects=bands),))
    marks = [pit(5, 2.0, "P1"), pit(5, 2.0, "P2"), pit(5, 4.0, "P3")]
    violations = grade(face(table, *marks), CONFIG).verdict.violations
    assert [(v.rule, v.allowed) for v in violations] == [
        ("defect diameter <= 3 um", "at most 1"),
        ("defect diameter > 3 um", "none"),
    ]


@pytest.mark.parametrize(
    ("criteria", "diameter_um", "status", "marginal"),
    [
        (UPC, 9.5, "PASS", False),  # none > 10: it may be 10.0, which is allowed
        (UPC, 10.5, "FAIL", True),
        (UPC_2009, 9.5, "PASS", True),  # none >= 10: it may be 10.0, which is not
        (UPC_2009, 10.5, "FAIL", False),
    ],
)
def test_an_uncertainty_that_ends_on_a_bound_reaches_the_band_that_holds_it(
    criteria: Criteria, diameter_um: float, status: str, marginal: bool
):
    verdict = grade(face(criteria, pit(200, diameter_um, uncertainty={"diameter_um": 0.5})), CONFIG).verdict
    assert (verdict.status, bool(verdict.doubts)) == (status, marginal)


def test_what_would_pass_a_broken_limit_names_the_marks_with_size_and_places():
    unsure = {"diameter_um": 0.3, "r_min_px": 5.0}
    graded = grade(face(UPC, pit(113.0, 5.2, uncertainty=unsure)), CONFIG)
    assert graded.verdict.doubts == (
        "Zone cladding: defect diameter > 5 um may be kept: P1 of 5.2 ± 0.3 um in zone cladding or adhesive",
    )


def test_what_would_break_a_limit_names_the_marks_with_size_and_places():
    graded = grade(face(UPC, pit(248.0, 10.1 - 0.2, uncertainty={"diameter_um": 0.3, "r_min_px": 4.0})), CONFIG)
    assert graded.verdict.status == "PASS"
    assert graded.verdict.doubts == (
        "Zone contact: defect diameter > 10 um may be broken: P1 of 9.9 ± 0.3 um in zone contact or none",
    )


def test_marks_of_one_zone_find_other_places_for_each_other():
    """A face fails by six marks of 2-5 um; one may be smaller, but another may come to them, and one may go to C."""
    sure = [pit(60, 3.0, f"P{k}") for k in range(5)]
    small, astride = pit(60, 2.1, "P5", uncertainty={"diameter_um": 0.2}), pit(113, 3.0, "P6")
    fails = [*sure, small, astride]
    assert grade(face(UPC, *fails), CONFIG).verdict.doubts == ()
    may_leave = [*sure, small, replace(astride, uncertainty={"r_min_px": 5.0})]
    (doubt,) = grade(face(UPC, *may_leave), CONFIG).verdict.doubts
    assert doubt.endswith(" may be kept: P5 of 2.1 ± 0.2 um, P6 of 3.0 um in zone cladding or adhesive")


def test_a_mark_makes_room_for_another_by_moving_to_the_band_that_it_may_also_lie_in():
    """Two bands of one place each: the middle mark must give way, and may."""
    bands = (SizeBand(0, True, 3, True, 1), SizeBand(3, False, 6, True, 1), SizeBand(6, False, None, False, 0))
    table = replace(UPC, zones=(replace(UPC.zones[0], scratches=(), defects=bands),))
    either, low = pit(5, 3.1, "P1", uncertainty={"diameter_um": 0.5}), pit(5, 2.0, "P2")
    high = pit(5, 5.0, "P3")
    assert grade(face(table, either, low), CONFIG).verdict.status == "PASS"
    crowded = grade(face(table, either, high), CONFIG).verdict
    assert (crowded.status, len(crowded.doubts)) == ("FAIL", 1)
    assert grade(face(table, either, low, high), CONFIG).verdict.doubts == ()


def test_a_mark_that_gives_way_leaves_one_place_and_not_two():
    bands = (SizeBand(0, True, 3, True, 2), SizeBand(3, False, 6, True, 2), SizeBand(6, False, None, False, 0))
    table = replace(UPC, zones=(replace(UPC.zones[0], scratches=(), defects=bands),))
    either = pit(5, 2.8, "P1", uncertainty={"diameter_um": 0.5})
    sure = [pit(5, 2.0, f"P{k}") for k in (2, 3, 4)]
    for found, marginal in ((sure[:2], True), (sure, False)):
        verdict = grade(face(table, either, *found), CONFIG).verdict
        assert (verdict.status, bool(verdict.doubts)) == ("FAIL", marginal)


def test_a_mark_of_no_size_is_no_error_where_every_size_above_none_is_forbidden():
    bands = (SizeBand(0, True, 0, True, None), SizeBand(0, False, None, False, 0))
    table = replace(UPC, zones=(replace(UPC.zones[0], defects=bands),))
    verdict = grade(face(table, pit(5, 0.0)), CONFIG).verdict
    assert verdict.status == "PASS"
    assert verdict.closest is None


# --- zones


def test_a_cladding_of_unknown_diameter_is_as_large_as_the_scale_has_it():
    geometry = face_with(Ellipse(CENTER, (240.0, 200.0), 0.0))
    scale = Scale(0.5, 0.6, "calibration")
    assert cladding_um(geometry, Request("e", "c"), scale) == pytest.approx(120.0)
    assert cladding_um(geometry, Request("e", "c", cladding_diameter_um=125.0), scale) == 125.0


def test_a_core_that_is_wider_than_high_leads_its_zone():
    core = measured_core(Ellipse((501.0, 400.0), (104.0, 96.0), 30.0))
    inner = zone_outlines(face_with(circle(250.0), core), CUSTOM, face().request, SCALE)[0]
    assert (inner.outer, inner.around) == (core.ellipse, "core")
    wider = replace(
        CUSTOM, zones=(replace(CUSTOM.zones[0], outer=replace(CUSTOM.zones[0].outer, times=1.5, plus_um=5.0)),)
    )
    (outline,) = zone_outlines(face_with(circle(250.0), core), wider, face().request, SCALE)
    assert outline.outer.mean_diameter_px == pytest.approx(1.5 * 100 + 10)
    assert outline.outer.center_px == core.ellipse.center_px


@pytest.mark.parametrize("core", [None, CORE])
def test_without_a_scale_the_zones_are_those_that_can_be_seen(core: CoreFit | None):
    outlines = zone_outlines(face_with(circle(250.0), core), UPC, face().request, None)
    expected = [("B", 250.0), ("D", 500.0)] if core is None else [("A", 100.0), ("B", 250.0), ("D", 500.0)]
    assert [(o.letter, o.outer.mean_diameter_px) for o in outlines] == expected


@pytest.mark.parametrize(("turn_deg", "half"), [(0.0, (100.0, 40.0)), (90.0, (40.0, 100.0)), (30.0, (88.9, 60.9))])
@pytest.mark.parametrize("rule", ["area", "border"])
def test_a_zone_is_seen_as_far_as_it_lies_in_the_picture(
    rule: Literal["area", "border"], turn_deg: float, half: tuple[float, float]
):
    def share_at(x: float, y: float) -> float:
        (zone,) = with_seen([ZoneOutline("D", Ellipse((x, y), (200.0, 80.0), turn_deg))], 801, 601, rule)
        assert zone.seen is not None
        return zone.seen

    within = (half[0], half[1]), (800 - half[0], 600 - half[1])
    assert [share_at(*at) for at in within] == [1.0, 1.0]
    assert max(share_at(half[0] - 1, 300), share_at(400, 601 - half[1])) < 1
    halves = (0.0, 300.0), (800.0, 300.0), (400.0, 0.0), (400.0, 600.0)
    assert [share_at(*at) for at in halves] == pytest.approx([0.5] * 4, abs=0.01)
    assert share_at(-half[0] - 1, 300.0) == 0.0


@given(
    st.floats(-60, 260),
    st.floats(-60, 160),
    st.floats(20, 150),
    st.floats(0.3, 1.0),
    st.floats(0, 180),
)
@settings(max_examples=20, deadline=None)
def test_the_area_seen_is_that_of_the_pixels_inside(x: float, y: float, axis: float, ratio: float, turn_deg: float):
    """Counted on a grid eight times as fine as the pixels."""
    ellipse = Ellipse((x, y), (axis, axis * ratio), turn_deg)
    column, row = np.meshgrid(*((np.arange(8 * n) + 0.5) / 8 - 0.5 for n in (200, 100)))
    inside = distances_px(np.column_stack([column.ravel(), row.ravel()]), ellipse) <= ellipse.mean_diameter_px / 2
    assert area_seen(ellipse, 200, 100) == pytest.approx(np.count_nonzero(inside) / 64, abs=0.02 * axis + 0.5)


def test_a_ring_is_seen_as_far_as_it_lies_in_the_picture_whatever_it_surrounds():
    """Cut through the middle of the inner border: half of the disc inside, and more of the ring."""
    halved = [ZoneOutline(letter, circle(size, (-0.5, 100.0))) for letter, size in (("B", 100.0), ("D", 150.0))]
    disc, ring = with_seen(halved, 201, 201, "area")
    assert disc.seen == pytest.approx(0.5, abs=1e-5)
    assert ring.seen == pytest.approx(0.5, abs=1e-5)
    same = [ZoneOutline(letter, circle(100.0)) for letter in "BD"]
    inner, outer = with_seen(same, 1001, 801, "area")
    assert (inner.seen, outer.seen) == (1.0, 1.0)  # a zone that has no extent hides nothing


def test_rings_that_a_zone_holds_in_part_count_in_part():
    light = Clipping(0.5, (100, 300, 500, 700), (100, 0, 0, 700))
    assert clipped_share(light, 0.0, 0.5) == 1.0
    assert clipped_share(light, 0.0, 1.0) == 0.25
    assert clipped_share(light, 0.25, 0.75) == pytest.approx(50 / 200)
    assert clipped_share(light, 1.0, 9.0) == pytest.approx(700 / 1200)
    assert clipped_share(light, 2.0, 3.0) == 0.0  # nothing was searched there


RINGED = (ZoneOutline("A", circle(50.0)), ZoneOutline("B", circle(200.0)))


def at(near_px: float, centroid_px: float) -> Defect:
    return pit(near_px, 3.0, centroid_px=(CENTER[0] + centroid_px, CENTER[1]))


@pytest.mark.parametrize(
    ("near", "centroid", "touched", "by_centroid"),
    [
        (25.0, 30.0, "core", "cladding"),
        (25.1, 30.0, "cladding", "cladding"),
        (20.0, 25.0, "core", "core"),
        (100.0, 130.0, "cladding", "cladding"),
        (100.1, 130.0, None, None),
    ],
)
def test_a_mark_belongs_where_the_rule_says(near: float, centroid: float, touched: str | None, by_centroid: str | None):
    assert zone_of(at(near, centroid), RINGED, "touched") == touched
    assert zone_of(at(near, centroid), RINGED, "centroid") == by_centroid


def test_a_zone_of_the_core_is_reached_by_the_distance_from_the_core():
    around_core = (ZoneOutline("A", circle(50.0), "core"), RINGED[1])
    defect = replace(at(24.0, 30.0), r_core_px=26.0)
    assert zone_of(defect, around_core, "touched") == "cladding"
    assert zone_of(replace(defect, r_core_px=25.0), around_core, "touched") == "core"
    assert zone_of(replace(defect, r_core_px=None), around_core, "touched") == "cladding"


@pytest.mark.parametrize(
    ("unsure", "zones"),
    [
        (2.0, ("core",)),
        (6.0, ("core", "cladding")),
        (80.1, ("core", "cladding", None)),
    ],
)
def test_an_unsure_place_may_be_in_every_zone_within_reach(unsure: float, zones: tuple[str | None, ...]):
    assert possible_zones(at(20.0, 21.0), RINGED, "touched", unsure) == zones


def test_distances_count_in_shares_of_the_shape_of_the_fiber():
    ellipse = Ellipse(CENTER, (120.0, 80.0), 0.0)
    points = np.array([[560.0, 400.0], [500.0, 440.0], [530.0, 400.0], [500.0, 400.0]])
    assert distances_px(points, ellipse).tolist() == [50.0, 50.0, 25.0, 0.0]


# --- what the picture itself does not show


def sharp_in_part(inspection: Inspection, *sigmas_px: float | None) -> Inspection:
    """Sigma of the cladding edge in eight directions; radius 125 px of 0.5 um."""
    assert inspection.geometry is not None
    cladding = replace(inspection.geometry.cladding, sector_blur_px=sigmas_px)
    return grade(replace(inspection, geometry=replace(inspection.geometry, cladding=cladding)), CONFIG)


def test_a_face_out_of_focus_on_one_side_does_not_pass_and_the_side_is_named():
    graded = sharp_in_part(face(UPC), 7.0, 5.0, 1.5, 1.2, 1.2, 1.2, 1.5, 5.0)
    told = "Out of focus: on the right zone cladding is blurred by 3.3 um (sigma), at most 1.6 um may be"
    assert why(graded) == told


def test_a_face_out_of_focus_on_one_side_fails_for_what_is_seen_all_the_same():
    graded = sharp_in_part(face(UPC, pit(90, 40)), 7.0, 5.0, 1.5, 1.2, 1.2, 1.2, 1.5, 5.0)
    assert graded.verdict.status == "FAIL"
    assert [reason.kind for reason in graded.verdict.reasons] == ["limit_broken", "out_of_focus"]


@pytest.mark.parametrize("sigmas_px", [(), (None,) * 8, (1.2,) * 8, (3.0,) + (1.2,) * 6 + (None,)])
def test_a_face_sharp_enough_wherever_it_is_seen_passes(sigmas_px):
    assert sharp_in_part(face(UPC), *sigmas_px).verdict.status == "PASS"


def test_what_reaches_out_is_blurred_more_and_may_be_as_its_limit_is_large():
    sigmas_px = (3.0, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2)
    contact = face(UPC, zones=(ZONE_NAMES["D"],))
    assert sharp_in_part(contact, *sigmas_px).verdict.status == "PASS"
    assert why(sharp_in_part(contact, 7.5, *sigmas_px[1:])).startswith(
        "Out of focus: on the right zone contact is blurred by"
    )


def test_fields_further_apart_than_the_smallest_limit_are_not_graded():
    assert why(grade(face(UPC, pit(90, 40), field_shift_px=-9.0), CONFIG)) == (
        "Interlaced: even and odd rows lie 4.5 um apart, more than the limit of 2 um"
    )
    assert grade(face(UPC, field_shift_px=2.0), CONFIG).verdict.status == "PASS"


def test_where_any_size_fails_any_shift_is_too_much():
    assert why(grade(face(UPC, zones=(ZONE_NAMES["A"],), field_shift_px=1.0), CONFIG)) == (
        "Interlaced: even and odd rows lie 0.5 um apart"
    )


def test_grains_of_laser_light_fail_nothing():
    speckle = notice("speckle", "the core is full of grains")
    assert why(grade(face(UPC, pit(90, 40), warnings=(speckle,)), CONFIG)) == speckle.text
