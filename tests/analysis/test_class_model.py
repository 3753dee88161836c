"""The learnt model is read only as it was written, and comes to what its trees say."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest

from benchmarks.marks.fit_classes import made_from
from dscope_blink.analysis.class_model import FILE, SCHEMA, BadModel, content_sha256, read_model
from dscope_blink.analysis.mark_features import FEATURES
from dscope_blink.records import CLASSIFICATIONS

# two trees over two features: the first votes for the scratch where `long` > 3, the second for the chip by `near`
NODES = {
    "feature": [0, 0, 0, 1, 0, 1, 0, 0],
    "threshold": [3.0, 0.0, 0.0, 0.5, 0.0, 0.8, 0.0, 0.0],
    "left": [1, 1, 2, 4, 4, 6, 6, 7],
    "right": [2, 1, 2, 5, 4, 7, 6, 7],
    "value": [0.0, -1.0, 2.0, 0.0, -0.5, 0.0, 0.5, 1.5],
}


def document(**changes: Any) -> dict[str, Any]:
    made = {
        "schema": SCHEMA,
        "classes": list(CLASSIFICATIONS),
        "features": ["long", "near"],
        "made_from": "",
        "temperature": 2.0,
        "depth": 2,
        "roots": [0, 3],
        "tree_classes": [0, 4],
        "nodes": copy.deepcopy(NODES),
    } | changes
    return made | {"sha256": content_sha256(made)}


def data(made: dict[str, Any]) -> bytes:
    return json.dumps(made).encode()


def test_trees_add_up_to_scores_and_scores_to_probabilities():
    model = read_model(data(document()))
    marks = np.array([[3.0, 0.5], [3.1, 0.6], [9.0, 0.9]])
    expected = np.zeros((3, len(CLASSIFICATIONS)))
    expected[:, 0], expected[:, 4] = [-1.0, 2.0, 2.0], [-0.5, 0.5, 1.5]
    assert np.array_equal(model.scores(marks), expected)
    odds = np.exp(expected / 2.0)
    assert np.allclose(model.probabilities(marks), odds / odds.sum(axis=1, keepdims=True))


def test_a_model_that_was_changed_is_refused():
    made = document()
    made["nodes"]["value"][2] = 2.5
    with pytest.raises(BadModel, match="changed since it was made"):
        read_model(data(made))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("left", [0, 1, 2, 4, 4, 6, 6, 7]),  # a way that never ends
        ("left", [1, 1, 2, 2, 4, 6, 6, 7]),  # back into another tree
        ("right", [2, 1, 2, 8, 4, 7, 6, 7]),  # to no node
        ("feature", [2, 0, 0, 1, 0, 1, 0, 0]),  # of no feature
        ("value", [0.0, -1.0]),  # too few
        ("threshold", [3.0, 0.0, 0.0, float("nan"), 0.0, 0.8, 0.0, 0.0]),
    ],
)
def test_nodes_that_cannot_be_are_refused(name: str, values: list[Any]):
    with pytest.raises(BadModel):
        read_model(data(document(nodes=NODES | {name: values})))


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "another"},
        {"classes": ["scratch"]},
        {"roots": [0]},
        {"roots": []},
        {"roots": [0, 8]},
        {"tree_classes": [0, 5]},
        {"temperature": 0.0},
        {"depth": 0},
        {"nodes": {}},
    ],
)
def test_a_document_that_is_no_model_is_refused(changes: dict[str, Any]):
    with pytest.raises(BadModel):
        read_model(data(document(**changes)))


@pytest.mark.parametrize("other", [b"", b"[]", b"{}", b"\xff"])
def test_another_file_is_refused(other: bytes):
    with pytest.raises(BadModel):
        read_model(other)


def test_the_shipped_model_was_made_by_the_script_as_it_is_from_the_features_as_they_are():
    model = read_model(FILE.read_bytes())
    assert model.features == FEATURES
    assert model.made_from == made_from(), "run `make classes`"
