"""Marks that lie in a ring, in a row or across zones, and where that points."""

from __future__ import annotations

from collections.abc import Sequence

from dscope_blink.records import Inspection, MergedMark, Pattern


def patterns_of(marks: Sequence[MergedMark], face: Inspection) -> tuple[Pattern, ...]:
    """Every pattern that is no chance; a mark may be part of several."""
    return ()
