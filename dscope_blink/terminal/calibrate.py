"""Measures the scale from pictures of a target, by file or from the camera, and keeps it in calibration.json.

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
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from dscope_blink.calibration.scale_file import load_calibration, write_document
from dscope_blink.calibration.target_scale import (
    CalibrationPicture,
    MeasuredScale,
    NotMeasured,
    ScaleFit,
    Target,
    average,
    find_scale,
)
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import CalibrationSettings, Config
from dscope_blink.config.shipped import own_calibration, shipped
from dscope_blink.devices.capturing import new_picture, take_picture
from dscope_blink.files.camera_text import camera_of
from dscope_blink.files.decoding import decode_image, most_bytes, stated_bits, to_gray
from dscope_blink.files.keys import SigningKey, signing_key
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import FloatImage, Scale, TargetFeatures, UnreadableImage, UserError, read_file
from dscope_blink.reporting import calibration_plot, figures
from dscope_blink.reporting.csv_files import csv_bytes
from dscope_blink.reporting.tables import Table
from dscope_blink.terminal.parsing import Parser
from dscope_blink.terminal.running import UNFINISHED, told

FEATURE_COLUMNS = {
    "number": "int64",
    **dict.fromkeys(("x_px", "y_px", "residual_x_px", "residual_y_px"), "float64"),
    "used": "object",
}


@dataclass(frozen=True, slots=True)
class Station:
    """What the pictures of a calibration were taken with, as far as it is known."""

    picture_size_px: tuple[int, int]  # width and height
    camera: str | None = None
    objective: str | None = None


# --- the file


def load_scale(path: Path) -> Scale | None:
    """The scale of calibration.json, whatever its age; None when it is not calibrated.

    Raises
    ------
    UserError : the file cannot be read or is broken; one line naming the key, the rule and the value
    """
    calibration = load_calibration(path, date.min, CalibrationSettings(None, "warn", "warn", "warn"))
    return None if calibration is None else calibration.scale


def save_scale(
    path: Path,
    measured: MeasuredScale,
    station: Station,
    created: datetime,
    valid_days: int | None,
    key: SigningKey | None = None,
) -> None:
    """Write calibration.json, whole or not at all.

    Parameters
    ----------
    path : the file to write
    measured : what the pictures gave
    station : what they were taken with
    created : when, with its time zone
    valid_days : until it expires; None: never
    key : that signs it; None: nobody does

    Raises
    ------
    UserError : the file cannot be written
    """
    expires = None if valid_days is None else (created.date() + timedelta(days=valid_days)).isoformat()
    write_document(path, _document(measured, station, created) | {"expires": expires}, key)


def _document(measured: MeasuredScale, station: Station, created: datetime) -> dict[str, Any]:
    scale, fits = measured.scale, [picture.fit for picture in measured.pictures]
    return {
        "um_per_px": round(scale.um_per_px, 8),
        "um_per_px_x": round(scale.um_per_px_x, 8),
        "um_per_px_y": round(scale.um_per_px_y, 8),
        "method": measured.target.kind,
        "target_um": measured.target.size_um,
        "square_pixels_assumed": any(fit.square_pixels_assumed for fit in fits),
        "uncertainty_um_per_px_x": _digits(measured.uncertainty_um_per_px_x),
        "uncertainty_um_per_px_y": _digits(measured.uncertainty_um_per_px_y),
        "picture_size_px": list(station.picture_size_px),
        "camera": station.camera,
        "objective": station.objective,
        "features": sum(fit.features for fit in fits),
        "residual_px": round(math.sqrt(np.mean([fit.residual_px**2 for fit in fits])), 4),
        "spread_pct": round(measured.spread_pct, 4),
        "created": created.isoformat(timespec="seconds"),
        "pictures": [_picture(picture) for picture in measured.pictures],
        "left_out": [_picture(picture) for picture in measured.left_out],
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


# --- the command line


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the scale from pictures and write calibration.json.

    Returns
    -------
    Exit code: 0 written, 1 a picture could not be measured (nothing is written) or its plot not drawn, 2 wrong
    arguments
    """
    return told(ALONE, lambda: calibrate(_parser().parse_args(arguments)))


