"""Connected regions of a mask, and the pixels of each."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Mask


@dataclass(frozen=True, slots=True)
class Regions:
    """The 8-connected regions of a mask; `x` and `y` hold the pixels of the first region, then of the second ..."""

    labels: NDArray[np.int32]  # (h, w), 0 outside all, else 1 + index of the region
    x: NDArray[np.intp]  # (pixels,)
    y: NDArray[np.intp]
    starts: NDArray[np.intp]  # (regions,) where each begins in x and y

    @property
    def areas_px(self) -> NDArray[np.intp]:
        """Pixels of each region; (regions,)."""
        return np.diff(self.starts, append=len(self.x))

    @property
    def boxes_px(self) -> NDArray[np.intp]:
        """x, y, width and height of the box around each region; (regions, 4)."""
        x0, y0 = (np.minimum.reduceat(axis, self.starts) for axis in (self.x, self.y))
        x1, y1 = (np.maximum.reduceat(axis, self.starts) for axis in (self.x, self.y))
        return np.stack([x0, y0, x1 - x0 + 1, y1 - y0 + 1], axis=1)

    def pixels(self, k: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """x and y of the pixels of region `k`, counted from 0; two arrays (pixels,)."""
        here = slice(int(self.starts[k]), int(self.starts[k] + self.areas_px[k]))
        return self.x[here], self.y[here]

    def holding(self, mask: Mask) -> Mask:
        """Which regions hold a pixel of another (h, w) mask of the same picture; (regions,) bool."""
        return np.logical_or.reduceat(mask[self.y, self.x], self.starts)

    def only(self, chosen: Mask) -> Mask:
        """The mask of the regions chosen by (regions,) bool; (h, w) bool."""
        kept = np.repeat(chosen, self.areas_px)
        mask = np.zeros(self.labels.shape, bool)
        mask[self.y[kept], self.x[kept]] = True
        return mask


def label_regions(mask: Mask) -> Regions:
    """The connected regions of a mask.

    OpenCV's own statistics take ten times as long: they are summed over all pixels, where a mask of marks has few.

    Parameters
    ----------
    mask : (h, w) bool

    Returns
    -------
    Regions, in the order in which OpenCV labels them; none for an empty mask
    """
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    place = np.flatnonzero(mask)  # a tenth of the time of np.nonzero over rows and columns
    of = labels.ravel()[place]
    order = np.argsort(of, kind="stable")
    y, x = np.divmod(place, mask.shape[1])
    return Regions(labels, x[order], y[order], np.searchsorted(of[order], np.arange(1, count)))
