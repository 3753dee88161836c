"""Where on a face its marks weigh: a heat map of merged marks by their severity and confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import FloatImage, MergedMark, Points
from dscope_blink.reporting.drawing import SHIFT, fixed
from dscope_blink.reporting.face_box import Part

_SMALL_CELLS = 2.0  # a mark that is no larger lies at one place


def heat_map(
    marks: Sequence[MergedMark],
    part: Part,
    shape: tuple[int, int],
    sigma_px: tuple[float, float],
    weights: Mapping[str, float],
) -> FloatImage:
    """How much the marks of each cell of a part of the picture weigh, spread by a Gaussian.

    Each mark has the weight of its severity times its confidence, shared evenly among the cells that it covers. None
    of it is lost at the border of the part: what the Gaussian would carry beyond is mirrored.

    Parameters
    ----------
    marks : those whose centroids lie in the part
    part : left, top, right, bottom in pixels of the picture, the last two beyond it
    shape : rows and columns of the cells that it is divided into
    sigma_px : standard deviation of the Gaussian along x and y, in pixels of the picture
    weights : by severity

    Returns
    -------
    (rows, columns) float32; its sum is the sum of the weights
    """
    left, top, right, bottom = part
    cells_per_px = np.array([shape[1] / (right - left), shape[0] / (bottom - top)])
    laid, small = np.zeros(shape, np.float32), list[tuple[Points, float]]()
    points, starts = end_to_end([mark.outline_px for mark in marks])
    cells = (points + 0.5 - part[:2]) * cells_per_px - 0.5  # centres at integers, as those of pixels are
    extents = (np.maximum.reduceat(cells, starts) - np.minimum.reduceat(cells, starts)).max(axis=1) if marks else ()
    for mark, path, extent in zip(marks, np.split(cells, starts[1:]), extents, strict=False):
        weight = weights[mark.severity] * mark.defect.confidence
        if extent <= _SMALL_CELLS or not _lay(laid, path, weight):
            small.append((path.mean(axis=0), weight))
    _lay_small(laid, small)
    sigma_x, sigma_y = (np.array(sigma_px) * cells_per_px).tolist()
    blurred = cv2.GaussianBlur(laid, (0, 0), sigma_x, sigmaY=sigma_y, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, dtype=np.float32)


def end_to_end(outlines: Sequence[Points]) -> tuple[Points, NDArray[np.int64]]:
    """All points after each other, and where each outline begins: ten thousand are worked on at once."""
    starts = np.cumsum([0, *map(len, outlines)])[:-1]
    return np.concatenate([np.empty((0, 2)), *outlines]), starts


def _lay(laid: FloatImage, path: Points, weight: float) -> bool:
    """Share a weight among the cells within an outline; whether there are any."""
    low = np.maximum(np.floor(path.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(path.max(axis=0)).astype(int) + 1, laid.shape[::-1])
    if (low >= high).any():
        return False
    inside = np.zeros((high - low)[::-1], np.uint8)
    cv2.fillPoly(inside, [fixed(path - low)], 1, cv2.LINE_8, SHIFT)
    total = int(inside.sum())
    if total:
        laid[low[1] : high[1], low[0] : high[0]] += inside * np.float32(weight / total)
    return total > 0


def _lay_small(laid: FloatImage, small: Sequence[tuple[Points, float]]) -> None:
    """Each weight among the four cells around its place, so that their middle is there."""
    if not small:
        return
    last = np.array(laid.shape[::-1]) - 1
    places = np.clip(np.array([place for place, _ in small]), 0, last)
    weights = np.array([weight for _, weight in small])
    corner = np.minimum(np.floor(places).astype(int), np.maximum(last - 1, 0))
    x, y = (places - corner).T
    for right, down, share in ((0, 0, (1 - x) * (1 - y)), (1, 0, x * (1 - y)), (0, 1, (1 - x) * y), (1, 1, x * y)):
        at = np.minimum(corner + np.array([right, down]), last)
        np.add.at(laid, (at[:, 1], at[:, 0]), (weights * share).astype(np.float32))
