"""Where the labels of marks stand: near their marks, off each other, their leaders across nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Points
from dscope_blink.reporting.drawing import Box

# Where a label is tried: in 24 directions from its mark, at 16 distances in label heights, (384, 2) and (384,).
_RAYS = np.tile(np.stack([np.cos(np.arange(24) * np.pi / 12), np.sin(np.arange(24) * np.pi / 12)], axis=1), (16, 1))
_HEIGHTS = np.repeat(1.0 + 0.9 * np.arange(16) ** 1.2, 24)
_FOLLOWED = 48  # the places that are cheapest by themselves: only their leaders are followed
_CELLS_PER_ROW = 4  # of the grid on which room for labels is sought
# What a label may lie on, by cell: rather on the fiber than far away, rather on a mark than on another label.
_FIBER_COST, _MARK_COST, _LABEL_COST = 1, 10, 200


def leader(box: Box, path: Points) -> Points:
    """(2, 2): from the edge of a label to the nearest point of the outline of its mark."""
    middle = (box[:2] + box[2:]) / 2
    target = path[np.argmin(np.hypot(*(path - middle).T))]
    return np.stack([np.clip(target, box[:2], box[2:]), target])


@dataclass(frozen=True, slots=True)
class Ground:
    """What a label may lie on, on a grid of some pixels; each label that is placed becomes part of it."""

    shape: tuple[int, int]  # (H, W) of the photograph
    cell_px: int
    taken: NDArray[np.uint8]  # (H // cell_px + 1, W // cell_px + 1)

    @classmethod
    def of(
        cls, shape: tuple[int, int], row_px: int, fiber: Points, outlines: Sequence[Points], boxes: Sequence[Box]
    ) -> Ground:
        """The ground of a photograph before the first label.

        Parameters
        ----------
        shape : (H, W) of the photograph, which no label leaves as far as it fits
        row_px : height of a label
        fiber : outline of the cladding, (N, 2) in pixels of the photograph, rather to be kept clear of
        outlines : of all marks, (N, 2) each
        boxes : what else stands on the photograph: left, top, right, bottom
        """
        cell_px = max(row_px // _CELLS_PER_ROW, 1)
        taken = np.zeros((shape[0] // cell_px + 1, shape[1] // cell_px + 1), np.uint8)
        cv2.fillPoly(taken, [np.rint(fiber / cell_px).astype(np.int32)], _FIBER_COST)
        cv2.polylines(taken, [np.rint(path / cell_px).astype(np.int32) for path in outlines], True, _MARK_COST)
        ground = cls(shape, cell_px, taken)
        for box in boxes:
            ground.cover(box)
        return ground

    def cover(self, box: Box) -> None:
        """Take the ground below a box."""
        left, top, right, bottom = np.maximum(box // self.cell_px, 0)
        self.taken[top : bottom + 1, left : right + 1] = _LABEL_COST

    def place(self, path: Points, size: tuple[int, int], dearest: float) -> Box | None:
        """Take the best place for a label near its mark: off labels, marks and fiber, its leader across none of them.

        Parameters
        ----------
        path : outline of the mark, (N, 2) in pixels of the photograph
        size : width and height of the label in pixels
        dearest : what the place may cost, in label heights of distance

        Returns
        -------
        left, top, right, bottom, (4,) int64; None when no place is so cheap
        """
        boxes, heights = self._candidates(path.mean(axis=0), np.array(size))
        costs = 0.1 * self._covered(boxes) + heights
        cheap = np.argpartition(costs, _FOLLOWED)[:_FOLLOWED]
        totals = costs[cheap] + self._crossed(boxes[cheap], path)
        if totals.min() > dearest:
            return None
        best = boxes[cheap[totals.argmin()]]
        self._take(best, path)
        return np.asarray(best)

    def _candidates(self, anchor: Points, size: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Boxes in all directions at all distances, and these in label heights."""
        corners = anchor + _RAYS * (_HEIGHTS[:, None] * size[1] + size / 2) - size / 2
        corners = np.clip(np.rint(corners), 0, np.maximum(np.array(self.shape[::-1]) - size, 0)).astype(np.int64)
        return np.hstack([corners, corners + size]), _HEIGHTS

    def _covered(self, boxes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sum of `taken` below each box."""
        total = cv2.integral(self.taken)
        height, width = self.taken.shape
        left, top, right, bottom = (boxes // self.cell_px).T
        right, bottom = np.minimum(right + 1, width), np.minimum(bottom + 1, height)
        return np.asarray(total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left])

    def _crossed(self, boxes: NDArray[np.int64], path: Points) -> NDArray[np.float64]:
        """What the leader of each box would cross, short of the mark itself."""
        targets = path[:: len(path) // 24 + 1]
        apart = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2 - targets  # (n_candidate, n_target, 2)
        nearest = targets[np.hypot(apart[..., 0], apart[..., 1]).argmin(axis=1)]
        starts = np.clip(nearest, boxes[:, :2], boxes[:, 2:])
        steps = np.linspace(0.1, 0.85, 12)[:, None, None]  # (12, n_candidate, 2) below
        x, y = ((starts + (nearest - starts) * steps) / self.cell_px).astype(np.int64).clip(0).T
        height, width = self.taken.shape
        met = self.taken[y.clip(max=height - 1), x.clip(max=width - 1)]  # (n_candidate, 12)
        return np.asarray(2.0 * (met >= _MARK_COST).sum(axis=1) + 6.0 * (met >= _LABEL_COST).sum(axis=1))

    def _take(self, box: Box, path: Points) -> None:
        line = np.rint(leader(box, path) / self.cell_px).astype(np.int32)
        cv2.polylines(self.taken, [line], False, _MARK_COST)
        self.cover(box)
