"""Regions that a fiber has by its description: found in the picture, and what they add to its brightness.

The rotation, and a size and distance common to all, come from the correlation with the described regions on circles
around the centre; then each region is fitted for itself, its place, size, blur and level, robustly against marks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import ResidualSettings
from dscope_blink.image_processing.fiber_coordinates import WorkingPicture, fiber_coordinates, polar_grid
from dscope_blink.records import (
    SIDES,
    FiberGeometry,
    FloatImage,
    Mask,
    Notice,
    StructureDescription,
    StructureRegion,
    notice,
    window_around,
)

FloatArray = NDArray[np.float64]

TOLERANCE = 0.1  # of described sizes and distances
STEPS = np.linspace(1 - TOLERANCE, 1 + TOLERANCE, 5)
ANGLES, CIRCLES = 360, 120  # of the search for the rotation
WITHIN = 0.97  # cladding radii: farther out every circle holds the edge
MIN_SNR = 3.0  # level of a region in sigmas of the smoothed noise: below, nothing shows that it is there
MIN_STEP = 0.5  # times the level: what a piece of a border must step by
MIN_SUPPORT = 0.7  # share of the border that does; of a plain fiber almost none
SECTORS = 12  # pieces of a border
HIDDEN = 3  # one of so many may be covered by a mark, the others tell what it is
CORNER = 0.06  # share by which a polygon may be shorter through its corners: they are round
MOST_APART = 0.15  # times the common level: equal regions are equally bright, a mark that covers one is no region


@dataclass(frozen=True, slots=True)
class FoundStructure:
    """What the described regions add to the picture, or why they are not seen."""

    added: FloatImage | None = None  # (H, W) of the working picture, grey levels; None: none are found
    warnings: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class _Face:
    """The cladding in the coordinates of a description: x and y in cladding radii, the cladding a unit circle."""

    gray: FloatImage  # (h, w) of the window that holds the cladding
    x: FloatImage
    y: FloatImage
    rho: FloatImage
    origin_px: tuple[int, int]
    radius_px: float
    blur: float  # sigma of the cladding edge, cladding radii


@dataclass(frozen=True, slots=True)
class _Placed:
    """One region; lengths in cladding radii."""

    sides: int
    x: float
    y: float
    size: float  # radius, of a polygon that of its inscribed circle
    turn: float  # radians
    blur: float
    oval: tuple[float, float] = (0.0, 0.0)  # of a disc: share by which it is longer along x, and along the diagonal
    level: float = 0.0  # grey levels that it adds

    def depth(self, x: FloatImage, y: FloatImage) -> FloatImage:
        """Distance inwards from the border."""
        return np.asarray(np.min(self._depths(x, y), axis=0), np.float32)

    def coverage(self, x: FloatImage, y: FloatImage) -> FloatImage:
        """Share of the level that the blur lets through: of a disc and of sides alike a normal distribution's."""
        return np.asarray(np.prod([_normal(depth / self.blur) for depth in self._depths(x, y)], axis=0), np.float32)

    def cut(self, x: FloatImage, y: FloatImage) -> FloatImage:
        """Share of the level that a round corner may lack."""
        if self.sides == 0:
            return np.zeros_like(x)
        reach = np.float32(self.size / math.cos(math.pi / self.sides) * (1 - CORNER))
        within = _normal((reach - np.hypot(x - np.float32(self.x), y - np.float32(self.y))) / self.blur)
        return self.coverage(x, y) * (1 - within)

    def _depths(self, x: FloatImage, y: FloatImage) -> list[FloatImage]:
        dx, dy = x - np.float32(self.x), y - np.float32(self.y)
        if self.sides == 0:
            square = np.maximum(dx * dx + dy * dy, np.float32(1e-12))
            longer = np.float32(self.oval[0]) * (dx * dx - dy * dy) + np.float32(2 * self.oval[1]) * dx * dy
            return [np.float32(self.size) * (1 + longer / square) - np.sqrt(square)]
        normals = (self.turn + 2 * math.pi * (k + 0.5) / self.sides for k in range(self.sides))
        return [np.float32(self.size) - dx * np.float32(math.cos(n)) - dy * np.float32(math.sin(n)) for n in normals]


