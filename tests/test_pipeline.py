"""One picture through all stages: what it is graded, what keeps it from being graded, and what must not matter."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, Literal

import cv2
import numpy as np
import pytest

from dscope_blink.config.settings import Config
from dscope_blink.files.decoding import Picture
from dscope_blink.pipeline import inspect_image, not_measured
from dscope_blink.records import (
    ZONE_NAMES,
    Calibration,
    ImageInfo,
    Inspection,
    Provenance,
    Request,
    Scale,
    UserError,
    notice,
    texts,
)
from dscope_blink.synthetic.faces import Blemish, Contamination, FaceSpec, Illumination, Pit, Scratch, render_face
from tests.builders.settings import SETTINGS

DEEP = SETTINGS.profile("deep_inspection")
PROFILES = ("deep_inspection", "fast_scan")  # those for inspection
SQUARE_PX = 0.7
FACE = FaceSpec(shape=(400, 400), centre_px=(203.3, 196.2), um_per_px_x=SQUARE_PX, um_per_px_y=SQUARE_PX)
MULTIMODE = Request("iec_61300_3_35_2015", "multimode", 50.0, 125.0, 1.0)
STAGES = {
    "preprocess": "Preprocessing",
    "locate": "Fiber Localization",
    "overlays": "Overlay Detection",
    "zones": "Zone Detection",
    "residual": "Background Removal",
    "detect": "Defect Detection",
    "measure": "Defect Measurement",
    "judge": "Acceptance Judgement",
}

ACROSS = Scratch(((-24.0, -20.0), (26.0, 21.0)), 3.5, -0.6)
CORE_PIT = Pit((6.0, 10.0), 9.0, -0.7)
CLADDING_PIT = Pit((-40.0, 18.0), 8.0, -0.7)
DROPLET = Contamination(((38.0, 20.0, 6.0), (41.0, 25.0, 4.0)), 0.4, 1.0)
MARKS = (ACROSS, CLADDING_PIT, DROPLET)


@cache
def rendered(*blemishes: Blemish, **face: Any) -> Picture:
    """A picture of the face with these marks; its light is the same whatever lies on it."""
    image = render_face(replace(FACE, **face), blemishes, np.random.default_rng(0)).image
    image.flags.writeable = False
    return image


def inspect(picture: Picture, request: Request = MULTIMODE, config: Config = DEEP, **others: Any) -> Inspection:
    info = ImageInfo("face.png", "00" * 32, picture.shape[1], picture.shape[0])
    provenance = Provenance("D-Scope Blink", config.profile, "2026-01-31T08:00:00+00:00", {"config": config.sha256})
    scale: Scale | None = others.pop("calibration", None)
    calibration = others.pop("made", None) or (None if scale is None else Calibration(scale, "00" * 32))
    return inspect_image(picture, info, request, config, calibration, provenance, **others)


@cache
def marked() -> Inspection:
    return inspect(rendered(*MARKS))


@cache
def clean() -> Inspection:
    return inspect(rendered())


def reason(inspection: Inspection) -> str:
    """The one reason why a picture was not graded."""
    assert inspection.verdict.status == "NOT_GRADED"
    (why,) = inspection.verdict.reasons
    return why.text


def found(inspection: Inspection) -> list[tuple[str, str]]:
    """Zone and kind of each mark."""
    return sorted((d.zone, d.classification) for d in inspection.defects)


def sizes(inspection: Inspection) -> np.ndarray:
    """Diameter, length and width of the marks in micrometres, the largest mark first, (n, 3)."""
    rows = [(d.diameter_um, d.length_um, d.width_um) for d in inspection.defects]
    return np.array(sorted(rows, key=lambda row: -(row[0] or 0)), float)


def test_two_pits_of_a_small_picture_that_the_eye_sees_apart_are_two_marks():
    apart = rendered(Pit((-40.0, 0.0), 4.5, -0.5), Pit((-40.0, 7.0), 4.5, -0.5))  # 3.6 px between them
    inspection = inspect(apart)
    assert found(inspection) == [("cladding", "pit_dig")] * 2
    assert [d.diameter_um for d in inspection.defects] == pytest.approx([4.5, 4.5], abs=0.8)
    assert inspection.quality.search_pixel_px == 0.5


LARGE: dict[str, Any] = {
    **{"shape": (820, 820), "centre_px": (410.3, 408.6), "um_per_px_x": 0.5, "um_per_px_y": 0.5},
    **{"cladding_diameter_um": 370.0, "core_diameter_um": 300.0},
}


@pytest.mark.slow
def test_on_a_large_fiber_lengths_do_not_grow_with_its_radius():
    """A weak mark at the centre is none of the fiber's own, and a scratch that starts at the edge is no chip."""
    at_centre = Contamination(((1.0, 0.5, 6.0),), -0.12, 0.5)
    from_edge = Scratch(((-183.0, 0.0), (-157.0, 3.0)), 2.5, -0.5)
    request = Request("iec_61300_3_35_2022", "custom", 300.0, 370.0, 1.0)
    inspection = inspect(rendered(at_centre, from_edge, **LARGE), request)
    assert found(inspection) == [("cladding", "scratch"), ("core", "contamination")]


