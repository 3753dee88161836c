"""What keeps a measured face from being judged, and what of its zones cannot be seen; needs no pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from dscope_blink.analysis.zoning import clipped_share, contains
from dscope_blink.config.settings import Config, Measurement, Preprocessing
from dscope_blink.records import (
    WHOLE,
    ZONE_NAMES,
    Criteria,
    Inspection,
    Notice,
    ZoneCriteria,
    ZoneOutline,
    notice,
    percent_of,
    rounded,
    size_in_words,
)

CRITICAL = ("A", "B")  # the zones that carry the light: by their borders they must be seen whole
OF_ZONES = ("zone_cut", "zone_clipped", "zone_not_searched")  # the kinds of `zone_warnings`

CANNOT_BE_SEEN = "is black, saturated or covered"


def has_limit(zone: ZoneCriteria) -> bool:
    """Whether any number of marks in the zone is limited."""
    return any(band.max_count is not None for band in (*zone.scratches, *zone.defects))


def smallest_limit_um(criteria: Criteria, zones: Sequence[str]) -> float | None:
    """The smallest size that decides anything in the zones of these names; None when no size does."""
    asked = (zone for zone in criteria.zones if zone.name in zones)
    steps = (step for zone in asked for bands in (zone.scratches, zone.defects) for step in pairwise(bands))
    return min((b.min_um for a, b in steps if a.max_count != b.max_count and b.min_um > 0), default=None)


# --- what cannot be seen ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CutZone:
    """A zone with limits that is not wholly in the picture."""

    seen: str  # how much of it is, in words
    least: float  # share that must be
    tolerable: bool  # enough of it for a verdict


@dataclass(frozen=True, slots=True)
class Hidden:
    """What cannot be seen, or was not searched, of the zones of a face."""

    cut: tuple[CutZone, ...]
    clipped: Mapping[
        str, float
    ]  # share of each zone with limits that is black, saturated or covered, the innermost first
    beyond: tuple[str, ...]  # names of zones that reach beyond what was searched for marks


def find_hidden(face: Inspection, stored: Inspection | None, config: Config) -> Hidden:
    """What cannot be seen of the zones to inspect.

    Parameters
    ----------
    face : located and searched, its zones those of its criteria
    stored : the face in whose zones marks were sought, where those are others
    config : how much of a zone must be seen
    """
    beyond = () if stored is None else tuple(o.name for o in _asked(face) if not _was_searched(o, stored.zones))
    return Hidden(_cut_zones(face, config), _clipped_zones(face), beyond)


def zone_warnings(hidden: Hidden, config: Config) -> tuple[Notice, ...]:
    """What is hidden of the zones and does not keep the face from being judged."""
    return (
        *(notice("zone_cut", f"{zone.seen}, what lies beyond is not judged") for zone in hidden.cut),
        *(
            notice(
                "zone_clipped", f"{share:.0%} of zone {name} is black, saturated or covered, marks there may not show"
            )
            for name, share in clipped_zones(hidden, config).items()
        ),
        *(
            notice("zone_not_searched", f"zone {name} reaches beyond what was searched, its marks are not all known")
            for name in hidden.beyond
        ),
    )


def clipped_zones(hidden: Hidden, config: Config) -> Mapping[str, float]:
    """The share of each zone with limits of which so much is black, saturated or covered that it is warned of."""
    most = config.preprocessing.clipped_warning_zone
    return {name: share for name, share in hidden.clipped.items() if share > most}


def _asked(face: Inspection) -> tuple[ZoneOutline, ...]:
    return tuple(outline for outline in face.zones if outline.name in face.request.zones)


def _was_searched(outline: ZoneOutline, sought: Sequence[ZoneOutline]) -> bool:
    return any(contains(other, outline) for other in reversed(sought))  # the outermost holds most


def _cut_zones(face: Inspection, config: Config) -> tuple[CutZone, ...]:
    settings, limited = config.measurement, limited_zones(face)
    by_border = settings.coverage_rule == "border"
    whole = settings.min_coverage if by_border else WHOLE
    outlines = {outline.name: outline for outline in face.zones if outline.name in limited}
    cut = []
    for zone in (zone for zone in face.criteria.zones if zone.name in outlines):
        outline = outlines[zone.name]
        assert outline.seen is not None, "a face that is judged knows how much of its zones is seen"
        if outline.seen < whole:
            least = least_seen(zone, settings)
            seen = f"{outline.seen_in_words}{' of its border' if by_border else ''}"
            cut.append(CutZone(seen, least, outline.seen >= min(least, whole)))
    return tuple(cut)


def least_seen(zone: ZoneCriteria, settings: Measurement) -> float:
    """The share of a zone that must lie in the picture: its own, or that of the settings."""
    if zone.min_seen is not None:
        return zone.min_seen
    if settings.coverage_rule == "border":
        return settings.min_coverage if zone.zone in CRITICAL else settings.min_coverage_outer
    return settings.min_seen[zone.name]


def _clipped_zones(face: Inspection) -> Mapping[str, float]:
    geometry, clipping = face.geometry, face.quality.clipping
    assert geometry is not None, "a face with zones is located"
    assert clipping is not None, "and searched"
    radius_px = geometry.cladding.ellipse.mean_diameter_px / 2
    edges = [0.0, *(outline.radius_px / radius_px for outline in face.zones)]
    shares = {
        outline.name: clipped_share(clipping, inner, outer)
        for outline, inner, outer in zip(face.zones, edges[:-1], edges[1:], strict=True)
    }
    return {name: shares[name] for name in limited_zones(face) if name in shares}


def limited_zones(face: Inspection) -> tuple[str, ...]:
    """Names of the zones to inspect in which any number of marks is limited, the innermost first."""
    names = (zone.name for zone in face.criteria.zones if has_limit(zone))
    return tuple(name for name in names if name in face.request.zones)


NO_SCALE = (
    "no known cladding diameter and no calibration, so limits in um cannot be applied; give the cladding diameter, "
    "or calibrate the microscope"
)


# --- what keeps a face from being judged ------------------------------------------------------------------------------


def why_not_graded(face: Inspection, hidden: Hidden, stored: Inspection | None, config: Config) -> Notice | None:
    """What keeps measured marks from being judged; None when nothing does.

    Parameters
    ----------
    face : located and searched, its zones those of its criteria
    hidden : what `find_hidden` says of it
    stored : the face as it was searched, where that was for other criteria
    config : limits of what can be graded
    """
    if face.scale is None:
        return notice("no_scale", NO_SCALE)
    return (
        _why_without_limit(face)
        or _why_without_zone(face)
        or _why_not_sought(face, hidden, stored)
        or _why_not_of_the_face(face)
        or _why_interlaced(face, face.scale.um_per_px)
    )


def why_no_pass(face: Inspection, hidden: Hidden, config: Config) -> tuple[Notice, ...]:
    """What could not be seen of a face that can be judged: it may hide a mark, and mends none that is seen.

    Parameters
    ----------
    face : located and searched, with a scale, its zones those of its criteria
    hidden : what `find_hidden` says of it
    config : limits of what can be graded
    """
    assert face.scale is not None, "a face that can be judged has a scale"
    um_per_px = face.scale.um_per_px
    unseen = (
        _why_doubtful(face),
        _why_cut(hidden),
        _why_clipped(hidden, config),
        _why_drawn_over(face),
        _why_blurred(face, um_per_px, config),
        _why_too_coarse(face, um_per_px, config),
        _why_too_narrow(face, um_per_px),
        *(warning for warning in face.quality.warnings if warning.kind in OF_SOURCES),
    )
    return tuple(reason for reason in unseen if reason is not None)


# What keeps an aggregate from passing.
OF_SOURCES = (
    "source_not_graded",
    "source_fails",
    "not_looked_at",
    "failing_shot_refused",
    "mark_without_place",
    "mark_without_size",
)


def _why_without_limit(face: Inspection) -> Notice | None:
    """A face that no limit is held against has not passed anything."""
    if limited_zones(face):
        return None
    return notice("no_limits", f"the criteria have none in zone {', '.join(face.request.zones)}")


def _why_without_zone(face: Inspection) -> Notice | None:
    outlines = {outline.name: outline for outline in face.zones}
    inner_px = 0.0
    for zone in face.criteria.zones:
        outline = outlines.get(zone.name)
        if zone.name in face.request.zones and (outline is None or outline.radius_px <= inner_px):
            if zone.outer.of == "core" and face.geometry is not None and face.geometry.core is None:
                return notice("no_core", f"the criteria need it for zone {zone.name}")
            return Notice("no_zone", f"No zone {zone.name}: the criteria give it no extent on this fiber")
        inner_px = inner_px if outline is None else outline.radius_px
    return None


def _why_not_sought(face: Inspection, hidden: Hidden, stored: Inspection | None) -> Notice | None:
    """Marks may be missing where none were sought, or where marks of these zones were put in others and left out."""
    limited = [name for name in hidden.beyond if name in limited_zones(face)]
    if limited:
        return notice("not_inspected", f"zone {limited[0]} reaches beyond what was searched for marks")
    if stored is None or set(face.request.zones) == set(ZONE_NAMES.values()) or _marks_were_put_alike(face, stored):
        return None
    return notice("not_inspected", f"only zone {', '.join(face.request.zones)} was, and its borders were others")


def _marks_were_put_alike(face: Inspection, stored: Inspection) -> bool:
    """Whether each mark that these criteria put in an inspected zone was put in one then, and is in the record."""
    kept_more = stored.criteria.zone_rule in ("touched", face.criteria.zone_rule)
    same = [o.letter for o in face.zones] == [o.letter for o in stored.zones] and all(
        contains(a, b) and contains(b, a) for a, b in zip(face.zones, stored.zones, strict=True)
    )
    return kept_more and same


def _why_not_of_the_face(face: Inspection) -> Notice | None:
    """The border of what was left unfilled looks like a mark, as grains of speckle do: neither fails anything."""
    return next((warning for warning in face.quality.warnings if warning.kind in NOT_OF_THE_FACE), None)


NOT_OF_THE_FACE = ("part_missing", "speckle")


def _why_interlaced(face: Inspection, um_per_px: float) -> Notice | None:
    """Between fields that lie further apart than a mark that decides, marks come and go."""
    shift_px, limit_um = face.quality.field_shift_px, smallest_limit_um(face.criteria, face.request.zones)
    if shift_px is None or abs(shift_px) * um_per_px <= (limit_um or 0.0):
        return None
    shift = f"even and odd rows lie {abs(shift_px) * um_per_px:.1f} um apart"
    return notice("interlaced", f"{shift}, more than the limit of {limit_um:g} um" if limit_um else shift)


DOUBTS = ("two_borders", "dark_surroundings", "core_contradiction", "maybe_core", "structure_not_found")


def _why_doubtful(face: Inspection) -> Notice | None:
    """Where another circle may be the cladding's, or the fiber another, a face that looks clean may not be."""
    return next((warning for warning in face.quality.warnings if warning.kind in DOUBTS), None)


