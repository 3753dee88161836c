"""How alike a face and the archetype look, place by place: structural similarity over windows of several sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from dscope_blink.records import FloatImage, Mask

WINDOWS_PX = (16, 32, 64)  # of the frame; scikit-image has odd ones only: each is one pixel wider
LEAST_SEEN = 0.5  # of a window, for its similarity to mean anything


@dataclass(frozen=True, slots=True)
class Similarity:
    """Structural similarity of a face and the archetype: 1 alike, 0 nothing in common."""

    map: FloatImage  # (n, n) float32, mean of the windows around each place; NaN where too little is seen
    whole: float | None  # mean of all windows that are seen; None: there are none


def similarity(light: FloatImage, archetype: FloatImage) -> Similarity:
    """Compare a face with the archetype over half overlapping windows of each size.

    Brightness is taken out first. It is a picture to look at and a number beside the departures: what it calls unlike
    is edges that are shifted or blurred at least as much as marks, so no verdict rests on it.

    Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image Quality Assessment" (2004),
    DOI 10.1109/TIP.2003.819861, eq. 13, with even windows.

    Parameters
    ----------
    light : (n, n) float32, a face in the frame; NaN where it is not seen
    archetype : (n, n) float32, the same

    Returns
    -------
    Similarity; where the face is smaller than a window this size says nothing
    """
    seen = np.isfinite(light) & np.isfinite(archetype)
    span = float(np.ptp(archetype[seen])) if seen.any() else 0.0
    if span == 0:
        return Similarity(np.full(light.shape, np.nan, np.float32), None)
    middle = np.median(archetype[seen])
    face = np.where(seen, light * (middle / np.median(light[seen])), middle).astype(np.float32)
    normal = np.where(seen, archetype, middle).astype(np.float32)
    parts = {w: _windows(face, normal, seen, w, span) for w in WINDOWS_PX if w < min(light.shape)}
    means = [float(part[told].mean()) for part in parts.values() if (told := np.isfinite(part)).any()]
    if not means:
        return Similarity(np.full(light.shape, np.nan, np.float32), None)
    return Similarity(_mapped(parts, seen), sum(means) / len(means))


def _windows(face: FloatImage, normal: FloatImage, seen: Mask, window: int, span: float) -> FloatImage:
    """(m, m) of windows whose centres are half a window apart; what is not seen of both is alike in both."""
    from skimage import metrics

    compare: Callable[..., tuple[float, FloatImage]] = metrics.structural_similarity

    places = tuple(slice(window // 2, side - window // 2, window // 2) for side in face.shape)
    _, alike = compare(face, normal, win_size=window + 1, data_range=span, full=True)
    share = cv2.blur(seen.astype(np.float32), (window + 1, window + 1), borderType=cv2.BORDER_CONSTANT)[places]
    return np.where(share >= LEAST_SEEN, alike[places], np.float32(np.nan)).astype(np.float32)


def _mapped(parts: Mapping[int, FloatImage], seen: Mask) -> FloatImage:
    """Mean over the sizes, between the centres of the windows by how near they are."""
    sums, weights = np.zeros(seen.shape, np.float32), np.zeros(seen.shape, np.float32)
    for window, part in parts.items():
        told = np.isfinite(part)
        weight = _between(told.astype(np.float32), window, seen.shape)
        sums += np.where(weight > 0, _between(np.where(told, part, np.float32(0)), window, seen.shape), np.float32(0))
        weights += weight
    mapped = seen & (weights > LEAST_SEEN)
    return np.where(mapped, sums / np.maximum(weights, LEAST_SEEN), np.float32(np.nan)).astype(np.float32)


def _between(part: FloatImage, window: int, shape: tuple[int, ...]) -> FloatImage:
    step = window // 2
    to_windows = np.array([[1 / step, 0, -1], [0, 1 / step, -1]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(part, to_windows, shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
