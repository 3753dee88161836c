"""The texture of a zone: local binary patterns at four radii, and the co-occurrence of levels: features of a face.

T. Ojala, M. Pietikainen, T. Maenpaa, "Multiresolution Gray-Scale and Rotation Invariant Texture Classification with
Local Binary Patterns", 2002, DOI 10.1109/TPAMI.2002.1017623, eq. 9 (riu2, eight neighbours); R. M. Haralick, K.
Shanmugam, I. Dinstein, "Textural Features for Image Classification", 1973, DOI 10.1109/TSMC.1973.4309314.
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.image_processing.frame_zones import ZONES, FrameZones
from dscope_blink.image_processing.zone_levels import robust_spread
from dscope_blink.records import FloatImage, Labels
from dscope_blink.records.features import Feature, FeatureZone

RADII_PX = (1, 2, 3, 5)
NEIGHBOURS = 8
ALIKE = 1e-4  # of the median light: neighbours that differ by less do not, for rounding made the difference
PATTERNS = (
    ("entropy", "bits", "entropy of the ten patterns"),
    ("mixed", "1", "share of pixels whose neighbours change sides more than twice: noise"),
    ("edge", "1", "share of pixels with three to five neighbours brighter, on one side: edges"),
    ("peak", "1", "share of pixels with all or none of the neighbours brighter: spots"),
)
STEPS = 16  # of level, over REACH robust spreads to either side
REACH = 4.0
DISTANCES_PX = (1, 4)
ANGLES = (0.0, math.pi / 4, math.pi / 2, 3 * math.pi / 4)
PAIRS = (
    ("contrast", "steps^2", "mean squared difference"),
    ("dissimilarity", "steps", "mean difference"),
    ("homogeneity", "1", "mean of 1 / (1 + squared difference)"),
    ("energy", "1", "root of the sum of the squared shares of pairs"),
    ("correlation", "1", "correlation"),
    ("entropy", "bits", "entropy of pairs"),
)
STEPS_ARE = f"in {STEPS} steps over +-{REACH:g} robust spreads of the zone"


def _declared(zone: FeatureZone) -> tuple[Feature, ...]:
    patterns = (
        Feature(f"{zone}_lbp{radius}_{name}", unit, zone, "patterns", f"local binary patterns {radius} px away: {says}")
        for radius in RADII_PX
        for name, unit, says in PATTERNS
    )
    pairs = (
        Feature(
            f"{zone}_glcm{distance}_{name}", unit, zone, "pairs", f"{says} of levels {distance} px apart, {STEPS_ARE}"
        )
        for distance in DISTANCES_PX
        for name, unit, says in PAIRS
    )
    return (*patterns, *pairs)


FEATURES: tuple[Feature, ...] = tuple(feature for zone in ZONES for feature in _declared(zone))


def texture_features(zones: FrameZones) -> list[float]:
    """FEATURES of a face, NaN of a zone that is not seen. Needs scikit-image."""
    codes = [local_patterns(zones.light, radius) for radius in RADII_PX]
    pairs = _pairs(zones)
    values: list[float] = []
    for number, name in enumerate(ZONES):
        mask = zones.masks[name]
        if not mask.any():
            values += [math.nan] * (len(RADII_PX) * len(PATTERNS) + len(DISTANCES_PX) * len(PAIRS))
            continue
        for code in codes:
            values += _of_patterns(np.bincount(code[mask], minlength=NEIGHBOURS + 2))
        values += _of_pairs(pairs[number])
    return values


@lru_cache(maxsize=1)
def _uniform_codes() -> Labels:
    """(256,) for eight bits around a circle how many are set; NEIGHBOURS + 1 where they change more than twice."""
    bits = (np.arange(256)[:, None] >> np.arange(NEIGHBOURS)) & 1
    changes = (bits != np.roll(bits, 1, axis=1)).sum(axis=1)
    return np.where(changes <= 2, bits.sum(axis=1), NEIGHBOURS + 1).astype(np.uint8)


def local_patterns(light: FloatImage, radius_px: int) -> Labels:
    """(n, n) uint8, 0..9, as local_binary_pattern of scikit-image names them ("uniform"), in a tenth of its time."""
    padded = cv2.copyMakeBorder(light, radius_px, radius_px, radius_px, radius_px, cv2.BORDER_REPLICATE)
    least = light - np.float32(ALIKE)
    bits = np.zeros(light.shape, np.uint8)
    for number in range(NEIGHBOURS):
        turn = 2 * math.pi * number / NEIGHBOURS
        across, down = radius_px * math.cos(turn), -radius_px * math.sin(turn)
        bits |= (_moved(padded, across, down, radius_px, light.shape) >= least).astype(np.uint8) << number
    return _uniform_codes()[bits]


def _moved(padded: FloatImage, across: float, down: float, pad: int, shape: tuple[int, ...]) -> FloatImage:
    """The picture as seen from so far away, between pixels by bilinear interpolation."""
    left, top = math.floor(across + 1e-6), math.floor(down + 1e-6)
    right, below = np.float32(max(across - left, 0)), np.float32(max(down - top, 0))

    def part(x: int, y: int) -> FloatImage:
        return padded[pad + top + y : pad + top + y + shape[0], pad + left + x : pad + left + x + shape[1]]

    if right < 1e-5 and below < 1e-5:
        return part(0, 0)
    upper = part(0, 0) + right * (part(1, 0) - part(0, 0))
    return upper + below * (part(0, 1) + right * (part(1, 1) - part(0, 1)) - upper)


def _of_patterns(count: NDArray[np.intp]) -> list[float]:
    share = count / count.sum()
    return [_entropy_bits(share), float(share[-1]), float(share[3:6].sum()), float(share[0] + share[8])]


def _entropy_bits(share: NDArray[np.float64]) -> float:
    some = share[share > 0]
    return float(-(some @ np.log2(some)))


def _pairs(zones: FrameZones) -> list[NDArray[np.float64]]:
    """Of each zone (STEPS, STEPS, n_distance) shares of pairs of levels; a pair of two zones counts in neither."""
    from skimage.feature import graycomatrix

    coded = np.zeros(zones.light.shape, np.uint8)
    for number, name in enumerate(ZONES):
        mask = zones.masks[name]
        if mask.any():
            coded[mask] = 1 + number * STEPS + _steps(zones.apart[mask])
    counted = graycomatrix(coded, DISTANCES_PX, ANGLES, 1 + len(ZONES) * STEPS)  # type: ignore[no-untyped-call]
    counted = counted.sum(axis=3).astype(np.float64)
    found = []
    for number in range(len(ZONES)):
        own = slice(1 + number * STEPS, 1 + (number + 1) * STEPS)
        block = counted[own, own] + counted[own, own].transpose(1, 0, 2)
        found.append(block / np.maximum(block.sum(axis=(0, 1)), 1))
    return found


def _steps(values: FloatImage) -> Labels:
    spread = max(robust_spread(values), ALIKE)
    share = (values - np.median(values)) / (2 * REACH * spread) + 0.5
    return np.clip(share * STEPS, 0, STEPS - 1).astype(np.uint8)


def _of_pairs(shares: NDArray[np.float64]) -> list[float]:
    from skimage.feature import graycoprops

    table = shares[..., None]
    named = [graycoprops(table, name)[:, 0] for name, *_ in PAIRS[:-1]]  # type: ignore[no-untyped-call]
    return [
        value
        for k in range(len(DISTANCES_PX))
        for value in (*(float(one[k]) for one in named), _entropy_bits(shares[..., k].ravel()))
    ]
