"""What became of the marks of one end face between two shots of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Fate = Literal["removed", "stayed", "new", "unseen"]


@dataclass(frozen=True, slots=True)
class Turn:
    """By how much a face lies turned in its second shot against the first; None where the evidence does not decide.

    `angle_deg` is clockwise on the screen, 0 <= angle < 360.
    """

    angle_deg: float | None
    why_not: str = ""  # in words, where there is no angle


@dataclass(frozen=True, slots=True)
class MarkFate:
    """One mark of one shot and what the other shot shows in its place.

    `stayed` in both; `removed` of the first and `new` of the second alone; `unseen` where the other shot does not show
    the place, or sought no marks there.
    """

    id: str
    fate: Fate
    partner: str = ""  # the mark of the other shot that covers most of it; empty: none


@dataclass(frozen=True, slots=True)
class FaceChange:
    """Two shots of one face: the turn, and where it is known the fate of every mark, in the order of the records."""

    turn: Turn
    before: tuple[MarkFate, ...] = ()
    after: tuple[MarkFate, ...] = ()

    def ids(self, fate: Fate) -> tuple[str, ...]:
        """The marks of one fate, in the shot that shows them: of those that stayed, as the second shot names them."""
        return tuple(mark.id for mark in (*(self.before if fate != "stayed" else ()), *self.after) if mark.fate == fate)
