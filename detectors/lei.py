"""Linear enhancement: zero-mean oriented line detectors, both signs, several lengths."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from records import FloatImage, Mask, Residual


def detect(
    residual: Residual, *, lengths_px: Sequence[int], directions: int, branch_px: int, clip_snr: float, gamma: float, min_share: float
) -> Mask:
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
    (h, w) bool

    Notes
    -----
    After the linear enhancement inspector of Mei et al., Sensors 18(5):1408, 2018, DOI 10.3390/s18051408; the response
    f_line - (f_left + f_right) / 2 has zero mean, so brightness does not move it.
    """
    flat = np.clip(cv2.GaussianBlur(residual.snr, (0, 0), 0.8), -clip_snr, clip_snr)
    found = np.zeros(flat.shape, bool)
    for angle in np.arange(directions) * (math.pi / directions):
        for response, support in _responses(flat, float(angle), sorted(lengths_px), branch_px):
            spread = 1.4826 * float(np.median(np.abs(response[::4, ::4])))
            found |= (np.abs(response) > gamma * max(spread, 1e-6)) & (np.abs(support) > min_share)
    return found


def _responses(
    flat: FloatImage, angle: float, lengths: Sequence[int], branch_px: int
) -> list[tuple[FloatImage, FloatImage]]:
    """Line response, and mean sense of the line's pixels, for each length along one direction."""
    across = (round(-branch_px * math.sin(angle)), round(branch_px * math.cos(angle)))
    line = flat - (_shifted(flat, *across) + _shifted(flat, -across[0], -across[1])) / 2
    sense = np.clip(line, -1, 1)
    out, length = [], 1
    while length < lengths[-1]:
        step = (length * math.cos(angle) / 2, length * math.sin(angle) / 2)
        line, sense = _doubled(line, step), _doubled(sense, step)
        length *= 2
        if length in lengths:
            out.append((line, sense))
    return out


def _doubled(image: FloatImage, step: tuple[float, float]) -> FloatImage:
    """Mean of the picture moved half a length forward and half a length back."""
    dx0, dy0 = math.floor(step[0] + 0.5), math.floor(step[1] + 0.5)
    dx1, dy1 = math.floor(-step[0] + 0.5), math.floor(-step[1] + 0.5)
    return (_shifted(image, dx0, dy0) + _shifted(image, dx1, dy1)) / 2


def _shifted(image: FloatImage, dx: int, dy: int) -> FloatImage:
    """The picture moved by whole pixels, zeros where nothing came from."""
    h, w = image.shape
    out = np.zeros_like(image)
    if abs(dx) < w and abs(dy) < h:
        out[max(dy, 0) : h + min(dy, 0), max(dx, 0) : w + min(dx, 0)] = image[
            max(-dy, 0) : h + min(-dy, 0), max(-dx, 0) : w + min(-dx, 0)
        ]
    return out
