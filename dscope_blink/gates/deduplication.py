"""Two findings of one marker to one: only what lies on the same place with the same size is the same marker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dscope_blink.records import FoundObject


@dataclass(frozen=True, slots=True)
class Sameness:
    """When two boxes are one marker; anything less stays two, and the count says so."""

    overlap: float  # least intersection over union
    least_area_ratio: float  # area of the less confident over that of the other
    most_area_ratio: float


def without_duplicates(found: Sequence[FoundObject], same: Sameness) -> tuple[FoundObject, ...]:
    """Of findings that are one marker the most confident.

    Parameters
    ----------
    found : in any order; of equal confidence the one further left and up comes first
    same : when two are one; also where their classes differ

    Returns
    -------
    tuple of FoundObject, the most confident first
    """
    kept: list[FoundObject] = []
    for one in sorted(found, key=_place_in_line):
        if not any(_is_same(one, other, same) for other in kept):
            kept.append(one)
    return tuple(kept)


def _place_in_line(one: FoundObject) -> tuple[float, float, float, float, float, str]:
    box = one.box
    return -one.confidence, box.left_px, box.top_px, box.right_px, box.bottom_px, one.kind


def _is_same(weaker: FoundObject, stronger: FoundObject, same: Sameness) -> bool:
    ratio = weaker.box.area_px / stronger.box.area_px
    alike = same.least_area_ratio <= ratio <= same.most_area_ratio
    return alike and weaker.box.overlap(stronger.box) >= same.overlap