@pytest.mark.slow
@pytest.mark.parametrize("at_um", [(2.0, 2.0), (2.7, 0.0)])
def test_a_pit_beside_the_centre_of_a_large_fiber_is_not_measured_too_small(at_um: tuple[float, float]):
    request = Request("iec_61300_3_35_2022", "custom", 300.0, 370.0, 1.0)
    largest, *_ = sizes(inspect(rendered(Pit(at_um, 9.0, -0.6), **LARGE), request))
    assert largest[0] > 8.2


@pytest.mark.parametrize("turn", [50, 90])
def test_scratches_that_cross_are_two(turn):
    half = math.radians(turn / 2)
    across, along = 16 * math.sin(half), 16 * math.cos(half)
    one = Scratch(((-38 - across, -along), (-38 + across, along)), 2.5, -0.5)
    two = Scratch(((-38 + across, -along), (-38 - across, along)), 2.5, -0.5)
    defects = inspect(rendered(one, two)).defects
    assert [defect.classification for defect in defects] == ["scratch", "scratch"]
    assert [defect.length_um for defect in defects] == pytest.approx([34.5, 34.5], abs=3.0)


@pytest.mark.parametrize("blur_px", [1.0, 1.5])
@pytest.mark.parametrize("width_um", [1.5, 2.5, 3.5])
def test_a_scratch_is_as_wide_as_it_is_whatever_the_blur(width_um, blur_px):
    sharp = {"um_per_px_x": 0.435, "um_per_px_y": 0.435, "shape": (430, 560), "centre_px": (279.6, 214.7)}
    line = Scratch(((-46.0, -10.0), (-36.0, 14.0)), width_um, -0.4)
    (defect,) = inspect(rendered(line, blur_px=blur_px, **sharp)).defects
    assert defect.width_um == pytest.approx(width_um, abs=0.3)


# --- what is graded


@pytest.mark.parametrize("profile", PROFILES)
def test_a_clean_face_has_no_defects_and_passes(profile):
    inspection = inspect(rendered(), config=SETTINGS.profile(profile))
    assert inspection.verdict.status == "PASS"
    assert inspection.defects == ()


@pytest.mark.parametrize("profile", PROFILES)
def test_a_marked_face_fails_and_every_mark_is_found_in_its_zone_and_kind(profile):
    inspection = inspect(rendered(*MARKS), config=SETTINGS.profile(profile))
    assert inspection.verdict.status == "FAIL"
    assert found(inspection) == [("cladding", "contamination"), ("cladding", "pit_dig"), ("core", "scratch")]


def test_a_failed_face_names_the_marks_that_broke_each_rule():
    inspection = marked()
    blamed = {name for v in inspection.verdict.violations for name in v.defects}
    assert {d.id for d in inspection.defects if d.classification == "contamination"} <= blamed
    assert blamed <= {d.id for d in inspection.defects}
    assert len(inspection.verdict.reasons) == len(inspection.verdict.violations)


