"""Picture -> fiber geometry: seeds, robust sub-pixel ellipses of cladding and core, and the tests that say no."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

import ellipse_fit
from config_loader import CoreSettings, Localization
from ellipse_fit import Form
from records import CladdingFit, CoreFit, Ellipse, FiberGeometry, FloatImage, NotLocated, Points

Method = Literal["hough", "contour"]
Seed: TypeAlias = tuple[float, float, float, int]  # x, y, radius, polarity
FloatArray = NDArray[np.float64]

COARSE_ANGLES = 144
COARSE_WINDOWS = (0.16, 0.06)  # half width of the search around the radius, per round
FINE_WINDOWS = (0.03, 0.015)
MIN_FINE_WINDOW_PX = 3.0
MIN_TOLERANCE_PX = 1.5
RADIAL_STEP_PX = 0.5
SIDES = (0.05, 0.12)  # where the grey levels on either side of an edge are taken, in radii from it
SAME_CENTER = 0.15  # centres closer than this share of the radius belong to one fiber


@dataclass(frozen=True, slots=True)
class Edge:
    """An elliptic edge and the evidence for it."""

    form: Form
    polarity: int  # +1 brighter outside
    support: float
    rms_px: float
    step: float  # grey step across the edge, outside minus inside, 0..1
    method: Method

    @property
    def ellipse(self) -> Ellipse:
        return ellipse_fit.from_form(self.form)

    @property
    def radius_px(self) -> float:
        return self.ellipse.mean_diameter_px / 2


def locate(
    gray: FloatImage,
    settings: Localization,
    core_settings: CoreSettings,
    core_ratio: float | None = None,
    pixel_aspect_ratio: float | None = None,
) -> FiberGeometry | NotLocated:
    """Find the cladding and the core of the fiber in a picture.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    settings, core_settings : limits from config.json
    core_ratio : known core / cladding diameter, if any
    pixel_aspect_ratio : um_per_px_x / um_per_px_y, if known; helps to find the seed and to tell a fiber from an oval

    Returns
    -------
    FiberGeometry in pixels of `gray`, or NotLocated with the evidence
    """
    rng = np.random.default_rng(0)  # the same picture must give the same ellipse
    small, factors = _reduced(gray, settings.seed_width_px, pixel_aspect_ratio or 1.0)
    edges = _coarse_edges(small, settings, core_ratio, rng)
    if not edges:
        return NotLocated("no circular edge in the picture")
    rival = _rival(edges, settings)
    if rival is not None:
        return NotLocated(_two_circles(max(edges, key=_score), rival, factors))
    coarse = _choose_cladding(edges, settings)
    room = math.inf if core_ratio is None else 1 - core_ratio
    fine = _refine_full(gray, ellipse_fit.rescaled(coarse.form, factors), coarse, room, settings)
    if fine is None:
        return NotLocated("no ellipse fits the edge points")
    reason = _why_not(fine, settings, pixel_aspect_ratio)
    if reason:
        return NotLocated(reason)
    cladding = CladdingFit(fine.ellipse, fine.rms_px, fine.support, fine.step, fine.method)
    return FiberGeometry(cladding, locate_core(gray, fine.form, core_settings, core_ratio))


# --- seeds ------------------------------------------------------------------------------------------------------------


def _reduced(gray: FloatImage, width: int, aspect: float) -> tuple[FloatImage, tuple[float, float]]:
    """A smaller picture with square pixels, and the pixels of `gray` per pixel of it in x and y."""
    h, w = gray.shape
    fx = max(w / width, 1.0)
    fy = fx * aspect
    size = max(round(w / fx), 1), max(round(h / fy), 1)
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA), (w / size[0], h / size[1])


def _coarse_edges(
    small: FloatImage, settings: Localization, core_ratio: float | None, rng: np.random.Generator
) -> list[Edge]:
    """Edges around seeds of the plain picture, of the equalised one if those do not convince, and concentric ones."""
    smooth = cv2.GaussianBlur(small, (0, 0), 1.0)
    picture = _stretched(small)
    edges = _fit_all(smooth, _hough_seeds(picture, settings), "hough", settings, core_ratio, rng)
    if not any(_convincing(e, settings) for e in edges):
        clahe = cv2.createCLAHE(settings.clahe_clip_limit, (settings.clahe_tiles, settings.clahe_tiles))
        equalised = clahe.apply(picture)
        edges += _fit_all(smooth, _hough_seeds(equalised, settings), "hough", settings, core_ratio, rng)
        edges += _fit_all(smooth, _contour_seeds(equalised, settings), "contour", settings, core_ratio, rng)
    if not edges:
        return []
    best = max(edges, key=_score)
    return edges + _fit_all(smooth, _concentric_seeds(smooth, best, core_ratio), best.method, settings, core_ratio, rng)


def _stretched(small: FloatImage) -> NDArray[np.uint8]:
    lo, hi = np.percentile(small, (0.5, 99.5))
    scaled = np.clip((small - lo) / max(hi - lo, 1e-3) * 255, 0, 255)
    return cv2.medianBlur(scaled.astype(np.uint8), 5)


def _hough_seeds(picture: NDArray[np.uint8], settings: Localization) -> list[Seed]:
    short = min(picture.shape)
    found = cv2.HoughCircles(
        picture,
        cv2.HOUGH_GRADIENT_ALT,
        settings.hough_dp,
        minDist=settings.hough_min_distance_share * short,
        param1=settings.hough_edge_threshold,
        param2=settings.hough_roundness,
        minRadius=int(settings.min_radius_share * short),
        maxRadius=int(settings.max_radius_share * short),
    )
    if found is None:
        return []
    circles = found.reshape(-1, found.shape[-1])[: settings.max_seeds, :3]
    return [(float(x), float(y), float(r), polarity) for x, y, r in circles for polarity in (1, -1)]


def _contour_seeds(picture: NDArray[np.uint8], settings: Localization) -> list[Seed]:
    """Circles of equal area for the outlines that a threshold gives; several thresholds, for shaded pictures."""
    short = min(picture.shape)
    seeds = []
    for level in np.percentile(picture, (10, 25, 50, 75, 90)):
        _, binary = cv2.threshold(picture, float(level), 255, cv2.THRESH_BINARY)
        contours, _ = cv2.findContours(binary, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        for contour in contours:
            (x, y), enclosing = cv2.minEnclosingCircle(contour)
            area = cv2.contourArea(contour)
            radius = math.sqrt(area / math.pi)
            if (
                settings.min_radius_share * short <= radius <= settings.max_radius_share * short
                and radius > 0.6 * enclosing
            ):
                seeds.append((area / enclosing**2, x, y, radius))
    best = sorted(seeds, reverse=True)[: settings.max_seeds]
    return [(x, y, r, polarity) for _, x, y, r in best for polarity in (1, -1)]


def _concentric_seeds(smooth: FloatImage, edge: Edge, core_ratio: float | None) -> list[Seed]:
    """Radii around a found edge at which the median grey level steps: the core's edge leads to the cladding's."""
    radii = np.arange(0.3, 2.6, 0.02)  # in radii of the edge
    profile = np.median(_sample(smooth, _ellipse_grid(edge.form, COARSE_ANGLES, radii)), axis=0)
    slope = np.gradient(cv2.GaussianBlur(profile[None].astype(np.float32), (0, 0), 2)[0])
    size = np.nan_to_num(np.abs(slope))
    peaks = np.flatnonzero((size[1:-1] >= size[:-2]) & (size[1:-1] > size[2:])) + 1
    peaks = peaks[np.abs(radii[peaks] - 1) > 0.08]
    best = peaks[np.argsort(size[peaks])[::-1][:3]]
    found = [(float(radii[k]), 1 if slope[k] > 0 else -1) for k in best]
    if core_ratio is not None:
        found += [(factor, polarity) for factor in (core_ratio, 1 / core_ratio) for polarity in (1, -1)]
    cx, cy = map(float, edge.form[:2])
    return [(cx, cy, factor * edge.radius_px, polarity) for factor, polarity in found]


# --- edges around a seed ----------------------------------------------------------------------------------------------


def _fit_all(
    smooth: FloatImage,
    seeds: Iterable[Seed],
    method: Method,
    settings: Localization,
    core_ratio: float | None,
    rng: np.random.Generator,
) -> list[Edge]:
    # where the cladding is thin, a search as wide as it would take one edge for the other
    room = math.inf if core_ratio is None else 1 - core_ratio
    fits = (
        _fit_around(smooth, np.array([x, y, 1 / r**2, 0.0, 1 / r**2]), polarity, method, room, rng)
        for x, y, r, polarity in seeds
    )
    return [e for e in fits if e is not None and _possible(e, smooth.shape, settings)]


def _fit_around(
    smooth: FloatImage, start: Form, polarity: int, method: Method, room: float, rng: np.random.Generator
) -> Edge | None:
    form: Form | None = start
    for window in COARSE_WINDOWS:
        if form is None:
            return None
        radius = _mean_radius(form)
        tolerance = max(1.0, 0.02 * radius)
        points = _edge_points(smooth, form, min(window, room / 2) * radius, COARSE_ANGLES, polarity)
        first = ellipse_fit.ransac(points, tolerance, rng)
        form = None if first is None else ellipse_fit.refine(points, first, 0.2, tolerance / 2)
    return None if form is None else _evidence(smooth, form, polarity, 0.03 * radius + 1.0, tolerance, method, room)


def _mean_radius(form: Form) -> float:
    _, _, p, q, s = form
    return float((p * s - q * q) ** -0.25)


def _evidence(
    picture: FloatImage,
    form: Form,
    polarity: int,
    window_px: float,
    tolerance_px: float,
    method: Method,
    room: float,
    angles: int = COARSE_ANGLES,
    blur_deg: float = 0.0,
) -> Edge:
    points = _edge_points(picture, form, window_px, angles, polarity, blur_deg)
    distance = ellipse_fit.signed_distance(points, form) if len(points) else np.empty(0)
    near = np.abs(distance) <= tolerance_px
    rms = float(np.sqrt(np.mean(distance[near] ** 2))) if near.any() else math.inf
    return Edge(form, polarity, float(near.sum()) / angles, rms, _step_across(picture, form, room), method)


def _step_across(picture: FloatImage, form: Form, room: float = math.inf) -> float:
    """Median grey step from inside to outside; `room` is the distance of the next edge, in radii."""
    sides = np.linspace(*SIDES, 4) * min(1.0, 0.7 * room / SIDES[1])
    inside = _sample(picture, _ellipse_grid(form, COARSE_ANGLES, 1 - sides))
    outside = _sample(picture, _ellipse_grid(form, COARSE_ANGLES, 1 + sides))
    steps = np.median(outside, axis=1) - np.median(inside, axis=1)
    seen = steps[np.isfinite(steps)]  # the others are cut by the border of the picture
    return float(np.median(seen)) if len(seen) else 0.0


def _edge_points(
    picture: FloatImage, form: Form, window_px: float, angles: int, polarity: int, blur_deg: float = 0.0
) -> Points:
    """Sub-pixel positions of the steepest step of the asked polarity along each normal; (N, 2), N <= angles."""
    steps = max(round(window_px / RADIAL_STEP_PX), 4)
    offsets = np.linspace(-window_px, window_px, 2 * steps + 1)
    origin, normal = _normals(form, angles)
    grid = origin[:, None, :] + offsets[None, :, None] * normal[:, None, :]  # (angles, offsets, 2)
    slope: NDArray[Any] = polarity * np.gradient(_blurred_along(_sample(picture, grid), blur_deg), axis=1)
    slope[~np.isfinite(slope)] = -np.inf
    k = np.clip(np.argmax(slope, axis=1), 1, slope.shape[1] - 2)
    rows = np.arange(angles)
    left, peak, right = slope[rows, k - 1], slope[rows, k], slope[rows, k + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        curvature = left - 2 * peak + right
        shift = np.where(curvature < 0, (left - right) / (2 * curvature), np.nan)
    good = np.isfinite(shift) & (np.abs(shift) <= 1) & (peak > 0)
    if good.any():
        good &= peak > 0.25 * np.median(peak[good])
    position = offsets[k] + shift * (offsets[1] - offsets[0])
    return (origin + position[:, None] * normal)[good]


def _blurred_along(profiles: NDArray[np.float32], blur_deg: float) -> NDArray[np.float32]:
    """Neighbouring profiles averaged around the circle, so that an edge of a few grey levels rises from the noise."""
    if blur_deg <= 0:
        return profiles
    sigma = blur_deg / 360 * len(profiles)
    pad = int(3 * sigma) + 1
    wrapped = np.concatenate([profiles[-pad:], profiles, profiles[:pad]])
    return cv2.GaussianBlur(wrapped, (0, 0), sigmaX=1.5, sigmaY=sigma)[pad:-pad]


def _normals(form: Form, angles: int) -> tuple[FloatArray, FloatArray]:
    """Points on the ellipse at equal eccentric angles and the outward unit normals there; both (angles, 2)."""
    origin = _ellipse_grid(form, angles, np.ones(1))[:, 0]
    u = origin - form[:2]
    p, q, s = form[2:]
    normal = np.stack([p * u[:, 0] + q * u[:, 1], q * u[:, 0] + s * u[:, 1]], axis=1)
    return origin, normal / np.linalg.norm(normal, axis=1, keepdims=True)


def _ellipse_grid(form: Form, angles: int, radii: FloatArray) -> FloatArray:
    """Points at multiples of the ellipse's radius; (angles, len(radii), 2) x and y."""
    ellipse = ellipse_fit.from_form(form)
    t = np.linspace(0, 2 * math.pi, angles, endpoint=False)
    a, b = ellipse.axes_px[0] / 2, ellipse.axes_px[1] / 2
    c, d = math.cos(math.radians(ellipse.angle_deg)), math.sin(math.radians(ellipse.angle_deg))
    u = np.stack([a * np.cos(t) * c - b * np.sin(t) * d, a * np.cos(t) * d + b * np.sin(t) * c], axis=1)
    return form[:2] + radii[None, :, None] * u[:, None, :]


