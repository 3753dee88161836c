"""Which pictures show one physical face: its surface unrolled about the fiber, which a turn shifts and a copy repeats.

A picture is unrolled in fiber coordinates (rings about the cladding, out to the ferrule), rings are levelled and what
is smooth along them is taken out: what is left are marks and grain. Re-saving, cropping and another exposure hardly
change it, turning the face shifts it along the rings, and a move in the picture is taken out by the fiber's own place.
The lengths of the Fourier components along each ring do not change under a turn: the nearest neighbours by these are
compared turn by turn, by phase. A clean face that was taken twice has no marks to be known by, and is not found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import TrainingSettings
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import Ellipse, FloatImage, to_form
from dscope_blink.training.faces import Face
from dscope_blink.training.labels import Row

FaceMap: TypeAlias = NDArray[np.uint8]  # (RINGS, ANGLES): 0 unseen, else 128 + 127 x what stands out, -1..1
Floats: TypeAlias = NDArray[np.float32]

FOLDER = "face_maps"
RINGS, ANGLES = 64, 360
INNER, REACH = 0.06, 3.2  # cladding radii; beyond the zones too, where most of what tells faces apart lies
RADIUS_PX = 64.0  # of the cladding in the picture that is unrolled: finer detail does not survive re-saving
GUARD = 0.07  # cladding radii beside its edge, whose light comes from one side of the microscope whatever the turn
MARGIN = 0.035  # of the picture's short side: frames of video pictures, which do not turn with the face
SMOOTH = 0.3  # cladding radii along a ring: what is wider is light
SATURATED = 6.0  # sigmas of a ring
LEAST_SPREAD = 1e-3  # of a ring, relative to its brightness: less than rounding to 8 bits makes
FEWEST_SEEN = ANGLES // 4  # of a ring
CLEAR = 0.95  # of what a place is levelled by must be seen
BAND = 4  # rings in a band of the signature
WAVES = 60  # along a ring
LEAST_LENGTH = 0.3  # of a Fourier component: about that of grain
AT_ONCE = 16  # maps of other pictures in memory
MAYBE_Z = 5.0  # sigmas of the best turn, below which a pair is not looked at more closely
WORKING_MB = 64  # of the search for neighbours
NEIGHBOURS = 8  # that a picture is compared with, by each signature
# A turned face stands out from all other turns: in 86 photographs of seven microscopes by at least 13.7 sigmas, another
# face by at most 10.4. What does not turn is also of the camera, dust on it and its columns: different faces of one
# microscope reached a likeness of 0.13 there.
LEAST_Z, LEAST_TURNED = 12.0, 0.12
LEAST_Z_UNTURNED, LEAST_UNTURNED, TURN_DEG = 8.0, 0.20, 3.0
# In a picture of little more than the fiber, one long scratch is like another at some turn: different faces reached
# 14.6 sigmas there, copies that were turned had at least 17.9.
CLOSE, LEAST_Z_CLOSE = 0.45, 16.0


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two faces are at the turn at which they are most alike."""

    share: float  # correlation of what both show, -1..1
    z: float  # that over the spread of the other turns
    turn_deg: float  # of the second against the first, -180..180
    seen: float = 1.0  # share of the rings that both show

    @property
    def is_one_face(self) -> bool:
        """Whether it is the same physical face, or a copy of its picture."""
        if abs(self.turn_deg) <= TURN_DEG:
            return self.share >= LEAST_UNTURNED and self.z >= LEAST_Z_UNTURNED
        return self.share >= LEAST_TURNED and self.z >= (LEAST_Z_CLOSE if self.seen < CLOSE else LEAST_Z)


def write_face_map(face: Face, folder: Path, settings: TrainingSettings) -> dict[str, tuple[Row, ...]]:
    """Write the unrolled face, face_maps/NAME.png; none where the fiber was not located. It has no rows in tables."""
    path = map_path(folder, face.label.name)
    path.unlink(missing_ok=True)
    if face.label.cladding is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
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


# --- a face unrolled


def unrolled(gray: FloatImage, cladding: Ellipse, inner: float = INNER) -> FaceMap:
    """What stands out of each ring about the fiber.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    cladding : in its pixels
    inner : cladding radii from which on it is looked at
    """
    rho = np.linspace(INNER, REACH, RINGS)
    levels, seen = _rings(gray, cladding, rho)
    seen &= ((np.abs(rho - 1) >= GUARD) & (rho >= inner))[:, None]
    seen &= (seen.sum(axis=1) >= FEWEST_SEEN)[:, None]
    out, clear = _standing_out(np.log(np.maximum(levels, 0.02)), seen, rho)
    return np.asarray(np.where(clear, np.rint(128 + 127 * out), 0), np.uint8)


