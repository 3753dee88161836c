"""A face is of a family or not, and the reasons name what is otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dscope_blink.image_processing.face_features import FEATURES
from dscope_blink.models.family import (
    ARRAY_NAMES,
    GATES,
    Family,
    compare_with_family,
    distances_to_references,
    family_arrays,
    family_from,
    why_drifted,
    why_not_of_the_family,
)
from tests.builders.families import MIDDLE, NAMES, SPREAD, a_family, faces, histograms

FAMILY = a_family(12)


def other(**changes: float) -> NDArray[np.float64]:
    values = MIDDLE.copy()
    for name, value in changes.items():
        values[NAMES.index(name)] = value
    return values


def test_a_face_like_the_median_is_of_the_family():
    found = compare_with_family(MIDDLE, FAMILY, 5)
    assert found.of_the_family
    assert found.score < 1
    assert len(found.deviations) == 5


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
@pytest.mark.parametrize("way", [-1, 1])
def test_each_gate_names_what_the_face_is_of_instead(gate, way):
    k = NAMES.index(gate.name)
    least = gate.least if gate.absolute else gate.least * MIDDLE[k]
    far = float(FAMILY.limits[1]) * max(float(FAMILY.spread[k]), least) * 1.5
    (reason,) = why_not_of_the_family(other(**{gate.name: float(FAMILY.location[k]) + way * far}), FAMILY)
    assert reason.startswith(f"another {gate.other}: {gate.says}, is ")
    assert ("above" if way > 0 else "below") in reason


def test_what_is_not_seen_says_nothing():
    assert why_not_of_the_family(other(core_ratio=np.nan, core_noise=np.nan), FAMILY) == ()
    assert compare_with_family(np.full(len(NAMES), np.nan), FAMILY, 3).deviations == ()


def test_marks_move_the_distance_and_no_gate():
    dirty = other(cladding_marks=9.0, cladding_odd_share=0.2, cladding_odd_count=12.0)
    found = compare_with_family(dirty, FAMILY, 3)
    assert found.of_the_family
    assert found.distance > compare_with_family(MIDDLE, FAMILY, 3).distance
    assert {one.name for one in found.deviations} == {"cladding_marks", "cladding_odd_share", "cladding_odd_count"}


def test_the_most_deviant_come_first_with_their_direction():
    first, second = compare_with_family(other(core_mean=MIDDLE[NAMES.index("core_mean")] - 1.0), FAMILY, 2).deviations
    assert (first.name, first.spreads < 0) == ("core_mean", True)
    assert abs(first.spreads) > abs(second.spreads)
    assert "spreads below" in first.in_words


def test_a_batch_drifts_whose_median_moves_though_each_face_is_of_the_family():
    k = NAMES.index("cladding_px")
    moved = faces(40, 7)
    moved[:, k] += 1.6 * FAMILY.spread[k] * max(1.0, 0.005 * MIDDLE[k] / FAMILY.spread[k])
    assert sum(bool(why_not_of_the_family(face, FAMILY)) for face in moved) < 4
    (reason,) = why_drifted(moved, FAMILY)
    assert "median of 40 faces: diameter of the cladding" in reason


def test_a_batch_like_the_family_and_one_of_too_few_do_not_drift():
    assert why_drifted(faces(40, 8), FAMILY) == ()
    assert why_drifted(faces(4, 8) * 2, FAMILY) == ()


def test_each_distance_is_least_to_the_reference_itself():
    table = distances_to_references(FAMILY.references[3], FAMILY.histograms[3], FAMILY)
    assert set(table) == {
        *("euclid", "manhattan", "cosine", "correlation", "chi_square", "wasserstein", "kolmogorov_smirnov"),
    }
    for name, column in table.items():
        assert column.shape == (12,)
        assert column.argmin() == 3, name
        assert column[3] == pytest.approx(0, abs=1e-6)


def test_distances_of_light_are_those_by_hand():
    one, two = np.zeros((2, 3, 64), np.float32)
    one[:, 10], two[:, 13] = 1, 1
    family = replace(FAMILY, histograms=np.repeat(two[None], 12, axis=0))
    table = distances_to_references(MIDDLE, one, family)
    assert [table[name][0] for name in ("chi_square", "wasserstein", "kolmogorov_smirnov")] == [1, 3, 1]
    half_seen = np.where(np.arange(3)[:, None] == 0, 0, one).astype(np.float32)
    assert distances_to_references(MIDDLE, half_seen, family)["wasserstein"][0] == 3


def test_arrays_give_the_same_family_back():
    arrays = family_arrays(FAMILY)
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}
    back = family_from(FAMILY.names, FAMILY.groups, arrays)
    face = faces(1, 9)[0]
    assert compare_with_family(face, back, 4) == compare_with_family(face, FAMILY, 4)


def broken(**changes: Any) -> tuple[Family, dict[str, Any]]:
    return FAMILY, {**family_arrays(FAMILY), **changes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"spread": np.zeros(len(NAMES), np.float32)}, "spreads and limits must be positive"),
        ({"limits": np.ones(3, np.float32)}, r"limits must be of shape \(2,\), got \(3,\)"),
        ({"group_precision": np.ones((2, 2), np.float32)}, "group_precision must be of shape"),
        ({"limits": np.array([1, np.nan], np.float32)}, "must be"),
        ({"histograms": np.ones((1, 3, 64), np.float32)}, "histograms must be of each face"),
    ],
)
def test_arrays_that_no_family_has_are_refused(changes, said):
    _, arrays = broken(**changes)
    with pytest.raises(ValueError, match=said):
        family_from(FAMILY.names, FAMILY.groups, arrays)


def test_a_family_that_lacks_an_array_or_a_gate_is_refused():
    arrays = family_arrays(FAMILY)
    with pytest.raises(ValueError, match="it lacks spread"):
        family_from(FAMILY.names, FAMILY.groups, {name: arrays[name] for name in ARRAY_NAMES if name != "spread"})
    with pytest.raises(ValueError, match="its features must hold core_ratio"):
        family_from([name.replace("core_ratio", "other") for name in FAMILY.names], FAMILY.groups, arrays)


def test_the_builder_has_every_feature():
    assert len(FEATURES) == len(MIDDLE) == len(SPREAD) == len(NAMES)
    assert histograms(2).shape == (2, 3, 64)
