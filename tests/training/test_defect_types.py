"""Types of marks without labels: what is alike falls together, is kept as JSON, and is found again in new marks."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dscope_blink.config.settings import TrainingSettings
from dscope_blink.records import UserError
from dscope_blink.training.clustering import ALGORITHMS, NOISE, cluster
from dscope_blink.training.defect_types import LEAST_MARKS, DefectTypes, fit_types, read_types, write_types
from dscope_blink.training.partitions import adjusted_rand
from dscope_blink.training.type_features import LIMIT, NAMES, fit_scaler, raw_features
from dscope_blink.training.type_names import RULES, rule_for
from tests.builders.mark_rows import mark_row, mark_rows
from tests.builders.settings import SETTINGS

pytest.importorskip("sklearn.cluster")
TRAINING = replace(SETTINGS.profile("fast_scan").training, clusters_min=3, clusters_max=5)


def by(algorithm: str) -> TrainingSettings:
    chosen: dict[str, Any] = {"cluster_algorithm": algorithm}
    return replace(TRAINING, **chosen)


def fitted(settings: TrainingSettings = TRAINING, count: int = 120) -> DefectTypes:
    types = fit_types(mark_rows(count), settings)
    assert types is not None
    return types


def agreement(types: DefectTypes, count: int = 90, seed: int = 2) -> float:
    rows = mark_rows(count, seed)
    return adjusted_rand(Counter(zip((row["kind"] for row in rows), types.predict(rows).tolist(), strict=True)))


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, "auto"])
def test_new_marks_of_three_shapes_fall_into_three_clusters(algorithm: str) -> None:
    types = fitted(by(algorithm))
    assert agreement(types) > 0.9
    assert {one.name for one in types.clusters} == {"scratch", "pit_dig", "contamination"}


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, "auto"])
def test_the_stored_types_say_the_same(algorithm: str, tmp_path: Path) -> None:
    types, path, rows = (
        fitted(by(algorithm)),
        tmp_path / "types.json",
        mark_rows(60, 5),
    )
    write_types(path, types)
    assert np.array_equal(read_types(path).predict(rows), types.predict(rows))
    json.loads(path.read_bytes())


def test_a_fitted_mark_keeps_its_cluster() -> None:
    types = fitted(replace(TRAINING, cluster_algorithm="agglomerative"))
    assert np.array_equal(types.nearest(np.array(types.points)), types.members)


def test_the_same_marks_in_any_order_give_the_same_types() -> None:
    rows = mark_rows(120)
    assert fit_types(rows[::-1], TRAINING) == fit_types(rows, TRAINING)


def test_only_so_many_marks_are_fitted_and_the_seed_draws_them() -> None:
    few = replace(TRAINING, cluster_marks=40)
    first, other = fitted(few), fitted(replace(few, seed=9))
    assert (first.marks, other.marks) == (40, 40)
    assert first.scaler != other.scaler


def test_too_few_marks_have_no_types() -> None:
    assert fit_types(mark_rows(LEAST_MARKS - 1), TRAINING) is None
    assert fit_types(mark_rows(LEAST_MARKS), TRAINING) is not None


def test_marks_that_are_all_the_same_are_one_type() -> None:
    row = mark_rows(1)[0]
    types = fit_types([{**row, "id": str(k)} for k in range(30)], TRAINING)
    assert types is not None
    assert len(set(types.predict([row] * 3).tolist())) == 1


def test_two_dense_places_are_not_taken_where_there_are_more() -> None:
    rng = np.random.default_rng(0)
    centres = np.repeat(rng.normal(0, 1.2, (5, 4)), 60, axis=0)
    points = np.concatenate([centres + rng.normal(0, 0.5, centres.shape), rng.normal(0, 0.02, (80, 4)) + 9])
    chosen, members, trials = cluster(points, "auto", range(5, 8), 1)
    assert chosen.clusters >= 5
    assert any(trial.clusters < 5 for trial in trials)
    assert members.max() + 1 == chosen.clusters


def test_dense_places_are_not_taken_that_leave_out_half_of_the_marks() -> None:
    rng = np.random.default_rng(0)
    dense = np.repeat(rng.normal(0, 3, (6, 4)), 40, axis=0) + rng.normal(0, 0.02, (240, 4))
    chosen, _, trials = cluster(np.concatenate([dense, rng.normal(0, 3, (240, 4))]), "auto", range(5, 8), 1)
    best = max(trials, key=lambda trial: trial.score)
    assert best.noise > 0.25
    assert chosen.noise <= 0.25


def test_a_mark_beyond_the_reach_is_like_no_others() -> None:
    types = fitted(replace(TRAINING, cluster_algorithm="dbscan"))
    odd = mark_row(np.random.default_rng(0), "scratch", 0, circularity=1.0, radius_in_claddings=9.0, contrast=5.0)
    assert types.predict([odd]).tolist() == [NOISE]
    assert types.name_of(NOISE) is None


def test_a_wild_mark_moves_no_scale_far_and_a_missing_value_tells_nothing() -> None:
    rows = mark_rows(120)
    usual = fit_scaler(raw_features(rows))
    wild = [{**rows[0], "contrast": 1e6}, *rows[1:]]
    moved = fit_scaler(raw_features(wild))
    place = NAMES.index("contrast")
    assert moved.spread[place] == pytest.approx(usual.spread[place], rel=0.2)
    assert moved.scaled(raw_features(wild)).max() == LIMIT
    missing = raw_features([{**rows[0], "diameter_um": None, "edge_gradient_mean_per_px": 0.0}])
    assert np.isnan(missing[0, NAMES.index("log_diameter_um")])
    assert usual.scaled(missing)[0, NAMES.index("log_diameter_um")] == 0


def test_without_a_scale_sizes_tell_nothing_and_the_rest_does() -> None:
    rows = [{**row, "diameter_um": None, "mean_width_um": None} for row in mark_rows(120)]
    types = fit_types(rows, TRAINING)
    assert types is not None
    assert types.clusters[0].centroid["log_diameter_um"] is None
    assert adjusted_rand(Counter(zip((r["kind"] for r in rows), types.predict(rows).tolist(), strict=True))) > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "other"}, "the schema of types of marks must be dscope-blink/defect-types/1, got 'other'"),
        ({"features": ["color"]}, "its features must be log_diameter_um"),
        ({"points": [[1.0]], "members": [0]}, "its points must have 10 features"),
        ({"members": "x"}, "no types of marks"),
    ],
)
def test_a_file_that_cannot_be_applied_says_why(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "types.json"
    write_types(path, fitted())
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **change}))
    with pytest.raises(UserError, match=message):
        read_types(path)


def test_a_cluster_is_named_by_the_first_rule_that_its_middle_keeps() -> None:
    face = {"log_aspect_ratio": 0.1, "solidity": 0.95, "contrast": 0.2, "radius_in_claddings": 0.3, "circularity": 0.95}
    assert rule_for(face).name == "contamination"
    assert rule_for({**face, "contrast": -0.3}).name == "pit_dig"
    assert rule_for({**face, "contrast": -0.3, "radius_in_claddings": 0.98}).name == "chip"
    assert rule_for({**face, "contrast": -0.3, "solidity": 0.3}).name == "crack"
    assert rule_for({**face, "log_aspect_ratio": 1.2}).name == "scratch"
    assert rule_for(dict.fromkeys(face, math.nan)).name == "contamination"
    assert str(RULES[0]) == "scratch: log_aspect_ratio at least 0.7 and solidity at least 0.5"
