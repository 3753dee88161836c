"""Faces in numbers, drawn at random around those of a rendered one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dscope_blink.image_processing.face_features import FEATURE_NAMES, FEATURES
from dscope_blink.models.family import Family
from dscope_blink.records import FloatImage

NAMES = list(FEATURE_NAMES)
SPREAD = np.array([3 * feature.least for feature in FEATURES])
MIDDLE = np.array([100 * feature.least for feature in FEATURES])
for _name, _value in {"cladding_px": 280.0, "edge_blur_px": 1.2, "core_ratio": 0.4}.items():
    MIDDLE[NAMES.index(_name)] = _value
    SPREAD[NAMES.index(_name)] = 0.01 * _value
for _k, _feature in enumerate(FEATURES):
    if _feature.group in ("marks", "spots"):
        MIDDLE[_k], SPREAD[_k] = 0.0, 0.1 * _feature.least


def faces(count: int, seed: int = 3) -> NDArray[np.float64]:
    """(count, n_feature) that vary together in part, as light does."""
    rng = np.random.default_rng(seed)
    together = rng.normal(0, 0.5, (count, 1))
    return MIDDLE + SPREAD * (together + rng.normal(0, 1, (count, len(NAMES))))


def histograms(count: int, seed: int = 4) -> FloatImage:
    found = np.random.default_rng(seed).uniform(0, 1, (count, 3, 64)).astype(np.float32)
    return found / found.sum(axis=2, keepdims=True)


def a_family(count: int, seed: int = 3, rate: float = 0.05) -> Family:
    pytest.importorskip("sklearn")
    from dscope_blink.training.fit_family import fit_family

    family = fit_family(FEATURES, faces(count, seed), histograms(count), rate)
    assert isinstance(family, Family)
    return family
