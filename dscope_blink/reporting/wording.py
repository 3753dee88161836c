"""What is said of one inspection, in words and short tables, for page, certificate and terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Literal, TypeAlias

from dscope_blink.records import (
    LIMIT_BROKEN,
    SEVERITIES,
    ZONE_NAMES,
    Check,
    Comparison,
    CoreFit,
    Criteria,
    Defect,
    Inspection,
    Provenance,
    Scale,
    SizeBand,
    ZoneCriteria,
    ZoneOutline,
    deciding_bound,
    deciding_size,
    judged_by,
    judged_size,
    percent_of,
    stretched,
    texts,
    unsure_size,
)
from dscope_blink.records.kinds import Letter
from dscope_blink.reporting.look import CLASS_TITLES

Facts: TypeAlias = tuple[tuple[str, str], ...]  # label and text
Result: TypeAlias = Literal["kept", "broken", "no limit", "not graded", "not inspected"]  # of a zone

NOT_CONFIRMED = "NOT CONFIRMED: these limits are not confirmed against a published text"
_SOURCES = {
    "user_cladding": "known cladding diameter",
    "picture": "file of the picture",
    "calibration": "calibration of the microscope",
    "assumed_cladding": "assumed cladding diameter",
}


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table in words; `broken` are the numbers of the rows that break a limit."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    broken: frozenset[int] = frozenset()


# --- the verdict


def status_of(inspection: Inspection) -> str:
    """The verdict as it is stamped."""
    return str(inspection.verdict.status).replace("_", " ")


def reasons_of(inspection: Inspection) -> tuple[str, ...]:
    """Why it is so; of a PASS the limit that was the closest, and zones that were seen in part."""
    verdict = inspection.verdict
    if verdict.status != "PASS":
        return tuple(texts(verdict.reasons))
    closest = inspection.closest_limit
    return ("No limit is broken.", *([f"Closest: {closest}"] if closest else []), *inspection.seen_in_part)


def unconfirmed(inspection: Inspection) -> str:
    """That the limits are not confirmed; empty when they are, or where there are none."""
    criteria = inspection.criteria
    return "" if criteria.confirmed or not criteria.zones else NOT_CONFIRMED


# --- what it rests on


def criteria_facts(inspection: Inspection) -> Facts:
    """What was judged by."""
    criteria, asked, structure = inspection.criteria, inspection.request.zones, inspection.request.fiber_structure
    graded = "Asked for" if inspection.verdict.status == "NOT_GRADED" else "Graded to"
    size_by = criteria.size_by
    counting = (
        f"scratches by {size_by.scratches}, others by {size_by.defects}; "
        f"the zone is that of the {'most critical part' if criteria.zone_rule == 'touched' else 'centroid'}"
    )
    return (
        (graded, criteria.title),
        ("Edition, class", f"{criteria.edition}, {criteria.fiber_class}"),
        ("Limits from", criteria.source),
        ("Confirmed", "yes" if criteria.confirmed else NOT_CONFIRMED),
        ("Marks are sized", counting),
        ("Zones inspected", ", ".join(asked) if len(asked) == len(ZONE_NAMES) else f"ONLY {', '.join(asked)}"),
        *((("No marks", f"structure of the fiber, {structure}"),) if structure else ()),
    )


def scale_facts(inspection: Inspection) -> Facts:
    """The scale, where it comes from, and how sure it is."""
    scale, made = inspection.scale, inspection.provenance
    calibration = ("Calibration sha256", made.inputs.get("calibration") or "no calibration was given")
    if scale is None:
        return ("Scale", "none: sizes are in pixels, and nothing can be graded"), calibration
    given = inspection.request.cladding_diameter_um
    of = f" of {given:g} um" if scale.source == "user_cladding" and given is not None else ""
    return (
        ("Scale", f"{scale.um_per_px_x:.5g} um/px along x, {scale.um_per_px_y:.5g} um/px along y"),
        ("Its uncertainty", _scale_uncertainty(inspection)),
        ("Its source", f"{_SOURCES[scale.source]}{of}"),
        calibration,
    )


def _scale_uncertainty(inspection: Inspection) -> str:
    found = inspection.measured("um_per_px")
    if not found.value or found.uncertainty is None:
        return "not recorded"
    return f"± {100 * found.uncertainty / found.value:.2f} % (k = 2)"


def quality_facts(inspection: Inspection) -> Facts:
    """What the picture is worth."""
    quality = inspection.quality
    focus, saturated = quality.focus, quality.saturated_fraction
    return _known(
        ("Focus", None if focus is None else f"{focus:.1f}"),
        ("Saturated", None if saturated is None else f"{100 * saturated:.2f} % of the picture"),
        ("In the picture", "; ".join(inspection.seen_in_part) or None),
        *(
            ()
            if inspection.reference is None
            else ((_beside_what(inspection.reference), _beside(inspection.reference)),)
        ),
    )


def _beside_what(found: Comparison) -> str:
    return "Beside its own symmetry" if found.status == "NO_REFERENCE" else "Beside good faces"


def _beside(found: Comparison) -> str:
    """What the reference says in one line; the verdict is another."""
    score = "" if found.score is None else f", {found.score:.2f} of the limit"
    more = f" (and {len(found.reasons) - 1} more)" if len(found.reasons) > 1 else ""
    return f"{found.status.replace('_', ' ')}{score}{'; ' if found.reasons else ''}{''.join(found.reasons[:1])}{more}"


def warning_facts(inspection: Inspection) -> Facts:
    """What else to know about the picture."""
    return tuple(("Warning", warning.text) for warning in inspection.quality.warnings)


def _known(*facts: tuple[str, str | None]) -> Facts:
    return tuple((label, text) for label, text in facts if text is not None)


def provenance_facts(inspection: Inspection) -> Facts:
    """Which picture, program and settings gave the result, with their hashes."""
    image, made, camera = inspection.image, inspection.provenance, inspection.image.camera
    size = "could not be read" if image.width is None else f"{image.width} x {image.height} px"
    return _known(
        ("Picture", f"{inspection.title}, {size}"),
        ("Picture sha256", image.sha256 or "the file could not be read"),
        ("Camera", None if camera is None else f"{camera.label}, {camera.taken}"),
        ("Program", f"{made.program}, profile {made.profile}"),
        ("Inspected", made.started),
        ("Configuration sha256", made.inputs.get("config")),
        ("Flat field sha256", made.inputs.get("flat_field")),
        ("Reference sha256", made.inputs.get("reference")),
        *engine_facts(made),
    )


def engine_facts(made: Provenance) -> Facts:
    """What looked for marks, and the learned model that did; nothing where none did."""
    words = {"both": "detectors and a learned model", "dl": "a learned model alone"}.get(made.engine)
    return _known(("Marks looked for by", words), ("Learned model sha256", made.inputs.get("learned")))


def carried_facts(inspection: Inspection) -> Facts:
    """What the manifest says beside: serial, operator ..."""
    return tuple(inspection.request.manifest.items())


# --- tables


_DIMENSIONS = (
    ("Cladding diameter", "cladding_diameter"),
    ("Core diameter", "core_diameter"),
    ("Core/cladding concentricity error", "core_cladding_offset"),
    ("Cladding non-circularity", "cladding_non_circularity_pct"),
    ("Core non-circularity", "core_non_circularity_pct"),
    ("Tilt of the face", "face_tilt_deg"),
)
_UNITS = {"um": "um", "px": "px", "pct": "%", "deg": "deg"}


def dimension_table(inspection: Inspection) -> TextTable:
    """What the fiber measures, each value with its expanded uncertainty; without rows where it was not located."""
    header = ("Dimension", "Value", "Uncertainty (k = 2)")
    if inspection.geometry is None:
        return TextTable(header, ())
    unit = "um" if inspection.scale else "px"
    keys = ((title, key if key.endswith(("_pct", "_deg")) else f"{key}_{unit}") for title, key in _DIMENSIONS)
    rows = (_dimension_row(inspection, title, key) for title, key in keys)
    return TextTable(header, (*filter(None, rows), *_unseen_core(inspection.geometry.core)))


def _dimension_row(inspection: Inspection, title: str, key: str) -> tuple[str, ...]:
    """Empty where it was not measured."""
    found, unit = inspection.measured(key), _UNITS[key.rpartition("_")[2]]
    if found.value is None:
        return ()
    source = inspection.scale.source if inspection.scale else ""
    how = {"user_cladding": " (given)", "assumed_cladding": " (assumed)"}.get(source, "")
    known = how if key == "cladding_diameter_um" else ""
    unsure = "" if found.uncertainty is None else f"± {found.uncertainty:.2f} {unit}"
    return (title + known, f"{found.value:.2f} {unit}", unsure)


def _unseen_core(core: CoreFit | None) -> tuple[tuple[str, ...], ...]:
    if core is not None and core.source == "measured":
        return ()
    return (("Core", "not measured", "" if core is None else core.reason),)


def zone_table(inspection: Inspection) -> TextTable:
    """Each zone with its outer border, how much of it is seen, and its limits."""
    outlines = {outline.letter: outline for outline in inspection.zones}
    ruled = {zone.zone: zone for zone in inspection.criteria.zones}
    rows = []
    for letter, name in ZONE_NAMES.items():
        if letter in ruled or letter in outlines:
            border = _border(ruled.get(letter), letter in outlines and inspection.scale is None)
            measured = _diameter(outlines[letter], inspection.scale) if letter in outlines else "not located"
            inspected = name in inspection.request.zones
            seen = _seen(outlines.get(letter), ruled.get(letter))
            rows.append((f"{letter} {name}", border, measured, seen, *_limits(ruled.get(letter), inspected)))
    return TextTable(("Zone", "Outer border", "Diameter", "Seen", "Scratches", "Other marks"), tuple(rows))


def _seen(outline: ZoneOutline | None, zone: ZoneCriteria | None) -> str:
    """How much of it, and how much of it the criteria themselves ask for."""
    if outline is None or outline.seen is None:
        return ""
    asked = "" if zone is None or zone.min_seen is None else f", {percent_of(zone.min_seen)} asked for"
    return f"{percent_of(outline.seen) if outline.is_seen_in_part else 'all'}{asked}"


def _border(zone: ZoneCriteria | None, in_pixels: bool) -> str:
    """Without a scale the zones that are drawn are those of the picture, not those of the criteria."""
    return "as it shows" if zone is None or in_pixels else zone.outer.in_words


def _diameter(outline: ZoneOutline, scale: Scale | None) -> str:
    """The mean of both axes."""
    if scale is None:
        return f"{outline.outer.mean_diameter_px:.1f} px"
    return f"{stretched(outline.outer, (scale.um_per_px_x, scale.um_per_px_y)).mean_diameter_px:.1f} um"


def _limits(zone: ZoneCriteria | None, inspected: bool) -> tuple[str, str]:
    if not inspected:
        return "not inspected", "not inspected"
    kinds = ((), ()) if zone is None else (zone.scratches, zone.defects)
    scratches, others = ("; ".join(map(_allowed, bands)) or "no limit" for bands in kinds)
    return scratches, others


def _allowed(band: SizeBand) -> str:
    number = "any number" if band.max_count is None else f"at most {band.max_count}" if band.max_count else "none"
    return f"{band.in_words}: {number}"


@dataclass(frozen=True, slots=True)
class ZoneResult:
    """What came of one zone, for a picture: short, and as its ring is coloured."""

    letter: Letter
    title: str  # `B cladding 110 um`
    found: str  # how many marks
    counted: str
    allowed: str
    result: Result
    seen: str  # how much of it, where that is not all

    @property
    def inspected(self) -> bool:
        """Whether it was."""
        return self.result != "not inspected"

    @property
    def in_words(self) -> str:
        """The result, and how much of the zone was seen."""
        result = self.result.upper() if self.result == "broken" else self.result
        return f"{result}, {self.seen} seen" if self.seen and self.inspected else result


def zone_results(inspection: Inspection) -> tuple[ZoneResult, ...]:
    """Each located zone with its marks, what is allowed, and what came of it."""
    ruled = {zone.zone: zone for zone in inspection.criteria.zones}
    return tuple(_zone_result(outline, ruled.get(outline.letter), inspection) for outline in inspection.zones)


def _zone_result(outline: ZoneOutline, zone: ZoneCriteria | None, inspection: Inspection) -> ZoneResult:
    marks = [mark for mark in inspection.defects if mark.zone == outline.name]
    result, graded = result_of_zone(outline.name, inspection), inspection.verdict.status != "NOT_GRADED"
    return ZoneResult(
        outline.letter,
        f"{outline.letter} {outline.name} {_short(outline, inspection.scale)}",
        "" if result == "not inspected" else str(len(marks)),
        str(sum(mark.counted for mark in marks)) if graded and result != "not inspected" else "",
        _allowed_in_short(zone) or "any",
        result,
        percent_of(outline.seen) if outline.seen is not None and outline.is_seen_in_part else "",
    )


def _short(outline: ZoneOutline, scale: Scale | None) -> str:
    """Its diameter to three digits, or all before the point."""
    number, _, unit = _diameter(outline, scale).rpartition(" ")
    value = float(number)
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def _allowed_in_short(zone: ZoneCriteria | None) -> str:
    """`scratches > 3 um: none; others 2 to 5 um: 5, > 5 um: none`: only what has a limit."""
    if zone is None:
        return ""
    kinds = (("scratches", zone.scratches), ("others", zone.defects))
    limited = ((kind, [_band_in_short(band) for band in bands if band.max_count is not None]) for kind, bands in kinds)
    return "; ".join(f"{kind} {', '.join(limits)}" for kind, limits in limited if limits)


def _band_in_short(band: SizeBand) -> str:
    number = band.max_count or "none"
    if band.in_words == "of any size":
        return f"{number}"
    two_sided = band.min_um and band.max_um is not None
    return f"{f'{band.min_um:g} to {band.max_um:g} um' if two_sided else band.in_words}: {number}"


def result_of_zone(zone: str, inspection: Inspection) -> Result:
    """What came of one zone: of a face that FAILed it is kept only if nothing but the limits speaks against a PASS."""
    verdict = inspection.verdict
    if zone not in inspection.request.zones:
        return "not inspected"
    if verdict.status == "NOT_GRADED":
        return "not graded"
    checks = [check for check in verdict.checks if check.zone == zone]
    if any(check.broken for check in checks):
        return "broken"
    if not checks:
        return "no limit"
    return "not graded" if any(reason.kind != LIMIT_BROKEN for reason in verdict.reasons) else "kept"


_MEASURES = {"width": " wide", "length": " long", "diameter": ""}


def mark_label(mark: Defect, inspection: Inspection) -> str:
    """`E1 13.3 > 10 um`: the size that the criteria go by, and the limit that it breaks.

    `P3 3.2 um (7 > 5)` where such marks are too many, `S1 2.1 um wide, none allowed` where none may be; `P2 3.1 um`
    of a mark that breaks none.
    """
    criteria, checks = inspection.criteria, inspection.verdict.checks
    number, _, unit = judged_size(mark, criteria).rpartition(" ")
    measure = _MEASURES[judged_by(mark, criteria)]
    broken = next((check for check in checks if check.broken and mark.id in check.defects), None)
    if broken is None:
        return f"{mark.id} {number} {unit}{measure}"
    if broken.max_count:
        return f"{mark.id} {number} {unit}{measure} ({broken.count} > {broken.max_count})"
    if not broken.limit_um:
        return f"{mark.id} {number} {unit}{measure}, none allowed"
    sign = ">=" if float(number.removeprefix("<= ")) == broken.limit_um else ">"
    return f"{mark.id} {number} {sign} {broken.limit_um:g} {unit}{measure}"


def limit_table(inspection: Inspection) -> TextTable:
    """Every limit that was held, with what was measured against it."""
    checks = inspection.verdict.checks
    rows = tuple(
        (
            check.zone,
            check.rule,
            str(check.count),
            str(check.max_count or "none"),
            deciding_size(check, inspection.criteria, inspection.defects),
            _to_spare(check, deciding_bound(check, inspection.criteria, inspection.defects)),
            "BROKEN" if check.broken else "held",
        )
        for check in checks
    )
    header = ("Zone", "Limit", "Found", "Allowed", "Size that decides", "To spare", "Result")
    return TextTable(header, rows, frozenset(n for n, check in enumerate(checks) if check.broken))


def _to_spare(check: Check, at_most_um: float | None) -> str:
    if at_most_um is not None:
        return check.spare_in_words(at_most_um)
    margin = check.margin_in_words
    return f"{'-' if (check.margin_um or 0.0) < 0 else '+'}{margin}" if margin else ""


def mark_table(inspection: Inspection) -> TextTable:
    """Every mark with its size and the limits it was held against, those that break one first."""
    criteria, checks = inspection.criteria, inspection.verdict.checks
    blamed = inspection.broken
    marks = sorted(inspection.defects, key=lambda mark: (mark.id not in blamed, SEVERITIES.index(mark.severity)))
    rows, broken = [], set()
    for number, mark in enumerate(marks):
        held = [check for check in checks if mark.id in check.defects]
        if any(check.broken for check in held):
            broken.add(number)
        place = (mark.id, mark.zone, kind_in_words(mark), _distance(mark), _size(mark, criteria))
        rows.append((*place, _held_against(held, inspection), _outcome(held, inspection)))
    header = ("Mark", "Zone", "Kind", "From centre", "Measured", "Limit", "Result")
    return TextTable(header, tuple(rows), frozenset(broken))


def kind_in_words(mark: Defect) -> str:
    """Its class, and the next likely one where that is worth a word."""
    title = CLASS_TITLES[mark.classification]
    other, likely = next_class(mark)
    return title if likely < LEAST_TOLD else f"{title} (or {CLASS_TITLES[other].lower()}, {100 * likely:.0f} %)"


def next_class(mark: Defect) -> tuple[str, float]:
    """The likeliest class after its own and how likely it is; nothing and 0 where its class is taken as certain."""
    others = {name: p for name, p in mark.class_probabilities.items() if name != mark.classification}
    return max(others.items(), key=itemgetter(1), default=("", 0.0))


LEAST_TOLD = 0.1  # of another class


def _size(mark: Defect, criteria: Criteria) -> str:
    """The size that the criteria go by."""
    return f"{judged_by(mark, criteria)} {unsure_size(mark, criteria)}"


def _distance(mark: Defect) -> str:
    """Of its nearest point from the centre of the fiber."""
    return f"{mark.r_min_px:.1f} px" if mark.r_min_um is None else f"{mark.r_min_um:.1f} um"


def _held_against(held: Iterable[Check], inspection: Inspection) -> str:
    if inspection.verdict.status == "NOT_GRADED":
        return "not graded"
    texts = [f"{check.rule}: {check.count}, allowed {check.max_count or 'none'}" for check in held]
    return "; ".join(texts) or "no limit"


def _outcome(held: Iterable[Check], inspection: Inspection) -> str:
    if inspection.verdict.status == "NOT_GRADED":
        return ""
    broken = [check.broken for check in held]
    return "BREAKS IT" if any(broken) else "within" if broken else "not counted"
