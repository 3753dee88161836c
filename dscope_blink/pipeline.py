"""One picture through all stages, pure: read this first.

Grey levels -> quality -> fiber geometry -> scale and zones -> residual -> evidence -> candidates -> measured and
classified defects -> verdict. What cannot be measured ends as NOT_GRADED with its reason, never as a guess.

A stage is a function of one wing, called in a block `with clock.stage(key, title)`: to add one is to write it there and
to add its block here. They are calls and no table: each reads other results of those before it, which types check.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from dscope_blink.analysis import dimensions, judging, measuring, zoning
from dscope_blink.analysis.cell_statistics import measure_cells
from dscope_blink.analysis.gradability import least_focus, limited_zones
from dscope_blink.analysis.search_resolution import search_cladding_px
from dscope_blink.config.settings import REFERENCE_DETECTOR, Config
from dscope_blink.files.decoding import Picture, brightest_beyond, doubtful_bits, to_gray
from dscope_blink.gates.lattice import Lattice
from dscope_blink.image_processing import (
    background,
    described_structure,
    face_comparison,
    face_on_reference,
    ferrule_residue,
    fiber_row,
    fusion,
    hot_pixels,
    interlacing,
    localization,
    missing_parts,
    overlays,
    picture_quality,
    speckle,
    symmetry,
)
from dscope_blink.image_processing.cladding_choice import Known, KnownPlace
from dscope_blink.image_processing.fiber_coordinates import WorkingPicture, working_picture
from dscope_blink.image_processing.one_kernel import one_kernel
from dscope_blink.models.reference import ReferenceModel
from dscope_blink.models.segmentation import SegmentationNetwork
from dscope_blink.records import (
    ZONE_NAMES,
    Calibration,
    Candidate,
    Cell,
    Comparison,
    ConnectorLayout,
    Defect,
    Ellipse,
    FiberGeometry,
    FloatImage,
    ImageInfo,
    Inspection,
    Lane,
    Mask,
    Notice,
    NotLocated,
    Provenance,
    Quality,
    Request,
    Residual,
    Residue,
    Scale,
    UserError,
    ZoneOutline,
    as_recorded,
    notice,
    recorded,
    rounded,
    zone_map,
)

log = logging.getLogger("dscope.pipeline")

CONTACT_ZONE = 2.0  # cladding diameters
BEYOND_ZONES = 1.15  # a mark that crosses the outermost border is sized whole


@dataclass(frozen=True, slots=True)
class Search:
    """What the search for marks on a located face came to, stage by stage."""

    picture: WorkingPicture
    residual: Residual
    evidence: fusion.Evidence
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Stages:
    """What each stage of one picture came to, for who wants to look at it."""

    inspection: Inspection
    gray: FloatImage  # (H, W) float32, 0..1, flattened
    fiber: localization.FoundFiber
    drawn: Mask | None = None  # (H, W) bool, what is drawn over the picture; None: nothing is, or no fiber was located
    search: Search | None = None  # None: the picture did not get so far
    compared: face_comparison.ComparedFace | None = None  # None: there is no reference


@dataclass(frozen=True, slots=True)
class _Models:
    """What was learned before, and may be asked of a picture."""

    reference: ReferenceModel | None
    network: SegmentationNetwork | None


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


def inspect_image(
    picture: Picture,
    info: ImageInfo,
    request: Request,
    config: Config,
    calibration: Calibration | None,
    provenance: Provenance,
    flat_field: Picture | None = None,
    model: ReferenceModel | None = None,
    network: SegmentationNetwork | None = None,
) -> Inspection:
    """Inspect one picture of a fiber end face.

    Parameters
    ----------
    picture : (H, W) or (H, W, 3) uint8 or uint16, as stored
    info : its file
    request : edition, class, known diameters and zones to inspect
    config : settings of one profile
    calibration : calibration.json, None when uncalibrated
    provenance : program, settings and start, for the record
    flat_field : picture of a blank surface taken in the same light, of the same size
    model : of good faces, that the face is compared with
    network : that looks for marks, where the engine of the settings asks one

    Returns
    -------
    Inspection, NOT_GRADED with the reason when the fiber cannot be located, is out of focus or has no scale

    Raises
    ------
    UserError
        When the criteria have no such edition or class, or the engine asks a network and there is none.
    """
    given = (picture, info, request, config, calibration, provenance, flat_field, model)
    return all_stages(*given, network=network).inspection


@one_kernel()
def all_stages(
    picture: Picture,
    info: ImageInfo,
    request: Request,
    config: Config,
    calibration: Calibration | None,
    provenance: Provenance,
    flat_field: Picture | None = None,
    model: ReferenceModel | None = None,
    place: KnownPlace | None = None,
    network: SegmentationNetwork | None = None,
) -> Stages:
    """What `inspect_image` does, with what each stage came to; `place` says where the fiber lies, if that is known."""
    models = _Models(model, network)
    stages = _stages(picture, info, request, config, calibration, provenance, flat_field, models, place)
    stages = replace(stages, inspection=recorded(stages.inspection))
    return stages if model is None else _compared(stages, model, config)


def _compared(stages: Stages, model: ReferenceModel, config: Config) -> Stages:
    """With the face beside what good ones are like; the verdict stays its own."""
    clock, inspection = _Clock(), stages.inspection
    with clock.stage("compare", "Comparison with the Reference"):
        found = face_comparison.compare_face(inspection, stages.gray, stages.drawn, model, config)
        comparison = as_recorded(found.comparison)
    times = {**inspection.timings_s, **{name: rounded(name, seconds) for name, seconds in clock.seconds.items()}}
    return replace(stages, inspection=replace(inspection, reference=comparison, timings_s=times), compared=found)


@one_kernel()
def find_lanes(
    picture: Picture,
    info: ImageInfo,
    request: Request,
    config: Config,
    calibration: Calibration | None,
    layout: ConnectorLayout,
    flat_field: Picture | None = None,
) -> fiber_row.FoundRow | Notice:
    """Find the fibers of a connector in a picture; parameters as of `inspect_image`.

    Where not all of them show, what `localization` finds says how large they are, if it is larger than what seemed to
    be a row: grains of glass may lie on one too. A single fiber stands for its row.
    """
    gray, _ = _evened(to_gray(picture, config.preprocessing.bits_per_pixel or info.bits), flat_field, None, config)
    known = _known(request, config, _usable(calibration, info, config)[0])
    return fiber_row.with_strange(gray, _row(gray, known, config, layout), config.connector_search)


def _row(gray: FloatImage, known: Known, config: Config, layout: ConnectorLayout) -> fiber_row.FoundRow | Notice:
    search = config.connector_search
    row = fiber_row.find_row(gray, layout, search, known.cladding_px)
    if isinstance(row, fiber_row.FoundRow) and row.whole == len(layout.lanes) > 1:
        return row
    single = localization.locate(gray, config.localization, config.core, replace(known, in_the_middle=True))
    least_px = fiber_row.LARGER * row.cladding_px if isinstance(row, fiber_row.FoundRow) and row.whole else 0.0
    discs = fiber_row.clear_discs(gray, search, least_px)
    if not isinstance(single, NotLocated) and single.cladding.ellipse.mean_diameter_px >= least_px:
        cladding = single.cladding.ellipse
        discs = (fiber_row.Disc(cladding.center_px, cladding.mean_diameter_px),)
    larger = max(
        (fiber_row.row_around(gray, disc, layout, search) for disc in discs), key=fiber_row.clearness, default=row
    )
    return fiber_row.clearer(row, larger, search)


@one_kernel()
def find_ferrule_residue(
    picture: Picture,
    info: ImageInfo,
    config: Config,
    layout: ConnectorLayout,
    lattice: Lattice,
    first: tuple[int, int],
    flat_field: Picture | None = None,
) -> Residue:
    """What lies on the ferrule of a connector between its fibers; `first` is the first place of its first row.

    It is measured and shown, and no limit is held against it.
    """
    gray, _ = _evened(to_gray(picture, config.preprocessing.bits_per_pixel or info.bits), flat_field, None, config)
    rows, places = range(len(layout.rows)), range(layout.columns)
    fibers = [lattice.at(first[0] + row, first[1] + place) for row in rows for place in places]
    search = config.connector_search
    return ferrule_residue.find_residue(gray, layout, lattice, lattice.at(*first), fibers, search)


def inspect_lane(
    picture: Picture,
    info: ImageInfo,
    request: Request,
    config: Config,
    calibration: Calibration | None,
    provenance: Provenance,
    lane: Lane,
    flat_field: Picture | None = None,
    model: ReferenceModel | None = None,
    place: KnownPlace | None = None,
    network: SegmentationNetwork | None = None,
) -> tuple[Picture, Inspection]:
    """Inspect one fiber of a connector in its window of the picture; other parameters as of `inspect_image`.

    Parameters
    ----------
    lane : says which window
    place : of the fiber in the window; None: anywhere

    Returns
    -------
    The window, (h, w) or (h, w, 3), and its inspection, whose pixels count from the corner of the window
    """
    assert lane.window is not None, "a fiber that is inspected has a window"
    part = lane.window.of(picture)
    flat = None if flat_field is None else lane.window.of(flat_field)
    if calibration is not None and calibration.picture_size_px == info.size_px:
        calibration = replace(calibration, picture_size_px=None)  # its picture is that which the window is cut from
    info = replace(info, width=part.shape[1], height=part.shape[0])
    stages = all_stages(part, info, request, config, calibration, provenance, flat, model, place, network)
    return part, replace(stages.inspection, lane=lane)


def _stages(
    picture: Picture,
    info: ImageInfo,
    request: Request,
    config: Config,
    calibration: Calibration | None,
    provenance: Provenance,
    flat_field: Picture | None,
    models: _Models,
    place: KnownPlace | None,
) -> Stages:
    criteria = config.criteria.find(request.edition, request.fiber_class)
    scale, scale_notes = _usable(calibration, info, config)
    clock = _Clock()
    start = Inspection(
        info, provenance, request, criteria, Quality(), judging.not_graded(Notice("not_inspected", "Not inspected"))
    )
    bits = config.preprocessing.bits_per_pixel or info.bits
    with clock.stage("preprocess", "Preprocessing"):
        seen = _seen(picture, to_gray(picture, bits), flat_field, config)
        seen = seen.warned(scale_notes + _doubts(picture, bits))
    reason = _why_beyond_bits(picture, bits)
    if reason is not None:
        refused = _refused(replace(start, quality=seen.quality), reason, clock)
        return Stages(refused, seen.gray, localization.FoundFiber(NotLocated(reason.text)))
    with clock.stage("locate", "Fiber Localization"):
        known = _placed(_known(request, config, scale), place)
        fiber = localization.find_fiber(seen.gray, config.localization, config.core, known)
    geometry = _with_known_core(fiber.geometry, request, config)
    if isinstance(geometry, NotLocated):
        seen = seen.warned(missing_parts.missing_warnings(seen.parts))
        refused = _refused(replace(start, quality=seen.quality), notice("not_located", geometry.reason), clock)
        return Stages(refused, seen.gray, fiber)
    with clock.stage("overlays", "Overlay Detection"):
        seen, drawn = _without_overlays(seen, geometry, start)
    located = replace(start, quality=seen.quality, geometry=geometry.placed())
    reason = _why_few_levels(picture_quality.count_levels(seen.stored, geometry.cladding.ellipse), config)
    if reason is not None:
        return Stages(_refused(located, reason, clock), seen.gray, fiber)
    return _inspect_located(Stages(located, seen.gray, fiber, drawn), geometry, config, scale, models, clock)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A picture before its fiber is located, and what it is worth."""

    stored: FloatImage  # (H, W), 0..1, as stored
    parts: tuple[missing_parts.MissingPart, ...]
    coloured: Mask | None
    gray: FloatImage  # flattened, and without what is drawn in colour
    quality: Quality

    def warned(self, warnings: tuple[Notice, ...]) -> _Seen:
        return replace(self, quality=replace(self.quality, warnings=self.quality.warnings + warnings))


