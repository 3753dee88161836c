"""What the types of marks are told apart by: columns of defects.parquet on robust scales."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Points: TypeAlias = NDArray[np.float64]  # (n, FEATURES) scaled features of marks

AS_SIGMA = 1.4826  # median absolute deviation of a normal distribution to its standard deviation
LIMIT = 4.0  # scaled features lie within: one wild mark moves no centroid far
DECIMALS = 4  # of scaled features: the same on every machine, and in the file


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: its unit at the end of its name."""

    name: str
    of: Callable[[Mapping[str, Any]], float]  # of a row of defects.parquet; NaN: not measured
    meaning: str


def _number(row: Mapping[str, Any], column: str) -> float:
    value = row[column]
    return math.nan if value is None else float(value)


def _log10(value: float) -> float:
    return math.log10(value) if value > 0 else math.nan


def _ratio(over: float, under: float) -> float:
    return over / under if under > 0 else math.nan


def _edge(row: Mapping[str, Any]) -> float:
    """Its difference from the ground over the slope along its edge is how many pixels the edge is wide."""
    step = abs(_number(row, "gray_mean") - _number(row, "background_gray_mean"))
    return _log10(_ratio(_number(row, "edge_gradient_mean_per_px"), step))


# Lengths by the logarithm, for they reach over three decades. None depends on how the fiber is turned.
FEATURES = (
    Feature("log_diameter_um", lambda row: _log10(_number(row, "diameter_um")), "log10 of its diameter in um"),
    Feature("log_width_um", lambda row: _log10(_number(row, "mean_width_um")), "log10 of its mean width in um"),
    Feature("log_aspect_ratio", lambda row: _log10(_number(row, "aspect_ratio")), "log10 of long over short axis"),
    Feature("circularity", lambda row: _number(row, "circularity"), "4 pi area / perimeter^2"),
    Feature("solidity", lambda row: _number(row, "solidity"), "area over that of its convex hull"),
    Feature("straightness", lambda row: _number(row, "straightness"), "extent over length of its centreline"),
    Feature("contrast", lambda row: _number(row, "contrast"), "(mark - ground) / ground"),
    Feature("log_edge_per_px", _edge, "log10 of the slope along its edge over its step of grey, per px"),
    Feature("glcm_correlation", lambda row: _number(row, "glcm_correlation"), "of neighbouring grey levels"),
    Feature("radius_in_claddings", lambda row: _number(row, "radius_in_claddings"), "1: on the cladding edge"),
)
NAMES = tuple(feature.name for feature in FEATURES)


def raw_features(rows: Sequence[Mapping[str, Any]]) -> Points:
    """(n, FEATURES) as measured, NaN what was not."""
    values = [[feature.of(row) for feature in FEATURES] for row in rows]
    return np.array(values, np.float64).reshape(-1, len(FEATURES))


@dataclass(frozen=True, slots=True)
class Scaler:
    """Median and spread of each feature: P. J. Huber, "Robust Statistics", 1981, DOI 10.1002/0471725250."""

    middle: tuple[float, ...]
    spread: tuple[float, ...]

    def scaled(self, raw: Points) -> Points:
        """Within -LIMIT..LIMIT; what was not measured lies in the middle, and so tells nothing."""
        scaled = (raw - np.array(self.middle)) / np.array(self.spread)
        return np.round(np.clip(np.nan_to_num(scaled, nan=0.0), -LIMIT, LIMIT), DECIMALS)


def fit_scaler(raw: Points) -> Scaler:
    """Of at least one mark; a feature that hardly varies is left in its own unit."""
    columns = [column[np.isfinite(column)] for column in raw.T]
    middle = [float(np.median(column)) if column.size else 0.0 for column in columns]
    pairs = zip(columns, middle, strict=True)
    spread = [AS_SIGMA * float(np.median(np.abs(column - at))) if column.size else 0.0 for column, at in pairs]
    return Scaler(_rounded(middle), _rounded([width if width > LEAST_SPREAD else 1.0 for width in spread]))


LEAST_SPREAD = 1e-3


def _rounded(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in values)
