"""Lines found by their sums beside marks found by their pixels -> which of both are marks."""

from __future__ import annotations

import cv2
import numpy as np

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
    shown = np.add.reduceat(_widened(marks)[courses.y, courses.x].astype(np.intp), courses.starts)
    lines = courses.only(shown < MOST_SHOWN * courses.areas_px)
    regions = label_regions(marks)
    if not len(regions.starts):
        return lines, marks
    along = np.add.reduceat(_widened(lines)[regions.y, regions.x].astype(np.intp), regions.starts)
    pieces = regions.only(along >= LEAST_ALONG * regions.areas_px)
    return lines | pieces, marks & ~pieces


def _widened(mask: Mask) -> Mask:
    return cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)


MOST_SHOWN = 0.7  # of a line, in marks that are as good without it
LEAST_ALONG = 0.7  # of a mark, on a line that it is a piece of
