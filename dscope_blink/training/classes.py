"""The classes of pixels, their values in the masks, and the colours that these are shown in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from dscope_blink.records import ZONE_NAMES
from dscope_blink.training.labels import KINDS

Colour: TypeAlias = tuple[int, int, int]  # red, green, blue

# In the order of their values, from 0. The zones are those of the criteria: core, cladding, adhesive and contact.
ZONE_CLASSES = ("outside", "core", "cladding", "adhesive", "ferrule")
MARK_CLASSES = ("none", *KINDS)
MARK_VALUES: Mapping[str, int] = MappingProxyType({name: value for value, name in enumerate(MARK_CLASSES)})

ZONES: Mapping[str, str] = MappingProxyType(dict(zip(ZONE_NAMES.values(), ZONE_CLASSES[1:], strict=True)))  # by zone

# Told apart also by people who see colours less well: Okabe and Ito, "Color Universal Design", 2008.
ZONE_PALETTE: tuple[Colour, ...] = ((0, 0, 0), (240, 228, 66), (86, 180, 233), (204, 121, 167), (110, 110, 110))
MARK_PALETTE: tuple[Colour, ...] = (
    (0, 0, 0),
    (230, 159, 0),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (0, 114, 178),
    (240, 240, 240),
)


def classes_json() -> Mapping[str, Any]:
    """What classes.json says of both kinds of masks."""
    return {
        "zone_masks": _described(ZONE_CLASSES, ZONE_PALETTE),
        "defect_masks": _described(MARK_CLASSES, MARK_PALETTE),
    }


def _described(names: tuple[str, ...], palette: tuple[Colour, ...]) -> list[Mapping[str, Any]]:
    pairs = zip(names, palette, strict=True)
    return [{"value": value, "name": name, "rgb": list(colour)} for value, (name, colour) in enumerate(pairs)]
