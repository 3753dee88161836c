"""Long faint scratches by their sums along straight and slightly curved courses, to the noise of such sums."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import FloatImage, Mask, Residual, steady

Sums = NDArray[np.int16]
FloatArray = NDArray[np.float64]


def detect(
    residual: Residual,
    *,
    lengths_px: tuple[int, ...] | list[int],
    seed_sigmas: float,
    min_sigmas: float,
    min_contrast: float,
    most_lines: int,
) -> FloatImage:
    """Lines too faint for every pixel of theirs, by the sum along them over the spread of such sums elsewhere.

    Parameters
    ----------
    residual : window of the picture; `gray`, `snr`, `rho`, `inside` and `blur_px` are read
    lengths_px : of the beamlets that are tried everywhere, powers of two, in pixels of the reduced residual
    seed_sigmas : sum of a beamlet over the spread of all of its direction, from which its course is followed
    min_sigmas : least sum along the whole of a long course, over the spread of the same course beside it and around the
        fiber; a short one, of which there are more, needs more
    min_contrast : least mean departure along the course, relative to the brightness
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
        course = _followed(field, seeds.ends[0])
        seeds = seeds.off(course)
        needed = min_sigmas * math.sqrt(1 + SHORT_PX / max(course.length, 1.0)) * (ALIGNED if course.is_aligned else 1)
        if course.length >= MIN_LENGTH and _shows(residual, course, min_contrast) and _stands(field, course, needed):
            _draw(support, residual, course)
            _wipe(field, course)
            seeds = seeds.left_on(field, seed_sigmas)
    return support


SHORT_PX = 20.0
ALIGNED = 2.0  # times as far must a line stand out along rows or columns, where cameras and JPEG blocks make lines


# --- the residual, evened


@dataclass(frozen=True, slots=True)
class _Field:
    """The residual smoothed as a line is, less what is beside, in sigmas; clipped, so that no blob wins."""

    even: FloatImage  # (h, w), 0 where no mark is sought
    known: FloatImage  # (h, w), 1 where marks are sought, else 0
    factor: int  # pixels of it to one of the reduced one, along x and y
    centre: FloatArray  # (2,) of the fiber, x, y
    root: FloatArray  # (2, 2), makes the cladding a circle around it
    spread: float  # typical, of sums along lines over the root of their length


EDGE_PX = 10.0  # what runs along the cladding edge is that edge
LINE_WIDTH_PX = 2.3  # for which sums are best; as the blur is added, twice or half of it loses little
BESIDE = 6.0  # times as far reaches what is taken off
CLIP_SIGMAS, MARK_SIGMAS = 4.0, 8.0
STEP, RING_PX, LOCAL_PX = 3, 3.0, 49  # of what the noise is measured on


def _even_field(residual: Residual) -> _Field:
    optics_px = math.sqrt(max(residual.blur_px**2 - 1, 0.0))
    sigma = math.hypot(optics_px, LINE_WIDTH_PX / math.sqrt(12))
    off_edge = np.abs(residual.rho - 1) > np.float32(EDGE_PX / residual.cladding_radius_px)
    sought = (residual.inside & off_edge & ~_blots(residual.snr)).view(np.uint8)
    inside = sought.astype(np.float32)
    gray = residual.gray * inside
    most = MARK_SIGMAS * SIZE_TO_SIGMA * float(np.abs(gray[::3, ::3]).sum() / max(inside[::3, ::3].sum(), 1))
    np.clip(gray, -most, most, out=gray)
    even = cv2.GaussianBlur(gray, (0, 0), sigma)
    side = 2 * round(BESIDE * sigma) + 1
    even -= cv2.blur(gray, (side, side))
    # beyond it the residual is taken for 0: a step; bytes take a fifth of the time of floats
    inside = cv2.erode(sought, np.ones((side, side), np.uint8)).astype(np.float32)
    even *= inside
    rho = residual.rho[::STEP, ::STEP]
    mean, noise = _mean_and_noise(even[::STEP, ::STEP], inside[::STEP, ::STEP], rho, residual.cladding_radius_px)
    size = even.shape[::-1]
    even -= cv2.resize(mean, size, interpolation=cv2.INTER_LINEAR)
    even *= cv2.resize(inside[::STEP, ::STEP] / noise, size, interpolation=cv2.INTER_LINEAR)
    even *= inside
    np.clip(even, -CLIP_SIGMAS, CLIP_SIGMAS, out=even)
    centre, root = _frame(residual.rho)
    field = _Field(even, inside, max(2, round(1.5 * sigma)), centre, root, LEAST_SPREAD)
    return replace(field, spread=_typical_spread(field))


