from __future__ import annotations

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco

from dscope_blink.training.masks import filled
from dscope_blink.training.outlines import (
    iou,
    joined,
    mark_outline,
    outlines_of,
    polygons_of,
    simplified,
    within,
)
from tests.builders.drawn_labels import marked

SHAPE = (40, 50)


def _random(seed):
    random = np.random.default_rng(seed)
    mask = np.zeros(SHAPE, bool)
    h, w = random.integers(2, 14, 2)
    mask[3 : 3 + h, 5 : 5 + w] = random.random((h, w)) < random.choice([0.3, 0.6, 0.9])
    mask[20, 20] = True
    return mask


def _coco(polygons, shape):
    return coco.decode(coco.merge(coco.frPyObjects([one.ravel().tolist() for one in polygons], *shape))) > 0


def _yolo(polygons, shape):
    image = np.zeros(shape, np.uint8)
    for polygon in polygons:
        cv2.fillPoly(image, [polygon.astype(np.int32)], 1)
    return image > 0


MASKS = [*(marked() == n for n in range(1, 8)), *map(_random, range(25))]


@pytest.mark.parametrize("mask", MASKS)
def test_polygons_hold_exactly_the_pixels_of_a_mask_however_they_are_filled(mask):
    polygons = polygons_of(mask)
    assert (np.any([within(one, mask.shape) for one in polygons], axis=0) == mask).all()
    assert (_coco(polygons, mask.shape) == mask).all()
    assert (_yolo(polygons, mask.shape) == mask).all()
    assert len(polygons) == cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1


@pytest.mark.parametrize("mask", MASKS)
def test_several_parts_are_joined_by_paths_without_pixels(mask):
    one = joined(polygons_of(mask))
    assert (within(one, mask.shape) == mask).all()
    assert (_coco([one], mask.shape) == mask).all()


@pytest.mark.parametrize("mask", MASKS)
def test_the_outline_of_a_mark_is_filled_to_the_same_pixels(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    window = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    outline, holes = mark_outline(window, (int(columns[0]), int(rows[0])))
    inside, (x, y) = filled(outline, holes, mask.shape)
    again = np.zeros_like(mask)
    again[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    assert (again == mask).all()


def test_holes_are_told_apart_from_parts():
    found = outlines_of(marked() == 1)
    assert (len(found.outer), len(found.holes)) == (2, 2)  # the ring and the island in its hole; two holes


def test_a_person_gets_fewer_points_of_nearly_the_same_mark():
    mask = marked() == 1
    before = joined(polygons_of(mask))
    after = simplified(before, 0.97)
    assert len(after) < len(before)
    assert iou(_coco([after], mask.shape), mask) >= 0.97


def test_a_mark_that_fewer_points_would_change_keeps_them():
    speck = np.zeros((3, 3), bool)
    speck[1, 1] = True
    (before,) = polygons_of(speck)
    assert (simplified(before, 0.97) == before).all()
