"""How fine the texture of a zone is, and how it goes around the fiber: features of a face.

Spectra along the radius of the frequency plane and around the fiber, and the energies of a pyramid of Gaussians (P. J.
Burt, E. H. Adelson, "The Laplacian Pyramid as a Compact Image Code", 1983, DOI 10.1109/TCOM.1983.1095851).
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.image_processing.face_frame import radii_px
from dscope_blink.image_processing.frame_zones import ZONES, FrameZones
from dscope_blink.records import FloatImage, Mask
from dscope_blink.records.features import Feature, FeatureZone

PERIODS_PX = (2, 4, 8, 16, 32)
SECTORS = 64  # around the fiber
HARMONICS = ((1, 1), (2, 2), (3, 3), (4, 4), (5, 8), (9, 16))
SIGMAS_PX = (1.0, 2.0, 4.0, 8.0)
LEAST = 1e-12  # of squared light: below it there is nothing but rounding, and no logarithm
LEAST_OF_SECTOR = 3  # pixels


def _declared(zone: FeatureZone) -> tuple[Feature, ...]:
    log = "log10 of light^2"
    radial = (
        Feature(f"{zone}_period{low}", log, zone, "spectrum", f"power in periods of {low} to {high} px")
        for low, high in pairwise(PERIODS_PX)
    )
    around = (
        Feature(
            f"{zone}_around{low}", log, zone, "around", f"power of {_times(low, high)} around the fiber, ring means out"
        )
        for low, high in HARMONICS
    )
    pyramid = (
        Feature(f"{zone}_pyramid{k}", log, zone, "pyramid", f"mean square between Gaussians of {low:g} and {high:g} px")
        for k, (low, high) in enumerate(pairwise((0.0, *SIGMAS_PX)))
    )
    return (*radial, *around, *pyramid)


def _times(low: int, high: int) -> str:
    return f"{low} wave{'s' if low > 1 else ''}" if low == high else f"{low} to {high} waves"


FEATURES: tuple[Feature, ...] = tuple(feature for zone in ZONES for feature in _declared(zone))
PER_ZONE = len(FEATURES) // len(ZONES)


def wave_features(zones: FrameZones) -> list[float]:
    """FEATURES of a face, NaN of a zone that is not seen."""
    blurred = [zones.apart, *(cv2.GaussianBlur(zones.apart, (0, 0), sigma) for sigma in SIGMAS_PX)]
    bands = [fine - coarse for fine, coarse in pairwise(blurred)]
    values: list[float] = []
    for name in ZONES:
        mask = zones.masks[name]
        if not mask.any():
            values += [math.nan] * PER_ZONE
            continue
        values += _radial(zones.apart, mask)
        values += _around(zones.apart[mask], _sectors(zones.radius_px)[mask])
        values += [_log(float(np.mean(np.square(band[mask])))) for band in bands]
    return values


def _log(power: float) -> float:
    return math.log10(max(power, LEAST))


def _radial(apart: FloatImage, mask: Mask) -> list[float]:
    """Power per pixel of the zone in each octave of frequency."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    inside = mask[box]
    values = np.where(inside, apart[box] - apart[mask].mean(), np.float32(0))
    side = cv2.getOptimalDFTSize(max(values.shape))
    padded = np.zeros((side, side), np.float32)
    padded[: values.shape[0], : values.shape[1]] = values
    spectrum = cv2.dft(padded, flags=cv2.DFT_COMPLEX_OUTPUT, nonzeroRows=values.shape[0])
    power = (spectrum[..., 0] ** 2 + spectrum[..., 1] ** 2).ravel()
    sums = np.bincount(_octaves(side).ravel(), weights=power, minlength=len(PERIODS_PX) + 1)
    scale = side * side * float(np.count_nonzero(inside))
    return [_log(float(total) / scale) for total in sums[1 : len(PERIODS_PX)]]


@lru_cache(maxsize=16)
def _octaves(side: int) -> NDArray[np.intp]:
    """(side, side) which octave of period a frequency lies in, from 1; 0 and the last: finer and coarser."""
    along = np.fft.fftfreq(side)
    frequency = np.maximum(np.hypot(along, along[:, None]), 1e-9)
    return np.searchsorted(np.asarray(PERIODS_PX, np.float64), 1 / frequency, side="right").astype(np.intp)


@lru_cache(maxsize=4)
def _sectors(radius_px: int) -> NDArray[np.intp]:
    """(n, n) which sector around the middle of the frame a pixel lies in."""
    half = len(radii_px(radius_px)) // 2
    along = np.arange(-half, half + 1, dtype=np.float64)
    turn = np.arctan2(along[:, None], along[None, :]) / (2 * math.pi)
    return np.mod(np.floor(turn * SECTORS + 0.5), SECTORS).astype(np.intp)


def _around(apart: FloatImage, sectors: NDArray[np.intp]) -> list[float]:
    """Power of waves around the fiber in the means of sectors; one that is not seen counts as the mean of all."""
    count = np.bincount(sectors, minlength=SECTORS)
    sums = np.bincount(sectors, weights=apart, minlength=SECTORS)
    seen = count >= LEAST_OF_SECTOR
    means = np.where(seen, sums / np.maximum(count, 1), 0.0)
    means[seen] -= means[seen].mean() if seen.any() else 0.0
    power = np.abs(np.fft.rfft(means) / SECTORS) ** 2 * 2
    return [_log(float(power[low : high + 1].sum())) for low, high in HARMONICS]
