"""Micrometres per pixel, and what the located fiber measures, each value with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dscope_blink.config.settings import ScaleSettings
from dscope_blink.records import (
    Ellipse,
    FiberGeometry,
    FitUncertainty,
    Measured,
    Notice,
    Request,
    Scale,
    notice,
    stretched,
)

COVERAGE_FACTOR = 2.0  # of the uncertainties: about 95 %

# --- scale ------------------------------------------------------------------------------------------------------------


def find_scale(
    cladding: Ellipse, request: Request, calibration: Scale | None, settings: ScaleSettings
) -> tuple[Scale | None, tuple[Notice, ...]]:
    """Micrometres per pixel of one picture, and what there is to warn of.

    Parameters
    ----------
    cladding : fitted ellipse in pixels
    request : the known cladding diameter and pixel aspect ratio, if any
    calibration : scale of the file of the picture, else of calibration.json, if either has one
    settings : from config.json

    Returns
    -------
    The scale (from the known diameter, else the calibration, else an assumed diameter, else None), and warnings
    """
    aspect, warnings = _aspect_ratio(cladding, request, calibration, settings)
    known, assumed, angled = request.cladding_diameter_um, settings.assume_cladding_um, _is_angled(request, settings)
    if known is not None:
        scale = _scale_from_diameter(cladding, known, aspect, angled)
        return scale, warnings + _disagreement(scale, calibration, settings)
    if calibration is not None:
        if math.isclose(aspect, calibration.pixel_aspect_ratio):
            return calibration, warnings
        unit = calibration.um_per_px
        return replace(
            calibration, um_per_px_x=unit * math.sqrt(aspect), um_per_px_y=unit / math.sqrt(aspect)
        ), warnings
    if assumed is not None:
        scale = replace(_scale_from_diameter(cladding, assumed, aspect, angled), source="assumed_cladding")
        text = f"no diameter or calibration given, cladding taken as {assumed:g} um"
        return scale, (*warnings, notice("assumed_scale", text))
    return None, warnings


def _is_angled(request: Request, settings: ScaleSettings) -> bool | None:
    return settings.fiber_is_angled if request.fiber_is_angled is None else request.fiber_is_angled


def _aspect_ratio(
    cladding: Ellipse, request: Request, calibration: Scale | None, settings: ScaleSettings
) -> tuple[float, tuple[Notice, ...]]:
    """um_per_px_x / um_per_px_y: as given, as calibrated, or as a round fiber shows it."""
    angled = _is_angled(request, settings)
    calibrated = None if calibration is None else calibration.known_aspect_ratio
    known = request.pixel_aspect_ratio or settings.pixel_aspect_ratio or calibrated
    if known is None and angled is False and request.cladding_diameter_um is not None:
        width, height = cladding.extent_px
        known = height / width
    return known or 1.0, () if angled else _elliptical(cladding, known, angled, settings)


def _elliptical(
    cladding: Ellipse, known: float | None, angled: bool | None, settings: ScaleSettings
) -> tuple[Notice, ...]:
    """What an ellipse can mean that nobody has explained."""
    axes = stretched(cladding, (known or 1.0, 1.0)).axes_px
    ratio = max(axes) / min(axes)
    if ratio - 1 <= settings.elliptical_warning_pct / 100:
        return ()
    found = f"axes {min(axes):.1f} x {max(axes):.1f} px"
    tilt = f"a face tilted by {math.degrees(math.acos(1 / ratio)):.1f} deg"
    if angled is False:
        means = f"with pixels of aspect ratio {known or 1.0:.4f}: the fiber is not round, or {tilt} after all"
    elif known is not None:
        means = f"with pixels of aspect ratio {known:.4f} are either {tilt} or a fiber that is not round; its mean "
        means += "diameter is taken; set fiber_is_angled"
    else:
        width, height = cladding.extent_px
        means = f"are either pixels of aspect ratio {height / width:.4f} or {tilt}; taken as square pixels and the "
        means += "mean diameter; set pixel_aspect_ratio or fiber_is_angled"
    return (notice("elliptical_cladding", f"{found} {means}"),)


def _scale_from_diameter(cladding: Ellipse, diameter_um: float, aspect: float, angled: bool | None) -> Scale:
    size = _diameter(stretched(cladding, (aspect, 1.0)), angled)
    return Scale(aspect * diameter_um / size, diameter_um / size, "user_cladding")


def departure_from_cladding(scale: Scale, cladding: Ellipse, diameter_um: float) -> float:
    """How far a scale is from the one that a known diameter gives, as a share; 0 where it is that one.

    A face cut at an angle has its shorter axis for a diameter, any other the mean of both: the nearer one counts.
    """
    aspect = scale.pixel_aspect_ratio
    wanted = (_scale_from_diameter(cladding, diameter_um, aspect, angled).um_per_px for angled in (False, True))
    return min(abs(scale.um_per_px / um_per_px - 1) for um_per_px in wanted)


def _diameter(ellipse: Ellipse, angled: bool | None) -> float:
    """A cut at an angle lengthens the face in one direction, so its shorter axis is the diameter; else the mean is."""
    return min(ellipse.axes_px) if angled else ellipse.mean_diameter_px


def _disagreement(scale: Scale, calibration: Scale | None, settings: ScaleSettings) -> tuple[Notice, ...]:
    if calibration is None:
        return ()
    per_axis = (scale.um_per_px_x / calibration.um_per_px_x, scale.um_per_px_y / calibration.um_per_px_y)
    percent = 100 * max(abs(ratio - 1) for ratio in per_axis)
    if percent <= settings.max_disagreement_pct:
        return ()
    both = f"the known cladding gives {scale.um_per_px:.4f} um/px, the calibration {calibration.um_per_px:.4f} um/px"
    text = f"{both}, {percent:.1f} % apart (limit {settings.max_disagreement_pct:g} %)"
    return (notice("scale_disagreement", text),)


# --- what the fiber measures ------------------------------------------------------------------------------------------


def measure_geometry(
    geometry: FiberGeometry, scale: Scale | None, request: Request, settings: ScaleSettings
) -> Mapping[str, Measured]:
    """Diameters, non-circularity and concentricity error of core and cladding, with their uncertainties.

    Parameters
    ----------
    geometry : located fiber in pixels
    scale : micrometres per pixel, if known
    request : whether the face is cut at an angle, and the known cladding diameter
    settings : from config.json

    Returns
    -------
    Values by name, the unit in the name. What was not measured is there without a value: a `_um` without a scale, a
    core's without a measured core, non-circularities of a face cut at an angle, a tilt where nobody says it is.

    Notes
    -----
    Terms as in IEC 60793-1-20 (Optical fibres - Part 1-20: Measurement methods and test procedures - Fibre geometry):
    non-circularity is the difference of the largest and the smallest diameter over the mean diameter, the
    core/cladding concentricity error the distance of their centres; the offset is the vector from the centre of the
    cladding to that of the core, x to the right and y down. Uncertainties are combined and expanded as in JCGM 100:2008
    (Guide to the expression of uncertainty in measurement): scatter of the edge points, place of a border within its
    blurred edge, scale.
    """
    angled = _is_angled(request, settings)
    fiber = _Fiber.of(geometry, settings)
    values = _lengths(fiber, (1.0, 1.0), "px", angled, None)
    axes, relative = (None, None) if scale is None else _scale_axes(fiber, scale, request, settings)
    values |= _lengths(fiber, axes, "um", angled, relative)
    if scale is not None and scale.rests_on_cladding:  # the diameter is given, not measured
        given = values["cladding_diameter_um"].value
        values["cladding_diameter_um"] = Measured(given, expanded(tolerance_um(settings)))
    values |= _shapes(fiber, axes or (1.0, 1.0), angled)
    return values | {
        "um_per_px": _value_of(scale, relative),
        "pixel_aspect_ratio": Measured(None if scale is None else scale.pixel_aspect_ratio),
    }


def _value_of(scale: Scale | None, relative: float | None) -> Measured:
    if scale is None or relative is None:
        return NOT_MEASURED
    return Measured(scale.um_per_px, expanded(scale.um_per_px * relative))


def scale_uncertainty(geometry: FiberGeometry, scale: Scale, request: Request, settings: ScaleSettings) -> float:
    """Relative standard uncertainty of the scale: of the diameter or the calibration it comes from, and of the fit."""
    return _scale_axes(_Fiber.of(geometry, settings), scale, request, settings)[1]


def center_uncertainty_px(geometry: FiberGeometry, settings: ScaleSettings) -> float:
    """Standard uncertainty of the place of the cladding centre."""
    return _Fiber.of(geometry, settings).cladding.unsure.center_px


@dataclass(frozen=True, slots=True)
class _Border:
    """One fitted ellipse in pixels with all that is unsure about it."""

    ellipse: Ellipse
    unsure: FitUncertainty

    @classmethod
    def of(cls, ellipse: Ellipse, fit: FitUncertainty, edge_px: float) -> _Border:
        """`edge_px` : how far the border may lie from the steepest place of its blurred edge."""
        return cls(
            ellipse,
            FitUncertainty(
                center_px=math.hypot(fit.center_px, edge_px),
                diameter_px=math.hypot(fit.diameter_px, 2 * edge_px),
                axes_px=math.hypot(fit.axes_px, 2 * edge_px),
            ),
        )


@dataclass(frozen=True, slots=True)
class _Fiber:
    """The borders that were measured."""

    cladding: _Border
    core: _Border | None

    @classmethod
    def of(cls, geometry: FiberGeometry, settings: ScaleSettings) -> _Fiber:
        cladding, core = geometry.cladding, geometry.core
        edge_px = settings.edge_uncertainty_blurs * cladding.blur_px
        measured = None
        if core is not None and core.standard_uncertainty is not None:
            measured = _Border.of(core.ellipse, core.standard_uncertainty, edge_px)
        return cls(_Border.of(cladding.ellipse, cladding.standard_uncertainty, edge_px), measured)


def _lengths(
    fiber: _Fiber, axes: tuple[float, float] | None, unit: str, angled: bool | None, relative: float | None
) -> dict[str, Measured]:
    """Diameters and offset in one unit; `relative` is the standard uncertainty of the scale as share."""
    names = ("cladding_diameter", "core_diameter", "core_cladding_offset", "core_offset_x", "core_offset_y")
    values = dict.fromkeys((f"{name}_{unit}" for name in names), NOT_MEASURED)
    if axes is None:
        return values
    values[f"cladding_diameter_{unit}"] = _diameter_of(fiber.cladding, axes, angled, relative)
    if fiber.core is None:
        return values
    (x, y), per_px = _offset(fiber, axes), math.sqrt(axes[0] * axes[1])
    unsure = per_px * math.hypot(fiber.cladding.unsure.center_px, fiber.core.unsure.center_px)
    return values | {
        f"core_diameter_{unit}": _diameter_of(fiber.core, axes, angled, relative),
        f"core_cladding_offset_{unit}": Measured(math.hypot(x, y), expanded(unsure)),
        f"core_offset_x_{unit}": Measured(x, expanded(unsure)),
        f"core_offset_y_{unit}": Measured(y, expanded(unsure)),
    }


NOT_MEASURED = Measured(None)


def _diameter_of(border: _Border, axes: tuple[float, float], angled: bool | None, relative: float | None) -> Measured:
    value = _diameter(stretched(border.ellipse, axes), angled)
    unsure = math.sqrt(axes[0] * axes[1]) * border.unsure.diameter_px
    return Measured(value, expanded(math.hypot(unsure, value * (relative or 0.0))))


def _offset(fiber: _Fiber, axes: tuple[float, float]) -> tuple[float, float]:
    assert fiber.core is not None
    (x, y), (cx, cy) = fiber.core.ellipse.center_px, fiber.cladding.ellipse.center_px
    return (x - cx) * axes[0], (y - cy) * axes[1]


def _shapes(fiber: _Fiber, axes: tuple[float, float], angled: bool | None) -> dict[str, Measured]:
    """Non-circularities; of a face cut at an angle the tilt that explains the ellipse instead."""
    values = dict.fromkeys(("cladding_non_circularity_pct", "core_non_circularity_pct", "face_tilt_deg"), NOT_MEASURED)
    if angled:
        short, long = sorted(stretched(fiber.cladding.ellipse, axes).axes_px)
        return values | {"face_tilt_deg": Measured(math.degrees(math.acos(short / long)))}
    for name, border in (("cladding", fiber.cladding), ("core", fiber.core)):
        if border is not None:
            values[f"{name}_non_circularity_pct"] = _non_circularity_pct(border, axes)
    return values


def _non_circularity_pct(border: _Border, axes: tuple[float, float]) -> Measured:
    ellipse = stretched(border.ellipse, axes)
    short, long = sorted(ellipse.axes_px)
    unsure = border.unsure.axes_px / border.ellipse.mean_diameter_px
    return Measured(100 * (long - short) / ellipse.mean_diameter_px, expanded(100 * unsure))


def _scale_axes(
    fiber: _Fiber, scale: Scale, request: Request, settings: ScaleSettings
) -> tuple[tuple[float, float], float]:
    """Micrometres per pixel of both axes, and their relative standard uncertainty."""
    axes = (scale.um_per_px_x, scale.um_per_px_y)
    if not scale.rests_on_cladding:
        stated = scale.uncertainty
        return axes, settings.calibration_uncertainty_pct / 100 if stated is None else stated
    diameter_um = request.cladding_diameter_um or settings.assume_cladding_um
    assert diameter_um is not None, "a scale that is not calibrated comes from a diameter"
    fit = fiber.cladding.unsure.diameter_px / fiber.cladding.ellipse.mean_diameter_px
    return axes, math.hypot(tolerance_um(settings) / diameter_um, fit)


def tolerance_um(settings: ScaleSettings) -> float:
    """Standard uncertainty in um of a given cladding diameter, which may lie anywhere within its tolerance."""
    return settings.cladding_tolerance_um / math.sqrt(3)


def expanded(standard: float) -> float:
    """Expanded uncertainty (k = 2) of a standard one."""
    return COVERAGE_FACTOR * standard
