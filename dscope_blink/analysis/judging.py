"""Measured marks + criteria -> verdict with its reasons, and how sure it is; needs no pixels.

`grade` is all that an inspection does after it has measured, and all that grading a stored record again does: both come
to the same verdict from what a record keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import product
from types import MappingProxyType
from typing import Literal

from dscope_blink.analysis.gradability import (
    OF_ZONES,
    Hidden,
    clipped_zones,
    find_hidden,
    why_no_pass,
    why_not_graded,
    zone_warnings,
)
from dscope_blink.analysis.severity import by_table, worst
from dscope_blink.analysis.structure import find_structure
from dscope_blink.analysis.zoning import possible_zones, with_seen, zone_of
from dscope_blink.config.settings import Config, SeverityRow
from dscope_blink.records import (
    LIMIT_BROKEN,
    ZONE_NAMES,
    Check,
    Criteria,
    Defect,
    Inspection,
    Notice,
    Severity,
    SizeBand,
    SizeMeasure,
    UnresolvedBy,
    Verdict,
    Violation,
    ZoneOutline,
    is_scratch,
    judged_size,
    unsure_size,
)

Kind = Literal["scratch", "defect"]

MOST_LISTED = 8  # marks that one line of text names


def not_graded(*reasons: Notice) -> Verdict:
    """NOT_GRADED for these reasons."""
    return Verdict("NOT_GRADED", reasons)


def grade(face: Inspection, config: Config, stored: Inspection | None = None) -> Inspection:
    """Judge a measured face.

    Parameters
    ----------
    face : located, its zones those of its criteria, its defects measured; its verdict is not read
    config : limits of what can be graded, and the table of severities
    stored : the face as its marks were sought, when that was for other criteria

    Returns
    -------
    The face with its verdict, how much of each zone is seen, `counted` and `severity` of each defect, and the warnings
    that depend on the zones
    """
    width, height = face.image.width, face.image.height
    assert width is not None, "a located face has a size"
    assert height is not None, "and its height"
    face = replace(face, zones=with_seen(face.zones, width, height, config.measurement.coverage_rule))
    hidden = find_hidden(face, stored, config)
    warnings = tuple(warning for warning in face.quality.warnings if warning.kind not in OF_ZONES)
    quality = replace(face.quality, warnings=(*warnings, *zone_warnings(hidden, config)))
    reason = why_not_graded(face, hidden, stored, config)
    if reason is not None:
        return replace(face, quality=quality, verdict=not_graded(reason))
    structure = find_structure(face)
    marks = face.defects if structure is None else structure.own
    unseen = (*why_no_pass(face, hidden, config), *(() if structure is None else (structure.reason(face),)))
    if unseen and not _surely_fails(face, marks, hidden, config):
        return replace(face, quality=quality, verdict=not_graded(*unseen))
    likely, table = config.classification.min_probability, config.severity.table
    judgement = judge(marks, face.criteria, face.request.zones, face.zones, likely, table)
    verdict = replace(judgement.verdict, reasons=(*judgement.verdict.reasons, *unseen))
    weighed = {mark.id: mark for mark in judgement.defects}
    defects = tuple(weighed.get(mark.id, mark) for mark in face.defects)
    return replace(face, quality=quality, verdict=verdict, defects=defects)


def _surely_fails(face: Inspection, marks: Sequence[Defect], hidden: Hidden, config: Config) -> bool:
    """Whether a limit is broken whatever the sizes, places and kinds within their uncertainties, and what is not seen.

    Only by marks in zones that are not clipped: where pixels are black the noise is unknown, and steps of one grey
    level stand out like marks.
    """
    clipped = clipped_zones(hidden, config)
    clear = [mark for mark in marks if mark.zone not in clipped]
    likely = config.classification.min_probability
    verdict = judge(clear, face.criteria, face.request.zones, face.zones, likely).verdict
    return verdict.status == "FAIL" and not verdict.marginal


def placed(
    defects: Iterable[Defect], outlines: Sequence[ZoneOutline], criteria: Criteria, zones: Sequence[str]
) -> tuple[Defect, ...]:
    """The defects that lie in one of the `zones`, by name, each with the zone that the criteria put it in."""
    found = ((defect, zone_of(defect, outlines, criteria.zone_rule)) for defect in defects)
    inside = ((defect, zone) for defect, zone in found if zone is not None and zone in zones)
    return tuple(defect if defect.zone == zone else replace(defect, zone=zone) for defect, zone in inside)


# --- judging ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, and the defects with `counted` and `severity` filled in."""

    verdict: Verdict
    defects: tuple[Defect, ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    """One band of sizes of one kind of mark in one zone, and the limit it sets; `max_count` None: no limit."""

    zone: str
    kind: Kind
    size_by: SizeMeasure
    band: SizeBand
    unresolved_by: UnresolvedBy

    @property
    def in_words(self) -> str:
        return f"{self.kind} {self.size_by} {self.band.in_words}"

    @property
    def is_limit(self) -> bool:
        return self.band.max_count is not None


def judge(
    defects: Sequence[Defect],
    criteria: Criteria,
    zones: Sequence[str],
    outlines: Sequence[ZoneOutline] = (),
    min_probability: float = 1.0,
    table: Sequence[SeverityRow] = (),
) -> Judgement:
    """Grade measured defects against the criteria.

    Parameters
    ----------
    defects : with sizes in micrometres, each with the zone that the criteria put it in
    criteria : limits of one class in one edition
    zones : names of the zones that were inspected
    outlines : their borders: with them the verdict also tells what a mark just beyond one may change
    min_probability : how likely a mark must be of a kind with other limits to be doubted; 1: only if it surely is
    table : what severities marks have beyond those that the criteria give them; the verdict does not go by it

    Returns
    -------
    Judgement: FAIL with one violation for each broken band, else PASS

    Raises
    ------
    ValueError
        When a defect has no size in micrometres: without a scale nothing can be graded.
    """
    rules = _rules(criteria, zones)
    held = [_hold(rule, defects, criteria) for rule in rules if rule.is_limit]
    broken = [h for h in held if h.check.broken]
    violations = tuple(h.violation for h in broken)
    doubt = _Doubt(rules, defects, criteria, outlines, min_probability)
    options = {d.id: doubt.options(d) for d in defects}
    verdict = Verdict(
        "FAIL" if broken else "PASS",
        reasons=tuple(map(_in_words, violations)),
        violations=violations,
        checks=tuple(h.check for h in held),
        doubts=_what_may_change([h.rule for h in broken], doubt, options),
    )
    counted = {d.id for h in held for d in h.within}
    blamed = {name for violation in violations for name in violation.defects}
    may_count = {name for name, choices in options.items() if any(rule and rule.is_limit for rule in choices)}
    standing = _Standing(blamed, counted, may_count)
    return Judgement(verdict, tuple(_weighed(d, standing, criteria, table) for d in defects))


def _rules(criteria: Criteria, zones: Sequence[str]) -> tuple[_Rule, ...]:
    """Every band of the zones of these names, in the order of the criteria."""
    rules, by = [], criteria.unresolved_by
    for zone in criteria.zones:
        if zone.name in zones:
            rules += [_Rule(zone.name, "scratch", criteria.size_by.scratches, band, by) for band in zone.scratches]
            rules += [_Rule(zone.name, "defect", criteria.size_by.defects, band, by) for band in zone.defects]
    return tuple(rules)


def _kind(defect: Defect, criteria: Criteria) -> Kind:
    return "scratch" if is_scratch(defect, criteria) else "defect"


def _size_um(defect: Defect, rule: _Rule) -> float:
    """The size that a rule goes by: of one that the optics do not resolve the bound, where the criteria say so."""
    size = _best_um(defect, rule)
    return defect.at_most.get(f"{rule.size_by}_um", size) if rule.unresolved_by == "upper_bound" else size


def _best_um(defect: Defect, rule: _Rule) -> float:
    size: float | None = getattr(defect, f"{rule.size_by}_um")
    if size is None:
        raise ValueError(f"a defect must have its {rule.size_by}_um to be graded, {defect.id} has none")
    return size


@dataclass(frozen=True, slots=True)
class _Held:
    """A rule with a limit, held against the marks of its zone."""

    rule: _Rule
    check: Check
    within: tuple[Defect, ...]  # marks that it counts
    criteria: Criteria

    @property
    def violation(self) -> Violation:
        check = self.check
        allowed = "none" if check.max_count == 0 else f"at most {check.max_count}"
        return Violation(check.zone, check.rule, _listed(self.within, self.criteria), allowed, check.defects)


def _hold(rule: _Rule, defects: Iterable[Defect], criteria: Criteria) -> _Held:
    band = rule.band
    assert band.max_count is not None, "only a limit can be held against anything"
    marks = [d for d in defects if d.zone == rule.zone and _kind(d, criteria) == rule.kind]
    within = tuple(d for d in marks if band.holds(_size_um(d, rule)))
    # a larger mark is another band's; the one after as many as are allowed is what the limit hangs on
    sizes = sorted((_size_um(d, rule) for d in marks), reverse=True)
    up_to_here = [size for size in sizes if band.holds(size) or size <= band.min_um]
    deciding = next(iter(up_to_here[band.max_count :]), None)
    ids = tuple(d.id for d in within)
    return _Held(
        rule,
        Check(rule.zone, rule.in_words, len(within), band.max_count, deciding, band.min_um, ids, rule.kind),
        within,
        criteria,
    )


def _listed(marks: Sequence[Defect], criteria: Criteria) -> str:
    sizes = [judged_size(d, criteria) for d in marks[:5]] + ["..."] * (len(marks) > 5)
    return f"{len(marks)} ({', '.join(sizes)})"


def _in_words(violation: Violation) -> Notice:
    found = f"{violation.rule}: {violation.measured}, allowed {violation.allowed}"
    return Notice(LIMIT_BROKEN, f"Zone {violation.zone}: {found} [{_some(violation.defects)}]")


def _some(texts: Sequence[str]) -> str:
    return ", ".join([*texts[:MOST_LISTED], *["..."] * (len(texts) > MOST_LISTED)])


@dataclass(frozen=True, slots=True)
class _Standing:
    """Ids of the marks that break a limit, that one counts, and that one may count within what is unsure of them."""

    blamed: Set[str]
    counted: Set[str]
    may_count: Set[str]

    def least(self, defect: Defect) -> Severity:
        """What the criteria make of the mark: no table makes it less."""
        if defect.id in self.blamed:
            return "CRITICAL" if defect.zone == ZONE_NAMES["A"] else "HIGH"
        if defect.id in self.counted:
            return "MEDIUM"
        return "LOW" if defect.id in self.may_count else "NEGLIGIBLE"


def _weighed(defect: Defect, standing: _Standing, criteria: Criteria, table: Sequence[SeverityRow]) -> Defect:
    severity = worst(standing.least(defect), by_table(defect, criteria, table))
    counted = defect.id in standing.counted
    same = (defect.counted, defect.severity) == (counted, severity)
    return defect if same else replace(defect, counted=counted, severity=severity)


# --- how sure the verdict is ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Doubt:
    """The marks of one face, and which rules may hold each when its size, place and kind vary as far as unsure.

    The kind varies where others that fall under the other limits are together as likely as `min_probability`.
    """

    rules: tuple[_Rule, ...]
    defects: Sequence[Defect]
    criteria: Criteria
    outlines: Sequence[ZoneOutline]
    min_probability: float

    def options(self, defect: Defect) -> tuple[_Rule | None, ...]:
        """Rules that may hold the mark; None stands for no limit at all."""
        found: list[_Rule | None] = []
        for zone, kind in product(self.zones(defect), self.kinds(defect)):
            here = [rule for rule in self.rules if rule.zone == zone and rule.kind == kind]
            found += [rule for rule in here if _may_hold(rule, defect)] if here else [None]
        return tuple(found)

    def kinds(self, defect: Defect) -> tuple[Kind, ...]:
        """Kinds of limits that the mark may fall under, first that of its class."""
        own = _kind(defect, self.criteria)
        others = sum(self._others(defect).values())
        return (own, _OTHER[own]) if others > 0 and others >= self.min_probability else (own,)

    def _others(self, defect: Defect) -> Mapping[str, float]:
        """How likely it is of each class that falls under the other limits."""
        scratches = _kind(defect, self.criteria) == "scratch"
        of = defect.class_probabilities
        return {name: p for name, p in of.items() if (name in self.criteria.scratch_classes) != scratches}

    def zones(self, defect: Defect) -> tuple[str | None, ...]:
        """Zones that the mark may belong to, by name; None stands for beyond them all."""
        unsure_px = defect.uncertainty.get("r_min_px", 0.0)
        if not self.outlines or unsure_px == 0:
            return (defect.zone,)
        return possible_zones(defect, self.outlines, self.criteria.zone_rule, unsure_px)

    def in_words(self, defect: Defect, rule: _Rule) -> str:
        """The mark with all that is unsure about it, by the size that a rule goes by."""
        zones = [zone or "none" for zone in self.zones(defect)]
        place = f" in zone {' or '.join(zones)}" if len(zones) > 1 else ""
        size = unsure_size(defect, self.criteria, scratch=rule.kind == "scratch")
        return f"{defect.id} of {size}{place}{self._kind_in_words(defect)}"

    def _kind_in_words(self, defect: Defect) -> str:
        if len(self.kinds(defect)) == 1:
            return ""
        others = self._others(defect)
        named = " or ".join(_IN_WORDS[name] for name, p in others.items() if p >= max(others.values()) / 2)
        return f", which may be {named} ({100 * sum(others.values()):.0f} %)"


_IN_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "scratch": "a scratch",
        "pit_dig": "a pit",
        "contamination": "contamination",
        "crack": "a crack",
        "chip": "a chip",
    }
)
_OTHER: Mapping[Kind, Kind] = MappingProxyType({"scratch": "defect", "defect": "scratch"})


