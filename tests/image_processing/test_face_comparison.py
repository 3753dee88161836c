"""A face beside a family: what is said of it as a whole, without pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from dscope_blink.config.settings import Config
from dscope_blink.image_processing import face_comparison
from dscope_blink.image_processing.face_comparison import compare, drift_of, family_of
from dscope_blink.image_processing.face_features import FaceNumbers
from dscope_blink.models.family import GATES, NoFamily, distances_to_references
from dscope_blink.models.reference import ReferenceModel
from dscope_blink.records import Comparison, ReferenceDistances
from tests.builders.batches import CONFIG
from tests.builders.families import MIDDLE, NAMES, SPREAD, a_family, faces, histograms
from tests.builders.inspections import PASSED
from tests.builders.references import RADIUS_PX, card_of, good_faces, learned

HERE = replace(CONFIG, reference=replace(CONFIG.reference, radius_px=RADIUS_PX))
FRAME = good_faces()[0]


@cache
def model() -> ReferenceModel:
    bare = learned()
    assert PASSED.geometry is not None
    diameter_px = PASSED.geometry.cladding.ellipse.mean_diameter_px
    return replace(bare, card=replace(card_of(12), cladding_px=diameter_px, core_ratio=None), family=a_family(12))


def compared(
    values: NDArray[np.float64], known: ReferenceModel, monkeypatch: pytest.MonkeyPatch, config: Config = HERE
) -> Comparison:
    monkeypatch.setattr(face_comparison, "face_features", lambda *seen: FaceNumbers(values, histograms(1)[0]))
    return compare(PASSED, FRAME, known, config).comparison


def moved(names: Sequence[str], spreads: float) -> NDArray[np.float64]:
    values = MIDDLE.copy()
    for name in names:
        values[NAMES.index(name)] += spreads * SPREAD[NAMES.index(name)]
    return values


def test_a_face_in_the_middle_of_its_family_is_normal(monkeypatch: pytest.MonkeyPatch) -> None:
    done = compared(MIDDLE, model(), monkeypatch)
    assert (done.status, done.reasons) == ("NORMAL", ())
    assert done.whole is not None
    assert done.whole.score < 1
    assert done.why_not_whole == ""


def test_a_face_far_from_its_family_is_anomalous_and_the_reason_says_by_what(monkeypatch: pytest.MonkeyPatch) -> None:
    gates = {gate.name for gate in GATES}
    names = [name for name in NAMES if name not in gates and name.startswith("core_")]
    done = compared(moved(names, 20), model(), monkeypatch)
    assert done.status == "ANOMALOUS"
    assert done.whole is not None
    assert done.whole.score > 1
    (reason,) = done.reasons
    assert reason.startswith("as a whole it lies ")
    assert "above" in reason
    assert done.whole.deviations[0].name in reason


def test_each_reference_has_its_distances_the_nearest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    own = faces(12)[7]
    done = compared(own, model(), monkeypatch)
    assert done.whole is not None
    nearest, *others = done.whole.references
    assert nearest.file == "7.png"
    assert nearest.euclid == pytest.approx(0, abs=1e-3)
    assert nearest.cosine == pytest.approx(0, abs=1e-6)
    assert sorted(one.file for one in (nearest, *others)) == sorted(f"{k}.png" for k in range(12))
    away = [one.euclid for one in others]
    assert away == sorted(away)
    assert away[0] > 1
    table = distances_to_references(own, histograms(1)[0], a_family(12))
    assert set(table) == {field.name for field in fields(ReferenceDistances)} - {"file"}
    assert others[0].manhattan in [pytest.approx(value) for value in table["manhattan"]]


def test_as_many_features_are_named_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    gates = {gate.name for gate in GATES}
    far = moved([name for name in NAMES if name not in gates and name.startswith("core_")], 20)
    few = replace(HERE, reference=replace(HERE.reference, deviations=4, named_deviations=2))
    done = compared(far, model(), monkeypatch, few)
    assert done.whole is not None
    assert len(done.whole.deviations) == 4
    assert done.reasons[0].count("spreads above") == 2


def test_a_face_of_another_size_is_not_of_the_family_and_its_distance_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    done = compared(moved(["cladding_px"], 50), model(), monkeypatch)
    assert done.status == "NOT_OF_THIS_FAMILY"
    assert done.reasons[0].startswith("another microscope: ")
    assert done.whole is not None
    assert done.whole.deviations[0].name == "cladding_px"
    assert (done.score, done.anomalies) == (None, ())


def test_a_model_without_a_family_compares_places_alone_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    few = replace(model(), family=NoFamily("too few"))
    done = compared(moved(["cladding_px"], 50), few, monkeypatch)
    assert (done.status, done.whole, done.why_not_whole) == ("NORMAL", None, "too few")
    small = replace(few, card=replace(few.card, cladding_px=few.card.cladding_px * 2))
    assert compared(MIDDLE, small, monkeypatch).status == "NOT_OF_THIS_FAMILY"


def test_a_family_of_other_features_is_none() -> None:
    family = a_family(12)
    other = replace(model(), family=replace(family, names=("new", *family.names[1:])))
    assert isinstance(family_of(other), NoFamily)


def test_a_batch_that_moved_away_is_said_to_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = faces(8, seed=9)
    still = [compared(row, model(), monkeypatch) for row in batch]
    assert drift_of(still, model()) == ()
    batch[:, NAMES.index("edge_blur_px")] *= 1.3
    (line,) = drift_of([compared(row, model(), monkeypatch) for row in batch], model())
    assert "median of 8 faces: blur of the cladding edge" in line
    assert drift_of([], model()) == ()
