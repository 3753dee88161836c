"""PASS, FAIL or NOT_GRADED, every limit that was held, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dscope_blink.records.checks import Count, Size, require
from dscope_blink.records.kinds import Zone
from dscope_blink.records.notices import Notice
from dscope_blink.records.rounding import rounded, size_in_words

Status = Literal["PASS", "FAIL", "NOT_GRADED"]


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: what was measured, what is allowed, which defects did it."""

    zone: Zone
    rule: str
    measured: str
    allowed: str
    defects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One limit held against the marks of its zone: at most `max_count` of them from `limit_um` on.

    `size_um` is that of the mark that decides, the one after the `max_count` largest; None when there are not so many.
    """

    zone: Zone
    rule: str
    count: Count
    max_count: Count
    size_um: Size | None
    limit_um: Size
    defects: tuple[str, ...]  # ids of those counted
    kind: Literal["scratch", "defect"]  # of the marks that it counts

    @property
    def broken(self) -> bool:
        """Whether more marks were found than are allowed."""
        return self.count > self.max_count

    @property
    def margin_um(self) -> float | None:
        """How far it and all larger marks are from breaking the limit together; below 0: how much it is too large."""
        return None if self.size_um is None else rounded("um", self.limit_um - self.size_um)

    @property
    def nearness(self) -> float:
        """Share of what breaks the limit: by the size of the mark that decides, or by the number of marks."""
        by_count = self.count / (self.max_count + 1)
        if (
            self.size_um is None or self.broken or not rounded("um", self.limit_um)
        ):  # above 0: a mark without size is not near it
            return by_count
        return max(self.size_um / self.limit_um, by_count)

    @property
    def in_words(self) -> str:
        """What was measured beside what is allowed; `check_in_words` tells the size from the other limits too."""
        return self.told("" if self.size_um is None else f"{size_in_words(self.size_um, (self.limit_um,))} um")

    @property
    def margin_in_words(self) -> str:
        """`1.7 um` from the limit, on whichever side; never 0 but where it lies on it; empty without a size."""
        return "" if self.margin_um is None else f"{size_in_words(abs(self.margin_um), (0.0,))} um"

    def spare_in_words(self, at_most_um: float | None = None) -> str:
        """`1.7 um below`; `at least 1.7 um below` where of the mark that decides only an upper bound is known."""
        if at_most_um is None:
            return f"{self.margin_in_words} {'over' if self.broken else 'below'}"
        to_bound = f"{size_in_words(abs(self.limit_um - at_most_um), (0.0,))} um"
        if self.broken:
            return f"at most {to_bound} over"
        return f"at least {to_bound} below" if at_most_um < self.limit_um else "perhaps over"

    def told(self, deciding_size: str, at_most_um: float | None = None) -> str:
        """`in_words`, the size of the mark that decides in the words that are given, and its upper bound."""
        count = f"Zone {self.zone}: {self.rule}: {self.count}, allowed {self.max_count or 'none'}"
        if not deciding_size:
            return count
        return f"{count}; mark that decides {deciding_size}, {self.spare_in_words(at_most_um)}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """PASS, FAIL or NOT_GRADED, with the reasons in words, every limit that was held, and how sure it is."""

    status: Status
    reasons: tuple[Notice, ...] = ()
    violations: tuple[Violation, ...] = ()
    checks: tuple[Check, ...] = ()
    doubts: tuple[str, ...] = ()  # what would change the verdict within the uncertainty of sizes, places and kinds

    @property
    def marginal(self) -> bool:
        """Whether it would change within the uncertainty of sizes, places and kinds."""
        return bool(self.doubts)

    @property
    def closest(self) -> Check | None:
        """Of a PASS the limit that holds with the least to spare; None when no mark comes near one."""
        held = (
            [] if self.status != "PASS" else [check for check in self.checks if not check.broken and check.nearness > 0]
        )
        return max(held, key=lambda check: check.nearness, default=None)

    def __post_init__(self) -> None:
        require(self.status == "PASS" or bool(self.reasons), f"a {self.status} verdict must give a reason")
