"""Linear enhancement: zero-mean oriented line detectors, both signs, several lengths."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import FloatImage, Residual

Field: TypeAlias = NDArray[np.int16]


def detect(
    residual: Residual,
    *,
    lengths_px: Sequence[int],
    directions: int,
    branch_px: int,
    clip_snr: float,
    gamma: float,
    min_share: float,
) -> FloatImage:
    """Scratches by the mean along a line less the mean of the two lines beside it.

    Parameters
    ----------
    residual : window of the picture; `snr` is read
    lengths_px : lengths of the line, powers of two (a line of 2^k pixels is k shifted additions)
    directions : number of orientations over 180 degrees
    branch_px : distance of the side branches
    clip_snr : the residual is clipped at this many sigmas, so that blobs cannot win
    gamma : threshold of the response, in its own robust standard deviations
    min_share : share of the line's pixels that must depart in the same sense

    Returns
    -------
    (h, w) float32, 1 where it supports a mark, else 0

    Notes
    -----
    After the linear enhancement inspector of Mei et al., Sensors 18(5):1408, 2018, DOI 10.3390/s18051408; the response
    f_line - (f_left + f_right) / 2 has zero mean, so brightness does not move it.
    """
    flat = np.rint(np.clip(residual.snr, -clip_snr, clip_snr) * UNIT).astype(np.int16)
    # as far as a sum reaches, with what rounding adds; to the right the next row's margin is this one's, too
    margin = max(lengths_px) // 2 + max(lengths_px).bit_length() // 2 + branch_px + 1
    padded = cv2.copyMakeBorder(flat, margin, margin, margin, 0, cv2.BORDER_CONSTANT, value=0)
    found = np.zeros(flat.size, bool)
    for angle in np.arange(directions) * (math.pi / directions):
        pixels = _less_branches(padded, float(angle), branch_px)
        for steps, sums in _along(pixels, float(angle), sorted(lengths_px)):
            response = np.abs(sums[margin:-margin, margin:])
            spread = MAD_TO_SIGMA * _median(response[::8, ::8])
            strong = np.flatnonzero(response > math.floor(gamma * max(spread, 1.0)))
            strong = strong[~found[strong]]
            y, x = np.divmod(strong, flat.shape[1])
            # of the few strong ones alone: summed everywhere, the sense takes as long as the response
            line = pixels.ravel()[((y + margin) * pixels.shape[1] + x + margin)[:, None] + steps]
            sense = np.abs(np.clip(line, -UNIT, UNIT).sum(axis=1))
            found[strong[sense > min_share * len(steps) * UNIT]] = True
    return found.reshape(flat.shape).astype(np.float32)


def _median(sizes: Field) -> float:
    """Of whole numbers from 0 on, by counting them: in half of the time of np.median."""
    below = np.cumsum(np.bincount(sizes.ravel()))
    middle = np.searchsorted(below, [(sizes.size - 1) // 2, sizes.size // 2], side="right")
    return float(middle.sum()) / 2


# Whole numbers halve the memory that the additions move: fortieths of a sigma, at most 64 px x 2 x 6 sigma of them.
UNIT = 40
MAD_TO_SIGMA = 1.4826


def _less_branches(padded: Field, angle: float, branch_px: int) -> Field:
    """Each pixel less the mean of the two beside it, across the line."""
    across = (round(-branch_px * math.sin(angle)), round(branch_px * math.cos(angle)))
    beside = _pair_sum(padded, across, (-across[0], -across[1]))
    beside >>= 1
    return np.subtract(padded, beside, out=beside)


def _along(pixels: Field, angle: float, lengths: Sequence[int]) -> Iterator[tuple[NDArray[np.intp], Field]]:
    """For each length along one direction, how far its pixels lie from the middle, all rows as one, and their sum."""
    length, steps, sums = 1, np.zeros(1, np.intp), pixels
    while length < lengths[-1]:
        half = (length * math.cos(angle) / 2, length * math.sin(angle) / 2)
        ahead = math.floor(half[0] + 0.5), math.floor(half[1] + 0.5)
        back = math.floor(0.5 - half[0]), math.floor(0.5 - half[1])
        sums = _pair_sum(sums, ahead, back)
        steps = np.concatenate([steps - (dy * pixels.shape[1] + dx) for dx, dy in (ahead, back)])
        length *= 2
        if length in lengths:
            yield steps, sums


def _pair_sum(image: Field, first: tuple[int, int], second: tuple[int, int]) -> Field:
    """Sum of the picture moved by two whole-pixel steps (x, y), as one addition over all rows in a line.

    What leaves a row comes in at the other end of the next: the margin around the picture takes it.
    """
    steps = [dy * image.shape[1] + dx for dx, dy in (first, second)]
    reach = max(map(abs, steps))
    flat, out = image.ravel(), np.empty(image.size, image.dtype)
    out[:reach] = out[image.size - reach :] = 0  # within the margin
    one, other = (flat[reach - step : image.size - reach - step] for step in steps)
    np.add(one, other, out=out[reach : image.size - reach])
    return out.reshape(image.shape)
