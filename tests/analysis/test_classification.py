"""Marks drawn as one kind are taken for that kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import cv2
import numpy as np
import pytest

from dscope_blink.analysis.classification import class_probabilities
from dscope_blink.analysis.measuring import measure
from dscope_blink.records import CLASSIFICATIONS, Defect, Mask
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
    depth = soft(disc(9), 6.0)
    (defect,) = measure([candidate(depth > 0.35 * depth.max())], residual_of(-0.5 * depth), face_around(), CONFIG)
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


def test_a_straight_line_with_dots_on_it_is_a_scratch():
    line = bar(90, 3, 33)
    assert one(line | disc(6, (160, 126)) | disc(5, (135, 111))).classification == "scratch"


def test_a_short_straight_line_is_a_scratch():
    assert one(bar(18, 2, 33)).classification == "scratch"


def test_a_row_of_specks_is_no_crack_and_no_scratch():
    row = disc(5, (130, 118)) | disc(4, (139, 122)) | disc(6, (149, 117)) | disc(4, (158, 121)) | disc(5, (167, 116))
    assert one(row).classification in ("contamination", "pit_dig")


def test_every_mark_has_a_probability_of_every_class_that_add_up_to_one():
    for mask in (disc(7), bar(60, 3, 70), zigzag(9, 12, 3, 35)):
        found = one(mask)
        assert set(found.class_probabilities) == set(CLASSIFICATIONS)
        assert sum(found.class_probabilities.values()) == pytest.approx(1, abs=0.003)
        assert found.class_probabilities[found.classification] == max(found.class_probabilities.values())


def barred_of(found: Defect, **changes: float) -> set[str]:
    """Kinds that the rules leave next to nothing of, with some features changed."""
    (chances,) = class_probabilities([{**cast(Mapping[str, float], found.features), **changes}], CONFIG.classification)
    return {kind for kind, p in chances.items() if p <= 0.05}


def test_what_is_smooth_is_no_crack_and_what_is_thin_too_is_a_scratch():
    line = one(bar(90, 3, 33))
    assert {"crack", "pit_dig", "contamination"} <= barred_of(line)
    assert "crack" in barred_of(line, slenderness=5.0)
    assert "chip" in barred_of(line, edge_gap_blurs=0.0, rim_share=0.2)
    assert "chip" not in barred_of(line, edge_gap_blurs=0.0, rim_share=0.8)


def test_what_is_hardly_any_line_along_its_length_is_no_scratch():
    assert {"scratch", "crack"} <= barred_of(one(bar(90, 3, 33)), winding=0.1)


def test_what_closes_is_no_scratch():
    assert "scratch" in barred_of(one(bar(90, 3, 33)), winding=3.0)


def test_what_lies_away_from_the_edge_is_no_chip():
    assert "chip" in barred_of(one(disc(7)), edge_gap_blurs=4.0, rim_share=1.0)


def test_what_breaks_the_edge_is_a_chip_or_dirt_where_it_lies_beyond_too():
    speck = one(disc(7))
    assert {"scratch", "crack", "pit_dig", "contamination"} == barred_of(speck, on_edge=1.0, across_edge=0.0)
    assert "contamination" not in barred_of(speck, on_edge=1.0, across_edge=0.3, edge_gap_blurs=0.0)


def test_what_is_of_uneven_width_or_grey_is_no_crack():
    crack = one(zigzag(9, 12, 3, 35))
    assert crack.classification == "crack"
    assert "crack" in barred_of(crack, width_unevenness=0.6, winding=1.0)
    assert "crack" in barred_of(crack, unevenness=0.5)
    assert "crack" not in barred_of(crack, width_unevenness=0.6, winding=1.3)


def test_no_mark_has_no_probabilities():
    assert class_probabilities([], CONFIG.classification) == ()


# --- with what a network sees


def with_seen(found: Defect, *kinds: float) -> Mapping[str, float]:
    """The probabilities of a mark of which a network says these of none and of each kind."""
    (chances,) = class_probabilities([cast(Mapping[str, float], found.features)], CONFIG.classification, [kinds])
    return chances


def test_a_network_that_has_not_looked_or_takes_all_kinds_for_as_likely_changes_nothing():
    found = one(disc(7))
    features = cast(Mapping[str, float], found.features)
    assert class_probabilities([features], CONFIG.classification, [None])[0] == found.class_probabilities
    assert with_seen(found, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1) == found.class_probabilities


@pytest.mark.parametrize("kind", ["pit_dig", "contamination"])
def test_the_kind_that_a_network_sees_becomes_likelier(kind):
    found = one(disc(7))
    says = [0.1 + 0.4 * (name == kind) for name in CLASSIFICATIONS]
    changed = with_seen(found, 0.1, *says)
    assert changed[kind] > found.class_probabilities[kind]
    assert sum(changed.values()) == pytest.approx(1, abs=0.003)


def test_a_network_does_not_make_a_mark_what_the_rules_bar():
    line = one(bar(90, 3, 33))
    assert with_seen(line, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)["crack"] <= 0.05


def test_a_network_that_sees_no_kind_at_all_is_as_good_as_none():
    found = one(disc(7))
    assert with_seen(found, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0) == found.class_probabilities
