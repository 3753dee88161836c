"""The pixels in which marks are sought, and where they lie relative to the fiber."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import ResidualSettings
from dscope_blink.records import FiberGeometry, FloatImage, Mask, reduced_ellipse, to_form

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WorkingPicture:
    """The picture and the fiber at the resolution at which marks are sought."""

    gray: FloatImage
    geometry: FiberGeometry
    pixel_px: tuple[float, float]  # pixels of the picture per pixel of this one, x and y
    stored: FloatImage | None = None  # the picture itself, where this one is of another resolution

    @property
    def with_levels(self) -> FloatImage:
        """The picture with its own grey levels, not those that resampling puts between them."""
        return self.gray if self.stored is None else self.stored


def working_picture(
    gray: FloatImage, geometry: FiberGeometry, max_cladding_px: float, doubled_px: tuple[float, float] = (0.0, 0.0)
) -> WorkingPicture:
    """Reduce a picture whose fiber is larger than the detectors' kernels are made for, double one of few pixels.

    More pixels than the optics resolve show no more marks, but their noise hangs together over many of them. In few
    pixels the kernels join marks that the eye sees apart; in fewer still dots and blocks show rather than marks.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    geometry : the located fiber
    max_cladding_px : largest diameter of the cladding, pixels
    doubled_px : diameters of the cladding from which, and below which, a picture is doubled
    """
    diameter_px = geometry.cladding.ellipse.mean_diameter_px
    if doubled_px[0] <= diameter_px < doubled_px[1]:
        return _resized(gray, geometry, 1 / ENLARGED, cv2.INTER_CUBIC)
    factor = diameter_px / max_cladding_px
    return (
        WorkingPicture(gray, geometry, (1.0, 1.0)) if factor <= 1 else _resized(gray, geometry, factor, cv2.INTER_AREA)
    )


ENLARGED = 2
PIXEL_BLUR_PX = 1 / math.sqrt(12)  # each pixel of a reduced picture is a mean


def _resized(gray: FloatImage, geometry: FiberGeometry, factor: float, interpolation: int) -> WorkingPicture:
    h, w = gray.shape
    size = round(w / factor), round(h / factor)
    pixel_px = w / size[0], h / size[1]
    resized = cv2.resize(gray, size, interpolation=interpolation)
    own_blur_px = PIXEL_BLUR_PX
    if factor < 1:
        np.clip(resized, 0, 1, out=resized)  # cubics overshoot beside an edge
        own_blur_px = 0.0
    unit = math.sqrt(pixel_px[0] * pixel_px[1])
    blur_px = math.hypot(geometry.cladding.blur_px / unit, own_blur_px)
    cladding = replace(geometry.cladding, ellipse=reduced_ellipse(geometry.cladding.ellipse, pixel_px), blur_px=blur_px)
    core = geometry.core and replace(geometry.core, ellipse=reduced_ellipse(geometry.core.ellipse, pixel_px))
    return WorkingPicture(resized, FiberGeometry(cladding, core), pixel_px, stored=gray)


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
    form = to_form(geometry.cladding.ellipse)
    values, vectors = np.linalg.eigh(np.array([[form[2], form[3]], [form[3], form[4]]]))
    root = vectors @ np.diag(np.sqrt(values)) @ vectors.T
    if geometry.core is None:
        return _Frame(form[:2], root, None)
    core = to_form(geometry.core.ellipse)
    inverse = np.linalg.inv(root)
    shape = inverse.T @ np.array([[core[2], core[3]], [core[3], core[4]]]) @ inverse
    centre = root @ (core[:2] - form[:2])
    in_v = np.array([*centre, shape[0, 0], shape[0, 1], shape[1, 1]])
    return _Frame(form[:2], root, (float(np.linalg.det(shape) ** -0.25), in_v))


def fiber_coordinates(geometry: FiberGeometry, origin: tuple[int, int], shape: tuple[int, int]) -> FiberCoordinates:
    """Fiber coordinates of every pixel of a window of the picture.

    Parameters
    ----------
    geometry : the located fiber
    origin : x, y of the first pixel of the window
    shape : (h, w) of the window

    Returns
    -------
    FiberCoordinates, each (h, w) float32; theta in radians, 0 to 2 pi
    """
    frame = _frame(geometry)
    x = np.arange(shape[1], dtype=np.float32) + np.float32(origin[0] - frame.centre[0])
    y = np.arange(shape[0], dtype=np.float32)[:, None] + np.float32(origin[1] - frame.centre[1])
    r = frame.root.astype(np.float32)
    rho, theta = cv2.cartToPolar(r[0, 0] * x + r[0, 1] * y, r[1, 0] * x + r[1, 1] * y)
    return FiberCoordinates(rho, _stretched(frame, rho, theta), theta)


def _stretched(frame: _Frame, rho: FloatImage, theta: FloatImage) -> FloatImage:
    if frame.core is None:
        return rho
    s, (y, x) = rho.copy(), box_of(rho < 1)  # beyond the cladding nothing is stretched
    rho, theta = rho[y, x], theta[y, x]
    table = frame.core_radius(np.linspace(0, 2 * math.pi, 1441)).astype(np.float32)
    edge = table.take(np.rint(theta * np.float32(1440 / (2 * math.pi))).astype(np.int32))
    mean = np.float32(frame.core[0])
    inside, outside = rho * (mean / edge), mean + (rho - edge) * ((1 - mean) / (1 - edge))
    s[y, x] = np.where(rho < edge, inside, np.where(rho < 1, outside, rho))
    return s


def box_of(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns that hold all of a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return slice(0), slice(0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


@dataclass(frozen=True, slots=True)
class PolarGrid:
    """Circles around the fiber, and where their samples lie in the working picture."""

    s: FloatArray  # (radii,) stretched radius of each
    x: FloatImage  # (radii, angles)
    y: FloatImage
    core_ratio: float  # 0 without a core
    cladding_radius_px: float
    blur_px: float  # sigma of the cladding edge
    core_is_seen: bool = True  # False: it is nominal, and hardly darker than the cladding

    @property
    def r_px(self) -> FloatArray:
        return self.s * self.cladding_radius_px

    @property
    def core_radius_px(self) -> float:
        return self.core_ratio * self.cladding_radius_px

    def sampled(self, picture: FloatImage, origin: tuple[int, int] = (0, 0)) -> FloatImage:
        """The picture, or a window of it, at these places; (radii, angles), NaN outside."""
        x, y = self.x - np.float32(origin[0]), self.y - np.float32(origin[1])
        # cubic, since a bilinear sample blurs the fiber's own edges and they would then be left in the residual
        return cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=math.nan)


def polar_grid(geometry: FiberGeometry, settings: ResidualSettings) -> PolarGrid:
    """Circles of one stretched radius each, from the centre to the reach of the settings.

    Parameters
    ----------
    geometry : the located fiber
    settings : reach, distance of the circles and samples on each, from config.json
    """
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
    seen = geometry.core is None or geometry.core.source == "measured"
    blur_px = geometry.cladding.blur_px
    return PolarGrid(s, x.astype(np.float32), y.astype(np.float32), frame.core_ratio, radius_px, blur_px, seen)
