"""Which way long marks run: across zones, beside each other, about the fiber or away from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from dscope_blink.analysis.aggregation.chance import IN_WORDS, is_chance, log_tail
from dscope_blink.analysis.aggregation.face_places import FacePlaces, apart_deg
from dscope_blink.analysis.measuring import LINEAR
from dscope_blink.records import Pattern

_LONG = 0.5  # radii of the cladding: a shorter mark crosses a border by chance of its place
_WITHIN_DEG = (7.5, 15.0)  # of the direction that they share
_ABOUT_DEG = 10.0  # off the circle about the fiber, or off the way out from it
_FEWEST = 5
_ONE_LINE = 0.03  # radii: marks of one direction that lie no farther off one line are pieces of one
_EDGE = 0.08  # radii: marks along the edge of the cladding or core run about the fiber anyway
_CLASSES = {"scratch": LINEAR, "streak": ("contamination",)}
_ABOUT: tuple[tuple[Literal["concentric", "radial"], float, str, str], ...] = (
    ("concentric", np.pi / 2, "run about the fiber", "polishing, in circles"),
    ("radial", 0.0, "point to the fiber", "handling or the cleave: something went outwards"),
)
_CAUSES = {"scratch": "polishing, in that direction", "streak": "cleaning: wiped in that direction"}


def across_zones(face: FacePlaces) -> tuple[Pattern, ...]:
    """Long scratches that touch two or three of core, cladding and contact zone; that is no matter of chance."""
    long_ones = [place for place in _long_ones(face, "scratch") if face.lengths[place] >= _LONG]
    return tuple(_across(face, place) for place in long_ones if len(face.zones_crossed([place])) > 1)


def _across(face: FacePlaces, place: int) -> Pattern:
    degrees = np.degrees(face.directions[place])
    text = f"{face.marks[place].defect.id} at {degrees:.0f} deg lies {across_in_words(face, [place])}"
    return Pattern("across_zones", face.ids([place]), text, MADE_ACROSS)


def across_in_words(face: FacePlaces, places: Sequence[int]) -> str:
    """Which zones marks lie across."""
    *others, last = face.zones_crossed(places)
    return f"across {', '.join(others)} and {last}"


MADE_ACROSS = "polishing or wiping: it was made across the finished face"


def parallels(face: FacePlaces) -> tuple[Pattern, ...]:
    """Scratches, and streaks of dirt, of which more share a direction than chance brings together."""
    found = (_parallel(face, what) for what in _CLASSES)
    return tuple(pattern for pattern in found if pattern is not None)


def _parallel(face: FacePlaces, what: str) -> Pattern | None:
    long_ones = _long_ones(face, what)
    lines = _one_of_each_line(face, long_ones)
    if len(lines) < _FEWEST:
        return None
    best, found = 0.0, (0.0, 0.0)
    for within in _WITHIN_DEG:
        for place in lines:
            off = apart_deg(face.directions[lines], float(face.directions[place]))
            likely = log_tail(int((off <= within).sum()) - 1, len(lines) - 1, 2 * within / 180)
            if likely < best:
                best, found = likely, (float(face.directions[place]), within)
    if is_chance(best, len(_WITHIN_DEG) * len(lines)):
        return None
    direction, within = found
    near = apart_deg(face.directions[long_ones], direction) <= within
    members = [place for place, is_near in zip(long_ones, near.tolist(), strict=True) if is_near]
    text = f"{len(members)} of {len(long_ones)} {_plural(what)} run at {np.degrees(direction):.0f} deg, {IN_WORDS}"
    return Pattern("parallel", face.ids(members), text, _CAUSES[what])


def about_the_fiber(face: FacePlaces) -> Pattern | None:
    """Scratches that run on circles about the fiber, or away from it, more of them than chance brings together."""
    scratches = [place for place in _long_ones(face, "scratch") if _is_off_edges(face, place)]
    lines = _one_of_each_line(face, scratches)
    if len(lines) < _FEWEST:
        return None
    for kind, turn, how, points_to in _ABOUT:
        near = apart_deg(face.directions[lines], np.angle(face.places[lines]) + turn) <= _ABOUT_DEG
        count = int(near.sum())
        if not is_chance(log_tail(count, len(lines), 2 * _ABOUT_DEG / 180), len(_ABOUT)):
            members = [place for place, is_near in zip(lines, near.tolist(), strict=True) if is_near]
            text = f"{len(members)} of {len(lines)} scratches {how}, {IN_WORDS}"
            return Pattern(kind, face.ids(members), text, points_to)
    return None


def _long_ones(face: FacePlaces, what: str) -> list[int]:
    kinds = _CLASSES[what]
    has_direction = np.flatnonzero(~np.isnan(face.directions)).tolist()
    return [place for place in has_direction if face.marks[place].defect.classification in kinds]


def _is_off_edges(face: FacePlaces, place: int) -> bool:
    """Whether a scratch is none along an edge: what is found of an edge would be taken for polishing."""
    mark, touched = face.marks[place].defect, {"core", "cladding", "adhesive"}
    return abs(abs(face.places[place]) - 1) > _EDGE and len(touched & set(mark.zones_touched)) < 2


def _one_of_each_line(face: FacePlaces, places: Sequence[int]) -> list[int]:
    """The longest of those that lie on one line: pieces of one scratch are no two that share a direction."""
    chosen = list[int]()
    for place in sorted(places, key=lambda p: (-face.lengths[p], p)):
        if not any(_on_one_line(face, place, other) for other in chosen):
            chosen.append(place)
    return sorted(chosen)


def _on_one_line(face: FacePlaces, one: int, other: int) -> bool:
    if apart_deg(face.directions[one], face.directions[other]) > _WITHIN_DEG[0]:
        return False
    apart = (face.places[one] - face.places[other]) * np.exp(-1j * face.directions[other])
    return abs(float(apart.imag)) <= _ONE_LINE


def _plural(what: str) -> str:
    return "scratches" if what == "scratch" else "streaks of dirt"