def _why_cut(hidden: Hidden) -> Notice | None:
    hopeless = [zone for zone in hidden.cut if not zone.tolerable]
    if not hopeless:
        return None
    return notice("cut_by_border", f"{hopeless[0].seen}, {percent_of(hopeless[0].least)} must be")


def _why_clipped(hidden: Hidden, config: Config) -> Notice | None:
    most = config.preprocessing.clipped_max_zone
    for name, share in hidden.clipped.items():
        if share > most:
            return notice("clipped", f"{share:.0%} of zone {name} {CANNOT_BE_SEEN}, at most {most:.0%} may be")
    return None


def _why_drawn_over(face: Inspection) -> Notice | None:
    """Under text, lines or a badge on the fiber may lie what any limit is broken by."""
    return next((warning for warning in face.quality.warnings if warning.kind == "drawn_over"), None)


def least_focus(radius_px: float, settings: Preprocessing) -> float:
    """Least radius of the cladding over the blur of its edge, for a cladding of this radius.

    A fiber of few pixels is as blurred as its pixels are large: that is for the resolution to say.
    """
    return min(settings.focus_min, radius_px / settings.sharp_px)


def _why_blurred(face: Inspection, um_per_px: float, config: Config) -> Notice | None:
    """Optics that spread a mark too wide hide it, be it on the whole face or on one side of it."""
    blurs = (*_blur_by_direction(face, um_per_px, config), _blur_of_all(face, um_per_px, config))
    for where, blur_px, most_px in blurs:
        blur_um, most_um = blur_px * um_per_px, most_px * um_per_px
        if blur_um > most_um:
            text = f"{where} is blurred by {size_in_words(blur_um, (most_um,))} um (sigma)"
            return notice("out_of_focus", f"{text}, at most {size_in_words(most_um)} um may be")
    return None


