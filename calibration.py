"""calibration.json <-> `Scale`, and the measurement of the scale from pictures of a target of known size.

Runs by itself: `python calibration.py --image FILE ... --dots-um 10`. Three targets: a square grid of dots, which gives
the scale of each axis, a ruled stage micrometer, which gives it along its ticks, a fiber of known cladding diameter.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

import dimensions
import edges
import ellipse_fit
import plots
from config_loader import Config, Preprocessing, ScaleSettings, load_config
from decoding import decode_image, to_gray
from dimensions import expanded
from localization import Known, locate
from records import (
    CladdingFit,
    FloatImage,
    NotLocated,
    Points,
    Request,
    Scale,
    TargetFeatures,
    UnreadableImage,
    UserError,
)
from targets import DotGrid, NotFound, Ruler, find_dots, find_ruler
from whole_files import write_file

HERE = Path(__file__).resolve().parent
MAX_UM_PER_PX = 1000.0  # a pixel of a millimetre is no microscope's
MIN_SIZE_PX = 64
# A photographed stage micrometer with 75 % of its pixels clipped still measures; beyond this share nothing is left.
MAX_CLIPPED_SHARE = 0.98
CLIPPED_LEVEL = 0.995
MIN_CONTRAST = 0.02  # 1st to 99th percentile; five grey levels of an 8-bit picture
# From end to end, what residuals cannot tell because the scale takes it up: light that bends over the whole field.
SYSTEMATIC_PX = 0.005
OUTLYING_Z = 3.5  # Iglewicz and Hoaglin, "How to detect and handle outliers", ASQC 1993
SIGMAS_PER_MAD = 1.4826  # of a normal distribution
EDGE_WINDOW_BLURS = 4.0  # half width of the window in which the edge of a fiber is shown
EDGE_OUTLIER_RMS = 4.0
FEATURE_COLUMNS = ("number", "x_px", "y_px", "residual_x_px", "residual_y_px", "used")
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
class Calibration:
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


# --- the file


def load_scale(path: Path) -> Scale | None:
    """Read calibration.json.

    Parameters
    ----------
    path : a JSON object with `um_per_px` or with `um_per_px_x` and `um_per_px_y`; other keys are left alone

    Returns
    -------
    Scale, or None when `um_per_px` is null: not calibrated

    Raises
    ------
    UserError : the file cannot be read or is broken; one line naming the key, the rule and the value
    """
    document = _read_object(path)
    if "um_per_px" not in document and "um_per_px_x" not in document:
        raise UserError(f"{path}: um_per_px is missing")
    axes = ("um_per_px_x", "um_per_px_y")
    if not any(name in document for name in axes):
        uncalibrated = document["um_per_px"] is None
        return None if uncalibrated else _scale(path, document, "um_per_px", "um_per_px")
    scale = _scale(path, document, *axes)
    if "um_per_px" in document:
        _check_mean(path, document, scale)
    return scale


def _read_object(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))  # an editor may have put a byte order mark
    except OSError as error:
        raise UserError(f"{path}: cannot be read, {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: must be a JSON object in UTF-8, {error}") from None
    if not isinstance(document, dict):
        raise UserError(f"{path}: must be a JSON object, got {_shown(document)}")
    return document


def _scale(path: Path, document: dict[str, Any], key_x: str, key_y: str) -> Scale:
    return Scale(_number(path, document, key_x), _number(path, document, key_y), "calibration")


def _number(path: Path, document: dict[str, Any], key: str) -> float:
    if key not in document:
        raise UserError(f"{path}: {key} is missing")
    value = document[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_UM_PER_PX:
        raise UserError(f"{path}: {key} must be a number above 0 and at most {MAX_UM_PER_PX:g}, got {_shown(value)}")
    return float(value)


def _check_mean(path: Path, document: dict[str, Any], scale: Scale) -> None:
    """Whoever changed one of the three by hand and not the others must hear that it does not count."""
    value = _number(path, document, "um_per_px")
    if not math.isclose(value, scale.um_per_px, rel_tol=1e-3):
        rule = f"the geometric mean of um_per_px_x and um_per_px_y, {scale.um_per_px:.6g}"
        raise UserError(f"{path}: um_per_px must be {rule}, got {value:g}")


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."


def save_scale(path: Path, calibration: Calibration, created: datetime) -> None:
    """Write calibration.json, whole or not at all.

    Parameters
    ----------
    path : the file to write
    calibration : what was measured
    created : when, with its time zone

    Raises
    ------
    UserError : the file cannot be written
    """
    text = json.dumps(_document(calibration, created), indent=2, ensure_ascii=False) + "\n"
    write_file(path, text.encode())


def _document(calibration: Calibration, created: datetime) -> dict[str, Any]:
    scale, fits = calibration.scale, [picture.fit for picture in calibration.pictures]
    return {
        "um_per_px": round(scale.um_per_px, 8),
        "um_per_px_x": round(scale.um_per_px_x, 8),
        "um_per_px_y": round(scale.um_per_px_y, 8),
        "method": calibration.target.kind,
        "target_um": calibration.target.size_um,
        "square_pixels_assumed": any(fit.square_pixels_assumed for fit in fits),
        "uncertainty_um_per_px_x": _digits(calibration.uncertainty_um_per_px_x),
        "uncertainty_um_per_px_y": _digits(calibration.uncertainty_um_per_px_y),
        "features": sum(fit.features for fit in fits),
        "residual_px": round(math.sqrt(np.mean([fit.residual_px**2 for fit in fits])), 4),
        "spread_pct": round(calibration.spread_pct, 4),
        "created": created.isoformat(timespec="seconds"),
        "pictures": [_picture(picture) for picture in calibration.pictures],
        "left_out": [_picture(picture) for picture in calibration.left_out],
    }


def _digits(uncertainty: float) -> float:
    return float(f"{uncertainty:.3g}")


def _picture(picture: CalibrationPicture) -> dict[str, Any]:
    fit = picture.fit
    return {
        "file": picture.file,
        "sha256": picture.sha256,
        "um_per_px_x": round(fit.um_per_px_x, 8),
        "um_per_px_y": round(fit.um_per_px_y, 8),
        "uncertainty_um_per_px_x": _digits(fit.uncertainty_um_per_px_x),
        "uncertainty_um_per_px_y": _digits(fit.uncertainty_um_per_px_y),
        "features": fit.features,
        "residual_px": round(fit.residual_px, 4),
        "tilt_deg": round(fit.tilt_deg, 3),
    }


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
    if isinstance(found, Ruler):
        return _from_ruler(found, target.size_um, config.scale)
    return _from_dots(found, target.size_um, config.scale)


def average(target: Target, pictures: Sequence[CalibrationPicture], settings: ScaleSettings) -> Calibration:
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
    return Calibration(
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
    fit_pct_x, fit_pct_y = _fit_pct(others, _span_px(grid.features), middle)
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
    (fit_pct,) = _fit_pct(others, np.array([span_px]), np.array([middle]))
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


def _fit_pct(others: Points, span_px: Points, middle: Points) -> list[float]:
    """Standard uncertainty in percent of each of n scales over a span (n,).

    From `others` (groups, n), what they are with each group of neighbouring features left out, and `middle` (n,), the
    relative difference to the middle of the picture; where a lens distorts, the scale of a place lies between.

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
    parts = np.array([scatter, SYSTEMATIC_PX / span_px, middle / math.sqrt(3)])
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
    form = ellipse_fit.to_form(cladding.ellipse)
    search = edges.Search(EDGE_WINDOW_BLURS * cladding.blur_px + 1, edges.FINE_ANGLES)
    radii, slope = edges.slopes(gray, form, search)
    rho = edges.steepest(radii, slope, 1 if cladding.contrast > 0 else -1)
    seen = np.isfinite(rho)
    points = ellipse_fit.points_along(form, np.where(seen, rho, 1.0))[seen]
    residuals = points - ellipse_fit.points_along(form, np.ones_like(rho))[seen]
    used = np.linalg.norm(residuals, axis=1) <= EDGE_OUTLIER_RMS * cladding.rms_px
    return TargetFeatures(points, residuals, used)


