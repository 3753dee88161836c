"""Which kinds of marks may be one mark, and which of them that mark is."""

from __future__ import annotations

from collections.abc import Sequence

from dscope_blink.config.settings import AggregationSettings
from dscope_blink.records import CLASSIFICATIONS, SourceMark


def is_known(mark: SourceMark, settings: AggregationSettings) -> bool:
    """Whether its source says what it is; one that says nothing may be the same as anything."""
    return mark.defect is not None or mark.named.lower() in {*settings.type_names, *CLASSIFICATIONS}


def may_be_one(first: SourceMark, second: SourceMark, settings: AggregationSettings) -> bool:
    """Whether two marks of these kinds can be one: the same kind, or two that the settings name together."""
    if first.kind == second.kind or not (is_known(first, settings) and is_known(second, settings)):
        return True
    return any({first.kind, second.kind} <= set(kinds) for kinds in settings.compatible_types)


def kind_of(members: Sequence[SourceMark], settings: AggregationSettings) -> str:
    """The most severe of the kinds that the sources of a mark name."""
    known = [member.kind for member in members if is_known(member, settings)]
    return min(known or [member.kind for member in members], key=settings.type_order.index)
