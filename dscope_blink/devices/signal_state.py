"""Green, red or yellow for a line: what the last picture came to, and yellow whenever that is not known or is old.

yellow --OK--> green    --NG--> red    --nothing for `fresh_s`, a fault, a lost link, the end--> yellow
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Colour = Literal["yellow", "green", "red"]
STALE = "the last result is old"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one picture came to, or why nobody knows."""

    ok: bool | None  # None: neither; a fault, or nothing was graded
    sequence: int  # of the results of a run, from 1; 0: none yet
    picture: str
    why: str  # empty where it is ok
    at_s: float  # of the monotonic clock


@dataclass(frozen=True, slots=True)
class Signal:
    """What a link says at one moment."""

    colour: Colour
    sequence: int
    picture: str
    why: str  # why it is not green; empty: it is
    age_s: float  # of the result
    fresh_s: float  # how long a result holds
    beat: int  # counts up with every message, so that one that stands still is seen


class LinkLost(OSError):
    """Nobody heard the signal; the message says which link, and why."""


class Link(Protocol):
    """A way to a line; it is used by one thread alone."""

    name: str

    def send(self, signal: Signal) -> None:
        """Say it, and wait until it was heard; LinkLost where it was not. A link that was lost is made anew."""

    def close(self) -> None:
        """Let go of it."""


def signal_of(outcome: Outcome, now_s: float, fresh_s: float, beat: int) -> Signal:
    """The signal of an outcome at a moment: yellow unless it says OK or NG and is not old.

    Parameters
    ----------
    outcome : the last one
    now_s : of the clock that the outcome has its time from
    fresh_s : seconds that a result holds
    beat : of the message
    """
    age_s = now_s - outcome.at_s
    if outcome.ok is None or not 0 <= age_s < fresh_s:
        why = outcome.why if outcome.ok is None else STALE
        return Signal("yellow", outcome.sequence, outcome.picture, why, age_s, fresh_s, beat)
    colour: Colour = "green" if outcome.ok else "red"
    return Signal(colour, outcome.sequence, outcome.picture, outcome.why, age_s, fresh_s, beat)
