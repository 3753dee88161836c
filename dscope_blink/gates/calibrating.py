"""A layout from pictures of good sheets: places, tolerances and ranges, checked on sheets that were held back."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.gate_settings import GateSettings, LayoutCalibration, LayoutRules
from dscope_blink.gates.assignment import Laid, Spots, lay
from dscope_blink.gates.crops import cut, measured, paper_of, shares_of
from dscope_blink.gates.layouts import LEAST_PLACES
from dscope_blink.gates.perspective import LEAST_SAY, fit_map
from dscope_blink.gates.placement import (
    is_alike,
    median_areas,
    orientation_of,
    poses_of,
    roundness_of,
    size_ratio,
    spread_of,
)
from dscope_blink.gates.sheets import READABLE, judge_markers
from dscope_blink.records import (
    KindRanges,
    Layout,
    LayoutPlace,
    LayoutSource,
    Marker,
    Points,
    Range,
    SheetResult,
    Stated,
    UserError,
    printable,
)

STARTS = 5  # sheets that are tried as the first template
TRIED_ON = 30  # sheets, by how many of which the first template is chosen
ROUNDS = 2  # of laying all sheets on the median of all
LOOSE = 0.02  # of the diagonal: how far markers may lie from a template that is not yet the median
ROUND = 0.95  # second over first singular value: rounder, and the longest axis turns with the noise
LEAST_SPREAD = MappingProxyType({"px": 0.1, "levels": 1.0, "ratio": 0.01})  # whatever is nearer is alike
FLAT = 0.02  # the same: flatter, and nothing holds a perspective across the line
ON_ONE_LINE = "good sheets: their markers lie on one line, so their places cannot be checked against each other"
NORMAL = 1.4826  # standard deviation over the median absolute deviation of a normal distribution
INK_MARGIN = 0.25  # of the way from ink to paper at which the level between them lies: nearer to the ink
ROW_SHARE = 0.01  # of the height of a layout by which rows lie apart: its places are numbered by rows
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class SeenMarker:
    """A marker of a good sheet, and what its ink is measured from once the level of ink is known."""

    marker: Marker
    paper: float  # grey level around it
    shares: NDArray[np.float64]  # (256,) of its pixels at each grey level or below

    def inked(self, ink_level: float) -> Marker:
        """The marker with the ink by this level."""
        threshold = math.ceil(ink_level * self.paper) - 1 if self.paper > 0 else -1
        return replace(self.marker, ink_ratio=float(self.shares[threshold]) if threshold >= 0 else 0.0)


@dataclass(frozen=True, slots=True)
class SeenSheet:
    """A picture that was offered as one of a good sheet."""

    file: str
    sha256: str
    width_px: int
    height_px: int
    markers: tuple[SeenMarker, ...]
    why_not: str = ""  # it could not be read


@dataclass(frozen=True, slots=True)
class Naming:
    """What a layout says of where it comes from."""

    name: str
    made: str
    program: str
    finder: str


@dataclass(frozen=True, slots=True)
class _Known:
    """A sheet that teaches: its markers in the order of the places."""

    sheet: SeenSheet
    markers: tuple[SeenMarker, ...]
    laid: Laid


@dataclass(frozen=True, slots=True)
class _Template:
    """Where markers lie, as far as it is known."""

    spots: Spots
    width_px: int
    height_px: int


def see_markers(markers: Sequence[Marker], gray: NDArray[np.uint8], margin: float) -> tuple[SeenMarker, ...]:
    """The markers of a good sheet, with their ink.

    Parameters
    ----------
    markers : as they were found
    gray : (H, W) uint8
    margin : of paper around the box, in shares of its sides
    """
    half = 0.5  # the ink ratio by it is replaced once the level is known
    return tuple(
        SeenMarker(
            measured(one, gray, half, margin),
            paper_of(gray, one.found.box, margin),
            shares_of(cut(gray, one.found.box)),
        )
        for one in markers
    )


def learn_layout(sheets: Sequence[SeenSheet], naming: Naming, settings: GateSettings) -> Layout:
    """The layout of good sheets.

    The same sheets give the same layout, whatever their order. A share of them is held back by their hashes; of the
    others those that are unlike the rest are left out, each with its reason. What is learned from the rest is held
    against all that was held back.

    Parameters
    ----------
    sheets : pictures of good sheets of one layout
    naming : name, date, program and finder that the layout is to say
    settings : the section `gates`

    Raises
    ------
    UserError : there are too few, too few that are alike, or their places cannot be checked against each other
    """
    rules = settings.calibration
    known, refused = _readable(sheets, settings.layout)
    held, offered = _held_back(known, rules)
    counted, uncounted = _of_one_count(offered, settings)
    template, seen, unlaid = _template(counted, settings)
    kept, unlike = _alike(seen, rules)
    out = (*refused, *uncounted, *unlaid, *unlike)
    _check_enough(len(kept), len(offered), [one for one in out if one.sha256 in {o.sha256 for o in offered}], rules)
    template, kept = _settled(template, [one.sheet for one in kept], settings)
    learned = _layout(template, kept, naming, settings)
    return _checked(replace(learned, sources=_sources(kept, out)), held, settings)


def needed_sheets(risk: float, confidence: float) -> int:
    """How many sheets without a fault bound its rate at `risk`: (1 - risk)^n is at most 1 - confidence."""
    return math.ceil(math.log(1 - confidence) / math.log(1 - risk))


def rate_at_most(faults: int, sheets: int, confidence: float) -> float:
    """The largest rate under which so few faults are not less likely than 1 - confidence; 1 without sheets.

    C. Clopper and E. Pearson, The use of confidence or fiducial limits (1934), doi:10.1093/biomet/26.4.404, one-sided.
    """
    if faults >= sheets:
        return 1.0
    low, high = faults / sheets, 1.0
    for _ in range(60):
        rate = (low + high) / 2
        chance = math.fsum(math.comb(sheets, k) * rate**k * (1 - rate) ** (sheets - k) for k in range(faults + 1))
        low, high = (rate, high) if chance > 1 - confidence else (low, rate)
    return high


# --- which sheets teach


def _readable(sheets: Sequence[SeenSheet], rules: LayoutRules) -> tuple[list[SeenSheet], list[LayoutSource]]:
    """In the order of their hashes, each once, without what has not the size of its kind."""
    known: dict[str, SeenSheet] = {}
    out: list[LayoutSource] = []
    for sheet in sorted(sheets, key=lambda one: (one.sha256, one.file)):
        if sheet.why_not:
            out.append(_left_out(sheet, sheet.why_not))
        elif sheet.sha256 in known:
            out.append(_left_out(sheet, f"the same picture as {known[sheet.sha256].file}"))
        else:
            known[sheet.sha256] = _alone(sheet, rules)
    return list(known.values()), out


def _alone(sheet: SeenSheet, rules: LayoutRules) -> SeenSheet:
    """A sheet with what has the size of a marker: beside places that are still unknown lie letters, too."""
    usual = median_areas([one.marker for one in sheet.markers])
    kept = (one for one in sheet.markers if is_alike(one.marker, usual[one.marker.found.kind], rules))
    return replace(sheet, markers=tuple(kept))


def _left_out(sheet: SeenSheet, why: str) -> LayoutSource:
    return LayoutSource(sheet.file, sheet.sha256, "left out", why)


def _held_back(sheets: Sequence[SeenSheet], rules: LayoutCalibration) -> tuple[list[SeenSheet], list[SeenSheet]]:
    """Those that check, and those that teach: every so many in the order of their hashes, which nobody chose."""
    every = round(1 / rules.held_back)
    held = [sheet for number, sheet in enumerate(sheets) if number % every == every - 1]
    return held, [sheet for number, sheet in enumerate(sheets) if number % every != every - 1]


def _of_one_count(sheets: Sequence[SeenSheet], settings: GateSettings) -> tuple[list[SeenSheet], list[LayoutSource]]:
    """Those that have as many markers of each kind as most have."""
    kinds = settings.layout.kinds
    counts = {
        one.sha256: tuple(sum(m.marker.found.kind == kind for m in one.markers) for kind in kinds) for one in sheets
    }
    if not counts:
        raise UserError("good sheets: there is none that can be read")
    usual = min(Counter(counts.values()).items(), key=lambda item: (-item[1], item[0]))[0]
    said = ", ".join(f"{n} {kind}" for n, kind in zip(usual, kinds, strict=True))
    big = dict(zip(kinds, usual, strict=True)).get(settings.count_rules.big_kind, 0)
    if big not in settings.count_rules.big_expected_any:
        allowed = ", ".join(map(str, settings.count_rules.big_expected_any))
        raise UserError(f"good sheets: most have {said} markers; big ones must be one of {allowed} (gates.count_rules)")
    out = []
    for sheet in sheets:
        if counts[sheet.sha256] != usual:
            own = ", ".join(f"{n} {kind}" for n, kind in zip(counts[sheet.sha256], kinds, strict=True))
            out.append(_left_out(sheet, f"it has {own} markers, most have {said}"))
    return [one for one in sheets if counts[one.sha256] == usual], out


def _alike(seen: Sequence[_Known], rules: LayoutCalibration) -> tuple[list[_Known], list[LayoutSource]]:
    """Those whose markers are none of them far from what the markers of all are."""
    figures = [dict(_extremes(one)) for one in seen]
    why: dict[int, str] = {}
    for name in figures[0] if figures else ():
        values = np.array([own[name] for own in figures])
        middle = float(np.median(values))
        spread = NORMAL * float(np.median(np.abs(values - middle)))
        far = np.abs(values - middle) > rules.outlier * max(spread, LEAST_SPREAD[name.rpartition(" ")[2]])
        for number in np.flatnonzero(far | ~np.isfinite(values)):
            text = f"{name} {values[number]:.4g} is unlike {middle:.4g}, the median of all sheets"
            why.setdefault(int(number), text)
    kept = [one for number, one in enumerate(seen) if number not in why]
    return kept, [_left_out(seen[number].sheet, text) for number, text in sorted(why.items())]


def _extremes(one: _Known) -> Iterator[tuple[str, float]]:
    yield "largest distance, px", float(one.laid.departures.judged_px.max())
    kinds = sorted({m.marker.found.kind for m in one.markers})
    for kind in kinds:
        own = [m for m in one.markers if m.marker.found.kind == kind]
        gray = np.array([m.marker.median_gray for m in own])
        dark = np.array([m.marker.dark_ratio for m in own])
        area = np.array([m.marker.found.box.area_px for m in own]) / np.median(
            [m.marker.found.box.area_px for m in own]
        )
        yield f"{kind} largest grey above the others, levels", float((gray - np.median(gray)).max())
        yield f"{kind} least dark ratio", float(dark.min())
        yield f"{kind} largest area over the others, ratio", float(area.max())
        yield f"{kind} least area over the others, ratio", float(area.min())


def _check_enough(kept: int, offered: int, out: Sequence[LayoutSource], rules: LayoutCalibration) -> None:
    named = "; ".join(printable(f"{one.file}: {one.why}") for one in out[:MOST_NAMED])
    if kept < rules.min_sheets:
        text = f"good sheets: there must be at least {rules.min_sheets} alike to learn from, beside those held back"
        raise UserError(f"{text}; got {kept} of {offered}{f' ({named})' if named else ''}")
    if offered - kept > rules.most_left_out * offered:
        text = f"good sheets: at most {rules.most_left_out:.0%} may be unlike the others"
        raise UserError(f"{text}, got {offered - kept} of {offered} ({named})")


def _sources(kept: Sequence[_Known], out: Sequence[LayoutSource]) -> tuple[LayoutSource, ...]:
    used = [LayoutSource(one.sheet.file, one.sheet.sha256, "learned") for one in kept]
    return tuple(sorted((*used, *out), key=lambda one: (one.file, one.sha256)))


# --- where markers lie


def _template(
    sheets: Sequence[SeenSheet], settings: GateSettings
) -> tuple[_Template, list[_Known], list[LayoutSource]]:
    """The median places of all sheets, each laid on it; and those that cannot be."""
    first = [_laid_on(_own_template(sheet, settings), sheets[:TRIED_ON], settings) for sheet in sheets[:STARTS]]
    if not first:
        raise UserError("good sheets: there is none to learn from")
    number = max(range(len(first)), key=lambda k: (len(first[k]), -k))
    start = _own_template(sheets[number], settings)
    template, seen = _settled(_median(start, first[number]), sheets, settings)
    there = {one.sheet.sha256 for one in seen}
    out = [_left_out(one, "its markers do not lie as those of the others") for one in sheets if one.sha256 not in there]
    return template, seen, out


def _settled(
    template: _Template, sheets: Sequence[SeenSheet], settings: GateSettings
) -> tuple[_Template, list[_Known]]:
    """The median of all sheets as they lie on a template, and they as they lie on it, a few times."""
    seen = _laid_on(template, sheets, settings)
    for _ in range(ROUNDS):
        template = _median(template, seen)
        seen = _laid_on(template, sheets, settings)
    return template, seen


def _own_template(sheet: SeenSheet, settings: GateSettings) -> _Template:
    markers = sorted(
        _wanted(sheet, settings), key=lambda m: (m.marker.found.kind, *reversed(m.marker.found.box.center_px))
    )
    points = np.array([m.marker.found.box.center_px for m in markers], dtype=np.float64).reshape(-1, 2)
    kinds = np.array([m.marker.found.kind for m in markers], dtype=str)
    return _Template(Spots(points, kinds), sheet.width_px, sheet.height_px)


def _wanted(sheet: SeenSheet, settings: GateSettings) -> tuple[SeenMarker, ...]:
    return tuple(m for m in sheet.markers if m.marker.found.kind in settings.layout.kinds)


def _laid_on(template: _Template, sheets: Sequence[SeenSheet], settings: GateSettings) -> list[_Known]:
    """Each sheet of which all markers lie on a template, loosely."""
    loose_px = LOOSE * math.hypot(template.width_px, template.height_px)
    known = []
    for sheet in sheets:
        markers = _wanted(sheet, settings)
        points = np.array([m.marker.found.box.center_px for m in markers], dtype=np.float64).reshape(-1, 2)
        seen = Spots(points, np.array([m.marker.found.kind for m in markers], dtype=str))
        laid = lay(seen, template.spots, template.width_px / sheet.width_px, poses_of(settings.layout), loose_px)
        if (
            laid is not None
            and len(laid.pairs) == len(template.spots.points_px) == len(markers)
            and laid.agreeing.all()
        ):
            known.append(_Known(sheet, tuple(markers[k] for k in laid.pairs[:, 1]), laid))
    return known


def _median(template: _Template, seen: Sequence[_Known]) -> _Template:
    """The median place of each marker on the template, as sheets lie in their pictures at the median."""
    on_template = np.median([one.laid.found.apply(_middles(one)) for one in seen], axis=0)
    width = round(float(np.median([one.sheet.width_px for one in seen])))
    height = round(float(np.median([one.sheet.height_px for one in seen])))
    in_pictures = np.median([_middles(one) * (width / one.sheet.width_px) for one in seen], axis=0)
    try:
        points = fit_map(on_template, in_pictures).apply(on_template)
    except ValueError:
        raise UserError(ON_ONE_LINE) from None
    return _Template(Spots(points, template.spots.kinds), width, height)


def _middles(one: _Known) -> Points:
    return np.array([m.marker.found.box.center_px for m in one.markers], dtype=np.float64).reshape(-1, 2)


# --- what they look like


def _layout(template: _Template, kept: Sequence[_Known], naming: Naming, settings: GateSettings) -> Layout:
    rules = settings.calibration
    places = _places(template, kept)
    ink_level = _ink_level(kept, settings)
    apart = np.array([one.laid.departures.judged_px for one in kept])
    if roundness_of(template.spots.points_px) < FLAT:
        raise UserError(ON_ONE_LINE)
    say = float(np.median([one.laid.departures.say for one in kept], axis=0).min())
    if len(places) < LEAST_PLACES or say < LEAST_SAY:
        raise UserError(
            "good sheets: a place cannot be checked, for without its marker nothing says where it should be"
        )
    least_px = rules.least_tolerance * math.hypot(template.width_px, template.height_px)
    tolerance_px = max(float(apart.max()) * (1 + rules.tolerance_margin), least_px)
    noise_px = float(np.sqrt(np.mean(apart**2) / 2))
    big = [_big(one, settings.count_rules.big_kind) for one in kept]
    spreads = [spread_of(own, one.sheet.width_px, one.sheet.height_px) for own, one in zip(big, kept, strict=True)]
    return Layout(
        naming.name,
        template.width_px,
        template.height_px,
        places,
        tuple(_ranges(kind, places, kept, ink_level, rules) for kind in dict.fromkeys(p.kind for p in places)),
        _seen(spreads, rules),
        _orientation(big, rules),
        tolerance_px,
        noise_px,
        ink_level,
        _stated(len(kept), (tolerance_px + 3 * noise_px) / say, rules),
        (),
        naming.made,
        naming.program,
        naming.finder,
    )


def _big(one: _Known, big_kind: str) -> Points:
    own = [m.marker.found.box.center_px for m in one.markers if m.marker.found.kind == big_kind]
    return np.array(own, dtype=np.float64).reshape(-1, 2)


def _places(template: _Template, kept: Sequence[_Known]) -> tuple[LayoutPlace, ...]:
    """Named by their kind and their number in it."""
    letters = _letters(sorted(set(template.spots.kinds.tolist())))
    numbers = _numbers(template.spots)
    places = []
    for at, (point, kind) in enumerate(zip(template.spots.points_px, template.spots.kinds.tolist(), strict=True)):
        scale = [template.width_px / one.sheet.width_px for one in kept]
        wide = np.median([one.markers[at].marker.found.box.width_px * s for one, s in zip(kept, scale, strict=True)])
        high = np.median([one.markers[at].marker.found.box.height_px * s for one, s in zip(kept, scale, strict=True)])
        name = f"{letters[kind]}{numbers[at]:02d}"
        places.append(LayoutPlace(name, kind, float(point[0]), float(point[1]), float(wide), float(high)))
    return tuple(places)


def _numbers(spots: Spots) -> Mapping[int, int]:
    """The number of each place in its kind, from 1: by rows from the top, in a row from the left."""
    height = float(np.ptp(spots.points_px[:, 1]))
    numbers: dict[int, int] = {}
    for kind in sorted(set(spots.kinds.tolist())):
        own = sorted(np.flatnonzero(spots.kinds == kind).tolist(), key=lambda at: float(spots.points_px[at, 1]))
        gaps = np.diff([spots.points_px[at, 1] for at in own], prepend=spots.points_px[own[0], 1])
        rows = dict(zip(own, np.cumsum(gaps > ROW_SHARE * height).tolist(), strict=True))
        ordered = sorted(rows, key=lambda at: (rows[at], float(spots.points_px[at, 0])))
        numbers |= {at: number for number, at in enumerate(ordered, 1)}
    return numbers


def _letters(kinds: Sequence[str]) -> Mapping[str, str]:
    """The first letter of each kind where that tells them apart, else all of it."""
    first = {kind: kind[:1].upper() for kind in kinds}
    return first if len(set(first.values())) == len(kinds) else {kind: f"{kind}-" for kind in kinds}


def _ink_level(kept: Sequence[_Known], settings: GateSettings) -> float:
    """Between the palest ink of good sheets and paper, nearer to the ink."""
    level = max(m.marker.median_gray / m.paper for one in kept for m in one.markers)
    least = settings.density.least_separation
    if not level <= 1 - least:
        raise UserError(
            f"good sheets: their ink must be darker than the paper by {least:g} of its grey, got {1 - level:.2f}"
        )
    return level + INK_MARGIN * (1 - level)


def _ranges(
    kind: str, places: Sequence[LayoutPlace], kept: Sequence[_Known], ink_level: float, rules: LayoutCalibration
) -> KindRanges:
    own = [at for at, place in enumerate(places) if place.kind == kind]
    inked = [[one.markers[at].inked(ink_level) for at in own] for one in kept]
    every = [marker for markers in inked for marker in markers]
    grays = [np.array([m.median_gray for m in markers]) for markers in inked]
    confidence = _widened([m.found.confidence for m in every], rules, 0, 1)
    areas = [
        m.found.box.area_px / (one.sheet.width_px * one.sheet.height_px)
        for one, markers in zip(kept, inked, strict=True)
        for m in markers
    ]
    sizes = [size_ratio(one.markers[at].marker.found.box, places[at], one.laid) for one in kept for at in own]
    return KindRanges(
        kind,
        Range(confidence.low, 1.0),  # surer is no fault
        _widened(areas, rules, 0),
        _widened(sizes, rules, 0),
        _widened([m.median_gray for m in every], rules, 0, 255),
        _about_zero([float(value) for gray in grays for value in gray - np.median(gray)], rules),
        _widened([m.dark_ratio for m in every], rules, 0, 1),
        _widened([m.ink_ratio for m in every], rules, 0, 1),
    )


def _widened(
    values: Sequence[float], rules: LayoutCalibration, least: float = -math.inf, most: float = math.inf
) -> Range:
    """What was seen, and more at either end: the next good sheet may lie a little beyond all before."""
    seen, middle = _seen(values, rules), float(np.median(values))
    far = rules.least_width * abs(middle)
    return Range(max(min(seen.low, middle - far), least), min(max(seen.high, middle + far), most))


def _seen(values: Sequence[float], rules: LayoutCalibration) -> Range:
    """The same whatever the median is: of places and directions it says nothing of how far they may differ."""
    low, high = float(min(values)), float(max(values))
    more = rules.widening * (high - low)
    return Range(low - more, high + more)


def _about_zero(values: Sequence[float], rules: LayoutCalibration) -> Range:
    """The same of grey levels about the median of their sheet, which are whole and may all be alike."""
    seen = _seen(values, rules)
    return Range(min(seen.low, -rules.least_gray), max(seen.high, rules.least_gray))


def _orientation(big: Sequence[Points], rules: LayoutCalibration) -> Range | None:
    """Of the longest axis; None where one of the sheets has none that is clearly the longest."""
    if any(roundness_of(own) > ROUND for own in big):
        return None
    angles = np.array([orientation_of(own) for own in big])
    near = angles[0] + (angles - angles[0] + 90) % 180 - 90  # half a turn is none
    return _seen(near.tolist(), rules)


# --- how sure that is


def _stated(learned: int, caught_px: float, rules: LayoutCalibration) -> Stated:
    needed = needed_sheets(rules.risk, rules.confidence)
    bound = rate_at_most(0, learned, rules.confidence)
    return Stated(learned, 0, 0, rules.risk, needed, bound, 1.0, rules.confidence, caught_px)


def _checked(layout: Layout, held: Sequence[SeenSheet], settings: GateSettings) -> Layout:
    """The layout with what it makes of the sheets that were held back."""
    checked = []
    for sheet in held:
        result = judge_seen(sheet, layout, settings)
        why = "; ".join(reason for gate in result.gates for reason in gate.reasons[:1])
        checked.append(LayoutSource(sheet.file, sheet.sha256, "checked", f"NG: {why}" if result.status == "NG" else ""))
    wrong = sum(bool(one.why) for one in checked)
    bound = rate_at_most(wrong, len(checked), settings.calibration.confidence)
    stated = replace(layout.stated, checked_on=len(checked), checked_ng=wrong, false_ng_at_most=bound)
    sources = tuple(sorted((*layout.sources, *checked), key=lambda one: (one.file, one.sha256)))
    return replace(layout, stated=stated, sources=sources)


def judge_seen(sheet: SeenSheet, layout: Layout, settings: GateSettings) -> SheetResult:
    """A sheet that was offered for calibration by the four gates."""
    seen = {id(m.marker.found): m for m in sheet.markers}
    markers = tuple(m.marker for m in sheet.markers)
    start = SheetResult(
        sheet.file, sheet.sha256, sheet.width_px, sheet.height_px, None, (READABLE,), markers, layout.finder
    )
    return judge_markers(start, [layout], lambda one, own: seen[id(one.found)].inked(own.ink_level), settings)
