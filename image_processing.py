"""Picture -> zones, residual, confidence map and candidate regions; everything here is in pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

import ellipse_fit
from chaining import bridge_dashes
from components import components
from config_loader import DetectorSettings, Fusion, Preprocessing, ResidualSettings
from crossings import split_crossing
from detectors import DETECTORS
from records import (
    ZONE_LETTERS,
    Candidate,
    Ellipse,
    FiberGeometry,
    FloatImage,
    Mask,
    Quality,
    Residual,
    ZoneOutline,
    Zones,
)

FloatArray = NDArray[np.float64]
MAD_TO_SIGMA = 1.4826


# --- preprocessing ----------------------------------------------------------------------------------------------------


def flatten(gray: FloatImage, flat_field: FloatImage | None) -> tuple[FloatImage, tuple[str, ...]]:
    """Divide by the flat field, if there is one that fits, keeping the mean level; and what there is to warn of.

    Parameters
    ----------
    gray, flat_field : (H, W) float32, 0..1

    Returns
    -------
    (H, W) float32, 0..1, and warnings
    """
    if flat_field is None:
        return gray, ()
    if flat_field.shape != gray.shape:
        (fh, fw), (h, w) = flat_field.shape, gray.shape
        return gray, (f"Flat field not applied: it must be of the picture's size {w} x {h}, it is {fw} x {fh}",)
    light = np.maximum(cv2.GaussianBlur(flat_field, (0, 0), FLAT_FIELD_BLUR_PX), np.float32(1e-3))
    return np.clip(gray * (light.mean() / light), 0, 1).astype(np.float32), ()


FLAT_FIELD_BLUR_PX = 1.0  # its noise must not be printed on the pictures, its dust must


def measure_quality(gray: FloatImage, settings: Preprocessing) -> Quality:
    """Saturation and illumination of a picture; its focus is measured at the fiber, once that is located.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    settings : limits from config.json
    """
    saturated = _share(gray >= settings.saturation_level)
    low = _share(gray < settings.illumination_tail)
    high = _share(gray > 1 - settings.illumination_tail)
    warnings = []
    for share, end in ((low, "lowest"), (high, "highest")):
        if share > settings.illumination_max_share:
            tail = f"{settings.illumination_tail:.0%}"
            warnings.append(
                f"Poor Illumination Warning: {share:.1%} of the pixels lie in the {end} {tail} of the range"
            )
    if saturated > settings.saturation_max_fraction:
        limit = settings.saturation_max_fraction
        warnings.append(
            f"Saturation Warning: {saturated:.1%} of the pixels are saturated, at most {limit:.0%} should be"
        )
    return Quality(None, saturated, tuple(warnings))


def _share(mask: Mask) -> float:
    return np.count_nonzero(mask) / max(mask.size, 1)


# --- fiber coordinates ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FiberCoordinates:
    """The place of pixels relative to the fiber.

    `rho` is the distance from the cladding centre in cladding radii (1 on the edge, also of an ellipse), `s` the same
    stretched so that the measured core edge, wherever its centre, lies at the mean core radius, and `theta` the angle.
    """

    rho: FloatImage
    s: FloatImage
    theta: FloatImage


WIDEST_CORE = 0.999  # of the cladding, whose edge a core off its centre may touch


@dataclass(frozen=True, slots=True)
class _Frame:
    """What turns pixels into fiber coordinates and back; v = root (x - centre) makes the cladding a unit circle."""

    centre: FloatArray  # (2,)
    root: FloatArray  # (2, 2)
    core: tuple[float, FloatArray] | None  # mean radius and form in v

    @property
    def core_ratio(self) -> float:
        return 0.0 if self.core is None else self.core[0]

    def core_radius(self, theta: FloatArray) -> FloatArray:
        """Distance from the cladding centre to the core edge along each direction, in cladding radii."""
        assert self.core is not None
        cx, cy, p, q, s = self.core[1]
        c, d = np.cos(theta), np.sin(theta)
        a = p * c * c + 2 * q * c * d + s * d * d
        b = -(p * c * cx + q * (c * cy + d * cx) + s * d * cy)
        k = p * cx * cx + 2 * q * cx * cy + s * cy * cy - 1
        return np.minimum((-b + np.sqrt(np.maximum(b * b - a * k, 0))) / a, WIDEST_CORE)


def _frame(geometry: FiberGeometry) -> _Frame:
    form = ellipse_fit.to_form(geometry.cladding.ellipse)
    values, vectors = np.linalg.eigh(np.array([[form[2], form[3]], [form[3], form[4]]]))
    root = vectors @ np.diag(np.sqrt(values)) @ vectors.T
    if geometry.core is None:
        return _Frame(form[:2], root, None)
    core = ellipse_fit.to_form(geometry.core.ellipse)
    inverse = np.linalg.inv(root)
    shape = inverse.T @ np.array([[core[2], core[3]], [core[3], core[4]]]) @ inverse
    centre = root @ (core[:2] - form[:2])
    in_v = np.array([*centre, shape[0, 0], shape[0, 1], shape[1, 1]])
    return _Frame(form[:2], root, (float(np.linalg.det(shape) ** -0.25), in_v))


def fiber_coordinates(geometry: FiberGeometry, origin: tuple[int, int], shape: tuple[int, int]) -> FiberCoordinates:
    """Fiber coordinates of every pixel of a window of the picture."""
    frame = _frame(geometry)
    x = np.arange(shape[1], dtype=np.float32) + np.float32(origin[0] - frame.centre[0])
    y = np.arange(shape[0], dtype=np.float32)[:, None] + np.float32(origin[1] - frame.centre[1])
    r = frame.root.astype(np.float32)
    rho, theta = cv2.cartToPolar(r[0, 0] * x + r[0, 1] * y, r[1, 0] * x + r[1, 1] * y)
    return FiberCoordinates(rho, _stretched(frame, rho, theta), theta)


def _stretched(frame: _Frame, rho: FloatImage, theta: FloatImage) -> FloatImage:
    if frame.core is None:
        return rho
    s, (y, x) = rho.copy(), _box(rho < 1)  # beyond the cladding nothing is stretched
    rho, theta = rho[y, x], theta[y, x]
    table = frame.core_radius(np.linspace(0, 2 * math.pi, 1441)).astype(np.float32)
    edge = table.take(np.rint(theta * np.float32(1440 / (2 * math.pi))).astype(np.int32))
    mean = np.float32(frame.core[0])
    inside, outside = rho * (mean / edge), mean + (rho - edge) * ((1 - mean) / (1 - edge))
    s[y, x] = np.where(rho < edge, inside, np.where(rho < 1, outside, rho))
    return s


def _box(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns that hold all of a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return slice(0), slice(0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


@dataclass(frozen=True, slots=True)
class _PolarGrid:
    """Circles around the fiber, and where their samples lie in the working picture."""

    s: FloatArray  # (radii,) stretched radius of each
    x: FloatImage  # (radii, angles)
    y: FloatImage
    core_ratio: float  # 0 without a core
    cladding_radius_px: float

    @property
    def r_px(self) -> FloatArray:
        return self.s * self.cladding_radius_px

    def sampled(self, picture: FloatImage, origin: tuple[int, int] = (0, 0)) -> FloatImage:
        """The picture, or a window of it, at these places; (radii, angles), NaN outside."""
        x, y = self.x - np.float32(origin[0]), self.y - np.float32(origin[1])
        # cubic, since a bilinear sample blurs the fiber's own edges and they would then be left in the residual
        return cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=math.nan)


def _polar_grid(geometry: FiberGeometry, settings: ResidualSettings) -> _PolarGrid:
    frame, radius_px = _frame(geometry), geometry.cladding.ellipse.mean_diameter_px / 2
    s = np.arange(0, settings.polar_reach + 1e-9, settings.radial_step_px / radius_px)
    theta = np.linspace(0, 2 * math.pi, settings.polar_angles, endpoint=False)
    rho = np.repeat(s[:, None], len(theta), axis=1)
    if frame.core is not None:
        edge, mean = frame.core_radius(theta), frame.core_ratio
        inner, between = s < mean, (s >= mean) & (s < 1)
        rho[inner] = np.outer(s[inner], edge / mean)
        rho[between] = edge + np.outer(s[between] - mean, (1 - edge) / (1 - mean))
    across, down = np.linalg.inv(frame.root) @ np.stack([np.cos(theta), np.sin(theta)])  # pixels per cladding radius
    x, y = frame.centre[0] + rho * across, frame.centre[1] + rho * down
    return _PolarGrid(s, x.astype(np.float32), y.astype(np.float32), frame.core_ratio, radius_px)


# --- working resolution -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WorkingPicture:
    """The picture and the fiber at the resolution at which marks are sought."""

    gray: FloatImage
    geometry: FiberGeometry
    pixel_px: tuple[float, float]  # pixels of the picture per pixel of this one, x and y


def working_picture(gray: FloatImage, geometry: FiberGeometry, max_cladding_px: float) -> WorkingPicture:
    """Reduce a picture whose fiber is larger than the detectors' kernels are made for; leave others as they are.

    More pixels than the optics resolve show no more marks, but their noise hangs together over many of them.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    geometry : the located fiber
    max_cladding_px : largest diameter of the cladding, pixels
    """
    factor = geometry.cladding.ellipse.mean_diameter_px / max_cladding_px
    if factor <= 1:
        return WorkingPicture(gray, geometry, (1.0, 1.0))
    h, w = gray.shape
    size = round(w / factor), round(h / factor)
    pixel_px = w / size[0], h / size[1]
    smaller = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    unit = math.sqrt(pixel_px[0] * pixel_px[1])
    blur_px = math.hypot(geometry.cladding.blur_px / unit, PIXEL_BLUR_PX)
    cladding = replace(geometry.cladding, ellipse=_reduced(geometry.cladding.ellipse, pixel_px), blur_px=blur_px)
    core = geometry.core and replace(geometry.core, ellipse=_reduced(geometry.core.ellipse, pixel_px))
    return WorkingPicture(smaller, FiberGeometry(cladding, core), pixel_px)


PIXEL_BLUR_PX = 1 / math.sqrt(12)  # each pixel of a reduced picture is a mean


def _reduced(ellipse: Ellipse, pixel_px: tuple[float, float]) -> Ellipse:
    factors = (1 / pixel_px[0], 1 / pixel_px[1])
    return ellipse_fit.from_form(ellipse_fit.rescaled(ellipse_fit.to_form(ellipse), factors))


# --- residual ---------------------------------------------------------------------------------------------------------


def residual(picture: WorkingPicture, reach: float, settings: ResidualSettings) -> Residual:
    """Subtract what repeats around the fiber, and measure the noise that is left.

    Parameters
    ----------
    picture : with the located fiber
    reach : how far from the centre marks are looked for, in cladding radii
    settings : from config.json

    Returns
    -------
    Residual on the window that holds the reach
    """
    gray, geometry = picture.gray, picture.geometry
    origin, shape = _window(gray.shape, geometry.cladding.ellipse, reach)
    window = gray[origin[1] : origin[1] + shape[0], origin[0] : origin[0] + shape[1]]
    coordinates = fiber_coordinates(geometry, origin, shape)
    grid = _polar_grid(geometry, settings)
    model = _angular_model(grid.sampled(gray), grid, settings)
    bounded = _bound(model, grid, settings)
    background = _wrapped_back(model, coordinates, grid)
    lit = _lit(window, settings)
    left = window - background
    trend = _ferrule_trend(left, lit, coordinates.rho, settings)
    background += trend
    left -= trend
    smooth = cv2.GaussianBlur(left, (0, 0), settings.smooth_px)
    most = _most_noise(model, window, grid, settings)
    sigma = np.minimum(_radial_noise(grid.sampled(smooth, origin), bounded, grid, settings), most)
    noise = _noise(smooth, sigma, float(most[-1]), coordinates.s, grid, settings)
    floors = _floors(background, settings)
    clear = np.abs(coordinates.rho - 1) * grid.cladding_radius_px > settings.guard_px
    return Residual(
        origin_px=origin,
        pixel_px=picture.pixel_px,
        gray=left,
        snr=floors.apply(smooth, noise, settings.edge_jitter_px),
        edge_snr=_edge_snr(smooth, floors, sigma, coordinates.rho, grid, settings),
        background=background,
        rho=coordinates.rho,
        cladding_radius_px=grid.cladding_radius_px,
        blur_px=math.hypot(geometry.cladding.blur_px, settings.smooth_px),
        inside=(coordinates.rho < reach) & clear & lit,
    )


def _window(shape: tuple[int, ...], cladding: Ellipse, reach: float) -> tuple[tuple[int, int], tuple[int, int]]:
    (cx, cy), half = cladding.center_px, reach * max(cladding.axes_px) / 2
    x0, y0 = max(int(cx - half), 0), max(int(cy - half), 0)
    x1, y1 = max(min(int(cx + half) + 2, shape[1]), x0), max(min(int(cy + half) + 2, shape[0]), y0)
    return (x0, y0), (y1 - y0, x1 - x0)


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


def _angular_model(polar: FloatImage, grid: _PolarGrid, settings: ResidualSettings) -> FloatImage:
    """Median over angles plus low harmonics, fitted robustly at each radius; (radii, angles).

    The harmonics take up directional light, and what the edges depart from their ellipses: a displaced edge is a low
    harmonic, a slightly wavy one a higher, so more of them are allowed near the edges.
    """
    unknown = ~np.isfinite(polar)
    highest = np.where(_near_edges(grid, settings), settings.edge_harmonics, settings.harmonics)
    # at least 50 px of circumference for each period, or a mark near the centre would be fitted away
    highest = np.minimum(highest, grid.r_px / 8)
    model = np.repeat(_row_medians(polar)[:, None], polar.shape[1], axis=1)
    for _ in range(settings.rounds):
        deviation = polar - model
        deviation[unknown] = 0
        limit = settings.clip_sigma * MAD_TO_SIGMA * _row_medians(np.abs(deviation[:, ::3]))[:, None]
        model += _low_harmonics(np.clip(deviation, -limit, limit), highest)
    return model


def _near_edges(grid: _PolarGrid, settings: ResidualSettings) -> Mask:
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


def _bound(model: FloatImage, grid: _PolarGrid, settings: ResidualSettings) -> Mask:
    """Take out of the background what departs from its surroundings further than a profile does: it is a mark.

    Around the centre a mark fills whole circles, and their median is then that of the mark. Returns the radii changed,
    and those beside them; (radii,).
    """
    middle = _row_medians(model)
    start = middle.copy()
    for bound in _bounds(grid, settings):
        if bound.region.any() and bound.typical.any():
            level = float(np.median(middle[bound.typical]))
            allowed = np.clip(middle, level * (1 - bound.dip), level * (1 + bound.peak))
            middle[bound.region] = allowed[bound.region]
    model += (middle - start)[:, None]
    changed = (middle != start).astype(np.uint8)[:, None]
    return cv2.dilate(changed, np.ones((9, 1), np.uint8))[:, 0].astype(bool)


@dataclass(frozen=True, slots=True)
class _Bound:
    """How far the median of each radius of a region may lie below and above that of the typical radii, relative."""

    region: Mask  # (radii,)
    typical: Mask
    dip: float
    peak: float


def _bounds(grid: _PolarGrid, settings: ResidualSettings) -> tuple[_Bound, ...]:
    """From the widest region to the narrowest; near the edges of core and cladding nothing is bounded."""
    s, core, edge = grid.s, grid.core_ratio, settings.edge_px / grid.cladding_radius_px
    small = min(edge / 2, 0.15 * core)
    centre = settings.centre_share * (core or 1.0)
    around = (s >= centre) & (s < 1.5 * centre)
    between = (s > core + edge / 2) & (s < 1 - edge)
    return (
        _Bound(s < core, between, settings.core_darkness, math.inf),
        _Bound(s < core - small, (s < core - small) & (s > 0.7 * core), settings.core_dip, settings.core_peak),
        _Bound(between, between & (s > (1 + core) / 2 - edge), settings.cladding_dip, settings.cladding_peak),
        _Bound((s < centre) & (s >= settings.dip_share), around, settings.centre_wave, settings.centre_wave),
        _Bound((s < centre) & (s < settings.dip_share), around, settings.centre_dip, settings.centre_wave),
    )


def _wrapped_back(polar: FloatImage, coordinates: FiberCoordinates, grid: _PolarGrid) -> FloatImage:
    """A polar picture in the pixels of the window; beyond its last radius that radius goes on."""
    closed = np.concatenate([polar, polar[:, :1]], axis=1)
    columns = coordinates.theta * np.float32(polar.shape[1] / (2 * math.pi))
    rows = coordinates.s * np.float32(1 / grid.s[1])
    return cv2.remap(closed, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _ferrule_trend(left: FloatImage, lit: Mask, rho: FloatImage, settings: ResidualSettings) -> FloatImage:
    """A large median of what is left on the ferrule: shading that no harmonic follows."""
    ferrule = rho > settings.ferrule_from
    factor = settings.trend_reduction
    seen = cv2.copyTo(left, (ferrule & lit).astype(np.uint8))  # or the black frame is smeared over the ferrule
    small = cv2.resize(seen, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    lo, span = float(small.min()), max(float(np.ptp(small)), 1e-6)
    levels = np.rint((small - lo) * (255 / span)).astype(np.uint8)
    trend = cv2.medianBlur(levels, settings.trend_kernel_px).astype(np.float32) * (span / 255) + lo
    trend = cv2.resize(cv2.GaussianBlur(trend, (0, 0), 2), left.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.copyTo(trend, ferrule.astype(np.uint8))


def _radial_noise(smooth: FloatImage, bounded: Mask, grid: _PolarGrid, settings: ResidualSettings) -> FloatImage:
    """Robust noise of the smoothed residual at each radius, not below that of its region; (radii,)."""
    # a mark that fills whole circles is no noise
    size = np.abs(smooth - np.where(bounded, _row_medians(smooth), 0)[:, None])
    sigma = MAD_TO_SIGMA * _row_medians(size)
    few = grid.r_px < settings.pooled_px  # too few pixels around for an estimate of their own
    sigma[few] = np.median(sigma[(grid.r_px < 3 * settings.pooled_px) & ~few])
    s, edge = grid.s, settings.edge_px / grid.cladding_radius_px
    for low, high in ((0.0, grid.core_ratio), (grid.core_ratio, 1.0), (1.0, math.inf)):
        region = size[(s > low + edge) & (s < high - edge), ::3]
        region = region[np.isfinite(region)]
        if region.size:
            # most pixels of a compressed picture may be exactly flat, and the median then zero: look at the rest
            floor = np.quantile(region, NOISE_QUANTILE, method="lower") / NOISE_QUANTILE_SIGMAS
            here = (s >= low) & (s < high)
            sigma[here] = np.maximum(sigma[here], floor)
    sigma = np.maximum(sigma, settings.min_noise).astype(np.float32)
    return np.maximum(sigma, cv2.GaussianBlur(sigma[None], (0, 0), 2)[0])


NOISE_QUANTILE, NOISE_QUANTILE_SIGMAS = 0.8, 1.2816  # of the size of a normal deviation


def _noise(
    smooth: FloatImage, sigma: FloatImage, most: float, s: FloatImage, grid: _PolarGrid, settings: ResidualSettings
) -> FloatImage:
    """The radial noise in the pixels of the window; one value, `most` at most, beyond the reach of the polar model."""
    beyond = np.abs(smooth[::4, ::4][s[::4, ::4] > grid.s[-1]])
    far = max(MAD_TO_SIGMA * float(np.median(beyond)), settings.min_noise) if beyond.size else float(sigma[-1])
    far = min(far, most)
    noise, box = np.full(s.shape, far, np.float32), _box(s <= grid.s[-1])
    column = s[box] * np.float32(1 / grid.s[1])
    table = np.append(sigma, np.float32(far))[None]
    noise[box] = cv2.remap(table, column, np.zeros_like(column), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return noise


@dataclass(frozen=True, slots=True)
class _Floors:
    """What of a difference is no mark beside the noise: a share of the brightness, and edges misplaced by a bit."""

    texture_squared: FloatImage
    slope_squared: FloatImage  # of the background, grey levels per pixel

    def within(self, box: tuple[slice, slice]) -> _Floors:
        """Those of a part of the window."""
        return _Floors(self.texture_squared[box], self.slope_squared[box])

    def apply(self, difference: FloatImage, noise: FloatImage, jitter_px: float) -> FloatImage:
        """A difference in standard deviations of noise and both floors."""
        total = self.slope_squared * np.float32(jitter_px**2)
        total += self.texture_squared
        total += noise * noise
        return np.divide(difference, np.sqrt(total, out=total), out=total)


def _most_noise(
    model: FloatImage, window: FloatImage, grid: _PolarGrid, settings: ResidualSettings
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
    grid: _PolarGrid,
    settings: ResidualSettings,
) -> FloatImage:
    """The smoothed residual in sigmas of cladding and ferrule beside the edge; 0 beyond the polar model."""
    snr, box = np.zeros_like(smooth), _box(rho <= grid.s[-1])
    within, beyond = _noise_beside_edge(sigma, grid, settings)
    noise = np.float32(beyond) + np.float32(within - beyond) * (rho[box] < 1)
    snr[box] = floors.within(box).apply(smooth[box], noise, settings.cladding_jitter_px)
    return snr


def _noise_beside_edge(sigma: FloatImage, grid: _PolarGrid, settings: ResidualSettings) -> tuple[float, float]:
    """Noise of cladding and ferrule next to the cladding edge, which a broken edge does not raise."""
    outward_px = (grid.s - 1) * grid.cladding_radius_px
    near = np.abs(outward_px) < 5 * settings.edge_px
    sides = (near & (outward_px < -settings.edge_px), near & (outward_px > settings.edge_px))
    within, beyond = (float(np.median(sigma[side])) if side.any() else settings.min_noise for side in sides)
    return within, beyond


# --- zones ------------------------------------------------------------------------------------------------------------


def zone_map(
    shape: tuple[int, ...], outlines: Sequence[ZoneOutline], pixel_px: tuple[float, float] = (1.0, 1.0)
) -> Zones:
    """Label every pixel with the innermost zone whose outline holds its centre; a centre on the outline is inside.

    Parameters
    ----------
    shape : (H, W) of the picture whose pixels are labelled
    outlines : outer borders in pixels of the stored picture, from the innermost to the outermost
    pixel_px : pixels of the stored picture per pixel of this one, x and y

    Returns
    -------
    Zones with (H, W) uint8 labels: 0 outside all, else 1 + index in ZONE_LETTERS
    """
    labels = np.zeros(shape, np.uint8)
    for outline in reversed(outlines):
        ellipse = _reduced(outline.outer, pixel_px)
        (x0, y0), (h, w) = _window(labels.shape, ellipse, 1.0)
        first, last = _row_ends(ellipse, np.arange(y0, y0 + h))
        x = np.arange(x0, x0 + w)
        labels[y0 : y0 + h, x0 : x0 + w][(x >= first) & (x <= last)] = 1 + ZONE_LETTERS.index(outline.letter)
    return Zones(labels, tuple(outlines))


def clipped_shares(gray: FloatImage, zones: Zones, saturation_level: float) -> Mapping[str, float]:
    """Share of the pixels of each zone in which no mark can be seen, for they are black or saturated; by its name."""
    x, y, w, h = cv2.boundingRect(zones.labels)
    labels = zones.labels[y : y + h, x : x + w]
    clear = cv2.inRange(gray[y : y + h, x : x + w], 1 - saturation_level, saturation_level)
    count, seen = (cv2.calcHist([labels], [0], mask, [256], [0, 256])[:, 0] for mask in (None, clear))
    places = ((outline.name, 1 + ZONE_LETTERS.index(outline.letter)) for outline in zones.outlines)
    return {name: 1 - float(seen[k] / count[k]) if count[k] else 0.0 for name, k in places}


def _row_ends(ellipse: Ellipse, y: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """Where each row of pixels enters and leaves an ellipse, NaN where it passes by; each (rows, 1)."""
    cx, cy, p, q, s = ellipse_fit.to_form(ellipse)
    v = (y - cy)[:, None]
    with np.errstate(invalid="ignore"):
        half = np.sqrt((q * v) ** 2 - p * (s * v * v - 1 - ROUNDING)) / p
    middle = cx - q * v / p
    return middle - half, middle + half


ROUNDING = 1e-9  # of a form whose ellipse passes through the centre of a pixel: that is inside, however it is turned


# --- evidence and fusion ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evidence:
    """What each detector supports, and the weighted sum."""

    supports: Mapping[str, Mask]
    confidence: FloatImage


def gather_evidence(field: Residual, detectors: Mapping[str, DetectorSettings]) -> Evidence:
    """Run the enabled detectors on a residual and add their weights where they support a mark.

    Parameters
    ----------
    field : the residual of one picture
    detectors : settings by detector name

    Returns
    -------
    Evidence with (h, w) bool supports and a (h, w) float32 confidence map
    """
    enabled = {name: d for name, d in detectors.items() if d.enabled}
    supports = {name: DETECTORS[name](field, **d.settings) for name, d in enabled.items()}
    confidence = np.zeros(field.snr.shape, np.float32)
    for name, support in supports.items():
        confidence += np.float32(enabled[name].weight) * support
    return Evidence(supports, confidence)


def supports_in_picture(field: Residual, evidence: Evidence, shape: tuple[int, ...]) -> Mapping[str, Mask]:
    """What each detector marks, in the pixels of the stored picture.

    As for the candidates, only the walk along the cladding edge counts beside that edge: there the others see the edge.

    Parameters
    ----------
    field, evidence : of one picture
    shape : (H, W) of the stored picture

    Returns
    -------
    (H, W) bool by detector; a pixel is what the pixel of the residual is that holds its centre, False beyond its window
    """
    (rows, from_rows), (columns, from_columns) = (_matched(field, axis, shape[1 - axis]) for axis in (1, 0))
    found = {name: np.zeros(shape, bool) for name in evidence.supports}
    for name, support in evidence.supports.items():
        counted = support if name == EDGE_DETECTOR else support & field.inside
        found[name][rows, columns] = counted[np.ix_(from_rows, from_columns)]
    return found


def _matched(field: Residual, axis: int, size: int) -> tuple[slice, NDArray[np.intp]]:
    """Which of the `size` stored pixels along x (0) or y (1) a residual covers, and its pixel at each of them."""
    index = np.floor((np.arange(size) + 0.5) / field.pixel_px[axis]).astype(np.intp) - field.origin_px[axis]
    covered = np.flatnonzero((index >= 0) & (index < field.snr.shape[1 - axis]))
    here = slice(int(covered[0]), int(covered[-1]) + 1)
    return here, index[here]


def find_candidates(field: Residual, evidence: Evidence, settings: Fusion) -> tuple[Candidate, ...]:
    """Threshold the confidence map, grow by hysteresis, and cut each mark out at its outline.

    Parameters
    ----------
    field, evidence : of one picture
    settings : from config.json

    Returns
    -------
    Candidates in pixels of the picture, each with the share of it that every detector supports
    """
    chips = evidence.supports.get(EDGE_DETECTOR, np.zeros(field.snr.shape, bool))
    agreed = (evidence.confidence >= settings.threshold) & field.inside
    marks = (_grown(field, agreed, settings) if settings.grow else agreed) | chips
    marks = bridge_dashes(marks, settings.dash_min_aspect_ratio, settings.dash_max_gap_px, settings.dash_max_turn_deg)
    joined = cv2.dilate(marks.astype(np.uint8), np.ones((settings.join_px, settings.join_px), np.uint8))
    regions = components(joined.astype(bool))
    found = []
    for k, (x, y, w, h) in enumerate(regions.boxes_px.tolist(), 1):
        whole = _filled((regions.labels[y : y + h, x : x + w] == k) & marks[y : y + h, x : x + w])
        for mask in split_crossing(whole, settings.cross_min_arm_px, settings.dash_max_turn_deg):
            if mask.sum() >= settings.min_area_px and _rises(field, mask, (x, y), settings):
                found.append(_candidate(mask, (x, y), field, evidence, chips, settings))
    return tuple(found)


EDGE_DETECTOR = "edge_chip"


def _grown(field: Residual, seeds: Mask, settings: Fusion) -> Mask:
    """Weaker surroundings connected to the seeds, cut at a share of the local peak contrast."""
    height = np.abs(field.snr)
    regions = components((height > settings.weak_snr) & field.inside)
    grown = cv2.copyTo(height, regions.only(regions.holding(seeds)).astype(np.uint8))
    peak = cv2.dilate(grown, np.ones((settings.peak_px, settings.peak_px), np.uint8))
    return grown > np.maximum(settings.outline_level * peak, settings.weak_snr)


def _filled(mask: Mask) -> Mask:
    """The mask without holes: the calm middle of a mark is part of it."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros(mask.shape, np.uint8), contours, -1, 1, cv2.FILLED).astype(bool)


