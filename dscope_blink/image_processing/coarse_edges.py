"""Circular edges in a reduced picture: seeds, an ellipse around each, and the rings around the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import Localization
from dscope_blink.image_processing import edges
from dscope_blink.image_processing.edges import COARSE_ANGLES, Edge, Search, share_in_view
from dscope_blink.image_processing.surroundings import sides_of
from dscope_blink.records import FloatImage, Form, mean_radius, scaled

Circle: TypeAlias = tuple[float, float, float]  # x, y, radius

COARSE_WINDOWS = (0.16, 0.06)  # half width of the search around the radius, per round
COARSE_ROUNDS = 4  # of a fit: the next search moves the edge by more than further rounds would
SAME_CENTER = 0.15  # centres closer than this share of the radius belong to one fiber

# --- seeds ------------------------------------------------------------------------------------------------------------


def reduced(gray: FloatImage, short_px: int, aspect: float) -> tuple[FloatImage, tuple[float, float]]:
    """A smaller picture with square pixels, and the pixels of `gray` per pixel of it in x and y."""
    h, w = gray.shape
    fx = max(min(w, h / aspect) / short_px, 1.0)
    fy = fx * aspect
    size = max(round(w / fx), 1), max(round(h / fy), 1)
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA), (w / size[0], h / size[1])


def coarse_edges(small: FloatImage, settings: Localization, core_ratio: float | None) -> list[Edge]:
    """Edges around seeds of the plain picture, of the equalised one if those do not convince, and concentric ones."""
    picture = _stretched(small)
    found = _fit_all(small, _hough_seeds(picture, settings), settings, core_ratio)
    if not any(is_convincing(e, settings) for e in found):
        clahe = cv2.createCLAHE(settings.clahe_clip_limit, (settings.clahe_tiles, settings.clahe_tiles))
        equalised = clahe.apply(picture)
        found += _fit_all(small, _hough_seeds(equalised, settings), settings, core_ratio)
        by_outline = _fit_all(small, _contour_seeds(equalised, settings), settings, core_ratio)
        found += [replace(e, method="contour") for e in by_outline]
    if not found:
        return []
    best = max(found, key=lambda e: e.score)
    rings = _rings_around(best, small, settings, core_ratio)
    found += rings
    if best.polarity < 0 and sides_of(small, best.form).is_in_the_dark(settings.max_dark_share):
        found += coarse_edges(_without_dark(small, best), settings, core_ratio)
    return found


def edges_at(small: FloatImage, circle: Circle, settings: Localization, core_ratio: float | None) -> list[Edge]:
    """The edge around one circle that is known, and those concentric with it: what lies elsewhere is not looked at."""
    found = _fit_all(small, [circle], settings, core_ratio)
    return found + [ring for edge in found for ring in _rings_around(edge, small, settings, core_ratio)]


def _without_dark(small: FloatImage, field: Edge) -> FloatImage:
    """The picture with what lies around a round field of view filled up: its border hides fainter ones within it."""
    rim = edges.sample(small, field.form, np.linspace(*FIELD_RIM, 4), COARSE_ANGLES)
    axes = tuple(axis * FIELD_RIM[1] for axis in field.ellipse.axes_px)
    lit = cv2.ellipse(np.zeros(small.shape, np.uint8), (field.ellipse.center_px, axes, field.ellipse.angle_deg), 1, -1)
    filled: FloatImage = np.where(lit > 0, small, np.float32(np.nanmedian(rim)))
    return filled


FIELD_RIM = (0.85, 0.95)  # radii


def _stretched(small: FloatImage) -> NDArray[np.uint8]:
    lo, hi = np.percentile(small[::2, ::2], (0.5, 99.5))
    gain = 255 / max(float(hi - lo), 1e-3)
    return cv2.medianBlur(cv2.convertScaleAbs(np.maximum(small, lo), alpha=gain, beta=-gain * float(lo)), 5)


def _hough_seeds(picture: NDArray[np.uint8], settings: Localization) -> list[Circle]:
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
    return [(float(x), float(y), float(r)) for x, y, r in circles]


def _contour_seeds(picture: NDArray[np.uint8], settings: Localization) -> list[Circle]:
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
    return [(x, y, r) for _, x, y, r in best]


# --- edges around a seed ----------------------------------------------------------------------------------------------


def _fit_all(
    small: FloatImage, seeds: Sequence[Circle], settings: Localization, core_ratio: float | None
) -> list[Edge]:
    """An edge for each seed; those within a fiber already found are left to the search for rings around it."""
    # where the cladding is thin, a search as wide as it would take one edge for the other
    room = math.inf if core_ratio is None else 1 - core_ratio
    found: list[Edge] = []
    for x, y, r in seeds:
        if any(
            is_convincing(e, settings) and math.dist(e.form[:2], (x, y)) <= SAME_CENTER * e.radius_px for e in found
        ):
            continue
        start = np.array([x, y, 1 / r**2, 0.0, 1 / r**2])
        edge = _fit_around(small, start, COARSE_WINDOWS, room)
        if edge is not None and _possible(edge, small.shape, settings):
            found.append(edge)
    return found


def _fit_around(
    small: FloatImage, start: Form, windows: Sequence[float], room: float, polarity: int | None = None
) -> Edge | None:
    """The edge near `start`, of the polarity that most of its circumference shows unless one is asked for."""
    form: Form | None = start
    for window in windows:
        if form is None or not _near_picture(form, small.shape):
            return None
        radius = mean_radius(form)
        tolerance = max(1.0, COARSE_TOLERANCE * radius)
        radii, slope = edges.slopes(small, form, Search(min(window, room / 2) * radius))
        polarity = polarity or edges.polarity_of(slope)
        form = edges.fitted(form, edges.steepest(radii, slope, polarity), tolerance, 0.2, COARSE_ROUNDS)
    if form is None or polarity is None:
        return None
    return edges.judged(small, form, polarity, Search(COARSE_JUDGED * radius + 1.0), tolerance, room)


COARSE_TOLERANCE, COARSE_JUDGED = 0.02, 0.03  # radii: what supports a coarse edge, and where it is looked for


def _near_picture(form: Form, shape: tuple[int, ...]) -> bool:
    """Not so far off that no search around it can see anything."""
    (cx, cy), radius = form[:2], mean_radius(form)
    return bool(-radius < cx < shape[1] + radius and -radius < cy < shape[0] + radius)


def _rings_around(edge: Edge, small: FloatImage, settings: Localization, core_ratio: float | None) -> list[Edge]:
    """Edges concentric with a found one: the core's leads to the cladding's, and rings tell what else it could be."""
    radii = np.arange(*RING_RADII, 0.5 / edge.radius_px)
    steps = edges.steps(edges.sample(small, edge.form, radii, COARSE_ANGLES), radii)
    rings = [s for s in steps if abs(s.radius - 1) > CLOSEST_RING][: settings.max_rings]
    places = [1.0, *(ring.radius for ring in rings)]
    found = []
    for ring in rings:
        start, gap = scaled(edge.form, ring.radius), _gap(ring.radius, places)
        found.append(_fit_around(small, start, (min(RING_WINDOW, gap / 2),), gap, ring.polarity))
    room = math.inf if core_ratio is None else 1 - core_ratio
    for radius in () if core_ratio is None else (core_ratio, 1 / core_ratio):
        if all(abs(place / radius - 1) > settings.ratio_match for place in places):
            found.append(_fit_around(small, scaled(edge.form, radius), (RING_WINDOW,), room))
    possible = (e for e in found if e is not None and _possible(e, small.shape, settings))
    # of one that the border of the picture cuts little is seen: it tells what else is there if it is clear
    clear = (e for e in possible if abs(e.step) >= 2 * settings.min_contrast or share_in_view(e, 1.0, small.shape) == 1)
    return [replace(e, method=edge.method) for e in clear]


RING_RADII = (0.3, 6.0)  # where rings are sought, in radii of the edge they are concentric with
RING_WINDOW = 0.06
CLOSEST_RING = 0.03  # what is closer is the halo or the dark line of the edge itself


def _gap(radius: float, places: Sequence[float]) -> float:
    """Distance of the next ring, in radii of this one."""
    return min((abs(p - radius) for p in places if p != radius), default=math.inf) / radius


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
        and edge.support >= LEAST_SUPPORT
        and edge.step * edge.polarity > 0
    )


LEAST_SUPPORT = 0.3  # random edges lie on a third of a coarse circle


def is_convincing(edge: Edge, settings: Localization) -> bool:
    """Whether an edge needs no second look: seen nearly all around, at twice the least contrast."""
    return edge.support >= SURE_SUPPORT and abs(edge.step) >= 2 * settings.min_contrast


SURE_SUPPORT = 0.8