def test_marks_measure_what_was_drawn():
    (pit,) = inspect(rendered(CORE_PIT)).defects
    assert pit.diameter_um == pytest.approx(9.0, rel=0.15)
    assert pit.centroid_px == pytest.approx((203.3 + 6 / SQUARE_PX, 196.2 + 10 / SQUARE_PX), abs=0.6)
    assert pit.r_min_um == pytest.approx(np.hypot(6, 10) - 4.5, abs=1.0)


def test_the_record_repeats_what_it_was_made_from():
    inspection = marked()
    assert inspection.request is MULTIMODE
    assert (inspection.criteria.edition, inspection.criteria.fiber_class) == (MULTIMODE.edition, MULTIMODE.fiber_class)
    assert (inspection.image.width, inspection.image.height) == (400, 400)
    assert inspection.provenance.inputs["config"] == SETTINGS.sha256


def test_the_geometry_is_that_of_the_rendered_face():
    inspection = clean()
    assert inspection.geometry is not None
    assert inspection.geometry.cladding.ellipse.center_px == pytest.approx((203.3, 196.2), abs=0.1)
    assert inspection.geometry.cladding.ellipse.mean_diameter_px == pytest.approx(125 / SQUARE_PX, abs=0.2)
    assert inspection.measurements["core_diameter_um"].value == pytest.approx(50, abs=0.5)
    assert inspection.scale is not None
    assert inspection.scale.um_per_px == pytest.approx(SQUARE_PX, rel=0.002)


# --- what is not


EMPTY: dict[str, Picture] = {
    "grey": np.full((300, 400), 128, np.uint8),
    "black": np.zeros((300, 400), np.uint8),
    "white": np.full((300, 400), 255, np.uint8),
    "noise": np.random.default_rng(1).integers(0, 256, (300, 400)).astype(np.uint8),
    "ramp": np.tile(np.linspace(0, 255, 400).astype(np.uint8), (300, 1)),
    "one pixel": np.zeros((1, 1), np.uint8),
    "a line": np.arange(200, dtype=np.uint8)[None, :],
    "16 bits": np.full((300, 400), 30000, np.uint16),
    "colour": np.full((300, 400, 3), (10, 90, 200), np.uint8),
}


@pytest.mark.parametrize("name", EMPTY)
def test_a_picture_without_a_fiber_is_not_graded(name):
    inspection = inspect(EMPTY[name])
    assert reason(inspection).startswith("Localization Failed: ")
    assert (inspection.geometry, inspection.scale, inspection.zones, inspection.defects) == (None, None, (), ())


@pytest.mark.parametrize("name", ["black", "white"])
def test_a_picture_at_the_end_of_the_range_carries_a_warning(name):
    assert any(w.text.startswith("Poor Illumination Warning: ") for w in inspect(EMPTY[name]).quality.warnings)


def test_a_well_lit_picture_carries_no_warning():
    assert clean().quality.warnings == ()


def blurred(blur_px: float, *blemishes: Blemish) -> Picture:
    return np.asarray(cv2.GaussianBlur(rendered(*blemishes), (0, 0), blur_px), np.uint8)


def test_a_face_too_blurred_to_show_its_marks_is_not_graded():
    assert reason(inspect(blurred(12, *MARKS))).startswith(("Out of focus: ", "Localization Failed: "))


def test_a_face_below_the_limit_of_focus_is_located_and_not_graded():
    strict = replace(DEEP, preprocessing=replace(DEEP.preprocessing, focus_min=50.0))
    inspection = inspect(blurred(3, *MARKS), config=strict)
    assert reason(inspection).startswith("Out of focus: ")
    assert "50" in reason(inspection)
    assert inspection.geometry is not None
    assert inspection.scale is not None
    assert inspection.defects == ()


def test_focus_falls_with_blur():
    sharp, soft, softer = (inspect(blurred(px)).quality.focus or 0 for px in (0.5, 2.0, 5.0))
    assert sharp > 1.3 * soft > 1.3**2 * softer > 0


