"""What a fiber has in its glass beside a round core: regions about its axis, as config.json describes them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType

SIDES = MappingProxyType({"disc": 0, "square": 4, "hexagon": 6, "octagon": 8})  # of each shape that can be described


@dataclass(frozen=True, slots=True)
class StructureRegion:
    """Equal regions of another brightness, evenly on a circle about the centre of the cladding."""

    shape: str  # one of SIDES
    diameter_um: float  # of a polygon between opposite sides
    count: int
    radius_um: float  # of the circle through their centres; 0: one in the centre
    turn_deg: float  # of the first, against the other regions of the fiber

    def places(self) -> tuple[tuple[float, float], ...]:
        """Distance from the centre in um and direction in radians of each."""
        turns = (math.radians(self.turn_deg + 360 * k / self.count) for k in range(self.count))
        return tuple((self.radius_um, turn) for turn in turns)


@dataclass(frozen=True, slots=True)
class StructureDescription:
    """The regions of one kind of fiber, and the connector classes that have them without being asked for them."""

    classes: tuple[str, ...]
    round_core: bool  # whether there is a core in the centre beside these regions
    regions: tuple[StructureRegion, ...]
