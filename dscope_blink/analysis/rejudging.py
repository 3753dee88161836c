"""Stored records are judged again before anyone prints them: the one way in for every reader.

`load_trusted` reads a record, `trusted` asks of one that was read whether its verdict follows: from the seal of its
file, from the name it lies under, from its limits, which must be known by their hash where they say that they are
confirmed, and from its marks, geometry and scale, judged anew. One that does not verify comes back NOT_GRADED for the
reason `record_altered`, without marks, zones and sizes, of which none can be relied upon; so it is shown as what it is
by whatever prints it. To ask it of one record by hand, or in a loop over damaged copies:

    what_differs(load_record(path), load_config(config), path)    what is wrong, line by line; empty: nothing
    load_row(path, load_config(config))                           what is no record is a row as well, and never raises

A program cannot know from a record alone that its marks were altered with everything that follows from them and its
seal made anew: that is for the manifest of the batch to say.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from dscope_blink.analysis import judging, zoning
from dscope_blink.analysis.aggregation.aggregating import PROFILE as AGGREGATE_PROFILE
from dscope_blink.analysis.consistency import contradictions
from dscope_blink.config.settings import Config, ConfigFile
from dscope_blink.files.names import RESULT, may_lie_at
from dscope_blink.records import (
    Check,
    Criteria,
    Defect,
    ImageInfo,
    Inspection,
    Provenance,
    Quality,
    Request,
    SizeBy,
    Verdict,
    ZoneOutline,
    notice,
    printable,
    recorded,
    ships_confirmed,
)
from dscope_blink.records.sealing import BROKEN
from dscope_blink.records.stored import BadRecord, load_record

Settings: TypeAlias = ConfigFile | Config  # of a file the profile that the record names, if it has that
MOST_TOLD = 4  # differences that one reason names

logger = logging.getLogger("dscope.rejudging")


class NoFace(ValueError):
    """Values of a record that are right one by one, and that no face can have together."""


# --- the ways in


def load_trusted(path: Path, settings: Settings) -> Inspection:
    """Read one NAME_result.json, as `trusted` gives it.

    Raises
    ------
    BadRecord : it cannot be read, or is no record
    """
    return trusted(load_record(path), settings, path)


def load_row(path: Path, settings: Settings) -> Inspection:
    """The same, of what is no record one that says so: NOT_GRADED, with the place in the file that is wrong.

    Raises
    ------
    BadRecord : there is no such file
    """
    try:
        return load_trusted(path, settings)
    except BadRecord as error:
        if not os.path.lexists(path):
            raise
        logger.warning("%s: %s", printable(str(path)), error)
        return unreadable(path.name.removesuffix(RESULT), str(error))


def trusted(stored: Inspection, settings: Settings, path: Path | None = None) -> Inspection:
    """A stored record whose verdict follows, else NOT_GRADED with what does not.

    Parameters
    ----------
    stored : as it was read
    settings : the configuration that is at hand: its limits, if it is the one that the record was made with, and what
        can be graded
    path : where the record lies; None: nowhere

    Returns
    -------
    The record; that its limits are confirmed it says only where they are known to be
    """
    why = what_differs(stored, settings, path)
    if not why:
        return stored
    logger.warning("%s: its record does not verify: %s", printable(stored.image.file), printable("; ".join(why)))
    more = (f"and {len(why) - MOST_TOLD} more",) if len(why) > MOST_TOLD else ()
    reason = notice("record_altered", "; ".join((*why[:MOST_TOLD], *more)))
    image = stored.image
    if path is not None and not _lies_where_it_belongs(stored, path):
        image = ImageInfo(path.name.removesuffix(RESULT))  # the row of the face whose record it stands for
    return Inspection(
        image=image,
        provenance=stored.provenance,
        request=stored.request,
        criteria=replace(stored.criteria, confirmed=ships_confirmed(stored.criteria)),
        quality=Quality(),
        verdict=judging.not_graded(reason),
        timings_s={"total": 0.0},
        lane=stored.lane,
        sealed=stored.sealed,
    )


def what_differs(stored: Inspection, settings: Settings, path: Path | None = None) -> tuple[str, ...]:
    """What of a stored record does not follow from the rest, or from where it lies; the parameters are `trusted`'s."""
    try:
        with _of_one_face(), np.errstate(over="raise", divide="raise", invalid="raise"):
            return tuple(_differences(stored, config_of(stored, settings), path))
    except NoFace as error:
        return (str(error),)


