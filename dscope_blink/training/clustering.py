"""Marks alike put together without labels: a row of ALGORITHMS for each way, and the choice among them.

k-means: J. MacQueen, 1967; agglomerative: J. H. Ward, "Hierarchical Grouping to Optimize an Objective Function", 1963,
DOI 10.1080/01621459.1963.10500845; DBSCAN: M. Ester et al., "A Density-Based Algorithm for Discovering Clusters", KDD
1996; HDBSCAN: R. J. G. B. Campello et al., 2013, DOI 10.1007/978-3-642-37456-2_14; silhouette: P. J. Rousseeuw, 1987,
DOI 10.1016/0377-0427(87)90125-7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.training.type_features import Points

Clusters: TypeAlias = NDArray[np.intp]  # (n,) from 0; NOISE: like no others

NOISE = -1
NEIGHBOURS = 5  # within reach that make a place dense
RADIUS_SHARES = (0.5, 0.7, 0.8, 0.9)  # of the marks that are to be in a dense place
SIZE_SHARES = (0.01, 0.02, 0.04)  # of all marks: the smallest cluster
SILHOUETTE_MARKS = 1000
SUBSAMPLES, SUBSAMPLE_SHARE = 3, 0.8


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One way of clustering, and the values of its one parameter that are tried."""

    parameter: str
    split: Callable[[Points, float, int], Clusters]  # by the parameter and a seed
    tried: Callable[[Points, Sequence[int]], Sequence[float]]  # `clusters`: numbers of clusters to try
    by_centroid: bool = False  # a new mark belongs to the nearest centroid, else to its nearest neighbour


@dataclass(frozen=True, slots=True)
class Trial:
    """What one way makes of the marks, and how good that is without labels."""

    algorithm: str
    parameter: float
    clusters: int
    noise: float  # share of marks that are like no others
    silhouette: float  # of the others; -1 where there is but one cluster
    stability: float = 0.0  # mean adjusted Rand index with the same on parts of the marks

    @property
    def score(self) -> float:
        """What `auto` goes by."""
        return max(self.silhouette, 0.0) * max(self.stability, 0.0) * (1 - self.noise)


def _k_means(points: Points, count: float, seed: int) -> Clusters:
    from sklearn.cluster import KMeans

    return np.asarray(KMeans(int(count), n_init=10, random_state=seed).fit_predict(points), np.intp)


def _agglomerative(points: Points, count: float, seed: int) -> Clusters:
    from sklearn.cluster import AgglomerativeClustering

    return np.asarray(AgglomerativeClustering(int(count), linkage="ward").fit_predict(points), np.intp)


def _dbscan(points: Points, radius: float, seed: int) -> Clusters:
    from sklearn.cluster import DBSCAN

    return np.asarray(DBSCAN(eps=radius, min_samples=NEIGHBOURS).fit_predict(points), np.intp)


def _hdbscan(points: Points, size: float, seed: int) -> Clusters:
    from sklearn.cluster import HDBSCAN

    dense = HDBSCAN(min_cluster_size=int(size), min_samples=NEIGHBOURS, copy=True)
    return np.asarray(dense.fit_predict(points), np.intp)


def _counts(points: Points, clusters: Sequence[int]) -> Sequence[float]:
    different = len(np.unique(points, axis=0))
    return [float(count) for count in clusters if count < different]


def _radii(points: Points, clusters: Sequence[int]) -> Sequence[float]:
    from sklearn.neighbors import NearestNeighbors

    if len(points) <= NEIGHBOURS:
        return []
    distances, _ = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(points).kneighbors(points)
    radii = np.round(np.quantile(distances[:, -1], RADIUS_SHARES), 3)
    return sorted({float(radius) for radius in radii if radius > 0})


def _sizes(points: Points, clusters: Sequence[int]) -> Sequence[float]:
    return sorted({float(max(NEIGHBOURS, round(share * len(points)))) for share in SIZE_SHARES})


ALGORITHMS: Mapping[str, Algorithm] = MappingProxyType(
    {
        "k_means": Algorithm("number of clusters", _k_means, _counts, by_centroid=True),
        "agglomerative": Algorithm("number of clusters", _agglomerative, _counts),
        "dbscan": Algorithm("radius", _dbscan, _radii),
        "hdbscan": Algorithm("smallest cluster", _hdbscan, _sizes),
    }
)


