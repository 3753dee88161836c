"""One picture through all stages, pure: read this first.

Grey levels -> quality -> fiber geometry -> scale and zones -> residual -> evidence -> candidates -> measured and
classified defects -> verdict. What cannot be measured ends as NOT_GRADED with its reason, never as a guess.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import analysis
import background
import dimensions
import image_processing
import localization
from cells import measure_cells
from config_loader import Config
from decoding import Picture, to_gray
from fiber_coordinates import working_picture
from records import (
    ZONE_NAMES,
    Cell,
    Criteria,
    Defect,
    FiberGeometry,
    FloatImage,
    ImageInfo,
    Inspection,
    NotLocated,
    Provenance,
    Quality,
    Request,
    Residual,
    Scale,
    Verdict,
    ZoneOutline,
)

log = logging.getLogger("dscope.pipeline")

BEYOND_ZONES = 1.15  # a mark that crosses the outermost border is sized whole


@dataclass(slots=True)
class _Clock:
    """Seconds of each stage by name; logs where a stage starts and ends."""

    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    @contextmanager
    def stage(self, key: str, title: str) -> Iterator[None]:
        log.info("Starting %s...", title)
        start = time.perf_counter()
        yield
        self.seconds[key] = time.perf_counter() - start
        log.info("%s Complete. Duration: %.2fs", title, self.seconds[key])

    def timings(self) -> Mapping[str, float]:
        return {**self.seconds, "total": time.perf_counter() - self.started}


@dataclass(frozen=True, slots=True)
class _Found:
    """What detection gives for one located fiber."""

    outlines: tuple[ZoneOutline, ...]
    defects: tuple[Defect, ...]
    cells: tuple[Cell, ...]
    clipped: Mapping[str, float]  # zone -> share of its pixels that are black or saturated
    pixel_px: float  # pixels of the picture that one pixel spans in which marks were sought


def inspect_image(
    picture: Picture,
    info: ImageInfo,
    request: Request,
    config: Config,
    calibration: Scale | None,
    provenance: Provenance,
    flat_field: Picture | None = None,
) -> Inspection:
    """Inspect one picture of a fiber end face.

    Parameters
    ----------
    picture : (H, W) or (H, W, 3) uint8 or uint16, as stored
    info : its file
    request : edition, class, known diameters and zones to inspect
    config : settings of one profile
    calibration : scale of calibration.json, None when uncalibrated
    provenance : program, settings and start, for the record
    flat_field : picture of a blank surface taken in the same light, of the same size

    Returns
    -------
    Inspection, NOT_GRADED with the reason when the fiber cannot be located, is out of focus or has no scale

    Raises
    ------
    UserError
        When the criteria have no such edition or class.
    """
    criteria = config.criteria.find(request.edition, request.fiber_class)
    clock = _Clock()
    start = Inspection(info, provenance, request, criteria, Quality(), _not_graded("Not inspected"))
    with clock.stage("preprocess", "Preprocessing"):
        gray, notes = image_processing.flatten(to_gray(picture), None if flat_field is None else to_gray(flat_field))
        quality = image_processing.measure_quality(gray, config.preprocessing)
        quality = replace(quality, warnings=quality.warnings + notes)
    with clock.stage("locate", "Fiber Localization"):
        geometry = localization.locate(
            gray,
            config.localization,
            config.core,
            _known(request, config, calibration),
        )
    if isinstance(geometry, NotLocated):
        verdict = _not_graded(f"Localization Failed: {geometry.reason}")
        return replace(start, quality=quality, verdict=verdict, timings_s=clock.timings())
    radius_px = geometry.cladding.ellipse.mean_diameter_px / 2
    quality = replace(
        quality, focus=radius_px / geometry.cladding.blur_px, warnings=quality.warnings + geometry.warnings
    )
    located = replace(start, quality=quality, geometry=geometry)
    return _inspect_located(located, gray, geometry, config, calibration, clock)


def _inspect_located(
    located: Inspection,
    gray: FloatImage,
    geometry: FiberGeometry,
    config: Config,
    calibration: Scale | None,
    clock: _Clock,
) -> Inspection:
    request, criteria, quality = located.request, located.criteria, located.quality
    scale, warnings = dimensions.find_scale(geometry.cladding.ellipse, request, calibration, config.scale)
    located = replace(
        located,
        scale=scale,
        measurements=dimensions.measure_geometry(geometry, scale, request, config.scale),
        quality=replace(quality, warnings=quality.warnings + warnings),
    )
    reason = _why_out_of_focus(quality, geometry, config)
    if reason:
        return replace(located, verdict=_not_graded(reason), timings_s=clock.timings())
    found = _find_defects(gray, geometry, scale, request, criteria, config, clock)
    with clock.stage("judge", "Acceptance Judgement"):
        cut = _cut_zones(found.outlines, criteria, request, (gray.shape[1], gray.shape[0]), config)
        reason = _why_not_graded(found, criteria, request, scale, cut, config)
        judgement = (
            analysis.Judgement(_not_graded(reason), found.defects)
            if reason
            else analysis.judge(found.defects, criteria, request.zones)
        )
    return replace(
        located,
        zones=found.outlines,
        defects=judgement.defects,
        cells=found.cells,
        verdict=judgement.verdict,
        quality=replace(
            located.quality, warnings=located.quality.warnings + _zone_warnings(found, cut, located, config)
        ),
        timings_s=clock.timings(),
    )


def _why_out_of_focus(quality: Quality, geometry: FiberGeometry, config: Config) -> str:
    # a fiber of few pixels is as blurred as its pixels are large: that is for the resolution to say
    radius_px = geometry.cladding.ellipse.mean_diameter_px / 2
    limit = min(config.preprocessing.focus_min, radius_px / config.preprocessing.sharp_px)
    if quality.focus is None or quality.focus >= limit:
        return ""
    return f"Out of focus: sharpness of the cladding edge must be at least {limit:g}, got {quality.focus:.1f}"


def _find_defects(
    gray: FloatImage,
    geometry: FiberGeometry,
    scale: Scale | None,
    request: Request,
    criteria: Criteria,
    config: Config,
    clock: _Clock,
) -> _Found:
    with clock.stage("zones", "Zone Detection"):
        outlines = analysis.zone_outlines(geometry, criteria, request, scale)
        picture = working_picture(gray, geometry, config.residual.max_cladding_px)
        zones = image_processing.zone_map(picture.gray.shape, outlines, picture.pixel_px)
        clipped = image_processing.clipped_shares(picture.gray, zones, config.preprocessing.saturation_level)
    with clock.stage("residual", "Background Removal"):
        reach = max(o.outer.mean_diameter_px for o in outlines) / geometry.cladding.ellipse.mean_diameter_px
        residual = background.residual(picture, reach * BEYOND_ZONES, config.residual)
    with clock.stage("detect", "Defect Detection"):
        evidence = image_processing.gather_evidence(residual, config.detectors)
        candidates = image_processing.find_candidates(residual, evidence, config.fusion)
    with clock.stage("measure", "Defect Measurement"):
        defects = analysis.measure(
            candidates,
            residual,
            zones,
            criteria,
            scale,
            request.cladding_diameter_um,
            config,
        )
    inspected = analysis.numbered(d for d in defects if d.zone in request.zones)
    cells: tuple[Cell, ...] = ()
    if config.reporting.cells:
        with clock.stage("cells", "Cell Statistics"):
            cells = _measure_cells(gray, outlines, residual, evidence, inspected, request)
    return _Found(outlines, inspected, cells, clipped, math.sqrt(picture.pixel_px[0] * picture.pixel_px[1]))


def _measure_cells(
    gray: FloatImage,
    outlines: tuple[ZoneOutline, ...],
    residual: Residual,
    evidence: image_processing.Evidence,
    defects: tuple[Defect, ...],
    request: Request,
) -> tuple[Cell, ...]:
    """At the resolution of the stored picture, whatever that of the detectors is."""
    zones = image_processing.zone_map(gray.shape, outlines)
    supports = image_processing.supports_in_picture(residual, evidence, gray.shape)
    return measure_cells(gray, zones, supports, defects, request.zones)


@dataclass(frozen=True, slots=True)
class _CutZone:
    """A zone with limits that is not wholly in the picture."""

    name: str
    share: float  # of its border that is
    tolerable: bool  # enough of it for a verdict

    @property
    def seen(self) -> str:
        return f"{self.share:.0%} of the border of zone {self.name} lies in the picture"

    @property
    def warning(self) -> str:
        return f"Zone cut by the border: {self.seen}, what lies beyond is not judged"


def _cut_zones(
    outlines: tuple[ZoneOutline, ...], criteria: Criteria, request: Request, size: tuple[int, int], config: Config
) -> tuple[_CutZone, ...]:
    settings = config.measurement
    limited = _limited_zones(criteria, request)
    cut = []
    for outline in (o for o in outlines if o.name in limited):
        share = analysis.coverage(outline, *size)
        if share < settings.min_coverage:
            tolerable = outline.letter not in analysis.CRITICAL and share >= settings.min_coverage_outer
            cut.append(_CutZone(outline.name, share, tolerable))
    return tuple(cut)


def _zone_warnings(found: _Found, cut: tuple[_CutZone, ...], located: Inspection, config: Config) -> tuple[str, ...]:
    clipped = [
        f"Clipped zone: {found.clipped[name]:.0%} of zone {name} is black or saturated, marks there may not show"
        for name in _limited_zones(located.criteria, located.request)
        if found.clipped.get(name, 0.0) > config.preprocessing.clipped_warning_zone
    ]
    return (*(zone.warning for zone in cut), *clipped)


def _limited_zones(criteria: Criteria, request: Request) -> tuple[str, ...]:
    """Names of the zones to inspect in which any number of marks is limited, the innermost first."""
    names = (ZONE_NAMES[zone.letter] for zone in criteria.zones if analysis.has_limit(zone))
    return tuple(name for name in names if name in request.zones)


def _why_not_graded(
    found: _Found,
    criteria: Criteria,
    request: Request,
    scale: Scale | None,
    cut: tuple[_CutZone, ...],
    config: Config,
) -> str:
    """What keeps measured marks from being judged; empty when nothing does."""
    if scale is None:
        return "No scale: no known cladding diameter and no calibration, so limits in um cannot be applied"
    missing = {ZONE_NAMES[z.letter] for z in criteria.zones} - {o.name for o in found.outlines}
    if missing & set(request.zones):
        return f"No core: the criteria need it for zone {', '.join(sorted(missing))}"
    hopeless = [zone for zone in cut if not zone.tolerable]
    if hopeless:
        return f"Fiber cut by the border: {hopeless[0].seen}"
    most = config.preprocessing.clipped_max_zone
    for name in _limited_zones(criteria, request):
        if found.clipped.get(name, 0.0) > most:
            return f"Clipped: {found.clipped[name]:.0%} of zone {name} is black or saturated, at most {most:.0%} may be"
    limit_um, needed = analysis.smallest_limit_um(criteria, request.zones), config.measurement.min_pixels_per_limit
    pixels = math.inf if limit_um is None else limit_um / (scale.um_per_px * found.pixel_px)
    if pixels < needed:
        return f"Resolution too low: the limit of {limit_um:g} um must span {needed:g} pixels, it spans {pixels:.2f}"
    return ""


def not_measured(
    info: ImageInfo,
    request: Request,
    config: Config,
    provenance: Provenance,
    reason: str,
) -> Inspection:
    """The record of a picture that could not be read or inspected: NOT_GRADED for the reason given.

    Raises
    ------
    UserError
        When the criteria have no such edition or class.
    """
    criteria = config.criteria.find(request.edition, request.fiber_class)
    return Inspection(info, provenance, request, criteria, Quality(), _not_graded(reason), timings_s={"total": 0.0})


def _not_graded(reason: str) -> Verdict:
    return Verdict("NOT_GRADED", (reason,))


def _known(request: Request, config: Config, calibration: Scale | None) -> localization.Known:
    """What is known of the fiber, in pixels of the picture."""
    core, cladding = request.core_diameter_um, request.cladding_diameter_um
    given = request.pixel_aspect_ratio or config.scale.pixel_aspect_ratio
    return localization.Known(
        core_ratio=None if core is None or cladding is None else core / cladding,
        cladding_px=_pixels(cladding, calibration),
        core_px=_pixels(core, calibration),
        pixel_aspect_ratio=given or (None if calibration is None else calibration.pixel_aspect_ratio),
    )


def _pixels(size_um: float | None, calibration: Scale | None) -> float | None:
    """Mean of width and height of a circle of this diameter."""
    if size_um is None or calibration is None:
        return None
    return (size_um / calibration.um_per_px_x + size_um / calibration.um_per_px_y) / 2
