"""The outline of a mark between the pixels, at half of its height: there a blurred border lies where it truly is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.analysis.through_blur import LEVEL
from dscope_blink.config.settings import Config
from dscope_blink.records import Candidate, FloatImage, Mask, Points, Residual

LEAST_AREA_PX = 1.0
NEAR_PX = 2  # of a faint mark the search cuts the border off
BEYOND_PX = 3  # around a mark, so that smoothing sees what is beside it
SMALLEST_SHARE = 0.75  # mean over peak of what is above half of a Gaussian
MOST_PIECES = 8  # that are tied one by one
RIM = 0.4  # blurs: what the border takes from the sum of a mark above half its height, 1 / sqrt(2 pi)


@dataclass(frozen=True, slots=True)
class SeenOutline:
    """Where a mark falls to half of its height, in pixels of the working picture."""

    points: Points  # (N, 2) x, y: the one outline around all its pieces
    area: float  # of its pieces, without their holes
    short: float = 0.0  # by how much the points lie too near to each other on either axis: those in pixels, by one
    holes: tuple[Points, ...] = ()  # (N, 2) x, y: what lies within the outline and is no part of the mark


def mask_outline(candidate: Candidate, join_px: int) -> SeenOutline:
    """The outline along the pixels of a mark, as the search cut it out."""
    x, y, _, _ = candidate.bbox_px
    corner = np.array([x - 1.0, y - 1.0])
    region = _closed(candidate.mask, join_px)
    holes = tuple(hole + corner for hole in _outlines(_whole(region) - region) if _is_wide(hole))
    return SeenOutline(_around(region) + corner, float(np.count_nonzero(candidate.mask)), short=1.0, holes=holes)


def seen_outline(candidate: Candidate, field: Residual, config: Config) -> SeenOutline:
    """The outline of a mark at half of its height above the background.

    Parameters
    ----------
    candidate : what the search cut out; the mark is sought in it and NEAR_PX around it
    field : residual that it was found on
    config : smoothing of the search, and how far off a peak counts as that of a place

    Returns
    -------
    Of a mark of even contrast this is its true outline where that is wide beside the blur; where it is not, see
    `disc_diameter` and `line_width`
    """
    (x0, y0), height, mask = _height(candidate, field, config)
    near = cv2.dilate(mask.astype(np.uint8), np.ones((2 * NEAR_PX + 1, 2 * NEAR_PX + 1), np.uint8))
    local = cv2.dilate(height * near, np.ones((config.fusion.peak_px, config.fusion.peak_px), np.uint8))
    over = height - LEVEL * np.minimum(local, _plateau(height, mask, field.blur_px))
    region = ((over > 0) & (near > 0)).astype(np.uint8)
    if not region.any():
        return mask_outline(candidate, config.measurement.join_px)
    holes = ((_whole(region) > region) & ~mask).astype(np.uint8)
    over = cv2.copyMakeBorder(np.where(near > 0, over, -np.abs(over)), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    outlines = _outlines(region)
    if len(outlines) > MOST_PIECES:  # a stain: what ties them is part of it
        region |= mask
        outlines = _outlines(region)
    pieces = [_crossing(piece, over) for piece in outlines]
    points = pieces[0] if len(pieces) == 1 else _crossing(_around(region), over)
    area = float(sum(cv2.contourArea(piece.astype(np.float32)) for piece in pieces) - np.count_nonzero(holes))
    if area < LEAST_AREA_PX:  # no more than a point or a thread is left of it
        return mask_outline(candidate, config.measurement.join_px)
    corner = np.array([x0, y0], np.float64)
    inner = tuple(_crossing(hole, -over) + corner for hole in _outlines(holes) if _is_wide(hole))
    return SeenOutline(points + corner, area, holes=inner)


def _is_wide(hole: Points) -> bool:
    """Whether a hole is more than a point or a thread."""
    return cv2.contourArea(hole.astype(np.float32)) >= LEAST_AREA_PX


def _crossing(points: Points, over: FloatImage) -> Points:
    """Border pixels of a region moved to where `over` falls to zero between them and their neighbours.

    `over` has a border of one pixel more than the region on all sides.
    """
    x, y = points.astype(np.intp).T + 1
    here, there = over[y, x], over[y + BESIDE_Y, x + BESIDE_X]
    outside = (here > 0) & (there <= 0)  # (4, points)
    share = np.divide(here, here - there, out=np.zeros(there.shape, np.float32), where=outside).astype(np.float64)
    count = np.maximum(np.count_nonzero(outside, axis=0), 1)
    return points + np.stack([(share[0] - share[1]) / count, (share[2] - share[3]) / count], axis=1)


BESIDE_X, BESIDE_Y = np.array([[1], [-1], [0], [0]]), np.array([[0], [0], [1], [-1]])


def moved_inwards(points: Points, by: float) -> Points:
    """An outline every point of which lies so much further inside, across its direction there."""
    ahead = np.roll(points, -AHEAD, axis=0) - np.roll(points, AHEAD, axis=0)
    length = np.maximum(np.hypot(*ahead.T), 1e-9)[:, None]
    x, y = points.T
    side = 1.0 if float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) >= 0 else -1.0
    return points + side * by * np.stack([-ahead[:, 1], ahead[:, 0]], axis=1) / length


AHEAD = 2  # points of an outline, a pixel apart, over which its direction is taken


def _height(candidate: Candidate, field: Residual, config: Config) -> tuple[tuple[int, int], FloatImage, Mask]:
    """Corner in the working picture, how far the mark stands out relative to the background, and its mask there."""
    (x, y, w, h), (ox, oy) = candidate.bbox_px, field.origin_px
    rows, columns = field.gray.shape
    left, top = min(x - ox, BEYOND_PX), min(y - oy, BEYOND_PX)
    right, bottom = min(columns - (x - ox) - w, BEYOND_PX), min(rows - (y - oy) - h, BEYOND_PX)
    here = np.s_[y - oy - top : y - oy + h + bottom, x - ox - left : x - ox + w + right]
    smooth = cv2.GaussianBlur(field.gray[here], (0, 0), config.residual.smooth_px)
    height = np.abs(smooth / np.maximum(field.background[here], config.measurement.darkest_level))
    mask = cv2.copyMakeBorder(candidate.mask.view(np.uint8), top, bottom, left, right, cv2.BORDER_CONSTANT).view(bool)
    return (x - left, y - top), height, mask


def _plateau(height: FloatImage, mask: Mask, blur_px: float) -> float:
    """Height of a mark without the noise on top of it: from the mean of what is above half of its peak."""
    peak = float(height[mask].max())
    above = mask & (height > LEVEL * peak)
    outlines, _ = cv2.findContours(above.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    border = sum(cv2.arcLength(outline, True) + np.pi for outline in outlines)
    share = max(1 - RIM * blur_px * border / np.count_nonzero(above), SMALLEST_SHARE)
    return min(peak, float(height[above].mean()) / share)


def _whole(region: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A region without holes."""
    outlines, _ = cv2.findContours(region, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(region.copy(), outlines, -1, 1, cv2.FILLED)


def _outlines(region: NDArray[np.uint8]) -> list[Points]:
    """Border pixels of each piece."""
    outlines, _ = cv2.findContours(region, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [outline.reshape(-1, 2).astype(np.float64) for outline in outlines]


def _closed(mask: Mask, join_px: int) -> NDArray[np.uint8]:
    """The pieces of one mark as one region, padded by a pixel."""
    pad = join_px + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * join_px + 1, 2 * join_px + 1))
    padded = cv2.copyMakeBorder(mask.view(np.uint8), pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel) | padded
    return np.ascontiguousarray(closed[pad - 1 : -pad + 1, pad - 1 : -pad + 1])