def test_without_a_scale_marks_are_measured_in_pixels_and_not_graded():
    inspection = inspect(rendered(*MARKS), Request("iec_61300_3_35_2015", "multimode"))
    assert reason(inspection).startswith("No scale: ")
    assert inspection.scale is None
    assert [o.name for o in inspection.zones] == ["core", "cladding", "contact"]
    assert len(inspection.defects) == len(MARKS)
    for defect, known in zip(inspection.defects, marked().defects, strict=True):
        assert (defect.length_um, defect.width_um, defect.diameter_um, defect.area_um2) == (None,) * 4
        assert defect.diameter_px == pytest.approx(known.diameter_px)
        assert not defect.counted


def test_a_calibration_is_scale_enough():
    calibration = Scale(SQUARE_PX, SQUARE_PX, "calibration")
    inspection = inspect(rendered(*MARKS), Request("iec_61300_3_35_2015", "multimode"), calibration=calibration)
    assert inspection.scale == calibration
    assert inspection.verdict.status == "FAIL"
    assert np.allclose(sizes(inspection), sizes(marked()), rtol=0.01)


def test_a_calibration_that_disagrees_is_a_warning_on_the_image():
    inspection = inspect(rendered(), calibration=Scale(1.1 * SQUARE_PX, 1.1 * SQUARE_PX, "calibration"))
    assert any(w.text.startswith("Scale disagreement") for w in inspection.quality.warnings)
    assert inspection.verdict.status == "PASS"


def foreign(picture: Picture, rule: Literal["warn", "refuse"]) -> Inspection:
    scale = Scale(SQUARE_PX, SQUARE_PX, "calibration")
    made = Calibration(scale, "00" * 32, (2048, 1536), warnings=(notice("expired_calibration", "long ago"),))
    config = replace(DEEP, calibration=replace(DEEP.calibration, foreign=rule))
    return inspect(picture, Request("iec_61300_3_35_2015", "multimode"), config, made=made)


def test_a_calibration_of_other_pictures_is_not_used():
    inspection = foreign(rendered(), "refuse")
    assert inspection.scale is None
    assert reason(inspection).startswith("No scale: ")
    sizes = f"made with pictures of 2048 x 1536 px, this one has {FACE.shape[1]} x {FACE.shape[0]} px"
    assert texts(inspection.quality.warnings[-2:]) == [
        "Expired calibration: long ago",
        f"Foreign calibration: {sizes}; it is not used",
    ]


def test_a_calibration_of_other_pictures_is_only_warned_of_on_request():
    inspection = foreign(rendered(), "warn")
    assert inspection.verdict.status == "PASS"
    assert inspection.scale is not None
    assert any(warning.text.startswith("Foreign calibration: ") for warning in inspection.quality.warnings)


def test_a_calibration_states_how_sure_it_is():
    request = Request("iec_61300_3_35_2015", "multimode")
    sure, unsure = (
        inspect(rendered(), request, calibration=Scale(SQUARE_PX, SQUARE_PX, "calibration", relative)).measurements
        for relative in (0.0001, 0.02)
    )
    diameter = unsure["cladding_diameter_um"]
    assert diameter.value is not None
    assert diameter.uncertainty is not None
    assert diameter.uncertainty == pytest.approx(2 * 0.02 * diameter.value, rel=0.05)
    assert (sure["cladding_diameter_um"].uncertainty or 0) < 0.1 * diameter.uncertainty


def test_an_ellipse_is_explained_by_no_calibration_that_took_pixels_for_square():
    wide = rendered(um_per_px_x=FACE.um_per_px_x * 0.97)
    request = Request("iec_61300_3_35_2015", "multimode")
    said = [
        next(w for w in inspect(wide, request, calibration=scale).quality.warnings if w.text.startswith("Elliptical"))
        for scale in (Scale(SQUARE_PX, SQUARE_PX, "calibration", None, square) for square in (True, False))
    ]
    assert "either pixels of aspect ratio" in said[0].text
    assert "with pixels of aspect ratio 1.0000" in said[1].text