def _seen(picture: Picture, stored: FloatImage, flat_field: Picture | None, config: Config) -> _Seen:
    parts = missing_parts.find_missing(stored, config.preprocessing)
    coloured = overlays.find_coloured(picture)
    return _Seen(stored, parts, coloured, *_evened(stored, flat_field, coloured, config))


def _without_overlays(seen: _Seen, geometry: FiberGeometry, start: Inspection) -> tuple[_Seen, Mask | None]:
    """Without hot pixels, with what is missing and shifted around the fiber; and what is drawn over it."""
    cladding, blur_px = geometry.cladding.ellipse, geometry.cladding.blur_px
    outermost = cladding.scaled(CONTACT_ZONE if ZONE_NAMES["D"] in limited_zones(start) else 1.0)
    shift_px = interlacing.field_shift(seen.stored, cladding)
    gray, hot = _without_hot_pixels(seen.gray, geometry, outermost, shift_px)
    drawn = overlays.find_drawn(gray, cladding, blur_px, seen.coloured)
    around = missing_parts.missing_warnings(seen.parts, cladding, outermost)
    over = (*interlacing.shift_warnings(shift_px), *hot, *overlays.drawn_warnings(drawn, cladding))
    warned = seen.warned((*geometry.warnings, *around, *over))
    focus = cladding.mean_diameter_px / 2 / blur_px
    return replace(warned, gray=gray, quality=replace(warned.quality, focus=focus, field_shift_px=shift_px)), drawn


