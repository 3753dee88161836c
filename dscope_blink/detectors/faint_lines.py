"""Long faint scratches by their sums along straight and slightly curved courses, to the noise of such sums."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import FloatImage, Mask, Residual

Sums = NDArray[np.int16]
FloatArray = NDArray[np.float64]


def detect(
    residual: Residual,
    *,
    lengths_px: tuple[int, ...] | list[int],
    seed_sigmas: float,
    min_sigmas: float,
    most_lines: int,
) -> FloatImage:
    """Lines too faint for every pixel of theirs, by the sum along them over the spread of such sums elsewhere.

    Parameters
    ----------
    residual : window of the picture; `gray`, `snr`, `rho`, `inside` and `blur_px` are read
    lengths_px : of the beamlets that are tried everywhere, powers of two, in pixels of the reduced residual
    seed_sigmas : sum of a beamlet over the spread of all of its direction, from which its course is followed
    min_sigmas : least sum along the whole course, over the spread of the same course beside it and around the fiber
    most_lines : so many courses are followed at most, the strongest first

    Returns
    -------
    (h, w) float32, 1 on lines, as wide as their mean profile, else 0

    Notes
    -----
    Beamlets after Donoho and Huo, Beamlets and multiscale image analysis, 2002 (DOI 10.1007/978-3-642-56205-1_3),
    summed by doubling as in Brady, A fast discrete approximation algorithm for the Radon transform, SIAM J. Comput.
    27(1), 1998 (DOI 10.1137/S0097539793256673).
    """
    field = _even_field(residual)
    support = np.zeros(residual.snr.shape, np.float32)
    seeds = _seeds(field, sorted(lengths_px), seed_sigmas)
    for _ in range(most_lines):
        if not len(seeds.sigmas):
            break
        course = _followed(field, seeds.strongest())
        seeds = seeds.off(course)
        if course.length >= MIN_LENGTH and _stands(field, course, min_sigmas):
            _draw(support, residual, course, field.factor)
    return support


# --- the residual, evened


@dataclass(frozen=True, slots=True)
class _Field:
    """The residual, reduced, smoothed across lines and in sigmas of its own noise; clipped, so that no blob wins."""

    even: FloatImage  # (h, w), 0 where no mark is sought
    known: FloatImage  # (h, w), 1 where marks are sought, else 0
    factor: int  # pixels of the residual per pixel, along x and y
    centre: FloatArray  # (2,) of the fiber, x, y
    root: FloatArray  # (2, 2), makes the cladding a circle around it


LINE_SIGMA, BESIDE_SIGMA = 0.5, 3.5  # pixels of the reduced residual: a line of 1 to 4 px, less what is beside it
CLIP_SIGMAS, MARK_SIGMAS = 2.5, 4.0
LOCAL_PX = 49


def _even_field(residual: Residual) -> _Field:
    factor = max(2, round(1.5 * residual.blur_px))
    size = tuple(math.ceil(n / factor) for n in residual.gray.shape)
    by = [(0, n * factor - m) for n, m in zip(size, residual.gray.shape, strict=True)]

    def reduced(image: FloatImage) -> FloatImage:
        padded = cv2.copyMakeBorder(image, 0, by[0][1], 0, by[1][1], cv2.BORDER_CONSTANT) if by[0][1] or by[1][1] else image
        return cv2.resize(padded, size[::-1], interpolation=cv2.INTER_AREA)

    known = (reduced(residual.inside.astype(np.float32)) > 0.99).astype(np.float32)
    rho = cv2.resize(residual.rho, size[::-1], interpolation=cv2.INTER_NEAREST)
    centre, root = _frame(rho)
    rings = np.minimum(rho * np.float32(residual.cladding_radius_px / factor / RING_PX), 10_000).astype(np.int32)
    even = _in_sigmas(reduced(residual.gray) * known, known, rings, MARK_SIGMAS)
    even = cv2.GaussianBlur(even, (0, 0), LINE_SIGMA) - cv2.GaussianBlur(even, (0, 0), BESIDE_SIGMA)
    return _Field(_in_sigmas(even * known, known, rings, CLIP_SIGMAS), known, factor, centre, root)


RING_PX = 1.5


def _frame(rho: FloatImage) -> tuple[FloatArray, FloatArray]:
    """Centre of the cladding and what makes it a circle, from distances that are the root of a quadratic form."""
    step = max(min(rho.shape) // 12, 1)
    y, x = (index.ravel().astype(np.float64) for index in np.mgrid[0 : rho.shape[0] : step, 0 : rho.shape[1] : step])
    terms = np.stack([x * x, 2 * x * y, y * y, x, y, np.ones_like(x)], axis=1)
    a, b, c, d, e, _ = np.linalg.lstsq(terms, rho[y.astype(int), x.astype(int)].astype(np.float64) ** 2)[0]
    form = np.array([[a, b], [b, c]])
    values, vectors = np.linalg.eigh(form)
    return np.linalg.solve(form, [-d / 2, -e / 2]), vectors @ np.diag(np.sqrt(np.maximum(values, 1e-12))) @ vectors.T


def _in_sigmas(image: FloatImage, known: FloatImage, rings: NDArray[np.int32], most: float) -> FloatImage:
    """Less the mean of each ring, over the larger noise of ring and surroundings, clipped; both without marks."""
    typical = SIZE_TO_SIGMA * float(np.abs(image).sum() / max(known.sum(), 1))
    count = np.maximum(np.bincount(rings.ravel(), known.ravel()), 1)
    clipped = np.clip(image, -2 * typical, 2 * typical)
    mean = (np.bincount(rings.ravel(), clipped.ravel()) / count).astype(np.float32)
    image = (image - mean[rings]) * known
    noise = np.full(count.shape, 3 * typical)
    for _ in range(2):
        size = np.minimum(np.abs(image), (2 * noise).astype(np.float32)[rings])
        noise = np.maximum(SIZE_TO_SIGMA * np.bincount(rings.ravel(), size.ravel()) / count, 1e-6)
    here = cv2.blur(size, (LOCAL_PX, LOCAL_PX)) / np.maximum(cv2.blur(known, (LOCAL_PX, LOCAL_PX)), 0.05)
    local = np.maximum(np.float32(SIZE_TO_SIGMA) * here, noise.astype(np.float32)[rings])
    return np.clip(image / local, -most, most)


SIZE_TO_SIGMA = 1.2533  # of the mean size of a normal deviation


# --- beamlets


@dataclass(frozen=True, slots=True)
class _Seeds:
    """Beamlets that stand out: both ends and their sums in sigmas, with their sign; rows by falling size."""

    ends: FloatArray  # (n, 2, 2) x, y
    sigmas: FloatArray  # (n,)

    def strongest(self) -> FloatArray:
        """Both ends; (2, 2)."""
        ends: FloatArray = self.ends[0]
        return ends

    def off(self, course: _Course) -> _Seeds:
        """Without the first, and those that run along a course."""
        points = course.points[:: max(len(course.points) // 24, 1)]
        middle = self.ends.mean(axis=1)
        places = np.concatenate([self.ends, middle[:, None]], axis=1)  # (n, 3, 2)
        apart = np.square(places[:, :, None] - points[None, None]).sum(axis=3)  # (n, 3, points)
        step = max(course.length / 24, 1.0)
        near = (np.sqrt(apart.min(axis=2)) < SAME_PX + step / 2).sum(axis=1) >= 2
        near[0] = True
        return _Seeds(self.ends[~near], self.sigmas[~near])


SAME_PX = 4.0
UNIT = 40
MOST_SEEDS = 400


def _seeds(field: _Field, lengths: list[int], seed_sigmas: float) -> _Seeds:
    levels = np.rint(field.even * UNIT).astype(np.int16)
    h, w = levels.shape
    share = max(float(field.known.mean()), 0.05)
    ends, sigmas = [np.empty((0, 2, 2))], [np.empty(0)]
    for turned in (False, True):
        upright = levels.T if turned else levels
        for mirrored in (False, True):
            seen = np.ascontiguousarray(upright[:, ::-1] if mirrored else upright)
            for length, sums in _beamlets(seen, lengths):
                size = np.abs(sums)
                spread = SIZE_TO_SIGMA / share * size.reshape(len(sums), -1).mean(axis=1)  # (slopes,)
                limit = np.maximum(seed_sigmas * spread, 1).astype(np.int16)
                place = np.flatnonzero(size > limit[:, None, None])
                if len(place) > MOST_SEEDS:
                    over = size.ravel()[place] / spread[place // size[0].size]
                    place = place[np.argpartition(-over, MOST_SEEDS)[:MOST_SEEDS]]
                slope, start, x = np.unravel_index(place, sums.shape)
                y = start * (length // 2)
                x0, x1 = x.astype(np.float64), (x + slope).astype(np.float64)
                if mirrored:
                    x0, x1 = (seen.shape[1] - 1 - v for v in (x0, x1))
                one, other = np.stack([x0, y], axis=1), np.stack([x1, y + length - 1.0], axis=1)
                both = np.stack([one, other], axis=1)
                ends.append(both[:, :, ::-1] if turned else both)
                sigmas.append(sums.ravel()[place] / spread[slope])
    every, sizes = np.concatenate(ends), np.concatenate(sigmas)
    order = np.argsort(-np.abs(sizes), kind="stable")[: 4 * MOST_SEEDS]
    return _Seeds(every[order], sizes[order])


def _beamlets(image: Sums, lengths: list[int]) -> Iterator[tuple[int, Sums]]:
    """Sums along lines that lean from upright to 45 degrees to the right, through so many rows; twice overlapping.

    Of each length (length slopes, starts, w): the line of slope s begins in row start * length / 2 at column x and ends
    s columns further.
    """
    h, w = image.shape
    sums = np.zeros((1, -(-h // lengths[-1]) * lengths[-1], w), np.int16)
    sums[0, :h] = image
    length = 1
    while length < lengths[-1]:
        # the lower half begins so many rows further; those of two rows begin in every row, as those of one do
        apart, every = (1, 1) if length == 1 else (2, 2)
        upper, lower = sums[:, :-apart:every], sums[:, apart::every]
        doubled = np.empty((2 * length, upper.shape[1], w), np.int16)
        for slope, out in enumerate(doubled):
            half, by = slope // 2, (slope + 1) // 2
            out[:] = upper[half]
            out[:, : w - by] += lower[half, :, by:]
        sums, length = doubled, 2 * length
        if length in lengths:
            yield length, sums


# --- courses


@dataclass(frozen=True, slots=True)
class _Course:
    """A parabola over a chord, in pixels of the reduced residual."""

    points: FloatArray  # (n, 2) x, y, a pixel apart
    sign: float

    @property
    def length(self) -> float:
        return float(len(self.points))


REACH_PX, STEP_PX = 4.0, 0.5  # how far beside a course it is looked for, and how finely
BLOCKS = 8  # along a course, for its fit
ROUNDS = 4  # in each a course may become twice as long
MIN_LENGTH = 12
MOST_BEND = 0.12  # sagitta over length


def _followed(field: _Field, ends: FloatArray) -> _Course:
    """The course that a beamlet is a part of: fitted, and prolonged as far as its sum over the root of length grows."""
    course = _Course(_between(*ends), 1.0)
    for turn in range(ROUNDS):
        course = _fitted(field, course)
        longer = _prolonged(course) if turn < ROUNDS - 1 else course
        along = _sampled(field.even, longer.points[None])[0]
        course = _Course(longer.points[_best_part(along * course.sign)], course.sign)
        if len(course.points) < MIN_LENGTH:
            break
    return course


def _between(start: FloatArray, stop: FloatArray) -> FloatArray:
    count = max(round(float(np.hypot(*(stop - start)))), 2)
    return start + np.linspace(0, 1, count)[:, None] * (stop - start)


def _sampled(image: FloatImage, points: FloatArray) -> FloatImage:
    """The picture at (k, n, 2) points, 0 beyond it; (k, n)."""
    at = points.astype(np.float32)
    return cv2.remap(image, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderValue=0)


def _normals(points: FloatArray) -> FloatArray:
    along = np.gradient(points, axis=0)
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
    return np.stack([-along[:, 1], along[:, 0]], axis=1)


def _fitted(field: _Field, course: _Course) -> _Course:
    """Moved, turned and bent to the largest sum."""
    points, normals = course.points, _normals(course.points)
    across = np.arange(-REACH_PX, REACH_PX + STEP_PX / 2, STEP_PX)
    strip = _sampled(field.even, points[None] + across[:, None, None] * normals[None])  # (across, n)
    edges = np.linspace(0, len(points), BLOCKS + 1).round().astype(int)
    sums = np.add.reduceat(strip, edges[:-1], axis=1)  # (across, blocks)
    moved = _MOVES @ _POWERS  # (fits, blocks)
    column = np.clip((moved + REACH_PX) / STEP_PX, 0, len(across) - 1.001)
    low = column.astype(int)
    share = column - low
    k = np.arange(BLOCKS)[None]
    total = ((1 - share) * sums[low, k] + share * sums[low + 1, k]).sum(axis=1)
    best = int(np.argmax(np.abs(total)))
    t = np.linspace(-1, 1, len(points))
    offset = _MOVES[best] @ np.stack([np.ones_like(t), t, t * t - 1 / 3])
    return _Course(points + offset[:, None] * normals, math.copysign(1.0, float(total[best])))


_MIDDLES = (2 * np.arange(BLOCKS) + 1) / BLOCKS - 1
_POWERS = np.stack([np.ones(BLOCKS), _MIDDLES, _MIDDLES**2 - 1 / 3])
_MOVES = np.stack(
    [grid.ravel() for grid in np.meshgrid(np.arange(-2, 2.1, 0.5), np.arange(-2, 2.1, 0.5), np.arange(-2, 2.1, 0.5))],
    axis=1,
)


def _prolonged(course: _Course) -> _Course:
    """By half its length at either end, on the same parabola."""
    n = len(course.points)
    t = np.linspace(-1, 1, n)
    factors = np.polynomial.polynomial.polyfit(t, course.points, 2)
    return _Course(_evenly(np.polynomial.polynomial.polyval(np.linspace(-2, 2, 4 * n), factors).T), course.sign)


def _evenly(points: FloatArray) -> FloatArray:
    """The same curve by points a pixel apart."""
    run = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.arange(0, run[-1] + 1e-9, 1.0)
    return np.stack([np.interp(at, run, points[:, k]) for k in (0, 1)], axis=1)


PART_PX = 3  # ends of a course are sought so finely


def _best_part(along: FloatImage) -> slice:
    """The part of a course with the largest sum over the root of its length."""
    whole = np.concatenate([[0.0], np.cumsum(along.astype(np.float64))])
    at = np.unique(np.append(np.arange(0, len(along), PART_PX), len(along)))
    length = np.maximum(at[None] - at[:, None], 0)
    sums = np.where(length >= MIN_LENGTH, (whole[at][None] - whole[at][:, None]) / np.sqrt(np.maximum(length, 1)), -np.inf)
    i, j = np.unravel_index(int(np.argmax(sums)), sums.shape)
    return slice(int(at[i]), int(at[j]))


# --- whether it stands


TURNS = 48  # around the fiber
BESIDE_PX = np.concatenate([side * np.arange(3.0, 25.0, 1.5) for side in (-1, 1)])
TURNED_DEG = np.array([-40, -32, -25, -19, -14, 14, 19, 25, 32, 40.0])
PIECES = 8
MIN_SAME, MIN_HALF = 0.7, 0.3


def _sigmas(field: _Field, course: _Course) -> float:
    """Its sum over what the same course comes to beside it, turned, and all around the fiber; the least of these."""
    along = _winsorised(_sampled(field.even, course.points[None]) * np.float32(course.sign))
    own = float(along.sum()) / math.sqrt(len(course.points))
    beside = np.concatenate([_beside(course), _turned(course)])
    return min(_over(own, field, copies, course.sign) for copies in (beside, _around(field, course)))


def _winsorised(along: FloatImage) -> FloatImage:
    """No piece counts more than twice the typical one; (k, n)."""
    return along


def _over(own: float, field: _Field, copies: FloatArray, sign: float) -> float:
    seen = _sampled(field.known, copies)
    sums = (_sampled(field.even, copies) * seen).sum(axis=1)
    count = seen.sum(axis=1)
    kept = count > 0.5 * copies.shape[1]
    if kept.sum() < FEWEST:
        return 0.0
    others = sign * sums[kept] / np.sqrt(count[kept])
    middle = float(np.median(others))
    apart = np.sort(np.abs(others - middle))
    spread = max(apart[int(0.5 * len(apart))] / 0.6745, apart[int(0.85 * (len(apart) - 1))] / 1.44, LEAST_SPREAD)
    return (own - max(middle, 0.0)) / spread


FEWEST = 10
LEAST_SPREAD = 1.0


def _beside(course: _Course) -> FloatArray:
    normal = _normals(course.points)[len(course.points) // 2]
    moved: FloatArray = course.points[None] + BESIDE_PX[:, None, None] * normal
    return moved


def _turned(course: _Course) -> FloatArray:
    middle = course.points.mean(axis=0)
    return middle + (course.points - middle) @ _rotations(np.radians(TURNED_DEG))


def _around(field: _Field, course: _Course) -> FloatArray:
    angles = np.arange(1, TURNS) * (2 * math.pi / TURNS)
    unit = (course.points - field.centre) @ field.root
    return field.centre + unit @ _rotations(angles) @ np.linalg.inv(field.root)


def _rotations(angles: FloatArray) -> FloatArray:
    """(k, 2, 2), for rows of points."""
    c, s = np.cos(angles), np.sin(angles)
    return np.stack([np.stack([c, s], axis=-1), np.stack([-s, c], axis=-1)], axis=-2)


def _stands(field: _Field, course: _Course, min_sigmas: float) -> bool:
    return _even_along(field, course) and _sigmas(field, course) >= min_sigmas


def _even_along(field: _Field, course: _Course) -> bool:
    """Most pieces have its sign, and each half its share: two specks are no line."""
    along = _sampled(field.even, course.points[None])[0] * course.sign
    edges = np.linspace(0, len(along), PIECES + 1).round().astype(int)
    pieces = np.add.reduceat(along, edges[:-1])
    whole = float(pieces.sum())
    halves = pieces[: PIECES // 2].sum(), pieces[PIECES // 2 :].sum()
    return whole > 0 and (pieces > 0.25 * np.median(pieces)).mean() >= MIN_SAME and min(halves) >= MIN_HALF * whole


# --- its pixels


def _draw(support: FloatImage, residual: Residual, course: _Course, factor: int) -> None:
    points = (course.points + 0.5) * factor - 0.5
    normals = _normals(points)
    across = np.arange(-PROFILE_PX, PROFILE_PX + 0.25, 0.5)
    strip = _sampled(residual.snr, points[None] + across[:, None, None] * normals[None]) * np.float32(course.sign)
    profile = strip.mean(axis=1)
    low, high = _shown_width(profile, across, residual.blur_px)
    edge = np.concatenate([points + (low + 0.5) * normals, (points + (high - 0.5) * normals)[::-1]])
    cv2.fillPoly(support, [np.rint(edge * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)


PROFILE_PX = 6.0
OUTLINE_LEVEL = 0.35


def _shown_width(profile: NDArray[np.floating], across: FloatArray, blur_px: float) -> tuple[float, float]:
    """Where the mean profile falls to the level at which marks are outlined, but no narrower than the optics show."""
    middle = np.abs(across) <= 2.0
    top = int(np.flatnonzero(middle)[np.argmax(profile[middle])])
    below = profile < OUTLINE_LEVEL * profile[top]
    left, right = np.flatnonzero(below[:top]), np.flatnonzero(below[top:])
    low = across[left[-1] + 1] if left.size else across[0]
    high = across[top + right[0] - 1] if right.size else across[-1]
    least = 1.45 * blur_px
    return min(low, across[top] - least), max(high, across[top] + least)