def find_structure(
    picture: WorkingPicture, structure: StructureDescription, cladding_um: float, settings: ResidualSettings
) -> FoundStructure:
    """Find described regions.

    Parameters
    ----------
    picture : with the located fiber
    structure : its description
    cladding_um : diameter of the cladding
    settings : of the circles around the fiber, from config.json

    Returns
    -------
    FoundStructure; with a region that does not show clearly, none is found
    """
    face = _face(picture)
    lines = [(region, 2 / cladding_um) for region in structure.regions]
    turn, size, far = _roughly(picture, lines, settings)
    groups = [list(_placed(region, unit, face.blur, turn, size, far)) for region, unit in lines]
    regions = [one for group in groups for one in group]
    light = _light(face, regions)
    face = replace(face, gray=face.gray / light)
    departure = face.gray - _glass(face, regions)
    noise = _noise(departure, face, regions)
    found: list[_Placed] = []
    for (region, unit), group in zip(lines, groups, strict=True):
        fitted = [_fitted(one, departure, face) for one in group]
        shown = _shown(fitted, departure, face, noise)
        reason = _why_not(fitted, shown, region, unit, turn, noise)
        if reason is not None:
            return FoundStructure(warnings=(notice("structure_not_found", reason),))
        found += _mended(group, fitted, shown)
    added = np.zeros_like(picture.gray)
    (left, top), (h, w) = face.origin_px, face.gray.shape
    added[top : top + h, left : left + w] = _added(found, departure, face) * light
    return FoundStructure(added)


def _added(regions: Sequence[_Placed], departure: FloatImage, face: _Face) -> FloatImage:
    """What the regions add to the window; near a corner as little as is seen, if a round one would add so little."""
    added, lacking = np.zeros_like(departure), np.zeros_like(departure)
    for one in regions:
        added += np.float32(one.level) * one.coverage(face.x, face.y)
        lacking += np.float32(one.level) * one.cut(face.x, face.y)
    return added + np.clip(departure - added, np.minimum(-lacking, 0), np.maximum(-lacking, 0))


def _face(picture: WorkingPicture) -> _Face:
    cladding = picture.geometry.cladding
    origin, (h, w) = window_around(picture.gray.shape, cladding.ellipse, 1.0)
    place = fiber_coordinates(FiberGeometry(cladding, None), origin, (h, w))
    x, y = cv2.polarToCart(place.rho, place.theta)
    radius_px = cladding.ellipse.mean_diameter_px / 2
    gray = picture.gray[origin[1] : origin[1] + h, origin[0] : origin[0] + w]
    return _Face(gray, x, y, place.rho, origin, radius_px, max(cladding.blur_px, LEAST_BLUR_PX) / radius_px)


LEAST_BLUR_PX = 0.3


def _placed(
    region: StructureRegion, unit: float, blur: float, turn: float, size: float, far: float
) -> Iterator[_Placed]:
    """The regions as described, all turned, sized and moved alike."""
    for off_um, direction in region.places():
        at = direction + turn
        off = off_um * unit * far
        half = region.diameter_um * unit / 2 * size
        yield _Placed(SIDES[region.shape], off * math.cos(at), off * math.sin(at), half, at, blur)


# --- roughly: the same for all ----------------------------------------------------------------------------------------


