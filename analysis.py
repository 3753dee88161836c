"""Candidates -> measured, classified defects -> verdict; the only place where pixels become micrometres."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

import ellipse_fit
from config_loader import Classification, Config
from line_width import unblurred_width
from records import (
    ID_LETTERS,
    ZONE_LETTERS,
    ZONE_NAMES,
    Candidate,
    Criteria,
    Defect,
    Ellipse,
    FiberGeometry,
    Mask,
    Points,
    Request,
    Residual,
    Scale,
    SizeBand,
    Verdict,
    Violation,
    ZoneCriteria,
    ZoneOutline,
    Zones,
)

# --- zones ------------------------------------------------------------------------------------------------------------


def zone_outlines(
    geometry: FiberGeometry, criteria: Criteria, request: Request, scale: Scale | None
) -> tuple[ZoneOutline, ...]:
    """The outer border of each zone of the criteria in the picture, ellipses concentric with the cladding.

    Without a scale the zones are the detected core, the cladding, and the ferrule out to twice the cladding.
    """
    cladding = geometry.cladding.ellipse
    if scale is None:
        core = () if geometry.core is None else (ZoneOutline("A", geometry.core.ellipse),)
        return (*core, ZoneOutline("B", cladding), ZoneOutline("D", cladding.scaled(2.0)))
    axes = (scale.um_per_px_x, scale.um_per_px_y)
    diameter_um = request.cladding_diameter_um or ellipse_fit.stretched(cladding, axes).mean_diameter_px
    outlines = (_zone_outline(zone, geometry, diameter_um, request) for zone in criteria.zones)
    return tuple(o for o in outlines if o is not None)


def _zone_outline(
    zone: ZoneCriteria, geometry: FiberGeometry, cladding_um: float, request: Request
) -> ZoneOutline | None:
    cladding = geometry.cladding.ellipse
    if zone.of == "core":
        return (
            None
            if geometry.core is None
            else ZoneOutline(zone.letter, _grown(geometry.core.ellipse, zone, cladding, cladding_um))
        )
    outer_um = zone.plus_um if zone.of == "fixed" else zone.times * cladding_um + zone.plus_um
    return ZoneOutline(zone.letter, cladding.scaled(outer_um / cladding_um))


def _grown(core: Ellipse, zone: ZoneCriteria, cladding: Ellipse, cladding_um: float) -> Ellipse:
    px_per_um = cladding.mean_diameter_px / cladding_um
    return core.scaled(zone.times + zone.plus_um * px_per_um / core.mean_diameter_px)


def coverage(outline: ZoneOutline, width: int, height: int) -> float:
    """Share of the border of a zone that lies in a picture of the given size."""
    cx, cy = outline.outer.center_px
    t = np.linspace(0, 2 * math.pi, 720, endpoint=False)
    turn = math.radians(outline.outer.angle_deg)
    u, v = outline.outer.axes_px[0] / 2 * np.cos(t), outline.outer.axes_px[1] / 2 * np.sin(t)
    x, y = cx + u * math.cos(turn) - v * math.sin(turn), cy + u * math.sin(turn) + v * math.cos(turn)
    return float(((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).mean())


def has_limit(zone: ZoneCriteria) -> bool:
    """Whether any number of marks in the zone is limited."""
    return any(band.max_count is not None for band in (*zone.scratches, *zone.defects))


def smallest_limit_um(criteria: Criteria, zones: Sequence[str]) -> float | None:
    """The smallest size that decides anything in the zones of these names; None when no size does."""
    limited = [z for z in criteria.zones if ZONE_NAMES[z.letter] in zones and has_limit(z)]
    bands = [b for z in limited for b in (*z.scratches, *z.defects)]
    sizes = [size for b in bands for size in (b.min_um, b.max_um) if size]
    return min(sizes, default=None)


CRITICAL = ("A", "B")  # the zones that carry the light must be seen whole


# --- measuring --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shape:
    """Sizes of one mark in one unit of length."""

    area: float
    length: float  # sides of the minimum-area rectangle
    width: float
    diameter: float
    orientation_deg: float
    line: tuple[float, float] | None  # length and width along the mark, where it is a ribbon, straight or curved

    def sides(self, kind: str, blur: float, level: float) -> tuple[float, float]:
        """Length and width: of a line along it and as it was before the blur, else of the rectangle."""
        if kind not in LINEAR or self.line is None:
            return self.length, self.width
        length, width = self.line
        return max(self.length, length), unblurred_width(width, blur, level)


LINEAR = ("scratch", "crack")


@dataclass(frozen=True, slots=True)
class _Mark:
    """One candidate with all that is measured of it in pixels of the working picture."""

    candidate: Candidate
    contour: Points  # (N, 2) x, y
    contrast: float
    blur_px: float  # sigma of its edges
    level: float  # share of its peak at which its outline was drawn
    rho: NDArray[np.float32]  # of its pixels
    features: Mapping[str, float]


def measure(
    candidates: Iterable[Candidate],
    field: Residual,
    zones: Zones,
    criteria: Criteria,
    scale: Scale | None,
    cladding_um: float | None,
    config: Config,
) -> tuple[Defect, ...]:
    """Measure, classify, place and number the marks of one picture.

    Parameters
    ----------
    candidates : regions in pixels of the picture
    field : residual that they were found on
    zones : of the picture
    criteria : its `zone_rule` places a mark
    scale : micrometres per pixel; without it all `_um` values are None
    cladding_um : known cladding diameter; None when only a calibration gives the scale
    config : limits of measurement and classification, weights of the detectors

    Returns
    -------
    Defects ordered by zone (the innermost first), then by size, with their ids; marks outside all zones are left out
    """
    defects = []
    for candidate in candidates:
        touched = _zones_touched(candidate, zones.labels)
        if touched:
            mark = _mark(candidate, field, config)
            zone = (
                touched[0] if criteria.zone_rule == "touched" else _zone_at_centroid(candidate, zones.labels, touched)
            )
            defects.append(_defect(mark, zone, touched, field, scale, cladding_um, config))
    return numbered(defects)


def _mark(candidate: Candidate, field: Residual, config: Config) -> _Mark:
    x, y, w, h = candidate.bbox_px
    wx, wy = x - field.origin_px[0], y - field.origin_px[1]
    here = np.s_[wy : wy + h, wx : wx + w]
    settings, fusion = config.measurement, config.fusion
    contour = _outline(_closed(candidate.mask, settings.join_px)) + np.array([x - 1.0, y - 1.0])
    gray, background = field.gray[here], np.maximum(field.background[here], settings.darkest_level)
    relative = np.where(candidate.mask, cv2.GaussianBlur(gray, (0, 0), 0.8) / background, 0)
    peak = np.unravel_index(int(np.argmax(np.abs(relative))), relative.shape)
    contrast = float(relative[peak])
    features = _features(candidate.mask, contour, relative, contrast)
    peak_snr = float(np.abs(field.snr[here][candidate.mask]).max())
    level = max(fusion.outline_level, min(fusion.weak_snr / max(peak_snr, 1e-6), 1.0))
    return _Mark(candidate, contour, contrast, field.blur_px, level, field.rho[here][candidate.mask], features)


def _closed(mask: Mask, join_px: int) -> NDArray[np.uint8]:
    """The pieces of one mark as one region, padded by a pixel."""
    pad = join_px + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * join_px + 1, 2 * join_px + 1))
    padded = np.pad(mask.astype(np.uint8), pad)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel) | padded
    return np.ascontiguousarray(closed[pad - 1 : -pad + 1, pad - 1 : -pad + 1])


def _outline(region: NDArray[np.uint8]) -> Points:
    """The one outline around all pieces of a region; what is still apart is tied to its neighbour by a thin line."""
    tied = region.copy()
    while True:
        outlines, _ = cv2.findContours(tied, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        if len(outlines) == 1:
            return outlines[0].reshape(-1, 2).astype(np.float64)
        least, *others = sorted((o.reshape(-1, 2) for o in outlines), key=len)
        rest = np.concatenate(others)
        apart = np.hypot(*(least[:, None] - rest[None]).transpose(2, 0, 1))  # (points of the piece, points of the rest)
        here, there = np.unravel_index(int(apart.argmin()), apart.shape)
        cv2.line(tied, least[here].tolist(), rest[there].tolist(), 1)


def _features(mask: Mask, contour: Points, relative: NDArray[np.float32], contrast: float) -> Mapping[str, float]:
    """What the classification decides on; lengths in pixels."""
    area = float(mask.sum())
    outline = contour.astype(np.float32)
    perimeter = max(cv2.arcLength(outline, True), 1.0)
    hull = cv2.contourArea(cv2.convexHull(outline)) + perimeter / 2 + 1  # the contour runs through centres of pixels
    return {
        "contrast": contrast,
        "solidity": min(area / hull, 1.0),
        "roundness": min(4 * math.pi * cv2.contourArea(outline) / perimeter**2, 1.0),
        "flatness": float(np.median(np.abs(relative[mask]))) / max(abs(contrast), 1e-6),
        "bright_share": float((relative[mask] > 0).mean()),
        "thickness_px": 2 * float(cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5).max()) - 1,
        **_jaggedness(mask),
    }


def _jaggedness(mask: Mask) -> Mapping[str, float]:
    """Typical departure of the centreline from a smooth curve, in pixels and over its length: small for scratches."""
    y, x = np.nonzero(mask)
    points = np.stack([x, y], axis=1) - np.array([x.mean(), y.mean()])
    _, axes = np.linalg.eigh(points.T @ points)
    along, across = points @ axes[:, 1], points @ axes[:, 0]
    slices = ((along - along.min()) / CENTRELINE_STEP_PX).astype(int)
    count = np.bincount(slices)
    used = count > 0  # between dashes there is nothing
    if np.count_nonzero(used) < MIN_CENTRELINE_SLICES:
        return {"jaggedness_px": 0.0, "jaggedness": 0.0}
    position = np.linspace(-1, 1, len(count))[used]
    centre = np.bincount(slices, across)[used] / count[used]
    rest = _off_smooth_curve(position, centre)
    typical = 1.4826 * float(np.median(np.abs(rest)))  # the median, so that a hook or a spot at one end does not count
    return {"jaggedness_px": typical, "jaggedness": typical / float(np.ptp(along))}


def _off_smooth_curve(position: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from a quartic that is fitted a second time without the quarter that fits it worst."""
    powers, kept = np.vander(position, 5), np.ones(len(position), bool)
    for share in (0.75, 1.0):
        factors, *_ = np.linalg.lstsq(powers[kept], centre[kept])
        rest = centre - powers @ factors
        kept = np.abs(rest) <= np.quantile(np.abs(rest), share)
    return rest


