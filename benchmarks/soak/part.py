"""What one part of the soak did, and what was lost in it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(slots=True)
class Part:
    """One part: how often something was done, and what was found."""

    title: str
    done: Counter[str] = field(default_factory=Counter)  # what was done, how often
    lost: list[str] = field(default_factory=list)  # what went wrong, each with its place; empty: nothing
    notes: list[str] = field(default_factory=list)  # figures, and why something was left out
    seconds: float = 0.0

    @property
    def count(self) -> int:
        return self.done.total()

    def lose(self, place: str, problems: list[str]) -> None:
        """Note problems of one place."""
        self.lost += [f"{place}: {problem}" for problem in problems]


@contextmanager
def timed(part: Part) -> Iterator[Part]:
    """Measure the seconds of a part."""
    start = time.monotonic()
    yield part
    part.seconds = time.monotonic() - start


@dataclass(frozen=True, slots=True)
class Asked:
    """What a part is given: how often, its random numbers, and a folder of its own."""

    count: int
    rng: np.random.Generator
    folder: Path


Soaking = Callable[[Asked], Part]
MOST_TOLD = 12  # losses that the table names


def table(parts: list[Part], seed: int) -> str:
    """The parts as Markdown: counts, seconds, and what was lost."""
    lines = [f"Seed {seed}.", "", "| part | times | done | s | lost |", "|---|---|---|---|---|"]
    for part in parts:
        done = ", ".join(f"{count} {what}" for what, count in sorted(part.done.items())) or "nothing"
        lost = f"**{len(part.lost)}**" if part.lost else "nothing"
        lines.append(f"| {part.title} | {part.count:,} | {done} | {part.seconds:.0f} | {lost} |")
    lines.append("")
    for part in parts:
        lines += [f"- {part.title}: {note}" for note in part.notes]
        lines += [f"- lost, {part.title}: {loss}" for loss in part.lost[:MOST_TOLD]]
        if len(part.lost) > MOST_TOLD:
            lines.append(f"- lost, {part.title}: and {len(part.lost) - MOST_TOLD} more")
    return "\n".join(lines) + "\n"
