"""Whether the numbers of a stored record follow from each other; needs no pixels.

The sizes of a mark follow from its outline and the scale, its place from its outline and the fiber, the dimensions of
the fiber from its ellipses and the scale. A record rounds them, so that each is held against the others within that
rounding, and where a blur was taken out of an outline, within what that may leave.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import cv2
import numpy as np

from dscope_blink.analysis.dimensions import departure_from_cladding, measure_geometry
from dscope_blink.analysis.zoning import distances_px
from dscope_blink.config.settings import ScaleSettings
from dscope_blink.records import DECIMALS, Defect, Ellipse, FiberGeometry, Inspection, Measured, Scale

SIZES = ("length", "width", "diameter")
LAST_PX, LAST_UM = (10.0 ** -DECIMALS[unit] for unit in ("px", "um"))  # the last digit that a record keeps
SAME_SCALE = 1e-4  # of a fiber that is 100 px wide: ten times what the rounding of its ellipse comes to
# What taking the blur out of an outline leaves, with room to spare: of 2,202 marks of 104 faces none was more than
# 0.25 px narrower than the circle around its outline, and none reached 3 px + 0.5 blurs less far in than that.
CIRCLE_PX, CIRCLE_SHARE = 1.0, 0.02
NEAR_PX, NEAR_BLURS = 4.0, 2.0
BOX_SHARE, FILLED_SHARE = 1.01, 2.0  # an area is at most its length x width, that of an outline 1.5 times itself
LONG = 2.0  # times as long as wide: the sides of the box around it cannot be taken for each other


def contradictions(face: Inspection, settings: ScaleSettings, *, merged: bool = False) -> Iterator[str]:
    """What does not follow, in words, each with its place in the record.

    Parameters
    ----------
    face : as it was stored
    settings : of the scale, for a face of which nobody says whether it is cut at an angle
    merged : whether its marks were brought together from several sources, whose outlines are not those of its sizes
    """
    yield from _of_scale(face)
    yield from _of_dimensions(face, settings)
    for mark in face.defects:
        if face.scale is not None:
            yield from _of_sizes(mark, face.scale)
        if merged:
            continue
        if not len(mark.contour_px):
            yield f"mark {mark.id}: contour_px is empty"
        elif face.geometry is not None:
            yield from _of_outline(mark, face.geometry, max(face.quality.search_pixel_px or 1.0, 1.0))


def _of_scale(face: Inspection) -> Iterator[str]:
    """The scale of a fiber of known diameter is that diameter over the one in the picture."""
    known_um, scale, geometry = face.request.cladding_diameter_um, face.scale, face.geometry
    if known_um is None or scale is None or geometry is None or scale.source != "user_cladding":
        return
    if departure_from_cladding(scale, geometry.cladding.ellipse, known_um) > SAME_SCALE:
        yield f"scale: {scale.um_per_px:g} um/px do not make the cladding {known_um:g} um wide"


def _of_dimensions(face: Inspection, settings: ScaleSettings) -> Iterator[str]:
    if face.geometry is None or not face.measurements:
        return
    asked = face.request.fiber_is_angled
    angles = (asked,) if asked is not None else (settings.fiber_is_angled, True, False)
    found = [tuple(_otherwise(face, face.geometry, settings, angled)) for angled in dict.fromkeys(angles)]
    yield from min(found, key=len)


TOLD = ("cladding_diameter", "core_diameter", "core_cladding_offset", "core_offset_x", "core_offset_y")


def _otherwise(
    face: Inspection, geometry: FiberGeometry, settings: ScaleSettings, angled: bool | None
) -> Iterator[str]:
    measured = _measured(face, geometry, settings, angled)
    um_per_px = 0.0 if face.scale is None else max(face.scale.um_per_px_x, face.scale.um_per_px_y)
    for name, per_px, last in (
        *((f"{t}_px", 1.0, LAST_PX) for t in TOLD),
        *((f"{t}_um", um_per_px, LAST_UM) for t in TOLD),
    ):
        stored, again = face.measured(name).value, measured[name].value
        if stored is None:  # a record of before has fewer
            continue
        if again is None or abs(stored - again) > last + 4 * per_px * LAST_PX + 1e-5 * abs(again):
            yield f"geometry.{name}: {stored} does not follow from ellipses and scale, which give {_told(again)}"


def _measured(
    face: Inspection, geometry: FiberGeometry, settings: ScaleSettings, angled: bool | None
) -> Mapping[str, Measured]:
    return measure_geometry(geometry, face.scale, replace(face.request, fiber_is_angled=angled), settings)


def _told(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _of_sizes(mark: Defect, scale: Scale) -> Iterator[str]:
    """Micrometres are pixels by the scale; where these are not square, by one between those of both axes."""
    low, high = sorted((scale.um_per_px_x, scale.um_per_px_y))
    square, is_long = math.isclose(low, high, rel_tol=1e-6), mark.length_px >= LONG * mark.width_px
    for name in SIZES:
        apart = 1.0 if square and (is_long or name == "diameter") else 2.0  # a blur is round where pixels are not
        size_px, size_um = getattr(mark, f"{name}_px"), getattr(mark, f"{name}_um")
        least, most = (size_px - LAST_PX) * low / apart - LAST_UM, (size_px + LAST_PX) * high * apart + LAST_UM
        if size_um is not None and not least <= size_um <= most:
            yield f"mark {mark.id}: {name}_um {size_um:g} is not its {name}_px {size_px:g} by the scale"


def _of_outline(mark: Defect, geometry: FiberGeometry, pixel_px: float) -> Iterator[str]:
    """The outline is that of the sizes that are judged: no mark is smaller, and none lies further out."""
    outline = mark.contour_px.astype(np.float32)
    circle_px, filled_px = 2 * cv2.minEnclosingCircle(outline)[1], cv2.contourArea(outline)
    if mark.diameter_px < circle_px * (1 - CIRCLE_SHARE) - CIRCLE_PX * pixel_px:
        yield f"mark {mark.id}: diameter_px {mark.diameter_px:g} is less than its outline is wide, {circle_px:.1f}"
    holes_px = sum(cv2.contourArea(hole.astype(np.float32)) for hole in mark.holes_px)
    if filled_px - holes_px > FILLED_SHARE * mark.area_px + 4 * pixel_px**2:
        yield f"mark {mark.id}: area_px {mark.area_px:g} is less than its outline holds, {filled_px - holes_px:.1f}"
    if mark.area_px > BOX_SHARE * mark.length_px * mark.width_px + pixel_px**2:
        yield f"mark {mark.id}: length_px x width_px are less than its area_px, {mark.area_px:g}"
    near_px = NEAR_PX * pixel_px + NEAR_BLURS * geometry.cladding.blur_px
    core = geometry.core
    places = {"r_min_px": geometry.cladding.ellipse, "r_core_px": None if core is None else core.ellipse}
    for name, ellipse in places.items():
        stored = getattr(mark, name)
        if ellipse is not None and stored is not None and stored > _nearest_px(mark, ellipse) + near_px:
            yield f"mark {mark.id}: {name} {stored:g}, its outline comes as near as {_nearest_px(mark, ellipse):.1f}"


def _nearest_px(mark: Defect, ellipse: Ellipse) -> float:
    return float(distances_px(mark.contour_px, ellipse).min())
