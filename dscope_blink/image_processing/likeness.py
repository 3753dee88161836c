"""How alike two pictures of end faces are: their surfaces unrolled about the fiber, compared turn by turn, by phase.

A picture is unrolled in fiber coordinates (rings about the cladding, out to the ferrule), rings are levelled and what
is smooth along them is taken out: what is left are marks and grain. Re-saving, cropping and another exposure hardly
change it, turning the face shifts it along the rings, and a move in the picture is taken out by the fiber's own place.
A clean face that was taken twice has no marks to be known by.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Ellipse, FloatImage, PictureLikeness, to_form

FaceMap: TypeAlias = NDArray[np.uint8]  # (RINGS, ANGLES): 0 unseen, else 128 + 127 x what stands out, -1..1
Floats: TypeAlias = NDArray[np.float32]

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
# A turned face stands out from all other turns: in 86 photographs of seven microscopes by at least 13.7 sigmas, another
# face by at most 10.4. What does not turn is also of the camera, dust on it and its columns: different faces of one
# microscope reached a likeness of 0.13 there.
LEAST_Z, LEAST_TURNED = 12.0, 0.12
LEAST_Z_UNTURNED, LEAST_UNTURNED, TURN_DEG = 8.0, 0.20, 3.0
# In a picture of little more than the fiber, one long scratch is like another at some turn: different faces reached
# 14.6 sigmas there, one pair of 4186 16.6; copies that were turned had at least 17.9.
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

    @property
    def tells_the_turn(self) -> bool:
        """Whether it is so sure that marks may be moved by its turn: both show more than the fiber, or nothing turned.

        To keep two faces together for no reason does no harm in a data set; marks of another face do in an aggregate.
        """
        return self.is_one_face and (self.seen >= CLOSE or abs(self.turn_deg) <= TURN_DEG)


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
class Waves:
    """Fourier components along the rings of (n) faces: what stands out, its square, and where it is seen."""

    detail: NDArray[np.complex64]  # (n, RINGS, ANGLES / 2 + 1)
    square: NDArray[np.complex64]
    seen: NDArray[np.complex64]


def waves_of(maps: NDArray[np.uint8]) -> Waves:
    """The components of (n, RINGS, ANGLES) maps; each ring counts by its length."""
    seen, detail = (maps > 0).astype(np.float32), detail_of(maps)
    return Waves(*(np.fft.rfft(part, axis=2).astype(np.complex64) for part in (detail, detail**2, seen)))


def detail_of(maps: NDArray[np.uint8]) -> Floats:
    """What stands out in (n, RINGS, ANGLES) maps, 0 where nothing is seen.

    The weight of a ring in each of two factors makes its length.
    """
    weight = np.sqrt(np.linspace(INNER, REACH, RINGS, dtype=np.float32))[:, None]
    return np.asarray((maps.astype(np.float32) - 128) / 127 * (maps > 0) * weight, np.float32)


def likenesses(one: FaceMap, others: NDArray[np.uint8]) -> list[Likeness]:
    """How alike a face is to each of (n) others, at the turn at which both are most alike."""
    a, b = waves_of(one[None]), waves_of(others)
    both = summed_by_turn(a.detail, b.detail)
    energy = np.maximum(summed_by_turn(a.square, b.seen), 0) * np.maximum(summed_by_turn(a.seen, b.square), 0)
    shares = both / np.sqrt(np.maximum(energy, 1e-6))
    seen = summed_by_turn(a.seen, b.seen) / (RINGS * ANGLES)
    return [_most_alike(share, both_seen) for share, both_seen in zip(shares, seen, strict=True)]


def summed_by_turn(a: NDArray[np.complex64], b: NDArray[np.complex64]) -> Floats:
    """Sums over all rings of the products at every turn, (n, ANGLES)."""
    return np.asarray(np.fft.irfft((a.conj() * b).sum(axis=1), ANGLES, axis=1), np.float32)


def compare_pictures(maps: Mapping[str, FaceMap]) -> tuple[PictureLikeness, ...]:
    """How alike every two pictures of what should be one face are.

    Parameters
    ----------
    maps : unrolled faces by the sha256 of their pictures
    """
    found, left = list[PictureLikeness](), sorted(maps)
    while len(left) > 1:
        first, *left = left
        for second, like in zip(left, likenesses(maps[first], np.stack([maps[one] for one in left])), strict=True):
            found.append(_told(first, second, like))
    return tuple(found)


def _told(first: str, second: str, like: Likeness) -> PictureLikeness:
    return PictureLikeness(first, second, like.turn_deg % 360, like.share, like.z, like.seen, like.tells_the_turn)


def _most_alike(shares: Floats, seen: Floats) -> Likeness:
    turn = int(shares.argmax())
    before, peak, after = (float(shares[(turn + step) % ANGLES]) for step in (-1, 0, 1))
    beside = (before - after) / (2 * min(before - 2 * peak + after, -1e-9))  # the top of the parabola through them
    away = np.abs((np.arange(ANGLES) - turn + ANGLES / 2) % ANGLES - ANGLES / 2)
    rest = shares[away > ANGLES / 40]
    middle = float(np.median(rest))
    spread = 1.4826 * float(np.median(np.abs(rest - middle)))
    degrees = ((turn + beside) * 360 / ANGLES + 180) % 360 - 180
    return Likeness(peak, (peak - middle) / max(spread, 1e-6), degrees, float(seen[turn]))
