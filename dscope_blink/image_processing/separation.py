"""Marked pixels -> marks: what lies between two peaks of the residual tells whether they are one or two.

Two peaks are two marks where the saddle between them, the highest way from one to the other, lies clearly below the
lower of them: by the noise, and by a share of it. The noise cannot break a faint line then, nor the structure of a
stain, which has no calm ground in it; a gap that the optics show does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import FloatImage, Mask

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Peaks:
    """The marked ground, each pixel of it led up to a peak, and the peaks that are one mark.

    Places are indices into the flattened picture; peaks and marks are counted from 0.
    """

    place: Indices  # (pixels,) of the ground
    upward: Indices  # (pixels,) the highest pixel beside it or itself; as index into `place`
    peak: Indices  # (pixels,) to which peak the way up leads
    mark: Indices  # (peaks,) which belong together
    height: NDArray[np.float32]  # (marks,) of the highest peak
    saddles: Indices  # (saddles, 2) the two pixels of each saddle that joins peaks; as indices into `place`

    def labels(self, shape: tuple[int, ...]) -> NDArray[np.int32]:
        """1 + mark at each pixel of the ground, 0 beyond; (h, w)."""
        labels = np.zeros(shape, np.int32)
        labels.ravel()[self.place] = self.mark[self.peak] + 1
        return labels


def find_peaks(height: FloatImage, ground: Mask, min_drop: float, max_saddle: float) -> Peaks:
    """Lead all pixels of the ground up to their peaks, and tell which of these are one mark.

    Parameters
    ----------
    height : (h, w) in standard deviations of the noise
    ground : (h, w) bool, the pixels that may belong to a mark, and the way from one to another
    min_drop : how far the saddle between two marks lies below the lower of them
    max_saddle : share of the lower one above which the saddle does not part them

    Notes
    -----
    Topological persistence of peaks: Edelsbrunner, Letscher and Zomorodian, "Topological persistence and
    simplification", Discrete & Computational Geometry 28, 2002, DOI 10.1007/s00454-002-2885-2.
    """
    place = np.flatnonzero(ground)
    level = height.ravel()[place]
    order = np.argsort(level, kind="stable")
    rank = np.zeros(height.shape, np.float32)  # whole numbers, exact up to 16 million; no two pixels are equally high
    rank.ravel()[place[order]] = np.arange(1, len(place) + 1, dtype=np.float32)
    around = cv2.dilate(rank, np.ones((3, 3), np.uint8)).ravel()[place]
    upward = order[around.astype(np.intp) - 1]
    top = upward
    while not np.array_equal(top, further := top[top]):
        top = further
    tops, peak = np.unique(top, return_inverse=True)
    sides, saddles = _saddles(rank, place, order, peak)
    mark, joining = _joined(level[tops].tolist(), level[saddles].min(axis=1).tolist(), sides, min_drop, max_saddle)
    highest = np.zeros(int(mark.max(initial=-1)) + 1, np.float32)
    np.maximum.at(highest, mark, level[tops])
    return Peaks(place, upward, peak, mark, highest, saddles[joining])


def _saddles(rank: FloatImage, place: Indices, order: Indices, peak: Indices) -> tuple[Indices, Indices]:
    """The highest way from each peak to its neighbours: both peaks, and both pixels; (n, 2) each, the highest first."""
    width = rank.shape[1]
    flat = np.concatenate([rank.ravel(), np.zeros(width + 2, np.float32)])
    one, other = [], []
    column = place % width
    for dx, dy in ((1, 0), (-1, 1), (0, 1), (1, 1)):
        beside = flat[place + dy * width + dx].astype(np.intp) - 1
        seen = np.flatnonzero((beside >= 0) & (column + dx >= 0) & (column + dx < width))
        neighbour = order[beside[seen]]
        parted = peak[seen] != peak[neighbour]
        one.append(seen[parted])
        other.append(neighbour[parted])
    pixels = np.stack([np.concatenate(one), np.concatenate(other)], axis=1)
    ranks = rank.ravel()[place]
    pixels = pixels[np.argsort(-ranks[pixels].min(axis=1), kind="stable")]
    sides = np.sort(peak[pixels], axis=1)
    _, first = np.unique(sides[:, 0] * (int(peak.max(initial=0)) + 1) + sides[:, 1], return_index=True)
    first.sort()
    return sides[first], pixels[first]


def _joined(
    peaks: Sequence[float], levels: Sequence[float], sides: Indices, min_drop: float, max_saddle: float
) -> tuple[Indices, list[int]]:
    """The mark of each peak, and the saddles that join two; from the highest saddle down."""
    leader = list(range(len(peaks)))

    def leading(k: int) -> int:
        while leader[k] != k:
            leader[k] = k = leader[leader[k]]
        return k

    joining = []
    for k, (one, other) in enumerate(sides.tolist()):
        high, low = sorted((leading(one), leading(other)), key=peaks.__getitem__, reverse=True)
        if high != low and (levels[k] >= max_saddle * peaks[low] or peaks[low] - levels[k] < min_drop):
            leader[low] = high
            joining.append(k)
    leader = [leading(k) for k in range(len(leader))]
    _, mark = np.unique(np.array(leader, np.intp), return_inverse=True)
    return mark, joining


def ways_between(peaks: Peaks, labels: NDArray[np.int32]) -> Indices:
    """Places of the way along the ridge from each piece of a mark to its others.

    Parameters
    ----------
    peaks : of the picture
    labels : (h, w) what is left of each mark, as `Peaks.labels`
    """
    held = np.zeros(len(peaks.mark), bool)
    held[peaks.peak[labels.ravel()[peaks.place] > 0]] = True
    saddles = peaks.saddles
    while len(saddles):  # a way that leads to nothing is none
        sides = peaks.peak[saddles]
        ends = np.bincount(sides.ravel(), minlength=len(held)) == 1
        leads = ~(ends & ~held)[sides].any(axis=1)
        if leads.all():
            break
        saddles = saddles[leads]
    pixels, ways = np.unique(saddles), []
    while pixels.size:
        ways.append(pixels)
        above = np.unique(peaks.upward[pixels])
        pixels = np.setdiff1d(above, pixels, assume_unique=True)
    return peaks.place[np.unique(np.concatenate([*ways, np.empty(0, np.intp)]))]


def without_tails(labels: NDArray[np.int32], least_px: int, longest_px: float) -> NDArray[np.int32]:
    """Take off what sticks out of a mark thinner than the optics show anything, and is too short to be a line.

    Parameters
    ----------
    labels : (h, w) 1 + mark
    least_px : what is narrower is thin, odd
    longest_px : a thin piece that is longer than this stays

    Returns
    -------
    (h, w) the labels that are left; a mark that is thin all over stays as it is
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (least_px, least_px))
    flat = labels.astype(np.float32)
    core = np.where((cv2.dilate(flat, kernel) == flat) & (cv2.erode(flat, kernel) == flat), flat, 0)
    body = cv2.dilate(core, kernel)
    body[body != flat] = 0
    place = np.flatnonzero((flat > 0) & (body == 0))
    if not place.size:
        return labels
    bodies, thin = pieces_of(body.astype(np.int32)), np.zeros_like(labels)
    thin.ravel()[place] = labels.ravel()[place]
    piece = pieces_of(thin).ravel()[place]
    touching = []
    for dx, dy in NEIGHBOURS:
        beside = place + dy * labels.shape[1] + dx
        inside = (beside >= 0) & (beside < labels.size)
        here, beside = np.flatnonzero(inside), beside[inside]
        own = (bodies.ravel()[beside] > 0) & (labels.ravel()[beside] == labels.ravel()[place[here]])
        touching.append(piece[here[own]].astype(np.int64) * (int(bodies.max()) + 1) + bodies.ravel()[beside[own]])
    count = int(piece.max()) + 1
    touched = np.bincount(np.unique(np.concatenate(touching)) // (int(bodies.max()) + 1), minlength=count)
    y, x = np.divmod(place, labels.shape[1])
    extent = np.maximum(_extent(x, piece, count), _extent(y, piece, count))
    tail = (touched == 1) & (extent <= longest_px)
    out = labels.copy()
    out.ravel()[place[tail[piece]]] = 0
    return out


NEIGHBOURS = ((-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1))  # across a border lies no mark


def _extent(axis: Indices, group: NDArray[np.int32], count: int) -> Indices:
    low, high = np.full(count, np.iinfo(np.intp).max), np.full(count, -1)
    np.minimum.at(low, group, axis)
    np.maximum.at(high, group, axis)
    extent: Indices = high - low + 1
    return extent


def pieces_of(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Connected pieces of each label, counted from 1; (h, w)."""
    marked = labels > 0
    _, connected = cv2.connectedComponents(marked.view(np.uint8), connectivity=8)
    place = np.flatnonzero(marked)
    keys = connected.ravel()[place].astype(np.int64) * (int(labels.max(initial=0)) + 1) + labels.ravel()[place]
    pieces = np.zeros(labels.shape, np.int32)
    pieces.ravel()[place] = np.unique(keys, return_inverse=True)[1] + 1
    return pieces
