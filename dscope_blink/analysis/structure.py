"""Marks that belong to the fiber: equal ones at regular angles about its axis, as dirt does not lie by chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dscope_blink.records import SYMMETRY_BESIDE, SYMMETRY_ORDERS, Defect, Inspection, Notice, notice, symmetry_feature

ALIKE = 0.7  # likeness from which a copy is one: of equal rods in noise 0.8 to 1
UNLIKE = 0.35  # below it a mark has no copies: those of a single mark are clean glass, with 0 to 0.2
PLACE = 0.025  # cladding radii within which copies are looked for
SIMILAR = 0.1  # chance that a small mark has the size and level of another of half to twice its size
SIMILAR_LARGE = 0.001  # the same of a large one, compared at many places, and where the glass beside it is alike too
LARGE = 0.3  # cladding radii, diameter of a large mark: 19 um of a fiber of 125 um
LONG = 4.0  # times as long as wide: a line through the centre is its own copy
MOST_CHANCE = 1e-4  # that dirt of as many marks looks like this


@dataclass(frozen=True, slots=True)
class FiberStructure:
    """Structure that was seen in a fiber."""

    order: int  # of its rotational symmetry
    groups: tuple[tuple[Defect, ...], ...]  # marks that are copies of each other
    chance: float  # that marks which lie anywhere look like it
    own: tuple[Defect, ...]  # marks that certainly are no part of it

    def reason(self, face: Inspection) -> Notice:
        """Why the face is not graded."""
        seen = "; ".join(_in_words(group, self.order, face) for group in self.groups[:3])
        chance = f"by chance about {self.chance:.0e}" if self.chance > 1e-12 else "by chance below 1e-12"
        return notice("structure_not_described", f"{seen}; {chance}")


def find_structure(face: Inspection) -> FiberStructure | None:
    """The structure that the marks of a face show, None where they may be dirt.

    The chance is that of marks spread evenly over the fiber: a mark has a copy at one place with the probability that
    another of about its size lies within the tolerance there, times that of an equal size, level and outline; to the
    power of the copies, times the marks that could have begun, times the orders that were tried.

    Parameters
    ----------
    face : located, its marks measured, with their likeness to their copies among the features
    """
    assert face.geometry is not None, "a face with zones is located"
    radius_px = face.geometry.cladding.ellipse.mean_diameter_px / 2
    measured = [mark for mark in face.defects if symmetry_feature(2) in mark.features]
    found = []
    for order in SYMMETRY_ORDERS:
        groups = _groups([mark for mark in measured if _is_copied(mark, order)], order, face)
        chance = len(SYMMETRY_ORDERS) * math.prod(_chance(group, order, measured, radius_px) for group in groups)
        if groups and chance < MOST_CHANCE:
            found.append((chance, order, groups))
    if not found:
        return None
    chance, order, groups = min(found, key=lambda item: item[0])
    orders = [seen for _, seen, _ in found]
    own = tuple(mark for mark in face.defects if all(_likeness(mark, seen) < UNLIKE for seen in orders))
    return FiberStructure(order, groups, chance, own)


def _likeness(mark: Defect, order: int) -> float:
    return mark.features.get(symmetry_feature(order)) or 0.0


def _is_copied(mark: Defect, order: int) -> bool:
    return _likeness(mark, order) >= ALIKE


def _polar(mark: Defect, face: Inspection) -> tuple[float, float]:
    assert face.geometry is not None, "a face with marks is located"
    cx, cy = face.geometry.cladding.ellipse.center_px
    x, y = mark.centroid_px[0] - cx, mark.centroid_px[1] - cy
    return math.hypot(x, y), math.atan2(y, x)


def _groups(marks: Sequence[Defect], order: int, face: Inspection) -> tuple[tuple[Defect, ...], ...]:
    """Marks by the radius and, within one period of the symmetry, the direction they have; the largest first."""
    groups: list[list[Defect]] = []
    for mark in sorted(marks, key=lambda mark: -mark.area_px):
        group = next((group for group in groups if _same_place(mark, group[0], order, face)), None)
        if group is None:
            groups.append([mark])
        else:
            group.append(mark)
    return tuple(tuple(group) for group in groups if not _is_line_through_centre(group[0], face))


def _same_place(mark: Defect, other: Defect, order: int, face: Inspection) -> bool:
    (r, turn), (other_r, other_turn) = _polar(mark, face), _polar(other, face)
    period = 2 * math.pi / order
    apart = (turn - other_turn + period / 2) % period - period / 2
    return math.hypot(r - other_r, apart * other_r) < max(other.diameter_px, 4.0) / 2


def _is_line_through_centre(mark: Defect, face: Inspection) -> bool:
    return mark.aspect_ratio >= LONG and _polar(mark, face)[0] < mark.diameter_px / 2


def _chance(group: Sequence[Defect], order: int, marks: Sequence[Defect], radius_px: float) -> float:
    size_px = group[0].diameter_px
    similar = sum(size_px / 2 <= mark.diameter_px <= 2 * size_px for mark in marks)
    beside = min(mark.features.get(SYMMETRY_BESIDE) or 0.0 for mark in group)
    equal = SIMILAR_LARGE if size_px >= LARGE * radius_px or beside >= ALIKE else SIMILAR
    return min(similar * min(similar * PLACE**2 * equal, 1.0) ** (order - 1), 1.0)


def _in_words(group: Sequence[Defect], order: int, face: Inspection) -> str:
    """Such as: 2 marks 36 um wide, opposite each other, 28 um from the centre."""
    assert face.scale is not None, "a face that can be judged has a scale"
    across = sum(mark.diameter_px for mark in group) / len(group) * face.scale.um_per_px
    off = sum(_polar(mark, face)[0] for mark in group) / len(group) * face.scale.um_per_px
    where = "opposite each other" if order == 2 else f"every {360 / order:g} degrees"
    return f"{order} equal marks {across:.0f} um wide, {where}, {off:.0f} um from the centre"
