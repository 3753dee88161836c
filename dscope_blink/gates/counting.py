"""The gate of the count: how many big markers there are, against the numbers that sheets may have."""

from __future__ import annotations

from collections.abc import Sequence

from dscope_blink.config.gate_settings import CountRules
from dscope_blink.records import Figure, GateOutcome, Marker, Range


def expected_near(count: int, rules: CountRules) -> int | None:
    """The expected number that a count is within the tolerance of, the nearest of several; None: of none."""
    fitting = [one for one in rules.big_expected_any if abs(count - one) <= tolerance_of(one, rules)]
    return min(fitting, key=lambda one: (abs(count - one), one), default=None)


def tolerance_of(expected: int, rules: CountRules) -> int:
    """How many more or fewer there may be; 0 where nobody says."""
    return rules.tolerance.get(str(expected), 0)


def big_count(markers: Sequence[Marker], rules: CountRules) -> int:
    """How many markers are big ones."""
    return sum(marker.found.kind == rules.big_kind for marker in markers)


def count_gate(markers: Sequence[Marker], layout_count: int | None, rules: CountRules) -> GateOutcome:
    """Whether there are as many big markers as there may be.

    Parameters
    ----------
    markers : of one sheet
    layout_count : big places of the layout that the sheet is of; None: it is of none
    rules : the section `gates.count_rules`
    """
    count = big_count(markers, rules)
    expected = expected_near(count, rules) if layout_count is None else layout_count
    known = expected is not None and expected in rules.big_expected_any
    spare = tolerance_of(expected, rules) if known and expected is not None else 0
    allowed = None if not known or expected is None else Range(expected - spare, expected + spare)
    ok = count > 0 and allowed is not None and allowed.holds(count)
    reasons = () if ok else (_reason(count, expected if known else None, rules),)
    return GateOutcome("count", ok, (Figure("big_count", count, allowed),), reasons)


def _reason(count: int, expected: int | None, rules: CountRules) -> str:
    wanted = rules.big_expected_any if expected is None else (expected,)
    said = (f"{one} +-{tolerance_of(one, rules)}" for one in wanted)
    return f"big markers must be {' or '.join(said)}, got {count}"
