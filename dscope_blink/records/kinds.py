"""The names of zones and of kinds of marks."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Annotated, TypeAlias

import msgspec

# From the most to the least critical: the order of the zones decides which one takes a mark that touches several.
ZONE_LETTERS = ("A", "B", "C", "D")
ZONE_NAMES = MappingProxyType({"A": "core", "B": "cladding", "C": "adhesive", "D": "contact"})
CLASSIFICATIONS = ("scratch", "pit_dig", "contamination", "crack", "chip")
ID_LETTERS = MappingProxyType({"scratch": "S", "pit_dig": "P", "contamination": "C", "crack": "K", "chip": "E"})


def one_of(words: Iterable[str]) -> msgspec.Meta:
    """What a text must be where a record is read."""
    return msgspec.Meta(pattern=f"^({'|'.join(words)})$")


Letter: TypeAlias = Annotated[str, one_of(ZONE_LETTERS)]
Zone: TypeAlias = Annotated[str, one_of(ZONE_NAMES.values())]
Kind: TypeAlias = Annotated[str, one_of(CLASSIFICATIONS)]
