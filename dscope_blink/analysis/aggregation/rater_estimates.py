"""How good raters are whose truth nobody knows: what they found, against what they all make likely.

Expectation-maximization over the table of hits and misses: A. P. Dawid, A. M. Skene, "Maximum Likelihood Estimation of
Observer Error-Rates Using the EM Algorithm", Applied Statistics 28 (1979), DOI 10.2307/2346806; for places of a
picture S. K. Warfield, K. H. Zou, W. M. Wells, "Simultaneous Truth and Performance Level Estimation (STAPLE)", IEEE
Trans. Medical Imaging 23 (2004), DOI 10.1109/TMI.2004.828354.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Table: TypeAlias = NDArray[np.bool_]  # (raters, items)
Floats: TypeAlias = NDArray[np.float64]

LEAST_RATERS = 3  # two that disagree: nobody says which is wrong
LEAST_TRUE = 10.0  # expected true items: a share of 0.9 of so few has a standard error of 0.09
_START = (0.9, 0.99)  # sensitivity and specificity, as STAPLE starts: raters that are better than chance
_NEAREST = 1e-6  # to 0 or 1, where logarithms end
_CHANGE = 1e-9
_MOST_STEPS = 1000


@dataclass(frozen=True, slots=True)
class RaterEstimates:
    """What raters are worth, and how likely each item is a true one; None: too little to estimate it from."""

    sensitivity: tuple[float | None, ...]  # by rater: share of the true items that it hits
    specificity: tuple[float | None, ...]  # by rater: share of the others that it leaves alone
    truth: Floats | None  # (items,) 0..1


def estimate(hits: Table, looked: Table, groups: NDArray[np.intp]) -> RaterEstimates:
    """Sensitivity and specificity of raters from their table alone.

    Raters are taken to err independently of each other. Those of one group do not: they are one rater in what is
    likely true, and each is then held against that. Raters of different groups that share a way of seeing (profiles
    with a detector in common) still seem better than they are, and what only another finds seems false: a bias that no
    table shows.

    Parameters
    ----------
    hits : (raters, items) whether a rater reports the item
    looked : (raters, items) whether it looked for it; what it did not look for says nothing of it
    groups : (raters,) number of the group of each

    Returns
    -------
    RaterEstimates : without any where fewer than 3 groups looked, or fewer than 10 items are likely true
    """
    nothing = RaterEstimates((None,) * len(hits), (None,) * len(hits), None)
    if not len(hits):
        return nothing
    apart = [groups == group for group in np.unique(groups)]
    hit = np.array([(hits & looked)[one].any(axis=0) for one in apart])
    seen = np.array([looked[one].any(axis=0) for one in apart])
    if seen.any(axis=1).sum() < LEAST_RATERS:
        return nothing
    patterns, where, counts = np.unique(hit + 2 * seen, axis=1, return_inverse=True, return_counts=True)
    likely = _truth((patterns & 1).astype(np.bool_), patterns >= 2, counts.astype(np.float64))
    truth: Floats = likely[where.reshape(-1)]
    if truth.sum() < LEAST_TRUE:
        return nothing
    return RaterEstimates(_shares(hits, looked, truth), _shares(~hits, looked, 1 - truth), truth)


def _truth(hit: Table, seen: Table, counts: Floats) -> Floats:
    """How likely the items of each pattern are true, the most likely way."""
    raters = len(hit)
    sensitivity, specificity = np.full(raters, _START[0]), np.full(raters, _START[1])
    prevalence = _held(counts @ (2 * hit.sum(axis=0) > seen.sum(axis=0)) / counts.sum())
    truth = np.zeros(len(counts))
    for _ in range(_MOST_STEPS):
        before = truth
        for_it = np.log(prevalence) + _log_chance(hit, seen, sensitivity)
        against = np.log(1 - prevalence) + _log_chance(~hit, seen, specificity)
        truth = 1 / (1 + np.exp(np.clip(against - for_it, -700, 700)))
        if np.abs(truth - before).max() < _CHANGE:
            break
        sensitivity = _held(_share(hit, seen, counts * truth, sensitivity))
        specificity = _held(_share(~hit, seen, counts * (1 - truth), specificity))
        prevalence = _held(counts @ truth / counts.sum())
    return truth


def _log_chance(said: Table, seen: Table, right: Floats) -> Floats:
    """Of what all raters say of each pattern, each of them being right in such a share."""
    chance = np.where(said, np.log(right)[:, None], np.log(1 - right)[:, None])
    return np.asarray(np.where(seen, chance, 0.0).sum(axis=0))


def _share(said: Table, seen: Table, weights: Floats, otherwise: Floats) -> Floats:
    of = seen @ weights
    return np.where(of > 0, (said & seen) @ weights / np.maximum(of, _NEAREST**2), otherwise)


def _held(share: Floats) -> Floats:
    return np.clip(share, _NEAREST, 1 - _NEAREST)


def _shares(said: Table, looked: Table, weights: Floats) -> tuple[float | None, ...]:
    """Each rater's own; None where it looked for less than one item of that kind."""
    of = looked @ weights
    right = (said & looked) @ weights
    return tuple(float(r / o) if o >= 1 else None for r, o in zip(right, of, strict=True))
