"""The size that a mark is judged by, in words: one and the same in reason, label, table, page and certificate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from dscope_blink.records.criteria import Criteria, SizeMeasure
from dscope_blink.records.defects import Defect
from dscope_blink.records.rounding import size_in_words
from dscope_blink.records.verdict import Check


def is_scratch(mark: Defect, criteria: Criteria) -> bool:
    """Whether the limits for scratches hold for it."""
    return mark.classification in criteria.scratch_classes


def judged_by(mark: Defect, criteria: Criteria) -> SizeMeasure:
    """Which of its sizes is held against the limits."""
    return _size_by(criteria, scratch=is_scratch(mark, criteria))


def _size_by(criteria: Criteria, *, scratch: bool) -> SizeMeasure:
    return criteria.size_by.scratches if scratch else criteria.size_by.defects


def size_of(mark: Defect, name: str, limits_um: Sequence[float] = ()) -> str:
    """Its length, width or diameter without a unit: in um, or what it is at most; in px without a scale."""
    size_um: float | None = getattr(mark, f"{name}_um")
    if size_um is None:
        return size_in_words(getattr(mark, f"{name}_px"))
    bound = mark.at_most.get(f"{name}_um")
    return size_in_words(size_um, limits_um) if bound is None else size_in_words(bound, limits_um, at_most=True)


def judged_size(mark: Defect, criteria: Criteria) -> str:
    """`13.3 um`: the size that the criteria go by; `20.0 px` without a scale."""
    return _with_unit(mark, criteria, scratch=is_scratch(mark, criteria))


def _with_unit(mark: Defect, criteria: Criteria, *, scratch: bool) -> str:
    by = _size_by(criteria, scratch=scratch)
    limits_um = limits_of(criteria, mark.zone, scratches=scratch)
    return f"{size_of(mark, by, limits_um)} {'px' if getattr(mark, f'{by}_um') is None else 'um'}"


def unsure_size(mark: Defect, criteria: Criteria, *, scratch: bool | None = None) -> str:
    """`13.3 ± 0.4 um`: the judged size with its uncertainty, and a word where that is as large as the size.

    `scratch` says which limits hold for it where another class than its own is meant.
    """
    scratch = is_scratch(mark, criteria) if scratch is None else scratch
    by, text = _size_by(criteria, scratch=scratch), _with_unit(mark, criteria, scratch=scratch)
    size_um, unsure_um = getattr(mark, f"{by}_um"), mark.uncertainty.get(f"{by}_um")
    if size_um is None or unsure_um is None or f"{by}_um" in mark.at_most:
        return text
    word = ", as uncertain as large" if 0 < size_um <= unsure_um else ""
    return f"{text.removesuffix(' um')} ± {size_in_words(unsure_um, (0.0,))} um{word}"


def limits_of(criteria: Criteria, zone: str, *, scratches: bool) -> tuple[float, ...]:
    """Both ends of every band of sizes of one kind of mark in a zone, by its name."""
    kinds = (ruled.scratches if scratches else ruled.defects for ruled in criteria.zones if ruled.name == zone)
    ends = ((band.min_um, band.max_um) for band in chain.from_iterable(kinds))
    return tuple(end for end in chain.from_iterable(ends) if end is not None)


def deciding_bound(check: Check, criteria: Criteria, marks: Sequence[Defect]) -> float | None:
    """What the mark that decides whether a limit holds is at most, in um; None where the optics resolve it."""
    scratch = check.kind == "scratch"
    name = f"{_size_by(criteria, scratch=scratch)}_um"
    of_its_kind = (mark for mark in marks if mark.zone == check.zone and is_scratch(mark, criteria) is scratch)
    sized = (mark for mark in of_its_kind if check.size_um is not None and getattr(mark, name) == check.size_um)
    return next((mark.at_most.get(name) for mark in sized), None)


def deciding_size(check: Check, criteria: Criteria, marks: Sequence[Defect]) -> str:
    """`13.3 um` of the mark that decides whether a limit holds; empty where there are too few marks for one."""
    if check.size_um is None:
        return ""
    limits_um = limits_of(criteria, check.zone, scratches=check.kind == "scratch")
    bound = deciding_bound(check, criteria, marks)
    told = size_in_words(check.size_um, limits_um) if bound is None else size_in_words(bound, limits_um, at_most=True)
    return f"{told} um"


def check_in_words(check: Check, criteria: Criteria, marks: Sequence[Defect]) -> str:
    """What was measured beside what is allowed."""
    return check.told(deciding_size(check, criteria, marks), deciding_bound(check, criteria, marks))