def test_a_core_of_known_diameter_is_expected_by_the_calibration_alone():
    unlit = rendered(core=FACE.cladding)
    request = Request("iec_61300_3_35_2015", "custom", core_diameter_um=50.0, pixel_aspect_ratio=1.0)
    inspection = inspect(unlit, request, calibration=Scale(SQUARE_PX, SQUARE_PX, "calibration"))
    assert inspection.geometry is not None
    assert inspection.geometry.core is not None
    assert inspection.geometry.core.source == "nominal"
    assert inspection.geometry.core.ellipse.mean_diameter_px == pytest.approx(50 / SQUARE_PX, rel=0.002)


def test_a_circle_of_another_size_than_calibration_and_diameter_give_is_no_cladding():
    inspection = inspect(rendered(), calibration=Scale(2 * SQUARE_PX, 2 * SQUARE_PX, "calibration"))
    assert "within 20%" in reason(inspection)


def test_a_core_that_shines_beside_its_known_diameter_is_a_warning():
    inspection = inspect(rendered(), replace(MULTIMODE, fiber_class="custom", core_diameter_um=9.0))
    assert any(w.text.startswith("Core contradiction") for w in inspection.quality.warnings)
    assert not any(w.text.startswith("Core contradiction") for w in clean().quality.warnings)


def test_a_zone_that_is_all_white_is_not_graded():
    assert reason(inspect(rendered(core=255.0, core_slope=40.0))).startswith("Clipped: ")
    only_cladding = replace(MULTIMODE, zones=("cladding",))
    assert inspect(rendered(core=255.0, core_slope=40.0), only_cladding).verdict.status == "PASS"


def test_criteria_that_need_a_core_are_not_applied_without_one():
    unlit = rendered(core=FACE.cladding)
    request = Request("iec_61300_3_35_2015", "custom", cladding_diameter_um=125.0, pixel_aspect_ratio=1.0)
    inspection = inspect(unlit, request)
    assert reason(inspection).startswith("No core: ")


def test_an_unlit_core_of_known_diameter_is_nominal():
    inspection = inspect(rendered(core=FACE.cladding, um_per_px_x=1.0, um_per_px_y=1.0))
    assert inspection.geometry is not None
    assert inspection.geometry.core is not None
    assert inspection.geometry.core.source == "nominal"
    assert inspection.verdict.status == "PASS"


def test_a_class_that_the_edition_does_not_have_is_refused_by_name():
    with pytest.raises(UserError, match="multimode"):
        inspect(rendered(), replace(MULTIMODE, edition="iec_61300_3_35_2009"))


def test_a_picture_that_was_never_read_has_a_record_with_its_reason():
    provenance = Provenance("D-Scope Blink", "deep_inspection", "")
    record = not_measured(ImageInfo("a.png"), MULTIMODE, DEEP, provenance, notice("unreadable", "the file is empty"))
    assert reason(record) == "Unreadable: the file is empty"
    assert (record.geometry, record.zones, record.defects) == (None, (), ())


# --- zones asked for


@pytest.mark.parametrize("zone", ["core", "cladding"])
def test_only_the_asked_zones_are_reported_and_graded(zone):
    inspection = inspect(rendered(*MARKS), replace(MULTIMODE, zones=(zone,)))
    assert {d.zone for d in inspection.defects} == {zone}
    assert {v.zone for v in inspection.verdict.violations} <= {zone}
    assert sizes(inspection).shape[0] == sum(d.zone == zone for d in marked().defects)


def test_a_face_passes_when_what_fails_it_lies_in_a_zone_not_asked_for():
    others = tuple(name for name in ZONE_NAMES.values() if name != "core")
    picture = rendered(CORE_PIT)
    assert inspect(picture).verdict.status == "FAIL"
    assert inspect(picture, replace(MULTIMODE, zones=others)).verdict.status == "PASS"


def test_ids_count_from_one_in_what_is_reported():
    picture = rendered(CORE_PIT, CLADDING_PIT)
    (pit,) = inspect(picture, replace(MULTIMODE, zones=("cladding",))).defects
    assert pit.id == "P1"


# --- cells

CELLS = replace(DEEP, reporting=replace(DEEP.reporting, cells=True))


