"""What can be said of a whole face in one number: its name, unit, zone, meaning, and what does not change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

FeatureZone: TypeAlias = Literal["core", "cladding", "ferrule", "face"]

# A difference by which two pictures of one face differ anyway, by the unit.
LEAST: Mapping[str, float] = MappingProxyType(
    {
        "light": 1e-3,
        "share of light": 1e-4,
        "light/px": 1e-4,
        "light/px^2": 1e-4,
        "light/radius": 3e-3,
        "log10 of light^2": 0.03,
        "bits": 0.02,
        "steps": 0.01,
        "steps^2": 0.02,
        "px": 0.01,
        "thousandths": 0.1,
        "1": 1e-3,
        "number": 0.5,
    }
)


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of a face; which changes of the picture leave it as it is, up to noise, is tested as laws."""

    name: str
    unit: str  # one of LEAST; "light": 1 is the median light of the face
    zone: FeatureZone
    group: str  # of features that say the same kind of thing
    meaning: str
    turn: bool = True  # the same however the fiber is turned
    brightness: bool = True  # the same however bright the picture is
    scale: bool = False  # the same however large the face is in the picture

    @property
    def least(self) -> float:
        """A difference by which two pictures of one face differ anyway."""
        return LEAST[self.unit]
