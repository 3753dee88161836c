"""Fit the model that tells the kinds of marks apart, and write dscope_blink/analysis/class_model.json: `make classes`.

python -m benchmarks.marks.fit_classes [--workers 2] [--shared ../shared]

Needs scikit-learn, which the program itself does not. The marks are drawn on rendered faces and into the photographs of
`--shared`, inspected like any picture, and what was measured of each is learnt with its true kind. The temperature that
makes scores probabilities comes from faces that had no part in growing the trees it is tried on.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.marks import class_scenes
from benchmarks.marks.class_scenes import Sample, bench_of, collected
from benchmarks.rendered import ROOT
from dscope_blink.analysis import mark_features
from dscope_blink.analysis.class_model import FILE, SCHEMA, content_sha256, read_model
from dscope_blink.analysis.mark_features import FEATURES
from dscope_blink.records import CLASSIFICATIONS
from dscope_blink.synthetic import varied_marks

SEED = 101  # of the trees
RENDERED, PHOTOGRAPHS = 300, 60  # faces
TREES = {"n_estimators": 70, "max_depth": 4, "learning_rate": 0.12, "min_samples_leaf": 12, "subsample": 0.7}
FOLDS = 3
DECIMALS = 5


def made_from() -> str:
    """The sha256 of what the model is fitted to and with: the marks, the features and these settings."""
    sources = [inspect.getsource(module) for module in (varied_marks, class_scenes, mark_features)]
    settings = json.dumps([SEED, RENDERED, PHOTOGRAPHS, TREES, FOLDS, FEATURES], sort_keys=True)
    return hashlib.sha256("\n".join([*sources, settings]).encode()).hexdigest()


def matrix(samples: Sequence[Sample]) -> NDArray[np.float64]:
    """(n, len(FEATURES))."""
    return np.array([[sample.features[name] for name in FEATURES] for sample in samples])


def fitted(samples: Sequence[Sample]) -> dict[str, Any]:
    """The document of a model that was fitted to these samples."""
    x, y = matrix(samples), np.array([CLASSIFICATIONS.index(sample.kind) for sample in samples])
    faces = np.array([sample.face for sample in samples])
    temperature = _temperature(*_scores_held_out(x, y, faces))
    document = _document(_grown(x, y), temperature)
    document["sha256"] = content_sha256(document)
    return document


def _grown(x: NDArray[np.float64], y: NDArray[np.intp]) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier

    share = np.bincount(y, minlength=len(CLASSIFICATIONS))
    model = GradientBoostingClassifier(init="zero", max_features=0.4, random_state=SEED, **TREES)
    return model.fit(x, y, sample_weight=(len(y) / len(share) / np.maximum(share, 1))[y])


def _scores_held_out(
    x: NDArray[np.float64], y: NDArray[np.intp], faces: NDArray[np.str_]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Scores of each sample by trees that were grown on other faces."""
    from sklearn.model_selection import GroupKFold

    scores = np.zeros((len(y), len(CLASSIFICATIONS)))
    for learnt, held_out in GroupKFold(FOLDS).split(x, y, faces):
        scores[held_out] = _grown(x[learnt], y[learnt]).decision_function(x[held_out])
    print(f"right on faces held out: {np.mean(scores.argmax(axis=1) == y):.4f} of {len(y)}")
    return scores, y


def _temperature(scores: NDArray[np.float64], y: NDArray[np.intp]) -> float:
    """The one that makes the true kinds most likely."""
    losses = {}
    for temperature in np.geomspace(0.5, 4.0, 85):
        scaled = scores / temperature
        likely = (
            scaled
            - np.log(np.exp(scaled - scaled.max(1, keepdims=True)).sum(1, keepdims=True))
            - scaled.max(1, keepdims=True)
        )
        losses[float(temperature)] = float(-likely[np.arange(len(y)), y].mean())
    best = min(losses, key=losses.__getitem__)
    print(f"temperature {best:.3f}, log loss {losses[best]:.4f}")
    return best


def _document(model: Any, temperature: float) -> dict[str, Any]:
    nodes: dict[str, list[Any]] = {name: [] for name in ("feature", "threshold", "left", "right", "value")}
    roots, classes, depth = [], [], 0
    for several in model.estimators_:
        for kind, one in enumerate(several):
            tree, first = one.tree_, len(nodes["feature"])
            roots.append(first)
            classes.append(kind)
            depth = max(depth, int(tree.max_depth))
            own = np.arange(tree.node_count)
            leaf = tree.children_left < 0
            nodes["feature"] += np.where(leaf, 0, tree.feature).tolist()
            # the trees compare in single precision: a threshold between two of its numbers stays between them
            nodes["threshold"] += [float(f"{t:.7g}") for t in np.where(leaf, 0.0, tree.threshold)]
            nodes["left"] += (first + np.where(leaf, own, tree.children_left)).tolist()
            nodes["right"] += (first + np.where(leaf, own, tree.children_right)).tolist()
            value = model.learning_rate * tree.value.ravel()
            nodes["value"] += np.round(np.where(leaf, value, 0.0), DECIMALS).tolist()
    return {
        "schema": SCHEMA,
        "classes": list(CLASSIFICATIONS),
        "features": list(FEATURES),
        "made_from": made_from(),
        "temperature": round(temperature, 4),
        "depth": depth,
        "roots": roots,
        "tree_classes": classes,
        "nodes": nodes,
    }


def write(document: dict[str, Any], path: Path = FILE) -> None:
    """One line for each array."""
    data = json.dumps(document, separators=(",", ":")).replace('],"', '],\n"').replace(':{"', ':{\n"') + "\n"
    read_model(data.encode())
    path.write_text(data, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="folder with the photographs")
    args = parser.parse_args()
    samples = collected(bench_of(args.workers, args.shared), False, RENDERED, PHOTOGRAPHS)
    print(f"{len(samples)} marks: {dict(Counter(sample.kind for sample in samples))}")
    write(fitted(samples))
    print(f"written: {FILE.relative_to(ROOT)}, {FILE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
