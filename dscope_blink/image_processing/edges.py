"""Sub-pixel edges along the rays of an ellipse, and the evidence that they are those of one ellipse."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.image_processing import ellipse_fit
from dscope_blink.records import Ellipse, FitUncertainty, FloatImage, Form, from_form, mean_radius

Method = Literal["hough", "contour"]
FloatArray = NDArray[np.float64]

COARSE_ANGLES = 144
FINE_ANGLES = 720
RADIAL_STEP_PX = 0.5
# Bilinear samples have steps in their slope; without this blur along the ray they drew an edge by up to 0.2 px towards
# the pixel grid, with it by 0.01 px.
OWN_BLUR_PX = 1.0
MIN_WINDOW_PX = 3.0  # half width of a search
FINE_ROUNDS = 12  # of a fit
SIDES = (0.05, 0.12)  # where the grey levels on either side of an edge are taken, in radii from it
WEAKEST_SLOPE = 0.25  # of the typical one; what is weaker is no part of the edge
LEAST_TELLING = 0.1
FULL_STEP = 0.3  # of the grey range: more does not make an edge surer
ARCS = 36  # edges within ten degrees go astray together, for the same dirt or light


@dataclass(frozen=True, slots=True)
class Search:
    """How the edge of an ellipse is looked for along its rays."""

    window_px: float  # half width around the ellipse
    angles: int = COARSE_ANGLES  # number of rays
    blur_rays: float = 1.0  # sigma over which neighbours are averaged, so that a faint edge rises from the noise


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """An elliptic edge and the evidence for it."""

    form: Form
    polarity: int  # +1 brighter outside
    rho: FloatArray  # (angles,) where each ray crosses it, in radii; NaN where nothing supports the ellipse
    tolerance_px: float  # how far from the ellipse an edge may lie to support it
    step: float  # grey step across the edge, outside minus inside, 0..1
    method: Method = "hough"  # how its seed was found
    strays: FloatArray | None = None  # (angles,) what was found farther off, in radii, where `rho` is NaN

    @property
    def support(self) -> float:
        """Share of the circumference, 0..1."""
        return float(np.isfinite(self.rho).mean())

    @property
    def rms_px(self) -> float:
        """Residual of what supports it."""
        return float(np.sqrt(np.nanmean((self.rho - 1) ** 2))) * self.radius_px if self.support else math.inf

    @property
    def scatter(self) -> float:
        """Residual over the tolerance: 0 for a perfect edge, 0.58 for places that do not follow the ellipse."""
        return self.rms_px / self.tolerance_px

    @property
    def score(self) -> float:
        """How good the evidence is, to compare edges by."""
        return self.support**2 * min(abs(self.step), FULL_STEP)

    @property
    def ellipse(self) -> Ellipse:
        return from_form(self.form)

    @property
    def radius_px(self) -> float:
        return mean_radius(self.form)

    @property
    def found(self) -> FloatArray:
        """Where each ray crosses an edge at all, (angles,), in radii: `rho`, and what lies too far off for it."""
        return self.rho if self.strays is None else np.where(np.isfinite(self.rho), self.rho, self.strays)


def share_in_view(edge: Edge, radius: float, shape: tuple[int, ...]) -> float:
    """Share of a concentric circle, in radii of the edge, that lies in the picture."""
    points = ellipse_fit.points_along(edge.form, np.full(COARSE_ANGLES, radius))
    return float(((points >= 0) & (points <= np.array(shape[::-1]) - 1)).all(axis=1).mean())


def sample(picture: FloatImage, form: Form, radii: FloatArray, angles: int) -> NDArray[np.float32]:
    """Bilinear grey levels along the rays of an ellipse.

    Parameters
    ----------
    picture : (H, W) float32
    form : (5,) float64
    radii : (R,) float64, distances from the centre in radii of the ellipse
    angles : number of rays

    Returns
    -------
    (angles, R) float32, NaN outside the picture
    """
    x, y = (
        (middle + np.multiply.outer(way, radii)).astype(np.float32)  # apart: as pairs they take three times as long
        for middle, way in zip(form[:2], ellipse_fit.rays(form, angles).T, strict=True)
    )
    return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=math.nan)


def slopes(picture: FloatImage, form: Form, search: Search) -> tuple[FloatArray, NDArray[np.float32]]:
    """Change of the grey level outwards, within a window around an ellipse, smoothed.

    Parameters
    ----------
    picture : (H, W) float32
    form : (5,) float64
    search : window, rays and blur

    Returns
    -------
    (R,) float64, the distances from the centre in radii, and (angles, R) float32, grey levels per `RADIAL_STEP_PX`, NaN
    outside the picture
    """
    steps = max(round(search.window_px / RADIAL_STEP_PX), 4)
    beyond = round(2 * OWN_BLUR_PX / RADIAL_STEP_PX)  # samples that the blur draws into the window
    step = search.window_px / steps / mean_radius(form)
    radii: FloatArray = 1 + np.arange(-steps - beyond, steps + beyond + 1, dtype=np.float64) * step
    levels = sample(picture, form, radii, search.angles)
    pad = int(3 * search.blur_rays) + 1
    around = np.concatenate([levels[-pad:], levels, levels[:pad]])
    smooth = cv2.GaussianBlur(around, (0, 0), sigmaX=OWN_BLUR_PX / RADIAL_STEP_PX, sigmaY=search.blur_rays)[pad:-pad]
    within = slice(beyond, len(radii) - beyond)
    slope: NDArray[np.float32] = (
        smooth[:, beyond + 1 : len(radii) - beyond + 1] - smooth[:, beyond - 1 : -beyond - 1]
    ) / 2
    return radii[within], slope


def polarity_of(slope: NDArray[np.float32]) -> int:
    """+1 when the steepest steps of most rays lead outwards to brighter levels, else -1."""
    ends = np.fmax.reduce(slope, axis=1), -np.fmin.reduce(slope, axis=1)
    up, down = (float(np.median(end[np.isfinite(end)])) if np.isfinite(end).any() else 0.0 for end in ends)
    return 1 if up >= down else -1


def steepest(radii: FloatArray, slope: NDArray[np.float32], polarity: int) -> FloatArray:
    """Sub-pixel distance of the steepest step of one polarity along each ray; (angles,), NaN where there is none."""
    rising = np.where(np.isfinite(slope), polarity * slope, -np.inf)
    k = np.clip(np.argmax(rising, axis=1), 1, rising.shape[1] - 2)
    rows = np.arange(len(rising))
    left, peak, right = rising[rows, k - 1], rising[rows, k], rising[rows, k + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        curvature = left - 2 * peak + right
        shift = np.where(curvature < 0, (left - right) / (2 * curvature), np.nan)
    good = np.isfinite(shift) & (np.abs(shift) <= 1) & (peak > 0)
    if good.any():
        good &= peak > WEAKEST_SLOPE * np.median(peak[good])
    return np.where(good, radii[k] + shift * (radii[1] - radii[0]), np.nan)


def fitted(form: Form, rho: FloatArray, tolerance_px: float, least_px: float, rounds: int) -> Form | None:
    """The ellipse that the edges at distances `rho` along the rays of `form` agree on, None when they do not."""
    start = ellipse_fit.consensus(form, rho, tolerance_px / mean_radius(form))
    if start is None:
        return None
    return ellipse_fit.refine(ellipse_fit.points_along(form, rho), start, least_px, tolerance_px / 2, rounds)


def judged(picture: FloatImage, form: Form, polarity: int, search: Search, tolerance_px: float, room: float) -> Edge:
    """The evidence that an edge of this polarity lies on the ellipse.

    Parameters
    ----------
    picture : (H, W) float32
    form, polarity : of the edge
    search : so wide that an edge found at random would seldom lie on the ellipse
    tolerance_px : how far from the ellipse an edge may lie to support it
    room : distance of the next edge, in radii
    """
    found = steepest(*slopes(picture, form, search), polarity)
    near = np.abs(found - 1) * mean_radius(form) <= tolerance_px
    rho, strays = np.where(near, found, math.nan), np.where(near, math.nan, found)
    return Edge(form, polarity, rho, tolerance_px, step_across(picture, form, room), strays=strays)


def step_across(picture: FloatImage, form: Form, room: float = math.inf) -> float:
    """Median grey step from inside to outside; `room` is the distance of the next edge, in radii."""
    return _median(_steps(picture, form, room, COARSE_ANGLES))


def _steps(picture: FloatImage, form: Form, room: float, angles: int) -> NDArray[np.float32]:
    """The step along each ray, NaN where the border of the picture cuts it; (angles,)."""
    sides = np.linspace(*SIDES, 4) * min(1.0, 0.7 * room / SIDES[1])
    levels = sample(picture, form, np.concatenate([1 - sides, 1 + sides]), angles)
    return np.asarray(np.median(levels[:, 4:], axis=1) - np.median(levels[:, :4], axis=1), np.float32)


def _median(steps: NDArray[np.float32]) -> float:
    seen = steps[np.isfinite(steps)]
    return float(np.median(seen)) if len(seen) else 0.0


def blur_of(picture: FloatImage, form: Form, room: float = math.inf) -> float:
    """Sigma in pixels of the Gaussian edge with the ratio of step to steepest slope that the typical profile has.

    The mean of the middle half over the circumference leaves out dirt, chips and noise. Infinite when no ray lies
    wholly in the picture.
    """
    return _blur(_profiles(picture, form), step_across(picture, form, room))


def sector_blurs(picture: FloatImage, form: Form, room: float = math.inf) -> tuple[float | None, ...]:
    """The same as `blur_of` in each of `SECTORS` directions, clockwise from the right.

    An edge that is out of focus is so over a wide arc, one that is chipped or dirty over a narrow one: each of `PIECES`
    of the circumference is measured by its own step, and a direction has the median of those within 52 degrees of it.

    Returns
    -------
    (SECTORS,) sigma in pixels; None where less than half of these pieces show an edge
    """
    levels = _profiles(picture, form).reshape(PIECES, FINE_ANGLES // PIECES, -1)
    across = _steps(picture, form, room, FINE_ANGLES).reshape(PIECES, -1)
    typical = abs(_median(across))
    steps = np.abs(np.median(across, axis=1))  # NaN where the border of the picture cuts one, as are the slopes
    shown = np.where(steps > WEAKEST_SLOPE * typical, steps, math.nan)
    pieces = shown / (math.sqrt(2 * math.pi) * np.maximum(_typical_slopes(levels), 1e-6))
    near = np.stack([np.roll(pieces, shift) for shift in range(-NEAR_PIECES, NEAR_PIECES + 1)])
    return tuple(
        float(np.nanmedian(around)) if 2 * np.isfinite(around).sum() > len(around) else None
        for around in near[:, :: PIECES // SECTORS].T
    )


SECTORS = 8
PIECES = 48  # 15 rays each
NEAR_PIECES = 7  # on either side of that in the direction itself


def _profiles(picture: FloatImage, form: Form) -> NDArray[np.float32]:
    """Grey levels across the edge, every `RADIAL_STEP_PX`; (FINE_ANGLES, R), NaN outside the picture."""
    radius = mean_radius(form)
    window = max(SIDES[0] * radius, MIN_WINDOW_PX)
    return sample(picture, form, 1 + np.arange(-window, window + RADIAL_STEP_PX, RADIAL_STEP_PX) / radius, FINE_ANGLES)


def _blur(levels: NDArray[np.float32], step: float) -> float:
    whole = levels[np.isfinite(levels).all(axis=1)]
    if not len(whole):
        return math.inf
    return abs(step) / max(math.sqrt(2 * math.pi) * float(_typical_slopes(whole)), 1e-6)


def _typical_slopes(levels: NDArray[np.float32]) -> FloatArray:
    """The steepest slope, per pixel, of the mean of the middle half of profiles; (..., rays, R) -> (...)."""
    ordered, rays = np.sort(levels, axis=-2), levels.shape[-2]
    middle = ordered[..., rays // 4 : rays - rays // 4, :].mean(axis=-2)
    return np.asarray(np.abs(np.diff(middle, axis=-1)).max(axis=-1) / RADIAL_STEP_PX, np.float64)


def unblurred(form: Form, blur_px: float) -> Form:
    """The border of a disc whose edge, blurred by the optics, is steepest on the ellipse `form`.

    A Gaussian of sigma less than the radius R moves the steepest place inwards by sigma^2 / (2 R): around a curved
    border there is more outside than inside to be mixed in. The blur of the search, along the rays, moves nothing.
    """
    radius = mean_radius(form)
    grown = 1 + min(blur_px, radius / 2) ** 2 / (2 * radius**2)
    return np.array([*form[:2], *(form[2:] / grown**2)])


def uncertainty(edge: Edge) -> FitUncertainty:
    """Standard uncertainty of a fitted ellipse from how the edges along its rays scatter about it.

    Notes
    -----
    The covariance of least squares under errors that are alike within an arc and independent between arcs. Liang and
    Zeger, "Longitudinal data analysis using generalized linear models", Biometrika 73(1), 1986,
    DOI 10.1093/biomet/73.1.13. What lies beyond the tolerance is not seen: the nearer the scatter comes to that of
    places spread evenly within it, the less a place within it tells, 1 - 3 scatter^2 of what it would.
    """
    seen = np.isfinite(edge.rho)
    design = ellipse_fit.trigonometry(len(seen))[seen]  # (N, 5)
    arc = (np.arange(len(seen)) * ARCS // len(seen))[seen]
    scores = np.zeros((ARCS, 5))
    np.add.at(scores, arc, design * (edge.rho[seen] - 1)[:, None])
    bread = np.linalg.pinv(design.T @ design)
    used = len(np.unique(arc))
    covariance = bread @ (scores.T @ scores) @ bread * (used / max(used - 5, 1))
    telling = max(1 - 3 * edge.scatter**2, LEAST_TELLING)
    mean, cos, sin, cos2, sin2 = (edge.radius_px / telling * np.sqrt(np.diag(covariance))).tolist()
    return FitUncertainty(
        center_px=math.hypot(cos, sin),
        diameter_px=2 * mean,
        axes_px=4 * math.hypot(cos2, sin2) / math.sqrt(2),  # half axes r (1 + h) and r (1 - h), h of one direction
    )


@dataclass(frozen=True, slots=True)
class Step:
    """A radius at which the typical grey level changes."""

    radius: float
    polarity: int


def steps(levels: NDArray[np.float32], radii: NDArray[np.float64]) -> list[Step]:
    """The steps of the median over the rays, the largest first, as far as they come near it and most rays are seen."""
    seen = np.isfinite(levels).sum(axis=0)
    ordered = np.sort(levels, axis=0)  # NaN last
    columns = np.arange(len(seen))
    median = (ordered[np.maximum(seen - 1, 0) // 2, columns] + ordered[seen // 2, columns]) / 2
    typical = np.where(seen >= LEAST_RAYS * len(levels), median, np.float32(math.nan))
    slope = np.gradient(cv2.GaussianBlur(typical[None], (0, 0), STEP_BLUR)[0])
    size = np.nan_to_num(np.abs(slope))
    peaks = np.flatnonzero((size[1:-1] >= size[:-2]) & (size[1:-1] > size[2:])) + 1
    best = peaks[np.argsort(size[peaks])[::-1]]
    return [Step(float(radii[k]), 1 if slope[k] > 0 else -1) for k in best if size[k] > LEAST_STEP * size[best[0]]]


STEP_BLUR = 2.0  # samples
LEAST_RAYS = 0.5  # of a circle that is cut by the border of the picture
LEAST_STEP = 0.05  # of the largest
