"""Robust ellipse fits that do not depend on OpenCV's, some of which fail silently on near-circular data.

An ellipse is carried as `(cx, cy, p, q, s)`: the points u around the centre with p ux^2 + 2 q ux uy + s uy^2 = 1.
Unlike axes and an angle this has no singularity where the ellipse is a circle.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from records import Ellipse, Points

Form: TypeAlias = NDArray[np.float64]  # (5,) cx, cy, p, q, s

TUKEY_C = 4.685  # 95 % efficiency on normal errors
MAD_TO_SIGMA = 1.4826
MIN_POINTS = 8
MAX_JUDGES = 160  # points that judge a random sample: enough to rank them


def to_form(ellipse: Ellipse) -> Form:
    """The quadratic form of an ellipse."""
    t = math.radians(ellipse.angle_deg)
    rotation = np.array([[math.cos(t), -math.sin(t)], [math.sin(t), math.cos(t)]])
    a = rotation @ np.diag([4 / ellipse.axes_px[0] ** 2, 4 / ellipse.axes_px[1] ** 2]) @ rotation.T
    return np.array([*ellipse.center_px, a[0, 0], a[0, 1], a[1, 1]])


def from_form(form: Form) -> Ellipse:
    """The ellipse of a quadratic form, the shorter axis first as OpenCV orders them.

    Raises
    ------
    ValueError
        When the form is not positive definite: no ellipse.
    """
    cx, cy, p, q, s = form
    values, vectors = np.linalg.eigh(np.array([[p, q], [q, s]]))
    if values[0] <= 0:
        raise ValueError(f"a quadratic form must be positive definite to be an ellipse, got {form}")
    short = vectors[:, 1]  # the larger eigenvalue belongs to the shorter axis
    angle = math.degrees(math.atan2(short[1], short[0])) % 180
    return Ellipse((float(cx), float(cy)), (2 / math.sqrt(values[1]), 2 / math.sqrt(values[0])), angle)


def rescaled(form: Form, factors: tuple[float, float]) -> Form:
    """The form in a picture with `factors` times as many pixels along x and y (pixel centres at integers)."""
    fx, fy = factors
    cx, cy, p, q, s = form
    return np.array([(cx + 0.5) * fx - 0.5, (cy + 0.5) * fy - 0.5, p / fx**2, q / (fx * fy), s / fy**2])


def is_ellipse(form: Form) -> bool:
    """Whether the form is finite and positive definite."""
    _, _, p, q, s = form
    return bool(np.isfinite(form).all() and p > 0 and p * s - q * q > 0)


def signed_distance(points: Points, form: Form) -> NDArray[np.float64]:
    """First-order geometric distance of points from an ellipse, positive outside.

    Parameters
    ----------
    points : (N, 2) float64, pixels
    form : (5,) float64

    Returns
    -------
    (N,) float64, pixels

    Notes
    -----
    f / |grad f| with f = sqrt(u' A u) - 1; Taubin, "Estimation of Planar Curves, Surfaces, and Nonplanar Space Curves
    Defined by Implicit Equations", IEEE TPAMI 13(11), 1991, DOI 10.1109/34.103273.
    """
    f, grad = _level_and_gradient(points, form)
    return f / np.hypot(grad[:, 0], grad[:, 1])


def _level_and_gradient(points: Points, form: Form) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    cx, cy, p, q, s = form
    ux, uy = points[:, 0] - cx, points[:, 1] - cy
    au = np.stack([p * ux + q * uy, q * ux + s * uy], axis=1)  # (N, 2)
    level = np.sqrt(np.maximum(au[:, 0] * ux + au[:, 1] * uy, 1e-12))
    return level - 1, au / level[:, None]


def ransac(points: Points, tolerance_px: float, rng: np.random.Generator, trials: int = 150) -> Form | None:
    """The ellipse that most points agree with (MSAC on five-point conics).

    Parameters
    ----------
    points : (N, 2) float64, pixels, in order around the ellipse
    tolerance_px : distance at which a point no longer counts
    rng : source of the samples
    trials : number of five-point samples

    Returns
    -------
    (5,) float64, or None when no sample gave an ellipse

    Notes
    -----
    Torr and Zisserman, "MLESAC: A New Robust Estimator with Application to Estimating Image Geometry", Computer Vision
    and Image Understanding 78(1), 2000, DOI 10.1006/cviu.1999.0832. Every other sample takes one point from each fifth
    of the points, since five neighbours determine nothing; the others any, since a whole fifth may lie on another edge.
    """
    n = len(points)
    if n < MIN_POINTS:
        return None
    picks = (rng.random((trials, 5)) + np.arange(5)) * (n / 5)  # (trials, 5)
    picks[1::2] = rng.random((trials // 2, 5)) * n
    centre, spread = points.mean(0), float(np.abs(points - points.mean(0)).max()) or 1.0
    scaled = (points - centre) / spread
    forms = _five_point_forms(scaled[picks.astype(int)])
    if not len(forms):
        return None
    judges = scaled[:: max(n // MAX_JUDGES, 1)]
    return _denormalised(forms[int(np.argmin(_msac_costs(judges, forms, tolerance_px / spread)))], centre, spread)


def _five_point_forms(samples: Points) -> NDArray[np.float64]:
    """Conics a x^2 + b xy + c y^2 + d x + e y = 1 through five points each, as forms; (trials, 5, 2) -> (trials, 5)."""
    x, y = samples[..., 0], samples[..., 1]
    design = np.stack([x * x, x * y, y * y, x, y], axis=-1)  # (trials, 5, 5)
    usable = np.abs(np.linalg.det(design)) > 1e-12
    a, b, c, d, e = np.linalg.solve(design[usable], np.ones((int(usable.sum()), 5, 1)))[..., 0].T
    with np.errstate(divide="ignore", invalid="ignore"):
        det = 4 * a * c - b * b
        cx, cy = (b * e - 2 * c * d) / det, (b * d - 2 * a * e) / det
        level = 1 + a * cx * cx + b * cx * cy + c * cy * cy
        forms = np.stack([cx, cy, a / level, b / (2 * level), c / level], axis=1)
    definite = (forms[:, 2] > 0) & (forms[:, 2] * forms[:, 4] > forms[:, 3] ** 2)
    return forms[definite & np.isfinite(forms).all(axis=1)]


def _msac_costs(points: Points, forms: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """Truncated squared distances of all points from each form, summed; (trials,)."""
    cx, cy, p, q, s = forms.T[..., None]  # each (trials, 1)
    ux, uy = points[:, 0] - cx, points[:, 1] - cy  # (trials, N)
    ax, ay = p * ux + q * uy, q * ux + s * uy
    level = np.sqrt(np.maximum(ax * ux + ay * uy, 1e-12))
    distance = (level - 1) * level / np.hypot(ax, ay)
    return np.minimum((distance / tolerance) ** 2, 1).sum(axis=1)


def _denormalised(form: Form, centre: NDArray[np.float64], spread: float) -> Form:
    return np.array([*(form[:2] * spread + centre), *(form[2:] / spread**2)])


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
    """
    form = start
    for _ in range(rounds):
        step = _gauss_newton_step(points, form, min_scale_px, max_scale_px)
        if step is None or not is_ellipse(form + step):
            return None
        form = form + step
        if _movement_px(form, step) < 1e-4:
            break
    return form


def _movement_px(form: Form, step: Form) -> float:
    """How far a step moves the outline: its centre, and its radius r = p^(-1/2) by r^3 dp / 2."""
    _, _, p, q, s = form
    return float(np.hypot(*step[:2]) + (p * s - q * q) ** -0.75 / 2 * np.abs(step[2:]).max())


def _gauss_newton_step(points: Points, form: Form, min_scale_px: float, max_scale_px: float) -> Form | None:
    f, grad = _level_and_gradient(points, form)
    slope = np.hypot(grad[:, 0], grad[:, 1])
    distance = f / slope
    scale = min(max(MAD_TO_SIGMA * float(np.median(np.abs(distance))), min_scale_px), max_scale_px)
    weight = np.clip(1 - (distance / (TUKEY_C * scale)) ** 2, 0, None)  # square root of Tukey's weight
    if np.count_nonzero(weight) < MIN_POINTS:
        return None
    u = points - form[:2]
    d_shape = np.stack([u[:, 0] ** 2 / 2, u[:, 0] * u[:, 1], u[:, 1] ** 2 / 2], axis=1) / (1 + f)[:, None]
    jacobian = np.concatenate([-grad, d_shape], axis=1) / slope[:, None]  # (N, 5)
    columns = np.linalg.norm(jacobian, axis=0)
    weighted = jacobian / columns * weight[:, None]
    try:
        return np.linalg.solve(weighted.T @ weighted, -weighted.T @ (distance * weight)) / columns
    except np.linalg.LinAlgError:
        return None
