"""Names for clusters of marks: the first of stated rules that the middle of a cluster keeps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Bound:
    """One thing that a rule asks of the median mark of a cluster."""

    feature: str  # of type_features.FEATURES
    side: Literal["at least", "at most"]
    limit: float

    def holds(self, centroid: Mapping[str, float]) -> bool:
        """False of what was not measured."""
        value = centroid[self.feature]
        return math.isfinite(value) and (value >= self.limit if self.side == "at least" else value <= self.limit)


@dataclass(frozen=True, slots=True)
class Rule:
    """A name, and what it takes to bear it."""

    name: str
    bounds: tuple[Bound, ...]

    @property
    def asks(self) -> str:
        """All of it in words."""
        said = (f"{bound.feature} {bound.side} {bound.limit:g}" for bound in self.bounds)
        return " and ".join(said) or "all others"

    def __str__(self) -> str:
        return f"{self.name}: {self.asks}"


# By what the kinds are. Lines first: a scratch is a straight one, which fills its convex hull; a crack is jagged and
# branched, and does not. A chip breaks out of the cladding edge; a pit is a compact dark hole; all else lies on the
# face. The limits lie between the medians of clusters of rendered marks (benchmarks/defect_types.py, the fitted side).
RULES = (
    Rule("scratch", (Bound("log_aspect_ratio", "at least", 0.7), Bound("solidity", "at least", 0.5))),
    Rule("crack", (Bound("solidity", "at most", 0.5), Bound("contrast", "at most", -0.05))),
    Rule("chip", (Bound("radius_in_claddings", "at least", 0.94), Bound("radius_in_claddings", "at most", 1.02))),
    Rule("pit_dig", (Bound("circularity", "at least", 0.9), Bound("contrast", "at most", -0.05))),
    Rule("contamination", ()),
)


def rule_for(centroid: Mapping[str, float]) -> Rule:
    """The rule that names a cluster; its centroid by the names of the features, NaN: not measured."""
    return next(rule for rule in RULES if all(bound.holds(centroid) for bound in rule.bounds))
