"""Which pictures show one physical face: its surface unrolled about the fiber, which a turn shifts and a copy repeats.

The lengths of the Fourier components along each ring do not change under a turn: the nearest neighbours by these are
compared turn by turn, by phase. A clean face that was taken twice has no marks to be known by, and is not found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import TrainingSettings
from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import write_file
from dscope_blink.image_processing.likeness import (
    ANGLES,
    GUARD,
    INNER,
    RINGS,
    FaceMap,
    Floats,
    Likeness,
    detail_of,
    likenesses,
    summed_by_turn,
    unrolled,
    waves_of,
)
from dscope_blink.training.faces import Face
from dscope_blink.training.labels import Row

FOLDER = "face_maps"
BAND = 4  # rings in a band of the signature
WAVES = 60  # along a ring
LEAST_LENGTH = 0.3  # of a Fourier component: about that of grain
AT_ONCE = 16  # maps of other pictures in memory
MAYBE_Z = 5.0  # sigmas of the best turn, below which a pair is not looked at more closely
WORKING_MB = 64  # of the search for neighbours
NEIGHBOURS = 8  # that a picture is compared with, by each signature


def write_face_map(face: Face, folder: Path, settings: TrainingSettings) -> dict[str, tuple[Row, ...]]:
    """Write the unrolled face, face_maps/NAME.png; none where the fiber was not located. It has no rows in tables."""
    path = map_path(folder, face.label.name)
    path.unlink(missing_ok=True)
    if face.label.cladding is not None:
        make_folder(path.parent)
        _, data = cv2.imencode(".png", unrolled(face.gray, face.label.cladding, _starts(face)))
        write_file(path, bytes(data))
    return {}


def _starts(face: Face) -> float:
    """Outside of a fiber whose own structure is not round: that is the same on every fiber of its kind."""
    named = face.inspection is not None and face.inspection.request.fiber_structure is not None
    return 1 + GUARD if named else INNER


def map_path(folder: Path, name: str) -> Path:
    """face_maps/NAME.png."""
    return folder / FOLDER / f"{name}.png"


def read_map(folder: Path, name: str) -> FaceMap | None:
    """None where the fiber was not located."""
    image = cv2.imread(str(map_path(folder, name)), cv2.IMREAD_GRAYSCALE) if map_path(folder, name).exists() else None
    return None if image is None or image.shape != (RINGS, ANGLES) else np.asarray(image, np.uint8)


# --- among many


def signatures(face: FaceMap) -> tuple[Floats, Floats]:
    """What a turn does not change: the lengths of the Fourier components, in bands of rings; float32.

    Twice: each band for itself, by which worn copies of clean faces are found again, and in logarithms, by which faces
    with marks that were taken again are.
    """
    lengths = np.abs(waves_of(face[None]).detail[0, :, 1:WAVES])
    bands = np.sqrt((lengths.reshape(RINGS // BAND, BAND, -1) ** 2).mean(axis=1))
    alone = bands / (np.linalg.norm(bands, axis=1, keepdims=True) + 1e-6)
    return np.asarray(alone.ravel(), np.float32), np.asarray(np.log(bands + LEAST_LENGTH).ravel(), np.float32)


def find_same_faces(count: int, read: Callable[[int], FaceMap | None]) -> Iterator[tuple[int, int, Likeness]]:
    """Pairs of pictures that show one face, by number, the smaller first.

    Parameters
    ----------
    count : how many pictures
    read : the map of a picture by its number; read again when it is needed, since all do not fit into memory
    """
    known = [(k, signatures(face)) for k, face in ((k, read(k)) for k in range(count)) if face is not None]
    if len(known) < 2:
        return
    numbers = [k for k, _ in known]
    pairs = {pair for one in zip(*(both for _, both in known), strict=True) for pair in _near(np.stack(one))}
    yield from _compared([(numbers[a], numbers[b]) for a, b in sorted(pairs)], read)


def _near(vectors: Floats) -> Iterator[tuple[int, int]]:
    """Pairs of which one is among the nearest of the other, the smaller first."""
    from sklearn import config_context
    from sklearn.neighbors import NearestNeighbors

    vectors -= vectors.mean(axis=0)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    search = NearestNeighbors(n_neighbors=min(NEIGHBOURS + 1, len(vectors)), algorithm="brute").fit(vectors)
    with config_context(working_memory=WORKING_MB):
        nearest = search.kneighbors(vectors, return_distance=False)
    for a, row in enumerate(nearest.tolist()):
        yield from ((min(a, b), max(a, b)) for b in row if a != b)


def _compared(
    pairs: Sequence[tuple[int, int]], read: Callable[[int], FaceMap | None]
) -> Iterator[tuple[int, int, Likeness]]:
    """The pairs, in order, that show one face; a picture is compared with so many others at once."""
    for a, its_pairs in groupby(pairs, key=lambda pair: pair[0]):
        one = read(a)
        while one is not None and (some := list(islice(its_pairs, AT_ONCE))):
            there = [(b, face) for b, face in ((b, read(b)) for _, b in some) if face is not None]
            maps = np.stack([face for _, face in there])
            for k in np.flatnonzero(_may_be_alike(one, maps)).tolist():
                (likeness,) = likenesses(one, maps[k : k + 1])
                if likeness.is_one_face:
                    yield a, there[k][0], likeness


def _may_be_alike(one: FaceMap, others: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether any turn stands out already without regard to what both show, which takes three times as long; (n,)."""
    a, b = (np.fft.rfft(detail_of(maps), axis=2).astype(np.complex64) for maps in (one[None], others))
    both = summed_by_turn(a, b)
    middle = np.median(both, axis=1, keepdims=True)
    spread = 1.4826 * np.median(np.abs(both - middle), axis=1)
    return np.asarray(both.max(axis=1) - middle[:, 0] > MAYBE_Z * np.maximum(spread, 1e-6))
