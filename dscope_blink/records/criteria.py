"""The limits that marks are held against, in the form of config.json and of the records.

A new field is one here, a property in config.schema.json and in result.schema.json, and a value in config.json; what it
is shown as stands in `reporting.wording`, and records of before learn it in `records.stored`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import msgspec

from dscope_blink.records.checks import Count, Share, Size
from dscope_blink.records.kinds import ZONE_NAMES, Kind, Letter

SizeMeasure = Literal["width", "length", "diameter"]
ZoneRule = Literal["touched", "centroid"]
UnresolvedBy = Literal["best", "upper_bound"]


UNCONFIRMED = "These limits are not confirmed: {}"  # edition and class


@dataclass(frozen=True, slots=True)
class SizeBand:
    """Marks from `min_um` to `max_um`: at most `max_count` of them (None: any number)."""

    min_um: Size
    min_inclusive: bool
    max_um: Size | None  # None: no upper end
    max_inclusive: bool
    max_count: Count | None

    def holds(self, size_um: float) -> bool:
        """Whether a mark of this size is one of them."""
        above = size_um >= self.min_um if self.min_inclusive else size_um > self.min_um
        if self.max_um is None:
            return above
        return above and (size_um <= self.max_um if self.max_inclusive else size_um < self.max_um)

    @property
    def in_words(self) -> str:
        """Which sizes it holds."""
        if self.min_um == 0 and self.min_inclusive and self.max_um is None:
            return "of any size"
        low = f"{'>=' if self.min_inclusive else '>'} {self.min_um:g} um"
        high = "" if self.max_um is None else f"{'<=' if self.max_inclusive else '<'} {self.max_um:g} um"
        if not high:
            return low
        return high if self.min_um == 0 else f"{low} and {high}"


@dataclass(frozen=True, slots=True)
class OuterBorder:
    """`times` x (core or cladding diameter) + `plus_um`, or `plus_um` alone when `of` is "fixed"."""

    of: Literal["fixed", "core", "cladding"]
    times: Annotated[float, msgspec.Meta(ge=0, le=1000)]
    plus_um: Annotated[float, msgspec.Meta(ge=-10_000, le=10_000)]  # as config.schema.json has it

    @property
    def in_words(self) -> str:
        """The rule for the outer diameter."""
        if self.of == "fixed":
            return f"{self.plus_um:g} um"
        base = self.of if self.times == 1 else f"{self.times:g} x {self.of}"
        return f"{base} {'+' if self.plus_um > 0 else '-'} {abs(self.plus_um):g} um" if self.plus_um else base


@dataclass(frozen=True, slots=True)
class ZoneCriteria:
    """The outer diameter of one zone and its limits; an empty band list means no limit."""

    zone: Letter
    outer: OuterBorder
    scratches: tuple[SizeBand, ...]
    defects: tuple[SizeBand, ...]
    min_seen: Share | None = None  # how much of it must lie in the picture; None: as the settings say

    @property
    def name(self) -> str:
        """The zone in words."""
        return ZONE_NAMES[self.zone]


@dataclass(frozen=True, slots=True)
class SizeBy:
    """Which size of a mark is held against the limits."""

    scratches: SizeMeasure
    defects: SizeMeasure


@dataclass(frozen=True, slots=True)
class Criteria:
    """The limits of one connector class in one edition, as config.json and the records have them."""

    edition: str
    fiber_class: str
    title: str
    source: str
    confirmed: bool
    scratch_classes: tuple[Kind, ...]
    size_by: SizeBy
    zone_rule: ZoneRule
    zones: tuple[ZoneCriteria, ...]
    unresolved_by: UnresolvedBy = "best"  # which size of a mark that the optics do not resolve is held against limits


def criteria_from(edition: str, fiber_class: str, title: str, entry: Mapping[str, Any]) -> Criteria:
    """The limits of one class, from an entry as config.json has it, already checked.

    That they are confirmed counts only where they are those that ship as confirmed, to the last letter.
    """
    said = msgspec.convert({**entry, "edition": edition, "fiber_class": fiber_class, "title": title}, Criteria)
    return replace(said, confirmed=said.confirmed and ships_confirmed(said))


# `limits_sha256` of the limits that were held against a published text; edition and class are part of what is hashed.
CONFIRMED = frozenset(
    {
        "195f114c99f90fde3bc3d4cbb126f8fcece33b8be1ba16811d58be42221000f4",  # iec_61300_3_35_2009 single_mode_upc
        "730d9698c02c5c631e768fc5ec23d23c518080062478a67e13f39a59cc93d529",  # iec_61300_3_35_2015 single_mode_upc
        "bc1282c44b7dde761f72ddedb8d68f7c29b18030d81c85cdedf0311d0ea9ec0d",  # iec_61300_3_35_2015 multimode
        "aa2174399c536ff6cbac31f2d5ccaca91c6447f1b5feeb49a4318b94bc52eaf1",  # the same, multi_fiber_single_mode_upc
        "5bdfaff8259245a8bfb296375bb7ac43d2339ca336b4ff4f625bb7c6cefe9c54",  # the same, multi_fiber_multimode
    }
)


def ships_confirmed(criteria: Criteria) -> bool:
    """Whether the limits are those that ship as confirmed under their edition and class, whatever they say."""
    return limits_sha256(criteria) in CONFIRMED


def limits_sha256(criteria: Criteria) -> str:
    """The hash of all that the limits say but that they are confirmed, as JSON with sorted keys and without blanks."""
    plain: dict[str, Any] = msgspec.to_builtins(criteria)
    del plain["confirmed"]
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()