def _may_hold(rule: _Rule, defect: Defect) -> bool:
    size_um, unsure_um = _best_um(defect, rule), defect.uncertainty.get(f"{rule.size_by}_um", 0.0)
    low, high, band = max(size_um - unsure_um, 0.0), size_um + unsure_um, rule.band
    reaches_up = band.holds(high) or high > band.min_um
    reaches_down = band.holds(low) or band.max_um is None or low < band.max_um
    return reaches_up and reaches_down


def _what_may_change(
    broken: Sequence[_Rule], doubt: _Doubt, options: Mapping[str, Sequence[_Rule | None]]
) -> tuple[str, ...]:
    """What would turn the verdict within the uncertainties of sizes, places and kinds; empty when nothing would."""
    if broken and not _all_may_hold(options.values()):
        return ()
    in_doubt = broken or [rule for rule in doubt.rules if _may_break(rule, options.values())]
    word = "may be kept" if broken else "may be broken"
    return tuple(
        f"Zone {rule.zone}: {rule.in_words} {word}: {_some([doubt.in_words(d, rule) for d in unsure])}"
        for rule in in_doubt
        for unsure in [[d for d in doubt.defects if rule in options[d.id] and len(options[d.id]) > 1]]
    )


def _may_break(rule: _Rule, options: Iterable[Sequence[_Rule | None]]) -> bool:
    limit = rule.band.max_count
    return limit is not None and sum(rule in choices for choices in options) > limit


