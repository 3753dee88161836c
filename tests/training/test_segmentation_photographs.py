"""Labelled photographs: what is known of them, and folds that no face is on both sides of."""

from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np
import pytest

from dscope_blink.records import UserError
from dscope_blink.training.segmentation_photographs import folds_of, labelled_photographs
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("deep_inspection")
LABEL: dict[str, Any] = {
    "name": "a.png",
    "core_um": 50,
    "cladding_um": 125,
    "cladding": {"center": [100.0, 80.0], "axes": [80.0, 100.0], "angle": 30.0},
    "zones": {"A": 0, "B": 1, "edge": 0, "D": None},
    "sequence": None,
}


def folder_of(tmp_path, *labels):
    for label in labels:
        cv2.imwrite(str(tmp_path / label["name"]), np.zeros((160, 200), np.uint8))
    (tmp_path / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    return tmp_path


def zones(**said):
    return {**LABEL, "zones": {**LABEL["zones"], **said}}


def known_of(tmp_path, label):
    (photograph,) = labelled_photographs([folder_of(tmp_path, label)], CONFIG)
    return photograph.known((160, 200, 3))


def test_clean_zones_are_known_and_no_others(tmp_path):
    known = known_of(tmp_path, LABEL)
    across = np.array([np.cos(np.radians(120)), np.sin(np.radians(120))])  # along the long axis: 50 px to the edge

    def at(rho):
        x, y = np.rint((100, 80) + 50 * rho * across).astype(int)
        return bool(known[y, x])

    assert [at(rho) for rho in (0.0, 0.35, 0.41, 0.6, 0.9, 1.0, 1.2, 1.5)] == [
        *(True, True, False, False, False),
        *(True, False, False),
    ]


def test_what_lies_between_two_clean_zones_is_clean(tmp_path):
    known = known_of(tmp_path, zones(B=0))
    assert known[80, 100 + round(0.4 * 41)]


def test_without_a_cladding_nothing_is_known(tmp_path):
    assert not known_of(tmp_path, {**LABEL, "cladding": None}).any()


def test_the_manifest_says_what_is_known_of_the_fiber(tmp_path):
    folder = folder_of(tmp_path, LABEL)
    text = "file,fiber_class,core_diameter_um,cladding_diameter_um\na.png,multimode,50,125\n"
    (folder / "manifest.csv").write_text(text, encoding="utf-8")
    (photograph,) = labelled_photographs([folder], CONFIG)
    assert (photograph.request.fiber_class, photograph.request.core_diameter_um) == ("multimode", 50)


# --- folds


@pytest.mark.parametrize("count", [2, 3, 4])
def test_no_face_is_on_both_sides_and_every_photograph_is_held_out_once(tmp_path, count):
    faces = ("s", None, "t", "s", None, "t", "u", "s")
    labels = [{**LABEL, "name": f"{k}.png", "sequence": face} for k, face in enumerate(faces)]
    photographs = labelled_photographs([folder_of(tmp_path, *labels)], CONFIG)
    folds = folds_of(photographs, count)
    assert sorted(one.path.name for fold in folds for one in fold) == sorted(label["name"] for label in labels)
    for fold in folds:
        inside, outside = ({one.face for one in part} for part in (fold, [p for p in photographs if p not in fold]))
        assert fold
        assert not inside & outside


@pytest.mark.parametrize("count", [1, 3, -2])
def test_as_many_folds_as_there_are_faces_at_most(tmp_path, count):
    labels = [{**LABEL, "name": f"{k}.png"} for k in range(2)]
    photographs = labelled_photographs([folder_of(tmp_path, *labels)], CONFIG)
    with pytest.raises(UserError, match=f"--folds must be between 2 and the number of faces, 2, got {count}"):
        folds_of(photographs, count)


# --- wrong labels


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no labels of photographs"),
        ("{}", "no labels of photographs"),
        ('[{"name": 3}]', "no labels of photographs"),
        ("[" * 5000, "no labels of photographs"),
        (json.dumps([{**LABEL, "name": "../a.png"}]), "must be the name of a picture"),
        (json.dumps([{**LABEL, "name": "absent.png"}]), "must be the name of a picture"),
        (json.dumps([{**LABEL, "core_um": 125}]), "core_um must be above 0 and below cladding_um, got 125 and 125"),
        (json.dumps([{**LABEL, "cladding": {"center": [1, 2], "axes": [0, 4]}}]), "axes of the cladding"),
    ],
)
def test_wrong_labels_are_one_line_that_names_the_file(tmp_path, text, said):
    folder = folder_of(tmp_path, LABEL)
    (folder / "labels.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=said) as caught:
        labelled_photographs([folder], CONFIG)
    assert "labels.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_labels_is_named(tmp_path):
    with pytest.raises(UserError, match=r"labels\.json: cannot be read, No such file"):
        labelled_photographs([tmp_path], CONFIG)
