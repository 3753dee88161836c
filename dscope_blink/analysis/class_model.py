"""The learnt part of the classification: boosted trees as plain arrays, read from class_model.json beside this module.

The trees were grown by `benchmarks/marks/fit_classes.py` (Friedman, Greedy function approximation: a gradient boosting
machine, 2001, DOI 10.1214/aos/1013203451) and their scores made probabilities by one temperature (Guo et al., On
calibration of modern neural networks, 2017, arXiv:1706.04599). No library of learning is needed to evaluate them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import CLASSIFICATIONS, UserError, steady
from dscope_blink.records.json_reading import decode_any_json

SCHEMA = "dscope-blink/class-model/1"
FILE = Path(__file__).with_name("class_model.json")
WHOLE, REAL = np.int32, np.float64
# The nodes of all trees one after the other; a leaf is its own child, and an inner node lies before its children.
NODES = {"feature": WHOLE, "threshold": REAL, "left": WHOLE, "right": WHOLE, "value": REAL}


class BadModel(UserError):
    """The file of the model is damaged or was changed; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class ClassModel:
    """Trees that vote for classes. Arrays of one entry for each node, or for each tree."""

    features: tuple[str, ...]
    feature: NDArray[np.int32]  # index of the feature that a node asks for
    threshold: NDArray[np.float64]  # up to it the way goes left
    children: NDArray[np.int32]  # of each node the right one and the left one
    value: NDArray[np.float64]  # of a leaf: what its tree adds to the score of its class
    roots: NDArray[np.int32]
    classes: NDArray[np.int32]  # of each tree, index into CLASSIFICATIONS
    depth: int
    temperature: float
    made_from: str  # sha256 of what it was fitted with and to
    sha256: str

    def probabilities(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """How likely each class is.

        Parameters
        ----------
        features : (n, len(self.features)), in that order, finite

        Returns
        -------
        (n, len(CLASSIFICATIONS)), each row sums to 1
        """
        scores = self.scores(features) / self.temperature
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(likely / likely.sum(axis=1, keepdims=True))

    def scores(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the trees of each class add up to, (n, len(CLASSIFICATIONS))."""
        flat, first = np.ascontiguousarray(features).ravel(), np.arange(len(features))[:, None] * features.shape[1]
        node = np.broadcast_to(self.roots, (len(features), len(self.roots)))
        for _ in range(self.depth):
            lower = flat.take(first + self.feature.take(node)) <= self.threshold.take(node)
            node = self.children.take(2 * node + lower)
        one_hot = self.classes[:, None] == np.arange(len(CLASSIFICATIONS))
        return steady(self.value.take(node) @ one_hot.astype(REAL))


@cache
def class_model() -> ClassModel:
    """The model that ships with the program."""
    return read_model(FILE.read_bytes())


def read_model(data: bytes) -> ClassModel:
    """A model from the bytes of its file; BadModel where it is none, or is not what was written."""
    try:
        document = decode_any_json(data)
        if document["schema"] != SCHEMA:
            raise ValueError(f"its schema must be {SCHEMA}")
        if document["sha256"] != content_sha256(document):
            raise ValueError("it was changed since it was made")
        if document["classes"] != list(CLASSIFICATIONS):
            raise ValueError(f"its classes must be {CLASSIFICATIONS}")
        return _checked(document)
    except (ValueError, KeyError, TypeError) as error:
        raise BadModel(f"{FILE.name}: {error}") from None


def content_sha256(document: dict[str, Any]) -> str:
    """Of all that a file of a model says, but for this hash itself."""
    content = {key: value for key, value in document.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _checked(document: dict[str, Any]) -> ClassModel:
    arrays = {name: np.array(document["nodes"][name], kind) for name, kind in NODES.items()}
    roots, classes = np.array(document["roots"], WHOLE), np.array(document["tree_classes"], WHOLE)
    features, depth, temperature = tuple(document["features"]), int(document["depth"]), float(document["temperature"])
    n, own = len(arrays["feature"]), np.arange(len(arrays["feature"]))
    leaf = (arrays["left"] == own) & (arrays["right"] == own)
    forward = (arrays["left"] > own) & (arrays["right"] > own)
    rules = {
        "arrays of nodes must be of one length": all(array.shape == (n,) for array in arrays.values()),
        "each tree must have a root and a class": roots.shape == classes.shape and roots.ndim == 1 and len(roots) > 0,
        "roots must be nodes": bool(((roots >= 0) & (roots < n)).all()),
        "a tree must vote for a class": bool(((classes >= 0) & (classes < len(CLASSIFICATIONS))).all()),
        "a node must be a leaf or lie before its children": bool((leaf | forward).all()),
        "children must be nodes": bool((np.maximum(arrays["left"], arrays["right"]) < n).all()),
        "a node must ask for a feature": bool(((arrays["feature"] >= 0) & (arrays["feature"] < len(features))).all()),
        "numbers must be finite": bool(np.isfinite(arrays["threshold"]).all() and np.isfinite(arrays["value"]).all()),
        "depth and temperature must be positive": depth > 0 and 0 < temperature < np.inf,
    }
    for rule, holds in rules.items():
        if not holds:
            raise ValueError(rule)
    return ClassModel(
        features,
        arrays["feature"],
        arrays["threshold"],
        np.stack([arrays["right"], arrays["left"]], axis=1).ravel(),
        arrays["value"],
        roots=roots,
        classes=classes,
        depth=depth,
        temperature=temperature,
        made_from=str(document["made_from"]),
        sha256=str(document["sha256"]),
    )
