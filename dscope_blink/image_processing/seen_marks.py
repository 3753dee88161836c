"""Marks that a learned network alone is sure of, beside those that stand out by their pixels.

A broad faint one has no pixel that departs far enough for an outline to begin at: where the network says so it is a
mark as it is.
"""

from __future__ import annotations

import cv2
import numpy as np

from dscope_blink.detectors.regions import label_regions
from dscope_blink.detectors.support import marked
from dscope_blink.records import FloatImage, Mask

BESIDE_PX = 2  # so near to another mark it is a part of that


def unshown(support: FloatImage, marks: Mask, inside: Mask, centre: Mask) -> Mask:
    """What a network takes for a mark and no other mark shows, as far as it supports it at all.

    Not what holds the centre of the fiber: the background is a profile over the distance from there, and where few
    pixels have the same, a faint mark cannot be told from a profile that is a little off, as in the glow of a lit core.

    Parameters
    ----------
    support : (h, w) float32, 0..1, of the network
    marks : (h, w) bool, all others
    inside : (h, w) bool, where marks are looked for
    centre : (h, w) bool, the pixels at the centre of the fiber

    Returns
    -------
    (h, w) bool
    """
    seeds = marked(support) & inside
    if not seeds.any():
        return seeds
    regions = label_regions((support > 0) & inside)
    side = 2 * BESIDE_PX + 1
    near = cv2.dilate(marks.astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)
    return regions.only(regions.holding(seeds) & ~regions.holding(near) & ~regions.holding(centre))
