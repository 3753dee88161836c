"""Marks drawn as one kind are taken for that kind."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dscope_blink.analysis.measuring import measure
from dscope_blink.records import Mask
from tests.builders.marks import CONFIG, bar, candidate, disc, face_around, one, residual_of, zigzag


def soft(mask: Mask, edge_px: float) -> np.ndarray:
    """A disc-like mark whose depth falls off towards its edge."""
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), edge_px)


def test_a_straight_line_is_a_scratch_and_a_jagged_one_a_crack():
    assert one(bar(90, 3, 33)).classification == "scratch"
    assert one(zigzag(9, 12, 3, 35)).classification == "crack"


@pytest.mark.parametrize("contrast", [-0.4, 0.4])
def test_a_scratch_may_be_dark_or_bright(contrast):
    assert one(bar(60, 3, 70), contrast=contrast).classification == "scratch"


def test_a_compact_dark_mark_with_a_sharp_edge_is_a_pit():
    assert one(disc(7), contrast=-0.5).classification == "pit_dig"


def test_a_bright_mark_is_contamination():
    assert one(disc(7), contrast=0.5).classification == "contamination"


def test_a_mark_with_a_soft_edge_is_contamination():
    mask = disc(14)
    field = residual_of(-0.5 * soft(disc(7), 5.0))
    (defect,) = measure([candidate(mask)], field, face_around(), CONFIG)
    assert defect.classification == "contamination"


def test_a_ragged_dark_mark_is_contamination():
    ragged = disc(8) | disc(6, (159, 126)) | disc(5, (143, 111))
    assert one(ragged, contrast=-0.5).classification == "contamination"


@pytest.mark.parametrize("mask", [disc(7), bar(60, 3, 20), zigzag(9, 12, 3, 35)], ids=["disc", "line", "zigzag"])
def test_what_lies_along_the_cladding_edge_is_a_chip(mask):
    assert one(mask, on_edge=True).classification == "chip"


@pytest.mark.parametrize("turn", range(0, 180, 20))
def test_the_kind_does_not_depend_on_the_direction(turn):
    assert one(bar(60, 4, turn)).classification == "scratch"


def test_the_features_behind_a_decision_are_in_the_record():
    assert one(disc(7)).features["contrast"] == pytest.approx(-0.4, rel=0.01)
