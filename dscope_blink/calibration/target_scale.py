"""The scale from pictures of a target of known size: dot grid, ruled stage micrometer, fiber of known cladding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dscope_blink.analysis import dimensions
from dscope_blink.analysis.dimensions import expanded
from dscope_blink.calibration.merged_ticks import merged_ticks
from dscope_blink.calibration.targets import DotGrid, NotFound, Ruler, find_dots, find_ruler
from dscope_blink.config.settings import Config, Preprocessing, ScaleSettings
from dscope_blink.image_processing import edges, ellipse_fit
from dscope_blink.image_processing.cladding_choice import Known
from dscope_blink.image_processing.localization import locate
from dscope_blink.records import CladdingFit, FloatImage, NotLocated, Points, Request, Scale, TargetFeatures, to_form

MIN_SIZE_PX = 64
# A photographed stage micrometer with 75 % of its pixels clipped still measures; beyond this share nothing is left.
MAX_CLIPPED_SHARE = 0.98
CLIPPED_LEVEL = 0.995
MIN_CONTRAST = 0.02  # 1st to 99th percentile; five grey levels of an 8-bit picture
# From end to end, what residuals cannot tell because the scale takes it up: light that bends over the whole field.
SYSTEMATIC_PX = 0.005
# From end to end, what the tails of blurred neighbours add, in distances by the fourth power of the fitted blur in
# distances: rendered grids blurred by 0.2 and 0.25 needed 0.9 to 1.4 to be covered.
BLEND = 1.5
OUTLYING_Z = 3.5  # Iglewicz and Hoaglin, "How to detect and handle outliers", ASQC 1993
SIGMAS_PER_MAD = 1.4826  # of a normal distribution
EDGE_WINDOW_BLURS = 4.0  # half width of the window in which the edge of a fiber is shown
EDGE_OUTLIER_RMS = 4.0
MAX_SHEAR = 0.03  # departure of a dot grid from a square one after each axis is scaled


@dataclass(frozen=True, slots=True)
class Target:
    """What the picture shows; `size_um` is the distance of dots or ticks, or the diameter of the cladding."""

    kind: Literal["dots", "ticks", "cladding"]
    size_um: float

    def __post_init__(self) -> None:
        if not 0 < self.size_um < math.inf:
            raise ValueError(f"size_um must be a positive number, got {self.size_um}")


@dataclass(frozen=True, slots=True, eq=False)
class ScaleFit:
    """The scale measured in one picture, and how well."""

    um_per_px_x: float
    um_per_px_y: float
    features: int  # dots, ticks, or 1 fiber, that the fit used
    residual_px: float  # rms distance of the features from the fit
    tilt_deg: float  # of the target's own x axis, from x, clockwise on the screen; 0 for a fiber
    square_pixels_assumed: bool  # one scale only was measured, and config.json gives no pixel aspect ratio
    fit_pct_x: float  # standard uncertainty from the scatter of the features, percent of the scale
    fit_pct_y: float
    target_pct: float  # standard uncertainty of the target's own size, percent; the same in every picture of it
    seen: TargetFeatures

    @property
    def pixel_aspect_ratio(self) -> float:
        """um_per_px_x / um_per_px_y."""
        return self.um_per_px_x / self.um_per_px_y

    @property
    def uncertainty_um_per_px_x(self) -> float:
        """Expanded uncertainty (k = 2)."""
        return self.um_per_px_x * expanded(math.hypot(self.fit_pct_x, self.target_pct)) / 100

    @property
    def uncertainty_um_per_px_y(self) -> float:
        """Expanded uncertainty (k = 2)."""
        return self.um_per_px_y * expanded(math.hypot(self.fit_pct_y, self.target_pct)) / 100


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """The picture gives no scale; `reason` says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class CalibrationPicture:
    """One picture of the target and what it gave."""

    file: str
    sha256: str
    fit: ScaleFit