# --- the command line


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the scale from pictures and write calibration.json.

    Returns
    -------
    Exit code: 0 written, 1 a picture could not be measured (nothing is written), 2 wrong arguments
    """
    try:
        return _calibrate(_parser().parse_args(arguments))
    except UserError as error:
        print(f"calibration.py: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    text = "Measures the scale from pictures of a target of known size, and writes it to calibration.json."
    parser = argparse.ArgumentParser(prog="calibration.py", description=text, allow_abbrev=False)
    parser.add_argument("--image", nargs="+", required=True, metavar="FILE", help="pictures of the target, averaged")
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument("--dots-um", type=_positive, metavar="X", help="a square grid of dots, X um from dot to dot")
    size.add_argument(
        "--ticks-um", type=_positive, metavar="X", help="a ruled stage micrometer, X um from tick to tick"
    )
    size.add_argument("--cladding-um", type=_positive, metavar="X", help="a fiber whose cladding measures X um")
    parser.add_argument(
        "--output",
        metavar="FILE",
        default=str(HERE / "calibration.json"),
        help="default: calibration.json beside the program",
    )
    parser.add_argument("--show", metavar="FILE", help="a plot of the fit as PNG; FILE_2.png ... for further pictures")
    parser.add_argument("--features", metavar="FILE", help="its features as CSV; FILE_2.csv ... for further pictures")
    parser.add_argument(
        "--config", metavar="FILE", default=str(HERE / "config.json"), help="default: beside the program"
    )
    return parser


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a positive number, got {text!r}")
    return value


def _target(options: argparse.Namespace) -> Target:
    if options.dots_um is not None:
        return Target("dots", options.dots_um)
    if options.ticks_um is not None:
        return Target("ticks", options.ticks_um)
    return Target("cladding", options.cladding_um)


def _calibrate(options: argparse.Namespace) -> int:
    settings = load_config(Path(options.config))
    config, target = settings.profile(settings.default_profile), _target(options)
    contents = {file: _content(Path(file)) for file in options.image}
    pictures = {file: _gray(data, config) for file, data in contents.items()}
    fits = {file: _fit(picture, target, config) for file, picture in pictures.items()}
    _show(fits)
    measured = {file: fit for file, fit in fits.items() if isinstance(fit, ScaleFit)}
    _write_fits(options, target, pictures, measured)
    if len(measured) < len(fits):
        return 1
    taken = [
        CalibrationPicture(Path(f).name, hashlib.sha256(contents[f]).hexdigest(), fit) for f, fit in measured.items()
    ]
    calibration = average(target, taken, config.scale)
    save_scale(Path(options.output), calibration, datetime.now().astimezone())
    _show_result(calibration, options.output)
    return 0


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read, {error.strerror}") from None


def _gray(data: bytes, config: Config) -> FloatImage | NotMeasured:
    try:
        return to_gray(decode_image(data, config.preprocessing.max_pixels))
    except UnreadableImage as error:
        return NotMeasured(f"Unreadable: {error}")


def _fit(picture: FloatImage | NotMeasured, target: Target, config: Config) -> ScaleFit | NotMeasured:
    return picture if isinstance(picture, NotMeasured) else find_scale(picture, target, config)


def _write_fits(
    options: argparse.Namespace,
    target: Target,
    pictures: dict[str, FloatImage | NotMeasured],
    fits: dict[str, ScaleFit],
) -> None:
    """Plot and table of each picture that was measured, as far as they are asked for."""
    for number, (file, picture) in enumerate(pictures.items(), 1):
        if isinstance(picture, NotMeasured) or file not in fits:
            continue
        if options.show is not None:
            page = plots.calibration_figure(picture, fits[file].seen, Path(file).name, _described(fits[file], target))
            write_file(_numbered(options.show, number), plots.png_bytes(page))
        if options.features is not None:
            write_file(_numbered(options.features, number), features_csv(fits[file].seen).encode())


def _numbered(name: str, number: int) -> Path:
    path = Path(name)
    return path if number == 1 else path.with_stem(f"{path.stem}_{number}")


def features_csv(seen: TargetFeatures) -> str:
    """One line per feature that was found: number, place and residual in pixels, whether the fit used it."""
    columns = np.column_stack([seen.points_px, seen.residuals_px])
    rows = zip(columns.tolist(), seen.used.tolist(), strict=True)
    lines = (
        f"{number},{','.join(f'{value:.4f}' for value in row)},{'yes' if used else 'no'}\n"
        for number, (row, used) in enumerate(rows, 1)
    )
    return f"{','.join(FEATURE_COLUMNS)}\n{''.join(lines)}"


def _described(fit: ScaleFit, target: Target) -> list[str]:
    """What a plot says in words."""
    kinds = {"dots": "dots, {:g} um apart", "ticks": "ticks, {:g} um apart", "cladding": "cladding of {:g} um"}
    return [
        f"target    {kinds[target.kind].format(target.size_um)}",
        f"x         {fit.um_per_px_x:.6f} \u00b1 {fit.uncertainty_um_per_px_x:.6f} um/px (k = 2)",
        f"y         {fit.um_per_px_y:.6f} \u00b1 {fit.uncertainty_um_per_px_y:.6f} um/px (k = 2)",
        f"pixels    aspect ratio {fit.pixel_aspect_ratio:.5f}{', assumed' if fit.square_pixels_assumed else ''}",
        f"tilt      {fit.tilt_deg:.3f} deg",
        f"features  {fit.features} {target.kind}, {len(fit.seen.used) - int(fit.seen.used.sum())} points left out",
        f"residual  {fit.residual_px:.4f} px rms",
    ]


def _show(fits: dict[str, ScaleFit | NotMeasured]) -> None:
    for file, fit in fits.items():
        if isinstance(fit, NotMeasured):
            print(f"{file}: not measured. {fit.reason}", file=sys.stderr)
        else:
            unsure = f"{fit.uncertainty_um_per_px_x:.5f} x {fit.uncertainty_um_per_px_y:.5f}"
            how = f"{fit.features} features, residual {fit.residual_px:.3f} px, tilt {fit.tilt_deg:.2f} deg"
            print(f"{file}: {fit.um_per_px_x:.5f} x {fit.um_per_px_y:.5f} um/px, U {unsure} (k = 2), {how}")


def _show_result(calibration: Calibration, output: str) -> None:
    scale, count = calibration.scale, len(calibration.pictures)
    spread = f", mean of {count} pictures, spread {calibration.spread_pct:.3f} %" if count > 1 else ""
    for picture in calibration.left_out:
        found = f"{picture.fit.um_per_px_x:.5f} x {picture.fit.um_per_px_y:.5f} um/px"
        print(f"{picture.file}: left out, {found} lies too far from the other pictures", file=sys.stderr)
    unsure = f"{calibration.uncertainty_um_per_px_x:.5f} x {calibration.uncertainty_um_per_px_y:.5f}"
    print(f"{output}: {scale.um_per_px_x:.5f} x {scale.um_per_px_y:.5f} um/px, U {unsure} (k = 2){spread}")
    if any(picture.fit.square_pixels_assumed for picture in calibration.pictures):
        print("Pixels are taken as square: this target gives one scale, and scale.pixel_aspect_ratio is not set.")


if __name__ == "__main__":
    sys.exit(main())
