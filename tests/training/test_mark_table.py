"""Marks are measured alike whoever labelled them: shape, light and place, with what a record adds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from dscope_blink.records import Mask
from dscope_blink.training import mark_light, mark_shape, texture
from dscope_blink.training.mark_shape import shape_of
from dscope_blink.training.mark_table import columns_of, mark_rows
from tests.builders.inspections import FAILED
from tests.builders.labelled import drawn, face_of, face_with, label_with, rectangle


def bar(length: int, width: int) -> Mask:
    return np.ones((width, length), bool)


def disc(radius: float, stretch: float = 1.0) -> Mask:
    size = math.ceil(radius * max(stretch, 1.0)) + 1
    y, x = np.mgrid[-size : size + 1, -size : size + 1]
    return np.asarray(np.hypot(x, y / stretch) <= radius)


def measured(mask: Mask, um_per_px: tuple[float, float] | None = None) -> dict[str, Any]:
    return dict(shape_of(mask, um_per_px))


def test_a_bar_is_as_long_and_as_wide_as_it_was_drawn() -> None:
    shape = measured(bar(60, 5))
    assert shape["area_px"] == 300
    assert shape["skeleton_length_px"] + shape["mean_width_px"] - 1 == pytest.approx(60, abs=1.5)
    assert shape["mean_width_px"] == pytest.approx(5, abs=0.2)
    assert shape["straightness"] > 0.97
    assert shape["orientation_deg"] == pytest.approx(0, abs=1e-6)
    assert shape["solidity"] == 1


def test_a_line_of_single_pixels_has_a_width_of_one() -> None:
    for line in (bar(9, 1), bar(1, 9)):
        shape = measured(line)
        assert shape["skeleton_length_px"] == pytest.approx(9)
        assert shape["mean_width_px"] == pytest.approx(1)


def test_a_bow_is_less_straight_than_a_bar() -> None:
    y, x = np.mgrid[0:41, 0:41]
    ring = (np.hypot(x - 20, y - 20) < 20) & (np.hypot(x - 20, y - 20) > 17)
    half = ring & (y < 20)
    assert measured(half)["straightness"] == pytest.approx(2 / math.pi, abs=0.06)


def test_the_orientation_runs_clockwise_on_the_screen() -> None:
    assert measured(np.eye(20, dtype=bool))["orientation_deg"] == pytest.approx(45)
    assert measured(np.eye(20, dtype=bool)[::-1])["orientation_deg"] == pytest.approx(135)
    assert measured(bar(2, 20))["orientation_deg"] == pytest.approx(90)


def test_holes_are_counted_and_taken_off_the_area() -> None:
    mask = disc(10.0) & ~np.pad(disc(3.0), 7)
    shape = measured(mask)
    assert (shape["holes"], shape["pieces"]) == (1, 1)
    assert shape["holes_area_px"] == np.count_nonzero(disc(3.0))
    assert shape["area_px"] == np.count_nonzero(disc(10.0)) - np.count_nonzero(disc(3.0))


def test_on_pixels_that_are_not_square_a_circle_of_the_face_has_equal_axes() -> None:
    shape = measured(disc(15.0, stretch=2.0), (0.8, 0.4))
    assert shape["major_axis_um"] == pytest.approx(shape["minor_axis_um"], rel=0.02)
    assert shape["major_axis_um"] == pytest.approx(2 * 15 * 0.8, rel=0.03)
    assert shape["major_axis_px"] == pytest.approx(2 * shape["minor_axis_px"], rel=0.03)
    assert shape["diameter_um"] == pytest.approx(2 * 15 * 0.8, rel=0.05)
    assert shape["area_um2"] == pytest.approx(shape["area_px"] * 0.32)


def test_the_axes_are_those_of_scikit_image_at_any_pixel() -> None:
    from skimage.measure import regionprops

    mask = np.zeros((20, 30), bool)
    mask[3:8, 4:26] = mask[8:16, 18:22] = True
    shape = measured(mask, (0.3, 0.5))
    region = regionprops(mask.astype(np.uint8), spacing=(0.5, 0.3))[0]
    assert shape["major_axis_um"] == pytest.approx(region.axis_major_length)
    assert shape["minor_axis_um"] == pytest.approx(region.axis_minor_length)


def test_moment_invariants_do_not_change_when_a_mark_is_turned() -> None:
    mask = np.zeros((20, 30), bool)
    mask[3:8, 4:26] = mask[8:16, 18:22] = True
    first, turned = measured(mask), measured(np.rot90(mask).copy())
    for name in mark_shape.HU:
        assert first[name] == pytest.approx(turned[name], rel=1e-6)


def test_a_mark_is_as_dark_as_it_was_painted_on_what_lies_beside_it() -> None:
    picture = np.full((120, 120), 200, np.uint8)
    picture[::2] = 202
    picture[60:65, 80:86] = 50
    light = mark_light.light_of(face_with(label_with(drawn("P1", rectangle(80, 60, 85, 64))), picture))[0]
    assert light["gray_mean"] == light["gray_max"] == pytest.approx(50 / 255)
    assert light["background_gray_mean"] == pytest.approx(201 / 255, abs=0.4 / 255)
    assert light["contrast"] == pytest.approx(50 / 201 - 1, abs=0.005)
    assert light["snr"] == pytest.approx(151, rel=0.02)  # rows differ by one level to either side of the mean
    assert light["entropy_bits"] == 0
    assert light["edge_gradient_max_per_px"] == pytest.approx(151 / 255 / 2, rel=0.1)  # Sobel over two pixels


def test_other_marks_and_other_zones_are_no_background() -> None:
    picture = np.full((120, 120), 200, np.uint8)
    inside = face_with(label_with()).zones == 2
    picture[~inside] = 20
    picture[60:65, 80:84] = 90
    picture[60:65, 86:90] = 10
    marks = drawn("P1", rectangle(80, 60, 83, 64)), drawn("P2", rectangle(86, 60, 89, 64))
    light = mark_light.light_of(face_with(label_with(*marks), picture))[0]
    assert light["background_gray_mean"] == pytest.approx(200 / 255)
    assert light["snr"] != light["snr"], "what lies beside it is of one grey level: no noise, no number"


def test_entropy_is_that_of_the_histogram() -> None:
    assert texture.entropy_bits(np.array([7, 7, 7], np.uint8)) == 0
    assert texture.entropy_bits(np.array([0, 1, 2, 3] * 5, np.uint8)) == pytest.approx(2)


def test_pairs_of_levels_are_those_of_a_slow_count_within_the_mask() -> None:
    rng = np.random.default_rng(3)
    levels, mask = rng.integers(0, 256, (9, 11), np.uint8), rng.random((9, 11)) < 0.7
    expected = np.zeros((texture.STEPS, texture.STEPS))
    for y, x in zip(*np.nonzero(mask), strict=True):
        for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1)):
            if 0 <= y + dy < 9 and 0 <= x + dx < 11 and mask[y + dy, x + dx]:
                expected[levels[y, x] // 8, levels[y + dy, x + dx] // 8] += 1
    assert np.array_equal(texture.pairs_within(levels, mask), expected)


def test_a_mark_of_one_pixel_has_no_texture() -> None:
    light = mark_light.light_of(face_with(label_with(drawn("P1", rectangle(80, 60, 80, 60)))))[0]
    assert light["glcm_contrast"] != light["glcm_contrast"]


def test_marks_of_a_person_have_every_column_and_no_evidence() -> None:
    names = {column.name for column in columns_of(())}
    (row,) = mark_rows(face_with(label_with(drawn("P1", rectangle(80, 60, 83, 64)))))
    assert set(row) == names
    assert row["id"] == "a_P1"
    assert row["judged_length_um"] is None
    assert row["area_px"] == 20
    assert row["radius_px"] == pytest.approx(math.hypot(21.5, 2.0))
    assert row["radius_in_claddings"] == pytest.approx(math.hypot(21.5, 2.0) / 30, abs=1e-3)
    assert row["angle_deg"] == pytest.approx(math.degrees(math.atan2(2.0, 21.5)))


def test_marks_of_a_record_have_its_sizes_and_the_evidence_of_each_detector() -> None:
    rows = {row["mark"]: row for row in mark_rows(face_of(FAILED))}
    names = {column.name for column in columns_of(("do2mr", "lei"))}
    for mark in FAILED.defects:
        row = rows[mark.id]
        assert set(row) == names
        assert row["judged_diameter_um"] == pytest.approx(mark.diameter_um)
        assert row["evidence_do2mr"] == mark.evidence["do2mr"]
        assert row["area_um2"] == pytest.approx(row["area_px"] * 0.5 * 0.4)
    assert rows["C1"]["zone"] == "ferrule"


def test_without_a_scale_or_a_fiber_pixels_are_left() -> None:
    label = label_with(drawn("P1", rectangle(80, 60, 83, 64)), um_per_px=None, cladding=None, zones=())
    (row,) = mark_rows(face_with(label))
    assert row["area_px"] == 20
    assert [row[name] for name in ("area_um2", "diameter_um", "radius_um", "radius_px")] == [None] * 4


def test_the_columns_have_names_of_their_own_and_say_what_tells_the_label() -> None:
    columns = columns_of(("do2mr",))
    assert len({column.name for column in columns}) == len(columns)
    assert {"severity", "counted", "p_scratch"} <= {column.name for column in columns if column.tells_label}
    assert "contrast" not in {column.name for column in columns if column.tells_label}
