"""The size that a mark is judged by, in words: one and the same in reason, label, table, page and certificate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from dscope_blink.records.criteria import Criteria, SizeMeasure
from dscope_blink.records.defects import Defect
from dscope_blink.records.rounding import DECIMALS
from dscope_blink.records.verdict import Check


def size_in_words(size_um: float, limits_um: Sequence[float] = (), at_most: bool = False) -> str:
    """A size without its unit: `13.3`, `10.04` beside a limit of 10, `<= 1.2` where only its upper bound is known.

    One decimal, and as many more as it takes to read on the side of every limit on which it lies; no more than a record
    keeps.
    """
    texts = [f"{size_um:.{decimals}f}" for decimals in range(1, DECIMALS["um"] + 1)]
    told = (text for text in texts if all(_side(float(text), at) == _side(size_um, at) for at in limits_um))
    return f"{'<= ' if at_most else ''}{next(told, texts[-1])}"


def _side(size_um: float, limit_um: float) -> int:
    return (size_um > limit_um) - (size_um < limit_um)


def is_scratch(mark: Defect, criteria: Criteria) -> bool:
    """Whether the limits for scratches hold for it."""
    return mark.classification in criteria.scratch_classes


def judged_by(mark: Defect, criteria: Criteria) -> SizeMeasure:
    """Which of its sizes is held against the limits."""
    return criteria.size_by.scratches if is_scratch(mark, criteria) else criteria.size_by.defects


def size_of(mark: Defect, name: str, limits_um: Sequence[float] = ()) -> str:
    """Its length, width or diameter without a unit: in um, or what it is at most; in px without a scale."""
    size_um: float | None = getattr(mark, f"{name}_um")
    if size_um is None:
        return size_in_words(getattr(mark, f"{name}_px"))
    bound = mark.at_most.get(f"{name}_um")
    return size_in_words(size_um, limits_um) if bound is None else size_in_words(bound, limits_um, at_most=True)


def judged_size(mark: Defect, criteria: Criteria) -> str:
    """`13.3 um`: the size that the criteria go by; `20.0 px` without a scale."""
    by = judged_by(mark, criteria)
    limits_um = limits_of(criteria, mark.zone, scratches=is_scratch(mark, criteria))
    return f"{size_of(mark, by, limits_um)} {'px' if getattr(mark, f'{by}_um') is None else 'um'}"


def unsure_size(mark: Defect, criteria: Criteria) -> str:
    """`13.3 ± 0.4 um`: the judged size with its uncertainty, and a word where that is as large as the size."""
    text, by = judged_size(mark, criteria), judged_by(mark, criteria)
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


def deciding_size(check: Check, criteria: Criteria) -> str:
    """`13.3 um` of the mark that decides whether a limit holds; empty where there are too few marks for one."""
    if check.size_um is None:
        return ""
    return f"{size_in_words(check.size_um, limits_of(criteria, check.zone, scratches=check.kind == 'scratch'))} um"


def margin_in_words(check: Check) -> str:
    """`1.7 um` from the limit, on whichever side; never 0 but where it lies on it; empty as the size is."""
    return "" if check.margin_um is None else f"{size_in_words(abs(check.margin_um), (0.0,))} um"


def check_in_words(check: Check, criteria: Criteria) -> str:
    """What was measured beside what is allowed."""
    count = f"Zone {check.zone}: {check.rule}: {check.count}, allowed {check.max_count or 'none'}"
    if check.size_um is None:
        return count
    side = "over" if check.broken else "below"
    return f"{count}; mark that decides {deciding_size(check, criteria)}, {margin_in_words(check)} {side}"
