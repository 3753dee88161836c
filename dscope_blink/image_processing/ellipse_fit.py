"""Robust ellipse fits that do not depend on OpenCV's, some of which fail silently on near-circular data.

An ellipse is carried as the quadratic form that `records/ellipse.py` describes.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Form, Points, is_ellipse, steady

TUKEY_C = 4.685  # 95 % efficiency on normal errors
MAD_TO_SIGMA = 1.4826
MIN_POINTS = 8
TRIALS = 500  # an eighth of those that take any rays is free of outliers where one ray in three misses the edge
MAX_CONDITION = 1000.0  # of a choice of rays: half of the circumference alone gives some hundreds
MAX_JUDGES = 80  # rays that judge a sample: enough to rank them


def rays(form: Form, angles: int) -> NDArray[np.float64]:
    """Vectors from the centre to the outline at equal steps of the eccentric angle; (angles, 2)."""
    return trigonometry(angles)[:, 1:3] @ _stretch(form).T


def points_along(form: Form, rho: NDArray[np.float64]) -> Points:
    """The points at distances `rho` along the rays, in radii of the ellipse; the rays without one (NaN) give none.

    Parameters
    ----------
    form : (5,) float64
    rho : (angles,) float64, one distance for each ray

    Returns
    -------
    (N, 2) float64, N <= angles
    """
    seen = np.isfinite(rho)
    return form[:2] + rho[seen, None] * rays(form, len(rho))[seen]


def consensus(form: Form, rho: NDArray[np.float64], tolerance: float) -> Form | None:
    """The ellipse near `form` that most edge distances along its rays agree with (MSAC).

    Parameters
    ----------
    form : (5,) float64, where the edge was searched
    rho : (angles,) float64, distance of the edge along each ray in radii of `form`, NaN where there is none
    tolerance : distance at which an edge no longer counts, in radii

    Returns
    -------
    (5,) float64, or None when no sample gave an ellipse

    Notes
    -----
    Seen along the rays of an ellipse that is nearly right, any other is rho(t) = r + a cos t + b sin t + c cos 2t +
    d sin 2t, to first order. So each sample of five rays is one product with an inverse that depends on the choice of
    rays alone, and the same choices serve every fit. Torr and Zisserman, "MLESAC: A New Robust Estimator with
    Application to Estimating Image Geometry", Computer Vision and Image Understanding 78(1), 2000,
    DOI 10.1006/cviu.1999.0832.
    """
    if np.count_nonzero(np.isfinite(rho)) < MIN_POINTS:
        return None
    picks, inverses = _samples(len(rho))
    waves = np.einsum("kij,kj->ki", inverses, rho[picks])  # (trials, 5)
    waves = waves[np.isfinite(waves).all(axis=1)]
    if not len(waves):
        return None
    judges = np.arange(0, len(rho), max(len(rho) // MAX_JUDGES, 1))
    judges = judges[np.isfinite(rho[judges])]  # a ray without an edge costs every sample the same
    away = waves @ trigonometry(len(rho))[judges].T  # (trials, judges)
    away -= rho[judges]
    away /= tolerance
    costs = np.minimum(np.square(away, out=away), 1, out=away).sum(axis=1)
    return _from_waves(form, waves[int(steady(costs).argmin())])


@cache
def trigonometry(angles: int) -> NDArray[np.float64]:
    """1, cos t, sin t, cos 2t, sin 2t of each ray; (angles, 5)."""
    t = np.linspace(0, 2 * math.pi, angles, endpoint=False)
    table = np.stack([np.ones(angles), np.cos(t), np.sin(t), np.cos(2 * t), np.sin(2 * t)], axis=1)
    table.flags.writeable = False
    return table


@cache
def _samples(angles: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Choices of five rays, (trials, 5), and the inverse of what each sees, (trials, 5, 5).

    Every other choice takes one ray from each fifth of the circumference, since five neighbours determine nothing; the
    others any, since a whole fifth may lie on another edge.
    """
    rng = np.random.default_rng(0)  # the same picture must give the same ellipse
    shares = rng.random((TRIALS, 5))
    shares[::2] = (shares[::2] + np.arange(5)) / 5
    picks = (shares * angles).astype(np.intp)
    design = trigonometry(angles)[picks]
    good = np.linalg.cond(design) < MAX_CONDITION
    return picks[good], np.linalg.inv(design[good])


