"""How much of a circular edge of one radius shows around each place of a picture, whatever its contrast.

Each pixel counts by the direction of its gradient, so that a faint fiber on a bright ferrule and a bright one between
grains are sought alike (fast radial symmetry: G. Loy, A. Zelinsky, IEEE TPAMI 25(8), 2003,
DOI 10.1109/TPAMI.2003.1217601, for one radius and with the share of the circumference as its measure).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import FloatImage

COARSE, FINE = (
    10,
    20,
)  # px of the radius in the reduced picture; of 10, 14 and 20 the last tells fibers from grains best
RING_SHARE = 0.07  # of the radius, the standard deviation of the width of the ring
STEADY = 0.004  # grey levels per pixel: weaker gradients than that have no direction
ANGLES = 120


@dataclass(frozen=True, slots=True)
class EdgeField:
    """Directions of the gradient in a picture reduced until the radius that is sought has few of them."""

    x: FloatImage  # (h, w), with `y` 0..1 long
    y: FloatImage
    factors: tuple[float, float]  # pixels of the stored picture per pixel, x and y
    radius: int  # px of the field

    def to_picture(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Places of the field in pixels of the stored picture, (N, 2)."""
        return (np.asarray(points, np.float64) + 0.5) * self.factors - 0.5

    def from_picture(self, point: tuple[float, float]) -> tuple[float, float]:
        """The other way."""
        return (point[0] + 0.5) / self.factors[0] - 0.5, (point[1] + 0.5) / self.factors[1] - 0.5


def edge_field(gray: FloatImage, radius_px: float, radius: int) -> EdgeField:
    """The field for circles of one radius.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    radius_px : in pixels of `gray`
    radius : in pixels of the field, COARSE or FINE
    """
    h, w = gray.shape
    size = max(round(w * radius / radius_px), 1), max(round(h * radius / radius_px), 1)
    way = cv2.INTER_AREA if radius_px >= radius else cv2.INTER_LINEAR
    small = cv2.GaussianBlur(cv2.resize(gray, size, interpolation=way), (0, 0), 0.8)
    gx, gy = (cv2.Sobel(small, cv2.CV_32F, *order, ksize=3, scale=1 / 8) for order in ((1, 0), (0, 1)))
    length = np.hypot(gx, gy)
    steady = float(np.median(length)) + STEADY
    return EdgeField(gx / (length + steady), gy / (length + steady), (w / size[0], h / size[1]), radius)


def ring_map(field: EdgeField) -> FloatImage:
    """Around each pixel the mean outward component along the ring, -1..1: positive where it is darker inside."""
    reach = math.ceil(field.radius * (1 + 3 * RING_SHARE))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    r = np.maximum(np.hypot(x, y), 1e-3)
    ring = np.exp(-0.5 * ((r / field.radius - 1) / RING_SHARE) ** 2)
    ring /= ring.sum()
    total = cv2.filter2D(field.x, cv2.CV_32F, ring * x / r, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(total + cv2.filter2D(field.y, cv2.CV_32F, ring * y / r, borderType=cv2.BORDER_CONSTANT))


@dataclass(frozen=True, slots=True)
class RingEvidence:
    """What shows of one circle."""

    center_px: tuple[float, float]  # best within the reach of the search
    strength: float  # -1..1, as in `ring_map`, of the part in the picture
    seen: float  # share of the circumference in the picture


def evidence_near(field: EdgeField, center_px: tuple[float, float], reach_px: float) -> RingEvidence:
    """The strongest circle whose centre lies near a place, its edge counted only where it lies in the picture.

    Parameters
    ----------
    field : of the radius that is sought
    center_px : in pixels of the stored picture
    reach_px : how far from it the centre may lie
    """
    cx, cy = field.from_picture(center_px)
    reach = reach_px / field.factors[0]
    steps = np.linspace(-reach, reach, 2 * math.ceil(2 * reach) + 1, dtype=np.float32)  # at most half a pixel apart
    dx, dy = (d.ravel() for d in np.meshgrid(steps, steps))
    turn = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False, dtype=np.float32)
    nx, ny = np.cos(turn), np.sin(turn)
    radii = field.radius * (1 + np.array([-RING_SHARE, 0, RING_SHARE], np.float32))
    x = (cx + dx)[:, None, None] + radii[:, None] * nx  # (shifts, radii, angles)
    y = (cy + dy)[:, None, None] + radii[:, None] * ny
    gx, gy = (_sampled(part, x, y) for part in (field.x, field.y))
    h, w = field.x.shape
    inside = (x > 0) & (x < w - 1) & (y > 0) & (y < h - 1)
    outward = np.where(inside, gx * nx + gy * ny, 0).sum(axis=(1, 2)) / np.maximum(inside.sum(axis=(1, 2)), 1)
    best = int(np.abs(outward).argmax())
    place = field.to_picture(np.array([[cx + dx[best], cy + dy[best]]]))[0]
    return RingEvidence((float(place[0]), float(place[1])), float(outward[best]), _share_seen(field, cx, cy))


def _sampled(part: FloatImage, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bilinear samples; cv2.remap takes at most 2^15 columns, so they are laid out as a sheet."""
    sheet = x.shape[0], x.shape[1] * x.shape[2]
    return np.asarray(
        cv2.remap(part, x.reshape(sheet).astype(np.float32), y.reshape(sheet).astype(np.float32), cv2.INTER_LINEAR)
    ).reshape(x.shape)


def _share_seen(field: EdgeField, cx: float, cy: float) -> float:
    turn = np.linspace(0, 2 * math.pi, ANGLES, endpoint=False)
    x, y = cx + field.radius * np.cos(turn), cy + field.radius * np.sin(turn)
    h, w = field.x.shape
    return float(((x >= -0.5) & (x <= w - 0.5) & (y >= -0.5) & (y <= h - 0.5)).mean())