def test_cells_are_measured_only_when_asked_for_and_change_nothing_else():
    asked = inspect(rendered(*MARKS), config=CELLS)
    assert marked().cells == ()
    assert len(asked.cells) == 9 * len(asked.zones)
    assert "cells" in asked.timings_s
    assert same(replace(asked, cells=()), marked())


def test_every_mark_counts_in_one_cell_where_the_detectors_saw_it():
    inspection = inspect(rendered(*MARKS), config=CELLS)
    assert sum(cell.defect_count for cell in inspection.cells) == len(inspection.defects)
    for cell in (c for c in inspection.cells if c.defect_count):
        assert max(cell.responses.values()) > 0.01
        assert cell.defect_area_um2 == pytest.approx(cell.defect_area_px * SQUARE_PX**2, rel=0.02)


def test_only_the_asked_zones_have_cells():
    inspection = inspect(rendered(*MARKS), replace(MULTIMODE, zones=("cladding",)), CELLS)
    assert [cell.zone for cell in inspection.cells] == ["cladding"] * 9


def test_a_fiber_of_given_diameters_has_the_cells_of_its_zones():
    request = Request("iec_61300_3_35_2015", "custom", 50.0, 125.0, 1.0)
    assert [cell.zone for cell in inspect(rendered(), request, CELLS).cells[::9]] == list(ZONE_NAMES.values())


def test_a_fiber_reduced_for_the_detectors_has_cells_of_the_stored_pixels():
    reduced = replace(CELLS, residual=replace(CELLS.residual, max_cladding_px=90))
    whole, half = (inspect(rendered(CLADDING_PIT), config=config) for config in (CELLS, reduced))
    assert len(half.defects) == 1
    for one, other in zip(whole.cells, half.cells, strict=True):
        assert (one.pixel_count, one.defect_count) == (other.pixel_count, other.defect_count)
        assert one.gray_mean == pytest.approx(other.gray_mean, nan_ok=True)
        assert (one.responses["do2mr"] > 0) == (other.responses["do2mr"] > 0)
        assert other.responses["do2mr"] > 0 or not other.defect_count


def test_a_picture_that_is_not_located_has_no_cells():
    assert inspect(EMPTY["grey"], config=CELLS).cells == ()


# --- stages


@pytest.fixture
def log_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    lines: list[str] = []
    with caplog.at_level(logging.INFO, "dscope.pipeline"):
        inspect(rendered())
        lines += [record.getMessage() for record in caplog.records]
    return lines


def test_each_stage_is_logged_where_it_starts_and_ends_with_its_duration(log_lines):
    assert len(log_lines) == 2 * len(STAGES)
    for title, start, end in zip(STAGES.values(), log_lines[::2], log_lines[1::2], strict=True):
        assert start == f"Starting {title}..."
        assert re.fullmatch(rf"{title} Complete\. Duration: \d+\.\d\ds", end), end


def test_the_time_of_each_stage_is_in_the_record_and_the_total_holds_them_all():
    times = dict(clean().timings_s)
    total = times.pop("total")
    assert list(times) == list(STAGES)
    assert min(times.values()) >= 0
    assert sum(times.values()) <= total


def test_a_picture_that_is_not_located_has_the_times_of_the_stages_it_went_through():
    assert set(inspect(EMPTY["grey"]).timings_s) == {"preprocess", "locate", "total"}


# --- what must not matter


def same(one: Inspection, two: Inspection) -> bool:
    """Equal in everything but the time it took; an array in a record makes == ambiguous."""
    return repr(replace(one, timings_s={})) == repr(replace(two, timings_s={}))


def test_the_same_picture_gives_the_same_record():
    assert same(inspect(rendered(*MARKS)), marked())


def test_inspecting_leaves_the_picture_as_it_was():
    picture = rendered(*MARKS).copy()
    inspect(picture)
    assert np.array_equal(picture, rendered(*MARKS))


def test_a_grey_picture_stored_in_colour_gives_the_same_record():
    assert same(inspect(cv2.cvtColor(rendered(*MARKS), cv2.COLOR_GRAY2BGR)), marked())


def test_eight_and_sixteen_bits_of_the_same_levels_give_the_same_record():
    assert same(inspect(rendered(*MARKS).astype(np.uint16) * 257), marked())


