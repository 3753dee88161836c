"""Lines that cross -> a mask for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Mask, steady

FloatArray = NDArray[np.float64]

ARM_PER_WIDTH = 1.5  # an arm is longer than this many widths of the mark: a blob has spurs, too
STRAIGHT_PX = 1.5  # rms distance of an arm's centreline from a straight line


@dataclass(frozen=True, slots=True)
class _Arm:
    """A straight piece of centreline that leads away from a crossing."""

    pixels: NDArray[np.int32]  # (N, 2) x, y
    inner: FloatArray  # (2,) its end at the crossing
    outward: FloatArray  # (2,) unit vector


def split_crossing(mask: Mask, min_arm_px: float, max_turn_deg: float) -> tuple[Mask, ...]:
    """Take a mark of two lines that cross apart.

    Parameters
    ----------
    mask : (h, w) bool, one mark
    min_arm_px : length of the shortest arm
    max_turn_deg : largest angle between the two arms of one line

    Returns
    -------
    Two masks of the same shape that share the crossing, or the mark itself when it is anything else

    Notes
    -----
    Centrelines by Zhang and Suen, "A fast parallel algorithm for thinning digital patterns", Communications of the ACM
    27(3), 1984, DOI 10.1145/357994.358023, which erases some lines at 45 degrees; then by Guo and Hall, "Parallel
    thinning with two-subiteration algorithms", Communications of the ACM 32(3), 1989, DOI 10.1145/62065.62074.
    """
    if math.hypot(*mask.shape) < min_arm_px:
        return (mask,)
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)
    if 2 * ARM_PER_WIDTH * depth.max() > max(mask.shape):  # no line at all: thinning it would take long
        return (mask,)
    for way in (cv2.ximgproc.THINNING_ZHANGSUEN, cv2.ximgproc.THINNING_GUOHALL):
        thin = cv2.ximgproc.thinning(padded * np.uint8(255), thinningType=way) > 0
        if not thin.any():  # thinning leaves nothing of a few pixels
            return (mask,)
        width = 2 * float(np.median(depth[thin]))
        arms = _arms(thin, width, max(min_arm_px, ARM_PER_WIDTH * width))
        lines = _opposite(arms, math.cos(math.radians(max_turn_deg)))
        if len(arms) in (4, 5) and len(lines) == 2:  # a fifth is a spur or a thread of one of them
            return _apart(padded.astype(bool), lines, width)
        if not arms:  # of four arms the first way loses those that run at 45 degrees
            break
    return (mask,)


def _apart(padded: Mask, lines: Sequence[tuple[_Arm, _Arm]], width: float) -> tuple[Mask, ...]:
    """The pixels of each line, and those of the crossing in both; without the padding."""
    away = [_distance_from(line, padded.shape) for line in lines]
    own = [distance <= width / 2 + 0.5 for distance in away]
    masks = (padded & (own[k] | ((away[k] <= away[1 - k]) & ~own[1 - k])) for k in (0, 1))
    return tuple(part[1:-1, 1:-1] for part in masks)


def _arms(thin: Mask, width: float, min_length_px: float) -> list[_Arm]:
    """What is left of the centreline when all its forks are cut out."""
    forks = np.argwhere(_forks(thin))[:, ::-1]
    if not len(forks):
        return []
    cut = np.zeros(thin.shape, np.uint8)
    for x, y in forks.tolist():
        cv2.circle(cut, (x, y), math.ceil(width), 1, cv2.FILLED)
    count, labels = cv2.connectedComponents((thin & (cut == 0)).astype(np.uint8), connectivity=8)
    crossing = forks.mean(axis=0)
    found = (_arm(np.argwhere(labels == k)[:, ::-1].astype(np.int32), crossing) for k in range(1, count))
    return [arm for arm in found if arm is not None and np.hypot(*np.ptp(arm.pixels, axis=0)) >= min_length_px]


def _forks(thin: Mask) -> Mask:
    """Pixels from which a centreline, which nowhere touches the border, leads on in three ways or more."""
    around: Mask = IS_FORK[cv2.filter2D(thin.astype(np.uint8), cv2.CV_8U, RING)]
    return thin & around


def _is_fork() -> Mask:
    """For each of the 256 choices of neighbours, as `RING` counts them, whether it is that of a fork."""
    ring = (np.arange(256)[:, None] >> np.arange(8)) & 1 > 0  # (256, 8), the neighbours in turn
    ways = (ring & ~np.roll(ring, 1, axis=1)).sum(axis=1)
    return (ways >= 3) | ring[:, 3:6].all(axis=1)  # four pixels may make a crossing of four ways


RING = np.array([[1, 2, 4], [128, 0, 8], [64, 32, 16]], np.float32)  # a bit for each neighbour: one pass, no copies
IS_FORK = _is_fork()


def _arm(pixels: NDArray[np.int32], crossing: FloatArray) -> _Arm | None:
    if len(pixels) < 3:
        return None
    centre = pixels.mean(axis=0)
    spread, axes = np.linalg.eigh(steady(np.cov((pixels - centre).T)))
    if spread[0] > STRAIGHT_PX**2:
        return None
    outward = axes[:, 1] * np.sign((centre - crossing) @ axes[:, 1])
    inner = pixels[int(np.argmin(steady((pixels - centre) @ outward)))].astype(np.float64)
    return _Arm(pixels, inner, outward)


def _opposite(arms: Sequence[_Arm], min_cosine: float) -> list[tuple[_Arm, _Arm]]:
    """Arms that lead on from one another, each at most once, the straightest first."""
    pairs = [
        (round(float(-a.outward @ b.outward), 9), i, j) for i, a in enumerate(arms) for j, b in enumerate(arms[:i])
    ]
    used: set[int] = set()
    lines = []
    for cosine, i, j in sorted(pairs, reverse=True):
        if cosine >= min_cosine and not {i, j} & used:
            used |= {i, j}
            lines.append((arms[i], arms[j]))
    return lines


def _distance_from(line: tuple[_Arm, _Arm], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Distance of every pixel from the centreline of a line, drawn through the crossing."""
    elsewhere = np.ones(shape, np.uint8)
    for arm in line:
        elsewhere[arm.pixels[:, 1], arm.pixels[:, 0]] = 0
    start, stop = (tuple(np.rint(arm.inner).astype(int).tolist()) for arm in line)
    cv2.line(elsewhere, start, stop, 0, 1)
    return cv2.distanceTransform(elsewhere, cv2.DIST_L2, 5)
