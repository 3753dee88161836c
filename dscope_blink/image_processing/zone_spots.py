"""Spots of a zone that stand out of it, bright and dark, by mathematical morphology: features of a face.

J. Serra, "Image Analysis and Mathematical Morphology", 1982: top hats are what an opening or a closing takes away.
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from dscope_blink.image_processing.frame_zones import ZONES, FrameZones
from dscope_blink.image_processing.zone_levels import robust_spread
from dscope_blink.records import FloatImage, Labels, Mask
from dscope_blink.records.features import Feature, FeatureZone

DISCS_PX = (2, 5)  # radii
HATS = (("bright", cv2.MORPH_TOPHAT), ("dark", cv2.MORPH_BLACKHAT))
ODD = 5.0  # robust spreads from which a place stands out
SMOOTHED_PX = 1.0
SPOTS = (
    ("odd_share", "1", f"share of places beyond {ODD:g} robust spreads"),
    ("odd_count", "number", "spots of such places"),
    ("odd_largest", "1", "share of the zone that the largest of them covers"),
    ("odd_long", "number", "length over width of the box around the largest of them; 1 without any"),
)


def _declared(zone: FeatureZone) -> tuple[Feature, ...]:
    hats = (
        Feature(f"{zone}_{name}{disc}_{what}", "light", zone, "hats", f"{says} of {name} spots within {disc} px")
        for name, _ in HATS
        for disc in DISCS_PX
        for what, says in (("mean", "mean height"), ("p99", "percentile 99 of the height"))
    )
    spots = (
        Feature(f"{zone}_{name}", unit, zone, "spots", says, turn=name != "odd_long") for name, unit, says in SPOTS
    )
    return (*hats, *spots)


FEATURES: tuple[Feature, ...] = tuple(feature for zone in ZONES for feature in _declared(zone))
PER_ZONE = len(FEATURES) // len(ZONES)


def spot_features(zones: FrameZones) -> list[float]:
    """FEATURES of a face, NaN of a zone that is not seen."""
    hats = [cv2.morphologyEx(zones.apart, way, _disc(disc)) for _, way in HATS for disc in DISCS_PX]
    smooth = cv2.GaussianBlur(zones.apart, (0, 0), SMOOTHED_PX)
    values: list[float] = []
    for name in ZONES:
        mask = zones.masks[name]
        if not mask.any():
            values += [math.nan] * PER_ZONE
            continue
        for hat in hats:
            heights = hat[mask]
            values += [float(heights.mean()), float(np.percentile(heights, 99))]
        values += _spots(smooth, mask)
    return values


@lru_cache(maxsize=8)
def _disc(radius_px: int) -> Labels:
    """A disc that a quarter turn does not change; those of OpenCV it does."""
    along = np.arange(-radius_px, radius_px + 1)
    return (np.hypot(along, along[:, None]) <= radius_px + 0.25).astype(np.uint8)


def _spots(smooth: FloatImage, mask: Mask) -> list[float]:
    inside = smooth[mask]
    limit = ODD * robust_spread(inside)
    area = np.count_nonzero(mask)
    if not limit > 0:
        return [math.nan] * len(SPOTS)
    odd = mask & (np.abs(smooth - np.median(inside)) > limit)
    count, _, boxes, _ = cv2.connectedComponentsWithStats(odd.astype(np.uint8), connectivity=8)
    if count == 1:
        return [0.0, 0.0, 0.0, 1.0]
    sizes = boxes[1:, cv2.CC_STAT_AREA]
    width, height = boxes[1 + int(sizes.argmax()), [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    long = max(width, height) / min(width, height)
    return [np.count_nonzero(odd) / area, float(count - 1), float(sizes.max()) / area, float(long)]
