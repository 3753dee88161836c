"""Where the detectors agree -> marks with their outlines, each of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import Fusion
from dscope_blink.detectors.regions import Regions, label_regions, regions_of
from dscope_blink.image_processing.separation import find_peaks, pieces_of, ways_between, without_tails
from dscope_blink.records import FloatImage, Mask, Residual

Labels = NDArray[np.int32]

PATCH_PX = 12.0  # of independent noise: 4 pi sigma^2 for a smoothing of one pixel
RISE_OF_A_PIECE = 0.6  # of what makes a mark: 3 sigma, for beside a mark there are few places for noise
GROUND = 0.7  # of what a mark grows into: calmer ground leads from no mark to another
LONGEST_TAIL = 5.0  # blurs: a longer thread is a line
THINNEST = 1.8  # blurs: the width of a point at two thirds of its peak, where the outline of the faintest lies
# Side of a square in cladding radii, and how much of it is marked. Two large particles fill a third of it, the densest
# spray of droplets that was seen 0.68 of it, a film of oil 0.91.
FILM_REACH, FILM_SHARE, THIN_FILM_SHARE = 0.6, 0.8, 0.3


def outlined(field: Residual, seeds: Mask, whole: Mask, settings: Fusion) -> Labels:
    """The seeds with the weaker surroundings connected to them, each mark cut at a share of its local peak contrast.

    Parameters
    ----------
    field : residual of one picture
    seeds : (h, w) bool, where the detectors agree
    whole : (h, w) bool, what is a mark as it is; nothing parts it, and what lies beside it belongs to it
    settings : from config.json

    Returns
    -------
    (h, w) 1 + mark, 0 where there is none
    """
    labels = np.zeros(seeds.shape, np.int32)
    height = _height(field)
    regions = label_regions((height > settings.weak_snr) & field.inside)
    weak = regions.only(regions.holding(seeds))
    marked = weak | whole
    if not marked.any():
        return labels
    rows, columns = _crowded(marked, settings.peak_px // 2 + 1)

    def part(image: NDArray[Any]) -> NDArray[Any]:
        return image[rows][:, columns]  # in two steps, a third of the time of np.ix_

    crowd = _Crowd(
        *(part(field.snr), part(height), part(weak), part(field.edge_snr), part(field.inside), part(seeds)),
        part(whole),
        field.blur_px,
    )
    found = np.zeros((len(rows), seeds.shape[1]), np.int32)
    found[:, columns] = _marks(crowd, settings)
    labels[rows] = found
    return _as_one(labels, _film(weak, field))


@dataclass(frozen=True, slots=True)
class _Crowd:
    """The rows and columns of a picture that hold marks, close together; (h, w) each."""

    snr: FloatImage
    height: FloatImage  # as `_height`
    weak: Mask  # the seeds with all that hangs together with them
    edge_snr: FloatImage
    inside: Mask
    seeds: Mask
    whole: Mask
    blur_px: float

    @property
    def reach(self) -> NDArray[np.uint8]:
        """What a gap is bridged with where the residual says so."""
        return np.ones((2 * math.ceil(self.blur_px) + 1,) * 2, np.uint8)


def _crowded(marked: Mask, margin_px: int) -> tuple[NDArray[np.intp], NDArray[np.intp] | slice]:
    """Rows and columns that hold something, with a margin: on most faces there are few.

    All columns where most do: to pick some takes six times as long as to copy all.
    """
    kernel = np.ones((1, 2 * margin_px + 1), np.uint8)
    used = [cv2.dilate(marked.any(axis=axis).astype(np.uint8).reshape(1, -1), kernel) for axis in (1, 0)]
    rows, columns = (np.flatnonzero(line) for line in used)
    return rows, columns if 2 * len(columns) < marked.shape[1] else slice(None)


def _marks(crowd: _Crowd, settings: Fusion) -> Labels:
    """The labels of a crowd: peaks that are one mark, cut at its outline, without what is none of it."""
    height, weak = crowd.height, crowd.weak
    around = cv2.dilate((weak | crowd.whole).astype(np.uint8), crowd.reach) > 0
    ground = (around & (height > GROUND * settings.weak_snr) & crowd.inside) | crowd.whole
    peaks = find_peaks(_levelled(crowd), ground, settings.split_min_drop, settings.split_max_saddle)
    every = peaks.labels(height.shape)
    grown = cv2.copyTo(np.abs(crowd.snr), weak.astype(np.uint8))
    peak: FloatImage = cv2.dilate(grown, np.ones((settings.peak_px, settings.peak_px), np.uint8))
    own = np.append(np.zeros(1, np.float32), peaks.height).take(every)
    peak = np.minimum(peak, own)  # a strong neighbour hides no faint mark
    cut = grown > np.maximum(settings.outline_level * peak, settings.weak_snr)
    labels = np.where(cut | crowd.whole, every, 0)
    pieces = regions_of(pieces_of(labels))
    stands = pieces.holding(crowd.seeds) & (_rise(pieces, height) >= RISE_OF_A_PIECE * settings.min_mark_snr)
    labels[~pieces.only(stands | pieces.holding(crowd.whole))] = 0
    ways = ways_between(peaks, labels)
    short = cv2.dilate((labels > 0).astype(np.uint8), crowd.reach).ravel()[ways] > 0
    ways = ways[short & (labels.ravel()[ways] == 0)]
    labels.ravel()[ways] = every.ravel()[ways]
    thinnest_px = 2 * math.floor(THINNEST * crowd.blur_px / 2) + 1  # odd
    labels = without_tails(pieces_of(labels), thinnest_px, LONGEST_TAIL * crowd.blur_px)
    labels = _widened(labels, ways[labels.ravel()[ways] > 0], thinnest_px)
    return _as_one(labels, cv2.dilate(crowd.whole.astype(np.uint8), crowd.reach) > 0)


def _height(field: Residual) -> FloatImage:
    """How far the residual departs, and where dark and bright lie side by side, no valley between them."""
    reach = np.ones((2 * math.ceil(field.blur_px) + 1,) * 2, np.uint8)
    lowest: FloatImage = cv2.erode(field.snr, reach)
    np.negative(lowest, out=lowest)
    between: FloatImage = cv2.min(cv2.dilate(field.snr, reach), lowest)
    return cv2.max(cv2.absdiff(field.snr, 0), between, dst=between)


def _levelled(crowd: _Crowd) -> FloatImage:
    """With each region of `whole` at the height of its highest pixel, so that nothing parts it."""
    regions = label_regions(crowd.whole)
    if not len(regions.starts):
        return crowd.height
    x, y = regions.x, regions.y
    own = np.maximum(crowd.height[y, x], np.abs(crowd.edge_snr[y, x]))
    levelled = crowd.height.copy()
    levelled[y, x] = np.repeat(np.maximum.reduceat(own, regions.starts), regions.areas_px)
    return levelled


def _rise(pieces: Regions, height: FloatImage) -> NDArray[np.float32]:
    """How far each piece stands out as a whole: mean height times the root of its patches of noise; (pieces,)."""
    if not len(pieces.starts):
        return np.empty(0, np.float32)
    total = np.add.reduceat(height[pieces.y, pieces.x], pieces.starts)
    return np.asarray(total / np.sqrt(np.maximum(pieces.areas_px, PATCH_PX) * PATCH_PX), np.float32)


def _widened(labels: Labels, ways: NDArray[np.intp], width_px: int) -> Labels:
    """With the ways between the pieces of a mark as wide as all that the optics show."""
    if not ways.size:
        return labels
    thin = np.zeros(labels.shape, np.float32)
    thin.ravel()[ways] = labels.ravel()[ways]
    wide = cv2.dilate(thin, np.ones((width_px, width_px), np.uint8)).astype(np.int32)
    return np.where(labels > 0, labels, wide)


def _film(marks: Mask, field: Residual) -> Mask:
    """Where most of a wide surrounding is marked, and what hangs together with it: no calm ground parts a film."""
    size = int(FILM_REACH * field.cladding_radius_px)
    if np.count_nonzero(marks) < FILM_SHARE * size * size:
        return np.zeros_like(marks)
    share = cv2.blur(marks.astype(np.float32), (size, size), borderType=cv2.BORDER_CONSTANT)
    thin = label_regions(share > THIN_FILM_SHARE)
    return thin.only(thin.holding(share > FILM_SHARE))


def _as_one(labels: Labels, areas: Mask) -> Labels:
    """One label for all that lies in one connected area."""
    regions = label_regions(areas)
    if not len(regions.starts):
        return labels
    name = np.arange(int(labels.max(initial=0)) + 1, dtype=np.int32)
    for k in range(len(regions.starts)):
        x, y = regions.pixels(k)
        mine = np.unique(name[labels[y, x]])
        mine = mine[mine > 0]
        name[np.isin(name, mine[1:])] = mine[:1]
    return name.take(labels)
