"""Whether a blurred ruling is one of long ticks alone, between which shorter ones have merged: a scale of another unit.

A stage micrometer has a longer tick at each fifth. Out of focus by a quarter of a tick and more, its ticks merge while
the long ones still stand apart, and these make a ruling of their own that fits to the thousandth, with five times the
distance. What has merged still swings weakly at a multiple of its frequency, and along the short ticks more than it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import FloatImage, Mask

MULTIPLES = range(2, 11)  # ticks between two long ones are five or ten
STRIPS = 12  # across the band: the short ticks fill some of them, or all
MIN_BLUR = 0.15  # of the finer distance; ticks less blurred than that are plainly seen
MIN_SWING = 6.0  # in standard deviations of what noise gives


def has_finer_ticks(gray: FloatImage, band: Mask, wave: NDArray[np.float64], blur_share: float, noise: float) -> bool:
    """Whether somewhere across the ruling a multiple of its frequency swings more than that itself.

    The transform of one ruling of equal ticks falls with frequency, the more so the more it is blurred.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    band : (H, W) where the ruling lies
    wave : (2,) ticks per pixel
    blur_share : blur in distances from one tick to the next
    noise : of a pixel, grey levels
    """
    multiples = [k for k in MULTIPLES if k * blur_share >= MIN_BLUR]
    y, x = np.nonzero(band)
    along, across = wave[0] * x + wave[1] * y, wave[0] * y - wave[1] * x
    ends = np.quantile(across, np.linspace(0, 1, STRIPS + 1)[1:-1])
    strip = np.searchsorted(ends, across)
    place = (along - along.min()) / np.ptp(along)
    window = np.sin(np.pi * place) ** 2  # light that is uneven along the ruling does not leak into its multiples
    weight = np.bincount(strip, window, STRIPS)
    value = gray[y, x].astype(np.float64)
    value = value - (np.bincount(strip, window * value, STRIPS) / weight)[strip]

    def swing(k: int) -> NDArray[np.float64]:
        turned = window * value * np.exp(-2j * np.pi * k * along)
        return np.asarray(np.hypot(*(np.bincount(strip, part, STRIPS) for part in (turned.real, turned.imag))) / weight)

    sure = MIN_SWING * noise * np.sqrt(np.bincount(strip, window**2, STRIPS)) / weight
    itself = swing(1)
    return any(bool(np.any(swing(k) > np.maximum(itself, sure))) for k in multiples)