@dataclass(frozen=True, slots=True)
class MeasuredScale:
    """The scale as the mean over pictures of one target."""

    target: Target
    pictures: tuple[CalibrationPicture, ...]
    left_out: tuple[CalibrationPicture, ...] = ()  # measured, and too far from the others

    @property
    def scale(self) -> Scale:
        """Mean over the pictures, axis by axis."""
        x, y = np.mean([(p.fit.um_per_px_x, p.fit.um_per_px_y) for p in self.pictures], axis=0)
        return Scale(float(x), float(y), "calibration")

    @property
    def uncertainty_um_per_px_x(self) -> float:
        """Expanded uncertainty (k = 2) of the mean."""
        return self.scale.um_per_px_x * self._expanded_share("um_per_px_x", "fit_pct_x")

    @property
    def uncertainty_um_per_px_y(self) -> float:
        """Expanded uncertainty (k = 2) of the mean."""
        return self.scale.um_per_px_y * self._expanded_share("um_per_px_y", "fit_pct_y")

    def _expanded_share(self, scale: str, fit_pct: str) -> float:
        """Of the mean of the pictures; more of them help against scatter, not against the target's own error.

        Where the pictures differ by more than their uncertainties explain, those grow by the ratio of Birge, "The
        calculation of errors by the method of least squares", Physical Review 40, 1932, DOI 10.1103/PhysRev.40.207.
        """
        scales = np.array([getattr(picture.fit, scale) for picture in self.pictures])
        unsure = np.array([getattr(picture.fit, fit_pct) for picture in self.pictures]) / 100
        fit = math.sqrt(np.sum(unsure**2)) / len(scales)
        if len(scales) > 1:
            apart = (scales / scales.mean() - 1) / np.maximum(unsure, 1e-9)
            fit *= max(1.0, math.sqrt(np.sum(apart**2) / (len(scales) - 1)))
        return expanded(math.hypot(fit, self.pictures[0].fit.target_pct / 100))

    @property
    def spread_pct(self) -> float:
        """Largest less smallest scale of a picture, in percent of the mean, on the worse axis."""
        scales = np.array([(p.fit.um_per_px_x, p.fit.um_per_px_y) for p in self.pictures])
        return float(100 * np.max(np.ptp(scales, axis=0) / scales.mean(axis=0)))


# --- the measurement


def find_scale(gray: FloatImage, target: Target, config: Config) -> ScaleFit | NotMeasured:
    """Measure the scale in one picture of a target of known size.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    target : what the picture shows
    config : says how to locate a fiber, and the pixel aspect ratio where the target cannot give it

    Returns
    -------
    ScaleFit, or NotMeasured with the reason
    """
    problem = _picture_problem(gray)
    if problem:
        return NotMeasured(problem)
    if target.kind == "cladding":
        return _from_fiber(gray, target.size_um, config)
    found = find_dots(gray) if target.kind == "dots" else find_ruler(gray)
    if isinstance(found, NotFound):
        return NotMeasured(found.reason)
    blur, limit = found.shape.defocus_px / found.pitch_px, config.scale.max_target_blur
    if blur > limit:
        how = f"the {target.kind} are blurred by {blur:.2f} of the distance from one to the next"
        return NotMeasured(f"Out of focus: {how}, at most {limit:g} is allowed")
    if isinstance(found, Ruler) and merged_ticks(gray, found):
        return NotMeasured("Finer ticks may be merged by blur: an even grey band lies beside the ends of those found")
    if isinstance(found, Ruler):
        fit: ScaleFit | NotMeasured = _from_ruler(found, target.size_um, config.scale)
    else:
        fit = _from_dots(found, target.size_um, config.scale)
    return fit if isinstance(fit, NotMeasured) else _sure_enough(fit, config.scale.max_scale_uncertainty_pct)


def _sure_enough(fit: ScaleFit, limit_pct: float) -> ScaleFit | NotMeasured:
    unsure_pct = 100 * max(fit.uncertainty_um_per_px_x / fit.um_per_px_x, fit.uncertainty_um_per_px_y / fit.um_per_px_y)
    if unsure_pct <= limit_pct:
        return fit
    return NotMeasured(
        f"Too uncertain: the scale is known to {unsure_pct:.2g} % (k = 2), at most {limit_pct:g} % is allowed"
    )


def average(target: Target, pictures: Sequence[CalibrationPicture], settings: ScaleSettings) -> MeasuredScale:
    """The mean of the pictures, those left out whose scale lies too far from that of the others.

    A picture is outlying when on either axis its scale departs from the median of all by more than 3.5 times the
    larger of its own standard uncertainty and 1.4826 times the median departure (a modified z-score), and by more than
    `scale.outlying_picture_pct` as well: a difference that does not matter is no reason to leave a picture out. Of two
    pictures none is outlying, for nobody knows which; their difference widens the uncertainty.

    Parameters
    ----------
    target : of all pictures
    pictures : at least one, each with its fit
    settings : from config.json
    """
    scales = np.array([(p.fit.um_per_px_x, p.fit.um_per_px_y) for p in pictures])
    unsure = np.array([(p.fit.fit_pct_x, p.fit.fit_pct_y) for p in pictures])
    apart_pct = 100 * np.abs(scales / np.median(scales, axis=0) - 1)  # (pictures, 2)
    scatter_pct = SIGMAS_PER_MAD * np.median(apart_pct, axis=0)
    allowed_pct = np.maximum(OUTLYING_Z * np.maximum(scatter_pct, unsure), settings.outlying_picture_pct)
    outlying = (apart_pct > allowed_pct).any(axis=1)
    return MeasuredScale(
        target,
        tuple(picture for picture, out in zip(pictures, outlying, strict=True) if not out),
        tuple(picture for picture, out in zip(pictures, outlying, strict=True) if out),
    )


