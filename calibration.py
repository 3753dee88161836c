"""calibration.json <-> `Scale`, and the measurement of the scale from pictures of a target of known size.

Runs by itself: `python calibration.py --image FILE ... --dots-um 10`. Three targets: a square grid of dots, which gives
the scale of each axis, a ruled stage micrometer, which gives it along its ticks, a fiber of known cladding diameter.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

import dimensions
from config_loader import CalibrationSettings, Config, load_config
from decoding import decode_image, to_gray
from localization import Known, locate
from records import FloatImage, NotLocated, Request, Scale, UnreadableImage, UserError
from scale_file import load_calibration, write_document
from targets import DotGrid, NotFound, Ruler, find_dots, find_ruler

HERE = Path(__file__).resolve().parent
MIN_SIZE_PX = 64
# A photographed stage micrometer with 75 % of its pixels clipped still measures; beyond this share nothing is left.
MAX_CLIPPED_SHARE = 0.98
CLIPPED_LEVEL = 0.995
MIN_CONTRAST = 0.02  # 1st to 99th percentile; five grey levels of an 8-bit picture
MAX_SHEAR = 0.03  # departure of a dot grid from a square one after each axis is scaled


@dataclass(frozen=True, slots=True)
class Target:
    """What the picture shows; `size_um` is the distance of dots or ticks, or the diameter of the cladding."""

    kind: Literal["dots", "ticks", "cladding"]
    size_um: float

    def __post_init__(self) -> None:
        if not 0 < self.size_um < math.inf:
            raise ValueError(f"size_um must be a positive number, got {self.size_um}")


@dataclass(frozen=True, slots=True)
class ScaleFit:
    """The scale measured in one picture, and how well."""

    um_per_px_x: float
    um_per_px_y: float
    features: int
    residual_px: float  # rms distance of the features from the fit
    tilt_deg: float  # of the target's own x axis, from x, clockwise on the screen; 0 for a fiber
    square_pixels_assumed: bool  # one scale only was measured, and config.json gives no pixel aspect ratio


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

    @property
    def scale(self) -> Scale:
        """Mean over the pictures, axis by axis."""
        x, y = np.mean([(p.fit.um_per_px_x, p.fit.um_per_px_y) for p in self.pictures], axis=0)
        return Scale(float(x), float(y), "calibration")

    @property
    def spread_pct(self) -> float:
        """Largest less smallest scale of a picture, in percent of the mean, on the worse axis."""
        scales = np.array([(p.fit.um_per_px_x, p.fit.um_per_px_y) for p in self.pictures])
        return float(100 * np.max(np.ptp(scales, axis=0) / scales.mean(axis=0)))


# --- the file


def load_scale(path: Path) -> Scale | None:
    """The scale of calibration.json, whatever its age; None when it is not calibrated.

    Raises
    ------
    UserError : the file cannot be read or is broken; one line naming the key, the rule and the value
    """
    calibration = load_calibration(path, date.min, CalibrationSettings(None, "warn", "warn", "warn"))
    return None if calibration is None else calibration.scale


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
    write_document(path, _document(calibration, created))


def _document(calibration: Calibration, created: datetime) -> dict[str, Any]:
    scale, fits = calibration.scale, [picture.fit for picture in calibration.pictures]
    return {
        "um_per_px": round(scale.um_per_px, 8),
        "um_per_px_x": round(scale.um_per_px_x, 8),
        "um_per_px_y": round(scale.um_per_px_y, 8),
        "method": calibration.target.kind,
        "target_um": calibration.target.size_um,
        "square_pixels_assumed": any(fit.square_pixels_assumed for fit in fits),
        "features": sum(fit.features for fit in fits),
        "residual_px": round(math.sqrt(np.mean([fit.residual_px**2 for fit in fits])), 4),
        "spread_pct": round(calibration.spread_pct, 4),
        "created": created.isoformat(timespec="seconds"),
        "pictures": [_picture(picture) for picture in calibration.pictures],
    }


def _picture(picture: CalibrationPicture) -> dict[str, Any]:
    fit = picture.fit
    return {
        "file": picture.file,
        "sha256": picture.sha256,
        "um_per_px_x": round(fit.um_per_px_x, 8),
        "um_per_px_y": round(fit.um_per_px_y, 8),
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
    if target.kind == "dots":
        found = find_dots(gray)
        return NotMeasured(found.reason) if isinstance(found, NotFound) else _from_dots(found, target.size_um)
    ruler = find_ruler(gray)
    if isinstance(ruler, NotFound):
        return NotMeasured(ruler.reason)
    return _from_ruler(ruler, target.size_um, config.scale.pixel_aspect_ratio)


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


def _from_dots(grid: DotGrid, pitch_um: float) -> ScaleFit | NotMeasured:
    """Scale of x and of y that make the lattice square.

    With S = diag(sx^2, sy^2) the columns of its basis M have M^T S M = pitch^2 I: three equations, linear in S.
    """
    (ax, bx), (ay, by) = grid.basis
    equations = np.array([[ax * ax, ay * ay], [bx * bx, by * by], [ax * bx, ay * by]])
    square = np.array([1.0, 1.0, 0.0])
    per_pitch = np.linalg.lstsq(equations, square, rcond=None)[0]
    shear = float(np.abs(equations @ per_pitch - square).max())
    if per_pitch.min() <= 0 or shear > MAX_SHEAR:
        return NotMeasured(
            f"No dot grid: it departs from a square one by {shear:.1%}, at most {MAX_SHEAR:.0%} is allowed"
        )
    sx, sy = (float(s) for s in np.sqrt(per_pitch) * pitch_um)
    tilt_deg = math.degrees(math.atan2(ay * sy, ax * sx))
    return ScaleFit(sx, sy, grid.dots, grid.residual_px, tilt_deg, square_pixels_assumed=False)


def _from_ruler(ruler: Ruler, pitch_um: float, known_aspect: float | None) -> ScaleFit:
    """Ticks per micrometre, hypot(fx / sx, fy / sy), are 1 / pitch; sx = aspect x sy."""
    aspect = known_aspect or 1.0
    fx, fy = (float(f) for f in ruler.wave)
    sy = pitch_um * math.hypot(fx / aspect, fy)
    tilt_deg = math.degrees(math.atan2(fy, fx / aspect))
    return ScaleFit(aspect * sy, sy, ruler.ticks, ruler.residual_px, tilt_deg, known_aspect is None)


def _from_fiber(gray: FloatImage, diameter_um: float, config: Config) -> ScaleFit | NotMeasured:
    geometry = locate(gray, config.localization, config.core, Known(pixel_aspect_ratio=config.scale.pixel_aspect_ratio))
    if isinstance(geometry, NotLocated):
        return NotMeasured(f"No fiber: {geometry.reason}")
    criteria = config.criteria
    request = Request(criteria.default_edition, criteria.default_class, cladding_diameter_um=diameter_um)
    scale, _ = dimensions.find_scale(geometry.cladding.ellipse, request, None, config.scale)
    assert scale is not None, "a known diameter gives a scale"
    square = config.scale.pixel_aspect_ratio is None and config.scale.fiber_is_angled is not False
    return ScaleFit(scale.um_per_px_x, scale.um_per_px_y, 1, geometry.cladding.rms_px, 0.0, square)


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
    fits = {file: _fit(data, target, config) for file, data in contents.items()}
    _show(fits)
    measured = {file: fit for file, fit in fits.items() if isinstance(fit, ScaleFit)}
    if len(measured) < len(fits):
        return 1
    pictures = [
        CalibrationPicture(Path(f).name, hashlib.sha256(contents[f]).hexdigest(), fit) for f, fit in measured.items()
    ]
    calibration = Calibration(target, tuple(pictures))
    save_scale(Path(options.output), calibration, datetime.now().astimezone())
    _show_result(calibration, options.output)
    return 0


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read, {error.strerror}") from None


def _fit(data: bytes, target: Target, config: Config) -> ScaleFit | NotMeasured:
    try:
        picture = decode_image(data, config.preprocessing.max_pixels)
    except UnreadableImage as error:
        return NotMeasured(f"Unreadable: {error}")
    return find_scale(to_gray(picture), target, config)


def _show(fits: dict[str, ScaleFit | NotMeasured]) -> None:
    for file, fit in fits.items():
        if isinstance(fit, NotMeasured):
            print(f"{file}: not measured. {fit.reason}", file=sys.stderr)
        else:
            how = f"{fit.features} features, residual {fit.residual_px:.3f} px, tilt {fit.tilt_deg:.2f} deg"
            print(f"{file}: {fit.um_per_px_x:.5f} x {fit.um_per_px_y:.5f} um/px, {how}")


def _show_result(calibration: Calibration, output: str) -> None:
    scale, count = calibration.scale, len(calibration.pictures)
    spread = f", mean of {count} pictures, spread {calibration.spread_pct:.3f} %" if count > 1 else ""
    print(f"{output}: {scale.um_per_px_x:.5f} x {scale.um_per_px_y:.5f} um/px{spread}")
    if any(picture.fit.square_pixels_assumed for picture in calibration.pictures):
        print("Pixels are taken as square: this target gives one scale, and scale.pixel_aspect_ratio is not set.")


if __name__ == "__main__":
    sys.exit(main())
