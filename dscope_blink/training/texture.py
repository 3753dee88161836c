"""How grey levels are spread: entropy, and the co-occurrence of neighbouring levels.

R. M. Haralick, K. Shanmugam, I. Dinstein, "Textural Features for Image Classification", IEEE Transactions on Systems,
Man, and Cybernetics SMC-3(6), 1973, DOI 10.1109/TSMC.1973.4309314.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Mask
from dscope_blink.training.tables import Column

Levels: TypeAlias = NDArray[np.uint8]
Pairs: TypeAlias = NDArray[np.float64]  # (n, n) how often level i lies beside level j

STEPS = 32  # of grey levels: 8 of 256 each
ANGLES = (0.0, math.pi / 4, math.pi / 2, 3 * math.pi / 4)
UPRIGHT = (0.0, math.pi / 2)
PROPERTIES = ("contrast", "homogeneity", "energy", "correlation")
PAIRS_ARE = f"of {STEPS} steps of grey level at neighbouring pixels"
COLUMNS = (
    Column("glcm_contrast", "number", f"mean squared difference {PAIRS_ARE}, steps squared"),
    Column("glcm_homogeneity", "number", f"mean of 1 / (1 + squared difference) {PAIRS_ARE}"),
    Column("glcm_energy", "number", f"root of the sum of the squared shares of pairs {PAIRS_ARE}"),
    Column("glcm_correlation", "number", f"correlation {PAIRS_ARE}; 1 where all are of one step"),
)


def entropy_bits(levels: Levels) -> float:
    """Of the histogram of grey levels 0..255: C. E. Shannon, 1948, DOI 10.1002/j.1538-7305.1948.tb01338.x; bits."""
    return entropy_of(np.bincount(levels.ravel(), minlength=256))


def entropy_of(histogram: NDArray[np.integer[Any]]) -> float:
    """NaN of nothing."""
    count = histogram[histogram > 0].astype(np.float64)
    if not count.size:
        return math.nan
    share = count / count.sum()
    return float(share @ np.log2(1 / share))


def pairs_within(levels: Levels, mask: Mask) -> Pairs:
    """How often steps of level lie beside each other within a mask, in four directions, either way round."""
    from skimage.feature import graycomatrix

    steps = np.where(mask, levels // (256 // STEPS) + 1, 0).astype(np.uint8)
    counted = graycomatrix(steps, (1,), ANGLES, STEPS + 1)[1:, 1:].sum(axis=(2, 3))  # type: ignore[no-untyped-call]
    return np.asarray(counted + counted.T, np.float64)


def pairs_by_zone(levels: Levels, zones: Levels, count: int) -> list[Pairs]:
    """The same in each of `count` zones, along rows and columns: levels of another zone are other levels."""
    from skimage.feature import graycomatrix

    assert count * STEPS <= 256, "zones and steps are told apart by one byte"
    coded = zones * np.uint8(STEPS) + levels // np.uint8(256 // STEPS)
    counted = graycomatrix(coded, (1,), UPRIGHT, count * STEPS).sum(axis=(2, 3))  # type: ignore[no-untyped-call]
    counted = counted.astype(np.float64)
    blocks = [counted[k * STEPS : (k + 1) * STEPS, k * STEPS : (k + 1) * STEPS] for k in range(count)]
    return [block + block.T for block in blocks]


def texture_of(pairs: Sequence[Pairs]) -> list[Mapping[str, float]]:
    """COLUMNS of each; NaN where there is no pair."""
    from skimage.feature import graycoprops

    if not pairs:
        return []
    stacked = np.stack(pairs, axis=-1)[..., np.newaxis]
    values = {name: graycoprops(stacked, name)[:, 0] for name in PROPERTIES}  # type: ignore[no-untyped-call]
    there = [bool(one.any()) for one in pairs]
    return [
        {f"glcm_{name}": float(value[k]) if there[k] else math.nan for name, value in values.items()}
        for k in range(len(pairs))
    ]
