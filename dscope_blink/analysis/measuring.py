"""Candidates -> measured, classified defects; the only place where pixels become micrometres."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.analysis import dimensions
from dscope_blink.analysis.classification import class_probabilities, likeliest
from dscope_blink.analysis.disc_diameter import unblurred_diameter
from dscope_blink.analysis.line_width import unblurred_width
from dscope_blink.analysis.mark_features import features_of
from dscope_blink.analysis.seen_outline import SeenOutline, mask_outline, moved_inwards, seen_outline
from dscope_blink.analysis.through_blur import NARROWEST
from dscope_blink.analysis.zoning import cladding_um, distances_px
from dscope_blink.config.settings import Config, ScaleSettings, SizeUncertainties, SizeUncertainty
from dscope_blink.records import (
    ID_LETTERS,
    JUDGED,
    ZONE_NAMES,
    Candidate,
    Defect,
    FiberGeometry,
    Points,
    Rectangle,
    Request,
    Residual,
    Scale,
    ZoneOutline,
    as_recorded,
)


@dataclass(frozen=True, slots=True)
class OutlineShape:
    """Sizes of one mark as it is seen, in one unit of length."""

    area: float
    length: float  # sides of the minimum-area rectangle
    width: float
    diameter: float
    orientation_deg: float
    line: tuple[float, float] | None  # length and width along the mark, where it is a ribbon, straight or curved


LINEAR = ("scratch", "crack")


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Sizes of one mark with the blur taken out, in one unit of length."""

    length: float
    width: float
    diameter: float
    area: float
    along: bool = False  # whether they are those of a line

    @classmethod
    def of(cls, shape: OutlineShape, kind: str, blur: float) -> _Sizes:
        """Of a line along it, else of rectangle and circle; of a chip, where blur is 0, as it is seen."""
        lost = TIP_BLURS * blur * min(shape.length / shape.width - 1, MOST_TIP)
        if kind in LINEAR and shape.line is not None:
            length, width = shape.line
            true_width = unblurred_width(width, blur)
            return cls(
                max(shape.length, length) + lost,
                true_width,
                shape.diameter + lost,
                shape.area * true_width / width,
                True,
            )
        length, diameter = (unblurred_diameter(size, blur) + lost for size in (shape.length, shape.diameter))
        width = unblurred_diameter(shape.width, blur)
        return cls(length, width, diameter, shape.area * length * width / (shape.length * shape.width))


# The tips of a mark longer than wide are rounder than its sides, and a blur takes more of them: of ellipses 3 to 6
# blurs wide that are 1.3 to 2 times as long, so much for each time.
TIP_BLURS, MOST_TIP = 0.4, 2.0


@dataclass(frozen=True, slots=True)
class _Mark:
    """One candidate with all that is measured of it in pixels of the working picture."""

    candidate: Candidate
    cut: SeenOutline  # as the search cut it out, by which it is classified
    seen: SeenOutline  # by which it is sized
    contrast: float
    blur_px: float  # sigma with which `seen` shows its edges; 0: they are taken as they are
    peak_snr: float
    features: Mapping[str, float]


def measure(candidates: Iterable[Candidate], field: Residual, face: LocatedFace, config: Config) -> tuple[Defect, ...]:
    """Measure and classify the marks of one picture, and tell which zones each touches.

    Parameters
    ----------
    candidates : regions in pixels of the working picture
    field : residual that they were found on
    face : the located fiber, its scale and zones
    config : limits of measurement and classification, weights of the detectors

    Returns
    -------
    Defects without ids, and without the zone that the criteria put each in; marks outside all zones are left out. What
    a verdict rests on is as a stored record gives it back.
    """
    candidates = tuple(candidates)
    placed = zip(candidates, _places(candidates, field, face), strict=True)
    marks = [(_mark(candidate, field, config), place) for candidate, place in placed if place.touched]
    seen = [mark.candidate.kinds for mark, _ in marks]
    chances = class_probabilities([mark.features for mark, _ in marks], config.classification, seen)
    return tuple(
        as_recorded(_defect(mark, place, kinds, field, face, config), *JUDGED)
        for (mark, place), kinds in zip(marks, chances, strict=True)
    )


