"""How the light of a zone is spread, and how steep it is: features of a face."""

from __future__ import annotations

import math

import cv2
import numpy as np

from dscope_blink.image_processing.frame_zones import ZONES, FrameZones, outwards
from dscope_blink.records import FloatImage
from dscope_blink.records.features import Feature, FeatureZone

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
BIN = 1 / 128  # of the median light, of the histogram whose entropy is told
SIGMA = 1.4826
LEVELS = (
    ("mean", "light", "mean", True),
    ("spread", "light", "standard deviation", False),
    ("robust_spread", "light", "1.4826 times the median distance from the median", False),
    ("skewness", "1", "third moment over spread^3: above 0 with bright outliers", False),
    ("kurtosis", "1", "fourth moment over spread^4, less 3: above 0 with outliers", False),
    *((f"p{share:02d}", "light", f"percentile {share}", 25 <= share <= 75) for share in PERCENTILES),
    ("entropy", "bits", f"entropy of the histogram in bins of {BIN:.4f}", False),
)
SLOPES = (
    ("gradient_mean", "light/px", "mean magnitude of the gradient", False),
    ("gradient_p95", "light/px", "percentile 95 of the magnitude of the gradient", False),
    ("gradient_outwards", "light/px", "mean gradient away from the centre", False),
    (
        "gradient_radial_share",
        "1",
        "share of the squared gradient along the radius; 0.5 without order",
        False,
    ),
    ("laplacian", "light/px^2", "robust spread of the Laplacian: noise, and the finest texture", False),
)


def _declared(zone: FeatureZone) -> tuple[Feature, ...]:
    levels = (Feature(f"{zone}_{n}", u, zone, "levels", f"{m} of its light", scale=s) for n, u, m, s in LEVELS)
    slopes = (Feature(f"{zone}_{n}", u, zone, "slopes", m, scale=s) for n, u, m, s in SLOPES)
    return (*levels, *slopes)


FEATURES: tuple[Feature, ...] = tuple(feature for zone in ZONES for feature in _declared(zone))


def level_features(zones: FrameZones) -> list[float]:
    """FEATURES of a face, NaN of a zone that is not seen."""
    along = cv2.Sobel(zones.light, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(zones.light, cv2.CV_32F, 0, 1, scale=1 / 8)
    curved = cv2.Laplacian(zones.light, cv2.CV_32F)
    ways = outwards(zones.radius_px)
    values: list[float] = []
    for name in ZONES:
        mask = zones.masks[name]
        if not mask.any():
            values += [math.nan] * (len(LEVELS) + len(SLOPES))
            continue
        values += _levels(zones.light[mask])
        values += _slopes(along[mask], down[mask], ways[:, mask], curved[mask])
    return values


def _levels(light: FloatImage) -> list[float]:
    values = light.astype(np.float64)
    mean, spread = float(values.mean()), float(values.std())
    apart = (values - mean) / max(spread, 1e-9)
    square = apart * apart
    shares = np.percentile(values, PERCENTILES)
    histogram = np.bincount((np.clip(values, 0, 8) / BIN).astype(np.intp))
    return [
        *(mean, spread, robust_spread(values), float((square * apart).mean()), float((square * square).mean()) - 3),
        *(float(share) for share in shares),
        _entropy_bits(histogram),
    ]


def _slopes(along: FloatImage, down: FloatImage, ways: FloatImage, curved: FloatImage) -> list[float]:
    square = along * along + down * down
    steep = np.sqrt(square)
    radial = along * ways[0] + down * ways[1]
    energy = float(square.mean())
    share = float((radial * radial).mean()) / energy if energy > 0 else math.nan
    return [float(steep.mean()), float(np.percentile(steep, 95)), float(radial.mean()), share, robust_spread(curved)]


def robust_spread(values: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> float:
    """1.4826 times the median distance from the median: the standard deviation of what is normal."""
    return SIGMA * float(np.median(np.abs(values - np.median(values))))


def _entropy_bits(histogram: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> float:
    share = histogram[histogram > 0] / histogram.sum()
    return float(-(share @ np.log2(share)))