CENTRELINE_STEP_PX = 2.0
MIN_CENTRELINE_SLICES = 8  # a shorter centreline has no shape of its own


def _zones_touched(candidate: Candidate, labels: NDArray[np.uint8]) -> tuple[str, ...]:
    x, y, w, h = candidate.bbox_px
    present = np.unique(labels[y : y + h, x : x + w][candidate.mask])
    return tuple(ZONE_LETTERS[k - 1] for k in present.tolist() if k > 0)


def _zone_at_centroid(candidate: Candidate, labels: NDArray[np.uint8], touched: Sequence[str]) -> str:
    x, y = _centroid(candidate)
    label = int(labels[round(y), round(x)])
    return ZONE_LETTERS[label - 1] if label else touched[-1]


def _centroid(candidate: Candidate) -> tuple[float, float]:
    rows, columns = np.nonzero(candidate.mask)
    return candidate.bbox_px[0] + float(columns.mean()), candidate.bbox_px[1] + float(rows.mean())


def _shape(mark: _Mark, axes: tuple[float, float]) -> _Shape:
    """Sizes with x and y scaled by `axes`: (1, 1) for pixels, micrometres per pixel for micrometres."""
    unit = math.sqrt(axes[0] * axes[1])
    points = (mark.contour * axes).astype(np.float32)
    diameter = 2 * cv2.minEnclosingCircle(points)[1] + unit  # pixel centres: half a pixel short at either end
    _, sides, angle = cv2.minAreaRect(points)
    long_side, short_side = max(sides) + unit, min(sides) + unit
    area = float(mark.candidate.mask.sum()) * axes[0] * axes[1]
    run = _run_length(mark.contour, area, axes)
    orientation = (angle if sides[0] >= sides[1] else angle + 90) % 180
    ribbon = MIN_LINEAR_ASPECT * area / run <= run <= MAX_CURL * diameter
    return _Shape(area, long_side, short_side, diameter, orientation, (run, area / run) if ribbon else None)


