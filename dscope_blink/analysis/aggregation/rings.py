"""Marks on a circle about the fiber, and marks at its rim that lie on one side of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dscope_blink.analysis.aggregation.chance import IN_WORDS, is_chance, log_tail
from dscope_blink.analysis.aggregation.face_places import FacePlaces, Floats
from dscope_blink.records import Pattern

_WIDTHS = (0.04, 0.08)  # of the band in which the marks of a ring lie, in radii of the cladding
_AROUND = 3.0  # widths to either side of the band with which it is compared
_SECTORS = 36  # of a ring: marks of one sector count once, so that what fell apart is no ring
_FEWEST_SECTORS = 6
_WIDEST_GAP = 12  # sectors: what lies on less than two thirds of the circle is none
_EDGE = 0.06  # of the cladding: a ring so near lies on it
_RIM = 0.9  # from there outwards dirt of handling comes
_SIDES_DEG = (60, 90, 120)
_CELL = 0.1  # marks of one cell are one here: what fell apart, or was wiped together
_FEWEST_AT_RIM = 8


def ring_of(face: FacePlaces) -> Pattern | None:
    """The ring that is least likely by chance: more marks in a narrow band than its surroundings let expect."""
    radii, angles = np.abs(face.places), np.angle(face.places)
    sectors = ((angles / (2 * np.pi) % 1) * _SECTORS).astype(int) % _SECTORS
    best, found = 0.0, tuple[int, ...]()
    for width in _WIDTHS:
        for place in range(len(radii)):
            low, high = radii[place] - width / 2, radii[place] + width / 2
            members = np.flatnonzero((radii >= low) & (radii <= high))
            likely = _log_likely(face, radii, float(radii[place]), width, len(set(sectors[members].tolist())))
            if likely < best and _goes_around(sectors[members].tolist()):
                best, found = likely, tuple(members.tolist())
    if not found or is_chance(best, len(_WIDTHS) * len(radii)):
        return None
    return _ring(face, found, float(np.median(radii[list(found)])))


def _log_likely(face: FacePlaces, radii: Floats, radius: float, width: float, occupied: int) -> float:
    """Of the other sectors to be occupied, given how many marks lie in and about the band."""
    if occupied < _FEWEST_SECTORS:
        return 0.0
    low, high = max(radius - _AROUND * width, 0.0), min(radius + _AROUND * width, face.outermost)
    near = int(((radii >= low) & (radii <= high)).sum())
    around = face.area(low, high)
    share = face.area(radius - width / 2, radius + width / 2) / around if around else 1.0
    return log_tail(occupied - 1, near - 1, share)


def _goes_around(sectors: Sequence[int]) -> bool:
    taken = sorted(set(sectors))
    gaps = np.diff([*taken, taken[0] + _SECTORS])
    return len(taken) >= _FEWEST_SECTORS and int(gaps.max()) <= _WIDEST_GAP


def _ring(face: FacePlaces, members: Sequence[int], radius: float) -> Pattern:
    if abs(radius - 1) <= _EDGE:
        where, points_to = "the edge of the cladding", "polishing: an edge that is rough or holds residue"
    else:
        where = f"a circle of {radius:.2f} times the cladding's diameter about its center"
        points_to = "cleaning or polishing: a drop that dried, or a grain that went around"
    return Pattern("ring", face.ids(members), f"{len(members)} marks lie on {where}, {IN_WORDS}", points_to)


def one_sided(face: FacePlaces) -> Pattern | None:
    """Marks at the rim that lie on one side of the fiber."""
    rim = np.flatnonzero(np.abs(face.places) >= _RIM)
    alone = _one_of_each_cell(face, rim.tolist())
    if len(alone) < _FEWEST_AT_RIM:
        return None
    angles = np.degrees(np.angle(face.places)) % 360
    seen = _seen_by_angle(face)
    best, found = 0.0, (0.0, 0)
    for side in _SIDES_DEG:
        for start in angles[alone]:
            count = int(((angles[alone] - start) % 360 <= side).sum())
            share = float(seen[(np.arange(len(seen)) + 0.5 - start) % 360 <= side].sum())
            likely = log_tail(count - 1, len(alone) - 1, share)
            if likely < best:
                best, found = likely, (float(start), side)
    if is_chance(best, len(_SIDES_DEG) * len(alone)):
        return None
    start, side = found
    members = [place for place in rim.tolist() if (angles[place] - start) % 360 <= side]
    text = (
        f"{len(members)} of {len(rim)} marks at the rim lie on one side of the fiber, about "
        f"{(start + side / 2) % 360:.0f} deg clockwise from the right, {IN_WORDS}"
    )
    return Pattern("one_sided", face.ids(members), text, "handling: it was touched or wiped from that side")


def _one_of_each_cell(face: FacePlaces, members: Sequence[int]) -> list[int]:
    cells: dict[tuple[int, int], int] = {}
    for place in members:
        at = face.places[place] / _CELL
        cells.setdefault((int(np.floor(at.real)), int(np.floor(at.imag))), place)
    return list(cells.values())


def _seen_by_angle(face: FacePlaces) -> Floats:
    """(360,) share of the area of the rim that lies at each degree, as far as it was looked at."""
    rim = face.radii >= _RIM
    weighed = (face.looked_at[rim] * face.radii[rim, None]).sum(axis=0)
    total = weighed.sum()
    return np.asarray(weighed / total if total else np.ones(len(weighed)), dtype=np.float64)