def _blur_of_all(face: Inspection, um_per_px: float, config: Config) -> tuple[str, float, float]:
    """On a large fiber an edge can be sharp beside the radius, and still be wider than a mark that matters."""
    assert face.geometry is not None, "a face with zones is located"
    limit_um = smallest_limit_um(face.criteria, face.request.zones)
    most_px = math.inf if limit_um is None else limit_um / config.measurement.min_blurs_per_limit / um_per_px
    return "the edge of the cladding", rounded("blur_px", face.geometry.cladding.blur_px), most_px


def _blur_by_direction(face: Inspection, um_per_px: float, config: Config) -> Iterator[tuple[str, float, float]]:
    """A face that lies at an angle to the focal plane is sharp on one side alone.

    Defocus grows evenly across it: from that of the middle to what the edge shows in each direction, and on beyond.
    """
    assert face.geometry is not None, "a face with zones is located"
    cladding = face.geometry.cladding
    radius_px = cladding.ellipse.mean_diameter_px / 2
    most_px = radius_px / max(least_focus(radius_px, config.preprocessing), 1e-9)
    seen = [blur for blur in cladding.sector_blur_px if blur is not None]
    for outline in (o for o in face.zones if o.name in limited_zones(face) and seen):
        size_um = smallest_limit_um(face.criteria, (outline.name,)) or 0.0
        allowed_px = max(most_px, BLUR_OF_SIZE * size_um / um_per_px)
        share, middle_px = outline.radius_px / radius_px, median(seen)
        for where, blur in zip(DIRECTIONS, cladding.sector_blur_px, strict=True):
            blur_px = middle_px if blur is None else middle_px + share * (blur - middle_px)
            yield f"{where} zone {outline.name}", blur_px, allowed_px