@contextmanager
def _of_one_face() -> Iterator[None]:
    """Whatever is raised inside is a NoFace: such values may break any step of the judge, in any way."""
    try:
        yield
    except Exception as error:
        raise NoFace(f"no face can have its values together: {type(error).__name__}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]


# --- what does not follow


def _differences(stored: Inspection, config: Config, path: Path | None) -> Iterator[str]:
    if stored.sealed is False:
        yield BROKEN
    if path is not None and not _lies_where_it_belongs(stored, path):
        yield f"it is of {stored.title}, and lies under the name {path.name}"
    yield from _of_limits(stored, config)
    yield from contradictions(stored, config.scale, merged=_is_merged(stored))
    yield from _of_verdict(stored, config)


def _is_merged(stored: Inspection) -> bool:
    return stored.provenance.profile == AGGREGATE_PROFILE


def _lies_where_it_belongs(stored: Inspection, path: Path) -> bool:
    names = [stored.image.file]
    if _is_merged(stored):  # a face may be called by any column of the manifest
        names += stored.request.manifest.values()
    lane = None if stored.lane is None else stored.lane.number
    return any(may_lie_at(path, name, lane) for name in names)


def _of_limits(stored: Inspection, config: Config) -> Iterator[str]:
    limits = stored.criteria
    if limits.confirmed and not ships_confirmed(limits):
        yield "its limits are said to be confirmed, and are not those that ship as confirmed"
    if not made_with(stored, config):
        return
    there = config.criteria.table.get(limits.edition, {}).get(limits.fiber_class)
    if there is None or replace(there, confirmed=limits.confirmed) != limits:
        yield f"its limits are not those of {limits.edition} {limits.fiber_class} in the configuration that it names"


def made_with(stored: Inspection, config: Config) -> bool:
    """Whether this configuration and profile are those that a record was made with."""
    made = stored.provenance
    return made.inputs.get("config") == config.sha256 and made.profile in (config.profile, AGGREGATE_PROFILE)


def _of_verdict(stored: Inspection, config: Config) -> Iterator[str]:
    """What was not graded stays so: nothing is claimed of it."""
    verdict = stored.verdict
    if verdict.status == "NOT_GRADED":
        return
    again, known = _graded(stored, config, stored), made_with(stored, config)
    if again.verdict.status == "NOT_GRADED" and verdict.status == "FAIL" and not known:
        yield from _of_checks(verdict, _checks_alone(stored, config))
        return
    if again.verdict.status != verdict.status:
        others = "" if known else f" by {config.profile} of this configuration, which it was not made with"
        why = f": {again.verdict.reasons[0].text}" if again.verdict.reasons else ""
        yield f"its verdict is {verdict.status}, what it holds comes to {again.verdict.status}{others}{why}"
        return
    yield from _of_checks(verdict, again.verdict.checks)
    yield from _of_zones(stored.zones, again.zones)
    yield from _of_marks(stored.defects, again.defects, with_severity=known)
    if known and verdict.marginal != again.verdict.marginal:
        yield f"its verdict is {'' if verdict.marginal else 'not '}said to be marginal"


def _checks_alone(stored: Inspection, config: Config) -> tuple[Check, ...]:
    """What the limits come to whatever can be seen of the face."""
    marks, zones = stored.defects, stored.request.zones
    return judging.judge(
        marks, stored.criteria, zones, stored.zones, config.classification.min_probability
    ).verdict.checks


def _of_checks(stored: Verdict, again: Sequence[Check]) -> Iterator[str]:
    if len(stored.checks) != len(again):
        yield f"verdict.checks: it has {len(stored.checks)}, its limits ask for {len(again)}"
        return
    for number, (said, held) in enumerate(zip(stored.checks, again, strict=True)):
        name = next((name for name in HELD if _part_of(said, name) != _part_of(held, name)), None)
        if name is not None:
            was, is_now = (_in_words(_part_of(check, name)) for check in (said, held))
            what = f"{name} {was} of {said.zone} {said.rule}"
            yield f"verdict.checks[{number}]: it says {what}, its marks and limits give {is_now}"
    blamed, wanted = ({n for v in of for n in v.defects} for of in (stored.violations, [c for c in again if c.broken]))
    if blamed != wanted:
        yield f"verdict.violations: they name {_listed(blamed)}, the limits are broken by {_listed(wanted)}"


HELD = ("zone", "kind", "count", "max_count", "size_um", "limit_um", "defects")  # of a check, what must come out again


def _part_of(check: Check, name: str) -> object:
    part = getattr(check, name)
    return set(part) if name == "defects" else part


def _in_words(part: object) -> str:
    return _listed(part) if isinstance(part, set) else str(part)


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)[:8]) or "none"