def _with_known_core(
    geometry: FiberGeometry | NotLocated, request: Request, config: Config
) -> FiberGeometry | NotLocated:
    """Without a core where the fiber is described as one whose core is not round."""
    described = config.structure_of(request)
    if described is None or described.round_core or isinstance(geometry, NotLocated):
        return geometry
    return replace(geometry, core=None)


def _refused(face: Inspection, reason: Notice, clock: _Clock) -> Inspection:
    """Not graded, for what keeps it from going on."""
    return replace(face, verdict=judging.not_graded(reason), timings_s=clock.timings())


def _evened(
    stored: FloatImage, flat_field: Picture | None, coloured: Mask | None, config: Config
) -> tuple[FloatImage, Quality]:
    """The grey levels flattened and without what is drawn in colour, and what they are worth."""
    gray, notes = picture_quality.flatten(stored, None if flat_field is None else to_gray(flat_field))
    quality = picture_quality.measure_quality(gray, config.preprocessing)
    return overlays.without(gray, coloured), replace(quality, warnings=quality.warnings + notes)


def _without_hot_pixels(
    gray: FloatImage, geometry: FiberGeometry, outermost: Ellipse, shift_px: float | None
) -> tuple[FloatImage, tuple[Notice, ...]]:
    """None are sought where fields are shifted: the ends of a comb are as sharp."""
    if shift_px is not None:
        return gray, ()
    gray, hot = hot_pixels.without_hot_pixels(gray, geometry.cladding.blur_px, outermost)
    return gray, hot_pixels.hot_pixel_warnings(hot)


