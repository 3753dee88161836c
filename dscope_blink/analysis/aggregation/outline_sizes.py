"""A mark of which no more than its outline is known, measured by the geometry and scale of a record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from dscope_blink.analysis.measuring import LINEAR, box_around, outline_length, outline_shape, zones_touched
from dscope_blink.analysis.seen_outline import SeenOutline
from dscope_blink.analysis.zoning import cladding_um, distances_px
from dscope_blink.records import Defect, FiberGeometry, Inspection, Points, Rectangle, Scale

COVERAGE_FACTOR = 2.0  # of the uncertainties: about 95 %
DRAWN_TO_PX = 1.0  # standard: how well anybody draws an outline in pixels
LEAST_AREA_PX = 1.0  # of an outline that is a point or a thread: a pixel
LONG_BOX = 3.0  # sides of a box that tell which way a line in it runs
STEP_PX = 2.0  # along an outline, at which its distances are taken


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of a mark in one unit of length, and how it lies."""

    length: float
    width: float
    diameter: float
    area: float
    orientation_deg: float
    bounds: Mapping[str, float]  # what length, width and diameter are at most, where only a box is known


def measured_outline(
    area: Any, kind: str, base: Inspection, confidence: float, detectors: tuple[str, ...], is_box: bool = False
) -> Defect:
    """A mark with this outline, measured as far as an outline tells.

    Parameters
    ----------
    area : shapely polygon in pixels of the picture of `base`; a line or a point where it is no more than that
    kind : what it is
    base : located, with its zones and scale
    confidence, detectors : of who says so
    is_box : no outline is known, and this is the box around it
    """
    geometry, scale = base.geometry, base.scale
    assert geometry is not None, "a face with zones is located"
    points = _outer(area)
    seen = SeenOutline(points, max(float(area.area), LEAST_AREA_PX), 0.0 if area.area >= LEAST_AREA_PX else 1.0)
    px = _sizes(seen, kind, (1.0, 1.0), is_box)
    middle = area.centroid
    place = _place_of(points, base, geometry)
    in_um = {} if scale is None else _in_micrometres(_scaled(px, seen, kind, scale, is_box), place, base, geometry)
    return Defect(
        id="",
        zone="",
        classification=kind,
        confidence=confidence,
        centroid_px=(middle.x, middle.y),
        contour_px=points,
        holes_px=tuple(_ring(ring) for ring in getattr(area, "interiors", ())),
        contrast=0.0,
        detected_by=detectors,
        features={},
        **_shape_of(seen, px),
        **place,
        **in_um,
    )


def _shape_of(seen: SeenOutline, sizes: Sizes) -> dict[str, Any]:
    """Box, rectangle and sizes in pixels, by the fields of a defect."""
    perimeter = max(outline_length(seen, (1.0, 1.0)) + math.pi * seen.short, 2 * math.sqrt(math.pi * sizes.area))
    (x, y), (w, h), angle = cv2.minAreaRect(seen.points.astype(np.float32))
    return {
        "bbox_px": box_around(seen.points, (seen.short / 2, seen.short / 2)),
        "rect": Rectangle((float(x), float(y)), (float(w) + seen.short, float(h) + seen.short), float(angle)),
        "area_px": sizes.area,
        "perimeter_px": perimeter,
        "length_px": sizes.length,
        "width_px": sizes.width,
        "diameter_px": sizes.diameter,
        "orientation_deg": sizes.orientation_deg,
        "circularity": min(4 * math.pi * sizes.area / perimeter**2, 1.0),
        "aspect_ratio": max(sizes.length / sizes.width, 1.0),
    }


def _place_of(outline: Points, base: Inspection, geometry: FiberGeometry) -> dict[str, Any]:
    """Distances from the centres and the zones touched, by the fields of a defect."""
    points, cladding, core = _points_on(outline, geometry), geometry.cladding.ellipse, geometry.core
    r_px = distances_px(points, cladding)
    core_px = r_px if core is None else distances_px(points, core.ellipse)
    return {
        "r_min_px": float(r_px.min()),
        "r_max_px": float(r_px.max()),
        "r_core_px": None if core is None else float(core_px.min()),
        "zones_touched": zones_touched(r_px, core_px, np.zeros(1, np.intp), base.zones)[0],
    }


