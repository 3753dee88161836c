"""Labelled pictures as tests of data sets need them: holes, islands in them, touching marks, and hostile names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Ellipse, ZoneOutline
from dscope_blink.training.build import build_face
from dscope_blink.training.dataset import Dataset
from dscope_blink.training.faces import PROGRAM_SAYS, Face
from dscope_blink.training.finish import finish
from dscope_blink.training.labels import KINDS, Label, Mark
from dscope_blink.training.outlines import mark_outline
from tests.builders.marks import CONFIG

HOSTILE = ("plain", 'a b,c;"d"&<e>\'#%41?', "Prüfling/漢字 é", "Prüfling__漢字 é", "images/labels/x", "n" * 200)


def marked(width: int = 120, height: int = 90) -> NDArray[np.uint16]:
    """0 no mark, else 1 + index of the mark: a ring with an island, one that touches it, a thin one, specks."""
    image = np.zeros((height, width), np.uint16)
    cv2.circle(image, (30, 30), 20, 1, -1)
    image[20:32, 20:32] = 0
    image[24:27, 24:27] = 1  # within the hole
    image[36:40, 22:25] = 0
    image[15:60, 51:54] = 2
    for step in range(20):
        image[62 + step // 2, 10 + step] = 3
    image[5, 100], image[6, 101] = 4, 4  # touch at a corner alone
    image[70:80, 80:90], image[70:80, 90:100] = 5, 6
    image[height - 1, width - 1] = 7
    return image


def label_from(name: str, image: NDArray[np.uint16], status: str = "FAIL") -> Label:
    """Every mark of another kind, in turns; the whole picture is cladding."""
    height, width = image.shape
    marks = tuple(
        Mark(f"M{n}", KINDS[n % len(KINDS)], "cladding", outline, PROGRAM_SAYS, holes)
        for n in range(1, int(image.max()) + 1)
        for outline, holes in [mark_outline(image == n)]
    )
    zones = (ZoneOutline("B", Ellipse((width / 2, height / 2), (3.0 * width, 3.0 * width), 0)),)
    file = f"{name}.png"
    return Label(
        name, file, f"pixel_level/images/{file}", "0" * 64, width, height, status, PROGRAM_SAYS, zones, marks=marks
    )


def labelled_set(folder: Path, names: Iterable[str] = ("one",), status: str = "FAIL", **sizes: int) -> Dataset:
    """A finished data set of such pictures, in which every pixel has another grey than its neighbours."""
    image = marked(**sizes)
    picture = (np.add.outer(7 * np.arange(image.shape[0]), 13 * np.arange(image.shape[1])) % 251).astype(np.uint8)
    data = bytes(cv2.imencode(".png", picture)[1])
    for name in names:
        build_face(Face(label_from(name, image, status), picture, data), folder, CONFIG.training)
    dataset = Dataset(folder, tuple(names))
    finish(dataset, replace(CONFIG, training=replace(CONFIG.training, exports=())))
    return dataset