def _inspect_located(
    stages: Stages,
    geometry: FiberGeometry,
    config: Config,
    calibration: Scale | None,
    models: _Models,
    clock: _Clock,
) -> Stages:
    located = stages.inspection
    request, quality = located.request, located.quality
    scale, warnings = dimensions.find_scale(geometry.cladding.ellipse, request, calibration, config.scale)
    scale = scale and as_recorded(scale, "um_per_px_x", "um_per_px_y")
    located = replace(
        located,
        scale=scale,
        measurements=dimensions.measure_geometry(geometry, scale, request, config.scale),
        quality=replace(quality, warnings=quality.warnings + warnings),
    )
    reason = _why_out_of_focus(quality, geometry, config)
    if reason is not None:
        return replace(stages, inspection=_refused(located, reason, clock))
    searched, search = _find_defects(located, stages, geometry, config, models, clock)
    with clock.stage("judge", "Acceptance Judgement"):
        graded = judging.grade(searched, config)
    return replace(stages, inspection=replace(graded, timings_s=clock.timings()), search=search)


def _why_beyond_bits(picture: Picture, bits: int | None) -> Notice | None:
    brightest = None if bits is None else brightest_beyond(picture, bits)
    if bits is None or brightest is None:
        return None
    text = f"{bits} bits end at {2**bits - 1}, the picture has levels up to {brightest}"
    return notice("beyond_bits", f"{text}; preprocessing.bits_per_pixel says it where the file is wrong")