def test_a_camera_of_sixteen_bits_sees_the_same_marks():
    inspection = inspect(rendered(*MARKS, bits=16))
    assert inspection.verdict.status == marked().verdict.status
    assert found(inspection) == found(marked())
    assert np.allclose(sizes(inspection), sizes(marked()), rtol=0.05, atol=0.2)


@pytest.mark.parametrize("factor", [0.8, 1.15])
def test_brightness_does_not_matter(factor):
    scaled = np.clip(np.rint(rendered(*MARKS) * factor), 0, 255).astype(np.uint8)
    inspection = inspect(scaled)
    assert inspection.verdict.status == marked().verdict.status
    assert found(inspection) == found(marked())
    assert np.allclose(sizes(inspection), sizes(marked()), rtol=0.1, atol=0.5)
    assert inspect(np.rint(rendered() * factor).astype(np.uint8)).verdict.status == "PASS"


TURNS: dict[str, Callable[[Picture], Picture]] = {
    "quarter": np.rot90,
    "half": lambda image: np.rot90(image, 2),
    "three quarters": lambda image: np.rot90(image, 3),
    "mirrored": lambda image: image[:, ::-1],
    "upside down": lambda image: image[::-1],
    "transposed": lambda image: image.T,
}


@pytest.mark.parametrize("turn", TURNS)
def test_the_way_the_fiber_lies_does_not_matter(turn):
    inspection = inspect(np.ascontiguousarray(TURNS[turn](rendered(*MARKS)), np.uint8))
    assert inspection.verdict.status == marked().verdict.status
    assert found(inspection) == found(marked())
    assert np.allclose(sizes(inspection), sizes(marked()), rtol=0.05, atol=0.3)


def test_pixels_that_are_not_square_give_the_same_micrometres():
    oblong = rendered(*MARKS, um_per_px_x=0.77, um_per_px_y=0.7)
    inspection = inspect(oblong, replace(MULTIMODE, pixel_aspect_ratio=1.1))
    assert inspection.scale is not None
    assert (inspection.scale.um_per_px_x, inspection.scale.um_per_px_y) == pytest.approx((0.77, 0.7), rel=0.003)
    assert found(inspection) == found(marked())
    assert np.allclose(sizes(inspection), sizes(marked()), rtol=0.12, atol=0.7)


# --- flat field


SHADED = Illumination(linear=(0.2, -0.15), quadratic=-0.3)
DUST_PX = (250, 150)  # x, y over the cladding; it lies on the camera and stays when the fiber is changed


def dusty(picture: Picture) -> Picture:
    y, x = np.ogrid[: picture.shape[0], : picture.shape[1]]
    shadow = 0.35 * np.exp(-((x - DUST_PX[0]) ** 2 + (y - DUST_PX[1]) ** 2) / (2 * 5.0**2))
    return np.asarray(np.rint(picture * (1 - shadow)), np.uint8)


def test_a_flat_field_takes_away_what_is_on_the_camera_and_leaves_what_is_on_the_fiber():
    flat = dusty(np.full(FACE.shape, 200, np.uint8))
    picture = dusty(rendered(CLADDING_PIT))
    assert len(inspect(picture).defects) == 2
    (pit,) = inspect(picture, flat_field=flat).defects
    assert pit.classification == "pit_dig"


def test_uneven_light_makes_no_defects():
    assert inspect(rendered(illumination=SHADED)).defects == ()


def test_a_flat_field_of_another_size_is_a_warning():
    inspection = inspect(rendered(), flat_field=np.full((10, 12), 200, np.uint8))
    assert any("12 x 10" in w.text for w in inspection.quality.warnings)
    assert inspection.verdict.status == "PASS"


# --- what must be seen whole


def test_two_fibers_in_view_are_not_graded():
    two: Picture = np.tile(rendered(), 2).astype(np.uint8)
    text = reason(inspect(two))
    assert text.startswith("Localization Failed: two circular edges")


