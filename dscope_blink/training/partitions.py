"""How well two ways of sorting the same things agree: counted in a table, whatever they are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import comb
from typing import Any, TypeAlias

Table: TypeAlias = Mapping[tuple[Any, Any], int]  # how many things are of a kind in the first way and in the second


def purity(table: Table) -> float:
    """Share of things that are of the commonest first kind among those of their second kind; NaN of nothing.

    C. D. Manning, P. Raghavan, H. Schuetze, "Introduction to Information Retrieval", 2008, section 16.3.
    """
    largest: Counter[Any] = Counter()
    for (_, second), count in table.items():
        largest[second] = max(largest[second], count)
    total = sum(table.values())
    return sum(largest.values()) / total if total else float("nan")


def adjusted_rand(table: Table) -> float:
    """1: the same groups; 0: as by chance; NaN of fewer than two things.

    L. Hubert, P. Arabie, "Comparing partitions", Journal of Classification 2, 1985, DOI 10.1007/BF01908075.
    """
    total = sum(table.values())
    if total < 2:
        return float("nan")
    first: Counter[Any] = Counter()
    second: Counter[Any] = Counter()
    for (one, other), count in table.items():
        first[one] += count
        second[other] += count
    pairs, ones, others = (sum(comb(count, 2) for count in some.values()) for some in (table, first, second))
    by_chance = ones * others / comb(total, 2)
    most = (ones + others) / 2
    return 1.0 if most == by_chance else (pairs - by_chance) / (most - by_chance)
