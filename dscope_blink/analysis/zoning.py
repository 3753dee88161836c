"""Where the zones of the criteria lie on a located face, and which of them a mark belongs to; needs no pixels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import (
    DECIMALS,
    Clipping,
    Criteria,
    Defect,
    Ellipse,
    FiberGeometry,
    Points,
    Request,
    Scale,
    ZoneCriteria,
    ZoneOutline,
    ZoneRule,
    stretched,
    to_form,
)


def cladding_um(geometry: FiberGeometry, request: Request, scale: Scale) -> float:
    """Mean diameter that the fitted cladding stands for: the known one, else as the scale has it."""
    axes = (scale.um_per_px_x, scale.um_per_px_y)
    return request.cladding_diameter_um or stretched(geometry.cladding.ellipse, axes).mean_diameter_px


def zone_outlines(
    geometry: FiberGeometry, criteria: Criteria, request: Request, scale: Scale | None
) -> tuple[ZoneOutline, ...]:
    """The outer border of each zone of the criteria in the picture, of the shape of the cladding or of the core.

    Without a scale the zones are the detected core, the cladding, and the ferrule out to twice the cladding. A zone
    that is measured from a core that is neither seen nor known, or that a small fiber leaves nothing of, is left out.
    """
    cladding = geometry.cladding.ellipse
    if scale is None:
        core = () if geometry.core is None else (ZoneOutline("A", geometry.core.ellipse, "core"),)
        return (*core, ZoneOutline("B", cladding), ZoneOutline("D", cladding.scaled(2.0)))
    fiber_um = cladding_um(geometry, request, scale)
    outlines = (_zone_outline(zone, geometry, fiber_um) for zone in criteria.zones)
    return tuple(outline for outline in outlines if outline is not None)


def _zone_outline(zone: ZoneCriteria, geometry: FiberGeometry, fiber_um: float) -> ZoneOutline | None:
    cladding = geometry.cladding.ellipse
    border = zone.outer
    if border.of != "core":
        outer_um = border.plus_um if border.of == "fixed" else border.times * fiber_um + border.plus_um
        return ZoneOutline(zone.zone, cladding.scaled(outer_um / fiber_um)) if outer_um > 0 else None
    if geometry.core is None:
        return None
    core, px_per_um = geometry.core.ellipse, cladding.mean_diameter_px / fiber_um
    factor = border.times + border.plus_um * px_per_um / core.mean_diameter_px
    return ZoneOutline(zone.zone, core.scaled(factor), "core") if factor > 0 else None


def with_seen(
    outlines: Sequence[ZoneOutline], width: int, height: int, rule: Literal["area", "border"]
) -> tuple[ZoneOutline, ...]:
    """The zones with the share of each that lies in a picture of the given size.

    Parameters
    ----------
    outlines : from the innermost to the outermost
    rule : "area" asks for that of the zone, from the border of the zone inside it to its own: there the marks lie;
        "border" for the length of its outer border alone
    """
    if rule == "border":
        return tuple(replace(outline, seen=border_seen(outline.outer, width, height)) for outline in outlines)
    reached = [(0.0, 0.0), *((_area(o.outer), area_seen(o.outer, width, height)) for o in outlines)]
    rings = ((whole - inner, seen - hole) for (inner, hole), (whole, seen) in pairwise(reached))
    shares = (min(max(seen / whole, 0.0), 1.0) if whole > 0 else 1.0 for whole, seen in rings)
    return tuple(replace(outline, seen=share) for outline, share in zip(outlines, shares, strict=True))


def area_seen(ellipse: Ellipse, width: int, height: int) -> float:
    """Square pixels of an ellipse that lie in a picture of the given size, to 1e-5 of the ellipse.

    Its rows are integrated over the angle whose sine is the height of the row: their lengths go with the cosine.
    """
    (cx, cy), (w, h) = ellipse.center_px, ellipse.extent_px
    if w / 2 <= cx + 0.5 <= width - w / 2 and h / 2 <= cy + 0.5 <= height - h / 2:
        return _area(ellipse)
    _, _, p, q, _ = to_form(ellipse)
    first, last = np.arcsin(np.clip((np.array([0, height]) - 0.5 - cy) / (h / 2), -1, 1))
    t = first + (np.arange(720) + 0.5) * ((last - first) / 720)
    middle, half = cx - q / p * np.sin(t) * h / 2, np.cos(t) / math.sqrt(p)
    left, right = (np.clip(middle + side, -0.5, width - 0.5) for side in (-half, half))
    return float((right - left) @ np.cos(t)) * h / 2 * float(last - first) / 720


def _area(ellipse: Ellipse) -> float:
    return math.pi / 4 * ellipse.axes_px[0] * ellipse.axes_px[1]


def border_seen(ellipse: Ellipse, width: int, height: int) -> float:
    """Share of the border of an ellipse that lies in a picture of the given size."""
    (cx, cy), (w, h) = ellipse.center_px, ellipse.extent_px
    if w / 2 <= cx <= width - 1 - w / 2 and h / 2 <= cy <= height - 1 - h / 2:
        return 1.0
    x, y = _border(ellipse, 720).T
    return float(((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).mean())


def _border(ellipse: Ellipse, count: int) -> Points:
    t, turn = np.linspace(0, 2 * math.pi, count, endpoint=False), math.radians(ellipse.angle_deg)
    u, v = ellipse.axes_px[0] / 2 * np.cos(t), ellipse.axes_px[1] / 2 * np.sin(t)
    x, y = u * math.cos(turn) - v * math.sin(turn), u * math.sin(turn) + v * math.cos(turn)
    return np.stack([x, y], axis=1) + ellipse.center_px


def contains(outer: ZoneOutline, inner: ZoneOutline) -> bool:
    """Whether the border of one zone lies nowhere outside that of another, but for the rounding of a record."""
    return bool(distances_px(_border(inner.outer, 72), outer.outer).max() <= outer.radius_px + SAME_PX)


SAME_PX = 0.01  # more than the rounding of a record, angles included, far less than a pixel


def clipped_share(clipping: Clipping, inner: float, outer: float) -> float:
    """Share of the pixels from `inner` to `outer` cladding radii in which no mark can be seen; rings count in part."""
    edges = np.arange(len(clipping.pixels)) * clipping.ring_width
    parts = np.clip((outer - edges) / clipping.ring_width, 0, 1) - np.clip((inner - edges) / clipping.ring_width, 0, 1)
    pixels = float(parts @ np.array(clipping.pixels))
    return float(parts @ np.array(clipping.clipped)) / pixels if pixels > 0 else 0.0


# --- marks ------------------------------------------------------------------------------------------------------------


def distances_px(points: Points, ellipse: Ellipse) -> NDArray[np.float64]:
    """Distances from the centre of an ellipse, in shares of the ellipse times its mean radius, as a record keeps them.

    Parameters
    ----------
    points : (N, 2), x and y in pixels

    Returns
    -------
    (N,) : the mean radius for a point on the ellipse, whatever its shape
    """
    cx, cy, p, q, s = to_form(ellipse)
    x, y = points[:, 0] - cx, points[:, 1] - cy
    form = p * x * x + 2 * q * x * y + s * y * y
    shares: NDArray[np.float64] = np.sqrt(np.maximum(form, 0.0)) * ellipse.mean_diameter_px / 2
    return np.round(shares, DECIMALS["px"])


def zone_of(defect: Defect, outlines: Sequence[ZoneOutline], rule: ZoneRule) -> str | None:
    """Name of the zone that a mark belongs to.

    Parameters
    ----------
    defect : with its distances from the centres of cladding and core
    outlines : the zones, from the innermost to the outermost
    rule : "touched" puts it in the innermost zone that it touches, "centroid" in that of its centroid, or in the
        outermost when its centroid lies beyond them all

    Returns
    -------
    None when the mark lies beyond all zones
    """
    index = _zone_index(defect, outlines, rule, 0.0)
    return None if index is None else outlines[index].name


def possible_zones(
    defect: Defect, outlines: Sequence[ZoneOutline], rule: ZoneRule, unsure_px: float
) -> tuple[str | None, ...]:
    """What `zone_of` says of a mark that lies up to `unsure_px` further in or out, and all zones between these."""
    ends = (_zone_index(defect, outlines, rule, shift) for shift in (-unsure_px, unsure_px))
    first, last = (len(outlines) if index is None else index for index in ends)
    names = (*(outline.name for outline in outlines), None)
    return names[first : last + 1]


def _zone_index(defect: Defect, outlines: Sequence[ZoneOutline], rule: ZoneRule, shift_px: float) -> int | None:
    nearest = (defect.r_core_px if outline.around == "core" else defect.r_min_px for outline in outlines)
    touched = _innermost(nearest, outlines, shift_px)
    if rule == "touched" or touched is None:
        return touched
    centroid = np.array([defect.centroid_px])
    inner = _innermost((float(distances_px(centroid, o.outer)[0]) for o in outlines), outlines, shift_px)
    return len(outlines) - 1 if inner is None else inner


def _innermost(places: Iterable[float | None], outlines: Sequence[ZoneOutline], shift_px: float) -> int | None:
    reached = (at is not None and at + shift_px <= o.radius_px for at, o in zip(places, outlines, strict=True))
    return next((k for k, inside in enumerate(reached) if inside), None)
