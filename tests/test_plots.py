"""The polar map: marks stand where they are seen on the screen, in micrometres, and there is always a page."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver

from plots import VIOLATING_COLOUR, calibration_figure, diameter_text, ellipse_points, png_bytes, polar_figure
from records import Ellipse, Inspection, Scale, TargetFeatures
from tests.inspections import (
    CENTER,
    EVERY_KIND,
    FAILED,
    HOSTILE_FILE,
    NO_SCALE,
    NOT_LOCATED,
    OUT_OF_FOCUS,
    PASSED,
    mark,
)


def _texts(figure: Figure) -> list[str]:
    inside = [text.get_text() for axes in figure.axes for text in axes.texts]
    return inside + [text.get_text() for text in figure.texts]


def _collections(figure: Figure) -> list[PathCollection]:
    return [c for c in figure.axes[0].collections if isinstance(c, PathCollection)]


def _only_mark(inspection: Inspection) -> tuple[float, float]:
    angle, radius = np.asarray(_collections(polar_figure(inspection))[0].get_offsets())[0]
    return float(np.rad2deg(angle)), float(radius)


@pytest.mark.parametrize("inspection", EVERY_KIND.values(), ids=EVERY_KIND.keys())
def test_every_kind_of_result_has_its_page(inspection: Inspection) -> None:
    assert png_bytes(polar_figure(inspection)).startswith(b"\x89PNG")


@pytest.mark.parametrize("file", [HOSTILE_FILE, "cost $5 and $6.png", "bytes\udcff.png"])
def test_any_file_name_can_stand_in_the_title(file: str) -> None:
    assert png_bytes(polar_figure(replace(FAILED, image=replace(FAILED.image, file=file))))


@pytest.mark.parametrize("inspection", [NOT_LOCATED, OUT_OF_FOCUS], ids=["not located", "out of focus"])
def test_what_was_not_inspected_has_a_page_that_says_why_and_no_map(inspection: Inspection) -> None:
    figure = polar_figure(inspection)
    assert inspection.verdict.reasons[0] in _texts(figure)
    assert figure.axes == []


def test_zone_diameters_are_written_on_the_map() -> None:
    assert {"A 25 um", "B 110 um", "C 135 um", "D 250 um"} <= set(_texts(polar_figure(PASSED)))


def test_a_diameter_is_not_written_on_a_mark() -> None:
    angles = np.deg2rad(np.arange(0, 320, 20))  # marks all around zone B, but for a gap at the upper right
    places = np.stack([110 * np.cos(angles), 137.5 * np.sin(angles)], axis=1)
    marks = tuple(mark(f"P{i}", "pit_dig", (x, y), 10) for i, (x, y) in enumerate(places.tolist(), 1))
    label = next(t for t in polar_figure(replace(PASSED, defects=marks)).axes[0].texts if t.get_text() == "B 110 um")
    assert -40 < np.rad2deg(label.get_position()[0]) < 0


def test_without_scale_diameters_are_in_pixels() -> None:
    assert "A 56.2 px" in _texts(polar_figure(NO_SCALE))


def test_a_clean_face_has_a_map_without_marks() -> None:
    figure = polar_figure(PASSED)
    assert _collections(figure) == []
    assert "no marks" in _texts(figure)


def test_angles_run_clockwise_from_the_right_as_on_the_screen() -> None:
    lower_right = mark("P1", "pit_dig", (40.0, 50.0), 10)  # 20 um to the right and 20 um down
    assert _only_mark(replace(PASSED, defects=(lower_right,))) == pytest.approx((45, np.hypot(20, 20)))
    axes = polar_figure(PASSED).axes[0]
    assert axes.get_theta_direction() == -1  # type: ignore[attr-defined]
    assert axes.get_theta_offset() == 0  # type: ignore[attr-defined]


def test_without_scale_the_radius_is_in_pixels() -> None:
    below = mark("P1", "pit_dig", (0.0, 50.0), 10)
    assert _only_mark(replace(NO_SCALE, defects=(below,))) == pytest.approx((90, 50))


def test_marks_that_break_a_limit_are_ringed_and_named() -> None:
    figure = polar_figure(FAILED)
    rings = [c for c in _collections(figure) if np.size(c.get_facecolor()) == 0]
    assert [to_hex(np.asarray(c.get_edgecolor())[0]).upper() for c in rings] == [VIOLATING_COLOUR]
    assert np.shape(rings[0].get_offsets()) == (1, 2)
    assert "S1" in _texts(figure)
    assert "P1" not in _texts(figure)


def test_larger_marks_are_drawn_larger() -> None:
    marks = tuple(mark(f"P{i}", "pit_dig", (50.0 * i, 0.0), 12.0 * i) for i in (1, 2, 3))
    sizes = _collections(polar_figure(replace(PASSED, defects=marks)))[0].get_sizes()
    assert list(sizes) == sorted(set(sizes))


def test_the_histogram_counts_every_mark_once() -> None:
    bars = polar_figure(FAILED).axes[1].patches
    assert sum(bar.get_height() for bar in bars) == len(FAILED.defects)  # type: ignore[attr-defined]


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
    assert "x  0.5 um/px" in _texts(figure)


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