ALONE = "calibration.py"  # the program that does nothing else


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog=ALONE, allow_abbrev=False)
    add_calibration(parser)
    return parser


def add_calibration(parser: argparse.ArgumentParser) -> None:
    """What is asked of a calibration."""
    parser.description = (
        "Measures the scale from pictures of a target of known size, and writes it to calibration.json."
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--image", nargs="+", metavar="FILE", help="pictures of the target, averaged")
    source.add_argument("--camera", action="store_true", help="take the picture with the camera of the configuration")
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument("--dots-um", type=_positive, metavar="X", help="a square grid of dots, X um from dot to dot")
    size.add_argument(
        "--ticks-um", type=_positive, metavar="X", help="a ruled stage micrometer, X um from tick to tick"
    )
    size.add_argument("--cladding-um", type=_positive, metavar="X", help="a fiber whose cladding measures X um")
    parser.add_argument(
        "--output",
        metavar="FILE",
        default=str(own_calibration()),
        help="default: calibration.json beside the program, in this folder once that is installed",
    )
    parser.add_argument("--objective", metavar="TEXT", help="kept in the file")
    parser.add_argument("--camera-name", metavar="TEXT", help="kept in the file; default: what the pictures say")
    parser.add_argument("--show", metavar="FILE", help="a plot of the fit as PNG; FILE_2.png ... for further pictures")
    parser.add_argument("--features", metavar="FILE", help="its features as CSV; FILE_2.csv ... for further pictures")
    parser.add_argument(
        "--config",
        metavar="FILE",
        default=str(shipped("config.json")),
        help="default: the one that ships",
    )


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


def calibrate(options: argparse.Namespace) -> int:
    """Measure the scale; returns the exit code 0, or 1 when a picture could not be measured or its plot not drawn."""
    settings = load_config(Path(options.config))
    config, target = settings.profile(settings.default_profile), _target(options)
    key = signing_key(config.signing)  # that it cannot be used is told before a picture is taken
    files = [_captured(options, config)] if options.camera else options.image
    contents = {file: _content(Path(file), config) for file in files}
    pictures = {file: _gray(data, config) for file, data in contents.items()}
    fits = {file: _fit(picture, target, config) for file, picture in pictures.items()}
    _show(fits)
    measured = {file: fit for file, fit in fits.items() if isinstance(fit, ScaleFit)}
    drawn = _write_fits(options, target, pictures, measured, config)
    if len(measured) < len(fits):
        return 1
    station = _station(options, contents, pictures)
    taken = [
        CalibrationPicture(Path(f).name, hashlib.sha256(contents[f]).hexdigest(), fit) for f, fit in measured.items()
    ]
    scale, created = average(target, taken, config.scale), datetime.now().astimezone()
    save_scale(Path(options.output), scale, station, created, config.calibration.valid_days, key)
    _show_result(scale, options.output)
    return 0 if drawn else UNFINISHED


def _captured(options: argparse.Namespace, config: Config) -> str:
    """Take a picture and keep it beside the calibration, as what the calibration rests on."""
    path = new_picture(Path(options.output).absolute().parent)
    take_picture(config.camera, path)
    return str(path)


def _station(
    options: argparse.Namespace, contents: dict[str, bytes], pictures: dict[str, FloatImage | NotMeasured]
) -> Station:
    """UserError when the pictures are not of one size, or not of one camera as far as they say."""
    shapes = {picture.shape for picture in pictures.values() if not isinstance(picture, NotMeasured)}
    if len(shapes) > 1:
        sizes = ", ".join(sorted(f"{width} x {height}" for height, width in shapes))
        raise UserError(f"the pictures must be of one size, got {sizes} px")
    readings = (camera_of(data) for data in contents.values())
    cameras = sorted({reading.label for reading in readings if reading is not None})
    if len(cameras) > 1:
        raise UserError(f"the pictures must be of one camera, got {', '.join(cameras)}")
    ((height, width),) = shapes
    return Station((width, height), options.camera_name or next(iter(cameras), None), options.objective)


def _content(path: Path, config: Config) -> bytes:
    try:
        return read_file(path, most_bytes(config.preprocessing.max_pixels))
    except OSError as error:
        raise UserError(f"{path}: cannot be read, {error.strerror}") from None


def _gray(data: bytes, config: Config) -> FloatImage | NotMeasured:
    try:
        picture = decode_image(data, config.preprocessing.max_pixels)
        return to_gray(picture, config.preprocessing.bits_per_pixel or stated_bits(data, picture))
    except UnreadableImage as error:
        return NotMeasured(f"Unreadable: {error}")


def _fit(picture: FloatImage | NotMeasured, target: Target, config: Config) -> ScaleFit | NotMeasured:
    return picture if isinstance(picture, NotMeasured) else find_scale(picture, target, config)


def _write_fits(
    options: argparse.Namespace,
    target: Target,
    pictures: dict[str, FloatImage | NotMeasured],
    fits: dict[str, ScaleFit],
    config: Config,
) -> bool:
    """Plot and table of each picture that was measured, as far as they are asked for; whether all could be drawn."""
    all_drawn = True
    for number, (file, picture) in enumerate(pictures.items(), 1):
        if isinstance(picture, NotMeasured) or file not in fits:
            continue
        if options.show is not None:
            plot = _plot(picture, fits[file], file, target)
            all_drawn &= plot is not None
            if plot is not None:
                write_file(_numbered(options.show, number), plot)
        if options.features is not None:
            table = features_csv(fits[file].seen, config.reporting.csv_style)
            write_file(_numbered(options.features, number), table)
    return all_drawn


def _plot(picture: FloatImage, fit: ScaleFit, file: str, target: Target) -> bytes | None:
    """None, and a line that says why, where it cannot be drawn: that costs no calibration."""
    try:
        page = calibration_plot.calibration_figure(picture, fit.seen, Path(file).name, _described(fit, target))
        return figures.png_bytes(page)
    except Exception as error:
        print(f"{file}: not drawn, {type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return None


def _numbered(name: str, number: int) -> Path:
    path = Path(name)
    return path if number == 1 else path.with_stem(f"{path.stem}_{number}")


def features_csv(seen: TargetFeatures, style: str) -> bytes:
    """One line per feature that was found: number, place and residual in pixels, whether the fit used it."""
    places = np.column_stack([seen.points_px, seen.residuals_px]).round(4).tolist()
    lines = ((*line, "yes" if used else "no") for line, used in zip(places, seen.used.tolist(), strict=True))
    return csv_bytes(Table(FEATURE_COLUMNS, [(number, *line) for number, line in enumerate(lines, 1)]), style)


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


def _show_result(measured: MeasuredScale, output: str) -> None:
    scale, count = measured.scale, len(measured.pictures)
    spread = f", mean of {count} pictures, spread {measured.spread_pct:.3f} %" if count > 1 else ""
    for picture in measured.left_out:
        found = f"{picture.fit.um_per_px_x:.5f} x {picture.fit.um_per_px_y:.5f} um/px"
        print(f"{picture.file}: left out, {found} lies too far from the other pictures", file=sys.stderr)
    unsure = f"{measured.uncertainty_um_per_px_x:.5f} x {measured.uncertainty_um_per_px_y:.5f}"
    print(f"{output}: {scale.um_per_px_x:.5f} x {scale.um_per_px_y:.5f} um/px, U {unsure} (k = 2){spread}")
    if any(picture.fit.square_pixels_assumed for picture in measured.pictures):
        print("Pixels are taken as square: this target gives one scale, and scale.pixel_aspect_ratio is not set.")
