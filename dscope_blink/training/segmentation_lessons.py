"""Pictures to what a network of blemishes learns from: what it is shown, and what each pixel is to say.

A picture is searched once, and kept in a file as small whole numbers; crops of it are turned and flipped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import Config
from dscope_blink.files.whole_files import whole_file
from dscope_blink.models.blemish_views import (
    CHANNELS,
    KINDS,
    SNR_CLIP,
    SNR_SCALE,
    box_around,
    halved,
    is_near,
    network_input,
    searched,
)
from dscope_blink.pipeline import Search, all_stages
from dscope_blink.records import FloatImage, ImageInfo, Labels, Mask, Provenance
from dscope_blink.training.segmentation_pictures import TaughtPicture, TrueMark

IGNORED = 255  # of `labels`: nothing is asked of this pixel
LEAST_SNR = 2.0  # of a mark, over the noise of a pixel: nobody is taught to see what is fainter
LEAST_MEAN, LEAST_PEAK = 1.2, 3.0  # of its residual, one of both: what noise alone does not reach
COVERED = 0.4  # of a pixel, from which it belongs to a mark
NEAR_PX = 2  # a finding so close to a mark means that mark
STEPS = 127 / (SNR_CLIP / SNR_SCALE)  # of the first channel
FAR = 255  # of the second
MOST_DEPARTURE = 2.5  # standard deviation in sigmas where a rendered face is clean: 1 and less in nearly all
USUAL_PX, WEIGHTS = 150.0, (0.5, 8.0)  # area of a mark whose pixels count once, and how little and how much they may
HALF_OF_FOUR, LEAST_FAR_PX = 2, 3  # at half the scale: of four pixels for one, and of a mark that is asked for
BESIDE_PX = 60  # the middle of a crop lies so far from a mark at most

Small: TypeAlias = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class LessonMark:
    """What is known of one mark of a lesson."""

    kind: str
    contrast: float
    snr: float
    diameter_um: float
    asked: bool = True  # False: too faint to be taught or asked for
    found: bool | None = None  # by the detectors without a network; None: nobody has looked


@dataclass(frozen=True, slots=True)
class Lesson:
    """One searched picture."""

    name: str
    snr: Small  # (h, w) steps of the first channel of `network_input`
    zone: Labels  # (h, w) steps of the second
    labels: Labels  # (h, w) 0 none, IGNORED, else 1 + index in `marks`
    marks: tuple[LessonMark, ...]
    false: int = 0  # what the detectors without a network report on the fiber where nothing is

    @property
    def shown(self) -> FloatImage:
        """What the network is shown, (2, h, w) float32."""
        return shown(self.snr, self.zone)

    @property
    def kinds(self) -> Labels:
        """(h, w) uint8, index in KINDS at each pixel, or IGNORED."""
        return self.kind_of[self.labels]

    @property
    def kind_of(self) -> Labels:
        """(256,) the same by label."""
        values = np.full(256, IGNORED, np.uint8)
        values[0] = 0
        for k, mark in enumerate(self.marks, 1):
            values[k] = KINDS.index(mark.kind) if mark.asked else IGNORED
        return values

    @property
    def weight_of(self) -> FloatImage:
        """(256,) float32 by label, how much a pixel counts: a small mark is to count as much as a large one."""
        areas = np.maximum(np.bincount(self.labels.ravel(), minlength=256), 1)
        weights = np.clip(USUAL_PX / areas, *WEIGHTS).astype(np.float32)
        weights[[0, IGNORED]] = 1, 0
        return weights


def shown(snr: Small, zone: Labels) -> FloatImage:
    """The channels of a network from their steps, (2, h, w) float32."""
    return np.stack((snr * np.float32(1 / STEPS), zone * np.float32(1 / FAR)))


# --- a picture is searched


def lesson_of(taught: TaughtPicture, name: str, config: Config, by_detectors: bool = False) -> Lesson | None:
    """Search a picture, and say what each pixel of its residual is to say.

    Parameters
    ----------
    taught : the picture and what is known of it
    name : of the lesson
    config : settings of one profile
    by_detectors : whether to say as well what the detectors find without a network

    Returns
    -------
    Lesson; None where no marks were looked for in it, or where what is known to be clean departs so far from the
    background that the search takes it for marks, as a core that is much darker than its cladding
    """
    search = search_of(taught, config if by_detectors else without_detectors(config))
    if search is None:
        return None
    field, shape = search.residual, search.picture.gray.shape
    looked = searched(field)
    masks = [_placed(mark.mask, shape, search) for mark in taught.marks]
    ground = looked if taught.known is None else looked & _placed(taught.known, shape, search, 1.0)
    seen = network_input(field)
    labels, marks = _labelled(masks, taught.marks, looked, ground, field.snr)
    if taught.known is None and float(field.snr[labels == 0].std()) > MOST_DEPARTURE:
        return None
    found, false = _by_detectors(search, labels, looked) if by_detectors else ((), 0)
    if by_detectors:
        marks = tuple(replace(mark, found=k in found) for k, mark in enumerate(marks, 1))
    snr = np.rint(seen[0] * np.float32(STEPS)).astype(np.int8)
    return Lesson(name, snr, np.rint(seen[1] * FAR).astype(np.uint8), labels, marks, false)


def search_of(taught: TaughtPicture, config: Config) -> Search | None:
    """What the search for marks saw of a picture; None where there was none."""
    height, width = taught.picture.shape[:2]
    provenance = Provenance("training", config.profile, "", {"config": config.sha256})
    info = ImageInfo("taught", None, width, height)
    return all_stages(taught.picture, info, taught.request, config, None, provenance).search


def without_detectors(config: Config) -> Config:
    """The residual is all that is wanted, and takes a third of the time."""
    none = {name: replace(one, enabled=False) for name, one in config.detectors.items()}
    return replace(config, detectors=MappingProxyType(none))


def _placed(mask: Mask, shape: tuple[int, ...], search: Search, least: float = COVERED) -> Mask:
    """A mask of the stored picture on the window of its residual; thin lines stay whole where it is reduced."""
    field = search.residual
    (x, y), (h, w) = field.origin_px, field.snr.shape
    if mask.shape == shape:
        return mask[y : y + h, x : x + w]
    way = cv2.INTER_AREA if mask.shape[0] > shape[0] else cv2.INTER_LINEAR
    resized = cv2.resize(mask.astype(np.float32), (shape[1], shape[0]), interpolation=way)
    return resized[y : y + h, x : x + w] >= min(least, 0.999)


def _labelled(
    masks: Sequence[Mask], marks: Sequence[TrueMark], looked: Mask, ground: Mask, snr: FloatImage
) -> tuple[Labels, tuple[LessonMark, ...]]:
    """What each pixel is to say: of the ring around a mark, which the optics share out, nothing is asked."""
    labels = np.where(ground, 0, IGNORED).astype(np.uint8)
    told = []
    for mask, mark in zip(masks, marks, strict=True):
        labels[_grown(mask, 1) & ~mask] = IGNORED
        asked = _is_seen(mask & looked, mark, snr)
        told.append(LessonMark(mark.kind, mark.contrast, mark.snr, mark.diameter_um, asked))
    for k, mask in enumerate(masks, 1):
        labels[mask] = k
    labels[~looked] = IGNORED
    return labels, tuple(told)


def _is_seen(mask: Mask, mark: TrueMark, snr: FloatImage) -> bool:
    """Whether it stands out at all."""
    if not mask.any() or mark.snr < LEAST_SNR:  # of a photograph NaN
        return False
    departure = np.abs(snr[mask])
    return bool(departure.mean() >= LEAST_MEAN or departure.max() >= LEAST_PEAK)


def _grown(mask: Mask, by_px: int) -> Mask:
    side = 2 * by_px + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)


def _by_detectors(search: Search, labels: Labels, looked: Mask) -> tuple[frozenset[int], int]:
    """Which labels the candidates mean, and how many on the fiber mean none."""
    known, field = labels, search.residual
    near = cv2.dilate(np.where(known == IGNORED, 0, known), np.ones((2 * NEAR_PX + 1,) * 2, np.uint8))
    near = np.where((near == 0) & (known == IGNORED) & looked, IGNORED, near)
    found: set[int] = set()
    false = 0
    for candidate in search.candidates:
        x, y = (at - corner for at, corner in zip(candidate.bbox_px[:2], field.origin_px, strict=True))
        here = np.s_[y : y + candidate.mask.shape[0], x : x + candidate.mask.shape[1]]
        meant = set(np.unique(near[here][candidate.mask]).tolist()) - {0}
        found |= meant - {IGNORED}
        false += not meant and bool((field.rho[here][candidate.mask] < 1).all())
    return frozenset(found), false


# --- kept in files


def write_lesson(path: Path, lesson: Lesson) -> None:
    """Keep a lesson, whole or not at all; nothing in the file is code."""
    marks = [[str(value) for value in astuple(mark)] for mark in lesson.marks]
    told = np.array(marks, np.str_).reshape(-1, len(fields(LessonMark)))
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, snr=lesson.snr, zone=lesson.zone, labels=lesson.labels, marks=told, false=lesson.false)


def read_lesson(path: Path) -> Lesson:
    """What `write_lesson` has kept."""
    with np.load(path, allow_pickle=False) as kept:
        marks = tuple(
            LessonMark(kind, float(contrast), float(snr), float(wide), asked == "True", _truth(found))
            for kind, contrast, snr, wide, asked, found in kept["marks"].tolist()
        )
        return Lesson(path.stem, kept["snr"], kept["zone"], kept["labels"], marks, int(kept["false"]))


def _truth(text: str) -> bool | None:
    return None if text == "None" else text == "True"


# --- views


def near_view(lesson: Lesson) -> Lesson:
    """Of a lesson what a network is shown as it is, the fiber and its edge; of what lies around nothing is asked."""
    near = is_near(lesson.shown)
    if not near.any():
        return replace(lesson, labels=np.full_like(lesson.labels, IGNORED))
    box = box_around(near)
    labels = np.where(near, lesson.labels, np.uint8(IGNORED))[box]
    return _asking(replace(lesson, snr=lesson.snr[box], zone=lesson.zone[box], labels=labels), 1)


def far_view(lesson: Lesson) -> Lesson:
    """Of a lesson what a network is shown at half the scale; of the fiber nothing is asked.

    Of two by two pixels that are not all of one mark, or of none, nothing is asked but of the mark most of them hold.
    """
    snr, zone = halved(np.stack((lesson.snr, lesson.zone)).astype(np.float32))
    held = np.where(is_near(lesson.shown), np.uint8(IGNORED), lesson.labels)
    even = np.pad(held, ((0, held.shape[0] % 2), (0, held.shape[1] % 2)), "edge")
    four = np.stack((even[::2, ::2], even[1::2, ::2], even[::2, 1::2], even[1::2, 1::2]))
    labels = np.full(snr.shape, IGNORED, np.uint8)
    labels[(four == 0).all(axis=0)] = 0
    for k in range(1, len(lesson.marks) + 1):
        labels[(four == k).sum(axis=0) >= HALF_OF_FOUR] = k
    view = replace(lesson, snr=np.rint(snr).astype(np.int8), zone=np.rint(zone).astype(np.uint8), labels=labels)
    return _asking(view, LEAST_FAR_PX)


def _asking(view: Lesson, least_px: int) -> Lesson:
    """With the marks asked for of which so many pixels can be seen in the view."""
    areas = np.bincount(view.labels.ravel(), minlength=256)
    marks = tuple(
        replace(mark, asked=mark.asked and bool(areas[k] >= least_px)) for k, mark in enumerate(view.marks, 1)
    )
    return replace(view, marks=marks)


# --- crops


@dataclass(frozen=True, slots=True)
class Crop:
    """One example."""

    shown: FloatImage  # (2, side, side)
    kinds: Labels  # (side, side) index in KINDS, or IGNORED
    weights: FloatImage  # (side, side) how much each pixel counts


def crop_of(lesson: Lesson, side: int, near_mark: float, rng: np.random.Generator) -> Crop:
    """A part of a lesson, turned and flipped by chance.

    Parameters
    ----------
    lesson : a searched picture
    side : of the crop; beyond the window nothing stands out, all is far off, and nothing is asked
    near_mark : chance that it is laid around a mark, if there is one
    rng : of place, turn and flip
    """
    y, x = _middle(lesson, near_mark, rng)
    snr, zone = np.zeros((side, side), np.int8), np.full((side, side), FAR, np.uint8)
    labels = np.full((side, side), IGNORED, np.uint8)
    h, w = lesson.snr.shape
    top, left = y - side // 2, x - side // 2
    rows, columns = slice(max(top, 0), min(top + side, h)), slice(max(left, 0), min(left + side, w))
    to = np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    snr[to], zone[to], labels[to] = lesson.snr[rows, columns], lesson.zone[rows, columns], lesson.labels[rows, columns]
    turns, flip = int(rng.integers(4)), rng.random() < 0.5
    seen = np.rot90(shown(snr, zone), turns, axes=(1, 2))
    labels = np.rot90(labels, turns)
    if flip:
        seen, labels = seen[:, :, ::-1], labels[:, ::-1]
    assert len(seen) == CHANNELS
    return Crop(np.ascontiguousarray(seen), lesson.kind_of[labels], lesson.weight_of[labels])


def _middle(lesson: Lesson, near_mark: float, rng: np.random.Generator) -> tuple[int, int]:
    """Row and column of its middle, which lies in the window."""
    h, w = lesson.snr.shape
    asked = [k for k, mark in enumerate(lesson.marks, 1) if mark.asked]
    if asked and rng.random() < near_mark:
        rows, columns = np.nonzero(lesson.labels == asked[int(rng.integers(len(asked)))])
        if len(rows):
            at, (down, right) = int(rng.integers(len(rows))), rng.integers(-BESIDE_PX, BESIDE_PX + 1, 2).tolist()
            return min(max(int(rows[at]) + down, 0), h - 1), min(max(int(columns[at]) + right, 0), w - 1)
    reach, turn = math.sqrt(rng.random()) * 0.5, rng.uniform(0, 2 * math.pi)
    return int(h / 2 + reach * h * math.sin(turn)), int(w / 2 + reach * w * math.cos(turn))
