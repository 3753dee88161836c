"""The pictures that the report shows of one face."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dscope_blink.records import Ellipse, ZoneOutline
from dscope_blink.reporting.page_pictures import AT_THRESHOLD, THUMBNAIL_PX, confidence_levels, write_views
from tests.builders.inspections import FAILED, NOT_LOCATED, PASSED
from tests.builders.stored_results import PICTURE, REPORTING


def read(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return np.asarray(picture)


@pytest.mark.parametrize(
    "picture",
    [PICTURE, np.dstack([PICTURE] * 3), PICTURE.astype(np.uint16) * 257],
    ids=["grey", "colour", "16 bits"],
)
def test_the_view_is_the_picture_with_nothing_drawn_on_it(tmp_path, picture):
    write_views(str(tmp_path / "a"), picture, FAILED, REPORTING)
    view = read(tmp_path / "a_view.jpg")
    assert view.shape[:2] == PICTURE.shape
    assert np.abs(view[..., 0].astype(int) - PICTURE).max() < 12  # what JPEG loses


def test_a_large_picture_is_reduced(tmp_path):
    write_views(str(tmp_path / "a"), PICTURE, PASSED, replace(REPORTING, view_max_px=500))
    assert read(tmp_path / "a_view.jpg").shape[:2] == (425, 500)


def test_the_thumbnail_shows_the_outermost_zone_with_a_ring_around_what_breaks_a_limit(tmp_path):
    write_views(str(tmp_path / "a"), PICTURE, PASSED, REPORTING)
    write_views(str(tmp_path / "b"), PICTURE, FAILED, REPORTING)
    clean, marked = (read(tmp_path / f"{name}_thumbnail.jpg").astype(int) for name in "ab")
    assert max(clean.shape[:2]) == THUMBNAIL_PX
    assert np.ptp(clean, axis=2).max() < 8  # grey
    assert np.ptp(marked, axis=2).max() > 100


def test_of_a_picture_without_a_fiber_the_thumbnail_is_all_of_it(tmp_path):
    write_views(str(tmp_path / "a"), PICTURE, NOT_LOCATED, REPORTING)
    assert read(tmp_path / "a_thumbnail.jpg").shape[:2] == (122, THUMBNAIL_PX)
    assert not (tmp_path / "a_confidence.png").exists()


def test_a_fiber_beyond_the_picture_does_no_harm(tmp_path):
    beyond = (ZoneOutline("D", Ellipse((-900.0, -900.0), (50.0, 50.0), 0.0)),)
    write_views(str(tmp_path / "a"), PICTURE, replace(PASSED, zones=beyond), REPORTING)
    assert (tmp_path / "a_thumbnail.jpg").is_file()


def test_a_picture_of_one_pixel_has_its_views(tmp_path):
    write_views(str(tmp_path / "a"), np.zeros((1, 1), np.uint8), NOT_LOCATED, REPORTING)
    assert read(tmp_path / "a_view.jpg").shape[:2] == (1, 1)


def test_the_confidence_map_is_stored_in_levels_that_tell_a_mark(tmp_path):
    strength = np.array([[0, 0.5, 1, 1.5, 9]], np.float32)
    write_views(str(tmp_path / "a"), PICTURE, replace(PASSED, confidence=strength), REPORTING)
    assert confidence_levels(strength).tolist() == [[0, 64, AT_THRESHOLD, 192, 255]]
    assert read(tmp_path / "a_confidence.png").tolist() == [[0, 64, AT_THRESHOLD, 192, 255]]
