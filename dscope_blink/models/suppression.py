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
    kept: list[int] = []
    while waiting.size:
        best, waiting = int(waiting[0]), waiting[1:]
        kept.append(best)
        rival = (classes[waiting] == classes[best]) & (overlaps(boxes[best], boxes[waiting]) > overlap)
        waiting = waiting[~rival]
    return np.array(kept, np.int64)


def overlaps(box: Points, others: Points) -> Points:
    """(n,) intersection over union of one box, (4,), with others, (n, 4); 0 with one that has no area."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    common = np.prod(np.maximum(sides, 0), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - common
    shares: Points = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return shares
