"""What every finder of markers takes and gives, whichever way it looks: the interface of rule and network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import FoundObject

Picture = NDArray[np.uint8]  # (H, W) grey or (H, W, 3) blue, green, red


@dataclass(frozen=True, slots=True)
class Search:
    """How hard to look in one go."""

    side_px: int  # of the longer side of the picture that is looked at
    confidence: float  # 0..1; less is not reported
    overlap: float  # intersection over union above which the finder keeps the surer of two


class MarkerFinder(Protocol):
    """Anything that finds markers in a picture."""

    @property
    def name(self) -> str:
        """What results call it."""

    @property
    def inputs(self) -> tuple[tuple[str, str], ...]:
        """What it was made from: names and hashes."""

    def __call__(self, picture: Picture, wanted: Search) -> tuple[FoundObject, ...]:
        """Everything it sees, in pixels of the picture it is given, the surest first."""