def cluster(points: Points, algorithm: str, clusters: Sequence[int], seed: int) -> tuple[Trial, Clusters, list[Trial]]:
    """The best that an algorithm makes of the marks, or the best algorithm of all.

    Parameters
    ----------
    points : (n, features), n >= 2
    algorithm : a name of ALGORITHMS, or auto
    clusters : the numbers of clusters that k_means and agglomerative try
    seed : of all that is drawn by chance

    Returns
    -------
    What was chosen, the cluster of each mark, and for each algorithm the best that it found. Within an algorithm
    the silhouette decides, with the share of marks that are in a cluster; among algorithms that times the stability.
    Fewer clusters than the fewest of `clusters`, or such that leave out more than MOST_NOISE of the marks, are taken
    only where no way finds others: dense places with half of the marks in none have a high silhouette, and tell no
    kinds apart.
    """
    import sklearn.cluster  # noqa: F401 - threads of what is loaded later would not be limited
    from threadpoolctl import threadpool_limits

    names = tuple(ALGORITHMS) if algorithm == "auto" else (algorithm,)
    with threadpool_limits(1):  # sums in one order: the same bytes on every run
        found = [best for name in names if (best := _best(points, name, clusters, seed)) is not None]
    if not found:
        nothing = Trial(algorithm, 0.0, 1, 0.0, -1.0)
        return nothing, np.zeros(len(points), np.intp), [nothing]
    chosen, members = max(found, key=lambda one: (_tells_kinds(one[0], clusters[0]), one[0].score))
    return chosen, members, [trial for trial, _ in found]


MOST_NOISE = 0.25  # share of marks that are like no others


def _tells_kinds(trial: Trial, fewest: int) -> bool:
    return trial.clusters >= fewest and trial.noise <= MOST_NOISE


def _best(points: Points, name: str, clusters: Sequence[int], seed: int) -> tuple[Trial, Clusters] | None:
    way = ALGORITHMS[name]
    tried = [_tried(points, name, value, seed) for value in way.tried(points, clusters)]
    if not tried:
        return None
    enough = [one for one in tried if one[0].clusters >= clusters[0]] or tried
    trial, members = max(enough, key=lambda one: one[0].silhouette * (1 - one[0].noise))
    steady = _stability(points, members, way, trial.parameter, seed)
    return Trial(name, trial.parameter, trial.clusters, trial.noise, trial.silhouette, steady), members


def _tried(points: Points, name: str, value: float, seed: int) -> tuple[Trial, Clusters]:
    members = _in_order(ALGORITHMS[name].split(points, value, seed))
    noise = round(float(np.mean(members == NOISE)), 4)
    return Trial(name, value, int(members.max()) + 1, noise, _silhouette(points, members, seed)), members


def _in_order(members: Clusters) -> Clusters:
    """Numbered from the largest on; of two as large the one first that has the first mark."""
    names, first, counts = np.unique(members[members != NOISE], return_index=True, return_counts=True)
    order = names[np.lexsort((first, -counts))]
    renamed = np.full(len(members), NOISE, np.intp)
    for number, name in enumerate(order):
        renamed[members == name] = number
    return renamed


def _silhouette(points: Points, members: Clusters, seed: int) -> float:
    from sklearn.metrics import silhouette_score

    kept = np.flatnonzero(members != NOISE)
    if kept.size > SILHOUETTE_MARKS:
        kept = np.sort(np.random.default_rng(seed).choice(kept, SILHOUETTE_MARKS, replace=False))
    count = len(np.unique(members[kept]))
    if not 2 <= count < kept.size:
        return -1.0
    return round(float(silhouette_score(points[kept], members[kept])), 4)


def _stability(points: Points, members: Clusters, way: Algorithm, value: float, seed: int) -> float:
    """How alike the same marks fall together when a part of the marks is left out."""
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(seed)
    size = round(SUBSAMPLE_SHARE * len(points))
    if size <= max(value, NEIGHBOURS):
        return 0.0
    parts = [np.sort(rng.choice(len(points), size, replace=False)) for _ in range(SUBSAMPLES)]
    alike = [adjusted_rand_score(members[part], way.split(points[part], value, seed)) for part in parts]
    return round(float(np.mean(alike)), 4)