def _doubts(picture: Picture, bits: int | None) -> tuple[Notice, ...]:
    """What there is to warn of a picture of 16 bits of which nobody says how many of them it uses."""
    assumed = doubtful_bits(picture) if bits is None else None
    if assumed is None:
        return ()
    text = f"nobody says how many, {assumed} are taken and whether the brightest levels are saturated is not known"
    return (notice("assumed_bits", f"{text}; set preprocessing.bits_per_pixel"),)


def _why_few_levels(levels: int, config: Config) -> Notice | None:
    least = config.preprocessing.min_levels
    if levels >= least:
        return None
    return notice("few_levels", f"at least {least} around the fiber are needed, there are {levels}")


def _why_out_of_focus(quality: Quality, geometry: FiberGeometry, config: Config) -> Notice | None:
    limit = least_focus(geometry.cladding.ellipse.mean_diameter_px / 2, config.preprocessing)
    if quality.focus is None or quality.focus >= limit:
        return None
    text = f"sharpness of the cladding edge must be at least {limit:g}, got {quality.focus:.1f}"
    return notice("out_of_focus", text)


def _find_defects(
    located: Inspection,
    stages: Stages,
    geometry: FiberGeometry,
    config: Config,
    models: _Models,
    clock: _Clock,
) -> tuple[Inspection, Search]:
    """With zones, measured marks and what the picture hides; not yet judged."""
    gray = stages.gray
    request, criteria, scale = located.request, located.criteria, located.scale
    placed = geometry.placed()  # marks are sought by the exact one, and placed by what a record gives back
    with clock.stage("zones", "Zone Detection"):
        outlines = zoning.zone_outlines(placed, criteria, request, scale)
        most_px = search_cladding_px(geometry.cladding, scale, criteria, request.zones, config.residual)
        doubled_px = config.residual.doubled_from_px, config.residual.doubled_below_px
        picture = working_picture(gray, geometry, most_px, doubled_px)
        drawn = overlays.reduced(stages.drawn, picture.gray.shape)
        search_pixel_px = rounded("px", math.sqrt(picture.pixel_px[0] * picture.pixel_px[1]))
        grains = speckle.find_speckle(picture.gray, picture.geometry)
    with clock.stage("residual", "Background Removal"):
        known = _known_beside(located, stages, picture, config, models.reference)
        reach = max(o.outer.mean_diameter_px for o in outlines) / geometry.cladding.ellipse.mean_diameter_px
        residual = _residual_of(known, reach, drawn, config)
        clipping = picture_quality.measure_clipping(picture, residual, config.preprocessing.saturation_level)
    if config.engine != "classical":
        with clock.stage("learned", "Learned Model"):
            residual = _with_kinds(residual, models.network, config)
    with clock.stage("detect", "Defect Detection"):
        evidence = fusion.gather_evidence(residual, config.engaged_detectors, config.folder)
        um_per_px = None if scale is None else scale.um_per_px * search_pixel_px
        candidates = fusion.find_candidates(residual, evidence, config.fusion, um_per_px)
    with clock.stage("measure", "Defect Measurement"):
        face = measuring.LocatedFace.of(placed, outlines, scale, request, config.scale)
        marks = measuring.measure(candidates, residual, face, config)
        marks = symmetry.with_symmetry(marks, known.glass, config.residual)
        defects = measuring.numbered(judging.placed(marks, outlines, criteria, request.zones))
    warnings = (*located.quality.warnings, *grains, *known.warnings)
    quality = replace(located.quality, warnings=warnings, clipping=clipping, search_pixel_px=search_pixel_px)
    searched = replace(located, quality=quality, zones=outlines, defects=defects)
    search = Search(picture, residual, evidence, candidates)
    return _with_maps(searched, search, gray, config, clock), search