SAME_PX, SAME_DEG = 0.005, 0.02  # what the rounding of a record leaves


def _of_zones(stored: Sequence[ZoneOutline], again: Sequence[ZoneOutline]) -> Iterator[str]:
    letters = ["".join(zone.letter for zone in of) for of in (stored, again)]
    if letters[0] != letters[1]:
        yield f"zones: they are {letters[0]}, its limits make {letters[1]}"
        return
    for said, made in zip(stored, again, strict=True):
        if abs(said.radius_px - made.radius_px) > SAME_PX or _apart_px(said, made) > SAME_PX:
            yield f"zones: the border of zone {said.name} is not where limits and geometry put it"


def _apart_px(one: ZoneOutline, other: ZoneOutline) -> float:
    return max(abs(a - b) for a, b in zip(one.outer.center_px, other.outer.center_px, strict=True))


def _of_marks(stored: Sequence[Defect], again: Sequence[Defect], *, with_severity: bool) -> Iterator[str]:
    known = {mark.id: mark for mark in again}
    for mark in stored:
        other = known.get(mark.id)
        if other is None or other.zone != mark.zone:
            there = "none" if other is None else other.zone
            yield f"mark {mark.id}: it is put in zone {mark.zone}, and lies in {there}"
        elif other.counted != mark.counted:
            yield f"mark {mark.id}: it is {'' if mark.counted else 'not '}said to be counted by a limit"
        elif with_severity and other.severity != mark.severity:
            yield f"mark {mark.id}: its severity is {mark.severity}, what it is makes {other.severity}"


# --- judged by what it holds


def config_of(stored: Inspection, settings: Settings) -> Config:
    """The profile that a record was made in, where the configuration has it; else the default."""
    if isinstance(settings, Config):
        return settings
    return settings.profiles.get(stored.provenance.profile, settings.profiles[settings.default_profile])


def graded_again(face: Inspection, config: Config, before: Inspection | None = None) -> Inspection:
    """A located face with its zones, marks and verdict as its criteria have them, which may be others than before.

    Parameters
    ----------
    face : with the criteria to judge by
    config : what can be graded
    before : the face as its marks were sought; None: as it is

    Raises
    ------
    NoFace : no face can have its values together
    """
    with _of_one_face():
        return recorded(_graded(face, config, before or face))


def _graded(face: Inspection, config: Config, before: Inspection) -> Inspection:
    """With numbers as they are computed: to round all of a record takes as long as to judge it."""
    assert face.geometry is not None, "a face that is judged is located"
    outlines = zoning.zone_outlines(face.geometry, face.criteria, face.request, face.scale)
    defects = judging.placed(face.defects, outlines, face.criteria, face.request.zones)
    return judging.grade(replace(face, zones=outlines, defects=defects), config, before)


# --- what is no record


def unreadable(name: str, problem: str, edition: str = "", fiber_class: str = "") -> Inspection:
    """What stands for a file that is no record: NOT_GRADED for the problem, under the name of its picture."""
    return Inspection(
        image=ImageInfo(name),
        provenance=Provenance("", "", ""),
        request=Request(edition, fiber_class),
        criteria=without_limits(edition, fiber_class),
        quality=Quality(),
        verdict=judging.not_graded(notice("unreadable_record", problem)),
    )


def without_limits(edition: str, fiber_class: str) -> Criteria:
    """What stands for limits that nobody knows."""
    return Criteria(edition, fiber_class, "", "", False, (), SizeBy("width", "diameter"), "touched", ())