def _around(region: NDArray[np.uint8]) -> Points:
    """The one outline around all pieces of a region; what is apart is tied to its neighbour by a thin line."""
    tied = region.copy()
    while True:
        outlines = _outlines(tied)
        if len(outlines) == 1:
            return outlines[0]
        least, *others = sorted(outlines, key=len)
        cv2.line(tied, *_nearest(least, np.concatenate(others)), 1)


def _nearest(piece: Points, rest: Points) -> tuple[list[int], list[int]]:
    """The two points, x and y, at which a piece is nearest to the rest.

    Only what lies about as near to every eighth of its points as anything does can be nearest, and OpenCV keeps no
    table of all pairs: a stain of 110 pieces with outlines of 17000 points took 3 s and a gigabyte by that table.
    """
    by_few = np.sqrt(_to_nearest(rest, piece[::EVERY])[0])
    rest = rest[by_few <= by_few.min() + EVERY * math.sqrt(2)]
    apart, index = _to_nearest(piece, rest)
    here = int(apart.argmin())
    return piece[here].astype(int).tolist(), rest[index[here]].astype(int).tolist()


EVERY = 8  # points of an outline; the next one lies beside each, at most a diagonal away


def _to_nearest(points: Points, others: Points) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Of each point: the square of the distance to the nearest of the others, exact in whole pixels, and its index."""
    apart, index = cv2.batchDistance(
        points.astype(np.float32), others.astype(np.float32), cv2.CV_32F, normType=cv2.NORM_L2SQR, K=1
    )
    return apart[:, 0], index[:, 0]