def test_a_fiber_cut_by_the_border_is_not_graded():
    # the cladding begins at x = 114 and zone B at 121
    cut: Picture = rendered()[:, 130:].astype(np.uint8)
    assert reason(inspect(cut)) == "Fiber cut by the border: cladding zone seen: 97 %, 100 % must be"


def test_a_contact_zone_that_is_partly_out_of_view_is_warned_of():
    cut: Picture = rendered()[:, 70:].astype(np.uint8)
    inspection = inspect(cut)
    assert inspection.verdict.status == "PASS"
    assert [
        w for w in inspection.quality.warnings if w.text.startswith("Zone cut by the border") and "contact" in w.text
    ]


def test_a_picture_too_coarse_for_the_limits_is_not_graded():
    coarse = rendered(um_per_px_x=1.7, um_per_px_y=1.7)
    assert reason(inspect(coarse)).startswith("Resolution too low: the limit of 3 um")
    assert inspect(coarse, replace(MULTIMODE, zones=("contact",))).verdict.status == "PASS"


def test_a_black_disc_in_the_place_of_the_core_is_a_defect():
    single_mode = Request("iec_61300_3_35_2015", "single_mode_upc", 9.0, 125.0, 1.0, zones=("core", "cladding"))
    face = {"core_diameter_um": 9.0, "um_per_px_x": 0.45, "um_per_px_y": 0.45}
    assert inspect(rendered(**face), single_mode).verdict.status == "PASS"
    assert inspect(rendered(Pit((0.0, 0.0), 9.0, -0.9), **face), single_mode).verdict.status == "FAIL"


# --- what is not of the face


def spoilt(marks: tuple[Blemish, ...] = ()) -> Picture:
    return rendered(*marks).copy()


def test_a_hot_pixel_is_no_mark():
    picture = spoilt()
    picture[210, 215] = 255
    inspection = inspect(picture)
    assert inspection.verdict.status == "PASS"
    assert "Hot pixels: 1 pixel is sharper than the optics, and left out: x 215 y 210" in texts(
        inspection.quality.warnings
    )


def test_interlaced_fields_are_named():
    picture = spoilt()
    picture[1::2] = np.roll(picture[1::2], -5, axis=1)
    assert reason(inspect(picture)).startswith("Interlaced: ")


def test_one_side_out_of_focus_does_not_pass():
    light = rendered(bits=16, noise=0.0).astype(np.float32) / 257
    blurs = [light, *(cv2.GaussianBlur(light, (0, 0), sigma) for sigma in (1.5, 3.0, 4.5, 6.0, 7.5))]
    place = np.clip((np.arange(400) - 160) / 26, 0, 4.999)
    picture = np.empty_like(light)
    for x, at in enumerate(place):
        low = int(at)
        picture[:, x] = (1 - at + low) * blurs[low][:, x] + (at - low) * blurs[low + 1][:, x]
    noisy = np.clip(picture + np.random.default_rng(1).standard_normal(picture.shape), 0, 255)
    inspection = inspect(noisy.astype(np.uint8))
    assert inspection.verdict.status == "NOT_GRADED"
    assert inspection.verdict.reasons[0].text.startswith("Out of focus: on the right")


def test_a_picture_brighter_than_its_bits_is_refused_for_that():
    deep = (rendered().astype(np.uint16) << 4).astype(np.uint16)
    ten = replace(DEEP, preprocessing=replace(DEEP.preprocessing, bits_per_pixel=10))
    assert reason(inspect(deep, config=ten)).startswith(
        "Beyond the bit depth: 10 bits end at 1023, the picture has levels up"
    )


def test_bits_that_are_stated_are_not_guessed():
    # at most 1020 of 4095: taken for ten bits, as bright as it can be
    dark = (rendered().astype(np.uint16) * 4).astype(np.uint16)
    dark[:4, :40] = 1020
    guessed = inspect(dark)
    assert "assumed_bits" in [warning.kind for warning in guessed.quality.warnings]
    twelve = inspect(dark, config=replace(DEEP, preprocessing=replace(DEEP.preprocessing, bits_per_pixel=12)))
    assert twelve.verdict.status == "PASS"
    assert "assumed_bits" not in [warning.kind for warning in twelve.quality.warnings]