def _picture_problem(gray: FloatImage) -> str:
    if min(gray.shape) < MIN_SIZE_PX:
        return f"Too small: {gray.shape[1]} x {gray.shape[0]} px, {MIN_SIZE_PX} each way are needed"
    clipped = float(np.mean(gray >= CLIPPED_LEVEL))
    if clipped > MAX_CLIPPED_SHARE:
        return f"Saturated: {clipped:.1%} of the pixels are clipped, at most {MAX_CLIPPED_SHARE:.0%} is allowed"
    low, high = np.percentile(gray, (1, 99))
    if high - low < MIN_CONTRAST:
        return f"No target: the grey levels span {high - low:.1%} of the range, {MIN_CONTRAST:.0%} is needed"
    return ""


def _from_dots(grid: DotGrid, pitch_um: float, settings: ScaleSettings) -> ScaleFit | NotMeasured:
    sx, sy, shear = _square_lattice(grid.basis)
    if not shear <= MAX_SHEAR:
        return NotMeasured(
            f"No dot grid: it departs from a square one by {shear:.1%}, at most {MAX_SHEAR:.0%} is allowed"
        )
    others = np.array([_square_lattice(basis)[:2] for basis in grid.bases])
    middle = np.array(_square_lattice(grid.middle)[:2]) / (sx, sy) - 1
    fit_pct_x, fit_pct_y = _fit_pct(others, _span_px(grid.features), middle, _blend_px(grid))
    ax, ay = grid.basis[:, 0]
    return ScaleFit(
        um_per_px_x=sx * pitch_um,
        um_per_px_y=sy * pitch_um,
        features=grid.dots,
        residual_px=grid.residual_px,
        tilt_deg=math.degrees(math.atan2(ay * sy, ax * sx)),
        square_pixels_assumed=False,
        fit_pct_x=fit_pct_x,
        fit_pct_y=fit_pct_y,
        target_pct=_target_pct(settings),
        seen=grid.features,
    )


def _square_lattice(basis: Points) -> tuple[float, float, float]:
    """Pitches per pixel along x and y that make the lattice square, and by how much it is not; infinite: it cannot be.

    With S = diag(sx^2, sy^2) the columns of its basis M have M^T S M = I: three equations, linear in S.
    """
    (ax, bx), (ay, by) = basis
    equations = np.array([[ax * ax, ay * ay], [bx * bx, by * by], [ax * bx, ay * by]])
    square = np.array([1.0, 1.0, 0.0])
    per_pitch = np.linalg.lstsq(equations, square, rcond=None)[0]
    if per_pitch.min() <= 0:
        return 0.0, 0.0, math.inf
    sx, sy = (float(s) for s in np.sqrt(per_pitch))
    return sx, sy, float(np.abs(equations @ per_pitch - square).max())


def _from_ruler(ruler: Ruler, pitch_um: float, settings: ScaleSettings) -> ScaleFit:
    """Ticks per micrometre, hypot(fx / sx, fy / sy), are 1 / pitch; sx = aspect x sy."""
    aspect = settings.pixel_aspect_ratio or 1.0
    (fx, fy), across = ruler.wave.tolist(), np.array([1 / aspect, 1.0])
    sy = pitch_um * math.hypot(fx / aspect, fy)
    others = np.linalg.norm(ruler.waves * across, axis=1)[:, None]
    middle = float(np.linalg.norm(ruler.middle * across)) * pitch_um / sy - 1
    span_px = float(np.linalg.norm(_span_px(ruler.features)))
    (fit_pct,) = _fit_pct(others, np.array([span_px]), np.array([middle]), _blend_px(ruler))
    return ScaleFit(
        um_per_px_x=aspect * sy,
        um_per_px_y=sy,
        features=ruler.ticks,
        residual_px=ruler.residual_px,
        tilt_deg=math.degrees(math.atan2(fy, fx / aspect)),
        square_pixels_assumed=settings.pixel_aspect_ratio is None,
        fit_pct_x=fit_pct,
        fit_pct_y=fit_pct,
        target_pct=_target_pct(settings),
        seen=ruler.features,
    )


def _target_pct(settings: ScaleSettings) -> float:
    """Standard uncertainty of a distance that may lie anywhere within its tolerance."""
    return settings.target_tolerance_pct / math.sqrt(3)


def _span_px(seen: TargetFeatures) -> Points:
    return np.asarray(np.ptp(seen.points_px[seen.used], axis=0))