def _from_waves(form: Form, waves: NDArray[np.float64]) -> Form | None:
    """The ellipse whose distance along the rays of `form` is r + a cos t + b sin t + c cos 2t + d sin 2t."""
    r, a, b, c, d = waves
    if r <= math.hypot(c, d):
        return None
    stretch = _stretch(form)
    inverse = np.linalg.inv(stretch @ np.array([[r + c, d], [d, r - c]]))
    (p, q), (_, s) = inverse.T @ inverse
    return np.array([*(form[:2] + stretch @ (a, b)), p, q, s])


def _stretch(form: Form) -> NDArray[np.float64]:
    """The matrix that turns the unit circle into the ellipse, symmetric; (2, 2).

    The inverse of the square root of the form's own, by Cayley and Hamilton: sqrt(A) = (A + d I) / t with d the root of
    the determinant of A, and t that of its trace and 2 d.
    """
    _, _, p, q, s = form.tolist()
    d = math.sqrt(p * s - q * q)
    return np.array([[s + d, -q], [-q, p + d]]) / (d * math.sqrt(p + s + 2 * d))


def refine(
    points: Points, start: Form, min_scale_px: float = 0.05, max_scale_px: float = math.inf, rounds: int = 12
) -> Form | None:
    """Least geometric distance with Tukey weights, by Gauss-Newton from a start that is nearly right.

    Parameters
    ----------
    points : (N, 2) float64, pixels
    start : (5,) float64
    min_scale_px, max_scale_px : bounds of the robust scale; the lower keeps noiseless data from weighting to nothing
    rounds : most iterations

    Returns
    -------
    (5,) float64, or None when the points do not determine an ellipse

    Notes
    -----
    The distance is f / |grad f| with f = sqrt(u' A u) - 1, to first order; Taubin, "Estimation of Planar Curves,
    Surfaces, and Nonplanar Space Curves Defined by Implicit Equations", IEEE TPAMI 13(11), 1991, DOI 10.1109/34.103273.
    """
    form, places = start, np.ascontiguousarray(points.T)
    for _ in range(rounds):
        step = _gauss_newton_step(places, form, min_scale_px, max_scale_px)
        if step is None or not is_ellipse(form + step):
            return None
        form = form + step
        if _movement_px(form, step) < 1e-4:
            break
    return form


def _movement_px(form: Form, step: Form) -> float:
    """How far a step moves the outline: its centre, and its radius r = p^(-1/2) by r^3 dp / 2."""
    (_, _, p, q, s), (dx, dy, *shape) = form.tolist(), step.tolist()
    return math.hypot(dx, dy) + (p * s - q * q) ** -0.75 / 2 * max(map(abs, shape))


def _gauss_newton_step(
    places: NDArray[np.float64], form: Form, min_scale_px: float, max_scale_px: float
) -> Form | None:
    """By what to change the form; `places` are the points as rows of x and of y, (2, N)."""
    cx, cy, p, q, s = form.tolist()
    x, y = places[0] - cx, places[1] - cy
    ax, ay = p * x + q * y, q * x + s * y
    level = np.sqrt(np.maximum(ax * x + ay * y, 1e-12))  # the gradient of f is (ax, ay) over it
    slope = np.sqrt(ax * ax + ay * ay) / level
    distance = (level - 1) / slope
    scale = min(max(MAD_TO_SIGMA * _median(np.abs(distance)), min_scale_px), max_scale_px)
    weight = np.maximum(1 - np.square(distance / (TUKEY_C * scale)), 0)  # square root of Tukey's weight
    if np.count_nonzero(weight) < MIN_POINTS:
        return None
    scaled = weight / (level * slope)
    jacobian = np.stack([-ax * scaled, -ay * scaled, x * x / 2 * scaled, x * y * scaled, y * y / 2 * scaled])
    normal = jacobian @ jacobian.T
    columns = np.sqrt(normal.diagonal())
    if not columns.all():
        return None
    try:
        return (
            np.linalg.solve(normal / np.multiply.outer(columns, columns), jacobian @ (-distance * weight) / columns)
            / columns
        )
    except np.linalg.LinAlgError:
        return None


def _median(values: NDArray[np.float64]) -> float:
    """Of the larger half the smallest: as good a scale as NumPy's median at a fifth of its time."""
    k = len(values) // 2
    return float(np.partition(values, k)[k])