@dataclass(frozen=True, slots=True)
class LocatedFace:
    """What the sizes and places of marks are measured by."""

    geometry: FiberGeometry
    zones: tuple[ZoneOutline, ...]
    scale: Scale | None  # without it all `_um` values are None
    um_per_radial_px: float | None  # of distances from the centre, which are shares of the cladding
    scale_uncertainty: float  # relative, standard; 0 without a scale
    center_uncertainty_px: float  # standard

    @classmethod
    def of(
        cls,
        geometry: FiberGeometry,
        zones: tuple[ZoneOutline, ...],
        scale: Scale | None,
        request: Request,
        settings: ScaleSettings,
    ) -> LocatedFace:
        if scale is None:
            return cls(geometry, zones, None, None, 0.0, 0.0)
        um_per_px = cladding_um(geometry, request, scale) / geometry.cladding.ellipse.mean_diameter_px
        unsure = dimensions.scale_uncertainty(geometry, scale, request, settings)
        return cls(geometry, zones, scale, um_per_px, unsure, dimensions.center_uncertainty_px(geometry, settings))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the pixels of a mark lie; distances as zoning.distances_px has them."""

    touched: tuple[str, ...]  # names of zones
    r_min_px: float
    r_max_px: float
    r_core_px: float | None
    centroid_px: tuple[float, float]  # in the stored picture


def _places(candidates: Sequence[Candidate], field: Residual, face: LocatedFace) -> list[_Place]:
    """Of all marks in one computation: for each alone, calls would take ten times as long as the sums."""
    if not candidates:
        return []
    pixels = [_pixels(candidate) for candidate in candidates]
    points = _in_picture(np.concatenate(pixels, axis=1).T, field.pixel_px)  # of one mark after the other
    counts = np.array([own.shape[1] for own in pixels])
    starts = np.cumsum(counts) - counts
    cladding, core = face.geometry.cladding.ellipse, face.geometry.core
    r_px = distances_px(points, cladding)
    core_px = r_px if core is None else distances_px(points, core.ellipse)
    columns = (
        zones_touched(r_px, core_px, starts, face.zones),
        np.minimum.reduceat(r_px, starts).tolist(),
        np.maximum.reduceat(r_px, starts).tolist(),
        [None] * len(pixels) if core is None else np.minimum.reduceat(core_px, starts).tolist(),
        map(tuple, (np.add.reduceat(points, starts) / counts[:, None]).tolist()),
    )
    return [_Place(*of_mark) for of_mark in zip(*columns, strict=True)]


def _pixels(candidate: Candidate) -> NDArray[np.float64]:
    """x and y of its pixels in the working picture; (2, pixels)."""
    rows, columns = candidate.mask.nonzero()
    x, y, _, _ = candidate.bbox_px
    return np.array([columns + x, rows + y], np.float64)


def zones_touched(
    r_px: NDArray[np.float64], core_px: NDArray[np.float64], starts: NDArray[np.intp], zones: Sequence[ZoneOutline]
) -> list[tuple[str, ...]]:
    """Zones that hold a pixel at these distances from the centres of cladding and core; the innermost one holds it.

    `starts` says where the pixels of each mark begin.
    """
    left, touched = np.ones(r_px.shape, bool), []
    for zone in zones:
        inside = left & ((core_px if zone.around == "core" else r_px) <= zone.radius_px)
        touched.append(np.logical_or.reduceat(inside, starts).tolist())
        left &= ~inside
    names = [zone.name for zone in zones]
    return [tuple(compress(names, by_zone)) for by_zone in zip(*touched, strict=True)]


def _mark(candidate: Candidate, field: Residual, config: Config) -> _Mark:
    x, y, w, h = candidate.bbox_px
    wx, wy = x - field.origin_px[0], y - field.origin_px[1]
    here = np.s_[wy : wy + h, wx : wx + w]
    settings = config.measurement
    cut = mask_outline(candidate, settings.join_px)
    gray, background = field.gray[here], np.maximum(field.background[here], settings.darkest_level)
    relative = np.where(candidate.mask, cv2.GaussianBlur(gray, (0, 0), 0.8) / background, 0)
    peak = relative.ravel()[int(np.argmax(np.abs(relative)))]
    contrast = float(peak if candidate.sum_snr is None else relative[candidate.mask].mean())
    peak_snr = float(np.abs(field.snr[here][candidate.mask]).max()) if candidate.sum_snr is None else candidate.sum_snr
    peak_snr = max(peak_snr, 1e-6)
    features = dict(features_of(candidate, cut.points, relative, field, contrast, peak_snr))
    features["aspect_ratio"] = _aspect_ratio(cut, features["thickness_px"], field.pixel_px)
    if candidate.on_edge:  # the edge of the fiber is part of what is left there
        return _Mark(candidate, cut, cut, contrast, 0.0, peak_snr, features)
    if candidate.sum_snr is not None:  # no single pixel of it stands out, and half of its height is lost in the noise
        return _Mark(candidate, cut, cut, contrast, field.blur_px, peak_snr, features)
    seen = seen_outline(candidate, field, config)
    return _Mark(candidate, cut, seen, contrast, field.blur_px, peak_snr, features)


def _aspect_ratio(cut: SeenOutline, thickness_px: float, axes: tuple[float, float]) -> float:
    """Length over width by the thickest place: two specks that touch are no line, however long the outline is."""
    shape = outline_shape(cut, axes)
    along, across = shape.line or (shape.length, shape.width)
    thickness = max(thickness_px * math.sqrt(axes[0] * axes[1]), across)
    return max(along, shape.length) / thickness


def outline_shape(seen: SeenOutline, axes: tuple[float, float]) -> OutlineShape:
    """Sizes with x and y scaled by `axes`: (1, 1) for pixels, micrometres per pixel for micrometres."""
    unit = math.sqrt(axes[0] * axes[1])
    short = seen.short * unit
    points = (seen.points * axes).astype(np.float32)
    diameter = 2 * cv2.minEnclosingCircle(points)[1] + short
    _, sides, angle = cv2.minAreaRect(points)
    long_side, short_side = (max(side + short, THINNEST_PX * unit) for side in (max(sides), min(sides)))
    area = seen.area * axes[0] * axes[1]
    run = _run_length(seen, area, axes)
    orientation = (angle if sides[0] >= sides[1] else angle + 90) % 180
    ribbon = MIN_LINEAR_ASPECT * area / run <= run <= MAX_CURL * diameter and not _is_ring(points, area)
    return OutlineShape(area, long_side, short_side, diameter, orientation, (run, area / run) if ribbon else None)


THINNEST_PX = 0.5  # what pixels of the search still tell from a line without a width


def _is_ring(outline: NDArray[np.float32], area: float) -> bool:
    """Whether most of what lies inside the outline is no part of the mark: it closes around something."""
    return cv2.contourArea(outline) > 2 * area


MIN_LINEAR_ASPECT = 2.0  # above it length and width are taken along the mark, which may be curved
MAX_CURL = (
    1.6  # half a circle is pi / 2 times as long as its chord; longer than that is the outline of a branched stain
)


def _run_length(seen: SeenOutline, area: float, axes: tuple[float, float]) -> float:
    """Length of the ribbon with this outline and area: half the outline is length plus width, area their product."""
    half = outline_length(seen, axes) / 2 + 2 * seen.short * math.sqrt(axes[0] * axes[1])
    half = max(half, 2 * math.sqrt(area))  # no ribbon is shorter around than a square
    return (half + math.sqrt(max(half * half - 4 * area, 0.0))) / 2


def outline_length(seen: SeenOutline, axes: tuple[float, float]) -> float:
    """Length of the outline with x and y scaled by `axes`, without the stairs of the pixel grid."""
    smooth = cv2.approxPolyDP(seen.points.astype(np.float32), SMOOTHING_PX, True).reshape(-1, 2) * axes
    return float(cv2.arcLength(smooth.astype(np.float32), True))


SMOOTHING_PX = 1.0  # takes off an outline the stairs of the pixel grid, which lengthen a line at 30 degrees by a fifth


def _defect(
    mark: _Mark, place: _Place, chances: Mapping[str, float], field: Residual, face: LocatedFace, config: Config
) -> Defect:
    defect = _in_pixels(mark, place, chances, field, config)
    return defect if face.scale is None else _with_micrometres(defect, mark, field, face, face.scale, config)


def _in_pixels(mark: _Mark, place: _Place, chances: Mapping[str, float], field: Residual, config: Config) -> Defect:
    (fx, fy), settings = field.pixel_px, config.classification
    unit = math.sqrt(fx * fy)
    kind = likeliest(chances)
    px = outline_shape(mark.seen, (fx, fy))
    sizes = _Sizes.of(px, kind, mark.blur_px * unit)
    true = _true_outline(mark.seen, px, sizes, field.pixel_px)
    outline_px = outline_length(true, (1.0, 1.0)) + math.pi * unit * mark.seen.short
    perimeter = max(outline_px, 2 * math.sqrt(math.pi * true.area))  # nothing of that area has a shorter one
    contour = true.points
    centre, size, angle = cv2.minAreaRect(contour.astype(np.float32))
    short = mark.seen.short
    return Defect(
        id="",
        zone="",
        classification=kind,
        confidence=_confidence(mark.candidate, kind, config),
        centroid_px=place.centroid_px,
        bbox_px=box_around(contour, (fx * short / 2, fy * short / 2)),
        contour_px=contour,
        holes_px=true.holes,
        rect=Rectangle(
            (float(centre[0]), float(centre[1])),
            (float(size[0]) + fx * short, float(size[1]) + fy * short),
            float(angle),
        ),
        area_px=true.area,
        perimeter_px=perimeter,
        length_px=sizes.length,
        width_px=sizes.width,
        diameter_px=sizes.diameter,
        r_min_px=place.r_min_px,
        r_max_px=place.r_max_px,
        r_core_px=place.r_core_px,
        orientation_deg=px.orientation_deg,
        circularity=min(4 * math.pi * true.area / perimeter**2, 1.0),
        aspect_ratio=max(sizes.length / sizes.width, 1.0),
        contrast=mark.contrast,
        zones_touched=place.touched,
        detected_by=tuple(n for n, share in mark.candidate.evidence.items() if share >= settings.min_agreement),
        features=mark.features,
        evidence=mark.candidate.evidence,
        class_probabilities=chances,
    )


def _true_outline(seen: SeenOutline, shape: OutlineShape, sizes: _Sizes, pixel_px: tuple[float, float]) -> SeenOutline:
    """The outline in the stored picture with the blur taken out, so that it has the sizes that are judged."""
    points = _in_picture(seen.points, pixel_px)
    holes = tuple(_in_picture(hole, pixel_px) for hole in seen.holes)
    if shape.line is not None and sizes.along:
        by = (shape.line[1] - sizes.width) / 2
        points, holes = moved_inwards(points, by), tuple(moved_inwards(hole, -by) for hole in holes)
    elif sizes.width != shape.width:
        turn, middle = math.radians(shape.orientation_deg), points.mean(axis=0)
        axes = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        shrunk = axes.T * np.array([sizes.length / shape.length, sizes.width / shape.width]) @ axes
        points, holes = (points - middle) @ shrunk + middle, tuple((hole - middle) @ shrunk + middle for hole in holes)
    return SeenOutline(points, sizes.area, seen.short, holes)


def _with_micrometres(
    defect: Defect, mark: _Mark, field: Residual, face: LocatedFace, scale: Scale, config: Config
) -> Defect:
    """Distances from the centre count in shares of the cladding, as the zones do, also where it is elliptical."""
    fx, fy = field.pixel_px
    axes = (fx * scale.um_per_px_x, fy * scale.um_per_px_y)
    shape = outline_shape(mark.seen, axes)
    unit = math.sqrt(axes[0] * axes[1])
    um = _Sizes.of(shape, defect.classification, mark.blur_px * unit)
    um_per_px = face.um_per_radial_px
    assert um_per_px is not None, "there is a scale"
    unsure = _Unsure(face, field.blur_px * unit, mark.peak_snr, um_per_px)
    settings = config.measurement.size_uncertainty[defect.classification]
    sizes_um = {"length_um": um.length, "width_um": um.width, "diameter_um": um.diameter}
    uncertainty = unsure.of(sizes_um, defect.r_min_px, settings)
    return replace(
        defect,
        area_um2=um.area,
        length_um=um.length,
        width_um=um.width,
        diameter_um=um.diameter,
        r_min_um=defect.r_min_px * um_per_px,
        r_max_um=defect.r_max_px * um_per_px,
        uncertainty=uncertainty,
        at_most=unsure.bounds(sizes_um, uncertainty),
    )


@dataclass(frozen=True, slots=True)
class _Unsure:
    """What makes the sizes and the place of one mark unsure."""

    face: LocatedFace
    blur_um: float  # sigma with which the mark was seen
    peak_snr: float
    um_per_px: float  # of distances from the centre

    def of(self, sizes_um: Mapping[str, float], r_min_px: float, settings: SizeUncertainties) -> Mapping[str, float]:
        """Expanded uncertainties of the sizes and of the nearest distance, by name."""
        sizes = {
            name: dimensions.expanded(self._size(size_um, getattr(settings, name.removesuffix("_um"))))
            for name, size_um in sizes_um.items()
        }
        return sizes | {
            "r_min_px": dimensions.expanded(self._place_px(sizes_um["diameter_um"], r_min_px, settings.r_min))
        }

    def bounds(self, sizes_um: Mapping[str, float], uncertainty: Mapping[str, float]) -> Mapping[str, float]:
        """What the sizes are at most that may be too small to tell from a point: within a blur all look alike."""
        least = NARROWEST * self.blur_um
        spans = {name: (size_um, uncertainty[name]) for name, size_um in sizes_um.items()}
        return {name: size_um + unsure for name, (size_um, unsure) in spans.items() if size_um - unsure <= least}

    def _size(self, size_um: float, settings: SizeUncertainty) -> float:
        outline_um = math.hypot(settings.blurs * self.blur_um, settings.faintness * size_um / self.peak_snr)
        return math.hypot(outline_um, self.face.scale_uncertainty * size_um)

    def _place_px(self, diameter_um: float, r_min_px: float, settings: SizeUncertainty) -> float:
        outline_um = math.hypot(settings.blurs * self.blur_um, settings.faintness * diameter_um / self.peak_snr)
        scale_px = self.face.scale_uncertainty * r_min_px
        return math.hypot(outline_um / self.um_per_px, self.face.center_uncertainty_px, scale_px)


def _in_picture(points: Points, pixel_px: tuple[float, float]) -> Points:
    """Points of the working picture in the stored one; pixel centres are at integers in both."""
    return (points + 0.5) * pixel_px - 0.5


def box_around(points: Points, beyond_px: tuple[float, float]) -> tuple[int, int, int, int]:
    """The pixels of the stored picture that an outline touches."""
    low, high = (points.min(axis=0) - beyond_px).tolist(), (points.max(axis=0) + beyond_px).tolist()
    x, y = (math.floor(value + 0.5 + ON_A_BORDER) for value in low)
    right, bottom = (math.floor(value + 0.5 - ON_A_BORDER) for value in high)
    return x, y, max(right - x, 0) + 1, max(bottom - y, 0) + 1


ON_A_BORDER = 1e-6  # pixels: what ends on one does not touch the next


def _confidence(candidate: Candidate, kind: str, config: Config) -> float:
    """Evidence at the mark over what the detectors of its kind could have given."""
    detectors = config.engaged_detectors
    weights = {n: detectors[n].weight for n in config.classification.detectors_of[kind] if n in candidate.evidence}
    possible = sum(weights.values())
    return sum(w * candidate.evidence[n] for n, w in weights.items()) / possible if possible > 0 else 0.0


def numbered(defects: Sequence[Defect]) -> tuple[Defect, ...]:
    """Defects ordered by zone (the innermost first), then by size, with ids counted from 1 in each class."""
    return tuple(replace(defects[place], id=mark_id) for place, mark_id in ids_in_order(defects))


def ids_in_order(defects: Sequence[Defect]) -> Iterator[tuple[int, str]]:
    """The place of each defect and its id, in the order in which a record has them."""
    names = [*ZONE_NAMES.values(), ""]  # in no zone, where none is known
    counts = dict.fromkeys(ID_LETTERS, 0)
    for place, defect in sorted(enumerate(defects), key=lambda n: (names.index(n[1].zone), -n[1].diameter_px)):
        counts[defect.classification] += 1
        yield place, f"{ID_LETTERS[defect.classification]}{counts[defect.classification]}"