def _blend_px(target: DotGrid | Ruler) -> float:
    return BLEND * target.pitch_px * (target.shape.defocus_px / target.pitch_px) ** 4


def _fit_pct(others: Points, span_px: Points, middle: Points, blend_px: float) -> list[float]:
    """Standard uncertainty in percent of each of n scales over a span (n,).

    From `others` (groups, n), what they are with each group of neighbouring features left out, and `middle` (n,), the
    relative difference to the middle of the picture; where a lens distorts, the scale of a place lies between. Blurred
    neighbours move each other by `blend_px` from end to end.

    Errors that neighbours share, of light, lens and pixels, stay within their group, so they count in full. Few groups
    say little of their scatter: the expansion of Student's factor makes k = 2 cover 95.45 % all the same, for half as
    many degrees of freedom as groups, because the outer ones decide most of a slope. Quenouille, "Notes on bias in
    estimation", Biometrika 43, 1956, DOI 10.1093/biomet/43.3-4.353; the factor: Abramowitz and Stegun, "Handbook of
    mathematical functions", 1964, 26.7.5.
    """
    groups, k = len(others), dimensions.COVERAGE_FACTOR
    variance = np.var(others, axis=0) * (groups - 1)
    freedom = max(groups / 2, 1.0)
    student = k + (k**3 + k) / (4 * freedom) + (5 * k**5 + 16 * k**3 + 3 * k) / (96 * freedom**2)
    scatter = student / k * np.sqrt(variance) / others.mean(axis=0)
    parts = np.array([scatter, SYSTEMATIC_PX / span_px, blend_px / span_px, middle / math.sqrt(3)])
    return (100 * np.sqrt(np.sum(parts**2, axis=0))).tolist()


def _from_fiber(gray: FloatImage, diameter_um: float, config: Config) -> ScaleFit | NotMeasured:
    geometry = locate(gray, config.localization, config.core, Known(pixel_aspect_ratio=config.scale.pixel_aspect_ratio))
    if isinstance(geometry, NotLocated):
        return NotMeasured(f"No fiber: {geometry.reason}")
    blurred = _why_blurred(geometry.cladding, config.preprocessing)
    if blurred:
        return NotMeasured(blurred)
    criteria = config.criteria
    request = Request(criteria.default_edition, criteria.default_class, cladding_diameter_um=diameter_um)
    scale, _ = dimensions.find_scale(geometry.cladding.ellipse, request, None, config.scale)
    assert scale is not None, "a known diameter gives a scale"
    square = config.scale.pixel_aspect_ratio is None and config.scale.fiber_is_angled is not False
    unsure = dimensions.scale_uncertainty(geometry, scale, request, config.scale)
    target_pct = 100 * dimensions.tolerance_um(config.scale) / diameter_um
    fit_pct = math.sqrt(max((100 * unsure) ** 2 - target_pct**2, 0.0))
    return ScaleFit(
        um_per_px_x=scale.um_per_px_x,
        um_per_px_y=scale.um_per_px_y,
        features=1,
        residual_px=geometry.cladding.rms_px,
        tilt_deg=0.0,
        square_pixels_assumed=square,
        fit_pct_x=fit_pct,
        fit_pct_y=fit_pct,
        target_pct=target_pct,
        seen=_edge_points(gray, geometry.cladding),
    )


def _why_blurred(cladding: CladdingFit, settings: Preprocessing) -> str:
    """By the rule that an inspection has."""
    radius_px = cladding.ellipse.mean_diameter_px / 2
    sharpness, limit = radius_px / cladding.blur_px, min(settings.focus_min, radius_px / settings.sharp_px)
    if sharpness >= limit:
        return ""
    return f"Out of focus: sharpness of the cladding edge must be at least {limit:g}, got {sharpness:.1f}"


def _edge_points(gray: FloatImage, cladding: CladdingFit) -> TargetFeatures:
    """Where each ray crosses the edge of the cladding; used is what lies within the usual scatter."""
    form = to_form(cladding.ellipse)
    search = edges.Search(EDGE_WINDOW_BLURS * cladding.blur_px + 1, edges.FINE_ANGLES)
    radii, slope = edges.slopes(gray, form, search)
    rho = edges.steepest(radii, slope, 1 if cladding.contrast > 0 else -1)
    seen = np.isfinite(rho)
    points = ellipse_fit.points_along(form, np.where(seen, rho, 1.0))[seen]
    residuals = points - ellipse_fit.points_along(form, np.ones_like(rho))[seen]
    used = np.linalg.norm(residuals, axis=1) <= EDGE_OUTLIER_RMS * cladding.rms_px
    return TargetFeatures(points, residuals, used)
