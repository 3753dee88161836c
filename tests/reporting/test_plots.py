"""Maps and palette: marks stand where they are seen on the screen, and every eye can tell their colours apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver

from dscope_blink.records import (
    Defect,
    Ellipse,
    Inspection,
    Notice,
    Points,
    Scale,
    Severity,
    TargetFeatures,
    ellipse_points,
)
from dscope_blink.reporting.calibration_plot import calibration_figure
from dscope_blink.reporting.figures import png_bytes
from dscope_blink.reporting.look import (
    COUNTED_COLOUR,
    RESULT_COLOURS,
    STATUS_COLOURS,
    UNCOUNTED_COLOUR,
    VIOLATING_COLOUR,
    ZONE_COLOURS,
)
from dscope_blink.reporting.plots import diameter_text, heat_map, polar_sheet
from dscope_blink.reporting.sheet import Shapes, Sheet, Strokes, Words
from dscope_blink.reporting.sheet_files import sheet_bytes
from tests.builders.inspections import (
    CENTER,
    COUNTED,
    EVERY_KIND,
    FAILED,
    HOSTILE_FILE,
    NO_CORE,
    NO_SCALE,
    NOT_LOCATED,
    OUT_OF_FOCUS,
    PASSED,
    UNCOUNTED,
    VIOLATING,
    mark,
)

WEIGHTS = {"CRITICAL": 8.0, "HIGH": 4.0, "MEDIUM": 2.0, "LOW": 1.0, "NEGLIGIBLE": 0.5}


def _page(inspection: Inspection) -> Sheet:
    return polar_sheet(inspection, WEIGHTS, 0.04)


def _words(page: Sheet) -> list[Words]:
    return [item for item in page.items if isinstance(item, Words)]


def _texts(page: Sheet) -> list[str]:
    return [words.text for words in _words(page)]


def _labelled(page: Sheet, label: str) -> list[Shapes]:
    return [item for item in page.items if isinstance(item, Shapes) and item.label == label]


def _strokes(page: Sheet, label: str) -> list[Strokes]:
    return [item for item in page.items if isinstance(item, Strokes) and item.label == label]


def _on_face(page: Sheet, points: Points) -> Points:
    """Places on the page as offsets from the centre of the fiber, y down; zone D is as wide as it is."""
    outer = _strokes(page, "zones")[0].paths[-1][:-1]
    scale = 125 / np.hypot(*(outer - outer.mean(axis=0)).T).mean()
    return (np.asarray(points) - outer.mean(axis=0)) * (scale, -scale)


def _places(page: Sheet, label: str) -> Points:
    (shown,) = _labelled(page, label)
    return _on_face(page, np.array([outline.mean(axis=0) for (outline,) in shown.rings]))


@pytest.mark.parametrize("inspection", EVERY_KIND.values(), ids=EVERY_KIND.keys())
def test_every_kind_of_result_has_its_page(inspection: Inspection) -> None:
    assert sheet_bytes(_page(inspection), "png").startswith(b"\x89PNG")


@pytest.mark.parametrize("file_format", ["png", "svg", "pdf"])
@pytest.mark.parametrize("file", [HOSTILE_FILE, "cost $5 and $6.png", "bytes\udcff.png"])
def test_any_file_name_can_stand_in_the_title(file: str, file_format: str) -> None:
    assert sheet_bytes(_page(replace(FAILED, image=replace(FAILED.image, file=file))), file_format)


@pytest.mark.parametrize("inspection", [NOT_LOCATED, OUT_OF_FOCUS], ids=["not located", "out of focus"])
def test_what_was_not_inspected_has_a_page_that_says_why_and_no_map(inspection: Inspection) -> None:
    page = _page(inspection)
    assert inspection.verdict.reasons[0].text in _texts(page)
    assert len(_words(page)) == len(page.items)


def test_a_long_reason_is_written_in_lines() -> None:
    reason = "Unreadable: " + "a word " * 60
    long = replace(NOT_LOCATED, verdict=replace(NOT_LOCATED.verdict, reasons=(Notice("other", reason),)))
    written = next(text for text in _texts(_page(long)) if text.startswith("Unreadable"))
    assert written.split() == reason.split()
    assert max(map(len, written.splitlines())) <= 90


def test_zone_diameters_are_written_on_the_map() -> None:
    assert {"A core 25 um", "B cladding 110 um", "C adhesive 135 um", "D contact 250 um"} <= set(_texts(_page(PASSED)))


def test_a_diameter_is_not_written_on_a_mark() -> None:
    angles = np.deg2rad(np.arange(0, 320, 20))  # marks all around zone B, but for a gap at the upper right
    places = np.stack([110 * np.cos(angles), 137.5 * np.sin(angles)], axis=1)
    marks = tuple(mark(f"P{i}", "pit_dig", (x, y), 10) for i, (x, y) in enumerate(places.tolist(), 1))
    page = _page(replace(PASSED, defects=marks))
    label = next(words for words in _words(page) if words.text == "B cladding 110 um")
    x, y = _on_face(page, np.array(label.at))
    assert -40 < np.rad2deg(np.arctan2(y, x)) < 0


def test_diameters_and_the_offset_of_the_core_are_written_with_their_uncertainties() -> None:
    (written,) = (text for text in _texts(_page(FAILED)) if text.startswith("cladding "))
    assert written.splitlines() == ["cladding 125.00 ± 0.81 um", "core/cladding offset 0.12 ± 0.05 um"]


def _crosses(inspection: Inspection) -> list[Points]:
    page = _page(inspection)
    return [_on_face(page, np.vstack(cross.paths).mean(axis=0)) for cross in _strokes(page, "cross")]


def test_the_centres_of_cladding_and_core_are_marked_where_they_are() -> None:
    assert FAILED.geometry is not None
    assert FAILED.geometry.core is not None
    ellipse = replace(FAILED.geometry.core.ellipse, center_px=(CENTER[0] + 4, CENTER[1] + 10))
    off = replace(FAILED, geometry=replace(FAILED.geometry, core=replace(FAILED.geometry.core, ellipse=ellipse)))
    np.testing.assert_allclose(np.vstack(_crosses(off)), [(0, 0), (2, 4)], atol=1e-6)
    assert len(_crosses(NO_CORE)) == 1


def test_without_scale_diameters_are_in_pixels() -> None:
    assert "A core 56.2 px" in _texts(_page(NO_SCALE))


def test_a_clean_face_has_a_map_without_marks() -> None:
    page = _page(PASSED)
    assert {"breaks a limit (0)", "counted (0)", "not counted (0)"} <= set(_texts(page))
    assert _bars(page) == Counter()


def test_marks_lie_on_the_map_as_on_the_screen() -> None:
    lower_right = mark("P1", "pit_dig", (40.0, 50.0), 10)  # 20 um to the right and 20 um down
    places = _places(_page(replace(PASSED, defects=(lower_right,))), "pit_dig")
    np.testing.assert_allclose(places, [(20, 20)], atol=1e-6)


def test_marks_that_break_a_limit_are_ringed_and_named() -> None:
    page = _page(FAILED)
    (rings,) = _labelled(page, "rings")
    assert rings.edge == VIOLATING_COLOUR
    np.testing.assert_allclose(_places(page, "rings"), [(-30, -20)])
    assert "S1" in _texts(page)
    assert "P1" not in _texts(page)


@pytest.mark.parametrize(
    ("defect", "colour"),
    [(VIOLATING, VIOLATING_COLOUR), (COUNTED, COUNTED_COLOUR), (UNCOUNTED, UNCOUNTED_COLOUR)],
    ids=["violating", "counted", "not counted"],
)
def test_the_colour_of_a_mark_says_its_standing_as_in_the_annotated_picture(defect: Defect, colour: str) -> None:
    (shown,) = _labelled(_page(FAILED), defect.classification)
    assert shown.faces == [colour]


def test_larger_marks_are_drawn_larger() -> None:
    marks = tuple(mark(f"P{i}", "pit_dig", (50.0 * i, 0.0), 12.0 * i) for i in (1, 2, 3))
    (shown,) = _labelled(_page(replace(PASSED, defects=marks)), "pit_dig")
    sizes = [np.ptp(outline) for (outline,) in shown.rings]
    assert sizes == sorted(set(sizes))


# --- distributions


def _bars(page: Sheet) -> Counter[str]:
    """Heights of the bars of both distributions by colour, in bars of the same width, and how many there are."""
    found: Counter[str] = Counter()
    for shown in _labelled(page, "bars"):
        for (bar,), colour in zip(shown.rings, shown.faces, strict=True):
            found[str(colour)] += float(np.ptp(bar[:, 1]))  # type: ignore[assignment]
    return found


def test_the_distributions_count_every_mark_once_and_by_its_standing() -> None:
    heights = _bars(_page(FAILED))
    assert heights[VIOLATING_COLOUR] == pytest.approx(heights[COUNTED_COLOUR])
    assert heights[UNCOUNTED_COLOUR] == pytest.approx(3 * heights[COUNTED_COLOUR])


def test_a_crowd_at_one_angle_is_one_bar_at_that_angle() -> None:
    angle = np.deg2rad(97.0)
    places = np.outer(np.linspace(50, 130, 5), (np.cos(angle) / 0.5, np.sin(angle) / 0.4))
    marks = tuple(mark(f"P{i}", "pit_dig", (x, y), 4) for i, (x, y) in enumerate(places.tolist(), 1))
    both = _labelled(_page(replace(PASSED, defects=marks)), "bars")
    radial, angular = ([bar for (bar,) in shown.rings] for shown in both)
    assert len(radial) == 5
    assert len(angular) == 1
    ticks = {words.text: words.at[0] for words in _words(_page(PASSED)) if words.text in ("90", "180")}
    left, right = angular[0][:, 0].min(), angular[0][:, 0].max()
    assert left == pytest.approx(ticks["90"])
    assert right == pytest.approx(ticks["90"] + (ticks["180"] - ticks["90"]) / 6)


# --- heat


def _heat_of(*marks: Defect, weights: Mapping[str, float] = WEIGHTS) -> tuple[Points, Points]:
    at, heat = heat_map(replace(PASSED, defects=marks), weights, 130.0, 5.0)
    return at, heat.astype(np.float64)


def test_heat_lies_on_the_mark_and_is_nothing_far_off() -> None:
    at, heat = _heat_of(mark("P1", "pit_dig", (60.0, -50.0), 2, severity="CRITICAL"))
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert (at[column], at[row]) == (pytest.approx(30, abs=1.5), pytest.approx(-20, abs=1.5))
    assert heat[:, at < 0].max() < 1e-6


@pytest.mark.parametrize(
    "lone",
    [
        mark("P1", "pit_dig", (10.0, 20.0), 2),
        mark("P1", "pit_dig", (10.0, 20.0), 30),
        mark("C1", "contamination", (10.0, 20.0), 120),
        mark("S1", "scratch", (10.0, 20.0), 200),
    ],
    ids=["small", "as wide as the bell", "wide", "long"],
)
@pytest.mark.parametrize("severity", WEIGHTS)
def test_a_lone_mark_is_as_hot_as_its_severity_weighs_whatever_its_size(lone: Defect, severity: Severity) -> None:
    _, heat = _heat_of(replace(lone, severity=severity))
    assert heat.max() == pytest.approx(WEIGHTS[severity], rel=0.12)


def test_the_heat_of_marks_at_one_place_is_added() -> None:
    pit, scratch = mark("P1", "pit_dig", (60.0, -50.0), 6), mark("S1", "scratch", (50.0, -40.0), 80, severity="HIGH")
    _, of_pit = _heat_of(pit)
    _, of_scratch = _heat_of(scratch)
    _, of_both = _heat_of(pit, scratch)
    np.testing.assert_allclose(of_both, of_pit + of_scratch, atol=1e-5)


def test_an_outline_of_thousands_of_points_is_as_hot_as_one_of_few() -> None:
    few = mark("C1", "contamination", (60.0, -50.0), 60)
    around = ellipse_points(Ellipse(few.centroid_px, (60.0, 60.0), 0.0), 5000)
    (_, heat), (_, finer) = _heat_of(few), _heat_of(replace(few, contour_px=around))
    np.testing.assert_allclose(finer, heat, atol=0.15)


def test_a_mark_without_weight_gives_no_heat() -> None:
    _, heat = _heat_of(mark("P1", "pit_dig", (0.0, 0.0), 4), weights={**WEIGHTS, "LOW": 0.0})
    assert not heat.any()


# --- colours

# Severity 1.0 of "A Physiologically-based Model for Simulation of Color Vision Deficiency", Machado, Oliveira and
# Fernandes, 2009, DOI 10.1109/TVCG.2009.113, on linear RGB.
EYES = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
XYZ_OF_RGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
SEEN_APART = 15.0  # CIE 1976 distance; one is just noticed from about 2.3 on, side by side


def _lab(colour: str, eye: Points) -> Points:
    """CIE L*a*b* (D65) of a colour as an eye sees it."""
    srgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    t = XYZ_OF_RGB @ np.clip(eye @ linear, 0, 1) / XYZ_OF_RGB.sum(axis=1)
    x, y, z = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eye", EYES.values(), ids=EYES.keys())
@pytest.mark.parametrize(
    "together",
    [
        (*ZONE_COLOURS.values(), VIOLATING_COLOUR, COUNTED_COLOUR, UNCOUNTED_COLOUR),
        (*sorted({*RESULT_COLOURS.values(), VIOLATING_COLOUR, COUNTED_COLOUR, UNCOUNTED_COLOUR}),),
        (*STATUS_COLOURS.values(),),
    ],
    ids=["zones and marks", "results and marks", "stamps"],
)
def test_colours_that_are_used_together_are_told_apart_by_every_eye(together: tuple[str, ...], eye: Points) -> None:
    distances = {pair: np.linalg.norm(_lab(pair[0], eye) - _lab(pair[1], eye)) for pair in combinations(together, 2)}
    assert {pair: d for pair, d in distances.items() if d < SEEN_APART} == {}


def test_the_simulated_eyes_confuse_what_such_eyes_confuse() -> None:
    red, green = "#C84040", "#7C7C30"
    usual, deuteranope = (np.linalg.norm(_lab(red, EYES[k]) - _lab(green, EYES[k])) for k in ("usual", "deuteranopia"))
    assert deuteranope < usual / 2


# --- ellipses


def test_points_lie_on_the_ellipse_that_opencv_means() -> None:
    ellipse = Ellipse(CENTER, (200.0, 100.0), 30.5)
    points = ellipse_points(ellipse, 360)
    first = np.array([np.cos(np.deg2rad(30.5)), np.sin(np.deg2rad(30.5))])
    across = np.array([-first[1], first[0]])
    rho = np.hypot((points - CENTER) @ first / 100, (points - CENTER) @ across / 50)
    np.testing.assert_allclose(rho, 1)
    np.testing.assert_allclose(points[0], CENTER + 100 * first)


@pytest.mark.parametrize("aspect", [0.8, 1.0, 1.09])
def test_a_circle_keeps_its_diameter_whatever_the_shape_of_the_pixels(aspect: float) -> None:
    scale = Scale(0.5 * aspect, 0.5, "calibration")
    outer = Ellipse(CENTER, (110 / scale.um_per_px_y, 110 / scale.um_per_px_x), 90.0)
    zone = replace(PASSED.zones[1], outer=outer)
    assert diameter_text(zone, replace(PASSED, scale=scale)) == "110 um"


# --- calibration


def features(count: int, residual_px: float) -> TargetFeatures:
    """Features on a line, the last one left out, each off to the right."""
    points = np.column_stack([np.linspace(10, 190, count), np.full(count, 50.0)])
    residuals = np.tile([residual_px, 0.0], (count, 1))
    return TargetFeatures(points, residuals, np.arange(count) < count - 1)


def calibration_page(seen: TargetFeatures, file: str = "grid.png") -> Figure:
    return calibration_figure(np.zeros((100, 200), np.float32), seen, file, ["x  0.5 um/px"])


def _legend(figure: Figure) -> list[str]:
    legend = figure.axes[0].get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def test_the_page_of_a_calibration_counts_what_was_used_and_what_was_left_out() -> None:
    figure = calibration_page(features(12, 0.02))
    assert _legend(figure)[:2] == ["used (11)", "left out (1)"]
    assert "x  0.5 um/px" in [text.get_text() for text in figure.texts]


@pytest.mark.parametrize(("residual_px", "factor"), [(0.02, "200"), (0.3, "20"), (1.3e-4, "20,000")])
def test_residuals_are_magnified_by_a_round_factor_that_is_named(residual_px: float, factor: str) -> None:
    figure = calibration_page(features(12, residual_px))  # long ones are to be 6 px of 200
    assert _legend(figure)[2] == f"residual x {factor}"
    arrows = next(c for c in figure.axes[0].collections if isinstance(c, Quiver))
    np.testing.assert_allclose(np.asarray(arrows.U), residual_px * float(factor.replace(",", "")))


def test_the_histogram_counts_every_used_feature_once_per_axis() -> None:
    figure = calibration_page(features(12, 0.02))
    outlines = [np.asarray(patch.get_path().vertices) for patch in figure.axes[1].patches]
    assert [np.diff(outline[:, 1]).clip(0).sum() for outline in outlines] == [11, 11]


def test_of_thousands_of_residuals_some_are_drawn() -> None:
    figure = calibration_page(features(5000, 0.02))
    assert _legend(figure)[2].endswith(", of 556")


def test_a_calibration_without_any_feature_still_has_its_page() -> None:
    nothing = TargetFeatures(np.empty((0, 2)), np.empty((0, 2)), np.empty(0, bool))
    assert png_bytes(calibration_page(nothing, HOSTILE_FILE)).startswith(b"\x89PNG")
