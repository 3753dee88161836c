"""Picture -> residual: what does not repeat around the fiber, in sigmas of the noise that is left."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import ResidualSettings
from dscope_blink.image_processing.covered_core import level_within_outline
from dscope_blink.image_processing.fiber_coordinates import (
    FiberCoordinates,
    PolarGrid,
    WorkingPicture,
    box_of,
    fiber_coordinates,
    polar_grid,
)
from dscope_blink.records import FloatImage, Mask, Residual, steady, window_around

FloatArray = NDArray[np.float64]
Quantiles: TypeAlias = tuple[tuple[float, float], ...]  # shares, and the sigmas below which they lie
MAD_TO_SIGMA = 1.4826


def residual(
    picture: WorkingPicture,
    reach: float,
    settings: ResidualSettings,
    drawn: Mask | None = None,
    known: FloatImage | None = None,
) -> Residual:
    """Subtract what repeats around the fiber, and measure the noise that is left.

    Parameters
    ----------
    picture : with the located fiber
    reach : how far from the centre marks are looked for, in cladding radii
    settings : from config.json
    drawn : (H, W) bool, of the working picture: what is drawn over it, and is neither background nor mark
    known : (H, W) grey levels that were taken out of the picture before, part of its background; None: none were

    Returns
    -------
    Residual on the window that holds the reach
    """
    gray, geometry = picture.gray, picture.geometry
    origin, shape = window_around(gray.shape, geometry.cladding.ellipse, reach)
    here = np.s_[origin[1] : origin[1] + shape[0], origin[0] : origin[0] + shape[1]]
    window = gray[here]
    coordinates = fiber_coordinates(geometry, origin, shape)
    grid = polar_grid(geometry, settings)
    veiled = None if drawn is None else _veiled(drawn, grid)
    model = _angular_model(_unveiled(grid.sampled(gray), veiled), grid, settings)
    bounded = _bound(model, grid, settings)
    lit = _lit(window, settings)
    if drawn is not None:
        lit &= ~_surrounded(drawn, settings)[here]
    background, left = _apart(window, _wrapped_back(model, coordinates, grid), lit, coordinates.rho, settings)
    if drawn is not None:
        left[~lit] = 0
    smooth = cv2.GaussianBlur(left, (0, 0), settings.smooth_px)
    most = _most_noise(model, window, grid, settings)
    polar = _unveiled(grid.sampled(smooth, origin), veiled)
    sigma = np.minimum(_radial_noise(polar, bounded, grid, settings), most)
    noise = _noise(smooth, sigma, float(most[-1]), coordinates.s, grid, settings)
    if known is not None:
        background += known[here]
    clear = np.abs(coordinates.rho - 1) * grid.cladding_radius_px > settings.guard_px
    within = floors = _steadied(_floors(background, settings), polar, coordinates.rho, ~clear, grid, settings)
    stepped = _above_level_steps(noise, picture.with_levels, background)
    if stepped is noise:  # grey levels are no coarser than the noise: what glass shows beside it can be measured
        within = floors.limited(noise, _texture(polar, grid, settings), coordinates.s, grid)
    noise = stepped
    return Residual(
        origin_px=origin,
        pixel_px=picture.pixel_px,
        gray=left,
        snr=within.apply(smooth, noise, settings.edge_jitter_px),
        edge_snr=_edge_snr(smooth, floors, sigma, coordinates.rho, grid, settings),
        background=background,
        rho=coordinates.rho,
        cladding_radius_px=grid.cladding_radius_px,
        blur_px=math.hypot(geometry.cladding.blur_px, settings.smooth_px),
        inside=(coordinates.rho < reach) & clear & lit,
        unseen=_unseen(lit, background, noise),
    )


def _apart(
    window: FloatImage, background: FloatImage, lit: Mask, rho: FloatImage, settings: ResidualSettings
) -> tuple[FloatImage, FloatImage]:
    """The background with the shading of the ferrule, which is added in place, and what is left of the window."""
    left = window - background
    trend = _ferrule_trend(left, lit, rho, settings)
    background += trend
    left -= trend
    return background, left


# Where it is darker, a mark of 40 % of its brightness does not reach the 5 sigmas of the faintest one. The roughest
# dirt that is taken for noise, `max_texture`, is just below it.
DARKEST_SNR = 12.0


def _unseen(lit: Mask, background: FloatImage, noise: FloatImage) -> Mask:
    """Where no mark can be seen: not lit, or so dark that none stands out."""
    if float(background.min()) >= DARKEST_SNR * float(noise.max()):
        return ~lit
    return ~lit | (background < DARKEST_SNR * noise)


def _veiled(drawn: Mask, grid: PolarGrid) -> Mask:
    """Which samples are of what is drawn; (radii, angles)."""
    covered = cv2.remap(drawn.astype(np.uint8), grid.x, grid.y, cv2.INTER_NEAREST, borderValue=0)
    return cv2.dilate(covered, np.ones((3, 3), np.uint8)).astype(bool)


def _unveiled(polar: FloatImage, veiled: Mask | None) -> FloatImage:
    """A polar picture in which what is drawn is as unknown as what lies outside of the picture."""
    if veiled is not None:
        polar[veiled] = math.nan
    return polar


def _surrounded(drawn: Mask, settings: ResidualSettings) -> Mask:
    """With what smoothing and compression smear around what is drawn."""
    size = 2 * settings.frame_margin_px + 1
    return cv2.dilate(drawn.astype(np.uint8), np.ones((size, size), np.uint8)).astype(bool)


def _above_level_steps(noise: FloatImage, gray: FloatImage, background: FloatImage) -> FloatImage:
    """The noise, or how far apart the grey levels lie that are used near the background: steps of one are no marks.

    Palettes and stretched contrast leave levels out, most of all near black.
    """
    used = np.flatnonzero(
        cv2.calcHist([np.ascontiguousarray(gray[::2, ::2])], [0], None, [LEVELS + 1], [0, 1 + 1 / LEVELS])
    )
    knots = np.linspace(0, LEVELS, 65)
    steps = np.zeros(len(knots), np.float32)
    all_gaps = np.diff(used)
    starts = np.searchsorted(used, knots - NEAR_LEVEL * LEVELS)
    stops = np.searchsorted(used, knots + NEAR_LEVEL * LEVELS, side="right")
    for k, (start, stop) in enumerate(zip(starts.tolist(), stops.tolist(), strict=True)):
        if stop - start > FEWEST_GAPS:
            at = int(GAP_QUANTILE * (stop - start - 2))
            steps[k] = np.partition(all_gaps[start : stop - 1], at)[at] / LEVELS
    if steps.max() <= noise.min():
        return noise
    index = np.clip(background * np.float32(len(knots) - 1), 0, len(knots) - 1)
    return np.maximum(noise, steps.take(np.rint(index).astype(np.int32)))


LEVELS, NEAR_LEVEL = 1023, 0.06  # 10 bits; of the range
FEWEST_GAPS, GAP_QUANTILE = 3, 0.75


def _lit(window: FloatImage, settings: ResidualSettings) -> Mask:
    """Not the black frame that some cameras put around the picture: whole dark rows and columns at its border."""
    dark = settings.frame_level * float(np.median(window[::4, ::4]))
    bright = (window >= dark).astype(np.uint8)
    lit = np.ones(window.shape, bool)
    for axis, across in ((1, lit), (0, lit.T)):
        lines = cv2.reduce(bright, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() < STRAY * window.shape[axis]
        for way in (slice(None), slice(None, None, -1)):
            frame = lines[way]
            width = len(frame) if frame.all() else int(np.argmin(frame))
            reached = min(width + settings.frame_margin_px, len(frame)) if width else 0
            across[way][:reached] = False
    return lit


STRAY = 0.1  # share of the pixels of a dark line that may be bright


def _angular_model(polar: FloatImage, grid: PolarGrid, settings: ResidualSettings) -> FloatImage:
    """Median over angles plus low harmonics, fitted robustly at each radius; (radii, angles).

    The harmonics take up directional light, and what the edges depart from their ellipses: a displaced edge is a low
    harmonic, a slightly wavy one a higher, so more of them are allowed near the edges.
    """
    unknown = ~np.isfinite(polar)
    at_edge = _near_edges(grid, settings)
    highest = np.where(at_edge, settings.edge_harmonics, settings.harmonics)
    # at least 50 px of circumference for each period, or a mark near the centre would be fitted away
    highest = np.minimum(highest, grid.r_px / 8)
    model = np.repeat(_row_medians(polar)[:, None], polar.shape[1], axis=1)
    for _ in range(settings.rounds):
        deviation = polar - model
        deviation[unknown] = 0
        limit = settings.clip_sigma * MAD_TO_SIGMA * _row_medians(np.abs(deviation[:, ::3]))[:, None]
        model += _low_harmonics(np.clip(deviation, -limit, limit), highest)
    _straighten(model, ~at_edge & (grid.s < grid.core_ratio), grid, settings)
    return _held(model, unknown, grid, settings)


def _straighten(model: FloatImage, rows: Mask, grid: PolarGrid, settings: ResidualSettings) -> None:
    """In a core, light that is not even changes as a plane and a paraboloid do: the k-th harmonic as r^k.

    A large mark beside the centre fills half of some circles, and their own harmonics would follow it.
    """
    if np.count_nonzero(rows) < LEAST_CIRCLES:
        return
    rows &= grid.r_px > 0
    radius = grid.r_px[rows] / grid.r_px[rows].max()
    spectrum: FloatImage = cv2.dft(model[rows], flags=cv2.DFT_ROWS)
    for k in range(1, settings.harmonics + 1):
        power = radius**k
        for column in (2 * k - 1, 2 * k):
            spectrum[:, column] = power * _weighted_median(spectrum[:, column] / power, power * radius)
    straight = cv2.dft(spectrum, flags=cv2.DFT_ROWS | cv2.DFT_INVERSE | cv2.DFT_SCALE)
    slope = np.abs(np.gradient(spectrum[:, 0] / model.shape[1], grid.r_px[rows]))[:, None]
    most = RING_SHIFT_PX * cv2.dilate(slope.astype(np.float32), np.ones((RING_SAMPLES, 1), np.uint8))
    model[rows] = straight + np.clip(model[rows] - straight, -most, most)


LEAST_CIRCLES = 8
RING_SHIFT_PX = 2.0  # a ring that lies so far off the centre of the core is a ring
RING_SAMPLES = 5  # radii; on the crest of a ring the profile has no slope


def _weighted_median(values: FloatImage, weights: FloatArray) -> float:
    """The value below and above which half of the weight lies."""
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(below, below[-1] / 2)])


def _held(model: FloatImage, unknown: Mask, grid: PolarGrid, settings: ResidualSettings) -> FloatImage:
    """On the ferrule, the last circle of which most is known goes on outwards: few angles make no harmonics."""
    ferrule = (grid.s - 1) * grid.cladding_radius_px > settings.edge_px
    short = ferrule & (np.count_nonzero(unknown, axis=1) > MOST_UNKNOWN * model.shape[1])
    known = np.flatnonzero(ferrule & ~short)
    if short.any() and known.size:
        model[known[-1] + 1 :] = model[known[-1]]
    return model


MOST_UNKNOWN = 0.25  # of a circle


def _near_edges(grid: PolarGrid, settings: ResidualSettings) -> Mask:
    from_edge_px = np.minimum(np.abs(grid.s - 1), np.abs(grid.s - grid.core_ratio)) * grid.cladding_radius_px
    return from_edge_px < settings.edge_px


def _low_harmonics(polar: FloatImage, highest: FloatArray) -> FloatImage:
    """The part of each radius up to its highest harmonic."""
    spectrum = cv2.dft(polar, flags=cv2.DFT_ROWS)  # each row the mean, then cosine and sine of each harmonic
    spectrum *= (np.arange(polar.shape[1]) + 1) // 2 <= highest[:, None]
    return cv2.dft(spectrum, flags=cv2.DFT_ROWS | cv2.DFT_INVERSE | cv2.DFT_SCALE)


def _row_medians(polar: FloatImage) -> FloatImage:
    """Median of each radius over the angles at which it is known, 0 where it is at none; (radii,).

    By sorting, for which NumPy has vector instructions: a tenth of the time of `np.median`.
    """
    known = np.count_nonzero(np.isfinite(polar), axis=1)
    ordered, rows = np.sort(polar, axis=1), np.arange(len(polar))  # NaN last
    middle = (ordered[rows, (known - 1) // 2] + ordered[rows, known // 2]) / 2
    return np.where(known > 0, middle, 0).astype(np.float32)


def _bound(model: FloatImage, grid: PolarGrid, settings: ResidualSettings) -> Mask:
    """Take out of the background what departs from its surroundings further than a profile does: it is a mark.

    Around the centre a mark fills whole circles, and their median is then that of the mark. Returns the radii changed,
    and those beside them; (radii,).
    """
    middle = _row_medians(model)
    start = middle.copy()
    _level_within_step(middle, grid, settings)
    level_within_outline(middle, grid)
    for bound in _bounds(grid, settings):
        if bound.region.any() and bound.typical.any():
            level = float(np.median(middle[bound.typical]))
            highest = math.inf if bound.peak == math.inf else level * (1 + bound.peak)  # 0 * inf is no number
            allowed = np.clip(middle, level * (1 - bound.dip), highest)
            middle[bound.region] = allowed[bound.region]
    model += (middle - start)[:, None]
    changed = (middle != start).astype(np.uint8)[:, None]
    return cv2.dilate(changed, np.ones((9, 1), np.uint8))[:, 0].astype(bool)


def _level_within_step(middle: FloatImage, grid: PolarGrid, settings: ResidualSettings) -> None:
    """Go on to the centre at the level outside of the outermost step of a core: that is the outline of a mark.

    A profile changes slowly, and in rings goes back; a mark that lies around the centre has an outline as sharp as the
    optics. In place; (radii,).
    """
    half, core = max(round(STEP_PX / 2 / grid.r_px[1]), 1), grid.s < grid.core_ratio
    at = np.arange(half, len(middle) - half)
    within = min(STEP_WITHIN * grid.core_ratio, grid.core_ratio - settings.edge_px / grid.cladding_radius_px)
    at = at[(grid.r_px[at] >= STEP_PX) & (grid.s[at + half] <= within)]
    if at.size:
        steps = np.abs(middle[at + half] - middle[at - half])
        steep = at[steps > PROFILE_STEP * float(np.median(middle[core]))]
        if steep.size:
            middle[: steep[-1] + half] = middle[steep[-1] + half]


# In photographs of cores in which a person saw nothing the profile changes by at most 8.5 % of its level within such a
# step, in all but one by less than 6 %.
STEP_PX, STEP_WITHIN, PROFILE_STEP = 6.0, 0.75, 0.12  # across; radii of the core; of the level of the core


@dataclass(frozen=True, slots=True)
class _Bound:
    """How far the median of each radius of a region may lie below and above that of the typical radii, relative."""

    region: Mask  # (radii,)
    typical: Mask
    dip: float
    peak: float


def _bounds(grid: PolarGrid, settings: ResidualSettings) -> tuple[_Bound, ...]:
    """From the widest region to the narrowest; near the edges of core and cladding nothing is bounded."""
    s, core, edge = grid.s, grid.core_ratio, settings.edge_px / grid.cladding_radius_px
    small = min(edge / 2, 0.15 * core)
    dip = min(settings.dip_share, WIDEST_DIP_PX / grid.cladding_radius_px)
    centre = settings.centre_share * (core or 1.0)
    around = (s >= centre) & (s < 1.5 * centre)
    darkness = settings.core_darkness if grid.core_is_seen else settings.nominal_core_darkness
    between = (s > core + edge / 2) & (s < 1 - edge)
    return (
        _Bound(s < core, between, darkness, math.inf),
        _Bound(s < core - small, (s < core - small) & (s > 0.7 * core), settings.core_dip, settings.core_peak),
        _Bound(between, between & (s > (1 + core) / 2 - edge), settings.cladding_dip, settings.cladding_peak),
        _Bound((s < centre) & (s >= dip), around, settings.centre_wave, settings.centre_wave),
        _Bound((s < centre) & (s < dip), around, settings.centre_dip, settings.centre_wave),
    )


WIDEST_DIP_PX = 5.4  # of an index profile; a mark so weak and small at the centre is taken for one


def _wrapped_back(polar: FloatImage, coordinates: FiberCoordinates, grid: PolarGrid) -> FloatImage:
    """A polar picture in the pixels of the window; beyond its last radius that radius goes on."""
    closed = np.concatenate([polar, polar[:, :1]], axis=1)
    columns = coordinates.theta * np.float32(polar.shape[1] / (2 * math.pi))
    rows = coordinates.s * np.float32(1 / grid.s[1])
    return cv2.remap(closed, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _ferrule_trend(left: FloatImage, lit: Mask, rho: FloatImage, settings: ResidualSettings) -> FloatImage:
    """A smooth surface and a large median of what is left on the ferrule: shading that no harmonic follows."""
    ferrule = rho > settings.ferrule_from
    scale = 1 / settings.trend_reduction
    seen = (ferrule & lit).astype(np.uint8)
    share = cv2.resize(seen, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)
    # without what is not seen, or a black frame is smeared over the ferrule
    small = cv2.resize(cv2.copyTo(left, seen), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    shading = _ferrule_shading(small, share > 0)
    small = _prolonged(small - _surface(shading, small.shape) * share, settings)
    lo, span = float(small.min()), max(float(np.ptp(small)), 1e-6)
    levels = np.rint((small - lo) * (255 / span)).astype(np.uint8)
    trend = cv2.medianBlur(levels, settings.trend_kernel_px).astype(np.float32) * (span / 255) + lo
    by = settings.trend_kernel_px // 2
    trend = cv2.GaussianBlur(trend, (0, 0), 2)[by:-by, by:-by]
    trend = cv2.resize(trend, left.shape[::-1], interpolation=cv2.INTER_LINEAR)
    trend += _surface(shading, left.shape)
    return cv2.copyTo(trend, ferrule.astype(np.uint8))


def _ferrule_shading(left: FloatImage, seen: Mask) -> FloatArray:
    """A surface of low order through what is left where it is seen, robust to marks: shading up to the very border.

    Returns the factors of the powers of y and x, each from -1 to 1.

    Weights after Beaton and Tukey, The fitting of power series, 1974 (DOI 10.1080/00401706.1974.10489171).
    """
    step = max(int(math.sqrt(seen.size / SHADING_POINTS)), 1)
    y, x = (index * step for index in np.nonzero(seen[::step, ::step]))
    if x.size < FEWEST_POINTS:
        return np.zeros((SHADING_ORDER + 1, SHADING_ORDER + 1))
    down, across = map(_powers, left.shape)
    i, j = np.nonzero(np.add.outer(np.arange(SHADING_ORDER + 1), np.arange(SHADING_ORDER + 1)) <= SHADING_ORDER)
    terms, level = down[i][:, y] * across[j][:, x], left[y, x].astype(np.float64)
    ridge = 1e-4 * x.size * np.eye(len(terms))
    weight = np.ones_like(level)
    for _ in range(SHADING_ROUNDS):
        weighed = terms * weight
        fitted = steady(np.asarray(np.linalg.solve(weighed @ terms.T + ridge, weighed @ level), np.float64))
        size = np.abs(level - fitted @ terms)
        limit = TUKEY * max(MAD_TO_SIGMA * float(np.median(size)), 1e-4)
        weight = np.square(1 - np.square(np.minimum(size / limit, 1)))
    powers = np.zeros((SHADING_ORDER + 1, SHADING_ORDER + 1))
    powers[i, j] = fitted
    return powers


def _powers(size: int) -> FloatArray:
    """Powers of the places of so many pixels from one border to the other; (order + 1, size)."""
    at = (2 * np.arange(size) + 1) / size - 1
    powers: FloatArray = at ** np.arange(SHADING_ORDER + 1)[:, None]
    return powers


def _surface(factors: FloatArray, shape: tuple[int, ...]) -> FloatImage:
    """By Horner's rule, since the sums of a product of matrices have another order on each kind of processor."""
    x = _powers(shape[1])[1].astype(np.float32)
    rows = np.einsum("kh,kp->ph", _powers(shape[0]), factors).astype(np.float32)[:, :, None]  # (powers of x, h, 1)
    surface = rows[-1] * x
    for row in rows[-2:0:-1]:
        surface += row
        surface *= x
    surface += rows[0]
    return surface