def _roughly(
    picture: WorkingPicture, lines: Sequence[tuple[StructureRegion, float]], settings: ResidualSettings
) -> tuple[float, float, float]:
    """Rotation in radians, factor on sizes and on distances that explain most of what differs along the circles."""
    cladding = picture.geometry.cladding
    step_px = cladding.ellipse.mean_diameter_px / 2 / CIRCLES
    coarse = replace(settings, polar_reach=WITHIN, polar_angles=ANGLES, radial_step_px=step_px)
    grid = polar_grid(FiberGeometry(cladding, None), coarse)
    smooth = cv2.GaussianBlur(picture.gray, (0, 0), max(step_px / 2, 0.5))
    polar = np.nan_to_num(grid.sampled(smooth)).astype(np.float64)
    departure = polar - np.median(polar, axis=1, keepdims=True)
    most = CLIPPED * np.quantile(np.abs(departure), 0.9)  # a strong mark is not to outweigh faint regions
    weight = np.sqrt(grid.s)[:, None]
    spectrum = np.fft.rfft(_uneven(np.clip(departure, -most, most)) * weight, axis=1)
    theta = np.arange(ANGLES) * (2 * math.pi / ANGLES)
    x = np.outer(grid.s, np.cos(theta)).astype(np.float32)
    y = np.outer(grid.s, np.sin(theta)).astype(np.float32)
    blur = max(cladding.blur_px, step_px) * grid.s[1] / step_px
    distances = STEPS if any(region.radius_um for region, _ in lines) else np.ones(1)
    best = (-1.0, 0.0, 1.0, 1.0)
    for size, far in product(STEPS, distances):
        explained = np.zeros(ANGLES)
        for region, unit in lines:
            wanted = sum(one.coverage(x, y) for one in _placed(region, unit, blur, 0.0, size, far))
            template = _uneven(np.asarray(wanted, np.float64)) * weight
            along = np.fft.irfft((spectrum * np.conj(np.fft.rfft(template, axis=1))).sum(axis=0), ANGLES)
            explained += along**2 / max(float((template**2).sum()), 1e-12)
        top = int(explained.argmax())
        best = max(best, (float(explained[top]), float(theta[top]), float(size), float(far)))
    return best[1:]


CLIPPED = 3.0


def _uneven(polar: FloatArray) -> FloatArray:
    """What is left of each circle without its mean."""
    return np.asarray(polar - polar.mean(axis=1, keepdims=True))


# --- each for itself --------------------------------------------------------------------------------------------------


def _light(face: _Face, regions: Sequence[_Placed]) -> FloatImage:
    """Uneven light as a plane, 1 in the centre, from the glass beside the regions; a region is as much brighter."""
    clear = _beside(face, regions)
    ratio = face.gray[clear] / np.maximum(_glass(face, regions)[clear], 1 / 255) - 1
    slope = np.stack([face.x[clear], face.y[clear]]).astype(np.float64)
    along = np.zeros(2)
    for _ in range(3):
        left = ratio - along @ slope
        sigma = max(1.4826 * float(np.median(np.abs(left))), 1e-3) if left.size else 1.0
        weighted = slope / (1 + (left / (OUTLYING * sigma)) ** 2)
        along = np.clip(np.linalg.lstsq(weighted @ slope.T, weighted @ ratio, rcond=None)[0], -MOST_SLOPE, MOST_SLOPE)
    return np.asarray(1 + along[0] * face.x + along[1] * face.y, np.float32)


MOST_SLOPE = 0.4  # per cladding radius, so that no light is negative


def _beside(face: _Face, regions: Sequence[_Placed]) -> Mask:
    """Glass that no region reaches."""
    clear = face.rho < WITHIN
    for one in regions:
        clear &= one.depth(face.x, face.y) < -2 * one.blur - 1 / face.radius_px
    return clear


def _glass(face: _Face, regions: Sequence[_Placed]) -> FloatImage:
    """The median of each circle beside the regions; where they fill it, as on the next circles that they do not."""
    clear = _beside(face, regions)
    circles = max(round(face.radius_px), 2)
    index = np.minimum((face.rho * circles).astype(np.int32), circles - 1)
    order = np.argsort(index[clear], kind="stable")
    values, at = face.gray[clear][order], index[clear][order]
    starts, ends = np.searchsorted(at, np.arange(circles)), np.searchsorted(at, np.arange(circles), "right")
    enough = np.flatnonzero(ends - starts >= np.maximum(LEAST_GLASS * 2 * math.pi * np.arange(circles), 3))
    if not enough.size:
        return np.full_like(face.gray, np.median(face.gray))
    levels = [float(np.median(values[starts[k] : ends[k]])) for k in enough]
    profile = np.interp(np.arange(circles), enough, levels).astype(np.float32)
    return np.asarray(profile[index])


