"""The names of zones and of kinds of marks."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

# From the most to the least critical: the order of the zones decides which one takes a mark that touches several.
ZONE_LETTERS = ("A", "B", "C", "D")
ZONE_NAMES = MappingProxyType({"A": "core", "B": "cladding", "C": "adhesive", "D": "contact"})
CLASSIFICATIONS = ("scratch", "pit_dig", "contamination", "crack", "chip")
WHICH_FIBER = ("only", "middle")  # of those in view: there must be but one, or the whole one nearest to the middle
ENGINES = ("classical", "both", "dl")  # what looks for marks: detectors, a learned network beside them, or it alone
ID_LETTERS = MappingProxyType({"scratch": "S", "pit_dig": "P", "contamination": "C", "crack": "K", "chip": "E"})


if TYPE_CHECKING:  # a text like any other in the program; one of these where a record is read
    Letter: TypeAlias = str
    Zone: TypeAlias = str
    Kind: TypeAlias = str
    WhichFiber: TypeAlias = str
    Engine: TypeAlias = str
else:
    Letter = Literal[ZONE_LETTERS]
    Zone = Literal[tuple(ZONE_NAMES.values())]
    Kind = Literal[CLASSIFICATIONS]
    WhichFiber = Literal[WHICH_FIBER]
    Engine = Literal[ENGINES]