def _sample(picture: FloatImage, grid: FloatArray) -> NDArray[np.float32]:
    """Bilinear grey levels at grid points (..., 2); NaN outside the picture."""
    xy = grid.astype(np.float32)
    return cv2.remap(
        picture, xy[..., 0], xy[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=math.nan
    ).reshape(grid.shape[:-1])


# --- choice and acceptance --------------------------------------------------------------------------------------------


def _possible(edge: Edge, shape: tuple[int, ...], settings: Localization) -> bool:
    """Of a plausible size, mostly inside the picture, with the step on the side its polarity says."""
    h, w = shape
    r, (cx, cy) = edge.radius_px, edge.form[:2]
    axes = edge.ellipse.axes_px
    return (
        settings.min_radius_share * min(h, w) <= r <= settings.max_radius_share * min(h, w)
        and 0 <= cx < w
        and 0 <= cy < h
        and axes[0] / axes[1] >= settings.min_axis_ratio
        and edge.support >= 0.3
        and edge.step * edge.polarity > 0
    )


def _score(edge: Edge) -> float:
    return edge.support**2 * min(abs(edge.step), 0.3)


def _convincing(edge: Edge, settings: Localization) -> bool:
    return edge.support >= 0.8 and abs(edge.step) >= 2 * settings.min_contrast


def _rival(edges: list[Edge], settings: Localization) -> Edge | None:
    """A circular edge about as good and as large as the best one, somewhere else: a second fiber, or a round stain."""
    best = max(edges, key=_score)
    others = [e for e in edges if not _concentric(e, best) and e.radius_px >= settings.rival_size * best.radius_px]
    rival = max(others, key=_score, default=best)
    apart = np.hypot(*(rival.form[:2] - best.form[:2])) > max(rival.radius_px, best.radius_px)
    return rival if apart and _score(rival) >= settings.rival_score * _score(best) else None


def _two_circles(best: Edge, rival: Edge, factors: tuple[float, float]) -> str:
    shown = []
    for edge in (best, rival):
        ellipse = ellipse_fit.from_form(ellipse_fit.rescaled(edge.form, factors))
        x, y = ellipse.center_px
        shown.append(f"{ellipse.mean_diameter_px:.0f} px wide at ({x:.0f}, {y:.0f})")
    return f"two circular edges, {' and '.join(shown)}: which is the fiber cannot be said"


def _choose_cladding(edges: list[Edge], settings: Localization) -> Edge:
    """The outermost strong edge of the fiber with the best evidence: the core and inner rings lie within it."""
    best = max(edges, key=_score)
    family = [e for e in edges if _concentric(e, best)]
    strong = [e for e in family if _score(e) >= settings.outer_edge_share * _score(best)]
    return max(strong, key=lambda e: e.radius_px)


def _concentric(a: Edge, b: Edge) -> bool:
    reach = SAME_CENTER * max(a.radius_px, b.radius_px)
    return bool(np.hypot(*(a.form[:2] - b.form[:2])) <= reach)


def _refine_full(gray: FloatImage, start: Form, coarse: Edge, room: float, settings: Localization) -> Edge | None:
    form: Form | None = start
    smooth = cv2.GaussianBlur(gray, (0, 0), 1.0)
    for share in FINE_WINDOWS:
        if form is None:
            return None
        window = max(share * _mean_radius(form), MIN_FINE_WINDOW_PX)
        points = _edge_points(smooth, form, window, settings.angles, coarse.polarity)
        form = ellipse_fit.refine(points, form, 0.05, window / 4)
    if form is None:
        return None
    # judged by a search so wide that an edge found at random would seldom lie on the ellipse
    radius = _mean_radius(form)
    tolerance = max(settings.tolerance_share * radius, MIN_TOLERANCE_PX)
    wide = max(min(settings.judging_share, room / 2) * radius, 3 * tolerance)
    return _evidence(smooth, form, coarse.polarity, wide, tolerance, coarse.method, room, settings.angles)


def _why_not(edge: Edge, settings: Localization, pixel_aspect_ratio: float | None) -> str:
    """The first test the fit fails, with its figures; empty when it passes."""
    ratio, least_ratio = _axis_ratio(edge, pixel_aspect_ratio or 1.0), settings.min_axis_ratio
    limit_px = settings.max_rms_share * edge.radius_px
    checks = (
        (abs(edge.step) >= settings.min_contrast, f"contrast {abs(edge.step):.3f}, at least {settings.min_contrast:g}"),
        (edge.support >= settings.min_support, f"seen on {edge.support:.0%}, at least {settings.min_support:.0%}"),
        (edge.rms_px <= limit_px, f"residual {edge.rms_px:.2f} px rms, at most {limit_px:.2f} px"),
        (ratio >= least_ratio, f"ratio of its axes {ratio:.3f}, at least {least_ratio:g}"),
    )
    failed = next((rule for passed, rule in checks if not passed), "")
    return failed and f"the best circular edge is not that of a cladding: {failed} needed"


def _axis_ratio(edge: Edge, pixel_aspect_ratio: float) -> float:
    """Shorter over longer axis in square pixels."""
    axes = ellipse_fit.from_form(ellipse_fit.rescaled(edge.form, (pixel_aspect_ratio, 1.0))).axes_px
    return axes[0] / axes[1]


def edge_sharpness(gray: FloatImage, cladding: Ellipse) -> float:
    """Radius of the cladding over the blur of its edge, larger is sharper.

    The blur is the sigma of the Gaussian edge with the ratio of step to steepest slope that the typical profile across
    the edge has: the mean of the middle half over the circumference leaves out dirt, chips and noise.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    cladding : fitted ellipse in pixels
    """
    form = ellipse_fit.to_form(cladding)
    radius = _mean_radius(form)
    window = max(SIDES[0] * radius, MIN_FINE_WINDOW_PX)
    origin, normal = _normals(form, 5 * COARSE_ANGLES)
    offsets = np.arange(-window, window + RADIAL_STEP_PX, RADIAL_STEP_PX)
    profiles = _sample(gray, origin[:, None, :] + offsets[None, :, None] * normal[:, None, :])
    whole = np.sort(profiles[np.isfinite(profiles).all(axis=1)], axis=0)
    if not len(whole):
        return 0.0
    quarter = len(whole) // 4
    slope = np.abs(np.diff(whole[quarter : len(whole) - quarter].mean(axis=0))).max() / RADIAL_STEP_PX
    blur_px = abs(_step_across(gray, form)) / max(math.sqrt(2 * math.pi) * float(slope), 1e-6)
    return radius / max(blur_px, 1e-6)


# --- core -------------------------------------------------------------------------------------------------------------


def locate_core(gray: FloatImage, cladding: Form, settings: CoreSettings, core_ratio: float | None) -> CoreFit | None:
    """Find the core inside a located cladding, brighter or darker than it.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    cladding : (5,) float64, form of the cladding edge in pixels
    settings : limits from config.json
    core_ratio : known core / cladding diameter; tells the core from the other rings

    Returns
    -------
    CoreFit, `nominal` with the reason when it cannot be seen and the ratio is known; None when neither
    """
    seeds = _core_seeds(gray, cladding, settings, core_ratio)
    edges = [edge for edge in (_fit_core(gray, seed, cladding, settings) for seed in seeds) if edge is not None]
    judged = [(e, _why_not_core(e, cladding, settings, core_ratio) or _too_dark(gray, e, settings)) for e in edges]
    good = [edge for edge, reason in judged if not reason]
    if good:
        best = max(good, key=_score)
        return CoreFit(best.ellipse, "measured", rms_px=best.rms_px, support=best.support)
    if core_ratio is None:
        return None
    _, reason = max(judged, key=lambda entry: _score(entry[0]), default=(None, "no edge near its nominal radius"))
    return CoreFit(ellipse_fit.from_form(cladding).scaled(core_ratio), "nominal", reason)


def _too_dark(gray: FloatImage, edge: Edge, settings: CoreSettings) -> str:
    """An unlit core is a little darker than the cladding; a black disc in its place is a pit."""
    around = _sample(gray, _ellipse_grid(edge.form, COARSE_ANGLES, 1 + np.linspace(*SIDES, 4)))
    level = float(np.nanmedian(around))
    darkness = edge.step / max(level, 1e-6)
    return "" if darkness <= settings.max_darkness else f"{darkness:.0%} darker than the cladding, a pit in its place"


def _core_seeds(
    gray: FloatImage, cladding: Form, settings: CoreSettings, core_ratio: float | None
) -> list[tuple[float, int]]:
    """Radius in radii of the cladding, and polarity, of the edges that may be the core's."""
    if core_ratio is not None:
        return [(core_ratio, 1), (core_ratio, -1)]
    radii = np.arange(0.04, 0.92, 0.005)
    profile = np.median(_sample(gray, _ellipse_grid(cladding, settings.angles, radii)), axis=0)
    slope = np.gradient(cv2.GaussianBlur(profile[None], (0, 0), 2)[0])
    size = np.nan_to_num(np.abs(slope))
    peaks = np.flatnonzero((size[1:-1] >= size[:-2]) & (size[1:-1] > size[2:])) + 1
    best = peaks[np.argsort(size[peaks])[::-1][:3]]
    return [(float(radii[k]), 1 if slope[k] > 0 else -1) for k in best]


def _fit_core(gray: FloatImage, seed: tuple[float, int], cladding: Form, settings: CoreSettings) -> Edge | None:
    ratio, polarity = seed
    cladding_radius = _mean_radius(cladding)
    form: Form | None = np.array([*cladding[:2], *(cladding[2:] / ratio**2)])
    for share in (settings.search_share, settings.search_share / 2, settings.search_share / 4):
        if form is None:
            return None
        # neither the centre nor the cladding edge may come into the search
        window = max(min(share, 0.4 * ratio, (1 - ratio) / 2) * cladding_radius, MIN_FINE_WINDOW_PX)
        points = _edge_points(gray, form, window, settings.angles, polarity, settings.angular_blur_deg)
        start = (
            ellipse_fit.ransac(points, window / 3, np.random.default_rng(0)) if share == settings.search_share else form
        )
        form = None if start is None else ellipse_fit.refine(points, start, 0.1, window / 3)
    if form is None:
        return None
    tolerance = max(window / 2, 1.0)
    return _evidence(
        gray, form, polarity, window, tolerance, "hough", 1 / ratio - 1, settings.angles, settings.angular_blur_deg
    )


def _why_not_core(edge: Edge, cladding: Form, settings: CoreSettings, core_ratio: float | None) -> str:
    ratio = edge.radius_px / _mean_radius(cladding)
    offset = float(np.hypot(*(edge.form[:2] - cladding[:2]))) / _mean_radius(cladding)
    axes = edge.ellipse.axes_px
    checks = (
        (
            edge.step * edge.polarity >= settings.min_contrast,
            f"contrast {abs(edge.step):.4f} below {settings.min_contrast:g}",
        ),
        (edge.support >= settings.min_support, f"visible on {edge.support:.0%}, less than {settings.min_support:.0%}"),
        (
            edge.rms_px <= max(settings.max_rms_share * edge.radius_px, settings.max_rms_px),
            f"residual {edge.rms_px:.2f} px rms",
        ),
        (offset <= settings.max_offset_share, f"centre {offset:.3f} cladding radii off"),
        (axes[0] / axes[1] >= settings.min_axis_ratio, f"axes {axes[0]:.1f} x {axes[1]:.1f} px"),
        (core_ratio is None or abs(ratio - core_ratio) <= settings.ratio_tolerance, f"core/cladding ratio {ratio:.3f}"),
    )
    return next((reason for passed, reason in checks if not passed), "")