LEAST_GLASS = 0.1  # share of a circle that must lie beside the regions


def _noise(departure: FloatImage, face: _Face, regions: Sequence[_Placed]) -> float:
    """Robust sigma of the smoothed picture beside the regions."""
    clear = _beside(face, regions)
    smooth = cv2.GaussianBlur(departure, (0, 0), 1.0)
    smooth -= cv2.GaussianBlur(departure, (0, 0), 4.0)  # uneven light is no noise
    return max(1.4826 * float(np.median(np.abs(smooth[clear]))), LEAST_NOISE) if clear.any() else LEAST_NOISE


LEAST_NOISE = 0.002  # half a grey level of 256


def _fitted(start: _Placed, departure: FloatImage, face: _Face) -> _Placed:
    """Place, size, form, blur and level of one region, by least squares that weigh what does not fit less and less."""
    reach = 3 * start.blur + ROUND_PX / face.radius_px
    near = start.depth(face.x, face.y) > -reach
    x, y, seen = face.x[near], face.y[near], departure[near].astype(np.float64)
    inside = start.depth(x, y) > 0
    if np.count_nonzero(inside) < LEAST_PIXELS or np.count_nonzero(~inside) < LEAST_PIXELS:
        return start
    free = np.array([0, 1, 2, 3, 4] if start.sides else [0, 1, 2, 3, 5, 6])  # a disc has no turn, a polygon is even
    tried, most = _steps(start, 1 / face.radius_px)
    at = np.zeros(len(tried))
    ground = float(np.median(seen[~inside]))
    level = float(np.median(seen[inside])) - ground
    for _ in range(ROUNDS):
        covered = _moved(start, at).coverage(x, y).astype(np.float64)
        moved = (_moved(start, at + tried * (np.arange(len(tried)) == k)).coverage(x, y) for k in free)
        slopes = [level * (other - covered) / step for other, step in zip(moved, tried[free], strict=True)]
        left = seen - ground - level * covered
        sigma = max(1.4826 * float(np.median(np.abs(left))), LEAST_NOISE / 2)
        weight = 1 / (1 + (left / (OUTLYING * sigma)) ** 2)
        design = np.stack([*slopes, covered, np.ones_like(covered)])
        normal = (design * weight) @ design.T
        normal[np.diag_indices_from(normal)] *= 1 + 1e-4
        change = np.linalg.lstsq(normal, (design * weight) @ left, rcond=None)[0]
        at[free] += np.clip(change[:-2], -most[free], most[free])
        at = np.clip(at, -MOST_CHANGED, MOST_CHANGED)
        level, ground = level + float(change[-2]), ground + float(change[-1])
    return replace(_moved(start, at), level=level)


def _steps(start: _Placed, pixel: float) -> tuple[FloatArray, FloatArray]:
    """By how much what `_moved` takes is changed to see what changes, and at most in one round."""
    off, share = 0.2 * pixel, 0.2 * pixel / start.size
    most = np.array([2 * pixel, 2 * pixel, 0.05, 0.3, 0.1, 0.02, 0.02])
    return np.array([off, off, share, 0.1, share, share, share]), most


# of x, y, exponents of size and blur, turn and oval: a region is found near where the correlation has it
MOST_CHANGED = np.array([0.2, 0.2, 0.2, 1.0, 0.3, 0.05, 0.05])


ROUNDS = 10
ROUND_PX = 3.0  # of glass around a region
LEAST_PIXELS = 9
OUTLYING = 2.5  # sigmas


def _moved(start: _Placed, by: FloatArray) -> _Placed:
    """A region moved by x and y, grown and blurred by the exponents of two factors, turned, and less round."""
    x, y, size, blur, turn, *oval = (float(value) for value in by)
    return replace(
        start,
        x=start.x + x,
        y=start.y + y,
        size=start.size * math.exp(size),
        blur=start.blur * math.exp(blur),
        turn=start.turn + turn,
        oval=(oval[0], oval[1]),
    )