SHADING_ORDER, SHADING_ROUNDS, TUKEY = 4, 5, 4.685
SHADING_POINTS, FEWEST_POINTS = 2000, 150  # of the reduced picture that are looked at, and that it takes


def _prolonged(small: FloatImage, settings: ResidualSettings) -> FloatImage:
    """With what goes on beyond the borders at the slope it has there, so that a median follows it up to them."""
    by = settings.trend_kernel_px // 2
    border = cv2.copyMakeBorder(cv2.medianBlur(small, 5), by, by, by, by, cv2.BORDER_REPLICATE)  # no mark turns it
    turned = 2 * border - cv2.copyMakeBorder(small, by, by, by, by, cv2.BORDER_REFLECT_101)
    turned[by:-by, by:-by] = small
    return turned


def _radial_noise(smooth: FloatImage, bounded: Mask, grid: PolarGrid, settings: ResidualSettings) -> FloatImage:
    """Robust noise of the smoothed residual at each radius, not below that of its region; (radii,)."""
    # a mark that fills whole circles is no noise
    size = np.abs(smooth - np.where(bounded, _row_medians(smooth), 0)[:, None])
    sigma = MAD_TO_SIGMA * _row_medians(size)
    times = round(2 * grid.cladding_radius_px / settings.max_cladding_px)
    pooled_px = settings.pooled_px * min(max(times, 1), MOST_POOLED)
    few = grid.r_px < pooled_px  # too few pixels around for an estimate of their own
    sigma[few] = np.median(sigma[(grid.r_px < 3 * pooled_px) & ~few])
    s, edge = grid.s, settings.edge_px / grid.cladding_radius_px
    for low, high in ((0.0, grid.core_ratio), (grid.core_ratio, 1.0), (1.0, math.inf)):
        region = size[(s > low + edge) & (s < high - edge), ::3]
        region = region[np.isfinite(region)]
        if region.size:
            # most pixels of a compressed picture may be exactly flat, and the median then zero: look at the rest
            floor = np.quantile(region, NOISE_QUANTILE, method="lower") / NOISE_QUANTILE_SIGMAS
            here = (s >= low) & (s < high)
            sigma[here] = np.maximum(sigma[here], floor)
    core, cladding = s < grid.core_ratio - edge / 2, (s > grid.core_ratio + edge) & (s < 1 - edge)
    if core.any() and cladding.any():
        glass = max(float(np.median(sigma[cladding])), settings.min_noise)
        sigma[core] = np.minimum(sigma[core], CORE_OVER_CLADDING * glass)
    sigma = np.maximum(sigma, settings.min_noise).astype(np.float32)
    return np.maximum(sigma, cv2.GaussianBlur(sigma[None], (0, 0), 2)[0])