def _residual_of(known: _Known, reach: float, drawn: Mask | None, config: Config) -> Residual:
    residual = background.residual(known.glass, reach * BEYOND_ZONES, config.residual, drawn, known.added)
    if known.reference is None:
        return residual
    return face_on_reference.with_departures(residual, known.reference, config.reference)


def _with_maps(searched: Inspection, search: Search, gray: FloatImage, config: Config, clock: _Clock) -> Inspection:
    """With the statistics of cells and the map of confidence, where reports ask for them."""
    residual, evidence = search.residual, search.evidence
    if config.reporting.cells:
        with clock.stage("cells", "Cell Statistics"):
            zones, defects = searched.zones, searched.defects
            cells = _measure_cells(gray, zones, residual, evidence, defects, searched.request)
        searched = replace(searched, cells=cells)
    if config.reporting.report:
        confidence = fusion.confidence_map(residual, evidence, search.picture.gray.shape, config.fusion)
        searched = replace(searched, confidence=confidence)
    return searched


def _with_kinds(residual: Residual, network: SegmentationNetwork | None, config: Config) -> Residual:
    """With what the network says of it."""
    if network is None:
        raise UserError(f"engine {config.engine}: needs a network that looks for marks, got none")
    return replace(residual, kinds=network.probabilities(residual))


@dataclass(frozen=True, slots=True)
class _Known:
    """The picture without what is known to be in it beside marks, and what that is."""

    glass: WorkingPicture
    added: FloatImage | None  # grey levels that were taken out; None: none were
    warnings: tuple[Notice, ...]
    reference: face_on_reference.OnReference | None = None  # None: marks are not sought by it


def _known_beside(
    located: Inspection, stages: Stages, picture: WorkingPicture, config: Config, model: ReferenceModel | None
) -> _Known:
    glass, structure = _without_described(located, picture, config)
    known = _Known(glass, structure.added, structure.warnings)
    if not config.uses_of_model or located.geometry is None:
        return known
    seen = face_on_reference.on_reference(stages.gray, located.geometry, stages.drawn, model)
    if REFERENCE_DETECTOR in (name for name, one in config.engaged_detectors.items() if one.enabled):
        known = replace(known, reference=seen)
        known = _warned(known, "reference_not_used", seen.why_not)
    if config.reference.subtract_archetype:
        return _without_pattern(known, seen, config.reference.absolute_limit)
    return known


def _warned(known: _Known, kind: str, why_not: tuple[str, ...]) -> _Known:
    """With a warning of what was refused, if it was; the comparison has all reasons."""
    more = f" (and {len(why_not) - 1} more)" if len(why_not) > 1 else ""
    return replace(known, warnings=(*known.warnings, *(notice(kind, why + more) for why in why_not[:1])))


def _without_pattern(known: _Known, seen: face_on_reference.OnReference, absolute_limit: float) -> _Known:
    """Without what the microscope adds at its place, as the archetype of good faces has it."""
    pattern = face_on_reference.find_pattern(known.glass, seen, absolute_limit)
    if pattern.added is None:
        return _warned(known, "archetype_not_subtracted", pattern.why_not)
    added = pattern.added if known.added is None else known.added + pattern.added
    return replace(known, glass=replace(known.glass, gray=known.glass.gray - pattern.added), added=added)


