"""Lines found by their sums beside marks found by their pixels -> which of both are marks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.detectors.regions import label_regions
from dscope_blink.records import Mask


def apart(lines: Mask, marks: Mask) -> tuple[Mask, Mask]:
    """Marks that are pieces of a line become that line; a line that marks show anyway is left to them.

    What a line merely passes through or touches stays a mark of its own.

    Parameters
    ----------
    lines, marks : (h, w) bool

    Returns
    -------
    lines, marks : (h, w) bool, as they are to be cut out
    """
    if not lines.any():
        return lines, marks
    courses = label_regions(lines)
    seen = _widened(marks)
    faint = [_share_shown(*courses.pixels(k), seen) < MOST_SHOWN for k in range(len(courses.starts))]
    lines = courses.only(np.array(faint))
    regions = label_regions(marks)
    if not len(regions.starts):
        return lines, marks
    along = np.add.reduceat(_widened(lines)[regions.y, regions.x].astype(np.intp), regions.starts)
    pieces = regions.only(along >= LEAST_ALONG * regions.areas_px)
    return _but_flanks(lines, marks & ~pieces) | pieces, marks & ~pieces


def _but_flanks(lines: Mask, others: Mask) -> Mask:
    """The lines but those that keep beside one mark for most of their length: a flank, dark beside a bright scratch."""
    courses = label_regions(lines)
    if not len(courses.starts):
        return lines
    beside = cv2.dilate(others.astype(np.uint8), np.ones((2 * FLANK_PX + 1, 2 * FLANK_PX + 1), np.uint8)).astype(bool)
    near = label_regions(beside)
    kept = np.ones(len(courses.starts), bool)
    for k in range(len(courses.starts)):
        x, y = courses.pixels(k)
        by = np.bincount(near.labels[y, x])[1:]
        kept[k] = not by.size or _share_shown(x, y, near.labels == 1 + int(by.argmax())) < MOST_SHOWN
    return courses.only(kept)


def _share_shown(x: NDArray[np.intp], y: NDArray[np.intp], marks: Mask) -> float:
    """Over how much of the length of a line there are marks, whatever its width is."""
    along = x if np.ptp(x) >= np.ptp(y) else y
    return len(np.unique(along[marks[y, x]])) / len(np.unique(along))


def _widened(mask: Mask) -> Mask:
    return cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)


MOST_SHOWN = 0.7  # of the length of a line, in marks that are as good without it
FLANK_PX = 8  # beside a mark, where the optics and what the background took of it leave a band of the other sign
LEAST_ALONG = 0.7  # of a mark, on a line that it is a piece of
