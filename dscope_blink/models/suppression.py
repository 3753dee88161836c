"""Of boxes of one class that lie on each other the most confident: what detectors on grids need after them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Points


def suppressed(boxes: Points, scores: Points, classes: NDArray[np.int64], overlap: float) -> NDArray[np.int64]:
    """Which boxes stay: greedily, the most confident first, each class by itself.

    Parameters
    ----------
    boxes : (n, 4) float64, left, top, right, bottom
    scores : (n,) confidence; of equal ones the earlier box comes first
    classes : (n,)
    overlap : intersection over union above which the less confident of two goes

    Returns
    -------
    (k,) places of those that stay, the most confident first
    """
    waiting = np.argsort(-scores, kind="stable")
    corners, kinds = boxes[waiting].T.copy(), classes[waiting]  # (4, n), the most confident first
    kept: list[int] = []
    while waiting.size:
        kept.append(int(waiting[0]))
        stays = (kinds != kinds[0]) | (_overlaps_of_first(corners) <= overlap)
        stays[0] = False
        waiting, corners, kinds = waiting[stays], corners[:, stays], kinds[stays]
    return np.array(kept, np.int64)


def _overlaps_of_first(corners: Points) -> Points:
    """(n,) intersection over union of the first of some boxes, (4, n), with each; 0 with one that has no area."""
    left, top, right, bottom = corners
    wide = np.minimum(right, right[0]) - np.maximum(left, left[0])
    high = np.minimum(bottom, bottom[0]) - np.maximum(top, top[0])
    common = np.maximum(wide, 0) * np.maximum(high, 0)
    areas = (right - left) * (bottom - top)
    union = areas + areas[0] - common
    shares: Points = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return shares