def _blots(snr: FloatImage) -> Mask:
    """What plainly stands out and is wider than a line, with its border."""
    plain = (np.abs(snr) > PLAIN_SNR).astype(np.uint8)
    wide = cv2.morphologyEx(plain, cv2.MORPH_OPEN, np.ones((WIDE_PX, WIDE_PX), np.uint8))
    return cv2.dilate(wide, np.ones((WIDE_PX, WIDE_PX), np.uint8)).astype(bool)


PLAIN_SNR, WIDE_PX = 4.0, 7


def _frame(rho: FloatImage) -> tuple[FloatArray, FloatArray]:
    """Centre of the cladding and what makes it a circle, from distances that are the root of a quadratic form."""
    step = max(min(rho.shape) // 12, 1)
    y, x = (index.ravel().astype(np.float64) for index in np.mgrid[0 : rho.shape[0] : step, 0 : rho.shape[1] : step])
    terms = np.stack([x * x, 2 * x * y, y * y, x, y, np.ones_like(x)], axis=1)
    a, b, c, d, e, _ = np.linalg.lstsq(terms, rho[y.astype(int), x.astype(int)].astype(np.float64) ** 2)[0]
    form = np.array([[a, b], [b, c]])
    values, vectors = np.linalg.eigh(form)
    root = vectors @ np.diag(np.sqrt(np.maximum(values, 1e-12))) @ vectors.T
    return steady(np.linalg.solve(form, [-d / 2, -e / 2]), 6), steady(root)


def _mean_and_noise(
    image: FloatImage, known: FloatImage, rho: FloatImage, radius_px: float
) -> tuple[FloatImage, FloatImage]:
    """The mean of each ring around the fiber, and the larger noise of ring and surroundings, both without marks."""
    rings = np.minimum(rho * np.float32(radius_px / RING_PX), 10_000).astype(np.int32).ravel()
    count = np.maximum(np.bincount(rings, known.ravel()), 1)
    typical = SIZE_TO_SIGMA * float(np.abs(image).sum() / max(known.sum(), 1))
    mean = (np.bincount(rings, np.clip(image, -2 * typical, 2 * typical).ravel()) / count).astype(np.float32)
    means = mean[rings].reshape(image.shape)
    size = np.abs(image - means) * known
    noise = np.full(count.shape, 3 * typical)
    for _ in range(2):
        size = np.minimum(size, (2 * noise).astype(np.float32)[rings].reshape(size.shape))
        noise = np.maximum(SIZE_TO_SIGMA * np.bincount(rings, size.ravel()) / count, 1e-6)
    box = (LOCAL_PX // STEP, LOCAL_PX // STEP)
    here = cv2.blur(size, box) / np.maximum(cv2.blur(known, box), 0.05)
    return means, np.maximum(np.float32(SIZE_TO_SIGMA) * here, noise.astype(np.float32)[rings].reshape(size.shape))


SIZE_TO_SIGMA = 1.2533  # of the mean size of a normal deviation


# --- beamlets


@dataclass(frozen=True, slots=True)
class _Seeds:
    """Beamlets that stand out: both ends and their sums in sigmas, with their sign; rows by falling size."""

    ends: FloatArray  # (n, 2, 2) x, y
    sigmas: FloatArray  # (n,)

    def off(self, course: _Course) -> _Seeds:
        """Without the first, and those that run along a course."""
        points = course.points(24)
        middle = self.ends.mean(axis=1)
        places = np.concatenate([self.ends, middle[:, None]], axis=1)  # (n, 3, 2)
        x, y = (places[:, :, None, axis] - points[:, axis] for axis in (0, 1))  # (n, 3, points)
        apart = x * x + y * y
        step = max(course.length / 24, 1.0)
        near = (np.sqrt(apart.min(axis=2)) < SAME_PX + step / 2).sum(axis=1) >= 2
        near[0] = True
        return self._only(~near)

    def left_on(self, field: _Field, seed_sigmas: float) -> _Seeds:
        """Those whose sums are still such as to follow, after a line was wiped off."""
        share = np.linspace(0, 1, 25)[:, None]
        points = self.ends[:, :1] + share * (self.ends[:, 1:] - self.ends[:, :1])  # (n, 25, 2)
        mean = _sampled(field.even, points).mean(axis=1) * np.sign(self.sigmas)
        length = np.hypot(*(self.ends[:, 1] - self.ends[:, 0]).T)
        return self._only(mean * np.sqrt(np.maximum(length, 1)) > seed_sigmas)

    def _only(self, kept: Mask) -> _Seeds:
        return _Seeds(self.ends[kept], self.sigmas[kept])


SAME_PX = 6.0
UNIT = 40
MOST_SEEDS = 150  # of one length and side


def _seeds(field: _Field, lengths: list[int], seed_sigmas: float) -> _Seeds:
    levels = _reduced(field)
    share = max(float(field.known[::4, ::4].mean()), 0.05)
    ends, sigmas = [np.empty((0, 2, 2))], [np.empty(0)]
    for turned in (False, True):
        upright = levels.T if turned else levels
        for mirrored in (False, True):
            seen = np.ascontiguousarray(upright[:, ::-1] if mirrored else upright)
            for length, sums in _beamlets(seen, lengths):
                size = np.abs(sums)
                spread = _spread(size[:, :, ::5]) / share
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
    order = np.argsort(-np.abs(sizes), kind="stable")
    order = order[_first_of_each(every[order])][:MOST_SEEDS]
    return _Seeds((every[order] + 0.5) * field.factor - 0.5, sizes[order])


def _spread(size: Sums) -> FloatArray:
    """Robust standard deviation of the sums of each slope, from their sizes; (slopes,)."""
    mean = size.mean(axis=(1, 2), dtype=np.float32)
    most = np.maximum(3 * mean, 1).astype(np.int16)[:, None, None]
    spread: FloatArray = SIZE_TO_SIGMA * np.minimum(size, most).mean(axis=(1, 2), dtype=np.float64)
    return np.maximum(spread, 1e-3)


def _first_of_each(ends: FloatArray) -> NDArray[np.intp]:
    """The first of those beamlets that share place and direction, roughly; indices, rising."""
    along = ends[:, 1] - ends[:, 0]
    turn = np.arctan2(along[:, 1], along[:, 0]) % math.pi / math.pi
    middle = np.floor(ends.mean(axis=1) / CELL_PX)
    key = (middle[:, 1] * 10_000 + middle[:, 0]) * TURN_CELLS + np.floor(turn * TURN_CELLS)
    return np.sort(np.unique(key, return_index=True)[1])


CELL_PX, TURN_CELLS = 6.0, 12


def _reduced(field: _Field) -> Sums:
    """In whole numbers, so that sums of 128 of them stay within 16 bits."""
    high, wide = (math.ceil(n / field.factor) for n in field.even.shape)
    h, w = field.even.shape
    whole = cv2.copyMakeBorder(field.even, 0, high * field.factor - h, 0, wide * field.factor - w, cv2.BORDER_CONSTANT)
    small = cv2.resize(whole, (wide, high), interpolation=cv2.INTER_AREA) * np.float32(UNIT)
    return np.rint(np.clip(small, -MOST_LEVEL, MOST_LEVEL)).astype(np.int16)


MOST_LEVEL = 100.0


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
            np.add(upper[half, :, : w - by], lower[half, :, by:], out=out[:, : w - by])
            out[:, w - by :] = upper[half, :, w - by :]
        sums, length = doubled, 2 * length
        if length in lengths:
            yield length, sums


# --- courses


@dataclass(frozen=True, slots=True)
class _Course:
    """A parabola: x and y as powers of the place along it, from -1 to 1."""

    factors: FloatArray  # (3, 2)
    sign: float = 1.0

    @property
    def length(self) -> float:
        """Of its chord."""
        return 2 * math.hypot(*self.factors[1])

    @property
    def normal(self) -> FloatArray:
        """Unit vector across its chord; (2,)."""
        x, y = self.factors[1]
        return np.array([-y, x]) / max(math.hypot(x, y), 1e-9)

    @property
    def is_aligned(self) -> bool:
        """Whether it runs within a degree of rows or columns."""
        x, y = np.abs(self.factors[1])
        return bool(min(x, y) < ALIGNED_SLOPE * max(x, y))

    @property
    def bend(self) -> float:
        """Sagitta over length."""
        return math.hypot(*self.factors[2]) / max(self.length, 1e-9)

    def points(self, count: int | None = None) -> FloatArray:
        """So many, else a pixel apart; (n, 2) x, y."""
        t = np.linspace(-1, 1, count or max(round(self.length) + 1, 2))
        places: FloatArray = self.factors[0] + t[:, None] * (self.factors[1] + t[:, None] * self.factors[2])
        return places

    def part(self, start: float, stop: float) -> _Course:
        """From one place along it to another, which may lie beyond its ends."""
        m, h = (start + stop) / 2, (stop - start) / 2
        c0, c1, c2 = self.factors
        return _Course(np.array([c0 + m * (c1 + m * c2), h * (c1 + 2 * m * c2), h * h * c2]), self.sign)


ALIGNED_SLOPE = 0.0175
REACH_PX, STEP_PX = 7.0, 0.5  # how far beside a course it is looked for, and how finely
BLOCKS = 8  # along a course, for its fit
ROUNDS, GROWN = 5, 1.1  # in each a course may become twice as long; by less than that it is the last
MIN_LENGTH = 34.0


def _followed(field: _Field, ends: FloatArray) -> _Course:
    """The course that a beamlet is a part of: fitted, and prolonged as far as its sum over the root of length grows."""
    (start, stop), flat = ends, np.zeros(2)
    course = _Course(np.stack([(start + stop) / 2, (stop - start) / 2, flat]))
    for _ in range(ROUNDS):
        before = course.length
        longer = _fitted(field, course).part(-2, 2)
        along = _sampled(field.even, longer.points()[None])[0]
        course = longer.part(*_best_part(along * np.float32(longer.sign)))
        if course.length < max(MIN_LENGTH, GROWN * before):
            break
    return course


def _sampled(image: FloatImage, points: FloatArray) -> FloatImage:
    """The picture at (k, n, 2) points, 0 beyond it; (k, n)."""
    at = points.astype(np.float32)
    if not at.size:
        return np.empty(at.shape[:2], np.float32)
    return cv2.remap(image, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderValue=0)


_ACROSS = np.arange(-REACH_PX, REACH_PX + STEP_PX / 2, STEP_PX)


def _fitted(field: _Field, course: _Course) -> _Course:
    """Moved, turned and bent to the largest sum."""
    points = course.points(max(round(course.length / 1.5), 2 * BLOCKS))
    strip = _sampled(field.even, points + _ACROSS[:, None, None] * course.normal)  # (across, n)
    edges = np.linspace(0, len(points), BLOCKS, endpoint=False).astype(int)
    total = np.add.reduceat(strip, edges, axis=1).ravel()[_PLACES].sum(axis=1)  # (moves,)
    best = int(np.argmax(np.abs(total)))
    return _Course(course.factors + _MOVES[best][:, None] * course.normal, math.copysign(1.0, float(total[best])))


def _all_moves() -> tuple[FloatArray, NDArray[np.intp]]:
    """Factors of the powers of the place along a course, (moves, 3), and where each meets the blocks of a strip."""
    shift, turn, bend = (m.ravel() for m in np.meshgrid(*(np.arange(-2.5, 2.6, 0.5),) * 2, np.arange(-2, 2.1, 1.0)))
    moves = np.stack([shift - bend / 3, turn, bend], axis=1)
    middle = (2 * np.arange(BLOCKS) + 1) / BLOCKS - 1
    across = moves @ np.stack([np.ones(BLOCKS), middle, middle**2])  # (moves, blocks)
    rows = np.rint((across + REACH_PX) / STEP_PX).astype(np.intp)
    return moves, rows * BLOCKS + np.arange(BLOCKS)


_MOVES, _PLACES = _all_moves()


PARTS = 40  # so finely the ends of a course are sought


def _best_part(along: FloatImage) -> tuple[float, float]:
    """From where to where, -1 to 1, the sum over the root of the length is largest."""
    at = np.linspace(0, len(along), PARTS + 1).astype(int)
    whole = np.concatenate([[0.0], np.cumsum(along.astype(np.float64))])[at]
    length = np.maximum(at - at[:, None], 0)
    sums = np.where(length >= MIN_LENGTH, (whole - whole[:, None]) / np.sqrt(np.maximum(length, 1)), -np.inf)
    i, j = divmod(int(np.argmax(sums)), len(at))
    return 2 * at[i] / len(along) - 1, 2 * at[j] / len(along) - 1


# --- whether it stands


TURNS = 40  # around the fiber
BESIDE_PX = np.concatenate([side * np.arange(9.0, 52.0, 3.0) for side in (-1, 1)])
TURNED_DEG = np.array([-40, -32, -25, -19, -14, 14, 19, 25, 32, 40.0])
POINT_PX = 1.5  # between the points of which sums are made
OWN_PX = 5.0  # so far around a course others show it
EACH = 0.75  # of the sigmas that a line needs over all other courses, over those of each kind


def _stands(field: _Field, course: _Course, min_sigmas: float) -> bool:
    """Whether it is even along its length, and its sum stands above what other courses come to.

    These are the same course beside it and turned, and all around the fiber: what repeats there, texture and rows of a
    camera raise the spread of one kind.
    """
    points = course.points(round(course.length / POINT_PX))
    along = course.sign * _sampled(field.even, points[None])[0]
    own = float(along.sum()) / math.sqrt(len(along))
    if own < min_sigmas * LEAST_SHARE * field.spread or not _is_even(along):
        return False
    middle = course.factors[0]
    turned = middle + (points - middle) @ _rotations(np.radians(TURNED_DEG))
    beside = np.concatenate([points + BESIDE_PX[:, None, None] * course.normal, turned])
    around = (points - field.centre) @ field.root @ _ALL_ROUND @ np.linalg.inv(field.root) + field.centre
    kinds = [course.sign * _sums(field, copies, course) for copies in (beside, around)]
    if min(map(len, kinds)) < FEWEST:
        return False
    return _over(own, np.concatenate(kinds), field.spread) >= min_sigmas and all(
        _over(own, others, field.spread) >= EACH * min_sigmas for others in kinds
    )


def _sums(field: _Field, copies: FloatArray, course: _Course | None = None) -> FloatArray:
    """Sums over the root of what is known of each of (k, n, 2) courses, off one of them, if half is known; (kept,)."""
    seen = _sampled(field.known, copies)
    if course is not None:
        off = copies - course.factors[0]
        t = off @ course.factors[1] / (course.length / 2) ** 2
        across = off @ course.normal - t * t * (course.factors[2] @ course.normal)
        seen = seen * ((np.abs(t) > 1) | (np.abs(across) > OWN_PX))
    sums, count = (_sampled(field.even, copies) * seen).sum(axis=1), seen.sum(axis=1)
    kept = count > 0.5 * copies.shape[1]
    known: FloatArray = sums[kept] / np.sqrt(count[kept])
    return known


def _over(own: float, others: FloatArray, typical: float) -> float:
    """How far a sum stands above others, in their spread."""
    middle = float(np.median(others))
    apart = np.sort(np.abs(others - middle))
    spread = max(LEAST_SHARE * typical, *(float(apart[int(q * (len(apart) - 1))]) / z for q, z in SPREADS))
    return (own - max(middle, 0.0)) / spread


FEWEST = 10
SPREADS = ((0.5, 0.6745), (0.85, 1.44))  # quantiles of a normal deviation's size, in sigmas: texture makes one in six
LEAST_SPREAD, LEAST_SHARE = 1.0, 0.85  # a field of white noise; of the typical one, as few courses give it


def _typical_spread(field: _Field) -> float:
    """That of straight lines in all directions all over the field."""
    h, w = field.even.shape
    along = np.arange(-TYPICAL_PX / 2, TYPICAL_PX / 2, POINT_PX)[:, None] * np.array([1.0, 0.0])
    lines = along @ _rotations(np.linspace(0, math.pi, 16, endpoint=False))  # (16, n, 2)
    places = np.stack(np.meshgrid(*(size * (np.arange(6) + 0.5) / 6 for size in (w, h))), axis=-1).reshape(-1, 1, 1, 2)
    sums = np.sort(np.abs(_sums(field, (places + lines).reshape(-1, len(along), 2))))
    return max(float(sums[len(sums) // 2]) / 0.6745, LEAST_SPREAD) if len(sums) >= FEWEST else LEAST_SPREAD


TYPICAL_PX = 72.0


def _rotations(angles: FloatArray) -> FloatArray:
    """(k, 2, 2), for rows of points."""
    c, s = np.cos(angles), np.sin(angles)
    return np.stack([np.stack([c, s], axis=-1), np.stack([-s, c], axis=-1)], axis=-2)


_ALL_ROUND = _rotations(np.linspace(0, 2 * math.pi, TURNS, endpoint=False)[1:])


def _is_even(along: FloatImage) -> bool:
    """Most pieces have its sign, and each half its share: two specks are no line."""
    pieces = np.add.reduceat(along, np.linspace(0, len(along), PIECES, endpoint=False).astype(int))
    whole = float(pieces.sum())
    halves = pieces[: PIECES // 2].sum(), pieces[PIECES // 2 :].sum()
    same = pieces > LEAST_PIECE * np.median(pieces)
    return bool(whole > 0 and same.mean() >= MIN_SAME and min(halves) >= MIN_HALF * whole)


PIECES, LEAST_PIECE, MIN_SAME, MIN_HALF = 8, 0.25, 0.7, 0.3


def _wipe(field: _Field, course: _Course) -> None:
    cv2.polylines(field.even, [np.rint(course.points()).astype(np.int32)], False, 0.0, WIPED_PX)


WIPED_PX = 9


def _shows(residual: Residual, course: _Course, min_contrast: float) -> bool:
    """Whether the line is neither fainter than a person sees nor what an edge makes that is misplaced by a bit.

    Where most of its pixels stand out by themselves it is the other detectors' mark, or the halo of one.
    """
    points = course.points()
    if (np.abs(_sampled(residual.snr, points[None])) > PLAIN_SNR).mean() > MOST_PLAIN:
        return False
    gray = course.sign * float(_three(residual.gray, points, course.normal).mean())
    background = [_sampled(residual.background, (points + by * course.normal)[None])[0] for by in (-1, 0, 1)]
    slope = float(np.median(np.abs(background[2] - background[0]))) / 2
    return (
        gray > max(min_contrast * float(np.median(background[1])), EDGE_JITTER_PX * slope) and course.bend < MOST_BEND
    )


def _three(image: FloatImage, points: FloatArray, normal: FloatArray) -> FloatImage:
    """The mean over the line's middle pixels; (n,)."""
    mean: FloatImage = _sampled(image, np.stack([points + by * normal for by in (-0.7, 0.0, 0.7)])).mean(axis=0)
    return mean


EDGE_JITTER_PX, MOST_PLAIN = 0.5, 0.4
MOST_BEND = 0.1


# --- its pixels


def _draw(support: FloatImage, residual: Residual, course: _Course) -> None:
    points, normal = course.points(), course.normal
    across = np.arange(-PROFILE_PX, PROFILE_PX + 0.25, 0.5)
    strip = _sampled(residual.snr, points + across[:, None, None] * course.normal) * np.float32(course.sign)
    profile = strip.mean(axis=1)
    low, high = _shown_width(profile, across, residual.blur_px)
    edge = np.concatenate([points + (low + 0.5) * normal, (points + (high - 0.5) * normal)[::-1]])
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