def _without_described(
    located: Inspection, picture: WorkingPicture, config: Config
) -> tuple[WorkingPicture, described_structure.FoundStructure]:
    """The picture without the structure that is described of the fiber, and that structure."""
    request, geometry = located.request, located.geometry
    described = config.structure_of(request)
    if described is None or located.scale is None or geometry is None:
        return picture, described_structure.FoundStructure()
    cladding_um = zoning.cladding_um(geometry, request, located.scale)
    found = described_structure.find_structure(picture, described, cladding_um, config.residual)
    glass = picture if found.added is None else replace(picture, gray=picture.gray - found.added)
    return glass, found


def _measure_cells(
    gray: FloatImage,
    outlines: tuple[ZoneOutline, ...],
    residual: Residual,
    evidence: fusion.Evidence,
    defects: tuple[Defect, ...],
    request: Request,
) -> tuple[Cell, ...]:
    """At the resolution of the stored picture, whatever that of the detectors is."""
    zones = zone_map(gray.shape, outlines)
    supports = fusion.supports_in_picture(residual, evidence, gray.shape)
    return measure_cells(gray, zones, supports, defects, request.zones)


def not_measured(
    info: ImageInfo,
    request: Request,
    config: Config,
    provenance: Provenance,
    reason: Notice,
) -> Inspection:
    """The record of a picture that could not be read or inspected: NOT_GRADED for the reason given.

    Raises
    ------
    UserError
        When the criteria have no such edition or class.
    """
    criteria = config.criteria.find(request.edition, request.fiber_class)
    verdict, model = judging.not_graded(reason), provenance.inputs.get("reference")
    reference = None if model is None else Comparison("NOT_COMPARED", (reason.text,), model)
    times = {"total": 0.0}
    return Inspection(info, provenance, request, criteria, Quality(), verdict, reference=reference, timings_s=times)


def _usable(
    calibration: Calibration | None, info: ImageInfo, config: Config
) -> tuple[Scale | None, tuple[Notice, ...]]:
    """The calibrated scale, if it is one for such pictures, and what there is to warn of."""
    if calibration is None:
        return None, ()
    foreign = _why_foreign(calibration, info)
    if not foreign:
        return calibration.scale, calibration.warnings
    if config.calibration.foreign == "refuse":
        return None, (*calibration.warnings, notice("foreign_calibration", f"{foreign}; it is not used"))
    return calibration.scale, (*calibration.warnings, notice("foreign_calibration", foreign))


def _why_foreign(calibration: Calibration, info: ImageInfo) -> str:
    made_px, made_by = calibration.picture_size_px, calibration.camera
    if made_px not in (None, (info.width, info.height)):
        return f"made with pictures of {made_px[0]} x {made_px[1]} px, this one has {info.width} x {info.height} px"
    if made_by is not None and info.camera is not None and info.camera.label != made_by:
        return f"made with camera {made_by}, this picture is of {info.camera.label}"
    return ""


def _known(request: Request, config: Config, calibration: Scale | None) -> Known:
    """What is known of the fiber, in pixels of the picture."""
    core, cladding = request.core_diameter_um, request.cladding_diameter_um
    given = request.pixel_aspect_ratio or config.scale.pixel_aspect_ratio
    return Known(
        core_ratio=None if core is None or cladding is None else core / cladding,
        cladding_px=_pixels(cladding, calibration),
        core_px=_pixels(core, calibration),
        pixel_aspect_ratio=given or (None if calibration is None else calibration.known_aspect_ratio),
        in_the_middle=request.fiber == "middle",
    )


def _placed(known: Known, place: KnownPlace | None) -> Known:
    if place is None:
        return known
    return replace(known, place=place, cladding_px=2 * place.radius_px if place.is_sure else known.cladding_px)


def _pixels(size_um: float | None, calibration: Scale | None) -> float | None:
    """Mean of width and height of a circle of this diameter."""
    if size_um is None or calibration is None:
        return None
    return (size_um / calibration.um_per_px_x + size_um / calibration.um_per_px_y) / 2
