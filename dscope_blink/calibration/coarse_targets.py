"""Where a grid of dots or a ruler roughly lies in a picture, found by the order of its features; all in pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import FloatImage, Mask, Points

Vector: TypeAlias = NDArray[np.float64]
Matrix: TypeAlias = NDArray[np.float64]
MIN_DOTS = 12
MIN_LINES = 3  # columns, and rows, of dots
MIN_TICKS = 10
# Random points fall within a quarter pitch of a lattice site once in four times, the dots of a real grid nearly always.
SITE_REACH = 0.25
MIN_SHARE = 0.6
MIN_CROSSED = 0.5  # of the ticks expected in a strip; long ones alone are a fifth
# A wide window finds the ruling whatever its direction, a narrow one then leaves out what stands beside short ticks.
BAND_WAVES = (4, 2)
NEARLY_ALL = 0.8
MAX_RESIDUAL_SHARE = 0.06  # of the pitch; rendered and photographed targets stay below 0.03


@dataclass(frozen=True, slots=True)
class Lattice:
    """Where a grid roughly lies: point = origin + basis @ site."""

    origin: Vector
    basis: Matrix
    sites: Points  # (N, 2) of the dots on it
    residual_px: float
    share: float  # of all dots alike that lie on the lattice

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows with dots."""
        columns, rows = (len(np.unique(index)) for index in self.sites.T)
        return columns, rows


@dataclass(frozen=True, slots=True)
class Ruling:
    """Where a ruler roughly lies: number of the tick = wave @ point - phase."""

    wave: Vector
    phase: float
    band: Mask
    ticks: int
    residual_px: float
    share: float  # of the points expected that lie on the ruling


Found = TypeVar("Found", Lattice, Ruling)


def find_lattice(gray: FloatImage) -> Lattice | None:
    """The lattice on which most dots lie, dark or bright; None when there are too few dots alike.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    """
    lattices = [lattice for points in _point_sets(gray) if (lattice := _fit_lattice(points)) is not None]
    return _best(lattices, [len(lattice.sites) * lattice.share for lattice in lattices])


