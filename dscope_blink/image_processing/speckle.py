"""Laser speckle: grains that coherent light makes on any surface, however clean, and no marks.

Where the light of a laser reaches a face, its intensity is that of a random sum of waves: grains of one width, a few
times the blur of the optics, whose levels follow a gamma distribution, skewed towards bright ones, and no place of the
lit region is without them. Goodman, "Speckle Phenomena in Optics", 2007, chapters 3 and 4. Dirt has places without it,
and sizes of its own.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from dscope_blink.image_processing.fiber_coordinates import box_of
from dscope_blink.records import Ellipse, FiberGeometry, FloatImage, Mask, Notice, notice, to_form

# Of 400 rendered cores covered with dirt none met all of these; of 60 with speckle of gamma distribution, 60.
LEAST_CONTRAST = 0.12  # standard deviation over mean; texture of photographs without laser light: up to 0.1
WIDEST_BLURS = 4.5  # half width of the correlation: that of dirt is its own size
LEAST_NEAR, MOST_FAR = 0.3, 0.2  # correlation of neighbours: noise has none; and of what is three grains apart
LEAST_EVEN = 0.6  # local contrast that nine tenths of the region have, over the typical one
LEAST_LOCAL = 0.75  # typical local contrast over that of the region: what lies in one place alone has less
LEAST_SKEWNESS = -0.2
# Excess kurtosis less the squared skewness: -2 for two levels, as what dirt covers has, 0 for a normal distribution and
# half the squared skewness for a gamma one, of which saturation takes some (Pearson, "Contributions to the mathematical
# theory of evolution II", 1895, DOI 10.1098/rsta.1895.0010).
LEAST_ABOVE_TWO_LEVELS = -0.4
LEAST_GRAINS = 30
CORE_SHARE, CLADDING_SHARE = 0.9, 0.93  # of their radii: what lies within their blurred edges


def find_speckle(gray: FloatImage, geometry: FiberGeometry) -> tuple[Notice, ...]:
    """What there is to say of laser speckle in core or cladding.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    geometry : the located fiber
    """
    cladding = geometry.cladding
    (cx, cy), (w, h) = cladding.ellipse.center_px, cladding.ellipse.extent_px
    origin = (max(round(cx - w / 2), 0), max(round(cy - h / 2), 0))
    gray = gray[origin[1] : round(cy + h / 2), origin[0] : round(cx + w / 2)]
    outer = _disc(gray, origin, cladding.ellipse.scaled(CLADDING_SHARE))
    regions = {"cladding": outer}
    if geometry.core is not None:
        core = geometry.core.ellipse
        regions = {
            "core": outer & _disc(gray, origin, core.scaled(CORE_SHARE)),
            "cladding": outer & ~_disc(gray, origin, core.scaled(2 - CORE_SHARE)),
        }
    for name, region in regions.items():
        contrast = _speckle_contrast(gray, region, cladding.blur_px)
        if contrast is not None:
            text = f"the {name} is full of grains of {contrast:.0%} contrast; use an incoherent source"
            return (notice("speckle", text),)
    return ()


def _disc(gray: FloatImage, origin: tuple[int, int], ellipse: Ellipse) -> Mask:
    cx, cy, p, q, s = map(np.float32, to_form(ellipse))
    x = np.arange(gray.shape[1], dtype=np.float32) + np.float32(origin[0]) - cx
    y = (np.arange(gray.shape[0], dtype=np.float32) + np.float32(origin[1]) - cy)[:, None]
    inside: Mask = p * x * x + 2 * q * x * y + s * y * y < 1
    return inside


def _speckle_contrast(gray: FloatImage, region: Mask, blur_px: float) -> float | None:
    """Standard deviation over mean of the region; None where it shows no speckle."""
    if not region.any():
        return None
    box = box_of(region)
    levels, inside = gray[box], region[box]
    seen = levels[inside]
    mean = max(float(seen.mean()), 1e-6)
    contrast = float(seen.std()) / mean
    if contrast < LEAST_CONTRAST:
        return None
    off = np.where(inside, levels / mean - 1, 0).astype(np.float32)
    off /= contrast
    skewness, kurtosis = float((off[inside] ** 3).mean()), float((off[inside] ** 4).mean()) - 3
    if skewness < LEAST_SKEWNESS or kurtosis - skewness**2 < LEAST_ABOVE_TWO_LEVELS:
        return None
    return contrast if _is_of_grains(off, inside, blur_px) else None


def _is_of_grains(off: FloatImage, inside: Mask, blur_px: float) -> bool:
    """Whether what departs from the mean, in standard deviations, is grains of one width all over."""
    widest = max(math.floor(WIDEST_BLURS * blur_px), 1)
    near = [_correlation(off, inside, step) for step in range(1, widest + 1)]
    width = next((step for step, value in enumerate(near, 1) if value < HALF), None)
    if width is None or near[0] < LEAST_NEAR or np.count_nonzero(inside) < LEAST_GRAINS * width**2:
        return False
    if abs(_correlation(off, inside, 3 * width)) > MOST_FAR:
        return False
    local = _local_deviation(off, inside, 2 * round(1.5 * width) + 1)
    tenth, typical = (float(np.quantile(local, share)) for share in (0.1, 0.5))
    return bool(tenth > LEAST_EVEN * typical and typical > LEAST_LOCAL)


HALF = 0.5


def _correlation(off: FloatImage, inside: Mask, step: int) -> float:
    """Between pixels that lie so far apart along a row or a column, of those inside; 0 where there are none."""
    pairs = np.count_nonzero(inside[:, step:] & inside[:, :-step]) + np.count_nonzero(inside[step:] & inside[:-step])
    total = float(np.vdot(off[:, step:], off[:, :-step])) + float(np.vdot(off[step:], off[:-step]))
    return total / max(int(pairs), 1)


def _local_deviation(off: FloatImage, inside: Mask, side: int) -> FloatImage:
    """Over the mean level there, in windows of so many pixels that lie mostly inside; (N,)."""
    window = (side, side)
    share = cv2.blur(inside.astype(np.float32), window)
    total, square = cv2.blur(off, window), cv2.blur(off * off, window)
    whole = inside & (share > 0.6)
    mean = total[whole] / share[whole]
    deviation: FloatImage = np.sqrt(np.maximum(square[whole] / share[whole] - mean**2, 0))
    return deviation