MOST_POOLED = 3  # times as far on a large fiber: beside its centre a mark must not take itself for noise
NOISE_QUANTILE, NOISE_QUANTILE_SIGMAS = 0.8, 1.2816  # of the size of a normal deviation
# A core is glass as the cladding is: on photographs its typical radius is 0.3 to 1.5 times as noisy, in a cracked
# one 2.1 times. A mark that fills half of a core would else be its noise.
CORE_OVER_CLADDING = 2.0


def _noise(
    smooth: FloatImage, sigma: FloatImage, most: float, s: FloatImage, grid: PolarGrid, settings: ResidualSettings
) -> FloatImage:
    """The radial noise in the pixels of the window; one value, `most` at most, beyond the reach of the polar model."""
    beyond = np.abs(smooth[::4, ::4][s[::4, ::4] > grid.s[-1]])
    far = max(MAD_TO_SIGMA * float(np.median(beyond)), settings.min_noise) if beyond.size else float(sigma[-1])
    far = min(far, most)
    noise, box = np.full(s.shape, far, np.float32), box_of(s <= grid.s[-1])
    column = s[box] * np.float32(1 / grid.s[1])
    table = np.append(sigma, np.float32(far))[None]
    noise[box] = cv2.remap(table, column, np.zeros_like(column), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return noise


def _texture(smooth: FloatImage, grid: PolarGrid, settings: ResidualSettings) -> NDArray[np.float32]:
    """What noise and texture of glass come to at most at each radius, by the widest of its spreads; (radii,).

    The tails count: sharpening, compression and light that interferes make them longer than those of noise.
    """
    spread = _widest_spread(smooth, TEXTURE_QUANTILES, settings.least_texture)
    few = grid.r_px < settings.pooled_px
    spread[few] = np.median(spread[(grid.r_px < 3 * settings.pooled_px) & ~few])
    spread = np.maximum(spread, np.sqrt(cv2.blur(np.square(spread)[None], (TEXTURE_SAMPLES, 1))[0]))
    spread[_near_edges(grid, settings)] = 1.0  # an edge that wavers is no texture, and a small core is all edge
    return (settings.texture_sigmas * spread).astype(np.float32)


def _widest_spread(smooth: FloatImage, quantiles: Quantiles, least: float) -> FloatArray:
    """The largest of several estimates of one sigma from the sizes at each radius; (radii,)."""
    size = np.sort(np.abs(smooth), axis=1)  # NaN last
    known, rows = np.count_nonzero(np.isfinite(size), axis=1), np.arange(len(size))
    spread = np.full(len(size), least)
    for quantile, sigmas in quantiles:
        found = size[rows, (quantile * np.maximum(known - 1, 0)).astype(np.intp)]
        spread = np.fmax(spread, found / sigmas)
    return spread


TEXTURE_QUANTILES: Quantiles = ((0.5, 0.6745), (0.8, 1.2816), (0.95, 1.96))  # of the size of a normal deviation
TEXTURE_SAMPLES = 9  # radii


@dataclass(frozen=True, slots=True)
class _Floors:
    """What of a difference is no mark beside the noise: a share of the brightness, and edges misplaced by a bit."""

    texture_squared: FloatImage
    slope_squared: FloatImage  # of the background, grey levels per pixel

    def within(self, box: tuple[slice, slice]) -> _Floors:
        """Those of a part of the window."""
        return _Floors(self.texture_squared[box], self.slope_squared[box])

    def limited(self, noise: FloatImage, texture: NDArray[np.float32], s: FloatImage, grid: PolarGrid) -> _Floors:
        """Noise and share of the brightness together no more than a texture, by radius; (radii,)."""
        box = box_of(s < 1)
        column = s[box] * np.float32(1 / grid.s[1])
        most = cv2.remap(texture[None], column, np.zeros_like(column), cv2.INTER_LINEAR)
        most *= most
        most -= noise[box] * noise[box]
        squared = self.texture_squared.copy()
        squared[box] = np.where(s[box] < 1, np.minimum(squared[box], most), squared[box])
        return _Floors(squared, self.slope_squared)

    def steady(self, most: FloatArray, place: NDArray[np.intp]) -> None:
        """Let no edge be steeper than this at places of the window, in place; (n,)."""
        slope = self.slope_squared.ravel()
        slope[place] = np.minimum(slope[place], np.square(most))

    def apply(self, difference: FloatImage, noise: FloatImage, jitter_px: float) -> FloatImage:
        """A difference in standard deviations of noise and both floors."""
        total = self.slope_squared * np.float32(jitter_px**2)
        total += self.texture_squared
        total += noise * noise
        return np.divide(difference, np.sqrt(total, out=total), out=total)


def _most_noise(
    model: FloatImage, window: FloatImage, grid: PolarGrid, settings: ResidualSettings
) -> NDArray[np.float32]:
    """A texture stronger than glass, metal and camera make is no noise but dirt, which would hide itself; (radii,)."""
    rows = window[::9]
    across = np.abs(rows[:, 1:-1] - (rows[:, :-2] + rows[:, 2:]) / 2)
    white = MAD_TO_SIGMA * float(np.median(across)) / math.sqrt(1.5)  # of a pixel, of what no optics can blur
    smoothed = white / (2 * math.sqrt(math.pi) * settings.smooth_px)
    most = np.maximum(settings.max_texture * model[:, ::6].mean(axis=1), WHITE_NOISE_MARGIN * smoothed)
    return np.where(_near_edges(grid, settings), np.inf, most).astype(np.float32)  # an edge that wavers is no dirt


WHITE_NOISE_MARGIN = 3.0  # the noise of a compressed picture hangs together a little


def _floors(background: FloatImage, settings: ResidualSettings) -> _Floors:
    texture = np.maximum(background, np.float32(settings.darkest_level))
    texture *= np.float32(settings.contrast_floor)
    across, down = (cv2.Scharr(background, cv2.CV_32F, *order, scale=1 / 32) for order in ((1, 0), (0, 1)))
    texture *= texture  # in place: most of what an array costs is to touch it for the first time
    across *= across
    down *= down
    across += down
    return _Floors(texture, across)


def _edge_snr(
    smooth: FloatImage,
    floors: _Floors,
    sigma: FloatImage,
    rho: FloatImage,
    grid: PolarGrid,
    settings: ResidualSettings,
) -> FloatImage:
    """The smoothed residual in sigmas of cladding and ferrule beside the edge; 0 beyond the polar model."""
    snr, box = np.zeros_like(smooth), box_of(rho <= grid.s[-1])
    within, beyond = _noise_beside_edge(sigma, grid, settings)
    noise = np.float32(beyond) + np.float32(within - beyond) * (rho[box] < 1)
    snr[box] = floors.within(box).apply(smooth[box], noise, settings.cladding_jitter_px)
    return snr


def _steadied(
    floors: _Floors, polar: FloatImage, rho: FloatImage, guarded: Mask, grid: PolarGrid, settings: ResidualSettings
) -> _Floors:
    """The floors, in the guard band no higher than the edge varies along itself."""
    rim = np.flatnonzero(guarded)
    floors.steady(_rim_spread(polar, rho.ravel()[rim], grid, settings) / settings.cladding_jitter_px, rim)
    return floors


def _rim_spread(smooth: FloatImage, rho: FloatImage, grid: PolarGrid, settings: ResidualSettings) -> FloatArray:
    """How much the residual varies along the circles within the guard band, at these distances from the centre; (n,).

    An edge that runs evenly is misplaced by no more than this, and a small pit stands out on it. 1, all there is, where
    too little of a circle is known. Beyond the band other detectors look: to them a worn rim would be marks.
    """
    near = np.abs(grid.s - 1) * grid.cladding_radius_px < settings.guard_px + 1
    circles = smooth[near]
    own = _widest_spread(circles, RIM_QUANTILES, settings.min_noise)
    own = np.maximum(own, cv2.GaussianBlur(own[None], (0, 0), RIM_SAMPLES)[0])
    own[np.count_nonzero(np.isnan(circles), axis=1) > MOST_UNKNOWN * circles.shape[1]] = 1.0
    return np.interp(rho, grid.s[near], own)


RIM_QUANTILES: Quantiles = ((0.5, 0.6745), (0.8, 1.2816))  # a fifth of the edge may be broken
RIM_SAMPLES = 1.5  # radii


def _noise_beside_edge(sigma: FloatImage, grid: PolarGrid, settings: ResidualSettings) -> tuple[float, float]:
    """Noise of cladding and ferrule next to the cladding edge, which a broken edge does not raise."""
    outward_px = (grid.s - 1) * grid.cladding_radius_px
    near = np.abs(outward_px) < 5 * settings.edge_px
    sides = (near & (outward_px < -settings.edge_px), near & (outward_px > settings.edge_px))
    within, beyond = (float(np.median(sigma[side])) if side.any() else settings.min_noise for side in sides)
    return within, beyond