def _normal(x: FloatImage) -> FloatImage:
    """The normal distribution, within 0.0005 (Page, Approximations to the cumulative normal function, 1977)."""
    return np.asarray(0.5 + 0.5 * np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)), np.float32)


def _mended(start: Sequence[_Placed], fitted: Sequence[_Placed], shown: Sequence[int]) -> Sequence[_Placed]:
    """With those that a mark hides where and as the others have them."""
    if len(shown) == len(fitted):
        return fitted
    place = np.median([_moved_by(start[k], fitted[k]) for k in shown], axis=0)
    turn = float(np.median([fitted[k].turn - start[k].turn for k in shown]))
    size, blur, level = (float(np.median([getattr(fitted[k], n) for k in shown])) for n in ("size", "blur", "level"))
    return [
        one
        if k in shown
        else replace(
            start[k],
            x=start[k].x * place[0] - start[k].y * place[1],
            y=start[k].x * place[1] + start[k].y * place[0],
            size=size,
            turn=start[k].turn + turn,
            blur=blur,
            level=level,
        )
        for k, one in enumerate(fitted)
    ]


def _moved_by(start: _Placed, fitted: _Placed) -> tuple[float, float]:
    """The turn and stretch about the centre that moves one to the other, as a complex number."""
    ratio = complex(fitted.x, fitted.y) / complex(start.x, start.y)
    return ratio.real, ratio.imag


# --- whether it is there ----------------------------------------------------------------------------------------------


def _shown(fitted: Sequence[_Placed], departure: FloatImage, face: _Face, noise: float) -> list[int]:
    """Which of equal regions have the level of most, and a border all around."""
    common = float(np.median([one.level for one in fitted]))
    spare = max(MOST_APART * abs(common), MIN_SNR * noise)
    like = [k for k, one in enumerate(fitted) if abs(one.level - common) <= spare]
    return [k for k in like if _support(fitted[k], common, departure, face) >= MIN_SUPPORT]


def _why_not(
    fitted: Sequence[_Placed], shown: Sequence[int], region: StructureRegion, unit: float, turn: float, noise: float
) -> str | None:
    """What is missing of equal regions; None where they show at their places, but for those a mark hides."""
    name = f"{region.count} x {region.shape} of {region.diameter_um:g} um"
    if abs(float(np.median([one.level for one in fitted]))) < MIN_SNR * noise:
        return f"{name} do not stand out from the noise"
    if len(fitted) - len(shown) > len(fitted) // HIDDEN:
        return f"{name}, {len(shown)} of them show, with their border and of one level"
    described = list(_placed(region, unit, 1.0, turn, 1.0, 1.0))
    for one, wanted in ((fitted[k], described[k]) for k in shown):
        size = one.size / wanted.size
        if abs(size - 1) > TOLERANCE + 0.01:
            return f"{name} are described, the borders seen are those of {region.diameter_um * size:.1f} um"
        off = math.hypot(one.x - wanted.x, one.y - wanted.y)
        if off > TOLERANCE * max(math.hypot(wanted.x, wanted.y), 2 * wanted.size):
            return f"{name}, one of them lies {off / unit:.1f} um from its place"
    return None


def _support(one: _Placed, level: float, departure: FloatImage, face: _Face) -> float:
    """Share of the pieces of a border that step as the level says."""
    depth, pixel = one.depth(face.x, face.y), 1 / face.radius_px
    start, width = min(one.blur + 0.5 * pixel, one.size / 2), 2 * one.blur + 2 * pixel
    within, beyond = (depth > start) & (depth < start + width), (depth < -start) & (depth > -start - width)
    sector = np.floor((np.arctan2(face.y - one.y, face.x - one.x) / (2 * math.pi) % 1) * SECTORS).astype(int)
    steps = [
        float(np.median(departure[inner]) - np.median(departure[outer]))
        for inner, outer in ((within & (sector == k), beyond & (sector == k)) for k in range(SECTORS))
        if _holds(inner) and _holds(outer)
    ]
    return sum(step * math.copysign(1, level) >= MIN_STEP * abs(level) for step in steps) / SECTORS


def _holds(pixels: Mask) -> bool:
    return bool(pixels.any())
