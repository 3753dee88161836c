"""How the pictures of one face are related: the turn between every two, and the way to each by the strongest evidence.

A picture that has no mark in common with the base may have some with another that does: the ways are the branches of
the tree of greatest weight (R. C. Prim, "Shortest connection networks and some generalizations", Bell Syst. Tech. J. 36
(1957), DOI 10.1002/j.1538-7305.1957.tb01515.x).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from dscope_blink.analysis.registration import WeighedTurn, weigh_turn
from dscope_blink.records import Inspection, PictureLikeness

SAME_DEG = 3.0  # within which marks and pictures say the same turn: pictures are compared in steps of a degree
_LEAST_CHANCE = -300 * math.log(10)  # below which no number says it


@dataclass(frozen=True, slots=True)
class Relation:
    """The turn of the second of two pictures against the first, and what says so."""

    first: str
    second: str
    turn_deg: float | None  # clockwise on the screen; None: nothing tells
    weight: tuple[int, float]  # of the evidence: marks tell a turn finer than pictures, so they go before
    evidence: str  # in words, also where nothing tells

    @property
    def back(self) -> Relation:
        """The same from the second to the first."""
        turn = None if self.turn_deg is None else -self.turn_deg % 360
        return Relation(self.second, self.first, turn, self.weight, self.evidence)


@dataclass(frozen=True, slots=True)
class Way:
    """How a picture is turned against the base, step by step."""

    turn_deg: float  # clockwise on the screen, 0 <= angle < 360
    steps: tuple[Relation, ...]


def relations(
    records: Mapping[str, Inspection], alike: Sequence[PictureLikeness] = ()
) -> Mapping[tuple[str, str], Relation]:
    """The relation of every two pictures, in both directions.

    Parameters
    ----------
    records : of each picture one, by the key of the picture
    alike : how alike the pictures are, by the same keys; of those without, the marks alone speak
    """
    likenesses = {(one.first, one.second): one for one in (*alike, *map(_swapped, alike))}
    found = {
        (a, b): _relation(a, b, weigh_turn(records[a], records[b]), likenesses.get((a, b)))
        for a, b in combinations(sorted(records), 2)
    }
    return {**found, **{(b, a): relation.back for (a, b), relation in found.items()}}


def _swapped(one: PictureLikeness) -> PictureLikeness:
    return PictureLikeness(one.second, one.first, -one.turn_deg % 360, one.share, one.z, one.seen, one.tells_the_turn)


def _relation(a: str, b: str, marks: WeighedTurn, alike: PictureLikeness | None) -> Relation:
    by_marks = marks.turn.angle_deg
    by_likeness = alike.turn_deg if alike is not None and alike.tells_the_turn else None
    told = _likeness_in_words(alike)
    if by_marks is None and by_likeness is None:
        return Relation(a, b, None, (0, 0.0), "; ".join(filter(None, (marks.turn.why_not, told))))
    if by_marks is None or alike is None:
        if by_likeness is None or alike is None:
            return Relation(a, b, by_marks, (2, -marks.log_chance), _marks_in_words(marks))
        return Relation(a, b, by_likeness, (1, alike.z), f"{told}; {marks.turn.why_not}")
    if by_likeness is not None and abs((by_marks - by_likeness + 180) % 360 - 180) > SAME_DEG:
        said = f"the marks say {by_marks:.1f} deg ({_marks_in_words(marks)})"
        return Relation(a, b, None, (0, 0.0), f"{said}, the pictures {by_likeness:.1f} deg ({told})")
    return Relation(a, b, by_marks, (2, -marks.log_chance), f"{_marks_in_words(marks)}; {told}")


def _marks_in_words(marks: WeighedTurn) -> str:
    chance = math.floor(max(marks.log_chance, _LEAST_CHANCE) / math.log(10))
    return f"{marks.alike} of {marks.marks} marks lie alike, by chance once in 1e{-chance - 1} pairs of faces at most"


def _likeness_in_words(alike: PictureLikeness | None) -> str:
    if alike is None:
        return ""
    told = f"{alike.share:.2f}, {alike.z:.1f} sigmas, {100 * alike.seen:.0f} % of the rings seen in both"
    if not alike.tells_the_turn:
        return f"the pictures are no more alike than those of other faces may be ({told})"
    return f"the pictures are alike ({told})"


def ways_from(base: str, related: Mapping[tuple[str, str], Relation], keys: Sequence[str]) -> Mapping[str, Way]:
    """The way to each picture that can be reached from the base, itself included.

    Parameters
    ----------
    base : one of the keys
    related : the relations of every two of them, in both directions
    keys : of the pictures; their order does not matter
    """
    ways, left = {base: Way(0.0, ())}, sorted(set(keys) - {base})
    while left:
        steps = [related[known, key] for known in sorted(ways) for key in left]
        told = [step for step in steps if step.turn_deg is not None]
        if not told:
            break
        step = max(told, key=lambda one: one.weight)  # of equals the first
        before = ways[step.first]
        assert step.turn_deg is not None, "it is told"
        ways[step.second] = Way(round(before.turn_deg + step.turn_deg, 1) % 360, (*before.steps, step))
        left.remove(step.second)
    return ways