def find_ruling(gray: FloatImage) -> Ruling | None:
    """The ruling on which most ticks lie, dark or bright; None when there are too few lines at equal distances.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    """
    # A fine ruling is a dark object as a whole, a coarse one needs wide windows: the best fit that sees all ticks.
    flat, *windows = _without_shading(gray, min(gray.shape) // 4 | 1), *(min(gray.shape) // n | 1 for n in (12, 36))
    rulings = [ruling for window_px in windows if (ruling := _ruling_after(flat, window_px)) is not None]
    return _best(rulings, [ruling.ticks * ruling.share for ruling in rulings])


def _best(fits: list[Found], features: list[float]) -> Found | None:
    """Of the fits with nearly as many features as any the one with the least residual; None if there is none."""
    full = [fit for fit, count in zip(fits, features, strict=True) if count > NEARLY_ALL * max(features)]
    return min(full, key=lambda fit: fit.residual_px, default=None)


def _fit_problem(features: str, share: float, residual_share: float) -> str:
    if share < MIN_SHARE:
        return f"{share:.0%} of the {features} lie on the fit, {MIN_SHARE:.0%} are needed"
    if residual_share > MAX_RESIDUAL_SHARE:
        return (
            f"the {features} lie {residual_share:.1%} of their pitch off the fit, {MAX_RESIDUAL_SHARE:.0%} is allowed"
        )
    return ""


# --- lattice of dots


def _local_contrast(gray: FloatImage, window_px: int) -> FloatImage:
    """Departure from the mean of the neighbourhood over its rms there: uneven light and uneven contrast drop out."""
    smooth = cv2.GaussianBlur(gray, (0, 0), 0.8)
    box = (window_px, window_px)
    departure = smooth - cv2.blur(smooth, box, borderType=cv2.BORDER_REFLECT)
    power = cv2.blur(departure * departure, box, borderType=cv2.BORDER_REFLECT)
    # The floor keeps an empty margin from showing its noise as dots.
    return np.asarray(departure / np.sqrt(np.maximum(power, 0.1 * float(power.mean()) + 1e-12)), np.float32)


def _otsu(values: FloatImage) -> float:
    span = 4.0
    as_bytes = np.clip((values + span) * (255 / (2 * span)), 0, 255).astype(np.uint8)
    level, _ = cv2.threshold(as_bytes, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return (float(level) + 0.5) * (2 * span / 255) - span


def _dot_centroids(contrast: FloatImage) -> Points:
    """Sub-pixel centroids (N, 2) of the round, alike regions above the threshold."""
    level = _otsu(contrast)
    count, labels, stats, _ = cv2.connectedComponentsWithStats((contrast > level).astype(np.uint8), connectivity=8)
    keep = _alike_dots(stats, contrast.shape)
    # A weight that rises from 0 at the outline and stays: no pixel jumps in, and the light within a dot does not pull.
    weight = np.clip((contrast - level) / 0.5, 0, 1).ravel()
    flat = labels.ravel()
    y, x = np.indices(contrast.shape).reshape(2, -1)
    mass = np.bincount(flat, weight, count)[keep]
    return np.column_stack([np.bincount(flat, weight * axis, count)[keep] / mass for axis in (x, y)])


def _alike_dots(stats: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.intp]:
    """Labels of compact regions of the usual area that lie wholly inside the picture."""
    x, y, width, height, area = stats.T
    inside = (x > 0) & (y > 0) & (x + width < shape[1]) & (y + height < shape[0])
    compact = (
        (area >= 6) & (np.maximum(width, height) <= 2 * np.minimum(width, height)) & (area >= 0.5 * width * height)
    )
    good = inside & compact
    good[0] = False  # the background
    if not good.any():
        return np.flatnonzero(good)
    # Weighted by area, or a thousand specks of noise would set the usual size.
    ordered = np.sort(area[good])
    usual = ordered[np.searchsorted(np.cumsum(ordered), ordered.sum() / 2)]
    return np.flatnonzero(good & (area > 0.5 * usual) & (area < 1.8 * usual))


def _neighbor_vectors(points: Points) -> Points:
    """Vectors from some points to their four nearest, and their opposites; (n, 2), at most 1280."""
    asked = points[:: 1 + len(points) // 80]  # plenty for a mode, and its time goes with the square
    _, nearest = cv2.batchDistance(asked.astype(np.float32), points.astype(np.float32), cv2.CV_32F, K=5)
    vectors = (points[nearest[:, 1:]] - asked[:, None]).reshape(-1, 2)
    return np.vstack([vectors, -vectors])


def _most_frequent(vectors: Points, reach: float) -> Vector:
    """Mean of the vectors about the one that has the most others within reach."""
    near = np.linalg.norm(vectors[:, None] - vectors[None], axis=2) < reach  # (n, n)
    most = near[np.argmax(np.count_nonzero(near, axis=1))]
    return np.asarray(vectors[most].mean(axis=0))


def _basis(points: Points) -> Matrix | None:
    """Columns: the two shortest lattice vectors, the first nearer to the x axis, both towards positive values."""
    vectors = _neighbor_vectors(points)
    length = np.linalg.norm(vectors, axis=1)
    reach = 0.15 * float(np.median(length))
    first = _most_frequent(vectors, reach)
    across = np.abs(vectors @ (-first[1], first[0])) > 0.5 * length * np.linalg.norm(first)
    if not across.any():
        return None
    second = _most_frequent(vectors[across], reach)
    if abs(first[0] * second[1] - first[1] * second[0]) <= 0.3 * np.linalg.norm(first) * np.linalg.norm(second):
        return None
    a, b = sorted((first, second), key=lambda v: abs(math.atan2(v[1], v[0]) % math.pi - math.pi / 2), reverse=True)
    return np.column_stack([a * math.copysign(1, a[0]), b * math.copysign(1, b[1])])


def _affine(sites: Points, points: Points) -> tuple[Vector, Matrix]:
    design = np.column_stack([np.ones(len(sites)), sites])
    solution = np.asarray(np.linalg.lstsq(design, points, rcond=None)[0], np.float64)  # (3, 2)
    return solution[0], solution[1:].T


def spans_plane(sites: Points) -> bool:
    """Whether (N, 2) sites lie on more than one line."""
    return len(sites) > 2 and int(np.linalg.matrix_rank(sites - sites[0])) == 2


def _indexed(points: Points, origin: Vector, basis: Matrix) -> tuple[Points, Vector]:
    """Nearest lattice site of each point, and how far from it in pitches."""
    q = np.linalg.solve(basis, (points - origin).T).T
    sites = np.rint(q)
    return sites, np.abs(q - sites).max(axis=1)


def _walk(points: Points, basis: Matrix) -> tuple[Vector, Matrix]:
    """Fit outwards from the middle: an index is counted only as far as the fit so far can count."""
    median = np.median(points, axis=0)
    middle = points[np.argmin(np.linalg.norm(points - median, axis=1))]
    away = np.linalg.norm(points - middle, axis=1)
    reach = 4 * float(np.linalg.norm(basis, axis=0).max())
    near = np.linalg.solve(basis, (points[away < reach] - middle).T)  # (2, n) pitches
    phase = np.angle(np.exp(2j * np.pi * near).mean(axis=1)) / (2 * np.pi)
    origin = middle + basis @ phase
    while True:
        sites, off = _indexed(points, origin, basis)
        use = (away < reach) & (off < SITE_REACH)
        if not spans_plane(sites[use]):
            return origin, basis
        origin, basis = _affine(sites[use], points[use])
        if reach > away.max():
            return origin, basis
        reach *= 1.5


def _fit_lattice(points: Points) -> Lattice | None:
    """Least squares over the points that sit on the lattice, those far off left out."""
    basis = _basis(points)
    if basis is None:
        return None
    origin, basis = _walk(points, basis)
    sites, off = _indexed(points, origin, basis)
    use = off < SITE_REACH
    for _ in range(5):
        if not spans_plane(sites[use]):
            return None
        origin, basis = _affine(sites[use], points[use])
        sites, off = _indexed(points, origin, basis)
        residual = np.linalg.norm(points - origin - sites @ basis.T, axis=1)
        use = (off < SITE_REACH) & (residual <= 3 * np.median(residual[use]) + 1e-3)
    rms = math.sqrt(float(np.mean(residual[use] ** 2)))
    return Lattice(origin, basis, sites[use], rms, float(use.mean()))


def _point_sets(gray: FloatImage) -> Iterator[Points]:
    for parts in (32, 12):  # the neighbourhood must span a pitch or more, and be small against the shading
        contrast = _local_contrast(gray, min(gray.shape) // parts | 1)
        for signed in (contrast, -contrast):
            points = _dot_centroids(signed)
            if len(points) >= MIN_DOTS:
                yield points


def lattice_problem(lattice: Lattice) -> str:
    """Why this is no grid of dots; empty if it is one."""
    (columns, rows), dots = lattice.size, len(lattice.sites)
    if dots < MIN_DOTS or min(columns, rows) < MIN_LINES:
        needed = f"{MIN_DOTS} in {MIN_LINES} and {MIN_LINES} are needed"
        return f"{dots} dots in {columns} columns and {rows} rows, {needed}"
    return _fit_problem("dots", lattice.share, lattice.residual_px / lattice_pitch_px(lattice.basis))


def lattice_pitch_px(basis: Matrix) -> float:
    """The shorter pitch of a lattice; `basis` (2, 2) has one pitch in each column."""
    return float(np.linalg.norm(basis, axis=0).min())


# --- ruling


def _without_shading(gray: FloatImage, window_px: int) -> FloatImage:
    return gray - cv2.blur(gray, (window_px, window_px), borderType=cv2.BORDER_REFLECT)


def _strongest_wave(flat: FloatImage) -> Vector:
    """Cycles per pixel (fx, fy) of the strongest peak of the spectrum, to the nearest bin."""
    height, width = flat.shape
    strength = np.abs(np.fft.rfft2(flat * np.outer(np.hanning(height), np.hanning(width))))
    fy, fx = np.fft.fftfreq(height), np.fft.rfftfreq(width)
    strength[np.hypot(fx[None], fy[:, None]) < 4 / min(height, width)] = 0  # too few cycles to be a ruling
    row, column = np.unravel_index(np.argmax(strength), strength.shape)
    return np.array([fx[column], fy[row]])


def _profile(along: Vector, values: NDArray[Any]) -> Points:
    """Means (k, bins) of values (k, n) at positions along the ruler, one bin per pixel, nan where there are none."""
    index = np.floor(along).astype(np.intp)
    right = along - index
    size = int(index.max()) + 2

    def shared_out(weights: Vector) -> Vector:
        left_part = np.bincount(index, weights * (1 - right), size)
        return np.asarray(left_part + np.bincount(index + 1, weights * right, size), np.float64)

    total = shared_out(np.ones_like(along))
    enough = total > 0.1 * np.median(total)
    return np.array([np.where(enough, shared_out(row) / np.maximum(total, 1e-12), np.nan) for row in values])


def _harmonic(flat: FloatImage, wave: Vector) -> int:
    """Which harmonic of the ruling the wave is: thin lines far apart have many, all about as strong."""
    frequency = float(np.linalg.norm(wave))
    y, x = np.indices(flat.shape).reshape(2, -1)
    along = (x * wave[0] + y * wave[1]) / frequency
    (profile,) = _profile(along - along.min(), flat.reshape(1, -1))
    profile = np.nan_to_num(profile - np.nanmean(profile))
    power = np.abs(np.fft.rfft(profile, 2 * len(profile))) ** 2
    likeness = np.fft.irfft(power, 16 * len(profile))[: 8 * len(profile)]  # at lags of an eighth of a pixel
    peaks = 1 + np.flatnonzero((likeness[1:-1] >= likeness[:-2]) & (likeness[1:-1] > likeness[2:]))
    peaks = peaks[peaks > np.argmax(likeness < 0)]  # past the width of a line
    if not peaks.size:
        return 1
    # Long ticks make the fifth and tenth peak higher than the first, which belongs to the neighbours.
    first = peaks[likeness[peaks] > 0.3 * likeness[peaks].max()][0]
    return max(round(frequency * float(first) / 8), 1)


def _band(flat: FloatImage, wave: Vector, waves: int) -> Mask:
    """Where the picture swings with the wave: captions and the free ends of long ticks do not."""
    height, width = flat.shape
    turn = np.exp(-2j * np.pi * (wave[0] * np.arange(width)[None] + wave[1] * np.arange(height)[:, None])) * flat
    window_px = min(int(waves / np.linalg.norm(wave)), 2 * min(flat.shape) - 3) | 1
    box = (window_px, window_px)
    swing = np.hypot(*(cv2.blur(part, box, borderType=cv2.BORDER_REFLECT) for part in (turn.real, turn.imag)))
    return np.asarray(swing > 0.5 * np.percentile(swing, 99))


def _tick_points(flat: FloatImage, band: Mask, wave: Vector) -> Points:
    """Number of the tick, position along the ruler and across it (n, 3), in five strips that run along the ruler.

    A tick that ought to be there and is not seen has the position nan.
    """
    pitch_px = 1 / float(np.linalg.norm(wave))
    y, x = np.nonzero(band)
    value = flat[band].astype(np.float64)
    value -= value.mean()
    value *= np.sign(np.mean(value**3)) or 1  # ticks are narrower than the gaps
    along, across = (wave[0] * x + wave[1] * y) * pitch_px, (wave[0] * y - wave[1] * x) * pitch_px
    turns = float(np.angle(np.sum(value * np.exp(2j * np.pi * along / pitch_px)))) / (2 * np.pi)
    # The outer tenths hold ends of ticks and none; each strip must hold all of them.
    strip = np.searchsorted(np.quantile(across, np.linspace(0.1, 0.9, 6)), across)
    pixels = np.array([along, across, value])
    strips = [_strip_points(pixels[:, strip == k], pitch_px, turns) for k in range(1, 6) if (strip == k).any()]
    # A strip that holds the ends of long ticks only, or a caption, lies beside the ruling.
    crossed = [points for points in strips if np.isfinite(points[:, 1]).sum() > MIN_CROSSED * len(points)]
    return np.vstack(crossed or strips)


def _strip_points(pixels: Points, pitch_px: float, turns: float) -> Points:
    """Points of one strip: centroids above half height, each within its own pitch; tick n stands near n + turns."""
    along, across, value = pixels
    start = math.floor(along.min())
    level, side = _profile(along - start, np.array([value, across]))
    number = np.arange(math.ceil(along.min() / pitch_px - turns + 0.5), along.max() / pitch_px - turns - 0.5)
    guess = (number + turns) * pitch_px - start
    offset = np.linspace(-0.5, 0.5, 65) * pitch_px
    window = np.interp(guess[:, None] + offset, np.arange(len(level)), level)  # (tick, offset)
    whole = np.isfinite(window).all(axis=1)
    number, guess, window = number[whole], guess[whole], window[whole]
    if not len(number):
        return np.empty((0, 3))
    low, high = window.min(axis=1), window.max(axis=1)
    weight = np.maximum(window - (low + high)[:, None] / 2, 0)
    centre = guess + (weight @ offset) / np.maximum(weight.sum(axis=1), 1e-12)
    seen = high - low > 0.3 * np.percentile(high - low, 75)
    beside = np.interp(centre, np.arange(len(side)), side)
    return np.column_stack([number, np.where(seen, centre + start, np.nan), beside])


def _fit_ruling(points: Points, wave: Vector, band: Mask) -> Ruling | None:
    """Position along = start + pitch x number + lean x position across, by least squares without outliers."""
    seen = points[np.isfinite(points).all(axis=1)]
    if len(seen) < MIN_TICKS:
        return None
    number, along, across = seen.T
    design = np.column_stack([np.ones(len(number)), number, across])
    pitch_px = 1 / float(np.linalg.norm(wave))
    start = along - number * pitch_px
    use = np.abs(start - np.median(start)) < SITE_REACH * pitch_px
    for _ in range(5):
        if len(np.unique(number[use])) < 3:
            return None
        fit = np.linalg.lstsq(design[use], along[use], rcond=None)[0]
        residual = np.abs(along - design @ fit)
        use = residual <= 6 * np.median(residual[use]) + 1e-3
    rms = math.sqrt(float(np.mean(residual[use] ** 2)))
    ticks, share = len(np.unique(number[use])), float(use.sum()) / len(points)
    return Ruling(turned(wave, fit), float(fit[0] / fit[1]), band, ticks, rms, share)


def turned(wave: Vector, fit: Vector) -> Vector:
    """The wave after a fit (start, pitch, lean); the lean is what its direction is still wrong by."""
    _, pitch_px, lean = fit
    ux, uy = wave / np.linalg.norm(wave)
    return np.array([ux + lean * uy, uy - lean * ux]) / pitch_px


def _ruling_after(flat: FloatImage, window_px: int) -> Ruling | None:
    """The ruling whose strongest wave stands out of the picture less what is wider than the window."""
    fine = _without_shading(flat, window_px)
    wave = _strongest_wave(fine)
    # Only the wave comes from the fine picture: a narrow window puts a tick in the middle of each wide gap.
    around = _band(fine, wave, 20)
    harmonic = _harmonic(np.where(around, flat - np.mean(flat[around]), 0), wave)
    found = _ruling_of(flat, wave / harmonic)
    if harmonic > 1 and (found is None or ruling_problem(found)):  # captions may look like the ruling of a coarser one
        found = _ruling_of(flat, wave) or found
    return found


def _ruling_of(flat: FloatImage, wave: Vector) -> Ruling | None:
    ruling = None
    for waves in BAND_WAVES:
        band = _band(flat, wave, waves)
        ruling = _fit_ruling(_tick_points(flat, band, wave), wave, band)
        if ruling is None:
            return None
        wave = ruling.wave
    return ruling


def ruling_problem(ruling: Ruling) -> str:
    """Why this is no ruler; empty if it is one."""
    if ruling.ticks < MIN_TICKS:
        return f"{ruling.ticks} ticks, {MIN_TICKS} are needed"
    return _fit_problem("ticks", ruling.share, ruling.residual_px * float(np.linalg.norm(ruling.wave)))