def _rises(field: Residual, mask: Mask, corner: tuple[int, int], settings: Fusion) -> bool:
    """Whether the mark as a whole stands out: mean departure times the root of its area, as for a matched filter.

    The area counts in patches of independent noise, that of the smoothing.
    """
    x, y = corner
    snr = np.abs(field.snr[y : y + mask.shape[0], x : x + mask.shape[1]][mask])
    return float(snr.mean()) * math.sqrt(max(snr.size / PATCH_PX, 1.0)) >= settings.min_mark_snr


PATCH_PX = 12.0  # 4 pi sigma^2 for a smoothing of one pixel


def _candidate(
    mask: Mask, corner: tuple[int, int], field: Residual, evidence: Evidence, chips: Mask, settings: Fusion
) -> Candidate:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    mask = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    x, y = corner[0] + int(columns[0]), corner[1] + int(rows[0])
    here = np.s_[y : y + mask.shape[0], x : x + mask.shape[1]]
    shares = {name: float(support[here][mask].mean()) for name, support in evidence.supports.items()}
    by_edge = np.abs(field.rho[here][mask] - 1) < settings.edge_band_share
    on_edge = bool(chips[here][mask].mean() >= settings.edge_min_share and by_edge.mean() > 0.5)
    box = (x + field.origin_px[0], y + field.origin_px[1], mask.shape[1], mask.shape[0])
    return Candidate(box, mask, shares, on_edge)
