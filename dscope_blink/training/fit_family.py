"""Good faces in numbers to a family: what they have in common, and how far one may lie from the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dscope_blink.models.family import Family, NoFamily, deviations, gate_deviations, grouped
from dscope_blink.records import FloatImage
from dscope_blink.records.features import Feature
from dscope_blink.training.left_out import beyond_the_others, predicted_limit

FEWEST = 5  # faces: of fewer, spreads and limits are guesses
SIGMA = 1.4826  # from the median of magnitudes
SHARE_OF_DEVIATION = (
    0.5  # of the standard deviation, below which no spread falls: half of few faces may agree by chance
)


def fit_family(
    features: Sequence[Feature], values: NDArray[np.floating[Any]], histograms: FloatImage, rate: float
) -> Family | NoFamily:
    """Learn what the faces of a family have in common. Needs scikit-learn.

    Each face is judged by a family of all the others, at every step: within the family that it is part of, any face
    lies near. The covariance of groups is shrunk (O. Ledoit, M. Wolf, "A well-conditioned estimator for
    large-dimensional covariance matrices", 2004, DOI 10.1016/S0047-259X(03)00096-4), so that it has an inverse however
    few the faces.

    Parameters
    ----------
    features : what each column is
    values : (n_face, n_feature); NaN: not seen
    histograms : (n_face, n_zone, n_bin) shares of light
    rate : share of good faces that may lie beyond the limit of the distance; as many beyond that of the gates

    Returns
    -------
    Family, or why there is none
    """
    if len(values) < FEWEST:
        return NoFamily(f"a family needs at least {FEWEST} references, got {len(values)}")
    known = np.asarray(values, np.float64)
    names, groups = (tuple(feature.name for feature in features), tuple(group_of(feature) for feature in features))
    least = np.array([feature.least for feature in features])
    whole = _fitted(known, groups, least)
    left = np.array(
        [
            _apart(known[k], _fitted(np.delete(known, k, axis=0), groups, least), names, groups)
            for k in range(len(known))
        ]
    )
    limits = [predicted_limit(column, rate) for column in left.T]
    return Family(
        names,
        groups,
        _float32(known),
        _float32(histograms),
        _float32(whole.location),
        _float32(whole.spread),
        _float32(whole.group_location),
        _float32(whole.group_precision),
        _float32(limits),
        _float32(left),
    )


def beyond_family(family: Family, rate: float) -> tuple[bool, ...]:
    """(n_face,) whether a face lies beyond a limit of distance or gates that all the others set.

    Parameters
    ----------
    family : learned
    rate : as `fit_family` has it
    """
    each = [beyond_the_others(column.astype(np.float64), rate) for column in family.left_out.T]
    return tuple(np.any(each, axis=0).tolist())


def group_of(feature: Feature) -> str:
    """The group that a feature deviates with: those of one zone that say the same kind of thing."""
    return f"{feature.zone} {feature.group}"


def _float32(values: Any) -> FloatImage:
    return np.asarray(values, np.float32)


@dataclass(frozen=True, slots=True)
class _Fitted:
    location: NDArray[np.float64]
    spread: NDArray[np.float64]
    group_location: NDArray[np.float64]
    group_precision: NDArray[np.float64]


def _fitted(values: NDArray[np.float64], groups: Sequence[str], least: NDArray[np.float64]) -> _Fitted:
    from sklearn.covariance import LedoitWolf

    location, spread = _robust(values, least)
    found = LedoitWolf().fit(grouped(deviations(values, location, spread), groups))
    return _Fitted(location, spread, found.location_, found.precision_)


def _robust(values: NDArray[np.float64], least: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median and spread of each feature; a feature that less than half of the faces have has none: NaN, 1."""
    location, spread = np.full(values.shape[1], np.nan), np.ones(values.shape[1])
    seen = np.isfinite(values).sum(axis=0) * 2 >= len(values)
    some = values[:, seen]
    location[seen] = np.nanmedian(some, axis=0)
    robust = SIGMA * np.nanmedian(np.abs(some - location[seen]), axis=0)
    spread[seen] = np.maximum(np.maximum(robust, SHARE_OF_DEVIATION * np.nanstd(some, axis=0)), least[seen])
    return location, spread


def _apart(
    values: NDArray[np.float64], fitted: _Fitted, names: Sequence[str], groups: Sequence[str]
) -> tuple[float, float]:
    """Distance, and worst gate in spreads, of a face that had no part in the family."""
    away = grouped(deviations(values, fitted.location, fitted.spread), groups) - fitted.group_location
    gates = np.abs(gate_deviations(values, fitted.location, fitted.spread, names))
    worst = float(np.fmax.reduce(gates))
    return math.sqrt(max(float(away @ fitted.group_precision @ away), 0.0)), worst if math.isfinite(worst) else 0.0
