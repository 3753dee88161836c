"""Independent votes for a mark: what shares a detector is one vote, however often it was run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from dscope_blink.records import SourceMark

Votes: TypeAlias = tuple[tuple[SourceMark, ...], ...]  # the members that are one vote


def votes(members: Sequence[SourceMark]) -> Votes:
    """The members of a mark by what found them: two that have a detector in common, also through a third, are one."""
    groups = list[tuple[set[str], list[SourceMark]]]()
    for member in members:
        names, mine = {*(member.detectors or (member.source,))}, [member]
        for group in [one for one in groups if one[0] & names]:
            names, mine = names | group[0], [*group[1], *mine]
            groups.remove(group)
        groups.append((names, mine))
    return tuple(tuple(sorted(mine, key=lambda member: member.name)) for _, mine in groups)


def votes_of(members: Sequence[SourceMark]) -> int:
    """How many independent detectors found the mark."""
    return len(votes(members))


def confidence_of(members: Sequence[SourceMark]) -> float:
    """How sure it is that there is a mark: that not all of its votes are wrong, each as sure as its surest member."""
    wrong = (1 - max(member.confidence for member in vote) for vote in votes(members))
    return min(max(1 - math.prod(wrong), 0.0), 1.0)
