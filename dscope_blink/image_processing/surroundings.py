"""What lies on either side of a circular edge: its grey levels, and how they vary around the fiber."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dscope_blink.image_processing import edges
from dscope_blink.image_processing.edges import COARSE_ANGLES
from dscope_blink.image_processing.ellipse_fit import MAD_TO_SIGMA
from dscope_blink.records import FloatImage, Form


@dataclass(frozen=True, slots=True)
class Side:
    """One side of an edge: the typical grey level, 0..1, and the robust sigma of what varies within a few degrees."""

    level: float
    spread: float


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides of a circular edge."""

    inside: Side
    outside: Side

    @property
    def step(self) -> float:
        """Size of the grey step from one to the other."""
        return abs(self.outside.level - self.inside.level)

    @property
    def spread(self) -> float:
        """Of the side that varies more."""
        return max(self.inside.spread, self.outside.spread)

    @property
    def darkness(self) -> float:
        """How much darker than its surroundings the inside is, as a share of them; negative when it is brighter."""
        return 1 - self.inside.level / max(self.outside.level, 1e-6)

    def is_granular(self, least_spread: float) -> bool:
        """Whether a smooth disc lies among grains, as in a glass-filled ferrule: nothing but a fiber looks so.

        Parameters
        ----------
        least_spread : of what lies outside, as a share of the grey step; above it grains, below it noise and dirt
        """
        return self.outside.spread >= max(least_spread * self.step, GRAINS_OVER_NOISE * self.inside.spread)

    def is_in_the_dark(self, most: float) -> bool:
        """Whether nothing is seen outside: less than this share of the level inside."""
        return self.outside.level <= most * self.inside.level


GRAINS_OVER_NOISE = 4.0  # 15 and more were measured in ferrules filled with glass, 0.2 to 3 in others, dirty ones too


def sides_of(picture: FloatImage, form: Form) -> Sides:
    """What lies within and around an ellipse.

    Parameters
    ----------
    picture : (H, W) float32, 0..1
    form : (5,) float64, of the edge
    """
    return Sides(_side(picture, form, INSIDE), _side(picture, form, OUTSIDE))


# radii: nearer to the edge lies its blur, further inside a core, and further outside the border of the picture
INSIDE, OUTSIDE = (0.6, 0.92), (1.08, 1.4)
SAMPLES = 8
HALF_WINDOW = 5  # rays: uneven light and a stain change less within them, grains and noise more


def _side(picture: FloatImage, form: Form, radii: tuple[float, float]) -> Side:
    levels = edges.sample(picture, form, np.linspace(*radii, SAMPLES), COARSE_ANGLES)
    seen = levels[np.isfinite(levels)]
    if not len(seen):
        return Side(0.0, 0.0)
    varying = levels - _moving_mean(levels)
    away = np.abs(varying[np.isfinite(varying)])
    return Side(float(np.median(seen)), MAD_TO_SIGMA * float(np.median(away)) if len(away) else 0.0)


def _moving_mean(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    turned = [np.roll(levels, shift, axis=0) for shift in range(-HALF_WINDOW, HALF_WINDOW + 1)]
    mean: NDArray[np.float32] = np.mean(turned, axis=0)
    return mean