DIRECTIONS = (
    *("on the right", "at the lower right", "at the bottom", "at the lower left"),
    *("on the left", "at the upper left", "at the top", "at the upper right"),
)
BLUR_OF_SIZE = 0.5  # a disc keeps 39 % of its contrast under a Gaussian of half its diameter: 1 - exp(-1 / 2)


def _why_too_coarse(face: Inspection, um_per_px: float, config: Config) -> Notice | None:
    limit_um, needed = smallest_limit_um(face.criteria, face.request.zones), config.measurement.min_pixels_per_limit
    if limit_um is None:
        return None
    pixels = limit_um / (um_per_px * max(face.quality.search_pixel_px or 1.0, 1.0))  # doubling shows no more
    if pixels >= needed:
        return None
    return notice("too_coarse", f"the limit of {limit_um:g} um must span {needed:g} pixels, it spans {pixels:.2f}")


def _why_too_narrow(face: Inspection, um_per_px: float) -> Notice | None:
    """On a fiber of a few um a mark can fill a zone and be smaller than any size that the criteria hold against it."""
    limited = limited_zones(face)
    for outline in (o for o in face.zones if o.name in limited):
        limit_um, width_um = smallest_limit_um(face.criteria, (outline.name,)), 2 * outline.radius_px * um_per_px
        if limit_um is not None and width_um < limit_um:
            text = f"zone {outline.name} is {width_um:.2f} um across, its smallest limit is {limit_um:g} um"
            return notice("no_limits", text)
    return None