MIN_LINEAR_ASPECT = 2.0  # above it length and width are taken along the mark, which may be curved
MAX_CURL = (
    1.6  # half a circle is pi / 2 times as long as its chord; longer than that is the outline of a branched stain
)


def _run_length(contour: Points, area: float, axes: tuple[float, float]) -> float:
    """Length of the ribbon with this outline and area: half the outline is length plus width, area their product."""
    half = _outline_length(contour, axes) / 2 + 2 * math.sqrt(axes[0] * axes[1])
    return (half + math.sqrt(max(half * half - 4 * area, 0.0))) / 2


def _outline_length(contour: Points, axes: tuple[float, float]) -> float:
    smooth = cv2.approxPolyDP(contour.astype(np.int32), SMOOTHING_PX, True).reshape(-1, 2) * axes
    return float(cv2.arcLength(smooth.astype(np.float32), True))


SMOOTHING_PX = 1.0  # takes off an outline the stairs of the pixel grid, which lengthen a line at 30 degrees by a fifth


def _defect(
    mark: _Mark,
    zone: str,
    touched: Sequence[str],
    field: Residual,
    scale: Scale | None,
    cladding_um: float | None,
    config: Config,
) -> Defect:
    defect = _in_pixels(mark, zone, touched, field, config)
    return defect if scale is None else _with_micrometres(defect, mark, field, scale, cladding_um)


