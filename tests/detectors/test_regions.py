"""Regions of a mask are those that OpenCV's slower statistics give."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dscope_blink.detectors.regions import label_regions


def random_mask(seed, share):
    return np.random.default_rng(seed).random((17, 23)) < share


masks = st.builds(random_mask, st.integers(0, 10**6), st.floats(0, 1))


@given(masks)
def test_areas_and_boxes_are_those_of_opencv(mask):
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    found = label_regions(mask)
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_array_equal(found.boxes_px, stats[1:, : cv2.CC_STAT_AREA])
    np.testing.assert_array_equal(found.areas_px, stats[1:, cv2.CC_STAT_AREA])


@given(masks)
def test_every_pixel_belongs_to_the_region_of_its_label(mask):
    found = label_regions(mask)
    for k in range(len(found.areas_px)):
        x, y = found.pixels(k)
        np.testing.assert_array_equal(np.stack([y, x]), np.nonzero(found.labels == k + 1))


@given(masks, masks)
def test_regions_that_hold_a_pixel_of_another_mask_are_found_and_drawn(mask, other):
    found = label_regions(mask)
    labels = set(found.labels[mask & other].tolist())
    holding = found.holding(other)
    assert set((np.flatnonzero(holding) + 1).tolist()) == labels
    np.testing.assert_array_equal(found.only(holding), np.isin(found.labels, list(labels)))


@pytest.mark.parametrize("chosen", [[True, False], [False, True]])
def test_touching_corners_connect_and_a_gap_parts(chosen):
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 1]], bool)
    left = np.array([[1, 0, 0, 0], [0, 1, 0, 0]], bool)
    np.testing.assert_array_equal(label_regions(mask).only(np.array(chosen)), left if chosen[0] else mask & ~left)
