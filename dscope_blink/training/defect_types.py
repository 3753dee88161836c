"""Types of marks without labels: fitted, kept as plain JSON, and applied to marks of other pictures."""

from __future__ import annotations

import hashlib
import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import msgspec
import numpy as np

from dscope_blink.config.settings import TrainingSettings
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import PROGRAM, VERSION, UserError, read_file
from dscope_blink.records.json_reading import decode_json
from dscope_blink.training.clustering import ALGORITHMS, NOISE, Clusters, Trial, cluster
from dscope_blink.training.json_text import json_bytes
from dscope_blink.training.labels import Row
from dscope_blink.training.mark_table import EVIDENCE
from dscope_blink.training.type_features import NAMES, Points, Scaler, fit_scaler, raw_features
from dscope_blink.training.type_names import rule_for

TYPES_SCHEMA = "dscope-blink/defect-types/1"
LEAST_MARKS = 20  # fewer are no base for types
AT_ONCE = 500  # marks whose distances to all points are in memory


@dataclass(frozen=True, slots=True)
class Cluster:
    """Marks alike: the name by the rules, and the medians of their features."""

    number: int
    name: str
    rule: str
    marks: int  # that it was fitted on
    centroid: Mapping[str, float | None]  # as measured; None: of no mark
    kinds: Mapping[str, int]  # how many of them have which label


@dataclass(frozen=True, slots=True)
class Map:
    """The two directions in which the scaled features vary most: K. Pearson, 1901, DOI 10.1080/14786440109462720."""

    middle: tuple[float, ...]
    axes: tuple[tuple[float, ...], tuple[float, ...]]
    shares: tuple[float, float]  # of the variance


@dataclass(frozen=True, slots=True)
class DefectTypes:
    """What was fitted; defect_types.json has these fields, and `points` are what a new mark is compared with."""

    program: str
    algorithm: str
    parameter: float
    seed: int
    marks: int  # that it was fitted on
    fitted_on: str  # train: the marks of that side of the splits; all
    features: tuple[str, ...]
    scaler: Scaler
    clusters: tuple[Cluster, ...]
    trials: tuple[Trial, ...]
    points: tuple[tuple[float, ...], ...]  # centroids or marks, scaled
    members: tuple[int, ...]  # cluster of each point; -1: like no others
    reach: float | None  # beyond it a mark is like no others; None: never
    map: Map
    usual_evidence: Mapping[str, float]  # median support over the detectors, by kind

    def predict(self, rows: Sequence[Mapping[str, Any]]) -> Clusters:
        """(n,) cluster of each row of defects.parquet, by the nearest point; -1: like no others."""
        return self.nearest(self.scaler.scaled(raw_features(rows)))

    def nearest(self, scaled: Points) -> Clusters:
        """The same of scaled features (n, features)."""
        points, members = np.array(self.points), np.array(self.members, np.intp)
        found = np.empty(len(scaled), np.intp)
        for start in range(0, len(scaled), AT_ONCE):
            some = scaled[start : start + AT_ONCE]
            squared = (some**2).sum(axis=1)[:, None] + (points**2).sum(axis=1) - 2 * some @ points.T
            best = squared.argmin(axis=1)
            far = np.sqrt(np.maximum(squared.min(axis=1), 0)) > (math.inf if self.reach is None else self.reach)
            found[start : start + AT_ONCE] = np.where(far, NOISE, members[best])
        return found

    def name_of(self, number: int) -> str | None:
        """The inferred name; None for a mark that is like no others."""
        return None if number == NOISE else self.clusters[number].name

    def on_map(self, scaled: Points) -> Points:
        """(n, 2) where marks lie on the map."""
        return (scaled - np.array(self.map.middle)) @ np.array(self.map.axes).T


class _Fitted(NamedTuple):
    """What is kept of a mark to be fitted on."""

    order: bytes
    id: str
    raw: tuple[float, ...]
    kind: str
    evidence: float


def fit_types(rows: Iterable[Row], settings: TrainingSettings, fitted_on: str = "all") -> DefectTypes | None:
    """The types of marks.

    Parameters
    ----------
    rows : of defects.parquet, of the training side alone where there are splits; read once, one by one
    settings : which algorithm, how many clusters it tries, and on how many marks; those are drawn by the seed
    fitted_on : what is said of the rows in the file

    Returns
    -------
    None where there are fewer than LEAST_MARKS
    """
    kept = heapq.nsmallest(settings.cluster_marks, _taken(rows, settings.seed))
    if len(kept) < LEAST_MARKS:
        return None
    raw = np.array([mark.raw for mark in kept])
    scaler = fit_scaler(raw)
    scaled = scaler.scaled(raw)
    tried = range(settings.clusters_min, settings.clusters_max + 1)
    trial, members, trials = cluster(scaled, settings.cluster_algorithm, tried, settings.seed)
    points, names = _points(scaled, members, trial.algorithm)
    return DefectTypes(
        program=f"{PROGRAM} {VERSION}",
        algorithm=trial.algorithm,
        parameter=trial.parameter,
        seed=settings.seed,
        marks=len(kept),
        fitted_on=fitted_on,
        features=NAMES,
        scaler=scaler,
        clusters=tuple(_described(number, kept, members) for number in range(trial.clusters)),
        trials=tuple(trials),
        points=tuple(map(tuple, points.tolist())),
        members=tuple(names.tolist()),
        reach=trial.parameter if trial.algorithm == "dbscan" else None,
        map=_map(scaled),
        usual_evidence=_usual(kept),
    )


