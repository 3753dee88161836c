"""Detections of one face in several pictures brought into the pixels of one of them, or refused.

Shift, scale and shape come from the cladding that was fitted in each picture, the turn from marks or the likeness of
the pictures. What is not sure to be the same face, seen turned, is left out, and the log says why.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from dscope_blink.analysis.aggregation.moving import Move, cladding_of, moved_mark
from dscope_blink.analysis.aggregation.relations import Relation, Way, relations, ways_from
from dscope_blink.records import Detection, Inspection, LogLine, Notice, PictureLikeness, Source, Turn, notice, texts

# Times both expanded uncertainties together: of one cladding measured twice, one in 15,000 pairs differs by more.
MOST_APART = 2.0


@dataclass(frozen=True, slots=True)
class Together:
    """Detections in the pixels of one picture."""

    base: Inspection  # of the picture whose pixels they are in; its marks are those of one source
    detections: tuple[Detection, ...]  # in the order of their keys
    log: tuple[LogLine, ...] = ()  # what was brought together, what refused, and why
    refused: tuple[Detection, ...] = ()  # in pixels of their own pictures; the turn of each says why


def bring_together(detections: Sequence[Detection], alike: Sequence[PictureLikeness] = ()) -> Together:
    """The detections of one face in the pixels of one of its pictures.

    That is the graded one of which most zones are seen; of equal ones one that fails, then the finest.

    Parameters
    ----------
    detections : at least one of them a record, in pixels of their own pictures; the order does not matter
    alike : how alike the pictures are, where somebody has compared them; mirrored ones are not looked for
    """
    ordered = sorted(detections, key=lambda one: one.source.key)
    shots, homeless = _shots(ordered)
    base = min(shots, key=_order)
    ways, why_not = _ways(base, shots, alike)
    joined = [shot for shot in shots if shot.key in ways]
    refused = [_refused(one, why_not[shot.key]) for shot in shots if shot.key in why_not for one in shot.detections]
    refused += [_refused(one, why) for one, why in homeless]
    moved = [_moved(one, shot, base, ways[shot.key]) for shot in joined for one in shot.detections]
    log = [*map(_refusal, refused), *_ungraded(shots)]
    log += [_joining(one, shot, base, ways) for shot in joined if shot is not base for one in shot.detections]
    return Together(
        _warned(base.inspection, refused),
        tuple(sorted(moved, key=lambda one: one.source.key)),
        tuple(sorted(log, key=lambda line: (line.file, line.problem))),
        tuple(sorted(refused, key=lambda one: one.source.key)),
    )


def _warned(base: Inspection, refused: Sequence[Detection]) -> Inspection:
    """With what is left out, so that every report of the record says that it speaks of fewer shots than were taken."""
    if not refused:
        return base
    left_out = map(_left_out, sorted((one.source for one in refused), key=lambda source: source.key))
    return replace(base, quality=replace(base.quality, warnings=(*base.quality.warnings, *left_out)))


def _left_out(source: Source) -> Notice:
    """One that fails is another matter: the face may have a mark there that none of the others shows."""
    if source.status == "FAIL":
        return notice("failing_shot_refused", f"{source.key}, {source.turn.why_not}")
    return notice("shot_refused", f"{source.key}, {source.status or 'not judged'} by itself; {source.turn.why_not}")


# --- the pictures -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shot:
    """One picture, and what has looked at it."""

    key: str  # its sha256, or what else tells it from others
    inspection: Inspection  # the best record of it
    detections: tuple[Detection, ...]

    @property
    def name(self) -> str:
        return self.inspection.image.file


Refusals = list[tuple[Detection, str]]


def _shots(ordered: Sequence[Detection]) -> tuple[tuple[_Shot, ...], Refusals]:
    """The pictures, by their keys, and the reports of which nobody knows of which picture they are."""
    stems: dict[str, set[str]] = {}
    for one in ordered:
        if one.inspection is not None:
            stems.setdefault(one.source.picture_sha256 or _nameless(one), set()).add(_stem(one))
    seen: dict[str, list[Detection]] = {key: [] for key in sorted(stems)}
    homeless: Refusals = []
    for one in ordered:
        key = _key_of(one, stems)
        if key in seen:
            seen[key].append(one)
        else:
            homeless.append((one, "there is no record of its picture" if key else _undecided(stems)))
    return tuple(_Shot(key, _best(found), tuple(found)) for key, found in seen.items()), homeless


def _key_of(one: Detection, stems: Mapping[str, set[str]]) -> str | None:
    """By the hash of the picture, else by its name; a report that says neither is of the one picture that there is."""
    if one.source.picture_sha256 is not None:
        return one.source.picture_sha256
    if one.inspection is not None:
        return _nameless(one)
    fits = [key for key, names in stems.items() if _stem(one) in names]
    return fits[0] if len(fits) == 1 else next(iter(stems)) if len(stems) == 1 else None


def _undecided(stems: Mapping[str, set[str]]) -> str:
    return f"it does not say of which of {len(stems)} pictures of the face it is"


def _nameless(one: Detection) -> str:
    return f"file {one.source.picture}"


def _stem(one: Detection) -> str:
    return PurePosixPath(one.source.picture.replace("\\", "/")).stem.casefold()


def _best(found: Iterable[Detection]) -> Inspection:
    records = [(one.source.key, one.inspection) for one in found if one.inspection is not None]
    return min(records, key=lambda one: (*_worth(one[1]), one[0]))[1]


def _worth(inspection: Inspection) -> tuple[bool, int]:
    """The less the better: a graded one first, then that of which most zones are seen."""
    asked = [zone for zone in inspection.zones if zone.name in inspection.request.zones]
    return inspection.verdict.status == "NOT_GRADED", -sum(not zone.is_seen_in_part for zone in asked)


def _order(shot: _Shot) -> tuple[bool, int, bool, float, str]:
    """One that fails before others: should they not be brought together, no limit that is broken is forgotten."""
    fails = any(one.source.status == "FAIL" for one in shot.detections)
    scale = shot.inspection.scale
    return *_worth(shot.inspection), not fails, math.inf if scale is None else scale.um_per_px, shot.key


# --- the way from the base to each ------------------------------------------------------------------------------------


def _ways(
    base: _Shot, shots: Sequence[_Shot], alike: Sequence[PictureLikeness]
) -> tuple[Mapping[str, Way], Mapping[str, str]]:
    """The way to each picture, or why there is none."""
    why_not = {shot.key: why for shot in shots if shot is not base and (why := _why_not(base, shot))}
    records = {shot.key: shot.inspection for shot in shots if shot.key not in why_not}
    related = relations(records, alike)
    ways = ways_from(base.key, related, tuple(records))
    untold = {key: _untold(related, base.key, key, records, ways) for key in records if key not in ways}
    return ways, {**why_not, **untold}


def _why_not(base: _Shot, shot: _Shot) -> str:
    """What is against it whatever the marks say; empty: nothing."""
    for one in (shot, base):
        if cladding_of(one.inspection) is None or not one.inspection.zones:
            return f"no marks were sought in {one.name}: {'; '.join(texts(one.inspection.verdict.reasons))}"
    return _other_fiber(base.inspection, shot.inspection)


def _other_fiber(first: Inspection, second: Inspection) -> str:
    one, other = (inspection.measured("cladding_diameter_um") for inspection in (first, second))
    if one.value is None or other.value is None or one.uncertainty is None or other.uncertainty is None:
        return ""
    if abs(one.value - other.value) <= MOST_APART * math.hypot(one.uncertainty, other.uncertainty):
        return ""
    sizes = " and ".join(f"{of.value:.1f} \N{PLUS-MINUS SIGN} {of.uncertainty:.1f} um" for of in (other, one))
    return f"the cladding is another: {sizes}"


def _untold(
    related: Mapping[tuple[str, str], Relation],
    base: str,
    key: str,
    records: Mapping[str, Inspection],
    ways: Mapping[str, Way],
) -> str:
    pair = sorted((base, key))
    relation = related[pair[0], pair[1]]
    first, second = (records[one].image.file for one in pair)
    others = f"; nor does any of {len(ways) - 1} others tell it" if len(ways) > 1 else ""
    return f"nothing tells the turn between {first} (first) and {second} (second): {relation.evidence}{others}"


def _refused(one: Detection, why: str) -> Detection:
    return replace(one, source=replace(one.source, turn=Turn(None, why)))


def _moved(one: Detection, shot: _Shot, base: _Shot, way: Way) -> Detection:
    """All detections of a picture by one and the same move: they stay together as they lie."""
    start, end = cladding_of(shot.inspection), cladding_of(base.inspection)
    if shot is base or start is None or end is None:
        return one
    move = Move(start, end, way.turn_deg)
    marks = tuple(moved_mark(mark, move) for mark in one.marks)
    return replace(one, source=replace(one.source, turn=Turn(way.turn_deg)), marks=marks, cladding=start)


# --- in words ---------------------------------------------------------------------------------------------------------


def _refusal(one: Detection) -> LogLine:
    own = f" (by itself it is {one.source.status})" if one.source.status else ""
    return LogLine(one.source.file, f"not brought together with the others: {one.source.turn.why_not}{own}", "error")


def _joining(one: Detection, shot: _Shot, base: _Shot, ways: Mapping[str, Way]) -> LogLine:
    start, end = cladding_of(shot.inspection), cladding_of(base.inspection)
    assert start is not None, "it was brought together"
    assert end is not None, "and the other too"
    way = ways[shot.key]
    scale = f"{Move(start, end).scale:.3f} px for one of its own"
    steps = " and then ".join(step.evidence for step in way.steps)
    text = f"{shot.name} brought into {base.name}: turned back by {way.turn_deg:.1f} deg, {scale}; {steps}"
    return LogLine(one.source.file, text, "info")


def _ungraded(shots: Sequence[_Shot]) -> list[LogLine]:
    """Of several pictures those that could not be graded: the verdict rests on the base alone."""
    if len(shots) < 2:
        return []
    records = [(one.source.file, one.inspection.verdict) for s in shots for one in s.detections if one.inspection]
    return [
        LogLine(file, f"NOT_GRADED by itself: {'; '.join(texts(verdict.reasons))}", "warning")
        for file, verdict in records
        if verdict.status == "NOT_GRADED"
    ]
