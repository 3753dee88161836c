"""How far a face departs from good ones of its kind, and where: what a learned reference says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records.arrays import FloatImage, Points, read_only
from dscope_blink.records.checks import Positive, Share, Size
from dscope_blink.records.defects import Severity
from dscope_blink.records.kinds import CLASSIFICATIONS, Zone

Normality = Literal["NORMAL", "ANOMALOUS", "NOT_OF_THIS_FAMILY", "NOT_COMPARED", "NO_REFERENCE"]
FoundBy = Literal["reference", "own_symmetry"]  # what a place departs from: good faces, or the rest of its own ring
ANOMALY = "ANOMALY"  # the kind of a place that no mark of the inspection explains

if TYPE_CHECKING:  # a text like any other in the program; one of these where a record is read
    PlaceKind: TypeAlias = str
else:
    PlaceKind = Literal[(*CLASSIFICATIONS, ANOMALY)]


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A place where a face departs from good ones. Two are equal if all but their outlines are."""

    id: str
    kind: PlaceKind  # that of the mark of the inspection that lies there; ANOMALY: none does
    zone: Zone | None  # None: beyond them all
    score: Size  # its worst place, 1.0 the limit
    outline_px: Points = field(compare=False)  # (N, 2) float64, x and y in pixels of the stored picture
    area_px: Size
    diameter_px: Size  # smallest enclosing circle
    diameter_um: Size | None  # None without a scale
    confidence: Share  # by tiers of the score
    severity: Severity
    marks: tuple[str, ...] = ()  # ids of the classical marks that lie there
    found_by: FoundBy = "reference"

    def __post_init__(self) -> None:
        object.__setattr__(self, "outline_px", read_only(self.outline_px))


@dataclass(frozen=True, slots=True)
class Deviation:
    """A feature of a face beside those of the family."""

    name: str
    value: float
    middle: float  # of the family
    spreads: float  # from the middle, above 0 where the face has more

    @property
    def in_words(self) -> str:
        """As a reason."""
        way = "above" if self.spreads > 0 else "below"
        return f"{self.name} {self.value:.4g}, {abs(self.spreads):.1f} spreads {way} {self.middle:.4g}"


@dataclass(frozen=True, slots=True)
class ReferenceDistances:
    """How far a face lies from one that the reference was learned from; None: nothing of both is seen.

    The first four compare the deviations of features, in spreads, the last three the light of each zone.
    """

    file: str  # of the reference
    euclid: Size
    manhattan: Size
    cosine: float | None
    correlation: float | None
    chi_square: Size | None
    wasserstein: Size | None  # in steps of the histogram
    kolmogorov_smirnov: Size | None


@dataclass(frozen=True, slots=True)
class WholeFace:
    """A face as a whole beside the references."""

    distance: Size  # Mahalanobis, of the groups of features
    limit: Positive  # that the stated rate of good faces exceed
    deviations: tuple[Deviation, ...]  # the most deviant feature first
    values: tuple[float | None, ...]  # of all features, in the order of the model; None: not seen
    references: tuple[ReferenceDistances, ...]  # the nearest by `euclid` first

    @property
    def score(self) -> float:
        """1.0: as unusual as the stated rate of good faces."""
        return self.distance / self.limit


@dataclass(frozen=True, slots=True)
class Comparison:
    """A face beside what good ones are like; the acceptance verdict stays its own."""

    status: Normality
    reasons: tuple[str, ...]
    model_sha256: str  # empty: there is no model, the face is compared with its own symmetry
    score: Size | None = None  # of the worst place or ring, 1.0 the limit; None: it could not be compared
    ring_score: Size | None = None
    anomalies: tuple[Anomaly, ...] = ()  # the worst first
    similarity: float | None = None  # structural, of the whole face with the archetype; None: it was not compared
    whole: WholeFace | None = None  # None: the model knows no family, or the face was not compared
    why_not_whole: str = ""  # why the model knows no family


@dataclass(frozen=True, slots=True, eq=False)
class ComparisonMaps:
    """A face beside what good ones are like, place by place, in the frame of the reference.

    Light 1.0 is the median of a face; NaN where nothing is seen.
    """

    to_picture: NDArray[np.float64]  # (2, 3), from x, y, 1 of the frame to x, y of the stored picture
    radius_px: int  # of the cladding in the frame
    archetype: FloatImage  # (n, n)
    similarity: FloatImage  # (n, n) structural, 1 alike
    scores: FloatImage  # (n, n), 1.0 the limit
    ring_light: FloatImage  # (n_radius,) median light of the face around the fiber
    ring_normal: FloatImage  # (n_radius,) that of the archetype
    ring_limit: FloatImage  # (n_radius,) how far a ring may depart, of those looked at one by one; inf: any amount
    ring_scores: FloatImage  # (n_radius,) of the worst scale, 1.0 the limit