def _rings(gray: FloatImage, cladding: Ellipse, rho: NDArray[np.float64]) -> tuple[Floats, NDArray[np.bool_]]:
    """Grey levels on rings of the shape of the cladding, and which of them lie in the picture."""
    factor = max(cladding.mean_diameter_px / 2 / RADIUS_PX, 1.0)
    size = tuple(max(round(side / factor), 1) for side in gray.shape[::-1])
    small = cv2.GaussianBlur(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    pixel = gray.shape[1] / size[0], gray.shape[0] / size[1]
    cx, cy, p, q, s = to_form(cladding)
    values, vectors = np.linalg.eigh(np.array([[p, q], [q, s]]))
    turn = np.arange(ANGLES) * (2 * math.pi / ANGLES)
    way = vectors @ np.diag(values**-0.5) @ vectors.T @ np.stack([np.cos(turn), np.sin(turn)])
    x, y = cx + rho[:, None] * way[0], cy + rho[:, None] * way[1]
    edge = MARGIN * min(gray.shape)
    seen = (x >= edge) & (y >= edge) & (x <= gray.shape[1] - 1 - edge) & (y <= gray.shape[0] - 1 - edge)
    across, down = (((v + 0.5) / per - 0.5).astype(np.float32) for v, per in zip((x, y), pixel, strict=True))
    return np.asarray(cv2.remap(small, across, down, cv2.INTER_LINEAR), np.float32), seen


def _standing_out(
    levels: Floats, seen: NDArray[np.bool_], rho: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Levels of each ring without what is smooth along it, in its own sigmas, saturated, -1..1; and where that holds.

    Beside what is unseen nobody can say what is smooth: what the border of the picture does there does not turn.
    """
    wave, least = np.arange(ANGLES // 2 + 1), np.maximum(2 * math.pi * rho[:, None] / SMOOTH, 3)
    passed = np.exp(-((wave / least) ** 2) / 2)
    weight, level = (
        np.fft.irfft(np.fft.rfft(part, axis=1) * passed, ANGLES, axis=1) for part in (seen * 1.0, levels * seen)
    )
    clear = seen & (weight > CLEAR)
    detail = np.where(clear, levels - level / np.maximum(weight, CLEAR), 0)
    nothing = ~clear.any(axis=1, keepdims=True)
    spread = np.nanmedian(np.where(clear | nothing, np.abs(detail), np.nan), axis=1)
    return np.tanh(detail / (SATURATED * np.maximum(1.4826 * spread, LEAST_SPREAD))[:, None]), clear


# --- two faces


@dataclass(frozen=True, slots=True)
class _Waves:
    """Fourier components along the rings of (n) faces: what stands out, its square, and where it is seen."""

    detail: NDArray[np.complex64]  # (n, RINGS, ANGLES / 2 + 1)
    square: NDArray[np.complex64]
    seen: NDArray[np.complex64]


def _waves(maps: NDArray[np.uint8]) -> _Waves:
    """Each ring counts by its length."""
    seen, detail = (maps > 0).astype(np.float32), _detail(maps)
    return _Waves(*(np.fft.rfft(part, axis=2).astype(np.complex64) for part in (detail, detail**2, seen)))


def _detail(maps: NDArray[np.uint8]) -> Floats:
    """What stands out, 0 where nothing is seen; the weight of a ring in each of two factors makes its length."""
    weight = np.sqrt(np.linspace(INNER, REACH, RINGS, dtype=np.float32))[:, None]
    return np.asarray((maps.astype(np.float32) - 128) / 127 * (maps > 0) * weight, np.float32)


def likenesses(one: FaceMap, others: NDArray[np.uint8]) -> list[Likeness]:
    """How alike a face is to each of (n) others, at the turn at which both are most alike."""
    a, b = _waves(one[None]), _waves(others)
    both = _turned(a.detail, b.detail)
    energy = np.maximum(_turned(a.square, b.seen), 0) * np.maximum(_turned(a.seen, b.square), 0)
    shares = both / np.sqrt(np.maximum(energy, 1e-6))
    seen = _turned(a.seen, b.seen) / (RINGS * ANGLES)
    return [_most_alike(share, both_seen) for share, both_seen in zip(shares, seen, strict=True)]


def _turned(a: NDArray[np.complex64], b: NDArray[np.complex64]) -> Floats:
    """Sums over all rings of the products at every turn, (n, ANGLES)."""
    return np.asarray(np.fft.irfft((a.conj() * b).sum(axis=1), ANGLES, axis=1), np.float32)


def _most_alike(shares: Floats, seen: Floats) -> Likeness:
    turn = int(shares.argmax())
    away = np.abs((np.arange(ANGLES) - turn + ANGLES / 2) % ANGLES - ANGLES / 2)
    rest = shares[away > ANGLES / 40]
    middle = float(np.median(rest))
    spread = 1.4826 * float(np.median(np.abs(rest - middle)))
    degrees = (turn * 360 / ANGLES + 180) % 360 - 180
    return Likeness(float(shares[turn]), (float(shares[turn]) - middle) / max(spread, 1e-6), degrees, float(seen[turn]))


# --- among many


def signatures(face: FaceMap) -> tuple[Floats, Floats]:
    """What a turn does not change: the lengths of the Fourier components, in bands of rings; float32.

    Twice: each band for itself, by which worn copies of clean faces are found again, and in logarithms, by which faces
    with marks that were taken again are.
    """
    lengths = np.abs(_waves(face[None]).detail[0, :, 1:WAVES])
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
    a, b = (np.fft.rfft(_detail(maps), axis=2).astype(np.complex64) for maps in (one[None], others))
    both = _turned(a, b)
    middle = np.median(both, axis=1, keepdims=True)
    spread = 1.4826 * np.median(np.abs(both - middle), axis=1)
    return np.asarray(both.max(axis=1) - middle[:, 0] > MAYBE_Z * np.maximum(spread, 1e-6))
