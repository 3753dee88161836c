"""Every profile, and every detector alone, on the same pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from benchmarks.validation.bench import Bench, default_config, variants
from benchmarks.validation.photographs import Figures, Photograph, inspect_photograph, labelled, scored
from benchmarks.validation.truth import Face, blemished_of, clean_of
from dscope_blink.records import Inspection


@dataclass(frozen=True, slots=True)
class Variant:
    """What one variant makes of the pictures."""

    clean: list[Face]
    blemished: list[Face]
    photographs: Figures | None  # of the scorer; None: absent


def compared(bench: Bench) -> Mapping[str, Variant]:
    """Inspect the same pictures with all variants."""
    jobs = list(product(variants(), range(bench.plan.compared)))
    return _by_variant(bench, bench.run(clean_of, jobs), bench.run(blemished_of, jobs), photograph_figures(bench))


def _by_variant(
    bench: Bench, clean: list[Face], blemished: list[Face], photographs: Mapping[str, Figures]
) -> Mapping[str, Variant]:
    n = bench.plan.compared
    return {
        name: Variant(clean[k * n : (k + 1) * n], blemished[k * n : (k + 1) * n], photographs.get(name))
        for k, name in enumerate(variants())
    }


def photograph_figures(bench: Bench) -> Mapping[str, Figures]:
    """The scores of each variant on the photographs; none where there are no photographs."""
    if bench.shared is None:
        return {}
    pictures = bench.plan.some(labelled(bench.shared, default_config()))
    jobs = list(product(variants(), pictures))
    seen = bench.run(_inspected, jobs)
    return {
        name: scored(bench.shared, [(p, i) for (variant, p), i in zip(jobs, seen, strict=True) if variant == name])
        for name in variants()
    }


def _inspected(job: tuple[str, Photograph]) -> Inspection:
    return inspect_photograph(job[1], variants()[job[0]])