def _taken(rows: Iterable[Row], seed: int) -> Iterator[_Fitted]:
    for row in rows:
        order = hashlib.sha256(f"{seed} {row['id']}".encode("utf-8", "surrogateescape")).digest()
        raw = tuple(raw_features([row])[0].tolist())
        yield _Fitted(order, row["id"], raw, row["kind"], mean_evidence(row))


def _points(scaled: Points, members: Clusters, algorithm: str) -> tuple[Points, Clusters]:
    if algorithm not in ALGORITHMS or not ALGORITHMS[algorithm].by_centroid:
        return scaled, members
    numbers = np.arange(members.max() + 1)
    return np.round([scaled[members == number].mean(axis=0) for number in numbers], 6), numbers


def _described(number: int, kept: Sequence[_Fitted], members: Clusters) -> Cluster:
    mine = [mark for mark, cluster in zip(kept, members.tolist(), strict=True) if cluster == number]
    seen = [column[np.isfinite(column)] for column in np.array([mark.raw for mark in mine]).T]
    centroid = {name: float(np.median(v)) if v.size else math.nan for name, v in zip(NAMES, seen, strict=True)}
    rule = rule_for(centroid)
    told = {name: float(f"{value:.4g}") if math.isfinite(value) else None for name, value in centroid.items()}
    kinds = Counter(mark.kind for mark in mine)
    return Cluster(number, rule.name, str(rule), len(mine), told, dict(sorted(kinds.items())))


def _map(scaled: Points) -> Map:
    middle = scaled.mean(axis=0)
    values, axes = np.linalg.eigh(np.cov(scaled.T))
    first = axes[:, ::-1][:, :2].T
    first *= np.sign(first[np.arange(2), np.abs(first).argmax(axis=1)])[:, None]  # the largest part is positive
    shares = values[::-1][:2] / max(float(values.sum()), 1e-12)
    one, two = (tuple(np.round(axis, 6).tolist()) for axis in first)
    return Map(
        tuple(np.round(middle, 6).tolist()), (one, two), (round(float(shares[0]), 4), round(float(shares[1]), 4))
    )


def mean_evidence(row: Mapping[str, Any]) -> float:
    """Mean support over the detectors that have measured a mark; NaN: none has."""
    given = [value for name, value in row.items() if name.startswith(EVIDENCE) and value is not None]
    return sum(given) / len(given) if given else math.nan


def _usual(kept: Sequence[_Fitted]) -> Mapping[str, float]:
    by_kind: defaultdict[str, list[float]] = defaultdict(list)
    for mark in kept:
        if math.isfinite(mark.evidence):
            by_kind[mark.kind].append(mark.evidence)
    return {kind: round(median(values), 4) for kind, values in sorted(by_kind.items())}


# --- the file


def write_types(path: Path, types: DefectTypes) -> None:
    """Write defect_types.json; UserError where the system refuses."""
    write_file(path, json_bytes({"schema": TYPES_SCHEMA, **msgspec.to_builtins(types)}, indent=None))


def read_types(path: Path) -> DefectTypes:
    """Read defect_types.json; UserError if it is none, or was fitted on other features."""
    try:
        data = decode_json(read_file(path))
        found = data.pop("schema", None) if isinstance(data, dict) else None
        if found != TYPES_SCHEMA:
            raise UserError(f"{path}: the schema of types of marks must be {TYPES_SCHEMA}, got {found!r}")
        types = msgspec.convert(data, DefectTypes)
    except OSError as error:
        raise UserError(f"{path}: cannot be read, {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: no types of marks: {error}") from None
    if types.features != NAMES:
        raise UserError(f"{path}: its features must be {', '.join(NAMES)}, got {', '.join(types.features)}")
    widths = {len(point) for point in types.points} | {len(types.scaler.middle), len(types.scaler.spread)}
    numbers = set(types.members) - {NOISE, *range(len(types.clusters))}
    if widths != {len(NAMES)} or len(types.members) != len(types.points) or numbers:
        raise UserError(f"{path}: its points must have {len(NAMES)} features and a cluster that it describes")
    return types