def _points_on(outline: Points, geometry: FiberGeometry) -> Points:
    """Points all along an outline, and the centres of cladding and core where they lie within it."""
    ahead = np.roll(outline, -1, axis=0) - outline
    steps = max(math.ceil(float(np.abs(ahead).max()) / STEP_PX), 1)
    share = np.arange(steps)[:, None, None] / steps
    edges = [edge.ellipse.center_px for edge in (geometry.cladding, geometry.core) if edge is not None]
    around = outline.astype(np.float32)
    inside = [center for center in edges if cv2.pointPolygonTest(around, center, False) >= 0]
    return np.concatenate([(outline + share * ahead).reshape(-1, 2), np.reshape(inside, (-1, 2))])


def _outer(area: Any) -> Points:
    return _ring(area.exterior) if area.geom_type == "Polygon" else np.asarray(area.coords, np.float64)


def _ring(ring: Any) -> Points:
    """The points of a ring, the first not repeated at its end."""
    return np.asarray(ring.coords, np.float64)[:-1]


def _sizes(seen: SeenOutline, kind: str, axes: tuple[float, float], is_box: bool) -> Sizes:
    """With x and y scaled by `axes`."""
    shape = outline_shape(seen, axes)
    turn = float(shape.orientation_deg)
    if is_box:
        return _box_sizes(seen.points * axes, kind, turn)
    if kind in LINEAR and shape.line is not None:
        length, width = shape.line
        return Sizes(max(shape.length, length), width, shape.diameter, shape.area, turn, {})
    return Sizes(shape.length, shape.width, shape.diameter, shape.area, turn, {})


def _scaled(px: Sizes, seen: SeenOutline, kind: str, scale: Scale, is_box: bool) -> Sizes:
    """The sizes in um; only where pixels are not square it must be measured again."""
    x, y = scale.um_per_px_x, scale.um_per_px_y
    if x != y:
        return _sizes(seen, kind, (x, y), is_box)
    bounds = {name: bound * x for name, bound in px.bounds.items()}
    return Sizes(px.length * x, px.width * x, px.diameter * x, px.area * x * x, px.orientation_deg, bounds)


def _box_sizes(corners: Points, kind: str, turn_deg: float) -> Sizes:
    """What a box says of the mark in it: a line may run along its diagonal, and nobody knows how wide it is."""
    sides = np.maximum(np.ptp(corners, axis=0), 1e-9)
    long_side, short_side, diagonal = float(sides.max()), float(sides.min()), float(np.hypot(*sides))
    line = kind in LINEAR and long_side < LONG_BOX * short_side
    length = diagonal if line else long_side
    bounds = {"length": diagonal, "width": short_side, "diameter": diagonal}
    return Sizes(length, short_side, length, long_side * short_side, turn_deg, bounds)


def _in_micrometres(um: Sizes, place: Mapping[str, Any], base: Inspection, geometry: FiberGeometry) -> dict[str, Any]:
    """Sizes with their uncertainties, by the fields of a defect."""
    scale = base.scale
    assert scale is not None, "there are micrometres"
    um_per_px = cladding_um(geometry, base.request, scale) / geometry.cladding.ellipse.mean_diameter_px
    drawn_px = math.hypot(geometry.cladding.blur_px, DRAWN_TO_PX)
    drawn_um = COVERAGE_FACTOR * drawn_px * scale.um_per_px
    sizes = {"length": um.length, "width": um.width, "diameter": um.diameter}
    # of a box: how far below its short side the width lies nobody knows, nor how far up to the diagonal the others
    spans = {name: um.width if name == "width" else bound - sizes[name] for name, bound in um.bounds.items()}
    unsure = {f"{name}_um": math.hypot(drawn_um, spans.get(name, 0.0)) for name in sizes}
    return {
        **{f"{name}_um": size for name, size in sizes.items()},
        "area_um2": um.area,
        "r_min_um": place["r_min_px"] * um_per_px,
        "r_max_um": place["r_max_px"] * um_per_px,
        "uncertainty": {
            **unsure,
            "r_min_px": COVERAGE_FACTOR * math.hypot(drawn_px, geometry.cladding.standard_uncertainty.center_px),
        },
        "at_most": {f"{name}_um": bound + drawn_um for name, bound in um.bounds.items()},
    }