def _in_pixels(mark: _Mark, zone: str, touched: Sequence[str], field: Residual, config: Config) -> Defect:
    (fx, fy), settings = field.pixel_px, config.classification
    unit = math.sqrt(fx * fy)
    px = _shape(mark, (fx, fy))
    # by the thickest place: two specks that touch are no line, however long the outline around them
    along, across = px.line or (px.length, px.width)
    along = max(along, px.length)
    thickness = max(mark.features["thickness_px"] * unit, across)
    features = dict(mark.features) | {"aspect_ratio": along / thickness}
    kind = classify(features, mark.candidate.on_edge, settings)
    length, width = px.sides(kind, mark.blur_px * unit, mark.level)
    perimeter = _outline_length(mark.contour, (fx, fy)) + math.pi * unit  # of the outline half a pixel further out
    contour = _in_picture(mark.contour, field.pixel_px)
    centre, size, angle = cv2.minAreaRect(contour.astype(np.float32))
    return Defect(
        id="",
        zone=ZONE_NAMES[zone],
        classification=kind,
        confidence=_confidence(mark.candidate, kind, config),
        centroid_px=_point_in_picture(_centroid(mark.candidate), field.pixel_px),
        bbox_px=_box_in_picture(mark.candidate.bbox_px, field.pixel_px),
        contour_px=contour,
        rect_px=((float(centre[0]), float(centre[1])), (float(size[0]) + fx, float(size[1]) + fy), float(angle)),
        area_px=px.area,
        perimeter_px=perimeter,
        length_px=length,
        width_px=width,
        diameter_px=px.diameter,
        r_min_px=float(mark.rho.min()) * field.cladding_radius_px * unit,
        r_max_px=float(mark.rho.max()) * field.cladding_radius_px * unit,
        orientation_deg=px.orientation_deg,
        circularity=min(4 * math.pi * px.area / perimeter**2, 1.0),
        aspect_ratio=length / width,
        contrast=mark.contrast,
        zones_touched=tuple(ZONE_NAMES[z] for z in touched),
        detected_by=tuple(n for n, share in mark.candidate.evidence.items() if share >= settings.min_agreement),
        features=features,
        evidence=mark.candidate.evidence,
    )


