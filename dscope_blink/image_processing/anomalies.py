"""Places of a face whose departure from good ones is beyond the limit, as outlines in its picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.image_processing.departures import FaceScore
from dscope_blink.image_processing.face_frame import FaceFrame
from dscope_blink.records import FloatImage, Mask, Points

REACH = 0.7  # of the limit: a region goes as far as it is this likely, from where it is beyond it


@dataclass(frozen=True, slots=True)
class Region:
    """One region of a face that departs."""

    mask: Mask  # (n, n) bool, in the frame
    outline_px: Points  # (N, 2) float64, in the picture
    score: float
    area_px: float  # of the picture
    diameter_px: float  # smallest enclosing circle, in the picture


def regions_of(face: FaceFrame, score: FaceScore) -> tuple[Region, ...]:
    """The regions that are beyond the limit somewhere, the worst first.

    Parameters
    ----------
    face : in the frame
    score : of it
    """
    count, labels = cv2.connectedComponents((score.map > REACH).astype(np.uint8), connectivity=8)
    worst = _worst_of(labels, count, score.map)
    beyond = [label for label in range(1, count) if worst[label] > 1]
    found = (_region(labels == label, float(worst[label]), face) for label in beyond)
    return tuple(sorted(found, key=lambda region: -region.score))


def _worst_of(labels: NDArray[np.int32], count: int, scores: FloatImage) -> NDArray[np.float32]:
    worst = np.zeros(count, np.float32)
    np.fmax.at(worst, labels.ravel(), scores.ravel())
    return worst


def _region(mask: Mask, score: float, face: FaceFrame) -> Region:
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    path = max(outlines, key=len)[:, 0].astype(np.float64)  # pixel centres: half a pixel inside of the region
    outline = path @ face.to_picture[:, :2].T + face.to_picture[:, 2]
    _, radius = cv2.minEnclosingCircle(outline.astype(np.float32))
    pixel_px = face.pixel_px
    return Region(mask, outline, score, float(np.count_nonzero(mask)) * pixel_px**2, 2 * float(radius) + pixel_px)


def in_picture(mask: Mask, face: FaceFrame, shape: tuple[int, int]) -> Mask:
    """A mask of the frame in the pixels of the picture, (H, W) bool."""
    moved = cv2.warpAffine(
        mask.astype(np.uint8), face.to_picture, shape[::-1], flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT
    )
    return moved > 0


def departed(regions: Sequence[Region], face: FaceFrame, shape: tuple[int, int]) -> Mask:
    """(H, W) bool, the pixels of the picture that lie in a region."""
    whole = np.zeros(face.light.shape, bool)
    for region in regions:
        whole |= region.mask
    return in_picture(whole, face, shape)


def without_marks(face: FaceFrame, outlines_px: Sequence[Points], margin_px: float) -> FaceFrame:
    """The face with the marks that are known in it unseen: they are not to teach what is normal.

    Parameters
    ----------
    face : in the frame
    outlines_px : of the marks, in the picture
    margin_px : of the frame, around each
    """
    if not outlines_px:
        return face
    inverse = cv2.invertAffineTransform(face.to_picture)
    drawn = np.zeros(face.light.shape, np.uint8)
    for outline in outlines_px:
        path = np.rint(outline @ inverse[:, :2].T + inverse[:, 2]).astype(np.int32)
        cv2.fillPoly(drawn, [path], 1)
        cv2.polylines(drawn, [path], True, 1, max(2 * math.ceil(margin_px) + 1, 1))
    return replace(face, light=np.where(drawn > 0, np.float32(math.nan), face.light))
