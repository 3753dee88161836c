"""The fiber itself in numbers, the light of its parts beside each other, and the marks on it: features of a face."""

from __future__ import annotations

import math

import cv2
import numpy as np

from dscope_blink.image_processing.face_frame import FaceFrame, radii_px
from dscope_blink.image_processing.frame_zones import ZONES, FrameZones, frame_point
from dscope_blink.image_processing.zone_levels import robust_spread
from dscope_blink.records import Defect, Ellipse, FiberGeometry, Inspection
from dscope_blink.records.features import Feature, FeatureZone

SHAPE: tuple[Feature, ...] = (
    Feature("cladding_px", "px", "face", "picture", "diameter of the cladding in the picture"),
    Feature("edge_blur_px", "px", "face", "picture", "sigma of the cladding edge in the picture"),
    Feature("edge_blur", "thousandths", "face", "shape", "sigma of the cladding edge, in cladding radii"),
    Feature("edge_rms_px", "px", "face", "picture", "rms distance of the points of the cladding edge from its ellipse"),
    Feature("edge_support", "1", "face", "shape", "share of the cladding edge that is seen", scale=True),
    Feature("edge_step", "light", "face", "shape", "ferrule less cladding on either side of the edge", scale=True),
    Feature("seen", "1", "face", "picture", "share of the frame that the picture shows"),
    Feature("cladding_non_circularity", "1", "face", "shape", "difference of the axes of the cladding over their mean"),
    Feature("core_non_circularity", "1", "face", "shape", "difference of the axes of the core over their mean"),
    Feature("core_ratio", "1", "face", "shape", "measured diameter of the core over that of the cladding", scale=True),
    Feature(
        "core_offset", "1", "face", "shape", "between the centres of core and cladding, in cladding radii", scale=True
    ),
    Feature(
        "core_to_cladding", "1", "face", "ratios", "light of the core over that of the cladding, medians", scale=True
    ),
    Feature(
        "ferrule_to_cladding",
        "1",
        "face",
        "ratios",
        "light of the ferrule over that of the cladding, medians",
        scale=True,
    ),
    Feature(
        "core_noise", "share of light", "face", "picture", "noise of the core over its light: finest texture, robust"
    ),
    Feature("cladding_noise", "share of light", "face", "picture", "the same of the cladding"),
    Feature("ferrule_noise", "share of light", "face", "picture", "the same of the ferrule"),
    Feature("slope_along", "light/radius", "face", "slope", "slope of the light of the fiber along x", False),
    Feature("slope_down", "light/radius", "face", "slope", "slope of the light of the fiber along y", False),
    Feature("slope", "light/radius", "face", "slope", "steepest slope of the light of the fiber", scale=True),
)
MARKS: tuple[tuple[str, str, str], ...] = (
    ("marks", "number", "marks of the classical engine"),
    ("marks_area", "1", "area of these marks over that of the cladding"),
    ("marks_largest", "1", "largest diameter of these marks over that of the cladding"),
)
FINEST_PX = 1.0  # sigma of the Gaussian that noise is what is left of


def _marks(zone: FeatureZone) -> tuple[Feature, ...]:
    return tuple(
        Feature(f"{zone}_{name}", unit, zone, "marks", f"{says}, by their middles") for name, unit, says in MARKS
    )


FEATURES: tuple[Feature, ...] = (*SHAPE, *(mark for zone in ZONES for mark in _marks(zone)))


def shape_features(
    zones: FrameZones, face: FaceFrame, geometry: FiberGeometry, inspection: Inspection | None
) -> list[float]:
    """FEATURES of a face; NaN what is not seen or not given."""
    return [*_shape(zones, face, geometry), *_of_marks(zones, face, geometry, inspection)]


def _shape(zones: FrameZones, face: FaceFrame, geometry: FiberGeometry) -> list[float]:
    cladding, fit = geometry.cladding.ellipse, geometry.cladding
    measured = geometry.core if geometry.core is not None and geometry.core.source == "measured" else None
    core, around, ferrule = (_median(zones, name) for name in ZONES)
    slope = _slope(zones)
    return [
        cladding.area_diameter_px,
        fit.blur_px,
        1000 * fit.blur_px / (cladding.area_diameter_px / 2),
        fit.rms_px,
        fit.support,
        ferrule - around,
        zones.seen,
        _non_circularity(cladding),
        math.nan if measured is None else _non_circularity(measured.ellipse),
        math.nan if measured is None else measured.ellipse.area_diameter_px / cladding.area_diameter_px,
        math.nan if measured is None or zones.core_offset_px is None else zones.core_offset_px / face.radius_px,
        core / around,
        ferrule / around,
        *_noises(zones),
        *slope,
        math.hypot(*slope),
    ]


def _non_circularity(ellipse: Ellipse) -> float:
    return abs(ellipse.axes_px[0] - ellipse.axes_px[1]) / ellipse.mean_diameter_px


def _median(zones: FrameZones, name: str) -> float:
    mask = zones.masks[name]
    return float(np.median(zones.light[mask])) if mask.any() else math.nan


def _noises(zones: FrameZones) -> list[float]:
    fine = zones.light - cv2.GaussianBlur(zones.light, (0, 0), FINEST_PX)
    return [
        robust_spread(fine[mask]) / _median(zones, name) if (mask := zones.masks[name]).any() else math.nan
        for name in ZONES
    ]


def _slope(zones: FrameZones) -> tuple[float, float]:
    """By least squares over core and cladding, what is far out brought in: no mark bends it."""
    mask = zones.masks["core"] | zones.masks["cladding"]
    if not mask.any():
        return math.nan, math.nan
    half = len(radii_px(zones.radius_px)) // 2
    down, along = ((place - half) / zones.radius_px for place in np.nonzero(mask))
    values = zones.apart[mask]
    reach = 3 * robust_spread(values)
    values = np.clip(values, -reach, reach).astype(np.float64)
    waves = np.stack([along, down, np.ones_like(along)])
    found = np.linalg.solve(waves @ waves.T, waves @ values)
    return float(found[0]), float(found[1])


def _of_marks(
    zones: FrameZones, face: FaceFrame, geometry: FiberGeometry, inspection: Inspection | None
) -> list[float]:
    if inspection is None or not inspection.was_measured:
        return [math.nan] * (len(ZONES) * len(MARKS))
    placed: dict[str, list[Defect]] = {name: [] for name in ZONES}
    for mark in inspection.defects:
        placed[_zone_of(math.hypot(*frame_point(face, mark.centroid_px)), zones)].append(mark)
    size = geometry.cladding.ellipse.area_diameter_px
    values: list[float] = []
    for marks in placed.values():
        area = sum(mark.area_px for mark in marks) / (math.pi / 4 * size**2)
        values += [float(len(marks)), area, max((mark.diameter_px for mark in marks), default=0.0) / size]
    return values


def _zone_of(radius_px: float, zones: FrameZones) -> str:
    if zones.core_px is not None and radius_px <= zones.core_px:
        return "core"
    return "cladding" if radius_px <= zones.radius_px else "ferrule"