def _with_micrometres(defect: Defect, mark: _Mark, field: Residual, scale: Scale, cladding_um: float | None) -> Defect:
    """Distances from the centre count in shares of the cladding, as the zones do, also where it is elliptical."""
    fx, fy = field.pixel_px
    axes = (fx * scale.um_per_px_x, fy * scale.um_per_px_y)
    um = _shape(mark, axes)
    length, width = um.sides(defect.classification, mark.blur_px * math.sqrt(axes[0] * axes[1]), mark.level)
    radius_px = field.cladding_radius_px * math.sqrt(fx * fy)
    um_per_px = scale.um_per_px if cladding_um is None else cladding_um / 2 / radius_px
    return replace(
        defect,
        area_um2=um.area,
        length_um=length,
        width_um=width,
        diameter_um=um.diameter,
        r_min_um=defect.r_min_px * um_per_px,
        r_max_um=defect.r_max_px * um_per_px,
    )


def _in_picture(points: Points, pixel_px: tuple[float, float]) -> Points:
    """Points of the working picture in the stored one; pixel centres are at integers in both."""
    return (points + 0.5) * pixel_px - 0.5


def _point_in_picture(point: tuple[float, float], pixel_px: tuple[float, float]) -> tuple[float, float]:
    x, y = _in_picture(np.array(point), pixel_px)
    return float(x), float(y)


def _box_in_picture(box: tuple[int, int, int, int], pixel_px: tuple[float, float]) -> tuple[int, int, int, int]:
    """The pixels of the stored picture that a box of the working one touches."""
    (fx, fy), (x, y, w, h) = pixel_px, box
    x0, y0 = math.floor(x * fx), math.floor(y * fy)
    return x0, y0, math.ceil((x + w) * fx) - x0, math.ceil((y + h) * fy) - y0


def _confidence(candidate: Candidate, kind: str, config: Config) -> float:
    """Evidence at the mark over what the detectors of its kind could have given."""
    weights = {
        n: config.detectors[n].weight for n in config.classification.detectors_of[kind] if n in candidate.evidence
    }
    possible = sum(weights.values())
    return sum(w * candidate.evidence[n] for n, w in weights.items()) / possible if possible > 0 else 0.0


def classify(features: Mapping[str, float], on_edge: bool, settings: Classification) -> str:
    """The kind of a mark from its features.

    Parameters
    ----------
    features : as in Defect.features
    on_edge : whether it lies along the cladding edge
    settings : limits from config.json

    Returns
    -------
    One of records.CLASSIFICATIONS
    """
    if on_edge:
        return "chip"
    if features["aspect_ratio"] >= settings.scratch_min_aspect_ratio:
        jagged = features["jaggedness_px"] >= settings.crack_min_jaggedness_px
        return "crack" if jagged and features["jaggedness"] >= settings.crack_min_jaggedness else "scratch"
    compact = (
        features["roundness"] >= settings.pit_min_roundness
        and features["aspect_ratio"] <= settings.pit_max_aspect_ratio
    )
    dark = features["contrast"] <= -settings.pit_min_contrast
    flat = features["flatness"] >= settings.pit_min_flatness
    return "pit_dig" if compact and dark and flat else "contamination"


def numbered(defects: Iterable[Defect]) -> tuple[Defect, ...]:
    """Defects ordered by zone (the innermost first), then by size, with ids counted from 1 in each class."""
    names = list(ZONE_NAMES.values())
    ordered = sorted(defects, key=lambda d: (names.index(d.zone), -d.diameter_px))
    counts = dict.fromkeys(ID_LETTERS, 0)
    out = []
    for defect in ordered:
        counts[defect.classification] += 1
        out.append(replace(defect, id=f"{ID_LETTERS[defect.classification]}{counts[defect.classification]}"))
    return tuple(out)


