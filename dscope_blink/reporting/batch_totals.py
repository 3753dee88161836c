"""What a whole batch comes to, counted while its inspections stream by: none of them is kept."""

from __future__ import annotations

import math
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

from dscope_blink.records import Comparison, Criteria, Inspection, Provenance, Verdict

_BIN = 1.02  # times are counted in bins of 2 %: medians are right to 1 %, and a million images take no more memory
NEWEST = 1000  # faces tell whether a batch drifts; a watch goes on for ever
_SHORTEST_S = 1e-7  # has a logarithm


@dataclass(frozen=True, slots=True)
class Run:
    """Images of one program, profile, configuration and calibration, and when the first and the last was inspected."""

    images: int
    first: str
    last: str


@dataclass(slots=True)
class Yield:
    """How many passed of those that were asked for: of a batch, or of a part of one."""

    statuses: Counter[str] = field(default_factory=lambda: Counter(PASS=0, FAIL=0, NOT_GRADED=0))

    @property
    def images(self) -> int:
        """All of them."""
        return self.statuses.total()

    @property
    def graded(self) -> int:
        """Those that passed or failed."""
        return self.statuses["PASS"] + self.statuses["FAIL"]

    @property
    def yield_pct(self) -> float | None:
        """PASS over all that were asked for, whatever kept them from being graded; None when there are none."""
        return 100 * self.statuses["PASS"] / self.images if self.images else None

    @property
    def yield_text(self) -> str:
        """What the yield is of, which no share tells."""
        return f"{self.graded} of {self.images} graded, {self.statuses['PASS']} pass"


@dataclass(slots=True)
class Totals(Yield):
    """Counts of a batch so far."""

    marginal: int = 0
    not_measured: int = 0  # of those not graded: unreadable, not located, out of focus
    not_drawn: int = 0  # that lack a file, which failed while it was drawn
    resumed: int = 0  # finished by an earlier run
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)  # images by status and what kept them from PASS
    criteria: Counter[Criteria] = field(default_factory=Counter)
    scale_sources: Counter[str] = field(default_factory=Counter)
    beside_good: Counter[str] = field(default_factory=Counter)  # images by what a reference says of them
    newest: deque[Comparison] = field(default_factory=lambda: deque(maxlen=NEWEST))  # without their places
    runs: dict[Provenance, Run] = field(default_factory=dict)  # by provenance without its time
    _times: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, inspection: Inspection, resumed: bool = False) -> None:
        """Count one more image."""
        self.not_measured += not inspection.was_measured
        self.not_drawn += any(warning.kind == "not_drawn" for warning in inspection.quality.warnings)
        self.resumed += resumed
        self.statuses[inspection.verdict.status] += 1
        self.marginal += inspection.verdict.marginal
        self.reasons.update((inspection.verdict.status, reason) for reason in reasons_of(inspection.verdict))
        self.criteria[inspection.criteria] += 1
        self.scale_sources[inspection.scale.source if inspection.scale else "none"] += 1
        if inspection.reference is not None:
            self.beside_good[inspection.reference.status] += 1
            self.newest.append(replace(inspection.reference, anomalies=()))
        self._add_run(inspection.provenance)
        for stage, seconds in inspection.timings_s.items():
            self._times[stage][math.floor(math.log(max(seconds, _SHORTEST_S), _BIN))] += 1

    def _add_run(self, made: Provenance) -> None:
        key, now = replace(made, started=""), made.started
        run = self.runs.get(key, Run(0, now, now))
        self.runs[key] = Run(run.images + 1, min(run.first, now), max(run.last, now))

    @property
    def in_words(self) -> str:
        """The counts in one line."""
        resumed = f"; {self.resumed} finished before" if self.resumed else ""
        statuses = ", ".join(f"{count} {status}" for status, count in self.statuses.items())
        not_drawn = f"; {self.not_drawn} not drawn in full" if self.not_drawn else ""
        return f"{statuses} ({self.not_measured} could not be measured){not_drawn}{resumed}"

    @property
    def unconfirmed(self) -> tuple[Criteria, ...]:
        """Limits that were judged by and are not confirmed."""
        return tuple(criteria for criteria in self.criteria if criteria.zones and not criteria.confirmed)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many passed, failed, were not graded, could not be measured, were finished before."""
        passed, failed, not_graded = (self.statuses[status] for status in ("PASS", "FAIL", "NOT_GRADED"))
        graded = {"passed": passed, "failed": failed, "not_graded": not_graded}
        return {**graded, "not_measured": self.not_measured, "resumed": self.resumed}

    def medians_s(self) -> Mapping[str, float]:
        """The median time of each stage, the slowest first."""
        medians = {stage: _median(bins) for stage, bins in self._times.items()}
        return dict(sorted(medians.items(), key=lambda item: -item[1]))


def _median(bins: Counter[int]) -> float:
    ordered: Sequence[int] = sorted(bins)
    reached = accumulate(bins[number] for number in ordered)
    middle = next(n for n, count in zip(ordered, reached, strict=True) if 2 * count >= bins.total())
    return _BIN ** (middle + 0.5)


def reasons_of(verdict: Verdict) -> tuple[str, ...]:
    """What kept an image from passing, without its own figures: the limits it broke, or why it was not graded."""
    if verdict.status == "NOT_GRADED":
        return tuple(dict.fromkeys(reason.title for reason in verdict.reasons))
    return tuple(dict.fromkeys(f"Zone {v.zone}: {v.rule}" for v in verdict.violations))
