"""Shares with their confidence, and the probability of detection as a function of size.

The curves are those of MIL-HDBK-1823A, "Nondestructive Evaluation System Reliability Assessment", US Department of
Defense, 2009, section on hit/miss data: a logistic regression on the logarithm of the size, and a90/95, the size at
which the lower 95 % confidence bound of the curve reaches 0.9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.float64]

TWO_SIDED_95 = 1.959964
ONE_SIDED_95 = 1.644854
REACHED = 0.9  # the 90 of a90
MAX_STEPS = 100
MAX_CHANGE = 2.0  # of a coefficient in one step: full steps swing when almost everything is found or missed
CONVERGED = 1e-8
GRID = 2000  # sizes at which a curve is looked at: neighbours are 0.2 % apart over a range of 1 to 50


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % confidence interval of a share.

    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal of the American Statistical
    Association 22(158):209-212, 1927, DOI 10.1080/01621459.1927.10502953.

    Raises
    ------
    ValueError
        Unless 0 <= hits <= n and n > 0.
    """
    if not 0 <= hits <= n or n == 0:
        raise ValueError(f"hits must lie in 0..n and n above 0, got {hits} of {n}")
    z2 = TWO_SIDED_95**2
    middle = (hits + z2 / 2) / (n + z2)
    half = math.sqrt(z2 * (hits * (n - hits) / n + z2 / 4)) / (n + z2)
    share = hits / n  # within it but for rounding
    return max(min(middle - half, share), 0.0), min(max(middle + half, share), 1.0)


def share(hits: int, n: int) -> str:
    """A share in words: how many of how many, and the 95 % confidence interval."""
    if n == 0:
        return "none of 0"
    low, high = wilson(hits, n)
    return f"{hits}/{n} = {100 * hits / n:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


@dataclass(frozen=True, slots=True)
class Pod:
    """Probability of detection by size: a logistic curve over ln(size), and the trials behind it."""

    sizes_um: Values  # (n,)
    found: NDArray[np.bool_]  # (n,)
    coefficients: Values  # (2,) intercept and slope over ln(size)
    covariance: Values  # (2, 2)

    def probability(self, sizes_um: Values) -> Values:
        """The curve, (m,)."""
        return _logistic(_design(sizes_um) @ self.coefficients)

    def lower_bound(self, sizes_um: Values) -> Values:
        """The one-sided lower 95 % confidence bound of the curve (Wald, from the Fisher information), (m,).

        A larger mark is no harder to find, so what holds for a smaller size holds for all above it: where nearly all
        is found the slope is uncertain, and Wald's bound alone would fall again towards both ends.
        """
        sizes = self._range_um()
        design = _design(sizes)
        spread = np.sqrt(np.einsum("ij,jk,ik->i", design, self.covariance, design))
        bound = np.maximum.accumulate(_logistic(design @ self.coefficients - ONE_SIDED_95 * spread))
        return np.asarray(np.interp(sizes_um, sizes, bound))

    @property
    def a90_um(self) -> float:
        """The smallest size of the range tried at which the curve reaches 0.9; infinite when none does."""
        sizes = self._range_um()
        return _first(sizes, self.probability(sizes))

    @property
    def a90_95_um(self) -> float:
        """The smallest size of the range tried at which the lower bound reaches 0.9; infinite when none does."""
        sizes = self._range_um()
        return _first(sizes, self.lower_bound(sizes))

    def _range_um(self) -> Values:
        return np.geomspace(self.sizes_um.min(), self.sizes_um.max(), GRID)


def _first(sizes_um: Values, probability: Values) -> float:
    reached = np.flatnonzero(probability >= REACHED)
    return float(sizes_um[reached[0]]) if reached.size else math.inf


def pod(sizes_um: Values, found: NDArray[np.bool_]) -> Pod:
    """Fit the probability of detection over the size.

    Parameters
    ----------
    sizes_um : (n,) positive, not all equal
    found : (n,) bool

    Returns
    -------
    Pod

    Raises
    ------
    ValueError
        When the sizes are fewer than two different ones.

    Notes
    -----
    The likelihood carries the penalty of Firth, "Bias reduction of maximum likelihood estimates", Biometrika
    80(1):27-38, 1993, DOI 10.1093/biomet/80.1.27. Without it the fit has no end wherever all above some size are
    found and all below it missed, which a good detector brings about; no statistics library at hand offers it.
    """
    if np.unique(sizes_um).size < 2:
        raise ValueError(f"sizes_um must hold at least two different sizes, got {np.unique(sizes_um)}")
    design = _design(sizes_um)
    coefficients = np.zeros(2)
    for _ in range(MAX_STEPS):
        expected = _logistic(design @ coefficients)
        weighted = design * (expected * (1 - expected))[:, None]
        covariance = np.linalg.inv(design.T @ weighted)
        leverage = np.einsum("ij,jk,ik->i", weighted, covariance, design)
        step = covariance @ (design.T @ (found - expected + leverage * (0.5 - expected)))
        step *= min(1.0, MAX_CHANGE / np.abs(step).max(initial=MAX_CHANGE))
        coefficients = coefficients + step
        if np.abs(step).max() < CONVERGED:
            break
    return Pod(sizes_um, found, coefficients, np.asarray(covariance, np.float64))


def _design(sizes_um: Values) -> Values:
    """Constant and ln(size), (n, 2)."""
    return np.stack([np.ones(len(sizes_um)), np.log(sizes_um)], axis=1)


def _logistic(x: Values) -> Values:
    return np.asarray(1 / (1 + np.exp(-x)))


RESAMPLES = 4000


def paired_bootstrap(
    differences: Values, seed: int, counts: Values | None = None, resamples: int = RESAMPLES
) -> tuple[float, float, float]:
    """Mean of differences found on the same pictures, and its 95 % interval.

    Parameters
    ----------
    differences : (n,) float64, one for each picture
    seed : of the resampling
    counts : (n,) float64, of how many marks each difference is the sum, some above 0; None: one each
    resamples : draws of n pictures, with their marks: those of one picture are not independent

    Notes
    -----
    Percentile interval; Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7(1), 1979,
    DOI 10.1214/aos/1176344552. Draws without a mark, which a few pictures give, are left out.
    """
    of = np.ones(len(differences)) if counts is None else counts
    picks = np.random.default_rng(seed).integers(0, len(differences), (resamples, len(differences)))
    sums, marks = differences[picks].sum(axis=1), of[picks].sum(axis=1)
    low, high = np.percentile(sums[marks > 0] / marks[marks > 0], (2.5, 97.5))
    return float(differences.sum() / of.sum()), float(low), float(high)