# --- judging ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, and the defects with `counted` and `severity` filled in."""

    verdict: Verdict
    defects: tuple[Defect, ...]


def judge(defects: Sequence[Defect], criteria: Criteria, zones: Sequence[str]) -> Judgement:
    """Grade measured defects against the criteria; needs no pixels.

    Parameters
    ----------
    defects : with sizes in micrometres
    criteria : limits of one class in one edition
    zones : names of the zones that were inspected

    Returns
    -------
    Judgement: FAIL with one violation for each broken band, else PASS

    Raises
    ------
    ValueError
        When a defect has no size in micrometres: without a scale nothing can be graded.
    """
    violations: list[Violation] = []
    counted: set[str] = set()
    for zone in criteria.zones:
        if ZONE_NAMES[zone.letter] not in zones:
            continue
        here = [d for d in defects if d.zone == ZONE_NAMES[zone.letter]]
        for kind, bands, size_by in (
            ("scratch", zone.scratches, criteria.scratch_size_by),
            ("defect", zone.defects, criteria.defect_size_by),
        ):
            marks = [d for d in here if (d.classification in criteria.scratch_classes) == (kind == "scratch")]
            found = _broken(zone.letter, kind, marks, bands, size_by)
            violations += found
            counted |= {d.id for d in marks for b in bands if b.max_count is not None and b.holds(_size_um(d, size_by))}
    return Judgement(_verdict(violations), tuple(_weighed(d, counted, violations) for d in defects))


def _size_um(defect: Defect, size_by: str) -> float:
    size: float | None = getattr(defect, f"{size_by}_um")
    if size is None:
        raise ValueError(f"a defect must have its {size_by}_um to be graded, {defect.id} has none")
    return size


def _broken(
    letter: str, kind: str, marks: Sequence[Defect], bands: Sequence[SizeBand], size_by: str
) -> list[Violation]:
    out = []
    for band in bands:
        within = [d for d in marks if band.holds(_size_um(d, size_by))]
        if band.max_count is not None and len(within) > band.max_count:
            out.append(
                Violation(
                    zone=ZONE_NAMES[letter],
                    rule=f"{kind} {size_by} {_range(band)}",
                    measured=_listed(within, size_by),
                    allowed="none" if band.max_count == 0 else f"at most {band.max_count}",
                    defects=tuple(d.id for d in within),
                )
            )
    return out


def _listed(marks: Sequence[Defect], size_by: str) -> str:
    sizes = [f"{_size_um(d, size_by):.1f} um" for d in marks[:5]] + ["..."] * (len(marks) > 5)
    return f"{len(marks)} ({', '.join(sizes)})"


def _in_words(violation: Violation) -> str:
    ids = [*violation.defects[:8], *["..."] * (len(violation.defects) > 8)]
    found = f"{violation.rule}: {violation.measured}, allowed {violation.allowed}"
    return f"Zone {violation.zone}: {found} [{', '.join(ids)}]"


def _range(band: SizeBand) -> str:
    if band.min_um == 0 and band.max_um is None:
        return "of any size"
    low = f"{'>=' if band.min_inclusive else '>'} {band.min_um:g} um"
    high = "" if band.max_um is None else f"{'<=' if band.max_inclusive else '<'} {band.max_um:g} um"
    if not high:
        return low
    return high if band.min_um == 0 else f"{low} and {high}"


def _verdict(violations: Sequence[Violation]) -> Verdict:
    if not violations:
        return Verdict("PASS")
    reasons = tuple(_in_words(v) for v in violations)
    return Verdict("FAIL", reasons, tuple(violations))


def _weighed(defect: Defect, counted: set[str], violations: Sequence[Violation]) -> Defect:
    breaks = any(defect.id in v.defects for v in violations)
    if breaks:
        return replace(defect, counted=True, severity="CRITICAL" if defect.zone == ZONE_NAMES["A"] else "HIGH")
    return replace(defect, counted=defect.id in counted, severity="MEDIUM" if defect.id in counted else "LOW")