def _all_may_hold(options: Iterable[Sequence[_Rule | None]]) -> bool:
    """Whether every mark can be given one of its rules so that no rule holds more than it allows.

    Marks that some rule without limit may hold are no burden; the others are matched to the places that the limits
    leave, by augmenting paths (Kuhn, The Hungarian method for the assignment problem, 1955,
    DOI 10.1002/nav.3800020109).
    """
    burdens = [choices for choices in map(_burden, options) if choices is not None]
    held: dict[_Rule, list[int]] = {rule: [] for choices in burdens for rule in choices}

    def find_place(mark: int, tried: set[_Rule]) -> bool:
        for rule in burdens[mark]:
            if rule in tried:
                continue
            tried.add(rule)
            room = (rule.band.max_count or 0) > len(held[rule])
            moved = None if room else next((m for m in held[rule] if find_place(m, tried)), None)
            if room or moved is not None:
                held[rule] = [m for m in held[rule] if m != moved] + [mark]
                return True
        return False

    return all(find_place(mark, set()) for mark in range(len(burdens)))


def _burden(choices: Sequence[_Rule | None]) -> tuple[_Rule, ...] | None:
    """The rules a mark must find a place in; None when one without limit may hold it."""
    limits = tuple(rule for rule in choices if rule is not None and rule.is_limit)
    return limits if len(limits) == len(choices) else None
