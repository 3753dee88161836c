"""How far two people, or a person and the program, say the same of the same pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.analysis.kappa import kappa
from dscope_blink.records import UserError
from dscope_blink.training.classes import MARK_CLASSES, MARK_VALUES
from dscope_blink.training.corrections import CORRECTIONS, Correction, corrected, correction_path, read_correction
from dscope_blink.training.dataset import INDEX, label_path, open_dataset
from dscope_blink.training.exported import marks_of
from dscope_blink.training.labels import Label, read_label
from dscope_blink.training.masks import instances_of, kinds_of

Counts: TypeAlias = NDArray[np.int64]  # (classes, classes): of the first by rows, of the second by columns
SAME = 0.5  # intersection over union, from which two outlines are one mark: COCO's AP50


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of two annotators over the pictures that both have."""

    pictures: int
    pixel_kappa: float | None  # None: there is nothing to agree on, both said one thing only
    mark_kappa: float | None  # of kinds; a mark that one of them has not is none there
    marks: int  # that both have
    only_first: int
    only_second: int
    pixel_iou: float | None  # of the pixels of marks of any kind
    mark_iou: float | None  # mean of the marks that both have


def agreement(first: Path, second: Path) -> Agreement:
    """Compare two data sets, or two folders of corrections.

    Raises
    ------
    UserError : a folder is neither, or they have no picture in common
    """
    names = sorted(set(_names(first)) & set(_names(second)))
    if not names:
        raise UserError(f"{first} and {second}: must have pictures in common")
    size = len(MARK_CLASSES)
    pixels, marks = np.zeros((size, size), np.int64), np.zeros((size, size), np.int64)
    overlaps: list[float] = []
    for name in names:
        one, two = _read(first, name), _read(second, name)
        if (one.width, one.height, one.sha256) != (two.width, two.height, two.sha256):
            raise UserError(f"{first} and {second}: {name} must be the same picture in both")
        images = instances_of(one), instances_of(two)
        kinds = kinds_of(one, images[0]).astype(np.int64) * size + kinds_of(two, images[1])
        pixels += np.bincount(kinds.ravel(), minlength=size * size).reshape(size, size)
        overlaps += _compare_marks((one, two), images, marks)
    both = int(pixels[1:, 1:].sum())
    any_of_them = int(pixels.sum() - pixels[0, 0])
    return Agreement(
        pictures=len(names),
        pixel_kappa=kappa(pixels),
        mark_kappa=kappa(marks),
        marks=int(marks[1:, 1:].sum()),
        only_first=int(marks[1:, 0].sum()),
        only_second=int(marks[0, 1:].sum()),
        pixel_iou=both / any_of_them if any_of_them else None,
        mark_iou=float(np.mean(overlaps)) if overlaps else None,
    )


def _compare_marks(labels: tuple[Label, Label], images: tuple[Any, Any], counts: Counts) -> list[float]:
    """Add the marks of one picture; returns the overlaps of those that both have."""
    first, second = (list(marks_of(label, image)) for label, image in zip(labels, images, strict=True))
    numbers = [{mark.id: n for n, mark in enumerate(label.marks, 1)} for label in labels]
    found = []
    for i, one in enumerate(first):
        (x, y), (h, w) = one.corner, one.mask.shape
        there = images[1][y : y + h, x : x + w][one.mask]
        for j, two in enumerate(second):
            shared = int(np.count_nonzero(there == numbers[1][two.mark.id]))
            union = int(np.count_nonzero(one.mask)) + int(np.count_nonzero(two.mask)) - shared
            if shared / union >= SAME:
                found.append((-shared / union, i, j))
    left, right = set(range(len(first))), set(range(len(second)))
    overlaps = []
    for overlap, i, j in sorted(found):
        if i in left and j in right:
            counts[MARK_VALUES[first[i].mark.kind], MARK_VALUES[second[j].mark.kind]] += 1
            overlaps.append(-overlap)
            left.remove(i)
            right.remove(j)
    for i in left:
        counts[MARK_VALUES[first[i].mark.kind], 0] += 1
    for j in right:
        counts[0, MARK_VALUES[second[j].mark.kind]] += 1
    return overlaps


def _names(folder: Path) -> Iterator[str]:
    if (folder / INDEX).is_file():
        return iter(open_dataset(folder).names)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    return (path.relative_to(folder).as_posix().removesuffix(".json") for path in sorted(folder.rglob("*.json")))


def _read(folder: Path, name: str) -> Label:
    """What a data set says with its corrections, or a folder of corrections alone."""
    if (folder / INDEX).is_file():
        label = read_label(label_path(folder, name)).label
        return corrected(label, read_correction(correction_path(folder / CORRECTIONS, name)))
    correction = read_correction(correction_path(folder, name))
    if correction is None:
        raise UserError(f"{correction_path(folder, name)}: there is no such file")
    return _label(correction)


def _label(correction: Correction) -> Label:
    size = (correction.width, correction.height)
    return Label(correction.name, "", "", correction.sha256, *size, "", correction.source, marks=correction.marks)
